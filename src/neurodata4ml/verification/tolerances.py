"""How far each number of a report may lie from the one that is stored: one rule per section and variable."""

from __future__ import annotations

import xarray as xr

from neurodata4ml.verification.rules import (
    BAND,
    CHANCE,
    CLOSED,
    DECIMAL,
    DIGIT,
    DRAWS,
    EXACT,
    N_RESAMPLES,
    NULL,
    READ,
    ROW,
    SEARCH,
    P,
    Tolerance,
    end_of,
    interval,
    mean_of,
)


def _all(tolerance: Tolerance, *names: str) -> dict[str, Tolerance]:
    return dict.fromkeys(names, tolerance)


def _resampled(value: str) -> Tolerance:
    return end_of(f"{value}_low", f"{value}_high", "n_resamples", N_RESAMPLES)


TOLERANCES: dict[str, dict[str, Tolerance]] = {
    "psth": {
        **_all(CLOSED, "rate", "low", "high", "rate_by_condition"),
        **_all(EXACT, "raster_time", "raster_trial", "raster_unit", "raster_area", "raster_condition", "raster_begins"),
    },
    "decoding": {
        **_all(READ, "accuracy", "accuracy_window", "accuracy_window_low", "accuracy_window_high"),
        **_all(P, "p_window", "p_value", "p_value_corrected"),
        **_all(CHANCE, "chance", "chance_window"),
        **_all(BAND, "null_low", "null_high"),
    },
    "latents": _all(CLOSED, "latents", "explained_variance", "marginal_variance", "timescale"),
    "dimensionality": {
        **_all(CLOSED, "participation_ratio", "bias_limit"),
        **interval("participation_ratio_cv", "low", "high"),
        **_all(mean_of("low", "high"), "participation_ratio_units", "participation_ratio_population"),
    },
    "reliability": _all(CLOSED, "reliability"),
    "rdms": _all(DIGIT, "rdm", "rdm_over_time"),
    "encoding": {
        **_all(
            CLOSED, "score", "corrected", "unique", "unit_ceiling", "median", "median_corrected", "ceiling", "twin_gap"
        ),
        **_all(_resampled("median"), "median_low", "median_high"),
        **_all(_resampled("median_corrected"), "median_corrected_low", "median_corrected_high"),
        **_all(_resampled("twin_gap"), "twin_gap_low", "twin_gap_high"),
    },
    "similarity": {
        **interval("similarity", "low", "high"),
        **_all(CLOSED, "raw", "rsa", "null_value"),
        **_all(mean_of("low", "high"), "replicate"),
        **interval("ceiling", "ceiling_low", "ceiling_high"),
        **interval("rsa_ceiling", "rsa_ceiling_low", "rsa_ceiling_high"),
        **interval("twin_gap", "twin_gap_low", "twin_gap_high"),
        **interval("matched", "matched_low", "matched_high"),
        **interval("hierarchy", "hierarchy_low", "hierarchy_high", "n_resamples", N_RESAMPLES),
        **interval("hierarchy_depth", "hierarchy_depth_low", "hierarchy_depth_high", "n_resamples", N_RESAMPLES),
        **_all(P, "p_value", "p_value_corrected", "hierarchy_p"),
        **_all(CLOSED, "biased", "biased_null"),
        **_all(EXACT, "among_best", "claim", "best", "n_units", "n_features"),
    },
    "truth": {
        **_all(ROW, "estimate", "low", "high", "truth"),
        **_all(EXACT, "n_entries", "share_inside", "inside", "quantity", "what", "units", "area"),
        **_all(DECIMAL, "response_estimate", "response_truth", "distance_estimate", "distance_truth"),
    },
}
"""Section -> variable -> how far it may lie from what is stored. A new variable of a section is a line here."""

ITERATIVE = ("ica", "nmf", "gpfa", "tca", "cebra", "fa", "poisson")
"""Methods of ``latents``, and encoders, that search for their solution."""


def tolerance_of(section: str, name: str, stored: xr.Dataset) -> Tolerance:
    """Return the rule for a variable of a section.

    Parameters
    ----------
    section, name : str
        As in ``Results.arrays``. What many recordings say together (``"decoding_sessions"``) is compared with what
        follows from those that are stored: a closed form.
    stored : Dataset
        The section as it is stored: what is no number is compared exactly, a coordinate of numbers as a closed form.
    """
    if stored[name].dtype.kind not in "fc" and name not in TOLERANCES.get(section, {}):
        return EXACT
    if set(stored[name].dims) & set(DRAWS):
        return NULL
    rule = TOLERANCES.get(section, {}).get(name, CLOSED)
    searched = stored.attrs.get("method") in ITERATIVE or stored.attrs.get("encoder") in ITERATIVE
    return SEARCH if rule is CLOSED and searched and name in stored.data_vars else rule
