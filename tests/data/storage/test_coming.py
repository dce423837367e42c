"""Bytes on their way to one reader are another's too, also where the first one fails or leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from neurodata4ml.data.storage.source import Span
from neurodata4ml.data.storage.sources import behind
from neurodata4ml.data.storage.sources.blocks import Blocks
from neurodata4ml.data.storage.sources.gather import Gathering

CONTENT = np.random.default_rng(0).bytes(2_000_000)


@pytest.fixture
def blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Blocks]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    yield Blocks("a key")
    behind.wait(60)


class Server:
    """Answers when it is let; the first answers are failures."""

    def __init__(self, n_failures: int = 0) -> None:
        self.asked: list[Span] = []
        self.n_failures = n_failures
        self.begun, self.may_answer = threading.Event(), threading.Event()

    def get(self, start: int, buffer: memoryview) -> None:
        self.asked.append((start, start + len(buffer)))
        fails = len(self.asked) <= self.n_failures
        self.begun.set()
        assert self.may_answer.wait(10)
        if fails:
            message = "no"
            raise OSError(message)
        buffer[:] = CONTENT[start : start + len(buffer)]


def read(blocks: Blocks, server: Server, span: Span) -> bytes:
    [(_, data)] = Gathering([span], blocks, server.get).run()
    return bytes(data)


def test_what_another_reader_asked_for_is_waited_for(blocks: Blocks) -> None:
    server = Server()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(read, blocks, server, (100_000, 500_000))
        assert server.begun.wait(10)
        second = threads.submit(read, blocks, server, (50_000, 700_000))
        while len(server.asked) < 3:
            assert not second.done()
        server.may_answer.set()
        assert first.result() == CONTENT[100_000:500_000]
        assert second.result() == CONTENT[50_000:700_000]
    assert sorted(server.asked) == [(50_000, 100_000), (100_000, 500_000), (500_000, 700_000)]


def test_where_the_other_reader_fails_or_leaves_one_asks_oneself(blocks: Blocks) -> None:
    server = Server(n_failures=1)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(read, blocks, server, (100_000, 500_000))
        assert server.begun.wait(10)
        second = threads.submit(read, blocks, server, (100_000, 500_000))
        server.may_answer.set()
        with pytest.raises(OSError, match="no"):
            first.result()
        assert second.result() == CONTENT[100_000:500_000]
    assert server.asked == [(100_000, 500_000)] * 2
    leaving = Gathering([(1_000_000, 1_100_000)], blocks, server.get).run()
    leaving.close()
    assert read(blocks, server, (1_000_000, 1_100_000)) == CONTENT[1_000_000:1_100_000]


def test_where_nothing_is_kept_everybody_asks(blocks: Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks.limit = 0
    server = Server()
    with ThreadPoolExecutor(2) as threads:
        answers = [threads.submit(read, blocks, server, (0, 100_000)) for _ in range(2)]
        while len(server.asked) < 2:
            assert not any(answer.done() for answer in answers)
        server.may_answer.set()
        assert [answer.result() for answer in answers] == [CONTENT[:100_000]] * 2
