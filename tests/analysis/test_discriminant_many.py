"""Many labellings, folds and bins at once give what fitting each again gives."""

import numpy as np
import pytest
from refits import FOLDS, collected, labellings, refitted, responses
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.linear.discriminant import LeastSquaresLDA, lda_evidence

TOLERANCE = 1e-8


def relative(evidence):
    """Evidence up to what all classes share."""
    return evidence - evidence[:, :1]


def assert_equal_to_refits(x, folds, codes, n_classes, shrinkage):
    found = collected(lda_evidence(x, folds, codes, n_classes, shrinkage=shrinkage), folds, len(codes), len(x))
    models = refitted(make_pipeline(StandardScaler(), LeastSquaresLDA(shrinkage)), x, folds, codes)
    for (s, t, k), values in found.items():
        scaler, lda = models[s, t, k]
        evidence = scaler.transform(x[t, folds[k][1]]) @ lda.coef_.T + lda.intercept_
        np.testing.assert_allclose(relative(values), relative(evidence), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("folds", FOLDS)
@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", 0.0, 0.3])
def test_it_equals_refits_for_any_folds(folds, shrinkage):
    x, codes = responses()
    assert_equal_to_refits(x, FOLDS[folds](90), labellings(codes, 3), 3, shrinkage)


@pytest.mark.parametrize(
    ("n_samples", "n_units", "n_classes", "n_sets"),
    [
        (90, 30, 3, 50),  # few classes, many labellings: the eigenvectors of one Gram matrix serve all
        (40, 70, 3, 3),  # more units than trials
        (40, 70, 2, 50),
        (90, 1, 3, 2),
        (120, 4, 25, 3),  # more classes than units
    ],
)
@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", 0.3])
def test_it_equals_refits_in_any_shape(n_samples, n_units, n_classes, n_sets, shrinkage):
    x, codes = responses(1, n_samples, n_units, n_classes)
    folds = FOLDS["shuffled"](n_samples)
    sets = labellings(codes, n_sets)
    if n_classes == 25:
        sets = np.stack([np.roll(np.arange(n_samples) % 25, i) for i in range(n_sets)])
    assert_equal_to_refits(x, folds, sets, n_classes, shrinkage)


@pytest.mark.parametrize("solver", ["svd", "lsqr", "eigen"])
def test_without_shrinkage_it_is_scikit_learns(solver):
    x, codes = responses(1, n_classes=4)
    folds = FOLDS["contiguous"](90)
    models = refitted(make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver)), x, folds, codes[None])
    found = collected(lda_evidence(x, folds, codes[None], 4, shrinkage=0.0), folds, 1, 1)
    for (s, t, k), values in found.items():
        theirs = models[s, t, k].decision_function(x[t, folds[k][1]]) - np.log(models[s, t, k][-1].priors_)
        np.testing.assert_allclose(relative(values), relative(theirs), rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", 0.0])
def test_where_all_units_are_silent_nothing_tells_classes_apart(shrinkage):
    x, codes = np.full((1, 12, 3), 2.0), np.arange(12) % 3
    x[0, :4] = np.arange(4)[:, None]
    for piece in lda_evidence(x, [(np.arange(4, 12), np.arange(4))], codes[None], 3, shrinkage=shrinkage):
        assert (piece.values == piece.values[..., :1]).all()


@pytest.mark.parametrize("n_sets", [2, 50])
@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", 0.0])
def test_silent_loud_and_duplicate_units_are_as_in_refits(n_sets, shrinkage):
    x, codes = responses(1, n_units=12)
    folds = FOLDS["contiguous"](90)
    x[:, :, 3] = 0.1  # silent throughout
    x[:, :, 4] = np.where(np.arange(90) < 20, np.arange(90), 3.0)  # silent but in the first fold's test
    x[:, :, 5] = np.where(np.arange(90) < 22, 1e5 * np.arange(90), x[0, :, 5])  # nearly so
    x[:, :, 6] = x[:, :, 7]
    x[:, :, 8] *= 1e6
    x[:, :, 9] += 1e6
    assert_equal_to_refits(x, folds, labellings(codes, n_sets), 3, shrinkage)


@pytest.mark.parametrize("n_sets", [1, 50])
def test_without_noise_the_nearest_mean_decides(n_sets):
    codes = np.arange(40) % 2
    x = np.repeat(codes[None, :, None] * 4.0, 9, axis=2)
    x[:, :, 1:] += np.where(np.arange(40) % 2, 1.0, 0.0)[:, None]
    folds = FOLDS["contiguous"](40)
    for piece in lda_evidence(x, folds, np.repeat(codes[None], n_sets, axis=0), 2):
        assert (piece.values.argmax(axis=-1) == codes[piece.test]).all()


def test_a_class_that_training_lacks_is_never_predicted():
    x, codes = responses(1)
    codes[:], codes[:30] = np.arange(90) % 2, 2
    folds = [*FOLDS["contiguous"](90), (np.arange(30, 90), np.arange(30))]
    found = collected(lda_evidence(x, folds, codes[None], 3), folds, 1, 1)
    lacking = [2 not in codes[train] for train, _ in folds]
    assert lacking == [False, False, False, False, True]
    assert [np.isneginf(found[0, 0, k][:, 2]).any() for k in range(5)] == lacking
    without = collected(lda_evidence(x, folds[4:], codes[None], 2), folds[4:], 1, 1)
    np.testing.assert_allclose(found[0, 0, 4][:, :2], without[0, 0, 0], rtol=TOLERANCE)


def test_one_trial_per_class_and_fold():
    x, _ = responses(1, n_samples=12, n_units=6)
    codes = np.arange(12) % 3
    assert_equal_to_refits(x, FOLDS["contiguous"](12), codes[None], 3, "ledoit-wolf")
    folds = [(np.array([0, 1, 2]), np.array([3, 4, 5]))]
    found = collected(lda_evidence(x, folds, codes[None], 3), folds, 1, 1)
    distance = ((x[0, 3:6, None] - x[0, :3]) ** 2 / x[0, :3].var(axis=0)).sum(axis=-1)
    # no noise within classes: the nearest mean of standardised units
    np.testing.assert_allclose(relative(found[0, 0, 0]), relative(-distance / 2), rtol=TOLERANCE)


def test_counts_may_be_small_integers():
    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, (2, 60, 5)).astype(np.int8)
    codes = np.arange(60) % 3
    folds = FOLDS["purged"](60)
    found = collected(lda_evidence(counts, folds, codes[None], 3), folds, 1, 2)
    whole = collected(lda_evidence(counts.astype(float), folds, codes[None], 3), folds, 1, 2)
    assert all(np.array_equal(found[key], whole[key]) for key in whole)


