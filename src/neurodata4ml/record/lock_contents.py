"""What a lock says of results besides their digests: which files they came from, their seeds, their splits."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from neurodata4ml.lock import Locked
from neurodata4ml.names import without_secrets
from neurodata4ml.record.digests import Said
from neurodata4ml.record.files import sha256_of, size_of
from neurodata4ml.record.keys import NETWORKS, SESSIONS


class Made(Said, Protocol):
    """What a lock says of results: besides what they say, where each recording was read from."""

    @property
    def places(self) -> Mapping[str, str]:
        """Return where each recording was read from, by its key."""
        ...


@dataclass(frozen=True)
class LockedFile:
    """A plain file, or a Zarr store, that a report was made from.

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


def _is_asset(data: Mapping[str, Any]) -> bool:
    return bool(data.get("dataset")) and digest_in(data) != "" and int(data.get("size") or 0) > 0


def digest_in(data: Mapping[str, Any]) -> str:
    """Return the SHA-256 that is stated of some data; empty where none is, or what is no digest."""
    stated = str(data.get("sha256") or "")
    return stated if re.fullmatch(r"[0-9a-f]{64}", stated) else ""


def assets_of(parts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the sessions of the catalog, each once, as ``neurodata4ml fetch`` would lock them."""
    found = {}
    for data in filter(_is_asset, parts):
        named = {name: str(data.get(name) or "") for name in ("dataset", "session", "version")}
        path = str(data.get("asset") or data.get("source") or "")
        own = Locked(**named, path=path, size=int(data["size"]), sha256=digest_in(data))
        found[own.key] = {name: value for name, value in asdict(own).items() if value or name in _STATED}
    return list(found.values())


_STATED = ("session", "version", "path")
"""What each asset of a lock has, if only an empty text."""


def files_of(parts: Mapping[str, Said], places: Mapping[str, str], folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the recordings that are files, by the key of each."""
    for key, data in ((key, part.data) for key, part in parts.items()):
        if digest_in(data) and not _is_asset(data):
            place = places.get(key, "")
            name = str(data.get("source") or Path(place).name)
            yield asdict(
                LockedFile(key, _from(folder, place) or name, name, int(data.get("size") or 0), digest_in(data))
            )


def networks_of(results: Made, folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the networks that are files, as they are now."""
    for i, name in enumerate(results.spec.get("networks") or ()):
        path = Path(results.places.get(f"{NETWORKS}/{i}") or "")
        if path.is_file():
            own = _from(folder, str(path)), str(name), size_of(path), sha256_of(path)
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
