"""Records with a DOI: the lists of files of Zenodo and OSF, in the form that their interfaces are documented in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive import Archive
from neurodata4ml import fetch
from neurodata4ml.data.archives import sources
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError, NotCachedError
from several import own_entry

CONTENT = b"not an NWB file, but bytes all the same" * 10
MD5, SHA256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()
ZENODO = 'doi = "10.5281/zenodo.1234567"'
OSF = 'doi = "10.17605/OSF.IO/AB12C"'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog folder of one's own, and a cache."""
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    with Archive() as archive:
        monkeypatch.setenv("NEURODATA4ML_ZENODO_API", f"{archive.root}/api")
        monkeypatch.setenv("NEURODATA4ML_OSF_API", f"{archive.root}/v2")
        yield archive


def entry_at(folder: Path, archive: str, doi: str, pins: str = "", listing: str = "") -> Entry:
    """An entry whose session 0 is the file ``data/a.nwb``."""
    asset = f'path = "data/a.nwb"\n{pins}'
    return own_entry(folder, archive, asset, doi + (f"\nlisting = {listing}" if listing else ""))


def serve_zenodo(archive: Archive, **changed: Any) -> None:
    """A record as ``GET /api/records/<id>`` of Zenodo returns it."""
    name = "data%2Fa.nwb"
    stored = archive.put(f"/api/records/1234567/files/{name}/content", CONTENT)
    stored.at = "/api/records/1234567/files/data/a.nwb/content"
    record = {
        "id": 1234567,
        "conceptrecid": "1234566",
        "doi": "10.5281/zenodo.1234567",
        "metadata": {"title": "Recordings", "access_right": "open", "license": {"id": "cc-by-4.0"}},
        "files": [
            {
                "id": f"uuid-{key}",
                "key": key,
                "size": len(CONTENT),
                "checksum": f"md5:{MD5}",
                "links": {"self": f"{archive.root}/api/records/1234567/files/{key.replace('/', '%2F')}/content"},
            }
            for key in ("readme.md", "data/a.nwb", "data/b.nwb")
        ],
    }
    archive.serve("/api/records/1234567", {**record, **changed})


def osf_record(archive: Archive, path: str, kind: str = "file", **changed: Any) -> dict[str, Any]:
    """One thing in a list of files, as OSF's API v2 returns it."""
    name = path.rstrip("/").rpartition("/")[2]
    own = name.replace(".", "")
    attributes = {"name": name, "kind": kind, "materialized_path": f"/{path}", "path": f"/{own}", "size": None}
    if kind == "folder":
        related = {"href": f"{archive.root}/v2/nodes/ab12c/files/osfstorage/{own}/", "meta": {}}
        return {
            "id": own,
            "type": "files",
            "attributes": attributes,
            "relationships": {"files": {"links": {"related": related}}},
            "links": {"info": "", "new_folder": ""},
        }
    attributes |= {"size": len(CONTENT), "extra": {"hashes": {"md5": MD5, "sha256": SHA256}, "downloads": 3}, **changed}
    return {
        "id": own,
        "type": "files",
        "attributes": attributes,
        "relationships": {"versions": {"links": {"related": {"href": "", "meta": {}}}}},
        "links": {"info": "", "download": f"{archive.root}/download/{own}/"},
    }


def serve_osf(archive: Archive, **changed: Any) -> None:
    """A project with two pages of files, a folder on the second, and two pages in the folder."""
    root = f"{archive.root}/v2/nodes/ab12c/files/osfstorage/"
    lists = {
        "": ([osf_record(archive, "readme.md")], f"{root}?page=2"),
        "?page=2": ([osf_record(archive, "data/", "folder")], None),
        "data/": ([osf_record(archive, "data/b.nwb")], f"{root}data/?page=2"),
        "data/?page=2": ([osf_record(archive, "data/a.nwb", **changed)], None),
    }
    for place, (records, after) in lists.items():
        links = {"first": None, "last": None, "prev": None, "next": after, "meta": {"total": 2, "per_page": 1}}
        archive.serve(f"/v2/nodes/ab12c/files/osfstorage/{place}", {"data": records, "links": links, "meta": {}})
    stored = archive.put("/store/a", CONTENT)
    archive.serve("/download/anwb/", "", status=302, headers={"Location": archive.url(stored)})


