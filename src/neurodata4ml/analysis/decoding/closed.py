"""Decoders in closed form: what does not depend on labels is computed once for all labellings of a fold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.special import logsumexp

from neurodata4ml.analysis.decoding.bayes import bayes_evidence
from neurodata4ml.analysis.decoding.decoders import Chosen
from neurodata4ml.analysis.decoding.pieces import Fold, cleaned, piece
from neurodata4ml.analysis.decoding.question import Question
from neurodata4ml.analysis.decoding.scoring import HeldOut
from neurodata4ml.analysis.linear.discriminant import lda_evidence
from neurodata4ml.analysis.linear.discriminant_many import Discriminants
from neurodata4ml.analysis.linear.evidence import Evidence, Kept, Learner
from neurodata4ml.analysis.linear.ridge import ridge_evidence
from neurodata4ml.analysis.linear.ridge_many import Ridge
from neurodata4ml.analysis.linear.ridge_weighted import WeightedRidge
from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.analysis.linear.whole import read_whole, whole_bin

_CHUNK = 4_000_000
"""Numbers held at once: responses free of confounds, or decision values (32 MB)."""


def solve(
    question: Question,
    chosen: Chosen,
    folds: list[Fold],
    *,
    decides: bool,
    across_times: bool,
    n_jobs: int | None,
    keep: Kept | None = None,
) -> Iterator[HeldOut]:
    """Yield the predictions of all folds, which share their labellings; see ``held_out``.

    Where confounds are taken out, responses differ between folds, and each fold is solved by itself.
    """
    shared = question.confounds is None
    keep = keep if shared else None
    for some in [folds] if shared else [[fold] for fold in folds]:
        for times in [slice(0, len(question.responses))] if shared or across_times else _chunks(question):
            x = question.responses if shared else cleaned(question, some[0].train, times)
            for found in _evidence(question, chosen, x, some, across_times=across_times, n_jobs=n_jobs, keep=keep):
                fold = some[found.fold]
                here = slice(times.start + found.times.start, times.start + found.times.stop)
                yield _held(question, chosen, fold, replace(found, times=here), decides=decides)


def _evidence(
    question: Question,
    chosen: Chosen,
    x: np.ndarray,
    folds: list[Fold],
    *,
    across_times: bool,
    n_jobs: int | None,
    keep: Kept | None,
) -> Iterator[Evidence]:
    labels, parts = question.sets[folds[0].sets], [(fold.train, fold.test) for fold in folds]
    if chosen.closed == "bayes":
        return _bayes(x, folds, labels, question.n_classes, across_times=across_times, n_jobs=n_jobs)
    if chosen.closed == "lda":
        strength = chosen.estimator[-1].shrinkage
        return lda_evidence(
            x,
            parts,
            labels,
            question.n_classes,
            shrinkage=strength,
            across_times=across_times,
            n_jobs=n_jobs,
            keep=keep,
        )
    many = len(chosen.candidates) > 1
    strengths = _strengths(chosen)
    return ridge_evidence(
        x,
        parts,
        labels if question.n_classes else labels[..., None],
        n_classes=question.n_classes,
        alpha=strengths if many else float(strengths[0]),
        inner=[fold.inner for fold in folds] if many and not chosen.leave_one_out else None,
        balanced=bool(question.n_classes) and chosen.balanced,
        across_times=across_times,
        n_jobs=n_jobs,
        keep=keep,
    )


def read(question: Question, chosen: Chosen, best: int, kept: Kept) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and patterns of the decoder fitted on all samples; see ``result.read_from``.

    The same as those of the estimator, but from the sums that its folds were taken from, where these were kept.

    Parameters
    ----------
    best : int
        Which candidate.
    kept : list
        See ``Kept``.

    Returns
    -------
    (weights, patterns) : ndarrays (n_classes, n_units), or (n_units,) for a continuous target
    """
    n_classes, labels = question.n_classes, question.truth
    bin_, part = kept[0] if kept else whole_bin(cleaned(question, np.arange(len(labels)), slice(0, 1))[0])
    learner: Learner
    if chosen.closed == "lda":
        learner = Discriminants(n_classes, 1, chosen.estimator[-1].shrinkage)
    elif n_classes and chosen.balanced:
        learner = WeightedRidge(n_classes, _strengths(chosen)[best : best + 1])
    else:
        learner = Ridge(n_classes, max(n_classes, 1), float(_strengths(chosen)[best]), hat=False)
    weights, patterns = read_whole(bin_, part, labels if n_classes else labels[:, None], learner)
    if n_classes == 2 and chosen.closed == "ridge":
        # one output decides between two classes, whose weights it shares
        weights, patterns = weights / 2, patterns * 2
    return (weights, patterns) if n_classes else (weights[0], patterns[0])


def _held(question: Question, chosen: Chosen, fold: Fold, found: Evidence, *, decides: bool) -> HeldOut:
    values = np.asarray(found.values, dtype=np.float64)
    if not question.n_classes:
        return piece(question, fold, fold.sets[found.sets], found.times, values[..., 0], picked=_picked(chosen, found))
    if not decides:
        decision = None
    else:
        decision = values if chosen.closed == "ridge" or question.n_classes == 2 else _log_odds(values)
    return piece(
        question,
        fold,
        fold.sets[found.sets],
        found.times,
        values.argmax(axis=-1),
        decision=decision,
        picked=_picked(chosen, found),
    )


def _picked(chosen: Chosen, found: Evidence) -> np.ndarray | None:
    if found.chosen is None:
        return None
    return np.asarray(np.abs(np.log(found.chosen[..., None] / _strengths(chosen))).argmin(axis=-1))


def _strengths(chosen: Chosen) -> np.ndarray:
    name = f"{chosen.estimator.steps[-1][0]}__alpha"
    fixed = chosen.estimator.get_params()[name]
    return np.array([parameters.get(name, fixed) for parameters in chosen.candidates], dtype=np.float64)


def _log_odds(values: np.ndarray) -> np.ndarray:
    """Turn log likelihoods (..., n_classes) into log odds of each class against all others, which samples share."""
    out = np.empty_like(values)
    for c in range(values.shape[-1]):
        out[..., c] = values[..., c] - logsumexp(np.delete(values, c, axis=-1), axis=-1)
    return out


def _bayes(
    x: np.ndarray, folds: list[Fold], labels: np.ndarray, n_classes: int, *, across_times: bool, n_jobs: int | None
) -> Iterator[Evidence]:
    for k, fold in enumerate(folds):
        n_tests = len(fold.test) * (len(x) if across_times else 1)
        step = max(1, _CHUNK // max(1, n_tests * n_classes))
        for start in range(0, len(labels), step):
            sets = slice(start, min(start + step, len(labels)))

            def one(t: int, fold: Fold = fold, sets: slice = sets) -> np.ndarray:
                tell = x[:, fold.test] if across_times else x[t, fold.test]
                return bayes_evidence(x[t, fold.train], tell, labels[sets][:, fold.train], n_classes)

            every = max(1, step // (sets.stop - sets.start))
            for first in range(0, len(x), every):
                times = range(first, min(first + every, len(x)))
                values = np.stack(in_threads(one, times, n_jobs=n_jobs), axis=1)
                yield Evidence(slice(times.start, times.stop), sets, k, fold.test, values)


def _chunks(question: Question) -> Iterator[slice]:
    n_times, n_samples, n_units = question.responses.shape
    step = max(1, _CHUNK // max(1, n_samples * n_units))
    for start in range(0, n_times, step):
        yield slice(start, min(start + step, n_times))
