"""What only HDF5's own library can read is read in a child, whose death is a sentence and nobody's crash."""

from __future__ import annotations

import ctypes
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurodata4ml.data.storage.file import StoredFile
from neurodata4ml.data.storage.hdf5.damage import Unsupported
from neurodata4ml.data.storage.hdf5.walk import read_index
from neurodata4ml.data.storage.index import Dataset, Foreign, Group
from neurodata4ml.data.storage.libhdf5 import child
from neurodata4ml.data.storage.libhdf5.child import ask, index_from_library, supervised, values_from_library
from neurodata4ml.data.storage.sources.local import LocalSource
from neurodata4ml.data.storage.values.selection import select
from neurodata4ml.errors import LayoutError


def write(file: h5py.File) -> None:
    """Write a bit of everything."""
    group = file.create_group("a")
    group.attrs["name"] = "é"
    group["x"] = np.arange(12, dtype=">f4").reshape(3, 4)
    group["x"].attrs["unit"] = "volts"
    group["soft"], group["outside"] = h5py.SoftLink("/a/x"), h5py.ExternalLink("other.h5", "/")
    file["text"] = ["a", "bé", ""]
    file["ok"] = np.array([True, False])
    file.create_dataset("to", data=[group.ref, h5py.Reference()], dtype=h5py.ref_dtype)
    file["fields"] = np.array([(1, 2.5)], [("n", "i4"), ("w", "f8")])
    file["odd"] = np.array([b"abc"], "V3")
    file.attrs["to"] = group.ref


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "plain.h5", "w") as file:
        write(file)
    return tmp_path / "plain.h5"


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A file with a table of shared messages, which our own reader does not know; h5py has no word for it."""
    libraries = sorted(Path(h5py.__file__).parents[1].glob("h5py.libs/libhdf5-*.so*"))
    if not libraries:
        pytest.skip("h5py's own copy of HDF5 is not where it is looked for")
    library: Any = ctypes.CDLL(str(libraries[0]))
    settings = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    library.H5Pset_shared_mesg_nindexes.argtypes = [ctypes.c_int64, ctypes.c_uint]
    library.H5Pset_shared_mesg_index.argtypes = [ctypes.c_int64, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint]
    assert library.H5Pset_shared_mesg_nindexes(settings.id, 1) >= 0
    assert library.H5Pset_shared_mesg_index(settings.id, 0, 0x1F, 20) >= 0
    with h5py.File(h5py.h5f.create(bytes(tmp_path / "shared.h5"), fcpl=settings)) as file:
        write(file)
    return tmp_path / "shared.h5"


def test_a_file_of_a_rare_structure_is_read_by_the_child(shared: Path) -> None:
    with pytest.raises(Unsupported):
        read_index(LocalSource(shared))
    file = StoredFile(LocalSource(shared))
    x = file.find("/a/soft").object
    assert isinstance(x, Dataset)
    assert x.layout == Foreign("/a/x")
    assert x.attrs == {"unit": "volts"}
    np.testing.assert_array_equal(file.values(x, (slice(0, 3, 2), np.array([0, 3]))), [[0, 3], [8, 11]])
    found = {name: file.find(name).object for name in ("text", "ok", "to", "fields")}
    values = {name: file.values(dataset) for name, dataset in found.items() if isinstance(dataset, Dataset)}
    assert values["text"].tolist() == ["a", "bé", ""]
    assert values["ok"].tolist() == [True, False]
    assert values["ok"].dtype == bool
    assert [file.path_of(to) for to in values["to"]] == ["/a", ""]
    assert file.values(found["fields"], field="w").tolist() == [2.5]  # type: ignore[arg-type]
    assert file.path_of(file.root.attrs["to"]) == "/a"
    assert file.many([(x, None)])[0].shape == (3, 4)  # type: ignore[union-attr]
    assert (file.find("odd").refused or ("",))[0].startswith("is of a datatype that has no place")
    assert (file.find("/a/outside").refused or ("",))[0].startswith("lies in another file, 'other.h5'")


def test_the_child_tells_what_our_reader_tells(plain: Path) -> None:
    ours, theirs = read_index(LocalSource(plain)), index_from_library(str(plain))
    assert set(theirs.objects) == set(ours.objects)
    for key, found in ours.objects.items():
        other = theirs.objects[key]
        assert dict(found.attrs) == dict(other.attrs)
        if isinstance(found, Group):
            assert isinstance(other, Group)
            assert dict(found.links) == dict(other.links)
        else:
            assert isinstance(other, Dataset)
            assert found.shape == other.shape
            assert found.stored.kind == "unreadable" or found.stored.dtype == other.stored.dtype or found.shape == (1,)
    values = values_from_library(str(plain), "/a/x", select((1,), (3, 4)))
    assert values.tolist() == [4, 5, 6, 7]


def test_an_object_that_is_foreign_is_asked_for_when_it_is_looked_at(plain: Path) -> None:
    index = read_index(LocalSource(plain))
    key = StoredFile(LocalSource(plain), index).find("/a/x").object.key  # type: ignore[union-attr]
    del index.objects[key]
    index.damaged[key], index.foreign = "/a/x: of a structure that is rare", {key}
    file = StoredFile(LocalSource(plain), index)
    x = file.find("/a/x").object
    assert isinstance(x, Dataset)
    assert x.key == key
    assert file.values(x).tolist() == np.arange(12).reshape(3, 4).tolist()


def test_what_the_library_does_not_read_is_our_error(tmp_path: Path, plain: Path) -> None:
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(LayoutError, match=r"HDF5's own library says OSError: .*file signature not found"):
        index_from_library(str(tmp_path / "text.h5"))
    with pytest.raises(LayoutError, match="HDF5's own library says KeyError"):
        values_from_library(str(plain), "/nowhere", select(None, (3,)))


def test_a_child_that_takes_too_much_memory_is_our_error(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(__import__("os"), "fork"):
        pytest.skip("no limits here")
    with h5py.File(plain, "r+") as file:
        file.create_dataset("large", (1 << 29,), "i1", chunks=(1 << 20,))
    monkeypatch.setattr(child, "MEMORY", 1 << 29)
    with pytest.raises(LayoutError, match=r"HDF5's own library (says .*Memory|died)"):
        values_from_library(str(plain), "/large", select(None, (1 << 29,)))


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"died of x\.nwb \(by SIGSEGV\), in a process of"),
        ("raise SystemExit('no more')", r"died of x\.nwb \(with status 1: no more\)"),
    ],
)
def test_a_child_that_dies_is_a_sentence(code: str, why: str) -> None:
    if sys.platform == "win32" and "SIGSEGV" in code:
        pytest.skip("no signals here")
    with pytest.raises(LayoutError, match=why):
        supervised([sys.executable, "-c", code], b"question", "x.nwb", 30)


def test_a_child_that_does_not_end_is_ended() -> None:
    begun = time.monotonic()
    with pytest.raises(LayoutError, match=r"was at work on x\.nwb for 0\.2 s without an end"):
        supervised([sys.executable, "-c", "while True: pass"], b"", "x.nwb", 0.2)
    assert time.monotonic() - begun < 10


def test_the_child_is_asked_in_plain_words(plain: Path) -> None:
    assert set(ask(str(plain), {"what": "index", "path": "/", "below": False})) == {"index"}
