"""Opening takes as long as what is in the file, whatever it claims; nothing of it is lost for another's name."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from archive import Archive
from neurodata4ml.data.nwb.cost import cost
from neurodata4ml.data.nwb.engine import open_nwb
from neurodata4ml.data.nwb.texts import is_number
from neurodata4ml.data.storage.sources import behind
from neurodata4ml.errors import LayoutError

TEXT = h5py.string_dtype()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An NWB file that holds nothing yet."""
    with h5py.File(tmp_path / "a.nwb", "w", libver="latest") as file:
        file.attrs.update(nwb_version="2.9.0", neurodata_type="NWBFile", namespace="core")
    return tmp_path / "a.nwb"


def typed(path: Path, name: str, kind: str, **members: Any) -> None:
    with h5py.File(path, "r+") as file:
        group = file.require_group(name)
        group.attrs.update(neurodata_type=kind, namespace="core")
        for member, values in members.items():
            group[member] = values


def test_no_column_is_lost_for_the_name_of_another(path: Path) -> None:
    pairs = np.array([(1, 5), (2, 6)], [("a", "i4"), ("start", "i4")])
    columns: dict[str, Any] = {"x": np.arange(4.0), "x_index": [2, 4], "x_start": [7.0, 8.0], "c_a": [100, 200]}
    typed(path, "intervals/trials", "TimeIntervals", id=[0, 1], c=pairs, **columns)
    tree = open_nwb(path)
    found = {name: column.values.tolist() for name, column in tree["intervals/trials"].data_vars.items()}
    assert (found["c_a"], found["c_a_field"]) == ([100, 200], [1, 2])
    assert (found["x_start"], found["x_start_column"]) == ([0, 2], [7, 8])
    assert any("c.a: shown as c_a_field, as something else is called c_a" in s for s in tree.attrs["unmapped"])


def test_an_attribute_is_not_lost_for_a_dataset_of_its_name(path: Path) -> None:
    typed(path, "general/x", "Device", model="b")
    with h5py.File(path, "r+") as file:
        file["general/x"].attrs["model"] = "a"
    tree = open_nwb(path)
    assert tree["general/x"].attrs["model"] == "a"
    assert any("/general/x/model: left out: 'b'; the object has an" in s for s in tree.attrs["unmapped"])


@pytest.mark.parametrize("outer", [[3, 1, 4], [2, 3, 9]])
def test_an_index_of_an_index_that_does_not_fit_is_refused(path: Path, outer: list[int]) -> None:
    columns = {"w": np.arange(10.0), "w_index": [2, 4, 6, 10], "w_index_index": outer}
    typed(path, "analysis/t", "DynamicTable", id=[0, 1, 2], **columns)
    with pytest.raises(LayoutError, match=r"w_index_index (decreases|counts to 9)"):
        open_nwb(path)["analysis/t/w_index_stop"].compute()


NUMBERS = ("0.5", "-3", "1.5e-3", "1e-05", "1e+20", "2.E4", "9007199254740992", "0", "0.0e5")
NAMES = ("1E2", "12E3", "007", "9007199254740993", "1e+999", "1.0e-999", "1" * 400, "x", "")


@pytest.mark.parametrize(("words", "expected"), [(NUMBERS, True), (NAMES, False)])
def test_a_text_is_a_number_where_nothing_of_it_is_lost(words: tuple[str, ...], expected: bool) -> None:
    assert [word for word in words if is_number(word) != expected] == []


def test_one_reference_of_many_claimed_tells_a_clock_and_none_an_order(path: Path) -> None:
    typed(path, "acquisition/a", "TimeSeries", data=np.zeros(2), timestamps=[3.0, 4.0])
    typed(path, "acquisition/s", "TimeSeries", data=np.zeros(2))
    typed(path, "stimulus/i", "Images", p=np.zeros((4, 4)))
    how = {"shape": (100_000_000,), "dtype": h5py.ref_dtype, "chunks": (1 << 16,), "compression": "gzip"}
    with h5py.File(path, "r+") as file:
        file["pad"] = np.random.default_rng(0).integers(0, 255, 2_000_000).astype("u1")
        file.create_dataset("acquisition/s/timestamps", **how)[0] = file["acquisition/a/timestamps"].ref
        file.create_dataset("stimulus/i/order_of_images", **how)[0] = file["stimulus/i/p"].ref
    before = time.monotonic()
    tree = open_nwb(path)
    assert time.monotonic() - before < 5
    assert tree["acquisition/s/timestamps"].values.tolist() == [3, 4]
    assert any("it names images that are not there, 100,000,000 for 1" in s for s in tree.attrs["unmapped"])


