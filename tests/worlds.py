"""Worlds: files that pynwb wrote, between them every type of the core schema, small and seeded.

``WORLDS[name](path)`` writes one and returns its path. What stands in a file in one kind of world (``tables``,
``series``, ...) is told by the function that writes it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import h5py
import numpy as np
from hdmf.backends.hdf5 import H5DataIO
from hdmf.build import BuildManager, TypeMap
from hdmf.common import AlignedDynamicTable, DynamicTable, DynamicTableRegion, EnumData, MeaningsTable, VectorData
from pynwb import NWBHDF5IO, TimeSeries, get_type_map
from pynwb.device import DeviceModel
from pynwb.event import DurationVectorData, EventsTable
from pynwb.misc import Units
from pynwb.spec import NWBAttributeSpec, NWBDatasetSpec, NWBGroupSpec, NWBNamespaceBuilder

import twins
import worlds_ephys
import worlds_icephys
import worlds_images
import worlds_series


def units(path: Path, libver: str = "earliest") -> Path:
    """Units with ragged and doubly ragged columns, electrodes, groups, observed intervals, columns of all dtypes."""
    nwb, rng = twins.new_file("units"), np.random.default_rng(1)
    worlds_ephys.electrodes(nwb, 5)
    for name, kind in COLUMNS.items():
        nwb.add_unit_column(name, f"a column of {kind}")
    nwb.add_unit_column("peaks", "ragged numbers", index=True)
    nwb.add_unit_column("tags", "ragged words", index=True)
    nwb.add_unit_column("pair", "two numbers for each unit")
    for k in range(6):
        n_spikes = 0 if k in (0, 3) else int(rng.integers(1, 40))
        nwb.add_unit(
            id=100 + 3 * k,
            spike_times=np.sort(rng.uniform(0, 20, n_spikes)),
            obs_intervals=np.array([[0.0, 5.0 + k], [7.0 + k, 20.0]][: 1 + k % 2]),
            electrodes=[k % 5, (k + 2) % 5][: 1 + k % 2],
            electrode_group=nwb.electrode_groups["shank0" if k % 2 else "shank1"],
            waveform_mean=rng.normal(size=(7, 2)),
            waveform_sd=rng.normal(size=(7, 2)),
            waveforms=[[rng.normal(size=7) for _ in range(1 + k % 2)] for _ in range(n_spikes % 3 + 1)],
            peaks=list(rng.integers(0, 9, k)) or [1],
            tags=["a", "b", "ü"][: 1 + k % 3],
            pair=[float(k), -float(k)],
            **{name: _value(kind, k) for name, kind in COLUMNS.items()},
        )
    return twins.write(nwb, path, libver)


COLUMNS = {
    "is_good": "bool",
    "tiny": "i1",
    "small": "i2",
    "count": "i4",
    "large": "i8",
    "byte": "u1",
    "word": "u2",
    "half": "f4",
    "depth": "f8",
    "quality": "text",
    "number_as_text": "digits",
}


def _value(kind: str, k: int) -> object:
    if kind == "bool":
        return bool(k % 2)
    if kind == "text":
        return ["good", "noise", "multi-unit", "", "ünït", "good"][k]
    return f"{k}.5" if kind == "digits" else np.dtype(kind).type(k * 7 + 1)


def tables(path: Path) -> Path:
    """DynamicTables of every kind: aligned, codes, matrices, regions of rows, meanings; one row; none."""
    nwb, rng = twins.new_file("tables"), np.random.default_rng(2)
    module = nwb.create_processing_module("tables", "made up")
    plain = DynamicTable(
        name="plain",
        description="plain",
        columns=[
            twins.column("flag", np.array([True, False, True, True])),
            twins.column("matrix", rng.normal(size=(4, 3))),
            twins.column("cube", rng.integers(0, 9, (4, 2, 3))),
            twins.column("word", ["a", "bb", "", "ccc"]),
            twins.column("complex_name with space", np.arange(4)),
        ],
        id=[4, 3, 2, 1],
    )
    module.add(plain)
    labels = VectorData(name="state_elements", description="labels", data=["rest", "run"])
    codes = EnumData(name="state", description="code", data=np.array([1, 0, 1], np.uint8), elements=labels)
    points = DynamicTableRegion(name="points", description="rows", data=[3, 0, 1], table=plain)
    words, words_index = twins.ragged("words", [["x"], ["y", "z"], []])
    module.add(
        DynamicTable(
            name="pointing", description="p", columns=[codes, labels, points, words, words_index], id=np.arange(3)
        )
    )
    left = DynamicTable(name="left", description="l", columns=[twins.column("x", np.arange(2.0))], id=[0, 1])
    right = DynamicTable(name="right", description="r", columns=[twins.column("y", np.arange(2))], id=[0, 1])
    module.add(
        AlignedDynamicTable(
            name="aligned",
            description="a",
            columns=[twins.column("own", ["a", "b"])],
            category_tables=[left, right],
            id=[7, 8],
        )
    )
    module.add(
        DynamicTable(name="one_row", description="o", columns=[twins.column("x", np.array([2.5]))], id=np.arange(1))
    )
    module.add(DynamicTable(name="no_columns", description="o", id=np.arange(3)))
    nothing = twins.column("x", np.array([], float))
    module.add(DynamicTable(name="no_rows", description="o", columns=[nothing], id=np.array([], int)))
    return twins.write(nwb, path)


def intervals(path: Path) -> Path:
    """Tables of intervals with tags, references to series and ragged columns; invalid times; epochs; events."""
    nwb = twins.new_file("intervals")
    series = TimeSeries(name="speed", data=np.arange(50.0), unit="cm/s", starting_time=0.0, rate=10.0)
    nwb.add_acquisition(series)
    nwb.add_trial_column("choice", "a word")
    nwb.add_trial_column("contrast", "a number")
    nwb.add_trial_column("licks", "times of licks", index=True)
    nwb.add_trial_column("rewarded", "yes or no")
    for k in range(5):
        nwb.add_trial(
            start_time=1.0 * k,
            stop_time=1.0 * k + 0.8,
            choice=("left", "right")[k % 2],
            contrast=k / 4,
            licks=[k + 0.1 * j for j in range(k)],
            rewarded=k % 2 == 0,
            tags=["tag", "more"][: k % 3],
            timeseries=[series],
        )
    nwb.add_epoch(0.0, 2.0, ["first"], [series])
    nwb.add_epoch(2.0, 4.0, ["second", "last"], [series])
    nwb.add_invalid_time_interval(start_time=0.5, stop_time=0.75, tags=["broken"])
    pulses = nwb.create_time_intervals(name="pulses", description="light")
    pulses.add_column("power", "mW")
    pulses.add_row(start_time=0.25, stop_time=0.5, power=1.5)
    none = np.array([], float)
    nwb.add_time_intervals(twins.intervals("nothing", none, none, power=none))
    nwb.add_events_table(_events())
    return twins.write(nwb, path)


def _events() -> EventsTable:
    events = EventsTable(name="licks", description="events", source_description="a lickometer")
    events.add_column("side", "left or right")
    events.add_column("duration", "of the lick", col_cls=DurationVectorData)
    for k in range(4):
        events.add_row(timestamp=0.5 * k, side=("left", "right")[k % 2], duration=0.25)
    meanings = MeaningsTable(target=events["side"], description="sides")
    meanings.add_row(value="left", meaning="the left spout")
    meanings.add_row(value="right", meaning="the right spout")
    events.add_meanings_table(meanings)
    return events


def facts(path: Path) -> Path:
    """A subject, devices with their models, keywords, scratch, notes, and all the words a file has about itself."""
    nwb = twins.new_file("facts")
    nwb.experimenter, nwb.keywords = ["Nobody, A.", "Nobody, B."], ["made up", "small"]
    nwb.related_publications = ["10.1/none"]
    for word in ("notes", "pharmacology", "protocol", "slices", "stimulus_notes", "surgery", "virus", "lab"):
        setattr(nwb, word, f"made up {word}")
    model = DeviceModel(name="camera model", manufacturer="Nobody", model_number="1", description="made up")
    nwb.add_device_model(model)
    nwb.create_device(name="camera", description="sees", serial_number="7", model=model)
    nwb.add_scratch(np.arange(6).reshape(2, 3), name="numbers", description="scratch numbers")
    nwb.add_scratch("a word", name="word", description="scratch word")
    nwb.add_scratch(TimeSeries(name="kept", data=[1.0, 2.0], unit="V", timestamps=[0.0, 1.5]))
    nwb.add_analysis(DynamicTable(name="found", description="f", columns=[twins.column("x", [1, 2])], id=[0, 1]))
    return twins.write(nwb, path)


def extension(path: Path) -> Path:
    """Types of an extension, cached in the file: a table, a series with a dataset of its own, a container."""
    kinds = _extended(path.parent)
    licks, tuned, rig = (kinds.get_dt_container_cls(kind, EXTENSION) for kind in ("LickTable", "TunedSeries", "Rig"))
    nwb = twins.new_file("extension")
    table = licks(name="licks", description="made up")
    table.add_row(start_time=1.0, stop_time=1.5)
    table.add_row(start_time=2.0, stop_time=2.5)
    nwb.add_time_intervals(table)
    nwb.add_acquisition(
        tuned(name="tuned", data=np.arange(6.0), unit="V", rate=2.0, gains=np.array([1.0, 2.0]), how="by hand")
    )
    nwb.add_lab_meta_data(rig(name="rig", how="in a shed"))
    with NWBHDF5IO(str(path), "w", manager=BuildManager(kinds)) as io:
        io.write(nwb)
    return path


EXTENSION = "ndx-world"


def _extended(folder: Path) -> TypeMap:
    """Return pynwb's types and those of an extension, whose specification is written into ``folder`` first."""
    build = NWBNamespaceBuilder("made up", EXTENSION, version="0.1.0", author="Nobody", contact="nobody@example.org")
    build.include_namespace("core")
    gains = NWBDatasetSpec("gains", name="gains", dtype="float64", shape=(None,), dims=("channel",))
    how = NWBAttributeSpec("how", "how it was made", "text", required=False)
    table = NWBGroupSpec("t", neurodata_type_def="LickTable", neurodata_type_inc="TimeIntervals")
    tuned = NWBGroupSpec(
        "s", neurodata_type_def="TunedSeries", neurodata_type_inc="TimeSeries", datasets=[gains], attributes=[how]
    )
    rig = NWBGroupSpec("b", neurodata_type_def="Rig", neurodata_type_inc="LabMetaData", attributes=[how])
    for spec in (table, tuned, rig):
        build.add_spec(f"{EXTENSION}.extensions.yaml", spec)
    build.export(f"{EXTENSION}.namespace.yaml", outdir=str(folder))
    kinds = get_type_map()
    kinds.load_namespaces(str(folder / f"{EXTENSION}.namespace.yaml"))
    return kinds


