"""Series in bins equal a mean by hand, whatever their clock and wherever they have gaps."""

import json

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from align_worlds import edges_of, make_session, random_session

from neurodata4ml.data.align.averages import align_series
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.errors import DesignError, DimensionError, LayoutError


def with_series(session, values, clock, name="running", axis="running_axis"):
    dims = (f"{name}_time",) if np.ndim(values) == 1 else (f"{name}_time", axis)
    coords = xr.Coordinates({f"{name}_time": (f"{name}_time", clock)}, indexes={})
    return session.assign_coords(coords).assign(
        {name: xr.DataArray(da.from_array(np.asarray(values), chunks=100), dims=dims, attrs={"units": "cm/s"})}
    )


def mean_by_hand(values, clock, event, edges):
    out = np.full((len(event), len(edges) - 1, *values.shape[1:]), np.nan)
    for t, e in enumerate(event):
        for k in range(len(edges) - 1):
            inside = values[(clock >= e + edges[k]) & (clock < e + edges[k + 1])]
            for column in np.ndindex(values.shape[1:]):
                finite = inside[(slice(None), *column)]
                finite = finite[np.isfinite(finite)]
                if finite.size:
                    out[(t, k, *column)] = finite.mean()
    return out


@pytest.mark.parametrize("kind", ["regular", "irregular", "two columns", "with NaN"])
def test_a_series_is_averaged_in_bins_as_by_hand(kind):
    rng = np.random.default_rng(3)
    clock = np.arange(0, 100, 1 / 30) if kind == "regular" else np.sort(rng.uniform(0, 100, 3000))
    values = rng.normal(size=(len(clock), 2) if kind == "two columns" else len(clock))
    if kind == "with NaN":
        values[rng.choice(len(values), 1000, replace=False)] = np.nan
    session = with_series(random_session(), values, clock)
    aligned = align_series(session, "running", window=(-0.5, 0.5), bin_width=0.1)
    expected = mean_by_hand(values, clock, session.start_time.values, edges_of((-0.5, 0.5), 0.1))
    np.testing.assert_allclose(aligned, expected, rtol=1e-12)
    assert aligned.dims == ("trial", "time", "running_axis")[: aligned.ndim]


def test_a_clock_that_falls_or_has_gaps_in_it_is_refused_and_not_sorted():
    clock = np.array([1.0, 2.0, np.nan, 4.0, 3.0, 3.0, np.inf])
    session = with_series(random_session(), np.ones(7), clock)
    with pytest.raises(LayoutError, match=r"of the 7 timestamps of 'running', 2 are NaN and 1 are before the one they"):
        align_series(session, "running", window=(0, 1), bin_width=0.5)
    rising = session.isel(running_time=slice(0, 2))
    assert align_series(rising, "running", window=(0, 1), bin_width=1).dims == ("trial", "time")


def test_a_bin_without_a_sample_is_nan_and_not_zero():
    session = with_series(make_session([[1.0]], [1.0, 500.0]), [4.0, 6.0], [1.01, 1.02])
    aligned = align_series(session, "running", window=(0, 0.2), bin_width=0.1)
    np.testing.assert_array_equal(aligned, [[5.0, np.nan], [np.nan, np.nan]])


def test_imaged_units_keep_their_labels_and_units():
    session = with_series(random_session(), np.ones((300, 5), dtype=np.int16), np.linspace(0, 99, 300), "dff", "unit")
    aligned = align_series(session, "dff", window=(0, 1), bin_width=0.5)
    assert aligned.dims == ("trial", "time", "unit")
    assert aligned.area.values.tolist() == session.area.values.tolist()
    assert aligned.attrs["units"] == "cm/s"
    assert json.loads(aligned.attrs["steps"])[-1]["name"] == "dff"


def test_a_series_drops_the_same_trials_as_the_spikes():
    session = make_session([[1.0]], [1, 2, 3], cue=np.array([1, np.nan, 3.0]), valid=np.array([True, True, False]))
    session = with_series(session, np.ones(50), np.linspace(0, 5, 50))
    aligned = align_series(session, "running", align="cue", window=(0, 0.5), bin_width=0.5)
    assert aligned.trial.values.tolist() == [0]
    assert aligned.attrs["align_series_dropped_nan"] == 1
    assert aligned.attrs["align_series_dropped_invalid"] == 1


def test_a_misspelt_series_is_suggested():
    session = with_series(random_session(), np.ones(10), np.arange(10.0))
    with pytest.raises(DimensionError, match=r"no series 'runing'.*Did you mean 'running'\? There are: running\."):
        align_series(session, "runing", window=(0, 1), bin_width=0.1)


