"""Damage thousands of files, and count what we make of them against what h5py does.

    .venv/bin/python benchmarks/fuzz.py [--n 2000] [--seed 0] [--stores 200]

Each mutant is read by two processes of 2 GB and 20 s: by ours, and by h5py (a store: by zarr). The table counts the
verdicts; the exit code is 1 where a mutant gave other values, an exception that is not ours, a crash, a hang, or a
read outside the file. ``tests/fuzz.py`` says how it is done; a few hundred mutants are part of the tests.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import fuzz
import fuzz_files
import fuzz_mutants
import fuzz_stores


def main() -> int:
    """Print the tables; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--n", type=int, default=2000, help="mutants of HDF5 files")
    parser.add_argument("--stores", type=int, default=200, help="mutants of Zarr stores")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    verdicts: list[fuzz.Verdict] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files, stores = fuzz_files.sources(folder), fuzz_stores.stores(folder)
        for kind, mutants, sources in (
            ("HDF5", fuzz_mutants.mutants(files, given.n, given.seed), files),
            ("Zarr", fuzz_stores.mutants(stores, given.stores, given.seed), stores),
        ):
            began = time.monotonic()
            found = list(fuzz.judge(mutants, fuzz.read_before(sources, folder), folder))
            print(f"{kind}: {len(found):,} mutants, seed {given.seed}, {time.monotonic() - began:.0f} s")
            print(fuzz.table(found))
            verdicts += found
    for verdict in verdicts:
        if verdict.verdict in fuzz.FAULTS or verdict.verdict == fuzz.BOLD:
            print(f"{verdict.verdict}: {verdict.mutant}: {verdict.where}: {verdict.why}")
    return int(any(verdict.verdict in fuzz.FAULTS for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
