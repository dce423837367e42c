"""What the reading benchmark rests on: its files, its counting wire, its verdicts, its children. No timing counts."""

from __future__ import annotations

import importlib
import json
import mmap
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from conftest import ROOT

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the benchmark's server needs sendfile")

sys.path.append(str(ROOT / "benchmarks"))
read, child, contents, runs, stock, verdict = (
    importlib.import_module(name)
    for name in ("read", "read_child", "read_contents", "read_runs", "read_stock", "read_verdict")
)

SCALE = contents.Scale().times(0.001)
NAMES = ["spikes-contiguous.nwb", "spikes-gzip-40kB.nwb", "calcium-gzip-100kB.nwb"]
PLAIN, FINE, CALCIUM = NAMES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stock")


@pytest.fixture(scope="module")
def held(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = stock.prepare(folder, NAMES, SCALE)
    return found


@pytest.fixture(scope="module")
def place(folder: Path, held: dict[str, Any]) -> Iterator[Any]:
    pythons = {runs.OURS: sys.executable, "peers": sys.executable}
    with runs.serving(folder, 0, 0) as root:
        yield runs.Place(folder, folder, root, root, root, pythons, held, held)


def get(url: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        content: bytes = answer.read()
    return content


def log_of(root: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(get(f"{root}/log"))
    return found


def test_a_file_that_is_there_is_not_written_again(folder: Path, held: dict[str, Any]) -> None:
    before = {name: (folder / name).stat().st_mtime_ns for name in NAMES}
    assert stock.prepare(folder, NAMES, SCALE) == json.loads(json.dumps(held))
    assert {name: (folder / name).stat().st_mtime_ns for name in NAMES} == before


def test_a_file_of_another_size_is_written_anew(tmp_path: Path) -> None:
    for n_series in (20, 30):
        found = stock.prepare(tmp_path, ["many-objects.nwb"], replace(SCALE, n_series=n_series))
        assert found["many-objects.nwb"]["made"]["n_series"] == n_series
        with h5py.File(tmp_path / "many-objects.nwb") as file:
            assert len(file["acquisition"]) == n_series


def test_the_same_spikes_lie_in_one_block_or_in_chunks_of_40_kb(folder: Path, held: dict[str, Any]) -> None:
    assert held[PLAIN]["all"] == held[FINE]["all"]
    with h5py.File(folder / PLAIN) as plain, h5py.File(folder / FINE) as fine:
        assert plain["units/spike_times"].chunks is None
        assert plain["units/spike_times"].id.get_offset() == held[PLAIN]["spikes_at"]
        assert (fine["units/spike_times"].chunks, fine["units/spike_times"].compression) == ((5_000,), "gzip")


def test_the_bytes_that_hold_a_unit_are_its_own_or_those_of_its_chunks(folder: Path, held: dict[str, Any]) -> None:
    unit = held[PLAIN]["unit_number"]
    with h5py.File(folder / FINE) as file:
        stops = [0, *file["units/spike_times_index"][:].tolist()]
        column = file["units/spike_times"].id
        infos = [column.get_chunk_info(i) for i in range(column.get_num_chunks())]
    first, last = stops[unit : unit + 2]
    its = [info.size for info in infos if info.chunk_offset[0] < last and info.chunk_offset[0] + 5_000 > first]
    assert held[FINE]["unit_bytes"] == sum(its)
    assert held[PLAIN]["unit_bytes"] == 8 * (last - first)


def test_the_server_sends_ranges_and_writes_down_what_left(place: Any, folder: Path) -> None:
    url = f"{place.root}/files/{PLAIN}"
    log_of(place.root)
    assert get(url, Range="bytes=100-299") == (folder / PLAIN).read_bytes()[100:300]
    (entry,) = log_of(place.root)
    assert (entry["path"], entry["first"], entry["sent"]) == (PLAIN, 100, 200)
    assert log_of(place.root) == []  # asking is free


@pytest.mark.parametrize("path", ["none.nwb", "../../etc/passwd", "%2e%2e/secret"])
def test_the_server_has_nothing_but_its_folder(place: Any, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{place.root}/files/{path}")


def taking(*seconds: float, **more: Any) -> list[Any]:
    return [verdict.Run(its, 0.0, 0, **more) for its in seconds]


def words(lines: list[Any]) -> list[tuple[str, bool]]:
    return [(line.words.partition(" (")[0], line.ok) for line in lines]


def test_ratios_are_of_medians_and_the_best_peer_is_the_fastest_of_them() -> None:
    its = {"we": taking(1.0, 9.0, 2.0), "fast": taking(3.0), "slow": taking(8.0)}
    lines = verdict.judge(its, "we", {"slow": 4.0, verdict.BEST: 1.6, "absent": 2.0}, ())
    assert words(lines) == [
        ("4.00 times as fast as slow", True),
        ("1.50 times as fast as the best of them", False),
        ("not compared with absent, which was left out", True),
    ]


def test_a_limit_is_held_by_our_median() -> None:
    its = {"we": taking(1.0, requests=3) + taking(1.0, requests=4), "slow": taking(1.0, requests=99)}
    lines = verdict.judge(its, "we", {}, (read.requests(3), read.requests(4)))
    assert words(lines) == [("3.5 requests", False), ("3.5 requests", True)]
    assert verdict.table("title", its, "we", lines).count("MISSED") == 1


@pytest.mark.parametrize(
    ("name", "file", "wanted"),
    [
        ("first open", read.FINE, {read.REMFILE: 1.5, read.FSSPEC: 6}),
        ("one unit", read.COARSE, {read.REMFILE: 2.5, read.LINDI: 1.4}),
        ("every tenth unit", read.FINE, {verdict.BEST: 1.8}),
        ("all spikes", read.FINE, {verdict.BEST: 1.6}),
        ("200 ROI, 10,000 frames", read.CALCIUM, {verdict.BEST: 2}),
    ],
)
def test_the_wanted_ratios_are_those_of_the_issue(name: str, file: str, wanted: dict[str, float]) -> None:
    (course,) = [its for its in read.COURSES if (its.name, its.file, its.remote) == (name, file, True)]
    assert course.wanted == wanted
    assert course.decides


def test_the_limits_are_those_of_the_issue() -> None:
    about = {"unit_bytes": 100, "tenth_bytes": 100, "all_bytes": 50_000_000, "chunk_nodes": list(range(70))}
    spent = verdict.Run(seconds=1.35, imports=0.0, memory=150_000_000, requests=8, n_bytes=1_500_000, nodes=7)

    def of(name: str, file: str, remote: bool = True) -> list[tuple[float, float]]:
        (course,) = [its for its in read.COURSES if (its.name, its.file, its.remote) == (name, file, remote)]
        return [(limit.most, limit.of(spent)) for limit in course.limits(about)]

    assert of("first open", read.FINE) == [(8, 8), (1.5, 1.5), (150, 150), (7, 7)]
    assert of("second open", read.FINE) == [(1, 8), (0.1, 1.35)]
    assert of("one unit", read.FINE) == [(3, 8), (1.2, 15_000)]
    assert of("every tenth unit", read.PLAIN) == [(1.2, 15_000)]
    assert of("all spikes", read.FINE) == [(1.35, 1.35)]
    assert of("open", read.MANY, remote=False) == [(150, 150)]


@pytest.mark.slow
@pytest.mark.parametrize("who", [runs.OURS, "h5py"])
@pytest.mark.parametrize("task", [runs.LOOK, runs.UNIT, runs.TENTH, runs.ALL], ids=lambda its: its.key)
def test_everybody_finds_the_same_in_a_file_on_the_disk(place: Any, who: str, task: Any) -> None:
    its = runs.run(place, who, task, FINE, remote=False, state=runs.COLD)
    assert its.seconds > 0
    assert (its.requests, its.n_bytes) == (0, 0)


def test_numpy_reads_the_block_where_it_is_said_to_be(place: Any) -> None:
    assert runs.run(place, "numpy.fromfile", runs.VALUES, PLAIN, remote=False, state=runs.COLD).seconds > 0


@pytest.mark.slow
def test_what_ours_moves_is_counted_cold_and_known(place: Any) -> None:
    cold, opened = (
        runs.run(place, runs.OURS, runs.ROIS, CALCIUM, remote=True, state=state) for state in ("cold", "opened")
    )
    assert 0 < opened.requests < cold.requests
    assert 0 < opened.n_bytes < cold.n_bytes


def test_a_wrong_answer_ends_the_benchmark(place: Any) -> None:
    wrong = {FINE: {**place.held[FINE], "all": "0" * 64}}
    with pytest.raises(runs.FailureError, match=r"h5py read other values than h5py: all of spikes-gzip-40kB\.nwb"):
        runs.run(replace(place, held=wrong), "h5py", runs.ALL, FINE, remote=False, state=runs.COLD)
    wrong = {FINE: {**place.held[FINE], "shapes": {"units/spike_times": [[7], "<f8"]}}}
    with pytest.raises(runs.FailureError, match=r"saw otherwise than h5py: units/spike_times"):
        runs.run(replace(place, held=wrong), "h5py", runs.LOOK, FINE, remote=False, state=runs.COLD)


def test_a_contender_that_fails_is_named_with_its_last_words(place: Any, tmp_path: Path) -> None:
    (tmp_path / FINE).write_bytes(b"not HDF5")
    with pytest.raises(runs.FailureError, match=r"(?s)h5py failed at look of .*file signature not found"):
        runs.run(replace(place, folder=tmp_path), "h5py", runs.LOOK, FINE, remote=False, state=runs.COLD)


def test_who_runs_begins_with_another_each_round(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ran(_: Any, name: str, *__: Any, state: str, **___: Any) -> Any:
        asked.append(f"{name} {state}")
        return verdict.Run(100.0 if name == "b" else 1.0, 0.0, 0)

    monkeypatch.setattr(read, "run", ran)
    course = read.Course("some", PLAIN, runs.UNIT, ("a", "b", "c"), also=("cold",))
    found = read.race(course, place, 2, ["c"])
    ours = f"{runs.OURS} opened"
    assert asked == [ours, "a opened", "b opened", f"{runs.OURS} cold", "a opened", f"{runs.OURS} cold", ours]
    assert list(found) == [runs.OURS, "a", "b", f"{runs.OURS} (cold)"]


def test_a_missing_environment_is_said_with_the_cure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(read, "PYTHONS", {runs.OURS: "/nowhere/python"})
    assert read.main(["--only", "no such task"]) == 1
    said = capsys.readouterr().err
    assert "/nowhere/python is not there. Type: make bench-setup" in said
    assert "No course is called no such task. There are: 200 ROI, 10,000 frames, " in said


def test_in_a_hurry_only_what_decides_is_run() -> None:
    hurried, all_of_it = (read.parser().parse_args(typed) for typed in (["--quick"], []))
    assert {its.file for its in read.COURSES if read.chosen(its, hurried)} == (
        set(stock.FILES) - {read.CALCIUM_ROWS, read.CALCIUM_COARSE}
    )
    assert all(read.chosen(its, all_of_it) for its in read.COURSES)
    one = read.parser().parse_args(["--only", "one unit", "--file", read.FINE])
    assert [(its.name, its.file) for its in read.COURSES if read.chosen(its, one)] == [("one unit", read.FINE)]


def test_in_a_hurry_only_those_run_who_decide() -> None:
    of = {(its.name, its.file): read.hurried(its) for its in read.COURSES}
    assert of["one unit", read.FINE].peers == (read.REMFILE, read.LINDI)
    assert of["all spikes of an open file", read.PLAIN].peers == ("numpy.fromfile",)
    assert of["every tenth unit", read.FINE].peers == (read.CACHED, read.REMFILE, read.LAZYNWB)
    assert not any(its.also for its in of.values())


@pytest.mark.slow
def test_a_small_course_is_held_and_told(place: Any, capsys: pytest.CaptureFixture[str]) -> None:
    course = read.Course(
        "all spikes", FINE, runs.ALL, ("h5py",), False, wanted={"h5py": 0}, limits=lambda held: (read.requests(0),)
    )
    assert read.hold(course, place, 1, ()) == 0
    said = capsys.readouterr().out
    assert "all spikes: spikes-gzip-40kB.nwb, on this machine" in said
    assert "ok     0 requests (at most 0)" in said


def test_memory_is_in_bytes() -> None:
    before = child.memory("VmRSS")  # not the most since the start: earlier tests of this process may have taken more
    block = np.frombuffer(mmap.mmap(-1, 320_000_000))  # fresh pages, where malloc may give old ones again
    block[:] = 1
    assert child.memory("VmRSS") - before > 100_000_000
    assert len(block)


def test_its_help_is_printed() -> None:
    script = ROOT / "benchmarks" / "read.py"
    done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True)
    assert "--only" in done.stdout
