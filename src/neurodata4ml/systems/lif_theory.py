"""What is known of a leaky integrate-and-fire unit without simulating it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy import integrate, special

from neurodata4ml.errors import DesignError


@dataclass(frozen=True)
class Neuron:
    """A leaky integrate-and-fire unit, ``tau dV/dt = -V + R I``, or several of them as arrays (unit,).

    It fires when V reaches the threshold, is set to ``reset`` and stays there for the refractory period. V is measured
    from rest (Lapicque 1907; Gerstner, Kistler, Naud & Paninski 2014, Neuronal Dynamics, section 1.3).

    Attributes
    ----------
    tau : s
        Time constant of the membrane.
    resistance : ohm
    threshold, reset : V
    refractory : s
    """

    tau: float | np.ndarray = 0.02
    resistance: float | np.ndarray = 1e8
    threshold: float | np.ndarray = 0.015
    reset: float | np.ndarray = 0.0
    refractory: float | np.ndarray = 0.002

    def __post_init__(self) -> None:
        """Refuse a unit that could not be.

        Raises
        ------
        DesignError
            It names the number.
        """
        for its in fields(self):
            value = np.asarray(getattr(self, its.name), dtype=float)
            if not np.isfinite(value).all() or (its.name != "reset" and (value <= 0).any()):
                message = f"{its.name} of a neuron takes a number above 0; got {getattr(self, its.name)!r}."
                raise DesignError(message)
        if (np.asarray(self.reset) >= np.asarray(self.threshold)).any():
            message = f"reset must lie below the threshold; got {self.reset!r} V and {self.threshold!r} V."
            raise DesignError(message)

    @property
    def rheobase(self) -> float | np.ndarray:
        """The largest constant current without a spike, A."""
        return self.threshold / self.resistance


def interspike_interval(current: float | np.ndarray, neuron: Neuron) -> np.ndarray:
    """Time between spikes under constant current: ``T = t_ref + tau log((R I - reset) / (R I - threshold))``.

    Parameters
    ----------
    current : A
    neuron : Neuron

    Returns
    -------
    ndarray, s
        Infinite at the rheobase and below. Source: Neuronal Dynamics, eq. 5.6 with refractoriness.
    """
    driven = np.asarray(neuron.resistance * np.asarray(current, dtype=float))
    with np.errstate(divide="ignore", invalid="ignore"):
        interval = neuron.refractory + neuron.tau * np.log((driven - neuron.reset) / (driven - neuron.threshold))
    return np.where(driven > neuron.threshold, interval, np.inf)


def noisy_rate(current: float, noise: float, neuron: Neuron) -> float:
    """Mean rate under constant current and white noise, in the limit of small steps.

    ``1 / rate = t_ref + tau sqrt(pi) integral of exp(u^2) (1 + erf u)`` from ``(reset - R I) / s`` to
    ``(threshold - R I) / s``, with ``s`` the square root of two times ``noise`` (Siegert 1951; Brunel & Hakim 1999,
    Neural Computation 11:1621; Neuronal Dynamics, eq. 8.54).

    Parameters
    ----------
    current : A
    noise : V
        Standard deviation of the membrane without a threshold.
    neuron : Neuron

    Returns
    -------
    float, Hz
    """
    if not noise > 0:
        message = f"noise takes a number of volts above 0; got {noise!r}. Without noise: 1 / interspike_interval(...)."
        raise DesignError(message)
    mean, scale = neuron.resistance * current, np.sqrt(2) * noise
    low, high = ((edge - mean) / scale for edge in (neuron.reset, neuron.threshold))
    area, _ = integrate.quad(lambda u: special.erfcx(-u), float(low), float(high))  # exp(u^2) (1 + erf u)
    return float(1 / (neuron.refractory + neuron.tau * np.sqrt(np.pi) * area))
