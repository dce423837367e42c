"""rsatoolbox 0.3.2: the same distances where it is right, and what it returns where it is not."""

import warnings

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.dissimilarity.whitening import residuals_of

N_STIMULI, N_BLOCKS = 6, 3
LABELS, BLOCKS = np.tile(np.arange(N_STIMULI), 2 * N_BLOCKS), np.repeat(np.arange(N_BLOCKS), 2 * N_STIMULI)
COUNTS = np.random.default_rng(0).poisson(5, (len(LABELS), 8)).astype(float)
SOME = np.sort(np.concatenate([np.arange(6), np.random.default_rng(1).permutation(np.arange(6, 36))[:22]]))
"""Trials of an unbalanced design; the first six in order, since rsatoolbox keeps stimuli in the order they come."""


@pytest.fixture(autouse=True)
def quiet():
    """rsatoolbox warns of folds it makes up, and casts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def trials(keep=slice(None)):
    where = {"stimulus": ("trial", LABELS[keep]), "block": ("trial", BLOCKS[keep])}
    return xr.DataArray(COUNTS[keep], dims=("trial", "unit"), coords=where)


def dataset(keep=slice(None)):
    from rsatoolbox.data import Dataset

    labels = LABELS[keep]
    named = {"stimulus": labels, "block": BLOCKS[keep], "index": np.arange(len(labels))}
    return Dataset(COUNTS[keep], obs_descriptors=named)


def pairs(x, **settings):
    return rdm(x, **settings).values[np.triu_indices(N_STIMULI, 1)]


@pytest.mark.parametrize("distance", ["euclidean", "correlation", "poisson"])
def test_distances_of_means_are_the_same(distance):
    from rsatoolbox.rdm import calc_rdm

    theirs = calc_rdm(dataset(), distance, "stimulus").dissimilarities[0]
    np.testing.assert_allclose(pairs(trials().groupby("stimulus").mean(), distance=distance), theirs, rtol=1e-9)


@pytest.mark.parametrize("distance", ["mahalanobis", "crossnobis"])
@pytest.mark.parametrize("is_weighed", [False, True])
def test_distances_of_trials_are_the_same(distance, is_weighed):
    from rsatoolbox.data.noise import prec_from_unbalanced
    from rsatoolbox.rdm import calc_rdm

    noise = prec_from_unbalanced(dataset(), "stimulus", method="shrinkage_diag") if is_weighed else np.eye(8)
    theirs = calc_rdm(dataset(), distance, "stimulus", noise=noise, cv_descriptor="block").dissimilarities[0]
    np.testing.assert_allclose(pairs(trials(), distance=distance, precision=noise), theirs, rtol=1e-9, atol=1e-12)
    if is_weighed:
        named = pairs(trials(), distance=distance, precision="schaefer-strimmer")
        np.testing.assert_allclose(named, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("distance", ["crossnobis", "poisson_cv"])
@pytest.mark.parametrize(("keep", "fold"), [(slice(None), "block"), (slice(None), "trial"), (SOME, "trial")])
def test_unbalanced_designs_are_the_same_where_each_pair_of_trials_counts_alike(distance, keep, fold):
    from rsatoolbox.rdm import calc_rdm_unbalanced

    name = "index" if fold == "trial" else fold
    theirs = calc_rdm_unbalanced(dataset(keep), distance, "stimulus", cv_descriptor=name).dissimilarities[0]
    if distance == "poisson_cv" and fold == "block":  # theirs takes logarithms of trials, ours of the means of blocks
        assert np.abs(pairs(trials(keep), distance=distance, folds=fold) - theirs).max() < 0.2
        return
    np.testing.assert_allclose(pairs(trials(keep), distance=distance, folds=fold), theirs, rtol=1e-9, atol=1e-12)


# calc_rdm_poisson_cv of rsatoolbox 0.3.2 overwrites the distances of each fold by those of the next
def test_poisson_cv_of_rsatoolbox_is_its_last_fold_alone():
    from rsatoolbox.rdm import calc_rdm

    theirs = calc_rdm(dataset(), "poisson_cv", "stimulus", cv_descriptor="block").dissimilarities[0]
    rates = np.stack(
        [[COUNTS[(i == LABELS) & (k == BLOCKS)].mean(axis=0) for i in range(N_STIMULI)] for k in range(N_BLOCKS)]
    )
    rates = (rates + 0.1) / 1.1
    of_folds = []
    for k in range(N_BLOCKS):
        kernel = np.delete(rates, k, axis=0).mean(axis=0) @ np.log(rates[k]).T / 8
        own = np.diag(kernel)
        of_folds.append((own[:, None] + own - kernel - kernel.T)[np.triu_indices(N_STIMULI, 1)])
    np.testing.assert_allclose(theirs, of_folds[-1], rtol=1e-9)
    ours = pairs(trials(), distance="poisson_cv")
    np.testing.assert_allclose(ours, np.mean(of_folds, axis=0), rtol=1e-9)
    assert np.abs(ours - theirs).max() > 0.01


# calc_rdm_movie of rsatoolbox 0.3.2 hands neither folds, bins nor priors on where it is given a list of datasets
def test_an_rdm_movie_of_a_list_in_rsatoolbox_forgets_its_folds():
    from rsatoolbox.data import TemporalDataset
    from rsatoolbox.rdm import calc_rdm_movie

    rng = np.random.default_rng(2)
    values = rng.normal(size=(len(LABELS), 8, 2)) + 5.0 * rng.normal(size=N_BLOCKS)[BLOCKS, None, None]
    data = TemporalDataset(
        values, obs_descriptors={"stimulus": LABELS, "block": BLOCKS[::-1].copy()}, time_descriptors={"time": [0, 1]}
    )
    settings = {"method": "crossnobis", "descriptor": "stimulus", "cv_descriptor": "block"}
    alone = calc_rdm_movie(data, **settings).dissimilarities
    in_list = calc_rdm_movie([data], **settings).dissimilarities
    assert np.abs(alone - in_list).max() > 1e-3
    x = xr.DataArray(values, dims=("trial", "unit", "time"), coords={"time": [0, 1]})
    x = x.assign_coords(stimulus=("trial", LABELS), block=("trial", BLOCKS[::-1]))
    ours = rdm(x, distance="crossnobis", over="time")
    assert ours.dims == ("time", "stimulus", "stimulus2")
    np.testing.assert_allclose(ours.values[:, *np.triu_indices(N_STIMULI, 1)], alone, rtol=1e-9, atol=1e-12)


# cov_from_measurements of rsatoolbox 0.3.2 takes (stimuli - 1) * repeats degrees of freedom: 20 for 24 trials of 6
def test_the_noise_of_rsatoolbox_is_too_small_by_its_degrees_of_freedom():
    from rsatoolbox.data.noise import cov_from_measurements, cov_from_unbalanced

    keep = slice(0, 24)
    residuals = residuals_of(COUNTS[keep], LABELS[keep])
    plain = residuals.T @ residuals
    found = {f: f(dataset(keep), "stimulus", method="full") for f in (cov_from_unbalanced, cov_from_measurements)}
    np.testing.assert_allclose(found[cov_from_unbalanced], plain / (24 - 6), atol=1e-12)
    np.testing.assert_allclose(found[cov_from_measurements], plain / ((6 - 1) * 4), atol=1e-12)
