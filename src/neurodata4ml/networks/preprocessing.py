"""Images as the animal saw them: gray, contrast, size in degrees of visual angle, acuity, each said in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.networks.images import resize

REC709 = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in luminance (ITU-R BT.709), applied to pixel values as they are."""

MOUSE_ACUITY = 0.5
"""Cycles per degree: the finest grating that mice tell from gray (Prusky, West & Douglas 2000, Vision Res. 40:2201)."""

_NUMBERS = (int, float, np.integer, np.floating)
_MOST = 100
"""The image, the input and the blur may differ by this factor in size."""

_PAIR = ", one (the width) or a tuple of two (height, width)"

Degrees = float | tuple[float, float]


@dataclass(frozen=True)
class Preprocessing:
    """What is done to each image before a network, or a baseline, sees it; by default nothing but fitting its size.

    In this order: colour to gray, contrast, then blur, scale and place in one step, as a linear map of the image on a
    uniform background.

    Attributes
    ----------
    gray : bool or tuple of float
        Mix the channels to one: True with the weights of luminance (``REC709``), or weights of your own with sum 1.
    contrast : float, optional
        Give each image the mean ``background`` and this root-mean-square contrast (standard deviation of its pixels,
        as a fraction of white); what is then beyond black and white is cut off. A uniform image becomes background.
    image_degrees : float or (float, float), optional
        Degrees of visual angle that the image spanned for the animal: its width, or (height, width).
    input_degrees : float or (float, float), optional
        Degrees that the network's input spans: its width, or (height, width). An image that is smaller is shown on the
        background, in the middle; a larger one is cut. Left out: as much as the image.
    background : float
        Light around the image, from 0 (black) to 1 (white): the gray of the screen.
    acuity : float, optional
        Cycles per degree at which a Gaussian blur halves the contrast of a grating; ``MOUSE_ACUITY`` for the mouse.

    Raises
    ------
    DesignError
        A number is out of its range, or degrees or acuity are given without ``image_degrees``.
    """

    gray: bool | tuple[float, ...] = False
    contrast: float | None = None
    image_degrees: Degrees | None = None
    input_degrees: Degrees | None = None
    background: float = 0.5
    acuity: float | None = None

    def __post_init__(self) -> None:  # noqa: D105
        for name, most in (("image_degrees", 2), ("input_degrees", 2), ("acuity", 1), ("contrast", 1)):
            given = getattr(self, name)
            parts = given if isinstance(given, tuple) else (given,)
            is_known = len(parts) == (most if isinstance(given, tuple) else 1) and all(map(_is_size, parts))
            is_known &= most == 2 or not isinstance(given, tuple)
            if given is not None and not is_known:
                message = f"Preprocessing takes {name} as numbers above 0{_PAIR * (most == 2)}; got {given!r}."
                raise DesignError(message)
        if not (self.background == 0 or (_is_size(self.background) and self.background <= 1)):
            message = f"Preprocessing takes a background from 0 (black) to 1 (white); got {self.background!r}."
            raise DesignError(message)
        if self.image_degrees is None and (self.input_degrees is not None or self.acuity is not None):
            message = (
                "Preprocessing cannot know what input_degrees and acuity mean for these images without the degrees "
                "that they spanned for the animal. Type image_degrees=..., the width, or (height, width)."
            )
            raise DesignError(message)
        self._require_gray()
        self._require_visible()

    def _require_gray(self) -> None:
        weights = self.gray if isinstance(self.gray, tuple) else REC709
        if not isinstance(self.gray, tuple | bool) or not all(isinstance(v, _NUMBERS) for v in weights):
            message = f"Preprocessing takes gray=True, False, or a tuple of weights with sum 1; got {self.gray!r}."
            raise DesignError(message)
        if not abs(sum(weights) - 1) <= 1e-6:
            message = f"Preprocessing takes gray= as weights with sum 1; {self.gray} have {sum(weights):g}."
            raise DesignError(message)

    def _require_visible(self) -> None:
        """Refuse what leaves nothing of the image, and would take much memory to find that out."""
        if self.image_degrees is None:
            return
        image = np.atleast_1d(self.image_degrees)
        field = image if self.input_degrees is None else np.atleast_1d(self.input_degrees)
        if max(field) > _MOST * min(image) or max(image) > _MOST * min(field):
            message = (
                f"An image of {self.image_degrees} degrees and an input of {self.input_degrees} differ by more than a "
                f"factor of {_MOST}: nothing would be seen of one in the other. Give both in degrees of visual angle."
            )
            raise DesignError(message)
        if self.acuity is not None and self.acuity * min(image) < 1 / _MOST:
            message = (
                f"An acuity of {self.acuity:g} cycles per degree blurs an image of {self.image_degrees} degrees to one "
                f"gray. Acuity is in cycles per degree: {MOUSE_ACUITY} for the mouse."
            )
            raise DesignError(message)

    def natural_size(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return (y, x) in pixels of what is shown, at the resolution of images of ``shape`` (y, x)."""
        if self.image_degrees is None:
            return shape
        image, field = self._degrees(shape, shape)
        return tuple(max(1, round(n * f / d)) for n, f, d in zip(shape, field, image, strict=True))  # type: ignore[return-value]

    def show(self, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Return images (stimulus, channel, y, x) in [0, 1] as they are shown, at ``size`` (y, x) in pixels."""
        values = self._mixed(values)
        if self.contrast is not None:
            values = self._contrasted(values, self.contrast)
        if self.image_degrees is None:
            return resize(values, size)
        shape = (values.shape[-2], values.shape[-1])
        image, field = self._degrees(shape, size)
        down, across = (placing(*pair, self.acuity) for pair in zip(shape, size, image, field, strict=True))
        return np.asarray(self.background + down @ (values - self.background) @ across.T)

    def words(self, shape: tuple[int, int], size: tuple[int, int], n_channels: int) -> list[str]:
        """Return what :meth:`show` does to images of ``shape`` (y, x), step by step, in words."""
        told = ["pixels in [0, 1]"]
        if self.gray is not False and n_channels > 1:
            told.append(f"gray, channels weighted {list(self._weights)}")
        if self.contrast is not None:
            told.append(f"each image with mean {self.background:g} and RMS contrast {self.contrast:g}, cut to [0, 1]")
        if self.image_degrees is None:
            if shape != size:
                told.append(f"resized from {shape[0]} x {shape[1]} to {size[0]} x {size[1]} (antialiased bilinear)")
            return told
        image, field = self._degrees(shape, size)
        if self.acuity is not None:
            told.append(f"Gaussian blur that halves contrast at {self.acuity:g} cycles per degree")
        told.append(
            f"{shape[0]} x {shape[1]} pixels over {image[0]:.4g} x {image[1]:.4g} degrees shown as "
            f"{size[0]} x {size[1]} over {field[0]:.4g} x {field[1]:.4g} (antialiased bilinear), "
            f"on a background of {self.background:g}"
        )
        return told

    @property
    def _weights(self) -> tuple[float, ...]:
        return self.gray if isinstance(self.gray, tuple) else REC709

    def _mixed(self, values: np.ndarray) -> np.ndarray:
        if self.gray is False or values.shape[1] == 1:
            return values
        if values.shape[1] != len(self._weights):
            message = f"Preprocessing mixes {len(self._weights)} channels to gray; the images have {values.shape[1]}."
            raise DesignError(message)
        return np.asarray(np.tensordot(values, self._weights, axes=(1, 0))[:, None])

    def _contrasted(self, values: np.ndarray, contrast: float) -> np.ndarray:
        axes = (1, 2, 3)
        centred = values - values.mean(axis=axes, keepdims=True)
        spread = centred.std(axis=axes, keepdims=True)
        # a uniform image has no contrast to scale: what is left of it is the rounding of its mean
        gain = np.where(spread > 1e-9, contrast / np.where(spread > 1e-9, spread, 1.0), 0.0)
        return np.asarray(np.clip(self.background + gain * centred, 0.0, 1.0))

    def _degrees(self, shape: tuple[int, int], size: tuple[int, int]) -> tuple[tuple[float, float], ...]:
        """Return what the image and the network's input span, (y, x) each."""
        image = _both(self.image_degrees or 0.0, shape)
        return image, image if self.input_degrees is None else _both(self.input_degrees, size)


def placing(n_in: int, n_out: int, image: float, field: float, acuity: float | None) -> np.ndarray:
    """Return the matrix (n_out, n_in) that blurs a line of pixels, scales it and puts it in the middle of a field.

    What it maps is the difference from a background that goes on for ever: rows of places within the image have sum 1,
    those without 0. Pixels are interpolated by a triangle, widened when shrinking (as in
    :func:`~neurodata4ml.networks.images.resize`), after a Gaussian of standard deviation
    s = sqrt(ln 2 / 2) / (pi acuity), whose transfer exp(-2 pi^2 s^2 f^2) is 1/2 at f = acuity.

    Parameters
    ----------
    n_in, n_out : int
        Pixels of the image and of the field.
    image, field : float
        Degrees that each spans.
    acuity : float, optional
        Cycles per degree.
    """
    spread = 0.0 if acuity is None else np.sqrt(np.log(2) / 2) / (np.pi * acuity) * n_in / image
    reach = int(np.ceil(5 * spread))
    step = field / n_out * n_in / image
    width = max(step, 1.0)
    centre = n_in / 2 + (np.arange(n_out)[:, None] + 0.5 - n_out / 2) * step
    found = np.zeros((n_out, n_in + 2 * reach))
    offsets = np.arange(-int(np.ceil(width)) - 1, int(np.ceil(width)) + 2)
    places = np.floor(centre).astype(int) + offsets
    weights = np.clip(1 - np.abs(places + 0.5 - centre) / width, 0, None)
    weights /= weights.sum(axis=1, keepdims=True)
    inside = (places >= -reach) & (places < n_in + reach)
    rows = np.broadcast_to(np.arange(n_out)[:, None], places.shape)
    np.add.at(found, (rows[inside], places[inside] + reach), weights[inside])
    return found if reach == 0 else found @ _gaussian(n_in, reach, spread)


def _gaussian(n: int, reach: int, spread: float) -> np.ndarray:
    """Return the matrix (n + 2 reach, n) of a Gaussian blur; beyond its reach lies nothing."""
    distance = np.arange(-reach, n + reach)[:, None] - np.arange(n)[None]
    total = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * spread**2)).sum()
    return np.asarray(np.where(np.abs(distance) <= reach, np.exp(-(distance**2) / (2 * spread**2)) / total, 0.0))


def as_preprocessing(given: Preprocessing | None) -> Preprocessing:
    """Return what was given, or what does nothing.

    Raises
    ------
    DesignError
        It is no Preprocessing.
    """
    if given is not None and not isinstance(given, Preprocessing):
        message = f"preprocessing= takes a Preprocessing, such as Preprocessing(gray=True); got {given!r}."
        raise DesignError(message)
    return given or Preprocessing()


def _is_size(value: object) -> bool:
    return isinstance(value, _NUMBERS) and not isinstance(value, bool) and bool(0 < value < np.inf)


def _both(degrees: Degrees, size: tuple[int, int]) -> tuple[float, float]:
    """Return (height, width); a single number is the width, of square pixels."""
    return degrees if isinstance(degrees, tuple) else (degrees * size[0] / size[1], degrees)
