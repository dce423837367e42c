"""Write any simulated recording as a real NWB file, with its truth beside it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import numpy as np

from neurodata4ml.data.made_parts import TRUTH, intervals, new_file, time_series, units_table, write_file
from neurodata4ml.simulation import Simulation

LOCATION = "location"
"""The column of the units that holds their area, by the name that NWB files have for it."""


def write_simulation(simulation: Simulation, path: Path) -> Path:
    """Write a recording with pynwb: units, trials and series as any laboratory's, and the truth under ``/scratch``.

    Units, trials and samples keep their order; ids count from 0. The same recording gives the same content.
    """
    nwb = new_file(simulation.system, simulation.seed, simulation.description)
    columns = {LOCATION if name == "area" else name: column for name, column in simulation.units.items()}
    nwb.units = units_table(simulation.spike_times, np.arange(len(simulation.spike_times)), columns)
    nwb.trials = intervals("trials", simulation.trials)
    if simulation.series:
        module = nwb.create_processing_module("signals", "continuous signals of the simulation")
        for name, series in simulation.series.items():
            module.add(time_series(name, series))
    write_file(nwb, path, {TRUTH: simulation.truth})
    return path


def write_system(system: str, path: Path, *, seed: int) -> Path:
    """Have a system recorded, and write it: ``system`` is a file of ``neurodata4ml.systems``.

    It is called by the name that an entry of the catalog gives, since this wing knows no other: a plug, as an xarray
    backend is one.
    """
    made: Simulation = import_module(f"neurodata4ml.systems.{system}").record(seed=seed)
    return write_simulation(made, path)
