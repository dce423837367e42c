"""Bins of a series equal sums by hand, however it is stored and cut; each sample is read once, and few are held."""

import tracemalloc
from datetime import UTC, datetime

import dask.array as da
import h5py
import numpy as np
import pytest

from neurodata4ml.data.align import averages_between, averages_blocks, averages_means
from neurodata4ml.data.align.averages import align_series
from neurodata4ml.data.align.averages_between import between, longest_gap
from neurodata4ml.data.align.averages_means import means
from neurodata4ml.data.nwb import blocks
from neurodata4ml.data.session import open_session


def mean_by_hand(values, first, last):
    out = np.full((len(first), *values.shape[1:]), np.nan)
    for i, (low, high) in enumerate(zip(first, last, strict=True)):
        inside = values[low:high].astype(np.float64)
        finite = np.isfinite(inside)
        number = finite.sum(axis=0)
        out[i] = np.where(number > 0, np.where(finite, inside, 0).sum(axis=0) / np.maximum(number, 1), np.nan)
    return out


def line_by_hand(values, clock, times, gap):
    columns = values.reshape(len(values), -1).astype(np.float64)
    out = np.full((len(times), columns.shape[1]), np.nan)
    for c in range(columns.shape[1]):
        finite = np.isfinite(columns[:, c])
        when, what = clock[finite], columns[finite, c]
        for i, t in enumerate(times):
            before, after = np.flatnonzero(when <= t), np.flatnonzero(when >= t)
            if len(before) and len(after):
                a, b = before[-1], after[0]
                if when[a] == when[b]:
                    out[i, c] = what[a]
                elif when[b] - when[a] <= gap:
                    out[i, c] = what[a] + (t - when[a]) / (when[b] - when[a]) * (what[b] - what[a])
    return out.reshape(len(times), *values.shape[1:])


