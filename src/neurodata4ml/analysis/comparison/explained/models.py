"""Predictions and resamples in words: what was held out, what chance gives, what a score does not show."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.explained.phrasing import (
    count,
    estimate,
    listed,
    names,
    number,
    percent,
    sentence,
    things,
    value_of,
)
from neurodata4ml.analysis.comparison.explained.tables import Parts

_SCORES = {
    "r": "correlation of predicted and observed mean responses, lowered by their noise",
    "r2": "share of the variance of the observed mean responses that is predicted; below 0, worse than their mean",
    "cc_norm": "the correlation that noise-free responses would have, which may pass 1 by its error",
    "r2_er": "the squared correlation that noise-free responses would have, which may pass 1 by its error",
    "r_ceiled": "correlation over that of a perfect model",
    "r2_ceiled": "squared correlation over that of a perfect model",
    "deviance": "share of the deviance of the counts that is predicted",
    "bits_per_spike": "bits that each spike gains over a constant rate",
}

_ROWS = {"n_stimuli": "stimulus", "n_trials": "trial", "n_times": "bin", "n_samples": "sample"}
"""What rows are, by the attribute that counts them."""

_MANY = {"stimulus": "stimuli"}


def _from_to(numbers: np.ndarray) -> str:
    """Return the range of some numbers: ``10 to 1,024``."""
    return " to ".join(f"{n:,}" for n in sorted({int(f(numbers)) for f in (np.min, np.max)})) if numbers.size else ""


def of_encode(result: xr.Dataset) -> Parts:
    """Explain what ``encode`` gives."""
    about = result.attrs
    scores = [name for name in _asked(result).get("scores", ["r"]) if name in result]
    of = next((count(about[key], noun, _MANY.get(noun)) for key, noun in _ROWS.items() if key in about), "the samples")
    n_features = _from_to(np.atleast_1d(about.get("n_features", [])))
    asked = (
        f"How well {about['encoder']} predicts each unit from {n_features} features, in {of} held out whole. "
        + " ".join(f"{name}: {_SCORES.get(name, 'a score')}." for name in scores)
    )
    leak = f"Folds leak, and that was allowed because: {about['leak']}. " if about.get("leak") else ""
    return [
        ("What is estimated", asked),
        ("The numbers", " ".join(_score(result, name) for name in scores)),
        (
            "What was held out",
            f"{leak}{count(about['n_folds'], 'fold')} by {about['split']}. {sentence(about['why_split'])} "
            f"{sentence(about['aggregation'])}",
        ),
        (
            "What the interval is over",
            "No interval: folds share training stimuli, so that their spread is none. Spread over units is "
            "shown above.",
        ),
        (
            "What independent features give",
            "r about 0 or a little below, R2 of 0 or below, however many features: stimuli that were learnt "
            "from are not scored.",
        ),
        (
            "What a perfect model would reach",
            "For r the root of each unit's `reliability`, for R2 that reliability; noise-corrected scores allow 1.",
        ),
        (
            "What changes nothing",
            f"A constant added to a feature or a unit. {sentence(str(about.get('standardised', '')))}",
        ),
        (
            "What would break it",
            "Stimuli that resemble each other on both sides of a fold (frames of a movie); a layer chosen on "
            "the stimuli it "
            "is scored on: use `choose_layer`.",
        ),
        (
            "What it does not show",
            "That features predict responses shows that responses to these stimuli can be read linearly from "
            "them; it does "
            "not show that the brain uses them. A larger set of features predicts more for that alone. "
            + _layers(result, scores),
        ),
    ]


def of_choose_layer(result: xr.Dataset) -> Parts:
    """Explain what ``choose_layer`` gives."""
    score = result.attrs.get("score", "score")
    told = ", ".join(f"{name} {_over_units(result[name])}" for name in ("honest", "naive", "optimism"))
    return [
        ("What is estimated", f"The {score} of the layer chosen without the stimuli that it is scored on (honest)."),
        ("The numbers", f"{told}."),
        (
            "What chance gives",
            "Choosing by the scores that are then reported (naive) keeps the luck of the highest: the optimism is what "
            "that adds, with any layers, unrelated ones too.",
        ),
        ("What would break it", "Few stimuli: choices then differ from fold to fold (`agreement`)."),
        ("What it does not show", "That the chosen layer is the only one: see `score` for those nearly as high."),
    ]


def of_decode(result: xr.Dataset) -> Parts:
    """Explain what ``decode``, ``decode_by`` and ``generalize`` give."""
    about = result.attrs
    n = next((count(about[key], noun, _MANY.get(noun)) for key, noun in _ROWS.items() if key in about), "the samples")
    asked = (
        f"How well {about['decoder']} reads {about['target']} from population responses it has not learnt from: "
        f"{about['scoring']} over {n}."
    )
    leak = f"Folds leak, and that was allowed because: {about['leak']}. " if about.get("leak") else ""
    test = about.get("no_p") or (
        f"{_small_p(result)} ({int(about['n_shuffles']):,} shuffles by {about['null_scheme']}: "
        f"{about.get('null_why', '')})"
    )
    return [
        ("What is estimated", asked),
        ("The numbers", _decoded(result)),
        (
            "What was held out",
            f"{leak}{count(about['n_folds'], 'fold')} by {about['folds']}. {sentence(str(about.get('folds_why', '')))}",
        ),
        (
            "What the interval is over",
            "95 % interval over the trials of this session (a jackknife over blocks or stretches of time); "
            "these units are fixed."
            if "low" in result
            else "",
        ),
        (
            "What chance gives",
            f"{_spread(result['chance'])}, from shuffles that the design allows; not 1 over the number of classes."
            if "chance" in result
            else "",
        ),
        ("Tests", str(test).rstrip(".") + "."),
        (
            "What would break it",
            "Labels that follow time or blocks; behaviour that differs between labels (confounds taken out: "
            f"{about.get('confounds') or 'none'}).",
        ),
        (
            "What it does not show",
            "That labels can be read from the population does not show that the brain reads them. More units or trials "
            "decode more: compare areas at equal numbers (`decode_by`). " + sentence(str(about.get("notes", ""))),
        ),
    ]


def of_bootstrap(result: xr.Dataset) -> Parts:
    """Explain what ``bootstrap`` gives."""
    over = [things(str(name)) for name in np.atleast_1d(result.attrs["over"])]
    groups = [f"{int(n):,}" for n in np.atleast_1d(result.attrs["n_groups"])]
    return [
        (
            "What is estimated",
            f"How much a statistic would vary if {listed(over)} were drawn anew from where these come from.",
        ),
        ("The numbers", _resampled(result)),
        (
            "What the interval is over",
            f"{percent(result.attrs['confidence'])} interval over {listed(over)} ({listed(groups)} of them), "
            f"{int(result.attrs['n_resamples']):,} resamples.",
        ),
        (
            "What would break it",
            "A statistic of pairs (RDM, CKA), in which copies of a stimulus meet; fewer than ten groups.",
        ),
        (
            "What it does not show",
            f"What would happen with other things than {listed(over)} drawn anew: they are fixed.",
        ),
    ]


def of_jackknife(result: xr.Dataset) -> Parts:
    """Explain what ``jackknife`` gives."""
    groups = f"{count(result.attrs['n_groups'], 'group')} ({result.attrs['groups']})"
    return [
        ("What is estimated", "A statistic of all trials, and how far these trials determine it."),
        ("The numbers", _resampled(result)),
        (
            "What the interval is over",
            f"{percent(result.attrs['confidence'])} interval over trials, from leaving out one of {groups} at "
            "a time; stimuli and units are fixed.",
        ),
        ("What would break it", "A statistic that jumps (a median, a maximum, a choice); few groups."),
        ("What it does not show", "What other stimuli, units or animals would give: they are fixed."),
    ]


def _asked(result: xr.Dataset) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.attrs["steps"])[-1]
    return found


def _score(result: xr.Dataset, name: str) -> str:
    if "layer" not in result[name].dims:
        return f"{name}: {_over_units(result[name])}."
    told = [f"{layer} {_over_units(result[name].isel(layer=k))}" for k, layer in enumerate(names(result, "layer"))]
    return f"{name}: {'; '.join(told[:8])}" + (f"; and {len(told) - 8} more layers." if len(told) > 8 else ".")


def _over_units(values: xr.DataArray) -> str:
    known = values.values[np.isfinite(values.values)]
    if not known.size:
        return "not defined in any unit"
    low, high = np.quantile(known, [0.25, 0.75])
    left = f", {values.size - known.size} not defined" if known.size < values.size else ""
    return (
        f"median {number(np.median(known))} (middle half of {count(known.size, 'unit')}: {number(low)} to "
        f"{number(high)}{left})"
    )


def _layers(result: xr.Dataset, scores: list[str]) -> str:
    if not scores or "layer" not in result[scores[0]].dims:
        return ""
    return "The layer with the highest score here was picked on the stimuli it is scored on, and flatters."


def _decoded(result: xr.Dataset) -> str:
    score = result["score"]
    if not score.dims:
        return f"{estimate(score, value_of(result, 'low'), value_of(result, 'high'))}."
    if not score.notnull().any():
        return "Not defined in any bin."
    place = {dim: int(k) for dim, k in score.argmax(list(score.dims)).items()}
    top = result.isel(place)
    at = listed([f"{dim} {names(result, str(dim))[k]}" for dim, k in place.items()])
    said = estimate(top["score"], value_of(top, "low"), value_of(top, "high"))
    return f"Highest {said}, at {at}, which is picked among {score.size} and flatters; {_spread(score)} in all."


def _spread(values: xr.DataArray) -> str:
    known = values.values[np.isfinite(values.values)]
    if not known.size:
        return "not known"
    low, high = number(known.min()), number(known.max())
    return low if low == high else f"{low} to {high}"


def _small_p(result: xr.Dataset) -> str:
    name = "p_value_corrected" if "p_value_corrected" in result else "p_value"
    p = result[name]
    if not p.dims:
        return f"p = {number(p)}, one-sided"
    by = result.attrs.get("correction") or _asked(result).get("correction") or "max-t"
    how = f"corrected by {by} for all" if name == "p_value_corrected" else "not corrected, over"
    return f"{int((p <= 0.05).sum())} of {count(p.size, 'test')} have p of at most 0.05, {how} {p.size:,}"


def _resampled(result: xr.Dataset) -> str:
    value = result["estimate"]
    if not value.dims:
        return f"{estimate(value, result['low'], result['high'])}, standard error {number(result['se'])}."
    return f"{count(value.size, 'number')}, from {_spread(value)}; standard errors {_spread(result['se'])}."
