"""Shape distances of many representations from one another: a space to cluster, to embed and to average in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from neurodata4ml.analysis.similarity.centring import centred
from neurodata4ml.analysis.similarity.representations import average_trials
from neurodata4ml.analysis.similarity.shapes import angle
from neurodata4ml.dims import add_step, feature_dim, match_labels, presented, provenance, require_array, to_matrix
from neurodata4ml.errors import DesignError

_ABOUT = (
    "The distance that is left after the best rotation. Noise in the responses, and more features than stimuli, are "
    "not taken out: compare distances of representations with as many trials, stimuli and features."
)


def shape_distances(x: Mapping[str, xr.DataArray], *, alpha: float = 1.0, angular: bool = True) -> xr.DataArray:
    """Distance of every two representations after the best rotation, each whitened in part: 0 for the same shape.

    They obey the triangle inequality, so that representations can be clustered, embedded and averaged (Williams et al.
    2021, arXiv:2110.14739). ``compare(metric="angular")`` gives 1 minus the angle at ``alpha=1`` over a right angle.

    Parameters
    ----------
    x : dict of name to DataArray
        (stimulus, unit or feature), matched by the label of the stimulus; of trials (trial, unit) the means are taken.
    alpha : float from 0 to 1
        1: as they are (Procrustes). 0: whitened, their lengths kept (a distance of canonical correlations; needs fewer
        features than stimuli). Between: ``X (a I + (1 - a) (X'X)^(-1/2))``, as netrep's ``LinearMetric``.
    angular : bool
        The angle in radians, or else the Euclidean distance ``sqrt(|X|^2 + |Y|^2 - 2 ||X'Y||_*)``, in units of ``x``.

    Returns
    -------
    DataArray (representation, representation2)
        NaN for one whose stimuli all have the same response, with its reason in ``attrs["undefined"]``.

    Raises
    ------
    DimensionError
        What is no labelled array (stimulus, feature), or labels that differ.
    DesignError
        Fewer than two representations, values that are not finite real numbers, ``alpha`` out of range, or features
        that cannot be whitened.

    Examples
    --------
    >>> one = xr.DataArray(np.eye(4)[:, :2], dims=("stimulus", "unit"), coords={"stimulus": list("abcd")})
    >>> found = shape_distances({"V1": one, "turned": one[:, ::-1], "other": one[::-1].assign_coords(one.coords)})
    >>> found.sel(representation="V1").values.round(2)
    array([0.  , 0.  , 1.23])
    """
    if not 0 <= alpha <= 1:
        message = f"alpha goes from 0 (whitened) to 1 (as it is); got {alpha!r}. Type alpha=1."
        raise DesignError(message)
    arrays = _matched(x)
    sides, exponents = zip(*(_side(one, alpha) for one in arrays.values()), strict=True)
    found = np.zeros((len(sides), len(sides)))
    for i, one in enumerate(sides):
        for j in range(i):
            found[i, j] = found[j, i] = _distance((one, sides[j]), (exponents[i], exponents[j]), angular=angular)
    flat = [name for name, side in zip(arrays, sides, strict=True) if not side.any()]
    found[np.isin(list(arrays), flat)] = np.nan
    found[:, np.isin(list(arrays), flat)] = np.nan
    names = list(arrays)
    coords = {"representation": names, "representation2": names}
    out = xr.DataArray(found, dims=("representation", "representation2"), coords=coords, name="shape_distance")
    first = next(iter(arrays.values()))
    units = "radians" if angular else str(first.attrs.get("units", "1"))
    undefined = f"{', '.join(flat)}: the responses to all stimuli are the same" if flat else ""
    out.attrs = {**provenance(first), "units": units, "about": _ABOUT, "undefined": undefined}
    return add_step(out, "shape_distances", alpha=alpha, angular=angular)


def _matched(x: Mapping[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """Return mean responses (stimulus, feature) with the same stimuli in the same order."""
    if isinstance(x, xr.Dataset) or not isinstance(x, Mapping) or len(x) < 2:
        got = f"{len(x)} of them" if isinstance(x, Mapping) else f"a {type(x).__name__}"
        message = f'shape_distances takes two or more representations by name, {{"V1": x, "conv1": y}}; got {got}.'
        raise DesignError(message)
    for name, one in x.items():
        require_array(one, step="shape_distances")
        if one.dtype.kind not in "biuf" or not bool(np.isfinite(one).all()):
            message = f"shape_distances needs finite real numbers; some of {name!r} are not. Drop them: x.dropna(...)."
            raise DesignError(message)
    means = {
        str(name): average_trials(presented(one, step="shape_distances"), step="shape_distances")
        for name, one in x.items()
    }
    first = next(iter(means.values()))
    return {name: match_labels(first, one, "stimulus", step="shape_distances")[1] for name, one in means.items()}


def _side(x: xr.DataArray, alpha: float) -> tuple[np.ndarray, int]:
    """Return the centred, whitened responses near 1, with the power of two that they were divided by."""
    values = to_matrix(x, "stimulus", feature_dim(x, step="shape_distances"))
    exponent = int(np.frexp(np.abs(values).max(initial=0.0))[1])
    values = centred(np.ldexp(values, -exponent))
    if alpha < 1 and values.any():
        values = _whitened_in_part(values, alpha, exponent)
    # with more features than stimuli, a matrix n x n of the same Gram is all that a rotation leaves
    return np.linalg.qr(values.T)[1].T if values.shape[1] > values.shape[0] else values, exponent


def _distance(sides: tuple[np.ndarray, np.ndarray], exponents: tuple[int, int], *, angular: bool) -> float:
    if angular:
        return angle(*sides)
    largest = max(exponents)
    x, y = (np.ldexp(side, exponent - largest) for side, exponent in zip(sides, exponents, strict=True))
    shared = float(np.linalg.norm(x.T @ y, ord="nuc"))
    return float(np.ldexp(np.sqrt(max(np.vdot(x, x) + np.vdot(y, y) - 2.0 * shared, 0.0)), largest))


def _whitened_in_part(x: np.ndarray, alpha: float, exponent: int) -> np.ndarray:
    """Whiten responses that were divided by 2^exponent as those before; their length stays."""
    values, vectors = np.linalg.eigh(x.T @ x)
    if values[0] <= 1e-12 * values[-1]:
        message = (
            f"Whitening needs fewer independent features than stimuli; got {x.shape[1]} features of {len(x)} stimuli, "
            f"not all independent. Type alpha=1, or reduce them first: latents(x)."
        )
        raise DesignError(message)
    scale = alpha * np.ldexp(1.0, min(exponent, 1000)) + (1.0 - alpha) / np.sqrt(values)
    scale /= scale.max()
    scale *= np.sqrt(values.sum() / (scale**2 @ values))
    return np.asarray((x @ vectors) * scale)
