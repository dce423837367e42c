"""From runs to a verdict: who took how long and moved what, what was wanted of us, and whether it came out so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

BEST = "the best of them"
"""Stands for whichever peer is the fastest."""


@dataclass(frozen=True)
class Run:
    """One contender did one task once: seconds, and what it cost.

    ``memory`` and ``n_bytes`` are in bytes, ``nodes`` counts the pieces of the chunk index that were moved.
    """

    seconds: float
    imports: float
    memory: int
    requests: int = 0
    n_bytes: int = 0
    nodes: int = 0


@dataclass(frozen=True)
class AtMost:
    """What each of our runs may take at most; ``of`` says it of a run, in the words of ``what``."""

    what: str
    most: float
    of: Callable[[Run], float]


@dataclass(frozen=True)
class Line:
    """One thing that was wanted, and what came out."""

    words: str
    ok: bool


def judge(
    runs: Mapping[str, Sequence[Run]], ours: str, wanted: Mapping[str, float], limits: Sequence[AtMost]
) -> list[Line]:
    """Return what was wanted of ``ours``: ratios of medians to its peers', and limits for the median of each number.

    Parameters
    ----------
    runs : mapping
        For each contender, its runs.
    ours : str
        Which of them is judged.
    wanted : mapping
        For a peer, or for ``BEST``, how many times as fast we should be at least.
    limits : sequence of AtMost
        What our own numbers should not exceed.
    """
    own = seconds(runs[ours])
    peers = {name: seconds(its) for name, its in runs.items() if name != ours}
    if peers:
        peers[BEST] = min(peers.values())
    lines = []
    for name, least in wanted.items():
        if name in peers:
            ratio = peers[name] / own
            lines.append(Line(f"{ratio:.2f} times as fast as {name} (wanted: {least:.3g})", ratio >= least))
        else:
            lines.append(Line(f"not compared with {name}, which was left out", True))
    for limit in limits:
        its = median(limit.of(run) for run in runs[ours])
        lines.append(Line(f"{its:.3g} {limit.what} (at most {limit.most:.3g})", its <= limit.most))
    return lines


def seconds(runs: Sequence[Run]) -> float:
    """Return the median of the seconds."""
    return median(run.seconds for run in runs)


def table(title: str, runs: Mapping[str, Sequence[Run]], ours: str, lines: Sequence[Line]) -> str:
    """Return all of it as text, ours first; each other row says how many times as fast as it we are."""
    rows = [
        title,
        f"  {'contender':<21}{'imports':>8}{'best s':>9}{'median s':>10}{'requests':>10}{'MB':>9}{'MB mem':>8}",
    ]
    rows[1] += f"{'we are':>9}"
    own = seconds(runs[ours]) if ours in runs else 0.0
    for name in sorted(runs, key=lambda name: (not name.startswith(ours), seconds(runs[name]))):
        its = runs[name]
        moved = f"{median(run.requests for run in its):>10.0f}{median(run.n_bytes for run in its) / 1e6:>9.2f}"
        row = f"  {name:<21}{median(run.imports for run in its):>8.2f}{min(run.seconds for run in its):>9.3f}"
        row += f"{seconds(its):>10.3f}{moved}{median(run.memory for run in its) / 1e6:>8.0f}"
        if own and name != ours:
            row += f"{seconds(its) / own:>8.2f}x"
        if not its[0].imports:
            row += "  (given up)"
        rows.append(row)
    rows += [f"  {'ok    ' if line.ok else 'MISSED'} {line.words}" for line in lines]
    return "\n".join(rows)
