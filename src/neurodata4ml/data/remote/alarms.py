"""One thread that acts on whatever takes too long, for all connections of this process."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

from neurodata4ml.data.remote import forked


class Alarm:
    """What is done at a time, unless it is cancelled before."""

    def __init__(self, do: Callable[[], None]) -> None:  # noqa: D107
        self.do: Callable[[], None] | None = do

    def cancel(self) -> None:
        """Do nothing, when it is time."""
        self.do = None


class _Alarms:
    """The thread of one process, and what it waits for."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.waiting: list[tuple[float, int, Alarm]] = []
        self.numbers = itertools.count()
        self.thread: threading.Thread | None = None

    def add(self, at: float, alarm: Alarm) -> None:
        with self.changed:
            heapq.heappush(self.waiting, (at, next(self.numbers), alarm))
            if self.thread is None:
                self.thread = threading.Thread(target=self.work, daemon=True, name="neurodata4ml alarms")
                self.thread.start()
            elif self.waiting[0][2] is alarm:  # else it sleeps no longer than it should
                self.changed.notify()

    def work(self) -> None:
        while True:
            with self.changed:
                while not self.waiting or self.waiting[0][0] > time.monotonic():
                    self.changed.wait(self.waiting[0][0] - time.monotonic() if self.waiting else None)
                _, _, alarm = heapq.heappop(self.waiting)
            do = alarm.do
            if do is not None:
                do()


_its = _Alarms()


def after(seconds: float, do: Callable[[], None]) -> Alarm:
    """Have something short done in a while; it must raise nothing."""
    alarm = Alarm(do)
    _its.add(time.monotonic() + seconds, alarm)
    return alarm


@forked.in_child
def _start_anew() -> None:
    """Forget the thread, which a forked process does not have."""
    global _its
    _its = _Alarms()
