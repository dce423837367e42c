"""The images that were shown: from the file, or one picture each from where the archive keeps them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
import xarray as xr
from layouts import ALLEN_LAYOUT
from PIL import Image

import twins
from archive import Archive
from neurodata4ml.data import supplements
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.cache import receipts
from neurodata4ml.data.entries.catalog import describe
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.data.orders.locking import write_into_lock
from neurodata4ml.data.session import open_session
from neurodata4ml.errors import ArchiveError, CatalogError, ChecksumError, DesignError, LayoutError, NotCachedError
from neurodata4ml.spec import read_spec
from neurodata4ml.studies.material import Material

PIXELS = np.random.default_rng(0).integers(0, 255, (6, 8, 10)).astype(np.uint8)
"""Six pictures, one for each image of the twin."""


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return twins.allen_twin(tmp_path_factory.mktemp("allen") / "allen_twin.nwb")


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as archive:
        yield archive


@pytest.fixture
def session(twin: Path, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> xr.Dataset:
    """A session of a dataset whose six pictures lie on a server, as TIFF; the cache is empty."""
    for number, pixels in enumerate(PIXELS):
        archive.put(f"scenes/natural_scene_{number}.tiff", tiff(pixels))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(twin.parent))
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    enter(twin, f"{archive.root}/files/scenes/natural_scene_{{n}}.tiff")
    return open_session("pictured")


def enter(twin: Path, url: str, **images: Any) -> None:
    """Write the entry ``pictured`` for the twin, with ``images_from``."""
    entry = {
        "name": "pictured",
        "title": "a twin",
        "summary": "made up",
        "archive": "local",
        "version": "1",
        "license": "CC0-1.0",
        "citation": "Nobody 2026",
        "species": "mouse",
        "modality": "Neuropixels",
        "task": "natural scenes",
        "default_session": "one",
        "sessions": {"one": {"path": twin.name}},
        "layout": ALLEN_LAYOUT,
        "images_from": {"url": url, "count": 6, "trials": ["natural_scenes"], **images},
    }
    (twin.parent / "pictured.toml").write_text(tomli_w.dumps(entry), encoding="utf-8")


def tiff(pixels: np.ndarray) -> bytes:
    """Return pixels as the bytes of a TIFF file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "TIFF")
    return file.getvalue()


def kept(tmp_path: Path) -> list[str]:
    """Return the names of all files in the cache's folder of pictures, but for receipts."""
    folder = tmp_path / "cache" / "pictured" / "images"
    return sorted(path.name for path in folder.glob("*") if not path.name.endswith(receipts.SUFFIX))


def test_pictures_that_the_archive_keeps_apart_are_fetched_once_and_numbered_as_the_stimuli(
    session: xr.Dataset, archive: Archive, tmp_path: Path
) -> None:
    images = stimulus_images(session)
    assert images.dims == ("stimulus", "y", "x")
    assert images["stimulus"].values.tolist() == [0, 1, 2, 3, 4, 5]
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images.values, PIXELS)
    assert images.attrs["images_from"].endswith("/scenes/natural_scene_{n}.tiff")
    assert images.attrs["dataset"] == "pictured"
    assert kept(tmp_path) == [f"natural_scene_{n}.tiff" for n in range(6)]
    assert len(archive.downloads()) == 6
    receipt = tmp_path / "cache/pictured/images/natural_scene_3.tiff.verified.json"
    os.utime(receipt, (1, 1))
    np.testing.assert_array_equal(stimulus_images(session).values, PIXELS)
    assert len(archive.downloads()) == 6
    assert receipt.stat().st_mtime > 1, "that they were used is remembered"


def test_one_picture_is_read_without_the_others(session: xr.Dataset, tmp_path: Path) -> None:
    images = stimulus_images(session)
    for number in (0, 1, 2, 4, 5):
        (tmp_path / "cache/pictured/images" / f"natural_scene_{number}.tiff").unlink()
    np.testing.assert_array_equal(images.sel(stimulus=3).values, PIXELS[3])
    with pytest.raises(LayoutError, match=r"natural_scene_\d\.tiff is gone from the cache\. Fetch it again: "):
        images.load()


