"""What a network is here: a thing with named layers that can be shown images."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from neurodata4ml.errors import CatalogError, DesignError
from neurodata4ml.networks.graphs import Graph, digest, read_graph
from neurodata4ml.networks.layers import Layer
from neurodata4ml.networks.modules import Module
from neurodata4ml.networks.untrained import redrawn, reset


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
    architecture : str
        Digest of what a module's parameters do not tell, its printed form; empty where ``sha256`` covers all.
    n_bytes : int
        Size of the parameters.
    trained : bool or None
        None when nobody says.
    run : callable
        ``run(batches, layers)`` yields ``{layer: ndarray (n, ...)}`` for each float32 batch (n, channel, y, x).
    survey : callable, optional
        ``survey(batch)`` lists the layers in the order in which they answer, and what each answers.
    twin : callable, optional
        ``twin(seed)`` returns the same network before any training.
    """

    name: str
    layers: tuple[str, ...]
    known_layers: tuple[str, ...]
    run: Callable[[Iterable[np.ndarray], Sequence[str]], Generator[dict[str, np.ndarray]]]
    sha256: str
    input_size: tuple[int, int] | None = None
    n_channels: int | None = None
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    trained: bool | None = None
    title: str = ""
    description: str = ""
    architecture: str = ""
    n_bytes: int = 0
    survey: Callable[[np.ndarray], list[Layer]] | None = None
    twin: Callable[[int], Model] | None = None

    def __post_init__(self) -> None:  # noqa: D105
        size = self.input_size
        if size is not None and not (isinstance(size, tuple | list) and len(size) == 2 and all(n >= 1 for n in size)):
            message = f"{self.name!r} takes input_size as two numbers of pixels, (y, x); got {size!r}."
            raise DesignError(message)
        if not np.isfinite([self.scale, *self.mean, *self.std]).all() or 0 in self.std:
            message = (
                f"{self.name!r} takes scale, mean and std as numbers, std not 0: (scale * pixel - mean) / std; "
                f"got {self.scale!r}, {self.mean!r} and {self.std!r}."
            )
            raise DesignError(message)


def from_onnx(path: str | Path, **known: Any) -> Model:
    """Return the network in any ONNX file; its layers are the outputs of its nonlinear nodes and its final output.

    Other tensors and nodes can be named in :func:`~neurodata4ml.networks.activations.activations`. The file does not
    say how its pixels are to be scaled: if not [0, 1], say so with ``scale=``, ``mean=``, ``std=``. The digest covers
    the files of weights beside it, where it has some.

    Raises
    ------
    CatalogError
        There is no such file, or it is no ONNX network of images.
    DesignError
        A field that cannot be stated, or a number that cannot be.
    """
    _require_known(known, "architecture", "n_bytes", "run", "survey", "known_layers")
    path = Path(path).expanduser()
    if not path.is_file():
        message = f"There is no file {path}. Type the path of an .onnx file, or the name of a network: list(MODELS)."
        raise CatalogError(message)
    return _of_graph(read_graph(path), {"name": path.stem, "sha256": digest(path), **known})


def from_module(module: Any, **known: Any) -> Model:
    """Return a torch module as a network; its layers are its parts at the top, and any path inside can be named.

    Parameters
    ----------
    module : torch.nn.Module
    **known
        Any field of :class:`Model` that is not read from the module: ``name``, ``input_size``, ``mean``, ``std``,
        ``layers``, ...

    Raises
    ------
    DesignError
        No module, a field that cannot be stated, or a number that cannot be.
    """
    if not hasattr(module, "named_modules"):
        message = f"from_module takes a torch.nn.Module; got {type(module).__name__}. For a name or a file: load_model."
        raise DesignError(message)
    _require_known(known, "sha256", "architecture", "n_bytes", "run", "survey", "known_layers")
    wrapped = Module(module)

    def twin(seed: int) -> Model:
        return untrained(from_module(reset(module, seed), **{**stated, **known}))

    stated = {"name": type(module).__name__, "layers": wrapped.children, "n_channels": wrapped.n_channels, "twin": twin}
    return Model(
        **{**stated, **known},
        run=wrapped.run,
        survey=wrapped.survey,
        known_layers=wrapped.paths,
        sha256=wrapped.digest(),
        architecture=wrapped.architecture(),
        n_bytes=wrapped.n_bytes,
    )


def _of_graph(graph: Graph, known: dict[str, Any]) -> Model:
    height, width = graph.input_shape[2:]

    def twin(seed: int) -> Model:
        drawn = redrawn(graph.proto, seed)
        return untrained(_of_graph(replace(graph, proto=drawn), {**known, "sha256": Graph.digest_of(drawn)}))

    stated = {
        "layers": graph.stages,
        "input_size": (height, width) if height and width else None,
        "n_channels": graph.input_shape[1],
        "twin": twin,
    }
    return Model(
        **{**stated, **known},
        run=graph.run,
        survey=graph.survey,
        known_layers=tuple(graph.tensors),
        n_bytes=graph.proto.ByteSize(),
    )


def _require_known(known: dict[str, Any], *found: str) -> None:
    """Refuse what is no field of a network, or is read from it and not stated."""
    stated = [field.name for field in fields(Model) if field.name not in found]
    for name in known:
        if name not in stated:
            message = f"A network has nothing called {name!r} that can be stated; there are: {', '.join(stated)}."
            raise DesignError(message)


def untrained(model: Model) -> Model:
    """Return the model under a name that says that it has learnt nothing."""
    return replace(
        model,
        name=model.name if model.name.endswith("-untrained") else f"{model.name}-untrained",
        title=f"{model.title}, untrained" if model.title else "",
        trained=False,
    )
