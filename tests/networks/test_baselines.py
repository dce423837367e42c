"""Pixels are pixels; Gabor energies see orientation and size, and neither phase nor uniform light."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.networks.baselines import gabor, pixels

BASELINES = [pixels, gabor]


def grating(wavelength, degrees, phase=0.0, side=48):
    """Return one image (stimulus, y, x) of a sine grating in [0, 1]."""
    y, x = np.mgrid[:side, :side]
    u = x * np.cos(np.deg2rad(degrees)) + y * np.sin(np.deg2rad(degrees))
    return (0.5 + 0.5 * np.cos(2 * np.pi * u / wavelength + phase))[None]


def centre(found, side=48, margin=18):
    """Return the features at the image's middle, far from its border."""
    k = np.arange(found.sizes["feature"]) % (side * side)
    inside = [(v >= margin) & (v < side - margin) for v in (k // side, k % side)]
    return found.isel(feature=np.flatnonzero(inside[0] & inside[1]), stimulus=0)


@pytest.mark.parametrize("baseline", BASELINES)
def test_labels_are_carried_and_every_image_has_its_row(baseline):
    values = np.random.default_rng(0).random((3, 8, 8))
    images = xr.DataArray(
        values, dims=("stimulus", "y", "x"), coords={"stimulus": [7, 2, 9]}, attrs={"dataset": "demo"}
    )
    found = baseline(images)
    assert found.dims == ("stimulus", "feature")
    np.testing.assert_array_equal(found["stimulus"], [7, 2, 9])
    assert found.attrs["dataset"] == "demo"
    np.testing.assert_allclose(baseline(images.isel(stimulus=[1])).values, found.values[[1]])


def test_pixels_are_the_image_row_by_row():
    values = np.random.default_rng(0).integers(0, 256, (2, 3, 4), dtype=np.uint8)
    np.testing.assert_allclose(pixels(values).values, values.reshape(2, 12) / 255)


def test_large_images_are_shrunk_with_their_aspect_kept():
    assert pixels(np.zeros((1, 128, 256))).sizes["feature"] == 32 * 64
    assert pixels(np.zeros((1, 128, 256)), longest_side=256).sizes["feature"] == 128 * 256


def test_a_gabor_energy_does_not_change_with_the_phase_of_a_grating():
    energies = [
        centre(gabor(grating(6, 0, phase), wavelengths=[6.0])).isel(feature=slice(0, 144)) for phase in (0, 1, 2)
    ]
    np.testing.assert_allclose(energies[1], energies[0], rtol=0.01)
    np.testing.assert_allclose(energies[2], energies[0], rtol=0.01)


@pytest.mark.parametrize("degrees", [0, 45, 90, 135])
@pytest.mark.parametrize("wavelength", [4.0, 8.0])
def test_the_filter_of_the_gratings_own_orientation_and_wavelength_answers_most(degrees, wavelength):
    found = centre(gabor(grating(wavelength, degrees), wavelengths=(4.0, 8.0)))
    mean = found.groupby(["wavelength", "orientation"]).mean()
    best = mean.where(mean == mean.max(), drop=True)
    assert (best["wavelength"].item(), best["orientation"].item()) == (wavelength, degrees)


def test_uniform_light_has_no_energy():
    assert np.abs(gabor(np.full((1, 16, 16), 0.7)).values).max() < 1e-20


def test_colour_is_averaged():
    values = np.random.default_rng(0).random((2, 3, 8, 8))
    np.testing.assert_allclose(gabor(values).values, gabor(values.mean(axis=1)).values)


@pytest.mark.parametrize("bad", [{"wavelengths": (1.5,)}, {"wavelengths": ()}, {"n_orientations": 0}])
def test_a_filter_that_pixels_cannot_show_is_refused(bad):
    with pytest.raises(DesignError, match="at least 1 orientation and wavelengths of at least 2 pixels; got"):
        gabor(np.zeros((1, 8, 8)), **bad)
