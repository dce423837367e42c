"""Chosen rows of a dataset: the pieces that are read hold each of them once, and of plain numbers little else."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import h5py
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodata4ml.data.excerpts.pieces import BATCH, Job, Piece, batches, inside, pieces, runs_of, storage

HOW: list[dict[str, Any]] = [
    {},
    {"chunks": (7,), "maxshape": (None,)},
    {"chunks": (100,), "maxshape": (None,)},
    {"chunks": (7,), "maxshape": (None,), "compression": "gzip"},
    {"chunks": (33,), "maxshape": (None,), "shuffle": True},
    {"maxshape": (None,)},
]


def stored(values: np.ndarray, **how: Any) -> tuple[bytes, h5py.Dataset]:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file["before"] = np.arange(100)
        file.create_dataset("x", data=values, **how)
    return memory.getvalue(), h5py.File(memory)["x"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=30),
    st.sampled_from(HOW),
    st.sampled_from(["f8", "i4", ">i2", "bool", "U"]),
)
def test_the_rows_of_the_kept_units_come_out_in_their_order(
    units: list[tuple[bool, int]], how: dict[str, Any], kind: str
) -> None:
    """Units with their numbers of spikes, of which some are kept."""
    keep, counts = np.array([kept for kept, _ in units]), np.array([count for _, count in units])
    stops = np.cumsum(counts)
    values = np.random.default_rng(0).permutation(counts.sum())
    text = [f"spike {value}" for value in values]
    if not len(values):
        return
    content, dataset = stored(np.array(text, dtype=object) if kind == "U" else values.astype(kind), **how)
    runs = runs_of(keep, stops - counts, stops)
    found: list[Any] = []
    for piece in pieces(Job(dataset, dataset, runs)):
        rows = dataset[piece.start : piece.stop]
        if piece.is_plain:
            ((offset, size),) = piece.ranges
            np.testing.assert_array_equal(np.frombuffer(content[offset : offset + size], dataset.dtype), rows)
        elif kind != "U":
            assert set(piece.ranges) <= set(storage(dataset))
        for a, b in inside(runs, piece.start, piece.stop):
            found.extend(rows[a - piece.start : b - piece.start].tolist())
    expected = [dataset[a:b].tolist() for a, b, kept in zip(stops - counts, stops, keep, strict=True) if kept]
    assert found == [value for unit in expected for value in unit]
    assert all(a < b for a, b in runs)
    assert all(before[1] < after[0] for before, after in pairwise(runs))


def test_between_the_rows_of_a_long_column_nothing_is_read() -> None:
    _, dataset = stored(np.zeros(100_000))
    runs = [(10, 20), (50_000, 60_000), (99_999, 100_000)]
    sizes = [size for piece in pieces(Job(dataset, dataset, runs)) for _, size in piece.ranges]
    assert sizes == [80, 80_000, 8]


def test_of_packed_chunks_only_those_with_a_row_are_read() -> None:
    _, dataset = stored(np.random.default_rng(0).normal(size=100_000), chunks=(1_000,), compression="gzip")
    touched = list(pieces(Job(dataset, dataset, [(10, 20), (50_500, 51_500)])))
    assert [(piece.start, piece.stop) for piece in touched] == [(10, 20), (50_500, 51_000), (51_000, 51_500)]
    assert sum(size for piece in touched for _, size in piece.ranges) < dataset.id.get_storage_size() / 25


def test_rows_of_a_matrix_are_whole() -> None:
    values = np.random.default_rng(0).normal(size=(50, 6))
    for how in ({}, {"chunks": (8, 6)}, {"chunks": (8, 4)}, {"chunks": (8, 4), "compression": "gzip"}):
        content, dataset = stored(values, **how)
        touched = list(pieces(Job(dataset, dataset, [(3, 5), (20, 40)])))
        assert {row for piece in touched for row in range(piece.start, piece.stop)} >= {3, 4, *range(20, 40)}
        for piece in touched:
            if piece.is_plain:
                offset, size = piece.ranges[0]
                rows = np.frombuffer(content[offset : offset + size]).reshape(-1, 6)
                np.testing.assert_array_equal(rows, values[piece.start : piece.stop])
        assert touched[0].is_plain == ("compression" not in how and how.get("chunks") != (8, 4))


def test_chunks_that_were_never_written_are_left_to_hdf5() -> None:
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        file.create_dataset("x", shape=(100,), chunks=(10,), dtype="f8", fillvalue=7.0)[20:30] = 1.0
    dataset = h5py.File(memory)["x"]
    touched = list(pieces(Job(dataset, dataset, [(0, 100)])))
    assert not any(piece.is_plain for piece in touched)
    assert [len(piece.ranges) for piece in touched] == [0, 0, 1, *[0] * 7]


def test_pieces_are_read_in_batches_that_fit_into_memory() -> None:
    _, dataset = stored(np.zeros(10))
    job = Job(dataset, dataset, [(0, 10)])
    sizes = [BATCH // 3, BATCH // 3, BATCH // 3, BATCH // 2, 2 * BATCH, 1]
    todo = [Piece(job, 0, 1, [(0, size)]) for size in sizes]
    assert [[piece.weight for piece in batch] for batch in batches(todo)] == [
        [BATCH // 3] * 3,
        [BATCH // 2],
        [2 * BATCH],
        [8],
    ]
