"""Many representations against many: what can be one matrix product is one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodata4ml.analysis.similarity.centring import unit_vector
from neurodata4ml.analysis.similarity.metric import Metric
from neurodata4ml.analysis.similarity.ranks import tau_a, taus
from neurodata4ml.analysis.similarity.representations import Side, shuffled, similarity_of

_MOST_STACKED = 100_000_000
"""Numbers (800 MB) that are stacked for one product; above, each pair is multiplied where it lies."""


def similarities(metric: Metric, xs: Sequence[Side], ys: Sequence[Side]) -> np.ndarray:
    """Return the similarity of every side of ``xs`` with every side of ``ys``, (n_x, n_y).

    What concerns one side alone was done once, in ``Side.prepared``. Where the similarity is the cosine of what was
    prepared (``metric.form``), all are one matrix product; tau-a is counted by compiled loops where it is much.
    Equal to ``similarity_of`` of each pair.
    """
    out = np.full((len(xs), len(ys)), np.nan)
    whole_x, whole_y = ([i for i, side in enumerate(sides) if _is_whole(side, metric)] for sides in (xs, ys))
    out[np.ix_(whole_x, whole_y)] = _of_whole(metric, [xs[i] for i in whole_x], [ys[j] for j in whole_y])
    holed = {(i, j) for i in range(len(xs)) for j in range(len(ys))} - {(i, j) for i in whole_x for j in whole_y}
    for i, j in sorted(holed):
        out[i, j] = similarity_of(metric, xs[i], ys[j])
    return out


def nulls_of(metric: Metric, xs: Sequence[Side], ys: Sequence[Side], *, n_shuffles: int, seed: int) -> np.ndarray:
    """Return what independent data would give for every pair of sides, (n_x, n_y).

    0 where the metric is unbiased, its closed form where it has one, and else the mean over shuffles of the stimuli of
    ``xs``, the same for all pairs.
    """
    if metric.unbiased:
        return np.zeros((len(xs), len(ys)))
    if metric.null is not None:
        sizes = [[metric.null(len(x.values), x.values.shape[1], y.values.shape[1]) for y in ys] for x in xs]
        return np.array(sizes, dtype=np.float64).reshape(len(xs), len(ys))
    total = np.zeros((len(xs), len(ys)))
    rngs = [np.random.default_rng(seed) for _ in xs]
    for _ in range(n_shuffles):
        others = [shuffled(x, metric, rng) for x, rng in zip(xs, rngs, strict=True)]
        total += similarities(metric, others, ys)
    return total / n_shuffles


def _of_whole(metric: Metric, xs: list[Side], ys: list[Side]) -> np.ndarray:
    if not xs or not ys:
        return np.empty((len(xs), len(ys)))
    if metric.function is tau_a:
        return taus([x.prepared for x in xs], [y.prepared for y in ys])
    if metric.form == "other" or (len(xs) + len(ys)) * xs[0].prepared.size > _MOST_STACKED:
        return np.array([[metric.function(x.prepared, y.prepared) for y in ys] for x in xs], dtype=np.float64)
    a, b = (np.stack([unit_vector(side.prepared) for side in sides]) for sides in (xs, ys))
    return np.asarray(np.clip(a @ b.T, -1.0, 1.0))


def _is_whole(side: Side, metric: Metric) -> bool:
    return metric.on != "rdm" or not np.isnan(side.values).any()
