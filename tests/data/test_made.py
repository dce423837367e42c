"""Any simulated recording becomes a session like that of a laboratory, and its truth is found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.data.align.averages import align_series
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.made import open_simulation
from neurodata4ml.data.made_file import write_simulation
from neurodata4ml.data.session import open_session
from neurodata4ml.data.truth import truth
from neurodata4ml.errors import DesignError
from neurodata4ml.simulation import Series, Simulation


@pytest.fixture(scope="module")
def made() -> Simulation:
    rng = np.random.default_rng(0)
    return Simulation(
        system="toy",
        description="Three units that fire at random.",
        seed=3,
        units={"area": np.array(["a", "b", "a"]), "depth": np.arange(3.0)},
        spike_times=[np.sort(rng.uniform(0, 10, 20)), np.empty(0), np.sort(rng.uniform(0, 10, 7))],
        trials={
            "start_time": np.arange(5.0),
            "stop_time": np.arange(5.0) + 0.5,
            "stimulus": np.array(list("xyxyx")),
            "block": np.array([0, 0, 1, 1, 1]),
            "rewarded": np.array([True, False, True, True, False]),
        },
        truth=xr.Dataset(
            {
                "weight": (("unit", "unit2"), np.arange(9.0).reshape(3, 3), {"units": "V"}),
                "context": ("trial", np.array(list("abcde"))),
                "window": ("lag", np.linspace(-1, 1, 4)),
            },
            coords={"lag": np.arange(4)},
            attrs={"rule": "none"},
        ),
        stop=10.0,
        series={"current": Series(np.arange(202.0).reshape(101, 2), np.linspace(0, 10, 101), "A", "injected")},
    )


def test_a_session_shows_what_was_recorded_and_not_the_truth(made: Simulation) -> None:
    session = open_simulation(made)
    own = [
        session.spike_times.values[start:stop]
        for start, stop in zip(session.spike_start.values, session.spike_stop.values, strict=True)
    ]
    assert [list(times) for times in own] == [list(times) for times in made.spike_times]
    assert session.area.values.tolist() == ["a", "b", "a"]
    assert session.stimulus.values.tolist() == list("xyxyx")
    assert session.block.values.tolist() == [0, 0, 1, 1, 1]
    assert session.rewarded.values.tolist() == [True, False, True, True, False]
    assert session.current.attrs["units"] == "A"
    assert session.attrs["dataset"] == "toy"
    assert not {"weight", "context", "window"} & set(session.variables)


def test_its_spikes_are_binned_and_its_series_aligned_as_those_of_any_session(made: Simulation) -> None:
    session = open_simulation(made)
    counts = bin_spikes(session, window=(0, 0.5), bin_width=0.5).sum("time")
    by_hand = [[(((d := times - t) >= 0) & (d < 0.5)).sum() for times in made.spike_times] for t in range(5)]
    assert counts.values.tolist() == by_hand
    current = align_series(session, "current", window=(0, 0.2), bin_width=0.2)
    assert current.values[:, 0, 0].tolist() == [1.0 + 20 * t for t in range(5)]


def test_the_truth_comes_back_with_its_labels_units_and_words(made: Simulation) -> None:
    found = truth(open_simulation(made))
    for name in made.truth.data_vars:
        assert found[name].values.tolist() == made.truth[name].values.tolist()
        assert found[name].dims == made.truth[name].dims
    assert found.weight.attrs["units"] == "V"
    assert found.attrs["rule"] == "none"
    assert found.lag.values.tolist() == [0, 1, 2, 3]


def test_the_truth_of_chosen_units_and_trials_is_theirs(made: Simulation) -> None:
    session = open_simulation(made).isel(unit=[2, 0], trial=[1, 3])
    found = truth(session)
    assert found.weight.values.tolist() == [[8.0, 6.0], [2.0, 0.0]]
    assert found.context.values.tolist() == ["b", "d"]
    assert found.unit.values.tolist() == [2, 0]


def test_a_unit_that_was_not_simulated_has_no_truth(made: Simulation) -> None:
    session = open_simulation(made).assign_coords(unit=[0, 1, 7])
    with pytest.raises(DesignError, match="unit 7 is none of the 3 of the simulation"):
        truth(session)


def test_the_same_recording_is_the_same_content(made: Simulation, tmp_path: Path) -> None:
    one, other = (write_simulation(made, tmp_path / f"{k}.nwb") for k in range(2))
    assert one.read_bytes() == other.read_bytes()


def test_pynwb_finds_the_file_valid(made: Simulation, tmp_path: Path) -> None:
    from pynwb import validate

    path = write_simulation(made, tmp_path / "toy.nwb")
    assert not validate(path=str(path))


def test_its_file_opens_as_any_other_without_an_entry(made: Simulation, tmp_path: Path) -> None:
    session = open_session(write_simulation(made, tmp_path / "toy.nwb"))
    assert session.area.values.tolist() == ["a", "b", "a"]
    assert truth(session).attrs["rule"] == "none"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"units": {"depth": np.arange(3)}}, "its units have no column 'area', only depth"),
        ({"units": {"area": np.array(["a"])}}, r"the column 'area' has shape \(1,\), and there are 3 units"),
        ({"trials": {"start_time": np.arange(2.0)}}, "its trials have no column 'stop_time', only start_time"),
        (
            {"trials": {"start_time": np.arange(2.0), "stop_time": np.arange(3.0)}},
            r"the column 'stop_time' of its trials has shape \(3,\), and there are 2 trials",
        ),
        ({"spike_times": [np.array([2.0, 1.0])] * 3}, "the spikes of unit 0 are not sorted between 0 and 10 s"),
        ({"spike_times": [np.array([11.0])] * 3}, "the spikes of unit 0 are not sorted between 0 and 10 s"),
        ({"truth": xr.Dataset({"w": ("unit", [1, 2])})}, "its truth has 2 entries along 'unit', and the recording 3"),
        (
            {"series": {"i": Series(np.ones(2), np.array([1.0, 1.0]), "A")}},
            "the series 'i' has 2 values for 2 rising times",
        ),
    ],
)
def test_a_recording_that_falls_apart_is_refused(made: Simulation, change: dict[str, Any], said: str) -> None:
    with pytest.raises(DesignError, match=f"a simulation of 'toy' cannot be: {said}"):
        replace(made, **change)
