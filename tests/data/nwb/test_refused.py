"""What is not a whole NWB 2 file is refused in a sentence that names the file, the object and the cure."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import twins
from conftest import real_data
from neurodata4ml.data.nwb.engine import descriptions, open_nwb
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


def test_a_folder_and_an_address_are_not_files(tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match="is a folder, not an NWB file"):
        open_nwb(tmp_path)
    with pytest.raises(LayoutError, match="is an address, and only files on disk are read"):
        open_nwb("https://example.org/x.nwb")


def test_half_a_file_is_refused_at_the_door(tmp_path: Path) -> None:
    whole = twins.alm_twin(tmp_path / "a.nwb").read_bytes()
    (tmp_path / "half.nwb").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LayoutError, match=r"half\.nwb cannot be opened as HDF5 \(.*truncated"):
        open_nwb(tmp_path / "half.nwb")


def test_a_link_into_another_file_is_refused(tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "a.nwb")
    with h5py.File(path, "r+") as file:
        file["acquisition/raw"] = h5py.ExternalLink("raw.nwb", "/acquisition/raw")
    with pytest.raises(LayoutError, match=r"/acquisition/raw lies in another file, 'raw\.nwb'.*export"):
        open_nwb(path)


def test_values_stored_in_another_file_are_refused(tmp_path: Path) -> None:
    path = twins.alm_twin(tmp_path / "a.nwb")
    (tmp_path / "secret.bin").write_bytes(bytes(80))
    with h5py.File(path, "r+") as file:
        file.create_dataset("units/depth", shape=(4,), dtype="f8", external=[(str(tmp_path / "secret.bin"), 0, 32)])
    with pytest.raises(LayoutError, match=r"/units/depth lies in another file, .*secret\.bin"):
        open_nwb(path)


def test_a_ragged_column_that_was_cut_short_says_both_lengths_when_it_is_read(tmp_path: Path) -> None:
    whole = twins.allen_twin(tmp_path / "a.nwb")
    with h5py.File(whole) as file:
        n_counted = int(file["units/spike_times_index"][-1])
        first = file["units/spike_times"][:10]
    tree = open_nwb(twins.damaged(whole, tmp_path / "cut.nwb", replace={"units/spike_times": first}))
    with pytest.raises(LayoutError, match=rf"spike_times_index counts to {n_counted:,}, but spike_times has 10 values"):
        tree["units/spike_times"][:3].compute()


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
