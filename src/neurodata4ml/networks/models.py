"""Networks by name: from a name, a file or a module to a `Model` whose layers can be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from neurodata4ml.errors import CatalogError, ChecksumError, DesignError
from neurodata4ml.networks.model import Model, from_module, from_onnx
from neurodata4ml.networks.shipped import described, read_model
from neurodata4ml.networks.zoos import TIMM, TORCHVISION, from_timm, from_torchvision, require_cached
from neurodata4ml.require import require_whole
from neurodata4ml.suggest import guess

__all__ = [
    "MODELS",
    "Model",
    "from_module",
    "from_onnx",
    "from_timm",
    "from_torchvision",
    "load_model",
    "read_model",
    "require_cached",
    "untrained_twin",
]

ZOOS: dict[str, Callable[[str], Model]] = {TORCHVISION: from_torchvision, TIMM: from_timm}
"""Prefix of a name -> the function that loads what follows it from another library."""


def load_model(name_or_path: Any, *, sha256: str | None = None) -> Model:
    """Return a network, ready to be shown images.

    Parameters
    ----------
    name_or_path : str, Path, torch.nn.Module or Model
        A key of ``MODELS``; ``"torchvision_<name>"`` or ``"timm_<name>"``, with the weights that these libraries
        recommend (downloaded once, by them); the path of any ``.onnx`` file; or a module of your own.
    sha256 : str, optional
        The digest that the network must have, as ``model.sha256`` gave it: of the file (ONNX), or of all parameters
        (torch). Another network is refused.

    Raises
    ------
    CatalogError
        No such network, or its description is malformed.
    ChecksumError
        The network is not the one that was published, or that ``sha256`` asks for.
    NotCachedError
        Offline, and the weights would have to be downloaded.

    Examples
    --------
    >>> load_model("digits").layers
    ('conv1', 'conv2', 'penultimate', 'logits')
    """
    model = _found(name_or_path)
    if sha256 is not None and model.sha256 != str(sha256).lower():
        message = (
            f"{model.name!r} is another network than the one asked for: sha256 {model.sha256}, expected {sha256}. "
            "Get the file or the weights again, or leave sha256= out to take it as it is."
        )
        raise ChecksumError(message)
    return model


def untrained_twin(model: Any, *, seed: int = 0) -> Model:
    """Return the same network before any training: what its architecture alone would show.

    A torch module's parts are set anew by their own ``reset_parameters``; a network of torchvision or timm is built
    anew by its library. An ONNX file does not say how its weights were first drawn: kernels and matrices become normal
    numbers of mean 0 and of each tensor's own root mean square; vectors (biases, a normalisation's numbers) keep their
    values and change places, all those of one node alike.

    Parameters
    ----------
    model : str, Path, torch.nn.Module or Model
        What :func:`load_model` takes.
    seed : int
        One seed, one twin, whatever has been drawn before.

    Raises
    ------
    DesignError
        A part has parameters and no way to draw them anew, or the file has no weights that can be drawn.

    Examples
    --------
    >>> twin = untrained_twin("digits", seed=1)
    >>> twin.name, twin.trained, twin.layers == load_model("digits").layers
    ('digits-untrained', False, True)
    """
    require_whole(seed, "seed", least=0)
    trained = load_model(model)
    if trained.twin is None:
        message = (
            f"{trained.name!r} does not say how it was before training. Give a Model with twin=, a function of "
            "the seed; from_module and from_onnx make such."
        )
        raise DesignError(message)
    return trained.twin(seed)


def _found(name_or_path: Any) -> Model:
    if isinstance(name_or_path, Model):
        return name_or_path
    if hasattr(name_or_path, "named_modules"):
        return from_module(name_or_path)
    name = str(name_or_path)
    known = {**described(), **MODELS}  # the catalog again: NEURODATA4ML_CATALOG may have been set since the import
    if name in known:
        return known[name]()
    for prefix, load in ZOOS.items():
        if name.startswith(prefix):
            return load(name.removeprefix(prefix))
    if name.endswith(".onnx"):
        return from_onnx(Path(name))
    message = (
        f"There is no network {name!r}.{guess(name, known)} Known: {', '.join(known)}; "
        f"or {', '.join(f'{prefix}<name>' for prefix in ZOOS)}, the path of an .onnx file, or a torch.nn.Module."
    )
    raise CatalogError(message)


MODELS: dict[str, Callable[[], Model]] = described()
"""Name -> a function that loads the network. Add your own: one line here, or one TOML in a catalog folder."""
