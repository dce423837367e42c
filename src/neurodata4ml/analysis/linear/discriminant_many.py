"""Linear discriminants of many labellings: each takes its class means out of one Gram matrix."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neurodata4ml.analysis.linear.evidence import Labelled, Solution
from neurodata4ml.analysis.linear.gram import Bin, Frame, diagonal
from neurodata4ml.analysis.linear.lapack import cholesky, cholesky_solve

LEDOIT_WOLF = "ledoit-wolf"

_CHUNK = 4_000_000
"""Numbers held at once by one thread (32 MB)."""

_MANY_CLASSES = 16
"""From more classes on, one product of each sample is quicker than a matrix product with all of their means."""


@dataclass(frozen=True)
class Shared:
    """What labellings of a fold share: its frame, the bin, the rows of its training samples, their squared norms."""

    frame: Frame
    bin_: Bin
    rows: np.ndarray
    squared: np.ndarray

    @property
    def test(self) -> np.ndarray:
        """Coordinates of the test samples."""
        return self.frame.test


@dataclass(frozen=True)
class Discriminants:
    """LDA with equal priors (see ``LeastSquaresLDA``) for many labellings.

    The covariance within classes is ``(G - M' N M) / n``: the Gram matrix that all labellings share, less the class
    means of this one. For few classes that is a change of low rank, solved in the eigenvectors of G, in which any
    shrinkage is diagonal (Woodbury's identity; Golub & Van Loan 2013, 2.1.4).
    """

    n_classes: int
    n_sets: int
    shrinkage: str | float

    @property
    def n_outputs(self) -> int:
        """One column of evidence per class."""
        return self.n_classes

    def prepare(self, frame: Frame, bin_: Bin, rows: np.ndarray) -> Shared:
        """Turn to the eigenvectors where that pays; for shrinkage, take the squared norms of the samples."""
        squared = frame.squared_norms(bin_, rows) if self.shrinkage == LEDOIT_WOLF else np.zeros(0)
        q = len(frame.gram)
        # eigh costs about as much as 30 Cholesky factorisations; each labelling then saves one
        if frame.gram.ndim == 2 and 3 * self.n_classes < q and self.n_sets > 40:
            frame = diagonal(frame)
        return Shared(frame, bin_, rows, squared)

    def solve(self, shared: Shared, labelled: Labelled) -> Solution:
        """Return weights and offsets of every class."""
        labelled = replace(labelled, frame=shared.frame)
        means = labelled.sums / np.maximum(labelled.totals, 1.0)[..., None]
        coef = np.empty_like(means)
        step = max(1, _CHUNK // max(1, shared.frame.n * self.n_classes))
        for start in range(0, len(means), step):
            some = slice(start, start + step)
            coef[some] = self._weights(shared, means[some], labelled.totals[some], labelled.labels[some])
        return Solution(coef, -0.5 * np.einsum("scq,scq->sc", means, coef))

    def _weights(self, shared: Shared, means: np.ndarray, counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
        frame = shared.frame
        rooted = np.sqrt(counts)[..., None] * means
        inner = rooted @ rooted.swapaxes(1, 2)
        spectrum = frame.gram if frame.gram.ndim == 1 else frame.gram.diagonal()
        total = float(spectrum.sum())
        within = np.maximum(total - np.trace(inner, axis1=1, axis2=2), 0.0)
        if frame.gram.ndim == 1:
            norm = spectrum @ spectrum - 2 * ((rooted**2).sum(axis=1) @ spectrum) + (inner**2).sum(axis=(1, 2))
            scatter = None
        else:
            scatter = frame.gram - rooted.swapaxes(1, 2) @ rooted
            norm = np.einsum("sij,sij->s", scatter, scatter)
        strength = self._strength(shared, means, labels, within, norm)
        noiseless = within <= 1e-14 * total
        # no noise at all around the class means: the nearest mean, in plain distance
        ridge = np.where(noiseless, 1.0, strength * within / (max(frame.n_heard, 1) * frame.n))
        keep = np.where(noiseless, 0.0, 1 - strength) / frame.n
        if scatter is not None:
            return np.stack([_direct(s, m, k, r) for s, m, k, r in zip(scatter, means, keep, ridge, strict=True)])
        return _low_rank(spectrum, rooted, means, keep, ridge)

    def _strength(
        self, shared: Shared, means: np.ndarray, labels: np.ndarray, within: np.ndarray, norm: np.ndarray
    ) -> np.ndarray:
        """Return the shrinkage of each labelling; see ``discriminant._ledoit_wolf``."""
        n, p = shared.frame.n, shared.frame.n_heard
        if self.shrinkage != LEDOIT_WOLF:
            return np.full(len(means), float(self.shrinkage))
        quartic = _quartic(shared, means, labels)
        spread = norm / n**2 - (within / n) ** 2 / max(p, 1)
        error = (quartic / n - norm / n**2) / n
        return np.where(spread > 0, np.clip(error / np.where(spread > 0, spread, 1.0), 0.0, 1.0), 1.0)


def _quartic(shared: Shared, means: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the sum over samples of the fourth power of their distance to their class mean, per labelling."""
    n_sets, n_classes, q = means.shape
    frame, bin_, rows, sets = shared.frame, shared.bin_, shared.rows, np.arange(n_sets)[:, None]
    if n_classes > _MANY_CLASSES:
        own = [frame.project_own(m, each, bin_, rows) for m, each in zip(means, labels, strict=True)]
        squared = -2 * np.stack(own).astype(np.float64)
    else:
        across = frame.project(means.reshape(n_sets * n_classes, q), bin_, rows).reshape(-1, n_sets, n_classes)
        squared = -2 * across[np.arange(len(across)), sets, labels].astype(np.float64)
    squared += shared.squared + np.einsum("scq,scq->sc", means, means)[sets, labels]
    return np.asarray(np.einsum("si,si->s", squared, squared))


def _direct(scatter: np.ndarray, means: np.ndarray, keep: float, ridge: float) -> np.ndarray:
    """Return weights (n_classes, n_axes) by one factorisation."""
    if len(scatter) == 0:
        return np.zeros(means.shape)
    covariance = keep * scatter
    covariance[np.diag_indices(len(covariance))] += ridge
    try:
        factor = cholesky(covariance)
        pivots = factor.diagonal() ** 2
        if len(pivots) == 0 or pivots.min() > 1e-11 * covariance.diagonal().max():
            return cholesky_solve(factor, means.T).T
    except np.linalg.LinAlgError:
        pass
    # duplicate units, or too few samples, make it singular: the shortest solution gives them no weight
    return np.asarray(np.linalg.lstsq(covariance, means.T, rcond=None)[0].T)


def _low_rank(
    spectrum: np.ndarray, rooted: np.ndarray, means: np.ndarray, keep: np.ndarray, ridge: np.ndarray
) -> np.ndarray:
    """Return weights (n_sets, n_classes, n_axes): a diagonal, less the class means of each labelling."""
    diagonal_ = keep[:, None] * spectrum + ridge[:, None]
    safe = diagonal_.min(axis=1) > 1e-11 * diagonal_.max(axis=1)
    inverse = 1 / np.where(safe[:, None], diagonal_, 1.0)
    scaled = rooted * inverse[:, None]
    core = np.eye(rooted.shape[1]) - keep[:, None, None] * (scaled @ rooted.swapaxes(1, 2))
    safe &= np.linalg.eigvalsh(core)[:, 0] > 1e-5
    core[~safe] = np.eye(rooted.shape[1])
    coef = means * inverse[:, None]
    coef += keep[:, None, None] * np.linalg.solve(core, scaled @ means.swapaxes(1, 2)).swapaxes(1, 2) @ scaled
    for i in np.flatnonzero(~safe):
        coef[i] = _direct(np.diag(spectrum) - rooted[i].T @ rooted[i], means[i], float(keep[i]), float(ridge[i]))
    return coef
