"""Whether a table of similarities is more than chance: stimuli exchanged, all cells at once."""

from __future__ import annotations

import warnings
from dataclasses import replace
from math import ceil, factorial

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.permuted import orders, permuted
from neurodata4ml.analysis.comparison.question import Question
from neurodata4ml.analysis.comparison.two_sides import partner_of, permuted_halves
from neurodata4ml.analysis.inference.corrections import max_t
from neurodata4ml.analysis.inference.p_values import ROUNDING, benjamini_hochberg, holm, permutation_p
from neurodata4ml.analysis.reliability.noise_corrected import with_halves
from neurodata4ml.analysis.similarity.metric import Metric
from neurodata4ml.analysis.similarity.on_rdms import rho_a
from neurodata4ml.analysis.similarity.representations import Side, represent
from neurodata4ml.analysis.similarity.table import similarities
from neurodata4ml.errors import DesignError
from neurodata4ml.suggest import guess

CORRECTIONS = ("max-t", "holm", "fdr", "none")
"""What p-values of a table are corrected by."""

_MANY, _FEW = 999, 99
"""Shuffles where they are matrix products, and where each is computed anew."""


_LEVEL = 0.05
"""Where no corrected p can come below it, a table is said to have too few shuffles."""


def default_shuffles(metric: Metric) -> int:
    """Return how many shuffles a metric can afford."""
    return _MANY if metric.form != "other" or metric.function is rho_a else _FEW


def known_correction(correction: str) -> None:
    """Refuse what is none of ``CORRECTIONS``."""
    if correction not in CORRECTIONS:
        message = f"Unknown correction {correction!r}.{guess(correction, CORRECTIONS)} Type one of "
        raise DesignError(message + f"{', '.join(CORRECTIONS)}.")


def significance(
    xs: list[xr.DataArray], sides: list[Side], question: Question, *, n_shuffles: int, correction: str
) -> xr.Dataset:
    """P-values of every cell against independence: the stimuli of ``x`` exchanged, rows and columns together.

    One order of the stimuli serves all cells of a shuffle, so that what depends on each other stays together
    (Mantel 1967, Cancer Res. 27:209; max-T: Nichols & Holmes 2002, Hum. Brain Mapp. 15:1). One-sided.

    Returns
    -------
    Dataset, dims (x, y)
        ``p_value``, ``p_value_corrected`` over all cells, and ``null_mean``, the mean similarity of the shuffles.
    """
    order = orders(len(question.labels), n_shuffles, question.seed)
    observed, null = _of_halves(xs, question, order) if question.two_sided else _of_means(xs, sides, question, order)
    p = permutation_p(observed - ROUNDING, null)
    corrected = {
        "max-t": lambda: max_t(observed, null),
        "holm": lambda: holm(p),
        "fdr": lambda: benjamini_hochberg(p),
        "none": lambda: p,
    }[correction]()
    _warn_of_floor(int(np.isfinite(p).sum()), len(order), question, correction)
    found = {"p_value": p, "p_value_corrected": corrected, "null_mean": null.mean(axis=0)}
    return xr.Dataset(
        {name: (("x", "y"), values) for name, values in found.items()},
        attrs={"n_tests": int(np.isfinite(p).sum()), "n_shuffles": len(order), "correction": correction},
    )


def _of_means(
    xs: list[xr.DataArray], sides: list[Side], question: Question, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return similarities (x, y) and those of exchanged stimuli (n_orders, x, y)."""
    rows = [represent(x, question.labels, question.promise, distance=question.distance) for x in xs]
    observed = similarities(question.promise, rows, sides)
    return observed, np.stack([_shuffled(question.promise, row, sides, order) for row in rows], axis=1)


def _shuffled(metric: Metric, x: Side, sides: list[Side], order: np.ndarray) -> np.ndarray:
    """Return the similarities of exchanged stimuli (n_orders, n_sides); rho-a as what it is, a cosine of ranks."""
    if metric.function is not rho_a or any(np.isnan(side.values).any() for side in (x, *sides)):
        return permuted(metric, x, sides, order)
    n = float(len(x.prepared))
    norms = np.array([np.linalg.norm(side.prepared) for side in sides]) * np.linalg.norm(x.prepared)
    return np.asarray(permuted(replace(metric, form="pairs"), x, sides, order) * norms * (12.0 / (n**3 - n)))


def _warn_of_floor(n_tests: int, n_orders: int, question: Question, correction: str) -> None:
    """Warn where a correction by counting leaves no cell that could be told from chance."""
    least = n_tests / (n_orders + 1)
    if correction not in ("holm", "fdr") or least <= _LEVEL:
        return
    cell = "no corrected p" if correction == "holm" else "the corrected p of a cell that stands alone"
    never = "can be" if correction == "holm" else "cannot be"
    more = f"n_shuffles={ceil(n_tests / _LEVEL) - 1}, or " if n_orders < factorial(len(question.labels)) - 1 else ""
    warnings.warn(
        f"{question.metric}: with {n_orders} shuffles and correction={correction!r} over {n_tests} tests, {cell} "
        f"{never} below {min(least, 1.0):.2g}. Type {more}correction='max-t'.",
        stacklevel=4,
    )


def _of_halves(xs: list[xr.DataArray], question: Question, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the same of trials on both sides, from products in which noise shared by both does not meet."""
    settings: dict[str, int] = {"n_splits": question.n_splits, "seed": question.seed}

    def row(x: xr.DataArray) -> np.ndarray:
        trials, half = with_halves(x, **settings, step="compare")
        partners = [partner_of(x, y, half, **settings) for y in question.ys.values()]
        return np.stack([permuted_halves(trials, half, partner, order) for partner in partners], axis=1)

    found = np.stack([row(x) for x in xs], axis=1)
    return found[0], found[1:]
