"""Gates joined by nets: a circuit as a value, in an order in which it can be evaluated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from neurodata4ml.errors import DesignError

KINDS = ("input", "not", "and", "or", "xor", "flipflop")
"""What drives a net. A flip-flop shows, from one cycle to the next, what its input was at the cycle's end."""

_TAKES = {"input": 0, "not": 1, "and": 2, "or": 2, "xor": 2, "flipflop": 1}


@dataclass
class Netlist:
    """A circuit that grows net by net; each net is a number, and has one gate that drives it.

    Attributes
    ----------
    kind, name, part : list of str
        Of each net: what drives it, what it is called, which part of the circuit it belongs to.
    sources : list of list of int
        The nets that the gate reads.
    """

    kind: list[str] = field(default_factory=list)
    name: list[str] = field(default_factory=list)
    part: list[str] = field(default_factory=list)
    sources: list[list[int]] = field(default_factory=list)

    def add(self, kind: str, *sources: int, name: str = "", part: str = "") -> int:
        """Add a gate and return the net that it drives; the source of a flip-flop may come later (``connect``)."""
        wanted = _TAKES[kind]
        if len(sources) != wanted and not (kind == "flipflop" and not sources):
            message = f"a gate {kind!r} reads {wanted} nets; got {len(sources)}."
            raise DesignError(message)
        self.kind.append(kind)
        self.name.append(name or f"{part}.{kind}{len(self.kind)}")
        self.part.append(part)
        self.sources.append(list(sources))
        return len(self.kind) - 1

    def connect(self, flipflop: int, source: int) -> None:
        """Give a flip-flop the net that it reads."""
        self.sources[flipflop] = [source]

    def __len__(self) -> int:
        """Return how many nets there are."""
        return len(self.kind)

    def wires(self) -> np.ndarray:
        """Return every wire as (source, target), shape (wire, 2)."""
        found = [(source, net) for net, sources in enumerate(self.sources) for source in sources]
        return np.array(found, dtype=np.int64).reshape(-1, 2)

    def levels(self) -> np.ndarray:
        """Return how many gates lie between each net and the inputs and flip-flops before it, shape (net,).

        Raises
        ------
        DesignError
            Gates that read each other in a circle without a flip-flop have no order; it names nets of the circle.
        """
        level = np.full(len(self), -1)
        for start in range(len(self)):
            self._descend(start, level)
        return level

    def _descend(self, start: int, level: np.ndarray) -> None:
        """Find the level of a net and of all that it reads, without recursion: circuits are deep."""
        waiting, open_nets = [start], set[int]()
        while waiting:
            net = waiting[-1]
            below = [] if self.kind[net] in ("input", "flipflop") else self.sources[net]
            ahead = [source for source in below if level[source] < 0]
            if level[net] >= 0 or not ahead:
                level[net] = 1 + max((level[source] for source in below), default=-1)
                open_nets.discard(waiting.pop())
                continue
            circle = [self.name[source] for source in ahead if source in open_nets]
            if circle:
                message = (
                    f"{self.name[net]} and {circle[0]} read each other through gates alone, so neither has a value. "
                    "Put a flip-flop between them."
                )
                raise DesignError(message)
            open_nets.add(net)
            waiting.extend(ahead)


def word(nets: Sequence[int], states: np.ndarray) -> np.ndarray:
    """Return the number that nets hold, the lowest bit first: states (..., net) of 0 and 1 become (...)."""
    return np.asarray((states[..., list(nets)].astype(np.int64) << np.arange(len(nets))).sum(axis=-1))
