"""Ridge of many labellings at once gives what scikit-learn gives, fitted again for each."""

import numpy as np
import pytest
from refits import FOLDS, collected, labellings, refitted, responses
from sklearn.linear_model import Ridge, RidgeClassifier, RidgeClassifierCV, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.linear import ridge_loo
from neurodata4ml.analysis.linear.ridge import ridge_evidence

TOLERANCE = 1e-8
ALPHAS = np.logspace(-1, 4, 8)


def scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


def assert_equal_to_refits(estimator, x, folds, labels, *, n_classes=0, **options):
    """Compare values, and chosen penalties where there are any."""
    pieces = list(ridge_evidence(x, folds, labels, n_classes=n_classes, **options))
    models = refitted(scaled(estimator), x, folds, labels)
    for (s, t, k), values in collected(pieces, folds, len(labels), len(x)).items():
        decision = models[s, t, k].decision_function if n_classes else models[s, t, k].predict
        theirs = decision(x[t, folds[k][1]])
        if n_classes == 2:
            theirs = np.stack([-theirs, theirs], axis=1)
        np.testing.assert_allclose(values, theirs.reshape(values.shape), rtol=TOLERANCE, atol=TOLERANCE)
    for piece in pieces:
        if piece.chosen is not None:
            sets, times = range(len(labels))[piece.sets], range(len(x))[piece.times]
            theirs = [[models[s, t, piece.fold][-1].alpha_ for t in times] for s in sets]
            assert np.array_equal(piece.chosen, theirs)


@pytest.mark.parametrize("folds", FOLDS)
@pytest.mark.parametrize("balanced", [False, True])
def test_a_classifier_equals_scikit_learns_for_any_folds(folds, balanced):
    x, codes = responses()
    peer = RidgeClassifier(alpha=3.0, class_weight="balanced" if balanced else None)
    sets = labellings(codes, 3)
    assert_equal_to_refits(peer, x, FOLDS[folds](90), sets, n_classes=3, alpha=3.0, balanced=balanced)


@pytest.mark.slow
@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize(
    ("n_samples", "n_units", "n_classes", "n_sets"), [(90, 10, 3, 40), (40, 70, 3, 2), (40, 70, 2, 40), (60, 1, 2, 2)]
)
def test_a_classifier_equals_scikit_learns_in_any_shape(n_samples, n_units, n_classes, n_sets, balanced):
    x, codes = responses(1, n_samples, n_units, n_classes)
    folds = FOLDS["shuffled"](n_samples)
    # shuffles that leave a class out of training are another test's
    sets = np.stack([one for one in labellings(codes, n_sets) if all(np.ptp(one[train]) for train, _ in folds)])
    sets = sets[[all(len(np.unique(one[train])) == n_classes for train, _ in folds) for one in sets]]
    peer = RidgeClassifier(alpha=10.0, class_weight="balanced" if balanced else None)
    assert_equal_to_refits(peer, x, folds, sets, n_classes=n_classes, alpha=10.0, balanced=balanced)


@pytest.mark.slow
@pytest.mark.parametrize("folds", ["contiguous", "purged", "twice"])
@pytest.mark.parametrize("n_units", [6, 120])
def test_a_regression_equals_scikit_learns(folds, n_units):
    x, _ = responses(2, n_units=n_units)
    targets = x[0, None, :, :3] + np.random.default_rng(0).normal(size=(2, 90, 3)) + 7
    assert_equal_to_refits(Ridge(alpha=2.0), x, FOLDS[folds](90), targets, alpha=2.0)
    many = np.random.default_rng(0).normal(size=(20, 90, 3))
    assert_equal_to_refits(Ridge(alpha=2.0), x, FOLDS[folds](90), many, alpha=2.0)


@pytest.mark.parametrize("balanced", [False, True])
@pytest.mark.parametrize(("n_units", "n_classes"), [(10, 3), (80, 2), (120, 3)])
def test_leave_one_out_chooses_as_ridge_classifier_cv(n_units, n_classes, balanced):
    x, codes = responses(1, 90, n_units, n_classes)
    peer = RidgeClassifierCV(ALPHAS, class_weight="balanced" if balanced else None)
    folds, sets = FOLDS["purged"](90), labellings(codes, 4)
    assert_equal_to_refits(peer, x, folds, sets, n_classes=n_classes, alpha=ALPHAS, balanced=balanced)


@pytest.mark.parametrize("per_target", [False, True])
@pytest.mark.parametrize("n_units", [10, 80, 120])
def test_leave_one_out_chooses_as_ridge_cv(n_units, per_target):
    x, _ = responses(2, n_units=n_units)
    rng = np.random.default_rng(0)
    targets = np.stack([x[0, :, :4] @ np.diag([9, 1, 0.1, 0]) + rng.normal(size=(90, 4)) for _ in range(3)])
    peer = RidgeCV(ALPHAS, alpha_per_target=per_target)
    assert_equal_to_refits(peer, x, FOLDS["contiguous"](90), targets, alpha=ALPHAS, alpha_per_target=per_target)


