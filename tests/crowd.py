"""Processes that fetch, many and at once, forked from a warm one; some are killed at their n-th write, all on demand.

``Crowd`` starts this file as a program, which imports the package once and then forks a process for each job it is
given: 50 of them take as long as one interpreter takes to start. Nothing in the package knows of it::

    with Crowd() as crowd:
        (told,) = crowd.run({"name": "demo"})                # told["path"], or told["error"] and told["kind"]
        (told,) = crowd.run({"name": "demo", "kill_at": 7})  # told["killed"]: SIGKILL at its 7th write point
        told = crowd.run(*[{"name": "demo", "unlocked": True}] * 8)    # 8 at once, with an flock that says yes to all

Write points are all moments before and after something changes on the disk below the cache: a file opened for writing,
each write (and its middle), fsync, truncate, rename, unlink, mkdir, utime, chmod.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

AUDITED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.utime", "os.chmod", "os.truncate"}


class Crowd:
    """The warm process, from the outside."""

    def __enter__(self) -> Crowd:
        command = [sys.executable, str(Path(__file__).resolve())]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *exception: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def run(self, *jobs: dict[str, Any]) -> list[dict[str, Any]]:
        """Run the jobs at once, in the present environment; return what each told when it ended."""
        self.start(*jobs)
        return self.told()

    def start(self, *jobs: dict[str, Any]) -> None:
        """Start the jobs, and do not wait."""
        assert self.process.stdin is not None
        environment = {key: value for key, value in os.environ.items() if key.startswith("NEURODATA4ML")}
        print(json.dumps([{"environment": environment, **job} for job in jobs]), file=self.process.stdin, flush=True)

    def told(self) -> list[dict[str, Any]]:
        """Wait for what was started."""
        assert self.process.stdout is not None
        answers: list[dict[str, Any]] = json.loads(self.process.stdout.readline())
        return answers


def serve() -> None:
    """Obey the standard input: each line is a list of jobs."""
    import filelock  # noqa: F401  (what a fetch imports, imported once for all)
    import requests  # noqa: F401
    import rich.progress  # noqa: F401

    import neurodata4ml.data.archives.dandi
    import neurodata4ml.data.cache.store  # noqa: F401

    for line in sys.stdin:
        children = [fork(job) for job in json.loads(line)]
        print(json.dumps([wait(*child) for child in children]), flush=True)


def fork(job: dict[str, Any]) -> tuple[int, int]:
    """Start one job in a process of its own; return it, and where it will tell what became of it."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child:
        os.close(theirs)
        return child, ours
    try:
        told = work(job)
    except BaseException as error:
        told = {"error": str(error), "kind": type(error).__name__, "exit_code": getattr(error, "exit_code", -1)}
    with contextlib.suppress(OSError):
        os.write(theirs, json.dumps(told).encode())
    os._exit(0)


