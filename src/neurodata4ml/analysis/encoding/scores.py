"""The scores of encoding by name: what each says, its range, and what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from neurodata4ml.analysis.encoding import score_formulas as formulas
from neurodata4ml.analysis.encoding.predicted import Held
from neurodata4ml.analysis.reliability.power import noise_variance
from neurodata4ml.errors import DesignError

UNRELIABLE = (
    "NaN where the lower end (95 %) of a unit's reliability is not above "
    f"{formulas.LEAST_RELIABILITY:g}: dividing by it would return the noise of the ceiling"
)


@dataclass(frozen=True)
class Score:
    """A score of held-out predictions, one number per target.

    Attributes
    ----------
    function : callable Held -> ndarray (n_targets,)
        NaN for what is undefined.
    about : str
        What it says, in a sentence.
    formula : str
    range : tuple of float
        Lowest and highest value. Where noise is taken out, chance can exceed what the true value cannot; such
        scores are shown as they are.
    reference : str
        Where it was defined.
    needs_trials : bool
        Whether it asks for single trials.
    undefined : str
        For which targets it is NaN.
    """

    function: Callable[[Held], np.ndarray]
    about: str
    formula: str
    range: tuple[float, float]
    reference: str
    needs_trials: bool = False
    undefined: str = "NaN for units whose responses or predictions do not change"


class Noise(NamedTuple):
    """What single trials say of the mean responses that are scored.

    The trials are those of the scored stimuli themselves. That leaks nothing into the score, in whose expectation
    their noise cancels; but to *select* units by this reliability and then to score them on the same trials favours
    units whose noise looked like signal. Select with other trials.

    Attributes
    ----------
    variance : ndarray (n_targets,)
        Of the noise in a mean response: v times the mean of 1 / n over the scored rows.
    power : ndarray (n_targets,)
        Variance of the noise-free means, unbiased; below 0 at times.
    reliability : ndarray (n_targets,)
        Their share in the variance of the observed means.
    low : ndarray (n_targets,)
        Lower end of its 95 % interval.
    """

    variance: np.ndarray
    power: np.ndarray
    reliability: np.ndarray
    low: np.ndarray


def noise_of(held: Held) -> Noise:
    """Return noise and signal of held-out mean responses, from their single trials.

    NaN where the scored stimuli are fewer than two, or were shown once while others were shown again.

    Raises
    ------
    DesignError
        No trials, or no stimulus that was shown twice.
    """
    if held.trials is None or held.of_trial is None:
        message = (
            "Scores that are corrected for noise need single trials; got mean responses. "
            "Give encode the trials (trial, unit) with the coordinate 'stimulus', or ask for scores=('r', 'r2')."
        )
        raise DesignError(message)
    scored = np.isin(held.of_trial, held.row)
    trial, n_trials = held.of_trial[scored], np.bincount(held.of_trial, minlength=int(held.row.max(initial=0)) + 1)
    n_stimuli = len(np.unique(trial))
    is_repeated = len(held.of_trial) > len(np.unique(held.of_trial))
    if is_repeated and (n_stimuli < 2 or len(trial) == n_stimuli):
        # a fold of one stimulus, or of stimuli that were all shown once
        unknown = np.full(held.truth.shape[1], np.nan)
        return Noise(unknown, unknown, unknown, unknown)
    v = noise_variance(held.trials[scored], trial)
    variance = v * float(np.mean(1.0 / n_trials[held.row]))
    spread = formulas.centred(held.truth)
    total = np.sum(spread**2, axis=0) / max(len(spread) - 1, 1)
    alone = total > 1e-24 * np.max(np.square(held.truth), axis=0, initial=0.0)
    reliability = 1.0 - variance / np.where(alone, total, np.nan)
    low = formulas.lower_reliability(reliability, len(np.unique(held.row)), len(trial))
    return Noise(variance, total - variance, reliability, low)


def unreliable(held: Held) -> np.ndarray:
    """Return for each target whether its reliability is too uncertain to divide by: ndarray of bool (n_targets,)."""
    return ~(noise_of(held).low > formulas.LEAST_RELIABILITY)


class Within(NamedTuple):
    """Held-out responses less the mean of their fold, and predictions less it and over their spread in the fold."""

    truth: np.ndarray
    predicted: np.ndarray
    n_free: int


def within_folds(held: Held) -> Within:
    """Return both sides as they stand within each fold, so that folds can be pooled in one correlation.

    Pooled as they are, predictions of nothing correlate with the responses by -0.1 or -0.2. A training mean is low
    where the test responses are high, since both come from the same stimuli; and folds that agree by chance choose a
    smaller penalty, predict more boldly, and so have their agreement divided by more. Where a fold has one row,
    and so neither mean nor spread, predictions are pooled less the mean of their training rows.
    """
    if held.fold is None or len(np.unique(held.fold)) < 2:
        return Within(held.truth, held.predicted, len(held.truth) - 1)
    names, fold, counts = np.unique(held.fold, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        return Within(held.truth, _beyond_training(held), len(held.truth) - 1)
    truth, predicted = (np.array(values, dtype=np.float64) for values in (held.truth, held.predicted))
    for k in range(len(names)):
        rows = fold == k
        size = np.abs(predicted[rows]).max(axis=0)
        truth[rows], predicted[rows] = formulas.centred(truth[rows]), formulas.centred(predicted[rows])
        spread = predicted[rows].std(axis=0)
        flat = spread <= 1e-12 * size  # NaN, where nothing is predicted, stays NaN
        predicted[rows] = np.where(flat, 0.0, predicted[rows] / np.where(flat, 1.0, spread))
    return Within(truth, predicted, len(held.truth) - len(names))


def _beyond_training(held: Held) -> np.ndarray:
    """Return predictions less the mean of the training rows; 0 where only rounding is left."""
    if held.reference is None:
        return held.predicted
    beyond = held.predicted - held.reference
    return np.where(np.abs(beyond) <= 1e-12 * np.abs(held.reference), 0.0, beyond)


def _r(held: Held) -> np.ndarray:
    within = within_folds(held)
    return formulas.correlation(within.truth, within.predicted)


def _r2(held: Held) -> np.ndarray:
    return formulas.explained(held.truth, held.predicted, held.reference)


def _trusted(held: Held, score: Callable[[Noise], np.ndarray]) -> np.ndarray:
    noise = noise_of(held)
    return np.where(noise.low > formulas.LEAST_RELIABILITY, score(noise), np.nan)


def _cc_norm(held: Held) -> np.ndarray:
    truth, predicted, n_free = within_folds(held)
    return _trusted(held, lambda noise: formulas.cc_norm(truth, predicted, noise.power, n_free=n_free))


def _r2_er(held: Held) -> np.ndarray:
    truth, predicted, n_free = within_folds(held)
    return _trusted(held, lambda noise: formulas.r2_er(truth, predicted, noise.variance, n_free=n_free))


def _r_ceiled(held: Held) -> np.ndarray:
    return _trusted(held, lambda noise: formulas.r_ceiled(_r(held), noise.reliability))


def _r2_ceiled(held: Held) -> np.ndarray:
    return _trusted(held, lambda noise: formulas.r2_ceiled(_r(held), noise.reliability))


def _deviance(held: Held) -> np.ndarray:
    return formulas.deviance_explained(held.truth, held.predicted, _n_trials(held))


def _bits_per_spike(held: Held) -> np.ndarray:
    return formulas.bits_per_spike(held.truth, held.predicted, _n_trials(held))


def _n_trials(held: Held) -> np.ndarray | None:
    """Return how many trials stand behind each scored row."""
    if held.of_trial is None:
        return None
    counts = np.bincount(held.of_trial, minlength=int(held.row.max(initial=0)) + 1)
    return np.asarray(counts[held.row], dtype=np.float64)


_NO_RATE = "NaN for units without spikes in the test, and for predictions below 0, which are no rates"

SCORES: dict[str, Score] = {
    "r": Score(
        _r,
        "Correlation of predictions with the observed mean responses, within folds; noise lowers it.",
        "cov(y, p) / sqrt(var(y) var(p))",
        (-1.0, 1.0),
        "Pearson 1895",
    ),
    "r2": Score(
        _r2,
        "Share of the variance of the observed mean responses that is explained; wrong scale and offset cost.",
        "1 - sum (y - p)^2 / sum (y - mean of training)^2",
        (-np.inf, 1.0),
        "Hastie, Tibshirani & Friedman 2009, ch. 7",
        undefined="NaN for units whose responses do not change, or that have no prediction in some fold",
    ),
    "cc_norm": Score(
        _cc_norm,
        "What the correlation would be with the responses free of noise.",
        "cov(y, p) / sqrt(var(p) signal power)",
        (-np.inf, np.inf),
        "Schoppe et al. 2016, Front. Comput. Neurosci. 10:10",
        needs_trials=True,
        undefined=UNRELIABLE,
    ),
    "r2_er": Score(
        _r2_er,
        "What the squared correlation would be with the responses free of noise, nearly without bias.",
        "((p.y)^2 - u p.p) / (p.p y.y - (m - 1) u p.p), u the noise variance of a mean",
        (-np.inf, np.inf),
        "Pospisil & Bair 2021, PLoS Comput. Biol. 17:e1009212",
        needs_trials=True,
        undefined=UNRELIABLE,
    ),
    "r_ceiled": Score(
        _r_ceiled,
        "Correlation over that of a perfect model.",
        "r / sqrt(reliability of the means)",
        (-np.inf, np.inf),
        "Spearman 1904, Am. J. Psychol. 15:72",
        needs_trials=True,
        undefined=UNRELIABLE,
    ),
    "r2_ceiled": Score(
        _r2_ceiled,
        "Squared correlation over that of a perfect model.",
        "r^2 / reliability of the means",
        (0.0, np.inf),
        "Brain-Score's present convention; formerly it squared the ceiling too",
        needs_trials=True,
        undefined=UNRELIABLE,
    ),
    "deviance": Score(
        _deviance,
        "Share of Poisson deviance that predicted rates explain (pseudo-R2).",
        "1 - D(y, p) / D(y, mean of y)",
        (-np.inf, 1.0),
        "Cameron & Windmeijer 1996, J. Bus. Econ. Stat. 14:209",
        undefined=_NO_RATE,
    ),
    "bits_per_spike": Score(
        _bits_per_spike,
        "Information about each spike that predicted rates add to the mean rate.",
        "(nll(mean of y) - nll(p)) / (spikes ln 2)",
        (-np.inf, np.inf),
        "Pei et al. 2021, NeurIPS datasets track (Neural Latents Benchmark)",
        undefined=_NO_RATE,
    ),
}
"""The scores by name. Those with ``needs_trials`` are corrected for noise and exceed 1 by chance at times."""
