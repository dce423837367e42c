"""What is read of an array: the values that were asked for, and hardly another byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurodata4ml.data.storage.file import StoredFile
from neurodata4ml.data.storage.index import Dataset
from neurodata4ml.data.storage.source import Cost, Span
from neurodata4ml.data.storage.sources.local import LocalSource
from neurodata4ml.data.storage.values import chunked, crew, runs, tables
from neurodata4ml.data.storage.values.runs import plan_runs, read_runs
from neurodata4ml.data.storage.values.selection import select
from neurodata4ml.errors import LayoutError


class Bytes:
    """A source in memory that counts what is asked of it."""

    name, key, is_remote = "memory", "", False

    def __init__(self, data: bytes) -> None:
        self.data, self.size, self.n_read, self.n_spans = data, len(data), 0, 0

    def read(self, start: int, stop: int) -> bytes:
        self.n_read, self.n_spans = self.n_read + stop - start, self.n_spans + 1
        return self.data[start:stop]

    def read_many(self, spans: Sequence[Span]) -> Iterator[tuple[int, bytes]]:
        for place, span in reversed(list(enumerate(spans))):
            yield place, self.read(*span)

    def fill(self, pieces: Sequence[tuple[int, memoryview]]) -> None:
        for start, buffer in pieces:
            buffer[:] = self.read(start, start + len(buffer))

    def cost(self, spans: Sequence[Span]) -> Cost:
        return Cost(sum(b - a for a, b in spans), len(spans))

    def close(self) -> None: ...


KEYS: list[Any] = [
    None,
    3,
    (slice(2, 19, 3), 4),
    (slice(None), slice(1, 7, 2)),
    (np.array([0, 1, 2, 7, 8, 30]), slice(2, 5)),
    (slice(None), np.array([0, 5, 8])),
    (..., 0),
    (5, np.array([1, 2, 3]), 2),
    (slice(4, 4),),
    np.array([-1]),
]


@pytest.mark.parametrize("most_runs", [7, 1 << 22])
@pytest.mark.parametrize("key", KEYS, ids=str)
def test_runs_of_bytes_hold_what_numpy_selects(key: Any, most_runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MOST_RUNS", most_runs)
    array = np.arange(40 * 9 * 4, dtype="<i4").reshape(40, 9, 4)
    source, selection = Bytes(b"head" + array.tobytes()), select(key, array.shape)
    values = read_runs(source, 4, selection, array.dtype)
    np.testing.assert_array_equal(values.reshape(selection.result_shape), array[key if key is not None else ...])
    assert source.n_read <= array.nbytes


def test_neighbours_are_read_together_and_long_ways_between_are_not() -> None:
    shape = (1000, 1000)
    near, far = select((slice(0, 10), 0), shape), select((slice(0, 10), 0), (1000, 100_000))
    assert len(plan_runs(0, near, 8).groups) == 1
    assert len(plan_runs(0, far, 8).groups) == 10
    long = select((slice(0, 10), slice(0, 100_000)), (1000, 100_001))
    assert [has_gaps for _, _, has_gaps in plan_runs(0, long, 8).groups] == [False] * 10


def test_what_is_read_in_one_go_is_bounded() -> None:
    plan = plan_runs(0, select((slice(None), 0), (1_000_000, 100)), 8)
    longest = max(stop - start for start, stop in (plan.span(a, b) for a, b, _ in plan.groups))
    assert longest < 2 * runs.LONGEST


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (5, "there is no place 5 on an axis of 5"),
        ((0, 0, 0), "has more indices than the array has axes"),
        (slice(None, None, -1), "goes backwards"),
        (np.array([3, 1]), "rises within 0 and 4"),
        (np.array([0.5]), "an index is a whole number"),
        ((np.array([0, 2]), np.array([0, 2])), "has several vectors"),
    ],
)
def test_a_place_that_is_not_there_is_an_index_error(key: Any, why: str) -> None:
    with pytest.raises(IndexError, match=why):
        select(key, (5, 5))


@pytest.fixture
def many_chunks(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=np.arange(20_000.0), chunks=(7,), compression="gzip")
        grid = np.arange(300 * 50, dtype="i2").reshape(300, 50)
        file.create_dataset("grid", data=grid, chunks=(3, 4), shuffle=True, compression="gzip")
    return tmp_path / "x.h5"


def opened(path: Path, name: str) -> tuple[StoredFile, Dataset]:
    file = StoredFile(LocalSource(path))
    dataset = file.find(name).object
    assert isinstance(dataset, Dataset)
    return file, dataset


@pytest.mark.parametrize("seed", range(5))
def test_thousands_of_small_chunks_are_found_row_by_row(many_chunks: Path, seed: int) -> None:
    chance = np.random.default_rng(seed)
    file, x = opened(many_chunks, "x")
    whole = np.arange(20_000.0)
    for _ in range(6):
        start, stop = np.sort(chance.integers(0, 20_000, 2)).tolist()
        key: Any = slice(start, stop, int(chance.integers(1, 40)))
        np.testing.assert_array_equal(file.values(x, key), whole[key])
        key = np.unique(chance.integers(0, 20_000, 300))
        np.testing.assert_array_equal(file.values(x, key), whole[key])
    _, grid = opened(many_chunks, "grid")
    key = (slice(start % 300, None), np.array([0, 3, 4, 49]))
    np.testing.assert_array_equal(file.values(grid, key), np.arange(300 * 50).reshape(300, 50)[key])


def test_only_the_needed_part_of_a_table_of_chunks_is_looked_up(
    many_chunks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[int, int]] = []
    plain = tables.find_chunks
    monkeypatch.setattr(
        tables,
        "find_chunks",
        lambda *a, first, last: (asked.append((first, last)), plain(*a, first=first, last=last))[1],
    )
    file, x = opened(many_chunks, "x")
    for _ in range(2):
        assert file.values(x, slice(700, 710)).tolist() == list(range(700, 710))
    assert asked == [(700, 714)]
    file.values(x)
    file.values(x, slice(5, 9))
    assert asked[1:] == [(0, 20_000)]


def test_more_chunks_than_anybody_waits_for_are_refused(many_chunks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunked, "MOST_CHUNKS", 100)
    file, x = opened(many_chunks, "x")
    assert file.values(x, slice(0, 700)).tolist() == list(range(700))
    with pytest.raises(LayoutError, match=r"it would take 2,858 chunks at once; 100 are read\. Read it in parts"):
        file.values(x)


def test_a_table_too_large_to_remember_is_looked_up_each_time(
    many_chunks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MOST_CHUNKS", 100)
    file, x = opened(many_chunks, "x")
    assert file.values(x, slice(700, 710)).tolist() == list(range(700, 710))


def test_tables_used_longest_ago_are_forgotten(many_chunks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_REMEMBERED", 3000)
    file, x = opened(many_chunks, "x")
    _, grid = opened(many_chunks, "grid")
    for _ in range(2):
        assert file.values(x, 9) == 9
        assert file.values(grid, (0, 9)) == 9
        assert sum(len(entry.table.offsets) for entry in tables._remembered.values()) <= 3000


def test_the_first_error_of_the_crew_is_raised_when_nobody_is_at_work_any_more() -> None:
    done: list[int] = []

    def job(number: int) -> None:
        if number == 3:
            raise ValueError("the third")
        done.append(number)

    with pytest.raises(ValueError, match="the third"):
        crew.work((1, lambda n=n: job(n)) for n in range(100))  # type: ignore[misc]
    n_done = len(done)
    crew.work((crew.MOST_BYTES, lambda n=n: job(n + 4)) for n in range(3))  # type: ignore[misc]
    assert len(done) == n_done + 3


def test_work_within_work_waits_for_nobody() -> None:
    done: list[int] = []
    inner = [(0, lambda n=n: done.append(n)) for n in range(3)]
    crew.work((0, lambda: crew.work(inner)) for _ in range(4 * crew.MOST_THREADS))  # type: ignore[misc]
    assert len(done) == 12 * crew.MOST_THREADS


def test_a_forked_child_has_a_crew_of_its_own(many_chunks: Path) -> None:
    import os

    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    file, x = opened(many_chunks, "x")
    whole = file.values(x)
    child = os.fork()
    if child == 0:
        os._exit(0 if (file.values(x) == whole).all() else 1)
    assert os.waitpid(child, 0)[1] == 0
