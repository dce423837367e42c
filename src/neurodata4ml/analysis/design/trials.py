"""What the design of an experiment allows: blocks, runs of labels, and enough trials of every class in every fold."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.errors import DesignError

RUNS = -5.0
"""Standard deviations by which labels may switch less often than in random order before a warning."""


def block_labels(x: xr.DataArray) -> np.ndarray | None:
    """Return the block of every trial, or None where there are no blocks, or only one, or one per trial."""
    if "block" not in x.coords or x.coords["block"].dims != ("trial",):
        return None
    blocks = trial_labels(x, "block", step="splits")
    return blocks if 1 < len(np.unique(blocks)) < len(blocks) else None


def labels_follow_blocks(y: np.ndarray, blocks: np.ndarray) -> bool:
    """Return whether no block holds two different labels (blocks of one trial each say nothing, and do not count)."""
    first, code, size = np.unique(blocks, return_index=True, return_inverse=True, return_counts=True)[1:]
    return bool(size.max() > 1 and np.all(y == y[first][code]))


def time_order(x: xr.DataArray) -> np.ndarray:
    """Return the positions of the trials, earliest first; their own order where they have no ``start_time``."""
    if "start_time" in x.coords and x.coords["start_time"].dims == ("trial",):
        return np.argsort(x.coords["start_time"].values, kind="stable")
    return np.arange(x.sizes["trial"])


def warn_of_runs(x: xr.DataArray, target: str) -> None:
    """Warn where labels come in runs: then trials are not exchangeable, and a null that shuffles them is too easy."""
    labels = np.unique(x.coords[target].values, return_inverse=True)[1][time_order(x)]
    n, counts = len(labels), np.bincount(labels)
    differ = 1 - np.sum(counts * (counts - 1.0)) / (n * (n - 1.0))
    expected, spread = (n - 1) * differ, np.sqrt((n - 1) * differ * (1 - differ))
    n_switches = int(np.count_nonzero(np.diff(labels)))
    if spread > 0 and (n_switches - expected) / spread < RUNS:
        message = (
            f"{target!r} switches {n_switches} times from trial to trial where random order would switch about "
            f"{expected:.0f} times: slow drift can pass for {target!r}, and p is too small. If labels were dealt in "
            f"blocks, say so: x.assign_coords(block=('trial', ...))."
        )
        warnings.warn(message, stacklevel=3)


def require_trials(n_trials: int, n_folds: int) -> None:
    """Refuse too few folds, or fewer trials than folds."""
    if n_folds < 2:
        message = f"Cross-validation needs n_folds of at least 2; got {n_folds}."
        raise DesignError(message)
    if n_trials < n_folds:
        plural = "trial" if n_trials == 1 else "trials"
        message = f"{n_folds} folds need at least {n_folds} trials; got {n_trials} {plural} (blanks do not count)."
        raise DesignError(message)


def require_classes(labels: np.ndarray, n_folds: int, target: str) -> None:
    """Refuse a single class, and classes with fewer trials than folds; name them."""
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        message = f"Decoding needs at least 2 classes; all {len(labels)} trials have {target} = {classes[0]!s}."
        raise DesignError(message)
    rare = [name.item() if isinstance(name, np.generic) else name for name in classes[counts < n_folds]]
    if rare:
        few = ", ".join(f"{name} ({n})" for name, n in zip(rare[:5], counts[counts < n_folds], strict=False))
        more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
        drop = f"x.isel(trial=~x.{target}.isin({rare[:5]}).values)" if len(rare) <= 5 else "x.isel(trial=...)"
        message = (
            f"{len(rare)} of {len(classes)} classes of {target!r} have fewer trials than the {n_folds} folds: "
            f"{few}{more}. {fewer_folds(int(counts.min()))}Drop them: {drop}; "
            f"or merge classes into a new coordinate: x.assign_coords(...)."
        )
        raise DesignError(message)


def require_mixed_folds(fold: np.ndarray, labels: np.ndarray, target: str) -> None:
    """Refuse folds that hold one class only, or a class that no other fold holds."""
    n_classes, n_folds = len(np.unique(labels)), int(fold.max()) + 1
    for k in range(n_folds):
        tested, trained = np.unique(labels[fold == k]), np.unique(labels[fold != k])
        if len(tested) < 2 or len(trained) < 2:
            message = (
                f"Fold {k} of {n_folds} holds only {target} = {tested[0]!s} among its {np.sum(fold == k)} trials. "
                f"Either trials are few: use fewer folds (n_folds); or {target!r} follows the course of the session, "
                f"and a decoder could read the time instead: choose trials in which the {n_classes} classes are mixed."
            )
            raise DesignError(message)
        unseen = np.setdiff1d(tested, trained)
        if len(unseen):
            message = (
                f"Fold {k} of {n_folds} tests {target} = {unseen[0]!s}, which occurs in no other fold, so nothing "
                f"could be learnt about it. Drop this class, or use other folds (n_folds)."
            )
            raise DesignError(message)


def fewer_folds(n: int) -> str:
    """Return the advice to use ``n`` folds, where that is possible at all."""
    return f"Use n_folds={n}. " if n >= 2 else ""
