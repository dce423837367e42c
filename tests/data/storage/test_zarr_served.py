"""A Zarr store on a server: few requests, many at a time, and no gap in it is taken for data."""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archive import Archive
from neurodata4ml.data.remote import transport
from neurodata4ml.data.remote.addresses import Reach
from neurodata4ml.data.storage.file import StoredFile
from neurodata4ml.data.storage.index import Dataset
from neurodata4ml.data.storage.sources import prefix
from neurodata4ml.data.storage.sources.folder import Folder
from neurodata4ml.data.storage.sources.prefix import Prefix
from neurodata4ml.data.storage.zarr.walk import read_index
from neurodata4ml.errors import ArchiveError, LayoutError, NotCachedError
from zarr_samples import copied, dataset_of, put, unpacked_sample, values


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpacked_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setattr(transport, "_wait", lambda fault, number: 0.0)
    with Archive() as archive:
        yield archive


def test_a_store_on_a_server_opens_with_one_request_and_reads_the_same(archive: Archive, sample: Path) -> None:
    store = put(archive, sample / "session.nwb.zarr", "with a space/s.nwb.zarr")
    index = read_index(store)
    assert len(archive.log) == 1
    assert store.requests == 1
    local = Folder(sample / "session.nwb.zarr")
    for path in ("/acquisition/raw/data", "/units/electrode_group", "/units/quality", "/identifier"):
        dataset = dataset_of(index, path)
        np.testing.assert_array_equal(values(store, dataset), values(local, dataset))
    assert store.moved == sum(request.sent for request in archive.log)


def test_what_a_read_would_move_is_told_before(archive: Archive, sample: Path) -> None:
    store = put(archive, sample / "session.nwb.zarr")
    assert store.cost(["a/0", "a/1"], 1000) == (2000, 2)
    assert Folder(sample).cost(["a/0"], 1000) == (0, 0)


def test_many_files_are_asked_for_at_a_time(archive: Archive, tmp_path: Path) -> None:
    for number in range(48):
        archive.put(f"x.zarr/{number}", bytes([number]))
    archive.faults.latency = 0.1
    store = Prefix(f"{archive.root}/files/x.zarr", reach=Reach(named=(archive.root,)))
    start = time.monotonic()
    read = dict(store.read_many([str(number) for number in range(48)]))
    assert time.monotonic() - start < 0.1 * 48 / 4
    assert read == {number: bytes([number]) for number in range(48)}


def test_a_missing_chunk_is_believed_while_the_store_is_there(archive: Archive, tmp_path: Path) -> None:
    store, metadata = small_store(archive)
    index = read_index(store)
    assert store.read("x/1") is None
    assert values(store, dataset_of(index, "/x")).tolist() == [1, 2, 7, 7]
    archive.change(metadata, b"{}")
    store._seen -= prefix.LASTING
    with pytest.raises(ArchiveError, match=r"changed on the server, or was taken away.*x/1 is missing"):
        store.read("x/1")


def test_chunks_that_were_written_since_the_opening_are_refused(archive: Archive, sample: Path, tmp_path: Path) -> None:
    store, metadata = small_store(archive)
    metadata.modified, chunk = "Sun, 09 Sep 2001 01:46:40 GMT", archive.put("x.zarr/x/1", bytes([3, 4]))
    dataset = dataset_of(read_index(store), "/x")
    chunk.modified = "Sun, 09 Sep 2012 01:46:40 GMT"
    assert values(store, dataset).tolist() == [1, 2, 3, 4]
    chunk.modified = "Sun, 09 Sep 2120 01:46:40 GMT"
    moved = pickle.loads(pickle.dumps(store))
    for its in (store, moved):
        with pytest.raises(ArchiveError, match=r"x/1 of .* changed while it was read: .*2120.*Open it again"):
            values(its, dataset)
    folder = copied(sample, tmp_path)
    time.sleep(0.02)  # clocks of file systems tick slowly
    local = Folder(folder)
    assert local.read("units/id/0")
    time.sleep(0.02)
    (folder / "units" / "id" / "0").write_bytes((folder / "units" / "id" / "0").read_bytes())
    for its in (local, pickle.loads(pickle.dumps(local))):
        with pytest.raises(LayoutError, match=r"units/id/0 in .* changed since the store was opened\. Open it again"):
            its.read("units/id/0")
    assert Folder(folder).read("units/id/0")


