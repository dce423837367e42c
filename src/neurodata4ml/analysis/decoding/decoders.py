"""The decoders by name, and what decode needs to know about each: its two forms and its hyper-parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier, is_clusterer, is_regressor
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier, RidgeClassifierCV, RidgeCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

from neurodata4ml.analysis.decoding.bayes import PoissonBayes
from neurodata4ml.analysis.decoding.position import PoissonPosition
from neurodata4ml.analysis.linear.discriminant import LeastSquaresLDA
from neurodata4ml.errors import DesignError

Grid = Mapping[str, Any]

UNEQUAL = 1.25
"""Times as many samples in the largest class as in the smallest, from which on ridge weighs classes."""


@dataclass(frozen=True)
class Decoder:
    """A decoder by name; called, it makes a fresh scikit-learn estimator.

    Attributes
    ----------
    classifier, regressor : callable () -> estimator, optional
        For classes and for continuous targets; None where there is no such form.
    grid : mapping of parameter to values
        Hyper-parameter and the values tried in inner folds, the simplest model first: it wins a tie.
    nested : bool
        Whether inner folds choose it unless told otherwise: where all its values cost little more than one.
    closed : str
        The closed form that does the same for all shuffles at once; "" where the estimator is fitted again.
    """

    classifier: Callable[[], Any] | None = None
    regressor: Callable[[], Any] | None = None
    grid: Grid = field(default_factory=dict)
    nested: bool = False
    closed: str = ""

    def __call__(self, *, continuous: bool = False) -> Any:
        """Return a fresh estimator for classes, or for a continuous target."""
        make = self.regressor if continuous else self.classifier
        return None if make is None else make()


@dataclass(frozen=True)
class Chosen:
    """The decoder of one question: an estimator, and the hyper-parameters to choose from inside each fold.

    Attributes
    ----------
    estimator : scikit-learn estimator
        Cloned for every fit.
    candidates : tuple of dict
        Parameters to try in inner folds; a single one (perhaps empty) leaves nothing to choose.
    closed : str
        See ``Decoder``.
    name : str
    balanced : bool
        Whether ridge weighs classes by their size.
    leave_one_out : bool
        Candidates are chosen by leaving out one training sample at a time (scikit-learn's ``RidgeCV``), not by folds.
    """

    estimator: Any
    candidates: tuple[dict[str, Any], ...]
    closed: str
    name: str
    balanced: bool = True
    leave_one_out: bool = False


def find_decoder(decoder: Any, nested: bool | Grid | None, *, continuous: bool, target: str) -> Chosen:
    """Return the decoder that ``decode`` is asked for, with the grid of its hyper-parameters.

    Raises
    ------
    DesignError
        The decoder is unknown, does not fit the target, or has no hyper-parameter to choose.
    """
    if not isinstance(decoder, str):
        return _given(decoder, nested, continuous=continuous, target=target)
    if decoder not in DECODERS:
        message = f"decode knows the decoders {', '.join(DECODERS)}; got {decoder!r}. Or give an estimator."
        raise DesignError(message)
    known = DECODERS[decoder]
    estimator = known(continuous=continuous)
    if estimator is None:
        able = [n for n, d in DECODERS.items() if (d.regressor if continuous else d.classifier) is not None]
        message = (
            f"{target!r} is {'continuous' if continuous else 'a label'}, and decoder={decoder!r} has no form for that. "
            f"Use one of {', '.join(able)}; or, to decode classes, cut the values into bins: "
            f"x.assign_coords({target}_bin=(x.{target}.dims, np.digitize(x.{target}, edges)))."
        )
        raise DesignError(message)
    if nested is True and not known.grid:
        message = (
            f"decoder={decoder!r} has no hyper-parameter to choose. Leave nested out; or take a decoder that has one: "
            f"{', '.join(name for name, other in DECODERS.items() if other.grid)}."
        )
        raise DesignError(message)
    wanted = known.nested if nested is None else nested
    grid = wanted if isinstance(wanted, Mapping) else known.grid if wanted else {}
    closed = known.closed if not grid or (known.closed == "ridge" and set(grid) == {"alpha"}) else ""
    if continuous and closed != "ridge":
        closed = ""
    return Chosen(estimator, _candidates(estimator, grid), closed, decoder)


def settle(chosen: Chosen, truth: np.ndarray, n_classes: int, n_folds: int, *, asked: bool) -> Chosen:
    """Return the decoder as it fits these samples: with weights for classes, and something to choose, only if useful.

    Ridge weighs classes by their size where the largest has more than a quarter more samples than the smallest: weights
    follow the labels, so that with them no two shuffles share a factorisation. The rule looks at the sizes of classes
    alone, and is the same for all shuffles.

    Raises
    ------
    DesignError
        Hyper-parameters are asked to be chosen in inner folds, and there are too few folds for that.
    """
    if len(chosen.candidates) > 1 and n_folds < 3 and not chosen.leave_one_out:
        if asked:
            message = (
                f"nested chooses in folds inside the training samples (the other folds, each in turn), and needs at "
                f"least 3 folds; got {n_folds}. Use more folds (n_folds), or nested=False."
            )
            raise DesignError(message)
        chosen = replace(chosen, candidates=({},))
    if chosen.name == "ridge" and n_classes:
        counts = np.bincount(truth, minlength=n_classes)
        if counts.max() <= UNEQUAL * counts.min():
            plain = clone(chosen.estimator).set_params(decode__class_weight=None)
            return replace(chosen, estimator=plain, balanced=False)
    return chosen


def _given(estimator: Any, nested: bool | Grid | None, *, continuous: bool, target: str) -> Chosen:
    name = type(estimator[-1] if isinstance(estimator, Pipeline) else estimator).__name__
    if isinstance(estimator, type) or not (hasattr(estimator, "fit") and hasattr(estimator, "predict")):
        message = f"decode takes a name ({', '.join(DECODERS)}) or a scikit-learn estimator; got {estimator!r}."
        raise DesignError(message)
    if is_clusterer(estimator):
        message = (
            f"{name} finds clusters without labels, and cannot be asked to predict {target!r}. Give a "
            f"{'regressor' if continuous else 'classifier'}, such as decoder={'ridge' if continuous else 'lda'!r}."
        )
        raise DesignError(message)
    other, wanted = (is_classifier, "regressor") if continuous else (is_regressor, "classifier")
    if other(estimator):
        message = (
            f"{target!r} is {'continuous' if continuous else 'a label'}, and {name} is not a {wanted}. "
            f"Give a {wanted}, such as decoder={'ridge' if continuous else 'lda'!r}."
        )
        raise DesignError(message)
    if nested is True:
        message = f"decode does not know what to choose in {name}: say so with nested={{'parameter': [values]}}."
        raise DesignError(message)
    if not nested and (generalised := _leave_one_out(estimator, continuous=continuous)):
        return replace(generalised, name=name)
    candidates = _candidates(estimator, nested if isinstance(nested, Mapping) else {})
    closed = _closed_form(estimator, continuous=continuous) if len(candidates) == 1 and not candidates[0] else ""
    balanced = closed == "ridge" and getattr(estimator[-1], "class_weight", None) == "balanced"
    return Chosen(estimator, candidates, closed, name, balanced)


def _leave_one_out(estimator: Any, *, continuous: bool) -> Chosen | None:
    """Return the closed form of z-scored ``RidgeClassifierCV`` or ``RidgeCV``; None where there is none."""
    if not isinstance(estimator, Pipeline) or len(estimator) != 2:
        return None
    last = estimator[1]
    if type(last) is not (RidgeCV if continuous else RidgeClassifierCV):
        return None
    own, usual = last.get_params(), type(last)().get_params()
    alphas, weight = np.atleast_1d(np.asarray(own.pop("alphas"), dtype=np.float64)), own.pop("class_weight", None)
    if any(own[name] != usual[name] for name in own) or len(alphas) < 2 or alphas.min() <= 0:
        return None
    plain = Ridge() if continuous else RidgeClassifier(class_weight=weight)
    one = Pipeline([("scale", estimator[0]), ("decode", plain)])
    if _closed_form(one, continuous=continuous) != "ridge":
        return None
    candidates = tuple({"decode__alpha": alpha} for alpha in alphas.tolist())
    return Chosen(one, candidates, "ridge", "", weight == "balanced", leave_one_out=True)


def _closed_form(estimator: Any, *, continuous: bool) -> str:
    """Return the closed form that gives the same as this pipeline, "" where there is none."""
    if not isinstance(estimator, Pipeline) or len(estimator) != 2 or estimator.memory is not None:
        return ""
    scale, last = estimator[0], estimator[1]
    if type(scale) is not StandardScaler or not (scale.with_mean and scale.with_std):
        return ""
    if type(last) is LeastSquaresLDA and not continuous:
        return "lda"
    if type(last) is not (Ridge if continuous else RidgeClassifier):
        return ""
    own, usual = last.get_params(), type(last)().get_params()
    free = own.pop("alpha"), own.pop("class_weight", None)
    same = all(own[name] == usual[name] for name in own)
    return "ridge" if same and np.ndim(free[0]) == 0 and free[0] > 0 and free[1] in (None, "balanced") else ""


def _candidates(estimator: Any, grid: Grid) -> tuple[dict[str, Any], ...]:
    """Return every combination of the grid, under the estimator's own names."""
    known = estimator.get_params()
    named = {}
    for name, values in grid.items():
        full = name if name in known else f"decode__{name}"
        if full not in known:
            last = sorted(n.removeprefix("decode__") for n in known if "__" not in n.removeprefix("decode__"))
            message = f"nested names {name!r}, which is no parameter of this decoder. It has {', '.join(last)}."
            raise DesignError(message)
        named[full] = list(np.atleast_1d(values)) if not isinstance(values, (list, tuple)) else list(values)
        if not named[full]:
            message = f"nested gives no values of {name!r}. Give some: nested={{{name!r}: [0.1, 1, 10]}}."
            raise DesignError(message)
    return tuple(dict(zip(named, values, strict=True)) for values in product(*named.values()))


def _scaled(make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: Pipeline([("scale", StandardScaler()), ("decode", make())])


ALPHAS = tuple(10.0 ** np.arange(7, -3, -1))
"""Ten strengths of ridge: beyond the number of trials times units, and down to nearly none."""

STRENGTHS = (0.001, 0.01, 0.1, 1.0, 10.0)
"""Inverse strengths of regularisation, in units of z-scored responses."""

DECODERS: dict[str, Decoder] = {
    "lda": Decoder(_scaled(LeastSquaresLDA), closed="lda"),
    "ridge": Decoder(
        _scaled(lambda: RidgeClassifier(alpha=10.0, class_weight="balanced")),
        _scaled(lambda: Ridge(alpha=10.0)),
        {"alpha": ALPHAS},
        nested=True,
        closed="ridge",
    ),
    "logistic": Decoder(
        _scaled(lambda: LogisticRegression(class_weight="balanced", max_iter=1000)), None, {"C": STRENGTHS}
    ),
    "svm": Decoder(
        # dual=False: liblinear's other solver draws from one generator for all threads
        _scaled(lambda: LinearSVC(C=0.1, class_weight="balanced", dual=False, max_iter=10_000)),
        _scaled(lambda: LinearSVR(C=0.1, loss="squared_epsilon_insensitive", dual=False, max_iter=10_000)),
        {"C": STRENGTHS},
    ),
    "knn": Decoder(
        # brute force: the trees of scikit-learn warn from within threads
        _scaled(lambda: KNeighborsClassifier(n_neighbors=5, algorithm="brute")),
        _scaled(lambda: KNeighborsRegressor(n_neighbors=5, algorithm="brute")),
        {"n_neighbors": (31, 15, 9, 5, 3, 1)},
    ),
    "bayes": Decoder(PoissonBayes, PoissonPosition, closed="bayes"),
}
"""Decoders by name. Responses are z-scored on the training samples of each fold, but for "bayes", which needs counts.

``"lda"``: linear discriminant, covariance shrunk by Ledoit & Wolf, every class as likely. ``"ridge"``: least squares
with a penalty (class-balanced weights for classes), its strength chosen in inner folds. ``"logistic"``, ``"svm"``
(linear), ``"knn"``: scikit-learn's. ``"bayes"``: Poisson likelihood; for a continuous target, on a grid of positions.
"""
