"""A server that fails, lies or changes its file: what is read through the tree is right, or is not read."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import twins
from archive import Archive, Stored
from neurodata4ml.data.nwb.engine import open_nwb
from neurodata4ml.data.remote import transport
from neurodata4ml.data.session import open_session
from neurodata4ml.data.storage.sources import behind
from neurodata4ml.errors import ArchiveError, ChecksumError, LayoutError

REFUSALS = (ArchiveError, ChecksumError, LayoutError)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 3 MB: spikes in small chunks, a series in large ones, another one in one piece."""
    path, rng = twins.alm_twin(tmp_path_factory.mktemp("faults") / "faults.nwb"), np.random.default_rng(0)
    with h5py.File(path, "r+") as file:
        for name, how in {"whole": {}, "packed": {"chunks": (2000, 8), "compression": "gzip"}}.items():
            series = file.create_group(f"processing/x/{name}")
            series.attrs.update(neurodata_type="TimeSeries", namespace="core")
            series.create_dataset("data", data=rng.integers(0, 999, (20_000, 32)).astype("i2"), **how)
            series["data"].attrs.update(conversion=1.0, unit="V")
            series["starting_time"] = 0.0
            series["starting_time"].attrs["rate"] = 30.0
    return path


@pytest.fixture(scope="module")
def right(path: Path) -> dict[str, np.ndarray]:
    with h5py.File(path) as file:
        return {name: file[name][...] for name in NAMES}


NAMES = ("units/spike_times", "processing/x/whole/data", "processing/x/packed/data", "intervals/trials/start_time")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_TIMEOUT", "0.3")
    monkeypatch.setattr(transport, "_wait", lambda fault, number: 0.0)
    with Archive() as archive:
        yield archive
    behind.wait(60)


@pytest.fixture
def stored(archive: Archive, path: Path) -> Stored:
    return archive.put("a.nwb", path.read_bytes())


def set_faults(archive: Archive, faults: dict[str, Any]) -> None:
    """Let the server go wrong."""
    for name, value in faults.items():
        setattr(archive.faults, name, value)


def read_all(tree: xr.DataTree, right: dict[str, np.ndarray]) -> bool:
    """Read arrays: each must be right, or refused; return whether all were read."""
    n_read = 0
    for name, expected in right.items():
        try:
            found = tree[name].values
        except REFUSALS:
            continue
        np.testing.assert_array_equal(found, expected, err_msg=name)
        n_read += 1
    return n_read == len(right)


PASSING: dict[str, dict[str, Any]] = {
    "dies half-way": {"drops": 2, "drop_after": 40_000},
    "cuts short": {"cuts": [10, 70_000, 0, 100]},
    "resets": {"cuts": [1000, 0], "reset": True},
    "is away": {"unavailable": 2},
    "asks for patience": {"unavailable": 1, "status": 429, "retry_after": "0"},
    "falls silent": {"stalls": 1, "stall_after": 5000},
    "sends in pieces": {"chunked": True},
}
LYING: dict[str, dict[str, Any]] = {
    "sends a page": {"html": 1},
    "sends less than it says": {"short_range": 2},
    "sends another range": {"wrong_range": 2},
    "states another size": {"wrong_total": 2},
    "sends whole files": {"ignore_range": True},
    "packs": {"gzip": 2},
    "has another file": {"new_etag": "other"},
    "changes its file": {"changes_after": 1},
    "changes its file later": {"changes_after": 3},
    "has no version": {"no_etag": True},
}


@pytest.mark.slow
@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING.keys())
@pytest.mark.parametrize("when", ["opening", "reading"])
def test_a_fault_that_passes_is_not_noticed(
    archive: Archive, stored: Stored, right: dict[str, np.ndarray], faults: dict[str, Any], when: str
) -> None:
    if when == "opening":
        set_faults(archive, faults)
    tree = open_nwb(archive.url(stored))
    set_faults(archive, faults)
    assert read_all(tree, right)


