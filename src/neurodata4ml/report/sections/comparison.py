"""The section on distances between stimuli: which ones every representation tells apart."""

from __future__ import annotations

import numpy as np

from neurodata4ml.report.facts import noted, over_time, undefined
from neurodata4ml.report.figures.squares import squares
from neurodata4ml.report.sections.section import Section, Shown, Table, needs
from neurodata4ml.report.words import (
    bounds,
    count,
    distance_words,
    labels,
    number,
    texts,
)
from neurodata4ml.results import Results


@needs("rdms", "Representational dissimilarity")
def rdms(results: Results) -> Section:
    """Which stimuli every representation tells apart."""
    array = results.arrays["rdms"]
    names, n = labels(array, "representation"), array.sizes["stimulus"]
    distance = distance_words(array.attrs.get("distance", "distance"))
    grouped = "group" in array.coords
    upper = np.triu_indices(n, 1)
    found = array["rdm"].transpose("representation", "stimulus", "stimulus2").values.astype(float)
    kinds = texts(array, "kind") * (len(names) if len(texts(array, "kind")) != len(names) else 1)
    rows = []
    for name, kind, square in zip(names, kinds, found, strict=True):
        pairs = square[upper]
        pairs = pairs[np.isfinite(pairs)]
        middle = np.median(pairs) if pairs.size else np.nan
        limits = bounds(pairs.min(), pairs.max()) if pairs.size else "not available"
        rows.append((name, kind, number(middle), limits, f"{pairs.size:,}"))
    return Section(
        "",
        question="Which stimuli does each representation tell apart?",
        answer=(
            f"Every pair of {count(n, 'stimulus', 'stimuli')} has a distance: {n * (n - 1) // 2:,} for each of "
            f"{count(len(names), 'representation')}.",
        ),
        figures=(
            Shown(
                squares(array),
                "One square per representation; row and column are stimuli"
                + (", ordered by group, white lines between groups" if grouped else " in one order for all")
                + ". Dark pairs are alike, bright pairs are told apart; the range of the distances stands below.",
            ),
        ),
        tables=(Table(f"Distances: {distance}", ("representation", "kind", "median", "range", "pairs"), tuple(rows)),),
        reading=(
            "A representation is the pattern of responses to each stimulus: units (neurons) of an area, or features "
            "of a network layer. Two representations share geometry when the same pairs of stimuli are near and far. "
            "Colours show ranks, because sizes of distances are not comparable between a brain and a network.",
            *over_time(array),
        ),
        warnings=(*noted(array), *undefined(array)),
    )
