"""One NWB file: what lies at which path, and why some of it is not read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from neurodata4ml.data.nwb.locate import locate
from neurodata4ml.data.nwb.strangers import SEEN, is_stranger, told
from neurodata4ml.data.storage.file import StoredFile, open_stored
from neurodata4ml.data.storage.index import FIXED_TEXT, TEXT, Dataset, Group, Link, Reference, Refused, Stored
from neurodata4ml.data.storage.sources.folder import Folder
from neurodata4ml.data.storage.sources.prefix import Prefix
from neurodata4ml.data.storage.sources.streamed import RemoteSource
from neurodata4ml.errors import ArchiveError, LayoutError
from neurodata4ml.suggest import guess

T = TypeVar("T")

TRIES = 3
"""How often a file is opened that changes on its server meanwhile."""


@dataclass(frozen=True, slots=True)
class GroupAt:
    """A group, at its path."""

    path: str
    stored: Group

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Its attributes."""
        return self.stored.attrs

    @property
    def links(self) -> Mapping[str, Link]:
        """Its members by name, not followed."""
        return self.stored.links


@dataclass(frozen=True, slots=True)
class DatasetAt:
    """A dataset, unread, at its path."""

    path: str
    stored: Dataset

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Its attributes."""
        return self.stored.attrs

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape; () also for one that is empty."""
        return self.stored.shape or ()

    @property
    def ndim(self) -> int:
        """The number of its axes."""
        return len(self.shape)

    @property
    def kind(self) -> Stored:
        """What its values are."""
        return self.stored.stored

    @property
    def is_empty(self) -> bool:
        """Whether it holds no value at all."""
        return self.stored.shape is None or 0 in self.stored.shape

    @property
    def size(self) -> int:
        """How many values it holds."""
        return 0 if self.stored.shape is None else int(np.prod(self.stored.shape, dtype=object))

    @property
    def is_text(self) -> bool:
        """Whether its values are strings."""
        return self.kind.kind in (TEXT, FIXED_TEXT)


Item = GroupAt | DatasetAt


class NwbFile:
    """An NWB 2 file: found, checked, and read where somebody looks."""

    def __init__(self, source: Any) -> None:
        """Find and check a file; ``source`` is all that ``locate`` understands, or a file with its index.

        Raises
        ------
        LayoutError
            When nothing is there, or what is there is not NWB 2.
        """
        self.stored = source if isinstance(source, StoredFile) else _opened(locate(source))
        self.name = self.stored.name
        self.memory: dict[str, Any] = {}
        """What was looked up once and will not change: small values, the specifications."""
        self.notes: list[str] = []
        """What was found wanting on the way and belongs to no single object."""
        with self.opening():
            self.version = _nwb_version(self)

    @property
    def is_remote(self) -> bool:
        """Whether a read costs a round trip."""
        return self.stored.source.is_remote

    @property
    def n_bytes(self) -> int:
        """Bytes of the whole file; 0 where nobody knows, as of a store."""
        return int(getattr(self.stored.source, "size", 0))

    @property
    def published_etag(self) -> str:
        """The ETag that an archive states of the file, to which the server was held; "" where none is stated."""
        source = self.stored.source
        return source.remote.etag if isinstance(source, RemoteSource) else ""

    @property
    def root(self) -> GroupAt:
        """The group that holds everything."""
        return GroupAt("/", self.stored.root)

    def close(self) -> None:
        """Let go of the file; a lazy array that is computed later opens it for as long as it reads."""
        self.stored.close()

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Open a file to hand it out: where that fails, nothing stays open."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def is_current(self) -> bool:
        """Return whether the file on its server is still the one that was read."""
        source = self.stored.source
        return source.confirm() if isinstance(source, RemoteSource) else True

    def anew(self) -> RemoteSource:
        """Return what is on the server now, and forget what was there."""
        source = self.stored.source
        assert isinstance(source, RemoteSource)
        return source.anew()

    def object(self, path: str) -> Item:
        """Return the object at ``path``; a LayoutError says why there is none."""
        found, refused = self.find(path)
        if refused is not None:
            message = f"{self.name}: {path} {refused.why}. {refused.cure}"
            raise LayoutError(message)
        if found is None:
            message = f"{self.name} has no {path}.{self._near(path)} See what there is: neurodata4ml.open_nwb(path)."
            raise LayoutError(message)
        return found

    def _near(self, path: str) -> str:
        """Return the question whether something else was meant, "" where nothing beside is called alike."""
        above, _, name = f"/{path.strip('/')}".rpartition("/")
        group = self.find(above)[0] if above else self.root
        links = group.links if isinstance(group, GroupAt) else ()
        return guess(name, links, typed=f"{above}/".replace("{", "{{").replace("}", "}}") + "{}")

    def dataset(self, path: str) -> DatasetAt:
        """Return the dataset at ``path``; a LayoutError where there is none."""
        found = self.object(path)
        if isinstance(found, GroupAt):
            message = f"{self.name}: {path} is a group, and a dataset is needed there. Ask who made the file."
            raise LayoutError(message)
        return found

    def member(self, group: GroupAt, name: str) -> Item | None:
        """Return what ``group`` holds under ``name``: None where nothing is, or nothing that may be read."""
        return self.find(name, group)[0]

    def find(self, path: str, group: GroupAt | None = None) -> tuple[Item | None, Refused | None]:
        """Return what lies at ``path`` (from ``group``, or the root), and why it is refused where something does."""
        found = self.stored.find(path, None if group is None else group.stored)
        if isinstance(found.object, Group):
            return GroupAt(found.path, found.object), None
        return (None if found.object is None else DatasetAt(found.path, found.object)), found.refused

    def path_of(self, reference: Any) -> str:
        """Return the path that an object reference points to; "" for an empty one, or where nothing is."""
        return self.stored.path_of(reference) if isinstance(reference, Reference) else ""

    def value(self, item: DatasetAt) -> Any:
        """Return the values of a small dataset: a scalar itself, else an array; read once."""
        kept = self.memory.setdefault("values", {})
        if item.stored.key not in kept:
            kept[item.stored.key] = self.stored.values(item.stored)
        found = kept[item.stored.key]
        if isinstance(found, Exception):
            raise found
        return found[()]

    def expect(self, items: Iterable[DatasetAt]) -> None:
        """Read small datasets together, so that asking for them one by one moves nothing more."""
        kept = self.memory.setdefault("values", {})
        wanted = {item.stored.key: item.stored for item in items if item.stored.key not in kept}
        found = self.stored.many([(dataset, None) for dataset in wanted.values()])
        kept.update(zip(wanted, found, strict=True))


