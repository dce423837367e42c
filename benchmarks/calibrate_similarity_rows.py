"""Data whose truth is known, for tests of similarity that must not err too often and intervals that must hold it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.pairwise import against, pairwise
from neurodata4ml.analysis.comparison.permutation_test import permutation_test
from neurodata4ml.analysis.inference.bootstrap import bootstrap
from neurodata4ml.analysis.reliability.ceiling import noise_ceiling
from neurodata4ml.analysis.reliability.summary import noise_summary
from neurodata4ml.analysis.similarity.metrics import METRICS, cka_unbiased
from neurodata4ml.analysis.similarity.representations import represent

ALPHA = 0.05


class Row(NamedTuple):
    """One thing to count: ``ask(rng)`` draws data anew and returns the share of what was to happen, NaN for no answer.

    ``kind`` "error": a claim where there is nothing, at most 5 %. "interval": it holds the truth, in 92 to 98 %.
    "bracket": it holds the truth, in 95 % or more: Nili's bounds, and intervals known to be too wide.
    """

    kind: str
    ask: Callable[[np.random.Generator], float]


def means(rng: np.random.Generator, n_stimuli: int = 20, n_features: int = 8) -> xr.DataArray:
    """Draw independent features."""
    return labelled(rng.normal(size=(n_stimuli, n_features)))


def labelled(values: np.ndarray) -> xr.DataArray:
    """Name the dims of (stimulus, feature), and the stimuli."""
    return xr.DataArray(values, dims=("stimulus", "feature"), coords={"stimulus": np.arange(len(values))})


def trials(rng: np.random.Generator, truth: np.ndarray, n_repeats: int, noise: float) -> xr.DataArray:
    """Draw trials in random order within blocks, each stimulus once in each."""
    n_stimuli = len(truth)
    stimulus = np.concatenate([rng.permutation(n_stimuli) for _ in range(n_repeats)])
    coords = {"stimulus": ("trial", stimulus), "block": ("trial", np.repeat(np.arange(n_repeats), n_stimuli))}
    values = truth[stimulus] + noise * rng.normal(size=(len(stimulus), truth.shape[1]))
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


def permuted(metric: str) -> Callable[[np.random.Generator], float]:
    """Condition-wise permutation of independent representations."""

    def ask(rng: np.random.Generator) -> float:
        found = permutation_test(means(rng), means(rng), metric=metric, n_shuffles=59, seed=_seed(rng))
        return float(found["p_value"] <= ALPHA + 1e-12)

    return ask


def family(rng: np.random.Generator) -> float:
    """Three areas beside four layers that all share one source: any claim at all."""
    source, brain = rng.normal(size=(2, 20, 6))
    areas = {f"area {i}": labelled(brain + rng.normal(size=(20, 6))) for i in range(3)}
    layers = {f"layer {i}": labelled(source + rng.normal(size=(20, 6))) for i in range(4)}
    found = permutation_test(areas, layers, metric="rsa_pearson", n_shuffles=59, seed=_seed(rng))
    return float(found["p_value_corrected"].min() <= ALPHA + 1e-12)


def two_alike(rng: np.random.Generator) -> float:
    """Two candidates that share as much with the brain, for stimuli in general: one called better."""
    shared = rng.normal(size=(40, 4))
    x = labelled(shared @ rng.normal(size=(4, 10)) + rng.normal(size=(40, 10)))
    layers = {name: labelled(np.hstack([shared, rng.normal(size=(40, 4))])) for name in ("a", "b")}
    found = pairwise(_over_stimuli(x, layers))
    return float(found["p_value"].sel(y="a", y2="b") <= ALPHA)


def above_zero(rng: np.random.Generator) -> float:
    """Independent representations: called alike by the jackknife over stimuli."""
    return float(against(_over_stimuli(means(rng, 40), means(rng, 40, 30)))["p_value"] <= ALPHA)


def below_ceiling(rng: np.random.Generator) -> float:
    """The truth beside noisy trials: called different from the ceiling."""
    truth = _world("ceiling test", 20, 10)
    result = compare(trials(rng, truth, 12, 1.0), labelled(truth), metric="rsa_pearson", n_shuffles=0, seed=_seed(rng))
    return float(against(result, "ceiling")["p_value"] <= ALPHA)


def nested(rng: np.random.Generator) -> float:
    """Units in sessions in animals, each level with its own scatter around no effect: an interval without 0."""
    animal, session = np.repeat(np.arange(10), 20), np.repeat(np.arange(30), 7)[:200]
    session = 3 * animal + session % 3
    scatter = rng.normal(size=10)[animal] + rng.normal(size=30)[session] + rng.normal(size=200)
    coords = {"animal": ("unit", animal), "session": ("unit", session)}
    x = xr.DataArray(scatter, dims="unit", coords=coords)
    over = ("animal", "session", "unit")
    found = bootstrap(x, lambda part: part.mean("unit"), over=over, n_resamples=99, seed=_seed(rng))
    return float(found["low"] > 0 or found["high"] < 0)


def holds_zero(rng: np.random.Generator) -> float:
    """Independent representations: the interval of unbiased CKA over stimuli holds 0."""
    found = _over_stimuli(means(rng, 40, 60), means(rng, 40, 300))
    return float(found["low"] <= 0 <= found["high"])


def holds_truth(rng: np.random.Generator) -> float:
    """Noisy trials beside a network: the interval over trials holds the similarity of the noise-free responses."""
    truth = _world("similarity", 30, 20)
    layer = np.hstack([truth[:, :6], _world("layer", 30, 6)])
    found = compare(trials(rng, truth, 12, 1.5), labelled(layer), n_shuffles=0, seed=_seed(rng))
    return _inside(found, cka_unbiased(truth, layer))


def holds_reliability(rng: np.random.Generator) -> float:
    """Noisy trials: the share of units whose interval holds their reliability."""
    truth = _world("units", 40, 30)
    found = noise_summary(trials(rng, truth, 12, 2.0), seed=_seed(rng))
    power = truth.var(axis=0, ddof=1)
    known = power / (power + 4.0 / 12)
    return float(((found["reliability_low"] <= known) & (known <= found["reliability_high"])).mean())


def ceiling(
    metric: str, n_stimuli: int, n_units: int, n_repeats: int, noise: float
) -> Callable[[np.random.Generator], float]:
    """Noisy trials: the interval of the ceiling holds the expected score of the truth."""
    name = f"{n_stimuli} {n_units}"

    def ask(rng: np.random.Generator) -> float:
        truth = _world(name, n_stimuli, n_units)
        found = noise_ceiling(trials(rng, truth, n_repeats, noise), metric=metric, seed=_seed(rng))
        if found["low"].isnull():
            return float("nan")
        key = (metric, name, n_repeats, noise)
        if key not in _EXPECTED:
            _EXPECTED[key] = _expected(truth, *key)
        return _inside(found, _EXPECTED[key])

    return ask


def nili(metric: str, n_subjects: int, noise: float) -> Callable[[np.random.Generator], float]:
    """RDMs of subjects: the bounds with their intervals hold the expected score of the true RDM."""
    truth = represent(labelled(_world("nili", 12, 8)), np.arange(12), METRICS[metric], distance="euclidean").values

    def subjects(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.asarray(truth + noise * truth.std() * rng.normal(size=(n, len(truth))))

    def ask(rng: np.random.Generator) -> float:
        rdms = {str(i): _square(one) for i, one in enumerate(subjects(rng, n_subjects))}
        found = noise_ceiling(rdms, metric=metric)
        key = (metric, "nili", n_subjects, noise)
        if key not in _EXPECTED:
            fresh = subjects(np.random.default_rng(1), _N_FRESH)
            _EXPECTED[key] = float(np.mean([METRICS[metric](one, truth) for one in fresh]))
        return _inside(found, _EXPECTED[key])

    return ask


_N_FRESH = 200
"""Fresh data sets behind an expected score."""

_EXPECTED: dict[tuple[str, str, int, float], float] = {}


def _expected(truth: np.ndarray, metric: str, name: str, n_repeats: int, noise: float) -> float:
    rng, stimuli, promise = np.random.default_rng(list(name.encode())), np.arange(len(truth)), METRICS[metric]
    own = represent(labelled(truth), stimuli, promise, distance="crossnobis").values
    fresh = (trials(rng, truth, n_repeats, noise) for _ in range(_N_FRESH))
    return float(np.mean([promise(represent(x, stimuli, promise, distance="crossnobis").values, own) for x in fresh]))


def _world(name: str, n_stimuli: int, n_units: int) -> np.ndarray:
    """Return noise-free responses that are the same in all data sets."""
    return np.random.default_rng(list(name.encode())).normal(size=(n_stimuli, n_units))


def _over_stimuli(x: Any, y: Any) -> xr.Dataset:
    return compare(x, y, metric="cka_unbiased", over="stimulus", n_shuffles=0)


def _square(pairs: np.ndarray) -> xr.DataArray:
    n = round((1 + np.sqrt(1 + 8 * len(pairs))) / 2)
    out = np.zeros((n, n))
    out[np.triu_indices(n, 1)] = pairs
    coords = {"stimulus": np.arange(n), "stimulus2": np.arange(n)}
    return xr.DataArray(out + out.T, dims=("stimulus", "stimulus2"), coords=coords)


def _inside(found: xr.Dataset, known: float) -> float:
    return float("nan") if found["low"].isnull() else float(found["low"] <= known <= found["high"])


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


ROWS: dict[str, Row] = {
    "permutation, rsa_pearson": Row("error", permuted("rsa_pearson")),
    "permutation, rsa_spearman": Row("error", permuted("rsa_spearman")),
    "permutation, cka_unbiased": Row("error", permuted("cka_unbiased")),
    "max-T, 3 areas x 4 layers": Row("error", family),
    "two equal candidates": Row("error", two_alike),
    "against zero, over stimuli": Row("error", above_zero),
    "against the ceiling": Row("error", below_ceiling),
    "units in sessions in animals": Row("error", nested),
    "cka_unbiased over stimuli holds 0": Row("interval", holds_zero),
    "cka_unbiased over trials": Row("interval", holds_truth),
    "reliability of units": Row("interval", holds_reliability),
    "ceiling cka_unbiased, quiet": Row("interval", ceiling("cka_unbiased", 40, 10, 24, 1.0)),
    "ceiling cka_unbiased, noisy": Row("interval", ceiling("cka_unbiased", 20, 10, 12, 2.0)),
    "ceiling cka_unbiased, 6 repeats": Row("bracket", ceiling("cka_unbiased", 20, 10, 6, 1.0)),
    "ceiling cka_unbiased, many units": Row("interval", ceiling("cka_unbiased", 30, 60, 20, 3.0)),
    "ceiling rsa_pearson, quiet": Row("interval", ceiling("rsa_pearson", 20, 10, 12, 1.0)),
    "ceiling rsa_pearson, noisy": Row("interval", ceiling("rsa_pearson", 30, 40, 20, 2.0)),
    "ceiling rsa_pearson, 6 repeats": Row("bracket", ceiling("rsa_pearson", 20, 10, 6, 0.7)),
    "ceiling rsa_cosine": Row("interval", ceiling("rsa_cosine", 30, 40, 20, 2.0)),
    "ceiling rsa_cosine, close to 1": Row("bracket", ceiling("rsa_cosine", 20, 10, 12, 1.0)),
    "ceiling rsa_pearson_whitened": Row("interval", ceiling("rsa_pearson_whitened", 20, 10, 12, 1.0)),
    "ceiling rsa_spearman": Row("interval", ceiling("rsa_spearman", 20, 10, 12, 1.0)),
    "ceiling rsa_tau_a": Row("interval", ceiling("rsa_tau_a", 20, 10, 12, 1.0)),
    "Nili, rsa_pearson, 6 subjects": Row("bracket", nili("rsa_pearson", 6, 1.0)),
    "Nili, rsa_cosine, 12 subjects": Row("bracket", nili("rsa_cosine", 12, 0.5)),
    "Nili, rsa_spearman, 6 subjects": Row("bracket", nili("rsa_spearman", 6, 1.0)),
    "Nili, rsa_tau_a, 6 subjects": Row("bracket", nili("rsa_tau_a", 6, 2.0)),
}
"""By name."""
