"""Whether the order of brain areas is the order of network layers: best-matching depth, ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.comparison.arrays import named
from neurodata4ml.analysis.comparison.matched import N_DRAWS, n_matched
from neurodata4ml.analysis.comparison.permuted import orders
from neurodata4ml.analysis.comparison.resampled import multiplicities
from neurodata4ml.analysis.comparison.weighted_hsic import weighted_cka
from neurodata4ml.analysis.inference.confidence import require_confidence
from neurodata4ml.analysis.inference.p_values import ROUNDING
from neurodata4ml.analysis.similarity.representations import average_trials
from neurodata4ml.dims import add_step, match_labels, presented, provenance, to_matrix
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_names, require_whole
from neurodata4ml.suggest import guess

_ALL_ORDERS = 8
"""Areas up to which every order is gone through (8! = 40,320); beyond, as many are drawn."""

_FEWEST = 4
"""Stimuli without which unbiased CKA is not defined."""


def hierarchy(
    responses: Mapping[str, xr.DataArray],
    layers: Mapping[str, xr.DataArray],
    *,
    order: Sequence[str],
    n_resamples: int = 200,
    confidence: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Rank correlation of a named order of areas with the depth of the layer that each shares most geometry with.

    Depth is the place of the layer of highest unbiased CKA with the mean responses, in a network with its layers from
    the input on; noise lowers all layers of an area alike and does not move it. All areas have as many units: the mean
    over 20 random sets of as many as the smallest has. The interval is that of a joint bootstrap over stimuli and
    units (percentiles; pairs of copies of a stimulus do not count). p is one-sided: how many orders of the areas give
    as high a correlation; with three areas it cannot be below 1/6. The untrained twin of the network is the baseline
    to print beside it: architecture alone makes deeper layers look at larger parts of an image.

    Parameters
    ----------
    responses : dict of area to DataArray
        Trials (trial, unit) or means (stimulus, unit).
    layers : dict of layer to DataArray (stimulus, feature)
        From the input to the output.
    order : sequence of str
        Three or more areas, from early to late.
    n_resamples, confidence, seed : int, float, int

    Returns
    -------
    Dataset
        ``correlation`` (Spearman; 0 where all areas have one depth) with ``low``, ``high``, ``replicate`` (resample);
        ``p_value``; ``depth`` (area), ``depth_low``, ``depth_high``, ``similarity`` (area, layer).
        ``attrs["undefined"]`` names areas without a depth.

    Raises
    ------
    DesignError
        Fewer than three areas, two layers or four stimuli, or an area that is not there.
    DimensionError
        An RDM, or an array of more than two dims.

    References
    ----------
    Guclu & van Gerven 2015, J. Neurosci. 35:10005 (areas by depth); Schuett et al. 2023, eLife 12:e82566 (bootstrap).
    """
    require_whole(seed, "seed", least=0)
    require_whole(n_resamples, "n_resamples", least=2)
    require_confidence(confidence, step="hierarchy")
    for given, name in ((responses, "responses"), (layers, "layers")):
        if not isinstance(given, Mapping):
            message = (
                f"hierarchy takes {name} as a dict of name to DataArray; got a {type(given).__name__}. Type "
                f"hierarchy({{'V1': v1, 'LM': lm, 'AL': al}}, {{'conv1': a, 'conv2': b}}, order=['V1', 'LM', 'AL'])."
            )
            raise DimensionError(message)
    responses, layers = named(responses, "responses", step="hierarchy"), named(layers, "layers", step="hierarchy")
    areas = _areas(responses, order, layers)
    _require_matrices(responses, layers)
    means = {area: average_trials(presented(responses[area], step="hierarchy").compute()) for area in areas}
    patterns, grams = _matrices(means, layers)
    n_units, n_stimuli = n_matched(means), grams.shape[1]
    rng = np.random.default_rng(seed)
    even = np.ones((1, n_stimuli))
    drawn = [[rng.permutation(x.shape[1])[:n_units] for _ in range(N_DRAWS)] for x in patterns]
    similarity = np.stack(
        [
            np.mean([weighted_cka(_gram(x[:, u]), grams, even)[0] for u in units], axis=0)
            for x, units in zip(patterns, drawn, strict=True)
        ]
    )
    again = np.empty((n_resamples, len(areas)))
    for k, weights in enumerate(multiplicities(n_stimuli, n_resamples, rng)):
        for a, x in enumerate(patterns):
            units = rng.integers(0, x.shape[1], size=n_units)
            again[k, a] = _depth(weighted_cka(_gram(x[:, units]), grams, weights[None]))[0]
    out = _labelled(_depth(similarity), again, confidence, areas)
    out["similarity"] = (("area", "layer"), similarity)
    out = out.assign_coords(layer=list(layers))
    out["p_value"] = _exact_p(out["depth"].values, seed)
    out.attrs = {
        **provenance(*responses.values()),
        "order": ", ".join(map(str, areas)),
        "n_units_matched": n_units,
        "n_stimuli": n_stimuli,
        "n_layers": len(layers),
        "confidence": confidence,
        "metric": "cka_unbiased",
        "over": "stimulus, unit",
    }
    silent = [str(area) for area, depth in zip(areas, out["depth"].values, strict=True) if np.isnan(depth)]
    if silent:
        why = f"The depth of {', '.join(silent)}, and with it the correlation, is NaN: no layer has a similarity with "
        out.attrs["undefined"] = why + "it, because its responses or all layers do not vary between the stimuli."
    return add_step(out, "hierarchy", order=areas, n_resamples=n_resamples, seed=seed)


