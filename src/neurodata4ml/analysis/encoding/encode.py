"""Predict the responses of units from features of the stimuli, and score the predictions on stimuli never learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.encoding.encoders import ENCODERS, Encoder, find_encoder
from neurodata4ml.analysis.encoding.folding import Wish
from neurodata4ml.analysis.encoding.labelled import described, labelled
from neurodata4ml.analysis.encoding.predicted import Options, Predicted
from neurodata4ml.analysis.encoding.question import Features, Question, ask
from neurodata4ml.analysis.encoding.scores import SCORES
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_names, require_whole
from neurodata4ml.suggest import guess

__all__ = ["ENCODERS", "SCORES", "encode"]


def encode(
    responses: xr.DataArray,
    features: Features,
    *,
    encoder: Any = "ridge",
    scores: str | Sequence[str] = ("r", "r2"),
    alphas: Sequence[float] | np.ndarray | None = None,
    n_folds: int = 5,
    folds: Any = None,
    over: str | None = None,
    purge: float | None = None,
    stratify: str | None = None,
    weigh: str = "trials",
    prediction: bool = False,
    allow_leak: str | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
    **own: Any,
) -> xr.Dataset:
    """Predict each unit's response from features of the stimulus, in stimuli that the model has not seen.

    Whole stimuli are held out, always: trials of one image on both sides would reward a model for remembering it. The
    fit is to the mean response to each stimulus, which counts as often as it has trials: for least squares, the same as
    the fit to single trials. Scores compare predictions with the observed mean responses, whose noise lowers them;
    scores that take it out are in ``SCORES``.

    Parameters
    ----------
    responses : DataArray, dims (trial, unit) with the coordinate ``stimulus``, (stimulus, unit), or (time, unit)
        Single trials, mean responses (their ``n_trials`` is heeded), or a continuous recording. Blank and invalid
        samples are dropped. Units with NaN get NaN.
    features : DataArray (stimulus, ...) or (time, ...), or dict of name to such (layers)
        Matched by label; all dims but the first are features. For a movie, see ``lagged``.
    encoder : str or regressor of scikit-learn
        A key of ``ENCODERS``. "ridge", "pls", "poisson": every layer alone; "banded": all layers jointly, each with a
        penalty of its own, and what each explains alone.
    scores : str or sequence of str
        Keys of ``SCORES``.
    alphas : sequence of float, optional
        Penalties, in absolute units, of an encoder that has some ("ridge", "banded", "poisson"). Without, those that
        suit the features (see ``ridge``); each unit takes the one of least error in folds inside the training stimuli.
    n_folds, folds, over, stratify, seed
        Folds are those of ``splits(..., encoding=True)``: whole stimuli, dealt by chance; stretches of time of a
        continuous recording. ``folds``: Folds or a list of them, a splitter of scikit-learn, or pairs (train, test) of
        positions; overlapping random splits are judged each by itself. ``stratify``: a coordinate of the stimuli
        that every fold shall hold alike. ``seed`` also draws what is random in an encoder.
    purge : float, s, optional
        Left out between training and test stretches of time; see ``splits``.
    weigh : {"trials", "equal"}
        Whether a mean counts as often as it has trials.
    prediction : bool
        Whether to return the held-out predictions.
    allow_leak : str, optional
        Why the same stimulus may be in training and test; it stands in ``attrs["leak"]``.
    n_jobs : int, optional
        Threads; all cores when left out. The result has the same bits for any number.
    **own
        Parameters of the encoder: ``ENCODERS[name].own``, e.g. ``n_components=25`` of "pls"; ``form="exact"`` of
        "ridge", which refuses the random features that it else takes above 10,000 stimuli and features.

    Returns
    -------
    Dataset, dims (unit[, layer])
        One variable for each score, over all held-out stimuli pooled (with several dealings: averaged over these), and
        ``<score>_fold`` (unit, fold); ``alpha`` (unit, fold) in absolute units, or what else the encoder chose;
        ``prediction`` (stimulus, unit) where asked for. "banded" adds ``unique``, ``without`` and ``share`` (layer,
        unit). ``attrs`` say what was standardised, held out and chosen, and how scores were pooled.

    Raises
    ------
    DimensionError
        Dims or labels that do not fit.
    DesignError
        Fewer than 4 stimuli, NaN in features, a stimulus on both sides of a fold, an unknown name.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> label = {"stimulus": np.arange(60)}
    >>> images = xr.DataArray(rng.standard_normal((60, 4)), dims=("stimulus", "feature"), coords=label)
    >>> rates = images[:, :2].rename(feature="unit") + rng.standard_normal((60, 2))
    >>> bool((encode(rates, images).r > 0.5).all())
    True
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_jobs, "n_jobs", least=1, left_out="all cores")
    name, found = find_encoder(encoder, own)
    wanted = _scores(scores)
    question = ask(responses, features, Wish(n_folds, folds, over, purge, stratify, allow_leak, seed), weigh=weigh)
    _require_trials(question, wanted)
    options = Options(
        inner=question.inner,
        weights=question.weights if found.weighs else None,
        alphas=_alphas(alphas, name, found),
        seed=seed,
        n_jobs=n_jobs,
        own={**found.own, **own},
    )
    parts = {
        layer: labelled(question, _run(found, question, names, options), wanted, prediction=prediction)
        for layer, names in _fits(question, found).items()
    }
    if question.layered and not found.joint:
        result = xr.concat(list(parts.values()), dim=xr.Variable("layer", list(parts)), combine_attrs="drop_conflicts")
        result.attrs |= _told_apart({layer: part.attrs for layer, part in parts.items()})
    else:
        result = next(iter(parts.values()))
    dealing = {"over": over, "purge": purge, "stratify": stratify}
    given = {"encoder": name, "scores": wanted, "n_folds": n_folds, "weigh": weigh, "seed": seed, **own}
    given |= {key: value for key, value in dealing.items() if value is not None}
    return described(result, question, found, given)