def stored(path: Path, libver: str = "earliest") -> Path:
    """One series in each way that a file can store it: contiguous, in chunks, compressed, checked, never written."""
    nwb, rng = twins.new_file("stored"), np.random.default_rng(3)
    values = rng.integers(0, 99, (200, 6)).astype(np.int32)
    ways = {
        "contiguous": {},
        "chunked": {"chunks": (33, 4)},
        "gzip": {"chunks": (50, 6), "compression": "gzip", "compression_opts": 9},
        "shuffled": {"chunks": (50, 6), "compression": "gzip", "shuffle": True, "fletcher32": True},
        "lzf": {"chunks": (64, 2), "compression": "lzf"},
        "growing": {"chunks": (16, 6), "maxshape": (None, 6)},
        "both_growing": {"chunks": (16, 4), "maxshape": (None, None), "compression": "gzip"},
    }
    for name, how in ways.items():
        with warnings.catch_warnings():  # h5py has lzf wherever we read
            warnings.simplefilter("ignore", UserWarning)
            data = H5DataIO(values, **how) if how else values
        nwb.add_acquisition(TimeSeries(name=name, data=data, unit="V", starting_time=1.0, rate=30.0))
    times, index = twins.ragged("spike_times", twins.spikes(5, stop=9.0))
    times.set_data_io(H5DataIO, {"chunks": (20,), "compression": "gzip"})
    nwb.units = Units(name="units", columns=[times, index], id=np.arange(5))
    return twins.write(nwb, path, libver)


