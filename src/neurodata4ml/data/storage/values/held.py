"""Bytes of a file that were brought together in one round, before the source that has the rest."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from neurodata4ml.data.storage.source import Cost, Source, Span


class Held:
    """A source that has some bytes in memory: ``get`` brings more, ``forget`` lets them go."""

    def __init__(self, source: Source) -> None:
        """Hold nothing yet."""
        self.source, self.name, self.size, self.key = source, source.name, source.size, source.key
        self.is_remote = source.is_remote
        self.n_bytes = 0
        self._starts: list[int] = []
        self._data: dict[int, memoryview] = {}

    def known(self, start: int, stop: int) -> memoryview | None:
        """Return the bytes if all are here."""
        place = bisect_right(self._starts, start) - 1
        if place < 0:
            return None
        first = self._starts[place]
        data = self._data[first]
        return data[start - first : stop - first] if stop <= first + len(data) else None

    def get(self, spans: Sequence[Span]) -> None:
        """Bring what is not here in one round of requests."""
        missing = sorted({(start, stop) for start, stop in spans if self.known(start, stop) is None})
        for place, data in self.source.read_many(missing):
            start = missing[place][0]
            if len(data) > len(self._data.get(start, b"")):
                self.n_bytes += len(data)
                self._data[start] = memoryview(data)
        self._starts = sorted(self._data)

    def forget(self) -> None:
        """Let go of all that is held."""
        self._starts, self._data, self.n_bytes = [], {}, 0

    def read(self, start: int, stop: int) -> bytes | memoryview:
        """Return the bytes from ``start`` to ``stop``."""
        data = self.known(start, stop)
        return self.source.read(start, stop) if data is None else data

    def read_many(self, spans: Sequence[Span]) -> Iterator[tuple[int, bytes | memoryview]]:
        """Yield (place in ``spans``, bytes) of each span: first those that are here."""
        missing = []
        for place, span in enumerate(spans):
            data = self.known(*span)
            if data is None:
                missing.append(place)
            else:
                yield place, data
        if missing:
            for number, arrived in self.source.read_many([spans[place] for place in missing]):
                yield missing[number], arrived

    def fill(self, pieces: Sequence[tuple[int, memoryview]]) -> None:
        """Fill each buffer with the bytes from its offset on."""
        missing = []
        for start, buffer in pieces:
            data = self.known(start, start + buffer.nbytes)
            if data is None:
                missing.append((start, buffer))
            else:
                buffer.cast("B")[:] = data
        if missing:
            self.source.fill(missing)

    def cost(self, spans: Sequence[Span]) -> Cost:
        """Return what ``read_many`` would move now."""
        return self.source.cost([span for span in spans if self.known(*span) is None])

    def close(self) -> None:
        """Let go of the bytes, and of the file."""
        self.forget()
        self.source.close()
