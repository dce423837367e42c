"""Which requests bring the bytes that are wanted: near spans in one, long ones in several."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from neurodata4ml.data.remote.ranges import LONGEST, merged
from neurodata4ml.data.storage.source import Span

WASTE = 0.15
"""Share of the bytes that are wanted which the gaps between them may add."""

PATIENCE = 128
"""Requests of one read beyond which gaps up to ``NARROW`` are closed whatever they add: time is lost to round trips."""

NARROW = 1 << 16
"""Bytes that take less time than a request, of which 16 run at once: 1.3 ms at 50 MB/s; 50 ms by 16 are 3 ms."""

SMALL = 4 * LONGEST
"""Bytes of a read that is halved at most: more requests cost more than they bring."""


@dataclass
class _Group:
    places: list[int]
    start: int
    stop: int


class Fetch(NamedTuple):
    """Bytes that are brought into one buffer, in one or more requests.

    Attributes
    ----------
    span : Span
    places : tuple of int
        Which of the spans that are wanted lie in it.
    requests : tuple of Span
    """

    span: Span
    places: tuple[int, ...]
    requests: tuple[Span, ...]


def plan(spans: Sequence[Span]) -> list[Fetch]:
    """Return what to ask for so that all ``spans``, none of them empty, arrive; in the order of the file.

    Spans near each other share a request: the narrowest gaps are closed first, none wider than a round trip is worth,
    while all together add at most ``WASTE``. A request ends with a span where it can, so that each span is there early;
    only a span longer than a request is brought by several.
    """
    longest = _longest(sum(stop - start for start, stop in spans))
    ends = [stop for _, stop in _runs(spans)]
    groups, last_run = list[_Group](), -1
    for place in sorted(range(len(spans)), key=lambda place: spans[place]):
        start, stop = spans[place]
        run, group = bisect.bisect_left(ends, stop), groups[-1] if groups else None
        if group and run == last_run and (start < group.stop or stop - group.start <= longest):
            group.places.append(place)
            group.stop = max(stop, group.stop)
        else:
            groups.append(_Group([place], start, stop))
        last_run = run
    return [
        Fetch((group.start, group.stop), tuple(group.places), tuple(cut((group.start, group.stop), longest)))
        for group in groups
    ]


def cut(span: Span, longest: int = LONGEST) -> Iterator[Span]:
    """Yield a span in as few pieces as are not longer than ``longest``, all of about the same length."""
    start, stop = span
    n_pieces = -(-(stop - start) // longest)
    for k in range(n_pieces):
        yield start + (stop - start) * k // n_pieces, start + (stop - start) * (k + 1) // n_pieces


def _runs(spans: Sequence[Span]) -> list[Span]:
    """Return the spans joined where the gap between them is cheap: in bytes or, where there are many, in time."""
    runs = merged(spans, waste=WASTE)
    if len(runs) <= PATIENCE:
        return runs
    gaps = sorted(after[0] - before[1] for before, after in itertools.pairwise(runs))
    widest = min(gaps[len(runs) - PATIENCE - 1], NARROW)
    return merged(runs, widest=widest, waste=float("inf"))


def _longest(total: int) -> int:
    """Return the bytes of the longest request: a small read is worth two, that share the line."""
    return LONGEST if total > SMALL else max(LONGEST, -(-total // 2))
