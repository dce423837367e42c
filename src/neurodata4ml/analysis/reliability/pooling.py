"""The one RDM that is most like several: how to average them, as the metric demands."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from neurodata4ml.analysis.similarity.metrics import METRICS, Metric

Scale = tuple[Callable[[float], float], Callable[[float], float]]

_SPEARMAN: Scale = (lambda rho: float(2 * np.sin(np.pi * rho / 6)), lambda r: float(6 / np.pi * np.arcsin(r / 2)))
_KENDALL: Scale = (lambda tau: float(np.sin(np.pi * tau / 2)), lambda r: float(2 / np.pi * np.arcsin(min(r, 1.0))))

LIKE_CORRELATION: dict[str, Scale] = {
    "rsa_spearman": _SPEARMAN,
    "rsa_rho_a": _SPEARMAN,
    "rsa_tau_a": _KENDALL,
}
"""Rank metrics, with the way to the correlation that normal variables of this likeness have, and back."""


def pooled(vectors: Sequence[np.ndarray], metric: str) -> np.ndarray:
    """Average RDMs so that the average is, by this metric, as like all of them as any RDM can be.

    Nili et al. 2014, PLoS Comput Biol 10:e1003553. Cosine: each RDM over its root mean square. Pearson: each
    z-scored. Whitened: each over its whitened length. Spearman and rho-a: ranks of each. Tau-a: ranks too, which is
    close but not the best there is. The average of raw RDMs is led by the subject with the largest distances, and
    bounds nothing.

    Parameters
    ----------
    vectors : sequence of ndarray (n_pairs,)
        Without NaN. One that does not vary (or is 0, for the cosine) takes no part.
    metric : str
        A metric on RDMs of ``METRICS``.

    Returns
    -------
    ndarray (n_pairs,), in units without meaning
    """
    if metric in LIKE_CORRELATION:
        return np.asarray(np.mean([stats.rankdata(vector) for vector in vectors], axis=0))
    lengths = [float(np.linalg.norm(METRICS[metric].prepare(vector))) for vector in vectors]
    shapes = [vector / length for vector, length in zip(vectors, lengths, strict=True) if length > 0]
    return np.asarray(np.mean(shapes, axis=0) if shapes else np.zeros_like(vectors[0]))


def is_linear(metric: Metric) -> bool:
    """Whether a metric is the angle between linear images of two RDMs, as cosine, Pearson and their whitened forms."""
    a, b = np.random.default_rng(0).random((2, 15))  # of 6 stimuli
    images = [metric.prepare(vector) for vector in (a, b, a + b)]
    if not np.allclose(images[2], images[0] + images[1]):
        return False
    angle = np.sum(images[0] * images[1]) / np.linalg.norm(images[0]) / np.linalg.norm(images[1])
    return bool(np.isclose(metric.function(images[0], images[1]), angle))
