"""The part of a recording that a study is about: chosen trials and units, binned spikes, images, candidates."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from neurodata4ml.candidates import Candidate, candidates_of
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.data.session import open_session
from neurodata4ml.data.whereabouts import bring
from neurodata4ml.errors import ArchiveError, DesignError, LayoutError, NotCachedError
from neurodata4ml.networks.models import load_model
from neurodata4ml.spec import Spec
from neurodata4ml.where import select_trials

MIN_UNITS = 10
"""An area with fewer units is left out where larger ones exist: a population of three says little of an area."""

DEMO_NETWORKS = ("digits", "digits-untrained")


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
        return self.counts.sum("time", keep_attrs=True)

    @cached_property
    def areas(self) -> list[str]:
        """Areas with enough units, in the order of the file."""
        sizes = self.area_sizes
        large = [area for area, n in sizes.items() if n >= MIN_UNITS]
        return large or list(sizes)

    @property
    def area_sizes(self) -> dict[str, int]:
        """Number of units by area."""
        area = self.counts["area"].values
        return {str(a): int((area == a).sum()) for a in dict.fromkeys(area)}

    def of_area(self, x: xr.DataArray, area: str) -> xr.DataArray:
        """Return the units of ``x`` that lie in ``area``."""
        return x.isel(unit=np.flatnonzero(x["area"].values == area))

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
        return candidates_of(list(_networks(self.spec, self.session)), self.images, seed=self.spec.seed)

    @property
    def candidates(self) -> dict[str, xr.DataArray]:
        """The same by name, dims (stimulus, feature) each."""
        return {one.name: one.values for one in self.beside}


def _networks(spec: Spec, session: xr.Dataset) -> tuple[str, ...]:
    if spec.networks is not None:
        return spec.networks
    return DEMO_NETWORKS if session.attrs.get("simulated") else ()


def prepare(spec: Spec) -> Material:
    """Open the recording, choose trials and units, and bin the spikes."""
    bring(spec.source, spec.session, spec.trials)
    session = open_session(spec.source, spec.session, trials=spec.trials, units="all")  # chosen, and counted, below
    for network in _networks(spec, session):
        load_model(network)  # a misspelt name is noticed before anything is computed
    session = _with_conditions(session, spec.by)
    if "area" not in session.coords:
        session = session.assign_coords(area=("unit", np.full(session.sizes["unit"], "all units", dtype=object)))
    align = spec.align or str(session.attrs.get("align", "start_time"))
    session, trials_dropped = _keep_trials(session, align, spec.where)
    session, units_dropped = _keep_units(session)
    counts = bin_spikes(session, align=align, window=spec.window, bin_width=spec.bin_width)
    outside = counts.attrs["bin_spikes_dropped_invalid"]
    if outside:
        trials_dropped["window touches an invalid interval"] = outside
    width, time = counts.attrs["bin_width"], counts["time"].values
    window = (round(float(time[0]) - width / 2, 9), round(float(time[-1]) + width / 2, 9))
    trials = str(session.attrs["trials"])
    spec = replace(spec, align=align, window=window, trials=trials, by=spec.by or "stimulus")
    return Material(spec, session, counts, trials_dropped, units_dropped)


def _with_conditions(session: xr.Dataset, by: str | None) -> xr.Dataset:
    """Make the column ``by`` the stimulus; without it, the dataset's own."""
    if by is None:
        if "stimulus" in session.coords:
            return session
        message = (
            f"the trials of {session.attrs.get('source')} have no stimulus column that the catalog names. "
            f"Say which column tells conditions apart: --by COLUMN, one of {_columns(session)}."
        )
        raise DesignError(message)
    if by not in session.coords or session[by].dims != ("trial",):
        message = f"--by {by!r} is not a column of the trial table. Columns: {_columns(session)}."
        raise DesignError(message)
    return session.assign_coords(stimulus=("trial", _labels(session[by].values)))


def _labels(values: np.ndarray) -> np.ndarray:
    """Whole numbers become integers, and so equal the names of images; a mixture becomes text; the rest stays."""
    if values.dtype == object and len({type(v) for v in values[~pd.isna(values)]}) > 1:
        return np.array([v if pd.isna(v) else str(v) for v in values], dtype=object)
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.round(values)).all():
        return values.astype(np.int64)
    return values


def _columns(session: xr.Dataset) -> str:
    return ", ".join(str(name) for name, c in session.coords.items() if c.dims == ("trial",) and name != "trial")


def _keep_trials(session: xr.Dataset, align: str, where: str | None) -> tuple[xr.Dataset, dict[str, int]]:
    if align not in session.coords or session[align].dims != ("trial",):
        message = f"--align {align!r} is not a column of the trial table. Columns: {_columns(session)}."
        raise DesignError(message)
    label = session["stimulus"].values
    reasons = {
        "blank": session["blank"].values,
        "inside an invalid interval": ~session["valid"].values,
        f"{align} is NaN": ~np.isfinite(session[align].values.astype(float)),
        "no condition": pd.isna(label) | (label.astype(str) == ""),
    }
    if where:
        reasons[f"not {where}"] = ~select_trials(_trial_table(session), where)
    kept, dropped = _drop(session, "trial", reasons)
    return kept, dropped


def _trial_table(session: xr.Dataset) -> pd.DataFrame:
    columns: dict[Hashable, Any] = {n: c.values for n, c in session.coords.items() if c.dims == ("trial",)}
    return pd.DataFrame({str(name): values for name, values in columns.items()})


def _keep_units(session: xr.Dataset) -> tuple[xr.Dataset, dict[str, int]]:
    if "good" not in session.coords:
        return session, {}
    return _drop(session, "unit", {"below the dataset's quality filter": ~session["good"].values.astype(bool)})


def _drop(session: xr.Dataset, dim: str, reasons: dict[str, np.ndarray]) -> tuple[xr.Dataset, dict[str, int]]:
    """Leave out what any reason hits, counting each row once, under the first reason."""
    keep = np.ones(session.sizes[dim], dtype=bool)
    dropped = {}
    for reason, hit in reasons.items():
        lost = keep & np.asarray(hit, dtype=bool)
        if lost.any():
            dropped[reason] = int(lost.sum())
        keep &= ~lost
    if not keep.any():
        why = "; ".join(f"{n} {reason}" for reason, n in dropped.items()) or f"the table has no {dim}"
        message = (
            f"no {dim} is left of {session.sizes[dim]}: {why}. Choose other trials, or another --align or --where."
        )
        raise DesignError(message)
    return session.isel({dim: np.flatnonzero(keep)}), dropped
