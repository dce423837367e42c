"""Record the units of the demo while the animal judges contrasts: one area sees, the other decides and hears of reward.

The rate of a unit is its rate at rest times one plus what it is told: each contrast, after the latency of its area; the
decision variable of ``task.py``; a turning wheel; a reward that came or failed to come. Units of ``early`` know of the
contrasts alone, before there is a movement; units of ``late`` of all of it.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.data.demo.period import Period, draw_spikes, slow_noise
from neurodata4ml.data.demo.simulate import LATENCY, Recording, slow_drift
from neurodata4ml.data.demo.task import SENSORY, STEP, TURN, Behaviour, behave
from neurodata4ml.simulation import Series

TABLE = "trials"

RISE, FALL, SUSTAINED = 0.02, 0.08, 0.4
"""Of the response to a contrast: seconds to rise and to fall to its sustained part, and this part."""

REWARD_FALL = 0.3
"""Seconds in which the response to feedback falls to 1/e."""

FORGET = 0.1
"""Seconds in which a decision is forgotten after feedback."""

LOWEST = 0.1
"""No rate falls below this share of the rate at rest."""

WEIGHTS = {
    "early": {"preferred": 1.0, "other": 0.2, "decision": 0.0, "movement": 0.2, "feedback": 0.0},
    "late": {"preferred": 0.3, "other": 0.1, "decision": 0.15, "movement": 0.3, "feedback": 0.2},
}
"""Typical weights by area, relative to the rate at rest; those of ``late`` for any other area."""

TURNED = 35.0
"""Degrees by which the wheel is turned for an answer."""


def record_choices(recording: Recording, *, start: float, seed: int) -> Period:
    """Continue a recording from ``start``: its units, while the animal chooses and is rewarded, or is not.

    Parameters
    ----------
    recording : Recording
        Of the same units; their drift and noise go on. The animal sits still: no running, so no gain.
    start : float
        Seconds of the session.
    seed : int
        The same seed gives the same bits.
    """
    rng = np.random.default_rng([seed, 202])
    behaviour = behave(rng)
    weights = draw_weights(recording.responses.area, rng)
    n_bins = round(np.ceil(behaviour.stop_time[-1] / STEP)) + 1
    told = signals(behaviour, n_bins, recording.responses.area)
    driven = sum(told[name] * weights[name] for name in weights)
    rate = recording.responses.mean_rate.min(axis=0) * np.maximum(1 + driven, LOWEST)
    time = start + np.arange(n_bins) * STEP
    rate *= slow_drift(time / recording.stop, recording.drift_offset)
    noise = slow_noise(n_bins, STEP, recording.loading, rng)
    return Period(
        stop=start + n_bins * STEP,
        spike_times=draw_spikes(rate * noise, start, STEP, rng),
        table=TABLE,
        tables={TABLE: columns(behaviour, start)},
        series={"running_speed": Series(np.zeros(n_bins), time, "cm/s"), "wheel": _wheel(behaviour, time, start)},
        truth=_truth(behaviour, weights),
    )


def draw_weights(area: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return how much each unit is moved by each signal, relative to its rate at rest: arrays (unit,).

    A unit prefers one side: the contrast there weighs more, and its decision weight has the sign of a side.
    """
    its = [WEIGHTS.get(str(name), WEIGHTS["late"]) for name in area]
    mean = {name: np.array([one[name] for one in its]) * rng.uniform(0.5, 1.5, len(its)) for name in its[0]}
    prefers_left, toward, pleased = rng.random((3, len(its))) < 0.5
    return {
        "left": np.where(prefers_left, mean["preferred"], mean["other"]),
        "right": np.where(prefers_left, mean["other"], mean["preferred"]),
        "decision": np.where(toward, 1, -1) * mean["decision"],
        "movement": mean["movement"],
        "feedback": np.where(pleased, 1, -1) * mean["feedback"],
    }


