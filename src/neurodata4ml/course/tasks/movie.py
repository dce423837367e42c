"""Tasks of notebook 05: predicting a movie."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.course.answers import Off, function, is_near, number, values
from neurodata4ml.course.task import Task


def best_lag(answer: Any, *, scores: xr.DataArray) -> str:
    """The lag at which features alone predict the last area best."""
    said = number(answer, "the lag")
    last = scores.isel(area=-1)
    lags = scores["lag"].values
    step = float(np.diff(lags).min()) if lags.size > 1 else 1.0
    right = float(lags[int(last.values.argmax())])
    if is_near(said, right, within=0.3 * step):
        return f"{1e3 * right:.0f} ms: what the area says now, the screen said then."
    first = float(lags[int(scores.isel(area=0).values.argmax())])
    if scores.sizes["area"] > 1 and is_near(said, first, within=0.3 * step):
        message = f"this is the lag of {scores['area'].values[0]}, the other area."
        raise Off(message)
    if is_near(said, 1e3 * right, within=300 * step):
        message = "these are milliseconds; give seconds."
        raise Off(message)
    if is_near(said, float(last.values.argmax()), within=1e-9):
        message = "this is a number of frames; a frame lasts a thirtieth of a second. Give seconds."
        raise Off(message)
    if is_near(said, float(last.max()), within=1e-6):
        message = "this is the score at that lag; which lag is it?"
        raise Off(message)
    message = f"{said:.3g} s is not where the line of {last['area'].values} is highest."
    raise Off(message)


def accuracy(answer: Any) -> str:
    """The share of samples whose own candidate is the most similar, as a function of a matrix."""
    share = function(answer, "your function")
    rng = np.random.default_rng(4)
    matrix = rng.standard_normal((40, 40)) + 1.5 * np.eye(40)
    matrix[:, 7] += 2.0
    found = number(share(matrix.copy()), "what your function gives")
    right = float(np.mean(matrix.argmax(axis=1) == np.arange(40)))
    if is_near(found, right, within=1e-9):
        return f"{right:.0%} here, where a guess is right in {1 / 40:.1%}."
    other = float(np.mean(matrix.argmax(axis=0) == np.arange(40)))
    if is_near(found, other, within=1e-9):
        message = "rows are what was observed: look for the best candidate within each row, not within each column."
        raise Off(message)
    if is_near(found, 40 * right, within=1e-9):
        message = "this is how many; which share is it?"
        raise Off(message)
    if is_near(found, float(np.mean(np.diag(matrix))), within=1e-9):
        message = "this is the mean similarity with the own candidate; is it larger than with all others?"
        raise Off(message)
    beaten = float(np.mean(matrix < np.diag(matrix)[:, None]) * 40 / 39)
    if is_near(found, beaten, within=0.03):
        message = "this is the share of rivals that are beaten; here all of them must be."
        raise Off(message)
    message = f"for a matrix of 40 samples with a share of {right:.3g} this gives {found:.3g}."
    raise Off(message)


def near_by_chance(answer: Any, *, time: np.ndarray, within: float) -> str:
    """How often a guess falls near the true frame."""
    said = number(answer, "the share")
    distance = np.abs(np.subtract.outer(np.asarray(time), np.asarray(time)))
    right = float(np.mean(distance <= within + 1e-9))
    n = len(np.asarray(time))
    if is_near(said, right, within=max(0.04 * right, 1.5 / n)) and not is_near(said, 1 / n, within=0.2 / n):
        return f"{right:.1%}, not {1 / n:.2%}: frames near each other look alike, and near is easy."
    if is_near(said, 1 / n, within=0.2 / n):
        message = "this is the chance of the very frame; every frame that is near enough counts."
        raise Off(message)
    if is_near(said, right / 2, within=0.06 * right):
        message = "there are frames before and after."
        raise Off(message)
    if is_near(said, 100 * right, within=8 * right):
        message = "this is in percent; give a share between 0 and 1."
        raise Off(message)
    if is_near(said, right * n, within=0.06 * right * n):
        message = "this is how many frames are near; of how many?"
        raise Off(message)
    message = f"{said:.3g} is not it: of {n} frames, how many lie within {within:g} s of one, on average?"
    raise Off(message)


def read_back(answer: Any, *, shown: xr.DataArray, told: xr.DataArray) -> str:
    """How alike each frame that was read back and the one that was shown are."""
    like = shown.isel({dim: 0 for dim in shown.dims if dim != "time"}, drop=True)
    said = values(answer, "the correlations", like=like)
    one, two = (np.asarray(x.transpose("time", ...).values, dtype=float).reshape(like.size, -1) for x in (shown, told))
    with np.errstate(invalid="ignore", divide="ignore"):
        right = _row_correlations(one, two)
        over_time = _row_correlations(one.T, two.T)
    known = np.isfinite(right)
    if is_near(said[known], right[known], within=1e-3):
        return f"{np.median(right[known]):.2f} for the median frame, from frames the model has not been shown."
    if is_near(said[known], right[known] ** 2, within=1e-3):
        message = "this is r squared; give r, whose sign says whether the picture is there or its negative."
        raise Off(message)
    if is_near(said[known], 1 - right[known], within=1e-3):
        message = "this is a distance, 1 - r."
        raise Off(message)
    if np.nanmax(np.abs(said)) > 1 + 1e-6:
        message = "a correlation lies between -1 and 1: take the mean of each frame away, and divide by both lengths."
        raise Off(message)
    if len(np.unique(np.round(said, 9))) == 1 or is_near(np.median(said), np.nanmedian(over_time), within=1e-3):
        message = "this is not one number for each frame over its pixels, but each pixel's over time, or their mean."
        raise Off(message)
    message = "over the pixels of each frame, correlate what was shown with what was told."
    raise Off(message)


def _row_correlations(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    one, two = (x - x.mean(axis=1, keepdims=True) for x in (one, two))
    return np.asarray((one * two).sum(axis=1) / np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1)))


TASKS: dict[str, Task] = {
    "05-1A": Task("The lag, in seconds, at which features alone predict the last area best.", best_lag),
    "05-2A": Task(
        "A function of similarities (observed, candidate) that gives the share of samples that are identified.",
        accuracy,
    ),
    "05-2B": Task("The share of guesses that fall within `within` seconds of the true frame.", near_by_chance),
    "05-3A": Task("For each frame, the correlation over pixels of what was shown with what was told.", read_back),
}