def _areas(
    responses: Mapping[str, xr.DataArray], order: Sequence[str], layers: Mapping[str, xr.DataArray]
) -> list[str]:
    areas = require_names(order, "order", example="['V1', 'LM', 'AL'], from early to late")
    for area in areas:
        if area not in responses:
            there = [str(name) for name in responses]
            message = f"There are no responses of the area {area!r}.{guess(area, there)} Areas: {', '.join(there)}."
            raise DesignError(message)
    if len(set(areas)) < 3 or len(set(areas)) < len(areas) or len(layers) < 2:
        got = ", ".join(map(str, areas)) or "no areas"
        message = (
            f"A hierarchy needs 3 or more different areas and 2 or more layers; got {got} and {len(layers)} layers: of "
            f"two areas, one is first by chance half of the time. Name more: order=[...]."
        )
        raise DesignError(message)
    return areas


def _require_matrices(responses: Mapping[str, xr.DataArray], layers: Mapping[str, xr.DataArray]) -> None:
    """Refuse what is not (trial or stimulus, unit) and (stimulus, feature): an RDM would be read as features."""
    for given, rows, takes, cure in (
        (
            responses,
            ("trial", "stimulus"),
            "responses (trial, unit) or (stimulus, unit)",
            "without time: firing_rate(x)",
        ),
        (
            layers,
            ("stimulus",),
            "layers (stimulus, feature)",
            "not RDMs, all but stimuli in one dim: x.stack(feature=[...])",
        ),
    ):
        for name, x in given.items():
            if len(x.dims) != 2 or not set(rows) & set(x.dims) or "stimulus2" in x.dims:
                message = f"hierarchy takes {takes}, {cure}; {name} has ({', '.join(map(str, x.dims))})."
                raise DimensionError(message)


def _matrices(
    means: dict[str, xr.DataArray], layers: Mapping[str, xr.DataArray]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Return responses (stimulus, unit) of every area and Gram matrices of the layers, stimuli in one order."""
    first = next(iter(means.values()))
    if first.sizes["stimulus"] < _FEWEST:
        message = f"hierarchy needs at least {_FEWEST} stimuli, as unbiased CKA does; got {first.sizes['stimulus']}."
        raise DesignError(message)

    def matrix(x: xr.DataArray) -> np.ndarray:
        found = match_labels(first, x, "stimulus", step="hierarchy")[1].transpose("stimulus", ...)
        values = to_matrix(found, "stimulus", str(found.dims[1]))
        if not np.isfinite(values).all():
            message = (
                f"hierarchy needs finite responses; {(~np.isfinite(values)).sum()} of {values.size} values are not. "
                f'Drop their units: x.dropna("unit").'
            )
            raise DesignError(message)
        # CKA ignores scale: its products must be numbers
        return np.asarray(np.ldexp(values, -int(np.frexp(np.abs(values).max(initial=0.0))[1])))

    return [matrix(x) for x in means.values()], np.stack([_gram(matrix(x)) for x in layers.values()])


def _gram(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, dtype=np.float64)
    x = x - x.mean(axis=0)
    return np.asarray(x @ x.T)


def _depth(similarity: np.ndarray) -> np.ndarray:
    """Return the place of the highest similarity, from 0 to 1; NaN where none is known."""
    known = np.isfinite(similarity).any(axis=1)
    place = np.where(np.isfinite(similarity), similarity, -np.inf).argmax(axis=1) / (similarity.shape[1] - 1)
    return np.where(known, place, np.nan)


def _rank_correlation(depth: np.ndarray) -> np.ndarray:
    """Return Spearman's correlation of depth (..., area) with the order of the areas; 0 where all are at one depth."""
    ranks = stats.rankdata(depth, axis=-1)
    ranks = ranks - ranks.mean(axis=-1, keepdims=True)
    place = np.arange(depth.shape[-1]) - (depth.shape[-1] - 1) / 2
    norm = np.sqrt((ranks**2).sum(axis=-1) * (place**2).sum())
    found = np.divide(ranks @ place, norm, out=np.zeros(depth.shape[:-1]), where=norm > 0)
    return np.where(np.isnan(depth).any(axis=-1), np.nan, found)


def _exact_p(depth: np.ndarray, seed: int) -> float:
    n = len(depth)
    every = np.array(list(permutations(range(n)))) if n <= _ALL_ORDERS else orders(n, 40_320, seed)
    null = _rank_correlation(depth[every])
    observed = _rank_correlation(depth) - ROUNDING
    if np.isnan(observed):
        return float("nan")
    extra = 0 if n <= _ALL_ORDERS else 1  # the observed order is among all of them, and not among those drawn
    return float((extra + np.sum(null >= observed)) / (extra + len(null)))


def _labelled(depth: np.ndarray, again: np.ndarray, confidence: float, areas: list[str]) -> xr.Dataset:
    replicate = _rank_correlation(again)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.nanquantile(replicate, tails) if np.isfinite(replicate).any() else (np.nan, np.nan)
    depth_low, depth_high = np.quantile(again, tails, axis=0)
    return xr.Dataset(
        {
            "correlation": float(_rank_correlation(depth)),
            "low": float(low),
            "high": float(high),
            "replicate": ("resample", replicate),
            "depth": ("area", depth),
            "depth_low": ("area", depth_low),
            "depth_high": ("area", depth_high),
        },
        coords={"area": areas},
    )
