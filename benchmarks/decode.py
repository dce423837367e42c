"""How fast is decoding by algebra: against scikit-learn and MNE, with the same folds and the same answers.

    make bench-setup
    make bench-decode                     # some minutes; exit code 1 where something wanted is missed
    python benchmarks/decode.py --quick   # small data: are the answers the same? Seconds are not judged

What is measured, and how to read it: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

import decode_ways as ways
from neurodata4ml.analysis.design.null import Null

PUBLIC, ENGINE, FLOOR = "neurodata4ml decode", "neurodata4ml engine", "matrix products"
FROM_FLOOR = 5.0
"""How many times as long as the products alone the engine may take."""


class FailureError(Exception):
    """Answers that differ."""


@dataclass(frozen=True)
class Size:
    """How much is decoded, and how much of it by slow peers."""

    n_classes: int = 118
    n_repeats: int = 50
    n_units: int = 1000
    n_units_in_time: int = 300
    n_times: int = 60
    n_times_of_mne: int = 15
    n_shuffles: int = 1000
    n_shuffles_of_peer: int = 4
    n_runs: int = 3


QUICK = Size(12, 20, 60, 40, 6, 3, 20, 3, 1)


@dataclass(frozen=True)
class Way:
    """One way to the answer; its seconds are multiplied by ``times``, where it does a part of the work."""

    run: Callable[[], Any]
    times: float = 1.0
    once: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold the courses, print a table of each; return 1 where something wanted is missed, 2 where answers differ."""
    its = argparse.ArgumentParser(description="decoding against scikit-learn and MNE")
    its.add_argument("--quick", action="store_true", help="small data; only the answers are judged")
    its.add_argument("--only", action="append", choices=[*COURSES, "pca"], help="hold this course; repeatable")
    given = its.parse_args(arguments)
    size = QUICK if given.quick else Size()
    print(machine(), flush=True)
    # what is imported at first use is not timed
    ways.our_decode(ways.trials(3, 10, 5), decoder="lda", n_shuffles=1)
    ok = True
    try:
        for name, course in COURSES.items():
            if name in (given.only or COURSES):
                ok &= course(size) or given.quick
    except FailureError as error:
        print(error, file=sys.stderr)
        return 2
    if "pca" in (given.only or ([] if given.quick else ["pca"])):
        import pca

        ok &= pca.main([]) == 0
    return 0 if ok else 1


def machine() -> str:
    """Say what this was measured on."""
    import sklearn

    return f"{os.cpu_count()} cores, {platform.machine()}, numpy {np.__version__}, scikit-learn {sklearn.__version__}"


def lda(size: Size) -> bool:
    """One LDA, five folds."""
    data = ways.trials(size.n_classes, size.n_repeats, size.n_units)
    ours = ways.our_lda(data)
    same("LDA", ours, ways.their_lda(data))
    return compare(
        f"LDA: {describe(data)}",
        {
            ENGINE: Way(lambda: ways.our_lda(data)),
            PUBLIC: Way(lambda: ways.our_decode(data, decoder="lda", n_shuffles=0)),
            "scikit-learn svd": Way(lambda: ways.their_lda(data)),
            "scikit-learn lsqr": Way(lambda: ways.their_lda(data, "lsqr")),
        },
        {"scikit-learn svd": 8.0},
        ways.floor(products_of_lda(data)),
        size.n_runs,
    )


def ridge(size: Size) -> bool:
    """One ridge classifier, its penalty chosen among ten by leave-one-out in every fold."""
    data = ways.trials(size.n_classes, size.n_repeats, size.n_units)
    same("ridge", ways.our_ridge(data, ways.ALPHAS), ways.their_ridge(data))
    n_train, n_units, n_folds = len(data.parts[0][0]), size.n_units, len(data.parts)
    products = ways.floor([(1, data.counts[0].shape, None)])
    # leverages need the trials in the eigenvectors, errors the fit of one penalty at least: in float32, as we do them
    products += ways.floor(
        [
            (n_folds, (n_train, n_units), (n_units, n_units)),
            (n_folds, (n_train, n_units), (n_units, size.n_classes)),
        ],
        np.float32,
    )
    return compare(
        f"ridge, {len(ways.ALPHAS)} penalties, leave-one-out: {describe(data)}",
        {
            ENGINE: Way(lambda: ways.our_ridge(data, ways.ALPHAS)),
            PUBLIC: Way(lambda: ways.our_decode(data, decoder=ways.ridge_cv(), n_shuffles=0)),
            "RidgeClassifierCV": Way(lambda: ways.their_ridge(data)),
        },
        {"RidgeClassifierCV": 10.0},
        products,
        size.n_runs,
    )


def over_time(size: Size) -> bool:
    """One LDA for every bin of time."""
    data = ways.trials(size.n_classes, size.n_repeats, size.n_units_in_time, size.n_times)
    some = ways.Trials(data.counts[: size.n_times_of_mne], data.codes, data.folds)
    share = size.n_times / size.n_times_of_mne
    same("LDA over time", ways.our_lda(some), ways.their_sliding(some))
    return compare(
        f"LDA in {size.n_times} bins: {describe(data)}; MNE does {size.n_times_of_mne} bins, times {share:g}",
        {
            ENGINE: Way(lambda: ways.our_lda(data)),
            PUBLIC: Way(lambda: ways.our_decode(data, decoder="lda", n_shuffles=0)),
            "MNE SlidingEstimator": Way(lambda: ways.their_sliding(some), share, once=True),
        },
        {"MNE SlidingEstimator": 15.0},
        ways.floor(products_of_lda(data, size.n_times)),
        size.n_runs,
    )


