"""How fast is the comparison of representations: against rsatoolbox, with equal answers in one run.

    make bench-setup
    make bench-similarity                     # some minutes; exit code 1 where something wanted is missed
    python benchmarks/similarity.py --quick   # small data: are the answers the same? Seconds are not judged

What is measured, and how to read it: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

PARTS = ("similarity_crossnobis", "similarity_metrics", "similarity_bootstrap")
"""Files beside this one; each has courses of its own, and `main` as here."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold all parts; return 1 where something wanted is missed, 2 where answers differ."""
    its = argparse.ArgumentParser(description="comparison of representations against rsatoolbox")
    its.add_argument("--quick", action="store_true", help="small data; only the answers are judged")
    its.add_argument("--only", action="append", choices=PARTS, help="hold this part; repeatable")
    given = its.parse_args(arguments)
    print(machine(), flush=True)
    arguments = ["--quick"] if given.quick else []
    return max(held(part, arguments) for part in PARTS if part in (given.only or PARTS))


def held(part: str, arguments: Sequence[str]) -> int:
    """Hold one part; what is not here is missed."""
    if importlib.util.find_spec(part) is None:
        print(f"\n{part}.py is not beside this file: MISSED", flush=True)
        return 1
    return int(importlib.import_module(part).main(arguments))


def machine() -> str:
    """Say what this was measured on."""
    peer = version("rsatoolbox")
    return f"{os.cpu_count()} cores, {platform.machine()}, numpy {np.__version__}, rsatoolbox {peer}"


if __name__ == "__main__":
    sys.exit(main())
