"""What goes wrong in the processor when a net, or a whole register, is stuck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_names, require_whole
from neurodata4ml.suggest import did_you_mean
from neurodata4ml.systems.processor_programs import PROGRAMS, Program
from neurodata4ml.systems.processor_run import Fault, run
from neurodata4ml.systems.processor_wiring import processor


def lesions(programs: Sequence[str] | None = None, *, stuck: int = 0, n_inputs: int = 4, seed: int = 0) -> xr.DataArray:
    """Share of random inputs for which each program still gives the right result, with each net stuck in turn.

    Parameters
    ----------
    programs : sequence of str, optional
    stuck : {0, 1}
    n_inputs, seed : int

    Returns
    -------
    DataArray (unit, program), 0 to 1
    """
    names = list(PROGRAMS) if programs is None else known_programs(programs)
    require_whole(stuck, "stuck", least=0, most=1)
    require_whole(n_inputs, "n_inputs", least=1)
    require_whole(seed, "seed", least=0)
    n_nets = len(processor().nets)
    found = np.zeros((n_nets, len(names)))
    for column, name in enumerate(names):
        program = PROGRAMS[name]
        for memory in program.draw(np.random.default_rng([seed, column]), n_inputs):
            faults = [Fault(net, stuck) for net in range(n_nets)]
            found[:, column] += works(program, memory, faults)
    units = np.arange(n_nets)
    named = xr.DataArray(found / n_inputs, dims=("unit", "program"), coords={"unit": units, "program": names})
    return named.rename("share_right").assign_attrs(units="1", stuck=stuck)


def register_lesions(*, stuck: int = 0, n_inputs: int = 20, seed: int = 0) -> xr.DataArray:
    """Share of random inputs for which each program still gives the right result, with a whole register stuck.

    Parameters
    ----------
    stuck : {0, 1}
        What all its bits show.
    n_inputs, seed : int

    Returns
    -------
    DataArray (register, program), 0 to 1
    """
    require_whole(n_inputs, "n_inputs", least=1)
    require_whole(seed, "seed", least=0)
    faults = [register_lesion(name, stuck=stuck) for name in processor().registers]
    drawn = {
        name: its.draw(np.random.default_rng([seed, k]), n_inputs) for k, (name, its) in enumerate(PROGRAMS.items())
    }
    right = [[works(PROGRAMS[name], memory, faults) for memory in memories] for name, memories in drawn.items()]
    coords = {"register": list(processor().registers), "program": list(PROGRAMS)}
    found = xr.DataArray(np.mean(right, axis=1).T, dims=("register", "program"), coords=coords, name="share_right")
    return found.assign_attrs(units="1", stuck=stuck)


def works(program: Program, memory: np.ndarray, faults: Sequence[Fault | Sequence[Fault] | None]) -> np.ndarray:
    """Return whether a program gives the right result, and halts, with each of several faults: (fault,) of bool.

    Each copy has twice the time that the program needs.
    """
    n_cycles = 4 * program.n_steps(memory) + 4
    ran = run([program.code] * len(faults), np.repeat(memory[None], len(faults), 0), faults=faults, n_cycles=n_cycles)
    wanted = zip(program.answers, program.results(memory), strict=True)
    right = np.all([ran.cell(cell) == value for cell, value in wanted], axis=0)
    return np.asarray(right & (ran.register("stopped") == 1))


def register_lesion(register: str, *, stuck: int = 0) -> list[Fault]:
    """Return the faults that hold all bits of a register at 0 or 1: a lesion of a whole part.

    Raises
    ------
    DesignError
        There is no such register.
    """
    known = processor().registers
    if register not in known:
        message = f"there is no register {register!r}{did_you_mean(register, known)} They are {', '.join(known)}."
        raise DesignError(message)
    return [Fault(net, stuck) for net in known[register]]


def known_programs(programs: Sequence[str]) -> list[str]:
    """Return names of programs as a list, all of them known.

    Raises
    ------
    DesignError
        One is not; close ones are suggested.
    """
    names = require_names(programs, "programs", example='["multiply", "sort"]')
    for name in names:
        if name not in PROGRAMS:
            message = f"there is no program {name!r}{did_you_mean(str(name), PROGRAMS)} They are {', '.join(PROGRAMS)}."
            raise DesignError(message)
    return names
