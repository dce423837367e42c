"""Similarities in words: how large against chance and ceiling, how sure, and which alternatives fit as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.explained.phrasing import (
    MAPS,
    estimate,
    listed,
    names,
    number,
    sentence,
    value_of,
)
from neurodata4ml.analysis.comparison.explained.tables import (
    SHARED,
    Parts,
    confidence,
    is_corrected,
    metric_of,
    numbers,
    over,
    sizes,
    spread,
    tests,
    which,
)
from neurodata4ml.analysis.comparison.sheets import sheets_of
from neurodata4ml.analysis.similarity.metrics import METRICS


def of_compare(result: xr.Dataset) -> Parts:
    """Explain what ``compare`` gives."""
    return [
        ("What is estimated", _estimand(result)),
        ("The numbers", numbers(result)),
        ("What the interval is over", _interval(result)),
        ("What independent data give", _null(result)),
        ("What a perfect model would reach", _ceiling(result)),
        ("Tests", tests(result)),
        ("What changes nothing", _invariances(result)),
        ("What the sizes of the sample do", METRICS[metric_of(result)].bias),
        ("What would break it", METRICS[metric_of(result)].breaks),
        ("What it does not show", f"{SHARED} {_alternatives(result)}"),
        ("Source", sentence(METRICS[metric_of(result)].reference)),
    ]


def of_brain_vs_network(result: xr.Dataset) -> Parts:
    """Explain what ``brain_vs_network`` gives: its first metric in full, the others by their numbers."""
    tables = sheets_of(result)
    parts = of_compare(tables[0])
    for table in tables[1:]:
        told = f"{METRICS[metric_of(table)].about} {numbers(table)} {_null(table)}"
        parts.insert(-2, (f"By another metric, {metric_of(table)}", told))
    parts.insert(-2, ("Between areas", _matched(result)))
    parts.insert(-2, ("Without training", _untrained(tables[0])))
    return [*parts[:-2], *_hierarchies(result), *parts[-2:]]


def _estimand(result: xr.Dataset) -> str:
    promise, distance = METRICS[metric_of(result)], result.attrs.get("distance")
    on = f" of {distance} distances" if distance else ""
    of = "both sides" if "y" in result.get("ceiling", xr.DataArray()).dims else "the first side"
    noise = f" The trial noise of {of} is taken out." if is_corrected(result) else ""
    sides = "" if promise.symmetric else " The two sides are not interchangeable: the first is that of x."
    return (
        f"How alike two representations are by {metric_of(result)}{on}, for {sizes(result)}. "
        f"{promise.about}{noise}{sides}"
    )


def _interval(result: xr.Dataset) -> str:
    assumed = sentence(str(result.attrs.get("assumed", "")))
    if "low" not in result:
        return f"No interval. {assumed}"
    other = "" if "stimuli" in over(result) else " Other stimuli are not covered: they would move it further than this."
    return f"{confidence(result)}, from leaving out one part at a time (jackknife). {assumed}{other}"


def _null(result: xr.Dataset) -> str:
    promise, size = METRICS[metric_of(result)], sizes(result)
    if promise.unbiased:
        return f"About 0 in expectation, for {size} as for any other number: values near 0 are what chance gives."
    if "null_value" not in result:
        return ""
    how = "closed form for uncorrelated features; correlated ones act like fewer and lower it"
    if promise.null is None:
        how = "mean over shuffles of the stimuli"
    said = f"{spread(result['null_value'])} for {size} ({how}): a similarity is to be read against this, not against 0."
    excess = result["similarity"] - result["null_value"]
    if bool((excess <= 0).any()):
        said += f" No more than that{which((excess <= 0) & excess.notnull()) or ' here'}."
    return said


def _ceiling(result: xr.Dataset) -> str:
    if "ceiling" not in result or bool(result["ceiling"].isnull().all()):
        why = result.attrs.get("no_ceiling", "")
        without = (
            why or "without single trials it is not known how much of what is missing to the highest value is noise"
        )
        found_none = "no signal above the noise was found" if "ceiling" in result else without
        return sentence(f"No ceiling: {found_none}")
    if "x" in result["ceiling"].dims:
        areas = enumerate(names(result, "x"))
        told = listed([f"{area} {_one_ceiling(result.isel(x=i))}" for i, area in areas], 8)
    else:
        told = _one_ceiling(result)
    if is_corrected(result):
        raw = f", which is {spread(result['raw'])}" if not result["raw"].dims else ""
        return (
            f"{told} in `raw`, the similarity before noise is taken out{raw}. After that a perfect model "
            "reaches 1, give "
            "or take its interval; values above 1 are shown as they are."
        )
    return f"{told}, against these noisy responses. Scores above it are shown as they are, never clipped."


def _one_ceiling(row: xr.Dataset) -> str:
    if row["ceiling"].dims:
        return spread(row["ceiling"]).removesuffix(", cell by cell,")
    return estimate(row["ceiling"], value_of(row, "ceiling_low"), value_of(row, "ceiling_high"))


def _invariances(result: xr.Dataset) -> str:
    promise = METRICS[metric_of(result)]
    blind = [MAPS[name] for name in MAPS if name in promise.invariant_to]
    sees = [MAPS[name] for name in ("rotation", "invertible") if name not in promise.invariant_to]
    on = " (with Euclidean distances)" if promise.on == "rdm" else ""
    return f"{sentence(listed(blind, 9))[:-1]}{on}. What does change it: {listed(sees) or 'any other map'}."


def _alternatives(result: xr.Dataset) -> str:
    """Name the candidates that fit as well as the one of highest similarity."""
    if "among_best" not in result or "y" not in result["among_best"].dims:
        return "Other representations, not compared here, may fit as well."
    rows: list[tuple[str, Any]] = [("", result)]
    if "x" in result["among_best"].dims:
        rows = [(f"In {area}: ", result.isel(x=i)) for i, area in enumerate(names(result, "x"))]
    return " ".join(f"{where}{_equals(row)}" for where, row in rows)


def _equals(row: xr.Dataset) -> str:
    labels = names(row, "y")
    equal = [label for label, near in zip(labels, row["among_best"].values, strict=True) if near == 1]
    if "claim" in row and not bool(row["claim"] == 1):
        return (
            "nothing is claimed, since no candidate is above what independent data give by its interval, or that of "
            "the highest is not known; all "
            f"{len(labels)} remain: {listed(equal or labels, 12)}."
        )
    if len(equal) == 1:
        return (
            f"{equal[0]} is told from the other {len(labels) - 1}; representations not compared here may fit as well."
        )
    return f"these fit equally well and cannot be told apart: {listed(equal, 12)}." if equal else "none can be named."


def _matched(result: xr.Dataset) -> str:
    if "matched" not in result:
        sizes = set(np.atleast_1d(result["n_units"].values).tolist()) if "n_units" in result else set()
        even = len(sizes) == 1 and result.sizes.get("area", 1) > 1
        return "All areas have an equal number of units, and may be compared." if even else ""
    first = result["matched"].isel(metric=0) if "metric" in result.dims else result["matched"]
    if "area" not in first.dims:
        return f"From as many units as the smallest area has, the highest similarity is {number(first.max())}."
    highest = [f"{area} {number(first.isel(area=i).max())}" for i, area in enumerate(names(result, "area"))]
    return (
        "Similarity depends on how many units were recorded. Areas may be compared by `matched` only, where "
        "all have as "
        f"many units as the smallest; highest there: {listed(highest, 8)}."
    )


def _untrained(table: xr.Dataset) -> str:
    """Say where what was never trained fits as well as what was."""
    if "kind" not in table.coords or "among_best" not in table or "y" not in table["among_best"].dims:
        return ""
    plain = np.isin(table["kind"].values, ["untrained", "baseline"])
    if not plain.any():
        return "No untrained twin, pixels or Gabor energies are among the candidates."
    rows: list[tuple[str, Any]] = [("", table)]
    if "x" in table["among_best"].dims:
        rows = [(f"in {area} ", table.isel(x=i)) for i, area in enumerate(names(table, "x"))]
    said = []
    for where, row in rows:
        near = (row["among_best"].values == 1) & plain
        if near.any():
            said.append(f"{where}{listed(np.asarray(names(table, 'y'))[near].tolist())}")
    if not said:
        return "No untrained twin and no baseline fits as well as the layer of highest similarity, in any area."
    return sentence(
        f"what was never trained on images fits as well {'; '.join(said)}: training is not needed for it there"
    )


def _hierarchies(result: xr.Dataset) -> Parts:
    if "hierarchy" not in result:
        return []
    told = [
        f"{name} {estimate(*(value_of(one, f'hierarchy{end}') for end in ('', '_low', '_high')))}, p = "
        f"{number(value_of(one, 'hierarchy_p'))}"
        for name, one in ((name, result.isel(network_name=i)) for i, name in enumerate(names(result, "network_name")))
    ]
    return [
        (
            "Order of areas and layers",
            f"Rank correlation of the order of areas with the depth of the layer that shares most geometry with each: "
            f"{'; '.join(told)}. An untrained twin beside it says how much of it needs no training.",
        )
    ]
