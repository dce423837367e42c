"""The Gram matrix across folds: equal to the obvious double loop, and free of noise bias."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.linear.stimuli import cross_gram, fold_labels
from neurodata4ml.errors import DesignError, DimensionError


def cross_gram_slow(values, labels, folds):
    stimuli = np.unique(labels)
    gram = np.full((len(stimuli), len(stimuli)), np.nan)
    for i, a in enumerate(stimuli):
        for j, b in enumerate(stimuli):
            products = [
                values[s] @ values[t]
                for s in np.flatnonzero(labels == a)
                for t in np.flatnonzero(labels == b)
                if folds[s] != folds[t]
            ]
            gram[i, j] = np.mean(products)
    return gram


def design(kind, rng):
    """Labels and folds of 60 trials of 6 stimuli."""
    labels = np.tile(np.arange(6), 10)
    folds = np.repeat(np.arange(10), 6)
    if kind == "every trial a fold":
        return labels, np.arange(60)
    if kind == "unbalanced, missing cells":
        keep = np.sort(rng.choice(60, size=41, replace=False))
        return np.r_[labels[keep], labels[:9]], np.r_[folds[keep], folds[:9]]
    if kind == "folds of one and of many stimuli":
        return labels, np.where(folds < 5, folds, 100 + np.arange(60))
    return labels, folds


@pytest.mark.parametrize(
    "kind",
    ["balanced", "every trial a fold", "unbalanced, missing cells", "folds of one and of many stimuli"],
)
def test_cross_gram_equals_the_double_loop(kind):
    rng = np.random.default_rng(0)
    labels, folds = design(kind, rng)
    values = rng.normal(size=(len(labels), 7)) + 3.0
    np.testing.assert_allclose(cross_gram(values, labels, folds), cross_gram_slow(values, labels, folds), rtol=1e-12)


def test_cross_gram_sums_folds_in_chunks_without_changing_the_answer(monkeypatch):
    rng = np.random.default_rng(1)
    labels, folds = design("balanced", rng)
    values = rng.normal(size=(60, 7))
    whole = cross_gram(values, labels, folds)
    monkeypatch.setattr("neurodata4ml.analysis.linear.stimuli._CHUNK", 100)
    np.testing.assert_allclose(cross_gram(values, labels, folds), whole, rtol=1e-12)


def test_cross_gram_has_no_noise_on_its_diagonal():
    rng = np.random.default_rng(2)
    means = rng.normal(size=(5, 40))
    labels, folds = np.tile(np.arange(5), 4), np.repeat(np.arange(4), 5)
    noise = rng.normal(scale=3.0, size=(400, 20, 40))
    grams = np.array([cross_gram(means[labels] + noise[i], labels, folds) for i in range(400)])
    error = grams.std(axis=0, ddof=1) / np.sqrt(400)
    assert np.all(np.abs(grams.mean(axis=0) - means @ means.T) < 4 * error)


def test_cross_gram_does_not_depend_on_the_order_of_trials_nor_on_the_names_of_folds():
    rng = np.random.default_rng(3)
    labels, folds = design("unbalanced, missing cells", rng)
    values = rng.normal(size=(len(labels), 4))
    order = rng.permutation(len(labels))
    names = np.array([f"block {9 - fold}" for fold in folds])
    again = cross_gram(values[order], labels[order], names[order])
    np.testing.assert_allclose(again, cross_gram(values, labels, folds), rtol=1e-10)


def test_cross_gram_names_a_stimulus_that_lies_in_one_fold_only():
    with pytest.raises(DesignError, match=r"at least 2 folds.*1 stimuli lie in fewer: 7\. Drop them"):
        cross_gram(np.ones((5, 2)), np.array([3, 3, 7, 7, 3]), np.array([0, 1, 1, 1, 2]))


def test_cross_gram_refuses_no_trials():
    with pytest.raises(DesignError, match="there are no trials"):
        cross_gram(np.ones((0, 2)), np.array([], dtype=int), np.array([], dtype=int))


def trials(stimulus, block=None):
    x = xr.DataArray(np.zeros((len(stimulus), 2)), dims=("trial", "unit"), coords={"stimulus": ("trial", stimulus)})
    return x if block is None else x.assign_coords(block=("trial", block))


def test_folds_are_blocks_when_every_stimulus_lies_in_two_of_them():
    folds, kind = fold_labels(trials([0, 1, 0, 1], block=[5.0, 5.0, 9.0, 9.0]))
    assert kind == "block"
    assert folds.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("block", [None, [1, 1, 1, 1], [1, 2, 1, 3]])
def test_folds_are_trials_otherwise(block):
    folds, kind = fold_labels(trials(["a", "b", "a", "b"], block=block))
    assert kind == "trial"
    assert folds.tolist() == [0, 1, 2, 3]


def test_folds_need_the_stimulus_of_each_trial():
    with pytest.raises(DimensionError, match=r"rdm needs the coordinate 'stimulus'.*assign_coords"):
        fold_labels(trials([0, 1]).drop_vars("stimulus"), step="rdm")
