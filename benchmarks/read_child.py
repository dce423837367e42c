"""One contender does one task in this process: imports, a small file, then the task by the clock.

    python benchmarks/read_child.py CONTENDER TASK WHERE [--asked JSON] [--small WHERE --small-asked JSON]

It prints one line of JSON: seconds of the imports and of the task, bytes of memory at most, and the answer's digest.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from read_ours import Ours
from read_peers import (
    SPIKES,
    Fsspec,
    FsspecCached,
    H5py,
    Lazynwb,
    Lindi,
    Pynwb,
    Remfile,
    digest,
    make_lindi_index,
)


class Fromfile:
    """numpy.fromfile, told where the values begin: the disk's own speed."""

    def imports(self) -> None:
        """Nothing more."""

    def open(self, where: str, units: list[int] | None = None) -> Any:
        """Open a file."""
        return where

    def spikes(self, opened: Any, units: list[int] | None) -> np.ndarray:
        """Return the spikes of some units, or of all."""
        held = json.loads(Path(f"{opened}.json").read_text(encoding="utf-8"))
        (length,), dtype = held["shapes"][SPIKES]
        return np.fromfile(opened, dtype=dtype, count=length, offset=held["spikes_at"])


CONTENDERS: dict[str, Callable[[], Any]] = {
    "neurodata4ml": Ours,
    "h5py": H5py,
    "h5py+fsspec": Fsspec,
    "h5py+fsspec-cached": FsspecCached,
    "h5py+remfile": Remfile,
    "lindi": Lindi,
    "lazynwb": Lazynwb,
    "pynwb": Pynwb,
    "numpy.fromfile": Fromfile,
}


def do(contender: Any, task: str, where: str, asked: dict[str, Any]) -> tuple[float, Any]:
    """Let a contender do a task; return its seconds, and the answer."""
    begun = time.perf_counter()
    opened = contender.open(where, asked.get("units"))
    if task == "values":  # of a file that is open
        begun = time.perf_counter()
    if task == "look":
        answer = contender.look(opened)
    elif task == "rois":
        answer = contender.rois(opened, *asked["rois"])
    else:
        answer = contender.spikes(opened, asked.get("units"))
    return time.perf_counter() - begun, answer


def memory(name: str) -> int:
    """Return bytes of this process: "VmRSS" now, "VmHWM" at most since the last reset."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) << 10
    except OSError:  # not Linux: the most since the start
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Import, warm up on the small file, do the task, and say what it took."""
    begun = time.perf_counter()
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description="one contender does one task")
    for name in ("contender", "task", "where"):
        parser.add_argument(name)
    parser.add_argument("--small", default="", help="a small file that is read first, so that all is imported")
    parser.add_argument("--far", default="", help="where the file of a lindi-index will be")
    parser.add_argument("--asked", type=json.loads, default={}, help="units, rois")
    parser.add_argument("--small-asked", type=json.loads, default={})
    given = parser.parse_args()
    if given.task == "lindi-index":
        return make_lindi_index(given.where, given.far)
    contender = CONTENDERS[given.contender]()
    contender.imports()
    if given.small:
        do(contender, given.task, given.small, given.small_asked)
    gc.collect()
    imported = time.perf_counter() - begun
    before = memory("VmRSS")
    if Path("/proc/self/clear_refs").exists():
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    seconds, answer = do(contender, given.task, given.where, given.asked)
    most = memory("VmHWM") - before
    its = {
        "imports": imported,
        "seconds": seconds,
        "memory": most,
        "answer": answer if isinstance(answer, dict) else digest(answer),
    }
    sys.stdout.write(json.dumps(its) + "\n")
    sys.stdout.flush()
    os._exit(0)  # threads and event loops of some libraries would keep the process waiting


if __name__ == "__main__":
    main()
