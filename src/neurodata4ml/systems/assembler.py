"""Programs for the processor: from words to bytes, and what they do, told without a single gate."""

from __future__ import annotations

from dataclasses import dataclass, field

from neurodata4ml.errors import DesignError
from neurodata4ml.suggest import did_you_mean
from neurodata4ml.systems.processor_wiring import N_ADDRESS, N_CELLS, OPERATIONS

JUMPS = {"jmp": 0b01, "jz": 0b10, "jc": 0b11}
MOVES = {"lda": 0b0000, "ldb": 0b0001, "sta": 0b0010}


def assemble(source: str) -> bytes:
    """Turn a program into bytes: one instruction a line, ``name:`` before the line that a jump goes to.

    Parameters
    ----------
    source : str
        ``lda 3`` (A takes cell 3), ``ldb``, ``sta``; ``jmp name``, ``jz`` (if the last result was zero), ``jc`` (if
        there was a carry; after ``sub``: if A was not below B); ``add``, ``sub``, ``and``, ``or``, ``xor`` (A with B),
        ``shr``, ``inc``, ``dec``, ``clr``, ``tab`` (B takes A), ``out``, ``nop``, ``halt``.

    Returns
    -------
    bytes, 64 of them, the rest filled with ``halt``

    Raises
    ------
    DesignError
        It names the line and what is wrong with it.
    """
    lines = [line.split("#")[0].replace(":", ": ").split() for line in source.splitlines()]
    labels: dict[str, int] = {}
    code: list[tuple[int, list[str]]] = []
    for number, words in enumerate(lines, 1):
        while words and words[0].endswith(":"):
            labels[words.pop(0)[:-1]] = len(code)
        if words:
            code.append((number, words))
    if len(code) >= 2**N_ADDRESS:
        message = f"the program has {len(code)} instructions; an address reaches {2**N_ADDRESS - 1}."
        raise DesignError(message)
    found = [_byte(words, labels, number) for number, words in code]
    return bytes(found + [0b00110000 | OPERATIONS.index("halt")] * (2**N_ADDRESS - len(found)))


@dataclass
class Machine:
    """The processor as its programmer sees it: what every instruction does to registers, flags and memory."""

    memory: list[int] = field(default_factory=lambda: [0] * N_CELLS)
    a: int = 0
    b: int = 0
    pc: int = 0
    out: int = 0
    zero: bool = False
    carry: bool = False
    stopped: bool = False

    def step(self, program: bytes) -> None:
        """Carry out one instruction."""
        if self.stopped:
            return
        code = program[self.pc]
        self.pc = (self.pc + 1) % 2**N_ADDRESS
        if code >> 6:
            goes = {0b01: True, 0b10: self.zero, 0b11: self.carry}[code >> 6]
            self.pc = code & 0b111111 if goes else self.pc
        elif code >> 4 == MOVES["lda"]:
            self.a = self.memory[code & 15]
            self.zero = self.a == 0
        elif code >> 4 == MOVES["ldb"]:
            self.b = self.memory[code & 15]
        elif code >> 4 == MOVES["sta"]:
            self.memory[code & 15] = self.a
        elif code & 15 < len(OPERATIONS):
            self._operate(OPERATIONS[code & 15])

    def _operate(self, name: str) -> None:
        if name == "tab":
            self.b = self.a
        elif name == "out":
            self.out = self.a
        elif name == "halt":
            self.stopped = True
        elif name != "nop":
            by = 1 if name in ("inc", "dec") else self.b
            raw = {
                "add": self.a + by,
                "inc": self.a + by,
                "sub": self.a + 256 - by,
                "dec": self.a + 256 - by,
                "and": self.a & self.b,
                "or": self.a | self.b,
                "xor": self.a ^ self.b,
                "shr": (self.a >> 1) | (self.a & 1) << 8,
                "clr": 0,
            }[name]
            self.a, self.carry = raw & 255, raw > 255
            self.zero = self.a == 0


def _byte(words: list[str], labels: dict[str, int], number: int) -> int:
    name, *operands = words
    if name in JUMPS and len(operands) == 1 and operands[0] in labels:
        return JUMPS[name] << 6 | labels[operands[0]]
    if name in MOVES and len(operands) == 1 and operands[0].isdigit() and int(operands[0]) < N_CELLS:
        return MOVES[name] << 4 | int(operands[0])
    if name in OPERATIONS and not operands:
        return 0b110000 | OPERATIONS.index(name)
    known = [*JUMPS, *MOVES, *OPERATIONS]
    if name not in known:
        message = f"line {number}: there is no instruction {name!r}{did_you_mean(name, known)}"
    elif name in JUMPS:
        message = (
            f"line {number}: {name} goes to a name that stands before a line; got {operands}. Known: {list(labels)}."
        )
    elif name in MOVES:
        message = f"line {number}: {name} takes a cell, 0 to {N_CELLS - 1}; got {operands}."
    else:
        message = f"line {number}: {name} takes nothing; got {operands}."
    raise DesignError(message)
