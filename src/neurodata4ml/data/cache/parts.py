"""A file that is being written: under a name of its writer's own, and continued by the next one if the writer died."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import platform
import re
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neurodata4ml.data.cache import disk
from neurodata4ml.errors import NeuroDataError

LONGEST_SILENCE = 86_400.0
"""Seconds without a byte after which a writer is taken for dead, where its process cannot be looked for."""


class Part(io.FileIO):
    """The bytes that arrived of ``final``, in a file that only this object writes.

    No lock is needed: the file's name belongs to this host, process and object. Another process may take it over only
    when it takes us for dead; should we wake up after all, we notice before we touch a byte. ``etag`` is that of the
    bytes that were there already; empty: none, or not known.
    """

    def __init__(self, final: Path, path: Path, wanted: dict[str, Any], etag: str) -> None:  # noqa: D107
        super().__init__(path, "r+b" if path.exists() else "x+b")  # unbuffered: nothing is written behind our back
        self.final, self.path, self.wanted, self.etag = final, path, wanted, etag
        self.identity = os.fstat(self.fileno())

    def remember(self, etag: str) -> None:
        """Keep beside the bytes what they are bytes of, for whoever continues."""
        _state(self.path).write_text(json.dumps({**self.wanted, "etag": etag}), encoding="utf-8")

    def write(self, data: Any) -> int:
        """Write all of ``data``, while the file is ours."""
        self.check()
        rest = memoryview(data)
        while rest:
            rest = rest[super().write(rest) :]
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Cut the file, while it is ours."""
        self.check()
        return super().truncate(size)

    def check(self) -> None:
        """Raise unless our name still means our file."""
        if not self._is_ours():
            message = (
                f"another process took over {self.path.name} in {self.final.parent}, because this one was silent for "
                "long. Run the same line again: it waits for the other, or continues in its place."
            )
            raise NeuroDataError(message)

    def become(self, final: Path) -> None:
        """Give the file, which must be complete, its final name."""
        self.check()
        self.close()
        disk.replace(self.path, final)
        _state(self.path).unlink(missing_ok=True)

    def release(self) -> None:
        """Leave what arrived to the next process, under the name that all of them know."""
        self.close()
        state = _state(self.path)
        if self._is_ours() and self.path.stat().st_size and state.exists():
            shared = disk.beside(self.final, ".part")
            disk.replace(state, _state(shared))
            disk.replace(self.path, shared)
        else:
            self.discard()

    def discard(self) -> None:
        """Leave nothing."""
        self.close()
        _remove(_state(self.path), *([self.path] if self._is_ours() else []))

    def _is_ours(self) -> bool:
        try:
            return os.path.samestat(os.stat(self.path), self.identity)
        except FileNotFoundError:
            return False


def claim(final: Path, *, size: int, sha256: str, etag: str) -> Part:
    """Open a part of ``final`` for us alone: the newest that was left of the same file, else an empty one.

    Taking over is one rename, so that of several processes one gets the bytes and the others start anew.
    """
    wanted = {"size": size, "sha256": sha256}
    path = own(final, ".part")
    for left in _left(final):
        known = _known(left, wanted, etag)
        if known is None:
            _remove(left, _state(left))
        elif _take(left, path):
            return Part(final, path, wanted, known)
    return Part(final, path, wanted, "")


def own(final: Path, suffix: str) -> Path:
    """Return a path beside ``final`` that no other writer uses; it names our host and process."""
    return disk.beside(final, f".{_host()}-{os.getpid()}-{uuid.uuid4().hex[:8]}{suffix}")


def abandoned(final: Path) -> Iterator[Path]:
    """Yield the files beside ``final`` whose writers (see :func:`own`) are dead."""
    name = re.compile(re.escape(final.name) + r"\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.[a-z.]+")
    for path in final.parent.iterdir():
        match = name.fullmatch(path.name)
        with contextlib.suppress(FileNotFoundError):
            if match and _is_dead(match[1], int(match[2]), path.stat().st_mtime):
                yield path


def sweep(final: Path) -> None:
    """Remove whatever dead writers of ``final`` left."""
    _remove(*abandoned(final))


def sweep_all(final: Path) -> None:
    """Remove also what could be continued: ``final`` is there."""
    shared = disk.beside(final, ".part")
    _remove(*abandoned(final), shared, _state(shared))


def _left(final: Path) -> list[Path]:
    """Return the parts of ``final`` that nobody writes, newest first."""
    found = {}
    for path in [*abandoned(final), disk.beside(final, ".part")]:
        with contextlib.suppress(FileNotFoundError):  # another process may be quicker
            if path.suffix == ".part":
                found[path] = path.stat().st_mtime
    return sorted(found, key=lambda path: -found[path])


def _known(part: Path, wanted: dict[str, Any], etag: str) -> str | None:
    """Return the ETag stated for the bytes of ``part``; None where they are of another file, or of who knows what."""
    try:
        left = json.loads(_state(part).read_text(encoding="utf-8"))
        same = {key: left[key] for key in wanted} == wanted and (etag in ("", left["etag"]) or not left["etag"])
        return str(left["etag"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _take(left: Path, path: Path) -> bool:
    """Make ``left`` ours by renaming it to ``path``; False where another process was quicker."""
    try:
        _state(path).write_bytes(_state(left).read_bytes())  # first, so that the bytes are never without it
        os.utime(left)  # we live: nobody may take it for silent
        os.rename(left, path)
    except OSError:
        _remove(_state(path))
        return False
    _remove(_state(left))
    return True


def _is_dead(host: str, process: int, last_written: float) -> bool:
    if time.time() - last_written > LONGEST_SILENCE:
        return True
    if host != _host():
        return False
    if sys.platform == "win32":  # it lets nobody rename or remove a file that a living process has open
        return True
    try:
        os.kill(process, 0)  # signal 0 asks only whether it is there
    except (ProcessLookupError, OverflowError):
        return True
    except PermissionError:
        pass
    return False


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _state(part: Path) -> Path:
    return disk.beside(part, ".json")


def _remove(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
