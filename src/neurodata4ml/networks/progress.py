"""How far the showing of images is: a bar where somebody looks, else a line every half a minute."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

Progress = Callable[[int, int], None]
"""Called with (images shown, images in all)."""

EVERY = 30.0
"""Seconds between two lines, and before the first; work that takes less says nothing."""


@contextlib.contextmanager
def shown(progress: Progress | bool | None, what: str) -> Iterator[Progress]:
    """Yield what is told after each batch: the caller's function, a bar or lines, or nothing (``False``)."""
    if callable(progress):
        yield progress
    elif progress is False:
        yield _nothing
    elif not sys.stderr.isatty():
        yield _lines(what)
    else:
        from rich.console import Console
        from rich.progress import Progress as Bars

        with Bars(console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(what, total=None)
            yield lambda have, total: bars.update(task, completed=have, total=total)


def _nothing(have: int, total: int) -> None:
    """Say nothing."""


def _lines(what: str) -> Progress:
    begun = last = time.monotonic()
    first: int | None = None

    def tell(have: int, total: int) -> None:
        nonlocal last, first
        now = time.monotonic()
        first = have if first is None else first
        if now - last < EVERY:
            return
        last = now
        left = f", about {(now - begun) * (total - have) / (have - first) / 60:.0f} min left" if have > first else ""
        print(f"{what}: {have} of {total} images{left}", file=sys.stderr, flush=True)

    return tell
