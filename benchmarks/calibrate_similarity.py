"""Do tests of similarity err in one of twenty, and do intervals of 95 % hold the truth in 92 to 98 %? Count.

    .venv/bin/python benchmarks/calibrate_similarity.py [--short | --sets 1000] [--jobs 2] [--seed 0] [--rows NAME ...]

Each row of ``calibrate_similarity_rows.py`` is drawn anew for each data set. A claim where there is nothing must not
come more often than in 5 %, nor, where stimuli are exchanged at random, less often; an interval must hold the truth in
92 to 98 %; the bounds of Nili et al. with their intervals (the low end of the lower to the high end of the upper), and
the set of the best, in 95 % or more. A row fails where what was counted is incompatible with that, at 99.9 % shared
among all rows (Bonferroni, exact binomial); and an interval of which there are 1,000 answers or more, where its rate
lies outside 92 to 98 %, however little. Rows must have an answer in 80 % of their data sets. Without ``--sets`` each
row has its own number; ``--short`` runs those that take little, as `.ci/run` does: 400 sets find nearly always a test
that errs in 15 %, and an interval that holds the truth in 83 %. The exit code is 1 where a row fails. The numbers
depend on the seed alone, not on the number of processes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from multiprocessing import get_context

import numpy as np
from scipy import stats

from calibrate_similarity_rows import ROWS

CONFIDENCE = 0.999
WITH_ANSWER = 0.8
PROMISED = {"exact": (0.05, 0.05), "error": (0.0, 0.05), "interval": (0.92, 0.98), "bracket": (0.95, 1.0)}
"""The least and the largest rate that is as it should be, by kind of row."""

LITERAL = 1000
"""Answers from which on the rate of an interval must itself lie where it should."""


@dataclass(frozen=True)
class Counted:
    """One row: the rate, of how many answers, and the seconds it took."""

    name: str
    rate: float
    n: int
    n_sets: int
    seconds: float

    def passes(self, n_rows: int) -> bool:
        """Whether the rate is compatible with what is promised."""
        kind = ROWS[self.name].kind
        low, high = PROMISED[kind]
        hits, beyond = round(self.rate * self.n) if self.n else 0, (1 - CONFIDENCE) / (2 * n_rows)
        few = stats.binom.cdf(hits, self.n, low) <= beyond
        many = stats.binom.sf(hits - 1, self.n, high) <= beyond
        outside = kind == "interval" and self.n >= LITERAL and not low <= self.rate <= high
        return bool(not (few or many or outside) and self.n >= WITH_ANSWER * self.n_sets)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sets", type=int, help="data sets of every row, instead of its own number")
    parser.add_argument("--short", action="store_true", help="the rows that take little, with few data sets")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS), metavar="NAME")
    given = parser.parse_args(arguments)
    started = time.monotonic()
    wanted = {name: given.sets or (ROWS[name].short if given.short else ROWS[name].full) for name in given.rows}
    counted = calibrate({name: n for name, n in wanted.items() if n}, given.jobs, given.seed)
    print(table(counted))
    print(f"{time.monotonic() - started:.0f} s, {given.jobs} processes")
    failed = [row.name for row in counted if not row.passes(len(counted))]
    print(f"FAILED: {', '.join(failed)}" if failed else "All within their limits.")
    return int(bool(failed))


def calibrate(n_sets: dict[str, int], n_jobs: int, seed: int) -> list[Counted]:
    """Draw and ask so many data sets of each of these rows."""
    tasks = [(name, seed, k) for name, n in n_sets.items() for k in range(n)]
    if n_jobs > 1:
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[variable] = "1"  # one thread per process, and one process per core
        with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
            done = list(pool.map(outcome, tasks, chunksize=_CHUNK))
    else:
        done = [outcome(task) for task in tasks]
    answers = iter(done)
    return [_counted(name, list(islice(answers, n))) for name, n in n_sets.items()]


_CHUNK = 25
"""Data sets that one process takes at a time."""


def outcome(task: tuple[str, int, int]) -> tuple[float, float]:
    """Draw one data set and ask; return the answer and the seconds it took."""
    name, seed, k = task
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = ROWS[name].ask(np.random.default_rng([seed, k, *name.encode()]))
    return found, time.process_time() - started


def table(counted: list[Counted]) -> str:
    """Return the rows as text."""
    lines = [f"{'row':40} {'kind':9} {'answers':>9} {'rate':>6} {'promised':>13} {'s':>6}"]
    for row in counted:
        low, high = PROMISED[ROWS[row.name].kind]
        promised = f"{low:.2f} to {high:.2f}"
        verdict = "" if row.passes(len(counted)) else "  FAILED"
        lines.append(
            f"{row.name:40} {ROWS[row.name].kind:9} {row.n:4}/{row.n_sets:<4}{row.rate:6.3f} {promised:>13} "
            f"{row.seconds:6.0f}{verdict}"
        )
    return "\n".join(lines)


def _counted(name: str, outcomes: list[tuple[float, float]]) -> Counted:
    values = np.array([value for value, _ in outcomes])
    known = values[~np.isnan(values)]
    rate = float(known.mean()) if len(known) else float("nan")
    return Counted(name, rate, len(known), len(values), sum(seconds for _, seconds in outcomes))


if __name__ == "__main__":
    sys.exit(main())
