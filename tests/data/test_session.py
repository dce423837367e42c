"""A session: one flat Dataset with spikes, areas, stimuli, blanks and valid trials, of any file or by name."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tomli_w
import xarray as xr

import twins
from conftest import real_data
from neurodata4ml.data.session import open_session, stimulus_images
from neurodata4ml.data.spikes import read_spikes
from neurodata4ml.errors import CatalogError, LayoutError

ALLEN_LAYOUT: dict[str, Any] = {
    "default_trials": "natural_scenes",
    "area": {
        "column": "peak_channel_id",
        "table": "general/extracellular_ephys/electrodes",
        "key": "id",
        "value": "location",
    },
    "quality": [
        {"column": "quality", "op": "==", "value": "good"},
        {"column": "amplitude_cutoff", "op": "<=", "value": 0.1},
    ],
    "trials": {
        "natural_scenes": {
            "table": "intervals/natural_scenes_presentations",
            "stimulus": "frame",
            "block": "stimulus_block",
            "blank": -1,
            "window": [0.0, 0.25],
        },
        "drifting_gratings": {
            "table": "intervals/drifting_gratings_presentations",
            "stimulus": "orientation",
            "blank": "nan",
        },
        "movie": {"table": "intervals/natural_movie_one_presentations"},
    },
    "series": {"running": "processing/running/running_speed", "pupil": "processing/eye/pupil"},
}


def enter(folder: Path, name: str, path: Path, layout: dict[str, Any]) -> None:
    """Write an entry of a catalog of one's own for the file at ``path``."""
    entry = {
        "name": name,
        "title": "a twin",
        "summary": "made up",
        "archive": "local",
        "version": "1",
        "license": "CC0-1.0",
        "citation": "Nobody 2026",
        "species": "mouse",
        "modality": "Neuropixels",
        "task": "natural scenes",
        "default_session": "one",
        "sessions": {"one": {"path": path.name}},
        "layout": layout,
    }
    (folder / f"{name}.toml").write_text(tomli_w.dumps(entry), encoding="utf-8")


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
    return open_session("my-allen")


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


def test_a_session_without_images_says_so(allen: xr.Dataset) -> None:
    with pytest.raises(LayoutError, match=r"no images in this file: .*nothing under stimulus/templates"):
        stimulus_images(allen)


def test_images_in_no_order_are_not_put_in_one(folder: Path, tmp_path: Path) -> None:
    path = twins.damaged(
        folder / "two_photon_twin.nwb",
        tmp_path / "a.nwb",
        replace={"stimulus/templates/natural_scenes_template/order_of_images": None},
    )
    session = xr.Dataset(attrs={"source": str(path)})
    with pytest.raises(LayoutError, match="has no order_of_images, so which image is which stimulus is not known"):
        stimulus_images(session)


def test_stimuli_that_are_no_image_are_named(folder: Path) -> None:
    source = {"source": str(folder / "two_photon_twin.nwb")}
    coords = {"stimulus": ("trial", np.array([0, 7, -1])), "blank": ("trial", np.array([False, False, True]))}
    with pytest.raises(LayoutError, match=r"has 3 images, 0 to 2; stimuli not among them: 7\."):
        stimulus_images(xr.Dataset(coords=coords, attrs=source))


def test_several_sets_of_images_are_listed(folder: Path, tmp_path: Path) -> None:
    path = twins.damaged(folder / "everything_twin.nwb", tmp_path / "a.nwb", replace={})
    with h5py.File(path, "r+") as file:
        file.copy("stimulus/templates/movie", "stimulus/templates/scenes")
    with pytest.raises(LayoutError, match="several sets of images"):
        stimulus_images(xr.Dataset(attrs={"source": str(path)}))
    session = xr.Dataset(attrs={"source": str(path), "trials": "intervals/scenes_presentations"})
    assert stimulus_images(session).attrs["images"] == "stimulus/templates/scenes"


def test_a_set_that_holds_no_stack_is_named(folder: Path) -> None:
    attrs = {"source": str(folder / "everything_twin.nwb"), "images": "acquisition/bare"}
    with pytest.raises(LayoutError, match="holds no stack of images of one size at acquisition/bare"):
        stimulus_images(xr.Dataset(attrs=attrs))


def test_without_a_table_called_trials_the_tables_are_listed(folder: Path) -> None:
    with pytest.raises(LayoutError, match=r"say which table holds the trials.*intervals/drifting_gratings_present"):
        open_session(folder / "allen_twin.nwb")


