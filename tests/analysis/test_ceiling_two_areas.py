"""Two areas recorded at once: noise that they share is not taken for shared geometry."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.reliability.noise_corrected import (
    corrected_cka,
    corrected_cka_of_two,
    unit_vectors,
    with_halves,
)
from neurodata4ml.analysis.similarity.metrics import METRICS, cka_unbiased


def session(seed, n_stimuli=30, n_blocks=12, shared=0.0, noise=1.0):
    """Two areas with their own responses, and noise of which a part is common to both."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(n_stimuli, 24))
    a, b = truth[:, :12], np.hstack([truth[:, 6:12], truth[:, 18:]])
    stimulus = np.concatenate([rng.permutation(n_stimuli) for _ in range(n_blocks)])
    common = shared * rng.normal(size=(len(stimulus), 3))
    trials = [
        means[stimulus] + common @ rng.normal(size=(3, 12)) + noise * rng.normal(size=(len(stimulus), 12))
        for means in (a, b)
    ]
    coords = {"stimulus": ("trial", stimulus), "block": ("trial", np.repeat(np.arange(n_blocks), n_stimuli))}
    x, y = (xr.DataArray(values, dims=("trial", "unit"), coords=coords) for values in trials)
    return x, y, a, b


def test_shared_noise_lifts_the_observed_similarity_and_not_the_corrected():
    found, known = [], []
    for seed in range(20):
        x, y, a, b = session(seed, shared=1.0, noise=0.5)
        trials, half = with_halves(x, n_splits=20, seed=0, step="test")
        found.append(corrected_cka_of_two(trials, [y.values], half, 30).isel(y=0))
        known.append(cka_unbiased(a, b))
    each = xr.concat(found, dim="seed")
    one_sided = each.sel(quantity="raw") / each.sel(quantity="ceiling")  # halves in the self-terms only
    error = (each.sel(quantity="similarity") - known).mean() / (
        (each.sel(quantity="similarity") - known).std() / 20**0.5
    )
    assert abs(float(error)) < 3
    assert float((one_sided - known).mean()) > float((each.sel(quantity="similarity") - known).mean()) + 0.05


def test_without_noise_both_are_the_similarity_itself():
    x, y, a, b = session(0, noise=0.0)
    trials, half = with_halves(x, n_splits=4, seed=0, step="test")
    found = corrected_cka_of_two(trials, [y.values, x.values], half, 30)
    for quantity in ("similarity", "raw"):
        np.testing.assert_allclose(found.sel(quantity=quantity), [cka_unbiased(a, b), 1.0], atol=1e-10)
    np.testing.assert_allclose(found.sel(quantity="ceiling"), 1.0, atol=1e-10)


def test_beside_trials_without_noise_it_is_the_one_sided_estimate():
    x, _, _, b = session(1)
    noise_free = b[x["stimulus"].values]
    trials, half = with_halves(x, n_splits=10, seed=0, step="test")
    two = corrected_cka_of_two(trials, [noise_free], half, 30)
    one = corrected_cka(trials, half, 30, unit_vectors([METRICS["cka_unbiased"].prepare(b)]))
    # one averages products with halves, the other takes all trials: the same expectation
    assert two.sel(quantity="similarity").item() == pytest.approx(one.sel(quantity="similarity").item(), rel=0.02)
    assert two.sel(quantity="raw").item() == pytest.approx(one.sel(quantity="raw").item(), rel=1e-10)


def test_trials_are_lost_on_both_sides_at_once():
    x, y, _, _ = session(2)
    trials, half = with_halves(x, n_splits=5, seed=0, step="test")
    kept = np.flatnonzero(x["block"].values != 3)
    lost = corrected_cka_of_two(trials.isel(trial=kept), [y.values], half, 30)
    alone, _ = with_halves(x.isel(trial=kept), n_splits=5, seed=0, step="test")
    again = corrected_cka_of_two(alone, [y.values[kept]], half[kept], 30)
    np.testing.assert_allclose(lost, again)
    without = corrected_cka_of_two(trials.isel(trial=np.flatnonzero(x["stimulus"].values != 5)), [y.values], half, 30)
    assert without.isnull().all()
