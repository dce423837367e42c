"""Forget what was learnt: the same architecture with parameters as they could have been before any training."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from neurodata4ml.errors import DesignError

WEIGHTED = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "RNN", "GRU", "LSTM"})
"""Operators of an ONNX graph whose matrices and kernels are learnt."""

NORMALISING = frozenset(
    {"BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization", "PRelu"}
)
"""Operators whose vectors are learnt."""

FLOATS = (1, 10, 11)
"""ONNX's numbers for float32, float16 and float64."""


def reset(module: Any, seed: int) -> Any:
    """Return a copy of a torch module with every part set by its own ``reset_parameters``, inner parts first.

    Batch norm's running mean and variance become 0 and 1 again. Torch's random numbers are left as they were found.

    Raises
    ------
    DesignError
        A part has parameters of its own and no way to draw them anew.
    """
    import torch

    parts = [(name, part) for name, part in module.named_modules() if part is not None]
    stuck = [
        f"{name or 'the whole'} ({type(part).__name__})"
        for name, part in parts
        if next(part.parameters(recurse=False), None) is not None and _drawer(part) is None
    ]
    if stuck:
        message = (
            f"untrained_twin cannot forget what {', '.join(stuck[:5])} learnt: parameters without reset_parameters. "
            "Write that method, or build the module anew and type from_module(it, name=..., trained=False)."
        )
        raise DesignError(message)
    twin = copy.deepcopy(module).cpu()  # drawn there wherever the module lives: one seed, one twin
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for part in reversed(list(twin.modules())):
            (_drawer(part) or _keep)()
        for new, old in zip(_tensors(twin), _tensors(module), strict=True):
            new.data = new.data.to(old.device)
    return twin


def redrawn(proto: Any, seed: int) -> Any:
    """Return a copy of an ONNX network with its learnt numbers drawn anew, tensor by tensor, at matched scale.

    Kernels and matrices become independent normal numbers of mean 0 and of the tensor's own root mean square, so that
    each layer's gain stays about what it was. Vectors (biases; a normalisation's gain, shift, mean and variance) keep
    their values and change places, all those of one node alike. Constants that no weighted operator reads stay.

    Raises
    ------
    DesignError
        No learnt floating-point tensor is found, as in a quantised file.
    """
    import onnx

    twin = type(proto)()
    twin.CopyFrom(proto)
    rng = np.random.default_rng(seed)
    tensors = {tensor.name: tensor for tensor in twin.graph.initializer}
    products = {node.output[0] for node in twin.graph.node if node.op_type == "MatMul"}
    done: set[str] = set()
    for node in twin.graph.node:
        orders: dict[int, np.ndarray] = {}
        for name in [name for name in _learnt(node, tensors, products) if name not in done]:
            old = onnx.numpy_helper.to_array(tensors[name])
            tensors[name].CopyFrom(onnx.numpy_helper.from_array(_anew(old, orders, rng), name))
            done.add(name)
    if all(_is_vector(tensors[name].dims) for name in done):
        message = (
            "untrained_twin finds nothing learnt in this ONNX file: no floating-point weights of "
            f"{', '.join(sorted(WEIGHTED))}. Export it without quantisation and without folding weights into constants."
        )
        raise DesignError(message)
    return twin


def _drawer(part: Any) -> Any:
    return getattr(part, "reset_parameters", None) or getattr(part, "_reset_parameters", None)


def _keep() -> None:
    """Leave a part without parameters as it is."""


def _tensors(module: Any) -> Iterator[Any]:
    yield from module.parameters()
    yield from module.buffers()


def _learnt(node: Any, tensors: dict[str, Any], products: set[str]) -> Iterator[str]:
    """Yield the names of the node's tensors that training has set."""
    is_bias = node.op_type == "Add" and not products.isdisjoint(node.input)
    if node.op_type not in WEIGHTED | NORMALISING and not is_bias:
        return
    for name in dict.fromkeys(node.input):
        tensor = tensors.get(name)
        if tensor is None or tensor.data_type not in FLOATS or np.prod(tensor.dims) < 2:
            continue
        if node.op_type in WEIGHTED or _is_vector(tensor.dims):
            yield name


def _is_vector(shape: Sequence[int]) -> bool:
    return bool(max(shape) == np.prod(shape))


def _anew(old: np.ndarray, orders: dict[int, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    if _is_vector(old.shape):
        order = orders.setdefault(old.size, rng.permutation(old.size))
        return np.asarray(old.reshape(-1)[order].reshape(old.shape))
    scale = np.sqrt(np.mean(old.astype(np.float64) ** 2))
    return np.asarray(rng.normal(0.0, 1.0, old.shape) * scale, dtype=old.dtype)
