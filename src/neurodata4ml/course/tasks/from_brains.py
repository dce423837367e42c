"""Tasks of notebook 06: learning from brains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.course.answers import Off, function, is_near, labels, number, word
from neurodata4ml.course.task import Task


def weights(answer: Any) -> str:
    """Weights of training stimuli from how clear each was to the brain, as a function."""
    weigh = function(answer, "your function")
    rng = np.random.default_rng(2)
    c, strength = rng.random(50), 4.0
    try:
        found = np.asarray(weigh(c.copy(), strength), dtype=float)
    except (TypeError, ValueError) as error:
        message = f"your function of c (an array) and strength (a number) ended with: {error}"
        raise Off(message) from None
    if found.shape != c.shape:
        message = f"it should give one weight for each stimulus, shape {c.shape}; it gives shape {found.shape}."
        raise Off(message)
    plain = 1 + strength * c
    right = plain / plain.mean()
    if is_near(found, right, within=1e-6):
        return f"from {right.min():.2f} to {right.max():.2f}, and one on average: only who counts has changed."
    sentences = [
        (plain, "their mean is not one: then all stimuli count more, which is a softer penalty, not a weighting."),
        (plain / plain.sum(), "they add up to one; their mean should be one."),
        (c / c.mean(), "a stimulus that is not clear at all would count nothing: 1 + strength * c."),
        ((1 + c) / (1 + c).mean(), "the strength is not in it."),
        (1 + strength * c / c.mean(), "divide the whole weight by its mean, not c alone."),
    ]
    for wrong, said in sentences:
        if is_near(found, wrong, within=1e-6):
            raise Off(said)
    message = (
        f"for c from 0 to 1 and a strength of {strength:g} the weights are from {right.min():.2f} to {right.max():.2f}."
    )
    raise Off(message)


def corrected_test(answer: Any) -> str:
    """p of the corrected resampled t-test, as a function of differences and sizes."""
    test = function(answer, "your function")
    differences = np.random.default_rng(8).normal(0.02, 0.03, size=25)
    n_train, n_test = 70, 30
    found = number(test(differences.copy(), n_train, n_test), "the p-value")

    def p(share: float, *, sides: int = 2) -> float:
        t = differences.mean() / np.sqrt(differences.var(ddof=1) * share)
        return float(sides * stats.t.sf(abs(t), len(differences) - 1))

    n = len(differences)
    right = p(1 / n + n_test / n_train)
    if is_near(found, right, within=1e-4) or is_near(found, right, within=0.02 * right):
        return f"{right:.2f}, where a plain t-test over the splits says {p(1 / n):.3f}."
    sentences = [
        (p(1 / n), "this is the plain t-test: its splits share their stimuli, so the mean varies far more."),
        (p(1 / n + n_train / n_test), "n_test over n_train, not the other way round."),
        (p(1 / n + n_test / n_train, sides=1), "this is one-sided; the gain could have been a loss."),
        (p(n_test / n_train), "1 / n is missing: the splits are not all the same."),
        (1 - right, "this is one minus p."),
    ]
    for wrong, said in sentences:
        if is_near(found, wrong, within=1e-4):
            raise Off(said)
    message = (
        f"for 25 differences it gives {found:.3g}: the variance of their mean is var * (1 / n + n_test / n_train)."
    )
    raise Off(message)


def right_control(answer: Any) -> str:
    """Which control asks whether a brain was needed."""
    said = word(answer, "the control", among=("none", "shuffled", "noise", "own"))
    if said == "own":
        return "if the features' own read-out knows as well which pictures are clear, no animal had to be recorded."
    raise Off(
        {
            "none": "any weights that spare unclear pictures may beat equal ones; nobody asked whose they were.",
            "shuffled": "this asks whether it matters which picture of a class gets which weight; not who knew it.",
            "noise": "this asks whether any weights at all would do; a better rival knows the pictures, but no brain.",
        }[said]
    )


def strengths(answer: Any, *, found: Mapping[float, xr.Dataset]) -> str:
    """Strengths at which the brain's weights beat those exchanged within classes."""
    listed = labels(answer, "the strengths")
    if any(isinstance(one, str) for one in listed):
        message = f"the strengths are numbers; this has {next(one for one in listed if isinstance(one, str))!r}."
        raise Off(message)
    said = sorted(float(one) for one in listed)
    p = {float(s): one["p_value"].sel(weighting="shuffled").item() for s, one in found.items()}
    better = {float(s): one["gain"].sel(weighting="shuffled").item() > 0 for s, one in found.items()}
    right = sorted(s for s in p if p[s] < 0.05 and better[s])
    if said == right:
        told = ", ".join(f"{s:g}" for s in right) or "none"
        return f"{told}: there it matters which picture gets which weight. The source took a strength of 1."
    if any(s not in p for s in said):
        message = f"the strengths are {', '.join(f'{s:g}' for s in p)}."
        raise Off(message)
    for other, why in (("none", "all weights alike"), ("noise", "weights from noise"), ("own", "the features' own")):
        theirs = sorted(float(s) for s, one in found.items() if one["p_value"].sel(weighting=other) < 0.05)
        if said == theirs:
            message = f"these are the strengths at which they beat {why}; here the weights are exchanged in classes."
            raise Off(message)
    if said == sorted(s for s in better if better[s]):
        message = "there the mean gain is above zero; is its p-value below 0.05?"
        raise Off(message)
    message = "look up p_value at weighting='shuffled' for each strength."
    raise Off(message)


TASKS: dict[str, Task] = {
    "06-1A": Task("A function of c and strength that gives the weights, of mean one.", weights),
    "06-2A": Task(
        "A function of differences, n_train and n_test that gives the p of the corrected t-test.", corrected_test
    ),
    "06-2B": Task("The control (none, shuffled, noise, own) that asks whether a brain was needed.", right_control),
    "06-3A": Task("The strengths at which the brain's weights beat those exchanged within classes: a list.", strengths),
}
