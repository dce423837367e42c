"""How many components to keep: as many as foretell what was held out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.latents.gaussian import fit_fa, fit_pca
from neurodata4ml.analysis.latents.trajectories import fit_gpfa, square_roots
from neurodata4ml.dims import feature_dim
from neurodata4ml.errors import DesignError

CRITERIA = ("likelihood", "cosmoothing")

_MOST = {"pca": 20, "fa": 20, "gpfa": 8}
"""Components tried where none are named: beyond, a curve is rarely looked at, and gpfa takes minutes."""

_GPFA_ITERATIONS = 100
"""Of its climb, for each candidate and fold: enough to rank them; the fit that follows climbs to the end."""

_UNIT_GROUPS = 5
"""Groups of units that are foretold in turn: four fifths of the units tell of the rest."""


class Model(Protocol):
    """A fitted model of responses: how likely new samples are, and what some units tell of the others."""

    def loglikelihood(self, values: np.ndarray) -> Any:
        """Return the log density of held-out samples."""

    def predict(self, values: np.ndarray, given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Return the ``wanted`` units as the ``given`` ones foretell them."""


@dataclass(frozen=True)
class _Fold:
    """Training and held-out samples: (sample, unit), or (trial, time, unit) for models of time."""

    train: np.ndarray
    test: np.ndarray


def choose_components(
    x: xr.DataArray,
    *,
    method: str,
    seed: int = 0,
    criterion: str = "likelihood",
    candidates: Sequence[int] | None = None,
    n_folds: int = 5,
) -> tuple[int, xr.Dataset]:
    """Choose the number of components by cross-validation over whole trials.

    The smallest number whose score falls behind the best one by no more than the standard error of that difference
    over folds (the one-standard-error rule on paired differences; Hastie et al. 2009, The Elements of Statistical
    Learning, 7.10).

    Parameters
    ----------
    x : DataArray with one dim of units; ``trial``, ``time`` or ``stimulus`` among the others
        Folds are whole blocks or stretches of time (see ``splits``); of stimuli, whole stimuli.
    method : "pca", "fa" or "gpfa"
    seed : int
        Of the dealing of stimuli, and of the units that are left out.
    criterion : "likelihood" or "cosmoothing"
        The log density of held-out samples (for pca that of its probabilistic form, Tipping & Bishop 1999); or how
        well held-out units are foretold from the others in held-out trials, as R2 with the mean of the training
        trials as reference (Yu et al. 2009, J. Neurophysiol. 102:614; Pei et al. 2021, Neural Latents Benchmark).
    candidates : sequence of int, optional
        Numbers of components to try; 1 to 20 (8 for gpfa) where the data allow.
    n_folds : int

    Returns
    -------
    int
        The number chosen.
    Dataset
        ``choice_score`` (n_components, choice_fold), and what was chosen in the attributes.

    Raises
    ------
    DesignError
        A method without a likelihood, an unknown criterion, or candidates that the data do not allow.
    """
    fit, x = _fitter(x, method, seed)
    if criterion not in CRITERIA:
        message = f"latents chooses n_components by {' or '.join(map(repr, CRITERIA))}; got criterion={criterion!r}."
        raise DesignError(message)
    folds = _folds(x, n_folds, seed, keep_time=method == "gpfa")
    tried = _candidates(folds, method, candidates)
    score: Callable[[Model, _Fold], float] = partial(_cosmoothing, seed=seed)
    if criterion == "likelihood":
        score = _likelihood
    scores = np.array([[score(fit(fold.train, n), fold) for fold in folds] for n in tried])
    chosen = tried[_simplest(scores)]
    found = xr.Dataset(
        {"choice_score": (("n_components", "choice_fold"), scores, {"units": "1"})},
        coords={"n_components": tried},
        attrs={"criterion": criterion, "n_components_chosen": chosen, "choice_rule": "one standard error"},
    )
    if chosen == max(tried):
        found.attrs["choice_note"] = f"the largest number tried ({chosen}) was chosen: more may foretell more"
    return chosen, found


