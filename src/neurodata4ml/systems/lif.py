"""Leaky integrate-and-fire units: what is a neuron doing, where the answer is a line of mathematics."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.simulation import Series, Simulation
from neurodata4ml.systems.lif_steps import advance
from neurodata4ml.systems.lif_theory import Neuron, interspike_interval

STEP = 0.0005
"""Seconds of a step: half a millisecond, four to a refractory period."""

AT_ONCE = 20_000
"""Steps that are simulated together, so that noise and voltage take little memory."""

N_DIRECTIONS, SHOWN, PAUSE = 8, 0.5, 0.25
"""Directions of the moving stimulus, seconds that it is shown, seconds of rest after it."""

N_SEEN = 4
"""Units whose membrane is recorded too."""

CLOCK = 0.002
"""Seconds between samples of current and membrane."""


def simulate_lif(
    current: np.ndarray,
    neuron: Neuron,
    *,
    step: float = STEP,
    noise: float = 0.0,
    weights: np.ndarray | None = None,
    delay: float = 0.002,
    seed: int = 0,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Simulate units, coupled or not, under given currents.

    Between spikes the membrane is exact for a current that is constant within a step, and so is the time at which it
    crosses the threshold: constant current gives the closed form's intervals, whatever the step. Noise and spikes of
    others reach the membrane at the edges of steps.

    Parameters
    ----------
    current : ndarray (step, unit) or (step,), A
    neuron : Neuron
        Of one unit, or arrays (unit,).
    step : float, s
        At most the refractory period.
    noise : float, V
        Standard deviation that white noise gives to a membrane without a threshold.
    weights : ndarray (unit, unit), V, optional
        Row ``i``: by how much a spike of unit ``i`` moves the membrane of each other; nothing of a unit in its
        refractory period.
    delay : float, s
        From a spike to what it moves; at least a step.
    seed : int

    Returns
    -------
    spike_times : list of ndarray
        Seconds from the start, one array per unit.
    voltage : ndarray (step, unit), V
        At the end of each step, from rest.

    Raises
    ------
    DesignError
        No current, or one that is not a number; a step longer than the refractory period or the delay; weights of
        another shape.
    """
    require_whole(seed, "seed", least=0)
    driven = _currents(current)
    n_units = driven.shape[1]
    neurons = tuple(np.broadcast_to(np.asarray(its, dtype=float), n_units).copy() for its in astuple(neuron))
    coupling = np.zeros((n_units, n_units)) if weights is None else np.asarray(weights, dtype=float)
    if coupling.shape != (n_units, n_units):
        message = f"weights must be (unit, unit), {n_units} x {n_units}; got shape {coupling.shape}."
        raise DesignError(message)
    shortest = min(float(neurons[4].min()), delay)
    if not 0 < step <= shortest * (1 + 1e-9):
        message = f"step must be above 0 and at most the refractory period and the delay, {shortest:g} s; got {step!r}."
        raise DesignError(message)
    rng = np.random.default_rng(seed)
    n_delay = round(delay / step) + 1
    v, wait, coming = np.zeros(n_units), np.zeros(n_units), np.zeros((n_delay, n_units))
    first, voltage = np.zeros(1, np.int64), np.empty_like(driven)
    kick = noise * np.sqrt(-np.expm1(-2 * step / neurons[0]))
    units, times = [], []
    for begin in range(0, len(driven), AT_ONCE):
        part = driven[begin : begin + AT_ONCE]
        shaken = kick * rng.standard_normal(part.shape) if noise else np.zeros_like(part)
        who, when = np.empty(part.size + n_units, np.int64), np.empty(part.size + n_units)
        state = (v, wait, coming, first, voltage[begin : begin + AT_ONCE])
        n = advance(part, shaken, neurons, coupling, state, step, (who, when))
        units.append(who[:n])
        times.append(when[:n])
    who, when = np.concatenate(units), np.concatenate(times)
    return [np.sort(when[who == unit]) for unit in range(n_units)], voltage


