"""A world of extracellular recordings: raw voltages, LFP, filtered, snippets of spikes, clusters, features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hdmf.backends.hdf5 import H5DataIO
from pynwb import NWBFile
from pynwb.ecephys import (
    LFP,
    ElectricalSeries,
    EventDetection,
    FeatureExtraction,
    FilteredEphys,
    SpikeEventSeries,
)

import twins


def electrodes(nwb: NWBFile, n_electrodes: int) -> None:
    """Add two shanks with electrodes that have places, areas and columns of one's own."""
    device = nwb.create_device("probe", description="made up")
    for k in (0, 1):
        nwb.create_electrode_group(
            f"shank{k}", description="made up", location="VISp", device=device, position=(1.0 * k, 2.0, 3.0)
        )
    nwb.add_electrode_column("label", "a word")
    nwb.add_electrode_column("is_dead", "yes or no")
    for k in range(n_electrodes):
        nwb.add_electrode(
            id=20 + k,
            x=1.0 * k,
            y=2.0,
            z=float("nan"),
            imp=1e5,
            location=("VISp", "CA1")[k % 2],
            filtering="none",
            group=nwb.electrode_groups[f"shank{k % 2}"],
            rel_x=10.0 * k,
            rel_y=20.0,
            label=f"e{k}",
            is_dead=k == 2,
        )


def ephys(path: Path) -> Path:
    """Write it."""
    nwb, rng = twins.new_file("ephys"), np.random.default_rng(6)
    electrodes(nwb, 4)
    every = nwb.create_electrode_table_region([3, 1, 0, 2], "all")
    one = nwb.create_electrode_table_region([1], "one")
    counts = rng.integers(-500, 500, (120, 4)).astype(np.int16)
    packed = H5DataIO(counts, chunks=(50, 2), compression="gzip", shuffle=True)
    raw = ElectricalSeries(
        name="raw",
        data=packed,
        electrodes=every,
        conversion=2e-6,
        offset=1e-3,
        channel_conversion=[1.0, 2.0, 0.5, 3.0],
        filtering="none",
        starting_time=1.0,
        rate=1000.0,
    )
    nwb.add_acquisition(raw)
    module = nwb.create_processing_module("ecephys", "made up")
    lfp = ElectricalSeries(
        name="lfp", data=rng.normal(size=(60, 4)).astype("f4"), electrodes=every, timestamps=np.arange(60) / 100
    )
    module.add(LFP(electrical_series=lfp))
    single = ElectricalSeries(name="single", data=rng.normal(size=60), electrodes=one, timestamps=lfp, conversion=1e-6)
    module.add(FilteredEphys(electrical_series=[single]))
    times = np.array([0.1, 0.4, 0.45])
    module.add(
        EventDetection(detection_method="a threshold", source_electricalseries=raw, source_idx=[1, 7, 9], times=times)
    )
    module.add(
        FeatureExtraction(electrodes=every, description=["a", "b"], times=times, features=rng.normal(size=(3, 4, 2)))
    )
    nwb.add_acquisition(
        SpikeEventSeries(name="snippets", data=rng.normal(size=(3, 4, 8)), timestamps=times, electrodes=every)
    )
    nwb.add_acquisition(
        SpikeEventSeries(name="single_snippets", data=rng.normal(size=(3, 8)), timestamps=times, electrodes=one)
    )
    return twins.write(nwb, path)
