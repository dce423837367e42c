"""An NWB session in a Zarr store opens as its twin in HDF5 does, on disk and on a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import xarray as xr

from archive import Archive
from neurodata4ml import open_nwb
from zarr_samples import put, unpacked_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as archive:
        yield archive


def assert_same(opened: xr.DataTree, twin: xr.DataTree) -> None:
    assert opened.groups == twin.groups
    for group in twin.groups:
        xr.testing.assert_identical(opened[group].to_dataset().load(), twin[group].to_dataset().load())


def test_a_store_in_a_folder_opens_as_its_twin(sample: Path) -> None:
    assert_same(open_nwb(sample / "session.nwb.zarr"), open_nwb(sample / "session.nwb"))


def test_a_store_on_a_server_opens_as_its_twin(archive: Archive, sample: Path) -> None:
    store = put(archive, sample / "session.nwb.zarr", "session.nwb.zarr")
    assert_same(open_nwb(store.url), open_nwb(sample / "session.nwb"))


def test_opening_a_store_on_a_server_reads_no_large_array(archive: Archive, sample: Path) -> None:
    store = put(archive, sample / "session.nwb.zarr", "session.nwb.zarr")
    tree = open_nwb(store.url)
    asked = {request.path.partition("session.nwb.zarr/")[2] for request in archive.log}
    assert ".zmetadata" in asked
    assert not {name for name in asked if "raw/data/" in name or "spike_times/" in name}
    assert tree["units"].sizes["units"] == 4
