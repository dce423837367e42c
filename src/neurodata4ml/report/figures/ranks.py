"""Distances as ranks within their own square, so that squares of any unit can be seen beside each other."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.report.words import texts

SHADES = 40
"""Steps from the nearest to the farthest pair: the eye sees no more, and pictures shrink to a quarter."""


def grouped(rdms: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the order that puts stimuli of one group together, and where groups begin."""
    if "group" not in rdms.coords:
        return np.arange(rdms.sizes["stimulus"]), np.array([], dtype=int)
    group = np.array(texts(rdms, "group"))
    order = np.argsort(group, kind="stable")
    return order, np.flatnonzero(group[order][1:] != group[order][:-1]) + 1


def percentiles(square: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Return each distance as its mid-rank in per cent, diagonal and missing ones blank, with their range."""
    square = np.where(np.eye(len(square), dtype=bool), np.nan, square)
    known = np.sort(square[np.isfinite(square)])
    if not known.size:
        return square, np.nan, np.nan
    ranks = (np.searchsorted(known, square, "left") + np.searchsorted(known, square, "right")) / 2
    steps = np.round(SHADES * ranks / known.size) * (100 / SHADES)
    return np.where(np.isfinite(square), steps, np.nan), known[0], known[-1]
