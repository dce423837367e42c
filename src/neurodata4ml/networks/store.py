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

        self.lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.lock.acquire(timeout=0)
        except Timeout as failure:
            message = f"Another process is writing {self.path}. Wait for it, or name another store."
            raise DesignError(message) from failure
        except OSError as failure:
            message = f"{self.path} cannot be written ({failure}). Name another store, in a folder that you may write."
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
            # pieces of nothing but 0 too: a piece that is missing was lost
            array = zarr.open_array(
                self.path / self.names[layer], mode="r+", zarr_format=2, config={"write_empty_chunks": True}
            )
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
        _require_pieces(self.path, self.names, self.n_done)

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
        There is no such store, it is not complete, or a part of it is missing.
    """
    path = as_path(path)
    attrs = _attrs(path)
    if not attrs["complete"] or not (path / ".zmetadata").is_file():
        n_batches = json.loads(attrs["identity"])["n_batches"]
        message = (
            f"{path} is not complete: {attrs['n_done']} of {n_batches} batches. Type the same "
            "activations(..., store=...) again; it goes on from there."
        )
        raise DesignError(message)
    _require_pieces(path, json.loads(attrs["names"]), int(attrs["n_done"]))
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
    try:
        attrs = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError:  # cut off, or no text
        attrs = {}
    if not isinstance(attrs, dict) or attrs.get("activations") != 1:
        message = f"{path} is no store of activations. Type activations(model, images, store=...) with a new folder."
        raise DesignError(message)
    return dict(attrs)


def _require_pieces(path: Path, names: dict[str, str], n_done: int) -> None:
    """Refuse a store some of whose files were lost: Zarr would read zeros in their place."""
    for layer, name in names.items():
        file = path / name / ".zarray"
        told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
        n_columns = 0 if told is None else -(-told["shape"][1] // told["chunks"][1])
        found = {piece.name for piece in (path / name).glob("*.*")}
        lost = [f"{k}.{j}" for k in range(n_done) for j in range(n_columns) if f"{k}.{j}" not in found]
        if told is None or lost:
            pieces = "1 piece is" if len(lost) == 1 else f"{len(lost)} pieces are"
            what = pieces if told else "all is"
            message = (
                f"{path} is damaged: of the layer {layer!r}, {what} missing. "
                f"Delete the store and type activations(..., store=...) again."
            )
            raise DesignError(message)


def as_path(path: str | Path) -> Path:
    """Return the path of a store, which has a name of its own.

    Raises
    ------
    DesignError
        It is no path, or one without a name such as "." or "/".
    """
    if not isinstance(path, str | os.PathLike) or not Path(path).expanduser().name:
        message = f'A store is a new folder with a name, such as store="net.zarr"; got {path!r}.'
        raise DesignError(message)
    return Path(path).expanduser()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
