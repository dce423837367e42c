"""What a Zarr store claims and cannot be, or what is not read of it, is refused by name."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numcodecs
import pytest

from neurodata4ml.data.storage.index import Refused
from neurodata4ml.data.storage.sources.folder import Folder
from neurodata4ml.data.storage.zarr.chunks import decode_chunk
from neurodata4ml.data.storage.zarr.walk import read_index
from neurodata4ml.errors import LayoutError
from zarr_samples import bare, dataset_of

PLAIN = {"zarr_format": 2, "shape": [4], "chunks": [2], "dtype": "<i4", "order": "C", "fill_value": 0}
PLAIN |= {"compressor": None, "filters": None}
OBJECTS = PLAIN | {"dtype": "|O"}


def damage(folder: Path, array: dict[str, Any], attrs: dict[str, Any] | None = None) -> str:
    """Return why the one array of a store is not in its index."""
    bare(folder, array, attrs)
    return read_index(Folder(folder)).damaged["/x"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"shape": [10**30]}, "claims more values than there are bytes to count"),
        ({"shape": [-1]}, "its shape should be a list of at most 32 whole numbers from 0 on; got \\[-1\\]"),
        ({"shape": "many"}, "its shape should be"),
        ({"shape": [True]}, "its shape should be"),
        ({"shape": [1] * 33, "chunks": [1] * 33}, "its shape should be a list of at most 32 whole numbers"),
        ({"chunks": [0]}, "its chunks should be a list of at most 32 whole numbers from 1 on"),
        ({"chunks": [2, 2]}, "its chunks \\(2, 2\\) have not as many axes as its shape \\(4,\\)"),
        ({"chunks": [2**31]}, "would take more than 2,147,483,648 bytes each"),
        ({"dtype": "<M8[ns]"}, "its values are of type '<M8\\[ns\\]'. Read are numbers"),
        ({"dtype": "S999999999"}, "its values are of type"),
        ({"dtype": 5}, "its dtype should be a text or a list of fields; got 5"),
        ({"dtype": [["a", "<i4", [3]]]}, "its rows have the field"),
        ({"dtype": []}, "its rows have the fields \\[\\], which must be some"),
        ({"dtype": [["a", "<i4"], ["a", "<i4"]]}, "and all different"),
        ({"order": "Q"}, "its separator is '.' and its order 'Q'"),
        ({"dimension_separator": "../"}, "its separator is '../'"),
        ({"fill_value": "much"}, "its fill value 'much' is no number"),
        ({"fill_value": 10**40}, "its fill value '1000.*' is no int32"),
        ({"fill_value": 0.5}, "its fill value '0.5' is no int32"),
        ({"dtype": "|S4", "fill_value": "?"}, "its fill value '\\?' is no base64"),
        ({"dtype": "|S2", "fill_value": "AAAAAAAA"}, "its fill value has 6 bytes where a value has 2"),
        ({"filters": "delta"}, "its filters should be a list; got delta"),
        ({"compressor": "zlib"}, "its codec should be an object with an id; got zlib"),
    ],
)
def test_claims_that_cannot_be_are_refused_each_by_name(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    with pytest.raises(LayoutError, match=problem):
        raise LayoutError(damage(tmp_path, PLAIN | change))


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (PLAIN | {"compressor": {"id": "evil"}}, "Chunks encoded with 'evil' are not read"),
        (PLAIN | {"filters": [{"id": "pickle"}]}, "Chunks encoded with 'pickle' are not read"),
        (PLAIN | {"filters": [{"id": "delta", "dtype": [1]}]}, "the codec 'delta' are not understood"),
        (OBJECTS, "Read is what vlen-utf8 or vlen-bytes or json2 or pickle wrote"),
        (OBJECTS | {"filters": [{"id": "json2"}, {"id": "delta", "dtype": "u1"}]}, "Read are blosc"),
        (OBJECTS | {"dtype": [["a", "|O"]], "filters": [{"id": "json2"}]}, "Read is what pickle wrote"),
    ],
)
def test_arrays_that_were_encoded_in_other_ways_say_so(tmp_path: Path, array: dict[str, Any], why: str) -> None:
    bare(tmp_path, array)
    layout = dataset_of(read_index(Folder(tmp_path)), "/x").layout
    assert isinstance(layout, Refused)
    assert why in layout.cure


@pytest.mark.parametrize(
    ("array", "chunk", "problem"),
    [
        (PLAIN, b"1234567", "7 bytes come out where 8 are due"),
        (PLAIN | {"compressor": {"id": "zlib"}}, b"no zlib", "a chunk cannot be decoded: gzip says"),
        (
            PLAIN | {"compressor": {"id": "zlib"}},
            numcodecs.Zlib().encode(bytes(10**6)),
            "more than the 8 bytes that are due",
        ),
        (OBJECTS | {"filters": [{"id": "vlen-utf8"}]}, struct.pack("<III", 2, 0, 99), "its texts end at byte"),
        (OBJECTS | {"filters": [{"id": "vlen-utf8"}]}, struct.pack("<III", 3, 0, 0), "its texts are not the 2"),
        (OBJECTS | {"filters": [{"id": "vlen-utf8"}]}, struct.pack("<IIII", 2, 0, 0, 0), "its texts end at byte 12"),
        (
            OBJECTS | {"filters": [{"id": "vlen-utf8"}], "chunks": [10**8]},
            struct.pack("<I", 10**8),
            "4 bytes cannot hold the 100000000 values that its chunk shape claims",
        ),
        (OBJECTS | {"filters": [{"id": "json2"}]}, b"[" * 10_000, "its values are no JSON"),
        (OBJECTS | {"filters": [{"id": "json2"}]}, b'["a","|O",[2]]', "its JSON has 1 values, where 2 are due"),
        (OBJECTS | {"filters": [{"id": "json2"}]}, b'["a","b","|O",[3]]', r"its values in JSON are not of shape \[2\]"),
        (OBJECTS | {"filters": [{"id": "json2"}]}, b'["a",["b"],"|O",[2]]', "where a text is due"),
    ],
)
def test_chunks_that_are_not_what_they_should_be_are_refused(
    tmp_path: Path, array: dict[str, Any], chunk: bytes, problem: str
) -> None:
    bare(tmp_path, array)
    dataset = dataset_of(read_index(Folder(tmp_path)), "/x")
    with pytest.raises(LayoutError, match=problem):
        decode_chunk(dataset, chunk)


def test_a_reference_that_is_none_is_refused(tmp_path: Path) -> None:
    bare(tmp_path, OBJECTS | {"filters": [{"id": "json2"}]}, {"zarr_dtype": "object"})
    dataset = dataset_of(read_index(Folder(tmp_path)), "/x")
    with pytest.raises(LayoutError, match="it holds 'a' where an object reference is due"):
        decode_chunk(dataset, b'["a","b","|O",[2]]')
    with pytest.raises(LayoutError, match="an object reference should name a path"):
        decode_chunk(dataset, b'[{"p": 1},{},"|O",[2]]')


# ---------------------------------------------------------------------------------------------- metadata


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", r".zmetadata in .* is no JSON"),
        ("[" * 100_000, r".zmetadata in .* is no JSON"),
        ("[]", r".zmetadata in .* should hold a JSON object; it holds '\[\]'"),
        ("{}", r"should hold a JSON object; it holds 'None'"),
        ('{"metadata": {}}', "names no group and no array"),
        ('{"metadata": {".zgroup": 1}}', "its metadata are no JSON object. Give the folder"),
        ('{"metadata": {".zarray": {}}}', "its root is an array"),
        ('{"metadata": {".zgroup": {}, ".zattrs": {"zarr_link": [1]}}}', "its root is damaged: zarr_link should be"),
    ],
)
def test_metadata_that_are_none_are_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / ".zmetadata").write_text(text)
    with pytest.raises(LayoutError, match=problem):
        read_index(Folder(tmp_path))


def test_a_folder_that_is_no_store_says_what_one_has(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"is no Zarr store: it has neither .zmetadata nor .zgroup nor zarr.json"):
        read_index(Folder(tmp_path))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"codecs": [{"name": "sharding_indexed"}]}, r"many chunks in one file \(shards\). Write it without"),
        ({"codecs": []}, r"its codecs \[\] do not say how values become bytes"),
        ({"codecs": 3}, "its codecs should be a list; got 3"),
        ({"codecs": [3]}, "its codec should be an object with name and configuration; got 3"),
        ({"chunk_grid": {"name": "rectilinear"}}, "its chunks are laid out by 'rectilinear'"),
        ({"chunk_key_encoding": "fancy"}, "its chunks are named by 'fancy'"),
        ({"data_type": "r16"}, "its values are of type 'r16'. Of Zarr 3"),
        ({"data_type": {"name": "struct"}}, "its values are of type 'struct'"),
        ({"fill_value": "0xzz"}, "its fill value '0xzz' is no int32"),
        (
            {"codecs": [{"name": "transpose", "configuration": {"order": [0, 0]}}, "bytes"]},
            r"its axes are transposed as \[0, 0\]",
        ),
    ],
)
def test_what_is_not_read_of_version_3_says_so(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    array = {
        "node_type": "array",
        "shape": [4],
        "data_type": "int32",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
        "chunk_key_encoding": {"name": "default"},
        "fill_value": 0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
    }
    group = {"node_type": "group", "consolidated_metadata": {"metadata": {"x": array | change, "y": {}}}}
    (tmp_path / "zarr.json").write_text(json.dumps(group))
    damaged = read_index(Folder(tmp_path)).damaged
    assert damaged["/y"] == "its zarr.json says neither that it is a group nor an array"
    with pytest.raises(LayoutError, match=problem):
        raise LayoutError(damaged["/x"])


def test_a_folder_without_a_document_is_named(tmp_path: Path) -> None:
    bare(tmp_path, PLAIN)
    (tmp_path / "group" / "deep").mkdir(parents=True)
    (tmp_path / "group" / "deep" / ".zarray").write_text(json.dumps(PLAIN))
    (tmp_path / ".hidden").mkdir()
    index = read_index(Folder(tmp_path))
    assert index.damaged == {
        "/group": "it has no .zgroup and no .zarray, so nobody knows what is in it. Get the store anew."
    }


def test_another_format_than_it_should_be_is_refused(tmp_path: Path) -> None:
    why = damage(tmp_path, PLAIN | {"zarr_format": 9})
    with pytest.raises(LayoutError, match=r"its zarr_format is 9, not 2\. Get the store anew"):
        raise LayoutError(why)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["a/" * 99 + "b"], "more than 64 groups or 1024 characters deep"),
        (["\ud800"], r"names the file '\\ud800', which may lie outside of it"),
        (["a" * 2000], "more than 64 groups or 1024 characters deep"),
        ([f"a{k}" for k in range(100_001)], "has more than 100,000 groups and arrays, which no session has"),
    ],
)
def test_stores_without_end_are_refused(tmp_path: Path, names: list[str], problem: str) -> None:
    members = {".zgroup": {}} | {f"{name}/.zgroup": {} for name in names}
    (tmp_path / ".zmetadata").write_text(json.dumps({"metadata": members}))
    with pytest.raises(LayoutError, match=problem):
        read_index(Folder(tmp_path))


def test_folders_in_a_circle_are_refused(tmp_path: Path) -> None:
    (tmp_path / ".zgroup").write_text("{}")
    (tmp_path / "a").symlink_to(tmp_path)
    with pytest.raises(LayoutError, match=r"a/a/.* cannot be read|more than 64 groups"):
        read_index(Folder(tmp_path))


def test_a_number_that_no_float_holds_is_infinite(tmp_path: Path) -> None:
    bare(tmp_path, PLAIN, {"rate": 10**400})
    assert dataset_of(read_index(Folder(tmp_path)), "/x").attrs["rate"] == float("inf")
