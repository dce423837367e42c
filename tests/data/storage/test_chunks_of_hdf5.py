"""The chunks of a dataset are found where h5py finds them, in few rounds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurodata4ml.data.storage.filters.filters import decode
from neurodata4ml.data.storage.hdf5.chunks import find_chunks
from neurodata4ml.data.storage.hdf5.walk import read_index
from neurodata4ml.data.storage.index import Chunked, ChunkTable, Dataset, Group
from neurodata4ml.data.storage.source import Span
from neurodata4ml.data.storage.sources.local import LocalSource
from neurodata4ml.data.storage.values.held import Held
from neurodata4ml.data.storage.waves import one

LAYOUTS: dict[str, tuple[Any, ...]] = {
    "one axis": ((500,), (7,), None),
    "several levels": ((9000,), (3,), None),
    "may grow": ((500,), (7,), (None,)),
    "grew far": ((4000,), (1,), (None,)),
    "two axes": ((40, 30), (7, 4), None),
    "may grow to a limit": ((40, 30, 5), (7, 4, 5), (60, 50, 5)),
    "may grow along the second axis": ((40, 30), (7, 4), (60, None)),
    "may grow along both axes": ((40, 30), (7, 4), (None, None)),
    "many of both": ((1500, 4), (1, 3), (None, None)),
    "one chunk": ((40, 30), (40, 30), None),
}
HOWS: dict[str, dict[str, Any]] = {
    "earliest": {"libver": "earliest"},
    "latest": {"libver": "latest"},
    "v110": {"libver": ("v110", "v110")},
    "user block": {"libver": "latest", "userblock_size": 1024},
    "old with user block": {"libver": "earliest", "userblock_size": 512},
    "pages": {"libver": "v110", "fs_strategy": "page", "fs_page_size": 4096},
}


@pytest.fixture(scope="module", params=HOWS)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a file with every layout: plain, compressed, and mostly empty."""
    path = tmp_path_factory.mktemp("chunks") / "file.h5"
    rng = np.random.default_rng(0)
    with h5py.File(path, "w", **HOWS[request.param]) as file:
        for name, (shape, chunks, maxshape) in LAYOUTS.items():
            values = rng.integers(0, 100, shape)
            file.create_dataset(name, data=values, chunks=chunks, maxshape=maxshape)
            file.create_dataset(f"{name}, gzip", data=values, chunks=chunks, maxshape=maxshape, compression="gzip")
            sparse = file.create_dataset(
                f"{name}, sparse", shape, "f4", chunks=chunks, maxshape=maxshape, shuffle=True, fillvalue=7
            )
            sparse[tuple(n // 2 for n in shape)] = 3
    return path


class Rounds(Held):
    """What was read, with the rounds in which it was."""

    rounds = 0

    def get(self, spans: Sequence[Span]) -> None:
        """Count."""
        self.rounds += 1
        super().get(spans)


def described(source: LocalSource) -> dict[str, Dataset]:
    """Return the datasets of a file by name."""
    index = read_index(source)
    root = index.objects[index.root]
    assert isinstance(root, Group)
    found = {name: index.objects[link.key] for name, link in root.links.items()}  # type: ignore[union-attr]
    return {name: item for name, item in found.items() if isinstance(item, Dataset)}


def values(source: LocalSource, dataset: Dataset, table: ChunkTable) -> np.ndarray[Any, Any]:
    """Return all values of a dataset, put together from its chunks."""
    assert dataset.shape
    assert dataset.chunks
    whole = np.zeros([-(-n // side) * side for n, side in zip(dataset.shape, dataset.chunks, strict=True)])
    block = np.zeros(dataset.chunks, dataset.stored.raw)
    corners = itertools.product(*(range(0, n, side) for n, side in zip(dataset.shape, dataset.chunks, strict=True)))
    for corner, offset, size, skipped in zip(corners, *(column.tolist() for column in table), strict=True):
        if offset < 0:
            block[...] = np.frombuffer(dataset.fill or bytes(block.itemsize), block.dtype)[0]
        else:
            decode(source.read(offset, offset + size), dataset.filters, skipped, block.nbytes, block.itemsize, block)
        whole[tuple(slice(at, at + side) for at, side in zip(corner, dataset.chunks, strict=True))] = block
    return whole[tuple(slice(n) for n in dataset.shape)]


@pytest.mark.slow
def test_values_and_places_are_those_of_h5py(written: Path) -> None:
    source = LocalSource(written)
    datasets = described(source)
    assert len(datasets) == 3 * len(LAYOUTS)
    with h5py.File(written) as file:
        for name, dataset in datasets.items():
            table = one(Held(source), find_chunks(dataset, source.size))
            np.testing.assert_array_equal(values(source, dataset, table), file[name][...], err_msg=name)
            places: list[tuple[int, int]] = []
            file[name].id.chunk_iter(lambda info, to=places: to.append((info.byte_offset, info.size)))
            is_there = table.offsets >= 0
            ours = zip(table.offsets[is_there].tolist(), table.sizes[is_there].tolist(), strict=True)
            assert sorted(ours) == sorted(places), name


def test_some_rows_give_that_part_of_the_table(written: Path) -> None:
    source = LocalSource(written)
    for dataset in described(source).values():
        assert dataset.shape
        assert dataset.chunks
        side, n_rows = dataset.chunks[0], dataset.shape[0]
        whole = one(Held(source), find_chunks(dataset, source.size))
        in_row = len(whole.offsets) // -(-n_rows // side)
        for first, last in ((0, 1), (1, n_rows + 99), (n_rows // 2, n_rows // 2 + 3), (n_rows - 1, n_rows), (5, 5)):
            part = one(Held(source), find_chunks(dataset, source.size, first=first, last=last))
            rows = slice(first // side * in_row, max(-(-min(last, n_rows) // side), first // side) * in_row)
            for ours, right in zip(part, whole, strict=True):
                np.testing.assert_array_equal(ours, right[rows])


def test_a_few_rows_read_little_and_everything_takes_one_round_per_level(written: Path) -> None:
    source = LocalSource(written)
    datasets = described(source)
    for name in ("several levels", "grew far", "many of both"):
        everything, little = Rounds(source), Rounds(source)
        one(everything, find_chunks(datasets[name], source.size))
        one(little, find_chunks(datasets[name], source.size, first=1200, last=1201))
        assert everything.rounds <= 4
        assert little.rounds <= 4
        assert little.n_bytes < everything.n_bytes / 2


def test_an_array_that_grew_very_far_is_found_by_its_pages(tmp_path: Path) -> None:
    places = (0, 3, 4, 5, 19, 20, 1000, 131_067, 131_068, 132_100, 140_000, 300_000, 1_000_000, 1_999_999)
    with h5py.File(tmp_path / "far.h5", "w", libver="latest") as file:
        for compression in (None, "gzip"):
            dataset = file.create_dataset(
                str(compression), (2_000_000,), "u1", chunks=(1,), maxshape=(None,), compression=compression
            )
            for place in places:
                dataset[place] = place % 250 + 1
    source = LocalSource(tmp_path / "far.h5")
    for ours in described(source).values():
        table = one(Held(source), find_chunks(ours, source.size))
        assert np.flatnonzero(table.offsets >= 0).tolist() == list(places)
        for place in places:
            start, size = int(table.offsets[place]), int(table.sizes[place])
            assert bytes(decode(source.read(start, start + size), ours.filters, 0, 1, 1))[0] == place % 250 + 1


def test_chunks_of_a_file_with_small_numbers_are_found(tmp_path: Path) -> None:
    plan = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    plan.set_sizes(4, 4)
    path = tmp_path / "small.h5"
    with h5py.File(h5py.h5f.create(bytes(path), fcpl=plan)) as file:
        file.create_dataset("x", data=np.arange(5000), chunks=(9,), compression="gzip")
    source = LocalSource(path)
    dataset = described(source)["x"]
    table = one(Held(source), find_chunks(dataset, source.size))
    np.testing.assert_array_equal(values(source, dataset, table), np.arange(5000))


def test_chunks_that_were_allocated_before_they_were_written_are_found(tmp_path: Path) -> None:
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_chunk((7, 4))
    plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    with h5py.File(tmp_path / "early.h5", "w", libver="latest") as file:
        space = h5py.h5s.create_simple((40, 30), (60, 33))
        made = h5py.Dataset(h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_INT32, space, plan))
        made[...] = np.arange(1200).reshape(40, 30)
    source = LocalSource(tmp_path / "early.h5")
    dataset = described(source)["x"]
    assert isinstance(dataset.layout, Chunked)
    assert dataset.layout.finder[0] == "implicit"
    table = one(Held(source), find_chunks(dataset, source.size))
    np.testing.assert_array_equal(values(source, dataset, table), np.arange(1200).reshape(40, 30))


@given(st.data(), st.sampled_from(["earliest", "latest"]), st.sampled_from([None, "gzip", "lzf"]))
@settings(max_examples=40, deadline=None)
def test_any_layout_is_read_as_h5py_reads_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, libver: str, compression: str | None
) -> None:
    shape = tuple(data.draw(st.lists(st.integers(0, 12), min_size=1, max_size=3)))
    chunks = tuple(data.draw(st.integers(1, max(n, 1) + 2)) for n in shape)
    maxshape = tuple(data.draw(st.sampled_from([None, n, n + 5, n + 40])) for n in shape)
    chunks = tuple(min(side, most or side) or 1 for side, most in zip(chunks, maxshape, strict=True))
    maxshape = tuple(None if most is None else max(most, side) for most, side in zip(maxshape, chunks, strict=True))
    path = tmp_path_factory.mktemp("any") / "file.h5"
    written = np.random.default_rng(1).integers(0, 9, shape)
    grown = tuple(
        data.draw(st.integers(0, (n + 5 if most is None else most))) for n, most in zip(shape, maxshape, strict=True)
    )
    with h5py.File(path, "w", libver=libver) as file:
        dataset = file.create_dataset("x", data=written, chunks=chunks, maxshape=maxshape, compression=compression)
        dataset.resize(grown)
    source = LocalSource(path)
    ours = described(source)["x"]
    with h5py.File(path) as file:
        right = file["x"][...]
    np.testing.assert_array_equal(values(source, ours, one(Held(source), find_chunks(ours, source.size))), right)
