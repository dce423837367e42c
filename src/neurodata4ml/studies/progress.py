"""How far a study is: what is done, what is being done, and how long the rest will take."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """One moment of a study, told as it comes; as text, the line that a log shows.

    Attributes
    ----------
    name : str
        The step that begins (``"open"``, or a section of the report); of a recording that ended, ``"done"`` or why it
        failed; of a note, the note.
    recording : str
        Which of many; empty in a study of one.
    n_done, n_all : int
        Steps of a study of one, or recordings of a study of many, that have ended, and all; 0 and 0 in a note.
    took : float
        Seconds since the study of one began, or that the recording took.
    left : float, optional
        Seconds that the rest is expected to take; None where nobody can know yet.
    has_ended : bool
        Whether a recording of many ended now, rather than came to another step.
    """

    name: str
    recording: str = ""
    n_done: int = 0
    n_all: int = 0
    took: float = 0.0
    left: float | None = None
    has_ended: bool = False

    def __str__(self) -> str:
        """Return the line of a log."""
        if not self.n_all:
            return self.name
        rest = f"; about {spoken_time(self.left)} left" if self.left else ""
        if self.has_ended:
            how = f"done in {spoken_time(self.took)}" if self.name == "done" else f"failed: {self.name}"
            return f"session {self.n_done} of {self.n_all}: {self.recording} {how}{rest}"
        if self.recording:
            return f"session {self.n_done + 1} of {self.n_all}: {self.recording}: {self.name}"
        return f"step {self.n_done + 1} of {self.n_all}: {self.name} ({spoken_time(self.took)} so far{rest})"


Progress = Callable[[Step], None]

SHARES = {"open": 3.0, "psth": 1.0, "decoding": 10.0, "dimensionality": 2.0, "encoding": 6.0, "similarity": 6.0}
SHARES |= {"truth": 12.0}
"""How long each step took on the demo, in parts of each other; other steps are short: one half."""


def spoken_time(seconds: float) -> str:
    """Return a time as people say it: ``"21 s"``, ``"8 min"``, ``"1 h 5 min"``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


class Steps:
    """The steps of one recording, told with the share of the time that each is expected to take."""

    def __init__(self, names: list[str], tell: Progress | None) -> None:  # noqa: D107
        self._names, self._tell = names, tell
        self._began = time.monotonic()

    def begin(self, name: str) -> None:
        """Tell that a step begins."""
        if self._tell is None:
            return
        n_done, took = self._names.index(name), time.monotonic() - self._began
        shares = [SHARES.get(one, 0.5) for one in self._names]
        before = sum(shares[:n_done])
        left = took * sum(shares[n_done:]) / before if before else None
        self._tell(Step(name, "", n_done, len(self._names), took, left))


@contextlib.contextmanager
def shown(*, quiet: bool = False) -> Iterator[Progress | None]:
    """Yield what a study tells its steps to: a bar where stderr is a terminal, else lines on it; quiet, nothing."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bars() as tell:
            yield tell
    else:
        yield _line


def _line(step: Step) -> None:
    """Print a line; of a study of many, not each step of each recording."""
    if step.has_ended or not step.recording:
        print(step, file=sys.stderr, flush=True)


@contextlib.contextmanager
def _bars() -> Iterator[Progress]:
    from rich import progress as parts
    from rich.console import Console

    columns = [
        parts.TextColumn("{task.description}", markup=False),
        parts.BarColumn(),
        parts.MofNCompleteColumn(),
        parts.TimeElapsedColumn(),
        parts.TextColumn("{task.fields[left]}", markup=False),
    ]
    with parts.Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bar(bars)


class _Bar:
    """A bar of steps, or of sessions with the present step beside it; what lasts is printed above it."""

    def __init__(self, bars: Any) -> None:
        self._bars, self._task = bars, bars.add_task("begin", total=None, left="")

    def __call__(self, step: Step) -> None:
        """Show one moment."""
        if not step.n_all or step.has_ended:
            self._bars.console.print(str(step), markup=False, highlight=False, soft_wrap=True)
        if not step.n_all:
            return
        words = f"{step.recording} {step.name}".strip() if not step.has_ended else "sessions"
        left = {"left": f"about {spoken_time(step.left)} left"} if step.left else {}
        self._bars.update(self._task, description=words[:48], completed=step.n_done, total=step.n_all, **left)
