"""Every operation of a torch module as a layer, those without a module of their own too, as torchlens finds them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from neurodata4ml.errors import CatalogError
from neurodata4ml.networks.layers import Layer, of_answer
from neurodata4ml.networks.model import Model, untrained
from neurodata4ml.networks.modules import Module, evaluating
from neurodata4ml.networks.untrained import reset


def with_operations(module: Any, input_size: tuple[int, int], **known: Any) -> Model:
    """Return a torch module whose layers are all operations of its pass: ``conv2d_1_1``, ``relu_1_2``, ``add_1_3``, ...

    :func:`~neurodata4ml.networks.model.from_module` sees modules only; a ``torch.relu``, a residual sum, or one ReLU
    that is used twice are seen here, each use by its own name (Taylor & Kriegeskorte 2023, Sci. Rep. 13:14375).

    Parameters
    ----------
    module : torch.nn.Module
    input_size : (int, int)
        (y, x) in pixels of what the network is shown.
    **known
        Any other field of :class:`~neurodata4ml.networks.model.Model`: ``name``, ``mean``, ``std``, ``n_channels``, ...

    Raises
    ------
    CatalogError
        torchlens 2 is not installed.
    """
    if find_spec("torchlens") is None:
        message = (
            "with_operations needs torchlens 2, which is not installed. Type: pip install torchlens; "
            "from_module(module) reads the module's parts without it."
        )
        raise CatalogError(message)
    wrapped = Module(module)
    n_channels = known.get("n_channels", wrapped.n_channels) or 1
    survey = _survey(wrapped, np.full((2, n_channels, *input_size), 0.5, np.float32))
    readable = tuple(layer.name for layer in survey if layer.n_features)

    def twin(seed: int) -> Model:
        return untrained(with_operations(reset(module, seed), input_size, **{**stated, **known}))

    stated = {"name": type(module).__name__, "layers": readable, "n_channels": n_channels, "twin": twin}
    return Model(
        **{**stated, **known},
        input_size=(int(input_size[0]), int(input_size[1])),
        known_layers=readable,
        run=lambda batches, layers: _run(wrapped, batches, layers),
        survey=lambda batch: _survey(wrapped, batch),
        sha256=wrapped.digest(),
        architecture=wrapped.architecture(),
        n_bytes=wrapped.n_bytes,
    )


def _run(wrapped: Module, batches: Iterable[np.ndarray], layers: Sequence[str]) -> Generator[dict[str, np.ndarray]]:
    with evaluating(wrapped.module):
        for batch in batches:
            trace = _traced(wrapped, batch, list(layers))
            found = {layer: trace[layer].out.detach().float().cpu().numpy().copy() for layer in layers}
            trace.cleanup()
            yield found


def _survey(wrapped: Module, batch: np.ndarray) -> list[Layer]:
    with evaluating(wrapped.module):
        trace = _traced(wrapped, batch, "all")
    found = []
    for label in trace.layer_labels:
        layer = trace[label]
        if not (layer.is_input or layer.is_output or layer.is_buffer):
            uses = [label] if layer.num_ops == 1 else layer.op_labels
            found += [_described(trace[use].out, use, str(layer.func_name), len(batch)) for use in uses]
    trace.cleanup()
    return found


def _described(out: Any, label: str, kind: str, n_images: int) -> Layer:
    shape = tuple(getattr(out, "shape", ()))
    return of_answer(label, kind, shape, n_images, is_real=bool(shape) and out.is_floating_point())


def _traced(wrapped: Module, batch: np.ndarray, saved: str | list[str]) -> Any:
    import torch
    import torchlens
    from torchlens.options import CaptureOptions

    options = CaptureOptions(layers_to_save=saved, unwrap_when_done=True, detach_saved_activations=True)
    with torch.no_grad():
        return torchlens.trace(wrapped.module, wrapped.tensor(batch), capture=options)
