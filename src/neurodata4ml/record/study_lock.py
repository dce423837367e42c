"""The lock of a report: the bytes it was made from, its study, what made it, and a digest of each thing it says.

It is a lock like that of ``neurodata4ml fetch`` (``[[asset]]``), with tables of its own. Time stamps stand here and
nowhere else in a report.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from neurodata4ml.errors import CatalogError, ChecksumError
from neurodata4ml.lock import SCHEMA, Locked, read_lock
from neurodata4ml.names import safe
from neurodata4ml.places import write_whole
from neurodata4ml.record.digests import content_digests
from neurodata4ml.record.environment import Environment
from neurodata4ml.record.files import sha256_of
from neurodata4ml.record.keys import SESSIONS
from neurodata4ml.record.lock_contents import (
    LockedFile,
    Made,
    assets_of,
    digest_in,
    files_of,
    networks_of,
    seeds_of,
    splits_of,
)
from neurodata4ml.record.plain import jsonable

NAME = "study.lock"
THREADS = "BLAS threads"
"""Of the machine, and no cause of anything: studies use one."""
_OWN = "\n[self]\n"


@dataclass(frozen=True)
class StudyLock:
    """What :func:`write` wrote.

    Attributes
    ----------
    assets : tuple of Locked
        Sessions of the catalog.
    files : tuple of LockedFile
        Plain files.
    study : dict
        What was asked, complete.
    seeds : dict of str to int
        By recording, ``"study"`` in a study of one.
    splits : dict of str to str
        Section -> digest of the indices of all its folds.
    environment : dict of str to str
        Versions by package, and Python, platform, BLAS and processor.
    git : dict
        ``commit`` and ``dirty``, or empty.
    results : dict of str to str
        Digests of what the results say, by path; ``"spec"`` and ``"data"`` too.
    pages : dict of str to str
        SHA-256 of each file of the report.
    made, took_s : str, float
        When, in UTC, and in how many seconds; 0 where unknown.
    is_whole : bool
        Whether its own digest is that of its text.
    """

    assets: tuple[Locked, ...]
    files: tuple[LockedFile, ...]
    study: dict[str, Any]
    seeds: dict[str, int]
    splits: dict[str, str]
    environment: dict[str, str]
    git: dict[str, Any]
    results: dict[str, str]
    pages: dict[str, str]
    made: str
    took_s: float
    is_whole: bool = True


def write(results: Made, folder: Path, environment: Environment, made: str, took_s: float = 0.0) -> Path:
    """Write ``study.lock`` into a folder that holds the other files of the report.

    Parameters
    ----------
    results : Results
        As they lie in the folder; their ``places`` say where the recordings lie.
    folder : Path
        That of the report, or a draft beside it: the files that were read are named from there.
    environment : Environment
    made : str
        When, in UTC, ISO 8601.
    took_s : float
        Seconds that the study took; 0 where unknown.
    """
    import tomli_w

    parts = dict(results.sessions) or {"": results}
    body = {
        "schema": SCHEMA,
        "made": made,
        "took_s": round(float(took_s), 1),
        "asset": assets_of(part.data for part in parts.values()),
        "file": [*files_of(parts, results.places, folder), *networks_of(results, folder)],
        "study": _filled(dict(results.spec)),
        "seeds": seeds_of(results),
        "splits": splits_of(results),
        "software": dict(environment.packages),
        "machine": {**environment.machine(), THREADS: environment.threads},
        "git": {"commit": environment.commit, "dirty": environment.dirty} if environment.commit else {},
        "results": content_digests(results),
        "pages": {name: sha256_of(folder / name) for name in _written(folder)},
    }
    text = tomli_w.dumps(_filled(body))
    return write_whole(folder / NAME, f"{text}{_OWN}{_digest_line(text)}")


def read(folder: Path) -> StudyLock:
    """Return what the lock of a report says; whether it is as it was written, ``is_whole`` says.

    Raises
    ------
    ChecksumError
        When it is no whole lock: something was done to it after it was written.
    CatalogError
        When another version of this package wrote it, whose locks this one does not read.
    """
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        message = f"{path} cannot be read as the lock of a report: {error}. {_CURE}"
        raise ChecksumError(message) from error
    _require_schema(path, raw.get("schema"))
    try:
        assets = tuple(read_lock(path).values())
        head, _, own = text.rpartition(_OWN)
        return StudyLock(
            assets=assets,
            files=tuple(map(_locked_file, raw.get("file", []))),
            study=_table(raw, "study", object),
            seeds=_table(raw, "seeds", int),
            splits=_table(raw, "splits", str),
            environment={n: str(v) for n, v in {**raw["software"], **raw["machine"]}.items() if n != THREADS},
            git=_table(raw, "git", object),
            results=_table(raw, "results", str),
            pages=_pages(_table(raw, "pages", str)),
            made=str(raw["made"]),
            took_s=float(raw["took_s"]),
            is_whole=own == _digest_line(head),
        )
    except CatalogError as error:
        raise ChecksumError(str(error)) from error
    except KeyError as error:
        message = f"{path} is no whole lock of a report: it has no {error}. {_CURE}"
        raise ChecksumError(message) from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        message = f"{path} is no whole lock of a report ({error}). {_CURE}"
        raise ChecksumError(message) from error


_CURE = "Take the lock as it was written, or write the report again."


def _require_schema(path: Path, stated: object) -> None:
    family = SCHEMA.rpartition("/")[0]
    if stated != SCHEMA and str(stated).startswith(f"{family}/"):
        message = (
            f"{path} has the schema {stated!r}; this version of neurodata4ml reads {SCHEMA!r}. Verify it with the "
            "version that wrote it."
        )
        raise CatalogError(message)


def _locked_file(table: dict[str, Any]) -> LockedFile:
    own = LockedFile(**table)
    wrong = [one.name for one in fields(LockedFile) if type(getattr(own, one.name)) is not _TYPES[one.name]]
    if wrong or not digest_in(table):
        message = f"{wrong[0] if wrong else 'sha256'} of a [[file]]"
        raise ValueError(message)
    if (
        not own.name or own.name != Path(own.name).name or "\0" in own.name + own.path or len(own.name) > _LONGEST
    ):  # it names a link
        message = f"name {own.name[:80]!r} of a [[file]]"
        raise ValueError(message)
    return own


_LONGEST = 255
"""Characters of a file's name on any system."""

