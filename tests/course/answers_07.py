"""Answers to notebook 07: learning rules."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from course_answers import Answers

import neurodata4ml as nd
from neurodata4ml.systems import plasticity
from neurodata4ml.systems.plasticity_predicted import rests
from neurodata4ml.systems.spike_timing import Window, pairwise_change


@cache
def session() -> xr.Dataset:
    return nd.open_simulation(plasticity.record(seed=0, n_trials=40))


def trains() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "sender": np.sort(rng.uniform(0, 1, 12)),
        "receiver": np.sort(rng.uniform(0, 1, 9)),
        "window": Window(rise=0.01, fall=0.012),
    }


def lags(sender: np.ndarray, receiver: np.ndarray) -> np.ndarray:
    return receiver[None, :] - sender[:, None]


def pair_by_pair(sender: np.ndarray, receiver: np.ndarray, window: Window) -> float:
    total = 0.0
    for s in sender:
        for r in receiver:
            lag = r - s
            total += 0.01 * np.exp(-lag / 0.02) if lag > 0 else -0.012 * np.exp(lag / 0.02)
    return total


def change(session: xr.Dataset) -> xr.DataArray:
    before, after = (nd.coupling(session, stretches=rest) for rest in rests(session))
    return (after - before)[:30, 30:]


def in_the_task(session: xr.Dataset) -> xr.DataArray:
    middle = float(session.start_time.median())
    parts = [(float(session.start_time.min()), middle), (middle, float(session.stop_time.max()))]
    first, second = (nd.coupling(session, stretches=np.array([part])) for part in parts)
    return (second - first)[:30, 30:]


ANSWERS = {
    "07-1A": Answers(
        given=dict,
        right={
            "in one line": lambda: lambda w, x, rate: w + rate * (w @ x) * (x - (w @ x) * w),
            "with a loop": lambda: (
                lambda w, x, rate: [
                    w[i] + rate * (np.dot(w, x) * x[i] - np.dot(w, x) ** 2 * w[i]) for i in range(len(w))
                ]
            ),
        },
        wrong={
            "Hebb": (lambda: lambda w, x, rate: w + rate * (w @ x) * x, "this is Hebb's rule"),
            "the change alone": (lambda: lambda w, x, rate: rate * (w @ x) * (x - (w @ x) * w), "the change alone"),
            "decay without y": (lambda: lambda w, x, rate: w + rate * (w @ x) * (x - w), "decay is by w alone"),
            "turned": (lambda: lambda w, x, rate: w - rate * (w @ x) * (x - (w @ x) * w), "the sign is turned"),
            "called": (lambda: np.ones(3), "should be a function"),
        },
    ),
    "07-2A": Answers(
        given=trains,
        right={
            "by the matrix of lags": lambda sender, receiver, window: window(lags(sender, receiver)).sum(),
            "pair by pair": pair_by_pair,
            "by traces": lambda sender, receiver, window: np.float32(pairwise_change(sender, receiver, window)),
        },
        wrong={
            "turned": (lambda sender, receiver, window: window(-lags(sender, receiver)).sum(), "the lags are turned"),
            "mean": (lambda sender, receiver, window: window(lags(sender, receiver)).mean(), "the mean over pairs"),
            "only gains": (
                lambda sender, receiver, window: sum(window(lag) for lag in lags(sender, receiver).ravel() if lag > 0),
                "receiver fired first are missing",
            ),
            "side by side": (
                lambda sender, receiver, window: window(receiver - sender[:9]).sum(),
                "only the first with the first",
            ),
        },
    ),
    "07-3A": Answers(
        given=lambda: {"session": session()},
        right={
            "labelled": change,
            "as an array": lambda session: change(session).values,
            "columns in another order, labelled": lambda session: change(session)[:, ::-1],
        },
        wrong={
            "turned": (lambda session: change(session).values.T, "senders as rows.*It is turned"),
            "before less after": (lambda session: -change(session), "the sign is turned"),
            "after alone": (
                lambda session: nd.coupling(session, stretches=rests(session)[1])[:30, 30:],
                "less the coupling before",
            ),
            "within the task": (in_the_task, "Which stretches of time did you take"),
        },
    ),
    "07-4A": Answers(
        given=dict,
        right={"as it is called": lambda: "hebb", "in capitals": lambda: " Hebb "},
        wrong={
            "stdp": (lambda: "stdp", "timing alone explains little"),
            "reward": (lambda: "reward", "the reward did not grow"),
            "none": (lambda: "none", "its weights did change"),
            "a guess": (lambda: "oja", "should be one of none, hebb, stdp, reward"),
        },
    ),
}
