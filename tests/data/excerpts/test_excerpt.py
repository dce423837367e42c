"""Excerpts: the named parts of a remote session move, no others, and open to the very arrays of the whole file."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import twins
from allen_session import LAYOUT, SCALARS, allen_session, compressed, entered
from archive import Archive, guo_alm_local, guo_alm_twin
from conftest import real_data
from neurodata4ml.analysis.responses import firing_rate
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.align.spikes import read_spikes
from neurodata4ml.data.archives.remote import Remote
from neurodata4ml.data.cache import store
from neurodata4ml.data.entries import catalog
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.data.excerpts import excerpt, server
from neurodata4ml.data.remote import transport
from neurodata4ml.data.session import open_session
from neurodata4ml.errors import (
    ArchiveError,
    CatalogError,
    ChecksumError,
    LayoutError,
    NotCachedError,
)

OF_THE_FILE = (
    "source",
    "sha256",
    "source_sha256",
    "excerpt",
    "not_in_excerpt",
    "moved",
    "whole",
    "read_from",
    "units_kept",
)
"""Attributes in which an excerpt may, and must, differ from the whole file."""

TABLES = ("natural_scenes", "drifting_gratings", "natural_movie_one")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return allen_session(tmp_path_factory.mktemp("small") / "small.nwb")


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    monkeypatch.setattr(transport, "_wait", lambda fault, number: 0.0)
    with Archive() as archive:
        yield archive


Enter = Callable[..., Entry]


@pytest.fixture
def enter(archive: Archive, tmp_path: Path) -> Enter:
    """Put a file into the archive, and an entry that pins it into the user's catalog."""
    return partial(entered, archive, tmp_path / "catalog")


def fetch(entry: Entry, *what: str) -> Path:
    return excerpt.fetch(entry, None, what, False)


