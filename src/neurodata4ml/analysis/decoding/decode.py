"""Read a label out of population responses, cross-validated, beside what chance alone would give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import xarray as xr
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.splits import permutation_labels, splits
from neurodata4ml.analysis.design.trials import block_labels, warn_of_runs
from neurodata4ml.analysis.inference import permutation_p
from neurodata4ml.analysis.linear.discriminant import LeastSquaresLDA, predict_with_many_labels
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import add_step, feature_dim, presented, provenance, require_dims
from neurodata4ml.errors import DesignError, DimensionError

_CHUNK = 4_000_000
"""Numbers held at once: bins of time are decoded in groups of this size (32 MB)."""

_ROUNDING = 1e-12
"""Equal scores may differ in the last bit, since means add in another order."""

DECODERS: dict[str, Callable[[], Any]] = {
    "lda": lambda: make_pipeline(StandardScaler(), LeastSquaresLDA()),
    "logistic": lambda: make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)),
    "ridge": lambda: make_pipeline(StandardScaler(), RidgeClassifier(alpha=10.0, class_weight="balanced")),
    "knn": lambda: make_pipeline(StandardScaler(), KNeighborsClassifier(n_neighbors=5)),
}
"""Decoders by name; each makes a fresh scikit-learn estimator, of which ``fit`` and ``predict`` are called."""

Predict = Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]


def decode(
    x: xr.DataArray,
    target: str = "stimulus",
    *,
    over: str | None = None,
    decoder: Any = "lda",
    n_folds: int = 5,
    n_permutations: int = 100,
    seed: int = 0,
) -> xr.Dataset:
    """Predict a label of each trial from its population response, in trials that were not learnt from.

    The score is balanced accuracy: the mean over classes of the fraction of its held-out trials named rightly, pooled
    over folds, so that a frequent class earns nothing. Chance is not assumed: labels are shuffled as the design
    could have dealt them (within blocks where there are blocks), and everything is fitted again.

    Parameters
    ----------
    x : DataArray, dims (trial, [time,] unit)
        Counts or rates. Blank and invalid trials are dropped. NaN is refused.
    target : str
        The coordinate on ``trial`` to predict.
    over : None or "time"
        None: one decoder on the mean over time. "time": one for each bin, all with the same folds and shuffles.
    decoder : str or scikit-learn classifier
        A key of ``DECODERS`` or an estimator of your own; it is fitted inside each fold.
    n_folds : int
        See ``splits``: whole blocks, fewer folds where there are fewer blocks (``attrs["n_folds"]`` says how many);
        else stretches of time; never shuffled trials.
    n_permutations : int
        Shuffles; the smallest p is 1 / (1 + n_permutations). With 0, chance and p are NaN.
    seed : int
        Of the shuffles.

    Returns
    -------
    Dataset
        ``accuracy`` ([time]), balanced; ``accuracy_fold`` (fold[, time]), over the classes that a fold holds (their
        spread is no confidence interval: folds share training trials); ``null`` (shuffle[, time]); ``chance``
        ([time]), the mean of the null; ``p_value`` ([time]) = (1 + #{null >= accuracy}) / (1 + n_permutations).
        Over time also ``p_value_max``, corrected for all bins looked at (against the largest null of any bin);
        otherwise ``confusion`` (true, predicted) in trials, and ``prediction`` (trial).

    Raises
    ------
    DimensionError
        No such coordinate, or dims that are neither trial, time nor units.
    DesignError
        Fewer than two classes, a class with fewer trials than folds, labels that follow blocks or time, no units,
        NaN in the responses.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> side = np.tile(["left", "right"], 40)
    >>> x = xr.DataArray(rng.poisson(np.where(side == "left", 2, 6)[:, None], (80, 5)), dims=("trial", "unit"))
    >>> result = decode(x.assign_coords(side=("trial", side)), "side", n_permutations=19)
    >>> bool(result.accuracy > 0.9), float(result.p_value)
    (True, 0.05)
    """
    shown = presented(x, step="decode")
    labels = trial_labels(shown, target, step="decode")
    responses = _by_time(shown, over)
    _require_finite(responses)
    folds = splits(shown, n_folds=n_folds, target=target)
    warn_of_runs(shown, target)
    classes, truth = np.unique(labels, return_inverse=True)
    blocks = block_labels(shown)
    rng = np.random.default_rng(seed)
    shuffled = [permutation_labels(truth, blocks, rng) for _ in range(n_permutations)]
    hits, prediction = _cross_validate(responses, np.stack([truth, *shuffled]), folds, len(classes), _chosen(decoder))
    result = _scores(hits, truth, folds)
    if over is None:
        result = result.isel(time=0)
        result["confusion"] = (("true", "predicted"), _confusion(truth, prediction[0], len(classes)))
        result["prediction"] = ("trial", classes[prediction[0]])
        result = result.assign_coords(true=classes, predicted=classes)
        result = result.assign_coords({name: shown.coords[name] for name in ("trial",) if name in shown.coords})
    else:
        result = _corrected_over_time(result).assign_coords(time=shown.coords["time"])
    return _describe(
        result,
        shown,
        target=target,
        decoder=decoder if isinstance(decoder, str) else type(decoder).__name__,
        n_trials=len(labels),
        n_classes=len(classes),
        n_units=responses.shape[2],
        n_folds=folds.n_folds,
        n_permutations=n_permutations,
        seed=seed,
        folds=folds.kind,
        null="labels shuffled within blocks" if blocks is not None else "labels shuffled among all trials",
    )


def _by_time(x: xr.DataArray, over: str | None) -> np.ndarray:
    """Return responses (time, trial, unit) in their own type; one "time", the mean, unless ``over`` is time."""
    if over not in (None, "time"):
        message = f'decode knows over=None (the mean over time) and over="time" (each bin); got {over!r}.'
        raise DimensionError(message)
    units = feature_dim(x, step="decode")
    require_dims(x, "trial", *([over] if over else []), step="decode", hint='Leave over="time" out.')
    other = [str(dim) for dim in x.dims if dim not in ("trial", "time", units)]
    if other:
        message = f"decode takes (trial, time, {units}); got also {', '.join(other)}. Select or average: x.mean(...)."
        raise DimensionError(message)
    if over is None:
        x = (x.mean("time", dtype=np.float64, skipna=False) if "time" in x.dims else x).expand_dims("time")
    return np.asarray(x.transpose("time", "trial", units).data)


def _require_finite(responses: np.ndarray) -> None:
    n_times, n_trials, n_units = responses.shape
    if n_units == 0 or n_times == 0:
        message = f"decode needs at least one unit and one bin; got {n_units} units and {n_times} bins of time."
        raise DesignError(message)
    if responses.dtype.kind == "f":
        bad = ~np.isfinite(responses)
        if bad.any():
            message = (
                f"decode cannot read NaN: {int(bad.sum())} of {bad.size} responses, in "
                f"{int(bad.any(axis=(0, 2)).sum())} of {n_trials} trials and {int(bad.any(axis=(0, 1)).sum())} of "
                f"{n_units} units. Drop them: x.dropna('unit') or x.dropna('trial')."
            )
            raise DesignError(message)


def _chosen(decoder: Any) -> Predict:
    """Return a function (train, test, label sets, n_classes) -> predicted classes (label set, time, test trial)."""
    if decoder == "lda":
        return predict_with_many_labels
    if isinstance(decoder, str):
        if decoder not in DECODERS:
            message = f"decode knows the decoders {', '.join(DECODERS)}; got {decoder!r}. Or give an estimator."
            raise DesignError(message)
        return partial(_refit, DECODERS[decoder]())
    return partial(_refit, decoder)


def _refit(estimator: Any, train: np.ndarray, test: np.ndarray, codes: np.ndarray, n_classes: int) -> np.ndarray:
    predicted = np.empty((len(codes), len(train), test.shape[1]), dtype=np.int64)
    for i, code in enumerate(codes):
        for t in range(len(train)):
            predicted[i, t] = clone(estimator).fit(train[t], code).predict(test[t])
    return predicted


def _cross_validate(
    responses: np.ndarray, codes: np.ndarray, folds: Folds, n_classes: int, predict: Predict
) -> tuple[np.ndarray, np.ndarray]:
    """Return hits (label set, fold, time, class) and the predictions from the true labels (time, trial)."""
    n_times, n_trials, _ = responses.shape
    hits = np.zeros((len(codes), folds.get_n_splits(), n_times, n_classes), dtype=np.int64)
    prediction = np.empty((n_times, n_trials), dtype=np.int64)
    for times in _groups_of_times(responses.shape):
        block = responses[times].astype(np.float64)
        for k, (train, test) in enumerate(folds.split()):
            predicted = predict(block[:, train], block[:, test], codes[:, train], n_classes)
            prediction[times, test] = predicted[0]
            hits[:, k, times] = _hits(predicted, codes[:, test], n_classes)
    return hits, prediction


def _groups_of_times(shape: tuple[int, ...]) -> Iterator[slice]:
    step = max(1, _CHUNK // max(1, shape[1] * shape[2]))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def _hits(predicted: np.ndarray, codes: np.ndarray, n_classes: int) -> np.ndarray:
    """Count the right answers per class, shape (label set, time, class)."""
    n_sets, n_times, _ = predicted.shape
    right = predicted == codes[:, None, :]
    cell = (np.arange(n_sets)[:, None] * n_times + np.arange(n_times))[..., None] * n_classes + codes[:, None, :]
    return np.bincount(cell[right], minlength=n_sets * n_times * n_classes).reshape(n_sets, n_times, n_classes)


def _scores(hits: np.ndarray, truth: np.ndarray, folds: Folds) -> xr.Dataset:
    n_classes = hits.shape[3]
    # shuffles keep the number of trials of each class, in all trials though not in each fold
    pooled = (hits.sum(axis=1) / np.bincount(truth, minlength=n_classes)).mean(axis=-1)
    in_fold = np.stack([np.bincount(truth[test], minlength=n_classes) for _, test in folds.split()])[:, None, :]
    recall = np.divide(hits[0], in_fold, out=np.full(hits[0].shape, np.nan), where=in_fold > 0)
    accuracy, null = pooled[0], pooled[1:]
    return xr.Dataset(
        {
            "accuracy": ("time", accuracy),
            "accuracy_fold": (("fold", "time"), np.nanmean(recall, axis=-1)),
            "null": (("shuffle", "time"), null),
            "chance": ("time", null.mean(axis=0) if len(null) else np.full(accuracy.shape, np.nan)),
            "p_value": ("time", permutation_p(accuracy - _ROUNDING, null)),
        }
    )


def _corrected_over_time(result: xr.Dataset) -> xr.Dataset:
    """Add p against the largest null of any bin: the chance that any bin would look this good (max-T)."""
    largest = result["null"].values.max(axis=1)
    return result.assign(p_value_max=("time", permutation_p(result["accuracy"].values - _ROUNDING, largest[:, None])))


def _confusion(truth: np.ndarray, prediction: np.ndarray, n_classes: int) -> np.ndarray:
    return np.bincount(truth * n_classes + prediction, minlength=n_classes**2).reshape(n_classes, n_classes)


def _describe(result: xr.Dataset, x: xr.DataArray, **parameters: Any) -> xr.Dataset:
    for variable in result.data_vars.values():
        variable.attrs["units"] = "1"
    dropped = {name: value for name, value in x.attrs.items() if "_dropped_" in str(name)}
    result.attrs = {**provenance(x), **dropped, **parameters}
    return add_step(result, "decode", **parameters)
