"""Plots of responses: around an event, by trial or by stimulus, of a network, and spikes as they were recorded."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from neurodata4ml.errors import DesignError
from neurodata4ml.report.figures import drawings, marks
from neurodata4ml.report.figures.canvas import INK, MUTED, Colours, condition_colour, palette, rasterise_if_many
from neurodata4ml.report.plots.kind import (
    Panels,
    Plot,
    along,
    area_colours,
    areas_of,
    floats,
    holds,
    names_of,
    rows_high,
    step_of,
    with_units,
)
from neurodata4ml.report.words import event, plain

FEW_AREAS = 6
"""As many areas as there are colours share a panel."""

MOST_RASTER_UNITS = 60
RASTER_SECONDS = 5.0


def around_event(ax: Axes, x: xr.DataArray, *, colours: Colours = None) -> None:
    """Draw the mean over trials and units (trial, time[, unit]) of every area, with its 95 % interval over trials."""
    x = _as_rate(x)
    time, homes = _time(x), areas_of(x) if "unit" in x.dims else None
    areas = list(dict.fromkeys(homes or ["all units"]))
    colours = colours or area_colours(x.attrs.get("areas", areas))
    for area in areas:
        part = x.isel(unit=np.flatnonzero(np.array(homes) == area)) if homes else x
        trials = floats(part.mean([d for d in part.dims if d not in ("trial", "time")]).transpose("trial", "time"))
        mean, half = _mean_over_trials(trials)
        name = area if len(areas) > 1 else ""
        drawings.curve(ax, time, mean, mean - half, mean + half, colour=colours.get(area, INK), label=name)
    _around(ax, x, time)
    if len(areas) > 1:
        ax.legend(ncols=-(-len(areas) // 8))
    ax.set_ylabel(_quantity(x))
    if not np.isfinite(floats(x)).any():
        drawings.nothing(ax)


def by_condition(ax: Axes, x: xr.DataArray, *, colours: Colours = None) -> None:
    """Draw the mean over units (condition, time, unit) for every condition."""
    x = _as_rate(x)
    condition = next(str(d) for d in x.dims if d not in ("time", "unit"))
    time, names = _time(x), names_of(x, condition)
    lines = floats((x.mean("unit") if "unit" in x.dims else x).transpose(condition, "time"))
    if len(names) <= drawings.FEW_CONDITIONS:
        for i, line in enumerate(lines):
            drawings.curve(ax, time, line, colour=condition_colour(i, len(names)), label=names[i], linewidth=1.1)
        if x.attrs.get("first", True):  # the others have the same
            ax.legend(title=plain(condition, 20), title_fontsize=8, ncols=1 + (len(names) > 6), handlelength=1.1)
    else:
        drawn = ax.plot(time, lines.T, color=MUTED, linewidth=0.5, alpha=0.35)
        rasterise_if_many(drawn, lines.size)
        own = (areas_of(x) or [""])[0] if "unit" in x.dims else ""
        colour = (colours or area_colours(x.attrs.get("areas", [own]))).get(own, INK)
        drawings.curve(ax, time, lines.mean(axis=0), colour=colour, label=f"mean of {len(names)}", linewidth=2)
        ax.legend()
    _around(ax, x, time)
    ax.set_ylabel(_quantity(x))


def areas_apart(x: xr.DataArray) -> Panels:
    """Return one panel per area, each with its units."""
    homes = areas_of(x)
    if homes is None or len(set(homes)) < 2:
        return [("", x)]
    x = x.assign_attrs(areas=sorted(set(homes)))
    parts = [(area, x.isel(unit=np.flatnonzero(np.array(homes) == area))) for area in dict.fromkeys(homes)]
    return [(area, part.assign_attrs(first=i == 0)) for i, (area, part) in enumerate(parts)]


def few_together(x: xr.DataArray) -> Panels:
    """Return up to six areas as one panel; more as one panel each."""
    homes = areas_of(x) if "unit" in x.dims else None
    return areas_apart(x) if homes and len(set(homes)) > FEW_AREAS else [("", x)]


def table(ax: Axes, x: xr.DataArray) -> None:
    """Draw samples by units (or features) as shades, units of one area together."""
    columns = next(str(d) for d in ("unit", "feature", "component") if d in x.dims)
    rows = next(str(d) for d in x.dims if d != columns)
    homes = areas_of(x, columns)
    if homes is not None:
        x = x.isel({columns: np.argsort(_first_seen(homes), kind="stable")})
    values = floats(x.as_numpy().transpose(rows, columns))
    zscored = step_of(x) == "zscore" or (np.isfinite(values).any() and np.nanmin(values) < 0)
    drawings.shades(ax, values, bar=_quantity(x), around=0.0 if zscored else None)
    if homes is not None and len(set(homes)) > 1:
        drawings.name_groups(ax, "x", areas_of(x, columns) or [], f"{columns}, by area")
    else:
        drawings.name_axis(ax, "x", names_of(x, columns), columns, most=8)
    drawings.name_axis(ax, "y", names_of(x, rows), rows, most=12)


def over_time(ax: Axes, x: xr.DataArray) -> None:
    """Draw the mean over units of a continuous recording (time[, unit])."""
    x = _as_rate(x)
    time = _time(x)
    drawings.curve(ax, time, floats(x.mean("unit") if "unit" in x.dims else x), colour=palette([""])[""], linewidth=1)
    ax.set(xlabel="time (s)", ylabel=_quantity(x) + (", mean over units" if "unit" in x.dims else ""))


def raster(ax: Axes, session: xr.Dataset, *, start: float | None = None, seconds: float = RASTER_SECONDS) -> None:
    """Draw the spikes of a session from ``start`` (s; the first trial) for ``seconds``, one row per unit."""
    _check_stretch(start, seconds)
    onsets = floats(session["start_time"]) if "start_time" in session.variables else np.array([np.nan])
    begin = start if start is not None else float(np.nanmin(onsets)) if np.isfinite(onsets).any() else 0.0
    homes = areas_of(session)
    order = np.argsort(_first_seen(homes), kind="stable") if homes else np.arange(session.sizes["unit"])
    order = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), MOST_RASTER_UNITS)).round().astype(int))]
    colours, before = area_colours(homes or []), len(ax.lines)
    starts, stops = session["spike_start"].values, session["spike_stop"].values
    for row, unit in enumerate(order):
        times = floats(session["spike_times"].isel(spike=slice(int(starts[unit]), int(stops[unit]))))
        times = times[(times >= begin) & (times < begin + seconds)]
        colour = colours.get(homes[unit], INK) if homes else INK
        drawn = ax.plot(times, np.full(times.size, row), "|", color=colour, markersize=3, markeredgewidth=0.7)
        rasterise_if_many(drawn, times.size * len(order))
    for onset in onsets[(onsets >= begin) & (onsets < begin + seconds)]:
        ax.axvline(onset, color=MUTED, linewidth=0.8, linestyle=(0, (1, 1.5)), zorder=0)
    ax.set(xlim=(begin, begin + seconds), ylim=(len(order) - 0.4, -0.6))
    if homes:
        drawings.name_groups(ax, "y", [homes[unit] for unit in order], "unit, by area")
    else:
        drawings.name_axis(ax, "y", [names_of(session, "unit")[unit] for unit in order], "unit")
    ax.set_xlabel("time in the recording (s); dotted: a trial begins")
    if not any(np.size(line.get_xdata()) for line in ax.lines[before:] if line.get_marker() == "|"):
        drawings.nothing(ax, f"no spike from {begin:g} to {begin + seconds:g} s")


def _check_stretch(start: Any, seconds: Any) -> None:
    for name, value, least in (("start", 0.0 if start is None else start, -np.inf), ("seconds", seconds, 0.0)):
        if not isinstance(value, int | float | np.number) or not np.isfinite(value) or value <= least:
            what = "the number of seconds to show, above 0" if name == "seconds" else "a time in the recording in s"
            message = f"plot of a session takes as {name} {what}; got {name}={value!r}. Type {name}=10."
            raise DesignError(message)


def layers(ax: Axes, found: Any) -> None:
    """Draw how many features each layer of a network has (``layer_table``); in colour: read by default."""
    names, n = [str(v) for v in found["layer"]], np.asarray(found["n_features"], dtype=float)
    read = np.asarray(found["default"], dtype=bool) if "default" in found else np.ones(len(names), dtype=bool)
    y = marks.label_rows(ax, names, 34, ruled=False)
    colour = palette([""])[""]
    ax.barh(y, n, height=0.62, color=[colour if one else MUTED for one in read])
    for at, value in zip(y, n, strict=True):
        ax.text(value * 1.06, at, f"{value:,.0f}", va="center", fontsize=8)
    ax.set_xscale("log")
    ax.set_xlim(max(0.5, np.nanmin(n, initial=1e9) / 3), np.nanmax(n, initial=1) * 4)
    ax.minorticks_off()
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.set_xlabel("features of the layer; in colour: read unless others are named")


def picture(ax: Axes, image: xr.DataArray) -> None:
    """Draw one picture as it was shown."""
    dims = ("y", "x", *(["channel"] if "channel" in image.dims else []))
    values = floats(image.transpose(*dims)).squeeze()
    values = values / 255 if values.size and np.nanmax(values) > 1 else values
    ax.imshow(values, cmap="gray", vmin=0, vmax=1)
    ax.axis("off")


def _mean_over_trials(trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and half width of its 95 % interval (t) over the rows; NaN for fewer than two."""
    from scipy.stats import t

    n = len(trials)
    if n < 2:
        return trials.mean(axis=0), np.full(trials.shape[1], np.nan)
    return trials.mean(axis=0), t.ppf(0.975, n - 1) * trials.std(axis=0, ddof=1) / n**0.5


