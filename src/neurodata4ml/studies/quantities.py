"""The ten quantities of a simulated session: for each, what the analysis estimates and what is true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.decoding.accuracy import accuracy_interval
from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.inference.jackknife import interval, jackknife
from neurodata4ml.analysis.reliability.reliability import noise_ceiling, reliability
from neurodata4ml.analysis.reliability.variability import modulation, trial_variability
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.data.demo.simulate import DURATION


@dataclass(frozen=True)
class Case:
    """One area of one simulated session, with everything that its quantities are estimated from.

    Attributes
    ----------
    x : DataArray (trial, unit)
        Spike counts in the window.
    time : DataArray (trial, time)
        Counts of the whole area in bins of 10 ms.
    speed : DataArray (trial,)
        Running speed, cm/s.
    known : Dataset
        The truth of this area; see :func:`neurodata4ml.data.truth.truth`.
    fresh : list of DataArray (trial, unit)
        Sessions with the same trials, gain and drift, and new noise.
    candidates : dict of str to DataArray (stimulus, feature)
    seed : int
    """

    area: str
    x: xr.DataArray
    time: xr.DataArray
    speed: xr.DataArray
    known: xr.Dataset
    fresh: list[xr.DataArray]
    candidates: dict[str, xr.DataArray]
    seed: int


@dataclass(frozen=True)
class Recovered:
    """One estimate beside its truth: a number, or many of one kind.

    ``freedom`` is the number of degrees of freedom of ``error``, the standard error.
    """

    quantity: str
    what: str
    units: str
    estimate: np.ndarray
    error: np.ndarray
    truth: np.ndarray
    freedom: float

    def bounds(self, confidence: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the lower and the upper bound of every entry's interval."""
        width = stats.t.ppf(0.5 + confidence / 2, self.freedom) * self.error
        return self.estimate - width, self.estimate + width

    def share_inside(self, confidence: float) -> float:
        """Return the share of entries whose interval holds the truth."""
        low, high = self.bounds(confidence)
        return float(np.mean((low <= self.truth) & (self.truth <= high)))


def recovered(case: Case) -> Iterator[Recovered]:
    """Yield every estimate of one area beside its truth, in the order of the ten quantities."""
    for quantity in QUANTITIES:
        yield from quantity(case)


def _mean_response(case: Case) -> Iterator[Recovered]:
    # Blocks differ in running and drift, and the truth follows them: what is uncertain is only the noise within
    # stimuli, so the errors come from residuals and not from a jackknife over blocks.
    over_all = modulation(case.x, case.speed)
    yield Recovered(
        "mean response",
        "over all units and scenes",
        "Hz",
        _entries(over_all["mean"]) / DURATION,
        _entries(over_all["mean_error"]) / DURATION,
        _entries(case.known["expected_count"].mean()) / DURATION,
        case.x.sizes["trial"],
    )
    mean, square = average_by(case.x), average_by(case.x.astype(float) ** 2)
    n = mean["n_trials"]
    error = ((square - mean**2).clip(0) / (n - 1)) ** 0.5
    known = case.known["mean_response"].transpose(*mean.dims)
    yield Recovered(
        "mean response",
        "of each unit to each scene",
        "Hz",
        _entries(mean) / DURATION,
        _entries(error) / DURATION,
        _entries(known),
        float(n.mean()) - 1,
    )


def _variability(case: Case) -> Iterator[Recovered]:
    variance = jackknife(lambda x: trial_variability(x)["variance"], case.x)
    yield _one("trial variability", "variance of each unit", "spikes^2", variance, case.known["trial_variance"])
    shared = jackknife(lambda x: trial_variability(x)["noise_correlation"], case.x)
    yield _one("trial variability", "noise correlation, mean over pairs", "1", shared, case.known["noise_correlation"])


def _reliability(case: Case) -> Iterator[Recovered]:
    found = jackknife(reliability, case.x)
    known = case.known["reliability"]
    yield _one("reliability of the trial mean", "of each unit", "1", found, known)
    mean = interval(found["estimate"].mean("unit"), found["replicate"].mean("unit"))
    yield _one("reliability of the trial mean", "mean over units", "1", mean, known.mean())


