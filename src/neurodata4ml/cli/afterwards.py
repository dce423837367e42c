"""What ``fetch`` says when all is there: what was moved, how it was checked, and a next step that works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurodata4ml.data.entries.records import Entry
    from neurodata4ml.data.orders.plans import Order

BY_ETAG = "Parts are checked by size and ETag, not by the digest of the whole file."
BY_SIZE = "Parts are checked by size alone: no ETag of the file is pinned, and its digest is that of the whole file."


def afterwards(order: Order, paths: dict[str, Path], lock: Path | None) -> Iterator[str]:
    """Yield the lines; the last one can be typed, and works with what is there."""
    yield from _moved(paths)
    if lock is not None:
        yield f"Which bytes they are is kept in {lock}"
    yield from _next(order, paths)


def _moved(paths: dict[str, Path]) -> Iterator[str]:
    """Yield which bytes were moved where only parts were, and how those were checked."""
    from neurodata4ml.data.cache.receipts import receipt
    from neurodata4ml.data.entries.sizes import readable_bytes

    checked: dict[str, None] = {}
    for session, path in paths.items():
        its = receipt(path)
        if "what" in its and its.get("moved"):
            of = f" of {readable_bytes(its['whole'])}" if its.get("whole") else ""
            yield f"{session}: {readable_bytes(its['moved'])}{of} were moved for {', '.join(its['what'])}."
            checked[BY_ETAG if its.get("proven") else BY_SIZE] = None
    yield from checked


def _next(order: Order, paths: dict[str, Path]) -> Iterator[str]:
    """Yield what to do with the first session; with pictures alone, with those and the default one."""
    from neurodata4ml.data.cache import store

    entry = order.entry
    session = order.items[0].session if order.items else entry.default_session
    path = paths.get(session) or store.cached(entry, session) or _excerpt(entry, session)
    lacking = _line_for_what_lacks(entry, session, path)
    is_default = session == entry.default_session
    opened = f'open_session("{entry.name}")' if is_default else f'open_session("{entry.name}", "{session}")'
    if not order.items:
        if lacking:
            yield f"The recording that belongs to them: {lacking}"
        yield f"Next: in Python: stimulus_images({opened})"
    elif lacking:
        yield f"Next: {lacking}"
    else:
        option = "" if is_default else f" --session {session}"
        yield f"Next: neurodata4ml report {entry.name}{option}   or in Python: {opened}"


def _excerpt(entry: Entry, session: str) -> Path | None:
    from neurodata4ml.data.excerpts import excerpt  # a second of imports, which a whole file does without

    return excerpt.cached(entry, session)


def _line_for_what_lacks(entry: Entry, session: str, path: Path | None) -> str:
    """Return the line that fetches what a session lacks to be opened; empty where it lacks nothing."""
    from neurodata4ml.data.cache.receipts import receipt

    its = {"what": []} if path is None else receipt(path)
    if "what" not in its:
        return ""
    from neurodata4ml.data.excerpts import excerpt, words

    lack = words.lacking(entry.layout, its["what"], None)
    if not lack:
        return ""
    option = "" if session == entry.default_session else f" --session {session}"
    in_parts = lack in excerpt.words(entry) and not entry.asset(session).member
    return f"neurodata4ml fetch {entry.name}{option}{f' --what {lack}' * in_parts}"
