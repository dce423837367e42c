"""Write a simulated session as an NWB file with the tables and columns of Allen's Visual Coding Neuropixels files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import h5py
import numpy as np

from neurodata4ml.data.simulate import DURATION, FORMAT, Recording, demo_responses, simulate
from neurodata4ml.errors import DesignError

NOTE = "Simulated by neurodata4ml: no animal was recorded."

FIRST_UNIT = 5000
"""Id of the first unit; ids are not positions, as in real files."""

TRUTH = "scratch/simulation"
"""Where the file keeps what no laboratory could know; read by ``neurodata4ml.data.truth``."""

_TRUTH_FIELDS = ("frame", "block", "start_time", "invalid", "trial_speed", "gain", "drift", "loading")


def write_demo(path: Path, *, seed: int = 0) -> Path:
    """Simulate the demo and write it; the same seed gives the same recording."""
    return write_recording(simulate(demo_responses(), seed=seed), path, seed=seed)


def write_recording(recording: Recording, path: Path, *, seed: int) -> Path:
    """Write ``recording`` with pynwb, and its truth beside it under ``/scratch``.

    The same recording gives the same content; the file's own identifiers follow from ``seed``.
    """
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.file import Subject

    nwb = NWBFile(
        session_description=f"{NOTE} Handwritten digits shown like Allen's natural scenes; seed {seed}.",
        identifier=f"neurodata4ml-demo-{FORMAT}-{seed}",
        session_id=str(seed),
        session_start_time=datetime(2026, 1, 1, tzinfo=UTC),
        file_create_date=datetime(2026, 1, 1, tzinfo=UTC),
        institution="simulated",
        keywords=["simulated"],
    )
    nwb.subject = Subject(subject_id="simulated", species="none (simulated)", description=NOTE)
    _add_units(nwb, recording, _add_electrodes(nwb, recording.responses.area))
    _add_stimuli(nwb, recording)
    _add_running(nwb, recording)
    _name_objects(nwb)
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb)
    with h5py.File(path, "r+") as file:
        _write_truth(file, recording)
    return path


def read_truth(path: str | Path) -> dict[str, np.ndarray] | None:
    """Return the fields of the simulation in the HDF5 file at ``path``; None where there are none.

    Raises
    ------
    DesignError
        When it is a Zarr store, or lies on a server: they are read from a file of this machine alone.
    """
    if not Path(path).is_file():
        message = (
            f"the truth of a simulated session is read from its HDF5 file on this machine; {path} is none. "
            'Type open_session("demo").'
        )
        raise DesignError(message)
    with h5py.File(path, "r") as file:
        group = file.get(TRUTH)
        return None if group is None else {name: group[name][()] for name in group}


def _name_objects(nwb: Any) -> None:
    """Give every object an id that follows from the session: pynwb draws them at random, and offers no other way."""
    for number, thing in enumerate(nwb.all_children()):
        own = uuid5(NAMESPACE_URL, f"{nwb.identifier}/{number}/{thing.name}")
        thing._AbstractContainer__object_id = str(own)


def truth_fields(recording: Recording) -> dict[str, np.ndarray]:
    """Return what the file keeps of the truth: the arrays that the closed forms need."""
    fields = {name: getattr(recording, name) for name in _TRUTH_FIELDS}
    return {**fields, "mean_rate": recording.responses.mean_rate}


def _write_truth(file: h5py.File, recording: Recording) -> None:
    group = file.require_group(TRUTH)
    group.attrs["description"] = NOTE
    for name, values in truth_fields(recording).items():
        group.create_dataset(name, data=values, compression="gzip" if values.nbytes > 65536 else None)


def _add_electrodes(nwb: Any, area: np.ndarray) -> np.ndarray:
    """One channel per unit on one simulated probe per area; returns the channel ids."""
    channel_ids = 1000 + 2 * np.arange(len(area))
    device = nwb.create_device("simulated probe", description=NOTE)
    group = {
        a: nwb.create_electrode_group(f"probe_{a}", description=NOTE, location=a, device=device)
        for a in dict.fromkeys(area)
    }
    nwb.add_electrode_column("local_index", "channel on its probe")
    nwb.add_electrode_column("valid_data", "whether the channel can be used")
    for row, a in enumerate(area):
        nwb.add_electrode(
            id=int(channel_ids[row]),
            location=str(a),
            group=group[a],
            filtering="none",
            local_index=row,
            valid_data=True,
        )
    return channel_ids


def _add_units(nwb: Any, recording: Recording, channel_ids: np.ndarray) -> None:
    columns: dict[str, tuple[str, Any]] = {
        "peak_channel_id": (
            "id of the electrode with the largest waveform",
            lambda unit: int(channel_ids[unit]),
        ),
        "quality": ("label of the spike sorting", lambda unit: "good"),
        "amplitude_cutoff": ("estimated share of missed spikes", lambda unit: 0.01),
        "presence_ratio": ("share of the session in which the unit fires", lambda unit: 0.99),
        "isi_violations": ("relative rate of refractory-period violations", lambda unit: 0.0),
        "firing_rate": ("mean rate in Hz", lambda unit: len(recording.spike_times[unit]) / recording.stop),
        "cluster_id": ("id of the cluster", int),
        "local_index": ("unit on its probe", int),
    }
    for name, (description, _) in columns.items():
        nwb.add_unit_column(name, description)
    for unit, spikes in enumerate(recording.spike_times):
        values = {name: value(unit) for name, (_, value) in columns.items()}
        nwb.add_unit(id=FIRST_UNIT + unit, spike_times=spikes, **values)


def _add_stimuli(nwb: Any, recording: Recording) -> None:
    from pynwb.base import ImageReferences, Images
    from pynwb.image import GrayscaleImage

    scenes = _intervals("natural_scenes_presentations", recording.start_time, recording.start_time + DURATION)
    scenes.add_column("stimulus_name", "kind of stimulus", data=["natural_scenes"] * len(recording.frame))
    scenes.add_column("stimulus_block", "block of presentations", data=recording.block.astype(float))
    scenes.add_column("stimulus_index", "place of the kind in the session", data=np.zeros(len(recording.frame)))
    scenes.add_column("frame", "the image shown; -1 is a blank sweep", data=recording.frame.astype(float))
    nwb.add_time_intervals(scenes)
    gray = np.flatnonzero(np.diff(recording.start_time) > 1.5 * DURATION)
    starts = np.r_[0.0, recording.start_time[gray] + DURATION]
    stops = np.r_[recording.start_time[0], recording.start_time[gray + 1]]
    spontaneous = _intervals("spontaneous_presentations", starts, stops)
    spontaneous.add_column("stimulus_name", "kind of stimulus", data=["spontaneous"] * len(starts))
    nwb.add_time_intervals(spontaneous)
    nwb.add_invalid_times_column("tags", "what went wrong", index=True)
    start, stop = map(float, recording.invalid)
    nwb.add_invalid_time_interval(start_time=start, stop_time=stop, tags=["simulated fault"])
    images = [GrayscaleImage(name=f"image{k:03d}", data=pixels) for k, pixels in enumerate(recording.responses.images)]
    nwb.add_stimulus_template(
        Images(
            name="natural_scenes_template",
            images=images,
            description="handwritten digits in the order of frame",
            order_of_images=ImageReferences(name="order_of_images", data=images),
        )
    )


def _intervals(name: str, starts: np.ndarray, stops: np.ndarray) -> Any:
    from hdmf.common import VectorData
    from pynwb.epoch import TimeIntervals

    return TimeIntervals(
        name=name,
        description=NOTE,
        columns=[
            VectorData(name="start_time", description="onset, s", data=starts),
            VectorData(name="stop_time", description="offset, s", data=stops),
        ],
        id=np.arange(len(starts)),
    )


def _add_running(nwb: Any, recording: Recording) -> None:
    from pynwb import TimeSeries

    module = nwb.create_processing_module("running", "running on a wheel")
    module.add(
        TimeSeries(name="running_speed", data=recording.running_speed, unit="cm/s", timestamps=recording.running_time)
    )
