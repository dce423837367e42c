"""Single units predicted from images: a model for each candidate, scored on stimuli that it has not seen."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.encoding.encode import encode
from neurodata4ml.analysis.inference.bootstrap import bootstrap
from neurodata4ml.analysis.reliability.reliability import reliability
from neurodata4ml.errors import DesignError
from neurodata4ml.studies.answers.shared import explained, need_conditions
from neurodata4ml.studies.material import Material

MIN_STIMULI = 10
"""With fewer, a model of five folds is learnt from a handful of stimuli."""

FEW_STIMULI = 50
"""Below, how well a model predicts says as much of how little it could learn from."""

N_RESAMPLES = 400
"""Draws of units: they give the ends of a 95 % interval to a sixth of its width."""

JOINT = "all candidates jointly"
"""What a model is called that has all candidates as parts of one."""

_CORRECTED = {"r": "cc_norm", "r2": "r2_er"}
"""Score -> the same with the noise of the responses taken out."""


def encoding(m: Material) -> xr.Dataset:
    """How well the features of each candidate predict single units, in stimuli held out: per unit, and by area.

    Returns
    -------
    Dataset
        ``score`` and ``corrected`` (unit, candidate), the latter as with responses free of noise, and ``unit_ceiling``
        (unit): the score of a perfect model. ``median`` and ``median_corrected`` (area, candidate) over units, each
        with the ends of a 95 % bootstrap interval over units, ``_low`` and ``_high``; ``ceiling`` (area), the median
        over units. ``twin_gap`` (area, trained_name), with its ends: how far the highest layer of a network lies above
        the highest of its untrained twin. Of "banded", which fits all candidates jointly, ``unique`` (unit, part):
        what each explains alone. ``attrs["score"]`` and ``attrs["corrected"]`` name the scores.
    """
    need_conditions(m, MIN_STIMULI, "encoding")
    options = _options(m)
    found = encode(m.totals, m.candidates, **options)
    score = options["scores"][0]
    units = _per_unit(found, m, score)
    areas = [_of_area(units.isel(unit=np.flatnonzero(units["area_of_unit"].values == a)), m) for a in m.areas]
    out = units.merge(xr.concat(areas, dim="area").assign_coords(area=m.areas), combine_attrs="override")
    out.attrs = _told(found, score) | {"explained": explained(found)}
    return out


def _options(m: Material) -> dict[str, Any]:
    """Return the options of ``encode``, with the score beside it in which the noise of the responses is taken out."""
    options: dict[str, Any] = {"n_jobs": 1, **m.options("encode")}
    options.pop("prediction", None)  # a table of predictions is for a notebook
    wanted = [str(name) for name in np.atleast_1d(options.get("scores", "r"))]
    repeated = np.unique(m.counts["stimulus"].values, return_counts=True)[1].min() > 1
    more = [_CORRECTED[wanted[0]]] if repeated and wanted[0] in _CORRECTED else []
    return {**options, "scores": list(dict.fromkeys([*wanted, *more]))}


def _per_unit(found: xr.Dataset, m: Material, score: str) -> xr.Dataset:
    """Return the scores of every unit, by candidate."""
    joint = "layer" not in found[score].dims
    named = found.reset_coords(drop=True).rename({"layer": "part"} if joint else {"layer": "candidate"})
    names = [name for name in (score, _CORRECTED.get(score, "")) if name in named]
    called = dict(zip(names, ("score", "corrected"), strict=False))
    out = named[[*names, *(["unique"] if "unique" in named else [])]].rename(called)
    for name in called.values() if joint else ():
        out[name] = out[name].expand_dims(candidate=[JOINT], axis=-1)
    out = out.transpose("unit", ...).assign_coords(area_of_unit=("unit", m.totals["area"].values.astype(object)))
    ceiling = _ceilings(m, score)
    if ceiling is not None:
        out["unit_ceiling"] = ("unit", ceiling)
    beside = [] if joint else m.beside
    kinds = {name: [getattr(one, name) for one in beside] or ["joint"] for name in ("kind", "network", "layer")}
    return out.assign_coords({name: ("candidate", np.array(told, dtype=object)) for name, told in kinds.items()})


def _ceilings(m: Material, score: str) -> np.ndarray | None:
    """Return what a perfect model of each unit would score against the noisy means; None where it is not known."""
    if score not in _CORRECTED:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the section on reliability has said it
        try:
            share = reliability(m.totals).values.clip(0)
        except DesignError:
            return None
    return np.asarray(np.sqrt(share) if score == "r" else share)


def _of_area(units: xr.Dataset, m: Material) -> xr.Dataset:
    """Return the medians over the units of an area with their intervals, and what training adds."""
    pairs = _twins(units["score"].median("unit"))
    names = {"median": "score", "median_corrected": "corrected"}
    columns = {called: units[name].values for called, name in names.items() if name in units}
    if pairs:
        sides = [units["score"].sel(candidate=list(side)).values for side in zip(*pairs.values(), strict=True)]
        columns["twin_gap"] = np.stack(sides, axis=-1)
    out = xr.Dataset()
    for called, found in _with_intervals(columns, m.spec.seed).items():
        dim = "trained_name" if called == "twin_gap" else "candidate"
        ends = {"": found["estimate"], "_low": found["low"], "_high": found["high"]}
        out = out.assign({f"{called}{end}": (dim, value.values) for end, value in ends.items()})
    if "unit_ceiling" in units:
        out["ceiling"] = units["unit_ceiling"].median("unit")
    return out.assign_coords(trained_name=np.array(list(pairs), dtype=object)) if pairs else out


def _with_intervals(columns: dict[str, np.ndarray], seed: int) -> dict[str, xr.Dataset]:
    """Return medians over units, of pairs of columns their difference, and the bootstrap interval over units."""
    widths = {called: values[0].size for called, values in columns.items()}
    starts = dict(zip(widths, np.cumsum([0, *widths.values()]), strict=False))
    flat = np.concatenate([values.reshape(len(values), -1) for values in columns.values()], axis=1)
    x = xr.DataArray(flat, dims=("unit", "row"))

    def middle(part: xr.DataArray) -> xr.DataArray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # units without a score: the median of none is NaN
            values = np.nanmedian(part.values, axis=part.get_axis_num("unit"))
        if "twin_gap" in starts:
            pairs = values[starts["twin_gap"] :].reshape(-1, 2)
            values = np.concatenate([values[: starts["twin_gap"]], pairs[:, 0] - pairs[:, 1]])
        return xr.DataArray(values, dims="row")

    if len(flat) < 2:
        found = xr.Dataset({"estimate": middle(x)})
        found = found.assign(low=found["estimate"] * np.nan, high=found["estimate"] * np.nan)
    else:
        found = bootstrap(x, middle, over="unit", n_resamples=N_RESAMPLES, seed=seed)[["estimate", "low", "high"]]
    return {called: found.isel(row=slice(at, at + widths[called])) for called, at in starts.items()}


def _twins(median: xr.DataArray) -> dict[str, tuple[str, str]]:
    """Return, for every network with an untrained twin, the highest layer of each."""
    network, names = median["network"].values, median["candidate"].values
    highest = {
        str(one): str(names[network == one][int(median.values[network == one].argmax())])
        for one in dict.fromkeys(network)
        if one and np.isfinite(median.values[network == one]).all()
    }
    return {
        name: (layer, highest[f"{name}-untrained"]) for name, layer in highest.items() if f"{name}-untrained" in highest
    }


def _told(found: xr.Dataset, score: str) -> dict[str, Any]:
    """Return what the page says of the models, and what to know before believing them."""
    kept = (
        "encoder",
        "n_stimuli",
        "n_trials",
        "n_folds",
        "split",
        "why_split",
        "standardised",
        "splits_sha256",
        "leak",
    )
    out = {name: found.attrs[name] for name in kept if found.attrs.get(name)}
    said = [str(note) for note in found.attrs.get("notes", ())]
    if out.get("leak"):
        said.append(f"Folds leak: the same stimulus may be learnt from and tested, because: {out['leak']}")
    if found.attrs.get("n_stimuli", FEW_STIMULI) < FEW_STIMULI:
        n = found.attrs["n_stimuli"]
        said.append(f"Only {n} stimuli: low scores may say how little there was to learn from, not what a layer lacks.")
    if found.attrs.get("undefined"):
        said.append(f"Not available for some units: {found.attrs['undefined']}.")
    corrected = {"corrected": _CORRECTED[score]} if score in _CORRECTED and _CORRECTED[score] in found else {}
    return {**out, "score": score, **corrected, "confidence": 0.95, "n_resamples": N_RESAMPLES, "warnings": said}
