"""Records with a DOI, at Zenodo and OSF: their lists of files."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from neurodata4ml.data.archives.asking import ALL_FILES, Question
from neurodata4ml.data.archives.remote import (
    Remote,
    api_address,
    by_path,
    https,
    located,
    only_reachable,
    reach_of,
)
from neurodata4ml.data.entries.records import Asset, Entry
from neurodata4ml.data.remote.addresses import origin
from neurodata4ml.errors import ArchiveError, CatalogError

ZENODO = "https://zenodo.org/api"
"""Zenodo's API; ``NEURODATA4ML_ZENODO_API`` names another one."""

OSF = "https://api.osf.io/v2"
"""OSF's API; ``NEURODATA4ML_OSF_API`` names another one."""

ZENODO_HOSTS = ("zenodo.org", "*.zenodo.org")
OSF_HOSTS = ("osf.io", "*.osf.io", "storage.googleapis.com")
"""Where the archives answer, and where they keep the bytes."""


def zenodo(entry: Entry, session: str) -> Remote:
    """Locate a session's file in a record of Zenodo, which states the md5 of every file."""
    record, pin, api = _zenodo_record(entry), entry.asset(session), _zenodo_api()
    reach = reach_of(entry, ZENODO_HOSTS, (api, ZENODO))
    address = https(pin.url) or f"{api}/records/{record}/files/{quote(pin.path, safe='')}/content"

    def ask() -> Remote:
        stated = by_path(zenodo_files(entry), pin.path, entry, f"Zenodo's record {record}")
        urls = only_reachable([stated.url], api, reach, f"{entry.name} {session}")
        return located(entry, session, pin, stated=stated, urls=urls, reach=reach)

    if pin.size and (pin.sha256 or pin.md5):
        return located(entry, session, pin, urls=(address,), reach=reach, afresh=ask)
    return ask()


def osf(entry: Entry, session: str) -> Remote:
    """Locate a session's file in the storage of an OSF project, which states md5 and sha256 of every file."""
    node, pin, api = _osf_node(entry), entry.asset(session), _osf_api()
    reach = reach_of(entry, OSF_HOSTS, (api, OSF))

    def ask() -> Remote:
        stated = by_path(osf_files(entry), pin.path, entry, f"OSF's project {node}")
        urls = only_reachable([stated.url], api, reach, f"{entry.name} {session}")
        return located(entry, session, pin, stated=stated, urls=urls, reach=reach)

    if pin.size and (pin.sha256 or pin.md5) and pin.url:
        return located(entry, session, pin, urls=(https(pin.url),), reach=reach, afresh=ask)
    return ask()


def zenodo_files(entry: Entry) -> Iterator[Asset]:
    """Yield the files of the entry's record: ``files`` of ``/records/<id>``."""
    record, api = _zenodo_record(entry), _zenodo_api()
    reach = reach_of(entry, ZENODO_HOSTS, (api, ZENODO))
    what = f"the list of files of {entry.name}"
    with Question(what, reach) as question:
        told = question.json(f"{api}/records/{record}")
    with _as_documented(api, what):
        if not told.get("files"):
            access = told.get("metadata", {}).get("access_right", "not stated")
            message = (
                f"Zenodo's record {record} lists no files (access: {access}). It is embargoed or restricted, or holds "
                f"none; neurodata4ml fetches what is open to everybody. See {entry.file}."
            )
            raise ArchiveError(message)
        for file in told["files"]:
            kind, _, digest = file["checksum"].rpartition(":")
            url, asset_id = str(file["links"]["self"]), str(file.get("id", ""))
            md5 = digest.lower() if kind == "md5" else ""
            yield Asset(str(file["key"]), int(file["size"]), asset_id=asset_id, url=url, md5=md5)


def osf_files(entry: Entry) -> Iterator[Asset]:
    """Yield all files of the entry's project: the pages of ``/nodes/<id>/files/osfstorage/``, then its folders'."""
    node, api = _osf_node(entry), _osf_api()
    reach = reach_of(entry, OSF_HOSTS, (api, OSF))
    what = f"the list of files of {entry.name}"
    waiting = [f"{api}/nodes/{node}/files/osfstorage/?page%5Bsize%5D=100"]
    asked: set[str] = set()
    with Question(what, reach, ALL_FILES) as question:
        while waiting:
            url = waiting.pop()
            if url in asked or origin(url) != origin(api):
                message = f"{api} sends from one list of files to {url}, which is no further list of it."
                raise ArchiveError(message)
            asked.add(url)
            told = question.json(url)
            with _as_documented(api, what):
                files, more = _osf_list(told)
            waiting += more
            yield from files


def _osf_list(told: Any) -> tuple[list[Asset], list[str]]:
    """Return the files of a list, and the addresses of those that follow: of its folders, and of its next page."""
    kinds: dict[bool, list[Any]] = {False: [], True: []}
    for record in told["data"]:
        kinds[record["attributes"]["kind"] == "folder"].append(record)
    folders = [record["relationships"]["files"]["links"]["related"]["href"] for record in kinds[True]]
    after = told["links"].get("next")
    return [_osf_file(record) for record in kinds[False]], list(map(str, [*folders, *([after] if after else [])]))


def _osf_file(record: dict[str, Any]) -> Asset:
    its = record["attributes"]
    hashes = (its.get("extra") or {}).get("hashes") or {}
    return Asset(
        path=its["materialized_path"].lstrip("/"),
        size=int(its["size"] or 0),
        sha256=str(hashes.get("sha256") or "").lower(),
        md5=str(hashes.get("md5") or "").lower(),
        url=str(record["links"]["download"]),
        asset_id=str(record["id"]),
    )


@contextlib.contextmanager
def _as_documented(api: str, what: str) -> Iterator[None]:
    """Turn the want of something that the API is documented to state into one sentence."""
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        message = f"{api} answered for {what} in another form than it is documented to ({error!r})."
        raise ArchiveError(message) from error


def _zenodo_record(entry: Entry) -> str:
    return _id_in(entry, r"10\.5281/zenodo\.(\d+)", "10.5281/zenodo.1234567")


def _osf_node(entry: Entry) -> str:
    return _id_in(entry, r"10\.17605/OSF\.IO/([A-Z0-9]{5,})", "10.17605/OSF.IO/AB12C").lower()


def _id_in(entry: Entry, form: str, example: str) -> str:
    match = re.fullmatch(form, entry.doi, re.IGNORECASE)
    if match is None:
        message = f"{entry.file}: archive {entry.archive!r} needs a doi of the form {example!r}; got {entry.doi!r}."
        raise CatalogError(message)
    return match[1]


def _zenodo_api() -> str:
    return api_address("NEURODATA4ML_ZENODO_API", ZENODO)


def _osf_api() -> str:
    return api_address("NEURODATA4ML_OSF_API", OSF)
