"""A spiking network that learnt to read digits, recorded while it reads others."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.require import require_whole
from neurodata4ml.simulation import Simulation
from neurodata4ml.systems.spiking_digits import N_HIDDEN, N_STEPS, N_TEST, accuracy, digits, latencies, train_spiking
from neurodata4ml.systems.spiking_layers import Weights, forward, initial_weights

STEP, PAUSE = 0.002, 0.04
"""Seconds: of a step of the network; between two digits."""


def record(*, seed: int = 0, trained: bool = True, n_trials: int = 200) -> Simulation:
    """Record inputs and hidden units of a network that was trained by surrogate gradients (Zenke & Ganguli 2018).

    It sees digits that it did not learn from, each pixel one spike, the brighter the earlier. Membranes begin anew
    with every digit.

    Parameters
    ----------
    seed : int
        Of the digits left out, the weights at the start, and the order of learning.
    trained : bool
        False: the network before it learnt.
    n_trials : int

    Returns
    -------
    Simulation
        ``stimulus`` is the digit; trials have its ``choice`` and ``is_right``. Areas are ``input``, ``hidden``.
        Truth: ``weight`` (unit, unit2) from inputs to hidden units, ``readout`` (unit, digit), ``brightness`` (trial,
        pixel), and in ``attrs`` the ``accuracy`` on all digits left out.
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_trials, "n_trials", least=10, most=N_TEST)
    known = digits(seed=seed)
    weights = train_spiking(seed=seed).weights if trained else initial_weights(64, N_HIDDEN, 10, seed=seed)
    x = latencies(known.test[:n_trials])
    done = forward(x, weights)
    choice = done.evidence.argmax(axis=1)
    label = known.test_label[:n_trials]
    start = PAUSE + np.arange(n_trials) * (N_STEPS * STEP + PAUSE)
    return Simulation(
        system="superspike",
        description=f"A spiking network that reads digits, {'after' if trained else 'before'} it learnt to.",
        seed=seed,
        units={"area": np.repeat(["input", "hidden"], [x.shape[2], N_HIDDEN])},
        spike_times=_times(np.concatenate([x, done.spikes], axis=2), start),
        trials={
            "start_time": start,
            "stop_time": start + N_STEPS * STEP,
            "stimulus": label.astype(int),
            "choice": choice,
            "is_right": choice == label,
        },
        truth=_truth(weights, known.test[:n_trials], accuracy(weights, latencies(known.test), known.test_label)),
        stop=float(start[-1] + N_STEPS * STEP + PAUSE),
    )


def _times(spikes: np.ndarray, start: np.ndarray) -> list[np.ndarray]:
    """Return the spikes (step, sample, unit) as times in s, each in the middle of its step."""
    found = []
    for unit in range(spikes.shape[2]):
        trial, step = np.nonzero(spikes[:, :, unit].T)
        found.append(start[trial] + (step + 0.5) * STEP)
    return found


def _truth(weights: Weights, shown: np.ndarray, reached: float) -> xr.Dataset:
    n_inputs, n_hidden = weights.hidden.shape
    whole = np.zeros((n_inputs + n_hidden,) * 2)
    whole[:n_inputs, n_inputs:] = weights.hidden
    readout = np.vstack([np.zeros((n_inputs, 10)), weights.output])
    return xr.Dataset(
        {
            "weight": (("unit", "unit2"), whole, {"units": "1"}),
            "readout": (("unit", "digit"), readout, {"units": "1"}),
            "brightness": (("trial", "pixel"), shown, {"units": "1"}),
        },
        coords={"digit": np.arange(10)},
        attrs={"accuracy": reached},
    )
