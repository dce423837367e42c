"""Where a session is read from: a whole file of the cache, an excerpt, its server, or what the user names."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from neurodata4ml.data.archives.remote import Remote
from neurodata4ml.data.cache import store
from neurodata4ml.data.cache.known import known
from neurodata4ml.data.entries import catalog
from neurodata4ml.data.entries.records import Entry, Layout
from neurodata4ml.data.excerpts import excerpt
from neurodata4ml.data.excerpts.server import on_server
from neurodata4ml.data.nwb.locate import is_address
from neurodata4ml.errors import LayoutError
from neurodata4ml.names import without_secrets
from neurodata4ml.places import offline


@dataclass(frozen=True)
class Place:
    """A file, how it is laid out (None: not in the catalog), and where it comes from."""

    place: Any
    layout: Layout | None
    attrs: dict[str, Any]


def find_session(name_or_path: str | PathLike[str] | Any, session: str | int | None, trials: str | None) -> Place:
    """Return the file behind a name or a path; a name of the catalog comes before a file of the same name.

    Raises
    ------
    CatalogError, NotCachedError, ArchiveError, ChecksumError, DiskError, LayoutError
        As ``open_session``.
    """
    if not isinstance(name_or_path, str | PathLike):
        return Place(name_or_path, None, {"read_from": str(getattr(name_or_path, "name", "") or "a file object")})
    name = str(name_or_path).strip() if is_address(name_or_path) else str(name_or_path)
    is_entry = isinstance(name_or_path, str) and name in catalog.names()
    if is_entry or not _is_file(name_or_path):
        return _of_entry(catalog.describe(name), session, trials)
    if session is not None:
        message = f"{name} is a file, which is one session; session={session!r} belongs to a dataset's name."
        raise LayoutError(message)
    if is_address(name_or_path):
        return Place(name, None, {"read_from": without_secrets(name)})
    return Place(Path(name), None, {"read_from": str(Path(name).expanduser().absolute())})


def bring(name_or_path: str | PathLike[str] | Any, session: str | int | None, trials: str | None) -> None:
    """Have the file of a session of the catalog here, whole, unless an excerpt is: for work that names its digest."""
    if isinstance(name_or_path, str) and name_or_path in catalog.names():
        entry = known(catalog.describe(name_or_path), session)
        if excerpt.opened(entry, session, trials) is None:
            store.obtain(entry, session)


def proof(etag: str) -> str:
    """Return in words what tells that parts of a file on a server are of the right file: its published ETag, if any."""
    return "yes: " + excerpt.PROVEN if etag else "no: no ETag of the file is published"


def _is_file(name_or_path: str | PathLike[str]) -> bool:
    name = str(name_or_path)
    is_named_so = name.rstrip("/").lower().endswith((".nwb", ".zarr"))
    return (
        not isinstance(name_or_path, str) or is_named_so or is_address(name_or_path) or Path(name).expanduser().exists()
    )


def _of_entry(entry: Entry, session: str | int | None, trials: str | None) -> Place:
    """Return a session of the catalog: whole where it is here, else an excerpt, else the file on its server."""
    catalogs, entry = entry, known(entry, session)
    asset = entry.asset(session)
    said = {
        "dataset": entry.name,
        "version": entry.version,
        "session": entry.session_id(session),
        "asset": asset.path,
        "license": entry.license,
        "citation": entry.citation,
    }
    part = excerpt.opened(entry, session, trials)
    if part is not None:
        path, layout, more = part
        return Place(path, layout, _without_blanks({**said, **more, "read_from": f"an excerpt, {path}"}))
    place: Path | Remote
    if _must_be_whole(entry, session) or store.cached(entry, session) is not None:
        place = store.obtain(entry, session)
        digest = asset.sha256 or str(store.receipt(place).get("sha256", ""))
        more = {"sha256": digest, "read_from": str(place)}
    else:
        place = on_server(catalogs, session)
        more = {
            "source_sha256": place.sha256 if place.etag else "",
            "read_from": without_secrets(place.urls[0]),
            "source": without_secrets(place.urls[0]),
            "proven": proof(place.etag),
        }
    return Place(place, entry.layout, _without_blanks({**said, **more}))


def _must_be_whole(entry: Entry, session: str | int | None) -> bool:
    """Return whether no parts of a session can be had: it is on this machine, in an archive, or nobody may be asked."""
    return entry.archive in excerpt.HERE or bool(entry.asset(session).member) or offline()


def _without_blanks(attrs: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attrs.items() if value}
