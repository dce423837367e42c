"""Embeddings learnt by contrast: samples near in time, or in behaviour, come to lie near each other (CEBRA)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.latents.samples import need, numbered, require_variance
from neurodata4ml.dims import feature_dim, to_matrix
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.suggest import guess


def contrastive(
    x: xr.DataArray,
    n_components: int,
    seed: int,
    *,
    labels: str | None = None,
    max_iterations: int = 5000,
    batch_size: int = 512,
    learning_rate: float = 3e-4,
    time_offsets: int = 10,
    temperature: float = 1.0,
    architecture: str = "offset10-model",
    device: str = "cpu",
) -> xr.Dataset:
    """Keep what tells moments apart: CEBRA (Schneider, Lee & Mathis 2023, Nature 617:360), a small network.

    ``labels``: a coordinate on time, on trial or on both, numbers for a continuous behaviour such as position,
    integers or words for classes; samples alike in it are pulled together (CEBRA-Behavior). None: samples less than
    ``time_offsets`` bins apart are (CEBRA-Time). Labels shape the embedding: that they can be decoded from it is no
    finding unless the samples tested were left out of the fit.

    Trials are joined end to end. The other options are those of ``cebra.CEBRA``. One seed gives one embedding on one
    machine's processor. The embedding is not linear: there are no loadings and no explained variance; ``loss``
    (iteration) shows whether ``max_iterations`` were enough.
    """
    units = feature_dim(x, step="latents")
    dims: list[str] = [dim for dim in ("trial", "time") if dim in x.dims]
    if x.ndim != len(dims) + 1 or not dims:
        message = f"latents(method='cebra') takes (trial, time, {units}); got ({', '.join(map(str, x.dims))})."
        raise DimensionError(message)
    matrix = to_matrix(x, rows=dims, columns=units)
    require_variance(matrix, n_components)
    behaviour = [] if labels is None else [_labels(x, labels, dims)]
    with _torch_seed(seed):
        model = _seeded(seed)(
            model_architecture=architecture,
            conditional="time" if labels is None else "time_delta",
            output_dimension=n_components,
            max_iterations=max_iterations,
            batch_size=min(batch_size, len(matrix)),
            learning_rate=learning_rate,
            time_offsets=time_offsets,
            temperature=temperature,
            device=device,
        )
        model.fit(matrix.astype(np.float32), *behaviour)
        embedding = np.asarray(model.transform(matrix.astype(np.float32)), dtype=np.float64)
    shape = (*(x.sizes[dim] for dim in dims), n_components)
    return xr.Dataset(
        {
            "latents": ((*dims, "component"), embedding.reshape(shape), {"units": "1"}),
            "loss": ("iteration", np.asarray(model.state_dict_["loss"], dtype=np.float64), {"units": "1"}),
        },
        coords={**x.coords, "component": numbered(n_components)},
        attrs={"n_samples": len(matrix), "n_units": matrix.shape[1], "labels": labels or "time"},
    )


def _labels(x: xr.DataArray, name: str, dims: list[str]) -> np.ndarray:
    """Return the label of every sample: numbers as float32, classes as integers."""
    known = [str(other) for other, coord in x.coords.items() if coord.dims and set(coord.dims) <= set(dims)]
    if name not in known:
        message = (
            f"latents(method='cebra') needs the coordinate {name!r} on {' or '.join(map(repr, dims))}, and there is "
            f"none.{guess(name, known)} There are: {', '.join(known) or 'none'}."
        )
        raise DimensionError(message)
    values = x[name].broadcast_like(x.isel({dim: 0 for dim in x.dims if dim not in dims}, drop=True))
    flat = values.transpose(*dims).values.ravel()
    if flat.dtype.kind == "f":
        if not np.isfinite(flat).all():
            message = (
                f"latents(method='cebra'): {int((~np.isfinite(flat)).sum())} of {flat.size} samples have no {name!r} "
                f"(NaN). Leave them out: x.isel(time=x.{name}.notnull().values)."
            )
            raise DesignError(message)
        return np.asarray(flat, dtype=np.float32)
    return np.asarray(np.unique(flat.astype(str), return_inverse=True)[1], dtype=np.int64)


def _seeded(seed: int) -> Any:
    """Return ``cebra.CEBRA`` as a class whose batches are drawn by ``seed``: CEBRA itself draws them by the clock."""
    cebra = need("cebra", method="cebra", extra="cebra")

    class Seeded(cebra.CEBRA):  # type: ignore[misc, name-defined]
        def _prepare_loader(self, *args: Any, **keywords: Any) -> Any:
            loader, solver = super()._prepare_loader(*args, **keywords)
            for part in (loader.distribution, *vars(loader.distribution).values()):
                if hasattr(part, "generator"):
                    part.generator.manual_seed(seed)
            return loader, solver

    return Seeded


@contextmanager
def _torch_seed(seed: int) -> Iterator[None]:
    """Seed the global chance of torch and numpy, which CEBRA draws from, and put both back."""
    torch = need("torch", method="cebra", extra="cebra")
    before, state = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(state)
        np.random.set_state(before)  # noqa: NPY002
