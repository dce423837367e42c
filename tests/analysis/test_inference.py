"""Intervals that cover, p-values that are never zero, corrections that equal the textbook."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.inference.jackknife import interval, jackknife
from neurodata4ml.analysis.inference.p_values import benjamini_hochberg, holm, permutation_p
from neurodata4ml.errors import DesignError, DimensionError


def trials(values, block=None):
    x = xr.DataArray(values, dims=("trial", "unit")[: np.ndim(values)])
    return x if block is None else x.assign_coords(block=("trial", block))


def mean_of_trials(x):
    return x.mean("trial")


def test_the_jackknife_of_a_mean_is_the_standard_error_of_the_mean():
    x = trials(np.random.default_rng(0).normal(size=(30, 4)))
    found = jackknife(mean_of_trials, x, n_groups=30)
    np.testing.assert_allclose(found.estimate, x.mean("trial"))
    np.testing.assert_allclose(found.se, x.std("trial", ddof=1) / np.sqrt(30))
    width = stats.t.ppf(0.975, 29) * found.se
    np.testing.assert_allclose(found.high - found.estimate, width)
    np.testing.assert_allclose(found.estimate - found.low, width)


def test_a_95_percent_interval_covers_the_truth_95_times_in_100():
    def log_variance(x):
        return np.log(x.var("trial"))

    rng = np.random.default_rng(1)
    x = trials(rng.normal(size=(400, 500)))  # 500 independent repetitions side by side
    found = jackknife(log_variance, x)
    assert 0.92 < float(((found.low < 0) & (found.high > 0)).mean()) < 0.98


def test_ten_blocks_are_the_groups_and_widen_the_interval_by_what_they_share():
    rng = np.random.default_rng(2)
    block = np.repeat(np.arange(12), 10)
    x = trials(rng.normal(size=(12, 50))[block] + 0.1 * rng.normal(size=(120, 50)), block)
    found = jackknife(mean_of_trials, x)
    assert (found.attrs["groups"], found.attrs["n_groups"]) == ("block", 12)
    assert float(found.se.mean()) == pytest.approx(1 / np.sqrt(12), rel=0.1)


def test_few_blocks_give_way_to_contiguous_chunks_unless_asked_for():
    x = trials(np.arange(100.0), np.repeat(np.arange(4), 25))
    found = jackknife(mean_of_trials, x)
    assert (found.attrs["groups"], found.sizes["group"]) == ("contiguous", 20)
    np.testing.assert_allclose(found.replicate[0], np.arange(5, 100).mean())
    assert jackknife(mean_of_trials, x, over="block").sizes["group"] == 4


def test_blank_trials_are_not_data():
    x = trials(np.r_[np.zeros(40), np.full(40, 9.0)]).assign_coords(blank=("trial", np.arange(80) >= 40))
    assert float(jackknife(lambda x: x.mean(), x).estimate) == 0.0


def test_a_transformed_interval_stays_in_range_and_a_float_statistic_will_do():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(40, 2)) @ np.array([[1.0, 0.9], [0.0, 0.3]])
    found = jackknife(lambda x: float(np.corrcoef(x.values.T)[0, 1]), trials(values), transform=(np.arctanh, np.tanh))
    assert float(found.low) < float(found.estimate) < float(found.high) < 1.0
    assert float(found.high - found.estimate) < float(found.estimate - found.low)


def test_a_replicate_that_is_nan_takes_its_own_interval_and_no_other():
    def gap(x):
        return xr.where(x.count("trial") < 5, np.nan, x.mean("trial"))

    values = np.random.default_rng(4).normal(size=(40, 2))
    values[5:, 0] = np.nan  # without the first group, unit 0 has too few values
    found = jackknife(gap, trials(values), n_groups=10)
    assert found.estimate.notnull().all()
    assert found.low.isnull().values.tolist() == [True, False]


def test_differences_of_replicates_cancel_what_is_shared():
    rng = np.random.default_rng(5)
    shared = rng.normal(size=(60, 1))
    x = trials(shared + 0.01 * rng.normal(size=(60, 2)))
    found = jackknife(mean_of_trials, x)
    gap = interval(found.estimate.diff("unit"), found.replicate.diff("unit"))
    assert float(gap.se[0]) < 0.05 * float(found.se[0])


def test_the_steps_are_written_down():
    found = jackknife(mean_of_trials, trials(np.arange(10.0)), n_groups=5)
    assert '"step": "jackknife", "groups": "contiguous", "n_groups": 5' in found.attrs["steps"]


def test_one_group_cannot_be_left_out():
    with pytest.raises(DesignError, match=r"needs at least 2; got 1 \(contiguous, 5 trials\)\. Raise n_groups"):
        jackknife(mean_of_trials, trials(np.zeros(5)), n_groups=1)
    with pytest.raises(DimensionError, match="jackknife needs the coordinate 'day'"):
        jackknife(mean_of_trials, trials(np.zeros(5)), over="day")
    with pytest.raises(DimensionError, match='jackknife needs a "trial" dim'):
        jackknife(mean_of_trials, trials(np.zeros(5)).rename(trial="t"))


def test_a_permutation_p_value_counts_the_observed_order_too():
    null = np.arange(99.0)[:, None] * np.ones(3)
    np.testing.assert_allclose(permutation_p(np.array([200.0, 98.0, -1.0]), null), [0.01, 0.02, 1.0])
    assert np.isnan(permutation_p(np.nan, np.zeros(9)))
    assert np.isnan(permutation_p(np.zeros(3), np.zeros((0, 3)))).all()


def test_p_values_under_the_null_are_uniform():
    rng = np.random.default_rng(6)
    p = permutation_p(rng.normal(size=5000), rng.normal(size=(19, 5000)))
    np.testing.assert_allclose(np.bincount(np.rint(p * 20).astype(int))[1:] / 5000, 0.05, atol=0.012)


def test_holm_equals_the_textbook():
    # Holm 1979: sorted p times (n, n - 1, ...), never decreasing, at most 1
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([[0.6, np.nan], [0.7, 0.001]])), [[1.0, np.nan], [1.0, 0.003]])


def test_benjamini_hochberg_equals_the_textbook():
    np.testing.assert_allclose(benjamini_hochberg(np.array([0.01, 0.04, 0.03, 0.005])), [0.02, 0.04, 0.04, 0.02])
    assert np.isnan(benjamini_hochberg(np.array([np.nan, 0.5]))).tolist() == [True, False]
    assert benjamini_hochberg(np.array([])).shape == (0,)


def test_holm_keeps_false_claims_rare():
    rng = np.random.default_rng(7)
    p = rng.uniform(size=(4000, 8))
    assert np.mean([(holm(row) < 0.05).any() for row in p]) == pytest.approx(0.05, abs=0.012)
