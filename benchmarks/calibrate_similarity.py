"""Do tests of similarity err in one of twenty, and do intervals of 95 % hold the truth in 92 to 98 %? Count.

    .venv/bin/python benchmarks/calibrate_similarity.py [--sets 1000] [--jobs 2] [--seed 0] [--rows NAME ...]

Each row of ``calibrate_similarity_rows.py`` is drawn anew for each data set. A row fails where what was counted is
incompatible, at 99.9 % shared among all limits tested (Bonferroni, exact binomial), with what is promised: a claim
where there is nothing, more often than 5 %; an interval with the truth, outside 92 to 98 %; Nili's bounds with their
intervals (the low end of the lower to the high end of the upper), less often than 95 %. Ceilings from 6 repeats,
whose halves are 3 trials, and a cosine close to 1 are known to have intervals that are too wide (99 to 100 %), and are
held to the last as well. Rows must have an answer in 80 % of their data sets. The exit code is 1 where a row fails. The
numbers depend on the seed alone, not on the number of processes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from scipy import stats

from calibrate_similarity_rows import ROWS

CONFIDENCE = 0.999
WITH_ANSWER = 0.8
PROMISED = {"error": (0.0, 0.05), "interval": (0.92, 0.98), "bracket": (0.95, 1.0)}
"""The least and the largest rate that is as it should be, by kind of row."""


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
        low, high = PROMISED[ROWS[self.name].kind]
        hits, beyond = round(self.rate * self.n) if self.n else 0, (1 - CONFIDENCE) / (2 * n_rows)
        few = stats.binom.cdf(hits, self.n, low) <= beyond
        many = stats.binom.sf(hits - 1, self.n, high) <= beyond
        return bool(not few and not many and self.n >= WITH_ANSWER * self.n_sets)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sets", type=int, default=1000, help="data sets per row")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", nargs="*", default=list(ROWS), choices=list(ROWS), metavar="NAME")
    given = parser.parse_args(arguments)
    started = time.monotonic()
    counted = calibrate(given.rows, given.sets, given.jobs, given.seed)
    print(table(counted))
    print(f"{time.monotonic() - started:.0f} s, {given.jobs} processes")
    failed = [row.name for row in counted if not row.passes(len(counted))]
    print(f"FAILED: {', '.join(failed)}" if failed else "All within their limits.")
    return int(bool(failed))


def calibrate(names: list[str], n_sets: int, n_jobs: int, seed: int) -> list[Counted]:
    """Draw and ask all data sets of these rows."""
    tasks = [(name, seed, k) for name in names for k in range(n_sets)]
    if n_jobs > 1:
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[variable] = "1"  # one thread per process, and one process per core
        with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
            done = list(pool.map(outcome, tasks, chunksize=max(1, n_sets // (2 * n_jobs))))
    else:
        done = [outcome(task) for task in tasks]
    return [_counted(name, done[i * n_sets : (i + 1) * n_sets]) for i, name in enumerate(names)]


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
    lines = [f"{'row':36} {'kind':9} {'answers':>8} {'rate':>6} {'promised':>13} {'s':>6}"]
    for row in counted:
        low, high = PROMISED[ROWS[row.name].kind]
        promised = f"{low:.2f} to {high:.2f}"
        verdict = "" if row.passes(len(counted)) else "  FAILED"
        lines.append(
            f"{row.name:36} {ROWS[row.name].kind:9} {row.n:4}/{row.n_sets:<4}{row.rate:6.3f} {promised:>13} "
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
