"""Which sessions an archive has: the paths in its own list, read as the entry says."""

from __future__ import annotations

import re
from collections.abc import Iterable

from neurodata4ml.data.entries.records import Asset, Entry, Listing
from neurodata4ml.errors import ArchiveError, CatalogError


def sessions_among(entry: Entry, listing: Listing, assets: Iterable[Asset]) -> dict[str, Asset]:
    """Return the sessions of an entry by name: those it pins, then those found among the archive's files, by name.

    Raises
    ------
    CatalogError
        When two files are the same session.
    ArchiveError
        When no file fits the pattern and names a session; others are passed over.
    """
    pinned = {asset.path for asset in entry.sessions.values()}
    known = dict(entry.sessions)
    seen = [asset for asset in assets if listing.fits(asset.path) and _session_of(asset.path, listing)]
    for asset in sorted(seen, key=lambda asset: asset.path):
        session = _session_of(asset.path, listing)
        if asset.path in pinned:
            continue
        if session in known:
            message = (
                f"session {session} of {entry.name} is found twice: {known[session].path} and {asset.path}. "
                f"Make listing.session in {entry.file} tell them apart."
            )
            raise CatalogError(message)
        known[session] = asset
    if not seen:
        message = (
            f"no file of {entry.name} in the archive fits listing.path {listing.path!r} and has the session that "
            f"listing.session {listing.session!r} looks for. Correct {entry.file}."
        )
        raise ArchiveError(message)
    return {**entry.sessions, **dict(sorted(known.items()))}


def _session_of(path: str, listing: Listing) -> str:
    """Return the session that a path names; empty where it names none, like a probe's file beside the session's."""
    match = re.search(listing.session, path)
    return str(match[1] or "") if match else ""
