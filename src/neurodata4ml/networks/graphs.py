"""Run an ONNX file with its inner tensors made outputs, so that every layer can be read."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from neurodata4ml.errors import CatalogError
from neurodata4ml.networks.layers import Layer, of_answer
from neurodata4ml.record.files import sha256_of

STAGES = frozenset(
    {
        "Relu",
        "LeakyRelu",
        "PRelu",
        "Clip",
        "Elu",
        "Selu",
        "Gelu",
        "HardSwish",
        "Sigmoid",
        "Tanh",
        "Softplus",
        "Mish",
    }
)
"""Operators that end a stage of a network: what a file's layers are when nobody names them."""


@dataclass(frozen=True)
class Graph:
    """An ONNX network: one image input (batch, channel, y, x), and tensors that have names.

    Attributes
    ----------
    proto : onnx.ModelProto
    input_name : str
    input_shape : tuple of (int or None)
        (batch, channel, y, x); None where the file leaves the size open.
    tensors : dict of str to str
        Every name that a layer can be asked for by, tensor names and node names, and the tensor it means.
    stages : tuple of str
        The outputs of the file's nonlinear nodes, then its final outputs.
    """

    proto: Any
    input_name: str
    input_shape: tuple[int | None, ...]
    tensors: dict[str, str]
    stages: tuple[str, ...]

    def run(self, batches: Iterable[np.ndarray], layers: Sequence[str]) -> Generator[dict[str, np.ndarray]]:
        """Yield the response of each layer, (n, ...), to each of the batches, float32 (n, channel, y, x).

        One thread, so that sums are added in one order and the same machine gives the same bits.
        """
        wanted = [self.tensors[layer] for layer in layers]
        session = self._session(wanted)
        for batch in batches:
            found = []
            for part, n_real in _parts(batch, self.input_shape[0]):
                answer = session.run(wanted, {self.input_name: part})
                found.append([np.atleast_1d(tensor)[:n_real] for tensor in answer])
            whole = [values[0] if len(values) == 1 else np.concatenate(values) for values in zip(*found, strict=True)]
            yield dict(zip(layers, whole, strict=True))

    def survey(self, batch: np.ndarray) -> list[Layer]:
        """Return every tensor that depends on the images, in the file's order, and what it is for this batch."""
        kinds = _dependent(self.proto.graph, self.input_name)
        session = self._session(list(kinds))
        part, n_real = next(iter(_parts(batch, self.input_shape[0])))
        answers = session.run(list(kinds), {self.input_name: part})
        found = []
        for name, answer in zip(kinds, answers, strict=True):
            shape = np.shape(answer) if isinstance(answer, np.ndarray) else ()
            if shape[:1] == (len(part),):
                shape = (n_real, *shape[1:])  # without the images that only fill the part
            is_real = isinstance(answer, np.ndarray) and answer.dtype.kind == "f"
            found.append(of_answer(name, kinds[name], shape, n_real, is_real=is_real))
        return found

    @staticmethod
    def digest_of(proto: Any) -> str:
        """Return the sha256 of a network in memory, in hex."""
        return hashlib.sha256(proto.SerializeToString(deterministic=True)).hexdigest()

    def _session(self, wanted: Sequence[str]) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors: a survey asks for tensors that onnxruntime would rather fold away
        data = _with_outputs(self.proto, wanted).SerializeToString()
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def read_graph(path: Path) -> Graph:
    """Read an ONNX file.

    Raises
    ------
    CatalogError
        The file is not ONNX, or its input is not one batch of images (batch, channel, y, x).
    """
    try:
        proto = onnx.load(path)
    except DecodeError as failure:
        message = f"{path} cannot be read as an ONNX network ({failure}). Export it again: torch.onnx.export(...)."
        raise CatalogError(message) from failure
    graph = proto.graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    shape = _shape(inputs[0]) if inputs else ()
    if len(inputs) != 1 or len(shape) != 4 or shape[1] not in (None, 1, 3):
        found = ", ".join(f"{value.name} {_shape(value)}" for value in inputs) or "none"
        message = (
            f"{path} must take one input, images (batch, channel, y, x) with 1 or 3 channels; its inputs: {found}. "
            "Export it again with such an input."
        )
        raise CatalogError(message)
    return Graph(proto, inputs[0].name, shape, _tensors(graph), _stages(graph))


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hex; of an ONNX file whose weights lie beside it, of all these files in a row."""
    beside = sorted(_weights_beside(path)) if path.suffix == ".onnx" else []
    if not beside:
        return sha256_of(path)
    total = hashlib.sha256()
    for part in (path, *(path.parent / name for name in beside)):
        total.update(bytes.fromhex(sha256_of(part)))
    return total.hexdigest()


def _weights_beside(path: Path) -> set[str]:
    try:
        proto = onnx.load(path, load_external_data=False)
    except DecodeError:  # read_graph says so, in words
        return set()
    stated = (entry for tensor in proto.graph.initializer for entry in tensor.external_data)
    return {entry.value for entry in stated if entry.key == "location"}


def _shape(value: Any) -> tuple[int | None, ...]:
    return tuple(
        d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in value.type.tensor_type.shape.dim
    )


def _tensors(graph: Any) -> dict[str, str]:
    by_node = {node.name: node.output[0] for node in graph.node if node.name and node.op_type != "Constant"}
    by_tensor = {name: name for node in graph.node if node.op_type != "Constant" for name in node.output if name}
    return {**by_node, **by_tensor}


def _stages(graph: Any) -> tuple[str, ...]:
    stages = [node.output[0] for node in graph.node if node.op_type in STAGES]
    return tuple(dict.fromkeys([*stages, *(value.name for value in graph.output)]))


def _dependent(graph: Any, input_name: str) -> dict[str, str]:
    """Return the tensors that are computed from the images, and the operator that makes each."""
    reached = {input_name}
    kinds: dict[str, str] = {}
    for node in graph.node:  # a valid graph is sorted
        inner = (name for a in node.attribute for n in a.g.node for name in n.input)  # branches of an If, of a Loop
        if not reached.isdisjoint([*node.input, *inner]):
            kinds |= {name: node.op_type for name in node.output if name}
            reached |= set(node.output) - {""}
    return kinds


def _with_outputs(proto: Any, names: Sequence[str]) -> Any:
    """Return a copy whose outputs are ``names``; onnxruntime infers their types."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names))
    return copy


def _parts(batch: np.ndarray, size: int | None) -> Iterable[tuple[np.ndarray, int]]:
    """Cut a batch to the size that the file was exported with; the last part is filled with its last image."""
    if size is None:
        yield batch, len(batch)
        return
    for start in range(0, len(batch), size):
        part = batch[start : start + size]
        fill = np.repeat(part[-1:], size - len(part), axis=0)
        yield np.concatenate([part, fill]), len(part)