@pytest.mark.parametrize("n_units", [8, 70])
@pytest.mark.parametrize("n_sets", [2, 50])
def test_float32_gives_the_same_predictions_and_four_digits(n_units, n_sets):
    x, codes = responses(1, 60, n_units)
    folds, sets = FOLDS["contiguous"](60), labellings(codes, n_sets)
    single = collected(lda_evidence(x, folds, sets, 3, dtype=np.float32), folds, n_sets, 1)
    double = collected(lda_evidence(x, folds, sets, 3), folds, n_sets, 1)
    for key, values in single.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(values, double[key], rtol=1e-4, atol=1e-4 * np.abs(double[key]).max())
        first, second = np.sort(double[key], axis=-1).T[[-1, -2]]
        sure = first - second > 1e-4 * np.abs(double[key]).max()
        assert (values.argmax(-1) == double[key].argmax(-1))[sure].all()
        assert sure.mean() > 0.9


@pytest.mark.parametrize("across_times", [False, True])
def test_any_number_of_threads_gives_the_same_bits(across_times, monkeypatch):
    monkeypatch.setattr("neurodata4ml.analysis.linear.evidence.TINY", 0)
    x, codes = responses(3, n_units=40)
    folds, sets = FOLDS["purged"](90), labellings(codes, 4)
    one, two = (
        collected(lda_evidence(x, folds, sets, 3, across_times=across_times, n_jobs=n_jobs), folds, 4, 3)
        for n_jobs in (1, 2)
    )
    assert all(np.array_equal(one[key], two[key]) for key in one)


def test_pieces_of_bins_give_the_same_bits(monkeypatch):
    x, codes = responses(5, n_units=20)
    folds, sets = FOLDS["contiguous"](90), labellings(codes, 3)
    whole = collected(lda_evidence(x, folds, sets, 3), folds, 3, 5)
    monkeypatch.setattr("neurodata4ml.analysis.linear.evidence.PIECE", 2 * 3 * 3 * (90 + 6 * 20))
    pieces = list(lda_evidence(x, folds, sets, 3))
    assert {(piece.times.start, piece.times.stop) for piece in pieces} == {(0, 2), (2, 4), (4, 5)}
    found = collected(pieces, folds, 3, 5)
    assert all(np.array_equal(found[key], whole[key]) for key in whole)


def test_many_labellings_come_in_pieces(monkeypatch):
    x, codes = responses(2)
    folds, sets = FOLDS["contiguous"](90), labellings(codes, 7)
    whole = collected(lda_evidence(x, folds, sets, 3), folds, 7, 2)
    monkeypatch.setattr("neurodata4ml.analysis.linear.evidence.PIECE", 4 * 3 * (90 + 6 * 8))
    pieces = list(lda_evidence(x, folds, sets, 3))
    assert {(piece.sets.start, piece.sets.stop) for piece in pieces} == {(0, 2), (2, 4), (4, 6), (6, 7)}
    found = collected(pieces, folds, 7, 2)
    for key, values in found.items():
        np.testing.assert_allclose(values, whole[key], rtol=1e-10)


def test_what_is_learnt_in_one_bin_is_tested_in_every_bin():
    x, codes = responses(3)
    folds, sets = FOLDS["purged"](90), labellings(codes, 2)
    models = refitted(make_pipeline(StandardScaler(), LeastSquaresLDA()), x, folds, sets)
    found = collected(lda_evidence(x, folds, sets, 3, across_times=True), folds, 2, 3)
    for (s, t, k), values in found.items():
        for other in range(3):
            theirs = models[s, t, k].decision_function(x[other, folds[k][1]])
            np.testing.assert_allclose(relative(values[other]), relative(theirs), rtol=TOLERANCE, atol=TOLERANCE)
