"""A progress bar, where somebody looks."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

Progress = Callable[[int, int], None]
"""Called with (bytes there, bytes in all)."""


@contextlib.contextmanager
def shown(progress: Progress | bool | None, name: str) -> Iterator[Progress | None]:
    """Yield what is called with every piece: the caller's function, a bar on a terminal, or nothing."""
    if callable(progress):
        yield progress
        return
    if progress is False or not sys.stderr.isatty():
        yield None
        return
    from rich import progress as parts
    from rich.console import Console

    columns = (parts.BarColumn(), parts.DownloadColumn(), parts.TransferSpeedColumn(), parts.TimeRemainingColumn())
    with parts.Progress(parts.TextColumn("{task.description}"), *columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=None)
        yield lambda have, total: bar.update(task, completed=have, total=total or None)
