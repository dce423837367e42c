"""What each learning rule would have changed in a network, computed from its recording alone."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.systems.plasticity import N_INPUTS, N_OUTPUTS, PAIRS, REST, RULES, SHOWN, trial_change
from neurodata4ml.systems.spike_timing import pairwise_change


def rests(session: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return the rest before the task, and the rest after it, each as one stretch (1, 2) in s.

    Parameters
    ----------
    session : Dataset
        Of ``open_session("plasticity")``, all trials.
    """
    first, last = float(session["start_time"].min()), float(session["stop_time"].max())
    return np.array([[first - REST, first]]).clip(0), np.array([[last, last + REST]])


def predicted_changes(session: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return the change of every synapse that each rule would have made, up to a factor.

    Parameters
    ----------
    session : Dataset
        Of ``open_session("plasticity")``, or of another recording by :func:`~neurodata4ml.systems.plasticity.record`.

    Returns
    -------
    dict of rule to DataArray (unit, unit2), in units of the weight
        Inputs by outputs, for ``hebb``, ``stdp`` and ``reward``.

    Raises
    ------
    DesignError
        The session is no recording of this network.
    """
    units = session["unit"].values
    if len(units) != N_INPUTS + N_OUTPUTS or not {"stimulus", "reward"} <= set(session.coords):
        message = (
            f"predicted_changes takes a recording of plasticity.record, {N_INPUTS + N_OUTPUTS} units with stimulus and "
            f"reward on trials; got {len(units)} units."
        )
        raise DesignError(message)
    times = session["spike_times"].values
    trains = [times[a:b] for a, b in zip(session["spike_start"].values, session["spike_stop"].values, strict=True)]
    first, last = float(session["start_time"].min()), float(session["stop_time"].max())
    task = [train[(train > first) & (train < last)] for train in trains]
    columns = [session[name].values for name in ("start_time", "stimulus", "reward")]
    labels = {"unit": units[:N_INPUTS], "unit2": units[N_INPUTS:]}
    return {
        rule: xr.DataArray(predicted_change(rule, task, *columns), dims=("unit", "unit2"), coords=labels)
        for rule in RULES[1:]
    }


def predicted_change(
    rule: str, spike_times: list[np.ndarray], start: np.ndarray, stimulus: np.ndarray, reward: np.ndarray
) -> np.ndarray:
    """Change of every synapse that a rule would have made, from the recording alone.

    Parameters
    ----------
    rule : {"hebb", "stdp", "reward"}
    spike_times : list of ndarray, s
        Inputs first, then outputs.
    start : ndarray (trial,), s
    stimulus, reward : ndarray (trial,)

    Returns
    -------
    ndarray (input, output), in units of the weight
        Without the limits of the weights, which a recording does not tell.
    """
    senders, receivers = spike_times[:N_INPUTS], spike_times[N_INPUTS:]
    if rule == "stdp":
        return np.array([[pairwise_change(a, b, PAIRS) for b in receivers] for a in senders])
    counts = np.array([np.searchsorted(t, start + SHOWN) - np.searchsorted(t, start) for t in spike_times]).T
    usual = xr.DataArray(counts, dims=("trial", "unit")).groupby(xr.DataArray(stimulus, dims="trial", name="s")).mean()
    total = np.zeros((N_INPUTS, N_OUTPUTS))
    expected = 0.5
    for own, shown, won in zip(counts, stimulus, reward, strict=True):
        of_stimulus = usual.sel(s=shown).values[N_INPUTS:]
        total += trial_change(rule, own[:N_INPUTS], own[N_INPUTS:], of_stimulus, won - expected)
        expected += (won - expected) / 20
    return total
