"""A Zarr store that means harm raises: it runs nothing, reads no other file, and takes no memory."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurodata4ml.data.storage.file import StoredFile
from neurodata4ml.data.storage.index import External, Group
from neurodata4ml.data.storage.sources.folder import Folder
from neurodata4ml.data.storage.store import LARGEST
from neurodata4ml.data.storage.zarr.chunks import decode_chunk
from neurodata4ml.data.storage.zarr.inert import LONGEST, pickled_array
from neurodata4ml.data.storage.zarr.walk import read_index
from neurodata4ml.errors import LayoutError
from zarr_samples import bare, copied, dataset_of, unpacked_sample, values

PLAIN = {"zarr_format": 2, "shape": [4], "chunks": [2], "dtype": "<i4", "order": "C", "fill_value": 0}
PLAIN |= {"compressor": None, "filters": None}
OBJECTS = PLAIN | {"dtype": "|O"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked_sample(tmp_path_factory.mktemp("sample"))


# ---------------------------------------------------------------------------------------------- other files


@pytest.mark.parametrize("name", ["../secret", "a/../../secret", "/etc/passwd", "a//b", ".", "", "a/\0"])
def test_no_name_leads_out_of_a_store(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "store").mkdir()
    with pytest.raises(LayoutError, match=r"names the file .*, which may lie outside of it. Nothing was read"):
        Folder(tmp_path / "store").read(name)


def test_metadata_with_a_path_out_of_the_store_are_refused(tmp_path: Path) -> None:
    members = {".zgroup": {"zarr_format": 2}, "../../etc/.zarray": PLAIN}
    (tmp_path / ".zmetadata").write_text(json.dumps({"metadata": members}))
    with pytest.raises(LayoutError, match=r"names the file '../../etc', which may lie outside"):
        read_index(Folder(tmp_path))


def test_links_of_the_disk_are_followed_within_the_store_only(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "0").write_bytes(b"secret")
    folder = tmp_path / "store"
    (folder / "x").mkdir(parents=True)
    (folder / "x" / "0").write_bytes(b"mine")
    (folder / "x" / "1").symlink_to(folder / "x" / "0")
    (folder / "x" / "2").symlink_to(tmp_path / "secret")
    (folder / "y").symlink_to(tmp_path / "outside")
    (tmp_path / "link.zarr").symlink_to(folder)
    store = Folder(tmp_path / "link.zarr")
    assert store.read("x/0") == store.read("x/1") == b"mine"
    for name in ("x/2", "y/0"):
        with pytest.raises(LayoutError, match=r"is a link to .*, outside of the store, and is not followed"):
            store.read(name)
    assert store.folders("") == ["x"]


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(LayoutError, match=rf"{name} in .* cannot be read \(it is no file\)"):
            Folder(tmp_path).read(name)


def test_a_file_longer_than_a_chunk_can_be_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "0").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(LayoutError, match=r"has 2,147,483,649 bytes where at most 2,147,483,648 are due"):
        Folder(tmp_path).read("0")
    with pytest.raises(LayoutError, match=r"where at most 100 are due"):
        Folder(tmp_path).read("0", 100)


def test_links_and_references_to_other_stores_are_told_and_not_followed(sample: Path, tmp_path: Path) -> None:
    folder = copied(sample, tmp_path)
    document = json.loads((folder / ".zmetadata").read_bytes())
    document["metadata"]["acquisition/linked/.zattrs"]["zarr_link"][0]["source"] = "../other.zarr"
    table = document["metadata"]["units/electrodes/.zattrs"]["table"]["value"]
    table |= {"source": "/etc/other.zarr", "source_object_id": "another"}
    (folder / ".zmetadata").write_text(json.dumps(document))
    index = read_index(Folder(folder))
    linked = index.objects["/acquisition/linked"]
    assert isinstance(linked, Group)
    path = "/processing/behavior/BehavioralTimeSeries/running/data"
    assert linked.links["data"] == External("../other.zarr", path)
    assert "in another store (/etc/other.zarr), and is not followed" in index.damaged["/units/electrodes"]


# ---------------------------------------------------------------------------------------------- pickles


class Runs:
    """What, unpickled, would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_that_runs_something_is_refused_and_runs_nothing(tmp_path: Path, protocol: int) -> None:
    array = np.empty(2, dtype=object)
    array[1] = Runs(tmp_path / "ran")
    bare(tmp_path, OBJECTS | {"filters": [{"id": "pickle"}]}, {"zarr_dtype": "object"})
    dataset = dataset_of(read_index(Folder(tmp_path)), "/x")
    with pytest.raises(LayoutError, match=r"it would run (posix|nt).system if it were unpickled; nothing was run"):
        decode_chunk(dataset, pickle.dumps(array, protocol))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_texts_and_references_of_any_protocol_are_read(protocol: int) -> None:
    array = np.empty((2, 2), dtype=object)
    array[:] = [["a", "ö"], [None, {"path": "/a", "source": "."}]]
    read = pickled_array(pickle.dumps(array, protocol), 4)
    assert read == ["a", "ö", None, {"path": "/a", "source": "."}]


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (pickle.dumps([1, 2]), "its pickled values are no array of objects"),
        (pickle.dumps(np.arange(2)), "would run numpy.*_frombuffer|are no array of objects|is not needed|use "),
        (pickle.dumps(np.array([None] * 3)), "its pickled array has 3 values, where 2 are due"),
        (pickle.dumps(np.array([{1}, {2}])), "use EMPTY_SET, which an array of references or texts does not need"),
        (pickle.dumps(np.array([[1], [2, 3]], dtype=object)), "holds lists where texts, numbers or references are due"),
        (pickle.dumps(np.array([None] * 2))[:-8], "end too early, or are none"),
        (b"\x80\x05.", "end too early, or are none"),
        (b"\x80\x05h\x05.", "end too early, or are none"),
        (b"\x80\x05e.", "end too early, or are none"),
        (b"garbage", "end too early, or are none|which an array"),
        (b"\x80\x05" + b")" * LONGEST + b".", "its pickled values take 33,554,435 bytes"),
    ],
)
def test_any_other_pickle_is_refused(made: bytes, problem: str) -> None:
    with pytest.raises(LayoutError, match=problem):
        pickled_array(made, 2)


