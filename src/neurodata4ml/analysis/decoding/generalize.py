"""Learn at one time, test at every other: whether a code stays the same over the course of a trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from neurodata4ml.analysis.decoding.answer import answer
from neurodata4ml.analysis.decoding.options import Options
from neurodata4ml.analysis.decoding.result import described, scores
from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.null import Null
from neurodata4ml.analysis.inference.corrections import cluster_mass

DIMS = ("time", "time_test")


def generalize(
    x: xr.DataArray,
    target: str = "stimulus",
    *,
    decoder: Any = "lda",
    n_folds: int = 5,
    folds: Folds | Any = None,
    n_shuffles: int = 99,
    null: Null | str | None = None,
    nested: bool | Mapping[str, Any] | None = None,
    scoring: str | None = None,
    confounds: str | Sequence[str] | None = None,
    correction: str | None = "cluster",
    allow_leak: str | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
) -> xr.Dataset:
    """Decode with one decoder for each time, tested on all times of trials not learnt from (temporal generalisation).

    A code that stays the same decodes far off the diagonal; one that passes from units to units decodes near it only
    (King & Dehaene 2014, Trends Cogn. Sci. 18:203). The diagonal is ``decode(x, target, over="time")`` with the same
    folds. Each decoder is fitted once in each fold and for each shuffle, and tested on all times. One that learnt at a
    time without a code still weighs units somehow, and at a time with a code may be off chance, to either side: an
    entry off the diagonal speaks of a shared code only where both its times decode by themselves.

    Parameters
    ----------
    x : DataArray, dims (trial, time, unit)
        Counts or rates. Blank and invalid trials are dropped. NaN is refused.
    target : str
        The coordinate on ``trial`` to predict.
    correction : "cluster", "max-t" or "none"
        How p is corrected for the whole matrix. "cluster": see ``cluster_mass``; a small p says that the matrix holds
        an effect, not where exactly its cluster begins or ends.
    decoder, n_folds, folds, n_shuffles, null, nested, scoring, confounds, allow_leak, seed, n_jobs
        See ``decode``.

    Returns
    -------
    Dataset
        Over ``time`` (learnt from) and ``time_test`` (tested): ``score``, ``score_fold`` (fold, ...), ``null``
        (shuffle, ...), ``chance``, ``low``, ``high`` (of each entry by itself), ``p_value``, ``p_value_corrected`` and,
        with clusters, ``cluster``: their numbers from 1, 0 outside.

    Raises
    ------
    DimensionError
        No ``time``, no such coordinate, or a continuous recording.
    DesignError
        See ``decode``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> side = rng.permutation(np.arange(60) % 2)
    >>> rate = 3.0 + 7.0 * side[:, None, None] * np.array([0, 1, 1])[:, None] * np.array([1, 0])
    >>> x = xr.DataArray(rng.poisson(rate), dims=("trial", "time", "unit"), coords={"time": [0.0, 0.1, 0.2]})
    >>> result = generalize(x.assign_coords(side=("trial", side)), "side", n_shuffles=19)
    >>> (result.score > 0.8).values.astype(int)
    array([[0, 0, 0],
           [0, 1, 1],
           [0, 1, 1]])
    """
    options = Options(
        decoder, n_folds, folds, n_shuffles, null, nested, scoring, confounds, correction, allow_leak, seed, n_jobs
    )
    answered = answer(x, target, options, over="time", across_times=True, step="generalize")
    result = scores(answered, DIMS)
    if correction == "cluster":
        sign, found = answered.score.sign, answered.found
        result["cluster"] = (DIMS, cluster_mass(sign * found.score, sign * found.null)[1])
    times = answered.question.x.coords["time"]
    result = result.assign_coords(time=times, time_test=("time_test", times.values, times.attrs))
    return described(result, answered, step="generalize", correction=correction)
