"""Whatever is done with an unread array gives what numpy gives: each selection, and selections of selections."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr

import worlds
from neurodata4ml.data.nwb.engine import open_nwb

NAME = "acquisition/gzip/data"
PLACES = np.arange(200)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return worlds.stored(tmp_path_factory.mktemp("selection") / "stored.nwb")


@pytest.fixture(scope="module")
def whole(path: Path) -> np.ndarray:
    values = open_nwb(path)[NAME].values
    assert values.shape == (200, 6)
    return values


OF_ARRAYS: dict[str, Callable[[Any], Any]] = {
    "backwards": lambda x: x[::-1],
    "backwards in steps on both axes": lambda x: x[::-2, ::-1],
    "a list that is not sorted and repeats": lambda x: x[[2, 0, 0]],
    "from the end": lambda x: x[[-1, -200]],
    "a new axis": lambda x: x[None],
    "an ellipsis": lambda x: x[..., 0],
    "an ellipsis and a new axis": lambda x: x[..., None, 0],
    "a mask": lambda x: x[PLACES % 2 == 0],
    "a mask as a list": lambda x: x[[True, False] * 100],
    "a slice of a slice": lambda x: x[3:50][5:10],
    "a row of a reversed slice": lambda x: x[3:50:3][::-1][2],
    "a slice of a list": lambda x: x[[5, 3, 9]][1:],
    "one value": lambda x: x[7, 3],
    "a list of a row": lambda x: x[7][[1, 2]],
    "nothing": lambda x: x[5:5],
    "nothing of a reversed slice": lambda x: x[::-1][4:4],
    "nothing downwards": lambda x: x[10:20:-1],
    "nothing of a reversed slice and one column": lambda x: x[::-2][3:3, 1],
    "an empty list": lambda x: x[[]],
    "numpy's integer": lambda x: x[np.int64(4)],
    "beyond the end": lambda x: x[190:500],
    "transposed": lambda x: x.T[2],
    "compared": lambda x: x[x > 50],
    "sums": lambda x: x.sum(0),
}


@pytest.mark.parametrize("select", OF_ARRAYS.values(), ids=OF_ARRAYS)
@pytest.mark.parametrize("chunks", [{}, {"gzip_time": 13}], ids=["as opened", "in small blocks"])
def test_a_selection_by_dask_is_that_by_numpy(path: Path, whole: np.ndarray, select: Any, chunks: Any) -> None:
    np.testing.assert_array_equal(np.asarray(select(open_nwb(path, chunks=chunks)[NAME].data)), select(whole))


def points(*places: int) -> xr.DataArray:
    """Return an index that goes along with another one, point by point."""
    return xr.DataArray(list(places), dims="point")


OF_LABELLED: dict[str, Callable[[xr.DataArray], xr.DataArray]] = {
    "lists on both axes": lambda x: x.isel(gzip_time=[5, 1], gzip_axis=[0, 4]),
    "points": lambda x: x.isel(gzip_time=points(5, 1), gzip_axis=points(0, 4)),
    "backwards in steps": lambda x: x.isel(gzip_time=slice(None, None, -3)),
    "nothing of a reversed slice": lambda x: x[::-1].isel(gzip_time=slice(7, 7)),
    "nothing of a falling slice": lambda x: x[10:20:-1],
    "where": lambda x: x.where(x > 50),
    "coarsened": lambda x: x.coarsen(gzip_time=4).mean(),
    "by group": lambda x: x.groupby(xr.DataArray(PLACES % 3, dims="gzip_time", name="g")).mean(),
    "the nearest": lambda x: x.assign_coords(gzip_time=PLACES).sel(gzip_time=[3, 4.2], method="nearest"),
    "stacked": lambda x: x.stack(z=("gzip_time", "gzip_axis")),
    "two pieces": lambda x: xr.concat([x[:3], x[10:12]], "gzip_time"),
    "sent": lambda x: pickle.loads(pickle.dumps(x))[4:9],
    "copied": lambda x: copy.deepcopy(x)[4:9],
    "of another type": lambda x: x.astype("f4")[3:5],
    "shifted": lambda x: x.shift(gzip_time=1, fill_value=0),
}


@pytest.mark.parametrize("select", OF_LABELLED.values(), ids=OF_LABELLED)
@pytest.mark.parametrize("chunks", [{}, None, {"gzip_time": 13}], ids=["as opened", "no blocks", "small blocks"])
def test_a_selection_by_xarray_is_that_of_the_values(path: Path, whole: np.ndarray, select: Any, chunks: Any) -> None:
    data = open_nwb(path, chunks=chunks)[NAME]
    expected = select(xr.DataArray(whole, dims=data.dims))
    np.testing.assert_array_equal(select(data).values, expected.values)


def test_neighbours_differ_as_they_do_in_memory(path: Path, whole: np.ndarray) -> None:
    np.testing.assert_array_equal(da.diff(open_nwb(path)[NAME].data, axis=0).compute(), np.diff(whole, axis=0))
