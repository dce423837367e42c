"""The searchlight: dissimilarities in the neighbourhood of every unit."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from neurodata4ml.analysis.dissimilarity.distances import DISTANCES
from neurodata4ml.analysis.dissimilarity.noise import inverse, of_units
from neurodata4ml.analysis.dissimilarity.rdm import quiet_rdm
from neurodata4ml.analysis.dissimilarity.whitening import as_precision
from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.dims import add_step, feature_dim, presented, require_array, require_coords
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_whole

_MOST = 1 << 28
"""Bytes of the distances of single units that are held at once (256 MB)."""

_LARGEST = 1 << 32
"""Bytes of all RDMs together beyond which a statistic of each must do (4 GB)."""


def searchlight(
    x: xr.DataArray,
    *,
    positions: str | Sequence[str],
    n_neighbours: int | None = None,
    radius: float | None = None,
    distance: str = "crossnobis",
    precision: str | np.ndarray | xr.DataArray | None = None,
    statistic: Callable[[xr.DataArray], float] | None = None,
    folds: str | None = None,
) -> xr.DataArray:
    """Dissimilarity of the stimuli in the neighbourhood of every unit (Kriegeskorte et al. 2006, PNAS 103:3863).

    Neighbours share units, so that their RDMs are alike for that reason alone: test over the whole map (``max_t``).
    Distances that are means over units are taken once for each unit, and averaged over neighbourhoods.

    Parameters
    ----------
    x : DataArray (trial or stimulus, unit)
        As ``rdm`` takes it, with ``positions`` as coordinates of the units.
    positions : str or sequence of str
        Where units are: ``"depth"``, or ``("x", "y", "z")``; all in the same unit of length.
    n_neighbours : int, optional
        The nearest units that make a neighbourhood, the unit itself among them, 1 or more.
    radius : float, optional
        Instead: all units at most this far away, in the unit of ``positions``.
    distance, precision, folds
        As in ``rdm``. With ``precision="ledoit-wolf"`` the noise is estimated in each neighbourhood; of a precision of
        all units that is handed in, a neighbourhood gets the inverse of its part of the noise covariance.
    statistic : callable, optional
        Given the RDM of a neighbourhood, returns a number, such as its similarity with a model: what is kept then.

    Returns
    -------
    DataArray, dims (unit, stimulus, stimulus2), or (unit,) with ``statistic``
        With the coordinates of the units, and ``n_neighbours``.

    Raises
    ------
    DimensionError
        Other dims, or positions missing.
    DesignError
        Not one of ``n_neighbours`` and ``radius``, positions that are not finite, more than 4 GB of RDMs; and as
        ``rdm``.
    """
    require_array(x, step="searchlight")
    x = presented(x, step="searchlight")
    columns = feature_dim(x, step="searchlight")
    if len(x.dims) != 2:
        message = f"searchlight takes (trial or stimulus, {columns}); got ({', '.join(map(str, x.dims))}). Select one."
        raise DimensionError(message)
    if statistic is not None and not callable(statistic):
        message = (
            f"statistic= takes a function of an RDM, such as lambda found: float(found.mean()); got {statistic!r}."
        )
        raise DesignError(message)
    near = _neighbourhoods(_places(x, positions, columns), n_neighbours, radius)
    matrix = of_units(precision, x, columns) if isinstance(precision, xr.DataArray) else precision
    options: dict[str, Any] = {"distance": distance, "precision": matrix, "folds": folds}
    found = _collected(_rdms(x, columns, near, options), x.sizes[columns], columns, statistic)
    if "undefined" in found.attrs:
        warnings.warn(found.attrs["undefined"], stacklevel=2)
    found = found.assign_coords({name: c for name, c in x.coords.items() if c.dims == (columns,)})
    found = found.assign_coords(n_neighbours=(columns, np.diff(near.indptr)))
    names = [positions] if isinstance(positions, str) else list(positions)
    settings = {"positions": names, "n_neighbours": n_neighbours, "radius": radius, "distance": distance}
    name = precision if isinstance(precision, str | None) else "given"
    return add_step(found, "searchlight", **settings, precision=name)


def _places(x: xr.DataArray, positions: str | Sequence[str], columns: str) -> np.ndarray:
    if isinstance(positions, str):
        positions = [positions]
    if not isinstance(positions, Sequence) or not all(isinstance(name, str) for name in positions):
        message = f"positions= takes names of coordinates, 'depth' or ('x', 'y'); got {positions!r}."
        raise DimensionError(message)
    names = list(positions)
    require_coords(x, *names, step="searchlight", hint="Name where the units are: positions='depth'.")
    apart = [name for name in names if x.coords[name].dims != (columns,)]
    if apart or not names:
        message = f"positions= names coordinates of the {columns}s; {', '.join(map(repr, apart)) or 'none'} is not one."
        raise DimensionError(message)
    text = [name for name in names if x.coords[name].dtype.kind not in "biuf"]
    if text:
        message = f"positions= takes coordinates that are numbers; {text[0]!r} is not. Name where units lie: 'depth'."
        raise DimensionError(message)
    places = np.stack([x.coords[name].values.astype(np.float64) for name in names], axis=1)
    if not len(places):
        message = f"searchlight needs responses of at least one {columns}; there is none."
        raise DesignError(message)
    bad = int((~np.isfinite(places).all(axis=1)).sum())
    if bad:
        message = (
            f"{bad} of {len(places)} {columns}s have no position. "
            f"Keep the others: x.isel({columns}=np.isfinite(x.{names[0]}.values))."
        )
        raise DesignError(message)
    return places


def _neighbourhoods(places: np.ndarray, n_neighbours: int | None, radius: float | None) -> csr_array:
    """Return (unit, unit): 1 over the number of neighbours, where the second is one of the first."""
    if (n_neighbours is None) == (radius is None):
        message = "searchlight takes n_neighbours= or radius=, one of them: how large is a neighbourhood?"
        raise DesignError(message)
    n_units = len(places)
    if radius is not None:
        if isinstance(radius, bool) or not isinstance(radius, numbers.Real) or not radius >= 0:
            message = f"radius takes a length, 0 or more, in the unit of positions; got {radius!r}."
            raise DesignError(message)
        near = [np.sort(some) for some in KDTree(places).query_ball_point(places, radius)]
    else:
        require_whole(n_neighbours, "n_neighbours", least=1)
        if int(n_neighbours or 1) > n_units:
            message = f"n_neighbours takes at most the number of units, {n_units}; got {n_neighbours}."
            raise DesignError(message)
        near = _nearest(places, int(n_neighbours or 1))
    counts = np.array([len(some) for some in near])
    indices = np.concatenate(near).astype(np.int64)
    return csr_array((np.repeat(1.0 / counts, counts), indices, np.concatenate([[0], np.cumsum(counts)])))


def _nearest(places: np.ndarray, k: int) -> list[np.ndarray]:
    """Return the k nearest of each, itself always one; equally far ones in their order."""
    tree = KDTree(places)
    farthest = tree.query(places, [k])[0][:, 0]
    near = []
    for i, some in enumerate(tree.query_ball_point(places, farthest * (1 + 1e-9))):
        others = np.array(some)
        away = np.linalg.norm(places[others] - places[i], axis=1)
        order = np.lexsort((others, away, others != i))
        near.append(np.sort(others[order[:k]]))
    return near


def _rdms(
    x: xr.DataArray, columns: str, near: csr_array, options: dict[str, Any]
) -> Iterator[tuple[np.ndarray, xr.DataArray]]:
    """Yield some units, and the RDMs (unit, stimulus, stimulus2) of their neighbourhoods."""
    distance, precision = options["distance"], options["precision"]
    one = DISTANCES.get(distance) if isinstance(distance, str) else None
    is_given = not isinstance(precision, str | None)
    if one is not None and one.is_mean_over_units and not is_given and precision in (None, "diagonal"):
        yield from _averaged(x, columns, near, options)
        return
    n_units, n_at_once = x.sizes[columns], 64
    covariance = np.linalg.inv(as_precision(precision, n_units)) if is_given else None

    def of_neighbours(i: Any) -> xr.DataArray:
        some = near.indices[near.indptr[i] : near.indptr[i + 1]]
        own = {} if covariance is None else {"precision": inverse(covariance[np.ix_(some, some)])}
        return quiet_rdm(x.isel({columns: some}), **{**options, **own})

    for start in range(0, n_units, n_at_once):
        some = np.arange(start, min(start + n_at_once, n_units))
        found = xr.concat(in_threads(of_neighbours, some), dim=columns, combine_attrs="drop_conflicts")
        found.attrs.pop("undefined", None)
        yield some, found


def _averaged(
    x: xr.DataArray, columns: str, near: csr_array, options: dict[str, Any]
) -> Iterator[tuple[np.ndarray, xr.DataArray]]:
    """Average the RDMs of single units; neighbours are treated together, so that few are made twice."""
    rows = "trial" if "trial" in x.dims else "stimulus"
    n_stimuli = len(np.unique(x.coords["stimulus"])) if rows == "trial" else x.sizes[rows]
    most = max(1, _MOST // (8 * n_stimuli**2))
    bare = x.drop_vars([name for name, c in x.coords.items() if columns in c.dims])
    waiting = _order(near)
    while len(waiting):
        centres = waiting[: _how_many(near, waiting, most)]
        waiting = waiting[len(centres) :]
        weights = near[centres]
        units = np.unique(weights.indices)
        alone = quiet_rdm(bare.isel({columns: units}).rename({columns: "_one"}).expand_dims(columns), **options)
        values = weights[:, units] @ alone.values.reshape(len(units), -1)
        labels = {name: c for name, c in alone.coords.items() if name in ("stimulus", "stimulus2")}
        dims = (columns, "stimulus", "stimulus2")
        yield centres, xr.DataArray(values.reshape(len(centres), *alone.shape[1:]), labels, dims, attrs=alone.attrs)


def _how_many(near: csr_array, waiting: np.ndarray, most: int) -> int:
    """Return how many neighbourhoods, from the first on, have at most so many units together; one at least."""
    counts = np.diff(near.indptr)[waiting]
    units = near[waiting].indices
    is_new = np.zeros(len(units), dtype=int)
    is_new[np.unique(units, return_index=True)[1]] = 1
    together = np.cumsum(is_new)[np.cumsum(counts) - 1]
    return max(1, int(np.searchsorted(together, most, side="right")))


def _order(near: csr_array) -> np.ndarray:
    """Return units so that neighbours follow each other (Cuthill & McKee 1969)."""
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    return np.asarray(reverse_cuthill_mckee(near))


def _collected(
    parts: Iterator[tuple[np.ndarray, xr.DataArray]],
    n_units: int,
    columns: str,
    statistic: Callable[[xr.DataArray], float] | None,
) -> xr.DataArray:
    out: xr.DataArray | None = None
    n_undefined = 0
    for units, found in parts:
        if out is None:
            like = found.isel({columns: 0}, drop=True) if statistic is None else xr.DataArray(0.0, attrs=found.attrs)
            if like.nbytes * n_units > _LARGEST:
                message = (
                    f"{n_units} RDMs of {like.shape[-1]} stimuli take {like.nbytes * n_units / 1e9:.0f} GB. Keep a "
                    f"number of each: statistic=lambda found: ..., such as its similarity with a model."
                )
                raise DesignError(message)
            out = like.expand_dims({columns: n_units}).copy()
            out.attrs.pop("n_units", None)
        values = (
            found if statistic is None else [_number(statistic(found.isel({columns: i}))) for i in range(len(units))]
        )
        out.values[units] = values
        n_undefined += int(np.isnan(found.values).any(axis=(1, 2)).sum())
    if out is None:
        message = "searchlight needs units; there is none."
        raise DesignError(message)
    if n_undefined:
        why = "the response to a stimulus is constant, and the distance is not defined: its entries are NaN."
        out.attrs["undefined"] = f"In {n_undefined} of {n_units} neighbourhoods {why}"
    out.name = "rdm" if statistic is None else "statistic"
    return out


def _number(found: Any) -> float:
    try:
        return float(found)
    except (TypeError, ValueError):
        message = f"statistic= returns one number for each RDM; it returned a {type(found).__name__}. Type float(...)."
        raise DesignError(message) from None
