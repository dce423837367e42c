"""Rules by which a linear unit learns from the rates of its inputs: Hebb, Oja, BCM."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole


def hebb(x: np.ndarray, *, rate: float = 0.001, seed: int = 0) -> np.ndarray:
    """Weights of a linear unit ``y = w x`` that learns by ``dw = rate y x`` (Hebb 1949).

    In expectation ``dw = rate C w`` with ``C`` the uncentred correlation of the inputs: the weights turn to its first
    eigenvector, and grow without bound.

    Parameters
    ----------
    x : ndarray (sample, input)
        Rates, shown in this order.
    rate : float
    seed : int
        Of the weights at the start.

    Returns
    -------
    ndarray (sample + 1, input)
        The weights before the first sample, and after each.
    """
    return _learned(x, lambda w, v, y: rate * y * v, seed)


def oja(x: np.ndarray, *, rate: float = 0.001, seed: int = 0) -> np.ndarray:
    """Weights that learn by ``dw = rate y (x - y w)``: Hebb with a decay that keeps their length at one.

    For centred inputs they converge to the first principal component (Oja 1982, Journal of Mathematical Biology
    15:267). Parameters and result as of :func:`hebb`.
    """
    return _learned(x, lambda w, v, y: rate * y * (v - y * w), seed)


def bcm(x: np.ndarray, *, rate: float = 0.001, memory: int = 100, seed: int = 0) -> np.ndarray:
    """Weights that learn by ``dw = rate y (y - theta) x``, where ``theta`` is a running mean of ``y**2``.

    The threshold slides, so that of several patterns the unit comes to answer to one: with ``k`` patterns that are
    linearly independent and equally frequent, ``y = k`` for it and 0 for the others (Bienenstock, Cooper & Munro 1982,
    Journal of Neuroscience 2:32; the form with ``y**2`` is Intrator & Cooper's 1992, Neural Networks 5:3).

    Parameters
    ----------
    x : ndarray (sample, input)
    rate : float
    memory : int
        Samples over which ``y**2`` is averaged: few against ``1 / rate``, or the threshold comes too late.
    seed : int

    Returns
    -------
    ndarray (sample + 1, input)
    """
    require_whole(memory, "memory", least=1)
    theta = 1.0

    def change(w: np.ndarray, v: np.ndarray, y: float) -> np.ndarray:
        nonlocal theta
        theta += (y**2 - theta) / memory
        return rate * y * (y - theta) * v

    return _learned(x, change, seed)


RATE_RULES: dict[str, Callable[..., np.ndarray]] = {"hebb": hebb, "oja": oja, "bcm": bcm}
"""Name of a rule -> how weights follow it."""


def _learned(x: np.ndarray, change: Callable[[np.ndarray, np.ndarray, float], np.ndarray], seed: int) -> np.ndarray:
    require_whole(seed, "seed", least=0)
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or x.size == 0 or not np.isfinite(x).all():
        message = f"a rule learns from finite rates (sample, input); got shape {x.shape}."
        raise DesignError(message)
    start = np.random.default_rng(seed).standard_normal(x.shape[1])
    found = np.empty((len(x) + 1, x.shape[1]))
    w: np.ndarray = np.asarray(start / np.linalg.norm(start))
    found[0] = w
    for k, v in enumerate(x):
        with np.errstate(over="ignore", invalid="ignore"):
            found[k + 1] = w = w + change(w, v, float(w @ v))
        if not np.isfinite(w).all():
            message = f"the weights left all bounds at sample {k} of {len(x)}: lower rate, or show fewer samples."
            raise DesignError(message)
    return found
