"""How long a study of 30 sessions takes on two cores, in how much memory, with a kill halfway: nothing is repeated.

    python benchmarks/many_sessions.py               # a quarter of an hour; exit code 1 where something is missed
    python benchmarks/many_sessions.py --sessions 3  # a look: seconds are not judged

What is measured, and how to read it: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

WANTED_SECONDS, WANTED_BYTES, WANTED_SESSIONS = 600.0, 4e9, 30
N_CORES = 2

OURS = "from neurodata4ml.cli.main import main; main()"
ENDED = re.compile(r"^session \d+ of \d+: (\S+) (done in|failed)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate the sessions, study them, and judge; return 1 where something wanted is missed."""
    its = argparse.ArgumentParser(description="a study of many sessions, killed halfway")
    its.add_argument("--sessions", type=int, default=WANTED_SESSIONS, metavar="N", help="how many")
    its.add_argument("--workers", type=int, default=N_CORES, metavar="N", help="processes")
    its.add_argument("--folder", type=Path, help="where sessions and report lie; else a folder that is removed")
    given = its.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        (folder / "cache").mkdir(parents=True, exist_ok=True)
        simulated(folder, given.sessions)
        return study(folder, given.sessions, given.workers)


def simulated(folder: Path, n: int) -> None:
    """Write the sessions into the cache, which is not timed."""
    began = time.monotonic()
    code = "import sys; from neurodata4ml import fetch\nfor k in range(int(sys.argv[1])): fetch('demo', k)"
    subprocess.run([sys.executable, "-c", code, str(n)], check=True, env=environment(folder), cwd=folder)
    print(f"{n} sessions simulated in {time.monotonic() - began:.0f} s, not counted", flush=True)


def study(folder: Path, n: int, workers: int) -> int:
    """Study the sessions, killed when half of them are done, and again to the end."""
    with Run(folder, n, workers) as first:
        first.wait_for(n // 2)
        kept = first.killed(folder / ".report.unfinished" / "finished.jsonl")
    print(f"killed after {first.seconds:.0f} s, {len(kept)} of {n} done; {first.gigabytes:.2f} GB", flush=True)
    with Run(folder, n, workers) as second:
        code = second.process.wait()
    repeated = sorted(kept & set(second.ended))
    seconds, most = first.seconds + second.seconds, max(first.most, second.most)
    print(f"went on for {second.seconds:.0f} s, {len(second.ended)} done; {second.gigabytes:.2f} GB")
    print(f"in all {seconds:.0f} s, at most {most / 1e9:.2f} GB in all processes, load {os.getloadavg()[1]:.1f}")
    is_large = n >= WANTED_SESSIONS
    wrong = {
        f"exit code {code}": code != 0,
        f"repeated: {', '.join(repeated)}": bool(repeated),
        f"{len(kept) + len(second.ended)} sessions ended, of {n}": len(kept) + len(second.ended) != n,
        f"more than {WANTED_SECONDS:.0f} s": is_large and seconds > WANTED_SECONDS,
        f"more than {WANTED_BYTES / 1e9:.0f} GB": most > WANTED_BYTES,
        "no page": not (folder / "report" / "index.html").is_file(),
    }
    for what in (what for what, is_so in wrong.items() if is_so):
        print(f"MISSED: {what}")
    return int(any(wrong.values()))


class Run:
    """One run of the command, on ``N_CORES`` cores, with what it says and the memory of all its processes."""

    def __init__(self, folder: Path, n: int, workers: int) -> None:
        """Start it."""
        sessions = [word for k in range(n) for word in ("--sessions", str(k))]
        command = [sys.executable, "-c", OURS, "report", "demo", *sessions, "--workers", str(workers)]
        self.ended: list[str] = []
        self._highest: dict[int, int] = {}
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            [*command, "--out", "report"],
            env=environment(folder),
            cwd=folder,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        os.sched_setaffinity(self.process.pid, sorted(os.sched_getaffinity(0))[:N_CORES])
        self._watchers = [threading.Thread(target=target, daemon=True) for target in (self._listen, self._weigh)]

    def __enter__(self) -> Run:
        """Watch it."""
        for watcher in self._watchers:
            watcher.start()
        return self

    def __exit__(self, *error: object) -> None:
        """End it; what it started ends by itself."""
        self.seconds = time.monotonic() - self._began
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._watchers[0].join(timeout=30)

    @property
    def most(self) -> int:
        """Bytes: the sum of the highest that each of its processes held, which they may not have held at once."""
        return sum(self._highest.values())

    @property
    def gigabytes(self) -> float:
        """The same in GB."""
        return self.most / 1e9

    def wait_for(self, n: int) -> None:
        """Wait until ``n`` sessions are done."""
        while len(self.ended) < n and self.process.poll() is None:
            time.sleep(0.05)

    def killed(self, log: Path) -> set[str]:
        """Kill it, and return the sessions that are done according to the log of what is unfinished."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        return {json.loads(line)["key"] for line in lines if line.endswith("}")}

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            print(f"  {line.rstrip()}", flush=True)
            found = ENDED.match(line)
            if found:
                self.ended.append(found[1])

    def _weigh(self) -> None:
        while self.process.poll() is None:
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    its = (folder / "stat").read_text().rpartition(")")[2].split()
                    if int(its[3]) == self.process.pid:  # of its session: those that it started, and theirs
                        status = (folder / "status").read_text()
                        self._highest[int(folder.name)] = 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])  # type: ignore[index]
                except (OSError, TypeError, IndexError):  # it has ended meanwhile
                    continue
            time.sleep(0.2)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment: a cache of its own, and no lock of the working folder."""
    return {**os.environ, "NEURODATA4ML_CACHE": str(folder / "cache"), "NEURODATA4ML_LOCK": str(folder / "own.lock")}


if __name__ == "__main__":
    sys.exit(main())
