"""What the cache asks of a disk: folders for a group, one writer at a time, renames that last."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import logging
import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neurodata4ml import places
from neurodata4ml.errors import DiskError, NeuroDataError
from neurodata4ml.names import refuse_links
from neurodata4ml.places import cache_folder

LONGEST_WAIT = 3600.0
"""Seconds without a byte from another process that fetches the same file, before saying that something is wrong."""

FIRST_WORD, NEXT_WORD = 10.0, 60.0
"""Seconds of waiting before we say for whom we wait, and between one such line and the next."""

NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EACCES, errno.EPERM}
"""How a file system says that it has no locks, or another user's lock that it is not ours to take."""

NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF}
"""How a file system says that its folders need no fsync, or cannot have one."""

BLOCKS, INDEX = "blocks", "index"
"""Folders of the cache that hold no dataset: bytes of remote files that were read, and what is known of any file."""

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FAILING = {errno.EIO, errno.ENAMETOOLONG, getattr(errno, "ESTALE", errno.EIO)}
CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST}

log = logging.getLogger("neurodata4ml")


def beside(path: Path, suffix: str) -> Path:
    """Return the path in the same folder whose name is longer by ``suffix``."""
    return path.with_name(path.name + suffix)


def replace(source: Path, target: Path) -> None:
    """Move a file so that it lasts: the folder is synced.

    The file is as open to a group as the folder it comes into.
    """
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            source.chmod(target.parent.stat().st_mode & 0o666)
    places.move(source, target)
    sync_folder(target.parent)


def datasets(where: str | Path, folders: list[str]) -> list[str]:
    """Return those of the folders found in ``where`` in which files of datasets can lie, sorted."""
    apart = (BLOCKS, INDEX) if Path(where) == cache_folder() else ()
    return sorted(name for name in folders if not name.startswith(".") and name not in apart)


def sync_folder(folder: Path) -> None:
    """Have the names in ``folder`` on the disk before anything else happens; Windows does so by itself."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it; each is as open to a group as the one it is made in."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError:  # another process may be quicker
        if not folder.is_dir():
            raise
    else:
        if sys.platform != "win32" and folder.is_relative_to(cache_folder()) and folder != cache_folder():
            with contextlib.suppress(OSError):  # politeness; some disks know no modes
                folder.chmod(folder.parent.stat().st_mode & 0o7777)


@contextlib.contextmanager
def alone(final: Path, what: str) -> Iterator[None]:
    """Let one process at a time work on ``final``, a file in the cache; its folder is made.

    This only spares the traffic of a second download. On many shared disks a lock says yes to everyone or does not
    exist; whoever writes must stay right without it (each writer its own file, see ``parts.py``).

    Raises
    ------
    DiskError
        When the cache cannot be written to, or leads elsewhere by a link.
    NeuroDataError
        When another process holds the lock for ``LONGEST_WAIT`` seconds.
    """
    from filelock import FileLock

    refuse_links(cache_folder(), final)
    locks = cache_folder() / ".locks"
    path = locks / f"{hashlib.sha256(str(final).encode()).hexdigest()[:16]}.lock"
    with refuse_trouble(what):
        make_folder(final.parent)
        make_folder(locks)
        tag = cache_folder() / "CACHEDIR.TAG"
        if not tag.exists():
            tag.write_text("Signature: 8a477f597d28d172789f06886806bc55\n# https://bford.info/cachedir/\n")
        lock = FileLock(path, mode=0o664)
        held = _acquire(lock, path, what, final)
    try:
        yield
    finally:
        if held:
            with contextlib.suppress(OSError):
                beside(path, ".holder").unlink()
            lock.release()


@contextlib.contextmanager
def refuse_trouble(what: str, *, keeps: bool = True) -> Iterator[None]:
    """Turn a disk that is full or read-only into one sentence that says what to do.

    ``keeps`` says whether the next try continues where this one stopped.

    Raises
    ------
    DiskError
        In place of an ``OSError`` of these kinds.
    """
    folder = cache_folder()
    try:
        yield
    except (OSError, RuntimeError) as raised:
        error = _of_the_system(raised)
        if error.errno in FULL:
            message = (
                f"{what} could not be written to {folder}: {error.strerror}. {'What arrived is kept. ' * keeps}"
                "Make room (neurodata4ml cache ls) and run the same line again, or set NEURODATA4ML_CACHE to a folder "
                "on a larger disk."
            )
        elif error.errno in CLOSED:
            message = (
                f"cannot write to the cache {folder} ({error.strerror}), and {what} is not in it. Set "
                "NEURODATA4ML_CACHE to a folder that you may write to; to go on reading from the present one, set "
                "NEURODATA4ML_SHARED_CACHE to it."
            )
        elif error.errno in FAILING:
            message = (
                f"{what} could not be written to {folder}: {error.strerror} ({error.filename or 'in the middle'}). "
                "Look after that disk, or set NEURODATA4ML_CACHE to a folder on another one."
            )
        else:
            raise
        raise DiskError(message) from raised


def _of_the_system(error: OSError | RuntimeError) -> OSError:
    """Return what the system said; HDF5 says it in words, and of a file that it closes not as an ``OSError``."""
    stated = re.search(r"errno = (\d+)", str(error))
    if stated:
        return OSError(int(stated[1]), os.strerror(int(stated[1])))
    return error if isinstance(error, OSError) else OSError()


def _acquire(lock: Any, path: Path, what: str, final: Path) -> bool:
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
            if min(time.monotonic() - begun, _silence(final)) >= LONGEST_WAIT:
                message = (
                    f"{whose} holds the lock on {what}, and wrote nothing for {LONGEST_WAIT / 60:.0f} min. Let it "
                    f"finish, or end it, and run the same line again; if there is no such process, delete {path} first."
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


def _silence(final: Path) -> float:
    """Return for how many seconds nobody has written what is to become ``final``."""
    written = [0.0]
    for path in final.parent.glob(f"{glob.escape(final.name)}.*"):
        with contextlib.suppress(FileNotFoundError):
            written.append(path.stat().st_mtime)
    return time.time() - max(written)


def _who(holder: Path) -> str:
    try:
        return holder.read_text(encoding="utf-8", errors="replace") or "another process"
    except OSError:
        return "another process"
