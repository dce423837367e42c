"""Why parts of a session cannot be had, or opened, with the line that helps."""

from __future__ import annotations

from collections.abc import Sequence

from neurodata4ml.data.entries.records import Asset, Entry
from neurodata4ml.data.excerpts.words import lacking, restricted
from neurodata4ml.errors import CatalogError, ChecksumError, NotCachedError
from neurodata4ml.places import offline


def _line(entry: Entry, session: str, what: Sequence[str] = ()) -> str:
    """Return the line that fetches a session, or parts of it."""
    return f"neurodata4ml fetch {entry.name} --session {session}{' --what ' * bool(what)}{','.join(what)}"


def refuse_member(entry: Entry, session: str) -> None:
    """Raise where a session is a member of a zip or tar archive."""
    pin = entry.asset(session)
    if pin.member:
        message = (
            f"{entry.name} {session} is a member of {pin.path}, of which no parts can be had. "
            f"Fetch it whole: {_line(entry, session)}"
        )
        raise CatalogError(message)


def refuse_offline(entry: Entry, session: str, has: Sequence[str], chosen: Sequence[str]) -> None:
    """Raise in offline mode, with the parts that lack."""
    if offline():
        lacking = [word for word in chosen if word not in has]
        message = (
            f"not in the cache: {', '.join(lacking)} of {entry.name} {session}, and NEURODATA4ML_OFFLINE forbids to "
            f"fetch anything. Where there is a network, unset it and type: {_line(entry, session, chosen)}"
        )
        raise NotCachedError(message)


def refuse_lack(entry: Entry, session: str, has: Sequence[str], trials: str | None, all_words: Sequence[str]) -> None:
    """Raise where an excerpt cannot be opened with these trials; ``all_words``: what can be fetched of the entry."""
    lack = lacking(entry.layout, has, trials)
    if not lack:
        return
    others = [name for name in restricted(entry.layout, has).trials if lack in entry.layout.trials]
    choose = f"Open what is there with trials={others[0]!r}, " if others else ""
    more = f"type {_line(entry, session, [*has, lack])}" if lack in all_words else ""
    cure = ", or ".join(filter(None, [more, f"fetch the whole file: {_line(entry, session)}"]))
    message = (
        f"{entry.name} {session}: only an excerpt is in the cache, with {', '.join(has)}, and no {lack}. "
        f"{choose or 'To have them, '}{cure}"
    )
    raise NotCachedError(message)


def refuse_unproven(entry: Entry, session: str, catalogs: Asset | None, etag: str) -> None:
    """Raise where a lock pins other bytes than the catalog, and no ETag tells whose the parts would be."""
    sha256 = entry.asset(session).sha256
    if catalogs is not None and catalogs.sha256 not in ("", sha256) and not etag:
        message = (
            f"the lock of this work pins sha256 {sha256} for {entry.name} {session}, and the catalog has "
            f"{catalogs.sha256}. Of parts of a file nobody could tell whose they are. Fetch the whole file: "
            f"{_line(entry, session)}"
        )
        raise ChecksumError(message)
