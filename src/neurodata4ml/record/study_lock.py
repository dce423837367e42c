"""The lock of a report: the bytes it was made from, its study, what made it, and a digest of each thing it says.

It is a lock like that of ``neurodata4ml fetch`` (``[[asset]]``), with tables of its own. Time stamps stand here and
nowhere else in a report.
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

from neurodata4ml.errors import CatalogError
from neurodata4ml.lock import SCHEMA, Locked, read_lock
from neurodata4ml.names import safe, without_secrets
from neurodata4ml.places import write_whole
from neurodata4ml.record.digests import Said, content_digests
from neurodata4ml.record.environment import Environment
from neurodata4ml.record.keys import NETWORKS, SESSIONS
from neurodata4ml.record.plain import jsonable

NAME = "study.lock"
THREADS = "BLAS threads"
"""Of the machine, and no cause of anything: studies use one."""
_OWN = "\n[self]\n"


class Made(Said, Protocol):
    """What a lock says of results: besides what they say, where each recording was read from."""

    @property
    def places(self) -> Mapping[str, str]:
        """Return where each recording was read from, by its key."""
        ...


@dataclass(frozen=True)
class LockedFile:
    """A plain file that a report was made from.

    ``path`` leads from the folder of the report, with forward slashes; ``key`` is that of the recording, empty in a
    study of one, or ``networks/0`` for the first network of the study.
    """

    key: str
    path: str
    name: str
    size: int
    sha256: str

    @property
    def network(self) -> int | None:
        """The place among the networks of the study, where it is one."""
        head, _, place = self.key.partition("/")
        return int(place) if head == NETWORKS and place.isdecimal() else None


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
        "asset": _assets(part.data for part in parts.values()),
        "file": [*_files(parts, results.places, folder), *_networks(results, folder)],
        "study": _filled(dict(results.spec)),
        "seeds": seeds_of(results),
        "splits": splits_of(results),
        "software": dict(environment.packages),
        "machine": {**environment.machine(), THREADS: environment.threads},
        "git": {"commit": environment.commit, "dirty": environment.dirty} if environment.commit else {},
        "results": content_digests(results),
        "pages": {name: _sha256(folder / name) for name in _written(folder)},
    }
    text = tomli_w.dumps(_filled(body))
    return write_whole(folder / NAME, f"{text}{_OWN}{_digest_line(text)}")


def read(folder: Path) -> StudyLock:
    """Return what the lock of a report says; whether it is as it was written, ``is_whole`` says.

    Raises
    ------
    CatalogError
        When there is none, or it is no lock that this version reads.
    """
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8")
        raw = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path} cannot be read as the lock of a report: {error}. Write the report again."
        raise CatalogError(message) from error
    assets = tuple(read_lock(path).values())
    try:
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
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{path} is no whole lock of a report: {error} is absent or wrong. Write the report again."
        raise CatalogError(message) from error


def _locked_file(table: dict[str, Any]) -> LockedFile:
    own = LockedFile(**table)
    wrong = [one.name for one in fields(LockedFile) if type(getattr(own, one.name)) is not _TYPES[one.name]]
    if wrong or not _digest(table):
        message = f"{wrong[0] if wrong else 'sha256'} of a [[file]]"
        raise ValueError(message)
    return own


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


def _is_asset(data: Mapping[str, Any]) -> bool:
    return bool(data.get("dataset")) and _digest(data) != "" and int(data.get("size") or 0) > 0


def _digest(data: Mapping[str, Any]) -> str:
    stated = str(data.get("sha256") or "")
    return stated if re.fullmatch(r"[0-9a-f]{64}", stated) else ""


def _assets(parts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the sessions of the catalog, each once, as ``neurodata4ml fetch`` would lock them."""
    found = {}
    for data in filter(_is_asset, parts):
        named = {name: str(data.get(name) or "") for name in ("dataset", "session", "version")}
        path = str(data.get("asset") or data.get("source") or "")
        own = Locked(**named, path=path, size=int(data["size"]), sha256=_digest(data))
        found[own.key] = {name: value for name, value in asdict(own).items() if value or name in _STATED}
    return list(found.values())


_STATED = ("session", "version", "path")
"""What each asset of a lock has, if only an empty text."""


def _files(parts: Mapping[str, Said], places: Mapping[str, str], folder: Path) -> Iterator[dict[str, Any]]:
    for key, data in ((key, part.data) for key, part in parts.items()):
        if _digest(data) and not _is_asset(data):
            place = places.get(key, "")
            name = str(data.get("source") or Path(place).name)
            yield asdict(LockedFile(key, _from(folder, place) or name, name, int(data.get("size") or 0), _digest(data)))


def _networks(results: Made, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the networks that are files, as they are now."""
    for i, name in enumerate(results.spec.get("networks") or ()):
        path = Path(results.places.get(f"{NETWORKS}/{i}") or "")
        if path.is_file():
            own = _from(folder, str(path)), str(name), path.stat().st_size, _sha256(path)
            yield asdict(LockedFile(f"{NETWORKS}/{i}", *own))


def _from(folder: Path, place: str) -> str:
    """Return the way from the report to a file; an address, and a file on another drive, as it is."""
    if not place or "://" in place:
        return without_secrets(place)
    try:
        return Path(os.path.relpath(place, folder.resolve())).as_posix()
    except ValueError:
        return Path(place).as_posix()


def seeds_of(results: Said) -> dict[str, int]:
    """Return the seed of each recording; of a study of one, of ``"study"``."""
    parts = dict(results.sessions) or {"": results}
    return {key or "study": int(part.spec["seed"]) for key, part in parts.items() if "seed" in part.spec}


def splits_of(results: Said) -> dict[str, str]:
    """Return the digest of the indices of all folds, by section."""
    found = {n: str(a.attrs["splits_sha256"]) for n, a in results.arrays.items() if a.attrs.get("splits_sha256")}
    for key, part in results.sessions.items():
        found |= {f"{SESSIONS}/{key}/{name}": digest for name, digest in splits_of(part).items()}
    return found


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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
