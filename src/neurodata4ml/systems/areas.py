"""A chain of areas, each later and slower than the one before: what a hierarchy in time would look like."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.signal import lfilter

from neurodata4ml.require import require_whole
from neurodata4ml.simulation import Simulation

AREAS = ("first", "second", "third", "fourth", "fifth", "sixth")
"""In the order in which a stimulus reaches them."""

LATENCY = np.linspace(0.03, 0.08, len(AREAS))
"""Seconds from a stimulus to the first change of rate, area by area."""

TIMESCALE = np.geomspace(0.04, 0.25, len(AREAS))
"""Seconds after which the fluctuations of an area have forgotten all but 1/e of themselves."""

GRAY, SHOWN = 0.8, 0.3
"""Seconds without a stimulus, seconds with one: a trial."""

STEP = 0.002
"""Seconds: rates are constant in between."""

_SPREAD, _SHARED, _RISE = 0.6, 0.3, 0.02
"""Standard deviation of the logarithm of rates, share of its variance that an area has in common, s of the rise."""


def record(
    *, n_units: int = 15, n_stimuli: int = 8, n_repeats: int = 40, ordered: bool = True, seed: int = 0
) -> Simulation:
    """Record six areas of which each answers later, and fluctuates more slowly, than the one before.

    Rates are a stimulus's drive, which begins after the latency of the area, on top of a baseline times log-normal
    noise with the area's timescale; part of the noise is common to the units of an area. Spikes are Poisson.

    Parameters
    ----------
    n_units : int
        Of each area.
    n_stimuli, n_repeats : int
        Each stimulus once in each of ``n_repeats`` blocks, in an order of its own.
    ordered : bool
        False: the latencies and timescales are dealt to the areas in an order drawn by ``seed``, not their own.
    seed : int
        The same seed gives the same bits.

    Returns
    -------
    Simulation
        Trials have ``stimulus`` and ``block``; ``start_time`` is the onset, before which it is gray for ``GRAY`` s.
        Truth: ``latency``, ``timescale`` (unit), s; ``baseline`` (unit), Hz; ``drive`` (stimulus, unit), Hz;
        ``shared`` (unit, unit2), correlation of the noise in the logarithm of two units' rates.

    Raises
    ------
    DesignError
        Sizes that are no whole numbers of 2 or more.
    """
    for name, size in {"n_units": n_units, "n_stimuli": n_stimuli, "n_repeats": n_repeats}.items():
        require_whole(size, name, least=2)
    require_whole(seed, "seed", least=0)
    rng = np.random.default_rng(seed)
    stimulus = np.concatenate([rng.permutation(n_stimuli) for _ in range(n_repeats)])
    onset = GRAY + np.arange(len(stimulus)) * (GRAY + SHOWN)
    stop = float(onset[-1] + SHOWN + GRAY)
    places = [np.arange(len(AREAS)) if ordered else rng.permutation(len(AREAS)) for _ in range(2)]
    latency, timescale = LATENCY[places[0]], TIMESCALE[places[1]]
    baseline = rng.uniform(15, 30, size=(len(AREAS), n_units))
    drive = rng.gamma(1.0, 25.0, size=(n_stimuli, len(AREAS), n_units))
    spikes: list[np.ndarray] = []
    for k in range(len(AREAS)):
        rate = baseline[k] * _noise(round(stop / STEP), n_units, timescale[k], rng)
        rate += _course(onset, stimulus, drive[:, k], latency[k], len(rate))
        spikes += _poisson(rate, rng)
    home = np.repeat(np.arange(len(AREAS)), n_units)
    shared = np.where(np.eye(len(home), dtype=bool), 1.0, _SHARED * np.equal.outer(home, home))
    return Simulation(
        system="areas",
        description="Six areas, each later and slower than the one before.",
        seed=seed,
        units={"area": np.array(AREAS)[home]},
        spike_times=spikes,
        trials={
            "start_time": onset,
            "stop_time": onset + SHOWN,
            "stimulus": stimulus,
            "block": np.repeat(np.arange(n_repeats), n_stimuli),
        },
        truth=xr.Dataset(
            {
                "latency": ("unit", latency[home], {"units": "s"}),
                "timescale": ("unit", timescale[home], {"units": "s"}),
                "baseline": ("unit", baseline.ravel(), {"units": "Hz"}),
                "drive": (("stimulus", "unit"), drive.reshape(n_stimuli, -1), {"units": "Hz"}),
                "shared": (("unit", "unit2"), shared, {"units": "1"}),
            },
            coords={"stimulus": np.arange(n_stimuli)},
        ),
        stop=stop,
    )


def _noise(n_steps: int, n_units: int, timescale: float, rng: np.random.Generator) -> np.ndarray:
    """Return log-normal noise (step, unit) of mean one that remembers itself for ``timescale`` s, in part shared."""
    memory = np.exp(-STEP / timescale)
    kicks = rng.standard_normal((n_steps, n_units + 1))
    kicks[1:] *= np.sqrt(1 - memory**2)
    z = lfilter([1.0], [1.0, -memory], kicks, axis=0)
    own = _SPREAD * (np.sqrt(1 - _SHARED) * z[:, 1:] + np.sqrt(_SHARED) * z[:, :1])
    return np.asarray(np.exp(own - 0.5 * _SPREAD**2))


def _course(onset: np.ndarray, stimulus: np.ndarray, drive: np.ndarray, latency: float, n_steps: int) -> np.ndarray:
    """Return the drive (step, unit) in Hz: after the latency it rises to its level, and falls as late and as fast."""
    time = np.arange(round((SHOWN + GRAY) / STEP)) * STEP
    since = np.clip(time - latency, 0, None)
    course = 1 - np.exp(-since / _RISE)
    course -= np.clip(1 - np.exp(-(since - SHOWN) / _RISE), 0, None)
    found = np.zeros((n_steps, drive.shape[1]))
    for at, which in zip(np.round(onset / STEP).astype(int), stimulus, strict=True):
        part = found[at : at + len(course)]
        part += course[: len(part), None] * drive[which]
    return found


def _poisson(rate: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Return sorted spike times in s of every unit, of rates (step, unit) in Hz."""
    counts = rng.poisson(rate * STEP)
    return [np.sort((np.repeat(np.arange(len(own)), own) + rng.random(int(own.sum()))) * STEP) for own in counts.T]
