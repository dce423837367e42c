"""Show the units of the demo a movie: a digit moves, turns into others, and is shown ten times.

What a frame would evoke if it stood still is given. The response to the movie follows it with the latency of the area
and blurs it: the kernel is a shifted exponential, in steps of a frame.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.data.demo.period import Period, draw_spikes, slow_noise
from neurodata4ml.data.demo.simulate import LATENCY, Recording, Responses, mean_in_windows, running, slow_drift
from neurodata4ml.places import catalog_folder
from neurodata4ml.simulation import Series

FRAME = 1 / 30
"""Seconds that a frame is shown."""

N_REPEATS, GRAY = 10, 2.0
"""How often the movie is shown; seconds of gray screen before each time, a whole number of frames."""

BLUR = {"early": 0.03, "late": 0.06}
"""Seconds in which a response falls to 1/e when what evoked it is gone, by area; 0.04 elsewhere."""

N_LAGS = 20
"""Frames after which a frame is forgotten: ten times the longest blur."""

TABLE = "natural_movie_one_presentations"


def demo_movie() -> Responses:
    """Return what each frame of the demo's movie would evoke if it stood still.

    It is data, shipped with the catalog and made by ``tools/make_demo_movie.py``.
    """
    with np.load(catalog_folder() / "demo-movie.npz", allow_pickle=False) as shipped:
        area = shipped["area"].astype(object).astype(str)
        return Responses(shipped["mean_rate"].astype(float), area, shipped["images"])


def show_movie(recording: Recording, movie: Responses, *, seed: int) -> Period:
    """Continue a recording: its units see ``movie`` ten times, with a gray screen before each.

    Parameters
    ----------
    recording : Recording
        Of the same units; their gain, drift and noise go on.
    movie : Responses
        What each frame would evoke if it stood still, in Hz.
    seed : int
        The same seed gives the same bits.
    """
    rng = np.random.default_rng([seed, 101])
    frame = sequence(len(movie.mean_rate))
    start = recording.stop + np.arange(len(frame)) * FRAME
    stop = float(recording.stop + len(frame) * FRAME)
    time, speed = running(stop, rng, start=recording.stop)
    gray = recording.responses.mean_rate.min(axis=0)
    rate = responses_to(frame, movie.mean_rate, gray, movie.area)
    rate *= 1 + mean_in_windows(time, speed, start, FRAME)[:, None] * recording.gain
    rate *= slow_drift(start / recording.stop, recording.drift_offset)
    noise = slow_noise(len(frame), FRAME, recording.loading, rng)
    return Period(
        stop=stop,
        spike_times=draw_spikes(rate * noise, recording.stop, FRAME, rng),
        table=TABLE,
        tables=_tables(frame, start),
        series={"running_speed": Series(speed, time, "cm/s")},
        truth=_truth(movie, frame, rate),
        images={"natural_movie_one_image_stack": movie.images},
    )


def sequence(n_frames: int) -> np.ndarray:
    """Return the frame on the screen in each step of ``FRAME``; -1 is gray."""
    gray = np.full(round(GRAY / FRAME), -1)
    return np.asarray(np.r_[np.tile(np.r_[gray, np.arange(n_frames)], N_REPEATS), gray])


def kernel(area: str) -> np.ndarray:
    """Return by how much each of the last ``N_LAGS`` frames moves the mean rate during a frame; adds up to one.

    It is the exact mean, over a frame, of what an exponential after a latency makes of frames that stand for a step.
    """
    latency, blur = LATENCY.get(area, 0.05), BLUR.get(area, 0.04)
    since = np.clip(np.arange(-1, N_LAGS + 1) * FRAME - latency, 0, None)
    area_below = since - blur * (1 - np.exp(-since / blur))  # of the kernel's cumulative distribution
    weights = np.diff(area_below, n=2) / FRAME
    return np.asarray(weights / weights.sum())


def responses_to(frame: np.ndarray, mean_rate: np.ndarray, gray: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Return the rates (step, unit) in Hz that a sequence of frames evokes, without gain, drift or noise.

    Parameters
    ----------
    frame : ndarray (step,) of int
        The frame on the screen; -1 is gray.
    mean_rate : ndarray (frame, unit), Hz
        What each evokes if it stands still.
    gray : ndarray (unit,), Hz
    area : ndarray (unit,) of str
    """
    still = np.vstack([mean_rate, gray])[frame] - gray  # -1 finds the last row, gray
    found = np.empty_like(still)
    for name in np.unique(area):
        own = area == name
        weights = kernel(str(name))
        found[:, own] = sum(w * np.pad(still[:, own], ((k, 0), (0, 0)))[: len(frame)] for k, w in enumerate(weights))
    return np.asarray(found + gray)


def _tables(frame: np.ndarray, start: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    shown = frame >= 0
    edges = np.r_[start, start[-1] + FRAME]
    turns = np.diff(np.r_[False, ~shown, False].astype(int))
    dark, light = (np.flatnonzero(turns == sign) for sign in (1, -1))
    n = int(shown.sum())
    return {
        TABLE: {
            "start_time": start[shown],
            "stop_time": edges[1:][shown],
            "stimulus_name": np.full(n, "natural_movie_one"),
            "stimulus_block": np.cumsum(frame[shown] == 0) - 1.0,  # a block is one time that the movie is shown
            "stimulus_index": np.ones(n),
            "frame": frame[shown].astype(float),
        },
        "spontaneous_presentations": {
            "start_time": edges[dark],
            "stop_time": edges[light],
            "stimulus_name": np.full(len(dark), "spontaneous"),
        },
    }


def _truth(movie: Responses, frame: np.ndarray, rate: np.ndarray) -> xr.Dataset:
    shown = rate[frame >= 0].reshape(N_REPEATS, len(movie.mean_rate), -1)
    areas = list(dict.fromkeys(movie.area.tolist()))
    hertz = {"units": "Hz"}
    return xr.Dataset(
        {
            "mean_response": (("stimulus", "unit"), shown.mean(axis=0).astype("f4"), hertz),
            "still_response": (("stimulus", "unit"), movie.mean_rate.astype("f4"), hertz),
            "kernel": (("area", "lag"), np.stack([kernel(name) for name in areas]), {"units": "1"}),
        },
        {
            "stimulus": np.arange(len(movie.mean_rate)),
            "area": areas,
            "lag": ("lag", np.arange(N_LAGS) * FRAME, {"units": "s"}),
        },
    )