def test_penalties_too_near_to_tell_in_float32_are_told_in_float64(monkeypatch):
    x, codes = responses(1, 90, 30)
    near = np.geomspace(20.0, 20.02, 9)
    asked = []
    turned = ridge_loo._turned
    monkeypatch.setattr(ridge_loo, "_turned", lambda shared, dtype: asked.append(dtype) or turned(shared, dtype))
    peer = RidgeClassifierCV(near)
    assert_equal_to_refits(peer, x, FOLDS["contiguous"](90), codes[None], n_classes=3, alpha=near, n_jobs=1)
    assert asked == [np.float32, np.float64] * 4
    asked.clear()
    far = np.geomspace(1e-3, 1e9, 4)
    assert_equal_to_refits(RidgeClassifierCV(far), x, FOLDS["contiguous"](90), codes[None], n_classes=3, alpha=far)
    assert asked == [np.float32] * 4


@pytest.mark.parametrize("balanced", [False, True])
def test_inner_folds_choose_the_penalty_of_least_squared_error(balanced):
    x, codes = responses(1, 80, 30, 2, effect=0.3)
    folds = FOLDS["some left out"](80)
    inner = [[(train[i], train[j]) for i, j in FOLDS["contiguous"](len(train))] for train, _ in folds]
    sets = labellings(codes, 2)
    options = {"n_classes": 2, "alpha": ALPHAS, "inner": inner, "balanced": balanced}
    weighting = "balanced" if balanced else None
    for piece in ridge_evidence(x, folds, sets, **options):
        train = folds[piece.fold][0]
        for s, t in np.ndindex(*piece.chosen.shape):
            y = sets[piece.sets][s]
            weight = len(train) / (2 * np.bincount(y[train])) if balanced else np.ones(2)
            errors = np.zeros(len(ALPHAS))
            for a, alpha in enumerate(ALPHAS):
                for learn, tell in inner[piece.fold]:
                    peer = scaled(RidgeClassifier(alpha, class_weight=weighting)).fit(x[t, learn], y[learn])
                    residual = peer.decision_function(x[t, tell]) - (2 * y[tell] - 1)
                    errors[a] += weight[y[tell]] @ residual**2
            best = ALPHAS[errors.argmin()]
            assert piece.chosen[s, t] == best
            peer = scaled(RidgeClassifier(best, class_weight=weighting)).fit(x[t, train], y[train])
            theirs = peer.decision_function(x[t, piece.test])
            np.testing.assert_allclose(piece.values[s, t, :, 1], theirs, rtol=TOLERANCE, atol=TOLERANCE)


def test_inner_folds_may_choose_for_every_target():
    x, _ = responses(1, 60, 20)
    targets = x[:, :, :2] * [5.0, 0.0] + np.random.default_rng(0).normal(size=(1, 60, 2))
    folds = FOLDS["contiguous"](60)
    inner = [[(train[i], train[j]) for i, j in FOLDS["contiguous"](len(train))] for train, _ in folds]
    both = list(ridge_evidence(x, folds, targets, alpha=ALPHAS, inner=inner, alpha_per_target=True))
    for output in (0, 1):
        alone = ridge_evidence(x, folds, targets[..., [output]], alpha=ALPHAS, inner=inner)
        for together, single in zip(both, alone, strict=True):
            assert together.chosen[0, 0, output] == single.chosen[0, 0]
            np.testing.assert_allclose(together.values[..., output], single.values[..., 0], rtol=TOLERANCE)


@pytest.mark.parametrize("n_sets", [2, 40])
def test_silent_loud_and_duplicate_units_are_as_in_refits(n_sets):
    x, codes = responses(1, n_units=12)
    x[:, :, 3] = 0.1
    x[:, :, 4] = np.where(np.arange(90) < 20, np.arange(90), 3.0)
    x[:, :, 5] = np.where(np.arange(90) < 22, 1e5 * np.arange(90), x[0, :, 5])
    x[:, :, 6] = x[:, :, 7]
    x[:, :, 9] += 1e6
    sets = labellings(codes, n_sets)
    assert_equal_to_refits(RidgeClassifier(5.0), x, FOLDS["contiguous"](90), sets, n_classes=3, alpha=5.0)


