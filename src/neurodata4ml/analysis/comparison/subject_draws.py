"""How uncertain models beside several subjects are: stimuli and subjects drawn again, pairs of stimuli counted once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.comparison.resampled import multiplicities
from neurodata4ml.analysis.comparison.subjects import resampled_subjects
from neurodata4ml.analysis.comparison.weighted import n_stimuli_of
from neurodata4ml.analysis.inference.two_factors import bootstrap_variance
from neurodata4ml.analysis.reliability.pooling import pooled
from neurodata4ml.analysis.similarity.metrics import METRICS

_AS_DRAWN = ("rsa_cosine",)
"""Metrics of which draws give the right variance as they are: what pairs add to a cosine of distances that are not
centred is mostly their size. (20 stimuli, 6 subjects, unrelated models: true sd of a difference .024, drawn .025.)
"""

_THRICE = 1 / 3
"""What is left of a bootstrap's variance, at least: of a statistic of pairs it counts no term more than three times."""


@dataclass(frozen=True)
class Sample:
    """Similarities of models, lower bound and upper bound (n_quantities in this order), whole and drawn again.

    Attributes
    ----------
    estimate : ndarray (n_quantities,)
    both, stimuli, subjects : ndarray (n_resamples, n_quantities), or None where that is not drawn
        Draws of both at once, and of each alone, the same.
    common, own : ndarray (n_quantities, n_quantities)
        Covariance that single pairs of stimuli add: what is common to subjects, and what is each one's own.
    n_stimuli, n_subjects : int
    """

    estimate: np.ndarray
    both: np.ndarray | None
    stimuli: np.ndarray | None
    subjects: np.ndarray | None
    common: np.ndarray
    own: np.ndarray
    n_stimuli: int
    n_subjects: int

    @property
    def freedom(self) -> int:
        """Degrees of freedom: the smaller number of what is drawn, less one."""
        drawn = ((self.stimuli, self.n_stimuli), (self.subjects, self.n_subjects))
        return min(n for values, n in drawn if values is not None) - 1

    def variance(self, less: int | None = None) -> np.ndarray:
        """Return the variance of every quantity (n_quantities,), or of its difference from the one at ``less``.

        A similarity of pairs of n stimuli has the variance ``4 s1 / n + 2 s2 / n^2``; draws with replacement count the
        second term three times (with two factors: what is each subject's own, ``s2' / m``, seven times). What pairs add
        beyond their two stimuli is known to first order (``pair_covariances``) and taken away, so that each variance
        holds every term as often as Schuett et al. 2023 (eLife 12:e82566) count it for means of two factors; theirs
        (``bootstrap_variance``) is then what is left.
        """
        common, own = _of_differences(self.common, less), _of_differences(self.own, less)
        n, m = self.n_stimuli, self.n_subjects
        stimuli, subjects = np.zeros_like(common), np.zeros_like(common)
        if self.subjects is not None:
            subjects = _variance(self.subjects, less)
        if self.stimuli is not None:
            drawn = _variance(self.stimuli, less)
            stimuli = np.maximum(drawn - 2 * (common + own), _THRICE * drawn)
        if self.both is None:
            return stimuli * n / (n - 1) + subjects * m / max(m - 1, 1)
        both = np.maximum(_variance(self.both, less) - 2 * common - 4 * own, np.maximum(stimuli, subjects))
        return bootstrap_variance(both, stimuli, subjects, n_first=n, n_second=m)


