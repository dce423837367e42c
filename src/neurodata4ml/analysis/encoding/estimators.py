"""Any regressor of scikit-learn as an encoder: cloned and fitted for every fold, however long that takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neurodata4ml.analysis.encoding.predicted import Fold, Options, Predicted, empty
from neurodata4ml.analysis.linear.threads import in_threads
from neurodata4ml.errors import DesignError


def by_estimator(
    estimator: Any,
) -> Callable[[list[np.ndarray], np.ndarray, Sequence[Fold], Options], Predicted]:
    """Return the encoder that fits this regressor to all targets at once, or to each where it takes only one.

    Rows count as they are weighted where the regressor's ``fit`` takes ``sample_weight``; its own cross-validation
    (``RidgeCV``, ``GridSearchCV``) does not know which rows belong together, which matters for bins of time alone.
    """

    def encoder(features: list[np.ndarray], y: np.ndarray, folds: Sequence[Fold], options: Options) -> Predicted:
        x = np.concatenate(features, axis=1)
        values, row, fold, places = empty(folds, y.shape[1])
        weighed = options.weights is not None and _takes_weights(estimator)

        def one(k: int) -> None:
            train, test = folds[k]
            extra = {"sample_weight": np.asarray(options.weights)[train]} if weighed else {}
            values[places[k]] = _predicted(estimator, x[train], y[train], x[test], extra)

        in_threads(one, range(len(folds)), n_jobs=options.n_jobs)
        about = {"form": "a regressor of scikit-learn, fitted anew for every fold", "weighted": weighed}
        return Predicted(values, row, fold, {}, about)

    return encoder


def _predicted(
    estimator: Any, x: np.ndarray, y: np.ndarray, test: np.ndarray, extra: dict[str, np.ndarray]
) -> np.ndarray:
    from sklearn.base import clone, is_regressor

    if not is_regressor(estimator):
        message = (
            f"encode predicts numbers, and {type(estimator).__name__} is not a regressor. Give one, such as "
            f"make_pipeline(StandardScaler(), Ridge())."
        )
        raise DesignError(message)
    try:
        return np.asarray(clone(estimator).fit(x, y, **extra).predict(test)).reshape(len(test), y.shape[1])
    except ValueError:
        # not every regressor takes several targets
        fits = (clone(estimator).fit(x, column, **extra) for column in y.T)
        return np.stack([fit.predict(test) for fit in fits], axis=1)


def _takes_weights(estimator: Any) -> bool:
    from sklearn.utils.validation import has_fit_parameter

    return bool(has_fit_parameter(estimator, "sample_weight"))
