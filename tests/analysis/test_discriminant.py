"""Our closed form gives scikit-learn's answers, and shrinks as Ledoit and Wolf say."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from neurodata4ml.analysis.linear.discriminant import LeastSquaresLDA


def data(n_trials=120, n_units=10, n_classes=4, seed=0, *, balanced=True):
    rng = np.random.default_rng(seed)
    y = np.arange(n_trials) % n_classes if balanced else rng.choice(n_classes, n_trials, p=[0.6, 0.2, 0.1, 0.1])
    mix = rng.normal(size=(n_units, n_units))
    X = rng.normal(size=(n_classes, n_units))[y] + rng.normal(size=(n_trials, n_units)) @ mix / 2 + 5
    return X, y


@pytest.mark.parametrize("shrinkage", [0.0, 0.1, 0.7, 1.0])
def test_balanced_classes_give_scikit_learns_solution(shrinkage):
    X, y = data()
    ours = LeastSquaresLDA(shrinkage).fit(X, y)
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=[0.25] * 4).fit(X, y)
    # theirs measures from the origin, ours from the mean of the trials: the same up to what all classes share
    np.testing.assert_allclose(ours.coef_ - ours.coef_[0], peer.coef_ - peer.coef_[0], atol=1e-9)
    evidence, theirs = ours.decision_function(X), peer.decision_function(X)
    np.testing.assert_allclose(evidence - evidence[:, :1], theirs - theirs[:, :1], atol=1e-8)
    assert (ours.predict(X) == peer.predict(X)).all()


@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_unbalanced_classes_give_scikit_learns_solution_without_its_preference_for_frequent_classes(shrinkage):
    X, y = data(balanced=False)
    ours = LeastSquaresLDA(shrinkage).fit(X, y)
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(X, y)
    evidence, theirs = ours.decision_function(X), peer.decision_function(X) - np.log(peer.priors_)
    np.testing.assert_allclose(evidence - evidence[:, :1], theirs - theirs[:, :1], atol=1e-8)


def test_two_classes_give_one_column_of_evidence_as_scikit_learn_does():
    X, y = data(n_classes=2)
    ours = LeastSquaresLDA(0.2).fit(X, np.array(["left", "right"])[y])
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.2, priors=[0.5, 0.5]).fit(X, y)
    np.testing.assert_allclose(ours.decision_function(X), peer.decision_function(X), atol=1e-9)
    assert ours.score(X, np.array(["left", "right"])[y]) > 0.9


@pytest.mark.parametrize("n_trials", [20, 60, 2000])
def test_shrinkage_is_that_of_ledoit_and_wolf_for_the_pooled_residuals(n_trials):
    X, y = data(n_trials=n_trials)
    means = np.stack([X[y == k].mean(axis=0) for k in range(4)])
    expected = ledoit_wolf_shrinkage(X - means[y], assume_centered=True)
    assert LeastSquaresLDA().fit(X, y).shrinkage_ == pytest.approx(expected, rel=1e-6)


def test_silent_and_duplicate_units_change_nothing_and_get_no_weight():
    X, y = data()
    silent = np.c_[X[:, :4], np.full(120, 3.0), X[:, 4:]]
    for shrinkage in (0.0, "ledoit-wolf"):
        ours = LeastSquaresLDA(shrinkage).fit(silent, y)
        assert (ours.coef_[:, 4] == 0).all()
        heard = LeastSquaresLDA(shrinkage).fit(X, y)
        np.testing.assert_allclose(ours.decision_function(silent), heard.decision_function(X), atol=1e-9)
    doubled = LeastSquaresLDA(0.0).fit(np.c_[X, X], y)
    np.testing.assert_allclose(
        doubled.decision_function(np.c_[X, X]), LeastSquaresLDA(0.0).fit(X, y).decision_function(X)
    )


def test_without_any_noise_the_nearest_mean_decides():
    X = np.array([[0.0, 0.0], [0.0, 0.0], [4.0, 0.0], [4.0, 0.0]])
    model = LeastSquaresLDA().fit(X, [0, 0, 1, 1])
    assert model.predict([[1.0, 9.0], [3.0, -9.0]]).tolist() == [0, 1]
    assert LeastSquaresLDA().fit(np.ones((4, 2)), [0, 0, 1, 1]).predict(np.ones((1, 2))).tolist() == [0]


def test_it_can_be_cloned_as_scikit_learn_asks():
    model = clone(LeastSquaresLDA(shrinkage=0.25))
    assert model.get_params() == {"shrinkage": 0.25}
    assert LinearDiscriminantAnalysis().fit(*data()).score(*data()) == pytest.approx(
        model.fit(*data()).score(*data()), abs=0.05
    )
