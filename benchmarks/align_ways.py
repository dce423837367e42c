"""The ways to bin spikes around events that are compared: from a recording to counts (trial, time, unit)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

WIDTH = 0.01
EDGES = np.round(-0.1 + np.arange(61) * WIDTH, 12)
"""60 bins of 10 ms around the event, in s."""

Way = Callable[[], Any]


@dataclass(frozen=True)
class Recording:
    """Sorted spikes of all units end to end, where each unit's begin and end, and the events."""

    times: np.ndarray
    offsets: np.ndarray
    event: np.ndarray

    @property
    def units(self) -> list[np.ndarray]:
        """Spikes of each unit."""
        return np.split(self.times, self.offsets[1:-1])

    @classmethod
    def simulated(cls, n_units: int, n_spikes: int, n_events: int, seed: int = 0) -> Recording:
        """Return an Allen-like session of 9,000 s: three blocks of images, 250 ms each, unlike rates of units.

        Spikes are on the grid of a microsecond and events between two of its points, so that no spike lies on the
        edge of a bin and everybody must count the same.
        """
        rng = np.random.default_rng(seed)
        n_of = rng.multinomial(n_spikes, rng.dirichlet(np.ones(n_units)))
        offsets = np.append(0, np.cumsum(n_of)).astype(np.int64)
        times = np.round(rng.uniform(0, 9000, n_spikes), 6)
        for first, stop in pairwise(offsets):
            times[first:stop].sort()
        each = -(-n_events // 3)
        event = np.concatenate([begin + np.arange(each) * 0.2502 for begin in (1000, 4000, 7000)])[:n_events]
        return cls(times, offsets, np.round(event, 6) + 4e-7)

    @classmethod
    def load(cls, folder: Path) -> Recording:
        """Return what ``save`` wrote."""
        return cls(*(np.load(folder / f"{name}.npy") for name in ("times", "offsets", "event")))

    def save(self, folder: Path) -> None:
        """Write the three arrays, once for all contenders."""
        for name in ("times", "offsets", "event"):
            np.save(folder / f"{name}.npy", getattr(self, name))

    def beginning(self) -> Recording:
        """Return the same with the first 3 events only: to compile before the clock starts."""
        return replace(self, event=self.event[:3])


def ours(recording: Recording, *, sparse: bool = False) -> Way:
    """Return what a user types."""
    import xarray as xr

    from neurodata4ml import bin_spikes

    session = xr.Dataset(
        {
            "spike_times": ("spike", recording.times),
            "spike_start": ("unit", recording.offsets[:-1]),
            "spike_stop": ("unit", recording.offsets[1:]),
        },
        coords={"start_time": ("trial", recording.event)},
    )
    warnings.simplefilter("ignore")  # of windows that reach into the next image
    return lambda: bin_spikes(session, window=(EDGES[0], EDGES[-1]), bin_width=WIDTH, sparse=sparse).data


def numpy_bincount(recording: Recording) -> Way:
    """Take the spikes of each window with repeat, and count where they fall with bincount."""
    n_units, n_events, n_bins = len(recording.offsets) - 1, len(recording.event), len(EDGES) - 1

    def count() -> np.ndarray:
        counts = np.empty((n_units, n_events * n_bins), dtype=np.int8)
        for unit, spikes in enumerate(recording.units):
            counts[unit] = np.bincount(cells(spikes, recording.event), minlength=n_events * n_bins)
        # turned round at the end: unit after unit would write one byte here and one there, three times as slow
        return np.ascontiguousarray(counts.reshape(n_units, n_events, n_bins).transpose(1, 2, 0))

    return count


def numpy_add_at(recording: Recording) -> Way:
    """Do the same with ``add.at``, which numpy 2 has fast for one index: nothing is counted where no spike is."""
    n_units, n_events, n_bins = len(recording.offsets) - 1, len(recording.event), len(EDGES) - 1

    def count() -> np.ndarray:
        counts = np.zeros((n_events, n_bins, n_units), dtype=np.int8)
        for unit, spikes in enumerate(recording.units):
            np.add.at(counts.reshape(-1), cells(spikes, recording.event) * n_units + unit, np.int8(1))
        return counts

    return count


def cells(spikes: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Return ``trial * n_bins + bin`` for every spike in a window."""
    left, right = event + EDGES[0], event + EDGES[-1]
    first = np.searchsorted(spikes, left)
    n_spikes = np.searchsorted(spikes, right) - first
    place = np.repeat(first - np.cumsum(n_spikes) + n_spikes, n_spikes)
    place += np.arange(len(place))
    trial = np.repeat(np.arange(len(event)), n_spikes)
    bin_ = ((spikes[place] - left[trial]) / WIDTH).astype(np.int64)
    return np.asarray(bin_ + trial * (len(EDGES) - 1))


def numpy_searchsorted(recording: Recording) -> Way:
    """Look up all edges in the spikes of each unit."""
    edges = recording.event[:, None] + EDGES

    def count() -> np.ndarray:
        counts = np.empty((len(recording.offsets) - 1, len(edges), len(EDGES) - 1), dtype=np.int8)
        for unit, spikes in enumerate(recording.units):
            counts[unit] = np.diff(np.searchsorted(spikes, edges), axis=1)
        return np.ascontiguousarray(counts.transpose(1, 2, 0))

    return count


def pynapple(recording: Recording) -> Way:
    """Call ``TsGroup.trial_count`` three times: an IntervalSet joins intervals that overlap."""
    import pynapple

    group = pynapple.TsGroup({unit: pynapple.Ts(spikes) for unit, spikes in enumerate(recording.units)})
    n_events, n_bins = len(recording.event), len(EDGES) - 1

    def count() -> np.ndarray:
        counts = np.empty((len(group), n_events, n_bins))
        for third in range(3):
            event = recording.event[third::3]
            windows = pynapple.IntervalSet(event + EDGES[0], event + EDGES[-1])
            counts[:, third::3] = group.trial_count(windows, WIDTH)[:, :, :n_bins]
        return counts.transpose(1, 2, 0)

    return count


def allensdk(recording: Recording) -> Way:
    """Call ``EcephysSession.presentationwise_spike_counts``, on a session that holds these spikes and events."""
    import pandas as pd
    from allensdk.brain_observatory.ecephys.ecephys_session import EcephysSession

    class Session(EcephysSession):
        spike_times = property(lambda self: held)
        units = property(lambda self: pd.DataFrame(index=list(held)))
        stimulus_presentations = property(lambda self: pd.DataFrame({"start_time": recording.event}))

        def __init__(self) -> None:
            pass  # all that the count looks at stands above

    held = dict(enumerate(recording.units))
    warnings.simplefilter("ignore")  # of windows that overlap
    session = Session()
    events, units = session.stimulus_presentations.index.values, session.units.index.values
    return lambda: session.presentationwise_spike_counts(EDGES, events, units).values


def touch(recording: Recording) -> Way:
    """Add up the spikes in all windows, where they lie, on all cores: nobody who counts them can do less."""
    import numba

    from neurodata4ml.cores import n_cores
    from neurodata4ml.data.align.counting import parts

    @numba.njit(nogil=True)
    def add(times: Any, first: Any, stop: Any) -> float:
        total = 0.0
        for unit in range(first.shape[0]):
            for i in range(first.shape[1]):
                for k in range(first[unit, i], stop[unit, i]):
                    total += times[k]
        return total

    starts = recording.offsets[:-1, None]
    first, stop = (
        starts + np.array([np.searchsorted(spikes, recording.event + edge) for spikes in recording.units])
        for edge in (EDGES[0], EDGES[-1])
    )
    some = [slice(*part) for part in parts(len(first), n_cores())]
    pool = ThreadPoolExecutor(n_cores())
    add(recording.times, first[:0], stop[:0])
    return lambda: sum(pool.map(lambda units: add(recording.times, first[units], stop[units]), some))


WAYS: dict[str, Callable[[Recording], Way]] = {
    "neurodata4ml": ours,
    "the same, sparse": lambda recording: ours(recording, sparse=True),
    "numpy, bincount": numpy_bincount,
    "numpy, searchsorted": numpy_searchsorted,
    "numpy, add.at": numpy_add_at,
    "pynapple": pynapple,
    "AllenSDK": allensdk,
    "touching the spikes": touch,
}
"""Every contender, by the name in the table."""


def dense(counts: Any) -> np.ndarray:
    """Return counts of any contender as one type in one order, to be compared."""
    counts = counts.todense() if hasattr(counts, "todense") else counts
    return np.ascontiguousarray(counts, dtype=np.int16)
