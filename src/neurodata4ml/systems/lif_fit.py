"""Fit a leaky integrate-and-fire unit to what was recorded: the current that went in, and the spikes that came out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole
from neurodata4ml.systems.lif import simulate_lif
from neurodata4ml.systems.lif_theory import Neuron
from neurodata4ml.systems.van_rossum import van_rossum_distance

BOUNDS = {"tau": (0.004, 0.08), "gain": (0.3, 3.0), "refractory": (0.001, 0.008)}
"""Within which a fit looks: seconds; the rheobase as a share of the mean current; seconds."""


@dataclass(frozen=True)
class Fit:
    """A unit fitted to a recording; from spikes alone, voltage has no scale, so the rheobase stands for the threshold.

    Attributes
    ----------
    tau, rheobase, refractory : float
        s, A, s.
    distance : float
        Van Rossum distance of the fitted unit's spikes from those recorded, over half their number: 0 where all are
        hit, 1 for a unit that is silent.
    spike_times : ndarray, s
        What the fitted unit does.
    """

    tau: float
    rheobase: float
    refractory: float
    distance: float
    spike_times: np.ndarray

    @property
    def neuron(self) -> Neuron:
        """The fitted unit, with a threshold of 15 mV: the scale that spikes do not tell."""
        return Neuron(
            tau=self.tau, resistance=0.015 / self.rheobase, threshold=0.015, reset=0.0, refractory=self.refractory
        )


def fit_lif(
    current: np.ndarray, spike_times: np.ndarray, *, step: float = 0.0005, kernel: float = 0.01, seed: int = 0
) -> Fit:
    """Find the unit whose spikes are nearest to those recorded (van Rossum distance), under the same current.

    The search is differential evolution (Storn & Price 1997) within ``BOUNDS``: the distance has many local minima,
    since a spike more or less is a jump.

    Parameters
    ----------
    current : ndarray (step,), A
        What was injected.
    spike_times : ndarray, s
        From the start of ``current``.
    step : float, s
        Of ``current``; at most a millisecond, the shortest refractory period that is tried.
    kernel : float, s
        How near spikes must be to count as hit.
    seed : int

    Returns
    -------
    Fit

    Raises
    ------
    DesignError
        Fewer than three spikes: they tell nothing; or a current of no mean drive.
    """
    require_whole(seed, "seed", least=0)
    current, spikes = np.asarray(current, dtype=float), np.sort(np.asarray(spike_times, dtype=float))
    if len(spikes) < 3:
        message = f"fit_lif needs three spikes or more; got {len(spikes)}. Take a longer recording or more current."
        raise DesignError(message)
    scale = float(np.abs(current).mean()) if current.ndim == 1 and current.size else 0.0
    if not (np.isfinite(scale) and scale > 0):
        message = f"fit_lif needs the injected current (step,) in A, not all of it zero; got shape {current.shape}."
        raise DesignError(message)

    def fires(guess: np.ndarray) -> tuple[Neuron, np.ndarray]:
        tau, gain, refractory = np.exp(guess)
        neuron = Neuron(tau=tau, resistance=0.015 / (gain * scale), threshold=0.015, refractory=refractory)
        return neuron, simulate_lif(current, neuron, step=step)[0][0]

    def distance(guess: np.ndarray) -> float:
        return van_rossum_distance(spikes, fires(guess)[1], tau=kernel)

    found = optimize.differential_evolution(
        distance, [tuple(np.log(edges)) for edges in BOUNDS.values()], seed=seed, popsize=10, maxiter=30, tol=1e-3
    )
    neuron, own = fires(found.x)
    return Fit(
        float(neuron.tau), float(neuron.rheobase), float(neuron.refractory), float(found.fun / (len(spikes) / 2)), own
    )