def open_file(place: Any, read: Callable[[NwbFile], T]) -> tuple[NwbFile, T]:
    """Open a file and read it; where a server has another one than last time, once more.

    Whether a file on a server is still the one whose index is in the cache is asked while it is being read.

    Raises
    ------
    LayoutError, CatalogError, ArchiveError, ChecksumError, NotCachedError
        As ``NwbFile``, and what ``read`` raises; then nothing stays open.
    """
    for _ in range(TRIES):
        file = NwbFile(place)
        with file.opening():
            try:
                found = read(file)
            except ArchiveError:
                if file.is_current():
                    raise
            else:
                if file.is_current():
                    return file, found
            place = file.anew()
    message = f"{file.name} changed on its server each of {TRIES} times that it was opened. Try again later."
    raise ArchiveError(message)


def _opened(source: Any) -> StoredFile:
    """Open a file or a store; what is wrong with it is said of its name."""
    try:
        return open_stored(source)
    except LayoutError as error:
        if isinstance(source, Folder | Prefix):
            message = f"{source.name} cannot be opened as Zarr ({error})."
        else:
            message = f"{source.name} {_stranger(source) or f'cannot be opened as HDF5 ({error}).'}"
        raise LayoutError(message) from error


def _stranger(source: Any) -> str:
    """Return in words that a file is empty, or of another kind; "" where it may be HDF5 that is damaged."""
    try:
        head = bytes(source.read(0, min(SEEN, source.size)))
    except (LayoutError, ArchiveError):
        return ""
    if not head:
        return "is empty (0 bytes): what wrote or sent it failed. Fetch it again."
    return f"is not HDF5: it begins with {head[:8]!r}. {told(head)}" if is_stranger(head) else ""


def _nwb_version(file: NwbFile) -> str:
    """Return the version of the NWB schema, "2.x.y"."""
    stored = file.root.attrs.get("nwb_version")
    if stored is None:
        found = file.find("nwb_version")[0]  # a dataset in NWB 1
        stored = file.value(found) if isinstance(found, DatasetAt) and found.size == 1 else None
    if stored is None:
        message = f"{file.name} is HDF5 but not NWB: it has no nwb_version. What wrote it has its own reader."
        raise LayoutError(message)
    version = str(stored)
    number = re.fullmatch(r"(?:NWB-)?(\d+)\.\d.*", version)
    if number is None:
        message = (
            f"{file.name}: nwb_version is {version} ({type(stored).__name__}), and NWB 2 files say it as text, such as "
            "'2.9.0'. Ask who made the file, or set it: h5py.File(path, 'r+').attrs['nwb_version'] = '2.9.0'."
        )
        raise LayoutError(message)
    if number[1] != "2":
        message = (
            f"{file.name} is in the format NWB-{version.removeprefix('NWB-')}, and neurodata4ml reads NWB 2. Look for "
            "the NWB 2 version of the recording (DANDI has it for most), or convert the file with pynwb."
        )
        raise LayoutError(message)
    return version
