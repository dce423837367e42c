"""Ridge of many labellings: one factorisation, and all predictions as one matrix product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.linear.evidence import Labelled, Solution
from neurodata4ml.analysis.linear.gram import Bin, Frame
from neurodata4ml.analysis.linear.lapack import cholesky, cholesky_solve


@dataclass(frozen=True)
class Shared:
    """What labellings of a fold share: the frame, its bin and training rows, a factor, and what multiplies weights."""

    frame: Frame
    bin_: Bin
    rows: np.ndarray
    test: np.ndarray
    factor: np.ndarray | None = None
    hat: bool = False


@dataclass(frozen=True)
class Ridge:
    """Ridge with one penalty: ``(Z'Z + alpha I) b = Z'(y - mean y)``, the intercept unpenalised.

    A classifier's targets are 1 for its own class and -1 for any other, as in scikit-learn's ``RidgeClassifier``.
    ``hat``: predictions are ``H Z'y`` with ``H = Z_test (Z'Z + alpha I)^-1``, worth it where there are more labels to
    predict from than test samples.
    """

    n_classes: int
    n_outputs: int
    alpha: float
    hat: bool

    def prepare(self, frame: Frame, bin_: Bin, rows: np.ndarray) -> Shared:
        """Factorise; multiply the test samples by the inverse where labellings are many."""
        if frame.gram.ndim == 1:
            test = frame.test / (frame.gram + self.alpha) if self.hat else frame.test
            return Shared(frame, bin_, rows, test, None, self.hat)
        factor = factorise(frame.gram, self.alpha)
        if not self.hat:
            return Shared(frame, bin_, rows, frame.test, factor)
        hat = cholesky_solve(factor, frame.test.T.astype(np.float64)).T
        if frame.own is None:
            hat = _from_raw(frame, hat, bin_.values.shape[1], 2.0 if self.n_classes else 1.0)
        return Shared(frame, bin_, rows, hat, factor, True)

    def solve(self, shared: Shared, labelled: Labelled) -> Solution:
        """Return weights and offsets of every output."""
        offset = means_of_targets(labelled)
        if shared.hat and labelled.raw is not None:
            extra = np.stack([labelled.totals, offset], axis=-1).astype(labelled.raw.dtype)
            return Solution(np.concatenate([labelled.raw, extra], axis=-1), None)
        sums = products_with_targets(labelled)
        if shared.hat:
            return Solution(sums, offset)
        if shared.factor is None:
            return Solution(sums / (shared.frame.gram + self.alpha), offset)
        flat = sums.reshape(sums.shape[0] * sums.shape[1], sums.shape[2])
        return Solution(cholesky_solve(shared.factor, flat.T).T.reshape(sums.shape), offset)


def means_of_targets(labelled: Labelled) -> np.ndarray:
    """Return the mean target (n_sets, n_outputs) of the training samples."""
    mean = labelled.totals / labelled.frame.n
    return 2 * mean - 1 if labelled.n_classes else mean


def products_with_targets(labelled: Labelled) -> np.ndarray:
    """Return ``Z'y`` (n_sets, n_outputs, n_axes): twice the class sums for targets of 1 and -1, since Z has mean 0."""
    return 2 * labelled.sums if labelled.n_classes else labelled.sums


def factorise(gram: np.ndarray, alpha: float) -> np.ndarray:
    """Return the lower Cholesky factor of ``gram + alpha I``."""
    penalised = gram.copy()
    penalised[np.diag_indices(len(gram))] += alpha
    return cholesky(penalised)


def _from_raw(frame: Frame, hat: np.ndarray, n_units: int, times: float) -> np.ndarray:
    """Turn a hat of coordinates into one of raw label sums, label totals and mean targets (n_test, n_units + 2)."""
    result = np.zeros((len(hat), n_units + 2))
    result[:, frame.heard] = times * hat / frame.scale
    result[:, n_units] = -result[:, frame.heard] @ frame.mean
    result[:, n_units + 1] = 1.0
    return result
