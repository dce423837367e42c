"""How fast spikes and series are aligned to events: against numpy, pynapple, the AllenSDK and xarray.

    make bench-setup
    make bench-align

Each contender is a process of its own; what it compiles, it compiles before the clock starts, and all counts are
compared after it stopped. What is measured, and how to read it: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import align_series
from align_ways import WAYS, Recording

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = {
    name: str(ROOT / (".venv-bench-allensdk" if name == "AllenSDK" else ".venv-bench") / "bin/python") for name in WAYS
}

OURS, SPARSE, BINCOUNT, SEARCH, ADD_AT, PYNAPPLE, ALLENSDK, TOUCH = WAYS
ONCE = (PYNAPPLE, ALLENSDK)
"""Contenders that take so long that one run must do."""

FASTER = {PYNAPPLE: 60.0, ALLENSDK: 40.0, "numpy's bincount or searchsorted": 8.0}
"""How many times as fast as these we want to be; of two ways, as the better one."""

SLOWER, MEMORY = 15.0, 1.3
"""How many times as long as touching the spikes we may take, and how many times the result's bytes we may hold."""

N_UNITS, N_SPIKES, N_EVENTS = 1_000, 20_000_000, 5_950


class FailureError(Exception):
    """A contender that did not finish, or counted otherwise."""


@dataclass(frozen=True)
class Wish:
    """Something wanted: what it is, its value, and the bound that it must keep."""

    what: str
    value: float
    bound: float
    at_least: bool

    @property
    def ok(self) -> bool:
        """Whether the bound is kept."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        """Say it in a line."""
        sign = ">=" if self.at_least else "<="
        return f"  {self.what:<58}{self.value:>8.2f}   {sign} {self.bound:<6g}{'ok' if self.ok else 'MISSED'}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Bin the spikes in all ways, then align the series; print tables, return 1 where something wanted is missed."""
    given = parser().parse_args(arguments)
    who = [name for name in WAYS if name not in given.without]
    missing = sorted({PYTHONS[name] for name in who if not Path(PYTHONS[name]).exists()})
    if missing:
        print("\n".join(f"{python} is not there. Type: make bench-setup" for python in missing), file=sys.stderr)
        return 1
    print(machine(), flush=True)
    try:
        results = race(who, Recording.simulated(N_UNITS, N_SPIKES, N_EVENTS), 3 if given.quick else 9)
    except FailureError as failure:
        print(failure, file=sys.stderr)
        return 1
    wishes = judge(results)
    title = f"{N_UNITS:,} units, {N_SPIKES:,} spikes, {N_EVENTS:,} events, 60 bins of 10 ms"
    print(f"\n{table(title, results)}\n\n" + "\n".join(map(str, wishes)), flush=True)
    series = 0 if given.spikes_only else align_series.main(["--quick"] if given.quick else [])
    return max(series, 0 if all(wish.ok for wish in wishes) else 1)


def parser() -> argparse.ArgumentParser:
    """Return what can be typed."""
    its = argparse.ArgumentParser(description="neurodata4ml against numpy, pynapple, the AllenSDK and xarray")
    its.add_argument("--quick", action="store_true", help="fewer runs of each")
    its.add_argument("--spikes-only", action="store_true", help="leave out the series")
    its.add_argument("--without", action="append", default=[], choices=[*WAYS][1:], help="leave out a contender")
    return its


def race(who: Sequence[str], recording: Recording, n_runs: int) -> dict[str, Any]:
    """Let each contender count, and compare what they counted; those that take long once only."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        recording.save(Path(folder))
        for name in who:
            results[name] = run(name, folder, 1 if name in ONCE else n_runs if name in (OURS, SPARSE, TOUCH) else 3)
            if results[name].get("digest", results[OURS]["digest"]) != results[OURS]["digest"]:
                message = f"{name} counts otherwise than {OURS}."
                raise FailureError(message)
    return results


def run(name: str, folder: str, n_runs: int) -> dict[str, Any]:
    """Return what a contender's process says."""
    child = str(Path(__file__).with_name("align_child.py"))
    done = subprocess.run([PYTHONS[name], child, folder, name, str(n_runs)], capture_output=True, text=True)
    if done.returncode:
        message = f"{name} failed:\n{done.stderr[-2000:]}"
        raise FailureError(message)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def judge(results: Mapping[str, Any]) -> list[Wish]:
    """Return what is wanted of us, of the contenders that ran; ratios are of medians."""
    seconds = {name: median(result["seconds"]) for name, result in results.items()}
    numpy = [seconds[name] for name in (BINCOUNT, SEARCH) if name in seconds]
    peers = {name: seconds[name] for name in ONCE if name in seconds}
    peers |= {"numpy's bincount or searchsorted": min(numpy)} if numpy else {}
    own = seconds[OURS]
    wishes = [Wish(f"times as fast as {name}", its / own, FASTER[name], True) for name, its in peers.items()]
    if TOUCH in seconds:
        wishes.append(Wish("times as long as touching the spikes in the windows", own / seconds[TOUCH], SLOWER, False))
    memory = results[OURS]["beyond"] / results[OURS]["held"]
    return [*wishes, Wish("peak of memory, of the bytes of the result", memory, MEMORY, False)]


def table(title: str, results: Mapping[str, Any]) -> str:
    """Return the results as text, ours first."""
    own = median(results[OURS]["seconds"])
    lines = [
        title,
        f"  {'contender':<22}{'runs':>5}{'best s':>9}{'median s':>10}{'we are':>9}{'MB held':>9}{'first s':>9}",
    ]
    for name, result in results.items():
        its = result["seconds"]
        line = f"  {name:<22}{len(its):>5}{min(its):>9.3f}{median(its):>10.3f}{median(its) / own:>8.1f}x"
        held = f"{result['beyond'] / 1e6:>9.0f}" if "beyond" in result else " " * 9
        lines.append(f"{line}{held}{result['first']:>9.1f}")
    return "\n".join(lines)


def machine() -> str:
    """Say on what the numbers were taken, and how busy it was with other things."""
    what = (time.strftime("%Y-%m-%d"), platform.system(), f"Python {platform.python_version()}")
    return f"{', '.join(what)}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start"


if __name__ == "__main__":
    sys.exit(main())
