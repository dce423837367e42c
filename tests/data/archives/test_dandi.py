"""DANDI: what is pinned is not asked for; what is not, is found by version and path, or in the list of files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive import GUO, Archive, guo_alm_local
from conftest import ROOT
from neurodata4ml import describe, fetch
from neurodata4ml.data.archives import dandi, sources
from neurodata4ml.data.cache.receipts import receipt
from neurodata4ml.data.entries.catalog import read_entry
from neurodata4ml.data.entries.records import Asset, Entry, Listing
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError, NotCachedError

CONTENT = b"not an NWB file, but bytes all the same" * 10
ENTRIES = [path for path in sorted((ROOT / "catalog").glob("*.toml")) if 'archive = "dandi"' in path.read_text()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog folder of one's own."""
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    return tmp_path


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    with Archive() as archive:
        monkeypatch.setenv("NEURODATA4ML_DANDI_API", archive.api)
        yield archive


def unpinned(folder: Path) -> Entry:
    """The entry ``guo-alm-local``, with nothing pinned but version and path."""
    entry = describe("guo-alm-local")
    return replace(entry, sessions={entry.default_session: Asset(GUO[2])})


def test_dandi_is_asked_for_the_pinned_version_and_path(archive: Archive, folder: Path) -> None:
    stored = guo_alm_local(archive, folder, CONTENT)
    archive.add(GUO[0], GUO[1], GUO[2] + ".bak", b"its path begins alike")
    archive.add(GUO[0], "draft", GUO[2], b"another version")
    remote = sources.resolve(describe("guo-alm-local"))
    assert (remote.size, remote.sha256, remote.etag) == (len(CONTENT), stored.sha256, stored.etag)
    assert remote.asset_id == stored.asset_id
    assert remote.urls == (archive.url(stored), f"{archive.api}/assets/{stored.asset_id}/download/")
    assert remote.note == "pinned in the catalog"
    assert remote.name == GUO[2].split("/")[1]
    assert not archive.downloads()


def test_a_draft_can_be_named_and_its_digest_is_the_archives(archive: Archive, folder: Path) -> None:
    guo_alm_local(archive, folder, CONTENT)
    draft = archive.add(GUO[0], "draft", GUO[2], b"not published yet")
    remote = sources.resolve(replace(unpinned(folder), version="draft"))
    assert (remote.version, remote.sha256) == ("draft", draft.sha256)
    assert remote.note == "stated by the archive; the catalog pins none"


def test_a_fresh_draft_without_a_sha256_has_its_etag(archive: Archive, folder: Path) -> None:
    stored = guo_alm_local(archive, folder, CONTENT)
    stored.sha256 = ""
    remote = sources.resolve(unpinned(folder))
    assert (remote.sha256, remote.etag) == ("", stored.etag)


def test_digests_in_capitals_are_the_same_digests(archive: Archive, folder: Path) -> None:
    stored = guo_alm_local(archive, folder, CONTENT)
    sha256 = stored.sha256
    stored.sha256 = sha256.upper()
    assert sources.resolve(unpinned(folder)).sha256 == sha256


@pytest.mark.parametrize(
    ("pin", "complaint"),
    [
        ({"sha256": "0" * 64}, f"pins sha256 {'0' * 64} for guo-alm-local 20170627T093549, and the archive states"),
        ({"size": 7}, "the catalog pins size 7 for guo-alm-local .*, and the archive states 390"),
        ({"etag": "00-1"}, "the catalog pins etag 00-1 for guo-alm-local .*, and the archive states"),
    ],
)
def test_a_pin_that_the_archive_contradicts_stops_before_the_download(
    archive: Archive, folder: Path, pin: dict[str, object], complaint: str
) -> None:
    guo_alm_local(archive, folder, CONTENT, **pin)
    with pytest.raises(ChecksumError, match=complaint):
        sources.resolve(describe("guo-alm-local"))
    assert not archive.downloads()


def test_a_path_or_version_that_the_archive_lacks_is_the_entrys_fault(archive: Archive, folder: Path) -> None:
    guo_alm_local(archive, folder, CONTENT, path="sub-1/other.nwb")
    complaint = r"DANDI 000009 version 0.220126.1903 has no file sub-1/other.nwb \(asked: http://127.*/api\). Correct"
    with pytest.raises(CatalogError, match=complaint):
        sources.resolve(describe("guo-alm-local"))
    archive.files.clear()
    with pytest.raises(CatalogError, match=r"has no file sub-1/other\.nwb"):
        sources.resolve(describe("guo-alm-local"))


@pytest.mark.parametrize("status", [401, 403])
def test_an_embargoed_dandiset_is_refused_with_the_reason(archive: Archive, folder: Path, status: int) -> None:
    guo_alm_local(archive, folder, CONTENT)
    archive.faults.unavailable, archive.faults.status = 9, status
    with pytest.raises(
        ArchiveError, match=rf"refuses guo-alm-local .* it answered {status}\. It is embargoed, or open"
    ):
        sources.resolve(describe("guo-alm-local"))
    assert len(archive.log) == 1, "asking again would not help"