def permutations(size: Size) -> bool:
    """A ridge classifier of many shuffles; float64 on both sides."""
    data = ways.trials(size.n_classes, size.n_repeats, size.n_units)
    codes = ways.shuffles(data.codes, size.n_shuffles)
    few = size.n_shuffles_of_peer
    theirs = ways.their_permutations(data, few)
    same("scores of shuffles", ways.our_permutations(data, codes[: few + 1]), theirs)
    null = Null(codes[1:], np.arange(len(data.codes)), codes[0], "all trials")
    options = {"decoder": "ridge", "nested": False, "null": null, "scoring": "balanced_accuracy"}
    found = ways.our_decode(data, **options)
    same("scores of decode", np.append(found["score"], found["null"])[: few + 1], theirs)
    n_test, n_folds, share = len(data.parts[0][1]), len(data.parts), (size.n_shuffles + 1) / (few + 1)
    wide = 10 * size.n_classes
    products = [
        (n_folds * (size.n_shuffles + 1) / 10, (n_test, size.n_units), (size.n_units, wide)),
        (1, data.counts[0].shape, None),
    ]
    return compare(
        f"ridge, {size.n_shuffles} shuffles: {describe(data)}; permutation_test_score does {few} and the true labels, "
        f"times {share:.1f}",
        {
            ENGINE: Way(lambda: ways.our_permutations(data, codes), once=True),
            PUBLIC: Way(lambda: ways.our_decode(data, **options), once=True),
            "permutation_test_score": Way(lambda: ways.their_permutations(data, few), share, once=True),
        },
        {"permutation_test_score": 40.0},
        ways.floor(products),
        size.n_runs,
    )


COURSES: Mapping[str, Callable[[Size], bool]] = {
    "lda": lda,
    "ridge": ridge,
    "time": over_time,
    "permutations": permutations,
}


def describe(data: ways.Trials) -> str:
    """Say what is decoded."""
    n_trials = len(data.codes)
    return f"{data.n_classes} classes x {n_trials // data.n_classes} trials x {data.counts.shape[2]} units, 5 folds"


def products_of_lda(data: ways.Trials, n_times: int = 1) -> list[tuple[float, tuple[int, int], Any]]:
    """Return the products without which LDA cannot be: Gram, between classes, weights, predictions."""
    n_test, n_units, n_classes, n_folds = len(data.parts[0][1]), data.counts.shape[2], data.n_classes, len(data.parts)
    return [
        (n_times, data.counts[0].shape, None),
        (n_times * n_folds, (n_classes, n_units), None),
        (n_times * n_folds, (n_units, n_units), (n_units, n_classes)),
        (n_times * n_folds, (n_test, n_units), (n_units, n_classes)),
    ]


def same(what: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Refuse answers that differ, but for one prediction in a thousand (ties at the last bit)."""
    if ours.dtype.kind == "f":
        alike = bool(np.allclose(ours, theirs, atol=1e-3))
    else:
        alike = float(np.mean(ours != theirs)) < 1e-3
    if not alike:
        message = f"{what}: our answers are not the peer's: {ours.ravel()[:10]} and {theirs.ravel()[:10]}."
        raise FailureError(message)


def compare(title: str, by: Mapping[str, Way], wanted: Mapping[str, float], products: float, n_runs: int) -> bool:
    """Run all in turn, print a table; return whether we are as fast as wanted.

    Peers are held against the slower of our ways; the matrix products against the engine, which does no more.
    """
    took: dict[str, list[float]] = {name: [] for name in by}
    for i in range(n_runs):
        for name, way in by.items():
            if i == 0 or not way.once:
                took[name].append(way.times * ways.seconds(way.run)[0])
    print(f"\n{title}\n  {'':<24}{'best s':>9}{'median s':>10}{'runs':>6}{'we are':>10}{'wanted':>10}")
    judged = [name for name in (PUBLIC, ENGINE) if name in by]
    own = max(median(took[name]) for name in judged)
    ok = True
    for name, each in took.items():
        line = f"  {name:<24}{min(each):>9.3f}{median(each):>10.3f}{len(each):>6}"
        if name not in judged:
            line += f"{median(each) / own:>9.1f}x"
        if name in wanted:
            good = median(each) / own >= wanted[name]
            line += f"{'>= ' + format(wanted[name], 'g'):>9}x  {'ok' if good else 'MISSED'}"
            ok &= good
        print(line)
    engine = median(took[ENGINE])
    good = engine <= FROM_FLOOR * products
    print(
        f"  {FLOOR:<24}{products:>9.3f}{'':>16}{engine / products:>9.1f}/{'<= ' + format(FROM_FLOOR, 'g'):>9}   "
        f"{'ok' if good else 'MISSED'}",
        flush=True,
    )
    return ok and good


if __name__ == "__main__":
    sys.exit(main())
