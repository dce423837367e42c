"""Open a simulated recording as a session, through a real NWB file, and find its truth again."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.data.entries.records import AreaJoin, Layout, Trials
from neurodata4ml.data.made_file import LOCATION, write_simulation
from neurodata4ml.data.made_parts import TRUTH, read_made_truth
from neurodata4ml.data.session import open_place
from neurodata4ml.data.whereabouts import Place
from neurodata4ml.errors import DesignError
from neurodata4ml.simulation import Simulation


def open_simulation(simulation: Simulation) -> xr.Dataset:
    """Open what a system was recorded to do, as ``open_session`` opens a recording of a brain.

    It is written as an NWB file that stays until this process ends, and read as any other: what a session shows is
    what a laboratory would have seen.

    Parameters
    ----------
    simulation : Simulation
        From ``neurodata4ml.systems``: ``lif.record(seed=1, n_units=10)``.

    Returns
    -------
    Dataset
        As ``open_session`` describes it; ``truth`` of it is ``simulation.truth``.

    """
    folder = Path(tempfile.mkdtemp(dir=_room()))
    path = write_simulation(simulation, folder / f"{simulation.system}_seed-{simulation.seed}.nwb")
    said = {"dataset": simulation.system, "session": str(simulation.seed), "read_from": "a simulation"}
    return open_place(Place(path, layout_of(simulation), said))


def layout_of(simulation: Simulation) -> Layout:
    """Return how the file of any simulation is laid out: area on the units, stimulus and block where there are any."""
    there: dict[str, Any] = {name: name for name in ("stimulus", "block") if name in simulation.trials}
    return replace(
        Layout.default(),
        area=AreaJoin(LOCATION),
        trials={"trials": Trials(table="intervals/trials", **there)},
        default_trials="trials",
        series={name: f"processing/signals/{name}" for name in simulation.series},
    )


def made_truth(session: xr.Dataset) -> xr.Dataset | None:
    """Return the truth that lies beside a session's recording, for its units and trials; None where none is labelled.

    Raises
    ------
    DesignError
        The session has a unit or a trial that the simulation does not have.
    """
    source = str(session.attrs.get("source", ""))
    # a session of several parts has a truth for the table of each
    its_own = f"scratch/{str(session.attrs.get('trials', '')).rpartition('/')[2]}"
    truth = next((found for group in (its_own, TRUTH) if (found := read_made_truth(source, group)) is not None), None)
    if truth is None:
        return None
    for dim, of in (("unit", "unit"), ("unit2", "unit"), ("trial", "trial")):
        if dim in truth.dims and of in session.dims:
            ids = truth[dim].values if dim in truth.coords else np.arange(truth.sizes[dim])
            truth = truth.isel({dim: _rows(session[of].values, ids, of)})
            truth = truth.assign_coords({dim: session[of].values})
    return truth


def _rows(wanted: np.ndarray, ids: np.ndarray, dim: str) -> np.ndarray:
    """Return the places in the simulation of a session's units or trials."""
    place = {one: k for k, one in enumerate(ids.tolist())}
    strange = [one for one in wanted.tolist() if one not in place]
    if strange:
        message = f"{dim} {strange[0]} is none of the {len(ids)} of the simulation; open_session it anew."
        raise DesignError(message)
    return np.array([place[one] for one in wanted.tolist()], dtype=int)


@cache
def _room() -> str:
    """Make the folder of this process's recordings, which is removed when it ends."""
    folder = tempfile.mkdtemp(prefix="neurodata4ml-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
