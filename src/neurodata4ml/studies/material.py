"""The part of a recording that a study is about: chosen trials and units, binned spikes, images, candidates."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.candidates import Candidate, cached_candidates
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.data.session import open_session
from neurodata4ml.data.truth import shows_scenes
from neurodata4ml.data.whereabouts import bring
from neurodata4ml.errors import ArchiveError, DesignError, LayoutError, NotCachedError
from neurodata4ml.networks.model import Model
from neurodata4ml.networks.models import load_model
from neurodata4ml.networks.preprocessing import Preprocessing
from neurodata4ml.spec import Spec
from neurodata4ml.studies.misfits import require_columns
from neurodata4ml.studies.selection import keep_trials, keep_units, with_areas, with_conditions
from neurodata4ml.study_keys import about
from neurodata4ml.suggest import guess

N_COARSE = 10
"""Bins of a course over time."""

DEMO_NETWORKS = ("digits", "digits-untrained")

ROUND_WIDTHS = tuple(round(m * 10.0**e, 9) for e in range(-3, 2) for m in (1, 2, 2.5, 5))
"""Bin widths that a reader can do sums with, in seconds: 1 ms to 50 s."""

OWN_OPTIONS = {
    "decode": ("seed", "n_shuffles"),
    "latents": ("seed",),
    "dimensionality": ("seed",),
    "reliability": ("seed",),
    "encode": ("seed",),
    "compare": ("seed",),
}
"""What of the study itself goes to each function, unless the study's table of that name says otherwise."""


@dataclass(frozen=True)
class Material:
    """What every analysis of a study is made from.

    Attributes
    ----------
    spec : Spec
    session : Dataset
        The chosen trials and units.
    counts : DataArray, dims (trial, time, unit)
        Spike counts with the coordinate ``stimulus``.
    trials_dropped, units_dropped : dict of str to int
        How many were left out, by reason.
    """

    spec: Spec
    session: xr.Dataset
    counts: xr.DataArray
    trials_dropped: dict[str, int]
    units_dropped: dict[str, int]

    @cached_property
    def totals(self) -> xr.DataArray:
        """Counts in the whole window, dims (trial, unit)."""
        return self.counts.sum("time", keep_attrs=True).as_numpy()

    @cached_property
    def coarse(self) -> xr.DataArray:
        """Counts in about ten bins, dims (trial, time, unit): enough to see a course, few enough to test."""
        window = self.spec.window or (0.0, 1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the same windows were binned before, and said what there is to say
            width = coarse_bin_width(window, N_COARSE)
            return bin_spikes(self.session, align=str(self.spec.align), window=window, bin_width=width)

    def options(self, analysis: str) -> dict[str, Any]:
        """Return the keyword arguments of a function: the study's table of that name, over the study's own.

        Parameters
        ----------
        analysis : str
            The name of the function, which is that of the table: ``"decode"``.
        """
        own = {name: getattr(self.spec, name) for name in OWN_OPTIONS.get(analysis, ())}
        return {**own, **self.spec.options.get(analysis, {})}

    @property
    def areas(self) -> list[str]:
        """Areas, in the order of the file."""
        return list(self.area_sizes)

    @property
    def area_sizes(self) -> dict[str, int]:
        """Number of units by area."""
        area = self.counts["area"].values
        return {str(a): int((area == a).sum()) for a in dict.fromkeys(area)}

    def of_area(self, x: xr.DataArray, area: str) -> xr.DataArray:
        """Return the units of ``x`` that lie in ``area``, in memory."""
        return x.isel(unit=np.flatnonzero(x["area"].values == area)).as_numpy()

    @cached_property
    def images(self) -> xr.DataArray:
        """The images shown, dims (stimulus, y, x); raises where the recording has none."""
        shown = np.unique(self.counts["stimulus"].values)
        try:
            images = stimulus_images(self.session)
        except (LayoutError, NotCachedError, ArchiveError) as error:  # the rest of the study needs no images
            raise DesignError(str(error)) from error
        lacking = [str(v) for v in shown if v not in images.indexes["stimulus"]]
        if lacking:
            message = f"the images of the file are not those of the conditions: none is named {', '.join(lacking[:5])}."
            raise DesignError(message)
        return images.sel(stimulus=shown)

    @cached_property
    def beside(self) -> list[Candidate]:
        """Everything the brain is compared with: layers, untrained twins, pixels and Gabor energies."""
        return cached_candidates(
            networks_of(self.spec, of_demo=shows_scenes(self.session)), self.images, **_reading(self.spec)
        )

    @property
    def candidates(self) -> dict[str, xr.DataArray]:
        """The same by name, dims (stimulus, feature) each."""
        return {one.name: one.values for one in self.beside}


def coarse_bin_width(window: tuple[float, float], n_bins: int) -> float:
    """Return a round bin width in seconds that gives about ``n_bins`` bins, none of them astride the event.

    A bin that began before the event would show its decoder what came after. Where no round width divides what lies
    before and after the event, the width divides the whole window and the bins are as they fall.
    """
    length = window[1] - window[0]
    parts = [abs(part) for part in (window[0], window[1]) if window[0] < 0 < window[1]] or [length]
    fitting = [w for w in ROUND_WIDTHS if all(abs(part / w - round(part / w)) < 1e-6 for part in parts)]
    return min(fitting or [length / n_bins], key=lambda w: abs(math.log(length / w / n_bins)))


def networks_of(spec: Spec, *, of_demo: bool) -> tuple[str, ...]:
    """Return the networks that a study compares with: those it names; of the demo's scenes, their own if none."""
    if spec.networks is not None:
        return spec.networks
    return DEMO_NETWORKS if of_demo else ()


def _reading(spec: Spec) -> dict[str, Any]:
    """Return how the networks are read: the study's layers and seed, and what ``[activations]`` says besides."""
    layers = "all" if spec.layers == ("all",) else spec.layers
    found = {"seed": spec.seed, "layers": layers, **spec.options.get("activations", {})}
    if isinstance(found.get("preprocessing"), Mapping):
        told: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in found["preprocessing"].items()
        }
        found["preprocessing"] = Preprocessing(**told)
    return found


