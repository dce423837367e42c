"""Figures of notebook 07: what learning rules do, and what they leave behind."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide, square


def weights_and_component(x: np.ndarray, weights: dict[str, np.ndarray]) -> list[Axes]:
    """Draw two inputs (sample, 2), the way of each rule's weights (step, 2) among them, and the weights' length."""
    left, right = slide(2)
    left.plot(*x[:1500].T, ".", markersize=3, color=GREY, alpha=0.3)
    _, _, axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
    left.axline((0, 0), axes[0], color=GREY, linestyle="--", linewidth=1, label="first principal component")
    for colour, thick, (name, path) in zip(COLOURS, (4, 1.5), weights.items(), strict=False):
        length = np.linalg.norm(path, axis=1)
        left.plot(*(path / np.maximum(length, 1)[:, None]).T, color=colour, linewidth=thick, label=name)
        left.plot(*(path / np.maximum(length, 1)[:, None])[-1], "o", color=colour)
        right.semilogy(length, color=colour, linewidth=2, label=name)
    left.set_aspect("equal")
    left.legend(fontsize=7, loc="upper left")
    label(left, x="input 1", y="input 2", title="Weights turn to the direction of most variance")
    label(right, x="samples shown", y="length of the weights", title="Without a decay they grow for ever")
    right.legend(fontsize=8)
    return [left, right]


def timing_window(lag: np.ndarray, change: np.ndarray) -> Axes:
    """Draw what a pair of spikes does to a synapse against its lag (s)."""
    (ax,) = slide(1, width=5)
    for where, colour in ((lag > 0, COLOURS[1]), (lag < 0, COLOURS[0])):
        ax.fill_between(1e3 * lag, change, where=where, color=colour, alpha=0.25, linewidth=0)
        ax.plot(1e3 * lag[where], change[where], color=colour, linewidth=2)
    ax.axhline(0, color=GREY, linewidth=0.7)
    ax.axvline(0, color=GREY, linewidth=0.7)
    title = "Who fires just before gains, who fires just after loses"
    return label(ax, x="receiver's spike after the sender's (ms)", y="change of the weight", title=title)


def before_and_after(before: xr.DataArray, after: xr.DataArray) -> list[Axes]:
    """Draw the coupling of inputs (rows) with outputs in two stretches of time, and its change."""
    axes = slide(3, width=3.6)
    most = float(max(np.nanmax(np.abs(before)), np.nanmax(np.abs(after))))
    for ax, values, title in zip(
        axes, (before, after, after - before), ("rest before", "rest after", "change"), strict=True
    ):
        square(ax, values.values, name="extra spikes per spike", symmetric=True)
        ax.images[0].set_clim(-most, most)
        label(ax, x="output unit", y="input unit", title=title)
    return axes


def explanations(observed: xr.DataArray, predicted: dict[str, xr.DataArray], found: xr.Dataset) -> list[Axes]:
    """Draw the observed change of every synapse against what each rule predicts."""
    axes = slide(len(predicted), width=3.4, sharey=True)
    for ax, colour, (name, x) in zip(axes, COLOURS, predicted.items(), strict=False):
        scaled = (x - x.mean()) / x.std()
        ax.plot(scaled.values.ravel(), observed.values.ravel(), ".", color=colour, markersize=4, alpha=0.6)
        fit, p = (float(found[what].sel(candidate=name)) for what in ("correlation", "p_value"))
        label(ax, x="predicted change (z-score)", title=f"{name}: r = {fit:.2f}, p = {p:.3f}")
    label(
        axes[0],
        x="predicted change (z-score)",
        y="change of coupling (spikes per spike)",
        title=axes[0].get_title("left"),
    )
    return axes


def rewards(reward: dict[str, np.ndarray], *, over: int = 80) -> Axes:
    """Draw the share of rewarded trials, as a running mean, for each rule."""
    (ax,) = slide(1, width=5)
    for colour, (name, each) in zip((GREY, *COLOURS), reward.items(), strict=False):
        smooth = np.convolve(each, np.ones(over) / over, mode="valid")
        ax.plot(np.arange(len(smooth)) + over, smooth, color=colour, linewidth=2, label=name)
    ax.axhline(0.5, color=GREY, linewidth=0.7, linestyle="--")
    ax.legend(fontsize=8, ncols=2)
    ax.set_ylim(0.25, 1)
    return label(
        ax,
        x="trial",
        y=f"rewarded, of the last {over} trials",
        title="Only a rule that hears of the reward learns the task",
    )
