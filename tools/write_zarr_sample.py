"""Write one small NWB session twice, as a Zarr store and as HDF5, for the tests of the reader of Zarr stores.

    python3 -m venv ENV; ENV/bin/pip install 'hdmf-zarr==0.13.*' 'zarr<3' pynwb
    ENV/bin/python tools/write_zarr_sample.py [--out tests/data/nwb/hdmf_zarr_sample.zip]

The zip holds ``files.zip``, and that the same values twice: ``session.nwb.zarr/`` by hdmf-zarr, its cached
specifications cut to one namespace for size, and ``session.nwb`` by pynwb. There are units with ragged and doubly
ragged columns, trials with texts and references, electrodes, series with rates, timestamps and links, a segmentation
with its traces, pictures, a subject and a device. It needs zarr 2, which neurodata4ml does not use: hence an
environment of its own. With the same versions it writes the same bytes.
"""

from __future__ import annotations

import argparse
import io
import shutil
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pynwb
import zarr
from hdmf_zarr import NWBZarrIO, ZarrDataIO
from pynwb.base import ImageReferences, Images
from pynwb.file import Subject
from pynwb.image import GrayscaleImage, IndexSeries, RGBImage
from pynwb.ophys import Fluorescence, ImageSegmentation, OpticalChannel, RoiResponseSeries

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DATE = (2026, 1, 2, 3, 4, 4)

KEPT_NAMESPACE = "hdmf-common"
"""The one namespace whose cached specifications stay in the store."""

