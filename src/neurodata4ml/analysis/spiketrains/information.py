"""What the spikes of a unit tell about the stimulus, in bits, and what a bit costs."""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy.special import gammaln

from neurodata4ml.dims import add_step, presented, provenance, require_array, require_dims
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.require import require_whole
from neurodata4ml.suggest import guess

CORRECTIONS = ("panzeri-treves", "miller-madow", "shuffle", "none")
"""How the bias of few trials is taken out."""


def mutual_information(
    counts: xr.DataArray,
    by: str = "stimulus",
    *,
    correction: str = "panzeri-treves",
    n_shuffles: int = 100,
    seed: int = 0,
) -> xr.Dataset:
    """Information between each unit's count and the stimulus, in bits.

    From counted frequencies information is too large, since few trials look as if they told stimuli apart: by about
    ``(sum over s of (R_s - 1) - (R - 1)) / (2 N ln 2)`` bits, with R the counts that can occur, R_s those that can
    occur with stimulus s, and N trials (Miller 1955; Panzeri & Treves 1996, Network 7:87, who estimate R_s by Bayes'
    rule, since not all that can occur did). "shuffle" takes out the mean of the same estimate with labels exchanged:
    too much where units are tuned, for then fewer counts can occur with a stimulus than without. With fewer trials of a
    stimulus than counts that can occur, none of them is enough.

    Parameters
    ----------
    counts : DataArray (trial, unit), spikes
        Whole numbers, such as ``bin_spikes(session).sum("time")``.
    by : str
        The coordinate of trials that is told about.
    correction : {"panzeri-treves", "miller-madow", "shuffle", "none"}
    n_shuffles, seed : int
        Of the null: labels of trials exchanged.

    Returns
    -------
    Dataset
        ``information`` (unit), bits per trial, corrected; may be below 0. ``plain`` (unit), as counted; ``bias``
        (unit), what was taken out; ``p_value`` (unit), of the plain one among shuffles; ``entropy``, bits of the
        stimulus: no unit can tell more.

    Raises
    ------
    DimensionError
        No trials or units, or no such coordinate.
    DesignError
        Counts that are not whole numbers from 0; fewer than two stimuli or four trials; no such correction.
    """
    step = "mutual_information"
    require_array(counts, step=step)
    require_dims(counts, "trial", "unit", step=step, hint='Sum over time first: counts.sum("time").')
    require_whole(n_shuffles, "n_shuffles", least=1)
    require_whole(seed, "seed", least=0)
    if by not in counts.coords:
        message = f"{step} needs the coordinate {by!r} of trials; got {', '.join(map(str, counts.coords))}."
        raise DimensionError(message)
    if correction not in CORRECTIONS:
        message = f"correction is one of {', '.join(CORRECTIONS)}; got {correction!r}.{guess(correction, CORRECTIONS)}"
        raise DesignError(message)
    shown = presented(counts, step=step)
    x = shown.transpose("trial", "unit").values
    if not (np.isfinite(x).all() and (x >= 0).all() and (x == np.round(x)).all()):
        message = (
            f"{step} takes spike counts, whole numbers from 0; these are not. Rates tell the same: hand on counts."
        )
        raise DesignError(message)
    _, label = np.unique(shown[by].values.astype(str), return_inverse=True)
    if len(x) < 4 or label.max(initial=0) < 1:
        message = f"{step} needs two stimuli and four trials or more; got {label.max(initial=-1) + 1} and {len(x)}."
        raise DesignError(message)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(label) for _ in range(n_shuffles)]
    rows = [_of_unit(column.astype(np.int64), label, orders, correction) for column in x.T]
    plain, bias, p = np.array(rows).reshape(-1, 3).T
    share = np.bincount(label) / len(label)
    found = xr.Dataset(
        {
            "information": ("unit", plain - bias, {"units": "bit"}),
            "plain": ("unit", plain, {"units": "bit"}),
            "bias": ("unit", bias, {"units": "bit"}),
            "p_value": ("unit", p, {"units": "1"}),
            "entropy": ((), float(-(share * np.log2(share)).sum()), {"units": "bit"}),
        },
        coords={"unit": shown["unit"].values},
        attrs={**provenance(counts), "n_trials": len(x), "n_stimuli": int(label.max() + 1)},
    )
    return add_step(found, step, by=by, correction=correction, n_shuffles=n_shuffles, seed=seed)


