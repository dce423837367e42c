"""Figures of notebook 06: learning from brains."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide

NAMES = {
    "activity": "the brain's",
    "none": "all alike",
    "shuffled": "exchanged in classes",
    "noise": "from noise",
    "own": "from the features",
}
"""Weightings of ``activity_weighted``, in words."""

_LINES = {
    "activity": (COLOURS[1], "o-"),
    "none": (GREY, "--"),
    "shuffled": (COLOURS[2], "s-"),
    "noise": (COLOURS[3], "^-"),
    "own": (COLOURS[0], "v-"),
}


def clearest(images: xr.DataArray, weight: xr.DataArray, *, n_shown: int = 8) -> Axes:
    """Draw the pictures (stimulus, y, x) that weigh the least, and those that weigh the most."""
    order = weight.sortby(weight)["stimulus"].values
    rows = {"weigh the least": order[:n_shown], "weigh the most": order[::-1][:n_shown]}
    (ax,) = slide(1, width=n_shown + 1.4, height=2.8)
    for row, (name, shown) in enumerate(rows.items()):
        for k, one in enumerate(shown):
            ax.imshow(
                images.sel(stimulus=one), cmap="gray", extent=(1.1 * k, 1.1 * k + 1, -1.35 * row - 1, -1.35 * row)
            )
            said = f"{float(weight.sel(stimulus=one)):.2f}"
            ax.text(1.1 * k + 0.5, -1.35 * row - 1.06, said, ha="center", va="top", fontsize=8, color=GREY)
        ax.text(-0.15, -1.35 * row - 0.5, name, ha="right", va="center", fontsize=9)
    ax.set(xlim=(-0.05, 1.1 * n_shown), ylim=(-2.7, 0.05), xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    return ax


def gains(found: Mapping[str, xr.Dataset], *, title: str) -> list[Axes]:
    """Draw by how much the brain's weights beat each control, with intervals; a panel for each teacher."""
    axes = slide(len(found), width=4.4, height=2.4, sharex=True, sharey=True)
    for ax, (name, one) in zip(axes, found.items(), strict=True):
        told = one.drop_sel(weighting="activity")
        y = np.arange(told.sizes["weighting"])
        ax.hlines(y, 100 * told["low"], 100 * told["high"], color=COLOURS[0], linewidth=2)
        ax.plot(100 * told["gain"], y, "o", color=COLOURS[0])
        ax.axvline(0, color=GREY, linewidth=0.8)
        ax.set_yticks(y, [NAMES[str(each)] for each in told["weighting"].values])
        ax.set_ylim(len(y) - 0.5, -0.5)
        label(ax, x="gain of the brain's weights (points)", title=name)
    axes[0].set_ylabel("against weights")
    axes[0].figure.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    return axes


def by_strength(scores: xr.DataArray, *, title: str) -> Axes:
    """Draw scores (weighting, strength) of all weightings: the brain's in front, controls behind."""
    (ax,) = slide(1, width=5.6, height=3.4)
    for name in scores["weighting"].values:
        colour, line = _LINES[str(name)]
        ax.plot(scores["strength"], 100 * scores.sel(weighting=name), line, color=colour, label=NAMES[str(name)])
    ax.set_xscale("log")
    ax.set_xticks(scores["strength"].values, [f"{one:g}" for one in scores["strength"].values])
    ax.minorticks_off()
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return label(ax, x="strength of the weights", y="balanced accuracy (%)", title=title)
