"""How much a statistic would vary if stimuli, units, sessions or animals were drawn anew."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.inference.confidence import require_confidence
from neurodata4ml.analysis.inference.left_out import groups_of
from neurodata4ml.analysis.inference.two_factors import bootstrap_variance
from neurodata4ml.dims import add_step, presented, provenance, require_array
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

Statistic = Callable[[xr.DataArray], xr.DataArray | float]

_FEW = 10
"""Fewer groups than this hardly show how much groups differ."""


def bootstrap(
    x: xr.DataArray,
    statistic: Statistic,
    *,
    over: str | Sequence[str] = ("stimulus",),
    n_resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Standard error and interval of any statistic, from drawing stimuli, units, sessions or animals again.

    What is drawn is what the interval generalises to: of units, to other units of these animals; of animals, to other
    animals. ``over=("animal", "session", "unit")`` draws animals, of each drawn animal its sessions, of each drawn
    session its units (Saravanan et al. 2020, Neurons Behav. Data Anal. Theory 3(5)). Names along two dims, such as
    ``("stimulus", "unit")``, are drawn at once and each alone, and the variance is corrected for what that counts
    twice (``bootstrap_variance``).

    A statistic of *pairs* of what is drawn (RDM, CKA, HSIC) would compare copies with each other, which are alike
    whatever the data: use ``compare(..., over="stimulus")``, which leaves these pairs out, or tell copies apart by the
    coordinates given to each resample.

    Parameters
    ----------
    x : DataArray
        Blank and invalid trials are dropped first.
    statistic : callable DataArray -> DataArray or float
        Given a resample of ``x``, in which for every name in ``over`` the coordinate ``<name>_copy`` says which copy
        of its stimulus (unit, animal ...) an entry belongs to: 0 for the first, 1 for the second. Must not keep what
        is drawn as a dim. Where it is not finite for a resample, there is neither error nor interval (NaN), which
        ``attrs["undefined"]`` tells.
    over : str or sequence of str
        Dims, or coordinates along one dim; along the same dim from the outermost to the innermost.
    n_resamples : int
        1,000 give the ends of a 95 % interval to a tenth of its width or so.
    confidence : float
        Coverage of ``low`` to ``high``.
    seed : int

    Returns
    -------
    Dataset with ``estimate``, ``se``, ``low``, ``high``, and ``replicate`` with the extra dim ``resample``
        ``se`` is the standard deviation over resamples times sqrt(g / (g - 1)) for g outermost groups. One factor: the
        percentiles of the replicates, as far out as a t-interval would be ("expanded percentile", Hesterberg 2015, Am.
        Stat. 69:371). Two factors: ``estimate -+ t * se`` with the smaller number less one degrees of freedom.

    Raises
    ------
    DesignError
        Fewer than two groups, names along more than two dims, an RDM, a statistic that keeps the drawn dim or
        returns no numbers, an inner level before its outer.
    DimensionError
        No such dim or coordinate.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> x = xr.DataArray(np.arange(20.0), dims="unit")
    >>> found = bootstrap(x, lambda part: part.mean(), over="unit")
    >>> bool(found.low < 9.5 < found.high)
    True
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_resamples, "n_resamples", least=2)
    require_array(x, step="bootstrap")
    names = (over,) if isinstance(over, str) or not isinstance(over, Sequence) else tuple(over)
    x = presented(x, step="bootstrap")
    if not callable(statistic):
        message = f"statistic takes a function of x; got {statistic!r}. Type lambda x: x.mean('unit')."
        raise DesignError(message)
    factors = _factors(x, names, confidence)
    estimate = _value(statistic, x)
    kept = [dim for dim in factors if dim in estimate.dims]
    if kept:
        message = (
            f"The statistic keeps the dim {kept[0]!r}, along which is drawn. Return what summarises it: "
            f"lambda x: x.mean({kept[0]!r})."
        )
        raise DesignError(message)
    rng = np.random.default_rng(seed)
    draws = [{dim: _draw(levels, rng) for dim, levels in factors.items()} for _ in range(n_resamples)]
    replicate = _replicates(statistic, x, draws, factors)
    n_groups = {dim: int(levels[0][1].max()) + 1 for dim, levels in factors.items()}
    if len(factors) == 1:
        out = _of_one(estimate, replicate, next(iter(n_groups.values())), confidence)
    else:
        alone = [_replicates(statistic, x, [{dim: d[dim]} for d in draws], factors) for dim in factors]
        out = _of_two(estimate, replicate, alone, list(n_groups.values()), confidence)
    shown = {"over": list(names), "n_groups": list(n_groups.values()), "confidence": confidence}
    out.attrs = {**provenance(x), **shown, "n_resamples": n_resamples, "seed": seed}
    lost = int(replicate.isnull().any([dim for dim in replicate.dims if dim != "resample"]).sum())
    if lost:
        out.attrs["undefined"] = (
            f"se, low and high are NaN where the statistic is not finite in a resample, here in {lost} of "
            f"{n_resamples}."
        )
    return add_step(out, "bootstrap", **shown, n_resamples=n_resamples, seed=seed)


Levels = list[tuple[str, np.ndarray]]


def _factors(x: xr.DataArray, names: tuple[str, ...], confidence: float) -> dict[str, Levels]:
    """Return, for each dim along which is drawn, the levels by name with each entry's group, outermost first."""
    require_confidence(confidence, step="bootstrap")
    if not names:
        message = "bootstrap draws over at least one name; got none. Type over='stimulus'."
        raise DesignError(message)
    out: dict[str, Levels] = {}
    for name in names:
        dim, group = groups_of(x, name, step="bootstrap")
        out.setdefault(dim, []).append((name, group))
    if len(out) > 2:
        message = f"bootstrap draws along one dim or two; {names} lie along {len(out)}. Leave out {names[-1]!r}."
        raise DesignError(message)
    if "stimulus2" in x.dims and "stimulus" in out:
        message = (
            "The stimuli of an RDM cannot be drawn along one of its dims: copies of a stimulus would be compared with "
            'each other. Type compare(x, y, over="stimulus").'
        )
        raise DesignError(message)
    _require_nested(out)
    for name, group in (levels[0] for levels in out.values()):
        n_groups = int(group.max()) + 1 if len(group) else 0
        if n_groups < 2:
            message = (
                f"bootstrap over {name!r} needs at least 2 of them; got {n_groups}. Draw what there is more of: "
                f"over={'stimulus' if name == 'unit' else 'unit'!r}."
            )
            raise DesignError(message)
        if n_groups < _FEW:
            warnings.warn(
                f"bootstrap over {name!r} has only {n_groups} of them: how much they differ is hardly known, and the "
                f"interval is a rough one. It gets better with more of them, not with more resamples.",
                stacklevel=3,
            )
    return out


