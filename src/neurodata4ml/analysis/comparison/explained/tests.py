"""Tests of similarities in words: of chance, of candidates against each other, of the order of areas."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.explained.phrasing import count, estimate, listed, names, number, sentence
from neurodata4ml.analysis.comparison.explained.tables import (
    ALPHA,
    SHARED,
    Parts,
    confidence,
    corrected,
    metric_of,
    numbers,
    over,
    rows_of,
    sizes,
    spread,
    tests,
)
from neurodata4ml.analysis.similarity.metrics import METRICS


def of_permutation_test(result: xr.Dataset) -> Parts:
    """Explain what ``permutation_test`` gives."""
    promise = METRICS[metric_of(result)]
    shuffles = int(result.attrs["n_shuffles"])
    null = result["null"].mean("shuffle")
    asked = (
        "Whether two representations share more than independent ones would, for these stimuli: the stimuli "
        "of one side "
        "are exchanged, rows and columns of its RDM together, and the similarity is computed anew."
    )
    return [
        ("What is asked", asked),
        ("What is measured", f"{metric_of(result)}, for {sizes(result)}. {promise.about}"),
        ("The numbers", numbers(result)),
        (
            "What independent data give",
            f"{spread(null)} on average over {count(shuffles, 'order')} of these very stimuli.",
        ),
        ("Tests", tests(result)),
        ("What would break it", "Stimuli that cannot be exchanged: frames of one movie, images of a few categories."),
        ("What it does not show", "A small p says that there is some likeness; it does not say how much. " + SHARED),
        ("Source", sentence(f"Mantel 1967, Cancer Res. 27:209; {promise.reference}")),
    ]


def of_pairwise(result: xr.Dataset) -> Parts:
    """Explain what ``pairwise`` gives."""
    labels = names(result, "y")
    sure = result["p_value_corrected"] <= ALPHA
    gap = result["difference"]
    several = [dim for dim in gap.dims if dim not in ("y", "y2")]
    pairs = sure & (gap > 0)
    found = pairs.any(several) if several else pairs
    told = [
        f"{labels[i]} above {labels[j]}" + ("" if several else f" by {_difference(result, int(i), int(j))}")
        for i, j in np.argwhere(found.transpose("y", "y2").values)
    ]
    where = " in at least one of the rows" if several else ""
    apart = f"Told apart{where}: {listed(told, 8)}." if told else "No two candidates can be told apart."
    asked = (
        f"How much more similar one candidate is than another, by {metric_of(result)}: differences within "
        "replicates, so "
        "that what is common to both cancels."
    )
    return [
        ("What is estimated", asked),
        ("The numbers", apart),
        ("What the interval is over", f"{confidence(result)} over {over(result)}, of each difference alone."),
        ("Tests", corrected(result, "two-sided")),
        (
            "What would break it",
            f"Few parts to leave out; candidates chosen because they came out high here.{_for_these(result)}",
        ),
        ("What it does not show", f"Candidates that cannot be told apart are not thereby equal. {SHARED}"),
        (
            "Source",
            "Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 11; Holm 1979, Scand. J. Stat. 6:65.",
        ),
    ]


def of_against(result: xr.Dataset) -> Parts:
    """Explain what ``against`` gives."""
    to_zero = result.attrs["reference"] == "zero"
    what = "what independent data give" if to_zero else "the ceiling, what a perfect model would reach"
    side = "one-sided" if to_zero else "two-sided"
    not_shown = "A likeness above chance may be of little size: see the difference. "
    if not to_zero:
        not_shown = "A candidate that cannot be told from the ceiling may still lack what these stimuli do not probe. "
    return [
        ("What is estimated", f"How far the similarity by {metric_of(result)} is from {what}."),
        ("The numbers", rows_of(result, "difference")),
        ("What the interval is over", f"{confidence(result)} over {over(result)}.{_for_these(result)}"),
        ("Tests", corrected(result, side)),
        ("What would break it", METRICS[metric_of(result)].breaks),
        ("What it does not show", not_shown + SHARED),
    ]


def of_hierarchy(result: xr.Dataset) -> Parts:
    """Explain what ``hierarchy`` gives."""
    areas, n_layers = names(result, "area"), int(result.attrs["n_layers"])
    depths = [f"{area} {number(d)}" for area, d in zip(areas, result["depth"].values, strict=True)]
    value = estimate(result["correlation"], result["low"], result["high"])
    fixed = (
        "An untrained network may give it too, since deeper layers see larger parts of an image whatever they have "
        "learnt: print that of the untrained twin beside it. "
    )
    return [
        (
            "What is estimated",
            f"The rank correlation of the order {result.attrs['order']} with the depth of the layer, of "
            f"{n_layers}, that "
            f"shares most geometry with each area, all at {int(result.attrs['n_units_matched'])} units.",
        ),
        ("The numbers", f"{value}. Depths: {listed(depths, 12)}."),
        ("What the interval is over", f"{confidence(result)} over {over(result)}, drawn at once."),
        ("Tests", f"p = {number(result['p_value'])} over the orders of {len(areas)} areas, one-sided."),
        ("What would break it", "Few areas: with three, p cannot be below 1/6. Areas without signal have any depth."),
        ("What it does not show", fixed + SHARED),
    ]


def _for_these(result: xr.Dataset) -> str:
    """Say that chance in which stimuli were shown is not in a p-value over trials or units alone."""
    if "stimuli" in over(result):
        return ""
    return (
        " Stimuli are taken as they are: which of them happened to be shown is not in these p-values, so that "
        "independent data may pass; those of `compare` ask that, by exchanging stimuli."
    )


def _difference(result: xr.Dataset, i: int, j: int) -> str:
    one = result.isel(y=i, y2=j)
    return estimate(one["difference"], one["low"], one["high"])
