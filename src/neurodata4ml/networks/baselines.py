"""What a trained network must beat: the pixels themselves, and Gabor energies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from scipy.signal import fftconvolve

from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import DesignError
from neurodata4ml.networks.images import Images, as_images, unit_range
from neurodata4ml.networks.preprocessing import Preprocessing, as_preprocessing

BANDWIDTH = 0.56
"""Envelope's standard deviation over wavelength for a bandwidth of one octave, typical of simple cells."""


def pixels(images: Images, *, longest_side: int = 64, preprocessing: Preprocessing | None = None) -> xr.DataArray:
    """Return each image's pixels as features: what is already there before any network looks.

    Parameters
    ----------
    images : DataArray, dims (stimulus, y, x) or (stimulus, channel, y, x), or ndarray in that order
        uint8 (0..255) or float (0..1).
    longest_side : int
        Larger images are shrunk to this many pixels (aspect kept): a photograph's million pixels tell a linear
        comparison little more than its first few thousand, and cost a thousand times as much.
    preprocessing : Preprocessing, optional
        That of the networks they are compared with: a baseline sees what the networks see.

    Returns
    -------
    DataArray, dims (stimulus, feature), float64 in [0, 1], unitless

    Examples
    --------
    >>> import numpy as np
    >>> pixels(np.zeros((3, 8, 8))).sizes
    Frozen({'stimulus': 3, 'feature': 64})
    """
    images = as_images(images, step="pixels")
    shown = as_preprocessing(preprocessing)
    values = _small(images, longest_side, shown, step="pixels")
    found = _labelled(values, images, "pixels", longest_side=longest_side)
    return found if preprocessing is None else _said(found, images, values, preprocessing)


def gabor(
    images: Images,
    *,
    n_orientations: int = 4,
    wavelengths: Sequence[float] = (3.0, 6.0),
    longest_side: int = 64,
    preprocessing: Preprocessing | None = None,
) -> xr.DataArray:
    """Return the energy of quadrature pairs of Gabor filters at every place: a textbook model of complex cells.

    For a wavelength L and an orientation t, with u = x cos t + y sin t and the envelope
    g = exp(-(x^2 + y^2) / (2 s^2)), s = 0.56 L (a bandwidth of one octave), the pair is

        even = g (cos(2 pi u / L) - c),    odd = g sin(2 pi u / L),

    each of unit length, c such that the even filter has no response to uniform light. The feature is
    (image * even)^2 + (image * odd)^2 (Adelson & Bergen 1985, J. Opt. Soc. Am. A 2:284, energy model; Jones & Palmer
    1987, J. Neurophysiol. 58:1233, Gabor filters as receptive fields). Beyond its border an image goes on as its edge.

    Parameters
    ----------
    images : DataArray, dims (stimulus, y, x) or (stimulus, channel, y, x), or ndarray in that order
        uint8 (0..255) or float (0..1). Colour is averaged to gray.
    n_orientations : int
        Evenly spaced over half a turn.
    wavelengths : sequence of float
        In pixels (of the shrunk image), at least 2.
    longest_side, preprocessing
        As for :func:`pixels`.

    Returns
    -------
    DataArray, dims (stimulus, feature), float64, unitless
        Coordinates ``wavelength``(feature) in pixels and ``orientation``(feature) in degrees.

    Raises
    ------
    DesignError
        A wavelength below 2 pixels (which pixels cannot show), or no orientation.
    """
    if n_orientations < 1 or not wavelengths or min(wavelengths) < 2:
        message = (
            "gabor needs at least 1 orientation and wavelengths of at least 2 pixels; "
            f"got n_orientations={n_orientations}, wavelengths={tuple(wavelengths)}. "
            "Type gabor(images, n_orientations=4, wavelengths=(3.0, 6.0))."
        )
        raise DesignError(message)
    images = as_images(images, step="gabor")
    values = _small(images, longest_side, as_preprocessing(preprocessing), step="gabor")
    gray = values.mean(axis=1)
    bank = [(w, 180.0 * k / n_orientations) for w in wavelengths for k in range(n_orientations)]
    energies = np.stack([_energy(gray, wavelength, orientation) for wavelength, orientation in bank], axis=1)
    n_places = energies[0, 0].size
    found = _labelled(
        energies,
        images,
        "gabor",
        n_orientations=n_orientations,
        wavelengths=list(wavelengths),
        longest_side=longest_side,
    )
    found = found if preprocessing is None else _said(found, images, values, preprocessing)
    return found.assign_coords(
        wavelength=("feature", np.repeat([w for w, _ in bank], n_places), {"units": "pixel"}),
        orientation=("feature", np.repeat([o for _, o in bank], n_places), {"units": "degree"}),
    )


def _small(images: xr.DataArray, longest_side: int, shown: Preprocessing, *, step: str) -> np.ndarray:
    """Return (stimulus, channel, y, x) in [0, 1], shrunk one by one: the large ones are never all in memory."""
    height, width = shown.natural_size((images.sizes["y"], images.sizes["x"]))
    shrink = min(1.0, longest_side / max(height, width))
    size = (max(1, round(height * shrink)), max(1, round(width * shrink)))
    return np.concatenate(
        [shown.show(unit_range(images.isel(stimulus=[k]), step=step), size) for k in range(images.sizes["stimulus"])]
    )


def _said(found: xr.DataArray, images: xr.DataArray, values: np.ndarray, shown: Preprocessing) -> xr.DataArray:
    shape, size = (images.sizes["y"], images.sizes["x"]), (values.shape[-2], values.shape[-1])
    found.attrs["preprocessing"] = "; ".join(shown.words(shape, size, images.sizes.get("channel", 1)))
    return found


def _energy(gray: np.ndarray, wavelength: float, orientation: float) -> np.ndarray:
    """Return the energy (stimulus, y, x) of one quadrature pair."""
    spread = BANDWIDTH * wavelength
    radius = int(np.ceil(3 * spread))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    u = x * np.cos(np.deg2rad(orientation)) + y * np.sin(np.deg2rad(orientation))
    envelope = np.exp(-(x**2 + y**2) / (2 * spread**2))
    wave = np.cos(2 * np.pi * u / wavelength)
    even = envelope * (wave - (envelope * wave).sum() / envelope.sum())
    odd = envelope * np.sin(2 * np.pi * u / wavelength)
    padded = np.pad(gray, ((0, 0), (radius, radius), (radius, radius)), mode="edge")
    energy = np.zeros(gray.shape)
    for part in (even, odd):
        energy += fftconvolve(padded, (part / np.linalg.norm(part))[None], mode="valid", axes=(1, 2)) ** 2
    return energy


def _labelled(values: np.ndarray, images: xr.DataArray, name: str, **parameters: Any) -> xr.DataArray:
    values = values.reshape(len(values), -1)
    labels = {key: coord for key, coord in images.coords.items() if coord.dims in ((), ("stimulus",))}
    found = xr.DataArray(
        values,
        dims=("stimulus", "feature"),
        coords={**labels, "feature": np.arange(values.shape[1])},
        name=name,
    )
    found.attrs = {**provenance(images), "model": name, "units": "1"}
    return add_step(found, name, **parameters)
