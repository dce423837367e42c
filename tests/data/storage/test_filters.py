"""Chunks become the values that h5py reads, whatever filters they went through; damaged ones and bombs are refused."""

from __future__ import annotations

import bz2
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import h5py
import numcodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neurodata4ml.data.storage.filters.filters import CODECS, SMALL_CODECS, decode, refused
from neurodata4ml.data.storage.index import Filter
from neurodata4ml.errors import LayoutError

VALUES = np.cumsum(np.random.default_rng(0).integers(0, 50, 3000))


def stored(values: np.ndarray[Any, Any], **filters: Any) -> tuple[bytes, tuple[Filter, ...], int]:
    """Return the bytes of a chunk as h5py stores it, the filters that it names, and those that it left out."""
    with h5py.File("twin", "w", driver="core", backing_store=False) as file:
        dataset = file.create_dataset("x", data=values, chunks=values.shape, **filters)
        file.flush()
        skipped, data = dataset.id.read_direct_chunk((0,) * values.ndim)
        plan = dataset.id.get_create_plist()
        steps = [plan.get_filter(place) for place in range(plan.get_nfilters())]
    return data, tuple(Filter(step[0], step[2]) for step in steps), skipped


def undone(values: np.ndarray[Any, Any], **filters: Any) -> np.ndarray[Any, Any]:
    """Return values that h5py stored, decoded by us, in a buffer of our own."""
    data, steps, skipped = stored(values, **filters)
    out = np.empty(values.shape, values.dtype)
    decoded = decode(data, steps, skipped, values.nbytes, values.itemsize, out)
    assert decode(data, steps, skipped, values.nbytes, values.itemsize) == decoded == out.data.cast("B")
    return out


