"""The processor computes, its wiring is what it runs on, and every lesion does what the wiring says."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from neurodata4ml.data.made import open_simulation
from neurodata4ml.data.truth import truth
from neurodata4ml.errors import DesignError
from neurodata4ml.simulation import Simulation
from neurodata4ml.systems.assembler import Machine, assemble
from neurodata4ml.systems.netlist import Netlist
from neurodata4ml.systems.processor import layout, record, state_correlation, trace
from neurodata4ml.systems.processor_lesions import lesions, register_lesion, register_lesions, works
from neurodata4ml.systems.processor_programs import PROGRAMS
from neurodata4ml.systems.processor_run import Fault, run
from neurodata4ml.systems.processor_wiring import OPERATIONS, processor

NETS = processor().nets


@cache
def made() -> Simulation:
    return record(seed=0)


def slowly(memory: np.ndarray, program: bytes, n_cycles: int, faults: dict[int, int]) -> np.ndarray:
    """Evaluate the processor gate by gate in plain Python; return the states (cycle, net)."""
    wiring = processor()
    value = [0] * len(NETS)
    for cell, nets in enumerate(wiring.memory):
        for bit, net in enumerate(nets):
            value[net] = int(memory[cell]) >> bit & 1
    order = np.argsort(NETS.levels(), kind="stable").tolist()
    deeds = {"not": lambda a: 1 - a, "and": min, "or": max, "xor": lambda a, b: a ^ b}
    found = []
    for net, stuck in faults.items():
        value[net] = stuck
    for _ in range(n_cycles):
        code = program[sum(value[net] << k for k, net in enumerate(wiring.registers["PC"]))]
        for k, net in enumerate(wiring.fetched):
            value[net] = faults.get(net, code >> k & 1)
        for net in order:
            if NETS.kind[net] in deeds:
                value[net] = faults.get(net, deeds[NETS.kind[net]](*(value[s] for s in NETS.sources[net])))
        found.append(list(value))
        new = {net: value[NETS.sources[net][0]] for net in order if NETS.kind[net] == "flipflop"}
        for net, latched in new.items():
            value[net] = faults.get(net, latched)
    return np.array(found)


def test_it_has_about_two_thousand_nets_each_with_a_part_and_a_gate() -> None:
    assert 1500 <= len(NETS) <= 2500
    assert all(NETS.part)
    assert len(set(NETS.name)) == len(NETS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_gives_the_right_result_for_random_inputs(name: str) -> None:
    program = PROGRAMS[name]
    memories = program.draw(np.random.default_rng(1), 300)
    n_cycles = 2 * max(program.n_steps(memory) for memory in memories) + 2
    done = run([program.code] * 300, memories, n_cycles=n_cycles)
    found = np.stack([done.cell(cell) for cell in program.answers], axis=1)
    assert found.tolist() == [list(program.results(memory)) for memory in memories]
    assert (done.register("stopped") == 1).all()
    assert (done.register("OUT") == found[:, 0]).all()


def test_all_sums_and_differences_of_two_bytes_are_right_with_their_flags() -> None:
    for operation in ("add", "sub"):
        program = assemble(f"lda 0\nldb 1\n{operation}\nhalt")
        x, y = (axis.ravel() for axis in np.indices((256, 256)))
        memories = np.zeros((65536, 16), np.int64)
        memories[:, 0], memories[:, 1] = x, y
        done = run([program] * 65536, memories, n_cycles=10)
        exact = x + y if operation == "add" else x - y
        assert (done.register("A") == exact % 256).all()
        assert (done.register("Z") == (exact % 256 == 0)).all()
        assert (done.register("C") == (exact > 255 if operation == "add" else exact >= 0)).all()


def test_gates_and_instructions_agree_on_random_programs_after_every_instruction() -> None:
    """The same random bytes, run by gates and by an interpreter that knows none."""
    rng = np.random.default_rng(2)
    codes = [bytes(rng.integers(0, 256, 64).tolist()) for _ in range(128)]
    memories = rng.integers(0, 256, (128, 16))
    machines = [Machine(memory=memory.tolist()) for memory in memories]
    for n_steps in range(1, 40):
        done = run(codes, memories, n_cycles=2 * n_steps)
        for machine, code in zip(machines, codes, strict=True):
            machine.step(code)
        for register, of in (("A", "a"), ("B", "b"), ("PC", "pc"), ("OUT", "out"), ("Z", "zero"), ("C", "carry")):
            assert done.register(register).tolist() == [int(getattr(one, of)) for one in machines], (n_steps, register)
        for cell in range(16):
            assert done.cell(cell).tolist() == [one.memory[cell] for one in machines]


@pytest.mark.parametrize("faults", [{}, {700: 1}, {5: 1, 1500: 0}, {40: 0}], ids=str)
def test_the_fast_run_is_the_slow_one_gate_by_gate(faults: dict[int, int]) -> None:
    program = PROGRAMS["multiply"]
    memory = program.draw(np.random.default_rng(0), 1)[0]
    fast = run([program.code], memory, faults=[[Fault(*one) for one in faults.items()]], n_cycles=60, keep=True)
    assert (fast.states[:, :, 0] == slowly(memory, program.code, 60, faults)).all()


def test_copies_do_not_see_each_other() -> None:
    """A hundred copies with other programs and faults, against each alone."""
    rng = np.random.default_rng(3)
    names = [list(PROGRAMS)[k] for k in rng.integers(len(PROGRAMS), size=100)]
    memories = np.concatenate([PROGRAMS[name].draw(rng, 1) for name in names])
    faults = [Fault(int(net), int(net) % 2) for net in rng.integers(len(NETS), size=100)]
    together = run([PROGRAMS[name].code for name in names], memories, faults=faults, n_cycles=50)
    for copy in (0, 63, 64, 99):
        alone = run([PROGRAMS[names[copy]].code], memories[copy], faults=[faults[copy]], n_cycles=50)
        assert (together.final[:, copy] == alone.final[:, 0]).all()


# lesions


def test_without_the_accumulator_every_sum_is_that_of_nothing() -> None:
    done = trace("logic", [12, 10], faults=register_lesion("A"))
    assert not done.register.sel(name="A").any()
    assert not done.register.sel(name="OUT").any()


def test_without_the_second_register_a_program_that_adds_fails_and_one_that_stores_does_not() -> None:
    plain = assemble("lda 0\nsta 5\ninc\nsta 6\nhalt")
    adds = assemble("lda 0\nldb 1\nadd\nsta 5\nhalt")
    memory = np.r_[7, 9, np.zeros(14, int)]
    done = run([plain, adds], np.stack([memory] * 2), faults=[register_lesion("B")] * 2, n_cycles=20)
    assert done.cell(5).tolist() == [7, 7]
    assert done.cell(6)[0] == 8


def test_without_its_counter_it_never_gets_beyond_the_first_instruction() -> None:
    done = trace("sort", [4, 3, 2, 1], faults=register_lesion("PC"))
    assert not done.register.sel(name="PC").any()
    assert set(done.register.sel(name="IR").values.tolist()) <= {0, PROGRAMS["sort"].code[0]}
    assert not done.register.sel(name="stopped").any()


def test_without_an_instruction_register_nothing_but_loading_the_first_cell_is_ever_done() -> None:
    """All bits at 0 are the code of `lda 0`."""
    done = trace("fibonacci", [9], faults=register_lesion("IR"))
    assert set(done.register.sel(name="A").values.tolist()) == {0, 9}
    assert not done.register.sel(name="B").any()
    assert not done.register.sel(name="stopped").any()


def test_without_the_zero_flag_a_loop_never_ends_and_with_it_stuck_at_one_never_begins() -> None:
    never = trace("fibonacci", [3], faults=register_lesion("Z"), n_cycles=2000)
    assert not never.register.sel(name="stopped").any()
    at_once = trace("fibonacci", [3], faults=register_lesion("Z", stuck=1))
    assert at_once.register.sel(name="OUT")[-1] == 0
    assert at_once.register.sel(name="stopped")[-1] == 1


def test_with_the_carry_stuck_at_one_sorting_changes_nothing_and_at_zero_always_swaps() -> None:
    program = PROGRAMS["sort"]
    memory = np.r_[[9, 1, 5, 3], np.zeros(12, int)]
    done = run(
        [program.code] * 2, np.stack([memory] * 2), faults=[register_lesion("C", stuck=s) for s in (1, 0)], n_cycles=130
    )
    assert [done.cell(k)[0] for k in range(4)] == [9, 1, 5, 3]
    swapped = [9, 1, 5, 3]
    for i, j in ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2)):
        swapped[i], swapped[j] = swapped[j], swapped[i]
    assert [done.cell(k)[1] for k in range(4)] == swapped


def test_without_its_output_register_it_computes_and_says_nothing() -> None:
    memory = np.r_[[20, 15], np.zeros(14, int)]
    assert works(PROGRAMS["divisor"], memory, [register_lesion("OUT")]).all()
    assert not trace("divisor", [20, 15], faults=register_lesion("OUT")).register.sel(name="OUT").any()


def test_without_its_phase_nothing_is_carried_out_and_stopped_at_once_it_stays_where_it_is() -> None:
    fetches = trace("logic", [1, 2], faults=register_lesion("phase"))
    assert not fetches.register.sel(name="A").any()
    assert fetches.register.sel(name="PC")[-1] > 20
    stopped = trace("logic", [1, 2], faults=register_lesion("stopped", stuck=1))
    assert not stopped.register.sel(name="PC").any()


def test_a_program_that_uses_no_cell_survives_the_loss_of_that_cell() -> None:
    memory = np.r_[[200, 7], np.zeros(14, int)]
    cells = [[Fault(net, 0) for net in processor().memory[cell]] for cell in range(16)]
    found = works(PROGRAMS["multiply"], memory, cells)
    assert found.tolist() == [False, False, False] + [True] * 13


def test_cutting_a_wire_changes_only_what_lies_downstream_of_it() -> None:
    wiring = processor()
    rng = np.random.default_rng(5)
    program = PROGRAMS["divisor"]
    memory = program.draw(rng, 1)[0]
    whole = run([program.code], memory, n_cycles=80, keep=True).states[:, :, 0]
    after: dict[int, list[int]] = {}
    for source, target in NETS.wires():
        after.setdefault(int(source), []).append(int(target))
    for net, address in enumerate(wiring.registers["PC"]):  # what PC says decides what comes in from outside
        after.setdefault(address, []).extend(wiring.fetched if net >= 0 else ())
    changed = 0
    for target in rng.choice([n for n, kind in enumerate(NETS.kind) if kind in ("and", "or", "xor")], 30):
        sources = [list(one) for one in NETS.sources]
        sources[target][0] = sources[target][1]
        cut = replace(wiring, nets=replace(NETS, sources=sources))
        states = run([program.code], memory, n_cycles=80, keep=True, wiring=cut).states[:, :, 0]
        differ = set(np.flatnonzero((states != whole).any(axis=0)).tolist())
        below, waiting = set(), [int(target)]
        while waiting:
            if (net := waiting.pop()) not in below:
                below.add(net)
                waiting.extend(after.get(net, []))
        assert differ <= below
        changed += bool(differ)
    assert changed > 5


def test_lesions_are_told_by_program_and_most_nets_of_a_program_are_idle() -> None:
    table = lesions(n_inputs=3, seed=0)
    assert table.dims == ("unit", "program")
    assert 0.5 < float((table == 1).mean()) < 0.95
    memory_of_sort = [net for cell in (0, 1, 2, 3) for net in processor().memory[cell]]
    assert (table.sel(program="sort").values[memory_of_sort] < 1).mean() > 0.8


def test_registers_are_missed_by_the_programs_that_use_them() -> None:
    right = register_lesions(n_inputs=10, seed=1)
    assert (right.sel(register="OUT") == 1).all()
    assert (right.sel(register="PC") == 0).all()
    assert right.program.values[(right.sel(register="Z") == 1).values].tolist() == ["sort", "logic"]
    assert right.program.values[(right.sel(register="C") == 1).values].tolist() == ["fibonacci", "logic"]


def test_nets_correlate_as_numpy_says_and_those_that_never_change_with_nothing() -> None:
    states = trace("multiply", [13, 11]).state
    moving = np.flatnonzero(states.values.std(axis=0) > 0)[:200]
    found = state_correlation(states)
    assert found.values[np.ix_(moving, moving)] == pytest.approx(np.corrcoef(states.values[:, moving].T.astype(float)))
    still = np.flatnonzero(states.values.std(axis=0) == 0)
    assert not found.values[still].any()


# the recording


def test_a_spike_is_a_step_up_of_its_net_in_its_cycle() -> None:
    m = made()
    start = m.trials["start_time"][3]
    inputs = [m.trials["first_input"][3], m.trials["second_input"][3]]
    name = str(m.trials["stimulus"][3])
    if len(PROGRAMS[name].limits) == 2:
        states = trace(name, inputs).state.values
        steps = np.diff(states, axis=0, prepend=states[:1]) > 0
        for net in (30, 400, 1200):
            own = m.spike_times[net]
            own = own[(own >= start) & (own < m.trials["stop_time"][3])]
            cycle = np.floor((own - start) / 0.001 + 1e-6).astype(int)
            assert cycle.tolist() == np.flatnonzero(steps[:, net]).tolist()
    else:
        pytest.fail("trial 3 of this seed has two inputs")


def test_a_recording_opens_with_its_truth_and_every_result_is_right() -> None:
    session = open_simulation(made())
    assert session.sizes["unit"] == len(NETS)
    assert session.is_right.values.all()
    found = truth(session.isel(unit=[10, 900]))
    assert found.part.values.tolist() == [NETS.part[10], NETS.part[900]]
    wires = truth(session)
    assert {(int(a), int(b)) for a, b in zip(wires.source.values, wires.target.values, strict=True)} == {
        (int(a), int(b)) for a, b in NETS.wires()
    }
    out = wires.register_value.sel(register="OUT").values
    assert (out == session.result.values).all()


def test_what_lies_together_belongs_together_but_a_quarter_is_no_part() -> None:
    place = layout()
    assert place[:, :2].min() >= 0
    assert place[:, :2].max() <= 2000
    alu = np.array([part == "alu" for part in NETS.part])
    assert place[alu, :2].std(axis=0).max() < place[:, :2].std(axis=0).max()
    assert len({(NETS.part[n], int(q)) for n, q in enumerate(place[:, 2])}) > len(set(NETS.part))


def test_the_same_seed_is_the_same_recording() -> None:
    one, same, other = (record(seed=seed, n_trials=10) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(one.spike_times, same.spike_times, strict=True))
    assert one.stop != other.stop


# refused


def test_gates_in_a_circle_are_refused_by_name() -> None:
    nets = Netlist()
    a = nets.add("input", name="a", part="p")
    first = nets.add("and", a, a, name="first", part="p")
    second = nets.add("not", first, name="second", part="p")
    nets.sources[first] = [a, second]
    with pytest.raises(DesignError, match=r"(first and second|second and first) read each other through gates alone"):
        nets.levels()


def test_a_lesion_of_a_net_that_nothing_reads_changes_nothing() -> None:
    read = set(NETS.wires()[:, 0].tolist()) | set(processor().registers["PC"])
    unread = [net for net in range(len(NETS)) if net not in read and NETS.kind[net] != "flipflop"]
    memory = PROGRAMS["sort"].draw(np.random.default_rng(0), 1)[0]
    assert unread
    assert works(PROGRAMS["sort"], memory, [Fault(net, 1) for net in unread]).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: assemble("lda"), r"line 1: lda takes a cell, 0 to 15; got \[\]"),
        (lambda: assemble("\nsdd"), "line 2: there is no instruction 'sdd'; did you mean 'add'"),
        (lambda: assemble("jmp there"), r"line 1: jmp goes to a name that stands before a line; got \['there'\]"),
        (lambda: assemble("add 3"), r"line 1: add takes nothing; got \['3'\]"),
        (lambda: assemble("nop\n" * 64), "the program has 64 instructions; an address reaches 63"),
        (lambda: record(programs=["mutliply"]), "there is no program 'mutliply'; did you mean 'multiply'"),
        (lambda: record(n_trials=3), "n_trials takes a whole number, 5 or more; got 3"),
        (lambda: register_lesion("Q"), "there is no register 'Q'"),
        (lambda: trace("sort", [1, 2]), r"sort takes 4 inputs, 0 to 255 each; got \[1, 2\]"),
        (lambda: run([b""], np.zeros((2, 16), int), n_cycles=1), "got 1 programs, 2 memories, 1 faults, n_cycles=1"),
        (
            lambda: run([bytes(64)], np.zeros(16, int), faults=[Fault(99999, 0)], n_cycles=1),
            "a fault is a net, 0 to .*stuck at 0 or 1; got Fault",
        ),
        (lambda: Netlist().add("and", 1), "a gate 'and' reads 2 nets; got 1"),
        (lambda: run([bytes(64)], np.zeros(16, int), n_cycles=1).register("X"), "there is no register 'X'; they are A"),
    ],
)
def test_what_cannot_be_is_refused_in_words(call: Any, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        call()


def test_every_operation_has_a_number_of_four_bits() -> None:
    assert len(OPERATIONS) <= 16
