"""The table of a brain and a network, one metric at a time: what `compare` would have given."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.errors import DimensionError

_COUNTS = ("n_tests", "n_shuffles", "n_splits")

_TOLD = ("distance", "assumed", "no_ceiling", "undefined", *_COUNTS)
"""What differs between metrics, and stands along ``metric`` in a table of several."""

_CEILING = ("ceiling", "ceiling_low", "ceiling_high")


def bound(sheets: list[xr.Dataset], metrics: list[str]) -> xr.Dataset:
    """Return several comparisons, of one metric each, as one table with the dim ``metric``.

    What only some metrics have (``raw``, a ceiling) is NaN for the others; what differs between them is a coordinate.
    """
    sizes = {name: sheets[0][name] for name in ("n_units", "n_features") if name in sheets[0]}
    apart = [sheet.drop_vars(list(sizes)) for sheet in sheets]
    out = xr.concat(apart, dim="metric", join="outer", combine_attrs="drop").assign_coords(metric=metrics)
    told: dict[str, Any] = {}
    for name in _TOLD:
        values = [sheet.attrs.get(name, 0 if name in _COUNTS else "") for sheet in sheets]
        if any(values):
            told[name] = ("metric", np.array(values) if name in _COUNTS else np.array(values, dtype=object))
    shared = {key: value for key, value in sheets[0].attrs.items() if key not in (*_TOLD, "steps", "range")}
    return out.assign(sizes).assign_coords(told).assign_attrs({**shared, "metric": metrics[0], "metrics": metrics})


def sheets_of(table: xr.Dataset) -> list[xr.Dataset]:
    """Return the comparison of each metric of ``brain_vs_network``, or of a selection of it, with dims ``x``, ``y``."""
    names = np.atleast_1d(table["metric"].values)
    parts = [table.sel(metric=name) if "metric" in table.dims else table for name in names]
    return [_sheet(part, str(name)) for part, name in zip(parts, names, strict=True)]


def sheet_of(result: xr.Dataset, *, step: str) -> xr.Dataset:
    """Return a result of one metric with its candidates along ``y``; that of ``compare`` as it is.

    Raises
    ------
    DimensionError
        More than one metric.
    """
    if not isinstance(result, xr.Dataset) or "metric" not in result.coords:
        renamed = isinstance(result, xr.Dataset) and "candidate" in result.dims
        return result.rename(candidate="y") if renamed else result
    sheets = sheets_of(result)
    if len(sheets) > 1:
        metrics = ", ".join(map(str, result["metric"].values))
        one = f"{step}(table.sel(metric={str(result['metric'].values[0])!r}))"
        message = f"{step} takes one metric at a time; got {metrics}. Type {one}."
        raise DimensionError(message)
    return sheets[0].rename(x="area") if "x" in sheets[0].coords else sheets[0]


def _sheet(part: xr.Dataset, metric: str) -> xr.Dataset:
    told = {name: part.coords[name].item() for name in _TOLD if name in part.coords}
    told = {name: value for name, value in told.items() if value}
    lacking = [] if "raw" not in part or bool(part["raw"].notnull().any()) else ["raw"]
    lacking += [name for name in _CEILING if "no_ceiling" in told and name in part]
    renamed = {old: new for old, new in (("area", "x"), ("candidate", "y")) if old in part.coords}
    return (
        part.drop_vars([*lacking, *(name for name in _TOLD if name in part.coords)])
        .rename(renamed)
        .assign_attrs(metric=metric, **told)
    )
