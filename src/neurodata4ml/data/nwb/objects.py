"""An NWB object under the reader's hands: its name, its attributes, its variables, what has no place."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import xarray as xr

from neurodata4ml.data.nwb.arrays import NwbArray, is_readable, variable
from neurodata4ml.data.nwb.hdf5 import NwbFile, text
from neurodata4ml.data.nwb.kinds import SERIES, TABLE, kind_of

PROSE = frozenset({"description", "comments", "help"})
"""Words about an object. They are read by ``descriptions`` when somebody asks, never at opening."""

NOT_SHOWN = PROSE | {
    "object_id",
    "namespace",
    ".specloc",
    "colnames",
    "categories",
    "target",
    "interval",
    "is_link",
}

UNITS = {
    "seconds": "s",
    "second": "s",
    "sec": "s",
    "milliseconds": "ms",
    "volts": "V",
    "volt": "V",
    "millivolts": "mV",
    "microvolts": "uV",
    "amperes": "A",
    "meters": "m",
    "meter": "m",
    "metres": "m",
    "centimeters": "cm",
    "millimeters": "mm",
    "microns": "um",
    "micrometers": "um",
    "degrees": "degree",
    "degree": "degree",
    "deg": "degree",
    "radians": "radian",
    "hertz": "Hz",
    "unitless": "1",
    "dimensionless": "1",
    "no unit": "1",
}
"""Spellings found in NWB files, in CF style; what is not listed stays as it is written."""


class Node:
    """One object of the file while it becomes a Dataset."""

    def __init__(self, file: NwbFile, group: h5py.Group, unmapped: list[str]) -> None:
        """Begin with the attributes of ``group``; what finds no place is added to ``unmapped`` as sentences."""
        self.file, self.group, self.unmapped = file, group, unmapped
        self.path = str(group.name)
        self.dim = _own_name(file, group)
        self.coords: dict[str, xr.Variable] = {}
        self.variables: dict[str, xr.Variable] = {}
        self.attrs = shown_attrs(file, group)
        self.members: dict[str, h5py.Group | h5py.Dataset] = {}
        for name in group:
            found, refusal = file.find(name, group)
            if found is not None:
                self.members[name] = found
            elif refusal is not None:
                self.leave(name, f"refused: {refusal.why}")

    def member(self, name: str) -> h5py.Group | h5py.Dataset | None:
        """Return what the object holds under ``name``, None where there is nothing that may be read."""
        return self.members.get(name)

    def array(self, name: str, **how: Any) -> NwbArray:
        """Return the dataset ``name`` as a lazy array."""
        return NwbArray(self.file, f"{self.path.rstrip('/')}/{name}", **how)

    def place(self, name: str, dims: tuple[str, ...], *, index: str | None = None) -> None:
        """Add the dataset ``name`` with ``dims``; a compound one becomes a variable per field."""
        dataset = self.members[name]
        attrs = shown_attrs(self.file, dataset)
        attrs.pop("neurodata_type", None)
        sizes = {dim: n for v in self.variables.values() for dim, n in v.sizes.items()}
        if any(sizes.get(dim, n) != n for dim, n in zip(dims, dataset.shape, strict=True)):
            self.leave(name, f"its shape {dataset.shape} does not fit its object; kept along dims of its own")
            dims = self.axes(name, dataset.ndim)
        if dataset.dtype.fields is None:
            if not is_readable(dataset.dtype):
                self.leave(name, f"values of type {dataset.dtype} have no place in an array")
                return
            self.variables[name] = variable(dims, self.array(name, index=index), attrs)
            return
        for field in dataset.dtype.fields:
            if is_readable(dataset.dtype[field]):
                self.variables[f"{name}_{field}"] = variable(dims, self.array(name, field=field, index=index))
            else:
                self.leave(f"{name}.{field}", f"values of type {dataset.dtype[field]} have no place in an array")

    def place_other(self, name: str) -> None:
        """Add a dataset that the type does not name: a small one as an attribute, else with dims of its own."""
        dataset = self.members[name]
        if name in PROSE:
            return
        if dataset.shape is None or 0 in dataset.shape:
            return
        if dataset.ndim == 0 or (dataset.size <= 64 and h5py.check_string_dtype(dataset.dtype)):
            if is_readable(dataset.dtype):
                self.attrs[name] = plain(self.file, dataset[()])
            return
        self.place(name, self.axes(name, dataset.ndim))

    def place_link(self, name: str) -> None:
        """Add the path of the object that ``name`` is a link to, where it is one."""
        link = self.group.get(name, getlink=True)
        if not isinstance(link, h5py.SoftLink):
            return
        self.attrs[name] = str(link.path)

    def leave(self, name: str, why: str) -> None:
        """Note that a member found no place."""
        self.unmapped.append(f"{self.path.rstrip('/')}/{name}: {why}")

    def axes(self, name: str, n_axes: int, first: str | None = None) -> tuple[str, ...]:
        """Return ``n_axes`` dims: ``first`` where given, then ``<object>_<name>_axis``, ``..._axis2``, ..."""
        stem = f"{self.dim}_{name}_axis"
        own = [stem, *(f"{stem}{k}" for k in range(2, n_axes + 1))]
        return tuple(own[:n_axes] if first is None else [first, *own[: n_axes - 1]])

    def dataset(self) -> xr.Dataset:
        """Return what was gathered, without any index: an index would read its labels."""
        coords = xr.Coordinates(self.coords, indexes={})
        return xr.Dataset(self.variables, coords, self.attrs)


def shown_attrs(file: NwbFile, item: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """Return the attributes of an object as plain values, units in CF style, without its prose."""
    attrs = {}
    for name in item.attrs:
        if name in NOT_SHOWN:
            continue
        value = plain(file, item.attrs[name])
        attrs["units" if name == "unit" else name] = cf_units(value) if name == "unit" else value
    return attrs


def plain(file: NwbFile, value: Any) -> Any:
    """Return an attribute's or a small dataset's value as plain Python: text, numbers, lists, paths."""
    if isinstance(value, h5py.Reference):
        return file.path_of(value)
    if isinstance(value, np.ndarray):
        return [plain(file, v) for v in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    return text(value) if isinstance(value, bytes) else value


def number(value: Any) -> float | None:
    """Return an attribute's or a small dataset's value as a number, None where it is none."""
    try:
        return float(np.asarray(value).item())
    except (TypeError, ValueError):
        return None


def cf_units(unit: str) -> str:
    """Return a unit in CF style: "seconds" is "s", "volts" is "V"."""
    return UNITS.get(str(unit).strip().lower(), str(unit).strip())


def descriptions(file: NwbFile, path: str) -> dict[str, str]:
    """Return the descriptions of an object and of its members: {"": ..., "spike_times": ..., ...}."""
    group = file.object(path)
    members = {name: file.member(group, name) for name in group} if isinstance(group, h5py.Group) else {}
    found = {"": group, **{name: item for name, item in members.items() if item is not None}}
    return {name: text(item.attrs["description"]) for name, item in found.items() if "description" in item.attrs}


def _own_name(file: NwbFile, group: h5py.Group) -> str:
    """Return the object's name; with its parent's before it where an ancestor with rows has the same name."""
    names = str(group.name).strip("/").split("/")
    for k in range(1, len(names)):
        above = file.root["/".join(names[:k])]
        if names[k - 1] == names[-1] and kind_of(file, above) in (TABLE, SERIES):
            return "_".join(names[k - 1 :])
    return names[-1] or "root"
