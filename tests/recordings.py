"""Small real recordings as labelled arrays, for tests; each skips its test where the recording is not there."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from conftest import real_data

CLOCK = 30_000.0
"""Ticks per second of the tracker of ``linear-track``; spikes are in seconds of the same clock."""


def linear_track(*, bin_width: float = 0.25, duration: float = 900.0) -> xr.DataArray:
    """Return spike counts (time, unit) of 31 units in rat CA1, with the coordinates x, y (pixels) and speed (pixels/s).

    Bins follow each other from the first position on; x and y are means in the bin, speed from bin to bin.
    """
    from scipy.io import loadmat

    raw = (real_data("linear-track") / "trajectory.videoPositionTracking").read_bytes()
    end = b"<End settings>\n"
    fields = [("time", "<u4"), ("x", "<u2"), ("y", "<u2"), ("x2", "<u2"), ("y2", "<u2")]
    track = np.frombuffer(raw[raw.index(end) + len(end) :], dtype=fields)
    seconds = track["time"] / CLOCK
    edges = seconds[0] + bin_width * np.arange(round(duration / bin_width) + 1)
    mean = {
        name: np.histogram(seconds, edges, weights=track[name])[0] / np.histogram(seconds, edges)[0]
        for name in ("x", "y")
    }
    speed = np.hypot(np.gradient(mean["x"]), np.gradient(mean["y"])) / bin_width
    units = _leaves(loadmat(real_data("linear-track") / "spikes.mat")["spikes"])
    counts = np.stack([np.histogram(spikes, edges)[0] for spikes in units], axis=1)
    return xr.DataArray(
        counts.astype(np.int16),
        dims=("time", "unit"),
        coords={
            "time": edges[:-1] + bin_width / 2,
            "x": ("time", mean["x"]),
            "y": ("time", mean["y"]),
            "speed": ("time", speed),
        },
        attrs={"bin_width": bin_width, "units": "1"},
    )


def steinmetz(session: int) -> xr.DataArray:
    """Return spike counts (trial, time, unit) of mouse visual cortex in 39 bins of 10 ms from stimulus onset.

    On trial: the contrasts ``left`` and ``right``, ``feedback`` (1 reward, -1 none) and ``start_time`` (s).
    """
    import rdata

    read = rdata.read_rds(real_data("steinmetz2019") / f"session{session}.rds")
    counts = np.stack(read["spks"]).transpose(0, 2, 1)
    columns = {"left": "contrast_left", "right": "contrast_right", "feedback": "feedback_type"}
    seconds = np.stack(read["time"])
    return xr.DataArray(
        counts.astype(np.int16),
        dims=("trial", "time", "unit"),
        coords={
            "trial": np.arange(len(counts)),
            "time": 0.01 * (np.arange(counts.shape[1]) + 0.5),
            "start_time": ("trial", seconds[:, 0]),
            **{name: ("trial", np.asarray(read[column]).ravel()) for name, column in columns.items()},
        },
        attrs={"bin_width": 0.01, "units": "1"},
    )


def alm() -> xr.DataArray:
    """Return spike counts (trial, time, unit) of 4 units of mouse ALM in the 1.2 s of delay before the go cue.

    ``choice``, "left" or "right", is the side licked; early licks and trials with photostimulation are left out.
    """
    from neurodata4ml.data.align.bins import bin_spikes
    from neurodata4ml.data.session import open_session

    session = open_session(next(real_data("mouse-alm").glob("*.nwb")), trials="trials")
    counts = bin_spikes(session, align="cue_start_time", window=(-1.2, 0), bin_width=0.1)
    counts = counts.isel(trial=((counts.stim_present == 0) & counts.response.isin(["correct", "incorrect"])).values)
    left = (counts.type == "lick left") == (counts.response == "correct")
    return counts.assign_coords(choice=("trial", np.where(left, "left", "right").astype(object)))


def _leaves(cells: Any) -> list[np.ndarray]:
    """Return the spike times of every unit in the nested cells of the MATLAB file, empty ones left out."""
    if cells.dtype.names:
        found = [np.asarray(times).ravel() for times in cells["time"].ravel()]
        return [times for times in found if times.size]
    return [times for cell in cells.ravel() for times in _leaves(cell)] if cells.dtype == object else []


def linear_track_trials() -> xr.DataArray:
    """Return the rat's spike counts (trial, time, unit) in stretches of 2 s; ``stimulus`` is the fifth of the track."""
    x = linear_track()
    trials = x.values.reshape(-1, 8, x.sizes["unit"])
    place = x.x.values.reshape(-1, 8).mean(axis=1)
    fifth = np.clip(np.digitize(place, np.quantile(place, [0.2, 0.4, 0.6, 0.8])), 0, 4)
    coords = {
        "time": 0.25 * (np.arange(8) + 0.5),
        "unit": np.arange(x.sizes["unit"]),
        "stimulus": ("trial", fifth),
        "start_time": ("trial", x.time.values[::8] - 0.125),
    }
    return xr.DataArray(trials, dims=("trial", "time", "unit"), coords=coords, attrs=x.attrs)


def linear_track_session() -> xr.Dataset:
    """Return the rat's spikes and the stretches of ``linear_track_trials`` as a session has them."""
    from scipy.io import loadmat

    units = _leaves(loadmat(real_data("linear-track") / "spikes.mat")["spikes"])
    stops = np.cumsum([len(times) for times in units])
    trials = linear_track_trials()
    return xr.Dataset(
        {
            "spike_times": ("spike", np.concatenate(units)),
            "spike_start": ("unit", np.r_[0, stops[:-1]]),
            "spike_stop": ("unit", stops),
        },
        coords={
            "unit": np.arange(len(units)),
            "start_time": ("trial", trials.start_time.values),
            "stop_time": ("trial", trials.start_time.values + 2.0),
        },
    )
