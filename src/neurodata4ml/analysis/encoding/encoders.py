"""The encoders by name, and what encode needs to know about each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodata4ml.analysis.encoding import banded as by_bands
from neurodata4ml.analysis.encoding import ridge as by_ridge
from neurodata4ml.analysis.encoding.estimators import by_estimator
from neurodata4ml.analysis.encoding.pls import N_COMPONENTS, pls
from neurodata4ml.analysis.encoding.poisson import poisson
from neurodata4ml.analysis.encoding.predicted import Fold, Options, Predicted
from neurodata4ml.errors import DesignError
from neurodata4ml.suggest import guess

Function = Callable[[list[np.ndarray], np.ndarray, Sequence[Fold], Options], Predicted]
"""Given features (one array (n, n_features) per space), responses (n, n_targets), folds and options."""


@dataclass(frozen=True)
class Encoder:
    """A way to predict responses from features.

    Attributes
    ----------
    function : callable (features, responses, folds, options) -> Predicted
    about : str
        What it fits, in one sentence.
    reference : str
    own : mapping of parameter to default
        Parameters of its own, which ``encode`` takes by name.
    joint : bool
        Whether several spaces of features are fitted together; else each alone, one after the other.
    weighs : bool
        Whether it heeds ``Options.weights``.
    penalised : bool
        Whether it chooses among ``Options.alphas``.
    any_type : bool
        Whether features may be integers or float32; else they are turned to float64 before.
    standardises : str
        What it does to features and responses inside each fold.
    """

    function: Function
    about: str
    reference: str
    own: Mapping[str, Any] = field(default_factory=dict)
    joint: bool = False
    weighs: bool = True
    penalised: bool = True
    any_type: bool = False
    standardises: str = by_ridge.Z_SCORED


def find_encoder(encoder: Any, own: Mapping[str, Any]) -> tuple[str, Encoder]:
    """Return an encoder with its name; refuse unknown ones, and parameters that it does not take.

    Raises
    ------
    DesignError
    """
    name, found = "", None
    if isinstance(encoder, str):
        name, found = encoder, ENCODERS.get(encoder)
    elif hasattr(encoder, "fit") and hasattr(encoder, "predict") and not isinstance(encoder, type):
        name = type(encoder).__name__
        about = f"{name}, cloned and fitted for every fold"
        found = Encoder(by_estimator(encoder), about, "", penalised=False, standardises="nothing")
    if found is None:
        message = (
            f"encode knows the encoders {', '.join(ENCODERS)}; got {encoder!r}.{guess(encoder, ENCODERS)} "
            f"Or give a regressor of scikit-learn."
        )
        raise DesignError(message)
    unknown = [key for key in own if key not in found.own]
    if unknown:
        known = ", ".join(found.own) or "none"
        message = f"The encoder {name!r} takes no {unknown[0]!r}.{guess(unknown[0], found.own)} It takes: {known}."
        raise DesignError(message)
    for key, value in own.items():
        if isinstance(found.own[key], bool) and not isinstance(value, bool | np.bool_):
            message = f"{name} takes {key}=True or {key}=False; got {value!r}."
            raise DesignError(message)
    return name, found


ENCODERS: dict[str, Encoder] = {
    "ridge": Encoder(
        by_ridge.ridge,
        "Linear regression with a quadratic penalty, of its own strength for every unit.",
        "Hoerl & Kennard 1970, Technometrics 12:55",
        by_ridge.OWN,
        any_type=True,
    ),
    "banded": Encoder(
        by_bands.banded,
        "Linear regression on several layers jointly, with a quadratic penalty of its own for every layer and unit.",
        "Dupré la Tour et al. 2022, NeuroImage 264:119728",
        by_bands.OWN,
        joint=True,
        any_type=True,
    ),
    "pls": Encoder(
        pls,
        "Partial least squares: the few directions of features that covary most with all units together.",
        "Wold, Sjöström & Eriksson 2001, Chemometr. Intell. Lab. Syst. 58:109",
        {"n_components": N_COMPONENTS, "scale": False},
        weighs=False,
        penalised=False,
        standardises="features and responses are centred in the training rows of each fold",
    ),
    "poisson": Encoder(
        poisson,
        "A log-linear model of counts with a quadratic penalty, of its own strength for every unit.",
        "McCullagh & Nelder 1989, Generalized Linear Models, ch. 6",
    ),
}
"""The encoders by name."""