def test_groups_within_groups_without_end_are_left_out(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        group = file
        for _ in range(1000):
            group = group.create_group("g")
            group.attrs.update(neurodata_type="DynamicTable", namespace="core")
        file["g/g/x"] = np.arange(3)
    before = time.monotonic()
    tree = open_nwb(path)
    assert time.monotonic() - before < 5
    assert tree["g/g/x"].values.tolist() == [0, 1, 2]
    assert any("lies more than" in s for s in tree.attrs["unmapped"])


def test_a_table_of_very_many_columns_opens_in_seconds(path: Path) -> None:
    typed(path, "analysis/t", "DynamicTable", id=[0, 1], **{f"c{k}": [k, k] for k in range(3000)})
    before = time.monotonic()
    assert len(open_nwb(path)["analysis/t"].data_vars) == 3000
    assert time.monotonic() - before < 5


def test_groups_and_variables_and_dims_of_one_name_open_as_a_tree(path: Path) -> None:
    typed(path, "acquisition/s", "TimeSeries", data=np.zeros(7))
    typed(path, "acquisition/s/data_of", "TimeSeries", data=np.zeros(7), timestamps=np.arange(7.0))
    typed(path, "acquisition/q", "TimeSeries", data=np.zeros(2), starting_time=0.0)
    with h5py.File(path, "r+") as file:
        file["acquisition/q/starting_time"].attrs["rate"] = 1.0
        file["acquisition/q/timestamps/inside"] = np.arange(70.0)
        file["analysis/foo/x"], file["analysis/foo/foo/x"] = np.zeros((70, 2)), np.zeros((80, 3))
    tree = open_nwb(path)
    assert tree["analysis/foo/foo/x"].sizes == {"foo_x_axis_": 80, "foo_x_axis2_": 3}
    assert tree["acquisition/s/data_of/timestamps"].values[-1] == 6
    assert tree["acquisition/q/timestamps_"].values.tolist() == [0, 1]
    assert tree["acquisition/q/timestamps/inside"].size == 70
    said = [s for s in tree.attrs["unmapped"] if "a group has this name" in s or "a group above has another" in s]
    assert len(said) == 3, tree.attrs["unmapped"]


READ = """
import resource, sys
import neurodata4ml
from neurodata4ml.errors import LayoutError
data = neurodata4ml.open_nwb(sys.argv[1])["acquisition/s/data"]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 28),) * 2)
try:
    data.values
except LayoutError as error:
    print(error)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited in Linux' way")
def test_what_does_not_fit_into_the_memory_is_told_as_that(path: Path) -> None:
    typed(path, "acquisition/s", "TimeSeries")
    how = {"shape": (100_000_000,), "dtype": "f8", "chunks": (1 << 17,), "compression": "gzip", "fillvalue": 1.5}
    with h5py.File(path, "r+") as file:
        file["pad"] = np.random.default_rng(0).integers(0, 255, 2_000_000).astype("u1")
        file.create_dataset("acquisition/s/data", **how)[0] = 3
    child = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, check=False)
    assert "/acquisition/s/data does not fit into the memory that is free. Read it in parts" in child.stdout, child


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    with Archive() as archive:
        yield archive
    behind.wait(60)


def test_the_cost_of_a_text_that_may_be_a_number_is_that_of_its_column(archive: Archive, path: Path) -> None:
    typed(path, "analysis/t", "DynamicTable", id=np.arange(50_000))
    with h5py.File(path, "r+") as file:
        file["analysis/t"].create_dataset("n", data=[str(k) for k in range(50_000)], dtype=TEXT)
    column = open_nwb(archive.url(archive.put("a.nwb", path)))["analysis/t/n"]
    time.sleep(0.2)
    archive.forget()
    told = cost(column[5:6])
    assert sum(request.sent for request in archive.log) < 100_000
    column[5:6].load()
    time.sleep(0.2)
    assert 800_000 < sum(request.sent for request in archive.log) <= told.bytes


def test_the_cost_of_images_is_that_of_those_that_are_shown(archive: Archive, path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 300)).astype("u1")
    typed(path, "stimulus/i", "Images", a=noise, b=noise.repeat(2, 0)[:100], c=noise)
    typed(path, "stimulus/s", "IndexSeries", data=[2, 2, 2], timestamps=[0.0, 1.0, 2.0])
    with h5py.File(path, "r+") as file:
        file["stimulus/i"].create_dataset(
            "order_of_images", data=[file[f"stimulus/i/{name}"].ref for name in "abc"], dtype=h5py.ref_dtype
        )
        file["stimulus/s/indexed_images"] = h5py.SoftLink("/stimulus/i")
    images = open_nwb(archive.url(archive.put("a.nwb", path)))["stimulus/s/images"]
    assert cost(images).bytes < 40_000


def test_the_cost_of_scaled_values_holds_the_factors_of_their_channels(archive: Archive, path: Path) -> None:
    n_channels = 500_000
    factors = np.linspace(1, 2, n_channels)
    typed(path, "acquisition/e", "ElectricalSeries", data=np.ones((4, n_channels), "i2"), channel_conversion=factors)
    data = open_nwb(archive.url(archive.put("a.nwb", path)))["acquisition/e/data"]
    assert cost(data[:, :1]).bytes >= 0.8 * factors.nbytes  # the end of the file is here since it was opened
