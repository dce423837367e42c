"""Plots of how sure: nulls beside what was observed, resamples, folds, shuffled labels; the truth of a simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from neurodata4ml.report.figures import drawings, marks
from neurodata4ml.report.figures.canvas import AREA_COLOURS, RULE, Colours, condition_colour, palette
from neurodata4ml.report.plots import geometry, responses
from neurodata4ml.report.plots.kind import (
    Panels,
    Plot,
    along,
    area_colours,
    floats,
    holds,
    names_of,
    step_of,
    with_units,
)
from neurodata4ml.report.words import as_float, metric_words, number, p_value, percent, plain


def null_and_observed(ax: Axes, found: xr.Dataset) -> None:
    """Draw the null as a histogram with the observed similarity as a line."""
    drawings.histogram(
        ax,
        floats(found["null"]).ravel(),
        as_float(found["similarity"]),
        colour=palette([""])[""],
        draws_are=f"{found.sizes['shuffle']:,} shuffles",
    )
    ax.set_xlabel(metric_words(found.attrs.get("metric", "similarity")))
    corrected = "p_value_corrected" in found
    p = as_float(found["p_value_corrected" if corrected else "p_value"])
    ax.plot([], [], " ", label=p_value(p) + (", corrected" if corrected else ""))
    drawings.legend_below(ax)


def resamples(ax: Axes, found: xr.Dataset) -> None:
    """Draw what every resample gave, with the estimate and its interval."""
    low, high = as_float(found["low"]), as_float(found["high"])
    if np.isfinite(low + high):
        ax.axvspan(
            low,
            high,
            color=palette([""])[""],
            alpha=0.15,
            linewidth=0,
            label=f"{percent(found.attrs.get('confidence', 0.95))} interval",
        )
    drawings.histogram(
        ax,
        floats(found["replicate"]).ravel(),
        as_float(found["estimate"]),
        colour=palette([""])[""],
        draws_are=f"{found.sizes['resample']:,} resamples",
    )
    ax.set_xlabel(with_units("statistic", found["estimate"].attrs.get("units")))
    ax.legend()


def estimates(ax: Axes, found: xr.Dataset) -> None:
    """Draw estimates along one dim with their interval."""
    (dim,) = found["estimate"].dims
    value, low, high = (floats(found[v]) for v in ("estimate", "low", "high"))
    what = with_units("statistic", found["estimate"].attrs.get("units"))
    if found.sizes[dim] > 40 or dim == "time":
        at = (
            floats(found[dim])
            if dim in found.coords and found[dim].dtype.kind in "fiu"
            else np.arange(value.size, dtype=float)
        )
        drawings.curve(ax, at, value, low, high, colour=palette([""])[""])
        ax.set(xlabel=f"{dim} (s)" if dim == "time" else str(dim), ylabel=what)
        return
    marks.dots(ax, marks.label_rows(ax, names_of(found, str(dim)), 26), value, low, high, colour=palette([""])[""])
    ax.set_xlabel(what)


def folds(ax: Axes, found: Any) -> None:
    """Draw for every fold which samples test it and which it learns from; blank: neither."""
    use = np.zeros((found.n_folds, len(found.fold)))
    for k, (train, test) in enumerate(found.split()):
        use[k, train], use[k, test] = 1, 2
    for k in range(found.n_folds):
        for what, colour in ((1, RULE), (2, AREA_COLOURS[0])):
            ax.broken_barh(_runs(use[k] == what), (k - 0.36, 0.72), facecolor=colour, edgecolor="none")
    marks.label_rows(ax, [f"fold {k}" for k in range(found.n_folds)], ruled=False)
    for colour, label in ((AREA_COLOURS[0], "test"), (RULE, "training")):
        ax.plot([], [], "s", color=colour, markersize=7, label=label)
    ax.set(
        xlabel=f"sample, in the order of the array ({plain(found.kind, 20)} folds)", xlim=(-0.5, len(found.fold) - 0.5)
    )
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)


def shuffled_labels(ax: Axes, found: Any) -> None:
    """Draw the observed labels (above) and the first shuffles of them, one row each."""
    observed, labels = np.asarray(found.observed), np.asarray(found.labels)[:24]
    rows = np.vstack([observed[None], labels])
    values, codes = np.unique(rows, return_inverse=True)
    few = values.size <= 12
    image: dict[str, Any] = (
        {"cmap": ListedColormap([condition_colour(i, values.size) for i in range(values.size)])} if few else {}
    )
    codes = codes.reshape(rows.shape).astype(float) if few or rows.dtype.kind not in "fiu" else rows.astype(float)
    drawings.shades(
        ax, codes, bar="label" if values.size > 12 else f"label: {', '.join(plain(v, 8) for v in values)}", **image
    )
    ax.axhline(0.5, color="white", linewidth=2)
    drawings.name_axis(ax, "y", ["observed", *(f"shuffle {i + 1}" for i in range(len(labels)))], "", most=13)
    ax.set(xlabel=f"sample ({found.n_shuffles:,} shuffles, {plain(found.scheme, 24)})")


def true_parts(found: xr.Dataset) -> Panels:
    """Cut the truth of a simulation into what can be seen: time courses, mean responses, distances."""
    shown: Panels = [("time course", found["time_course"])] if "time_course" in found else []
    if "mean_response" in found:
        shown.append(("mean response", found["mean_response"]))
    if "rdm" in found:
        shown += [
            (f"distances, {title}", part)
            for title, part in along("area")(found["rdm"].assign_attrs(distance="crossnobis"))
        ]
    return shown


def true_part(ax: Axes, part: xr.DataArray, *, colours: Colours = None) -> None:
    """Draw one part of the truth as the same thing is drawn when it was estimated."""
    if "time" in part.dims:
        areas, time = names_of(part, "area"), floats(part["time"])
        colours = colours or area_colours(areas)
        for area, line in zip(areas, floats(part.transpose("area", "time")), strict=True):
            drawings.curve(ax, time, line, colour=colours[area], label=area)
        ax.set(xlabel="time from onset (s)", ylabel="share of the response in each bin")
        ax.legend()
    elif "stimulus2" in part.dims:
        geometry.square(ax, part)
    else:
        responses.table(ax, part)


def ordered_areas(ax: Axes, found: xr.Dataset) -> None:
    """Draw the median of every area with its interval, in the named order; the rank correlation below."""
    x = np.arange(found.sizes["area"])
    ax.vlines(x, floats(found["median_low"]), floats(found["median_high"]), color=palette([""])[""], linewidth=1.6)
    ax.plot(x, floats(found["median"]), "o", color=palette([""])[""])
    ax.set_xticks(x, names_of(found, "area"))
    ax.set_ylabel(with_units(plain(found.attrs.get("long_name", "value"), 30), found.attrs.get("units")))
    rho, p = number(as_float(found["correlation"])), p_value(as_float(found["p_value"]))
    ax.set_xlabel(f"area, in the named order\nrank correlation {rho}, {p}")


def _runs(inside: np.ndarray) -> list[tuple[float, float]]:
    """Return start and length of every run of true values, as cells from -0.5."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(int)))
    return [(start - 0.5, stop - start) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def _is_null(found: Any) -> bool:
    return all(hasattr(found, name) for name in ("labels", "observed", "scheme", "n_shuffles"))


def _is_folds(found: Any) -> bool:
    return all(hasattr(found, name) for name in ("fold", "kind", "split", "n_folds"))


PLOTS = [
    Plot(
        "the truth of a simulation",
        "time courses, mean responses, distances",
        lambda r: isinstance(r, xr.Dataset) and step_of(r) == "truth",
        true_part,
        true_parts,
        lambda part: (4.6, 3.4),
    ),
    Plot(
        "a permutation test",
        "the null with what was observed, and p",
        holds("similarity", "null", "p_value"),
        null_and_observed,
        along("x", "y"),
    ),
    Plot(
        "areas in an order",
        "medians with intervals, the rank correlation and its p over all orders",
        holds("median", "median_low", "correlation"),
        ordered_areas,
    ),
    Plot(
        "a bootstrap",
        "resamples, estimate and interval",
        lambda r: holds("estimate", "replicate", "low")(r) and r["estimate"].ndim == 0,
        resamples,
    ),
    Plot(
        "a bootstrap along a dim",
        "estimates with intervals",
        lambda r: holds("estimate", "replicate", "low")(r) and r["estimate"].ndim == 1,
        estimates,
    ),
    Plot(
        "folds",
        "which samples each fold tests and learns from",
        _is_folds,
        folds,
        size=lambda r: (6.4, 0.9 + 0.26 * r.n_folds),
    ),
    Plot(
        "shuffled labels",
        "observed labels and the first shuffles",
        _is_null,
        shuffled_labels,
        size=lambda r: (6.4, 3.6),
    ),
]
"""Lines of the register."""
