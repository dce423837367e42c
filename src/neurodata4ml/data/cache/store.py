"""The cache on disk: fetch a whole file, and let it be seen under its name only when it is verified."""

from __future__ import annotations

import contextlib
import json
import logging
import os
from pathlib import Path
from typing import Any

from neurodata4ml.data.archives.sources import Remote, resolve
from neurodata4ml.data.cache import disk, parts
from neurodata4ml.data.cache.progress import Progress, shown
from neurodata4ml.data.entries.catalog import describe
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.data.remote.transfer import download
from neurodata4ml.errors import CatalogError, ChecksumError, NotCachedError
from neurodata4ml.places import cache_folder, offline

log = logging.getLogger("neurodata4ml")


def fetch(name: str, session: str | int | None = None, *, progress: Progress | bool | None = None) -> Path:
    """Return the path of a session's file, after downloading and verifying it where it is not in the cache.

    The download can be killed at any time: what arrived stays in a file ``....part`` and the next call continues there.
    The file gets its name only after its size and digest are those published. Where the file system has no working
    locks, two processes that fetch the same file may both download it; each verifies what it wrote itself.

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
        When there is no such dataset or session.
    NotCachedError
        In offline mode, when the file is not in the cache.
    ArchiveError
        When the archive does not deliver; what arrived is kept.
    ChecksumError
        When the bytes are not those published; nothing is kept.

    Examples
    --------
    >>> fetch("demo").name
    'demo_seed-0.nwb'
    """
    entry = describe(name)
    session = entry.session_id(session)
    if entry.archive == "local":
        return _check_local(resolve(entry, session))
    there = cached(entry, session)
    if there is not None:
        return there
    final = place(entry, session)
    if offline() and entry.archive in ("dandi", "http") and not _pinned_file(entry, session, final):
        message = (
            f"{name} session {session} is not in the cache ({final}), and NEURODATA4ML_OFFLINE forbids to fetch it. "
            f"Where there is a network, unset it and type: neurodata4ml fetch {name} --session {session}"
        )
        raise NotCachedError(message)
    with disk.alone(final, f"{name} {session}"):
        there = cached(entry, session)  # another process may have been quicker
        if there is not None:
            return there
        if _pinned_file(entry, session, final):
            return final
        remote = resolve(entry, session)
        return _simulate(remote, final) if remote.write else _download(remote, final, progress)


def cached(entry: Entry, session: str | int | None = None) -> Path | None:
    """Return the path of a session's file where it is in the cache, verified as the entry now pins it; else None.

    The digest was computed when the file came in. Here its size and its time of change are compared with those of
    then; where the time differs the digest is computed again. Bytes that rot on the disk, and leave both as they
    were, are not noticed: to read such a file anew from the archive, delete it.

    Raises
    ------
    CatalogError
        When the entry names a file on this machine, and it is not there.
    """
    if entry.archive == "local":
        return resolve(entry, session).file
    pin = entry.asset(session)
    final = place(entry, session)
    its = receipt(final)
    if not (its and final.is_file() and pin.sha256 in ("", its["sha256"])):
        return None
    now = final.stat()
    if now.st_size != its["size"]:
        return None
    return final if now.st_mtime_ns == its.get("mtime_ns") or _still_the_same(final, its) else None


def place(entry: Entry, session: str | int | None = None) -> Path:
    """Return where a session's file lies, or will: ``<cache>/<dataset>/<version>/<path in the dataset>``.

    Raises
    ------
    CatalogError
        When a name in the entry could lead out of the cache, or is not allowed on every system.
    """
    path = entry.asset(session).path
    if entry.archive == "local":
        return entry.file.parent / path
    for part in (entry.version, *path.split("/")):
        if not disk.is_portable(part):
            message = (
                f"{entry.file}: {part!r} (version {entry.version!r}, path {path!r}) cannot be a file's name "
                "everywhere; use a relative path with forward slashes, like 'sub-1/sub-1_ses-2.nwb'."
            )
            raise CatalogError(message)
    return cache_folder().joinpath(entry.name, entry.version, *path.split("/"))


