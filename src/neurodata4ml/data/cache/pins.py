"""What the lock of the present work says of a session goes before what the catalog says."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodata4ml.data.archives.remote import FromLock, https
from neurodata4ml.data.entries.records import Asset, Entry
from neurodata4ml.data.remote.addresses import RefusedError, origin
from neurodata4ml.errors import ChecksumError
from neurodata4ml.lock import Locked, place, read_lock


def pinned(entry: Entry, session: str | int | None = None) -> Entry:
    """Return the entry with the locked version and file of a session in place of the catalog's.

    A file that the catalog names on this machine, that is simulated, or that is a member of an archive, is not looked
    for elsewhere because of a lock: of these, :func:`hold` compares the digest.
    """
    session = entry.default_session if session is None else str(session)
    locked = _locked(entry, session)
    own = entry.sessions.get(session)
    if locked is None or entry.archive in ("local", "simulated") or (own and own.member):
        return entry
    kind = Asset if _is_named(entry, locked.url) else FromLock
    asset = kind(
        path=locked.path,
        size=locked.size,
        sha256=locked.sha256,
        asset_id=locked.asset_id,
        url=locked.url,
        note=f"pinned in {place()}",
    )
    if own is not None and own.sha256 == locked.sha256:  # the same bytes, so whatever leads to them holds
        asset = replace(own, path=locked.path, size=locked.size, note=asset.note)
    return replace(entry, version=locked.version, sessions={**entry.sessions, session: asset})


def hold(entry: Entry, session: str, path: Path, digests: Callable[[], dict[str, Any]]) -> None:
    """Raise unless the ``digests`` of the session's file are those of the lock; computed only where there is one.

    Raises
    ------
    ChecksumError
        It says what to delete to go on without the lock.
    """
    locked = _locked(entry, session)
    if locked is None:
        return
    found = digests()
    if (locked.size, locked.sha256) != (found["size"], found["sha256"]):
        message = (
            f"{path} has sha256 {found['sha256']} ({found['size']:,} bytes); {place()} pins {locked.sha256} "
            f"({locked.size:,} bytes) for {entry.name} {session}. {_cure(entry, session)}"
        )
        raise ChecksumError(message)


@contextlib.contextmanager
def blamed(entry: Entry, session: str) -> Iterator[None]:
    """Add to a ``ChecksumError`` that it is the lock's digest that other bytes did not meet, where it is."""
    try:
        yield
    except ChecksumError as error:
        if _locked(entry, session) is None:
            raise
        message = f"{error} The digest asked for is pinned in {place()}. {_cure(entry, session)}"
        raise ChecksumError(message) from error


def _is_named(entry: Entry, url: str) -> bool:
    """Return whether the entry itself, which the user chose, has files at the same server."""
    try:
        return origin(https(url)) in {origin(https(own.url)) for own in entry.sessions.values() if own.url}
    except RefusedError:  # nothing will be asked there
        return False


def _locked(entry: Entry, session: str) -> Locked | None:
    return read_lock(place()).get((entry.name, session))


def _cure(entry: Entry, session: str) -> str:
    return (
        "The work was done with other bytes: bring them back, or go on with the present ones by deleting the [[asset]] "
        f"with dataset = {entry.name!r}, session = {session!r} from that file."
    )
