"""Decode from each area on equal terms, many times from other units, and with one null for all."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.decoding.drawing import draw_units
from neurodata4ml.analysis.decoding.options import Options
from neurodata4ml.analysis.decoding.question import Question, ask
from neurodata4ml.analysis.decoding.scoring import find_score
from neurodata4ml.analysis.design.shifted import valid_p
from neurodata4ml.analysis.inference.corrections import CORRECTIONS
from neurodata4ml.dims import add_step, feature_dim, require_array
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

EACH = ("score", "null", "low", "high")
"""What is kept of every decoding."""

TERMS = {
    "units": "{n} units of each {by}, drawn at random {draws} times",
    "rates": "{n} units of each {by} with the same distribution of mean responses, drawn {draws} times",
    None: "nothing: all units of each {by}, however many",
}


def decode_by(
    x: xr.DataArray,
    target: str = "stimulus",
    *,
    by: str = "area",
    match: str | None = "units",
    n_units: int | None = None,
    n_draws: int = 20,
    seed: int = 0,
    **options: Any,
) -> xr.Dataset:
    """Decode from the units of each area in turn, with as many units, or the same rates, in all.

    More units decode better, and so do units that fire more: areas are compared on equal terms or not at all. All areas
    and draws share their folds and shuffles, so that the average over draws has a null of the same average, and p is
    valid for it.

    Parameters
    ----------
    x : DataArray, dims (trial, [time,] unit), or (time, unit)
    target : str
        The coordinate of the samples to predict.
    by : str
        The coordinate of the units, such as ``area`` or ``layer``.
    match : "units", "rates" or None
        What is made the same in all areas; see ``draw_units``.
    n_units : int, optional
        With match="units": of each area. None: as many as the smallest area has, at least 5.
    n_draws : int
        Sets of units drawn of each area.
    seed : int
        Of the draws and the shuffles.
    **options
        Those of ``decode``. ``correction`` is for all areas (and bins) together.

    Returns
    -------
    Dataset
        Over ``by`` [and ``time``]: ``score``, ``null`` (shuffle) and ``chance``, averages over draws; ``low`` and
        ``high``, averages over draws of the 95 % interval of each; ``p_value`` and ``p_value_corrected``;
        ``score_draw`` (draw) and its standard deviation ``spread``: how much the choice of units matters, no confidence
        interval. ``n_units`` has the units of each decoder, and ``attrs["matched"]`` says what was made the same.

    Raises
    ------
    DesignError
        An area has too few units (it is named), or see ``decode``.
    DimensionError
        No such coordinate.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> side, area = rng.permutation(np.arange(60) % 2), np.repeat(["CA1", "V1"], [8, 20])
    >>> rate = 3.0 + 2.0 * side[:, None] * (area == "V1")
    >>> x = xr.DataArray(rng.poisson(rate), dims=("trial", "unit"), coords={"area": ("unit", area)})
    >>> result = decode_by(x.assign_coords(side=("trial", side)), "side", n_shuffles=19, n_draws=3)
    >>> result.area.values.tolist(), result.n_units.values.tolist(), (result.p_value == 0.05).values.tolist()
    (['CA1', 'V1'], [8, 8], [False, True])
    """
    correction = options.get("correction", "max-t")
    require_array(x, step="decode_by")
    for name, value in (("n_draws", n_draws), ("seed", seed)):
        require_whole(value, name, least=int(name == "n_draws"))
    require_whole(n_units, "n_units", least=1, left_out="as many as the smallest area has")
    x = x.compute() if x.chunks is not None else x
    drawn = draw_units(x, by=by, match=match, n_units=n_units, n_draws=n_draws, seed=seed)
    over, question = _ask(x, target, {**options, "seed": seed})
    shared = {**options, "seed": seed, "folds": list(question.folds), "null": question.null, "correction": "none"}
    units = feature_dim(x, step="decode_by")
    per_area: list[xr.Dataset] = []
    told: dict[Any, Any] = {}
    for draws in drawn.values():
        found, told = _all_draws(x, target, units, draws, shared)
        per_area.append(found)
    result = _averaged(xr.concat(per_area, dim=by).assign_coords({by: list(drawn)}), question, options, correction)
    result["n_units"] = (by, [len(draws[0]) for draws in drawn.values()])
    result.attrs = {name: value for name, value in told.items() if name not in ("n_units", "intervals")}
    n = int(result["n_units"].min())
    asked = {"by": by, "match": match, "n_draws": result.sizes["draw"], "seed": seed, "correction": correction}
    result.attrs |= asked | {"matched": TERMS[match].format(n=n, by=by, draws=n_draws), "over": over or "none"}
    return add_step(result, "decode_by", target=target, **asked)


def _ask(x: xr.DataArray, target: str, options: dict[str, Any]) -> tuple[str | None, Question]:
    """Return what is decoded over, and the question whose folds and shuffles all areas share."""
    known = [field.name for field in fields(Options)]
    unknown = [name for name in options if name not in (*known, "over")]
    if unknown:
        message = f"decode_by passes on the options of decode: over, {', '.join(known)}; got {unknown[0]!r}."
        raise DesignError(message)
    if options.get("correction") not in (None, "none", *CORRECTIONS):
        message = f"decode_by knows the corrections {', '.join(CORRECTIONS)} and none; got {options['correction']!r}."
        raise DesignError(message)
    over = options.get("over")
    return over, ask(
        x, target, Options(**{k: v for k, v in options.items() if k != "over"}), over=over, step="decode_by"
    )


def _all_draws(
    x: xr.DataArray, target: str, units: str, draws: list[np.ndarray], shared: dict[str, Any]
) -> tuple[xr.Dataset, dict[Any, Any]]:
    """Return the scores of every draw of one area, dim ``draw``, and what decode told about the last."""
    known: dict[bytes, xr.Dataset] = {}
    for chosen in draws:
        # an area that gives all its units gives the same ones every time
        if chosen.tobytes() not in known:
            known[chosen.tobytes()] = decode(x.isel({units: chosen}), target, **shared)
    each = [known[chosen.tobytes()][list(EACH)] for chosen in draws]
    return xr.concat(each, dim="draw", combine_attrs="drop"), known[draws[-1].tobytes()].attrs


def _averaged(each: xr.Dataset, question: Question, options: dict[str, Any], correction: str | None) -> xr.Dataset:
    """Return averages over draws, their spread, and p-values of the averages."""
    better = find_score(options.get("scoring"), continuous=question.classes is None).sign
    result = each.mean("draw", skipna=False, keep_attrs=True)
    result["score_draw"] = each["score"]
    result["spread"] = each["score"].std("draw", skipna=False)
    result["chance"] = result["null"].mean("shuffle") if result.sizes["shuffle"] else result["score"] * np.nan
    dims = result["score"].dims
    score = better * result["score"].values
    null = better * result["null"].transpose("shuffle", *dims).values
    result["p_value"] = (dims, question.null.p_value(score, null))
    if correction not in (None, "none"):
        result["p_value_corrected"] = (dims, valid_p(question.null, _corrected(score, null, str(correction))))
    for name in ("score_draw", "spread", "chance"):
        result[name].attrs = dict(result["score"].attrs)
    return result


def _corrected(score: np.ndarray, null: np.ndarray, correction: str) -> np.ndarray:
    """Correct for all areas and bins together; areas stand apart, so that no cluster reaches from one to the next."""
    rows = score.reshape(len(score), -1)
    apart, null_apart = (
        np.concatenate([v, np.full((*v.shape[:-1], 1), np.nan)], axis=-1)
        for v in (rows, null.reshape(len(null), *rows.shape))
    )
    p = CORRECTIONS[correction](apart.ravel(), null_apart.reshape(len(null), apart.size))
    return np.asarray(p.reshape(apart.shape)[:, :-1].reshape(score.shape))
