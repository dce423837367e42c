"""Tell which of many stimuli was shown, from the responses that a model predicts for each."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.dims import add_step, match_labels, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_whole

ROUNDING = 1e-12
"""Correlations that differ by less are a tie."""


def identify(
    observed: xr.DataArray, predicted: xr.DataArray, *, apart: float = 0.0, n_shuffles: int = 999, seed: int = 0
) -> xr.Dataset:
    """Tell which sample was seen: the one whose predicted response is most like the observed.

    Units are z-scored over samples on each side, so that busy ones do not decide alone; what is alike is the Pearson
    correlation over units of the observed response to one sample with those predicted for all. A score of nothing is
    known beforehand: one of the candidates is as likely as another, so half of them are beaten. Source: Kay, Naselaris,
    Prenger & Gallant 2008, Nature 452:352, doi:10.1038/nature06713.

    Parameters
    ----------
    observed : DataArray (stimulus, unit) or (time, unit)
        Responses, or features; what a model was fitted to must not be among them.
    predicted : DataArray, same dims
        Predictions for samples that the model has not seen: ``encode(..., prediction=True).prediction``. Samples and
        units are matched by label; where either is NaN, the sample or the unit is left out and counted.
    apart : float, s
        Candidates within this time of a sample are not among its rivals: neighbours in a movie look alike. 0 for
        samples that are no times.
    n_shuffles : int
        Of the labels of candidates; of times, shifts by more than ``apart`` that do not wrap around, and at most as
        many as there are.
    seed : int
        Draws the shuffles: same seed, same bits.

    Returns
    -------
    Dataset, dims (<sample>[, candidate])
        ``similarity`` (sample, candidate): correlations. ``rank`` (sample): 1 is best, ties count half.
        ``told`` (sample): the label of the most similar candidate. ``accuracy``: share of ranks of 1, and ``chance``
        its expectation. ``beaten``: mean share of rivals that are less similar, 0.5 by chance, with ``p_value`` from
        ``null`` (shuffle); NaN where no shift is longer than ``apart``.

    Raises
    ------
    DimensionError
        Not two arrays (stimulus, unit) or (time, unit), or no labels in common.
    DesignError
        Fewer than 3 samples or 2 units that vary; ``apart`` for samples without time, or so long that a sample has no
        rival.

    Examples
    --------
    >>> seen = xr.DataArray(np.eye(4), dims=("stimulus", "unit"), coords={"stimulus": [3, 5, 6, 9], "unit": range(4)})
    >>> identify(seen, 2 * seen).told.values.tolist()
    [3, 5, 6, 9]
    """
    require_whole(n_shuffles, "n_shuffles", least=1)
    require_whole(seed, "seed", least=0)
    one, two, left_out = _matched(observed, predicted)
    dim = str(one.dims[0])
    similarity = _correlations(one.values, two.values)
    distance = _distance(one[dim], apart)
    rival = ~np.eye(len(similarity), dtype=bool) & (distance > apart)
    n_rivals = rival.sum(axis=1)
    if not n_rivals.all():
        message = f"apart={apart:g} s leaves no rival for {int((n_rivals == 0).sum())} of {len(rival)} samples."
        raise DesignError(message)
    lead = similarity - np.diag(similarity)[:, None]
    ahead = (rival & (lead > ROUNDING)).sum(axis=1) + 0.5 * (rival & (np.abs(lead) <= ROUNDING)).sum(axis=1)
    shares = _shares_beaten(similarity)
    null = _null(shares, distance, apart, dim, n_shuffles, np.random.default_rng(seed))
    labels = one[dim].values
    found = xr.Dataset(
        {
            "similarity": ((dim, "candidate"), similarity),
            "rank": (dim, 1 + ahead),
            "told": (dim, labels[similarity.argmax(axis=1)]),
            "accuracy": ((), float(np.mean(ahead < 0.5))),
            "chance": ((), float(np.mean(1 / (1 + n_rivals)))),
            "beaten": ((), float(np.mean(1 - ahead / n_rivals))),
            "p_value": ((), _p_value(null, float(np.diag(shares).mean()))),
            "null": ("shuffle", null),
        },
        coords={dim: labels, "candidate": labels},
        attrs={**provenance(observed), "units": "1", "left_out": left_out, "apart": float(apart)},
    )
    return add_step(found, "identify", apart=apart, n_shuffles=n_shuffles, seed=seed)


def _p_value(null: np.ndarray, seen: float) -> float:
    return float((1 + (null >= seen - ROUNDING).sum()) / (1 + len(null))) if len(null) else float("nan")


def _matched(observed: xr.DataArray, predicted: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray, str]:
    for x in (observed, predicted):
        require_array(x, step="identify")
        require_dims(x, "unit", step="identify", hint="What is compared over is the dim unit.")
    dims = [str(dim) for dim in observed.dims if dim != "unit"]
    if len(dims) != 1 or set(observed.dims) != set(predicted.dims):
        message = (
            f"identify takes two arrays (stimulus, unit) or (time, unit); got {tuple(observed.dims)} and "
            f"{tuple(predicted.dims)}. Average repeats first: average_by(x)."
        )
        raise DimensionError(message)
    dim = dims[0]
    one, two = match_labels(observed.transpose(dim, "unit"), predicted.transpose(dim, "unit"), dim, step="identify")
    one, two = match_labels(one, two, "unit", step="identify")
    known = np.isfinite(one.values) & np.isfinite(two.values)
    sample = known.any(axis=1)
    unit = known[sample].all(axis=0)
    spread = [x.values[np.ix_(sample, unit)].std(axis=0) > 0 for x in (one, two)]
    unit[unit] = spread[0] & spread[1]
    n = {"samples": int((~sample).sum()), "units": int((~unit).sum())}
    if sample.sum() < 3 or unit.sum() < 2:
        message = (
            f"identify needs 3 samples and 2 units that vary and are known on both sides; "
            f"got {int(sample.sum())} and {int(unit.sum())}."
        )
        raise DesignError(message)
    left_out = ", ".join(f"{count} {what}" for what, count in n.items() if count) or "none"
    one, two = one[sample][:, unit], two[sample][:, unit]
    return (one.sortby("time"), two.sortby("time"), left_out) if dim == "time" else (one, two, left_out)


def _correlations(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    rows = []
    for x in (one.astype(float), two.astype(float)):
        z = (x - x.mean(axis=0)) / x.std(axis=0)
        z -= z.mean(axis=1, keepdims=True)
        length = np.linalg.norm(z, axis=1, keepdims=True)
        rows.append(z / np.where(length > 0, length, 1.0))
    return np.asarray(rows[0] @ rows[1].T)


def _distance(label: xr.DataArray, apart: float) -> np.ndarray:
    """Return seconds between samples; without time, all are infinitely far."""
    if label.name == "time":
        return np.asarray(np.abs(np.subtract.outer(label.values, label.values)))
    if apart:
        message = f"apart={apart!r} is a time, and these samples are {label.name}. Leave it out."
        raise DesignError(message)
    return np.full((label.size, label.size), np.inf)


def _shares_beaten(similarity: np.ndarray) -> np.ndarray:
    """Return for each candidate of each sample the share of the other candidates that are less similar."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(similarity, axis=1) - 1) / (similarity.shape[1] - 1))


def _null(
    shares: np.ndarray, distance: np.ndarray, apart: float, dim: str, n_shuffles: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the mean share beaten by wrong candidates: any, or those a shift away."""
    n = len(shares)
    if dim != "time":
        return np.array([shares[np.arange(n), rng.permutation(n)].mean() for _ in range(n_shuffles)])
    longest = n // 2
    shifts: Any = [k for k in range(1, longest + 1) if distance[0, k] > apart]
    both = np.array([*shifts, *(-k for k in shifts)])
    if len(both) > n_shuffles:
        both = rng.choice(both, n_shuffles, replace=False)
    return np.array([np.diag(shares, k).mean() for k in both])
