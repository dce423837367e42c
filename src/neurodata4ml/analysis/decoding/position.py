"""Bayesian position decoding: tuning curves over bins of a continuous target, turned round by Bayes' rule."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import logsumexp
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from neurodata4ml.analysis.decoding.bayes import expected, log_likelihood, require_counts, require_prior
from neurodata4ml.errors import DesignError

ESTIMATES = ("map", "mean")
PRIORS = ("occupancy", "flat")
_CHUNK = 4_000_000
"""Numbers held at once: samples are decoded in groups of this size (32 MB)."""


class PoissonPosition(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Read a continuous target of one or two columns, such as a place, out of spike counts.

    The range of the target in training is cut into bins b; ``f_u(b)``, the mean count of unit u there, is its tuning
    curve: spikes and time spent are smoothed alike and divided, so that a bin visited often is not a bin of high rate.
    ``log p(b | x) = log p(b) + sum_u (x_u log f_u(b) - f_u(b)) + const`` (Zhang et al. 1998, J. Neurophysiol. 79:1017,
    eq. 36). Bins never visited in training are never decoded.

    Parameters
    ----------
    n_bins : int
        Of equal width, per column. The answer is the centre of a bin, so half a bin is the least error to be had.
    smoothing : float
        Standard deviation of the Gaussian that smooths spikes and time spent, in bins.
    prior : "occupancy" or "flat"
        ``p(b)``: time spent in each bin in training (smoothed alike), or the same for all visited bins.
    estimate : "map" or "mean"
        The most likely bin, or the mean over bins, which has the least squared error but may lie between two places
        that are both likely.
    rate_prior : float
        Each bin's rates are drawn to the unit's mean as by so many samples of it, so that one spike of a unit silent
        there does not rule the bin out.

    Attributes
    ----------
    centres_ : ndarray (n_visited, n_columns)
        Of the bins visited in training.
    rates_ : ndarray (n_visited, n_units)
        Tuning curves: expected count per sample.
    log_prior_ : ndarray (n_visited,)
    """

    def __init__(
        self,
        n_bins: int = 40,
        smoothing: float = 1.5,
        prior: str = "occupancy",
        estimate: str = "map",
        rate_prior: float = 1.0,
    ) -> None:
        """Keep the parameters; all else happens in ``fit``."""
        self.n_bins = n_bins
        self.smoothing = smoothing
        self.prior = prior
        self.estimate = estimate
        self.rate_prior = rate_prior

    def fit(self, X: Any, y: Any) -> PoissonPosition:
        """Learn the tuning curves from counts X (n_samples, n_units) and the target y (n_samples[, 1 or 2])."""
        X, y = require_counts(X), np.asarray(y, dtype=np.float64)
        self._require(y)
        self.one_column_ = y.ndim == 1
        target = y.reshape(len(y), -1)
        n_columns = target.shape[1]
        centres, where = zip(*(_binned(column, self.n_bins) for column in target.T), strict=True)
        shape = tuple(len(c) for c in centres)
        cell = np.ravel_multi_index(where, shape)
        time = np.bincount(cell, minlength=int(np.prod(shape))).astype(np.float64).reshape(shape)
        spikes = np.stack([np.bincount(cell, weights=unit, minlength=time.size) for unit in X.T], axis=-1)
        visited = time.ravel() > 0
        if self.smoothing > 0:
            # zeros beyond the edge for spikes and time alike: their ratio stays a mean
            sd = (self.smoothing,) * n_columns
            time = gaussian_filter(time, sd, mode="constant")
            spikes = gaussian_filter(spikes.reshape(*shape, -1), (*sd, 0), mode="constant").reshape(visited.size, -1)
        spent = time.ravel()[visited]
        self.rates_ = expected(spikes[visited], spent, X.mean(axis=0), self.rate_prior)
        self.centres_ = np.stack([grid.ravel() for grid in np.meshgrid(*centres, indexing="ij")], axis=1)[visited]
        self.log_prior_ = (
            np.log(spent / spent.sum()) if self.prior == "occupancy" else -np.log(np.full_like(spent, spent.size))
        )
        self.n_features_in_ = X.shape[1]
        return self

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the log posterior over visited bins, shape (n_samples, n_visited); see ``centres_``."""
        joint = self._joint(require_counts(X))
        return np.asarray(joint - logsumexp(joint, axis=1, keepdims=True))

    def predict(self, X: Any) -> np.ndarray:
        """Return the decoded target, shape (n_samples[, n_columns]), in its own units."""
        check_is_fitted(self)
        X = require_counts(X)
        step = max(1, _CHUNK // len(self.centres_))
        found = np.empty((len(X), self.centres_.shape[1]))
        for start in range(0, len(X), step):
            some = X[start : start + step]
            if self.estimate == "map":
                found[start : start + step] = self.centres_[self._joint(some).argmax(axis=1)]
            else:
                found[start : start + step] = np.exp(self.predict_log_proba(some)) @ self.centres_
        return found[:, 0] if self.one_column_ else found

    def _joint(self, X: np.ndarray) -> np.ndarray:
        check_is_fitted(self)
        return np.asarray(log_likelihood(X, self.rates_) + self.log_prior_)

    def _require(self, y: np.ndarray) -> None:
        require_prior(self.rate_prior, "PoissonPosition")
        if self.estimate not in ESTIMATES or self.prior not in PRIORS:
            message = (
                f"PoissonPosition knows estimate={' or '.join(ESTIMATES)} and prior={' or '.join(PRIORS)}; "
                f"got {self.estimate!r} and {self.prior!r}."
            )
            raise DesignError(message)
        if y.ndim > 2 or (y.ndim == 2 and y.shape[1] not in (1, 2)):
            message = (
                f"PoissonPosition decodes one or two columns, such as x or (x, y); got a target of shape {y.shape}."
            )
            raise DesignError(message)
        if not np.isfinite(y).all():
            message = (
                f"PoissonPosition: {np.count_nonzero(~np.isfinite(y))} of {y.size} target values are NaN or infinite. "
                f"Leave those samples out: x.isel(time=x.position.notnull().values)."
            )
            raise DesignError(message)


def _binned(column: np.ndarray, n_bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the centres of bins of equal width over the range of the values, and the bin of each value."""
    if n_bins < 1:
        message = f"PoissonPosition needs n_bins of at least 1; got {n_bins!r}. 40 is the default."
        raise DesignError(message)
    low, high = column.min(), column.max()
    width = (high - low) / n_bins
    centres = low + width * (np.arange(n_bins) + 0.5) if width > 0 else np.array([low])
    where = np.minimum((column - low) // width, n_bins - 1) if width > 0 else np.zeros(len(column))
    return centres, where.astype(np.int64)