@pytest.mark.parametrize(("stored", "returned"), [("f4", "f4"), (">f4", "f4"), ("f8", "f8"), ("i2", "f8"), ("?", "f8")])
@pytest.mark.parametrize("how", ["mean", "interpolate"])
def test_float32_stays_float32_and_all_else_becomes_float64(stored, returned, how):
    session = with_series(random_session(), np.ones((300, 5), dtype=stored), np.linspace(0, 99, 300), "dff", "unit")
    aligned = align_series(session, "dff", window=(0, 1), bin_width=0.5, how=how)
    assert aligned.dtype == returned
    assert (aligned == 1).all()


def test_bins_shorter_than_the_sampling_step_are_said():
    session = with_series(random_session(), np.arange(1000.0), np.arange(1000) / 10)
    with pytest.warns(
        UserWarning, match=r"bins of 0\.02 s are shorter than the sampling step of 'running' \(0\.1 s\), so.* 80%"
    ):
        aligned = align_series(session, "running", window=(0, 1), bin_width=0.02)
    assert float(aligned.isnull().mean()) == pytest.approx(0.8, abs=0.01)
    whole = align_series(session, "running", window=(0, 1), bin_width=0.02, how="interpolate")
    centre = session.start_time.values[:, None] + whole.time.values
    np.testing.assert_allclose(whole, 10 * centre, rtol=1e-12)


def test_between_samples_the_series_is_that_of_numpy():
    rng = np.random.default_rng(4)
    clock, values = np.arange(2000) / 20, rng.normal(size=2000)
    session = with_series(random_session(), values, clock)
    aligned = align_series(session, "running", window=(-0.2, 0.8), bin_width=0.01, how="interpolate")
    expected = np.interp(session.start_time.values[:, None] + aligned.time.values, clock, values)
    np.testing.assert_allclose(aligned, expected, rtol=1e-9, atol=1e-12)


def test_one_lost_sample_is_bridged_and_two_in_a_row_are_not():
    clock = np.arange(0, 10, 0.1)
    values = 3 * clock
    values[50] = np.nan
    values[70:72] = np.nan
    session = with_series(
        make_session([[1.0]], [4.75, 6.75, 6.75, 9.8], cue=np.array([4.75, 6.75, 6.9, 9.8])), values, clock
    )
    aligned = align_series(session, "running", align="cue", window=(0, 0.5), bin_width=0.05, how="interpolate")
    centres = aligned.cue.values[:, None] + aligned.time.values
    np.testing.assert_allclose(aligned[0], 3 * centres[0])
    in_gap = (centres > 6.9) & (centres < 7.2)
    np.testing.assert_array_equal(np.isnan(aligned.values), in_gap | (centres > 9.9))
    # a bin of its length bridges it
    wide = align_series(session, "running", align="cue", window=(0, 0.5), bin_width=0.5, how="interpolate")
    np.testing.assert_allclose(wide[:3, 0], 3 * (wide.cue.values[:3] + 0.25))


def test_at_its_own_time_a_sample_stands_whatever_is_around_it():
    session = with_series(make_session([[1.0]], [2.0]), [np.nan, 5.0, np.nan], [1.0, 2.5, 4.0])
    assert align_series(session, "running", window=(0, 1), bin_width=1, how="interpolate").item() == 5.0


@pytest.mark.parametrize("how", ["mean", "interpolate"])
def test_windows_outside_of_the_series_and_a_series_of_one_sample_or_none_give_nan(how):
    session = make_session([[1.0]], [1.0, 5.0, 500.0])
    for values, clock in (([], []), ([7.0], [5.25]), (np.ones(40), np.linspace(5, 6, 40))):
        series = with_series(session, np.asarray(values, dtype=float), np.asarray(clock, dtype=float))
        aligned = align_series(series, "running", window=(0, 0.5), bin_width=0.5, how=how)
        expected = [np.nan, values[0] if len(values) else np.nan, np.nan]
        np.testing.assert_allclose(aligned.values[:, 0], expected)


