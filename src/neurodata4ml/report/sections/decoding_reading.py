"""What the numbers of a read-out are: the decoder, what was held out, chance, scores and times."""

from __future__ import annotations

import xarray as xr

from neurodata4ml.report.words import bin_words, count, plain

DECODERS = {
    "lda": "linear discriminant analysis",
    "ridge": "ridge regression",
    "logistic": "logistic regression",
    "svm": "a linear support vector machine",
    "knn": "the vote of the nearest neighbours",
    "bayes": "Bayes' rule with Poisson spike counts",
}
"""Decoder -> how people call it."""

CORRECTIONS = {
    "max-t": "Over time, each bin is compared with the maximum over all bins of each shuffle, in standard deviations "
    "of its own shuffles.",
    "cluster": "Over time, runs of neighbouring bins are compared with the longest runs of the shuffles: p belongs to "
    "a run, not to its single bins.",
    "none": "Over time, p is of each bin alone: of twenty bins without information, one has p < 0.05.",
}

SCORES = {
    "balanced_accuracy": "Balanced accuracy is the mean over classes of the fraction that is read correctly.",
    "accuracy": "Accuracy is the fraction of trials that is read correctly; classes with more trials count more.",
    "auc": "The area under the ROC curve is the fraction of pairs of trials that are put in the right order: 0.5 "
    "without information.",
    "r2": "R² is the share of the variance that is predicted; below 0, worse than the mean.",
    "r": "r is the correlation of what is read with what was there.",
    "median_error": "The median error is how far off half of the predictions are: lower is better.",
}


def reading(array: xr.Dataset) -> tuple[str, ...]:
    """Return what the numbers of a read-out are, in three paragraphs."""
    attrs = array.attrs
    stated = str(attrs.get("decoder", ""))
    decoder = DECODERS.get(stated, plain(stated) or "a linear read-out")
    folds, is_in_stretches = folds_words(array), str(array.attrs.get("folds")) in ("block", "contiguous")
    score = SCORES.get(str(attrs.get("scoring", "balanced_accuracy")), "")
    shuffles = f"{count(attrs['n_shuffles'], 'shuffle')} of the labels" if "n_shuffles" in attrs else "shuffled labels"
    width = bin_words(array) if array.sizes.get("time", 1) > 1 else ""
    return (
        f"The read-out is {decoder}, trained on some trials and tested on others; {folds} are held out together"
        f"{', so that neighbours in time do not help each other' if is_in_stretches else ''}. {score}".strip(),
        f"Chance is what the same procedure reaches on {shuffles}"
        + (f" ({plain(attrs['null_scheme'])})" if attrs.get("null_scheme") else "")
        + "; p counts the observed labels among the shuffles. "
        + CORRECTIONS.get(str(attrs.get("correction", "max-t")), "")
        + (f" A time is the middle of a bin of {width}." if width else ""),
        "The interval says how far these trials determine the accuracy; p asks whether labels without meaning do as "
        "well. Near chance one can speak where the other does not.",
    )


def folds_words(array: xr.Dataset) -> str:
    """Return what was held out together."""
    known = {
        "block": "whole blocks of trials",
        "contiguous": "contiguous runs of trials",
        "trial": "single trials",
        "stimulus": "whole stimuli",
    }
    stated = str(array.attrs.get("folds", "trials"))
    return known.get(stated, plain(stated))


def bins_meant(array: xr.Dataset) -> str:
    """Return what the times of a course are, for the end of a sentence."""
    width = bin_words(array)
    return f" (times are middles of bins of {width})" if width else ""
