"""Tensor components: each has one course within a trial, one across trials, and one set of units."""

from __future__ import annotations

from functools import partial

import numpy as np
import xarray as xr

from neurodata4ml.analysis.latents.parts import require_nonnegative
from neurodata4ml.analysis.latents.samples import need, no_variance, numbered, require_room, signs
from neurodata4ml.dims import feature_dim
from neurodata4ml.errors import DesignError, DimensionError


def tensor_components(
    x: xr.DataArray,
    n_components: int,
    seed: int,
    *,
    nonnegative: bool = False,
    n_restarts: int = 5,
    max_iter: int = 500,
    tol: float = 1e-8,
) -> xr.Dataset:
    """Keep low-dimensional change within and across trials: tensor components (Williams et al. 2018, Neuron 98:1099).

    x[trial, time, unit] ~ sum over components of trial_factor . time_factor . loadings (their eq. 1; tensorly's
    alternating least squares). Nothing is centred: z-score or baseline units first where their means are no news.
    The sum has no closed form, so it is sought from ``n_restarts`` random starts; the best is kept, ``error``
    (restart) is the share of squares each leaves and ``similarity`` (restart) how far each found the same components:
    1 the same, below about 0.8 do not read them.

    ``nonnegative``: nothing below zero, parts that only add. ``max_iter``, ``tol`` stop a search.
    ``explained_variance`` is the share of the sum of squares about zero.
    """
    units = feature_dim(x, step="latents")
    modes = [str(dim) for dim in x.dims if dim != units]
    values = _tensor(x, modes, units)
    require_room(int(np.prod(values.shape[:-1])), values.shape[-1], n_components)
    if nonnegative:
        require_nonnegative(values, "tca")
    if n_restarts < 1:
        message = f"latents(method='tca') needs n_restarts of 1 or more; got {n_restarts}."
        raise DesignError(message)
    starts = np.random.default_rng(seed).integers(0, 2**31, size=n_restarts)
    found = [_descend(values, n_components, int(start), nonnegative, max_iter, tol) for start in starts]
    errors = [float(np.sum((values - _sum(factors)) ** 2) / np.sum(values**2)) for factors in found]
    best = int(np.argmin(errors))
    factors, share = _in_order(found[best], values)
    result = _labelled(x, modes, units, factors, share)
    result["error"] = ("restart", errors, {"units": "1"})
    result["similarity"] = ("restart", [factor_match(found[best], other) for other in found], {"units": "1"})
    result.attrs |= {"nonnegative": nonnegative, "best_restart": best}
    return result


def factor_match(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    """Return how alike two sets of components are: 1 the same, about 0 nothing in common; order and signs are free.

    The factor match score of Tomasi & Bro (2006), as Williams et al. use it: the best pairing of components, each
    pair scored by the product of the cosines of its factors, less the difference of their sizes.

    Parameters
    ----------
    one, other : one array for each mode, shape (size of the mode, n_components)
    """
    from scipy.optimize import linear_sum_assignment

    size_one, size_other = (np.prod([np.linalg.norm(mode, axis=0) for mode in side], axis=0) for side in (one, other))
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.prod([a.T @ b for a, b in zip(one, other, strict=True)], axis=0) / np.outer(size_one, size_other)
        size = 1 - np.abs(size_one[:, None] - size_other) / np.maximum(size_one[:, None], size_other)
    score = np.nan_to_num(np.abs(cosine) * size)
    return float(score[linear_sum_assignment(score, maximize=True)].mean())


def _tensor(x: xr.DataArray, modes: list[str], units: str) -> np.ndarray:
    if len(modes) < 2:
        message = (
            f"latents(method='tca') needs two dims beside {units!r}, as trial and time; got "
            f"({', '.join(map(str, x.dims))}). Keep time, as bin_spikes(session, window=...) does; or use method='pca'."
        )
        raise DimensionError(message)
    values = np.asarray(x.transpose(*modes, units).data, dtype=np.float64)
    n_bad = int((~np.isfinite(values)).sum())
    if n_bad:
        message = f"latents cannot read NaN: {n_bad} of {values.size} values. Drop units with x.dropna('unit')."
        raise DesignError(message)
    if not values.any():
        message = f"latents finds no variance: every value of the {values.shape[-1]} units is 0."
        raise DesignError(message)
    if np.ptp(values) == 0:
        no_variance(values.size // values.shape[-1], values.shape[-1])
    return values


def _descend(
    values: np.ndarray, n_components: int, start: int, nonnegative: bool, max_iter: int, tol: float
) -> list[np.ndarray]:
    """Return the factors (mode, component) that one random start leads to, the last with the sizes."""
    tensorly = need("tensorly", method="tca", extra="latents")
    decomposition = need("tensorly.decomposition", method="tca", extra="latents")
    solve = decomposition.non_negative_parafac_hals if nonnegative else partial(decomposition.parafac, linesearch=True)
    with tensorly.backend_context("numpy"):
        weights, factors = solve(
            values / np.linalg.norm(values),
            n_components,
            n_iter_max=max_iter,
            init="random",
            tol=tol,
            random_state=np.random.RandomState(start),
        )
    return [*map(np.asarray, factors[:-1]), np.asarray(factors[-1]) * weights * np.linalg.norm(values)]


def _sum(factors: list[np.ndarray]) -> np.ndarray:
    """Return the tensor that components add up to."""
    total = factors[0]
    for mode in factors[1:]:
        total = total[..., None, :] * mode
    return np.asarray(total.sum(axis=-1))


def _in_order(factors: list[np.ndarray], values: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the components by their share of the squares: all modes but the first of length 1, largest entry up."""
    first, rest = factors[0].copy(), [mode.copy() for mode in factors[1:]]
    for mode in rest:
        length = np.linalg.norm(mode, axis=0)
        scale = np.where(length == 0, 1.0, length) * signs(mode.T)
        mode /= scale
        first *= scale
    parts = [np.vdot(_sum([m[:, [k]] for m in (first, *rest)]), values) for k in range(first.shape[1])]
    order = np.argsort(-np.asarray(parts), kind="stable")
    return [mode[:, order] for mode in (first, *rest)], np.asarray(parts)[order] / np.sum(values**2)


def _labelled(
    x: xr.DataArray, modes: list[str], units: str, factors: list[np.ndarray], share: np.ndarray
) -> xr.Dataset:
    scores = factors[0]
    for mode in factors[1:-1]:
        scores = scores[..., None, :] * mode
    measured = {"units": x.attrs.get("units", "1")}
    result = xr.Dataset(
        {
            "latents": ((*modes, "component"), scores, measured),
            "loadings": (("component", units), factors[-1].T, {"units": "1"}),
            "explained_variance": ("component", share, {"units": "1"}),
        },
        coords={**x.coords, "component": numbered(len(share))},
        attrs={"n_samples": int(np.prod(scores.shape[:-1])), "n_units": len(factors[-1])},
    )
    for place, (name, factor) in enumerate(zip(modes, factors, strict=False)):
        result[f"{name}_factor"] = ((name, "component"), factor, {"units": "1"} if place else measured)
    return result
