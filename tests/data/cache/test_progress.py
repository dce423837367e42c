"""Progress is shown where somebody looks, said now and then where nobody does, and never when it shall not."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from clocks import own_time
from neurodata4ml.data.cache import progress
from neurodata4ml.data.cache.progress import board, shown


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time: set ``clock[0]``."""
    now = [1000.0]
    own_time(monkeypatch, progress, monotonic=lambda: now[0])
    return now


def test_without_a_terminal_a_line_comes_every_half_a_minute(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with board(None, "several", {"a": 600_000_000, "b": 400_000_000}) as its:
        for second in range(100):
            clock[0] = 1000.0 + second
            its.tell("a", second * 5_000_000, 600_000_000)
        its.done("a")
        clock[0] = 1150.0
        its.tell("b", 10_000_000, 400_000_000)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[0] == "several: 1 GB to fetch, about 2 min at 10 MB/s"
    assert lines[1] == "several: 150 MB of 1 GB, 0 of 2 files, 5 MB/s, about 3 min left"
    assert lines[4] == "several: 610 MB of 1 GB, 1 of 2 files, 4 MB/s, about 2 min left"


def test_short_work_says_nothing(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with shown(None, "a.nwb") as show:
        assert show is not None
        for second in range(29):
            clock[0] += 1
            show(second, 100)
    assert capsys.readouterr() == ("", "")


def test_what_was_there_before_does_not_make_it_look_fast(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with shown(None, "a.nwb") as show:
        assert show is not None
        show(900_000_000, 1_000_000_000)
        clock[0] += 40
        show(940_000_000, 1_000_000_000)
    begun, later = capsys.readouterr().err.splitlines()
    assert begun == "a.nwb: 100 MB to fetch, about 10 s at 10 MB/s"
    assert later == "a.nwb: 940 MB of 1 GB, 1 MB/s, about 1 min left"


def test_a_size_that_nobody_knows_is_not_invented(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with shown(None, "a.nwb") as show:
        assert show is not None
        show(0, 0)
        clock[0] += 30
        show(60_000_000, 0)
    assert capsys.readouterr().err == "a.nwb: 60 MB, 2 MB/s\n"


def test_nothing_is_shown_where_nothing_shall_be(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with shown(False, "a.nwb") as show:
        assert show is None
    with board(False, "several", {"a": 1}) as its:
        clock[0] += 100
        its.tell("a", 1, 1)
        assert its.total == (1, 1)
    assert capsys.readouterr() == ("", "")


def test_a_function_of_ones_own_is_called_with_every_piece() -> None:
    told: list[tuple[int, int]] = []
    with shown(lambda have, size: told.append((have, size)), "a.nwb") as show:
        assert show is not None
        show(3, 7)
    with board(lambda have, size: told.append((have, size)), "several", {"a": 10, "b": 20}) as its:
        its.tell("a", 5, 10)
        its.tell("b", 1, 20)
        its.done("a")
    assert told == [(3, 7), (5, 30), (6, 30)]


def test_on_a_terminal_each_has_a_bar_and_all_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with board(None, "several", {"s1": 2_000_000, "s2": 3_000_000}) as its:
        its.tell("s1", 500_000, 2_000_000)
        its.tell("s2", 3_000_000, 3_000_000)
        its.bars.refresh()
        seen = screen.getvalue()
        its.done("s2")
    for word in ("all", "s1", "s2", "3.5/5.0 MB", "0.5/2.0 MB"):
        assert word in seen


def test_what_came_with_another_download_counts_once() -> None:
    with board(False, "a zip of two sessions", {"s1": 10, "s2": 10}) as its:
        its.tell("s1", 10, 10)
        its.done("s1")
        its.done("s2")
        assert its.total == (10, 10)


def test_told_from_many_threads_nothing_is_lost() -> None:
    sizes = {str(n): 1000 for n in range(8)}
    with board(False, "several", sizes) as its:

        def work(name: str) -> None:
            for have in range(1001):
                its.tell(name, have, 1000)
            its.done(name)

        threads = [threading.Thread(target=work, args=(name,)) for name in sizes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert its.total == (8000, 8000)
        assert its.n_done == 8
