"""A session in the layout of Allen's Visual Coding Neuropixels files (DANDI 000021), of made-up numbers.

Written by pynwb as the real files are: uncompressed, with waveforms and amplitudes beside the spikes, many tables of
presentations, texts that hold numbers, and electrodes that know the areas.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tomli_w
from hdmf.common import VectorIndex
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.misc import Units

from archive import Archive
from neurodata4ml import describe
from neurodata4ml.data.entries.records import Entry
from twins import column, intervals, new_file, ragged

AREAS = ("VISp", "VISl", "LGd", "CA1")
LAYOUT: dict[str, Any] = {
    "default_trials": "natural_scenes",
    "area": {
        "column": "peak_channel_id",
        "table": "general/extracellular_ephys/electrodes",
        "key": "id",
        "value": "location",
    },
    "quality": [
        {"column": "quality", "op": "==", "value": "good"},
        {"column": "amplitude_cutoff", "op": "<=", "value": 0.1},
        {"column": "presence_ratio", "op": ">=", "value": 0.95},
        {"column": "isi_violations", "op": "<=", "value": 0.5},
    ],
    "trials": {
        "natural_scenes": {
            "table": "intervals/natural_scenes_presentations",
            "stimulus": "frame",
            "block": "stimulus_block",
            "blank": -1,
            "window": [0.0, 0.25],
        },
        "drifting_gratings": {
            "table": "intervals/drifting_gratings_presentations",
            "stimulus": "orientation",
            "block": "stimulus_block",
            "blank": "nan",
            "window": [0.0, 2.0],
        },
        "natural_movie_one": {
            "table": "intervals/natural_movie_one_presentations",
            "stimulus": "frame",
            "block": "stimulus_block",
        },
    },
    "series": {"running": "processing/running/running_speed", "pupil": "processing/eye_tracking/pupil"},
}
SCALARS = ("PT_ratio", "amplitude", "cumulative_drift", "d_prime", "firing_rate", "isolation_distance", "l_ratio",
           "max_drift", "nn_hit_rate", "nn_miss_rate", "recovery_slope", "silhouette_score", "snr", "spread",
           "velocity_above", "waveform_duration", "waveform_halfwidth")  # fmt: skip


def allen_session(
    path: Path,
    *,
    n_units: int = 60,
    spikes: int = 2000,
    scenes: int = 238,
    good: float = 0.4,
    seed: int = 0,
    contiguous: bool = True,
) -> Path:
    """Write a session whose units have ``spikes`` spikes on average, one in ten none; a share ``good`` is good.

    ``contiguous``: each dataset lies in one piece, as in the real files; else in chunks, as pynwb writes today.
    """
    nwb, rng = new_file("allen"), np.random.default_rng(seed)
    stop = 20.0 + 0.25 * scenes
    wheel = rng.normal(size=int(100 * stop)).astype(np.float32)
    nwb.add_acquisition(TimeSeries(name="raw_running_wheel_rotation", data=wheel, unit="radians", rate=100.0))
    nwb.subject.genotype = "wt/wt"
    channels = _electrodes(nwb, n_units)
    _units(nwb, n_units, spikes, good, stop, channels, rng)
    _presentations(nwb, scenes, rng)
    clock = np.cumsum(rng.uniform(0.01, 0.02, int(60 * stop)))
    running = nwb.create_processing_module("running", "running on a wheel")
    speed = TimeSeries(name="running_speed", data=rng.normal(size=len(clock)), unit="cm/s", timestamps=clock)
    running.add(speed)
    running.add(TimeSeries(name="running_wheel_rotation", data=wheel[:10], unit="radians", timestamps=clock[:10]))
    with NWBHDF5IO(str(path), "w") as io:
        io.write(nwb, expandable=() if contiguous else ("VectorData", "ElementIdentifiers"))
    return path


def compressed(path: Path, copy: Path, *, rows: int) -> Path:
    """Write a copy of a file whose long datasets of numbers are compressed, in chunks of so many rows."""
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        found: list[h5py.Dataset] = []
        file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
        for item in found:
            if item.shape and item.shape[0] > rows and item.dtype.kind in "iuf":
                name, values, attrs = item.name, item[()], dict(item.attrs)
                del file[name]
                how = {"chunks": (rows, *values.shape[1:]), "compression": "gzip", "shuffle": True}
                file.create_dataset(name, data=values, **how).attrs.update(attrs)
    return copy


def entered(archive: Archive, catalog: Path, file: Path, layout: dict[str, Any] = LAYOUT, **pin: Any) -> Entry:
    """Put a file into the archive, and an entry ``my-allen`` that pins it into a catalog; ``pin`` replaces pins."""
    content = file.read_bytes()
    stored = archive.put(file.name, file if len(content) > 10_000_000 else content)
    pinned = {"path": file.name, "url": archive.url(stored), "size": len(content), "etag": stored.etag}
    pinned |= {"sha256": hashlib.sha256(content).hexdigest(), **pin}
    facts = {
        "name": "my-allen",
        "title": "a twin",
        "summary": "made up",
        "archive": "http",
        "version": "1",
        "license": "CC0-1.0",
        "citation": "Nobody 2026",
        "species": "mouse",
        "modality": "Neuropixels",
        "task": "natural scenes",
        "default_session": "one",
        "sessions": {"one": pinned},
        "layout": layout,
    }
    catalog.mkdir(exist_ok=True)
    (catalog / "my-allen.toml").write_text(tomli_w.dumps(facts), encoding="utf-8")
    return describe("my-allen")


def _electrodes(nwb: NWBFile, n_units: int) -> np.ndarray:
    device = nwb.create_device("probeA")
    group = nwb.create_electrode_group("probeA", description="made up", location="brain", device=device)
    nwb.add_electrode_column("probe_vertical_position", "um from the tip")
    ids = 850_000_000 + 2 * np.arange(n_units)
    for row, number in enumerate(ids):
        area = AREAS[row * len(AREAS) // n_units]
        nwb.add_electrode(id=int(number), location=area, group=group, probe_vertical_position=20 * row)
    return ids


def _units(nwb: NWBFile, n: int, spikes: int, good: float, stop: float, channels: np.ndarray, rng: Any) -> None:
    counts = rng.poisson(spikes, n) * (np.arange(n) % 10 != 7)
    rows = [np.sort(rng.uniform(0, stop, count)) for count in counts]
    times, times_index = ragged("spike_times", rows)
    amplitudes, amplitudes_index = ragged("spike_amplitudes", [rng.normal(size=count) for count in counts])
    waveforms = column("waveform_mean", rng.normal(size=(n * 20, 82)))
    waveforms_index = VectorIndex(name="waveform_mean_index", data=20 * np.arange(1, n + 1), target=waveforms)
    cutoff = np.where(rng.uniform(size=n) < good, rng.uniform(0, 0.1, n), 0.4)
    scalars = [column(name, rng.normal(size=n)) for name in SCALARS]
    nwb.units = Units(
        name="units",
        columns=[
            column("peak_channel_id", rng.permutation(channels)),
            column("quality", ["noise" if unit % 13 == 5 else "good" for unit in range(n)]),
            column("amplitude_cutoff", cutoff),
            column("presence_ratio", np.full(n, 0.99)),
            column("isi_violations", np.where(np.arange(n) % 17 == 3, np.nan, 0.1)),
            column("local_index", np.arange(n)),
            *scalars,
            times,
            times_index,
            amplitudes,
            amplitudes_index,
            waveforms,
            waveforms_index,
        ],
        id=951_000_000 + np.arange(n),
    )


def _presentations(nwb: NWBFile, scenes: int, rng: Any) -> None:
    frame = rng.permutation(np.resize(np.arange(-1.0, 118.0), scenes))
    start = 10.0 + 0.25 * np.arange(scenes)
    common = {"stimulus_index": np.zeros(scenes), "color": ["null"] * scenes, "mask": ["None"] * scenes}
    table = intervals("natural_scenes_presentations", start, start + 0.25, frame=frame, **common)
    _say(table, "natural_scenes", scenes)
    nwb.add_time_intervals(table)
    gratings = scenes // 8
    start = 10.0 + 2.0 * np.arange(gratings)
    orientation = np.resize([0.0, 45.0, 90.0, np.nan], gratings)
    texts = {"spatial_frequency": ["0.04"] * gratings, "phase": ["[0.0, 0.0]"] * gratings}
    table = intervals("drifting_gratings_presentations", start, start + 2.0, orientation=orientation, **texts)
    _say(table, "drifting_gratings", gratings)
    nwb.add_time_intervals(table)
    frames = 3 * scenes
    start = 10.0 + np.arange(frames) / 30.0
    movie = np.resize(np.arange(900.0), frames)
    table = intervals("natural_movie_one_presentations", start, start + 1 / 30, frame=movie)
    _say(table, "natural_movie_one", frames)
    nwb.add_time_intervals(table)
    for first, last in ((26.0, 27.0), (12.1, 12.3)):
        nwb.add_invalid_time_interval(start_time=first, stop_time=last)


def _say(table: Any, name: str, n: int) -> None:
    table.add_column("stimulus_name", "kind of stimulus", data=[name] * n)
    table.add_column("stimulus_block", "block of presentations", data=np.arange(n) * 5 // n * 2.0)
    table.add_column("tags", "tags", data=[["stimulus_time_interval"]] * n, index=True)
