"""Which trials and units a study is about, and how many it leaves out for which reason."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.study_keys import about
from neurodata4ml.suggest import guess
from neurodata4ml.where import select_rows

MIN_UNITS = 10
"""An area with fewer units is left out where larger ones exist: a population of three says little of an area."""


def with_conditions(session: xr.Dataset, by: str | None) -> xr.Dataset:
    """Make the column ``by`` the stimulus; without it, the dataset's own.

    Raises
    ------
    DesignError
        No such column, or none that tells conditions apart.
    """
    if by is None:
        if "stimulus" in session.coords:
            return session
        message = (
            f"the trials of {session.attrs.get('source')} have no stimulus column that the catalog names. "
            f"Say which column tells conditions apart (by = ... in a study, --by COLUMN): one of "
            f"{', '.join(_columns(session))}."
        )
        raise DesignError(message)
    if by not in session.coords or session[by].dims != ("trial",):
        message = f"by = {by!r} is not {_a_column(session, by)}"
        raise DesignError(message)
    return session.assign_coords(stimulus=("trial", _labels(session[by].values)))


def _labels(values: np.ndarray) -> np.ndarray:
    """Whole numbers become integers, and so equal the names of images; a mixture becomes text; the rest stays."""
    if values.dtype == object and len({type(v) for v in values[~pd.isna(values)]}) > 1:
        return np.array([v if pd.isna(v) else str(v) for v in values], dtype=object)
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.round(values)).all():
        return values.astype(np.int64)
    return values


def _a_column(session: xr.Dataset, name: str) -> str:
    own = _columns(session)
    return f"a column of the trial table.{guess(name, own)} Columns: {', '.join(own)}."


def _columns(session: xr.Dataset) -> list[str]:
    return [str(name) for name, c in session.coords.items() if c.dims == ("trial",) and name != "trial"]


def with_areas(session: xr.Dataset) -> xr.Dataset:
    """Give every unit an area with a name that can be read: ``Thalamus (left)`` of a whole record of a location.

    Some files state as location ``brain_region: Thalamus; hemisphere: left; coordinate_ap: 2.50``, or the same as JSON:
    what is known and no number names the area, so that units of one place are together. Without a location, all units
    are one area.
    """
    if "area" not in session.coords:
        return session.assign_coords(area=("unit", np.full(session.sizes["unit"], "all units", dtype=object)))
    names = [_named_in(str(label)) for label in session["area"].values]
    return session.assign_coords(area=("unit", np.array(names, dtype=object)))


def _named_in(label: str) -> str:
    """Return the words of a record of keys and values; a label that is none stays as it is."""
    try:
        record = json.loads(label)
    except (ValueError, RecursionError):
        record = dict(_PAIR.findall(label)) if _RECORD.fullmatch(label) else None
    values = [str(value).strip() for value in record.values()] if isinstance(record, dict) else []
    words = [value for value in values if value.lower() not in _UNKNOWN and not _NUMBER.fullmatch(value)]
    words = [one for one in words if one.lower() not in _REFERENCES]
    if not words:
        return label
    return f"{words[0]} ({', '.join(words[1:])})" if len(words) > 1 else words[0]


_PAIR = re.compile(r"([A-Za-z_][\w ]*): ([^;]*)")
_RECORD = re.compile(r"[A-Za-z_][\w ]*: [^;]*(?:; ?[A-Za-z_][\w ]*: [^;]*)+;?")
_NUMBER = re.compile(r"[-+]?\d*\.?\d+(?:e[-+]?\d+)?", re.IGNORECASE)
_UNKNOWN = ("", "n/a", "na", "nan", "none", "null", "unknown", "not available")
_REFERENCES = ("bregma", "lambda", "ccf")
"""What coordinates are counted from: no place."""


def keep_trials(session: xr.Dataset, align: str, where: str | None) -> tuple[xr.Dataset, dict[str, int]]:
    """Leave out blanks, invalid trials, those without the event or a condition, and those that ``where`` excludes.

    Returns
    -------
    (Dataset, dict of str to int)
        The session, and how many trials were left out by reason.

    Raises
    ------
    DesignError
        No such column, or no trial is left.
    """
    if align not in session.coords or session[align].dims != ("trial",):
        message = f"align = {align!r} is not {_a_column(session, align)}"
        with about("align"):
            raise DesignError(message)
    label = session["stimulus"].values
    reasons = {
        "blank": session["blank"].values,
        "inside an invalid interval": ~session["valid"].values,
        f"{align} is NaN": ~np.isfinite(session[align].values.astype(float)),
        "no condition": pd.isna(label) | (label.astype(str) == ""),
    }
    if where:
        with about("where"):
            reasons[f"not {where}"] = ~select_rows(_table(session, "trial"), where)
    with about("where"):
        kept, dropped = _drop(session, "trial", reasons)
    return kept, dropped


def _table(session: xr.Dataset, dim: str) -> pd.DataFrame:
    columns: dict[Hashable, Any] = {n: c.values for n, c in session.coords.items() if c.dims == (dim,)}
    return pd.DataFrame({str(name): values for name, values in columns.items()})


def keep_units(session: xr.Dataset, units: str, areas: tuple[str, ...] | None) -> tuple[xr.Dataset, dict[str, int]]:
    """Leave out units by the study's filter, then those of areas that were not asked for, or are too small.

    Parameters
    ----------
    session : Dataset
        With the coordinate ``area`` of units.
    units : "good", "all" or a comparison of unit columns
    areas : tuple of str or None
        None: all with ``MIN_UNITS`` or more, or all where none has as many.

    Returns
    -------
    (Dataset, dict of str to int)
        The session, and how many units were left out by reason.

    Raises
    ------
    DesignError
        No such area or column, or no unit is left.
    """
    home = session["area"].values.astype(str)
    for area in areas or ():
        if area not in home:
            known = list(map(str, dict.fromkeys(home)))
            message = f"there is no area {area!r}.{guess(area, known)} Areas: {', '.join(known)}."
            with about("areas"):
                raise DesignError(message)
    with about("units"):
        reasons = _filtered(session, units)
    if areas is not None:
        reasons["outside the chosen areas"] = ~np.isin(home, areas)
    with about("units"):
        kept, dropped = _drop(session, "unit", reasons)
    home = kept["area"].values.astype(str)
    names, sizes = np.unique(home, return_counts=True)
    small = names[sizes < MIN_UNITS]
    if areas is not None or len(small) in (0, len(names)):
        return kept, dropped
    kept, few = _drop(kept, "unit", {f"in areas of fewer than {MIN_UNITS} units": np.isin(home, small)})
    return kept, dropped | few


def _filtered(session: xr.Dataset, units: str) -> dict[str, np.ndarray]:
    """Return which units the study's filter leaves out, by reason."""
    if units == "all" or (units == "good" and "good" not in session.coords):
        return {}
    if units == "good":
        return {"below the dataset's quality filter": ~session["good"].values.astype(bool)}
    return {f"not {units}": ~select_rows(_table(session, "unit"), units, key="units", rows="unit")}


def _drop(session: xr.Dataset, dim: str, reasons: dict[str, np.ndarray]) -> tuple[xr.Dataset, dict[str, int]]:
    """Leave out what any reason hits, counting each row once, under the first reason."""
    keep = np.ones(session.sizes[dim], dtype=bool)
    dropped = {}
    for reason, hit in reasons.items():
        lost = keep & np.asarray(hit, dtype=bool)
        if lost.any():
            dropped[reason] = int(lost.sum())
        keep &= ~lost
    if not keep.any():
        why = "; ".join(f"{n} {reason}" for reason, n in dropped.items()) or f"the table has no {dim}"
        message = (
            f"no {dim} is left of {session.sizes[dim]}: {why}. Choose other {dim}s, or another "
            f"{'align or where' if dim == 'trial' else 'filter of units'}."
        )
        raise DesignError(message)
    return session.isel({dim: np.flatnonzero(keep)}), dropped
