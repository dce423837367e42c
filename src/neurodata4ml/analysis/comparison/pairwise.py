"""Candidate against candidate, against nothing, against the ceiling: how large the difference, how sure, then p."""

from __future__ import annotations

import warnings

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.comparison.sheets import sheet_of
from neurodata4ml.analysis.comparison.told import undefined_differences
from neurodata4ml.analysis.inference.confidence import require_confidence
from neurodata4ml.analysis.inference.jackknife import interval
from neurodata4ml.analysis.inference.p_values import CORRECTIONS, ROUNDING, require_correction
from neurodata4ml.dims import add_step, provenance
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.suggest import guess

_REFERENCES = ("zero", "ceiling")

_FIXED = (
    "against zero with fixed stimuli: unrelated representations are a little above or below 0 for any given stimuli, "
    "so that enough trials make p small. To ask whether they are related, type compare(x, y, over='stimulus'), or read "
    "p_value of compare."
)


def pairwise(result: xr.Dataset, *, correction: str = "holm", confidence: float = 0.95) -> xr.Dataset:
    """How much more similar to the brain one candidate is than another, for every two of them.

    Differences are taken within replicates, so that what is common to both (the same trials, stimuli or units left
    out) cancels: two candidates whose intervals overlap can differ for sure. They hold over what the intervals of
    ``result`` are over: ``attrs["over"]``.

    Parameters
    ----------
    result : Dataset
        From ``compare`` with a dict of candidates, and an interval: ``similarity`` (..., y), ``replicate``
        (group, ..., y); or one metric of ``brain_vs_network``, whose candidates are then ``y``.
    correction : "holm", "fdr" or "none"
        Of the p-values of all pairs, in all areas: ``attrs["n_tests"]``.
    confidence : float
        Coverage of ``low`` to ``high``, of each difference alone.

    Returns
    -------
    Dataset, dims (..., y, y2), unitless
        ``difference`` (y less y2), ``se``, ``low``, ``high`` (jackknife, t with groups - 1 degrees of freedom);
        ``p_value`` two-sided, ``p_value_corrected``; NaN of a candidate with itself, and where a replicate is NaN,
        which ``attrs["undefined"]`` tells.

    Raises
    ------
    DimensionError
        Fewer than two candidates, or a result without ``replicate``.
    DesignError
        An unknown correction.

    References
    ----------
    Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 11; Holm 1979, Scand. J. Stat. 6:65.
    """
    result = sheet_of(result, step="pairwise")
    _check(result, correction, confidence)
    if "y" not in result.similarity.dims or result.sizes["y"] < 2:
        message = "pairwise needs two candidates or more; got one. Type compare(x, {'a': a, 'b': b})."
        raise DimensionError(message)
    second = {name: result[name].rename(y="y2") for name in ("similarity", "replicate")}
    out = _tested(
        result.similarity - second["similarity"],
        result.replicate - second["replicate"],
        xr.zeros_like(result.similarity - second["similarity"]),
        confidence,
    )
    place = xr.DataArray(np.arange(result.sizes["y"]), dims="y")
    other = place.rename(y="y2")
    out["p_value"] = out.p_value.where(place != other)
    # each pair is one question, asked in both directions
    asked = out.p_value.where(place < other)
    corrected = asked.copy(data=CORRECTIONS[correction](asked.values))
    turned = corrected.rename(y="y2", y2="y").transpose(*corrected.dims)
    out["p_value_corrected"] = corrected.fillna(turned.drop_vars(["y", "y2"], errors="ignore"))
    return _finished(out, result, asked, correction, confidence, "pairwise")


