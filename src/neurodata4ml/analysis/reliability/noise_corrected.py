"""CKA between noise-free responses, estimated from noisy trials: the noise never meets itself."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.halves import half_means, split_halves
from neurodata4ml.analysis.dissimilarity.means import without_means
from neurodata4ml.analysis.linear.stimuli import fold_labels, stimulus_means
from neurodata4ml.analysis.similarity.metrics import u_centred
from neurodata4ml.analysis.similarity.representations import trial_values
from neurodata4ml.dims import feature_dim


def with_halves(x: xr.DataArray, *, n_splits: int, seed: int, step: str) -> tuple[xr.DataArray, np.ndarray]:
    """Return the trials of ``x`` with their row number as a coordinate, and the halves that each row lies in.

    The halves are drawn once and looked up by row, so that a jackknife, which leaves trials out, keeps them:
    splits drawn anew would add their own scatter to every replicate.

    Parameters
    ----------
    x : DataArray (trial, unit) with the coordinate ``stimulus``, and perhaps ``block``

    Returns
    -------
    DataArray (trial, unit)
        With the coordinates ``row`` and ``fold``, and ``attrs["folds"]``.
    ndarray of bool (trial, split)
    """
    values = trial_values(x, step=step)
    folds, kind = fold_labels(x, step=step)
    half = split_halves(x.coords["stimulus"].values, folds, kind, n_splits=n_splits, seed=seed)
    columns = feature_dim(x, step=step)
    coords = {name: ("trial", x.coords[name].values) for name in ("stimulus", "block") if name in x.coords}
    coords |= {"row": ("trial", np.arange(len(values))), "fold": ("trial", folds)}
    attrs = {**x.attrs, "folds": kind}
    return xr.DataArray(values, dims=("trial", columns), coords=coords, attrs=attrs), half


def corrected_cka(x: xr.DataArray, half: np.ndarray, n_stimuli: int, candidates: np.ndarray) -> xr.DataArray:
    """Unbiased CKA of the trials ``x`` with each candidate: corrected for noise, as observed, and the best possible.

    With K the Gram matrix of the trial means, K_A and K_B those of two halves, L the candidate's::

        similarity = HSIC_1(K, L) / sqrt(mean HSIC_1(K_A, K_B) * HSIC_1(L, L))
        raw        = HSIC_1(K, L) / sqrt(HSIC_1(K, K) * HSIC_1(L, L))
        ceiling    = sqrt(mean HSIC_1(K_A, K_B) / HSIC_1(K, K))

    HSIC_1 (Song et al. 2012, eq. 5) reads no diagonal, so K is unbiased as it stands; only in its product with
    itself does noise meet itself, and there the halves take its place.

    Parameters
    ----------
    x : DataArray (trial, unit)
    half : ndarray of bool (trial, split)
        Both from ``with_halves``; ``x`` may have lost trials since.
    n_stimuli : int
    candidates : ndarray (n_candidates, n_stimuli, n_stimuli)
        From ``unit_vectors``, stimuli in sorted order.

    Returns
    -------
    DataArray (quantity, y) with quantity "similarity", "raw", "ceiling", and "own", which is mean HSIC_1(K_A, K_B)
        NaN where a root is taken of what is not positive (no signal was found), or where a stimulus or one of its
        halves has no trial.
    """
    own, observed, gram = self_similarity(x, half, n_stimuli)
    cross = candidates.reshape(len(candidates), -1) @ gram.ravel()
    shared, spread = root(own), root(observed)
    values = np.stack([cross / shared, cross / spread, np.full(len(cross), shared / spread), np.full(len(cross), own)])
    return xr.DataArray(values, dims=("quantity", "y"), coords={"quantity": ["similarity", "raw", "ceiling", "own"]})


def self_similarity(x: xr.DataArray, half: np.ndarray, n_stimuli: int) -> tuple[float, float, np.ndarray]:
    """Return ``HSIC_1(K_A, K_B)`` averaged over splits, ``HSIC_1(K, K)``, both times n(n - 3), and U-centred K.

    The first is negative or 0 where no signal was found; ``nan`` where trials are missing.
    """
    stimuli, stimulus = np.unique(x.coords["stimulus"].values, return_inverse=True)
    if len(stimuli) < n_stimuli:
        return np.nan, np.nan, np.full((n_stimuli, n_stimuli), np.nan)
    gram = _gram_of_means(x.values, stimulus)
    first, second = _centred_halves(x.values, stimulus, half[x.coords["row"].values], n_stimuli)
    return float(np.mean(_shared(first, second))), float(np.sum(gram**2)), gram


def corrected_cka_of_two(x: xr.DataArray, others: list[np.ndarray], half: np.ndarray, n_stimuli: int) -> xr.DataArray:
    """Unbiased CKA of trials of one area with trials of others, recorded at once: noise that areas share never meets.

    With K and L the Gram matrices of either area's trial means, A and B two halves of the same trials::

        similarity = mean HSIC_1(K_A, L_B) / sqrt(mean HSIC_1(K_A, K_B) * mean HSIC_1(L_A, L_B))
        raw        = HSIC_1(K, L) / sqrt(HSIC_1(K, K) * HSIC_1(L, L))
        ceiling    = sqrt(mean HSIC_1(K_A, K_B) * mean HSIC_1(L_A, L_B) / (HSIC_1(K, K) * HSIC_1(L, L)))

    Noise of a trial that moves both areas (arousal, common input) enters K and L alike and lifts ``raw``; in
    ``similarity`` every product is between halves that have no trial in common, (A, B) and (B, A) averaged.

    Parameters
    ----------
    x : DataArray (trial, unit)
    half : ndarray of bool (n_trials, n_splits)
        Both from ``with_halves``; ``x`` may have lost trials since.
    others : list of ndarray (n_trials, n_units)
        All trials of each other area, in the order that ``x`` had before it lost any: rows are taken by ``x["row"]``.
    n_stimuli : int

    Returns
    -------
    DataArray (quantity, y) with quantity "similarity", "raw", "ceiling", "own" and "own_y"
        ``own`` is mean HSIC_1(K_A, K_B), ``own_y`` that of each other. NaN as in ``corrected_cka``.
    """
    names = ["similarity", "raw", "ceiling", "own", "own_y"]
    stimuli, stimulus = np.unique(x.coords["stimulus"].values, return_inverse=True)
    if len(stimuli) < n_stimuli:
        empty = np.full((len(names), len(others)), np.nan)
        return xr.DataArray(empty, dims=("quantity", "y"), coords={"quantity": names})
    rows = x.coords["row"].values
    gram, halves = _gram_of_means(x.values, stimulus), _centred_halves(x.values, stimulus, half[rows], n_stimuli)
    own, spread = float(np.mean(_shared(*halves))), root(float(np.sum(gram**2)))
    columns = []
    for other in others:
        theirs = _gram_of_means(other[rows], stimulus)
        first, second = _centred_halves(other[rows], stimulus, half[rows], n_stimuli)
        cross = float(np.mean(_shared(halves[0], second) + _shared(halves[1], first))) / 2
        own_y, observed = float(np.mean(_shared(first, second))), spread * root(float(np.sum(theirs**2)))
        shared = root(own) * root(own_y)
        columns.append([cross / shared, float(np.sum(gram * theirs)) / observed, shared / observed, own, own_y])
    return xr.DataArray(np.array(columns).T, dims=("quantity", "y"), coords={"quantity": names})


def no_signal(names: list[str]) -> str:
    """Return the sentence that says in which data no signal was found."""
    return (
        f"No signal above the noise is found in {', '.join(names)}: what two halves of the trials share is not above "
        f"0 by its interval, and what is divided by it (corrected similarity, ceiling) is NaN. Record more trials or "
        f"more units, or choose fewer conditions with by=."
    )


def unit_vectors(prepared: list[np.ndarray]) -> np.ndarray:
    """Return U-centred Gram matrices scaled to norm 1, stacked; NaN for a candidate without variation."""
    norms = [np.linalg.norm(gram) or np.nan for gram in prepared]
    return np.stack([gram / norm for gram, norm in zip(prepared, norms, strict=True)])


def root(x: float) -> float:
    """Return the square root of what is positive; NaN elsewhere."""
    return float(np.sqrt(x)) if x > 0 else np.nan


def grams_of_halves(x: xr.DataArray, half: np.ndarray, n_stimuli: int) -> tuple[np.ndarray, np.ndarray]:
    """Return U-centred Gram matrices of the means (n, n) and of both halves of every split (n_splits, 2, n, n)."""
    stimulus = np.unique(x.coords["stimulus"].values, return_inverse=True)[1]
    halves = without_means(half_means(x.values, stimulus, half[x.coords["row"].values], n_stimuli))
    return _gram_of_means(x.values, stimulus), u_centred(halves @ halves.swapaxes(-1, -2))


def _gram_of_means(values: np.ndarray, stimulus: np.ndarray) -> np.ndarray:
    """Return the U-centred Gram matrix of the mean responses."""
    means = without_means(stimulus_means(values, stimulus)[1])
    return u_centred(means @ means.T)


def _centred_halves(
    values: np.ndarray, stimulus: np.ndarray, half: np.ndarray, n_stimuli: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the means of either half minus their mean over stimuli, (n_splits, n_stimuli, n_units) each."""
    halves = without_means(half_means(values, stimulus, half, n_stimuli))
    return halves[:, 0], halves[:, 1]


def _shared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return HSIC_1 of the Gram matrices of each split's centred ``a`` and ``b``, times n(n - 3): (n_splits,).

    With centred patterns a row of the Gram matrix without its diagonal sums to minus the diagonal, so that eq. 5 of
    Song et al. 2012 needs ``||A'B||^2`` and the squared lengths of patterns only: no n x n matrix where units are few.
    """
    n = a.shape[1]
    if a.shape[2] * b.shape[2] <= n * (a.shape[2] + b.shape[2]):
        products = np.sum((a.swapaxes(-1, -2) @ b) ** 2, axis=(-2, -1))
    else:
        products = np.sum((a @ a.swapaxes(-1, -2)) * (b @ b.swapaxes(-1, -2)), axis=(-2, -1))
    lengths_a, lengths_b = (np.einsum("snu,snu->sn", x, x) for x in (a, b))
    own = np.einsum("sn,sn->s", lengths_a, lengths_b)
    totals = lengths_a.sum(axis=1) * lengths_b.sum(axis=1) / ((n - 1) * (n - 2))
    return np.asarray(products - own + totals - 2.0 / (n - 2) * own)
