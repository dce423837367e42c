"""Units that stop or begin late are told of; those that fire little, or throughout, are not."""

import warnings

import numpy as np
import pytest
import xarray as xr

from conftest import real_data
from neurodata4ml.spec import read_spec
from neurodata4ml.studies.material import prepare
from neurodata4ml.studies.silence import warn_of_silence


def spikes(*rates, n=200):
    """Poisson counts (trial, unit), each unit with one rate or with one for each trial."""
    rng = np.random.default_rng(0)
    return xr.DataArray(
        np.stack([rng.poisson(np.broadcast_to(rate, n)) for rate in rates], axis=1),
        dims=("trial", "unit"),
        coords={"unit": [f"u{i}" for i in range(len(rates))]},
    )


def stops(rate, at, n=200):
    return np.where(np.arange(n) < at, rate, 0.0)


def told(totals):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_silence(totals)
    return [str(one.message) for one in caught]


def test_a_unit_that_stops_and_one_that_begins_late_are_named_with_their_trials():
    last, first = told(spikes(2.0, stops(2.0, 120), stops(2.0, 150)[::-1]))
    assert last.startswith("1 of 3 units fire no spike in the last of the 200 trials: unit u1 in 8")
    assert first.startswith("1 of 3 units fire no spike in the first of the 200 trials: unit u2 in 5")
    assert "A unit that begins late may have been lost" in first
    assert "--where" in last


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.1, 2.0, 50.0])
def test_units_of_any_rate_that_stay_are_not_named(rate):
    assert told(spikes(*[rate] * 50)) == []


def test_a_short_silence_is_not_told():
    assert told(spikes(20.0, stops(20.0, 185))) == []


def test_trials_in_another_order_are_put_in_that_of_time():
    totals = spikes(2.0, stops(2.0, 120)).assign_coords(start_time=("trial", np.arange(200.0)))
    order = np.random.default_rng(1).permutation(200)
    assert told(totals.isel(trial=order)) == told(totals) != []


def test_many_lost_units_are_named_in_part():
    (said,) = told(spikes(*[stops(2.0, 120)] * 12))
    assert said.startswith("12 of 12 units")
    assert "and 4 units more." in said


def test_the_thalamus_recording_loses_three_of_its_four_units():
    """Their last spikes come at 2422, 2405 and 2714 s of a session that goes on to 5232 s."""
    file = next(real_data("mouse-alm").glob("*.nwb"))
    material = prepare(read_spec(str(file), trials="trials", by="type", align="cue_start_time", window=(-1.2, 0.6)))
    (said,) = told(material.totals)
    assert "3 of 4 units" in said
    late = material.totals.sortby("start_time").isel(trial=slice(-100, None)).sum("trial")
    assert int((late == 0).sum()) == 3