def require_layers(spec: Spec, models: Sequence[Model]) -> None:
    """Refuse a misspelt layer before anything is computed.

    Parameters
    ----------
    spec : Spec
    models : sequence of Model
        The networks of the study.
    """
    asked = _reading(spec)["layers"]
    known = [name for model in models for name in model.known_layers]
    for name in () if asked is None or asked == "all" or not models else asked:
        if name not in known:
            of = ", ".join(model.name for model in models)
            own = ", ".join(dict.fromkeys(layer for model in models for layer in model.layers))
            message = f"no network of {of} has a layer {name!r}.{guess(name, known)} Layers to begin with: {own}."
            raise DesignError(message)


def prepare(spec: Spec, *, among_many: bool = False) -> Material:
    """Open the recording, choose trials and units, and bin the spikes.

    Parameters
    ----------
    spec : Spec
        Of one recording. What ``[bin_spikes]`` says of ``align``, ``window`` and ``bin_width`` is the study's own.
    among_many : bool
        Whether other recordings are asked the same: then an analysis that this one lacks a column of is left out, and
        the others are made.

    Raises
    ------
    NeuroDataError
        The recording cannot be opened; a column, an area or a network is unknown; no trial or no unit is left.
    """
    bring(spec.source, spec.session, spec.trials)
    spec, session, trials_dropped, units_dropped = choose(spec)
    if not among_many:
        require_columns(spec, session)
    # a misspelt name is noticed before anything is computed
    with about("layers"):
        require_layers(spec, [load_model(network) for network in networks_of(spec, of_demo=shows_scenes(session))])
    align = str(spec.align)
    binning = {k: v for k, v in spec.options.get("bin_spikes", {}).items() if k not in _OF_STUDY}
    with about("window"):
        counts = bin_spikes(session, align=align, window=spec.window, bin_width=spec.bin_width, **binning)
    outside = counts.attrs["bin_spikes_dropped_invalid"]
    if outside:
        trials_dropped["window touches an invalid interval"] = outside
    width, time = counts.attrs["bin_width"], counts["time"].values
    window = (round(float(time[0]) - width / 2, 9), round(float(time[-1]) + width / 2, 9))
    trials = str(session.attrs["trials"])
    spec = replace(spec, align=align, window=window, trials=trials, by=spec.by or "stimulus", bin_width=width)
    return Material(spec, session, counts, trials_dropped, units_dropped)


_OF_STUDY = ("align", "window", "bin_width")
"""Options of ``bin_spikes`` that are keys of the study too."""


def choose(spec: Spec) -> tuple[Spec, xr.Dataset, dict[str, int], dict[str, int]]:
    """Open a recording that is here, and choose its trials and units; no spike is read.

    Parameters
    ----------
    spec : Spec
        Of one recording.

    Returns
    -------
    spec : Spec
        With the event that is time 0, and what ``[bin_spikes]`` says of it.
    session : Dataset
        With the coordinates ``stimulus`` and ``area``.
    trials_dropped, units_dropped : dict of str to int
        How many were left out, by reason.
    """
    binning = spec.options.get("bin_spikes", {})
    spec = replace(spec, **{name: binning[name] for name in _OF_STUDY if name in binning})
    session = open_session(spec.source, spec.session, trials=spec.trials, units="all")  # chosen, and counted, below
    with about("by"):
        session = with_conditions(session, spec.by)
    session = with_areas(session)
    align = spec.align or str(session.attrs.get("align", "start_time"))
    session, trials_dropped = keep_trials(session, align, spec.where)
    session, units_dropped = keep_units(session, spec.units, spec.areas)
    return replace(spec, align=align), session, trials_dropped, units_dropped
