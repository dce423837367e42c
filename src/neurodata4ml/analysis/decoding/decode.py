"""Read a label or a quantity out of population responses, cross-validated, beside what chance alone would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from neurodata4ml.analysis.decoding.answer import answer
from neurodata4ml.analysis.decoding.decoders import DECODERS
from neurodata4ml.analysis.decoding.options import Options
from neurodata4ml.analysis.decoding.result import described, predictions, read_from, scores
from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.null import Null

__all__ = ["DECODERS", "decode"]


def decode(
    x: xr.DataArray,
    target: str = "stimulus",
    *,
    decoder: Any = "lda",
    over: str | None = None,
    n_folds: int = 5,
    folds: Folds | Any = None,
    n_shuffles: int = 99,
    null: Null | str | None = None,
    nested: bool | Mapping[str, Any] | None = None,
    scoring: str | None = None,
    confounds: str | Sequence[str] | None = None,
    correction: str | None = "max-t",
    allow_leak: str | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
) -> xr.Dataset:
    """Predict a label, or a quantity, of each sample from its population response, in samples not learnt from.

    Classes are read by a classifier; a continuous target (speed, position) by a regression. Chance is not assumed:
    labels are shuffled as the design could have dealt them (``permutation_null``), and every step that sees labels is
    done again for each shuffle: the fit, the choice of hyper-parameters, class-balanced folds.

    Parameters
    ----------
    x : DataArray, dims (trial, [time,] unit), or (time, unit) of a continuous recording
        Counts or rates. Blank and invalid trials are dropped. NaN is refused.
    target : str
        The coordinate of the samples (trials; bins of a continuous recording) to predict.
    decoder : str or scikit-learn estimator
        A key of ``DECODERS`` or an estimator of your own, cloned for every fit, its parameters left as they are.
    over : None or "time"
        None: one decoder on the mean over time. "time": one for each bin, all with the same folds and shuffles.
    n_folds : int
        See ``splits``, which makes the folds: never shuffled trials, whole blocks where there are blocks.
    folds : Folds or scikit-learn splitter, optional
        Folds of your own, held to the same rules. A list of Folds, or a repeated splitter, is averaged over.
    n_shuffles : int
        The smallest p is 1 / (1 + n_shuffles). With 0, chance and p are NaN. A design of few arrangements gives its own
        number (``attrs["n_shuffles"]``).
    null : Null or str, optional
        A null of your own, or the name of a scheme; see ``permutation_null``.
    nested : bool or mapping of parameter to values, optional
        Whether hyper-parameters are chosen inside the training samples of each fold, the other folds held out in turn,
        by their mean ``scoring`` (ridge: by squared error, as scikit-learn's ``RidgeCV``). True: those of ``DECODERS``
        (the first of equals, simplest first). None: for "ridge" alone, where all strengths cost little more than
        one; others keep one fixed value, which has seen no label (logistic C = 1, svm C = 0.1, knn 5 neighbours). The
        choice is in ``chosen``.
    scoring : str, optional
        A key of ``SCORES`` (classes: "balanced_accuracy" (default), "auc", "accuracy"; continuous: "r2" (default),
        "r", "median_error"), which says how folds are pooled; or a scorer of scikit-learn that asks for predictions.
    confounds : str or list of str, optional
        Coordinates of the samples, such as running speed, whose linear trace is taken out of the responses: learnt
        from the training samples of each fold (the outer ones), applied to its test samples.
    correction : "max-t", "cluster" or "none"
        How p over time is corrected for all bins looked at.
    allow_leak : str, optional
        Why folds that leak are wanted all the same; printed in ``attrs["leak"]``.
    seed : int
        Of the shuffles, and of folds where chance decides.
    n_jobs : int, optional
        Threads; all cores when left out. The result has the same bits for any number.

    Returns
    -------
    Dataset
        ``score`` ([time]), pooled over folds; ``score_fold`` (fold[, time]) (their spread is no confidence interval:
        folds share training samples), ``score_repeat`` (repeat[, time]) where folds were dealt several times;
        ``null`` (shuffle[, time]); ``chance`` ([time]), the mean of the null; ``low``, ``high`` ([time]), the 95 %
        interval (a jackknife over blocks or stretches of time, widened for the training samples that folds share; see
        ``accuracy_interval``); ``p_value`` ([time]) = (1 + #{null >= score}) / (1 + n_shuffles), NaN where the design
        allows none (``attrs["no_p"]`` says why). Over time also ``p_value_corrected``. Otherwise ``prediction``
        (sample), ``confusion`` (true, predicted) and, where the decoder is linear, ``weights`` and ``pattern``
        (class, unit) of a decoder fitted on all samples. Where inner folds chose: ``chosen`` (fold[, time]).

    Raises
    ------
    DimensionError
        No such coordinate, or dims that are neither samples, time nor units.
    DesignError
        Fewer than two classes, a class with fewer trials than folds, labels that follow blocks or time, folds that
        leak, no units, NaN in responses or confounds, an unknown name, a decoder that does not fit the target.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> side = rng.permutation(np.tile(["left", "right"], 40))
    >>> x = xr.DataArray(rng.poisson(np.where(side == "left", 2, 6)[:, None], (80, 5)), dims=("trial", "unit"))
    >>> result = decode(x.assign_coords(side=("trial", side)), "side", n_shuffles=19)
    >>> bool(result.score > 0.9), float(result.p_value)
    (True, 0.05)
    """
    options = Options(
        decoder, n_folds, folds, n_shuffles, null, nested, scoring, confounds, correction, allow_leak, seed, n_jobs
    )
    found = answer(x, target, options, over=over)
    result = scores(found, () if over is None else (over,))
    if over is None:
        result = result.merge(predictions(found)).merge(read_from(found))
    else:
        result = result.assign_coords(time=found.question.x.coords["time"])
    return described(result, found, step="decode", over=over)
