"""A disk that is full, read-only or limited: one sentence, exit code 6, and what arrived is kept."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import plain
from archive import Archive
from crowd import Crowd
from neurodata4ml import describe, fetch
from neurodata4ml.data.cache import disk, parts, receipts, room, store
from neurodata4ml.errors import DiskError, NeuroDataError

CONTENT = np.random.default_rng(0).bytes(400_000)
PAGE = 4096
CONTENT_PAGES = -(-len(CONTENT) // PAGE) * PAGE
JOB = {"name": plain.NAME}
DISK = DiskError.exit_code

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and modes of files")


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    with Crowd() as crowd:
        yield crowd


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    with Archive() as archive:
        yield archive


@pytest.fixture
def read_only(crowd: Crowd, tmp_path: Path) -> Iterator[dict[str, object]]:
    """A job of a process to whom a folder can be closed, and nothing writable below the cache when it begins."""
    if "OSError" in str(crowd.run({**JOB, "powerless": True, "environment": {}})[0].get("kind")):
        pytest.skip("root cannot give up its power on this system")
    yield {**JOB, "powerless": True}
    for folder, _, _ in os.walk(tmp_path / "cache"):
        os.chmod(folder, 0o755)


def close(cache: Path) -> dict[Path, tuple[int, int]]:
    """Take away every right to write below the cache; return what is there."""
    for path in [cache, *cache.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    return contents(cache)


def contents(cache: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in [cache, *cache.rglob("*")]}


@posix
def test_a_disk_that_fills_up_ends_in_a_sentence_keeps_what_arrived_and_continues(
    archive: Archive, crowd: Crowd, tmp_path: Path
) -> None:
    final = plain.pin(archive, tmp_path / "catalog", CONTENT)
    (told,) = crowd.run({**JOB, "largest_file": 200_000})
    assert told["exit_code"] == DISK
    assert (
        f"plain 1 could not be written to {tmp_path / 'cache'}: File too large. What arrived is kept" in told["error"]
    )
    assert "Make room (neurodata4ml cache ls) and run the same line again, or set NEURODATA4ML_CACHE" in told["error"]
    assert not final.exists()
    assert parts.arrived(final) == 200_000
    assert fetch(plain.NAME).read_bytes() == CONTENT
    assert archive.downloads()[-1].range == "bytes=200000-"


@posix
@pytest.mark.parametrize("room_for", ["half of it", "the file and nothing else"])
def test_a_full_disk_keeps_what_arrived_and_the_next_run_goes_on(
    room_for: str, archive: Archive, crowd: Crowd, tmp_path: Path
) -> None:
    final = plain.pin(archive, tmp_path / "catalog", CONTENT)
    size = 200_000 if room_for == "half of it" else CONTENT_PAGES + 3 * PAGE
    (told,) = crowd.run({**JOB, "disk_of": size, "final": str(final)})
    if told.get("kind") in ("OSError", "PermissionError", "AttributeError"):
        pytest.skip(f"no disk of our own can be mounted here ({told['error']})")
    assert told["exit_code"] == DISK, told
    assert "plain 1 could not be written to" in told["full"]
    assert "No space left on device. What arrived is kept." in told["full"]
    assert not told["visible"]
    assert told["arrived"] > 150_000
    assert told["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    ranges = [request.range for request in archive.downloads()]
    assert ranges == ([""] if told["arrived"] == len(CONTENT) else ["", f"bytes={told['arrived']}-"])


@posix
def test_a_read_only_cache_is_used_without_a_write_and_what_lacks_is_a_disk_error(
    archive: Archive, crowd: Crowd, tmp_path: Path, read_only: dict[str, object]
) -> None:
    sessions = {"1": {}, "2": {"path": "sub-2/b.nwb"}}
    final = plain.pin(archive, tmp_path / "catalog", CONTENT, sessions)
    assert fetch(plain.NAME) == final
    before = close(tmp_path / "cache")
    assert crowd.run(read_only)[0].get("path") == str(final)
    (told,) = crowd.run({**read_only, "session": "2"})
    assert told["exit_code"] == DISK
    assert f"cannot write to the cache {tmp_path / 'cache'} (Permission denied), and plain 2 is not in" in told["error"]
    assert "Set NEURODATA4ML_CACHE to a folder that you may write to" in told["error"]
    assert contents(tmp_path / "cache") == before
    assert len(archive.downloads()) == 1


@posix
def test_a_touched_file_in_a_read_only_cache_is_read_anew_and_used(
    archive: Archive, crowd: Crowd, tmp_path: Path, read_only: dict[str, object]
) -> None:
    final = plain.pin(archive, tmp_path / "catalog", CONTENT)
    fetch(plain.NAME)
    os.utime(final)
    before = close(tmp_path / "cache")
    assert crowd.run(read_only)[0].get("path") == str(final)
    assert contents(tmp_path / "cache") == before


@posix
def test_a_shared_cache_is_read_and_never_changed(
    archive: Archive, crowd: Crowd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read_only: dict[str, object]
) -> None:
    plain.pin(archive, tmp_path / "catalog", CONTENT)
    fetch(plain.NAME)
    shared = (tmp_path / "cache").rename(tmp_path / "shared")
    before = close(shared)
    monkeypatch.setenv("NEURODATA4ML_SHARED_CACHE", os.pathsep.join([str(tmp_path / "nowhere"), str(shared)]))
    assert crowd.run(read_only)[0].get("path") == str(shared / "plain/1/sub-1/a.nwb")
    assert contents(shared) == before
    assert not (tmp_path / "cache").exists()
    assert len(archive.downloads()) == 1
    for folder in (shared, *(path for path in shared.rglob("*") if path.is_dir())):
        folder.chmod(0o755)
    (shared / "plain/1/sub-1/a.nwb.verified.json").unlink()
    assert fetch(plain.NAME) == tmp_path / "cache/plain/1/sub-1/a.nwb", "without a receipt nothing is believed"


def test_the_own_cache_comes_before_the_shared_ones_and_wrong_bytes_there_are_not_used(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = plain.pin(archive, tmp_path / "catalog", CONTENT)
    fetch(plain.NAME)
    shared = (tmp_path / "cache").rename(tmp_path / "shared")
    monkeypatch.setenv("NEURODATA4ML_SHARED_CACHE", str(shared))
    there = shared / "plain/1/sub-1/a.nwb"
    assert store.cached(describe(plain.NAME)) == there
    its = there.with_name("a.nwb.verified.json").read_text()
    there.write_bytes(CONTENT[::-1])
    assert store.cached(describe(plain.NAME)) is None
    assert fetch(plain.NAME) == final
    assert there.read_bytes() == CONTENT[::-1]
    assert there.with_name("a.nwb.verified.json").read_text() == its
    there.write_bytes(CONTENT)
    assert store.cached(describe(plain.NAME)) == final


def test_a_file_where_the_cache_should_be_names_the_variable(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    plain.pin(archive, tmp_path / "catalog", CONTENT)
    with pytest.raises(DiskError, match=r"cannot write to the cache .*Set NEURODATA4ML_CACHE to a folder"):
        fetch(plain.NAME)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM])
def test_trouble_of_the_disk_is_a_disk_error(number: int) -> None:
    with pytest.raises(DiskError, match="x") as raised, disk.refuse_trouble("x"):
        raise OSError(number, "whatever the system says")
    assert "whatever the system says" in str(raised.value)
    assert raised.value.exit_code == 6


def test_other_trouble_is_not_hidden() -> None:
    with pytest.raises(IsADirectoryError), disk.refuse_trouble("x"):
        raise IsADirectoryError(errno.EISDIR, "")


def test_a_file_larger_than_the_disk_is_not_begun(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match=r"x needs 1,000,000,000,000,000,000 bytes more and .* free. Make room"):
        room.check_room(tmp_path, 10**18, "x")


def test_what_arrived_already_needs_no_room(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    final = plain.pin(archive, tmp_path / "catalog", CONTENT)
    part = parts.claim(final.parent.mkdir(parents=True) or final, _wanted(), etag="")
    part.remember("")
    part.write(CONTENT[:300_000])
    part.release()
    monkeypatch.setattr(room, "SPARE", 0)
    free = {"bytes": 99_999}
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free["bytes"]}))
    with pytest.raises(DiskError, match="plain 1 needs 100,000 bytes more"):
        fetch(plain.NAME)
    free["bytes"] = 100_000
    assert fetch(plain.NAME) == final


def test_at_the_limit_of_the_cache_the_least_recently_used_files_are_named_and_nothing_goes(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = {name: {"path": f"{name}.nwb"} for name in ("1", "2", "3")}
    plain.pin(archive, tmp_path / "catalog", CONTENT, sessions)
    for session, when in (("1", 2_000_000), ("2", 1_000_000)):
        os.utime(receipts.place(fetch(plain.NAME, session)), (when, when))
    monkeypatch.setenv("NEURODATA4ML_CACHE_LIMIT", "1 MB")
    with pytest.raises(DiskError, match="plain 3 needs 400,000 bytes more; the cache holds") as raised:
        fetch(plain.NAME, "3")
    assert "the 1,000,000 that NEURODATA4ML_CACHE_LIMIT allows" in str(raised.value)
    assert str(raised.value).endswith("no longer need: neurodata4ml cache rm plain --session 2 (400,000 bytes)")
    assert store.cached(describe(plain.NAME), "2")
    assert len(archive.downloads()) == 2
    monkeypatch.setenv("NEURODATA4ML_CACHE_LIMIT", "2MB")
    assert fetch(plain.NAME, "3").read_bytes() == CONTENT
    fetch(plain.NAME, "2")
    assert min(receipts.all_held(), key=lambda held: held.used).session == "1", "2 was used"


def test_where_only_unfinished_parts_fill_the_cache_they_are_what_can_go(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain.pin(archive, tmp_path / "catalog", CONTENT)
    monkeypatch.setenv("NEURODATA4ML_CACHE_LIMIT", "100kB")
    with pytest.raises(DiskError, match=r"Raise the limit, or .*: neurodata4ml cache rm --all --unfinished"):
        fetch(plain.NAME)


def test_a_limit_that_is_no_size_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_CACHE_LIMIT", "much")
    with pytest.raises(NeuroDataError, match="NEURODATA4ML_CACHE_LIMIT is 'much'; it must be a size, like 50GB"):
        room.limit()
    monkeypatch.setenv("NEURODATA4ML_CACHE_LIMIT", "50GB")
    assert room.limit() == 50 * 10**9
    monkeypatch.delenv("NEURODATA4ML_CACHE_LIMIT")
    assert room.limit() == 0


@pytest.mark.parametrize("number", [errno.EIO, errno.ENAMETOOLONG, errno.ESTALE])
def test_a_disk_that_fails_is_named_with_the_file(number: int, tmp_path: Path) -> None:
    with (
        pytest.raises(DiskError, match=r"x could not be written to .*: failed .a.nwb.* folder on another"),
        disk.refuse_trouble("x"),
    ):
        raise OSError(number, "failed", "a.nwb")


@posix
def test_a_disk_without_modes_is_written_to(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refused)
    plain.pin(archive, tmp_path / "catalog", CONTENT)
    assert fetch(plain.NAME).read_bytes() == CONTENT


@posix
def test_the_cache_of_a_group_stays_open_to_the_group(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(0o2775)
    mask = os.umask(0o077)
    try:
        final = plain.pin(archive, tmp_path / "catalog", CONTENT)
        fetch(plain.NAME)
    finally:
        os.umask(mask)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (final, receipts.place(final))] == [0o664] * 2
    folder = final.parent
    while folder != tmp_path / "cache":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o2775, folder
        folder = folder.parent
    locks = tmp_path / "cache" / ".locks"
    assert stat.S_IMODE(locks.stat().st_mode) == 0o2775
    assert [stat.S_IMODE(path.stat().st_mode) for path in locks.glob("*.lock")] == [0o664]


def _wanted() -> dict[str, object]:
    return {"session": "1", "size": len(CONTENT), "digest": hashlib.sha256(CONTENT).hexdigest()}


def test_what_hdf5_says_of_a_full_disk_when_it_closes_a_file_is_understood() -> None:
    """It is no ``OSError`` then, and the number stands in words; nothing of such a file can be continued."""
    said = f"Can't decrement id ref count (unable to extend file properly, errno = {errno.ENOSPC}, error message = ...)"
    with (
        pytest.raises(DiskError, match=r"demo could not be written to .*: No space left on device\. Make room"),
        disk.refuse_trouble("demo", keeps=False),
    ):
        raise RuntimeError(said)
    with pytest.raises(RuntimeError), disk.refuse_trouble("demo"):
        raise RuntimeError
