"""Centre what is compared, without losing small differences of large values or copying wide layers."""

from __future__ import annotations

import numpy as np

_ROUNDING = 1e-12
"""Spread below this fraction of the values themselves is rounding, not signal."""

_COLUMNS = 4096
"""Columns centred at once: their copy stays in the cache."""

_SAFE = (1e-100, 1e100)
"""Largest squares within these can be multiplied with each other."""


def centred(x: np.ndarray) -> np.ndarray:
    """Return ``x`` minus the mean of each column; columns that only differ by rounding become exactly 0.

    Parameters
    ----------
    x : ndarray (n_stimuli, ...), of any numeric type

    Returns
    -------
    ndarray, float64
    """
    x = np.asarray(x)
    out = np.empty(x.shape, dtype=np.float64)
    flat = out.reshape(len(out), -1)
    _centre_into(flat, x.reshape(len(out), -1))
    return out


def centred_gram(x: np.ndarray) -> np.ndarray:
    """Return the inner products of the column-centred rows of ``x``, (n_stimuli, n_stimuli).

    Columns are centred a few at a time: 100,000 features are read once and never copied as a whole, and an offset
    however large costs no more precision than it cost the values. Responses whose squares would leave the range of
    numbers (1e200) are divided by a power of 2 first, which a similarity does not see.
    """
    x = np.asarray(x)
    with np.errstate(over="ignore", invalid="ignore"):
        gram = _sum_of_grams(x)
    largest = float(gram.diagonal().max(initial=0.0))
    if largest == 0 and not x.any():
        return gram
    if not _SAFE[0] < largest < _SAFE[1]:
        gram = _sum_of_grams(in_range(x))
    return gram


def in_range(x: np.ndarray) -> np.ndarray:
    """Return ``x`` over a power of 2 that brings its largest entry near 1, exact but for what underflows."""
    x = np.asarray(x, dtype=np.float64)
    largest = float(np.abs(x).max(initial=0.0))
    if not 0 < largest < np.inf:
        return x
    return np.asarray(np.ldexp(x, -int(np.frexp(largest)[1])))


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Return the cosine of the angle between two arrays of one shape; NaN where one of them is 0."""
    a, b = a.ravel(), b.ravel()
    with np.errstate(over="ignore"):
        own_a, own_b = float(a @ a), float(b @ b)
    if not (_SAFE[0] < own_a < _SAFE[1] and _SAFE[0] < own_b < _SAFE[1]):
        a, b = in_range(a), in_range(b)
        own_a, own_b = float(a @ a), float(b @ b)
    norm = float(np.sqrt(own_a) * np.sqrt(own_b))
    return min(1.0, max(-1.0, float(a @ b) / norm)) if norm > 0 else float("nan")


def unit_vector(a: np.ndarray) -> np.ndarray:
    """Return an array as a vector of length 1; of NaN where it is 0."""
    a = np.ravel(a)
    with np.errstate(over="ignore"):
        own = float(a @ a)
    if not _SAFE[0] < own < _SAFE[1]:
        a = in_range(a)
        own = float(a @ a)
    return np.asarray(a / np.sqrt(own) if own > 0 else np.full(a.shape, np.nan))


def _sum_of_grams(x: np.ndarray) -> np.ndarray:
    n, p = x.shape
    gram = np.zeros((n, n))
    room = np.empty((n, min(p, _COLUMNS)))
    for start in range(0, p, _COLUMNS):
        some = x[:, start : start + _COLUMNS]
        block = room[:, : some.shape[1]]
        _centre_into(block, some)
        gram += block @ block.T
    return gram


def _centre_into(out: np.ndarray, x: np.ndarray) -> None:
    mean = x.mean(axis=0, dtype=np.float64)
    np.subtract(x, mean, out=out)
    # a column can only be flat where its first entry is: few are looked at whole
    doubtful = np.flatnonzero(np.abs(out[0]) <= 2 * _ROUNDING * np.abs(mean))
    if len(doubtful):
        some = x[:, doubtful].astype(np.float64)
        flat = np.abs(out[:, doubtful]).max(axis=0) <= _ROUNDING * np.abs(some).max(axis=0)
        out[:, doubtful[flat]] = 0.0
