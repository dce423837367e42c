"""Many processes fetch one file at once, with locks that work, that say yes to everyone, and that do not exist."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import filelock
import numpy as np
import pytest

import plain
from archive import Archive
from clocks import own_time
from crowd import Crowd
from neurodata4ml import describe, fetch
from neurodata4ml.data.cache import disk, parts, store
from neurodata4ml.data.remote import transport
from neurodata4ml.errors import NeuroDataError

OLD, NEW = (np.random.default_rng(seed).bytes(600_000) for seed in (1, 2))
JOB = {"name": plain.NAME}

forks = pytest.mark.skipif(sys.platform == "win32", reason="needs fork")


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


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def names(final: Path) -> list[str]:
    return sorted(path.name for path in final.parent.iterdir())


def writer(part: Path) -> int:
    """Return the process whose part it is."""
    return int(part.name.split("-")[-2])


def leave_part(final: Path, content: bytes, archive: Archive) -> Path:
    """Leave what arrived of the file, as a download that failed does."""
    stored = archive.files[-1]
    final.parent.mkdir(parents=True)
    part = parts.own(final, ".part", process=0)
    part.write_bytes(content)
    state = {"session": "1", "size": len(stored.content), "digest": stored.sha256, "etag": stored.etag.strip('"')}
    part.with_name(part.name + ".json").write_text(json.dumps(state))
    return part


def arriving(final: Path, at_least: int) -> Path:
    """Wait until so many bytes have arrived; return the part they are in."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for part in final.parent.glob("*.part") if final.parent.exists() else ():
            if part.stat().st_size >= at_least:
                return part
        time.sleep(0.005)
    raise AssertionError("nothing arrives")


@forks
def test_eight_processes_with_a_working_lock_move_the_file_once(archive: Archive, crowd: Crowd, tmp_path: Path) -> None:
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    told = crowd.run(*[JOB] * 8)
    assert [each.get("path") for each in told] == [str(final)] * 8
    assert final.read_bytes() == NEW
    assert len(archive.downloads()) == 1


@pytest.mark.slow
@forks
@pytest.mark.parametrize("there_is_an_older_file", [False, True])
def test_eight_processes_without_a_working_lock_show_no_wrong_byte_and_all_end_right(
    there_is_an_older_file: bool, archive: Archive, crowd: Crowd, tmp_path: Path
) -> None:
    if there_is_an_older_file:
        plain.pin(archive, tmp_path / "catalog", OLD)
        crowd.run(JOB)
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    n_before = len(archive.downloads())
    archive.faults.rate = 600_000
    until = tmp_path / "enough"
    with Crowd() as watchers:
        watchers.start({"watch": str(final), "until": str(until)})
        told = crowd.run(*[{**JOB, "unlocked": True}] * 8)
        until.touch()
        (watched,) = watchers.told()
    assert [each.get("path") for each in told] == [str(final)] * 8, told
    assert watched["seen"] == ([sha256(OLD)] if there_is_an_older_file else []) + [sha256(NEW)]
    assert len(archive.downloads()) > n_before + 1, "the lock did its work: nothing was tested"
    assert final.read_bytes() == NEW
    assert store.cached(describe(plain.NAME)) == final
    assert names(final) == [final.name, final.name + ".verified.json"]


@forks
def test_of_unlocked_processes_one_continues_what_was_left_and_none_shares_it(
    archive: Archive, crowd: Crowd, tmp_path: Path
) -> None:
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    leave_part(final, NEW[:200_000], archive)
    archive.faults.rate = 600_000
    told = crowd.run(*[{**JOB, "unlocked": True}] * 3)
    assert [each.get("path") for each in told] == [str(final)] * 3, told
    assert sorted(request.range for request in archive.downloads()) == ["", "", "bytes=200000-"]
    assert names(final) == [final.name, final.name + ".verified.json"]


@forks
def test_a_process_taken_for_dead_notices_and_touches_nothing(archive: Archive, crowd: Crowd, tmp_path: Path) -> None:
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    archive.faults.rate = 300_000
    crowd.start({**JOB, "unlocked": True})
    part = arriving(final, at_least=100_000)
    os.kill(writer(part), signal.SIGSTOP)
    n_bytes = part.stat().st_size
    os.utime(part, (0, 0))  # more than a day ago
    archive.faults.rate = 0
    assert fetch(plain.NAME).read_bytes() == NEW
    assert archive.downloads()[-1].range == f"bytes={n_bytes}-"
    time.sleep(parts.TRUSTED_SECONDS)  # nobody who slept for a day trusts that the file is still its own
    os.kill(writer(part), signal.SIGCONT)
    (told,) = crowd.told()
    assert "another process took over" in told["error"]
    assert "Run the same line again: it waits for the other, or continues in its place" in told["error"]
    assert final.read_bytes() == NEW
    assert names(final) == [final.name, final.name + ".verified.json"]


def test_a_part_that_somebody_may_still_write_is_left_alone(archive: Archive, tmp_path: Path) -> None:
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    part = leave_part(final, NEW[:1000], archive)
    elsewhere = final.with_name(f"{final.name}.00000000-1-00000000.part")  # on another host, or in another container
    os.rename(part, elsewhere)
    assert fetch(plain.NAME).read_bytes() == NEW
    assert archive.downloads()[0].range == ""
    assert elsewhere.stat().st_size == 1000


