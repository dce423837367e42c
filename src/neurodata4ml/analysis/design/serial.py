"""Do labels depend on those before? Then trials are not exchangeable, and to shuffle them is too easy a null."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurodata4ml.analysis.design.shuffles import shuffle_within
from neurodata4ml.analysis.design.surrogates import markov_surrogates

SERIAL_ALPHA = 0.05
"""Labels count as dependent at this p. Not lower: a dependence that is missed makes p too small, one that is not there
costs nearly nothing, since Markov surrogates of independent labels are a valid null too. (80 labels that repeat in 60 %
of trials, beside an AR(1) signal of rho .97: p <= .05 in 9 % of cases with .01 here, in 7 % with .05.)"""

HIGHEST_ORDER = 3
_N_DRAWS = 199
_CELLS = 4_000_000
"""Numbers held at once by one statistic of many sequences."""

Draw = Callable[[int, np.random.Generator], np.ndarray]


def serial_dependence(labels: np.ndarray, blocks: np.ndarray | None = None) -> float:
    """Test whether labels depend on those before them: a permutation p, two-sided for neighbours.

    The statistics are the chi-square of label against the label before (too many repeats, too few, or any other
    pattern), and how unequally labels are spread over stretches of 4, 8, 16, ... trials (labels that come in slow
    waves, such as biased blocks of which nothing is said). The largest, in standard deviations of the shuffled
    sequences, is the statistic; shuffles stay within blocks where there are blocks.

    Parameters
    ----------
    labels : ndarray (n,)
        In the order of time.
    blocks : ndarray (n,), optional
        Neighbours are neighbours within a block.

    Returns
    -------
    float
        Of 199 shuffles of a fixed seed, so that the same labels always give the same answer.
    """
    codes = np.unique(labels, return_inverse=True)[1].reshape(-1)

    def shuffle(n: int, rng: np.random.Generator) -> np.ndarray:
        return shuffle_within(codes, blocks, n, rng)

    return _p_of_largest(codes, blocks, 0, shuffle)


def remaining_dependence(labels: np.ndarray, order: int, blocks: np.ndarray | None = None) -> float:
    """Test whether labels depend on more than the ``order`` labels before them: p against Markov surrogates.

    As ``serial_dependence``, with surrogates of that order for the shuffles, and the chi-square of the label against
    the one ``order + 1`` before, given those between (Pethel & Hahs 2014, Entropy 16:2839).
    """
    codes = np.unique(labels, return_inverse=True)[1].reshape(-1)

    def draw(n: int, rng: np.random.Generator) -> np.ndarray:
        return markov_surrogates(codes, n, rng, order=order, blocks=blocks)

    return _p_of_largest(codes, blocks, order, draw)


def markov_order(labels: np.ndarray, blocks: np.ndarray | None = None) -> tuple[int | None, float]:
    """Return the lowest order (1 to 3) of a Markov chain that leaves no dependence, or None, and the p of its test."""
    p = 0.0
    for order in range(1, HIGHEST_ORDER + 1):
        p = remaining_dependence(labels, order, blocks)
        if p > SERIAL_ALPHA:
            return order, p
    return None, p


def _p_of_largest(codes: np.ndarray, blocks: np.ndarray | None, order: int, draw: Draw) -> float:
    sequences = np.concatenate([codes[None], draw(_N_DRAWS, np.random.default_rng(0))])
    block = np.zeros(len(codes), dtype=np.int64) if blocks is None else np.unique(blocks, return_inverse=True)[1]
    in_time = np.argsort(block, kind="stable")  # block after block, each in the order of time
    sequences, block = sequences[:, in_time], block[in_time]
    stats = [_chi_square(sequences, block, order)]
    width = 4
    while width <= len(codes) // 4:
        stats.append(_clumping(sequences, block, width))
        width *= 2
    found = np.stack(stats)
    centre, spread = found.mean(axis=1, keepdims=True), found.std(axis=1, keepdims=True)
    # a statistic that no shuffle changes says nothing
    z = np.where(spread > 1e-9 * np.abs(centre), (found - centre) / np.where(spread > 0, spread, 1), -np.inf).max(
        axis=0
    )
    return float((1 + np.sum(z[1:] >= z[0])) / (1 + _N_DRAWS))


def _chi_square(sequences: np.ndarray, block: np.ndarray, order: int) -> np.ndarray:
    """Return, per sequence, sum of O^2 / E over runs of ``order + 2`` labels; E = prefix x suffix / middle."""
    n, k = sequences.shape[1] - order - 1, int(sequences.max()) + 1
    inside = block[order + 1 :] == block[:n]
    if not inside.any():
        return np.zeros(len(sequences))
    run = np.zeros((len(sequences), n), dtype=np.int64)
    for i in range(order + 2):
        run = run * k + sequences[:, i : i + n]
    run = run[:, inside]
    row = np.broadcast_to(np.arange(len(run))[:, None], run.shape)
    name, observed = np.unique(row * k ** (order + 2) + run, return_counts=True)
    row, run = name // k ** (order + 2), name % k ** (order + 2)
    prefix = _total(name // k, observed)
    suffix = _total(row * k ** (order + 1) + run % k ** (order + 1), observed)
    middle = _total(row * k**order + run // k % k**order, observed)
    return np.bincount(row, weights=observed**2 * middle / (prefix * suffix), minlength=len(sequences))


def _total(name: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Sum counts over entries of one name, and hand the sum to each of them."""
    code = np.unique(name, return_inverse=True)[1]
    return np.asarray(np.bincount(code, weights=counts)[code])


def _clumping(sequences: np.ndarray, block: np.ndarray, width: int) -> np.ndarray:
    """Return, per sequence, the sum of squared counts of each label in each stretch of ``width`` trials of a block."""
    start = np.concatenate([[0], np.flatnonzero(np.diff(block)) + 1])
    within = np.arange(len(block)) - np.repeat(start, np.diff(np.append(start, len(block))))
    stretch = np.unique(block * len(block) + within // width, return_inverse=True)[1]
    n_classes = int(sequences.max()) + 1
    n_cells = (int(stretch.max()) + 1) * n_classes
    found = np.empty(len(sequences))
    step = max(1, _CELLS // n_cells)
    for first in range(0, len(sequences), step):
        part = sequences[first : first + step]
        cell = np.arange(len(part))[:, None] * n_cells + stretch * n_classes + part
        counts = np.bincount(cell.ravel(), minlength=len(part) * n_cells).reshape(len(part), n_cells)
        found[first : first + step] = np.sum(counts.astype(np.float64) ** 2, axis=1)
    return found
