"""Stimuli that the published two-photon files lost come back from the archive's older file of the same experiment.

The twins are damaged as the real files were: by the conversion from NWB 1 to NWB 2, line by line
(catalystneuro/visual-coding-to-nwb-v2): -1 read as an unsigned integer, and rows zipped with columns.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tomli_w
import xarray as xr
from pynwb import NWBFile
from pynwb.base import Image, Images
from pynwb.epoch import TimeIntervals
from pynwb.image import IndexSeries
from pynwb.ophys import DfOverF, ImageSegmentation, PlaneSegmentation, RoiResponseSeries

import twins
from archive import Archive
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.data import mend, repair, repair_pins
from neurodata4ml.data.align.averages import align_series
from neurodata4ml.data.cache import receipts
from neurodata4ml.data.entries.catalog import describe
from neurodata4ml.data.images import stimulus_images
from neurodata4ml.data.orders.locking import write_into_lock
from neurodata4ml.data.orders.orders import fetch_sessions
from neurodata4ml.data.session import open_session
from neurodata4ml.errors import ArchiveError, ChecksumError, LayoutError, NotCachedError
from neurodata4ml.lock import read_lock, write_lock

N_IMAGES, REPEATS, N_BLANKS = 12, 5, 7
ROWS = N_IMAGES * REPEATS + N_BLANKS
CLOCK = 3.0 + np.arange(2400) / 30.0
"""Times of the two-photon frames, s."""

SCENES, GRATINGS = "stimulus/presentation/natural_scenes_stimulus", "stimulus/presentation/static_gratings_stimulus"
FEATURES = ("orientation", "spatial_frequency", "phase")
ID, SESSION = "593887846", "593887846-StimB"


def presentations(n_rows: int, first: float) -> dict[str, np.ndarray]:
    """Return onsets every 0.25 s (7.5 frames), and the frames in which each begins and ends, as NWB 1 has them."""
    onsets = first + 0.25 * np.arange(n_rows) + 0.003
    begins = np.searchsorted(CLOCK, onsets, side="right") - 1
    return {"timestamps": onsets, "frame_duration": np.stack([begins, begins + 7], axis=1)}


def older_file(path: Path, *, seed: int = 0, change: dict[str, Any] | None = None) -> Path:
    """Write a session in NWB 1 as Allen did; ``change`` replaces (None: leaves out) datasets by their paths."""
    rng = np.random.default_rng(seed)
    shown = rng.permutation(np.concatenate([np.repeat(np.arange(N_IMAGES), REPEATS), np.full(N_BLANKS, -1)]))
    grid = np.stack(np.meshgrid([0.0, 30.0, 60.0], [0.02, 0.32], [0.0, 0.25, 0.5]), axis=-1).reshape(-1, 3)
    gratings = rng.permutation(np.concatenate([grid, grid, np.full((4, 3), np.nan)]))
    gratings[[0, 2]] = [[30.0, 0.02, 0.25], [np.nan] * 3]  # a blank among the first three
    datasets = {
        "nwb_version": "NWB-1.0.5",
        "processing/brain_observatory_pipeline/Fluorescence/imaging_plane_1/data": rng.normal(size=(150, 2400)),
        **{f"{SCENES}/{name}": values for name, values in presentations(ROWS, 10.0).items()},
        f"{SCENES}/data": shown.astype(np.int64),
        **{f"{GRATINGS}/{name}": values for name, values in presentations(len(gratings), 50.0).items()},
        f"{GRATINGS}/data": gratings,
        f"{GRATINGS}/features": np.array(FEATURES, "S"),
        "stimulus/templates/natural_scenes_image_stack/data": rng.integers(0, 255, (N_IMAGES, 4, 6)).astype("f4"),
        **(change or {}),
    }
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            if values is not None:
                file[name] = values
    return path


def published_file(older: Path, path: Path, *, epochs: bool = False) -> Path:
    """Convert a session from NWB 1 to NWB 2 as was done for the archive, with the two mistakes that lost stimuli."""
    nwb = twins.new_file(SESSION)
    with h5py.File(older) as source:
        add_scenes(nwb, source)
        add_gratings(nwb, source)
        add_responses(nwb, source)
    nwb.add_stimulus(
        twins.intervals("drifting_gratings", [70.0, 73.0], [72.0, 75.0], orientation_in_degrees=[0.0, 90.0])
    )
    if epochs:
        nwb.add_epoch(10.0, 26.0, tags=["natural_scenes"])
    return twins.write(nwb, path)


def add_scenes(nwb: NWBFile, source: h5py.File) -> None:
    stack = np.array(source["stimulus/templates/natural_scenes_image_stack/data"], dtype="uint8")
    images = [Image(name=f"NaturalScene{k}", data=pixels, description="made up") for k, pixels in enumerate(stack)]
    template = Images(name="natural_scenes_template", images=images, description="made up")
    nwb.add_stimulus_template(template)
    nwb.add_stimulus(
        IndexSeries(
            name="natural_scenes_stimulus",
            data=np.array(source[f"{SCENES}/data"], dtype="uint32"),  # HDF5 makes -1 a 0
            indexed_images=template,
            unit="N/A",
            timestamps=source[f"{SCENES}/timestamps"][:],
        )
    )


def add_gratings(nwb: NWBFile, source: h5py.File) -> None:
    table = TimeIntervals(name="static_gratings", description="made up")
    columns = ("orientation_in_degrees", "spatial_frequency_in_cycles_per_degree", "phase", "is_blank_sweep")
    for name in columns:
        table.add_column(name=name, description="made up")
    data = source[f"{GRATINGS}/data"][:]
    nan = np.isnan(data)
    blank = nan[0] & nan[1] & nan[2]  # of the first three rows, where the three columns were meant
    for onset, row, is_blank in zip(source[f"{GRATINGS}/timestamps"][:], data, blank, strict=False):
        values = dict(zip(columns, (*row, is_blank), strict=True))
        table.add_interval(start_time=onset, stop_time=onset + 0.25, **values)
    nwb.add_stimulus(table)


def add_responses(nwb: NWBFile, source: h5py.File) -> None:
    """Add dF/F of three ROIs; the first answers to image 0 alone: 1 while it is shown, else 0."""
    plane = twins.imaging_plane(nwb)
    masks = PlaneSegmentation(name="PlaneSegmentation", description="ROIs", imaging_plane=plane)
    for k in range(3):
        masks.add_roi(pixel_mask=[(k, k, 1.0)])
    rois = masks.create_roi_table_region(region=[0, 1, 2], description="all")
    dff = np.random.default_rng(5).normal(size=(len(CLOCK), 3))
    dff[:, 0] = 0.0
    for begin, end in source[f"{SCENES}/frame_duration"][:][source[f"{SCENES}/data"][:] == 0]:
        dff[begin : end + 1, 0] = 1.0
    module = nwb.create_processing_module("ophys", "responses")
    module.add(ImageSegmentation(plane_segmentations=[masks]))
    series = RoiResponseSeries(name="DfOverF", data=dff, rois=rois, unit="a.u.", timestamps=CLOCK)
    module.add(DfOverF(roi_response_series=[series]))


def enter(folder: Path, url: str, *, path: str = "published.nwb", session: str = SESSION) -> None:
    """Write the entry ``two-photon`` with a repair into the catalog in ``folder``."""
    entry = {
        "name": "two-photon",
        "title": "a twin",
        "summary": "made up",
        "archive": "local",
        "version": "1",
        "license": "CC0-1.0",
        "citation": "Nobody 2026",
        "species": "mouse",
        "modality": "two-photon calcium imaging",
        "task": "natural scenes",
        "default_session": session,
        "sessions": {session: {"path": path}},
        "layout": {
            "units": "",
            "default_trials": "natural_scenes",
            "trials": {
                "natural_scenes": {"table": SCENES, "stimulus": "data", "window": [0.0, 0.2]},
                "static_gratings": {
                    "table": "stimulus/presentation/static_gratings",
                    "stimulus": "orientation_in_degrees",
                    "window": [0.0, 0.2],
                },
                "drifting_gratings": {
                    "table": "stimulus/presentation/drifting_gratings",
                    "stimulus": "orientation_in_degrees",
                },
            },
            "responses": {"dff": "processing/ophys/DfOverF/DfOverF"},
        },
        "repair": {
            "url": url,
            "session": r"^(\d+)-StimB$",
            "trials": {"natural_scenes": SCENES, "static_gratings": GRATINGS},
        },
    }
    (folder / "two-photon.toml").write_text(tomli_w.dumps(entry), encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two-photon")
    published_file(older_file(folder / "older.nwb"), folder / "published.nwb")
    return folder


@pytest.fixture
def archive(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """The archive with the older file; the entry ``two-photon`` leads there, and the cache is empty."""
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(folder))
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    with Archive() as archive:
        archive.put(f"ophys_experiment_data/{ID}.nwb", (folder / "older.nwb").read_bytes())
        enter(folder, f"{archive.root}/files/ophys_experiment_data/{{id}}.nwb")
        yield archive


def truly_shown(folder: Path, path: str) -> np.ndarray:
    with h5py.File(folder / "older.nwb") as file:
        return np.asarray(file[path][()])


def test_the_twin_is_damaged_as_the_published_files_are(folder: Path) -> None:
    with h5py.File(folder / "published.nwb") as file:
        shown = file[f"{SCENES}/data"][:]
        assert len(shown) == ROWS
        assert (shown == 0).sum() == REPEATS + N_BLANKS
        assert file["stimulus/presentation/static_gratings/start_time"].shape == (3,)


def test_blank_scenes_come_back_and_every_image_has_its_own_trials(folder: Path, archive: Archive) -> None:
    session = open_session("two-photon")
    shown = truly_shown(folder, f"{SCENES}/data")
    np.testing.assert_array_equal(session["stimulus"].values, shown)
    assert session["stimulus"].dtype == np.int64
    np.testing.assert_array_equal(session["blank"].values, shown == -1)
    assert session["blank"].values.sum() == N_BLANKS
    assert (session["stimulus"].values == 0).sum() == REPEATS


def test_onsets_are_those_of_the_published_file_and_ends_those_of_the_frames(folder: Path, archive: Archive) -> None:
    session = open_session("two-photon")
    np.testing.assert_array_equal(session["start_time"].values, truly_shown(folder, f"{SCENES}/timestamps"))
    ends = CLOCK[truly_shown(folder, f"{SCENES}/frame_duration")[:, 1]]
    np.testing.assert_array_equal(session["stop_time"].values, ends)
    assert session["start_time"].attrs["units"] == session["stop_time"].attrs["units"] == "s"
    assert session["valid"].values.all()


def test_a_recording_may_end_with_its_last_presentation(folder: Path, archive: Archive) -> None:
    """Where the end of a presentation is the frame after the last one, it ends with the recording."""
    last = truly_shown(folder, f"{SCENES}/frame_duration")
    right = repair.RightTable(np.arange(ROWS), (), last, CLOCK[last[:, 0]], "the url", "")
    mend._check_frames(right, CLOCK[: last.max()], "the table")
    with pytest.raises(LayoutError, match=r"the table: it counts in frames 210 to 712, and the recording has 711"):
        mend._check_frames(right, CLOCK[: last.max() - 1], "the table")


def test_the_mean_response_to_image_0_holds_no_blanks(archive: Archive) -> None:
    responses = align_series(open_session("two-photon"), "dff", window=(0.0, 0.2), bin_width=0.2).sum("time")
    mean = average_by(responses)
    assert mean["stimulus"].values.tolist() == list(range(N_IMAGES))
    own = mean.isel(unit=0).values
    np.testing.assert_allclose(own, np.eye(N_IMAGES)[0], atol=1e-12)


def test_static_gratings_have_all_their_rows_and_parameters(folder: Path, archive: Archive) -> None:
    session = open_session("two-photon", trials="static_gratings")
    truth = truly_shown(folder, f"{GRATINGS}/data")
    assert session.sizes["trial"] == len(truth) == 40
    for feature, values in zip(FEATURES, truth.T, strict=True):
        np.testing.assert_array_equal(session[feature].values, values)
    np.testing.assert_array_equal(session["stimulus"].values, truth[:, 0])
    np.testing.assert_array_equal(session["blank"].values, np.isnan(truth[:, 0]))
    assert session["blank"].values.sum() == 5
    np.testing.assert_array_equal(session["start_time"].values, truly_shown(folder, f"{GRATINGS}/timestamps"))
    assert session.attrs["trials"] == "stimulus/presentation/static_gratings"


def test_a_repaired_session_says_what_was_done_and_every_step_after_it_too(archive: Archive) -> None:
    session = open_session("two-photon")
    url, etag = archive.url(archive.files[0]), archive.files[0].etag
    assert session.attrs["repaired"] == (
        f"natural_scenes: stimuli taken from {url} (ETag {etag}), because the published file lost some: "
        f"{ROWS} rows there, {ROWS} after the repair, {N_BLANKS} of them blank sweeps"
    )
    responses = align_series(session, "dff", window=(0.0, 0.2), bin_width=0.2)
    assert responses.attrs["repaired"] == session.attrs["repaired"]
    steps = json.loads(responses.attrs["steps"])
    assert steps[0] == {
        "step": "repair",
        "trials": "natural_scenes",
        "source": url,
        "etag": etag,
        "rows_before": ROWS,
        "rows_after": ROWS,
        "blanks": N_BLANKS,
    }
    gratings = open_session("two-photon", trials="static_gratings")
    assert "3 rows there, 40 after the repair, 5 of them blank sweeps" in gratings.attrs["repaired"]


def test_trials_that_need_no_repair_are_left_as_they_are(archive: Archive) -> None:
    session = open_session("two-photon", trials="drifting_gratings")
    assert session["stimulus"].values.tolist() == [0, 90]
    assert "repaired" not in session.attrs
    assert "steps" not in session.attrs
    assert not archive.log


def test_a_session_of_another_kind_needs_no_repair(folder: Path, archive: Archive) -> None:
    enter(folder, "https://example.org/{id}.nwb", session="595183197-StimA")
    assert repair.fetch(describe("two-photon")) is None
    assert "repaired" not in open_session("two-photon").attrs


def test_a_dataset_without_repair_has_none() -> None:
    assert repair.fetch(describe("demo")) is None
    assert repair.cached(describe("demo")) is None


def test_a_session_without_epochs_opens_as_one_with_them(folder: Path, archive: Archive, tmp_path: Path) -> None:
    published_file(folder / "older.nwb", folder / "epochs.nwb", epochs=True)
    without = open_session("two-photon")
    enter(folder, f"{archive.root}/files/ophys_experiment_data/{{id}}.nwb", path="epochs.nwb")
    with_epochs = open_session("two-photon")
    xr.testing.assert_equal(without.load(), with_epochs.load())


@pytest.mark.slow
def test_only_the_tables_are_moved_and_only_once(folder: Path, archive: Archive, tmp_path: Path) -> None:
    path = repair.fetch(describe("two-photon"))
    assert path == tmp_path / "cache" / "two-photon" / "repair" / f"{ID}.h5"
    its = receipts.receipt(path)
    whole = (folder / "older.nwb").stat().st_size
    moved = sum(request.sent for request in archive.log)
    assert its["moved"] == moved < whole / 5
    assert its["whole"] == whole > 2_000_000
    assert (its["url"], its["etag"]) == (archive.url(archive.files[0]), archive.files[0].etag)
    assert (its["dataset"], its["session"], its["what"]) == ("two-photon", SESSION, "repair")
    archive.stop()
    assert repair.fetch(describe("two-photon"), SESSION) == path
    assert open_session("two-photon")["blank"].values.sum() == N_BLANKS
    assert open_session("two-photon", trials="static_gratings").sizes["trial"] == 40


def test_fetching_a_session_fetches_its_tables_and_tells_of_their_bytes(archive: Archive) -> None:
    told: list[tuple[int, int]] = []
    fetch_sessions("two-photon", SESSION, progress=lambda *both: told.append(both))
    kept = repair.cached(describe("two-photon"), SESSION)
    assert kept is not None
    assert told == sorted(told)
    assert told[-1][0] == receipts.receipt(kept)["moved"]


def test_offline_the_line_that_gets_the_tables_is_said(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    sentence = (
        r"natural_scenes, static_gratings of two-photon session 593887846-StimB are damaged in its file; .* not in the "
        r"cache .*type: neurodata4ml fetch two-photon --session 593887846-StimB$"
    )
    with pytest.raises(NotCachedError, match=sentence):
        open_session("two-photon")
    assert open_session("two-photon", trials="drifting_gratings").sizes["trial"] == 2
    assert not archive.log


def test_tables_that_a_newer_entry_names_are_fetched_too(folder: Path, archive: Archive) -> None:
    entry = describe("two-photon")
    assert entry.repair
    older = replace(entry, repair=replace(entry.repair, trials={"natural_scenes": SCENES}))
    repair.fetch(older)
    assert repair.cached(entry) is None
    assert open_session("two-photon", trials="static_gratings").sizes["trial"] == 40
    assert repair.cached(entry) == repair.cached(older)


def test_tables_that_were_changed_on_the_disk_are_fetched_anew(archive: Archive) -> None:
    path = repair.fetch(describe("two-photon"))
    assert path
    with h5py.File(path, "r+") as file:
        file["natural_scenes/data"][0] = 117
    assert repair.cached(describe("two-photon")) is None
    assert open_session("two-photon")["blank"].values.sum() == N_BLANKS


def test_tables_of_a_shared_cache_are_read_from_there(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repair.fetch(describe("two-photon"))
    archive.stop()
    monkeypatch.setenv("NEURODATA4ML_SHARED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "mine"))
    assert repair.cached(describe("two-photon")) == tmp_path / "cache" / "two-photon" / "repair" / f"{ID}.h5"
    assert open_session("two-photon")["blank"].values.sum() == N_BLANKS
    assert not list((tmp_path / "mine").rglob("*.h5"))


def test_the_lock_pins_the_values_of_the_tables_and_holds_later_ones_to_them(
    folder: Path, archive: Archive, tmp_path: Path, own_lock: Path
) -> None:
    entry, kept = describe("two-photon"), repair.fetch(describe("two-photon"))
    assert kept
    assert write_into_lock(entry, {SESSION: folder / "published.nwb"}) == own_lock
    held = read_lock(own_lock)
    pinned = held["two-photon", f"repair/{ID}/natural_scenes"]
    assert list(held) == [pinned.key, ("two-photon", f"repair/{ID}/static_gratings")]
    assert pinned.path == f"repair/{ID}/natural_scenes (digest of its values)"
    assert pinned.url == archive.url(archive.files[0])
    assert repair.fetch(entry) == kept
    write_lock(own_lock, [replace(pinned, sha256="0" * 64)])
    with pytest.raises(ChecksumError, match=rf"natural_scenes of two-photon .* pins {'0' * 64}.*session = 'repair/"):
        open_session("two-photon")
    write_into_lock(entry, {SESSION: folder / "published.nwb"})
    assert read_lock(own_lock)[pinned.key].sha256 == "0" * 64, "what is pinned is not overwritten"
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(ChecksumError, match="The work was done with other stimuli"):
        repair.fetch(entry)
    assert repair.cached(entry) is None, "and not kept"
    write_lock(own_lock, [pinned])
    assert open_session("two-photon")["blank"].values.sum() == N_BLANKS


def test_the_digest_of_tables_is_that_of_their_values_however_hdf5_writes_them(
    archive: Archive, tmp_path: Path
) -> None:
    kept, again = repair.fetch(describe("two-photon")), tmp_path / f"{ID}.h5"
    assert kept
    with h5py.File(kept) as old, h5py.File(again, "w", libver="latest") as new:
        new.attrs["url"] = old.attrs["url"]
        for table in reversed(list(old)):
            for name, item in old[table].items():
                big = item.dtype.newbyteorder(">") if item.dtype.kind in "iuf" else item.dtype
                new.create_dataset(f"{table}/{name}", data=item[()], dtype=big, chunks=True)
    entry = describe("two-photon")
    assert again.read_bytes() != kept.read_bytes()
    assert repair_pins.pins(entry, again) == repair_pins.pins(entry, kept)
    with h5py.File(again, "r+") as file:
        file["natural_scenes/data"][0] += 1
    changed = [a.session for a, b in zip(*(repair_pins.pins(entry, x) for x in (again, kept)), strict=True) if a != b]
    assert changed == [f"repair/{ID}/natural_scenes"]


def test_images_of_a_repaired_session_are_numbered_as_its_stimuli(folder: Path, archive: Archive) -> None:
    images = stimulus_images(open_session("two-photon"))
    stack = truly_shown(folder, "stimulus/templates/natural_scenes_image_stack/data")
    assert images["stimulus"].values.tolist() == list(range(N_IMAGES))
    np.testing.assert_array_equal(images.values, stack.astype(np.uint8))


def with_another_image(shown: np.ndarray) -> np.ndarray:
    """Return the scenes with one image in place of another."""
    at = np.arange(len(shown)) == np.argmax(shown > 0)
    return np.where(at, shown + 1, shown)


DAMAGE = [
    (
        "natural_scenes",
        f"{SCENES}/data",
        with_another_image,
        r"1 of 67 stimuli are not those of the file \(row \d+ is \d+ there",
    ),
    (
        "natural_scenes",
        f"{SCENES}/timestamps",
        lambda t: t + 0.04,
        r"onsets differ by up to 0\.04 s, and a two-photon frame takes 0\.0333 s",
    ),
    (
        "natural_scenes",
        f"{SCENES}/timestamps",
        lambda t: t * np.nan,
        r"onsets differ by up to nan s",
    ),
    (
        "natural_scenes",
        f"{SCENES}/frame_duration",
        lambda f: f + 2,
        r"67 of 67 onsets are not at their two-photon frames \(row 0 begins at 10\.003 s, and frame 212 is",
    ),
    (
        "natural_scenes",
        f"{SCENES}/frame_duration",
        lambda f: f[:, ::-1],
        r"in row 0 it ends in frame 210 and begins in frame 217",
    ),
    (
        "static_gratings",
        f"{GRATINGS}/frame_duration",
        lambda f: f + 2000,
        r"it counts in frames 3,410 to 3,\d+, and the recording has 2,400",
    ),
    (
        "static_gratings",
        f"{GRATINGS}/data",
        lambda d: np.where(np.arange(3) == 1, d * 2, d),
        r"the spatial_frequency of row 0 is 0\.04 there, and 0\.02 in the file",
    ),
    (
        "static_gratings",
        f"{GRATINGS}/data",
        lambda d: np.nan_to_num(d),
        r"the orientation of row 2 is 0 there, and nan in the file",
    ),
    (
        "static_gratings",
        f"{GRATINGS}/timestamps",
        lambda t: t + 0.001,
        r"the onset of row 0 is 50\.004 there, and 50\.003 in the file",
    ),
]


@pytest.mark.parametrize(("trials", "path", "change", "sentence"), DAMAGE)
def test_a_table_that_disagrees_with_the_file_is_not_believed(
    folder: Path, archive: Archive, tmp_path: Path, trials: str, path: str, change: Any, sentence: str
) -> None:
    values = change(truly_shown(folder, path))
    wrong = older_file(tmp_path / "wrong.nwb", change={path: values})
    archive.change(archive.files[0], wrong.read_bytes())
    whose = rf"published\.nwb: stimulus/presentation/{trials}\w* cannot be repaired from .*{ID}\.nwb: "
    with pytest.raises(LayoutError, match=whose + sentence):
        open_session("two-photon", trials=trials)


def test_the_file_of_another_experiment_is_not_believed(folder: Path, archive: Archive, tmp_path: Path) -> None:
    other = older_file(tmp_path / "other.nwb", seed=1)
    archive.change(archive.files[0], other.read_bytes())
    with pytest.raises(LayoutError, match=r"\d\d of 67 stimuli are not those of the file .* nothing was guessed"):
        open_session("two-photon")
    with pytest.raises(LayoutError, match=r"the (orientation|spatial_frequency|phase) of row \d is .* in the file"):
        open_session("two-photon", trials="static_gratings")


def test_other_numbers_of_rows_are_said_both(folder: Path, archive: Archive, tmp_path: Path) -> None:
    names = ("data", "frame_duration", "timestamps")
    change = {f"{SCENES}/{name}": truly_shown(folder, f"{SCENES}/{name}")[:-1] for name in names}
    change |= {f"{GRATINGS}/{name}": truly_shown(folder, f"{GRATINGS}/{name}")[:2] for name in names}
    archive.change(archive.files[0], older_file(tmp_path / "short.nwb", change=change).read_bytes())
    with pytest.raises(LayoutError, match=r"it has 66 rows, and the file 67\."):
        open_session("two-photon")
    with pytest.raises(LayoutError, match=r"it has 2 rows, and the file 3\."):
        open_session("two-photon", trials="static_gratings")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({f"{SCENES}/data": None}, rf"has no table of stimuli at {SCENES}/data\. Please report it"),
        ({f"{GRATINGS}/features": None}, rf"has no table of stimuli at {GRATINGS}/features"),
        ({f"{SCENES}/timestamps": np.arange(3.0)}, rf"{SCENES} is no table of stimuli: data \(67,\) int64, frame_dur"),
        ({f"{SCENES}/data": ["a"] * ROWS}, rf"{SCENES} is no table of stimuli: data \(67,\) object"),
        ({f"{SCENES}/data": h5py.ExternalLink("published.nwb", f"/{SCENES}/data")}, "has no table of stimuli at"),
        ({f"{SCENES}/data": h5py.SoftLink("/nowhere")}, "has no table of stimuli at"),
    ],
    ids=["no data", "no features", "shapes", "texts", "another file", "nowhere"],
)
def test_an_older_file_without_whole_tables_is_refused_and_nothing_is_kept(
    archive: Archive, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    archive.change(archive.files[0], older_file(tmp_path / "wrong.nwb", change=change).read_bytes())
    with pytest.raises(LayoutError, match=sentence):
        open_session("two-photon")
    assert not list((tmp_path / "cache").rglob("*.h5*"))


def test_an_older_file_that_is_not_there_or_no_hdf5_is_named(archive: Archive, tmp_path: Path) -> None:
    archive.change(archive.files[0], b"<html>" * 1000)
    with pytest.raises(LayoutError, match=rf"{ID}\.nwb cannot be read as HDF5"):
        open_session("two-photon")
    archive.files.clear()
    with pytest.raises(
        ArchiveError, match=r"did not deliver the stimuli of two-photon 593887846-StimB: it answered 404"
    ):
        open_session("two-photon")
    assert not list((tmp_path / "cache").rglob("*.h5*"))


def test_an_older_file_that_changes_while_it_is_read_is_refused(archive: Archive, tmp_path: Path) -> None:
    archive.faults.changes_after = 1
    with pytest.raises((ArchiveError, ChecksumError), match=r"changed"):
        open_session("two-photon")
    assert not list((tmp_path / "cache").rglob("*.h5*"))


def test_stimuli_that_count_in_frames_need_the_clock_of_the_responses(
    folder: Path, archive: Archive, tmp_path: Path
) -> None:
    clock = {"processing/ophys/DfOverF/DfOverF/timestamps": None}
    twins.damaged(folder / "published.nwb", folder / "clockless.nwb", replace=clock)
    enter(folder, f"{archive.root}/files/ophys_experiment_data/{{id}}.nwb", path="clockless.nwb")
    with pytest.raises(LayoutError, match=r"stimuli count in two-photon frames, and nothing at .*DfOverF tells when"):
        open_session("two-photon")
