"""Partial least squares gives what ikpls and a converged scikit-learn give, for any folds, shapes and threads."""

import warnings

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, StratifiedShuffleSplit

from neurodata4ml.analysis.encoding.pls import pls
from neurodata4ml.analysis.encoding.predicted import Options
from neurodata4ml.analysis.encoding.score_formulas import correlation
from neurodata4ml.errors import DesignError

TEN = list(KFold(10).split(np.zeros((100, 1))))


def golden_data():
    """The data of Brain-Score's aggregation, ../shared/reference/statistics.md section 4."""
    x = np.random.RandomState(0).randn(100, 60)
    w = np.random.RandomState(1).randn(60, 10)
    return x, x @ w / np.sqrt(60) + np.random.RandomState(2).randn(100, 10)


def data(n, n_features, n_targets, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, n_features)) * rng.uniform(0.5, 3, n_features) + 5
    y = x @ rng.standard_normal((n_features, n_targets)) / np.sqrt(n_features) + rng.standard_normal((n, n_targets))
    return x, y * rng.uniform(0.5, 2, n_targets) + 3


def options(n_components=25, *, scale=False, **more):
    return Options(own={"n_components": n_components, "scale": scale}, **more)


def scikit_learns(x, y, folds, tol, n_components=25):
    fitted = [PLSRegression(n_components, scale=False, tol=tol, max_iter=100_000).fit(x[a], y[a]) for a, _ in folds]
    return np.concatenate([model.predict(x[b]) for model, (_, b) in zip(fitted, folds, strict=True)])


def ikplss(x, y, folds, n_components, *, scale):
    numpy_pls = pytest.importorskip("ikpls.numpy").PLS
    found = []
    for train, test in folds:
        model = numpy_pls(algorithm=1, scale_X=scale, scale_Y=scale)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x[train], y[train], n_components)
        found.append(model.predict(x[test], n_components=n_components))
    return np.concatenate(found)


def both_aggregations(values, y, folds):
    """Mean over folds then median over units, as Brain-Score; and predictions pooled, then median."""
    by_fold = np.mean([correlation(y[test], values[test]) for _, test in folds], axis=0)
    return np.median(by_fold), np.median(correlation(y, values))


@pytest.fixture(scope="module")
def default():
    return scikit_learns(*golden_data(), TEN, 1e-6)


@pytest.fixture(scope="module")
def strict():
    return scikit_learns(*golden_data(), TEN, 1e-20)


def test_the_golden_scores_and_that_the_aggregation_changes_them(default, strict):
    x, y = golden_data()
    remembered = both_aggregations(default, y, TEN)
    np.testing.assert_allclose(remembered, (0.3864674772, 0.3576491350), atol=1e-10)
    ours = both_aggregations(pls([x], y, TEN, options()).values, y, TEN)
    np.testing.assert_allclose(ours, both_aggregations(strict, y, TEN), atol=1e-6)
    assert ours[0] - ours[1] > 0.02


def test_scikit_learn_at_its_default_tolerance_is_not_converged(default, strict):
    x, y = golden_data()
    ours = pls([x], y, TEN, options()).values
    assert np.abs(strict - ours).max() < 1e-5 < 1e-3 < np.abs(default - ours).max()


@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize(
    "shape", [(60, 20, 5), (30, 80, 7), (80, 10, 30), (30, 60, 90), (40, 15, 1), (300, 280, 270)], ids=str
)
def test_predictions_equal_ikpls(shape, scale):
    x, y = data(*shape)
    folds = list(KFold(3, shuffle=True, random_state=0).split(x))
    n_components = min(9, shape[1] - 1)
    ours = pls([x], y, folds, options(n_components, scale=scale))
    theirs = ikplss(x, y, folds, n_components, scale=scale)
    np.testing.assert_allclose(ours.values, theirs, rtol=1e-7, atol=1e-7)
    assert np.array_equal(ours.row, np.concatenate([test for _, test in folds]))


def test_folds_may_overlap_leave_rows_out_and_test_most_of_them():
    x, y = data(90, 12, 4)
    strata = np.repeat(np.arange(9), 10)
    folds = [
        *StratifiedShuffleSplit(4, train_size=0.9, test_size=0.1, random_state=1).split(x, strata),
        (np.arange(10, 60), np.arange(70, 90)),
        (np.arange(20), np.arange(20, 90)),
    ]
    ours = pls([x], y, folds, options(5))
    np.testing.assert_allclose(ours.values, ikplss(x, y, folds, 5, scale=False), rtol=1e-8, atol=1e-8)


def test_threads_do_not_change_a_bit():
    x, y = data(120, 30, 20)
    folds = list(KFold(6).split(x))
    one, three = (pls([x], y, folds, options(8, n_jobs=n)).values for n in (1, 3))
    assert np.array_equal(one, three)


