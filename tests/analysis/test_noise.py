"""The noise precision: scikit-learn's shrinkage, honest degrees of freedom, and more units than trials."""

import numpy as np
import pytest
import xarray as xr
from sklearn.covariance import ledoit_wolf as ledoit_wolf_of_sklearn

from neurodata4ml.analysis.dissimilarity.noise import (
    PRECISIONS,
    inverse,
    ledoit_wolf,
    ledoit_wolf_weight,
    noise_precision,
    schaefer_strimmer,
)
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.errors import DesignError, DimensionError


def trials(values, labels, blocks=None):
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", labels)})
    return x if blocks is None else x.assign_coords(block=("trial", blocks))


def test_ledoit_wolf_is_that_of_scikit_learn():
    residuals = np.random.default_rng(0).normal(size=(40, 8))
    residuals -= residuals.mean(axis=0)
    np.testing.assert_allclose(ledoit_wolf(residuals, 40), ledoit_wolf_of_sklearn(residuals)[0], rtol=1e-10)


def test_schaefer_strimmer_leaves_the_variances_and_shrinks_the_covariances():
    rng = np.random.default_rng(1)
    residuals = rng.normal(size=(30, 6)) @ (np.eye(6) + 0.3)
    residuals -= residuals.mean(axis=0)
    plain, shrunk = np.cov(residuals.T), schaefer_strimmer(residuals, 29)
    np.testing.assert_allclose(np.diag(shrunk), np.diag(plain), rtol=1e-12)
    ratio = (shrunk / plain)[~np.eye(6, dtype=bool)]
    assert np.ptp(ratio) < 1e-12
    assert 0 < ratio[0] < 1


def test_noise_precision_finds_the_noise_with_many_trials():
    rng = np.random.default_rng(2)
    mix = np.eye(4) + 0.4 * rng.normal(size=(4, 4))
    labels = np.repeat(np.arange(50), 80)
    values = rng.normal(size=(50, 4))[labels] + rng.normal(size=(4000, 4)) @ mix
    for method in PRECISIONS.keys() - {"diagonal"}:
        found = noise_precision(trials(values, labels), method=method).values
        np.testing.assert_allclose(found @ mix.T @ mix, np.eye(4), atol=0.12)


def test_a_noise_precision_needs_repeats_and_units_that_vary():
    rng = np.random.default_rng(3)
    values, labels = rng.normal(size=(18, 10)), np.tile(np.arange(6), 3)
    with pytest.raises(DesignError, match="6 trials of 6 stimuli"):
        noise_precision(trials(values[:6], labels[:6]))
    silent = values.copy()
    silent[:, 3] = 0.0
    with pytest.raises(DesignError, match=r"1 never do \(at positions 3\)"):
        noise_precision(trials(silent, labels))
    silent[0, 0] = np.nan
    with pytest.raises(DesignError, match=r"noise_precision needs finite responses\. Drop the others"):
        noise_precision(trials(silent, labels))
    with pytest.raises(DimensionError, match="noise_precision takes an xarray DataArray"):
        noise_precision(values)


def test_a_noise_precision_from_other_trials_weighs_means_by_the_names_of_units():
    rng = np.random.default_rng(11)
    labels, names = np.tile(np.arange(6), 4), ["a", "b", "c", "d"]
    x = trials(rng.normal(size=(24, 4)) * [1, 2, 3, 4], labels).assign_coords(unit=names)
    means = x.groupby("stimulus").mean()
    weights = noise_precision(x)
    assert weights.dims == ("unit", "unit2")
    assert weights.attrs["degrees_of_freedom"] == 18
    from_trials = rdm(x, distance="mahalanobis", precision="ledoit-wolf")
    np.testing.assert_allclose(rdm(means, distance="mahalanobis", precision=weights), from_trials, rtol=1e-10)
    turned = weights.isel(unit=[2, 0, 3, 1], unit2=[2, 0, 3, 1]).transpose("unit2", "unit")
    np.testing.assert_allclose(rdm(means, distance="mahalanobis", precision=turned), from_trials, rtol=1e-10)
    with pytest.raises(DimensionError, match=r"that of these 3 units; it is of 4, 3 of them the same"):
        rdm(means[:, :3], distance="mahalanobis", precision=weights)
    with pytest.raises(DimensionError, match=r'rdm with precision= needs a "unit2" dim'):
        rdm(means, distance="mahalanobis", precision=weights.rename(unit2="other"))
    with pytest.raises(DimensionError, match=r"precision=noise_precision\(trials\)"):
        rdm(means, distance="mahalanobis")


def test_the_weight_of_the_identity_is_the_golden_one():
    # statistics.md, section 1.1: lambda .85884, of RandomState(0).randn(20, 8)
    x = np.random.RandomState(0).randn(20, 8)
    x -= x.mean(axis=0)
    weight = ledoit_wolf_weight(np.sum(x**2, axis=1), float(np.sum((x.T @ x) ** 2)), 8)
    assert f"{weight:.5f}" == "0.85884"
    assert weight == pytest.approx(ledoit_wolf_of_sklearn(x)[1], rel=1e-12)


