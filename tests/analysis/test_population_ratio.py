"""The dimensions of a population are found from few of its units and few stimuli."""

from itertools import permutations, product

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.analysis.dimensions.population import unbiased_sums


def ratios(first, second):
    """The ratio of these units, and of their population."""
    sums = unbiased_sums(first, second)
    return sums[:, 0] / sums[:, 1]


def obvious(first, second, *, same):
    """The sums of the definition, term by term: four different stimuli, two units, the same one too or not."""
    numerator = denominator = 0.0
    for i, j, k, n in permutations(range(len(first)), 4):
        for a, b in product(range(first.shape[1]), repeat=2):
            if a == b and not same:
                continue
            own = (first[i, a] - first[j, a]) * (second[i, a] - second[j, a]) / 2
            other = (first[k, b] - first[n, b]) * (second[k, b] - second[n, b]) / 2
            numerator += own * other
            shared = (first[i, a] - first[j, a]) * (second[i, b] - second[j, b]) / 2
            again = (first[k, a] - first[n, a]) * (second[k, b] - second[n, b]) / 2
            denominator += shared * again
    return numerator / denominator


@pytest.mark.parametrize("seed", range(3))
def test_it_equals_its_definition_summed_term_by_term(seed):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(3, 2, (6, 3)), rng.normal(3, 2, (6, 3))
    expected = [obvious(first, second, same=same) for same in (True, False)]
    np.testing.assert_allclose(ratios(first, second), expected, rtol=1e-9)


@pytest.mark.parametrize(("n_stimuli", "n_units"), [(100, 50), (50, 100)])
def test_few_units_and_few_stimuli_with_noise_still_show_ten_dimensions(n_stimuli, n_units):
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        signal = rng.normal(size=(n_stimuli, 10)) @ rng.normal(size=(10, n_units))
        halves = (signal + 3 * rng.normal(size=signal.shape) for _ in range(2))
        found.append(ratios(*halves)[1])
    assert np.mean(found) == pytest.approx(10, abs=4 * np.std(found) / np.sqrt(60))
    assert np.std(found) < 1.5


def test_the_plain_ratio_of_the_same_sample_is_too_small_without_noise_and_too_large_with_it():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(30, 10)) @ rng.normal(size=(10, 20))
    label = np.tile(np.arange(30), 20)
    noise = 4 * rng.normal(size=(600, 20))
    x = xr.DataArray(signal[label] + noise, dims=("trial", "unit"), coords={"stimulus": ("trial", label)})
    clean = dimensionality(xr.DataArray(signal, dims=("stimulus", "unit")))
    assert clean.participation_ratio < 7.5
    assert 7.5 < clean.participation_ratio_population < 13
    noisy = dimensionality(x)
    assert noisy.participation_ratio > clean.participation_ratio + 0.2
    assert noisy.participation_ratio_cv == pytest.approx(float(clean.participation_ratio), rel=0.1)
    assert noisy.participation_ratio_population == pytest.approx(float(clean.participation_ratio_population), rel=0.15)


def test_a_hundred_stimuli_are_enough_to_see_that_white_units_fill_as_many_dimensions_as_they_are():
    rng = np.random.default_rng(0)
    found = dimensionality(xr.DataArray(rng.normal(size=(100, 200)), dims=("stimulus", "unit")))
    assert found.participation_ratio == pytest.approx(65.6, abs=2)
    assert found.bias_limit == pytest.approx(66.7, abs=0.1)
    assert found.participation_ratio_units == pytest.approx(200, rel=0.1)
    assert not found.participation_ratio_population < 1000, "units that share nothing have no population of few"


def test_one_unit_or_three_stimuli_say_nothing_of_a_population():
    rng = np.random.default_rng(0)
    one, few = (ratios(*rng.normal(size=(2, *shape))) for shape in ((10, 1), (3, 10)))
    assert one[0] == pytest.approx(1)
    assert np.isnan([one[1], *few]).all()


def test_it_does_not_change_with_the_order_of_units_the_baseline_or_the_scale():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(20, 2)) @ rng.normal(size=(2, 8)), rng.normal(size=(20, 8))
    b = a + b
    order = rng.permutation(8)
    np.testing.assert_allclose(ratios(7 * a[:, order] + 100, b[:, order]), ratios(a, b), rtol=1e-8)