@pytest.mark.parametrize(("silence", "is_continued"), [(600, False), (1000, True)])
def test_what_another_host_left_is_continued_after_15_minutes_of_silence(
    silence: int, is_continued: bool, archive: Archive, tmp_path: Path
) -> None:
    """A job of a cluster that goes on elsewhere, or a container that was started anew."""
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    part = leave_part(final, NEW[:1000], archive)
    elsewhere = final.with_name(f"{final.name}.00000000-1-00000000.part")
    for suffix in ("", ".json"):
        os.rename(f"{part}{suffix}", f"{elsewhere}{suffix}")
    os.utime(elsewhere, (time.time() - silence,) * 2)
    assert parts.arrived(final) == (1000 if is_continued else 0)
    assert parts.is_abandoned(elsewhere) == is_continued
    assert fetch(plain.NAME).read_bytes() == NEW
    assert archive.downloads()[0].range == ("bytes=1000-" if is_continued else "")


def test_a_writer_that_waits_for_its_server_shows_that_it_lives(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The longest silence that a server may ask for, several times in a row, is longer than that of the dead."""
    assert transport.LONGEST_WAIT * transport.PATIENT > parts.LONGEST_SILENCE_ELSEWHERE > transport.LONGEST_WAIT
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    archive.faults.unavailable, archive.faults.retry_after = 3, "300"
    clock = [time.monotonic()]
    silent: list[float] = []

    def nap(seconds: float) -> None:
        clock[0] += seconds
        (part,) = final.parent.glob("*.part")
        its = part.stat()
        silent.append(time.time() - its.st_mtime)
        os.utime(part, (its.st_atime - seconds, its.st_mtime - seconds))  # time goes on

    own_time(monkeypatch, transport, sleep=nap)
    own_time(monkeypatch, parts, monotonic=lambda: clock[0])
    assert fetch(plain.NAME).read_bytes() == NEW
    assert sum(silent) > 0
    assert parts.SIGN - 1 < max(silent) < 2 * parts.SIGN


@pytest.mark.parametrize("kind", ["a link", "a second name", "a folder"])
def test_what_pretends_to_be_left_is_not_written_through(kind: str, archive: Archive, tmp_path: Path) -> None:
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    part = leave_part(final, NEW[:1000], archive)
    diary = tmp_path / "diary"
    diary.write_bytes(NEW[:1000])
    part.unlink()
    if kind == "a link":
        part.symlink_to(diary)
    elif kind == "a second name":
        part.hardlink_to(diary)
    else:
        part.mkdir()
    assert fetch(plain.NAME).read_bytes() == NEW
    assert diary.read_bytes() == NEW[:1000]
    assert [request.range for request in archive.downloads()] == [""]


@pytest.mark.parametrize(
    "error",
    [
        NotImplementedError(),
        OSError(errno.ENOLCK, "No locks available"),
        PermissionError(errno.EACCES, "Permission denied"),  # a lock that another user left
    ],
)
def test_where_the_disk_has_no_locks_it_goes_without(
    error: Exception, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Never(filelock.FileLock):
        def _acquire(self) -> None:
            raise error

    monkeypatch.setattr(filelock, "FileLock", Never)
    plain.pin(archive, tmp_path / "catalog", NEW)
    assert fetch(plain.NAME).read_bytes() == NEW


@forks
def test_a_process_that_still_receives_bytes_is_waited_for_however_long_that_takes(
    archive: Archive, crowd: Crowd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    archive.faults.pause, archive.faults.piece = 0.03, 20_000
    crowd.start(JOB)
    arriving(final, at_least=1)
    for name, seconds in (("FIRST_WORD", 0.1), ("NEXT_WORD", 0.1), ("LONGEST_WAIT", 0.3)):
        monkeypatch.setattr(disk, name, seconds)
    began = time.monotonic()
    assert fetch(plain.NAME) == final
    assert time.monotonic() - began > 2 * disk.LONGEST_WAIT
    assert crowd.told()[0]["path"] == str(final)
    assert len(archive.downloads()) == 1


@forks
def test_waiting_for_another_process_is_said_and_ends(
    archive: Archive, crowd: Crowd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    final = plain.pin(archive, tmp_path / "catalog", NEW)
    archive.faults.rate = 100_000
    crowd.start(JOB)
    holder = writer(arriving(final, at_least=1))
    for name, seconds in (("FIRST_WORD", 0.05), ("NEXT_WORD", 0.05), ("LONGEST_WAIT", 0.12)):
        monkeypatch.setattr(disk, name, seconds)
    whose = rf"process {holder} on \S+ \(since \d\d:\d\d\)"
    with pytest.raises(NeuroDataError, match=whose + r" holds the lock on plain .* delete .*\.lock first"):
        fetch(plain.NAME)
    assert re.search(f"waiting for {whose}, which fetches plain", caplog.text)
    os.kill(holder, signal.SIGKILL)
    assert crowd.told()[0]["killed"]
    archive.faults.rate = 0
    assert fetch(plain.NAME).read_bytes() == NEW
