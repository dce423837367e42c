"""Images are checked, and resized as Pillow, torch and reason would."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.errors import DimensionError
from neurodata4ml.networks.images import as_images, resize, unit_range, with_channels


def test_resizing_to_the_same_size_changes_nothing():
    values = np.random.default_rng(0).random((2, 1, 5, 7))
    assert resize(values, (5, 7)) is values


@pytest.mark.parametrize("size", [(3, 4), (5, 20), (40, 11)])
def test_a_uniform_image_stays_uniform(size):
    np.testing.assert_allclose(resize(np.full((1, 1, 9, 13), 0.3), size), 0.3)


def test_halving_a_fine_checkerboard_gives_gray_not_a_false_pattern():
    board = (np.indices((16, 16)).sum(axis=0) % 2).astype(float)[None, None]
    inner = resize(board, (8, 8))[..., 1:-1, 1:-1]
    np.testing.assert_allclose(inner, 0.5)


def test_doubling_a_ramp_interpolates_between_pixel_centres():
    ramp = np.array([0.0, 1.0])[None, None, None]
    np.testing.assert_allclose(resize(ramp, (1, 4))[0, 0, 0], [0, 0.25, 0.75, 1])


@pytest.mark.parametrize("size", [(16, 16), (64, 80), (37, 20)])
def test_resizing_agrees_with_torch(size):
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).random((2, 3, 37, 53))
    theirs = torch.nn.functional.interpolate(torch.from_numpy(values), size=size, mode="bilinear", antialias=True)
    np.testing.assert_allclose(resize(values, size), theirs.numpy(), atol=1e-12)


def test_eight_bit_pixels_become_fractions_of_white():
    images = as_images(np.array([[[0, 51, 255]]], dtype=np.uint8), step="activations")
    np.testing.assert_allclose(unit_range(images, step="activations"), [[[[0, 0.2, 1]]]])


def test_dims_are_found_by_name_in_any_order():
    values = np.random.default_rng(0).random((4, 5, 3))
    images = xr.DataArray(values, dims=("y", "x", "stimulus"))
    np.testing.assert_array_equal(unit_range(as_images(images, step="pixels"), step="pixels")[2, 0], values[:, :, 2])


@pytest.mark.parametrize("bad", [1.5, -0.25, np.nan])
def test_a_pixel_outside_the_range_is_named(bad):
    images = np.zeros((1, 2, 2))
    images[0, 0, 0] = bad
    with pytest.raises(DimensionError, match=rf"pixels takes float images with values in \[0, 1\]; found {bad:g}"):
        unit_range(as_images(images, step="pixels"), step="pixels")


def test_other_integers_are_refused_because_their_white_is_unknown():
    with pytest.raises(DimensionError, match=r'got int64. Type images.astype\("uint8"\)'):
        as_images(np.zeros((1, 2, 2), dtype=np.int64), step="activations")


def test_a_single_image_is_told_to_become_a_batch():
    with pytest.raises(DimensionError, match=r"shape \(8, 8\). For a single image type image\[None\]"):
        as_images(np.zeros((8, 8)), step="activations")


def test_a_missing_dim_is_named():
    with pytest.raises(DimensionError, match='activations needs a "stimulus" dim; got'):
        as_images(xr.DataArray(np.zeros((2, 3, 3)), dims=("image", "y", "x")), step="activations")


def test_a_surplus_dim_is_named():
    movie = xr.DataArray(np.zeros((2, 4, 3, 3)), dims=("stimulus", "time", "y", "x"))
    with pytest.raises(DimensionError, match=r"got \(stimulus, time, y, x\). Select one entry"):
        as_images(movie, step="activations")


def test_no_image_at_all_is_refused():
    with pytest.raises(DimensionError, match=r"needs at least one image of at least one pixel; got shape \(0, 8, 8\)"):
        as_images(np.zeros((0, 8, 8)), step="activations")


def test_colour_is_never_mixed_to_gray_unasked():
    with pytest.raises(DimensionError, match=r'takes 1 channel\(s\); the images have 3. .*images.mean\("channel"\)'):
        with_channels(np.zeros((2, 3, 4, 4)), 1, step="activations")
