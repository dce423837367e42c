"""Poisson naive Bayes: the class under which spike counts are most likely, units being independent given the class."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from neurodata4ml.errors import DesignError


class PoissonBayes(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify spike counts by their Poisson likelihood.

    With ``r_cu`` the mean count of unit u in class c, ``log p(c | x) = log p(c) + sum_u (x_u log r_cu - r_cu) + const``
    (Sanger 1996, J. Neurophysiol. 76:2790; Zhang et al. 1998, J. Neurophysiol. 79:1017, eq. 36). A mean over n bins of
    equal length, in place of the count, leaves the most likely class the same under equal class priors, and makes the
    probabilities those of a single bin.

    Parameters
    ----------
    prior : float
        ``r_cu`` is drawn to the mean of unit u over classes as by so many trials of it (the mean of a gamma posterior):
        a unit silent in a class then makes a single spike unlikely there, not impossible.
    class_prior : "uniform", "observed" or sequence of float
        "uniform": a frequent class is not preferred. "observed": frequencies in training.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
    rates_ : ndarray (n_classes, n_units)
        Expected count per sample.
    class_log_prior_ : ndarray (n_classes,)
    """

    def __init__(self, prior: float = 1.0, class_prior: Any = "uniform") -> None:
        """Keep the parameters; all else happens in ``fit``."""
        self.prior = prior
        self.class_prior = class_prior

    def fit(self, X: Any, y: Any) -> PoissonBayes:
        """Learn the rates from X (n_trials, n_units), counts, with labels y (n_trials,)."""
        X, y = require_counts(X), np.asarray(y)
        require_prior(self.prior, "PoissonBayes")
        self.classes_, codes = np.unique(y, return_inverse=True)
        counts = np.bincount(codes).astype(np.float64)
        # y's own classes on rows, so that one product makes the sums of all classes
        sums = (codes == np.arange(len(self.classes_))[:, None]).astype(np.float64) @ X
        self.rates_ = expected(sums, counts, X.mean(axis=0), self.prior)
        self.class_log_prior_ = self._log_prior(counts)
        self.n_features_in_ = X.shape[1]
        return self

    def predict_joint_log_proba(self, X: Any) -> np.ndarray:
        """Return ``log p(x, c)`` but for what is the same in all classes, shape (n_trials, n_classes)."""
        check_is_fitted(self)
        X = require_counts(X)
        return np.asarray(log_likelihood(X, self.rates_) + self.class_log_prior_)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return ``log p(c | x)``, shape (n_trials, n_classes)."""
        joint = self.predict_joint_log_proba(X)
        return np.asarray(joint - logsumexp(joint, axis=1, keepdims=True))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return ``p(c | x)``, shape (n_trials, n_classes); too sure of itself where units are correlated."""
        return np.asarray(np.exp(self.predict_log_proba(X)))

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the evidence for each class (n_trials, n_classes); for two, log odds of the second (n_trials,)."""
        joint = self.predict_joint_log_proba(X)
        return np.asarray(joint[:, 1] - joint[:, 0] if len(self.classes_) == 2 else joint)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most likely class of each row of X."""
        return np.asarray(self.classes_[self.predict_joint_log_proba(X).argmax(axis=1)])

    def _log_prior(self, counts: np.ndarray) -> np.ndarray:
        named = {"uniform": np.ones(len(counts)), "observed": counts}
        given = self.class_prior
        weights = named.get(given) if isinstance(given, str) else np.asarray(given, dtype=np.float64)
        if weights is None or weights.shape != counts.shape or np.any(weights < 0) or weights.sum() <= 0:
            message = (
                f'PoissonBayes takes class_prior="uniform", "observed" or one probability for each of the '
                f"{len(counts)} classes; got {self.class_prior!r}."
            )
            raise DesignError(message)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(weights / weights.sum()))


def bayes_evidence(
    train: np.ndarray, test: np.ndarray, codes: np.ndarray, n_classes: int, *, prior: float = 1.0
) -> np.ndarray:
    """Log likelihood of each test trial in each class, for many labellings of the same training trials.

    The same as ``PoissonBayes(prior).fit(train, codes[i])`` again for each labelling; the labels enter through the sums
    of each class only, one product for all labellings.

    Parameters
    ----------
    train : ndarray (n_train, n_units)
    test : ndarray (..., n_test, n_units)
    codes : ndarray of int (n_labellings, n_train)
        Class of each training trial, 0 to ``n_classes - 1``.

    Returns
    -------
    ndarray (n_labellings, ..., n_test, n_classes); -inf for a class without training trials
    """
    train, test = require_counts(train), require_counts(test)
    member = (codes[:, None, :] == np.arange(n_classes)[:, None]).astype(np.float64)
    rates = expected(member @ train, member.sum(axis=2), train.mean(axis=0), prior)
    flat = rates.reshape(-1, rates.shape[-1])
    evidence = log_likelihood(test.reshape(-1, test.shape[-1]), flat).reshape(*test.shape[:-1], len(codes), n_classes)
    evidence = np.moveaxis(evidence, -2, 0)
    absent = member.sum(axis=2) == 0
    evidence[np.broadcast_to(np.expand_dims(absent, tuple(range(1, evidence.ndim - 1))), evidence.shape)] = -np.inf
    return np.ascontiguousarray(evidence)


def expected(sums: np.ndarray, n_samples: np.ndarray, mean: np.ndarray, prior: float) -> np.ndarray:
    """Return ``(sums + prior * mean) / (n_samples + prior)``: sums (..., n_units), n_samples (...), mean (n_units,)."""
    return np.asarray((sums + prior * mean) / (np.asarray(n_samples)[..., None] + prior))


def log_likelihood(counts: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Return ``sum_u x_u log r_u - r_u``, shape (n_samples, n_rates); units silent in training say nothing."""
    logs = np.log(rates, out=np.zeros_like(rates), where=rates > 0)
    return np.asarray(counts @ logs.T - rates.sum(axis=1))


def require_counts(samples: Any) -> np.ndarray:
    """Return counts as floats (n_samples, n_units); refuse what cannot be a count, such as z-scored responses."""
    X: np.ndarray = np.asarray(samples, dtype=np.float64)
    if X.ndim < 2:
        message = f"Poisson decoders take an array (n_samples, n_units); got {X.ndim} dim. Reshape: X.reshape(-1, 1)."
        raise DesignError(message)
    if X.size and not np.min(X) >= 0:
        what = "NaN" if np.isnan(X).any() else f"{X.min():.3g}"
        message = (
            f"Poisson decoders need spike counts or rates, 0 or more; got {what}. Decode the counts themselves, not "
            f'z-scored or baseline-subtracted ones, or use another decoder: decoder="lda".'
        )
        raise DesignError(message)
    return X


def require_prior(prior: float, name: str) -> None:
    """Refuse a prior of 0 or less: a class in which a unit was silent would rule out every spike of it."""
    if not prior > 0:
        message = f"{name} needs a prior above 0 (samples that the overall mean counts for); got {prior!r}. Try 1.0."
        raise DesignError(message)
