"""The brain's side of the one call: responses of every area, and the images that were shown."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.responses import firing_rate, trial_labels
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.dims import presented, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_names
from neurodata4ml.suggest import guess

MIN_UNITS = 10
"""An area with fewer units is left out unless it is named."""

Responses = xr.Dataset | xr.DataArray | Mapping[str, xr.DataArray]


def responses_of(
    responses: Responses, by: str, window: tuple[float, float] | None
) -> dict[str, xr.DataArray] | xr.DataArray:
    """Return trials (trial, unit) or means (stimulus, unit), with what was shown as ``stimulus``.

    Parameters
    ----------
    responses : Dataset, DataArray or dict of area to DataArray
    by : str
        The coordinate of trials that says which image was shown.
    window : (float, float) or None
        Seconds from the onset.
    """
    _require_window(window)
    if isinstance(responses, Mapping) and not isinstance(responses, xr.Dataset):
        return {str(area): _labelled(_within(x, window), by) for area, x in responses.items()}
    if isinstance(responses, xr.Dataset):
        return _labelled(bin_spikes(responses, window=window), by)
    return _labelled(_within(responses, window), by)


def _require_window(window: Any) -> None:
    if window is None:
        return
    try:
        start, end = (float(edge) for edge in window)
    except (TypeError, ValueError):
        start = end = 0.0
    if not start < end:
        message = f"window takes two times in seconds, the earlier first; got {window!r}. Type window=(0.05, 0.25)."
        raise DesignError(message)


def _within(x: xr.DataArray, window: tuple[float, float] | None) -> xr.DataArray:
    """Return the bins of the window."""
    require_array(x, step="brain_vs_network")
    if window is None:
        return x
    if "time" not in x.indexes:
        message = (
            f"window={window!r} needs responses over time, (trial, time, unit) with the coordinate 'time'; got "
            f"({', '.join(map(str, x.dims))}). Leave it out, or hand in counts over time: bin_spikes(session)."
        )
        raise DimensionError(message)
    time = np.asarray(x.indexes["time"])
    inside = (time >= window[0]) & (time <= window[1])
    if not inside.any():
        there = f"{time.min():g} to {time.max():g} s" if len(time) else "none"
        message = f"There are no bins of time in window={window!r}; the responses have {there}. Name a window there."
        raise DesignError(message)
    return x.isel(time=inside)


def _labelled(x: xr.DataArray, by: str) -> xr.DataArray:
    """Return rates or means without time, with what was shown as ``stimulus``."""
    require_array(x, step="brain_vs_network")
    require_dims(x, "unit", step="brain_vs_network", hint="Name what holds the units: x.rename({'...': 'unit'}).")
    if "time" in x.dims:
        x = (
            firing_rate(x)
            if "bin_width" in x.attrs and x.attrs.get("units") != "Hz"
            else x.mean("time", keep_attrs=True)
        )
    if "trial" not in x.dims:
        require_dims(
            x, "stimulus", step="brain_vs_network", hint="It takes trials (trial, unit) or means (stimulus, unit)."
        )
        return x
    labels = (
        trial_labels(presented(x, step="brain_vs_network"), by, step="brain_vs_network") if by != "stimulus" else None
    )
    return x if labels is None else presented(x, step="brain_vs_network").assign_coords(stimulus=("trial", labels))


def by_area(x: dict[str, xr.DataArray] | xr.DataArray, areas: str | Sequence[str] | None) -> dict[str, xr.DataArray]:
    """Return the responses of every area that is named; of every area with enough units where none is.

    Raises
    ------
    DesignError
        No such area, none at all, or none with enough units.
    """
    if not isinstance(x, dict):
        names = _area_of_units(x)
        x = {area: x.isel(unit=np.flatnonzero(names == area)) for area in dict.fromkeys(names) if area}
    if areas is not None:
        return _chosen(x, require_names(areas, "areas", example="['V1', 'LM']"))
    large = {area: one for area, one in x.items() if one.sizes.get("unit", 0) >= MIN_UNITS}
    small = [f"{area} ({one.sizes.get('unit', 0)})" for area, one in x.items() if area not in large]
    if not large:
        message = (
            f"No area has {MIN_UNITS} units: {', '.join(small) or 'there are none'}. Name those to use: areas=[...]."
        )
        raise DesignError(message)
    if small:
        warnings.warn(f"Areas of fewer than {MIN_UNITS} units are left out: {', '.join(small)}.", stacklevel=3)
    return large


def _area_of_units(x: xr.DataArray) -> np.ndarray:
    """Return the area of every unit; "", with a warning, where it has none."""
    n_units = x.sizes.get("unit", 0)
    if "area" not in x.coords:
        return np.full(n_units, "all units", dtype=object)
    area = x.coords["area"]
    if area.dims not in ((), ("unit",)):
        message = (
            f"'area' says where each unit is, and lies along ('unit',); got {area.dims}. Drop it: drop_vars('area')."
        )
        raise DimensionError(message)
    values = np.broadcast_to(area.values, (n_units,))
    names = np.array(["" if v is None or v != v else str(v) for v in values], dtype=object)
    if n_none := int(np.sum(names == "")):
        warnings.warn(f"{n_none} of {n_units} units have no area and are left out.", stacklevel=4)
    return names


def _chosen(x: dict[str, xr.DataArray], areas: Sequence[str]) -> dict[str, xr.DataArray]:
    if not areas:
        message = f"brain_vs_network needs at least one area; got areas=[]. Areas: {', '.join(x)}."
        raise DesignError(message)
    for area in areas:
        if area not in x:
            message = f"There is no area {area!r}.{guess(area, x)} Areas: {', '.join(x)}."
            raise DesignError(message)
    return {area: x[area] for area in areas}


def require_values(x: xr.DataArray, name: str) -> None:
    """Raise a DesignError that names the area or the layer where values are missing or infinite."""
    values = np.asarray(presented(x, step="brain_vs_network").values)
    if values.dtype.kind not in "fc" or np.isfinite(values).all():
        return
    bad = ~np.isfinite(values)
    rows, columns = (str(dim) for dim in x.dims[:2])
    message = (
        f"{name} has NaN or infinite values in {bad.any(axis=1).sum()} of {len(bad)} ({rows}) and "
        f"{bad.any(axis=0).sum()} of {bad.shape[1]} ({columns}). Drop the fewer: "
        f"x.where(np.isfinite(x)).dropna({rows!r}), or .dropna({columns!r})."
    )
    raise DesignError(message)


def require_repeats(x: xr.DataArray, name: str) -> None:
    """Raise a DesignError where single trials are handed in and no stimulus was shown twice."""
    if "trial" not in x.dims or "stimulus" not in x.coords:
        return
    shown = presented(x, step="brain_vs_network").coords["stimulus"].values
    n_stimuli = len(np.unique(shown))
    if len(shown) and n_stimuli == len(shown):
        message = (
            f"{name}: no stimulus was shown twice ({len(shown)} trials of {n_stimuli} stimuli), so trial noise cannot "
            f'be told from signal. Hand in means, without that correction: average_by(x, "stimulus").'
        )
        raise DesignError(message)


def images_of(responses: Responses, images: xr.DataArray | None, brain: dict[str, xr.DataArray]) -> xr.DataArray:
    """Return the images that were shown (stimulus, y, x), those given or the session's, in the order of labels.

    Raises
    ------
    DesignError
        No images, or none of some stimuli.
    DimensionError
        Images without labels, or some of one label.
    """
    if images is None:
        if not isinstance(responses, xr.Dataset):
            message = (
                "brain_vs_network needs the images that were shown: images= (stimulus, y, x) with the labels of the "
                "trials, e.g. images=stimulus_images(session)."
            )
            raise DesignError(message)
        images = stimulus_images(responses)
    _require_images(images)
    first = next(iter(brain.values()))
    first = presented(first, step="brain_vs_network")
    labels = np.unique(first.coords["stimulus"].values)
    lacking = [str(v) for v in labels if v not in images.indexes["stimulus"]]
    if lacking:
        message = (
            f"There are no images of {len(lacking)} of {len(labels)} stimuli: {', '.join(lacking[:5])}. "
            f"Name the column that says which image was shown: by=..."
        )
        raise DesignError(message)
    return images.sel(stimulus=labels)


def _require_images(images: Any) -> None:
    """Refuse images that cannot be found by the label of their stimulus."""
    if not isinstance(images, xr.DataArray):
        got = f"a {type(images).__name__}"
    elif "stimulus" not in images.indexes:
        got = f"dims ({', '.join(map(str, images.dims))}) without labels of the stimuli"
    elif not images.indexes["stimulus"].is_unique:
        twice = images.indexes["stimulus"][images.indexes["stimulus"].duplicated()]
        got = f"several images of one label: {', '.join(map(str, dict.fromkeys(twice[:5])))}"
    else:
        return
    message = (
        f"brain_vs_network takes images (stimulus, y, x), one for each label; got {got}. Type "
        f'xr.DataArray(pictures, dims=("stimulus", "y", "x"), coords={{"stimulus": labels}}).'
    )
    raise DimensionError(message)