def sample(
    metric: str, subjects: np.ndarray, models: np.ndarray, *, over: tuple[str, ...], n_resamples: int, seed: int
) -> Sample:
    """Return models beside subjects, whole and drawn again.

    Parameters
    ----------
    metric : str
        One of ``METRICS_OF_SUBJECTS``.
    subjects, models : ndarray (n, n_pairs)
    over : tuple of "stimulus" and "subject"
        What is drawn with replacement.
    n_resamples, seed : int
    """
    m, n = len(subjects), n_stimuli_of(subjects.shape[1])
    rng = np.random.default_rng(seed)
    stimuli, people = multiplicities(n, n_resamples, rng), multiplicities(m, n_resamples, rng)

    def of(weights: np.ndarray, subject_weights: np.ndarray | None) -> np.ndarray:
        found = resampled_subjects(metric, subjects, models, weights, subject_weights)
        bounds = np.column_stack([found.lower, found.upper])
        if m < 2:
            bounds[:] = np.nan
        return np.column_stack([found.similarity, bounds])

    by_stimulus, by_subject = "stimulus" in over, "subject" in over
    common, own = pair_covariances(metric, subjects, models)
    if metric in _AS_DRAWN:
        common, own = np.zeros_like(common), np.zeros_like(own)
    return Sample(
        of(np.ones((1, n)), None)[0],
        of(stimuli, people) if by_stimulus and by_subject else None,
        of(stimuli, None) if by_stimulus else None,
        of(np.ones_like(stimuli), people) if by_subject else None,
        common,
        own,
        n,
        m,
    )


def pair_covariances(metric: str, subjects: np.ndarray, models: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Covariance of mean similarities that comes from single pairs of stimuli, common to subjects and their own.

    To first order a cosine r of vectors a, b of norm 1 is moved by each pair by ``a b - r (a^2 + b^2) / 2``; beyond
    what two stimuli add to all their pairs, this is the second term of ``4 s1 / n + 2 s2 / n^2`` (Efron & Stein 1981,
    Ann. Stat. 9:586). What is common is what different subjects' terms have in common, which noise of one does not
    enter. Ranks and pools of subjects are taken as they are.

    Returns
    -------
    common, own : ndarray (n_models + 2, n_models + 2)
        Of models, lower and upper bound; they add up to the covariance with these subjects given.
    """
    m, prepare = len(subjects), METRICS[metric].prepare
    mine, theirs = _units(prepare, subjects), _units(prepare, models)
    others_of = [np.delete(subjects, s, axis=0) if m > 1 else subjects for s in range(m)]
    pools = _units(prepare, np.stack([pooled(list(others), metric) for others in others_of]))
    everyone = _units(prepare, pooled(list(subjects), metric)[None])
    squares, mean = np.zeros((len(models) + 2,) * 2), np.zeros((len(models) + 2, subjects.shape[1]))
    for one, pool in zip(mine, pools, strict=True):
        others = np.vstack([theirs, pool, everyone])
        terms = _beyond_stimuli(others * one - (others @ one)[:, None] / 2 * (others**2 + one**2))
        squares += terms @ terms.T
        mean += terms / m
    total = mean @ mean.T
    if m < 2:
        return total, np.zeros_like(total)
    own = (squares / m - total) / (m - 1)
    return total - own, own


def _units(prepare: Callable[[np.ndarray], np.ndarray], rows: np.ndarray) -> np.ndarray:
    prepared = np.stack([prepare(row) for row in rows])
    lengths = np.linalg.norm(prepared, axis=1, keepdims=True)
    return np.asarray(prepared / np.where(lengths > 0, lengths, np.nan))


def _beyond_stimuli(pairs: np.ndarray) -> np.ndarray:
    """Return what is left of values of pairs (k, n_pairs) when each stimulus may add something to all of its pairs."""
    n = n_stimuli_of(pairs.shape[1])
    first, second = np.triu_indices(n, 1)
    member = np.zeros((pairs.shape[1], n))
    member[np.arange(len(first)), first] = member[np.arange(len(first)), second] = 1.0
    rows = pairs @ member
    total = rows.sum(axis=1, keepdims=True)  # each pair twice
    of_stimulus = (rows - total / n) / (n - 2)
    return np.asarray(pairs - total / (n * (n - 1)) - of_stimulus[:, first] - of_stimulus[:, second])


def _of_differences(covariance: np.ndarray, less: int | None) -> np.ndarray:
    own = np.diag(covariance)
    found = own if less is None else own + own[less] - 2 * covariance[less]
    return np.asarray(np.maximum(np.nan_to_num(found, nan=0.0), 0.0))


def _variance(drawn: np.ndarray, less: int | None) -> np.ndarray:
    """Return the variance over those draws in which a quantity is defined."""
    values = drawn if less is None else drawn - drawn[:, [less]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a quantity that is nowhere defined
        return np.asarray(np.nanvar(values, axis=0, ddof=1))