def small_network(
    n_units: int, *, share_inhibitory: float = 0.2, chance: float = 0.2, strength: float = 0.0006, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a random network of excitatory and inhibitory units, in balance (van Vreeswijk & Sompolinsky 1996).

    Parameters
    ----------
    n_units : int
    share_inhibitory, chance : float
        Of the units; that one unit reaches another.
    strength : float, V
        By which an excitatory spike moves a membrane; an inhibitory one as much more as there are fewer of them.
    seed : int

    Returns
    -------
    weights : ndarray (unit, unit), V
    is_inhibitory : ndarray (unit,) of bool
    """
    require_whole(n_units, "n_units", least=2)
    rng = np.random.default_rng(seed)
    is_inhibitory = np.arange(n_units) >= round(n_units * (1 - share_inhibitory))
    joined = (rng.random((n_units, n_units)) < chance) & ~np.eye(n_units, dtype=bool)
    balance = (~is_inhibitory).sum() / max(is_inhibitory.sum(), 1)
    return joined * np.where(is_inhibitory, -balance, 1.0)[:, None] * strength, is_inhibitory


def record(
    *, seed: int = 0, n_units: int = 32, n_repeats: int = 20, noise: float = 0.003, coupling: float = 0.0006
) -> Simulation:
    """Record a small network of units while a grating moves in one of eight directions.

    Each unit is driven most by a direction of its own (von Mises tuning), on top of a steady current; directions come
    in randomised blocks, each once.

    Parameters
    ----------
    seed, n_units, n_repeats : int
    noise : float, V
        Of the membrane.
    coupling : float, V
        By which an excitatory spike moves the membrane of another unit; 0: every unit for itself.

    Returns
    -------
    Simulation
        ``stimulus`` is the direction in degrees. Series: ``injected_current`` (A) and ``membrane_potential`` (V) of the
        first units. Truth: ``tau``, ``resistance``, ``threshold``, ``refractory``, ``preferred`` (degrees),
        ``weight`` (unit, unit2), and ``rate_without_noise`` (direction, unit): the closed form of a unit alone.
    """
    for value, name in ((seed, "seed"), (n_units, "n_units"), (n_repeats, "n_repeats")):
        require_whole(value, name, least=0 if name == "seed" else 2)
    rng = np.random.default_rng(seed)
    neuron = _varied(n_units, rng)
    weights, is_inhibitory = small_network(n_units, strength=coupling, seed=seed)
    preferred = rng.permutation(np.arange(n_units) * 360 / n_units)
    directions = np.arange(N_DIRECTIONS) * 360 / N_DIRECTIONS
    drive = neuron.rheobase * (0.9 + 0.9 * _tuning(directions, preferred))
    order = np.concatenate([rng.permutation(N_DIRECTIONS) for _ in range(n_repeats)])
    current = _shown(drive, 0.9 * np.asarray(neuron.rheobase), order)
    spikes, voltage = simulate_lif(current, neuron, noise=noise, weights=weights, seed=seed)
    start = PAUSE + np.arange(len(order)) * (SHOWN + PAUSE)
    stride = round(CLOCK / STEP)
    clock = (np.arange(0, len(current) - stride + 1, stride) + stride) * STEP
    return Simulation(
        system="lif",
        description="Leaky integrate-and-fire units while a grating moves in one of eight directions.",
        seed=seed,
        units={"area": np.full(n_units, "lif"), "cell_type": np.where(is_inhibitory, "inhibitory", "excitatory")},
        spike_times=spikes,
        trials={
            "start_time": start,
            "stop_time": start + SHOWN,
            "stimulus": directions[order].astype(int),
            "block": np.repeat(np.arange(n_repeats), N_DIRECTIONS),
        },
        truth=_truth(neuron, preferred, weights, directions, interspike_interval(drive, neuron)),
        stop=len(current) * STEP,
        series={
            "injected_current": Series(current[stride - 1 :: stride, :N_SEEN], clock, "A", "of the first units"),
            "membrane_potential": Series(voltage[stride - 1 :: stride, :N_SEEN], clock, "V", "from rest"),
        },
    )


def _currents(current: Any) -> np.ndarray:
    driven = np.atleast_2d(np.asarray(current, dtype=float).T).T
    if driven.ndim != 2 or driven.size == 0 or not np.isfinite(driven).all():
        message = f"current must be finite numbers (step, unit) in A; got shape {np.shape(current)}."
        raise DesignError(message)
    return np.ascontiguousarray(driven)


def _varied(n_units: int, rng: np.random.Generator) -> Neuron:
    """Units that differ as those of a cortex do: time constants of 12 to 28 ms, resistances of 60 to 160 megohm."""
    return Neuron(
        tau=rng.uniform(0.012, 0.028, n_units),
        resistance=rng.uniform(6e7, 1.6e8, n_units),
        threshold=rng.uniform(0.013, 0.018, n_units),
        reset=np.zeros(n_units),
        refractory=rng.uniform(0.002, 0.004, n_units),
    )


def _tuning(directions: np.ndarray, preferred: np.ndarray) -> np.ndarray:
    """Return the drive (direction, unit), 1 at the preferred one: von Mises with concentration 2."""
    return np.asarray(np.exp(2 * (np.cos(np.deg2rad(directions[:, None] - preferred)) - 1)))


def _shown(drive: np.ndarray, rest: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the current (step, unit): rest, and what each stimulus drives while it is shown."""
    n_pause, n_shown = round(PAUSE / STEP), round(SHOWN / STEP)
    of_step = np.concatenate([np.r_[np.full(n_pause, -1), np.full(n_shown, which)] for which in order])
    return np.vstack([drive, rest])[np.r_[of_step, np.full(n_pause, -1)]]


def _truth(
    neuron: Neuron, preferred: np.ndarray, weights: np.ndarray, directions: np.ndarray, interval: np.ndarray
) -> xr.Dataset:
    units = {"tau": "s", "resistance": "ohm", "threshold": "V", "refractory": "s"}
    return xr.Dataset(
        {
            **{name: ("unit", getattr(neuron, name), {"units": its}) for name, its in units.items()},
            "preferred": ("unit", preferred, {"units": "degree"}),
            "weight": (("unit", "unit2"), weights, {"units": "V"}),
            "rate_without_noise": (("direction", "unit"), 1 / interval, {"units": "Hz"}),
        },
        coords={"direction": ("direction", directions, {"units": "degree"})},
    )
