"""The inner loop of leaky integrate-and-fire units, compiled: exact between spikes for current constant in a step."""

from __future__ import annotations

import math

from neurodata4ml.compiled import compiled


@compiled
def advance(current, noise, neurons, weights, state, step, spikes):  # type: ignore[no-untyped-def]
    """Advance all units by the steps of ``current`` (step, unit); return how many spikes were written.

    ``noise`` (step, unit) comes onto the membrane at the end of a step. ``neurons`` are arrays (unit): tau, resistance,
    threshold, reset, refractory. ``state`` holds, and keeps, the voltage (unit), the rest of the refractory period
    (unit), jumps that are on their way (delay, unit) and the number of the first step (1). ``spikes`` takes unit, and
    seconds from the start. ``voltage`` (step, unit), at the end of each step, is the last of ``state``.
    """
    tau, resistance, threshold, reset, refractory = neurons
    v, wait, coming, first, voltage = state
    who, when = spikes
    n_steps, n_units = current.shape
    n_delay = coming.shape[0]
    found = 0
    for k in range(n_steps):
        start = (first[0] + k) * step
        slot = (first[0] + k) % n_delay
        for i in range(n_units):
            jump = coming[slot, i]
            coming[slot, i] = 0.0
            if wait[i] >= step:
                wait[i] -= step
                voltage[k, i] = v[i]
                continue
            if wait[i] == 0.0:
                v[i] += jump
            begin = wait[i]
            wait[i] = 0.0
            limit = resistance[i] * current[k, i]
            free = step - begin
            crossed = -1.0
            if v[i] >= threshold[i]:
                crossed = begin
            else:
                after = limit + (v[i] - limit) * math.exp(-free / tau[i])
                if after >= threshold[i]:
                    crossed = begin - tau[i] * math.log((threshold[i] - limit) / (v[i] - limit))
                else:
                    v[i] = after + noise[k, i]
                    if v[i] >= threshold[i]:
                        crossed = step
            if crossed >= 0.0:
                who[found] = i
                when[found] = start + crossed
                found += 1
                v[i] = reset[i]
                wait[i] = refractory[i] - (step - crossed)
                for j in range(n_units):
                    if weights[i, j] != 0.0:
                        coming[(slot + n_delay - 1) % n_delay, j] += weights[i, j]
            voltage[k, i] = v[i]
    first[0] += n_steps
    return found
