"""Spikes of the selected units, whatever the selection; unsorted or impossible ones are refused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.data.align.spikes import read_spikes
from neurodata4ml.errors import DimensionError, LayoutError


def session(rows: list[list[float]]) -> xr.Dataset:
    """Return a session with these spikes."""
    stops = np.cumsum([len(row) for row in rows])
    return xr.Dataset(
        {
            "spike_times": ("spike", np.concatenate([np.asarray(row, float) for row in rows])),
            "spike_start": ("unit", np.append(0, stops[:-1])),
            "spike_stop": ("unit", stops),
        },
        {"unit": np.arange(len(rows)) + 100},
        {"source": "here.nwb"},
    ).chunk(spike=3)


ROWS = [[1.0, 2.0, 2.0], [], [0.5], [0.1, 0.2, 0.3, 9.0], [4.0]]


@pytest.mark.parametrize("units", [[0, 1, 2, 3, 4], [3], [4, 0], [1], [], [2, 2], [3, 1, 0]])
def test_any_selection_of_units_gives_their_own_spikes(units: list[int]) -> None:
    times, offsets = read_spikes(session(ROWS).isel(unit=units))
    rows = [times[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    assert rows == [ROWS[k] for k in units]
    assert offsets.dtype == np.int64


def test_spikes_of_one_unit_that_are_not_sorted_are_named() -> None:
    with pytest.raises(LayoutError, match=r"here\.nwb: spike_times of unit 102 are not sorted: spike 1 is at 0\.4"):
        read_spikes(session([[1.0], [2.0], [0.5, 0.4], [3.0]]))


def test_an_unsorted_unit_can_be_left_out() -> None:
    times, _ = read_spikes(session([[1.0], [2.0], [0.5, 0.4], [3.0]]).isel(unit=[0, 3]))
    assert times.tolist() == [1.0, 3.0]


def test_a_spike_without_a_time_is_refused() -> None:
    with pytest.raises(LayoutError, match=r"unit 100 are not sorted: spike 0 is at nan"):
        read_spikes(session([[np.nan], [1.0]]))


def test_a_column_that_was_cut_short_says_both_lengths() -> None:
    short = session(ROWS).isel(spike=slice(0, 5))
    with pytest.raises(LayoutError, match=r"the index of spike_times counts to 9, but spike_times has 5 values"):
        read_spikes(short)


def test_a_range_that_is_no_range_is_refused() -> None:
    odd = session(ROWS)
    odd["spike_start"] = ("unit", [0, 3, 3, 9, 8])
    with pytest.raises(LayoutError, match=r"unit 103 has its spikes from 9 to 8 of spike_times, which is no range"):
        read_spikes(odd)


def test_a_session_that_lost_its_ranges_says_which() -> None:
    with pytest.raises(LayoutError, match="needs 'spike_stop', which this session lost"):
        read_spikes(session(ROWS).drop_vars("spike_stop"))


def test_a_single_unit_is_selected_with_a_list() -> None:
    with pytest.raises(DimensionError, match=r'read_spikes needs a "unit" dim.*Select units with a list'):
        read_spikes(session(ROWS).isel(unit=0))
