"""How fast `neurodata4ml fetch` is: the same files from the same archive on loopback, against dandi, pooch and curl.

    make bench-setup
    make bench

Each run is a whole command in a new process, from its start to its end, and its files are checked afterwards. What is
measured, and how to read it: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from contenders import COMMANDS, JOBS, OURS, Errand, FailureError, missing, run
from server import Asset, started
from stock import MB, fill, pin
from verdict import Row, compare, exit_code, table

FULL_LINE, FAR = 50.0, 0.05
"""MB/s of the limited server; seconds before each answer of a far one."""

N_SMALL, SMALL = 50, 1 * MB
START, LARGE = "start", "large"
CHAINS = ("curl+sha256sum+sync", "curl+openssl+sync")
"""Where the server is not the limit, curl is held to what we also do: verify, and bring the bytes to the disk."""


@dataclass(frozen=True)
class Course:
    """What is fetched from which server, who runs, and the ratios that we want.

    ``entry`` names the files, ``rate`` is in MB/s (0: no limit), ``latency`` in seconds before each answer. What
    ``decides`` is run even in a hurry.
    """

    entry: str
    rate: float
    latency: float
    peers: tuple[str, ...]
    wanted: Mapping[str, float] = field(default_factory=dict)
    decides: bool = False

    def title(self, assets: Sequence[Asset]) -> str:
        """Say in words what is fetched from where."""
        size = sum(asset.size for asset in assets) / MB
        what = f"{len(assets)} files, {size:,.0f} MB in all" if len(assets) > 1 else f"One file of {size:,.10g} MB"
        rate = f"limited to {self.rate:g} MB/s" if self.rate else "not limited"
        return f"{what}; server {rate}, {self.latency * 1e3:g} ms a request"


COURSES = (
    Course(START, 0, 0, ("curl", "dandi", "pooch")),
    Course(LARGE, FULL_LINE, 0, ("curl", "dandi", "pooch"), {"curl": 0.95}, decides=True),
    Course(LARGE, FULL_LINE, FAR, ("curl", "dandi", "pooch"), {"curl": 0.95}),
    Course(LARGE, 0, 0, (*CHAINS, "dandi", "pooch"), {CHAINS[0]: 0.8}, decides=True),
    Course(LARGE, 0, FAR, (*CHAINS, "dandi", "pooch"), {CHAINS[0]: 0.8}),
    Course("small", 0, 0, ("curl", "dandi", "pooch")),
    Course("small", 0, FAR, ("curl", "dandi", "pooch"), {"dandi": 3.0}, decides=True),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the courses, print a table each; return 1 where a wanted ratio is missed or a contender fails."""
    given = parser().parse_args(arguments)
    courses: Sequence[Course] = COURSES
    if given.quick:
        given.runs = 1
        courses = [replace(course, peers=tuple(course.wanted)) for course in COURSES if course.decides]
    names = [name for name in COMMANDS if name not in given.without]
    problems = [problem for problem in map(missing, names) if problem]
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    print(f"{machine(names)}\nRuns of each: {given.runs}; whole commands, start included; up to {JOBS} files at once.")
    with tempfile.TemporaryDirectory(prefix="neurodata4ml-bench-", dir=given.folder) as folder:
        entries = prepare(Path(folder), given.size)
        try:
            return max(hold(course, entries[course.entry], names, Path(folder), given.runs) for course in courses)
        except FailureError as failure:
            print(failure, file=sys.stderr)
            return 1


def parser() -> argparse.ArgumentParser:
    """Return what can be typed."""
    its = argparse.ArgumentParser(description="neurodata4ml fetch against dandi, pooch and curl, on loopback")
    its.add_argument("--runs", type=int, default=3, help="runs of each contender (default: 3)")
    its.add_argument("--size", type=int, default=1000, metavar="MB", help="of the large file (default: 1000)")
    its.add_argument("--quick", action="store_true", help="one run, and only of what decides: a minute or two")
    its.add_argument("--folder", type=Path, help="where to write (three times the size); default: the system's /tmp")
    peers = [name for name in COMMANDS if name != OURS]
    its.add_argument("--without", action="append", default=[], choices=peers, help="leave out a contender; repeatable")
    return its


def prepare(folder: Path, size: int) -> dict[str, list[Asset]]:
    """Write the archive's files and our catalog into ``folder``; return the assets of each entry."""
    for name in ("catalog", "home"):
        (folder / name).mkdir()
    sizes = {f"start/{START}.nwb": 1000, f"large/{LARGE}.nwb": size * MB}
    sizes |= {f"small/{number:02}.nwb": SMALL for number in range(N_SMALL)}
    assets = fill(folder / "archive", sizes)
    entries: dict[str, list[Asset]] = {}
    for path, asset in assets.items():
        entries.setdefault(path.partition("/")[0], []).append(asset)
    for name, its in entries.items():
        pin(folder / "catalog", name, its)
    return entries


def hold(course: Course, assets: Sequence[Asset], names: Sequence[str], folder: Path, n_runs: int) -> int:
    """Hold one course and print its table; return 1 where a wanted ratio is missed."""
    rows = race(course, assets, names, folder, n_runs)
    print(f"\n{table(course.title(assets), rows)}", flush=True)
    for peer in sorted(course.wanted.keys() - {row.contender for row in rows}):
        print(f"  not judged: {peer} was left out")
    return exit_code(rows)


def race(course: Course, assets: Sequence[Asset], names: Sequence[str], folder: Path, n_runs: int) -> list[Row]:
    """Let all contenders run in turn, each round beginning with another one."""
    who = [name for name in (OURS, *course.peers) if name in names]
    seconds: dict[str, list[float]] = {name: [] for name in who}
    with serving(folder / "archive", course) as root:
        errand = Errand(root, assets, folder / "run", course.entry, folder / "catalog")
        for number in range(n_runs):
            first = number % len(who)
            for name in who[first:] + who[:first]:
                seconds[name].append(run(name, errand))
    n_bytes = sum(asset.size for asset in assets)
    return compare(seconds, ours=OURS, n_bytes=n_bytes, wanted=course.wanted)


def serving(archive: Path, course: Course) -> AbstractContextManager[str]:
    """Serve ``archive`` from a process of its own, as far and as slow as the course wants; give its address."""
    return started(Path(__file__).with_name("server.py"), archive, course.rate, course.latency)


def machine(names: Sequence[str]) -> str:
    """Say on what the numbers were taken, with which peers, and how busy it was with other things."""
    peers = [f"{name} {version(name)}" for name in names if name in (OURS, "dandi", "pooch")]
    what = (time.strftime("%Y-%m-%d"), platform.system(), f"Python {platform.python_version()}", *peers)
    return f"{', '.join(what)}; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start"


if __name__ == "__main__":
    sys.exit(main())
