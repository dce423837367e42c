"""Trials of a session: one interval table with its stimuli, blocks and blanks, and which trials are valid."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.data.columns import (
    as_labels,
    derive,
    expect,
    free_name,
    plain_columns,
    row_dim,
    settle,
    why_not,
    with_numbers,
)
from neurodata4ml.data.entries.records import Layout, Trials
from neurodata4ml.data.mend import Mend
from neurodata4ml.data.nwb.file import NwbFile
from neurodata4ml.data.nwb.kinds import TABLE
from neurodata4ml.data.nwb.types import groups, read_group
from neurodata4ml.errors import LayoutError
from neurodata4ml.suggest import guess


@dataclass(frozen=True)
class ChosenTrials:
    """The trials of a session: coordinates on ``trial``, what the layout says about them, and what was repaired."""

    path: str
    layout: Trials
    coords: dict[str, xr.Variable]
    repaired: dict[str, Any] = field(default_factory=dict)


def read_trials(
    file: NwbFile, layout: Layout, name: str | None, invalid: np.ndarray, mend: Mend | None = None
) -> ChosenTrials:
    """Return the trials called ``name`` (the layout's default when None) as coordinates on ``trial``.

    Parameters
    ----------
    file : NwbFile
    layout : Layout
    name : str or None
        A key of ``layout.trials``, or an interval table of the file: its name or its path.
    invalid : ndarray (n_intervals, 2), s
        Sorted intervals in which nothing was recorded as it should be.
    mend : callable, optional
        Puts right a table that is damaged in the file; see ``mend.py``.

    Raises
    ------
    LayoutError
        No such table (those there are listed), a table without rows, or without a column that the layout names.
    """
    chosen = _choose(file, layout, name)
    table = read_group(file, f"/{chosen.table.strip('/')}")
    if "data" in table.variables:
        table = _presentations_of(file, table, chosen)
    repaired = dict[str, Any]()
    key = next((key for key, trials in layout.trials.items() if trials == chosen), "")
    if mend is not None and (mended := mend(key, chosen, table)) is not None:
        chosen, table, repaired = mended.layout, mended.table, mended.facts
    rows = row_dim(table)
    if not table.sizes.get(rows, 0):
        others = [path for path in interval_tables(file) if path != chosen.table.strip("/")]
        cure = f"Choose another: {_listed(others)}." if others else "There is no other table of intervals in the file."
        message = f"{file.name}: the table {chosen.table} has no rows. {cure}"
        raise LayoutError(message)
    for column in (chosen.start, chosen.stop):
        _require_times(file, chosen.table, table, column)
    plain = plain_columns(table, rows)
    expect([*plain.values(), *(table.coords[name].variable for name in ("id",) if name in table.coords)])
    columns = {name: with_numbers(settle(column)) for name, column in plain.items()}
    coords = {"trial": xr.Variable(("trial",), np.arange(table.sizes[rows]))}
    if "id" in table.coords:
        coords["trial_id"] = settle(table.coords["id"].variable)
    coords |= _said_by_layout(file, chosen, table, columns, invalid)
    shown = {word for word, name in _named(chosen) if word == name}
    coords |= {free_name(name, coords, "trial"): c for name, c in columns.items() if name not in shown}
    on_trial = {name: _on_trial(column) for name, column in coords.items()}
    return ChosenTrials(chosen.table, chosen, on_trial, repaired)


def read_invalid(file: NwbFile, path: str) -> np.ndarray | None:
    """Return the invalid intervals in s, sorted and merged, shape (n, 2); None where the file has no such table."""
    if not path or not has(file, path, or_refused=True):
        return None
    table = read_group(file, f"/{path.strip('/')}")
    if not {"start_time", "stop_time"} <= set(table.variables):
        return None
    for name in ("start_time", "stop_time"):
        _require_times(file, path, table, name)
    if table["start_time"].shape != table["stop_time"].shape:
        shapes = " and ".join(str(table[name].shape) for name in ("start_time", "stop_time"))
        message = f"{file.name}: start_time and stop_time of {path} have shapes {shapes}. Ask who made the file."
        raise LayoutError(message)
    expect([table.variables[name] for name in ("start_time", "stop_time")])
    bounds = np.stack([np.asarray(table[name].data, dtype=np.float64) for name in ("start_time", "stop_time")], axis=1)
    merged: list[list[float]] = []
    for start, stop in bounds[np.argsort(bounds[:, 0])]:
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], stop)
        elif stop > start:
            merged.append([start, stop])
    return np.array(merged, dtype=np.float64).reshape(-1, 2)


def interval_tables(file: NwbFile) -> list[str]:
    """Return the paths of the tables with a start and a stop in every row, without a leading slash."""
    paths = [group.path.strip("/") for group in groups(file, TABLE) if {"start_time", "stop_time"} <= set(group.links)]
    return [path for path in paths if path != "intervals/invalid_times"]


def has(file: NwbFile, path: str, *, or_refused: bool = False) -> bool:
    """Return whether the file has something at ``path`` that can be read, or, if asked, that is refused."""
    found, refusal = file.find(path)
    return found is not None or (or_refused and refusal is not None)


def _choose(file: NwbFile, layout: Layout, name: str | None) -> Trials:
    """Return the layout's own trials, else a table of the file by its name or path."""
    wanted = name or layout.default_trials
    if wanted in layout.trials:
        chosen = layout.trials[wanted]
        if not has(file, chosen.table, or_refused=True):
            message = f"{file.name} has no table {chosen.table}. There are: {_listed(interval_tables(file))}."
            raise LayoutError(message)
        return chosen
    tables = interval_tables(file)
    same = [t for t in tables if wanted.strip("/") in (t, t.rpartition("/")[2])] if wanted else []
    refused = [path for path in (wanted.strip("/"), f"intervals/{wanted}") if wanted and file.find(path)[1]]
    if refused and not same:
        return Trials(refused[0])  # so that reading it says why
    if len(same) == 1:
        return next((t for t in layout.trials.values() if t.table == same[0]), Trials(same[0]))
    names = [*layout.trials, *tables]
    if not wanted and not names:
        message = (
            f"{file.name} holds no table of intervals that could be trials, and a session needs one. Read what there "
            "is with open_nwb(path), or add the intervals with pynwb: NWBFile.add_trial(start_time, stop_time)."
        )
    elif not wanted:
        message = (
            f"{file.name}: say which table holds the trials, trials=TABLE (--trials TABLE on the command line). "
            f"There are: {_listed(names)}."
        )
    elif same:
        message = f"{file.name} has {len(same)} tables called {wanted}. Give the path: {_listed(same)}."
    else:
        hint = guess(wanted, [*names, *(t.rpartition("/")[2] for t in tables)])
        message = f"{file.name} has no table {wanted!r}.{hint} There are: {_listed(names)}."
    raise LayoutError(message)


def _presentations_of(file: NwbFile, series: xr.Dataset, chosen: Trials) -> xr.Dataset:
    """Return a series of stimulus indices as a table: each sample is a trial, from its time to the next one's."""
    if "timestamps" not in series.coords or series.coords["timestamps"].dims != series["data"].dims:
        message = f"{file.name}: the series {chosen.table} has no time for each of its values, so it tells no trials."
        raise LayoutError(message)
    start = series.coords["timestamps"].variable
    stop = xr.Variable(start.dims, np.append(np.asarray(start.data)[1:], np.nan), start.attrs)  # the last is not known
    return xr.Dataset({"data": series["data"].variable, chosen.start: start, chosen.stop: stop})


def _said_by_layout(
    file: NwbFile, chosen: Trials, table: xr.Dataset, columns: dict[str, xr.Variable], invalid: np.ndarray
) -> dict[str, xr.Variable]:
    """Return start_time, stop_time, stimulus, block, blank and valid."""
    said = {word: _column(file, chosen, table, columns, name) for word, name in _named(chosen)}
    said |= {word: as_labels(said[word]) for word in ("stimulus", "block") if word in said}
    start, stop = said["start_time"], said["stop_time"]
    said["blank"] = derive(lambda label: _is_blank(label, chosen.blank), said.get("stimulus", start), dtype=bool)
    said["valid"] = derive(lambda a, b: ~_overlaps(a, b, invalid), start, stop, dtype=bool)
    for word in ("start_time", "stop_time"):
        said[word].attrs["units"] = "s"
    return said


def _named(chosen: Trials) -> list[tuple[str, str]]:
    """Return the words of the house that the layout has a column for, with that column."""
    words = ("start_time", "stop_time", "stimulus", "block")
    names = (chosen.start, chosen.stop, chosen.stimulus, chosen.block)
    return [(word, name) for word, name in zip(words, names, strict=True) if name]


def _column(
    file: NwbFile, chosen: Trials, table: xr.Dataset, columns: dict[str, xr.Variable], name: str
) -> xr.Variable:
    if name not in columns:
        absent = f"the table {chosen.table} has no column {name!r}. It has: {_listed(columns)}."
        message = f"{file.name}: {why_not(file, chosen.table, table, name) or absent}"
        raise LayoutError(message)
    return columns[name].copy(deep=False)


def _require_times(file: NwbFile, path: str, table: xr.Dataset, name: str) -> None:
    """Raise where a column of times is there and holds something else than numbers."""
    if name in table.variables and table[name].dtype.kind not in "iuf":
        kind = "text" if table[name].dtype == object else str(table[name].dtype)
        message = (
            f"{file.name}: {path.strip('/')}/{name} holds {kind}, and it must hold times in seconds as numbers. "
            "Choose another table with trials=..., or ask who made the file."
        )
        raise LayoutError(message)


def _is_blank(label: np.ndarray, blank: float | str | None) -> np.ndarray:
    if blank is None:
        return np.zeros(label.shape, dtype=bool)
    if blank == "nan" or (isinstance(blank, float) and math.isnan(blank)):
        is_nan = np.asarray(label != label, dtype=bool)  # only NaN differs from itself
        return is_nan | np.asarray(label == "nan", dtype=bool) if label.dtype == object else is_nan
    return np.asarray(label == blank, dtype=bool)


def _overlaps(start: np.ndarray, stop: np.ndarray, invalid: np.ndarray) -> np.ndarray:
    """Return which intervals [start, stop) meet an invalid one; a stop that is not known counts as the start."""
    if not len(invalid):
        return np.zeros(np.shape(start), dtype=bool)
    first = np.searchsorted(invalid[:, 1], start, side="right")  # the first that ends after the trial starts
    begins = np.append(invalid[:, 0], np.inf)[first]
    return np.asarray((begins < stop) | (begins <= start))


def _on_trial(column: xr.Variable) -> xr.Variable:
    attrs = {name: value for name, value in column.attrs.items() if name in ("units", "table")}
    return xr.Variable(("trial",), column.data, attrs)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
