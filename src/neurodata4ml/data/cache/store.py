"""The cache on disk: fetch a whole file, and let it be seen under its name only when it is verified."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodata4ml import names
from neurodata4ml.data.archives.remote import Remote, located
from neurodata4ml.data.archives.sources import resolve
from neurodata4ml.data.cache import arrival, disk, pins, receipts
from neurodata4ml.data.cache.digests import digests
from neurodata4ml.data.cache.known import is_known, known, known_here
from neurodata4ml.data.cache.progress import Progress
from neurodata4ml.data.cache.receipts import receipt
from neurodata4ml.data.entries.catalog import describe
from neurodata4ml.data.entries.records import Asset, Entry
from neurodata4ml.errors import NotCachedError
from neurodata4ml.places import cache_folder, offline, shared_caches

__all__ = ["cached", "fetch", "fetch_remote", "obtain", "place", "receipt"]

HERE = ("local", "simulated")
"""Archives that need no network."""

log = logging.getLogger("neurodata4ml")


def fetch(name: str, session: str | int | None = None, *, progress: Progress | bool | None = None) -> Path:
    """Return the path of a session's file, after downloading and verifying it where it is not in the cache.

    The download can be killed at any time: what arrived stays in a file ``....part`` and the next call continues there.
    The file gets its name only after its size and digest are those published: by the lock of the present work
    (``neurodata4ml.lock``), else by the catalog, else by the archive. Where the file system has no working locks, two
    processes that fetch the same file may both download it; each verifies what it wrote itself.

    Parameters
    ----------
    name : str
        A dataset of the catalog.
    session : str or int, optional
        One of its sessions; the default one when left out.
    progress : callable or bool, optional
        Called with (bytes there, bytes in all). False: show nothing. By default a bar where stderr is a terminal.

    Raises
    ------
    CatalogError
        When there is no such dataset or session, or an archive with hostile members.
    NotCachedError
        In offline mode, when the file is not in the cache.
    ArchiveError
        When the archive does not deliver; what arrived is kept.
    ChecksumError
        When the bytes are not those published; nothing is kept.
    DiskError
        When the disk or the cache is full, or the cache is read-only; what arrived is kept.

    Examples
    --------
    >>> fetch("demo").name
    'demo_seed-0.nwb'
    """
    return obtain(describe(name), session, progress)


def obtain(entry: Entry, session: str | int | None = None, progress: Progress | bool | None = None) -> Path:
    """Do what :func:`fetch` does, for an entry that may know more sessions than the catalog has."""
    try:
        entry = known(entry, session)
        session = entry.session_id(session)
        with pins.blamed(entry, session):
            path = cached(entry, session) or _bring(entry, session, progress)
    except NotCachedError as error:
        raise _missing(entry, session) from error
    is_member = bool(entry.asset(session).member)
    if entry.archive == "local" and not is_member:
        _local(resolve(entry, session))
    if entry.archive in HERE or is_member:
        pins.hold(entry, session, path, lambda: receipt(path) or _digests(path))
    receipts.touch(path)
    return path


def fetch_remote(
    remote: Remote,
    final: Path,
    progress: Progress | bool | None = None,
    *,
    check: arrival.Check | None = None,
) -> Path:
    """Return ``final``, a path in the cache, after downloading and verifying ``remote`` where it is not there.

    Parameters
    ----------
    remote : Remote
        Without a digest it is trusted once, over https, and its receipt says so.
    final : Path
        From :func:`names.safe`, below the folder of the cache.
    progress : callable or bool, optional
        As of :func:`fetch`.
    check : callable, optional
        Called with the path of the complete file before it is seen; where it raises an error of ours, nothing is kept.

    Raises
    ------
    NotCachedError, ArchiveError, ChecksumError, DiskError
        As :func:`fetch`.
    """
    what = arrival.called(remote)
    if _is_right(final, remote):
        return final
    if not final.is_file():
        _refuse_offline(what, final)
    with disk.alone(final, what):
        if _is_right(final, remote) or arrival.take_in(remote, final):  # another process may have been quicker
            return final
        _refuse_offline(what, final)
        arrival.receive(remote, final, progress, check)
    return final


def cached(entry: Entry, session: str | int | None = None) -> Path | None:
    """Return the path of a session's file where it is in a cache, verified as the lock or the entry pins it; else None.

    Nobody is asked: a session that only the archive's list knows is not there. The shared caches come after the own
    one, and nothing is ever written there. The digest was computed when the file came in. Here its size and its time
    of change are compared with those of then; where the time differs the digest is computed again. Bytes that rot on
    the disk, and leave both as they were, are found by ``neurodata4ml cache verify``.

    Raises
    ------
    CatalogError
        When the entry names a file on this machine, and it is not there.
    """
    entry = known_here(entry, session)
    if not is_known(entry, session):
        return None
    pin = entry.asset(session)
    if entry.archive == "local" and not pin.member:
        return resolve(entry, session).file
    final = place(entry, session)
    for cache in (cache_folder(), *shared_caches()):
        path = cache / final.relative_to(cache_folder())
        if _is_right(path, pin):
            return path
    return None


def place(entry: Entry, session: str | int | None = None) -> Path:
    """Return where a session's file lies, or will: ``<cache>/<dataset>/<version>/<path in the dataset>``.

    A member of an archive lies beside it, in a folder ``<archive>.members``.

    Raises
    ------
    CatalogError
        When a name in the entry could lead out of the cache, or is not allowed on every system.
    """
    entry = known(entry, session)
    asset = entry.asset(session)
    if entry.archive == "local" and not asset.member:
        return entry.file.parent / asset.path
    path = f"{asset.path}.members/{asset.member}" if asset.member else asset.path
    return cache_folder() / names.safe(f"{entry.name}/{entry.version}/{path}", str(entry.file))


def _bring(entry: Entry, session: str, progress: Progress | bool | None) -> Path:
    """Have a session's file, which is not in the cache, where it belongs."""
    final, is_member = place(entry, session), bool(entry.asset(session).member)
    if entry.archive != "simulated" and not is_member:
        return _whole(entry, session, final, progress)
    archive = _archive(entry, session, progress) if is_member else final
    with disk.alone(final, f"{entry.name} {session}"):
        if _is_right(final, entry.asset(session)):  # another process may have been quicker
            pass
        elif is_member:
            remote = replace(_pinned(entry, session), session=session)
            arrival.take_out(archive, remote, final, receipt(archive) or _digests(archive))
        else:
            arrival.simulate(resolve(entry, session), final)
    return final


