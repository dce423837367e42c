"""Lagged features hold the past and nothing else, and rows that share features are kept apart."""

import numpy as np
import pytest
import xarray as xr
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold

from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.encoding.lagged import lagged, purge_for, reach
from neurodata4ml.analysis.encoding.score_formulas import explained
from neurodata4ml.errors import DesignError, DimensionError

STEP = 0.1


def movie(n=12, n_features=2, **coords):
    """Features whose value is their own bin, the second by 100 larger."""
    values = np.arange(n)[:, None] + 100.0 * np.arange(n_features)
    along = {"time": np.arange(n) * STEP, "feature": [f"f{i}" for i in range(n_features)]}
    return xr.DataArray(values, dims=("time", "feature"), coords=along | coords)


def slow(n, n_columns, seed, memory=0.995):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((n, n_columns))
    for i in range(1, n):
        values[i] += memory * values[i - 1]
    return values


def test_a_row_holds_every_feature_at_every_lag():
    found = lagged(movie(), [0.0, 0.3])
    np.testing.assert_allclose(found.time, np.arange(3, 12) * STEP)
    bins = np.arange(3, 12)
    np.testing.assert_array_equal(found.values, np.stack([bins, bins + 100, bins - 3, bins + 97], axis=1))
    assert found.lag.values.tolist() == [0.0, 0.0, 0.3, 0.3]
    assert found.source.values.tolist() == ["f0", "f1", "f0", "f1"]


def test_nothing_wraps_around_the_end():
    found = lagged(movie(), [0.2, -0.2], fill=np.nan)
    assert np.isnan(found.values[:2, 0]).all()
    assert np.isnan(found.values[-2:, 2]).all()
    rolled = np.roll(movie().values[:, 0], 2)
    assert rolled[0] == 10.0  # what wrapping would have put there
    np.testing.assert_array_equal(found.values[2:, 0], rolled[2:])


@pytest.mark.parametrize("name", ["trial", "session"])
def test_no_lag_reaches_into_another_trial(name):
    found = lagged(movie(**{name: ("time", np.repeat(["a", "b", "c"], 4))}), [0.0, 0.1])
    assert found.values[:, 0].tolist() == [1, 2, 3, 5, 6, 7, 9, 10, 11]
    np.testing.assert_array_equal(found.values[:, 2], found.values[:, 0] - 1)
    assert found.coords[name].values.tolist() == list("aaabbbccc")


def test_trials_named_otherwise_are_named_in_within():
    x = movie(clip=("time", np.repeat([1, 2], 6)))
    assert lagged(x, [0.0, 0.1]).sizes["time"] == 11
    assert lagged(x, [0.0, 0.1], within="clip").sizes["time"] == 10


def test_times_that_begin_anew_in_every_trial_are_told_apart():
    x = movie().assign_coords(time=np.tile(np.arange(4) * STEP, 3), trial=("time", np.repeat([0, 1, 2], 4)))
    found = lagged(x, [0.1])
    assert found.values[:, 0].tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10]


def test_no_lag_reaches_across_a_gap():
    x = movie().isel(time=[0, 1, 2, 6, 7, 8]).assign_attrs(bin_width=STEP)
    assert lagged(x, [0.0, 0.1]).values[:, 0].tolist() == [1, 2, 7, 8]


def test_lazy_features_stay_lazy_and_coordinates_of_features_stay():
    pytest.importorskip("dask.array")
    x = movie().assign_coords(layer=("feature", ["a", "b"])).chunk(time=5)
    found = lagged(x, [0.0, 0.2])
    assert found.chunks is not None
    np.testing.assert_array_equal(found.values, lagged(movie(), [0.0, 0.2]).values)
    assert found.layer.values.tolist() == ["a", "b", "a", "b"]


def test_a_response_that_follows_its_movie_is_found_at_its_lag():
    rng = np.random.default_rng(0)
    x = movie(400, 3).copy(data=rng.standard_normal((400, 3)))
    response = np.zeros(400)
    response[4:] = x.values[:-4, 1]
    design = lagged(x, [k * STEP for k in range(6)])
    coef = np.linalg.lstsq(design.values, response[5:], rcond=None)[0]
    best = int(np.argmax(np.abs(coef)))
    assert float(design.lag[best]) == pytest.approx(0.4)
    assert design.source.values[best] == "f1"


def test_the_longest_lag_counts_both_ways_and_is_handed_on():
    assert reach([0.2, 0.5]) == 0.5
    assert reach([-0.3, 0.5]) == 0.8
    assert reach([-0.3]) == pytest.approx(0.3)
    assert lagged(movie(), [0.1, 0.3]).attrs["longest_lag"] == pytest.approx(0.3)


