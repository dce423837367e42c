"""Metadata are read in few rounds, each byte once, and never more of them are held than may be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random

import pytest

from neurodata4ml.data.storage.hdf5.damage import Damaged
from neurodata4ml.data.storage.hdf5.pages import LOCAL, REMOTE, MetadataPages
from neurodata4ml.data.storage.source import Cost, Span
from neurodata4ml.data.storage.waves import Reading, one, run
from neurodata4ml.errors import LayoutError


class Numbered:
    """A file of any size: its byte at n is n modulo 251; it remembers what was asked of it."""

    name, key = "numbered", ""

    def __init__(self, size: int, *, is_remote: bool = True) -> None:
        self.size = size
        self.is_remote = is_remote
        self.rounds: list[list[Span]] = []

    def read(self, start: int, stop: int) -> bytes:
        assert 0 <= start <= stop <= self.size
        return bytes_of(start, stop)

    def read_many(self, spans: Sequence[Span]) -> Iterator[tuple[int, bytes]]:
        self.rounds.append(list(spans))
        for place in reversed(range(len(spans))):
            yield place, self.read(*spans[place])

    def fill(self, pieces: Sequence[tuple[int, memoryview]]) -> None:
        for start, buffer in pieces:
            buffer[:] = self.read(start, start + len(buffer))

    def cost(self, spans: Sequence[Span]) -> Cost:
        return Cost(sum(stop - start for start, stop in spans), len(spans))

    def close(self) -> None:
        pass


def bytes_of(start: int, stop: int) -> bytes:
    pattern = bytes(range(251))
    first = start % 251
    return (pattern * ((stop - start) // 251 + 2))[first : first + stop - start]


def test_the_first_round_reads_the_start_and_the_end() -> None:
    source = Numbered(10**9)
    pages = MetadataPages(source)
    pages.get([(0, 8)])
    assert [stop - start for start, stop in source.rounds[0]] == [REMOTE.first, pytest.approx(REMOTE.last, abs=4096)]
    assert pages.known(0, 8) == bytes(range(8))
    assert pages.known(10**9 - 8, 10**9) == bytes_of(10**9 - 8, 10**9)
    assert pages.moved.requests == 2


def test_a_small_file_is_read_in_one_request() -> None:
    source = Numbered(500_000)
    pages = MetadataPages(source)
    pages.get([(0, 8)])
    assert source.rounds == [[(0, 500_000)]]


@pytest.mark.parametrize("is_remote", [True, False])
def test_any_spans_are_there_after_a_round_and_nothing_is_read_twice(is_remote: bool) -> None:
    source = Numbered(50_000_000, is_remote=is_remote)
    pages = MetadataPages(source)
    chance = Random(0)
    for _ in range(40):
        spans = []
        for _ in range(chance.randrange(1, 6)):
            start = chance.randrange(source.size)
            spans.append((start, min(start + chance.choice((1, 8, 500, 70_000)), source.size)))
        pages.get(spans)
        for start, stop in spans:
            assert pages.known(start, stop) == bytes_of(start, stop)
    asked = sorted(span for spans in source.rounds for span in spans)
    gap = (REMOTE if is_remote else LOCAL).gap
    overlaps = sum(max(before[1] - after[0], 0) for before, after in pairwise(asked))
    assert overlaps <= len(asked) * gap
    assert pages.moved == Cost(sum(stop - start for start, stop in asked), len(asked))


def test_what_lies_close_together_is_one_request() -> None:
    source = Numbered(10**9)
    pages = MetadataPages(source)
    pages.get([(0, 8)])
    pages.get([(5 * 10**8 + 200_000 * step, 5 * 10**8 + 200_000 * step + 8) for step in range(5)])
    assert len(source.rounds[1]) == 1


def test_bytes_beyond_the_end_are_refused() -> None:
    with pytest.raises(Damaged, match="bytes 90 to 110 are needed, but the file has 100"):
        MetadataPages(Numbered(100)).get([(90, 110)])


def test_no_more_is_kept_than_may_be_and_each_reader_still_ends() -> None:
    source = Numbered(10**10)
    pages = MetadataPages(source)

    def reader(start: int) -> Reading[bytes]:
        first = bytes((yield start, start + 8))
        second = yield [(start + 10**9, start + 10**9 + 4), (start, start + 4)]
        return first + bytes(second[0]) + bytes(second[1])

    starts = [10**6 * number for number in range(1, 800)]
    results = run(pages, [reader(start) for start in starts])
    for start, result in zip(starts, results, strict=True):
        assert result == bytes_of(start, start + 8) + bytes_of(start + 10**9, start + 10**9 + 4) + bytes_of(
            start, start + 4
        )
    assert pages.kept < 100_000_000


def test_whoever_needs_too_much_at_once_gets_an_error_and_others_go_on() -> None:
    def reader(n_bytes: int) -> Reading[int]:
        return len((yield 10**6, 10**6 + n_bytes))

    pages = MetadataPages(Numbered(10**9))
    large, small = run(pages, [reader(10**8), reader(8)])
    assert small == 8
    with pytest.raises(LayoutError, match="more bytes are needed at once than one round of requests may read"):
        raise large
    with pytest.raises(LayoutError, match="more bytes are needed at once"):
        one(pages, reader(10**8))
