"""Which stimuli, or stretches of time, are held out together: the folds of encoding, and the folds inside them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.given import as_folds
from neurodata4ml.analysis.design.leaks import check_leaks, require_reason, used_positions
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.encoding.predicted import Fold
from neurodata4ml.analysis.responses import sample_dim, trial_labels
from neurodata4ml.errors import DesignError

_N_INNER = 5
"""Folds inside the training rows, where these are not the other folds."""


@dataclass(frozen=True)
class Wish:
    """What was asked of the folds; see ``encode``."""

    n_folds: int = 5
    folds: Any = None
    over: str | None = None
    purge: float | None = None
    stratify: str | None = None
    allow_leak: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class Deal:
    """Folds of samples (trials; stimuli; bins of time), dealt once or several times.

    Attributes
    ----------
    folds : list of (train, test)
        Positions among the samples that are neither blank nor invalid.
    repeat : ndarray of int (n_folds,)
        Which dealing each fold belongs to; a split whose fellows do not share the samples out is one by itself.
    kind, why, leak : str
    purge : float, s
    notes : tuple of str
    """

    folds: list[Fold]
    repeat: np.ndarray
    kind: str
    why: str
    leak: str = ""
    purge: float = 0.0
    notes: tuple[str, ...] = ()


def deal(samples: xr.DataArray, wish: Wish, longest_lag: float = 0.0) -> Deal:
    """Return folds of ``samples`` in which no stimulus is both learnt from and tested.

    Parameters
    ----------
    samples : DataArray with the dim ``trial`` (with the coordinate ``stimulus``) or ``time``
        Blank and invalid ones are in no fold.
    wish : Wish
    longest_lag : float, s
        How far features reach back in time: as much is purged besides.

    Raises
    ------
    DesignError
        A stimulus on both sides, or what ``splits`` refuses.
    """
    require_reason(wish.allow_leak)
    if wish.folds is None:
        return _of_folds([_chosen(samples, wish, longest_lag)], samples)
    several = list(wish.folds) if isinstance(wish.folds, list | tuple) else [wish.folds]
    if (several and all(isinstance(each, Folds) for each in several)) or isinstance(wish.folds, np.ndarray):
        checked = [
            check_leaks(samples, as_folds(each, samples), encoding=True, allow_leak=wish.allow_leak)
            for each in ([wish.folds] if isinstance(wish.folds, np.ndarray) else several)
        ]
        return _of_folds(checked, samples)
    return _of_pairs(samples, wish)


def inner_folds(samples: xr.DataArray, dealt: Deal, wish: Wish) -> list[list[Fold]]:
    """Return, for every fold, the folds inside its training samples that choose what is to be chosen.

    The other folds of the same dealing, each in turn, where there are three or more that share the samples out;
    otherwise up to five folds of the same kind, dealt among the training samples.
    """
    n = samples.sizes[sample_dim(samples, step="encode")]
    inside: list[list[Fold]] = []
    for k, (train, _) in enumerate(dealt.folds):
        mates = np.flatnonzero(dealt.repeat == dealt.repeat[k])
        if len(mates) >= 3:
            learns = np.zeros(n, dtype=bool)
            learns[train] = True
            others = [dealt.folds[j] for j in mates if j != k]
            found = [(fit[learns[fit]], test[learns[test]]) for fit, test in others]
        else:
            found = _dealt_inside(samples, train, dealt, wish)
        inside.append([(fit, test) for fit, test in found if len(fit) > 1 and len(test)])
    return inside


def _chosen(samples: xr.DataArray, wish: Wish, longest_lag: float) -> Folds:
    deal_so = partial(
        splits,
        samples,
        over=wish.over,
        n_folds=wish.n_folds,
        stratify=wish.stratify,
        encoding=True,
        allow_leak=wish.allow_leak,
        seed=wish.seed,
    )
    folds = deal_so(purge=wish.purge)
    if longest_lag and wish.purge is None and folds.kind == "contiguous":
        return deal_so(purge=folds.purge + longest_lag)
    return folds


def _of_folds(several: Sequence[Folds], samples: xr.DataArray) -> Deal:
    used = used_positions(samples)
    where = np.full(samples.sizes[sample_dim(samples, step="encode")], -1)
    where[used] = np.arange(len(used))
    pairs = [[(where[train], where[test]) for train, test in each.split()] for each in several]
    first = several[0]
    notes = tuple(dict.fromkeys(note for each in several for note in each.notes))
    leak = next((each.leak for each in several if each.leak), "")
    repeat = np.repeat(np.arange(len(pairs)), [len(each) for each in pairs])
    return Deal([pair for each in pairs for pair in each], repeat, first.kind, first.why, leak, first.purge, notes)


def _of_pairs(samples: xr.DataArray, wish: Wish) -> Deal:
    """Return folds from a splitter of scikit-learn or from positions; splits may overlap and leave samples out."""
    dim, used = sample_dim(samples, step="encode"), used_positions(samples)
    pairs = _positions(samples.isel({dim: used}), wish)
    tested = np.bincount(np.concatenate([test for _, test in pairs]), minlength=len(used))
    if np.all(tested == 1) or dim == "time":
        folds = as_folds(pairs, samples)
        return _of_folds([check_leaks(samples, folds, encoding=True, allow_leak=wish.allow_leak)], samples)
    labels = samples.coords["stimulus"].values[used]
    shared = sum(len(np.intersect1d(labels[train], labels[test])) > 0 for train, test in pairs)
    if shared and not wish.allow_leak:
        message = (
            f"{shared} of {len(pairs)} splits have trials of the same stimulus in training and test, and would reward "
            f"a model for remembering it. Split whole stimuli: leave folds out, or use GroupShuffleSplit, whose groups "
            f'are the stimuli. If it must be, say why: allow_leak="...".'
        )
        raise DesignError(message)
    why = f"given: {len(pairs)} splits, each judged by itself"
    return Deal(pairs, np.arange(len(pairs)), "given", why, str(wish.allow_leak) if shared else "")


def _positions(shown: xr.DataArray, wish: Wish) -> list[Fold]:
    n = shown.sizes[sample_dim(shown, step="encode")]
    pairs = wish.folds
    if not isinstance(pairs, str) and hasattr(pairs, "__iter__"):
        pairs = list(pairs)
        known = all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs)
    else:
        known = not isinstance(pairs, str) and hasattr(pairs, "split")
    if not known:
        message = (
            f"folds takes Folds from splits(x, encoding=True), a list of such, a splitter of scikit-learn such as "
            f"GroupShuffleSplit(10), or pairs (train, test) of positions; got {wish.folds!r}."
        )
        raise DesignError(message)
    if hasattr(pairs, "split"):
        groups = (
            np.unique(shown.coords["stimulus"].values, return_inverse=True)[1] if "stimulus" in shown.coords else None
        )
        strata = None if wish.stratify is None else trial_labels(shown, wish.stratify, step="encode")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The groups parameter is ignored")  # KFold takes none
            pairs = list(pairs.split(np.zeros((n, 1)), strata, groups))
    found = [(np.asarray(train), np.asarray(test)) for train, test in pairs]
    for train, test in found:
        both = np.concatenate([train, test])
        fits = both.dtype.kind in "iu" and len(train) > 1 and len(test) and both.min() >= 0 and both.max() < n
        if not fits or len(np.unique(both)) < len(both):
            message = (
                f"folds are pairs (train, test) of positions from 0 to {n - 1}, no sample twice in a pair, at least 2 "
                f"to learn from and 1 to test; got {len(train)} and {len(test)} positions that are not."
            )
            raise DesignError(message)
    if not found:
        message = "folds holds no pair (train, test). Leave it out for five folds of whole stimuli."
        raise DesignError(message)
    return found


def _dealt_inside(samples: xr.DataArray, train: np.ndarray, dealt: Deal, wish: Wish) -> list[Fold]:
    dim = sample_dim(samples, step="encode")
    part = samples.isel({dim: used_positions(samples)[train]})
    n = len(np.unique(part.coords["stimulus"].values)) if dim == "trial" else len(train)
    if n < 2:
        return []
    over = "stimulus" if dim == "trial" else "time"
    purge = dealt.purge if dim == "time" else None
    try:
        folds = splits(part, over=over, n_folds=min(_N_INNER, n), purge=purge, encoding=True, seed=wish.seed)
    except DesignError:
        return []
    return [(train[fit], train[test]) for fit, test in folds.split()]
