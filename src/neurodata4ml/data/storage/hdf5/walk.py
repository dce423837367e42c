"""From a file's bytes to its index: all objects that hard links reach from the root."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neurodata4ml.data.storage.hdf5.cursor import refuse
from neurodata4ml.data.storage.hdf5.damage import Unsupported
from neurodata4ml.data.storage.hdf5.headers import read_header
from neurodata4ml.data.storage.hdf5.heap import Collections
from neurodata4ml.data.storage.hdf5.objects import describe_object
from neurodata4ml.data.storage.hdf5.pages import MetadataPages
from neurodata4ml.data.storage.hdf5.sizes import Sizes
from neurodata4ml.data.storage.hdf5.superblock import Superblock, heed_extension, read_superblock
from neurodata4ml.data.storage.index import Dataset, Group, Hard, Index, Key
from neurodata4ml.data.storage.source import Source
from neurodata4ml.data.storage.waves import Pages, Reading, one, run
from neurodata4ml.errors import LayoutError

SPECIFICATIONS = "/specifications"
"""Where NWB keeps the schema: half of all objects, and nobody's data."""

_MOST_OBJECTS = 100_000
"""An index keeps about 1 kB of each."""

_DEEPEST, _LONGEST_PATH = 64, 1024
"""Groups within groups, and characters of a path: many objects that lie deep would have paths without end."""


def read_index(
    source: Source,
    *,
    skip: Sequence[str] | Callable[[str], bool] = (SPECIFICATIONS,),
    pages: MetadataPages | None = None,
) -> Index:
    """Read the groups, links, attributes and datasets of a file, without any values.

    Parameters
    ----------
    source : Source
    skip : sequence of str, or callable
        Paths of what is left out, or what tells of a path whether it is; ``Index.unread`` names what is there.
    pages : MetadataPages, optional
        What was read of the source already.

    Returns
    -------
    Index
        What is damaged is named in ``Index.damaged``, and raises only where the root itself is.
    """
    pages = pages or MetadataPages(source)
    superblock = one(pages, _read_superblock(source.size))
    walk = _Walk(superblock.sizes, skip)
    walk.visit(superblock.root, "/")
    walk.run(pages)
    if superblock.root in walk.failed:
        raise walk.failed[superblock.root]
    return Index(superblock.root, walk.objects, tuple(walk.unread), walk.damaged, walk.foreign, tuple(superblock.sizes))


def read_under(source: Source, index: Index, path: str, *, pages: MetadataPages | None = None) -> None:
    """Read what was left out under a path of ``Index.unread``, and add it to the index."""
    pages = pages or MetadataPages(source)
    sizes = one(pages, _read_superblock(source.size)).sizes
    walk = _Walk(sizes, ())
    walk.known = set(index.objects)
    walk.visit(_address(index, path), path)
    walk.run(pages)
    index.objects.update(walk.objects)
    index.damaged.update(walk.damaged)
    index.foreign.update(walk.foreign)
    index.unread = tuple(left for left in index.unread if left != path)


def read_object(source: Source, key: Key, *, pages: MetadataPages | None = None) -> Group | Dataset:
    """Read one object by its key, and nothing that it leads to."""
    pages = pages or MetadataPages(source)
    sizes = one(pages, _read_superblock(source.size)).sizes
    if not isinstance(key, int):
        message = f"an object of an HDF5 file is named by its address, not by {key!r}"
        raise LayoutError(message)
    return one(pages, describe_object(Collections(sizes), key))


def _address(index: Index, path: str) -> int:
    """Return the address of a group that was left out."""
    key: Key = index.root
    for name in path.strip("/").split("/"):
        group = index.objects.get(key)
        link = group.links.get(name) if isinstance(group, Group) else None
        if not isinstance(link, Hard):
            message = f"{path} is not in the file; what was left out is in Index.unread: {', '.join(index.unread)}"
            raise LayoutError(message)
        key = link.key
    return int(key)


def _read_superblock(n_bytes: int) -> Reading[Superblock]:
    """Read the superblock and what extends it."""
    superblock = yield from read_superblock(n_bytes)
    if superblock.extension is not None:
        messages = yield from read_header(Collections(superblock.sizes), superblock.extension)
        said = {message.kind: message.data for message in messages}
        return superblock._replace(sizes=heed_extension(superblock.sizes, said))
    return superblock


class _Walk:
    """The objects that were found so far, and those that are being read."""

    def __init__(self, sizes: Sizes, skip: Sequence[str] | Callable[[str], bool]) -> None:
        self.objects: dict[Key, Group | Dataset] = {}
        self.damaged: dict[Key, str] = {}
        self.failed: dict[Key, LayoutError] = {}
        self.foreign: set[Key] = set()
        self.unread: list[str] = []
        self.known: set[Key] = set()
        self._skips = skip if callable(skip) else frozenset(path.rstrip("/") for path in skip).__contains__
        self._heaps = Collections(sizes)
        self._readings: list[Reading[None]] = []

    def visit(self, address: int, path: str) -> None:
        """Read an object, and all that it leads to; each once, so that a circle of links ends."""
        if address not in self.known:
            self.known.add(address)
            self._readings.append(self._read(address, path))

    def run(self, pages: Pages) -> None:
        """Read until nothing is left."""
        for result in run(pages, self._readings):
            if isinstance(result, Exception):
                raise result

    def _read(self, address: int, path: str) -> Reading[None]:
        if len(self.known) > _MOST_OBJECTS:
            refuse("the file", f"has more than {_MOST_OBJECTS} objects")
        try:
            if path.count("/") > _DEEPEST or len(path) > _LONGEST_PATH:
                refuse("an object", f"lies more than {_DEEPEST} groups or {_LONGEST_PATH} characters deep")
            found = yield from describe_object(self._heaps, address)
        except LayoutError as error:
            self.damaged[address] = f"{path}: {error}"
            self.failed[address] = error
            if isinstance(error, Unsupported):
                self.foreign.add(address)
            return
        self.objects[address] = found
        if isinstance(found, Group):
            self._visit_members(found, path)

    def _visit_members(self, group: Group, path: str) -> None:
        above = path.rstrip("/")
        for name, link in group.links.items():
            if not isinstance(link, Hard):
                continue
            if self._skips(f"{above}/{name}"):
                self.unread.append(f"{above}/{name}")
            else:
                self.visit(int(link.key), f"{above}/{name}")
