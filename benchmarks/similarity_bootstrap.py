"""How fast are models compared with subjects in many draws of the stimuli: against rsatoolbox, with the same ceilings.

    python benchmarks/similarity_bootstrap.py            # some minutes; exit code 1 where something wanted is missed
    python benchmarks/similarity_bootstrap.py --quick    # small data: are the answers the same? Seconds are not judged

Both sides draw stimuli with replacement, leave out pairs of copies, compare every model with every subject and compute
the noise ceiling (upper and lower) of each draw, in float64. Answers are checked twice: ours against a slow obvious
computation and against rsatoolbox's own functions, on the same draws. rsatoolbox (`eval_bootstrap_pattern`, models
fixed, `boot_noise_ceil=True`) does ``--peer`` draws; its seconds are multiplied: all draws
are alike.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from scipy import stats

from neurodata4ml.analysis.comparison.resampled import multiplicities
from neurodata4ml.analysis.comparison.subjects import Draws, resampled_subjects

NAMES = {"rsa_pearson": "corr", "rsa_cosine": "cosine", "rsa_spearman": "spearman"}
"""Our metrics, as rsatoolbox calls them."""

WANTED = 50.0
"""How many times as fast as rsatoolbox."""


@dataclass(frozen=True)
class Size:
    """How much is compared, and how many draws rsatoolbox makes."""

    n_stimuli: int = 118
    n_subjects: int = 12
    n_models: int = 50
    n_resamples: int = 1000
    n_peer: int = 10
    n_checked: int = 3
    n_runs: int = 3


QUICK = Size(14, 4, 5, 20, 3, 3, 1)


@dataclass(frozen=True)
class Data:
    """RDMs as vectors of pairs: of subjects, of models."""

    subjects: np.ndarray
    models: np.ndarray
    n_stimuli: int


def make(size: Size, seed: int = 0) -> Data:
    """Return RDMs of subjects that share a geometry, and of models that share more or less of it."""
    rng = np.random.default_rng(seed)
    first, second = np.triu_indices(size.n_stimuli, 1)

    def pairs(values: np.ndarray) -> np.ndarray:
        return np.asarray(((values[:, first] - values[:, second]) ** 2).mean(axis=2))

    shared = rng.normal(size=(size.n_stimuli, 20))
    subjects = shared + rng.normal(size=(size.n_subjects, size.n_stimuli, 20))
    share = np.linspace(0, 1, size.n_models)[:, None, None]
    models = share * shared + rng.normal(size=(size.n_models, size.n_stimuli, 20))
    return Data(pairs(subjects), pairs(models), size.n_stimuli)


def ours(data: Data, metric: str, weights: np.ndarray) -> Draws:
    """Return our answer for the draws."""
    return resampled_subjects(metric, data.subjects, data.models, weights)


def plainly(data: Data, metric: str, weight: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return the answer for one draw by writing every drawn pair down, and computing with scipy."""
    first, second = np.triu_indices(data.n_stimuli, 1)
    drawn = np.repeat(np.arange(len(first)), weight[first] * weight[second])
    subjects, models = data.subjects[:, drawn], data.models[:, drawn]
    alike = {
        "rsa_pearson": lambda a, b: np.corrcoef(a, b)[0, 1],
        "rsa_cosine": lambda a, b: a @ b / np.sqrt(a @ a) / np.sqrt(b @ b),
        "rsa_spearman": lambda a, b: stats.spearmanr(a, b).statistic,
    }[metric]
    scaled = {
        "rsa_pearson": lambda a: (a - a.mean(1, keepdims=True)) / a.std(1, keepdims=True),
        "rsa_cosine": lambda a: a / np.sqrt((a**2).mean(1, keepdims=True)),
        "rsa_spearman": lambda a: stats.rankdata(a, axis=1),
    }[metric](subjects)
    similarity = np.array([np.mean([alike(model, one) for one in subjects]) for model in models])
    others = [np.delete(scaled, s, axis=0).sum(axis=0) for s in range(len(subjects))]
    lower = np.mean([alike(pool, one) for pool, one in zip(others, subjects, strict=True)])
    upper = np.mean([alike(scaled.sum(axis=0), one) for one in subjects])
    return similarity, float(lower), float(upper)


