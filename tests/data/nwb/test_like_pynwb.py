"""Whatever pynwb reads from a file, we read too, and the same: on every type, and on real recordings."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from hdmf.common import DynamicTable, VectorData, VectorIndex
from hdmf.common.table import EnumData
from hdmf.container import AbstractContainer, Container
from pynwb import NWBHDF5IO, TimeSeries
from pynwb.base import Image, Images
from pynwb.image import ImageSeries

import worlds
from conftest import real_data
from neurodata4ml.data.nwb.engine import open_nwb
from neurodata4ml.errors import LayoutError


class Reader:
    """What pynwb reads from a file: its objects by their paths."""

    def __init__(self, path: Path) -> None:
        self.io = NWBHDF5IO(str(path), "r", load_namespaces=True)
        self.nwb = self.io.read()

    def objects(self) -> Iterator[tuple[str, AbstractContainer]]:
        """Yield the path and the object, for all of them."""
        for item in self.nwb.objects.values():
            yield self.path(item), item

    def path(self, item: AbstractContainer) -> str:
        """Return where an object lies in the file."""
        path = str(self.io.manager.get_builder(item).path)
        return "/" + path.removeprefix("root").strip("/")


@contextlib.contextmanager
def read_by_both(path: Path) -> Iterator[tuple[Reader, xr.DataTree]]:
    """Open a file with pynwb and with ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = Reader(path)
    with contextlib.closing(theirs.io), contextlib.closing(open_nwb(path)) as ours:
        yield theirs, ours


