"""Rates, dimensions and reliability of many recordings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.studies.across.samples import CONFIDENCE, Samples, common, same_axis, too_few, with_summary


def rates(having: Mapping[str, xr.Dataset], samples: Samples) -> xr.Dataset:
    """Rates over the window, and over time where all recordings have the same times.

    Returns
    -------
    Dataset
        ``mean_rate`` (session, area) in Hz, the mean over the window; ``rate`` (session, area, time); each over
        recordings.
    """
    window = {key: one.assign(mean_rate=one["rate"].mean("time")) for key, one in having.items()}
    out = with_summary(window, samples, "mean_rate", ("area",))
    why = too_few(out, "mean_rate", samples)
    if same_axis(having, "time"):
        out = out.merge(with_summary(having, samples, "rate", ("area", "time"), ends=("low", "high")))
    else:
        why.append("rates over time have no mean, since the recordings have different times")
    out.attrs = common(having, "units", "bin_width", "align") | told(why)
    return out


_DIMENSIONS = {
    "participation_ratio_cv": ("low", "high"),
    "participation_ratio": None,
    "n_components": None,
    "signal_total": None,
    "naive_total": None,
    "exponent": None,
}
"""Number of dimensions, by method -> the ends of its interval, where they have another name."""


def dimensions(having: Mapping[str, xr.Dataset], samples: Samples) -> xr.Dataset:
    """How many dimensions the responses fill, by the method of the study: (session, area), and over recordings."""
    out, why = xr.Dataset(), []
    for name, ends in _DIMENSIONS.items():
        found = with_summary(having, samples, name, ("area",), ends=ends)
        out = out.merge(found)
        if found:
            why += too_few(found, name, samples)
    out.attrs = common(having, "method") | told(why)
    return out


def reliabilities(having: Mapping[str, xr.Dataset], samples: Samples) -> xr.Dataset:
    """Reliability of the middle unit of every area.

    The interval of a recording's own median is by order statistics, which assumes nothing of the distribution over
    units: from the k-th lowest to the k-th highest, k the largest with P(Binomial(n, 1/2) < k) <= 2.5 % (Conover 1999,
    Practical Nonparametric Statistics, 3.2).

    Returns
    -------
    Dataset
        ``median`` (session, area) with its interval, ``n_units`` (session, area); the median over recordings.
    """
    medians = {key: _medians(one) for key, one in having.items()}
    out = with_summary(medians, samples, "median", ("area",))
    out = out.merge(with_summary(medians, samples, "n_units", ("area",))[["n_units"]])
    out.attrs = common(having, "method") | told(too_few(out, "median", samples))
    return out


def _medians(array: xr.Dataset) -> xr.Dataset:
    home = array["area"].values if "area" in array.coords else np.full(array.sizes["unit"], "all units", dtype=object)
    areas = list(dict.fromkeys(home))
    by_area = [array["reliability"].values[home == area].astype(float) for area in areas]
    found = np.array([_median(values[np.isfinite(values)]) for values in by_area])
    names = ("median", "median_low", "median_high", "n_units")
    return xr.Dataset(
        {name: ("area", found[:, k]) for k, name in enumerate(names)}, coords={"area": np.array(areas, dtype=object)}
    )


def _median(values: np.ndarray) -> tuple[float, float, float, float]:
    """Return the median, the ends of its interval, and of how many."""
    n, ordered = values.size, np.sort(values)
    if not n:
        return np.nan, np.nan, np.nan, 0.0
    k = int(stats.binom.ppf((1 - CONFIDENCE) / 2, n, 0.5))  # P(count <= k - 1) is at most 2.5 %, that of k above it
    low, high = (ordered[k - 1], ordered[n - k]) if k else (np.nan, np.nan)
    return float(np.median(ordered)), float(low), float(high), float(n)


def told(why: list[str]) -> dict[str, str]:
    """Return reasons for numbers that are not available as the attribute ``undefined``; nothing where there is none."""
    return {"undefined": "; ".join(dict.fromkeys(why))} if why else {}
