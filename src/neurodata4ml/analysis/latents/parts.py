"""Sources that are independent, or parts that only add: ICA and non-negative factors."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from neurodata4ml.analysis.latents.samples import labelled, samples_of
from neurodata4ml.errors import DesignError


def independent(
    x: xr.DataArray, n_components: int, seed: int, *, max_iter: int = 1000, tol: float = 1e-6
) -> xr.Dataset:
    """Keep sources that tell nothing of each other: independent components (FastICA, Hyvarinen 1999).

    The principal components are turned until their values are as far from Gaussian as they can be. Sources have
    variance 1; ``loadings`` say how each enters the units; Gaussian sources cannot be told apart.

    ``max_iter`` and ``tol`` stop the search; a search that has not ended warns.
    """
    from sklearn.decomposition import FastICA
    from sklearn.exceptions import ConvergenceWarning

    samples = samples_of(x, n_components)
    many = len(samples.matrix) > 4 * samples.matrix.shape[1]
    model = FastICA(
        n_components,
        whiten="unit-variance",
        whiten_solver="eigh" if many else "svd",
        max_iter=max_iter,
        tol=tol,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = model.fit_transform(samples.matrix)
    _warn_unfinished("ica", model.n_iter_, max_iter)
    loadings = model.mixing_.T
    strength = np.sum(loadings**2, axis=1)
    order = np.argsort(-strength, kind="stable")
    total = np.sum(samples.matrix.var(axis=0))
    return labelled(samples, scores[:, order], loadings[order], strength[order] / total, units="1")


def nonnegative(
    x: xr.DataArray, n_components: int, seed: int, *, max_iter: int = 2000, tol: float = 1e-5
) -> xr.Dataset:
    """Keep parts that only add: non-negative matrix factors (Lee & Seung 1999, Nature 401:788).

    Counts or rates as a sum of parts, x ~ latents . loadings, nothing below zero and nothing centred. Loadings have
    length 1. ``explained_variance`` is the share of the sum of squares about zero; the shares add up.

    ``max_iter`` and ``tol`` stop the descent (scikit-learn, by coordinates from the SVD); one that has not ended warns.
    """
    from sklearn.decomposition import NMF
    from sklearn.exceptions import ConvergenceWarning

    samples = samples_of(x, n_components)
    require_nonnegative(samples.matrix, "nmf")
    model = NMF(n_components, init="nndsvda", max_iter=max_iter, tol=tol, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = model.fit_transform(samples.matrix)
    _warn_unfinished("nmf", model.n_iter_, max_iter)
    length = np.linalg.norm(model.components_, axis=1)
    length[length == 0] = 1.0
    loadings, scores = model.components_ / length[:, None], scores * length
    share = np.einsum("sc,cu,su->c", scores, loadings, samples.matrix, optimize=True) / np.sum(samples.matrix**2)
    order = np.argsort(-share, kind="stable")
    return labelled(samples, scores[:, order], loadings[order], share[order])


def require_nonnegative(values: np.ndarray, method: str) -> None:
    """Raise a ``DesignError`` where a value is below zero."""
    n_below = int(np.sum(values < 0))
    if n_below:
        message = (
            f"latents(method={method!r}) needs values of 0 or more; {n_below} of {values.size} are negative, the "
            f"smallest {values.min():.3g}. Give it counts or rates as they come from bin_spikes or firing_rate, "
            f"before any zscore or baseline; or use method='pca'."
        )
        raise DesignError(message)


def _warn_unfinished(method: str, n_iterations: int, max_iter: int) -> None:
    if n_iterations >= max_iter:
        message = (
            f"latents(method={method!r}) had not settled after max_iter={max_iter} steps: its components may differ "
            f"with the seed. Allow more steps, or ask for fewer components."
        )
        warnings.warn(message, stacklevel=4)
