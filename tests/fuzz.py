"""Damage files on purpose, and compare what we make of them with what h5py does: each in a process of its own.

``judge(seed files, n, seed)`` makes n mutants and returns a verdict on each. A mutant is read twice, by processes
forked from warm ones, with 2 GB of memory and 20 s: by ours (every object of the file, then the whole tree of
``open_nwb``) and by h5py, or by zarr where it is a store. This file run as a program is such a warm process.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

MEMORY = 2 << 30
SECONDS = 20.0
AT_ONCE = 2
"""Mutants that are read at the same time, each by both."""

THEIR_SECONDS = 5.0
"""libhdf5 may look for ever at what we refuse; then there is nothing to compare with."""

SAME, REFUSED, ALONE = "same values", "our error", "read where h5py crashes or hangs"
BOLD_BUT_RIGHT, BOLD = "read where h5py raises, as before the damage", "read where h5py raises"
DIFFERENT, FOREIGN, OUTSIDE, CRASH, HANG = "DIFFERENT", "FOREIGN exception", "OUTSIDE the file", "CRASH", "HANG"
VERDICTS = (SAME, REFUSED, ALONE, BOLD_BUT_RIGHT, BOLD, DIFFERENT, FOREIGN, OUTSIDE, CRASH, HANG)
"""From the best to the worst."""

FAULTS = frozenset((DIFFERENT, FOREIGN, OUTSIDE, CRASH, HANG))
"""What must never be."""


class Verdict(NamedTuple):
    """What became of one mutant: the worst that was found, and where."""

    mutant: str
    verdict: str
    where: str
    why: str


Told = dict[str, Any]
"""What a process told: entries by path, or by ``path@attribute``; each a digest of values, or an Error."""


class Error(NamedTuple):
    """Why there are no values: the kind of the exception, whether it is one of ours, and its text."""

    kind: str
    is_ours: bool
    text: str


ONLY = "arrays alone"
"""Entry by which a reader says that it looked at nothing else."""


class Reader:
    """A warm process that reads one mutant after the other, each in a fork of itself."""

    def __init__(self, who: str, cache: Path) -> None:
        environment = {**os.environ, "NEURODATA4ML_CACHE": str(cache), "NEURODATA4ML_OFFLINE": "1"}
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), who],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if who == "ours" else subprocess.DEVNULL,  # libhdf5 complains at length
            env=environment,
        )

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.kill()
        self.process.wait()

    def start(self, path: Path, where: str = "") -> None:
        """Begin to read a file, or one entry of it."""
        assert self.process.stdin
        self.process.stdin.write(pickle.dumps((str(path), where)))
        self.process.stdin.flush()

    def told(self) -> Told | str:
        """Return what was told of it, or CRASH or HANG."""
        assert self.process.stdout
        (size,) = struct.unpack("<q", self.process.stdout.read(8))
        told: Told | str = pickle.loads(self.process.stdout.read(size))
        return told


def put(folder: Path, name: str, content: bytes | dict[str, bytes]) -> Path:
    """Write a file, or the files of a store, and return where."""
    if isinstance(content, bytes):
        (folder / f"{name}.nwb").write_bytes(content)
        return folder / f"{name}.nwb"
    store = folder / f"{name}.nwb.zarr"
    shutil.rmtree(store, ignore_errors=True)
    for part, its in content.items():
        (store / part).parent.mkdir(parents=True, exist_ok=True)
        (store / part).write_bytes(its)
    return store


def judge(mutants: Iterable[tuple[str, str, Any]], before: dict[str, Told], folder: Path) -> Iterator[Verdict]:
    """Yield a verdict on each mutant: (source, name, bytes); ``before`` is what h5py told of the sources."""
    waiting, cache = iter(mutants), folder / "cache"
    with ExitStack() as stack:
        pairs = [[stack.enter_context(Reader(who, cache)) for who in ("ours", "theirs")] for _ in range(AT_ONCE)]
        while batch := list(islice(waiting, AT_ONCE)):
            paths = [put(folder, f"mutant{k}", content) for k, (_, _, content) in enumerate(batch)]
            for path, pair in zip(paths, pairs, strict=False):
                for reader in pair:
                    reader.start(path)
            for path, pair, (source, name, _) in zip(paths, pairs, batch, strict=False):
                told = [reader.told() for reader in pair]
                yield _ask_again(compare(name, *told, before[source]), path, told[0], pair[1])


def _ask_again(verdict: Verdict, path: Path, told: Told | str, theirs: Reader) -> Verdict:
    """Return a verdict, a bad one after a second look: libhdf5 remembers what it failed to read before."""
    if verdict.verdict != DIFFERENT or isinstance(told, str):
        return verdict
    theirs.start(path, verdict.where)
    if theirs.told() != {verdict.where: told.get(verdict.where)}:
        return verdict
    return Verdict(verdict.mutant, SAME, verdict.where, "by h5py that reads nothing else")


def read_before(sources: dict[str, Any], folder: Path) -> dict[str, Told]:
    """Return what h5py tells of the sources, each of which it must be able to read."""
    told: dict[str, Told] = {}
    with Reader("theirs", folder / "cache") as theirs:
        for name, content in sources.items():
            theirs.start(put(folder, "source", content))
            found = theirs.told()
            assert isinstance(found, dict)
            assert ONLY in found or not [entry for entry in found.values() if isinstance(entry, Error)], found
            told[name] = found
    return told


def compare(name: str, ours: Told | str, theirs: Told | str, before: Told) -> Verdict:
    """Return the verdict on one mutant, from what was told of it."""
    if isinstance(ours, str):
        return Verdict(name, ours, "", "")
    worst = Verdict(name, SAME, "", "")
    only = theirs.get(ONLY) if isinstance(theirs, dict) else None
    for where in ours:
        if only and not isinstance(ours[where], Error) and (where not in theirs or where == ONLY):
            continue
        verdict, why = _compare(where, ours, theirs, before)
        if VERDICTS.index(verdict) > VERDICTS.index(worst.verdict):
            worst = Verdict(name, verdict, where, why)
    if isinstance(theirs, dict):
        lost = [where for where in theirs if where not in (*ours, ONLY) and not _is_excused(where, ours)]
        if lost and not isinstance(theirs[lost[0]], Error) and worst.verdict not in FAULTS:
            return Verdict(name, DIFFERENT, lost[0], "h5py reads it, and it is not there for us")
    return worst


def _compare(where: str, told: Told, theirs: Told | str, before: Told) -> tuple[str, str]:
    """Return the verdict on one entry of ours, and why."""
    ours = told[where]
    if isinstance(ours, Error):
        if where.startswith("outside"):
            return OUTSIDE, ours.text
        return (REFUSED, ours.text) if ours.is_ours else (FOREIGN, f"{ours.kind}: {ours.text}")
    if where.startswith("tree") or where == "too many":
        return SAME, ""
    if isinstance(theirs, str):
        return ALONE, theirs
    its = theirs.get(where)
    if isinstance(its, Error) and isinstance(before.get(where), Error):
        return SAME, ""  # zarr never reads what hdmf-zarr pickles
    if its == ours or (isinstance(its, Error) and its.kind == "Astray"):
        return SAME, ""
    if its is not None and not isinstance(its, Error):
        return DIFFERENT, f"ours {ours}, h5py's {its}"
    if its is None and not _is_excused(where, theirs):
        return DIFFERENT, f"ours {ours}, and it is not there for h5py"
    if before.get(where) != ours:
        return BOLD, f"{ours}; {its or 'an object above'}"
    is_refused = isinstance(told.get(where.partition("@")[0]), Error)
    return (SAME, "") if is_refused else (BOLD_BUT_RIGHT, f"{ours}; {its or 'an object above'}")


def _is_excused(where: str, told: Told) -> bool:
    """Return whether an error was told of the object or of one above it, or that there are too many."""
    path = where.partition("@")[0]
    if isinstance(told.get(path), Error) or isinstance(told.get(f"{path}@"), Error) or "too many" in told:
        return True
    parent = path.rpartition("/")[0] or "/"
    return path != "/" and _is_excused(parent, told)


# What follows runs in the processes that read.


def serve(who: str) -> None:
    """Obey the standard input: each order is the path of a file to read, and what of it; warm up first."""
    import fuzz_read

    read = fuzz_read.ours if who == "ours" else fuzz_read.theirs
    fuzz_read.warm_up(who)
    while True:
        try:
            order = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        told = _in_a_fork(read, order, SECONDS if who == "ours" else THEIR_SECONDS)
        data = pickle.dumps(told)
        sys.stdout.buffer.write(struct.pack("<q", len(data)) + data)
        sys.stdout.buffer.flush()


def _in_a_fork(read: Any, order: tuple[str, str], seconds: float) -> Told | str:
    """Read a file in a child process with bounds; return what it told, or CRASH or HANG."""
    ours, its = os.pipe()
    child = os.fork()
    if not child:
        _read_and_tell(read, order, its)
    os.close(its)
    data, until = b"", time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 and select.select([ours], [], [], left)[0]:
        piece = os.read(ours, 1 << 20)
        if not piece:
            break
        data += piece
    is_late = time.monotonic() >= until
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.close(ours)
    os.waitpid(child, 0)
    if is_late:
        return HANG
    try:
        told: Told = pickle.loads(data)
    except (EOFError, pickle.UnpicklingError):
        return CRASH
    return told


def _read_and_tell(read: Any, order: tuple[str, str], its: int) -> None:
    """Be the child: never return."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    told: Told = {}
    try:
        read(*order, told)
    except BaseException as error:
        told["/"] = Error(type(error).__name__, False, str(error)[:300])
    with os.fdopen(its, "wb") as pipe:
        pipe.write(pickle.dumps(told))
    os.kill(os.getpid(), signal.SIGKILL)  # no threads to wait for, nothing to tidy up


def table(verdicts: list[Verdict]) -> str:
    """Return how many mutants met with which verdict."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    return "\n".join(f"{counts[name]:7,}  {name}" for name in VERDICTS)


if __name__ == "__main__":
    import fuzz  # the same file, under the name by which its classes are known to whoever is told

    fuzz.serve(sys.argv[1])