def _rdm(case: Case) -> Iterator[Recovered]:
    found = jackknife(lambda x: _above_diagonal(rdm(x, distance="crossnobis")), case.x)
    known = _above_diagonal(case.known["rdm"])
    yield _one("RDM (crossnobis)", "of each pair of scenes", "spikes^2", found, known)
    mean = interval(found["estimate"].mean("pair"), found["replicate"].mean("pair"))
    yield _one("RDM (crossnobis)", "mean over pairs", "spikes^2", mean, known.mean())


def _dimensionality(case: Case) -> Iterator[Recovered]:
    found = jackknife(lambda x: dimensionality(x)["participation_ratio_cv"], case.x)
    yield _one("dimensionality of the signal", "participation ratio", "1", found, case.known["dimensionality"])


def _decoding(case: Case) -> Iterator[Recovered]:
    found = accuracy_interval(decode(case.x, "stimulus", n_shuffles=0, seed=case.seed), case.x)
    known = [decode(x, "stimulus", n_shuffles=0, seed=case.seed)["score"] for x in case.fresh]
    yield _one("decoding accuracy", "which of all scenes", "1", found, xr.DataArray(np.mean(known)))


def _time_course(case: Case) -> Iterator[Recovered]:
    found = jackknife(_share, case.time)
    yield _one("time course", "share of the response in each 10 ms", "1", found, case.known["time_course"])
    centre = jackknife(_centre, case.time)
    yield _one("time course", "centre of the response", "s", centre, _centre_of(case.known["time_course"]))


def _running(case: Case) -> Iterator[Recovered]:
    found = jackknife(lambda x: modulation(x, case.speed)["gain"], case.x)
    yield _one("gain of running", "relative rise of the response", "1/(cm/s)", found, case.known["running_gain"])


def _similarity(case: Case) -> Iterator[Recovered]:
    known = _similarity_of(case.known["mean_response"], case.candidates)
    found = compare(case.x, case.candidates, metric="cka_unbiased", n_shuffles=0, seed=case.seed)
    intervals = interval(found["similarity"], found["replicate"])
    for name in case.candidates:
        yield _one("similarity (unbiased CKA)", f"to {name}", "1", intervals.sel(y=name), known.sel(y=name))


def _similarity_of(means: xr.DataArray, other: xr.DataArray | dict[str, xr.DataArray]) -> xr.DataArray:
    """Return a similarity that is known and needs no interval."""
    return compare(means, other, metric="cka_unbiased", over=(), n_shuffles=0)["similarity"]


def _ceiling(case: Case) -> Iterator[Recovered]:
    noise_free = case.known["mean_response"]
    reached = [_similarity_of(average_by(x), noise_free) for x in case.fresh]
    found = noise_ceiling(case.x, seed=case.seed)
    freedom = len(np.unique(case.x["block"])) - 1
    error = _entries(found["high"] - found["low"]) / 2 / stats.t.ppf(0.5 + found.attrs["confidence"] / 2, freedom)
    error = np.hypot(error, np.std(reached, ddof=1) / np.sqrt(len(reached)))  # the truth is a mean of few sessions
    known = np.array([np.mean(reached)])
    yield Recovered("noise ceiling", "of unbiased CKA", "1", _entries(found["ceiling"]), error, known, freedom)


QUANTITIES: tuple[Callable[[Case], Iterator[Recovered]], ...] = (
    _mean_response,
    _variability,
    _reliability,
    _rdm,
    _dimensionality,
    _decoding,
    _time_course,
    _running,
    _similarity,
    _ceiling,
)


def _entries(x: xr.DataArray) -> np.ndarray:
    return np.asarray(x.values, dtype=float).ravel()


def _one(quantity: str, what: str, units: str, found: xr.Dataset, known: xr.DataArray) -> Recovered:
    estimate, error, true = (_entries(v) for v in (found["estimate"], found["se"], known))
    return Recovered(quantity, what, units, estimate, error, true, found["replicate"].sizes["group"] - 1)


def _above_diagonal(d: xr.DataArray) -> xr.DataArray:
    first, second = np.triu_indices(d.sizes["stimulus"], 1)
    return xr.DataArray(d.transpose("stimulus", "stimulus2").values[first, second], dims="pair")


def _share(counts: xr.DataArray) -> xr.DataArray:
    total = counts.sum("trial")
    return total / total.sum("time")


def _centre(counts: xr.DataArray) -> xr.DataArray:
    return _centre_of(_share(counts))


def _centre_of(share: xr.DataArray) -> xr.DataArray:
    return (share * share["time"]).sum("time") / share.sum("time")
