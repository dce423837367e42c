"""An entry becomes the place of a file: each archive in its own way, the pins compared before a byte moves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from archive import Archive
from conftest import ROOT
from neurodata4ml import describe, fetch
from neurodata4ml.data.archives import listed, sources
from neurodata4ml.data.archives.remote import https, only_reachable
from neurodata4ml.data.entries.records import ARCHIVES, Asset, Entry, Listing
from neurodata4ml.data.remote.addresses import Reach
from neurodata4ml.errors import ArchiveError, CatalogError
from several import own_entry

PLAN = Listing("sub-*_ecephys.nwb", r"sub-(\w+?)_")
CONTENT = b"not an NWB file, but bytes all the same" * 10


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A catalog folder of one's own."""
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    return tmp_path


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as archive:
        yield archive


def listing_entry(**changed: Any) -> Entry:
    """An entry whose unpinned sessions are those of the paths ``sub-<s>/sub-<s>_ecephys.nwb``."""
    pinned = {"a": Asset("sub-a/sub-a_ecephys.nwb", 1)}
    return replace(describe("demo"), **{"sessions": pinned, "default_session": "a", "listing": PLAN, **changed})


def test_every_archive_of_the_schema_has_a_source() -> None:
    assert tuple(sources.SOURCES) == ARCHIVES
    assert set(sources.LISTS) <= set(ARCHIVES)


def test_a_file_beside_its_entry(folder: Path) -> None:
    entry = own_entry(folder, "local", 'path = "recordings/a.nwb"')
    with pytest.raises(CatalogError, match=r"says that session 0 of mine is .*a.nwb, and there is no such file"):
        sources.resolve(entry)
    (folder / "recordings").mkdir()
    (folder / "recordings" / "a.nwb").write_bytes(CONTENT)
    assert sources.resolve(entry).file == folder / "recordings" / "a.nwb"


def test_a_file_at_an_address_may_redirect_to_the_hosts_its_entry_names(folder: Path) -> None:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    asset = f'path = "a.nwb"\nsha256 = "{sha256}"\nurl = "https://example.org/a.nwb"'
    remote = sources.resolve(own_entry(folder, "http", asset, 'redirects = ["store.example.org"]'), 0)
    assert (remote.urls, remote.sha256) == (("https://example.org/a.nwb",), sha256)
    assert remote.reach == Reach(hosts=("store.example.org",), named=("https://example.org:443",))


def test_addresses_in_ones_own_entry_may_be_in_the_house_and_those_of_a_shipped_one_may_not(folder: Path) -> None:
    asset = f'path = "a.nwb"\nsha256 = "{"0" * 64}"\nurl = "http://127.0.0.1:8765/a.nwb"'
    entry = own_entry(folder, "http", asset)
    assert sources.resolve(entry).reach.named == ("http://127.0.0.1:8765",)
    shipped = replace(entry, file=ROOT / "catalog" / "mine.toml")
    assert sources.resolve(shipped).reach.named == ()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://allen-brain/a b/c.nwb", "https://allen-brain.s3.amazonaws.com/a%20b/c.nwb"),
        ("s3://dotted.name/c.nwb", "https://s3.amazonaws.com/dotted.name/c.nwb"),
        ("https://example.org/c.nwb?x=1", "https://example.org/c.nwb?x=1"),
        ("", ""),
    ],
)
def test_s3_is_spoken_over_https(url: str, address: str) -> None:
    assert https(url) == address


def test_addresses_that_an_archive_states_elsewhere_are_not_asked() -> None:
    reach = Reach(hosts=("*.store.org",))
    stated = ["https://eu.store.org/x", "https://evil.org/x", "s3://store/x", "https://api.org/x", "http://api.org/x"]
    assert only_reachable(stated, "https://api.org/api", reach, "x") == ("https://eu.store.org/x", "https://api.org/x")
    with pytest.raises(ArchiveError, match=r"states addresses of x at evil\.org; allowed are api\.org, \*\.store\.org"):
        only_reachable(["https://evil.org/x"], "https://api.org/api", reach, "x")


def test_a_simulated_file_is_written_with_the_session_as_seed() -> None:
    remote = sources.resolve(describe("demo"), 3)
    assert (remote.session, remote.path) == ("3", "demo_seed-3.nwb")
    assert remote.write is not None


def test_sessions_are_those_pinned_and_then_those_found_by_name() -> None:
    files = [Asset(f"sub-{s}/sub-{s}_{kind}.nwb", 7) for s in "cab" for kind in ("ecephys", "ophys")]
    found = listed.sessions_among(listing_entry(), PLAN, files)
    assert list(found) == ["a", "b", "c"]
    assert found["a"].size == 1, "what is pinned stays as it is pinned"
    assert found["b"] == Asset("sub-b/sub-b_ecephys.nwb", 7)


def test_a_session_found_twice_is_an_error_that_names_both_files() -> None:
    twice = [Asset("sub-b/sub-b_ecephys.nwb"), Asset("sub-b/sub-b_part-2_ecephys.nwb")]
    with pytest.raises(
        CatalogError, match=r"session b of demo is found twice: sub-b/sub-b_ecephys.nwb and sub-b/sub-b_p"
    ):
        listed.sessions_among(listing_entry(), PLAN, twice)
    with pytest.raises(CatalogError, match=r"session a of demo is found twice: .* Make listing.session in .*demo.toml"):
        listed.sessions_among(listing_entry(), PLAN, [Asset("sub-x/sub-a_ecephys.nwb")])


def test_a_pattern_that_finds_nothing_or_no_session_is_said() -> None:
    said = r"no file of demo in the archive fits listing.path 'sub-\*_ecephys.nwb' and has the session that listing"
    for path in ("readme.md", "sub-b-_ecephys.nwb"):
        with pytest.raises(ArchiveError, match=said):
            listed.sessions_among(listing_entry(), PLAN, [Asset(path)])


def test_files_beside_the_sessions_are_passed_over() -> None:
    assets = [Asset("sub-c_ecephys.nwb"), Asset("sub-d-probe_ecephys.nwb")]
    found = listed.sessions_among(listing_entry(), PLAN, assets)
    assert set(found) - set(listing_entry().sessions) == {"c"}


def test_an_entry_without_a_listing_asks_nobody() -> None:
    entry = describe("allen-vc")
    assert sources.listing(replace(entry, listing=None)) == entry.sessions
    assert sources.listing(listing_entry(archive="http")) == listing_entry().sessions
    assert sources.including(replace(entry, listing=None), "no such one").sessions is entry.sessions


def test_a_redirect_to_a_host_that_the_entry_does_not_name_is_refused(archive: Archive, folder: Path) -> None:
    stored = archive.put("a.nwb", CONTENT)
    elsewhere = archive.url(stored).replace("127.0.0.1", "localhost")
    archive.serve("/moved", "", status=302, headers={"Location": elsewhere})
    asset = f'path = "a.nwb"\nsha256 = "{stored.sha256}"\nurl = "{archive.root}/moved"'
    own_entry(folder, "http", asset)
    with pytest.raises(ArchiveError, match=r"redirects to '?localhost'?.* add redirects = \[\"localhost\"\]"):
        fetch("mine", progress=False)
    assert not archive.downloads()
