"""Distances between stimuli over many recordings: their mean, and how much of them recordings share."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from neurodata4ml.studies.across.activity import told
from neurodata4ml.studies.across.samples import Samples, common, same_axis, stacked

_SQUARE = ("representation", "stimulus", "stimulus2")


def distances(having: Mapping[str, xr.Dataset], samples: Samples) -> xr.Dataset:
    """Mean distances where all recordings have the same stimuli, and how well the others foretell those of each.

    Returns
    -------
    Dataset
        ``rdm_mean`` (representation, stimulus, stimulus2), the mean over samples, and ``rdm_n`` (representation), of
        how many recordings; NaN is never filled. ``consistency`` (session, area): the correlation of a recording's
        distances with the mean of the other samples' (the lower noise ceiling of Nili et al. 2014, PLoS Comput. Biol.
        10:e1003553, leave-one-out): what a model that knows all other recordings reaches. ``consistency_mean`` (area)
        has no interval: each of its values is made of all recordings.
    """
    shown = common(having, "distance", "distance_brain", "distance_networks")
    if not same_axis(having, "stimulus", "stimulus2"):
        why = ["distances have no mean, since the recordings have different stimuli"]
        return xr.Dataset(coords={"session": np.array(list(having), dtype=object)}, attrs=shown | told(why))
    squares = stacked(having, "rdm", _SQUARE)
    assert squares is not None  # every array of this section has it
    kinds = {str(name): str(kind) for one in having.values() for name, kind in _kinds(one)}
    names = sorted(squares["representation"].values, key=lambda name: kinds[str(name)] != "brain")  # areas come first
    squares = squares.sel(representation=names)
    mean = samples.of(squares).mean("sample", skipna=True)
    out = xr.Dataset({"rdm_mean": mean, "rdm_n": squares.notnull().any(_SQUARE[1:]).sum("session")})
    out = out.assign_coords(kind=("representation", np.array([kinds[str(name)] for name in names], dtype=object)))
    areas = [name for name in names if kinds[str(name)] == "brain"]
    out["consistency"] = _consistency(squares.sel(representation=areas), samples)
    out["consistency_mean"] = samples.of(out["consistency"]).mean("sample")
    why = [f"{area} is in one sample alone, with no other to compare" for area in areas if _alone(out, area)]
    out.attrs = shown | told(why)
    return out


def _kinds(array: xr.Dataset) -> list[tuple[str, str]]:
    names = array["representation"].values
    return list(zip(names, array["kind"].values if "kind" in array.coords else ["brain"] * len(names), strict=True))


def _alone(out: xr.Dataset, area: str) -> bool:
    return bool(out["consistency"].sel(area=area).isnull().all())


def _consistency(squares: xr.DataArray, samples: Samples) -> xr.DataArray:
    """Return the correlation (session, area) of every recording's distances with the mean over the other samples."""
    upper = np.triu_indices(squares.sizes["stimulus"], 1)
    pairs = xr.DataArray(
        squares.values[..., upper[0], upper[1]],
        dims=("session", "area", "pair"),
        coords={"session": squares["session"].values, "area": squares["representation"].values},
    )
    by_sample = samples.of(pairs)
    has = by_sample.notnull().any("pair")
    total, n = by_sample.where(has, 0.0).sum("sample", skipna=False), has.sum("sample")
    found = np.full((pairs.sizes["session"], pairs.sizes["area"]), np.nan)
    for i, key in enumerate(pairs["session"].values):
        name = key if samples.by == "recording" else samples.subject[str(key)]
        own, here = by_sample.sel(sample=name), has.sel(sample=name)
        others = (total - own.where(here, 0.0)) / (n - here).where(n > here)
        for j in range(pairs.sizes["area"]):
            found[i, j] = _correlation(pairs.values[i, j], others.values[j])
    return xr.DataArray(found, dims=("session", "area"), coords={n: pairs[n].values for n in ("session", "area")})


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    known = np.isfinite(x) & np.isfinite(y)
    x, y = (v[known] - v[known].mean() if known.any() else v[:0] for v in (x, y))
    norm = np.sqrt(np.sum(x**2) * np.sum(y**2)) if x.size > 1 else 0.0
    return float(np.sum(x * y) / norm) if norm > 0 else np.nan
