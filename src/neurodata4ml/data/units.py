"""Units of a session: spikes or responses, the brain area of each unit, and whether it meets the quality rules."""

from __future__ import annotations

import operator
from collections.abc import Collection
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.data.columns import expect, free_name, plain_columns, row_dim, settle, texts, why_not, with_numbers
from neurodata4ml.data.entries.records import AreaJoin, Filter, Layout
from neurodata4ml.data.nwb.blocks import chunked
from neurodata4ml.data.nwb.file import NwbFile
from neurodata4ml.data.nwb.kinds import SERIES
from neurodata4ml.data.nwb.types import groups, read_group
from neurodata4ml.data.trials import has
from neurodata4ml.errors import LayoutError

AREA_COLUMNS = ("area", "brain_area", "brain_region", "location", "region")
"""Columns of a units table that say the area themselves, in the order in which they are tried."""

OF_UNITS = ("id", "spike_times_start", "electrodes", "electrodes_start")
"""Columns beside the plain ones that opening looks at, where they are small."""

OF_TRIALS = ("stimulus", "block", "start_time", "stop_time")
"""Words that belong to trials, whether this session has them or not."""

ELECTRODES = "general/extracellular_ephys/electrodes"

UNMAPPED = "why: neurodata4ml.open_nwb(path).attrs['unmapped']"

RULES = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