@pytest.mark.parametrize("how", ["mean", "interpolate"])
@pytest.mark.parametrize("chunks", [1, 2, {"trial": 7}, {"trial": 4, "unit": 2}])
def test_lazy_values_equal_the_eager_ones_and_nothing_is_read_before(how, chunks):
    reads = []

    def read(block):
        reads.append(block.size)
        return block

    values = np.random.default_rng(5).normal(size=(3000, 5))
    session = with_series(random_session(), values, np.linspace(0, 99, 3000), "dff", "unit")
    eager = align_series(session, "dff", window=(0, 0.5), bin_width=0.1, how=how)
    session["dff"] = session.dff.copy(data=session.dff.data.map_blocks(read, meta=np.empty((0, 0))))
    lazy = align_series(session, "dff", window=(0, 0.5), bin_width=0.1, how=how, chunks=chunks)
    assert reads == []
    lengths = {"unit": chunks} if isinstance(chunks, int) else chunks
    assert {dim: lazy.chunksizes[dim][0] for dim in lengths} == lengths
    np.testing.assert_array_equal(lazy.compute(), eager)
    assert lazy.attrs == eager.attrs
    reads.clear()
    lazy.isel(trial=slice(0, 1), unit=slice(0, 1)).compute()
    assert 0 < sum(reads) <= values.size


def test_a_part_of_a_lazy_result_reads_its_own_samples_alone():
    reads = []
    values = da.from_array(np.arange(30_000.0).reshape(3000, 10), chunks=(100, 10))
    values = values.map_blocks(lambda block: reads.append(block.shape) or block, meta=np.empty((0, 0)))
    session = with_series(random_session(), np.ones((3000, 10)), np.linspace(0, 99, 3000), "dff", "axis")
    session["dff"] = session.dff.copy(data=values)
    lazy = align_series(session, "dff", window=(0, 0.5), bin_width=0.1, chunks={"trial": 1})
    reads.clear()
    lazy.isel(trial=3).compute()
    assert 1 <= len(reads) <= 2


@pytest.mark.parametrize("how", ["mean", "interpolate"])
@pytest.mark.parametrize("chunks", [None, {"time": 30}])
def test_without_trials_the_recording_itself_is_brought_into_bins(how, chunks):
    rng = np.random.default_rng(6)
    clock = np.sort(np.append(rng.uniform(3.03, 50.01, 2998), [3.03, 50.01]))
    values = rng.normal(size=(3000, 3))
    session = with_series(random_session(), values, clock)
    aligned = align_series(session, "running", align=None, bin_width=0.1, how=how, chunks=chunks)
    assert aligned.dims == ("time", "running_axis")
    assert aligned.time.values[[0, -1]].tolist() == [3.15, 49.95]
    if how == "mean":
        expected = mean_by_hand(values, clock, np.zeros(1), edges_of((3.1, 50.0), 0.1))[0]
        np.testing.assert_allclose(aligned, expected, rtol=1e-9, atol=1e-14)
    else:
        expected = np.stack([np.interp(aligned.time.values, clock, column) for column in values.T], axis=1)
        after = np.searchsorted(clock, aligned.time.values)
        expected[clock[after] - clock[after - 1] > 0.1] = np.nan
        assert 0 < np.isnan(expected).mean() < 0.1
        np.testing.assert_allclose(aligned, expected, rtol=1e-9, atol=1e-9)


def test_spikes_and_series_of_a_recording_meet_in_the_same_bins():
    session = with_series(random_session(), np.ones(3000), np.linspace(0, 100, 3000))
    session["invalid_interval"] = (("invalid", "bound"), [[20.25, 20.35]])
    counts = bin_spikes(session, align=None, window=(10, 30), bin_width=0.1)
    speed = align_series(session, "running", align=None, window=(10, 30), bin_width=0.1)
    np.testing.assert_array_equal(speed.time, counts.time)
    np.testing.assert_array_equal(speed.valid, counts.valid)
    assert speed.time.values[~speed.valid.values].tolist() == [20.25, 20.35]


def test_what_cannot_be_done_is_refused():
    session = with_series(random_session(), np.ones((300, 5)), np.linspace(0, 99, 300))
    with pytest.raises(DesignError, match=r"knows how='mean', how='interpolate'; got 'median'"):
        align_series(session, "running", window=(0, 1), bin_width=1, how="median")
    with pytest.raises(DesignError, match=r"at least 1 along 'running_axis'; got chunks=0"):
        align_series(session, "running", window=(0, 1), bin_width=1, chunks=0)
    with pytest.raises(
        DesignError, match=r"along 'trial', 'running_axis'; got chunks=\{'unit': 2\}, which names 'unit'"
    ):
        align_series(session, "running", window=(0, 1), bin_width=1, chunks={"unit": 2})
    with pytest.raises(DesignError, match=r"which seconds .* 300 samples, and bin_width is None"):
        align_series(session, "running", align=None)
