"""Similarities with one stimulus left out at a time: all of them at once, where algebra allows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.weighted import WEIGHTED, n_stimuli_of, weighted
from neurodata4ml.analysis.linear.threads import in_threads, one_blas_thread
from neurodata4ml.analysis.reliability.noise_corrected import grams_of_halves
from neurodata4ml.analysis.similarity.metric import Metric
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.representations import Side
from neurodata4ml.analysis.similarity.table import similarities
from neurodata4ml.errors import DesignError

_ROUNDING = 1e-12
"""What is left of a squared norm of 1 below this is rounding."""

_QUANTITIES = ["similarity", "raw", "ceiling", "own"]


def delete_one_stimulus(metric: Metric, x: Side, sides: list[Side]) -> np.ndarray:
    """Similarity of ``x`` with every side, without one stimulus at a time, as if computed anew from the others.

    Closed forms: CKA, biased and unbiased, in O(n^2) for all n deletions (`downdated_double`, `downdated_u`); RSA by
    Pearson, cosine, Spearman and rho-a from sums over pairs. All else is computed anew, n times.

    Parameters
    ----------
    metric : Metric
        A value of ``METRICS``.
    x, sides : Side, list of Side
        The same stimuli in the same order.

    Returns
    -------
    ndarray (n_stimuli, n_sides)
        NaN where one stimulus fewer is too few for the metric, and where the similarity is not defined.
    """
    n = _n_stimuli(metric, x)
    if n - 1 < metric.min_stimuli:
        return np.full((n, len(sides)), np.nan)
    name = name_of(metric)
    if name in WEIGHTED:
        left = np.ones((n, n)) - np.eye(n)
        return weighted(WEIGHTED[name], x.values, np.stack([side.values for side in sides]), left)
    whole = metric.on != "rdm" or not any(np.isnan(side.values).any() for side in (x, *sides))
    if name in DOWNDATES and whole:
        with one_blas_thread():
            return _of_grams(DOWNDATES[name], x.prepared, [side.prepared for side in sides])
    return recomputed(metric, x, sides)


def recomputed(metric: Metric, x: Side, sides: list[Side]) -> np.ndarray:
    """Return what ``delete_one_stimulus`` does, by computing each anew; NaN where too few stimuli are left."""
    n = _n_stimuli(metric, x)
    own = _reduced(metric, x.values)
    others = [_reduced(metric, side.values) if metric.symmetric else side.values for side in sides]

    def without(i: int) -> np.ndarray:
        kept = _kept(metric, n, i)
        try:
            mine, theirs = _prepared(metric, own[kept]), [_prepared(metric, other[kept]) for other in others]
            return np.asarray(similarities(metric, [mine], theirs)[0])
        except DesignError:  # as with as many units as stimuli are left
            return np.full(len(sides), np.nan)

    return np.array(in_threads(without, range(n)))


def delete_one_of_halves(x: xr.DataArray, half: np.ndarray, n_stimuli: int, candidates: np.ndarray) -> xr.DataArray:
    """Noise-corrected CKA of the trials ``x`` with each candidate, without one stimulus at a time.

    What ``corrected_cka`` would return for the trials of the other stimuli, in closed form (`downdated_u`).

    Parameters
    ----------
    x : DataArray (trial, unit)
    half : ndarray of bool (trial, split)
        Both from ``with_halves``.
    n_stimuli : int
    candidates : ndarray (n_candidates, n_stimuli, n_stimuli)
        From ``unit_vectors``, stimuli in sorted order.

    Returns
    -------
    DataArray (group, quantity, y)
        ``group`` counts the stimuli in sorted order. "own" is scaled as the whole's: HSIC_1 times n(n - 3). All NaN
        with fewer than 5 stimuli, where trials are missing, and where no signal is left.
    """
    n = n_stimuli
    if len(np.unique(x.coords["stimulus"].values)) < n or n < 5:
        return _labelled(np.full((n, len(_QUANTITIES), len(candidates)), np.nan))
    whole, grams = grams_of_halves(x, half, n)
    gram = whole[None]
    scale = n * (n - 3) / ((n - 1) * (n - 4))
    own = scale * downdated_u(grams[:, 0], grams[:, 1]).mean(axis=1)
    cross = downdated_u(gram, candidates) / _root(downdated_u(candidates, candidates), 1.0)
    shared, spread = (_positive_root(value / scale)[:, None] for value in (own, scale * downdated_u(gram, gram)[:, 0]))
    values = [cross / shared, cross / spread, shared / spread, own[:, None]]
    return _labelled(np.stack([np.broadcast_to(value, cross.shape) for value in values], axis=1))


def downdated_u(k: np.ndarray, l: np.ndarray) -> np.ndarray:  # noqa: E741 - K and L are the letters of the literature
    """Inner products of U-centred matrices without one stimulus at a time, centred anew.

    The rows of a U-centred K sum to 0. Without stimulus i the row sums are ``-K_ij``, the total stays 0, and HSIC_1
    (Song et al. 2012, eq. 5) of the other n - 1, times (n - 1)(n - 4), is ``<K, L> - 2 (n - 2) / (n - 3) h_i`` with
    ``h_i = sum_j K_ij L_ij``.

    Parameters
    ----------
    k, l : ndarray (n_grams or 1, n, n)

    Returns
    -------
    ndarray (n, n_grams)
    """
    n = k.shape[-1]
    rows = _row_products(k, l)
    return np.asarray(rows.sum(axis=0) - 2.0 * (n - 2) / (n - 3) * rows)


def downdated_double(k: np.ndarray, l: np.ndarray) -> np.ndarray:  # noqa: E741
    """Inner products of double-centred matrices without one stimulus at a time, centred anew; see ``downdated_u``.

    ``<K, L> - 2 n / (n - 1) h_i + (n / (n - 1))^2 K_ii L_ii``, from ``<HKH, L> = tr(KL) - 2/m 1'KL1 +
    (1'K1)(1'L1)/m^2`` with m = n - 1 and the row sums that a double-centred matrix leaves.
    """
    n = k.shape[-1]
    rows, ratio = _row_products(k, l), n / (n - 1)
    own = (np.einsum("gii->gi", k) * np.einsum("gii->gi", l)).T
    return np.asarray(rows.sum(axis=0) - 2.0 * ratio * rows + ratio**2 * own)


DOWNDATES = {"cka_unbiased": downdated_u, "cka": downdated_double, "rsa_cosine_whitened": downdated_double}
"""Metrics on Gram matrices whose centring can be undone for one stimulus; by name."""


def name_of(metric: Metric) -> str:
    """Return the name under which a metric stands in ``METRICS``, "" where it does not."""
    return next((name for name, other in METRICS.items() if other is metric), "")


def _row_products(k: np.ndarray, l: np.ndarray) -> np.ndarray:  # noqa: E741
    """Return ``sum_j K_ij L_ij`` (n, n_grams)."""
    several = k if len(k) > 1 else l
    out = [np.einsum("ij,ij->i", k[g % len(k)], l[g % len(l)]) for g in range(len(several))]
    return np.stack(out, axis=1)


def _of_grams(
    downdated: Callable[[np.ndarray, np.ndarray], np.ndarray], x: np.ndarray, ys: list[np.ndarray]
) -> np.ndarray:
    """Return the cosines of the Gram matrix ``x`` with ``ys`` without one stimulus at a time."""
    own = _root(downdated(x[None], x[None]), np.vdot(x, x))
    columns = [downdated(x[None], y[None]) / _root(downdated(y[None], y[None]), np.vdot(y, y)) for y in ys]
    return np.asarray(np.concatenate(columns, axis=1) / own)


def _root(x: np.ndarray, whole: float) -> np.ndarray:
    """Return the root of what is positive beyond the rounding of the ``whole``; NaN elsewhere."""
    return np.asarray(np.sqrt(np.where(x > _ROUNDING * whole, x, np.nan)))


def _positive_root(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.where(x > 0, x, np.nan)))


def _n_stimuli(metric: Metric, x: Side) -> int:
    return n_stimuli_of(len(x.values)) if metric.on == "rdm" else len(x.values)


def _kept(metric: Metric, n: int, i: int) -> np.ndarray:
    """Return which stimuli, or pairs of stimuli, are left without stimulus ``i``."""
    if metric.on != "rdm":
        return np.asarray(np.arange(n) != i)
    first, second = np.triu_indices(n, 1)
    return np.asarray((first != i) & (second != i))


def _reduced(metric: Metric, values: np.ndarray) -> np.ndarray:
    """Return the values; with many more features than stimuli, where rotation changes nothing, in their own span."""
    wide = metric.on != "rdm" and values.shape[1] > values.shape[0]
    return np.asarray(np.linalg.qr(values.T)[1].T) if wide and "rotation" in metric.invariant_to else values


def _prepared(metric: Metric, values: np.ndarray) -> Side:
    return Side(values, metric.prepare(values))


def _labelled(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims=("group", "quantity", "y"), coords={"quantity": _QUANTITIES})
