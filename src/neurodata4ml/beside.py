"""What a report says of a brain beside networks: two metrics, the twin, areas of equal size, the order of areas."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.sheets import sheets_of
from neurodata4ml.analysis.inference.jackknife import interval
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.candidates import Candidate
from neurodata4ml.errors import DesignError
from neurodata4ml.hierarchies import MIN_AREAS, known_order, network_hierarchies
from neurodata4ml.versus import area_by_candidate

_RSA: dict[str, Any] = {"metric": "rsa_rho_a", "over": (), "n_shuffles": 0}
"""The second metric: rho-a does not reward candidates that predict ties, and orders of stimuli were tested before."""


def beside_networks(
    brain: Mapping[str, xr.DataArray],
    found: Sequence[Candidate],
    *,
    order: Sequence[str] | None = None,
    seed: int = 0,
    metric: str = "cka_unbiased",
    over: str | Sequence[str] | None = None,
    **options: Any,
) -> xr.Dataset:
    """Return the table of areas by candidates that the report shows.

    Parameters
    ----------
    brain : dict of area to DataArray (trial, unit)
    found : sequence of Candidate
    order : sequence of str, optional
        Three or more areas, from early to late; None: that of ``KNOWN_ORDERS``, where it holds three of them.
    seed : int
    metric : str
        A key of ``METRICS``.
    over, **options
        As in ``compare``; ``distance`` is that of the metric on RDMs, be it the first or the second.

    Returns
    -------
    Dataset, dims (area, candidate)
        What ``brain_vs_network`` gives for the metric, with ``matched`` and ``hierarchy``; beside a metric that is
        none on RDMs, of RSA (rho-a) ``rsa`` and ``rsa_ceiling`` with its interval; beside unbiased CKA ``biased`` with
        ``biased_null``; ``twin_gap`` (area, trained_name): how far the highest layer of a network lies above the
        highest of its twin, with ``twin_gap_low`` and ``twin_gap_high``. ``attrs["no_hierarchy"]`` says why there is
        no hierarchy score.
    """
    on_rdms = metric in METRICS and METRICS[metric].on == "rdm"
    distance = options.pop("distance", None)
    own = {**options, "distance": distance} if on_rdms and distance is not None else options
    table = area_by_candidate(brain, found, metrics=(metric,), over=over, seed=seed, **own)
    out = sheets_of(table)[0].rename(x="area", y="candidate").drop_vars("metric")
    layers = {one.name: one.values for one in found}
    if not on_rdms:
        out = _with_rsa(out, compare(brain, layers, **_RSA, distance=distance, seed=seed))
    if metric == "cka_unbiased":
        averaged = {area: average_by(x) for area, x in brain.items()}
        biased = compare(averaged, layers, metric="cka", over=(), n_shuffles=0).rename(x="area", y="candidate")
        out["biased"], out["biased_null"] = biased["similarity"], biased["null_value"]
    out = out.assign(_above_twins(out))
    return with_hierarchy(out, brain, found, order, seed)


def _with_rsa(out: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    """Return the table with RSA beside its metric."""
    second = second.rename(x="area", y="candidate")
    ceilings = [name for name in ("ceiling", "ceiling_low", "ceiling_high") if name in second]
    out = out.assign({"rsa": second["similarity"], **{f"rsa_{name}": second[name] for name in ceilings}})
    return out.assign_attrs(second_metric=_RSA["metric"], second_distance=second.attrs.get("distance", ""))


def _above_twins(out: xr.Dataset) -> dict[str, xr.DataArray]:
    """Return how far the highest layer of every network lies above the highest of its twin, by area."""
    kind, network = out["kind"].values, out["network"].values
    pairs = [
        (name, f"{name}-untrained")
        for name in dict.fromkeys(network[kind == "network"])
        if f"{name}-untrained" in network
    ]
    if not pairs or "replicate" not in out:
        return {}
    gaps = []
    for trained, twin in pairs:
        sides = [out[["similarity", "replicate"]].isel(candidate=network == name) for name in (trained, twin)]
        highest = [
            one.isel(candidate=one["similarity"].fillna(-np.inf).argmax("candidate")).drop_vars("candidate")
            for one in sides
        ]
        gap = interval(
            highest[0].similarity - highest[1].similarity,
            highest[0].replicate - highest[1].replicate,
            confidence=float(out.attrs.get("confidence", 0.95)),
        )
        gaps.append(gap[["estimate", "low", "high"]].reset_coords(drop=True))
    joined = xr.concat(gaps, dim="trained_name").assign_coords(trained_name=[trained for trained, _ in pairs])
    called = {"estimate": "twin_gap", "low": "twin_gap_low", "high": "twin_gap_high"}
    return {new: joined[old] for old, new in called.items()}


def with_hierarchy(
    out: xr.Dataset,
    brain: Mapping[str, xr.DataArray],
    found: Sequence[Candidate],
    order: Sequence[str] | None,
    seed: int,
) -> xr.Dataset:
    """Return ``out`` with the hierarchy score of every network, or with ``attrs["no_hierarchy"]``: why there is none.

    Parameters
    ----------
    out : Dataset
    brain : dict of area to DataArray
    found : sequence of Candidate
    order : sequence of str or None
        From early to late; None: a known order, where there is one.
    seed : int
    """
    chosen = list(order or known_order(brain))
    if not chosen:
        why = f"it ranks {MIN_AREAS} or more areas, and this is a study of {len(brain)}: {', '.join(brain)}"
        if len(brain) >= MIN_AREAS:
            why = f"no order of {', '.join(brain)} is known. Name one, from early to late: order in the study file"
        return out.assign_attrs(no_hierarchy=why)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            ranked = network_hierarchies(brain, found, chosen, seed=seed)
    except DesignError as error:
        return out.assign_attrs(no_hierarchy=str(error))
    return out.assign(ranked.data_vars).assign_attrs(order=chosen)