def theirs(data: Data, metric: str, weight: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return rsatoolbox's answer for one draw, by the functions that `eval_bootstrap_pattern` calls."""
    from rsatoolbox.inference.noise_ceiling import boot_noise_ceiling
    from rsatoolbox.rdm import RDMs, compare

    drawn = np.repeat(np.arange(data.n_stimuli), weight)
    subjects, models = (RDMs(rows).subsample_pattern("index", drawn) for rows in (data.subjects, data.models))
    similarity = compare(models, subjects, NAMES[metric]).mean(axis=1)
    lower, upper = boot_noise_ceiling(subjects, method=NAMES[metric])
    return np.asarray(similarity), float(lower), float(upper)


def their_bootstrap(data: Data, metric: str, n_resamples: int) -> Any:
    """Run rsatoolbox's own bootstrap of stimuli, with the ceiling of each draw."""
    from rsatoolbox.inference import eval_bootstrap_pattern
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs

    models = [ModelFixed(f"model {k}", RDMs(row[None])) for k, row in enumerate(data.models)]
    with redirect_stderr(StringIO()):
        return eval_bootstrap_pattern(models, RDMs(data.subjects), method=NAMES[metric], N=n_resamples)


def difference(data: Data, metric: str, weights: np.ndarray, other: Callable[..., Any]) -> float:
    """Return the largest difference between our answers and another's for the same draws."""
    found, worst = ours(data, metric, weights), 0.0
    for k, weight in enumerate(weights):
        similarity, lower, upper = other(data, metric, weight)
        gaps = [np.abs(found.similarity[k] - similarity).max(), found.lower[k] - lower, found.upper[k] - upper]
        worst = max(worst, *np.abs(gaps))
    return worst


def seconds(run: Callable[[], Any]) -> float:
    """Return how long a run takes."""
    start = perf_counter()
    run()
    return perf_counter() - start


def course(data: Data, metric: str, size: Size, *, judged: bool) -> tuple[bool, bool]:
    """Hold one metric's course and print a line; return whether answers are equal, and whether we are fast enough."""
    rng = np.random.default_rng(1)
    weights = multiplicities(size.n_stimuli, size.n_resamples, rng)
    few = weights[: size.n_checked]
    gap = max(difference(data, metric, few, plainly), difference(data, metric, few, theirs))
    if gap > 1e-9:
        print(f"  {metric:<14} answers differ by {gap:.1e}", file=sys.stderr)
        return False, False
    share = size.n_resamples / size.n_peer
    took: tuple[list[float], list[float]] = ([], [])
    for run in range(size.n_runs):
        took[0].append(seconds(lambda: ours(data, metric, weights)))
        if run == 0:
            took[1].append(share * seconds(lambda: their_bootstrap(data, metric, size.n_peer)))
    own, peer = median(took[0]), median(took[1])
    good = peer / own >= WANTED or not judged
    said = f"{'>= ' + format(WANTED, 'g'):>6}x  {'ok' if good else 'MISSED'}" if judged else ""
    print(f"  {metric:<14}{own:>9.2f}{peer:>13.1f}{peer / own:>9.0f}x  {said}   (answers within {gap:.0e})", flush=True)
    return True, good


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold all courses, print a table; return 1 where something wanted is missed, 2 where answers differ."""
    its = argparse.ArgumentParser(description="bootstrap of models against rsatoolbox")
    its.add_argument("--quick", action="store_true", help="small data; only the answers are judged")
    its.add_argument("--peer", type=int, help="how many draws rsatoolbox makes; its seconds are scaled")
    given = its.parse_args(arguments)
    size = QUICK if given.quick else Size(n_peer=given.peer or Size.n_peer)
    data = make(size)
    print(
        f"bootstrap: {size.n_models} models x {size.n_resamples} draws of {size.n_stimuli} stimuli, {size.n_subjects} "
        f"subjects, ceilings of each draw, float64; rsatoolbox does {size.n_peer} draws, times "
        f"{size.n_resamples / size.n_peer:g}\n  {'':<14}{'ours s':>9}{'rsatoolbox s':>13}{'we are':>10}{'wanted':>9}"
    )
    held = [course(data, metric, size, judged=not given.quick) for metric in NAMES]
    if not all(equal for equal, _ in held):
        return 2
    return 0 if all(good for _, good in held) else 1


if __name__ == "__main__":
    sys.exit(main())
