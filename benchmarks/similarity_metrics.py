"""Metrics against rsatoolbox and against the products they cannot do without; a table of 500 layers x 6 areas.

python benchmarks/similarity_metrics.py --quick   # small data: are the answers the same? Seconds are not judged
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml import compare
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.ranks import places, taus

FASTER_TAU, FROM_GRAM, TABLE_SECONDS = 4.0, 3.0, 30.0
"""Wanted: tau-a so many times rsatoolbox's; CKA within so many of its Gram products; a table in so many seconds."""


class FailureError(Exception):
    """Answers that differ."""


@dataclass(frozen=True)
class Size:
    """How much is compared."""

    n_stimuli: int = 118
    n_rdms: tuple[int, int] = (50, 20)
    n_features: tuple[int, int] = (100_000, 1_000)
    n_layers: int = 500
    n_wide: int = 20
    n_layer_features: tuple[int, int] = (1_000, 10_000)
    n_units: tuple[int, ...] = (60, 80, 100, 130, 160, 200)
    n_repeats: int = 50
    n_runs: int = 5


QUICK = Size(20, (4, 3), (400, 60), 8, 1, (30, 300), (12, 15), 12, 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold the courses; return 1 where something wanted is missed, 2 where answers differ."""
    its = argparse.ArgumentParser(description="metrics against rsatoolbox and matrix products")
    its.add_argument("--quick", action="store_true", help="small data; only the answers are judged")
    its.add_argument("--only", action="append", choices=list(COURSES), help="hold this course; repeatable")
    given = its.parse_args(arguments)
    ok = True
    try:
        for name, course in COURSES.items():
            if name in (given.only or COURSES):
                ok &= course(QUICK if given.quick else Size()) or given.quick
    except FailureError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if ok else 1


def tau(size: Size) -> bool:
    """Tau-a of many RDMs with many, sorting included."""
    from rsatoolbox.rdm.compare import compare as compare_rdms

    rng = np.random.default_rng(0)
    n_pairs = size.n_stimuli * (size.n_stimuli - 1) // 2
    a, b = (rng.random((n, n_pairs)) for n in size.n_rdms)

    def ours() -> np.ndarray:
        return taus([places(one) for one in a], [places(one) for one in b])

    def theirs() -> np.ndarray:
        return np.asarray(compare_rdms(a, b, "tau-a"))

    same("tau-a", ours(), theirs(), 1e-12)
    title = f"tau-a: {size.n_rdms[0]} x {size.n_rdms[1]} RDMs of {size.n_stimuli} stimuli"
    return judge(title, {"neurodata4ml": ours, "rsatoolbox": theirs}, size.n_runs, at_least=FASTER_TAU)


def cka(size: Size) -> bool:
    """Unbiased CKA of one wide and one narrow layer, against nothing but the two Gram matrices."""
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=(size.n_stimuli, n)) for n in size.n_features)
    y += x[:, : y.shape[1]]

    def ours() -> float:
        return METRICS["cka_unbiased"](x, y)

    def products() -> tuple[np.ndarray, np.ndarray]:
        return x @ x.T, y @ y.T

    same("unbiased CKA", ours(), _cka_by_definition(*products()), 1e-9)
    title = f"unbiased CKA: {size.n_stimuli} x {size.n_features[0]:,} against {size.n_stimuli} x {size.n_features[1]:,}"
    return judge(title, {"neurodata4ml": ours, "two Gram products": products}, size.n_runs, within=FROM_GRAM)


def table(size: Size) -> bool:
    """Layers x areas from single trials by the public door, all that `compare` gives by default."""
    layers, areas = _layers(size), _areas(size)
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = compare(areas, layers)
    took = time.perf_counter() - started
    some = list(layers)[:: max(1, len(layers) // 4)]
    means = {name: trials.groupby("stimulus").mean() for name, trials in areas.items()}
    expected = [[METRICS["cka_unbiased"](x.values, layers[name].values) for name in some] for x in means.values()]
    same("the table's similarities of means", found.raw.sel(y=some).values, np.array(expected), 1e-9)
    ok = took <= TABLE_SECONDS
    print(f"\ntable: {len(layers)} layers x {len(areas)} areas, {size.n_stimuli} stimuli x {size.n_repeats} trials")
    print(f"  compare                 {took:>9.2f} s   <= {TABLE_SECONDS:g} s  {'ok' if ok else 'MISSED'}", flush=True)
    return ok


COURSES: Mapping[str, Callable[[Size], bool]] = {"tau": tau, "cka": cka, "table": table}


def same(what: str, ours: Any, theirs: Any, tolerance: float) -> None:
    """Refuse answers that differ."""
    if not np.allclose(ours, theirs, atol=tolerance, rtol=0):
        message = f"{what}: our answers are not the peer's: {np.ravel(ours)[:5]} and {np.ravel(theirs)[:5]}."
        raise FailureError(message)


def judge(
    title: str, ways: Mapping[str, Callable[[], Any]], n_runs: int, *, at_least: float = 0.0, within: float = 0.0
) -> bool:
    """Run both in turn, print medians; return whether ours is fast enough. The first is ours."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(n_runs):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            took[name].append(time.perf_counter() - started)
    ours, peer = (median(each) for each in took.values())
    ok = ours <= within * peer if within else peer / ours >= at_least
    wanted = (
        f"{ours / peer:.2f} of it, wanted <= {within:g}" if within else f"{peer / ours:.1f}x, wanted >= {at_least:g}x"
    )
    print(f"\n{title}")
    for name, each in took.items():
        print(f"  {name:<24}{min(each):>9.3f}{median(each):>10.3f} s (best, median of {len(each)})")
    print(f"  we are {wanted}  {'ok' if ok else 'MISSED'}", flush=True)
    return ok


def _cka_by_definition(k: np.ndarray, l: np.ndarray) -> float:  # noqa: E741 - the letters of the literature
    """Return unbiased CKA by the sums of Song et al. (2012, eq. 5), of kernels not centred."""
    n = len(k)

    def hsic(a: np.ndarray, b: np.ndarray) -> float:
        both = a.sum() * b.sum() / ((n - 1) * (n - 2)) - 2.0 / (n - 2) * (a.sum(axis=0) @ b.sum(axis=0))
        return float(np.sum(a * b) + both)

    k, l = (one - np.diag(np.diag(one)) for one in (k, l))  # noqa: E741
    return hsic(k, l) / float(np.sqrt(hsic(k, k) * hsic(l, l)))


def _layers(size: Size) -> dict[str, xr.DataArray]:
    rng = np.random.default_rng(2)
    latent = rng.normal(size=(size.n_stimuli, 20))
    out = {}
    for k in range(size.n_layers):
        n = size.n_layer_features[k < size.n_wide]
        values = latent @ rng.normal(size=(20, n)) + rng.normal(size=(size.n_stimuli, n))
        out[f"layer {k}"] = xr.DataArray(
            values, dims=("stimulus", "feature"), coords={"stimulus": np.arange(size.n_stimuli)}
        )
    return out


def _areas(size: Size) -> dict[str, xr.DataArray]:
    rng = np.random.default_rng(3)
    latent = np.random.default_rng(2).normal(size=(size.n_stimuli, 20))
    stimulus = np.concatenate([rng.permutation(size.n_stimuli) for _ in range(size.n_repeats)])
    coords = {
        "stimulus": ("trial", stimulus),
        "block": ("trial", np.repeat(np.arange(size.n_repeats), size.n_stimuli)),
    }
    out = {}
    for k, n in enumerate(size.n_units):
        means = latent @ rng.normal(size=(20, n))
        values = means[stimulus] + 3.0 * rng.normal(size=(len(stimulus), n))
        out[f"area {k}"] = xr.DataArray(values, dims=("trial", "unit"), coords=coords)
    return out


if __name__ == "__main__":
    sys.exit(main())
