"""Means and standard deviations of features in many training sets, from sums over parts that no set divides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TINY = 1e-6
"""Where this little is left of a feature's sum of squares, it is computed again from the training rows alone."""


@dataclass(frozen=True)
class Scales:
    """What turns a feature, measured from ``centre``, into its z-score: ``(x - centre - mean) * factor``.

    ``factor`` is 0 for features that never change in the training rows.
    """

    mean: np.ndarray
    factor: np.ndarray


def scales_of(
    values: np.ndarray, centre: np.ndarray, train: np.ndarray, weights: np.ndarray | None, *, standardise: bool
) -> Scales:
    """Return the scales (n_features,) of some features (n, n_features) in the rows ``train``.

    A feature is silent where its standard deviation there is no more than rounding of its values.
    """
    rows = values[train].astype(np.float64, copy=False)
    largest, first = np.abs(rows).max(axis=0, initial=0.0), rows[0]
    # measured from one of them, equal values differ by nothing at all
    rows = rows - first
    mean = np.average(rows, axis=0, weights=weights)
    rows -= mean
    deviation = np.sqrt(np.average(np.square(rows, out=rows), axis=0, weights=weights))
    return Scales(first - centre + mean, _factor(deviation, largest, standardise=standardise))


def scales_from_sums(
    n: float, sums: np.ndarray, squares: np.ndarray, all_squares: np.ndarray, largest: np.ndarray, *, standardise: bool
) -> tuple[Scales, np.ndarray]:
    """Return the scales from sums and sums of squares of the training rows, and which features are in doubt."""
    mean = sums / n
    varied = squares - n * mean**2
    doubtful = varied <= _TINY * all_squares
    deviation = np.sqrt(np.maximum(varied, 0.0) / n)
    return Scales(mean, _factor(deviation, largest, standardise=standardise)), np.flatnonzero(doubtful)


def _factor(deviation: np.ndarray, largest: np.ndarray, *, standardise: bool) -> np.ndarray:
    heard = deviation > 10 * np.finfo(np.float64).eps * np.maximum(largest, 1e-300)
    factor = np.zeros(len(deviation))
    factor[heard] = 1 / deviation[heard] if standardise else 1.0
    return factor
