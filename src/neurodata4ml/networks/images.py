"""Images as a network is shown them: checked, resized, with the channels it wants."""

from __future__ import annotations

from typing import cast

import numpy as np
import xarray as xr

from neurodata4ml.dims import require_dims
from neurodata4ml.errors import DimensionError

Images = xr.DataArray | np.ndarray


def as_images(images: Images, *, step: str) -> xr.DataArray:
    """Return images as a labelled array whose first dim is ``stimulus``; pixel values are not touched.

    Parameters
    ----------
    images : DataArray, dims (stimulus, y, x) or (stimulus, channel, y, x) in any order, or ndarray in that order
        Gray or colour, uint8 (0..255) or float (0..1). An ndarray's stimuli are labelled 0, 1, 2, ...
    step : str
        The public function that asks, named in errors.

    Raises
    ------
    DimensionError
        A dim is missing or unknown, there is no image, or the pixels are neither uint8 nor float.
    """
    if not isinstance(images, xr.DataArray):
        images = _labelled(np.asarray(images), step=step)
    require_dims(images, "stimulus", "y", "x", step=step, hint="Name the dims: images.rename({...: 'stimulus'}).")
    known = [dim for dim in ("stimulus", "channel", "y", "x") if dim in images.dims]
    if len(known) != images.ndim:
        message = (
            f"{step} takes images (stimulus, y, x) or (stimulus, channel, y, x); "
            f"got ({', '.join(map(str, images.dims))}). Select one entry of each other dim with .isel."
        )
        raise DimensionError(message)
    if 0 in images.shape:
        message = f"{step} needs at least one image of at least one pixel; got shape {images.shape}."
        raise DimensionError(message)
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        message = (
            f"{step} takes images as uint8 (0..255) or float (0..1); got {images.dtype}. "
            'Type images.astype("uint8"), or images / 255 for float.'
        )
        raise DimensionError(message)
    return images.transpose(*known)


def unit_range(images: xr.DataArray, *, step: str) -> np.ndarray:
    """Return pixel values as float64 in [0, 1], shape (stimulus, channel, y, x).

    Raises
    ------
    DimensionError
        A float pixel is outside [0, 1] or NaN.
    """
    values = np.asarray(images.data)
    values = values / 255 if values.dtype == np.uint8 else values.astype(np.float64)
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):
        worst = low if not low >= 0 else high
        message = (
            f"{step} takes float images with values in [0, 1]; found {worst:g}. "
            "Divide by the white level (images / 255), or pass 0..255 as uint8."
        )
        raise DimensionError(message)
    return cast(np.ndarray, values[:, None] if values.ndim == 3 else values)


def resize(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize the last two axes (y, x) by antialiased bilinear interpolation.

    Each output pixel is a triangle-weighted mean of the input pixels around it; when shrinking, the triangle is
    widened by the scale so that fine detail is averaged and does not fold into false patterns (the method of Pillow's
    ``BILINEAR`` and of torchvision's ``antialias=True``). The aspect ratio is not kept: nothing is cropped, because
    the animal saw the whole image. Same size in, same values out.
    """
    if values.shape[-2:] == tuple(size):
        return values
    down = _triangle_weights(values.shape[-2], size[0])
    across = _triangle_weights(values.shape[-1], size[1])
    return cast(np.ndarray, down @ values @ across.T)


def with_channels(values: np.ndarray, n_channels: int | None, *, step: str) -> np.ndarray:
    """Return (stimulus, channel, y, x) with ``n_channels``: gray is repeated, colour is never mixed unasked.

    Raises
    ------
    DimensionError
        The images have another number of channels and are not gray.
    """
    found = values.shape[1]
    if n_channels is None or found == n_channels:
        return values
    if found == 1:
        return np.repeat(values, n_channels, axis=1)
    message = f"{step}: this network takes {n_channels} channel(s); the images have {found}."
    if n_channels == 1:
        message += ' Make them gray first: images.mean("channel").'
    raise DimensionError(message)


def _labelled(values: np.ndarray, *, step: str) -> xr.DataArray:
    if values.ndim not in (3, 4):
        message = (
            f"{step} takes images (stimulus, y, x) or (stimulus, channel, y, x); got an array of shape {values.shape}. "
            "For a single image type image[None]."
        )
        raise DimensionError(message)
    dims = ("stimulus", "y", "x") if values.ndim == 3 else ("stimulus", "channel", "y", "x")
    return xr.DataArray(values, dims=dims, coords={"stimulus": np.arange(len(values))})


def _triangle_weights(n_in: int, n_out: int) -> np.ndarray:
    """Return the matrix (n_out, n_in) of interpolation weights; each row sums to 1."""
    scale = n_in / n_out
    centre = (np.arange(n_out)[:, None] + 0.5) * scale
    distance = np.abs(np.arange(n_in)[None] + 0.5 - centre) / max(scale, 1.0)
    weights = np.clip(1 - distance, 0, None)
    return cast(np.ndarray, weights / weights.sum(axis=1, keepdims=True))
