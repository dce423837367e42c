"""A session is read from where it is: the cache, an excerpt, its server, DANDI, an address, an open file."""

from __future__ import annotations

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr

import twins
from allen_session import allen_session, entered
from archive import GUO, Archive, guo_alm_local, guo_alm_twin
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.align.spikes import read_spikes
from neurodata4ml.data.cache import store
from neurodata4ml.data.entries.catalog import describe
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.data.nwb.engine import descriptions, open_nwb
from neurodata4ml.data.session import open_session
from neurodata4ml.errors import CatalogError, ChecksumError, LayoutError, NotCachedError


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return allen_session(tmp_path_factory.mktemp("small") / "small.nwb")


def shown(path: Path) -> Path:
    """Write a session with five images that were shown."""
    with h5py.File(twins.alm_twin(path), "r+") as file:
        scenes = file.create_group("stimulus/templates/scenes")
        scenes.attrs.update(neurodata_type="ImageSeries", namespace="core")
        scenes["data"] = np.arange(5 * 4 * 6, dtype=np.uint8).reshape(5, 4, 6)
        scenes["timestamps"] = np.arange(5.0)
    return path


def test_a_session_that_is_not_here_is_read_from_its_server_in_parts(
    archive: Archive, small: Path, tmp_path: Path
) -> None:
    entered(archive, tmp_path / "catalog", small)
    there = open_session("my-allen")
    assert not store.cached(describe("my-allen"))
    url = archive.url(archive.files[0])
    assert there.attrs["read_from"] == there.attrs["source"] == url
    assert there.attrs["proven"] == "yes: the server's ETag was the published one"
    assert "sha256" not in there.attrs
    assert there.attrs["whole"] == small.stat().st_size
    moved = sum(request.sent for request in archive.log)
    counts = bin_spikes(there, window=(0.0, 0.25), bin_width=0.25)
    path = store.fetch("my-allen", progress=False)
    here = open_session("my-allen")
    assert here.attrs["read_from"] == here.attrs["source"] == str(path)
    assert here.attrs["sha256"] == there.attrs["source_sha256"]
    assert moved < path.stat().st_size
    xr.testing.assert_equal(there.load(), here.load())
    xr.testing.assert_equal(counts, bin_spikes(here, window=(0.0, 0.25), bin_width=0.25))


def test_a_file_that_is_not_the_published_one_is_not_read(archive: Archive, small: Path, tmp_path: Path) -> None:
    entered(archive, tmp_path / "catalog", small, etag="0" * 32)
    with pytest.raises(ChecksumError, match=r"states ETag .* for my-allen one; published is"):
        open_session("my-allen")


def test_a_file_without_a_published_etag_is_read_unproven(archive: Archive, small: Path, tmp_path: Path) -> None:
    entered(archive, tmp_path / "catalog", small, etag="")
    assert open_session("my-allen").attrs["proven"] == "no: no ETag of the file is published"


def test_offline_a_session_that_is_not_in_the_cache_is_said_to_be_missing(
    archive: Archive, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered(archive, tmp_path / "catalog", small)
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(
        NotCachedError, match=r"my-allen session one is not in the cache .* neurodata4ml fetch my-allen"
    ):
        open_session("my-allen")
    assert archive.log == []


def test_an_address_is_a_session_and_takes_no_other(archive: Archive, small: Path) -> None:
    url = archive.url(archive.put("small.nwb", small.read_bytes()))
    session = open_session(url, trials="natural_scenes_presentations")
    assert session.attrs["source"] == session.attrs["read_from"] == url
    assert session.attrs["units_kept"].startswith("all 60: no entry of the catalog")
    with pytest.raises(LayoutError, match=r"small\.nwb is a file, which is one session; session='1' belongs to a"):
        open_session(url, "1")
    with pytest.raises(LayoutError, match=r"no images in this file: .*nothing under stimulus/templates"):
        stimulus_images(session)


def test_a_signature_in_an_address_stands_in_no_attribute(archive: Archive, tmp_path: Path) -> None:
    url = archive.url(archive.put("seen.nwb", shown(tmp_path / "seen.nwb").read_bytes()))
    session = open_session(f"{url}?X-Amz-Signature=secret")
    assert session.attrs["source"] == session.attrs["read_from"] == url
    assert "secret" not in repr(session)
    assert stimulus_images(session).values.shape == (5, 4, 6)
    assert {"X-Amz-Signature=secret" in asked.path for asked in archive.downloads()} == {True}


def test_images_of_a_session_that_has_no_name_are_in_its_file(tmp_path: Path) -> None:
    session = open_session(io.BytesIO(shown(tmp_path / "seen.nwb").read_bytes()))
    assert stimulus_images(session).shape == (5, 4, 6)


def test_a_session_at_an_address_says_what_tells_that_it_is_the_right_file(archive: Archive, tmp_path: Path) -> None:
    content = guo_alm_twin(tmp_path / "twin.nwb")
    guo_alm_local(archive, tmp_path / "catalog", content)
    dandiset, version, path = GUO
    published = open_session(f"dandi:{dandiset}@{version}/{path}")
    assert published.attrs["proven"] == "yes: the server's ETag was the published one"
    typed = open_session(archive.url(archive.put("twin.nwb", content)))
    assert typed.attrs["proven"] == "no: no ETag of the file is published"


def test_an_open_file_is_a_session(small: Path) -> None:
    with small.open("rb") as file:
        session = open_session(file, trials="natural_scenes_presentations")
        times, _ = read_spikes(session)
    np.testing.assert_array_equal(times, read_spikes(open_session(small, trials="natural_scenes_presentations"))[0])
    assert session.attrs["read_from"] == str(small)


def test_a_file_on_dandi_is_found_by_its_path(archive: Archive, tmp_path: Path) -> None:
    content = guo_alm_twin(tmp_path / "twin.nwb")
    stored = guo_alm_local(archive, tmp_path / "catalog", content)
    dandiset, version, path = GUO
    assert stored.path == path
    tree = open_nwb(f"dandi:{dandiset}@{version}/{path}")
    assert tree["units"].sizes["units"] == 4
    xr.testing.assert_identical(tree["units/spike_times"].load(), open_nwb(tmp_path / "twin.nwb")["units/spike_times"])
    assert "spike_times" in descriptions(f"dandi:{dandiset}@{version}/{path}", "units")
    session = open_session(f"dandi:{dandiset}@{version}/{path}")
    assert session.attrs["source"] == f"dandi:{dandiset}@{version}/{path}"
    assert (session.sizes["unit"], session.sizes["trial"]) == (4, 40)
    with pytest.raises(CatalogError, match=rf"DANDI {dandiset} version {version} has no file sub-x/no\.nwb"):
        open_nwb(f"dandi:{dandiset}@{version}/sub-x/no.nwb")


def test_the_newest_version_on_dandi_is_meant_where_none_is_named(archive: Archive, tmp_path: Path) -> None:
    content = guo_alm_twin(tmp_path / "twin.nwb")
    guo_alm_local(archive, tmp_path / "catalog", content)
    assert open_nwb(f"dandi:{GUO[0]}/{GUO[2]}")["units"].sizes["units"] == 4
