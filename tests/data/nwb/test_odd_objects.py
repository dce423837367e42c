"""What no program writes, but a file may hold, costs the object that is odd and no other: a sentence says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurodata4ml.data.nwb.engine import open_nwb

CASES: dict[Callable[[h5py.File], None], str] = {}


def says(sentence: str) -> Callable[[Callable[[h5py.File], None]], Callable[[h5py.File], None]]:
    """Note what is said of the file that the function writes: "" where there is nothing to say."""

    def note(write: Callable[[h5py.File], None]) -> Callable[[h5py.File], None]:
        CASES[write] = sentence
        return write

    return note


def typed(file: h5py.File, path: str, kind: str, **members: Any) -> h5py.Group:
    group = file.require_group(path)
    group.attrs.update(neurodata_type=kind, namespace="core")
    for name, values in members.items():
        group[name] = values
    return group


@says("/acquisition/kind: refused: cannot be read (/acquisition/kind: it is a datatype with a name")
def datatype_with_a_name(file: h5py.File) -> None:
    file["acquisition/kind"] = np.dtype("<f8")


@says("")
def list_of_columns_that_is_a_number(file: h5py.File) -> None:
    typed(file, "units", "Units", id=[0, 1]).attrs["colnames"] = 5


@says("")
def list_of_columns_that_is_empty(file: h5py.File) -> None:
    typed(file, "units", "Units", id=[0, 1]).attrs["colnames"] = h5py.Empty("f4")


@says("/acquisition/..: left out: in a path of the tree its name means another place")
def name_of_two_dots(file: h5py.File) -> None:
    file.create_group("acquisition").create_group("..")["x"] = 1


@says("/g/p.x: shown as p_x_field, as something else is called p_x")
def variable_of_a_name_that_a_group_has(file: h5py.File) -> None:
    file["g/p"] = np.array([(1, 2.0)], [("x", "<i4"), ("y", "<f8")])
    file.create_group("g/p_x/inside")["z"] = np.arange(3)


@says("/stimulus/i/image_name: left out: a coordinate has its name")
def dataset_of_the_name_of_a_coordinate(file: h5py.File) -> None:
    typed(file, "stimulus/i", "Images", a=np.zeros((3, 4)), image_name=np.arange(3))


@says("/units/x_start: shown as x_start_column, as something else is called x_start")
def column_of_the_name_of_the_starts(file: h5py.File) -> None:
    typed(file, "units", "Units", id=[0, 1], x=np.arange(4), x_index=[2, 4], x_start=[7, 7])


@says("/units/c: its codes are no whole numbers; kept without their labels")
def codes_that_are_no_whole_numbers(file: h5py.File) -> None:
    typed(file, "units", "Units", id=[0, 1], c=[0.0, 1.0], c_elements=["a", "b"])
    file["units/c"].attrs["neurodata_type"] = "EnumData"


@says("/acquisition/s/starting_time: ")
def start_that_is_no_number(file: h5py.File) -> None:
    typed(file, "acquisition/s", "TimeSeries", data=np.arange(3.0), starting_time=np.void(b"abcd"))
    file["acquisition/s/starting_time"].attrs["rate"] = 1.0


@says("")
def rows_of_nothing_without_end(file: h5py.File) -> None:
    series = typed(file, "acquisition/s", "TimeSeries", starting_time=0.0)
    series["starting_time"].attrs["rate"] = 1.0
    series.create_dataset("data", shape=(1 << 60, 0), chunks=(1, 1), maxshape=(None, None))


@pytest.mark.parametrize("write", CASES, ids=lambda write: write.__name__)
def test_an_odd_object_costs_no_other(tmp_path: Path, write: Callable[[h5py.File], None]) -> None:
    path = tmp_path / "odd.nwb"
    with h5py.File(path, "w") as file:
        file.attrs.update(nwb_version="2.9.0", neurodata_type="NWBFile", namespace="core")
        typed(file, "processing/whole", "TimeSeries", data=np.arange(3.0))
        write(file)
    for chunks in ({}, None):
        tree = open_nwb(path, chunks=chunks)
        assert tree["processing/whole/data"].values.tolist() == [0, 1, 2]
        said = [sentence for sentence in tree.attrs["unmapped"] if sentence.startswith(CASES[write])]
        assert bool(said) == bool(tree.attrs["unmapped"]), tree.attrs["unmapped"]
        tree.close()


def test_few_texts_that_claim_many_bytes_are_not_read_at_opening(tmp_path: Path) -> None:
    path = tmp_path / "long.nwb"
    with h5py.File(path, "w") as file:
        file.attrs.update(nwb_version="2.9.0", neurodata_type="NWBFile", namespace="core")
        file.create_dataset("g/long", data=np.array([b"x"], "S2000000"), chunks=(1,), compression="gzip")
        file.create_dataset("g/short", data=np.array([b"x"], "S20"), chunks=(1,), compression="gzip")
    tree = open_nwb(path)
    assert tree["g"].attrs == {"short": ["x"]}
    assert tree["g/long"].values.tolist() == ["x"]


def test_a_store_that_claims_rows_without_end_opens(tmp_path: Path) -> None:
    store = tmp_path / "wide.nwb.zarr"
    array = {"zarr_format": 2, "shape": [1 << 58], "chunks": [1], "dtype": "<f8", "order": "C", "fill_value": 0}
    group = {"zarr_format": 2}
    members = {".zgroup": group, ".zattrs": {"nwb_version": "2.9.0"}, "acquisition/.zgroup": group}
    members["acquisition/x/.zarray"] = array | {"compressor": None, "filters": None}
    store.mkdir()
    (store / ".zmetadata").write_text(json.dumps({"metadata": members}))
    tree = open_nwb(store)
    assert tree["acquisition/x"].shape == (1 << 58,)
    assert tree["acquisition/x"][-2:].values.tolist() == [0, 0]
