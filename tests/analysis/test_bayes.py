"""Poisson naive Bayes is the formula it names, for one labelling and for many at once."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import KFold, cross_val_score

from neurodata4ml.analysis.decoding.bayes import PoissonBayes, bayes_evidence
from neurodata4ml.errors import DesignError


def counts(n_trials: int = 90, n_units: int = 6, n_classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n_trials) % n_classes)
    rates = rng.gamma(2.0, 1.5, size=(n_classes, n_units))
    return rng.poisson(rates[y]), y


def test_it_is_the_sum_of_poisson_log_probabilities() -> None:
    X, y = counts()
    test = X[:20]
    model = PoissonBayes(prior=2.0).fit(X[20:], y[20:])
    mean = X[20:].mean(axis=0)
    log = np.empty((20, 3))
    for c in range(3):
        mine = X[20:][y[20:] == c]
        rate = (mine.sum(axis=0) + 2.0 * mean) / (len(mine) + 2.0)
        log[:, c] = stats.poisson.logpmf(test, rate).sum(axis=1) + np.log(1 / 3)
    expected = log - np.log(np.exp(log).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(model.predict_log_proba(test), expected, atol=1e-10)
    np.testing.assert_array_equal(model.predict(test), expected.argmax(axis=1))
    np.testing.assert_allclose(model.predict_proba(test).sum(axis=1), 1.0)


def test_two_classes_differ_by_their_log_odds() -> None:
    X, y = counts(n_classes=2)
    model = PoissonBayes(class_prior="observed").fit(X[:70], y[:70])
    log = model.predict_log_proba(X[70:])
    np.testing.assert_allclose(model.decision_function(X[70:]), log[:, 1] - log[:, 0])
    np.testing.assert_allclose(np.exp(model.class_log_prior_), np.bincount(y[:70]) / 70)


def test_with_the_true_rates_no_decoder_does_better() -> None:
    X, y = counts(n_trials=6000, n_units=3)
    rng = np.random.default_rng(0)
    rng.permutation(np.arange(6000) % 3)
    rates = rng.gamma(2.0, 1.5, size=(3, 3))
    best = np.mean(stats.poisson.logpmf(X[:, None], rates).sum(axis=-1).argmax(axis=1) == y)
    score = cross_val_score(PoissonBayes(), X, y, cv=KFold(5)).mean()
    assert score == pytest.approx(best, abs=0.005)


def test_a_spike_of_a_unit_silent_in_a_class_is_unlikely_and_not_impossible() -> None:
    X = np.array([[0, 3], [0, 4], [5, 3], [6, 4]])
    model = PoissonBayes().fit(X, ["a", "a", "b", "b"])
    log = model.predict_log_proba([[1, 3], [0, 0], [100, 0]])
    assert np.isfinite(log).all()
    assert model.predict([[1, 3], [9, 3]]).tolist() == ["a", "b"]


def test_a_unit_silent_in_training_says_nothing() -> None:
    X, y = counts()
    silent = np.column_stack([X, np.zeros(len(X))])
    loud = np.column_stack([X, np.full(len(X), 7)])
    np.testing.assert_allclose(
        PoissonBayes().fit(silent, y).predict_log_proba(loud), PoissonBayes().fit(X, y).predict_log_proba(X)
    )


def test_a_frequent_class_is_not_preferred_unless_asked() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.poisson(5, size=(100, 4)), np.arange(100) < 90
    share = {prior: PoissonBayes(class_prior=prior).fit(X, y).predict(X).mean() for prior in ("uniform", "observed")}
    assert share["uniform"] < 0.75
    assert share["observed"] > 0.85
    given = PoissonBayes(class_prior=[0.1, 0.9]).fit(X, y)
    np.testing.assert_allclose(np.exp(given.class_log_prior_), [0.1, 0.9])


def test_many_labellings_at_once_are_one_fit_each() -> None:
    X, y = counts()
    rng = np.random.default_rng(2)
    codes = np.stack([rng.permutation(y) for _ in range(7)])
    tests = np.stack([X[60:], X[:30]])
    evidence = bayes_evidence(X[:60], tests, codes[:, :60], 3)
    assert evidence.shape == (7, 2, 30, 3)
    for i, code in enumerate(codes):
        model = PoissonBayes().fit(X[:60], code[:60])
        for k in range(2):
            expected = model.predict_joint_log_proba(tests[k]) - np.log(1 / 3)
            np.testing.assert_allclose(evidence[i, k], expected, rtol=1e-12)


def test_a_class_without_training_trials_is_never_named() -> None:
    X, y = counts()
    evidence = bayes_evidence(X, X, np.minimum(y, 1)[None], 3)
    assert np.all(evidence[..., 2] == -np.inf)
    assert np.isfinite(evidence[..., :2]).all()


def test_it_is_cloned_like_any_estimator() -> None:
    model = clone(PoissonBayes(prior=0.5, class_prior="observed"))
    assert model.get_params() == {"prior": 0.5, "class_prior": "observed"}


def test_what_is_no_count_is_refused_with_the_cure() -> None:
    X, y = counts()
    with pytest.raises(DesignError, match=r'0 or more; got -1\.2. Decode the counts themselves.*decoder="lda"'):
        PoissonBayes().fit(X - 1.2 - X.min(), y)
    with pytest.raises(DesignError, match="0 or more; got NaN"):
        PoissonBayes().fit(np.where(X > 3, np.nan, X), y)
    with pytest.raises(DesignError, match=r"needs a prior above 0 .* got 0\. Try 1\.0"):
        PoissonBayes(prior=0).fit(X, y)
    for prior in ("even", [0.5, 0.5], [-1, 1, 1]):
        with pytest.raises(DesignError, match="one probability for each of the 3 classes; got"):
            PoissonBayes(class_prior=prior).fit(X, y)
    with pytest.raises(DesignError, match=r"take an array \(n_samples, n_units\); got 1 dim"):
        PoissonBayes().fit(X[:, 0], y)
