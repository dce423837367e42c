"""Reading metadata in few round trips: readers say which bytes they need next, and all are asked for together."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Protocol, TypeVar

from neurodata4ml.data.storage.source import Span
from neurodata4ml.errors import LayoutError

T = TypeVar("T")

Reading = Generator[Span | list[Span], Any, T]
"""A reader: it yields the span that it needs, is sent its bytes as a memoryview, and returns what it read.

    def signature(start: int) -> Reading[bytes]:
        return bytes((yield start, start + 4))

It may need several at once: it yields a list of spans, and is sent a list of memoryviews.
"""


class Pages(Protocol):
    """Bytes of a file that are in memory already, and the way to get more of them."""

    def known(self, start: int, stop: int) -> memoryview | None:
        """Return the bytes if all are here."""
        ...

    def get(self, spans: Sequence[Span]) -> None:
        """Bring these spans here in one round of requests; they stay at least until the next round."""
        ...


def one(pages: Pages, reading: Reading[T]) -> T:
    """Run one reader; return what it returned, or raise what it raised."""
    result = run(pages, [reading])[0]
    if isinstance(result, Exception):
        raise result
    return result  # type: ignore[no-any-return]


def run(pages: Pages, readings: Sequence[Reading[Any]]) -> list[Any]:
    """Run readers side by side; return what each returned, or the exception that it raised, in their order.

    Whoever needs bytes that are not here waits until all others wait too; then all spans are brought in one round.
    ``readings`` may grow meanwhile; ``pages`` may bring only the first spans in one round, and others in the next.
    """
    results: list[Any] = []
    waiting: list[tuple[int, Span | list[Span]]] = []
    while True:
        while len(results) < len(readings):
            results.append(None)
            _advance(pages, readings[len(results) - 1], len(results) - 1, None, results, waiting)
        if not waiting:
            return results
        pages.get([span for _, wanted in waiting for span in (wanted if isinstance(wanted, list) else [wanted])])
        arrived, waiting = waiting, []
        for number, wanted in arrived:
            if (data := _known(pages, wanted)) is None:
                waiting.append((number, wanted))
            else:
                _advance(pages, readings[number], number, data, results, waiting)
        if waiting == arrived:
            number, _ = waiting.pop(0)
            results[number] = _refused(readings[number])


def _refused(reading: Reading[Any]) -> Any:
    """Tell a reader that it needs too much at once; return what it makes of it, or the error."""
    message = "more bytes are needed at once than one round of requests may read; the file is damaged: fetch it again"
    try:
        reading.throw(LayoutError(message))
    except StopIteration as done:
        return done.value
    except LayoutError as error:
        return error
    return LayoutError(message)


def together(readings: Sequence[Reading[T]]) -> Reading[list[T]]:
    """Run readers side by side within another one: all that they need next is needed at once."""
    results: list[Any] = [None] * len(readings)
    wanted: dict[int, Span | list[Span]] = {}
    sent: dict[int, Any] = dict.fromkeys(range(len(readings)))
    while sent:
        wanted = {}
        for number, data in sent.items():
            try:
                wanted[number] = readings[number].send(data)
            except StopIteration as done:
                results[number] = done.value
        if not wanted:
            break
        flat = [span for spans in wanted.values() for span in (spans if isinstance(spans, list) else [spans])]
        arrived = iter((yield flat))
        sent = {
            number: [next(arrived) for _ in spans] if isinstance(spans, list) else next(arrived)
            for number, spans in wanted.items()
        }
    return results


def _known(pages: Pages, wanted: Span | list[Span]) -> Any:
    """Return the bytes of what a reader needs; None unless all are here."""
    if not isinstance(wanted, list):
        return pages.known(*wanted)
    found = [pages.known(*span) for span in wanted]
    return None if any(data is None for data in found) else found


def _advance(
    pages: Pages,
    reading: Reading[Any],
    number: int,
    data: Any,
    results: list[Any],
    waiting: list[tuple[int, Span | list[Span]]],
) -> None:
    """Run a reader until it is done, or needs bytes that are not here."""
    try:
        wanted = next(reading) if data is None else reading.send(data)
        while (data := _known(pages, wanted)) is not None:
            wanted = reading.send(data)
        waiting.append((number, wanted))
    except StopIteration as done:
        results[number] = done.value
    except Exception as error:
        results[number] = error
