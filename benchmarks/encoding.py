"""How fast is ridge encoding: against himalaya and scikit-learn, with the same folds and the same answers.

    make bench-setup
    python benchmarks/encoding.py           # some minutes; exit code 1 where something wanted is missed
    python benchmarks/encoding.py --quick   # small data: are the answers the same? Seconds are not judged

Everyone centres features and responses in the training images of every fold (himalaya: fit_intercept), chooses a
penalty for each unit among ten by mean squared error over five given folds, fits all images with it and predicts them;
or, "nested", predicts held-out images with what the other folds chose. What each does: benchmarks/encoding_ridge.py.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

import encoding_ridge as ways

OURS, SKLEARN = "neurodata4ml", "scikit-learn Ridge"
REST = 0.25
"""Seconds of rest before a run: threads of BLAS still wait for more work, on a core, when the run before has ended."""

QUICK_RUNS = 2.0
"""Seconds until which a way that takes less runs again: of short runs, more are needed for a median."""

MEMORY = 2.0
"""How many times inputs and outputs the peak of a process may be."""


class FailureError(Exception):
    """Answers that differ."""


@dataclass(frozen=True)
class Size:
    """How much is fitted."""

    wide: tuple[int, int, int] = (118, 10_000, 1000)
    tall: tuple[int, int, int] = (5950, 1000, 1000)
    n_runs: int = 5


QUICK = Size((40, 120, 12), (120, 20, 12), 1)

Way = Callable[[ways.Images], ways.Answer]


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold the courses, print a table of each; return 1 where something wanted is missed, 2 where answers differ."""
    its = argparse.ArgumentParser(description="ridge encoding against himalaya and scikit-learn")
    its.add_argument("--quick", action="store_true", help="small data; only the answers are judged")
    its.add_argument("--only", action="append", choices=[*COURSES, "pls"], help="hold this course; repeatable")
    given = its.parse_args(arguments)
    size = QUICK if given.quick else Size()
    print(machine(), flush=True)
    # what is imported at first use is not timed
    ways.our_encode(ways.images(20, 30, 4))
    ok = True
    try:
        for name, course in COURSES.items():
            if name in (given.only or COURSES):
                ok &= course(size) or given.quick
    except FailureError as error:
        print(error, file=sys.stderr)
        return 2
    if "pls" in (given.only or ["pls"]):
        import encoding_pls

        ok &= encoding_pls.main(["--quick"] if given.quick else []) == 0
    return 0 if ok else 1


def machine() -> str:
    """Say what this was measured on."""
    import himalaya
    import sklearn

    return (
        f"{os.cpu_count()} cores, {platform.machine()}, numpy {np.__version__}, scikit-learn {sklearn.__version__}, "
        f"himalaya {himalaya.__version__}, float64"
    )


def wide(size: Size) -> bool:
    """Fewer images than features: choose in five folds, fit, predict."""
    data = ways.images(*size.wide)
    by: dict[str, Way] = {
        OURS: ways.our_fit,
        "KernelRidgeCV": ways.himalayas_kernel_fit,
        SKLEARN: ways.sklearns_fit,
    }
    return compare(f"ridge: {describe(data)}", data, by, {"KernelRidgeCV": 3.0, SKLEARN: 30.0}, size.n_runs)


def nested(size: Size) -> bool:
    """Fewer images than features, with the public function: z-scored, held-out images, penalties from other folds."""
    data = ways.images(*size.wide)
    alpha, values = ways.our_encode(data)
    _, nearly = ways.himalayas_nested(data)
    # inner folds of himalaya's keep the scale of the outer training images: nearly the same model
    if np.corrcoef(values.ravel(), nearly.ravel())[0, 1] < 0.97:
        message = "nested: our predictions are far from himalaya's."
        raise FailureError(message)
    first = data.folds[0][1]
    same(SKLEARN, (alpha[: values.shape[1]], values[first]), ways.sklearns_first(data))
    by: dict[str, Way] = {
        OURS: ways.our_encode,
        "KernelRidgeCV": ways.himalayas_nested,
        SKLEARN: ways.sklearns_first,
    }
    title = f"encode, nested: {describe(data)}; {SKLEARN} does one of {ways.N_FOLDS}, times {ways.N_FOLDS}"
    return timed(title, data, by, {"KernelRidgeCV": 3.0, SKLEARN: 30.0}, size.n_runs, {SKLEARN: ways.N_FOLDS})


