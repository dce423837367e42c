"""Worlds of images: shown, filmed, imaged; segmented in every way, with the responses of what was segmented."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
from pynwb import TimeSeries
from pynwb.base import ExternalImage, ImageReferences, Images
from pynwb.image import (
    GrayscaleImage,
    ImageSeries,
    IndexSeries,
    OpticalSeries,
    RGBAImage,
    RGBImage,
)
from pynwb.ophys import (
    CorrectedImageStack,
    DfOverF,
    Fluorescence,
    ImageSegmentation,
    MotionCorrection,
    OnePhotonSeries,
    PlaneSegmentation,
    RoiResponseSeries,
    TwoPhotonSeries,
)

import twins


def pictures(path: Path) -> Path:
    """Images of every kind with and without an order, films inside and outside the file, and which was shown when."""
    nwb, rng = twins.new_file("pictures"), np.random.default_rng(7)

    def pixels(*shape: int) -> np.ndarray:
        return rng.integers(0, 255, shape).astype(np.uint8)

    scenes = [GrayscaleImage(name=f"scene{k}", data=pixels(4, 6), resolution=70.0) for k in (2, 0, 1)]
    order = ImageReferences(name="order_of_images", data=[scenes[1], scenes[2], scenes[0]])
    ordered = Images(name="ordered", images=scenes, order_of_images=order, description="made up")
    nwb.add_stimulus_template(ordered)
    nwb.add_acquisition(
        Images(
            name="mixed",
            images=[
                GrayscaleImage(name="gray", data=rng.normal(size=(3, 5))),
                RGBImage(name="color", data=pixels(3, 5, 3), description="made up"),
                RGBAImage(name="clear", data=pixels(2, 5, 4)),
            ],
        )
    )
    film = ImageSeries(name="film", data=pixels(5, 4, 6), unit="n.a.", starting_time=0.0, rate=30.0)
    nwb.add_stimulus_template(film)
    elsewhere = ExternalImage(name="elsewhere", data="https://example.org/a.png", image_format="PNG")
    nwb.add_acquisition(Images(name="linked", images=[elsewhere]))
    outside = ImageSeries(
        name="outside",
        external_file=["a.avi", "b.avi"],
        starting_frame=[0, 3],
        format="external",
        unit="n.a.",
        timestamps=np.arange(6) / 30,
    )
    nwb.add_acquisition(outside)
    nwb.add_acquisition(ImageSeries(name="colors", data=pixels(5, 4, 6, 3), unit="n.a.", rate=30.0))
    nwb.add_acquisition(ImageSeries(name="mask", data=pixels(5, 4, 6) % 2, unit="n.a.", rate=30.0))
    nwb.add_stimulus_template(
        OpticalSeries(
            name="optical",
            data=pixels(5, 4, 6),
            unit="n.a.",
            distance=0.7,
            field_of_view=[0.4, 0.6],
            orientation="upright",
            rate=30.0,
        )
    )
    shown = np.array([2, 0, 1, 1, 0], np.uint32)
    clock = 2.0 + 0.25 * np.arange(5)
    nwb.add_stimulus(IndexSeries(name="shown", data=shown, unit="N/A", indexed_images=ordered, timestamps=clock))
    nwb.add_stimulus(IndexSeries(name="frames", data=shown, unit="N/A", indexed_images=ordered, timestamps=clock))
    twins.write(nwb, path)
    with h5py.File(path, "r+") as file:  # what pynwb reads, and no longer writes
        del file["stimulus/presentation/frames/indexed_images"]
        file["stimulus/presentation/frames/indexed_timeseries"] = h5py.SoftLink("/stimulus/templates/film")
        file["acquisition/mask"].attrs["neurodata_type"] = "ImageMaskSeries"
        file["acquisition/mask/masked_imageseries"] = h5py.SoftLink("/stimulus/templates/film")
    return path


def ophys(path: Path) -> Path:
    """Imaging with one and two photons, corrected for motion, segmented by image, pixel and voxel masks."""
    nwb, rng = twins.new_file("ophys"), np.random.default_rng(8)
    plane = twins.imaging_plane(nwb, origin_coords=[1.0, 2.0, 3.0], grid_spacing=[0.1, 0.2])
    two = TwoPhotonSeries(
        name="two",
        imaging_plane=plane,
        data=rng.integers(0, 99, (6, 4, 5)).astype(np.uint16),
        unit="n.a.",
        field_of_view=[1.0, 2.0],
        pmt_gain=1.0,
        rate=30.0,
    )
    one = OnePhotonSeries(
        name="one", imaging_plane=plane, data=rng.normal(size=(6, 4, 5)), unit="n.a.", exposure_time=0.01, rate=30.0
    )
    nwb.add_acquisition(two)
    nwb.add_acquisition(one)
    module = nwb.create_processing_module("ophys", "made up")
    moved = TimeSeries(name="xy_translation", data=np.ones((6, 2)), unit="pixels", rate=30.0)
    fixed = TwoPhotonSeries(name="corrected", imaging_plane=plane, data=np.ones((6, 4, 5)), unit="n.a.", rate=30.0)
    stack = CorrectedImageStack(corrected=fixed, original=two, xy_translation=moved)
    module.add(MotionCorrection(corrected_image_stacks=[stack]))
    by_image = PlaneSegmentation(name="by_image", description="m", imaging_plane=plane, reference_images=two)
    by_pixel = PlaneSegmentation(name="by_pixel", description="m", imaging_plane=plane)
    by_voxel = PlaneSegmentation(name="by_voxel", description="m", imaging_plane=plane)
    for k in range(4):
        by_image.add_roi(image_mask=rng.normal(size=(4, 5)))
        by_pixel.add_roi(pixel_mask=[(k, k, 1.0), (k + 1, k, 0.5)][: 1 + k % 2])
        by_voxel.add_roi(voxel_mask=[(k, k, 1, 1.0), (k + 1, k, 0, 0.5)])
    by_image.add_column("accepted", "yes or no", data=np.array([True, False, True, True]))
    module.add(ImageSegmentation(plane_segmentations=[by_image, by_pixel, by_voxel]))
    rois = by_image.create_roi_table_region(region=[3, 1, 0], description="some")
    clock = np.arange(30) / 30.0
    raw = RoiResponseSeries(name="raw", data=rng.normal(size=(30, 3)), rois=rois, unit="lumens", timestamps=clock)
    dff = RoiResponseSeries(name="dff", data=rng.normal(size=(30, 3)), rois=rois, unit="1", timestamps=raw)
    module.add(Fluorescence(roi_response_series=[raw]))
    module.add(DfOverF(roi_response_series=[dff]))
    return twins.write(nwb, path)