def from_the_whole(tmp_path: Path, trials: str | None = None) -> xr.Dataset:
    """Open the same session, with all units, from the whole file, in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "whole"))
        store.fetch("my-allen", progress=False)
        return open_session("my-allen", trials=trials, units="all")


def assert_same_session(part: xr.Dataset, whole: xr.Dataset) -> None:
    """Values, types, dims, coordinates and attributes; spikes unit by unit, for an excerpt numbers them anew."""
    bounds = ["spike_times", "spike_start", "spike_stop"]
    assert set(part.variables) == set(whole.variables)
    assert list(part.variables) == list(whole.variables)
    for name in part.variables:
        a, b = part.variables[name], whole.variables[name]
        assert (a.dtype, a.dims, a.attrs) == (b.dtype, b.dims, b.attrs), name
        if name not in bounds:
            xr.testing.assert_identical(a.compute(), b.compute())
    assert set(part.indexes) == set(whole.indexes)
    for ours, theirs in zip(read_spikes(part), read_spikes(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    kept, expected = ({k: v for k, v in x.attrs.items() if k not in OF_THE_FILE} for x in (part, whole))
    assert kept == expected


def needed(path: Path, good: np.ndarray, tables: tuple[str, ...]) -> int:
    """Return the bytes of the spikes of the good units, of their index, of the plain columns, of tables and running."""
    with h5py.File(path) as file:
        stops = file["units/spike_times_index"][:].astype(int)
        total = 8 * int(np.diff(stops, prepend=0)[good].sum()) + file["units/spike_times_index"].nbytes
        plain = (*SCALARS, "id", "peak_channel_id", "quality", "amplitude_cutoff", "presence_ratio", "isi_violations")
        columns = [file[f"units/{name}"] for name in (*plain, "local_index")]
        columns += [file[f"general/extracellular_ephys/electrodes/{name}"] for name in ("id", "location")]
        columns += [file[f"processing/running/running_speed/{name}"] for name in ("data", "timestamps")]
        for table in (*(f"{name}_presentations" for name in tables), "invalid_times"):
            columns += [item for name, item in file[f"intervals/{table}"].items() if not name.startswith("tags")]
        return total + sum(map(stored_bytes, columns))


def stored_bytes(column: h5py.Dataset) -> int:
    """Return the bytes of a column in the file; a text has 16 in the column, and 16 before it where it lies."""
    if column.dtype != object:
        return int(column.nbytes)
    return sum(32 + -(-len(value) // 8) * 8 for value in column[:])


def sent(archive: Archive, expected: int) -> int:
    """Return the bytes that the server sent; it counts a piece just after the client may have read it."""
    until = time.monotonic() + 5
    while (total := sum(request.sent for request in archive.log)) < expected and time.monotonic() < until:
        time.sleep(0.01)
    return total


def good_units(path: Path) -> np.ndarray:
    """Return which units are good, by the rules of the layout written out."""
    with h5py.File(path) as file:
        units = file["units"]
        return (
            (units["quality"].asstr()[:] == "good")
            & (units["amplitude_cutoff"][:] <= 0.1)
            & (units["presence_ratio"][:] >= 0.95)
            & (units["isi_violations"][:] <= 0.5)
        )


@pytest.mark.parametrize(
    ("contiguous", "most"),
    [
        pytest.param(True, 1.05, id="in one piece"),
        pytest.param(False, 1.08, id="in chunks", marks=pytest.mark.slow),
    ],
)
def test_an_excerpt_moves_what_it_needs_and_opens_to_the_same_arrays(
    enter: Enter, archive: Archive, tmp_path: Path, contiguous: bool, most: float
) -> None:
    """As in Allen's files each column lies in one piece; pynwb writes chunks today, whose many indices are read too."""
    path = allen_session(
        tmp_path / "big.nwb", n_units=200, spikes=11_000, scenes=5_950, contiguous=contiguous, good=0.5
    )
    entry, good = enter(path), good_units(path)
    its = store.receipt(fetch(entry, "units", "running", "pupil"))
    must = needed(path, good, ("natural_scenes",))
    assert its["moved"] == sent(archive, its["moved"])
    assert its["whole"] == path.stat().st_size > 40e6
    assert must < its["moved"] <= most * must
    part, whole = open_session("my-allen"), from_the_whole(tmp_path).isel(unit=good)
    assert_same_session(part, whole)
    counts, expected = (bin_spikes(x, window=(0.0, 0.25), bin_width=0.05) for x in (part, whole))
    xr.testing.assert_equal(counts, expected)
    xr.testing.assert_equal(firing_rate(counts), firing_rate(expected))
    assert counts.sum() > 100_000


def test_finding_the_parts_costs_little(enter: Enter, archive: Archive, small: Path) -> None:
    from neurodata4ml.data.excerpts.ranged import open_parts
    from neurodata4ml.data.remote.addresses import Reach
    from neurodata4ml.data.remote.ranges import RangeFile

    entry = enter(small)
    with RangeFile([entry.asset().url], what="it", reach=Reach(named=(archive.root,))) as ranges:
        index = open_parts(ranges, ["units", "intervals/invalid_times"]).index
        assert {"/processing/running", "/intervals/drifting_gratings_presentations"} <= set(index.unread)
        assert ranges.moved < 350_000  # of that, 260 kB are heaps of texts


@pytest.mark.parametrize("trials", TABLES)
def test_each_table_is_that_of_the_whole_file(enter: Enter, small: Path, tmp_path: Path, trials: str) -> None:
    entry = enter(small)
    fetch(entry, "units", "running", "pupil", trials)
    part = open_session("my-allen", trials=trials)
    whole = from_the_whole(tmp_path, trials).isel(unit=good_units(small))
    assert_same_session(part, whole)
    assert part.attrs["series_not_in_file"] == "pupil (processing/eye_tracking/pupil)"


def test_all_units_are_all_of_them(enter: Enter, small: Path, tmp_path: Path) -> None:
    fetch(enter(small), "all-units", "running", "pupil")
    assert_same_session(open_session("my-allen", units="all"), from_the_whole(tmp_path))


