"""A store in a folder of this machine: its files and no others, wherever its links lead."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from neurodata4ml.data.storage.source import Cost
from neurodata4ml.data.storage.store import LARGEST, parts_of, refuse_length
from neurodata4ml.errors import LayoutError

FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
"""Of opening: without O_NONBLOCK, a pipe in place of a chunk would be waited for."""

NO_LINK = getattr(os, "O_NOFOLLOW", 0)

ABSENT = (errno.ENOENT, errno.ENOTDIR)


class Folder:
    """Files below a folder (see ``Store``), as they were when it was opened: one that changed since is refused."""

    key = ""
    is_remote = False

    def __init__(self, path: str | os.PathLike[str], opened_ns: int | None = None) -> None:
        """Remember where the folder is, and when it was opened (now); nothing is read."""
        self.root = os.path.realpath(path)
        self.name, self.folder = str(path), Path(self.root).name
        self._inside = {self.root}
        self.opened_ns = time.time_ns() if opened_ns is None else opened_ns

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the place and the time, and no bytes."""
        return Folder, (self.root, self.opened_ns)

    def read(self, name: str, at_most: int = LARGEST) -> bytes | None:
        """Return a file's bytes; None where there is none."""
        parts = parts_of(name, self.name)
        try:
            number = self._open(os.path.join(self.root, *parts[:-1]), parts[-1])
        except OSError as error:
            if error.errno in ABSENT:
                return None
            raise _unreadable(name, self.name, error) from error
        try:
            state = os.fstat(number)
            if not stat.S_ISREG(state.st_mode):
                raise _unreadable(name, self.name, OSError(0, "it is no file"))
            refuse_length(name, state.st_size, at_most, self.name)
            self._refuse_change(name, state)
            return _whole(number, state.st_size, name, self.name)
        finally:
            os.close(number)

    def read_many(self, names: Sequence[str], at_most: int = LARGEST) -> Iterator[tuple[int, bytes | None]]:
        """Yield (place in ``names``, bytes or None) of each file, in their order."""
        return ((place, self.read(name, at_most)) for place, name in enumerate(names))

    def folders(self, name: str) -> list[str]:
        """Return the names of the folders in a folder, sorted; links to folders elsewhere are not among them."""
        parts = parts_of(name, self.name) if name else []
        path = os.path.join(self.root, *parts)
        try:
            with os.scandir(path) as found:
                return sorted(entry.name for entry in found if entry.is_dir() and self._is_inside(entry.path))
        except OSError as error:  # links in a circle, or no right to look into it
            raise _unreadable(name, self.name, error) from error

    def cost(self, names: Sequence[str], at_most: int) -> Cost:
        """Return that nothing is moved over the network."""
        return Cost(0, 0)

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _open(self, parent: str, name: str) -> int:
        """Open a file for reading, if links leave it in the store."""
        if parent not in self._inside:
            self._refuse_outside(parent)
            self._inside.add(parent)
        path = os.path.join(parent, name)
        if NO_LINK:
            try:
                return os.open(path, FLAGS | NO_LINK)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.EMLINK):
                    raise
        self._refuse_outside(path)
        return os.open(os.path.realpath(path), FLAGS | NO_LINK)

    def _refuse_change(self, name: str, state: os.stat_result) -> None:
        """Raise where a file was written since the store was opened; a date to come says nothing."""
        if self.opened_ns < max(state.st_mtime_ns, state.st_ctime_ns) <= time.time_ns():
            message = f"{name} in {self.name} changed since the store was opened. Open it again."
            raise LayoutError(message)

    def _refuse_outside(self, path: str) -> None:
        if not self._is_inside(path):
            message = (
                f"{os.path.relpath(path, self.root)} in {self.name} is a link to {os.path.realpath(path)}, outside of "
                "the store, and is not followed. Put the file itself there."
            )
            raise LayoutError(message)

    def _is_inside(self, path: str) -> bool:
        place = os.path.realpath(path)
        return place == self.root or place.startswith(self.root.rstrip(os.sep) + os.sep)


def _whole(number: int, size: int, name: str, store: str) -> bytes:
    data = os.read(number, size)
    while 0 < len(data) < size and (piece := os.read(number, size - len(data))):  # more than 2 GB come in parts
        data += piece
    if len(data) < size:
        message = f"{name} in {store} became shorter while it was read: {len(data):,} of {size:,} bytes. Read it again."
        raise LayoutError(message)
    return data


def _unreadable(name: str, store: str, error: OSError) -> LayoutError:
    return LayoutError(f"{name} in {store} cannot be read ({error.strerror}). Check its rights, or get the store anew.")
