"""Figures of notebook 11: what a population does that expects something, and what it knows of its own doubt."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide


def surprise(counts: xr.DataArray) -> list[Axes]:
    """Draw the spikes of all units per element: over the session, and for what belongs and what does not."""
    left, right = slide(2, width=4.8)
    total, within = counts.sum("unit"), (counts["position"] > 0).values
    blocks = np.unique(counts["block"].values)
    mean = [float(total[within & (counts["block"] == b).values & counts["is_expected"].values].mean()) for b in blocks]
    left.plot(10 * (blocks + 1), mean, "o-", color=COLOURS[0])
    left.set_ylim(0)
    label(
        left,
        x="share of the session shown (%)",
        y="spikes of all units per element",
        title="What is expected takes fewer spikes",
    )
    late = (counts["block"] >= 5).values & within
    groups = {"belongs": late & counts["is_expected"].values, "does not": late & ~counts["is_expected"].values}
    rng = np.random.default_rng(0)
    for k, chosen in enumerate(groups.values()):
        values = total.values[chosen]
        right.plot(k + 0.12 * rng.standard_normal(len(values)), values, ".", color=COLOURS[k], alpha=0.6)
        right.plot([k - 0.25, k + 0.25], [values.mean()] * 2, color=COLOURS[k], linewidth=2)
        right.text(k, right.get_ylim()[0], f"n = {len(values)}", ha="center", va="bottom", fontsize=8, color=GREY)
        right.set_xticks(range(k + 1), list(groups)[: k + 1])
    right.set_ylim(0)
    label(right, x="the element", y="spikes of all units", title="A wrong element is a burst")
    return [left, right]


def before_it_comes(scores: Mapping[str, tuple[float, float, float]]) -> Axes:
    """Draw how well the sequence is read from each element of it: score with interval, chance at one half."""
    (ax,) = slide(1, width=5.4)
    for k, (score, low, high) in enumerate(scores.values()):
        ax.plot([k, k], [low, high], color=COLOURS[0], linewidth=2)
        ax.plot(k, score, "o", color=COLOURS[0])
    ax.axhline(0.5, color=GREY, linestyle="--", linewidth=1)
    ax.set_xticks(range(len(scores)), list(scores))
    ax.axvspan(0.5, 3.5, color=GREY, alpha=0.12, linewidth=0)
    ax.text(2, 0.42, "the same symbols in both", ha="center", fontsize=8, color=GREY)
    ax.set_ylim(0.3, 1.05)
    return label(
        ax,
        x="element",
        y="balanced accuracy of the sequence",
        title="The same symbol is other cells in another context",
    )


def known_doubt(width: np.ndarray, guesses: Mapping[str, np.ndarray]) -> list[Axes]:
    """Draw what is read from several populations against how sure an ideal observer could be (degrees)."""
    axes = slide(len(guesses), width=3.6, sharex=True, sharey=True)
    for ax, colour, (name, guess) in zip(axes, COLOURS, guesses.items(), strict=False):
        ax.plot(width, guess, ".", color=colour, markersize=3, alpha=0.5)
        ax.axline((2, 2), slope=1, color=GREY, linestyle="--", linewidth=1)
        label(ax, x="width of the posterior (degrees)", title=name)
    label(
        axes[0],
        x="width of the posterior (degrees)",
        y="read from the population (degrees)",
        title=axes[0].get_title("left"),
    )
    return axes
