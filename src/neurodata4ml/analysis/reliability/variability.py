"""How responses vary from trial to trial: with one another, and with a covariate such as running."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import add_step, presented, provenance, require_dims, to_matrix
from neurodata4ml.errors import DesignError


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
        unitless, the mean over pairs of units that vary.

    Raises
    ------
    DesignError
        If no stimulus is repeated, or trials have no label.
    """
    residual, freedom, x = _residuals(x, step="trial_variability")
    covariance = residual.T @ residual / freedom
    spread = np.sqrt(np.diag(covariance))
    varies = spread > 0
    correlation = covariance[np.ix_(varies, varies)] / np.outer(spread[varies], spread[varies])
    pairs = correlation[np.triu_indices(len(correlation), 1)]
    found = xr.Dataset(
        {
            "variance": ("unit", np.diag(covariance)),
            "covariance": (("unit", "unit2"), covariance),
            "noise_correlation": pairs.mean() if len(pairs) else np.nan,
        },
        coords={"unit": x["unit"], "unit2": x["unit"].values},
        attrs={**provenance(x), "degrees_of_freedom": freedom},
    )
    return add_step(found, "trial_variability")


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
        If the covariate does not vary within stimuli and blocks, or is NaN; or trials have no label.
    """
    x = presented(x, step="modulation")
    covariate = np.asarray(by.sel(trial=x["trial"]).values, dtype=float)
    if not np.isfinite(covariate).all():
        message = f"modulation: the covariate is NaN in {int((~np.isfinite(covariate)).sum())} trials; drop them first."
        raise DesignError(message)
    total = to_matrix(x, "trial", "unit").sum(axis=1)
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
    freedom = len(total) - rank - 1
    error = np.sqrt(unexplained @ unexplained / freedom / len(total)) / x.sizes["unit"]
    found = xr.Dataset(
        {"gain": slope / total.mean(), "mean": total.mean() / x.sizes["unit"], "mean_error": error},
        attrs=provenance(x),
    )
    return add_step(found, "modulation", by=str(by.name))


def _residuals(x: xr.DataArray, *, step: str) -> tuple[np.ndarray, int, xr.DataArray]:
    require_dims(x, "trial", "unit", step=step, hint='Sum over time first: x.sum("time").')
    x = presented(x, step=step)
    values = to_matrix(x, "trial", "unit")
    labels = trial_labels(x, "stimulus", step=step)
    stimuli, row, n = np.unique(labels, return_inverse=True, return_counts=True)
    freedom = int((n - 1).sum())
    if freedom < 1:
        message = f"{step} needs repeated stimuli; each of the {len(stimuli)} was shown once. Choose a coarser one."
        raise DesignError(message)
    sums = np.zeros((len(stimuli), values.shape[1]))
    np.add.at(sums, row, values)
    return values - (sums / n[:, None])[row], freedom, x


def _indicators(x: xr.DataArray) -> np.ndarray:
    """Columns of zeros and ones: which stimulus, and which block but the first."""
    stimulus = trial_labels(x, "stimulus", step="modulation")
    columns = [stimulus[:, None] == np.unique(stimulus)]
    if "block" in x.coords:
        block = trial_labels(x, "block", step="modulation")
        columns.append(block[:, None] == np.unique(block)[1:])
    return np.hstack(columns).astype(float)