@pytest.mark.parametrize("n_sets", [1, 40])
@pytest.mark.parametrize("alpha", [1.0, ALPHAS])
def test_where_all_units_are_silent_ridge_predicts_the_mean(n_sets, alpha):
    x, codes = np.full((1, 12, 3), 2.0), np.arange(12) % 3
    x[0, :4] = np.arange(4)[:, None]
    folds = [(np.arange(4, 12), np.arange(4))]
    share = np.bincount(codes[4:]) / 8
    for piece in ridge_evidence(x, folds, np.repeat(codes[None], n_sets, axis=0), n_classes=3, alpha=alpha):
        np.testing.assert_allclose(piece.values, np.broadcast_to(2 * share - 1, piece.values.shape))


@pytest.mark.parametrize(
    "options", [{}, {"balanced": True}, {"alpha": ALPHAS}], ids=["plain", "balanced", "several penalties"]
)
@pytest.mark.parametrize("n_sets", [1, 30])
def test_a_class_that_training_lacks_is_never_predicted(options, n_sets):
    x, codes = responses(1)
    codes[:], codes[:30] = np.arange(90) % 2, 2
    folds = [(np.arange(30, 90), np.arange(30))]
    sets = np.repeat(codes[None], n_sets, axis=0)
    with_it, without = (
        collected(ridge_evidence(x, folds, sets, n_classes=n, **options), folds, n_sets, 1) for n in (3, 2)
    )
    assert np.isneginf(with_it[0, 0, 0][:, 2]).all()
    np.testing.assert_allclose(with_it[0, 0, 0][:, :2], without[0, 0, 0], rtol=TOLERANCE)


@pytest.mark.parametrize("n_units", [8, 70])
@pytest.mark.parametrize("n_sets", [2, 50])
@pytest.mark.parametrize("alpha", [1.0, ALPHAS])
def test_float32_gives_the_same_predictions_and_four_digits(n_units, n_sets, alpha):
    x, codes = responses(1, 60, n_units)
    folds, sets = FOLDS["contiguous"](60), labellings(codes, n_sets)
    single, double = (
        collected(ridge_evidence(x, folds, sets, n_classes=3, alpha=alpha, dtype=dtype), folds, n_sets, 1)
        for dtype in (np.float32, np.float64)
    )
    for key, values in single.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, double[key], atol=1e-4)
        first, second = np.sort(double[key], axis=-1).T[[-1, -2]]
        assert (values.argmax(-1) == double[key].argmax(-1))[first - second > 2e-4].all()


@pytest.mark.parametrize("alpha", [1.0, ALPHAS])
@pytest.mark.parametrize("n_sets", [2, 50])
def test_any_number_of_threads_gives_the_same_bits(alpha, n_sets, monkeypatch):
    monkeypatch.setattr("neurodata4ml.analysis.linear.evidence.TINY", 0)
    x, codes = responses(3, n_units=40)
    folds, sets = FOLDS["purged"](90), labellings(codes, n_sets)
    one, two = (
        collected(ridge_evidence(x, folds, sets, n_classes=3, alpha=alpha, n_jobs=n_jobs), folds, n_sets, 3)
        for n_jobs in (1, 2)
    )
    assert all(np.array_equal(one[key], two[key]) for key in one)


@pytest.mark.parametrize("options", [{}, {"balanced": True}, {"alpha": ALPHAS}])
def test_what_is_learnt_in_one_bin_is_tested_in_every_bin(options):
    x, codes = responses(3)
    folds, sets = FOLDS["purged"](90), labellings(codes, 2)
    weighting = "balanced" if options.get("balanced") else None
    peer = RidgeClassifierCV(ALPHAS) if "alpha" in options else RidgeClassifier(1.0, class_weight=weighting)
    models = refitted(scaled(peer), x, folds, sets)
    found = collected(ridge_evidence(x, folds, sets, n_classes=3, across_times=True, **options), folds, 2, 3)
    for (s, t, k), values in found.items():
        for other in range(3):
            theirs = models[s, t, k].decision_function(x[other, folds[k][1]])
            np.testing.assert_allclose(values[other], theirs, rtol=TOLERANCE, atol=TOLERANCE)


def test_many_labellings_come_in_pieces(monkeypatch):
    x, codes = responses(2)
    folds, sets = FOLDS["contiguous"](90), labellings(codes, 7)
    whole = collected(ridge_evidence(x, folds, sets, n_classes=3), folds, 7, 2)
    monkeypatch.setattr("neurodata4ml.analysis.linear.evidence.PIECE", 4 * 3 * (90 + 6 * 8))
    pieces = list(ridge_evidence(x, folds, sets, n_classes=3))
    assert [piece.sets.start for piece in pieces if piece.fold == 0] == [0, 2, 4, 6] * 2
    for key, values in collected(pieces, folds, 7, 2).items():
        np.testing.assert_allclose(values, whole[key], rtol=1e-10)
