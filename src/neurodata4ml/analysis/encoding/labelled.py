"""From predictions to a labelled result: scores of every unit, what was chosen, and how it was done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.folds import digest_of
from neurodata4ml.analysis.encoding.encoders import Encoder
from neurodata4ml.analysis.encoding.predicted import Held, Predicted
from neurodata4ml.analysis.encoding.question import Question
from neurodata4ml.analysis.encoding.scores import SCORES, unreliable
from neurodata4ml.dims import add_step, provenance

_NUMBERS = 400_000
"""Numbers scored at once (3 MB, and as much again for each step of a formula)."""


def labelled(question: Question, predicted: Predicted, scores: list[str], *, prediction: bool) -> xr.Dataset:
    """Return scores, choices and, where asked for, predictions of one fit."""
    unit = question.unit
    result = xr.Dataset(attrs=dict(predicted.about))
    for name in scores:
        pooled, by_fold = _scored(question, predicted, name)
        result[name] = unit, _everywhere(pooled, question.usable)
        result[f"{name}_fold"] = (unit, "fold"), _everywhere(by_fold, question.usable)
    for name, (dims, values) in predicted.chosen.items():
        at = dims.index("unit") if "unit" in dims else None
        spread = values if at is None else np.moveaxis(_everywhere(np.moveaxis(values, at, 0), question.usable), 0, at)
        result[name] = tuple(unit if dim == "unit" else dim for dim in dims), spread
    if prediction:
        result["prediction"] = (
            (question.dim, unit),
            _everywhere(_mean_prediction(question, predicted).T, question.usable).T,
        )
    return result


def described(result: xr.Dataset, question: Question, encoder: Encoder, given: Mapping[str, Any]) -> xr.Dataset:
    """Add labels, and say how it was done."""
    dealt, shown, unit = question.dealt, question.shown, question.unit
    mine = {name: c for name, c in shown.coords.items() if c.dims == (unit,) or not c.dims}
    result = result.assign_coords(mine)
    result = result.assign_coords(fold=np.arange(len(dealt.folds)))
    if encoder.joint:
        result = result.assign_coords(layer=list(question.features))
    if "prediction" in result and question.dim != "trial":
        result = result.assign_coords({question.dim: question.labels})
    rows = {"stimulus": "n_stimuli", "time": "n_times", "trial": "n_trials"}[question.dim]
    result.attrs = {
        **provenance(shown),
        "encoder": given["encoder"],
        "standardised": encoder.standardises,
        **result.attrs,
        rows: len(question.labels),
        **({"n_trials": len(question.trials)} if question.trials is not None else {}),
        "n_features": [x.shape[1] for x in question.features.values()],
        "split": dealt.kind,
        "why_split": dealt.why,
        "n_folds": len(dealt.folds),
        "splits_sha256": digest_of(dealt.folds),
        **({"purge": dealt.purge} if dealt.purge else {}),
        **({"leak": dealt.leak} if dealt.leak else {}),
        **({"notes": list(dealt.notes)} if dealt.notes else {}),
        "fitted_to": _fitted_to(question, encoder),
        "aggregation": _aggregation(question),
        "undefined": _undefined(result, question, given["scores"]),
        **_unreliable(question, given["scores"]),
    }
    return add_step(result, "encode", **given)


def _scored(question: Question, predicted: Predicted, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a score pooled over folds and averaged over dealings (n_targets,), and by fold (n_targets, n_folds)."""
    score, n_targets = SCORES[name], question.y.shape[1]
    repeats, of_row = np.unique(question.dealt.repeat), question.dealt.repeat[predicted.fold]
    pooled = np.empty((len(repeats), n_targets))
    by_fold = np.empty((n_targets, len(question.folds)))
    step = max(1, min(_NUMBERS // max(1, len(predicted.row)), n_targets // 8))
    means = _Means(question)
    for start in range(0, n_targets, step):
        some = slice(start, start + step)
        for r, repeat in enumerate(repeats):
            pooled[r, some] = score.function(_held(question, predicted, of_row == repeat, some, means))
        for k in range(len(question.folds)):
            by_fold[some, k] = score.function(_held(question, predicted, predicted.fold == k, some, means))
    return pooled.mean(axis=0), by_fold


class _Means:
    """The mean of each target over each fold's training rows."""

    def __init__(self, question: Question) -> None:
        shares = np.zeros((len(question.folds), len(question.y)))
        for share, (train, _) in zip(shares, question.folds, strict=True):
            share[train] = 1.0 if question.weights is None else question.weights[train]
        self.values = (shares / shares.sum(axis=1, keepdims=True)) @ question.y


def _held(question: Question, predicted: Predicted, which: np.ndarray, some: slice, means: _Means) -> Held:
    row, fold = predicted.row[which], predicted.fold[which]
    return Held(
        truth=question.y[row, some],
        predicted=predicted.values[which, some],
        row=row,
        trials=None if question.trials is None else question.trials[:, some],
        of_trial=question.of_trial,
        reference=means.values[fold, some],
        fold=fold,
    )


def _mean_prediction(question: Question, predicted: Predicted) -> np.ndarray:
    """Return the prediction of every row, averaged over the folds that test it; NaN where none does."""
    count = np.bincount(predicted.row, minlength=len(question.y))
    if count.max() <= 1:
        result = np.full(question.y.shape, np.nan)
        result[predicted.row] = predicted.values
        return result
    result = np.zeros(question.y.shape)
    np.add.at(result, predicted.row, predicted.values)
    with np.errstate(invalid="ignore"):
        return np.asarray(result / np.where(count, count, np.nan)[:, None])


def _everywhere(values: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Return values of usable units (n_usable, ...) among all units; NaN for the others."""
    if usable.all():
        return values
    result = np.full((len(usable), *values.shape[1:]), np.nan)
    result[usable] = values
    return result


def _fitted_to(question: Question, encoder: Encoder) -> str:
    if question.dim != "stimulus":
        return "bins of time" if question.dim == "time" else "single trials"
    if question.weights is None or not encoder.weighs:
        return "mean responses, all alike"
    return "mean responses, each counted as often as it has trials (divided by their mean number)"


def _aggregation(question: Question) -> str:
    n = len(np.unique(question.dealt.repeat))
    what = {"stimulus": "stimuli", "time": "bins", "trial": "trials"}[question.dim]
    pooled = f"all held-out {what} pooled, per unit; correlations within folds"
    if any(len(test) < 2 for _, test in question.folds):
        pooled = (
            f"all held-out {what} pooled, per unit; correlations of predictions less the mean of training, since some "
            f"folds test one row: below 0 (about -0.2) without any relation where penalties are chosen"
        )
    return pooled if n == 1 else f"{pooled}; averaged over {n} dealings of the folds"


def _undefined(result: xr.Dataset, question: Question, scores: list[str]) -> str:
    """Say why scores are NaN; "" where none is."""
    n_nan = int((~question.usable).sum())
    flat = question.y.max(axis=0) == question.y.min(axis=0)
    reasons = [f"{n_nan} unit{'s hold' if n_nan > 1 else ' holds'} NaN"] if n_nan else []
    n_flat = int(flat.sum())
    reasons += [f"the mean responses of {n_flat} unit{'s' * (n_flat > 1)} never change"] if n_flat else []
    for name in scores:
        n = int(result[name].isnull().sum())
        if n > (n_nan + n_flat) * (result[name].size // len(question.usable)):
            reasons.append(f"{name}: {SCORES[name].undefined}")
    return "; ".join(reasons)


def _unreliable(question: Question, scores: list[str]) -> dict[str, int]:
    """Return how many units answer too unreliably for scores that divide by their signal, where such are asked for."""
    if not any(SCORES[name].needs_trials for name in scores):
        return {}
    row = np.arange(len(question.y))
    held = Held(question.y, question.y, row, question.trials, question.of_trial)
    return {"unreliable": int(unreliable(held).sum())}
