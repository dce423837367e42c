"""Sections on brain beside network over many recordings: distances, prediction of units, shared geometry."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import FEW_AREAS, colours_of, level, level_words
from neurodata4ml.report.figures import sessions_candidates as figures_sessions_candidates
from neurodata4ml.report.sections.section import Section, Shown, Table
from neurodata4ml.report.sections.sessions_sets import (
    best_sentences,
    ceiling_said,
    highest,
    others_said,
    set_sentences,
    tally,
)
from neurodata4ml.report.sections.sessions_words import mean_said, of_many, recordings_of
from neurodata4ml.report.words import (
    as_float,
    bounds,
    compact,
    count,
    interval,
    labels,
    listing,
    metric_words,
    named,
    number,
    score_words,
    texts,
    values,
)
from neurodata4ml.results import Results


@of_many("encoding", "Predicting single units")
def encoding(results: Results) -> Section:
    """How well each candidate predicts single units over recordings."""
    array, kept = results.arrays["encoding_sessions"], results.arrays["sessions"]
    score = score_words(array.attrs.get("score", "r"))
    figure = figures_sessions_candidates.encoding_of_recordings(array, kept, colours_of(results))
    return Section(
        "",
        question="How well do the features of each candidate predict single units, over recordings?",
        answer=(*_encoding_sentences(array, score), *_twin_sentence(array, "predicts better than")),
        figures=(Shown(figure, _caption(array, f"Median {score} over the units of the area.")),),
        tables=(
            *(_table(array, area, "median", f"median {score}") for area in labels(array, "area")),
            *_twin_table(array),
        ),
        reading=(_set_reading(array),),
    )


def _encoding_sentences(array: xr.Dataset, score: str) -> tuple[str, ...]:
    areas = labels(array, "area")
    best = {area: highest(array, area) for area in areas}
    if len(areas) > FEW_AREAS:
        found = [as_float(values(array, "median_mean", area=a, candidate=name)) for a, name in best.items() if name]
        reach = f"; median {score}, mean over {recordings_of(array)}, {bounds(min(found), max(found))}" if found else ""
        return (f"Units are predicted best from {tally(list(best.values()))}, of {len(areas)} areas{reach}.",)
    return tuple(
        f"Units of {named(area)} are predicted best from {named(name)}: median {score} "
        f"{mean_said(array, 'median', area=area, candidate=name)}{ceiling_said(array, area)}; "
        f"{others_said(array, area)}."
        for area, name in best.items()
        if name
    )


@of_many("similarity", "Brain beside network")
def similarity(results: Results) -> Section:
    """How alike every area and every candidate are, over recordings."""
    array, kept = results.arrays["similarity_sessions"], results.arrays["sessions"]
    figure = figures_sessions_candidates.similarity_of_recordings(array, kept, colours_of(results))
    metric = metric_words(array.attrs.get("metric", "similarity"))
    return Section(
        "",
        question="Which candidates share the geometry of each area over recordings, and which fit as well?",
        answer=(best_sentences(results), set_sentences(results), *_twin_sentence(array, "lies above")),
        figures=(Shown(figure, _caption(array, f"{metric[:1].upper()}{metric[1:]} of every candidate and area.")),),
        tables=(*(_table(array, area, "similarity", "mean") for area in labels(array, "area")), *_twin_table(array)),
        reading=(
            _set_reading(array),
            "All recordings were shown the same stimuli beside the same candidates: the interval is over recordings, "
            "and other stimuli may rank the candidates differently. For the same reason the p-values of single "
            "recordings are counted here and not combined.",
        ),
    )


def _caption(array: xr.Dataset, what: str) -> str:
    by = "animals" if array.attrs.get("sampled") == "animal" else "recordings"
    limit = " Dashed, with its band: the mean ceiling and its interval." if "ceiling" in array else ""
    return (
        f"{what} Each small dot is one recording; below them, the mean over {by} with its {level_words(array)} "
        f"interval. Filled: the highest of that area, and what cannot be told from it. Triangles: the network without "
        f"its training.{limit}"
    )


def _table(array: xr.Dataset, area: str, name: str, heading: str) -> Table:
    claim = bool(array["claim"].sel(area=area))
    rows = []
    for candidate, kind, among in zip(
        labels(array, "candidate"), _kinds(array), values(array, "among_best", area=area), strict=True
    ):
        at = {"area": area, "candidate": candidate}
        row = [candidate, kind, number(values(array, f"{name}_mean", **at))]
        row.append(bounds(values(array, f"{name}_mean_low", **at), values(array, f"{name}_mean_high", **at)))
        low, high = (values(array, f"difference_{end}", **at) for end in ("low", "high"))
        row.append(number(values(array, "difference", **at)))
        row.append("–" if candidate == highest(array, area) else bounds(low, high))
        if "p_value_tested" in array:
            found, tested = (as_float(values(array, f"p_value_{end}", **at)) for end in ("significant", "tested"))
            row.append(f"{found:.0f} of {tested:.0f}")
        rows.append((*row, ("yes" if among else "no") if claim else "no claim"))
    columns: tuple[str, ...] = (
        "candidate",
        "kind",
        heading,
        f"{level_words(array)} interval",
        "below the highest by",
        "its interval",
    )
    columns += ("p ≤ 0.05 in",) if "p_value_tested" in array else ()
    over = compact(np.nanmax(values(array, f"{name}_n", area=area)))
    ceiling = ceiling_said(array, area).replace(", ceiling", "; ceiling") or "; ceiling not available"
    return Table(
        f"{area} beside every candidate, mean over {over} recordings{ceiling}", (*columns, "in set"), tuple(rows)
    )


def _kinds(array: xr.Dataset) -> list[str]:
    kinds = texts(array, "kind")
    return kinds if len(kinds) == array.sizes["candidate"] else [""] * array.sizes["candidate"]


def _set_reading(array: xr.Dataset) -> str:
    margin = as_float(array.attrs.get("margin"))
    near = f" lies below {compact(margin)}, or" if margin > 0 else ""
    return (
        "The set of an area holds the candidate of highest mean and all that cannot be told from it: their difference"
        f"{near} has an interval over recordings that includes 0. Those intervals hold for all candidates at once "
        "(Bonferroni). Nothing is claimed where no mean lies above zero by its interval. Only candidates that every "
        "recording with the area has are compared. Areas are not compared with each other."
    )


def _twin_sentence(array: xr.Dataset, verb: str) -> tuple[str, ...]:
    if "twin_gap" not in array:
        return ()
    areas = labels(array, "area")
    if len(areas) > FEW_AREAS:
        low = values(array, "twin_gap_mean_low")
        above = int((low > 0).sum())
        cases = count(low.size, "case")
        return (f"The highest layer of a network {verb} the highest of its untrained twin in {above} of {cases}.",)
    parts = [
        f"{named(name)} by {listing([f'{_gap(array, name, area)} in {named(area)}' for area in areas])}"
        for name in labels(array, "trained_name")
    ]
    return (f"What training adds, the highest layer less the highest of the untrained twin: {'; '.join(parts)}.",)


def _gap(array: xr.Dataset, name: str, area: str) -> str:
    ends = (values(array, f"twin_gap_{e}", trained_name=name, area=area) for e in ("mean", "mean_low", "mean_high"))
    return interval(*ends, level=level(array))


def _twin_table(array: xr.Dataset) -> tuple[Table, ...]:
    if "twin_gap" not in array:
        return ()

    def cell(end: str, name: str, area: str) -> float:
        return as_float(values(array, f"twin_gap_{end}", trained_name=name, area=area))

    rows = tuple(
        (
            f"{name}, {area}",
            f"{cell('n', name, area):.0f}",
            number(cell("mean", name, area)),
            bounds(cell("mean_low", name, area), cell("mean_high", name, area)),
        )
        for name in labels(array, "trained_name")
        for area in labels(array, "area")
    )
    columns = ("network, area", "recordings", "mean", f"{level_words(array)} interval")
    return (Table("How far each network lies above its untrained twin", columns, rows),)
