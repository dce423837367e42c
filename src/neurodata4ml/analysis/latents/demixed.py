"""Demixed principal components: directions that carry one task factor each."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from neurodata4ml.analysis.latents.marginals import STEPS, Axes, demix, freedom, left_out_error, marginals
from neurodata4ml.analysis.latents.samples import numbered, require_variance, signs
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.dims import feature_dim
from neurodata4ml.errors import DesignError, DimensionError

_NOISE = ("full", "diagonal", "none")


@dataclass(frozen=True)
class _Cells:
    """Means of every combination of conditions: ``means`` (unit, conditions..., [time]), and the trials behind."""

    units: str
    names: tuple[str, ...]
    labels: dict[str, np.ndarray]
    means: np.ndarray
    trials: tuple[np.ndarray, ...] = ()
    """For each cell, in order, its trials (n_trials, n_times, n_units); none where ``x`` came averaged."""


def demixed(
    x: xr.DataArray,
    n_components: int,
    seed: int,
    *,
    conditions: str | Sequence[str] | None = None,
    join: str | None = "time",
    regularizer: float | str | None = None,
    noise: str | None = None,
    n_repeats: int = 10,
) -> xr.Dataset:
    """Keep what each task factor adds, apart: demixed PCA (Kobak et al. 2016, eLife 5:e10989).

    The mean responses to every combination of ``conditions`` are split into marginals, and each gets up to
    ``n_components`` pairs of axes: ``decoder`` reads the component out, ``loadings`` (the encoder) write it back.

    ``conditions``: coordinates on ``trial`` (default "stimulus"), or the dims of mean responses. Each combination
    counts alike however many trials it has; one without a trial is refused.
    ``join``: a factor whose interactions go to the others, as in the paper; None keeps all apart ("stimulus:time").
    ``regularizer``: ridge as a share of the sum of squares, "auto" (default where trials are given) for the one under
    which whole trials left out, one of each combination, ``n_repeats`` times, rebuild the rest best.
    ``noise``: "full" (default) puts the covariance of trials around their means into the regression, as if it were
    fitted to single trials; "diagonal" for units of different sessions; "none", and always for mean responses.

    Components come by ``explained_variance``, 1 - |X - E'D X|^2 / |X|^2 of the means; the coordinate
    ``marginalization`` says which marginal each belongs to, ``marginal_variance`` how much of each it carries.
    Significance over time is not computed: decode the factor over time instead.
    """
    cells = _cells(x, conditions)
    _require_sense(cells, join, n_repeats)
    matrix = cells.means.reshape(len(cells.means), -1)
    require_variance(matrix.T, n_components)
    noise, regularizer = _chosen(cells, noise, regularizer)
    levels = dict(zip(cells.names, cells.means.shape[1:], strict=True))
    most = freedom(levels, join=join)
    n = {label: min(n_components, matrix.shape[0], size) for label, size in most.items()}
    centred = matrix - matrix.mean(axis=1, keepdims=True)
    errors = None
    if regularizer == "auto":
        errors = _errors(cells, join, n, noise, n_repeats, seed)
        regularizer = float(STEPS[errors.argmin()])
        if errors.argmin() == len(STEPS) - 1:
            message = "latents(method='dpca') found nothing that trials left out confirm: the largest ridge is best."
            warnings.warn(message, stacklevel=3)
    parts = marginals(cells.means, cells.names, join=join)
    axes = demix(centred, parts, _noise(cells, noise), float(regularizer), n)
    result = _labelled(x, cells, parts, axes)
    if errors is not None:
        result["error"] = ("regularizer", errors, {"units": "1"})
        result = result.assign_coords(regularizer=STEPS)
    result.attrs |= {
        "regularizer": float(regularizer),
        "noise": noise,
        "conditions": ", ".join(name for name in cells.names if name != "time"),
    }
    return result


def _cells(x: xr.DataArray, conditions: str | Sequence[str] | None) -> _Cells:
    """Return the mean of every combination of conditions, from trials or as they are."""
    units = feature_dim(x, step="latents")
    time = ["time"] if "time" in x.dims else []
    free = [str(dim) for dim in x.dims if dim not in (units, "time", "trial")]
    chosen = [conditions] if isinstance(conditions, str) else list(conditions or ())
    if "trial" not in x.dims:
        names = chosen or free
        if sorted(names) != sorted(free) or not names:
            message = (
                f"latents(method='dpca') needs trials with coordinates, or mean responses over the dims of conditions; "
                f"got ({', '.join(map(str, x.dims))}) and conditions={conditions!r}. Type conditions=('stimulus',) for "
                f"trials with that coordinate."
            )
            raise DimensionError(message)
        means = x.transpose(units, *names, *time)
        labels = {name: means[name].values for name in [*names, *time]}
        return _Cells(units, (*names, *time), labels, np.asarray(means.data, dtype=np.float64))
    if free:
        message = f"latents(method='dpca') takes (trial, time, {units}); got ({', '.join(map(str, x.dims))})."
        raise DimensionError(message)
    return _averaged(x, units, chosen or ["stimulus"], time)


def _averaged(x: xr.DataArray, units: str, conditions: list[str], time: list[str]) -> _Cells:
    values = np.asarray(x.transpose("trial", *time, units).data, dtype=np.float64)
    values = values if time else values[:, None]
    codes, labels = [], {}
    for name in conditions:
        labels[name], code = np.unique(trial_labels(x, name, step="latents"), return_inverse=True)
        codes.append(code)
    levels = tuple(len(labels[name]) for name in conditions)
    cell = np.ravel_multi_index(tuple(codes), levels)
    counts = np.bincount(cell, minlength=int(np.prod(levels)))
    if not counts.all():
        empty = np.unravel_index(int(np.argmin(counts)), levels)
        missing = ", ".join(f"{name}={labels[name][i]}" for name, i in zip(conditions, empty, strict=True))
        message = (
            f"latents(method='dpca') needs a trial of every combination of {' and '.join(conditions)}; "
            f"{int((counts == 0).sum())} of {len(counts)} have none, the first is {missing}. Leave a level out: "
            f"x.isel(trial=(x.{conditions[0]} != ...).values), or name fewer conditions."
        )
        raise DesignError(message)
    trials = tuple(values[cell == i] for i in range(len(counts)))
    means = np.stack([one.mean(axis=0) for one in trials], axis=-1)  # (time, unit, cell)
    means = np.moveaxis(means, 0, -1).reshape(values.shape[2], *levels, *([values.shape[1]] if time else []))
    labels |= {name: x[name].values for name in time}
    return _Cells(units, (*conditions, *time), labels, means, trials)


def _chosen(cells: _Cells, noise: str | None, regularizer: float | str | None) -> tuple[str, float | str]:
    """Return the noise and the regularizer, where they were left open by what the data allow."""
    fewest = min((len(one) for one in cells.trials), default=0)
    if noise is None:
        noise = "full" if fewest > 1 else "none"
    if noise not in _NOISE:
        message = f"latents(method='dpca') knows noise={', '.join(map(repr, _NOISE))}; got {noise!r}."
        raise DesignError(message)
    if regularizer is None:
        regularizer = "auto" if fewest > 1 else 0.0
    numeric = isinstance(regularizer, int | float) and not isinstance(regularizer, bool)
    if not (regularizer == "auto" or (numeric and 0 <= float(regularizer) < np.inf)):
        message = f"latents(method='dpca') takes regularizer='auto' or a number of 0 or more; got {regularizer!r}."
        raise DesignError(message)
    if fewest < 2 and (regularizer == "auto" or noise != "none"):
        asked = "regularizer='auto'" if regularizer == "auto" else f"noise={noise!r}"
        message = (
            f"latents(method='dpca', {asked}) needs two trials of every combination of conditions; the fewest are "
            f"{fewest}. Type regularizer=1e-4, noise='none', or name fewer conditions."
        )
        raise DesignError(message)
    return noise, regularizer


def _require_sense(cells: _Cells, join: str | None, n_repeats: int) -> None:
    """Raise a ``DesignError`` for options that mean nothing here."""
    if join not in (None, "time", *cells.names):
        message = f"latents(method='dpca') joins interactions with one of {', '.join(cells.names)}; got join={join!r}."
        raise DesignError(message)
    if n_repeats < 1:
        message = f"latents(method='dpca') needs n_repeats of 1 or more; got {n_repeats}."
        raise DesignError(message)


def _noise(cells: _Cells, kind: str, *, fewer: int = 0) -> np.ndarray | float:
    """Return the sum, over all columns of the means, of the covariance of trials around them.

    ``fewer``: the sums of squares are divided by that many trials fewer than there are.
    """
    if kind == "none":
        return 0.0
    spread = [(one - one.mean(axis=0)) / np.sqrt(len(one) - fewer) for one in cells.trials]
    stacked = np.concatenate([one.reshape(-1, one.shape[-1]) for one in spread])
    return stacked.T @ stacked if kind == "full" else np.diag(np.sum(stacked**2, axis=0))


def _errors(cells: _Cells, join: str | None, n: dict[str, int], kind: str, n_repeats: int, seed: int) -> np.ndarray:
    """Return the mean error of every ridge where one trial of each cell is left out, ``n_repeats`` times."""
    rng, errors = np.random.default_rng(seed), []
    count = np.array([len(one) for one in cells.trials])[:, None, None]
    mean = np.stack([one.mean(axis=0) for one in cells.trials])
    whole = _noise(cells, kind, fewer=1)
    for _ in range(n_repeats):
        test = np.stack([one[int(rng.integers(len(one)))] for one in cells.trials])
        train = mean + (mean - test) / (count - 1)
        noise = whole
        if kind != "none":
            # a trial less: sum (x - mean)^2 falls by n / (n - 1) of the square of its distance from the mean
            lost = ((test - mean) * np.sqrt(count) / (count - 1)).reshape(-1, mean.shape[-1])
            noise = whole - (lost.T @ lost if kind == "full" else np.diag(np.sum(lost**2, axis=0)))
        # (cell, time, unit) -> (unit, conditions..., [time])
        train, test = (np.moveaxis(side, -1, 0).reshape(cells.means.shape) for side in (train, test))
        flat = [side.reshape(len(side), -1) for side in (train, test)]
        flat = [side - side.mean(axis=1, keepdims=True) for side in flat]
        errors.append(left_out_error(flat[0], flat[1], marginals(train, cells.names, join=join), noise, n))
    return np.asarray(np.mean(errors, axis=0))


def _labelled(x: xr.DataArray, cells: _Cells, parts: dict[str, np.ndarray], axes: dict[str, Axes]) -> xr.Dataset:
    encoder = np.concatenate([one.encoder for one in axes.values()])
    decoder = np.concatenate([one.decoder for one in axes.values()])
    label = np.repeat(list(axes), [len(one.encoder) for one in axes.values()])
    matrix = cells.means.reshape(len(cells.means), -1)
    mean = matrix.mean(axis=1)
    scores, total = decoder @ (matrix - mean[:, None]), np.sum((matrix - mean[:, None]) ** 2)
    # |X - e d X|^2 = |X|^2 - 2 e X . d X + |d X|^2, because |e| = 1
    shares = [_share(encoder, decoder, part) / total for part in (matrix - mean[:, None], *parts.values())]
    order, sign = np.argsort(-shares[0], kind="stable"), signs(encoder)[:, None]
    measured, pairs = {"units": x.attrs.get("units", "1")}, ("component", cells.units)
    coords = {str(name): c for name, c in x.coords.items() if c.dims == (cells.units,)}
    shape = (*cells.means.shape[1:], len(order))
    result = xr.Dataset(
        {
            "latents": ((*cells.names, "component"), (scores * sign)[order].T.reshape(shape), measured),
            "loadings": (pairs, (encoder * sign)[order], {"units": "1"}),
            "decoder": (pairs, (decoder * sign)[order], {"units": "1"}),
            "mean": (cells.units, mean, measured),
            "explained_variance": ("component", shares[0][order], {"units": "1"}),
            "marginal_variance": (("component", "marginal"), np.stack(shares[1:], axis=1)[order], {"units": "1"}),
        },
        coords={**coords, **cells.labels, "component": numbered(len(order)), "marginal": list(parts)},
        attrs={"n_samples": matrix.shape[1], "n_units": len(matrix)},
    )
    result = result.assign_coords(marginalization=("component", label[order].astype(object)))
    if cells.trials:
        names = cells.names[: cells.names.index("time")] if "time" in cells.names else cells.names
        counts = np.array([len(one) for one in cells.trials]).reshape([len(cells.labels[name]) for name in names])
        result = result.assign_coords(n_trials=(names, counts))
    return result


def _share(encoder: np.ndarray, decoder: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    read = decoder @ matrix
    return np.asarray(2 * np.sum((encoder @ matrix) * read, axis=1) - np.sum(read**2, axis=1))
