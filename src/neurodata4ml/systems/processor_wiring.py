"""A processor of registers and gates: eight bits, one instruction in two cycles, sixteen bytes of memory.

    registers   A, B (8 bits), PC (6), IR (8: the instruction), OUT (8), flags Z (the result is zero) and C (carry)
    cycle 1     the instruction that PC points at comes in from outside, as from a cartridge, and is kept in IR; PC + 1
    cycle 2     it is carried out: memory is read, the arithmetic unit works, registers take what they are given

All is made of NOT, AND, OR, XOR with two inputs, and flip-flops. The design is this package's own, as small as the one
question needs: what would an analysis find in a system in which every wire is known (Jonas & Kording 2017, PLoS
Computational Biology 13:e1005268)?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, reduce

from neurodata4ml.systems.netlist import Netlist

N_CELLS, N_ADDRESS = 16, 6
"""Bytes of memory; bits of an address in the program."""

OPERATIONS = ("nop", "add", "sub", "and", "or", "xor", "shr", "out", "halt", "tab", "inc", "dec", "clr")
"""What the instructions without an operand do, by their number."""

Bits = list[int]


@dataclass(frozen=True)
class Wiring:
    """The processor: its nets, and where its registers lie in them (lowest bit first)."""

    nets: Netlist
    registers: dict[str, tuple[int, ...]]
    memory: tuple[tuple[int, ...], ...]
    fetched: tuple[int, ...]


@cache
def processor() -> Wiring:
    """Return the processor; it is put together once."""
    return _Builder().build()


class _Builder:
    """Puts the processor together, part by part; each method adds the gates of one."""

    def __init__(self) -> None:
        self.nets = Netlist()
        self.fetched = [self.nets.add("input", name=f"bus{k}", part="bus") for k in range(8)]
        sizes = {"A": 8, "B": 8, "PC": N_ADDRESS, "IR": 8, "OUT": 8, "Z": 1, "C": 1, "phase": 1, "stopped": 1}
        self.registers = {name: self.flipflops(name, size, name) for name, size in sizes.items()}
        self.memory = [self.flipflops(f"M{cell}", 8, "memory") for cell in range(N_CELLS)]

    def build(self) -> Wiring:
        r = self.registers
        opposite = self.gate("not", r["phase"][0], part="control")
        self.nets.connect(r["phase"][0], opposite)
        going = self.gate("not", r["stopped"][0], part="control")
        fetch = self.gate("and", opposite, going, part="control")
        act = self.gate("and", r["phase"][0], going, part="control")
        self.keep("IR", self.fetched, fetch)
        does = self.decoded(act)
        read = {name: self.read_memory(f"bus {name}") for name in ("A", "B")}
        result, carry = self.arithmetic(does)
        self.write_registers(does, read, result, carry)
        self.step_on(does, fetch)
        self.write_memory(does)
        registers = {name: tuple(bits) for name, bits in r.items()}
        return Wiring(self.nets, registers, tuple(map(tuple, self.memory)), tuple(self.fetched))

    def decoded(self, act: int) -> dict[str, int]:
        """One net for each instruction, on while it is carried out."""
        ir = self.registers["IR"]
        no = [self.gate("not", bit, part="decoder") for bit in ir]
        pairs = {(a, b): self.gate("and", (ir if a else no)[7], (ir if b else no)[6]) for a in (0, 1) for b in (0, 1)}
        does = {name: self.gate("and", pairs[bits], act) for name, bits in _JUMPS.items()}
        plain = self.gate("and", pairs[0, 0], act)
        for name, (a, b) in _MOVES.items():
            which = self.gate("and", (ir if a else no)[5], (ir if b else no)[4])
            does[name] = self.gate("and", plain, which)
        for number, name in enumerate(OPERATIONS):
            bits = [(ir if number >> k & 1 else no)[k] for k in range(4)]
            does[name] = self.gate("and", does["operation"], self.all_of(bits))
        return does

    def read_memory(self, part: str) -> Bits:
        """The cell that the instruction's lower four bits name: a tree of choices, halved four times.

        A and B have a tree each, as memories with two ports do.
        """
        rows = self.memory
        for bit in range(4):
            chosen = self.registers["IR"][bit]
            other = self.gate("not", chosen, part=part)
            rows = [
                self.choose(chosen, other, high, low, part) for low, high in zip(rows[::2], rows[1::2], strict=True)
            ]
        return rows[0]

    def arithmetic(self, does: dict[str, int]) -> tuple[Bits, int]:
        """A with B, or with one: sum, or what one of the other operations gives, and the bit that falls out."""
        a, b = self.registers["A"], self.registers["B"]
        by_one = self.gate("or", does["inc"], does["dec"], part="alu")
        minus = self.gate("or", does["sub"], does["dec"], part="alu")
        with_b = self.gate("not", by_one, part="alu")
        second = [self.gate("and", bit, with_b, part="alu") for bit in b]
        second[0] = self.gate("or", second[0], by_one, part="alu")
        carry = minus
        total = []
        for one, other in zip(a, second, strict=True):
            turned = self.gate("xor", other, minus, part="alu")
            half = self.gate("xor", one, turned, part="alu")
            total.append(self.gate("xor", half, carry, part="alu"))
            both, passed = self.gate("and", one, turned, part="alu"), self.gate("and", half, carry, part="alu")
            carry = self.gate("or", both, passed, part="alu")
        sums = self.any_of([does[name] for name in ("add", "sub", "inc", "dec")])
        choices: list[tuple[int, Sequence[int | None]]] = [(sums, total), (does["shr"], [*a[1:], None])]
        for name in ("and", "or", "xor"):
            choices.append((does[name], [self.gate(name, x, y, part="alu") for x, y in zip(a, b, strict=True)]))
        fallen = self.gate("and", does["shr"], a[0], part="alu")
        kept = self.gate("and", sums, carry, part="alu")
        return self.chosen(choices, "alu"), self.gate("or", fallen, kept, part="alu")

    def write_registers(self, does: dict[str, int], read: dict[str, Bits], result: Bits, carry: int) -> None:
        """A takes a result or a cell, B a cell or A, OUT takes A; flags follow results."""
        worked = self.any_of([does[name] for name in ("add", "sub", "and", "or", "xor", "shr", "inc", "dec", "clr")])
        into_a = self.chosen([(does["lda"], read["A"]), (worked, result)], "A")
        self.keep("A", into_a, self.gate("or", does["lda"], worked, part="A"))
        into_b = self.chosen([(does["ldb"], read["B"]), (does["tab"], self.registers["A"])], "B")
        self.keep("B", into_b, self.gate("or", does["ldb"], does["tab"], part="B"))
        self.keep("OUT", self.registers["A"], does["out"])
        zero = self.gate("not", self.any_of(into_a), part="Z")
        flagged = self.gate("or", worked, does["lda"], part="Z")
        self.keep("Z", [zero], flagged)
        self.keep("C", [carry], worked)

    def step_on(self, does: dict[str, int], fetch: int) -> None:
        """PC counts up when an instruction comes in, and takes the instruction's address when it jumps."""
        pc, ir = self.registers["PC"], self.registers["IR"]
        on_zero = self.gate("and", does["jz"], self.registers["Z"][0], part="PC")
        on_carry = self.gate("and", does["jc"], self.registers["C"][0], part="PC")
        jump = self.any_of([does["jmp"], on_zero, on_carry])
        carry, counted = fetch, []
        for bit in pc:
            counted.append(self.gate("xor", bit, carry, part="PC"))
            carry = self.gate("and", bit, carry, part="PC")
        stay = self.gate("not", jump, part="PC")
        for net, new in zip(pc, self.choose(jump, stay, ir[:N_ADDRESS], counted, "PC"), strict=True):
            self.nets.connect(net, new)
        stopped = self.registers["stopped"][0]
        self.nets.connect(stopped, self.gate("or", stopped, does["halt"], part="control"))

    def write_memory(self, does: dict[str, int]) -> None:
        """The cell that a store names takes A, all others stay."""
        ir = self.registers["IR"]
        no = [self.gate("not", bit, part="memory") for bit in ir[:4]]
        for cell, bits in enumerate(self.memory):
            named = self.all_of([(ir if cell >> k & 1 else no)[k] for k in range(4)], "memory")
            write = self.gate("and", named, does["sta"], part="memory")
            stay = self.gate("not", write, part="memory")
            for net, new in zip(bits, self.choose(write, stay, self.registers["A"], bits, "memory"), strict=True):
                self.nets.connect(net, new)

    def flipflops(self, name: str, size: int, part: str) -> Bits:
        names = [name if size == 1 else f"{name}{k}" for k in range(size)]
        return [self.nets.add("flipflop", name=one, part=part) for one in names]

    def gate(self, kind: str, *sources: int, part: str = "decoder") -> int:
        return self.nets.add(kind, *sources, part=part)

    def keep(self, register: str, new: Sequence[int], write: int) -> None:
        """Let a register take new bits while ``write`` is on, and keep its own else."""
        stay = self.gate("not", write, part=register)
        own = self.registers[register]
        for net, source in zip(own, self.choose(write, stay, new, own, register), strict=True):
            self.nets.connect(net, source)

    def choose(self, on: int, off: int, yes: Sequence[int], no: Sequence[int], part: str) -> Bits:
        """Bit by bit, ``yes`` where ``on`` is on and ``no`` where ``off`` is."""
        chosen = [
            (self.gate("and", a, on, part=part), self.gate("and", b, off, part=part))
            for a, b in zip(yes, no, strict=True)
        ]
        return [self.gate("or", a, b, part=part) for a, b in chosen]

    def chosen(self, choices: Sequence[tuple[int, Sequence[int | None]]], part: str) -> Bits:
        """Bit by bit, that of the choices whose net is on; zero where none is (None is always zero)."""
        width = len(choices[0][1])
        bits = []
        for k in range(width):
            there = [(on, source[k]) for on, source in choices if source[k] is not None]
            bits.append(self.any_of([self.gate("and", on, bit, part=part) for on, bit in there], part))  # type: ignore[arg-type]
        return bits

    def any_of(self, nets: Sequence[int], part: str = "decoder") -> int:
        return reduce(lambda a, b: self.gate("or", a, b, part=part), nets)

    def all_of(self, nets: Sequence[int], part: str = "decoder") -> int:
        return reduce(lambda a, b: self.gate("and", a, b, part=part), nets)


_JUMPS = {"jmp": (0, 1), "jz": (1, 0), "jc": (1, 1)}
"""The upper two bits of instructions that may jump; the lower six are where to."""

_MOVES = {"lda": (0, 0), "ldb": (0, 1), "sta": (1, 0), "operation": (1, 1)}
"""Bits 5 and 4 of the others; the lower four are a cell of memory, or which operation."""
