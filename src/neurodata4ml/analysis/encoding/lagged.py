"""Features at several lags: what was on the screen now and before, as columns of one row."""

from __future__ import annotations

import numbers
from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.purge import lag_of_memory, leading_courses
from neurodata4ml.analysis.design.reading import bin_width, read_design, seconds
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import add_step, feature_dim, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError

_OFF_GRID = 0.05
"""Share of a bin by which times and lags may miss the grid: clocks jitter."""

_LONGEST = 1e9
"""Seconds: no lag is as long."""

_WITHIN = ("session", "trial")
"""Coordinates on ``time`` across which no lag reaches, where they are there."""


def lagged(
    features: xr.DataArray, lags: Sequence[float], *, within: str | None = None, fill: float | None = None
) -> xr.DataArray:
    """Set features at several lags side by side, for responses that follow a movie with a delay.

    Row t holds the features at ``t - lag`` for every lag, found by time: nothing wraps around the ends, and no lag
    reaches across a gap in time, another session or another trial.

    Neighbouring rows share features, so that test rows must be kept away from training rows by the longest lag besides
    what the autocorrelation of the responses asks for. ``encode`` reads ``attrs["longest_lag"]`` and does so;
    ``purge_for`` says how long it is.

    Parameters
    ----------
    features : DataArray (time, feature), time in s on a grid (gaps are allowed)
        E.g. a layer's activations to the frames of a movie, in the bins of the responses.
    lags : sequence of float, s
        Whole numbers of bins, each once. Positive: the feature comes before the response.
    within : str, optional
        The coordinate on ``time`` in which lags stay; left out, ``session`` and ``trial`` where they are there.
    fill : float, optional
        What stands for features before the beginning. Left out, rows with a lag before the beginning are dropped:
        ``responses.sel(time=design.time)`` gives the responses to the others.

    Returns
    -------
    DataArray (time, feature)
        All features at the first lag, then all at the second, and so on, with the coordinates ``lag`` (s) and
        ``source`` (the label of the feature).

    Raises
    ------
    DimensionError
        Not (time, feature), or no times.
    DesignError
        Lags that are no whole numbers of bins, or occur twice; times off the grid; no row with all lags.

    Examples
    --------
    >>> movie = xr.DataArray([[1.0], [2.0], [3.0]], dims=("time", "feature"), coords={"time": [0.0, 0.5, 1.0]})
    >>> lagged(movie, [0.0, 0.5]).values.tolist()
    [[2.0, 1.0], [3.0, 2.0]]
    """
    dim = _require_movie(features)
    if fill is not None and not _is_number(fill):
        message = f"lagged takes fill as a number, what features were before the beginning; got {fill!r}."
        raise DesignError(message)
    step = bin_width(features)
    bins = _in_bins(lags, step)
    source = _sources(features, bins, step, within)
    complete = np.flatnonzero((source >= 0).all(axis=0)) if fill is None else np.arange(features.sizes["time"])
    if not len(complete):
        message = (
            f"No bin has all lags from {min(lags):g} to {max(lags):g} s within its stretch of time: there are "
            f"too few, of {features.sizes['time']} bins. Take shorter lags, or say what precedes it: fill=0.0."
        )
        raise DesignError(message)
    features = features.transpose("time", dim)
    parts = [_at(features, dim, found[complete], float(lag), fill) for found, lag in zip(source, lags, strict=True)]
    out = xr.concat(parts, dim=dim, coords="minimal", compat="override").transpose("time", dim)
    out = out.assign_coords({name: c.variable[complete] for name, c in features.coords.items() if c.dims == ("time",)})
    out.attrs = {**provenance(features), "lags": [float(lag) for lag in lags], "bin_width": step}
    out.attrs["longest_lag"] = reach(lags)
    if "units" in features.attrs:
        out.attrs["units"] = features.attrs["units"]
    return add_step(out, "lagged", lags=[float(lag) for lag in lags], within=within, fill=fill)


def purge_for(responses: xr.DataArray, features: xr.DataArray) -> float:
    """Return how many seconds to leave out between test and training rows: the longest lag plus the memory.

    The memory is the lag at which the autocorrelation of the leading courses of responses and of features has fallen
    below 0.1, at most a twentieth of the recording (one half of one of ten stretches).

    Parameters
    ----------
    responses : DataArray (time, unit)
    features : DataArray (time, feature)
        Best from ``lagged``; others have no lag.

    Returns
    -------
    float, s

    Raises
    ------
    DimensionError
        No ``time``.
    DesignError
        Nothing to measure.
    """
    memory = 0.0
    for x in (responses, features):
        require_array(x, step="purge_for")
        require_dims(x, "time", step="purge_for", hint="A recording without trials is (time, unit).")
        if not x.size:
            message = f"purge_for measures how long courses remember themselves; got none: {dict(x.sizes)}."
            raise DesignError(message)
        design, step = read_design(x), bin_width(x) or 1.0
        start = np.arange(design.n_samples) * step if design.start is None else design.start
        longest = max(step, step * design.n_samples / 20)
        lag = lag_of_memory(leading_courses(x, design), start[design.order], step, longest=longest)
        memory = max(memory, step, lag)
    return memory + float(features.attrs.get("longest_lag", 0.0))


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def reach(lags: Sequence[float] | np.ndarray) -> float:
    """Return how far apart two rows can be and still share a feature or a response: 0 counts as a lag."""
    return float(max(*lags, 0.0) - min(*lags, 0.0))


