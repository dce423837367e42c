"""How many dimensions do population responses fill, and which: latent components and participation ratios."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import xarray as xr

from neurodata4ml.analysis.linear.stimuli import fold_labels, sum_cells
from neurodata4ml.analysis.responses import average_by, trial_labels
from neurodata4ml.dims import add_step, feature_dim, presented, provenance, to_matrix
from neurodata4ml.errors import DesignError, DimensionError

_N_SPLITS = 50
"""Splits into halves that are averaged: more change the result by less than its own error."""


_SLACK = 0.05
"""A ratio this far (relatively) past a bound is the estimate of one that lies at it: a line gives 0.99 or 1.01."""


def latents(x: xr.DataArray, *, reducer: str = "pca", n_components: int = 3, seed: int = 0) -> xr.Dataset:
    """Summarise many units by a few components: each sample gets a position in a low-dimensional space.

    Parameters
    ----------
    x : DataArray with one dim of units (or features); all other dims are samples
        Single trials, or mean responses over time such as ``average_by(firing_rate(counts, over=None))``, whose
        components are trajectories. Blank and invalid trials are dropped.
    reducer : str
        A key of ``REDUCERS``: "pca" keeps most variance; "fa" (factor analysis) keeps what units share, and leaves
        each unit its private noise.
    n_components : int
        Three can be drawn.
    seed : int
        For reducers with chance in them.

    Returns
    -------
    Dataset
        ``latents`` (samples, component), in the units of x; ``loadings`` (component, unit); ``explained_variance``
        (component), as a fraction of the total variance. The largest loading of a component is positive.

    Raises
    ------
    DesignError
        Unknown reducer, more components than the data allow, NaN, or no variance at all.

    Examples
    --------
    >>> x = xr.DataArray([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], dims=("stimulus", "unit"))
    >>> latents(x, n_components=1).latents.values.ravel()
    array([-5.,  0.,  5.])
    """
    if reducer not in REDUCERS:
        message = f"latents knows the reducers {', '.join(REDUCERS)}; got {reducer!r}."
        raise DesignError(message)
    x = presented(x, step="latents")
    units = feature_dim(x, step="latents")
    samples = [str(dim) for dim in x.dims if dim != units]
    matrix = to_matrix(x, rows=samples, columns=units)
    _require_variance(matrix, n_components)
    scores, loadings, explained = REDUCERS[reducer](matrix, n_components, seed)
    sign = np.sign(loadings[np.arange(n_components), np.abs(loadings).argmax(axis=1)])
    sign[sign == 0] = 1.0
    shape = (*(x.sizes[dim] for dim in samples), n_components)
    result = xr.Dataset(
        {
            "latents": ((*samples, "component"), (scores * sign).reshape(shape), {"units": x.attrs.get("units", "1")}),
            "loadings": (("component", units), loadings * sign[:, None], {"units": "1"}),
            "explained_variance": ("component", explained, {"units": "1"}),
        },
        coords={**x.coords, "component": np.arange(1, n_components + 1)},
        attrs={**provenance(x), "reducer": reducer, "n_samples": len(matrix), "n_units": matrix.shape[1]},
    )
    return add_step(result, "latents", reducer=reducer, n_components=n_components, seed=seed)


def dimensionality(x: xr.DataArray, *, seed: int = 0) -> xr.Dataset:
    """Estimate how many dimensions the mean responses to the stimuli fill: the participation ratio.

    With C the covariance of mean responses over stimuli, PR = tr(C)^2 / tr(C^2): N for N equally strong dimensions,
    1 for one. The plain PR has two biases: noise left in the means looks like more dimensions, and few stimuli T
    cannot show more than they are: white noise of N units gives T N / (T + N), not N (``bias_limit``). The
    cross-validated PR removes the first: tr(C)^2 and tr(C^2) of the *signal* come from products of trials in
    different folds, each factor from its own half of the folds, so that no noise meets itself::

        PR_cv = < tr(H G_A H) tr(H G_B H) > / < tr(H G_A H . H G_B H) >

    with ``G = linear.cross_gram``, H the centring over stimuli, < > the mean over 50 splits of folds into halves.

    Parameters
    ----------
    x : DataArray, dims (trial, [time,] unit) with the coordinate ``stimulus``, or mean responses (stimulus, unit)
        Time is averaged. Blank and invalid trials are dropped.
    seed : int
        Of the splits.

    Returns
    -------
    Dataset of single numbers
        ``participation_ratio`` (of the mean responses as they are), ``bias_limit``, and for trials
        ``participation_ratio_cv``: NaN, with a warning, where a stimulus has fewer than four folds, no signal is
        left, or the ratio is none that can be: below 1, or above the number of units or of stimuli less one (by
        5 %; closer ones are set to that bound). ``attrs["folds"]``: "block" or "trial".

    Raises
    ------
    DimensionError
        Neither trials nor stimuli.
    DesignError
        Fewer than two stimuli, trials without a label, or NaN.
    """
    trials = presented(x, step="dimensionality")
    units = feature_dim(trials, step="dimensionality")
    if "time" in trials.dims:
        trials = trials.mean("time", dtype=np.float64, skipna=False)
    if not {"trial", "stimulus"} & set(trials.dims):
        message = (
            f'dimensionality needs a "trial" dim with the coordinate \'stimulus\', or a "stimulus" dim; '
            f"got ({', '.join(map(str, x.dims))})."
        )
        raise DimensionError(message)
    if "trial" in trials.dims:
        trial_labels(trials, "stimulus", step="dimensionality")
    means = to_matrix(average_by(trials) if "trial" in trials.dims else trials, rows="stimulus", columns=units)
    n_stimuli, n_units = means.shape
    if n_stimuli < 2 or not np.isfinite(means).all():
        message = (
            f"dimensionality needs at least 2 stimuli and no NaN; got {n_stimuli} stimuli and "
            f"{int((~np.isfinite(means)).sum())} NaN. Drop units with x.dropna('unit')."
        )
        raise DesignError(message)
    gram = _centre(means @ means.T)
    result = xr.Dataset(
        {
            "participation_ratio": _ratio(np.trace(gram) ** 2, np.sum(gram**2)),
            "bias_limit": n_stimuli * n_units / (n_stimuli + n_units),
        },
        attrs={
            **provenance(trials),
            "n_stimuli": n_stimuli,
            "n_units": n_units,
            "bias": "participation_ratio counts noise as dimensions and cannot exceed what the stimuli span; white "
            "noise of this size gives bias_limit; participation_ratio_cv is free of noise, not of few stimuli",
        },
    )
    if "trial" in trials.dims:
        result["participation_ratio_cv"], result.attrs["folds"] = _without_noise(trials, units, seed)
    for variable in result.data_vars.values():
        variable.attrs["units"] = "1"
    return add_step(result, "dimensionality", seed=seed)


def _pca(matrix: np.ndarray, n_components: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, loadings and fractions of variance from the largest principal axes; no chance in it."""
    centred = matrix - matrix.mean(axis=0)
    if len(matrix) > 4 * matrix.shape[1]:
        # many samples: the small covariance has the same axes and needs no copy of the data
        variance, axes = np.linalg.eigh(centred.T @ centred)
        variance, loadings = variance[::-1], axes[:, ::-1].T
    else:
        singular, loadings = np.linalg.svd(centred, full_matrices=False)[1:]
        variance = singular**2
    loadings = loadings[:n_components]
    return centred @ loadings.T, loadings, variance[:n_components] / np.sum(centred**2)


