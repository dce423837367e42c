"""What lies too near a test sample to learn from: windows that overlap or touch, and how long a gap must be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.reading import Design, bin_width

TOLERANCE = 1e-3
"""Seconds by which windows may overlap: displays and clocks jitter by less than a millisecond."""

FALLEN = 0.1
"""An autocorrelation below this is over: its last trace, 1 % of the variance, is less than any fold can tell."""

_UNITS = 100
"""Units from which the slow course of a population is read; more would not change it."""

_VALUES = 10_000_000
"""Numbers read for it at most: of a long recording fewer units."""

_COURSES = 3
"""Leading principal components that are taken for the slow course of a population."""


@dataclass(frozen=True)
class Purge:
    """Seconds to leave between training and test samples, and why."""

    seconds: float
    why: str = ""
    note: str = ""


def gap_around(design: Design, fold: np.ndarray, distance: float) -> np.ndarray | None:
    """Return what each fold must not learn from: bool (n_folds, n_samples); None where nothing is near.

    A sample is left out where its window lies within ``distance`` seconds of the window of a test sample of the same
    session (0 s: where they overlap).
    """
    if design.start is None or distance <= 0:
        return None
    gap = np.stack([near(design, fold == k, distance) & (fold != k) for k in range(fold.max() + 1)])
    return gap if gap.any() else None


def near(design: Design, test: np.ndarray, distance: float) -> np.ndarray:
    """Return which samples have a window nearer than ``distance`` to that of a test sample (and the test samples).

    With a negative distance: which overlap one by more than that. Times that are NaN are near nothing.
    """
    close = np.zeros(design.n_samples, dtype=bool)
    if design.start is None or design.stop is None:
        return close
    slack = 1e-9  # half a nanosecond of rounding must not decide
    session = design.session if design.session is not None else np.zeros(design.n_samples)
    for name in np.unique(session[test]):
        mine = np.flatnonzero((session == name) & np.isfinite(design.start))
        start, stop = design.start[mine], design.stop[mine]
        first = np.sort(start[test[mine]])
        last = np.maximum.accumulate(stop[test[mine]][np.argsort(start[test[mine]], kind="stable")])
        n_before = np.searchsorted(first, stop + distance - slack, side="left")
        reached = np.append(-np.inf, last)[n_before]
        close[mine] = reached > start - distance + slack
    return close


def choose_purge(x: xr.DataArray, design: Design, fold: np.ndarray) -> Purge:
    """Choose the gap between neighbouring stretches of a continuous recording.

    It is the lag at which the autocorrelation of the target and that of the three leading principal components of the
    z-scored responses have fallen below 0.1, at least one bin, at most half a stretch.
    """
    step = bin_width(x) or 1.0
    longest = max(half_a_stretch(design, fold), step)
    lags = {"the responses": _lag(leading_courses(x, design), design, step, longest)}
    if design.labels is not None:
        lags[repr(design.target)] = _lag(_columns(design), design, step, longest)
    chosen = max(step, *lags.values())
    measured = " and of ".join(f"{name} ({lag:.3g} s)" for name, lag in lags.items())
    why = f"{chosen:.3g} s are left out on both sides: the autocorrelation of {measured} is below {FALLEN} from there"
    slow = [name for name, lag in lags.items() if lag >= longest - step / 2]
    if not slow:
        return Purge(chosen, why)
    why = f"{chosen:.3g} s are left out on both sides: half a stretch of time, the most that leaves enough to learn"
    note = (
        f"The autocorrelation of {' and of '.join(slow)} lasts longer than half a stretch of time ({longest:.3g} s): "
        f"what is slow is in training and test alike. Trust the null, not the score."
    )
    return Purge(chosen, why, note)


def lag_of_memory(values: np.ndarray, time: np.ndarray, step: float, *, longest: float) -> float:
    """Return the first lag, in s, at which the autocorrelation of every column has fallen below 0.1.

    Samples may be missing: pairs at a lag are counted as they are found, and never over more than ``longest``.

    Parameters
    ----------
    values : ndarray (n_samples, n_columns)
        In the order of time; constant columns and NaN count for nothing.
    time : ndarray (n_samples,), s
        Where it falls back (another session begins), nothing is paired across.
    step : float, s
        Between samples.
    longest : float, s
        Returned where it does not fall within this lag.
    """
    n_lags = int(np.ceil(longest / step))
    jumps = np.round(np.diff(time) / step)
    jumps = np.where((jumps < 0) | (jumps > n_lags) | ~np.isfinite(jumps), n_lags + 1, np.maximum(jumps, 1))
    place = np.append(0, np.cumsum(jumps)).astype(np.int64)
    size = 1 << int(place[-1] + n_lags + 1).bit_length()
    lag = 0
    for column in values.T:
        known = np.isfinite(column)
        if not known.any() or np.ptp(column[known]) == 0:
            continue
        signal, mask = np.zeros(size), np.zeros(size)
        signal[place[known]], mask[place[known]] = column[known] - column[known].mean(), 1.0
        power, pairs = (np.fft.irfft(np.abs(np.fft.rfft(s)) ** 2, size)[: n_lags + 1] for s in (signal, mask))
        correlation = power / np.maximum(pairs, 1.0) / (power[0] / pairs[0])
        below = np.flatnonzero((correlation < FALLEN) | (pairs < 10))
        lag = max(lag, int(below[0]) if len(below) else n_lags)
    return min(lag * step, longest)


def half_a_stretch(design: Design, fold: np.ndarray) -> float:
    """Return half the usual duration, in s, of samples in a row that lie in one fold."""
    if design.start is None or design.stop is None:
        return 0.0
    in_order = fold[design.order]
    ends = np.flatnonzero(np.append(np.diff(in_order) != 0, True))
    begins = np.append(0, ends[:-1] + 1)
    lasted = design.stop[design.order[ends]] - design.start[design.order[begins]]
    return float(np.median(lasted[np.isfinite(lasted)])) / 2 if np.isfinite(lasted).any() else 0.0


def leading_courses(x: xr.DataArray, design: Design) -> np.ndarray:
    """Return the three leading principal components of the z-scored responses, (n_samples, <= 3), in time order."""
    flat = x.transpose(design.dim, ...)
    most = max(_COURSES, min(_UNITS, _VALUES // max(design.n_samples, 1)))
    for other in flat.dims[1:]:
        n = flat.sizes[other]
        flat = flat.isel({other: np.unique(np.linspace(0, n - 1, min(n, most)).astype(int))}) if n else flat
    values: np.ndarray = np.asarray(flat.data, dtype=np.float64).reshape(design.n_samples, -1)[design.order]
    known = np.isfinite(values)
    values = np.where(known, values, 0.0)
    values = np.where(known, values - values.sum(axis=0) / np.maximum(known.sum(axis=0), 1), 0.0)
    spread = values.std(axis=0)
    values = values[:, spread > 0] / spread[spread > 0]
    if not values.shape[1]:
        return values
    axes = np.linalg.eigh(values.T @ values)[1][:, ::-1]
    return np.asarray(values @ axes[:, :_COURSES])


def _columns(design: Design) -> np.ndarray:
    """Return the target in the order of time as numbers: itself, or one column per class."""
    labels: np.ndarray = np.asarray(design.labels)[design.order]
    if labels.dtype.kind in "f":
        return labels.astype(np.float64)[:, None]
    code = np.unique(labels, return_inverse=True)[1]
    return np.asarray(code[:, None] == np.arange(min(code.max() + 1, _UNITS)), dtype=np.float64)


def _lag(values: np.ndarray, design: Design, step: float, longest: float) -> float:
    start = design.start if design.start is not None else np.arange(design.n_samples) * step
    return lag_of_memory(values, start[design.order], step, longest=longest)
