"""Markov surrogates: all sequences that hold each run of labels as often as the observed one, drawn uniformly."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

MANY_STATES = 1_500
"""More states than this, and the number of sequences is not counted (a determinant of that size)."""


def markov_surrogates(
    codes: np.ndarray, n_surrogates: int, rng: np.random.Generator, *, order: int = 1, blocks: np.ndarray | None = None
) -> np.ndarray:
    """Draw sequences with the same transition counts and the same first labels as the observed one.

    Transition counts are sufficient for a Markov chain of that order: given them (and the first ``order`` labels)
    all sequences are equally likely whatever the chain, so that a test against these surrogates is exact (Pethel &
    Hahs 2014, Entropy 16:2839). A sequence is a path that uses every transition once; paths are drawn uniformly by
    drawing each state's last exit (a random tree towards the last state) and shuffling its other exits (Altschul &
    Erickson 1985, Mol. Biol. Evol. 2:526; Kandel, Matias, Unger & Winkler 1996, Discrete Appl. Math. 71:171).

    Parameters
    ----------
    codes : ndarray of int (n,)
        Labels from 0, in the order of time.
    n_surrogates : int
    rng : numpy Generator
    order : int
        How many labels before the present one the chain remembers.
    blocks : ndarray (n,), optional
        Each block is a sequence of its own.

    Returns
    -------
    ndarray of int (n_surrogates, n)
    """
    drawn = np.tile(codes, (n_surrogates, 1))
    for inside in _sequences(codes, blocks):
        if len(inside) > order + 1:
            drawn[:, inside] = _surrogates(codes[inside], n_surrogates, rng, order)
    return drawn


def count_surrogates(codes: np.ndarray, *, order: int = 1, blocks: np.ndarray | None = None) -> float:
    """Count the sequences that ``markov_surrogates`` draws from; infinite where that is not feasible.

    By the theorem of de Bruijn, van Aardenne-Ehrenfest, Smith and Tutte: trees towards the last state, times the
    orders of the other exits, over the orders of equal transitions (Whittle 1955, J. R. Stat. Soc. B 17:235).
    """
    log_count = 0.0
    for inside in _sequences(codes, blocks):
        if len(inside) > order + 1:
            log_count += _log_count(_states(codes[inside], order)[1])
    return float(np.round(np.exp(log_count))) if log_count < 700 else float("inf")


def _sequences(codes: np.ndarray, blocks: np.ndarray | None) -> list[np.ndarray]:
    if blocks is None:
        return [np.arange(len(codes))]
    return [np.flatnonzero(blocks == name) for name in np.unique(blocks)]


def _states(codes: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct runs of ``order`` labels (n_states, order), and the state of each run in time."""
    runs = np.lib.stride_tricks.sliding_window_view(codes, order)
    names, state = np.unique(runs, axis=0, return_inverse=True)
    return names, state.reshape(-1)


def _surrogates(codes: np.ndarray, n_surrogates: int, rng: np.random.Generator, order: int) -> np.ndarray:
    names, state = _states(codes, order)
    paths = _euler_paths(state, n_surrogates, rng)
    return np.concatenate([np.tile(codes[: order - 1], (n_surrogates, 1)), names[paths, -1]], axis=1)


def _euler_paths(state: np.ndarray, n_paths: int, rng: np.random.Generator) -> np.ndarray:
    """Draw paths that use every observed transition once, from the first to the last state: (n_paths, n)."""
    source, target = state[:-1], state[1:]
    key = rng.random((n_paths, len(source)))
    last = _last_exits(state, n_paths, rng)
    rows, states = np.nonzero(last >= 0)
    key[rows, last[rows, states]] = 2.0  # the last of its state
    exits = target[np.argsort(key + 3.0 * source, axis=1, kind="stable")]
    n_exits = np.bincount(source, minlength=state.max() + 1)
    next_exit = np.tile(np.concatenate([[0], np.cumsum(n_exits)[:-1]]), (n_paths, 1))
    paths, row = np.empty((n_paths, len(state)), dtype=np.int64), np.arange(n_paths)
    paths[:, 0] = state[0]
    for i in range(1, len(state)):
        here = paths[:, i - 1]
        paths[:, i] = exits[row, next_exit[row, here]]
        next_exit[row, here] += 1
    return paths


def _last_exits(state: np.ndarray, n_paths: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the transition by which each path leaves each state for good: (n_paths, n_states), -1 for the last state.

    A tree towards the last state, drawn with the weight of its transitions by loop-erased random walks (Wilson
    1996, Proc. 28th ACM STOC, 296).
    """
    n_states, root = int(state.max()) + 1, int(state[-1])
    order = np.argsort(state[:-1], kind="stable")
    exits = np.split(order, np.cumsum(np.bincount(state[:-1], minlength=n_states))[:-1])
    after = state[1:]
    chosen = np.full((n_paths, n_states), -1)
    for path in range(n_paths):
        leave, done = chosen[path], np.zeros(n_states, dtype=bool)
        done[root] = True
        for start in range(n_states):
            here = start
            while not done[here]:
                leave[here] = exits[here][int(rng.random() * len(exits[here]))]
                here = after[leave[here]]
            here = start
            while not done[here]:
                done[here] = True
                here = after[leave[here]]
    return chosen


def _log_count(state: np.ndarray) -> float:
    n_states, last = int(state.max()) + 1, int(state[-1])
    if n_states > MANY_STATES:
        return float("inf")
    counts = np.zeros((n_states, n_states))
    np.add.at(counts, (state[:-1], state[1:]), 1)
    leaving = counts.sum(axis=1)
    others = np.arange(n_states) != last
    laplacian = (np.diag(leaving) - counts)[np.ix_(others, others)]
    trees = float(np.linalg.slogdet(laplacian)[1]) if others.any() else 0.0
    orders = gammaln(leaving[others]).sum() + gammaln(leaving[last] + 1)
    return float(trees + orders - gammaln(counts + 1).sum())