def read_units(file: NwbFile, layout: Layout, taken: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the coordinates on ``unit``, and ``spike_times`` with the range of each unit in it.

    Parameters
    ----------
    file : NwbFile
    layout : Layout
    taken : collection of str
        Names that trial columns have already; a unit column of the same name gets the prefix ``unit_``.

    Returns
    -------
    coords, variables : dict of Variable

    Raises
    ------
    LayoutError
        No units, units of one id, no column that the layout names, or spike times that belong to no unit.
    """
    path = layout.units or roi_table(file, layout)
    table = _table(file, path)
    rows = row_dim(table)
    plain = plain_columns(table, rows)
    expect([*plain.values(), *(table.variables[name] for name in OF_UNITS if name in table.variables)])
    columns = {name: with_numbers(settle(column)) for name, column in plain.items()}
    coords = {"unit": _ids(file, path, table, rows)}
    if layout.area is not None:
        coords["area"] = _areas(file, path, table, layout.area)
    if layout.quality:
        coords["good"] = _good(file, path, table, columns, layout.quality)
    taken = {*coords, *taken, *OF_TRIALS}
    coords |= {free_name(name, taken, "unit"): column for name, column in columns.items()}
    coords = {name: _on_unit(column) for name, column in coords.items()}
    return coords, {**_spikes(file, path, table, rows), **_observed(table, rows)}


def read_responses(file: NwbFile, layout: Layout, units: np.ndarray) -> dict[str, xr.Dataset]:
    """Return the recordings that are a series of one value per unit (fluorescence, ...): (time, unit), unread.

    Raises
    ------
    LayoutError
        When a series has no place for each unit: its ROIs are not the rows of the table of units.
    """
    found = {}
    for name, path in layout.responses.items():
        series = _table(file, path)
        if "data" not in series.variables:
            message = f"{file.name}: {path} has no data that can be read. See {UNMAPPED}."
            raise LayoutError(message)
        data = series["data"]
        if data.ndim != 2 or data.shape[1] != len(units):
            message = f"{file.name}: {path} has shape {data.shape}, which is not (time, {len(units)} ROIs)."
            raise LayoutError(message)
        found[name] = series
    return found


def find_area(file: NwbFile, units: str) -> AreaJoin | None:
    """Return how the units of an uncatalogued file find their area, where the file plainly says so."""
    table = _table(file, units)
    columns = set(table.variables)
    plain = plain_columns(table, row_dim(table))
    own = [name for name in AREA_COLUMNS if name in plain]
    if own:
        return AreaJoin(own[0])
    if not has(file, f"{ELECTRODES}/location"):
        return None
    if "peak_channel_id" in columns:
        return AreaJoin("peak_channel_id", ELECTRODES, "id", "location")
    return AreaJoin("electrodes", ELECTRODES, "", "location") if "electrodes" in columns else None


def area_words(join: AreaJoin) -> str:
    """Return in words where the area of a unit comes from."""
    if not join.table:
        return f"units.{join.column}"
    how = f" by {join.key}" if join.key else f" by row, the first of which is {join.first}" if join.first else ""
    return f"units.{join.column} -> {join.table}.{join.value}{how}"


def roi_series(file: NwbFile) -> list[str]:
    """Return the paths of the series of ROI responses."""
    paths = [g.path.strip("/") for g in groups(file, SERIES) if {"rois", "data"} <= set(g.links)]
    return [path for path in paths if path.startswith("processing/")]


def _table(file: NwbFile, path: str) -> xr.Dataset:
    if not path or not has(file, path, or_refused=True):
        tables = ", ".join(sorted(g.path for g in groups(file) if "colnames" in g.attrs)) or "none"
        message = f"{file.name} has no {path or 'units and no ROI responses'}. Its tables: {tables}."
        raise LayoutError(message)
    return read_group(file, f"/{path.strip('/')}")


def roi_table(file: NwbFile, layout: Layout) -> str:
    """Return the path of the table whose rows are the ROIs of the responses."""
    series = [_table(file, path).variables for path in layout.responses.values()]
    paths = {str(one["rois"].attrs.get("table", "")) if "rois" in one else "none" for one in series}
    if len(paths) != 1:
        message = (
            f"{file.name}: the responses are of ROIs in {len(paths)} tables ({', '.join(sorted(paths))}), not one."
        )
        raise LayoutError(message)
    return paths.pop().strip("/")


def _ids(file: NwbFile, path: str, table: xr.Dataset, rows: str) -> xr.Variable:
    """Return the ids of the units: the labels of ``unit``, read whatever their size."""
    if "id" not in table.coords:
        return xr.Variable((rows,), np.arange(table.sizes[rows]))
    ids = np.asarray(table.coords["id"].data)
    labels, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        twice = [str(label) for label in labels[counts > 1]]
        message = (
            f"{file.name}: {len(twice)} of the ids in {path}/id belong to several units ({', '.join(twice[:5])}), so "
            "their labels cannot tell units apart. In a copy of the file, number them: "
            f"h5py.File(copy, 'r+')['{path}/id'][...] = range({len(ids)})."
        )
        raise LayoutError(message)
    return xr.Variable((rows,), ids)


def _spikes(file: NwbFile, path: str, table: xr.Dataset, rows: str) -> dict[str, xr.Variable]:
    """Return the whole column of spike times, unread, and where each unit's part starts and stops."""
    for name in ("spike_times", "spike_times_index"):
        file_has = has(file, f"{path}/{name}", or_refused=True)
        if file_has:
            file.object(f"{path}/{name}")  # says why where it is refused
    if "spike_times" not in table.variables:
        return {}
    stops = table.variables.get("spike_times_stop")
    if stops is None or stops.dims != (rows,):
        found = "no index" if stops is None else f"an index of {stops.size:,} rows"
        message = (
            f"{file.name}: {path}/spike_times has {found} for {table.sizes[rows]:,} units, so whose spikes they are is "
            "not known. Fetch the file again, or ask who made it for a whole one."
        )
        raise LayoutError(message)
    times = chunked(table["spike_times"].variable)
    if times.ndim != 1 or times.dtype.kind not in "iuf":
        message = (
            f"{file.name}: {path}/spike_times has shape {times.shape} and type {times.dtype}; it must be one number in "
            "seconds after the other. Ask who made the file."
        )
        raise LayoutError(message)
    return {
        "spike_times": xr.Variable(("spike",), times.data, {"units": "s"}),
        "spike_start": xr.Variable(("unit",), settle(table["spike_times_start"].variable).data),
        "spike_stop": xr.Variable(("unit",), settle(stops).data),
    }


def _observed(table: xr.Dataset, rows: str) -> dict[str, xr.Variable]:
    """Return when each unit was observed, unread: its part of a column of intervals (start, stop) in seconds."""
    intervals, starts, stops = (table.variables.get(f"obs_intervals{end}") for end in ("", "_start", "_stop"))
    if intervals is None or starts is None or stops is None or intervals.shape[1:] != (2,) or stops.dims != (rows,):
        return {}
    return {
        "obs_intervals": xr.Variable(("obs", "bound"), chunked(intervals).data, {"units": "s"}),
        "obs_start": xr.Variable(("unit",), chunked(starts).data),
        "obs_stop": xr.Variable(("unit",), chunked(stops).data),
    }


def _areas(file: NwbFile, path: str, units: xr.Dataset, join: AreaJoin) -> xr.Variable:
    """Return the area of each unit as text; "" where the file does not tell."""
    is_ragged, n_units = f"{join.column}_start" in units.variables, units.sizes[row_dim(units)]
    is_list_of_one = join.column in units.variables and units[join.column].shape == (n_units, 1)
    if not (is_ragged or is_list_of_one) and join.column not in plain_columns(units, row_dim(units)):
        absent = f"the units have no column {join.column!r}, which leads to their areas."
        message = f"{file.name}: {why_not(file, path, units, join.column) or absent}"
        raise LayoutError(message)
    column = np.asarray(units[join.column].data) if join.table else texts(units[join.column].variable)
    column = column[:, 0] if is_list_of_one else column
    if not join.table:
        return xr.Variable((row_dim(units),), column.astype(object))
    other = _table(file, join.table)
    missing = [name for name in (join.key, join.value) if name and name not in other.variables]
    if missing:
        message = f"{file.name}: {join.table} has no column {missing[0]!r}, which tells the areas of units."
        raise LayoutError(message)
    expect([other.variables[name] for name in (join.key, join.value) if name])
    areas = texts(other[join.value].variable).astype(object)
    if join.key:
        place = {key: row for row, key in enumerate(np.asarray(other[join.key].data).tolist())}
        rows = [place.get(key, -1) for key in column.tolist()]
    elif is_ragged:
        starts = np.asarray(units[f"{join.column}_start"].data)
        stops = np.asarray(units[f"{join.column}_stop"].data)
        rows = [int(column[a]) - join.first if b > a else -1 for a, b in zip(starts, stops, strict=True)]
    else:
        rows = (column.astype(int) - join.first).tolist()
    values = [areas[row] if 0 <= row < len(areas) else "" for row in rows]
    return xr.Variable((row_dim(units),), np.array(values, dtype=object))


def _good(
    file: NwbFile, path: str, units: xr.Dataset, columns: dict[str, xr.Variable], rules: tuple[Filter, ...]
) -> xr.Variable:
    """Return which units meet every rule; a unit whose value is NaN does not."""
    missing = [rule.column for rule in rules if rule.column not in columns]
    if missing:
        absent = f"{path} has no column {missing[0]!r} for the quality rule. It has: {', '.join(columns)}."
        message = f"{file.name}: {why_not(file, path, units, missing[0]) or absent}"
        raise LayoutError(message)
    met = [
        RULES[rule.op](columns[rule.column], rule.value) & (columns[rule.column] == columns[rule.column])
        for rule in rules
    ]
    return xr.Variable(met[0].dims, np.logical_and.reduce([np.asarray(m.data, dtype=bool) for m in met]))


def _on_unit(column: xr.Variable) -> xr.Variable:
    attrs = {name: value for name, value in column.attrs.items() if name in ("units", "table")}
    return xr.Variable(("unit",), column.data, attrs)
