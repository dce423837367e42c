"""Smoothing, z-scores and baselines equal those of scipy, MNE and a sum by hand; what they cannot know they say."""

import json
import warnings
from functools import partial

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from scipy import ndimage, stats

from neurodata4ml.analysis.shaping import KERNELS, baseline, smooth, zscore
from neurodata4ml.errors import DesignError, DimensionError

WIDTH = 0.01


def counts(n_trials=4, n_bins=60, n_units=3, seed=0, dtype=np.int8):
    rng = np.random.default_rng(seed)
    return xr.DataArray(
        rng.poisson(2, (n_trials, n_bins, n_units)).astype(dtype),
        dims=("trial", "time", "unit"),
        coords={
            "trial": np.arange(n_trials),
            "time": np.round(-0.2 + WIDTH * (np.arange(n_bins) + 0.5), 12),
            "unit": 10 + np.arange(n_units),
            "stimulus": ("trial", np.arange(n_trials) % 2),
        },
        name="spike_count",
        attrs={"units": "1", "bin_width": WIDTH, "citation": "nobody", "steps": "[]"},
    )


def lazily(x):
    return x.copy(data=da.from_array(x.values, chunks=(2, 20, 2)))


def weight(kernel, offset, width):
    """The weight of a bin ``offset`` bins later than the one that is smoothed, by definition."""
    if kernel == "boxcar":
        return max(0.0, min(offset + 0.5, width / 2) - max(offset - 0.5, -width / 2))
    if abs(offset) > int(4 * width + 0.5) or (kernel == "causal" and offset > 0):
        return 0.0
    return np.exp(-(offset**2) / (2 * width**2))


def smooth_by_hand(column, kernel, width):
    out = np.full(len(column), np.nan)
    for i in np.flatnonzero(np.isfinite(column)):
        there = [j for j in range(len(column)) if np.isfinite(column[j])]
        weights = np.array([weight(kernel, j - i, width) for j in there])
        out[i] = weights @ column[there] / weights.sum()
    return out


@pytest.mark.parametrize("with_nan", [False, True])
@pytest.mark.parametrize("width", [0.3, 1.0, 2.0, 3.7])
@pytest.mark.parametrize("kernel", KERNELS)
def test_smoothing_equals_a_weighted_mean_by_hand_at_edges_and_beside_nan(kernel, width, with_nan):
    x = counts(2, 30, 2, dtype=np.float64)
    if with_nan:
        x = x.where(np.random.default_rng(1).random(x.shape) > 0.2)
    smoothed = smooth(x, width * WIDTH, kernel=kernel)
    for trial in range(2):
        for unit in range(2):
            expected = smooth_by_hand(x.values[trial, :, unit], kernel, width)
            np.testing.assert_allclose(smoothed.values[trial, :, unit], expected, rtol=1e-9, atol=1e-12)


def test_far_from_the_edges_a_gaussian_and_a_box_are_those_of_scipy():
    x = counts(dtype=np.float64)
    gaussian = ndimage.gaussian_filter1d(x.values, 2.0, axis=1)
    np.testing.assert_allclose(smooth(x, 0.02).values[:, 8:-8], gaussian[:, 8:-8], rtol=1e-12)
    box = ndimage.uniform_filter1d(x.values, 5, axis=1)
    np.testing.assert_allclose(smooth(x, 0.05, kernel="boxcar").values[:, 2:-2], box[:, 2:-2], rtol=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64])
def test_what_is_constant_stays_constant_up_to_the_edges(kernel, dtype):
    x = counts().astype(dtype) * 0 + 7
    smoothed = smooth(x, 0.033, kernel=kernel)
    np.testing.assert_allclose(smoothed, 7.0, rtol=1e-6)
    assert smoothed.dtype == (np.float32 if dtype == np.float32 else np.float64)


@pytest.mark.parametrize(("kernel", "is_earlier_changed"), [("gaussian", True), ("boxcar", True), ("causal", False)])
def test_only_a_causal_kernel_keeps_later_activity_out_of_earlier_bins(kernel, is_earlier_changed):
    x = counts(dtype=np.float64)
    later = x.where(x.time < 0.1, 100.0)
    change = smooth(later, 0.03, kernel=kernel) - smooth(x, 0.03, kernel=kernel)
    assert bool((change.sel(time=slice(None, 0.1)) != 0).any()) == is_earlier_changed
    assert (change.sel(time=slice(0.1, None)) > 0).all()


def test_smoothing_stays_lazy_and_equals_the_eager_one_whatever_the_order_of_dims():
    x = counts()
    lazy = smooth(lazily(x).transpose("time", "unit", "trial"), 0.02)
    assert lazy.chunks is not None
    assert lazy.dims == ("time", "unit", "trial")
    np.testing.assert_array_equal(lazy.transpose(*x.dims), smooth(x, 0.02))


