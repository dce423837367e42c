"""CKA between noise-free responses, estimated from noisy trials: the noise never meets itself."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.halves import half_means, split_halves
from neurodata4ml.analysis.inference.jackknife import interval
from neurodata4ml.analysis.linear.stimuli import fold_labels, stimulus_means
from neurodata4ml.analysis.similarity.metrics import centred, u_centred
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
    (DataArray (trial, unit) with the coordinate ``row`` and ``attrs["folds"]``, ndarray of bool (trial, split))
    """
    values = trial_values(x, step=step)
    folds, kind = fold_labels(x, step=step)
    half = split_halves(x.coords["stimulus"].values, folds, kind, n_splits=n_splits, seed=seed)
    columns = feature_dim(x, step=step)
    coords = {name: ("trial", x.coords[name].values) for name in ("stimulus", "block") if name in x.coords}
    coords["row"] = ("trial", np.arange(len(values)))
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
    shared, spread = _root(own), _root(observed)
    values = np.stack([cross / shared, cross / spread, np.full(len(cross), shared / spread), np.full(len(cross), own)])
    return xr.DataArray(values, dims=("quantity", "y"), coords={"quantity": ["similarity", "raw", "ceiling", "own"]})


def self_similarity(x: xr.DataArray, half: np.ndarray, n_stimuli: int) -> tuple[float, float, np.ndarray]:
    """Return ``HSIC_1(K_A, K_B)`` averaged over splits, ``HSIC_1(K, K)``, both times n(n - 3), and U-centred K.

    The first is negative or 0 where no signal was found; ``nan`` where trials are missing.
    """
    stimuli, stimulus = np.unique(x.coords["stimulus"].values, return_inverse=True)
    if len(stimuli) < n_stimuli:
        return np.nan, np.nan, np.full((n_stimuli, n_stimuli), np.nan)
    means = centred(stimulus_means(x.values, stimulus)[1])
    halves = half_means(x.values, stimulus, half[x.coords["row"].values], n_stimuli)
    halves = halves - halves.mean(axis=2, keepdims=True)
    grams = u_centred(halves @ halves.swapaxes(-1, -2))
    gram = u_centred(means @ means.T)
    return float(np.sum(grams[:, 0] * grams[:, 1]) / len(grams)), float(np.sum(gram**2)), gram


def has_signal(own: xr.Dataset) -> xr.DataArray:
    """Return whether what two halves of the trials share is above 0, in every replicate and by its interval.

    Near 0 its root, which a corrected similarity is divided by, can be anything. Replicates that are not known
    (NaN, as trials are missing) do not count against it.

    Parameters
    ----------
    own : Dataset
        ``estimate`` and ``replicate`` of the shared signal, from ``jackknife``.
    """
    low = interval(own.estimate, own.replicate).low
    found: xr.DataArray = (own.estimate > 0) & ~(low <= 0) & ~(own.replicate <= 0).any("group")
    return found


def no_signal(names: list[str]) -> str:
    """Return the sentence that says in which data no signal was found."""
    return (
        f"No signal above the noise is found in {', '.join(names)}: what two halves of the trials share is not above "
        f"0 by its jackknife, and what is divided by it (corrected similarity, ceiling) is NaN. Record more trials or "
        f"more units, or choose fewer conditions with by=."
    )


def unit_vectors(prepared: list[np.ndarray]) -> np.ndarray:
    """Return U-centred Gram matrices scaled to norm 1, stacked; NaN for a candidate without variation."""
    norms = [np.linalg.norm(gram) or np.nan for gram in prepared]
    return np.stack([gram / norm for gram, norm in zip(prepared, norms, strict=True)])


def _root(x: float) -> float:
    return float(np.sqrt(x)) if x > 0 else np.nan