def _fits(question: Question, encoder: Encoder) -> dict[str, list[str]]:
    """Return which layers go into each fit."""
    if encoder.joint:
        return {"": list(question.features)}
    return {name: [name] for name in question.features}


def _run(encoder: Encoder, question: Question, names: list[str], options: Options) -> Predicted:
    from dataclasses import replace

    features = [question.features[name] for name in names]
    if not encoder.any_type:
        features = [x.astype(np.float64, copy=False) for x in features]
    return encoder.function(features, question.y, question.folds, replace(options, bands=tuple(names)))


def _told_apart(attrs: Mapping[str, Mapping[Any, Any]]) -> dict[str, str]:
    """Return what is said of layers in different words, each with its layer's name: "conv1: dual; fc: primal"."""
    words = {key for each in attrs.values() for key, value in each.items() if isinstance(value, str)}
    told = {key: {layer: each[key] for layer, each in attrs.items() if key in each} for key in sorted(words)}
    differ = {key: each for key, each in told.items() if len(set(each.values())) > 1}
    return {key: "; ".join(f"{layer}: {value}" for layer, value in each.items()) for key, each in differ.items()}


def _scores(scores: str | Sequence[str]) -> list[str]:
    wanted = require_names(scores, "scores", example="('r', 'r2')")
    unknown = [name for name in wanted if name not in SCORES]
    if unknown or not wanted:
        got = repr(unknown[0]) if unknown else "none"
        message = f"encode knows the scores {', '.join(SCORES)}; got {got}.{guess(got, SCORES)}"
        raise DesignError(message)
    return wanted


def _alphas(alphas: Any, name: str, encoder: Encoder) -> np.ndarray | None:
    if alphas is None:
        return None
    if not encoder.penalised:
        message = f"The encoder {name!r} chooses no penalty, and takes no alphas. Leave them out."
        raise DesignError(message)
    try:
        return np.asarray(alphas, dtype=np.float64)
    except (TypeError, ValueError) as failure:
        message = (
            f"alphas takes one or more penalties above 0; got {alphas!r}. For example alphas=np.logspace(0, 6, 10)."
        )
        raise DesignError(message) from failure


def _require_trials(question: Question, wanted: list[str]) -> None:
    need = [name for name in wanted if SCORES[name].needs_trials]
    if need and question.trials is None:
        message = (
            f"The score {need[0]!r} takes the noise out, and needs single trials (trial, unit) of stimuli that were "
            f"shown more than once; got mean responses, or one trial for each. Hand in the trials, or leave it out."
        )
        raise DesignError(message)
