"""Activations that torchlens saved, as arrays of the same kind as neural responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.dims import add_step
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.interop.peers import array
from neurodata4ml.optional import need
from neurodata4ml.suggest import guess

_INSTALL = "torchlens"

Read = tuple[dict[str, np.ndarray], dict[str, Any], np.ndarray | None]
"""The values of each layer, what is known of them all, and the stimulus ids where there are any."""


def from_torchlens(source: Any, *, layers: Sequence[str] | None = None, stimuli: Any = None) -> dict[str, xr.DataArray]:
    """Return layers that torchlens recorded, as ``activations`` would: rows are stimuli, columns features.

    Parameters
    ----------
    source : str, Path, or an object of torchlens
        The folder that ``torchlens.extract_dataset(..., output_dir=...)`` wrote: its manifest, its stimulus ids and its
        shards, each compared with its checksum (CRC-32) as it is read. Or what its ``open_extraction`` or
        ``load_extraction`` gives, the dict of tensors that it gives without ``output_dir``, or a ``Trace``.
    layers : sequence of str, optional
        The layers to take, in this order; None for all (of a ``Trace``, all saved ones with a row per stimulus).
    stimuli : sequence, optional
        One label per stimulus, in the order they were shown, such as ``images.stimulus``. torchlens keeps ids as text,
        and only those it was given; labels of ours may be numbers, and arrays meet by label. Without any the dim
        ``stimulus`` has no labels, and ``compare`` will ask for them.

    Returns
    -------
    dict of str to DataArray (stimulus, feature)
        Features are the layer's elements in C order. ``attrs`` say which network (its digest), which torchlens and
        how images were prepared, where that was recorded.

    Raises
    ------
    DesignError
        No such layer, no saved one, one with rows of several shapes, or torchlens is not installed.
    DimensionError
        A number of labels that does not fit, or something that torchlens does not make.
    """
    need("torchlens", step="from_torchlens", install=_INSTALL)
    saved, about, ids = _read(source, layers)
    labels = ids if stimuli is None else np.asarray(stimuli)
    found = {}
    for layer, values in saved.items():
        if labels is not None and len(labels) != len(values):
            message = (
                f"from_torchlens: the layer {layer!r} has {len(values)} rows and there are {len(labels)} stimuli. "
                "Give one label per row: stimuli=..."
            )
            raise DimensionError(message)
        flat = values.reshape(len(values), -1)
        named = {"feature": {"feature": np.arange(flat.shape[1])}}
        if labels is not None:
            named["stimulus"] = {"stimulus": labels}
        attrs = {**about, "layer": layer, "shape": list(values.shape[1:]), "units": "1"}
        out = array(flat, ("stimulus", "feature"), named, attrs, layer)
        digest = about.get("model_digest")
        found[layer] = add_step(out, "from_torchlens", layer=layer, model=about.get("model"), model_digest=digest)
    return found


def _read(source: Any, layers: Sequence[str] | None) -> tuple[dict[str, np.ndarray], dict[str, Any], np.ndarray | None]:
    """Return the values of each layer, what is known of them, and the stimulus ids where there are any."""
    extraction = need("torchlens.dataset_extraction", step="from_torchlens", install=_INSTALL)
    if isinstance(source, str | Path):
        return _of_folder(extraction, Path(source).expanduser(), layers)
    if hasattr(source, "materialize") and hasattr(source, "stimulus_ids"):
        return _of_reader(source, layers)
    if isinstance(source, extraction.LoadedExtraction):
        names = _chosen(list(source.activations), layers)
        folder = source.batch_paths[0].parent if source.batch_paths else None
        ids = None if folder is None else _ids(extraction.open_extraction(folder))
        return {name: _values(name, source.activations[name]) for name in names}, _about(source.manifest), ids
    if isinstance(source, Mapping):
        names = _chosen([str(name) for name in source], layers)
        return {name: _values(name, source[name]) for name in names}, {}, None
    if hasattr(source, "layer_list") and hasattr(source, "model_label"):
        return _of_trace(source, layers), {"model": str(source.model_label)}, None
    message = (
        f"from_torchlens takes the folder of an extraction, or what torchlens makes of one; got a "
        f"{type(source).__name__}. Type torchlens.extract_dataset(model, images, layers=[...], output_dir='layers')."
    )
    raise DimensionError(message)


def _of_folder(extraction: Any, folder: Path, layers: Sequence[str] | None) -> Read:
    if not (folder / "manifest.json").is_file():
        message = (
            f"{folder} is not an extraction of torchlens: it has no manifest.json. "
            "Type torchlens.extract_dataset(model, images, layers=[...], output_dir='layers')."
        )
        raise DesignError(message)
    try:
        return _of_reader(extraction.open_extraction(folder, verify="first_access"), layers)
    except (ValueError, RuntimeError, OSError) as error:
        message = f"torchlens cannot read the extraction in {folder}: {error}"
        raise DesignError(message) from error


def _of_reader(reader: Any, layers: Sequence[str] | None) -> Read:
    names = _chosen(list(reader.manifest["layers"]), layers)
    tensors = reader.materialize(names)
    return {name: _values(name, tensors[name]) for name in names}, _about(reader.manifest), _ids(reader)


def _of_trace(trace: Any, layers: Sequence[str] | None) -> dict[str, np.ndarray]:
    """Return what was saved of one forward pass; a layer that ran several times has one entry per time, ``name:2``."""
    known = dict(_passes(trace))
    sizes = [len(op.out) for op in known.values() if op.is_output or op.is_input]
    n_rows = sizes[0] if sizes else max((len(op.out) for op in known.values()), default=0)
    fitting = [name for name, op in known.items() if len(op.out) == n_rows]
    names = _chosen(fitting, layers)
    return {name: _values(name, known[name].out) for name in names}


def _passes(trace: Any) -> Iterator[tuple[str, Any]]:
    seen: dict[str, int] = {}
    for op in trace.layer_list:
        seen[op.layer_label] = seen.get(op.layer_label, 0) + 1
    for op in trace.layer_list:
        if op.has_saved_activation and not op.is_buffer and getattr(op.out, "ndim", 0) > 0:
            yield (op.label if seen[op.layer_label] > 1 else op.layer_label), op


def _chosen(known: list[str], layers: Sequence[str] | None) -> list[str]:
    names = known if layers is None else [layers] if isinstance(layers, str) else list(dict.fromkeys(layers))
    for name in names:
        if name not in known:
            message = (
                f"torchlens has not saved a layer {name!r} with one row per stimulus.{guess(name, known)} It has "
                f"{', '.join(known[:60]) or 'none'}."
            )
            raise DesignError(message)
    if not names:
        message = "from_torchlens finds no saved layer. Type torchlens.trace(model, images), which saves all."
        raise DesignError(message)
    return names


def _values(name: str, tensor: Any) -> np.ndarray:
    """Return a tensor as an array; what numpy has no type for (bfloat16) as float32, which holds it exactly."""
    if not hasattr(tensor, "detach"):
        message = (
            f"The layer {name!r} has rows of several shapes, which make no matrix. Pool them as they are extracted: "
            "torchlens.extract_dataset(..., pool=...)."
        )
        raise DesignError(message)
    tensor = tensor.detach().cpu()
    numpys = ("float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool")
    return np.asarray((tensor if str(tensor.dtype).removeprefix("torch.") in numpys else tensor.float()).numpy())


def _ids(reader: Any) -> np.ndarray | None:
    ids = reader.stimulus_ids()
    return None if ids is None else np.asarray(ids, dtype=object)


def _about(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the manifest says of the network and its images, in words that can be stored."""
    signature = manifest.get("signature") or {}
    identity, shown = signature.get("model_identity") or {}, signature.get("stimuli") or {}
    known = {
        "torchlens_version": manifest.get("torchlens_version"),
        "model": identity.get("hub_identity"),
        "model_digest": identity.get("digest"),
        "stimuli_digest": shown.get("digest"),
        "preprocessing": (manifest.get("input_preprocessing") or {}).get("verdict"),
    }
    return {name: str(value) for name, value in known.items() if value is not None}
