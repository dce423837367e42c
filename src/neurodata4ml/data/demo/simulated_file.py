"""Write a simulated session as an NWB file with the tables and columns of Allen's Visual Coding Neuropixels files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from neurodata4ml.data.demo.choice import record_choices
from neurodata4ml.data.demo.movie import demo_movie, show_movie
from neurodata4ml.data.demo.period import Period
from neurodata4ml.data.demo.simulate import DURATION, FORMAT, Recording, demo_responses, simulate
from neurodata4ml.data.made_parts import NOTE, TRUTH, intervals, new_file, time_series, units_table, write_file
from neurodata4ml.errors import DesignError
from neurodata4ml.simulation import Series

FIRST_UNIT = 5000
"""Id of the first unit; ids are not positions, as in real files."""

SCENES = "natural_scenes_presentations"

_TRUTH_FIELDS = ("frame", "block", "start_time", "invalid", "trial_speed", "gain", "drift", "loading")


def write_demo(path: Path, *, seed: int = 0) -> Path:
    """Simulate the demo and write it: scenes, a movie, a choice task; the same seed gives the same recording."""
    recording = simulate(demo_responses(), seed=seed)
    movie = show_movie(recording, demo_movie(), seed=seed)
    choices = record_choices(recording, start=movie.stop, seed=seed)
    return write_recording(recording, path, seed=seed, periods=(movie, choices))


def write_recording(recording: Recording, path: Path, *, seed: int, periods: Sequence[Period] = ()) -> Path:
    """Write ``recording`` and what came after it with pynwb, and the truth beside it under ``/scratch``.

    The same recording gives the same content; the file's own identifiers follow from ``seed``.
    """
    nwb = new_file("demo", seed, f"Handwritten digits shown like Allen's natural scenes; format {FORMAT}, seed {seed}.")
    _add_electrodes(nwb, recording.responses.area)
    _add_units(nwb, recording, periods)
    for name, columns in _tables(recording, periods).items():
        table = intervals(name, columns)
        if name == "trials":
            nwb.trials = table
        else:
            nwb.add_time_intervals(table)
    nwb.add_invalid_times_column("tags", "what went wrong", index=True)
    start, stop = map(float, recording.invalid)
    nwb.add_invalid_time_interval(start_time=start, stop_time=stop, tags=["simulated fault"])
    _add_scenes(nwb, recording.responses.images)
    _add_movies(nwb, periods)
    _add_series(nwb, recording, periods)
    ids = {"unit": FIRST_UNIT + np.arange(len(recording.spike_times))}
    write_file(nwb, path, {f"scratch/{its.table}": its.truth.assign_coords(ids) for its in periods})
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


def truth_fields(recording: Recording) -> dict[str, np.ndarray]:
    """Return what the file keeps of the truth: the arrays that the closed forms need."""
    fields = {name: getattr(recording, name) for name in _TRUTH_FIELDS}
    return {**fields, "mean_rate": recording.responses.mean_rate}


def _write_truth(file: h5py.File, recording: Recording) -> None:
    group = file.require_group(TRUTH)
    group.attrs["description"] = NOTE
    for name, values in truth_fields(recording).items():
        group.create_dataset(name, data=values, compression="gzip" if values.nbytes > 65536 else None)


def _channel_ids(n_units: int) -> np.ndarray:
    return 1000 + 2 * np.arange(n_units)


def _add_electrodes(nwb: Any, area: np.ndarray) -> None:
    """One channel per unit on one simulated probe per area."""
    device = nwb.create_device("simulated probe", description=NOTE)
    group = {
        a: nwb.create_electrode_group(f"probe_{a}", description=NOTE, location=a, device=device)
        for a in dict.fromkeys(area)
    }
    nwb.add_electrode_column("local_index", "channel on its probe")
    nwb.add_electrode_column("valid_data", "whether the channel can be used")
    for row, (number, a) in enumerate(zip(_channel_ids(len(area)), area, strict=True)):
        nwb.add_electrode(
            id=int(number),
            location=str(a),
            group=group[a],
            filtering="none",
            local_index=row,
            valid_data=True,
        )


def _add_units(nwb: Any, recording: Recording, periods: Sequence[Period]) -> None:
    trains = [recording.spike_times, *(period.spike_times for period in periods)]
    spikes = [np.concatenate(own) for own in zip(*trains, strict=True)]
    n = len(spikes)
    stop = periods[-1].stop if periods else recording.stop
    columns = {
        "peak_channel_id": _channel_ids(n),
        "quality": np.full(n, "good"),
        "amplitude_cutoff": np.full(n, 0.01),
        "presence_ratio": np.full(n, 0.99),
        "isi_violations": np.zeros(n),
        "firing_rate": np.array([len(own) for own in spikes]) / stop,
        "cluster_id": np.arange(n),
        "local_index": np.arange(n),
    }
    nwb.units = units_table(spikes, FIRST_UNIT + np.arange(n), columns)


def _tables(recording: Recording, periods: Sequence[Period]) -> dict[str, dict[str, np.ndarray]]:
    """Return the columns of all tables of intervals; where periods share a table, its rows follow each other."""
    n = len(recording.frame)
    gray = np.flatnonzero(np.diff(recording.start_time) > 1.5 * DURATION)
    found = {
        SCENES: {
            "start_time": recording.start_time,
            "stop_time": recording.start_time + DURATION,
            "stimulus_name": np.full(n, "natural_scenes"),
            "stimulus_block": recording.block.astype(float),
            "stimulus_index": np.zeros(n),
            "frame": recording.frame.astype(float),
        },
        "spontaneous_presentations": {
            "start_time": np.r_[0.0, recording.start_time[gray] + DURATION],
            "stop_time": np.r_[recording.start_time[0], recording.start_time[gray + 1]],
            "stimulus_name": np.full(len(gray) + 1, "spontaneous"),
        },
    }
    for its in periods:
        for name, columns in its.tables.items():
            before = found.get(name, {key: values[:0] for key, values in columns.items()})
            found[name] = {key: np.concatenate([before[key], columns[key]]) for key in columns}
    return found


def _add_scenes(nwb: Any, scenes: np.ndarray) -> None:
    from pynwb.base import ImageReferences, Images
    from pynwb.image import GrayscaleImage

    images = [GrayscaleImage(name=f"image{k:03d}", data=pixels) for k, pixels in enumerate(scenes)]
    nwb.add_stimulus_template(
        Images(
            name="natural_scenes_template",
            images=images,
            description="handwritten digits in the order of frame",
            order_of_images=ImageReferences(name="order_of_images", data=images),
        )
    )


def _add_movies(nwb: Any, periods: Sequence[Period]) -> None:
    from pynwb.image import ImageSeries

    for its in periods:
        for name, frames in its.images.items():
            movie = ImageSeries(
                name=name,
                data=frames,
                unit="n.a.",
                starting_time=0.0,
                rate=30.0,
                description="the movie, frame by frame, in the order of frame",
            )
            nwb.add_stimulus_template(movie)


def _add_series(nwb: Any, recording: Recording, periods: Sequence[Period]) -> None:
    """One series per name, each period's samples after those of the one before it."""
    running = Series(recording.running_speed, recording.running_time, "cm/s")
    parts: dict[str, list[Series]] = {"running_speed": [running]}
    for its in periods:
        for name, series in its.series.items():
            parts.setdefault(name, []).append(series)
    modules = {"running_speed": ("running", "running on a wheel")}
    for name, pieces in parts.items():
        module = nwb.create_processing_module(*modules.get(name, ("behavior", "what the animal did")))
        values, time = (np.concatenate([getattr(one, key) for one in pieces]) for key in ("values", "time"))
        module.add(time_series(name, Series(values, time, pieces[0].units, pieces[0].description)))