def test_a_row_that_stands_for_many_is_refused() -> None:
    array = np.empty(2, dtype=object)
    array[:] = [tuple(range(10_000))] * 2
    with pytest.raises(LayoutError, match="its pickled rows should be tuples of 3 values; got tuple"):
        pickled_array(pickle.dumps(array), 2, 3)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_pickle_raises_our_error_or_gives_plain_values(data: st.DataObject) -> None:
    array = np.empty(3, dtype=object)
    array[:] = ["a", {"path": "/a", "source": "."}, ("b", 2)]
    made = bytearray(pickle.dumps(array, data.draw(st.sampled_from([2, 4, 5]))))
    for _ in range(data.draw(st.integers(1, 4))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = pickled_array(bytes(made), 3)
    except LayoutError:
        return
    assert all(value is None or isinstance(value, str | int | float | bytes | dict) for value in read)


# ---------------------------------------------------------------------------------------------- memory


@pytest.mark.parametrize(
    ("shape", "chunks", "problem"),
    [
        ([10**15], [1], "it would take 1,000,000,000,000,000 files at once; 1,048,576 are read. Read it in parts"),
        ([10**8, 10**9], [10**7, 10], "it would take 1,000,000,000 files at once"),
        ([10**16], [10**8 * 5], "it would take 20,000,000 files at once"),
        ([2**61], [2**31], "files at once"),
        ([2**45], [2**30], "is more than the memory holds|0 bytes would become"),
        ([2**33], [2**29], "0 bytes would become|is more than the memory holds"),
    ],
)
def test_a_shape_is_only_a_claim(tmp_path: Path, shape: list[int], chunks: list[int], problem: str) -> None:
    bare(tmp_path, PLAIN | {"shape": shape, "chunks": chunks, "dtype": "|u1"})
    file = StoredFile(Folder(tmp_path))
    dataset = dataset_of(file.index, "/x")
    with pytest.raises(LayoutError, match=problem):
        file.values(dataset)
    first = (slice(0, 3),) * len(shape)
    assert not file.values(dataset, first).any()


# ---------------------------------------------------------------------------------------------- damage

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_metadata_give_an_index_or_our_error(sample: Path, tmp_path: Path, data: st.DataObject) -> None:
    document = json.loads((sample / "session.nwb.zarr" / ".zmetadata").read_bytes())
    name = data.draw(st.sampled_from(sorted(document["metadata"])))
    member = document["metadata"][name]
    if member and data.draw(st.booleans()):
        member[data.draw(st.sampled_from(sorted(member)))] = data.draw(JSON)
    else:
        document["metadata"][name] = data.draw(JSON)
    (tmp_path / ".zmetadata").write_text(json.dumps(document))
    try:
        index = read_index(Folder(tmp_path))
    except LayoutError:
        return
    assert len(index.objects) + len(index.damaged) > 100


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_damaged_chunks_raise_our_error_or_give_values_of_the_right_shape(sample: Path, data: st.DataObject) -> None:
    folder = sample / "session.nwb.zarr"
    store = Folder(folder)
    index = read_index(store)
    path = data.draw(st.sampled_from(["/units/electrode_group", "/units/quality", "/units/spike_times"]))
    dataset = dataset_of(index, path)
    assert len(values(store, dataset)) > 0
    chunk = bytearray((folder / path[1:] / "0").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        chunk[data.draw(st.integers(0, len(chunk) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = decode_chunk(dataset, bytes(chunk[: data.draw(st.integers(0, len(chunk)))]))
    except LayoutError:
        return
    assert read.shape == dataset.chunks
