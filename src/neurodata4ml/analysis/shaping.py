"""Shape activity over time before it is analysed: smooth it, put it on a common scale, take its baseline off."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.dims import add_step, dense, require_coords, require_dims
from neurodata4ml.errors import DesignError, DimensionError

_SAMPLES = ("trial", "time", "stimulus")
"""Dims of samples: a unit is put on one scale over all of those that there are."""

_JITTER = 1e-3
"""Part of a bin by which bins may lie unevenly: they are rounded."""

_CUT = 4.0
"""Standard deviations at which a gaussian is cut off: what is left out is less than 1e-4 of it."""


def smooth(x: xr.DataArray, width: float, *, kernel: str = "gaussian") -> xr.DataArray:
    """Smooth along ``time`` with a window of weights that add up to 1, also at the edges.

    At the edges, and beside a NaN, the weights of the bins that are there are scaled up, so that what is constant stays
    so. A bin that is NaN stays NaN.

    "gaussian" and "boxcar" look both ways: they bring later activity into earlier bins, from up to four widths (half a
    width) later. After them, decoding over time finds a signal before it began; tell its onset with "causal", which
    brings it later instead, or unsmoothed.

    Parameters
    ----------
    x : DataArray with dim ``time``, evenly spaced, in s
    width : float, s
        "gaussian", "causal": the standard deviation. "boxcar": the whole width; a bin that lies in it by half counts
        by half.
    kernel : str
        A key of ``KERNELS``. "causal": the half of the gaussian that looks back, with its peak at the bin itself.

    Returns
    -------
    DataArray like ``x``, in its units; integers become float64. A dask array stays lazy.

    Raises
    ------
    DimensionError
        There is no ``time``, or it is not evenly spaced.
    DesignError
        An unknown kernel, or a width that is not above 0 s.

    Examples
    --------
    >>> x = xr.DataArray([0.0, 0, 3, 0, 0], dims="time", coords={"time": [0.1, 0.2, 0.3, 0.4, 0.5]})
    >>> smooth(x, 0.3, kernel="boxcar").values.round(3).tolist()
    [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    x = dense(x, step="smooth")
    require_dims(x, "time", step="smooth", hint="Keep it: bin_spikes(session, bin_width=0.01).")
    if kernel not in KERNELS:
        message = f"smooth knows the kernels {', '.join(KERNELS)}; got {kernel!r}."
        raise DesignError(message)
    if not (isinstance(width, int | float | np.number) and np.isfinite(width) and width > 0):
        message = f"smooth needs a width above 0 s; got {width}. Milliseconds? 20 ms is width=0.02."
        raise DesignError(message)
    # a window far below a bin is that bin; beyond the last bin nothing is there to be weighed
    weights = KERNELS[kernel](max(round(width / _spacing(x), 6), 1e-6), max(x.sizes["time"] - 1, 0))
    values = _along_time(x, partial(_weighted, weights=weights))
    return _finish(values, x, "smooth", units=None, width=width, kernel=kernel)


def zscore(x: xr.DataArray, *, over: str | Iterable[str] | None = None) -> xr.DataArray:
    """Put every unit on a common scale: mean 0 and standard deviation 1 over some dims.

    All trials count, blank ones too. NaN is left out of mean and standard deviation, and stays NaN. A unit that is
    constant has no scale: it becomes 0, with a warning (for a dask array without: its values are not known yet).

    With trials among ``over``, the scale of each trial knows all others. Labels are not touched, but a decoder's test
    trials have then helped to scale its training trials; ``decode`` standardises within each fold by itself, so leave
    it to that.

    Parameters
    ----------
    x : DataArray
    over : str or iterable of str, optional
        Dims over which mean and standard deviation (divided by n) are taken; by default all but that of the units, so
        that a unit keeps its time course. "trial": each time bin of each unit by itself, which also takes away the mean
        time course.

    Returns
    -------
    DataArray like ``x``, unitless; integers become float64. A dask array stays lazy.

    Raises
    ------
    DimensionError
        ``x`` has no such dim.

    Examples
    --------
    >>> zscore(xr.DataArray([1, 3, 5], dims="trial")).values.round(3).tolist()
    [-1.225, 0.0, 1.225]
    """
    x = dense(x, step="zscore")
    dims = [dim for dim in _SAMPLES if dim in x.dims] if over is None else over
    dims = list(dims) if isinstance(dims, list | tuple | set) else [dims]  # type: ignore[list-item]
    require_dims(x, *(dims or ["trial"]), step="zscore", hint="Say over which dims: zscore(x, over=...).")
    if not x.size:
        message = f"zscore finds no value in an array of {dict(x.sizes)}: without one there is no scale."
        raise DesignError(message)
    values = x.astype(_float(x))
    lowest = values.min(dims)
    flat = values.max(dims) == lowest
    mean, spread = values.mean(dims, dtype=np.float64), values.std(dims, dtype=np.float64)
    mean, spread = mean.where(~flat, lowest).astype(values.dtype), spread.where(~flat, 1.0).astype(values.dtype)
    if x.chunks is None and flat.any():
        _warn_of_constant(flat, dims)
    result = ((values - mean) / spread).transpose(*x.dims)
    return _finish(result.data, x, "zscore", units="1", over=dims)


def baseline(x: xr.DataArray, window: tuple[float, float] = (-0.1, 0.0), *, how: str = "subtract") -> xr.DataArray:
    """Compare every trial and unit with its own activity in a window before the event.

    Parameters
    ----------
    x : DataArray with dim ``time`` in s; all other dims stay apart
    window : (float, float), s
        The baseline: all bins that lie in it whole. The 100 ms before the event are what most fields use.
    how : str
        "subtract" the mean of the baseline; "divide" by it (a baseline of 2 makes 3 a 1.5); "zscore": subtract it and
        divide by the standard deviation (by n) over the bins of the baseline. For single trials of few spikes both
        divisors are often 0: average trials first.

    Returns
    -------
    DataArray like ``x``; unitless unless subtracted; integers become float64. A dask array stays lazy.
        NaN in a baseline is left out of it. Where a divisor is 0 the result is NaN, with a warning (for a dask array
        without: its values are not known yet).

    Raises
    ------
    DimensionError
        There is no ``time`` with values.
    DesignError
        An unknown ``how``, or no bin in the window.

    Examples
    --------
    >>> x = xr.DataArray([2.0, 4.0, 9.0], dims="time", coords={"time": [-0.15, -0.05, 0.05]}, attrs={"bin_width": 0.1})
    >>> baseline(x, (-0.2, 0)).values.tolist()
    [-1.0, 1.0, 6.0]
    """
    x = dense(x, step="baseline")
    if how not in _HOW:
        message = f"baseline knows how={', how='.join(map(repr, _HOW))}; got {how!r}."
        raise DesignError(message)
    values = x.astype(_float(x))
    before = values.isel(time=_bins_within(x, window))
    mean = before.mean("time", dtype=np.float64).astype(values.dtype)
    if how != "divide":
        values = values - mean
    if how != "subtract":
        divisor = mean if how == "divide" else before.std("time", dtype=np.float64).astype(values.dtype)
        if x.chunks is None and (divisor == 0).any():
            _warn_of_silence(divisor, how)
        values = values / divisor.where(divisor != 0)
    values = values.transpose(*x.dims).data
    return _finish(values, x, "baseline", units=None if how == "subtract" else "1", window=window, how=how)


def _gaussian(width: float, most: int) -> np.ndarray:
    """Return the weights of a gaussian with standard deviation ``width`` (bins), symmetrical around the middle."""
    reach = min(int(_CUT * width + 0.5), most)
    return np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)


