"""An index that was kept is the index that was read, or it is read anew."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurodata4ml.data.storage.hdf5.walk import read_index
from neurodata4ml.data.storage.index import (
    Chunked,
    ChunkTable,
    Dataset,
    External,
    Filter,
    Foreign,
    Group,
    Hard,
    Index,
    Keyed,
    Reference,
    Refused,
    Soft,
    Stored,
)
from neurodata4ml.data.storage.kept import kept
from neurodata4ml.data.storage.kept.index_file import (
    chunks_from_bytes,
    chunks_to_bytes,
    index_from_bytes,
    index_to_bytes,
)
from neurodata4ml.data.storage.kept.packed import pack_value
from neurodata4ml.data.storage.sources.local import LocalSource


@pytest.fixture
def index(tmp_path: Path) -> Index:
    """Read a file with a bit of everything."""
    with h5py.File(tmp_path / "x.h5", "w") as file:
        group = file.create_group("group")
        group["soft"], group["outside"] = h5py.SoftLink("/x"), h5py.ExternalLink("o.h5", "/y")
        file.create_dataset("x", data=np.arange(9), chunks=(4,), compression="gzip", shuffle=True, fillvalue=3)
        file["fields"] = np.zeros(2, [("a", ">i4"), ("b", "f8", (2, 3))])
        file["text"] = "abc"
        file["scalar"] = True
        file.attrs.update(
            {
                "text": "é",
                "number": np.float32(1.5),
                "numbers": np.arange(4, dtype=">u2").reshape(2, 2),
                "texts": ["a", "b"],
                "reference": group.ref,
                "references": np.array([group.ref, file.ref], h5py.ref_dtype),
                "bool": True,
                "empty": h5py.Empty("f4"),
            }
        )
    return read_index(LocalSource(tmp_path / "x.h5"))


def same(first: Index, second: Index) -> None:
    """Assert that two indices are equal, attributes included."""
    assert (first.root, first.unread, first.damaged, first.foreign, first.sizes) == (
        second.root,
        second.unread,
        second.damaged,
        second.foreign,
        second.sizes,
    )
    assert list(first.objects) == list(second.objects)
    for one, two in zip(first.objects.values(), second.objects.values(), strict=True):
        assert type(one) is type(two)
        names = [name for name in one.__dataclass_fields__ if name != "attrs"]
        assert [getattr(one, name) for name in names] == [getattr(two, name) for name in names]
        assert list(one.attrs) == list(two.attrs)
        for value, other in zip(one.attrs.values(), two.attrs.values(), strict=True):
            assert type(value) is type(other)
            np.testing.assert_array_equal(value, other)
            assert getattr(value, "dtype", None) == getattr(other, "dtype", None)


def test_an_index_is_itself_again(index: Index) -> None:
    again = index_from_bytes(index_to_bytes(index, "key"), "key")
    assert again is not None
    same(index, again)
    root, other = index.objects[index.root], again.objects[again.root]
    assert isinstance(root.attrs["reference"], Reference)
    assert isinstance(other.attrs["reference"], Reference)
    assert isinstance(other, Group)
    assert list(other.links) == list(root.links)


def test_what_only_zarr_and_rare_files_have_is_itself_again() -> None:
    number = Stored("number", np.dtype("<i4"), words=(("a", 1), ("b", 2)))
    filters = (Filter("blosc", (("cname", "lz4"), ("shuffle", 1))), Filter(32001, (2, 2, 4)))
    objects: dict[int | str, Group | Dataset] = {
        "/": Group(
            "/", {"a": Hard("/a"), "b": Soft("/a"), "c": External("f", "/a")}, {"list": ["a", {"b": (1, None)}]}
        ),
        "/a": Dataset("/a", (3, 4), number, Keyed((2, 2), "a/", ".", "F"), filters, b"\0\0\0\1"),
        "/b": Dataset("/b", None, Stored("ragged", np.dtype("V16"), base=number), Foreign("/b")),
        "/c": Dataset("/c", (2,), number, Chunked((1,), ("fixed", 1 << 63, (8, 8, 0), (None,), True))),
        "/d": Dataset(
            "/d", (), number, Refused("is far", "Go."), attrs={"odd": Refused("a", "b"), "big": np.uint64(5)}
        ),
    }
    index = Index("/", objects, ("/e",), {"/e": "why"}, {"/e"})
    again = index_from_bytes(index_to_bytes(index, ""), "")
    assert again is not None
    same(index, again)


def test_what_is_not_whole_is_not_believed(index: Index) -> None:
    data = index_to_bytes(index, "key")
    chance = np.random.default_rng(0)
    assert index_from_bytes(data, "another key") is None
    assert index_from_bytes(data.replace(b"index 2", b"index 1"), "key") is None
    for place in chance.integers(0, len(data), 50).tolist():
        assert index_from_bytes(data[:place], "key") is None
        assert index_from_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], "key") is None


def test_a_table_of_chunks_is_itself_again() -> None:
    table = ChunkTable(np.array([-1, 5]), np.array([0, 7]), np.array([0, 3], np.uint32))
    again = chunks_from_bytes(chunks_to_bytes(table, "key"), "key")
    assert again is not None
    for column, other in zip(table, again, strict=True):
        np.testing.assert_array_equal(column, other)
    assert chunks_from_bytes(chunks_to_bytes(table, "key"), "other") is None


def test_an_index_is_kept_and_an_index_without_a_key_is_not(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    assert kept.load_index("key") is None
    kept.keep_index("key", index)
    kept.keep_index("", index)
    again = kept.load_index("key")
    assert again is not None
    same(index, again)
    assert kept.load_index("") is None
    assert kept.load_index("other") is None
    assert len(list((tmp_path / "cache" / "index").iterdir())) == 1
    (kept.folder_of("key") / "index").write_bytes(b"half")
    assert kept.load_index("key") is None


def test_what_was_used_longest_ago_is_forgotten(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    kept.keep_index("key 0", index)
    version = kept.folder_of("").parent / "0.version.json"
    version.write_text("{}")
    os.utime(version, (1, 1))
    taken = max((kept.folder_of("key 0") / "index").stat().st_size, kept.SMALLEST)
    monkeypatch.setattr(kept, "MOST", 4 * taken)
    for number in range(1, 6):
        kept.keep_index(f"key {number}", index)
        os.utime(kept.folder_of(f"key {number}"), (1 + number, 1 + number))
        assert kept.load_index("key 0") is not None  # used: it is the youngest now
    there = [number for number in range(6) if kept.folder_of(f"key {number}").exists()]
    assert there == [0, 4, 5]
    assert not version.exists()


def test_a_cache_that_cannot_be_written_to_stops_nobody(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    kept.keep_index("key", index)
    assert kept.load_index("key") is None
    (tmp_path / "cache").unlink()
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache").chmod(stat.S_IRUSR | stat.S_IXUSR)
    kept.keep_index("key", index)
    (tmp_path / "cache").chmod(stat.S_IRWXU)


def test_what_no_file_holds_is_not_packed() -> None:
    with pytest.raises(TypeError, match="a object is not what an attribute of a file can be"):
        pack_value(object())


def test_names_that_are_no_utf8_are_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        h5py.h5g.create(file.id, b"na\xe7me")
    index = read_index(LocalSource(path))
    assert index_from_bytes(index_to_bytes(index, "x"), "x") == index
