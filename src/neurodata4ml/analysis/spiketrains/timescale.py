"""For how long the spikes of a unit, or of an area, remember how many they were."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.optimize import curve_fit

from neurodata4ml.dims import add_step, dense, presented, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError

_FEWEST = 4
"""Lags without which three parameters cannot be fitted."""

ROUNDING = 1e-9
"""Correlations that fall by less do not fall."""


def intrinsic_timescale(counts: xr.DataArray, *, per: str = "unit") -> xr.Dataset:
    """Time constant with which correlations of spike counts across trials decay, of each unit or each area.

    For every two bins, counts are correlated across trials; correlations of bins as far apart are averaged, and
    ``A (exp(-lag / tau) + B)`` is fitted to them by least squares. Counts from before a stimulus, or between stimuli,
    tell what goes on by itself; where trials have a ``stimulus``, its mean course is taken out first. Source: Murray et
    al. 2014, Nature Neuroscience 17:1661, eq. 1, who also fit to the mean over an area: single units are noisy. Slow
    changes over trials are in B, not in tau. Windows shorter than a few tau make tau too small (Zeraati, Engel & Levina
    2022, Nature Computational Science 2:193).

    Parameters
    ----------
    counts : DataArray (trial, time, unit), spikes
        Bins of some 50 ms in which nothing changes; blanks and invalid trials are left out.
    per : str
        ``"unit"``, or a coordinate of units such as ``"area"``: the mean of its units is fitted.

    Returns
    -------
    Dataset, dims (<per>[, lag])
        ``timescale``, s; ``amplitude`` (A) and ``offset`` (B), unitless; ``autocorrelation`` (<per>, lag); all NaN
        where a unit never varies, or where the fit has no answer between a third of a bin and ten windows:
        ``attrs["undefined"]`` counts these.

    Raises
    ------
    DimensionError
        Not (trial, time, unit), or no such coordinate.
    DesignError
        Fewer than 5 bins, or fewer than 10 trials.
    """
    step = "intrinsic_timescale"
    require_array(counts, step=step)
    require_dims(counts, "trial", "time", "unit", step=step, hint="bin_spikes(session, window=(-0.5, 0)).")
    if per != "unit" and (per not in counts.coords or counts[per].dims != ("unit",)):
        message = (
            f'per takes "unit" or a coordinate of units; got {per!r}. There are: {", ".join(map(str, counts.coords))}.'
        )
        raise DimensionError(message)
    shown = dense(presented(counts, step=step), step=step).transpose("trial", "time", "unit")
    if shown.sizes["time"] <= _FEWEST or shown.sizes["trial"] < 10:
        message = (
            f"{step} needs {_FEWEST + 1} bins and 10 trials or more; got {shown.sizes['time']} and "
            f"{shown.sizes['trial']}. Type bin_spikes(session, window=(-0.5, 0), bin_width=0.05)."
        )
        raise DesignError(message)
    x = shown.values.astype(float)
    if "stimulus" in shown.coords:
        for label in np.unique(shown["stimulus"].values):
            own = shown["stimulus"].values == label
            x[own] -= x[own].mean(axis=0)
    lags = np.asarray(shown["time"].values[1:] - shown["time"].values[0], dtype=float)
    by_unit = _autocorrelation(x)
    names, rows = _grouped(by_unit, shown, per)
    fits = np.array([_fit(lags, row) for row in rows])
    missing = int(np.isnan(fits[:, 0]).sum())
    found = xr.Dataset(
        {
            "timescale": (per, fits[:, 0], {"units": "s"}),
            "amplitude": (per, fits[:, 1], {"units": "1"}),
            "offset": (per, fits[:, 2], {"units": "1"}),
            "autocorrelation": ((per, "lag"), rows, {"units": "1"}),
        },
        coords={per: names, "lag": lags},
        attrs={
            **provenance(counts),
            "undefined": f"timescale: {missing} of {len(fits)} have no fit" if missing else "",
        },
    )
    if per == "unit":
        found = found.assign_coords({k: c for k, c in counts.coords.items() if c.dims == ("unit",)})
    return add_step(found, step, per=per)


def _autocorrelation(x: np.ndarray) -> np.ndarray:
    """Return the mean correlation (unit, lag) over trials of two bins ``lag`` apart; bins that do not vary are not."""
    n_bins = x.shape[1]
    found = np.full((x.shape[2], n_bins - 1), np.nan)
    centred = x - x.mean(axis=0)
    norm = np.sqrt((centred**2).sum(axis=0))
    for unit in range(x.shape[2]):
        varies = norm[:, unit] > 0
        z = np.where(varies, centred[:, :, unit] / np.where(varies, norm[:, unit], 1.0), np.nan)
        correlation = z.T @ z
        for lag in range(1, n_bins):
            diagonal = np.diag(correlation, lag)
            if np.isfinite(diagonal).any():
                found[unit, lag - 1] = np.nanmean(diagonal)
    return found


def _grouped(by_unit: np.ndarray, x: xr.DataArray, per: str) -> tuple[np.ndarray, np.ndarray]:
    if per == "unit":
        return x["unit"].values, by_unit
    homes = x[per].values
    names = list(dict.fromkeys(homes.tolist()))
    known = np.isfinite(by_unit).all(axis=1)
    rows = [by_unit[(homes == name) & known] for name in names]
    none = np.full(by_unit.shape[1], np.nan)
    return np.array(names), np.array([row.mean(axis=0) if len(row) else none for row in rows])


def _fit(lags: np.ndarray, row: np.ndarray) -> tuple[float, float, float]:
    """Return tau, A and B of ``A (exp(-lag / tau) + B)``; NaN where there is no answer."""
    nothing = (np.nan, np.nan, np.nan)
    if not np.isfinite(row).all() or row[0] - row[-1] < ROUNDING:
        return nothing
    shortest, longest = lags[0] / 3, 10 * lags[-1]

    def decay(lag: np.ndarray, log_tau: float, a: float, c: float) -> np.ndarray:
        return np.asarray(a * np.exp(-lag / np.exp(log_tau)) + c)

    start = (np.log(lags[len(lags) // 3]), max(row[0] - row[-1], 1e-6), row[-1])
    bounds = ([np.log(shortest), 0, -np.inf], [np.log(longest), np.inf, np.inf])
    try:
        (log_tau, a, c), _ = curve_fit(decay, lags, row, p0=start, bounds=bounds, max_nfev=2000)
    except RuntimeError:
        return nothing
    tau = float(np.exp(log_tau))
    if not 1.001 * shortest < tau < longest / 1.001 or a <= 0:
        return nothing
    return tau, float(a), float(c / a)
