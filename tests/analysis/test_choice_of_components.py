"""The number of components that is chosen is the one that was planted, by what was held out."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import multivariate_normal

from neurodata4ml.analysis.latents.choice import choose_components
from neurodata4ml.analysis.latents.gaussian import fit_fa, fit_pca
from neurodata4ml.errors import DesignError


def population(n_components, n_trials=200, n_units=15, *, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_trials, n_components)) @ rng.normal(size=(n_components, n_units)) * 1.5
    return xr.DataArray(values + noise * rng.normal(size=(n_trials, n_units)), dims=("trial", "unit"))


@pytest.mark.parametrize("criterion", ["likelihood", "cosmoothing"])
@pytest.mark.parametrize("method", ["pca", "fa"])
@pytest.mark.parametrize("n_components", [2, pytest.param(5, marks=pytest.mark.slow)])
def test_the_planted_number_is_chosen(method, criterion, n_components):
    x = population(n_components)
    chosen, found = choose_components(x, method=method, criterion=criterion, candidates=range(1, n_components + 4))
    assert chosen == n_components
    assert found.attrs["n_components_chosen"] == n_components
    assert found.choice_score.sizes == {"n_components": n_components + 3, "choice_fold": 5}


def test_units_with_private_noise_of_their_own_mislead_pca_and_not_factor_analysis():
    x = population(2, noise=np.array([0.3] * 13 + [8.0, 8.0]))
    assert choose_components(x, method="fa", candidates=range(1, 7))[0] == 2
    assert choose_components(x, method="pca", candidates=range(1, 7))[0] > 2


@pytest.mark.parametrize("fit", [fit_pca, fit_fa])
def test_the_likelihood_is_that_of_a_normal_density_and_predictions_are_its_conditional_means(fit):
    values = population(2, n_units=6).values
    model = fit(values, 2)
    covariance = model.weights.T @ model.weights + np.diag(model.noise)
    expected = multivariate_normal(model.mean, covariance).logpdf(values[:9])
    np.testing.assert_allclose(model.loglikelihood(values[:9]), expected, rtol=1e-8)
    given, wanted = np.array([0, 2, 3]), np.array([1, 5])
    slope = covariance[np.ix_(wanted, given)] @ np.linalg.inv(covariance[np.ix_(given, given)])
    told = model.mean[wanted] + (values[:9, given] - model.mean[given]) @ slope.T
    np.testing.assert_allclose(model.predict(values[:9], given, wanted), told, rtol=1e-8)


def test_trials_keep_their_times_together_and_silent_units_are_left_out():
    rng = np.random.default_rng(0)
    x = population(2, 60, 8).expand_dims(time=5, axis=1) + 0.3 * rng.normal(size=(60, 5, 8))
    x = xr.concat([x, xr.zeros_like(x.isel(unit=[0]))], dim="unit")
    # the noise of a trial is shared by its times and is no news in held-out trials
    assert choose_components(x, method="pca", candidates=[1, 2, 3], criterion="cosmoothing")[0] == 2


def test_stimuli_are_held_out_whole():
    assert choose_components(population(3).rename(trial="stimulus"), method="fa", candidates=range(1, 7))[0] == 3


def test_the_largest_number_tried_is_said_to_be_the_largest():
    found = choose_components(population(5), method="fa", candidates=[1, 2])[1]
    assert "more may foretell more" in found.attrs["choice_note"]


def test_each_refusal_says_what_to_do():
    x = population(2)
    with pytest.raises(DesignError, match=r"pca, fa or gpfa; got 'ica'"):
        choose_components(x, method="ica")
    with pytest.raises(DesignError, match=r"by 'likelihood' or 'cosmoothing'; got criterion='bic'"):
        choose_components(x, method="pca", criterion="bic")
    with pytest.raises(DesignError, match=r"can try 1 to 14 components .* got candidates=\[15\]"):
        choose_components(x, method="pca", candidates=[15])
    with pytest.raises(DesignError, match=r"needs trials, stimuli or times to hold out"):
        choose_components(x.rename(trial="mouse"), method="pca")


def test_trajectories_are_chosen_by_what_some_units_tell_of_others():
    pytest.importorskip("elephant")
    rng = np.random.default_rng(0)
    times = np.arange(8)
    smooth = np.exp(-0.5 * ((times[:, None] - times) / 3) ** 2) + 1e-6 * np.eye(8)
    source = np.linalg.cholesky(smooth) @ rng.normal(size=(30, 8, 1))
    rate = np.maximum(4 + source @ rng.normal(size=(1, 8)), 0.1) ** 2
    counts = xr.DataArray(rng.poisson(rate), dims=("trial", "time", "unit"), attrs={"bin_width": 0.02})
    chosen, found = choose_components(counts, method="gpfa", criterion="cosmoothing", candidates=[1, 2], n_folds=2)
    assert chosen == 1
    assert (found.choice_score > 0.2).all()


def test_what_cannot_be_tried_is_said_before_anything_is_fitted():
    x = population(2)
    with pytest.raises(DesignError, match=r"cannot read NaN: 1 of 3000 values"):
        choose_components(x.where(x != x[3, 4]), method="pca")
    with pytest.raises(DesignError, match=r"needs 2 to 3 folds of 3 stimuli; got n_folds=5"):
        choose_components(x[:3].rename(trial="stimulus"), method="pca")
    with pytest.raises(DesignError, match=r"got candidates=\[1.5\]"):
        choose_components(x, method="pca", candidates=[1.5])
    assert choose_components(x, method="pca", candidates=2)[0] == 2
