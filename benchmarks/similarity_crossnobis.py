"""How fast is crossnobis, and how wide may responses be: against rsatoolbox, same answers.

    python benchmarks/similarity_crossnobis.py           # a minute or two; exit code 1 where something wanted is missed
    python benchmarks/similarity_crossnobis.py --quick   # small data: are the answers the same? Seconds are not judged

118 stimuli x 50 blocks x 10,000 features, float64, no noise precision on either side; then 100,000 features, out of
dask, which makes them block by block so that the input is never in memory, and as float32 in memory. Peak memory is
that of a process of its own, beyond what it held before. `benchmarks/similarity.py` runs this too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import xarray as xr

from align_series import MB, memory

WANTED, MOST_MB = 100.0, 1000.0
"""How many times as fast as rsatoolbox, and megabytes beyond the input, that we want."""

CHUNK = 1000
"""Features of a chunk, made at once."""


class FailureError(Exception):
    """Answers that differ."""


@dataclass(frozen=True)
class Size:
    """How much is compared."""

    n_stimuli: int = 118
    n_blocks: int = 50
    n_features: int = 10_000
    n_wide: int = 100_000
    n_runs: int = 10


QUICK = Size(12, 5, 300, 3000, 1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the lines; return 1 where something wanted is missed, 2 where answers differ."""
    its = argparse.ArgumentParser(description="crossnobis against rsatoolbox")
    its.add_argument("--quick", action="store_true", help="small data; only the answers are judged")
    its.add_argument("--child", nargs=2, metavar=("KIND", "SIZE"), help=argparse.SUPPRESS)
    given = its.parse_args(arguments)
    if given.child:
        print(json.dumps(wide(given.child[0], Size(*json.loads(given.child[1])))))
        return 0
    try:
        printed, ok = lines(QUICK if given.quick else Size())
    except FailureError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(printed))
    return 0 if ok or given.quick else 1


def lines(size: Size) -> tuple[list[str], bool]:
    """Compare answers, then time and memory; return the lines of a table, and whether all is as wanted.

    Raises
    ------
    FailureError
        Distances are not rsatoolbox's, or depend on how the features are read.
    """
    fast, is_fast = speed(size)
    narrow, is_narrow = width(size)
    return [*fast, *narrow], is_fast and is_narrow


def speed(size: Size) -> tuple[list[str], bool]:
    """Hold crossnobis against rsatoolbox, which runs once."""
    x = trials(size, size.n_features, kind="float64")
    ours(x.isel(unit=slice(0, 20)))  # what is imported at first use is not timed
    took, found = [], None
    # half of our runs before, half after the one of rsatoolbox: others who use the machine slow both sides alike
    for number in range(size.n_runs):
        if number == size.n_runs // 2:
            theirs, their_seconds = by_rsatoolbox(x)
        began = time.perf_counter()
        found = ours(x)
        took.append(time.perf_counter() - began)
    same("crossnobis", found, theirs)
    ratio = their_seconds / median(took)
    told = f"{size.n_stimuli} stimuli x {size.n_blocks} blocks x {size.n_features:,} features"
    return [
        f"crossnobis, {told}, float64",
        f"  neurodata4ml {median(took):8.3f} s (best {min(took):.3f}), rsatoolbox {their_seconds:8.3f} s: we are "
        f"{ratio:.0f}x, wanted >= {WANTED:g}x  {'ok' if ratio >= WANTED else 'MISSED'}",
    ], ratio >= WANTED


