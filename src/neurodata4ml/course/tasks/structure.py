"""Tasks of notebook 10: structure and hierarchy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.reliability.variability import noise_correlations
from neurodata4ml.course.answers import Off, is_near, number
from neurodata4ml.course.task import Task


def delay(answer: Any, *, latency: xr.DataArray, order: Sequence[str]) -> str:
    """From the first to the last area, per step: how long a stimulus takes."""
    said = number(answer, "the time for one step")
    medians = [float(latency[(latency["area"] == area).values].median()) for area in order]
    steps = len(medians) - 1
    right = (medians[-1] - medians[0]) / steps
    near = max(0.15 * abs(right), 1e-4)
    if is_near(said, right, within=near):
        return f"{1e3 * right:.0f} ms a step: enough for a synapse, a membrane and a few spikes, and not for a loop."
    if is_near(said, right * steps, within=near):
        message = "this is the time from the first area to the last; how many steps are in between?"
        raise Off(message)
    if is_near(said, right * steps / (steps + 1), within=0.3 * near):
        message = f"{steps + 1} areas are {steps} steps apart."
        raise Off(message)
    if is_near(said, 1e3 * right, within=1e3 * near):
        message = "these are milliseconds; give seconds."
        raise Off(message)
    if is_near(said, -right, within=near):
        message = "the sign: the last area less the first."
        raise Off(message)
    message = f"{said:.3g} s is not it: the median latency of the last area less that of the first, per step."
    raise Off(message)


def time_constant(answer: Any, *, lag: np.ndarray, correlation: np.ndarray) -> str:
    """The time constant of a decay that ends above zero."""
    said = number(answer, "the time constant")
    lag, correlation = np.asarray(lag, dtype=float), np.asarray(correlation, dtype=float)
    ratio = (correlation[1] - correlation[2]) / (correlation[0] - correlation[1])
    right = float(-(lag[1] - lag[0]) / np.log(ratio))
    if is_near(said, right, within=0.1 * right):
        return f"{1e3 * right:.0f} ms. What is left for ever is slower than the window: attention, arousal, drift."
    straight = float(-1 / np.polyfit(lag, np.log(correlation), 1)[0])
    if is_near(said, straight, within=0.05 * straight):
        message = "a line through the logarithms takes the floor for decay: fit A (exp(-lag / tau) + B)."
        raise Off(message)
    below = lag[correlation < correlation[0] / np.e]
    if len(below) and is_near(said, float(below[0]), within=0.26 * (lag[1] - lag[0])):
        message = "this is where it has fallen to 1/e of the first one; it began after one lag, and ends above zero."
        raise Off(message)
    if is_near(said, 1 / right, within=0.1 / right):
        message = "this is its inverse, a rate in 1/s."
        raise Off(message)
    if is_near(said, 1e3 * right, within=100 * right):
        message = "these are milliseconds; give seconds."
        raise Off(message)
    message = f"{said:.3g} s is not it. Fit A (exp(-lag / tau) + B), with three parameters."
    raise Off(message)


def within_and_between(answer: Any, *, counts: xr.DataArray) -> str:
    """By how much noise correlations within areas exceed those between areas."""
    said = number(answer, "the difference")
    found = noise_correlations(counts)
    same = np.equal.outer(found["area"].values, found["area2"].values)
    right = _gap(found.values, same)
    near = max(0.03 * abs(right), 1e-4)
    if is_near(said, right, within=near):
        return f"{right:.3f}: units of one area share what the stimulus does not explain."
    with_ones = found.values.copy()
    np.fill_diagonal(with_ones, 1.0)
    total = np.corrcoef(counts.transpose("trial", "unit").values.T)
    np.fill_diagonal(total, np.nan)
    sentences = [
        (_gap(with_ones, same), "each unit with itself is in it: the ones of the diagonal are no pairs."),
        (_gap(total, same), "the stimulus is in it: take its mean response from every trial first."),
        (float(np.nanmean(found.values[same])), "this is the mean within areas; less the mean between areas."),
        (float(np.nanmean(found.values[~same])), "this is the mean between areas."),
        (float(np.nanmean(found.values)), "this is the mean over all pairs."),
        (-right, "the sign: within less between."),
    ]
    for wrong, why in sentences:
        if is_near(said, wrong, within=near):
            raise Off(why)
    message = f"{said:.4g} is not it: mean noise correlation of pairs within an area, less that of pairs of two areas."
    raise Off(message)


def _gap(correlations: np.ndarray, same: np.ndarray) -> float:
    return float(np.nanmean(correlations[same]) - np.nanmean(correlations[~same]))


def smallest_p(answer: Any) -> str:
    """The smallest two-sided p that four areas in order can have."""
    said = number(answer, "the smallest p")
    if is_near(said, 2 / 24, within=0.002):
        return "2 / 24 = 0.083: four areas cannot pass a level of 0.05, however many units were recorded in them."
    sentences = {
        1 / 24: "this is one-sided: the order turned round is as far from chance.",
        1 / 4: "4 areas can be put in 4 factorial orders, not in 4.",
        2 / 4: "4 areas can be put in 4 factorial orders, not in 4.",
        2 / 16: "areas are put in orders, each once: 4 factorial, not 4 squared.",
        1 / 16: "areas are put in orders, each once: 4 factorial, not 4 squared.",
        0.0: "p is a share of all orders, and the observed one is among them.",
        0.05: "this is a level; which p can be reached?",
        24.0: "this is the number of orders; which share of them is as extreme?",
    }
    for wrong, why in sentences.items():
        if is_near(said, wrong, within=1e-3):
            raise Off(why)
    message = f"{said:.4g} is not it: of all orders of 4 areas, which share has a rank correlation of 1 or -1?"
    raise Off(message)


TASKS: dict[str, Task] = {
    "10-1A": Task("The time that a stimulus takes for one step from area to area, in seconds.", delay),
    "10-2A": Task("The time constant of a decay that ends above zero, in seconds.", time_constant),
    "10-3A": Task("By how much noise correlations within areas exceed those between areas.", within_and_between),
    "10-4A": Task("The smallest two-sided p that the order of four areas can have.", smallest_p),
}
