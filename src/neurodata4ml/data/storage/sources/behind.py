"""Pieces are written to the disk while others arrive, and the least recently used go when there are too many."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from neurodata4ml.data.cache.disk import make_folder
from neurodata4ml.data.cache.room import SPARE
from neurodata4ml.data.remote import forked
from neurodata4ml.data.storage.sources import piece_file

MOST_WAITING = 64 << 20
"""Bytes that may wait to be written; what comes beyond that is not kept. A slow disk slows nobody down."""

FAREWELL = 5.0
"""Seconds that the end of a process may take to write what waits."""

CROWDED = 0.9
"""Share of the limit to which the cache shrinks when it is full, so that it is not swept for each piece."""

LOOK_AGAIN = 1 / 64
"""Share of the limit after which the folder is counted anew: other processes write there too, and so many times this
share is the most by which all of them together pass the limit."""

ABANDONED = 3600.0
"""Seconds after which a piece that was begun belongs to nobody."""

PAUSE = 60.0
"""Seconds without a try after a cache refused a piece."""

log = logging.getLogger("neurodata4ml")


class _Behind:
    """The thread that writes, and what it knows of the disk; one for each process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.waiting = 0
        self.thread: threading.Thread | None = None
        self.totals: dict[Path, tuple[int, int]] = {}
        self.again_at: dict[Path, float] = {}

    def work(self) -> None:
        while True:
            self.tasks.get()()


_its = _Behind()


def write(folder: Path, key: str, first: int, data: memoryview, limit: int, done: Callable[[], None]) -> bool:
    """Write a piece soon, and call ``done`` when it is written or given up; False where too much waits already."""
    its = _its
    with its.lock:
        too_much = its.waiting + len(data) > MOST_WAITING or len(data) > limit // 4
        if too_much or time.monotonic() < its.again_at.get(folder.parent, 0.0):
            return False
        its.waiting += len(data)
        if its.thread is None:
            its.thread = threading.Thread(target=its.work, daemon=True, name="neurodata4ml block cache")
            its.thread.start()

    def task() -> None:
        try:
            _write(its, folder, key, first, data, limit)
        except Exception as error:  # whoever reads goes on, and so does this thread
            log.info("the block cache cannot be written to (%s); it is tried again in %.0f s", error, PAUSE)
            its.again_at[folder.parent] = time.monotonic() + PAUSE
        finally:
            done()
            with its.lock:
                its.waiting -= len(data)

    its.tasks.put(task)
    return True


def wait(seconds: float = FAREWELL) -> None:
    """Wait until all is written, but not for ever."""
    until = time.monotonic() + seconds
    while _its.waiting and time.monotonic() < until:
        time.sleep(0.002)


def _write(its: _Behind, folder: Path, key: str, first: int, data: memoryview, limit: int) -> None:
    make_folder(folder)
    total, since = its.totals.get(folder.parent, (limit, limit))
    size = len(data)
    if total + size > limit or since > limit * LOOK_AGAIN:
        total, since = sweep(folder.parent, limit - size), 0
    if shutil.disk_usage(folder).free < size + SPARE:
        message = "less than 64 MB are free on its disk"
        raise OSError(message)
    try:
        written = piece_file.write(folder, key, first, data)
    except FileNotFoundError:  # another process swept the folder, which was empty
        make_folder(folder)
        written = piece_file.write(folder, key, first, data)
    its.totals[folder.parent] = total + written, since + written


def sweep(root: Path, limit: int) -> int:
    """Remove the least recently used pieces where all together exceed ``limit``; return the bytes that are left."""
    found: list[tuple[float, int, str]] = []
    folders = [entry.path for entry in _entries(root) if entry.is_dir(follow_symlinks=False)]
    for folder in folders:
        for entry in _entries(folder):
            with contextlib.suppress(OSError):
                its = entry.stat(follow_symlinks=False)
                if entry.name.endswith(".part") and its.st_mtime < time.time() - ABANDONED:
                    os.unlink(entry.path)
                else:
                    found.append((its.st_mtime, its.st_size, entry.path))
    total = sum(size for _, size, _ in found)
    if total <= limit:
        return total
    for _, size, path in sorted(found):
        if total <= limit * CROWDED:
            break
        with contextlib.suppress(OSError):  # another process may be quicker; what is open stays readable
            os.unlink(path)
        total -= size
    for folder in folders:
        with contextlib.suppress(OSError):
            os.rmdir(folder)
    return total


def _entries(folder: Path | str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


@forked.in_child
def _start_anew() -> None:
    """Forget the thread, which a forked process does not have; what waited is written by the parent."""
    global _its
    _its = _Behind()


atexit.register(wait)
