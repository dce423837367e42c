"""Trained networks of other libraries, by their names there: weights checked, and never fetched while offline."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from neurodata4ml import places
from neurodata4ml.errors import CatalogError, ChecksumError, NotCachedError
from neurodata4ml.networks.graphs import digest
from neurodata4ml.networks.model import Model, from_module
from neurodata4ml.suggest import guess

TORCHVISION, TIMM = "torchvision_", "timm_"
"""Prefixes of names: ``torchvision_resnet18``, ``timm_resnet10t.c3_in1k``."""


def from_torchvision(name: str) -> Model:
    """Return a network of torchvision with its recommended weights, sized and normalised as they ask.

    The name of torchvision's file of weights ends in the beginning of its sha256; a file that does not have it is
    refused, also where torchvision finds it in its cache and does not look.

    Raises
    ------
    CatalogError
        torchvision is not installed, or has no such network.
    NotCachedError
        Offline, and the weights would have to be downloaded.
    ChecksumError
        The file of weights is not the published one.
    """
    _require("torchvision", f"{TORCHVISION}{name}")
    from torchvision import models

    if name not in models.list_models(module=models):
        message = (
            f"torchvision has no image classifier {name!r}.{guess(name, models.list_models(module=models))} "
            "Type torchvision.models.list_models() to see all."
        )
        raise CatalogError(message)
    weights = models.get_model_weights(name).DEFAULT
    require_cached(weights.url)
    require_published(weights.url)
    module = models.get_model(name, weights=weights)
    asked = weights.transforms()
    known = {
        "name": f"{TORCHVISION}{name}",
        "title": str(weights),
        "input_size": (int(asked.crop_size[0]),) * 2,
        "mean": tuple(asked.mean),
        "std": tuple(asked.std),
    }
    return _with_own_twin(module, lambda: models.get_model(name, weights=None), known)


def from_timm(name: str) -> Model:
    """Return a network of timm (PyTorch Image Models) with its weights, sized and normalised as they ask.

    Parameters
    ----------
    name : str
        As timm has it, with or without the tag of the weights: ``resnet10t``, ``resnet10t.c3_in1k``.

    Raises
    ------
    CatalogError
        timm is not installed, or has no such network, or no weights for it.
    NotCachedError
        Offline, and the weights would have to be downloaded.
    """
    _require("timm", f"{TIMM}{name}")
    import timm

    if not timm.is_model(name):
        message = f"timm has no network {name!r}.{guess(name, timm.list_models())} Type timm.list_models() to see all."
        raise CatalogError(message)
    if not timm.is_model_pretrained(name):
        message = (
            f"timm has no weights for {name!r}. Give it your own: from_module(timm.create_model({name!r}), name=...)."
        )
        raise CatalogError(message)
    asked = timm.models.get_pretrained_cfg(name)
    if places.offline() and not _timm_is_cached(asked):
        where = asked.hf_hub_id or asked.url
        message = f"Offline, and timm's weights of {name!r} ({where}) are not cached. Unset NEURODATA4ML_OFFLINE."
        raise NotCachedError(message)
    module = timm.create_model(name, pretrained=True)
    sizes = timm.data.resolve_model_data_config(module)
    known = {
        "name": f"{TIMM}{name}",
        "title": str(asked.hf_hub_id or asked.url or name),
        "input_size": tuple(sizes["input_size"][1:]),
        "n_channels": int(sizes["input_size"][0]),
        "mean": tuple(sizes["mean"]),
        "std": tuple(sizes["std"]),
    }
    return _with_own_twin(module, lambda: timm.create_model(name, pretrained=False), known)


def require_cached(url: str) -> None:
    """Refuse to download while offline."""
    file = _in_hub(url)
    if places.offline() and not file.is_file():
        message = f"Offline, and torchvision's weights are not in {file}. Unset NEURODATA4ML_OFFLINE to download {url}."
        raise NotCachedError(message)


def require_published(url: str) -> None:
    """Refuse a file of weights that is there and whose sha256 does not begin as its name says; torch never looks."""
    file = _in_hub(url)
    stated = re.search(r"-([0-9a-f]{8,64})\.", file.name)
    if stated and file.is_file() and not digest(file).startswith(stated[1]):
        message = (
            f"{file} is not the published file of weights: sha256 {digest(file)}, expected {stated[1]}... "
            "Delete it, and load the network again."
        )
        raise ChecksumError(message)


def _in_hub(url: str) -> Path:
    from torch import hub

    return Path(hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def _timm_is_cached(asked: Any) -> bool:
    if asked.hf_hub_id and find_spec("huggingface_hub") is not None:
        from huggingface_hub import try_to_load_from_cache

        names = [asked.hf_hub_filename] if asked.hf_hub_filename else ["model.safetensors", "pytorch_model.bin"]
        return any(isinstance(try_to_load_from_cache(asked.hf_hub_id, name), str) for name in names)
    return bool(asked.file) or bool(asked.url and _in_hub(asked.url).is_file())


def _with_own_twin(module: Any, build: Any, known: dict[str, Any]) -> Model:
    """Return the module, with a twin that its own library draws: only it knows how its parts are first set."""

    def twin(seed: int) -> Model:
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            untrained = build()
        stated = {**known, "name": f"{known['name']}-untrained", "title": "drawn anew by its own library"}
        return from_module(untrained, **stated, trained=False)

    return from_module(module, **known, twin=twin, trained=True)


def _require(library: str, name: str) -> None:
    if find_spec(library) is None:
        message = f'{name} needs {library}, which is not installed. Type: pip install "neurodata4ml[torch]" {library}'
        raise CatalogError(message)
