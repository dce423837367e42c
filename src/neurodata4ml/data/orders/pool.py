"""Several downloads at once, which all stop when one is told to."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from neurodata4ml.errors import NeuroDataError

LAST_WORDS = 1.0
"""Seconds that downloads have to put away what arrived, when all are called off."""

Result = TypeVar("Result")


class CalledOffError(BaseException):
    """All downloads were called off; whoever writes a part puts it away."""


def at_once(
    work: Callable[[str, Callable[[], None]], Result], names: Sequence[str], jobs: int, *, all_or_none: bool = False
) -> dict[str, Result | NeuroDataError]:
    """Return by name what ``work`` returned for each, or the error of ours that it ended with, in the order of names.

    Any other error, and Ctrl-C, calls all off and is raised. The threads are such as a process does not wait for when
    it ends: one may be held by a server that does not answer.

    Parameters
    ----------
    work : callable
        Called with a name and with a function to call often: that raises where all are called off.
    names : sequence of str
    jobs : int
        How many at once.
    all_or_none : bool
        Whether an error of ours, too, calls all off and is raised.
    """
    if jobs < 1:
        message = f"jobs is {jobs}; it must be at least 1, the number of files at a time."
        raise ValueError(message)
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[str, Result | BaseException]] = queue.SimpleQueue()
    stop = threading.Event()
    for name in names:
        waiting.put(name)

    def go_on() -> None:
        if stop.is_set():
            raise CalledOffError

    def worker() -> None:
        while not stop.is_set():
            try:
                name = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                ended.put((name, work(name, go_on)))
            except BaseException as error:
                ended.put((name, error))

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(min(jobs, len(names)))]
    for thread in threads:
        thread.start()
    try:
        found = dict(_next(ended, all_or_none) for _ in names)
    except BaseException:
        stop.set()
        until = time.monotonic() + LAST_WORDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
        raise
    return {name: found[name] for name in names}


def _next(
    ended: queue.SimpleQueue[tuple[str, Result | BaseException]], all_or_none: bool
) -> tuple[str, Result | NeuroDataError]:
    while True:
        try:
            name, result = ended.get(timeout=0.2)  # Windows hears Ctrl-C only between two waits
        except queue.Empty:
            continue
        if isinstance(result, BaseException) and (all_or_none or not isinstance(result, NeuroDataError)):
            raise result
        return name, result
