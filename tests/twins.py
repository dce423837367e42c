"""Small NWB files written with pynwb that stand in for recordings: the layouts of real ones, made-up numbers."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hdmf.common import DynamicTable, DynamicTableRegion, EnumData, VectorData, VectorIndex
from pynwb import NWBHDF5IO, NWBFile, TimeSeries
from pynwb.base import ImageReferences, Images
from pynwb.ecephys import ElectricalSeries
from pynwb.epoch import TimeIntervals
from pynwb.file import Subject
from pynwb.image import GrayscaleImage, ImageSeries, IndexSeries
from pynwb.misc import Units
from pynwb.ophys import (
    DfOverF,
    ImageSegmentation,
    ImagingPlane,
    OpticalChannel,
    PlaneSegmentation,
    RoiResponseSeries,
)

AREAS = ("VISp", "VISl", "LGd")


def new_file(name: str) -> NWBFile:
    """Return an empty NWB file in memory."""
    nwb = NWBFile(f"made-up twin: {name}", name, datetime(2026, 1, 1, tzinfo=UTC), session_id=f"{name}-1")
    nwb.subject = Subject(subject_id="nobody", species="Mus musculus", sex="U", age="P100D", description="made up")
    return nwb


def write(nwb: NWBFile, path: Path, libver: str = "earliest") -> Path:
    """Write ``nwb`` to ``path`` and return it; ``libver`` says how modern the structures of the file are."""
    with h5py.File(path, "w", libver=libver) as file, NWBHDF5IO(file=file, mode="w") as io:
        io.write(nwb)
    return path


def column(name: str, values: Any, description: str = "made up") -> VectorData:
    """Return a column of a table."""
    return VectorData(name=name, description=description, data=values)


def ragged(name: str, rows: list[Any]) -> tuple[VectorData, VectorIndex]:
    """Return a ragged column and its index."""
    data = column(name, np.concatenate([np.asarray(row) for row in rows]))
    return data, VectorIndex(name=f"{name}_index", data=np.cumsum([len(row) for row in rows]), target=data)


def spikes(n_units: int, *, stop: float, rate: float = 10.0, seed: int = 0) -> list[np.ndarray]:
    """Return sorted spike times in s of Poisson units; unit 1 never fires."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(rate * stop, n_units) * (np.arange(n_units) != 1)
    return [np.sort(rng.uniform(0, stop, count)) for count in counts]


def intervals(name: str, start: Any, stop: Any, **columns: Any) -> TimeIntervals:
    """Return an interval table with plain columns."""
    return TimeIntervals(
        name=name,
        description="made up",
        columns=[
            column("start_time", np.asarray(start, float)),
            column("stop_time", np.asarray(stop, float)),
            *(column(key, values) for key, values in columns.items()),
        ],
        id=np.arange(len(start)) + 100,
    )


def allen_twin(path: Path, *, n_units: int = 9, n_blocks: int = 3, seed: int = 0) -> Path:
    """Write a file in the layout of Allen Visual Coding Neuropixels (DANDI 000021); 6 images and a blank per block."""
    nwb, rng = new_file("allen-twin"), np.random.default_rng(seed)
    _allen_units(nwb, n_units, stop=60.0, seed=seed)
    frame = np.concatenate([rng.permutation(np.arange(-1, 6)) for _ in range(n_blocks)]).astype(float)
    start = 5.0 + 0.25 * np.arange(len(frame)) + 10.0 * np.repeat(np.arange(n_blocks), 7)
    block = np.repeat(np.arange(n_blocks) * 2 + 3, 7).astype(float)
    scenes = intervals("natural_scenes_presentations", start, start + 0.25, frame=frame, stimulus_block=block)
    scenes.add_column("stimulus_name", "kind of stimulus", data=["natural_scenes"] * len(frame))
    scenes.add_column("tags", "tags", data=[["stimulus_time_interval"]] * len(frame), index=True)
    nwb.add_time_intervals(scenes)
    gratings = intervals(
        "drifting_gratings_presentations",
        [40.0, 43.0, 46.0, 49.0],
        [42.0, 45.0, 48.0, 51.0],
        orientation=np.array([0.0, 90.0, np.nan, 45.0]),
        spatial_frequency=["0.04", "0.04", "null", "0.08"],
        phase=["[0.0, 0.0]"] * 4,
        units=["deg"] * 4,
        mask=["None"] * 4,
        code=["007", "008", "007", "009"],
    )
    nwb.add_time_intervals(gratings)
    for start_time, stop_time in ((26.0, 27.0), (5.1, 5.3), (5.2, 5.6)):  # neither sorted nor apart
        nwb.add_invalid_time_interval(start_time=start_time, stop_time=stop_time)
    running = nwb.create_processing_module("running", "running on a wheel")
    clock = np.cumsum(rng.uniform(0.01, 0.03, 2000))
    speed = TimeSeries(name="running_speed", data=rng.normal(size=2000), unit="cm/s", timestamps=clock)
    running.add(speed)
    running.add(
        TimeSeries(
            name="running_wheel_rotation", data=np.arange(2000, dtype=np.float32), unit="radians", timestamps=speed
        )
    )
    return write(nwb, path)


