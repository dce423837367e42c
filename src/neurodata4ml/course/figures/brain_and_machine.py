"""Figures of notebook 01: a processor looked at as a brain is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide


def die(place: np.ndarray, values: Mapping[str, np.ndarray], *, name: str) -> list[Axes]:
    """Draw where the nets lie (net, 2) in micrometres, coloured by a number each; one panel for each title."""
    axes = slide(len(values), width=4.0, height=3.6)
    for ax, (title, value) in zip(axes, values.items(), strict=True):
        order = np.argsort(value)
        drawn = ax.scatter(
            place[order, 0], place[order, 1], s=9, c=np.asarray(value)[order], cmap="viridis", marker="s"
        )
        bar = ax.figure.colorbar(drawn, ax=ax, fraction=0.05)
        bar.set_label(name, fontsize=8)
        ax.set_aspect("equal")
        ax.invert_yaxis()
        label(ax, x="across the die (µm)", y="down the die (µm)", title=title)
    return axes


def parts(place: np.ndarray, part: np.ndarray) -> Axes:
    """Draw where each part lies: what the engineer knows."""
    (ax,) = slide(1, width=5.6, height=4.2)
    names = [name for name in dict.fromkeys(part.tolist()) if (part == name).sum() > 20]
    for k, name in enumerate(names):
        own = part == name
        ax.plot(place[own, 0], place[own, 1], "s", markersize=2.5, color=COLOURS[k % len(COLOURS)], alpha=0.55)
        x, y = place[own, :2].mean(axis=0)
        ax.text(x, y, name, ha="center", va="center", fontsize=9, fontweight="bold")
    ax.set_aspect("equal")
    ax.invert_yaxis()
    return label(ax, x="across the die (µm)", y="down the die (µm)", title="What the engineer drew")


def lesioned(needed: xr.DataArray, part: np.ndarray) -> list[Axes]:
    """Draw for how many programs each net is needed, and of which parts those are that one program alone needs."""
    left, right = slide(2, width=4.6)
    counts = np.bincount(needed.sum("program").values, minlength=needed.sizes["program"] + 1)
    left.bar(np.arange(len(counts)), counts, color=[GREY, COLOURS[1], *[COLOURS[0]] * (len(counts) - 2)])
    for k, n in enumerate(counts):
        left.text(k, n, f"{n}", ha="center", va="bottom", fontsize=8)
    label(left, x="programs that go wrong without the net", y="nets", title="Most nets are not missed")
    alone = needed.sum("program").values == 1
    names = [str(name) for name in needed.program.values]
    kinds = [name for name in dict.fromkeys(part.tolist()) if (alone & (part == name)).any()]
    below = np.zeros(len(names))
    for k, kind in enumerate(kinds):
        n = needed.values[alone & (part == kind)].sum(axis=0)
        right.barh(names, n, left=below, color=(*COLOURS, GREY)[k % 7], label=kind, hatch="///" if k > 6 else None)
        below += n
    right.legend(fontsize=7, ncols=2)
    label(right, x="nets that this program alone needs", title="A “sorting net”? It belongs to a part")
    return [left, right]


def components(found: xr.Dataset, registers: xr.Dataset, *, first: float, seconds: float) -> list[Axes]:
    """Draw the course of the first components, and below them what the registers held."""
    left, right = slide(2, width=5.2)
    shown = (found.time >= first) & (found.time < first + seconds)
    for k in range(min(3, found.sizes["component"])):
        course = found.latents.isel(component=k)[shown.values]
        left.plot(1e3 * course.time, (course - course.mean()) / course.std() - 5 * k, color=COLOURS[k], linewidth=1.2)
        left.text(1e3 * (first + seconds), -5 * k, f" {k + 1}", color=COLOURS[k], va="center", fontweight="bold")
    left.set_yticks([])
    label(left, x="time (ms)", y="component (z-score)", title="Components of 1,825 nets")
    for k, name in enumerate(("PC", "A", "B")):
        value = registers.register.sel(name=name)[shown.values]
        right.step(1e3 * value.time, value / max(float(value.max()), 1) - 1.3 * k, color=COLOURS[k], linewidth=1.2)
        right.text(1e3 * (first + seconds), -1.3 * k + 0.3, f" {name}", color=COLOURS[k], fontweight="bold")
    right.set_yticks([])
    label(right, x="time (ms)", y="value, over its largest", title="Nine registers say what happens")
    return [left, right]


def tuned(p_values: Mapping[str, np.ndarray]) -> Axes:
    """Draw the share of nets with p below each threshold, for real labels and for shuffled ones."""
    (ax,) = slide(1, width=4.8)
    level = np.linspace(0, 0.2, 81)
    for colour, (name, p) in zip((COLOURS[0], GREY), p_values.items(), strict=False):
        ax.plot(level, [(p <= one).mean() for one in level], color=colour, linewidth=2, label=name)
    ax.plot(level, level, color=GREY, linewidth=0.8, linestyle="--", label="by chance")
    ax.legend(fontsize=8)
    return label(ax, x="threshold of p", y="share of nets that fire", title="Most nets are “tuned” to the program")
