"""Answers to notebook 08: from spikes to mechanism."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import xarray as xr
from course_answers import Answers

import neurodata4ml as nd
from neurodata4ml.course.riddles import patched_cell
from neurodata4ml.systems import lif
from neurodata4ml.systems.lif_fit import fit_lif
from neurodata4ml.systems.lif_theory import Neuron, interspike_interval

NEURON, CURRENT = Neuron(tau=0.02, reset=0.0), 2e-10


@cache
def session() -> xr.Dataset:
    return nd.open_simulation(lif.record(seed=1, n_units=8, n_repeats=6))


@cache
def counts() -> xr.DataArray:
    return nd.bin_spikes(session(), window=(0, 0.5), bin_width=0.5).isel(time=0)


def shown(session: xr.Dataset) -> np.ndarray:
    return np.stack([session.start_time.values, session.stop_time.values], axis=1)


def cv(session: xr.Dataset) -> xr.DataArray:
    return nd.interspike_intervals(session, stretches=shown(session)).cv


def cv_by_hand(session: xr.Dataset) -> list[float]:
    found = []
    for a, b in zip(session.spike_start.values, session.spike_stop.values, strict=True):
        times = session.spike_times.values[a:b]
        own = [np.diff(times[(times >= start) & (times < stop)]) for start, stop in shown(session)]
        found.append(float(np.concatenate(own).std() / np.concatenate(own).mean()))
    return found


def simulated(neuron: Neuron, current: float) -> float:
    (spikes,), _ = lif.simulate_lif(np.full(4000, current), neuron)
    return float(np.diff(spikes).mean())


def log_of(base: float, neuron: Neuron, current: float) -> float:
    driven = neuron.resistance * current
    return neuron.refractory + neuron.tau * np.log(driven / (driven - neuron.threshold)) / np.log(base)


def told(counts: xr.DataArray) -> xr.Dataset:
    return nd.mutual_information(counts, n_shuffles=1)


ONE: dict[str, Any] = {"neuron": NEURON, "current": CURRENT}

ANSWERS = {
    "08-1A": Answers(
        given=dict,
        right={
            "Euler": lambda: lambda v, i, dt, tau, r: v + dt * (r * i - v) / tau,
            "exact": lambda: lambda v, i, dt, tau, r: r * i + (v - r * i) * np.exp(-dt / tau),
        },
        wrong={
            "sign": (lambda: lambda v, i, dt, tau, r: v + dt * (r * i + v) / tau, "wrong sign"),
            "no time constant": (lambda: lambda v, i, dt, tau, r: v + dt * (r * i - v), "time constant is missing"),
            "no leak": (lambda: lambda v, i, dt, tau, r: v + dt * r * i / tau, "where is the leak"),
            "change": (lambda: lambda v, i, dt, tau, r: dt * (r * i - v) / tau, "the change alone"),
        },
    ),
    "08-1B": Answers(
        given=lambda: ONE,
        right={
            "the formula": lambda neuron, current: log_of(np.e, neuron, current),
            "a simulation": simulated,
            "an array": lambda neuron, current: interspike_interval(np.array([current]), neuron),
        },
        wrong={
            "not refractory": (lambda neuron, current: log_of(np.e, neuron, current) - 0.002, "refractory period is"),
            "milliseconds": (lambda neuron, current: 1e3 * log_of(np.e, neuron, current), "milliseconds"),
            "rate": (lambda neuron, current: 1 / log_of(np.e, neuron, current), "this is the rate"),
            "log10": (lambda neuron, current: log_of(10, neuron, current), "the natural one"),
            "other difference": (
                lambda neuron, current: 0.002 + 0.02 * np.log(neuron.resistance * current / neuron.threshold),
                "which difference is left",
            ),
        },
    ),
    "08-2A": Answers(
        given=dict,
        right={
            "a fit": lambda: fit_lif(patched_cell()[0], patched_cell()[2]).tau,
            "a rounded one": lambda: 0.0145,
        },
        wrong={
            "milliseconds": (lambda: 14.2, "these are milliseconds"),
            "refractory": (lambda: 0.003, "refractory period"),
            "without scale": (lambda: 0.035, "in A"),
        },
    ),
    "08-3A": Answers(
        given=lambda: {"session": session()},
        right={
            "labelled": cv,
            "by hand": cv_by_hand,
            "in another order, labelled": lambda session: cv(session)[::-1],
        },
        wrong={
            "whole recording": (lambda session: nd.interspike_intervals(session).cv, "of the whole recording"),
            "LV": (
                lambda session: nd.interspike_intervals(session, stretches=shown(session)).lv,
                "compares neighbours",
            ),
            "square": (lambda session: cv(session) ** 2, "the square of CV"),
            "one number": (lambda session: float(cv(session).mean()), r"should be \(unit\), shape \(8,\)"),
        },
    ),
    "08-4A": Answers(
        given=lambda: {"counts": counts()},
        right={
            "the mean": lambda counts: told(counts).information.mean(),
            "as a number": lambda counts: float(np.mean(told(counts).plain.values - told(counts).bias.values)),
        },
        wrong={
            "as counted": (lambda counts: told(counts).plain.mean(), "as counted"),
            "sum": (lambda counts: told(counts).information.sum(), "sum over units"),
            "share": (lambda counts: told(counts).information.mean() / told(counts).entropy, "a share of all"),
            "nats": (lambda counts: told(counts).information.mean() * np.log(2), "these are nats"),
        },
    ),
}