def alm_twin(path: Path, *, n_trials: int = 40, seed: int = 0) -> Path:
    """Write a file in the layout of mouse-alm (Guo et al. 2017): trials without a cue time, ragged electrodes."""
    nwb, rng = new_file("alm-twin"), np.random.default_rng(seed)
    _electrodes(nwb, ["brain_region: Thalamus", "brain_region: ALM"] * 2, ids=np.arange(4))
    rows = spikes(4, stop=12.0 * n_trials, rate=5.0, seed=seed)
    times, times_index = ragged("spike_times", rows)
    region = DynamicTableRegion(
        name="electrodes", data=[2, 0, 1, 3, 1], description="electrodes of the unit", table=nwb.electrodes
    )
    nwb.units = Units(
        name="units",
        columns=[
            times,
            times_index,
            region,
            VectorIndex(name="electrodes_index", data=[2, 3, 4, 5], target=region),
            column("cell_type", ["wide", "narrow", "narrow", "narrow"]),
            column("waveform_mean", rng.normal(size=(4, 29)).astype(np.float32)),
        ],
        id=np.arange(1, 5),
    )
    start = 12.0 * np.arange(n_trials) + 0.5
    kind = np.array(["lick left", "lick right", "non-performing"])[np.arange(n_trials) % 3]
    cue = np.where(kind == "non-performing", np.nan, start + 3.0)
    nwb.trials = intervals(
        "trials",
        start,
        start + 6.0,
        type=list(kind),
        response=["N/A" if k == "non-performing" else "correct" for k in kind],
        is_good=np.ones(n_trials, np.int32),
        cue_start_time=cue,
    )
    return write(nwb, path)


def imaging_plane(nwb: NWBFile, **more: Any) -> ImagingPlane:
    """Add a microscope and the plane that it looks at."""
    return nwb.create_imaging_plane(
        name="plane",
        optical_channel=OpticalChannel(name="channel", description="made up", emission_lambda=510.0),
        description="made up",
        device=nwb.create_device("microscope"),
        excitation_lambda=910.0,
        indicator="GCaMP6f",
        location="VISp",
        imaging_rate=30.0,
        **more,
    )


def two_photon_twin(path: Path, *, n_rois: int = 5, seed: int = 0) -> Path:
    """Write a file in the layout of Allen's 2-photon data (DANDI 000728): dF/F, linked clocks, an IndexSeries."""
    nwb, rng = new_file("two-photon-twin"), np.random.default_rng(seed)
    plane = imaging_plane(nwb)
    masks = PlaneSegmentation(name="PlaneSegmentation", description="ROIs", imaging_plane=plane)
    for k in range(n_rois):
        masks.add_roi(pixel_mask=[(k, k, 1.0), (k + 1, k, 0.5)])
    masks.add_column("global_roi_id", "cell", data=np.arange(n_rois) + 517400000)
    module = nwb.create_processing_module("ophys", "responses")
    module.add(ImageSegmentation(plane_segmentations=[masks]))
    rois = masks.create_roi_table_region(region=list(range(n_rois)), description="all")
    clock = np.arange(300) / 30.0 + 1.0
    dff = RoiResponseSeries(name="DfOverF", data=rng.normal(size=(300, n_rois)), rois=rois, unit="1", timestamps=clock)
    events = RoiResponseSeries(
        name="DfOverFEvents", data=rng.exponential(size=(300, n_rois)), rois=rois, unit="1", timestamps=dff
    )
    module.add(DfOverF(roi_response_series=[dff, events]))
    pixels = [rng.integers(0, 255, (4, 6)).astype(np.uint8) for _ in range(3)]
    images = [GrayscaleImage(name=f"NaturalScene{k}", data=pixels[k]) for k in (2, 0, 1)]
    order = ImageReferences(name="order_of_images", data=[images[1], images[2], images[0]])
    template = Images(name="natural_scenes_template", images=images, order_of_images=order, description="made up")
    nwb.add_stimulus_template(template)
    shown = np.array([2, 0, 1, 1, 0, 2], np.uint32)
    nwb.add_stimulus(
        IndexSeries(
            name="natural_scenes_stimulus",
            data=shown,
            unit="N/A",
            indexed_images=template,
            timestamps=2.0 + 0.25 * np.arange(6),
        )
    )
    return write(nwb, path)


