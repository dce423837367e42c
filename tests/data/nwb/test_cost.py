"""What a read is said to cost is what the server then sends: bytes and requests, cached and not, packed and not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import twins
from archive import Archive
from neurodata4ml.data.align.spikes import read_spikes
from neurodata4ml.data.nwb.cost import cost
from neurodata4ml.data.nwb.engine import open_nwb
from neurodata4ml.data.session import open_session
from neurodata4ml.data.storage.sources import behind

N_UNITS, N_SPIKES = 100, 20_000


@pytest.fixture(scope="module", params=["contiguous", "packed"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with 16 MB of spikes and 13 MB of a series."""
    path, rng = twins.alm_twin(tmp_path_factory.mktemp("cost") / "cost.nwb"), np.random.default_rng(0)
    how: dict[str, Any] = {} if request.param == "contiguous" else {"compression": "gzip", "compression_opts": 1}
    with h5py.File(path, "r+") as file:
        for name in [name for name in file["units"] if name != "spike_times"]:
            del file[f"units/{name}"]
        del file["units/spike_times"]
        times = np.sort(rng.uniform(0, 480, (N_UNITS, N_SPIKES)), axis=1).ravel()
        file.create_dataset("units/spike_times", data=times, chunks=(5000,) if how else None, **how)
        file["units/spike_times_index"] = np.arange(1, N_UNITS + 1) * N_SPIKES
        file["units/id"] = np.arange(N_UNITS)
        file["units"].attrs["colnames"] = ["spike_times"]
        series = file.create_group("processing/x/traces")
        series.attrs.update(neurodata_type="TimeSeries", namespace="core")
        values = rng.integers(0, 999, (50_000, 128)).astype("i2")
        series.create_dataset("data", data=values, chunks=(2500, 16) if how else None, **how)
        series["data"].attrs.update(conversion=1.0, unit="V")
        series["starting_time"] = 0.0
        series["starting_time"].attrs["rate"] = 30.0
    return path


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    with Archive() as archive:
        yield archive
    behind.wait(60)


@pytest.fixture
def url(archive: Archive, path: Path) -> str:
    return archive.url(archive.put("cost.nwb", path))


def spikes(tree: xr.DataTree, unit: int) -> xr.DataArray:
    """Return the spikes of a unit, unread."""
    start, stop = (int(tree["units"][f"spike_times_{edge}"][unit]) for edge in ("start", "stop"))
    return tree["units/spike_times"][start:stop]


def check(archive: Archive, x: xr.DataArray, *, is_here: bool = False) -> None:
    """Read ``x``, and compare what moved with what was told."""
    told = cost(x)
    told = cost(x)  # the first may have looked where the chunks are
    archive.forget()
    x.compute(scheduler="synchronous")
    moved = archive.downloads()
    assert (sum(request.sent for request in moved), len(moved)) == tuple(told)
    assert (told.bytes == 0) == is_here


CHOICES = {
    "one unit": lambda tree: spikes(tree, 37),
    "every tenth unit": lambda tree: xr.concat([spikes(tree, k) for k in range(0, N_UNITS, 10)], "units_spike_times"),
    "a slab": lambda tree: tree["processing/x/traces/data"][10_000:15_000, 20:50],
    "some columns": lambda tree: tree["processing/x/traces/data"][:, [3, 90]],
    "a row": lambda tree: tree["processing/x/traces/data"][777],
    "all": lambda tree: tree["processing/x/traces/data"],
}


@pytest.mark.slow
@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_what_is_told_is_what_moves_and_nothing_the_second_time(archive: Archive, url: str, choice: Any) -> None:
    tree = open_nwb(url)
    check(archive, choice(tree))
    check(archive, choice(tree), is_here=True)
    behind.wait(60)
    check(archive, choice(open_nwb(url)), is_here=True)


def test_units_of_a_session_cost_their_spikes(archive: Archive, url: str) -> None:
    session = open_session(url)
    few = session.isel(unit=slice(0, None, 10))[["spike_times", "spike_start", "spike_stop"]]
    cost(few)
    told = cost(few)
    archive.forget()
    times, _ = read_spikes(few)
    moved = archive.downloads()
    assert (sum(request.sent for request in moved), len(moved)) == tuple(told)
    assert told.bytes <= 1.2 * times.nbytes
    assert cost(few) == (0, 0)
