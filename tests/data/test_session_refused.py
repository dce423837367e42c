"""A session that cannot be had is refused in a sentence: which file, which object, what was found, what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from layouts import ALLEN_LAYOUT, enter

import twins
import worlds
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.data.session import open_session
from neurodata4ml.errors import CatalogError, LayoutError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sessions")
    for make in (twins.allen_twin, twins.alm_twin, twins.two_photon_twin, twins.everything_twin):
        make(folder / f"{make.__name__}.nwb")
    enter(folder, "my-allen", folder / "allen_twin.nwb", ALLEN_LAYOUT)
    return folder


@pytest.fixture
def allen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> xr.Dataset:
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(folder))
    return open_session("my-allen")


def test_a_session_without_images_says_so(allen: xr.Dataset) -> None:
    with pytest.raises(LayoutError, match=r"no images in this file: .*nothing under stimulus/templates"):
        stimulus_images(allen)


def test_images_in_no_order_are_not_put_in_one(folder: Path, tmp_path: Path) -> None:
    template = "stimulus/templates/natural_scenes_template"
    path = twins.damaged(
        folder / "two_photon_twin.nwb", tmp_path / "a.nwb", replace={f"{template}/order_of_images": None}
    )
    with h5py.File(path, "r+") as file:
        file.move(f"{template}/NaturalScene1", f"{template}/NaturalScene7")  # 0, 2, 7: numbers of something else
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


def test_without_any_table_of_intervals_what_can_be_done_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        LayoutError, match=r"holds no table of intervals.*open_nwb\(path\), or add .* NWBFile\.add_trial"
    ):
        open_session(worlds.no_spikes(tmp_path / "a.nwb"))


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
