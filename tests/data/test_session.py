"""A session: one flat Dataset with spikes, areas, stimuli, blanks and valid trials, of any file or by name."""

from __future__ import annotations

import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from layouts import ALLEN_LAYOUT, enter

import twins
from conftest import real_data
from neurodata4ml.data.align.spikes import read_spikes
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.data.session import open_session
from neurodata4ml.errors import DesignError, LayoutError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sessions")
    for make in (twins.allen_twin, twins.alm_twin, twins.two_photon_twin, twins.everything_twin):
        make(folder / f"{make.__name__}.nwb")
    enter(folder, "my-allen", folder / "allen_twin.nwb", ALLEN_LAYOUT)
    two_photon = {
        "units": "",
        "default_trials": "scenes",
        "trials": {"scenes": {"table": "stimulus/presentation/natural_scenes_stimulus", "stimulus": "data"}},
        "responses": {"dff": "processing/ophys/DfOverF/DfOverF"},
    }
    enter(folder, "my-2p", folder / "two_photon_twin.nwb", two_photon)
    return folder


@pytest.fixture
def allen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> xr.Dataset:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(folder))
    return open_session("my-allen", units="all")


def test_a_named_session_says_where_it_comes_from(allen: xr.Dataset, folder: Path) -> None:
    expected = {
        "dataset": "my-allen",
        "version": "1",
        "session": "one",
        "asset": "allen_twin.nwb",
        "license": "CC0-1.0",
        "citation": "Nobody 2026",
        "source": str(folder / "allen_twin.nwb"),
        "trials": "intervals/natural_scenes_presentations",
        "window": [0.0, 0.25],
        "nwb_version": "2.11.0",
    }
    assert {name: allen.attrs[name] for name in expected} == expected
    assert "simulated" not in allen.attrs


