"""What tests of Zarr stores share: the sample by hdmf-zarr, reading the plain way, stores written by hand."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from archive import Archive
from conftest import ROOT
from neurodata4ml.data.remote.addresses import Reach
from neurodata4ml.data.storage.index import Dataset, Group, Index, Keyed
from neurodata4ml.data.storage.sources.prefix import Prefix
from neurodata4ml.data.storage.store import Store
from neurodata4ml.data.storage.zarr.chunks import chunk_bytes, chunk_name, decode_chunk, fill_of

SAMPLE = ROOT / "tests" / "data" / "nwb" / "hdmf_zarr_sample.zip"
"""Written by ``tools/write_zarr_sample.py``."""


def unpacked_sample(folder: Path) -> Path:
    """Return a folder with ``session.nwb.zarr``, by hdmf-zarr, and ``session.nwb``, the same by pynwb."""
    with zipfile.ZipFile(SAMPLE) as outer, zipfile.ZipFile(io.BytesIO(outer.read("files.zip"))) as inner:
        inner.extractall(folder)
    return folder


def values(store: Store, dataset: Dataset) -> np.ndarray:
    """Read a dataset the plain way: chunk by chunk."""
    layout = dataset.layout
    assert isinstance(layout, Keyed)
    assert dataset.shape is not None
    whole = np.empty(dataset.shape, dataset.stored.dtype)
    places = list(itertools.product(*(range(-(-n // k)) for n, k in zip(dataset.shape, layout.shape, strict=True))))
    for number, data in store.read_many([chunk_name(layout, place) for place in places], chunk_bytes(dataset)):
        outside = tuple(slice(at * k, (at + 1) * k) for at, k in zip(places[number], layout.shape, strict=True))
        target = whole[(*outside, ...)]
        inside = tuple(slice(0, n) for n in target.shape)
        target[...] = fill_of(dataset) if data is None else decode_chunk(dataset, data)[(*inside, ...)]
    return whole


def dataset_of(index: Index, path: str) -> Dataset:
    found = index.objects[path]
    assert isinstance(found, Dataset), index.damaged
    return found


def group_of(index: Index, path: str) -> Group:
    found = index.objects[path]
    assert isinstance(found, Group)
    return found


def copied(sample: Path, folder: Path) -> Path:
    return Path(shutil.copytree(sample / "session.nwb.zarr", folder / "session.nwb.zarr"))


def put(archive: Archive, folder: Path, name: str = "s.nwb.zarr") -> Prefix:
    """Put a store on the loopback archive."""
    for path in folder.rglob("*"):
        if path.is_file():
            archive.put(f"{name}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return Prefix(f"{archive.root}/files/{name}", reach=Reach(named=(archive.root,)))


def bare(folder: Path, document: dict[str, Any], attrs: dict[str, Any] | None = None) -> None:
    """Write a store with one array, ``x``, of no chunks."""
    (folder / "x").mkdir()
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / "x" / ".zarray").write_text(json.dumps(document))
    (folder / "x" / ".zattrs").write_text(json.dumps(attrs or {}))
