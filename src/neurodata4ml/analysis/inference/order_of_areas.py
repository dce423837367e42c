"""Whether a number of units rises along a known order of areas, with areas as the sample, not units."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import xarray as xr
from scipy.stats import rankdata

from neurodata4ml.analysis.inference.confidence import require_confidence
from neurodata4ml.analysis.inference.p_values import ROUNDING
from neurodata4ml.dims import add_step, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_names, require_whole
from neurodata4ml.suggest import guess

_ALL_ORDERS = 8
"""Areas up to which every order is gone through (8! = 40,320); beyond, as many are drawn."""


def along_areas(
    x: xr.DataArray,
    order: Sequence[str],
    *,
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Rank correlation of the areas' medians with a named order of the areas, and what another order would give.

    What is ordered is the areas, so these are the sample: six areas have 720 orders, and p, two-sided, is the share of
    these whose correlation is as large. That units are many makes the medians sure, not the order; a correlation over
    units, or units exchanged among areas, counts each area as often as it has units. The interval draws units with
    replacement within areas (percentiles), and says how sure the medians are of *these* animals and areas.

    Parameters
    ----------
    x : DataArray (unit) with the coordinate ``area``
        One number for each unit: a latency, a timescale. NaN is left out.
    order : sequence of str
        Three or more areas, from early to late; decided on before the data were seen.
    n_resamples, confidence, seed : int, float, int

    Returns
    -------
    Dataset
        ``correlation`` (Spearman) with ``low``, ``high`` and ``p_value``; ``median`` (area), ``median_low``,
        ``median_high``, ``n_units`` (area); ``null`` (shuffle), correlations of other orders.

    Raises
    ------
    DimensionError
        Not (unit), or no areas.
    DesignError
        Fewer than three areas, an area that is not there or has no number.

    References
    ----------
    Siegle et al. 2021, Nature 592:86, order areas so; Saravanan, Berman & Sober 2020, on units as samples.
    """
    step = "along_areas"
    require_array(x, step=step)
    require_dims(x, "unit", step=step)
    if x.dims != ("unit",) or "area" not in x.coords:
        message = (
            f"{step} takes one number for each unit and their area: (unit) with the coordinate area; got {x.dims}."
        )
        raise DimensionError(message)
    require_whole(n_resamples, "n_resamples", least=2)
    require_whole(seed, "seed", least=0)
    require_confidence(confidence, step=step)
    groups = _groups(x, order)
    rng = np.random.default_rng(seed)
    draws = [one[rng.integers(0, len(one), size=(n_resamples, len(one)))] for one in groups.values()]
    again = np.stack([np.median(one, axis=1) for one in draws], axis=1)
    medians = np.array([np.median(one) for one in groups.values()])
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(_correlation(again), ends)
    median_low, median_high = np.quantile(again, ends, axis=0)
    observed = float(_correlation(medians))
    null = _correlation(medians[_orders(len(medians), rng)])
    as_large = np.abs(null) >= abs(observed) - ROUNDING
    exact = len(medians) <= _ALL_ORDERS
    name = str(x.attrs.get("long_name", x.name or "value"))
    found = xr.Dataset(
        {
            "correlation": ((), observed),
            "low": ((), float(low)),
            "high": ((), float(high)),
            "p_value": ((), float(as_large.mean() if exact else (1 + as_large.sum()) / (1 + len(null)))),
            "median": ("area", medians),
            "median_low": ("area", median_low),
            "median_high": ("area", median_high),
            "n_units": ("area", [len(one) for one in groups.values()]),
            "null": ("shuffle", null),
        },
        coords={"area": list(groups)},
        attrs={
            **provenance(x),
            "units": x.attrs.get("units", ""),
            "long_name": name,
        },
    )
    return add_step(found, step, order=list(groups), n_resamples=n_resamples, confidence=confidence, seed=seed)


def _groups(x: xr.DataArray, order: Sequence[str]) -> dict[str, np.ndarray]:
    areas = require_names(order, "order", example="['V1', 'LM', 'AL'], from early to late")
    homes = x["area"].values.astype(str)
    there = list(dict.fromkeys(homes.tolist()))
    values = np.asarray(x.values, dtype=float)
    groups = {}
    for area in areas:
        if str(area) not in there:
            message = f"There are no units of the area {area!r}.{guess(area, there)} Areas: {', '.join(there)}."
            raise DesignError(message)
        own = values[(homes == str(area)) & np.isfinite(values)]
        if not len(own):
            message = f"The area {area!r} has no unit with a number: all are NaN. Leave it out of order."
            raise DesignError(message)
        groups[str(area)] = own
    if len(groups) < 3 or len(groups) < len(areas):
        message = (
            f"along_areas needs 3 or more different areas; got {', '.join(map(str, areas)) or 'none'}: of two areas, "
            f"one is first by chance half of the time."
        )
        raise DesignError(message)
    return groups


def _correlation(medians: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of medians (..., area) with their place; 0 where all are equal."""
    ranks = rankdata(medians, axis=-1)
    ranks = ranks - ranks.mean(axis=-1, keepdims=True)
    place = np.arange(medians.shape[-1]) - (medians.shape[-1] - 1) / 2
    norm = np.sqrt((ranks**2).sum(axis=-1) * (place**2).sum())
    return np.asarray(np.divide(ranks @ place, norm, out=np.zeros(medians.shape[:-1]), where=norm > 0))


def _orders(n_areas: int, rng: np.random.Generator) -> np.ndarray:
    if n_areas <= _ALL_ORDERS:
        return np.array(list(permutations(range(n_areas))))
    return np.stack([rng.permutation(n_areas) for _ in range(40_320)])
