"""Opening moves metadata and nothing else; arrays travel between processes; blocks suit the file."""

from __future__ import annotations

import io
import os
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from pynwb import TimeSeries
from pynwb.misc import Units

import twins
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.data.nwb.engine import open_nwb
from neurodata4ml.data.session import open_session
from neurodata4ml.errors import LayoutError

SMALL = 64 * 1024


class CountingFile(io.RawIOBase):
    """A file that remembers which bytes were read from it."""

    def __init__(self, path: Path) -> None:
        self.file, self.reads, self.name = path.open("rb", buffering=0), [], str(path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def readinto(self, buffer: memoryview) -> int:
        start = self.file.tell()
        n_read = self.file.readinto(buffer)
        self.reads.append((start, start + n_read))
        return n_read


def ranges(dataset: h5py.Dataset) -> list[tuple[int, int]]:
    """Return where in the file the values of a dataset lie."""
    if dataset.chunks is None:
        start = dataset.id.get_offset()
        return [] if start is None else [(start, start + dataset.id.get_storage_size())]
    chunks = (dataset.id.get_chunk_info(k) for k in range(dataset.id.get_num_chunks()))
    return [(chunk.byte_offset, chunk.byte_offset + chunk.size) for chunk in chunks]


def large_values(path: Path) -> dict[str, list[tuple[int, int]]]:
    """Return the byte ranges of spike_times and of every dataset above 64 kB."""
    found: dict[str, list[tuple[int, int]]] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and (name == "units/spike_times" or item.id.get_storage_size() > SMALL):
            found[name] = ranges(item)

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 200 MB that pynwb wrote: 100 units with 160 MB of spikes, running at 1 kHz, 10,000 trials."""
    nwb, rng = twins.new_file("large"), np.random.default_rng(0)
    times, index = twins.ragged("spike_times", [np.sort(rng.uniform(0, 6e3, 200_000))] * 100)
    nwb.units = Units(name="units", columns=[times, index, twins.column("quality", ["good"] * 100)], id=np.arange(100))
    start = 0.5 * np.arange(10_000)
    nwb.trials = twins.intervals(
        "trials", start, start + 0.25, frame=np.arange(10_000) % 7 - 1.0, size=["2.5"] * 10_000
    )
    nwb.add_invalid_time_interval(start_time=10.1, stop_time=10.6)
    clock = np.arange(2_500_000) / 1000.0
    speed = TimeSeries(name="running_speed", data=clock, unit="cm/s", timestamps=clock)
    nwb.create_processing_module("running", "made up").add(speed)
    return twins.write(nwb, tmp_path_factory.mktemp("large") / "large.nwb")


@pytest.mark.parametrize("opened", [open_nwb, lambda file: xr.open_datatree(file, engine="nwb"), open_session])
def test_opening_reads_metadata_in_blocks_and_no_large_dataset(large_file: Path, opened: object) -> None:
    """Blocks of metadata hold some bytes of values beside them; nothing as long as a large dataset is read."""
    file = CountingFile(large_file)
    session = opened(file)
    assert large_file.stat().st_size > 200e6
    assert sum(stop - start for start, stop in file.reads) < 0.02 * large_file.stat().st_size
    nodes = [session] if isinstance(session, xr.Dataset) else [node.to_dataset() for node in session.subtree]
    unread = {name for node in nodes for name, part in node.variables.items() if not part._in_memory}
    assert {"spike_times", "start_time", "stop_time"} <= unread
    session.close()


def test_a_large_trial_table_stays_lazy_and_gives_the_same_answers(large_file: Path) -> None:
    session = open_session(large_file)
    assert not isinstance(session["start_time"].data, np.ndarray)
    assert session["valid"].values.sum() == 10_000 - 2
    assert not session["blank"].values.any()
    assert set(session["size"].values) == {2.5}
    assert session["start_time"].values[:3].tolist() == [0.0, 0.5, 1.0]


def test_one_unit_moves_only_the_chunks_it_lies_in(large_file: Path) -> None:
    file = CountingFile(large_file)
    tree = open_nwb(file)
    before = len(file.reads)
    start, stop = (int(tree["units"][f"spike_times_{edge}"][50]) for edge in ("start", "stop"))
    tree["units/spike_times"][start:stop].compute()
    n_moved = sum(last - first for first, last in file.reads[before:])
    chunk = max(last - first for first, last in large_values(large_file)["units/spike_times"])
    assert n_moved <= 2 * chunk + SMALL < 0.06 * large_file.stat().st_size
    tree.close()


def _mean_of_spikes(tree: xr.DataTree) -> float:
    return float(tree["units/spike_times"].mean())


@pytest.mark.slow
def test_a_tree_can_be_sent_to_another_process(tmp_path: Path) -> None:
    tree = open_nwb(twins.alm_twin(tmp_path / "alm.nwb"))
    expected = _mean_of_spikes(tree)
    assert _mean_of_spikes(pickle.loads(pickle.dumps(tree))) == expected
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(_mean_of_spikes, tree).result() == expected


def test_blocks_are_whole_chunks_and_at_most_64_mb(tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "a.nwb")
    stacked = twins.damaged(path, tmp_path / "b.nwb", replace={"units/spike_times": np.arange(10_000_000.0)})
    with h5py.File(stacked, "r+") as file:
        file.create_dataset("units/amplitudes", data=np.zeros(10_000_000), chunks=(5000,), compression="gzip")
        file["units/amplitudes_index"] = file["units/spike_times_index"][...]
    tree = open_nwb(stacked)
    assert tree["units/spike_times"].data.chunks[0] == (2**26 // 8, 10_000_000 - 2**26 // 8)
    assert tree["units/amplitudes"].data.chunks[0][0] == 2**26 // 8 // 5000 * 5000


def test_a_plain_lazy_tree_computes_nothing_until_asked(tmp_path: Path) -> None:
    tree = open_nwb(twins.alm_twin(tmp_path / "a.nwb"), chunks=None)
    assert not tree["units/spike_times"].variable._in_memory


def lengthened(path: Path, n_bytes: int) -> None:
    """Make a file longer, without writing: a claim is believed where the file could hold it."""
    with path.open("r+b") as file:
        file.truncate(n_bytes)


def as_series(file: h5py.File, path: str, **dataset: object) -> None:
    """Add a series at 30 kHz of which one chunk was written."""
    group = file.create_group(path)
    kind = "ElectricalSeries" if path.startswith("acquisition") else "TimeSeries"
    group.attrs.update(neurodata_type=kind, namespace="core")
    group.create_dataset("data", **dataset)[:1, ...] = 1
    group["data"].attrs.update(conversion=1.0, unit="V")
    group["starting_time"] = 0.0
    group["starting_time"].attrs["rate"] = 30_000.0


def test_an_hour_of_raw_voltage_is_a_thousand_blocks_of_at_most_64_mb(tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "a.nwb")
    with h5py.File(path, "r+") as file:
        shape, chunks = (108_000_000, 384), (13_653, 64)
        as_series(file, "acquisition/raw", shape=shape, chunks=chunks, dtype="i2", compression="gzip")
        as_series(file, "processing/x/long", shape=(10**9,), chunks=(1000,), dtype="i2", compression="gzip")
    lengthened(path, 2 * 10**8)
    tree = open_nwb(path)
    raw, long = (tree[name]["data"].data for name in ("acquisition/raw", "processing/x/long"))
    assert raw.npartitions < 1400  # 83 GB in blocks of 64 MB, against 50,000 chunks in the file
    assert raw.chunksize[0] % 13_653 == 0
    assert np.prod(raw.chunksize) * raw.dtype.itemsize <= 64 * 2**20
    assert long.npartitions <= 1000
    assert tree["processing/x/long"]["timestamps"].data.npartitions <= 1000
    session = open_session(path)
    assert session.attrs["series_not_opened"] == "acquisition/raw (raw voltages; read them with open_nwb)"
    assert "raw" not in session
    assert "long" in session


@pytest.mark.slow
def test_blocks_grow_along_every_axis_and_scaled_ones_stay_below_64_mb(tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "a.nwb")
    with h5py.File(path, "r+") as file:
        as_series(file, "processing/x/wide", shape=(4, 4_000_000), chunks=(4, 10), dtype="i2", compression="gzip")
        as_series(file, "processing/x/scaled", shape=(10**9, 8), chunks=(10_000, 8), dtype="i2", compression="gzip")
        file["processing/x/scaled/data"].attrs["conversion"] = 0.5
    lengthened(path, 2 * 10**8)
    tree = open_nwb(path)
    assert tree["processing/x/wide"]["data"].data.npartitions <= 1000
    scaled = tree["processing/x/scaled"]["data"].data
    assert np.prod(scaled.chunksize) * 8 <= 64 * 2**20
    assert scaled.npartitions < 1100


def is_open(path: Path) -> bool:
    """Return whether this process holds the file open."""
    return any(os.path.realpath(link) == str(path) for link in Path("/proc/self/fd").iterdir())


def test_what_is_computed_after_a_session_was_closed_leaves_no_file_open(tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "a.nwb")
    session = open_session(path)
    expected = bin_spikes(session, window=(0, 1), bin_width=0.5)
    counts = bin_spikes(session, window=(0, 1), bin_width=0.5, chunks=1)
    assert is_open(path)
    session.close()
    assert not is_open(path)
    np.testing.assert_array_equal(counts.compute(scheduler="threads", num_workers=2), expected)
    assert not is_open(path)
    assert pickle.loads(pickle.dumps(session))["spike_times"].mean() > 0


def test_images_of_a_session_leave_no_file_open(tmp_path: Path) -> None:
    path = twins.two_photon_twin(tmp_path / "a.nwb")
    images = stimulus_images(xr.Dataset(attrs={"source": str(path)}))
    assert not is_open(path)
    assert images.values.shape == (3, 4, 6)
    assert not is_open(path)


def test_a_file_that_cannot_be_opened_is_not_left_open(tmp_path: Path) -> None:
    path = twins.damaged(twins.alm_twin(tmp_path / "a.nwb"), tmp_path / "b.nwb", replace={"units": None})
    with pytest.raises(LayoutError, match="has no units"):
        open_session(path)
    assert not is_open(path)
