"""Choose a layer on other images than it is scored on, and say what choosing on the same images would have promised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from neurodata4ml.analysis.encoding.encode import encode
from neurodata4ml.analysis.encoding.encoders import ENCODERS
from neurodata4ml.analysis.encoding.folding import Deal, Wish, deal
from neurodata4ml.analysis.encoding.reading import as_samples
from neurodata4ml.analysis.encoding.scores import SCORES
from neurodata4ml.dims import add_step, feature_dim, presented, provenance, require_array
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_whole
from neurodata4ml.suggest import did_you_mean


class Choice(NamedTuple):
    """Layers chosen per outer fold, and what they scored.

    Attributes
    ----------
    layer : ndarray of int (n_folds, n_groups)
        -1 where no layer has a score.
    honest : ndarray (n_groups,)
        Mean over folds of the score, in the fold, of the layer chosen without it.
    naive : ndarray (n_groups,)
        The largest mean over folds that any layer has: chosen and scored on the same images.
    naive_layer : ndarray of int (n_groups,)
        Which layer that is; -1 where none has a score.
    """

    layer: np.ndarray
    honest: np.ndarray
    naive: np.ndarray
    naive_layer: np.ndarray


def choose_layer(
    responses: xr.DataArray,
    layers: Mapping[str, xr.DataArray],
    *,
    encoder: str = "ridge",
    score: str = "r",
    per: str = "unit",
    n_folds: int = 5,
    n_inner: int = 4,
    stratify: str | None = None,
    seed: int = 0,
    n_jobs: int | None = None,
    **options: Any,
) -> xr.Dataset:
    """Choose the layer that predicts best, in each fold without its test images, and score it on these.

    For every outer fold, all layers are compared in inner folds of its training images; the best predicts the test
    images of the fold. The honest score is the mean over outer folds. The naive score takes the layer with the largest
    mean over the same outer folds, and so keeps the luck of the largest; their difference is the optimism. It grows
    with the number of layers: among 20 layers of noise the best looks like a finding.

    Parameters
    ----------
    responses, layers
        As for ``encode``: (trial, unit) with ``stimulus``, (stimulus, unit), or (time, unit); at least two layers.
    encoder : str
        A key of ``ENCODERS``.
    score : str
        A key of ``SCORES`` that needs no trials: ratios to a ceiling are not stable within a fold, and the ceiling does
        not depend on the layer.
    per : str
        "unit": each unit has its layer. Else a coordinate on the units, such as "area": the layer with the largest
        median over its units.
    n_folds, n_inner : int
        Outer folds, which score; inner folds, which choose.
    stratify, seed, n_jobs
        As for ``encode``.
    **options
        Handed on to ``encode``, such as ``alphas`` or ``n_components``.

    Returns
    -------
    Dataset
        Over ``unit`` (or ``per``): ``honest``, ``naive``, ``optimism``, ``naive_layer``, ``agreement`` (share of folds
        that chose the most frequent layer); ``chosen`` (unit, fold); ``score`` (unit, layer), the mean over outer folds
        of each layer by itself. ``attrs["optimism"]`` is the mean, ``attrs["about"]`` says it in a sentence. Layers are
        "" and scores NaN where no layer has a score in any inner fold.

    Raises
    ------
    DesignError
        Fewer than two layers, an unknown score or one that needs trials, folds that leave fewer than 4 stimuli to test.
    DimensionError
        ``per`` is no coordinate of the units.
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_inner, "n_inner", least=2)
    _require_question(layers, score)
    _require_options(encoder, options)
    samples = presented(as_samples(responses), step="choose_layer")
    unit = feature_dim(samples, step="choose_layer")
    names, group = _groups(samples, unit, per)
    for x in layers.values():
        require_array(x, step="choose_layer")
    lag = max(float(x.attrs.get("longest_lag", 0.0)) for x in layers.values())
    dealt = deal(samples, Wish(n_folds=n_folds, stratify=stratify, seed=seed), lag)
    _require_large_folds(samples, dealt)
    common = {"encoder": encoder, "scores": (score,), "seed": seed, "n_jobs": n_jobs, **options}
    outer = _scores(encode(samples, layers, folds=dealt.folds, **common), score, unit)
    inner = []
    for train, _ in dealt.folds:
        part, known = _only(samples, layers, train)
        chosen_in = encode(part, known, n_folds=n_inner, stratify=stratify, **common)
        inner.append(_mean(_scores(chosen_in, score, unit), axis=1))
    found = choice_of_layer(outer, np.stack(inner, axis=1), group)
    out = _labelled(found, outer, group, names, list(layers), unit if per == "unit" else per)
    out.attrs = {**provenance(samples), **out.attrs, "score": score, "encoder": encoder, "why": dealt.why}
    out.attrs |= _undefined(out, score)
    return add_step(out, "choose_layer", encoder=encoder, score=score, per=per, n_folds=n_folds, seed=seed)


