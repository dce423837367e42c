"""Answers to notebook 05: predicting a movie."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import xarray as xr
from course_answers import Answers


@cache
def scores() -> xr.DataArray:
    values = [[0.2, 0.3, 0.25, 0.1, 0.1], [0.1, 0.2, 0.3, 0.42, 0.4]]
    return xr.DataArray(values, {"area": ["V1", "V2"], "lag": np.arange(5) / 30}, ("area", "lag"))


def times() -> np.ndarray:
    return np.arange(300) / 30


@cache
def pictures() -> tuple[xr.DataArray, xr.DataArray]:
    rng = np.random.default_rng(0)
    shown = xr.DataArray(rng.random((20, 4, 4)), {"time": np.arange(20) / 30}, ("time", "y", "x"))
    return shown, shown + 0.3 * rng.standard_normal(shown.shape)


def alike(shown: xr.DataArray, told: xr.DataArray) -> np.ndarray:
    pairs = zip(shown.values, told.values, strict=True)
    return np.array([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs])


ANSWERS = {
    "05-1A": Answers(
        given=lambda: {"scores": scores()},
        right={
            "idxmax": lambda scores: scores.isel(area=-1).idxmax("lag"),
            "a number": lambda scores: 0.1,
            "three frames": lambda scores: 3 / 30,
        },
        wrong={
            "the other area": (lambda scores: 1 / 30, "this is the lag of V1"),
            "milliseconds": (lambda scores: 100, "these are milliseconds"),
            "frames": (lambda scores: 3, "number of frames"),
            "the score": (lambda scores: 0.42, "the score at that lag"),
            "none": (lambda scores: 0.0, "is not where the line of V2 is highest"),
        },
    ),
    "05-2A": Answers(
        given=dict,
        right={
            "argmax": lambda: lambda s: np.mean(np.argmax(s, axis=1) == np.arange(len(s))),
            "rivals": lambda: lambda s: np.mean([row[k] >= row.max() for k, row in enumerate(s)]),
            "pandas": lambda: lambda s: (pd.DataFrame(s).idxmax(axis=1) == pd.RangeIndex(len(s))).mean(),
        },
        wrong={
            "columns": (lambda: lambda s: np.mean(np.argmax(s, axis=0) == np.arange(len(s))), "within each row"),
            "how many": (lambda: lambda s: np.sum(np.argmax(s, axis=1) == np.arange(len(s))), "this is how many"),
            "similarity": (lambda: lambda s: np.mean(np.diag(s)), "the mean similarity"),
            "beaten": (
                lambda: lambda s: np.mean([(np.delete(row, k) < row[k]).mean() for k, row in enumerate(s)]),
                "share of rivals that are beaten",
            ),
        },
    ),
    "05-2B": Answers(
        given=lambda: {"time": times(), "within": 0.5},
        right={
            "all pairs": lambda time, within: np.mean(np.abs(np.subtract.outer(time, time)) <= within + 1e-9),
            "by hand": lambda time, within: 31 / 300,
            "a simulation": lambda time, within: np.mean(
                np.abs(time - np.random.default_rng(0).choice(time, (4000, len(time)))) <= within + 1e-9
            ),
        },
        wrong={
            "the frame": (lambda time, within: 1 / 300, "the very frame"),
            "one side": (lambda time, within: 15 / 300, "before and after"),
            "percent": (lambda time, within: 100 * 30.2 / 300, "in percent"),
            "how many": (lambda time, within: 30.2, "of how many"),
            "half": (lambda time, within: 0.5, "is not it: of 300 frames"),
        },
    ),
    "05-3A": Answers(
        given=lambda: dict(zip(("shown", "told"), pictures(), strict=True)),
        right={
            "xarray": lambda shown, told: xr.corr(shown, told, dim=["y", "x"]),
            "numpy": alike,
            "a list": lambda shown, told: list(alike(shown, told)),
        },
        wrong={
            "squared": (lambda shown, told: alike(shown, told) ** 2, "this is r squared"),
            "distance": (lambda shown, told: 1 - alike(shown, told), "this is a distance"),
            "not normalised": (
                lambda shown, told: (shown * told).sum(["y", "x"]),
                "between -1 and 1",
            ),
            "over time": (
                lambda shown, told: np.full(20, float(xr.corr(shown, told, dim="time").mean())),
                "not one number for each frame",
            ),
            "a picture": (lambda shown, told: xr.corr(shown, told, dim="time"), r"should be \(time\), shape \(20,\)"),
            "other pixels": (lambda shown, told: np.linspace(-0.2, 0.3, 20), "over the pixels of each frame"),
        },
    ),
}
