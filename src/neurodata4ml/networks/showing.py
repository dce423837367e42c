"""Batches of images as one network is shown them."""

from __future__ import annotations

import hashlib
import numbers
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import xarray as xr

from neurodata4ml.errors import CatalogError, DesignError
from neurodata4ml.networks.images import Images, as_images, unit_range, with_channels
from neurodata4ml.networks.layers import Layer
from neurodata4ml.networks.models import Model, load_model
from neurodata4ml.networks.preprocessing import Preprocessing, as_preprocessing
from neurodata4ml.suggest import guess

ALL = "all"
"""Asks for every layer that has one response to each image."""


@dataclass(frozen=True)
class Showing:
    """Some images, shown to a network in batches.

    Attributes
    ----------
    model : Model
    images : DataArray, dims (stimulus, y, x) or (stimulus, channel, y, x)
    preprocessing : Preprocessing
    batch_size : int
    """

    model: Model
    images: xr.DataArray
    preprocessing: Preprocessing
    batch_size: int

    @property
    def n_stimuli(self) -> int:
        """The number of images."""
        return self.images.sizes["stimulus"]

    @property
    def n_batches(self) -> int:
        """The number of batches, the last one perhaps smaller."""
        return -(-self.n_stimuli // self.batch_size)

    @property
    def shape(self) -> tuple[int, int]:
        """(y, x) of the images in pixels."""
        return self.images.sizes["y"], self.images.sizes["x"]

    @property
    def size(self) -> tuple[int, int]:
        """(y, x) in pixels at which the network is shown them."""
        return self.model.input_size or self.preprocessing.natural_size(self.shape)

    def rows(self, batch: int) -> slice:
        """Return the places of a batch among the stimuli."""
        return slice(batch * self.batch_size, min((batch + 1) * self.batch_size, self.n_stimuli))

    def batches(self, which: Iterable[int]) -> Iterator[np.ndarray]:
        """Yield these batches, float32 (n, channel, y, x), as the network asks for them."""
        for batch in which:
            yield self.prepared(self.rows(batch))

    def prepared(self, rows: slice) -> np.ndarray:
        """Return some of the images, float32 (n, channel, y, x), as the network asks for them."""
        model = self.model
        values = unit_range(self.images.isel(stimulus=rows), step="activations")
        values = self.preprocessing.show(values, self.size)
        values = with_channels(values, model.n_channels, step="activations")
        wrong = [given for given in (model.mean, model.std) if len(given) not in (0, 1, values.shape[1])]
        if wrong:
            message = (
                f"{model.name!r} states a mean or std of {len(wrong[0])} channels, and is shown {values.shape[1]}. "
                f"State one number, or one for each channel; or n_channels={len(wrong[0])}, to repeat gray over them."
            )
            raise DesignError(message)
        mean = np.asarray(model.mean or (0.0,))[:, None, None]
        std = np.asarray(model.std or (1.0,))[:, None, None]
        return np.asarray((values * model.scale - mean) / std).astype(np.float32)

    def answers(self, which: Sequence[int], layers: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the layers' responses (n, features) to these batches."""
        with closing(self.model.run(self.batches(which), layers)) as found:
            for batch, answer in zip(which, found, strict=True):
                rows = self.rows(batch)
                yield {layer: self._flat(answer[layer], layer, rows.stop - rows.start) for layer in layers}

    def survey(self) -> list[Layer]:
        """Return the network's layers, asked with the first two images."""
        two = self.prepared(slice(0, 2))
        batch = two if len(two) == 2 else np.repeat(two, 2, axis=0)  # one would not tell (1, ...) from one per image
        if self.model.survey is not None:
            return self.model.survey(batch)
        with closing(self.model.run([batch], self.model.known_layers)) as found:
            answer = next(found)
        return [Layer(name, "", answer[name].shape[1:]) for name in self.model.known_layers]

    def chosen(self, layers: Sequence[str] | str | None) -> list[str]:
        """Return the names of the layers that are asked for, each once, in order.

        Raises
        ------
        CatalogError
            No layer is asked for, or one that the network does not have.
        """
        model = self.model
        if layers == ALL and ALL not in model.known_layers:
            layers = [layer.name for layer in self.survey() if layer.n_features]
        if not (layers is None or isinstance(layers, Iterable)):
            message = f'activations takes layers= as names, such as ["{model.layers[0]}"], or "all"; got {layers!r}.'
            raise CatalogError(message)
        asked = model.layers if layers is None else [layers] if isinstance(layers, str) else layers
        names = list(dict.fromkeys(asked))
        if not names:
            message = f"activations needs at least one layer of {model.name!r}; it has {_listed(model.known_layers)}."
            raise CatalogError(message)
        for name in names:
            if name not in model.known_layers:
                hint = guess(name, model.known_layers)
                message = f"{model.name!r} has no layer {name!r}.{hint} It has {_listed(model.known_layers)}."
                raise CatalogError(message)
        return names

    def words(self) -> str:
        """Return what is done to the images, in words."""
        model, n_channels = self.model, self.images.sizes.get("channel", 1)
        told = self.preprocessing.words(self.shape, self.size, n_channels)
        shown = 1 if self.preprocessing.gray is not False else n_channels
        if model.n_channels and shown < model.n_channels:
            told.append(f"gray repeated over {model.n_channels} channels")
        if model.scale != 1:
            told.append(f"times {model.scale:g}")
        if model.mean or model.std:
            told.append(f"minus {list(model.mean)}, over {list(model.std)}")
        return "; ".join(told)

    def labels(self) -> dict[Any, xr.DataArray]:
        """Return what the images say of the stimuli."""
        return {name: coord for name, coord in self.images.coords.items() if coord.dims in ((), ("stimulus",))}

    def digest(self) -> str:
        """Return the sha256 of all images and of their labels, read image by image."""
        total = hashlib.sha256(f"{self.images.dtype} {self.images.sizes}".encode())
        for name, coord in sorted(self.labels().items(), key=str):
            total.update(f"{name} {coord.dims} {np.asarray(coord.values).astype(str).tolist()}".encode())
        for k in range(self.n_stimuli):
            total.update(np.ascontiguousarray(self.images.isel(stimulus=k).data).tobytes())
        return total.hexdigest()

    def _flat(self, values: np.ndarray, layer: str, n_images: int) -> np.ndarray:
        if len(values) != n_images:
            message = (
                f"The layer {layer!r} of {self.model.name!r} gives an array of shape {values.shape} for {n_images} "
                "images, not one response per image. Name another layer."
            )
            raise DesignError(message)
        return cast(np.ndarray, values.reshape(n_images, -1))


def as_showing(model: Any, images: Images, preprocessing: Preprocessing | None, batch_size: int) -> Showing:
    """Return the images ready to be shown to the network.

    Raises
    ------
    DesignError
        ``batch_size`` is no whole number, or below 1.
    """
    model = load_model(model)
    images = as_images(images, step="activations")
    if not isinstance(batch_size, numbers.Integral) or batch_size < 1:
        message = f"activations needs a whole batch_size of at least 1; got {batch_size}."
        raise DesignError(message)
    return Showing(model, images, as_preprocessing(preprocessing), int(batch_size))


def _listed(names: Sequence[str], most: int = 60) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
