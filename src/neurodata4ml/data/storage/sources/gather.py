"""Many spans of a remote file are brought together: what is here at once, the rest several requests at a time."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from neurodata4ml.data.remote import lanes
from neurodata4ml.data.storage.source import Span
from neurodata4ml.data.storage.sources.blocks import Blocks
from neurodata4ml.data.storage.sources.coming import Part
from neurodata4ml.data.storage.sources.spans import plan

MOST_REQUESTS = 24
"""Requests of one read that are asked for, or arrived and wait: all lanes, and the next ones in line."""

MOST_BYTES = 48 << 20
"""Bytes that they have together, unless one has more: whoever decodes is 12 long requests behind at most."""

Get = Callable[[int, memoryview], object]
"""Fills a buffer with the bytes from an offset on; it is called in a lane."""


@dataclass
class _Wanted:
    """A span, and what of it has arrived: where, and the bytes, or None where they are in their place already."""

    start: int
    stop: int
    target: memoryview | None = None
    missing: int = 0
    arrived: list[tuple[int, int, memoryview | None]] = field(default_factory=list)


@dataclass
class _Request:
    """A request of a fetch: what of it this reader asks for itself, and how many answers it waits for.

    The rest is here, or on its way to another reader.
    """

    number: int
    span: Span
    own: list[Span] = field(default_factory=list)
    missing: int = 0


@dataclass
class _Arrival:
    """A fetch under way: its buffer, whether that is where the bytes belong, and how many requests it waits for."""

    buffer: memoryview
    is_in_place: bool
    missing: int


class Gathering:
    """One read of many spans."""

    def __init__(
        self,
        spans: Sequence[Span],
        blocks: Blocks,
        get: Get,
        targets: Sequence[memoryview] | None = None,
        *,
        anew: bool = False,
        url: str = "",
    ) -> None:
        """Plan what must be asked for: with ``anew`` all of it, whatever is here.

        ``targets`` are buffers for the spans, where the caller has them; ``url`` says whose lanes it takes.
        """
        self.blocks, self.get, self.anew, self.url = blocks, get, anew, url
        self.wanted = [_Wanted(start, stop) for start, stop in spans]
        self.gaps: list[tuple[Span, _Wanted, int]] = []
        blocks.look()
        for place, wanted in enumerate(self.wanted):
            wanted.target = None if targets is None else targets[place]
            whole = [(wanted.start, wanted.stop)] if wanted.start < wanted.stop else []
            gaps = whole if anew else blocks.lacking(wanted.start, wanted.stop)
            wanted.missing = len(gaps)
            self.gaps += [(gap, wanted, place) for gap in gaps]
        self.fetches = plan([gap for gap, _, _ in self.gaps])
        self._arrivals: dict[int, _Arrival] = {}
        self._answers: queue.SimpleQueue[tuple[Future[object] | None, _Request]] = queue.SimpleQueue()
        self._asked: set[Future[object]] = set()
        self._n_requests = 0
        self._n_bytes = 0

    @property
    def requests(self) -> list[Span]:
        """What is asked for."""
        return [request for fetch in self.fetches for request in fetch.requests]

    def run(self) -> Iterator[tuple[int, memoryview]]:
        """Yield (place, bytes) of each span when it is whole."""
        here = deque(place for place, wanted in enumerate(self.wanted) if not wanted.missing)
        left = deque((number, span) for number, fetch in enumerate(self.fetches) for span in fetch.requests)
        gone = list[int]()
        try:
            while left or self._n_requests or here:
                self._ask(left)
                whole = [here.popleft()] if here and self._answers.empty() else self._take(*self._answers.get())
                for place in whole:
                    data = self._assembled(self.wanted[place])
                    if data is None:
                        gone.append(place)
                    else:
                        yield place, data
        finally:
            for future in self._asked:
                future.cancel()
        if gone:
            for number, data in self._anew([self.wanted[place] for place in gone]):
                yield gone[number], data

    def _anew(self, gone: list[_Wanted]) -> Iterator[tuple[int, memoryview]]:
        """Ask for spans of which something was here when we looked, and is no longer, or is damaged."""
        spans = [(wanted.start, wanted.stop) for wanted in gone]
        targets = [wanted.target for wanted in gone if wanted.target is not None]
        return Gathering(spans, self.blocks, self.get, targets or None, anew=True, url=self.url).run()

    def _ask(self, left: deque[tuple[int, Span]]) -> None:
        """Ask for as much as may be under way at once."""
        while left:
            number, (start, stop) = left[0]
            n_bytes = self._n_bytes + stop - start
            if self._n_requests and (self._n_requests >= MOST_REQUESTS or n_bytes > MOST_BYTES):
                return
            left.popleft()
            self._n_bytes, self._n_requests = n_bytes, self._n_requests + 1
            self._share(_Request(number, (start, stop)))

    def _share(self, request: _Request) -> None:
        """Ask for what is not here by now, and not on its way to another reader either."""
        ask = partial(self._lane, request.number)
        if self.anew or not self.blocks.limit:  # then nothing of it may be taken from others
            parts = [Part(request.span, ask(*request.span), False)]
        else:
            parts = self.blocks.coming.share(partial(self._lacking, request.span), ask)
        request.own = [part.span for part in parts if not part.is_shared]
        request.missing = len(parts)
        self._asked.update(part.answer for part in parts if not part.is_shared)
        for part in parts:
            part.answer.add_done_callback(partial(self._answered, request))
        if not parts:
            request.missing = 1
            self._answers.put((None, request))

    def _lacking(self, span: Span) -> list[Span]:
        """Return from the first byte of a span that is not here to the last; what is here between is asked for too."""
        gaps = self.blocks.lacking(*span)
        return [(gaps[0][0], gaps[-1][1])] if gaps else []

    def _lane(self, number: int, start: int, stop: int) -> Future[object]:
        return lanes.ask(
            self.url, self._bring, start, self._part(number, start, stop), self._arrivals[number].is_in_place
        )

    def _bring(self, start: int, piece: memoryview, is_in_place: bool) -> None:
        """Fill a part of a buffer from the server, and let the block cache have it."""
        self.get(start, piece)
        # what is the caller's may change before it is written
        self.blocks.keep(start, memoryview(bytes(piece)) if is_in_place else piece.toreadonly())

    def _answered(self, request: _Request, future: Future[object]) -> None:
        self._answers.put((future, request))

    def _part(self, number: int, start: int, stop: int) -> memoryview:
        """Return the part of a fetch's buffer where a request arrives."""
        fetch, arrival = self.fetches[number], self._arrivals.get(number)
        first = fetch.span[0]
        if arrival is None:
            _, wanted, _ = self.gaps[fetch.places[0]]
            if wanted.target is not None and len(fetch.places) == 1:
                buffer = wanted.target[first - wanted.start : fetch.span[1] - wanted.start]
                arrival = _Arrival(buffer, True, len(fetch.requests))
            else:
                arrival = _Arrival(_buffer(fetch.span[1] - first), False, len(fetch.requests))
            self._arrivals[number] = arrival
        return arrival.buffer[start - first : stop - first]

    def _take(self, future: Future[object] | None, request: _Request) -> list[int]:
        """Take in what arrived; return the spans that are whole by it."""
        if future in self._asked:
            self._asked.discard(future)
            future.result()
        request.missing -= 1
        if request.missing or self._lacks(request):
            return []
        number, (start, stop) = request.number, request.span
        self._n_bytes, self._n_requests = self._n_bytes - (stop - start), self._n_requests - 1
        arrival = self._arrivals[number]
        arrival.missing -= 1
        if arrival.missing:
            return []
        del self._arrivals[number]
        first, whole = self.fetches[number].span[0], list[int]()
        for (start, stop), wanted, place in (self.gaps[gap] for gap in self.fetches[number].places):
            data = None if arrival.is_in_place else arrival.buffer[start - first : stop - first]
            wanted.arrived.append((start, stop, data))
            wanted.missing -= 1
            whole += [] if wanted.missing else [place]
        return whole

    def _lacks(self, request: _Request) -> bool:
        """Put in its place what was here, or came for another reader; ask for what is not here after all."""
        at, gone = request.span[0], list[Span]()
        for start, stop in [*sorted(request.own), (request.span[1], request.span[1])]:
            if at < start and not self.blocks.fill(at, self._part(request.number, at, start)):
                gone.append((at, start))
            at = stop
        for span in gone:
            request.own.append(span)
            request.missing += 1
            future = self._lane(request.number, *span)
            self._asked.add(future)
            future.add_done_callback(partial(self._answered, request))
        return bool(gone)

    def _assembled(self, wanted: _Wanted) -> memoryview | None:
        """Put a span together from what arrived and what was here; None where that is here no longer."""
        arrived, wanted.arrived = sorted(wanted.arrived, key=lambda part: part[0]), []
        if wanted.target is None and not arrived:
            return self.blocks.read(wanted.start, wanted.stop)
        if wanted.target is None and arrived[0][:2] == (wanted.start, wanted.stop):
            assert arrived[0][2] is not None
            return arrived[0][2].toreadonly()
        buffer = _buffer(wanted.stop - wanted.start) if wanted.target is None else wanted.target
        at = wanted.start
        for start, stop, data in [*arrived, (wanted.stop, wanted.stop, None)]:
            if at < start and not self.blocks.fill(at, buffer[at - wanted.start : start - wanted.start]):
                return None
            if data is not None:
                buffer[start - wanted.start : stop - wanted.start] = data
            at = stop
        return buffer.toreadonly()


def _buffer(n_bytes: int) -> memoryview:
    return np.empty(n_bytes, np.uint8).data
