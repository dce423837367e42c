"""Bring one file into the cache: written under a name of its own, verified, and only then seen under its name."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neurodata4ml.data.archives.remote import Remote
from neurodata4ml.data.cache import disk, parts, receipts, room, unpack
from neurodata4ml.data.cache.digests import digests
from neurodata4ml.data.cache.progress import Progress, shown
from neurodata4ml.data.remote.transfer import Before, download
from neurodata4ml.errors import ArchiveError, ChecksumError, NeuroDataError
from neurodata4ml.names import without_secrets

ON_TRUST = "no digest published: trusted on first use"

Check = Callable[[Path], None]
"""Looks at a complete file before it is seen, and raises an error of ours where it must not be."""

log = logging.getLogger("neurodata4ml")


def receive(
    remote: Remote,
    final: Path,
    progress: Progress | bool | None = None,
    check: Check | None = None,
    *,
    is_second: bool = False,
) -> None:
    """Download a file, continued where an earlier try ended, and publish it as ``final``.

    Bytes that were continued and prove wrong may be of two files: they are dropped and all is asked for anew, once
    where they came in this call (``is_second``: that was done).

    Raises
    ------
    ArchiveError
        When the archive does not deliver; what arrived is kept.
    ChecksumError
        When the bytes are not those published, or nothing would show that they are not; nothing is kept.
    DiskError
        When the disk or the cache is full; what arrived is kept.
    """
    what = called(remote)
    kind = published(remote)
    if not kind:
        _refuse_blind_trust(remote, what)
    digest, header = (getattr(remote, kind), "") if kind else ("", remote.etag)
    with disk.refuse_trouble(what):
        wanted = {"session": remote.session, "size": remote.size, "digest": digest}
        part = parts.claim(final, wanted, etag=header, also=(kind,))
        try:
            remote = _fill(part, remote, what, progress)
            found = part.finish()
            verify(remote, found, what, part.etag)
            if check is not None:
                _look(check, part)
            part.close()
            part.check()
            publish(part.path, final, {**record(remote), "etag": part.etag or remote.etag, **found})
        except ChecksumError as error:
            part.discard()
            if not part.was_left and (is_second or not part.is_joined):
                raise
            log.info("%s It was continued with other bytes than it began with; asking for all of them.", error)
            receive(remote, final, progress, check, is_second=is_second or not part.was_left)
            return
        except BaseException:  # Ctrl-C too
            part.release()
            raise
        part.discard()
    parts.sweep(final)


def simulate(remote: Remote, final: Path) -> None:
    """Have a simulated file written and publish it as ``final``."""
    assert remote.write is not None
    parts.sweep(final)
    part = parts.own(final, ".part.nwb")  # pynwb wants the suffix
    log.info("simulating %s, session %s", remote.dataset, remote.session)
    try:
        with disk.refuse_trouble(remote.dataset, keeps=False):
            remote.write(part)
            with open(part, "r+b") as file:
                os.fsync(file.fileno())
                found = digests(file)
            publish(part, final, {**record(remote), **found})
    finally:
        part.unlink(missing_ok=True)


def take_out(archive: Path, remote: Remote, final: Path, its: dict[str, Any]) -> None:
    """Take the member of a verified archive, whose receipt or digests are ``its``, and publish it as ``final``."""
    parts.sweep(final)
    part = parts.own(final, ".part")
    what = called(remote)
    try:
        with disk.refuse_trouble(what, keeps=False), unpack.member(archive, remote.member) as (size, source):
            room.check_room(final.parent, size, what)
            with open(part, "xb") as target:
                found = unpack.copy(source, target, size, f"{archive.name}: {remote.member}")
            of = {key: its[key] for key in ("size", "sha256", "md5", "etag") if key in its}
            its = {**record(remote), "note": its.get("note", ""), "archive": {"path": remote.path, **of}, **found}
            publish(part, final, its)
    finally:
        part.unlink(missing_ok=True)


def publish(source: Path, final: Path, its: dict[str, Any]) -> None:
    """Give a complete, verified file its final name; its receipt comes first, so that the name alone is never there.

    Between the two an older file may still bear the name. Its time is then not that of the receipt, so that nobody
    takes it for the new one: the nanoseconds of the time are the digest's own.
    """
    second = time.time_ns() // 10**9 * 10**9
    time_ns = second + int(its["sha256"][:8], 16) % 10**9
    os.utime(source, ns=(time_ns, time_ns))
    receipts.put(final, {**its, "mtime_ns": source.stat().st_mtime_ns})
    parts.forget(source)
    disk.replace(source, final)


def take_in(remote: Remote, final: Path) -> bool:
    """Take in a file that somebody copied into the cache by hand, where its digest is published and proves it."""
    kind = published(remote)
    if not (kind and final.is_file()):
        return False
    time_ns = final.stat().st_mtime_ns  # before it is read: whatever changes after that is noticed
    with open(final, "rb") as file:
        found = digests(file, kind)
    if found[kind] != getattr(remote, kind):
        return False
    receipts.put(final, {**record(remote), **found, "mtime_ns": time_ns})
    return True


def verify(remote: Remote, found: dict[str, Any], what: str, etag: str = "") -> None:
    """Raise unless the digests ``found`` are those published, and something is published at all.

    Where no digest is, the size or the server's strong ``etag`` must show at least that the file is whole.

    Raises
    ------
    ChecksumError
    """
    kind = published(remote)
    found = found if kind else {**found, "etag": etag}
    for name in ("size", kind or "etag"):
        stated = getattr(remote, name)
        if stated and stated != found[name]:
            message = (
                f"{what} arrived with {name} {found[name]}; published is {stated}. "
                "The bytes are not the dataset's, and none were kept. Run the same line again to download them anew."
            )
            raise ChecksumError(message)
    if not (kind or remote.size or etag):
        message = f"{what} came without a digest, a size or an ETag: nothing shows that it is whole; it is not kept."
        raise ChecksumError(message)


def called(remote: Remote) -> str:
    """Return what a file is called in messages; an archive with many sessions is of none."""
    return f"{remote.dataset} {remote.session or remote.name}"


def published(remote: Remote) -> str:
    """Return which digest of a file is published, the best one: sha256, DANDI's etag, md5; empty if none is."""
    if remote.sha256:
        return "sha256"
    if remote.asset_id and re.fullmatch(r"[0-9a-f]{32}-\d+", remote.etag):  # any other ETag is only a server's word
        return "etag"
    return "md5" if remote.md5 else ""


