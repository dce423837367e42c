"""What a jackknife over stimuli counts twice: the part of a similarity's variance that belongs to pairs of stimuli."""

from __future__ import annotations

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.delete_one import delete_one_of_halves, delete_one_stimulus, name_of
from neurodata4ml.analysis.inference.two_factors import narrowed
from neurodata4ml.analysis.linear.threads import one_blas_thread
from neurodata4ml.analysis.reliability.noise_corrected import grams_of_halves
from neurodata4ml.analysis.similarity.metric import Metric
from neurodata4ml.analysis.similarity.on_rdms import centred_ranks, squared_up
from neurodata4ml.analysis.similarity.representations import Side

_COSINES = ("cka_unbiased", "cka_rbf_unbiased", "rsa_pearson", "rsa_cosine", "rsa_spearman")
"""Metrics that are cosines over pairs of different stimuli."""

_OF_RANKS = {"rsa_rho_a": 1.0, "rsa_tau_a": 2.0 / 3.0}
"""Of the product of two stimuli's pair ranks, what each pair adds to the metric where the two sides share little."""


def stimulus_replicates(metric: Metric, x: Side, sides: list[Side]) -> np.ndarray:
    """Similarities without one stimulus at a time (n_stimuli, n_sides), of which the jackknife's variance is right.

    ``delete_one_stimulus``, its spread narrowed by ``pair_surplus``: of independent data the plain jackknife's interval
    is 1.41 times too wide (unbiased CKA of 118 stimuli contains 0 in 99.5 % of the cases, narrowed in 95 to 96 %).
    """
    return narrowed(delete_one_stimulus(metric, x, sides), pair_surplus(metric, x, sides))


def stimulus_replicates_of_halves(
    x: xr.DataArray, half: np.ndarray, n_stimuli: int, candidates: np.ndarray
) -> xr.DataArray:
    """Noise-corrected CKA without one stimulus at a time (group, quantity, y), of which the jackknife is right.

    ``delete_one_of_halves``, narrowed like ``stimulus_replicates``.
    """
    plain = delete_one_of_halves(x, half, n_stimuli, candidates)
    return plain.copy(data=narrowed(plain.values, surplus_of_halves(x, half, n_stimuli, candidates)))


def pair_surplus(metric: Metric, x: Side, sides: list[Side]) -> np.ndarray:
    """Variance that the jackknife of ``delete_one_stimulus`` counts once too often, (n_sides,); 0 where not known.

    A statistic of pairs of n stimuli has the variance ``4 s1 / n + 2 s2 / n^2``, s1 from stimuli and s2 from pairs;
    the jackknife estimates ``4 s1 / n + 4 s2 / n^2`` (Efron & Stein 1981, Ann. Stat. 9:586, section 4). Of independent
    data s1 is 0 for HSIC, and the interval sqrt(2) too wide. s2 comes from what each pair adds to the similarity r
    (of norm 1, ``a b - r (a^2 + b^2) / 2``) beyond what its two stimuli do. Ranks are taken as they are.

    Parameters
    ----------
    metric : Metric
    x, sides : Side, list of Side
    """
    name = name_of(metric)
    if name in _OF_RANKS:
        ranks = [_unit_square(metric, centred_ranks(side.values)) for side in (x, *sides)]
        return np.array([of_pairs(_OF_RANKS[name] * ranks[0] * other) for other in ranks[1:]])
    if name not in _COSINES:
        return np.zeros(len(sides))
    with one_blas_thread():
        mine = _unit_square(metric, x.prepared)
        return np.array([_surplus(mine, _unit_square(metric, side.prepared)) for side in sides])


def surplus_of_halves(x: xr.DataArray, half: np.ndarray, n_stimuli: int, candidates: np.ndarray) -> np.ndarray:
    """Return the same of ``delete_one_of_halves``, (quantity, y): of similarity, raw, ceiling and own."""
    n = n_stimuli
    if len(np.unique(x.coords["stimulus"].values)) < n:
        return np.full((4, len(candidates)), np.nan)
    gram, grams = grams_of_halves(x, half, n)
    shared, observed = np.mean(grams[:, 0] * grams[:, 1], axis=0), gram**2
    own, total = shared.sum(), observed.sum()
    if not (own > 0 and total > 0):
        return np.full((4, len(candidates)), np.nan)
    ceiling = np.sqrt(own / total) / 2 * (shared / own - observed / total)
    out = np.empty((4, len(candidates)))
    out[2:] = np.array([of_pairs(ceiling), of_pairs(shared)])[:, None]
    for k, candidate in enumerate(candidates):
        cross = gram * candidate
        for row, (self_term, norm) in enumerate(((shared, own), (observed, total))):
            r = cross.sum() / np.sqrt(norm)
            out[row, k] = of_pairs(cross / np.sqrt(norm) - r / 2 * (self_term / norm + candidate**2))
    return out


def _unit_square(metric: Metric, prepared: np.ndarray) -> np.ndarray:
    """Return what was prepared as a symmetric matrix of norm 1 with nothing on its diagonal."""
    square = squared_up(prepared) if metric.on == "rdm" else prepared
    return np.asarray(square / (np.linalg.norm(square) or np.nan))


def _surplus(a: np.ndarray, b: np.ndarray) -> float:
    cross = a * b
    r = cross.sum() / 2
    cross -= r * (a * a)
    cross -= r * (b * b)
    return of_pairs(cross)


def of_pairs(each: np.ndarray) -> float:
    """Return ``2 s2 / n^2`` from what each pair adds (n, n): twice the squares of what its stimuli do not explain.

    With nothing on the diagonal, the squares that two-way means explain follow from the sums of rows.
    """
    n = len(each)
    rows = each.sum(axis=1)
    explained = 2.0 * (rows @ rows) / (n - 2) - rows.sum() ** 2 / ((n - 1) * (n - 2))
    return 2.0 * max(float(np.vdot(each, each)) - float(explained), 0.0)
