"""The index of an HDF5 file is what h5py says of it, for every kind of file that h5py can write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hdf5_zoo import LIBVERS, NUMBERS, write_zoo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structure_by_h5py import assert_same_structure

from conftest import real_data
from neurodata4ml.data.storage.hdf5.pages import MetadataPages
from neurodata4ml.data.storage.hdf5.walk import read_index, read_object, read_under
from neurodata4ml.data.storage.index import Chunked, Dataset, Group, Hard, Index, Reference, Refused
from neurodata4ml.data.storage.sources.local import LocalSource
from neurodata4ml.errors import LayoutError

HOWS = (
    *({"libver": libver} for libver in LIBVERS),
    *({"libver": libver, "track_order": True} for libver in ("earliest", "v108", "latest")),
    {"libver": "earliest", "userblock_size": 1024},
    {"libver": "latest", "userblock_size": 512},
    {"fs_strategy": "page", "fs_persist": True, "libver": "latest"},
    {"libver": "latest", "meta_block_size": 128},
)

WIDTHS = ((4, 4), (8, 4), (4, 8), (2, 8))


def indexed(path: Path, **how: Any) -> Index:
    return read_index(LocalSource(path), skip=(), **how)


def at(index: Index, path: str) -> Any:
    """Return the object at a path of hard links."""
    key = index.root
    for name in path.strip("/").split("/"):
        group = index.objects[key]
        assert isinstance(group, Group)
        link = group.links[name]
        assert isinstance(link, Hard)
        key = link.key
    return index.objects[key]


@pytest.mark.parametrize("how", HOWS, ids=str)
def test_the_index_is_what_h5py_says_of_the_file(tmp_path: Path, how: dict[str, Any]) -> None:
    path = write_zoo(tmp_path / "zoo.h5", **how)
    index = indexed(path)
    assert assert_same_structure(path, index) > 250
    assert [why.split(":")[0] for why in index.damaged.values()] == ["/datatypes/named"]
    assert index.foreign == set(index.damaged)


@pytest.mark.parametrize(
    "name",
    [
        "allen-vc-schema/aibs.nwb",
        "nwb1-retina/20080606_R1.nwb",
        "mouse-alm/sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb",
    ],
)
def test_the_index_of_a_real_recording_is_what_h5py_says(name: str) -> None:
    path = real_data(name)
    assert_same_structure(path, indexed(path))


@pytest.mark.parametrize(("of_addresses", "of_lengths"), WIDTHS)
def test_addresses_and_lengths_may_be_short(tmp_path: Path, of_addresses: int, of_lengths: int) -> None:
    create = h5py.h5p.create(h5py.h5p.FILE_CREATE)
    create.set_sizes(of_addresses, of_lengths)
    path = tmp_path / "short.h5"
    with h5py.File(h5py.h5f.create(bytes(path), fcpl=create)) as file:
        file["x"] = np.arange(3)
        file["x"].attrs["text"] = ["one", "two"]
        file["x"].attrs["reference"] = file["x"].ref
        file.create_group("a/b")
    index = indexed(path)
    assert assert_same_structure(path, index) == 4
    assert at(index, "x").attrs["reference"] == Reference(at(index, "x").key)


def test_a_reference_names_the_object_by_its_key(tmp_path: Path) -> None:
    index = indexed(write_zoo(tmp_path / "zoo.h5", userblock_size=512))
    attrs = at(index, "attributes").attrs
    assert attrs["reference"] == Reference(at(index, "few").key)
    assert attrs["references"].tolist() == [Reference(at(index, "few").key), Reference(at(index, "groups/a").key)]
    assert attrs["no reference"] == Reference(None)


def test_what_cannot_be_read_says_so_and_the_rest_is_there(tmp_path: Path) -> None:
    index = indexed(write_zoo(tmp_path / "zoo.h5"))
    assert isinstance(at(index, "attributes").attrs["opaque"], Refused)
    assert isinstance(at(index, "layouts/virtual").layout, Refused)
    assert "other file" in at(index, "layouts/external").layout.why or "another file" in (
        at(index, "layouts/external").layout.why
    )


def test_what_is_skipped_can_be_read_later(tmp_path: Path) -> None:
    path = write_zoo(tmp_path / "zoo.h5")
    source = LocalSource(path)
    index = read_index(source, skip=("/many", "/not/there"))
    assert index.unread == ("/many",)
    n_before = len(index.objects)
    read_under(source, index, "/many")
    assert len(index.objects) == n_before + 201
    assert index.unread == ()
    assert_same_structure(path, index)
    with pytest.raises(LayoutError, match=r"/not/there is not in the file"):
        read_under(source, index, "/not/there")


def test_one_object_is_read_by_its_key(tmp_path: Path) -> None:
    source = LocalSource(write_zoo(tmp_path / "zoo.h5"))
    dataset = at(read_index(source), "layouts/gzip")
    assert read_object(source, dataset.key) == dataset
    with pytest.raises(LayoutError, match="by its address, not by 'x'"):
        read_object(source, "x")


def test_a_chunked_dataset_says_how_its_chunks_are_found(tmp_path: Path) -> None:
    layouts = {}
    for libver in ("earliest", "latest"):
        index = indexed(write_zoo(tmp_path / f"{libver}.h5", libver=libver))
        for name in ("one chunk", "one filtered chunk", "chunks", "growing", "growing both ways", "no rows"):
            layout = at(index, f"layouts/{name}").layout
            assert isinstance(layout, Chunked)
            layouts[libver, name] = layout.finder[0]
    assert {kind for (libver, _), kind in layouts.items() if libver == "earliest"} == {"btree1", None}
    assert [kind for (libver, _), kind in layouts.items() if libver == "latest"] == [
        "single", "single", "fixed", "extensible", "btree2", None,
    ]  # fmt: skip


def test_metadata_are_read_once_and_never_the_values(tmp_path: Path) -> None:
    path = tmp_path / "large.h5"
    with h5py.File(path, "w") as file:
        file["large"] = np.zeros(10_000_000)
        file.create_group("after")["x"] = np.zeros(3)
    pages = MetadataPages(LocalSource(path))
    indexed(path, pages=pages)
    assert pages.moved.bytes < 100_000
    before = pages.moved
    indexed(path, pages=pages)
    assert pages.moved == before


NAMES = st.text(st.characters(exclude_characters="/.\0", exclude_categories=("Cs",)), min_size=1, max_size=12)
VALUES = st.one_of(
    st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40),
    st.lists(st.text("abcµ", max_size=5), min_size=1, max_size=4),
    st.booleans(),
    st.integers(-(2**31), 2**31 - 1),
    st.floats(allow_nan=False),
    st.sampled_from(NUMBERS).map(lambda dtype: np.arange(3).astype(dtype)),
    st.just(h5py.Empty("f8")),
)
TREES = st.recursive(
    VALUES, lambda below: st.dictionaries(NAMES, below, max_size=14), max_leaves=40
).filter(lambda tree: isinstance(tree, dict))  # fmt: skip


def _write(group: h5py.Group, tree: dict[str, Any]) -> None:
    for name, what in tree.items():
        if isinstance(what, dict):
            _write(group.create_group(name), what)
        else:
            group[name] = what
            group[name].attrs[name] = what
            group.attrs[name] = what


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES, libver=st.sampled_from(LIBVERS), track_order=st.booleans())
def test_any_tree_is_read_as_h5py_reads_it(
    tmp_path: Path, tree: dict[str, Any], libver: str, track_order: bool
) -> None:
    path = tmp_path / "tree.h5"
    with h5py.File(path, "w", libver=libver, track_order=track_order) as file:
        _write(file, tree)
    assert_same_structure(path, indexed(path))


def test_n_bytes_of_a_dataset_are_those_of_its_values(tmp_path: Path) -> None:
    index = indexed(write_zoo(tmp_path / "zoo.h5"))
    dataset = at(index, "layouts/gzip")
    assert isinstance(dataset, Dataset)
    assert dataset.n_bytes == 600 * 4
    assert at(index, "datatypes/empty").n_bytes == 0