def no_spikes(path: Path) -> Path:
    """Units none of which fired, in an otherwise ordinary file."""
    nwb = twins.new_file("no spikes")
    nwb.add_unit_column("quality", "a word")
    for k in range(3):
        nwb.add_unit(spike_times=np.array([], float), quality="good", id=k)
    return twins.write(nwb, path)


def one_unit(path: Path) -> Path:
    """One unit, one spike, one trial, one sample."""
    nwb = twins.new_file("one")
    nwb.add_unit(spike_times=[0.5], id=0)
    nwb.add_trial(start_time=0.0, stop_time=1.0)
    nwb.add_acquisition(TimeSeries(name="single", data=[1.5], unit="V", timestamps=[0.25]))
    return twins.write(nwb, path)


def linked(path: Path) -> Path:
    """Objects under two names: by links that pynwb wrote, by soft and hard links that somebody added."""
    intervals(path)
    with h5py.File(path, "r+") as file:
        file["processing/shortcuts"] = h5py.SoftLink("/intervals")
        file["stimulus/presentation/again"] = file["acquisition/speed"]
        file["stimulus/templates/soft"] = h5py.SoftLink("/acquisition/speed")
        file["intervals/trials/contrast2"] = file["intervals/trials/contrast"]
    return path


WORLDS: dict[str, Callable[[Path], Path]] = {
    "units": units,
    "units_latest": partial(units, libver="latest"),
    "tables": tables,
    "intervals": intervals,
    "facts": facts,
    "extension": extension,
    "stored": stored,
    "stored_latest": partial(stored, libver="latest"),
    "linked": linked,
    "no_spikes": no_spikes,
    "one_unit": one_unit,
    "series": worlds_series.series,
    "behavior": worlds_series.behavior,
    "ephys": worlds_ephys.ephys,
    "icephys": worlds_icephys.icephys,
    "ophys": worlds_images.ophys,
    "pictures": worlds_images.pictures,
}
