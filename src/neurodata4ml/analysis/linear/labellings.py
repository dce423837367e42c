"""Sums of responses by label, for many labellings of the same samples: all that a linear decoder reads of labels."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array


def label_sums(labels: np.ndarray, values: np.ndarray, n_classes: int) -> np.ndarray:
    """Return ``Y' X`` for every labelling, Y one-hot or given.

    Parameters
    ----------
    labels : ndarray of int (n_sets, n_samples), or of float (n_sets, n_samples, n_outputs)
        The class of each sample, or its targets where ``n_classes`` is 0.
    values : ndarray (n_samples, n_columns)
    n_classes : int

    Returns
    -------
    ndarray (n_sets, n_classes or n_outputs, n_columns), of the type of ``values``
    """
    n_sets, n_samples = labels.shape[:2]
    if n_classes == 0:
        by_output = (
            labels.transpose(0, 2, 1).reshape(n_sets * labels.shape[2], n_samples).astype(values.dtype, copy=False)
        )
        return np.asarray(by_output @ values).reshape(n_sets, labels.shape[2], values.shape[1])
    rows = (np.arange(n_sets)[:, None] * n_classes + labels).ravel()
    columns = np.tile(np.arange(n_samples), n_sets)
    ones = np.ones(len(rows), dtype=values.dtype)
    member = csr_array((ones, (rows, columns)), shape=(n_sets * n_classes, n_samples))
    return np.asarray(member @ values).reshape(n_sets, n_classes, values.shape[1])


def label_totals(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the samples of each class, or the sum of each target: (n_sets, n_classes or n_outputs)."""
    if n_classes == 0:
        return np.asarray(labels.sum(axis=1, dtype=np.float64))
    n_sets = len(labels)
    cell = np.arange(n_sets)[:, None] * n_classes + labels
    return np.bincount(cell.ravel(), minlength=n_sets * n_classes).reshape(n_sets, n_classes).astype(np.float64)
