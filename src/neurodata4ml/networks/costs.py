"""What reading a network takes, said before: layers, bytes on disk and in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from neurodata4ml.errors import DesignError
from neurodata4ml.networks.images import Images
from neurodata4ml.networks.preprocessing import Preprocessing
from neurodata4ml.networks.projection import as_projection
from neurodata4ml.networks.showing import Showing, as_showing
from neurodata4ml.sparse_projection import BLOCK, Projection


@dataclass(frozen=True)
class Cost:
    """What :func:`~neurodata4ml.networks.activations.activations` takes. Bytes, estimated from shapes.

    Attributes
    ----------
    n_stimuli, n_batches, n_layers : int
    result : int
        The activations, float32: in memory without ``store=``, on disk (before compression) with it.
    working : int
        What one batch needs besides: the network, the images, the layers that are read, the projections.
    """

    n_stimuli: int
    n_batches: int
    n_layers: int
    result: int
    working: int

    @property
    def peak(self) -> int:
        """Peak memory without ``store=``."""
        return self.result + self.working

    @property
    def peak_with_store(self) -> int:
        """Peak memory with ``store=``."""
        return self.working

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"{self.n_layers} layers of {self.n_stimuli} images in {self.n_batches} batches: {_gb(self.result)} of "
            f"activations, {_gb(self.working)} to compute them; peak memory {_gb(self.peak)}, with store= "
            f"{_gb(self.peak_with_store)} and up to {_gb(self.result)} on disk"
        )


def activation_cost(
    model: Any,
    images: Images,
    *,
    layers: Sequence[str] | str | None = None,
    batch_size: int = 64,
    preprocessing: Preprocessing | None = None,
    project: float | None = None,
) -> Cost:
    """Return what :func:`~neurodata4ml.networks.activations.activations` would take with these arguments.

    Two images are shown to the network to learn the shapes of its layers. What a library needs within the network is
    not known from outside: counted are three copies of what is read of a batch, and six of the largest layer.

    Examples
    --------
    >>> import numpy as np
    >>> activation_cost("digits", np.zeros((100, 8, 8)), layers=["penultimate"]).result
    38400
    """
    showing = as_showing(model, images, preprocessing, batch_size)
    projection = as_projection(project, showing.n_stimuli, 0)
    names, widths = showing.chosen(layers), {layer.name: layer.n_features for layer in showing.survey()}
    unknown = [name for name in names if name not in widths]  # a node's name for its tensor, say
    if unknown:
        two = showing.model.run([np.repeat(showing.prepared(slice(0, 1)), 2, axis=0)], unknown)
        widths |= {name: values[0].size for name, values in next(two).items()}
    return cost_of(showing, {name: widths[name] for name in names}, projection, largest=max(widths.values()))


def layer_table(
    model: Any, images: Images | None = None, *, preprocessing: Preprocessing | None = None
) -> pd.DataFrame:
    """Return every layer of a network, in the order in which they answer.

    Parameters
    ----------
    model : str, Path, torch.nn.Module or Model
    images : DataArray or ndarray, optional
        The images that will be shown; the network sees two of them. Left out: one gray image of the network's size.
    preprocessing : Preprocessing, optional

    Returns
    -------
    DataFrame
        Per layer: ``layer``, ``kind`` (operator or class), ``shape`` of the response to one image, ``n_features``,
        ``bytes`` of the responses to all images (float32), ``default`` (read unless others are named) and ``problem``
        (why it cannot be read; empty where it can).

    Raises
    ------
    DesignError
        No images are given, and the network does not say their size.

    Examples
    --------
    >>> table = layer_table("digits")
    >>> table[table.default][["layer", "n_features"]].values.tolist()
    [['conv1', 1024], ['conv2', 512], ['penultimate', 96], ['logits', 10]]
    """
    if images is None:
        showing = as_showing(model, np.zeros((1, 1, 1)), preprocessing, 1)
        if showing.model.input_size is None:
            message = f"layer_table needs images: {showing.model.name!r} takes any size, and shapes depend on it."
            raise DesignError(message)
        images = np.full((1, showing.model.n_channels or 1, *showing.model.input_size), 0.5)
    showing = as_showing(model, images, preprocessing, 2)
    rows = [
        {
            "layer": layer.name,
            "kind": layer.kind,
            "shape": layer.shape,
            "n_features": layer.n_features,
            "bytes": 4 * layer.n_features * showing.n_stimuli,
            "default": layer.name in showing.model.layers,
            "problem": layer.problem,
        }
        for layer in showing.survey()
    ]
    return pd.DataFrame(rows)


def cost_of(showing: Showing, whole: dict[str, int], projection: Projection | None, *, largest: int = 0) -> Cost:
    """Return the cost of reading layers that have so many features each."""
    kept = {name: n if projection is None else min(n, projection.n_components) for name, n in whole.items()}
    batch = min(showing.batch_size, showing.n_stimuli)
    n_channels = max(showing.images.sizes.get("channel", 1), showing.model.n_channels or 1)
    pixels = n_channels * (int(np.prod(showing.shape)) + 2 * int(np.prod(showing.size)))
    wide = [(name, n) for name, n in whole.items() if kept[name] < n]
    signs = sum(12 * kept[name] * n / projection.spacing(n) for name, n in wide) if projection is not None else 0.0
    signs = 3 * signs + (3 * 8 * BLOCK if wide else 0)  # drawing one takes twice what it is
    inside = 4 * batch * (3 * sum(whole.values()) + 6 * max(largest, *whole.values()))
    network = 3 * showing.model.n_bytes  # ONNX: as read, as handed over, as prepared
    result = 4 * showing.n_stimuli * sum(kept.values())
    working = int(network + 8 * batch * pixels + inside + signs)
    return Cost(showing.n_stimuli, showing.n_batches, len(whole), result, working)


def require_memory(cost: Cost) -> None:
    """Refuse what would fill the memory.

    Raises
    ------
    DesignError
        The activations alone are larger than the memory that is free.
    """
    free = _free_memory()
    if free is not None and cost.result > free:
        message = (
            f"activations would hold {_gb(cost.result)} in memory, and {_gb(free)} are free: {cost}. "
            "Type store='activations.zarr' to write them to disk, project=0.2 to keep a projection, or fewer layers."
        )
        raise DesignError(message)


def _free_memory() -> int | None:
    """Return the bytes that can still be had; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


def _gb(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            return f"{size:.3g} {unit}"
        size /= 1000
    return ""
