"""Recordings whose maker the reader is to find out."""

from __future__ import annotations

import xarray as xr

from neurodata4ml.require import require_whole
from neurodata4ml.simulation import Simulation
from neurodata4ml.systems import plasticity, processor

_RULES = (3, 1, 0, 2)
_PROGRAM, _INPUTS = "divisor", (21, 14)


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
