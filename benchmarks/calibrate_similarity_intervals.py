"""Intervals of similarities and ceilings where the truth is known; each returns 1.0 where its interval holds it."""

from __future__ import annotations

import numpy as np

from calibrate_similarity_worlds import (
    LAYER,
    Ask,
    expected,
    inside,
    labelled,
    layer_of,
    likeness,
    means,
    readout,
    score_of_truth,
    seed_of,
    square,
    trials,
    world,
)
from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.pairwise import pairwise
from neurodata4ml.analysis.reliability.ceiling import noise_ceiling
from neurodata4ml.analysis.reliability.summary import noise_summary
from neurodata4ml.analysis.similarity.metrics import METRICS, cka_unbiased
from neurodata4ml.analysis.similarity.representations import represent


def holds_zero(metric: str, n_stimuli: int = 40, n_units: int = 60, n_features: int = 300) -> Ask:
    """Independent representations: the interval over stimuli holds 0."""

    def ask(rng: np.random.Generator) -> float:
        x, y = means(rng, n_stimuli, n_units), means(rng, n_stimuli, n_features)
        return inside(compare(x, y, metric=metric, over="stimulus", n_shuffles=0), 0.0)

    return ask


def holds_expected(over: str | tuple[str, ...], n_stimuli: int, n_animals: int, n_units: int, scatter: float) -> Ask:
    """Units that read out latents, beside half of the latents: the interval holds the similarity of other draws.

    What is not in ``over`` is the same in all data sets. Expected is the mean over draws of as many units.
    """
    fixed = world("latents", n_stimuli, 2 * LAYER)

    def drawn(rng: np.random.Generator) -> np.ndarray:
        return rng.normal(size=fixed.shape) if "stimulus" in over else fixed

    def units(rng: np.random.Generator) -> np.random.Generator:
        return np.random.default_rng(0) if over == "stimulus" else rng

    def fresh(rng: np.random.Generator) -> float:
        latents = drawn(rng)
        return likeness(readout(units(rng), latents, n_animals, n_units, scatter), latents)

    def ask(rng: np.random.Generator) -> float:
        latents = drawn(rng)
        x = readout(units(rng), latents, n_animals, n_units, scatter)
        found = compare(x, layer_of(latents), over=over, n_shuffles=0, seed=seed_of(rng))
        return inside(found, expected(("readout", over, n_stimuli, n_animals, n_units, scatter), fresh))

    return ask


def holds_truth(rng: np.random.Generator) -> float:
    """Noisy trials beside a network: the interval over trials holds the similarity of the noise-free responses."""
    truth, layer = _truth_and_layer()
    found = compare(trials(rng, truth, 12, 1.5), labelled(layer), n_shuffles=0, seed=seed_of(rng))
    return inside(found, cka_unbiased(truth, layer))


def holds_difference(rng: np.random.Generator) -> float:
    """Noisy trials beside two layers: the interval of the difference over trials holds the true one."""
    truth, layer = _truth_and_layer()
    layers = {"a": layer, "b": np.hstack([truth[:, 4:], world("other", 30, 6)])}
    named = {name: labelled(one) for name, one in layers.items()}
    found = pairwise(compare(trials(rng, truth, 12, 1.5), named, n_shuffles=0, seed=seed_of(rng)))
    known = cka_unbiased(truth, layers["a"]) - cka_unbiased(truth, layers["b"])
    return inside(found.sel(y="a", y2="b"), known)


def set_holds_best(rng: np.random.Generator) -> float:
    """Noisy trials beside five layers nearly as good as each other: the set without a margin holds the best."""
    truth, _ = _truth_and_layer()
    without = (np.delete(truth, [k, k + 1], axis=1) for k in range(5))
    layers = {f"{k}": np.hstack([part, world(f"own {k}", 30, 4)]) for k, part in enumerate(without)}
    best = max(layers, key=lambda name: cka_unbiased(truth, layers[name]))
    named = {name: labelled(one) for name, one in layers.items()}
    found = compare(trials(rng, truth, 12, 1.5), named, margin=0.0, n_shuffles=0, seed=seed_of(rng))
    return float(found["among_best"].sel(y=best))


def _truth_and_layer() -> tuple[np.ndarray, np.ndarray]:
    truth = world("similarity", 30, 20)
    return truth, np.hstack([truth[:, :6], world("layer", 30, 6)])


def holds_reliability(rng: np.random.Generator) -> float:
    """Noisy trials: the share of units whose interval holds their reliability."""
    truth = world("units", 40, 30)
    found = noise_summary(trials(rng, truth, 12, 2.0), seed=seed_of(rng))
    power = truth.var(axis=0, ddof=1)
    known = power / (power + 4.0 / 12)
    return float(((found["reliability_low"] <= known) & (known <= found["reliability_high"])).mean())


def ceiling(metric: str, n_stimuli: int, n_units: int, n_repeats: int, noise: float) -> Ask:
    """Noisy trials: the interval of the ceiling holds the expected score of the truth."""
    name = f"{n_stimuli} {n_units}"

    def ask(rng: np.random.Generator) -> float:
        truth = world(name, n_stimuli, n_units)
        found = noise_ceiling(trials(rng, truth, n_repeats, noise), metric=metric, seed=seed_of(rng))
        known = expected((metric, name, n_repeats, noise), score_of_truth(truth, metric, n_repeats, noise))
        return inside(found, known)

    return ask


def nili(metric: str, n_subjects: int, noise: float) -> Ask:
    """RDMs of subjects: the bounds with their intervals hold the expected score of the true RDM."""
    truth = represent(labelled(world("nili", 12, 8)), np.arange(12), METRICS[metric], distance="euclidean").values

    def subjects(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.asarray(truth + noise * truth.std() * rng.normal(size=(n, len(truth))))

    def ask(rng: np.random.Generator) -> float:
        rdms = {str(i): square(one) for i, one in enumerate(subjects(rng, n_subjects))}
        found = noise_ceiling(rdms, metric=metric)
        known = expected((metric, "nili", noise), lambda fresh: float(METRICS[metric](subjects(fresh, 1)[0], truth)))
        return inside(found, known)

    return ask
