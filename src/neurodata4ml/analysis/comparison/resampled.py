"""Similarities when stimuli are drawn with replacement: no stimulus is ever compared with its own copy."""

from __future__ import annotations

import numpy as np

from neurodata4ml.analysis.comparison.delete_one import name_of
from neurodata4ml.analysis.comparison.weighted import WEIGHTED, n_stimuli_of, weighted
from neurodata4ml.analysis.comparison.weighted_hsic import weighted_cka
from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.analysis.similarity.metric import Metric
from neurodata4ml.analysis.similarity.representations import Side
from neurodata4ml.analysis.similarity.table import similarities
from neurodata4ml.errors import DesignError


def multiplicities(n: int, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each of ``n`` is drawn when n are drawn with replacement, (n_resamples, n), whole numbers."""
    drawn = rng.integers(0, n, size=(n_resamples, n))
    return np.stack([np.bincount(row, minlength=n) for row in drawn])


def resampled(metric: Metric, x: Side, sides: list[Side], weights: np.ndarray) -> np.ndarray:
    """Similarity of ``x`` with every side, for every draw of the stimuli.

    A stimulus drawn twice brings its pairs with others twice, but never a pair with itself: the distance 0 of a copy,
    or the large product of a response with itself, would be found on both sides and look like similarity (Schuett et
    al. 2023, eLife 12:e82566, for RDMs; unbiased CKA of independent data is off by .57). Ranks are those of the pairs
    as drawn; HSIC is the U-statistic over different stimuli (see ``weighted_cka``).

    Parameters
    ----------
    metric : Metric
        On RDMs, or ``cka_unbiased``.
    x, sides : Side, list of Side
        The same stimuli in the same order.
    weights : ndarray of int (n_resamples, n_stimuli)
        From ``multiplicities``.

    Returns
    -------
    ndarray (n_resamples, n_sides)
        NaN where fewer different stimuli are drawn than the metric needs.

    Raises
    ------
    DesignError
        A metric of which the copies are no pairs that could be left out.
    """
    name = name_of(metric)
    if name == "cka_unbiased":
        out = weighted_cka(x.prepared, np.stack([side.prepared for side in sides]), weights)
    elif name in WEIGHTED:
        out = weighted(WEIGHTED[name], x.values, np.stack([side.values for side in sides]), weights)
    elif metric.on == "rdm" and not metric.whole_rdm:
        out = resampled_anew(metric, x, sides, weights)
    else:
        message = (
            f"{name or 'This metric'} cannot be computed of stimuli drawn with replacement: a stimulus would meet its "
            f"own copy, which noise does not part. Leave one stimulus out at a time: over='stimulus'."
        )
        raise DesignError(message)
    out[(np.asarray(weights) > 0).sum(axis=1) < metric.min_stimuli] = np.nan
    return out


def resampled_anew(metric: Metric, x: Side, sides: list[Side], weights: np.ndarray) -> np.ndarray:
    """Return what ``resampled`` does of RDMs, by writing every pair down as often as it is drawn."""
    n = n_stimuli_of(len(x.values))
    first, second = np.triu_indices(n, 1)

    def drawn(side: Side, weight: np.ndarray) -> Side:
        values = np.repeat(side.values, weight[first] * weight[second])
        return Side(values, metric.prepare(values))

    def of_draw(weight: np.ndarray) -> np.ndarray:
        return np.asarray(similarities(metric, [drawn(x, weight)], [drawn(side, weight) for side in sides])[0])

    return np.array(in_threads(of_draw, list(np.asarray(weights, dtype=np.int64))), dtype=np.float64)
