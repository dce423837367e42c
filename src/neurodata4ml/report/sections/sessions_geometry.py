"""The section on distances between stimuli over many recordings: their mean, and how much recordings agree on it."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import colours_of
from neurodata4ml.report.figures import sessions as figures_sessions
from neurodata4ml.report.figures.squares import squares
from neurodata4ml.report.sections.section import Section, Shown, Table
from neurodata4ml.report.sections.sessions_activity import dots_caption
from neurodata4ml.report.sections.sessions_words import of_many, recordings_of, table_of_each
from neurodata4ml.report.words import bounds, count, distance_words, labels, listing, named, number, texts, values
from neurodata4ml.results import Results


@of_many("rdms", "Representational dissimilarity")
def rdms(results: Results) -> Section:
    """Which stimuli recordings tell apart, and how much of that they share."""
    array, kept, colours = results.arrays["rdms_sessions"], results.arrays["sessions"], colours_of(results)
    if "rdm_mean" not in array:
        return Section(
            "",
            question="Which stimuli does each representation tell apart?",
            answer=("The recordings have different stimuli, so their distances have no mean.",),
        )
    mean = array[["rdm_mean"]].rename(rdm_mean="rdm")
    n = array.sizes["stimulus"]
    return Section(
        "",
        question="Which stimuli does each representation tell apart, and do recordings agree on it?",
        answer=_consistency_sentences(array),
        figures=(
            Shown(
                squares(mean),
                f"Mean distances over {recordings_of(array)}: one square per representation; row and column are "
                f"{count(n, 'stimulus', 'stimuli')}, in one order for all. Dark pairs are alike, bright pairs are told "
                "apart; the range of the distances stands below.",
            ),
            Shown(
                figures_sessions.consistency_of_recordings(array, kept, colours),
                dots_caption(
                    array,
                    "How well the mean distances of the others foretell those of each recording.",
                    intervals=False,
                ),
            ),
        ),
        tables=(_distances_table(array), *table_of_each(array, "consistency", "Correlation with the others, of each")),
        reading=(
            "Distances: " + distance_words(array.attrs.get("distance", "distance")) + ". Colours show ranks, because "
            "sizes of distances are not comparable between a brain and a network.",
            "The correlation of a recording's distances with the mean of the others' is what a model reaches that "
            "knows all other recordings: trial noise and differences between recordings lower it alike. Its mean has "
            "no interval, since each of its values is made of all recordings.",
        ),
    )


def _consistency_sentences(array: xr.Dataset) -> tuple[str, ...]:
    parts = []
    for area in labels(array, "area"):
        each, mean = values(array, "consistency", area=area), values(array, "consistency_mean", area=area)
        n = int(np.isfinite(each).sum())
        if n:
            span = f" ({bounds(np.nanmin(each), np.nanmax(each))})" if n > 1 else ""
            parts.append(f"{named(area)} {number(mean)}{span} in {count(n, 'recording')}")
    if not parts:
        return ("No area is in two recordings, so none can be compared with others.",)
    return (
        "Correlation of each recording's distances with the mean of the others', mean (lowest to highest): "
        f"{listing(parts, 8)}.",
    )


def _distances_table(array: xr.Dataset) -> Table:
    upper = np.triu_indices(array.sizes["stimulus"], 1)
    found = array["rdm_mean"].transpose("representation", "stimulus", "stimulus2").values[:, upper[0], upper[1]]
    rows = []
    for name, kind, n, pairs in zip(
        labels(array, "representation"), texts(array, "kind"), values(array, "rdm_n"), found, strict=True
    ):
        known = pairs[np.isfinite(pairs)]
        limits = bounds(known.min(), known.max()) if known.size else "not available"
        rows.append((name, kind, f"{n:.0f}", number(np.median(known) if known.size else np.nan), limits))
    return Table("Mean distances", ("representation", "kind", "recordings", "median", "range"), tuple(rows))
