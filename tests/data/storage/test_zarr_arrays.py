"""Any array that zarr writes, in version 2 or 3, reads as zarr itself reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zarr.codecs import BloscCodec, BytesCodec, GzipCodec, TransposeCodec, ZstdCodec

from neurodata4ml.data.storage.sources.folder import Folder
from neurodata4ml.data.storage.zarr.chunks import decode_chunk
from neurodata4ml.data.storage.zarr.walk import read_index
from zarr_samples import bare, dataset_of, values

DTYPES = ["<f8", ">f4", "<i2", ">u4", "|u1", "|b1", "<i8", "<c16", "|S5", "<U4"]
COMPRESSORS = [
    None,
    {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0},
    {"id": "blosc", "cname": "zstd", "clevel": 1, "shuffle": 2, "blocksize": 0},
    {"id": "zlib", "level": 1},
    {"id": "gzip", "level": 1},
    {"id": "zstd", "level": 1},
    {"id": "lz4", "acceleration": 1},
    {"id": "bz2", "level": 1},
]


@st.composite
def arrays(draw: st.DrawFn, dtypes: list[str]) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return an array and the shape of its chunks."""
    shape = tuple(draw(st.lists(st.integers(0, 9), min_size=0, max_size=3)))
    chunks = tuple(draw(st.integers(1, 5)) for _ in shape)
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    if dtype.kind in "SU":
        words = np.array(["", "a", "word", "ab"] if dtype.kind == "S" else ["", "ö", "wört", "ab"])
        return rng.choice(words, shape).astype(dtype).reshape(shape), chunks
    return np.asarray(rng.integers(0, 100, shape) * (1 if dtype.kind in "biu" else 0.37)).astype(dtype), chunks


def check(folder: Path, expected: np.ndarray) -> None:
    store = Folder(folder)
    index = read_index(store)
    assert not index.damaged, index.damaged
    read = values(store, dataset_of(index, "/a/x"))
    assert read.shape == expected.shape
    if expected.dtype.kind in "SUTO":
        words = [w.decode() if isinstance(w, bytes) else str(w) for w in expected.ravel().tolist()]
        assert read.ravel().tolist() == words
    else:
        assert read.dtype == expected.dtype.newbyteorder("=")
        np.testing.assert_array_equal(read, expected)


FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FAST
@given(
    made=arrays(DTYPES),
    compressor=st.sampled_from(COMPRESSORS),
    order=st.sampled_from("CF"),
    separator=st.sampled_from("./"),
    has_filter=st.booleans(),
    n_missing=st.integers(0, 3),
    fill=st.sampled_from([0, 1, None]),
)
def test_any_array_of_version_2_reads_as_zarr_reads_it(
    tmp_path_factory: pytest.TempPathFactory,
    made: tuple[np.ndarray, tuple[int, ...]],
    compressor: dict[str, Any] | None,
    order: str,
    separator: str,
    has_filter: bool,
    n_missing: int,
    fill: int | None,
) -> None:
    array, chunks = made
    folder = tmp_path_factory.mktemp("v2") / "x.zarr"
    is_number = array.dtype.kind in "iuf"
    filters = [{"id": "delta", "dtype": array.dtype.str}] if has_filter and is_number else None
    if has_filter and not is_number and array.dtype.kind in "c":
        filters = [{"id": "shuffle", "elementsize": array.dtype.itemsize}]
    root = zarr.open_group(str(folder), mode="w", zarr_format=2)
    stored = root.create_group("a").create_array(
        "x",
        shape=array.shape,
        chunks=chunks,
        dtype=array.dtype,
        compressors=None if compressor is None else numcodecs.get_codec(compressor),
        filters=None if filters is None else [numcodecs.get_codec(one) for one in filters],
        order=order,
        fill_value=fill if array.dtype.kind in "iufcb" else None,
        chunk_key_encoding={"name": "v2", "separator": separator},
    )
    stored[...] = array
    forget(folder / "a" / "x", n_missing)
    check(folder, np.asarray(zarr.open_group(str(folder), mode="r")["a/x"][...]))