def record(remote: Remote) -> dict[str, Any]:
    """Return what a receipt says of where a file came from; no address with a signature is written down."""
    return {
        "dataset": remote.dataset,
        "session": remote.session,
        "version": remote.version,
        "path": remote.path,
        "note": remote.note if published(remote) or remote.write else ON_TRUST,
        "url": without_secrets(remote.urls[0]) if remote.urls else "",
        "asset_id": remote.asset_id,
        "etag": remote.etag,
    }


def _fill(part: parts.Part, remote: Remote, what: str, progress: Progress | bool | None) -> Remote:
    """Download what the part lacks; return the remote it came from, which is another where the archive moved it."""
    room.check_room(part.final.parent, max(0, remote.size - part.seek(0, os.SEEK_END)), what)
    expected = remote.size
    with shown(progress, remote.name) as show:

        def tell(have: int, size: int) -> None:
            nonlocal expected
            part.sign()
            if size > expected:  # the server is the first to say how large it is
                expected = size
                room.check_room(part.final.parent, size - have, what)
            if show is not None:
                show(have, size)

        def ask(where: Remote) -> None:
            join = part.join if published(where) else None  # the digest tells whether the bytes are of one file
            before = Before(part.etag, part.remember, join)
            download(where.urls, part, what=what, size=where.size, before=before, reach=where.reach, progress=tell)

        try:
            ask(remote)
        except ArchiveError as error:
            moved = remote.elsewhere(error)
            if moved is None:
                raise
            log.info("%s: %s; the archive was asked where it is now", what, error)
            remote = moved
            ask(remote)
    return remote


def _look(check: Check, part: parts.Part) -> None:
    try:
        check(part.path)
    except NeuroDataError:
        part.discard()
        raise


def _refuse_blind_trust(remote: Remote, what: str) -> None:
    """Raise where bytes without a digest would come over a line on which anybody could change them."""
    if remote.in_the_clear:
        message = (
            f"no digest is published for {what}, and {remote.in_the_clear} is not https: anybody on the way "
            "could change it. Use an https address, or state the sha256."
        )
        raise ChecksumError(message)
