"""Latents and dimensionality in words: what a component and a dimension are, and what noise does to either."""

from __future__ import annotations

import xarray as xr

from neurodata4ml.analysis.comparison.explained.phrasing import count, listed, number, percent, sentence
from neurodata4ml.analysis.comparison.explained.tables import Parts

_COMPONENTS = {
    "pca": "the directions in the space of units along which responses vary most, each at a right angle to the others",
    "fa": "what units share, beside a noise that each unit has alone",
    "ica": "directions along which activity is as far from Gaussian as it can be",
    "nmf": "patterns of units that only add, none of them negative",
    "dpca": "directions that carry, as far as can be, one of the things that vary: time, or conditions",
    "gpfa": "smooth courses of single trials, each with a time scale of its own, that units share",
    "tca": "patterns, each of units, a course in time and a weight for each trial or condition",
    "cebra": "an embedding in which moments near in time, or alike in behaviour, lie together",
}


def of_latents(result: xr.Dataset) -> Parts:
    """Explain what ``latents`` gives."""
    method = str(result.attrs["method"])
    n = count(result.sizes["component"], "component")
    sizes = [
        count(result.attrs[name], noun)
        for name, noun in (("n_samples", "sample"), ("n_units", "unit"))
        if name in result.attrs
    ]
    told = "This method states no share of the variance."
    if "explained_variance" in result:
        shares = result["explained_variance"].values
        told = f"Share of the variance: {listed([percent(round(float(v), 3)) for v in shares], 8)}."
    return [
        ("What is estimated", f"Components of {method}: {_COMPONENTS[method]}."),
        ("The numbers", f"{n} of {listed(sizes)}. {told}"),
        (
            "What chance gives",
            "Noise has leading components too, the larger the fewer the samples. "
            'Those that rise above it are counted by dimensionality(x, method="parallel").',
        ),
        (
            "What changes nothing",
            "A rotation of the units, and a constant added to each, but for signs." if method == "pca" else "",
        ),
        (
            "What would break it",
            "Units that fire far more than the others, or drift: their variance leads wherever variance is sought.",
        ),
        (
            "What it does not show",
            "Components describe and are no test: noise that is smooth in time makes rings and arcs as well.",
        ),
        ("Source", sentence("docs/latents.md has the papers and the options of every method")),
    ]


def of_dimensionality(result: xr.Dataset) -> Parts:
    """Explain what ``dimensionality`` gives."""
    return _DIMENSIONS[str(result.attrs["method"])](result)


def _of_participation(result: xr.Dataset) -> Parts:
    cv, naive, limit = (
        number(result[name]) for name in ("participation_ratio_cv", "participation_ratio", "bias_limit")
    )
    return [
        (
            "What is estimated",
            "Over how many directions the variance of the mean responses is spread, the participation ratio; "
            "cross-validated, it is that of the signal. It is 1 where one direction carries all.",
        ),
        ("The numbers", f"Cross-validated {cv}; as observed, noise included, {naive}; white noise gives {limit}."),
        ("What chance gives", "As observed, noise counts as dimensions; cross-validated, it does not on average."),
        ("What changes nothing", "A rotation of the units, one factor for all responses, a constant for each unit."),
        (
            "What would break it",
            f"Few stimuli or units, which hide dimensions; noise shared between {result.attrs.get('folds', 'fold')}s, "
            "which counts as signal.",
        ),
        (
            "What it does not show",
            "One number for a whole spectrum does not show which dimensions there are, nor that anything reads them.",
        ),
    ]


def _of_cvpca(result: xr.Dataset) -> Parts:
    return [
        (
            "What is estimated",
            "The variance along each principal component of half of the trials that repeats in the other half "
            "(cross-validated PCA), and the exponent of its decay.",
        ),
        (
            "The numbers",
            f"Exponent {number(result['exponent'])}; variance that repeats, in all, {number(result['signal_total'])}.",
        ),
        ("What chance gives", "0 on average in every component, for responses without signal: negative ones occur."),
        ("What changes nothing", "A rotation of the units, and a constant added to each."),
        ("What would break it", "Noise shared between the halves; too few stimuli or units for an exponent."),
        (
            "What it does not show",
            "A power law within a range of ranks is not one beyond them, nor does its exponent name a mechanism.",
        ),
    ]


def _of_parallel(result: xr.Dataset) -> Parts:
    return [
        (
            "What is estimated",
            "How many leading components carry more variance than those of units that were shuffled independently "
            "of each other (parallel analysis).",
        ),
        ("The numbers", f"{sentence(count(result['n_components'], 'component'))}"),
        (
            "What chance gives",
            f"A component counts from the {percent(result.attrs['quantile'])} quantile of "
            f"{count(result.attrs['n_shuffles'], 'shuffle')} on.",
        ),
        ("What would break it", "Drift, and samples that follow each other closely, which look like shared variance."),
        (
            "What it does not show",
            "Components that rise above shuffles are shared by units; that they are signal they do not show, since "
            "noise is shared too.",
        ),
    ]


_DIMENSIONS = {"participation": _of_participation, "cvpca": _of_cvpca, "parallel": _of_parallel}
