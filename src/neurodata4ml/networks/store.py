"""Activations on disk: a Zarr store that grows batch by batch, and goes on where it was interrupted."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml import places
from neurodata4ml.errors import DesignError

Identity = dict[str, Any]
"""What makes two sets of activations the same, word for word; JSON keeps it as it is."""

CHUNK = 32_000_000
"""Bytes of a piece of a layer: whole batches, and as many features as this allows."""


class Writer:
    """Writes one set of activations; only one process at a time can, and a dead one stands in nobody's way.

    Batches come in order. One is finished when its numbers are on the disk and the attribute ``n_done`` counts it, in
    this order. The store has its name only once all its arrays are described, and says ``complete`` only when all
    batches are there.

    Parameters
    ----------
    path : Path
    identity : dict
        What the store must hold if it is there already.
    """

    def __init__(self, path: Path, identity: Identity) -> None:  # noqa: D107
        self.path, self.identity = path, identity
        self.attrs: dict[str, Any] = {}
        self.names: dict[str, str] = {}

    def __enter__(self) -> Writer:  # noqa: D105
        from filelock import FileLock, Timeout

        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            self.lock.acquire(timeout=0)
        except Timeout as failure:
            message = f"Another process is writing {self.path}. Wait for it, or name another store."
            raise DesignError(message) from failure
        try:
            self._resume()
        except BaseException:
            self.lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:  # noqa: D105
        self.lock.release()

    @property
    def is_begun(self) -> bool:
        """Whether the arrays are described."""
        return bool(self.names)

    @property
    def n_done(self) -> int:
        """The number of batches that are wholly on disk: the first ones."""
        return int(self.attrs.get("n_done", 0))

    def begin(self, layers: dict[str, xr.DataArray]) -> None:
        """Describe the arrays; their numbers are not looked at."""
        draft = self.path.with_name(f".{self.path.name}.part")
        shutil.rmtree(draft, ignore_errors=True)
        names = portable(list(layers))
        table = xr.Dataset({names[layer]: _described(x, names[layer], self._rows) for layer, x in layers.items()})
        told = {"identity": json.dumps(self.identity), "names": json.dumps(names)}
        table.attrs = self.attrs = {"activations": 1, "complete": False, "n_done": 0, **told}
        coding = {name: _coding(x, self._rows) for name, x in table.data_vars.items()}
        table.to_zarr(draft, mode="w-", compute=False, zarr_format=2, consolidated=False, encoding=coding)
        if self.path.is_dir():  # and empty: _resume has looked
            self.path.rmdir()
        os.rename(draft, self.path)
        self.names = names

    def write(self, batch: int, rows: slice, responses: dict[str, np.ndarray]) -> None:
        """Write the responses to one batch, and note that they are there."""
        import zarr

        for layer, values in responses.items():
            array = zarr.open_array(self.path / self.names[layer], mode="r+", zarr_format=2)
            array[rows] = values
        self._synced(batch)
        self._say(n_done=batch + 1)

    def finish(self) -> None:
        """Say that all is there."""
        import zarr

        if self.attrs["complete"] and (self.path / ".zmetadata").is_file():
            return
        for left in self.path.rglob("*.partial"):  # of a process that was killed
            left.unlink()
        self._say(complete=True)
        zarr.consolidate_metadata(self.path, zarr_format=2)

    @property
    def _rows(self) -> int:
        return int(self.identity["batch_size"])

    def _resume(self) -> None:
        if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
            return
        self.attrs = _attrs(self.path)
        found = json.loads(self.attrs["identity"])
        differ = [key for key in self.identity if found.get(key) != self.identity[key]]
        if differ:
            key = differ[0]
            message = (
                f"{self.path} holds other activations: {', '.join(differ)} differ{'s' * (len(differ) == 1)}; {key} is "
                f"{_short(found.get(key))} there, and {_short(self.identity[key])} is asked for. "
                "Name another store, or delete this one."
            )
            raise DesignError(message)
        self.names = json.loads(self.attrs["names"])

    def _say(self, **told: Any) -> None:
        self.attrs = {**self.attrs, **told}
        places.write_whole(self.path / ".zattrs", json.dumps(self.attrs))

    def _synced(self, batch: int) -> None:
        """Wait until the batch's pieces are on the disk: when the power goes, none may be counted and lost."""
        for name in self.names.values():
            for piece in (self.path / name).glob(f"{batch}.*"):
                with piece.open("rb") as file:
                    os.fsync(file.fileno())