Wrap = Any
"""How an array is told its chunks and its compression: hdmf-zarr's way in the store, nothing in HDF5."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).parents[1] / "tests" / "data" / "nwb" / "hdmf_zarr_sample.zip"
    parser.add_argument("--out", type=Path, default=default)
    out = parser.parse_args().out
    numcodecs.pickles.ALLOW_UNSAFE_PICKLE_DECODE = True  # zarr reads back the fill values that it wrote a moment before
    with tempfile.TemporaryDirectory() as folder:
        store, twin = Path(folder) / "session.nwb.zarr", Path(folder) / "session.nwb"
        with NWBZarrIO(str(store), mode="w") as file:
            file.write(session(ZarrDataIO))
        with pynwb.NWBHDF5IO(twin, "w") as file:
            file.write(session(plain), cache_spec=False)
        shorten(store)
        pack(Path(folder), out)
    print(f"{out}: {out.stat().st_size:,} bytes")


def plain(data: Any, **_: Any) -> Any:
    """Leave an array as it is."""
    return data


def session(wrap: Wrap) -> pynwb.NWBFile:
    """Return the session; all random numbers are of one seed, so that both files hold the same."""
    rng = np.random.default_rng(0)
    nwbfile = pynwb.NWBFile(
        session_description="a session for tests",
        identifier="sample",
        session_start_time=START,
        file_create_date=START,
        session_id="s1",
        experimenter=["Ada Lovelace", "Émile Ö"],
    )
    nwbfile.subject = Subject(subject_id="m1", species="Mus musculus", sex="F", age="P90D", description="a mouse")
    add_electrodes(nwbfile, wrap, rng)
    add_units(nwbfile, rng)
    series = add_series(nwbfile, wrap, rng)
    add_trials(nwbfile, series, rng)
    add_imaging(nwbfile, wrap, rng)
    add_pictures(nwbfile, rng)
    for number, data_object in enumerate(nwbfile.objects.values()):  # the same in both files, and in every run
        data_object._AbstractContainer__object_id = f"00000000-0000-4000-8000-{number:012d}"
    return nwbfile


def add_electrodes(nwbfile: pynwb.NWBFile, wrap: Wrap, rng: np.random.Generator) -> None:
    device = nwbfile.create_device(name="probe", description="a probe", manufacturer="nobody")
    groups = [add_shank(nwbfile, f"shank{k}", device) for k in (0, 1)]
    nwbfile.add_electrode_column(name="label", description="name of the channel")
    for number in range(6):
        place = {"x": float(number), "y": 20.0 * number, "z": 0.5}
        nwbfile.add_electrode(group=groups[number // 3], location="VISp", label=f"ch{number}", **place)
    region = nwbfile.create_electrode_table_region(region=[4, 1, 2], description="three of them")
    raw = wrap(rng.integers(-500, 500, (90, 3), "int16"), chunks=(40, 2), compressor=numcodecs.Zlib(3))
    scaled = {"conversion": 2e-6, "offset": 1e-3, "rate": 1000.0, "starting_time": 1.5}
    nwbfile.add_acquisition(pynwb.ecephys.ElectricalSeries(name="raw", data=raw, electrodes=region, **scaled))


def add_shank(nwbfile: pynwb.NWBFile, name: str, device: Any) -> Any:
    return nwbfile.create_electrode_group(name=name, description="a shank", location="VISp", device=device)


def add_units(nwbfile: pynwb.NWBFile, rng: np.random.Generator) -> None:
    nwbfile.add_unit_column(name="quality", description="good or not")
    nwbfile.add_unit_column(name="snr", description="signal to noise")
    nwbfile.add_unit_column(name="is_kept", description="whether it is used")
    for number, n_spikes in enumerate((5, 0, 7, 3)):
        times = np.sort(rng.uniform(0, 10, n_spikes))
        nwbfile.add_unit(
            spike_times=times,
            obs_intervals=[[0.0, 4.0], [5.0, 10.0]],
            electrodes=[number, number + 1],
            electrode_group=nwbfile.electrode_groups[f"shank{number // 2}"],
            waveforms=rng.normal(size=(n_spikes, 2, 4)),
            waveform_mean=rng.normal(size=4),
            quality=["good", "mua", "noise", "süß"][number],
            snr=float(number),
            is_kept=number % 2 == 0,
        )


def add_series(nwbfile: pynwb.NWBFile, wrap: Wrap, rng: np.random.Generator) -> pynwb.TimeSeries:
    times = np.sort(rng.uniform(0, 10, 50))
    speed = rng.normal(size=50).astype("float32")
    running = pynwb.TimeSeries(
        name="running",
        data=wrap(speed, chunks=(16,), filters=[numcodecs.Shuffle(4)], compressor=numcodecs.Zstd()),
        unit="cm/s",
        timestamps=wrap(times, compressor=False),
        continuity="continuous",
    )
    pupil = pynwb.TimeSeries(name="pupil", data=rng.normal(size=(50, 2)), unit="px", timestamps=running)
    module = nwbfile.create_processing_module(name="behavior", description="what it did")
    module.add(pynwb.behavior.BehavioralTimeSeries(time_series=[running, pupil]))
    nwbfile.add_acquisition(pynwb.TimeSeries(name="linked", data=running, unit="cm/s", timestamps=running))
    nwbfile.add_acquisition(pynwb.TimeSeries(name="empty", data=np.zeros(0), unit="V", rate=10.0))
    nwbfile.add_acquisition(pynwb.misc.AnnotationSeries(name="notes", data=["in", "ö", ""], timestamps=[0.0, 1.0, 2.0]))
    return running


def add_trials(nwbfile: pynwb.NWBFile, series: pynwb.TimeSeries, rng: np.random.Generator) -> None:
    nwbfile.add_trial_column(name="stimulus", description="what was shown")
    nwbfile.add_trial_column(name="contrast", description="0 to 1")
    nwbfile.add_trial_column(name="laps", description="times of laps", index=True)
    for number in range(5):
        nwbfile.add_trial(
            start_time=float(number),
            stop_time=number + 0.5,
            stimulus=["grating", "blank"][number % 2],
            contrast=float(rng.uniform()),
            laps=list(rng.uniform(size=number)),
            tags=["a", "b"][: number % 3],
            timeseries=[series],
        )


def add_imaging(nwbfile: pynwb.NWBFile, wrap: Wrap, rng: np.random.Generator) -> None:
    device = nwbfile.create_device(name="microscope")
    channel = OpticalChannel(name="channel", description="green", emission_lambda=510.0)
    plane = nwbfile.create_imaging_plane(
        name="plane",
        optical_channel=channel,
        description="layer 2/3",
        device=device,
        excitation_lambda=920.0,
        indicator="GCaMP",
        location="VISp",
        imaging_rate=30.0,
    )
    segmentation = ImageSegmentation()
    table = segmentation.create_plane_segmentation(name="PlaneSegmentation", description="cells", imaging_plane=plane)
    for number in range(3):
        table.add_roi(pixel_mask=[(number, k, 0.5 * k) for k in range(number + 1)])
    region = table.create_roi_table_region(description="all of them", region=[0, 1, 2])
    blosc = numcodecs.Blosc("zstd", 5, numcodecs.Blosc.BITSHUFFLE)
    traces = wrap(rng.normal(size=(60, 3)), chunks=(25, 3), compressor=blosc)
    response = RoiResponseSeries(
        name="RoiResponseSeries", data=traces, rois=region, unit="F", rate=30.0, starting_time=0.25
    )
    module = nwbfile.create_processing_module(name="ophys", description="imaging")
    module.add(segmentation)
    module.add(Fluorescence(roi_response_series=response))


def add_pictures(nwbfile: pynwb.NWBFile, rng: np.random.Generator) -> None:
    gray = [GrayscaleImage(name=f"gray{k}", data=rng.integers(0, 255, (4, 5), "uint8")) for k in range(2)]
    pictures = [*gray, RGBImage(name="color", data=rng.integers(0, 255, (4, 5, 3), "uint8"), resolution=3.5)]
    order = ImageReferences(name="order_of_images", data=pictures)
    images = Images(name="pictures", images=pictures, description="what was shown", order_of_images=order)
    nwbfile.add_stimulus_template(images)
    index = np.array([0, 2, 1, 2], "uint32")
    shown = {"unit": "N/A", "indexed_images": images, "timestamps": [0.0, 1.0, 2.0, 3.0]}
    nwbfile.add_stimulus(IndexSeries(name="shown", data=index, **shown))


def shorten(store: Path) -> None:
    """Leave one namespace of the cached specifications, and write the list of all metadata anew."""
    for folder in (store / "specifications").iterdir():
        if folder.is_dir() and folder.name != KEPT_NAMESPACE:
            shutil.rmtree(folder)
    zarr.consolidate_metadata(str(store))


def pack(folder: Path, out: Path) -> None:
    """Put all files into one zip, and that into another: the first holds names, which the second makes short.

    All have one date, so that the same values make the same bytes.
    """
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix(), DATE), path.read_bytes())
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("files.zip", DATE), inner.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=9)


if __name__ == "__main__":
    main()
