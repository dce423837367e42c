"""One run: a contender does a task in a fresh process and home; what the wire saw is counted, the answer checked."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from read_verdict import Run
from server import started

OURS = "neurodata4ml"
COLD, OPENED, READ = "cold", "opened", "read"
"""What a contender may know of a file: nothing; what it kept of opening it once; or of reading another unit too."""

HERE = Path(__file__).parent
PATIENCE = 60.0
"""Seconds after which a task is given up, and counted as that long."""


class FailureError(Exception):
    """A contender that did not do what it was asked; the sentence says what."""


@dataclass(frozen=True)
class Task:
    """What is asked of everybody: a verb of read_child.py, and the key of the answer in a file's description."""

    verb: str
    key: str

    def asked(self, held: Mapping[str, Any]) -> dict[str, Any]:
        """Return the units, or the ROI, that are wanted of a file."""
        if self.key == "unit":
            return {"units": [held["unit_number"]]}
        if self.key == "tenth":
            return {"units": list(range(0, held["made"]["n_units"], 10))}
        return {"rois": held["rois_asked"]} if self.key == "rois" else {}


LOOK, UNIT, TENTH, ALL = Task("look", "shapes"), Task("spikes", "unit"), Task("spikes", "tenth"), Task("spikes", "all")
VALUES, ROIS = Task("values", "all"), Task("rois", "rois")


@dataclass
class Place:
    """Where all of it happens.

    ``root`` serves the files from afar, ``near`` the same without a wait, ``small`` small ones; ``pythons`` has the
    Python of each environment: ours, and the peers'.
    """

    folder: Path
    small: Path
    root: str
    near: str
    near_small: str
    pythons: Mapping[str, str]
    held: Mapping[str, Any]
    held_small: Mapping[str, Any]
    known: dict[tuple[str, str, str], Path] = field(default_factory=dict)

    def where(self, file: str, remote: bool) -> tuple[str, str]:
        """Return where a file is, and the small one of the same kind."""
        if remote:
            return f"{self.root}/files/{file}", f"{self.near_small}/files/{file}"
        return str(self.folder / file), str(self.small / file)


def run(place: Place, who: str, task: Task, file: str, *, remote: bool, state: str) -> Run:
    """Let a contender do a task in a new process, in the state it is allowed; check its answer.

    Raises
    ------
    FailureError
        When it fails, or its answer is not what h5py read when the file was made.
    """
    prepared = _prepared(place, who, task, file, state) if remote and state != COLD else None
    with _home(place.folder, prepared) as home:
        if remote:
            _log(place.root)
        begun = time.perf_counter()
        done = _child(place, home, who, task, file, remote)
        if done is None:
            return Run(time.perf_counter() - begun, 0.0, 0)
        log = _log(place.root) if remote else []
    _check(who, task, file, done["answer"], place.held[file])
    nodes = [at for at in place.held[file].get("chunk_nodes", ()) if any(_has(entry, at) for entry in log)]
    moved = sum(entry["sent"] for entry in log)
    return Run(done["seconds"], done["imports"], done["memory"], len(log), moved, len(nodes))


def _prepared(place: Place, who: str, task: Task, file: str, state: str) -> Path:
    """Return a home in which a contender has seen the file before; whatever holds its values is taken away."""
    key = (who, file, state)
    if key not in place.known:
        home = place.folder / "homes" / f"{who}-{file}-{state}"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        if who == "lindi":
            small = f"{place.near_small}/files/{file}"
            for near, far in ((f"{place.near}/files/{file}", f"{place.root}/files/{file}"), (small, small)):
                _ask(place, home, [who, "lindi-index", near, "--far", far])
        else:
            _child(place, home, who, LOOK, file, True)
            if state == READ:
                _child(place, home, who, task, file, True, {"units": [1]} if task.verb == "spikes" else None)
        place.known[key] = home
    return place.known[key]


@contextlib.contextmanager
def _home(folder: Path, prepared: Path | None) -> Iterator[Path]:
    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    if prepared:
        shutil.copytree(prepared, home)
    else:
        home.mkdir()
    yield home
    shutil.rmtree(home, ignore_errors=True)


def _child(
    place: Place, home: Path, who: str, task: Task, file: str, remote: bool, asked: dict[str, Any] | None = None
) -> Any:
    where, small = place.where(file, remote)
    asked = task.asked(place.held[file]) if asked is None else asked
    words = [who, task.verb, where, "--asked", json.dumps(asked)]
    words += ["--small", small, "--small-asked", json.dumps(task.asked(place.held_small[file]))]
    return _ask(place, home, words)


def _ask(place: Place, home: Path, words: list[str]) -> Any:
    """Start the child; return what it says, None where it was given up."""
    python = place.pythons[OURS if words[0] == OURS else "peers"]
    command = [python, str(HERE / "read_child.py"), *words]
    kept = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "xdg"), "NEURODATA4ML_CACHE": str(home / "cache")}
    environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", **kept}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        message = f"{words[0]} failed at {words[1]} of {words[2]}\n{done.stderr[-2000:]}"
        raise FailureError(message)
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}


def _check(who: str, task: Task, file: str, answer: Any, held: Mapping[str, Any]) -> None:
    right = held[task.key]
    if task.key == "shapes":
        wrong = [name for name, its in right.items() if not _like(answer.get(name), its)]
        if wrong:
            message = f"{who} opened {file}, but saw otherwise than h5py: {', '.join(wrong)}"
            raise FailureError(message)
    elif answer != right:
        message = f"{who} read other values than h5py: {task.key} of {file}"
        raise FailureError(message)


def _like(seen: Any, right: Any) -> bool:
    """Return whether shape and dtype are the right ones; lazynwb tells no dtype."""
    return seen is not None and seen[0] == right[0] and seen[1] in (right[1], None)


def _has(entry: Mapping[str, Any], at: int) -> bool:
    first = entry.get("first", -1)
    return first >= 0 and first <= at < first + entry["sent"]


def _log(root: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{root}/log") as answer:
        log: list[dict[str, Any]] = json.load(answer)
    return log


def serving(folder: Path, rate: float, latency: float) -> AbstractContextManager[str]:
    """Serve a folder from a process of its own; give its address."""
    return started(HERE / "read_server.py", folder, rate, latency)
