"""Series and images of an NWB file: in their own unit, along a clock in seconds."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from pynwb import NWBHDF5IO

import twins
from neurodata4ml.data.nwb.engine import open_nwb


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return twins.everything_twin(tmp_path_factory.mktemp("series") / "everything.nwb")


@pytest.fixture(scope="module")
def two_photon(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return twins.two_photon_twin(tmp_path_factory.mktemp("series") / "two-photon.nwb")


def test_conversion_offset_and_channel_conversion_give_what_pynwb_gives(everything: Path) -> None:
    lfp = open_nwb(everything)["acquisition/lfp/data"]
    with NWBHDF5IO(str(everything), "r") as io:
        series = io.read().acquisition["lfp"]
        by_hand = series.data[:] * series.conversion * series.channel_conversion[:] + series.offset
    np.testing.assert_allclose(lfp.values, by_hand, rtol=1e-12)
    assert lfp.attrs["units"] == "V"


@pytest.mark.parametrize(
    "key",
    [
        {"lfp_time": 3},
        {"lfp_axis": 1},
        {"lfp_axis": [2, 0]},
        {"lfp_time": slice(10, 2, -3), "lfp_axis": slice(1, None)},
        {"lfp_time": [40, 3, 3, 7]},
        {"lfp_time": [], "lfp_axis": 2},
    ],
)
def test_a_selection_is_the_selection_of_the_whole(everything: Path, key: dict[str, object]) -> None:
    lfp = open_nwb(everything, chunks=None)["acquisition/lfp/data"]
    whole = open_nwb(everything)["acquisition/lfp/data"].compute()
    np.testing.assert_array_equal(lfp.isel(key).values, whole.isel(key).values)


def test_a_rate_gives_the_times_of_the_samples(everything: Path) -> None:
    times = open_nwb(everything)["acquisition/lfp"].coords["timestamps"]
    np.testing.assert_allclose(times.values, 3.0 + np.arange(50) / 1000.0)
    np.testing.assert_allclose(times[7:9].values, [3.007, 3.008])
    assert times.attrs["units"] == "s"


def test_a_series_without_scaling_keeps_its_numbers_and_their_type(everything: Path) -> None:
    bare = open_nwb(everything)["acquisition/bare/data"]
    assert bare.dtype == np.int64
    assert bare.values.tolist() == [1, 2, 3]


def test_the_electrodes_of_a_series_are_rows_of_their_table(everything: Path) -> None:
    electrodes = open_nwb(everything)["acquisition/lfp/electrodes"]
    assert electrodes.dims == ("lfp_axis",)
    assert electrodes.values.tolist() == [2, 0, 1]


def test_linked_timestamps_are_followed(tmp_path: Path) -> None:
    running = open_nwb(twins.allen_twin(tmp_path / "a.nwb"))["processing/running"]
    np.testing.assert_array_equal(
        running["running_wheel_rotation"].coords["timestamps"].values,
        running["running_speed"].coords["timestamps"].values,
    )


def test_a_clock_that_does_not_fit_its_data_is_kept_apart_and_named(everything: Path, tmp_path: Path) -> None:
    path = twins.damaged(
        twins.allen_twin(tmp_path / "a.nwb"),
        tmp_path / "b.nwb",
        replace={"processing/running/running_speed/data": np.zeros(3)},
    )
    tree = open_nwb(path)
    assert tree["processing/running/running_speed/data"].sizes == {"running_speed_time": 3}
    assert any("2,000 times for 3 samples" in sentence for sentence in tree.attrs["unmapped"])


def test_a_roi_series_is_time_by_roi_with_the_rows_of_its_rois(two_photon: Path) -> None:
    events = open_nwb(two_photon)["processing/ophys/DfOverF/DfOverFEvents"]
    assert events["data"].dims == ("DfOverFEvents_time", "DfOverFEvents_axis")
    assert events["rois"].attrs["table"] == "/processing/ophys/ImageSegmentation/PlaneSegmentation"
    np.testing.assert_allclose(events.coords["timestamps"].values, np.arange(300) / 30.0 + 1.0)


def test_rois_that_do_not_fit_their_data_are_kept_apart_and_named(two_photon: Path, tmp_path: Path) -> None:
    data = {"processing/ophys/DfOverF/DfOverF/data": np.zeros((300, 2))}
    tree = open_nwb(twins.damaged(two_photon, tmp_path / "a.nwb", replace=data))
    assert tree["processing/ophys/DfOverF/DfOverF/rois"].dims == ("DfOverF_rois_axis",)
    assert any("rois: its shape (5,) does not fit its object" in sentence for sentence in tree.attrs["unmapped"])


def test_images_stand_in_the_order_of_their_references_and_not_of_their_names(two_photon: Path) -> None:
    stack = open_nwb(two_photon)["stimulus/templates/natural_scenes_template"]
    rng = np.random.default_rng(0)
    rng.normal(size=(300, 5)), rng.exponential(size=(300, 5))
    pixels = [rng.integers(0, 255, (4, 6)).astype(np.uint8) for _ in range(3)]
    np.testing.assert_array_equal(stack["images"].values, pixels)
    assert stack["image_name"].values.tolist() == [f"NaturalScene{k}" for k in range(3)]
    np.testing.assert_array_equal(stack["images"][1, 2:, [0, 5]].values, pixels[1][2:][:, [0, 5]])


def test_an_index_series_says_which_images_it_counts_in(two_photon: Path) -> None:
    shown = open_nwb(two_photon)["stimulus/presentation/natural_scenes_stimulus"]
    assert shown["data"].values.tolist() == [2, 0, 1, 1, 0, 2]
    assert shown.attrs["indexed_images"] == "/stimulus/templates/natural_scenes_template"


def test_an_image_series_is_time_by_y_by_x(everything: Path) -> None:
    movie = open_nwb(everything)["stimulus/templates/movie/data"]
    assert movie.dims == ("movie_time", "movie_y", "movie_x")
    assert movie.sizes == {"movie_time": 7, "movie_y": 4, "movie_x": 5}


def test_pixels_in_other_files_are_named_as_not_mapped(everything: Path) -> None:
    tree = open_nwb(everything)
    assert tree["acquisition/camera"].attrs["external_file"] == ["camera.avi"]
    assert any("camera/external_file: the pixels lie in other files" in s for s in tree.attrs["unmapped"])


def test_subject_and_devices_are_nodes_with_attributes(everything: Path) -> None:
    tree = open_nwb(everything)
    assert tree["general/subject"].attrs["species"] == "Mus musculus"
    assert tree["general/extracellular_ephys/probeA"].attrs["device"] == "/general/devices/probe"


@pytest.mark.parametrize(
    ("name", "attribute", "value", "sentence"),
    [
        ("data", "conversion", "much", "/data: left out: its conversion is 'much', which is not a number"),
        ("data", "offset", "little", "/data: left out: its offset is 'little', which is not a number"),
        ("starting_time", "rate", "fast", "/starting_time: a start of 3.0 s and a rate of None Hz give no times"),
    ],
)
def test_a_factor_that_is_no_number_is_named(
    everything: Path, tmp_path: Path, name: str, attribute: str, value: str, sentence: str
) -> None:
    path = twins.damaged(everything, tmp_path / "a.nwb", replace={})
    with h5py.File(path, "r+") as file:
        file[f"acquisition/lfp/{name}"].attrs[attribute] = value
    tree = open_nwb(path)
    assert f"/acquisition/lfp{sentence}" in tree.attrs["unmapped"]
    assert ("data" in tree["acquisition/lfp"]) == (name != "data")


def test_factors_that_do_not_fit_the_channels_are_named(everything: Path, tmp_path: Path) -> None:
    replace = {"acquisition/lfp/channel_conversion": np.ones(2)}
    tree = open_nwb(twins.damaged(everything, tmp_path / "a.nwb", replace=replace))
    assert any("channel_conversion is not one number per channel" in s for s in tree.attrs["unmapped"])


def test_timestamps_in_two_columns_are_named(tmp_path: Path) -> None:
    replace = {"processing/running/running_speed/timestamps": np.zeros((2000, 2))}
    tree = open_nwb(twins.damaged(twins.allen_twin(tmp_path / "a.nwb"), tmp_path / "b.nwb", replace=replace))
    assert any("timestamps: left out: of shape (2000, 2)" in s for s in tree.attrs["unmapped"])


def test_an_order_of_images_that_are_not_there_is_no_order(two_photon: Path, tmp_path: Path) -> None:
    folder = "stimulus/templates/natural_scenes_template"
    path = twins.damaged(two_photon, tmp_path / "a.nwb", replace={f"{folder}/NaturalScene2": None})
    tree = open_nwb(path)
    assert tree[folder].attrs["ordered"] == "no"
    assert any("it names images that are not there" in s for s in tree.attrs["unmapped"])
