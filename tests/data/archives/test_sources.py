"""An entry becomes the place of a file: each archive in its own way, the pins compared before a byte moves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive import GUO, Archive, guo_alm_local
from conftest import ROOT
from neurodata4ml import describe
from neurodata4ml.data.archives import sources
from neurodata4ml.data.entries.records import ARCHIVES
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError, NotCachedError

CONTENT = b"not an NWB file, but bytes all the same" * 10


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


def own_entry(folder: Path, archive: str, asset: str) -> None:
    """Write an entry ``mine`` of this archive with one session."""
    text = (ROOT / "catalog" / "demo.toml").read_text(encoding="utf-8")
    text = text.replace('name = "demo"', 'name = "mine"').replace('archive = "simulated"', f'archive = "{archive}"')
    before, rest = text.split("[sessions.0]")
    (folder / "mine.toml").write_text(f"{before}[sessions.0]\n{asset}\n\n[layout]{rest.split('[layout]')[1]}")


def test_every_archive_of_the_schema_has_a_source() -> None:
    assert tuple(sources.SOURCES) == ARCHIVES


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


def test_without_a_pin_the_archives_digest_is_taken_and_said_so(archive: Archive, folder: Path) -> None:
    stored = guo_alm_local(archive, folder, CONTENT, sha256="", size=0)
    remote = sources.resolve(describe("guo-alm-local"))
    assert remote.sha256 == stored.sha256
    assert remote.note == "stated by the archive; the catalog pins none"


@pytest.mark.parametrize(
    ("pin", "complaint"),
    [
        ({"sha256": "0" * 64}, f"pins sha256 {'0' * 64} for guo-alm-local 20170627T093549, and the archive states"),
        ({"size": 7}, "the catalog pins size 7 for guo-alm-local .*, and the archive states 390"),
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
    with pytest.raises(CatalogError, match=r"DANDI 000009 version 0.220126.1903 has no file sub-1/other.nwb. Correct"):
        sources.resolve(describe("guo-alm-local"))
    archive.files.clear()
    with pytest.raises(CatalogError, match=r"has no file sub-1/other\.nwb"):
        sources.resolve(describe("guo-alm-local"))


def test_a_moment_of_trouble_of_the_archive_is_waited_out(archive: Archive, folder: Path) -> None:
    guo_alm_local(archive, folder, CONTENT)
    archive.faults.unavailable = 1
    assert sources.resolve(describe("guo-alm-local")).size == len(CONTENT)


def test_what_is_no_archive_at_all_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Archive() as archive:
        guo_alm_local(archive, folder, CONTENT)
        monkeypatch.setenv("NEURODATA4ML_DANDI_API", f"{archive.root}/elsewhere")
        with pytest.raises(ArchiveError, match=r"did not deliver guo-alm-local 20170627T093549: it answered 404"):
            sources.resolve(describe("guo-alm-local"))


def test_offline_the_archive_is_not_asked(archive: Archive, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guo_alm_local(archive, folder, CONTENT)
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError, match="NEURODATA4ML_OFFLINE is set"):
        sources.resolve(describe("guo-alm-local"))
    assert not archive.log


def test_a_file_beside_its_entry(folder: Path) -> None:
    own_entry(folder, "local", 'path = "recordings/a.nwb"')
    with pytest.raises(CatalogError, match=r"says that session 0 of mine is .*a.nwb, and there is no such file"):
        sources.resolve(describe("mine"))
    (folder / "recordings").mkdir()
    (folder / "recordings" / "a.nwb").write_bytes(CONTENT)
    assert sources.resolve(describe("mine")).file == folder / "recordings" / "a.nwb"


def test_a_file_at_an_address(folder: Path) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    own_entry(folder, "http", f'path = "a.nwb"\nsha256 = "{sha256}"\nurl = "https://example.org/a.nwb"')
    remote = sources.resolve(describe("mine"), 0)
    assert (remote.urls, remote.sha256) == (("https://example.org/a.nwb",), sha256)


def test_a_simulated_file_is_written_with_the_session_as_seed() -> None:
    remote = sources.resolve(describe("demo"), 3)
    assert (remote.session, remote.path) == ("3", "demo_seed-3.nwb")
    assert remote.write is not None