SERVE = {"zenodo": serve_zenodo, "osf": serve_osf}
DOI = {"zenodo": ZENODO, "osf": OSF}


@pytest.mark.parametrize("kind", SERVE)
def test_a_file_of_a_record_is_found_and_fetched(kind: str, archive: Archive, folder: Path) -> None:
    SERVE[kind](archive)
    entry = entry_at(folder, kind, DOI[kind])
    remote = sources.resolve(entry)
    assert (remote.size, remote.md5, remote.sha256) == (len(CONTENT), MD5, SHA256 if kind == "osf" else "")
    assert remote.note == "stated by the archive; the catalog pins none"
    assert fetch("mine").read_bytes() == CONTENT


@pytest.mark.parametrize("kind", SERVE)
def test_bytes_that_are_not_those_of_the_record_are_not_kept(kind: str, archive: Archive, folder: Path) -> None:
    SERVE[kind](archive)
    entry_at(folder, kind, DOI[kind])
    archive.faults.flip_at = 7
    with pytest.raises(ChecksumError, match="mine 0 arrived with"):
        fetch("mine")
    assert not list((folder / "cache").rglob("*.nwb"))


@pytest.mark.parametrize("kind", SERVE)
def test_what_is_pinned_is_not_asked_for(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")  # it could not ask
    pins = f'size = 390\nmd5 = "{MD5}"' + ('\nurl = "https://osf.io/download/abcde/"' if kind == "osf" else "")
    remote = sources.resolve(entry_at(folder, kind, DOI[kind], pins))
    address = "https://zenodo.org/api/records/1234567/files/data%2Fa.nwb/content"
    assert remote.urls == ({"zenodo": address, "osf": "https://osf.io/download/abcde/"}[kind],)
    assert (remote.md5, remote.note) == (MD5, "pinned in the catalog")
    assert remote.afresh is not None
    with pytest.raises(NotCachedError):
        remote.afresh()


def test_each_archive_says_where_its_bytes_may_be(folder: Path) -> None:
    pins = f'size = 390\nmd5 = "{MD5}"\nurl = "https://osf.io/download/abcde/"'
    at_osf = sources.resolve(entry_at(folder, "osf", OSF, pins)).reach
    at_osf.refuse_hop("https://osf.io/download/x/", "https://osf.io/download/x/", "https://files.us.osf.io/v1/x")
    at_osf.refuse_hop(
        "https://osf.io/download/x/", "https://files.osf.io/x", "https://storage.googleapis.com/cos-osf/x"
    )
    at_zenodo = sources.resolve(entry_at(folder, "zenodo", ZENODO, pins)).reach
    at_zenodo.refuse_hop("https://zenodo.org/x", "https://zenodo.org/x", "https://files.zenodo.org/x")
    for reach in (at_osf, at_zenodo):
        with pytest.raises(ArchiveError, match=r"redirects to '?example\.org"):
            reach.refuse_hop("https://zenodo.org/x", "https://zenodo.org/x", "https://example.org/x")


@pytest.mark.parametrize("kind", SERVE)
def test_another_digest_than_the_pinned_one_stops_before_the_download(
    kind: str, archive: Archive, folder: Path
) -> None:
    SERVE[kind](archive)
    with pytest.raises(ChecksumError, match=rf"pins md5 {'0' * 32} for mine 0, and the archive states {MD5}"):
        sources.resolve(entry_at(folder, kind, DOI[kind], f'md5 = "{"0" * 32}"'))
    assert not archive.downloads()


@pytest.mark.parametrize("kind", SERVE)
def test_sessions_are_found_in_the_list_of_files(kind: str, archive: Archive, folder: Path) -> None:
    SERVE[kind](archive)
    entry = entry_at(folder, kind, DOI[kind], listing='{ path = "data/*.nwb", session = "data/([b-z])" }')
    found = sources.listing(entry)
    assert {session: asset.path for session, asset in found.items()} == {"0": "data/a.nwb", "b": "data/b.nwb"}
    assert found["b"].md5 == MD5


@pytest.mark.parametrize("kind", SERVE)
def test_a_file_that_the_record_lacks_is_the_entrys_fault(kind: str, archive: Archive, folder: Path) -> None:
    SERVE[kind](archive)
    with pytest.raises(CatalogError, match=r"(Zenodo's record 1234567|OSF's project ab12c) has no file c.nwb. Correct"):
        sources.resolve(own_entry(folder, kind, 'path = "c.nwb"', DOI[kind]))


@pytest.mark.parametrize(
    ("kind", "doi", "form"),
    [
        ("zenodo", "10.17605/OSF.IO/AB12C", "10.5281/zenodo.1234567"),
        ("zenodo", "", "10.5281/zenodo.1234567"),
        ("osf", "https://osf.io/ab12c", "10.17605/OSF.IO/AB12C"),
    ],
)
def test_a_doi_of_another_kind_is_refused_with_the_right_form(kind: str, doi: str, form: str, folder: Path) -> None:
    with pytest.raises(CatalogError, match=rf"of the form '{form}'; got '{doi}'|doi .*{form}"):
        sources.resolve(own_entry(folder, kind, 'path = "c.nwb"', f'doi = "{doi}"'))


@pytest.mark.parametrize(
    ("status", "cure"),
    [
        (404, "There is no such record"),
        (410, "or there is no longer"),
        (401, "It is embargoed"),
        (403, "open to its own"),
    ],
)
@pytest.mark.parametrize("kind", SERVE)
def test_a_record_that_is_not_open_is_said(kind: str, status: int, cure: str, archive: Archive, folder: Path) -> None:
    archive.faults.unavailable, archive.faults.status = 9, status
    with pytest.raises(ArchiveError, match=rf"refuses the list of files of mine: it answered {status}\. .*{cure}"):
        sources.resolve(entry_at(folder, kind, DOI[kind]))
    assert len(archive.log) == 1


def test_digests_in_capitals_are_the_same_digests(archive: Archive, folder: Path) -> None:
    serve_osf(archive, extra={"hashes": {"md5": MD5.upper(), "sha256": SHA256.upper()}})
    remote = sources.resolve(entry_at(folder, "osf", OSF))
    assert (remote.md5, remote.sha256) == (MD5, SHA256)


def test_an_embargoed_record_lists_nothing_and_that_is_said(archive: Archive, folder: Path) -> None:
    serve_zenodo(archive, files=[], metadata={"access_right": "embargoed"})
    with pytest.raises(ArchiveError, match=r"Zenodo's record 1234567 lists no files \(access: embargoed\)"):
        sources.resolve(entry_at(folder, "zenodo", ZENODO))


def test_another_form_than_the_documented_one_is_said(archive: Archive, folder: Path) -> None:
    serve_zenodo(archive, files=[{"key": "data/a.nwb"}])
    with pytest.raises(ArchiveError, match=r"in another form than it is documented to \(KeyError\('checksum'\)\)"):
        sources.resolve(entry_at(folder, "zenodo", ZENODO))
    for size in (float("inf"), float("nan"), "many", None):
        serve_zenodo(archive, files=[{"key": "data/a.nwb", "size": size, "checksum": "md5:0", "links": {"self": ""}}])
        with pytest.raises(ArchiveError, match=r"in another form than it is documented to"):
            sources.resolve(entry_at(folder, "zenodo", ZENODO))
    archive.serve("/v2/nodes/ab12c/files/osfstorage/", [])
    with pytest.raises(ArchiveError, match=r"in another form than it is documented to"):
        sources.resolve(entry_at(folder, "osf", OSF))


def test_lists_that_lead_elsewhere_or_round_in_a_circle_end(archive: Archive, folder: Path) -> None:
    where = "/v2/nodes/ab12c/files/osfstorage/"
    for after in ({"href": "x"}, 5, "file:///etc/passwd"):
        archive.serve(where, {"data": [], "links": {"next": after}})
        with pytest.raises(ArchiveError, match="is no address for this"):
            sources.resolve(entry_at(folder, "osf", OSF))
    for after in (f"{archive.root}{where}?page=2", "http://127.0.0.1:1/v2/"):
        archive.serve(where, {"data": [], "links": {"next": after}})
        with pytest.raises(
            ArchiveError, match=r"sends from one list of files to http://127.*, which is no further list"
        ):
            sources.resolve(entry_at(folder, "osf", OSF))
