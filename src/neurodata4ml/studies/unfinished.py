"""What a study of many recordings has finished, kept on the disk, so that a run that was killed goes on there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neurodata4ml.errors import NeuroDataError
from neurodata4ml.places import write_whole
from neurodata4ml.record.environment import CODE, code
from neurodata4ml.record.files import changed_at, sha256_of, size_of
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec
from neurodata4ml.studies.one import places_of_networks

LOG = "finished.jsonl"
"""One line for each recording that is finished; what is in no whole line is not finished."""


@dataclass(frozen=True)
class Finished:
    """A recording that is done: its key, the digest of its results, its file as it was, and how long it took (s)."""

    key: str
    sha256: str
    place: str
    stamp: tuple[int, int]
    took: float


def folder_beside(report: str | Path) -> Path:
    """Return the folder of what is unfinished of a report: hidden, beside it."""
    report = Path(os.path.abspath(report))
    return report.with_name(f".{report.name}.unfinished")


def fingerprint(spec: Spec, versions: Mapping[str, str]) -> dict[str, Any]:
    """Return what must be equal for kept results to be those of a study: what is asked, and the code that answers.

    Parameters
    ----------
    spec : Spec
        Where its report goes does not count.
    versions : dict of str to str
        Of the packages that make the numbers.
    """
    asked = json.loads(json.dumps({**asdict(spec), "out": None, "origin": ""}, default=str))
    networks = {place: _stamp(place) for place in places_of_networks(spec).values()}
    return {"study": asked, "file of a network": networks, "version": {**versions, CODE: code()}}


class Unfinished:
    """The folder of an unfinished study.

    Parameters
    ----------
    folder : Path
        Made where absent; what it holds of another study, or of other code, is deleted.
    asked : dict
        What :func:`fingerprint` returns.
    """

    def __init__(self, folder: Path, asked: Mapping[str, Any]) -> None:  # noqa: D107
        self.folder = folder
        self.begun_anew = self._why_not(json.loads(json.dumps(asked)))
        if self.begun_anew:
            remove(folder)
        (folder / "sessions").mkdir(parents=True, exist_ok=True)
        write_whole(folder / "study.json", json.dumps(asked, indent=1))

    def finished(self) -> dict[str, Finished]:
        """Return the recordings that are done, by key; where a file is not what it was, all is begun anew."""
        found = {one.key: one for one in self._lines() if self._is_whole(one)}
        changed = [one for one in found.values() if not self._is_same(one)]
        if changed:
            self.begun_anew = f"{Path(changed[0].place).name} is not the file that it was"
            shutil.rmtree(self.folder / "sessions")
            (self.folder / LOG).unlink()
            (self.folder / "sessions").mkdir()
            return {}
        return found

    def keep(self, key: str, text: bytes, place: str, took: float) -> Finished:
        """Keep the results of a recording, as the bytes of their JSON: whole, and onto the disk, or not at all."""
        write_whole(self.path(key), text)
        line = Finished(key, hashlib.sha256(text).hexdigest(), place, _stamp(place), took)
        with (self.folder / LOG).open("ab") as log:
            log.write(b"\n" * self._is_torn() + json.dumps(asdict(line)).encode() + b"\n")
            log.flush()
            os.fsync(log.fileno())
        return line

    def load(self, key: str) -> Results:
        """Return the results of a recording that is done."""
        return Results.load(self.path(key))

    def path(self, key: str) -> Path:
        """Return where the results of a recording lie."""
        return self.folder / "sessions" / f"{key}.json"

    def _why_not(self, asked: dict[str, Any]) -> str:
        """Return why what the folder holds cannot be used; "" where it can, or where it holds nothing."""
        if not (self.folder / LOG).exists():
            return ""
        try:
            held = json.loads((self.folder / "study.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return "what was asked cannot be read"
        for what, now in asked.items():
            before = held.get(what, {})
            for name in [*now, *before]:
                if before.get(name) != now.get(name):
                    return f"{what}: {name} was {before.get(name)!s:.60}, and is {now.get(name)!s:.60}"
        return ""

    def _lines(self) -> Iterator[Finished]:
        log = self.folder / LOG
        for line in log.read_bytes().splitlines() if log.exists() else []:
            with contextlib.suppress(ValueError, TypeError, KeyError):  # a kill tears the last line
                read = json.loads(line)
                yield Finished(**{**read, "stamp": tuple(read["stamp"])})

    def _is_torn(self) -> bool:
        log = self.folder / LOG
        return log.exists() and not log.read_bytes().endswith(b"\n")

    def _is_whole(self, one: Finished) -> bool:
        path = self.path(one.key)
        return path.is_file() and sha256_of(path) == one.sha256

    def _is_same(self, one: Finished) -> bool:
        """Return whether a recording's file is the one that was read: by size and time of change, else by digest."""
        if not one.stamp[0] or _stamp(one.place) == one.stamp:
            return True
        said = str(self.load(one.key).data.get("sha256", ""))
        with contextlib.suppress(OSError):
            return sha256_of(Path(one.place)) == said
        return False


def remove(folder: str | Path) -> None:
    """Delete what is unfinished; what stands there and is no such folder of ours is left."""
    folder = Path(folder)
    if (folder / "study.json").is_file():
        shutil.rmtree(folder)


@contextlib.contextmanager
def alone(folder: str | Path) -> Iterator[None]:
    """Let one process at a time work on a report; the lock goes with the process, and nothing is left beside.

    Parameters
    ----------
    folder : path
        That of the report, or what is unfinished of it.

    Raises
    ------
    NeuroDataError
        When another process of this machine works on it.
    """
    from filelock import FileLock, Timeout

    name = hashlib.sha256(os.path.abspath(folder).encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"neurodata4ml-report-{name}.lock"
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        message = (
            f"another process works on {folder} at this moment; nothing was done. Wait for it, or choose another "
            "folder: --out DIR."
        )
        raise NeuroDataError(message) from error
    try:
        yield
    finally:
        lock.release()


def _stamp(place: str) -> tuple[int, int]:
    """Return size and time of change of a file; zeros of what is no file on this machine."""
    try:
        return size_of(Path(place)), changed_at(Path(place))
    except (OSError, ValueError):
        return 0, 0
