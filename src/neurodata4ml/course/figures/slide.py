"""Axes for a slide: the look of the reports, large enough to be read from the last row."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from neurodata4ml.report.figures.canvas import AREA_COLOURS, MUTED
from neurodata4ml.report.plots.paper import dress, house_style

COLOURS = AREA_COLOURS
"""Told apart by everyone, on white and on black."""

GREY = MUTED
"""For what is only there to be compared with."""


def slide(n_panels: int = 1, *, width: float = 4.2, height: float = 3.2, **shared: Any) -> list[Axes]:
    """Return panels side by side, with the frame and the type of the reports.

    Parameters
    ----------
    n_panels : int
    width, height : float
        Of a panel, inches.
    **shared
        ``sharex``, ``sharey`` of ``matplotlib.pyplot.subplots``.
    """
    figure, axes = plt.subplots(  # before the style: a notebook's backend sets itself up here
        1, n_panels, figsize=(width * n_panels, height), squeeze=False, layout="constrained", **shared
    )
    for ax in axes[0]:
        with house_style():
            dress(ax)
    figure.set_dpi(110)
    return list(axes[0])


def label(ax: Axes, *, x: str = "", y: str = "", title: str = "") -> Axes:
    """Name the axes, with units, and say the finding above them."""
    with house_style():
        ax.set_xlabel(x)
        ax.set_ylabel(y)
        ax.set_title(title, loc="left", fontsize=10, wrap=True)
    return ax


def square(ax: Axes, values: np.ndarray, *, name: str, symmetric: bool = False) -> Axes:
    """Draw a matrix with a bar that says what its colours are; around zero where it is ``symmetric``."""
    most = float(np.nanmax(np.abs(values))) or 1.0
    limits = {"vmin": -most, "vmax": most, "cmap": "RdBu_r"} if symmetric else {"cmap": "viridis"}
    shown = ax.imshow(values, aspect="auto", interpolation="nearest", **limits)
    bar = ax.figure.colorbar(shown, ax=ax, fraction=0.06)
    bar.outline.set_visible(False)
    bar.set_label(name, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    return ax