def test_a_misspelt_precision_is_guessed():
    with pytest.raises(DesignError, match=r"Unknown precision 'ledoit-wolff'.*Did you mean 'ledoit-wolf'"):
        noise_precision(trials(np.zeros((4, 2)), [0, 0, 1, 1]), method="ledoit-wolff")


# rsatoolbox 0.3.2: given a list of residuals and of degrees of freedom, each is used for all residuals, in nested lists
def test_degrees_of_freedom_in_a_list_are_not_those_of_each_residuals_in_rsatoolbox():
    from rsatoolbox.data.noise import cov_from_residuals

    first, second = np.random.default_rng(4).normal(size=(2, 30, 3))
    found = np.array(cov_from_residuals([first, second], dof=[10, 20], method="full"))
    assert found.shape == (2, 2, 3, 3)
    np.testing.assert_allclose(found[0, 0], cov_from_residuals(first, dof=10, method="full"))
    np.testing.assert_allclose(found[1, 0], cov_from_residuals(first, dof=20, method="full"))


@pytest.mark.parametrize("is_balanced", [True, False])
@pytest.mark.parametrize("precision", list(PRECISIONS))
def test_with_more_units_than_trials_distances_are_those_of_the_whole_matrix(precision, is_balanced):
    """The identity of Woodbury, against the inverse of a matrix of units by units."""
    rng = np.random.default_rng(5)
    labels, blocks = np.tile(np.arange(4), 6), np.repeat(np.arange(3), 8)
    keep = np.arange(24) if is_balanced else np.delete(np.arange(24), [0, 4, 9])  # stimulus 0 is not in block 0
    values = (rng.normal(size=(24, 60)) @ (np.eye(60) + 0.3 * rng.normal(size=(60, 60))))[keep]
    x = trials(values + 100.0, labels[keep], blocks[keep])
    weights = noise_precision(x, method=precision).values
    for distance in ("crossnobis", "mahalanobis"):
        for folds in (None, "trial") if distance == "crossnobis" else (None,):
            slow = rdm(x, distance=distance, precision=weights, folds=folds)
            fast = rdm(x, distance=distance, precision=precision, folds=folds)
            np.testing.assert_allclose(fast, slow, rtol=1e-7, atol=1e-9 * float(np.abs(slow).max()))


@pytest.mark.parametrize("n_units", [6, 60])
@pytest.mark.parametrize("precision", list(PRECISIONS))
def test_units_that_never_vary_are_left_out_and_said(precision, n_units):
    rng = np.random.default_rng(6)
    values = rng.normal(size=(24, n_units))
    labels, blocks = np.tile(np.arange(4), 6), np.repeat(np.arange(3), 8)
    found = rdm(trials(values, labels, blocks), distance="crossnobis", precision=precision)
    assert "left_out" not in found.attrs
    with_two = np.hstack([values, np.full((24, 2), 7.0)])
    again = rdm(trials(with_two, labels, blocks), distance="crossnobis", precision=precision)
    assert again.attrs["left_out"] == "2 units never vary, and add nothing to any distance."
    np.testing.assert_allclose(again * (n_units + 2) / n_units, found, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("n_units", [6, 60])
@pytest.mark.parametrize("precision", list(PRECISIONS))
def test_a_unit_without_noise_that_tells_stimuli_apart_is_refused(precision, n_units):
    values = np.random.default_rng(7).normal(size=(24, n_units))
    labels = np.tile(np.arange(4), 6)
    values[:, 2] = labels
    with pytest.raises(DesignError, match=r"1 never do \(at positions 2\)"):
        rdm(trials(values, labels), distance="crossnobis", precision=precision)


def test_a_covariance_without_inverse_is_refused():
    with pytest.raises(DesignError, match=r"no inverse: some units repeat others.*diagonal"):
        inverse(np.ones((2, 2)))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3), r"\(unit, unit\), here \(2, 2\); got \(3, 3\)"),
        (np.array([[1.0, 0.5], [0.0, 1.0]]), "symmetric, finite, all eigenvalues above 0; this one is not"),
        (np.array([[1.0, 2.0], [2.0, 1.0]]), "precision='ledoit-wolf'"),
    ],
)
def test_a_matrix_that_is_no_precision_is_refused(matrix, message):
    x = trials(np.random.default_rng(9).normal(size=(8, 2)), np.tile([0, 1], 4))
    with pytest.raises(DesignError, match=message):
        rdm(x, distance="crossnobis", precision=matrix)


def test_each_bin_of_time_has_a_noise_precision_of_its_own():
    rng = np.random.default_rng(10)
    early, late = rng.normal(size=(24, 5)), rng.normal(size=(24, 5)) @ rng.normal(size=(5, 5))
    labels = np.tile(np.arange(4), 6)
    x = xr.concat([trials(early, labels), trials(late, labels)], dim="time").assign_coords(time=[0.1, 0.2])
    found = rdm(x, distance="crossnobis", precision="ledoit-wolf", over="time")
    for time, values in ((0.1, early), (0.2, late)):
        alone = rdm(trials(values, labels), distance="crossnobis", precision="ledoit-wolf")
        np.testing.assert_allclose(found.sel(time=time), alone, rtol=1e-12)
    assert found.attrs["noise_degrees_of_freedom"] == 20
