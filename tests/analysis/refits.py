"""Decoders fitted again for every labelling, fold and bin by scikit-learn: what the shared algebra must equal."""

from __future__ import annotations

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold


def responses(n_times=2, n_samples=90, n_units=8, n_classes=3, *, effect=0.7, seed=0):
    """Return responses (time, sample, unit) that know of the codes (n_samples,) of unequal classes, and these."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(rng.choice(n_classes, n_samples, p=np.arange(1, n_classes + 1) / sum(range(n_classes + 1))))
    codes[:n_classes] = np.arange(n_classes)
    mix = rng.normal(size=(n_units, n_units)) / np.sqrt(n_units)
    x = rng.normal(size=(n_times, n_samples, n_units)) @ mix + 5 + 10 * rng.random(n_units)
    return x + effect * rng.normal(size=(n_classes, n_units))[codes], codes


def labellings(codes, n_sets, seed=1):
    """Return the codes and shuffles of them (n_sets, n_samples)."""
    rng = np.random.default_rng(seed)
    return np.stack([codes, *(rng.permutation(codes) for _ in range(n_sets - 1))])


FOLDS = {
    "contiguous": lambda n: list(KFold(4).split(np.zeros(n))),
    "shuffled": lambda n: list(KFold(4, shuffle=True, random_state=0).split(np.zeros(n))),
    "purged": lambda n: [
        (np.setdiff1d(np.arange(n), np.arange(test[0] - 5, test[-1] + 6)), test)
        for _, test in KFold(4).split(np.zeros(n))
    ],
    "some left out": lambda n: [
        (train[train % 7 != 0], test[test % 7 != 0]) for train, test in KFold(3).split(np.zeros(n))
    ],
    "twice": lambda n: [
        fold for seed in (0, 1) for fold in KFold(3, shuffle=True, random_state=seed).split(np.zeros(n))
    ],
    "one": lambda n: [(np.arange(n // 3), np.arange(n - 1, n // 2, -2))],
}
"""Folds of n samples: partitions or not, the training samples the complement of the test or not."""


def collected(pieces, folds, n_sets, n_times):
    """Return {(set, time, fold): values}, and check that each comes once, with its own test samples."""
    found = {}
    for piece in pieces:
        assert np.array_equal(piece.test, folds[piece.fold][1])
        sets, times = range(n_sets)[piece.sets], range(n_times)[piece.times]
        assert piece.values.shape[:2] == (len(sets), len(times))
        for i, s in enumerate(sets):
            for j, t in enumerate(times):
                assert (s, t, piece.fold) not in found
                found[s, t, piece.fold] = piece.values[i, j]
    assert len(found) == n_sets * n_times * len(folds)
    return found


def refitted(estimator, x, folds, labels):
    """Return {(set, time, fold): the estimator fitted there}."""
    return {
        (s, t, k): clone(estimator).fit(x[t, train], one[train])
        for s, one in enumerate(labels)
        for t in range(len(x))
        for k, (train, _) in enumerate(folds)
    }
