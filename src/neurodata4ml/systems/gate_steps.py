"""The inner loop of a circuit, compiled: 64 copies in each machine word, every net of every copy in every cycle."""

from __future__ import annotations

import numpy as np

from neurodata4ml.compiled import compiled


@compiled
def advance(gates, flipflops, faults, memory, state, history):  # type: ignore[no-untyped-def]
    """Run a circuit that fetches instructions; ``state`` (net, word) is changed, ``history`` (cycle, net, word) kept.

    ``gates`` are (kind, net, first source, second source), in their order of evaluation, with kind 1 not, 2 and, 3 or,
    4 xor. ``flipflops`` are (net, source). ``faults`` are (keep, set), each (net, word): bits that a fault clears, and
    bits that it sets. ``memory`` is (programs (program, address), program of each copy, nets of the address, nets of
    the instruction). Of ``history`` every cycle is kept where it has that many.
    """
    kind, out, one, other = gates
    q, d = flipflops
    keep, put = faults
    programs, which, address, instruction = memory
    n_words = state.shape[1]
    n_cycles = history.shape[0]
    latched = np.empty((q.size, n_words), np.uint64)
    unit = np.uint64(1)
    for cycle in range(n_cycles):
        for n in range(instruction.size):
            for w in range(n_words):
                state[instruction[n], w] = np.uint64(0)
        for copy in range(which.size):
            w, bit = copy >> 6, np.uint64(copy & 63)
            place = 0
            for n in range(address.size):
                place |= int((state[address[n], w] >> bit) & unit) << n
            code = programs[which[copy], place]
            for n in range(instruction.size):
                if (code >> n) & 1:
                    state[instruction[n], w] |= unit << bit
        for n in range(instruction.size):
            for w in range(n_words):
                net = instruction[n]
                state[net, w] = (state[net, w] & keep[net, w]) | put[net, w]
        for g in range(out.size):
            net, a, b = out[g], one[g], other[g]
            for w in range(n_words):
                if kind[g] == 1:
                    value = ~state[a, w]
                elif kind[g] == 2:
                    value = state[a, w] & state[b, w]
                elif kind[g] == 3:
                    value = state[a, w] | state[b, w]
                else:
                    value = state[a, w] ^ state[b, w]
                state[net, w] = (value & keep[net, w]) | put[net, w]
        if history.shape[1]:
            history[cycle] = state
        for f in range(q.size):
            for w in range(n_words):
                latched[f, w] = state[d[f], w]
        for f in range(q.size):
            for w in range(n_words):
                state[q[f], w] = (latched[f, w] & keep[q[f], w]) | put[q[f], w]