def test_a_receipt_says_where_a_picture_comes_from_and_that_it_was_taken_on_trust(
    session: xr.Dataset, tmp_path: Path
) -> None:
    folder = supplements.fetch_images(describe("pictured"))
    assert folder == tmp_path / "cache" / "pictured" / "images"
    its = json.loads((folder / "natural_scene_3.tiff.verified.json").read_text())
    assert its["url"].endswith("/files/scenes/natural_scene_3.tiff")
    assert its["note"].startswith("no digest published")
    assert its["size"] == len(tiff(PIXELS[3]))


def test_progress_counts_the_bytes_of_all_pictures_and_ends_at_their_sum(session: xr.Dataset) -> None:
    seen: list[tuple[int, int]] = []
    supplements.fetch_images(describe("pictured"), progress=lambda have, total: seen.append((have, total)), jobs=3)
    size = sum(len(tiff(pixels)) for pixels in PIXELS)
    assert seen[-1] == (size, size)
    assert [have for have, _ in seen] == sorted(have for have, _ in seen)


def test_offline_without_pictures_the_line_that_gets_them_is_said(
    session: xr.Dataset, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not supplements.images_cached(describe("pictured"))
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(
        NotCachedError, match=r"6 of the 6 pictures of pictured are not.*neurodata4ml fetch pictured --what images$"
    ):
        stimulus_images(session)
    assert not archive.log


def test_a_study_without_the_pictures_goes_on_and_says_why_they_are_missing(
    session: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = bin_spikes(session, bin_width=0.05)
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    material = Material(read_spec("demo"), session, counts, {}, {})
    with pytest.raises(DesignError, match=r"neurodata4ml fetch pictured --what images$"):
        _ = material.images


def test_offline_with_pictures_in_the_cache_they_are_there(
    session: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    supplements.fetch_images(describe("pictured"))
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    assert supplements.images_cached(describe("pictured"))
    np.testing.assert_array_equal(stimulus_images(session).values, PIXELS)


def test_pictures_of_a_shared_cache_are_read_from_there(
    session: xr.Dataset, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    supplements.fetch_images(describe("pictured"))
    archive.forget()
    monkeypatch.setenv("NEURODATA4ML_SHARED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "mine"))
    assert stimulus_images(session).attrs["images"] == str(tmp_path / "cache" / "pictured" / "images")
    assert not archive.log
    assert not (tmp_path / "mine" / "pictured").exists()


def test_a_picture_that_is_missing_is_named_and_the_others_are_kept(
    session: xr.Dataset, archive: Archive, twin: Path, tmp_path: Path
) -> None:
    enter(twin, f"{archive.root}/files/scenes/natural_scene_{{n}}.tiff", count=7)
    with pytest.raises(ArchiveError, match=r"natural_scene_6\.tiff: .* did not deliver .*404"):
        supplements.fetch_images(describe("pictured"), jobs=1)
    assert kept(tmp_path) == [f"natural_scene_{n}.tiff" for n in range(6)]
    archive.put("scenes/natural_scene_6.tiff", tiff(PIXELS[0]))
    archive.forget()
    supplements.fetch_images(describe("pictured"))
    assert [request.path for request in archive.downloads()] == ["/files/scenes/natural_scene_6.tiff"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"<!DOCTYPE html><html><body>Please log in</body></html>", r"it begins with b'<!DOCTYP'"),
        (tiff(PIXELS[0])[:-10], r"natural_scene_3\.tiff sent something else: .*truncated"),
        (b"", r"it begins with b''"),
    ],
    ids=["page", "cut", "empty"],
)
def test_what_is_no_picture_is_refused_and_not_kept(
    session: xr.Dataset, archive: Archive, tmp_path: Path, content: bytes, sentence: str
) -> None:
    archive.change(archive.files[3], content)
    with pytest.raises(ArchiveError, match=sentence):
        stimulus_images(session)
    folder = tmp_path / "cache" / "pictured" / "images"
    assert not [path.name for path in folder.glob("natural_scene_3*")]


def test_several_pages_or_a_palette_are_not_one_picture(session: xr.Dataset, archive: Archive, tmp_path: Path) -> None:
    pages = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(pages, "TIFF", save_all=True, append_images=[Image.fromarray(PIXELS[1])])
    palette = io.BytesIO()
    Image.fromarray(PIXELS[0]).convert("P").save(palette, "TIFF")
    for content in (pages, palette):
        archive.change(archive.files[3], content.getvalue())
        with pytest.raises(ArchiveError, match="is not one picture in grey or in colours"):
            stimulus_images(session)
    assert "natural_scene_3.tiff" not in kept(tmp_path)


def test_a_picture_of_another_size_is_named(session: xr.Dataset, archive: Archive) -> None:
    archive.change(archive.files[4], tiff(PIXELS[4][:7]))
    with pytest.raises(
        LayoutError, match=r"not of one size: 5 are 8 x 10 uint8, and natural_scene_4\.tiff is 7 x 10 uint8\. Delete"
    ):
        stimulus_images(session)


def test_pictures_in_colours_have_a_channel(session: xr.Dataset, archive: Archive) -> None:
    colours = np.random.default_rng(1).integers(0, 255, (6, 8, 10, 3)).astype(np.uint8)
    for stored, pixels in zip(archive.files, colours, strict=True):
        archive.change(stored, tiff(pixels))
    images = stimulus_images(session)
    assert images.dims == ("stimulus", "y", "x", "channel")
    np.testing.assert_array_equal(images.values, colours)


def test_stimuli_beyond_the_pictures_are_named_before_anything_is_fetched(
    session: xr.Dataset, archive: Archive, twin: Path
) -> None:
    enter(twin, f"{archive.root}/files/scenes/natural_scene_{{n}}.tiff", count=4)
    with pytest.raises(
        LayoutError, match=r"natural_scene_\{n\}\.tiff has 4 images, 0 to 3; stimuli not among .*: 4, 5"
    ):
        stimulus_images(session)
    assert not archive.log


def test_pictures_can_be_numbered_from_one(session: xr.Dataset, archive: Archive, twin: Path) -> None:
    enter(twin, f"{archive.root}/files/scenes/natural_scene_{{n}}.tiff", count=5, first=1)
    images = stimulus_images(session.isel(trial=session["stimulus"].values > 0))
    assert images["stimulus"].values.tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(images.sel(stimulus=5).values, PIXELS[5])


def test_other_trials_of_the_dataset_have_no_pictures(session: xr.Dataset) -> None:
    gratings = open_session("pictured", trials="drifting_gratings")
    with pytest.raises(LayoutError, match="no images in this file"):
        stimulus_images(gratings)


def test_a_dataset_without_pictures_beside_its_files_says_so() -> None:
    assert not supplements.images_cached(describe("demo"))
    with pytest.raises(CatalogError, match=r"demo has no pictures beside its recordings: .*demo\.toml has no images_f"):
        supplements.fetch_images(describe("demo"))


def test_an_address_whose_last_part_has_no_number_makes_names_that_have_one(
    session: xr.Dataset, archive: Archive, twin: Path, tmp_path: Path
) -> None:
    for number, pixels in enumerate(PIXELS):
        archive.put(f"{number}/scene.tiff", tiff(pixels))
    enter(twin, f"{archive.root}/files/{{n}}/scene.tiff")
    np.testing.assert_array_equal(stimulus_images(session).values, PIXELS)
    assert kept(tmp_path) == [f"{n}_scene.tiff" for n in range(6)]


def test_images_that_number_themselves_need_no_order(tmp_path: Path) -> None:
    path = twins.two_photon_twin(tmp_path / "whole.nwb")
    folder = "stimulus/templates/natural_scenes_template"
    copy = twins.damaged(path, tmp_path / "copy.nwb", replace={f"{folder}/order_of_images": None})
    images = [stimulus_images(xr.Dataset(attrs={"source": str(file)})).values for file in (path, copy)]
    np.testing.assert_array_equal(images[1], images[0])


def test_pictures_that_were_locked_are_those_that_come_again(
    session: xr.Dataset, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = describe("pictured")
    lock = write_into_lock(entry, {"images": supplements.fetch_images(entry)})
    assert lock is not None
    assert lock.read_text(encoding="utf-8").count("[[asset]]") == len(PIXELS)
    archive.faults.flip_at = len(tiff(PIXELS[0])) - 1  # a picture still, and another one
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "another"))
    with pytest.raises(ChecksumError, match="published is"):
        supplements.fetch_images(entry)
    lock.unlink()
    supplements.fetch_images(entry)
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    write_into_lock(entry, {"images": supplements.fetch_images(entry)})
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "another"))
    with pytest.raises(ChecksumError, match=r"scene_0.tiff has sha256 .*; .* pins .* delete the images of pictured"):
        supplements.fetch_images(entry)