def test_stimuli_are_whole_numbers_and_blanks_keep_theirs(allen: xr.Dataset) -> None:
    assert allen["stimulus"].dtype == np.int64
    assert sorted(set(allen["stimulus"].values)) == [-1, 0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(allen["blank"].values, allen["stimulus"].values == -1)
    assert allen["block"].values.tolist() == [3] * 7 + [5] * 7 + [7] * 7
    assert allen["trial"].values.tolist() == list(range(21))
    assert allen["trial_id"].values.tolist() == list(range(100, 121))


def test_the_columns_of_the_table_stay_under_their_own_names(allen: xr.Dataset) -> None:
    assert allen["stimulus_name"].dims == ("trial",)
    assert allen["frame"].dtype == float
    assert "tags" not in allen.variables
    assert "tags_start" not in allen.variables


def test_a_unit_finds_its_area_through_its_peak_channel(allen: xr.Dataset, folder: Path) -> None:
    with h5py.File(folder / "allen_twin.nwb") as file:
        electrodes = file["general/extracellular_ephys/electrodes"]
        where = dict(zip(electrodes["id"][:].tolist(), electrodes["location"].asstr()[:], strict=True))
        expected = [where.get(channel, "") for channel in file["units/peak_channel_id"][:].tolist()]
    assert allen["area"].values.tolist() == expected
    assert expected[-1] == ""
    assert allen.attrs["area_from"].startswith("units.peak_channel_id -> general/extracellular_ephys/electrodes")


def test_a_unit_is_good_when_it_meets_every_rule_and_nan_meets_none(allen: xr.Dataset) -> None:
    assert allen["good"].values.tolist() == [False, True, False, True, True, True, True, True, False]
    assert allen["quality"].values[-1] == "noise"


def test_units_that_do_not_meet_the_rules_are_left_out_and_the_attributes_say_so(
    allen: xr.Dataset, folder: Path
) -> None:
    good = open_session("my-allen")
    assert good.attrs["units_kept"] == "6 of 9: quality == good, amplitude_cutoff <= 0.1"
    assert allen.attrs["units_kept"] == "all 9; `good` tells those with quality == good, amplitude_cutoff <= 0.1"
    xr.testing.assert_equal(good, allen.isel(unit=np.flatnonzero(allen["good"])))
    times, offsets = read_spikes(good)
    for unit, k in enumerate([1, 3, 4, 5, 6, 7]):
        np.testing.assert_array_equal(times[offsets[unit] : offsets[unit + 1]], twins.spikes(9, stop=60.0)[k])
    plain = open_session(folder / "allen_twin.nwb", trials="natural_scenes_presentations")
    assert plain.sizes["unit"] == 9
    assert plain.attrs["units_kept"] == "all 9: no entry of the catalog has quality rules for this file"
    with pytest.raises(DesignError, match=r"units='best' is neither 'good' .* nor 'all'\."):
        open_session("my-allen", units="best")  # type: ignore[arg-type]


def test_invalid_intervals_are_sorted_and_merged_and_mark_the_trials_they_meet(allen: xr.Dataset) -> None:
    np.testing.assert_allclose(allen["invalid_interval"].values, [[5.1, 5.6], [26.0, 27.0]])
    start, stop = allen["start_time"].values, allen["stop_time"].values
    meets = ((start < 5.6) & (stop > 5.1)) | ((start < 27.0) & (stop > 26.0))
    np.testing.assert_array_equal(allen["valid"].values, ~meets)
    assert meets.sum() == 3


def test_a_trial_that_only_touches_an_invalid_interval_is_valid(folder: Path, tmp_path: Path) -> None:
    replace = {"intervals/trials/start_time": np.arange(40.0), "intervals/trials/stop_time": np.arange(40.0) + 1}
    path = twins.damaged(folder / "alm_twin.nwb", tmp_path / "a.nwb", replace=replace)
    with h5py.File(path, "r+") as file:
        table = file.create_group("intervals/invalid_times")
        table.attrs.update(neurodata_type="TimeIntervals", namespace="core")
        table["id"], table["start_time"], table["stop_time"] = [0], [3.0], [4.0]
    assert np.flatnonzero(~open_session(path)["valid"].values).tolist() == [3]


def test_spikes_are_unread_and_each_unit_has_its_own_range(allen: xr.Dataset) -> None:
    assert allen["spike_times"].dims == ("spike",)
    assert not isinstance(allen["spike_times"].data, np.ndarray)
    assert allen["spike_start"].dtype == allen["spike_stop"].dtype == np.int64
    times, offsets = read_spikes(allen)
    for unit, expected in enumerate(twins.spikes(9, stop=60.0)):
        np.testing.assert_array_equal(times[offsets[unit] : offsets[unit + 1]], expected)


def test_texts_that_are_numbers_become_numbers(folder: Path) -> None:
    session = open_session(folder / "allen_twin.nwb", trials="drifting_gratings_presentations")
    np.testing.assert_array_equal(session["spatial_frequency"].values, [0.04, 0.04, np.nan, 0.08])
    assert session["phase"].values[0] == "[0.0, 0.0]"
    assert session["mask"].values[0] == "None"
    assert session["code"].values[0] == "007"
    assert session["units"].values[0] == "deg"


def test_a_blank_can_be_what_has_no_number(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(folder))
    session = open_session("my-allen", trials="drifting_gratings")
    assert session["blank"].values.tolist() == [False, False, True, False]
    assert "window" not in session.attrs


def test_a_series_has_its_own_clock_without_an_index(allen: xr.Dataset) -> None:
    assert allen["running"].dims == ("running_time",)
    assert allen["running"].attrs["units"] == "cm/s"
    assert "running_time" in allen.coords
    assert set(allen.indexes) == {"unit", "trial"}
    assert not isinstance(allen["running_time"].data, np.ndarray)


def test_a_series_that_this_file_lacks_is_named(allen: xr.Dataset) -> None:
    assert allen.attrs["series_not_in_file"] == "pupil (processing/eye/pupil)"


def test_a_session_can_be_selected_and_sent_to_another_process(allen: xr.Dataset) -> None:
    part = pickle.loads(pickle.dumps(allen.isel(unit=[5, 2], trial=slice(3))))
    assert part["unit"].values.tolist() == [951790005, 951790002]
    assert part.sizes["spike"] == allen.sizes["spike"]
    np.testing.assert_array_equal(read_spikes(part)[0], np.concatenate([twins.spikes(9, stop=60.0)[k] for k in (5, 2)]))


def test_a_file_opens_without_an_entry_and_guesses_no_stimulus(folder: Path) -> None:
    session = open_session(folder / "alm_twin.nwb")
    assert session.attrs["trials"] == "intervals/trials"
    assert "stimulus" not in session.coords
    assert not session["blank"].values.any()
    assert session["type"].values[:2].tolist() == ["lick left", "lick right"]
    assert np.isnan(session["cue_start_time"].values).sum() == 13
    assert "dataset" not in session.attrs
    assert session.attrs["session"] == "alm-twin-1"


def test_a_simulated_file_says_so_also_when_it_is_opened_by_its_path(folder: Path, tmp_path: Path) -> None:
    path = twins.damaged(folder / "alm_twin.nwb", tmp_path / "a.nwb", replace={})
    with h5py.File(path, "r+") as file:
        file.create_group("scratch/simulation")
    session = open_session(path)
    assert session.attrs["simulated"] == "yes"
    assert session.attrs["note"].startswith("Simulated by neurodata4ml")


def test_the_area_of_a_unit_with_several_electrodes_is_that_of_the_first(folder: Path) -> None:
    session = open_session(folder / "alm_twin.nwb")
    areas = ["brain_region: Thalamus", "brain_region: ALM", "brain_region: ALM", "brain_region: ALM"]
    assert session["area"].values.tolist() == areas
    assert session.attrs["area_from"].startswith("units.electrodes -> ")


def test_a_units_column_of_areas_comes_before_any_other_way(folder: Path, tmp_path: Path) -> None:
    path = twins.damaged(folder / "alm_twin.nwb", tmp_path / "a.nwb", replace={})
    with h5py.File(path, "r+") as file:
        file["units/location"] = ["CA1", "CA1", "CA3", "DG"]
    session = open_session(path)
    assert session["area"].values.tolist() == ["CA1", "CA1", "CA3", "DG"]
    assert session.attrs["area_from"] == "units.location"


def test_words_of_the_house_are_not_given_away(folder: Path, tmp_path: Path) -> None:
    path = twins.damaged(folder / "alm_twin.nwb", tmp_path / "a.nwb", replace={})
    with h5py.File(path, "r+") as file:
        file["units/type"], file["units/time"] = [1, 2, 3, 4], [1, 2, 3, 4]
        file["intervals/trials/valid"], file["intervals/trials/unit"] = np.zeros(40), np.zeros(40)
    session = open_session(path)
    assert {"unit_type", "unit_time", "trial_valid", "trial_unit"} <= set(session.coords)
    assert session["valid"].dtype == bool
    assert session["type"].dims == ("trial",)


def test_a_column_called_stimulus_keeps_its_name_though_no_layout_names_it(folder: Path, tmp_path: Path) -> None:
    path = twins.damaged(folder / "alm_twin.nwb", tmp_path / "a.nwb", replace={})
    with h5py.File(path, "r+") as file:
        file["intervals/trials/stimulus"], file["units/stimulus"] = np.arange(40) % 3, np.zeros(4)
    session = open_session(path)
    assert session["stimulus"].values[:4].tolist() == [0, 1, 2, 0]
    assert session["unit_stimulus"].dims == ("unit",)


def test_an_index_series_tells_trials_and_rois_are_units(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(folder))
    session = open_session("my-2p")
    assert session["dff"].dims == ("dff_time", "unit")
    assert session["global_roi_id"].values.tolist() == [517400000 + k for k in range(5)]
    assert session["stimulus"].values.tolist() == [2, 0, 1, 1, 0, 2]
    np.testing.assert_allclose(session["start_time"].values, 2.0 + 0.25 * np.arange(6))
    np.testing.assert_allclose(session["stop_time"].values[:-1], 2.25 + 0.25 * np.arange(5))
    assert np.isnan(session["stop_time"].values[-1])
    assert "spike_times" not in session


def test_images_of_the_file_are_numbered_as_the_stimuli_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(folder))
    images = stimulus_images(open_session("my-2p"))
    assert images.dims == ("stimulus", "y", "x")
    assert images["stimulus"].values.tolist() == [0, 1, 2]
    assert images["stimulus"].dtype.kind == "i"
    assert images.dtype == np.uint8
    assert not isinstance(images.data, np.ndarray)


