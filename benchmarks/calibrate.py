"""Does p <= .05 come in one of twenty experiments without a signal? Simulate them, decode them, count.

    .venv/bin/python benchmarks/calibrate.py [--sets 2000] [--shuffles 99] [--power 200] [--jobs 2] [--seed 0]

Each design of ``calibrate_designs.py`` is drawn anew for each data set and goes through the whole of ``decode``. A row
fails where p <= .05 comes more often than the upper 99.9 % binomial limit, or, where the order of labels was
randomised and has 1,000 arrangements or more, less often than the lower one; 99.9 % is shared among all limits tested
(Bonferroni). The exit code is 1 where a row fails. The numbers depend on the seed alone, not on the number of
processes.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from scipy import stats

from calibrate_designs import DESIGNS
from neurodata4ml.errors import DesignError

ALPHA = 0.05
CONFIDENCE = 0.999
_REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """One data set decoded: p (NaN where the design allows none) and the scheme of its null."""

    p: float
    scheme: str


WITH_P = 0.8
"""Share of the data sets of each design that must have a p: a null that always declines would never be wrong."""


@dataclass(frozen=True)
class Row:
    """One design: outcomes without a signal, limits on the number of p <= .05, and the power where there is one."""

    name: str
    outcomes: tuple[Outcome, ...]
    low: int
    high: int
    power: float

    @property
    def n_with_p(self) -> int:
        """The number of data sets that have a p."""
        return sum(not np.isnan(outcome.p) for outcome in self.outcomes)

    @property
    def n_small(self) -> int:
        """The number of data sets with p <= .05."""
        return sum(outcome.p <= ALPHA + 1e-12 for outcome in self.outcomes)

    @property
    def passes(self) -> bool:
        """Whether p <= .05 came as often as it should, and was not seldom for want of any p."""
        return self.low <= self.n_small <= self.high and self.n_with_p >= WITH_P * len(self.outcomes)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sets", type=int, default=2000, help="data sets without a signal, per design")
    parser.add_argument("--power", type=int, default=200, help="data sets with a signal, per design")
    parser.add_argument("--shuffles", type=int, default=99)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--designs", nargs="*", default=list(DESIGNS), choices=list(DESIGNS), metavar="NAME")
    given = parser.parse_args(arguments)
    started = time.monotonic()
    rows = calibrate(given.designs, given.sets, given.power, given.shuffles, given.jobs, given.seed)
    print(table(rows, given.shuffles))
    print(f"{time.monotonic() - started:.0f} s, {given.jobs} processes")
    failed = [row.name for row in rows if not row.passes]
    print(f"FAILED: {', '.join(failed)}" if failed else "All within their limits.")
    return int(bool(failed))


def calibrate(names: list[str], n_sets: int, n_power: int, n_shuffles: int, n_jobs: int, seed: int) -> list[Row]:
    """Draw and decode all data sets of these designs, and hold them against the limits."""
    tasks = [(name, n_shuffles, seed, k, k >= n_sets) for name in names for k in range(n_sets + n_power)]
    if n_jobs > 1:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = "1"  # one thread per process, and one process per core
        with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
            done = list(pool.map(outcome, tasks, chunksize=8))
    else:
        done = [outcome(task) for task in tasks]
    by_name = {name: done[i * (n_sets + n_power) :][: n_sets + n_power] for i, name in enumerate(names)}
    n_limits = len(names) + sum(DESIGNS[name].exact for name in names)
    return [_row(name, by_name[name][:n_sets], by_name[name][n_sets:], n_limits) for name in names]


def outcome(task: tuple[str, int, int, int, bool]) -> Outcome:
    """Draw one data set and decode it; the same in whichever process."""
    name, n_shuffles, seed, k, signal = task
    design = DESIGNS[name]
    rng = np.random.default_rng([seed, k, *name.encode()])
    x = design.draw(rng, design.signal if signal else 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = design.ask(x, n_shuffles, k)
        except DesignError:
            return Outcome(float("nan"), _REFUSED)
    return Outcome(float(result["p_value"]), str(result.attrs["null_scheme"]))


def limits(n: int, exact: bool, n_limits: int) -> tuple[int, int]:
    """Return the fewest and the most p <= .05 of ``n`` that pass."""
    beyond = (1 - CONFIDENCE) / n_limits
    high = int(stats.binom.isf(beyond, n, ALPHA)) if n else 0
    return (int(stats.binom.ppf(beyond, n, ALPHA)) if exact and n else 0), high


def table(rows: list[Row], n_shuffles: int) -> str:
    """Return the rows as text."""
    lines = [
        f"p <= {ALPHA} without a signal, {n_shuffles} shuffles (of those data sets that have a p)",
        f"{'design':32} {'sets':>5} {'no p':>5} {'p<=.05':>7} {'rate':>6} {'allowed':>12} {'power':>6}  schemes",
    ]
    for row in rows:
        schemes = Counter(found.scheme for found in row.outcomes).most_common()
        allowed = f"{row.low} to {row.high}" if row.low else f"<= {row.high}"
        rate = row.n_small / row.n_with_p if row.n_with_p else float("nan")
        lines.append(
            f"{row.name:32} {len(row.outcomes):5} {len(row.outcomes) - row.n_with_p:5} {row.n_small:7} {rate:6.3f} "
            f"{allowed:>12} {row.power:6.2f}  {', '.join(f'{name} {n}' for name, n in schemes)}"
            f"{'' if row.passes else '  FAILED'}"
        )
    return "\n".join(lines)


def _row(name: str, silent: list[Outcome], signal: list[Outcome], n_limits: int) -> Row:
    n_with_p = sum(not np.isnan(found.p) for found in silent)
    low, high = limits(n_with_p, DESIGNS[name].exact, n_limits)
    power = float(np.mean([found.p <= ALPHA + 1e-12 for found in signal])) if signal else float("nan")
    return Row(name, tuple(silent), low, high, power)


if __name__ == "__main__":
    sys.exit(main())
