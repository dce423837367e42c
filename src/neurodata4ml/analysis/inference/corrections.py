"""Many questions at once: p-values that hold for all bins of time looked at together, from one null."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from neurodata4ml.analysis.inference.p_values import ROUNDING, permutation_p

QUANTILE = 0.95
"""Entries above this quantile of their own null may form clusters: one in twenty would by chance."""


def max_t(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """P-values corrected for all entries: how often the largest of all would by chance be as large as this one.

    Each entry is first measured in standard deviations of its own null, ``T = (score - mean) / sd``, and compared with
    the largest T of every shuffle (Nichols & Holmes 2002, Hum. Brain Mapp. 15:1, section "single threshold test";
    Westfall & Young 1993). Mean and sd are taken over the shuffles *and the observed score together*, so that all are
    treated alike and the chance of any false claim is at most alpha, whatever the dependence between entries. Without
    the division the bins whose scores spread most (few trials, drift) would set the bar for all.

    Parameters
    ----------
    observed : ndarray (...)
        Any number of dims; large is good. All entries are one family.
    null : ndarray (n_shuffles, ...)
        The same shuffle in all entries, so that what depends on each other stays together.

    Returns
    -------
    ndarray (...)
        One-sided; at least ``1 / (1 + n_shuffles)`` and, unlike Bonferroni's, not times the number of entries.
        NaN where ``observed`` or any of its null is NaN (those entries do not count), and without shuffles.
    """
    known, standard = _standard(observed, null)
    p = np.full(known.shape, np.nan)
    if len(null) and known.any():
        p[known] = permutation_p(standard[0], standard[1:].max(axis=1, keepdims=True))
    return p


def cluster_mass(
    observed: np.ndarray, null: np.ndarray, *, threshold: float | np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """P-values of clusters of neighbouring entries that exceed a threshold together.

    The mass of a cluster is the sum over its entries of ``T = (score - mean) / sd`` (as in ``max_t``), and its p says
    how often the heaviest cluster of a shuffle is as heavy: ``(1 + #{heaviest >= mass}) / (1 + n)`` (Maris & Oostenveld
    2007, J. Neurosci. Methods 164:177). The chance to call any cluster by chance is at most alpha. A small p says that
    there is an effect in the family; it says nothing about where or when exactly it begins or ends (Sassenhagen &
    Draschkow 2019, Psychophysiology 56:e13335).

    Parameters
    ----------
    observed : ndarray (n_times,) or (n_times, n_test_times)
        Large is good. Neighbours share an edge (not a corner).
    null : ndarray (n_shuffles, ...)
    threshold : float or ndarray (...), optional
        In the units of the score; fixed before looking. None: the 95 % quantile of each entry's own null (the observed
        score being one of them). Only what is larger counts.

    Returns
    -------
    p : ndarray (...)
        Of the cluster an entry belongs to; 1 outside clusters; NaN where the score or any of its null is NaN.
    labels : ndarray of int (...)
        Which cluster, from 1 on; 0 outside.
    """
    known, standard = _standard(observed, null)
    if len(null) == 0 or not known.any():
        return np.full(known.shape, np.nan), np.zeros(known.shape, dtype=np.int64)
    together = np.concatenate([np.asarray(observed, dtype=np.float64)[None], null])
    scores = together[:, known]
    bar = np.quantile(scores, QUANTILE, axis=0) if threshold is None else _at(threshold, known)
    above, mass = np.zeros(together.shape, dtype=bool), np.zeros(together.shape)
    above[:, known] = scores > bar + ROUNDING
    mass[:, known] = standard
    labels, masses, owner = _clusters(above, mass)
    heaviest = np.full((len(together), 1), -np.inf)
    np.maximum.at(heaviest[:, 0], owner, masses)
    p = np.where(known, 1.0, np.nan)
    mine = labels[0] > 0
    p[mine] = permutation_p(masses[: labels[0].max()], heaviest[1:])[labels[0][mine] - 1]
    return p, np.asarray(labels[0])


def _standard(observed: np.ndarray, null: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which entries are known (...), and T of the observed and of all shuffles (1 + n_shuffles, n_known)."""
    together = np.concatenate([np.asarray(observed, dtype=np.float64)[None], np.asarray(null, dtype=np.float64)])
    known = ~np.isnan(together).any(axis=0)
    scores = together[:, known]
    scores = scores - scores.mean(axis=0)
    sd = scores.std(axis=0)
    # an entry whose scores are all the same, but for rounding, is evidence of nothing
    standard = np.divide(scores, sd, out=np.zeros_like(scores), where=sd > ROUNDING)
    return known, np.round(standard, 9)  # equal scores stay equal, also where they differed in the last bit


def _clusters(above: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels (from 1 over all sets), the mass of each cluster and the set it lies in; sets never touch."""
    structure = np.zeros((3,) * above.ndim, dtype=bool)
    structure[1] = ndimage.generate_binary_structure(above.ndim - 1, 1)
    labels, n_clusters = ndimage.label(above, structure=structure)
    masses = np.bincount(labels.ravel(), weights=mass.ravel(), minlength=n_clusters + 1)[1:]
    owner = np.zeros(n_clusters, dtype=np.int64)
    where = np.nonzero(labels)
    owner[labels[where] - 1] = where[0]
    return labels, np.round(masses, 9), owner


def _at(threshold: float | np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.asarray(np.broadcast_to(np.asarray(threshold, dtype=np.float64), known.shape)[known])


CORRECTIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "max-t": max_t,
    "cluster": lambda observed, null: cluster_mass(observed, null)[0],
}
"""Corrections for many bins by name: (observed (...), null (n_shuffles, ...)) -> p (...); ``valid_p`` says what a null
makes of it."""
