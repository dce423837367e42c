"""A processor whose every wire is known, recorded as a brain is: could we understand it (Jonas & Kording 2017)?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.simulation import Series, Simulation
from neurodata4ml.systems.processor_lesions import known_programs, lesions
from neurodata4ml.systems.processor_programs import PROGRAMS
from neurodata4ml.systems.processor_run import Fault, Run, run
from neurodata4ml.systems.processor_wiring import processor

CYCLE, GATE_DELAY, PAUSE = 0.001, 2e-5, 0.02
"""Seconds: of a cycle, as if the processor were slowed a million times; through a gate; between two trials."""

REGIONS = ("north-west", "north-east", "south-west", "south-east")
"""Quarters of the die: what somebody sees who knows no wiring."""

DIE = 2000.0
"""Micrometres from edge to edge."""

_PLAN = (
    ("memory", (0, 0, 10, 6)),
    ("bus A", (0, 6, 5, 9)),
    ("bus B", (5, 6, 10, 9)),
    ("alu", (0, 9, 6, 12)),
    ("A", (6, 9, 8, 12)),
    ("B", (8, 9, 10, 12)),
    ("decoder", (0, 12, 4, 14)),
    ("PC", (4, 12, 6, 14)),
    ("IR", (6, 12, 8, 14)),
    ("OUT", (8, 12, 10, 14)),
)
"""Where the parts lie, as (left, top, right, bottom) in tenths and fourteenths of the die; the others at its edge."""


def record(*, seed: int = 0, programs: Sequence[str] | None = None, n_trials: int = 40) -> Simulation:
    """Record all nets of the processor while it runs programs on random inputs, in random order.

    A unit is a net, and a spike is its step from 0 to 1, as in the paper: a cycle after the other, each net as late as
    there are gates before it.

    Parameters
    ----------
    seed : int
    programs : sequence of str, optional
        Names of ``PROGRAMS``; all of them when left out. Each runs equally often, in randomised blocks.
    n_trials : int

    Returns
    -------
    Simulation
        ``stimulus`` is the program; trials have the inputs, the ``result`` and ``is_right``. Units have ``x`` and ``y``
        in micrometres, and as area a quarter of the die. Series: ``field_potential`` of the four quarters, the sum of
        all steps near by. Truth: ``part``, ``gate``, ``name``, ``level`` of every net; ``source`` and ``target``
        (wire); ``needed`` (unit, program), whether it goes wrong with the net stuck at 0; registers at the end of each
        trial, ``register_value`` (trial, register).

    Raises
    ------
    DesignError
        There is no such program; fewer trials than programs.
    """
    names = list(PROGRAMS) if programs is None else known_programs(programs)
    require_whole(seed, "seed", least=0)
    require_whole(n_trials, "n_trials", least=len(names))
    rng = np.random.default_rng(seed)
    blocks = [rng.permutation(len(names)) for _ in range(-(-n_trials // len(names)))]
    which = [names[k] for k in np.concatenate(blocks)[:n_trials]]
    memories = np.concatenate([PROGRAMS[name].draw(rng, 1) for name in which])
    cycles = np.array([2 * PROGRAMS[name].n_steps(memory) + 2 for name, memory in zip(which, memories, strict=True)])
    ran = run([PROGRAMS[name].code for name in which], memories, n_cycles=int(cycles.max()), keep=True)
    start = np.cumsum(np.r_[0, cycles[:-1]]) * CYCLE + np.arange(n_trials) * PAUSE + PAUSE
    place = layout()
    near = _near(place)
    spikes, field = _seen(ran, start, cycles, near)
    right = [PROGRAMS[name].results(memory)[0] for name, memory in zip(which, memories, strict=True)]
    result = np.array([ran.cell(PROGRAMS[name].answers[0])[trial] for trial, name in enumerate(which)])
    return Simulation(
        system="processor",
        description=f"All {len(processor().nets)} nets of an 8-bit processor while it runs programs.",
        seed=seed,
        units={"area": np.array(REGIONS)[place[:, 2].astype(int)], "x": place[:, 0], "y": place[:, 1]},
        spike_times=spikes,
        trials={
            "start_time": start,
            "stop_time": start + cycles * CYCLE,
            "stimulus": np.array(which),
            "block": np.arange(n_trials) // len(names),
            "first_input": memories[:, 0],
            "second_input": memories[:, 1],
            "result": result,
            "is_right": result == np.array(right),
        },
        truth=_truth(ran, names, seed),
        stop=float(start[-1] + cycles[-1] * CYCLE + PAUSE),
        series={"field_potential": field},
    )


def trace(
    program: str, inputs: Sequence[int], *, faults: Sequence[Fault] = (), n_cycles: int | None = None
) -> xr.Dataset:
    """Run one program and look at every net and every register in every cycle.

    Parameters
    ----------
    program : str
    inputs : sequence of int, 0 to 255
        What the first cells of the memory hold.
    faults : sequence of Fault
    n_cycles : int, optional
        Until the program halts where nothing is at fault, when left out.

    Returns
    -------
    Dataset
        ``state`` (time, unit), 0 or 1; ``register`` (time, name): the same cycles as numbers, the level at which the
        processor was designed. ``time`` is seconds from the start.

    Raises
    ------
    DesignError
        There is no such program; inputs that are not as many, or not bytes.
    """
    (name,) = known_programs([program])
    known = PROGRAMS[name]
    if len(inputs) != len(known.limits) or not all(0 <= one <= 255 for one in inputs):
        message = f"{name} takes {len(known.limits)} inputs, 0 to 255 each; got {list(inputs)}."
        raise DesignError(message)
    memory = np.zeros(16, np.int64)
    memory[: len(inputs)] = inputs
    ran = run([known.code], memory, faults=[faults], n_cycles=n_cycles or 2 * known.n_steps(memory) + 2, keep=True)
    registers = list(processor().registers)
    return xr.Dataset(
        {
            "state": (("time", "unit"), ran.states[:, :, 0].astype(np.int8), {"units": "1"}),
            "register": (("time", "name"), np.stack([ran.course(r)[:, 0] for r in registers], axis=1), {"units": "1"}),
        },
        coords={
            "time": ("time", np.arange(len(ran.states)) * CYCLE, {"units": "s"}),
            "unit": np.arange(len(processor().nets)),
            "name": registers,
        },
    )


def state_correlation(states: xr.DataArray) -> xr.DataArray:
    """Correlation of every two nets over the cycles of a trace; 0 for a net that never changes.

    Parameters
    ----------
    states : DataArray (time, unit)

    Returns
    -------
    DataArray (unit, unit2), -1 to 1
    """
    x = states.transpose("time", "unit").values.astype(float)
    x = x - x.mean(axis=0)
    scale = np.sqrt((x**2).sum(axis=0))
    x = x / np.where(scale > 0, scale, 1)
    units = states["unit"].values
    return xr.DataArray(
        np.clip(x.T @ x, -1, 1), dims=("unit", "unit2"), coords={"unit": units, "unit2": units}, name="correlation"
    )


def layout() -> np.ndarray:
    """Return where every net lies: x and y in micrometres, and the number of its quarter, shape (net, 3)."""
    nets = processor().nets
    found = np.zeros((len(nets), 3))
    plan: Mapping[str, tuple[int, int, int, int]] = dict(_PLAN)
    for part in dict.fromkeys(nets.part):
        own = [net for net, its in enumerate(nets.part) if its == part]
        left, top, right, bottom = plan.get(part, (0, 12, 10, 14))
        across = int(np.ceil(np.sqrt(len(own) * (right - left) / (bottom - top))))
        row, column = np.divmod(np.arange(len(own)), across)
        found[own, 0] = (left + (column + 0.5) / across * (right - left)) * DIE / 10
        found[own, 1] = (top + (row + 0.5) / -(-len(own) // across) * (bottom - top)) * DIE / 14
    found[:, 2] = 2 * (found[:, 1] > DIE / 2) + (found[:, 0] > DIE / 2)
    return found


def _near(place: np.ndarray) -> np.ndarray:
    """Return how much each net's steps are seen at the middle of each quarter: (net, quarter), falling as 1 / r."""
    middle = np.array([[x, y] for y in (DIE / 4, 3 * DIE / 4) for x in (DIE / 4, 3 * DIE / 4)])
    distance = np.linalg.norm(place[:, None, :2] - middle, axis=-1)
    return np.asarray(100 / (100 + distance))


