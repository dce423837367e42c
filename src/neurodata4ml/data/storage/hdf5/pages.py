"""The part of a file that was read for its metadata: in growing blocks, so that few round trips are needed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from neurodata4ml.data.storage.hdf5.damage import Damaged
from neurodata4ml.data.storage.source import Cost, Source, Span


class Habits(NamedTuple):
    """How much is read at once.

    Attributes
    ----------
    first, last : int
        Bytes at the start and at the end of the file that the first round reads: metadata mostly lie there.
    block : int
        What is needed is read in blocks of this size, aligned; twice as large where it is one block only,
        and with every second round after the fourth.
    gap : int
        What lies between two blocks is read too where it is no more than this: cheaper than another request.
    """

    first: int
    last: int
    block: int
    gap: int


LOCAL = Habits(first=1 << 14, last=1 << 14, block=1 << 14, gap=1 << 13)
REMOTE = Habits(first=1 << 16, last=3 << 17, block=1 << 16, gap=3 << 17)
"""Measured: a session of 20 million spikes, written by pynwb, opens in 4 rounds, 7 requests and 1.3 MB."""

_DOUBLINGS = 3

_MOST_BYTES = 1 << 25
"""What one round may read; twice as much is kept."""


class MetadataPages:
    """Bytes of a file's metadata; ``moved`` is what was asked of the source for them, ``kept`` how many are held."""

    def __init__(self, source: Source, habits: Habits | None = None) -> None:
        """Read nothing yet; ``habits`` are those for a file on this machine, or on a server."""
        self.source = source
        self.moved = Cost(0, 0)
        self._habits = habits or (REMOTE if source.is_remote else LOCAL)
        self._starts: list[int] = []
        self._data: list[memoryview] = []
        self._ages: dict[int, int] = {}
        self._round = 0
        self.kept = 0

    def known(self, start: int, stop: int) -> memoryview | None:
        """Return the bytes if all are here."""
        if stop <= start:
            return memoryview(b"")
        place = bisect_right(self._starts, start) - 1
        if place < 0:
            return None
        begin = start - self._starts[place]
        data = self._data[place]
        if begin + stop - start <= len(data):
            return data[begin : begin + stop - start]
        return self._joined(place, start, stop) if begin < len(data) else None

    def _joined(self, place: int, start: int, stop: int) -> memoryview | None:
        """Return bytes that lie in several pieces."""
        parts, at = [], start
        while at < stop:
            if place == len(self._starts) or self._starts[place] > at:
                return None
            begin = at - self._starts[place]
            part = self._data[place][begin : begin + stop - at]
            if not part:
                return None
            parts.append(part)
            at += len(part)
            place += 1
        return memoryview(b"".join(parts))

    def get(self, spans: Sequence[Span]) -> None:
        """Bring these spans here in one round of requests: from the first on, as many as one round may read."""
        wanted = list(self._first()) if not self._round else []
        room = _MOST_BYTES - sum(stop - start for start, stop in wanted)
        block, seen = self._block(spans), set[Span]()
        for start, stop in spans:
            if start < 0 or stop > self.source.size:
                message = f"bytes {start} to {stop} are needed, but the file has {self.source.size}; fetch it again"
                raise Damaged(message)
            span = (start // block * block, min(-(-stop // block) * block, self.source.size))
            if span in seen:  # as of many small objects side by side
                continue
            seen.add(span)
            room -= span[1] - span[0]
            if room < 0:
                break
            wanted.append(span)
        self._round += 1
        for start, _ in wanted:
            if (held := self._holding(start)) is not None:
                self._ages[held[0]] = self._round
        self._bring(self._missing(self._merged(wanted)))

    def _first(self) -> Sequence[Span]:
        size, habits = self.source.size, self._habits
        return [(0, min(habits.first, size)), (max(size - habits.last, 0) // 4096 * 4096, size)]

    def _block(self, spans: Sequence[Span]) -> int:
        """Return in blocks of which size this round reads."""
        if not self._round:
            return 1
        block = self._habits.block << min(max(self._round - 3, 0) // 2, _DOUBLINGS)
        is_one_place = len({start // block for start, _ in spans}) == 1
        return 2 * block if is_one_place else block

    def _merged(self, spans: list[Span]) -> list[Span]:
        merged: list[Span] = []
        for start, stop in sorted(spans):
            if merged and start - merged[-1][1] <= self._habits.gap:
                merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
            else:
                merged.append((start, stop))
        return merged

    def _missing(self, spans: list[Span]) -> list[Span]:
        """Return the spans without what is here already at their ends, and up to what is here close by."""
        missing = []
        for start, stop in spans:
            while (data := self._holding(start)) is not None and start < stop:
                start = data[1]
            while start < stop and (data := self._holding(stop - 1)) is not None:
                stop = data[0]
            if start < stop:
                missing.append(self._stretched(start, stop))
        return missing

    def _stretched(self, start: int, stop: int) -> Span:
        """Return a span that reaches to its neighbours that are here, so that no small hole is left between."""
        place = bisect_right(self._starts, start)
        before = self._starts[place - 1] + len(self._data[place - 1]) if place else 0
        after = self._starts[place] if place < len(self._starts) else self.source.size
        gap = self._habits.gap
        return before if start - before <= gap else start, after if 0 <= after - stop <= gap else stop

    def _holding(self, byte: int) -> Span | None:
        """Return from where to where the piece goes that holds a byte."""
        place = bisect_right(self._starts, byte) - 1
        if place < 0 or byte >= self._starts[place] + len(self._data[place]):
            return None
        return self._starts[place], self._starts[place] + len(self._data[place])

    def _bring(self, spans: list[Span]) -> None:
        """Read spans that start and end where nothing is here, and keep them."""
        for place, data in self.source.read_many(spans):
            start, stop = spans[place]
            self.moved += Cost(stop - start, 1)
            self._drop_within(start, stop)
            at = bisect_right(self._starts, start)
            self._starts.insert(at, start)
            self._data.insert(at, memoryview(data))
            self._ages[start] = self._round
            self.kept += stop - start
        if self.kept > 2 * _MOST_BYTES:
            self._forget()

    def _forget(self) -> None:
        """Let go of what was needed longest ago, but of nothing that this round needs."""
        for start in sorted(self._ages, key=self._ages.__getitem__):
            if self.kept <= _MOST_BYTES or self._ages[start] == self._round:
                break
            self._drop(start)

    def _drop_within(self, start: int, stop: int) -> None:
        """Let go of the pieces that lie within a new one."""
        first, after = bisect_right(self._starts, start), bisect_right(self._starts, stop - 1)
        for known in self._starts[first:after]:
            self._drop(known)

    def _drop(self, start: int) -> None:
        place = self._starts.index(start)
        self.kept -= len(self._data[place])
        del self._starts[place], self._data[place], self._ages[start]
