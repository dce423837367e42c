"""Hyper-parameters chosen inside the training samples, in folds of the same design as those outside."""

from __future__ import annotations

import numpy as np

from neurodata4ml.analysis.decoding.decoders import Chosen
from neurodata4ml.analysis.decoding.fits import decide, fit, predict
from neurodata4ml.analysis.decoding.question import Parts
from neurodata4ml.analysis.decoding.scoring import HeldOut, Score


def inner_parts(parts: Parts, k: int) -> Parts:
    """Return the folds inside the training samples of fold ``k``: the other outer folds, each held out in turn.

    They keep what the outer ones keep (whole blocks, whole stimuli, classes balanced, the gap between training and
    test), and no test sample of fold ``k`` is in them (Varma & Simon 2006, BMC Bioinformatics 7:91).
    """
    learnt = parts[k][0]
    inside = [(np.intersect1d(train, learnt), np.intersect1d(test, learnt)) for j, (train, test) in _others(parts, k)]
    return [(train, test) for train, test in inside if len(train) and len(test)]


def choose(chosen: Chosen, score: Score, X: np.ndarray, y: np.ndarray, parts: Parts, n_classes: int) -> int:
    """Return which candidate has the best mean score over inner folds; the first of equals.

    Parameters
    ----------
    X : ndarray (n_samples, n_units)
    y : ndarray (n_samples,)
        One labelling, codes or values.
    parts : list of (train, test)
        The inner folds; see ``inner_parts``.
    """
    found = np.full((len(chosen.candidates), len(parts)), np.nan)
    for i, parameters in enumerate(chosen.candidates):
        for j, (train, test) in enumerate(parts):
            fitted = fit(chosen, parameters, X[train], y[train])
            held = HeldOut(
                sets=np.zeros(1, dtype=np.int64),
                times=slice(0, 1),
                repeat=0,
                fold=j,
                test=np.arange(len(test)),
                predicted=predict(fitted, X[test], y[train])[None, None],
                decision=decide(fitted, X[test], n_classes)[None, None] if score.decides else None,
                truth=y[test][None],
                reference=np.array([y[train].mean()]),
                n_classes=n_classes,
                n_samples=len(test),
            )
            found[i, j] = score.sign * score.value(score.parts(held))[0, 0]
    # a fold in which a shuffle left one class has no AUC, for any candidate
    known = ~np.isnan(found).any(axis=0)
    return int(found[:, known].mean(axis=1).argmax()) if known.any() else 0


def _others(parts: Parts, k: int) -> list[tuple[int, tuple[np.ndarray, np.ndarray]]]:
    return [(j, part) for j, part in enumerate(parts) if j != k]
