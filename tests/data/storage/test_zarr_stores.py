"""A Zarr store by hdmf-zarr has the objects, values, attributes and links of its HDF5 twin by pynwb."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurodata4ml.data.storage.index import Dataset, Hard, Reference, Soft
from neurodata4ml.data.storage.sources.folder import Folder
from neurodata4ml.data.storage.sources.prefix import Prefix
from neurodata4ml.data.storage.zarr.walk import is_store, read_index
from zarr_samples import copied, dataset_of, group_of, unpacked_sample, values


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked_sample(tmp_path_factory.mktemp("sample"))


def as_read(value: Any, file: h5py.File) -> Any:
    """Return a value of h5py as ours are: text as str, references as paths."""
    if isinstance(value, h5py.Reference):
        return Reference(file[value].name)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray | np.void | np.generic) and (value.dtype.hasobject or value.dtype.kind == "S"):
        return nested(value.tolist(), file)
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def nested(value: Any, file: h5py.File) -> Any:
    if isinstance(value, list | tuple) and not isinstance(value, Reference):
        return type(value)(nested(part, file) for part in value)
    return as_read(value, file)


def test_all_objects_values_attributes_and_links_are_those_of_the_hdf5_twin(sample: Path) -> None:
    store = Folder(sample / "session.nwb.zarr")
    index = read_index(store)
    assert not index.damaged
    with h5py.File(sample / "session.nwb") as file:
        paths = ["/"]
        file.visit(lambda name: paths.append(f"/{name}"))
        for path in paths:
            ours, theirs = index.objects[path], file[path]
            assert {k: as_read(v, file) for k, v in ours.attrs.items() if k != ".specloc"} == {
                k: as_read(v, file) for k, v in theirs.attrs.items()
            }, path
            if isinstance(ours, Dataset):
                read = values(store, ours)
                assert read.shape == theirs.shape, path
                assert nested(read.tolist(), file) == as_read(theirs[()], file), path
                assert read.dtype == theirs.dtype or theirs.dtype.hasobject, path
            else:
                soft = {k for k in theirs if isinstance(theirs.get(k, getlink=True), h5py.SoftLink)}
                assert {k for k in ours.links if k != "specifications"} == set(theirs), path
                assert {k: v for k, v in ours.links.items() if isinstance(v, Soft)} == {
                    k: Soft(theirs.get(k, getlink=True).path) for k in soft
                }
        assert {path for path in index.objects if not path.startswith("/specifications")} == set(paths)


def test_references_in_attributes_values_and_rows_are_paths(sample: Path) -> None:
    store = Folder(sample / "session.nwb.zarr")
    index = read_index(store)
    assert dataset_of(index, "/units/electrodes").attrs["table"] == Reference("/general/extracellular_ephys/electrodes")
    groups = values(store, dataset_of(index, "/units/electrode_group"))
    assert groups[2] == Reference("/general/extracellular_ephys/shank1")
    rows = values(store, dataset_of(index, "/intervals/trials/timeseries"))
    assert rows.dtype.names == ("idx_start", "count", "timeseries")
    assert rows["timeseries"][0] == Reference("/processing/behavior/BehavioralTimeSeries/running")


def test_the_cached_specifications_are_there_and_pointed_to(sample: Path) -> None:
    store = Folder(sample / "session.nwb.zarr")
    index = read_index(store)
    assert index.objects["/"].attrs[".specloc"] == Reference("/specifications")
    namespace = values(store, dataset_of(index, "/specifications/hdmf-common/1.10.0/namespace"))
    assert json.loads(namespace[()])["namespaces"][0]["name"] == "hdmf-common"


def test_what_zarr_adds_for_itself_is_not_seen(sample: Path) -> None:
    index = read_index(Folder(sample / "session.nwb.zarr"))
    names = {name for found in index.objects.values() for name in found.attrs}
    assert not names & {"zarr_dtype", "zarr_link", "_ARRAY_DIMENSIONS"}


def test_without_consolidated_metadata_a_folder_says_the_same(sample: Path, tmp_path: Path) -> None:
    folder = copied(sample, tmp_path)
    whole = read_index(Folder(folder))
    (folder / ".zmetadata").unlink()
    alone = read_index(Folder(folder))
    assert set(alone.objects) == set(whole.objects)
    units, same = group_of(whole, "/units"), group_of(alone, "/units")
    assert list(same.attrs["colnames"]) == list(units.attrs["colnames"])
    assert same.links == units.links
    assert same.links["id"] == Hard("/units/id")


def test_references_of_old_versions_name_the_store_by_its_folder_or_by_its_id(sample: Path, tmp_path: Path) -> None:
    folder = copied(sample, tmp_path)
    document = json.loads((folder / ".zmetadata").read_bytes())
    table = document["metadata"]["units/electrodes/.zattrs"]["table"]["value"]
    table["source"] = "session.nwb.zarr"
    (folder / ".zmetadata").write_text(json.dumps(document))
    assert "/units/electrodes" in read_index(Folder(folder)).objects
    table["source"] = "somewhere/renamed.zarr"  # its root's object_id is the same
    (folder / ".zmetadata").write_text(json.dumps(document))
    assert "/units/electrodes" in read_index(Folder(folder)).objects


def test_a_store_is_told_by_its_files(sample: Path, tmp_path: Path) -> None:
    assert is_store(sample / "session.nwb.zarr")
    assert not is_store(tmp_path)
    assert not is_store(sample / "session.nwb")


def test_a_store_is_sent_to_other_processes_by_its_place(sample: Path) -> None:
    store = pickle.loads(pickle.dumps(Folder(sample / "session.nwb.zarr")))
    assert "/units" in read_index(store).objects
    assert len(pickle.dumps(Prefix("https://x.org/a.zarr"))) < 500
