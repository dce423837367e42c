"""What takes too long is acted on, in its order, and what is done in time is not."""

from __future__ import annotations

import threading
import time

from neurodata4ml.data.remote import alarms


def test_alarms_go_off_in_their_order_and_not_where_they_are_cancelled() -> None:
    heard: list[str] = []
    over = threading.Event()
    begun = time.monotonic()
    for seconds, name in ((0.15, "third"), (0.05, "first"), (0.1, "second"), (0.12, "never")):
        alarm = alarms.after(seconds, lambda name=name: heard.append(name))
        if name == "never":
            alarm.cancel()
    alarms.after(0.2, over.set)
    assert over.wait(5)
    assert heard == ["first", "second", "third"]
    assert time.monotonic() - begun >= 0.2


def test_a_thousand_alarms_are_one_thread() -> None:
    before = threading.active_count()
    waiting = [alarms.after(60, lambda: None) for _ in range(1_000)]
    assert threading.active_count() <= before + 1
    for alarm in waiting:
        alarm.cancel()
