"""Noise drawn anew gives the variance of means and of products of noise, which a jackknife doubles."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.inference.jackknife import jackknife
from neurodata4ml.analysis.reliability.redrawn import over_noise


def sessions(rng, n_repeats, n_sessions, n_stimuli=1, signal=0.0):
    """Many sessions of one unit at once, one in each column."""
    stimulus = np.repeat(np.arange(n_stimuli), n_repeats)
    means = signal * rng.normal(size=(n_stimuli, n_sessions))
    values = means[stimulus] + rng.normal(size=(len(stimulus), n_sessions))
    coords = {"stimulus": ("trial", stimulus), "block": ("trial", np.tile(np.arange(n_repeats), n_stimuli))}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


def product(part):
    """The mean over 40 stimuli of the squared mean response, without the squares of single trials."""
    by = part.values.reshape(40, -1, part.sizes["unit"])
    n = by.shape[1]
    found = (by.sum(axis=1) ** 2 - (by**2).sum(axis=1)) / (n * (n - 1))
    return xr.DataArray(found.mean(axis=0), dims="unit")


@pytest.mark.parametrize(("n_repeats", "most"), [(4, 1.45), (12, 1.25)])
def test_the_variance_of_products_of_noise_is_about_right_where_a_jackknife_doubles_it_or_more(n_repeats, most):
    """2 / n(n - 1) for each stimulus; the jackknife's is 2 (n - 1) / (n - 2) times that (Efron & Stein 1981).

    Drawn anew it is a little too large: residuals of n trials correlate by -1 / (n - 1), and half of all units without
    a signal seem to have some.
    """
    x = sessions(np.random.default_rng(0), n_repeats, 100, n_stimuli=40)
    known = 2 / (n_repeats * (n_repeats - 1)) / 40
    wild = over_noise(product, x, n_groups=n_repeats, n_draws=60, confidence=0.95, seed=0)["se"] ** 2
    plain = jackknife(product, x, over="block")["se"] ** 2
    assert known < float(wild.mean()) < most * known
    assert float(plain.mean()) == pytest.approx(known * 2 * (n_repeats - 1) / (n_repeats - 2), rel=0.15)


def test_the_variance_of_a_mean_is_that_of_its_noise_and_signal_does_not_add_to_it():
    x = sessions(np.random.default_rng(1), 8, 200, n_stimuli=5, signal=10.0)
    found = over_noise(lambda part: part.mean("trial"), x, n_groups=20, n_draws=100, confidence=0.95, seed=0)
    assert float((found["se"] ** 2).mean()) == pytest.approx(1 / 40, rel=0.1)
    freedom = np.unique(x["block"].values).size * 3 - 1  # 8 blocks in 3 pieces each make 20 groups or more
    width = (found["high"] - found["low"]) / 2 / found["se"]
    assert float(width.mean()) == pytest.approx(stats.t.ppf(0.975, freedom))


def test_means_keep_the_variance_that_is_not_noise():
    """Half of the variance of the means is noise: draws have as much variance between stimuli as the data."""
    x = sessions(np.random.default_rng(2), 4, 50, n_stimuli=200, signal=0.5)

    def between(part):
        return part.groupby("stimulus").mean().var("stimulus", ddof=1).mean()

    seen = []
    over_noise(
        lambda part: seen.append(float(between(part))) or between(part),
        x,
        n_groups=8,
        n_draws=4,
        confidence=0.9,
        seed=0,
    )
    assert np.mean(seen[:-1]) == pytest.approx(seen[-1], rel=0.03)


def test_a_statistic_that_is_often_not_known_has_no_interval():
    x = sessions(np.random.default_rng(3), 6, 1, n_stimuli=3)
    found = over_noise(
        lambda part: part.mean().where(part.mean() > 0),
        x,
        n_groups=6,
        n_draws=40,
        confidence=0.95,
        seed=0,
    )
    assert found["low"].isnull()
    assert found["se"].isnull()
