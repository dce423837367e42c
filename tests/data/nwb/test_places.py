"""What somebody gives to be opened is opened, or answered with what to give in its place."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import h5py
import numpy as np
import pytest
import xarray as xr

import twins
from archive import GUO, Archive
from neurodata4ml.data.nwb.engine import open_nwb
from neurodata4ml.data.session import open_session
from neurodata4ml.errors import ArchiveError, LayoutError


@pytest.fixture(scope="module")
def alm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return twins.alm_twin(tmp_path_factory.mktemp("places") / "alm.nwb")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    with Archive() as archive:
        monkeypatch.setenv("NEURODATA4ML_DANDI_API", archive.api)
        yield archive


STRANGERS = {
    b"\n <!DOCTYPE html><html>please log in</html>": "It is a web page.*give the address of the file itself",
    b'{"refs": {}}': r"It is JSON: references \(lindi, kerchunk\) are not read",
    b"\x1f\x8b\x08\0packed": r"It is packed by gzip: unpack it",
    b"PK\x03\x04zipped": "It is a zip archive: unpack it",
    b"version https://git-lfs.github.com/spec/v1\n": "It is a pointer of Git LFS.*git lfs pull",
    b"/annex/objects/MD5E-s1--0.nwb\n": "It is a pointer of git-annex.*datalad get",
    b"MATLAB 5.0 MAT-file": r"It is a file of MATLAB: read it with scipy\.io\.loadmat",
    b"CDF\x01\0\0\0\0": r"It is netCDF: open it with xarray\.open_dataset",
}


@pytest.mark.parametrize(("content", "sentence"), STRANGERS.items())
def test_another_kind_of_file_is_told_by_its_beginning_wherever_it_is(
    content: bytes, sentence: str, tmp_path: Path, archive: Archive
) -> None:
    content += bytes(600)
    (tmp_path / "a.nwb").write_bytes(content)
    for place in (tmp_path / "a.nwb", io.BytesIO(content), archive.url(archive.put("a.nwb", content))):
        with pytest.raises(LayoutError, match=rf"is not HDF5: it begins with b.*{sentence}"):
            open_nwb(place)


def test_an_empty_object_is_named_empty() -> None:
    with pytest.raises(LayoutError, match=r"the file object is empty \(0 bytes\): what wrote or sent it failed"):
        open_nwb(io.BytesIO())


OBJECTS: dict[str, tuple[Any, str]] = {
    "None": (None, r"a file cannot be opened from NoneType\. Give a path, an address"),
    "a list": (["a.nwb"], r"from list\. Give a path, an address"),
    "bytes": (b"\x89HDF", r"from bytes\. Give io\.BytesIO\(\.\.\.\) of these bytes"),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_what_is_no_place_of_a_file_is_answered_with_what_is(name: str) -> None:
    place, sentence = OBJECTS[name]
    for opened in (open_nwb, open_session):
        with pytest.raises(LayoutError, match=sentence):
            opened(place)


def test_handles_of_other_libraries_are_answered_with_what_they_hold(alm: Path) -> None:
    with h5py.File(alm) as file, pytest.raises(LayoutError, match=r"from File\. Give the path itself, '.*alm\.nwb'"):
        open_nwb(file)
    waiting = fsspec.open(str(alm))
    with pytest.raises(LayoutError, match=r"from OpenFile\. Give what its open\(\) returns"):
        open_nwb(waiting)
    with waiting as file:
        assert open_nwb(file)["units"].sizes["units"] == 4


ADDRESSES = {
    "https:/example.org/a.nwb": r"'https:/example\.org/a\.nwb' names no server\. Write https://<server>/<path>",
    "http://": r"'http://' names no server\. Write http://<server>/<path>",
    "s3://bucket": r"'s3://bucket' names no file\. Write s3://<bucket>/<key>",
    "S3://bucket/": r"'s3://bucket/' names no file\. Write s3://<bucket>/<key>",
    "file:///data/my%20a.nwb": r"is on this machine: give its path alone, '/data/my a\.nwb'",
    "gs://bucket/a.nwb": r"gs://bucket/a\.nwb is an address of a kind that is not read",
}


@pytest.mark.parametrize(("address", "sentence"), ADDRESSES.items())
def test_an_address_that_is_none_is_answered_with_how_one_is_written(address: str, sentence: str) -> None:
    for opened in (open_nwb, open_session):
        with pytest.raises(LayoutError, match=sentence):
            opened(address)


def test_spaces_around_an_address_were_copied_along_and_mean_nothing(archive: Archive, alm: Path) -> None:
    url = archive.url(archive.put("a.nwb", alm))
    assert open_nwb(f" {url}\n")["units"].sizes["units"] == 4
    assert open_session(f" {url}\n").attrs["source"] == url


def test_an_address_where_nothing_is_is_to_be_corrected_and_not_tried_again(archive: Archive, alm: Path) -> None:
    with pytest.raises(ArchiveError, match=r"/files/no\.nwb is not there: correct the address\. The server said 404"):
        open_nwb(f"{archive.root}/files/no.nwb?token=secret")
    empty = archive.url(archive.put("empty.nwb", b""))
    with pytest.raises(ArchiveError, match=r"empty\.nwb is empty \(0 bytes\), or serves no ranges"):
        open_nwb(empty)
    closed = archive.url(archive.put("closed.nwb", alm))
    archive.faults.unavailable, archive.faults.status = 9, 403
    with pytest.raises(ArchiveError, match=r"closed\.nwb may not be read by everybody, or is not there: .*signed one"):
        open_nwb(closed)


def test_dandi_may_be_written_as_its_own_client_does(archive: Archive, alm: Path) -> None:
    dandiset, version, path = GUO
    archive.add(dandiset, version, path, alm.read_bytes())
    for place in (f"dandi://dandi/{dandiset}@{version}/{path}", f"DANDI:{dandiset}@{version}//{path}"):
        assert open_nwb(place)["units"].sizes["units"] == 4


def test_a_dataset_of_the_catalog_is_opened_as_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LayoutError, match=r"demo does not exist: demo is a dataset .* open_session\('demo'\) opens"):
        open_nwb("demo")


def test_a_folder_is_answered_with_the_files_in_it(tmp_path: Path) -> None:
    (tmp_path / "b.nwb").touch()
    (tmp_path / "a.nwb").touch()
    with pytest.raises(LayoutError, match=r"is a folder, not an NWB file.* In it are a\.nwb, b\.nwb: give the path"):
        open_nwb(tmp_path)


def test_a_name_that_no_file_can_have_is_no_crash() -> None:
    with pytest.raises(LayoutError, match=r"aaa cannot be read \(File name too long\)\. Correct the path"):
        open_nwb("a" * 5000)


def test_paths_are_those_of_the_moment_they_were_given(
    alm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(alm.parent)
    tree, session = open_nwb("alm.nwb"), open_session("alm.nwb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(alm.parent))
    again = open_nwb("~/alm.nwb")["units/spike_times"].values
    np.testing.assert_array_equal(tree["units/spike_times"].values, again)
    assert session["spike_times"].values.shape == again.shape
    assert session.attrs["source"] == str(alm)


def test_a_group_is_opened_as_a_tree_of_its_own(alm: Path) -> None:
    whole = open_nwb(alm)
    for group in ("general", "/general/"):
        part = xr.open_datatree(alm, engine="nwb", group=group, chunks={})
        assert {node.path for node in part.subtree} == {
            node.path.removeprefix("/general") or "/" for node in whole["general"].subtree
        }
        xr.testing.assert_identical(
            part["extracellular_ephys/electrodes"].to_dataset().load(),
            whole["general/extracellular_ephys/electrodes"].to_dataset().load(),
        )
    assert "/" in xr.open_groups(alm, engine="nwb", group="units")
    with pytest.raises(LayoutError, match=r"has no /unit\. Did you mean /units\?"):
        xr.open_datatree(alm, engine="nwb", group="unit")
    with pytest.raises(LayoutError, match=r"has no /units/x/y"):
        xr.open_dataset(alm, engine="nwb", group="units/x/y")
    with pytest.raises(LayoutError, match=r"group is needed there\. It is 'spike_times' of the group /units"):
        xr.open_datatree(alm, engine="nwb", group="units/spike_times")


def test_blocks_chosen_by_themselves_are_those_that_suit_the_file(alm: Path) -> None:
    assert open_nwb(alm, chunks="auto")["units/spike_times"].chunks == open_nwb(alm)["units/spike_times"].chunks
    assert open_nwb(alm, chunks=None)["units/spike_times"].chunks is None
