"""Components count where they hold more than unrelated units would show."""

import numpy as np
import pytest
import xarray as xr
from scipy.ndimage import gaussian_filter1d

from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.errors import DesignError


def population(n_components, n_samples=300, n_units=20, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_samples, n_components)) @ rng.normal(size=(n_components, n_units))
    return xr.DataArray(values + rng.normal(size=(n_samples, n_units)), dims=("trial", "unit"))


@pytest.mark.parametrize("n_components", [1, 3, 5])
def test_planted_components_are_counted(n_components):
    found = dimensionality(population(n_components), method="parallel")
    assert found.n_components == n_components
    assert found.variance.sum() == pytest.approx(20)


def test_unrelated_units_rarely_have_a_component():
    counts = [int(dimensionality(population(0, 60, 8, s), method="parallel").n_components) for s in range(40)]
    # each has 5 % chance; binomial(40, .05) exceeds 7 with probability 0.0005
    assert np.count_nonzero(counts) <= 7


def test_what_every_trial_repeats_does_not_count_where_whole_trials_are_shuffled():
    rng = np.random.default_rng(0)
    course = np.sin(np.linspace(0, 6, 12))[None, :, None] * rng.normal(size=6)
    x = xr.DataArray(5 * course + rng.normal(size=(50, 12, 6)), dims=("trial", "time", "unit"))
    assert dimensionality(x, method="parallel").n_components == 0
    flat = xr.DataArray(x.values.reshape(600, 6), dims=("trial", "unit"))
    assert dimensionality(flat, method="parallel").n_components == 1


def test_silent_units_are_left_out_and_too_few_are_refused():
    x = population(2)
    x[:, 3] = 7.0
    found = dimensionality(x, method="parallel")
    assert found.attrs["n_units"] == 19
    assert found.n_components == 2
    with pytest.raises(DesignError, match=r"needs at least 2 units that vary and 3 samples; got 1 and 300"):
        dimensionality(x[:, 3:5], method="parallel")
    x[0, 0] = np.nan
    with pytest.raises(DesignError, match=r"cannot read NaN: 1 of 6000 values"):
        dimensionality(x, method="parallel")


def test_slow_units_of_a_recording_that_know_nothing_of_each_other_rarely_share_a_component():
    found = []
    for seed in range(20):
        slow = gaussian_filter1d(np.random.default_rng(seed).normal(size=(600, 10)), 15, axis=0, mode="wrap")
        found.append(int(dimensionality(xr.DataArray(slow, dims=("time", "unit")), method="parallel").n_components))
    assert np.mean(np.array(found) > 0) <= 0.25  # binomial(20, .05) exceeds 5 with probability 3e-4
    shared = slow + 3 * slow[:, :1]
    assert dimensionality(xr.DataArray(shared, dims=("time", "unit")), method="parallel").n_components == 1


def test_one_trial_has_no_other_order_and_no_shuffle_is_no_null():
    x = population(1, 30).expand_dims(time=10).transpose("trial", "time", "unit")
    with pytest.raises(DesignError, match=r"shuffles whole trials and needs 3 of them; got 2"):
        dimensionality(x[:2], method="parallel")
    with pytest.raises(DesignError, match=r"n_shuffles of 1 or more .* got n_shuffles=0 and quantile=0.95"):
        dimensionality(x, method="parallel", n_shuffles=0)
    with pytest.raises(DesignError, match=r"quantile between 0 and 1; got .* quantile=95"):
        dimensionality(x, method="parallel", quantile=95)