@pytest.fixture(scope="module", params=worlds.WORLDS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of each kind, one after the other."""
    return worlds.WORLDS[request.param](tmp_path_factory.mktemp("world") / f"{request.param}.nwb")


@pytest.fixture(scope="module")
def both(world: Path) -> Iterator[tuple[Reader, xr.DataTree]]:
    """The same, read by both."""
    with read_by_both(world) as opened:
        yield opened


def same(ours: Any, theirs: Any, what: str) -> None:
    """Assert that both are the same values of the same kind."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, what
    if theirs.dtype.kind in "biuf":
        assert ours.dtype.kind == theirs.dtype.kind, what
        np.testing.assert_array_equal(ours, theirs, err_msg=what)
    else:
        assert [str(value) for value in ours.flat] == [_text(value) for value in theirs.flat], what


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def stored(data: Any) -> Any:
    """Return the whole of what pynwb holds in place of an array."""
    return data[:] if hasattr(data, "__getitem__") and not isinstance(data, str) else data


def compare_table(theirs: Reader, table: DynamicTable, node: xr.Dataset, where: str) -> int:
    """Compare the ids and every column, ragged or not; return how many."""
    same(node.coords["id"].values, stored(table.id.data), f"{where}/id")
    labels = {column.elements.name for column in _columns(table) if isinstance(column, EnumData)}
    columns = [column for column in _columns(table) if column.name not in labels]
    for column in columns:
        path = f"{where}/{column.name}"
        if isinstance(column, VectorIndex):
            same(node[f"{column.name.removesuffix('_index')}_stop"].values, np.asarray(stored(column.data), int), path)
        else:
            compare_column(theirs, column, node, path)
    return len(columns) + 1


def _columns(table: DynamicTable) -> Iterator[VectorData]:
    for column in table.columns:
        yield column
        while isinstance(column, VectorIndex):
            column = column.target
            yield column


def compare_column(theirs: Reader, column: VectorData, node: xr.Dataset, path: str) -> None:
    """Compare a column of numbers, words, labels, references, or a compound one field by field."""
    values = stored(column.data)
    first = values[0] if len(values) else None
    if isinstance(column, EnumData):
        labels = stored(column.elements.data)
        same(node[column.name].values, [_text(labels[code]) for code in values], path)
    elif getattr(getattr(values, "dtype", None), "names", None):
        for field in values.dtype.names:
            expected = [theirs.path(v) if isinstance(v, Container) else v for v in values[field]]
            same(node[f"{column.name}_{field}"].values, np.asarray(expected), f"{path}.{field}")
    elif isinstance(first, tuple):  # references to pieces of series
        for place, field in enumerate(("idx_start", "count")):
            same(node[f"{column.name}_{field}"].values, [row[place] for row in values], f"{path}.{field}")
        same(node[f"{column.name}_timeseries"].values, [theirs.path(row[2]) for row in values], path)
    elif isinstance(first, Container):
        same(node[column.name].values, [theirs.path(row) for row in values], path)
    else:
        same(node[column.name].values, values, path)


def compare_series(series: TimeSeries, node: xr.Dataset, where: str) -> int:
    """Compare the data in their unit, and the times."""
    if isinstance(series, ImageSeries) and series.external_file is not None:
        return 0
    data = stored(series.data)
    if np.asarray(data).dtype.kind in "iuf":
        expected = np.asarray(series.get_data_in_units())
        ours = node["data"].values
        assert ours.shape == expected.shape, where
        plain = (
            series.conversion == 1.0 and series.offset == 0.0 and getattr(series, "channel_conversion", None) is None
        )
        if plain:
            same(ours, data, where)
        np.testing.assert_allclose(ours, expected, rtol=1e-6 if ours.dtype == np.float32 else 1e-12, err_msg=where)
    else:
        same(node["data"].values, data, where)
    np.testing.assert_allclose(node.coords["timestamps"].values, series.get_timestamps()[:], rtol=1e-12, err_msg=where)
    return 2


def compare_images(images: Images, node: xr.Dataset, where: str) -> int:
    """Compare each picture by its name, and their order."""
    pictures = [image for image in images.images.values() if isinstance(image, Image)]
    if "images" not in node:
        for image in pictures:
            same(node[image.name].values, stored(image.data), f"{where}/{image.name}")
        return len(pictures)
    names = list(node["image_name"].values)
    if images.order_of_images is not None:
        assert names == [image.name for image in images.order_of_images.data], where
    for image in pictures:
        same(node["images"].values[names.index(image.name)], stored(image.data), f"{where}/{image.name}")
    return len(pictures)


def compare(theirs: Reader, tree: xr.DataTree) -> int:
    """Compare all tables, series and images; return how many arrays that were."""
    n_arrays = 0
    for path, item in theirs.objects():
        if isinstance(item, DynamicTable):
            n_arrays += compare_table(theirs, item, tree[path].to_dataset(), path)
        elif isinstance(item, TimeSeries):
            n_arrays += compare_series(item, tree[path].to_dataset(), path)
        elif isinstance(item, Images):
            n_arrays += compare_images(item, tree[path].to_dataset(), path)
    return n_arrays


Both = tuple[Reader, xr.DataTree]


@pytest.mark.slow
def test_every_array_is_what_pynwb_reads(both: Both) -> None:
    theirs, tree = both
    assert compare(theirs, tree) > 0


def is_told(tree: xr.DataTree, path: str) -> bool:
    """Return whether the object at ``path`` has a place in the tree, or is listed as having none."""
    if path == "/" or path.strip("/") in {node.strip("/") for node in tree.groups}:
        return True
    parent, _, name = path.rpartition("/")
    if (parent or "/") in tree.groups:
        node = tree[parent or "/"]
        known = {str(key) for key in (*node.variables, *node.attrs)}
        stem = name.removesuffix("_index").removesuffix("_elements")
        if known & {name, f"{stem}_stop", stem} or any(key.startswith(f"{name}_") for key in known):
            return True
        if "image_name" in node.variables and name in (*node["image_name"].values, "order_of_images"):
            return True
    return any(sentence.startswith((f"{path}:", f"{path}.", f"{parent}:")) for sentence in tree.attrs["unmapped"])


def test_every_object_that_pynwb_sees_is_in_the_tree_or_listed(both: Both) -> None:
    theirs, tree = both
    assert [path for path, _ in theirs.objects() if not is_told(tree, path)] == []


QUIET = {"description", "comments", "colnames", "channel_conversion", "starting_time"}
"""Words that are read on request, and numbers that are applied."""


def test_every_dataset_of_the_file_is_in_the_tree_or_listed(world: Path, both: Both) -> None:
    names: list[str] = []
    with h5py.File(world) as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    shown = [name for name in names if not name.startswith("specifications/") and name.rpartition("/")[2] not in QUIET]
    assert [name for name in shown if not is_told(both[1], f"/{name}")] == []


def test_the_real_recording_is_what_pynwb_reads() -> None:
    with read_by_both(next(real_data("mouse-alm").glob("*.nwb"))) as (theirs, tree):
        assert compare(theirs, tree) >= 30


def test_the_real_allen_layout_is_what_pynwb_reads_but_for_the_column_that_was_cut_short() -> None:
    with read_by_both(real_data("allen-vc-schema") / "aibs.nwb") as (theirs, tree):
        assert _compare_what_is_whole(theirs, tree) > 80
        with pytest.raises(LayoutError, match="spike_times_index counts to 987,786, but spike_times has 10 values"):
            tree["units/spike_times"].compute()


def _compare_what_is_whole(theirs: Reader, tree: xr.DataTree) -> int:
    n_arrays = 0
    for path, item in theirs.objects():
        if isinstance(item, TimeSeries):
            n_arrays += compare_series(item, tree[path].to_dataset(), path)
        for column in _columns(item) if isinstance(item, DynamicTable) else ():
            if isinstance(column, VectorIndex) or len(column.data) == 0:
                continue
            with contextlib.suppress(LayoutError):
                compare_column(theirs, column, tree[path].to_dataset(), f"{path}/{column.name}")
                n_arrays += 1
    return n_arrays
