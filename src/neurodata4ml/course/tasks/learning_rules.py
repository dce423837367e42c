"""Tasks of notebook 07: learning rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.spiketrains.coupling import coupling
from neurodata4ml.course.answers import Off, function, is_near, number, values, word
from neurodata4ml.course.riddles import rule_of
from neurodata4ml.course.task import Task
from neurodata4ml.systems.plasticity import RULES
from neurodata4ml.systems.plasticity_predicted import rests
from neurodata4ml.systems.spike_timing import Window, pairwise_change


def oja_step(answer: Any) -> str:
    """One step of Oja's rule, as a function of weights, input and rate."""
    step = function(answer, "your step")
    w, x, rate = np.array([0.6, -0.3, 0.2]), np.array([1.0, 2.0, -0.5]), 0.1
    y = float(w @ x)
    found = np.asarray(step(w.copy(), x.copy(), rate), dtype=float)
    if found.shape != w.shape:
        message = f"your step gives shape {found.shape}; it should give the new weights, one for each input."
        raise Off(message)
    right = w + rate * y * (x - y * w)
    if is_near(found, right, within=1e-9):
        return "the decay y w keeps the length at one: what y adds to one weight, it takes from all."
    if is_near(found, w + rate * y * x, within=1e-9):
        message = "this is Hebb's rule: nothing keeps the weights from growing. What does Oja take away?"
        raise Off(message)
    if is_near(found, right - w, within=1e-9):
        message = "this is the change alone; give the new weights."
        raise Off(message)
    if is_near(found, w + rate * y * (x - w), within=1e-9):
        message = "the decay is by w alone; Oja's grows with the answer y, so that its size cancels."
        raise Off(message)
    if is_near(found, w - rate * y * (x - y * w), within=1e-9):
        message = "the sign is turned: this walks away from the first principal component."
        raise Off(message)
    message = f"for w = {w.tolist()}, x = {x.tolist()}, rate = {rate} this gives {np.round(found, 3).tolist()}."
    raise Off(message)


def change_by_pairs(answer: Any, *, sender: np.ndarray, receiver: np.ndarray, window: Window) -> str:
    """Change of a synapse by all pairs of two trains."""
    found, right = number(answer, "the change"), pairwise_change(np.sort(sender), np.sort(receiver), window)
    lags = np.asarray(receiver)[None, :] - np.asarray(sender)[:, None]
    near = 1e-3 * window.rise
    if is_near(found, right, within=near):
        return "every pair counts: the early spikes of the receiver cost, the late ones pay."
    if is_near(found, window(-lags).sum(), within=near):
        message = "the lags are turned: a lag is the receiver's time less the sender's."
        raise Off(message)
    if is_near(found, window(lags).mean(), within=near):
        message = "this is the mean over pairs; each pair changes the synapse, so they add up."
        raise Off(message)
    if is_near(found, window(lags[lags > 0]).sum(), within=near):
        message = "the pairs in which the receiver fired first are missing: they weaken the synapse."
        raise Off(message)
    n = min(lags.shape)
    if is_near(found, window(np.diag(lags[:n, :n])).sum(), within=near):
        message = "only the first with the first, the second with the second: every spike meets all of the other side."
        raise Off(message)
    message = f"{found:.6f} is not the sum of the window over all {lags.size} lags."
    raise Off(message)


def change_at_rest(answer: Any, *, session: xr.Dataset) -> str:
    """Change of coupling from each input to each output, between the rests."""
    before, after = (coupling(session, stretches=rest) for rest in rests(session))
    is_input = session["area"].values == "input"
    right = (after - before)[is_input][:, ~is_input]
    found = values(answer, "the change (senders as rows, receivers as columns)", like=right)
    if is_near(found, right, within=1e-9):
        return "at rest inputs fire unrelated to each other, so what follows a spike was caused by it."
    if is_near(found, -right, within=1e-9):
        message = "the sign is turned: the change is after less before."
        raise Off(message)
    if is_near(found, after.values[np.ix_(is_input, ~is_input)], within=1e-9):
        message = "this is the coupling after the task; its change is less the coupling before."
        raise Off(message)
    fit = np.corrcoef(found.ravel(), right.values.ravel())[0, 1]
    message = (
        f"this correlates with the right change by {fit:.2f}. Which stretches of time did you take? In the task, "
        "stimuli move inputs and outputs together; rests(session) gives the times without."
    )
    raise Off(message)


def rule_found(answer: Any) -> str:
    """The rule behind the unknown recording 1."""
    found, right = word(answer, "the rule", among=RULES), rule_of(1)
    if found == right:
        return f"{right} it was, and spikes alone have told it."
    hints = {
        "none": "its weights did change: compare the coupling of both rests.",
        "stdp": "timing alone explains little of it: look at the p of each rule, and at which correlation is highest.",
        "reward": "the reward did not grow over its trials; look at session.reward, and at the correlations.",
        "hebb": "rates alone explain little of it: look at the p of each rule, and at which correlation is highest.",
    }
    raise Off(hints[found])


TASKS: dict[str, Task] = {
    "07-1A": Task("A function of (weights, x, rate) that gives the weights after one step of Oja's rule.", oja_step),
    "07-2A": Task("The change of one synapse by two spike trains, by all pairs: one number.", change_by_pairs),
    "07-3A": Task("The change of coupling between the rests, inputs by outputs.", change_at_rest),
    "07-4A": Task("The rule behind the unknown recording: none, hebb, stdp or reward.", rule_found),
}