def against(
    result: xr.Dataset, reference: str = "zero", *, correction: str = "holm", confidence: float = 0.95
) -> xr.Dataset:
    """How far candidates are above zero, or from the ceiling.

    Parameters
    ----------
    result : Dataset
        From ``compare`` with an interval.
    reference : "zero" or "ceiling"
        ``"zero"``: what independent data give is subtracted where it is not 0 (``null_value``: biased metrics);
        one-sided, more than that. Over trials alone the stimuli are fixed, and two unrelated representations are
        never exactly at 0 for given stimuli: with enough trials p becomes small, and a warning says so. Whether they
        are related at all is asked over stimuli, or by ``p_value`` of ``compare``. ``"ceiling"``: two-sided. Where the
        similarity is corrected for noise (``raw`` is there), the ceiling is 1; else it is ``ceiling``, whose own
        uncertainty (``ceiling_low`` to ``ceiling_high``) is added as if it were independent, which is too much rather
        than too little.
    correction, confidence : str, float
        As in ``pairwise``; all entries are one family.

    Returns
    -------
    Dataset (..., y), unitless
        ``difference`` (similarity less reference), ``se``, ``low``, ``high``, ``p_value``, ``p_value_corrected``.

    Raises
    ------
    DimensionError
        A result without ``replicate``, or without ceiling.
    DesignError
        An unknown reference or correction.
    """
    result = sheet_of(result, step="against")
    _check(result, correction, confidence)
    if reference not in _REFERENCES:
        message = f"Unknown reference {reference!r}.{guess(reference, _REFERENCES)} Type one of zero, ceiling."
        raise DesignError(message)
    if reference == "zero" and "stimulus" not in str(result.attrs.get("over", "stimulus")):
        warnings.warn(_FIXED, stacklevel=2)
    bar, variance = _zero(result) if reference == "zero" else _ceiling(result, confidence)
    out = _tested(result.similarity - bar, result.replicate - bar, variance, confidence)
    if reference == "zero":
        out["p_value"] = (out.p_value / 2).where(out.difference > 0, 1.0 - out.p_value / 2)
    out["p_value_corrected"] = out.p_value.copy(data=CORRECTIONS[correction](out.p_value.values))
    return _finished(out, result, out.p_value, correction, confidence, "against", reference=reference)


def _tested(difference: xr.DataArray, replicate: xr.DataArray, variance: xr.DataArray, confidence: float) -> xr.Dataset:
    """Return the difference, its interval with ``variance`` added, and the two-sided p-value of a t-test."""
    degrees = replicate.sizes["group"] - 1
    se = (interval(difference, replicate).se ** 2 + variance) ** 0.5
    width = float(stats.t.ppf(0.5 + confidence / 2, degrees)) * se
    same = (abs(difference) <= ROUNDING) & (se <= ROUNDING)
    t = abs(difference) / se.where(~same, 1.0)
    p = difference.copy(data=2.0 * stats.t.sf(t.transpose(*difference.dims).values, degrees))
    return xr.Dataset(
        {
            "difference": difference,
            "se": se.transpose(*difference.dims),
            "low": (difference - width).transpose(*difference.dims),
            "high": (difference + width).transpose(*difference.dims),
            "p_value": p,
        }
    )


def _zero(result: xr.Dataset) -> tuple[xr.DataArray, xr.DataArray]:
    nothing = xr.zeros_like(result.similarity)
    return result.get("null_value", nothing), nothing


def _ceiling(result: xr.Dataset, confidence: float) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the ceiling, and the variance with which it is known."""
    nothing = xr.zeros_like(result.similarity)
    if "raw" in result:
        return nothing + 1.0, nothing
    if "ceiling" not in result:
        message = (
            "against='ceiling' needs a result with a ceiling; this has none. Hand compare the single trials: "
            "compare(trials, y)."
        )
        raise DimensionError(message)
    if "ceiling_low" not in result:
        return nothing + result["ceiling"], nothing
    level = float(result.attrs.get("confidence", confidence))
    half = (result["ceiling_high"] - result["ceiling_low"]) / 2
    known = half / float(stats.t.ppf(0.5 + level / 2, result.sizes["group"] - 1))
    return nothing + result["ceiling"], nothing + known**2


def _check(result: xr.Dataset, correction: str, confidence: float) -> None:
    if not isinstance(result, xr.Dataset) or "similarity" not in result:
        message = f"pairwise and against take the result of compare(x, y); got a {type(result).__name__} without it."
        raise DimensionError(message)
    if "replicate" not in result:
        message = (
            "This result has no replicates, and so no interval of a difference. Type compare(x, y, over='stimulus')."
        )
        raise DimensionError(message)
    require_correction(correction)
    require_confidence(confidence, step="A difference")


def _finished(
    out: xr.Dataset,
    result: xr.Dataset,
    asked: xr.DataArray,
    correction: str,
    confidence: float,
    step: str,
    **more: str,
) -> xr.Dataset:
    shown = {name: result.attrs[name] for name in ("metric", "distance", "over", "n_stimuli") if name in result.attrs}
    n_tests = int(asked.notnull().sum())
    out.attrs = {**provenance(result), **shown, "correction": correction, "n_tests": n_tests, "confidence": confidence}
    out.attrs |= more | undefined_differences(out, "Differences" if step == "pairwise" else "The difference")
    return add_step(out, step, correction=correction, confidence=confidence, **more)