def test_an_archive_that_is_down_is_one_sentence_and_no_traceback_in_the_log(
    archive: Archive, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    guo_alm_local(archive, folder, CONTENT)
    archive.stop()
    with pytest.raises(ArchiveError, match=r"127\.0\.0\.1:\d+ did not deliver guo-alm-local .* Check the connection"):
        sources.resolve(describe("guo-alm-local"))
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]


def test_a_moment_of_trouble_of_the_archive_is_waited_out(archive: Archive, folder: Path) -> None:
    guo_alm_local(archive, folder, CONTENT)
    archive.faults.unavailable = 1
    assert sources.resolve(describe("guo-alm-local")).size == len(CONTENT)


def test_the_client_has_a_time_bound(archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guo_alm_local(archive, folder, CONTENT)
    monkeypatch.setattr(dandi._dandiset.__wrapped__, "__defaults__", (1.0,))
    archive.faults.unavailable = 1000
    with pytest.raises(ArchiveError, match=r"did not deliver guo-alm-local .*, and the time for it is over\)"):
        sources.resolve(describe("guo-alm-local"))


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ({"results": [], "count": 0}, "something else than DANDI's API does .KeyError: 'next'"),
        ("<html>hello</html>", "with something that is no JSON; a login or error page. It begins with '<html>hello"),
    ],
)
def test_what_is_no_dandi_archive_is_said(archive: Archive, folder: Path, answer: Any, complaint: str) -> None:
    guo_alm_local(archive, folder, CONTENT)
    archive.serve(f"/api/dandisets/{GUO[0]}/versions/{GUO[1]}/assets/", answer)
    with pytest.raises(ArchiveError, match=complaint):
        sources.resolve(describe("guo-alm-local"))


def test_a_zarr_is_no_file_to_read(archive: Archive, folder: Path) -> None:
    guo_alm_local(archive, folder, CONTENT)
    archive.files[0].zarr, archive.files[0].blob = "zarr-1", ""
    with pytest.raises(CatalogError, match=r"is a Zarr, and only HDF5 files are read"):
        sources.resolve(unpinned(folder))


def test_offline_the_archive_is_not_asked(archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guo_alm_local(archive, folder, CONTENT)
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError, match="NEURODATA4ML_OFFLINE is set"):
        sources.resolve(describe("guo-alm-local"))
    assert not archive.log


def test_what_is_pinned_is_located_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")  # it could not ask
    entry = describe("guo-alm")
    pin = replace(entry.asset(), blob="7f4e60f3-2184-4e68-ace1-504a2e564939")
    remote = sources.resolve(replace(entry, sessions={entry.default_session: pin}))
    assert remote.urls == (
        "https://dandiarchive.s3.amazonaws.com/blobs/7f4/e60/7f4e60f3-2184-4e68-ace1-504a2e564939",
        f"https://api.dandiarchive.org/api/assets/{pin.asset_id}/download/",
    )
    assert remote.reach.hosts == (
        "api.dandiarchive.org",
        "dandiarchive.s3.amazonaws.com",
        "dandiarchive.s3.us-east-2.amazonaws.com",
    )
    assert remote.reach.named == ()
    assert (remote.sha256, remote.size, remote.etag) == (pin.sha256, pin.size, pin.etag)


def test_at_another_archive_its_own_address_is_taken_and_that_alone(archive: Archive, folder: Path) -> None:
    ids = {"asset_id": "092550fe-91d3-4585-a097-8517a8d7657e", "blob": "7f4e60f3-2184-4e68-ace1-504a2e564939"}
    guo_alm_local(archive, folder, CONTENT, **ids)
    remote = sources.resolve(describe("guo-alm-local"))
    assert remote.urls == (f"{archive.api}/assets/{ids['asset_id']}/download/",)
    assert remote.reach.named == (archive.root,)
    assert not archive.log


def test_a_pinned_file_is_fetched_without_dandis_client_and_without_a_question(
    archive: Archive, folder: Path, cache: Path
) -> None:
    stored = guo_alm_local(archive, folder, CONTENT)
    guo_alm_local(archive, folder, CONTENT, asset_id=stored.asset_id)
    code = "import sys; from neurodata4ml import fetch; print(fetch('guo-alm-local'), 'dandi' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split()[-1] == "False", done.stderr
    assert Path(done.stdout.split()[0]).read_bytes() == CONTENT
    assert [request.path.partition("?")[0] for request in archive.log] == [
        f"/api/assets/{stored.asset_id}/download/",
        archive.url(stored).removeprefix(archive.root),
    ]


@pytest.fixture
def cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(folder / "cache"))
    return folder / "cache"


GONE = "00000000-91d3-4585-a097-8517a8d7657e"


def test_a_pinned_id_that_is_gone_is_looked_for_by_its_path(archive: Archive, folder: Path, cache: Path) -> None:
    now = guo_alm_local(archive, folder, CONTENT, asset_id=GONE)
    path = fetch("guo-alm-local", progress=False)
    assert path.read_bytes() == CONTENT
    assert receipt(path)["asset_id"] == now.asset_id
    assert archive.log[0].path == f"/api/assets/{GONE}/download/"


