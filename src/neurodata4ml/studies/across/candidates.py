"""Candidates beside areas over many recordings: which is highest, and which cannot be told from it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.ranking import among_best
from neurodata4ml.analysis.inference.jackknife import interval
from neurodata4ml.studies.across.activity import told
from neurodata4ml.studies.across.decoding import LEVEL, counted
from neurodata4ml.studies.across.samples import CONFIDENCE, LEAST, Samples, common, stacked, too_few, with_summary

MARGIN = 0.03
"""That of ``compare``, where a recording does not tell its own."""

_CELL = ("area", "candidate")


def similarities(having: Mapping[str, xr.Dataset], samples: Samples) -> xr.Dataset:
    """Similarity of areas and candidates over recordings, with the candidates that cannot be told from the highest.

    The p-values of recordings are counted and not combined: all of them meet the same candidates with the same
    stimuli, so they are not independent.

    Returns
    -------
    Dataset
        ``similarity``, ``raw`` and ``rsa`` (session, area, candidate), ``ceiling``, ``rsa_ceiling`` (session, area),
        ``twin_gap`` (session, trained_name, area), each over recordings; ``p_value_significant``, ... as of decoding;
        and what :func:`ranked` gives.
    """
    margin = float(common(having, "margin").get("margin", MARGIN))
    out = xr.Dataset()
    for name, ends in (("similarity", ("low", "high")), ("raw", None), ("rsa", None)):
        out = out.merge(with_summary(having, samples, name, _CELL, ends=ends))
    for name in ("ceiling", "rsa_ceiling"):
        out = out.merge(with_summary(having, samples, name, ("area",)))
    out = out.merge(with_summary(having, samples, "twin_gap", ("trained_name", "area")))
    null = stacked(having, "null_value", _CELL)
    null = xr.zeros_like(out["similarity_mean"]) if null is None else samples.of(null).mean("sample")
    out = out.merge(ranked(out["similarity"], samples, null=null, margin=margin))
    name = next((name for name in ("p_value", "p_value_corrected") if any(name in one for one in having.values())), "")
    p = stacked(having, name, _CELL) if name else None
    if p is not None:
        out = out.merge(counted(p, having, "p_value"))
    why = too_few(out, "similarity", samples) + _unranked(out["similarity"], samples)
    kept = common(having, "metric", "n_stimuli", "correction", "distance", "second_metric", "second_distance")
    out.attrs = kept | {"margin": margin, "level": LEVEL} | told(why)
    return _with_kinds(out, having)


def predictions(having: Mapping[str, xr.Dataset], samples: Samples) -> xr.Dataset:
    """How well candidates predict single units over recordings, with those that cannot be told from the highest.

    Returns
    -------
    Dataset
        ``median`` and ``median_corrected`` (session, area, candidate), ``ceiling`` (session, area), ``twin_gap``
        (session, trained_name, area), each over recordings; and what :func:`ranked` gives, without a margin.
    """
    out = xr.Dataset()
    for name in ("median", "median_corrected"):
        out = out.merge(with_summary(having, samples, name, _CELL))
    out = out.merge(with_summary(having, samples, "ceiling", ("area",)))
    out = out.merge(with_summary(having, samples, "twin_gap", ("trained_name", "area")))
    out = out.merge(ranked(out["median"], samples, null=xr.zeros_like(out["median_mean"]), margin=0.0))
    why = too_few(out, "median", samples) + _unranked(out["median"], samples)
    out.attrs = common(having, "score", "corrected", "encoder", "n_stimuli", "n_folds") | {"margin": 0.0} | told(why)
    return _with_kinds(out, having)


def ranked(x: xr.DataArray, samples: Samples, *, null: xr.DataArray, margin: float) -> xr.Dataset:
    """Return which candidates cannot be told from the highest mean, by the rule of ``compare``, over samples.

    The rule is that of :func:`~neurodata4ml.analysis.comparison.ranking.among_best`; its jackknife, here over samples,
    is for a mean exactly Student's t of paired differences. Intervals of differences are Bonferroni-corrected for the
    number of candidates less one (Dunn 1961, J. Am. Stat. Assoc. 56:52), so that all hold at once. Compared are the
    candidates that all samples with the area have: a mean over fewer recordings is not set beside one over more.

    Parameters
    ----------
    x : DataArray (session, area, candidate)
    samples : Samples
    null : DataArray (area, candidate)
        What unrelated data give.
    margin : float
        Candidates closer than this count as one answer.

    Returns
    -------
    Dataset of ``difference``, how far the highest lies above each, with ``difference_low`` and ``difference_high``,
    ``among_best`` (area, candidate), ``claim`` and ``best`` (area)
        NaN, no claim, and all among the best, with fewer than three samples.
    """
    parts = [_of_area(samples.of(x.sel(area=area)), null.sel(area=area), margin) for area in x["area"].values]
    return xr.concat(parts, dim="area", join="exact").assign_coords(area=x["area"].values)


def _of_area(x: xr.DataArray, null: xr.DataArray, margin: float) -> xr.Dataset:
    """Return the ranking (candidate) of one area from values (sample, candidate)."""
    x = x.drop_vars("area", errors="ignore").dropna("sample", how="all")
    compared = x.dropna("candidate").transpose("sample", "candidate")
    n, mean = compared.sizes["sample"], compared.mean("sample")
    out = xr.Dataset(
        {name: ("candidate", np.full(x.sizes["candidate"], np.nan)) for name in _DIFFERENCE.values()},
        coords={"candidate": x["candidate"].values},
    )
    if n < LEAST or not compared.size:
        return out.assign(among_best=("candidate", np.ones(x.sizes["candidate"], dtype=bool)), claim=False, best="")
    # at least 3, so the mean without each is defined
    replicate = ((mean * n - compared) / (n - 1)).rename(sample="group").drop_vars("group")
    told_apart = among_best(
        mean.rename(candidate="y"),
        replicate.rename(candidate="y"),
        null=null.sel(candidate=mean["candidate"]).drop_vars("area", errors="ignore").rename(candidate="y"),
        margin=margin,
        confidence=CONFIDENCE,
    ).rename(y="candidate")
    level = 1.0 - (1.0 - CONFIDENCE) / max(compared.sizes["candidate"] - 1, 1)
    top = mean.argmax("candidate")
    gap = interval(_above(mean, top), _above(replicate, top), confidence=level)
    found = gap[list(_DIFFERENCE)].rename(_DIFFERENCE).reindex_like(out)
    among = told_apart["among_best"].reindex_like(out, fill_value=not bool(told_apart["claim"]))
    return found.assign(among_best=among, claim=told_apart["claim"], best=str(told_apart["best"].item()))


_DIFFERENCE = {"estimate": "difference", "low": "difference_low", "high": "difference_high"}


def _above(x: xr.DataArray, top: xr.DataArray) -> xr.DataArray:
    return x.isel(candidate=top).drop_vars("candidate") - x


def _unranked(x: xr.DataArray, samples: Samples) -> list[str]:
    """Return which candidates could not be set beside the highest, and why."""
    by_sample = samples.of(x)
    here = by_sample.notnull().any("candidate")
    lacking = (here & by_sample.isnull()).any("sample")
    why = []
    for area in x["area"].values:
        names = [str(name) for name in x["candidate"].values[lacking.sel(area=area).values]]
        if names:
            why.append(f"{', '.join(names)} could not be set beside the others in {area}: some {samples.by}s lack it")
    return why


def _with_kinds(out: xr.Dataset, having: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Return the array with what is known of every candidate: its kind, its network and layer."""
    for name in ("kind", "network", "layer"):
        known: dict[str, str] = {}
        for one in having.values():
            if name in one.coords:
                known |= {str(c): str(v) for c, v in zip(one["candidate"].values, one[name].values, strict=True)}
        if known:
            values = [known.get(str(candidate), "") for candidate in out["candidate"].values]
            out = out.assign_coords({name: ("candidate", np.array(values, dtype=object))})
    return out
