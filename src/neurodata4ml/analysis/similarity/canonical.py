"""Canonical correlations: how well the best pairs of linear read-outs, one of each side, agree."""

from __future__ import annotations

import numpy as np

from neurodata4ml.analysis.similarity.centring import centred, in_range
from neurodata4ml.errors import DesignError

SVCCA_KEPT = 0.99
"""Fraction of the variance that SVCCA keeps (Raghu et al. 2017)."""

_INDEPENDENT = 1e-10
"""Directions of a singular value below this fraction of the largest are rounding."""


def axes(x: np.ndarray) -> np.ndarray:
    """Return orthonormal columns (n_stimuli, rank) that span the centred responses.

    Raises
    ------
    DesignError
        As many units as stimuli, or more.
    """
    left, kept = _singular(x, None)
    _refuse_if_full(len(x), kept, np.asarray(x).shape[1], "CCA")
    return left[:, :kept]


def leading_axes(x: np.ndarray) -> np.ndarray:
    """Return the orthonormal principal axes (n_stimuli, n_kept) that hold 99 % of the variance.

    Raises
    ------
    DesignError
        As many of them as stimuli.
    """
    left, kept = _singular(x, SVCCA_KEPT)
    _refuse_if_full(len(x), kept, kept, "SVCCA")
    return left[:, :kept]


def own_columns(x: np.ndarray) -> np.ndarray:
    """Return the centred responses themselves, after the same refusal as ``axes``: PWCCA weighs by them."""
    _refuse_if_full(len(x), axes(x).shape[1], np.asarray(x).shape[1], "PWCCA")
    return centred(in_range(x))


def canonical_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the canonical correlations of two sides, from the ``axes`` of each, the largest first.

    The singular values of ``Qx'Qy`` (Bjorck & Golub 1973, Math. Comp. 27:579); as many as the narrower side has axes.
    """
    if not x.shape[1] or not y.shape[1]:
        return np.empty(0)
    return np.asarray(np.minimum(np.linalg.svd(x.T @ y, compute_uv=False), 1.0))


def mean_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Return the mean canonical correlation, from the ``axes`` of each side; NaN where one does not vary."""
    found = canonical_correlations(x, y)
    return float(found.mean()) if len(found) else float("nan")


def weighted_correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Return the canonical correlations' mean, weighted by what they say of x: from ``own_columns`` of each side.

    Weight of the canonical variable h: the sum over the columns of x of ``|h'x_j|`` (Morcos et al. 2018,
    arXiv:1806.05759). Another basis of x has other columns, and other weights.
    """
    (left_x, n_x), (left_y, n_y) = _singular(x, None), _singular(y, None)
    if not n_x or not n_y:
        return float("nan")
    turn, correlations, _ = np.linalg.svd(left_x[:, :n_x].T @ left_y[:, :n_y], full_matrices=False)
    weights = np.abs((left_x[:, :n_x] @ turn).T @ x).sum(axis=1)
    return float(np.minimum(correlations, 1.0) @ weights / weights.sum())


def _singular(x: np.ndarray, fraction: float | None) -> tuple[np.ndarray, int]:
    """Return left singular vectors of centred x, and how many count: all independent ones, or those of a fraction."""
    x = centred(in_range(x))
    if x.shape[1] > len(x):
        x = np.linalg.qr(x.T)[1].T
    left, values, _ = np.linalg.svd(x, full_matrices=False)
    rank = int((values > _INDEPENDENT * values[0]).sum()) if values.size and values[0] > 0 else 0
    if fraction is None or rank == 0:
        return left, rank
    share = np.cumsum(values**2) / np.sum(values**2)
    # the next float below, so that a share reached but for rounding is reached
    return left, min(rank, int(np.searchsorted(share, fraction - 1e-12)) + 1)


def _refuse_if_full(n_stimuli: int, n_axes: int, n_features: int, name: str) -> None:
    if n_axes < n_stimuli - 1:
        return
    if name == "SVCCA":
        has, cure = (
            f"99 % of the variance takes {n_features} components",
            "reduce them further: latents(x, n_components=...)",
        )
    else:
        has, cure = f"one side has {n_features} units", 'type metric="svcca", or reduce them first: latents(x)'
    message = (
        f"{name} needs fewer units than stimuli; {has}, of {n_stimuli} stimuli, and any other side would correlate "
        f'perfectly. Show more stimuli, {cure}; or type metric="cka_unbiased".'
    )
    raise DesignError(message)
