"""The receipt beside a file of the cache: what was verified, when it came in."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurodata4ml.data.cache import disk, parts
from neurodata4ml.data.cache.digests import digests
from neurodata4ml.places import cache_folder

SUFFIX = ".verified.json"

log = logging.getLogger("neurodata4ml")


@dataclass(frozen=True)
class Held:
    """A verified file of the cache.

    ``what`` names the parts that an excerpt holds (empty: the whole file), ``used`` is when it was last asked for,
    in seconds since 1970, ``came`` when it was written.
    """

    path: Path
    dataset: str
    session: str
    version: str
    size: int
    sha256: str
    what: str
    came: float
    used: float

    @property
    def line(self) -> str:
        """What to type to remove it."""
        session = f" --session {self.session}" if self.session else ""
        return f"neurodata4ml cache rm {self.dataset}{session}"


def receipt(path: Path) -> dict[str, Any]:
    """Return what was verified when the file entered the cache (size, sha256, ...); empty if nothing was."""
    try:
        its = json.loads(place(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return its if _is_receipt(its) else {}


def put(path: Path, its: dict[str, Any]) -> None:
    """Write the receipt of ``path``, whole or not at all, onto the disk."""
    draft = parts.own(path, ".json")
    try:
        with open(draft, "x", encoding="utf-8") as file:
            json.dump(its, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        disk.replace(draft, place(path))
    finally:
        draft.unlink(missing_ok=True)


def place(path: Path) -> Path:
    """Return where the receipt of ``path`` lies."""
    return disk.beside(path, SUFFIX)


def touch(path: Path) -> None:
    """Remember that a file of the own cache was used now: the time of its receipt says when."""
    if path.is_relative_to(cache_folder()) and os.access(place(path), os.W_OK):
        with contextlib.suppress(OSError):
            os.utime(place(path))


def holds(path: Path, its: dict[str, Any]) -> bool:
    """Return whether a file is there, readable, and as its receipt ``its`` has it; never where that is empty.

    Its size and time are compared. Where the time differs it is read again, and where it proves the same the new time
    is remembered: in the own cache only, nothing is ever written to a shared one.
    """
    if not (its and path.is_file() and os.access(path, os.R_OK)):
        return False
    try:
        return _is_as_verified(path, its) or _is_still_the_same(path, its)
    except FileNotFoundError:  # another process removed it just now
        return False


def all_held(folder: Path | None = None) -> Iterator[Held]:
    """Yield every verified file below ``folder`` (the whole cache when left out), by path; links are not followed."""
    for where, folders, names in os.walk(folder or cache_folder()):
        folders[:] = disk.datasets(where, folders)
        for name in sorted(names):
            path = Path(where, name.removesuffix(SUFFIX))
            its = receipt(path) if name.endswith(SUFFIX) else {}
            if its and path.is_file():
                yield _held(path, its)


def _is_as_verified(path: Path, its: dict[str, Any]) -> bool:
    """Return whether size and time of a file are those of its receipt."""
    now = path.stat()
    return bool(now.st_size == its["size"] and now.st_mtime_ns == its.get("mtime_ns"))


def _is_still_the_same(path: Path, its: dict[str, Any]) -> bool:
    """Return whether the bytes of a file, read anew, are those of its receipt; if so, remember its time."""
    log.info("%s was touched since it was verified; reading it again", path)
    now = path.stat()  # before it is read: whatever changes after that is noticed
    with open(path, "rb") as file:
        if now.st_size != its["size"] or digests(file)["sha256"] != its["sha256"]:
            return False
    if path.is_relative_to(cache_folder()):
        with contextlib.suppress(OSError):  # it may be read-only for us
            put(path, {**its, "mtime_ns": now.st_mtime_ns})
    return True


def _is_receipt(its: Any) -> bool:
    """Return whether JSON has the form of a receipt: who knows what lies in a cache that is shared."""
    if not isinstance(its, dict):
        return False
    sizes, words = (its, its.get("archive", its)), its.get("what", [])
    return (
        all(isinstance(of, dict) and type(of.get("size")) is int and type(of.get("sha256")) is str for of in sizes)
        and isinstance(words, str | list)
        and all(isinstance(word, str) for word in words)
    )


def _held(path: Path, its: dict[str, Any]) -> Held:
    what = its.get("what", "")
    return Held(
        path=path,
        dataset=str(its.get("dataset", "")),
        session=str(its.get("session", "")),
        version=str(its.get("version", "")),
        size=path.stat().st_size,
        sha256=str(its["sha256"]),
        what=what if isinstance(what, str) else ", ".join(what),
        came=path.stat().st_mtime,
        used=place(path).stat().st_mtime,
    )
