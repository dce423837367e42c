"""The hierarchy score of every network and of its twin, for an order of areas that is given or known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import xarray as xr

from neurodata4ml.analysis.comparison.hierarchy import hierarchy
from neurodata4ml.candidates import Candidate

KNOWN_ORDERS = {"mouse visual areas": ("LGd", "VISp", "VISl", "VISrl", "LP", "VISal", "VISpm", "VISam")}
"""Areas from early to late. Mouse: by anatomical hierarchy score, Siegle et al. 2021, Nature 592:86."""

MIN_AREAS = 3
"""Of two areas, one is first by chance half of the time."""

_CALLED = {
    "correlation": "hierarchy",
    "low": "hierarchy_low",
    "high": "hierarchy_high",
    "p_value": "hierarchy_p",
    "depth": "hierarchy_depth",
    "depth_low": "hierarchy_depth_low",
    "depth_high": "hierarchy_depth_high",
}


def known_order(areas: Collection[str]) -> tuple[str, ...]:
    """Return those of the areas that stand in a known order, from early to late; none if fewer than three do."""
    for order in KNOWN_ORDERS.values():
        there = tuple(area for area in order if area in areas)
        if len(there) >= MIN_AREAS:
            return there
    return ()


def network_hierarchies(
    brain: Mapping[str, xr.DataArray], found: Sequence[Candidate], order: Sequence[str], **options: Any
) -> xr.Dataset:
    """Return the hierarchy score of every network and of every twin, each with what was ranked.

    Parameters
    ----------
    brain : dict of area to DataArray
        Trials (trial, unit) or means (stimulus, unit).
    found : sequence of Candidate
    order : sequence of str
        Three or more areas, from early to late.
    **options
        For ``hierarchy``: ``n_resamples``, ``confidence``, ``seed``.

    Returns
    -------
    Dataset, dims (network_name, area)
        ``hierarchy`` with ``hierarchy_low``, ``hierarchy_high`` and ``hierarchy_p``; ``hierarchy_depth`` with its
        interval: the place, 0 to 1, of the layer that each area shares most with, from as many units of each.

    Raises
    ------
    DesignError
        Fewer than three areas, an area that is not there, a network of one layer.
    """
    names = list(dict.fromkeys(one.network for one in found if one.kind != "baseline"))
    scores = []
    for name in names:
        layers = {one.name: one.values for one in found if one.network == name}
        scores.append(hierarchy(brain, layers, order=order, **options)[list(_CALLED)])
    joined = xr.concat(scores, dim="network_name", combine_attrs="drop").assign_coords(network_name=names)
    return joined.rename(_CALLED)
