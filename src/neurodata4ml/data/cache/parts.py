"""A file that is being written: under a name of its writer's own, and continued by the next one if the writer died."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import os
import platform
import re
import stat
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neurodata4ml.data.cache import disk
from neurodata4ml.data.cache.follower import Follower
from neurodata4ml.errors import NeuroDataError

LONGEST_SILENCE = 86_400.0
"""Seconds without a sign after which a writer on this host is taken for dead: another may have its number by now."""

LONGEST_SILENCE_ELSEWHERE = 900.0
"""The same for a writer on another host or in another container, whose process nobody here can look for."""

SIGN = 30.0
"""Seconds between two signs of a writer that waits."""

TRUSTED_BYTES, TRUSTED_SECONDS = 64 << 20, 0.25
"""How much, and for how long, we write before we look again whether the file is still ours."""


class Part(io.FileIO):
    """The bytes that arrived of ``final``, in a file that only this object writes, hashed while they arrive.

    No lock is needed: the file's name belongs to this host, process and object. Another process may take it over only
    when it takes us for dead: our process is gone, or the file's time has stood still, for a day where our process
    could be looked for, for 15 minutes on another host. Each write moves that time, and so does :meth:`sign` while no
    byte comes: a server may have us wait 5 minutes, several times in a row. Should we wake up after all, we notice
    before we touch a byte.
    ``etag`` is that of the bytes that were there already, and then that which :meth:`remember` was told; empty: none.
    ``was_left`` says that there were such bytes, ``is_joined`` (see :meth:`join`) that only a digest can prove the
    bytes to be of one file.
    """

    def __init__(  # noqa: D107
        self, final: Path, path: Path, wanted: dict[str, Any], etag: str = "", also: tuple[str, ...] = ()
    ) -> None:
        super().__init__(path, "r+b" if path.exists() else "x+b")  # unbuffered: nothing is written behind our back
        self.final, self.path, self.wanted, self.etag = final, path, wanted, etag
        self.identity = os.fstat(self.fileno())
        self.was_left, self.is_joined = self.identity.st_size > 0, False
        self.follower = Follower(path, *also)
        self._hashed: int | None = None
        self._unwatched, self._looked = 0, time.time()
        self._signed = time.monotonic()

    def remember(self, etag: str) -> None:
        """Keep beside the bytes what they are bytes of, for whoever continues."""
        self.etag = etag
        _state(self.path).write_text(json.dumps({**self.wanted, "etag": etag}), encoding="utf-8")

    def join(self) -> None:
        """Note that bytes were continued with no word of the server that they are of the same file."""
        self.is_joined = True

    def sign(self) -> None:
        """Show that we live, though no byte may come; cheap enough to be called at any time."""
        if time.monotonic() - self._signed > SIGN:
            self._signed = time.monotonic()
            with contextlib.suppress(OSError):  # taken over: the next write says so
                os.utime(self.path)

    def write(self, data: Any) -> int:
        """Write all of ``data``, while the file is ours."""
        self._unwatched += len(data)
        if self._unwatched > TRUSTED_BYTES or abs(time.time() - self._looked) > TRUSTED_SECONDS:
            self.check()
        rest = memoryview(data)
        while rest:
            rest = rest[super().write(rest) :]
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        """Cut the file, while it is ours."""
        self.check()
        with self.follower.anew():
            return super().truncate(size)

    def finish(self) -> dict[str, Any]:
        """Have all bytes on the disk; return the digests of the file, to which nothing may be written any more."""
        os.fsync(self.fileno())  # while the last pieces are hashed
        found = self.follower.finish()
        self._hashed = found["size"]
        self.check()
        return found

    def check(self) -> None:
        """Raise unless our name still means our file."""
        self._unwatched, self._looked = 0, time.time()
        if not self._is_ours():
            message = (
                f"another process took over {self.path.name} in {self.final.parent}, because this one was silent for "
                "long. Run the same line again: it waits for the other, or continues in its place."
            )
            raise NeuroDataError(message)

    def release(self) -> None:
        """Leave what arrived to the next process."""
        self._shut()
        if not (self._is_ours() and self.path.stat().st_size and _take(self.path, own(self.final, ".part", process=0))):
            self.discard()

    def discard(self) -> None:
        """Leave nothing."""
        self._shut()
        _remove(_state(self.path), *([self.path] if self._is_ours() else []))

    def _shut(self) -> None:
        self.follower.give_up()
        self.close()

    def _is_ours(self) -> bool:
        try:
            now = os.stat(self.path)
        except FileNotFoundError:
            return False
        return os.path.samestat(now, self.identity) and self._hashed in (None, now.st_size)


def claim(final: Path, wanted: dict[str, Any], *, etag: str, also: tuple[str, ...] = ()) -> Part:
    """Open a part of ``final`` for us alone: the newest that was left of the same file, else an empty one.

    Taking over is one rename, so that of several processes one gets the bytes and the others start anew. ``wanted``
    says which file it is: its ``session``, ``size``, and published ``digest`` of any kind; ``etag`` is the server's,
    ``also`` what to compute beside the sha256.
    """
    path = own(final, ".part")
    for left in _left(final):
        known = _known(left, wanted, etag)
        if known is None:
            _remove(left, _state(left))
        elif _take(left, path):
            return Part(final, path, wanted, known, also)
    return Part(final, path, wanted, "", also)


def session_of(part: Path) -> str:
    """Return the session whose bytes a part holds; empty where nobody wrote it down."""
    try:
        return str(json.loads(_state(part).read_text(encoding="utf-8"))["session"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def forget(part: Path) -> None:
    """Remove what is remembered of a part that is complete."""
    _remove(_state(part))


def arrived(final: Path) -> int:
    """Return how many bytes of ``final`` an earlier try left; whether they can be continued is for the next to say.

    What a living process writes now is not among them.
    """
    if not final.parent.is_dir():
        return 0
    return max((path.stat().st_size for path in _left(final)), default=0)


def own(final: Path, suffix: str, *, process: int | None = None) -> Path:
    """Return a path beside ``final`` that no other writer uses; it names our host and process (0: nobody's)."""
    process = os.getpid() if process is None else process
    return disk.beside(final, f".{_host()}-{process}-{uuid.uuid4().hex[:8]}{suffix}")


def abandoned(final: Path) -> Iterator[Path]:
    """Yield the files beside ``final`` whose writers (see :func:`own`) are dead."""
    for path in final.parent.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.name.startswith(final.name + ".") and of(path) == final and is_abandoned(path):
                yield path


def of(path: Path) -> Path | None:
    """Return the final path of what :func:`own` named ``path``; None where it did not."""
    match = _OWN.fullmatch(path.name)
    return path.with_name(match[1]) if match else None


def is_abandoned(path: Path) -> bool:
    """Return whether :func:`own` named ``path``, and its writer is dead."""
    match = _OWN.fullmatch(path.name)
    return match is not None and _is_dead(match[2], int(match[3]), path.stat().st_mtime)


def sweep(final: Path) -> None:
    """Remove whatever dead writers of ``final`` left."""
    _remove(*abandoned(final))


_OWN = re.compile(r"(.+)\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.[a-z.]+")
"""A name that :func:`own` made."""


def _left(final: Path) -> list[Path]:
    """Return the parts of ``final`` that nobody writes, newest first."""
    found = {}
    for path in abandoned(final):
        with contextlib.suppress(FileNotFoundError):  # another process may be quicker
            if path.suffix == ".part" and _is_plain(path):
                found[path] = path.stat().st_mtime
    return sorted(found, key=lambda path: -found[path])


def _is_plain(path: Path) -> bool:
    """Return whether writing into ``path`` changes nothing else: no link, no second name of a file, no device."""
    its = path.lstat()
    return stat.S_ISREG(its.st_mode) and its.st_nlink <= 1


def _known(part: Path, wanted: dict[str, Any], etag: str) -> str | None:
    """Return the ETag stated for the bytes of ``part``; None where they are of another file, or of who knows what."""
    try:
        left = json.loads(_state(part).read_text(encoding="utf-8"))
        same = {key: left[key] for key in wanted} == wanted and (etag in ("", left["etag"]) or not left["etag"])
        proven = wanted["digest"] or left["etag"]  # with neither, nobody could say of which file these bytes are
        return str(left["etag"]) if same and proven else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _take(left: Path, path: Path) -> bool:
    """Make ``left`` ours by renaming it to ``path``; False where another process was quicker.

    Nothing is copied: that must work on a disk that is full.
    """
    try:
        os.rename(_state(left), _state(path))  # of several processes one succeeds
        os.utime(left)  # we live: nobody may take it for silent
        os.rename(left, path)
    except OSError:
        _remove(_state(path))
        return False
    return True


def _is_dead(host: str, process: int, last_written: float) -> bool:
    is_here = host == _host()
    silence = time.time() - last_written
    if process == 0 or silence > (LONGEST_SILENCE if is_here else LONGEST_SILENCE_ELSEWHERE):
        return True
    if not is_here:
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


@functools.cache
def _host() -> str:
    """Return a name for all whose process numbers mean the same: a machine, and on it a container.

    A name alone would not do: on some clusters every machine is called ``localhost``.
    """
    told = [platform.node()]
    with contextlib.suppress(OSError):
        told.append(Path("/etc/machine-id").read_text(encoding="ascii", errors="replace"))
    with contextlib.suppress(OSError):
        told.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256(" ".join(told).encode()).hexdigest()[:8]


def _state(part: Path) -> Path:
    return disk.beside(part, ".json")


def _remove(*paths: Path) -> None:
    for path in paths:
        with contextlib.suppress(OSError):
            path.unlink()