def test_what_lies_at_the_path_now_must_be_what_was_pinned(archive: Archive, folder: Path, cache: Path) -> None:
    guo_alm_local(archive, folder, CONTENT, asset_id=GONE)
    archive.files.clear()
    archive.add(*GUO, CONTENT[:-1] + b"!")
    with pytest.raises(ChecksumError, match=r"the catalog pins sha256 .* for guo-alm-local .*, and the archive states"):
        fetch("guo-alm-local", progress=False)
    assert not archive.downloads()


@pytest.mark.parametrize("status", [401, 403])
def test_a_pinned_file_that_is_embargoed_is_refused_with_the_reason(
    archive: Archive, folder: Path, cache: Path, status: int
) -> None:
    guo_alm_local(archive, folder, CONTENT, asset_id=GONE)
    archive.serve(f"/api/assets/{GONE}/download/", {"detail": "Not allowed."}, status=status)
    archive.serve(f"/api/dandisets/{GUO[0]}/versions/{GUO[1]}/assets/", {"detail": "Not allowed."}, status=status)
    with pytest.raises(
        ArchiveError, match=rf"refuses guo-alm-local .* it answered {status}\. It is embargoed, or open"
    ):
        fetch("guo-alm-local", progress=False)


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.stem)
def test_list_and_metadata_of_every_entry_are_read_as_the_archive_documents_them(
    path: Path, archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    entry = read_entry(path)
    here = {session: entry.asset(session) for session in list(entry.sessions)[:40]} | {
        entry.default_session: entry.asset()
    }
    where = entry.dandiset, entry.version
    stored = {session: archive.add(*where, pin.path, pin.path.encode()) for session, pin in here.items()}
    default = entry.asset().path
    archive.add(entry.dandiset, "0.1", default, b"another version")
    archive.add(*where, default + ".json", b"begins alike")
    archive.add(*where, "zarr/" + default, b"", zarr="a-zarr", blob="")
    archive.page_size = 7
    archive.faults.count_null = True
    bare = replace(entry, sessions={entry.default_session: Asset(default)})
    remote = sources.resolve(bare)
    its = stored[entry.default_session]
    assert (remote.sha256, remote.size, remote.asset_id) == (its.sha256, len(default.encode()), its.asset_id)
    if entry.listing is not None:
        caplog.set_level("INFO", logger="neurodata4ml")
        found = sources.listing(bare)
        assert {session: asset.path for session, asset in found.items()} == {s: pin.path for s, pin in here.items()}
        others = [session for session in here if session != entry.default_session]
        assert [found[session].asset_id for session in others] == [stored[session].asset_id for session in others]


def test_a_list_comes_in_pages_whose_number_nobody_knows(archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    entry = listed_entry()
    for n in range(7):
        archive.add(GUO[0], GUO[1], f"sub-1/sub-1_ses-{n}.nwb", b"x" * (n + 1))
    archive.add(GUO[0], GUO[1], "sub-1/sub-1_ses-9.nwb", b"", zarr="zarr-1", blob="")
    archive.add(GUO[0], GUO[1], "sub-1/sub-1_ses-0.mp4", b"a film")
    archive.page_size = 2
    archive.faults.count_null = True
    caplog.set_level("INFO", logger="neurodata4ml")
    found = sources.listing(entry)
    assert {session: asset.size for session, asset in found.items()} == {"0": 7, **{str(n): n + 1 for n in range(1, 7)}}
    assert "sub-1/sub-1_ses-9.nwb is a Zarr, which is not read; left out" in caplog.text
    assert sum("glob=" in request.path for request in archive.log) == 4
    assert sources.resolve(entry, 5).size == 6
    with pytest.raises(
        CatalogError, match=r"has no session '8'.* All 7 of them: neurodata4ml fetch guo-alm --all --dry"
    ):
        sources.resolve(entry, "8")


def test_a_next_page_at_another_address_is_not_followed(archive: Archive) -> None:
    page = {"count": None, "previous": None, "results": [], "next": "http://127.0.0.1:1/api/"}
    archive.serve(f"/api/dandisets/{GUO[0]}/versions/{GUO[1]}/assets/", page)
    with pytest.raises(
        ArchiveError, match=r"from one page of its list to http://127.0.0.1:1/api/, which is no next page"
    ):
        sources.listing(listed_entry())


def test_pages_that_go_round_in_a_circle_end(archive: Archive) -> None:
    where = f"/api/dandisets/{GUO[0]}/versions/{GUO[1]}/assets/"
    archive.serve(where, {"count": None, "previous": None, "results": [], "next": f"{archive.root}{where}?page=2"})
    with pytest.raises(ArchiveError, match="which is no next page of it"):
        sources.listing(listed_entry())


def listed_entry() -> Entry:
    """guo-alm with one pinned session, all others to be found."""
    plan = Listing("sub-*_ses-*.nwb", r"_ses-(\d+)\.nwb$")
    pinned = {"0": Asset("sub-1/sub-1_ses-0.nwb", 7)}
    return replace(describe("guo-alm"), sessions=pinned, default_session="0", listing=plan)
