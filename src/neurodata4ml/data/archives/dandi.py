"""DANDI: pinned files without asking, all others through the archive's own client."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from neurodata4ml.data.archives.asking import ALL_FILES, ONE_FILE, Question
from neurodata4ml.data.archives.remote import Remote, api_address, located, only_reachable, reach_of
from neurodata4ml.data.entries.records import Asset, Entry, Layout
from neurodata4ml.data.remote.addresses import Reach, origin
from neurodata4ml.errors import ArchiveError, CatalogError, NeuroDataError

API = "https://api.dandiarchive.org/api"
"""The public archive; ``NEURODATA4ML_DANDI_API`` names another one, e.g. on loopback."""

HOSTS = ("api.dandiarchive.org", "dandiarchive.s3.amazonaws.com", "dandiarchive.s3.us-east-2.amazonaws.com")
"""Where the archive answers, and where it keeps the bytes."""

log = logging.getLogger("neurodata4ml")


def locate(entry: Entry, session: str) -> Remote:
    """Locate a session's file: by its pinned id, without asking anybody; else by asking for version and path."""
    pin = entry.asset(session)
    urls = _pinned_addresses(pin)
    if not (pin.size and pin.sha256 and urls):
        return _ask(entry, session)
    return located(entry, session, pin, urls=urls, reach=_reach(entry), afresh=lambda: _ask(entry, session))


def at(dandiset: str, version: str, path: str) -> Remote:
    """Locate a file of any dandiset by its path; without a version, in the newest that is published.

    Raises
    ------
    CatalogError
        DANDI has no such dandiset, version or file.
    ArchiveError
        It does not answer, or not to everybody.
    NotCachedError
        In offline mode.
    """
    pin = Asset(path)
    entry = Entry(
        name=f"dandi:{dandiset}",
        archive="dandi",
        version=version,
        default_session=path,
        sessions={path: pin},
        layout=Layout(),
        dandiset=dandiset,
        file=Path("the address"),
        title="",
        summary="",
        license="",
        citation="",
        species="",
        modality="",
        task="",
    )
    return _ask(entry, path, may_be_zarr=True)


def assets(entry: Entry) -> Iterator[Asset]:
    """Yield the files of the entry's version whose path fits its ``listing``; without digests. Zarr is left out."""
    assert entry.listing is not None
    with _dandiset(entry, f"the list of files of {entry.name}", "list of files", ALL_FILES) as dandiset:
        path, query = f"{dandiset.version_api_path}assets/", {"glob": entry.listing.path}
        for record in _pages(dandiset.client, path, query):
            if record.get("blob") is None:
                log.info("%s: %s is a Zarr, which is not read; left out", entry.name, record["path"])
                continue
            path, size = str(record["path"]), int(record["size"])
            yield Asset(path, size, asset_id=str(record["asset_id"]), blob=str(record["blob"]))


def _pinned_addresses(pin: Asset) -> tuple[str, ...]:
    """Return where a pinned file is: the store, then the API, which sends us there; elsewhere the API alone."""
    api = _api()
    urls = [f"{api}/assets/{pin.asset_id}/download/"] if pin.asset_id else []
    if pin.blob and api == API:
        urls.insert(0, f"https://{HOSTS[1]}/blobs/{pin.blob[:3]}/{pin.blob[3:6]}/{pin.blob}")
    return tuple(urls)


def _ask(entry: Entry, session: str, *, may_be_zarr: bool = False) -> Remote:
    """Ask for the asset at the entry's version and path."""
    pin = entry.asset(session)
    what = f"{entry.name} {session}"
    with _dandiset(entry, what, f"file {pin.path}") as dandiset:
        asset = dandiset.get_asset_by_path(pin.path)
        stated = asset.get_raw_metadata()
        is_zarr = "zarr" in stated.get("encodingFormat", "")
        if is_zarr and not may_be_zarr:
            message = f"{pin.path} of {entry.name} is a Zarr, and only HDF5 files are read. Correct {entry.file}."
            raise CatalogError(message)
        digest = stated["digest"]
        now = Asset(
            path=pin.path,
            size=int(stated["contentSize"]),
            sha256=str(digest.get("dandi:sha2-256", "")).lower(),
            etag=str(digest.get("dandi:dandi-etag", "")).lower(),
            asset_id=str(stated["identifier"]),
        )
        addresses = map(str, stated["contentUrl"])
    reach = _reach(entry)
    store_first = [url for url in addresses if not (is_zarr and url.startswith(_api()))]
    store_first.sort(key=lambda url: url.startswith(_api()))
    urls = only_reachable(store_first, _api(), reach, what)
    return located(entry, session, pin, stated=now, urls=urls, reach=reach)


@contextlib.contextmanager
def _dandiset(entry: Entry, what: str, sought: str, seconds: float = ONE_FILE) -> Iterator[Any]:
    """Yield the client's view of the entry's version, in which ``sought`` is looked for; its errors become ours."""
    os.environ.setdefault("DANDI_NO_ET", "1")  # no call home
    from dandi.consts import DandiInstance
    from dandi.dandiapi import DandiAPIClient
    from dandi.exceptions import NotFoundError

    api, where = _api(), f"DANDI {entry.dandiset} version {entry.version or 'newest'}"
    # Naming the instance ourselves spares the client's own search for it, which has no time-out.
    with DandiAPIClient(dandi_instance=DandiInstance(name="neurodata4ml", gui=None, api=api)) as client:
        client.session = _ForClient(what, _reach(entry), seconds)
        try:
            yield client.get_dandiset(entry.dandiset, entry.version or None)
        except _PastClientError as past:
            raise past.error from past.error.__cause__
        except (NotFoundError, _MissingError) as error:
            message = f"{where} has no {sought} (asked: {api}). Correct {entry.file}."
            raise CatalogError(message) from error
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            found = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            message = f"{api} answered for {what} with something else than DANDI's API does ({found})."
            raise ArchiveError(message) from error


class _MissingError(BaseException):
    """Nothing is at the address that was asked."""


class _PastClientError(BaseException):
    """Carries an error of ours past dandi's client, which would print the traceback of any ``Exception``."""

    def __init__(self, error: NeuroDataError) -> None:
        super().__init__(str(error))
        self.error = error


class _ForClient(Question):
    """All of a session that dandi's client knows of: it sees good answers only."""

    def request(self, method: str, url: str, **asked: Any) -> requests.Response:
        try:
            answer = super().request(method, url, **asked)
            if answer.status_code in (404, 410):
                raise _MissingError
            self.refuse(answer)
        except NeuroDataError as error:
            raise _PastClientError(error) from error
        return answer


def _pages(client: Any, path: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what is on all pages, from each ``next`` to the next: ``count`` may be null, so no page can be computed."""
    page, seen = client.get(path, params=query), set()
    while True:
        yield from page["results"]
        after = page["next"]
        if after is None:
            return
        if after in seen or origin(after) != origin(_api()):
            message = f"{_api()} sends from one page of its list to {after}, which is no next page of it."
            raise ArchiveError(message)
        seen.add(after)
        page = client.get(after)


def _reach(entry: Entry) -> Reach:
    return reach_of(entry, HOSTS, (_api(), API))


def _api() -> str:
    return api_address("NEURODATA4ML_DANDI_API", API)
