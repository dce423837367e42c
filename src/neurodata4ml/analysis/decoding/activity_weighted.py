"""Whether a classifier learns better from stimuli that count as much as a brain's response to them is clear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.inference.confidence import require_confidence
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.dims import add_step, match_labels, presented, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_names, require_whole
from neurodata4ml.suggest import guess

CONTROLS = ("none", "shuffled", "noise", "own")
"""All stimuli count alike; activity weights exchanged within classes; from noise; from the features themselves."""

_INNER = 5
"""Folds in which a stimulus's clarity is told from others."""


class _Split(NamedTuple):
    """What stimuli are learnt from and tested, and the labels learnt: some may be wrong."""

    train: np.ndarray
    test: np.ndarray
    label: np.ndarray
    seed: int


def activity_weighted(
    features: xr.DataArray,
    responses: xr.DataArray,
    target: str,
    *,
    controls: Sequence[str] = CONTROLS,
    strength: float = 1.0,
    penalty: float = 0.03,
    mislabelled: float = 0.0,
    n_splits: int = 30,
    test_share: float = 0.3,
    confidence: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Teach a classifier of features with an activity-weighted loss, and with weights that know no brain.

    A linear support vector machine minimises the hinge loss with each training stimulus weighted by ``1 + strength *
    c``, where c is the probability that a linear read-out of the brain's responses, fitted to *other* training stimuli,
    gives to the stimulus's class: Fong, Scheirer & Cox 2018, Scientific Reports 8:5397, there from fMRI. Responses to
    test stimuli are never used. Here weights are divided by their mean, else they would also relax the penalty.

    Controls say what any gain is due to. ``none``: all weights alike. ``shuffled``: the same weights, exchanged among
    the training stimuli of a class. ``noise``: c from Gaussian noise with the responses' covariance over units.
    ``own``: c from the features themselves; where it does as well, no brain is needed.

    Parameters
    ----------
    features : DataArray (stimulus, feature), with the coordinate ``target`` on stimulus
    responses : DataArray (trial, unit) with ``stimulus``, or (stimulus, unit)
        Averaged over trials; matched by label.
    target : str
        The class of each stimulus.
    controls : sequence of str
        Of ``CONTROLS``.
    strength : float, unitless
        1 in the source; 0 makes all weights alike.
    penalty : float, unitless
        ``C`` of the support vector machine, features z-scored: what a training stimulus on the wrong side costs. Where
        it is so high that all training stimuli are on their side, no loss is left, and weights of any kind do nothing
        (Byrd & Lipton 2019, arXiv:1812.03372).
    mislabelled : float, unitless
        Share of the training stimuli that are given the label of another class before anything is learnt: a teacher
        who errs. Test labels stay true.
    n_splits, test_share : int, float
        Random splits, stratified by class, and the share of stimuli that each tests.
    confidence, seed : float, int

    Returns
    -------
    Dataset, dims (weighting[, split])
        ``score`` (weighting, split), balanced accuracy in test stimuli; ``weight`` (weighting, stimulus), the mean one
        given in training. ``gain`` (weighting): activity less the control, with ``low``, ``high`` and ``p_value`` of
        the corrected resampled t-test (Nadeau & Bengio 2003, Machine Learning 52:239): splits share their stimuli, and
        a plain t-test over splits would find a gain in noise.

    Raises
    ------
    DimensionError
        Not (stimulus, feature) and (stimulus or trial, unit), or labels that do not match.
    DesignError
        Classes of too few stimuli, NaN, unknown controls, shares beyond 0 to 1.
    """
    step = "activity_weighted"
    wanted = ["activity", *_controls(controls)]
    _require(n_splits, seed, penalty, strength=strength, mislabelled=mislabelled, test_share=test_share)
    require_confidence(confidence, step=step)
    x, brain, label, stimuli = _read(features, responses, target)
    rng = np.random.default_rng(seed)
    splits = _splits(label, n_splits, test_share, mislabelled, rng)
    score = np.empty((len(wanted), n_splits))
    weight = np.full((len(wanted), n_splits, len(label)), np.nan)
    for k, split in enumerate(splits):
        for w, name in enumerate(wanted):
            c = _clarity(name, x, brain, split)
            own = (1 + strength * c) / np.mean(1 + strength * c)
            weight[w, k, split.train] = own
            score[w, k] = _score(x, split, own, label, penalty)
    ratio = len(splits[0].test) / len(splits[0].train)
    found = _labelled(wanted, score, _told(score[0] - score, ratio, confidence), stimuli)
    told = np.isfinite(weight)
    n_told = np.where(told.any(axis=1), told.sum(axis=1), np.nan)  # few splits may never learn from a stimulus
    found["weight"] = (("weighting", "stimulus"), np.where(told, weight, 0).sum(axis=1) / n_told)
    found.attrs = {
        **provenance(features, responses),
        "target": target,
        "strength": float(strength),
        "penalty": penalty,
        "units": "1",
    }
    found.attrs |= {"scoring": "balanced_accuracy", "confidence": confidence, "mislabelled": float(mislabelled)}
    found.attrs["chance"] = 1 / len(np.unique(label))
    return add_step(
        found, step, strength=strength, penalty=penalty, mislabelled=mislabelled, n_splits=n_splits, seed=seed
    )


def _controls(controls: Sequence[str]) -> list[str]:
    names = require_names(controls, "controls", example="['none', 'shuffled']")
    for name in names:
        if name not in CONTROLS:
            message = f"controls are of {', '.join(CONTROLS)}; got {name!r}.{guess(str(name), CONTROLS)}"
            raise DesignError(message)
    return [str(name) for name in dict.fromkeys(names)]


def _require(n_splits: int, seed: int, penalty: float, **numbers: float) -> None:
    require_whole(n_splits, "n_splits", least=2)
    require_whole(seed, "seed", least=0)
    if not 0 < penalty < np.inf:
        message = f"penalty takes a number above 0; got {penalty!r}."
        raise DesignError(message)
    for name, value in numbers.items():
        least = np.nextafter(0, 1) if name == "test_share" else 0.0
        most, said = (np.inf, "from 0 on") if name == "strength" else (1.0, "from 0 to below 1")
        if not least <= value < most:
            message = f"{name} takes a number {'between 0 and 1' if least else said}; got {value!r}."
            raise DesignError(message)


def _read(
    features: xr.DataArray, responses: xr.DataArray, target: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    step = "activity_weighted"
    for each, dim in ((features, "feature"), (responses, "unit")):
        require_array(each, step=step)
        require_dims(each, dim, step=step)
    require_dims(features, "stimulus", step=step)
    if target not in features.coords or features[target].dims != ("stimulus",):
        there = ", ".join(map(str, features.coords))
        message = f"activity_weighted needs the class {target!r} as a coordinate of stimulus on features; got {there}."
        raise DimensionError(message)
    means = average_by(presented(responses, step=step)) if "trial" in responses.dims else responses
    left, right = match_labels(
        features.transpose("stimulus", "feature"), means.transpose("stimulus", "unit"), "stimulus", step=step
    )
    x, brain = (np.asarray(each.values, dtype=float) for each in (left, right))
    if not (np.isfinite(x).all() and np.isfinite(brain).all()):
        message = "activity_weighted needs numbers everywhere; features or responses hold NaN. Drop them first."
        raise DesignError(message)
    classes, label, n_each = np.unique(left[target].values.astype(str), return_inverse=True, return_counts=True)
    if len(classes) < 2 or n_each.min() < 4:
        there = ", ".join(f"{n} of {name}" for name, n in zip(classes.tolist(), n_each.tolist(), strict=True))
        message = f"activity_weighted needs two classes or more, of 4 stimuli or more; got {there}."
        raise DesignError(message)
    return x, brain, label, left["stimulus"].values


def _splits(
    label: np.ndarray, n_splits: int, test_share: float, mislabelled: float, rng: np.random.Generator
) -> list[_Split]:
    from sklearn.model_selection import StratifiedShuffleSplit

    dealt = StratifiedShuffleSplit(n_splits, test_size=test_share, random_state=int(rng.integers(2**31)))
    found = []
    n_classes = int(label.max()) + 1
    try:
        parts = list(dealt.split(label[:, None], label))
    except ValueError as error:
        message = f"test_share={test_share:g} of {len(label)} stimuli cannot hold {n_classes} classes: {error}"
        raise DesignError(message) from None
    for train, test in parts:
        learnt = label[train].copy()
        wrong = rng.permutation(len(train))[: round(mislabelled * len(train))]
        learnt[wrong] = (learnt[wrong] + rng.integers(1, n_classes, size=len(wrong))) % n_classes
        found.append(_Split(train, test, learnt, int(rng.integers(2**31))))
    return found


def _clarity(name: str, x: np.ndarray, brain: np.ndarray, split: _Split) -> np.ndarray:
    """Return the probability, 0 to 1, of each training stimulus's class by what ``name`` says."""
    rng = np.random.default_rng([split.seed, len(name)])
    if name == "none":
        return np.zeros(len(split.train))
    if name == "own":
        return _probability(x[split.train], split)
    if name == "noise":
        centred = brain[split.train] - brain[split.train].mean(axis=0)
        mixed = rng.standard_normal((len(centred), len(centred))) @ centred / np.sqrt(len(centred) - 1)
        return _probability(mixed, split)
    c = _probability(brain[split.train], split)
    if name == "shuffled":
        for one in np.unique(split.label):
            own = np.flatnonzero(split.label == one)
            c[own] = c[rng.permutation(own)]
    return c


def _probability(values: np.ndarray, split: _Split) -> np.ndarray:
    """Return what a linear read-out of other stimuli gives to the class of each."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    found = np.zeros(len(split.label))
    for train, test in KFold(_INNER, shuffle=True, random_state=split.seed).split(values):
        read_out = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        read_out.fit(values[train], split.label[train])
        known = {one: column for column, one in enumerate(read_out.classes_)}
        told = read_out.predict_proba(values[test])
        found[test] = [
            row[known[one]] if one in known else 0.0 for row, one in zip(told, split.label[test], strict=True)
        ]
    return found


def _score(x: np.ndarray, split: _Split, weight: np.ndarray, label: np.ndarray, penalty: float) -> float:
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    scaler = StandardScaler().fit(x[split.train])
    learnt = SVC(kernel="linear", C=penalty)
    learnt.fit(scaler.transform(x[split.train]), split.label, sample_weight=weight)
    return float(balanced_accuracy_score(label[split.test], learnt.predict(scaler.transform(x[split.test]))))


def _told(differences: np.ndarray, ratio: float, confidence: float) -> dict[str, np.ndarray]:
    """Return the mean difference over splits, its interval and p, with the variance that shared stimuli make."""
    n = differences.shape[1]
    mean = differences.mean(axis=1)
    error = np.sqrt(differences.var(axis=1, ddof=1) * (1 / n + ratio))
    reach = stats.t.ppf((1 + confidence) / 2, n - 1) * error
    t = np.divide(mean, error, out=np.zeros_like(mean), where=error > 0)
    p = np.where(error > 0, 2 * stats.t.sf(np.abs(t), n - 1), np.where(mean == 0, 1.0, 0.0))
    return {"gain": mean, "low": mean - reach, "high": mean + reach, "p_value": p}


def _labelled(names: list[str], score: np.ndarray, told: dict[str, Any], stimuli: np.ndarray) -> xr.Dataset:
    parts: dict[str, Any] = {name: ("weighting", values) for name, values in told.items()}
    for values in told.values():
        values[0] = np.nan  # of activity against itself
    coords = {"weighting": names, "stimulus": stimuli}
    return xr.Dataset({"score": (("weighting", "split"), score), **parts}, coords=coords)
