"""A world of intracellular recordings: every kind of clamp, and the tables of recordings that lead to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pynwb import NWBFile
from pynwb.icephys import (
    CurrentClampSeries,
    CurrentClampStimulusSeries,
    IntracellularElectrode,
    IZeroClampSeries,
    PatchClampSeries,
    VoltageClampSeries,
    VoltageClampStimulusSeries,
)

import twins


def icephys(path: Path) -> Path:
    """Write it."""
    nwb = twins.new_file("icephys")
    electrode = nwb.create_icephys_electrode(
        name="pipette", description="made up", device=nwb.create_device("amplifier"), cell_id="c1", resistance="5 MOhm"
    )
    recordings = [_recording(nwb, electrode, k) for k in range(3)]
    nwb.add_acquisition(
        IZeroClampSeries(name="resting", data=np.arange(5.0), electrode=electrode, gain=1.0, rate=100.0)
    )
    nwb.add_acquisition(
        PatchClampSeries(name="patch", data=np.arange(5), unit="V", electrode=electrode, gain=1.0, rate=100.0)
    )
    table = nwb.intracellular_recordings
    table.add_column(name="tag", data=["a", "b", "c"], description="a word", category="electrodes")
    table.add_column(name="note", data=["x", "y", "z"], description="a word")
    first = nwb.add_icephys_simultaneous_recording(recordings=recordings[:2])
    second = nwb.add_icephys_simultaneous_recording(recordings=recordings[2:])
    sequence = nwb.add_icephys_sequential_recording(simultaneous_recordings=[first, second], stimulus_type="square")
    repetition = nwb.add_icephys_repetition(sequential_recordings=[sequence])
    nwb.add_icephys_experimental_condition(repetitions=[repetition])
    return twins.write(nwb, path)


def _recording(nwb: NWBFile, electrode: IntracellularElectrode, k: int) -> int:
    values = np.arange(10.0) + k
    both = {"electrode": electrode, "gain": 0.02, "rate": 100.0, "starting_time": 1.0 * k, "sweep_number": k}
    kind = (VoltageClampStimulusSeries, CurrentClampStimulusSeries)[k % 2]
    stimulus = kind(name=f"stimulus{k}", data=values, **both)
    more = ({"capacitance_fast": 1e-12, "whole_cell_series_resistance_comp": 7.0}, {"bias_current": 0.1})[k % 2]
    response = (VoltageClampSeries, CurrentClampSeries)[k % 2](
        name=f"response{k}",
        data=(values * 3).astype(np.float32),
        conversion=1e-12,
        resolution=float("nan"),
        **both,
        **more,
    )
    if k == 2:
        return int(nwb.add_intracellular_recording(electrode=electrode, response=response))
    return int(
        nwb.add_intracellular_recording(
            electrode=electrode,
            stimulus=stimulus,
            stimulus_start_index=1,
            stimulus_index_count=5,
            response=response,
            response_start_index=2,
            response_index_count=6,
        )
    )
