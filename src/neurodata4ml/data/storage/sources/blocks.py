"""The block cache: which bytes of a remote file are here already, in memory or proven on the disk."""

from __future__ import annotations

import bisect
import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from neurodata4ml.data.cache import disk, room
from neurodata4ml.data.entries.sizes import parse_size
from neurodata4ml.data.remote import forked
from neurodata4ml.data.storage.source import Span
from neurodata4ml.data.storage.sources import behind, piece_file
from neurodata4ml.data.storage.sources.coming import Coming
from neurodata4ml.data.storage.sources.piece_file import Name
from neurodata4ml.errors import CatalogError, NeuroDataError
from neurodata4ml.places import cache_folder

LIMIT = "2GB"
"""What the block cache holds unless ``NEURODATA4ML_BLOCK_CACHE_BYTES`` says otherwise: an afternoon of sessions."""

LISTED = 1.0
"""Seconds for which a list of the folder is believed; other processes may write there."""

TOUCHED = 60.0
"""Seconds after which a piece that is read is marked as used again."""


class _Stretch(NamedTuple):
    """Bytes that are here, in the piece of this name."""

    start: int
    stop: int
    name: Name


class Blocks:
    """The bytes of one version of one remote file that are here."""

    def __init__(self, key: str) -> None:
        """Nothing is kept on the disk where ``key`` is empty, or the limit is 0.

        Raises
        ------
        NeuroDataError
            When the limit is no size.
        """
        self.key, self.limit = key, limit() if key else 0
        self.folder = block_folder() / hashlib.sha256(key.encode()).hexdigest()[:32]
        self._lock = threading.Lock()
        self._stretches: list[_Stretch] = []
        self._in_memory: dict[Name, memoryview] = {}
        self._touched: dict[Name, float] = {}
        self.coming = Coming()
        self._listed, self._modified = -LISTED, 0

    def lacking(self, start: int, stop: int) -> list[Span]:
        """Return the parts of a span that are not here."""
        with self._lock:
            return list(self._gaps(start, stop))

    def look(self) -> None:
        """See what other processes have written meanwhile."""
        if not self.limit or time.monotonic() < self._listed + LISTED:
            return
        try:
            modified, names = os.stat(self.folder).st_mtime_ns, None
            if modified != self._modified:
                names = [name for text in os.listdir(self.folder) if (name := piece_file.name_of(text))]
        except OSError:
            modified, names = 0, []
        with self._lock:
            self._listed, self._modified = time.monotonic(), modified
            if names is not None:
                self._stretches = []
                for name in sorted({*names, *self._in_memory}, key=lambda name: (name.first, -name.length)):
                    self._add(name)

    def read(self, start: int, stop: int) -> memoryview | None:
        """Return bytes that are here; None where they are not, or no longer."""
        with self._lock:
            parts = list(self._within(start, stop))
        held = self._in_memory.get(parts[0].name) if len(parts) == 1 else None
        if held is not None and parts[0].start <= start and stop <= parts[0].stop:
            return held[start - parts[0].name.first : stop - parts[0].name.first]
        buffer = np.empty(stop - start, np.uint8).data
        return buffer.toreadonly() if self.fill(start, buffer) else None

    def fill(self, start: int, buffer: memoryview) -> bool:
        """Fill a buffer with bytes that are here; return False where they are not, or no longer."""
        stop = start + len(buffer)
        with self._lock:
            if next(self._gaps(start, stop), None):
                return False
            parts = list(self._within(start, stop))
        for part in parts:
            first, last = max(start, part.start), min(stop, part.stop)
            if not self._fill(part.name, first, buffer[first - start : last - start]):
                return False
        return True

    def hold(self, first: int, data: memoryview) -> None:
        """Have bytes here for as long as this object lives, and on the disk soon."""
        if not data:
            return
        self._remember(Name(first, len(data)), data)
        if self.limit:
            behind.write(self.folder, self.key, first, data, self.limit, lambda: None)

    def keep(self, first: int, data: memoryview) -> None:
        """Have bytes on the disk soon, and here until then. They must not change."""
        name = Name(first, len(data))
        if self.limit and data:
            self._remember(name, data)
            if not behind.write(self.folder, self.key, first, data, self.limit, lambda: self._release(name)):
                self._release(name)
                self._forget(name)

    def _fill(self, name: Name, start: int, buffer: memoryview) -> bool:
        held = self._in_memory.get(name)
        if held is not None:
            buffer[:] = held[start - name.first : start - name.first + len(buffer)]
            return True
        path = self.folder / str(name)
        try:
            piece_file.fill(self.folder, self.key, name, start, buffer)
        except (piece_file.DamagedError, OSError) as error:
            self._forget(name)
            if isinstance(error, piece_file.DamagedError):
                with contextlib.suppress(OSError):
                    path.unlink()
            return False
        if time.monotonic() > self._touched.get(name, 0) + TOUCHED:
            self._touched[name] = time.monotonic()
            with contextlib.suppress(OSError):
                os.utime(path)
        return True

    def _remember(self, name: Name, data: memoryview) -> None:
        with self._lock:
            self._in_memory[name] = data
            self._add(name)

    def _release(self, name: Name) -> None:
        self._in_memory.pop(name, None)

    def _forget(self, name: Name) -> None:
        """Be done with a piece that cannot be read; what else is on the disk is seen at the next look."""
        with self._lock:
            self._stretches = [stretch for stretch in self._stretches if stretch.name != name]
            self._modified = -1

    def _add(self, name: Name) -> None:
        """Add what a piece has and no other; the stretches stay apart and in order."""
        for start, stop in list(self._gaps(name.first, name.first + name.length)):
            bisect.insort(self._stretches, _Stretch(start, stop, name))

    def _within(self, start: int, stop: int) -> Iterator[_Stretch]:
        place = max(bisect.bisect_right(self._stretches, start, key=_start) - 1, 0)
        while place < len(self._stretches) and self._stretches[place].start < stop:
            if self._stretches[place].stop > start:
                yield self._stretches[place]
            place += 1

    def _gaps(self, start: int, stop: int) -> Iterator[Span]:
        for stretch in self._within(start, stop):
            if stretch.start > start:
                yield start, stretch.start
            start = stretch.stop
        if start < stop:
            yield start, stop


