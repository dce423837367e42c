"""How uncertain when stimuli and units (or subjects) could both have been others: one variance from three."""

from __future__ import annotations

import numpy as np


def bootstrap_variance(
    both: np.ndarray, first: np.ndarray, second: np.ndarray, *, n_first: int | None = None, n_second: int | None = None
) -> np.ndarray:
    """Variance over two factors from three bootstraps: both drawn at once, and each alone, with the same draws.

    Drawing both at once counts what belongs to their combination (and the noise of single measurements) three times.
    The corrected variance is ``2 (v1 + v2) - v12``; for few of a factor, with ``c = n / (n - 1)`` of each, it is
    ``c1 v1 + c2 v2 - c1 c2 (v12 - v1 - v2)``; never below either factor's own variance, never above that of both
    (Schuett et al. 2023, eLife 12:e82566, "Estimating the variance of model-performance estimates"; as rsatoolbox).

    Parameters
    ----------
    both, first, second : ndarray (...)
        Variances over resamples.
    n_first, n_second : int, optional
        How many of each factor; the formula for few needs both.

    Returns
    -------
    ndarray (...)
    """
    both, first, second = (np.asarray(part, dtype=np.float64) for part in (both, first, second))
    if n_first is None or n_second is None:
        found = 2.0 * (first + second) - both
    else:
        one, two = n_first / (n_first - 1), n_second / (n_second - 1)
        found = one * first + two * second - one * two * (both - first - second)
        first, second = one * first, two * second
    return np.asarray(np.minimum(np.maximum(np.maximum(found, first), second), both))


def jackknife_variance(by_first: np.ndarray, by_second: np.ndarray, by_both: np.ndarray) -> np.ndarray:
    """Variance over two factors from leaving out one of the first, one of the second, and one of each.

    In a table of n x m, the variance of a mean is ``s1 / n + s2 / m + s12 / (nm)`` (effects of rows, of columns, of
    cells). The jackknife of rows estimates the first and third term, that of columns the second and third; the third
    is the jackknife of ``r_ij - r_i - r_j + r`` over rows and columns at once, and is taken away once:
    ``v = v1 + v2 - v12``, never below either factor's own. Exact for means, and as good as the linear term for smooth
    statistics (the two-way form of Efron & Stein 1981, Ann. Stat. 9:586).

    Parameters
    ----------
    by_first : ndarray (n, ...)
        The statistic without one of the first factor.
    by_second : ndarray (m, ...)
    by_both : ndarray (n, m, ...)
        Without one of each.

    Returns
    -------
    ndarray (...), NaN where any of them is NaN
    """
    one, two = _jackknife(by_first), _jackknife(by_second)
    n, m = by_both.shape[:2]
    rows, columns = by_both.mean(axis=1, keepdims=True), by_both.mean(axis=0, keepdims=True)
    apart = by_both - rows - columns + by_both.mean(axis=(0, 1), keepdims=True)
    shared = (n - 1) / n * (m - 1) / m * (apart**2).sum(axis=(0, 1))
    return np.asarray(np.maximum(np.maximum(one + two - shared, one), two))


def narrowed(replicates: np.ndarray, surplus: np.ndarray) -> np.ndarray:
    """Return jackknife replicates (n, ...) with their spread narrowed, so that ``surplus`` (...) is not counted.

    The variance that is left is at least half of the jackknife's: of a statistic of pairs no more can be surplus. Where
    the surplus is not known (NaN) replicates stay as they are.
    """
    variance = _jackknife(replicates)
    known = np.nan_to_num(np.asarray(surplus, dtype=np.float64), nan=0.0)
    left = np.maximum(variance - known, variance / 2)
    factor = np.sqrt(np.divide(left, variance, out=np.ones_like(variance), where=variance > 0))
    mean = replicates.mean(axis=0)
    return np.asarray(mean + factor * (replicates - mean))


def _jackknife(replicates: np.ndarray) -> np.ndarray:
    n = len(replicates)
    return np.asarray((n - 1) / n * ((replicates - replicates.mean(axis=0)) ** 2).sum(axis=0))
