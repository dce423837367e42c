"""The connections of this process: few, kept open, and shared by all that is read by ranges."""

from __future__ import annotations

import os
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import requests

from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import Reach

LANES = 16
"""Requests at once. Of ranges of 160 kB, each 50 ms away, 16 fill a line of 50 MB/s; 8 fill half of it."""

KEPT = 16
"""Sessions that are kept: one for each ``Reach``, with its connections to all hosts."""

Answer = TypeVar("Answer")
Task = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class _Lanes:
    """The threads and sessions of one process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.tasks: queue.SimpleQueue[Task] = queue.SimpleQueue()
        self.idle = threading.Semaphore(0)
        self.n_threads = 0
        self.clients: OrderedDict[Reach, requests.Session] = OrderedDict()

    def start(self) -> None:
        """Start one more thread, unless one waits or there are enough; a process does not wait for it when it ends."""
        if self.idle.acquire(blocking=False):
            return
        with self.lock:
            if self.n_threads < LANES:
                self.n_threads += 1
                threading.Thread(target=self.work, daemon=True, name=f"neurodata4ml lane {self.n_threads}").start()

    def work(self) -> None:
        while True:
            answer, do, given = self.tasks.get()
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(do(*given))
                except BaseException as error:
                    answer.set_exception(error)
            del answer, do, given  # they may hold large buffers
            self.idle.release()


_its = _Lanes()


def ask(do: Callable[..., Answer], *given: Any) -> Future[Answer]:
    """Have something done as soon as a lane is free: a request, and the receiving of its answer."""
    answer: Future[Answer] = Future()
    _its.tasks.put((answer, do, given))
    _its.start()
    return answer


def client(reach: Reach) -> requests.Session:
    """Return the session of this process that goes no further than ``reach``; its connections are kept open."""
    with _its.lock:
        found = _its.clients.pop(reach, None) or transport.session(reach)
        _its.clients[reach] = found
        if len(_its.clients) > KEPT:
            _its.clients.popitem(last=False)
    return found


def _start_anew() -> None:
    """Forget the threads, which a forked process does not have, and the sockets, which it must not share."""
    global _its
    _its = _Lanes()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
