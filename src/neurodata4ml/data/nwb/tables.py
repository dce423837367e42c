"""DynamicTable, TimeIntervals and Units: a row dim of the table's name, ragged columns with starts and stops."""

from __future__ import annotations

import h5py

from neurodata4ml.data.nwb.arrays import Bounds, Labels, NwbArray, variable
from neurodata4ml.data.nwb.kinds import type_of
from neurodata4ml.data.nwb.objects import Node

SECONDS = frozenset({"start_time", "stop_time", "spike_times", "obs_intervals", "timestamp", "duration"})
"""Columns that the NWB schema itself defines in seconds."""


def read_table(node: Node) -> None:
    """Add the columns of a table to ``node``.

    A ragged column ``x`` lies end to end along its own dim ``<table>_x``, with ``x_start`` and ``x_stop`` for each
    row. A column that points to rows of another table has that table's path in ``attrs["table"]``; codes are
    decoded to their labels.
    """
    datasets = {name: item for name in node.group if isinstance(item := node.member(name), h5py.Dataset)}
    indices = {name for name, item in datasets.items() if _is_index(name, item, datasets)}
    elements = {f"{name}_elements" for name, item in datasets.items() if type_of(item) == "EnumData"}
    rows = node.dim if node.dim not in datasets else f"{node.dim}_row"
    n_rows = datasets["id"].shape[0] if "id" in datasets and datasets["id"].ndim == 1 else None
    for name, item in datasets.items():
        if name in elements:
            continue
        if not item.shape:
            node.place_other(name)
            continue
        first = _row_dim(node, name, item, rows, n_rows, indices)
        if name in indices:
            _add_bounds(node, name, first)
        else:
            _add_column(node, name, item, first, f"{name}_index" if f"{name}_index" in indices else None)
    listed = node.group.attrs.get("colnames", ())
    for name in (str(n.decode() if isinstance(n, bytes) else n) for n in listed):
        if name not in node.group:
            node.leave(name, "the table lists this column and does not hold it")


def _is_index(name: str, item: h5py.Dataset, datasets: dict[str, h5py.Dataset]) -> bool:
    return name.endswith("_index") and name[: -len("_index")] in datasets and item.dtype.kind in "iu" and item.ndim == 1


def _row_dim(node: Node, name: str, item: h5py.Dataset, rows: str, n_rows: int | None, indices: set[str]) -> str:
    """Return the first dim of a column: the table's rows, or its own flat dim where it is ragged or misfits."""
    if f"{name}_index" in indices:
        return f"{node.dim}_{name}"
    if n_rows is not None and item.shape[0] != n_rows:
        node.leave(name, f"has {item.shape[0]:,} values for {n_rows:,} rows; kept along a dim of its own")
        return f"{node.dim}_{name}"
    return rows


def _add_bounds(node: Node, index: str, first: str) -> None:
    stem, path = index[: -len("_index")], f"{node.path}/{index}"
    for name, start in ((f"{stem}_start", True), (f"{stem}_stop", False)):
        node.variables[name] = variable((first,), Bounds(node.file, path, start=start), {"ragged": stem})


def _add_column(node: Node, name: str, item: h5py.Dataset, first: str, index: str | None) -> None:
    node.place(name, node.axes(name, item.ndim, first), index=index and f"{node.path}/{index}")
    if name not in node.variables:
        return
    if name in SECONDS:
        node.variables[name].attrs["units"] = "s"
    if type_of(item) == "EnumData":
        _decode(node, name, item)
    if name == "id" and item.ndim == 1:
        node.coords["id"] = node.variables.pop("id")


def _decode(node: Node, name: str, item: h5py.Dataset) -> None:
    """Put labels in place of codes; the elements are a reference in the codes' attributes."""
    codes = node.variables[name]
    where = codes.attrs.pop("elements", f"{node.path}/{name}_elements")
    if not isinstance(node.file.find(where)[0], h5py.Dataset):
        node.leave(name, "its codes come without their labels")
        return
    labels = Labels(node.array(name), NwbArray(node.file, where))
    node.variables[name] = variable(tuple(map(str, codes.dims)), labels, codes.attrs)
