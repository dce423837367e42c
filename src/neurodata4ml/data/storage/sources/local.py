"""A file on this machine, or an open file object: read where somebody looks, by many threads at once."""

from __future__ import annotations

import io
import os
import stat
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurodata4ml.data.storage.source import Cost, Span
from neurodata4ml.data.storage.values import crew
from neurodata4ml.errors import LayoutError

AT_ONCE = 8 << 20
"""Bytes that one thread copies from the disk before another one could as well help."""

FRESH = 2.0
"""Seconds after a change in which a second one might leave the same time on the file."""


class State(NamedTuple):
    """What tells the states of a file apart."""

    size: int
    modified: int
    changed: int
    place: tuple[int, int]
    links: int


class _InOrder(ABC):
    """A source of which nothing is gained by asking for several spans at once."""

    @abstractmethod
    def read(self, start: int, stop: int) -> bytes | memoryview:
        """Return the bytes from ``start`` to ``stop``."""

    def read_many(self, spans: Sequence[Span]) -> Iterator[tuple[int, bytes | memoryview]]:
        """Yield (place in ``spans``, bytes) of each span, in their order."""
        for number, (start, stop) in enumerate(spans):
            yield number, self.read(start, stop)


class LocalSource(_InOrder):
    """A file by its path. It is pickled by its path, and stays the file that it was when it was first opened."""

    is_remote = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Look at a file, and refuse what is none.

        Raises
        ------
        LayoutError
            When nothing is there, or no ordinary file.
        """
        self.path = Path(path).expanduser().absolute()
        self.name = str(self.path)
        self._state = _state(self.path)
        self._handle: _Handle | None = None
        self._closed = False

    @property
    def size(self) -> int:
        """Bytes."""
        return self._state.size

    @property
    def key(self) -> str:
        """Where the file is and when it changed; empty right after a change, when nobody could tell the next one."""
        is_fresh = abs(time.time() - max(self._state.modified, self._state.changed) / 1e9) < FRESH
        return "" if is_fresh else f"file:{self.path}:{':'.join(map(str, (*self._state[:3], *self._state.place)))}"

    def read(self, start: int, stop: int) -> memoryview:
        """Return the bytes from ``start`` to ``stop``; a LayoutError where the file ends before."""
        _check(self, start, stop)
        if start == stop:
            return memoryview(b"")
        buffer = np.empty(stop - start, np.uint8).data  # bytes of Python's own would be zeroed first
        self.fill([(start, buffer)])
        return buffer.toreadonly()

    def fill(self, pieces: Sequence[tuple[int, memoryview]]) -> None:
        """Fill each buffer with the bytes from its offset on; long ones by several threads."""
        handle = self._opened()
        flat = [(start, buffer.cast("B")) for start, buffer in pieces]
        for start, buffer in flat:
            _check(self, start, start + len(buffer))
        if sum(len(buffer) for _, buffer in flat) < 2 * AT_ONCE:
            for start, buffer in flat:
                handle.fill(start, buffer)
        else:
            parts = [
                (start + here, buffer[here : here + AT_ONCE])
                for start, buffer in flat
                for here in range(0, len(buffer), AT_ONCE)
            ]
            crew.work((0, partial(handle.fill, *part)) for part in parts)
        self._refuse_change(handle)

    def cost(self, spans: Sequence[Span]) -> Cost:
        """Return nothing: no byte moves over the network."""
        return Cost(0, 0)

    def close(self) -> None:
        """Let go of the file, as soon as nobody reads it; a later read opens it for as long as it takes."""
        self._handle, self._closed = None, True

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: no open file."""
        return {**self.__dict__, "_handle": None}

    def _opened(self) -> _Handle:
        handle = self._handle
        if handle is None:
            if not self.path.exists():
                message = f"{self.name} is gone since it was opened. Bring it back, or open another one."
                raise LayoutError(message)
            handle = _Handle(self.path)
            self._refuse_change(handle)
            self._handle = None if self._closed else handle
        return handle

    def _refuse_change(self, handle: _Handle) -> None:
        now = handle.state()
        was = self._state
        if now.changed != was.changed and (now.links != was.links or not self._is_in_place(now)):
            now = now._replace(changed=was.changed, links=was.links)  # it got or lost a name: the bytes stay
        if now != was:
            message = (
                f"{self.name} changed since it was opened: it had {self._state.size:,} bytes and has {now.size:,}, "
                "or was written to. Open it again."
            )
            raise LayoutError(message)

    def _is_in_place(self, now: State) -> bool:
        try:
            return _of(self.path.stat()).place == now.place
        except OSError:
            return False


