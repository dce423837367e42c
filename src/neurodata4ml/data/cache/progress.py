"""How far downloads are: bars where somebody looks, else a line every half a minute."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from neurodata4ml.data.entries.sizes import readable_bytes, readable_time

Progress = Callable[[int, int], None]
"""Called with (bytes there, bytes in all)."""

LARGE = 100_000_000
"""Bytes above which it is said at once that a download begins, also where there is no terminal, as in a notebook."""

EVERY = 30.0
"""Seconds between two lines, where there is no terminal; work that takes less says nothing."""


@contextlib.contextmanager
def shown(progress: Progress | bool | None, name: str) -> Iterator[Progress | None]:
    """Yield what is called with every piece: the caller's function, a bar or lines, or nothing (``False``)."""
    if callable(progress):
        yield progress
        return
    with board(progress, name) as its:
        yield None if progress is False else lambda have, size: its.tell(name, have, size)


@contextlib.contextmanager
def board(progress: Progress | bool | None, what: str, sizes: dict[str, int] | None = None) -> Iterator[Board]:
    """Yield a board for the downloads of ``what``: each tells it of its bytes, and it shows all of them.

    Parameters
    ----------
    progress : callable, bool or None
        A function is called with (bytes there, bytes in all) of everything together; ``False`` shows nothing; by
        default there is a bar each and one for all where stderr is a terminal, else a line every ``EVERY`` seconds.
    what : str
        What they are together, for the line.
    sizes : dict, optional
        Bytes of each download by name, where there are several.
    """
    if progress is False:
        yield Board(what, sizes or {})
    elif callable(progress):
        yield _Called(what, sizes or {}, progress)
    elif not sys.stderr.isatty():
        yield _Lines(what, sizes or {})
    else:
        with _bars() as bars:
            yield _Bars(what, sizes or {}, bars)


class Board:
    """The bytes of several downloads, told from several threads; shown by nobody."""

    def __init__(self, what: str, sizes: dict[str, int]) -> None:  # noqa: D107
        self.what, self.sizes = what, dict(sizes)
        self.have: dict[str, int] = {}
        self.before: dict[str, int] = {}
        self.n_done = 0
        self.lock = threading.Lock()

    def tell(self, name: str, have: int, size: int) -> None:
        """Say that of the download ``name`` so many bytes are there, of so many in all (0: not known)."""
        with self.lock:
            is_new = name not in self.have
            self.before.setdefault(name, have)
            self.have[name], self.sizes[name] = have, size or self.sizes.get(name, 0)
            self.show(name, is_new)

    def done(self, name: str) -> None:
        """Say that the download ``name`` is complete, verified, and seen under its name."""
        with self.lock:
            self.n_done += name in self.sizes
            if name in self.have:
                self.have[name] = self.sizes[name] = self.sizes[name] or self.have[name]
            elif name in self.sizes:  # nothing moved: another session's zip brought it, or another process
                self.sizes[name] = 0
            self.hide(name)

    def show(self, name: str, is_new: bool) -> None:
        """Show what ``name`` has told."""

    def hide(self, name: str) -> None:
        """Show that ``name`` is done."""

    @property
    def total(self) -> tuple[int, int]:
        """Bytes there, bytes in all."""
        return sum(self.have.values()), sum(self.sizes.values())


class _Called(Board):
    def __init__(self, what: str, sizes: dict[str, int], progress: Progress) -> None:
        super().__init__(what, sizes)
        self.progress = progress

    def show(self, name: str, is_new: bool) -> None:
        self.progress(*self.total)


class _Lines(Board):
    def __init__(self, what: str, sizes: dict[str, int]) -> None:
        super().__init__(what, sizes)
        self.begun = self.last = time.monotonic()
        self.is_begun = False

    def show(self, name: str, is_new: bool) -> None:
        have, size = self.total
        if not self.is_begun and size - have >= LARGE:
            self._say(f"{readable_bytes(size - have)} to fetch, {readable_time(size - have)} at 10 MB/s")
        self.is_begun = True
        now = time.monotonic()
        if now - self.last < EVERY:
            return
        self.last = now
        speed = (have - sum(self.before.values())) / (now - self.begun)
        parts = [f"{readable_bytes(have)} of {readable_bytes(size)}" if size else readable_bytes(have)]
        parts += [f"{self.n_done} of {len(self.sizes)} files"] if len(self.sizes) > 1 else []
        parts += [f"{readable_bytes(speed)}/s"] if speed else []
        parts += [f"about {(size - have) / speed / 60:.0f} min left"] if size and speed else []
        self._say(", ".join(parts))

    def _say(self, words: str) -> None:
        print(f"{self.what}: {words}", file=sys.stderr, flush=True)


class _Bars(Board):
    def __init__(self, what: str, sizes: dict[str, int], bars: Any) -> None:
        super().__init__(what, sizes)
        self.bars = bars
        self.tasks: dict[str, Any] = {}
        self.whole = bars.add_task("all", total=sum(sizes.values()) or None) if len(sizes) > 1 else None

    def show(self, name: str, is_new: bool) -> None:
        have, size = self.have[name], self.sizes[name] or None
        if is_new:
            self.tasks[name] = self.bars.add_task(name, total=size, completed=have)
        self.bars.update(self.tasks[name], completed=have, total=size)
        self._show_whole()

    def hide(self, name: str) -> None:
        if name in self.tasks and self.whole is None:
            self.bars.update(self.tasks[name], completed=self.have[name], total=self.sizes[name])
        elif name in self.tasks:
            self.bars.update(self.tasks[name], visible=False)  # dozens of full bars would push the others away
        self._show_whole()

    def _show_whole(self) -> None:
        if self.whole is not None:
            have, size = self.total
            self.bars.update(self.whole, completed=have, total=size or None)


def _bars() -> Any:
    from rich import progress as parts
    from rich.console import Console

    columns = (parts.BarColumn(), parts.DownloadColumn(), parts.TransferSpeedColumn(), parts.TimeRemainingColumn())
    return parts.Progress(parts.TextColumn("{task.description}"), *columns, console=Console(stderr=True))
