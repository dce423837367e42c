"""Tables of an NWB file: every column as pynwb reads it, ragged ones with both bounds, descriptions on request."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
from pynwb import NWBHDF5IO

import twins
from conftest import real_data
from neurodata4ml.data.nwb.engine import descriptions, open_nwb

TABLES = {
    "alm": ("units", "intervals/trials", "general/extracellular_ephys/electrodes"),
    "allen": ("units", "intervals/natural_scenes_presentations", "intervals/invalid_times"),
    "everything": ("units", "processing/behavior/states"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("tables")
    makers = {"alm": twins.alm_twin, "allen": twins.allen_twin, "everything": twins.everything_twin}
    return {name: make(folder / f"{name}.nwb") for name, make in makers.items()}


@pytest.mark.parametrize(("name", "path"), [(name, path) for name, paths in TABLES.items() for path in paths])
def test_every_plain_column_is_what_pynwb_reads(files: dict[str, Path], name: str, path: str) -> None:
    node = open_nwb(files[name])[path]
    with NWBHDF5IO(str(files[name]), "r") as io:
        table = next(o for o in io.read().objects.values() if hasattr(o, "colnames") and o.name == path.split("/")[-1])
        for column in table.columns:
            stored = np.asarray(column.data[:])
            if column.name in node and stored.dtype.kind in "biuf" and column.name != "state":
                np.testing.assert_array_equal(node[column.name].values, stored)
                assert node[column.name].dtype == stored.dtype
        np.testing.assert_array_equal(node["id"].values, table.id[:])


def test_rows_of_a_ragged_column_lie_between_start_and_stop(files: dict[str, Path]) -> None:
    units = open_nwb(files["alm"])["units"]
    rows = twins.spikes(4, stop=12.0 * 40, rate=5.0)
    for row, start, stop in zip(rows, units["spike_times_start"].values, units["spike_times_stop"].values, strict=True):
        np.testing.assert_array_equal(units["spike_times"].values[start:stop], row)


def test_a_doubly_ragged_column_has_bounds_on_both_levels(files: dict[str, Path]) -> None:
    units = open_nwb(files["everything"])["units"]
    assert units["waveforms_index_start"].dims == ("units",)
    assert units["waveforms_index_stop"].values.tolist() == [3, 4]
    assert units["waveforms_start"].values.tolist() == [0, 1, 3, 4]
    assert units["waveforms_stop"].values.tolist() == [1, 3, 4, 6]


def test_dims_carry_the_name_of_their_own_table(files: dict[str, Path]) -> None:
    tree = open_nwb(files["allen"])
    assert tree["units"]["quality"].dims == ("units",)
    assert tree["units"]["spike_times"].dims == ("units_spike_times",)
    assert tree["intervals/natural_scenes_presentations/frame"].dims == ("natural_scenes_presentations",)


def test_a_column_with_the_name_of_its_table_does_not_become_an_index(files: dict[str, Path]) -> None:
    states = open_nwb(files["everything"])["processing/behavior/states"]
    assert states["states"].dims == ("states_row",)
    assert not states.indexes


def test_codes_are_decoded_to_their_labels(files: dict[str, Path]) -> None:
    states = open_nwb(files["everything"])["processing/behavior/states"]
    assert states["state"].values.tolist() == ["run", "run", "rest", "sleep"]
    assert "state_elements" not in states


def test_rows_of_another_table_come_with_the_path_of_that_table(files: dict[str, Path]) -> None:
    electrodes = open_nwb(files["alm"])["units/electrodes"]
    assert electrodes.attrs["table"] == "/general/extracellular_ephys/electrodes"
    assert electrodes.values.tolist() == [2, 0, 1, 3, 1]


def test_object_references_become_paths(files: dict[str, Path]) -> None:
    group = open_nwb(files["alm"])["general/extracellular_ephys/electrodes/group"]
    assert set(group.values) == {"/general/extracellular_ephys/probeA"}


def test_a_compound_column_becomes_a_variable_for_each_field(tmp_path: Path) -> None:
    masks = open_nwb(twins.two_photon_twin(tmp_path / "p.nwb"))["processing/ophys/ImageSegmentation/PlaneSegmentation"]
    assert masks["pixel_mask_x"].values.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert masks["pixel_mask_weight"].values[:2].tolist() == [1.0, 0.5]
    assert masks["pixel_mask_stop"].values.tolist() == [2, 4, 6, 8, 10]


def test_texts_are_objects_and_times_are_in_seconds(files: dict[str, Path]) -> None:
    trials = open_nwb(files["alm"])["intervals/trials"]
    assert trials["type"].dtype == object
    assert trials["type"].values[:3].tolist() == ["lick left", "lick right", "non-performing"]
    assert trials["start_time"].attrs["units"] == "s"


def test_descriptions_are_read_on_request_and_not_at_opening(files: dict[str, Path]) -> None:
    assert "description" not in open_nwb(files["allen"])["units/firing_rate"].attrs
    assert descriptions(files["allen"], "units")["firing_rate"] == "mean rate in Hz, by the sorter"


def test_open_nwb_is_what_xarray_opens_with_the_engine(files: dict[str, Path]) -> None:
    xr.testing.assert_identical(open_nwb(files["alm"]), xr.open_datatree(files["alm"], engine="nwb", chunks={}))
    assert xr.open_dataset(files["alm"], engine="nwb", group="units").sizes["units"] == 4
    assert "/units" in xr.open_groups(files["alm"], engine="nwb")


def test_xarray_reads_nwb_files_when_told_the_engine(files: dict[str, Path]) -> None:
    assert xr.open_datatree(files["alm"], engine="nwb")["units"].sizes["units"] == 4


def test_a_column_that_does_not_fit_its_table_is_kept_and_named(files: dict[str, Path], tmp_path: Path) -> None:
    path = twins.damaged(files["alm"], tmp_path / "misfit.nwb", replace={"intervals/trials/is_good": np.arange(3)})
    tree = open_nwb(path)
    assert tree["intervals/trials/is_good"].dims == ("trials_is_good",)
    assert any("is_good: has 3 values for 40 rows" in sentence for sentence in tree.attrs["unmapped"])


def test_a_listed_column_that_is_not_there_is_named(files: dict[str, Path], tmp_path: Path) -> None:
    path = twins.damaged(files["alm"], tmp_path / "gone.nwb", replace={"intervals/trials/is_good": None})
    assert any("is_good: the table lists this column" in s for s in open_nwb(path).attrs["unmapped"])


def test_the_real_alm_file_opens_with_all_its_columns() -> None:
    folder = real_data("mouse-alm")
    tree = open_nwb(next(folder.glob("*.nwb")))
    assert tree.attrs["unmapped"] == []
    assert tree["units"].sizes["units_spike_times"] == 34_057
    assert tree["intervals/trials"].sizes == {"trials": 412}
    assert len(tree["intervals/trials"].data_vars) == 16


def test_the_real_allen_file_opens_with_its_tables_and_series() -> None:
    tree = open_nwb(real_data("allen-vc-schema") / "aibs.nwb")
    assert tree.attrs["unmapped"] == []
    assert len([path for path in tree["intervals"].children if path.endswith("_presentations")]) == 8
    assert tree["processing/running/running_wheel_rotation"].coords["timestamps"].sizes == {
        "running_wheel_rotation_time": 10
    }


def test_a_table_inside_a_table_of_the_same_name_has_a_dim_of_its_own(files: dict[str, Path], tmp_path: Path) -> None:
    path = twins.damaged(files["alm"], tmp_path / "nested.nwb", replace={})
    with h5py.File(path, "r+") as file:
        inner = file.create_group("intervals/trials/trials")
        inner.attrs.update(neurodata_type="DynamicTable", namespace="hdmf-common")
        inner["id"], inner["x"] = np.arange(3), np.arange(3.0)
    tree = open_nwb(path)
    assert tree["intervals/trials/trials"]["x"].dims == ("trials_trials",)
    assert tree["intervals/trials"].sizes["trials"] == 40


def test_codes_without_labels_stay_codes_and_are_named(files: dict[str, Path], tmp_path: Path) -> None:
    states = "processing/behavior/states"
    path = twins.damaged(files["everything"], tmp_path / "a.nwb", replace={f"{states}/state_elements": None})
    with h5py.File(path, "r+") as file:
        file[f"{states}/state"].attrs.pop("elements")
    tree = open_nwb(path)
    assert tree[states]["state"].values.tolist() == [1, 1, 0, 2]
    assert any("state: its codes come without their labels" in s for s in tree.attrs["unmapped"])
