"""What the cache asks of a disk: portable names, digests, one writer at a time, room, and renames."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import platform
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from neurodata4ml.errors import NeuroDataError
from neurodata4ml.places import cache_folder

RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
"""Names that Windows keeps for devices, whatever their suffix."""

PART_OF_ETAG = 64 << 20
"""Bytes of each part in DANDI's etag."""

SPARE = 64 << 20
"""Bytes that a download leaves free on the disk."""

LONGEST_WAIT = 3600.0
"""Seconds to wait for another process that fetches the same file, before saying that something is wrong."""

FIRST_WORD, NEXT_WORD = 10.0, 60.0
"""Seconds of waiting before we say for whom we wait, and between one such line and the next."""

NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}
"""How a file system says that it has no locks."""

log = logging.getLogger("neurodata4ml")


def is_portable(part: str) -> bool:
    """Return whether ``part`` can be a file's or folder's name everywhere, and leads nowhere else."""
    if part in ("", ".", "..") or part[-1] in ". " or part.split(".")[0].lower() in RESERVED:
        return False
    return re.search(r'[\x00-\x1f<>:"\\|?*/]', part) is None


def beside(path: Path, suffix: str) -> Path:
    """Return the path in the same folder whose name is longer by ``suffix``."""
    return path.with_name(path.name + suffix)


def digests(file: BinaryIO, *, etag: bool = False) -> dict[str, Any]:
    """Return size and sha256 of a file, read from its first byte to its last, and DANDI's etag if asked for."""
    sha256, part, parts, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), b"", 0
    file.seek(0)
    while block := file.read(1 << 20):
        sha256.update(block)
        size += len(block)
        if etag:
            part.update(block)
            if size % PART_OF_ETAG == 0:
                parts, part = parts + part.digest(), hashlib.md5(usedforsecurity=False)
    found = {"size": size, "sha256": sha256.hexdigest()}
    if not etag:
        return found
    if size % PART_OF_ETAG:
        parts += part.digest()
    whole = hashlib.md5(parts, usedforsecurity=False).hexdigest()
    return {**found, "etag": f"{whole}-{len(parts) // 16}"}


def replace(source: Path, target: Path) -> None:
    """``os.replace``, patient with Windows, where a virus scanner may hold the file for a moment."""
    for wait in (0.05, 0.1, 0.2, 0.4, 0.8, 1.6):
        try:
            return os.replace(source, target)
        except PermissionError:
            time.sleep(wait)
    return os.replace(source, target)


@contextlib.contextmanager
def alone(final: Path, what: str) -> Iterator[None]:
    """Let one process at a time work on ``final``; its folder is made.

    This only spares the traffic of a second download. On many shared disks a lock says yes to everyone or does not
    exist; whoever writes must stay right without it (each writer its own file, see ``parts.py``).

    Raises
    ------
    NeuroDataError
        When the cache cannot be written to, or another process holds the lock for ``LONGEST_WAIT`` seconds.
    """
    from filelock import FileLock

    locks = cache_folder() / ".locks"
    path = locks / f"{hashlib.sha256(str(final).encode()).hexdigest()[:16]}.lock"
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        locks.mkdir(exist_ok=True)
        tag = cache_folder() / "CACHEDIR.TAG"
        if not tag.exists():
            tag.write_text("Signature: 8a477f597d28d172789f06886806bc55\n# https://bford.info/cachedir/\n")
        lock = FileLock(path, mode=0o664)
        held = _acquire(lock, path, what)
    except OSError as error:
        message = (
            f"cannot write to the cache {cache_folder()} ({error.strerror or error}). "
            "Set NEURODATA4ML_CACHE to a folder that you may write to."
        )
        raise NeuroDataError(message) from error
    try:
        yield
    finally:
        if held:
            with contextlib.suppress(OSError):
                beside(path, ".holder").unlink()
            lock.release()


def check_room(folder: Path, needed: int, what: str) -> None:
    """Raise unless the disk of ``folder`` takes ``needed`` bytes more."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        message = (
            f"{what} needs {needed:,} bytes more and {folder} has {free:,} free. "
            "Make room, or set NEURODATA4ML_CACHE to a folder on a larger disk."
        )
        raise NeuroDataError(message)


@contextlib.contextmanager
def refuse_when_full(folder: Path, what: str) -> Iterator[None]:
    """Turn a full disk, or a full quota, into one sentence that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        message = (
            f"{what} could not be written to {folder}: {error.strerror}. What arrived is kept. "
            "Make room and run the same line again, or set NEURODATA4ML_CACHE to a folder on a larger disk."
        )
        raise NeuroDataError(message) from error


def _acquire(lock: Any, path: Path, what: str) -> bool:
    """Acquire the lock and write beside it who we are; False where the disk has no locks."""
    from filelock import Timeout

    holder = beside(path, ".holder")
    begun = time.monotonic()
    wait = FIRST_WORD
    while True:
        try:
            lock.acquire(timeout=wait)
            break
        except Timeout:
            whose = _who(holder)
            if time.monotonic() - begun >= LONGEST_WAIT:
                message = (
                    f"{whose} has held the lock on {what} for all of {LONGEST_WAIT / 60:.0f} min. Let it finish, or "
                    f"end it, and run the same line again; if there is no such process, delete {path} first."
                )
                raise NeuroDataError(message) from None
            log.warning("waiting for %s, which fetches %s", whose, what)
            wait = min(NEXT_WORD, LONGEST_WAIT)
        except (NotImplementedError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in NO_LOCKS:
                raise
            log.info("the disk of %s has no locks (%s); going on without", path.parent, error)
            return False
    with contextlib.suppress(OSError):  # politeness; it may be left there by another user
        holder.write_text(f"process {os.getpid()} on {platform.node()} (since {time.strftime('%H:%M')})")
    return True


def _who(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8", errors="replace") or "another process"
    except OSError:
        return "another process"