def bits_per_spike(counts: xr.DataArray, predicted: xr.DataArray) -> xr.DataArray:
    """How much better a prediction tells a unit's spikes than its mean rate does, in bits per spike.

    ``(log-likelihood of the prediction - log-likelihood of the mean) / (spikes ln 2)``, both Poisson (Pei et al. 2021,
    the Neural Latents Benchmark, arXiv:2109.04463). 0: no better than the mean; below 0: worse.

    Parameters
    ----------
    counts, predicted : DataArray, the same dims with ``unit`` among them
        Spikes, and expected spikes, per trial or bin; a prediction must come from other trials than these.

    Returns
    -------
    DataArray (unit,), bits per spike
        NaN for units without a spike.

    Raises
    ------
    DimensionError
        The two have other dims, sizes or labels.
    DesignError
        A prediction below 0, or of 0 where there was a spike.
    """
    require_array(counts, step="bits_per_spike")
    require_dims(counts, "unit", step="bits_per_spike")
    try:
        counts, expected = xr.align(counts, predicted.transpose(*counts.dims), join="exact")
    except ValueError as error:
        message = f"bits_per_spike takes counts and predictions of the same trials and units; {error}."
        raise DimensionError(message) from error
    rows = [dim for dim in counts.dims if dim != "unit"]
    x, m = (
        one.transpose(*rows, "unit").values.reshape(-1, counts.sizes["unit"]).astype(float)
        for one in (counts, expected)
    )
    if not (m >= 0).all() or (x[m == 0] > 0).any():
        message = "a prediction is an expected count, above 0 wherever there was a spike; add a small rate to it."
        raise DesignError(message)
    mean = np.broadcast_to(x.mean(axis=0), x.shape)
    n = x.sum(axis=0)
    gained = (_likelihood(x, m) - _likelihood(x, mean)) / np.where(n > 0, n, np.nan) / np.log(2)
    found = xr.DataArray(gained, dims=("unit",), coords={"unit": counts["unit"].values}, name="bits_per_spike")
    found.attrs = {**provenance(counts), "units": "bit"}
    return add_step(found, "bits_per_spike")


def cost_per_bit(
    information: xr.DataArray, rate: xr.DataArray, *, duration: float, per_spike: float, at_rest: float
) -> xr.DataArray:
    """Molecules of ATP that one bit takes, from what a spike and what mere readiness take.

    Parameters
    ----------
    information : DataArray (unit,), bits per trial
    rate : DataArray (unit,), Hz
    duration : float, s
        Of a trial.
    per_spike, at_rest : float
        ATP for one spike and all it sets going; ATP per second without any. Attwell & Laughlin 2001 (J Cereb Blood
        Flow Metab 21:1133) estimate 7.1e8 and 4.4e8 for a neuron of the rodent's neocortex, 1.0e8 of the latter in its
        glia.

    Returns
    -------
    DataArray (unit,), ATP per bit; NaN where there is no information

    Raises
    ------
    DesignError
        A duration or a cost that is not above 0.
    """
    for value, name in ((duration, "duration"), (per_spike, "per_spike"), (at_rest, "at_rest")):
        if not (np.isfinite(value) and value > 0):
            message = f"cost_per_bit takes {name} above 0; got {value!r}."
            raise DesignError(message)
    spent = rate * per_spike * duration + at_rest * duration
    found: xr.DataArray = (spent / information.where(information > 0)).rename("cost_per_bit")
    found.attrs = {**provenance(information), "units": "1"}
    return add_step(found, "cost_per_bit", duration=duration, per_spike=per_spike, at_rest=at_rest)


def _of_unit(
    count: np.ndarray, label: np.ndarray, orders: list[np.ndarray], correction: str
) -> tuple[float, float, float]:
    """Return the plain information, its bias, and its p among shuffles."""
    _, code = np.unique(count, return_inverse=True)
    plain = _plain(code, label)
    null = np.array([_plain(code, order) for order in orders])
    bias = 0.0
    if correction == "shuffle":
        bias = float(null.mean())
    elif correction != "none":
        bias = _bias(code, label, bayes=correction == "panzeri-treves")
    return plain, bias, float((1 + (null >= plain - 1e-12).sum()) / (1 + len(null)))


def _plain(code: np.ndarray, label: np.ndarray) -> float:
    """Return the information between two codes by their frequencies, bits."""
    n_codes = int(code.max()) + 1
    joint = np.bincount(label * n_codes + code, minlength=(int(label.max()) + 1) * n_codes).reshape(-1, n_codes)
    p = joint / joint.sum()
    independent = p.sum(axis=1, keepdims=True) * p.sum(axis=0)
    there = p > 0
    return float((p[there] * np.log2(p[there] / independent[there])).sum())


def _bias(code: np.ndarray, label: np.ndarray, *, bayes: bool) -> float:
    n_codes = int(code.max()) + 1
    total = -(n_codes - 1.0)
    for one in range(int(label.max()) + 1):
        seen = np.bincount(code[label == one], minlength=n_codes)
        total += (_possible(seen, n_codes) if bayes else float((seen > 0).sum())) - 1
    return float(total / (2 * len(label) * np.log(2)))


def _possible(seen: np.ndarray, most: int) -> float:
    """Estimate how many of ``most`` counts can occur, of which these were seen: Panzeri & Treves 1996, eq. 16 on.

    As many are added as make the number that would be seen, in as many trials, that which was.
    """
    n = int(seen.sum())
    p = seen[seen > 0] / n
    there = len(p)
    apart = abs(there - (1 - (1 - p) ** n).sum())
    extra, before = 0, np.inf
    while apart < before and there + extra < most:
        extra += 1
        share = extra * (1 - (n / (n + there)) ** (1 / n))
        own = (1 - share) / (n + there) * (p * n + 1)
        expected = (1 - (1 - own) ** n).sum() + extra * (1 - (1 - share / extra) ** n)
        before, apart = apart, abs(there - expected)
    too_far = bool(extra and apart >= before)
    return float(there + extra - too_far)


def _likelihood(x: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return the Poisson log-likelihood of each column."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(x > 0, x * np.log(mean), 0.0)
    return np.asarray((logs - mean - gammaln(x + 1)).sum(axis=0))
