"""Many sessions at once: all that can arrive does, each failure is told, and how many at a time changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from archive import Archive, guo_alm_local, guo_alm_twin
from neurodata4ml import describe, fetch_sessions
from neurodata4ml.data.cache import parts, receipts, room, store
from neurodata4ml.data.orders import failures, plans, pool
from neurodata4ml.data.orders.locking import write_into_lock
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError, DiskError, NeuroDataError, NotCachedError
from neurodata4ml.lock import read_lock
from several import NAME, several

ALL = [f"s{k}" for k in range(5)]


@pytest.mark.parametrize("jobs", [1, 3, 8])
def test_all_sessions_arrive_whatever_the_number_at_a_time(jobs: int, archive: Archive, tmp_path: Path) -> None:
    stored = several(archive, tmp_path / "catalog")
    paths = fetch_sessions(NAME, jobs=jobs)
    assert list(paths) == ALL
    assert {session: path.read_bytes() for session, path in paths.items()} == {s: f.content for s, f in stored.items()}
    assert [path for path in (tmp_path / "cache").rglob("*.part*") if path.is_file()] == []
    asked = len(archive.log)
    assert fetch_sessions(NAME, "s1") == {"s1": paths["s1"]}
    assert fetch_sessions(NAME, ["s1", "s3", "s1"], jobs=jobs) == {"s1": paths["s1"], "s3": paths["s3"]}
    assert len(archive.log) == asked, "what is there is not asked for"


def test_several_move_at_the_same_time(archive: Archive, tmp_path: Path) -> None:
    several(archive, tmp_path / "catalog", n=6)
    archive.faults.latency = 0.15  # of each of the two answers that a file needs
    began = time.monotonic()
    fetch_sessions(NAME, jobs=6)
    assert time.monotonic() - began < 6 * 2 * 0.15 * 0.8


def test_one_that_fails_does_not_stop_the_others(archive: Archive, tmp_path: Path) -> None:
    stored = several(archive, tmp_path / "catalog")
    stored["s2"].content = stored["s2"].content[:-1] + b"!"
    with pytest.raises(ChecksumError) as failed:
        fetch_sessions(NAME)
    head, reason, cure = str(failed.value).splitlines()
    assert head == "1 of 5 sessions of several did not arrive; all others are there."
    assert reason.startswith("  s2: several s2 arrived with sha256")
    assert cure == "Run the same line again: it fetches only what lacks."
    assert [s for s in ALL if store.cached(describe(NAME), s)] == ["s0", "s1", "s3", "s4"]


def test_of_several_failures_the_gravest_names_the_kind(archive: Archive, tmp_path: Path) -> None:
    stored = several(archive, tmp_path / "catalog")
    stored["s2"].content = stored["s2"].content[:-1] + b"!"
    stored["s4"].asset_id, stored["s4"].path = "gone", "gone"
    with pytest.raises(
        ChecksumError, match=r"(?s)2 of 5 sessions .*  s2: .*  s4: .*has no file sub-4/sub-4_ses-s4.nwb"
    ):
        fetch_sessions(NAME)
    with pytest.raises(CatalogError, match=r"^DANDI 000009 .* has no file sub-4"):
        fetch_sessions(NAME, ["s4"])
    kinds = [kind.exit_code for kind in failures.GRAVEST_FIRST]
    assert kinds == [4, 6, 5, 3, 1, 1]


def test_an_error_that_is_not_ours_ends_all(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    several(archive, tmp_path / "catalog")

    def broken(*_: object) -> Path:
        raise ZeroDivisionError

    monkeypatch.setattr(store, "obtain", broken)
    with pytest.raises(ZeroDivisionError):
        fetch_sessions(NAME)


def test_a_plan_says_what_lacks_and_asks_nobody(archive: Archive, tmp_path: Path) -> None:
    several(archive, tmp_path / "catalog")
    fetch_sessions(NAME, ["s1"])
    path = store.place(describe(NAME), "s2")
    path.parent.mkdir(parents=True)
    parts.own(path, ".part", process=0).write_bytes(b"\3" * 5000)
    parts.own(path, ".part").write_bytes(b"\3" * 6000)  # somebody writes it now: that is not ours to continue
    archive.forget()
    order = plans.plan(describe(NAME))
    assert [(item.session, item.missing, item.cached) for item in order.items] == [
        ("s0", 20_000, False),
        ("s1", 0, True),
        ("s2", 15_002, False),
        ("s3", 20_003, False),
        ("s4", 20_004, False),
    ]
    assert order.missing == 75_009
    assert not archive.log


def test_a_size_that_is_not_pinned_is_asked_for(archive: Archive, tmp_path: Path) -> None:
    several(archive, tmp_path / "catalog", pin=False)
    assert plans.plan(describe(NAME), ["s0", "s3"]).missing == 20_000 + 20_003


def test_a_file_that_is_not_there_does_not_keep_the_others_from_coming(archive: Archive, tmp_path: Path) -> None:
    stored = several(archive, tmp_path / "catalog", n=3, pin=False)
    stored["s1"].path = "moved away"
    with pytest.raises(CatalogError, match=r"(?s)^1 of 3 sessions .*  s1: DANDI .* has no file sub-1/sub-1_ses-s1.nwb"):
        fetch_sessions(NAME)
    assert [s for s in ALL[:3] if store.cached(describe(NAME), s)] == ["s0", "s2"]


def test_sessions_that_only_the_archive_lists_are_found_once_and_then_known(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = several(archive, tmp_path / "catalog", n=5)
    listing = {"path": "sub-*.nwb", "session": r"_ses-(\w+)\.nwb"}
    first = {"s0": {"path": stored["s0"].path, "size": 20_000, "sha256": stored["s0"].sha256}}
    several(archive, tmp_path / "catalog", n=0, sessions=first, listing=listing)
    archive.page_size = 2
    paths = fetch_sessions(NAME)
    assert {s: path.read_bytes() for s, path in paths.items()} == {s: f.content for s, f in stored.items()}
    assert sum("glob=" in request.path for request in archive.log) == 3, "three pages, once"
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    archive.forget()
    assert fetch_sessions(NAME, ["s3"]) == {"s3": paths["s3"]}
    with pytest.raises(
        NotCachedError,
        match=r"which sessions several has .* catalog are: s0\. .* type: neurodata4ml fetch several --all$",
    ):
        fetch_sessions(NAME)
    line = "neurodata4ml fetch several --session s9"
    with pytest.raises(
        NotCachedError, match=rf"session s9 of several is not in the cache, .* are: s0\. .* type: {line}"
    ):
        fetch_sessions(NAME, "s9")
    assert not archive.log


def test_more_than_is_allowed_does_not_begin(archive: Archive, tmp_path: Path) -> None:
    several(archive, tmp_path / "catalog")
    with pytest.raises(
        NeuroDataError, match=r"5 sessions of several still need 100 kB, more than the 50 kB allowed; noth"
    ):
        fetch_sessions(NAME, max_size="50kB")
    assert not archive.log
    fetch_sessions(NAME, ["s0", "s1", "s2"], max_size="61kB")
    fetch_sessions(NAME, max_size="41kB")


def test_the_room_for_all_is_looked_at_first(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    several(archive, tmp_path / "catalog")
    monkeypatch.setattr(room, "SPARE", 1 << 60)
    with pytest.raises(DiskError, match=r"several \(5 sessions\) needs 100,010 bytes more and .* has .* free"):
        fetch_sessions(NAME)
    assert not archive.log


def test_offline_one_error_lists_all_that_lack(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several(archive, tmp_path / "catalog")
    fetch_sessions(NAME, ["s1"])
    archive.forget()
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError) as missing:
        fetch_sessions(NAME)
    head, *lines, cure = str(missing.value).splitlines()
    assert head == "4 sessions of several are not in the cache, and NEURODATA4ML_OFFLINE forbids to fetch them:"
    assert [line.strip() for line in lines] == ["s0", "s2", "s3", "s4"]
    assert cure.endswith("neurodata4ml fetch several --session s0 --session s2 --session s3 --session s4")
    assert list(fetch_sessions(NAME, ["s1"])) == ["s1"]
    assert not archive.log


def test_the_callers_function_is_told_of_all_bytes_together(archive: Archive, tmp_path: Path) -> None:
    several(archive, tmp_path / "catalog")
    told: list[tuple[int, int]] = []
    fetch_sessions(NAME, progress=lambda have, size: told.append((have, size)))
    assert told[-1] == (100_010, 100_010)
    assert told == sorted(told)


def test_the_lock_says_which_bytes_arrived_and_holds_the_next_fetch_to_them(
    archive: Archive, tmp_path: Path, own_lock: Path
) -> None:
    stored = several(archive, tmp_path / "catalog", n=3, pin=False)
    paths = fetch_sessions(NAME, ["s0", "s2"])
    assert write_into_lock(describe(NAME), paths) == own_lock
    held = read_lock(own_lock)
    assert list(held) == [(NAME, "s0"), (NAME, "s2")]
    its = held[NAME, "s2"]
    assert (its.version, its.path, its.size, its.sha256, its.asset_id) == (
        "0.220126.1903",
        stored["s2"].path,
        20_002,
        stored["s2"].sha256,
        stored["s2"].asset_id,
    )
    assert its.url == archive.url(stored["s2"])
    for path in paths.values():
        path.unlink()
    stored["s2"].content = b"\3" * 20_001 + b"!"  # what the archive has now, and says so
    stored["s2"].sha256 = "ab" * 32
    with pytest.raises(ChecksumError, match=r"s2"):
        fetch_sessions(NAME, ["s0", "s2"])
    assert store.cached(describe(NAME), "s0") is not None


def test_a_lock_that_cannot_be_written_is_said_with_the_ways_out(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several(archive, tmp_path / "catalog", n=1)
    monkeypatch.setenv("NEURODATA4ML_LOCK", str(tmp_path / "no such folder" / "x.lock"))
    paths = fetch_sessions(NAME)
    with pytest.raises(
        DiskError, match=r"the files are there, but .*x.lock cannot be written .* go without: --no-lock"
    ):
        write_into_lock(describe(NAME), paths)


def test_files_on_this_machine_are_not_locked(own_lock: Path, tmp_path: Path) -> None:
    (tmp_path / "a.nwb").write_bytes(b"mine")
    assert write_into_lock(describe("demo"), {"0": tmp_path / "a.nwb"}) is None
    assert not own_lock.exists()


def test_a_zip_that_holds_several_sessions_counts_and_moves_once(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as file:
        for session in ("s0", "s1", "s2"):
            file.writestr(f"recordings/{session}.nwb", session * 1000)
    stored = archive.add("000009", "0.220126.1903", "all.zip", packed.read_bytes())
    pin = {"path": "all.zip", "size": len(stored.content), "sha256": stored.sha256, "asset_id": stored.asset_id}
    sessions = {session: {**pin, "member": f"recordings/{session}.nwb"} for session in ("s0", "s1", "s2")}
    several(archive, tmp_path / "catalog", n=0, sessions=sessions)
    assert plans.plan(describe(NAME)).missing == len(stored.content)
    paths = fetch_sessions(NAME)
    assert [path.read_text() for path in paths.values()] == [s * 1000 for s in ("s0", "s1", "s2")]
    assert len(archive.downloads()) == 1
    next(iter(paths.values())).unlink()
    assert plans.plan(describe(NAME)).missing == 0


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_stops_all_at_once_and_leaves_only_parts(archive: Archive, tmp_path: Path) -> None:
    stored = several(archive, tmp_path / "catalog", n=4, size=300_000)
    archive.faults.pause = 0.05
    code = f"from neurodata4ml import fetch_sessions; fetch_sessions({NAME!r})"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    folder = tmp_path / "cache"
    while sum(part.stat().st_size > 50_000 for part in folder.rglob("*.part")) < 4:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    pressed = time.monotonic()
    assert "KeyboardInterrupt" in process.communicate()[1]
    assert time.monotonic() - pressed < pool.LAST_WORDS + 1
    assert not list(receipts.all_held(folder))
    archive.faults.pause = 0
    archive.forget()
    paths = fetch_sessions(NAME)
    assert {s: path.read_bytes() for s, path in paths.items()} == {s: f.content for s, f in stored.items()}
    moved = sum(request.sent for request in archive.downloads())
    assert moved < 4 * 300_000 - 4 * 50_000, "what had arrived was not moved again"


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_a_server_that_hangs_does_not_hold_ctrl_c(archive: Archive, tmp_path: Path) -> None:
    several(archive, tmp_path / "catalog", n=2)
    archive.faults.stalls, archive.faults.stall_after = 2, 1000
    code = f"from neurodata4ml import fetch_sessions; fetch_sessions({NAME!r})"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    while len(archive.downloads()) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGINT)
    pressed = time.monotonic()
    process.communicate()
    assert time.monotonic() - pressed < pool.LAST_WORDS + 2


def test_an_archive_that_is_down_is_one_error(archive: Archive, tmp_path: Path) -> None:
    several(archive, tmp_path / "catalog", n=2)
    archive.faults.unavailable, archive.faults.status = 99, 400
    with pytest.raises(ArchiveError, match=r"2 of 2 sessions of several did not arrive"):
        fetch_sessions(NAME)


def test_pictures_beside_the_recordings_are_fetched_alone_or_along(archive: Archive, tmp_path: Path) -> None:
    from PIL import Image

    for n in range(3):
        Image.new("L", (4, 3), n).save(tmp_path / f"{n}.png")
        archive.put(f"pictures/{n}.png", (tmp_path / f"{n}.png").read_bytes())
    url = f"{archive.root}/files/pictures/{{n}}.png"
    several(archive, tmp_path / "catalog", n=2, images_from={"url": url, "count": 3})
    (folder,) = fetch_sessions(NAME, what=["images"]).values()
    assert sorted(path.name for path in folder.glob("*.png")) == ["0.png", "1.png", "2.png"]
    assert not any("/assets/" in request.path for request in archive.log), "no recording was touched"


def test_pictures_count_in_what_is_allowed_and_in_what_lacks_offline(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictured(archive, tmp_path, n=20, edge=100)
    with pytest.raises(
        NeuroDataError, match=r"images of several need 2.. kB, more than the 100 kB allowed\. Choose fewer sessions or"
    ):
        fetch_sessions(NAME, what="images", max_size="100kB")
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError) as missing:
        fetch_sessions(NAME, ["s0", "s1"], what="units,images")
    head, *lines, cure = str(missing.value).splitlines()
    assert head.startswith(
        "2 sessions, and pictures, of several are not in the cache, and NEURODATA4ML_OFFLINE forbids"
    )
    assert [line.strip() for line in lines] == ["s0", "s1", "the pictures"]
    assert cure.endswith("neurodata4ml fetch several --session s0 --session s1 --what units,images")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_a_server_of_pictures_that_hangs_does_not_hold_ctrl_c(archive: Archive, tmp_path: Path) -> None:
    pictured(archive, tmp_path, n=12, edge=100)
    archive.faults.stalls, archive.faults.stall_after = 99, 1000
    code = f"from neurodata4ml import fetch_sessions; fetch_sessions({NAME!r}, what='images')"
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    while len(archive.downloads()) < 8:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    pressed = time.monotonic()
    assert "KeyboardInterrupt" in process.communicate()[1]
    assert time.monotonic() - pressed < pool.LAST_WORDS + 2


def pictured(archive: Archive, tmp_path: Path, *, n: int, edge: int) -> None:
    """Write the entry of several sessions, with ``n`` pictures beside them."""
    from PIL import Image

    for number in range(n):
        Image.frombytes("L", (edge, edge), bytes([number]) * edge**2).save(tmp_path / f"{number}.tif")
        archive.put(f"pictures/{number}.tif", (tmp_path / f"{number}.tif").read_bytes())
    url = f"{archive.root}/files/pictures/{{n}}.tif"
    several(archive, tmp_path / "catalog", n=2, images_from={"url": url, "count": n})


def test_parts_larger_than_allowed_are_refused(archive: Archive, tmp_path: Path) -> None:
    twin = guo_alm_twin(tmp_path / "twin.nwb")
    guo_alm_local(archive, tmp_path / "catalog", twin)
    with pytest.raises(
        NeuroDataError,
        match=r"units of guo-alm-local need .* kB, more than the 1 kB allowed; nothing was fetched. Choose few",
    ):
        fetch_sessions("guo-alm-local", what=["units"], max_size="1kB")
    assert fetch_sessions("guo-alm-local", what="units,trials", max_size=len(twin)).keys() == {"20170627T093549"}


def test_no_files_at_a_time_is_no_number() -> None:
    with pytest.raises(ValueError, match=r"jobs is 0; it must be at least 1"):
        fetch_sessions("demo", ["0"], jobs=0)
