"""Folds from elsewhere: a scikit-learn splitter, pairs of positions, or one number for each sample."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.leaks import used_positions
from neurodata4ml.analysis.design.reading import read_design
from neurodata4ml.analysis.responses import sample_dim
from neurodata4ml.errors import DesignError


def as_folds(folds: Any, x: xr.DataArray, target: str | None = None) -> Folds:
    """Return folds of any kind as ``Folds`` of the samples of ``x``.

    Parameters
    ----------
    folds : Folds, scikit-learn splitter, iterable of (train, test), or ndarray of int (n_samples,)
        A splitter is asked with the labels of ``target`` and, as groups, the blocks (else the stimuli, else the
        sessions); blank and invalid trials are left out before. Positions count the samples that are left.
    x : DataArray with the dim ``trial`` or ``time``
    target : str, optional

    Returns
    -------
    Folds
        Of kind "given" (``Folds`` stay what they are), not yet checked: see ``check_leaks``.

    Raises
    ------
    DesignError
        The folds are of another number of samples, or some samples are tested never or twice.

    Examples
    --------
    >>> from sklearn.model_selection import KFold
    >>> x = xr.DataArray(np.zeros((6, 2)), dims=("trial", "unit"))
    >>> as_folds(KFold(3), x).fold.tolist()
    [0, 0, 1, 1, 2, 2]
    """
    n = x.sizes[sample_dim(x, step="splits", hint="Folds are made of trials.")]
    if isinstance(folds, Folds):
        _require_length(len(folds.fold), n)
        return folds
    used = used_positions(x)
    if isinstance(folds, np.ndarray) and folds.ndim == 1 and folds.dtype.kind in "iu":
        _require_length(len(folds), n)
        mine = np.unique(folds[used], return_inverse=True)[1] - int(folds[used].min(initial=0) < 0)
        return _everywhere(Folds(mine, "given", "folds given as numbers"), used, n)
    pairs = list(_pairs(folds, x.isel({sample_dim(x, step="splits"): used}), target))
    why = f"given: {folds!r}" if hasattr(folds, "split") else "folds given as positions"
    return _everywhere(_from_pairs(pairs, len(used), " ".join(why.split())), used, n)


def _pairs(folds: Any, shown: xr.DataArray, target: str | None) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    if isinstance(folds, str) or not hasattr(folds, "split"):
        if isinstance(folds, str) or not isinstance(folds, Iterable):
            message = (
                f"folds takes Folds from splits(x, ...), a scikit-learn splitter such as GroupKFold(5), or pairs "
                f"(train, test) of positions; got {folds!r}."
            )
            raise DesignError(message)
        return folds
    design = read_design(shown, target)
    groups = next((g for g in (design.block, design.stimulus, design.session) if g is not None), None)
    codes = None if groups is None else np.unique(groups, return_inverse=True)[1]
    y = design.labels
    if design.classes is not None:
        y = np.unique(design.classes, return_inverse=True)[1]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The groups parameter is ignored")  # KFold takes none
            return list(folds.split(np.zeros((design.n_samples, 1)), y, codes))
    except ValueError as error:
        message = f"{' '.join(repr(folds).split())} makes no folds of these samples: {error} Use splits(x, target=...)."
        raise DesignError(message) from error


def _from_pairs(pairs: list[tuple[np.ndarray, np.ndarray]], n: int, why: str) -> Folds:
    tested = np.zeros(n, dtype=np.int64)
    fold, gap = np.full(n, -1), np.zeros((len(pairs), n), dtype=bool)
    for k, (train, test) in enumerate(pairs):
        train, test = (_positions(part, n) for part in (train, test))
        if len(np.intersect1d(train, test)):
            message = f"Fold {k} learns from {len(np.intersect1d(train, test))} of the samples that it tests."
            raise DesignError(message)
        np.add.at(tested, test, 1)
        fold[test] = k
        gap[k] = True
        gap[k, train] = False
    if len(pairs) < 2 or np.any(tested != 1):
        message = (
            f"Each sample must be tested once, in one of at least 2 folds; of {n} samples {int((tested == 0).sum())} "
            f"are never tested and {int((tested > 1).sum())} more than once, in {len(pairs)} folds. Use folds that "
            f"share the samples out, as splits(x, ...) or GroupKFold do."
        )
        raise DesignError(message)
    gap &= fold != np.arange(len(pairs))[:, None]
    return Folds(fold, "given", why, gap=gap if gap.any() else None)


def _positions(part: Any, n: int) -> np.ndarray:
    positions = np.asarray(part)
    if positions.dtype == bool and len(positions) == n:
        positions = np.flatnonzero(positions)
    if positions.size and (positions.dtype.kind not in "iu" or positions.min() < 0 or positions.max() >= n):
        message = f"folds are positions from 0 to {n - 1}, of the {n} samples that are not blank; got others."
        raise DesignError(message)
    return positions.astype(np.int64)


def _everywhere(folds: Folds, used: np.ndarray, n: int) -> Folds:
    """Return folds of the used samples as folds of all."""
    every = np.full(n, -1)
    every[used] = folds.fold
    if folds.gap is None:
        return replace(folds, fold=every)
    gap = np.zeros((len(folds.gap), n), dtype=bool)
    gap[:, used] = folds.gap
    return replace(folds, fold=every, gap=gap)


def _require_length(got: int, n: int) -> None:
    if got != n:
        message = f"The folds are of {got} samples and x has {n}: make them of this x, splits(x, ...)."
        raise DesignError(message)
