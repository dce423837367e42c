"""Networks by name: from a name, a file or a module to a `Model` whose layers can be read."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from neurodata4ml import places
from neurodata4ml.errors import CatalogError, ChecksumError, NotCachedError
from neurodata4ml.networks.graphs import digest, read_graph
from neurodata4ml.networks.modules import Module
from neurodata4ml.suggest import guess

TORCHVISION = "torchvision_"
"""Prefix of the names of torchvision's networks: ``torchvision_resnet18``."""


@dataclass(frozen=True)
class Model:
    """A network that can be shown images, and its layers read.

    Attributes
    ----------
    name, title, description : str
    layers : tuple of str
        The layers that are read unless others are named, from the input to the output.
    known_layers : tuple of str
        Every layer that can be named.
    input_size : tuple of int, or None
        (y, x) in pixels, to which images are resized; None when the network takes any size.
    n_channels : int or None
        1 (gray) or 3 (colour); None when it takes what it gets.
    scale : float
        What a pixel of [0, 1] is multiplied by before ``mean`` and ``std``.
    mean, std : tuple of float
        Per channel, ``(scale * pixel - mean) / std``; empty for none.
    sha256 : str
        Digest of the file, or of a module's parameters.
    trained : bool or None
        None when nobody says.
    run : callable
        ``run(batches, layers) -> {layer: ndarray (n, ...)}`` for float32 batches (n, channel, y, x).
    """

    name: str
    layers: tuple[str, ...]
    known_layers: tuple[str, ...]
    run: Callable[[Iterable[np.ndarray], Sequence[str]], dict[str, np.ndarray]]
    sha256: str
    input_size: tuple[int, int] | None = None
    n_channels: int | None = None
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    trained: bool | None = None
    title: str = ""
    description: str = ""


def load_model(name_or_path: Any) -> Model:
    """Return a network, ready to be shown images.

    Parameters
    ----------
    name_or_path : str, Path or torch.nn.Module
        A key of ``MODELS``; ``"torchvision_<name>"``, with the weights that torchvision recommends (downloaded once,
        by torchvision); the path of any ``.onnx`` file; or a module of your own.

    Raises
    ------
    CatalogError
        No such network, or its description is malformed.
    ChecksumError
        A shipped network's file is not the one that was published.
    NotCachedError
        Offline, and torchvision would have to download its weights.

    Examples
    --------
    >>> load_model("digits").layers
    ('conv1', 'conv2', 'penultimate', 'logits')
    """
    if isinstance(name_or_path, Model):
        return name_or_path
    if hasattr(name_or_path, "named_modules"):
        return from_module(name_or_path)
    name = str(name_or_path)
    known = {**_catalog(), **MODELS}  # the catalog again: NEURODATA4ML_CATALOG may have been set since the import
    if name in known:
        return known[name]()
    if name.startswith(TORCHVISION):
        return from_torchvision(name.removeprefix(TORCHVISION))
    if name.endswith(".onnx"):
        return from_onnx(Path(name))
    message = (
        f"There is no network {name!r}.{guess(name, known)} Known: {', '.join(known)}; "
        f"or {TORCHVISION}<name>, the path of an .onnx file, or a torch.nn.Module."
    )
    raise CatalogError(message)