def test_the_real_alm_recording() -> None:
    session = open_session(next(real_data("mouse-alm").glob("*.nwb")))
    assert (session.sizes["unit"], session.sizes["spike"], session.sizes["trial"]) == (4, 34_057, 412)
    assert np.isnan(session["cue_start_time"].values).sum() == 70
    assert len(read_spikes(session)[0]) == 34_057


def test_the_real_allen_layout() -> None:
    path = real_data("allen-vc-schema") / "aibs.nwb"
    session = open_session(path, trials="natural_scenes_presentations")
    assert session["frame"].values.tolist() == [92, 72, 43, 15, 44, 79, 49, 103, 114, 69]
    assert session["area"].values[:3].tolist() == ["grey", "grey", "grey"]
    gratings = open_session(path, trials="drifting_gratings_presentations")
    assert gratings["spatial_frequency"].values.tolist() == [0.04] * 10
    with pytest.raises(LayoutError, match=r"spike_times_index counts to 987,786, but spike_times has 10 values"):
        read_spikes(session)
    with pytest.raises(LayoutError, match=r"987,786, but spike_times has 10 values"):
        read_spikes(session.isel(unit=[2]))


def test_a_file_outside_the_catalog_is_cited_in_its_own_words(tmp_path):
    nwb = twins.new_file("cited")
    nwb.experimenter = ["Curie, Marie"]
    nwb.institution = "Sorbonne"
    nwb.related_publications = ("doi:10.1000/1", "doi:10.1000/2")
    nwb.add_unit(spike_times=[0.1, 0.2])
    nwb.add_trial(start_time=0.0, stop_time=1.0)
    session = open_session(twins.write(nwb, tmp_path / "cited.nwb"))
    assert session.attrs["citation"] == "Curie, Marie, Sorbonne, doi:10.1000/1, doi:10.1000/2"


def test_voltages_in_acquisition_are_raw_unless_they_stand_as_lfp(folder: Path, tmp_path: Path) -> None:
    path = twins.damaged(folder / "everything_twin.nwb", tmp_path / "a.nwb", replace={})
    with h5py.File(path, "r+") as file:
        for name, kind in (("LFP", "LFP"), ("probe", "NWBContainer")):
            file.create_group(f"acquisition/{name}").attrs.update(neurodata_type=kind, namespace="core")
            file.copy("acquisition/lfp", f"acquisition/{name}/voltage_{name}")
        table = file.create_group("intervals/trials")
        table.attrs.update(neurodata_type="TimeIntervals", namespace="core")
        table["start_time"], table["stop_time"] = [1.0, 2.0], [1.5, 2.5]
    session = open_session(path)
    assert {"voltage_LFP", "bare"} <= set(session)
    assert session.attrs["series_not_opened"].startswith("acquisition/lfp, acquisition/probe/voltage_probe (raw")