def open_activations(path: str | Path) -> dict[str, xr.DataArray]:
    """Return the activations in a store, lazily: nothing is read until a number is needed.

    Parameters
    ----------
    path : str or Path
        What ``activations(..., store=path)`` made.

    Returns
    -------
    dict of str to DataArray, dims (stimulus, feature), float32, unitless
        As :func:`~neurodata4ml.networks.activations.activations` returns it, backed by dask.

    Raises
    ------
    DesignError
        There is no such store, or it is not complete.
    """
    path = Path(path).expanduser()
    attrs = _attrs(path)
    if not attrs["complete"] or not (path / ".zmetadata").is_file():
        n_batches = json.loads(attrs["identity"])["n_batches"]
        message = (
            f"{path} is not complete: {attrs['n_done']} of {n_batches} batches. Type the same "
            "activations(..., store=...) again; it goes on from there."
        )
        raise DesignError(message)
    table = xr.open_zarr(path, zarr_format=2, consolidated=True)
    return {layer: _opened(table[name], layer) for layer, name in json.loads(attrs["names"]).items()}


def portable(layers: list[str]) -> dict[str, str]:
    """Return a name for each layer that every file system can hold, and that no other layer has."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for k, layer in enumerate(layers):
        name = re.sub(r"[^A-Za-z0-9_.-]+", "_", layer)[:80].strip("._-") or "layer"
        name = name if name.casefold() not in taken else f"{name}.{k}"
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        found[layer] = name
    return found


def _described(x: xr.DataArray, name: str, rows: int) -> xr.DataArray:
    import dask.array as da

    lazy = da.zeros(x.shape, dtype=np.float32, chunks=_chunks(x.shape, rows))
    words = {key: c.astype(str) for key, c in x.coords.items() if c.dtype == object and _is_text(c)}
    x = x.copy(data=lazy).drop_vars("feature").assign_coords(words)  # of fixed width, which every Zarr reader knows
    return x.rename(feature=f"feature_{name}").rename(name)


def _is_text(labels: xr.DataArray) -> bool:
    return all(isinstance(label, str) for label in labels.values.ravel())


def _coding(x: xr.DataArray, rows: int) -> dict[str, Any]:
    from numcodecs import Blosc

    return {"chunks": _chunks(x.shape, rows), "compressors": (Blosc("zstd", clevel=1, shuffle=Blosc.SHUFFLE),)}


def _chunks(shape: tuple[int, ...], rows: int) -> tuple[int, int]:
    rows = min(rows, shape[0])
    return rows, int(min(shape[1], max(1, CHUNK // (4 * rows))))


def _opened(x: xr.DataArray, layer: str) -> xr.DataArray:
    dim = next(str(dim) for dim in x.dims if dim != "stimulus")
    x = x.rename({dim: "feature"}).rename(layer)
    x = x.assign_coords({name: coord.load() for name, coord in x.coords.items()})
    x.encoding = {}
    return x.assign_coords(feature=np.arange(x.sizes["feature"])).transpose("stimulus", "feature")


def _attrs(path: Path) -> dict[str, Any]:
    file = path / ".zattrs"
    attrs = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if attrs.get("activations") != 1:
        message = f"{path} is no store of activations. Type activations(model, images, store=...) with a new folder."
        raise DesignError(message)
    return dict(attrs)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
