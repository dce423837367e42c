"""The cache holds verified files and nothing else, whatever happens on the way."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from archive import Archive, guo_alm_local, guo_alm_twin
from conftest import real_data
from neurodata4ml import describe, fetch
from neurodata4ml.data.cache import disk, parts, store
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError, NeuroDataError, NotCachedError

REAL = "mouse-alm/sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb"
NAME = "guo-alm-local"


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return guo_alm_twin(tmp_path_factory.mktemp("twin") / "twin.nwb")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    (tmp_path / "catalog").mkdir()
    return tmp_path / "cache"


@pytest.fixture
def archive(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    with Archive() as archive:
        monkeypatch.setenv("NEURODATA4ML_DANDI_API", archive.api)
        yield archive


def put(archive: Archive, cache: Path, content: bytes, **pin: object) -> Path:
    """Store the file in the archive, write its entry; return where it will lie."""
    guo_alm_local(archive, cache.parent / "catalog", content, **pin)
    return store.place(describe(NAME))


def files(cache: Path) -> list[str]:
    """Names of all files of datasets in the cache."""
    return sorted(
        path.name for path in cache.rglob("*") if path.is_file() and path.parent not in (cache, cache / ".locks")
    )


def in_another_process(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def leave_part(final: Path, content: bytes, archive: Archive, n_bytes: int) -> None:
    """Leave a part in the cache as a download that failed does."""
    stored = archive.files[0]
    final.parent.mkdir(parents=True, exist_ok=True)
    final.with_name(final.name + ".part").write_bytes(content[:n_bytes])
    state = {"size": len(stored.content), "sha256": stored.sha256, "etag": stored.etag}
    final.with_name(final.name + ".part.json").write_text(json.dumps(state))


def arriving(final: Path, process: subprocess.Popen[str], at_least: int) -> Path:
    """Wait until so many bytes have arrived; return the part they are in."""
    while True:
        for part in final.parent.glob("*.part") if final.parent.exists() else ():
            if part.stat().st_size >= at_least:
                return part
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


FETCH = f"from neurodata4ml import fetch; print(fetch({NAME!r}))"


@pytest.mark.parametrize("which", ["twin", "real"])
def test_a_recording_is_fetched_once_verified_and_then_found(
    which: str, twin: bytes, archive: Archive, cache: Path
) -> None:
    content = twin if which == "twin" else real_data(REAL).read_bytes()
    final = put(archive, cache, content)
    assert store.cached(describe(NAME)) is None
    assert fetch(NAME) == final
    assert final.read_bytes() == content
    assert final.relative_to(cache).parts[:2] == (NAME, "0.220126.1903")
    assert files(cache) == [final.name, final.name + ".verified.json"]
    assert (cache / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    n_requests = len(archive.log)
    assert fetch(NAME, "20170627T093549") == store.cached(describe(NAME)) == final
    assert len(archive.log) == n_requests, "a cached file asks nobody"
    its = store.receipt(final)
    assert its["sha256"] == hashlib.sha256(content).hexdigest()
    assert its["note"] == "pinned in the catalog"


def test_a_fetched_recording_opens_as_a_session(twin: bytes, archive: Archive, cache: Path) -> None:
    from neurodata4ml import open_session

    put(archive, cache, twin)
    session = open_session(NAME)
    assert dict(session.sizes)["unit"] == 4
    assert session.sizes["trial"] == 40
    assert session.attrs["sha256"] == hashlib.sha256(twin).hexdigest()
    session.close()


@pytest.mark.parametrize("which", ["twin", "real"])
def test_a_download_killed_half_way_is_resumed_where_it_stood(
    which: str, twin: bytes, archive: Archive, cache: Path
) -> None:
    content = twin if which == "twin" else real_data(REAL).read_bytes()
    final = put(archive, cache, content)
    archive.faults.pause = 0.05
    victim = in_another_process(FETCH)
    part = arriving(final, victim, at_least=len(content) // 4)
    victim.kill()  # SIGKILL: no chance to tidy up
    victim.communicate()
    have = part.stat().st_size
    assert 0 < have < len(content)
    assert not final.exists()
    archive.faults.pause = 0
    assert fetch(NAME) == final
    assert final.read_bytes() == content
    first, second = archive.downloads()
    assert first.range == ""
    assert (second.range, second.status) == (f"bytes={have}-", 206)
    assert files(cache) == [final.name, final.name + ".verified.json"]


def test_two_processes_fetch_the_same_file_at_once_and_move_it_once(twin: bytes, archive: Archive, cache: Path) -> None:
    final = put(archive, cache, twin)
    archive.faults.pause = 0.01
    both = [in_another_process(FETCH) for _ in range(2)]
    for process in both:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert out.strip() == str(final)
    assert final.read_bytes() == twin
    assert len(archive.downloads()) == 1


UNLOCKED = """
import filelock
class Yes:
    def __init__(self, *_, **__): ...
    def acquire(self, *_, **__): ...
    def release(self): ...
