"""When units were observed is read from the file, as late as the spikes, and no count is made up outside."""

from __future__ import annotations

from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr

import twins
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.session import open_session

INTERVALS = ([(0.0, 10.0)], [(0.0, 4.0), (6.0, 10.0)], [(2.0, 10.0)])


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """Three units with a spike each 0.1 s while they were observed, and ten trials of a second, written by pynwb."""
    nwb = twins.new_file("observed")
    for second in range(10):
        nwb.add_trial(start_time=float(second), stop_time=second + 1.0)
    for intervals in INTERVALS:
        spikes = np.concatenate([np.arange(start + 0.05, stop, 0.1) for start, stop in intervals])
        nwb.add_unit(spike_times=spikes, obs_intervals=np.array(intervals))
    folder: Path = tmp_path_factory.mktemp("observed")
    return open_session(twins.write(nwb, folder / "observed.nwb"), trials="trials")


def test_each_unit_has_its_own_intervals_and_they_are_unread(session: xr.Dataset) -> None:
    assert dask.is_dask_collection(session["obs_intervals"].data)
    assert session["obs_intervals"].dims == ("obs", "bound")
    assert session["obs_intervals"].attrs["units"] == "s"
    some = session.isel(unit=[2, 1])
    for unit, expected in zip((0, 1), (INTERVALS[2], INTERVALS[1]), strict=True):
        own = slice(int(some["obs_start"][unit]), int(some["obs_stop"][unit]))
        assert [tuple(row) for row in some["obs_intervals"].values[own].tolist()] == expected


@pytest.mark.parametrize(("units", "missed"), [([0], []), ([0, 1], [4, 5]), ([2], [0, 1]), ([0, 1, 2], [0, 1, 4, 5])])
@pytest.mark.filterwarnings("ignore:bin_spikes leaves out")
def test_trials_in_which_a_selected_unit_was_not_observed_are_left_out(
    session: xr.Dataset, units: list[int], missed: list[int]
) -> None:
    counts = bin_spikes(session.isel(unit=units), window=(0, 1), bin_width=0.5)
    assert counts["trial"].values.tolist() == [trial for trial in range(10) if trial not in missed]
    assert (counts == 5).all()
    assert counts.attrs["bin_spikes_dropped_unobserved"] == len(missed)
    lazy = bin_spikes(session.isel(unit=units), window=(0, 1), bin_width=0.5, chunks={"unit": 1, "trial": 3})
    np.testing.assert_array_equal(lazy.values, counts.values)


def test_bins_of_a_recording_that_were_not_observed_are_marked(session: xr.Dataset) -> None:
    counts = bin_spikes(session, align=None, window=(0, 10), bin_width=1)
    assert np.flatnonzero(~counts["valid"].values).tolist() == [0, 1, 4, 5]
