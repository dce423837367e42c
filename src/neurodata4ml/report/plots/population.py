"""Plots of the population: its path through a few components, two paths aligned, and how many dimensions it fills."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from neurodata4ml.report.figures import drawings, marks
from neurodata4ml.report.figures.canvas import INK, MUTED, PAPER, condition_colour, palette, rasterise_if_many
from neurodata4ml.report.plots.kind import Panels, Plot, floats, holds, names_of, variable, with_units
from neurodata4ml.report.words import as_float, event, number, p_value, percent, plain

ESTIMATES = {
    "participation_ratio": "as observed",
    "participation_ratio_cv": "without noise",
    "participation_ratio_units": "of as many units",
    "participation_ratio_population": "of the population behind",
    "bias_limit": "white noise of this size",
}
"""Variable -> what it is, as ``dimensionality`` returns them."""


def positions(ax: Axes, found: xr.Dataset, *, by: str | None = None) -> None:
    """Draw samples in the plane of the first two components: paths where they have times, coloured ``by`` condition."""
    x = found["latents"]
    condition = next((str(d) for d in x.dims if d not in ("time", "component")), None)
    group = _condition_of(x, condition, by)
    names = list(dict.fromkeys(sorted(group, key=_natural)))
    if "time" in x.dims:
        _trajectories(ax, x, condition, group, names)
    else:
        _cloud(ax, floats(x.transpose(condition, "component")), group, names)
    shares = np.atleast_1d(variable(found, "explained_variance", (1,)))
    drawings.name_components(ax, shares, x.sizes["component"], event(found))
    if "time" not in x.dims and x.sizes["component"] == 1:
        ax.set_xlabel(f"{condition}, in order")
    if 1 < len(names) <= drawings.FEW_CONDITIONS:
        ax.legend(
            title=plain(by or _group_name(x, condition), 20),
            title_fontsize=8,
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            handlelength=1.1,
        )


def explained(ax: Axes, found: xr.Dataset) -> None:
    """Draw the share of the variance that every component explains, and their sum."""
    share = 100 * floats(found["explained_variance"])
    at = np.arange(1, share.size + 1)
    colour = palette([""])[""]
    if "marginal_variance" in found:
        _by_marginal(ax, found, at)
    else:
        ax.bar(at, share, width=0.7, color=colour, label="each")
    ax.plot(at, np.cumsum(share), "o-", color=MUTED, markersize=3.5, linewidth=1, label="sum")
    ax.set(xlabel="component", ylabel="explained variance (%)", ylim=(0, None))
    if share.size <= 12:
        ax.set_xticks(at)
    if share.size > 1:
        ax.legend()


def two_parts(found: xr.Dataset) -> Panels:
    """Cut latents into their plane and the variance that they explain."""
    known = np.isfinite(variable(found, "explained_variance", (1,))).any()
    return [
        ("", found),
        *([("", found[[v for v in ("explained_variance", "marginal_variance") if v in found]])] if known else []),
    ]


def plane_or_share(ax: Axes, part: xr.Dataset, *, by: str | None = None) -> None:
    """Draw one panel of latents: the plane, or the explained variance."""
    if "latents" in part:
        positions(ax, part, by=by)
    else:
        explained(ax, part)


def aligned(ax: Axes, found: xr.Dataset) -> None:
    """Draw the correlation of the aligned latents in held-out conditions beside that of shuffled conditions."""
    drawings.histogram(
        ax,
        floats(found["null"]).ravel(),
        as_float(found["similarity_held_out"]),
        colour=palette([""])[""],
        draws_are="conditions shuffled",
    )
    ax.axvline(as_float(found["chance"]), color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)), label="chance")
    ax.set_xlabel("correlation with the mapped latents in held-out conditions")
    p = as_float(found["p_value"])
    ax.set_title(
        p_value(p, found.sizes.get("shuffle")) if np.isfinite(p) else f"no p: {plain(found.attrs.get('no_p', ''), 50)}"
    )
    ax.legend()


def participation(ax: Axes, found: xr.Dataset) -> None:
    """Draw the participation ratio as each way of asking gives it."""
    names = [name for name in ESTIMATES if name in found]
    value = np.array([as_float(found[name]) for name in names])
    low, high = (
        np.array([as_float(found[f"{name}_{end}"]) if f"{name}_{end}" in found else np.nan for name in names])
        for end in ("low", "high")
    )
    y = marks.label_rows(ax, [ESTIMATES[name] for name in names], 34)
    real = np.array([name != "bias_limit" for name in names])
    marks.dots(ax, y[real], value[real], low[real], high[real], colour=palette([""])[""])
    ax.plot(value[~real], y[~real], "|", color=MUTED, markersize=11, markeredgewidth=1.6)
    for at, number_of in zip(y, value, strict=True):
        if not np.isfinite(number_of):
            ax.text(0.02, at, "not available", transform=ax.get_yaxis_transform(), va="center", color=MUTED, fontsize=8)
    ax.set_xlim(0, np.nanmax([*value, *high, 1.0]) * 1.08)
    n = found.attrs.get("n_units")
    ax.set_xlabel(
        "participation ratio (dimensions)" + (f", {n} units, {found.attrs.get('n_stimuli', '?')} stimuli" if n else "")
    )


def spectrum(ax: Axes, found: xr.Dataset) -> None:
    """Draw the variance of the signal along each component (cvPCA) on logarithmic axes, with its power law."""
    signal, naive = floats(found["signal_variance"]), floats(found["naive_variance"])
    at = np.arange(1, signal.size + 1)
    total = float(np.nansum(signal[signal > 0])) or 1.0
    ax.loglog(at, np.where(naive > 0, naive / total, np.nan), color=MUTED, linewidth=1, label="with noise")
    ax.loglog(
        at, np.where(signal > 0, signal / total, np.nan), "o-", color=palette([""])[""], markersize=2.5, label="signal"
    )
    _power_law(ax, found, signal / total)
    ax.set_ylim(bottom=max(ax.get_ylim()[0], np.nanmax(signal / total, initial=1e-3) * 1e-4))  # beneath it is no signal
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 30 * low else (1,)))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(lambda value, _: "")
    ax.set(xlabel="component", ylabel="variance (share of the signal)")
    ax.legend(loc="lower left")


def _power_law(ax: Axes, found: xr.Dataset, signal: np.ndarray) -> None:
    """Draw the power law through the ranks it was fitted to, or say that there is none."""
    exponent, at = as_float(found["exponent"]), np.arange(1, signal.size + 1)
    first, last = (int(v) for v in np.ravel(found.attrs.get("ranks", (1, signal.size)))[:2])
    here = at[(at >= first) & (at <= last) & (signal > 0)]
    if np.isfinite(exponent) and here.size:
        middle, height = (np.exp(np.mean(np.log(v))) for v in (here, signal[here - 1]))
        law = height * (here / middle) ** -exponent
        said = f"power law, exponent {number(exponent)}"
        ax.loglog(here, law, color=INK, linewidth=1.6, linestyle=(0, (4, 2)), label=said)
    elif found.attrs.get("no_exponent"):
        ax.plot([], [], " ", label="no exponent: too few stimuli or units")


def parallel(ax: Axes, found: xr.Dataset) -> None:
    """Draw the variance of every component beside what unrelated units would show."""
    variance, threshold, null = (floats(found[v]) for v in ("variance", "threshold", "null"))
    at = np.arange(1, variance.size + 1)
    drawings.band(
        ax, at, *np.quantile(null, [0.025, 0.975], axis=0), colour=MUTED, alpha=0.3, label="unrelated units (95 %)"
    )
    ax.plot(
        at,
        threshold,
        color=MUTED,
        linewidth=1,
        label=f"threshold ({percent(found.attrs.get('quantile', 0.95))} of shuffles)",
    )
    n = int(as_float(found["n_components"]))
    kept = at <= n
    ax.plot(at, variance, color=palette([""])[""], linewidth=1)
    for some, face in ((kept, palette([""])[""]), (~kept, PAPER)):
        ax.plot(at[some], variance[some], "o", color=palette([""])[""], markerfacecolor=face, markersize=4)
    ax.set(xlabel="component", ylabel=with_units("variance", found["variance"].attrs.get("units")))
    ax.set_title(f"{n} component{'s' * (n != 1)} above what unrelated units show")
    ax.legend()


def _by_marginal(ax: Axes, found: xr.Dataset, at: np.ndarray) -> None:
    """Draw the share of every component in layers: what of it each condition explains (dPCA)."""
    parts = 100 * floats(found["marginal_variance"].transpose("marginal", "component"))
    names, foot = names_of(found, "marginal"), np.zeros(at.size)
    colours = palette(names)
    for name, part in zip(names, parts, strict=True):
        ax.bar(at, part, bottom=foot, width=0.7, color=colours[name], label=plain(name, 24))
        foot = foot + part


def _condition_of(x: xr.DataArray, condition: str | None, by: str | None) -> list[str]:
    """Return the group of every sample: that of the coordinate ``by``, of its stimulus, or none."""
    from neurodata4ml.errors import DimensionError

    if condition is None:
        return [""]
    if by is not None and by not in x.coords:
        there = ", ".join(str(name) for name, c in x.coords.items() if c.dims == (condition,)) or "none"
        message = f"plot of latents groups by a coordinate of {condition}: {there}; got by={by!r}."
        raise DimensionError(message)
    name = by or _group_name(x, condition)
    return names_of(
        x if name in x.coords else x.drop_vars(condition, errors="ignore"), name if name in x.coords else condition
    )


def _group_name(x: xr.DataArray, condition: str | None) -> str:
    return "stimulus" if "stimulus" in x.coords and x["stimulus"].dims == (condition,) else str(condition or "")


def _trajectories(ax: Axes, x: xr.DataArray, condition: str | None, group: list[str], names: list[str]) -> None:
    time = floats(x["time"]) if "time" in x.coords else np.arange(x.sizes["time"], dtype=float)
    each = floats((x if condition else x.expand_dims("one")).transpose(condition or "one", "time", "component"))
    of_group = np.array(group)
    means = np.array([each[of_group == name].mean(axis=0) for name in names])
    if len(names) > drawings.FEW_CONDITIONS:
        drawings.paths(ax, time, means, palette([""])[""])
        rasterise_if_many(ax.lines, means[..., 0].size)
        return
    for i, (name, mean) in enumerate(zip(names, means, strict=True)):
        drawings.path(ax, time, mean, condition_colour(i, len(names))).set_label(plain(name, 16))


def _cloud(ax: Axes, points: np.ndarray, group: list[str], names: list[str]) -> None:
    x, y = (points[:, 0], points[:, 1]) if points.shape[1] > 1 else (np.arange(len(points)), points[:, 0])
    of_group = np.array(group)
    if len(names) > drawings.FEW_CONDITIONS or len(names) < 2:
        rasterise_if_many(
            ax.plot(x, y, "o", color=palette([""])[""], markersize=4, markeredgewidth=0, alpha=0.6), len(x)
        )
        if len(points) <= 60:
            for at, name in enumerate(group):
                ax.annotate(
                    plain(name, 12),
                    (x[at], y[at]),
                    xytext=(4, 3),
                    textcoords="offset points",
                    fontsize=6.5,
                    color=MUTED,
                )
        return
    for i, name in enumerate(names):
        here = of_group == name
        drawn = ax.plot(
            x[here],
            y[here],
            "o",
            color=condition_colour(i, len(names)),
            markersize=4.5,
            markeredgewidth=0,
            alpha=0.85,
            label=plain(name, 16),
        )
        rasterise_if_many(drawn, len(x))


def _natural(name: str) -> tuple[int, float, str]:
    """Sort numbers as numbers, before names."""
    value = as_float(name)
    return (0, value, "") if np.isfinite(value) else (1, 0.0, name)


PLOTS = [
    Plot(
        "latents",
        "trajectories or samples in two components; explained variance",
        holds("latents", "loadings"),
        plane_or_share,
        two_parts,
        lambda r: (4.6, 3.2),
    ),
    Plot(
        "aligned latents",
        "correlation in held-out conditions beside its null",
        holds("aligned", "similarity_held_out"),
        aligned,
    ),
    Plot(
        "participation ratio",
        "as observed, without noise, of the population; white noise",
        holds("participation_ratio"),
        participation,
        size=lambda r: (5.2, 2.2),
    ),
    Plot(
        "the spectrum of the signal",
        "variance by component (cvPCA) with its power law",
        holds("signal_variance", "exponent"),
        spectrum,
    ),
    Plot(
        "parallel analysis",
        "variance by component beside unrelated units",
        holds("variance", "threshold", "n_components"),
        parallel,
    ),
]
"""Lines of the register."""
