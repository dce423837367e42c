"""Learning from the time between two spikes: who fires just before another is believed to have caused it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.errors import DesignError


@dataclass(frozen=True)
class Window:
    """What one pair of spikes does to a synapse, by their lag (after minus before it), as Bi & Poo 1998 measured.

    ``rise exp(-lag / tau_rise)`` where the sender fired first, ``-fall exp(lag / tau_fall)`` where it fired after,
    nothing at lag 0 (Song, Miller & Abbott 2000, Nature Neuroscience 3:919).

    Attributes
    ----------
    rise, fall : float
        Change per pair, in units of the weight.
    tau_rise, tau_fall : float, s
    """

    rise: float = 0.0005
    fall: float = 0.000525
    tau_rise: float = 0.02
    tau_fall: float = 0.02

    def __call__(self, lag: np.ndarray | float) -> np.ndarray:
        """Return the change of a synapse by pairs of these lags (receiver's spike less sender's), s."""
        lag = np.asarray(lag, dtype=float)
        up = self.rise * np.exp(-np.maximum(lag, 0) / self.tau_rise)
        down = -self.fall * np.exp(np.minimum(lag, 0) / self.tau_fall)
        return np.where(lag > 0, up, np.where(lag < 0, down, 0.0))


def pairwise_change(sender: np.ndarray, receiver: np.ndarray, window: Window | None = None) -> float:
    """Change of a synapse by all pairs of spikes of two units, in one pass over both trains.

    Each side leaves a trace that decays with the window's time constant; a spike reads the other side's trace. Equal to
    the sum of the window over all pairs.

    Parameters
    ----------
    sender, receiver : ndarray, s
        Spike times, sorted.
    window : Window, optional

    Returns
    -------
    float, in units of the weight

    Raises
    ------
    DesignError
        Spike times that are not sorted.
    """
    window = window or Window()
    for name, times in (("sender", sender), ("receiver", receiver)):
        if (np.diff(times) < 0).any():
            message = f"the spike times of the {name} are not sorted; type np.sort(...)."
            raise DesignError(message)
    up = window.rise * _traces(sender, receiver, window.tau_rise).sum()
    return float(up - window.fall * _traces(receiver, sender, window.tau_fall).sum())


def _traces(source: np.ndarray, at: np.ndarray, tau: float) -> np.ndarray:
    """Return, at each of ``at``, the sum of ``exp(-(t - s) / tau)`` over all earlier spikes ``s`` of ``source``."""
    if len(source) == 0:
        return np.zeros(len(at))
    level = np.empty(len(source))
    total = 0.0
    for k, gap in enumerate(np.diff(source, prepend=source[0]).tolist()):
        total = total * float(np.exp(-gap / tau)) + 1.0
        level[k] = total
    last = np.searchsorted(source, at, side="left") - 1
    return np.where(last >= 0, level[last] * np.exp(-np.maximum(at - source[last], 0) / tau), 0.0)
