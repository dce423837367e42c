"""Write any simulated recording as a real NWB file, with its truth beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import h5py
import numpy as np
import xarray as xr

from neurodata4ml.data.simulated_file import NOTE, TRUTH
from neurodata4ml.simulation import Series, Simulation

MADE = "made by a system of neurodata4ml"
"""What the group of the truth says of itself, where it holds labelled arrays."""

LOCATION = "location"
"""The column of the units that holds their area, by the name that NWB files have for it."""

_TEXT = h5py.string_dtype()


def write_simulation(simulation: Simulation, path: Path) -> Path:
    """Write a recording with pynwb: units, trials and series as any laboratory's, and the truth under ``/scratch``.

    Units, trials and samples keep their order; ids count from 0. The same recording gives the same content.
    """
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.file import Subject

    nwb = NWBFile(
        session_description=f"{NOTE} {simulation.description}",
        identifier=f"neurodata4ml-{simulation.system}-{simulation.seed}",
        session_id=str(simulation.seed),
        session_start_time=datetime(2026, 1, 1, tzinfo=UTC),
        file_create_date=datetime(2026, 1, 1, tzinfo=UTC),
        institution="simulated",
        keywords=["simulated"],
    )
    nwb.subject = Subject(subject_id="simulated", species="none (simulated)", description=NOTE)
    nwb.units = _units(simulation)
    nwb.trials = _trials(simulation.trials)
    if simulation.series:
        module = nwb.create_processing_module("signals", "continuous signals of the simulation")
        for name, series in simulation.series.items():
            module.add(_series(name, series))
    for number, thing in enumerate(nwb.all_children()):  # pynwb draws ids at random, and offers no other way
        own = uuid5(NAMESPACE_URL, f"{nwb.identifier}/{number}/{thing.name}")
        thing._AbstractContainer__object_id = str(own)
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb)
    with h5py.File(path, "r+") as file:
        _write_truth(file, simulation.truth)
    return path


def write_system(system: str, path: Path, *, seed: int) -> Path:
    """Have a system recorded, and write it: ``system`` is a file of ``neurodata4ml.systems``.

    It is called by the name that an entry of the catalog gives, since this wing knows no other: a plug, as an xarray
    backend is one.
    """
    made: Simulation = import_module(f"neurodata4ml.systems.{system}").record(seed=seed)
    return write_simulation(made, path)


def read_made_truth(path: str | Path) -> xr.Dataset | None:
    """Return the labelled truth in the HDF5 file at ``path``; None where there is none of this kind."""
    if not Path(path).is_file():
        return None
    with h5py.File(path, "r") as file:
        group = file.get(TRUTH)
        if group is None or group.attrs.get("kind") != MADE:
            return None
        variables = {name: _variable(stored) for name, stored in group.items()}
        coords = {name for name, stored in group.items() if stored.attrs["coordinate"]}
        return xr.Dataset(variables, attrs=json.loads(group.attrs["attrs"])).set_coords(coords)


def _units(simulation: Simulation) -> Any:
    from hdmf.common import VectorData, VectorIndex
    from pynwb.misc import Units

    times = VectorData(
        name="spike_times",
        description="spike times, s",
        data=np.concatenate([np.empty(0), *simulation.spike_times]).astype(float),
    )
    units = {LOCATION if name == "area" else name: column for name, column in simulation.units.items()}
    ends = np.cumsum([len(own) for own in simulation.spike_times])
    return Units(
        name="units",
        description=NOTE,
        id=np.arange(len(simulation.spike_times)),
        columns=[times, VectorIndex(name="spike_times_index", data=ends, target=times), *_columns(units)],
    )


def _trials(columns: Mapping[str, np.ndarray]) -> Any:
    from pynwb.epoch import TimeIntervals

    return TimeIntervals(
        name="trials", description=NOTE, id=np.arange(len(columns["start_time"])), columns=_columns(columns)
    )


def _columns(columns: Mapping[str, np.ndarray]) -> list[Any]:
    from hdmf.common import VectorData

    return [VectorData(name=name, description=name, data=_stored(column)) for name, column in columns.items()]


def _stored(column: np.ndarray) -> Any:
    """Return a column as NWB keeps it: texts as a list of strings."""
    return [str(one) for one in column] if np.asarray(column).dtype.kind in "OU" else np.asarray(column)


def _series(name: str, series: Series) -> Any:
    from pynwb import TimeSeries

    said = series.description or name
    return TimeSeries(name=name, data=series.values, unit=series.units, timestamps=series.time, description=said)


def _write_truth(file: h5py.File, truth: xr.Dataset) -> None:
    group = file.require_group(TRUTH)
    group.attrs["description"], group.attrs["kind"] = NOTE, MADE
    group.attrs["attrs"] = json.dumps(truth.attrs)
    for name, variable in truth.variables.items():
        values = variable.to_numpy()
        is_text = values.dtype.kind in "OU"
        data = values.astype(str).astype(object) if is_text else values
        packed = {"compression": "gzip"} if values.size > 8192 else {}
        stored = group.create_dataset(str(name), data=data, dtype=_TEXT if is_text else None, **packed)
        stored.attrs["dims"] = json.dumps(variable.dims)
        stored.attrs["attrs"] = json.dumps(variable.attrs)
        stored.attrs["coordinate"] = name in truth.coords


def _variable(stored: h5py.Dataset) -> xr.Variable:
    is_text = h5py.check_string_dtype(stored.dtype) is not None
    values = stored.asstr()[()] if is_text else stored[()]
    return xr.Variable(json.loads(stored.attrs["dims"]), values, json.loads(stored.attrs["attrs"]))
