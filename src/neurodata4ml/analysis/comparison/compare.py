"""Compare two representations of the same stimuli: brain with network, area with area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.ceilings import with_ceiling
from neurodata4ml.analysis.comparison.matched import matched_row, matched_sets, n_matched
from neurodata4ml.analysis.comparison.question import Question, Representation, ask
from neurodata4ml.analysis.comparison.ranking import among_best
from neurodata4ml.analysis.comparison.rows import row_of
from neurodata4ml.analysis.comparison.significance import default_shuffles, known_correction, significance
from neurodata4ml.analysis.comparison.told import assumed, undefined, warned
from neurodata4ml.analysis.linear.threads import in_threads, one_blas_thread
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.representations import Side, represent
from neurodata4ml.analysis.similarity.table import nulls_of
from neurodata4ml.dims import add_step, feature_dim, provenance
from neurodata4ml.require import require_whole

__all__ = ["METRICS", "compare"]

_N_NULL = 20
"""Shuffles behind the null value of a metric without a closed form, where none are asked for."""


def compare(
    x: Representation,
    y: Representation,
    *,
    metric: str = "cka_unbiased",
    distance: str | None = None,
    over: str | Sequence[str] | None = None,
    match_units: bool = False,
    n_shuffles: int | None = None,
    correction: str = "max-t",
    margin: float = 0.03,
    confidence: float = 0.95,
    n_groups: int = 20,
    n_splits: int = 20,
    seed: int = 0,
) -> xr.Dataset:
    """How alike two representations of the same stimuli are; every metric grows with likeness.

    Stimuli are matched by label, never by position. With single trials in ``x``, ``cka_unbiased`` is corrected for
    trial noise: it estimates the similarity of the noise-free responses of these units to these stimuli. The corrected
    value may pass 1 by its error, and the interval of very noisy responses is too wide rather than too narrow. Where
    no signal is found above the noise it is NaN, with a warning, and
    ``attrs["undefined"]`` says why, as of all that is NaN. Trials on both sides: of one recording (equal trials, by
    label, else by order and stimulus) noise that both share within trials does not count as similarity; of two, each
    side's noise is taken out by its own halves. Every metric depends on how many units were
    recorded: statements across areas need ``match_units``. In words: ``explain(result)``; candidate against
    candidate: ``pairwise(result)``.

    Parameters
    ----------
    x, y : DataArray, or dict of name to DataArray
        Mean responses or activations (stimulus, unit or feature), or RDMs (stimulus, stimulus2). ``x`` may
        be single trials (trial, unit) with the coordinate ``stimulus``, e.g. ``firing_rate(counts)``; ``y`` too, beside
        trials in ``x`` and for ``cka_unbiased``.
        Dicts (areas, layers) give the result the dims ``x`` and ``y``.
    metric : str
        A key of ``METRICS``.
    distance : str, optional
        For metrics on RDMs: a key of ``DISTANCES``. None: ``"crossnobis"`` where ``x`` holds single trials, as in
        ``noise_ceiling``, else ``"correlation"``; ``attrs["distance"]`` says which, of RDMs handed
        in what they say themselves, and different kinds beside each other are warned of. With ``"crossnobis"``, arrays
        without trials get its estimand, the squared Euclidean distance.
    over : str or pair of str, optional
        What the interval is over, by a jackknife that leaves out one part at a time: ``"trial"`` (stimuli and units
        as they are), ``"stimulus"`` (other stimuli of the kind), ``"unit"`` (other units of the area) or a coordinate
        of units such as ``"animal"``, ``("stimulus", "unit")`` (both at once); ``()`` for no interval. None:
        ``"trial"`` where there are trials, else ``"stimulus"``.
    match_units : bool
        Every ``x`` becomes the mean over 20 random sets of as many units as the smallest has; p stays that of all.
    n_shuffles : int, optional
        Orders of the stimuli behind ``p_value``: all of them up to 6 stimuli; 0 for none. None: 999, or 99 for metrics
        that must be computed anew for each.
    correction : "max-t", "holm", "fdr" or "none"
        For all cells of the table; ``attrs["n_tests"]`` says how many.
    margin : float
        Candidates closer than this to the highest count as one answer with it, however sure the difference; 0 for none.
    confidence : float
        Coverage of ``low`` to ``high``.
    n_groups, n_splits, seed : int
        Groups of the jackknife over trials or units, and random halves of the trials.

    Returns
    -------
    Dataset, unitless, dims (x, y)
        ``similarity``; ``low``, ``high`` and ``replicate`` (dim ``group``: one part left out); ``null_value``: what
        independent data of this size would give; ``p_value`` and ``p_value_corrected`` against independence, one-sided.
        For two or more candidates ``among_best``, ``claim`` and ``best`` (see ``among_best``). With single trials
        ``ceiling``, ``ceiling_low``, ``ceiling_high``: what a perfect model would reach in ``similarity``, or, for
        ``cka_unbiased``, in ``raw``, the similarity of the observed means (trials on both sides: for each ``y``).
        ``n_units``, ``n_features``.
        ``attrs["assumed"]`` says what the numbers rest on.

    Raises
    ------
    DimensionError
        Dims or labels that do not fit.
    DesignError
        Too few stimuli for the metric, values that are not finite, an unknown name.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> x = xr.DataArray(np.eye(5), dims=("stimulus", "unit"), coords={"stimulus": list("abcde")})
    >>> compare(x, 3 * x.rename(unit="feature"), metric="procrustes").similarity.round(6).item()
    1.0
    """
    for value, name, least in ((seed, "seed", 0), (n_groups, "n_groups", 2), (n_splits, "n_splits", 1)):
        require_whole(value, name, least=least)
    require_whole(n_shuffles, "n_shuffles", least=0, left_out="as many as the metric can afford")
    options: dict[str, Any] = {
        "confidence": confidence,
        "margin": margin,
        "n_groups": n_groups,
        "n_splits": n_splits,
        "seed": seed,
    }
    question = ask(x, y, metric=metric, distance=distance, over=over, **options)
    sides = in_threads(lambda one: _side(one, question), list(question.ys.values()))
    n_units = n_matched(question.xs) if match_units else None
    n_shuffles = default_shuffles(question.promise) if n_shuffles is None else n_shuffles
    with one_blas_thread():
        xs = list(question.xs.values())
        known_correction(correction)
        tested = significance(xs, sides, question, n_shuffles=n_shuffles, correction=correction) if n_shuffles else None
        null = _null(question, sides, n_units, tested)
        out = _with_p(_table(question, sides, n_units, null), null, tested)
        out = with_ceiling(out, question, matched=n_units is not None).assign(_sizes(question))
    why = warned(undefined(out, question.over))
    out = out.drop_vars(["silent_x", "silent_y"], errors="ignore")
    out = out.squeeze([dim for dim, given in (("x", x), ("y", y)) if not isinstance(given, Mapping)], drop=True)
    named: dict[str, Any] = {"metric": metric, "distance": question.told_distance or None}
    out.attrs = {
        **provenance(*question.xs.values()),
        **{key: value for key, value in named.items() if value is not None},
        "over": ", ".join(question.over),
        "n_stimuli": len(question.labels),
        "range": list(question.promise.range),
        "assumed": assumed(question, matched=n_units),
        **{key: value for key, value in options.items() if key != "n_splits" or question.corrected},
        **({"n_units_matched": n_units} if n_units else {}),
        **why,
        **out.attrs,
    }
    return add_step(out, "compare", **named, over=list(question.over), match_units=match_units, **options)


def _side(x: xr.DataArray, question: Question) -> Side:
    return represent(x, question.labels, question.promise, distance=question.distance)


def _table(question: Question, sides: list[Side], n_units: int | None, nulls: xr.DataArray) -> xr.Dataset:
    """Return one row of similarities per ``x``, and which candidates cannot be told from its best."""
    confidence = question.confidence

    def row(x: xr.DataArray) -> xr.Dataset:
        return row_of(x, sides, question)

    def whole(place: tuple[int, xr.DataArray]) -> xr.Dataset:
        x, null = place[1], nulls.isel(x=place[0], drop=True)
        found = row(x)
        if n_units:
            found = matched_row(x, n_units, row, confidence=confidence, seed=question.seed)
        if "replicate" in found and len(question.ys) > 1:
            named = found.assign_coords(y=list(question.ys))
            settings: dict[str, Any] = {"null": null, "margin": question.margin, "confidence": confidence}
            found = named.assign(among_best(named.similarity, named.replicate, **settings))
        return found

    out = xr.concat(
        in_threads(whole, list(enumerate(question.xs.values()))), dim="x", join="outer", combine_attrs="override"
    )
    return out.assign_coords(x=list(question.xs), y=list(question.ys))


def _null(question: Question, sides: list[Side], n_units: int | None, tested: xr.Dataset | None) -> xr.DataArray:
    """Return what independent data would give (x, y): of as many units as the similarity is of."""
    promise, xs = question.promise, question.xs
    if tested is not None and n_units is None and not promise.unbiased and promise.null is None:
        null = tested["null_mean"].values
    else:
        sets = [[x] if n_units is None else matched_sets(x, n_units, seed=question.seed) for x in xs.values()]
        if promise.unbiased or promise.null is not None:
            sets = [drawn[:1] for drawn in sets]  # the size alone decides
        null = np.stack([_mean_null(drawn, sides, question) for drawn in sets])
    return xr.DataArray(null, dims=("x", "y"), coords={"x": list(xs), "y": list(question.ys)})


def _mean_null(drawn: list[xr.DataArray], sides: list[Side], question: Question) -> np.ndarray:
    rows = [_side(x, question) for x in drawn]
    return np.asarray(nulls_of(question.promise, rows, sides, n_shuffles=_N_NULL, seed=question.seed).mean(axis=0))


def _with_p(out: xr.Dataset, null: xr.DataArray, tested: xr.Dataset | None) -> xr.Dataset:
    """Add what independent data would give, and how often chance does as well."""
    out["null_value"] = (("x", "y"), null.values)
    if tested is None:
        return out
    for name in ("p_value", "p_value_corrected"):
        out[name] = (("x", "y"), np.where(out["similarity"].isnull(), np.nan, tested[name].values))
    return out.assign_attrs(tested.attrs)


def _sizes(question: Question) -> dict[str, Any]:
    """Return how many units and features each side has, where they are known: an RDM does not say."""
    sizes = {}
    for dim, name, arrays in (("x", "n_units", question.xs), ("y", "n_features", question.ys)):
        if not any("stimulus2" in one.dims for one in arrays.values()):
            sizes[name] = (dim, [one.sizes[feature_dim(one, step="compare")] for one in arrays.values()])
    return sizes