def _causal(width: float, most: int) -> np.ndarray:
    """Return those of its half that looks back; the middle weighs on the bin itself."""
    weights = _gaussian(width, most)
    weights[len(weights) // 2 + 1 :] = 0.0
    return weights


def _boxcar(width: float, most: int) -> np.ndarray:
    """Return which part of each bin lies in a window of ``width`` (bins) around the middle of one."""
    reach = min(int(np.ceil(max(width - 1.0, 0.0) / 2 - 1e-9)), most)
    return np.clip(width / 2 - np.abs(np.arange(-reach, reach + 1)) + 0.5, 0.0, min(1.0, width))


KERNELS: dict[str, Callable[[float, int], np.ndarray]] = {"gaussian": _gaussian, "boxcar": _boxcar, "causal": _causal}
"""Windows by name: width in bins, the most bins to either side -> weights around a bin, the earlier first."""

_HOW = ("subtract", "divide", "zscore")


def _weighted(values: np.ndarray, *, axis: int, dtype: np.dtype[Any], weights: np.ndarray) -> np.ndarray:
    """Return the mean of the finite neighbours of every bin by their weights."""
    from scipy.ndimage import correlate1d

    apply = partial(correlate1d, weights=weights, mode="constant", output=dtype)
    finite = np.isfinite(values) if values.dtype.kind == "f" else None
    if finite is None or finite.all():
        there = correlate1d(np.ones(values.shape[axis]), weights, mode="constant").astype(dtype)
        result = apply(values, axis=axis)
        result /= there.reshape([-1 if k == axis else 1 for k in range(values.ndim)])
        return np.asarray(result)
    result, weight = apply(np.where(finite, values, 0), axis=axis), apply(finite.astype(dtype), axis=axis)
    result[~finite] = np.nan
    return np.asarray(np.divide(result, weight, out=result, where=finite))


def _along_time(x: xr.DataArray, function: Callable[..., np.ndarray]) -> Any:
    """Return ``function`` of the values, which needs all of ``time`` at once; lazily where they are."""
    dtype = _float(x)
    whole = partial(function, axis=x.get_axis_num("time"), dtype=dtype)
    if x.chunks is None:
        return whole(np.asarray(x.data))
    return x.chunk(time=-1).data.map_blocks(whole, dtype=dtype, meta=np.empty((0,) * x.ndim, dtype))


def _spacing(x: xr.DataArray) -> float:
    """Return the time from one bin to the next, s."""
    if "time" in x.coords and x.sizes["time"] > 1:
        steps = np.diff(np.asarray(x["time"].values, dtype=np.float64))
        step = float(np.median(steps))
        if step > 0 and np.abs(steps - step).max() <= _JITTER * step:
            return step
        message = (
            f"smooth needs evenly spaced bins; the steps of the coordinate 'time' go from {steps.min():.6g} to "
            f"{steps.max():.6g} s. Smooth before bins are left out, or bring them to even ones first."
        )
        raise DimensionError(message)
    if "bin_width" in x.attrs:
        return float(x.attrs["bin_width"])
    message = (
        "smooth needs to know how long a bin is, and there is neither a coordinate 'time' with two bins nor "
        "attrs['bin_width']. Say it: x.assign_coords(time=SECONDS)."
    )
    raise DimensionError(message)


def _bins_within(x: xr.DataArray, window: tuple[float, float]) -> np.ndarray:
    """Return the positions of the bins that lie in the window whole; without a bin width, of those whose time does."""
    require_dims(x, "time", step="baseline", hint="Keep it: bin_spikes(session, window=(-0.1, 0.5), bin_width=0.01).")
    require_coords(x, "time", step="baseline", hint="Say when the bins are: x.assign_coords(time=SECONDS).")
    time, width = np.asarray(x["time"].values, dtype=np.float64), float(x.attrs.get("bin_width", 0.0))
    numbers = isinstance(window, tuple | list | np.ndarray) and len(window) == 2
    if not (numbers and all(isinstance(edge, int | float | np.number) for edge in window) and window[0] < window[1]):
        message = f"baseline needs a window (start, end) in seconds with start < end; got {window!r}."
        raise DesignError(message)
    first, last = (float(edge) for edge in window)
    slack = _JITTER * width
    found = np.flatnonzero((time - width / 2 >= first - slack) & (time + width / 2 <= last + slack))
    if not width:
        found = np.flatnonzero((time >= first) & (time < last))
    if not len(found):
        ends = f"{time.min() - width / 2:.6g} to {time.max() + width / 2:.6g} s" if len(time) else "nowhere"
        message = (
            f"baseline finds no bin within window=({first:g}, {last:g}) s; the coordinate 'time' goes from {ends}. "
            f"Begin earlier, bin_spikes(session, window=({first:g}, ...)), or name another window."
        )
        raise DesignError(message)
    return found


def _float(x: xr.DataArray) -> np.dtype[Any]:
    """Return the type of a result: float32 of float32, float64 of all else."""
    return np.dtype(np.float32 if x.dtype == np.float32 else np.float64)


def _warn_of_constant(flat: xr.DataArray, dims: list[str]) -> None:
    message = (
        f"zscore: {int(flat.sum())} of {flat.size} scales ({', '.join(map(str, flat.dims)) or 'one in all'}) are "
        f"constant over {', '.join(dims)}: the result is 0 there. Drop what tells nothing: "
        f"x.isel(unit=(x.std({dims}) > 0).values)."
    )
    warnings.warn(message, stacklevel=3)


def _warn_of_silence(divisor: xr.DataArray, how: str) -> None:
    what = "mean" if how == "divide" else "standard deviation"
    message = (
        f"baseline: the {what} of {int((divisor == 0).sum())} of {divisor.size} baselines "
        f"({', '.join(map(str, divisor.dims)) or 'one in all'}) is 0, and the result NaN there. "
        f"Average trials first, average_by(x), or use how='subtract'."
    )
    warnings.warn(message, stacklevel=3)


def _finish(values: Any, x: xr.DataArray, step: str, units: str | None, **parameters: Any) -> xr.DataArray:
    """Return ``values`` with all that ``x`` carries, and one more step."""
    result = x.copy(data=values)
    result.attrs = dict(x.attrs) if units is None else {**x.attrs, "units": units}
    return add_step(result, step, **parameters)
