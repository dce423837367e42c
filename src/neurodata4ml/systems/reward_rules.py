"""Learning from reward: a Hebbian change that counts where the outcome was better than expected."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole


def chances(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Chance that each binary unit fires, ``1 / (1 + exp(-W x))``, for inputs (sample, input): (sample, output)."""
    return np.asarray(1 / (1 + np.exp(-(np.atleast_2d(x) @ np.asarray(weights).T))))


def reward_change(x: np.ndarray, fired: np.ndarray, chance: np.ndarray, surprise: float) -> np.ndarray:
    """Change of the weights by one trial: ``(R - baseline) (y - p) x``, for units that fire with chance ``p``.

    In expectation it is the gradient of the expected reward, whatever the baseline (REINFORCE: Williams 1992, Machine
    Learning 8:229; as a rule of three factors, Fremaux & Gerstner 2016, Frontiers in Neural Circuits 9:85).

    Parameters
    ----------
    x : ndarray (input,)
    fired : ndarray (output,)
        0 or 1.
    chance : ndarray (output,)
    surprise : float
        Reward less what was expected of it.

    Returns
    -------
    ndarray (output, input)
    """
    return surprise * np.outer(np.asarray(fired) - np.asarray(chance), x)


def learn_by_reward(
    x: np.ndarray,
    reward: Callable[[int, np.ndarray], float],
    *,
    n_outputs: int = 1,
    rate: float = 0.1,
    memory: int = 50,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Learn from reward alone, trial by trial, with a running mean of the reward as baseline.

    Parameters
    ----------
    x : ndarray (trial, input)
    reward : callable
        Takes the number of the trial and what fired (output,), returns the reward.
    n_outputs, memory, seed : int
        Units; trials over which the reward is averaged.
    rate : float

    Returns
    -------
    weights : ndarray (output, input)
    rewards : ndarray (trial,)

    Raises
    ------
    DesignError
        Inputs that are not finite numbers (trial, input).
    """
    for value, name, least in ((n_outputs, "n_outputs", 1), (memory, "memory", 1), (seed, "seed", 0)):
        require_whole(value, name, least=least)
    x = np.asarray(x, dtype=float)
    if x.ndim != 2 or x.size == 0 or not np.isfinite(x).all():
        message = f"learn_by_reward takes finite inputs (trial, input); got shape {x.shape}."
        raise DesignError(message)
    rng = np.random.default_rng(seed)
    weights, expected, rewards = np.zeros((n_outputs, x.shape[1])), 0.0, np.empty(len(x))
    for trial, shown in enumerate(x):
        chance = chances(weights, shown)[0]
        fired = (rng.random(n_outputs) < chance).astype(float)
        rewards[trial] = reward(trial, fired)
        weights = weights + rate * reward_change(shown, fired, chance, rewards[trial] - expected)
        expected += (rewards[trial] - expected) / memory
    return weights, rewards
