"""Tests of similarity asked where there is nothing to find; each returns 1.0 for a claim, 0.0 for none."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import xarray as xr

from calibrate_similarity_worlds import LAYER, Ask, labelled, layer_of, means, readout, seed_of, trials, world
from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.hierarchy import hierarchy
from neurodata4ml.analysis.comparison.pairwise import against, pairwise
from neurodata4ml.analysis.comparison.permutation_test import permutation_test
from neurodata4ml.analysis.inference.bootstrap import bootstrap
from neurodata4ml.analysis.reliability.ceiling import noise_ceiling

ALPHA = 0.05
_N_SHUFFLES = 59
"""The smallest number of which p = .05 is one value, and is reached in exactly 5 %: 3 of 60."""


def small(p: Any) -> float:
    """Return whether p is significant."""
    return float(p <= ALPHA + 1e-12)


def permuted(metric: str) -> Ask:
    """Condition-wise permutation of independent representations."""

    def ask(rng: np.random.Generator) -> float:
        found = permutation_test(means(rng), means(rng), metric=metric, n_shuffles=_N_SHUFFLES, seed=seed_of(rng))
        return small(found["p_value"])

    return ask


def of_blocks(rng: np.random.Generator) -> float:
    """Trials nested in drifting blocks, beside an unrelated layer: p of ``compare``."""
    x = trials(rng, rng.normal(size=(12, 6)), 4, 1.0, drift=2.0)
    found = compare(x, means(rng, 12), metric="cka", over=(), n_shuffles=_N_SHUFFLES, seed=seed_of(rng))
    return small(found["p_value"])


def family(rng: np.random.Generator) -> float:
    """Three areas beside four layers that all share one source: any claim at all."""
    source, brain = rng.normal(size=(2, 20, 6))
    areas = {f"area {i}": labelled(brain + rng.normal(size=(20, 6))) for i in range(3)}
    layers = {f"layer {i}": labelled(source + rng.normal(size=(20, 6))) for i in range(4)}
    found = permutation_test(areas, layers, metric="rsa_pearson", n_shuffles=_N_SHUFFLES, seed=seed_of(rng))
    return small(found["p_value_corrected"].min())


def compared_family(rng: np.random.Generator) -> float:
    """The same asked of ``compare`` with unbiased CKA: any corrected p of its table."""
    source, brain = rng.normal(size=(2, 20, 6))
    areas = {f"area {i}": labelled(brain + rng.normal(size=(20, 6))) for i in range(3)}
    layers = {f"layer {i}": labelled(source + rng.normal(size=(20, 6))) for i in range(4)}
    found = compare(areas, layers, over=(), n_shuffles=_N_SHUFFLES, seed=seed_of(rng))
    return small(found["p_value_corrected"].min())


def ordered(rng: np.random.Generator) -> float:
    """Four areas beside the layers of a network that has nothing of theirs: an order is found."""
    areas = {f"area {i}": means(rng, 20, 6) for i in range(4)}
    layers = {f"layer {i}": means(rng, 20, 6) for i in range(6)}
    found = hierarchy(areas, layers, order=list(areas), n_resamples=2, seed=seed_of(rng))
    return small(found["p_value"])


def claimed(rng: np.random.Generator) -> float:
    """Six candidates without relation to the responses, for stimuli in general: one said to be the best."""
    candidates = {f"layer {i}": means(rng, 30, 20) for i in range(6)}
    return float(compare(means(rng, 30, 10), candidates, over="stimulus", n_shuffles=0)["claim"])


def claimed_of_noise(rng: np.random.Generator) -> float:
    """Trials without a signal beside four candidates: a claim, or a set that is not all of them."""
    candidates = {f"layer {i}": means(rng, 20, 20) for i in range(4)}
    found = compare(trials(rng, np.zeros((20, 10)), 10, 1.0), candidates, n_shuffles=0, seed=seed_of(rng))
    return float(found["claim"] | ~found["among_best"].all())


def two_alike(rng: np.random.Generator) -> float:
    """Two candidates that share as much with the brain, for stimuli in general: one called better."""
    shared = rng.normal(size=(40, 4))
    x = labelled(shared @ rng.normal(size=(4, 10)) + rng.normal(size=(40, 10)))
    layers = {name: labelled(np.hstack([shared, rng.normal(size=(40, 4))])) for name in ("a", "b")}
    found = pairwise(compare(x, layers, over="stimulus", n_shuffles=0))
    return small(found["p_value"].sel(y="a", y2="b"))


def many_alike(rng: np.random.Generator) -> float:
    """Four candidates that share as much: any pair called different, by Holm."""
    shared = rng.normal(size=(40, 4))
    x = labelled(shared @ rng.normal(size=(4, 10)) + rng.normal(size=(40, 10)))
    layers = {name: labelled(np.hstack([shared, rng.normal(size=(40, 4))])) for name in "abcd"}
    found = pairwise(compare(x, layers, over="stimulus", n_shuffles=0))
    return small(found["p_value_corrected"].min())


def of_units_alike(over: str | tuple[str, ...], n_animals: int, scatter: float) -> Ask:
    """Two halves of the latents, of which units of all animals read out as much: one called better."""
    base = world("alike", 30, LAYER)
    fixed = np.hstack([base, base[::-1]])  # what one half is to the other, the other is to the one

    def ask(rng: np.random.Generator) -> float:
        latents = rng.normal(size=(30, 2 * LAYER)) if "stimulus" in over else fixed
        x = readout(rng, latents, n_animals, 40, scatter)
        layers = {"a": layer_of(latents), "b": labelled(latents[:, LAYER:])}
        found = pairwise(compare(x, layers, over=over, n_shuffles=0))
        return small(found["p_value"].sel(y="a", y2="b"))

    return ask


def above_zero(metric: str) -> Ask:
    """Independent representations: called alike by the jackknife over stimuli."""

    def ask(rng: np.random.Generator) -> float:
        found = compare(means(rng, 40), means(rng, 40, 30), metric=metric, over="stimulus", n_shuffles=0)
        return small(against(found)["p_value"])

    return ask


def below_ceiling(rng: np.random.Generator) -> float:
    """The truth beside noisy trials: called different from the ceiling of its RDM."""
    truth = world("ceiling test", 20, 10)
    result = compare(
        trials(rng, truth, 12, 1.0), labelled(truth), metric="rsa_pearson", n_shuffles=0, seed=seed_of(rng)
    )
    return small(against(result, "ceiling")["p_value"])


def below_one(rng: np.random.Generator) -> float:
    """The truth beside noisy trials: its noise-corrected CKA called different from 1."""
    truth = world("ceiling test", 20, 10)
    result = compare(trials(rng, truth, 12, 1.0), labelled(truth), n_shuffles=0, seed=seed_of(rng))
    return small(against(result, "ceiling")["p_value"])


def ceiling_of_noise(metric: str) -> Ask:
    """Trials without a signal: a ceiling is given."""

    def ask(rng: np.random.Generator) -> float:
        x = trials(rng, np.zeros((12, 8)), 10, 1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return float(noise_ceiling(x, metric=metric, n_splits=10, seed=seed_of(rng))["ceiling"].notnull())

    return ask


def nested(rng: np.random.Generator) -> float:
    """Units in sessions in animals, each level with its own scatter around no effect: an interval without 0."""
    animal, session = np.repeat(np.arange(10), 20), np.repeat(np.arange(30), 7)[:200]
    session = 3 * animal + session % 3
    scatter = rng.normal(size=10)[animal] + rng.normal(size=30)[session] + rng.normal(size=200)
    coords = {"animal": ("unit", animal), "session": ("unit", session)}
    x = xr.DataArray(scatter, dims="unit", coords=coords)
    over = ("animal", "session", "unit")
    found = bootstrap(x, lambda part: part.mean("unit"), over=over, n_resamples=99, seed=seed_of(rng))
    return float(found["low"] > 0 or found["high"] < 0)


def crossed(rng: np.random.Generator) -> float:
    """Stimuli and units each with their own scatter around no effect: an interval without 0."""
    scatter = rng.normal(size=(15, 1)) + rng.normal(size=(1, 12)) + rng.normal(size=(15, 12))
    x = xr.DataArray(scatter, dims=("stimulus", "unit"), coords={"stimulus": np.arange(15)})
    found = bootstrap(x, lambda part: part.mean(), over=("stimulus", "unit"), n_resamples=99, seed=seed_of(rng))
    return float(found["low"] > 0 or found["high"] < 0)
