"""The parts of a simulated session's NWB file: its tables and series, and beside them what is true."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import h5py
import numpy as np
import xarray as xr

from neurodata4ml.simulation import Series

NOTE = "Simulated by neurodata4ml: no animal was recorded."

TRUTH = "scratch/simulation"
"""Where the file keeps what no laboratory could know; read by ``neurodata4ml.data.truth``."""

MADE = "made by a system of neurodata4ml"
"""What a group of truth says of itself, where it holds labelled arrays."""

SAID = {
    "start_time": "onset, s",
    "stop_time": "offset, s",
    "frame": "the image shown; -1 is a blank sweep",
    "stimulus_block": "block of presentations",
    "stimulus_name": "kind of stimulus",
    "stimulus_index": "place of the kind in the session",
    "response_choice": "1 left, -1 right, 0 none",
    "feedback_type": "1 reward, -1 none",
    "peak_channel_id": "id of the electrode with the largest waveform",
    "quality": "label of the spike sorting",
    "amplitude_cutoff": "estimated share of missed spikes",
    "presence_ratio": "share of the session in which the unit fires",
    "isi_violations": "relative rate of refractory-period violations",
    "firing_rate": "mean rate in Hz",
}
"""What columns are, where the name alone does not say it."""

_TEXT = h5py.string_dtype()


def new_file(system: str, seed: int, description: str) -> Any:
    """Return an empty NWBFile of a simulated session, all of whose fields follow from the arguments."""
    from pynwb import NWBFile
    from pynwb.file import Subject

    nwb = NWBFile(
        session_description=f"{NOTE} {description}",
        identifier=f"neurodata4ml-{system}-{seed}",
        session_id=str(seed),
        session_start_time=datetime(2026, 1, 1, tzinfo=UTC),
        file_create_date=datetime(2026, 1, 1, tzinfo=UTC),
        institution="simulated",
        keywords=["simulated"],
    )
    nwb.subject = Subject(subject_id="simulated", species="none (simulated)", description=NOTE)
    return nwb


def write_file(nwb: Any, path: Path, truths: Mapping[str, xr.Dataset]) -> None:
    """Write an NWBFile with ids that follow from its identifier, and under each group what is true."""
    from pynwb import NWBHDF5IO

    for number, thing in enumerate(nwb.all_children()):  # pynwb draws ids at random, and offers no other way
        own = uuid5(NAMESPACE_URL, f"{nwb.identifier}/{number}/{thing.name}")
        thing._AbstractContainer__object_id = str(own)
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb)
    with h5py.File(path, "r+") as file:
        for group, truth in truths.items():
            _write_truth(file.require_group(group), truth)


def units_table(spike_times: Sequence[np.ndarray], ids: np.ndarray, columns: Mapping[str, np.ndarray]) -> Any:
    """Return the table of units: spike times in s, one array per unit, and columns by name."""
    from hdmf.common import VectorData, VectorIndex
    from pynwb.misc import Units

    times = VectorData(
        name="spike_times",
        description="spike times, s",
        data=np.concatenate([np.empty(0), *spike_times]).astype(float),
    )
    ends = np.cumsum([len(own) for own in spike_times])
    return Units(
        name="units",
        description=NOTE,
        id=ids,
        columns=[times, VectorIndex(name="spike_times_index", data=ends, target=times), *_columns(columns)],
    )


def intervals(name: str, columns: Mapping[str, np.ndarray]) -> Any:
    """Return a table of intervals whose columns, ``start_time`` and ``stop_time`` in s among them, are given."""
    from pynwb.epoch import TimeIntervals

    return TimeIntervals(
        name=name, description=NOTE, id=np.arange(len(columns["start_time"])), columns=_columns(columns)
    )


def time_series(name: str, series: Series) -> Any:
    """Return a series as NWB keeps it."""
    from pynwb import TimeSeries

    said = series.description or name
    return TimeSeries(name=name, data=series.values, unit=series.units, timestamps=series.time, description=said)


def read_made_truth(path: str | Path, group: str = TRUTH) -> xr.Dataset | None:
    """Return the labelled truth in a group of the HDF5 file at ``path``; None where there is none of this kind."""
    if not Path(path).is_file():
        return None
    with h5py.File(path, "r") as file:
        there = file.get(group)
        if there is None or there.attrs.get("kind") != MADE:
            return None
        variables = {name: _variable(stored) for name, stored in there.items()}
        coords = {name for name, stored in there.items() if stored.attrs["coordinate"]}
        return xr.Dataset(variables, attrs=json.loads(there.attrs["attrs"])).set_coords(coords)


def _columns(columns: Mapping[str, np.ndarray]) -> list[Any]:
    from hdmf.common import VectorData

    return [
        VectorData(name=name, description=SAID.get(name, name), data=_stored(column))
        for name, column in columns.items()
    ]


def _stored(column: np.ndarray) -> Any:
    """Return a column as NWB keeps it: texts as a list of strings."""
    return [str(one) for one in column] if np.asarray(column).dtype.kind in "OU" else np.asarray(column)


def _write_truth(group: h5py.Group, truth: xr.Dataset) -> None:
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
