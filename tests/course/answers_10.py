"""Answers to notebook 10: structure and hierarchy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
import xarray as xr
from course_answers import Answers
from scipy.optimize import curve_fit

import neurodata4ml as nd

ORDER = ["V1", "LM", "AL", "AM"]
LAG = np.arange(1, 13) * 0.05
DECAY = 0.2 * (np.exp(-LAG / 0.14) + 0.4)


@cache
def latency() -> xr.DataArray:
    home = np.repeat(ORDER, 9)
    values = np.repeat([0.04, 0.055, 0.06, 0.085], 9) + 0.002 * np.tile(np.arange(-4, 5), 4)
    values[3] = np.nan
    return xr.DataArray(values, dims="unit", coords={"unit": np.arange(36), "area": ("unit", home)})


@cache
def counts() -> xr.DataArray:
    rng = np.random.default_rng(1)
    stimulus = np.tile(np.arange(5), 40)
    common = rng.standard_normal((200, 2)).repeat(6, axis=1)
    values = 10 + 3 * rng.standard_normal((5, 1))[stimulus] + common + 2 * rng.standard_normal((200, 12))
    coords = {"stimulus": ("trial", stimulus), "unit": np.arange(12), "area": ("unit", np.repeat(["a", "b"], 6))}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


def medians(latency: xr.DataArray, order: Sequence[str]) -> list[float]:
    return [float(np.nanmedian(latency.values[latency.area.values == area])) for area in order]


def gap(correlations: np.ndarray) -> float:
    same = np.equal.outer(np.arange(12) // 6, np.arange(12) // 6)
    return float(np.nanmean(correlations[same]) - np.nanmean(correlations[~same]))


def residual_correlations(counts: xr.DataArray) -> np.ndarray:
    frame = pd.DataFrame(counts.values)
    return (frame - frame.groupby(counts.stimulus.values).transform("mean")).corr().to_numpy()


def without_diagonal(correlations: np.ndarray) -> np.ndarray:
    return np.where(np.eye(12, dtype=bool), np.nan, correlations)


def fitted(lag: np.ndarray, correlation: np.ndarray) -> float:
    found = curve_fit(lambda t, a, tau, c: a * np.exp(-t / tau) + c, lag, correlation, p0=(0.2, 0.1, 0.05))
    return float(found[0][1])


ANSWERS = {
    "10-1A": Answers(
        given=lambda: {"latency": latency(), "order": ORDER},
        right={
            "ends": lambda latency, order: (medians(latency, order)[-1] - medians(latency, order)[0]) / 3,
            "differences": lambda latency, order: np.diff(medians(latency, order)).mean(),
            "an array": lambda latency, order: xr.DataArray(0.015),
        },
        wrong={
            "no steps": (lambda latency, order: 0.045, "first area to the last"),
            "areas": (lambda latency, order: 0.045 / 4, "4 areas are 3 steps apart"),
            "milliseconds": (lambda latency, order: 15, "give seconds"),
            "sign": (lambda latency, order: -0.015, "the last area less the first"),
            "other": (lambda latency, order: 0.1, "is not it"),
        },
    ),
    "10-2A": Answers(
        given=lambda: {"lag": LAG, "correlation": DECAY},
        right={
            "from drops": lambda lag, correlation: 0.05 / np.log(np.diff(correlation)[0] / np.diff(correlation)[1]),
            "a fit": fitted,
            "the number": lambda lag, correlation: 0.14,
        },
        wrong={
            "a line": (lambda lag, correlation: -1 / np.polyfit(lag, np.log(correlation), 1)[0], "takes the floor"),
            "a rate": (lambda lag, correlation: 1 / 0.14, "its inverse"),
            "milliseconds": (lambda lag, correlation: 140, "give seconds"),
            "other": (lambda lag, correlation: 0.03, "with three parameters"),
        },
    ),
    "10-3A": Answers(
        given=lambda: {"counts": counts()},
        right={
            "ours": lambda counts: gap(nd.noise_correlations(counts).values),
            "pandas": lambda counts: gap(without_diagonal(residual_correlations(counts))),
            "xarray": lambda counts: (lambda p: p.where(p.area == p.area2).mean() - p.where(p.area != p.area2).mean())(
                nd.noise_correlations(counts)
            ),
        },
        wrong={
            "diagonal": (lambda counts: gap(residual_correlations(counts)), "no pairs"),
            "stimulus": (
                lambda counts: gap(without_diagonal(np.corrcoef(counts.values.T))),
                "the stimulus is in it",
            ),
            "within": (
                lambda counts: float(
                    np.nanmean(without_diagonal(residual_correlations(counts))[:6, :6]) / 2
                    + np.nanmean(without_diagonal(residual_correlations(counts))[6:, 6:]) / 2
                ),
                "less the mean between areas",
            ),
            "sign": (lambda counts: -gap(without_diagonal(residual_correlations(counts))), "within less between"),
            "all": (lambda counts: float(nd.noise_correlations(counts).mean()), "over all pairs"),
        },
    ),
    "10-4A": Answers(
        given=dict,
        right={"a fraction": lambda: 2 / 24, "rounded": lambda: 0.083},
        wrong={
            "one side": (lambda: 1 / 24, "one-sided"),
            "of four": (lambda: 0.25, "4 factorial"),
            "zero": (lambda: 0, "among them"),
            "the level": (lambda: 0.05, "this is a level"),
            "orders": (lambda: 24, "number of orders"),
            "other": (lambda: 0.5e-3 + 0.3, "which share"),
        },
    ),
}
