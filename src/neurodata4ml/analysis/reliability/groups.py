"""Which trials to leave out together when asking how far the trials determine an answer."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.inference.jackknife import Statistic, jackknife

_COORD = "_left_out"
_ENOUGH_BLOCKS = 10
"""Fewer blocks are cut into pieces."""


def over_trials(
    statistic: Statistic, x: xr.DataArray, *, n_groups: int, confidence: float, n_pairs: int = 0, seed: int = 0
) -> xr.Dataset:
    """Jackknife over trials that loses as few repeats of each stimulus as can be.

    Groups are the blocks when there are at least 10; fewer are cut into contiguous pieces, none of which reaches into
    two blocks; without blocks, contiguous chunks. Where a group would hold most of the few trials of a stimulus, as
    when trials were sorted by stimulus, the trials of each stimulus are dealt to the groups in turn.

    A product of noise with noise, as in the likeness of two noisy RDMs, makes the jackknife's variance up to twice too
    large. Such a product is what is left of a pair of groups when what each does alone is taken away: with ``n_pairs``
    the mean square of ``Q = g t - (g - 1) (t_k + t_l) + (g - 2) t_kl`` over pairs k, l left out together, times
    (g - 1) / 2g, is subtracted, but never more than half (Efron & Stein 1981, Ann. Stat. 9:586, section 5).

    Parameters
    ----------
    statistic : callable DataArray (trial, ...) -> DataArray
    x : DataArray with dim ``trial``, the coordinate ``stimulus`` and perhaps ``block``
    n_groups, confidence
        As in ``jackknife``.
    n_pairs, seed : int
        Pairs of groups, drawn at random.

    Returns
    -------
    Dataset, as from ``jackknife``; ``attrs["groups"]`` is "block", "contiguous" or "repeats"
    """
    stimulus = np.unique(x.coords["stimulus"].values, return_inverse=True)[1]
    group, kind = _groups(x, n_groups)
    if _loses_much(stimulus, group):
        group, kind = _deal(stimulus, min(n_groups, len(stimulus))), "repeats"
    out = jackknife(statistic, x.assign_coords({_COORD: ("trial", group)}), over=_COORD, confidence=confidence)
    out.attrs["groups"] = kind
    if not n_pairs:
        return out
    squares = _squares_of_pairs(statistic, x, group, out, np.random.default_rng(seed), n_pairs)
    n = out.sizes["group"]
    variance = out["se"] ** 2
    variance = variance - np.minimum((n - 1) / (2 * n) * squares, variance / 2)
    width = stats.t.ppf(0.5 + confidence / 2, n - 1) * variance**0.5
    return out.assign(se=variance**0.5, low=out["estimate"] - width, high=out["estimate"] + width)


def _squares_of_pairs(
    statistic: Statistic, x: xr.DataArray, group: np.ndarray, alone: xr.Dataset, rng: np.random.Generator, n_pairs: int
) -> xr.DataArray:
    """Return the variance of what pairs of groups do together; 0 where no pair can be left out (NaN)."""
    n = alone.sizes["group"]
    pairs = rng.permutation(np.argwhere(np.tri(n, k=-1)))[:n_pairs]
    together = []
    for k, other in pairs:
        both = statistic(x.isel(trial=np.flatnonzero((group != k) & (group != other))))
        single = alone["replicate"].isel(group=int(k)) + alone["replicate"].isel(group=int(other))
        together.append(n * alone["estimate"] - (n - 1) * single + (n - 2) * both)
    found: xr.DataArray = xr.concat(together, dim="pair").var("pair", ddof=1).fillna(0.0)
    return found


def _groups(x: xr.DataArray, n_groups: int) -> tuple[np.ndarray, str]:
    blocks = x.coords["block"].values if "block" in x.coords else np.zeros(x.sizes["trial"], dtype=np.int64)
    block, sizes = np.unique(blocks, return_inverse=True, return_counts=True)[1:]
    if len(sizes) >= _ENOUGH_BLOCKS:
        return block, "block"
    n_pieces = -(-n_groups // max(len(sizes), 1))
    group = np.empty(len(block), dtype=np.int64)
    for k, size in enumerate(sizes):
        group[block == k] = k * n_pieces + np.arange(size) * n_pieces // size
    return np.unique(group, return_inverse=True)[1], "contiguous"


def _loses_much(stimulus: np.ndarray, group: np.ndarray) -> bool:
    """Whether leaving out one group takes more than half of a stimulus's trials."""
    counts = np.bincount(stimulus)
    inside = np.zeros((len(counts), int(group.max(initial=0)) + 1))
    np.add.at(inside, (stimulus, group), 1)
    return bool((2 * inside.max(axis=1) > counts).any())


def _deal(stimulus: np.ndarray, n_groups: int) -> np.ndarray:
    """Deal the trials of each stimulus to the groups in turn; each next stimulus begins where the last one ended."""
    order = np.argsort(stimulus, kind="stable")
    group = np.empty(len(stimulus), dtype=np.int64)
    group[order] = np.arange(len(stimulus)) % n_groups
    return group
