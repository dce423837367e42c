"""A generic network of one hidden layer, taught by nothing but the error of its report."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

BATCH = 50
"""Examples whose mean error makes one step."""

FORGETS = (0.9, 0.999)
"""Of Adam's running means of the gradient, of its square."""


class Network(NamedTuple):
    """Rectified hidden units, a linear report: ``report = max(x W + b, 0) r + c``.

    Attributes
    ----------
    weights : ndarray (input, hidden)
    bias : ndarray (hidden,)
    readout : ndarray (hidden,)
    offset : ndarray (1,)
    """

    weights: np.ndarray
    bias: np.ndarray
    readout: np.ndarray
    offset: np.ndarray

    def hidden(self, x: np.ndarray) -> np.ndarray:
        """Return what the hidden units do (sample, hidden) for inputs (sample, input); never below 0."""
        return np.asarray(np.maximum(x @ self.weights + self.bias, 0.0))

    def report(self, x: np.ndarray) -> np.ndarray:
        """Return the report (sample,) for inputs (sample, input)."""
        return np.asarray(self.hidden(x) @ self.readout + self.offset)


def untrained_network(n_inputs: int, n_hidden: int = 60, *, seed: int = 0) -> Network:
    """Draw a network that has learnt nothing, weights of the size that hands activity on.

    Source of the scale: He et al. 2015, arXiv:1502.01852.

    Raises
    ------
    DesignError
        Fewer than one input or hidden unit.
    """
    for value, name, least in ((n_inputs, "n_inputs", 1), (n_hidden, "n_hidden", 1), (seed, "seed", 0)):
        require_whole(value, name, least=least)
    rng = np.random.default_rng(seed)
    return Network(
        weights=rng.standard_normal((n_inputs, n_hidden)) * np.sqrt(2 / n_inputs),
        bias=np.zeros(n_hidden),
        readout=rng.standard_normal(n_hidden) / np.sqrt(n_hidden),
        offset=np.zeros(1),
    )


def teach(network: Network, x: np.ndarray, target: np.ndarray, *, rate: float = 0.01) -> Network:
    """Show every example once, in order, and follow the gradient of the squared error.

    The network hears of each batch how far its reports were off, and nothing else: not how sure it could have been, nor
    which input to trust. Steps are Adam's (Kingma & Ba 2015, arXiv:1412.6980); the rate falls to 0 along half a cosine.

    Parameters
    ----------
    network : Network
        Stays as it is.
    x : ndarray (sample, input)
        Fifty make a step; what is over at the end is not shown.
    target : ndarray (sample,)
    rate : float
        At the first step.

    Returns
    -------
    Network

    Raises
    ------
    DesignError
        Fewer samples than a batch; shapes that do not match; numbers that are not finite.
    """
    shown, wanted = _lessons(network, x, target)
    parts = [part.copy() for part in network]
    means, squares = ([np.zeros_like(part) for part in parts] for _ in range(2))
    n_steps = len(shown) // BATCH
    for step in range(n_steps):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        slopes = gradient(Network(*parts), shown[batch], wanted[batch])
        size = rate * (1 + np.cos(np.pi * step / n_steps)) / 2
        ages = [1 - forgets ** (step + 1) for forgets in FORGETS]
        for part, slope, mean, square in zip(parts, slopes, means, squares, strict=True):
            mean += (1 - FORGETS[0]) * (slope - mean)
            square += (1 - FORGETS[1]) * (slope**2 - square)
            part -= size * (mean / ages[0]) / (np.sqrt(square / ages[1]) + 1e-8)
    return Network(*parts)


def gradient(network: Network, x: np.ndarray, target: np.ndarray) -> Network:
    """Slope of the mean squared error by every weight, in the places of the weights.

    Parameters
    ----------
    network : Network
    x : ndarray (sample, input)
    target : ndarray (sample,)

    Returns
    -------
    Network
        Of slopes.
    """
    hidden = network.hidden(x)
    error = 2 * (hidden @ network.readout + network.offset - target) / len(x)
    back = error[:, None] * network.readout * (hidden > 0)
    return Network(x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(keepdims=True))


def _lessons(network: Network, x: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shown, wanted = np.asarray(x, dtype=float), np.asarray(target, dtype=float)
    n_inputs = len(network.weights)
    if shown.ndim != 2 or shown.shape[1] != n_inputs or wanted.shape != (len(shown),) or len(shown) < BATCH:
        message = (
            f"teach takes inputs (sample, {n_inputs}), {BATCH} or more, with one target each; got shapes "
            f"{shown.shape} and {wanted.shape}."
        )
        raise DesignError(message)
    if not (np.isfinite(shown).all() and np.isfinite(wanted).all()):
        message = "teach takes finite inputs and targets; got a NaN or an infinite number. Leave out those samples."
        raise DesignError(message)
    return shown, wanted
