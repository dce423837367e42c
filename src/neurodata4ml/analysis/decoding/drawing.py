"""Units drawn from each area so that areas meet on equal terms: as many units, or units with the same rates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neurodata4ml.dims import feature_dim
from neurodata4ml.errors import DesignError, DimensionError

MATCHES = ("units", "rates", None)
FEWEST = 5
"""Fewer units than this say more about the units drawn than about the area; they are drawn if ``n_units`` says so."""

N_RATE_BINS = 8
"""Bins of mean count, each with as many units of all areas together."""


def draw_units(
    x: xr.DataArray,
    *,
    by: str = "area",
    match: str | None = "units",
    n_units: int | None = None,
    n_draws: int = 20,
    seed: int = 0,
) -> dict[Any, list[np.ndarray]]:
    """Draw units of each area so that areas differ neither in number of units nor, if asked for, in rates.

    Parameters
    ----------
    x : DataArray with a dim ``unit``
        Counts or rates.
    by : str
        A coordinate on ``unit``; units without a label are left out.
    match : "units", "rates" or None
        "units": ``n_units`` of each area at random. "rates": units are put in bins by their mean response, and each
        area gives as many units of a bin as the area with the fewest there: the greatest common distribution
        (Churchland et al. 2010, Nat. Neurosci. 13:369), which also makes their numbers the same. Labels are not looked
        at. None: all units.
    n_units : int, optional
        None: as many as the smallest area has.
    n_draws : int
        An area that must give all its units gives the same ones in every draw.
    seed : int

    Returns
    -------
    dict of area -> list of ndarray of int
        Positions of units, one array for each draw, sorted.

    Raises
    ------
    DesignError
        An area with too few units, which is named; fewer than one area.
    DimensionError
        No such coordinate on units.
    """
    members = _members(x, by)
    if match not in MATCHES or (n_units is not None and match != "units") or n_draws < 1:
        message = (
            f'decode_by matches "units", "rates" or None, takes n_units with match="units" only, and at least one '
            f"draw; got match={match!r}, n_units={n_units!r}, n_draws={n_draws!r}."
        )
        raise DesignError(message)
    if match is None:
        return {area: [units] for area, units in members.items()}
    if match == "units":
        bins = {area: [units] for area, units in members.items()}
        sizes = [_common_size(members, by, n_units)]
    else:
        bins = _by_rate(x, members)
        sizes = [min(len(bins[area][b]) for area in bins) for b in range(len(next(iter(bins.values()))))]
        _require_overlap(sum(sizes), members, by)
    drawn = {}
    for area, units in bins.items():
        rng = np.random.default_rng([seed, *str(area).encode()])
        drawn[area] = [
            np.sort(np.concatenate([rng.permutation(u)[:n] for u, n in zip(units, sizes, strict=True)]))
            for _ in range(n_draws)
        ]
    return drawn


def _members(x: xr.DataArray, by: str) -> dict[Any, np.ndarray]:
    """Return the positions of the units of each area, areas sorted."""
    dim = feature_dim(x, step="decode_by")
    if by not in x.coords or x.coords[by].dims != (dim,):
        on_units = sorted(str(name) for name, coord in x.coords.items() if coord.dims == (dim,))
        message = (
            f"decode_by needs the coordinate {by!r} on {dim!r}; there are: {', '.join(on_units) or 'none'}. "
            f"Add it: x.assign_coords({by}=({dim!r}, labels))."
        )
        raise DimensionError(message)
    labels = np.asarray(x.coords[by].values)
    named = ~(np.asarray(pd.isnull(labels)) | (labels == ""))
    if not named.any():
        message = (
            f"decode_by: none of the {len(labels)} units has a label of {by!r}. Assign labels, or choose another by."
        )
        raise DesignError(message)
    areas, code = np.unique(labels[named], return_inverse=True)
    return {area: np.flatnonzero(named)[code == i] for i, area in enumerate(areas)}


def _common_size(members: dict[Any, np.ndarray], by: str, n_units: int | None) -> int:
    smallest = min(len(units) for units in members.values())
    needed = FEWEST if n_units is None else n_units
    small = {area: len(units) for area, units in members.items() if len(units) < needed}
    if small or needed < 1:
        names = ", ".join(f"{area} ({n})" for area, n in small.items())
        leave_out = f"x.isel(unit=~x.{by}.isin({[str(area) for area in small]}).values)"
        message = (
            f"decode_by draws {'at least ' if n_units is None else ''}{needed} units of each {by}; too few have "
            f"{names or 'all'}. Leave these out: {leave_out}; or draw fewer: n_units={max(smallest, 1)}."
        )
        raise DesignError(message)
    return smallest if n_units is None else n_units


def _by_rate(x: xr.DataArray, members: dict[Any, np.ndarray]) -> dict[Any, list[np.ndarray]]:
    """Return, for each area, its units in each bin of mean response."""
    units = feature_dim(x, step="decode_by")
    rate = x.mean([dim for dim in x.dims if dim != units], dtype=np.float64).values
    every = np.concatenate(list(members.values()))
    edges = np.unique(np.quantile(rate[every], np.arange(1, N_RATE_BINS) / N_RATE_BINS))
    bin_of = np.searchsorted(edges, rate, side="right")
    return {area: [mine[bin_of[mine] == b] for b in range(len(edges) + 1)] for area, mine in members.items()}


def _require_overlap(n_units: int, members: dict[Any, np.ndarray], by: str) -> None:
    if n_units < FEWEST:
        have = ", ".join(f"{area} ({len(units)})" for area, units in members.items())
        message = (
            f"decode_by: no more than {n_units} units of each {by} have rates in common, and it needs {FEWEST}. There "
            f'are: {have}. Leave out the {by} with the most different rates, or match="units".'
        )
        raise DesignError(message)
