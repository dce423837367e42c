"""Intervals from leaving out one part of a session at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.dims import add_step, presented, provenance, require_coords, require_dims
from neurodata4ml.errors import DesignError

Statistic = Callable[[xr.DataArray], xr.DataArray | float]
Transform = tuple[Callable[[xr.DataArray], xr.DataArray], Callable[[xr.DataArray], xr.DataArray]]

_ENOUGH_BLOCKS = 10
"""With fewer blocks a jackknife over blocks has too few degrees of freedom to be of use."""


def jackknife(
    statistic: Statistic,
    x: xr.DataArray,
    *,
    over: str | None = None,
    n_groups: int = 20,
    confidence: float = 0.95,
    transform: Transform | None = None,
) -> xr.Dataset:
    """Standard error and interval of any statistic of trials, from leaving out one group of trials at a time.

    Groups are the blocks when there are at least 10, else contiguous chunks of trials, so that what drifts
    together is left out together. Unlike a bootstrap, no trial is ever counted twice. With g groups and
    ``r_k`` the statistic without group k, ``se^2 = (g - 1) / g * sum_k (r_k - mean r)^2`` and the interval is
    ``estimate -+ t(g - 1) * se`` (Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 11).
    The estimate is the value on all trials, not bias-corrected. The statistic must be smooth in the data: one that
    draws random splits must draw the same ones each time.

    Parameters
    ----------
    statistic : callable DataArray (trial, ...) -> DataArray or float
    x : DataArray with dim ``trial``
        Blank and invalid trials are dropped first.
    over : str, optional
        A trial coordinate whose values are the groups, e.g. ``"block"``, however many.
    n_groups : int
        Number of contiguous chunks; 20 leaves t within 7 % of the normal.
    confidence : float
        Coverage of the interval.
    transform : (forward, inverse), optional
        The interval is made on the forward scale, e.g. ``(np.arctanh, np.tanh)`` for correlations.

    Returns
    -------
    Dataset with ``estimate``, ``se``, ``low``, ``high``, and ``replicate`` with the extra dim ``group``
        Where a replicate is NaN, so are ``se``, ``low`` and ``high``: that group's weight is unknown
        (``attrs["undefined"]``).

    Raises
    ------
    DesignError
        Fewer than two groups.
    """
    require_dims(x, "trial", step="jackknife")
    x = presented(x, step="jackknife")
    groups, kind = _groups(x, over, n_groups)
    estimate = _labelled(statistic(x))
    replicates = [_labelled(statistic(x.isel(trial=np.flatnonzero(groups != k)))) for k in range(groups.max() + 1)]
    out = interval(estimate, xr.concat(replicates, dim="group"), confidence=confidence, transform=transform)
    out.attrs = {**provenance(x), "groups": kind, "n_groups": len(replicates), "confidence": confidence}
    lost = [k for k, one in enumerate(replicates) if bool(one.isnull().any())]
    if lost:
        out.attrs["undefined"] = (
            f"se, low and high are NaN where the statistic is NaN without a group of trials, here in {len(lost)} of "
            f"{len(replicates)} groups (the first: {lost[0]})."
        )
    return add_step(out, "jackknife", groups=kind, n_groups=len(replicates), confidence=confidence)


def interval(
    estimate: xr.DataArray,
    replicate: xr.DataArray,
    *,
    confidence: float = 0.95,
    transform: Transform | None = None,
) -> xr.Dataset:
    """Return the jackknife interval of ``estimate`` from its ``replicate`` (dim ``group``); see ``jackknife``."""
    forward, inverse = transform or (_same, _same)
    width = _t_quantile(confidence, replicate.sizes["group"]) * _jackknife_error(forward(replicate))
    return xr.Dataset(
        {
            "estimate": estimate,
            "se": _jackknife_error(replicate),
            "low": inverse(forward(estimate) - width),
            "high": inverse(forward(estimate) + width),
            "replicate": replicate,
        }
    )


def _groups(x: xr.DataArray, over: str | None, n_groups: int) -> tuple[np.ndarray, str]:
    if over is not None:
        require_coords(x, over, step="jackknife")
    names = np.unique(x.coords[over or "block"].values, return_inverse=True)[1] if over or "block" in x.coords else None
    if names is not None and names.size and (over or names.max() + 1 >= _ENOUGH_BLOCKS):
        groups, kind = names, over or "block"
    else:
        n_trials = x.sizes["trial"]
        groups, kind = np.arange(n_trials) * min(n_groups, n_trials) // max(n_trials, 1), "contiguous"
    if len(groups) == 0 or groups.max() < 1:
        message = (
            f"jackknife leaves out one group of trials at a time and needs at least 2; got {len(np.unique(groups))} "
            f"({kind}, {x.sizes['trial']} trials). Raise n_groups, or name a coordinate of the trials: over='block'."
        )
        raise DesignError(message)
    return groups, kind


def _labelled(value: xr.DataArray | float) -> xr.DataArray:
    return value if isinstance(value, xr.DataArray) else xr.DataArray(float(value))


def _same(x: xr.DataArray) -> xr.DataArray:
    return x


def _jackknife_error(replicate: xr.DataArray) -> xr.DataArray:
    n_groups = replicate.sizes["group"]
    spread = ((replicate - replicate.mean("group", skipna=False)) ** 2).sum("group", skipna=False)
    return ((n_groups - 1) / n_groups * spread) ** 0.5


def _t_quantile(confidence: float, n_groups: int) -> float:
    return float(stats.t.ppf(0.5 + confidence / 2, n_groups - 1))
