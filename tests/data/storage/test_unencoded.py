"""Rows of chunks that were not encoded are what h5py reads, and nothing else of the chunks is."""

from __future__ import annotations

import io
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodata4ml.data.storage.file import StoredFile, open_stored
from neurodata4ml.data.storage.index import Dataset
from neurodata4ml.data.storage.sources.local import ObjectSource

KINDS: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("f8", (100,), {"chunks": (7,)}),
    ("i2", (100, 3), {"chunks": (16, 3)}),
    (">f4", (100, 3), {"chunks": (16, 3)}),
    ("f8", (100, 4), {"chunks": (16, 2)}),
    ("f8", (100,), {"chunks": (7,), "compression": "gzip"}),
    ("bool", (100,), {"chunks": (7,)}),
    ("f8", (100,), {}),
]


def stored(kind: str, shape: tuple[int, ...], how: dict[str, Any]) -> tuple[StoredFile, Dataset, np.ndarray]:
    memory = io.BytesIO()
    values = np.random.default_rng(0).integers(0, 99, shape).astype(kind)
    with h5py.File(memory, "w") as file:
        file.create_dataset("x", data=values, **how)
    file = open_stored(ObjectSource(memory))
    dataset = file.find("x").object
    assert isinstance(dataset, Dataset)
    return file, dataset, values


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(KINDS), st.lists(st.integers(0, 100), min_size=0, max_size=12, unique=True).map(sorted))
def test_rows_in_runs_are_the_rows(kind: tuple[str, tuple[int, ...], dict[str, Any]], edges: list[int]) -> None:
    file, dataset, values = stored(*kind)
    starts, stops = edges[0 : len(edges) // 2 * 2 : 2], edges[1::2]
    expected = np.concatenate([values[:0], *(values[a:b] for a, b in zip(starts, stops, strict=True))])
    found = file.runs(dataset, np.array(starts, int), np.array(stops, int))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype.newbyteorder("=")


def test_chunks_that_were_never_written_hold_the_fill_value() -> None:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.create_dataset("x", shape=(100,), chunks=(10,), dtype="f8", fillvalue=7.0)[20:30] = 1.0
    file = open_stored(ObjectSource(memory))
    dataset = file.find("x").object
    assert isinstance(dataset, Dataset)
    assert file.runs(dataset, [15, 28], [22, 32]).tolist() == [7.0] * 5 + [1.0] * 2 + [1.0] * 2 + [7.0] * 2


def test_only_the_rows_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    file, dataset, _ = stored("f8", (100_000,), {"chunks": (50_000,)})
    file.runs(dataset, [10], [20])  # now it is known where the chunks are
    read = list[tuple[int, int]]()
    source = file.source
    monkeypatch.setattr(source, "fill", lambda pieces: read.extend((start, len(room)) for start, room in pieces))
    file.runs(dataset, [10, 49_999], [20, 50_001])
    assert [size for _, size in read] == [80, 8, 8]