def test_a_table_that_is_not_there_is_answered_with_those_that_are(folder: Path) -> None:
    with pytest.raises(LayoutError, match=r"no table 'trails'\. Did you mean 'trials'\? There are: intervals/trials\."):
        open_session(folder / "alm_twin.nwb", trials="trails")


def test_a_table_that_the_layout_names_and_the_file_lacks_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(folder))
    with pytest.raises(LayoutError, match=r"has no table intervals/natural_movie_one_presentations\. There are: "):
        open_session("my-allen", trials="movie")


def test_a_table_without_rows_is_refused(folder: Path, tmp_path: Path) -> None:
    empty = {f"intervals/trials/{name}": np.zeros(0) for name in ("id", "start_time", "stop_time")}
    path = twins.damaged(folder / "alm_twin.nwb", tmp_path / "a.nwb", replace=empty)
    with pytest.raises(
        LayoutError, match=r"the table intervals/trials has no rows\. There is no other table of intervals"
    ):
        open_session(path)
    with h5py.File(path, "r+") as file:
        table = file.create_group("intervals/epochs")
        table.attrs.update(neurodata_type="TimeIntervals", namespace="core")
        table["start_time"] = table["stop_time"] = np.arange(3.0)
    with pytest.raises(LayoutError, match=r"has no rows\. Choose another: intervals/epochs\.$"):
        open_session(path)


def test_a_column_that_the_layout_names_and_the_table_lacks_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    twins.damaged(folder / "allen_twin.nwb", tmp_path / "a.nwb", replace={"units/quality": None})
    enter(tmp_path, "no-quality", tmp_path / "a.nwb", ALLEN_LAYOUT)
    with pytest.raises(LayoutError, match="units has no column 'quality' for the quality rule"):
        open_session("no-quality")
    wrong = {**ALLEN_LAYOUT, "area": {**ALLEN_LAYOUT["area"], "column": "channel"}}
    enter(tmp_path, "no-channel", tmp_path / "a.nwb", wrong)
    with pytest.raises(LayoutError, match="the units have no column 'channel', which leads to their areas"):
        open_session("no-channel")
    wrong = {**ALLEN_LAYOUT, "area": {**ALLEN_LAYOUT["area"], "value": "region"}}
    enter(tmp_path, "no-region", tmp_path / "a.nwb", wrong)
    with pytest.raises(LayoutError, match="electrodes has no column 'region', which tells the areas of units"):
        open_session("no-region")
    scenes = {**ALLEN_LAYOUT["trials"]["natural_scenes"], "stimulus": "image"}
    enter(tmp_path, "no-image", tmp_path / "a.nwb", {**ALLEN_LAYOUT, "trials": {"natural_scenes": scenes}})
    with pytest.raises(LayoutError, match=r"natural_scenes_presentations has no column 'image'\. It has: "):
        open_session("no-image")


def test_a_file_without_units_lists_its_tables(folder: Path, tmp_path: Path) -> None:
    path = twins.damaged(folder / "alm_twin.nwb", tmp_path / "a.nwb", replace={"units": None})
    with pytest.raises(LayoutError, match=r"has no units\. Its tables: .*/intervals/trials"):
        open_session(path)


def test_responses_that_are_not_one_value_per_roi_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    data = {"processing/ophys/DfOverF/DfOverF/data": np.zeros((300, 2))}
    twins.damaged(folder / "two_photon_twin.nwb", tmp_path / "a.nwb", replace=data)
    trials = {"scenes": {"table": "stimulus/presentation/natural_scenes_stimulus"}}
    layout = {"units": "", "default_trials": "scenes", "trials": trials}
    enter(tmp_path, "odd", tmp_path / "a.nwb", {**layout, "responses": {"dff": "processing/ophys/DfOverF/DfOverF"}})
    with pytest.raises(LayoutError, match=r"has shape \(300, 2\), which is not \(time, 5 ROIs\)"):
        open_session("odd")


def test_a_session_belongs_to_a_name_and_not_to_a_file(folder: Path) -> None:
    with pytest.raises(LayoutError, match="is a file, which is one session; session='1' belongs to a dataset's name"):
        open_session(folder / "alm_twin.nwb", "1")


def test_a_name_that_is_neither_a_dataset_nor_a_file_is_looked_up_in_the_catalog() -> None:
    with pytest.raises(CatalogError, match="allen-vc"):
        open_session("alen-vc")


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


