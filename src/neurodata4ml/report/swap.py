"""A folder of ours takes the place of an earlier one, so that whoever looks, at any moment, finds one that is whole."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import sys
from pathlib import Path

from neurodata4ml.places import move
from neurodata4ml.record.keys import SESSIONS
from neurodata4ml.record.study_lock import NAME as LOCK

PAGE, RESULTS, ARRAYS = "index.html", "results.json", "results.nc"
FILES = (PAGE, RESULTS, ARRAYS, LOCK)
"""What a report consists of, beside ``sessions/``; whatever else lies in its folder is somebody's, and stays."""


def draft_of(folder: Path, *, replaces: bool) -> Path:
    """Return where to draft what is to lie in ``folder``.

    Beside it where it can be replaced as a whole. Inside it where it cannot: since it holds other things
    (``replaces=False``), is a mount or holds the working folder, or lies in a folder that may not be written to.

    Parameters
    ----------
    folder : Path
        Absolute, without links.
    replaces : bool
        Whether it is absent, or an earlier report of ours.
    """
    is_held = folder.is_dir() and (os.path.ismount(folder) or Path.cwd().is_relative_to(folder))
    if replaces and not is_held and os.access(folder.parent, os.W_OK | os.X_OK):
        return folder.with_name(f".{folder.name}.draft-{os.getpid()}")
    return folder / f".draft-{os.getpid()}"


def put_in_place(draft: Path, folder: Path) -> None:
    """Let a draft become what lies in ``folder``.

    From beside, in one step where the system swaps folders (Linux); elsewhere in two, between which the earlier report
    lies beside. From inside, file by file: the earlier lock goes first and the new one comes last, so that a mixture
    has none.
    """
    _sync(draft)
    if draft.parent == folder:
        _one_by_one(draft, folder)
    elif not folder.is_dir():
        move(draft, folder)
    else:
        aside = _swap(draft, folder)
        _keep_the_rest(aside, folder)
        clear(aside)
    _sync(folder.parent)


def put_right(folder: Path) -> None:
    """Move back an earlier report that a killed process had put aside, and remove what it had drafted."""
    for aside in _left(folder.parent, f".{folder.name}.old-"):
        if not folder.exists():
            move(aside, folder)
        else:
            _keep_the_rest(aside, folder)
            clear(aside)
    for draft in [*_left(folder.parent, f".{folder.name}.draft-"), *_left(folder, ".draft-")]:
        clear(draft)


def clear(folder: Path) -> None:
    """Remove what is ours from a folder, and the folder, if nothing else is in it."""
    shutil.rmtree(folder / SESSIONS, ignore_errors=True)
    with contextlib.suppress(OSError):
        for path in [*(folder / name for name in FILES), *folder.glob(".*.part")]:
            path.unlink(missing_ok=True)
        folder.rmdir()


def _swap(draft: Path, folder: Path) -> Path:
    """Put the draft in the place of a folder; return where that one is now."""
    aside = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    clear(aside)
    move(draft, aside)  # under the name of what is kept: from the next step on it is the earlier report
    if _exchange(aside, folder):
        return aside
    move(aside, draft)
    move(folder, aside)
    try:
        move(draft, folder)
    except OSError:
        move(aside, folder)
        raise
    return aside


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; return whether this system, and this disk, can."""
    if sys.platform != "linux":
        return False
    at_working_folder, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of <linux/fs.h>
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(call(at_working_folder, os.fsencode(one), at_working_folder, os.fsencode(other), swap) == 0)


def _one_by_one(draft: Path, folder: Path) -> None:
    if (folder / LOCK).exists():
        (folder / LOCK).unlink()
        shutil.rmtree(folder / SESSIONS, ignore_errors=True)
    for path in sorted(draft.rglob("*"), key=lambda path: (path.name == LOCK, path)):
        target = folder / path.relative_to(draft)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        else:
            move(path, target)


def _keep_the_rest(aside: Path, folder: Path) -> None:
    """Move what is not ours from an earlier folder to the new one; nothing there is replaced."""
    for path in sorted(aside.iterdir()):
        if path.name not in (*FILES, SESSIONS) and not os.path.lexists(folder / path.name):
            move(path, folder / path.name)


def _left(where: Path, start: str) -> list[Path]:
    """Return folders that processes made which run no longer, the newest first."""
    with contextlib.suppress(OSError):
        found = [path for path in where.iterdir() if re.fullmatch(rf"{re.escape(start)}\d+", path.name)]
        own = [path for path in found if path.is_dir() and not path.is_symlink() and not _is_at_work(path)]
        return sorted(own, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return []


def _is_at_work(path: Path) -> bool:
    """Return whether the process that made a folder is another one, and still runs."""
    number = int(path.name.rpartition("-")[2])
    if number == os.getpid() or sys.platform == "win32":  # there, a signal of zero is no question
        return False
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _sync(folder: Path) -> None:
    """Bring names that were given onto the disk, where the system can; the files themselves are there already."""
    for place in (folder, *(path for path in (folder / SESSIONS,) if path.is_dir())):
        with contextlib.suppress(OSError):
            number = os.open(place, os.O_RDONLY)
            try:
                os.fsync(number)
            finally:
                os.close(number)