@pytest.mark.parametrize(
    "shape", [lambda x: smooth(x, 0.02), zscore, baseline, lambda x: baseline(x, (-0.2, 0), how="zscore")]
)
def test_labels_and_provenance_stay_and_the_step_is_noted(shape):
    x = counts(n_trials=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shaped = shape(x)
    assert shaped.dims == x.dims
    assert set(shaped.coords) == set(x.coords)
    assert (shaped.name, shaped.attrs["citation"], shaped.attrs["bin_width"]) == ("spike_count", "nobody", WIDTH)
    assert [step["step"] in ("smooth", "zscore", "baseline") for step in json.loads(shaped.attrs["steps"])] == [True]
    assert x.attrs["steps"] == "[]"


def test_smoothing_refuses_what_it_cannot_do():
    x = counts()
    with pytest.raises(DesignError, match=r"smooth knows the kernels gaussian, boxcar, causal; got 'box'"):
        smooth(x, 0.02, kernel="box")
    with pytest.raises(DesignError, match=r"a width above 0 s; got 0\. Milliseconds\? 20 ms is width=0\.02"):
        smooth(x, 0)
    with pytest.raises(DimensionError, match=r'smooth needs a "time" dim; got \(trial, unit\)'):
        smooth(x.sum("time"), 0.02)
    with pytest.raises(
        DimensionError, match=r"evenly spaced bins; the steps of the coordinate 'time' go from 0\.01 to"
    ):
        smooth(x.isel(time=[0, 1, 2, 4]), 0.02)
    bare = x.drop_vars("time").assign_attrs(bin_width=WIDTH)
    np.testing.assert_array_equal(smooth(bare, 0.02), smooth(x, 0.02))
    del bare.attrs["bin_width"]
    with pytest.raises(DimensionError, match=r"how long a bin is.*neither a coordinate 'time' with two bins nor"):
        smooth(bare, 0.02)


@pytest.mark.parametrize(("over", "axis"), [(None, (0, 1)), ("trial", 0), (("trial", "time"), (0, 1)), (["time"], 1)])
def test_zscores_are_those_of_scipy(over, axis):
    x = counts(40, 12)
    values = x.values.astype(float)
    expected = (values - values.mean(axis, keepdims=True)) / values.std(axis, keepdims=True)
    if isinstance(axis, int):
        np.testing.assert_allclose(expected, stats.zscore(values, axis=axis), rtol=1e-12)
    np.testing.assert_allclose(zscore(x, over=over), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(zscore(lazily(x), over=over).compute(), expected, rtol=1e-9, atol=1e-12)


def test_an_axis_that_is_no_unit_is_scaled_place_by_place():
    x = counts().rename(unit="running_axis")
    np.testing.assert_allclose(zscore(x).std(["trial", "time"]), 1.0)


def test_zscores_leave_nan_out_and_nan():
    x = counts(40, 12, dtype=np.float64).where(lambda x: x != 2)
    scored = zscore(x, over="trial")
    np.testing.assert_allclose(scored, stats.zscore(x.values, axis=0, nan_policy="omit"), rtol=1e-9, atol=1e-12)
    assert (scored.isnull() == x.isnull()).all()


def test_a_constant_unit_becomes_zero_and_is_said():
    x = counts(dtype=np.float64)
    x[..., 1] = 0.1
    with pytest.warns(
        UserWarning, match=r"zscore: 1 of 3 scales \(unit\) are constant over trial, time: the result is 0"
    ):
        scored = zscore(x)
    assert (scored.isel(unit=1) == 0).all()
    assert np.isfinite(scored).all()
    assert (zscore(lazily(x)).isel(unit=1) == 0).all()


def test_a_zscore_is_unitless_and_small_floats_stay_small():
    x = counts(dtype=np.float32).assign_attrs(units="Hz")
    assert zscore(x).attrs["units"] == "1"
    assert zscore(x).dtype == np.float32
    with pytest.raises(DimensionError, match=r'zscore needs a "block" dim.*zscore\(x, over=\.\.\.\)'):
        zscore(x, over="block")


@pytest.mark.parametrize(("how", "mode"), [("subtract", "mean"), ("divide", "ratio"), ("zscore", "zscore")])
def test_baselines_are_those_of_mne(how, mode):
    mne_baseline = pytest.importorskip("mne.baseline")
    x = counts(dtype=np.float64) + 0.5
    # MNE takes samples from the first to the last time, both of them in: the centres of our bins
    wanted = mne_baseline.rescale(
        x.transpose("trial", "unit", "time").values.copy(), x.time.values, (-0.095, -0.005), mode, verbose="error"
    )
    np.testing.assert_allclose(baseline(x, how=how).transpose("trial", "unit", "time"), wanted, rtol=1e-9, atol=1e-12)
    lazy = baseline(lazily(x), how=how)
    assert lazy.chunks is not None
    np.testing.assert_allclose(lazy, baseline(x, how=how))


def test_a_baseline_of_subtracted_means_is_zero_and_keeps_its_unit():
    x = counts().assign_attrs(units="Hz")
    shaped = baseline(x, (-0.2, 0.0))
    assert shaped.dtype == np.float64
    assert shaped.attrs["units"] == "Hz"
    np.testing.assert_allclose(shaped.isel(time=slice(0, 20)).mean("time"), 0.0, atol=1e-12)


def test_only_bins_that_lie_in_the_window_whole_are_baseline():
    x = counts(dtype=np.float64)
    late = x.where(x.time < 0, 1e6)
    np.testing.assert_array_equal(baseline(x)[:, :20], baseline(late)[:, :20])
    np.testing.assert_array_equal(baseline(x, (-0.1, 0.004))[:, :20], baseline(late, (-0.1, 0.004))[:, :20])
    del x.attrs["bin_width"]
    np.testing.assert_array_equal(baseline(x, (-0.1, 0.0)), x - x[:, 10:20].mean("time"))


@pytest.mark.parametrize(("how", "word"), [("divide", "mean"), ("zscore", "standard deviation")])
def test_a_silent_baseline_gives_nan_and_is_said(how, word):
    x = counts(2, 60, 3).where(lambda x: (x.time > 0) | (x.unit != 11), 0)
    with pytest.warns(UserWarning, match=rf"the {word} of 2 of 6 baselines \(trial, unit\) is 0, and the result NaN"):
        shaped = baseline(x, (-0.2, 0), how=how)
    assert shaped.isel(unit=1).isnull().all()
    assert np.isfinite(shaped.isel(unit=[0, 2])).all()


def test_nan_in_a_baseline_is_left_out():
    x = counts(dtype=np.float64)
    gappy = x.copy()
    gappy[0, 12, 0] = np.nan
    expected = x[0, :, 0] - np.delete(x.values[0, 10:20, 0], 2).mean()
    np.testing.assert_allclose(baseline(gappy)[0, 20:, 0], expected[20:])


def test_a_baseline_refuses_what_it_cannot_do():
    x = counts()
    with pytest.raises(DesignError, match=r"knows how='subtract', how='divide', how='zscore'; got 'mean'"):
        baseline(x, how="mean")
    with pytest.raises(
        DesignError, match=r"no bin within window=\(-1, -0\.5\) s; the coordinate 'time' goes from -0\.2 to"
    ):
        baseline(x, (-1, -0.5))
    with pytest.raises(DimensionError, match=r'baseline needs a "time" dim'):
        baseline(x.sum("time"))
    with pytest.raises(DimensionError, match=r"baseline needs the coordinate 'time'"):
        baseline(x.drop_vars("time"))


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_window_far_below_a_bin_changes_nothing_and_one_far_beyond_the_trial_takes_no_memory(kernel):
    x = counts(n_bins=6)
    np.testing.assert_allclose(smooth(x, 1e-12, kernel=kernel), x, atol=1e-9)
    whole = smooth(x, 1e7, kernel=kernel)  # a billion bins
    expected = x.astype(float).cumsum("time") / np.arange(1, 7)[:, None] if kernel == "causal" else x.mean("time")
    np.testing.assert_allclose(whole - expected, 0, atol=1e-9)


def test_sparse_counts_are_shaped_as_dense_ones():
    sparse = pytest.importorskip("sparse")
    x = counts()
    few = x.copy(data=sparse.COO.from_numpy(x.values))
    for shape in (partial(smooth, width=0.02), zscore, partial(baseline, window=(-0.2, 0))):
        np.testing.assert_array_equal(shape(few).values, shape(x).values)


def test_words_in_the_place_of_seconds_are_met_by_a_sentence():
    with pytest.raises(DesignError, match="smooth needs a width above 0 s; got 20 ms"):
        smooth(counts(), "20 ms")
    for window in ("pre", 0.1, None, (0.1, 0), (0, 0.1, 0.2)):
        with pytest.raises(DesignError, match=r"baseline needs a window .* start < end; got"):
            baseline(counts(), window)
    with pytest.raises(DesignError, match=r"zscore finds no value in an array of {'trial': 0"):
        zscore(counts()[:0])
    with pytest.raises(DimensionError, match='zscore needs a "3" dim'):
        zscore(counts(), over=3)


def test_a_plain_array_is_no_labelled_one():
    for shape in (partial(smooth, width=0.02), zscore, baseline):
        with pytest.raises(DimensionError, match=f"{getattr(shape, 'func', shape).__name__} "):
            shape(counts().values)
