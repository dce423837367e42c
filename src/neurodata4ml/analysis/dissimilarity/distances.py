"""Distances by name, and what each promises: one line each, which the theorem tests hold it to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurodata4ml.analysis.dissimilarity.crossnobis import crossnobis, poisson_cv
from neurodata4ml.analysis.dissimilarity.mahalanobis import mahalanobis
from neurodata4ml.analysis.dissimilarity.means import correlation, cosine, euclidean
from neurodata4ml.analysis.dissimilarity.poisson import poisson

CHANGES = ("rotation", "scale", "offset", "unit scale", "pattern scale", "pattern offset")
"""What may be done to responses without changing what a distance says.

An orthogonal map of units; all responses times a number (for distances in squared units: all distances times its
square); one number per unit added in all stimuli; each unit times its own number; each pattern times its own positive
number; one number per pattern added in all units. The order of units and of stimuli never matters.
"""


@dataclass(frozen=True)
class Distance:
    """A distance and its promise.

    Attributes
    ----------
    function : callable
        On means: ``function(patterns)``, patterns (..., n_stimuli, n_features). On trials: ``function(values, labels,
        folds)`` or ``function(values, labels, folds, precision)``, values (n_trials, n_units), stimuli come out sorted.
        All take ``wide.Columns`` too.
    on : str
        ``"means"`` or ``"trials"``.
    zero_is_same : bool
        Its expectation is 0 for equal mean responses, however noisy: negative values occur, and ratios have a meaning.
    unbiased : bool
        Its expectation is the distance of the noiseless responses, whatever that is.
    range : (float, float)
        Between which values it lies.
    invariant_to : frozenset of str
        Those of ``CHANGES`` that leave it as it is; what is not named, changes it.
    units : str
        ``"squared"`` (of the responses), ``"1"``, or ``"same"`` (as the responses).
    reference : str
        Where its definition is from.
    takes_precision : bool
        Whether a noise precision can weigh its units.
    is_mean_over_units : bool
        Whether it is the mean of the distances of single units (without precision, or with a diagonal one).
    counts_only : bool
        Whether it takes nothing below 0.
    """

    function: Callable[..., np.ndarray]
    on: str
    zero_is_same: bool
    unbiased: bool
    range: tuple[float, float]
    invariant_to: frozenset[str]
    units: str
    reference: str
    takes_precision: bool = False
    is_mean_over_units: bool = False
    counts_only: bool = False


_INF = float("inf")

DISTANCES: dict[str, Distance] = {
    "euclidean": Distance(
        euclidean,
        on="means",
        zero_is_same=False,
        unbiased=False,
        range=(0.0, _INF),
        invariant_to=frozenset({"rotation", "scale", "offset"}),
        units="squared",
        reference="Nili et al. 2014, PLoS Comput. Biol. 10:e1003553 (squared, over the number of units)",
        is_mean_over_units=True,
    ),
    "correlation": Distance(
        correlation,
        on="means",
        zero_is_same=False,
        unbiased=False,
        range=(0.0, 2.0),
        invariant_to=frozenset({"scale", "pattern scale", "pattern offset"}),
        units="1",
        reference="Kriegeskorte, Mur & Bandettini 2008, Front. Syst. Neurosci. 2:4",
    ),
    "cosine": Distance(
        cosine,
        on="means",
        zero_is_same=False,
        unbiased=False,
        range=(0.0, 2.0),
        invariant_to=frozenset({"rotation", "scale", "pattern scale"}),
        units="1",
        reference="Nili et al. 2014, PLoS Comput. Biol. 10:e1003553",
    ),
    "mahalanobis": Distance(
        mahalanobis,
        on="trials",
        zero_is_same=False,
        unbiased=False,
        range=(0.0, _INF),
        # of its default precision, which shrinks to a multiple of the identity
        invariant_to=frozenset({"rotation", "scale", "offset"}),
        units="1",
        reference="Walther et al. 2016, NeuroImage 137:188, eq. 7",
        takes_precision=True,
    ),
    "crossnobis": Distance(
        crossnobis,
        on="trials",
        zero_is_same=True,
        unbiased=True,
        range=(-_INF, _INF),
        invariant_to=frozenset({"rotation", "scale", "offset"}),
        units="squared",
        reference="Walther et al. 2016, NeuroImage 137:188, eq. 13",
        takes_precision=True,
        is_mean_over_units=True,
    ),
    "poisson": Distance(
        poisson,
        on="means",
        zero_is_same=False,
        unbiased=False,
        range=(0.0, _INF),
        invariant_to=frozenset(),
        units="same",
        reference="Schuett et al. 2023, eLife 12:e82566, as in rsatoolbox 0.3.2",
        counts_only=True,
        is_mean_over_units=True,
    ),
    "poisson_cv": Distance(
        poisson_cv,
        on="trials",
        zero_is_same=True,
        unbiased=False,
        range=(-_INF, _INF),
        invariant_to=frozenset(),
        units="same",
        reference="Schuett et al. 2023, eLife 12:e82566; the mean over folds, of which rsatoolbox 0.3.2 returns one",
        counts_only=True,
        is_mean_over_units=True,
    ),
}
"""Distances of mean responses and of single trials."""
