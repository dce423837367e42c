"""The lock: which bytes a work was done with, as a small TOML file that later runs honour.

One schema and one reader for all locks: that of ``neurodata4ml fetch`` (``neurodata4ml.lock``, beside the work), and
that of a report, which adds tables of its own. A lock is meant to be kept, and shared, with the work.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from neurodata4ml.errors import CatalogError
from neurodata4ml.places import write_whole

SCHEMA = "neurodata4ml/lock/1"
NAME = "neurodata4ml.lock"

PATIENCE = 10.0
"""Seconds to wait for another process that writes into the same lock."""


@dataclass(frozen=True)
class Locked:
    """One file that was used: enough to find the same bytes again, and to know that they are the same.

    ``size`` is in bytes; what the file does not have (a simulated one has no ``url``) is empty.
    """

    dataset: str
    session: str
    version: str
    path: str
    size: int
    sha256: str
    asset_id: str = ""
    url: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Dataset and session: a lock holds one file for each."""
        return self.dataset, self.session


def place() -> Path:
    """Return where the lock of the present work lies: ``NEURODATA4ML_LOCK``, else the working folder."""
    named = os.environ.get("NEURODATA4ML_LOCK")
    return Path(named).expanduser().absolute() if named else Path.cwd() / NAME


def read_lock(path: Path) -> dict[tuple[str, str], Locked]:
    """Return what a lock holds, by dataset and session; empty where there is no such file.

    Raises
    ------
    CatalogError
        When the file is no lock, or one that this version does not read.
    """
    try:
        its = path.stat()
    except OSError:
        return dict(_held(path))
    return dict(_held_once(path, its.st_mtime_ns, its.st_size, its.st_ino))


def write_lock(path: Path, files: Iterable[Locked]) -> Path:
    """Write ``files`` into the lock, whole or not at all; what it holds besides is kept.

    Raises
    ------
    CatalogError
        When the file that is there is no lock: it is left as it is.
    """
    import tomli_w

    with _in_turn(path.parent):
        raw = _raw(path)
        held = {**read_lock(path), **{file.key: file for file in files}}
        assets = [{key: value for key, value in asdict(held[name]).items() if value} for name in sorted(held)]
        return write_whole(path, tomli_w.dumps({**raw, "schema": SCHEMA, "asset": assets}))


@contextlib.contextmanager
def _in_turn(folder: Path) -> Iterator[None]:
    """Let one process at a time add to the lock in a folder; nothing is left beside it.

    Only processes of one machine wait for each other: of two machines that write at once the last one's word stands.
    """
    from filelock import FileLock, Timeout

    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    turn = FileLock(Path(tempfile.gettempdir()) / f"neurodata4ml-{name}.lock", timeout=PATIENCE)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, Timeout, NotImplementedError):
            stack.enter_context(turn)
        yield


@lru_cache(maxsize=4)
def _held_once(path: Path, *version: int) -> dict[tuple[str, str], Locked]:
    """Read each version of a file once: a dataset of hundreds of sessions asks for each of them."""
    return _held(path)


def _held(path: Path) -> dict[tuple[str, str], Locked]:
    held: dict[tuple[str, str], Locked] = {}
    for locked in map(_locked(path), _raw(path).get("asset", [])):
        if locked.key in held:
            message = f"{path} has two [[asset]] of {locked.dataset} {locked.session}. Delete the wrong one."
            raise CatalogError(message)
        held[locked.key] = locked
    return held


def _raw(path: Path) -> dict[str, Any]:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        message = f"{path} cannot be read as a lock: {error}. Correct it, or delete it to make it anew."
        raise CatalogError(message) from error
    if raw.get("schema") != SCHEMA:
        stated = raw.get("schema")
        message = f"{path} has the schema {stated!r}; this version reads {SCHEMA!r}. Delete it to make it anew."
        raise CatalogError(message)
    return raw


def _locked(path: Path) -> Any:
    """Return a function that makes a record of one table of the lock at ``path``."""
    kinds = {field.name: int if field.name == "size" else str for field in fields(Locked)}

    def read(table: Any) -> Locked:
        wanted = ("dataset", "session", "version", "path", "size", "sha256")
        if not isinstance(table, dict) or any(key not in table for key in wanted):
            message = f"{path}: each [[asset]] needs {', '.join(wanted)}; got {table!r}. Delete it and fetch again."
            raise CatalogError(message)
        known = {key: table[key] for key in kinds if key in table}
        wrong = [key for key, value in known.items() if type(value) is not kinds[key]]
        wrong += ["size"] if not wrong and known["size"] < 1 else []
        if wrong or not re.fullmatch(r"[0-9a-f]{64}", known["sha256"]):
            key = wrong[0] if wrong else "sha256"
            message = f"{path}: {key} of {known['dataset']} is {known[key]!r}. Delete the table and fetch again."
            raise CatalogError(message)
        return Locked(**known)

    return read
