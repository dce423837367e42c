"""The labelled result of a decoding: scores beside their null, how sure they are, and how all was made."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.decoding import closed
from neurodata4ml.analysis.decoding.accuracy import CONFIDENCE, score_interval
from neurodata4ml.analysis.decoding.answer import Answer, notes
from neurodata4ml.analysis.decoding.fits import fit
from neurodata4ml.analysis.decoding.pieces import cleaned
from neurodata4ml.analysis.decoding.scoring import score_name
from neurodata4ml.analysis.decoding.weights import linear_weights, pattern
from neurodata4ml.analysis.design.folds import digest_of
from neurodata4ml.analysis.design.shifted import valid_p
from neurodata4ml.analysis.inference.corrections import CORRECTIONS
from neurodata4ml.analysis.linear.threads import one_blas_thread
from neurodata4ml.dims import add_step, feature_dim, provenance


def scores(answer: Answer, dims: tuple[str, ...]) -> xr.Dataset:
    """Return score, folds, null, chance, interval and p-values over ``dims``, and what inner folds chose.

    Parameters
    ----------
    answer : Answer
    dims : tuple of str
        What the scores vary over: (), ("time",) or ("time", "time_test"); p is corrected for all of it.
    """
    question, found, score = answer.question, answer.found, answer.score
    observed, null = _on(dims, found.score), _on(dims, found.null, 1)
    low, high = score_interval(
        observed,
        _on(dims, found.left_out, 1),
        n_folds=min(folds.n_folds for folds in question.folds),
        n_samples=len(question.truth),
        bounded=score.bounded,
    )
    values: dict[str, tuple[tuple[str, ...], np.ndarray]] = {
        "score": (dims, observed),
        "score_fold": (("fold", *dims), _on(dims, found.by_fold, 1)),
        "null": (("shuffle", *dims), null),
        "chance": (dims, null.mean(axis=0) if len(null) else np.full(observed.shape, np.nan)),
        "low": (dims, low),
        "high": (dims, high),
        "p_value": (dims, question.null.p_value(score.sign * observed, score.sign * null)),
    }
    if len(found.by_repeat) > 1:
        values["score_repeat"] = (("repeat", *dims), _on(dims, found.by_repeat, 1))
    if dims and answer.options.correction not in (None, "none"):
        corrected = CORRECTIONS[str(answer.options.correction)](score.sign * observed, score.sign * null)
        values["p_value_corrected"] = (dims, valid_p(question.null, corrected))
    result = xr.Dataset(values)
    units = score.units or str(question.x.coords[question.target].attrs.get("units", ""))
    for name, variable in result.data_vars.items():
        variable.attrs["units"] = "1" if str(name).startswith("p_value") else units
    if found.picked is not None:
        result["chosen"] = _chosen(answer, dims)
    return result


def predictions(answer: Answer) -> xr.Dataset:
    """Return what was said of every sample, and for classes how often each was taken for each."""
    question, said = answer.question, answer.found.predicted[0]
    named = {question.dim, question.target} - {"class", "true", "predicted"}  # a target may be called like our dims
    samples = {name: c for name, c in question.x.coords.items() if name in named}
    if question.classes is None:
        return xr.Dataset({"prediction": (question.dim, said)}, coords=samples)
    n = question.n_classes
    confusion = np.bincount(question.truth * n + said, minlength=n * n).reshape(n, n)
    return xr.Dataset(
        {"prediction": (question.dim, question.classes[said]), "confusion": (("true", "predicted"), confusion)},
        coords={**samples, "true": question.classes, "predicted": question.classes},
    )


def read_from(answer: Answer) -> xr.Dataset:
    """Return weights and patterns of a decoder fitted on all samples, where it is linear; nothing where it is not.

    Its hyper-parameters are those that inner folds chose most often.
    """
    question = answer.question
    with one_blas_thread():
        read = _weights_and_pattern(answer)
    if read is None:
        return xr.Dataset()
    weights, patterns = read
    units = feature_dim(question.x, step="decode")
    dims = (units,) if question.classes is None else ("class", units)
    coords = {units: question.x.coords[units]} if units in question.x.coords else {}
    if question.classes is not None:
        coords["class"] = xr.DataArray(question.classes, dims="class")
    return xr.Dataset({"weights": (dims, weights), "pattern": (dims, patterns)}, coords=coords)


def described(result: xr.Dataset, answer: Answer, *, step: str, **more: Any) -> xr.Dataset:
    """Return the result with its attributes: provenance, what was asked, how it was answered."""
    question, options = answer.question, answer.options
    folds, null, x = question.folds[0], question.null, question.x
    confounds = [options.confounds] if isinstance(options.confounds, str) else list(options.confounds or [])
    asked = {
        "target": question.target,
        "decoder": answer.chosen.name,
        "scoring": score_name(options.scoring, continuous=question.classes is None),
        "n_trials" if question.dim == "trial" else "n_samples": len(question.truth),
        "n_classes": question.n_classes,
        "n_units": question.responses.shape[2],
        "n_folds": folds.n_folds,
        "n_shuffles": null.n_shuffles,
        "seed": options.seed,
        "folds": folds.kind,
        "null_scheme": null.scheme,
        "confounds": ", ".join(confounds),
        **{name: "none" if value is None else value for name, value in more.items()},
    }
    why = {
        "folds_why": folds.why,
        "splits_sha256": digest_of(pair for dealt in question.folds for pair in dealt.split()),
        "leak": folds.leak,
        "null_why": null.why,
        "n_arrangements": float(null.n_arrangements),
        "smallest_p": float(null.smallest_p),
        "no_p": null.no_p,
        "confidence": CONFIDENCE,
        "groups": answer.groups,
        "notes": " ".join(f"{note}." for note in notes(answer)),
    }
    kept = {k: v for k, v in x.attrs.items() if "_dropped_" in str(k) or k == "pseudo_population"}
    result.attrs = {**provenance(x), **kept, **asked, **why}
    return add_step(result, step, **asked)


def _weights_and_pattern(answer: Answer) -> tuple[np.ndarray, np.ndarray] | None:
    question, chosen, picked = answer.question, answer.chosen, answer.found.picked
    best = 0 if picked is None else int(np.bincount(picked[:, 0]).argmax())
    if chosen.closed in ("lda", "ridge"):
        return closed.read(question, chosen, best, answer.kept)
    X = cleaned(question, np.arange(len(question.truth)), slice(0, 1))[0]
    weights = linear_weights(fit(chosen, chosen.candidates[best], X, question.truth), question.n_classes)
    return None if weights is None else (weights, pattern(weights, X))


def _on(dims: tuple[str, ...], values: np.ndarray, at: int = 0) -> np.ndarray:
    """Drop the one time there is, where time is not asked for; ``at`` is its axis."""
    return values if dims else np.asarray(np.take(values, 0, axis=at))


def _chosen(answer: Answer, dims: tuple[str, ...]) -> xr.DataArray:
    """Return the hyper-parameters of each fold, under their own name; several of them as JSON."""
    candidates, picked = answer.chosen.candidates, answer.found.picked
    names = list(candidates[0])
    short = [name.removeprefix("decode__") for name in names]
    values = np.array([parameters[names[0]] for parameters in candidates])
    if len(names) > 1:
        told = [dict(zip(short, map(_plain, parameters.values()), strict=True)) for parameters in candidates]
        values = np.array([json.dumps(one) for one in told], dtype=object)
    if picked is None:
        message = "Nothing was chosen."
        raise ValueError(message)
    here = values[picked if dims else picked[:, 0]]
    return xr.DataArray(here, dims=("fold", *dims[:1]), attrs={"parameter": ", ".join(short)})


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
