"""The cache on disk: fetch a whole file, and let it be seen under its name only when it is verified."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

from neurodata4ml.data import disk
from neurodata4ml.data.catalog import describe
from neurodata4ml.data.progress import Progress, shown
from neurodata4ml.data.records import Entry
from neurodata4ml.data.sources import Remote, resolve
from neurodata4ml.data.transfer import download
from neurodata4ml.errors import CatalogError, ChecksumError, NotCachedError
from neurodata4ml.places import cache_folder, offline

log = logging.getLogger("neurodata4ml")


def fetch(name: str, session: str | int | None = None, *, progress: Progress | bool | None = None) -> Path:
    """Return the path of a session's file, after downloading and verifying it where it is not in the cache.

    The download can be killed at any time: what arrived stays in a file ``....part`` and the next call continues there.
    The file gets its name only after its size and digest are those published.

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
    there = cached(entry, session)
    if there is not None and entry.archive != "local":
        return there
    final = place(entry, session)
    if offline() and entry.archive in ("dandi", "http") and not _pinned_file(entry, session, final):
        message = (
            f"{name} session {session} is not in the cache ({final}), and NEURODATA4ML_OFFLINE forbids to fetch it. "
            f"Where there is a network, unset it and type: neurodata4ml fetch {name} --session {session}"
        )
        raise NotCachedError(message)
    if entry.archive == "local":
        return _check_local(resolve(entry, session))
    with disk.alone(final, f"{name} {session}"):
        there = cached(entry, session)  # another process may have been quicker
        if there is not None:
            return there
        if _pinned_file(entry, session, final):
            return final
        remote = resolve(entry, session)
        return _simulate(remote, final) if remote.write else _download(remote, final, progress)


def cached(entry: Entry, session: str | int | None = None) -> Path | None:
    """Return the path of a session's file where it is in the cache, verified as the entry now pins it; else None."""
    pin = entry.asset(session)
    final = place(entry, session)
    if entry.archive == "local":
        return final if final.is_file() else None
    its = receipt(final)
    same = its and final.is_file() and final.stat().st_size == its["size"] and pin.sha256 in ("", its["sha256"])
    return final if same else None


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
    part, state = disk.beside(final, ".part"), disk.beside(final, ".part.json")
    etag = _resumable(remote, part, state)

    def remember(etag: str) -> None:
        state.write_text(json.dumps({"size": remote.size, "sha256": remote.sha256, "etag": etag}), encoding="utf-8")

    disk.check_room(final.parent, remote.size - (part.stat().st_size if part.exists() else 0), what)
    try:
        with open(part, "r+b" if part.exists() else "w+b") as file:
            with shown(progress, remote.name) as show, disk.refuse_when_full(final.parent, what):
                download(remote.urls, file, what=what, size=remote.size, etag=etag, remember=remember, progress=show)
                file.flush()
                os.fsync(file.fileno())
            digests = disk.digests(file, etag=not remote.sha256)
        _verify(remote, digests, what)
    except ChecksumError:
        part.unlink(missing_ok=True)
        state.unlink(missing_ok=True)
        raise
    _publish(part, final, remote, digests)
    state.unlink(missing_ok=True)
    return final


def _simulate(remote: Remote, final: Path) -> Path:
    part = final.with_name(f"{final.stem}.{os.getpid()}.part.nwb")  # pynwb wants the suffix
    log.info("simulating %s, session %s", remote.dataset, remote.session)
    try:
        assert remote.write is not None
        with disk.refuse_when_full(final.parent, remote.dataset):
            remote.write(part)
        with open(part, "rb") as file:
            _publish(part, final, remote, disk.digests(file))
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
    if digests["sha256"] == pin.sha256:
        its = {"dataset": entry.name, "session": session, **digests, "note": "pinned in the catalog"}
        _receipt_path(final).write_text(json.dumps(its, indent=1), encoding="utf-8")
    return bool(digests["sha256"] == pin.sha256)


def _resumable(remote: Remote, part: Path, state: Path) -> str:
    """Return the ETag of the part that an earlier call left; remove the part where it is of another file."""
    try:
        left = json.loads(state.read_text(encoding="utf-8"))
        same = (left["size"], left["sha256"]) == (remote.size, remote.sha256)
        if same and (remote.etag in ("", left["etag"]) or not left["etag"]):
            return str(left["etag"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    part.unlink(missing_ok=True)
    state.unlink(missing_ok=True)
    return ""


def _verify(remote: Remote, digests: dict[str, Any], what: str) -> None:
    for name, published in (("size", remote.size), ("sha256", remote.sha256), ("etag", remote.etag)):
        if published and published != digests.get(name, published):  # no etag where there is a sha256
            message = (
                f"{what} arrived with {name} {digests[name]}; published is {published}. "
                "The bytes are not the dataset's, and none were kept. Run the same line again to download them anew."
            )
            raise ChecksumError(message)


def _publish(part: Path, final: Path, remote: Remote, digests: dict[str, Any]) -> None:
    """Give the verified file its name; its receipt goes first, so that the name alone is never there."""
    its = {"dataset": remote.dataset, "session": remote.session, "version": remote.version, "note": remote.note}
    draft = disk.beside(final, f".{os.getpid()}.json")
    draft.write_text(json.dumps({**its, **digests}, indent=1), encoding="utf-8")
    disk.replace(draft, _receipt_path(final))
    disk.replace(part, final)


def _receipt_path(final: Path) -> Path:
    return disk.beside(final, ".verified.json")
