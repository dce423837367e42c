"""Distances, reliability and ceilings in words: what noise does to them, and of what they are a limit."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.explained.phrasing import (
    MAPS,
    count,
    estimate,
    listed,
    number,
    percent,
    sentence,
    value_of,
)
from neurodata4ml.analysis.comparison.explained.tables import Parts
from neurodata4ml.analysis.dissimilarity.distances import DISTANCES

_TRIALS = "trials; these stimuli and these units are fixed"


def _precision(result: xr.DataArray) -> str | None:
    """Return which noise precision weighed the units of an RDM."""
    step = json.loads(result.attrs["steps"])[-1]
    found = step.get("precision", step.get("parameters", {}).get("precision"))
    return None if found is None else str(found)


def of_rdm(result: xr.DataArray) -> Parts:
    """Explain what ``rdm`` gives."""
    name = str(result.attrs["distance"])
    promise = DISTANCES[name]
    blind = [MAPS[change] for change in MAPS if change in promise.invariant_to]
    if promise.units == "squared" and _precision(result) is None:
        blind = [one + " (but for its square, in every distance)" * (one == MAPS["scale"]) for one in blind]
    elif _precision(result) == "diagonal":
        blind = [one for one in blind if one != MAPS["rotation"]]
    others = [str(dim) for dim in result.dims if dim not in ("stimulus", "stimulus2")]
    each = f", one RDM for each {listed(others)}" if others else ""
    asked = (
        f"How far apart the responses to every two of {count(result.sizes['stimulus'], 'stimulus', 'stimuli')} "
        f"are, by {name} distance{each}."
    )
    return [
        ("What is estimated", f"{asked} {_estimand(promise.unbiased, promise.zero_is_same)}"),
        ("The numbers", _distances(result)),
        ("What equal responses give", _equal_responses(result, promise.zero_is_same)),
        ("What changes nothing", sentence(listed(blind, 9)) if blind else "No map of the units leaves it as it is."),
        ("What would break it", _breaks(promise.on, promise.zero_is_same)),
        (
            "What it does not show",
            "Distances that share a stimulus are not independent of each other: test by exchanging stimuli, "
            "never entries. "
            "A distance says that the population keeps two stimuli apart; not which units do, nor that "
            "anything reads it.",
        ),
        ("Source", sentence(promise.reference)),
    ]


def of_reliability(result: xr.DataArray) -> Parts:
    """Explain what ``reliability`` gives."""
    values = result.values
    known = values[np.isfinite(values)]
    told = (
        "No unit has one: the mean responses of each never change."
        if not known.size
        else (
            f"{count(known.size, 'unit')}: median {number(np.median(known))}, from {number(known.min())} to "
            f"{number(known.max())}"
            f"; {int((known <= 0).sum())} at or below 0, where no signal was found."
        )
    )
    if known.size < values.size and known.size:
        told += f" {values.size - known.size} not defined: their mean responses are all alike."
    method = {
        "anova": "by analysis of variance",
        "split_half": "by halves of the trials, stepped up to all (Spearman-Brown)",
    }
    return [
        (
            "What is estimated",
            f"For each unit, the expected correlation of its mean responses with those of as many new trials, "
            f"{method.get(str(result.attrs.get('method')), '')}.",
        ),
        ("The numbers", told),
        ("What the interval is over", "No interval here; `noise_summary` gives one for each unit."),
        (
            "What a perfect model would reach",
            "It correlates with the observed means by the root of this, and explains this share of their variance.",
        ),
        ("What chance gives", "0 on average, for a unit without signal: values below 0 occur, and stay."),
        (
            "What would break it",
            f"Drift across {result.attrs.get('folds', 'trial')}s, which looks like noise; few stimuli, whose "
            "spread is the signal.",
        ),
        ("What it does not show", "Units must not be chosen by it on the trials that are scored: choose on others."),
    ]


def of_noise_summary(result: xr.Dataset) -> Parts:
    """Explain what ``noise_summary`` gives."""
    n_units, n_good = int(result["reliable"].size), int(result["reliable"].sum())
    least = number(result.attrs.get("least", 0.1))
    return [
        (
            "What is estimated",
            "For each unit: the variance of its responses between stimuli (signal), between trials of a "
            "stimulus (noise), and what follows for the best a model can do.",
        ),
        (
            "The numbers",
            f"Median reliability {number(result['reliability'].median())} over {count(n_units, 'unit')}; "
            f"{n_good} reliable, "
            f"with the low end of theirs above {least}.",
        ),
        ("What the interval is over", f"{percent(result.attrs.get('confidence', 0.95))} intervals over {_TRIALS}."),
        (
            "What a perfect model would reach",
            "A correlation of the root of `reliability` with the observed means; `noise_ceiling` is that as "
            "a share of variance, in %.",
        ),
        (
            "What would break it",
            "Dividing a score by a ceiling near 0 returns the noise of the ceiling: show scores of "
            "unreliable units as they are.",
        ),
        ("What it does not show", "That unreliable units carry nothing: these stimuli may not drive them."),
    ]


def of_noise_ceiling(result: xr.Dataset) -> Parts:
    """Explain what ``noise_ceiling`` gives."""
    value = estimate(result["ceiling"], value_of(result, "low"), value_of(result, "high"))
    if bool(result["ceiling"].isnull()):
        value = "Not defined: no signal above the noise was found, in halves of the trials or between subjects"
    many = "n_subjects" in result.attrs
    over = f"{result.attrs.get('over', 'trial')}s" if many else _TRIALS
    bounds = ""
    if "lower" in result:
        of = (
            "each subject from the others and from all"
            if many
            else "one half of the trials from the other and from both"
        )
        bounds = f" Lower and upper bound ({of}): {number(result['lower'])} and {number(result['upper'])}."
    return [
        ("What is estimated", f"What a perfect model would reach: {result.attrs.get('ceiling', '')}."),
        ("The numbers", f"{sentence(value)}{bounds}"),
        ("What the interval is over", f"{percent(result.attrs.get('confidence', 0.95))} interval over {over}."),
        (
            "How to read it",
            "A ceiling against noisy responses is an estimate: the true model lies above it half of the time. "
            "Scores above it are shown as they are, never clipped.",
        ),
        ("What would break it", _ceiling_breaks(str(result.attrs.get("distance", "crossnobis")))),
        (
            "What it does not show",
            "A model at the ceiling accounts for what these stimuli and trials can show; others may reach it too."
            + ("" if many else " It is a limit for this session and these units, not over animals."),
        ),
    ]


def _estimand(unbiased: bool, zero_is_same: bool) -> str:
    if unbiased:
        return "Its expectation is the distance of the noise-free responses, whatever the noise."
    if zero_is_same:
        return "Its expectation is 0 for equal responses, whatever the noise."
    return "It is the distance of the observed responses, which noise makes larger."


def _distances(result: xr.DataArray) -> str:
    upper = np.triu_indices(result.sizes["stimulus"], 1)
    values = result.transpose(..., "stimulus", "stimulus2").values[(..., *upper)]
    known = values[np.isfinite(values)]
    if not known.size:
        return "Not defined: responses to the stimuli do not vary, or have too few trials."
    units = str(result.attrs.get("units", "1"))
    told = f"Median {number(np.median(known))}, from {number(known.min())} to {number(known.max())}"
    told += f" ({units})." if units != "1" else "."
    if (known < 0).any():
        told += (
            f" {percent(np.mean(known < 0))} are negative: estimates of distances near 0, not errors; never clip them."
        )
    if known.size < values.size:
        told += (
            f" {values.size - known.size} are not defined: {result.attrs.get('undefined', 'a stimulus does not vary')}."
        )
    return told


def _equal_responses(result: xr.DataArray, zero_is_same: bool) -> str:
    if not zero_is_same:
        return (
            "More than 0, since noise is counted as distance (squared Euclidean: 2 noise variances over the "
            "number of trials)."
        )
    folds, n_folds = result.attrs.get("folds", "fold"), result.attrs.get("n_folds")
    over = f" Cross-validated over {n_folds} {folds}s." if n_folds else ""
    cost = result.attrs.get("variance_cost")
    return f"0 on average.{over}" + (f" That costs: the variance is {number(cost)} times as large." if cost else "")


def _breaks(on: str, zero_is_same: bool) -> str:
    if zero_is_same:
        return (
            "Noise that is shared between folds, such as drift across neighbouring trials where folds are single "
            "trials."
        )
    kind = "trials" if on == "trials" else "mean responses"
    return f"Unequal noise: {kind} of fewer trials are further from everything. Ratios and zeros have no meaning here."


def _ceiling_breaks(distance: str) -> str:
    if distance != "crossnobis":
        return (
            f"{sentence(distance)[:-1]} distances are not cross-validated: noise inflates them alike in all RDMs, "
            "and this is no limit."
        )
    return "Noise shared between the halves; few repeats, with which it hardly can be estimated."
