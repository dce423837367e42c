"""What is done to images follows optics and arithmetic, and is said."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.baselines import gabor, pixels
from neurodata4ml.networks.images import resize
from neurodata4ml.networks.preprocessing import MOUSE_ACUITY, REC709, Preprocessing, placing


@pytest.fixture
def photos():
    return np.random.default_rng(0).random((3, 1, 20, 30))


def test_by_default_images_are_only_fitted_as_before(photos):
    np.testing.assert_array_equal(Preprocessing().show(photos, (8, 8)), resize(photos, (8, 8)))
    assert Preprocessing().words((8, 8), (8, 8), 1) == ["pixels in [0, 1]"]


def test_an_image_of_half_the_field_stands_in_its_middle_on_gray():
    shown = Preprocessing(image_degrees=10.0, input_degrees=20.0, background=0.25).show(np.ones((1, 1, 8, 8)), (16, 16))
    inside = np.zeros((16, 16), dtype=bool)
    inside[4:12, 4:12] = True
    np.testing.assert_allclose(shown[0, 0][inside], 1.0)
    np.testing.assert_allclose(shown[0, 0][~inside], 0.25)


def test_an_image_of_twice_the_field_is_cut_to_its_middle(photos):
    shown = Preprocessing(image_degrees=30.0, input_degrees=15.0).show(photos, (10, 15))
    np.testing.assert_allclose(shown, photos[..., 5:15, 7:22] * 0.5 + photos[..., 5:15, 8:23] * 0.5, atol=1e-12)


def test_degrees_keep_the_aspect_of_what_the_animal_saw():
    """A wide image in a square input: as wide as the field, and half as high."""
    shown = Preprocessing(image_degrees=(20.0, 40.0), input_degrees=40.0, background=0.0).show(
        np.ones((1, 1, 10, 20)), (40, 40)
    )
    rows = shown[0, 0].mean(axis=1)
    assert (rows[:9] == 0).all()
    assert (rows[31:] == 0).all()
    assert (rows[11:29] > 0.95).all()
    assert shown.sum() == pytest.approx(20 * 39.5), "light is neither made nor lost, but beyond the field's sides"


@pytest.mark.parametrize("frequency", [0.25, 0.5, 1.0])
def test_the_blur_halves_a_grating_at_the_acuity_and_follows_a_gaussian_elsewhere(frequency):
    """Transfer of a Gaussian: 2^-(f / acuity)^2 where it is 1/2 at the acuity."""
    degrees = (np.arange(800) + 0.5) / 20  # 40 degrees at 20 pixels per degree
    image = np.broadcast_to(0.5 + 0.4 * np.cos(2 * np.pi * frequency * degrees), (1, 1, 40, 800))
    sharp, blurred = (
        Preprocessing(image_degrees=(2.0, 40.0), acuity=acuity).show(image, (40, 800))[0, 0, 20, 200:600]
        for acuity in (None, MOUSE_ACUITY)
    )
    height_alone = placing(40, 40, 2.0, 2.0, MOUSE_ACUITY)[20].sum()  # what of the light stays within 2 degrees
    ratio = np.ptp(blurred) / np.ptp(sharp) / height_alone
    assert ratio == pytest.approx(2 ** -((frequency / MOUSE_ACUITY) ** 2), rel=0.01)


def test_uniform_light_inside_stays_what_it_was():
    weights = placing(50, 25, 10.0, 10.0, 2.0)
    np.testing.assert_allclose(weights[6:-6].sum(axis=1), 1.0, atol=1e-6)
    assert (weights >= 0).all()


def test_gray_is_the_luminance_and_weights_can_be_ones_own():
    colour = np.random.default_rng(1).random((2, 3, 4, 4))
    np.testing.assert_allclose(
        Preprocessing(gray=True).show(colour, (4, 4))[:, 0], np.einsum("nchw,c->nhw", colour, REC709)
    )
    own = Preprocessing(gray=(0.0, 1.0, 0.0)).show(colour, (4, 4))
    np.testing.assert_allclose(own[:, 0], colour[:, 1])
    assert "gray, channels weighted [0.0, 1.0, 0.0]" in Preprocessing(gray=(0.0, 1.0, 0.0)).words((4, 4), (4, 4), 3)


def test_every_image_gets_the_same_mean_and_contrast():
    images = np.random.default_rng(2).random((4, 1, 9, 9)) * np.array([0.1, 0.3, 0.6, 1.0])[:, None, None, None]
    shown = Preprocessing(contrast=0.1).show(images, (9, 9))
    np.testing.assert_allclose(shown.mean(axis=(1, 2, 3)), 0.5)
    np.testing.assert_allclose(shown.std(axis=(1, 2, 3)), 0.1)
    uniform = Preprocessing(contrast=0.1, background=0.3).show(np.full((1, 1, 5, 5), 0.9), (5, 5))
    np.testing.assert_allclose(uniform, 0.3)


def test_a_network_and_its_baselines_see_the_same_and_say_so():
    images = xr.DataArray(np.random.default_rng(3).random((4, 3, 12, 16)), dims=("stimulus", "channel", "y", "x"))
    as_seen = Preprocessing(gray=True, contrast=0.2, image_degrees=(30.0, 40.0), input_degrees=48.0, acuity=0.5)
    found = activations("digits", images, preprocessing=as_seen)["conv1"]
    said = found.attrs["preprocessing"]
    assert "gray, channels weighted [0.2126, 0.7152, 0.0722]" in said
    assert "mean 0.5 and RMS contrast 0.2" in said
    assert "halves contrast at 0.5 cycles per degree" in said
    assert "12 x 16 pixels over 30 x 40 degrees shown as 8 x 8 over 48 x 48" in said
    again = activations("digits", as_seen.show(images.values, (8, 8)))["conv1"]
    np.testing.assert_allclose(found.values, again.values, atol=1e-5)
    for baseline in (pixels, gabor):
        seen = baseline(images, preprocessing=as_seen)
        assert "30 x 40 degrees" in seen.attrs["preprocessing"]
    field = pixels(images, preprocessing=as_seen)
    assert field.sizes["feature"] == 14 * 19, "12 x 16 pixels of 30 x 40 degrees in a field of 36 x 48"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"acuity": -1.0, "image_degrees": 5.0}, "acuity as numbers above 0; got -1.0"),
        ({"image_degrees": (5.0, 0.0)}, r"image_degrees as numbers above 0, one .* or a tuple.*; got \(5.0, 0.0\)"),
        ({"image_degrees": [5.0, 6.0]}, r"a tuple of two \(height, width\); got \[5.0, 6.0\]"),
        ({"image_degrees": (5.0,)}, r"a tuple of two \(height, width\); got \(5.0,\)"),
        ({"acuity": "mouse", "image_degrees": 5.0}, "acuity as numbers above 0; got 'mouse'"),
        ({"contrast": float("nan")}, "contrast as numbers above 0; got nan"),
        ({"background": 128}, r"background from 0 \(black\) to 1 \(white\); got 128"),
        ({"input_degrees": 60.0}, "without the degrees that they spanned.*image_degrees="),
        ({"acuity": 0.5}, "without the degrees that they spanned.*image_degrees="),
        ({"gray": (1.0, 1.0, 1.0)}, "weights with sum 1; .* have 3"),
        ({"gray": (float("nan"), 1.0, 0.0)}, "weights with sum 1; .* have nan"),
        ({"gray": "yes"}, "gray=True, False, or a tuple of weights with sum 1; got 'yes'"),
        ({"contrast": (0.2,)}, r"contrast as numbers above 0; got \(0.2,\)"),
        ({"contrast": True}, "contrast as numbers above 0; got True"),
        ({"background": "gray"}, r"background from 0 \(black\) to 1 \(white\); got 'gray'"),
        ({"image_degrees": 40.0, "acuity": 1e-9}, "acuity of 1e-09 cycles per degree blurs an image of 40.0 degrees"),
        ({"image_degrees": 40.0, "input_degrees": 1e9}, "differ by more than a factor of 100"),
        ({"image_degrees": 40.0, "input_degrees": 1e-9}, "differ by more than a factor of 100"),
    ],
)
def test_a_wish_that_means_nothing_is_refused(options, said):
    with pytest.raises(DesignError, match=said):
        Preprocessing(**options)


def test_the_wrong_number_of_channels_is_named():
    with pytest.raises(DesignError, match="mixes 3 channels to gray; the images have 2"):
        Preprocessing(gray=True).show(np.zeros((1, 2, 4, 4)), (4, 4))


@pytest.mark.parametrize("show", [activations, None])
def test_a_preprocessing_is_asked_for_by_its_type(show):
    images = np.zeros((2, 8, 8))
    with pytest.raises(DesignError, match=r"preprocessing= takes a Preprocessing.*got {'gray': True}"):
        show("digits", images, preprocessing={"gray": True}) if show else pixels(images, preprocessing={"gray": True})