def receipt(path: Path) -> dict[str, Any]:
    """Return what was verified when the file entered the cache (size, sha256, ...); empty if nothing was."""
    try:
        its = json.loads(_receipt_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return its if isinstance(its, dict) and {"size", "sha256"} <= its.keys() else {}


def _download(remote: Remote, final: Path, progress: Progress | bool | None) -> Path:
    what = f"{remote.dataset} {remote.session}"
    part = parts.claim(final, size=remote.size, sha256=remote.sha256, etag=remote.etag)
    try:
        disk.check_room(final.parent, remote.size - part.seek(0, os.SEEK_END), what)
        with shown(progress, remote.name) as show, disk.refuse_when_full(final.parent, what):
            etag, remember = part.etag, part.remember
            download(remote.urls, part, what=what, size=remote.size, etag=etag, remember=remember, progress=show)
            os.fsync(part.fileno())
        digests = disk.digests(part, etag=not remote.sha256)
        _verify(remote, digests, what)
        _write_receipt(final, remote, digests, part.path)
        part.become(final)
    except ChecksumError:
        part.discard()
        raise
    except BaseException:  # Ctrl-C too
        part.release()
        raise
    parts.sweep_all(final)
    return final


def _simulate(remote: Remote, final: Path) -> Path:
    parts.sweep(final)
    part = parts.own(final, ".part.nwb")  # pynwb wants the suffix
    log.info("simulating %s, session %s", remote.dataset, remote.session)
    try:
        assert remote.write is not None
        with disk.refuse_when_full(final.parent, remote.dataset):
            remote.write(part)
        with open(part, "rb") as file:
            digests = disk.digests(file)
        _write_receipt(final, remote, digests, part)
        disk.replace(part, final)
    finally:
        part.unlink(missing_ok=True)
    return final


def _check_local(remote: Remote) -> Path:
    assert remote.file is not None
    if remote.size or remote.sha256:
        with open(remote.file, "rb") as file:
            _verify(remote, disk.digests(file), f"{remote.dataset} {remote.session} ({remote.file})")
    return remote.file


def _pinned_file(entry: Entry, session: str, final: Path) -> bool:
    """Take in a file that somebody copied into the cache by hand, where the entry pins its digest."""
    pin = entry.asset(session)
    if not (pin.sha256 and final.is_file()):
        return False
    with open(final, "rb") as file:
        digests = disk.digests(file)
    if digests["sha256"] != pin.sha256:
        return False
    remote = Remote(entry.name, session, entry.version, pin.path, note="pinned in the catalog")
    _write_receipt(final, remote, digests, final)
    return True


def _still_the_same(final: Path, its: dict[str, Any]) -> bool:
    """Read a file again whose time is not that of its receipt; where it proves the same, remember the new time."""
    log.info("%s was touched since it was verified; reading it again", final)
    with open(final, "rb") as file:
        if disk.digests(file)["sha256"] != its["sha256"]:
            return False
    with contextlib.suppress(OSError):  # a cache that others fill may be read-only for us
        _put_receipt(final, {**its, "mtime_ns": final.stat().st_mtime_ns})
    return True


def _verify(remote: Remote, digests: dict[str, Any], what: str) -> None:
    for name, published in (("size", remote.size), ("sha256", remote.sha256), ("etag", remote.etag)):
        if published and published != digests.get(name, published):  # no etag where there is a sha256
            message = (
                f"{what} arrived with {name} {digests[name]}; published is {published}. "
                "The bytes are not the dataset's, and none were kept. Run the same line again to download them anew."
            )
            raise ChecksumError(message)


def _write_receipt(final: Path, remote: Remote, digests: dict[str, Any], verified: Path) -> None:
    """Write down what was verified, before the file gets its name, so that the name alone is never there."""
    its = {"dataset": remote.dataset, "session": remote.session, "version": remote.version, "note": remote.note}
    _put_receipt(final, {**its, **digests, "mtime_ns": verified.stat().st_mtime_ns})


def _put_receipt(final: Path, its: dict[str, Any]) -> None:
    draft = parts.own(final, ".json")
    draft.write_text(json.dumps(its, indent=1), encoding="utf-8")
    disk.replace(draft, _receipt_path(final))


def _receipt_path(final: Path) -> Path:
    return disk.beside(final, ".verified.json")
