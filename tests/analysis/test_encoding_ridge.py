"""Ridge of many units: scikit-learn and himalaya fitted again for every fold give the same numbers."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.encoding.predicted import Options
from neurodata4ml.analysis.encoding.ridge import ridge
from neurodata4ml.analysis.encoding.score_formulas import correlation
from neurodata4ml.analysis.linear import ridge_dual, ridge_left_out, ridge_primal
from neurodata4ml.analysis.linear.ridge_banded import banded_targets
from neurodata4ml.analysis.linear.ridge_targets import Problem, ridge_targets
from neurodata4ml.analysis.linear.training_sets import training_sets

ALPHAS = np.logspace(-1, 5, 4)


def folds_of(n, n_folds=4):
    fold = np.arange(n) % n_folds
    outer = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]
    inner = [
        [(np.flatnonzero((fold != k) & (fold != j)), np.flatnonzero(fold == j)) for j in range(n_folds) if j != k]
        for k in range(n_folds)
    ]
    return outer, inner


def world(n, p, n_targets=5, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p)) * rng.uniform(0.1, 10, p) + rng.uniform(-50, 50, p)
    y = x[:, :5] @ rng.standard_normal((5, n_targets)) / 20 + rng.standard_normal((n, n_targets)) * np.geomspace(
        0.1, 10, n_targets
    )
    return x, y


def slowly(x, y, outer, inner, weights, standardise):
    """Fit scikit-learn again for every fold, penalty and unit."""

    def fitted(train, alpha):
        model = make_pipeline(StandardScaler(with_std=standardise), Ridge(alpha))
        extra = {}
        if weights is not None:
            extra = {"standardscaler__sample_weight": weights[train], "ridge__sample_weight": weights[train]}
        return model.fit(x[train], y[train], **extra)

    values, chosen = [], []
    for (train, test), inside in zip(outer, inner, strict=True):
        errors = np.zeros((len(ALPHAS), y.shape[1]))
        for fit, left in inside:
            for error, alpha in zip(errors, ALPHAS, strict=True):
                squared = (fitted(fit, alpha).predict(x[left]) - y[left]) ** 2
                error += np.average(squared, axis=0, weights=None if weights is None else weights[left])
        best = ALPHAS[errors.argmin(axis=0)]
        chosen.append(best)
        values.append(np.stack([fitted(train, a).predict(x[test])[:, u] for u, a in enumerate(best)], axis=1))
    return np.concatenate(values), np.stack(chosen)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["primal", "dual"])
@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("weighed", [True, False])
@pytest.mark.parametrize("shape", [(40, 60), (60, 20)])
def test_it_predicts_what_scikit_learn_fitted_again_for_each_unit_predicts(shape, weighed, standardise, form):
    x, y = world(*shape)
    x[:, 3] = 2.0
    weights = np.random.default_rng(1).integers(1, 5, shape[0]).astype(float) if weighed else None
    outer, inner = folds_of(shape[0])
    values, alpha = slowly(x, y, outer, inner, weights, standardise)
    found = ridge_targets(Problem((x,), y, weights, standardise), outer, ALPHAS, inner, form=form)
    np.testing.assert_allclose(found.values, values, atol=1e-10)
    np.testing.assert_array_equal(found.alpha, alpha)


@pytest.mark.parametrize("form", ["primal", "dual"])
def test_a_feature_that_changes_in_the_test_images_alone_is_left_out(form):
    x, y = world(30, 8)
    outer, inner = folds_of(30)
    x[:, 2] = 7.0
    without = ridge_targets(Problem((x,), y), outer, ALPHAS, inner, form=form).values
    x[outer[0][1], 2] = np.random.default_rng(0).standard_normal(len(outer[0][1])) * 1e6
    found = ridge_targets(Problem((x,), y), outer[:1], ALPHAS[:1], [()], form=form).values
    given = ridge_targets(Problem((np.delete(x, 2, axis=1),), y), outer[:1], ALPHAS[:1], [()], form=form).values
    np.testing.assert_allclose(found, given, atol=1e-9)
    assert np.isfinite(without).all()


@pytest.mark.parametrize("form", ["primal", "dual"])
def test_a_feature_that_hardly_changes_in_training_keeps_its_digits(form):
    x, y = world(40, 6)
    outer, inner = folds_of(40)
    x[outer[0][1], 0] += 1e7
    values, _ = slowly(x, y, outer[:1], inner[:1], None, standardise=True)
    found = ridge_targets(Problem((x,), y), outer[:1], ALPHAS, inner[:1], form=form)
    np.testing.assert_allclose(found.values, values, rtol=1e-5)


def test_features_of_any_type_and_in_several_bands_are_the_same_features():
    x, y = world(40, 12)
    x = np.rint(x)
    outer, inner = folds_of(40)
    found = ridge_targets(Problem((x,), y), outer, ALPHAS, inner)
    split = Problem((x[:, :5].astype(np.float32), x[:, 5:].astype(np.int16)), y)
    np.testing.assert_allclose(ridge_targets(split, outer, ALPHAS, inner).values, found.values, atol=1e-10)
    split = Problem((x[:, :5].astype(np.float32), x[:, 5:].astype(np.int16)), y)
    np.testing.assert_allclose(ridge_targets(split, outer, ALPHAS, inner, form="dual").values, found.values, atol=1e-10)


@pytest.mark.parametrize("shape", [(118, 400), (300, 30)])
def test_threads_and_company_change_no_bit(shape):
    x, y = world(*shape, n_targets=300)
    outer, inner = folds_of(shape[0])
    once, twice = (ridge_targets(Problem((x,), y), outer, ALPHAS, inner, n_jobs=n) for n in (1, 3))
    np.testing.assert_array_equal(once.values, twice.values)
    np.testing.assert_array_equal(once.alpha, twice.alpha)


@pytest.mark.parametrize(
    ("p", "n_targets", "kept"), [(60, 1, (False, False)), (60, 200, (True, False)), (10, 1, (True, True))]
)
def test_what_is_kept_of_parts_changes_the_memory_and_not_the_answer(p, n_targets, kept, monkeypatch):
    x, y = world(200, p, n_targets)
    outer, inner = folds_of(200)
    made = []
    start = ridge_primal.Primal.__init__

    def remember(self, *arguments):
        start(self, *arguments)
        made.append((self.shares, self.keeps))

    monkeypatch.setattr(ridge_primal.Primal, "__init__", remember)
    by_features, by_rows = (ridge_targets(Problem((x,), y), outer, ALPHAS, inner, form=f) for f in ("primal", "dual"))
    np.testing.assert_allclose(by_features.values, by_rows.values, atol=1e-8)
    assert made == [kept]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["primal", "dual"])
@pytest.mark.parametrize("weighed", [True, False])
@pytest.mark.parametrize("shape", [(30, 60), (80, 20)])
def test_leaving_out_one_at_a_time_is_what_it_says(shape, weighed, form):
    n = shape[0]
    x, y = world(*shape, n_targets=4)
    weights = np.random.default_rng(1).integers(1, 4, n).astype(float) if weighed else None
    errors = np.zeros((len(ALPHAS), 4))
    for i in range(n):
        train = np.delete(np.arange(n), i)
        for error, alpha in zip(errors, ALPHAS, strict=True):
            model = Ridge(alpha).fit(x[train], y[train], None if weights is None else weights[train])
            error += (1.0 if weights is None else weights[i]) * (model.predict(x[i : i + 1])[0] - y[i]) ** 2
    every = [(np.arange(n), np.arange(n))]
    found = ridge_left_out.ridge_left_out(Problem((x,), y, weights, False), every, ALPHAS, form=form)
    np.testing.assert_array_equal(found.alpha[0], ALPHAS[errors.argmin(axis=0)])
    np.testing.assert_allclose(found.error[0], errors.min(axis=0) / (n if weights is None else weights.sum()))
    peer = RidgeCV(ALPHAS, alpha_per_target=True).fit(x, y, weights)
    np.testing.assert_allclose(found.values, peer.predict(x), atol=1e-9)


@pytest.mark.parametrize("rows", ["even", "weighed", "some outlying"])
def test_float32_and_what_leverages_rule_out_change_no_choice(monkeypatch, rows):
    x, y = world(300, 30, n_targets=300)
    rng = np.random.default_rng(2)
    weights = rng.integers(1, 9, 300).astype(float) if rows == "weighed" else None
    if rows == "some outlying":
        x[:5] *= 40
    every, alphas = [(np.arange(300), np.arange(300))], np.logspace(-6, 4, 15)
    exact = ridge_left_out.ridge_left_out(Problem((x,), y, weights), every, alphas)
    monkeypatch.setattr(ridge_left_out, "_SMALL", 0)
    rough = ridge_left_out.ridge_left_out(Problem((x,), y, weights), every, alphas)
    np.testing.assert_array_equal(rough.alpha, exact.alpha)
    np.testing.assert_allclose(rough.error, exact.error, rtol=1e-5)
    assert len(np.unique(exact.alpha)) > 3


def test_a_penalty_next_to_none_leaves_one_out_without_losing_digits():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((20, 200)), rng.standard_normal((20, 3))
    every = [(np.arange(20), np.arange(20))]
    tiny, small = (
        ridge_left_out.ridge_left_out(Problem((x,), y, None, False), every, np.array([a, 1e9])).error
        for a in (1e-12, 1e-5)
    )
    np.testing.assert_allclose(tiny, small, rtol=1e-6)


@pytest.mark.parametrize("form", ["primal", "dual"])
def test_banded_ridge_searches_as_himalaya_does(form):
    himalaya = pytest.importorskip("himalaya.kernel_ridge")
    rng = np.random.default_rng(0)
    bands = [rng.standard_normal((40, p)) for p in (6, 60)]
    y = bands[0][:, :3] @ rng.standard_normal((3, 8)) + 0.3 * bands[1][:, :3] @ rng.standard_normal((3, 8))
    y += rng.standard_normal((40, 8))
    weights, alphas, (outer, _) = rng.dirichlet([1, 1], 20), np.logspace(-1, 3, 6), folds_of(40, 4)
    kernels = np.stack([x @ x.T for x in bands])
    deltas, dual, _, alpha, offset = himalaya.solve_multiple_kernel_ridge_random_search(
        kernels,
        y,
        n_iter=weights,
        alphas=alphas,
        cv=outer,
        return_weights="dual",
        progress_bar=False,
        return_alphas=True,
        fit_intercept=True,
    )
    expected = sum(np.exp(delta) * (kernel @ dual) for delta, kernel in zip(deltas, kernels, strict=True)) + offset
    every = [(np.arange(40), np.arange(40))]
    found = banded_targets(Problem(tuple(bands), y, None, False), every, alphas, [outer], weights, form=form)
    np.testing.assert_allclose(found.alpha[0], alpha)
    np.testing.assert_allclose(np.log(found.weight[0].T / found.alpha[0]), deltas, atol=1e-9)
    np.testing.assert_allclose(found.values[0].sum(axis=0) + found.mean[0], expected, atol=1e-9)


def test_one_candidate_of_equal_weights_is_plain_ridge():
    x, y = world(40, 12)
    outer, inner = folds_of(40)
    both = Problem((x[:, :5], x[:, 5:]), y)
    for form in ("primal", "dual"):
        found = banded_targets(both, outer, ALPHAS, inner, np.ones((1, 2)), form=form)
        plain = ridge_targets(both, outer, ALPHAS, inner, form=form)
        sums = np.concatenate([v.sum(axis=0) + m for v, m in zip(found.values, found.mean, strict=True)])
        np.testing.assert_allclose(sums, plain.values, atol=1e-9)


def test_targets_are_searched_alike_in_blocks(monkeypatch):
    x, y = world(30, 12, n_targets=9)
    outer, inner = folds_of(30)
    both, weights = Problem((x[:, :5], x[:, 5:]), y), np.random.default_rng(0).dirichlet([1, 1], 5)
    whole = banded_targets(both, outer, ALPHAS, inner, weights)
    monkeypatch.setattr("neurodata4ml.analysis.linear.ridge_banded._TARGETS", 4)
    parts = banded_targets(both, outer, ALPHAS, inner, weights)
    np.testing.assert_allclose(np.concatenate(parts.values, 1), np.concatenate(whole.values, 1), atol=1e-10)
    np.testing.assert_array_equal(parts.alpha, whole.alpha)


def test_the_folds_inside_four_folds_learn_from_six_sets_of_rows():
    _, inner = folds_of(40)
    sets = training_sets(inner, 40)
    assert len(sets) == 6
    assert all(len(each.tests) == 2 for each in sets)


def test_blocks_of_features_change_nothing_but_rounding(monkeypatch):
    x, y = world(40, 90)
    outer, inner = folds_of(40)
    whole = ridge_targets(Problem((x,), y), outer, ALPHAS, inner)
    monkeypatch.setattr(ridge_dual, "_COLUMNS", 40 * 16)
    np.testing.assert_allclose(ridge_targets(Problem((x,), y), outer, ALPHAS, inner).values, whole.values, atol=1e-10)


def test_leave_one_out_gives_the_golden_score_of_scikit_learns_ridge():
    # statistics.md, section 4: RidgeCV(alphas .1..1000) of the first 80 rows, tested on the last 20
    x = np.random.RandomState(0).randn(100, 60)
    y = x @ np.random.RandomState(1).randn(60, 10) / np.sqrt(60) + np.random.RandomState(2).randn(100, 10)
    folds, alphas = [(np.arange(80), np.arange(80, 100))], np.logspace(-1, 3, 5)
    theirs = RidgeCV(alphas).fit(x[:80], y[:80])
    assert theirs.alpha_ == 100
    own = {"choose": "leave-one-out", "standardise": False}
    ours = ridge([x], y, folds, Options(alphas=np.array([100.0]), own=own))
    np.testing.assert_allclose(ours.values, theirs.predict(x[80:]), atol=1e-10)
    assert np.median(correlation(y[80:], ours.values)) == pytest.approx(0.3918995485, abs=1e-9)
    each = ridge([x], y, folds, Options(alphas=alphas, own=own))
    by_unit = RidgeCV(alphas, alpha_per_target=True).fit(x[:80], y[:80])
    np.testing.assert_array_equal(each.chosen["alpha"][1][:, 0], by_unit.alpha_)
    np.testing.assert_allclose(each.values, by_unit.predict(x[80:]), atol=1e-10)
