"""The cache is looked after: what is there is listed, goes whole, and rot is found."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import plain
from archive import Archive
from neurodata4ml import describe, fetch
from neurodata4ml.data.cache import parts, receipts, shelf, store
from neurodata4ml.errors import NeuroDataError
from neurodata4ml.lock import Locked, write_lock

CONTENT = np.random.default_rng(0).bytes(50_000)
SESSIONS = {name: {"path": f"sub-{name}/a.nwb"} for name in ("1", "2")}


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    with Archive() as archive:
        plain.pin(archive, tmp_path / "catalog", CONTENT, SESSIONS)
        yield archive


def leave(final: Path, *, process: int, session: str = "2") -> Path:
    """Leave a part, of nobody (process 0) or of a process that may live."""
    final.parent.mkdir(parents=True, exist_ok=True)
    part = parts.own(final, ".part", process=process)
    part.write_bytes(b"begun")
    part.with_name(part.name + ".json").write_text(f'{{"session": "{session}"}}')
    return part


def files(cache: Path) -> list[str]:
    return sorted(
        str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file() and ".lock" not in str(path)
    )


def test_what_is_held_is_listed_with_what_its_receipt_says(archive: Archive, tmp_path: Path) -> None:
    final = fetch(plain.NAME)
    (held,) = receipts.all_held()
    assert (held.path, held.dataset, held.session, held.version) == (final, plain.NAME, "1", "1")
    assert (held.size, held.sha256, held.what) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "")
    receipts.put(final, {**receipts.receipt(final), "what": ["units", "natural_scenes"]})
    assert next(receipts.all_held()).what == "units, natural_scenes"


def test_files_without_a_receipt_and_receipts_without_a_file_are_not_held(archive: Archive, tmp_path: Path) -> None:
    final = fetch(plain.NAME)
    (final.parent / "stray.nwb").write_text("copied here by hand")
    final.unlink()
    assert list(receipts.all_held()) == []


def test_unfinished_bytes_are_listed_and_those_being_written_marked(archive: Archive) -> None:
    final = store.place(describe(plain.NAME), "2")
    dead, ours = leave(final, process=0), leave(final, process=os.getpid())
    found = {left.path: left for left in shelf.unfinished()}
    assert (found[dead].dataset, found[dead].session, found[dead].size) == (plain.NAME, "2", 5)
    assert not found[dead].is_alive
    assert found[ours].is_alive


def test_removing_a_session_leaves_the_others_and_no_empty_folder(archive: Archive, tmp_path: Path) -> None:
    first, second = fetch(plain.NAME, "1"), fetch(plain.NAME, "2")
    leave(second, process=0)
    gone = shelf.remove(*shelf.chosen(plain.NAME, "2"))
    assert gone > len(CONTENT)
    assert not second.parent.exists()
    assert files(tmp_path / "cache") == [
        "CACHEDIR.TAG",
        "plain/1/sub-1/a.nwb",
        "plain/1/sub-1/a.nwb.verified.json",
    ]
    assert fetch(plain.NAME, "1") == first
    shelf.remove(*shelf.chosen())
    assert files(tmp_path / "cache") == ["CACHEDIR.TAG"]
    assert not (tmp_path / "cache" / "plain").exists()


def test_only_what_is_unfinished_goes_and_never_what_somebody_writes(archive: Archive, tmp_path: Path) -> None:
    final = fetch(plain.NAME, "1")
    dead, ours = leave(final, process=0), leave(final, process=os.getpid())
    held, left = shelf.chosen(plain.NAME, unfinished_only=True)
    assert held == []
    shelf.remove(held, left)
    assert not dead.exists()
    assert ours.exists()
    assert final.exists()
    shelf.remove(*shelf.chosen(plain.NAME))
    assert ours.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_nothing_outside_of_the_cache_is_removed_whatever_links_lie_in_it(archive: Archive, tmp_path: Path) -> None:
    final = fetch(plain.NAME, "1")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious.nwb").write_bytes(CONTENT)
    receipts.put(outside / "precious.nwb", receipts.receipt(final))
    leave(outside / "other.nwb", process=0)
    before = sorted(path.name for path in outside.iterdir())
    final.unlink()
    final.symlink_to(outside / "precious.nwb")  # a file that is a link goes, and not what it leads to
    (tmp_path / "cache" / "plain" / "linked").symlink_to(outside)  # a folder that is a link is not looked into
    shelf.remove(*shelf.chosen())
    assert sorted(path.name for path in outside.iterdir()) == before
    assert not final.is_symlink()
    folder = tmp_path / "cache" / "plain" / "1" / "elsewhere"  # a path that became a link since it was listed
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(outside)
    (held,) = receipts.all_held(outside)
    sneaky = receipts.Held(**{**held.__dict__, "path": folder / "precious.nwb"})
    assert shelf.remove([sneaky], []) == 0
    assert sorted(path.name for path in outside.iterdir()) == before


def test_what_is_not_there_is_said_with_what_is(archive: Archive) -> None:
    fetch(plain.NAME)
    with pytest.raises(NeuroDataError, match=r"nothing of 'plane' is in the cache; did you mean 'plain'.* cache ls"):
        shelf.chosen("plane")
    with pytest.raises(NeuroDataError, match=r"nothing of session '2' of plain is in the cache. What is: neurodata4ml"):
        shelf.chosen(plain.NAME, "2")


def test_a_byte_that_rotted_on_the_disk_is_found_though_size_and_time_are_as_before(
    archive: Archive, tmp_path: Path
) -> None:
    final, other = fetch(plain.NAME, "1"), fetch(plain.NAME, "2")
    told: list[tuple[int, int]] = []
    assert list(shelf.faults(list(receipts.all_held()), lambda *both: told.append(both))) == []
    assert told[-1] == (2 * len(CONTENT), 2 * len(CONTENT))
    assert told == sorted(told)
    time = final.stat().st_mtime_ns
    final.write_bytes(CONTENT[:-1] + b"?")
    os.utime(final, ns=(time, time))
    assert fetch(plain.NAME) == final, "fetch trusts size and time"
    (fault,) = shelf.faults(list(receipts.all_held()))
    assert fault.held.path == final
    assert "was verified when it came in" in fault.why
    assert (
        fault.cure
        == "To get it anew: neurodata4ml cache rm plain --session 1 --yes, then neurodata4ml fetch plain --session 1"
    )
    shelf.remove(*shelf.chosen(plain.NAME, "1"))
    assert fetch(plain.NAME).read_bytes() == CONTENT
    assert other.exists()


def test_a_file_that_is_not_the_locked_one_is_found(archive: Archive, own_lock: Path) -> None:
    fetch(plain.NAME)
    write_lock(own_lock, [Locked(plain.NAME, "1", "1", "sub-1/a.nwb", 1, "0" * 64)])
    (fault,) = shelf.faults(list(receipts.all_held()))
    assert fault.why.endswith(f"{own_lock} pins {'0' * 64}")
    assert fault.cure.startswith("The work was done with other bytes: bring them back, or go on with the present ones")
    write_lock(own_lock, [Locked(plain.NAME, "1", "0.9", "sub-1/a.nwb", 1, "0" * 64)])
    assert list(shelf.faults(list(receipts.all_held()))) == [], "the lock is of another version"