def _fitter(x: xr.DataArray, method: str, seed: int) -> tuple[Callable[[np.ndarray, int], Model], xr.DataArray]:
    """Return what fits the model, and the values that it is fitted to."""
    if method == "gpfa":
        roots, bin_width = square_roots(x)
        return partial(fit_gpfa, bin_width=bin_width, seed=seed, max_iter=_GPFA_ITERATIONS), roots
    if method in ("pca", "fa"):
        return (fit_pca if method == "pca" else partial(fit_fa, seed=seed)), x
    message = (
        f'n_components="auto" needs a method that foretells held-out data: pca, fa or gpfa; got {method!r}. '
        f"Give a number, or ask dimensionality(x, method='parallel')."
    )
    raise DesignError(message)


def _folds(x: xr.DataArray, n_folds: int, seed: int, *, keep_time: bool) -> list[_Fold]:
    """Return training and held-out samples; whole trials or stimuli, all their times together."""
    units = feature_dim(x, step="latents")
    first = next((dim for dim in ("trial", "stimulus", "time") if dim in x.dims), None)
    if first is None:
        message = (
            f'n_components="auto" needs trials, stimuli or times to hold out; got ({", ".join(map(str, x.dims))}).'
        )
        raise DesignError(message)
    others = [str(dim) for dim in x.dims if dim not in (first, units)]
    values = np.asarray(x.transpose(first, *others, units).data, dtype=np.float64)
    if first == "stimulus":
        if not 2 <= n_folds <= len(values):
            message = (
                f'n_components="auto" needs 2 to {len(values)} folds of {len(values)} stimuli; got n_folds={n_folds}.'
            )
            raise DesignError(message)
        fold = np.random.default_rng(seed).permutation(len(values)) % n_folds
        pairs = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]
    else:
        pairs = list(splits(x, n_folds=n_folds).split())
    spread = [np.ptp(values[train].reshape(-1, values.shape[-1]), axis=0) for train, _ in pairs]
    n_bad = int((~np.isfinite(values)).sum())
    if n_bad:
        message = f"latents cannot read NaN: {n_bad} of {values.size} values. Drop units with x.dropna('unit')."
        raise DesignError(message)
    varies = np.min(spread, axis=0) > 0  # a unit that is silent in a fold has no likelihood there
    kept = values[..., varies]
    shape = kept.shape[1:] if keep_time else (kept.shape[-1],)
    return [_Fold(*(kept[part].reshape(-1, *shape) for part in pair)) for pair in pairs]


def _candidates(folds: list[_Fold], method: str, candidates: Sequence[int] | None) -> list[int]:
    n_samples = min(int(np.prod(fold.train.shape[:-1])) for fold in folds)
    # the units of a group are foretold from the others: these must outnumber the components
    most = max(0, min(n_samples - 1, folds[0].train.shape[-1] - 1))
    candidates = [candidates] if isinstance(candidates, int) else candidates
    tried = sorted(set(candidates)) if candidates is not None else list(range(1, min(most, _MOST[method]) + 1))
    bad = [n for n in tried if not (isinstance(n, int | np.integer) and 1 <= n <= most)]
    if bad or not tried:
        message = (
            f'n_components="auto" can try 1 to {most} components with {n_samples} training samples of '
            f"{folds[0].train.shape[-1]} units that vary; got candidates={list(candidates or [])}."
        )
        raise DesignError(message)
    return tried


def _likelihood(model: Model, fold: _Fold) -> float:
    return float(np.sum(model.loglikelihood(fold.test)) / np.prod(fold.test.shape[:-1]))


def _cosmoothing(model: Model, fold: _Fold, *, seed: int) -> float:
    n_units = fold.test.shape[-1]
    group = np.random.default_rng(seed).permutation(n_units) % min(_UNIT_GROUPS, n_units)
    mean = fold.train.reshape(-1, n_units).mean(axis=0)
    missed = left = 0.0
    for k in range(group.max() + 1):
        wanted, given = np.flatnonzero(group == k), np.flatnonzero(group != k)
        told = model.predict(fold.test, given, wanted)
        missed += float(np.sum((fold.test[..., wanted] - told) ** 2))
        left += float(np.sum((fold.test[..., wanted] - mean[wanted]) ** 2))
    return 1 - missed / left


def _simplest(scores: np.ndarray) -> int:
    """Return the first row that falls behind the best by no more than a standard error of the difference."""
    behind = scores[scores.mean(axis=1).argmax()] - scores
    error = behind.std(axis=1, ddof=1) / np.sqrt(scores.shape[1])
    return int(np.flatnonzero(behind.mean(axis=1) <= error)[0])
