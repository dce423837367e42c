"""What a brain is compared with: every layer of the networks, their untrained twins, and what needs no training."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.baselines import gabor, pixels
from neurodata4ml.networks.model import Model
from neurodata4ml.networks.models import MODELS, load_model, untrained_twin


@dataclass(frozen=True)
class Candidate:
    """One representation that a brain area may share geometry with.

    Attributes
    ----------
    name : str
        ``"network/layer"``, ``"pixels"`` or ``"gabor"``.
    values : DataArray, dims (stimulus, feature)
    kind : "network", "untrained" or "baseline"
    network, layer : str
        Empty for a baseline.
    depth : float
        Place among the layers of its network, 0 to 1; NaN for a baseline.
    """

    name: str
    values: xr.DataArray
    kind: str
    network: str = ""
    layer: str = ""
    depth: float = float("nan")


def candidates_of(
    model: Any,
    images: xr.DataArray | None,
    *,
    layers: str | Sequence[str] | None = None,
    baselines: bool = True,
    seed: int = 0,
) -> list[Candidate]:
    """Return every candidate: layers from input to output, then the twin's, then pixels and Gabor energies.

    Parameters
    ----------
    model : str, Path, torch.nn.Module, Model, a list of these, or dict of layer to DataArray (stimulus, feature)
        A network that says that it is untrained is given no twin.
    images : DataArray (stimulus, y, x), or None for a dict without baselines
    layers : "all", sequence of str, optional
    baselines : bool
        Twins, pixels and Gabor energies too.
    seed : int
        Of the weights of the twins.

    Raises
    ------
    DesignError
        No network, no layer, or two of one name.
    """
    if isinstance(model, Mapping):
        found = _given(model)
    elif images is None:
        message = "A network is shown images: candidates_of(model, images); got none."
        raise DesignError(message)
    else:
        found = _networks(model, images, layers, baselines, seed)
    if baselines and images is not None:
        found += [Candidate(name, make(images), "baseline") for name, make in (("pixels", pixels), ("gabor", gabor))]
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not found:
        message = f"Candidates need names of their own; got {', '.join(twice) or 'none'}. Hand in each network once."
        raise DesignError(message)
    return found


def _given(layers: Mapping[str, xr.DataArray]) -> list[Candidate]:
    depth = np.linspace(0, 1, len(layers)) if len(layers) > 1 else np.zeros(1)
    return [
        Candidate(str(name), x, "network", "network", str(name), float(d))
        for (name, x), d in zip(layers.items(), depth, strict=False)
    ]


def _networks(
    model: Any, images: xr.DataArray, layers: str | Sequence[str] | None, twins: bool, seed: int
) -> list[Candidate]:
    found = []
    models = [load_model(one) for one in (model if isinstance(model, list | tuple) else [model])]
    every = {one.name for one in models}
    for one in models:
        found += _layers(one, images, layers, "untrained" if one.trained is False else "network")
        if twins and one.trained is not False and f"{one.name}-untrained" not in every:
            found += _twin(one, images, layers, seed)
    return found


def _twin(model: Model, images: xr.DataArray, layers: str | Sequence[str] | None, seed: int) -> list[Candidate]:
    """Return the layers of the untrained twin; none, with a warning, of a network that cannot be made anew.

    The catalog's own twin is the network as it was before its training, and comes first.
    """
    shipped = f"{model.name}-untrained"
    try:
        twin = load_model(shipped) if shipped in MODELS else untrained_twin(model, seed=seed)
    except DesignError as error:
        warnings.warn(
            f"The table has no untrained twin of {model.name}, the first thing to beat: {error}", stacklevel=5
        )
        return []
    return _layers(twin, images, layers, "untrained")


def _layers(model: Model, images: xr.DataArray, layers: str | Sequence[str] | None, kind: str) -> list[Candidate]:
    name = Path(model.name).stem if model.name.endswith(".onnx") else model.name
    read = activations(model, images, layers=layers)
    depth = np.linspace(0, 1, len(read)) if len(read) > 1 else np.zeros(1)
    return [
        Candidate(f"{name}/{layer}", values, kind, name, layer, float(d))
        for (layer, values), d in zip(read.items(), depth, strict=True)
    ]