@pytest.mark.parametrize("compression", [None, "gzip", "lzf", "szip"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("fletcher32", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i4", "<f8", ">f4"])
def test_what_h5py_encoded_is_decoded(compression: str | None, shuffle: bool, fletcher32: bool, dtype: str) -> None:
    values = VALUES.astype(dtype).reshape(60, 50)
    back = undone(values, compression=compression, shuffle=shuffle, fletcher32=fletcher32)
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("dtype", ["u1", "<i2", ">i4", "<i8", "<u4", "<f4", ">f8"])
@pytest.mark.parametrize("step", [0, 1, 7, 50])
def test_scale_offset_gives_what_h5py_gives(dtype: str, step: int) -> None:
    values = (np.arange(3000) % (step + 1) - (step // 2 if "u" not in dtype else 0)).astype(dtype)
    decimals = 2 if "f" in dtype else 0
    values = (values / 8 if decimals else values).astype(dtype)
    with h5py.File("twin", "w", driver="core", backing_store=False, rdcc_nbytes=0) as file:
        right = file.create_dataset("x", data=values, scaleoffset=decimals)[:]
    np.testing.assert_array_equal(undone(values, scaleoffset=decimals), right)


@pytest.mark.parametrize("mask", range(8))
def test_a_filter_that_was_left_out_of_a_chunk_is_not_undone(mask: int) -> None:
    filters = (Filter(2, (4,)), Filter(1, (4,)), Filter(3, ()))
    values = np.arange(100, dtype="<i4")
    data = values.tobytes() if mask & 1 else bytes(numcodecs.Shuffle(4).encode(values))
    data = data if mask & 2 else zlib.compress(data)
    data = data if mask & 4 else bytes(numcodecs.Fletcher32().encode(np.frombuffer(data, np.uint8)))
    assert bytes(decode(data, filters, mask | 0xF0, 400, 4)) == values.tobytes()


@given(
    arrays(st.sampled_from(["u1", "<i2", ">f4", "<f8"]), st.integers(1, 60)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
def test_any_values_come_back(values: np.ndarray[Any, Any], gzip: bool, shuffle: bool, fletcher32: bool) -> None:
    compression = "gzip" if gzip else None
    back = undone(values, compression=compression, shuffle=shuffle, fletcher32=fletcher32)
    assert back.tobytes() == values.tobytes()


def lz4_of_hdf5(data: bytes, block: int) -> bytes:
    """Return data as HDF5's plugin for LZ4 writes them."""
    pieces = [data[at : at + block] for at in range(0, len(data), block)]
    packed = [bytes(numcodecs.LZ4().encode(piece))[4:] for piece in pieces]
    best = [small if len(small) < len(piece) else piece for small, piece in zip(packed, pieces, strict=True)]
    return (
        len(data).to_bytes(8, "big")
        + block.to_bytes(4, "big")
        + b"".join(len(piece).to_bytes(4, "big") + piece for piece in best)
    )


PLUGINS: dict[int, Callable[[bytes], bytes]] = {
    307: bz2.compress,
    32001: lambda data: bytes(numcodecs.Blosc("zstd").encode(data)),
    32004: lambda data: lz4_of_hdf5(data, 1000),
    32015: lambda data: bytes(numcodecs.Zstd().encode(data)),
}


@pytest.mark.parametrize("number", PLUGINS)
@pytest.mark.parametrize(
    "values", [VALUES, np.random.default_rng(1).bytes(3000), np.zeros(40)], ids=["sum", "noise", "0"]
)
def test_what_hdf5s_plugins_encoded_is_decoded(number: int, values: Any) -> None:
    plain = bytes(memoryview(values))
    out = bytearray(len(plain))
    assert decode(PLUGINS[number](plain), (Filter(number),), 0, len(plain), 8, out) == plain == out


@pytest.mark.parametrize("library", ["blosclz", "lz4", "lz4hc", "zlib", "zstd"])
@pytest.mark.parametrize("shuffle", [0, 1, 2])
def test_any_blosc_is_decoded(library: str, shuffle: int) -> None:
    data = bytes(numcodecs.Blosc(library, shuffle=shuffle).encode(VALUES))
    assert (
        bytes(decode(data, (Filter(32001, (2, 2, 8, 24000, 5, shuffle, 1)),), 0, VALUES.nbytes, 8)) == VALUES.tobytes()
    )


SETTINGS: dict[str, dict[str, Any]] = {
    "astype": {"encode_dtype": "<i4", "decode_dtype": "<i8"},
    "bitround": {"keepbits": 52},
    "delta": {"dtype": "<i8"},
    "fixedscaleoffset": {"offset": 0, "scale": 1, "dtype": "<f8", "astype": "<i4"},
    "packbits": {},
    "quantize": {"digits": 3, "dtype": "<f8"},
}


@pytest.mark.parametrize("name", [*CODECS, *SMALL_CODECS, "shuffle"])
def test_what_zarr_encoded_is_decoded(name: str) -> None:
    settings = SETTINGS.get(name, {})
    floats = name in ("bitround", "fixedscaleoffset", "quantize")
    values: Any = VALUES % 2 == 0 if name == "packbits" else VALUES.astype("f8") if floats else VALUES.astype("i8")
    codec = numcodecs.get_codec({"id": name} | settings)
    data = bytes(np.ascontiguousarray(codec.encode(values)).data.cast("B"))
    filters = (Filter(name, tuple(settings.items())),)
    assert bytes(decode(data, filters, 0, values.nbytes, values.itemsize)) == np.asarray(values).tobytes()


def test_several_codecs_of_zarr_are_undone_from_the_last_to_the_first() -> None:
    delta, blosc = numcodecs.Delta("<i8", "<i2"), numcodecs.Blosc()
    data = bytes(blosc.encode(delta.encode(VALUES % 100)))
    filters = (Filter("delta", (("dtype", "<i8"), ("astype", "<i2"))), Filter("blosc"))
    assert bytes(decode(data, filters, 0, VALUES.nbytes, 8)) == (VALUES % 100).tobytes()


@pytest.mark.parametrize(
    ("number", "data", "message"),
    [
        (1, b"nonsense", "gzip says: "),
        (1, zlib.compress(bytes(100))[:-5], "ends in the middle, after"),
        (1, zlib.compress(bytes(99)), "99 bytes come out where 100 are due"),
        (1, zlib.compress(bytes(101)), "more than the 100 bytes that are due come out"),
        (3, b"abc", "its checksum takes 4 bytes; there are 3"),
        (3, bytes(100) + b"\1\2\3\4", "checksum .fletcher32. is not that of its bytes"),
        (307, b"nonsense", "bzip2 says: "),
        (32001, b"short", "blosc's header takes 16 bytes; there are 5"),
        (32001, bytes(17), "says that 0 bytes are stored; there are 17"),
        (32001, bytes(4) + b"\xff" * 8 + b"\x10\0\0\0", "claims 4294967295 bytes where 100 are due"),
        (32001, b"\x02\x01\x01\x01" + b"\x64\0\0\0" * 2 + b"\x11\0\0\0!", "rror"),
        (32004, b"short", "LZ4's header takes 12 bytes; there are 5"),
        (32004, bytes(6) + b"\xff\xff" + bytes(4), "claims 65535 bytes where 100 are due"),
        (32004, bytes(7) + b"\x64\0\0\0\x64\xff\xff\xff\xffx", "says 4294967295 bytes, where 1 are left"),
        (32015, b"nonsense", "does not begin as Zstandard does"),
        (32015, bytes(numcodecs.Zstd().encode(bytes(4000))), "claims 4000 bytes where 100 are due"),
        (32015, b"\x28\xb5\x2f\xfd\x00\x00nonsense", "cannot be decoded"),
        (32000, b"nonsense", "filter 32000 .lzf. says"),
        (4, b"\xff\0\0\0nonsense", "options|szip says 255 bytes, where 100 are due"),
    ],
)
def test_a_damaged_chunk_is_refused(number: int, data: bytes, message: str) -> None:
    with pytest.raises(LayoutError, match=message) as caught:
        decode(data, (Filter(number),), 0, 100, 1)
    assert "fetch it again" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        ((1, 2), b"", "options .1, 2. of the filter scale-offset"),
        ((2, 0, 99, 0, 1, 0, 0, 0), b"", "says 99 values of 1 bytes by method 2; 100 bytes are due"),
        ((2, 0, 100, 0, 1, 0, 0, 0), b"\x05\0\0\0" + bytes(20), "24 bytes of scale-offset cannot hold 100 values of 5"),
        ((2, 0, 100, 0, 1, 0, 0, 0), b"\x09\0\0\0" + bytes(200), "cannot hold 100 values of 9 bits"),
    ],
)
def test_damaged_scale_offset_is_refused(options: tuple[int, ...], data: bytes, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        decode(data, (Filter(6, options),), 0, 100, 1)


@given(st.sampled_from([1, 3, 307, 32001, 32004, 32015, 32000, *CODECS]), st.binary(max_size=60), st.integers(1, 300))
def test_any_bytes_give_what_is_due_or_our_error(name: int | str, data: bytes, due: int) -> None:
    try:
        assert len(decode(data, (Filter(name),), 0, due, 1)) == due
    except LayoutError as error:
        assert "a chunk cannot be decoded" in str(error)  # noqa: PT017


def test_without_filters_the_size_is_checked_too() -> None:
    with pytest.raises(LayoutError, match="99 bytes come out where 100 are due"):
        decode(bytes(99), (), 0, 100, 1)


@pytest.mark.parametrize("number", [1, 307, 32001, 32015])
def test_a_bomb_never_takes_more_memory_than_is_due(number: int) -> None:
    plain = bytes(50_000_000)
    pack = {1: zlib.compress, **PLUGINS}[number]
    data = pack(plain)
    del plain
    tracemalloc.start()
    with pytest.raises(LayoutError, match=r"more than the 1000000 bytes|where 1000000 are due"):
        decode(data, (Filter(number),), 0, 1_000_000, 8)
    assert tracemalloc.get_traced_memory()[1] < 3_000_000
    tracemalloc.stop()


def test_a_shape_that_claims_what_gzip_cannot_hold_is_refused_before_anything_is_decoded() -> None:
    with pytest.raises(LayoutError, match="9 bytes cannot hold the 1000000 that are due"):
        decode(zlib.compress(b"x"), (Filter(1),), 0, 1_000_000, 8)


@pytest.mark.parametrize("compression", ["lzf", "szip"])
def test_a_stream_that_ends_too_early_never_shows_what_was_in_the_memory(compression: str) -> None:
    data, steps, skipped = stored(VALUES, compression=compression)
    for size in range(5, len(data) - 16, 97):
        with pytest.raises(LayoutError, match=r"stream of .* bytes|HDF5's filter .* says"):
            decode(data[:size], steps, skipped, VALUES.nbytes, VALUES.itemsize)


def test_a_stream_of_lzf_that_is_whole_but_short_is_refused() -> None:
    _, steps, skipped = stored(VALUES, compression="lzf")
    short, _, _ = stored(VALUES[:-8], compression="lzf")
    with pytest.raises(LayoutError, match=rf"lzf's stream of {len(short):,} bytes does not make {VALUES.nbytes:,}"):
        decode(short, steps, skipped, VALUES.nbytes, VALUES.itemsize)


def test_a_stream_of_szip_that_ends_too_early_is_refused() -> None:
    data, steps, skipped = stored(VALUES, compression="szip")
    with pytest.raises(LayoutError, match=r"szip's stream of 1,000 bytes ends before it made 24,000"):
        decode(data[:1000], steps, skipped, VALUES.nbytes, VALUES.itemsize)


def test_a_chunk_that_is_both_large_and_nearly_empty_is_refused() -> None:
    with pytest.raises(LayoutError, match="9 bytes say that they become 1000000000, as no recording does"):
        decode(bytes(9), (Filter(32015),), 0, 1_000_000_000, 8)


@pytest.mark.parametrize(
    ("applied", "message"),
    [
        (Filter("pickle"), "chunks encoded with 'pickle' are not read: .* could run code; read are astype,"),
        (Filter("delta", (("color", "red"),)), "settings .*red.* of the codec 'delta' are not understood"),
        (Filter(32026), r"HDF5's filter 32026 \(blosc2\), which is not here; type pip install hdf5plugin"),
        (Filter(5, (8, 0, 100)), "n-bit filter. are not read; type h5repack -f NONE IN OUT"),
        (Filter(4, (141, 8, 8, 7)), r"options \(141, 8, 8, 7\) of HDF5's filter 4 do not go with chunks of 100 values"),
    ],
)
def test_filters_that_are_not_read_are_told(applied: Filter, message: str) -> None:
    with pytest.raises(LayoutError, match=message):
        decode(b"\x64" + bytes(99), (applied,), 0, 100, 1)


def test_whether_filters_are_read_can_be_asked_before() -> None:
    assert refused((Filter(2, (8,)), Filter(1, (4,)))) == ""
    assert "'pickle'" in refused((Filter("pickle"),))


def test_n_bit_is_nothing_where_all_bits_count() -> None:
    assert decode(b"abcd", (Filter(5, (3, 1, 4)),), 0, 4, 1) == b"abcd"
