"""Likeness of two RDMs, from the vectors of their pairs: rank correlations without the sizes of distances, or with."""

from __future__ import annotations

import numpy as np
from scipy import stats

from neurodata4ml.analysis.similarity.centring import centred
from neurodata4ml.analysis.similarity.cka import doubly_centred
from neurodata4ml.errors import DimensionError


def as_floats(pairs: np.ndarray) -> np.ndarray:
    """Return the pairs as they are, in float64."""
    return np.asarray(pairs, dtype=np.float64)


def centred_ranks(pairs: np.ndarray) -> np.ndarray:
    """Return the ranks of the pairs, ties sharing their mean, minus the mean rank."""
    return centred(stats.rankdata(pairs))


def rho_a(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation expected where ties are broken at random: in [-1, 1].

    ``12 a'b / (m^3 - m)`` of centred ranks of m pairs (Schuett et al. 2023, eLife 12:e82566, appendix). NaN where all
    pairs of one RDM are equal: it puts none before another, and 0 would be read as a likeness that was looked for.
    """
    n = len(a)
    return float(12.0 * np.dot(a, b) / (float(n) ** 3 - n)) if a.any() and b.any() else float("nan")


def whitened_square(pairs: np.ndarray) -> np.ndarray:
    """Return ``-1/2 H D H``: distances as a doubly centred matrix (n_stimuli, n_stimuli), in which errors are alike.

    Errors of distances that share a stimulus go together; with equal noise of all stimuli their covariance is that of
    which the inverse makes ``d' V^-1 e`` proportional to the inner product of the doubly centred matrices (Diedrichsen
    et al. 2021, NBDT 5:1, who show its relation to CKA). Nothing of size pairs x pairs is made.

    Raises
    ------
    DimensionError
        Not n(n - 1)/2 pairs.
    """
    return doubly_centred(-0.5 * squared_up(pairs))


def whitened_centred_square(pairs: np.ndarray) -> np.ndarray:
    """Return ``whitened_square`` of distances minus their mean: for the whitened correlation."""
    return whitened_square(np.asarray(pairs, dtype=np.float64) - np.mean(pairs))


def squared_up(pairs: np.ndarray) -> np.ndarray:
    """Return the symmetric matrix (n_stimuli, n_stimuli) with these entries above its diagonal, which is 0.

    Raises
    ------
    DimensionError
        Not n(n - 1)/2 pairs.
    """
    pairs = np.asarray(pairs, dtype=np.float64)
    n = round((1 + np.sqrt(1 + 8 * len(pairs))) / 2)
    if n * (n - 1) // 2 != len(pairs):
        message = (
            f"This metric needs the distance of every pair of stimuli, n (n - 1) / 2 of them; got {len(pairs)}. "
            f'Type metric="rsa_pearson", which takes any pairs.'
        )
        raise DimensionError(message)
    square = np.zeros((n, n))
    square[np.triu_indices(n, 1)] = pairs
    return square + square.T
