"""Enough to cross-validate: folds, samples, classes, and every class among what each fold learns and tests."""

from __future__ import annotations

import numbers

import numpy as np

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.errors import DesignError


def require_trials(n_trials: int, n_folds: int, dim: str = "trial") -> None:
    """Refuse too few folds, or fewer samples than folds."""
    if not isinstance(n_folds, numbers.Integral) or isinstance(n_folds, bool) or n_folds < 2:
        message = f"Cross-validation needs n_folds of at least 2; got {n_folds!r}. Usual is n_folds=5."
        raise DesignError(message)
    if n_trials < n_folds:
        noun = _noun(dim)
        plural = noun if n_trials == 1 else f"{noun}s"
        message = f"{n_folds} folds need at least {n_folds} {noun}s; got {n_trials} {plural} (blanks do not count)."
        raise DesignError(message)


def require_classes(labels: np.ndarray, n_folds: int, target: str, dim: str = "trial") -> None:
    """Refuse a single class, and classes with fewer samples than folds; name them."""
    (classes, counts), noun = np.unique(labels, return_counts=True), _noun(dim)
    if len(classes) < 2:
        message = f"Decoding needs at least 2 classes; all {len(labels)} {noun}s have {target} = {classes[0]!s}."
        raise DesignError(message)
    rare = [name.item() if isinstance(name, np.generic) else name for name in classes[counts < n_folds]]
    if rare:
        few = ", ".join(f"{name} ({n})" for name, n in zip(rare[:5], counts[counts < n_folds], strict=False))
        more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
        drop = f"x.isel({dim}=~x.{target}.isin({rare[:5]}).values)" if len(rare) <= 5 else f"x.isel({dim}=...)"
        message = (
            f"{len(rare)} of {len(classes)} classes of {target!r} have fewer {noun}s than the {n_folds} folds: "
            f"{few}{more}. {fewer_folds(int(counts.min()))}Drop them: {drop}; "
            f"or merge classes into a new coordinate: x.assign_coords(...)."
        )
        raise DesignError(message)


def unmixed(folds: Folds, labels: np.ndarray, target: str) -> str:
    """Say which fold holds one class only, or tests a class that it cannot have learnt; "" where none does.

    What is purged is not learnt from.
    """
    n_classes = len(np.unique(labels))
    for k, (train, test) in enumerate(folds.split()):
        tested, learnt = np.unique(labels[test]), np.unique(labels[train])
        gap = "" if folds.gap is None else f" Or what is left out between them is too long: purge={folds.purge:g} s."
        if len(tested) < 2 or len(learnt) < 2:
            one, what = (tested, test) if len(tested) < 2 else (learnt, train)
            where = "among" if one is tested else "to learn from, in"
            return (
                f"Fold {k} of {folds.n_folds} holds only {target} = {_first(one)} {where} its {len(what)} trials. "
                f"Either trials are few: use fewer folds (n_folds); or {target!r} follows the course of the session, "
                f"and a decoder could read the time instead: choose trials in which the {n_classes} classes are "
                f"mixed.{gap}"
            )
        unseen = np.setdiff1d(tested, learnt)
        if len(unseen):
            return (
                f"Fold {k} of {folds.n_folds} tests {target} = {unseen[0]!s}, which occurs in no other fold, so "
                f"nothing could be learnt about it. Drop this class, or use other folds (n_folds).{gap}"
            )
    return ""


def fewer_folds(n: int) -> str:
    """Return the advice to use ``n`` folds, where that is possible at all."""
    return f"Use n_folds={n}. " if n >= 2 else ""


def _first(labels: np.ndarray) -> str:
    return str(labels[0]) if len(labels) else "nothing"


def _noun(dim: str) -> str:
    return "time sample" if dim == "time" else dim