def from_onnx(path: str | Path, **known: Any) -> Model:
    """Return the network in any ONNX file; its layers are the outputs of its nonlinear nodes and its final output.

    Other tensors and nodes can be named in :func:`~neurodata4ml.networks.activations.activations`. The file does not
    say how its pixels are to be scaled: if not [0, 1], say so with ``scale=``, ``mean=``, ``std=``.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        message = f"There is no file {path}. Type the path of an .onnx file, or a name: {', '.join(MODELS)}."
        raise CatalogError(message)
    graph = read_graph(path)
    height, width = graph.input_shape[2:]
    stated = {
        "name": path.stem,
        "layers": graph.stages,
        "input_size": (height, width) if height and width else None,
        "n_channels": graph.input_shape[1],
        "sha256": digest(path),
    }
    return Model(**{**stated, **known}, run=graph.run, known_layers=tuple(graph.tensors))


def from_module(module: Any, **known: Any) -> Model:
    """Return a torch module as a network; its layers are its parts at the top, and any path inside can be named."""
    wrapped = Module(module)
    stated = {"name": type(module).__name__, "layers": wrapped.children, "n_channels": wrapped.n_channels}
    return Model(**{**stated, **known}, run=wrapped.run, known_layers=wrapped.paths, sha256=wrapped.digest())


def from_torchvision(name: str) -> Model:
    """Return a network of torchvision with its recommended weights, sized and normalised as they ask."""
    if find_spec("torchvision") is None:
        message = (
            f"{TORCHVISION}{name} needs torchvision, which is not installed. "
            'Type: pip install "neurodata4ml[torch]" torchvision'
        )
        raise CatalogError(message)
    from torchvision import models

    if name not in models.list_models(module=models):
        message = (
            f"torchvision has no image classifier {name!r}.{guess(name, models.list_models(module=models))} "
            "Type torchvision.models.list_models() to see all."
        )
        raise CatalogError(message)
    weights = models.get_model_weights(name).DEFAULT
    require_cached(weights.url)
    asked = weights.transforms()
    return from_module(
        models.get_model(name, weights=weights),
        name=f"{TORCHVISION}{name}",
        title=str(weights),
        input_size=(int(asked.crop_size[0]),) * 2,
        mean=tuple(asked.mean),
        std=tuple(asked.std),
        trained=True,
    )


def require_cached(url: str) -> None:
    """Refuse to download while offline."""
    from torch import hub

    file = Path(hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if places.offline() and not file.is_file():
        message = f"Offline, and torchvision's weights are not in {file}. Unset NEURODATA4ML_OFFLINE to download {url}."
        raise NotCachedError(message)


_KEYS: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "title": (str,),
    "description": (str,),
    "made_by": (str,),
    "license": (str,),
    "file": (str,),
    "sha256": (str,),
    "trained": (bool,),
    "layers": (list,),
    "input_size": (list,),
    "scale": (int, float),
    "mean": (list,),
    "std": (list,),
}
_OPTIONAL = ("mean", "std", "license")


def read_model(path: Path) -> Model:
    """Return the network that a TOML file describes; its ONNX file lies beside it and must have the stated digest."""
    entry = _checked(path)
    file = path.with_name(entry["file"])
    found = digest(file) if file.is_file() else "no file"
    if found != entry["sha256"]:
        message = (
            f"{file} is not the published network {entry['name']!r}: sha256 {found}, expected {entry['sha256']}. "
            "Install neurodata4ml again, or restore the file: git checkout -- catalog/networks"
        )
        raise ChecksumError(message)
    names = {field.name for field in fields(Model)} - {"sha256"}
    known = {key: tuple(v) if isinstance(v, list) else v for key, v in entry.items() if key in names}
    model = from_onnx(file, **known)
    for layer in model.layers:
        if layer not in model.known_layers:
            message = f"{path}: {file.name} has no layer {layer!r}.{guess(layer, model.known_layers)}"
            raise CatalogError(message)
    return model


def _checked(path: Path) -> dict[str, Any]:
    try:
        entry = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as failure:
        message = f"{path} is not TOML: {failure}."
        raise CatalogError(message) from failure
    for key, value in entry.items():
        if key not in _KEYS:
            message = f"{path}: unknown key {key!r}.{guess(key, _KEYS)} Known: {', '.join(_KEYS)}."
            raise CatalogError(message)
        if not isinstance(value, _KEYS[key]):
            wanted = " or ".join(kind.__name__ for kind in _KEYS[key])
            message = f"{path}: {key!r} must be {wanted}; got {value!r}."
            raise CatalogError(message)
    missing = [key for key in _KEYS if key not in entry and key not in _OPTIONAL]
    if missing:
        message = f"{path}: missing {', '.join(missing)}. A network's entry needs them all."
        raise CatalogError(message)
    if entry["name"] != path.stem:
        message = f"{path}: the name {entry['name']!r} must be the file's, {path.stem!r}. Rename one of the two."
        raise CatalogError(message)
    return entry


def _catalog() -> dict[str, Callable[[], Model]]:
    folders = [places.catalog_folder(), places.user_catalog_folder()]
    paths = [path for folder in folders if folder for path in (folder / "networks").glob("*.toml")]
    return {path.stem: partial(read_model, path) for path in sorted(paths, key=lambda path: path.stem)}


MODELS: dict[str, Callable[[], Model]] = _catalog()
"""Name -> a function that loads the network. Add your own: one line here, or one TOML in a catalog folder."""
