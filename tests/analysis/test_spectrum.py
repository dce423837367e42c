"""The spectrum of the signal is free of noise, and its exponent is not told where it cannot be."""

import warnings

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.analysis.dimensions.parts import choose_halves
from neurodata4ml.analysis.dimensions.spectrum import decay_exponent
from neurodata4ml.errors import DesignError, DimensionError


def trials(signal, n_repeats, noise, seed=0):
    rng = np.random.default_rng(seed)
    label = np.tile(np.arange(len(signal)), n_repeats)
    values = signal[label] + noise * rng.normal(size=(len(label), signal.shape[1]))
    block = np.repeat(np.arange(n_repeats), len(signal))
    coords = {"stimulus": ("trial", label), "block": ("trial", block)}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


def decaying(n_stimuli, n_units, exponent, seed=0):
    """Signals whose covariance has eigenvalues rank ** -exponent."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(n_units, n_units)))[0]
    return rng.normal(size=(n_stimuli, n_units)) * np.arange(1.0, n_units + 1) ** (-exponent / 2) @ axes.T


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "dimensionality: no exponent")
        yield


def test_white_noise_has_no_signal_and_its_naive_total_is_its_variance():
    found = [dimensionality(trials(np.zeros((60, 40)), 4, 2.0, s), method="cvpca") for s in range(20)]
    total = np.array([float(f.signal_total) for f in found])
    assert abs(total.mean()) < 4 * total.std() / np.sqrt(20)
    # mean of 4 repeats: variance 4 / 4 in each of 40 units
    assert np.mean([float(f.naive_total) for f in found]) == pytest.approx(40.0, rel=0.02)


def test_the_total_is_the_variance_of_the_signal_where_the_naive_one_is_several_times_it():
    signal = decaying(200, 100, 1.0)
    truth = signal.var(axis=0, ddof=1).sum()
    found = dimensionality(trials(signal, 2, 0.5), method="cvpca")
    assert found.signal_total == pytest.approx(truth, rel=0.1)
    assert found.naive_total > 2.5 * truth


def test_without_noise_it_is_the_spectrum_of_the_covariance():
    signal = decaying(50, 12, 0.7)
    eigenvalues = np.linalg.eigvalsh(np.cov(signal.T))[::-1]
    found = dimensionality(trials(signal, 2, 0.0), method="cvpca")
    np.testing.assert_allclose(found.signal_variance, eigenvalues, rtol=1e-9)
    np.testing.assert_allclose(found.naive_variance, eigenvalues, rtol=1e-9)


def test_it_equals_the_slow_and_obvious_way():
    x = trials(decaying(30, 10, 1.0), 4, 0.4)
    halves = choose_halves(x, 0, least=1, step="test")
    expected = []
    for in_a in halves.in_a[:10]:
        picked = in_a[x.block.values] == 1
        means = [x[part].groupby("stimulus").mean().values for part in (picked, ~picked)]
        for one, two in (means, means[::-1]):
            one, two = one - one.mean(axis=0), two - two.mean(axis=0)
            values, axes = np.linalg.eigh(one.T @ one)
            axes = axes[:, np.argsort(-values)]
            expected.append([np.dot(one @ axis, two @ axis) / 29 for axis in axes.T])
    found = dimensionality(x, method="cvpca")
    np.testing.assert_allclose(found.signal_variance, np.mean(expected, axis=0), atol=1e-9)


def test_a_power_law_is_fitted_with_weights_of_one_over_rank():
    rank = np.arange(1.0, 301)
    assert decay_exponent(rank**-1.04) == pytest.approx(1.04)
    bent = np.where(rank < 50, rank**-1.0, 50.0 * rank**-2.0)
    assert 1.0 < decay_exponent(bent, (1, 300)) < 1.5, "early ranks weigh more than the many late ones"
    assert np.isnan(decay_exponent(np.array([1.0, -1.0]), (1, 2)))


def test_118_images_give_a_curve_and_no_exponent():
    x = trials(decaying(118, 60, 1.0), 4, 0.3)
    with pytest.warns(UserWarning, match=r"no exponent is printed: 118 stimuli and 60 units are too few .*allow_few"):
        found = dimensionality(x, method="cvpca")
    assert np.isnan(found.exponent)
    assert "too few" in found.attrs["no_exponent"]
    allowed = dimensionality(x, method="cvpca", allow_few="to show how far off it is", ranks=(2, 50))
    assert np.isfinite(allowed.exponent)
    assert allowed.attrs["allow_few"] == "to show how far off it is"


def test_each_refusal_says_what_to_do():
    x = trials(decaying(20, 5, 1.0), 1, 0.1)
    with pytest.raises(DesignError, match=r"needs every stimulus at least twice"):
        dimensionality(x, method="cvpca")
    with pytest.raises(DimensionError, match=r"needs single trials"):
        dimensionality(x.groupby("stimulus").mean(), method="cvpca")
    with pytest.raises(DesignError, match=r"knows the methods participation, cvpca, parallel; got 'cvpa'. Did you"):
        dimensionality(x, method="cvpa")
    with pytest.raises(DesignError, match=r"has no option 'rank'. Did you mean 'ranks'\?"):
        dimensionality(x, method="cvpca", rank=(1, 2))
