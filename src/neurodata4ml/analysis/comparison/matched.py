"""Areas made comparable: as many units of each, drawn again and again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from neurodata4ml.analysis.inference.jackknife import interval
from neurodata4ml.dims import feature_dim
from neurodata4ml.errors import DesignError

N_DRAWS = 20
"""Random sets of units; their mean has a twentieth of the variance of one."""


def n_matched(xs: dict[str, xr.DataArray]) -> int:
    """Return the number of units of the smallest array.

    Raises
    ------
    DesignError
        Some are RDMs, whose units are gone.
    """
    rdms = [name for name, x in xs.items() if "stimulus2" in x.dims]
    if rdms:
        message = (
            f"match_units=True draws units, and {', '.join(rdms)} has none: an RDM. Hand in trials (trial, unit) "
            f"or means (stimulus, unit)."
        )
        raise DesignError(message)
    return min(x.sizes[feature_dim(x, step="compare")] for x in xs.values())


def matched_sets(x: xr.DataArray, n_units: int, *, seed: int) -> list[xr.DataArray]:
    """Return ``x`` with random sets of ``n_units`` units, without replacement; ``x`` alone if there are no more."""
    columns = feature_dim(x, step="compare")
    if x.sizes[columns] == n_units:
        return [x]
    rng = np.random.default_rng(seed)
    drawn = [np.sort(rng.permutation(x.sizes[columns])[:n_units]) for _ in range(N_DRAWS)]
    return [x.isel({columns: units}) for units in drawn]


def matched_row(
    x: xr.DataArray, n_units: int, row: Callable[[xr.DataArray], xr.Dataset], *, confidence: float, seed: int
) -> xr.Dataset:
    """Return the mean of ``row`` over random sets of ``n_units`` units, without replacement; all if there are no more.

    Replicates are averaged draw by draw, so that the interval is that of the mean.
    """
    columns = feature_dim(x, step="compare")
    if x.sizes[columns] == n_units:
        return row(x)
    rows = [row(drawn) for drawn in matched_sets(x, n_units, seed=seed)]
    found = xr.concat(rows, dim="draw", combine_attrs="override").mean("draw", skipna=False, keep_attrs=True)
    if "replicate" in found:
        again = interval(found["similarity"], found["replicate"], confidence=confidence)
        found = found.assign(low=again["low"], high=again["high"])
    return found
