"""What encode is asked: responses and features of the same stimuli, row by row, and what is held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.encoding.folding import Deal, Wish, deal, inner_folds
from neurodata4ml.analysis.encoding.predicted import Fold
from neurodata4ml.analysis.encoding.reading import as_samples, read_features, read_responses
from neurodata4ml.analysis.linear.stimuli import sum_rows
from neurodata4ml.dims import presented
from neurodata4ml.errors import DesignError

Features = xr.DataArray | Mapping[str, xr.DataArray]

_FEWEST = 4
"""Stimuli without which nothing can be learnt, chosen and tested."""


@dataclass(frozen=True)
class Question:
    """Responses and features in rows, with folds.

    Attributes
    ----------
    dim : "stimulus", "time", or "trial" (where a leak between trials of a stimulus was allowed)
        What a row is.
    labels : ndarray (n,)
        Of rows.
    unit : str
        The dim of the responses' columns.
    y : ndarray (n, n_usable)
        Responses of the units without NaN.
    usable : ndarray of bool (n_units,)
    weights : ndarray (n,), optional
        Trials behind each row, divided by their mean; None where all are alike.
    features : dict of str to ndarray (n, n_features)
    layered : bool
        Whether features came as a dict.
    trials, of_trial : ndarray, optional
        Single trials (n_trials, n_usable), and the row of each.
    dealt : Deal
        Folds of rows.
    inner : list of lists of (train, test)
    shown : DataArray
        The responses without blank and invalid samples.
    """

    dim: str
    labels: np.ndarray
    unit: str
    y: np.ndarray
    usable: np.ndarray
    weights: np.ndarray | None
    features: dict[str, np.ndarray]
    layered: bool
    trials: np.ndarray | None
    of_trial: np.ndarray | None
    dealt: Deal
    inner: list[list[Fold]]
    shown: xr.DataArray

    @property
    def folds(self) -> list[Fold]:
        """Positions of training and test rows."""
        return self.dealt.folds


@dataclass(frozen=True)
class Rows:
    """What the rows of a fit are: their labels, the row of each sample, and how many samples stand behind each."""

    dim: str
    labels: np.ndarray
    of_sample: np.ndarray
    counts: np.ndarray


def ask(responses: xr.DataArray, features: Features, wish: Wish, *, weigh: str) -> Question:
    """Return the question, or refuse it with its cure.

    Rows are stimuli, with the mean of their trials as response: a least-squares fit to means that count as often as
    they have trials is the fit to the trials.
    """
    if weigh not in ("trials", "equal"):
        message = f'weigh takes "trials" (a mean counts as often as it has trials) or "equal"; got {weigh!r}.'
        raise DesignError(message)
    samples = as_samples(responses)
    arrays = dict(features) if isinstance(features, Mapping) else {"features": features}
    shown = presented(samples, step="encode")
    unit, values, usable = read_responses(shown)
    dealt = deal(samples, wish, max((_longest_lag(x) for x in arrays.values()), default=0.0))
    inner = inner_folds(samples, dealt, wish)
    rows = _rows(shown, dealt)
    _require_enough(rows)
    matrices = read_features(arrays, rows.dim, rows.labels)
    averaged = len(rows.labels) < len(values)
    y = sum_rows(values, rows.of_sample, len(rows.labels)) / rows.counts[:, None] if averaged else values
    return Question(
        dim=rows.dim,
        labels=rows.labels,
        unit=unit,
        y=y,
        usable=usable,
        weights=_weights(rows, shown) if weigh == "trials" else None,
        features=matrices,
        layered=isinstance(features, Mapping),
        trials=values if averaged else None,
        of_trial=rows.of_sample if averaged else None,
        dealt=_of_rows(dealt, rows),
        inner=[[_fold_of_rows(fold, rows) for fold in folds] for folds in inner],
        shown=shown,
    )


def _longest_lag(x: Any) -> float:
    return float(x.attrs.get("longest_lag", 0.0)) if isinstance(x, xr.DataArray) else 0.0


def _rows(shown: xr.DataArray, dealt: Deal) -> Rows:
    """Return stimuli as rows, in the order in which they first appear; samples themselves where there are none."""
    dim = "trial" if "trial" in shown.dims else "time"
    n = shown.sizes[dim]
    if dim == "time":
        return Rows("time", shown.coords["time"].values, np.arange(n), np.ones(n))
    labels, first, code = np.unique(shown.coords["stimulus"].values, return_index=True, return_inverse=True)
    if any(len(np.intersect1d(code[train], code[test])) for train, test in dealt.folds):
        return Rows("trial", shown.coords["stimulus"].values, np.arange(n), np.ones(n))
    order = np.argsort(first)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    return Rows("stimulus", labels[order], place[code], np.bincount(place[code]).astype(np.float64))


def _require_enough(rows: Rows) -> None:
    n = len(np.unique(rows.labels))
    if n < _FEWEST:
        what = "bins of time" if rows.dim == "time" else "stimuli"
        message = (
            f"encode needs at least {_FEWEST} {what} to learn from some, choose on others and test the rest; got {n}."
        )
        raise DesignError(message)


def _weights(rows: Rows, shown: xr.DataArray) -> np.ndarray | None:
    """Return how many trials stand behind each row, over their mean; None where all are alike."""
    counts = rows.counts
    if rows.dim == "stimulus" and np.all(counts == 1) and "n_trials" in shown.coords:
        counts = np.asarray(shown.coords["n_trials"].values, dtype=np.float64)
    if np.ptp(counts) == 0 or not np.all(counts > 0):
        return None
    return np.asarray(counts / counts.mean())


def _of_rows(dealt: Deal, rows: Rows) -> Deal:
    folds = [_fold_of_rows(fold, rows) for fold in dealt.folds]
    return Deal(folds, dealt.repeat, dealt.kind, dealt.why, dealt.leak, dealt.purge, dealt.notes)


def _fold_of_rows(fold: Fold, rows: Rows) -> Fold:
    train, test = fold
    return np.unique(rows.of_sample[train]), np.unique(rows.of_sample[test])