def choice_of_layer(outer: np.ndarray, inner: np.ndarray, group: np.ndarray | None = None) -> Choice:
    """Choose by inner scores, and report outer ones.

    Parameters
    ----------
    outer : ndarray (n_layers, n_folds, n_units)
        Scores in the test images of each outer fold.
    inner : ndarray (n_layers, n_folds, n_units)
        Scores in inner folds of the training images of each outer fold: they know nothing of its test images, neither
        as tests nor through a model that was fitted on them.
    group : ndarray of int (n_units,), optional
        Units that share a choice: medians over them are compared. Left out, each unit chooses for itself.
    """
    if outer.shape != inner.shape or outer.ndim != 3:
        message = f"outer and inner scores are (layer, fold, unit) of one shape; got {outer.shape} and {inner.shape}."
        raise DimensionError(message)
    if group is not None:
        outer, inner = _medians(outer, group), _medians(inner, group)
    layer = _best(inner)
    reached = np.take_along_axis(outer, np.maximum(layer, 0)[None], axis=0)[0]
    honest = _mean(np.where(layer >= 0, reached, np.nan), axis=0)
    each = _mean(outer, axis=1)
    naive_layer = _best(each)
    naive = np.take_along_axis(each, np.maximum(naive_layer, 0)[None], axis=0)[0]
    return Choice(layer, honest, naive, naive_layer)


def _require_question(layers: Mapping[str, xr.DataArray], score: str) -> None:
    if not isinstance(layers, Mapping) or len(layers) < 2:
        message = (
            f"choose_layer compares at least two layers, {{name: features}}; got "
            f"{len(layers) if isinstance(layers, Mapping) else type(layers).__name__}. For one, type encode."
        )
        raise DesignError(message)
    if not isinstance(score, str) or score not in SCORES or SCORES[score].needs_trials:
        usable = [name for name in SCORES if not SCORES[name].needs_trials]
        message = f"choose_layer takes the scores {', '.join(usable)}; got {score!r}{did_you_mean(str(score), usable)}"
        raise DesignError(message)


def _require_options(encoder: Any, options: Mapping[str, Any]) -> None:
    mine = [name for name in ("folds", "over", "purge", "allow_leak", "scores", "prediction") if name in options]
    if mine:
        message = (
            f"choose_layer takes no {mine[0]!r}: it deals outer and inner folds itself, by n_folds=, n_inner= and "
            f"stratify=, and takes one score=. Leave it out."
        )
        raise DesignError(message)
    if isinstance(encoder, str) and encoder in ENCODERS and ENCODERS[encoder].joint:
        alone = [name for name, known in ENCODERS.items() if not known.joint]
        message = (
            f"choose_layer fits each layer alone, and {encoder!r} fits all of them together. Type encoder= as one of "
            f"{', '.join(alone)}; or encode(..., encoder={encoder!r}), whose 'unique' says what each layer adds."
        )
        raise DesignError(message)


