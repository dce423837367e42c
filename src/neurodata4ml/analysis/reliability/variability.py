"""How responses vary from trial to trial: with one another, and with a covariate such as running."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.reliability.trials import (
    by_unit_within_reach,
    products_back,
    shown_trials,
    why_undefined,
)
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.analysis.similarity.representations import trial_values
from neurodata4ml.dims import add_step, provenance, require_array, require_dims, to_matrix
from neurodata4ml.errors import DesignError, DimensionError


def trial_variability(x: xr.DataArray) -> xr.Dataset:
    """Variance of each unit over repeats of a stimulus, and its correlation across units.

    Residuals around the mean response to each stimulus are pooled over stimuli, with trials minus stimuli degrees of
    freedom. The mean off-diagonal correlation is the "noise correlation" (Cohen & Kohn 2011, Nat Neurosci 14:811).

    Parameters
    ----------
    x : DataArray, dims (trial, unit)
        Responses with the coordinate ``stimulus``; blanks and invalid trials are left out.

    Returns
    -------
    Dataset
        ``variance`` (unit) and ``covariance`` (unit, unit2) in squared units of ``x``; ``noise_correlation``,
        unitless, the mean over pairs of units that vary. ``attrs["undefined"]`` says what is NaN, and why.

    Raises
    ------
    DesignError
        If no stimulus is repeated, trials have no label, or values are no real numbers.
    DimensionError
        No labelled array (trial, unit).
    """
    residual, freedom, exponent, x = _residuals(x, step="trial_variability")
    covariance = residual.T @ residual / freedom
    spread = np.sqrt(np.diag(covariance))
    varies = spread > 0
    correlation = covariance[np.ix_(varies, varies)] / np.outer(spread[varies], spread[varies])
    pairs = correlation[np.triu_indices(len(correlation), 1)]
    missing = np.isnan(residual).any(axis=0)
    covariance = products_back(covariance, exponent)
    lost = np.isnan(np.diag(covariance)) & ~missing
    undefined = [
        *why_undefined(missing, "NaN in some trials"),
        *why_undefined(lost, "variances are no numbers in the units of the responses; divide these first"),
        *([] if len(pairs) else ["noise_correlation: fewer than 2 units vary"]),
    ]
    found = xr.Dataset(
        {
            "variance": ("unit", np.diag(covariance)),
            "covariance": (("unit", "unit2"), covariance),
            "noise_correlation": pairs.mean() if len(pairs) else np.nan,
        },
        coords={"unit": x["unit"], "unit2": x["unit"].values},
        attrs={**provenance(x), "degrees_of_freedom": freedom, "undefined": "; ".join(undefined)},
    )
    return add_step(found, "trial_variability")


def noise_correlations(x: xr.DataArray) -> xr.DataArray:
    """Correlation of every two units from trial to trial, with the stimulus taken out.

    The residuals are those of ``trial_variability``; pairs of one area are told from pairs of two by ``area`` and
    ``area2``. Correlations of counts grow with the counts and with the window (Cohen & Kohn 2011, Nature Neuroscience
    14:811): compare areas with as many spikes in as long a window. What drifts over a session is in them, too.

    Parameters
    ----------
    x : DataArray, dims (trial, unit)
        Responses with the coordinate ``stimulus``; blanks and invalid trials are left out.

    Returns
    -------
    DataArray, dims (unit, unit2), unitless
        NaN on the diagonal, for units that do not vary, and for units with NaN.

    Raises
    ------
    DesignError
        If no stimulus is repeated, trials have no label, or values are no real numbers.
    DimensionError
        No labelled array (trial, unit).
    """
    residual, freedom, _, shown = _residuals(x, step="noise_correlations")
    spread = np.sqrt((residual**2).sum(axis=0))
    z = residual / np.where(spread > 0, spread, np.nan)
    found = z.T @ z
    np.fill_diagonal(found, np.nan)
    homes = {f"area{k}": (f"unit{k}", shown["area"].values) for k in ("", "2")} if "area" in shown.coords else {}
    units = {f"unit{k}": shown["unit"].values for k in ("", "2")}
    out = xr.DataArray(found, dims=("unit", "unit2"), coords={**units, **homes}, name="noise_correlation")
    out.attrs = {**provenance(x), "units": "1", "degrees_of_freedom": freedom}
    return add_step(out, "noise_correlations")


def modulation(x: xr.DataArray, by: xr.DataArray) -> xr.Dataset:
    """Relative rise of the summed response per unit of a covariate, given the stimulus and the block.

    Least squares of the population count on ``by`` with a mean for every stimulus and every block, so that neither
    the stimuli shown while running nor slow drift counts as an effect; divided by the mean population count.

    Parameters
    ----------
    x : DataArray, dims (trial, unit)
        Responses with the coordinates ``stimulus`` and, where there are blocks, ``block``.
    by : DataArray, dims (trial,)
        The covariate, e.g. mean running speed in each trial.

    Returns
    -------
    Dataset
        ``gain``, in 1 / units of ``by``; ``mean``, the mean response over trials and units; and ``mean_error``, the
        standard error of that mean from what stimulus, block and covariate leave unexplained.

    Raises
    ------
    DesignError
        If the covariate does not vary within stimuli and blocks, or is NaN, or responses are; trials have no label.
    DimensionError
        No labelled arrays, or trials of ``x`` that ``by`` lacks.
    """
    x = shown_trials(x, step="modulation")
    covariate, per = _scaled(_covariate(by, x))
    total, by_power = _scaled(trial_values(x, step="modulation"))
    total = total.sum(axis=1)
    design = _indicators(x)
    both = np.column_stack([covariate, total])
    # the normal equations: counts of trials, small whole numbers, and so well conditioned
    coefficients, _, rank, _ = np.linalg.lstsq(design.T @ design, design.T @ both, rcond=None)
    rest, response = (both - design @ coefficients).T
    if rest @ rest <= 1e-12 * (1 + covariate @ covariate):
        message = "modulation: the covariate does not vary within stimuli and blocks; its effect cannot be told apart."
        raise DesignError(message)
    slope = (rest @ response) / (rest @ rest)
    unexplained = response - slope * rest
    freedom, mean = len(total) - rank - 1, float(total.mean())
    error = np.sqrt(unexplained @ unexplained / freedom / len(total)) if freedom > 0 else np.nan
    gain = np.ldexp(slope / mean, -per) if mean else np.nan
    undefined = [
        *([] if mean else ["gain: the mean response is 0"]),
        *([] if freedom > 0 else ["mean_error: as many stimuli and blocks as trials"]),
    ]
    back = {"mean": mean, "mean_error": error}
    found = xr.Dataset(
        {"gain": gain, **{name: np.ldexp(value / x.sizes["unit"], by_power) for name, value in back.items()}},
        attrs={**provenance(x), "undefined": "; ".join(undefined)},
    )
    return add_step(found, "modulation", by=str(by.name))


def _covariate(by: xr.DataArray, x: xr.DataArray) -> np.ndarray:
    """Return the covariate of every trial of ``x``, found by its label."""
    require_array(by, step="modulation")
    if by.dims != ("trial",):
        message = f"modulation takes a covariate (trial); got ({', '.join(map(str, by.dims))}). Average: by.mean(...)."
        raise DimensionError(message)
    if by.dtype.kind not in "biuf":
        message = f"modulation: the covariate is of the type {by.dtype}, no number. Type by.astype(float)."
        raise DesignError(message)
    missing = int((~np.isin(x["trial"].values, by["trial"].values)).sum())
    if missing:
        message = (
            f"modulation finds trials by label, and the covariate lacks {missing} of {x.sizes['trial']}. Measure it in "
            f"these too, or leave them out: x.sel(trial=by.trial)."
        )
        raise DimensionError(message)
    covariate = np.asarray(by.sel(trial=x["trial"]).values, dtype=float)
    if not np.isfinite(covariate).all():
        message = f"modulation: the covariate is NaN in {int((~np.isfinite(covariate)).sum())} trials; drop them first."
        raise DesignError(message)
    return covariate


def _scaled(values: np.ndarray) -> tuple[np.ndarray, int]:
    """Return values whose squares are numbers, and the power of two that they were divided by."""
    flat, exponent = by_unit_within_reach(values.reshape(-1, 1))
    return flat.reshape(values.shape), int(exponent[0])


def _residuals(x: xr.DataArray, *, step: str) -> tuple[np.ndarray, int, np.ndarray, xr.DataArray]:
    require_array(x, step=step)
    require_dims(x, "trial", "unit", step=step, hint='Sum over time first: x.sum("time").')
    x = shown_trials(x, step=step)
    values, exponent = by_unit_within_reach(to_matrix(x, "trial", "unit"))
    labels = trial_labels(x, "stimulus", step=step)
    stimuli, row, n = np.unique(labels, return_inverse=True, return_counts=True)
    freedom = int((n - 1).sum())
    if freedom < 1:
        message = f"{step} needs repeated stimuli; each of the {len(stimuli)} was shown once. Choose a coarser one."
        raise DesignError(message)
    sums = np.zeros((len(stimuli), values.shape[1]))
    np.add.at(sums, row, values)
    return values - (sums / n[:, None])[row], freedom, exponent, x


def _indicators(x: xr.DataArray) -> np.ndarray:
    """Columns of zeros and ones: which stimulus, and which block but the first."""
    stimulus = trial_labels(x, "stimulus", step="modulation")
    columns = [stimulus[:, None] == np.unique(stimulus)]
    if "block" in x.coords:
        block = trial_labels(x, "block", step="modulation")
        columns.append(block[:, None] == np.unique(block)[1:])
    return np.hstack(columns).astype(float)
