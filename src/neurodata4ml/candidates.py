"""What a brain is compared with: every layer of the networks, their untrained twins, and what needs no training."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.baselines import gabor, pixels
from neurodata4ml.networks.model import Model
from neurodata4ml.networks.models import MODELS, load_model, untrained_twin
from neurodata4ml.networks.preprocessing import Preprocessing
from neurodata4ml.require import require_names
from neurodata4ml.suggest import guess


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
    preprocessing: Preprocessing | None = None,
    project: float | None = None,
    seed: int = 0,
    **reading: Any,
) -> list[Candidate]:
    """Return every candidate: layers from input to output, then the twin's, then pixels and Gabor energies.

    Parameters
    ----------
    model : str, Path, torch.nn.Module, Model, a list of these, or dict of layer to DataArray (stimulus, feature)
        A network that says that it is untrained is given no twin.
    images : DataArray (stimulus, y, x), or None for a dict without baselines
    layers : "all", sequence of str, optional
        Of several networks, each is read the layers that it has. Of a dict too: those of its layers.
    baselines : bool
        Twins, pixels and Gabor energies too.
    preprocessing : Preprocessing, optional
        How the animal saw the images; for networks and baselines alike.
    project : float, optional
        As in ``activations``: huge layers are projected.
    seed : int
        Of the weights of the twins, and of projections.
    **reading
        For ``activations``: ``batch_size``, ``store`` (a folder, with one for each network in it), ``progress``.

    Raises
    ------
    DesignError
        No network, no such layer, two of one name; for a dict, ``project``, or ``preprocessing`` without baselines.
    DimensionError
        A layer of a dict without labels.
    """
    if isinstance(model, Mapping):
        _require_for_dict(project, preprocessing, shown=baselines and images is not None)
        found = _given(model, layers)
    elif images is None:
        message = "A network is shown images: candidates_of(model, images); got none."
        raise DesignError(message)
    else:
        found = _networks(model, _Shown(images, layers, preprocessing, project, seed, reading), baselines)
    if baselines and images is not None:
        baseline = {"pixels": pixels, "gabor": gabor}
        found += [Candidate(n, make(images, preprocessing=preprocessing), "baseline") for n, make in baseline.items()]
    names = [one.name for one in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not found:
        message = f"Candidates need names of their own; got {', '.join(twice) or 'none'}. Hand in each network once."
        raise DesignError(message)
    return found


_KEPT: dict[str, list[Candidate]] = {}
"""Candidates that this process has made, by a digest of all that they depend on; the oldest go first."""

_MOST_KEPT = 4


def cached_candidates(networks: Sequence[str], images: xr.DataArray, **options: Any) -> list[Candidate]:
    """Return what ``candidates_of`` gives, made once for equal images, networks and options in this process.

    Parameters
    ----------
    networks : sequence of str
        Names or paths; a file that has changed is read again.
    images : DataArray (stimulus, y, x)
    **options
        As in ``candidates_of``.
    """
    models = [load_model(one) for one in networks]
    values = np.ascontiguousarray(images.values)
    told = [values.dtype.str, values.shape, images["stimulus"].values.tolist(), sorted(options.items(), key=str)]
    told += [(one.name, one.sha256, one.architecture) for one in models]
    key = hashlib.sha256(repr(told).encode() + values.tobytes()).hexdigest()
    if key not in _KEPT:
        found = candidates_of(models, images, **options)
        while len(_KEPT) >= _MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
        _KEPT[key] = found
    return list(_KEPT[key])


def _require_for_dict(project: float | None, preprocessing: Preprocessing | None, *, shown: bool) -> None:
    """Refuse what prepares images or projects layers where layers were handed in and no image is shown."""
    if project is not None:
        message = (
            f"project={project!r} shrinks layers that are read from a network; these were handed in. Leave it out."
        )
        raise DesignError(message)
    if preprocessing is not None and not shown:
        message = (
            "preprocessing= changes images, and none are shown: the layers were handed in, and there are no baselines. "
            "Leave it out."
        )
        raise DesignError(message)


def _named(given: Mapping[str, xr.DataArray], layers: str | Sequence[str] | None) -> dict[str, xr.DataArray]:
    """Return the layers that are asked for, in the order in which they were handed in."""
    known = {str(name): x for name, x in given.items()}
    for name, x in known.items():
        if not isinstance(x, xr.DataArray):
            message = (
                f"The layer {name!r} is a {type(x).__name__}; brain_vs_network matches stimuli by label. Type "
                f'xr.DataArray(values, dims=("stimulus", "feature"), coords={{"stimulus": labels}}).'
            )
            raise DimensionError(message)
    if layers is None or (isinstance(layers, str) and layers == "all"):
        return known
    wanted = [str(name) for name in require_names(layers, "layers", example="['conv1', 'conv2'], or 'all'")]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        got = f"There is no layer {unknown[0]!r}.{guess(unknown[0], known)}" if unknown else "layers=[] names no layer."
        message = f"{got} Layers: {', '.join(known)}."
        raise DesignError(message)
    return {name: x for name, x in known.items() if name in wanted}


def _given(given: Mapping[str, xr.DataArray], names: str | Sequence[str] | None) -> list[Candidate]:
    layers = _named(given, names)
    depth = np.linspace(0, 1, len(layers)) if len(layers) > 1 else np.zeros(1)
    return [
        Candidate(name, x, "network", "network", name, float(d))
        for (name, x), d in zip(layers.items(), depth, strict=False)
    ]


@dataclass(frozen=True)
class _Shown:
    """What is shown to every network, how, and what is read."""

    images: xr.DataArray
    layers: str | Sequence[str] | None
    preprocessing: Preprocessing | None
    project: float | None
    seed: int
    reading: Mapping[str, Any]

    def candidates(self, model: Model, kind: str) -> list[Candidate]:
        """Return the layers of a network."""
        name = Path(model.name).stem if model.name.endswith(".onnx") else model.name
        options: dict[str, Any] = {"preprocessing": self.preprocessing, "project": self.project, "seed": self.seed}
        options |= self.reading
        if options.get("store") is not None:
            options["store"] = Path(options["store"]) / name
        read = activations(model, self.images, layers=self._layers_of(model), **options)
        depth = np.linspace(0, 1, len(read)) if len(read) > 1 else np.zeros(1)
        return [
            Candidate(f"{name}/{layer}", values, kind, name, layer, float(d))
            for (layer, values), d in zip(read.items(), depth, strict=True)
        ]

    def _layers_of(self, model: Model) -> str | Sequence[str] | None:
        """Return those of the layers that a network has; all, to be refused by name, where it has none of them."""
        if self.layers is None or isinstance(self.layers, str):
            return self.layers
        return [name for name in self.layers if name in model.known_layers] or self.layers


def _networks(model: Any, shown: _Shown, twins: bool) -> list[Candidate]:
    found = []
    models = [load_model(one) for one in (model if isinstance(model, list | tuple) else [model])]
    every = {one.name for one in models}
    for one in models:
        found += shown.candidates(one, "untrained" if one.trained is False else "network")
        if twins and one.trained is not False and f"{one.name}-untrained" not in every:
            found += _twin(one, shown)
    return found


def _twin(model: Model, shown: _Shown) -> list[Candidate]:
    """Return the layers of the untrained twin; none, with a warning, of a network that cannot be made anew.

    The catalog's own twin is the network as it was before its training, and comes first.
    """
    shipped = f"{model.name}-untrained"
    try:
        twin = load_model(shipped) if shipped in MODELS else untrained_twin(model, seed=shown.seed)
    except DesignError as error:
        warnings.warn(
            f"The table has no untrained twin of {model.name}, the first thing to beat: {error}", stacklevel=5
        )
        return []
    return shown.candidates(twin, "untrained")