def _groups(samples: xr.DataArray, unit: str, per: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the labels of what chooses, and which of them each unit belongs to (None: each to itself)."""
    if per == "unit":
        labels = samples.coords[unit].values if unit in samples.coords else np.arange(samples.sizes[unit])
        return labels, None
    if per not in samples.coords or samples.coords[per].dims != (unit,):
        have = ", ".join(str(name) for name, c in samples.coords.items() if c.dims == (unit,)) or "none"
        message = f"per takes 'unit' or a coordinate of the units, such as 'area'; got {per!r}, and there are: {have}."
        raise DimensionError(message)
    labels, group = np.unique(samples.coords[per].values, return_inverse=True)
    return labels, group


def _require_large_folds(samples: xr.DataArray, dealt: Deal) -> None:
    dim = "trial" if "trial" in samples.dims else "time"
    labels = samples.coords["stimulus" if dim == "trial" else "time"].values
    fewest = min(len(np.unique(labels[test])) for _, test in dealt.folds)
    if fewest < 4:
        n = len(np.unique(labels))
        cure = f"Ask for fewer folds: n_folds={n // 4}." if n >= 8 else f"That takes 8 stimuli in all; there are {n}."
        message = (
            f"choose_layer scores each fold by itself, and the smallest has {fewest} stimuli; at least 4 are needed. "
            f"{cure}"
        )
        raise DesignError(message)


def _only(
    samples: xr.DataArray, layers: Mapping[str, xr.DataArray], train: np.ndarray
) -> tuple[xr.DataArray, dict[str, xr.DataArray]]:
    """Return the training samples, and the features of their stimuli."""
    dim = "trial" if "trial" in samples.dims else "time"
    part, by = samples.isel({dim: train}), "stimulus" if dim == "trial" else "time"
    labels = np.unique(part.coords[by].values)
    return part, {name: x.sel({by: labels}) for name, x in layers.items()}


def _scores(found: xr.Dataset, score: str, unit: str) -> np.ndarray:
    return np.asarray(found[f"{score}_fold"].transpose("layer", "fold", unit).values)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Return means of what is finite; NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    return np.asarray(np.where(known, values, 0.0).sum(axis=axis) / np.where(count > 0, count, np.nan))


def _best(values: np.ndarray) -> np.ndarray:
    """Return the first layer with the largest value; -1 where none is finite."""
    known = np.isfinite(values)
    return np.where(known.any(axis=0), np.argmax(np.where(known, values, -np.inf), axis=0), -1)


def _medians(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return medians over the units of each group, of those that have a score."""
    found = np.full((*values.shape[:-1], int(group.max()) + 1), np.nan)
    for g in range(found.shape[-1]):
        # of a sorted row, what is not finite stands last
        some = np.sort(np.where(np.isfinite(values[..., group == g]), values[..., group == g], np.inf), axis=-1)
        count = np.isfinite(some).sum(axis=-1, keepdims=True)
        low, high = (np.take_along_axis(some, np.maximum(k, 0), axis=-1) for k in ((count - 1) // 2, count // 2))
        found[..., g] = np.where(count > 0, (low + high) / 2, np.nan)[..., 0]
    return found


def _labelled(
    found: Choice, outer: np.ndarray, group: np.ndarray | None, names: np.ndarray, layers: list[str], dim: str
) -> xr.Dataset:
    words = np.array([*layers, ""], dtype=object)  # -1 is the last: no layer
    counts = np.stack([np.sum(found.layer == k, axis=0) for k in range(len(layers))])
    each = _mean(outer if group is None else _medians(outer, group), axis=1)
    optimism = found.naive - found.honest
    out = xr.Dataset(
        {
            "honest": (dim, found.honest),
            "naive": (dim, found.naive),
            "optimism": (dim, optimism),
            "naive_layer": (dim, words[found.naive_layer]),
            "agreement": (dim, counts.max(axis=0) / len(found.layer)),
            "chosen": ((dim, "fold"), words[found.layer].T),
            "score": ((dim, "layer"), each.T),
        },
        coords={dim: names, "layer": layers},
    )
    naive, honest, gap = (float(_mean(v, axis=0)) for v in (found.naive, found.honest, optimism))
    about = (
        f"Chosen on other images than it is scored on, the best of {len(layers)} layers scores {honest:.3f}; chosen "
        f"on the same images, it would seem to score {naive:.3f}: an optimism of {gap:.3f} (means over {len(names)} "
        f"{dim}s)."
    )
    if not np.isfinite(gap):
        about = f"No {dim} has a score with any of {len(layers)} layers: none was chosen."
    out.attrs = {"optimism": gap, "about": about}
    return out


def _undefined(out: xr.Dataset, score: str) -> dict[str, str]:
    """Return ``undefined``: which units have no score, and why; nothing where all have one."""
    absent, dim = out["optimism"].isnull().values, str(out["optimism"].dims[0])
    if not absent.any():
        return {}
    names = [str(name) for name in out[dim].values[absent]]
    listed = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    why = f"{len(names)} of {len(absent)} {dim}s have no score ({listed}). {score}: {SCORES[score].undefined}."
    return {"undefined": why}
