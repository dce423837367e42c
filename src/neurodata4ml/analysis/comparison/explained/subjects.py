"""Models beside several subjects in words: how alike, how far from the ceiling, which cannot be told apart."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.explained.phrasing import count, estimate, listed, names, number, sentence
from neurodata4ml.analysis.comparison.explained.tables import ALPHA, SHARED, Parts, confidence, metric_of, over, spread
from neurodata4ml.analysis.similarity.metrics import METRICS


def of_compare_models(result: xr.Dataset) -> Parts:
    """Explain what ``compare_models`` gives."""
    promise = METRICS[metric_of(result)]
    subject = "animals" if "animal" in str(result.attrs["over"]) else "subjects"
    n = f"{count(result.attrs['n_stimuli'], 'stimulus', 'stimuli')}"
    sample = f"{n}, {count(result.attrs['n_subjects'], subject[:-1])}"
    distance = f" of {result.attrs['distance']} distances" if result.attrs.get("distance") else ""
    return [
        (
            "What is estimated",
            f"How alike the RDM of each model is to those of {subject}, on average, by {metric_of(result)}{distance}; "
            f"{sample}. {promise.about}",
        ),
        ("The numbers", _similarities(result)),
        ("What the interval is over", f"{confidence(result)} over {over(result)}. {result.attrs['assumed']}"),
        ("What independent data give", f"{sentence(spread(result['null_value']).removesuffix(', cell by cell,'))}"),
        ("What a perfect model would reach", _ceiling(result, subject)),
        ("Tests", _tests(result)),
        ("What would break it", f"{promise.breaks} Models fitted to, or chosen by, these very RDMs."),
        ("What it does not show", f"{_equals(result)} {SHARED}"),
        ("Source", "Nili et al. 2014, PLoS Comput Biol 10:e1003553; Schuett et al. 2023, eLife 12:e82566."),
    ]


def _similarities(result: xr.Dataset) -> str:
    one = result["similarity"]
    if not one.dims:
        return f"{estimate(one, result['low'], result['high'])}."
    order = np.argsort(-np.nan_to_num(one.values, nan=-np.inf), kind="stable")
    labels = names(result, "model")
    parts = [result.isel(model=int(k)) for k in order]
    told = [f"{labels[k]} {estimate(p['similarity'], p['low'], p['high'])}" for k, p in zip(order, parts, strict=True)]
    return f"{listed(told, 8)}."


def _ceiling(result: xr.Dataset, subject: str) -> str:
    if bool(result["lower"].isnull()):
        return ""
    ends = [estimate(result[name], result[f"{name}_low"], result[f"{name}_high"]) for name in ("lower", "upper")]
    return (
        f"Between {ends[0]}, how well the other {subject} predict each one, and {ends[1]}, how well all together do. "
        f"Similarities above the upper end cannot be had by one RDM for all; between the two the truth is expected. "
        f"Nothing is clipped."
    )


def _tests(result: xr.Dataset) -> str:
    by = str(result.attrs["correction"])
    how = "not corrected" if by == "none" else f"corrected by {by}"
    questions = (
        ("p_null_corrected", "more than independent data give, one-sided"),
        ("p_ceiling_corrected", "not at the lower end of the ceiling, two-sided"),
    )
    told = []
    for name, asked in questions:
        known = int(result[name].notnull().sum())
        if known:
            small = int((result[name] <= ALPHA).sum())
            told.append(f"{small} of {count(known, 'model')} have p of at most {ALPHA:g} ({asked})")
    return f"{sentence('; '.join(told))} {sentence(how)} Effect sizes and intervals come first."


def _equals(result: xr.Dataset) -> str:
    """Name the models that cannot be told from that of the highest similarity."""
    if "model2" not in result.dims or "model" not in result.dims or result.sizes["model"] < 2:
        return "Other models, not compared here, may fit as well."
    labels = names(result, "model")
    top = int(np.argmax(np.nan_to_num(result["similarity"].values, nan=-np.inf)))
    near = result["p_difference_corrected"].isel(model2=top).values > ALPHA
    equal = [label for label, one in zip(labels, near, strict=True) if one]
    if not equal:
        p = float(np.nanmax(result["p_difference_corrected"].isel(model2=top).values))
        return (
            f"{labels[top]} is told from all others (p at most {number(p)}); models not compared here may fit as well."
        )
    return f"{labels[top]} cannot be told from {listed(equal, 8)}."
