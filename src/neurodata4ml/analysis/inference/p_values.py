"""P-values from shuffles, and what they become when many questions are asked at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from neurodata4ml.errors import DesignError
from neurodata4ml.suggest import guess

ROUNDING = 1e-12
"""Equal scores may differ in the last bit, since sums add in another order."""


def permutation_p(observed: float | np.ndarray, null: np.ndarray) -> np.ndarray:
    """One-sided p-value: how often the null does at least as well, ``(1 + #{null >= observed}) / (1 + n)``.

    Never 0, as the observed order is one of the possible ones (Phipson & Smyth 2010, SAGMB 9:39).

    Parameters
    ----------
    observed : float or ndarray (...)
    null : ndarray (n_shuffles, ...)

    Returns
    -------
    ndarray (...), NaN where ``observed`` or any null value is NaN, and where there are no shuffles
    """
    observed, null = np.asarray(observed, dtype=np.float64), np.asarray(null, dtype=np.float64)
    p = (1.0 + np.sum(null >= observed, axis=0)) / (1.0 + len(null))
    unknown = np.isnan(observed) | np.isnan(null).any(axis=0) | (len(null) == 0)
    return np.where(unknown, np.nan, p)


def holm(p: np.ndarray) -> np.ndarray:
    """Return p-values corrected so that the chance of any false claim is controlled (Holm 1979); NaN stay NaN.

    For a few questions, such as candidate models. Any shape; all entries count as one family.
    """
    return _adjust(p, _holm)


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Return p-values corrected so that the share of false claims is controlled (Benjamini & Hochberg 1995).

    For many questions, such as units. Any shape; all entries count as one family; NaN stay NaN.
    """
    return _adjust(p, stats.false_discovery_control)


def _adjust(p: np.ndarray, method: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    p = np.asarray(p, dtype=np.float64)
    known = ~np.isnan(p)
    out = np.full(p.shape, np.nan)
    if known.any():
        out[known] = method(p[known])
    return out


def _holm(p: np.ndarray) -> np.ndarray:
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty_like(p)
    out[order] = np.minimum(stepped, 1.0)
    return out


CORRECTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "holm": holm,
    "fdr": benjamini_hochberg,
    "none": lambda p: p,
}
"""What corrects p-values for how many there are, without a null of all of them, by name."""


def require_correction(correction: str) -> None:
    """Refuse what is none of ``CORRECTIONS``.

    Raises
    ------
    DesignError
        An unknown correction.
    """
    if not isinstance(correction, str) or correction not in CORRECTIONS:
        known = ", ".join(CORRECTIONS)
        message = f"Unknown correction {correction!r}.{guess(correction, CORRECTIONS)} Type one of {known}."
        raise DesignError(message)
