"""What each section of a report says: one function per section, from the material to labelled arrays."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.inference.jackknife import jackknife
from neurodata4ml.analysis.latents.latents import latents
from neurodata4ml.analysis.reliability.reliability import reliability
from neurodata4ml.analysis.responses import average_by, firing_rate
from neurodata4ml.beside import beside_networks
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.dims import Labelled
from neurodata4ml.errors import DesignError
from neurodata4ml.material import Material
from neurodata4ml.recovery import recover

MIN_CONDITIONS = 4
"""Below four conditions an RDM has fewer than six entries, and unbiased CKA is not defined."""

MAX_SHOWN = 12
"""Conditions that one PSTH can show apart."""

ROUND_WIDTHS = tuple(round(m * 10.0**e, 9) for e in range(-3, 2) for m in (1, 2, 2.5, 5))
"""Bin widths that a reader can do sums with, in seconds: 1 ms to 50 s."""

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
        found["rate_by_condition"] = _stack(by, m.areas).rename(stimulus="condition")
    found.update(_raster(m))
    found.attrs = {"n_trials": m.counts.sizes["trial"], "units": "Hz", **_clock(m.counts, m)}
    return found


def decoding(m: Material) -> xr.Dataset:
    """How well a linear read-out tells conditions apart: in the whole window, and bin by bin."""
    _need_conditions(m, 2, "decoding")
    n, seed = m.spec.n_shuffles, m.spec.seed
    whole = [_whole_window(m, area) for area in m.areas]
    coarse = _coarse_counts(m)
    time = [decode(m.of_area(coarse, a), "stimulus", over="time", n_shuffles=n, seed=seed) for a in m.areas]
    null = [found["null"].quantile([0.025, 0.975], dim="shuffle") for found in time]
    found = xr.merge([_stack(whole, m.areas)], combine_attrs="override")
    for name, of in (("accuracy", "score"), ("chance", "chance"), ("p_value_corrected", "p_value_corrected")):
        found[name] = _stack([t[of] for t in time], m.areas)
    found["null_low"], found["null_high"] = (
        _stack([n.isel(quantile=k, drop=True) for n in null], m.areas) for k in (0, 1)
    )
    found.attrs = (
        {k: v for k, v in time[0].attrs.items() if not k.endswith("_dropped")}
        | {"target": m.spec.by}
        | _clock(coarse, m)
    )
    return found


def latent_trajectories(m: Material) -> xr.Dataset:
    """The path of the mean response of each condition through the first components of its area."""
    _need_conditions(m, 2, "latents")
    n_components = min(3, *(m.area_sizes[area] for area in m.areas))
    coarse = _coarse_counts(m)
    parts = [latents(average_by(m.of_area(coarse, area)), n_components=n_components) for area in m.areas]
    found = _stack([p[["latents", "explained_variance"]] for p in parts], m.areas).rename(stimulus="condition")
    found.attrs = {**parts[0].attrs, **_clock(coarse, m)}
    return found


def signal_dimensionality(m: Material) -> xr.Dataset:
    """Participation ratio of the mean responses of each area: as observed, and with the trial noise taken out."""
    _need_conditions(m, MIN_CONDITIONS, "dimensionality")
    parts = []
    for area in m.areas:
        x = m.of_area(m.totals, area)
        interval = jackknife(lambda part: dimensionality(part)["participation_ratio_cv"], x)
        parts.append(dimensionality(x).assign(low=interval["low"], high=interval["high"]))
    found = _stack(parts, m.areas)
    found.attrs = parts[0].attrs
    return found


def unit_reliability(m: Material) -> xr.Dataset:
    """Reliability of every unit's mean response to the conditions."""
    _need_conditions(m, MIN_CONDITIONS, "reliability across conditions")
    found = reliability(m.totals)
    keep = [name for name in ("unit", "area") if name in found.coords]
    return found.reset_coords(drop=True).to_dataset(name="reliability").assign_coords({n: found[n] for n in keep})


def rdms(m: Material) -> xr.Dataset:
    """Dissimilarity of every pair of conditions, for each area and each candidate, in their own units."""
    _need_conditions(m, MIN_CONDITIONS, "an RDM")
    brain = {area: rdm(m.of_area(m.totals, area), distance="crossnobis") for area in m.areas}
    try:
        networks = {name: rdm(x, distance="euclidean") for name, x in m.candidates.items() if "untrained" not in name}
    except DesignError:  # no images, so no network to show; the section on similarity says why
        networks = {}
    both = {**brain, **networks}
    kinds = ["brain"] * len(brain) + ["baseline" if name in ("pixels", "gabor") else "network" for name in networks]
    values = np.stack([_six_digits(d.values) for d in both.values()])
    labels = next(iter(both.values()))["stimulus"].values
    return xr.Dataset(
        {"rdm": (("representation", "stimulus", "stimulus2"), values)},
        coords={
            "representation": list(both),
            "kind": ("representation", kinds),
            "stimulus": labels,
            "stimulus2": labels,
        },
        attrs={"distance": "crossnobis (areas) and squared Euclidean (networks)"},
    )


