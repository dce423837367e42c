"""One fit of one scikit-learn estimator: its predictions, and its decision values with a column for every class."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from neurodata4ml.analysis.decoding.decoders import Chosen
from neurodata4ml.errors import DesignError


def fit(chosen: Chosen, parameters: dict[str, Any], X: np.ndarray, y: np.ndarray) -> Any:
    """Return the estimator with these parameters, fitted; or None where the labels are all the same."""
    if len(np.unique(y)) < 2:
        # a shuffle can leave one class in a training set, which many estimators refuse
        return None
    return clone(chosen.estimator).set_params(**parameters).fit(X, y)


def predict(fitted: Any, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the prediction of each row of X; the one label there was, where nothing could be fitted."""
    if fitted is None:
        return np.full(len(X), y[0])
    return np.asarray(fitted.predict(X)).reshape(len(X))


def decide(fitted: Any, X: np.ndarray, n_classes: int) -> np.ndarray:
    """Return decision values (n_rows, n_classes): -inf for a class that was not learnt.

    From ``decision_function`` for two classes and ``predict_proba`` for more, as scikit-learn's own AUC takes them,
    and from the other where there is only one.

    Raises
    ------
    DesignError
        The estimator has neither.
    """
    out = np.full((len(X), n_classes), -np.inf)
    if fitted is None:
        return np.zeros((len(X), n_classes))
    classes = np.asarray(fitted.classes_)
    names = ["decision_function", "predict_proba"] if len(classes) == 2 else ["predict_proba", "decision_function"]
    name = next((name for name in names if hasattr(fitted, name)), None)
    values = None if name is None else np.asarray(getattr(fitted, name)(X))
    if values is not None and values.ndim == 1:
        values = np.stack([-values / 2, values / 2], axis=1)
    if values is None or values.shape != (len(X), len(classes)):
        message = (
            f"AUC orders samples by decision values, one per class, and {type(fitted).__name__} gives none. Use "
            f'scoring="balanced_accuracy", or an estimator with predict_proba.'
        )
        raise DesignError(message)
    out[:, classes.astype(np.int64)] = values
    return out
