"""A file that is read where somebody looks: its index, and the values of its datasets. Sent elsewhere by reference."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from neurodata4ml.data.storage.in_file import InFile
from neurodata4ml.data.storage.in_store import InStore
from neurodata4ml.data.storage.index import Dataset, Group, Index, Key, Reference, Refused, Stored
from neurodata4ml.data.storage.kept.kept import keep_index, load_index
from neurodata4ml.data.storage.paths import Found, all_paths, follow
from neurodata4ml.data.storage.source import Cost, Source, Span
from neurodata4ml.data.storage.store import Store
from neurodata4ml.data.storage.values.meaning import field_of
from neurodata4ml.data.storage.values.selection import rows_of
from neurodata4ml.data.storage.values.tables import first_look
from neurodata4ml.data.storage.values.unencoded import read_spans, row_spans
from neurodata4ml.errors import LayoutError

DAMAGED = "The file is damaged: fetch it again."
RARE = "Only HDF5's own library knows its structure: download the file, and open it from the disk."

TOO_LARGE = "does not fit into the memory that is free. Read it in parts: .isel(...) before .load()."

CURE = re.compile(r"[.;:,]? [^.;]*fetch (it|the file) again\.?$")
"""How whatever says that something is damaged ends; here it is said once, and last."""


class StoredFile:
    """A file with its index. Pickled, it is the source alone: whoever needs the index there takes it from the cache.

    Attributes
    ----------
    source : Source
        The bytes.
    name : str
        For messages.
    token : str
        Which bytes these are; of a source without a key, which opening this is.
    """

    def __init__(self, source: Source | Store, index: Index | None = None) -> None:
        """Take a source; its index is read when somebody asks for an object, unless it is given."""
        self.source, self.name = source, source.name
        self.token = source.key or uuid.uuid4().hex
        self._reader: InFile | InStore = _reader(source, self.token)
        self._index, self._paths = index, dict[Key, str]()
        self._lock = threading.RLock()

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs."""
        return {"reader": self._reader, "token": self.token}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a file that knows its source, and looks up the rest."""
        self.__init__(state["reader"].source)  # type: ignore[misc]
        self._reader, self.token = state["reader"], state["token"]

    @property
    def index(self) -> Index:
        """What the file holds: given, from the cache, or read now."""
        with self._lock:
            if self._index is None:
                self._index = load_index(self.source.key)
            if self._index is None:
                self._index = self._reader.index()
                keep_index(self.source.key, self._index)
            if isinstance(self._reader, InFile):
                self._reader.know(self._index)
            return self._index

    @property
    def root(self) -> Group:
        """The group that holds all others."""
        root = self.object(self.index.root)
        if not isinstance(root, Group):
            message = f"{self.name}: what should be the group that holds all others is a dataset. {DAMAGED}"
            raise LayoutError(message)
        return root

    def object(self, key: Key | Reference) -> Group | Dataset:
        """Return an object by its key.

        Raises
        ------
        LayoutError
            Where none is, or one that is damaged.
        """
        found = self._fetch(key.key if isinstance(key, Reference) else key, "")
        if isinstance(found, Refused):
            message = f"{self.name}: an object {found.why}. {found.cure}"
            raise LayoutError(message)
        return found

    def find(self, path: str, start: Group | None = None) -> Found:
        """Return what lies at ``path`` (seen from ``start``, or the root), or why it is refused where something does.

        Hard and soft links are followed; a link into another file is refused, and so are values that the file claims
        and does not have.
        """
        root = self.root
        found = follow(root, (root, "/") if start is None else (start, self.path_of(start)), path, self._fetch)
        if isinstance(found.object, Dataset) and (refusal := self._reader.refusal(found.object)) is not None:
            return Found(None, refusal, found.path)
        return found

    def member(self, group: Group, name: str) -> Group | Dataset | None:
        """Return what ``group`` holds under ``name``: None where nothing is, or nothing that may be read."""
        return self.find(name, group).object

    def path_of(self, what: Key | Reference | Group | Dataset) -> str:
        """Return the path of an object, or of what a reference points to; "" where nothing is."""
        key = what if isinstance(what, int | str) else what.key
        if key is None:
            return ""
        if key not in self.paths() and self.index.unread:
            self._read_unread("")
        return self.paths().get(key, "")

    def paths(self) -> dict[Key, str]:
        """Return the path of each object by its key."""
        with self._lock:
            if not self._paths:
                self._paths = all_paths(self.index)
            return self._paths

    def values(self, dataset: Dataset, key: Any = None, *, field: str | None = None) -> np.ndarray:
        """Return the values of a dataset at ``key``, or of one field of them; see ``read_values``.

        Raises
        ------
        LayoutError
            When they are not what the file says of them.
        """
        try:
            return self._reader.values(dataset, key, field)
        except (LayoutError, MemoryError) as error:
            raise self._told(dataset, error) from error

    def runs(self, dataset: Dataset, starts: Any, stops: Any, *, field: str | None = None) -> np.ndarray:
        """Return the rows of rising runs, from each start to the row before its stop, end to end."""
        try:
            spans = self._spans(dataset, starts, stops)
            if spans is not None:
                return read_spans(self._reader.source, dataset, spans)  # type: ignore[arg-type]
        except (LayoutError, MemoryError) as error:
            raise self._told(dataset, error) from error
        return self.values(dataset, rows_of(starts, stops), field=field)

    def runs_cost(self, dataset: Dataset, starts: Any, stops: Any, *, field: str | None = None) -> Cost:
        """Return what ``runs`` would move over the network now."""
        spans = self._spans(dataset, starts, stops)
        if spans is not None:
            return self._reader.source.cost(spans)  # type: ignore[call-arg, arg-type]
        return self.cost(dataset, rows_of(starts, stops), field=field)

    def many(self, wanted: Sequence[tuple[Dataset, str | None]]) -> list[np.ndarray | Exception]:
        """Return all values of many small datasets (or a field of each), read together in few rounds.

        In place of what cannot be read is its error.
        """
        results = self._reader.many(wanted)
        return [
            self._told(dataset, result) if isinstance(result, LayoutError | MemoryError) else result
            for (dataset, _), result in zip(wanted, results, strict=True)
        ]

    def text(self, dataset: Dataset) -> str:
        """Return the one text that a dataset holds."""
        values = self.values(dataset)
        if values.size != 1:
            message = f"{self.name}: {self._where(dataset)} has {values.size} values where one text is due."
            raise LayoutError(message)
        return str(values.reshape(-1)[0])

    def stored(self, dataset: Dataset, field: str | None = None) -> Stored:
        """Return how the values of a dataset, or of one of its fields, lie in the file."""
        return field_of(dataset, field)

    def dtype(self, dataset: Dataset, field: str | None = None) -> np.dtype[Any]:
        """Return the dtype that ``values`` has."""
        stored = field_of(dataset, field)
        while stored.raw.subdtype is not None and stored.base is not None:
            stored = stored.base
        return stored.dtype

    def cost(self, dataset: Dataset, key: Any = None, *, field: str | None = None) -> Cost:
        """Return what ``values`` would move over the network now."""
        try:
            return self._reader.cost(dataset, key, field)
        except LayoutError as error:
            raise self._told(dataset, error) from error

    def bare(self, dataset: Dataset) -> Dataset:
        """Return a dataset without its attributes: what a lazy array keeps of it, and sends to others."""
        return replace(dataset, attrs={})

    def close(self) -> None:
        """Let go of the file; a later read opens it again."""
        self.source.close()

    def _spans(self, dataset: Dataset, starts: Any, stops: Any) -> list[Span] | None:
        """Return where rows lie that are stored as they are; None where they are not."""
        reader = self._reader
        return row_spans(dataset, starts, stops, reader.finder) if isinstance(reader, InFile) else None

    def _fetch(self, key: Key | None, path: str) -> Group | Dataset | Refused:
        index = self.index
        if key is not None and key not in index.objects and key not in index.damaged and index.unread:
            self._read_unread(path)
        if key in index.foreign:
            self._ask_library(key, path or self.path_of(key))
        if key in index.damaged:
            return Refused(
                f"cannot be read ({CURE.sub('', index.damaged[key])})", RARE if key in index.foreign else DAMAGED
            )
        if key is None or key not in index.objects:
            return Refused("is not there", DAMAGED)
        return index.objects[key]

    def _read_unread(self, path: str) -> None:
        """Read the groups that were left out: the one at ``path``, or all."""
        with self._lock:
            index = self.index
            for left in (path,) if path in index.unread else index.unread:
                self._reader.read_under(index, left)
            self._paths = {}
            keep_index(self.source.key, index)

    def _ask_library(self, key: Key, path: str) -> None:
        """Have HDF5's own library say what an object is, once."""
        with self._lock:
            if key not in self.index.foreign:
                return
            try:
                found = self._reader.foreign(path)
            except LayoutError as error:
                self.index.damaged[key] += f" ({error})"
                self.index.foreign.discard(key)
                return
            if found is not None:
                self.index.objects[key] = replace(found, key=key)
                self.index.foreign.discard(key)
                del self.index.damaged[key]

    def _told(self, dataset: Dataset, error: LayoutError | MemoryError) -> LayoutError:
        """Return an error that says of which file and dataset it is."""
        if isinstance(error, MemoryError):
            return LayoutError(f"{self.name}: {self._where(dataset)} {TOO_LARGE}")
        refusal = self._reader.refusal(dataset)
        if refusal is not None:
            return LayoutError(f"{self.name}: {self._where(dataset)} {refusal.why}. {refusal.cure}")
        why = CURE.sub("", str(error))
        cure = f" {DAMAGED}" if why != str(error) else ""  # other errors say what to do
        return LayoutError(f"{self.name}: {self._where(dataset)} cannot be read ({why.rstrip('.')}).{cure}")

    def _where(self, dataset: Dataset) -> str:
        """Return the path of a dataset, if the index is here: an error brings nothing more."""
        path = self.paths().get(dataset.key, "") if self._index is not None else ""
        return path or f"the dataset {dataset.key!r}"


def open_stored(source: Source | Store) -> StoredFile:
    """Open a file: with the index of last time where it is the same file, else by reading it now.

    Whether a file on a server is still the same is asked meanwhile, and not waited for: ``source.confirm()`` tells.

    Raises
    ------
    LayoutError
        When the file is not what it should be.
    ArchiveError
        When a server does not deliver.
    """
    index = load_index(source.key)
    begin: Any = getattr(source, "start_confirming", None)
    if begin is not None:
        begin(first_look(source, index))  # type: ignore[arg-type]
    file = StoredFile(source, index)
    assert file.index is not None
    return file


def _reader(source: Source | Store, token: str) -> InFile | InStore:
    if hasattr(source, "folders"):
        return InStore(source)  # type: ignore[arg-type]
    return InFile(source, token)