def tall(size: Size) -> bool:
    """More images than features."""
    data = ways.images(*size.tall)
    by: dict[str, Way] = {
        OURS: ways.our_fit,
        "himalaya RidgeCV": ways.himalayas_fit,
        SKLEARN: ways.sklearns_fit,
    }
    return compare(f"ridge: {describe(data)}", data, by, {"himalaya RidgeCV": 5.0}, size.n_runs)


def left_out(size: Size) -> bool:
    """Penalties by leaving out one image at a time."""
    data = ways.images(*size.tall)
    by: dict[str, Way] = {OURS: ways.our_left_out, "RidgeCV": ways.sklearns_left_out}
    return compare(f"ridge, leave-one-out: {describe(data)}", data, by, {"RidgeCV": 3.0}, size.n_runs)


def memory(size: Size) -> bool:
    """The peak of a process that runs encode, above its imports, as a multiple of inputs and outputs."""
    ok = True
    print("\nmemory of encode, nested, with predictions")
    print(f"  {'':<24}{'peak MB':>9}{'in + out':>10}{'ratio':>8}{'wanted':>10}")
    for shape in (size.wide, size.tall):
        peak, both = ways.memory(*shape)
        good = peak <= MEMORY * both
        name = " x ".join(map(str, shape))
        print(f"  {name:<24}{peak:>9.1f}{both:>10.1f}{peak / both:>8.2f}{'<= 2':>10}  {'ok' if good else 'MISSED'}")
        ok &= good
    return ok


COURSES: Mapping[str, Callable[[Size], bool]] = {
    "wide": wide,
    "nested": nested,
    "tall": tall,
    "left-out": left_out,
    "memory": memory,
}


def describe(data: ways.Images) -> str:
    """Say what is fitted."""
    (n, p), n_units = data.x.shape, data.y.shape[1]
    return f"{n} images x {p} features -> {n_units} units, {len(data.alphas)} penalties, {ways.N_FOLDS} folds"


def same(name: str, ours: ways.Answer, theirs: ways.Answer) -> None:
    """Refuse penalties that differ in more than one unit in a hundred, and predictions of the others."""
    alike = np.isclose(ours[0], theirs[0], rtol=1e-6)
    units = np.flatnonzero(alike.reshape(-1, ours[1].shape[1]).all(axis=0))
    apart = np.abs(ours[1] - theirs[1])[:, units].max(initial=0.0) / theirs[1].std()
    if alike.mean() < 0.99 or apart > 1e-6:
        message = f"{name}: {alike.mean():.1%} of the penalties are ours, and predictions differ by {apart:.2g}."
        raise FailureError(message)


def compare(title: str, data: ways.Images, by: Mapping[str, Way], wanted: Mapping[str, float], n_runs: int) -> bool:
    """Compare answers, then seconds."""
    ours = by[OURS](data)
    for name, way in by.items():
        same(name, ours, way(data))
    return timed(title, data, by, wanted, n_runs)


def timed(
    title: str,
    data: ways.Images,
    by: Mapping[str, Way],
    wanted: Mapping[str, float],
    n_runs: int,
    times: Mapping[str, int] | None = None,
) -> bool:
    """Run all in turn, print a table; return whether we are as fast as wanted. What is short runs more often.

    Seconds count as often as ``times`` says, where a part of the work was done.
    """
    took: dict[str, list[float]] = {name: [] for name in by}
    for i in range(3 * n_runs):
        for name, way in by.items():
            if not took[name] or sum(took[name]) < (20 if i < n_runs else QUICK_RUNS):
                time.sleep(REST)
                begun = time.perf_counter()
                way(data)
                took[name].append((times or {}).get(name, 1) * (time.perf_counter() - begun))
    print(f"\n{title}\n  {'':<24}{'best s':>9}{'median s':>10}{'runs':>6}{'we are':>10}{'wanted':>10}")
    ok = True
    for name, each in took.items():
        line = f"  {name:<24}{min(each):>9.3f}{median(each):>10.3f}{len(each):>6}"
        if name != OURS:
            line += f"{median(each) / median(took[OURS]):>9.1f}x"
        if name in wanted:
            good = median(each) / median(took[OURS]) >= wanted[name]
            line += f"{'>= ' + format(wanted[name], 'g'):>9}x  {'ok' if good else 'MISSED'}"
            ok &= good
        print(line, flush=True)
    return ok


if __name__ == "__main__":
    sys.exit(main())