def wait(child: int, ours: int) -> dict[str, Any]:
    """Return what a process told, and whether it was killed."""
    with open(ours, "rb") as pipe:
        said = pipe.read()
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return {"killed": killed, **(json.loads(said) if said else {})}


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job: fetch, or watch."""
    os.environ.update(job["environment"])
    if "watch" in job:
        return {"seen": watch(Path(job["watch"]), Path(job["until"]))}
    from neurodata4ml.data.cache import store
    from neurodata4ml.data.remote import transfer

    transfer.CHUNK = job.get("chunk", transfer.CHUNK)
    if job.get("unlocked"):
        import fcntl

        fcntl.flock = lambda *_: None  # type: ignore[assignment]
    if "largest_file" in job:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"],) * 2)
    if job.get("powerless"):
        lose_power()
    if "disk_of" in job:
        return fill_and_go_on(job)
    points = Points(job["kill_at"]) if "kill_at" in job else None
    path = store.fetch(job["name"], job.get("session"), progress=False)
    return {"path": str(path), "points": points.passed if points else 0}


def watch(final: Path, until: Path) -> list[str]:
    """Look at a file again and again until another one appears; return the digests of all that was ever seen."""
    seen: dict[str, None] = {}
    is_last = False
    while not is_last:
        is_last = until.exists()  # asked before looking: what is there at the end is seen for certain
        with contextlib.suppress(FileNotFoundError):
            seen[hashlib.sha256(final.read_bytes()).hexdigest()] = None
        time.sleep(0.0005)
    return list(seen)


def fill_and_go_on(job: dict[str, Any]) -> dict[str, Any]:
    """Fetch onto a disk of so many bytes that only we see, until it is full; then make it larger and fetch again."""
    from neurodata4ml.data.cache import parts, room, store
    from neurodata4ml.errors import NeuroDataError

    small_disk(Path(os.environ["NEURODATA4ML_CACHE"]), job["disk_of"])
    room.SPARE = -(1 << 40)  # as if somebody else had filled it after we looked
    told: dict[str, Any] = {"full": "", "arrived": 0}
    try:
        store.fetch(job["name"], progress=False)
    except NeuroDataError as error:
        told["full"], told["exit_code"] = str(error), error.exit_code
    told["visible"] = Path(job["final"]).exists()
    told["arrived"] = parts.arrived(Path(job["final"]))
    small_disk(Path(os.environ["NEURODATA4ML_CACHE"]), 50 << 20, remount=True)
    path = store.fetch(job["name"], progress=False)
    return {**told, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def small_disk(folder: Path, size: int, *, remount: bool = False) -> None:
    """Mount a file system in memory, of so many bytes, for this process alone (Linux, and only root may)."""
    import ctypes

    new_namespace, is_remount, private = 0x20000, 32, (1 << 14) | (1 << 18)
    libc = ctypes.CDLL(None, use_errno=True)
    if not remount:
        folder.mkdir(exist_ok=True)
        if libc.unshare(new_namespace) or libc.mount(b"none", b"/", None, private, None):
            raise OSError(ctypes.get_errno(), "unshare")
    if libc.mount(b"tmpfs", bytes(folder), b"tmpfs", is_remount if remount else 0, f"size={size}".encode()):
        raise OSError(ctypes.get_errno(), "mount")


def lose_power() -> None:
    """Make root an ordinary user, to whom a folder can be closed: drop all its capabilities (Linux)."""
    import ctypes

    version_3 = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if ctypes.CDLL(None).capset(version_3, (ctypes.c_uint32 * 6)()) != 0:
        raise OSError("capset")


class Points:
    """Counts the write points of this process below the cache, and ends it at the one where it shall die (0: none)."""

    def __init__(self, kill_at: int) -> None:
        from neurodata4ml.data.cache.parts import Part

        self.kill_at, self.passed, self.inside = kill_at, 0, os.environ["NEURODATA4ML_CACHE"]
        self.around(os, "fsync")
        self.around(Part, "truncate")
        for module, name in ((os, "rename"), (os, "replace"), (os, "utime"), ("builtins", "open"), ("io", "open")):
            self.after(sys.modules[module] if isinstance(module, str) else module, name)
        write = Part.write

        def in_two(part: Part, data: Any) -> int:
            self.passes()
            written = write(part, data[: len(data) // 2])
            self.passes()
            written += write(part, data[len(data) // 2 :])
            self.passes()
            return written

        Part.write = in_two  # type: ignore[method-assign]
        sys.addaudithook(self.hear)

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Pass a point where something on the disk is about to change."""
        if event not in AUDITED or not str(arguments[0]).startswith(self.inside):
            return
        reads_only = event == "open" and not (
            isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if not reads_only:
            self.passes()

    def around(self, owner: Any, name: str) -> None:
        """Pass a point before and after each call."""
        function = getattr(owner, name)

        def called(*arguments: Any, **named: Any) -> Any:
            self.passes()
            result = function(*arguments, **named)
            self.passes()
            return result

        setattr(owner, name, called)

    def after(self, owner: Any, name: str) -> None:
        """Pass a point after each call that concerns the cache."""
        function = getattr(owner, name)

        def called(path: Any, *arguments: Any, **named: Any) -> Any:
            result = function(path, *arguments, **named)
            if str(path).startswith(self.inside):
                self.passes()
            return result

        setattr(owner, name, called)

    def passes(self) -> None:
        """Pass one point; die where it is the one."""
        self.passed += 1
        if self.passed == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    serve()
