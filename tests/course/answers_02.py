"""Answers to notebook 02: reading a decision."""

from __future__ import annotations

from functools import cache

import numpy as np
import xarray as xr
from course_answers import Answers
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_score, recall_score

import neurodata4ml as nd


@cache
def found() -> xr.Dataset:
    """A score that is above chance in step 1, by an uncorrected p in step 2, and truly from step 3 on."""
    steps = {
        "score": [0.48, 0.52, 0.58, 0.7, 0.9, 0.8],
        "chance": [0.5] * 6,
        "p_value": [0.7, 0.4, 0.04, 0.01, 0.01, 0.01],
        "p_value_corrected": [1.0, 0.9, 0.3, 0.02, 0.01, 0.01],
    }
    time = -0.25 + 0.1 * np.arange(6)
    return xr.Dataset({name: ("time", values) for name, values in steps.items()}, {"time": time})


@cache
def parts() -> dict[str, xr.DataArray]:
    """Three areas: of the picture, of the choice, of nothing."""
    rng = np.random.default_rng(2)
    picture = rng.standard_normal(300)
    choice = np.where(picture + rng.standard_normal(300) > 0, 1, -1)
    coords = {"picture": ("trial", picture), "choice": ("trial", choice), "start_time": ("trial", np.arange(300.0))}
    noise = rng.standard_normal((3, 300, 8))
    drives = {"V1": picture[:, None], "MOs": 0.7 * choice[:, None], "none": np.zeros((300, 1))}
    dims = ("trial", "unit")
    return {
        name: xr.DataArray(drive + own, dims=dims, coords=coords)
        for (name, drive), own in zip(drives.items(), noise, strict=True)
    }


def by_hand(parts: dict[str, xr.DataArray], target: str, seen: str, level: float = 0.05) -> list[str]:
    """Take the picture out with one regression over all trials before decoding."""
    found = []
    for name, x in parts.items():
        line = np.column_stack([np.ones(x.sizes["trial"]), x[seen].values])
        rest = x.copy(data=x.values - line @ np.linalg.lstsq(line, x.values, rcond=None)[0])
        if float(nd.decode(rest, target, n_shuffles=39).p_value) < level:
            found.append(name)
    return found


ANSWERS = {
    "02-1A": Answers(
        given=lambda: {"found": found()},
        right={
            "where": lambda found: float(found.time[(found.p_value_corrected < 0.05).values][0]),
            "by position": lambda found: found.time.isel(time=np.argmax(found.p_value_corrected.values < 0.05)),
            "in words of numpy": lambda found: np.round(found.time.values[3], 2),
        },
        wrong={
            "without correction": (lambda found: found.time.values[2], "take p_value_corrected"),
            "the best": (lambda found: found.time.values[4], "since when"),
            "above chance": (lambda found: found.time.values[1], "labels without meaning"),
            "a number of steps": (lambda found: 3, "number of the step"),
            "milliseconds": (lambda found: 50.0, "give seconds"),
        },
    ),
    "02-2A": Answers(
        given=lambda: {"parts": parts(), "target": "choice", "seen": "picture"},
        right={
            "confounds": lambda parts, target, seen: [
                name for name, x in parts.items() if float(nd.decode(x, target, confounds=seen).p_value) < 0.05
            ],
            "by hand": by_hand,
            "one name": lambda parts, target, seen: "MOs",
            "a set": lambda parts, target, seen: {"MOs"},
        },
        wrong={
            "with the picture": (lambda parts, target, seen: ["V1", "MOs"], "Take it out: confounds="),
            "the picture alone": (lambda parts, target, seen: "V1", "is not what is left"),
            "all": (lambda parts, target, seen: list(parts), "is not what is left"),
            "none": (lambda parts, target, seen: [], "at least one area still tells"),
            "no area": (lambda parts, target, seen: ["V2"], "'V2' is no area of this recording"),
        },
    ),
    "02-3A": Answers(
        given=dict,
        right={
            "mean recall": lambda: lambda true, told: np.mean([np.mean(told[true == c] == c) for c in np.unique(true)]),
            "scikit-learn": lambda: balanced_accuracy_score,
            "recall_score": lambda: lambda true, told: recall_score(true, told, average="macro"),
        },
        wrong={
            "accuracy": (lambda: accuracy_score, "this is plain accuracy"),
            "precision": (
                lambda: lambda true, told: precision_score(true, told, average="macro", zero_division=0),
                "mean precision",
            ),
            "exchanged": (
                lambda: lambda true, told: balanced_accuracy_score(told, true),
                "told are exchanged",
            ),
            "one class": (lambda: lambda true, told: np.mean(told[true == "a"] == "a"), "first class alone"),
            "constant": (lambda: lambda true, told: 0.5, "for three unequal classes it gives"),
        },
    ),
    "02-3B": Answers(
        given=dict,
        right={"as it is": lambda: 9999, "a round number": lambda: 10_000, "computed": lambda: 1 / (0.001 / 10) - 1},
        wrong={
            "for one test": (lambda: 999, "enough for one test"),
            "a hundred": (lambda: 100, "smallest p is about"),
            "the threshold": (lambda: 0.0001, "this is a threshold"),
            "too many": (lambda: 100_000, "too many"),
        },
    ),
    "02-4A": Answers(
        given=dict,
        right={"a number": lambda: 1, "of numpy": lambda: np.int64(1), "in a list": lambda: [1]},
        wrong={
            "images": (lambda: 0, "the same images are in training and test"),
            "drift": (lambda: 2, "stay the same for a block"),
            "unequal": (lambda: 3, "one class is so frequent"),
            "another": (lambda: 4, "the recordings are 0 to 3"),
        },
    ),
}
