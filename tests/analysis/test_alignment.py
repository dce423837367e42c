"""Latent spaces that are turned copies of each other are found to be the same, and unrelated ones are not."""

import numpy as np
import pytest
import xarray as xr
from scipy.spatial import procrustes
from sklearn.cross_decomposition import CCA

from neurodata4ml.analysis.latents.alignment import ALIGNERS, align_latents, canonical_correlations
from neurodata4ml.errors import DesignError, DimensionError


def trajectories(n_conditions=8, n_times=12, n_components=3, seed=0):
    rng = np.random.default_rng(seed)
    smooth = np.cumsum(rng.normal(size=(n_conditions, n_times, n_components)), axis=1)
    return xr.DataArray(
        smooth,
        dims=("stimulus", "time", "component"),
        coords={"stimulus": [f"s{i}" for i in range(n_conditions)], "time": np.arange(n_times) / 10},
    )


def turned(x, seed=1):
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(x.sizes["component"],) * 2))[0]
    return x.copy(data=2.5 * x.values @ rotation + 7)


@pytest.mark.parametrize("method", ALIGNERS)
def test_a_turned_scaled_and_shifted_copy_is_the_same_space(method):
    x = trajectories()
    found = align_latents(x, turned(x), method=method)
    assert found.similarity == pytest.approx(1)
    assert found.similarity_held_out == pytest.approx(1)
    np.testing.assert_allclose(found.aligned, x, atol=1e-8)
    assert found.p_value == 0.01


def test_stimuli_meet_by_label_in_any_order():
    x = trajectories()
    mixed = turned(x).isel(stimulus=[3, 1, 7, 0, 2, 6, 5, 4]).transpose("component", "stimulus", "time")
    np.testing.assert_allclose(align_latents(x, mixed).aligned, x, atol=1e-8)


@pytest.mark.parametrize("method", ALIGNERS)
def test_unrelated_spaces_are_alike_by_chance_alone(method):
    p = [
        float(align_latents(trajectories(seed=s), trajectories(seed=s + 99), method=method).p_value) for s in range(40)
    ]
    assert np.mean(np.array(p) <= 0.05) <= 0.2  # binomial(40, .05) exceeds 8 with probability 1e-4
    found = align_latents(trajectories(4), trajectories(4, seed=99), method=method)
    assert found.similarity > 0.3, "any two sets of smooth trajectories can be turned to look alike"


@pytest.mark.parametrize("seed", range(3))
def test_procrustes_is_scipys_and_canonical_correlations_are_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(40, 3))
    label = xr.DataArray(np.arange(40), dims="stimulus")
    first, second = (xr.DataArray(v, dims=("stimulus", "component"), coords={"stimulus": label}) for v in (x, y))
    found = align_latents(first, second, n_shuffles=0)
    assert 1 - float(found.similarity) ** 2 == pytest.approx(procrustes(x, y)[2])
    assert np.isnan(found.p_value)
    both = CCA(n_components=3, tol=1e-12, max_iter=100_000).fit(x, y).transform(x, y)
    expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(both[0].T, both[1].T, strict=True)]
    centred = (x - x.mean(axis=0), y - y.mean(axis=0))
    np.testing.assert_allclose(canonical_correlations(*centred), expected, atol=1e-6)


def test_few_conditions_are_enumerated_and_too_few_give_no_p():
    x = trajectories(4)
    found = align_latents(x, turned(x))
    assert found.sizes["shuffle"] == 23
    assert found.p_value == pytest.approx(1 / 24)
    three = align_latents(trajectories(3), turned(trajectories(3)))
    assert np.isnan(three.p_value)
    assert "p cannot be below 0.167" in three.attrs["no_p"]


def test_spaces_of_different_size_can_be_aligned():
    x = trajectories(n_components=4)
    found = align_latents(x, x.isel(component=[0, 1]))
    assert found.aligned.shape == x.shape
    assert 0.5 < found.similarity < 1


def test_each_refusal_says_what_to_do():
    x = trajectories()
    with pytest.raises(DesignError, match=r"knows the methods procrustes, cca; got 'procrust'. Did you mean"):
        align_latents(x, x, method="procrust")
    with pytest.raises(DimensionError, match=r"needs the same times in both; got 12 and 11 bins"):
        align_latents(x, x.isel(time=slice(11)))
    with pytest.raises(DimensionError, match=r"needs the dims stimulus, component and perhaps time"):
        align_latents(x, x.mean("time"))
    with pytest.raises(DesignError, match=r"needs at least 3 conditions .* got 2 conditions and 0 NaN"):
        align_latents(x[:2], x[:2])
    with pytest.raises(DesignError, match=r"finds high correlations in anything with 4 samples of 3 components"):
        align_latents(x[:4].mean("time"), x[:4].mean("time"), method="cca")


@pytest.mark.parametrize("method", ALIGNERS)
def test_latents_that_do_not_move_cannot_be_aligned(method):
    x = trajectories()
    with pytest.raises(DesignError, match=r"no variance in the second latents"):
        align_latents(x, 0 * x, method=method)
    with pytest.raises(DesignError, match=r"no variance in the first latents"):
        align_latents(x.isel(component=[]), x, method=method)


def test_where_both_come_from_is_kept_and_why_there_is_no_p_is_told_apart():
    x = trajectories().assign_attrs(session="monday", citation="nobody")
    y = turned(x).assign_attrs(session="tuesday")
    found = align_latents(x, y, n_shuffles=9)
    assert (found.attrs["session"], found.attrs["second_session"]) == ("monday", "tuesday")
    assert found.attrs["no_p"] == "n_shuffles=9 are so few that p cannot be below 0.1 (alpha 0.05)"
    assert align_latents(x, y, n_shuffles=0).attrs["no_p"] == "n_shuffles=0: no null"
    with pytest.raises(DesignError, match=r"whole number of shuffles, 0 for none; got n_shuffles=-1"):
        align_latents(x, y, n_shuffles=-1)
