"""Theorems over ``DISTANCES``: each line of the registry is held to what it promises, and to what it does not."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.dissimilarity.distances import CHANGES, DISTANCES
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.linear.stimuli import stimulus_means

N_STIMULI, N_BLOCKS, N_UNITS = 5, 4, 8
LABELS, BLOCKS = np.tile(np.arange(N_STIMULI), N_BLOCKS), np.repeat(np.arange(N_BLOCKS), N_STIMULI)


def counts(seed=0):
    """Spike counts of five stimuli in four blocks: what every distance takes."""
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.gamma(4.0, 1.0, (N_STIMULI, N_UNITS))[LABELS]).astype(float)


def ask(name, values, labels=LABELS, blocks=BLOCKS):
    """Return the RDM of single trials, or where the distance takes means, of their means."""
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", labels), "block": ("trial", blocks)})
    if DISTANCES[name].on == "trials":
        return rdm(x, distance=name)
    stimuli, means = stimulus_means(values, labels)
    return rdm(xr.DataArray(means, dims=("stimulus", "unit"), coords={"stimulus": stimuli}), distance=name)


def changed(change, values, seed=1):
    rng = np.random.default_rng(seed)
    if change == "rotation":
        return values @ np.linalg.qr(rng.normal(size=(N_UNITS, N_UNITS)))[0]
    if change == "scale":
        return 3.0 * values
    if change == "offset":
        return values + rng.uniform(1, 5, N_UNITS)
    if change == "unit scale":
        return values * rng.uniform(0.3, 3, N_UNITS)
    if change == "pattern scale":
        return values * rng.uniform(0.3, 3, N_STIMULI)[LABELS, None]
    return values + rng.uniform(1, 5, N_STIMULI)[LABELS, None]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", list(DISTANCES))
def test_a_distance_ignores_what_it_says_and_sees_the_rest(name, change):
    distance, values = DISTANCES[name], counts()
    if distance.counts_only and change == "rotation":
        pytest.skip("rotated counts are no counts")
    before, after = ask(name, values).values, ask(name, changed(change, values)).values
    if change == "scale" and distance.units == "squared":
        before = 9.0 * before
    if change in distance.invariant_to:
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-9)
    else:
        assert np.abs(after - before).max() > 1e-3


@pytest.mark.parametrize("name", [name for name, distance in DISTANCES.items() if distance.counts_only])
def test_a_distance_of_counts_sees_a_mixture_of_units(name):
    values = counts()
    mixed = values @ np.random.default_rng(2).dirichlet(np.ones(N_UNITS), N_UNITS).T
    assert np.abs(ask(name, mixed).values - ask(name, values).values).max() > 1e-3


@pytest.mark.parametrize("name", list(DISTANCES))
def test_a_distance_is_symmetric_with_a_zero_diagonal_and_keeps_its_range(name):
    found = ask(name, counts())
    assert found.dims == ("stimulus", "stimulus2")
    np.testing.assert_allclose(np.diag(found), 0.0, atol=1e-12)
    np.testing.assert_allclose(found, found.T, atol=1e-12)
    low, high = DISTANCES[name].range
    assert ((found >= low) & (found <= high)).all()


@pytest.mark.parametrize("name", list(DISTANCES))
def test_the_order_of_trials_and_units_and_the_names_of_stimuli_never_matter(name):
    rng = np.random.default_rng(3)
    values = counts()
    rows, units, names = rng.permutation(len(values)), rng.permutation(N_UNITS), np.array(list("dbeac"))
    found = ask(name, values[rows][:, units], names[LABELS[rows]], BLOCKS[rows])
    expected = ask(name, values).values
    np.testing.assert_allclose(found.sel(stimulus=names, stimulus2=names).values, expected, rtol=1e-9, atol=1e-12)


def many_rdms(name, rates, n=120, seed=4):
    """Return the mean over n draws of Poisson counts, and its standard error."""
    rng = np.random.default_rng(seed)
    found = np.stack([ask(name, rng.poisson(rates[LABELS]).astype(float)).values for _ in range(n)])
    pairs = found[:, *np.triu_indices(N_STIMULI, 1)]
    return pairs.mean(axis=0), pairs.std(axis=0) / np.sqrt(n), (pairs < 0).mean()


@pytest.mark.parametrize("name", list(DISTANCES))
def test_equal_responses_are_0_apart_on_average_where_that_is_said(name):
    rates = np.tile(np.random.default_rng(5).uniform(1, 6, N_UNITS), (N_STIMULI, 1))
    mean, error, negative = many_rdms(name, rates)
    if DISTANCES[name].zero_is_same:
        assert (np.abs(mean) < 4.5 * error).all()
        assert negative > 0.3
    else:
        assert (mean > 10 * error).all()
        assert negative == 0


@pytest.mark.parametrize("name", [name for name in DISTANCES if name != "mahalanobis"])  # without noise it has no unit
def test_noise_leaves_the_distance_where_it_is_where_that_is_said(name):
    rates = np.random.default_rng(6).gamma(0.8, 1.0, (N_STIMULI, N_UNITS))
    mean, error, _ = many_rdms(name, rates)
    noiseless = ask(name, rates[LABELS]).values[np.triu_indices(N_STIMULI, 1)]
    if DISTANCES[name].unbiased:
        assert (np.abs(mean - noiseless) < 4.5 * error).all()
    else:
        assert (np.abs(mean - noiseless) > 4.5 * error).any()


@pytest.mark.parametrize("name", [name for name, distance in DISTANCES.items() if distance.is_mean_over_units])
def test_a_mean_over_units_is_the_mean_of_the_distances_of_single_units(name):
    values = counts()
    alone = [ask(name, values[:, [unit]]).values for unit in range(N_UNITS)]
    np.testing.assert_allclose(ask(name, values), np.mean(alone, axis=0), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", list(DISTANCES))
def test_units_are_those_of_the_responses_squared_or_none(name):
    x = xr.DataArray(counts(), dims=("trial", "unit"), attrs={"units": "spikes"})
    x = x.assign_coords(stimulus=("trial", LABELS), block=("trial", BLOCKS))
    if DISTANCES[name].on == "means":
        x = x.groupby("stimulus").mean(keep_attrs=True)
    assert (
        rdm(x, distance=name).attrs["units"]
        == {"squared": "spikes^2", "1": "1", "same": "spikes"}[DISTANCES[name].units]
    )


@pytest.mark.parametrize("name", list(DISTANCES))
def test_every_line_says_where_it_is_from(name):
    distance = DISTANCES[name]
    assert distance.on in ("means", "trials")
    assert distance.invariant_to <= set(CHANGES)
    assert any(year in distance.reference for year in ("2008", "2014", "2016", "2023"))
