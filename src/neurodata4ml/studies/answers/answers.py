"""What each section of a report says: one function per section, from the material to labelled arrays."""

from __future__ import annotations

from collections.abc import Callable

import xarray as xr

from neurodata4ml.errors import DesignError
from neurodata4ml.spec import Spec
from neurodata4ml.studies.answers.activity import psth, unit_reliability
from neurodata4ml.studies.answers.decoding import decoding
from neurodata4ml.studies.answers.encoding import encoding
from neurodata4ml.studies.answers.population import latent_trajectories, signal_dimensionality
from neurodata4ml.studies.answers.similarity import rdms, similarity
from neurodata4ml.studies.material import Material
from neurodata4ml.studies.recovery import recover
from neurodata4ml.study_keys import ANALYSES
from neurodata4ml.suggest import guess

ANSWERS: dict[str, Callable[[Material], xr.Dataset]] = {
    "psth": psth,
    "decoding": decoding,
    "latents": latent_trajectories,
    "dimensionality": signal_dimensionality,
    "reliability": unit_reliability,
    "rdms": rdms,
    "encoding": encoding,
    "similarity": similarity,
    "truth": recover,
}
"""Section -> what makes its array. Each depends on the material alone, never on which others are made."""


def asked_of(spec: Spec, *, among_many: bool = False) -> dict[str, Callable[[Material], xr.Dataset]]:
    """Return the answers that a study asks for, in the order of the page; all where it names none.

    Among many recordings none is set beside its truth: that takes as long as all else, and no page shows it.

    Raises
    ------
    DesignError
        An analysis that there is none of.
    """
    for name in spec.analyses or ():
        if name not in ANALYSES:
            message = f"there is no analysis {name!r}.{guess(name, ANALYSES)} Analyses: {', '.join(ANALYSES)}."
            raise DesignError(message)
    asked = ANALYSES if spec.analyses is None else spec.analyses
    wanted = {ANALYSES[name] for name in asked} | (set() if among_many else {"truth"})
    return {name: answer for name, answer in ANSWERS.items() if name in wanted}