def width(size: Size) -> tuple[list[str], bool]:
    """Take ten times the features, out of dask and in memory, each in a process of its own."""
    said = {}
    for kind in ("dask", "float32"):
        told = json.dumps(list(vars(size).values()))
        command = [sys.executable, str(Path(__file__)), "--child", kind, told]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        said[kind] = json.loads(done.stdout.splitlines()[-1])
    same("crossnobis of dask and of numpy", np.array(said["dask"]["pairs"]), np.array(said["float32"]["pairs"]))
    ok = all(one["beyond"] <= MOST_MB for one in said.values())
    printed = [f"crossnobis of {size.n_wide:,} features (rsatoolbox needs {8e-9 * size.n_wide**2:,.0f} GB of identity)"]
    for kind, what in (("dask", "out of dask, made in its blocks"), ("float32", "float32 in memory")):
        seconds, beyond = said[kind]["seconds"], said[kind]["beyond"]
        printed.append(
            f"  {what:<32} {seconds:7.2f} s, {beyond:5.0f} MB beyond the input, wanted <= {MOST_MB:g} MB  "
            f"{'ok' if beyond <= MOST_MB else 'MISSED'}"
        )
    return printed, ok


def wide(kind: str, size: Size) -> dict[str, Any]:
    """Take the distances of many features in this process; return seconds, megabytes beyond the input, some pairs."""
    few = trials(size, CHUNK, kind=kind).isel(unit=slice(0, 20))
    ours(few)  # imports
    x = trials(size, size.n_wide, kind=kind)
    before, began = memory("VmRSS"), time.perf_counter()
    found = ours(x)
    return {
        "seconds": time.perf_counter() - began,
        "beyond": memory("VmHWM") - before,
        "pairs": found[:500].tolist(),
        "input": (x.nbytes if kind != "dask" else 0) / MB,
    }


def ours(x: xr.DataArray) -> np.ndarray:
    """Return the pairs above the diagonal."""
    from neurodata4ml import rdm

    return np.asarray(rdm(x, distance="crossnobis").values[np.triu_indices(len(np.unique(x.stimulus)), 1)])


def by_rsatoolbox(x: xr.DataArray) -> tuple[np.ndarray, float]:
    """Return the pairs above the diagonal, and the seconds that rsatoolbox takes."""
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm

    named = {"stimulus": x.stimulus.values, "block": x.block.values}
    data = Dataset(x.values, obs_descriptors=named)
    began = time.perf_counter()
    found = calc_rdm(data, method="crossnobis", descriptor="stimulus", cv_descriptor="block")
    return found.dissimilarities[0], time.perf_counter() - began


def trials(size: Size, n_features: int, *, kind: str) -> xr.DataArray:
    """Return single trials around patterns of stimuli: of numpy, or of dask, which makes each chunk when it is asked.

    The same numbers in all, but for their type: float32 holds them exactly.
    """
    n_trials = size.n_stimuli * size.n_blocks
    if kind == "dask":
        import dask.array as da

        chunks = tuple(min(CHUNK, n_features - at) for at in range(0, n_features, CHUNK))
        values: Any = da.map_blocks(
            lambda block_info: made(size, *block_info[None]["array-location"][1]),
            chunks=((n_trials,), chunks),
            dtype=np.float32,
        )
    else:
        values = np.empty((n_trials, n_features), dtype=kind)
        for at in range(0, n_features, CHUNK):
            values[:, at : at + CHUNK] = made(size, at, min(at + CHUNK, n_features))
    where = {
        "stimulus": ("trial", np.tile(np.arange(size.n_stimuli), size.n_blocks)),
        "block": ("trial", np.repeat(np.arange(size.n_blocks), size.n_stimuli)),
    }
    return xr.DataArray(values, dims=("trial", "unit"), coords=where)


def made(size: Size, first: int, last: int) -> np.ndarray:
    """Return the responses of some features, which begin with a multiple of ``CHUNK``."""
    rng = np.random.default_rng([0, first])
    patterns = rng.standard_normal((size.n_stimuli, last - first), dtype=np.float32)
    noise = rng.standard_normal((size.n_blocks, size.n_stimuli, last - first), dtype=np.float32)
    return np.asarray((patterns + noise).reshape(-1, last - first))


def same(what: str, found: np.ndarray | None, expected: np.ndarray) -> None:
    """Refuse answers that differ by more than rounding."""
    if found is None or not np.allclose(found, expected, rtol=1e-8, atol=1e-9):
        message = f"{what}: {None if found is None else found[:5]} and {expected[:5]} are not the same."
        raise FailureError(message)


if __name__ == "__main__":
    sys.exit(main())