def test_a_store_that_was_taken_away_is_not_full_of_fill_values(archive: Archive) -> None:
    store, _ = small_store(archive)
    read_index(store)
    moved = pickle.loads(pickle.dumps(store))  # in another process, which knows what the first one saw
    archive.files.clear()
    with pytest.raises(ArchiveError, match=r"not what it was. Open it again"):
        moved.read("x/0")


def small_store(archive: Archive) -> tuple[Prefix, Any]:
    array = {"shape": [4], "chunks": [2], "dtype": "|u1", "compressor": None, "filters": None, "fill_value": 7}
    members = {".zgroup": {"zarr_format": 2}, "x/.zarray": array | {"zarr_format": 2, "order": "C"}}
    metadata = archive.put("x.zarr/.zmetadata", json.dumps({"metadata": members}).encode())
    archive.put("x.zarr/x/0", bytes([1, 2]))
    return Prefix(f"{archive.root}/files/x.zarr/", reach=Reach(named=(archive.root,))), metadata


def test_a_server_that_fails_or_cuts_files_short_is_asked_again(archive: Archive, sample: Path) -> None:
    store = put(archive, sample / "session.nwb.zarr")
    index = read_index(store)
    archive.faults.unavailable, archive.faults.status = 2, 503
    archive.faults.cuts = [10, 0, 100]
    dataset = dataset_of(index, "/acquisition/raw/data")
    np.testing.assert_array_equal(values(store, dataset), values(Folder(sample / "session.nwb.zarr"), dataset))


def test_a_forbidden_file_is_not_a_missing_one(archive: Archive, sample: Path) -> None:
    store = put(archive, sample / "session.nwb.zarr")
    read_index(store)
    archive.serve("/files/s.nwb.zarr/units/id/0", "no", status=403)
    with pytest.raises(ArchiveError, match=r"did not deliver units/id/0 of s.nwb.zarr: it answered 403"):
        store.read("units/id/0")


def test_without_consolidated_metadata_a_server_cannot_be_read(archive: Archive, sample: Path, tmp_path: Path) -> None:
    folder = copied(sample, tmp_path)
    (folder / ".zmetadata").unlink()
    with pytest.raises(LayoutError, match=r"has no consolidated metadata .*zarr.consolidate_metadata\(\)"):
        read_index(put(archive, folder))


def test_no_bytes_are_taken_in_the_clear_from_servers_that_nobody_named() -> None:
    with pytest.raises(ArchiveError, match=r"http://x.org/a.zarr is not https.*Use its https:// address"):
        Prefix("http://x.org/a.zarr")
    assert Prefix("s3://bucket/zarr/1/").url == "https://bucket.s3.amazonaws.com/zarr/1/"


def test_offline_no_server_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError, match="NEURODATA4ML_OFFLINE is set"):
        read_index(Prefix("https://x.org/a.zarr"))


def test_many_small_datasets_take_the_time_of_one(archive: Archive, sample: Path) -> None:
    file = StoredFile(put(archive, sample / "session.nwb.zarr"))
    small = [found for found in file.index.objects.values() if isinstance(found, Dataset) and found.n_bytes < 100]
    assert len(small) > 30
    archive.faults.latency = 0.1
    start = time.monotonic()
    read = file.many([(dataset, None) for dataset in small])
    assert time.monotonic() - start < 0.1 * len(small) / 4
    local = StoredFile(Folder(sample / "session.nwb.zarr"))
    for dataset, found in zip(small, read, strict=True):
        np.testing.assert_array_equal(found, local.values(dataset))


def test_of_many_datasets_only_the_damaged_one_is_an_error(sample: Path, tmp_path: Path) -> None:
    folder = copied(sample, tmp_path)
    (folder / "units" / "snr" / "0").unlink()
    (folder / "units" / "snr" / "0").symlink_to(sample / "session.nwb")
    file = StoredFile(Folder(folder))
    wanted = [(dataset_of(file.index, f"/units/{name}"), None) for name in ("id", "snr", "is_kept")]
    ids, error, kept = file.many(wanted)
    assert isinstance(error, LayoutError)
    assert "outside of the store" in str(error)
    assert list(ids) == [0, 1, 2, 3]
    assert list(kept) == [True, False, True, False]