@pytest.mark.slow
@pytest.mark.parametrize("faults", {**PASSING, **LYING}.values(), ids={**PASSING, **LYING}.keys())
@pytest.mark.parametrize("when", ["opening", "reading"])
def test_whatever_a_server_does_values_are_right_or_refused_and_right_once_it_is_well(
    archive: Archive, stored: Stored, right: dict[str, np.ndarray], faults: dict[str, Any], when: str
) -> None:
    if when == "opening":
        set_faults(archive, faults)
    try:
        tree = open_nwb(archive.url(stored))
        set_faults(archive, faults)
        read_all(tree, right)
    except REFUSALS:
        pass
    archive.faults.heal()
    if "changes_after" not in faults:  # the file of those stays another one
        assert read_all(open_nwb(archive.url(stored)), right)


def test_a_changed_file_is_refused_by_the_tree_of_the_old_one_and_read_by_a_new_one(
    archive: Archive, stored: Stored, path: Path, tmp_path: Path, right: dict[str, np.ndarray]
) -> None:
    tree = open_nwb(archive.url(stored))
    other = {"processing/x/whole/data": right["processing/x/whole/data"] + 1}
    changed = twins.damaged(path, tmp_path / "b.nwb", replace=other)
    archive.change(stored, changed.read_bytes())
    with pytest.raises(ArchiveError, match="changed"):
        tree["processing/x/whole/data"].compute()
    again = open_nwb(archive.url(stored))
    np.testing.assert_array_equal(again["processing/x/whole/data"], other["processing/x/whole/data"])


def test_a_session_from_a_server_that_dies_is_the_session(archive: Archive, stored: Stored, path: Path) -> None:
    set_faults(archive, {"drops": 3, "drop_after": 20_000})
    there, here = open_session(archive.url(stored)), open_session(path)
    archive.faults.drops = 2
    xr.testing.assert_equal(there.load(), here.load())


def _read_in_a_process(url: str, ready: Any, results: Any, number: int) -> None:
    tree = open_nwb(url)
    ready.wait()
    for k in range(4):
        rows = slice(2000 * ((number + k) % 10), 2000 * ((number + k) % 10 + 1))
        results.put((rows.start, float(tree["processing/x/packed/data"][rows].values.astype(float).sum())))


@pytest.mark.slow
def test_eight_processes_and_one_that_is_killed_share_a_cache_and_read_no_wrong_byte(
    archive: Archive, stored: Stored, right: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_BLOCK_CACHE_BYTES", "400kB")  # much is thrown away meanwhile
    monkeypatch.setenv("NEURODATA4ML_TIMEOUT", "30")
    url, spawn = archive.url(stored), multiprocessing.get_context("forkserver")
    spawn.set_forkserver_preload(["neurodata4ml.data.nwb.engine", "dask.array", "distributed", "pynwb", "pytest"])
    ready, results = spawn.Event(), spawn.Queue()
    crowd = [spawn.Process(target=_read_in_a_process, args=(url, ready, results, k)) for k in range(9)]
    for process in crowd:
        process.start()
    ready.set()
    time.sleep(0.3)
    os.kill(crowd[8].pid or 0, signal.SIGKILL)
    found = [results.get(timeout=60) for _ in range(8 * 4)]
    for process in crowd:
        process.join()
    expected = right["processing/x/packed/data"].astype(float)
    assert all(total == expected[first : first + 2000].sum() for first, total in found)
    assert [process.exitcode for process in crowd[:8]] == [0] * 8
    assert read_all(open_nwb(url), right)


def test_a_piece_of_the_cache_that_was_damaged_is_not_believed(
    archive: Archive, stored: Stored, right: dict[str, np.ndarray], tmp_path: Path
) -> None:
    assert read_all(open_nwb(archive.url(stored)), right)
    behind.wait(60)
    pieces = [piece for piece in (tmp_path / "cache" / "blocks").rglob("*") if piece.is_file()]
    assert pieces
    for k, piece in enumerate(pieces):
        content = bytearray(piece.read_bytes())
        content[len(content) * (k % 7) // 7] ^= 1
        piece.write_bytes(content[: len(content) - k % 2])
    for kept in (tmp_path / "cache" / "index").rglob("*"):
        if kept.is_file():
            kept.write_bytes(kept.read_bytes()[:-9] + b"x" * 9)
    assert read_all(open_nwb(archive.url(stored)), right)