def similarity(m: Material) -> xr.Dataset:
    """Similarity of every area to every candidate, free of trial noise; beside it RSA, and the biased metric's."""
    _need_conditions(m, MIN_CONDITIONS, "a comparison with networks")
    brain = {area: m.of_area(m.totals, area) for area in m.areas}
    return beside_networks(brain, m.beside, order=m.spec.order, seed=m.spec.seed)


ANSWERS: dict[str, Callable[[Material], xr.Dataset]] = {
    "psth": psth,
    "decoding": decoding,
    "latents": latent_trajectories,
    "dimensionality": signal_dimensionality,
    "reliability": unit_reliability,
    "rdms": rdms,
    "similarity": similarity,
    "truth": recover,
}


def coarse_bin_width(window: tuple[float, float], n_bins: int) -> float:
    """Return a round bin width in seconds that gives about ``n_bins`` bins, none of them astride the event.

    A bin that began before the event would show its decoder what came after. Where no round width divides what lies
    before and after the event, the width divides the whole window and the bins are as they fall.
    """
    length = window[1] - window[0]
    parts = [abs(part) for part in (window[0], window[1]) if window[0] < 0 < window[1]] or [length]
    fitting = [w for w in ROUND_WIDTHS if all(abs(part / w - round(part / w)) < 1e-6 for part in parts)]
    return min(fitting or [length / n_bins], key=lambda w: abs(math.log(length / w / n_bins)))


def _need_conditions(m: Material, least: int, what: str) -> None:
    labels = [str(v) for v in np.unique(m.counts["stimulus"].values)]
    if len(labels) < least:
        message = (
            f"{what} needs at least {least} conditions; {m.spec.by!r} has {len(labels)}: {', '.join(labels)}. "
            f"Choose a column with more values: --by COLUMN."
        )
        raise DesignError(message)


def _coarse_counts(m: Material, n_bins: int = 10) -> xr.DataArray:
    window = m.spec.window or (0.0, 1.0)
    width = coarse_bin_width(window, n_bins)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same windows were binned before, and said what there is to say
        return bin_spikes(m.session, align=str(m.spec.align), window=window, bin_width=width)


def _clock(counts: xr.DataArray, m: Material) -> dict[str, Any]:
    return {"bin_width": counts.attrs["bin_width"], "align": m.spec.align}


def _population_rate(m: Material, area: str) -> xr.Dataset:
    rate = firing_rate(m.of_area(m.counts, area), over=None).mean("unit")
    return jackknife(lambda part: part.mean("trial"), rate)[["estimate", "se", "low", "high"]]


def _whole_window(m: Material, area: str) -> xr.Dataset:
    x = m.of_area(m.totals, area)
    found = decode(x, "stimulus", n_shuffles=m.spec.n_shuffles, seed=m.spec.seed)
    return xr.Dataset(
        {
            "accuracy_window": found["score"],
            "accuracy_window_low": found["low"],
            "accuracy_window_high": found["high"],
            "chance_window": found["chance"],
            "p_window": found["p_value"],
        }
    )


def _raster(m: Material, n_units: int = 4, n_trials: int = 400) -> dict[str, xr.DataArray]:
    """Single spikes of the busiest units of each area, trials sorted by condition."""
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
    return {
        "raster_time": xr.DataArray(fine["time"].values[time].round(4), dims="mark", attrs={"units": "s"}),
        "raster_trial": xr.DataArray(trial, dims="mark"),
        "raster_unit": xr.DataArray(fine["unit"].values[unit], dims="mark"),
        "raster_area": xr.DataArray(fine["area"].values[unit], dims="mark"),
    }


def _six_digits(values: np.ndarray) -> np.ndarray:
    """More digits of a distance than anyone can use make results.json large."""
    scale = 10.0 ** (5 - math.floor(math.log10(max(float(np.nanmax(np.abs(values))), 1e-300))))
    return np.asarray(np.round(values * scale) / scale)


def _stack(parts: Sequence[Labelled], areas: list[str]) -> Labelled:
    """Put one result per area on a common dim, leaving behind the coordinates of single units."""
    plain = [part.drop_vars([n for n, c in part.coords.items() if n not in part.dims]) for part in parts]
    return xr.concat(plain, dim="area", combine_attrs="override").assign_coords(area=areas)
