"""All that is asked of a unit before it is modelled: its signal, its noise, its ceiling, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr

from neurodata4ml.analysis.design.halves import split_halves
from neurodata4ml.analysis.inference.confidence import require_confidence
from neurodata4ml.analysis.inference.jackknife import Transform, interval
from neurodata4ml.analysis.linear.stimuli import fold_labels
from neurodata4ml.analysis.reliability.groups import over_trials
from neurodata4ml.analysis.reliability.power import noise_variance, reliability_of_means, signal_power
from neurodata4ml.analysis.reliability.reliability import half_correlation
from neurodata4ml.analysis.reliability.trials import by_unit_within_reach, shown_trials, squares_back, why_undefined
from neurodata4ml.analysis.responses import trial_labels
from neurodata4ml.analysis.similarity.representations import trial_values
from neurodata4ml.dims import add_step, feature_dim, provenance
from neurodata4ml.errors import DesignError
from neurodata4ml.require import require_whole

_QUANTITIES = ["reliability", "signal_power", "noise_variance", "split_half"]


def noise_summary(
    x: xr.DataArray,
    *,
    least: float = 0.1,
    n_splits: int = 20,
    n_groups: int = 20,
    confidence: float = 0.95,
    seed: int = 0,
) -> xr.Dataset:
    """Signal, noise and ceiling of each unit, each with an interval, and whether the ceiling can be divided by.

    With signal variance s2 between stimuli, trial noise v and n trials of each: ``reliability`` R = s2 / (s2 + v / n);
    ``ncsnr`` sqrt(s2 / v) and ``noise_ceiling`` 100 ncsnr^2 / (ncsnr^2 + 1 / n) %, both 0 where no signal was found
    (Allen et al. 2022, Nat. Neurosci. 25:116; n is the harmonic mean where repeats are unequal);
    ``signal_power`` s2, never clipped (Sahani & Linden 2003); ``split_half``: the correlation of random halves,
    whole blocks in either, averaged over splits, then stepped up to all trials by Spearman-Brown. A perfect model
    correlates with the observed means by sqrt(R).

    Parameters
    ----------
    x : DataArray (trial, unit), with the coordinate ``stimulus`` and perhaps ``block``; e.g. rates in Hz
    least : float
        A unit is ``reliable`` if the lower end of its R is above this. At 0.1 a score divided by sqrt(R) grows at most
        threefold; below, it is mostly the error of R that is reported.
    n_splits, seed : int
        Random halves.
    n_groups, confidence : int, float
        Interval ``*_low`` to ``*_high`` of each: a jackknife over trials, stimuli and units fixed; of R on the scale
        -log(1 - R), of the halves' correlation on that of Fisher.

    Returns
    -------
    Dataset (unit)
        ``reliability``, ``ncsnr``, ``split_half`` unitless, ``noise_ceiling`` in %, ``signal_power`` and
        ``noise_variance`` in squared units of ``x``; ``*_low`` and ``*_high`` of each, and ``reliable`` (bool).
        NaN for a unit whose mean responses are all the same; ``attrs["undefined"]`` counts these. Unreliable units
        keep their numbers: show their scores as they are, and do not divide by their ceilings.

    Raises
    ------
    DesignError
        Fewer than two stimuli, a stimulus shown once, trials without a label, values that are not finite.
    """
    for value, name, low in ((seed, "seed", 0), (n_splits, "n_splits", 1), (n_groups, "n_groups", 2)):
        require_whole(value, name, least=low)
    require_confidence(confidence, step="noise_summary")
    x = shown_trials(x, step="noise_summary")
    values, exponent = by_unit_within_reach(trial_values(x, step="noise_summary"))
    labels = trial_labels(x, "stimulus", step="noise_summary")
    n_stimuli = len(np.unique(labels))
    if n_stimuli < 2:
        message = f"noise_summary compares stimuli and needs at least 2; got {n_stimuli}. Choose another by=."
        raise DesignError(message)
    folds, kind = fold_labels(x, step="noise_summary")
    half = split_halves(labels, folds, kind, n_splits=n_splits, seed=seed)
    dim = feature_dim(x, step="noise_summary")
    trials = _trials(x, values, labels, folds, kind, dim)
    found = over_trials(_statistic(half, kind, dim), trials, n_groups=n_groups, confidence=confidence)
    counts = np.unique(labels, return_counts=True)[1]
    out = _intervals(found, confidence, 1.0 / float(np.mean(1.0 / counts)))
    out["reliable"] = out["reliability_low"] > least
    undefined = _in_own_units(out, exponent)
    out = out.assign_coords({name: c.variable for name, c in x.coords.items() if c.dims == (dim,)})
    about = {"folds": kind, "groups": found.attrs["groups"], "confidence": confidence, "least": least}
    about |= {"undefined": "; ".join(undefined)}
    out.attrs = {**provenance(x), **about, "over": "trials; stimuli and units are fixed"}
    return add_step(out, "noise_summary", least=least, n_splits=n_splits, n_groups=n_groups, seed=seed)


def _in_own_units(out: xr.Dataset, exponent: np.ndarray) -> list[str]:
    """Bring variances (in place) from the scale on which they were computed; return why values are NaN."""
    flat = np.isnan(out["reliability"].values)
    for name in ("signal_power", "noise_variance"):
        for suffix in ("", "_low", "_high"):
            one = out[name + suffix]
            out[name + suffix] = one.copy(data=squares_back(one.values, exponent))
    lost = np.isnan(out["noise_variance"].values)
    return [
        *why_undefined(flat, "their mean responses never change"),
        *why_undefined(lost, "their variances are no numbers in the units of the responses; divide these first"),
    ]


def _trials(
    x: xr.DataArray, values: np.ndarray, labels: np.ndarray, folds: np.ndarray, kind: str, dim: str
) -> xr.DataArray:
    """Return bare trials with what a part of them must still know: its stimuli, blocks, folds and rows."""
    rows = {"stimulus": labels, "row": np.arange(len(values)), "fold": folds}
    rows |= {"block": x.coords["block"].values} if "block" in x.coords else {}
    coords = {name: ("trial", column) for name, column in rows.items()}
    return xr.DataArray(values, dims=("trial", dim), coords=coords)


def _statistic(half: np.ndarray, kind: str, dim: str) -> Callable[[xr.DataArray], xr.DataArray]:
    def statistic(part: xr.DataArray) -> xr.DataArray:
        values, labels = part.values, part.coords["stimulus"].values
        blocks = part.coords["fold"].values if kind == "block" else None
        rows = [function(values, labels, blocks) for function in (reliability_of_means, signal_power, noise_variance)]
        rows.append(half_correlation(values, labels, half[part.coords["row"].values]))
        return xr.DataArray(np.stack(rows), dims=("quantity", dim), coords={"quantity": _QUANTITIES})

    return statistic


def _intervals(found: xr.Dataset, confidence: float, n: float) -> xr.Dataset:
    """Return every quantity with its bounds, on the scale where its error is most alike everywhere."""
    scales: dict[str, Transform] = {
        "reliability": (_noise_share, _of_noise_share),
        "split_half": (_fisher, _of_fisher),
    }
    out = xr.Dataset()
    for name in _QUANTITIES:
        one = found.sel(quantity=name, drop=True)
        bounds = interval(one["estimate"], one["replicate"], confidence=confidence, transform=scales.get(name))
        for key, suffix in (("estimate", ""), ("low", "_low"), ("high", "_high")):
            value = bounds[key]
            out[name + suffix] = 2 * value / (1 + value) if name == "split_half" else value
            if name == "reliability":
                signal = value.clip(min=0)
                out["ncsnr" + suffix] = (signal / (1 - signal) / n) ** 0.5
                out["noise_ceiling" + suffix] = 100 * signal
    return out


def _noise_share(reliability: xr.DataArray) -> xr.DataArray:
    return reliability.copy(data=-np.log((1 - reliability.values).clip(min=1e-300)))


def _of_noise_share(share: xr.DataArray) -> xr.DataArray:
    return share.copy(data=1 - np.exp(-share.values))


def _fisher(r: xr.DataArray) -> xr.DataArray:
    return r.copy(data=np.arctanh(r.values.clip(-1 + 1e-15, 1 - 1e-15)))


def _of_fisher(z: xr.DataArray) -> xr.DataArray:
    return z.copy(data=np.tanh(z.values))
