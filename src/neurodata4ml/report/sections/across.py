"""Areas beside each other: similarities from as many units of each, and the order of areas by depth of layer."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import level, level_words
from neurodata4ml.report.figures import across as figures_across
from neurodata4ml.report.figures.canvas import Colours
from neurodata4ml.report.sections.section import Shown, Table
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
    plain,
    sentence,
    texts,
    values,
)

MOST_COLUMNS = 3
"""Areas whose columns a page can hold side by side."""


def across_sentences(array: xr.Dataset) -> tuple[str, ...]:
    """Return what may be said across areas: whether they are matched, and the hierarchy score or why there is none."""
    return (*_matched_sentence(array), *_hierarchy_sentence(array))


def across_figures(array: xr.Dataset, colours: Colours) -> tuple[Shown, ...]:
    """Return the figures that compare areas; none where nothing does."""
    figures = []
    if "matched" in array:
        figures.append(
            Shown(
                figures_across.matched_similarity(array, colours),
                f"Similarity from {_least(array)} units of every area: the only one here that may be compared across "
                f"areas. Lines are {level_words(array)} intervals.",
            )
        )
    if "hierarchy_depth" in array:
        figures.append(
            Shown(
                figures_across.hierarchy(array, colours),
                "Depth of the layer that each area shares most with (0: the first layer, 1: the last), areas from "
                f"early to late. Lines are {level_words(array)} intervals of the depth, over stimuli and units. "
                "Circles: the network; triangles: its untrained twin.",
            )
        )
    return tuple(figures)


def across_tables(array: xr.Dataset) -> tuple[Table, ...]:
    """Return the tables that compare areas; none where nothing does."""
    return (*_matched_tables(array), *_hierarchy_tables(array))


def across_reading(array: xr.Dataset) -> tuple[str, ...]:
    """Return how the comparisons between areas were made."""
    said = []
    if "matched" in array:
        said.append(
            "More units make any similarity larger. Matched: the mean over 20 random sets of as many units as the "
            "smallest area has."
        )
    if "hierarchy" in array:
        said.append(
            "The hierarchy score is the rank correlation of the named order of areas with the depth of the layer that "
            "each shares most with (unbiased CKA, as many units of each). Its interval is a bootstrap over stimuli and "
            "units at once; p counts the orders of the areas that do as well. The twin is the baseline: deeper layers "
            "see larger parts of an image, trained or not."
        )
    return tuple(said)


def _least(array: xr.Dataset) -> str:
    found = values(array, "n_units")
    return compact(np.nanmin(found)) if np.isfinite(found).any() else "as many"


def _matched_sentence(array: xr.Dataset) -> tuple[str, ...]:
    areas, sizes = labels(array, "area"), np.atleast_1d(values(array, "n_units"))
    if len(areas) < 2 or not np.isfinite(sizes).all():
        return ()
    if "matched" not in array:
        return (
            f"Each area has {count(sizes[0], 'unit')}, so that their number does not favour any area."
            if len(set(sizes)) == 1
            else "Areas differ in units, so similarities are not to be compared across areas.",
        )
    return (
        f"Areas have {compact(sizes.min())} to {count(sizes.max(), 'unit')}, and more units look more alike: across "
        f"areas, compare only the matched similarities, from {count(sizes.min(), 'unit')} of each.",
    )


def _hierarchy_sentence(array: xr.Dataset) -> tuple[str, ...]:
    if "hierarchy" not in array:
        why = plain(array.attrs.get("no_hierarchy", ""))
        return (sentence(f"No hierarchy score: {why}"),) if why else ()
    parts = []
    for name in labels(array, "network_name"):
        score, low, high, p = (
            values(array, f"hierarchy{end}", network_name=name) for end in ("", "_low", "_high", "_p")
        )
        parts.append(f"{named(name)} {interval(score, low, high, level=level(array))}, p\u00a0=\u00a0{number(p)}")
    order = " < ".join(named(a) for a in np.atleast_1d(array.attrs.get("order", labels(array, "area"))))
    return (f"Hierarchy score of the order {order}: {'; '.join(parts)}.",)


def _matched_tables(array: xr.Dataset) -> tuple[Table, ...]:
    if "matched" not in array:
        return ()
    metric, areas = metric_words(array.attrs.get("metric", "similarity")), labels(array, "area")
    caption = (
        f"Matched similarity ({metric}) from {_least(array)} units of every area, with {level_words(array)} interval"
    )
    tables = []
    for start in range(0, len(areas), MOST_COLUMNS):
        shown = areas[start : start + MOST_COLUMNS]
        rows = tuple((name, *(_cell(array, area, name) for area in shown)) for name in labels(array, "candidate"))
        tables.append(Table(caption, ("candidate", *shown), rows))
    return tuple(tables)


def _cell(array: xr.Dataset, area: str, name: str) -> str:
    value, low, high = (values(array, v, area=area, candidate=name) for v in ("matched", "matched_low", "matched_high"))
    known = np.isfinite(as_float(low)) and np.isfinite(as_float(high))
    return number(value) + (f" ({bounds(low, high)})" if known else "")


def _hierarchy_tables(array: xr.Dataset) -> tuple[Table, ...]:
    if "hierarchy_depth" not in array:
        return ()
    areas = [str(a) for a in np.atleast_1d(array.attrs.get("order", labels(array, "area")))]
    rows = tuple(
        (f"{name}, {area}", *_depth_cells(array, name, area))
        for name in labels(array, "network_name")
        for area in areas
    )
    columns = ("network and area", "layer shared most", "depth", f"{level_words(array)} interval")
    return (Table("Depth of the layer that each area shares most with, areas from early to late", columns, rows),)


def _depth_cells(array: xr.Dataset, name: str, area: str) -> tuple[str, str, str]:
    depth, low, high = (
        as_float(values(array, f"hierarchy_depth{end}", network_name=name, area=area)) for end in ("", "_low", "_high")
    )
    layers = zip(texts(array, "network"), texts(array, "layer"), np.atleast_1d(values(array, "depth")), strict=False)
    at = [layer for network, layer, place in layers if network == name and np.isclose(place, depth)]
    return (listing([named(layer) for layer in at]) or "not available", number(depth), bounds(low, high))
