"""Tasks of notebook 08: from spikes to mechanism."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.spiketrains.information import mutual_information
from neurodata4ml.analysis.spiketrains.intervals import interspike_intervals
from neurodata4ml.course.answers import Off, function, is_near, number, values
from neurodata4ml.course.riddles import cell
from neurodata4ml.course.task import Task
from neurodata4ml.systems.lif_theory import Neuron, interspike_interval


def time_to_next(answer: Any, *, neuron: Neuron, current: float) -> str:
    """The interval under constant current, in s."""
    found, right = number(answer, "the interval"), float(interspike_interval(current, neuron))
    driven = neuron.resistance * current
    bare = right - neuron.refractory
    if is_near(found, right, within=0.002 * right):
        return f"{1e3 * right:.1f} ms, so {1 / right:.0f} spikes per second."
    if is_near(found, bare, within=0.002 * right):
        message = "the refractory period is missing: the unit begins to charge only after it."
        raise Off(message)
    if is_near(found, 1e3 * right, within=2 * right):
        message = "these are milliseconds; give seconds."
        raise Off(message)
    if is_near(found, 1 / right, within=0.01 / right):
        message = "this is the rate; its inverse is asked for."
        raise Off(message)
    if is_near(found, neuron.refractory + bare / np.log(10), within=0.002 * right):
        message = "the logarithm is the natural one: np.log, not np.log10."
        raise Off(message)
    if is_near(found, neuron.refractory + neuron.tau * np.log(driven / neuron.threshold), within=0.002 * right):
        message = "the membrane climbs towards R I and stops at the threshold: which difference is left then?"
        raise Off(message)
    message = f"{found:.4g} s is not the interval; put the numbers into the formula, all in SI units."
    raise Off(message)


def time_constant(answer: Any) -> str:
    """The time constant of the patched cell, s."""
    found, right = number(answer, "the time constant"), float(cell().tau)
    if abs(found - right) < 0.12 * right:
        return f"{1e3 * found:.1f} ms, and the cell's is {1e3 * right:.0f} ms: from its spikes and the current alone."
    if abs(found - 1e3 * right) < 120 * right:
        message = "these are milliseconds; give seconds."
        raise Off(message)
    if abs(found - float(cell().refractory)) < 0.3 * float(cell().refractory):
        message = "this looks like the refractory period; the fit has a field tau."
        raise Off(message)
    message = f"{found:.4g} s is not near: fit_lif(current, spike_times) takes the current as it was injected, in A."
    raise Off(message)


def irregularity(answer: Any, *, session: xr.Dataset) -> str:
    """CV of every unit, of intervals while a stimulus is shown."""
    shown = np.stack([session["start_time"].values, session["stop_time"].values], axis=1)
    right = interspike_intervals(session, stretches=shown)
    whole = interspike_intervals(session)
    like = right.cv.where(np.isfinite(right.cv))
    found = values(answer, "the CVs", like=like)
    if is_near(found, right.cv, within=0.005):
        return f"about {np.nanmedian(found):.2f}: more regular than chance, which is 1."
    for other, what in ((whole.cv, "the whole recording"), (whole.lv, "LV, of the whole recording"), (right.lv, "LV")):
        if is_near(found, other, within=0.005):
            message = f"this is of {what}; rest and stimulus differ in rate, and CV takes that for irregularity."
            if what == "LV":
                message = "this is LV, which compares neighbours; CV is the standard deviation over the mean."
            raise Off(message)
    if is_near(found, right.cv**2, within=0.005):
        message = "this is the square of CV."
        raise Off(message)
    message = "these are not the CVs: interspike_intervals(session, stretches=...).cv, start and stop of every trial."
    raise Off(message)


def bits_told(answer: Any, *, counts: xr.DataArray) -> str:
    """Mean information over units, corrected, bits per trial."""
    found = number(answer, "the information")
    told = mutual_information(counts, n_shuffles=1)
    right, plain = float(told.information.mean()), float(told.plain.mean())
    if is_near(found, right, within=0.02):
        return f"{right:.2f} of {float(told.entropy):.2f} bits: a unit tells much, and never all."
    if is_near(found, plain, within=0.02):
        message = (
            "this is as counted; with few trials counting sees information where there is none. Take the bias out."
        )
        raise Off(message)
    if is_near(found, float(told.information.sum()), within=0.1):
        message = (
            "this is the sum over units, which counts what they tell alike again and again; the task asks the mean."
        )
        raise Off(message)
    if is_near(found, right / float(told.entropy), within=0.005):
        message = "this is a share of all there is to know; how many bits is it?"
        raise Off(message)
    if is_near(found, right * np.log(2), within=0.01):
        message = "these are nats; a bit is ln 2 of them."
        raise Off(message)
    message = f"{found:.3g} bits is not the mean over units of mutual_information(counts).information."
    raise Off(message)


def membrane_step(answer: Any) -> str:
    """One step of the membrane, as a function."""
    step = function(answer, "your step")
    v, current, dt, tau, resistance = 0.004, 2e-10, 1e-4, 0.02, 1e8
    found = number(step(v, current, dt, tau, resistance), "what your step gives")
    euler = v + dt / tau * (-v + resistance * current)
    exact = resistance * current + (v - resistance * current) * np.exp(-dt / tau)
    if is_near(found, euler, within=1e-8) or is_near(found, exact, within=1e-8):
        how = "exactly" if is_near(found, exact, within=1e-9) else "by Euler's step"
        return f"the leak pulls to rest, the current pushes away from it; solved {how}."
    if is_near(found, v + dt / tau * (v + resistance * current), within=1e-8):
        message = "the leak has the wrong sign: without a current the membrane falls back to rest."
        raise Off(message)
    if is_near(found, v + dt * (-v + resistance * current), within=1e-8):
        message = "the time constant is missing: the change in dt is dt / tau of what is left to go."
        raise Off(message)
    if is_near(found, v + dt / tau * resistance * current, within=1e-8):
        message = "this is a perfect integrator: where is the leak?"
        raise Off(message)
    if is_near(found, euler - v, within=1e-9):
        message = "this is the change alone; give the new potential."
        raise Off(message)
    message = f"from {v} V with {current:g} A for {dt:g} s this gives {found:.6g} V; look at the equation once more."
    raise Off(message)


TASKS: dict[str, Task] = {
    "08-1A": Task("A function (v, current, dt, tau, resistance) that gives the membrane after dt.", membrane_step),
    "08-1B": Task("The time between two spikes under a constant current, in seconds.", time_to_next),
    "08-2A": Task("The time constant of the patched cell, in seconds.", time_constant),
    "08-3A": Task("The CV of every unit's intervals while a stimulus is shown.", irregularity),
    "08-4A": Task("The mean over units of the information per trial, in bits, its bias taken out.", bits_told),
}
