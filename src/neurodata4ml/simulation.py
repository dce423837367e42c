"""A simulated recording as a value: what a laboratory would see, and beside it the truth that it never does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from neurodata4ml.errors import DesignError

EVENTS = ("start_time", "stop_time")
"""Columns that every table of trials has: seconds from the start of the recording."""


@dataclass(frozen=True)
class Series:
    """A continuous signal with a clock of its own.

    Attributes
    ----------
    values : ndarray (sample,) or (sample, channel)
    time : ndarray (sample,)
        Seconds from the start of the recording, rising.
    units : str
        Of ``values``, as CF writes them (``"A"``, ``"cm/s"``, ``"1"``).
    description : str
    """

    values: np.ndarray
    time: np.ndarray
    units: str
    description: str = ""


@dataclass(frozen=True)
class Simulation:
    """One simulated session; ``open_simulation`` makes a session of it, and ``truth`` finds its truth again.

    Attributes
    ----------
    system : str
        What was simulated, in a word: ``"lif"``.
    description : str
        What was simulated, in a sentence.
    seed : int
        The same seed gives the same bits.
    units : dict of str to ndarray (unit,)
        Columns of the units: ``area``, and whatever else a laboratory would know of them.
    spike_times : sequence of ndarray
        Seconds from the start of the recording, sorted, one array per unit.
    trials : dict of str to ndarray (trial,)
        Columns of the trials: ``start_time`` and ``stop_time`` in s, ``stimulus`` where one is shown, ``block`` where
        there are blocks, and any others; numbers, booleans or texts.
    truth : Dataset
        What an analysis should find. Its dims ``unit`` and ``trial`` (and ``unit2``, for pairs) are those of the
        recording, in its order; other dims are its own. Each variable says its ``units`` in attrs.
    stop : float
        End of the recording in s.
    series : dict of str to Series
    """

    system: str
    description: str
    seed: int
    units: Mapping[str, np.ndarray]
    spike_times: Sequence[np.ndarray]
    trials: Mapping[str, np.ndarray]
    truth: xr.Dataset
    stop: float
    series: Mapping[str, Series] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a recording that does not hold together.

        Raises
        ------
        DesignError
            It names what is wrong first.
        """
        for problem in self._problems():
            message = f"a simulation of {self.system!r} cannot be: {problem}."
            raise DesignError(message)

    def _problems(self) -> Iterator[str]:
        n_units = len(self.spike_times)
        if "area" not in self.units:
            yield f"its units have no column 'area', only {', '.join(self.units) or 'none'}"
        for name, column in self.units.items():
            if np.shape(column)[:1] != (n_units,):
                yield f"the column {name!r} has shape {np.shape(column)}, and there are {n_units} units"
        for name in EVENTS:
            if name not in self.trials:
                yield f"its trials have no column {name!r}, only {', '.join(self.trials) or 'none'}"
        n_trials = len(self.trials["start_time"])
        for name, column in self.trials.items():
            if np.shape(column) != (n_trials,):
                yield f"the column {name!r} of its trials has shape {np.shape(column)}, and there are {n_trials} trials"
        for unit, times in enumerate(self.spike_times):
            if len(times) and not (times[0] >= 0 and times[-1] <= self.stop and (np.diff(times) >= 0).all()):
                yield f"the spikes of unit {unit} are not sorted between 0 and {self.stop:g} s"
        for dim, size in (("unit", n_units), ("unit2", n_units), ("trial", n_trials)):
            if self.truth.sizes.get(dim, size) != size:
                yield f"its truth has {self.truth.sizes[dim]} entries along {dim!r}, and the recording {size}"
        for name, series in self.series.items():
            if len(series.values) != len(series.time) or not (np.diff(series.time) > 0).all():
                yield f"the series {name!r} has {len(series.values)} values for {len(series.time)} rising times"
