"""The cache holds verified files and nothing else, whatever happens on the way."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive import Archive, guo_alm_local, guo_alm_twin
from conftest import real_data
from neurodata4ml import describe, fetch
from neurodata4ml.data.cache import parts, receipts, store
from neurodata4ml.data.cache.digests import digests
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError, NotCachedError

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
    part = parts.own(final, ".part", process=0)
    part.write_bytes(content[:n_bytes])
    state = {
        "session": describe(NAME).default_session,
        "size": len(stored.content),
        "digest": stored.sha256,
        "etag": stored.etag,
    }
    part.with_name(part.name + ".json").write_text(json.dumps(state))


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
    fetch(NAME)
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


def test_a_flipped_byte_leaves_no_file(twin: bytes, archive: Archive, cache: Path) -> None:
    put(archive, cache, twin)
    archive.faults.flip_at = len(twin) // 2
    with pytest.raises(ChecksumError, match=r"arrived with sha256 .* published is .* none were kept. Run the same"):
        fetch(NAME)
    assert files(cache) == []
    archive.faults.flip_at = -1
    assert fetch(NAME).read_bytes() == twin


def test_a_part_that_went_bad_on_the_disk_is_found_out_and_all_is_asked_for_anew(
    twin: bytes, archive: Archive, cache: Path
) -> None:
    final = put(archive, cache, twin)
    leave_part(final, b"x" * 1000, archive, n_bytes=1000)
    assert fetch(NAME).read_bytes() == twin
    assert [request.range for request in archive.downloads()] == ["bytes=1000-", ""]
    assert files(cache) == [final.name, final.name + ".verified.json"]


@pytest.mark.parametrize(
    "state", ['{"session": "20170627T093549", "size": 1, "digest": "other", "etag": ""}', "{", "[]"]
)
def test_a_part_of_another_file_is_not_continued(state: str, twin: bytes, archive: Archive, cache: Path) -> None:
    final = put(archive, cache, twin)
    final.parent.mkdir(parents=True)
    part = parts.own(final, ".part", process=0)
    part.write_bytes(b"x" * 1000)
    part.with_name(part.name + ".json").write_text(state)
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
    assert parts.arrived(final) == 100_000
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

    for size in (0, 1, (64 << 20) + 1):
        path = tmp_path / str(size)
        path.write_bytes(bytes(size))
        with open(path, "rb") as file:
            assert digests(file, "etag")["etag"] == DandiETag.from_file(path).as_str()


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


@pytest.mark.parametrize(
    "written",
    [
        "[" * 100_000,
        "[]",
        '{"size": "1", "sha256": 5}',
        '{"size": {}, "sha256": "a"}',
        '{"size": 1, "sha256": "a", "archive": 5}',
        '{"size": 1, "sha256": "a", "archive": {}}',
        '{"size": 1, "sha256": "a", "what": 5}',
        '{"size": 1, "sha256": "a", "what": [5]}',
        "\x00",
    ],
)
def test_a_receipt_that_is_none_is_no_reason_to_trust_or_to_fall(
    written: str, twin: bytes, archive: Archive, cache: Path
) -> None:
    put(archive, cache, twin)
    path = store.fetch(NAME)
    receipts.place(path).write_text(written)
    assert store.receipt(path) == {}
    assert store.cached(describe(NAME)) is None
    assert not list(receipts.all_held())
    assert store.fetch(NAME).read_bytes() == twin
    assert store.cached(describe(NAME)) == path


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


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_written")
def test_the_demo_is_written_once_per_seed_under_its_version_and_a_killed_simulation_leaves_nothing(
    cache: Path,
) -> None:
    dead = in_another_process("")
    dead.communicate()
    folder = store.place(describe("demo")).parent
    folder.mkdir(parents=True)
    mine = parts.own(folder / "demo_seed-0.nwb", ".part.nwb")
    theirs = mine.with_name(mine.name.replace(f"-{os.getpid()}-", f"-{dead.pid}-"))
    for path in (mine, theirs):
        path.write_bytes(b"half a file")
    path = fetch("demo")
    assert mine.exists(), "its process lives"
    assert not theirs.exists()
    mine.unlink()
    assert path.relative_to(cache).parts == ("demo", describe("demo").version, "demo_seed-0.nwb")
    written = path.stat().st_mtime_ns
    assert fetch("demo") == path
    assert path.stat().st_mtime_ns == written
    assert files(cache) == [path.name, path.name + ".verified.json"]
    assert len(store.receipt(path)["sha256"]) == 64
