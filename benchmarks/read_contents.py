"""What stands in a file, in pynwb's containers: a Neuropixels-like session, a calcium-like one, many small objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pynwb
from hdmf.backends.hdf5 import H5DataIO
from hdmf.common import VectorData, VectorIndex
from pynwb.misc import Units
from pynwb.ophys import OpticalChannel, RoiResponseSeries

EVERY = 10
"""Of all units, each tenth is read: 0, 10, 20, ..."""


@dataclass(frozen=True)
class Scale:
    """How large the files are; ``times(0.001)`` gives small ones for the tests."""

    n_units: int = 1_000
    n_spikes: int = 20_000_000
    n_presentations: int = 5_950
    n_rois: int = 2_000
    n_frames: int = 100_000
    n_series: int = 1_500

    def times(self, factor: float) -> Scale:
        """Return fewer of all."""
        return Scale(**{name: int(number * factor) // EVERY * EVERY or EVERY for name, number in asdict(self).items()})

    @property
    def rois_read(self) -> tuple[int, int, int]:
        """How many frames are read, and of which ROI: 10,000 frames of 200 neighbours."""
        return self.n_frames // 10, int(0.45 * self.n_rois), int(0.55 * self.n_rois)


@dataclass(frozen=True)
class Made:
    """One file: what stands in it, and the chunks of its large array (None: contiguous; True: pynwb's choice)."""

    kind: str
    chunks: tuple[int, ...] | bool | None = None


def _spikes(file: pynwb.NWBFile, made: Made, scale: Scale) -> None:
    _add_electrodes(file)
    _add_running(file)
    _add_presentations(file, scale)
    rng = np.random.default_rng(2)
    n = scale.n_units
    times, stops = spike_times(scale)
    column = VectorData(name="spike_times", description="s", data=_stored(times, made))
    columns = [column, VectorIndex(name="spike_times_index", data=stops, target=column)]
    for name in ("firing_rate", "snr", "isi_violations", "presence_ratio", "amplitude_cutoff", "d_prime"):
        columns.append(VectorData(name=name, description=name, data=rng.random(n)))
    for name in ("peak_channel_id", "cluster_id", "local_index"):
        columns.append(VectorData(name=name, description=name, data=rng.integers(0, 384, n)))
    columns.append(VectorData(name="quality", description="good or noise", data=["good", "noise"] * (n // 2)))
    file.units = Units(name="units", description="sorted units", columns=columns, id=np.arange(n))


def spike_times(scale: Scale) -> tuple[np.ndarray, np.ndarray]:
    """Return the spikes of all units, sorted within each unit, and where each unit ends.

    Samples at 30 kHz on a clock that was corrected afterwards, as Allen's are: all digits count, and gzip leaves three
    quarters. Rates are log-normal.
    """
    rng = np.random.default_rng(1)
    rates = rng.lognormal(0, 1, scale.n_units)
    counts = rng.multinomial(scale.n_spikes, rates / rates.sum())
    stops = np.cumsum(counts)
    samples = rng.integers(0, 9_000 * 30_000, scale.n_spikes)
    for start, stop in zip(stops - counts, stops, strict=True):
        samples[start:stop].sort()
    return samples / 30_000 * (1 + 1.3e-6) + 3.217, stops.astype(np.uint64)


def _calcium(file: pynwb.NWBFile, made: Made, scale: Scale) -> None:
    n = scale.n_rois
    device = file.create_device(name="microscope")
    channel = OpticalChannel(name="green", description="GCaMP", emission_lambda=510.0)
    plane = file.create_imaging_plane(
        name="plane", optical_channel=channel, description="layer 2/3", device=device, excitation_lambda=920.0,
        imaging_rate=30.0, indicator="GCaMP8", location="VISp",
    )  # fmt: skip
    ophys = file.create_processing_module("ophys", "calcium imaging")
    segmentation = pynwb.ophys.ImageSegmentation()
    ophys.add(segmentation)
    table = segmentation.create_plane_segmentation("ROI", plane, "PlaneSegmentation")
    for i in range(n):
        table.add_roi(pixel_mask=[(i % 512, (7 * i + j) % 512, 1.0) for j in range(12)])
    rois = table.create_roi_table_region("all", region=list(range(n)))
    series = RoiResponseSeries(
        name="RoiResponseSeries", data=_stored(_fluorescence(scale), made), rois=rois, unit="n.a.", rate=30.0
    )
    ophys.add(pynwb.ophys.DfOverF(roi_response_series=series))
    _add_presentations(file, scale)
    _add_running(file)


def _fluorescence(scale: Scale) -> np.ndarray:
    """Return (frame, ROI): the mean of each ROI's pixels, which are whole numbers; gzip leaves nine tenths."""
    rng = np.random.default_rng(3)
    n_pixels = rng.integers(60, 300, scale.n_rois).astype(np.float32)
    level = rng.uniform(200, 2000, scale.n_rois).astype(np.float32)
    data = np.empty((scale.n_frames, scale.n_rois), dtype=np.float32)
    for start in range(0, scale.n_frames, 1_000):
        noise = rng.standard_normal(data[start : start + 1_000].shape, dtype=np.float32)
        data[start : start + 1_000] = np.round((level + 30 * noise) * n_pixels) / n_pixels
    return data


def _many(file: pynwb.NWBFile, made: Made, scale: Scale) -> None:
    """Many small objects, each with its attributes: what makes an index large."""
    for i in range(scale.n_series):
        file.add_acquisition(pynwb.TimeSeries(name=f"series_{i:04}", data=np.arange(100.0) + i, unit="V", rate=10.0))
    _add_presentations(file, scale)


CONTENTS: dict[str, Callable[[pynwb.NWBFile, Made, Scale], None]] = {
    "spikes": _spikes,
    "calcium": _calcium,
    "many": _many,
}
"""From the kind of a file to who fills it."""


def _stored(data: np.ndarray, made: Made) -> Any:
    if made.chunks is None:
        return data
    chunks = made.chunks
    if isinstance(chunks, tuple):
        chunks = tuple(min(pair) for pair in zip(chunks, data.shape, strict=True))
    return H5DataIO(data, compression="gzip", chunks=chunks)


def _add_electrodes(file: pynwb.NWBFile) -> None:
    device = file.create_device(name="probe")
    group = file.create_electrode_group(name="probe", description="Neuropixels", location="VISp", device=device)
    for i in range(384):
        file.add_electrode(x=16.0 * (i % 4), y=20.0 * (i // 2), z=0.0, location=f"VISp{i % 6}", group=group)


def _add_running(file: pynwb.NWBFile) -> None:
    rng = np.random.default_rng(4)
    times = np.sort(rng.uniform(0, 9_000, 100_000))
    series = pynwb.TimeSeries(name="running_speed", data=rng.normal(size=100_000), unit="cm/s", timestamps=times)
    file.create_processing_module("behavior", "running").add(series)


def _add_presentations(file: pynwb.NWBFile, scale: Scale) -> None:
    n = scale.n_presentations
    start = 10 + 1.5 * np.arange(n)
    names = ["gratings", "images"] * (n // 2) + ["gratings"] * (n % 2)
    columns = {"start_time": start, "stop_time": start + 0.25, "stimulus_name": names, "block": np.arange(n) // 500}
    columns |= {"orientation": np.arange(n) % 8 * 45.0, "contrast": np.full(n, 0.8), "image": np.arange(n) % 118}
    table = pynwb.epoch.TimeIntervals(
        name="presentations", description="what was shown", id=np.arange(n),
        columns=[VectorData(name=name, description=name, data=data) for name, data in columns.items()],
    )  # fmt: skip
    file.add_time_intervals(table)
