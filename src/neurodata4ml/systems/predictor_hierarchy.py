"""A hierarchy of predictors: higher levels see more slowly, and tell lower ones what to expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

N_UNITS, N_WINNERS = 120, 12
"""Units of a level, and how many of them are on at a time."""


@dataclass(frozen=True)
class Hierarchy:
    """What a hierarchy did.

    Attributes
    ----------
    states : ndarray (step, level, unit) of bool
        Which units are on.
    predicted : ndarray (step,) of int
        The symbol that was expected at each step, before it came.
    """

    states: np.ndarray
    predicted: np.ndarray


def run_hierarchy(
    symbols: np.ndarray, *, n_levels: int = 3, feedback: bool = True, rate: float = 0.05, seed: int = 0
) -> Hierarchy:
    """Show a sequence of symbols to a hierarchy that learns, by local rules, to predict the next.

    Each level is a sparse code of two of its inputs, the last and the one before: fixed random weights, of which the
    units with the largest sum are on. A level looks at the one below every other step of that one, so that level ``l``
    changes every ``2**l`` steps. The prediction is read from the lowest level and, with ``feedback``, from all above,
    by a delta rule. In the manner of the Feynman Machine (Laukien, Crowder & Byrne 2016, arXiv:1609.03971), as small as
    the argument allows: encoders do not learn here.

    Parameters
    ----------
    symbols : ndarray (step,) of int, from 0
    n_levels, seed : int
    feedback : bool
    rate : float
        Of the delta rule.

    Returns
    -------
    Hierarchy

    Raises
    ------
    DesignError
        Symbols that are no whole numbers from 0, or fewer than two.
    """
    require_whole(n_levels, "n_levels", least=1, most=8)
    require_whole(seed, "seed", least=0)
    shown = np.asarray(symbols)
    if shown.ndim != 1 or len(shown) < 2 or shown.dtype.kind not in "iu" or shown.min() < 0:
        message = f"run_hierarchy takes two symbols or more, whole numbers from 0; got {shown.dtype} {shown.shape}."
        raise DesignError(message)
    n_symbols = int(shown.max()) + 1
    rng = np.random.default_rng(seed)
    encoders = [rng.standard_normal((2 * (n_symbols if level == 0 else N_UNITS), N_UNITS)) for level in range(n_levels)]
    memory = [np.zeros((2, len(encoder) // 2)) for encoder in encoders]
    codes = np.zeros((n_levels, N_UNITS))
    readout = np.zeros((n_levels * N_UNITS, n_symbols))
    states, predicted = np.zeros((len(shown), n_levels, N_UNITS), dtype=bool), np.zeros(len(shown), dtype=np.int64)
    for step, symbol in enumerate(shown):
        seen = codes.ravel() * np.repeat(np.r_[1.0, np.full(n_levels - 1, float(feedback))], N_UNITS)
        expected = seen @ readout
        predicted[step] = int(expected.argmax())
        came = np.eye(n_symbols)[symbol]
        readout += rate * np.outer(seen, came - expected) / max(seen.sum(), 1) * N_WINNERS
        below = came
        for level, encoder in enumerate(encoders):
            if step % 2**level:
                break
            memory[level] = np.stack([memory[level][1], below])
            codes[level] = _winners(memory[level].ravel() @ encoder)
            below = codes[level]
        states[step] = codes > 0
    return Hierarchy(states, predicted)


def _winners(drive: np.ndarray) -> np.ndarray:
    code = np.zeros(len(drive))
    code[np.argpartition(-drive, N_WINNERS)[:N_WINNERS]] = 1
    return code
