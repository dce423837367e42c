"""Do two sessions move through the same latent space? Align their latents, and say what chance alone would align."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import permutations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.inference.p_values import permutation_p
from neurodata4ml.dims import add_step, match_labels, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_whole
from neurodata4ml.suggest import guess

_ROUNDING = 1e-12
"""Equal similarities may differ in the last bit."""

Aligned = tuple[Callable[[np.ndarray], np.ndarray], float]
"""A map from the second space into the first, and how alike both are under it."""


def align_latents(
    x: xr.DataArray,
    y: xr.DataArray,
    *,
    method: str = "procrustes",
    n_shuffles: int = 99,
    alpha: float = 0.05,
    seed: int = 0,
) -> xr.Dataset:
    """Map the latents ``y`` into the space of ``x``, by the conditions that both have.

    Any two sets of smooth trajectories can be turned to look alike, the more so with many components and few
    conditions. The null therefore aligns again after the conditions of ``y`` (whole time courses) exchanged their
    names, and ``similarity_held_out`` maps each condition by what the others taught.

    Parameters
    ----------
    x, y : DataArray, dims (stimulus, [time,] component)
        Latents of mean responses, e.g. ``latents(average_by(counts)).latents``, of two sessions or animals. Stimuli
        are matched by label; times must be the same.
    method : "procrustes" or "cca"
        "procrustes": rotation, reflection and one scale; similarity is the nuclear norm of X'Y over the norms of X
        and Y (1: the same shape). "cca": any linear map, as canonical correlations (Gallego et al. 2020, Nat.
        Neurosci. 23:260); similarity is their mean.
    n_shuffles : int
        Orders of the conditions; where there are no more than that besides the observed one, all are taken.
    alpha : float
        p is NaN where even the smallest that the conditions allow exceeds it: 4 conditions have 24 orders.
    seed : int

    Returns
    -------
    Dataset
        ``aligned`` (stimulus, [time,] component): y in the space of x; ``similarity``; ``similarity_held_out``, the
        correlation of mapped and observed latents in conditions that the map did not see; ``null`` (shuffle);
        ``chance``, its mean; ``p_value``; for cca ``correlation`` (mode). ``attrs["no_p"]`` says why p is NaN, and
        ``attrs["second_..."]`` where y comes from.

    Raises
    ------
    DimensionError
        Dims, labels or times that do not meet.
    DesignError
        Unknown method, fewer than three conditions, NaN, or for cca fewer samples than components.
    """
    for array in (x, y):
        require_array(array, step="align_latents")
    require_whole(seed, "seed", least=0)
    if not (isinstance(n_shuffles, int | np.integer) and n_shuffles >= 0):
        message = f"align_latents needs a whole number of shuffles, 0 for none; got n_shuffles={n_shuffles!r}."
        raise DesignError(message)
    if method not in ALIGNERS:
        known = list(ALIGNERS)
        message = f"align_latents knows the methods {', '.join(known)}; got {method!r}.{guess(method, known)}"
        raise DesignError(message)
    x, y = _matched(x, y)
    first, second = np.asarray(x.data, dtype=np.float64), np.asarray(y.data, dtype=np.float64)
    _require_samples(first, second, method)
    transform, similarity = _fit(first, second, method)
    orders, enumerated = _orders(len(second), n_shuffles, seed)
    null = np.array([_fit(first, second[order], method)[1] for order in orders])
    smallest = 1 / (1 + len(null)) if len(null) else float("nan")
    no_p = ""
    if not smallest <= alpha:
        why = f"{len(first)} conditions have so few orders" if enumerated else f"n_shuffles={n_shuffles} are so few"
        no_p = (
            f"{why} that p cannot be below {smallest:.3g} (alpha {alpha:g})" if len(null) else "n_shuffles=0: no null"
        )
    result = xr.Dataset(
        {
            "aligned": (x.dims, transform(second), {"units": x.attrs.get("units", "1")}),
            "similarity": similarity,
            "similarity_held_out": _held_out(first, second, method),
            "null": ("shuffle", null),
            "chance": null.mean() if len(null) else np.nan,
            "p_value": np.nan if no_p else permutation_p(similarity - _ROUNDING, null),
        },
        coords=x.coords,
        attrs={**provenance(x), **{f"second_{name}": value for name, value in provenance(y).items()}},
    )
    if method == "cca":
        result["correlation"] = ("mode", canonical_correlations(_flat(first), _flat(second)))
    result.attrs |= {
        "method": method,
        "n_arrangements": float(math.factorial(len(first))),
        "enumerated": enumerated,
        "smallest_p": smallest,
        "no_p": no_p,
        "seed": seed,
    }
    return add_step(result, "align_latents", method=method, n_shuffles=n_shuffles, seed=seed)


def canonical_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the correlations of the canonical variates of two centred matrices (n_samples, n_components)."""
    values = np.linalg.svd(_basis(x)[0].T @ _basis(y)[0], compute_uv=False)
    return np.clip(values, 0.0, 1.0)


