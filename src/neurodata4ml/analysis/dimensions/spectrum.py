"""The variance of the signal along each dimension: the cross-validated spectrum (cvPCA), and how it decays."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr

from neurodata4ml.analysis.dimensions.parts import choose_halves
from neurodata4ml.analysis.dimensions.responses import stimulus_responses
from neurodata4ml.dims import to_matrix
from neurodata4ml.errors import DesignError, DimensionError

NOT_CONVERGED = (700, 877)
"""Stimuli and units with which Stringer et al. 2019 (extended data fig. 9) found the exponent not yet converged."""

_N_SPLITS = 10
"""Splits into halves that are averaged, each used in both directions."""


def signal_spectrum(
    x: xr.DataArray, *, ranks: tuple[int, int] = (11, 500), allow_few: str = "", seed: int = 0
) -> xr.Dataset:
    """Return the variance of the signal along the principal components of the mean responses (cvPCA).

    Components are found in one half of the trials; the variance along component k is the covariance over stimuli of
    the projections of both halves, so that noise adds nothing on average (Stringer et al. 2019, Nature 571:361,
    methods). Averaged over 10 splits, each in both directions. The sum over all components is the variance of the
    signal.

    Parameters
    ----------
    x : DataArray, dims (trial, [time,] unit) with the coordinate ``stimulus``
    ranks : (int, int)
        First and last component of the fit of the exponent, from 1; 11 to 500 as in the paper.
    allow_few : str
        A reason to fit the exponent although stimuli or units are too few; it is kept in the result.
    seed : int
        Of the splits.

    Returns
    -------
    Dataset
        ``signal_variance`` (component), may be negative; ``naive_variance`` (component) of the mean responses, noise
        included; ``signal_total`` and ``naive_total``, their sums; ``exponent`` of the decay ``rank ** -exponent``:
        NaN, with a warning that says why, unless stimuli and units are more than 700 and 877, with which it has not
        converged.

    Raises
    ------
    DesignError
        A stimulus was shown once only.
    """
    trials, means, units = stimulus_responses(x, step="dimensionality")
    if "trial" not in trials.dims:
        message = (
            'dimensionality(method="cvpca") needs single trials, dims (trial, unit), to tell signal from noise; '
            "got mean responses. Hand on what you averaged."
        )
        raise DimensionError(message)
    halves = choose_halves(trials, seed, least=1, step="dimensionality")
    if halves is None:
        message = (
            'dimensionality(method="cvpca") needs every stimulus at least twice, once in each half; some were shown '
            "once. Drop them: x.isel(trial=~x.stimulus.isin([...]).values)."
        )
        raise DesignError(message)
    spectra = []
    for first, second in halves.means(to_matrix(trials, rows="trial", columns=units), _N_SPLITS):
        spectra += [_shared_variance(first, second), _shared_variance(second, first)]
    signal = np.mean(spectra, axis=0)
    naive = np.linalg.svd(means - means.mean(axis=0), compute_uv=False)[: len(signal)] ** 2 / (len(means) - 1)
    why = "" if allow_few else _too_few(len(means), means.shape[1], ranks)
    if why:
        warnings.warn(f"dimensionality: no exponent is printed: {why}", stacklevel=4)
    return xr.Dataset(
        {
            "signal_variance": ("component", signal),
            "naive_variance": ("component", naive),
            "signal_total": signal.sum(),
            "naive_total": naive.sum(),
            "exponent": np.nan if why else decay_exponent(signal, ranks),
        },
        coords={"component": np.arange(1, len(signal) + 1)},
        attrs={
            "n_stimuli": len(means),
            "n_units": means.shape[1],
            "folds": halves.kind,
            "ranks": list(ranks),
            "no_exponent": why,
            "allow_few": allow_few,
        },
    )


def decay_exponent(variance: np.ndarray, ranks: tuple[int, int] = (11, 500)) -> float:
    """Return a of ``variance ~ rank ** -a``: a line through log variance over log rank, weighted by 1 / rank.

    Ranks from 1; components whose variance is not above zero are left out (Stringer et al. 2019). NaN with fewer
    than two.

    Examples
    --------
    >>> float(round(decay_exponent(np.arange(1.0, 101) ** -1.5), 6))
    1.5
    """
    rank = np.arange(1, len(variance) + 1, dtype=np.float64)
    used = (rank >= ranks[0]) & (rank <= ranks[1]) & (variance > 0)
    if used.sum() < 2:
        return float("nan")
    slope = np.polyfit(np.log(rank[used]), np.log(variance[used]), 1, w=rank[used] ** -0.5)[0]
    return float(-slope)


def _shared_variance(learnt: np.ndarray, told: np.ndarray) -> np.ndarray:
    """Return the covariance over stimuli of both halves' projections on the axes of the first."""
    learnt, told = learnt - learnt.mean(axis=0), told - told.mean(axis=0)
    n_components = min(len(learnt) - 1, learnt.shape[1])
    axes = np.linalg.svd(learnt, full_matrices=False)[2][:n_components]
    return np.asarray(np.sum((learnt @ axes.T) * (told @ axes.T), axis=0) / (len(learnt) - 1))


def _too_few(n_stimuli: int, n_units: int, ranks: tuple[int, int]) -> str:
    least_stimuli, least_units = NOT_CONVERGED
    if n_stimuli > least_stimuli and n_units > least_units:
        return ""
    return (
        f"{n_stimuli} stimuli and {n_units} units are too few for it (with {least_stimuli} and {least_units} it had "
        f"not converged in Stringer et al. 2019). The curve itself, signal_variance, is sound. To fit ranks {ranks[0]} "
        f'to {ranks[1]} all the same, type allow_few="your reason".'
    )