filelock.FileLock = Yes
"""
"""A lock that says yes to everyone: what flock does on many shared disks."""


@pytest.mark.parametrize("left", [0, 100_000])
def test_two_processes_without_a_working_lock_never_share_a_part(
    left: int, twin: bytes, archive: Archive, cache: Path
) -> None:
    final = put(archive, cache, twin)
    if left:
        leave_part(final, twin, archive, n_bytes=left)
    archive.faults.pause = 0.02
    first = in_another_process(UNLOCKED + FETCH)
    arriving(final, first, at_least=150_000)
    archive.faults.pause = 0.5  # the first is held until the second is there too
    both = [first, in_another_process(UNLOCKED + FETCH)]
    deadline = time.monotonic() + 60
    while len(archive.downloads()) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    archive.faults.pause = 0
    for process in both:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert out.strip() == str(final)
        assert final.read_bytes() == twin
    assert sorted(request.range for request in archive.downloads()) == ["", f"bytes={left}-" if left else ""]
    assert files(cache) == [final.name, final.name + ".verified.json"]
    assert store.cached(describe(NAME)) == final


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
def test_a_process_taken_for_dead_notices_and_touches_nothing(twin: bytes, archive: Archive, cache: Path) -> None:
    final = put(archive, cache, twin)
    archive.faults.pause = 0.05
    sleeper = in_another_process(UNLOCKED + FETCH)
    part = arriving(final, sleeper, at_least=50_000)
    sleeper.send_signal(signal.SIGSTOP)
    n_bytes = part.stat().st_size
    os.utime(part, (0, 0))  # more than a day ago
    archive.faults.pause = 0
    assert fetch(NAME).read_bytes() == twin
    assert archive.downloads()[-1].range == f"bytes={n_bytes}-"
    sleeper.send_signal(signal.SIGCONT)
    _, err = sleeper.communicate()
    assert "NeuroDataError: another process took over" in err
    assert "Run the same line again: it waits for the other, or continues in its place" in err
    assert final.read_bytes() == twin
    assert files(cache) == [final.name, final.name + ".verified.json"]


def test_a_part_that_somebody_may_still_write_is_left_alone(twin: bytes, archive: Archive, cache: Path) -> None:
    final = put(archive, cache, twin)
    leave_part(final, twin, archive, n_bytes=1000)
    elsewhere = final.with_name(f"{final.name}.00000000-1-00000000.part")  # on another host
    os.rename(final.with_name(final.name + ".part"), elsewhere)
    assert fetch(NAME).read_bytes() == twin
    assert archive.downloads()[0].range == ""
    assert elsewhere.stat().st_size == 1000


@pytest.mark.parametrize("error", [NotImplementedError(), OSError(errno.ENOLCK, "No locks available")])
def test_where_the_disk_has_no_locks_it_goes_without(
    error: Exception, twin: bytes, archive: Archive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Never(filelock.FileLock):
        def _acquire(self) -> None:
            raise error

    monkeypatch.setattr(filelock, "FileLock", Never)
    put(archive, cache, twin)
    assert fetch(NAME).read_bytes() == twin


def test_waiting_for_another_process_is_said_and_ends(
    twin: bytes, archive: Archive, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    final = put(archive, cache, twin)
    archive.faults.pause = 0.2
    holder = in_another_process(FETCH)
    arriving(final, holder, at_least=1)
    for name, seconds in (("FIRST_WORD", 0.05), ("NEXT_WORD", 0.05), ("LONGEST_WAIT", 0.12)):
        monkeypatch.setattr(disk, name, seconds)
    whose = rf"process {holder.pid} on \S+ \(since \d\d:\d\d\)"
    with pytest.raises(NeuroDataError, match=whose + r" has held the lock on guo-alm-local .* delete .*\.lock first"):
        fetch(NAME)
    assert re.search(f"waiting for {whose}, which fetches guo-alm-local", caplog.text)
    holder.kill()
    holder.communicate()
    archive.faults.pause = 0
    assert fetch(NAME).read_bytes() == twin


def test_a_flipped_byte_leaves_no_file(twin: bytes, archive: Archive, cache: Path) -> None:
    put(archive, cache, twin)
    archive.faults.flip_at = len(twin) // 2
    with pytest.raises(ChecksumError, match=r"arrived with sha256 .* published is .* none were kept. Run the same"):
        fetch(NAME)
    assert files(cache) == []
    archive.faults.flip_at = -1
    assert fetch(NAME).read_bytes() == twin


def test_a_part_that_went_bad_on_the_disk_is_found_out(twin: bytes, archive: Archive, cache: Path) -> None:
    final = put(archive, cache, twin)
    archive.faults.drop_after, archive.faults.drops = 100_000, 1
    archive.faults.unavailable = 0
    fetch(NAME)
    final.unlink()
    leave_part(final, b"x" * 1000, archive, n_bytes=1000)
    with pytest.raises(ChecksumError, match="arrived with sha256"):
        fetch(NAME)
    assert final.name not in files(cache)
    assert fetch(NAME).read_bytes() == twin


@pytest.mark.parametrize("state", ['{"size": 1, "sha256": "other", "etag": ""}', "{", "[]"])
def test_a_part_of_another_file_is_not_continued(state: str, twin: bytes, archive: Archive, cache: Path) -> None:
    final = put(archive, cache, twin)
    final.parent.mkdir(parents=True)
    final.with_name(final.name + ".part").write_bytes(b"x" * 1000)
    final.with_name(final.name + ".part.json").write_text(state)
    assert fetch(NAME).read_bytes() == twin
    assert archive.downloads()[0].range == ""


def test_a_broken_network_keeps_what_arrived(
    twin: bytes, archive: Archive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.presigned_only = True
    final = put(archive, cache, twin)
    monkeypatch.setattr("neurodata4ml.data.remote.transport.PATIENT", 1)
    archive.faults.drop_after, archive.faults.drops = 100_000, 1
    with pytest.raises(
        ArchiveError, match=r"did not deliver guo-alm-local .* 100,000 bytes are kept, and it continues there"
    ):
        fetch(NAME)
    assert final.with_name(final.name + ".part").stat().st_size == 100_000
    assert fetch(NAME).read_bytes() == twin
    assert archive.downloads()[-1].range == "bytes=100000-"


def test_an_expired_signature_is_renewed(twin: bytes, archive: Archive, cache: Path) -> None:
    archive.presigned_only = True
    archive.faults.expired = 1
    put(archive, cache, twin)
    assert fetch(NAME).read_bytes() == twin


def test_without_sha256_the_archives_etag_decides(twin: bytes, archive: Archive, cache: Path) -> None:
    put(archive, cache, twin, sha256="", size=0)
    archive.files[0].sha256 = ""
    archive.faults.flip_at = 5
    with pytest.raises(ChecksumError, match="arrived with etag"):
        fetch(NAME)
    archive.faults.flip_at = -1
    its = store.receipt(fetch(NAME))
    assert its["sha256"] == hashlib.sha256(twin).hexdigest()
    assert its["note"] == "stated by the archive; the catalog pins none"


def test_the_etag_is_that_of_dandi_over_parts_of_64_mib(tmp_path: Path) -> None:
    """Computed by dandi's own code."""
    from dandischema.digests.dandietag import DandiETag

    for size in (0, 1, 64 << 20, (64 << 20) + 1):
        path = tmp_path / str(size)
        path.write_bytes(bytes(size))
        with open(path, "rb") as file:
            assert disk.digests(file, etag=True)["etag"] == DandiETag.from_file(path).as_str()


