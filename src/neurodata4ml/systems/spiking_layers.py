"""A network with a hidden layer of spiking units, and its gradient through time by surrogate derivatives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.systems.surrogate import BETA, smooth_spike, spike, surrogate

SYNAPSE, MEMBRANE = 0.8, 0.9
"""What is left of a synapse's current, and of a membrane, from one step to the next."""


@dataclass(frozen=True)
class Weights:
    """Of a network with one hidden layer: ``hidden`` (input, hidden) and ``output`` (hidden, class)."""

    hidden: np.ndarray
    output: np.ndarray


@dataclass(frozen=True)
class Activity:
    """What a network did with a batch.

    Attributes
    ----------
    membrane, spikes : ndarray (step, sample, hidden)
        Spikes are 0 or 1; of the smooth network, numbers between.
    evidence : ndarray (sample, class)
        Mean membrane of the units that never fire, one for each class.
    """

    membrane: np.ndarray
    spikes: np.ndarray
    evidence: np.ndarray


def initial_weights(n_inputs: int, n_hidden: int, n_classes: int, *, seed: int = 0) -> Weights:
    """Draw weights whose scale lets hidden units fire now and then."""
    rng = np.random.default_rng(seed)
    return Weights(
        rng.normal(0.05, 0.25, (n_inputs, n_hidden)) * np.sqrt(64 / n_inputs),
        rng.normal(0, 1 / np.sqrt(n_hidden), (n_hidden, n_classes)),
    )


def forward(x: np.ndarray, weights: Weights, *, smooth: bool = False) -> Activity:
    """Show a batch of spike trains.

    Each hidden unit has a synaptic current and a membrane that leak; at 1 it fires, and 1 is taken from it. The units
    of the output leak too, and never fire.

    Parameters
    ----------
    x : ndarray (step, sample, input)
        Spikes, 0 or 1.
    weights : Weights
    smooth : bool
        Whether units give the function whose derivative is the surrogate, in the place of spikes.

    Returns
    -------
    Activity

    Raises
    ------
    DesignError
        Inputs of another number than the weights take, or that are not numbers.
    """
    x = np.asarray(x, dtype=float)
    if x.ndim != 3 or x.shape[2] != len(weights.hidden) or x.size == 0 or not np.isfinite(x).all():
        message = f"the network takes spikes (step, sample, {len(weights.hidden)}); got shape {x.shape}."
        raise DesignError(message)
    n_steps, n_samples, _ = x.shape
    n_hidden, n_classes = weights.output.shape
    fire = smooth_spike if smooth else spike
    driven = (x.reshape(-1, x.shape[2]) @ weights.hidden).reshape(n_steps, n_samples, n_hidden)
    current, v, fired = (np.zeros((n_samples, n_hidden)) for _ in range(3))
    readout_current, readout, total = (np.zeros((n_samples, n_classes)) for _ in range(3))
    membrane, spikes = np.empty_like(driven), np.empty_like(driven)
    for k in range(n_steps):
        current = SYNAPSE * current + driven[k]
        v = MEMBRANE * v + current - fired
        fired = fire(v)
        membrane[k], spikes[k] = v, fired
        readout_current = SYNAPSE * readout_current + fired @ weights.output
        readout = MEMBRANE * readout + readout_current
        total = total + readout
    return Activity(membrane, spikes, total / n_steps)


def loss_of(evidence: np.ndarray, label: np.ndarray) -> float:
    """Mean cross-entropy of the softmax of the evidence (sample, class), nats."""
    shifted = evidence - evidence.max(axis=1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(label)), label]).mean())


def gradient(
    x: np.ndarray, label: np.ndarray, weights: Weights, *, smooth: bool = False, calm: float = 0.0
) -> tuple[Weights, Activity]:
    """Gradient of the loss with respect to all weights, backwards through time.

    Where the derivative of a spike would stand, stands the surrogate; the reset is passed through as all else (Neftci,
    Mostafa & Zenke 2019, IEEE Signal Processing Magazine 36:51). Of the smooth network it is the true gradient.

    Parameters
    ----------
    x : ndarray (step, sample, input)
    label : ndarray (sample,) of int
    weights : Weights
    smooth : bool
    calm : float
        What each hidden spike adds to the loss, on average over samples.

    Returns
    -------
    gradient : Weights
    activity : Activity
    """
    x = np.asarray(x, dtype=float)
    done = forward(x, weights, smooth=smooth)
    n_steps, n_samples, n_inputs = x.shape
    chance = np.exp(done.evidence - done.evidence.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    chance[np.arange(n_samples), label] -= 1
    of_evidence = chance / n_samples / n_steps
    slope = surrogate(done.membrane, beta=BETA)
    of_readout, of_readout_current = np.zeros_like(of_evidence), np.zeros_like(of_evidence)
    of_v, of_current = np.zeros(slope.shape[1:]), np.zeros(slope.shape[1:])
    of_output = np.zeros_like(weights.output)
    of_driven = np.empty_like(slope)
    for k in range(n_steps - 1, -1, -1):
        of_readout = MEMBRANE * of_readout + of_evidence
        of_readout_current = SYNAPSE * of_readout_current + of_readout
        of_output += done.spikes[k].T @ of_readout_current
        # a spike drives the output, costs what it costs, and lowers the membrane of the next step
        of_spike = of_readout_current @ weights.output.T + calm / n_samples - of_v
        of_v = MEMBRANE * of_v + of_spike * slope[k]
        of_current = SYNAPSE * of_current + of_v
        of_driven[k] = of_current
    of_hidden = x.reshape(-1, n_inputs).T @ of_driven.reshape(-1, of_driven.shape[2])
    return Weights(of_hidden, of_output), done


@dataclass
class Adam:
    """Steps down a gradient, each weight at a pace of its own (Kingma & Ba 2015, arXiv:1412.6980)."""

    rate: float = 0.01
    n_steps: int = 0
    mean: list[np.ndarray] | None = None
    square: list[np.ndarray] | None = None

    def step(self, weights: Weights, slope: Weights) -> Weights:
        """Return the weights after one step."""
        parts, slopes = (weights.hidden, weights.output), (slope.hidden, slope.output)
        self.mean = self.mean or [np.zeros_like(part) for part in parts]
        self.square = self.square or [np.zeros_like(part) for part in parts]
        self.n_steps += 1
        new = []
        for k, (part, its) in enumerate(zip(parts, slopes, strict=True)):
            self.mean[k] = 0.9 * self.mean[k] + 0.1 * its
            self.square[k] = 0.999 * self.square[k] + 0.001 * its**2
            mean, square = self.mean[k] / (1 - 0.9**self.n_steps), self.square[k] / (1 - 0.999**self.n_steps)
            new.append(part - self.rate * mean / (np.sqrt(square) + 1e-8))
        return Weights(*new)
