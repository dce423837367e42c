"""Worlds in which there is nothing to find: what an analysis finds there, it has put there itself."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from scipy.signal import lfilter

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole


def equal_responses(n_stimuli: int = 20, n_repeats: int = 4, n_units: int = 100, *, seed: int = 0) -> xr.DataArray:
    """Trials of units that answer every stimulus alike: what differs between stimuli is noise.

    Parameters
    ----------
    n_stimuli, n_repeats, n_units : int
        Each stimulus is shown once in each of ``n_repeats`` blocks.
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    DataArray, dims (trial, unit), unitless
        Independent Gaussian noise of mean 0 and variance 1, with the coordinates ``stimulus`` and ``block`` of trials:
        all that ``rdm`` asks for. The squared distance of any two stimuli, as a mean over units, is truly 0; of means
        over the repeats it comes to ``2 / n_repeats``.

    Raises
    ------
    DesignError
        Sizes that are no whole numbers of 1 or more.
    """
    _require(seed, n_stimuli=n_stimuli, n_repeats=n_repeats, n_units=n_units)
    stimulus, block = np.tile(np.arange(n_stimuli), n_repeats), np.repeat(np.arange(n_repeats), n_stimuli)
    noise = np.random.default_rng(seed).standard_normal((len(stimulus), n_units))
    coords = {"stimulus": ("trial", stimulus), "block": ("trial", block)}
    return xr.DataArray(noise, dims=("trial", "unit"), coords=coords, name="response", attrs={"units": "1"})


def unrelated(
    n_stimuli: int = 118, n_features: int = 4096, n_units: int = 60, *, seed: int = 0
) -> tuple[xr.DataArray, xr.DataArray]:
    """A layer and an area that have nothing in common, beside the stimuli that both were shown.

    The defaults are the size of a common experiment: the 118 natural scenes of the Allen Institute's surveys, a fully
    connected layer, and the units of one area on one probe.

    Parameters
    ----------
    n_stimuli, n_features, n_units : int
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    layer : DataArray, dims (stimulus, feature), unitless
    area : DataArray, dims (stimulus, unit), unitless
        Independent Gaussian numbers of mean 0 and variance 1. Any similarity of the two is 0 in truth; that of biased
        linear CKA comes to ``sqrt(p q / ((p + n) (q + n)))`` for n stimuli, p features and q units.

    Raises
    ------
    DesignError
        Sizes that are no whole numbers of 1 or more.
    """
    _require(seed, n_stimuli=n_stimuli, n_features=n_features, n_units=n_units)
    rng = np.random.default_rng(seed)
    layer, area = rng.standard_normal((n_stimuli, n_features)), rng.standard_normal((n_stimuli, n_units))
    coords = {"stimulus": np.arange(n_stimuli)}
    return (
        xr.DataArray(layer, dims=("stimulus", "feature"), coords=coords, name="layer", attrs={"units": "1"}),
        xr.DataArray(area, dims=("stimulus", "unit"), coords=coords, name="area", attrs={"units": "1"}),
    )


def drift_in_blocks(
    order: Literal["random", "alternating"] = "random",
    *,
    n_blocks: int = 12,
    n_per_block: int = 20,
    n_units: int = 50,
    memory: float = 0.95,
    seed: int = 0,
) -> xr.DataArray:
    """Trials of drifting units; the label of each block of trials has nothing to do with them.

    Parameters
    ----------
    order : {"random", "alternating"}
        How the labels ``"a"`` and ``"b"`` are dealt to the blocks: half of them each, drawn, or a, b, a, b.
    n_blocks, n_per_block, n_units : int
    memory : float, unitless
        Correlation of a unit with itself one trial earlier.
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    DataArray, dims (trial, unit), unitless
        Autoregressive noise of first order, mean 0 and variance 1, with the coordinates ``label``, ``block`` and
        ``start_time`` (s) of trials.

    Raises
    ------
    DesignError
        An order of another name, sizes that are no whole numbers of 1 or more, or a memory beyond 0 to 1.
    """
    if order not in ("random", "alternating"):
        message = f"order takes random or alternating; got {order!r}."
        raise DesignError(message)
    _require(seed, n_blocks=n_blocks, n_per_block=n_per_block, n_units=n_units)
    rng = np.random.default_rng(seed)
    dealt = np.resize(["a", "b"], n_blocks)
    label = np.repeat(dealt if order == "alternating" else rng.permutation(dealt), n_per_block)
    n_trials = len(label)
    coords = {
        "label": ("trial", label),
        "block": ("trial", np.repeat(np.arange(n_blocks), n_per_block)),
        "start_time": ("trial", np.arange(float(n_trials))),
    }
    return _noise(slow_noise(n_trials, n_units, memory, rng), ("trial", "unit"), coords)


def many_units(n_trials: int = 60, n_units: int = 2000, *, seed: int = 0) -> xr.DataArray:
    """Trials of far more units than trials, and a ``label`` of two classes that was drawn without them.

    Parameters
    ----------
    n_trials, n_units : int
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    DataArray, dims (trial, unit), unitless
        Independent Gaussian noise of mean 0 and variance 1.

    Raises
    ------
    DesignError
        Sizes that are no whole numbers of 1 or more.
    """
    _require(seed, n_trials=n_trials, n_units=n_units)
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n_trials, n_units))
    return _noise(noise, ("trial", "unit"), {"label": ("trial", rng.permutation(np.resize([0, 1], n_trials)))})


def images_without_classes(
    n_classes: int = 10, n_images: int = 10, n_repeats: int = 20, n_units: int = 60, *, seed: int = 0
) -> xr.DataArray:
    """Trials of images that bear the name of a class, and share nothing with others of their class.

    Parameters
    ----------
    n_classes, n_images, n_repeats, n_units : int
        ``n_images`` of each class; each image once in each of ``n_repeats`` passes, in an order of its own.
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    DataArray, dims (trial, unit), unitless
        Every image has a mean of its own (variance 1/4), each trial noise of variance 1. ``stimulus`` is the image,
        ``category`` its class.

    Raises
    ------
    DesignError
        Sizes that are no whole numbers of 1 or more.
    """
    _require(seed, n_classes=n_classes, n_images=n_images, n_repeats=n_repeats, n_units=n_units)
    rng = np.random.default_rng(seed)
    n_all = n_classes * n_images
    image = np.concatenate([rng.permutation(n_all) for _ in range(n_repeats)])
    noise = 0.5 * rng.standard_normal((n_all, n_units))[image] + rng.standard_normal((len(image), n_units))
    return _noise(noise, ("trial", "unit"), {"stimulus": ("trial", image), "category": ("trial", image // n_images)})


def unrelated_trials(
    n_stimuli: int = 118, n_repeats: int = 10, n_features: int = 512, n_units: int = 20, *, seed: int = 0
) -> tuple[xr.DataArray, xr.DataArray]:
    """Features of images, and trials of units that answer each image, with nothing to do with its features.

    Parameters
    ----------
    n_stimuli, n_repeats, n_features, n_units : int
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    features : DataArray, dims (stimulus, feature), unitless
    responses : DataArray, dims (trial, unit), unitless
        Every image has a mean of its own (variance 1), each trial noise of variance 1; ``stimulus`` is the image.

    Raises
    ------
    DesignError
        Sizes that are no whole numbers of 1 or more.
    """
    _require(seed, n_stimuli=n_stimuli, n_repeats=n_repeats, n_features=n_features, n_units=n_units)
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n_stimuli, n_features))
    image = np.tile(np.arange(n_stimuli), n_repeats)
    responses = rng.standard_normal((n_stimuli, n_units))[image] + rng.standard_normal((len(image), n_units))
    return (
        _noise(features, ("stimulus", "feature"), {"stimulus": np.arange(n_stimuli)}),
        _noise(responses, ("trial", "unit"), {"stimulus": ("trial", image)}),
    )


def slow_signals(n_samples: int = 600, n_units: int = 30, *, memory: float = 0.99, seed: int = 0) -> xr.DataArray:
    """A recording without trials, and a ``signal`` beside it: all slow, none with anything to do with another.

    Parameters
    ----------
    n_samples, n_units : int
        Samples are 0.1 s apart.
    memory : float, unitless
        Correlation of each with itself one sample earlier; 1 makes them random walks.
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    DataArray, dims (time, unit), unitless
        Autoregressive noise of first order, mean 0 and variance 1 (random walks in steps of variance 1).

    Raises
    ------
    DesignError
        Sizes that are no whole numbers of 1 or more, or a memory beyond 0 to 1.
    """
    _require(seed, n_samples=n_samples, n_units=n_units)
    all_of_them = slow_noise(n_samples, n_units + 1, memory, np.random.default_rng(seed))
    coords = {"time": 0.1 * np.arange(n_samples), "signal": ("time", all_of_them[:, -1])}
    return _noise(all_of_them[:, :-1], ("time", "unit"), coords)


def unequal_classes(n_trials: int = 300, n_units: int = 20, *, share: float = 0.2, seed: int = 0) -> xr.DataArray:
    """Trials with a ``label`` that is 1 in few of them, drawn without a look at the units.

    Parameters
    ----------
    n_trials, n_units : int
    share : float, unitless
        Probability of label 1; else it is 0.
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    DataArray, dims (trial, unit), unitless
        Independent Gaussian noise of mean 0 and variance 1.

    Raises
    ------
    DesignError
        Sizes that are no whole numbers of 1 or more, or a share beyond 0 to 1.
    """
    _require(seed, n_trials=n_trials, n_units=n_units)
    _require_share(share, "share")
    rng = np.random.default_rng(seed)
    label = (rng.random(n_trials) < share).astype(int)
    return _noise(rng.standard_normal((n_trials, n_units)), ("trial", "unit"), {"label": ("trial", label)})


def slow_noise(n_samples: int, n_series: int, memory: float, rng: np.random.Generator) -> np.ndarray:
    """Return independent autoregressive series (sample, series) of first order and variance 1; of memory 1, walks."""
    _require_share(memory, "memory")
    kicks = rng.standard_normal((n_samples, n_series))
    kicks[1:] *= np.sqrt(1 - memory**2) if memory < 1 else 1.0
    return np.asarray(lfilter([1.0], [1.0, -memory], kicks, axis=0))


def _noise(values: np.ndarray, dims: tuple[str, ...], coords: dict[str, Any]) -> xr.DataArray:
    return xr.DataArray(values, dims=dims, coords=coords, name="response", attrs={"units": "1"})


def _require(seed: int, **sizes: int) -> None:
    for name, size in sizes.items():
        require_whole(size, name, least=1)
    require_whole(seed, "seed", least=0)


def _require_share(value: float, name: str) -> None:
    if not 0 <= value <= 1:
        message = f"{name} takes a number from 0 to 1; got {value!r}."
        raise DesignError(message)
