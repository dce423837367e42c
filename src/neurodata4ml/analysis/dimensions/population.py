"""Participation ratios for all stimuli, of the units at hand and of their population, from a sample of both."""

from __future__ import annotations

import numpy as np

MIN_STIMULI = 4
"""Each product takes four different stimuli."""


def unbiased_sums(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Numerators and denominators of two participation ratios, each without bias, so that splits can be averaged.

    With C the covariance of signals over stimuli, the ratio is ``tr(C)^2 / tr(C^2)``. With few stimuli it shrinks,
    and noise makes it larger. Here each product is an unbiased U-statistic over four different stimuli in which each
    factor of a stimulus comes from another half of the trials, so that both sums are those of all stimuli, without
    noise. In the first row they run over all pairs of units: the ratio of these units. It still grows with their
    number. In the second they run over pairs of different units, ``sum_{a != b} C_aa C_bb`` over
    ``sum_{a != b} C_ab^2``: the ratio of the population that the units were drawn from (Chun et al. 2025, Estimating
    dimensionality of neural representations from finite samples; the U-statistic of the squared covariance is HSIC_1
    of Song et al. 2012, J. Mach. Learn. Res. 13:1393, eq. 5, with linear kernels).

    Parameters
    ----------
    first, second : ndarray (n_stimuli, n_units)
        Mean responses to the same stimuli from two halves of the trials.

    Returns
    -------
    ndarray (2, 2)
        Rows: these units, the population. Columns: numerator, denominator. NaN with fewer than four stimuli, in the
        second row also with fewer than two units.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> signal = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 300))
    >>> [round(float(above / below)) for above, below in unbiased_sums(signal, signal)]
    [3, 3]
    """
    n_stimuli, n_units = first.shape
    if n_stimuli < MIN_STIMULI:
        return np.full((2, 2), np.nan)
    a, b = first - first.mean(axis=0), second - second.mean(axis=0)
    units = np.array([_squared_trace(a, b), _squared_covariance(a @ a.T, b @ b.T)])
    if n_units < 2:
        return np.stack([units, np.full(2, np.nan)])
    alone = np.array([_squared_variance(a, b).sum(), _unit_squared_covariance(a, b).sum()])
    return np.stack([units, units - alone])


def _squared_trace(a: np.ndarray, b: np.ndarray) -> float:
    """Return the U-statistic of tr(C)^2: D_ij D_kl over four different stimuli, D_ij = (a_i - a_j).(b_i - b_j) / 2."""
    products = a @ b.T
    own = np.diag(products)
    half = (own[:, None] + own - products - products.T) / 2
    return _over_disjoint_pairs(half.sum(axis=1), np.sum(half**2), len(a))


def _squared_variance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the same for each unit alone (n_units,), from its moments."""
    n = len(a)
    sum_a, sum_b, sum_ab = a.sum(axis=0), b.sum(axis=0), np.sum(a * b, axis=0)
    rows = (n * a * b - a * sum_b - sum_a * b + sum_ab) / 2
    squares = (
        2 * n * np.sum(a**2 * b**2, axis=0)
        + 2 * np.sum(a**2, axis=0) * np.sum(b**2, axis=0)
        - 4 * sum_b * np.sum(a**2 * b, axis=0)
        - 4 * sum_a * np.sum(a * b**2, axis=0)
        + 4 * sum_ab**2
    ) / 4
    return np.asarray(_over_disjoint_pairs(rows, squares, n))


def _over_disjoint_pairs(rows: np.ndarray, squares: float | np.ndarray, n: int) -> float:
    """Return the mean of D_ij D_kl over i, j, k, l all different, from row sums and the sum of squares of D."""
    total = rows.sum(axis=0)
    mean: float = (total**2 - 4 * np.sum(rows**2, axis=0) + 2 * squares) / (n * (n - 1) * (n - 2) * (n - 3))
    return mean


def _squared_covariance(k: np.ndarray, m: np.ndarray) -> float:
    """Return HSIC_1 of two Gram matrices: the U-statistic of the sum of squared covariances between their columns."""
    n = len(k)
    k, m = k.copy(), m.copy()
    np.fill_diagonal(k, 0.0)
    np.fill_diagonal(m, 0.0)
    rows_k, rows_m = k.sum(axis=1), m.sum(axis=1)
    return float(_hsic(np.sum(k * m), rows_k.sum(), rows_m.sum(), rows_k @ rows_m, n))


def _unit_squared_covariance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the same for each unit alone (n_units,), from its moments."""
    sum_a, sum_b = a.sum(axis=0), b.sum(axis=0)
    both = np.sum(a * b, axis=0) ** 2 - np.sum(a**2 * b**2, axis=0)
    all_a, all_b = sum_a**2 - np.sum(a**2, axis=0), sum_b**2 - np.sum(b**2, axis=0)
    rows = np.sum(a * (sum_a - a) * b * (sum_b - b), axis=0)
    return np.asarray(_hsic(both, all_a, all_b, rows, len(a)))


def _hsic(
    both: float | np.ndarray, all_k: float | np.ndarray, all_m: float | np.ndarray, rows: float | np.ndarray, n: int
) -> float | np.ndarray:
    return (both + all_k * all_m / ((n - 1) * (n - 2)) - 2 / (n - 2) * rows) / (n * (n - 3))