def test_the_purge_is_the_longest_lag_and_the_memory_of_both_sides():
    rng = np.random.default_rng(0)
    times = {"time": np.arange(4000) * STEP}
    noise = xr.DataArray(rng.standard_normal((4000, 3)), dims=("time", "unit"), coords=times)
    features = xr.DataArray(rng.standard_normal((4000, 2)), dims=("time", "feature"), coords=times)
    assert purge_for(noise, features) == pytest.approx(STEP)
    assert purge_for(noise, lagged(features, [0.0, 1.0])) == pytest.approx(STEP + 1.0)
    # an AR(1) of .9 falls below .1 after log(.1) / log(.9) = 22 bins
    slower = features.copy(data=slow(4000, 2, 1, 0.9))
    assert 20 * STEP <= purge_for(noise, slower) <= 44 * STEP


def test_two_independent_slow_signals_predict_each_other_only_where_neighbours_are_shuffled_into_training():
    """Table 0 of ../shared/reference/statistics.md: R2 = +.774 shuffled, negative in contiguous stretches."""
    times = {"time": np.arange(1000) * STEP}
    features = xr.DataArray(slow(1000, 20, 0), dims=("time", "feature"), coords=times)
    design = lagged(features, [0.0, 0.2])
    y = xr.DataArray(slow(1000, 5, 1), dims=("time", "unit"), coords=times).sel(time=design.time)

    def score(folds):
        predicted = np.empty(y.shape)
        for train, test in folds:
            predicted[test] = RidgeCV(np.logspace(-2, 5, 8)).fit(design[train], y[train]).predict(design[test])
        return float(explained(y.values, predicted).mean())

    folds = splits(y, encoding=True, purge=purge_for(y, design))
    assert score(KFold(5, shuffle=True, random_state=0).split(y)) > 0.7
    assert score(folds.split()) < 0
    assert folds.kind == "contiguous"
    assert folds.purge > 0.2


@pytest.mark.parametrize(
    ("lags", "options", "message"),
    [
        ([0.15], {}, r"A lag of 0\.15 s is no whole number of bins of 0\.1 s\. The nearest is 0\.2 s"),
        ([0.1, 0.1], {}, r"Each lag is taken once; got \[0\.1, 0\.1\]"),
        ([], {}, r"lags takes seconds, such as \[0\.0, 0\.1, 0\.2\]; got \[\]"),
        ([np.nan], {}, r"lags takes seconds.*got \[nan\]"),
        (["0.1"], {}, "lags takes seconds"),
        ([0.0, 5.0], {}, r"No bin has all lags from 0 to 5 s.*of 12 bins.*fill=0\.0"),
    ],
)
def test_lags_that_cannot_be_are_refused(lags, options, message):
    with pytest.raises(DesignError, match=message):
        lagged(movie(), lags, **options)


def test_times_off_the_grid_or_twice_are_refused():
    x = movie()
    uneven = x.assign_coords(time=x.time + 0.03 * (np.arange(12) % 3))
    twice = x.assign_coords(time=np.tile(np.arange(6) * STEP, 2))
    for bad in (uneven.assign_attrs(bin_width=STEP), twice):
        with pytest.raises(DesignError, match=r"not on a grid of 0\.1 s, or recur.*within='trial'"):
            lagged(bad, [0.1])


def test_one_bin_has_no_length():
    with pytest.raises(DesignError, match="at least two bins"):
        lagged(movie(1), [0.0])


def test_what_is_no_movie_is_refused():
    with pytest.raises(DimensionError, match=r"\(time, feature\).*without times"):
        lagged(movie().drop_vars("time"), [0.0])
    with pytest.raises(DimensionError, match=r'lagged needs a "time" dim'):
        lagged(movie().rename(time="trial"), [0.0])
    with pytest.raises(DimensionError, match=r"lagged takes features \(time, feature\).*x\.stack"):
        lagged(movie().expand_dims(trial=2), [0.0])
    with pytest.raises(DimensionError, match="'clip'"):
        lagged(movie(), [0.0], within="clip")


@pytest.mark.parametrize("lags", [0.1, None, "abc", [1e300], [[0.0]]])
def test_lags_are_a_list_of_seconds(lags):
    with pytest.raises(DesignError, match="lags takes seconds, such as"):
        lagged(movie(), lags)


def test_what_fills_in_is_a_number():
    with pytest.raises(DesignError, match=r"fill as a number.*got 'zero'"):
        lagged(movie(), [0.0], fill="zero")


def test_times_are_no_nan():
    x = movie()
    with pytest.raises(DesignError, match="none of them NaN"):
        lagged(x.assign_coords(time=np.where(np.arange(12) == 3, np.nan, x.time)), [0.0])


def test_nothing_has_no_memory():
    with pytest.raises(DesignError, match=r"got none: {'time': 0"):
        purge_for(movie()[:0], movie())
