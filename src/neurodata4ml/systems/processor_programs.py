"""What the processor can do: programs with inputs drawn at random, and the answer told by Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from neurodata4ml.systems.assembler import Machine, assemble

_SWAP = """
    lda {j}
    ldb {i}
    sub
    jc in_order{n}
    lda {i}
    sta 15
    lda {j}
    sta {i}
    lda 15
    sta {j}
in_order{n}:"""


@dataclass(frozen=True)
class Program:
    """A program, what it is given, and what it should find.

    Attributes
    ----------
    source : str
        For ``assemble``; the inputs lie in the first cells.
    limits : tuple of (int, int)
        Of each input: the lowest number, and the highest.
    answers : tuple of int
        Cells in which the results lie afterwards.
    right : callable
        Takes the inputs, returns the results.
    """

    source: str
    limits: tuple[tuple[int, int], ...]
    answers: tuple[int, ...]
    right: Callable[..., tuple[int, ...]]

    @cached_property
    def code(self) -> bytes:
        """The bytes of the program."""
        return assemble(self.source)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return memories (n, cell) with inputs drawn evenly within their limits."""
        memories = np.zeros((n, 16), np.int64)
        for cell, (low, high) in enumerate(self.limits):
            memories[:, cell] = rng.integers(low, high, n, endpoint=True)
        return memories

    def results(self, memory: np.ndarray) -> tuple[int, ...]:
        """Return what should be found, for the inputs of a memory (cell,)."""
        return self.right(*(int(one) for one in memory[: len(self.limits)]))

    def n_steps(self, memory: np.ndarray) -> int:
        """Return the instructions until the program halts."""
        machine = Machine(memory=[int(one) for one in memory])
        steps = 0
        while not machine.stopped:
            machine.step(self.code)
            steps += 1
        return steps


def _fibonacci(n: int) -> tuple[int]:
    a, b = 0, 1
    for _ in range(n):
        a, b = b, (a + b) % 256
    return (a,)


PROGRAMS: dict[str, Program] = {
    "multiply": Program(
        """
        loop: lda 1        # what is left of the second factor
              jz done
              shr
              sta 1
              jc add       # its lowest bit was one
        next: lda 0        # twice the first factor
              tab
              add
              sta 0
              jmp loop
        add:  lda 2
              ldb 0
              add
              sta 2
              jmp next
        done: lda 2
              out
              halt
        """,
        limits=((0, 255), (0, 255)),
        answers=(2,),
        right=lambda x, y: (x * y % 256,),
    ),
    "divisor": Program(
        """
        loop:  lda 0
               ldb 1
               sub
               jz done
               jc above    # the first is the larger
               lda 1
               ldb 0
               sub
               sta 1
               jmp loop
        above: sta 0
               jmp loop
        done:  lda 0
               out
               halt
        """,
        limits=((1, 40), (1, 40)),
        answers=(0,),
        right=lambda x, y: (math.gcd(x, y),),
    ),
    "sort": Program(
        "".join(_SWAP.format(i=i, j=j, n=n) for n, (i, j) in enumerate([(0, 1), (2, 3), (0, 2), (1, 3), (1, 2)]))
        + "\nlda 0\nout\nhalt",
        limits=((0, 255),) * 4,
        answers=(0, 1, 2, 3),
        right=lambda *x: tuple(sorted(x)),
    ),
    "fibonacci": Program(
        """
              clr
              sta 1
              inc
              sta 2
        loop: lda 0
              jz done
              dec
              sta 0
              lda 1
              ldb 2
              add
              sta 3
              lda 2
              sta 1
              lda 3
              sta 2
              jmp loop
        done: lda 1
              out
              halt
        """,
        limits=((0, 12),),
        answers=(1,),
        right=_fibonacci,
    ),
    "logic": Program(
        """
        lda 0
        ldb 1
        and
        sta 2
        lda 0
        or
        sta 3
        lda 2
        ldb 3
        xor
        sta 2
        out
        halt
        """,
        limits=((0, 255), (0, 255)),
        answers=(2,),
        right=lambda x, y: (x ^ y,),
    ),
}
"""Name -> program: products, common divisors, order, a series, and bits."""
