"""Two noisy cues to one position, with the estimate from both that nobody can beat, in closed form."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

N_EACH = 40
"""Units that see each cue."""

CENTRES = np.linspace(-32.0, 32.0, N_EACH)
"""Degrees: the position that each unit of a cue prefers; dense against the width, so that all together fire alike."""

WIDTH, SPREAD = 8.0, 8.0
"""Degrees: of the units' Gaussian tuning; standard deviation of the positions, which are Gaussian around 0."""

RELIABILITIES = (0.5, 1.0, 2.0, 4.0)
"""Spikes in a trial of a unit whose preferred position is shown: the more, the more a cue can be relied on."""


def draw_cues(
    n_trials: int, *, reliabilities: Sequence[float] = RELIABILITIES, conflict: float = 0.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw positions, how reliable each cue to them is, and the spikes of the units that see the cues.

    Parameters
    ----------
    n_trials : int
    reliabilities : sequence of float
        Of which each cue gets one in each trial, whatever the other has.
    conflict : float, degrees
        By how much the second cue lies to the right of the first; the position is midway.
    seed : int

    Returns
    -------
    position : ndarray (trial,), degrees
    reliability : ndarray (trial, cue)
    counts : ndarray (trial, input)
        Poisson; the units of the first cue, then those of the second.

    Raises
    ------
    DesignError
        No trial; a reliability that is not above 0, or a conflict that is no finite number.
    """
    require_whole(n_trials, "n_trials", least=1)
    require_whole(seed, "seed", least=0)
    levels = np.asarray(reliabilities, dtype=float)
    if levels.ndim != 1 or levels.size == 0 or not (np.isfinite(levels).all() and (levels > 0).all()):
        message = (
            f"reliabilities must be one number or more, all above 0, such as {RELIABILITIES}; got {reliabilities}."
        )
        raise DesignError(message)
    if not np.isfinite(conflict):
        message = f"conflict must be finite degrees between the two cues; got {conflict!r}. Leave it out for none."
        raise DesignError(message)
    rng = np.random.default_rng(seed)
    position = SPREAD * rng.standard_normal(n_trials)
    reliability = levels[rng.integers(len(levels), size=(n_trials, 2))]
    return position, reliability, rng.poisson(expected_counts(position, reliability, conflict=conflict))


def expected_counts(position: np.ndarray, reliability: np.ndarray, *, conflict: float = 0.0) -> np.ndarray:
    """Mean counts (trial, input) of both cues' units, for positions (trial,) and reliabilities (trial, cue)."""
    seen = np.asarray(position)[:, None] + conflict * np.array([-0.5, 0.5])
    tuned = np.exp(-((seen[:, :, None] - CENTRES) ** 2) / (2 * WIDTH**2))
    return np.asarray(np.asarray(reliability)[:, :, None] * tuned).reshape(len(tuned), 2 * N_EACH)


def posterior(counts: np.ndarray, *, cue: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and width of what can be known of the position from the spikes: the ideal observer.

    Each spike is worth one Gaussian of its unit's tuning, and so is the prior: precisions add, ``1 / width**2 =
    spikes / WIDTH**2 + 1 / SPREAD**2``, and the mean is that of the preferred positions, weighted so. It is exact where
    all units together fire alike for any position, whether or not the reliability is known (Ma, Beck, Latham & Pouget
    2006, Nature Neuroscience 9:1432). No estimate has a smaller mean squared error than the mean.

    Parameters
    ----------
    counts : ndarray (trial, input)
        As of :func:`draw_cues`.
    cue : {0, 1}, optional
        Only this cue is looked at; both when left out.

    Returns
    -------
    mean, width : ndarray (trial,), degrees
        ``width`` is the posterior's standard deviation.

    Raises
    ------
    DesignError
        Counts of another shape, or that are not finite or below 0; a cue that there is not.
    """
    x = np.asarray(counts, dtype=float)
    if x.ndim != 2 or x.shape[1] != 2 * N_EACH or not np.isfinite(x).all() or (x < 0).any():
        message = f"counts must be (trial, {2 * N_EACH}), finite, not below 0, as of draw_cues; got shape {x.shape}."
        raise DesignError(message)
    if cue not in (None, 0, 1):
        message = f"cue must be 0 or 1; got {cue!r}. Leave it out for both."
        raise DesignError(message)
    each = x.reshape(len(x), 2, N_EACH)
    seen = each.sum(axis=1) if cue is None else each[:, cue]
    precision = seen.sum(axis=1) / WIDTH**2 + 1 / SPREAD**2
    return seen @ CENTRES / WIDTH**2 / precision, 1 / np.sqrt(precision)


def first_cue_weight(report: np.ndarray, counts: np.ndarray) -> float:
    """Share of the first cue in an observer's reports, from 0 to 1, as psychophysics measures it.

    Least squares of the report on the estimates from either cue alone; the weight of the first over the sum of both.
    An ideal observer's is near the share of the spikes that the first cue gives (Ernst & Banks 2002, Nature 415:429).

    Parameters
    ----------
    report : ndarray (trial,), degrees
    counts : ndarray (trial, input)
        As of :func:`draw_cues`; best of one pair of reliabilities.

    Returns
    -------
    float

    Raises
    ------
    DesignError
        Another number of reports than of trials, or fewer than three.
    """
    alone = np.stack([posterior(counts, cue=cue)[0] for cue in (0, 1)], axis=1)
    if np.shape(report) != (len(alone),) or len(alone) < 3:
        message = f"first_cue_weight takes one report per trial of three or more; got {np.shape(report)}, {len(alone)}."
        raise DesignError(message)
    one, other = np.linalg.lstsq(alone, np.asarray(report, dtype=float), rcond=None)[0]
    return float(one / (one + other))
