"""One unit learns to fire at given times, by SuperSpike (Zenke & Ganguli 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import signal

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.systems.surrogate import BETA, smooth_spike, surrogate
from neurodata4ml.systems.van_rossum import van_rossum_distance

STEP = 0.0005
"""Seconds."""

TAU_MEMBRANE, TAU_SYNAPSE = 0.01, 0.005
"""Seconds over which the membrane, and a synapse's current, decay."""

TAU_RISE, TAU_DECAY = 0.005, 0.01
"""Seconds: of the kernel through which spikes are compared."""

START, SLOWS = 0.5, 200
"""The mean membrane before learning, in thresholds; epochs after which the learning rate has halved."""

FORGETS = 0.9995
"""By which the largest squared gradient fades from one epoch to the next (RMaxProp)."""


@dataclass(frozen=True)
class Learnt:
    """How a unit learnt a pattern.

    Attributes
    ----------
    weights : ndarray (input,)
    spike_times : list of ndarray
        Seconds, in each epoch.
    distance : ndarray (epoch,)
        Van Rossum distance from the target.
    """

    weights: np.ndarray
    spike_times: list[np.ndarray]
    distance: np.ndarray


def frozen_noise(*, n_inputs: int = 100, rate: float = 10.0, duration: float = 0.5, seed: int = 0) -> np.ndarray:
    """Draw Poisson spikes of many inputs, the same in every epoch: ndarray (step, input) of 0 and 1."""
    require_whole(n_inputs, "n_inputs", least=1)
    rng = np.random.default_rng(seed)
    return (rng.random((round(duration / STEP), n_inputs)) < rate * STEP).astype(float)


def learn_pattern(
    inputs: np.ndarray, target: np.ndarray, *, n_epochs: int = 600, rate: float = 0.02, seed: int = 0
) -> Learnt:
    """Change the weights of one leaky integrate-and-fire unit until it fires at the times of ``target``.

    The loss is ``1/2 integral of (alpha * (S_target - S))^2``; the weight of input ``j`` moves by

        dw_j = r integral of [alpha * (S_target - S)] [alpha * (sigma'(U) (eps * S_j))] dt

    with ``sigma'`` the surrogate derivative, ``eps`` the postsynaptic potential, ``alpha`` a double exponential (Zenke
    & Ganguli 2018, eq. 2.8). ``r`` is divided by the root of the largest squared gradient so far, which fades
    (RMaxProp, eq. 2.10).

    Parameters
    ----------
    inputs : ndarray (step, input)
        Spikes, 0 or 1, in steps of ``STEP``.
    target : ndarray, s
        When the unit should fire.
    n_epochs, seed : int
    rate : float

    Returns
    -------
    Learnt

    Raises
    ------
    DesignError
        Inputs without steps; a target outside of them.
    """
    require_whole(n_epochs, "n_epochs", least=1)
    require_whole(seed, "seed", least=0)
    inputs, target = np.asarray(inputs, dtype=float), np.asarray(target, dtype=float)
    if inputs.ndim != 2 or inputs.size == 0 or not np.isfinite(inputs).all():
        message = f"learn_pattern takes input spikes (step, input); got shape {inputs.shape}."
        raise DesignError(message)
    if not ((target >= 0) & (target < len(inputs) * STEP)).all():
        message = f"the target must lie within the inputs' {len(inputs) * STEP:g} s; got {target.tolist()}."
        raise DesignError(message)
    wanted = np.zeros(len(inputs))
    np.add.at(wanted, (target / STEP).astype(int), 1)
    evoked = potentials(inputs)
    rng = np.random.default_rng(seed)
    weights = rng.normal(0.1, 0.1, inputs.shape[1]) * START / evoked.sum(axis=1).mean() / 0.1
    largest = np.zeros(len(weights))
    found, distances = [], []
    for epoch in range(n_epochs):
        membrane, fired = run_unit(weights, evoked)
        times = np.flatnonzero(fired) * STEP
        found.append(times)
        distances.append(van_rossum_distance(times, np.flatnonzero(wanted) * STEP))
        change = superspike_change(membrane, fired, wanted, evoked)
        largest = np.maximum(FORGETS * largest, change**2)
        slower = 1 / (1 + epoch / SLOWS)
        weights = weights + rate * slower * change / np.sqrt(np.where(largest > 0, largest, 1))
    return Learnt(weights, found, np.array(distances))


def potentials(inputs: np.ndarray) -> np.ndarray:
    """Return what each input's spikes do to the membrane, ``eps * S_j``: (step, input), peak 1 for one spike."""
    kernel = _double_exponential(TAU_SYNAPSE, TAU_MEMBRANE, len(inputs))
    return np.asarray(signal.fftconvolve(inputs, kernel[:, None] / kernel.max(), axes=0)[: len(inputs)])


def run_unit(weights: np.ndarray, evoked: np.ndarray, *, smooth: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Run the unit: its membrane (step,), threshold 1, and its spikes (step,).

    After a spike one threshold is taken from the membrane, and decays with it. With ``smooth`` it never fires: its
    output is the function whose derivative is the surrogate.
    """
    driven = evoked @ weights
    if smooth:
        return driven, smooth_spike(driven)
    decay = float(np.exp(-STEP / TAU_MEMBRANE))
    lowered, membrane, fired = 0.0, np.empty(len(driven)), np.zeros(len(driven))
    for k, v in enumerate(driven.tolist()):
        lowered *= decay
        membrane[k] = v - lowered
        if membrane[k] >= 1:
            fired[k] = 1
            lowered += 1
    return membrane, fired


def superspike_change(
    membrane: np.ndarray, fired: np.ndarray, wanted: np.ndarray, evoked: np.ndarray, *, beta: float = BETA
) -> np.ndarray:
    """Return how the weights should change, (input,): minus the gradient of :func:`loss` where outputs are smooth."""
    error = compared(wanted - fired)
    eligible = compared(surrogate(membrane, beta=beta)[:, None] * evoked)
    return np.asarray(error @ eligible * STEP)


def loss(fired: np.ndarray, wanted: np.ndarray) -> float:
    """Half the integral of the squared difference of two trains, seen through the kernel ``alpha``."""
    return float(0.5 * (compared(wanted - fired) ** 2).sum() * STEP)


def compared(trains: np.ndarray) -> np.ndarray:
    """Return trains (step,) or (step, ...) seen through the double exponential ``alpha``."""
    up, down = (float(np.exp(-STEP / tau)) for tau in (TAU_RISE, TAU_DECAY))
    return np.asarray(signal.lfilter([0.0, down - up], np.convolve([1, -up], [1, -down]), trains, axis=0))


def _double_exponential(rise: float, decay: float, n_steps: int) -> np.ndarray:
    time = np.arange(min(n_steps, round(10 * decay / STEP))) * STEP
    return np.asarray(np.exp(-time / decay) - np.exp(-time / rise))
