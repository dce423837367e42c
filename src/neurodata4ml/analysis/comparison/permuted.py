"""Similarities with the stimuli of one side exchanged: what chance alone would give, whatever the pairs share."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.analysis.similarity.metric import Metric
from neurodata4ml.analysis.similarity.representations import Side
from neurodata4ml.analysis.similarity.table import similarities

_EXACT = 6
"""Up to so many stimuli all orders are tried: 719 others of 6."""

_CHUNK = 2_000_000
"""Exchanged entries at once (16 MB)."""


def orders(n_stimuli: int, n_shuffles: int, seed: int) -> np.ndarray:
    """Return random orders of the stimuli (n_orders, n_stimuli); all but the true one where there are few (n <= 6).

    With all others of the n! orders, ``(1 + #{null >= observed}) / (1 + n_orders)`` is the exact p-value.
    """
    if n_stimuli <= _EXACT:
        return np.array(list(permutations(range(n_stimuli)))[1:], dtype=np.int64).reshape(-1, n_stimuli)
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(n_stimuli) for _ in range(n_shuffles)])


def permuted(metric: Metric, x: Side, sides: list[Side], orders: np.ndarray) -> np.ndarray:
    """Similarity of ``x``, its stimuli put in other orders, with every side.

    Stimuli are exchanged, rows and columns of an RDM together, never its entries one by one: those share stimuli and
    are not exchangeable (Mantel 1967, Cancer Res. 27:209). Where a similarity is a cosine of what was prepared, all
    orders and all sides are one matrix product.

    Parameters
    ----------
    metric : Metric
    x, sides : Side, list of Side
        The same stimuli in the same order.
    orders : ndarray of int (n_orders, n_stimuli)
        From ``orders``: in order k, stimulus ``orders[k, i]`` of ``x`` takes the place of stimulus i.

    Returns
    -------
    ndarray (n_orders, n_sides)
    """
    defined = _whole(x) and metric.form in ("gram", "pairs")
    fast = np.array([defined and _whole(side) for side in sides], dtype=bool)
    out = np.empty((len(orders), len(sides)))
    if fast.any():
        chosen = [side.prepared for side, good in zip(sides, fast, strict=True) if good]
        out[:, fast] = _as_products(metric.form, x.prepared, chosen, orders)
    if not fast.all():
        slow = [side for side, good in zip(sides, fast, strict=True) if not good]
        out[:, ~fast] = permuted_anew(metric, x, slow, orders)
    return out


def permuted_anew(metric: Metric, x: Side, sides: list[Side], orders: np.ndarray) -> np.ndarray:
    """Return what ``permuted`` does, by computing each anew."""

    def of_order(order: np.ndarray) -> np.ndarray:
        values = x.values[_places(order)] if metric.on == "rdm" else x.values[order]
        return np.asarray(similarities(metric, [Side(values, metric.prepare(values))], sides)[0])

    return np.array(in_threads(of_order, list(orders)), dtype=np.float64)


def _as_products(form: str, x: np.ndarray, sides: list[np.ndarray], orders: np.ndarray) -> np.ndarray:
    """Return the cosines of ``x`` in every order with what was prepared of the sides (n_orders, n_sides)."""
    n, square = orders.shape[1], form == "gram"
    above = np.ravel_multi_index(np.triu_indices(n, 1), (n, n))
    place = np.zeros(n * n, dtype=np.intp)
    place[above] = np.arange(len(above))
    place = np.maximum(place.reshape(n, n), place.reshape(n, n).T)

    def flat(prepared: np.ndarray) -> np.ndarray:
        """Return the pairs, weighted as often as they stand in a matrix, and the diagonal."""
        if not square:
            return prepared
        return np.concatenate([np.sqrt(2.0) * prepared.ravel()[above], prepared.diagonal()])

    columns = np.empty((len(sides), len(flat(x))))
    for k, side in enumerate(sides):
        columns[k] = _unit(flat(side))
    mine = _unit(flat(x))
    first, second = np.triu_indices(n, 1)

    def of_some(some: np.ndarray) -> np.ndarray:
        moved = np.empty((len(some), len(mine)))
        for row, order in zip(moved, some, strict=True):
            row[: len(above)] = mine[place[order[first], order[second]]]
            if square:
                row[len(above) :] = mine[len(above) :][order]
        return np.asarray(moved @ columns.T)

    step = max(1, _CHUNK // len(mine))
    return np.concatenate(in_threads(of_some, [orders[k : k + step] for k in range(0, len(orders), step)]))


def _places(order: np.ndarray) -> np.ndarray:
    """Return where, among the pairs above the diagonal, those of the exchanged stimuli stand."""
    n = len(order)
    first, second = np.triu_indices(n, 1)
    a, b = order[first], order[second]
    low, high = np.minimum(a, b), np.maximum(a, b)
    return np.asarray(low * (2 * n - low - 1) // 2 + high - low - 1)


def _unit(x: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(x)
    return x / norm if norm > 0 else np.full(x.shape, np.nan)


def _whole(side: Side) -> bool:
    return side.values.ndim == 2 or not np.isnan(side.values).any()
