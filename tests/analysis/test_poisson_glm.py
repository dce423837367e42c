"""Poisson regression of many units at once: scikit-learn's optimum, found for each unit."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import PoissonRegressor
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.encoding.poisson import poisson
from neurodata4ml.analysis.encoding.poisson_fit import fit_poisson
from neurodata4ml.analysis.encoding.predicted import Options
from neurodata4ml.errors import DesignError

SPLIT = [(np.arange(60), np.arange(60, 90))]


def counts(n=90, n_features=12, n_units=8, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, n_features)) * rng.uniform(0.1, 30, n_features) + 7
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    log_rate = z @ rng.standard_normal((n_features, n_units)) * 0.8 / np.sqrt(n_features)
    return x, rng.poisson(np.exp(log_rate + rng.uniform(-1, 2, n_units))).astype(float)


def scikit_learns(x, y, train, test, alpha, weights=None):
    scaler = StandardScaler().fit(x[train])
    model = PoissonRegressor(alpha=alpha, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    weights = None if weights is None else weights[train]
    fitted = (model.fit(scaler.transform(x[train]), unit[train], sample_weight=weights) for unit in y.T)
    return np.stack([one.predict(scaler.transform(x[test])) for one in fitted], axis=1)


@pytest.mark.parametrize("n_features", [3, 12, 150])
@pytest.mark.parametrize("alpha", [1e-3, 0.1, 10.0])
def test_rates_equal_scikit_learn(n_features, alpha):
    x, y = counts(n_features=n_features)
    weights = np.random.default_rng(1).integers(1, 9, len(x)).astype(float)
    ours = poisson([x], y, SPLIT, Options(alphas=np.array([alpha]), weights=weights))
    np.testing.assert_allclose(ours.values, scikit_learns(x, y, *SPLIT[0], alpha, weights), rtol=2e-5)
    assert ours.about["not_converged"] == 0


def test_the_rates_of_two_groups_are_their_means():
    x = np.repeat([0.0, 1.0], 20)[:, None]
    y = np.random.default_rng(0).poisson([2.0], (40, 3)) + 4.0 * x
    fit = fit_poisson(x, y, np.ones(40), np.full(3, 1e-12))
    np.testing.assert_allclose(np.exp(fit.intercept), y[:20].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(np.exp(fit.intercept + fit.coef[0]), y[20:].mean(axis=0), rtol=1e-6)


def test_it_ends_where_a_general_minimiser_ends():
    x, y = counts(n_features=4, n_units=1)
    x = (x - x.mean(axis=0)) / x.std(axis=0)

    def loss(beta):
        log_rate = beta[0] + x @ beta[1:]
        return np.mean(np.exp(log_rate) - y[:, 0] * log_rate) + 0.15 * beta[1:] @ beta[1:]

    fit = fit_poisson(x, y, np.ones(len(x)), np.array([0.3]))
    found = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(np.append(fit.intercept, fit.coef[:, 0]), found.x, atol=1e-6)


def test_an_overwhelming_penalty_leaves_the_mean():
    x, y = counts()
    found = poisson([x], y, SPLIT, Options(alphas=np.array([1e9]))).values
    np.testing.assert_allclose(found, np.tile(y[:60].mean(axis=0), (30, 1)), rtol=1e-6)


def test_means_that_count_as_often_as_they_have_trials_give_the_fit_to_the_trials():
    rng = np.random.default_rng(0)
    x, _ = counts()
    repeats = rng.integers(1, 7, len(x))
    stimulus = np.repeat(np.arange(len(x)), repeats)
    trials = rng.poisson(np.exp(0.02 * x[stimulus, :3])).astype(float)
    means = np.stack([trials[stimulus == i].mean(axis=0) for i in range(len(x))])
    train, test = SPLIT[0]
    view = StandardScaler().fit(x[train])
    z = view.transform(x)
    on_means = fit_poisson(z[train], means[train], repeats[train].astype(float), np.full(3, 0.1))
    known = np.isin(stimulus, train)
    on_trials = fit_poisson(z[stimulus[known]], trials[known], np.ones(known.sum()), np.full(3, 0.1))
    np.testing.assert_allclose(on_means.coef, on_trials.coef, atol=1e-6)
    assert len(test)


def test_inner_folds_choose_each_units_penalty_as_by_hand():
    x, y = counts(n_units=5)
    alphas, folds = np.array([1e-3, 0.1, 3.0]), list(KFold(3).split(x))
    inner = [[(np.setdiff1d(train, train[i::3]), train[i::3]) for i in range(3)] for train, _ in folds]
    ours = poisson([x], y, folds, Options(alphas=alphas, inner=inner))
    for k, (train, test) in enumerate(folds):
        losses = np.zeros((3, 5))
        for a, alpha in enumerate(alphas):
            for fit, held in inner[k]:
                rate = scikit_learns(x, y, fit, held, alpha)
                losses[a] += np.sum(rate - y[held] * np.log(rate), axis=0)
        best = alphas[np.argmin(losses, axis=0)]
        assert np.array_equal(ours.chosen["alpha"][1][:, k], best)
        for unit, alpha in enumerate(best):
            theirs = scikit_learns(x, y[:, [unit]], train, test, alpha)[:, 0]
            np.testing.assert_allclose(ours.values[ours.fold == k, unit], theirs, rtol=2e-5)


def test_a_silent_unit_has_no_rate_and_the_others_do_not_mind():
    x, y = counts()
    y[:, 2] = 0
    y[:60, 4] = 0
    found = poisson([x], y, SPLIT, Options(alphas=np.array([0.1])))
    assert np.isnan(found.values[:, [2, 4]]).all()
    assert np.isfinite(np.delete(found.values, [2, 4], axis=1)).all()
    assert found.about["silent"] == 2
    assert np.isnan(found.chosen["alpha"][1][[2, 4]]).all()


@pytest.mark.filterwarnings("error")
def test_one_spike_outliers_and_huge_counts_do_not_overflow():
    x, y = counts()
    y[:, 0] = 0
    y[7, 0] = 1
    y[:, 1] *= 1e6
    x[3] *= 1e4
    found = poisson([x], y, SPLIT, Options(alphas=np.array([1e-3])))
    assert np.isfinite(found.values).all()
    assert np.all(found.values >= 0)
    assert found.about["not_converged"] == 0


def test_a_test_row_far_away_has_an_infinite_rate_and_no_warning(recwarn):
    x, y = counts(n_features=1)
    y[:60] = np.random.default_rng(0).poisson(np.exp((x[:60] - 7) / x[:60].std()), (60, 8))
    x[70] = 1e9
    found = poisson([x], y, SPLIT, Options(alphas=np.array([1e-3]))).values
    assert np.isinf(found[10]).any() or np.all(found[10] == 0)
    assert not recwarn.list


def test_threads_do_not_change_a_bit():
    x, y = counts(n_units=300)
    folds = list(KFold(3).split(x))
    one, three = (poisson([x], y, folds, Options(alphas=np.array([0.1]), n_jobs=n)).values for n in (1, 3))
    assert np.array_equal(one, three)


def test_a_constant_feature_changes_nothing():
    x, y = counts()
    more = np.column_stack([x, np.full(len(x), 0.1)])
    plain, with_it = (poisson([f], y, SPLIT, Options(alphas=np.array([0.1]))).values for f in (x, more))
    np.testing.assert_allclose(with_it, plain, rtol=1e-8)


@pytest.mark.parametrize(
    ("change", "alphas", "message"),
    [
        (-1.0, [0.1], "predicts counts, 0 or more; got -1.*encoder='ridge'"),
        (0.0, [0.0, 1.0], r"takes penalties above 0; got \[0\.0, 1\.0\]"),
        (0.0, [0.1, 1.0], r"chooses among alphas=\[0\.1, 1\.0\] in inner folds.*Give one: alphas=\[1\]"),
    ],
)
def test_refusals(change, alphas, message):
    x, y = counts()
    y[0, 0] += change - y[0, 0] if change else 0.0
    with pytest.raises(DesignError, match=message):
        poisson([x], y, SPLIT, Options(alphas=np.array(alphas)))


def test_a_fold_with_one_training_row_is_refused():
    x, y = counts()
    with pytest.raises(DesignError, match="at least 2 rows; a fold leaves 1"):
        poisson([x], y, [(np.array([3]), np.arange(4, 20))], Options(alphas=np.array([1.0])))
