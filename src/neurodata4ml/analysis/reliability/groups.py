"""Which trials to leave out together when asking how far the trials determine an answer."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.inference.jackknife import Statistic, jackknife

_COORD = "_left_out"
_ENOUGH_BLOCKS = 10
"""Fewer blocks are cut into pieces."""


def over_trials(statistic: Statistic, x: xr.DataArray, *, n_groups: int, confidence: float) -> xr.Dataset:
    """Jackknife over trials that loses as few repeats of each stimulus as can be.

    Parameters
    ----------
    statistic : callable DataArray (trial, ...) -> DataArray
    x : DataArray with dim ``trial``, the coordinate ``stimulus`` and perhaps ``block``
    n_groups, confidence
        As in ``jackknife``; groups are those of ``left_out_together``.

    Returns
    -------
    Dataset, as from ``jackknife``; ``attrs["groups"]`` is "block", "contiguous" or "repeats"
    """
    group, kind = left_out_together(x, n_groups)
    out = jackknife(statistic, x.assign_coords({_COORD: ("trial", group)}), over=_COORD, confidence=confidence)
    out.attrs["groups"] = kind
    return out


def left_out_together(x: xr.DataArray, n_groups: int) -> tuple[np.ndarray, str]:
    """Return the group of each trial, from 0 on, and what groups are: "block", "contiguous" or "repeats".

    Groups are the blocks when there are at least 10; fewer are cut into contiguous pieces, none of which reaches into
    two blocks; without blocks, contiguous chunks. Where a group would hold most of the few trials of a stimulus, as
    when trials were sorted by stimulus, the trials of each stimulus are dealt to the groups in turn.
    """
    stimulus = np.unique(x.coords["stimulus"].values, return_inverse=True)[1]
    group, kind = _groups(x, n_groups)
    if _loses_much(stimulus, group):
        return _deal(stimulus, min(n_groups, len(stimulus))), "repeats"
    return group, kind


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
