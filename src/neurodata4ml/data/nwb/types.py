"""From neurodata types to Datasets: each object of an NWB file by what its type says it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import xarray as xr

from neurodata4ml.data.nwb.file import DatasetAt, GroupAt, NwbFile
from neurodata4ml.data.nwb.images import read_images
from neurodata4ml.data.nwb.kinds import IMAGES, SERIES, TABLE, UNKNOWN, kind_of, type_of
from neurodata4ml.data.nwb.names import as_tree
from neurodata4ml.data.nwb.objects import NO_NAMES, PROSE, Node, is_word
from neurodata4ml.data.nwb.tables import read_table
from neurodata4ml.data.nwb.timeseries import read_series
from neurodata4ml.data.storage.index import Hard
from neurodata4ml.errors import LayoutError

MOST_WORDS = 10_000
"""Single values that are read together when a file is opened; more are read one by one."""

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
    if not isinstance(group, GroupAt):
        above, _, name = path.strip("/").rpartition("/")
        message = (
            f"{file.name}: {path} is a dataset, and a group is needed there. It is {name!r} of the group /{above}."
        )
        raise LayoutError(message)
    node = Node(file, group, [] if unmapped is None else unmapped)
    kind = kind_of(file, group)
    if kind == UNKNOWN:
        space = group.attrs.get("namespace", "?")
        node.leave("", f"the type {type_of(group)} of {space} is not in the specifications cached in the file")
    READERS.get(kind, _read_container)(node)
    return node.dataset()


def read_all(file: NwbFile, under: str = "/") -> dict[str, xr.Dataset]:
    """Return every object of the file that holds something, by its path; the root lists what is ``unmapped``.

    Of all that is ``under`` a group, which is the root then: the paths are from there.
    """
    unmapped: list[str] = []
    there = list(groups(file, under=under))
    if not there:
        read_group(file, under)  # says why
    expect_words(file, there)
    root = there[0].path.rstrip("/")
    found = {group.path: read_group(file, group.path, unmapped) for group in there}
    shown = {path.removeprefix(root) or "/": node for path, node in found.items() if node.variables or node.attrs}
    shown.setdefault("/", xr.Dataset())
    shown = as_tree(shown, unmapped)
    shown["/"].attrs["unmapped"] = unmapped + file.notes
    return shown


def groups(file: NwbFile, kind: str | None = None, under: str = "/") -> Iterator[GroupAt]:
    """Yield every group once, parents first, without following links; only those of ``kind`` if given."""
    top = file.object(under)
    waiting, seen = deque([top] if isinstance(top, GroupAt) else ()), set()
    while waiting:
        group = waiting.popleft()
        if group.stored.key in seen:
            continue
        seen.add(group.stored.key)
        if kind is None or kind_of(file, group) == kind:
            yield group
        for name, link in group.links.items():
            is_read = name not in NO_NAMES and not (group.path == "/" and name == "specifications")
            if isinstance(link, Hard) and is_read:
                item = file.member(group, name)
                if isinstance(item, GroupAt):
                    waiting.append(item)


def expect_words(file: NwbFile, there: Iterable[GroupAt]) -> None:
    """Read together what is shown as attributes, and what tells clocks and the order of images."""
    items = (file.member(group, name) for group in there for name in group.links if name not in PROSE)
    words = (item for item in items if isinstance(item, DatasetAt) and not item.is_empty)
    file.expect([item for item in words if is_word(item)][:MOST_WORDS])


def _read_container(node: Node) -> None:
    """Add what a container, a device, a subject, ... holds itself: small values as attributes, arrays as variables."""
    for name in node.group.links:
        if isinstance(node.member(name), DatasetAt):
            node.place_other(name)
        else:
            node.place_link(name)
