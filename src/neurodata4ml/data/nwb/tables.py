"""DynamicTable, TimeIntervals and Units: a row dim of the table's name, ragged columns with starts and stops."""

from __future__ import annotations

import numpy as np

from neurodata4ml.data.nwb.arrays import NwbArray, Rows
from neurodata4ml.data.nwb.blocks import variable
from neurodata4ml.data.nwb.derived import Bounds, Labels
from neurodata4ml.data.nwb.file import DatasetAt, GroupAt, NwbFile
from neurodata4ml.data.nwb.kinds import core_type_of, type_of
from neurodata4ml.data.nwb.names import own_name
from neurodata4ml.data.nwb.objects import Node
from neurodata4ml.data.storage.index import NUMBER

SECONDS = frozenset({"start_time", "stop_time", "spike_times", "obs_intervals", "timestamp", "duration"})
"""Columns that the NWB schema itself defines in seconds."""

ALIGNED = frozenset({"AlignedDynamicTable", "IntracellularRecordingsTable"})
"""Tables whose ``categories`` are tables with the same rows."""


def read_table(node: Node) -> None:
    """Add the columns of a table to ``node``.

    A ragged column ``x`` lies end to end along its own dim ``<table>_x``, with ``x_start`` and ``x_stop`` for each
    row. A column that points to rows of another table has that table's path in ``attrs["table"]``; codes are
    decoded to their labels.
    """
    datasets = {name: item for name, item in node.members.items() if isinstance(item, DatasetAt)}
    indices = {name for name, item in datasets.items() if _is_index(name, item, datasets)}
    node.rows |= {name: Rows(node.file.stored, datasets[name]) for name in indices}
    node.promised = {f"{name.removesuffix('_index')}_{end}" for name in indices for end in ("start", "stop")}
    elements = {f"{name}_elements" for name, item in datasets.items() if type_of(item) == "EnumData"}
    n_rows = _n_rows(datasets.get("id"))
    rows = _rows(node.file, node.group, n_rows)
    for name, item in datasets.items():
        if name in elements:
            continue
        if not item.shape:
            node.place_other(name)
            continue
        first = _row_dim(node, name, item, rows, n_rows, indices)
        if name in indices:
            _add_bounds(node, name, first, of_index=name.removesuffix("_index") in indices)
        else:
            _add_column(node, name, item, first, f"{name}_index" if f"{name}_index" in indices else None)
    for name, other in node.members.items():
        if isinstance(other, GroupAt):
            node.place_link(name)
    for name in listed(node.group):
        if name not in node.group.links:
            node.leave(name, "the table lists this column and does not hold it")


def listed(group: GroupAt, word: str = "colnames") -> list[str]:
    """Return the names of the columns (or the ``categories``) that a table lists."""
    names = group.attrs.get(word)
    names = [names] if isinstance(names, str) else names
    return [str(name) for name in names] if isinstance(names, list | tuple | np.ndarray) else []


def _n_rows(ids: DatasetAt | None) -> int | None:
    return ids.shape[0] if ids is not None and ids.ndim == 1 else None


def _rows(file: NwbFile, group: GroupAt, n_rows: int | None) -> str:
    """Return the dim of a table's rows; a category of an ``AlignedDynamicTable`` has the rows of that table."""
    above = file.find(group.path.rpartition("/")[0])[0]
    if isinstance(above, GroupAt) and group.path.rpartition("/")[2] in listed(above, "categories"):
        ids = file.find("id", above)[0]
        fits = isinstance(ids, DatasetAt) and _n_rows(ids) == n_rows
        if fits and core_type_of(file, above) in ALIGNED:
            return _rows(file, above, n_rows)
    name = own_name(file, group)
    return f"{name}_row" if isinstance(file.find(name, group)[0], DatasetAt) else name


def _is_index(name: str, item: DatasetAt, datasets: dict[str, DatasetAt]) -> bool:
    is_whole = item.ndim == 1 and item.kind.kind == NUMBER and item.kind.dtype.kind in "iu"
    return name.endswith("_index") and name[: -len("_index")] in datasets and is_whole


def _row_dim(node: Node, name: str, item: DatasetAt, rows: str, n_rows: int | None, indices: set[str]) -> str:
    """Return the first dim of a column: the table's rows, or its own flat dim where it is ragged or misfits."""
    if f"{name}_index" in indices:
        return f"{node.dim}_{name}"
    if n_rows is not None and item.shape[0] != n_rows:
        node.leave(name, f"has {item.shape[0]:,} values for {n_rows:,} rows; kept along a dim of its own")
        return f"{node.dim}_{name}"
    return rows


def _add_bounds(node: Node, index: str, first: str, *, of_index: bool) -> None:
    stem = index[: -len("_index")]
    inner = node.array(stem) if of_index else None
    for name, start in ((f"{stem}_start", True), (f"{stem}_stop", False)):
        bounds = Bounds(node.rows[index], start=start, inner=inner)
        node.add(name, (first,), bounds, {"ragged": stem})


def _add_column(node: Node, name: str, item: DatasetAt, first: str, index: str | None) -> None:
    shown = node.place(name, node.axes(name, item.ndim, first), index=index)
    if not shown:
        return
    if name in SECONDS:
        node.variables[shown].attrs["units"] = "s"
    if type_of(item) == "EnumData":
        _decode(node, name, shown, item)
    if name == "id" and item.ndim == 1:
        node.coords["id"] = node.variables.pop("id")


def _decode(node: Node, name: str, shown: str, item: DatasetAt) -> None:
    """Put labels in place of codes; the elements are a reference in the codes' attributes."""
    codes = node.variables[shown]
    where = codes.attrs.pop("elements", f"{node.path}/{name}_elements")
    elements = node.file.find(str(where))[0]
    if not isinstance(elements, DatasetAt) or elements.ndim != 1:
        node.leave(name, "its codes come without their labels")
        return
    if item.kind.kind != NUMBER or item.kind.dtype.kind not in "iu":
        node.leave(name, "its codes are no whole numbers; kept without their labels")
        return
    labels = Labels(node.array(name), NwbArray(node.file.stored, elements))
    node.variables[shown] = variable(tuple(map(str, codes.dims)), labels, codes.attrs)