def signals(behaviour: Behaviour, n_bins: int, area: np.ndarray) -> dict[str, np.ndarray]:
    """Return what units are told, each (bin, unit) or (bin, 1), in bins of ``STEP`` from the start of the task."""
    names = np.unique(area)
    seen = {side: np.zeros((n_bins, len(names))) for side in ("left", "right")}
    others = {name: np.zeros(n_bins) for name in ("decision", "movement", "feedback")}
    for k in range(len(behaviour.block)):
        on, answer, told, end = (_bin(at[k]) for at in _events(behaviour))
        for column, name in enumerate(names):
            course = contrast_response(LATENCY.get(str(name), 0.05), told - on)
            for side in seen:
                seen[side][on:told, column] += getattr(behaviour, f"contrast_{side}")[k] * course
        first = on + _bin(SENSORY)
        path = np.r_[behaviour.decision[k], np.full(max(0, end - first), behaviour.choice[k])][: end - first]
        path[told - first :] *= np.exp(-np.arange(end - told) * STEP / FORGET)
        others["decision"][first:end] = path
        others["movement"][answer:told] = np.sin(np.pi * (np.arange(told - answer) + 0.5) / max(told - answer, 1))
        since = np.arange(end - told) * STEP
        others["feedback"][told:end] = (1 if behaviour.rewarded[k] else -1) * np.exp(-since / REWARD_FALL)
    of_area = np.searchsorted(names, area)
    return {side: its[:, of_area] for side, its in seen.items()} | {name: its[:, None] for name, its in others.items()}


def contrast_response(latency: float, n_bins: int) -> np.ndarray:
    """Return the time course of the response to a contrast of one, from its onset, in bins of ``STEP``."""
    since = np.clip((np.arange(n_bins) + 0.5) * STEP - latency, 0, None)
    return np.asarray((1 - np.exp(-since / RISE)) * (SUSTAINED + (1 - SUSTAINED) * np.exp(-since / FALL)))


def columns(behaviour: Behaviour, start: float) -> dict[str, np.ndarray]:
    """Return the table of trials, with the columns and codes of Steinmetz et al. 2019: a choice of 1 is left."""
    times = {
        name: getattr(behaviour, name) + start for name in ("start_time", "stop_time", "response_time", "feedback_time")
    }
    return {
        **times,
        "visual_stimulus_time": behaviour.stimulus_time + start,
        "visual_stimulus_left_contrast": behaviour.contrast_left,
        "visual_stimulus_right_contrast": behaviour.contrast_right,
        "response_choice": -behaviour.choice.astype(float),
        "feedback_type": np.where(behaviour.rewarded, 1.0, -1.0),
        "rep_num": behaviour.rep_num.astype(float),
        "probability_left": behaviour.probability_left,
        "block": behaviour.block.astype(float),
    }


def _events(behaviour: Behaviour) -> tuple[np.ndarray, ...]:
    """Return when the stimulus comes, the wheel begins to turn (never: with the feedback), feedback, and the end."""
    answer = np.where(behaviour.choice == 0, behaviour.feedback_time, behaviour.response_time)
    return behaviour.stimulus_time, answer, behaviour.feedback_time, behaviour.stop_time


def _bin(time: float) -> int:
    return round(time / STEP)


def _wheel(behaviour: Behaviour, time: np.ndarray, start: float) -> Series:
    """Return the angle of the wheel: a smooth turn to the left (above zero) or right in each answer, and back."""
    turned = np.zeros(len(time))
    for k in np.flatnonzero(behaviour.choice):
        since = np.clip((time - start - behaviour.response_time[k]) / TURN, 0, 1)
        back = np.clip((time - start - behaviour.stop_time[k]) / TURN, 0, 1)
        turned -= behaviour.choice[k] * TURNED * 0.5 * (np.cos(np.pi * back) - np.cos(np.pi * since))
    return Series(turned, time, "degree", "angle of the wheel; above zero is a choice of left")


def _truth(behaviour: Behaviour, weights: dict[str, np.ndarray]) -> xr.Dataset:
    one, seconds = {"units": "1"}, {"units": "s"}
    shares = {f"weight_{name}": ("unit", values, one) for name, values in weights.items()}
    bounds = {
        "drift": ("trial", behaviour.drift, {"units": "s-1"}),
        "start": ("trial", behaviour.start, one),
        "lapse": ("trial", behaviour.lapse, one),
        "decision": (("trial", "time"), behaviour.decision.astype("f4"), one),
    }
    time = SENSORY + (np.arange(behaviour.decision.shape[1]) + 0.5) * STEP
    return xr.Dataset(shares | bounds, {"time": ("time", time, seconds)})
