"""From a server, a selection moves what it selects: whatever selects it, whoever computes it, as told before."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from pathlib import Path

import dask
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
from neurodata4ml.errors import ArchiveError, NotCachedError

ROWS, COLUMNS = 4_000, 64


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with 8 MB of spikes of 40 units, and traces of 64 ROIs, in chunks and in one piece."""
    path, rng = twins.alm_twin(tmp_path_factory.mktemp("moves") / "moves.nwb"), np.random.default_rng(0)
    traces = rng.normal(size=(ROWS, COLUMNS))
    with h5py.File(path, "r+") as file:
        del file["units/spike_times"], file["units/spike_times_index"], file["units/id"], file["units/cell_type"]
        for name in ("electrodes", "electrodes_index", "waveform_mean"):
            del file[f"units/{name}"]
        file["units/spike_times"] = np.sort(rng.uniform(0, 480, (40, 25_000)), axis=1).ravel()
        file["units/spike_times_index"] = np.arange(1, 41) * 25_000
        file["units/id"], file["units/depth"] = np.arange(40), np.linspace(0, 1, 40)
        for name in ("shape", "width"):  # of 1.6 MB each
            file[f"units/{name}"] = rng.normal(size=(40, 5_000))
        file["units"].attrs["colnames"] = ["spike_times", "depth", "shape", "width"]
        for name, how in {"whole": {}, "packed": {"chunks": (500, 8), "compression": "gzip"}}.items():
            series = file.create_group(f"processing/x/{name}")
            series.attrs.update(neurodata_type="TimeSeries", namespace="core")
            series.create_dataset("data", data=traces, **how).attrs.update(conversion=1.0, unit="V")
            series["starting_time"] = 0.0
            series["starting_time"].attrs["rate"] = 30.0
    return path


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    with Archive() as archive:
        yield archive


@pytest.fixture
def url(archive: Archive, path: Path) -> str:
    return archive.url(archive.put("moves.nwb", path))


def moved(archive: Archive, expected: int = 0) -> int:
    """Return the bytes of all answers since the last look; the server counts them just after they were read."""
    until = time.monotonic() + 2
    while (total := sum(request.sent for request in archive.log)) < expected and time.monotonic() < until:
        time.sleep(0.01)
    archive.forget()
    return total


def test_a_file_on_a_server_is_the_file_here(url: str, path: Path) -> None:
    there, here = open_nwb(url), open_nwb(path)
    xr.testing.assert_identical(there.load(), here.load())


def test_the_second_opening_asks_once_and_gives_the_same(archive: Archive, url: str) -> None:
    first = open_nwb(url)
    assert len(archive.log) <= 8
    archive.forget()
    second = open_nwb(url)
    assert len(archive.log) <= 1
    xr.testing.assert_identical(first["units"].to_dataset(), second["units"].to_dataset())


SELECTIONS = {
    "rows": {"time": slice(1000, 1100)},
    "a row": {"time": 7},
    "far rows": {"time": [3, 3900]},
    "rows far apart": {"time": slice(None, None, 2500)},
    "a column in rows": {"time": slice(0, 100), "axis": [40]},
}


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
@pytest.mark.parametrize("how", [{}, None])
@pytest.mark.parametrize("name", ["whole", "packed"])
def test_a_selection_moves_little_more_than_its_own_bytes(
    archive: Archive, url: str, path: Path, name: str, how: object, selection: dict[str, object]
) -> None:
    data = open_nwb(url, chunks=how)[f"processing/x/{name}/data"]
    chosen = data.isel({f"{name}_{axis}": place for axis, place in selection.items()})
    told = cost(chosen)
    moved(archive)
    values = chosen.values
    n_moved = moved(archive, told.bytes)
    with h5py.File(path) as file:
        whole = file[f"processing/x/{name}/data"]
        n_stored = whole.id.get_storage_size()
        rows, columns = selection["time"], selection.get("axis", slice(None))
        np.testing.assert_array_equal(values, whole[:][rows][..., columns])
    assert n_moved <= (0.1 if name == "whole" else 0.3) * n_stored
    assert told.bytes == pytest.approx(n_moved, abs=1000)


