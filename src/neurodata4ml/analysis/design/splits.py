"""Split trials for training and testing, and shuffle labels for a null, as the design of the experiment allows."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.trials import (
    block_labels,
    fewer_folds,
    labels_follow_blocks,
    require_classes,
    require_mixed_folds,
    require_trials,
    time_order,
)
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import presented, require_dims
from neurodata4ml.errors import DesignError


def splits(
    x: xr.DataArray, *, over: str = "trial", n_folds: int = 5, target: str | None = None, seed: int = 0
) -> Folds:
    """Choose the folds of a cross-validation so that test trials are as new as the question says.

    Neighbouring trials resemble each other whatever was shown (drift, arousal), so trials are never shuffled into
    folds: that lets a decoder recognise the time of day.

    Parameters
    ----------
    x : DataArray with dim ``trial``
    over : {"trial", "block", "stimulus"}
        What should be new in the test. "trial": later or earlier trials. Blocks stay whole: where there are fewer
        than ``n_folds`` (but at least two, each with every class of ``target``), each block is one fold. Only where
        that cannot be, or without blocks, folds are stretches of time; a warning says so where they cut blocks.
        "block": whole blocks, ``n_folds`` of them or an error. "stimulus": whole stimuli, the same number of each
        class of ``target`` in every fold.
    n_folds : int
        Five leaves four fifths of the trials to learn from. At most: see ``over``, and ``Folds.n_folds``.
    target : str, optional
        The coordinate to be decoded; with it, folds are checked against its labels.
    seed : int
        Which stimuli go together (for ``over="stimulus"``; the other ways have no chance in them).

    Returns
    -------
    Folds
        ``.split()`` yields (train, test) positions along ``trial``.

    Raises
    ------
    DesignError
        The labels follow the blocks, a fold would hold one class only, or there are too few trials, blocks or stimuli.

    Examples
    --------
    >>> x = xr.DataArray(np.zeros((6, 2)), dims=("trial", "unit"))
    >>> [test.tolist() for train, test in splits(x, n_folds=3).split()]
    [[0, 1], [2, 3], [4, 5]]
    """
    require_dims(x, "trial", step="splits", hint="Folds are made of trials.")
    shown = presented(x.assign_coords(_position=("trial", np.arange(x.sizes["trial"]))), step="splits")
    labels = None if target is None else trial_labels(shown, target, step="splits")
    require_trials(shown.sizes["trial"], n_folds)
    if over == "trial":
        n_folds = _no_more_than_blocks(shown, labels, n_folds)
    if labels is not None:
        require_classes(labels, n_folds, str(target))
    if over == "stimulus":
        fold, kind = _whole_stimuli(shown, labels, n_folds, seed), "stimulus"
    elif over in ("trial", "block"):
        fold, kind = _whole_blocks_or_time(shown, labels, n_folds, must=over == "block")
    else:
        message = f'splits knows over="trial", "block" and "stimulus"; got {over!r}.'
        raise DesignError(message)
    if labels is not None:
        require_mixed_folds(fold, labels, str(target))
    every = np.full(x.sizes["trial"], -1)
    every[shown.coords["_position"].values] = fold
    return Folds(every, kind)


def permutation_labels(y: np.ndarray, blocks: np.ndarray | None, rng: np.random.Generator) -> np.ndarray:
    """Shuffle labels as the experiment could have dealt them.

    Where labels vary within blocks, they are shuffled within each block; where each block has one label, whole
    blocks exchange theirs, because the block is then what was randomised. Without blocks all are shuffled.

    Parameters
    ----------
    y : ndarray (n_trials,)
    blocks : ndarray (n_trials,) or None
    rng : numpy Generator

    Returns
    -------
    ndarray (n_trials,)
    """
    if blocks is None:
        return rng.permutation(y)
    first, code = np.unique(blocks, return_index=True, return_inverse=True)[1:]
    if labels_follow_blocks(y, blocks):
        return np.asarray(rng.permutation(y[first])[code])
    shuffled = y.copy()
    for k in range(len(first)):
        inside = np.flatnonzero(code == k)
        shuffled[inside] = y[rng.permutation(inside)]
    return shuffled


def _no_more_than_blocks(x: xr.DataArray, labels: np.ndarray | None, n_folds: int) -> int:
    """Return the number of blocks where they are fewer than the folds and each holds every class."""
    blocks = block_labels(x)
    names, block = np.unique([] if blocks is None else blocks, return_inverse=True)
    if blocks is None or len(names) >= n_folds:
        return n_folds
    classes, code = np.unique(np.zeros(len(block)) if labels is None else labels, return_inverse=True)
    n_cells = len(np.unique(block * len(classes) + code))
    return len(names) if n_cells == len(names) * len(classes) else n_folds


def _whole_blocks_or_time(
    x: xr.DataArray, labels: np.ndarray | None, n_folds: int, *, must: bool
) -> tuple[np.ndarray, str]:
    blocks, order = block_labels(x), time_order(x)
    n_blocks = 0 if blocks is None else len(np.unique(blocks))
    follow = blocks is not None and labels is not None and labels_follow_blocks(labels, blocks)
    if must and n_blocks < n_folds:
        message = f"splits over blocks needs at least n_folds={n_folds} blocks; got {n_blocks}. Use fewer folds."
        raise DesignError(message)
    if follow and not must:
        message = (
            f"Each of the {n_blocks} blocks holds one label only, so that a decoder could read the block (drift) "
            f"instead of the label, and trials are not independent evidence. The block is the sample here: "
            f"decode(average_by(x, 'block').rename(block='trial'), target), or splits(x, over='block', target=...)."
        )
        raise DesignError(message)
    if blocks is None:
        return _cut(order, n_folds), "contiguous"
    if n_blocks < n_folds:
        message = (
            f"The {n_blocks} blocks are fewer than n_folds={n_folds}, and some lack a class: folds are stretches of "
            f"time that cut blocks, and what a block shares (drift) is learnt from and tested. Type "
            f"n_folds={n_blocks} to keep blocks whole, or drop the classes that some blocks lack."
        )
        warnings.warn(message, stacklevel=3)
        return _cut(order, n_folds), "contiguous"
    # blocks by the time of their first trial
    codes = np.unique(blocks, return_inverse=True)[1]
    first = np.unique(codes[order], return_index=True)[1]
    if follow and labels is not None:
        return _blocks_by_class(codes, first, labels, n_folds), "block"
    return _cut(np.argsort(first, kind="stable"), n_folds)[codes], "block"


def _blocks_by_class(codes: np.ndarray, first: np.ndarray, labels: np.ndarray, n_folds: int) -> np.ndarray:
    """Deal whole blocks of one label each to the folds, so that every fold has every label."""
    label_of_block = labels[np.unique(codes, return_index=True)[1]]
    fold_of_block = np.empty(len(first), dtype=np.int64)
    for label in np.unique(labels):
        mine = np.flatnonzero(label_of_block == label)
        if len(mine) < n_folds:
            message = (
                f"Label {label!s} has {len(mine)} blocks, fewer than n_folds={n_folds}: some folds would test other "
                f"labels only. {fewer_folds(len(mine))}Otherwise more blocks of it are needed."
            )
            raise DesignError(message)
        fold_of_block[mine] = _cut(np.argsort(first[mine], kind="stable"), n_folds)
    return np.asarray(fold_of_block[codes])


def _whole_stimuli(x: xr.DataArray, labels: np.ndarray | None, n_folds: int, seed: int) -> np.ndarray:
    """Deal whole stimuli to the folds, class by class; by label, so that the order of trials never matters."""
    rng = np.random.default_rng(seed)
    first, code = np.unique(trial_labels(x, "stimulus", step="splits"), return_index=True, return_inverse=True)[1:]
    classes = np.zeros(len(first), dtype=np.int64)
    if labels is not None:
        if not np.all(labels == labels[first][code]):
            message = (
                "splits over stimuli needs a target that belongs to the stimulus; this one differs between trials of "
                'one stimulus. Use over="trial".'
            )
            raise DesignError(message)
        classes = np.unique(labels[first], return_inverse=True)[1]
    fold_of_stimulus = np.empty(len(first), dtype=np.int64)
    n_dealt = 0
    for k in range(classes.max() + 1):
        mine = rng.permutation(np.flatnonzero(classes == k))
        if len(mine) < n_folds:
            what = "There are" if labels is None else f"Class {labels[first][mine[0]]!s} has"
            message = (
                f"splits over stimuli needs at least n_folds={n_folds} stimuli in every class: a whole stimulus is "
                f"either learnt from or tested. {what} {len(mine)}. Use fewer folds, or a target that stimuli share."
            )
            raise DesignError(message)
        fold_of_stimulus[mine] = (n_dealt + np.arange(len(mine))) % n_folds
        n_dealt += len(mine)
    return np.asarray(fold_of_stimulus[code])


def _cut(order: np.ndarray, n_folds: int) -> np.ndarray:
    """Return the fold of each item when the items, in this order, are cut into ``n_folds`` stretches."""
    fold = np.empty(len(order), dtype=np.int64)
    fold[order] = np.arange(len(order)) * n_folds // len(order)
    return fold
