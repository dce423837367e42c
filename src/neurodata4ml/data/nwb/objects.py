"""An NWB object under the reader's hands: its name, its attributes, its variables, what has no place."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.data.nwb.arrays import LazyArray, NwbArray, Rows, is_readable, kind_in
from neurodata4ml.data.nwb.blocks import variable
from neurodata4ml.data.nwb.file import DatasetAt, GroupAt, Item, NwbFile
from neurodata4ml.data.nwb.kinds import TABLE, kind_of
from neurodata4ml.data.nwb.names import own_name
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

LONGEST_WORD = 1 << 20
"""Bytes up to which: nobody looks at more than 1 MB in a line, and a few bytes of a file may claim to be many."""

NO_NAMES = frozenset({".", ".."})
"""What in a path of the tree means another place."""

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
        self.sizes: dict[str, int] = {}
        self.promised: set[str] = set()
        for name in group.links:
            if name in NO_NAMES:
                self.leave(name, "left out: in a path of the tree its name means another place")
                continue
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

    def add(self, name: str, dims: tuple[str, ...], array: LazyArray, attrs: dict[str, Any] | None = None) -> None:
        """Add a variable, always under a name that is free: no other one is lost for it."""
        assert name not in self.variables, name
        self.variables[name] = variable(dims, array, attrs)
        self.sizes.update(zip(dims, array.shape, strict=True))

    def free(self, name: str, what: str) -> str:
        """Return a name for what the file does not call so itself: this one, or a longer one where it is taken."""
        found = name
        while found in self.members or found in self.promised or found in self.variables or found in self.coords:
            found = f"{found}_{what}"
        return found

    def place(self, name: str, dims: tuple[str, ...], *, index: str | None = None) -> str:
        """Add the dataset ``name`` with ``dims``, and return its name: a longer one where something else is called so.

        A compound one becomes a variable for each field; "" is returned then, and where it has no place.
        """
        dataset = self.members[name]
        assert isinstance(dataset, DatasetAt)
        attrs = shown_attrs(self.file, dataset)
        attrs.pop("neurodata_type", None)
        if any(self.sizes.get(dim, n) != n for dim, n in zip(dims, dataset.shape, strict=True)):
            self.leave(name, f"its shape {dataset.shape} does not fit its object; kept along dims of its own")
            dims = self.axes(name, dataset.ndim)
        how = {"rows": self.rows[index] if index else None, "is_column": self.is_table}
        if dataset.kind.kind != COMPOUND:
            if not is_readable(dataset.kind):
                self.leave(name, f"values of type {type_words(dataset.kind)} have no place in an array")
                return ""
            is_taken = name in self.promised or name in self.variables
            shown = self.other_name(name, name, "column") if is_taken else name
            self.add(shown, dims, self.array(name, **how), attrs)
            return shown
        for field, *_ in dataset.kind.fields:
            stored = kind_in(dataset.kind, field)
            if is_readable(stored):
                shown = self.other_name(f"{name}.{field}", f"{name}_{field}", "field")
                self.add(shown, dims, self.array(name, field=field, **how))
            else:
                self.leave(f"{name}.{field}", f"values of type {type_words(stored)} have no place in an array")
        return ""

    def other_name(self, source: str, name: str, what: str) -> str:
        """Return a free name for ``source``; where it is not the expected one, that is noted."""
        found = self.free(name, what)
        if found != name:
            self.leave(source, f"shown as {found}, as something else is called {name}")
        return found

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
            self.tell(name, plain(self.file, self.file.value(dataset)))
        elif fields:
            value = self.file.value(dataset)
            for field in fields:
                self.tell(f"{name}_{field}", plain(self.file, value[field]))
        else:
            self.leave(name, f"values of type {type_words(dataset.kind)} have no place in an array")

    def tell(self, name: str, value: Any) -> None:
        """Add an attribute; where it has another value already, that stays and the new one is named."""
        if name in self.attrs and repr(self.attrs[name]) != repr(value):
            self.leave(name, f"left out: {value!r:.80}; the object has an attribute of this name")
            return
        self.attrs[name] = value

    def place_link(self, name: str) -> None:
        """Add the path of the object that ``name`` is a link to, where it is not here that it stands in the tree."""
        link, found = self.group.links[name], self.members.get(name)
        if found is None:
            if isinstance(link, Soft):
                self.tell(name, link.path)
            return
        path = self.file.stored.path_of(found.stored.key)
        if isinstance(link, Soft) or path != f"{self.path.rstrip('/')}/{name}":
            self.tell(name, path)

    def value(self, dataset: DatasetAt, most: int = 1) -> Any:
        """Return the values of a small dataset, None where they cannot be read, or are more than are due."""
        if dataset.size > most:
            why = f"left out: it has {dataset.size:,} values, and at most {most:,} are due"
            self.leave(dataset.path.rpartition("/")[2], why)
            return None
        try:
            return self.file.value(dataset)
        except LayoutError as error:
            self.leave(dataset.path.rpartition("/")[2], str(error))
            return None

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
        for name in self.coords.keys() & self.variables.keys():
            self.leave(name, "left out: a coordinate has its name")
            del self.variables[name]
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
    is_few = dataset.stored.shape == () or (dataset.is_text and dataset.size <= FEW)
    return is_few and dataset.stored.n_bytes <= LONGEST_WORD


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
    except (TypeError, ValueError, OverflowError):
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
