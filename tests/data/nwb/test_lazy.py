"""Opening moves metadata and nothing else; arrays travel between processes; blocks suit the file."""

from __future__ import annotations

import io
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
from neurodata4ml.data.nwb.engine import open_nwb
from neurodata4ml.data.session import open_session

SMALL = 64 * 1024
LOOK_AHEAD = 512
"""HDF5 reads 512 bytes where an object begins; they may reach into what lies behind the object's header."""


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


def touched(reads: list[tuple[int, int]], values: dict[str, list[tuple[int, int]]]) -> set[str]:
    """Return the datasets of which a byte was read, other than by looking ahead from a header before it."""
    return {
        name
        for name, parts in values.items()
        for first, last in parts
        for start, stop in reads
        if start < last and stop > first and not (start < first and stop - start <= LOOK_AHEAD)
    }


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
def test_opening_touches_no_spike_and_no_large_dataset(large_file: Path, opened: object) -> None:
    file = CountingFile(large_file)
    session = opened(file)
    size = large_file.stat().st_size
    assert size > 200e6
    assert sum(stop - start for start, stop in file.reads) < 0.02 * size
    values = large_values(large_file)
    assert {"units/spike_times", "processing/running/running_speed/timestamps", "intervals/trials/start_time"} <= set(
        values
    )
    assert touched(file.reads, values) == set()
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


def test_a_tree_can_be_sent_to_another_process(tmp_path: Path) -> None:
    tree = open_nwb(twins.alm_twin(tmp_path / "alm.nwb"))
    expected = _mean_of_spikes(tree)
    assert _mean_of_spikes(pickle.loads(pickle.dumps(tree))) == expected
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(_mean_of_spikes, tree).result() == expected


def test_blocks_are_whole_chunks_and_about_a_megabyte(tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "a.nwb")
    stacked = twins.damaged(path, tmp_path / "b.nwb", replace={"units/spike_times": np.arange(400_000.0)})
    with h5py.File(stacked, "r+") as file:
        file.create_dataset("units/amplitudes", data=np.zeros(400_000), chunks=(5000,), compression="gzip")
        file["units/amplitudes_index"] = file["units/spike_times_index"][...]
    tree = open_nwb(stacked)
    assert tree["units/spike_times"].data.chunks[0][0] == 2**20 // 8
    assert tree["units/amplitudes"].data.chunks[0][0] == 130_000


def test_a_plain_lazy_tree_computes_nothing_until_asked(tmp_path: Path) -> None:
    tree = open_nwb(twins.alm_twin(tmp_path / "a.nwb"), chunks=None)
    assert not tree["units/spike_times"].variable._in_memory
