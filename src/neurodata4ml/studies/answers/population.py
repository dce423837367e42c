"""What the population does: the path of its mean responses, and how many dimensions they fill."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.analysis.inference.jackknife import jackknife
from neurodata4ml.analysis.latents.latents import latents
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.studies.answers.shared import MIN_CONDITIONS, clock, explained, need_conditions, stack
from neurodata4ml.studies.answers.splits import of_all, of_halves_of_folds
from neurodata4ml.studies.material import Material

OF_TRIALS = ("dpca", "gpfa", "cebra")
"""Methods that look at single trials; the others are given the mean response to each condition."""

_KEPT = ("latents", "explained_variance", "marginal_variance", "timescale")

_LEAST_IN_HALF = {"participation": 2, "cvpca": 1}
"""Folds of every stimulus that either half needs, by method."""


def latent_trajectories(m: Material) -> xr.Dataset:
    """The path of the mean response of each condition through the first components of its area.

    What a method gives for single trials is averaged over the trials of each condition.
    """
    need_conditions(m, 2, "a latent trajectory")
    options: dict[str, Any] = {"n_components": min(3, *m.area_sizes.values(), 3), **m.options("latents")}
    of_trials = options.get("method", "pca") in OF_TRIALS
    parts = [_path(m.of_area(m.coarse, area), options, of_trials=of_trials) for area in m.areas]
    found = stack(parts, m.areas)
    found.attrs = {**parts[0].attrs, "averaged": "after" if of_trials else "before", **clock(m.coarse, m)}
    found.attrs["explained"] = explained(parts[0])
    return found


def _path(x: xr.DataArray, options: dict[str, Any], *, of_trials: bool) -> xr.Dataset:
    """Return the latents of one area, dims (condition, time, component), and what goes with each component."""
    result = latents(x if of_trials else average_by(x), **options)
    names = [name for name in _KEPT if name in result and "trial" not in result[name].dims]
    found = result[[name for name in names if name != "latents"]]
    found["latents"] = _by_condition(result["latents"])
    if "marginalization" in result.coords:
        found = found.reset_coords("marginalization")  # a value of each area's components, not a label they share
    if "component" not in found.coords:
        found = found.assign_coords(component=np.arange(found.sizes["component"]))
    return found


def _by_condition(path: xr.DataArray) -> xr.DataArray:
    """Return latents of trials, or of combinations of factors, by condition."""
    if "trial" in path.dims:
        path = average_by(path)
    factors = [str(dim) for dim in path.dims if dim not in ("time", "component")]
    if len(factors) == 1:
        return path.rename({factors[0]: "condition"}).reset_coords(drop=True)
    flat = path.stack(condition=factors)
    names = [", ".join(map(str, values)) for values in flat["condition"].values]
    return flat.drop_vars(["condition", *factors]).assign_coords(condition=np.array(names, dtype=object))


def signal_dimensionality(m: Material) -> xr.Dataset:
    """How many dimensions the mean responses of each area fill, by the method that the study asks for.

    "participation": as observed, and with the trial noise taken out, with its jackknife interval.
    """
    need_conditions(m, MIN_CONDITIONS, "dimensionality")
    options = m.options("dimensionality")
    method = options.get("method", "participation")
    parts = [_dimensions(m.of_area(m.totals, area), method, options) for area in m.areas]
    found = stack(parts, m.areas)
    found.attrs = {**parts[0].attrs, "explained": explained(parts[0])}
    if method in _LEAST_IN_HALF:
        least, seed = _LEAST_IN_HALF[method], options["seed"]
        found.attrs["splits_sha256"] = of_all(
            of_halves_of_folds(m.of_area(m.totals, area), seed, least=least) for area in m.areas
        )
    return found


def _dimensions(x: xr.DataArray, method: str, options: dict[str, Any]) -> xr.Dataset:
    found = dimensionality(x, **options)
    if method == "participation":
        interval = jackknife(lambda part: dimensionality(part, **options)["participation_ratio_cv"], x)
        return found.assign(low=interval["low"], high=interval["high"])
    return found.drop_vars("null", errors="ignore").assign_coords(component=np.arange(found.sizes["component"]) + 1)
