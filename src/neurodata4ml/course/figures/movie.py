"""Figures of notebook 05: predicting a movie."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.course.figures.slide import COLOURS, GREY, label, slide


def strips(rows: Mapping[str, xr.DataArray], times: np.ndarray) -> list[Axes]:
    """Draw pictures (time, y, x) at some times, one row of pictures for each name."""
    axes = slide(1, width=1.05 * len(times) + 1, height=1.15 * len(rows) + 0.5)
    ax, tall = axes[0], 1.15
    for row, (name, pictures) in enumerate(rows.items()):
        for k, at in enumerate(times):
            one = pictures.sel(time=at, method="nearest").values
            extent = (1.08 * k, 1.08 * k + 1, -row * tall - 1, -row * tall)
            ax.imshow(one, cmap="gray", extent=extent, vmin=np.nanmin(one), vmax=np.nanmax(one))
        ax.text(-0.12, -row * tall - 0.5, name, ha="right", va="center", fontsize=9)
    ax.set_xlim(-0.05, 1.08 * len(times))
    ax.set_ylim(-tall * len(rows) + 0.1, 0.05)
    ax.set_xticks(1.08 * np.arange(len(times)) + 0.5, [f"{at:.1f}" for at in times])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    label(ax, x="time in the movie (s)")
    return axes


def lag_profile(scores: xr.DataArray, kernels: xr.DataArray | None = None) -> list[Axes]:
    """Draw how well features of some time ago predict each area (area, lag); beside it what the truth says, if any."""
    axes = slide(1 if kernels is None else 2, sharex=True)
    for k, name in enumerate(scores["area"].values):
        axes[0].plot(1e3 * scores["lag"], scores.sel(area=name), ".-", color=COLOURS[k], label=str(name))
        if kernels is not None:
            axes[1].plot(1e3 * kernels["lag"], kernels.sel(area=name), ".-", color=COLOURS[k])
    axes[0].legend(frameon=False, fontsize=9)
    label(axes[0], x="features of so long ago (ms)", y="median r", title="Areas answer late, each in its own time")
    if kernels is not None:
        label(axes[1], x="time since a frame (ms)", y="its share in the response", title="What the simulation does")
        axes[1].set_xlim(-10, 1e3 * float(scores["lag"].max()) + 10)
    return axes


def course(observed: xr.DataArray, predicted: xr.DataArray, *, title: str) -> Axes:
    """Draw the mean response of one unit to a movie, and what was predicted of it."""
    (ax,) = slide(1, width=7.0, height=2.6)
    ax.plot(observed["time"], observed, color=GREY, linewidth=0.8, label="observed")
    ax.plot(predicted["time"], predicted, color=COLOURS[1], linewidth=1.4, label="predicted, not seen")
    ax.legend(frameon=False, fontsize=9, ncols=2, loc="upper right")
    ax.set_ylim(0, 1.3 * float(observed.max()))
    return label(ax, x="time in the movie (s)", y="spikes in a frame", title=title)


def identification(found: xr.Dataset) -> list[Axes]:
    """Draw how alike each observed response and each predicted are, and the share of rivals that are beaten."""
    axes = slide(2, width=4.0)
    time = found["time"].values
    most = float(np.abs(found["similarity"]).max())
    extent = (time[0], time[-1], time[-1], time[0])
    axes[0].imshow(found["similarity"], cmap="PuOr_r", vmin=-most, vmax=most, extent=extent, aspect="auto")
    label(axes[0], x="predicted for (s)", y="observed at (s)", title="Alike along the diagonal")
    axes[1].hist(found["null"], color=GREY, bins=20)
    axes[1].axvline(float(found["beaten"]), color=COLOURS[1], linewidth=2)
    axes[1].text(float(found["beaten"]), 1.01, "true order", color=COLOURS[1], ha="center", fontsize=8,
                 transform=axes[1].get_xaxis_transform())  # fmt: skip
    axes[1].set_xlim(0.3, 1.02)
    label(axes[1], x="share of rivals beaten", y="shifts of the movie", title="")
    return axes
