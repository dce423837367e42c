"""Which file a session is: as the lock says, else the catalog, else what came in before, else the archive."""

from __future__ import annotations

from dataclasses import replace

from neurodata4ml.data.archives import sources
from neurodata4ml.data.cache import pins, receipts
from neurodata4ml.data.entries.records import Asset, Entry
from neurodata4ml.errors import NotCachedError
from neurodata4ml.places import cache_folder, shared_caches

EXCERPT = ".excerpt.nwb"
"""What the name of an excerpt has after that of the whole file, beside which it lies (see ``excerpt.py``)."""


def known(entry: Entry, session: str | int | None = None) -> Entry:
    """Return the entry with the session's file among its own; the archive is asked only as the last resort.

    Raises
    ------
    CatalogError
        When nobody knows such a session.
    NotCachedError
        In offline mode, when only the archive could know it.
    """
    here = known_here(entry, session)
    if is_known(here, session):
        return here
    try:
        return sources.including(here, session)
    except NotCachedError:
        message = (
            f"session {session} of {entry.name} is not in the cache, and whether there is one is asked of its archive, "
            f"which NEURODATA4ML_OFFLINE forbids. In the catalog are: {', '.join(entry.sessions)}. Where there is a "
            f"network, unset it and type: neurodata4ml fetch {entry.name} --session {session}"
        )
        raise NotCachedError(message) from None


def known_here(entry: Entry, session: str | int | None = None) -> Entry:
    """Return the entry with the session's file among its own where that is known without asking the archive."""
    session = entry.default_session if session is None else str(session)
    entry = pins.pinned(entry, session)
    came = None if is_known(entry, session) else _came_in(entry, session)
    return entry if came is None else replace(entry, sessions={**entry.sessions, session: came})


def is_known(entry: Entry, session: str | int | None = None) -> bool:
    """Return whether the entry knows the session, or the archive has no list in which it could be found."""
    return session is None or str(session) in entry.sessions or entry.listing is None


def _came_in(entry: Entry, session: str) -> Asset | None:
    """Return the file that an earlier fetch found to be this session, where a cache still has it."""
    for cache in (cache_folder(), *shared_caches()):
        folder = cache / entry.name / entry.version
        for held in receipts.all_held(folder):
            path = held.path.relative_to(folder).as_posix()
            if held.session == session and (not held.what or path.endswith(EXCERPT)):
                return Asset(path.removesuffix(EXCERPT), 0 if held.what else held.size)
    return None