def random_case(seed, monkeypatch):
    """A random series, in memory or in dask chunks, with random sizes of blocks and batches."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 100))
    shape = [(), (3,), (2, 3)][rng.integers(3)]
    values = (100 * rng.standard_normal((n, *shape))).astype(["f4", "f8", "i2", ">f4"][rng.integers(4)])
    if values.dtype.kind == "f" and rng.random() < 0.6:
        values[rng.random(values.shape) < rng.choice([0.02, 0.5])] = np.nan
    monkeypatch.setattr(averages_means, "BATCH", int(rng.choice([1, 50, 10**6])))
    monkeypatch.setattr(averages_blocks, "MOST_ROWS", int(rng.choice([3, 1000])))
    monkeypatch.setattr(averages_blocks, "BLOCK", int(rng.choice([1, 200, 10**6])))
    monkeypatch.setattr(averages_between, "BLOCK", int(rng.choice([1, 6400, 10**6])))
    data = values
    if rng.random() < 0.6:
        data = da.from_array(values, chunks=tuple(int(rng.integers(1, side + 1)) for side in values.shape))
    dtype = np.dtype(np.float32 if values.dtype.itemsize == 4 else np.float64)
    # relative to the values, of which the largest are about 100
    return rng, values, data, dtype, 100 * (1e-6 if dtype == np.float32 else 1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_means_equal_sums_by_hand_in_many_cases(part, monkeypatch):
    for seed in range(125 * part, 125 * (part + 1)):
        rng, values, data, dtype, error = random_case(seed, monkeypatch)
        first = rng.integers(0, len(values), 20)
        last = np.minimum(first + rng.integers(0, rng.choice([3, 60]), 20), len(values))
        found = means(data, first, last, dtype)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, mean_by_hand(values, first, last), rtol=0, atol=error, err_msg=str(seed))


@pytest.mark.parametrize("part", range(4))
def test_lines_equal_those_by_hand_in_many_cases(part, monkeypatch):
    for seed in range(60 * part, 60 * (part + 1)):
        rng, values, data, dtype, error = random_case(seed, monkeypatch)
        clock = np.sort(rng.uniform(0, 10, len(values)))
        clock = [clock, np.round(clock, 1), 0.1 * np.arange(len(values))][rng.integers(3)]
        times = np.append(rng.uniform(-1, 11, 20), rng.choice(clock, 5))
        gap = longest_gap(clock, rng.choice([0.01, 0.5]))
        found = between(data, clock, times, gap, dtype)
        assert found.dtype == dtype
        expected = line_by_hand(values, clock, times, gap)
        np.testing.assert_allclose(found, expected, rtol=0, atol=4 * error, err_msg=str(seed))


def test_float32_is_added_up_without_losing_digits():
    rng = np.random.default_rng(0)
    values = (1000 + rng.standard_normal((50_000, 3))).astype(np.float32)
    first, last = np.array([0, 10, 7]), np.array([50_000, 17, 40_003])
    exact = mean_by_hand(values, first, last)
    found = means(values, first, last, np.dtype(np.float32))
    np.testing.assert_allclose(found, exact, rtol=3e-7)
    naive = np.cumsum(values, axis=0)[-1] / len(values)
    assert np.abs(naive / exact[0] - 1).max() > 2e-6  # what a cumulative sum in float32 would give


class Counting:
    """An array that counts how often each of its values was read."""

    def __init__(self, values):
        self.values, self.shape, self.dtype, self.ndim = values, values.shape, values.dtype, values.ndim
        self.reads = np.zeros(values.shape, dtype=int)

    def __getitem__(self, index):
        self.reads[index] += 1
        return self.values[index]


@pytest.mark.parametrize("chunks", [(7, 5), (300, 2), (13, 2)])
@pytest.mark.parametrize("how", ["mean", "interpolate"])
def test_each_sample_is_read_once_at_most_though_windows_overlap(how, chunks, monkeypatch):
    monkeypatch.setattr(averages_blocks, "BLOCK", 1000)
    stored = Counting(np.random.default_rng(1).standard_normal((300, 5)))
    data = da.from_array(stored, chunks=chunks, meta=np.empty((0, 0)))
    first = np.array([290, 3, 5, 5, 20, 280])
    if how == "mean":
        means(data, first, first + 10, np.dtype(float))
    else:
        between(data, np.arange(300.0), np.append(first + 0.5, first + 7.5), 2.0, np.dtype(float))
    assert stored.reads[3:30].min() == 1
    assert stored.reads.max() == 1
    if chunks[0] < 300:
        assert stored.reads[100:200].max() == 0


N_ROWS, N_COLUMNS, MB = 60_000, 200, 1 << 20


@pytest.fixture(scope="module", params=["contiguous", "rows", "tiles"])
def recording(request, tmp_path_factory):
    """A file with a series of 48 MB, and trials over all of it."""
    from hdmf.backends.hdf5 import H5DataIO
    from pynwb import NWBHDF5IO, NWBFile, TimeSeries

    path = tmp_path_factory.mktemp("long") / f"{request.param}.nwb"
    values = np.random.default_rng(2).standard_normal((N_ROWS, N_COLUMNS), dtype=np.float32)
    values[1000:1010, 5] = np.nan
    nwb = NWBFile("a long recording", request.param, datetime(2020, 1, 1, tzinfo=UTC))
    chunks = {"contiguous": None, "rows": (500, N_COLUMNS), "tiles": (3000, 17)}[request.param]
    data = H5DataIO(values, chunks=chunks) if chunks else values
    nwb.add_acquisition(TimeSeries(name="dff", data=data, unit="1", rate=30.0, starting_time=0.0))
    nwb.add_unit(spike_times=[1.0])
    for k in range(1000):
        nwb.add_trial(start_time=1.5 + 1.99 * k, stop_time=1.9 + 1.99 * k)
    with NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("how", ["mean", "interpolate"])
def test_a_series_longer_than_memory_is_aligned_in_a_few_blocks(recording, how, monkeypatch):
    monkeypatch.setattr(blocks, "TARGET", 2 * MB)
    monkeypatch.setattr(averages_blocks, "BLOCK", 2 * MB)
    session = open_session(recording, trials="trials")
    # once before: what is imported and looked up for the first time is not of the series
    align_series(session.isel(trial=slice(0, 2)), "dff", window=(0, 0.5), bin_width=0.5, how=how)
    tracemalloc.start()
    aligned = align_series(session, "dff", window=(0, 0.5), bin_width=0.5, how=how)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert aligned.dtype == np.float32
    assert peak < aligned.nbytes + 16 * MB  # 48 MB are read
    with h5py.File(recording) as file:
        values = file["acquisition/dff/data"][:]
    clock = np.arange(N_ROWS) / 30
    start = session.start_time.values
    if how == "mean":
        expected = mean_by_hand(values, np.searchsorted(clock, start), np.searchsorted(clock, start + 0.5))
    else:
        expected = line_by_hand(values[:, :8], clock, start + 0.25, 0.5)
    np.testing.assert_allclose(aligned[:, 0, : expected.shape[1]], expected, rtol=0, atol=3e-6)
    session.close()