def test_a_pin_that_changes_makes_the_cached_file_a_stranger(twin: bytes, archive: Archive, cache: Path) -> None:
    put(archive, cache, twin)
    fetch(NAME)
    archive.files.clear()
    put(archive, cache, twin + b"corrected")
    assert store.cached(describe(NAME)) is None
    assert fetch(NAME).read_bytes() == twin + b"corrected"


def test_offline_a_cached_file_is_found_and_a_missing_one_named(
    twin: bytes, archive: Archive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = put(archive, cache, twin)
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    line = "neurodata4ml fetch guo-alm-local --session 20170627T093549"
    with pytest.raises(NotCachedError, match=f"session 20170627T093549 is not in the cache .* type: {line}"):
        fetch(NAME)
    assert not archive.log
    assert not cache.exists()
    final.parent.mkdir(parents=True)
    final.write_bytes(b"something else")
    with pytest.raises(NotCachedError, match="is not in the cache"):
        fetch(NAME)
    final.write_bytes(twin)  # carried here by hand, as one does on a cluster: its digest is the proof
    assert fetch(NAME) == final
    assert store.receipt(final)["size"] == len(twin)


def test_a_truncated_file_in_the_cache_is_fetched_anew(twin: bytes, archive: Archive, cache: Path) -> None:
    put(archive, cache, twin)
    final = fetch(NAME)
    final.write_bytes(twin[:100])
    assert store.cached(describe(NAME)) is None
    assert fetch(NAME).read_bytes() == twin


def test_a_file_touched_since_it_was_verified_is_read_again(twin: bytes, archive: Archive, cache: Path) -> None:
    put(archive, cache, twin)
    final = fetch(NAME)
    os.utime(final)
    assert store.cached(describe(NAME)) == final
    assert store.receipt(final)["mtime_ns"] == final.stat().st_mtime_ns, "the new time is remembered"
    final.write_bytes(twin[:-1] + b"?")  # as long as before
    assert store.cached(describe(NAME)) is None
    assert fetch(NAME).read_bytes() == twin


def test_a_cache_that_cannot_be_written_names_the_variable(
    twin: bytes, archive: Archive, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file where a folder should be")
    put(archive, cache, twin)
    with pytest.raises(NeuroDataError, match=r"cannot write to the cache .*Set NEURODATA4ML_CACHE to a folder"):
        fetch(NAME)


def test_a_file_larger_than_the_disk_is_not_begun(twin: bytes, archive: Archive, cache: Path) -> None:
    guo_alm_local(archive, cache.parent / "catalog", twin)
    with pytest.raises(NeuroDataError, match=r"x needs 1,000,000,000,000,000,000 bytes more and .* free. Make room"):
        disk.check_room(cache.parent, 10**18, "x")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_disk_that_fills_up_ends_in_a_sentence_and_keeps_the_part(twin: bytes, archive: Archive, cache: Path) -> None:
    final = put(archive, cache, twin)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
    process = in_another_process(limit + FETCH)
    _, err = process.communicate()
    assert "could not be written to" in err
    assert "Make room and run the same line again" in err
    assert files(cache) == [final.name + ".part", final.name + ".part.json"]
    assert fetch(NAME).read_bytes() == twin
    assert archive.downloads()[-1].status == 206


@pytest.mark.parametrize(
    "path",
    ["../a.nwb", "/a.nwb", "a//b.nwb", "c:/a.nwb", "a\\b.nwb", "a\0.nwb", "sub/nul.nwb", "COM1", "a. ", "a?.nwb", ""],
)
def test_no_name_leads_out_of_the_cache_or_fails_on_another_system(path: str, archive: Archive, cache: Path) -> None:
    with pytest.raises(CatalogError, match="cannot be a file's name everywhere; use a relative path"):
        put(archive, cache, b"x", path=path)
    with pytest.raises(CatalogError, match="cannot be a file's name everywhere"):
        fetch(NAME)
    assert not archive.log


def test_progress_is_told(twin: bytes, archive: Archive, cache: Path) -> None:
    put(archive, cache, twin)
    seen: list[tuple[int, int]] = []
    fetch(NAME, progress=lambda have, total: seen.append((have, total)))
    assert seen[-1] == (len(twin), len(twin))
    assert seen == sorted(seen)


def test_a_local_file_is_used_in_place_and_its_pin_is_held(cache: Path, twin: bytes) -> None:
    folder = cache.parent / "catalog"
    with Archive() as archive:
        guo_alm_local(archive, folder, twin, path="a.nwb")
    toml = folder / f"{NAME}.toml"
    toml.write_text(toml.read_text().replace('archive = "dandi"', 'archive = "local"'))
    (folder / "a.nwb").write_bytes(twin)
    assert fetch(NAME) == folder / "a.nwb"
    (folder / "a.nwb").write_bytes(twin[::-1])
    with pytest.raises(ChecksumError, match=r"guo-alm-local .*a.nwb. arrived with sha256"):
        fetch(NAME)
    assert not cache.exists()
    (folder / "a.nwb").unlink()
    for look in (lambda: store.cached(describe(NAME)), lambda: fetch(NAME)):
        with pytest.raises(CatalogError, match=r"says that session .* is .*a.nwb, and there is no such file"):
            look()


def test_a_simulation_that_was_killed_leaves_nothing_for_ever(cache: Path) -> None:
    dead = in_another_process("")
    dead.communicate()
    folder = store.place(describe("demo")).parent
    folder.mkdir(parents=True)
    mine = parts.own(folder / "demo_seed-0.nwb", ".part.nwb")
    theirs = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{dead.pid}-"))
    for path in (mine, theirs):
        path.write_bytes(b"half a file")
    assert fetch("demo").name in files(cache)
    assert mine.name in files(cache), "its process lives"
    assert theirs.name not in files(cache)


def test_the_demo_is_written_once_per_seed_under_the_version_of_its_format(cache: Path) -> None:
    path = fetch("demo")
    assert path.relative_to(cache).parts == ("demo", describe("demo").version, "demo_seed-0.nwb")
    written = path.stat().st_mtime_ns
    assert fetch("demo") == path
    assert path.stat().st_mtime_ns == written
    assert files(cache) == [path.name, path.name + ".verified.json"]
    assert len(store.receipt(path)["sha256"]) == 64
