"""The noise ceiling is what the noise-free responses reach, and there is none without signal."""

from contextlib import nullcontext

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.reliability.reliability import noise_ceiling
from neurodata4ml.analysis.reliability.trial_ceiling import has_rdm_ceiling
from neurodata4ml.analysis.similarity.metrics import METRICS, cka_unbiased
from neurodata4ml.errors import DesignError


def trials(values, stimulus, block=None, **coords):
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", stimulus)})
    x = x if block is None else x.assign_coords(block=("trial", block))
    return x.assign_coords(coords)


def session(rng, n_stimuli=40, n_blocks=12, n_units=20, noise=1.0, drift=0.0):
    """Randomised complete blocks; returns trials and the noise-free responses."""
    means = rng.normal(size=(n_stimuli, n_units))
    stimulus = np.concatenate([rng.permutation(n_stimuli) for _ in range(n_blocks)])
    block = np.repeat(np.arange(n_blocks), n_stimuli)
    shared = drift * rng.normal(size=(n_blocks, n_units))
    values = means[stimulus] + shared[block] + noise * rng.normal(size=(len(stimulus), n_units))
    return trials(values, stimulus, block), means


def test_the_cka_ceiling_is_what_the_noise_free_responses_reach():
    rng = np.random.default_rng(12)
    x, means = session(rng, n_stimuli=80, n_units=40, noise=2.0)
    found = noise_ceiling(x)
    reached = cka_unbiased(x.groupby("stimulus").mean().values, means)
    assert float(found.ceiling) == pytest.approx(reached, abs=0.02)
    assert float(found.low) < float(found.ceiling) < float(found.high)
    assert "this session" in found.attrs["ceiling"]


@pytest.mark.parametrize("metric", ["rsa_pearson", "rsa_cosine"])
def test_the_rsa_ceiling_is_what_the_noise_free_rdm_reaches(metric):
    rng = np.random.default_rng(13)
    x, means = session(rng, n_stimuli=40, n_units=40, noise=1.5)
    found = noise_ceiling(x, metric=metric, n_splits=6)
    truth = rdm(xr.DataArray(means, dims=("stimulus", "unit")), distance="euclidean").values
    pairs = np.triu_indices(40, 1)
    reached = METRICS[metric](rdm(x, distance="crossnobis").values[pairs], truth[pairs])
    assert float(found.ceiling) == pytest.approx(reached, abs=0.05)
    assert float(found.low) < reached < float(found.high)


@pytest.mark.slow
@pytest.mark.parametrize("metric", [name for name, metric in METRICS.items() if has_rdm_ceiling(name, metric)])
@pytest.mark.parametrize("distance", ["crossnobis", "correlation"])
def test_the_bounds_of_half_the_trials_are_in_order(metric, distance):
    x, _ = session(np.random.default_rng(14), n_stimuli=12, n_units=30)
    with nullcontext() if distance == "crossnobis" else pytest.warns(UserWarning, match="is no ceiling"):
        found = noise_ceiling(x, metric=metric, distance=distance, n_splits=1)
    assert 0 < float(found.lower) <= float(found.upper) <= 1
    assert float(found.lower) <= float(found.ceiling) <= 1.02  # an estimate: may pass 1 by its error


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["cka_unbiased", "rsa_pearson", "rsa_cosine", "rsa_spearman"])
def test_pure_noise_has_no_ceiling(metric):
    for seed in range(5):
        x, _ = session(np.random.default_rng(seed), n_stimuli=12, n_units=3)
        noise = x.copy(data=np.random.default_rng(seed + 100).normal(size=x.shape))
        with pytest.warns(UserWarning, match="No signal above the noise is found in x: .*not above 0 by its interval"):
            found = noise_ceiling(noise, metric=metric, n_splits=2)
        for name in ("ceiling", "low", "high"):
            assert np.isnan(found[name])


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["rsa_pearson", "rsa_cosine", "rsa_spearman", "rsa_rho_a"])
def test_the_noise_free_responses_do_not_pass_the_ceiling(metric):
    for seed in range(2):
        x, means = session(np.random.default_rng(seed), n_stimuli=20, n_units=20, noise=1.5)
        truth = xr.DataArray(means, dims=("stimulus", "unit"), coords={"stimulus": np.arange(20)})
        reached, ceiling = (
            compare(x, truth, metric=metric, over=(), n_shuffles=0),
            noise_ceiling(x, metric=metric, n_splits=4),
        )
        assert reached.attrs["distance"] == ceiling.attrs["distance"] == "crossnobis"
        assert float(reached.similarity) < float(ceiling.high)
        assert float(reached.similarity) - float(ceiling.ceiling) < 0.1


def test_a_distance_that_noise_inflates_has_no_ceiling_and_the_truth_shows_it():
    x, means = session(np.random.default_rng(2), n_stimuli=20, n_units=20, noise=3.0)
    sentence = r'distance="euclidean" is not cross-validated: noise inflates.*Type distance="crossnobis"'
    with pytest.warns(UserWarning, match=sentence):
        found = noise_ceiling(x, metric="rsa_cosine", distance="euclidean", n_splits=2)
    truth = xr.DataArray(means, dims=("stimulus", "unit"), coords={"stimulus": np.arange(20)})
    reached = compare(x, truth, metric="rsa_cosine", distance="euclidean", over=(), n_shuffles=0).similarity
    assert abs(float(reached) - float(found.ceiling)) > 0.005
    assert not float(found.low) < float(reached) < float(found.high)


def test_a_ceiling_that_cannot_be_had_says_why():
    x, _ = session(np.random.default_rng(15), n_stimuli=6, n_blocks=3)
    with pytest.raises(DesignError, match=r"no noise ceiling for the metric 'procrustes'.*cka_unbiased, .*rsa_pearson"):
        noise_ceiling(x, metric="procrustes")
    with pytest.raises(DesignError, match="cka_unbiased needs at least 4 stimuli; got 3"):
        noise_ceiling(x.isel(trial=np.flatnonzero(x.stimulus < 3)))
    with pytest.raises(DesignError, match="needs 2 trials of every stimulus in each half"):
        noise_ceiling(x, metric="rsa_pearson")
    with pytest.raises(DesignError, match="Unknown distance 'cosines'"):
        noise_ceiling(x, metric="rsa_pearson", distance="cosines")