def _require_movie(features: xr.DataArray) -> str:
    require_array(features, step="lagged")
    require_dims(features, "time", step="lagged", hint="Features of a movie are (time, feature).")
    dim = feature_dim(features, step="lagged")
    if set(features.dims) != {"time", dim} or "time" not in features.coords:
        message = (
            f"lagged takes features (time, {dim}) with times in s; got ({', '.join(map(str, features.dims))})"
            f"{'' if 'time' in features.coords else ' without times'}. Trials one after the other, with the trial of "
            f"each bin: x.stack(bin=('trial', 'time')), and time as a coordinate."
        )
        raise DimensionError(message)
    return dim


def _in_bins(lags: Sequence[float], step: float) -> np.ndarray:
    """Return lags in bins."""
    several = isinstance(lags, Sequence | np.ndarray) and not isinstance(lags, str) and np.ndim(lags) == 1
    if not several or not len(lags) or not all(_is_number(lag) and abs(lag) < _LONGEST for lag in lags):
        message = f"lags takes seconds, such as [0.0, 0.1, 0.2]; got {lags!r}."
        raise DesignError(message)
    if not step > 0:
        message = "lagged needs at least two bins of time, none of them NaN, to know how long one is."
        raise DesignError(message)
    exact = np.asarray(lags, dtype=np.float64) / step
    bins = np.rint(exact).astype(np.int64)
    off = np.abs(exact - bins) > _OFF_GRID
    if off.any():
        lag = float(np.asarray(lags)[off][0])
        message = (
            f"A lag of {lag:g} s is no whole number of bins of {step:g} s. The nearest is "
            f"{np.rint(lag / step) * step:g} s; or bin the features anew."
        )
        raise DesignError(message)
    if len(np.unique(bins)) < len(bins):
        message = f"Each lag is taken once; got {list(lags)!r}, some of which are the same bin."
        raise DesignError(message)
    return bins


def _sources(features: xr.DataArray, bins: np.ndarray, step: float, within: str | None) -> np.ndarray:
    """Return the position (n_lags, n_time) of each row's features at each lag; -1 where there are none."""
    time = seconds(features.coords["time"].values)
    names = [within] if within is not None else [name for name in _WITHIN if _on_time(features, name)]
    stretch = np.zeros(len(time), dtype=np.int64)
    for name in names:
        code = np.unique(trial_labels(features, name, step="lagged"), return_inverse=True)[1]
        stretch = stretch * (code.max() + 1) + code
    source = np.full((len(bins), len(time)), -1)
    for one in np.unique(stretch):
        mine = np.flatnonzero(stretch == one)
        place = _places(time[mine], step)
        order = np.argsort(place)
        for k, lag in enumerate(bins):
            found = np.minimum(np.searchsorted(place[order], place - lag), len(place) - 1)
            there = place[order][found] == place - lag
            source[k, mine[there]] = mine[order[found[there]]]
    return source


def _places(time: np.ndarray, step: float) -> np.ndarray:
    """Return each time as a whole number of bins since the first."""
    exact = (time - time.min()) / step
    place = np.rint(exact)
    if not np.isfinite(exact).all() or np.any(np.abs(exact - place) > _OFF_GRID) or len(np.unique(place)) < len(place):
        message = (
            f"lagged finds features by their time, and these times are not on a grid of {step:g} s, or recur. Bin the "
            f"features as the responses; where trials repeat times, give time from the start of the recording, or "
            f"name the coordinate that tells trials apart: within='trial'."
        )
        raise DesignError(message)
    return np.asarray(place.astype(np.int64))


def _on_time(x: xr.DataArray, name: str) -> bool:
    return name in x.coords and x.coords[name].dims == ("time",)


def _at(features: xr.DataArray, dim: str, source: np.ndarray, lag: float, fill: float | None) -> xr.DataArray:
    """Return the features of the rows ``source``, with their lag as a coordinate and without times."""
    labels = features.coords[dim].values if dim in features.coords else np.arange(features.sizes[dim])
    part = features.drop_vars([name for name, c in features.coords.items() if "time" in c.dims or name == dim])
    part = part.isel(time=np.maximum(source, 0))
    if fill is not None:
        part = part.where(xr.DataArray(source >= 0, dims="time"), fill)
    return part.assign_coords(lag=(dim, np.full(len(labels), lag)), source=(dim, labels))