@pytest.mark.parametrize("n_features", [15, 70])
def test_turning_the_features_changes_no_prediction(n_features):
    x, y = data(50, n_features, 6)
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((n_features, n_features)))[0]
    folds = list(KFold(5).split(x))
    plain, turned = (pls([features], y, folds, options(6)).values for features in (x, x @ turn - 100))
    np.testing.assert_allclose(turned, plain, atol=1e-8)


def test_with_all_components_it_is_least_squares():
    x, y = data(60, 8, 5)
    folds = list(KFold(4).split(x))
    ours = pls([x], y, folds, options(25))
    theirs = np.concatenate([LinearRegression().fit(x[a], y[a]).predict(x[b]) for a, b in folds])
    np.testing.assert_allclose(ours.values, theirs, atol=1e-8)
    assert np.all(ours.chosen["n_components"][1] == 8)


def test_features_of_low_rank_give_fewer_components_and_the_same_answer():
    x, y = data(60, 4, 3)
    wide = x @ np.random.default_rng(1).standard_normal((4, 30))
    folds = list(KFold(4).split(x))
    ours = pls([wide], y, folds, options(25))
    assert np.all(ours.chosen["n_components"][1] <= 4)
    theirs = np.concatenate([LinearRegression().fit(x[a], y[a]).predict(x[b]) for a, b in folds])
    np.testing.assert_allclose(ours.values, theirs, atol=1e-6)


def test_what_can_be_explained_exactly_is():
    x, _ = data(40, 6, 1)
    y = x @ np.random.default_rng(0).standard_normal((6, 9))
    np.testing.assert_allclose(pls([x], y, list(KFold(4).split(x)), options()).values, y, atol=1e-8)


def test_inner_folds_choose_the_number_of_components_as_by_hand():
    x, y = data(80, 30, 12)
    numbers, folds = [1, 3, 12], list(KFold(4).split(x))
    inner = [[(np.setdiff1d(train, train[i::3]), train[i::3]) for i in range(3)] for train, _ in folds]
    ours = pls([x], y, folds, options(numbers, inner=inner))
    for k, (train, test) in enumerate(folds):
        guesses = [ikplss(x, y, inner[k], n, scale=False) for n in numbers]
        errors = [((guess - y[np.concatenate([b for _, b in inner[k]])]) ** 2).sum(axis=0) for guess in guesses]
        best = np.asarray(numbers)[np.argmin(errors, axis=0)]
        assert np.array_equal(ours.chosen["n_components"][1][:, k], best)
        for n in set(best):
            theirs = ikplss(x, y, [(train, test)], n, scale=False)
            np.testing.assert_allclose(ours.values[ours.fold == k][:, best == n], theirs[:, best == n], atol=1e-7)


@pytest.mark.parametrize("scale", [False, True])
def test_what_does_not_change_in_training_is_not_predicted(scale):
    x, y = data(40, 5, 3)
    y[:, 1] = 0.1
    folds = list(KFold(4).split(x))
    found = pls([x], y, folds, options(3, scale=scale)).values
    assert np.isnan(found[:, 1]).all()
    without = pls([x], y[:, [0, 2]], folds, options(3, scale=scale)).values
    np.testing.assert_allclose(found[:, [0, 2]], without, atol=1e-10)
    x[:] = 0.1
    assert np.isnan(pls([x], y, folds, options(3, scale=scale)).values).all()


def test_a_constant_feature_changes_nothing():
    x, y = data(40, 5, 3)
    folds = list(KFold(4).split(x))
    more = np.column_stack([x, np.full(40, 0.1)])
    for scale in (False, True):
        plain, with_it = (pls([features], y, folds, options(3, scale=scale)).values for features in (x, more))
        np.testing.assert_allclose(with_it, plain, atol=1e-9)


def test_single_precision_and_whole_numbers_are_computed_in_double():
    x, y = data(40, 5, 3)
    x = np.rint(x * 10).astype(np.int16)
    folds = list(KFold(4).split(x))
    assert np.array_equal(
        pls([x], y.astype(np.float32), folds, options(3)).values,
        pls([x.astype(float)], y.astype(np.float32).astype(float), folds, options(3)).values,
    )


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (0, "n_components takes a whole number, 1 or more; got 0"),
        ([], "n_components takes a whole number, or several to choose from; got none"),
        ([2, 4], r"chooses among n_components=\[2, 4\] in inner folds.*Give one number: n_components=2"),
    ],
)
def test_refusals(own, message):
    x, y = data(20, 5, 2)
    with pytest.raises(DesignError, match=message):
        pls([x], y, list(KFold(4).split(x)), options(own))


def test_a_fold_with_one_training_row_is_refused():
    x, y = data(20, 5, 2)
    with pytest.raises(DesignError, match=r"at least 2 rows; a fold leaves 1 to learn from\. Ask for fewer folds"):
        pls([x], y, [(np.array([3]), np.arange(4, 20))], options(2))
