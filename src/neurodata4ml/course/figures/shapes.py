"""Figures of notebook 03: how many dimensions, and which shape."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide


def counted(n_trials: np.ndarray, observed: np.ndarray, corrected: np.ndarray, truth: float) -> Axes:
    """Draw dimensions as counted, and corrected, against the number of stimuli."""
    (ax,) = slide(1, width=5.2)
    ax.semilogx(n_trials, observed, "o-", color=COLOURS[1], label="participation ratio as observed")
    ax.semilogx(n_trials, n_trials * truth / (n_trials + truth), "--", color=GREY, label="T N / (T + N)")
    ax.semilogx(n_trials, corrected, "o-", color=COLOURS[0], label="corrected for few stimuli")
    ax.axhline(truth, color=GREY, linewidth=1)
    ax.text(n_trials[-1], truth, "truth", va="bottom", ha="right", fontsize=8, color=GREY)
    ax.legend(fontsize=8, loc="lower right")
    ax.set_ylim(0, 1.35 * truth)
    return label(ax, x="stimuli (T)", y="dimensions", title="Few stimuli, few dimensions: of white noise too")


def decays(variance: Mapping[str, np.ndarray], ranks: tuple[int, int], exponent: float) -> Axes:
    """Draw variance by component on logarithmic axes, beside the law that is true."""
    (ax,) = slide(1, width=5.2)
    for colour, (name, its) in zip((COLOURS[1], COLOURS[0]), variance.items(), strict=True):
        rank = np.arange(1, len(its) + 1)
        ax.loglog(rank[its > 0], its[its > 0], color=colour, linewidth=1.5, label=name)
    rank = np.arange(ranks[0], ranks[1] + 1)
    first = next(iter(variance.values()))
    ax.loglog(rank, first[0] * rank**-exponent, "--", color=GREY, label=f"truth: rank^-{exponent:g}")
    ax.legend(fontsize=8)
    return label(ax, x="component", y="variance", title="Noise makes the spectrum flat; its signal is not")


def trajectories(single: xr.DataArray, *, n_shown: int = 12) -> list[Axes]:
    """Draw smooth paths of single trials in two components, some of the first two conditions each."""
    axes = slide(2, sharex=True, sharey=True)
    conditions = list(dict.fromkeys(single["stimulus"].values.tolist()))[:2]
    for ax, colour, condition in zip(axes, COLOURS, conditions, strict=False):
        for path in single.values[(single["stimulus"] == condition).values][:n_shown]:
            ax.plot(path[:, 0], path[:, 1], color=colour, linewidth=0.8, alpha=0.7)
            ax.plot(path[0, 0], path[0, 1], ".", color=GREY, markersize=5)
        label(ax, x="component 1", y="component 2", title=f"condition {condition}")
    return axes


def ring(points: np.ndarray, angles: np.ndarray) -> Axes:
    """Draw mean responses (condition, 2) in a plane, joined in the order of their angles (degrees)."""
    (ax,) = slide(1, width=4.4, height=4.0)
    order = np.argsort(angles)
    closed = points[np.r_[order, order[0]]]
    ax.plot(*closed.T, color=GREY, linewidth=1)
    drawn = ax.scatter(points[:, 0], points[:, 1], c=angles, cmap="twilight_shifted", s=80, zorder=3, edgecolors=GREY)
    for point, angle in zip(points, angles, strict=True):
        ax.annotate(f"{angle:g}°", point, xytext=(7, 7), textcoords="offset points", fontsize=8)
    drawn.set_linewidth(0.8)
    ax.set_aspect("equal")
    ax.margins(0.18)
    return label(ax, x="component 1 (Hz)", y="component 2 (Hz)", title="Directions lie on a ring, in their order")
