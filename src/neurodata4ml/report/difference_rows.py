"""What two reports both measured, number beside number, each with its interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.report.words import column, labels, texts
from neurodata4ml.results import Results

Measured = tuple[float, float, float]
"""A value and both ends of its interval; NaN where there is none."""


@dataclass(frozen=True)
class Pair:
    """One number of both reports.

    Attributes
    ----------
    label : str
        What it is of: an area, or an area and a candidate.
    first, second : tuple of float
        Value, low and high end, in A and in B.
    """

    label: str
    first: Measured
    second: Measured

    @property
    def difference(self) -> float:
        """Return B minus A."""
        return self.second[0] - self.first[0]

    @property
    def apart(self) -> bool:
        """Return whether the intervals do not overlap."""
        return bool(self.first[2] < self.second[1] or self.second[2] < self.first[1])

    def interval(self) -> tuple[float, float]:
        """Return the interval of B minus A for independent samples.

        Each side of it joins the sides of both intervals: d - sqrt((b - b_low)^2 + (a_high - a)^2) to
        d + sqrt((b_high - b)^2 + (a - a_low)^2). Zou and Donner (2008), Statistics in Medicine 27:1693, eq. 7.
        """
        (a, a_low, a_high), (b, b_low, b_high) = self.first, self.second
        return self.difference - math.hypot(b - b_low, a_high - a), self.difference + math.hypot(b_high - b, a - a_low)


@dataclass(frozen=True)
class Pairs:
    """All numbers of one kind: those of both reports, and the labels that only one has."""

    both: tuple[Pair, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


def pairs_of(section: str, first: Results, second: Results) -> Pairs:
    """Return the numbers of a section that both reports have, in the order of A.

    Parameters
    ----------
    section : str
        A key of ``MEASURED``.
    first, second : Results
        A and B.
    """
    a, b = (_measured(section, results) for results in (first, second))
    both = tuple(Pair(label, a[label], b[label]) for label in a if label in b)
    return Pairs(both, tuple(label for label in a if label not in b), tuple(label for label in b if label not in a))


def _measured(section: str, results: Results) -> dict[str, Measured]:
    """Return the numbers of one recording; of many, the means over recordings."""
    for name, measured in ((section, MEASURED[section]), (f"{section}_sessions", OVER_RECORDINGS[section])):
        array = results.arrays.get(name)
        if array is not None:
            return {label: found for label, found in measured(array).items() if math.isfinite(found[0])}
    return {}


def _by_area(value: str, low: str, high: str) -> Callable[[xr.Dataset], dict[str, Measured]]:
    def measured(array: xr.Dataset) -> dict[str, Measured]:
        areas = labels(array, "area")
        columns = (column(array, name, len(areas)) for name in (value, low, high))
        return {area: (float(v), float(a), float(b)) for area, v, a, b in zip(areas, *columns, strict=True)}

    return measured


def _of_units(array: xr.Dataset) -> dict[str, Measured]:
    """Return the mean over the units of each area, with Student's interval: units are the sample."""
    value = np.asarray(array["reliability"].values, dtype=float)
    area = np.array(texts(array, "area", "all units") if "area" in array.variables else ["all units"] * value.size)
    return {name: _mean(value[(area == name) & np.isfinite(value)]) for name in dict.fromkeys(area.tolist())}


def _mean(sample: np.ndarray) -> Measured:
    if sample.size < 2:
        return (float(sample.mean()) if sample.size else math.nan), math.nan, math.nan
    half = float(stats.t.ppf(0.975, sample.size - 1) * sample.std(ddof=1) / math.sqrt(sample.size))
    return float(sample.mean()), float(sample.mean()) - half, float(sample.mean()) + half


def _by_candidate(value: str, low: str, high: str) -> Callable[[xr.Dataset], dict[str, Measured]]:
    def measured(array: xr.Dataset) -> dict[str, Measured]:
        found, candidates = {}, labels(array, "candidate")
        for area in labels(array, "area"):
            columns = (column(array, name, len(candidates), area=area) for name in (value, low, high))
            for candidate, v, a, b in zip(candidates, *columns, strict=True):
                found[f"{area} · {candidate}"] = (float(v), float(a), float(b))
        return found

    return measured


def _over(value: str) -> tuple[str, str, str]:
    return f"{value}_mean", f"{value}_mean_low", f"{value}_mean_high"


MEASURED: dict[str, Callable[[xr.Dataset], dict[str, Measured]]] = {
    "decoding": _by_area("accuracy_window", "accuracy_window_low", "accuracy_window_high"),
    "dimensionality": _by_area("participation_ratio_cv", "low", "high"),
    "reliability": _of_units,
    "encoding": _by_candidate("median", "median_low", "median_high"),
    "similarity": _by_candidate("similarity", "low", "high"),
}
"""Section -> what of it two reports are compared by. A new section is one line here, and one in the next table."""

OVER_RECORDINGS: dict[str, Callable[[xr.Dataset], dict[str, Measured]]] = {
    "decoding": _by_area(*_over("accuracy_window")),
    "dimensionality": _by_area(*_over("participation_ratio_cv")),
    "reliability": _by_area(*_over("median")),
    "encoding": _by_candidate(*_over("median")),
    "similarity": _by_candidate(*_over("similarity")),
}
"""The same of many recordings, from ``<section>_sessions``."""
