"""Networks that a TOML file describes: checked word by word, and by the digest of the file beside it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from neurodata4ml import places
from neurodata4ml.errors import CatalogError, ChecksumError
from neurodata4ml.networks.graphs import digest
from neurodata4ml.networks.model import Model, from_onnx
from neurodata4ml.suggest import guess

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


def described() -> dict[str, Callable[[], Model]]:
    """Return what loads each network of the catalog folders, by name."""
    folders = [places.catalog_folder(), places.user_catalog_folder()]
    paths = [path for folder in folders if folder for path in (folder / "networks").glob("*.toml")]
    return {path.stem: partial(read_model, path) for path in sorted(paths, key=lambda path: path.stem)}


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
