"""How fast a session is read, from afar and from the disk: against h5py, fsspec, remfile, lindi, lazynwb and pynwb.

    make bench-setup
    make bench-read

Each run is a process of its own; the clock starts after the imports, and the values are checked after it stopped. What
is measured, and how to read it: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import read_stock
from read_child import CONTENDERS
from read_contents import Scale
from read_runs import (
    ALL,
    COLD,
    LOOK,
    OPENED,
    OURS,
    PATIENCE,
    READ,
    ROIS,
    TENTH,
    UNIT,
    VALUES,
    FailureError,
    Place,
    Task,
    run,
    serving,
)  # fmt: skip
from read_stock import FILES, ZARR
from read_verdict import BEST, AtMost, Run, judge, table

RATE, LATENCY = 50.0, 0.05
"""MB/s for all connections together; seconds before each answer."""

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = {OURS: str(ROOT / ".venv-bench/bin/python"), "peers": str(ROOT / ".venv-bench-zarr2/bin/python")}

FSSPEC, CACHED, REMFILE = "h5py+fsspec", "h5py+fsspec-cached", "h5py+remfile"
LINDI, LAZYNWB, PYNWB, FROMFILE = "lindi", "lazynwb", "pynwb", "numpy.fromfile"
PEERS = (FSSPEC, CACHED, REMFILE, LINDI, LAZYNWB, PYNWB)
PLAIN, FINE, COARSE = "spikes-contiguous.nwb", "spikes-gzip-40kB.nwb", "spikes-gzip-10MB.nwb"
CALCIUM, CALCIUM_ROWS, CALCIUM_COARSE = (f"calcium-gzip-{size}.nwb" for size in ("100kB", "4MB", "10MB"))
MANY = "many-objects.nwb"

Limits = Callable[[Mapping[str, Any]], Sequence[AtMost]]


def requests(most: int) -> AtMost:
    """Wish for few requests."""
    return AtMost("requests", most, lambda run: run.requests)


def moved(most: float) -> AtMost:
    """Wish for few bytes."""
    return AtMost("MB moved", most, lambda run: run.n_bytes / 1e6)


def taken(most: float) -> AtMost:
    """Wish for few seconds."""
    return AtMost("s", most, lambda run: run.seconds)


MEMORY = AtMost("MB of memory beyond the imports", 150, lambda run: run.memory / 1e6)


def share(what: str, most: float, n_bytes: int) -> AtMost:
    """Wish for no more than a multiple of the bytes that are needed."""
    return AtMost(f"of {what} moved", most, lambda run: run.n_bytes / n_bytes)


@dataclass(frozen=True)
class Course:
    """One task on one file: who runs, what each may know of the file before, and what we want.

    ``wanted`` says how many times as fast as a peer we should be, ``limits`` what our runs may take, of the file's
    description. ``also`` are states in which we run too, just to know. What does not ``decide`` is left out in a hurry.
    """

    name: str
    file: str
    task: Task
    peers: tuple[str, ...]
    remote: bool = True
    state: str = OPENED
    wanted: Mapping[str, float] = field(default_factory=dict)
    limits: Limits = lambda held: ()
    also: tuple[str, ...] = ()
    decides: bool = True

    @property
    def title(self) -> str:
        """Say what is read from where."""
        where = f"{LATENCY * 1e3:g} ms a request, {RATE:g} MB/s" if self.remote else "on this machine"
        known = {COLD: "never opened before", OPENED: "opened once before", READ: "read from before"}[self.state]
        return f"{self.name}: {self.file}, {where}{', ' + known if self.remote else ''}"


def of_first_open(held: Mapping[str, Any]) -> Sequence[AtMost]:
    """Return what a first open may take; of the index of the spikes' chunks, only what lies beside something else."""
    nodes = AtMost("pieces of the spikes' chunk index read", len(held["chunk_nodes"]) // 10, lambda run: run.nodes)
    return (requests(8), moved(1.5), MEMORY, nodes)


def of_one_unit(held: Mapping[str, Any]) -> Sequence[AtMost]:
    """Return what one unit may take."""
    return (requests(3), share("the chunks that hold it", 1.2, held["unit_bytes"]))


def of_all(held: Mapping[str, Any]) -> Sequence[AtMost]:
    """Return what all spikes may take."""
    return (AtMost("of bytes / bandwidth", 1.35, lambda run: run.seconds / (held["all_bytes"] / RATE / 1e6)),)


def of_every_tenth(held: Mapping[str, Any]) -> Sequence[AtMost]:
    """Return what every tenth unit of the uncompressed file may move."""
    return (share("its own bytes", 1.2, held["tenth_bytes"]),)


NEW = tuple(name for name in PEERS if name != LINDI)
COURSES = (
    *(
        Course("first open", file, LOOK, NEW, state=COLD, wanted={REMFILE: 1.5, FSSPEC: 6}, limits=of_first_open)
        for file in (COARSE, FINE, PLAIN)
    ),
    *(
        Course("second open", file, LOOK, (LINDI, LAZYNWB), limits=lambda held: (requests(1), taken(0.1)))
        for file in (COARSE, FINE, PLAIN)
    ),
    *(
        Course("one unit", file, UNIT, PEERS, wanted={REMFILE: 2.5, LINDI: 1.4}, limits=of_one_unit, also=(COLD, READ))
        for file in (COARSE, FINE, PLAIN)
    ),
    *(Course("every tenth unit", file, TENTH, PEERS, wanted={BEST: 1.8}, also=(COLD,)) for file in (COARSE, FINE)),
    Course("every tenth unit", PLAIN, TENTH, PEERS, wanted={BEST: 1.8}, limits=of_every_tenth, also=(COLD,)),
    *(
        Course("all spikes", file, ALL, PEERS, wanted={BEST: 1.6}, limits=of_all, also=(COLD,))
        for file in (COARSE, FINE)
    ),
    Course("200 ROI, 10,000 frames", CALCIUM, ROIS, PEERS, wanted={BEST: 2}, also=(COLD,)),
    *(
        Course("200 ROI, 10,000 frames", file, ROIS, PEERS, also=(COLD,), decides=False)
        for file in (CALCIUM_ROWS, CALCIUM_COARSE)
    ),
    *(Course("all spikes", file, ALL, ("h5py", PYNWB), False, wanted={"h5py": 2.5}) for file in (COARSE, FINE)),
    Course("all spikes of an open file", PLAIN, VALUES, (FROMFILE, "h5py"), False, wanted={FROMFILE: 1 / 1.3}),
    *(
        Course("open", file, LOOK, ("h5py", PYNWB), False, limits=lambda held: (MEMORY,))
        for file in (FINE, CALCIUM, MANY)
    ),
    *(
        Course(f"Zarr, {name}", ZARR, task, (PYNWB,), decides=False)
        for name, task in (("first open", LOOK), ("one unit", UNIT), ("all spikes", ALL))
    ),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold the courses, print a table each; return 1 where something that was wanted is missed."""
    given = parser().parse_args(arguments)
    courses = [course for course in COURSES if chosen(course, given)]
    problems = [f"{its} is not there. Type: make bench-setup" for its in PYTHONS.values() if not Path(its).exists()]
    if not courses:
        names = ", ".join(sorted({course.name for course in COURSES}))
        problems.append(f"No course is called {' or '.join(given.only)}. There are: {names}")
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    if given.quick:
        given.runs, courses = 1, [hurried(course) for course in courses]
    print(f"{machine()}\nRuns of each: {given.runs}; seconds after the imports; answers checked.", flush=True)
    with standing(given.folder, sorted({course.file for course in courses}), Scale()) as place:
        try:
            return max([hold(course, place, given.runs, given.without) for course in courses])
        except FailureError as failure:
            print(failure, file=sys.stderr)
            return 1


def parser() -> argparse.ArgumentParser:
    """Return what can be typed."""
    its = argparse.ArgumentParser(description="neurodata4ml against h5py, fsspec, remfile, lindi, lazynwb and pynwb")
    its.add_argument("--runs", type=int, default=3, help="runs of each contender (default: 3)")
    its.add_argument("--quick", action="store_true", help="one run, and only of what decides: five minutes")
    its.add_argument("--only", action="append", default=[], metavar="TASK", help='e.g. "one unit"; repeatable')
    its.add_argument("--file", action="append", default=[], choices=[*FILES, ZARR], help="only this file; repeatable")
    its.add_argument("--without", action="append", default=[], choices=[*CONTENDERS], help="leave out a contender")
    default = Path(tempfile.gettempdir()) / "neurodata4ml-bench-read"
    its.add_argument("--folder", type=Path, default=default, help=f"where the files stay, 2 GB (default: {default})")
    return its


def chosen(course: Course, given: argparse.Namespace) -> bool:
    """Return whether a course is held."""
    wanted = not given.only or any(word in course.name for word in given.only)
    return wanted and (not given.file or course.file in given.file) and (course.decides or not given.quick)


def hurried(course: Course) -> Course:
    """Return a course with those peers only that decide: named ones, and whoever was ever the best."""
    best = (CACHED, REMFILE, LAZYNWB) if BEST in course.wanted else ()
    return replace(course, peers=tuple(its for its in course.peers if its in (*course.wanted, *best)), also=())


@contextlib.contextmanager
def standing(folder: Path, names: Sequence[str], scale: Scale) -> Any:
    """Write what is lacking, and serve it; yield the place."""
    small = folder / "small"
    held = read_stock.prepare(folder, names, scale, PYTHONS["peers"])
    held_small = read_stock.prepare(small, names, scale.times(0.01), PYTHONS["peers"])
    with serving(folder, RATE, LATENCY) as root, serving(folder, 0, 0) as near, serving(small, 0, 0) as near_small:
        yield Place(folder, small, root, near, near_small, PYTHONS, held, held_small)


def hold(course: Course, place: Place, n_runs: int, without: Sequence[str]) -> int:
    """Hold one course and print its table; return 1 where something that was wanted is missed."""
    runs = race(course, place, n_runs, without)
    lines = []
    if OURS in runs:
        lines = judge(
            {name: its for name, its in runs.items() if "(" not in name}, OURS, course.wanted,
            course.limits(place.held[course.file]),
        )  # fmt: skip
    print(f"\n{table(course.title, runs, OURS, lines)}", flush=True)
    return 0 if all(line.ok for line in lines) else 1


def race(course: Course, place: Place, n_runs: int, without: Sequence[str]) -> dict[str, list[Run]]:
    """Let all contenders run in turn, each round beginning with another one."""
    who = [
        (OURS, course.state),
        *((name, course.state) for name in course.peers),
        *((OURS, state) for state in course.also),
    ]
    who = [(name, state) for name, state in who if name not in without]
    runs: dict[str, list[Run]] = {}
    for number in range(n_runs):
        first = number % len(who)
        for name, state in who[first:] + who[:first]:
            shown = name if state == course.state else f"{name} ({state})"
            its = runs.setdefault(shown, [])
            if not its or its[0].seconds < PATIENCE / 4:  # who takes so long once is not asked again
                its.append(run(place, name, course.task, course.file, remote=course.remote, state=state))
    return runs


def machine() -> str:
    """Say on what the numbers were taken, and how busy it was with other things."""
    what = (time.strftime("%Y-%m-%d"), platform.system(), f"Python {platform.python_version()}")
    return f"{', '.join(what)}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start"


if __name__ == "__main__":
    sys.exit(main())