def test_a_session_says_that_it_is_an_excerpt(enter: Enter, small: Path) -> None:
    path = fetch(enter(small), "units")
    session = open_session("my-allen")
    good = good_units(small)
    assert path.name == "small.nwb.excerpt.nwb"
    assert session.attrs["source"] == str(path)
    assert session.attrs["excerpt"] == "units, natural_scenes"
    assert session.attrs["whole"] == small.stat().st_size > session.attrs["moved"] > 0
    left = session.attrs["not_in_excerpt"].split("; ")
    assert left[0] == f"{(~good).sum()} of 60 units, which do not pass the quality filter"
    assert {"units/spike_amplitudes", "units/waveform_mean", "running", "drifting_gratings"} <= set(left)
    its = store.receipt(path)
    assert session.attrs["sha256"] == its["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert session.attrs["source_sha256"] == hashlib.sha256(small.read_bytes()).hexdigest()
    counts = bin_spikes(session, window=(0.0, 0.25), bin_width=0.25)
    assert (counts.attrs["sha256"], counts.attrs["source_sha256"]) == (its["sha256"], session.attrs["source_sha256"])
    assert its["what"] == ["units", "natural_scenes"]
    assert (its["dataset"], its["session"], its["version"]) == ("my-allen", "one", "1")
    with h5py.File(path) as file:
        assert file.attrs["neurodata4ml_excerpt"].startswith("an excerpt of my-allen one: units, natural_scenes.")


def test_pynwb_reads_an_excerpt(enter: Enter, small: Path) -> None:
    from pynwb import NWBHDF5IO

    path, good = fetch(enter(small), "units", "running"), good_units(small)
    with NWBHDF5IO(str(path), "r") as ours, NWBHDF5IO(str(small), "r") as theirs:
        part, whole = ours.read(), theirs.read()
        kept = whole.units.to_dataframe()[part.units.to_dataframe().columns][good]
        assert kept.index.equals(part.units.to_dataframe().index)
        for name in kept:
            for a, b in zip(part.units.to_dataframe()[name], kept[name], strict=True):
                np.testing.assert_array_equal(a, b)
        scenes = part.intervals["natural_scenes_presentations"].to_dataframe()
        expected = whole.intervals["natural_scenes_presentations"].to_dataframe()[list(scenes.columns)]
        assert scenes.equals(expected)
        assert part.subject.genotype == "wt/wt"
        assert part.electrodes["location"].data[:].tolist() == whole.electrodes["location"].data[:].tolist()
        assert part.processing["running"]["running_speed"].data[:].size > 0


@pytest.mark.parametrize("rows", [700, 20_000])
def test_compressed_spikes_are_the_same(enter: Enter, small: Path, tmp_path: Path, rows: int) -> None:
    path = compressed(small, tmp_path / "packed.nwb", rows=rows)
    fetch(enter(path), "units", "running")
    assert_same_session(
        open_session("my-allen").drop_attrs(deep=False),
        from_the_whole(tmp_path).isel(unit=good_units(path)).drop_attrs(deep=False),
    )


def test_chunks_without_a_good_unit_are_not_moved(enter: Enter, small: Path, tmp_path: Path) -> None:
    path = compressed(allen_session(tmp_path / "a.nwb", spikes=8_000), tmp_path / "packed.nwb", rows=5_000)
    with h5py.File(path, "r+") as file:
        file["units/amplitude_cutoff"][:] = np.where(np.arange(60) < 6, 0.05, 0.4)
        stored = file["units/spike_times"].id.get_storage_size()
    its = store.receipt(fetch(enter(path), "units"))
    assert its["moved"] < stored / 4 < stored
    assert 0 < open_session("my-allen").sizes["unit"] <= 6


def test_behind_a_block_of_the_user_the_spikes_are_the_same(enter: Enter, small: Path, tmp_path: Path) -> None:
    path = tmp_path / "behind.nwb"
    with h5py.File(small) as old, h5py.File(path, "w", userblock_size=1024) as new:
        for name in old:
            old.copy(name, new)
        new.attrs.update({key: value for key, value in old.attrs.items() if key != ".specloc"})
    fetch(enter(path), "units")
    part, whole = open_session("my-allen"), from_the_whole(tmp_path).isel(unit=good_units(path))
    for ours, theirs in zip(read_spikes(part), read_spikes(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_a_good_unit_there_is_none(enter: Enter, tmp_path: Path) -> None:
    fetch(enter(allen_session(tmp_path / "none.nwb", good=0.0, spikes=50)), "units")
    session = open_session("my-allen")
    assert (session.sizes["unit"], session.sizes["spike"], session.sizes["trial"]) == (0, 0, 238)
    assert session.attrs["not_in_excerpt"].startswith("60 of 60 units")


def test_without_rules_all_units_are_kept_with_the_areas_of_their_first_electrode(enter: Enter, tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "alm.nwb")
    layout = {
        "default_trials": "trials",
        "area": {"column": "electrodes", "table": "general/extracellular_ephys/electrodes", "value": "location"},
        "trials": {"trials": {"table": "intervals/trials", "stimulus": "type"}},
    }
    entry = enter(path, layout)
    assert excerpt.words(entry) == ["units", "all-units", "trials"]
    fetch(entry, "trials", "units")
    part = open_session("my-allen")
    assert_same_session(part, from_the_whole(tmp_path))
    assert part["area"].values[0] == "brain_region: Thalamus"


def test_an_area_by_a_column_of_lists_of_one_comes_along(enter: Enter, tmp_path: Path) -> None:
    """As in steinmetz2019, where peak_channel has shape (unit, 1) and counts from 1."""
    path = twins.alm_twin(tmp_path / "alm.nwb")
    with h5py.File(path, "r+") as file:
        column = file.create_dataset("units/peak_channel", data=np.full((len(file["units/id"]), 1), 1))
        column.attrs.update({"neurodata_type": "VectorData", "namespace": "hdmf-common", "description": "channel"})
        file["units"].attrs["colnames"] = [*file["units"].attrs["colnames"], "peak_channel"]
    where = {"table": "general/extracellular_ephys/electrodes", "value": "location", "first": 1}
    layout = {"default_trials": "trials", "area": {"column": "peak_channel", **where}}
    entry = enter(path, layout | {"trials": {"trials": {"table": "intervals/trials", "stimulus": "type"}}})
    fetch(entry, "trials", "units")
    part = open_session("my-allen")
    assert_same_session(part, from_the_whole(tmp_path))
    assert set(part["area"].values.tolist()) == {"brain_region: Thalamus"}


TWO_PHOTON = {
    "units": "",
    "default_trials": "scenes",
    "trials": {"scenes": {"table": "stimulus/presentation/natural_scenes_stimulus", "stimulus": "data"}},
    "responses": {"dff": "processing/ophys/DfOverF/DfOverF", "events": "processing/ophys/DfOverF/DfOverFEvents"},
    "images": "stimulus/templates/natural_scenes_template",
}


@pytest.mark.parametrize("what", [("dff",), ("events",), ("dff", "events", "images")])
def test_responses_come_with_their_clock_and_their_rois(enter: Enter, tmp_path: Path, what: tuple[str, ...]) -> None:
    """The events have the clock of the fluorescence, by a link."""
    entry = enter(twins.two_photon_twin(tmp_path / "2p.nwb"), TWO_PHOTON)
    assert excerpt.words(entry) == ["scenes", "dff", "events", "images"]
    fetch(entry, *what)
    part, whole = open_session("my-allen"), from_the_whole(tmp_path)
    assert [name for name in ("dff", "events") if name in part] == [name for name in what if name != "images"]
    for name in part.variables:
        xr.testing.assert_identical(part.variables[name].compute(), whole.variables[name].compute())
    if "images" in what:
        from neurodata4ml.data.images import stimulus_images

        xr.testing.assert_equal(stimulus_images(part), stimulus_images(whole))
        assert part.attrs["images"] == TWO_PHOTON["images"]
    else:
        assert "images" not in part.attrs


def test_types_of_an_extension_bring_their_specification(enter: Enter, tmp_path: Path) -> None:
    """The real layout; its spikes were cut, so that only the table is taken."""
    path = tmp_path / "aibs.nwb"
    shutil.copyfile(real_data("allen-vc-schema/aibs.nwb"), path)
    part = fetch(enter(path), "natural_scenes", "running")
    with h5py.File(part) as file:
        assert list(file["specifications"]) == ["ndx-aibs-ecephys"]
        assert file["general/subject"].attrs["neurodata_type"] == "EcephysSpecimen"
        assert file["intervals/natural_scenes_presentations/frame"].shape == (10,)
        assert "units" not in file
        assert file[file.attrs[".specloc"]].name == "/specifications"
    with pytest.raises(LayoutError, match="spike_times_index counts to 987,786, but spike_times has 10 values"):
        fetch(catalog.describe("my-allen"), "units")
    with pytest.raises(NotCachedError, match=r"no units\. .* --what natural_scenes,running,units, or fetch the whole"):
        open_session("my-allen")


def test_a_later_excerpt_has_what_the_earlier_one_had(enter: Enter, archive: Archive, small: Path) -> None:
    entry = enter(small)
    first = fetch(entry, "units")
    archive.forget()
    assert fetch(entry, "natural_scenes") == fetch(entry, "trials") == first
    assert archive.log == []
    assert fetch(entry, "drifting_gratings", "running") == first
    assert store.receipt(first)["what"] == ["units", "natural_scenes", "drifting_gratings", "running"]
    assert open_session("my-allen", trials="drifting_gratings").sizes["unit"] == good_units(small).sum()
    fetch(entry, "all-units")
    assert store.receipt(first)["what"] == ["natural_scenes", "drifting_gratings", "running", "all-units"]
    archive.forget()
    assert fetch(entry, "units") == first
    assert archive.log == []


def test_what_an_excerpt_lacks_is_said_with_the_lines_that_bring_it(enter: Enter, small: Path) -> None:
    entry = enter(small)
    fetch(entry, "units", "running")
    with pytest.raises(NotCachedError) as error:
        open_session("my-allen", trials="drifting_gratings")
    assert str(error.value) == (
        "my-allen one: only an excerpt is in the cache, with units, running, natural_scenes, and no "
        "drifting_gratings. Open what is there with trials='natural_scenes', type neurodata4ml fetch my-allen "
        "--session one --what units,running,natural_scenes,drifting_gratings, or fetch the whole file: "
        "neurodata4ml fetch my-allen --session one"
    )
    assert open_session("my-allen", trials="natural_scenes_presentations").sizes["trial"] == 238
    assert excerpt.cached(entry, trials="natural_scenes") is not None
    assert excerpt.cached(entry, trials="drifting_gratings") is None
    store.fetch("my-allen", progress=False)
    assert "excerpt" not in open_session("my-allen", trials="drifting_gratings").attrs


def test_the_whole_file_is_taken_where_it_is_there(enter: Enter, archive: Archive, small: Path) -> None:
    entry = enter(small)
    whole = store.fetch("my-allen", progress=False)
    archive.forget()
    assert fetch(entry, "units") == whole
    assert archive.log == []
    assert excerpt.cached(entry) is None


def test_an_unknown_part_is_refused_with_those_there_are(enter: Enter, archive: Archive, small: Path) -> None:
    entry = enter(small)
    assert excerpt.words(entry) == ["units", "all-units", *TABLES, "running", "pupil"]
    with pytest.raises(CatalogError, match=r"no part 'runing'.*did you mean 'running'.* takes: units, all-units, nat"):
        fetch(entry, "units", "runing")
    with pytest.raises(CatalogError, match="say which parts of my-allen, like --what units"):
        fetch(entry)
    assert archive.log == []


def test_offline_an_excerpt_opens_and_none_is_fetched(
    enter: Enter, archive: Archive, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = enter(small)
    path = fetch(entry, "units")
    archive.forget()
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    assert fetch(entry, "units") == path
    assert open_session("my-allen").attrs["excerpt"] == "units, natural_scenes"
    with pytest.raises(NotCachedError, match="unset it and type: neurodata4ml fetch my-allen --session one --what run"):
        fetch(entry, "running")
    assert archive.log == []


def test_an_excerpt_in_a_shared_cache_is_used(
    enter: Enter, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = enter(small)
    path = fetch(entry, "units")
    monkeypatch.setenv("NEURODATA4ML_SHARED_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "own"))
    assert fetch(entry, "units") == path
    assert open_session("my-allen").attrs["source"] == str(path)


def test_an_excerpt_of_another_file_than_the_one_pinned_now_is_not_used(
    enter: Enter, archive: Archive, small: Path, tmp_path: Path
) -> None:
    fetch(enter(small), "units")
    other = allen_session(tmp_path / "other" / small.name, seed=1) if (tmp_path / "other").mkdir() is None else small
    archive.files.clear()
    entry = enter(other)
    assert excerpt.cached(entry) is None
    assert fetch(entry, "units").is_file()
    np.testing.assert_array_equal(open_session("my-allen")["snr"].values, h5_values(other, "units/snr"))


def test_with_other_quality_rules_an_excerpt_has_not_the_units_that_pass(enter: Enter, small: Path) -> None:
    first = fetch(enter(small), "units")
    n_good = open_session("my-allen").sizes["unit"]
    entry = enter(small, {**LAYOUT, "quality": LAYOUT["quality"][:1]})
    assert excerpt.cached(entry) is None
    assert fetch(entry, "units") == first
    assert open_session("my-allen").sizes["unit"] > n_good
    more = {**LAYOUT["trials"], "more": {"table": "intervals/more"}}
    entry = enter(small, {**LAYOUT, "quality": LAYOUT["quality"][:1], "trials": more})
    assert excerpt.cached(entry) == first  # of what it has, nothing else is said


def test_two_excerpts_of_one_file_are_the_same_to_the_bit(enter: Enter, small: Path, tmp_path: Path) -> None:
    entry = enter(small)
    first = fetch(entry, "units", "running").read_bytes()
    shutil.rmtree(tmp_path / "cache")
    assert fetch(entry, "units", "running").read_bytes() == first


def h5_values(path: Path, name: str) -> np.ndarray:
    with h5py.File(path) as file:
        return np.asarray(file[name][:])[good_units(path)]


def nothing_is_kept(tmp_path: Path) -> bool:
    return [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"] in (
        [],
        ["CACHEDIR.TAG"],
    )


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ({"changes_after": 12}, ArchiveError, "my-allen one changed on the server while it was read"),
        ({"changes_after": 40}, ArchiveError, "my-allen one changed on the server while it was read"),
        ({"ignore_range": True}, ArchiveError, "the server of my-allen one sends whole files only"),
        ({"new_etag": "another"}, ChecksumError, "states ETag another for my-allen one; published is"),
        ({"weak_etag": True}, ChecksumError, "states ETag none for my-allen one; published is"),
        ({"unavailable": 999}, ArchiveError, "it answered 503"),
    ],
)
def test_what_goes_wrong_leaves_nothing(
    enter: Enter, archive: Archive, small: Path, tmp_path: Path, fault: dict[str, Any], kind: type, words: str
) -> None:
    entry = enter(small)
    for name, value in fault.items():
        setattr(archive.faults, name, value)
    with pytest.raises(kind, match=words):
        fetch(entry, "units", "running")
    assert nothing_is_kept(tmp_path)
    assert excerpt.cached(entry) is None


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_whenever_the_file_changes_nothing_is_kept(enter: Enter, archive: Archive, tmp_path: Path, step: int) -> None:
    """HDF5 takes some failures for "there is no such thing": none of them may pass for a smaller file."""
    tiny = allen_session(tmp_path / "tiny.nwb", n_units=20, spikes=100, scenes=119)
    fetch(enter(tiny), "units", "drifting_gratings", "running")
    n_requests = len(archive.log)
    for k in range(1, n_requests, step):
        shutil.rmtree(tmp_path / "cache")
        archive.files.clear()
        entry = enter(tiny)
        archive.faults.changes_after = k
        with pytest.raises(ArchiveError, match="my-allen one changed on the server while it was read"):
            fetch(entry, "units", "drifting_gratings", "running")
        assert nothing_is_kept(tmp_path)


def test_connections_that_break_cost_little(enter: Enter, archive: Archive, small: Path, tmp_path: Path) -> None:
    entry = enter(small)
    archive.faults.drops, archive.faults.drop_after = 10, 5_000
    moved = store.receipt(fetch(entry, "units", "running", "pupil"))["moved"]
    assert_same_session(open_session("my-allen"), from_the_whole(tmp_path).isel(unit=good_units(small)))
    shutil.rmtree(tmp_path / "cache")
    assert moved < 1.1 * store.receipt(fetch(entry, "units", "running", "pupil"))["moved"] + 10 * 65_536


@pytest.mark.parametrize(
    ("replace", "words"),
    [
        ({"units/spike_times": np.arange(99.0)}, "spike_times_index counts to .*, but spike_times has 99 values"),
        ({"units/spike_times_index": np.arange(60)[::-1]}, "spike_times_index decreases"),
        ({"units/amplitude_cutoff": None}, "units has no column 'amplitude_cutoff' for the quality rule"),
        ({"units/id": np.zeros(60, int)}, "1 of the ids in units/id belong to several units"),
        ({"intervals/drifting_gratings_presentations": None}, "has no intervals/drifting_gratings_presentations"),
    ],
)
def test_a_damaged_file_is_refused_and_nothing_kept(
    enter: Enter, small: Path, tmp_path: Path, replace: dict[str, Any], words: str
) -> None:
    entry = enter(twins.damaged(small, tmp_path / "damaged.nwb", replace=replace))
    with pytest.raises(LayoutError, match=words):
        fetch(entry, "units", "drifting_gratings")
    assert nothing_is_kept(tmp_path)


def test_a_plain_address_that_nobody_named_is_refused(enter: Enter, small: Path) -> None:
    from dataclasses import replace

    from neurodata4ml.data.archives.sources import resolve

    remote = resolve(enter(small))
    with pytest.raises(ChecksumError, match=r"parts of my-allen one have no digest of their own, and http://far\.org"):
        server.open_ranges(replace(remote, urls=("http://far.org/a.nwb",)), "my-allen one")


def test_an_asset_of_dandi_is_read_behind_its_redirect(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its published ETag is that of the store; an address that expired is asked for again."""
    (tmp_path / "catalog").mkdir()
    monkeypatch.setenv("NEURODATA4ML_DANDI_API", archive.api)
    content = guo_alm_twin(tmp_path / "twin.nwb")
    stored = guo_alm_local(archive, tmp_path / "catalog", content)
    archive.presigned_only, archive.faults.expired = True, 1
    path = fetch(catalog.describe("guo-alm-local"), "units")
    its = store.receipt(path)
    assert its["etag"] == stored.etag
    assert its["proven"]
    assert 2 <= sum("/download/" in request.path for request in archive.log) <= 2 + 8
    session = open_session("guo-alm-local")
    assert (session.sizes["unit"], session.sizes["spike"], session.sizes["trial"]) == (4, 80_000, 40)


def test_a_byte_turned_under_the_same_etag_is_noticed_in_a_whole_file_and_not_in_its_parts(
    enter: Enter, archive: Archive, tmp_path: Path
) -> None:
    """The limit of excerpts: a published digest is of a whole file, so parts are checked by size and ETag alone."""
    path = allen_session(tmp_path / "one.nwb", spikes=100, contiguous=True)
    entry, place = enter(path), "intervals/natural_scenes_presentations/start_time"
    with h5py.File(path) as file:
        right, archive.faults.flip_at = file[place][:], file[place].id.get_offset() + 6
    part = fetch(entry, "units")
    with h5py.File(part) as file:
        assert (file[place][:] != right).tolist() == [True] + [False] * (len(right) - 1)
    its = store.receipt(part)
    assert its["proven"], "of the version, not of the bytes"
    assert its["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ChecksumError, match="my-allen one arrived with sha256"):
        store.fetch("my-allen", progress=False)


def test_a_pin_without_an_etag_is_read_unproven_and_its_archive_is_not_asked(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "catalog").mkdir()
    monkeypatch.setenv("NEURODATA4ML_DANDI_API", archive.api)
    content = guo_alm_twin(tmp_path / "twin.nwb")
    stored = guo_alm_local(archive, tmp_path / "catalog", content)
    guo_alm_local(archive, tmp_path / "catalog", content, asset_id=stored.asset_id)
    path = fetch(catalog.describe("guo-alm-local"), "units")
    assert not [request.path for request in archive.log if "/dandisets/" in request.path]
    its, session = store.receipt(path), open_session("guo-alm-local")
    assert not its["proven"]
    assert its["note"] == "parts, read by ranges; no digest proves them"
    assert session.attrs["sha256"] == its["sha256"]
    assert "source_sha256" not in session.attrs


@pytest.mark.parametrize("answers", [True, False])
def test_where_only_a_lock_says_the_digest_the_archive_is_asked_and_silence_leaves_it_unproven(
    answers: bool, enter: Enter, small: Path
) -> None:
    from dataclasses import replace

    from neurodata4ml.data.archives.sources import resolve

    def ask() -> Remote:
        if not answers:
            raise ArchiveError
        return remote

    entry = enter(small)
    remote = resolve(entry)
    bare = replace(remote, etag="", afresh=ask)
    assert server.asked(bare, None).etag == (remote.etag if answers else "")
    assert server.asked(bare, entry.asset()) is bare


def test_a_member_of_an_archive_has_no_parts(enter: Enter, small: Path) -> None:
    entry = enter(small, path="all.zip", member="one.nwb")
    with pytest.raises(CatalogError, match=r"my-allen one is a member of all\.zip, of which no parts can be had"):
        fetch(entry, "units")


def test_progress_ends_at_what_was_moved(enter: Enter, small: Path) -> None:
    told: list[tuple[int, int]] = []
    path = excerpt.fetch(enter(small), None, ["units"], lambda have, size: told.append((have, size)))
    assert told == sorted(told)
    assert told[-1][0] <= store.receipt(path)["moved"]
    assert all(have <= size for have, size in told)
    assert len({size for _, size in told}) <= 2


class CalledOff(BaseException):
    """As when somebody presses Ctrl-C."""


def test_called_off_it_leaves_nothing(enter: Enter, small: Path, tmp_path: Path) -> None:
    def stop(have: int, size: int) -> None:
        raise CalledOff

    with pytest.raises(CalledOff):
        excerpt.fetch(enter(small), None, ["units"], stop)
    assert nothing_is_kept(tmp_path)


CHILD = """
import resource, sys
from neurodata4ml.data.excerpts import excerpt, server
from neurodata4ml.data.entries import catalog
if len(sys.argv) > 1:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
print(excerpt.fetch(catalog.describe("my-allen"), None, ["units", "running"], False), flush=True)
"""


def child(*words: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", CHILD, *words], stdout=pipe, stderr=pipe, text=True)


@pytest.mark.slow
def test_a_kill_leaves_nothing_to_see_and_the_next_run_makes_it(
    enter: Enter, archive: Archive, small: Path, tmp_path: Path
) -> None:
    entry = enter(small)
    final = Path(f"{store.place(entry)}.excerpt.nwb")
    archive.faults.latency = 0.02
    process = child()
    until = time.monotonic() + 60
    while len(archive.log) < 40 and process.poll() is None and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert any(".part.nwb" in path.name for path in final.parent.iterdir())
    assert not final.exists()
    assert excerpt.cached(entry) is None
    archive.faults.heal()
    assert fetch(entry, "units", "running") == final
    assert [path.name for path in sorted(final.parent.iterdir())] == [final.name, f"{final.name}.verified.json"]


@pytest.mark.slow
def test_a_full_disk_is_said_and_leaves_nothing(enter: Enter, small: Path, tmp_path: Path) -> None:
    entry = enter(small)
    out, err = child("200000").communicate()
    assert "DiskError: my-allen one could not be written to" in err
    assert out == ""
    assert nothing_is_kept(tmp_path)
    assert excerpt.cached(entry) is None
