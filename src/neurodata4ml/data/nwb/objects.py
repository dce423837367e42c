"""An NWB object under the reader's hands: its name, its attributes, its variables, what has no place."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.data.nwb.arrays import NwbArray, Rows, is_readable, kind_in
from neurodata4ml.data.nwb.blocks import variable
from neurodata4ml.data.nwb.file import DatasetAt, GroupAt, Item, NwbFile
from neurodata4ml.data.nwb.kinds import SERIES, TABLE, kind_of
from neurodata4ml.data.storage.index import COMPOUND, NUMBER, Reference, Soft, Stored
from neurodata4ml.errors import LayoutError

PROSE = frozenset({"description", "comments", "help"})
"""Words about an object. They are read by ``descriptions`` when somebody asks, never at opening."""

NOT_SHOWN = PROSE | {
    "object_id",
    "namespace",
    ".specloc",
    "colnames",
    "target",
    "interval",
    "is_link",
}

FEW = 64
"""Texts up to which a dataset is shown as an attribute."""

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

    def __init__(self, file: NwbFile, group: GroupAt, unmapped: list[str]) -> None:
        """Begin with the attributes of ``group``; what finds no place is added to ``unmapped`` as sentences."""
        self.file, self.group, self.unmapped = file, group, unmapped
        self.path = group.path
        self.is_table = kind_of(file, group) == TABLE
        self.dim = own_name(file, group)
        self.coords: dict[str, xr.Variable] = {}
        self.variables: dict[str, xr.Variable] = {}
        self.attrs = shown_attrs(file, group)
        self.members: dict[str, Item] = {}
        self.rows: dict[str, Rows] = {}
        for name in group.links:
            found, refusal = file.find(name, group)
            if found is not None:
                self.members[name] = found
            elif refusal is not None:
                self.leave(name, f"refused: {refusal.why}")

    def member(self, name: str) -> Item | None:
        """Return what the object holds under ``name``, None where there is nothing that may be read."""
        return self.members.get(name)

    def dataset_at(self, name: str) -> DatasetAt | None:
        """Return the dataset under ``name``, None where there is none that may be read."""
        found = self.members.get(name)
        return found if isinstance(found, DatasetAt) else None

    def array(self, name: str, **how: Any) -> NwbArray:
        """Return the dataset ``name`` as a lazy array."""
        found = self.members[name]
        assert isinstance(found, DatasetAt)
        return NwbArray(self.file.stored, found, **how)

    def place(self, name: str, dims: tuple[str, ...], *, index: str | None = None) -> None:
        """Add the dataset ``name`` with ``dims``; a compound one becomes a variable per field."""
        dataset = self.members[name]
        assert isinstance(dataset, DatasetAt)
        attrs = shown_attrs(self.file, dataset)
        attrs.pop("neurodata_type", None)
        sizes = {dim: n for v in self.variables.values() for dim, n in v.sizes.items()}
        if any(sizes.get(dim, n) != n for dim, n in zip(dims, dataset.shape, strict=True)):
            self.leave(name, f"its shape {dataset.shape} does not fit its object; kept along dims of its own")
            dims = self.axes(name, dataset.ndim)
        how = {"rows": self.rows[index] if index else None, "is_column": self.is_table}
        if dataset.kind.kind != COMPOUND:
            if not is_readable(dataset.kind):
                self.leave(name, f"values of type {type_words(dataset.kind)} have no place in an array")
                return
            self.variables[name] = variable(dims, self.array(name, **how), attrs)
            return
        for field, *_ in dataset.kind.fields:
            stored = kind_in(dataset.kind, field)
            if is_readable(stored):
                self.variables[f"{name}_{field}"] = variable(dims, self.array(name, field=field, **how))
            else:
                self.leave(f"{name}.{field}", f"values of type {type_words(stored)} have no place in an array")

    def place_other(self, name: str) -> None:
        """Add a dataset that the type does not name: a small one as an attribute, else with dims of its own."""
        dataset = self.members[name]
        assert isinstance(dataset, DatasetAt)
        if name in PROSE or dataset.is_empty:
            return
        if not is_word(dataset):
            self.place(name, self.axes(name, dataset.ndim))
            return
        try:
            self._add_word(name, dataset)
        except LayoutError as error:
            self.leave(name, str(error))

    def _add_word(self, name: str, dataset: DatasetAt) -> None:
        """Add a single value as an attribute; of a compound one, an attribute for each field."""
        fields = [field for field, _, stored in dataset.kind.fields if is_readable(stored)]
        if is_readable(dataset.kind):
            self.attrs[name] = plain(self.file, self.file.value(dataset))
        elif fields:
            value = self.file.value(dataset)
            self.attrs |= {f"{name}_{field}": plain(self.file, value[field]) for field in fields}
        else:
            self.leave(name, f"values of type {type_words(dataset.kind)} have no place in an array")

    def place_link(self, name: str) -> None:
        """Add the path of the object that ``name`` is a link to, where it is not here that it stands in the tree."""
        link, found = self.group.links[name], self.members.get(name)
        if found is None:
            if isinstance(link, Soft):
                self.attrs[name] = link.path
            return
        path = self.file.stored.path_of(found.stored.key)
        if isinstance(link, Soft) or path != f"{self.path.rstrip('/')}/{name}":
            self.attrs[name] = path

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


def shown_attrs(file: NwbFile, item: Item) -> dict[str, Any]:
    """Return the attributes of an object as plain values, units in CF style, without its prose."""
    attrs = {}
    for name in item.attrs:
        if name in NOT_SHOWN:
            continue
        value = plain(file, item.attrs[name])
        attrs["units" if name == "unit" else name] = cf_units(value) if name == "unit" else value
    return attrs


def is_word(dataset: DatasetAt) -> bool:
    """Return whether a dataset is shown as an attribute: a single value, or a few texts."""
    return dataset.stored.shape == () or (dataset.is_text and dataset.size <= FEW)


def type_words(stored: Stored) -> str:
    """Return in words what kind of values a dataset holds."""
    return str(stored.raw) if stored.kind == NUMBER else stored.kind


def plain(file: NwbFile, value: Any) -> Any:
    """Return an attribute's or a small dataset's value as plain Python: text, numbers, lists, paths."""
    if isinstance(value, Reference):
        return file.path_of(value)
    if isinstance(value, np.ndarray):
        return [plain(file, v) for v in value.tolist()] if value.ndim else plain(file, value[()])
    if isinstance(value, np.generic):
        value = value.item()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


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
    members = {name: file.member(group, name) for name in group.links} if isinstance(group, GroupAt) else {}
    found = {"": group, **{name: item for name, item in members.items() if item is not None}}
    return {name: str(item.attrs["description"]) for name, item in found.items() if "description" in item.attrs}


def own_name(file: NwbFile, group: GroupAt) -> str:
    """Return the object's name; with its parent's before it where an ancestor with rows has the same name."""
    names = group.path.strip("/").split("/")
    for k in range(1, len(names)):
        if names[k - 1] != names[-1]:
            continue
        above = file.find("/".join(names[:k]))[0]
        if isinstance(above, GroupAt) and kind_of(file, above) in (TABLE, SERIES):
            return "_".join(names[k - 1 :])
    return names[-1] or "root"
