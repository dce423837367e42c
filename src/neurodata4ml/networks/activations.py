"""Show images to a network and read its layers, as arrays of the same kind as neural responses."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.dims import add_step, provenance
from neurodata4ml.networks import progress as bars
from neurodata4ml.networks.costs import Cost, cost_of, require_memory
from neurodata4ml.networks.images import Images
from neurodata4ml.networks.preprocessing import Preprocessing
from neurodata4ml.networks.projection import as_projection
from neurodata4ml.networks.showing import Showing, as_showing
from neurodata4ml.networks.store import Identity, Writer, as_path, open_activations
from neurodata4ml.require import require_whole
from neurodata4ml.sparse_projection import Projection

LOG = logging.getLogger("neurodata4ml.networks")


def activations(
    model: Any,
    images: Images,
    *,
    layers: Sequence[str] | str | None = None,
    batch_size: int = 64,
    preprocessing: Preprocessing | None = None,
    project: float | None = None,
    seed: int = 0,
    store: str | Path | None = None,
    progress: bars.Progress | bool | None = None,
) -> dict[str, xr.DataArray]:
    """Return every layer's response to every image.

    A network's layer becomes what a brain area is: rows are stimuli, columns are units (here features), so that both
    can be compared. Unless ``preprocessing`` says otherwise, images are resized to the network's input (antialiased
    bilinear, aspect not kept). Gray is repeated over the channels, and pixels are scaled as the network asks; what was
    done stands in ``attrs["preprocessing"]``. Dropout is off and batch norm takes its stored numbers.

    Parameters
    ----------
    model : str, Path, torch.nn.Module or Model
        What :func:`~neurodata4ml.networks.models.load_model` takes.
    images : DataArray, dims (stimulus, y, x) or (stimulus, channel, y, x), or ndarray in that order
        uint8 (0..255) or float (0..1). Labels along ``stimulus`` are carried over.
    layers : sequence of str, or "all", optional
        For ONNX, names of tensors or nodes; for torch, paths of modules. Default: the model's own list. ``"all"``:
        everything that has one response to each image, as :func:`~neurodata4ml.networks.costs.layer_table` lists it.
    batch_size : int
        Images shown at once. Only memory and speed depend on it: results are the same, to the bit for the shipped
        networks, and up to rounding (about 1e-6) where a library chooses its algorithm by the batch, as torch does.
    preprocessing : Preprocessing, optional
        Gray, contrast, degrees of visual angle, acuity.
    project : int or float, optional
        Keep a sparse random projection of each layer that is wider: a number of components, or the distortion of
        squared distances that is allowed (0.2). The whole layer is held for one batch at most. See
        :class:`~neurodata4ml.sparse_projection.Projection`; what is promised stands in ``attrs["projection"]`` and
        ``attrs["distortion"]`` (NaN: nothing below 1).
    seed : int
        Of the projection. Nothing else is random.
    store : path, optional
        A folder to be made, a Zarr store (version 2): each batch is written as it comes, what is finished is not
        computed again after an interruption, and the arrays come back lazy. Without it everything is in memory.
    progress : callable, bool or None
        A function is called with (images shown, images in all); ``False`` shows nothing; by default there is a bar
        where stderr is a terminal, else a line every half a minute.

    Returns
    -------
    dict of str to DataArray, dims (stimulus, feature), float32, unitless
        Features are the layer's elements in C order (channel, y, x), labelled 0, 1, 2, ...

    Raises
    ------
    CatalogError
        No such network or layer.
    DimensionError
        The images lack a dim, have values outside their range, or too many channels.
    DesignError
        ``batch_size`` is below 1, a layer does not give one response per image, the result does not fit into memory, or
        the store holds other activations than these, is damaged, or cannot be written.

    Examples
    --------
    >>> import numpy as np
    >>> found = activations("digits", np.zeros((3, 8, 8)), layers=["penultimate"])
    >>> found["penultimate"].sizes
    Frozen({'stimulus': 3, 'feature': 96})
    """
    require_whole(seed, "seed", least=0)
    showing = as_showing(model, images, preprocessing, batch_size)
    projection = as_projection(project, showing.n_stimuli, seed)
    names = showing.chosen(layers)
    what = f"activations of {showing.model.name}"
    with bars.shown(progress, what) as tell:
        if store is None:
            return _in_memory(showing, names, projection, tell)
        return _in_store(showing, names, projection, as_path(store), tell)


def _in_memory(
    showing: Showing, names: list[str], projection: Projection | None, tell: bars.Progress
) -> dict[str, xr.DataArray]:
    found: dict[str, np.ndarray] = {}
    whole: dict[str, int] = {}
    for batch, answer in enumerate(_answers(showing, range(showing.n_batches), names, projection, whole)):
        if not found:
            require_memory(_stated(showing, whole, projection))
            found = {name: np.empty((showing.n_stimuli, v.shape[1]), np.float32) for name, v in answer.items()}
        rows = showing.rows(batch)
        for name in names:
            found[name][rows] = answer[name]
        tell(rows.stop, showing.n_stimuli)
    return {name: _labelled(found[name], showing, name, whole[name], projection) for name in names}


def _in_store(
    showing: Showing, names: list[str], projection: Projection | None, path: Path, tell: bars.Progress
) -> dict[str, xr.DataArray]:
    whole: dict[str, int] = {}
    with Writer(path, _identity(showing, names, projection)) as writer:
        todo = range(writer.n_done, showing.n_batches)
        for batch, answer in zip(todo, _answers(showing, todo, names, projection, whole), strict=True):
            if not writer.is_begun:
                _stated(showing, whole, projection)
                shapes = {
                    name: np.broadcast_to(np.float32(0), (showing.n_stimuli, v.shape[1])) for name, v in answer.items()
                }
                writer.begin({n: _labelled(v, showing, n, whole[n], projection) for n, v in shapes.items()})
            rows = showing.rows(batch)
            writer.write(batch, rows, answer)
            tell(rows.stop, showing.n_stimuli)
        writer.finish()
    return open_activations(path)


def _answers(
    showing: Showing, which: Sequence[int], names: list[str], projection: Projection | None, whole: dict[str, int]
) -> Iterator[dict[str, np.ndarray]]:
    """Yield the responses to each batch, projected; note in ``whole`` how many features each layer has."""
    matrices: dict[str, Any] = {}
    for answer in showing.answers(which, names):
        for name, values in answer.items():
            whole[name] = values.shape[1]
            if projection is not None and values.shape[1] > projection.n_components:
                if name not in matrices:
                    matrices[name] = projection.matrix(name, values.shape[1])
                answer[name] = projection.apply(values, matrices[name])
        yield answer


def _stated(showing: Showing, whole: dict[str, int], projection: Projection | None) -> Cost:
    """Log what the work will take, known after the first batch, and return it."""
    cost = cost_of(showing, whole, projection)
    LOG.info("%s", cost)
    return cost


def _identity(showing: Showing, names: list[str], projection: Projection | None) -> Identity:
    """Return what makes two sets of activations the same, word for word."""
    model = showing.model
    return {
        "model": model.name,
        "model_sha256": model.sha256,
        "architecture": model.architecture,
        "preprocessing": showing.words(),
        "images_sha256": showing.digest(),
        "layers": names,
        "batch_size": showing.batch_size,
        "projection": None if projection is None else [projection.n_components, projection.seed],
        "n_batches": showing.n_batches,
    }


def _labelled(
    values: np.ndarray, showing: Showing, layer: str, n_features: int, projection: Projection | None
) -> xr.DataArray:
    model, how = showing.model, showing.words()
    found = xr.DataArray(
        values,
        dims=("stimulus", "feature"),
        coords={**showing.labels(), "feature": np.arange(values.shape[1])},
        name=layer,
    )
    told = {"model": model.name, "layer": layer, "preprocessing": how, "model_sha256": model.sha256, "units": "1"}
    found.attrs = {**provenance(showing.images), **told}
    if projection is not None and n_features > projection.n_components:
        promised = projection.distortion if np.isfinite(projection.distortion) else float("nan")
        told["projection"] = projection.words(n_features)
        found.attrs |= {"projection": told["projection"], "distortion": promised, "n_features": n_features}
    add_step(found, "activations", model=model.name, layer=layer, preprocessing=how, sha256=model.sha256)
    return found if "projection" not in told else add_step(found, "projection", how=told["projection"])