def everything_twin(path: Path, *, seed: int = 0) -> Path:
    """Write one object of most kinds: scaled and multichannel series, doubly ragged and coded columns, images."""
    nwb, rng = new_file("everything-twin"), np.random.default_rng(seed)
    _electrodes(nwb, ["VISp", "VISl", "LGd"], ids=[10, 11, 12])
    region = nwb.create_electrode_table_region(region=[2, 0, 1], description="all")
    nwb.add_acquisition(
        ElectricalSeries(
            name="lfp",
            data=rng.integers(-500, 500, (50, 3)).astype(np.int16),
            electrodes=region,
            conversion=2e-6,
            offset=1e-3,
            channel_conversion=[1.0, 2.0, 0.5],
            starting_time=3.0,
            rate=1000.0,
        )
    )
    nwb.add_acquisition(TimeSeries(name="bare", data=[1, 2, 3], unit="volts", starting_time=0.0, rate=10.0))
    nwb.add_stimulus_template(
        ImageSeries(
            name="movie",
            data=rng.integers(0, 255, (7, 4, 5)).astype(np.uint8),
            unit="n.a.",
            starting_time=0.0,
            rate=30.0,
        )
    )
    nwb.add_acquisition(
        ImageSeries(
            name="camera",
            external_file=["camera.avi"],
            starting_frame=[0],
            num_samples=5,
            format="external",
            unit="n.a.",
            starting_time=0.0,
            rate=30.0,
        )
    )
    waveforms = column("waveforms", rng.normal(size=(6, 4)).astype(np.float32))
    inner = VectorIndex(name="waveforms_index", data=np.array([1, 3, 4, 6], np.uint8), target=waveforms)
    outer = VectorIndex(name="waveforms_index_index", data=np.array([3, 4], np.uint8), target=inner)
    times, times_index = ragged("spike_times", spikes(2, stop=5.0, seed=seed))
    nwb.units = Units(name="units", columns=[times, times_index, waveforms, inner, outer], id=[7, 8])
    labels = column("state_elements", ["rest", "run", "sleep"])
    states = DynamicTable(
        name="states",
        description="coded states",
        columns=[
            EnumData(name="state", description="code", data=np.array([1, 1, 0, 2], np.uint8), elements=labels),
            column("states", [1.5, 2.5, 3.5, 4.5]),
            labels,
        ],
        id=np.arange(4),
    )
    module = nwb.create_processing_module("behavior", "made up")
    module.add(states)
    return write(nwb, path)


def _electrodes(nwb: NWBFile, locations: list[str], ids: Any) -> None:
    device = nwb.create_device("probe")
    group = nwb.create_electrode_group("probeA", description="made up", location="brain", device=device)
    for number, location in zip(ids, locations, strict=True):
        nwb.add_electrode(id=int(number), location=location, group=group)


def _allen_units(nwb: NWBFile, n_units: int, *, stop: float, seed: int) -> None:
    """Units with a peak channel whose electrode has the area; the last unit's channel is in no table."""
    rng = np.random.default_rng(seed)
    ids = 850090000 + 2 * rng.permutation(n_units + 3)
    _electrodes(nwb, [AREAS[k % 3] for k in range(n_units + 3)], ids)
    times, times_index = ragged("spike_times", spikes(n_units, stop=stop, seed=seed))
    amplitudes, amplitudes_index = ragged("spike_amplitudes", spikes(n_units, stop=stop, seed=seed))
    cutoff = np.full(n_units, 0.05)
    cutoff[0], cutoff[2] = 0.3, np.nan
    nwb.units = Units(
        name="units",
        columns=[
            column("peak_channel_id", np.append(ids[: n_units - 1], 1)),
            column("quality", ["good"] * (n_units - 1) + ["noise"]),
            column("amplitude_cutoff", cutoff),
            column("presence_ratio", np.full(n_units, 0.99)),
            column("isi_violations", np.full(n_units, 0.01)),
            column("firing_rate", rng.uniform(1, 20, n_units), description="mean rate in Hz, by the sorter"),
            times,
            times_index,
            amplitudes,
            amplitudes_index,
        ],
        id=951790000 + np.arange(n_units),
    )


def damaged(path: Path, copy: Path, *, replace: dict[str, Any]) -> Path:
    """Write a copy of ``path`` in which datasets have other values; None: the dataset is gone."""
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        for name, values in replace.items():
            attrs = dict(file[name].attrs)
            del file[name]
            if values is not None:
                file[name] = values
                file[name].attrs.update(attrs)
    return copy
