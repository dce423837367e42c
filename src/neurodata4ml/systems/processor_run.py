"""Run copies of the processor side by side, each with its own program, memory and fault, and look at every net."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.systems.gate_steps import advance
from neurodata4ml.systems.netlist import KINDS, Netlist, word
from neurodata4ml.systems.processor_wiring import Wiring, processor


@dataclass(frozen=True)
class Fault:
    """One net that is stuck: it shows ``stuck``, 0 or 1, whatever its gate says."""

    net: int
    stuck: int


@dataclass(frozen=True)
class Run:
    """What copies of the processor did.

    Attributes
    ----------
    states : ndarray (cycle, net, copy) of uint8
        Every net at the end of every cycle; no cycles where they were not asked for.
    final : ndarray (net, copy) of uint8
        After the last cycle.
    """

    states: np.ndarray
    final: np.ndarray

    def register(self, name: str) -> np.ndarray:
        """Return the number in a register after the last cycle, shape (copy,)."""
        return word(_nets(name), self.final.T)

    def cell(self, number: int) -> np.ndarray:
        """Return the number in a cell of the memory after the last cycle, shape (copy,)."""
        return word(processor().memory[number], self.final.T)

    def course(self, name: str) -> np.ndarray:
        """Return the number in a register in every cycle, shape (cycle, copy)."""
        return word(_nets(name), self.states.transpose(0, 2, 1))


def run(
    programs: Sequence[bytes],
    memories: np.ndarray,
    *,
    faults: Sequence[Fault | Sequence[Fault] | None] | None = None,
    n_cycles: int,
    keep: bool = False,
    wiring: Wiring | None = None,
) -> Run:
    """Run one copy of the processor for each program, all from rest, with this in their memory.

    Parameters
    ----------
    programs : sequence of bytes, one per copy
        From ``assemble``.
    memories : ndarray (copy, cell), 0 to 255
    faults : sequence of Fault, several of them, or None, one per copy, optional
    n_cycles : int
        Two for each instruction.
    keep : bool
        Whether the states of all cycles are kept: a byte for each cycle, net and copy.
    wiring : Wiring, optional
        The processor; another one to try what a cut wire does.

    Returns
    -------
    Run

    Raises
    ------
    DesignError
        Programs, memories and faults are not as many; a fault in a net that does not exist; no cycle.
    """
    wiring = wiring or processor()
    memories = np.atleast_2d(memories)
    n_copies = len(programs)
    faults = [None] * n_copies if faults is None else faults
    if not n_copies == len(memories) == len(faults) or n_copies == 0 or n_cycles < 1:
        message = (
            f"run takes as many memories and faults as programs, and cycles; got {n_copies} programs, "
            f"{len(memories)} memories, {len(faults)} faults, n_cycles={n_cycles}."
        )
        raise DesignError(message)
    n_words = -(-n_copies // 64)
    state = np.zeros((len(wiring.nets), n_words), np.uint64)
    masks = _masks(faults, len(wiring.nets), n_words)
    for cell, nets in enumerate(wiring.memory):
        for bit, net in enumerate(nets):
            state[net] = _packed(memories[:, cell] >> bit & 1, n_words)
    state[:] = (state & masks[0]) | masks[1]
    different = list(dict.fromkeys(programs))
    codes = np.array([list(program) for program in different], dtype=np.int64)
    which = np.array([different.index(program) for program in programs])
    memory = (codes, which, np.array(wiring.registers["PC"]), np.array(wiring.fetched))
    history = np.zeros((n_cycles, len(wiring.nets) if keep else 0, n_words), np.uint64)
    advance(*ordered(wiring.nets), masks, memory, state, history)
    return Run(_unpacked(history, n_copies), _unpacked(state, n_copies))


def ordered(nets: Netlist) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Return the gates (kind, net, sources) in an order of evaluation, and the flip-flops (net, source)."""
    level = nets.levels()
    order = [net for net in np.argsort(level, kind="stable").tolist() if nets.kind[net] not in ("input", "flipflop")]
    rows = [(KINDS.index(nets.kind[n]), n, nets.sources[n][0], nets.sources[n][-1]) for n in order]
    pairs = [(n, nets.sources[n][0]) for n, kind in enumerate(nets.kind) if kind == "flipflop"]
    return tuple(np.array(rows, dtype=np.int64).T.copy()), tuple(np.array(pairs, dtype=np.int64).T.copy())


@cache
def _nets(register: str) -> tuple[int, ...]:
    known = processor().registers
    if register not in known:
        message = f"there is no register {register!r}; they are {', '.join(known)}."
        raise DesignError(message)
    return known[register]


def _masks(
    faults: Sequence[Fault | Sequence[Fault] | None], n_nets: int, n_words: int
) -> tuple[np.ndarray, np.ndarray]:
    keep, put = np.full((n_nets, n_words), ~np.uint64(0)), np.zeros((n_nets, n_words), np.uint64)
    for copy, of_copy in enumerate(faults):
        for fault in [of_copy] if isinstance(of_copy, Fault) else of_copy or ():
            if not 0 <= fault.net < n_nets or fault.stuck not in (0, 1):
                message = f"a fault is a net, 0 to {n_nets - 1}, stuck at 0 or 1; got {fault}."
                raise DesignError(message)
            bit = np.uint64(1) << np.uint64(copy % 64)
            keep[fault.net, copy // 64] &= ~bit
            if fault.stuck:
                put[fault.net, copy // 64] |= bit
    return keep, put


def _packed(bits: np.ndarray, n_words: int) -> np.ndarray:
    padded = np.zeros(n_words * 64, np.uint8)
    padded[: len(bits)] = bits
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def _unpacked(words: np.ndarray, n_copies: int) -> np.ndarray:
    as_bytes = np.ascontiguousarray(words.astype("<u8")).view(np.uint8)
    return np.unpackbits(as_bytes, axis=-1, bitorder="little")[..., :n_copies]