def test_what_is_computed_of_two_selections_does_not_move_what_lies_between(archive: Archive, url: str) -> None:
    data = open_nwb(url)["processing/x/whole/data"]
    ends = (data[:10].mean() + data[-10:].mean()).data
    told = cost(ends)
    moved(archive)
    ends.compute()
    n_selected = 20 * COLUMNS * 8
    assert n_selected <= moved(archive, n_selected) <= n_selected + 1000
    assert told.bytes == n_selected


def test_units_move_their_own_spikes_and_no_others(archive: Archive, url: str, path: Path) -> None:
    session = open_session(url)
    few = session.isel(unit=[3, 30, 31])[["spike_times", "spike_start", "spike_stop"]]
    assert cost(session).bytes > cost(session[list(few)]).bytes > 7_000_000
    told = cost(few)
    moved(archive)
    times, _ = read_spikes(few)
    n_moved = moved(archive, told.bytes)
    with h5py.File(path) as file:
        expected = file["units/spike_times"][:].reshape(40, -1)[[3, 30, 31]]
    np.testing.assert_array_equal(times, expected.ravel())
    assert n_moved <= 1.2 * times.nbytes
    assert told.bytes == pytest.approx(n_moved, rel=0.2)
    assert cost(few).bytes == 0, "they are in the cache now"


def test_units_selected_by_a_column_move_that_column_alone(archive: Archive, url: str) -> None:
    units = open_nwb(url)["units"].to_dataset()
    moved(archive)
    n_column = units["shape"].size * 8
    units.isel(units=np.flatnonzero(units["shape"].values.mean(1) > 0))
    assert n_column <= moved(archive, n_column) <= n_column + 1000


def test_the_cost_of_what_is_here_is_nothing(path: Path) -> None:
    assert cost(open_nwb(path)) == (0, 0)
    assert cost(open_session(path)) == (0, 0)
    assert cost(open_session(path)["start_time"].variable) == (0, 0)


def test_a_session_travels_by_reference(url: str) -> None:
    session = open_session(url)
    assert len(pickle.dumps(session["spike_times"])) < 6_000
    counts = session["spike_times"].data.mean()
    assert len(pickle.dumps(dict(counts.__dask_graph__()))) < 20_000
    assert len(pickle.dumps(session)) < 200_000
    again = pickle.loads(pickle.dumps(session.isel(unit=[1, 5])))
    np.testing.assert_array_equal(read_spikes(again)[0], read_spikes(session.isel(unit=[1, 5]))[0])


def test_one_file_has_the_same_names_in_every_graph_and_another_has_others(url: str, archive: Archive) -> None:
    names = [open_nwb(url)["processing/x/whole/data"].data.name for _ in range(2)]
    assert names[0] == names[1]
    other = open_nwb(url)["processing/x/packed/data"].data.name
    assert other != names[0]
    data = open_nwb(url)["processing/x/whole/data"].data
    assert data[:5].name == data[:5].name != data[:6].name
    assert data[[1, 2]].name != data[[1, 3]].name


def test_a_file_that_changed_on_the_server_is_opened_as_it_is_now(archive: Archive, path: Path, tmp_path: Path) -> None:
    stored = archive.put("moves.nwb", path.read_bytes())
    url = archive.url(stored)
    old = open_nwb(url)
    with h5py.File(twins.damaged(path, tmp_path / "b.nwb", replace={}), "r+") as file:
        file["units/depth"][...] = 7.0
    archive.change(stored, (tmp_path / "b.nwb").read_bytes())
    assert open_nwb(url)["units/depth"].values.tolist() == [7.0] * 40
    with pytest.raises(ArchiveError, match="changed"):
        old["processing/x/whole/data"][:10].compute()


def test_offline_what_was_never_opened_is_not_asked_for(
    archive: Archive, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    with pytest.raises(NotCachedError, match="was never opened, and NEURODATA4ML_OFFLINE forbids to ask for it"):
        open_nwb(url)
    assert archive.log == []


def test_processes_of_dask_compute_from_a_server(url: str, path: Path) -> None:
    mean = open_nwb(url)["processing/x/packed/data"].mean()
    with h5py.File(path) as file:
        expected = file["processing/x/packed/data"][:].mean()
    with dask.config.set(scheduler="processes", num_workers=2):
        assert float(mean) == pytest.approx(expected)
