"""Zarr stores to damage, and their damages: numbers and words of documents, chunks, files that lack or are others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from zarr_samples import unpacked_sample

Store = dict[str, bytes]
"""The files of a store by their names."""

DOCUMENTS = (".zarray", ".zgroup", ".zattrs", ".zmetadata", "zarr.json")


def stores(folder: Path) -> dict[str, Store]:
    """Return stores: what hdmf-zarr wrote, and small ones of both versions of the format."""
    sample = files_of(unpacked_sample(folder) / "session.nwb.zarr")
    return {
        "consolidated": sample,
        "hdmf": {name: content for name, content in sample.items() if name != ".zmetadata"},
        "version2": files_of(_made(folder / "two.nwb.zarr", 2)),
        "version3": files_of(_made(folder / "three.nwb.zarr", 3)),
    }


def files_of(folder: Path) -> Store:
    """Return the files of a folder, without the specifications."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in files.items() if not name.startswith("specifications/")}


def _made(folder: Path, version: int) -> Path:
    rng, codec = np.random.default_rng(0), {"compressors": "auto"}
    root = zarr.open_group(folder, mode="w", zarr_format=version)
    root.attrs.update({"nwb_version": "2.9.0", "neurodata_type": "NWBFile", "namespace": "core"})
    series = root.create_group("acquisition").create_group("speed")
    series.attrs.update({"neurodata_type": "TimeSeries", "namespace": "core"})
    data = series.create_array("data", shape=(30, 4), chunks=(8, 3), dtype="<i2", fill_value=7, **codec)
    data[:20] = rng.integers(0, 99, (20, 4))
    data.attrs.update({"unit": "V", "conversion": 0.5})
    clock = series.create_array("timestamps", shape=(30,), chunks=(16,), dtype=">f8", compressors=None)
    clock[:] = np.arange(30) / 10
    flag = root.create_array("flag", shape=(5,), chunks=(5,), dtype="bool")
    flag[:] = [True, False, True, True, False]
    return folder


def mutants(sources: dict[str, Store], n: int, seed: int) -> Iterator[tuple[str, str, Store]]:
    """Yield n times the name of a source, of the mutant, and its files."""
    names = sorted(sources)
    for k in range(n):
        rng = np.random.default_rng([seed, k])
        name, kind = names[k % len(names)], KINDS[(k // len(names)) % len(KINDS)]
        yield name, f"{name}/{kind.__name__}/{seed}-{k}", kind(dict(sources[name]), rng)


def _some(store: Store, rng: np.random.Generator, *, documents: bool) -> str:
    names = sorted(name for name in store if (name.rpartition("/")[2] in DOCUMENTS) == documents)
    return names[rng.integers(len(names))]


def number(store: Store, rng: np.random.Generator) -> Store:
    """Change a number of a document."""
    name = _some(store, rng, documents=True)
    places = list(re.finditer(rb"\d+", store[name]))
    if places:
        place = places[rng.integers(len(places))]
        odd: Any = rng.choice([b"0", b"1", b"-1", b"3", b"999999999999", b"1e300", b"null", b"[]", b"9" * 400])
        store[name] = store[name][: place.start()] + bytes(odd) + store[name][place.end() :]
    return store


WORDS = (b'"../../etc"', b'"/"', b'""', b'"pickle"', b'"|O"', b'"<f8"', b'".."', b'"acquisition"', b"{}", b"7")


def word(store: Store, rng: np.random.Generator) -> Store:
    """Change a word of a document."""
    name = _some(store, rng, documents=True)
    places = list(re.finditer(rb'"[^"]*"', store[name]))
    if places:
        place = places[rng.integers(len(places))]
        odd = WORDS[rng.integers(len(WORDS))]
        store[name] = store[name][: place.start()] + odd + store[name][place.end() :]
    return store


def byte_of_a_document(store: Store, rng: np.random.Generator) -> Store:
    """Change bytes of a document."""
    return _changed(store, _some(store, rng, documents=True), rng)


def byte_of_a_chunk(store: Store, rng: np.random.Generator) -> Store:
    """Change bytes of a chunk, often where its header is."""
    return _changed(store, _some(store, rng, documents=False), rng)


def _changed(store: Store, name: str, rng: np.random.Generator) -> Store:
    content = bytearray(store[name])
    for _ in range(rng.integers(1, 4)):
        if content:
            end = len(content) if rng.random() < 0.5 else min(len(content), 24)
            content[int(rng.integers(end))] ^= 1 << int(rng.integers(8))
    return {**store, name: bytes(content)}


def cut(store: Store, rng: np.random.Generator) -> Store:
    """Cut a file off."""
    name = sorted(store)[rng.integers(len(store))]
    return {**store, name: store[name][: int(rng.integers(0, len(store[name]) + 1))]}


def gone(store: Store, rng: np.random.Generator) -> Store:
    """Take a file away."""
    names = sorted(store)
    del store[names[rng.integers(len(names))]]
    return store


def other(store: Store, rng: np.random.Generator) -> Store:
    """Put one file in the place of another one."""
    names = sorted(store)
    return {**store, names[rng.integers(len(names))]: store[names[rng.integers(len(names))]]}


KINDS = (number, word, byte_of_a_document, byte_of_a_chunk, cut, gone, other)
