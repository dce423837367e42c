"""Have a simulated animal judge contrasts: on which side is it higher, by accumulating evidence up to a bound.

The task is that of Steinmetz et al. 2019 (Nature 576:266) with the blocks of the International Brain Laboratory (2021,
eLife 10:e63711): two gratings, a choice by turning a wheel, a reward or none, a side that is right more often for some
time. Choices come from a drift-diffusion model (Ratcliff & McKoon 2008, Neural Comput. 20:873): a decision variable
starts near zero, drifts with the difference of contrast, is moved about by noise, and the bound that it reaches first,
-1 for left or 1 for right, is the choice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

BLOCKS = (60, 30, 30, 30, 30, 30, 30)
"""Trials of each block; in the first both sides are as likely, then one is, and the other, by turns."""

PRIOR = 0.8
"""How often the likely side of a block is right."""

STEP = 0.01
"""Seconds; the decision variable is constant within steps of this length."""

SENSORY, MOTOR, DEADLINE = 0.10, 0.10, 1.5
"""Seconds: from the stimulus to the first evidence, from the bound to the turning wheel, till it is too late."""

DRIFT, DRIFT_SPREAD, NOISE = 4.7, 0.3, 1.25
"""Bounds per second of one unit of contrast; their deviation over trials; noise in bounds per square root of s."""

PRIOR_START, HISTORY_START, BIAS = 0.3, 0.1, 0.1
"""What moves the start, in bounds: the likely side of the block, the last choice if rewarded, a bias to right."""

LAPSE, LAPSE_DRIFT = 0.06, 3.0
"""Share of trials in which the animal does not look, and the drift to a side of its own in these, bounds per second."""

TURN, PAUSE = 0.25, 0.5
"""Seconds: the wheel turns before feedback comes; after it the trial goes on."""

HOLD, HOLD_MORE = 0.5, 0.2
"""Seconds: the animal holds still before a stimulus; a mean of exponentially distributed ones besides."""

MOST_REPEATS = 3
"""How often, at most, contrasts come again after an error: animals repeat what does not pay."""

EASY = 0.5
"""Difference of contrast from which an error is followed by the same contrasts."""

_PAIRS = ((0.25, 0.0), (0.5, 0.25), (0.5, 0.0), (1.0, 0.5), (1.0, 0.25), (1.0, 0.0))
_EQUAL = (0.0, 0.25, 0.5)
EQUAL_SHARE = 0.2
"""How often both contrasts are the same: then a coin, as the block has it, decides what is rewarded."""

N_STEPS = round((DEADLINE - MOTOR - SENSORY) / STEP)
"""Steps of evidence at most."""


@dataclass(frozen=True)
class Behaviour:
    """What an animal did, trial by trial; times in seconds from the start of the task.

    Attributes
    ----------
    start_time, stop_time, stimulus_time : ndarray (trial,)
    response_time : ndarray (trial,)
        When the wheel begins to turn; NaN where it did not.
    feedback_time : ndarray (trial,)
    contrast_left, contrast_right : ndarray (trial,)
    choice : ndarray (trial,)
        -1 left, 1 right, 0 none.
    rewarded : ndarray (trial,) of bool
    probability_left : ndarray (trial,)
        How often left is right in this block.
    block, rep_num : ndarray (trial,) of int
        The block; how often these contrasts came in a row, from 1.
    start, drift : ndarray (trial,)
        Of the decision variable, in bounds and bounds per second.
    lapse : ndarray (trial,) of bool
    decision : ndarray (trial, step)
        The decision variable, step by step from ``SENSORY`` after the stimulus; it stays at the bound.
    """

    start_time: np.ndarray
    stop_time: np.ndarray
    stimulus_time: np.ndarray
    response_time: np.ndarray
    feedback_time: np.ndarray
    contrast_left: np.ndarray
    contrast_right: np.ndarray
    choice: np.ndarray
    rewarded: np.ndarray
    probability_left: np.ndarray
    block: np.ndarray
    rep_num: np.ndarray
    start: np.ndarray
    drift: np.ndarray
    lapse: np.ndarray
    decision: np.ndarray


def behave(rng: np.random.Generator) -> Behaviour:
    """Do the task once, trial after trial: what happens depends on what happened."""
    block = np.repeat(np.arange(len(BLOCKS)), BLOCKS)
    likely = rng.choice([-1, 1]) * np.where(block == 0, 0, (-1) ** block)
    rows: list[dict[str, Any]] = []
    last: dict[str, Any] = {"stop_time": 0.0, "rewarded": True, "choice": 0}
    for side in likely:
        shown = _shown(last, side, rng)
        last = shown | _decided(shown, last, side, rng)
        rows.append(last)
    return Behaviour(
        block=block,
        probability_left=0.5 - likely * (PRIOR - 0.5),
        **{
            its.name: np.array([row[its.name] for row in rows])
            for its in fields(Behaviour)
            if its.name not in ("block", "probability_left")
        },
    )


def _shown(last: dict[str, Any], likely: int, rng: np.random.Generator) -> dict[str, Any]:
    """Choose what is shown: the same again after an easy error, else a side as likely as the block has it."""
    start = last["stop_time"]
    when = {"start_time": start, "stimulus_time": start + HOLD + rng.exponential(HOLD_MORE)}
    difference = abs(last.get("contrast_right", 0.0) - last.get("contrast_left", 0.0))
    if not last["rewarded"] and difference >= EASY and last["rep_num"] < MOST_REPEATS:
        again = {name: last[name] for name in ("contrast_left", "contrast_right", "side")}
        return {**when, **again, "rep_num": last["rep_num"] + 1}
    side = rng.choice([-1, 1]) if likely == 0 else likely * (1 if rng.random() < PRIOR else -1)
    equal = rng.random() < EQUAL_SHARE
    high, low = (rng.choice(_EQUAL),) * 2 if equal else _PAIRS[rng.integers(len(_PAIRS))]
    left, right = (high, low) if side < 0 else (low, high)
    return {**when, "contrast_left": left, "contrast_right": right, "side": side, "rep_num": 1}


def _decided(shown: dict[str, Any], last: dict[str, Any], likely: int, rng: np.random.Generator) -> dict[str, Any]:
    """Accumulate evidence up to a bound, turn the wheel, get what it earns."""
    lapse = bool(rng.random() < LAPSE)
    drift = DRIFT * (shown["contrast_right"] - shown["contrast_left"]) + rng.normal(0, DRIFT_SPREAD)
    drift = LAPSE_DRIFT * rng.choice([-1, 1]) if lapse else drift
    start = PRIOR_START * likely + HISTORY_START * last["choice"] * last["rewarded"] + BIAS
    steps = rng.normal(drift * STEP, NOISE * np.sqrt(STEP), N_STEPS)
    decision = start + np.cumsum(steps)
    out = np.flatnonzero(np.abs(decision) >= 1)
    choice, at = (0, N_STEPS) if len(out) == 0 else (int(np.sign(decision[out[0]])), int(out[0]))
    decision[at:] = choice
    response = shown["stimulus_time"] + SENSORY + (at + 1) * STEP + MOTOR if choice else np.nan
    feedback = response + TURN if choice else shown["stimulus_time"] + DEADLINE
    return {
        "lapse": lapse,
        "drift": drift,
        "start": start,
        "decision": decision,
        "choice": choice,
        "rewarded": choice == shown["side"],
        "response_time": response,
        "feedback_time": feedback,
        "stop_time": feedback + PAUSE,
    }