UNITS, TRIALS = "units", "intervals/trials"


@pytest.mark.parametrize(
    ("replace", "sentence"),
    [
        ({f"{UNITS}/id": np.arange(3)}, r"units/spike_times has an index of 4 rows for 3 units"),
        ({f"{UNITS}/spike_times_index": np.array([5, 9])}, r"units/spike_times has an index of 2 rows for 4 units"),
        ({f"{UNITS}/spike_times_index": None}, r"units/spike_times has no index for 4 units"),
        (
            {f"{UNITS}/spike_times": np.zeros((10, 2))},
            r"units/spike_times has shape \(10, 2\) and type float64; it must",
        ),
        (
            {f"{UNITS}/id": np.array([3, 3, 5, 5])},
            r"2 of the ids in units/id belong to several units \(3, 5\).*range\(4\)",
        ),
        ({f"{TRIALS}/start_time": ["soon"] * 40}, r"trials/start_time holds text, and it must hold times in seconds"),
        ({f"{TRIALS}/stop_time": ["1.0"] * 40}, r"trials/stop_time holds text, and it must hold times in seconds"),
        (
            {f"{TRIALS}/stop_time": np.arange(3.0)},
            r"trials/stop_time has shape \(3,\), which is not one value for each",
        ),
    ],
)
def test_a_table_that_was_damaged_is_named_with_what_was_found(
    folder: Path, tmp_path: Path, replace: dict[str, Any], sentence: str
) -> None:
    path = twins.damaged(folder / "alm_twin.nwb", tmp_path / "a.nwb", replace=replace)
    with pytest.raises(LayoutError, match=rf"a\.nwb: .*{sentence}"):
        open_session(path)


def test_areas_that_are_not_one_for_each_unit_are_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    for column in ("peak_channel_id", "amplitude_cutoff"):
        twins.damaged(folder / "allen_twin.nwb", tmp_path / f"{column}.nwb", replace={f"units/{column}": np.arange(2)})
        enter(tmp_path, column.replace("_", "-"), tmp_path / f"{column}.nwb", ALLEN_LAYOUT)
        with pytest.raises(LayoutError, match=rf"units/{column} has shape \(2,\), which is not one value for each of"):
            open_session(column.replace("_", "-"))


def test_invalid_times_must_be_pairs_of_times(folder: Path, tmp_path: Path) -> None:
    path = twins.damaged(folder / "alm_twin.nwb", tmp_path / "a.nwb", replace={})
    with h5py.File(path, "r+") as file:
        table = file.create_group("intervals/invalid_times")
        table.attrs.update(neurodata_type="TimeIntervals", namespace="core")
        table["start_time"], table["stop_time"] = [3.0], [4.0, 5.0]
    with pytest.raises(
        LayoutError, match=r"start_time and stop_time of intervals/invalid_times have shapes \(1,\) and"
    ):
        open_session(path)


def test_a_series_that_the_layout_names_must_be_whole(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    twins.damaged(folder / "allen_twin.nwb", tmp_path / "a.nwb", replace={})
    enter(tmp_path, "odd", tmp_path / "a.nwb", ALLEN_LAYOUT)
    with h5py.File(tmp_path / "a.nwb", "r+") as file:
        file["processing/running/running_speed/data"].attrs["conversion"] = "much"
    with pytest.raises(LayoutError, match=r"the series 'running' at .* has no numbers.*its conversion is 'much'"):
        open_session("odd")
    with h5py.File(tmp_path / "a.nwb", "r+") as file:
        del file["processing/running/running_speed"]
        file["processing/running/running_speed"] = h5py.ExternalLink("other.nwb", "/x")
    with pytest.raises(LayoutError, match=r"running_speed lies in another file, 'other\.nwb'"):
        open_session("odd")


def test_responses_without_data_are_named(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    path = "processing/ophys/DfOverF/DfOverF"
    twins.damaged(folder / "two_photon_twin.nwb", tmp_path / "a.nwb", replace={f"{path}/data": None})
    trials = {"scenes": {"table": "stimulus/presentation/natural_scenes_stimulus"}}
    layout = {"units": "", "default_trials": "scenes", "trials": trials, "responses": {"dff": path}}
    enter(tmp_path, "odd", tmp_path / "a.nwb", layout)
    with pytest.raises(LayoutError, match=r"DfOverF/DfOverF has no data that can be read"):
        open_session("odd")


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
