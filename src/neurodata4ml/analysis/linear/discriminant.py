"""Linear discriminant analysis in closed form: one covariance for all classes, shrunk, solved once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from neurodata4ml.analysis.linear.across import across_evidence
from neurodata4ml.analysis.linear.discriminant_many import Discriminants
from neurodata4ml.analysis.linear.evidence import Evidence, Kept, gather_evidence, make_job
from neurodata4ml.analysis.linear.stimuli import sum_rows

LEDOIT_WOLF = "ledoit-wolf"


class LeastSquaresLDA(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Assign each trial to the class whose mean is nearest in units of the noise within classes.

    With class means m_c and the covariance S of trials around their class mean (pooled over all trials),
    ``S* = (1 - s) S + s tr(S)/p I`` and a trial x goes to ``argmax_c  x' S*^-1 m_c - m_c' S*^-1 m_c / 2``: every
    class is equally likely beforehand, so that a frequent class is not preferred. Equals scikit-learn's
    ``LinearDiscriminantAnalysis(solver="lsqr", shrinkage=s)`` where it is told the same (Hastie et al. 2009, 4.3).
    Units that never change in the training trials are left out: they get no weight and add nothing to tr(S)/p.

    Parameters
    ----------
    shrinkage : "ledoit-wolf" or float in [0, 1]
        How far the covariance is pulled to equal, uncorrelated variances. "ledoit-wolf" (Ledoit & Wolf 2004, J.
        Multivar. Anal. 88:365) reads it off the pooled residuals: much with few trials, little with many.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    coef_ : ndarray (n_classes, n_units)
    intercept_ : ndarray (n_classes,)
    shrinkage_ : float
    """

    def __init__(self, shrinkage: str | float = LEDOIT_WOLF) -> None:
        """Keep the parameters; all else happens in ``fit``."""
        self.shrinkage = shrinkage

    def fit(self, X: Any, y: Any) -> LeastSquaresLDA:
        """Learn from X (n_trials, n_units) with labels y (n_trials,)."""
        self.classes_, codes = np.unique(np.asarray(y), return_inverse=True)
        X = np.asarray(X, dtype=np.float64)
        centre, heard = X.mean(axis=0), _heard(X)
        trials = _describe(X[:, heard] - centre[heard])
        means = _class_means(trials.values, codes, len(self.classes_))
        coef, offset, self.shrinkage_ = _solve(trials, codes, means, self.shrinkage)
        self.coef_ = np.zeros((len(self.classes_), X.shape[1]))
        self.coef_[:, heard] = coef
        self.intercept_ = offset - self.coef_ @ centre
        self.n_features_in_ = X.shape[1]
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the evidence for each class (n_trials, n_classes); for two classes, for the second (n_trials,)."""
        evidence = np.asarray(X, dtype=np.float64) @ self.coef_.T + self.intercept_
        return np.asarray(evidence[:, 1] - evidence[:, 0] if len(self.classes_) == 2 else evidence)

    def predict(self, X: Any) -> np.ndarray:
        """Return the label of the nearest class for each row of X."""
        evidence = np.asarray(X, dtype=np.float64) @ self.coef_.T + self.intercept_
        return np.asarray(self.classes_[evidence.argmax(axis=1)])


def lda_evidence(
    x: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    codes: np.ndarray,
    n_classes: int,
    *,
    shrinkage: str | float = LEDOIT_WOLF,
    standardise: bool = True,
    across_times: bool = False,
    dtype: Any = np.float64,
    n_jobs: int | None = None,
    keep: Kept | None = None,
) -> Iterator[Evidence]:
    """Yield the evidence for each class in held-out samples, for every labelling, fold and bin of time.

    Parameters
    ----------
    x : ndarray (n_times, n_samples, n_units)
    folds : sequence of (train, test)
        Positions of samples.
    codes : ndarray of int (n_sets, n_samples)
        Class of each sample, 0 to ``n_classes - 1``, in each labelling.
    """
    learner = Discriminants(n_classes, len(codes), shrinkage)
    job = make_job(np.asarray(x), folds, codes, learner, standardise=standardise, dtype=dtype, n_jobs=n_jobs, keep=keep)
    yield from across_evidence(job) if across_times else gather_evidence(job)


@dataclass(frozen=True)
class _Trials:
    """Centred trials (n_trials, n_units), with what every labelling of them shares."""

    values: np.ndarray
    gram: np.ndarray
    squared_norm: np.ndarray


def _heard(values: np.ndarray) -> np.ndarray:
    """Return which units change at all; rounding does not count as change."""
    return np.asarray(
        values.std(axis=0) > 10 * np.finfo(np.float64).eps * np.maximum(np.abs(values).max(axis=0), 1e-300)
    )


def _describe(values: np.ndarray) -> _Trials:
    return _Trials(values, values.T @ values, np.einsum("ij,ij->i", values, values))


def _class_means(values: np.ndarray, codes: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the mean of each class (n_classes, n_columns); zero for a class without trials."""
    counts = np.bincount(codes, minlength=n_classes)
    return np.asarray(sum_rows(values, codes, n_classes) / np.maximum(counts, 1)[:, None])


def _solve(
    trials: _Trials, codes: np.ndarray, means: np.ndarray, shrinkage: str | float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return coefficients (n_classes, n_units), intercepts (n_classes,) and the shrinkage used."""
    n_trials, n_units = trials.values.shape
    counts = np.bincount(codes, minlength=len(means))
    covariance = (trials.gram - (means * counts[:, None]).T @ means) / n_trials
    mean_variance = float(np.trace(covariance)) / max(n_units, 1)
    strength = _ledoit_wolf(trials, codes, means, covariance) if shrinkage == LEDOIT_WOLF else float(shrinkage)
    if mean_variance * n_units * n_trials <= 1e-14 * float(np.trace(trials.gram)):
        # no noise at all around the class means: the nearest mean, in plain distance
        covariance, mean_variance, strength = np.zeros_like(covariance), 1.0, 1.0
    covariance *= 1 - strength
    covariance[np.diag_indices(n_units)] += strength * mean_variance
    if strength > 1e-10:
        coef = np.linalg.solve(covariance, means.T).T
    else:
        # silent or duplicate units make it singular: the shortest solution gives them no weight
        coef = np.linalg.lstsq(covariance, means.T, rcond=None)[0].T
    intercept = np.where(counts > 0, -0.5 * np.einsum("ij,ij->i", means, coef), -np.inf)
    return coef, intercept, strength


def _ledoit_wolf(trials: _Trials, codes: np.ndarray, means: np.ndarray, covariance: np.ndarray) -> float:
    """Return the shrinkage of Ledoit & Wolf (2004, lemma 3.1 to 3.4) for the residuals around class means."""
    n_trials, n_units = trials.values.shape
    across = np.einsum("ij,ij->i", trials.values, means[codes])
    squared = trials.squared_norm - 2 * across + np.einsum("ij,ij->i", means, means)[codes]
    norm = float(np.einsum("ij,ij->", covariance, covariance))
    spread = norm - float(np.trace(covariance)) ** 2 / max(n_units, 1)
    error = (float(squared @ squared) / n_trials - norm) / n_trials
    return float(np.clip(error / spread, 0.0, 1.0)) if spread > 0 else 1.0
