"""Workers of dask compute over a remote file: sent are references, never bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import h5py
import numpy as np
import pytest
from distributed import Client, LocalCluster
from distributed.protocol import serialize
from distributed.protocol.pickle import dumps

import twins
from archive import Archive
from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.data.nwb.engine import open_nwb
from neurodata4ml.data.session import open_session

SMALL = 1 << 20
N_UNITS, N_SPIKES = 1000, 300


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of 1,000 units, 2,000 trials and a series of 40 MB in many chunks."""
    path, rng = twins.alm_twin(tmp_path_factory.mktemp("workers") / "large.nwb"), np.random.default_rng(0)
    with h5py.File(path, "r+") as file:
        for name in ("spike_times", "spike_times_index", "id", "cell_type", "electrodes", "electrodes_index"):
            attrs = dict(file[f"units/{name}"].attrs)
            del file[f"units/{name}"]
            if name == "spike_times":
                times = np.sort(rng.uniform(0, 480, (N_UNITS, N_SPIKES)), axis=1).ravel()
                file.create_dataset("units/spike_times", data=times, chunks=(5000,), compression="gzip")
                file["units/spike_times"].attrs.update({key: attrs[key] for key in ("neurodata_type", "namespace")})
        del file["units/waveform_mean"]
        file["units/spike_times_index"] = np.arange(1, N_UNITS + 1) * N_SPIKES
        file["units/id"] = np.arange(N_UNITS)
        file["units"].attrs["colnames"] = ["spike_times"]
        series = file.create_group("processing/x/long")
        series.attrs.update(neurodata_type="TimeSeries", namespace="core")
        series.create_dataset("data", data=rng.integers(0, 99, (200_000, 100)).astype("i2"), chunks=(1000, 100))
        series["data"].attrs.update(conversion=1.0, unit="V")
        series["starting_time"] = 0.0
        series["starting_time"].attrs["rate"] = 30.0
    return path


@pytest.fixture
def url(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    with Archive() as archive:
        yield archive.url(archive.put("large.nwb", path))


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    options = {"processes": True, "n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        yield client


def sent(x: object) -> int:
    """Return the bytes in which the graph of ``x`` travels."""
    return max(len(cloudpickle.dumps(x)), len(dumps(x)), sum(map(len, serialize(x)[1])))


@pytest.mark.slow
def test_two_workers_compute_a_mean_over_a_remote_array(client: Client, url: str, path: Path) -> None:
    data = open_nwb(url)["processing/x/long/data"].chunk({"long_time": 25_000})
    mean = data.mean("long_time")
    assert data.data.npartitions == 8
    assert sent(mean) < SMALL
    with h5py.File(path) as file:
        expected = file["processing/x/long/data"][...].mean(axis=0)
    np.testing.assert_allclose(client.compute(mean).result(), expected)


@pytest.mark.slow
def test_the_graph_of_a_session_of_a_thousand_units_is_small(client: Client, url: str, path: Path) -> None:
    session = open_session(url)
    counts = bin_spikes(session, window=(0, 1), bin_width=0.1, chunks=10)
    assert session.sizes["unit"] == N_UNITS
    assert sent(session["spike_times"].mean()) < SMALL
    assert sent(session) < SMALL
    assert sent(counts) < SMALL
    there = client.compute(counts.mean("trial")).result()
    here = bin_spikes(open_session(path), window=(0, 1), bin_width=0.1).mean("trial")
    np.testing.assert_allclose(there.values, here.values)
