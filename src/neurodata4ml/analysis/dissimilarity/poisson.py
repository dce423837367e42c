"""The Poisson divergence of spike counts: how far two rates are apart, given that a count varies as much as it is."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurodata4ml.analysis.dissimilarity.means import distances_of_gram, inner, without_means
from neurodata4ml.analysis.dissimilarity.wide import columns
from neurodata4ml.errors import DesignError

PRIOR_RATE, PRIOR_WEIGHT = 1.0, 0.1
"""A tenth of an observation of one spike is added to each mean, so that the logarithm of no spikes exists."""


def poisson(patterns: Any) -> np.ndarray:
    """Symmetrised Kullback-Leibler divergence between Poisson distributions, over the number of units.

    ``d_ij = sum_u (l_iu - l_ju) (log l_iu - log l_ju) / P`` with ``l = (mean + 0.1) / 1.1``: the sum of both
    divergences, as in rsatoolbox 0.3.2 (``calc_rdm_poisson``, prior_lambda=1, prior_weight=.1), whose paper is Schuett
    et al. 2023, eLife 12:e82566. Noise in the means adds to it.

    Parameters
    ----------
    patterns : ndarray (..., n_stimuli, n_units), or ``wide.Columns`` of it
        Mean spike counts, 0 or more; not rates in Hz, unless the window is a second.

    Returns
    -------
    ndarray (..., n_stimuli, n_stimuli)

    Raises
    ------
    DesignError
        Negative responses.
    """
    patterns = columns(patterns)
    gram: Any = 0.0
    for block in patterns:
        rate = with_prior(block)
        log = np.log(rate)
        # what all stimuli share cancels; taken out first, it costs no digits
        gram = gram + inner(without_means(rate), without_means(log))
    return np.asarray(np.maximum(distances_of_gram(gram), 0.0) / patterns.shape[-1])


def with_prior(counts: np.ndarray) -> np.ndarray:
    """Return mean counts drawn a little towards one spike: a gamma prior."""
    if counts.size and counts.min() < 0:
        message = (
            f"The Poisson divergence is one of counts, 0 or more; got {counts.min():g}. Hand in spike counts, not "
            f'z-scores or dF/F; for these: distance="crossnobis" of trials or "correlation" of means.'
        )
        raise DesignError(message)
    return np.asarray((counts + PRIOR_RATE * PRIOR_WEIGHT) / (1.0 + PRIOR_WEIGHT))