def _as_rate(x: xr.DataArray) -> xr.DataArray:
    """Return spike counts per bin in Hz; what is no count, or has no known bins, as it is."""
    width = x.attrs.get("bin_width")
    x = x.as_numpy()
    if x.name != "spike_count" or not width:
        return x
    rate = x / float(width)
    rate.attrs = {**x.attrs, "units": "Hz"}
    return rate.rename("firing_rate")


def _quantity(x: xr.DataArray) -> str:
    units = str(x.attrs.get("units", ""))
    if step_of(x) == "zscore":
        return "z-score"
    if "feature" in x.dims:
        return with_units("activation", units)
    if units == "Hz":
        return "firing rate (Hz)"
    return with_units(plain(x.name or "response", 24).replace("_", " "), units)


def _time(x: xr.DataArray) -> np.ndarray:
    return floats(x["time"]) if "time" in x.coords else np.arange(x.sizes["time"], dtype=float)


def _around(ax: Axes, x: xr.DataArray, time: np.ndarray) -> None:
    marks.mark_onset(ax, time)
    ax.set_xlabel(f"time from {event(x.to_dataset(name='x').assign_attrs(x.attrs))} (s)")
    if str(x.attrs.get("units")) == "Hz" and ax.get_ylim()[0] > 0:
        ax.set_ylim(bottom=0)


