"""Show images to a network and read its layers, as arrays of the same kind as neural responses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import CatalogError, DesignError
from neurodata4ml.networks.images import Images, as_images, resize, unit_range, with_channels
from neurodata4ml.networks.models import Model, load_model
from neurodata4ml.suggest import guess


def activations(
    model: Any, images: Images, *, layers: Sequence[str] | None = None, batch_size: int = 64
) -> dict[str, xr.DataArray]:
    """Return every layer's response to every image.

    A network's layer becomes what a brain area is: rows are stimuli, columns are units (here features), so that both
    can be compared. Images are resized to the network's input (antialiased bilinear, aspect not kept), gray is repeated
    over the channels, and pixels are scaled as the network asks; what was done stands in ``attrs["preprocessing"]``.

    Parameters
    ----------
    model : str, Path, torch.nn.Module or Model
        What :func:`~neurodata4ml.networks.models.load_model` takes.
    images : DataArray, dims (stimulus, y, x) or (stimulus, channel, y, x), or ndarray in that order
        uint8 (0..255) or float (0..1). Labels along ``stimulus`` are carried over.
    layers : sequence of str, optional
        For ONNX, names of tensors or nodes; for torch, paths of modules. Default: the model's own list.
    batch_size : int
        Images shown at once. Only memory and speed depend on it: results are the same, to the bit for the shipped
        networks, and up to rounding (about 1e-6) where a library chooses its algorithm by the batch, as torch does.

    Returns
    -------
    dict of str to DataArray, dims (stimulus, feature), float32, unitless
        Features are the layer's elements in C order (channel, y, x), labelled 0, 1, 2, ...

    Raises
    ------
    CatalogError
        No such network or layer.
    DimensionError
        The images lack a dim, have values outside their range, or too many channels.
    DesignError
        ``batch_size`` is below 1, or a layer does not give one response per image.

    Examples
    --------
    >>> import numpy as np
    >>> found = activations("digits", np.zeros((3, 8, 8)), layers=["penultimate"])
    >>> found["penultimate"].sizes
    Frozen({'stimulus': 3, 'feature': 96})
    """
    model = load_model(model)
    images = as_images(images, step="activations")
    if batch_size < 1:
        message = f"activations needs batch_size of at least 1; got {batch_size}."
        raise DesignError(message)
    layers = _known(model, layers)
    responses = model.run(_batches(model, images, batch_size), layers)
    return {layer: _labelled(responses[layer], model, layer, images) for layer in layers}


def _known(model: Model, layers: Sequence[str] | None) -> list[str]:
    names = list(model.layers if layers is None else [layers] if isinstance(layers, str) else dict.fromkeys(layers))
    if not names:
        message = f"activations needs at least one layer of {model.name!r}; it has {_listed(model.known_layers)}."
        raise CatalogError(message)
    for name in names:
        if name not in model.known_layers:
            hint = guess(name, model.known_layers)
            message = f"{model.name!r} has no layer {name!r}.{hint} It has {_listed(model.known_layers)}."
            raise CatalogError(message)
    return names


def _listed(names: Sequence[str], most: int = 60) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _batches(model: Model, images: xr.DataArray, batch_size: int) -> Iterator[np.ndarray]:
    for start in range(0, images.sizes["stimulus"], batch_size):
        values = unit_range(images.isel(stimulus=slice(start, start + batch_size)), step="activations")
        values = values if model.input_size is None else resize(values, model.input_size)
        values = with_channels(values, model.n_channels, step="activations")
        yield _normalised(values, model).astype(np.float32)


def _normalised(values: np.ndarray, model: Model) -> np.ndarray:
    mean = np.asarray(model.mean or (0.0,))[:, None, None]
    std = np.asarray(model.std or (1.0,))[:, None, None]
    return np.asarray((values * model.scale - mean) / std)


def _labelled(values: np.ndarray, model: Model, layer: str, images: xr.DataArray) -> xr.DataArray:
    n_stimuli = images.sizes["stimulus"]
    if len(values) != n_stimuli:
        message = (
            f"The layer {layer!r} of {model.name!r} gives an array of shape {values.shape} for {n_stimuli} images, "
            "not one response per image. Name another layer."
        )
        raise DesignError(message)
    values = values.reshape(n_stimuli, -1)
    labels = {name: coord for name, coord in images.coords.items() if coord.dims in ((), ("stimulus",))}
    found = xr.DataArray(
        values,
        dims=("stimulus", "feature"),
        coords={**labels, "feature": np.arange(values.shape[1])},
        name=layer,
    )
    how = _preprocessing(model, images)
    told = {
        "model": model.name,
        "layer": layer,
        "preprocessing": how,
        "model_sha256": model.sha256,
        "units": "1",
    }
    found.attrs = {**provenance(images), **told}
    return add_step(found, "activations", model=model.name, layer=layer, preprocessing=how, sha256=model.sha256)


def _preprocessing(model: Model, images: xr.DataArray) -> str:
    size = (images.sizes["y"], images.sizes["x"])
    target = size if model.input_size is None else tuple(model.input_size)
    words = ["pixels in [0, 1]"]
    if size != target:
        words.append(f"resized from {size[0]} x {size[1]} to {target[0]} x {target[1]} (antialiased bilinear)")
    if model.n_channels and images.sizes.get("channel", 1) < model.n_channels:
        words.append(f"gray repeated over {model.n_channels} channels")
    if model.scale != 1:
        words.append(f"times {model.scale:g}")
    if model.mean or model.std:
        words.append(f"minus {list(model.mean)}, over {list(model.std)}")
    return "; ".join(words)