def _archive(entry: Entry, session: str, progress: Progress | bool | None) -> Path:
    """Return the verified archive whose member a session is; in the cache it stays for its other members."""
    if entry.archive == "local":
        return _local(resolve(entry, session))
    pin = entry.asset(session)
    relative = names.safe(f"{entry.name}/{entry.version}/{pin.path}", str(entry.file))
    there = (cache / relative for cache in (cache_folder(), *shared_caches()) if _is_right(cache / relative, pin))
    return next(there, None) or _whole(entry, session, cache_folder() / relative, progress)


def _whole(entry: Entry, session: str, final: Path, progress: Progress | bool | None) -> Path:
    """Return the file that an entry names for a session, taken in where somebody copied it here, else fetched."""
    pinned = _pinned(entry, session)
    what = f"{entry.name} {session}"
    if final.is_file() and arrival.published(pinned):
        with disk.alone(final, what):
            if arrival.take_in(pinned, final):
                return final
    _refuse_offline(what, final)
    remote = resolve(entry, session)
    return fetch_remote(replace(remote, session=pinned.session, member=""), final, progress)


def _pinned(entry: Entry, session: str) -> Remote:
    """Return what is known of a file without asking anybody; an archive is of no one session."""
    pin = entry.asset(session)
    return located(entry, "" if pin.member else session, pin)


def _local(remote: Remote) -> Path:
    assert remote.file is not None
    if arrival.published(remote) or remote.size:
        arrival.verify(remote, _digests(remote.file), f"{arrival.called(remote)} ({remote.file})")
    return remote.file


def _digests(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        return digests(file, "md5")


def _is_right(path: Path, pin: Asset | Remote) -> bool:
    """Return whether a file was verified, has not changed since, and is the one that is pinned."""
    its = receipt(path)
    if not its:
        return False
    of = its.get("archive", its)  # a member is pinned by its archive
    named = "sha256" if pin.sha256 else "md5"
    if pin.size not in (0, of["size"]) or getattr(pin, named) not in ("", of.get(named, getattr(pin, named))):
        return False
    return receipts.holds(path, its)


def _refuse_offline(what: str, final: Path) -> None:
    if offline():
        message = f"{what} is not in the cache ({final}), and NEURODATA4ML_OFFLINE forbids to fetch it. Unset it."
        raise NotCachedError(message)


def _missing(entry: Entry, session: str | int | None) -> NotCachedError:
    session = entry.default_session if session is None else str(session)
    where = place(entry, session) if session in entry.sessions else cache_folder() / entry.name
    message = (
        f"{entry.name} session {session} is not in the cache ({where}), and NEURODATA4ML_OFFLINE forbids to fetch it. "
        f"Where there is a network, unset it and type: neurodata4ml fetch {entry.name} --session {session}"
    )
    return NotCachedError(message)
