"""Objects that point to others: aligned tables, intervals of series, series of images, links of every kind."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from hdmf.common import AlignedDynamicTable, DynamicTable
from pynwb import NWBFile, TimeSeries
from pynwb.base import ImageReferences, Images
from pynwb.image import GrayscaleImage, ImageSeries, IndexSeries
from pynwb.ophys import ImageSegmentation

import twins
from neurodata4ml.data.nwb.engine import open_nwb
from neurodata4ml.data.session import open_session
from neurodata4ml.errors import LayoutError

PIXELS = np.random.default_rng(0).integers(0, 255, (5, 6, 4)).astype(np.uint8)
SHOWN = np.array([4, 0, 0, 3], np.uint32)


def pictures(nwb: NWBFile) -> None:
    """Show pictures from a container with an order, from one without, and from a series of images."""
    images = [GrayscaleImage(name=f"picture{k}", data=pixels) for k, pixels in enumerate(PIXELS)]
    order = ImageReferences(name="order_of_images", data=images[::-1])
    ordered = Images(name="ordered", images=images, order_of_images=order, description="made up")
    loose = Images(
        name="loose", images=[GrayscaleImage(name=f"loose{k}", data=PIXELS[k]) for k in range(2)], description="made up"
    )
    movie = ImageSeries(name="movie", data=PIXELS.astype(float), unit="n.a.", rate=1.0, conversion=0.5)
    for template in (ordered, loose, movie):
        nwb.add_stimulus_template(template)
    for name, indexed in {"ordered": ordered, "loose": loose}.items():
        series = IndexSeries(name=f"{name}_shown", data=SHOWN % 2, unit="N/A", indexed_images=indexed, rate=4.0)
        nwb.add_stimulus(series)
    nwb.add_stimulus(IndexSeries(name="all_shown", data=SHOWN, unit="N/A", indexed_images=ordered, rate=4.0))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    nwb, rng = twins.new_file("kinds"), np.random.default_rng(0)
    speed = TimeSeries(name="speed", data=np.arange(100.0), unit="cm/s", timestamps=np.arange(100) / 10.0)
    nwb.add_acquisition(speed)
    for k in range(3):
        nwb.add_trial(start_time=2.0 * k, stop_time=2.0 * k + 1, timeseries=[speed])
    pictures(nwb)
    aligned = AlignedDynamicTable(
        name="recordings",
        description="made up",
        columns=[twins.column("note", ["a", "b"])],
        category_tables=[
            DynamicTable(name="electrodes", description="made up", columns=[twins.column("gain", [1.5, 2.5])]),
            DynamicTable(name="stimuli", description="made up", columns=[twins.column("current", [1, 2])]),
        ],
    )
    neurons = nwb.create_processing_module("neurons", "one series for each")
    neurons.add(aligned)
    for k in range(3):
        neurons.add(TimeSeries(name=f"neuron{k}", data=rng.normal(size=7), unit="1", timestamps=speed))
    numbers = [
        twins.column(name, values)
        for name, values in {
            "size": ["0.5", "null", "2"],
            "code": ["007", "008", "009"],
            "none": ["", "", ""],
            "kind": ["1", "two", "3"],
        }.items()
    ]
    neurons.add(DynamicTable(name="sizes", description="texts", columns=numbers))
    _segmentation(nwb)
    return twins.write(nwb, tmp_path_factory.mktemp("kinds") / "kinds.nwb")


def _segmentation(nwb: NWBFile) -> None:
    plane = twins.imaging_plane(nwb)
    segmentation = ImageSegmentation()
    masks = segmentation.create_plane_segmentation(name="masks", description="ROIs", imaging_plane=plane)
    for pixels in PIXELS:
        masks.add_roi(image_mask=pixels.astype(float))
    nwb.create_processing_module("ophys", "ROIs").add(segmentation)


def test_categories_of_an_aligned_table_have_its_rows(path: Path) -> None:
    table = open_nwb(path)["processing/neurons/recordings"]
    assert table.attrs["categories"] == ["electrodes", "stimuli"]
    assert table["note"].dims == table["electrodes/gain"].dims == table["stimuli/current"].dims == ("recordings",)
    assert table["electrodes/gain"].values.tolist() == [1.5, 2.5]


def test_intervals_say_which_samples_of_which_series_they_hold(path: Path) -> None:
    trials = open_nwb(path)["intervals/trials"]
    assert trials["timeseries_idx_start"].values.tolist() == [0, 20, 40]
    assert trials["timeseries_count"].values.tolist() == [10, 10, 10]
    assert trials["timeseries_timeseries"].values.tolist() == ["/acquisition/speed"] * 3
    assert trials["timeseries_stop"].values.tolist() == [1, 2, 3]


def test_a_series_of_indices_shows_its_images(path: Path) -> None:
    tree = open_nwb(path)
    shown = tree["stimulus/presentation/all_shown"]
    assert shown["images"].dims == ("all_shown_time", "all_shown_y", "all_shown_x")
    np.testing.assert_array_equal(shown["images"].values, PIXELS[::-1][SHOWN])
    np.testing.assert_array_equal(shown["images"][2, 1:3, [0, 3]].values, PIXELS[4, 1:3][:, [0, 3]])
    np.testing.assert_array_equal(shown["images"].isel(all_shown_time=[3, 0]).values, PIXELS[::-1][SHOWN[[3, 0]]])


def test_images_in_no_order_are_not_shown_by_their_numbers(path: Path) -> None:
    tree = open_nwb(path)
    assert "images" not in tree["stimulus/presentation/loose_shown"]
    (sentence,) = [s for s in tree.attrs["unmapped"] if "loose_shown" in s]
    assert "which image of /stimulus/templates/loose was shown when is not known" in sentence


def test_frames_of_a_series_of_images_are_shown_scaled(path: Path, tmp_path: Path) -> None:
    """As files of older versions have it: a link ``indexed_timeseries``."""
    copy = twins.damaged(path, tmp_path / "older.nwb", replace={})
    with h5py.File(copy, "r+") as file:
        shown = file["stimulus/presentation/all_shown"]
        del shown["indexed_images"]
        shown["indexed_timeseries"] = h5py.SoftLink("/stimulus/templates/movie")
    images = open_nwb(copy)["stimulus/presentation/all_shown/images"]
    np.testing.assert_array_equal(images.values, 0.5 * PIXELS[SHOWN])


def test_an_index_beyond_the_images_is_an_error_of_whoever_reads_it(path: Path, tmp_path: Path) -> None:
    replace = {"stimulus/presentation/all_shown/data": np.array([0, 9, 1, 2], np.uint32)}
    shown = open_nwb(twins.damaged(path, tmp_path / "beyond.nwb", replace=replace))["stimulus/presentation/all_shown"]
    np.testing.assert_array_equal(shown["images"][2:].values, PIXELS[::-1][[1, 2]])
    with pytest.raises(LayoutError, match=r"all_shown/data shows image 9 of 5, which is not there\. Read the numbers"):
        shown["images"].compute()


def test_masks_of_rois_are_images(path: Path) -> None:
    masks = open_nwb(path)["processing/ophys/ImageSegmentation/masks/image_mask"]
    assert masks.dims == ("masks", "masks_image_mask_axis", "masks_image_mask_axis2")
    np.testing.assert_array_equal(masks.values, PIXELS)


def test_a_series_for_each_neuron_opens_as_that(path: Path) -> None:
    neurons = open_nwb(path)["processing/neurons"]
    assert [f"neuron{k}" in neurons.children for k in range(3)] == [True] * 3
    np.testing.assert_array_equal(neurons["neuron1"].coords["timestamps"].values, np.arange(100) / 10.0)


def test_texts_that_all_are_numbers_are_numbers_once_they_are_read(path: Path) -> None:
    for chunks in ({}, None):
        sizes = open_nwb(path, chunks=chunks)["processing/neurons/sizes"]
        assert sizes["size"].dtype == object
        assert sizes["size"].values[0] == 0.5
        assert np.isnan(sizes["size"].values[1])
        assert sizes["size"][2:].values.tolist() == [2.0]
        assert sizes["code"].values.tolist() == ["007", "008", "009"]
        assert sizes["none"].values.tolist() == ["", "", ""]
        assert sizes["kind"].values.tolist() == ["1", "two", "3"]
        assert sizes["kind"][:1].values.tolist() == ["1"], "one number does not make the column one of numbers"


def test_an_object_at_two_places_is_shown_once_and_the_other_place_says_where(path: Path, tmp_path: Path) -> None:
    copy = twins.damaged(path, tmp_path / "twice.nwb", replace={})
    with h5py.File(copy, "r+") as file:
        file["processing/neurons/hard"] = file["acquisition/speed"]
        file["processing/neurons/soft"] = h5py.SoftLink("/acquisition/speed")
        clock = file["acquisition/speed/timestamps"]
        del file["processing/neurons/neuron1/timestamps"]
        file["processing/neurons/neuron1/timestamps"] = clock
    tree = open_nwb(copy)
    neurons = tree["processing/neurons"]
    assert neurons.attrs["hard"] == neurons.attrs["soft"] == "/acquisition/speed"
    assert not {"hard", "soft"} & set(neurons.children)
    np.testing.assert_array_equal(neurons["neuron1"].coords["timestamps"].values, np.arange(100) / 10.0)
    assert tree["acquisition/speed/data"].size == 100


def test_a_single_compound_value_is_an_attribute_for_each_field(path: Path, tmp_path: Path) -> None:
    copy = twins.damaged(path, tmp_path / "position.nwb", replace={})
    with h5py.File(copy, "r+") as file:
        kind = np.dtype([("x", "f4"), ("y", "f4"), ("name", h5py.string_dtype())])
        file["general/devices/microscope"].create_dataset("position", data=np.array((1.5, 2.5, "tip"), kind))
    device = open_nwb(copy)["general/devices/microscope"]
    assert (device.attrs["position_x"], device.attrs["position_y"]) == (1.5, 2.5)
    assert device.attrs["position_name"] == "tip"


def test_values_without_a_place_in_an_array_are_named(path: Path, tmp_path: Path) -> None:
    copy = twins.damaged(path, tmp_path / "strange.nwb", replace={})
    with h5py.File(copy, "r+") as file:
        table = file["processing/neurons/sizes"]
        table.create_dataset("opaque", data=np.zeros(3, "V7"))
        ragged = table.create_dataset("ragged", shape=(3,), dtype=h5py.vlen_dtype(np.int32))
        ragged[0] = [1, 2]
        file["acquisition/alone"] = np.zeros((), "V7")
    unmapped = open_nwb(copy).attrs["unmapped"]
    for name in ("processing/neurons/sizes/opaque", "processing/neurons/sizes/ragged", "acquisition/alone"):
        assert [s for s in unmapped if s.startswith(f"/{name}: values of type") and s.endswith("place in an array")]


@pytest.mark.parametrize("n_images", [3_000, pytest.param(27_000, marks=pytest.mark.slow)])
def test_very_many_images_are_one_lazy_stack(tmp_path: Path, n_images: int) -> None:
    path = twins.alm_twin(tmp_path / "many.nwb")
    with h5py.File(path, "r+") as file:
        group = file.create_group("stimulus/templates/many")
        group.attrs.update(neurodata_type="Images", namespace="core")
        for k in range(n_images):
            image = group.create_dataset(f"image{k:05}", data=np.full((2, 3), k, np.int32))
            image.attrs.update(neurodata_type="GrayscaleImage", namespace="core")
        kind = h5py.ref_dtype
        order = group.create_dataset("order_of_images", shape=(n_images,), dtype=kind)
        order[...] = np.array([group[f"image{k:05}"].ref for k in range(n_images)], dtype=kind)
        order.attrs.update(neurodata_type="ImageReferences", namespace="core")
    stack = open_nwb(path)["stimulus/templates/many/images"]
    assert stack.shape == (n_images, 2, 3)
    assert stack[n_images - 1].values.tolist() == np.full((2, 3), n_images - 1).tolist()
    assert stack[[5, 2]].values[:, 0, 0].tolist() == [5, 2]


def test_a_session_of_a_table_that_is_not_called_trials(path: Path, tmp_path: Path) -> None:
    copy = twins.alm_twin(tmp_path / "odd.nwb")
    with h5py.File(copy, "r+") as file:
        file.move("intervals/trials", "processing/licks")
    session = open_session(copy, trials="licks")
    assert session.sizes["trial"] == 40
    assert session.attrs["trials"] == "processing/licks"
