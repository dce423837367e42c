"""Worlds of series: clocks of their own, linked, or counted; scaled; of behaviour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pynwb import TimeSeries
from pynwb.behavior import (
    BehavioralEpochs,
    BehavioralEvents,
    BehavioralTimeSeries,
    CompassDirection,
    EyeTracking,
    Position,
    PupilTracking,
    SpatialSeries,
)
from pynwb.misc import AbstractFeatureSeries, AnnotationSeries, DecompositionSeries, IntervalSeries
from pynwb.ogen import OptogeneticSeries

import twins


def series(path: Path) -> Path:
    """TimeSeries of all dtypes, clocks and scalings; annotations, intervals, features, bands, light."""
    nwb, rng = twins.new_file("series"), np.random.default_rng(4)
    clock = np.cumsum(rng.uniform(0.01, 0.02, 30))
    first = TimeSeries(name="first", data=rng.normal(size=30), unit="volts", timestamps=clock)
    nwb.add_acquisition(first)
    nwb.add_acquisition(TimeSeries(name="same_clock", data=np.arange(30, dtype="i2"), unit="V", timestamps=first))
    nwb.add_acquisition(TimeSeries(name="same_data", data=first, unit="V", starting_time=0.0, rate=5.0))
    nwb.add_acquisition(TimeSeries(name="same_both", data=first, unit="V", timestamps=first))
    for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"):
        values = np.arange(12).astype(kind).reshape(6, 2)
        nwb.add_acquisition(TimeSeries(name=f"of_{kind}", data=values, unit="V", starting_time=2.0, rate=4.0))
    nwb.add_acquisition(TimeSeries(name="flags", data=np.array([True, False, True]), unit="1", rate=1.0))
    nwb.add_acquisition(
        TimeSeries(
            name="scaled",
            data=np.arange(9, dtype="i2"),
            unit="volts",
            conversion=0.25,
            offset=-1.0,
            resolution=0.5,
            rate=3.0,
            starting_time=0.5,
            control=np.array([0, 1, 2] * 3, np.uint8),
            control_description=["a", "b", "c"],
        )
    )
    nwb.add_acquisition(
        TimeSeries(name="scaled_float", data=np.arange(9, dtype="f4"), unit="V", conversion=1e-6, rate=3.0)
    )
    nwb.add_acquisition(TimeSeries(name="empty", data=np.zeros((0, 3)), unit="V", rate=3.0))
    nwb.add_acquisition(TimeSeries(name="cube", data=rng.normal(size=(5, 2, 3)), unit="V", rate=3.0))
    nwb.add_acquisition(AnnotationSeries(name="notes", data=["began", "ended, ü"], timestamps=[0.5, 9.0]))
    nwb.add_acquisition(IntervalSeries(name="lick", data=np.array([1, -1, 2, -2], "i1"), timestamps=np.arange(4.0)))
    nwb.add_stimulus(
        AbstractFeatureSeries(
            name="gratings",
            features=["contrast", "orientation"],
            feature_units=["1", "degree"],
            data=rng.normal(size=(4, 2)),
            timestamps=np.arange(4.0),
        )
    )
    bands = DecompositionSeries(
        name="bands", data=rng.normal(size=(20, 3, 2)), metric="power", source_timeseries=first, rate=10.0
    )
    bands.add_band(band_name="alpha", band_limits=(8.0, 12.0), band_mean=10.0, band_stdev=1.0)
    bands.add_band(band_name="beta", band_limits=(12.0, 30.0), band_mean=20.0, band_stdev=2.0)
    nwb.create_processing_module("spectra", "made up").add(bands)
    site = nwb.create_ogen_site(
        name="site", device=nwb.create_device("laser"), description="made up", excitation_lambda=473.0, location="VISp"
    )
    nwb.add_stimulus(OptogeneticSeries(name="light", data=np.arange(5.0), site=site, rate=2.0))
    return twins.write(nwb, path)


def behavior(path: Path) -> Path:
    """Containers of series: position, compass, pupil, eyes, behaviour by time, by epoch, by event."""
    nwb, rng = twins.new_file("behavior"), np.random.default_rng(5)
    module = nwb.create_processing_module("behavior", "made up")
    clock = np.arange(40) / 20.0

    def spatial(name: str, n_axes: int, unit: str = "meters") -> SpatialSeries:
        values = rng.normal(size=(40, n_axes)) if n_axes > 1 else rng.normal(size=40)
        return SpatialSeries(name=name, data=values, reference_frame="corner", unit=unit, timestamps=clock)

    def plain(name: str) -> TimeSeries:
        return TimeSeries(name=name, data=rng.normal(size=40), unit="cm/s", timestamps=clock)

    module.add(Position(spatial_series=[spatial("place", 2), spatial("head", 3)]))
    module.add(CompassDirection(spatial_series=spatial("direction", 1, "radians")))
    module.add(EyeTracking(spatial_series=spatial("gaze", 2, "degrees")))
    module.add(PupilTracking(time_series=[plain("diameter"), plain("area")]))
    module.add(BehavioralTimeSeries(time_series=[plain("speed"), plain("acceleration")]))
    module.add(BehavioralEvents(time_series=plain("licks")))
    module.add(
        BehavioralEpochs(
            interval_series=IntervalSeries(name="runs", data=np.array([1, -1], "i1"), timestamps=[1.0, 2.0])
        )
    )
    return twins.write(nwb, path)