@FAST
@given(
    made=arrays(["<f8", ">f4", "<i2", "|u1", "|b1", "<c8", "<U4"]),
    compressor=st.sampled_from([None, BloscCodec(typesize=4), ZstdCodec(), GzipCodec()]),
    is_transposed=st.booleans(),
    keys=st.sampled_from([("default", "/"), ("default", "."), ("v2", "."), ("v2", "/")]),
    n_missing=st.integers(0, 3),
    fill=st.sampled_from([0, 1]),
)
def test_any_simple_array_of_version_3_reads_as_zarr_reads_it(
    tmp_path_factory: pytest.TempPathFactory,
    made: tuple[np.ndarray, tuple[int, ...]],
    compressor: Any,
    is_transposed: bool,
    keys: tuple[str, str],
    n_missing: int,
    fill: int,
) -> None:
    array, chunks = made
    folder = tmp_path_factory.mktemp("v3") / "x.zarr"
    root = zarr.open_group(str(folder), mode="w", zarr_format=3)
    axes = tuple(reversed(range(array.ndim)))
    stored = root.create_group("a").create_array(
        "x",
        shape=array.shape,
        chunks=chunks,
        dtype=array.dtype,
        compressors=compressor,
        filters=[TransposeCodec(order=axes)] if is_transposed and array.ndim else None,
        serializer=BytesCodec(endian="big" if array.dtype.byteorder == ">" else "little"),
        fill_value=fill if array.dtype.kind != "U" else "z",
        chunk_key_encoding={"name": keys[0], "separator": keys[1]},
    )
    stored[...] = array
    forget(folder / "a" / "x", n_missing)
    check(folder, np.asarray(zarr.open_group(str(folder), mode="r")["a/x"][...]))


def forget(folder: Path, n_missing: int) -> None:
    """Take away some chunks."""
    chunks = sorted(p for p in folder.rglob("*") if p.is_file() and p.name[0] not in ".z")
    for path in chunks[:: max(1, len(chunks) // max(n_missing, 1))][:n_missing]:
        path.unlink()


@pytest.mark.parametrize("version", [2, 3])
def test_texts_of_any_length_read_as_zarr_reads_them(tmp_path: Path, version: int) -> None:
    texts = np.array([["", "ä", "a longer one" * 50], ["x", "\n", "日本"]], dtype=object)
    root = zarr.open_group(str(tmp_path / "x.zarr"), mode="w", zarr_format=version)
    array = root.create_group("a").create_array("x", shape=(5, 3), chunks=(2, 2), dtype=str, fill_value="none")
    array[:2] = texts
    check(tmp_path / "x.zarr", np.asarray(zarr.open_group(str(tmp_path / "x.zarr"))["a/x"][...]))


@pytest.mark.parametrize("consolidated", [True, False])
def test_groups_and_attributes_of_version_3(tmp_path: Path, consolidated: bool) -> None:
    root = zarr.open_group(str(tmp_path / "x.zarr"), mode="w", zarr_format=3, attributes={"n": 3})
    inner = root.create_group("a/b", attributes={"words": ["p", "q"], "half": 0.5})
    inner.create_array("x", data=np.arange(5), chunks=(2,))
    if consolidated:
        zarr.consolidate_metadata(str(tmp_path / "x.zarr"))
    index = read_index(Folder(tmp_path / "x.zarr"))
    assert set(index.objects) == {"/", "/a", "/a/b", "/a/b/x"}
    assert index.objects["/"].attrs == {"n": 3}
    assert list(index.objects["/a/b"].attrs["words"]) == ["p", "q"]
    np.testing.assert_array_equal(values(Folder(tmp_path / "x.zarr"), dataset_of(index, "/a/b/x")), np.arange(5))


@pytest.mark.parametrize(("fill", "expected"), [("NaN", np.nan), ("-Infinity", -np.inf), (1.5, 1.5), (None, 0.0)])
def test_fill_values_stand_where_nothing_was_written(tmp_path: Path, fill: Any, expected: float) -> None:
    document = {"zarr_format": 2, "shape": [3], "chunks": [2], "dtype": ">f4", "compressor": None, "filters": None}
    bare(tmp_path, document | {"fill_value": fill, "order": "C"})
    dataset = dataset_of(read_index(Folder(tmp_path)), "/x")
    np.testing.assert_array_equal(values(Folder(tmp_path), dataset), np.full(3, expected, "f4"))


def test_a_chunk_is_decoded_straight_into_its_place(tmp_path: Path) -> None:
    stored = np.arange(6.0).reshape(2, 3)
    document = {"zarr_format": 2, "shape": [2, 3], "chunks": [2, 3], "dtype": "<f8", "order": "C"}
    bare(tmp_path, document | {"compressor": {"id": "zlib", "level": 1}, "filters": None, "fill_value": 0})
    dataset = dataset_of(read_index(Folder(tmp_path)), "/x")
    out = np.empty((2, 3))
    assert decode_chunk(dataset, numcodecs.Zlib().encode(stored), out=out) is out
    np.testing.assert_array_equal(out, stored)
