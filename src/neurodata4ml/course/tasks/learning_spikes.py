"""Tasks of notebook 09: spiking networks that learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.course.answers import Off, function, is_near, number
from neurodata4ml.course.task import Task
from neurodata4ml.systems.pattern_learning import Learnt
from neurodata4ml.systems.surrogate import smooth_spike, surrogate


def surrogate_slope(answer: Any) -> str:
    """The surrogate derivative, as a function of the potential and beta."""
    slope = function(answer, "your slope")
    potential = np.array([0.2, 0.9, 1.0, 1.1, 1.7])
    found = np.asarray(slope(potential.copy(), 4.0), dtype=float)
    if found.shape != potential.shape:
        message = f"your slope gives shape {found.shape} for five potentials; it should give one number for each."
        raise Off(message)
    if is_near(found, surrogate(potential, beta=4.0), within=1e-9):
        return "largest at the threshold, and never zero: a unit that nearly fired can still learn."
    above = 4.0 * np.abs(potential - 1)
    if is_near(found, 1 / (1 + above), within=1e-9):
        message = "the square is missing: it falls too slowly away from the threshold."
        raise Off(message)
    if is_near(found, 1 / (1 + 4.0 * (potential - 1)) ** 2, within=1e-9):
        message = "below the threshold it should fall as well: what of the sign of U - 1?"
        raise Off(message)
    if is_near(found, 1 / (1 + 4.0 * np.abs(potential)) ** 2, within=1e-9):
        message = "it is largest at 0; the threshold is 1."
        raise Off(message)
    if is_near(found, smooth_spike(potential, beta=4.0), within=1e-9):
        message = "this is the smooth output itself; its slope is asked for."
        raise Off(message)
    message = f"at the threshold this gives {found[2]:.3g}, and {found[3]:.3g} a tenth above it; check the formula."
    raise Off(message)


def share_fallen(answer: Any, *, learnt: Learnt) -> str:
    """By which share the distance fell, to the mean of the last 20 epochs."""
    found = number(answer, "the share")
    first, last = learnt.distance[0], learnt.distance[-20:].mean()
    right = float(1 - last / first)
    if is_near(found, right, within=0.005):
        return f"{right:.0%} of the way, from a unit that was silent: no spike was ever told where to go."
    if is_near(found, last / first, within=0.005):
        message = "this is what is left of the distance; by which share did it fall?"
        raise Off(message)
    if is_near(found, 100 * right, within=0.5):
        message = "this is in percent; give the share, between 0 and 1."
        raise Off(message)
    if is_near(found, first - last, within=0.005):
        message = "this is by how much it fell, in spikes; as a share of the distance at the beginning?"
        raise Off(message)
    if is_near(found, 1 - learnt.distance.min() / first, within=0.002):
        message = "this takes the best epoch, chosen afterwards; the task asks for the mean of the last 20."
        raise Off(message)
    message = f"{found:.3f} is not the share: compare the mean of the last 20 epochs with the first."
    raise Off(message)


def owed_to_learning(answer: Any, *, trained: xr.DataArray, untrained: xr.DataArray) -> str:
    """Balanced accuracy of the digit from hidden counts, trained less untrained."""
    found = number(answer, "the difference")
    after, before = (float(decode(x, n_shuffles=0).score) for x in (trained, untrained))
    if is_near(found, after - before, within=0.03):
        return f"{after - before:.2f}: a layer that learnt nothing gives {before:.2f}, for random features keep much."
    if is_near(found, before - after, within=0.03):
        message = "this is untrained less trained."
        raise Off(message)
    if is_near(found, after - 0.1, within=0.03):
        message = "this is how far the trained one lies above chance; what does the untrained one reach?"
        raise Off(message)
    if is_near(found, after, within=0.03) or is_near(found, before, within=0.03):
        message = "this is one of the two scores; the task asks for their difference."
        raise Off(message)
    message = f"{found:.2f} is not the difference of both scores: decode(x, n_shuffles=0).score of each, hidden units."
    raise Off(message)


def energy_ratio(answer: Any, *, energies: Mapping[str, float]) -> str:
    """Energy of an answer of the spiking network, leaks included, over that of its dense twin."""
    found = number(answer, "the ratio")
    whole, spikes, dense = (energies[name] for name in ("spikes_and_leaks", "spikes", "dense"))
    if is_near(found, whole / dense, within=0.01):
        verdict = "saves nothing here" if whole > dense else "saves energy here"
        return f"{whole / dense:.2f}: with what it costs to keep time counted, spiking {verdict}."
    if is_near(found, spikes / dense, within=0.01):
        message = "the leaks are left out: every unit's current and membrane decay in every step, spike or no spike."
        raise Off(message)
    if is_near(found, dense / whole, within=0.01):
        message = "this is dense over spiking."
        raise Off(message)
    if is_near(found, (whole - dense) * 1e9, within=0.01):
        message = "this is a difference in nJ; the task asks for a ratio."
        raise Off(message)
    message = f"{found:.3g} is not the ratio of spikes_and_leaks to dense."
    raise Off(message)


TASKS: dict[str, Task] = {
    "09-1A": Task("A function of (potential, beta) that gives the surrogate derivative.", surrogate_slope),
    "09-2A": Task("The share by which the distance fell from the first epoch to the last 20.", share_fallen),
    "09-3A": Task("Trained less untrained: the score of reading the digit from hidden units.", owed_to_learning),
    "09-4A": Task("Energy of the spiking network, leaks included, over that of its dense twin.", energy_ratio),
}
