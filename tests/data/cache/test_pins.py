"""The lock beside the work decides which bytes a session is."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

import plain
from archive import Archive, guo_alm_local
from neurodata4ml import describe, fetch
from neurodata4ml.data.cache import pins, store
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError
from neurodata4ml.lock import Locked, write_lock

OLD, NEW = b"the bytes of then" * 100, b"the bytes of now" * 100


def locked(content: bytes, **other: str) -> Locked:
    facts = {"dataset": plain.NAME, "session": "1", "version": "1", "path": "sub-1/a.nwb", **other}
    return Locked(size=len(content), sha256=hashlib.sha256(content).hexdigest(), **facts)


def test_the_locked_version_and_bytes_are_fetched_though_the_catalog_has_moved_on(
    archive: Archive, tmp_path: Path, own_lock: Path
) -> None:
    plain.pin(archive, tmp_path / "catalog", OLD)
    url = describe(plain.NAME).asset().url
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    assert fetch(plain.NAME).read_bytes() == NEW
    write_lock(own_lock, [locked(OLD, version="0.9", url=url)])
    assert store.cached(describe(plain.NAME)) is None
    then = fetch(plain.NAME)
    assert then.read_bytes() == OLD
    assert then.relative_to(tmp_path / "cache").parts[:2] == (plain.NAME, "0.9")
    assert store.cached(describe(plain.NAME)) == then
    own_lock.unlink()
    assert fetch(plain.NAME) == final


def test_locking_twice_is_locking_once_and_the_same_bytes_keep_all_that_leads_to_them(own_lock: Path) -> None:
    entry = describe("guo-alm")
    asset = entry.asset()
    same = Locked("guo-alm", entry.default_session, entry.version, asset.path, asset.size, asset.sha256)
    write_lock(own_lock, [same])
    once = pins.pinned(entry)
    assert pins.pinned(once) == once
    assert (once.asset().asset_id, once.asset().blob) == (asset.asset_id, asset.blob)
    write_lock(own_lock, [Locked(**{**same.__dict__, "sha256": "0" * 64})])
    assert pins.pinned(entry).asset().blob == "", "other bytes are not at the catalog's address"
    assert pins.pinned(describe("demo")) == describe("demo")


def test_other_bytes_than_the_locked_ones_name_the_lock_and_what_to_delete(
    archive: Archive, tmp_path: Path, own_lock: Path
) -> None:
    plain.pin(archive, tmp_path / "catalog", NEW)
    url = describe(plain.NAME).asset().url
    write_lock(own_lock, [locked(OLD[: len(NEW)], url=url)])
    with pytest.raises(ChecksumError, match="arrived with sha256") as raised:
        fetch(plain.NAME)
    assert f"The digest asked for is pinned in {own_lock}. " in str(raised.value)
    assert "deleting the [[asset]] with dataset = 'plain', session = '1' from that file" in str(raised.value)


@pytest.mark.parametrize("url", ["{other}", "http://169.254.169.254/latest", "http://localhost:{port}/a"])
def test_a_lock_that_came_with_the_work_of_others_leads_to_no_server_in_the_house(
    url: str, archive: Archive, tmp_path: Path, own_lock: Path
) -> None:
    """Only the entry, which the user chose, names such servers; a lock of another one does not add to them."""
    plain.pin(archive, tmp_path / "catalog", NEW)
    with Archive() as other:
        lure = other.url(other.put("a", OLD))
        url = url.format(other=lure, port=archive.root.rpartition(":")[2])
        write_lock(own_lock, [locked(OLD, url=url)])
        with pytest.raises(ArchiveError, match=r"it leads to \S+, a (loopback|link-local) address"):
            fetch(plain.NAME)
        assert not other.log
        assert not archive.log


@pytest.mark.parametrize("path", ["../../../a.nwb", "/etc/passwd", "C:/a.nwb", "sub-1/NUL", "a//b"])
def test_a_lock_leads_to_no_place_outside_of_the_cache(
    path: str, archive: Archive, tmp_path: Path, own_lock: Path
) -> None:
    plain.pin(archive, tmp_path / "catalog", NEW)
    for wrong in ({"path": path}, {"version": path}):
        write_lock(own_lock, [locked(NEW, **wrong)])
        with pytest.raises(CatalogError, match="cannot be a file's name everywhere"):
            fetch(plain.NAME)
    assert not archive.log


@pytest.mark.slow
@pytest.mark.parametrize("archive_kind", ["local", "simulated", "member"])
def test_a_file_that_is_not_fetched_is_compared_with_the_lock(
    archive_kind: str, archive: Archive, tmp_path: Path, own_lock: Path, own_cache: Path, monkeypatch: Any
) -> None:
    name, session, now = plain.NAME, "1", NEW
    if archive_kind == "simulated":
        monkeypatch.setenv("NEURODATA4ML_CACHE", str(own_cache))  # where it may be already
        name, session = "demo", "0"
        now = fetch("demo").read_bytes()
    elif archive_kind == "member":
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as file:
            file.writestr("a.nwb", NEW)
        plain.pin(archive, tmp_path / "catalog", packed.getvalue(), {"1": {"member": "a.nwb"}}, path="all.zip")
    else:
        plain.pin(archive, tmp_path / "catalog", NEW, path="a.nwb")
        toml = tmp_path / "catalog" / "plain.toml"
        toml.write_text(toml.read_text().replace('archive = "http"', 'archive = "local"'))
        (tmp_path / "catalog" / "a.nwb").write_bytes(NEW)
    path = fetch(name)
    write_lock(own_lock, [locked(now, dataset=name, session=session)])
    assert fetch(name) == path
    write_lock(own_lock, [locked(OLD, dataset=name, session=session)])
    with pytest.raises(ChecksumError) as raised:
        fetch(name)
    for fact in (str(path), str(own_lock), *(hashlib.sha256(content).hexdigest() for content in (OLD, now))):
        assert fact in str(raised.value)
    assert f"deleting the [[asset]] with dataset = '{name}', session = '{session}'" in str(raised.value)


def test_a_locked_asset_of_dandi_is_fetched_by_its_id_and_nobody_is_asked(
    archive: Archive, tmp_path: Path, own_lock: Path
) -> None:
    stored = guo_alm_local(archive, tmp_path / "catalog", NEW, sha256="", size=0)
    entry = describe("guo-alm-local")
    facts = {"version": entry.version, "path": stored.path, "asset_id": stored.asset_id}
    write_lock(own_lock, [locked(NEW, dataset=entry.name, session=entry.default_session, **facts)])
    assert fetch("guo-alm-local").read_bytes() == NEW
    assert archive.log
    assert not [request.path for request in archive.log if "dandisets" in request.path]