def _factor_analysis(matrix: np.ndarray, n_components: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return posterior means of the factors, their loadings, and the fraction of variance that each explains."""
    from sklearn.decomposition import FactorAnalysis

    spread = matrix.std(axis=0)
    spread[spread == 0] = 1.0
    # the likelihood does not care about the scale of a unit, but its climb, which starts at equal noise, does
    model = FactorAnalysis(n_components, svd_method="lapack", tol=1e-4, max_iter=5000, random_state=seed)
    scores = model.fit_transform(matrix / spread)
    loadings = model.components_ * spread
    strength = np.sum(loadings**2, axis=1)
    order = np.argsort(-strength, kind="stable")
    return scores[:, order], loadings[order], strength[order] / np.sum(matrix.var(axis=0))


REDUCERS: dict[str, Callable[[np.ndarray, int, int], tuple[np.ndarray, np.ndarray, np.ndarray]]] = {
    "pca": _pca,
    "fa": _factor_analysis,
}
"""Reducers by name: (samples by units, n_components, seed) -> scores, loadings, fraction of variance explained."""


def _require_variance(matrix: np.ndarray, n_components: int) -> None:
    n_samples, n_units = matrix.shape
    n_bad = int((~np.isfinite(matrix)).sum())
    if n_bad:
        message = f"latents cannot read NaN: {n_bad} of {matrix.size} values. Drop units with x.dropna('unit')."
        raise DesignError(message)
    most = max(0, min(n_samples - 1, n_units))
    if not 1 <= n_components <= most:
        message = (
            f"{n_samples} samples of {n_units} units have at most {most} components; got n_components={n_components}."
        )
        raise DesignError(message)
    if np.ptp(matrix, axis=0).max() == 0:
        message = f"latents finds no variance: each of the {n_units} units answers the same to all {n_samples} samples."
        raise DesignError(message)


def _without_noise(trials: xr.DataArray, units: str, seed: int) -> tuple[float, str]:
    """Return the participation ratio of the signal, and what the folds were."""
    labels = trial_labels(trials, "stimulus", step="dimensionality")
    folds, kind = fold_labels(trials, step="dimensionality")
    in_half = None if kind == "trial" else _halves(labels, folds, seed)
    if in_half is None:
        kind, folds = "trial", _repeat(labels)
        in_half = _halves(labels, folds, seed)
    if in_half is None:
        rarest = int(np.unique(labels, return_counts=True)[1].min())
        message = (
            f"dimensionality: no cross-validated participation ratio, because a stimulus was shown only {rarest} "
            f"times; two halves with two folds each need 4."
        )
        warnings.warn(message, stacklevel=3)
        return float("nan"), kind
    grams = _half_grams(to_matrix(trials, rows="trial", columns=units), labels, folds, in_half)
    total = np.trace(grams, axis1=2, axis2=3)
    ratio = _ratio(float(np.mean(total[0] * total[1])), float(np.vdot(grams[0], grams[1])) / grams.shape[1])
    most, reason = min(trials.sizes[units], grams.shape[-1] - 1), ""
    if not (ratio > 0 and total.mean() > 0):
        reason = "no signal is left without the noise"
    elif not 1 - _SLACK <= ratio <= (1 + _SLACK) * most:
        reason = f"too little signal is left without the noise: the estimate, {ratio:.3g}, is not within 1 to {most}"
    if reason:
        warnings.warn(f"dimensionality: no cross-validated participation ratio, because {reason}.", stacklevel=3)
    return float("nan") if reason else min(max(ratio, 1.0), float(most)), kind


def _repeat(labels: np.ndarray) -> np.ndarray:
    """Return how often the stimulus of each trial was shown before."""
    order = np.argsort(labels, kind="stable")
    counts = np.unique(labels, return_counts=True)[1]
    repeat = np.empty(len(labels), dtype=np.int64)
    repeat[order] = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    return repeat


def _halves(labels: np.ndarray, folds: np.ndarray, seed: int) -> np.ndarray | None:
    """Return which folds lie in half A (split, fold), where each stimulus has two folds in both halves; or None.

    Neighbouring folds are parted by a coin, so that both halves see the whole session. The coin belongs to the fold's
    name: a jackknife that leaves a fold out finds the others where they were, and adds no scatter of its own.
    """
    names, fold = np.unique(folds, return_inverse=True)
    stimulus = np.unique(labels, return_inverse=True)[1]
    shown = np.zeros((stimulus.max() + 1, len(names)), dtype=np.int64)
    shown[stimulus, fold] = 1
    whole = names.dtype.kind in "iuf" and bool(np.all(names == np.floor(names)) and names.min() >= 0)
    place = names.astype(np.int64) if whole else np.arange(len(names))
    coins = [np.random.default_rng([seed, pair]).integers(0, 2, _N_SPLITS) for pair in place // 2]
    in_a = (np.stack(coins, axis=1) + place) % 2
    enough = ((in_a @ shown.T >= 2) & ((1 - in_a) @ shown.T >= 2)).all(axis=1)
    return in_a[enough] if enough.any() else None


def _half_grams(values: np.ndarray, labels: np.ndarray, folds: np.ndarray, in_a: np.ndarray) -> np.ndarray:
    """Return centred ``cross_gram`` of both halves of every split (half, split, stimulus, stimulus), sharing sums."""
    cells = sum_cells(values, labels, folds)
    n_stimuli, n_folds = len(cells.stimuli), in_a.shape[1]
    sums, counts = np.zeros((n_folds, n_stimuli, values.shape[1])), np.zeros((n_folds, n_stimuli, 1))
    sums[cells.fold, cells.stimulus], counts[cells.fold, cells.stimulus, 0] = cells.sums, cells.counts
    halves = np.stack([in_a, 1 - in_a]).reshape(-1, n_folds).astype(np.float64)
    grams = _centre(_products_across(sums, halves) / _products_across(counts, halves))
    return grams.reshape(2, -1, n_stimuli, n_stimuli)


def _products_across(sums: np.ndarray, halves: np.ndarray) -> np.ndarray:
    """Return sum_{k != l} s_ik . s_jl over the folds k, l of each half (half, stimulus, stimulus)."""
    n_folds, n_stimuli, n_columns = sums.shape
    within = halves @ (sums @ sums.transpose(0, 2, 1)).reshape(n_folds, -1)
    total = (halves @ sums.reshape(n_folds, -1)).reshape(-1, n_stimuli, n_columns)
    across = total @ total.transpose(0, 2, 1)
    across -= within.reshape(across.shape)
    return np.asarray(across)


def _centre(gram: np.ndarray) -> np.ndarray:
    """Return H G H: the inner products after the mean over stimuli is taken out."""
    rows = gram.mean(axis=-1, keepdims=True)
    return np.asarray(gram - rows - rows.swapaxes(-1, -2) + rows.mean(axis=-2, keepdims=True))


def _ratio(square_of_trace: float, trace_of_square: float) -> float:
    return float(square_of_trace / trace_of_square) if trace_of_square > 0 else float("nan")