class ObjectSource(_InOrder):
    """An open binary file object, read by one thread at a time. Pickling it is left to the object."""

    key = ""

    def __init__(self, file: Any) -> None:
        """Find out how long the file is.

        Raises
        ------
        LayoutError
            When the object does not read bytes, or cannot be read twice at the same place.
        """
        self.file, self.name = file, str(getattr(file, "name", "") or "the file object")
        self._lock = threading.Lock()
        if isinstance(file, io.TextIOBase) or not all(hasattr(file, name) for name in ("read", "seek")):
            message = f"{self.name} ({type(file).__name__}) gives no bytes. Open it with mode 'rb'."
            raise LayoutError(message)
        try:
            self.size = int(_length(file))
        except (OSError, ValueError) as error:
            message = f"{self.name} cannot be read from any place ({error}). Give its path, or io.BytesIO(its bytes)."
            raise LayoutError(message) from error
        self.is_remote = not (isinstance(file, io.BytesIO) or _is_on_this_machine(file))

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from ``start`` to ``stop``; a LayoutError where the file ends before."""
        _check(self, start, stop)
        with self._lock:
            self._seek(start)
            parts, left = list[bytes](), stop - start
            while left:
                part = self.file.read(left)
                if not part:
                    raise LayoutError(_ended(self, stop))
                parts.append(part)
                left -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def fill(self, pieces: Sequence[tuple[int, memoryview]]) -> None:
        """Fill each buffer with the bytes from its offset on."""
        for start, buffer in pieces:
            flat = buffer.cast("B")
            flat[:] = self.read(start, start + len(flat))

    def cost(self, spans: Sequence[Span]) -> Cost:
        """Return what may move: whether the object reads over a network, only it knows."""
        return Cost(sum(stop - start for start, stop in spans), len(spans)) if self.is_remote else Cost(0, 0)

    def close(self) -> None:
        """Leave the object open: whoever opened it closes it."""

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: no lock."""
        return {name: value for name, value in self.__dict__.items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a source with a lock of its own."""
        self.__dict__.update(state, _lock=threading.Lock())

    def _seek(self, start: int) -> None:
        try:
            self.file.seek(start)
        except ValueError as error:
            message = f"{self.name} was closed by whoever opened it. Keep it open while its arrays are read."
            raise LayoutError(message) from error


class _Handle:
    """An open file, closed when the last thread that reads it is done."""

    def __init__(self, path: Path) -> None:
        self.file = open(path, "rb", buffering=0)  # noqa: SIM115  # closed below
        self.lock = threading.Lock()

    def __del__(self) -> None:
        if hasattr(self, "file"):
            self.file.close()

    def state(self) -> State:
        return _of(os.fstat(self.file.fileno()))

    def fill(self, start: int, buffer: memoryview) -> None:
        """Fill a buffer, in as many reads as the system makes of it."""
        while len(buffer):
            if hasattr(os, "preadv"):
                n = os.preadv(self.file.fileno(), [buffer], start)
            else:  # Windows: a file has one position, so one thread at a time
                with self.lock:
                    self.file.seek(start)
                    n = self.file.readinto(buffer) or 0
            if n == 0:
                message = f"{self.file.name} ends at byte {start:,}, and was longer when it was opened. Open it again."
                raise LayoutError(message)
            start, buffer = start + n, buffer[n:]


def _state(path: Path) -> State:
    """Look at a file before it is opened: to open a pipe, or some devices, would wait for ever."""
    try:
        found = path.stat()
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}). Correct the path."
        raise LayoutError(message) from error
    if not stat.S_ISREG(found.st_mode):
        message = f"{path} is no file. Give the path of one."
        raise LayoutError(message)
    return _of(found)


def _of(found: os.stat_result) -> State:
    return State(found.st_size, found.st_mtime_ns, found.st_ctime_ns, (found.st_dev, found.st_ino), found.st_nlink)


def _length(file: Any) -> int:
    file.seek(0, io.SEEK_END)
    return int(file.tell())


def _is_on_this_machine(file: Any) -> bool:
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    except (OSError, AttributeError, ValueError):
        return False


def _check(source: LocalSource | ObjectSource, start: int, stop: int) -> None:
    """Refuse what lies outside the file before memory is taken for it."""
    if not 0 <= start <= stop <= source.size:
        raise LayoutError(_ended(source, stop))


def _ended(source: LocalSource | ObjectSource, stop: int) -> str:
    name, size = source.name, source.size
    return f"{name} ends at byte {size:,}, and byte {stop:,} is asked for: it is cut short. Fetch it again."
