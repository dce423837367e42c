"""Reading metadata in few round trips: readers say which bytes they need next, and all are asked for together."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Protocol, TypeVar

from neurodata4ml.data.storage.source import Span

T = TypeVar("T")

Reading = Generator[Span, memoryview, T]
"""A reader: it yields the span that it needs, is sent its bytes, and returns what it read.

    def signature(start: int) -> Reading[bytes]:
        return bytes((yield start, start + 4))
"""


class Pages(Protocol):
    """Bytes of a file that are in memory already, and the way to get more of them."""

    def known(self, start: int, stop: int) -> memoryview | None:
        """Return the bytes if all are here."""
        ...

    def get(self, spans: Sequence[Span]) -> None:
        """Bring these spans here in one round of requests."""
        ...


def run(pages: Pages, readings: Sequence[Reading[Any]]) -> list[Any]:
    """Run readers side by side; return what each returned, or the exception that it raised, in their order.

    Whoever needs bytes that are not here waits until all others wait too; then all spans are brought in one round.
    """
    results: list[Any] = [None] * len(readings)
    waiting: list[tuple[int, Span]] = []
    for number, reading in enumerate(readings):
        _advance(pages, reading, number, None, results, waiting)
    while waiting:
        pages.get([span for _, span in waiting])
        arrived, waiting = waiting, []
        for number, span in arrived:
            _advance(pages, readings[number], number, pages.known(*span), results, waiting)
    return results


def _advance(
    pages: Pages,
    reading: Reading[Any],
    number: int,
    data: memoryview | None,
    results: list[Any],
    waiting: list[tuple[int, Span]],
) -> None:
    """Run a reader until it is done, or needs bytes that are not here."""
    try:
        span = next(reading) if data is None else reading.send(data)
        while (data := pages.known(*span)) is not None:
            span = reading.send(data)
        waiting.append((number, span))
    except StopIteration as done:
        results[number] = done.value
    except Exception as error:
        results[number] = error
