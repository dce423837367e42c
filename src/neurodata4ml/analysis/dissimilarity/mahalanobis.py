"""The Mahalanobis distance of mean responses: differences weighed by the noise of units, and by what they share."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodata4ml.analysis.dissimilarity.means import distances_of_gram, euclidean, without_means
from neurodata4ml.analysis.dissimilarity.whitening import Whitened, as_precision, whiten
from neurodata4ml.analysis.dissimilarity.wide import columns
from neurodata4ml.analysis.linear.stimuli import stimulus_means, sum_rows


def mahalanobis(
    values: Any,
    labels: np.ndarray | None = None,
    folds: np.ndarray | None = None,
    precision: str | np.ndarray = "ledoit-wolf",
) -> np.ndarray:
    """Squared Mahalanobis distance of means over the number of units, ``(b_i - b_j) S^-1 (b_i - b_j)' / P``.

    Not cross-validated: noise in the means adds to it (Walther et al. 2016, NeuroImage 137:188, eq. 7).

    Parameters
    ----------
    values : ndarray (n_trials, n_units), ``wide.Columns`` of it, or ``Whitened`` trials
    labels : ndarray (n_trials,), optional
        The stimulus of each trial. Without, rows are means already, and ``precision`` is a matrix.
    folds
        Not used: no product is left out.
    precision : str or ndarray (n_units, n_units)
        A key of ``PRECISIONS``, or the inverse noise covariance itself.

    Returns
    -------
    ndarray (n_stimuli, n_stimuli); without unit where the precision is estimated; stimuli in sorted order
    """
    if labels is None:
        values = columns(values)
        return euclidean(values.block() @ np.linalg.cholesky(as_precision(precision, values.shape[-1])))
    white = values if isinstance(values, Whitened) else whiten(columns(values), labels, precision)
    if white.gram is not None:
        stimuli, code, count = np.unique(labels, return_inverse=True, return_counts=True)
        gram = sum_rows(sum_rows(white.gram, code, len(stimuli)).T, code, len(stimuli)).T / np.outer(count, count)
        distances = distances_of_gram(gram)
    else:
        gram = np.zeros((1, 1))
        for block in white.values:
            means = without_means(stimulus_means(block, labels)[1])
            gram = gram + means @ means.T
        distances = distances_of_gram(gram)
    return np.asarray(np.maximum(distances, 0.0) / white.n_units)
