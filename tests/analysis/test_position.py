"""Places are read out of Poisson counts by Bayes' rule, on simulated tracks whose best answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_predict

from neurodata4ml.analysis.decoding.position import PoissonPosition
from neurodata4ml.errors import DesignError


def track(
    n_samples: int = 3000, n_units: int = 25, n_columns: int = 1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return counts, positions in [0, 100] and the rates on a fine grid (n_grid, n_units): place fields 8 wide."""
    rng = np.random.default_rng(seed)
    x = 50 + 50 * np.sin(np.cumsum(rng.normal(0, 0.2, size=(n_samples, n_columns)), axis=0))
    fields = rng.uniform(0, 100, size=(n_units, n_columns))

    def rate(places: np.ndarray) -> np.ndarray:
        return 0.05 + 3 * np.exp(-((places[:, None] - fields) ** 2).sum(-1) / (2 * 8.0**2))

    grid = np.arange(0, 100.1, 0.5)[:, None]
    return rng.poisson(rate(x)), x, rate(grid) if n_columns == 1 else np.empty(0)


def test_one_bin_each_is_the_formula() -> None:
    X, x, _ = track(n_samples=400)
    x = np.round(x[:, 0] / 25)
    model = PoissonPosition(n_bins=5, smoothing=0, rate_prior=0.5).fit(X, x)
    log = np.empty((400, 5))
    for b in range(5):
        here = x == b
        rate = (X[here].sum(axis=0) + 0.5 * X.mean(axis=0)) / (here.sum() + 0.5)
        log[:, b] = stats.poisson.logpmf(X, rate).sum(axis=1) + np.log(here.mean())
    expected = log - np.log(np.exp(log).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict_log_proba(X), expected, atol=1e-9)
    np.testing.assert_allclose(model.centres_[:, 0], [0.4, 1.2, 2.0, 2.8, 3.6])
    np.testing.assert_allclose(model.predict(X), model.centres_[log.argmax(axis=1), 0])
    mean = clone(model).set_params(estimate="mean").fit(X, x)
    np.testing.assert_allclose(mean.predict(X), np.exp(expected) @ model.centres_[:, 0])


def test_the_error_nears_that_of_an_observer_who_knows_the_fields() -> None:
    X, x, rates = track()
    x = x[:, 0]
    best = np.arange(0, 100.1, 0.5)[(X @ np.log(rates).T - rates.sum(axis=1)).argmax(axis=1)]
    found = cross_val_predict(PoissonPosition(prior="flat"), X, x, cv=KFold(5))
    assert np.median(np.abs(found - x)) < 1.15 * np.median(np.abs(best - x))


def test_the_mean_has_the_least_squared_error_and_the_likeliest_place_is_a_bin() -> None:
    X, x, _ = track(n_units=6)
    x = x[:, 0]
    error = {}
    for estimate in ("map", "mean"):
        found = cross_val_predict(PoissonPosition(estimate=estimate), X, x, cv=KFold(5))
        error[estimate] = np.mean((found - x) ** 2)
    assert error["mean"] < 0.9 * error["map"]
    model = PoissonPosition().fit(X, x)
    assert np.isin(model.predict(X), model.centres_).all()


def test_time_spent_does_not_pass_for_rate() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(0, 1, 20_000) ** 3
    model = PoissonPosition(n_bins=20).fit(rng.poisson(2.0, size=(20_000, 1)), x)
    np.testing.assert_allclose(model.rates_, 2.0, atol=0.25)
    assert np.exp(model.log_prior_[0]) > 5 * np.exp(model.log_prior_[-1])


def test_without_spikes_the_prior_decides() -> None:
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.uniform(0, 10, 900), rng.uniform(10, 100, 100)])
    X = np.zeros((1000, 3))
    assert np.all(PoissonPosition().fit(X, x).predict(X[:5]) < 10)
    flat = PoissonPosition(prior="flat", estimate="mean", n_bins=10).fit(X, x).predict(X[:5])
    np.testing.assert_allclose(flat, 50, atol=1)


def test_places_never_visited_are_never_decoded() -> None:
    X, x, _ = track()
    x = x[:, 0]
    gap = (x < 40) | (x > 60)
    model = PoissonPosition(n_bins=50).fit(X[gap], x[gap])
    found = model.predict(X)
    assert not np.any((found > 42) & (found < 58))
    assert len(model.centres_) < 50


def test_two_columns_are_decoded_together() -> None:
    X, x, _ = track(n_samples=4000, n_units=60, n_columns=2)
    model = PoissonPosition(n_bins=20).fit(X[:3000], x[:3000])
    found = model.predict(X[3000:])
    assert found.shape == (1000, 2)
    error = np.hypot(*(found - x[3000:]).T)
    assert np.median(error) < 8
    turned = PoissonPosition(n_bins=20).fit(X[:3000], x[:3000, ::-1]).predict(X[3000:])
    np.testing.assert_allclose(turned[:, ::-1], found)


def test_the_units_of_the_target_do_not_matter() -> None:
    X, x, _ = track(n_samples=500)
    found = PoissonPosition().fit(X, x[:, 0]).predict(X)
    np.testing.assert_allclose(PoissonPosition().fit(X, 0.01 * x[:, 0] - 3).predict(X), 0.01 * found - 3)


def test_many_samples_are_decoded_in_pieces_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    X, x, _ = track(n_samples=500)
    model = PoissonPosition().fit(X, x[:, 0])
    whole = model.predict(X)
    monkeypatch.setattr("neurodata4ml.analysis.decoding.position._CHUNK", 1000)
    np.testing.assert_array_equal(model.predict(X), whole)


def test_a_target_that_never_changes_is_decoded_as_itself() -> None:
    X, _, _ = track(n_samples=50)
    np.testing.assert_array_equal(PoissonPosition().fit(X, np.full(50, 3.0)).predict(X), 3.0)


def test_what_cannot_be_is_refused_with_the_cure() -> None:
    X, x, _ = track(n_samples=50)
    x = x[:, 0]
    with pytest.raises(DesignError, match="knows estimate=map or mean and prior=occupancy or flat; got 'mode' and"):
        PoissonPosition(estimate="mode").fit(X, x)
    with pytest.raises(
        DesignError, match=r"one or two columns, such as x or \(x, y\); got a target of shape \(50, 3\)"
    ):
        PoissonPosition().fit(X, np.stack([x] * 3, axis=1))
    with pytest.raises(DesignError, match=r"1 of 50 target values are NaN .* x\.isel\(time=x\.position\.notnull"):
        PoissonPosition().fit(X, np.where(np.arange(50) == 7, np.nan, x))
    with pytest.raises(DesignError, match=r"n_bins of at least 1; got 0\. 40 is"):
        PoissonPosition(n_bins=0).fit(X, x)
    with pytest.raises(DesignError, match="needs a prior above 0"):
        PoissonPosition(rate_prior=0).fit(X, x)
    with pytest.raises(DesignError, match="0 or more; got -"):
        PoissonPosition().fit(X - 1.0, x)
