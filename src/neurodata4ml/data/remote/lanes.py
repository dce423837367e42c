"""The connections of this process: few to each server, kept open, and shared by all that is read by ranges."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from neurodata4ml.data.remote import forked, transport
from neurodata4ml.data.remote.addresses import Reach

LANES = 16
"""Requests at once to one server. Of ranges of 160 kB, each 50 ms away, 16 fill a line of 50 MB/s, and 8 half
of it."""

MOST_LANES = 64
"""Requests at once to all servers. Each may have as many lanes as half of those that are free, so that one that hangs,
or several, leave some to the next."""

MOST_SESSIONS = 16
"""Sessions that are kept: one for each ``Reach``, with its connections to all hosts."""

Answer = TypeVar("Answer")
Task = tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]


class _Lanes:
    """The threads and sessions of one process, and what waits for a thread: in line, at each server."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.lines: OrderedDict[str, deque[Task]] = OrderedDict()
        self.busy = Counter[str]()
        self.n_threads = self.n_idle = 0
        self.lock = threading.Lock()
        self.clients: OrderedDict[Reach, requests.Session] = OrderedDict()

    def add(self, server: str, task: Task) -> None:
        """Have a task done by a thread that waits, or by one more; a process does not wait for it when it ends."""
        with self.changed:
            self.lines.setdefault(server, deque()).append(task)
            if not self.is_free(server):
                return  # whoever is done next takes it
            if self.n_idle:
                self.n_idle -= 1
                self.changed.notify()
            elif self.n_threads < MOST_LANES:
                self.n_threads += 1
                threading.Thread(target=self.work, daemon=True, name=f"neurodata4ml lane {self.n_threads}").start()

    def is_free(self, server: str) -> bool:
        """Return whether a server may have one more lane."""
        return self.busy[server] < min(LANES, max((MOST_LANES - self.busy.total()) // 2, 1))

    def take(self, done: str | None) -> tuple[str, Task]:
        """Give back the lane to the server ``done``, and wait for a task of the one whose turn it is."""
        with self.changed:
            if done is not None:
                self.busy -= Counter([done])
            while True:
                server = next(filter(self.is_free, self.lines), None)
                if server is not None:
                    break
                self.n_idle += 1
                self.changed.wait()
            task = self.lines[server].popleft()
            self.lines.move_to_end(server)
            if not self.lines[server]:
                del self.lines[server]
            self.busy[server] += 1
        return server, task

    def work(self) -> None:
        server = None
        while True:
            server, (answer, do, given) = self.take(server)
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(do(*given))
                except BaseException as error:
                    answer.set_exception(error)
            del answer, do, given  # they may hold large buffers


_its = _Lanes()


def ask(url: str, do: Callable[..., Answer], *given: Any) -> Future[Answer]:
    """Have something done as soon as a lane to the server of ``url`` is free: a request, and receiving its answer."""
    answer: Future[Answer] = Future()
    _its.add(urlsplit(url).netloc, (answer, do, given))
    return answer


def client(reach: Reach) -> requests.Session:
    """Return the session of this process that goes no further than ``reach``; its connections are kept open."""
    with _its.lock:
        found = _its.clients.pop(reach, None) or transport.session(reach)
        _its.clients[reach] = found
        if len(_its.clients) > MOST_SESSIONS:
            _its.clients.popitem(last=False)
    return found


@forked.in_child
def _start_anew() -> None:
    """Forget the threads, which a forked process does not have, and the sockets, which it must not share."""
    global _its
    _its = _Lanes()
