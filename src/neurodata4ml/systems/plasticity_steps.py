"""The inner loop of a small network whose weights learn while it is recorded, compiled."""

from __future__ import annotations

from neurodata4ml.compiled import compiled


@compiled
def advance(given, drive, chance, weights, kernel, timing, spikes):  # type: ignore[no-untyped-def]
    """Run one stretch of time; return how many output spikes were written, and change ``weights`` by their timing.

    ``given`` (step, input) are the inputs' spikes (0 or 1), ``drive`` (step, output) the outputs' rate without inputs
    (per step), ``chance`` (step, output) uniform numbers. ``kernel`` holds the decay of an input's effect per step and
    what is left of it (input). ``timing`` is (rise, fall, decay of either trace per step, largest weight, traces of the
    inputs, traces of the outputs); without learning from timing rise and fall are 0. ``spikes`` takes (step, output).
    """
    decay, effect = kernel
    rise, fall, up, down, most, before, after = timing
    n_steps, n_inputs = given.shape
    n_outputs = drive.shape[1]
    found = 0
    for k in range(n_steps):
        for i in range(n_inputs):
            effect[i] *= decay
            before[i] *= up
        for j in range(n_outputs):
            after[j] *= down
        for i in range(n_inputs):
            if given[k, i]:
                effect[i] += 1.0 - decay
                if fall > 0.0:
                    for j in range(n_outputs):
                        weights[i, j] = max(0.0, weights[i, j] - fall * after[j])
        for j in range(n_outputs):
            rate = drive[k, j]
            for i in range(n_inputs):
                rate += weights[i, j] * effect[i]
            if chance[k, j] < rate:
                spikes[found, 0] = k
                spikes[found, 1] = j
                found += 1
                if rise > 0.0:
                    for i in range(n_inputs):
                        weights[i, j] = min(most, weights[i, j] + rise * before[i])
                after[j] += 1.0
        for i in range(n_inputs):
            if given[k, i]:
                before[i] += 1.0
    return found
