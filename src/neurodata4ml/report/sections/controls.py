"""The section on controls: for every claim, what would be seen without it, whether it was, and what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import FEW_AREAS
from neurodata4ml.report.sections.best import best_of, equals_of
from neurodata4ml.report.sections.section import Section, Table
from neurodata4ml.report.words import (
    as_float,
    column,
    count,
    labels,
    listing,
    named,
    number,
    p_value,
    plain,
    texts,
    values,
)
from neurodata4ml.results import Results

Row = tuple[str, str, str, str]
"""What is claimed, the control, what it gave, what follows."""

Sorted = tuple[list[str], list[str]]
"""Areas in which a claim stood, and those in which it did not."""


def controls(results: Results) -> Section:
    """Which control was run for every claim, what it gave, and what a reader should conclude."""
    rows = [row for name, make in _MADE.items() if name in results.arrays for row in make(results.arrays[name])]
    if not rows:
        return Section("Controls", missing="This study makes no claim for which a control is known.")
    without = [said for name, said in _NONE.items() if name in results.arrays]
    return Section(
        "Controls",
        question="What would be seen if there were nothing to find, and was that what was seen?",
        answer=(
            f"{count(len(rows), 'control')} {'was' if len(rows) == 1 else 'were'} run. Each claim stands beside what "
            "would be seen without what it claims; the last column says what follows.",
        ),
        tables=(Table("Claims and their controls", ("claim", "control", "what it gave", "what follows"), tuple(rows)),),
        reading=(
            "A claim that did not stand against its control is not thereby false: these data, with these many trials "
            "and units, do not show it." + (f" No control was run for {listing(without)}." if without else ""),
        ),
    )


_NONE = {
    "psth": "firing rates (a description, with an interval)",
    "latents": "latent trajectories (a description)",
    "rdms": "single distances between stimuli",
}
"""Sections that describe, and what they describe."""


def _decoding(array: xr.Dataset) -> Iterable[Row]:
    areas, n = labels(array, "area"), array.sizes["area"]
    claim = f"the {plain(array.attrs.get('target', 'stimulus'), 40)} can be read"
    shuffles = f"{count(array.attrs.get('n_shuffles'), 'shuffle')} of the labels"
    scheme = f", {plain(array.attrs['null_scheme'], 60)}" if array.attrs.get("null_scheme") else ""
    if "p_window" in array:
        p, chance = column(array, "p_window", n), column(array, "chance_window", n)
        gave = _each(areas, [f"chance {number(c)}, {p_value(v)}" for c, v in zip(chance, p, strict=True)])
        yield (
            claim,
            shuffles + scheme,
            gave,
            _follows(_sort(areas, p < 0.05), "better than chance", _unless_few(array, "not told from chance")),
        )
    if "p_value_corrected" in array:
        low = np.array([np.nanmin(np.append(values(array, "p_value_corrected", area=a), np.inf)) for a in areas])
        gave = _each(areas, [f"lowest corrected {p_value(v if np.isfinite(v) else np.nan)}" for v in low])
        yield (
            f"{claim} at some time",
            "the maximum over all bins of each shuffle",
            gave,
            _follows(
                _sort(areas, low < 0.05),
                "better than chance in some bin",
                _unless_few(array, "in no bin told from chance"),
            ),
        )


def _dimensionality(array: xr.Dataset) -> Iterable[Row]:
    areas, n = labels(array, "area"), array.sizes["area"]
    if "participation_ratio_cv" in array:
        high, limit = column(array, "high", n), column(array, "bias_limit", n)
        yield (
            "responses fill fewer dimensions than noise",
            "white noise of as many stimuli and units",
            _each(areas, [f"{number(v)} dimensions" for v in limit]),
            _follows(_sort(areas, high < limit), "fewer than noise would fill", "not told from noise"),
        )
    if "n_components" in array:
        found = column(array, "n_components", n)
        yield (
            "units share variance",
            "units put in an order of their own",
            _each(areas, [f"{count(v, 'component')} above it" for v in found]),
            _follows(_sort(areas, found > 0), "units share variance", "nothing shared is found"),
        )


def _encoding(array: xr.Dataset) -> Iterable[Row]:
    yield from _twins(array, "training makes features that predict units better", "predicts better", "median score")


def _similarity(array: xr.Dataset) -> Iterable[Row]:
    areas = labels(array, "area")
    if "p_value_corrected" in array:
        best = {area: best_of(array, area) for area in areas}
        p = np.array(
            [
                as_float(values(array, "p_value_corrected", area=a, candidate=b)) if b else np.nan
                for a, b in best.items()
            ]
        )
        yield (
            "an area and its best candidate share geometry",
            f"{count(array.attrs.get('n_shuffles'), 'order')} of the stimuli of one side, corrected for all cells",
            _each(areas, [p_value(v) if np.isfinite(v) else "no candidate above 0" for v in p]),
            _follows(_sort(areas, p < 0.05), "something is shared", _unless_few(array, "nothing shared is shown")),
        )
    yield from _twins(array, "training makes features more alike the area's", "lies above its twin", "similarity")
    yield from _untrained(array, areas)
    for name in labels(array, "network_name") if "hierarchy" in array else ():
        score, its_p = (as_float(values(array, v, network_name=name)) for v in ("hierarchy", "hierarchy_p"))
        yield (
            f"deeper layers of {named(name)} are most alike later areas",
            "all orders of the areas",
            f"score {number(score)}, {p_value(its_p)}",
            "the order is followed" if its_p < 0.05 else "not told from another order of the areas",
        )


def _untrained(array: xr.Dataset, areas: list[str]) -> Iterable[Row]:
    """Ask whether something that never learnt, or saw pixels alone, is in the set of the best."""
    kinds = dict(zip(labels(array, "candidate"), texts(array, "kind") * 1, strict=False))
    if "among_best" not in array or not {"baseline", "untrained"} & set(kinds.values()):
        return
    claimed = [area for area in areas if best_of(array, area)]
    never = [n for n, kind in kinds.items() if kind in ("baseline", "untrained") or "untrained" in n]
    found = {a: [n for n in equals_of(array, a) if n in never] for a in claimed}
    if claimed:
        yield (
            "the best candidate fits better than what was never trained",
            "untrained twins, pixels, Gabor energies",
            _each(claimed, [listing([named(n) for n in found[a]]) or "none fits as well" for a in claimed]),
            _follows(
                _sort(claimed, np.array([not found[a] for a in claimed])), "they fit worse", "at least one fits as well"
            ),
        )


def _twins(array: xr.Dataset, claim: str, yes: str, what: str) -> Iterable[Row]:
    if "twin_gap" not in array:
        return
    areas = labels(array, "area")
    for name in labels(array, "trained_name"):
        gap, low, high = (
            np.array([as_float(values(array, f"twin_gap{end}", area=a, trained_name=name)) for a in areas])
            for end in ("", "_low", "_high")
        )
        gave = [
            f"{what} differs by {number(g)} ({number(lo)} to {number(hi)})"
            for g, lo, hi in zip(gap, low, high, strict=True)
        ]
        yield (
            f"{claim} ({named(name)})",
            "the same network before its training",
            _each(areas, gave),
            _follows(_sort(areas, low > 0), f"the trained network {yes}", "what training adds is not shown"),
        )


def _truth(array: xr.Dataset) -> Iterable[Row]:
    inside, many = (column(array, name, array.sizes["row"]) for name in ("inside", "n_entries"))
    inside, some = inside > 0, "; of many numbers, nine in ten intervals must" if (many > 1).any() else ""
    yield (
        "the analysis finds what is there",
        "simulated data, whose truth is known",
        f"{int(inside.sum())} of {count(inside.size, 'row')} hold the truth{some}",
        "see the section on truth for those that do not" if not inside.all() else "it was found",
    )


_MADE: dict[str, Callable[[xr.Dataset], Iterable[Row]]] = {
    "decoding": _decoding,
    "dimensionality": _dimensionality,
    "encoding": _encoding,
    "similarity": _similarity,
    "truth": _truth,
}
"""Section -> the controls of its claims."""


def _each(areas: list[str], said: list[str]) -> str:
    """Return what a control gave in each area; of many areas, in how many it was looked at."""
    if len(areas) > FEW_AREAS:
        return f"see its section, {count(len(areas), 'area')}"
    return "; ".join(f"{named(area)}: {one}" for area, one in zip(areas, said, strict=True))


def _unless_few(array: xr.Dataset, said: str) -> str:
    """Return what follows where a claim did not stand, unless no p could have been small enough."""
    n = as_float(array.attrs.get("n_shuffles"))
    return f"{count(n, 'shuffle')} cannot give p < 0.05: ask for more" if 0 < n < 20 else said


def _sort(areas: list[str], held: np.ndarray) -> Sorted:
    yes = [area for area, one in zip(areas, held, strict=True) if one]
    return yes, [area for area in areas if area not in yes]


def _follows(sorted_areas: Sorted, yes: str, no: str) -> str:
    """Return what follows, area by area where areas differ."""
    parts = [(found, said) for found, said in zip(sorted_areas, (yes, no), strict=True) if found]
    if len(parts) == 1:
        return parts[0][1]
    return "; ".join(f"{said} in {listing([named(a) for a in found])}" for found, said in parts)
