"""Figures of notebook 08: from spikes to what makes them."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide


def rate_of_current(current: np.ndarray, simulated: np.ndarray, closed: np.ndarray, noisy: np.ndarray) -> Axes:
    """Draw the rate (Hz) of a unit against constant current (A): simulated, in closed form, and with noise."""
    (ax,) = slide(1, width=5)
    ax.plot(1e9 * current, closed, color=COLOURS[0], linewidth=2, label="closed form")
    ax.plot(1e9 * current, simulated, "o", color=COLOURS[1], markersize=4, label="simulated")
    ax.plot(1e9 * current, noisy, "--", color=GREY, label="with noise (Siegert)")
    ax.legend(fontsize=8)
    return label(ax, x="injected current (nA)", y="rate (Hz)", title="Below a current nothing, above it nearly a line")


def patched(
    time: np.ndarray, current: np.ndarray, voltage: np.ndarray, spikes: np.ndarray, fitted: np.ndarray
) -> list[Axes]:
    """Draw half a second of a cell: what went in, what its membrane did, its spikes and those of the fit."""
    left, right = slide(2, width=5)
    shown = time < 0.5
    left.plot(1e3 * time[shown], 1e9 * current[shown], color=GREY, linewidth=1)
    label(left, x="time (ms)", y="injected current (nA)", title="What went in")
    right.plot(1e3 * time[shown], 1e3 * voltage[shown], color=COLOURS[0], linewidth=1)
    for name, times, height, colour in (("recorded", spikes, 19, COLOURS[0]), ("fitted", fitted, 21.5, COLOURS[1])):
        own = times[times < 0.5]
        right.plot(1e3 * own, np.full(len(own), height), "|", color=colour, markersize=12, label=name)
    right.legend(fontsize=8, loc="lower right")
    label(right, x="time (ms)", y="membrane from rest (mV)", title="What came out, and what the fitted unit does")
    return [left, right]


def irregular(intervals: xr.Dataset, power: xr.DataArray) -> list[Axes]:
    """Draw the intervals of some units and the spectrum of their spikes."""
    left, right = slide(2, width=4.6)
    busiest = np.argsort(-intervals.n_intervals.values)[:3]
    for colour, unit in zip(COLOURS, busiest, strict=False):
        share = intervals["count"].values[unit] / intervals.n_intervals.values[unit]
        cv, lv = (float(intervals[which][unit]) for which in ("cv", "lv"))
        name = f"unit {intervals.unit.values[unit]}: CV {cv:.2f}, LV {lv:.2f}"
        left.step(1e3 * intervals.interval, share, color=colour, where="mid", linewidth=1.5, label=name)
        right.plot(power.frequency, power.values[unit], color=colour, linewidth=1)
    left.set_xscale("log")
    left.legend(fontsize=7)
    label(left, x="time to the next spike (ms)", y="share of intervals", title="How long until the next spike?")
    right.axhline(1, color=GREY, linestyle="--", linewidth=1)
    right.text(float(power.frequency[-1]), 1, "Poisson", ha="right", va="bottom", fontsize=8, color=GREY)
    right.set_yscale("log")
    label(right, x="frequency (Hz)", y="power over that of chance", title="A spectrum of single spikes")
    return [left, right]


def worth(information: xr.Dataset, rate: np.ndarray, cost: np.ndarray) -> list[Axes]:
    """Draw what every unit tells, as counted and corrected, and what a bit costs it."""
    left, right = slide(2, width=4.6)
    left.vlines(rate, information.information, information.plain, color=GREY, linewidth=0.8)
    left.plot(rate, information.plain, "o", color=COLOURS[1], markersize=4, label="as counted")
    left.plot(rate, information.information, "o", color=COLOURS[0], markersize=4, label="bias taken out")
    left.axhline(float(information.entropy), color=GREY, linestyle="--", linewidth=1)
    left.text(rate.min(), float(information.entropy), "all there is to know", va="bottom", fontsize=8, color=GREY)
    left.legend(fontsize=8, loc="lower right")
    left.set_ylim(min(0, float(information.information.min())))
    label(left, x="rate (Hz)", y="information (bits per trial)", title="What one unit tells of the stimulus")
    right.plot(rate, cost, "o", color=COLOURS[0], markersize=4)
    right.set_yscale("log")
    label(right, x="rate (Hz)", y="ATP per bit", title="A bit costs billions of molecules")
    return [left, right]
