"""DANDI's REST interface as ``dandi-api.md`` describes it, over the files of the tests' archive."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from archive_faults import Stored
    from archive_server import State

DATE = "2024-01-01T00:00:00+00:00"
Answer = tuple[int, Any, dict[str, str]]
MISSING: Answer = (404, {"detail": "Not found."}, {"Content-Type": "application/json"})


def answer(its: State, path: str, query: dict[str, str]) -> Answer:
    """Return status, JSON and headers for a path of the interface."""
    for pattern, respond in ROUTES.items():
        if match := re.fullmatch(pattern, path):
            return respond(its, query, *match.groups())
    return MISSING


def blob_url(its: State, stored: Stored) -> str:
    """Address of the bytes in the store."""
    return f"{its.root}/blobs/{stored.blob[:3]}/{stored.blob[3:6]}/{stored.blob}"


def info(its: State, query: dict[str, str]) -> Answer:
    api = {"url": f"{its.root}/api"}
    return found(
        {
            "schema_version": "0.6.10",
            "version": "0.3.100",
            "cli-minimal-version": "0.60.0",
            "cli-requires-python": ">=3.9",
            "cli-bad-versions": [],
            "services": {"api": api, "webui": {"url": its.root}, "jupyterhub": {"url": ""}},
        }
    )


def dandiset(its: State, query: dict[str, str], identifier: str) -> Answer:
    versions = version_records(its, identifier)
    if not versions:
        return MISSING
    return found(
        {
            "identifier": identifier,
            "created": DATE,
            "modified": DATE,
            "contact_person": "Doe, Jane",
            "embargo_status": "OPEN",
            "star_count": 0,
            "is_starred": False,
            "most_recent_published_version": versions[-1],
            "draft_version": {**versions[-1], "version": "draft", "status": "Valid"},
        }
    )


def version_records(its: State, identifier: str) -> list[dict[str, Any]]:
    versions = sorted({f.version for f in its.files if f.dandiset == identifier})
    return [
        {
            "version": version,
            "name": f"Dandiset {identifier}",
            "asset_count": len(assets := [f for f in its.files if (f.dandiset, f.version) == (identifier, version)]),
            "active_uploads": 0,
            "size": sum(len(f.content) for f in assets),
            "status": "Published",
            "created": DATE,
            "modified": DATE,
            "release_notes": None,
            "dandiset": {"identifier": identifier},
        }
        for version in versions
    ]


def versions(its: State, query: dict[str, str], identifier: str) -> Answer:
    records = version_records(its, identifier)
    return paged(its, query, f"/api/dandisets/{identifier}/versions/", records) if records else MISSING


def version(its: State, query: dict[str, str], identifier: str, name: str) -> Answer:
    records = [record for record in version_records(its, identifier) if record["version"] == name]
    if not records:
        return MISSING
    return found(
        {
            "id": f"DANDI:{identifier}/{name}",
            "identifier": f"DANDI:{identifier}",
            "version": name,
            "name": records[0]["name"],
            "citation": f"Doe, Jane (2024) {records[0]['name']} (Version {name}) [Data set]. DANDI Archive.",
            "license": ["spdx:CC-BY-4.0"],
            "assetsSummary": {"numberOfBytes": records[0]["size"], "numberOfFiles": records[0]["asset_count"]},
            "datePublished": DATE,
            "schemaVersion": "0.6.10",
        }
    )


def assets(its: State, query: dict[str, str], identifier: str, name: str) -> Answer:
    listed = [f for f in its.files if (f.dandiset, f.version) == (identifier, name)]
    if not listed:
        return MISSING
    path = query.get("path", "")
    exact = [f for f in listed if f.path == path]
    listed = exact or [f for f in listed if f.path.lower().startswith(path.lower())]
    if glob := query.get("glob"):
        pattern = re.compile(".*".join(re.escape(part) for part in glob.split("*")), re.IGNORECASE | re.DOTALL)
        listed = [f for f in listed if pattern.fullmatch(f.path)]
    if query.get("zarr") == "true":
        listed = [f for f in listed if f.zarr]
    order = query.get("order", "")
    if order.lstrip("-") == "path":
        listed = sorted(listed, key=lambda f: f.path, reverse=order.startswith("-"))
    whole = query.get("metadata") == "true"
    records = [asset_record(f) | ({"metadata": metadata_of(its, f)} if whole else {}) for f in listed]
    return paged(its, query, f"/api/dandisets/{identifier}/versions/{name}/assets/", records)


def asset_record(stored: Stored) -> dict[str, Any]:
    return {
        "asset_id": stored.asset_id,
        "blob": stored.blob or None,
        "zarr": stored.zarr or None,
        "path": stored.path,
        "size": len(stored.content),
        "created": DATE,
        "modified": DATE,
    }


def paged(its: State, query: dict[str, str], path: str, records: list[dict[str, Any]]) -> Answer:
    """One page; the number of all is told on the first page only."""
    size, page = min(int(query.get("page_size", its.page_size)), 1000), int(query.get("page", 1))
    begin, end = (page - 1) * size, page * size

    def address(number: int) -> str:
        return f"{its.root}{path}?{urlencode({**query, 'page': number})}"

    return found(
        {
            "count": len(records) if page == 1 and not its.faults.count_null else None,
            "next": address(page + 1) if end < len(records) else None,
            "previous": address(page - 1) if page > 1 else None,
            "results": records[begin:end],
        }
    )


def metadata_of(its: State, stored: Stored) -> dict[str, Any]:
    urls = [f"{its.root}/api/assets/{stored.asset_id}/download/"]
    if not its.presigned_only:
        urls.append(blob_url(its, stored))
    digest = {"dandi:dandi-etag": stored.etag, "dandi:sha2-256": stored.sha256}
    return {
        "id": f"dandiasset:{stored.asset_id}",
        "path": stored.path,
        "identifier": stored.asset_id,
        "contentUrl": urls,
        "contentSize": len(stored.content),
        "encodingFormat": "application/x-zarr" if stored.zarr else "application/x-nwb",
        "digest": {name: value for name, value in digest.items() if value},
        "access": [{"status": "dandi:OpenAccess"}],
        "dateModified": DATE,
        "schemaKey": "Asset",
        "schemaVersion": "0.6.10",
    }


def metadata(its: State, query: dict[str, str], asset_id: str) -> Answer:
    return next((found(metadata_of(its, f)) for f in its.files if f.asset_id == asset_id), MISSING)


def asset_info(its: State, query: dict[str, str], asset_id: str) -> Answer:
    both = (found({**asset_record(f), "metadata": metadata_of(its, f)}) for f in its.files if f.asset_id == asset_id)
    return next(both, MISSING)


def download(its: State, query: dict[str, str], asset_id: str) -> Answer:
    """Redirect to a presigned address; its signature is another one each time."""
    for stored in its.files:
        if stored.asset_id == asset_id:
            signed = f"{blob_url(its, stored)}?X-Amz-Signature={len(its.log)}"
            return (400, {"detail": "zarr"}, {}) if stored.zarr else (302, None, {"Location": signed})
    return MISSING


def found(body: dict[str, Any]) -> Answer:
    return 200, body, {"Content-Type": "application/json"}


ASSETS = r"/api(?:/dandisets/\d+/versions/[^/]+)?/assets/([^/]+)"
ROUTES: dict[str, Callable[..., Answer]] = {
    r"/api/info/": info,
    r"/api/dandisets/(\d+)/": dandiset,
    r"/api/dandisets/(\d+)/versions/": versions,
    r"/api/dandisets/(\d+)/versions/([^/]+)/": version,
    r"/api/dandisets/(\d+)/versions/([^/]+)/assets/": assets,
    rf"{ASSETS}/": metadata,
    rf"{ASSETS}/info/": asset_info,
    rf"{ASSETS}/download/": download,
}
