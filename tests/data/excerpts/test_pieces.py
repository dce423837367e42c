"""Chosen rows of a dataset: what is read at once holds each of them once, in their order, and fits into memory."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurodata4ml.data.excerpts.pieces import BATCH, batches, row_bytes, runs_of
from neurodata4ml.data.storage.index import NUMBER, TEXT, Chunked, Contiguous, Dataset, Stored

DOUBLE = Stored(NUMBER, np.dtype("<f8"))


def column(n_rows: int, *, chunk: int = 0, n_columns: int = 1) -> Dataset:
    """A dataset that was not read, of ``n_columns`` doubles per row."""
    layout = Chunked((chunk, n_columns), (None,)) if chunk else Contiguous(100, 8 * n_rows * n_columns)
    return Dataset(1, (n_rows, n_columns), DOUBLE, layout)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=30))
def test_the_ranges_of_the_kept_units_are_apart_and_hold_their_rows_in_order(units: list[tuple[bool, int]]) -> None:
    """Units with their numbers of spikes, of which some are kept."""
    keep, counts = np.array([kept for kept, _ in units]), np.array([count for _, count in units])
    stops = np.cumsum(counts)
    runs = runs_of(keep, stops - counts, stops)
    assert [row for a, b in runs for row in range(a, b)] == np.flatnonzero(np.repeat(keep, counts)).tolist()
    assert all(a < b for a, b in runs)
    assert all(before[1] < after[0] for before, after in pairwise(runs))


@pytest.mark.parametrize("chunk", [0, 7, 100_000])
def test_rows_are_read_in_batches_that_fit_into_memory_and_part_where_a_chunk_ends(chunk: int) -> None:
    dataset = column(3_000_000, chunk=chunk, n_columns=8)
    runs = [(5, 20), (1_000, 2_400_001), (2_500_000, 3_000_000)]
    found = list(batches(dataset, runs))
    assert [row for batch in found for row in batch] == [row for batch in found for row in sorted(batch)]
    joined = sorted((a, b) for batch in found for a, b in batch)
    assert sum(b - a for a, b in joined) == sum(b - a for a, b in runs)
    for batch in found[:-1]:
        assert sum(b - a for a, b in batch) * row_bytes(dataset) <= BATCH + chunk * 64
        assert batch[-1][1] % max(chunk, 1) == 0
    assert len(found) == pytest.approx(sum(b - a for a, b in runs) * 64 / BATCH, abs=2)


def test_a_row_of_texts_is_taken_for_some_words() -> None:
    words = Dataset(1, (10,), Stored(TEXT, np.dtype("V16")), Contiguous(0, 160))
    assert row_bytes(words) == 64