def _require_nested(factors: dict[str, Levels]) -> None:
    """Refuse an inner level before its outer; labels that are used again (sessions 1, 2 of each animal) nest."""
    for levels in factors.values():
        for (outer, of_outer), (inner, of_inner) in pairwise(levels):
            n_pairs = len(np.unique(np.stack([of_outer, of_inner]), axis=1).T)
            if n_pairs == len(np.unique(of_outer)) > len(np.unique(of_inner)):
                message = (
                    f"bootstrap draws {inner!r} within {outer!r}, and each {outer!r} lies within one {inner!r}. Name "
                    f"the outer first: over=({inner!r}, {outer!r})."
                )
                raise DesignError(message)


def _draw(levels: Levels, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw once along a dim: the entries ("") and, for each level, which copy of its group each belongs to."""
    drawn = list(_descend(np.arange(len(levels[0][1])), levels, (), rng))
    out = {"": np.concatenate([rows for rows, _ in drawn])}
    for depth, (name, _) in enumerate(levels):
        out[name] = np.concatenate([np.full(len(rows), copies[depth]) for rows, copies in drawn])
    return out


def _descend(
    rows: np.ndarray, levels: Levels, copies: tuple[int, ...], rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, tuple[int, ...]]]:
    """Yield the entries of each innermost group that is drawn from ``rows``, with its copy number at every level."""
    if not levels:
        yield rows, copies
        return
    groups, group = np.unique(levels[0][1][rows], return_inverse=True)
    seen = np.zeros(len(groups), dtype=int)
    members = np.split(rows[np.argsort(group, kind="stable")], np.cumsum(np.bincount(group))[:-1])
    for k in rng.integers(0, len(groups), size=len(groups)):
        yield from _descend(members[k], levels[1:], (*copies, int(seen[k])), rng)
        seen[k] += 1


def _replicates(
    statistic: Statistic, x: xr.DataArray, draws: list[dict[str, Any]], factors: dict[str, Levels]
) -> xr.DataArray:
    """Return the statistic of every draw (resample, ...)."""
    parts = []
    for draw in draws:
        part = x.isel({dim: along[""] for dim, along in draw.items()})
        marks = {f"{name}_copy": (dim, along[name]) for dim, along in draw.items() for name, _ in factors[dim]}
        parts.append(_value(statistic, part.assign_coords(marks)))
    found = xr.concat(parts, dim="resample")
    return found.where(np.isfinite(found))


def _value(statistic: Statistic, x: xr.DataArray) -> xr.DataArray:
    value = statistic(x)
    named = isinstance(value, xr.DataArray)
    if not (named or (not isinstance(value, xr.Dataset) and np.ndim(value) == 0)) or (
        np.asarray(value).dtype.kind not in "biuf"
    ):
        message = (
            f"statistic returns a DataArray of numbers, or one number; got {_kind(value)}. Name its dims: "
            f'lambda x: x.mean("trial").'
        )
        raise DesignError(message)
    return value if isinstance(value, xr.DataArray) else xr.DataArray(float(value))


def _kind(value: Any) -> str:
    """Return what a statistic returned, in words."""
    kind = type(value).__name__
    return f"a {kind} of the type {value.dtype}" if hasattr(value, "dtype") else f"a {kind}"


def _of_one(estimate: xr.DataArray, replicate: xr.DataArray, n_groups: int, confidence: float) -> xr.Dataset:
    wider = np.sqrt(n_groups / (n_groups - 1))
    tail = float(stats.norm.cdf(-wider * stats.t.ppf(0.5 + confidence / 2, n_groups - 1)))
    low, high = (replicate.quantile(q, "resample", skipna=False).drop_vars("quantile") for q in (tail, 1 - tail))
    se = wider * replicate.std("resample", ddof=1, skipna=False)
    return xr.Dataset({"estimate": estimate, "se": se, "low": low, "high": high, "replicate": replicate})


def _of_two(
    estimate: xr.DataArray,
    replicate: xr.DataArray,
    alone: list[xr.DataArray],
    n_groups: list[int],
    confidence: float,
) -> xr.Dataset:
    spread = [part.var("resample", ddof=1, skipna=False).values for part in (replicate, *alone)]
    variance = bootstrap_variance(*spread, n_first=n_groups[0], n_second=n_groups[1])
    se = estimate.copy(data=np.sqrt(variance))
    width = float(stats.t.ppf(0.5 + confidence / 2, min(n_groups) - 1)) * se
    found = {"estimate": estimate, "se": se, "low": estimate - width, "high": estimate + width}
    return xr.Dataset({**found, "replicate": replicate})
