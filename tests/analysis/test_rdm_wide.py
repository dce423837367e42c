"""Responses wider than memory: the same distances block by block, each chunk computed once, little memory taken."""

import tracemalloc

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.dissimilarity import by_rows, slices, wide
from neurodata4ml.analysis.dissimilarity.distances import DISTANCES
from neurodata4ml.analysis.dissimilarity.noise import PRECISIONS
from neurodata4ml.analysis.dissimilarity.rdm import rdm

N_STIMULI, N_BLOCKS, N_UNITS, N_TIMES = 4, 5, 37, 3
LABELS, BLOCKS = np.tile(np.arange(N_STIMULI), 2 * N_BLOCKS), np.repeat(np.arange(N_BLOCKS), 2 * N_STIMULI)


def trials(keep=slice(None), dtype=float):
    rng = np.random.default_rng(0)
    values = rng.poisson(rng.gamma(4, 1, (N_TIMES, N_STIMULI, N_UNITS))[:, LABELS]).astype(dtype)
    where = {"stimulus": ("trial", LABELS), "block": ("trial", BLOCKS)}
    return xr.DataArray(values, dims=("time", "trial", "unit"), coords=where).isel(trial=keep)


def asked(name, x):
    return x if DISTANCES[name].on == "trials" else x.groupby("stimulus").mean()


@pytest.fixture
def narrow(monkeypatch):
    """Blocks of some columns only, so that small arrays are read as large ones are."""
    for module in (wide, by_rows, slices):
        monkeypatch.setattr(module, "BLOCK", 800)
    monkeypatch.setattr(wide, "IN_CACHE", 1600)


@pytest.mark.parametrize("chunks", [{"unit": 4}, {"unit": (1, 9, 2, 25)}, {"time": 2, "unit": 5}, {"trial": 7}])
@pytest.mark.parametrize("name", list(DISTANCES))
def test_distances_do_not_depend_on_chunks(name, chunks, request):
    x = asked(name, trials())
    whole = rdm(x, distance=name)
    request.getfixturevalue("narrow")
    chunks = {dim if dim in x.dims else "stimulus": size for dim, size in chunks.items()}
    np.testing.assert_allclose(rdm(x, distance=name), whole, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(rdm(x.chunk(chunks), distance=name), whole, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("keep", [slice(None), np.r_[1:20, 22:40], np.r_[0:8, 9:40]])
@pytest.mark.parametrize("folds", [None, "trial"])
@pytest.mark.parametrize("name", ["crossnobis", "poisson_cv"])
def test_chunks_of_some_trials_and_all_units_give_the_same(name, folds, keep, request):
    x = trials(keep).isel(time=0)
    whole = rdm(x, distance=name, folds=folds)
    request.getfixturevalue("narrow")
    np.testing.assert_allclose(rdm(x.chunk(trial=6), distance=name, folds=folds), whole, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("precision", list(PRECISIONS))
@pytest.mark.parametrize("n_units", [20, N_UNITS])
def test_a_noise_precision_does_not_depend_on_chunks(precision, n_units, request):
    x = trials(slice(0, 32)).isel(unit=slice(0, n_units))
    whole = rdm(x, distance="crossnobis", precision=precision)
    request.getfixturevalue("narrow")
    again = rdm(x.chunk(unit=5, time=2), distance="crossnobis", precision=precision)
    np.testing.assert_allclose(again, whole, rtol=1e-8, atol=1e-11)


def counted(shape, chunks, dtype=float):
    """Return an array of dask, and how often each of its chunks was made."""
    made: dict[tuple[int, ...], int] = {}

    def make(block_info):
        where = tuple(start for start, _ in block_info[None]["array-location"])
        made[where] = made.get(where, 0) + 1
        size = [stop - start for start, stop in block_info[None]["array-location"]]
        return np.random.default_rng(where).standard_normal(size).astype(dtype)

    return da.map_blocks(
        make, chunks=da.core.normalize_chunks(chunks, shape), dtype=dtype, meta=np.empty((0,) * 2)
    ), made


@pytest.mark.parametrize("chunks", [(40, 5), (40, 1), (8, 37)])
def test_each_chunk_is_computed_once(chunks, narrow):
    values, made = counted((40, 37), chunks)
    where = {"stimulus": ("trial", LABELS), "block": ("trial", BLOCKS)}
    with dask.config.set(scheduler="synchronous"):
        rdm(xr.DataArray(values, dims=("trial", "unit"), coords=where), distance="crossnobis")
    assert set(made.values()) == {1}


def test_a_hundred_megabytes_of_trials_take_a_tenth_of_that():
    n_trials, n_units = len(LABELS), 300_000
    values, _ = counted((n_trials, n_units), (n_trials, 5000))
    few = wide.Columns(values, n_bytes=2_000_000)
    assert values.nbytes == 96_000_000
    tracemalloc.start()
    with dask.config.set(scheduler="synchronous"):
        DISTANCES["crossnobis"].function(few, LABELS, BLOCKS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 15_000_000


def test_float32_in_memory_is_never_copied_whole():
    values = np.random.default_rng(1).standard_normal((len(LABELS), 200_000), dtype=np.float32)
    where = {"stimulus": ("trial", LABELS), "block": ("trial", BLOCKS)}
    x = xr.DataArray(values, dims=("trial", "unit"), coords=where)
    tracemalloc.start()
    found = rdm(x, distance="crossnobis")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < values.nbytes
    np.testing.assert_allclose(found, rdm(x.astype(float), distance="crossnobis"), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint16, np.int64, np.float16, np.float32, bool])
@pytest.mark.parametrize("name", list(DISTANCES))
def test_any_type_of_number_gives_what_float64_gives(name, dtype):
    values = (trials().values % 2 if dtype is bool else trials().values).astype(dtype)
    values[..., 0] = np.asarray(values[..., 0] > 0, dtype=dtype)
    x = trials().isel(time=0).copy(data=values[0])
    if DISTANCES[name].on == "means":
        x = x.isel(trial=slice(0, N_STIMULI)).swap_dims(trial="stimulus")
    np.testing.assert_array_equal(rdm(x, distance=name), rdm(x.astype(np.float64), distance=name))


@pytest.mark.parametrize("name", list(DISTANCES))
def test_responses_are_not_written_to(name):
    x = asked(name, trials())
    before = x.values.copy()
    for precision in [None, *PRECISIONS] if DISTANCES[name].takes_precision else [None]:
        rdm(x, distance=name, precision=precision)
    np.testing.assert_array_equal(x.values, before)


def test_the_answer_has_the_same_bits_for_any_number_of_cores(monkeypatch):
    x = trials().isel(time=0)
    monkeypatch.setattr(wide, "IN_CACHE", 1600)
    monkeypatch.setattr("neurodata4ml.analysis.linear.threads.n_cores", lambda: 1)
    alone = rdm(x, distance="crossnobis")
    monkeypatch.setattr("neurodata4ml.analysis.linear.threads.n_cores", lambda: 3)
    xr.testing.assert_identical(rdm(x, distance="crossnobis"), alone)