def _procrustes(x: np.ndarray, y: np.ndarray) -> Aligned:
    """Return the rotation and scale that bring y nearest to x (Schoenemann 1966, Psychometrika 31:1)."""
    centre_x, centre_y = x.mean(axis=0), y.mean(axis=0)
    x, y = x - centre_x, y - centre_y
    u, s, vt = np.linalg.svd(y.T @ x, full_matrices=False)
    turn = u @ vt * (s.sum() / np.sum(y**2))
    similarity = float(s.sum() / np.sqrt(np.sum(x**2) * np.sum(y**2)))
    return (lambda values: (values - centre_y) @ turn + centre_x), similarity


def _cca(x: np.ndarray, y: np.ndarray) -> Aligned:
    """Return the map that carries canonical variates of y to those of x and back into the space of x."""
    centre_x, centre_y = x.mean(axis=0), y.mean(axis=0)
    (basis_x, back_x), (basis_y, back_y) = _basis(x - centre_x), _basis(y - centre_y)
    u, s, vt = np.linalg.svd(basis_x.T @ basis_y, full_matrices=False)
    turn = np.linalg.pinv(back_y) @ vt.T @ u.T @ back_x
    return (lambda values: (values - centre_y) @ turn + centre_x), float(np.clip(s, 0, 1).mean())


ALIGNERS: dict[str, Callable[[np.ndarray, np.ndarray], Aligned]] = {"procrustes": _procrustes, "cca": _cca}
"""Aligners by name: two matrices (n_samples, n_components) -> a map from the second to the first, similarity."""


def _basis(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an orthonormal basis of the columns (n_samples, rank), and how it makes them: ``x = basis @ back``."""
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    kept = s > s.max(initial=0.0) * 1e-10
    return u[:, kept], s[kept, None] * vt[kept]


def _fit(first: np.ndarray, second: np.ndarray, method: str) -> Aligned:
    transform, similarity = ALIGNERS[method](_flat(first), _flat(second))

    def shaped(values: np.ndarray) -> np.ndarray:
        return transform(_flat(values)).reshape(*values.shape[:-1], first.shape[-1])

    return shaped, similarity


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1])


def _held_out(first: np.ndarray, second: np.ndarray, method: str) -> float:
    """Return the correlation of x with what maps learnt without each condition make of y there."""
    told = np.empty_like(first)
    for k in range(len(first)):
        others = np.arange(len(first)) != k
        told[k] = _fit(first[others], second[others], method)[0](second[k : k + 1])[0]
    centred = first - _flat(first).mean(axis=0)
    told = told - _flat(told).mean(axis=0)
    norm = np.sqrt(np.sum(centred**2) * np.sum(told**2))
    return float(np.sum(centred * told) / norm) if norm > 0 else float("nan")


def _orders(n: int, n_shuffles: int, seed: int) -> tuple[list[np.ndarray], bool]:
    """Return orders of n conditions other than the observed: all, where they are no more than asked for."""
    if n_shuffles and math.factorial(n) - 1 <= n_shuffles:
        return [np.array(order) for order in list(permutations(range(n)))[1:]], True
    rng = np.random.default_rng(seed)
    return [rng.permutation(n) for _ in range(n_shuffles)], False


def _matched(x: xr.DataArray, y: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    for array in (x, y):
        require_dims(array, "stimulus", "component", step="align_latents", hint="Average first: average_by(x).")
    if {str(dim) for dim in x.dims} != {str(dim) for dim in y.dims} or not set(x.dims) <= {
        "stimulus",
        "time",
        "component",
    }:
        message = (
            f"align_latents needs the dims stimulus, component and perhaps time in both; got "
            f"({', '.join(map(str, x.dims))}) and ({', '.join(map(str, y.dims))})."
        )
        raise DimensionError(message)
    x, y = match_labels(x, y, "stimulus", step="align_latents")
    if "time" not in x.dims:
        return x.transpose("stimulus", "component"), y.transpose("stimulus", "component")
    if x.sizes["time"] != y.sizes["time"] or not np.allclose(x["time"].values, y["time"].values):
        message = (
            f"align_latents needs the same times in both; got {x.sizes['time']} and {y.sizes['time']} bins, or others. "
            f"Bin both with the same window and bin_width."
        )
        raise DimensionError(message)
    return x.transpose("stimulus", "time", "component"), y.transpose("stimulus", "time", "component")


def _require_samples(first: np.ndarray, second: np.ndarray, method: str) -> None:
    n_bad = int((~np.isfinite(first)).sum() + (~np.isfinite(second)).sum())
    if len(first) < 3 or n_bad:
        message = (
            f"align_latents needs at least 3 conditions that both sessions have, and no NaN; got {len(first)} "
            f"conditions and {n_bad} NaN. Take conditions that both were shown."
        )
        raise DesignError(message)
    for name, one in (("first", first), ("second", second)):
        if not one.size or not np.ptp(_flat(one), axis=0).any():
            message = f"align_latents finds no variance in the {name} latents, {one.shape}: nothing moves there."
            raise DesignError(message)
    n_samples, n_components = int(np.prod(first.shape[:-1])), max(first.shape[-1], second.shape[-1])
    if method == "cca" and n_samples <= 2 * n_components:
        message = (
            f'align_latents(method="cca") finds high correlations in anything with {n_samples} samples of '
            f"{n_components} components. Keep fewer components (latents(n_components=...)), more times, or use "
            f'method="procrustes".'
        )
        raise DesignError(message)