def _first_seen(names: list[str]) -> np.ndarray:
    """Return the number of each name in the order in which names first appear."""
    order = {name: i for i, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names])


def _has(x: Any, *dims: str) -> bool:
    return isinstance(x, xr.DataArray) and set(x.dims) == set(dims)


def _is_conditions(x: Any) -> bool:
    return (
        isinstance(x, xr.DataArray) and "time" in x.dims and "unit" in x.dims and x.ndim == 3 and "trial" not in x.dims
    )


def _is_table(x: Any) -> bool:
    return isinstance(x, xr.DataArray) and x.ndim == 2 and any(d in x.dims for d in ("unit", "feature", "component"))


PLOTS = [
    Plot(
        "a session",
        "spikes of its units over 5 s, trials marked",
        holds("spike_times", "spike_start"),
        raster,
        size=lambda s: (7.2, 4.2),
    ),
    Plot(
        "responses around an event",
        "mean rate of every area with its interval over trials",
        lambda x: _has(x, "trial", "time", "unit") or _has(x, "trial", "time"),
        around_event,
        few_together,
    ),
    Plot(
        "mean responses over time",
        "one line per condition, a panel per area",
        _is_conditions,
        by_condition,
        areas_apart,
    ),
    Plot(
        "a recording over time",
        "the mean over units",
        lambda x: _has(x, "time", "unit") or _has(x, "time"),
        over_time,
        size=lambda x: (7.2, 2.4),
    ),
    Plot(
        "responses, or activations",
        "samples by units as shades, areas together",
        _is_table,
        table,
        size=lambda x: (5.2, 3.4),
    ),
    Plot(
        "pictures",
        "each as it was shown",
        lambda x: isinstance(x, xr.DataArray) and {"y", "x"} <= set(x.dims) <= {"stimulus", "y", "x", "channel"},
        picture,
        along("stimulus"),
        lambda x: (1.5, 1.6),
    ),
    Plot(
        "a table of layers",
        "features of every layer",
        lambda x: all(hasattr(x, name) for name in ("columns", "loc")) and {"layer", "n_features"} <= set(x.columns),
        layers,
        size=lambda x: (5.6, rows_high(len(x))),
    ),
]
"""Lines of the register."""
