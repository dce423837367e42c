"""Excerpts: of a session's remote file only the named parts, as a small NWB file that opens like the whole one."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurodata4ml.data.archives.remote import Remote
from neurodata4ml.data.archives.sources import resolve
from neurodata4ml.data.cache import arrival, disk, parts, receipts, room, store
from neurodata4ml.data.cache.digests import digests
from neurodata4ml.data.cache.known import EXCERPT, known
from neurodata4ml.data.cache.progress import Progress, shown
from neurodata4ml.data.entries.records import Entry, Layout
from neurodata4ml.data.excerpts import selection
from neurodata4ml.data.excerpts.refusals import refuse_lack, refuse_member, refuse_offline
from neurodata4ml.data.excerpts.server import on_server, open_ranges
from neurodata4ml.data.excerpts.words import fingerprint, has_trials, restricted
from neurodata4ml.errors import CatalogError
from neurodata4ml.places import cache_folder, shared_caches
from neurodata4ml.suggest import did_you_mean

PROVEN = "the server's ETag was the published one"

HERE = ("local", "simulated")
"""Archives of which there is always the whole file."""

log = logging.getLogger("neurodata4ml")


def fetch(
    entry: Entry,
    session: str | int | None,
    what: Sequence[str],
    progress: Progress | bool | None = None,
) -> Path:
    """Return the path of a file with the named parts of a session, after fetching those that are not in the cache.

    Only they are moved. Units that do not pass the quality filter are not in an excerpt at all, nor are ragged columns
    beside the spikes. Where the whole file is in the cache it is returned: it has all parts.

    The parts are checked by size and ETag of the file on its server: a whole file's digest proves nothing of its parts,
    so a byte that the server sends wrong is not noticed. Where nobody pinned an ETag, the receipt says "proven": false.

    Parameters
    ----------
    entry : Entry
    session : str or int, optional
        The default one when None.
    what : sequence of str
        Of ``words(entry)``. The entry's default trials come along; so does what an earlier call fetched.
    progress : callable or bool, optional
        Called with (bytes moved, bytes to move).

    Raises
    ------
    CatalogError
        No such part, or the session is a member of a zip or tar archive.
    NotCachedError
        In offline mode, when parts are not in the cache.
    ArchiveError
        The server does not deliver, delivers whole files only, or the file changed meanwhile. Nothing is kept.
    ChecksumError
        The server's file has another ETag than the published one; or the lock pins other bytes than the catalog, and
        no ETag is known by which to tell.
    LayoutError
        The file has no such part, or what it has is damaged.
    """
    catalogs, chosen = entry, _checked(entry, what)
    entry = known(entry, session)
    session = entry.session_id(session)
    whole = store.cached(entry, session)
    if whole is not None or entry.archive in HERE:
        log.info("%s %s: the whole file is here, and has all parts", entry.name, session)
        return whole or store.fetch(entry.name, session, progress=progress)
    refuse_member(entry, session)
    final = disk.beside(store.place(entry, session), EXCERPT)
    held = _held(entry, session)
    if held is None or not _has(held, chosen):
        refuse_offline(entry, session, _words_of(held), chosen)
        with disk.alone(final, f"{entry.name} {session}"):
            held = _held(entry, session)
            if held is None or not _has(held, chosen):  # another process may have been quicker
                remote = on_server(catalogs, session)
                _make(entry.layout, remote, final, _united(_words_of(held), chosen), progress)
                held = final
    receipts.touch(held)
    return held


def measure(entry: Entry, session: str | int | None, what: Sequence[str]) -> int:
    """Return how many bytes ``fetch`` would move: the file is opened, which moves little of it.

    Raises
    ------
    CatalogError, ArchiveError, ChecksumError, LayoutError
        As ``fetch``.
    """
    entry, chosen = known(entry, session), _checked(entry, what)
    session = entry.session_id(session)
    if store.cached(entry, session) or cached(entry, session, what=chosen) or entry.archive in HERE:
        return 0
    refuse_member(entry, session)
    with open_ranges(resolve(entry, session), f"{entry.name} {session}") as ranges:
        return selection.needed(ranges, entry.layout, _united(_words_of(_held(entry, session)), chosen))


def cached(
    entry: Entry, session: str | int | None = None, trials: str | None = None, *, what: Sequence[str] = ()
) -> Path | None:
    """Return the path of a session's excerpt in a cache, None where there is none.

    With ``trials``, it must have these trials of the entry; with ``what``, these parts.
    """
    entry = known(entry, session)
    path = _held(entry, entry.session_id(session))
    if path is None or (trials is not None and not has_trials(entry.layout, _words_of(path), trials)):
        return None
    return path if not what or _has(path, _checked(entry, what)) else None


def words(entry: Entry) -> list[str]:
    """Return what ``fetch`` can be asked for: units, the trials, series and responses of the entry, and images."""
    layout = entry.layout
    units = ["units", "all-units"] if layout.units else []
    images = ["images"] if layout.images or entry.images_from is not None else []
    return list(dict.fromkeys([*units, *layout.trials, *layout.series, *layout.responses, *images]))


def opened(entry: Entry, session: str | int | None, trials: str | None) -> tuple[Path, Layout, dict[str, Any]] | None:
    """Return the excerpt to open where the whole file is not in the cache: its path, its layout, what to say of it.

    None where there is no excerpt, or the whole file is there.

    Raises
    ------
    NotCachedError
        There is one, and it lacks the units, or the trials that are asked for.
    """
    entry = known(entry, session)
    session = entry.session_id(session)
    path = _held(entry, session)
    if path is None or store.cached(entry, session) is not None:
        return None
    has, its = _words_of(path), receipts.receipt(path)
    refuse_lack(entry, session, has, trials, words(entry))
    receipts.touch(path)
    left = [w for w in words(entry) if w not in (*has, "units", "all-units", "images")]
    said = {
        "excerpt": ", ".join(has),
        "not_in_excerpt": "; ".join([*its.get("left_out", []), *left]),
        "moved": int(its.get("moved", 0)),
        "whole": int(its.get("whole", 0)),
        "sha256": str(its["sha256"]),
        "source_sha256": str(its["source_sha256"]) if its.get("proven") else "",
    }
    return path, restricted(entry.layout, has), said


def check_words(entry: Entry, what: Sequence[str]) -> None:
    """Raise a CatalogError, which lists what there is, where a word of ``what`` is no part of the entry, or none is."""
    _checked(entry, what)


def _checked(entry: Entry, what: Sequence[str]) -> list[str]:
    """Return what is asked for in the entry's own words, each once, with the default trials."""
    all_words, default = words(entry), entry.layout.default_trials
    chosen = [word.strip() for word in what if word.strip()]
    chosen = [default if word == "trials" and default and word not in all_words else word for word in chosen]
    listed = ", ".join(all_words)
    for word in chosen:
        if word not in all_words:
            message = f"{entry.name} has no part {word!r}{did_you_mean(word, all_words)} What --what takes: {listed}."
            raise CatalogError(message)
    if not chosen:
        message = f"say which parts of {entry.name}, like --what {','.join(all_words[:1])}. There are: {listed}."
        raise CatalogError(message)
    if not entry.layout.images:  # pictures that lie beside the recordings are in no session's file
        chosen = [word for word in chosen if word != "images"]
    return _united(chosen, [default] if default else [])


