"""A network that was only ever told how far off it was, and came to weigh two cues as an ideal observer does."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.require import require_whole
from neurodata4ml.simulation import Simulation
from neurodata4ml.systems.cue_combination import CENTRES, N_EACH, SPREAD, draw_cues, expected_counts, posterior
from neurodata4ml.systems.generic_network import Network, teach, untrained_network

SHOWN, PAUSE = 0.5, 0.25
"""Seconds that both cues are shown, seconds of silence before."""

N_LESSONS = 200_000
"""Trials from which the network learns, before any is recorded."""

MEAN_RATE = 10.0
"""Hz: of the hidden units over all recorded trials; what a network calls activity has no unit of its own."""

POSITIONS = np.arange(-16, 17, 4)
"""Degrees: the middles of the bins that are the trials' ``stimulus``; the last ones hold all beyond, too."""


def cue_network(*, n_hidden: int = 60, trained: bool = True, seed: int = 0) -> Network:
    """Return a network that combines two cues, or its twin before the first lesson.

    It learns to report the position from the spikes of both cues by the squared error of its report, over trials whose
    reliabilities are drawn anew each (Orhan & Ma 2017, Nature Communications 8:138: non-probabilistic feedback).

    Parameters
    ----------
    n_hidden : int
    trained : bool
        False: the same weights at the start, nothing learnt.
    seed : int

    Returns
    -------
    Network
        For counts (trial, input) of :func:`~neurodata4ml.systems.cue_combination.draw_cues`. It reports in degrees.
    """
    # taught in units of the spread: a report of order one is what weights of this size can make
    network = untrained_network(2 * N_EACH, n_hidden, seed=seed)
    if trained:
        position, _, counts = draw_cues(N_LESSONS, seed=_other(seed, 1))
        network = teach(network, counts, position / SPREAD)
    return network._replace(readout=network.readout * SPREAD, offset=network.offset * SPREAD)


def record(*, seed: int = 0, trained: bool = True, n_trials: int = 800) -> Simulation:
    """Record a network while it reports where two cues are, each more or less reliable.

    Eighty units see the cues (Poisson, Gaussian tuning, gain by reliability), 60 hidden units do what the network
    makes of those spikes, as Poisson units of their own. The network knows no time: what it does follows from a trial's
    whole counts, so when in a trial a spike falls means nothing.

    Parameters
    ----------
    seed : int
    trained : bool
        False: the twin that has learnt nothing, on the same trials with the same spikes of the cues.
    n_trials : int

    Returns
    -------
    Simulation
        Areas ``cue_1``, ``cue_2``, ``hidden``. Trials have ``position`` (degrees) and its bin ``stimulus``,
        ``reliability_1``, ``reliability_2`` (spikes in a trial at the tuning's peak), ``report`` (degrees) and
        ``block``. Truth: ``posterior_mean``, ``posterior_width`` (trial), ``mean_alone``, ``width_alone`` (trial, cue)
        from either cue, ``rate`` (trial, unit) without Poisson noise, ``weight`` (unit, unit2), ``bias`` and
        ``readout`` (unit; NaN where a unit is not hidden); ``attrs["trained"]``.

    Raises
    ------
    DesignError
        Fewer than 20 trials, or a seed that is none.
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_trials, "n_trials", least=20)
    network = cue_network(trained=trained, seed=seed)
    position, reliability, counts = draw_cues(n_trials, seed=_other(seed, 2))
    hidden = network.hidden(counts)
    seen = expected_counts(position, reliability) / SHOWN
    rate = np.hstack([seen, hidden * MEAN_RATE / hidden.mean()])
    rng = np.random.default_rng(_other(seed, 3))
    start = PAUSE + np.arange(n_trials) * (SHOWN + PAUSE)
    fired = np.hstack([counts, rng.poisson(rate[:, 2 * N_EACH :] * SHOWN)])
    return Simulation(
        system="inference",
        description=f"A network reports a position from two cues; it was {'' if trained else 'not '}trained.",
        seed=seed,
        units={"area": np.repeat(["cue_1", "cue_2", "hidden"], [N_EACH, N_EACH, hidden.shape[1]])},
        spike_times=[_placed(its, start, rng) for its in fired.T],
        trials={
            "start_time": start,
            "stop_time": start + SHOWN,
            "stimulus": POSITIONS[np.abs(position[:, None] - POSITIONS).argmin(axis=1)],
            "block": np.arange(n_trials) * 10 // n_trials,
            "position": position,
            "reliability_1": reliability[:, 0],
            "reliability_2": reliability[:, 1],
            "report": network.report(counts),
        },
        truth=_truth(network, counts, rate, trained=trained),
        stop=n_trials * (SHOWN + PAUSE) + PAUSE,
    )


def _other(seed: int, which: int) -> int:
    """Return a seed that is another one for each use, so that a lesson never comes up as a trial."""
    return int(np.random.SeedSequence([seed, which]).generate_state(1)[0])


def _placed(counts: np.ndarray, start: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return sorted spike times: so many in each trial, anywhere in it."""
    return np.sort(np.repeat(start, counts) + SHOWN * rng.random(int(counts.sum())))


def _truth(network: Network, counts: np.ndarray, rate: np.ndarray, *, trained: bool) -> xr.Dataset:
    n_cues, n_units = 2 * N_EACH, rate.shape[1]
    mean, width = posterior(counts)
    alone = [posterior(counts, cue=cue) for cue in (0, 1)]
    mean_alone, width_alone = (np.stack([one[k] for one in alone], axis=1) for k in (0, 1))
    weight = np.zeros((n_units, n_units))
    weight[:n_cues, n_cues:] = network.weights
    nothing = np.full(n_cues, np.nan)
    degree, one = {"units": "degree"}, {"units": "1"}
    return xr.Dataset(
        {
            "posterior_mean": ("trial", mean, degree),
            "posterior_width": ("trial", width, degree),
            "mean_alone": (("trial", "cue"), mean_alone, degree),
            "width_alone": (("trial", "cue"), width_alone, degree),
            "rate": (("trial", "unit"), rate, {"units": "Hz"}),
            "preferred": ("unit", np.r_[CENTRES, CENTRES, np.full(n_units - n_cues, np.nan)], degree),
            "weight": (("unit", "unit2"), weight, one),
            "bias": ("unit", np.r_[nothing, network.bias], one),
            "readout": ("unit", np.r_[nothing, network.readout], degree),
        },
        coords={"cue": [1, 2]},
        attrs={"trained": trained},
    )
