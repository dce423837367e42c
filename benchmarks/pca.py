"""How fast is PCA of samples on disk: 115,000 x 4,000 streamed from HDF5, against scikit-learn with all in memory.

    python benchmarks/pca.py            # some minutes; exit code 1 where a wanted ratio is missed
    python benchmarks/pca.py --quick    # one run of each

`benchmarks/decode.py` runs it too. What is measured, and how to read it: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from align_series import MB, OURS, memory
from verdict import compare, exit_code, table

SOLVERS: dict[str, dict[str, Any]] = {
    "covariance_eigh": {"svd_solver": "covariance_eigh"},
    "arpack": {"svd_solver": "arpack"},
    "randomized": {"svd_solver": "randomized"},
    "randomized, 12 rounds": {"svd_solver": "randomized", "iterated_power": 12},
}
"""Those of scikit-learn that do not decompose all samples; the best with our answer is who we are held to."""

SAME = 1e-4
"""Part by which no variance may differ for the answer to be the same; the randomized one, as it is, differs by more."""

N_COMPONENTS = 50
MOST_MB = 400
"""Megabytes that may be taken beyond the scatter matrix."""


@dataclass(frozen=True)
class Size:
    """How much is decomposed."""

    n_samples: int = 115_000
    n_units: int = 4000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all contenders, print a table; return 1 where a wanted ratio is missed or memory is not bounded."""
    its = argparse.ArgumentParser(description="PCA from HDF5 against scikit-learn in memory")
    its.add_argument("--runs", type=int, default=3, help="runs of each contender (default: 3)")
    its.add_argument("--quick", action="store_true", help="one run of each")
    its.add_argument("--without", action="append", default=[], choices=SOLVERS, help="leave out a solver; repeatable")
    its.add_argument("--folder", type=Path, help="where to write the file (1.9 GB); default: the system's /tmp")
    its.add_argument("--child", nargs=2, metavar=("CONTENDER", "FILE"), help=argparse.SUPPRESS)
    given = its.parse_args(arguments)
    if given.child:
        print(json.dumps(decompose(*given.child)))
        return 0
    solvers = [solver for solver in SOLVERS if solver not in given.without]
    return run(Size(), n_runs=1 if given.quick else given.runs, solvers=solvers, folder=given.folder)


def run(size: Size, *, n_runs: int, solvers: Sequence[str] = tuple(SOLVERS), folder: Path | None = None) -> int:
    """Hold the course with samples of this size; return 1 where something wanted is missed."""
    print(
        f"{size.n_samples:,} samples x {size.n_units:,} units, float32, {N_COMPONENTS} components; "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start",
        flush=True,
    )
    names = [OURS, *solvers]
    said: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="neurodata4ml-bench-", dir=folder) as where:
        path = write(size, Path(where) / "samples.h5")
        for number in range(n_runs):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                line = [sys.executable, str(Path(__file__)), "--child", name, str(path)]
                done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True)
                said[name].append(json.loads(done.stdout.splitlines()[-1]))
    return show(size, said)


def show(size: Size, said: dict[str, list[dict[str, Any]]]) -> int:
    """Print the table, and memory and answers beside it; return 1 where something wanted is missed."""
    seconds = {name: [one["seconds"] for one in all_] for name, all_ in said.items()}
    n_bytes = 4 * size.n_samples * size.n_units
    truth = np.array(said[OURS][0]["variances"])
    error = {name: float(np.abs(np.array(all_[0]["variances"]) / truth - 1).max()) for name, all_ in said.items()}
    judged = [name for name in said if name != OURS and error[name] < SAME]
    rows = compare(seconds, ours=OURS, n_bytes=n_bytes, wanted=dict.fromkeys(judged, 1.0))
    print(f"\n{table('PCA: ours from HDF5, reading included; scikit-learn in memory', rows)}")
    gram = 8 * min(size.n_samples, size.n_units) ** 2 / MB
    for name, all_ in said.items():
        judgement = "" if error[name] < SAME else ": another answer, not judged"
        print(f"  {name}: {max(one['beyond'] for one in all_):,.0f} MB; variances off by {error[name]:.1e}{judgement}")
    beyond = max(one["beyond"] for one in said[OURS]) - gram
    is_bounded = beyond <= MOST_MB
    print(
        f"  memory of {OURS} beyond its scatter matrix of {gram:.0f} MB: {beyond:.0f} MB; "
        f"wanted <= {MOST_MB} MB  {'ok' if is_bounded else 'MISSED'}"
    )
    if not judged:
        print("  nobody gave the same answer: MISSED", flush=True)
    return max(exit_code(rows), int(not is_bounded), int(not judged))


def write(size: Size, path: Path) -> Path:
    """Write responses of many units that share 100 dimensions of falling strength, around means of their own."""
    import h5py

    rng = np.random.default_rng(0)
    axes = rng.standard_normal((100, size.n_units), dtype=np.float32)
    strength = np.linspace(1.0, 0.05, 100, dtype=np.float32)
    mean = 5 * rng.standard_normal(size.n_units, dtype=np.float32)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("x", (size.n_samples, size.n_units), np.float32)
        for start in range(0, size.n_samples, 5000):
            n_rows = min(5000, size.n_samples - start)
            shared = rng.standard_normal((n_rows, 100), dtype=np.float32) * strength
            noise = rng.standard_normal((n_rows, size.n_units), dtype=np.float32)
            data[start : start + n_rows] = shared @ axes + noise + mean
    return path


def decompose(name: str, path: str) -> dict[str, Any]:
    """Decompose in this process; return seconds, the megabytes taken, and the variances.

    scikit-learn is given the samples in memory: their reading is not in its time, their megabytes not in its memory.
    """
    import h5py
    from sklearn.decomposition import PCA

    from neurodata4ml.analysis.linear.pca import streamed_pca

    few = np.random.default_rng(0).standard_normal((1500, 1200), dtype=np.float32)
    streamed_pca(few, 2)  # imports
    with h5py.File(path) as file:
        data = file["x"]
        if name == OURS:
            before, begun = memory("VmRSS"), time.perf_counter()
            variances = streamed_pca(data, N_COMPONENTS)[2]
        else:
            values = data[...]
            before, begun = memory("VmRSS"), time.perf_counter()
            model = PCA(N_COMPONENTS, random_state=0, **SOLVERS[name])
            variances = model.fit(values).explained_variance_
        seconds = time.perf_counter() - begun
    return {"seconds": seconds, "beyond": memory("VmHWM") - before, "variances": variances.tolist()}


if __name__ == "__main__":
    sys.exit(main())
