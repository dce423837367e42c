"""How many recordings are said in words and tables: of how many animals, with which interval, in how many of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps

import numpy as np
import xarray as xr

from neurodata4ml.report.facts import FEW_AREAS, level, level_words, span
from neurodata4ml.report.sections.section import Maker, Section, Table
from neurodata4ml.report.words import (
    as_float,
    bounds,
    compact,
    count,
    interval,
    labels,
    named,
    number,
    sentence,
    values,
)
from neurodata4ml.results import Results

MOST_LISTED = 12
"""Recordings whose every value a page lists; of more, results.json has them."""

_COLUMNS = 6
"""Areas side by side in a table of recordings."""


def of_many(name: str, title: str) -> Callable[[Maker], Maker]:
    """Let a section that no recording could answer be one sentence that says why; warn where some could not.

    Parameters
    ----------
    name : str
        Of the section, as each recording calls it.
    title : str
    """

    def decorate(make: Maker) -> Maker:
        @wraps(make)
        def made(results: Results) -> Section:
            if f"{name}_sessions" not in results.arrays:
                return Section(title, missing=_why_not(results, name))
            section = make(results)
            warned = (*section.warnings, *_lacking(results, name), *_undefined(results.arrays[f"{name}_sessions"]))
            return replace(section, title=title, warnings=warned)

        return made

    return decorate


def _why_not(results: Results, name: str) -> str:
    reasons = _reasons(results, name)
    if not reasons:
        return "This study did not ask for it."
    return f"No recording could answer it. {next(iter(reasons.values()))}"


def _reasons(results: Results, name: str) -> dict[str, str]:
    """Return why recordings lack a section, by recording."""
    return {key: sentence(one.missing[name]) for key, one in results.sessions.items() if name in one.missing}


def _lacking(results: Results, name: str) -> tuple[str, ...]:
    reasons = _reasons(results, name)
    if not reasons:
        return ()
    n, first = len(reasons), next(iter(reasons))
    which = f"{named(first)}" if n == 1 else f"the first, {named(first)}"
    return (f"{count(n, 'recording')} of {len(results.sessions)} could not answer this ({which}): {reasons[first]}",)


def _undefined(array: xr.Dataset) -> tuple[str, ...]:
    why = str(array.attrs.get("undefined", ""))
    return (sentence(f"Not available: {why}"),) if why else ()


def recordings_of(array: xr.Dataset, n: float | None = None) -> str:
    """Return ``30 recordings``, and of how many animals where animals are the samples."""
    n = array.sizes.get("session", 0) if n is None else n
    by_animal = array.attrs.get("sampled") == "animal"
    return count(n, "recording") + (f" of {count(array.attrs.get('n_samples'), 'animal')}" if by_animal else "")


def mean_said(array: xr.Dataset, name: str, units: str = "", *, short: bool = False, **where: str) -> str:
    """Return ``0.42 (95 % interval 0.39 to 0.45) over 30 recordings`` of one quantity at one place.

    ``short``: over how many is left out where it is all recordings of the array.
    """
    mean, low, high, n = (values(array, f"{name}_{end}", **where) for end in ("mean", "mean_low", "mean_high", "n"))
    over = count(n, "recording")
    if array.attrs.get("sampled") == "animal":
        over += f" of {count(values(array, f'{name}_n_samples', **where), 'animal')}"
    said = interval(mean, low, high, units=units, level=level(array))
    return said if short and int(n) == array.sizes["session"] else f"{said} over {over}"


def sentences_by_area(
    array: xr.Dataset, name: str, what: str, said: Callable[[str], str], units: str = ""
) -> list[str]:
    """Return one sentence per area, or for many areas one with the range of the means of ``name``."""
    areas = [area for area in labels(array, "area") if np.isfinite(as_float(values(array, f"{name}_mean", area=area)))]
    if not areas:
        return [f"The {what} is not available."]
    if len(areas) > FEW_AREAS:
        means = np.array([as_float(values(array, f"{name}_mean", area=area)) for area in areas])
        return [span(areas, means, f"the {what}, a mean over {recordings_of(array)},", units)]
    return [said(area) for area in areas]


def table_of_means(
    array: xr.Dataset, name: str, caption: str, more: Mapping[str, Callable[[str], str]] | None = None
) -> Table:
    """Return a table of areas: how many recordings, the mean with its interval, and what else is asked.

    Parameters
    ----------
    array : Dataset
    name : str
        Of the quantity.
    caption : str
    more : dict of str to callable, optional
        Heading -> what the cell of an area says.
    """
    more, by_animal = more or {}, array.attrs.get("sampled") == "animal"
    ranges = array.sizes["session"] > MOST_LISTED  # of fewer, a table lists each
    rows = []
    for area in labels(array, "area"):
        each = values(array, name, area=area)
        low, high = (values(array, f"{name}_mean_{end}", area=area) for end in ("low", "high"))
        known = each[np.isfinite(each)]
        row = [area, compact(values(array, f"{name}_n", area=area))]
        row += [compact(values(array, f"{name}_n_samples", area=area))] if by_animal else []
        row += [number(values(array, f"{name}_mean", area=area)), bounds(low, high)]
        row += [bounds(known.min(), known.max()) if known.size else "not available"] if ranges else []
        rows.append((*row, *(cell(area) for cell in more.values())))
    columns = ("area", "recordings", *(["animals"] if by_animal else []), "mean", f"{level_words(array)} interval")
    return Table(caption, (*columns, *(["lowest to highest"] if ranges else []), *more), tuple(rows))


def table_of_each(array: xr.Dataset, name: str, caption: str) -> tuple[Table, ...]:
    """Return a table of every recording's own values by area; none where there are too many to read."""
    if array.sizes["session"] > MOST_LISTED:
        return ()
    areas, keys = labels(array, "area"), labels(array, "session")
    tables = []
    for start in range(0, len(areas), _COLUMNS):
        shown = areas[start : start + _COLUMNS]
        columns = {area: [values(array, v, area=area) for v in (name, f"{name}_low", f"{name}_high")] for area in shown}
        rows = tuple((key, *(_own(columns[a], i, wide=len(shown) < 4) for a in shown)) for i, key in enumerate(keys))
        tables.append(Table(caption, ("recording", *shown), rows))
    return tuple(tables)


def _own(ends: Sequence[np.ndarray], i: int, *, wide: bool) -> str:
    value, low, high = (float(np.atleast_1d(v)[i]) if v.ndim else float(v) for v in ends)
    if not np.isfinite(value):
        return "–"
    return f"{number(value)} ({bounds(low, high)})" if wide and np.isfinite(low + high) else number(value)


def means_reading(array: xr.Dataset) -> str:
    """Return what the interval of a mean over recordings is of, and what it is not."""
    if array.attrs.get("sampled") == "animal":
        return (
            "Means are taken within every animal first, and animals are the samples, because recordings of one animal "
            "resemble each other. The interval is Student's t over animals: what other animals, recorded in this way, "
            "would give."
        )
    one = as_float(array.attrs.get("n_animals")) == 1
    held = "of this one animal; it says nothing of other animals" if one else "made in this way"
    unknown = (
        ""
        if as_float(array.attrs.get("n_animals")) > 0
        else (
            " The animals are not known here; where several recordings are of one animal, the interval is too narrow."
        )
    )
    return (
        "Every recording counts the same, however many units it has. The interval is Student's t over recordings: "
        f"what other recordings {held}, would give.{unknown}"
    )
