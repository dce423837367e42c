"""From seconds to a verdict: how fast we are as a multiple of each peer, and whether that is what we want."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One contender of one course: its seconds, and our rate as a multiple of its own (``wanted`` 0: just to know)."""

    contender: str
    best: float
    median: float
    rate: float
    ratio: float
    wanted: float

    @property
    def ok(self) -> bool:
        """Whether we are as fast as we want to be; always, where nothing is wanted."""
        return self.ratio >= self.wanted


def compare(
    seconds: Mapping[str, Sequence[float]], *, ours: str, n_bytes: int, wanted: Mapping[str, float]
) -> list[Row]:
    """Return a row for every contender, ours first; ratios are of medians, so that no single run decides.

    Parameters
    ----------
    seconds : mapping
        For each contender, the seconds of its runs.
    ours : str
        Which of them is judged.
    n_bytes : int
        What each run brought.
    wanted : mapping
        For a peer, the least ratio of our rate to its own.
    """
    own = median(seconds[ours])
    names = sorted(seconds, key=lambda name: (name != ours, median(seconds[name])))
    return [
        Row(name, min(took), median(took), n_bytes / 1e6 / median(took), median(took) / own, wanted.get(name, 0.0))
        for name, took in ((name, seconds[name]) for name in names)
    ]


def table(title: str, rows: Sequence[Row]) -> str:
    """Return the rows as text; the first is ours, the others say how many times as fast as they we are."""
    lines = [title, f"  {'contender':<21}{'best s':>9}{'median s':>10}{'MB/s':>9}{'we are':>9}{'wanted':>10}"]
    for row in rows:
        line = f"  {row.contender:<21}{row.best:>9.2f}{row.median:>10.2f}{row.rate:>9.1f}"
        if row is not rows[0]:
            line += f"{row.ratio:>8.2f}x"
        if row.wanted:
            line += f"{'>= ' + format(row.wanted, 'g'):>9}x  {'ok' if row.ok else 'MISSED'}"
        lines.append(line)
    return "\n".join(lines)


def exit_code(rows: Sequence[Row]) -> int:
    """Return 0 where every wanted ratio is reached, else 1."""
    return 0 if all(row.ok for row in rows) else 1
