"""A session's file on its server, asked for by the rules of whoever reads parts of it."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

from neurodata4ml.data.archives.remote import Remote
from neurodata4ml.data.archives.sources import resolve
from neurodata4ml.data.cache.known import known
from neurodata4ml.data.entries.records import Asset, Entry
from neurodata4ml.data.excerpts.refusals import refuse_member, refuse_unproven
from neurodata4ml.data.remote.ranges import RangeFile
from neurodata4ml.errors import ArchiveError, ChecksumError, NotCachedError


def on_server(catalogs: Entry, session: str | int | None) -> Remote:
    """Return a session's file on its server, to be read in parts: by the rules by which ``fetch`` makes an excerpt.

    Raises
    ------
    CatalogError
        The session is a member of a zip or tar archive.
    NotCachedError, ArchiveError
        As ``fetch``.
    ChecksumError
        The lock pins other bytes than the catalog, and no ETag is known by which to tell; or anybody on the way could
        change them.
    """
    entry = known(catalogs, session)
    session = entry.session_id(session)
    refuse_member(entry, session)
    ours = catalogs.sessions.get(session)
    remote = asked(resolve(entry, session), ours)
    refuse_unproven(entry, session, ours, remote.etag)
    return remote


def asked(remote: Remote, ours: Asset | None) -> Remote:
    """Return the file with the ETag that its archive states, where only a lock says which bytes it has.

    What the catalog pins itself is read without asking; without an ETag, it goes on unproven.
    """
    if remote.sha256 and not remote.etag and remote.afresh is not None and (not ours or ours.sha256 != remote.sha256):
        with contextlib.suppress(ArchiveError, NotCachedError):
            return remote.afresh()
    return remote


def open_ranges(remote: Remote, label: str) -> RangeFile:
    """Open the file on its server; where its addresses lead nowhere, the archive is asked for others."""
    if remote.in_the_clear:
        message = (
            f"parts of {label} have no digest of their own, and {remote.in_the_clear} is not https: anybody on "
            "the way could change them. Fetch the whole file: leave --what out."
        )
        raise ChecksumError(message)
    asked: dict[str, Any] = {"what": label, "size": remote.size, "etag": remote.etag}
    try:
        return RangeFile(remote.urls, reach=remote.reach, **asked)
    except ArchiveError as error:
        moved = remote.elsewhere(error)
        if moved is None:
            raise
        return open_ranges(replace(moved, afresh=None), label)
