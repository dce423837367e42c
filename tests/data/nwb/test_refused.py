"""What is not a whole NWB 2 file is refused in a sentence that names the file, the object and the cure."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import twins
from conftest import real_data
from neurodata4ml.data.align.spikes import read_spikes
from neurodata4ml.data.nwb.engine import descriptions, open_nwb
from neurodata4ml.data.nwb.file import NwbFile
from neurodata4ml.data.session import open_session
from neurodata4ml.errors import LayoutError


def nwb1(path: Path) -> Path:
    """Write the root of an NWB 1 file: the version is a dataset there."""
    with h5py.File(path, "w") as file:
        file["nwb_version"] = "NWB-1.0.6"
        file.create_group("processing")
    return path


def test_nwb_1_is_refused_by_its_version(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"old\.nwb is in the format NWB-1\.0\.6, and neurodata4ml reads NWB 2"):
        open_nwb(nwb1(tmp_path / "old.nwb"))


def test_the_real_nwb_1_recording_is_refused_by_its_version() -> None:
    with pytest.raises(LayoutError, match=r"NWB-1\.0\.6.*NWB 2 version of the recording"):
        open_nwb(next(real_data("nwb1-retina").glob("*.nwb")))


def test_hdf5_that_is_not_nwb_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.nwb", "w") as file:
        file["x"] = 1
    with pytest.raises(LayoutError, match="is HDF5 but not NWB"):
        open_nwb(tmp_path / "x.nwb")


def test_a_file_that_does_not_exist_suggests_its_neighbours(tmp_path: Path) -> None:
    twins.alm_twin(tmp_path / "session-1.nwb")
    with pytest.raises(LayoutError, match=r"sesion-1\.nwb does not exist: did you mean session-1\.nwb\?"):
        open_nwb(tmp_path / "sesion-1.nwb")
    with pytest.raises(LayoutError, match=r"does not exist: in .* there is nothing like it"):
        open_nwb(tmp_path / "other" / "x.nwb")


def test_an_empty_file_is_named_empty(tmp_path: Path) -> None:
    (tmp_path / "empty.nwb").touch()
    with pytest.raises(LayoutError, match=r"empty\.nwb is empty \(0 bytes\)"):
        open_nwb(tmp_path / "empty.nwb")


def test_a_web_page_under_the_name_of_a_file_is_shown_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "page.nwb").write_text("<!DOCTYPE html><html>504</html>", encoding="utf-8")
    with pytest.raises(LayoutError, match=r"page\.nwb is not HDF5: it begins with b'<!DOCTYP'"):
        open_nwb(tmp_path / "page.nwb")


def test_a_folder_and_a_strange_address_are_not_files(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="is a folder, not an NWB file"):
        open_nwb(tmp_path)
    with pytest.raises(LayoutError, match=r"ftp://example\.org/x\.nwb is an address of a kind that is not read\. Read"):
        open_nwb("ftp://example.org/x.nwb")
    with pytest.raises(LayoutError, match=r"'dandi:21/x\.nwb' names no file on DANDI\. Write dandi:<dandiset>/<path>"):
        open_nwb("dandi:21/x.nwb")


def test_half_a_file_is_refused_at_the_door(tmp_path: Path) -> None:
    whole = twins.alm_twin(tmp_path / "a.nwb").read_bytes()
    (tmp_path / "half.nwb").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LayoutError, match=r"half\.nwb cannot be opened as HDF5 \(.*cut short; fetch it again"):
        open_nwb(tmp_path / "half.nwb")


def test_a_version_that_is_a_number_is_said_to_be_one(tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "a.nwb")
    with h5py.File(path, "r+") as file:
        file.attrs["nwb_version"] = 2
    with pytest.raises(LayoutError, match=r"nwb_version is 2 \(int64\), and NWB 2 files say it as text, such as '2\.9"):
        open_nwb(path)


@pytest.fixture
def alm(tmp_path: Path) -> Path:
    return twins.alm_twin(tmp_path / "a.nwb")


def relinked(path: Path, name: str, link: object) -> Path:
    """Put ``link`` in the place of ``name``."""
    with h5py.File(path, "r+") as file:
        if name in file:
            del file[name]
        file[name] = link
    return path


def unmapped(path: Path, name: str) -> str:
    """Return what the tree says about ``name``, which found no place."""
    (sentence,) = [s for s in open_nwb(path).attrs["unmapped"] if s.startswith(f"/{name}: ")]
    return str(sentence)


ELSEWHERE = h5py.ExternalLink("raw.nwb", "/acquisition/raw")


def test_a_link_into_another_file_is_listed_and_not_followed(alm: Path) -> None:
    (alm.parent / "raw.nwb").write_bytes(b"no NWB at all")  # following the link would raise
    relinked(alm, "acquisition/raw", ELSEWHERE)
    relinked(alm, "acquisition/through", h5py.SoftLink("/acquisition/raw/data"))
    assert "refused: lies in another file, 'raw.nwb'" in unmapped(alm, "acquisition/raw")
    assert "refused: lies in another file, 'raw.nwb'" in unmapped(alm, "acquisition/through")
    assert open_session(alm).sizes["trial"] == 40


@pytest.mark.parametrize("name", ["units", "units/spike_times", "intervals/trials", "intervals/trials/start_time"])
def test_what_a_session_needs_must_lie_in_the_file(alm: Path, name: str) -> None:
    relinked(alm, name, ELSEWHERE)
    with pytest.raises(LayoutError, match=rf"{name} lies in another file, 'raw\.nwb'.*export"):
        open_session(alm)


@pytest.mark.parametrize("name", ["units/spike_times", "intervals/trials"])
def test_links_in_a_circle_are_listed_and_refused_where_a_session_needs_them(alm: Path, name: str) -> None:
    relinked(alm, name, h5py.SoftLink(f"/{name}"))
    assert unmapped(alm, name).endswith("refused: is a link that leads in a circle")
    with pytest.raises(LayoutError, match=rf"{name} is a link that leads in a circle\. Ask who made the file"):
        open_session(alm)


@pytest.mark.parametrize("name", ["acquisition/loop", "units/depth", "intervals/trials/loop", "specifications/loop"])
def test_links_in_a_circle_keep_nothing_else_from_being_read(alm: Path, name: str) -> None:
    relinked(alm, name, h5py.SoftLink(f"/{name}"))
    assert open_nwb(alm)["units"].sizes["units"] == 4
    assert open_session(alm).sizes["trial"] == 40


def test_a_link_to_a_link_is_followed_and_one_to_nowhere_is_listed(alm: Path) -> None:
    relinked(alm, "units/depth", h5py.SoftLink("deeper"))
    relinked(alm, "units/deeper", h5py.SoftLink("/units/id"))
    relinked(alm, "units/lost", h5py.SoftLink("/units/gone"))
    assert open_nwb(alm)["units/depth"].values.tolist() == [1, 2, 3, 4]
    assert unmapped(alm, "units/lost").endswith("refused: is a link to a place where nothing is")


def test_values_stored_in_another_file_are_listed_and_not_read(alm: Path) -> None:
    (alm.parent / "secret.bin").write_bytes(bytes(80))
    with h5py.File(alm, "r+") as file:
        file.create_dataset("units/depth", shape=(4,), dtype="f8", external=[(str(alm.parent / "secret.bin"), 0, 32)])
    assert "refused: keeps its values in another file" in unmapped(alm, "units/depth")
    with pytest.raises(LayoutError, match=r"/units/depth keeps its values in another file, which is never opened"):
        NwbFile(alm).object("/units/depth")


@pytest.mark.parametrize("how", [{}, {"chunks": (1000,)}])
def test_a_size_that_the_file_cannot_hold_is_listed_and_refused_where_it_is_needed(
    alm: Path, how: dict[str, object]
) -> None:
    with h5py.File(alm, "r+") as file:
        file.create_dataset("units/depth", shape=(10**13,), dtype="i2", **how)
        del file["units/spike_times"]
        file.create_dataset("units/spike_times", shape=(10**13,), dtype="f8", **how)
    assert "claims 20,000,000,000,000 bytes, and the file holds 0 of them" in unmapped(alm, "units/depth")
    with pytest.raises(LayoutError, match=r"units/spike_times claims 80,000,000,000,000 bytes.*fetch the file again"):
        open_session(alm)


def test_a_specification_that_is_no_json_is_listed_when_it_is_asked(alm: Path) -> None:
    with h5py.File(alm, "r+") as file:
        file["specifications/ndx-lick/0.1.0/ndx-lick.extensions"] = '{"groups": ['
        file["intervals/trials"].attrs.update(neurodata_type="LickTable", namespace="ndx-lick")
    assert "not a specification (" in unmapped(alm, "specifications/ndx-lick/0.1.0/ndx-lick.extensions")


def test_bytes_that_were_changed_on_the_way_are_a_damaged_file(alm: Path) -> None:
    values = np.random.default_rng(0).normal(size=5000)
    with h5py.File(alm, "r+") as file:
        file.create_dataset("units/noise", data=values, compression="gzip", chunks=(5000,))
        chunk, heap = file["units/noise"].id.get_chunk_info(0), file["units"].id
        header = h5py.h5o.get_info(heap).addr
    raw = bytearray(alm.read_bytes())
    raw[chunk.byte_offset : chunk.byte_offset + 400] = bytes(400)
    (alm.parent / "values.nwb").write_bytes(raw)
    raw[header : header + 16] = bytes(16)
    (alm.parent / "header.nwb").write_bytes(raw)
    tree = open_nwb(alm.parent / "values.nwb")
    with pytest.raises(LayoutError, match=r"values\.nwb: /units/noise cannot be read \(.*damaged: fetch it again"):
        tree["units/noise"].compute()
    assert "refused: cannot be read (" in unmapped(alm.parent / "header.nwb", "units")
    with pytest.raises(LayoutError, match=r"header\.nwb: .*units cannot be read \(.*damaged: fetch it again"):
        open_session(alm.parent / "header.nwb")


def test_a_link_structure_that_was_changed_on_the_way_is_a_damaged_file(alm: Path) -> None:
    raw = alm.read_bytes()
    (alm.parent / "b.nwb").write_bytes(raw.replace(b"HEAP", b"PEAH"))
    with pytest.raises(LayoutError, match=r"b\.nwb.* cannot be .* \(.*etch"):
        open_nwb(alm.parent / "b.nwb")


def test_a_dataset_in_the_place_of_a_table_is_named(alm: Path) -> None:
    relinked(alm, "units", np.arange(3))
    with pytest.raises(LayoutError, match="units is a dataset, and a group is needed there"):
        open_session(alm)


def test_a_ragged_column_that_was_cut_short_says_both_lengths_when_it_is_read(tmp_path: Path) -> None:
    whole = twins.allen_twin(tmp_path / "a.nwb")
    with h5py.File(whole) as file:
        n_counted = int(file["units/spike_times_index"][-1])
        first = file["units/spike_times"][:10]
    tree = open_nwb(twins.damaged(whole, tmp_path / "cut.nwb", replace={"units/spike_times": first}))
    with pytest.raises(LayoutError, match=rf"spike_times_index counts to {n_counted:,}, but spike_times has 10 values"):
        tree["units/spike_times"][:3].compute()


def test_spikes_that_belong_to_no_unit_are_not_left_out_in_silence(alm: Path) -> None:
    with h5py.File(alm, "r+") as file:
        n_stored = file["units/spike_times"].shape[0]
        file["units/spike_times_index"][-1] -= 50
    session = open_session(alm)
    sentence = rf"counts to {n_stored - 50:,}, but spike_times has {n_stored:,} values, so 50 belong to no row"
    for part in (session, session.isel(unit=[0]), session.isel(unit=[1])):  # unit 1 has no spike to read
        with pytest.raises(LayoutError, match=sentence):
            read_spikes(part)


def test_an_index_that_decreases_is_refused_when_its_column_is_read(tmp_path: Path) -> None:
    index = {"units/spike_times_index": np.array([5, 3, 9, 12])}
    tree = open_nwb(twins.damaged(twins.alm_twin(tmp_path / "a.nwb"), tmp_path / "b.nwb", replace=index))
    with pytest.raises(LayoutError, match="spike_times_index decreases"):
        tree["units/spike_times"].compute()


def test_a_group_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"has no intervals/epochs\. See what there is"):
        descriptions(twins.alm_twin(tmp_path / "a.nwb"), "intervals/epochs")


def test_a_type_without_a_specification_is_listed_as_not_mapped(tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "a.nwb")
    with h5py.File(path, "r+") as file:
        file["intervals/trials"].attrs.update(neurodata_type="StrangeTable", namespace="ndx-strange")
    (sentence,) = [s for s in open_nwb(path).attrs["unmapped"] if "StrangeTable" in s]
    assert "StrangeTable of ndx-strange is not in the specifications cached in the file" in sentence


def test_a_type_of_an_extension_is_read_as_the_type_it_is_based_on(tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "a.nwb")
    spec = '{"groups": [{"neurodata_type_def": "LickTable", "neurodata_type_inc": "TimeIntervals"}]}'
    with h5py.File(path, "r+") as file:
        file["intervals/trials"].attrs.update(neurodata_type="LickTable", namespace="ndx-lick")
        file["specifications/ndx-lick/0.1.0/ndx-lick.extensions"] = spec
    tree = open_nwb(path)
    assert tree.attrs["unmapped"] == []
    assert tree["intervals/trials/type"].dims == ("trials",)
