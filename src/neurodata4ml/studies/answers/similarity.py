"""Brain beside network: distances between stimuli in either, and how alike they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.dissimilarity.distances import DISTANCES
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.beside import beside_networks
from neurodata4ml.dims import add_step
from neurodata4ml.errors import DesignError
from neurodata4ml.studies.answers.shared import MIN_CONDITIONS, explained, need_conditions
from neurodata4ml.studies.answers.splits import of_all, of_crossed_folds, of_random_halves
from neurodata4ml.studies.material import Material

_NAMES = {"euclidean": "squared Euclidean"}

_OF_FEATURES = ("euclidean", "correlation", "cosine")
"""Distances that mean the same for units and for features; beside others, a network has the squared Euclidean."""


def rdms(m: Material) -> xr.Dataset:
    """Dissimilarity of every pair of conditions, for each area and each candidate, in their own units.

    With ``over = "time"`` among the options of ``rdm``, besides, those of every bin: ``rdm_over_time``.
    """
    need_conditions(m, MIN_CONDITIONS, "an RDM")
    options = {"distance": "crossnobis", **m.options("rdm")}
    over = options.pop("over", None)
    first = {area: rdm(_rows(m.of_area(m.totals, area), options), **options) for area in m.areas}
    brain = _by_name(first, options.get("by"))
    beside = str(options["distance"]) if options["distance"] in _OF_FEATURES else "euclidean"
    found = _squares(m, brain, _networks(m, beside))
    found.attrs = _told(options, beside, next(iter(first.values())))
    if options["distance"] in ("crossnobis", "poisson_cv"):
        found.attrs["splits_sha256"] = of_all(
            of_crossed_folds(m.of_area(m.totals, area), options.get("folds")) for area in m.areas
        )
    if over is not None:
        found = found.merge(_over_time(m, options, str(over)), combine_attrs="override")
    return found


def similarity(m: Material) -> xr.Dataset:
    """Similarity of every area to every candidate, free of trial noise; beside it RSA, and the biased metric's."""
    need_conditions(m, MIN_CONDITIONS, "a comparison with networks")
    brain = {area: m.of_area(m.totals, area) for area in m.areas}
    options = m.options("compare")
    found = beside_networks(brain, m.beside, order=m.spec.order, **options)
    n_splits, seed = options.get("n_splits", 20), options["seed"]
    found.attrs["splits_sha256"] = of_all(of_random_halves(x, n_splits, seed) for x in brain.values())
    found.attrs["explained"] = explained(add_step(found.rename(area="x", candidate="y"), "compare"))
    return found


def _rows(x: xr.DataArray, options: dict[str, Any]) -> xr.DataArray:
    """Return trials, or the means of trials where the distance is one between means."""
    promise = DISTANCES.get(str(options["distance"]))
    return average_by(x) if promise is not None and promise.on == "means" else x


def _by_name(found: dict[str, xr.DataArray], by: str | None) -> dict[str, xr.DataArray]:
    """Return one square for each area, or for each part of an area."""
    if by is None:
        return found
    return {
        f"{area}, {by} {part}": square.sel({by: part}, drop=True)
        for area, square in found.items()
        for part in square[by].values
    }


def _networks(m: Material, distance: str) -> dict[str, xr.DataArray]:
    try:
        shown = {name: x for name, x in m.candidates.items() if "untrained" not in name}
    except DesignError:  # no images, so no network to show; the section on similarity says why
        return {}
    return {name: rdm(x, distance=distance) for name, x in shown.items()}


def _squares(m: Material, brain: dict[str, xr.DataArray], networks: dict[str, xr.DataArray]) -> xr.Dataset:
    both = {**brain, **networks}
    kinds = ["brain"] * len(brain) + ["baseline" if name in ("pixels", "gabor") else "network" for name in networks]
    labels = next(iter(both.values()))["stimulus"].values
    values = np.stack([_six_digits(d.sel(stimulus=labels, stimulus2=labels).values) for d in both.values()])
    return xr.Dataset(
        {"rdm": (("representation", "stimulus", "stimulus2"), values)},
        coords={
            "representation": list(both),
            "kind": ("representation", kinds),
            "stimulus": labels,
            "stimulus2": labels,
        },
    )


def _over_time(m: Material, options: dict[str, Any], over: str) -> xr.Dataset:
    """Return the RDMs of every bin of time, for the areas alone."""
    x = m.coarse
    found = {area: rdm(_rows(m.of_area(x, area), options), over=over, **options) for area in m.areas}
    parts = _by_name(found, options.get("by"))
    values = np.stack([_six_digits(d.transpose(over, "stimulus", "stimulus2").values) for d in parts.values()])
    return xr.Dataset(
        {"rdm_over_time": (("part", over, "stimulus", "stimulus2"), values)},
        coords={"part": list(parts), over: next(iter(parts.values()))[over].values},
    )


def _told(options: dict[str, Any], beside: str, one: xr.DataArray) -> dict[str, Any]:
    """Return what the distances are, of the brain and beside it."""
    own = str(options["distance"])
    said = {name: _NAMES.get(name, name) for name in (own, beside)}
    if options.get("precision"):
        said[own] += f" weighed by the noise precision ({options['precision']})"
    same = own == beside and not options.get("precision")
    return {
        "distance": own if same else f"{said[own]} (areas) and {said[beside]} (networks)",
        "distance_brain": own,
        "distance_networks": beside,
        **{name: one.attrs[name] for name in ("folds", "n_folds", "variance_cost", "undefined") if name in one.attrs},
        "explained": explained(one),
    }


def _six_digits(values: np.ndarray) -> np.ndarray:
    """More digits of a distance than anyone can use make results.json large."""
    largest = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 0.0
    scale = 10.0 ** (5 - math.floor(math.log10(max(largest, 1e-300))))
    return np.asarray(np.round(values * scale) / scale)