def blocks_of(key: str) -> Blocks:
    """Return the blocks of a file, the same ones to all of this process that read it.

    Raises
    ------
    NeuroDataError
        When the limit is no size.
    """
    if not key:
        return Blocks(key)
    with _its.lock:
        which = (key, block_folder(), limit())
        found = _its.open.get(which)
        if found is None:
            found = _its.open[which] = Blocks(key)
    return found


class _Open:
    """The blocks that somebody of this process reads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open: WeakValueDictionary[tuple[str, Path, int], Blocks] = WeakValueDictionary()


_its = _Open()


@forked.in_child
def _start_anew() -> None:
    """Forget them in a forked process: somebody may have held a lock while it was copied."""
    global _its
    _its = _Open()


def block_folder() -> Path:
    """Return the folder of the block cache."""
    return cache_folder() / disk.BLOCKS


def limit() -> int:
    """Return how many bytes the block cache may hold, at most a quarter of what the whole cache may; 0: it is off.

    Raises
    ------
    NeuroDataError
        When ``NEURODATA4ML_BLOCK_CACHE_BYTES`` is no size.
    """
    stated = os.environ.get("NEURODATA4ML_BLOCK_CACHE_BYTES", "").strip() or LIMIT
    try:
        its = parse_size(stated)
    except CatalogError as error:
        message = f"NEURODATA4ML_BLOCK_CACHE_BYTES is {stated!r}; it must be a size, like 2GB, or 0 to keep nothing."
        raise NeuroDataError(message) from error
    most = room.limit()
    return min(its, most // 4) if most else its


def _start(stretch: _Stretch) -> int:
    return stretch.start
