"""A spiking network learns to read digits that come as one spike per pixel, and is counted against a dense twin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.require import require_whole
from neurodata4ml.systems.spiking_layers import Activity, Adam, Weights, forward, gradient, initial_weights, loss_of

N_STEPS, N_HIDDEN, N_TEST = 30, 64, 400
"""Steps that a digit is shown; hidden units; digits that are left out of learning."""

BATCH = 64


@dataclass(frozen=True)
class Digits:
    """Handwritten digits of scikit-learn: brightness (sample, pixel) from 0 to 1, and labels (sample,)."""

    train: np.ndarray
    train_label: np.ndarray
    test: np.ndarray
    test_label: np.ndarray


@dataclass(frozen=True)
class Trained:
    """A network after learning, and how it came there: ``loss`` (epoch,), nats; ``accuracy`` on digits left out."""

    weights: Weights
    loss: np.ndarray
    accuracy: float


def digits(*, seed: int = 0) -> Digits:
    """Return the digits, those left out drawn at random."""
    from sklearn.datasets import load_digits

    source = load_digits()
    order = np.random.default_rng(seed).permutation(len(source.target))
    test, train = order[:N_TEST], order[N_TEST:]
    brightness = source.data / 16
    return Digits(brightness[train], source.target[train], brightness[test], source.target[test])


def latencies(brightness: np.ndarray) -> np.ndarray:
    """Turn brightness (sample, pixel) into spikes (step, sample, pixel): the brighter, the earlier; dark, never."""
    step = np.rint((1 - brightness) * (N_STEPS - 10)).astype(int)
    spikes = (np.arange(N_STEPS)[:, None, None] == step) & (brightness > 0.1)
    return np.asarray(spikes, dtype=float)


def train_spiking(*, n_epochs: int = 10, rate: float = 0.01, calm: float = 0.0, seed: int = 0) -> Trained:
    """Train the spiking network by surrogate gradients.

    Parameters
    ----------
    n_epochs, seed : int
    rate : float
    calm : float
        Weight of a penalty on the number of hidden spikes, which saves energy.
    """
    require_whole(n_epochs, "n_epochs", least=1)
    require_whole(seed, "seed", least=0)
    known, rng = digits(seed=seed), np.random.default_rng(seed)
    x = latencies(known.train)
    weights, adam, losses = initial_weights(x.shape[2], N_HIDDEN, 10, seed=seed), Adam(rate), []
    for _ in range(n_epochs):
        parts = np.array_split(rng.permutation(len(known.train)), len(known.train) // BATCH)
        lost = []
        for part in parts:
            slope, done = gradient(x[:, part], known.train_label[part], weights, calm=calm)
            weights = adam.step(weights, slope)
            lost.append(loss_of(done.evidence, known.train_label[part]))
        losses.append(np.mean(lost))
    return Trained(weights, np.array(losses), accuracy(weights, latencies(known.test), known.test_label))


def train_dense(*, n_epochs: int = 10, rate: float = 0.01, seed: int = 0) -> Trained:
    """Train the dense twin: the same layers with rectified units in the place of spiking ones, once per digit."""
    require_whole(n_epochs, "n_epochs", least=1)
    require_whole(seed, "seed", least=0)
    known, rng = digits(seed=seed), np.random.default_rng(seed)
    weights, adam, losses = initial_weights(64, N_HIDDEN, 10, seed=seed), Adam(rate), []
    for _ in range(n_epochs):
        parts = np.array_split(rng.permutation(len(known.train)), len(known.train) // BATCH)
        lost = []
        for part in parts:
            x, label = known.train[part], known.train_label[part]
            hidden = np.maximum(x @ weights.hidden, 0)
            evidence = hidden @ weights.output
            lost.append(loss_of(evidence, label))
            chance = np.exp(evidence - evidence.max(axis=1, keepdims=True))
            chance /= chance.sum(axis=1, keepdims=True)
            chance[np.arange(len(label)), label] -= 1
            of_hidden = (chance @ weights.output.T) * (hidden > 0)
            weights = adam.step(weights, Weights(x.T @ of_hidden / len(x), hidden.T @ chance / len(x)))
        losses.append(np.mean(lost))
    answers = (np.maximum(known.test @ weights.hidden, 0) @ weights.output).argmax(axis=1)
    return Trained(weights, np.array(losses), float((answers == known.test_label).mean()))


def accuracy(weights: Weights, x: np.ndarray, label: np.ndarray) -> float:
    """Share of spike trains (step, sample, input) that are named rightly."""
    return float((forward(x, weights).evidence.argmax(axis=1) == label).mean())


def operations(x: np.ndarray, done: Activity, weights: Weights) -> dict[str, float]:
    """Count what one answer takes, on average over samples.

    An event-driven network adds a weight for each spike and each unit that it reaches; the dense twin multiplies and
    adds every weight once.

    Returns
    -------
    dict
        ``input_spikes``, ``hidden_spikes``, ``synaptic_operations``, ``leak_operations`` (a current and a membrane per
        unit and step) and ``dense_operations``, per sample.
    """
    n_inputs, n_hidden = weights.hidden.shape
    n_classes = weights.output.shape[1]
    into, out = (float(spikes.sum() / spikes.shape[1]) for spikes in (x, done.spikes))
    return {
        "input_spikes": into,
        "hidden_spikes": out,
        "synaptic_operations": into * n_hidden + out * n_classes,
        "leak_operations": 2.0 * len(x) * (n_hidden + n_classes),
        "dense_operations": float(n_inputs * n_hidden + n_hidden * n_classes),
    }


def energy(
    counted: dict[str, float], *, addition: float = 0.9e-12, multiplication: float = 3.7e-12
) -> dict[str, float]:
    """Energy of one answer in J: of spikes alone, with leaks, and of the dense twin.

    The defaults are 32-bit floating point operations in 45 nm silicon (Horowitz 2014, ISSCC 10.1109/ISSCC.2014.6757323;
    figure 1.1.9); memory, which often costs more, is left out on both sides.

    Parameters
    ----------
    counted : dict
        From :func:`operations`.
    addition, multiplication : float, J
    """
    leaks = counted["leak_operations"] * (addition + multiplication)
    spikes = counted["synaptic_operations"] * addition
    return {
        "spikes": spikes,
        "spikes_and_leaks": spikes + leaks,
        "dense": counted["dense_operations"] * (addition + multiplication),
    }
