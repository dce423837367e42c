"""Bytes that are on their way: a second reader who needs them waits for them too, and asks for none of them again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple

from neurodata4ml.data.storage.source import Span

SHARED = 1 << 14
"""Bytes in common that are worth waiting for somebody else; fewer are asked for twice rather than cut out."""


class Part(NamedTuple):
    """A part of a span, the answer that brings it, and whether that was asked for by another reader."""

    span: Span
    answer: Future[Any]
    is_shared: bool


class Coming:
    """The requests of one file that are under way."""

    def __init__(self) -> None:
        """Nothing is, yet."""
        self._lock = threading.Lock()
        self._answers: dict[Span, Future[Any]] = {}

    def share(self, lacking: Callable[[], Iterable[Span]], ask: Callable[[int, int], Future[Any]]) -> list[Part]:
        """Have brought what is lacking, unless it is on its way; return the parts of that, each with its answer.

        ``ask`` asks for the bytes from one place to another. What an answer brings is lacking no more when it is done.
        """
        with self._lock:
            parts = [part for gap in lacking() for part in self._divided(gap, ask)]
        for part in parts:
            if not part.is_shared:
                part.answer.add_done_callback(partial(self._came, part.span))
        return parts

    def _divided(self, gap: Span, ask: Callable[[int, int], Future[Any]]) -> list[Part]:
        at, parts = gap[0], []
        under_way = sorted(span for span in self._answers if span[0] < gap[1] and gap[0] < span[1])
        for span in under_way:
            first, last = max(span[0], at), min(span[1], gap[1])
            if last - first < min(SHARED, gap[1] - gap[0]):
                continue
            if at < first:
                parts.append(Part((at, first), ask(at, first), False))
            parts.append(Part((first, last), self._answers[span], True))
            at = last
        if at < gap[1]:
            parts.append(Part((at, gap[1]), ask(at, gap[1]), False))
        self._answers.update({part.span: part.answer for part in parts if not part.is_shared})
        return parts

    def _came(self, span: Span, answer: Future[Any]) -> None:
        with self._lock:
            if self._answers.get(span) is answer:
                del self._answers[span]