def _seen(ran: Run, start: np.ndarray, cycles: np.ndarray, near: np.ndarray) -> tuple[list[np.ndarray], Series]:
    """Return the spikes of every net, and the field that all steps together make in each quarter."""
    level = processor().nets.levels()
    spikes: list[list[np.ndarray]] = [[] for _ in level]
    fields, clocks = [], []
    for trial, (begin, n_cycles) in enumerate(zip(start, cycles, strict=True)):
        states = ran.states[:n_cycles, :, trial].astype(np.int8)
        steps = np.diff(states, axis=0, prepend=states[:1])
        cycle, net = np.nonzero(steps > 0)
        when = begin + cycle * CYCLE + level[net] * GATE_DELAY
        for unit, own in zip(*_grouped(net, when), strict=True):
            spikes[unit].append(own)
        fields.append(np.abs(steps).astype(float) @ near)
        clocks.append(begin + np.arange(n_cycles) * CYCLE)
    times = [np.concatenate(own) if own else np.empty(0) for own in spikes]
    said = "steps of all nets, as they are seen in the middle of each quarter of the die"
    return times, Series(np.concatenate(fields), np.concatenate(clocks), "1", said)


def _grouped(net: np.ndarray, when: np.ndarray) -> tuple[list[int], list[np.ndarray]]:
    order = np.argsort(net, kind="stable")
    units, first = np.unique(net[order], return_index=True)
    return units.tolist(), np.split(when[order], first[1:])


def _truth(ran: Run, names: list[str], seed: int) -> xr.Dataset:
    nets, registers = processor().nets, list(processor().registers)
    wires = nets.wires()
    needed = lesions(names, n_inputs=2, seed=seed).values < 1
    return xr.Dataset(
        {
            "part": ("unit", np.array(nets.part)),
            "gate": ("unit", np.array(nets.kind)),
            "name": ("unit", np.array(nets.name)),
            "level": ("unit", nets.levels(), {"units": "1"}),
            "needed": (("unit", "program"), needed),
            "source": ("wire", wires[:, 0]),
            "target": ("wire", wires[:, 1]),
            "register_value": (("trial", "register"), np.stack([ran.register(r) for r in registers], axis=1)),
        },
        coords={"program": names, "register": registers},
    )
