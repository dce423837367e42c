"""From neurodata types to Datasets: each object of an NWB file by what its type says it is."""

from __future__ import annotations

from collections.abc import Iterator

import h5py
import xarray as xr

from neurodata4ml.data.nwb.hdf5 import NwbFile
from neurodata4ml.data.nwb.kinds import IMAGES, SERIES, TABLE, UNKNOWN, kind_of, type_of
from neurodata4ml.data.nwb.objects import Node
from neurodata4ml.data.nwb.tables import read_table
from neurodata4ml.data.nwb.timeseries import read_images, read_series
from neurodata4ml.errors import LayoutError

READERS = {TABLE: read_table, SERIES: read_series, IMAGES: read_images}


def read_group(file: NwbFile, path: str, unmapped: list[str] | None = None) -> xr.Dataset:
    """Return one object of the file as a Dataset of lazy arrays.

    Parameters
    ----------
    file : NwbFile
    path : str
        Of a group, e.g. ``"/units"``.
    unmapped : list of str, optional
        Sentences about what found no place are added here.

    Raises
    ------
    LayoutError
        When nothing is at ``path``, or what is there cannot be read.
    """
    group = file.object(path)
    if not isinstance(group, h5py.Group):
        message = f"{file.name}: {path} is a dataset, and a group is needed there. Ask who made the file."
        raise LayoutError(message)
    with file.reading(path):
        node = Node(file, group, [] if unmapped is None else unmapped)
        kind = kind_of(file, group)
        if kind == UNKNOWN:
            space = group.attrs.get("namespace", "?")
            node.leave("", f"the type {type_of(group)} of {space} is not in the specifications cached in the file")
        READERS.get(kind, _read_container)(node)
        return node.dataset()


def read_all(file: NwbFile) -> dict[str, xr.Dataset]:
    """Return every object of the file that holds something, by its path; the root lists what is ``unmapped``."""
    unmapped: list[str] = []
    found = {str(group.name): read_group(file, str(group.name), unmapped) for group in groups(file)}
    shown = {path: dataset for path, dataset in found.items() if dataset.variables or dataset.attrs}
    shown.setdefault("/", xr.Dataset())
    shown["/"].attrs["unmapped"] = unmapped + file.notes
    return shown


def groups(file: NwbFile, kind: str | None = None, under: str = "/") -> Iterator[h5py.Group]:
    """Yield every group once, parents first, without following links; only those of ``kind`` if given."""
    waiting, seen = [file.object(under)], set()
    while waiting:
        group = waiting.pop(0)
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        if kind is None or kind_of(file, group) == kind:
            yield group
        for name in group:
            own = isinstance(group.get(name, getlink=True), h5py.HardLink)
            if own and not (group.name == "/" and name == "specifications"):
                item = file.member(group, name)
                if isinstance(item, h5py.Group):
                    waiting.append(item)


def _read_container(node: Node) -> None:
    """Add what a container, a device, a subject, ... holds itself: small values as attributes, arrays as variables."""
    for name in node.group:
        if isinstance(node.member(name), h5py.Dataset):
            node.place_other(name)
        else:
            node.place_link(name)
