"""What the units do: rates around the event, and how well mean responses repeat."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.inference.jackknife import jackknife
from neurodata4ml.analysis.reliability.reliability import reliability
from neurodata4ml.analysis.responses import average_by, firing_rate
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.errors import DesignError
from neurodata4ml.studies.answers.shared import MIN_CONDITIONS, clock, explained, need_conditions, stack
from neurodata4ml.studies.answers.splits import of_random_halves
from neurodata4ml.studies.material import Material

MAX_SHOWN = 12
"""Conditions that one PSTH can show apart."""

RASTER_BIN = 0.001
"""Seconds; fine enough that a raster shows single spikes."""


def psth(m: Material) -> xr.Dataset:
    """Mean rate of each area around the event, with a jackknife interval, and the spikes of example units."""
    if m.counts.sizes["trial"] < 2:
        message = "responses over time need at least 2 trials; 1 is left. Choose other trials, or another --where."
        raise DesignError(message)
    rate = xr.concat([_population_rate(m, area) for area in m.areas], dim="area").assign_coords(area=m.areas)
    found = rate.rename(estimate="rate").drop_vars("se")
    labels = np.unique(m.counts["stimulus"].values)
    if len(labels) <= MAX_SHOWN:
        by = [average_by(firing_rate(m.of_area(m.counts, area), over=None)).mean("unit") for area in m.areas]
        found["rate_by_condition"] = stack(by, m.areas).rename(stimulus="condition")
    raster, n_rows = _raster(m)
    found.update(raster)
    found.attrs = {"n_trials": m.counts.sizes["trial"], "raster_trials": n_rows, "units": "Hz", **clock(m.counts, m)}
    return found


def unit_reliability(m: Material) -> xr.Dataset:
    """Reliability of every unit's mean response to the conditions."""
    need_conditions(m, MIN_CONDITIONS, "reliability across conditions")
    options = m.options("reliability")
    found = reliability(m.totals, **options)
    keep = [name for name in ("unit", "area") if name in found.coords]
    out = found.reset_coords(drop=True).to_dataset(name="reliability").assign_coords({n: found[n] for n in keep})
    out.attrs = {name: found.attrs[name] for name in ("method", "folds") if name in found.attrs}
    if found.attrs.get("method") == "split_half":
        out.attrs["splits_sha256"] = of_random_halves(m.totals, options.get("n_splits", 100), options["seed"])
    if found.attrs.get("undefined"):
        out.attrs["undefined"] = found.attrs["undefined"]
    out.attrs["explained"] = explained(found)
    return out


def _population_rate(m: Material, area: str) -> xr.Dataset:
    rate = firing_rate(m.of_area(m.counts, area), over=None).mean("unit")
    return jackknife(lambda part: part.mean("trial"), rate)[["estimate", "se", "low", "high"]]


def _raster(m: Material, n_units: int = 4, n_trials: int = 400) -> tuple[dict[str, xr.DataArray], int]:
    """Single spikes of the busiest units of each area, trials sorted by condition; and the number of these trials.

    Of few conditions, ``raster_condition`` names each, and ``raster_begins`` is its first row.
    """
    per_area = max(1, n_units // len(m.areas))
    mean = m.totals.mean("trial")
    busiest = [m.of_area(mean, area).sortby(m.of_area(mean, area), ascending=False) for area in m.areas[:n_units]]
    units = np.concatenate([area["unit"].values[:per_area] for area in busiest])
    order = np.argsort(m.counts["stimulus"].values.astype(str), kind="stable")
    rows = order[np.unique(np.linspace(0, len(order) - 1, n_trials).astype(int))]
    part = m.session.sel(unit=units).isel(trial=np.sort(rows))
    fine = bin_spikes(part, align=str(m.spec.align), window=m.spec.window, bin_width=RASTER_BIN)
    label = fine["stimulus"].values.astype(str)
    fine = fine.isel(trial=np.argsort(label, kind="stable"))
    trial, time, unit = np.nonzero(fine.values)
    found = {
        "raster_time": xr.DataArray(fine["time"].values[time].round(4), dims="mark", attrs={"units": "s"}),
        "raster_trial": xr.DataArray(trial, dims="mark"),
        "raster_unit": xr.DataArray(fine["unit"].values[unit], dims="mark"),
        "raster_area": xr.DataArray(fine["area"].values[unit], dims="mark"),
    }
    names, begins = np.unique(np.sort(label, kind="stable"), return_index=True)
    if 1 < len(names) <= MAX_SHOWN:
        found["raster_condition"] = xr.DataArray(names.astype(object), dims="raster_block")
        found["raster_begins"] = xr.DataArray(begins, dims="raster_block")
    return found, fine.sizes["trial"]
