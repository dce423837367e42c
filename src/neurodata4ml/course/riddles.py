"""Recordings whose maker the reader is to find out."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.require import require_whole
from neurodata4ml.simulation import Simulation
from neurodata4ml.systems import lif, nothing, plasticity, processor
from neurodata4ml.systems.lif_theory import Neuron

_RULES = (3, 1, 0, 2)
_PROGRAM, _INPUTS = "divisor", (21, 14)
_TRUE_SUSPECT = 1


def unknown_rule(number: int) -> Simulation:
    """Return a recording of a network that learns, or does not: which rule was it?

    Parameters
    ----------
    number : int
        0 to 3; each is another rule, and they come in no order.
    """
    require_whole(number, "number", least=0, most=3)
    return plasticity.record(seed=40 + number, rule=plasticity.RULES[_RULES[number]])


def rule_of(number: int) -> str:
    """Return the rule behind :func:`unknown_rule`: what the check asks."""
    return plasticity.RULES[_RULES[number]]


def patched_cell(*, seconds: float = 6.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what an electrode inside one cell saw: injected current, membrane, spikes.

    The current is frozen noise, new every ten milliseconds.

    Returns
    -------
    current, voltage : ndarray (step,), A and V
        In steps of ``neurodata4ml.systems.lif.STEP``.
    spike_times : ndarray, s
    """
    rng = np.random.default_rng(17)
    per_level = round(0.01 / lif.STEP)
    current = 2.2e-10 + 1.2e-10 * np.repeat(rng.standard_normal(round(seconds / 0.01)), per_level)
    spikes, voltage = lif.simulate_lif(current, cell())
    return current, voltage[:, 0], spikes[0]


def cell() -> Neuron:
    """Return the cell behind :func:`patched_cell`: what a fit should find."""
    return Neuron(tau=0.014, resistance=9e7, threshold=0.016, reset=0.0, refractory=0.003)


def unknown_run() -> xr.Dataset:
    """Return what the registers of the processor did while it ran a program: which one, is the question.

    Returns
    -------
    Dataset
        As :func:`neurodata4ml.systems.processor.trace` gives it, ``register`` (time, name) alone.
    """
    return processor.trace(_PROGRAM, _INPUTS)[["register"]]


def program_of_run() -> str:
    """Return the program behind :func:`unknown_run`."""
    return _PROGRAM


def suspects() -> list[xr.DataArray]:
    """Return four recordings whose labels can be decoded, as four colleagues say; in three there is nothing.

    Returns
    -------
    list of DataArray, dims (trial, unit), unitless
        Each with ``label`` of trials, and whatever else is known of them: ``stimulus``, ``block``, ``start_time`` (s).
    """
    images = nothing.images_without_classes(2, 20, 12, 60, seed=5).rename(category="label")
    drift = nothing.drift_in_blocks(seed=6)
    unequal = nothing.unequal_classes(300, 20, share=0.15, seed=7)
    real = nothing.many_units(240, 50, seed=8)
    real = real.copy(data=real.values + nothing.slow_noise(240, 50, 0.95, np.random.default_rng(9)))
    real[:, :6] += 0.9 * real["label"]
    found = [images, drift, unequal]
    found.insert(_TRUE_SUSPECT, real.assign_coords(start_time=("trial", np.arange(240.0))))
    return found


def true_suspect() -> int:
    """Return which of :func:`suspects` has a signal."""
    return _TRUE_SUSPECT