def _united(there: Sequence[str], more: Sequence[str]) -> list[str]:
    """Return both together; all units include those that are good."""
    both = list(dict.fromkeys([*there, *more]))
    return [word for word in both if not (word == "units" and "all-units" in both)]


def _held(entry: Entry, session: str) -> Path | None:
    """Return the excerpt of a session in a cache, where source and layout are still those of the entry."""
    pin = entry.asset(session)
    if entry.archive in HERE or pin.member:
        return None
    final = disk.beside(store.place(entry, session), EXCERPT)
    for cache in (cache_folder(), *shared_caches()):
        path = cache / final.relative_to(cache_folder())
        its = receipts.receipt(path)
        same = pin.sha256 in ("", its.get("source_sha256")) and pin.size in (0, its.get("whole"))
        same = same and its.get("layout") == fingerprint(entry.layout, its.get("what", []))
        if same and receipts.holds(path, its):
            return path
    return None


def _words_of(path: Path | None) -> list[str]:
    return [] if path is None else list(receipts.receipt(path).get("what", []))


def _has(path: Path, chosen: Sequence[str]) -> bool:
    has = _words_of(path)
    return all(word in has or (word == "units" and "all-units" in has) for word in chosen)


def _make(layout: Layout, remote: Remote, final: Path, what: list[str], progress: Progress | bool | None) -> None:
    """Fetch the parts into a file of our own, and let it be seen when it is complete and on the disk."""
    label = f"{remote.dataset} {remote.session}"
    parts.sweep(final)
    part = parts.own(final, ".part.nwb")
    try:
        with (
            disk.refuse_trouble(label, keeps=False),
            shown(progress, final.name) as show,
            open_ranges(remote, label) as ranges,
        ):

            def check(n_bytes: int) -> None:
                room.check_room(final.parent, n_bytes, f"the excerpt of {label}")

            left_out = selection.write(ranges, part, layout, what, progress=show, check=check)
            with open(part, "r+b") as file:
                os.fsync(file.fileno())
                found = digests(file)
            its = {
                **arrival.record(remote),
                "note": "parts, read by ranges; " + (PROVEN if remote.etag else "no digest proves them"),
                "proven": bool(remote.etag),
                "what": what,
                "left_out": left_out,
                "layout": fingerprint(layout, what),
                "moved": ranges.moved,
                "whole": ranges.size,
                "etag": ranges.etag,
                "source_sha256": remote.sha256,
            }
            arrival.publish(part, final, {**its, **found})
    finally:
        part.unlink(missing_ok=True)
