"""The threads that decode: one bounded crew for the whole process, told anew in a forked child."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from neurodata4ml.cores import n_cores
from neurodata4ml.data.remote import forked

Job = tuple[int, Callable[[], None]]
"""Bytes that are held until the work is done, and the work."""

MOST_THREADS = 16
"""Decoding is bound by memory beyond some cores, and many threads only wait for each other."""

MOST_BYTES = 1 << 27
"""Bytes that wait for one reader's turn, or are at work, at a time (128 MB); a single chunk may be more."""

_crew: ThreadPoolExecutor | None = None
_lock = threading.Lock()
_this_thread = threading.local()


def n_threads() -> int:
    """Return how many threads decode: the cores that this process may use, within reason."""
    return min(n_cores(), MOST_THREADS)


def work(jobs: Iterable[Job]) -> None:
    """Do all jobs, several at a time; they are taken from ``jobs`` only as fast as they are done.

    A job that has work of its own does it by itself: were it to wait for the crew, all of them might wait.

    Raises
    ------
    Exception
        The first that a job raised, once none is at work any more.
    """
    if getattr(_this_thread, "is_of_crew", False):
        for _, job in jobs:
            job()
        return
    pending: deque[tuple[int, Future[None]]] = deque()
    n_waiting = 0
    try:
        for n_bytes, job in jobs:
            while pending and (pending[0][1].done() or n_waiting + n_bytes > MOST_BYTES):
                n_done, future = pending.popleft()
                future.result()
                n_waiting -= n_done
            pending.append((n_bytes, _threads().submit(job)))
            n_waiting += n_bytes
        while pending:
            pending.popleft()[1].result()
    finally:
        for _, future in pending:
            future.cancel()
        for _, future in pending:  # nobody writes into an array that was given up
            if not future.cancelled():
                future.exception()


def _join() -> None:
    _this_thread.is_of_crew = True


def _threads() -> ThreadPoolExecutor:
    global _crew
    with _lock:
        if _crew is None:
            _crew = ThreadPoolExecutor(n_threads(), "neurodata4ml-decode", _join)
        return _crew


@forked.in_child
def _forget() -> None:
    """Begin anew in a forked child: threads are not copied into it, and a lock may have been held."""
    global _crew, _lock
    _crew, _lock = None, threading.Lock()