_TYPES = {"key": str, "path": str, "name": str, "size": int, "sha256": str}


def _table(raw: dict[str, Any], name: str, kind: type) -> dict[str, Any]:
    table = dict(raw[name])
    if not all(type(value) is kind or kind is object for value in table.values()):
        message = f"a value of [{name}]"
        raise ValueError(message)
    return table


def _pages(pages: dict[str, str]) -> dict[str, str]:
    """Return the files of a report; none of them lies outside of its folder."""
    for name in pages:
        safe(name, "[pages]")
    return pages


def _digest_line(text: str) -> str:
    return f'sha256 = "{hashlib.sha256(text.encode()).hexdigest()}"\n'


def _unicode(text: str) -> str:
    """Return text that UTF-8 holds: half a character, as names of files may have on Linux, becomes its number."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _filled(value: Any) -> Any:
    """Return a value as TOML has it: without what is null, and numbers that are not finite as they are."""
    if isinstance(value, dict):
        return {_unicode(str(name)): _filled(v) for name, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_filled(v) for v in value if v is not None]
    plain = float(value) if isinstance(value, float) else jsonable(value)
    return _unicode(plain) if isinstance(plain, str) else plain


def _written(folder: Path) -> list[str]:
    """Return the files of a report that are there; somebody's own, which may lie beside them, are none."""
    own = [path for path in (folder / "index.html", folder / "results.json", folder / "results.nc") if path.is_file()]
    return [path.relative_to(folder).as_posix() for path in [*own, *sorted((folder / SESSIONS).glob("*.json"))]]
