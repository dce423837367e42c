"""Every door that takes a seed asks for a whole number, in the same words, before it begins."""

import inspect

import numpy as np
import pytest
import xarray as xr

import neurodata4ml as nd
from neurodata4ml.errors import DesignError

COUNTS = xr.DataArray(
    np.random.default_rng(0).poisson(5, (40, 12)),
    dims=("trial", "unit"),
    coords={
        "stimulus": ("trial", np.tile(np.arange(4), 10)),
        "start_time": ("trial", np.arange(40.0)),
        "area": ("unit", np.repeat(["a", "b"], 6).astype(object)),
        "trial": np.arange(40),
        "unit": np.arange(12),
    },
)
MEANS = nd.average_by(COUNTS, "stimulus")
LATENTS = MEANS.rename(unit="component")
TWENTY = xr.DataArray(
    np.random.default_rng(1).normal(size=(20, 6)), dims=("stimulus", "unit"), coords={"stimulus": np.arange(20)}
)
RDMS = {name: nd.rdm(TWENTY**power) for power, name in enumerate("abc", 1)}
LAYERS = {"a": TWENTY.rename(unit="feature"), "b": (TWENTY**2).rename(unit="feature")}
AREAS = {"V1": TWENTY, "LM": TWENTY, "AL": TWENTY}
PER_UNIT = xr.DataArray(np.arange(6.0), dims="unit", coords={"area": ("unit", list("abcabc"))})
IMAGES = np.zeros((2, 8, 8))
PAIRS = TWENTY.drop_vars("stimulus").rename(stimulus="unit", unit="unit2")
CALLS = {
    "activations": lambda seed: nd.activations("digits", IMAGES, project=4, seed=seed),
    "bootstrap": lambda seed: nd.bootstrap(COUNTS, lambda x: x.mean("unit").mean("trial"), over="unit", seed=seed),
    "brain_vs_network": lambda seed: nd.brain_vs_network(AREAS, LAYERS, areas=["V1"], baselines=False, seed=seed),
    "choose_layer": lambda seed: nd.choose_layer(TWENTY, LAYERS, seed=seed),
    "encode": lambda seed: nd.encode(TWENTY, LAYERS["a"], seed=seed),
    "hierarchy": lambda seed: nd.hierarchy(AREAS, LAYERS, order=list(AREAS), n_resamples=3, seed=seed),
    "permutation_test": lambda seed: nd.permutation_test(MEANS, MEANS, n_shuffles=3, seed=seed),
    "identify": lambda seed: nd.identify(
        TWENTY.assign_coords(unit=range(6)), TWENTY.assign_coords(unit=range(6)), seed=seed
    ),
    "activity_weighted": lambda seed: nd.activity_weighted(
        LAYERS["a"].assign_coords(kind=("stimulus", np.tile([0, 1], 10))), TWENTY, "kind", n_splits=2, seed=seed
    ),
    "along_areas": lambda seed: nd.along_areas(PER_UNIT, list("abc"), n_resamples=2, seed=seed),
    "untrained_twin": lambda seed: nd.untrained_twin("digits", seed=seed),
    "best_explanation": lambda seed: nd.best_explanation(PAIRS, {"a": PAIRS}, seed=seed),
    "align_latents": lambda seed: nd.align_latents(LATENTS, LATENTS, seed=seed),
    "compare": lambda seed: nd.compare(MEANS, MEANS, seed=seed),
    "compare_models": lambda seed: nd.compare_models(RDMS, RDMS, n_resamples=20, seed=seed),
    "decode": lambda seed: nd.decode(COUNTS, n_shuffles=0, seed=seed),
    "decode_by": lambda seed: nd.decode_by(COUNTS, n_shuffles=0, n_draws=1, seed=seed),
    "dimensionality": lambda seed: nd.dimensionality(COUNTS, seed=seed),
    "generalize": lambda seed: nd.generalize(COUNTS.expand_dims(time=[0.0, 0.1]), n_shuffles=0, seed=seed),
    "latents": lambda seed: nd.latents(MEANS, seed=seed),
    "mutual_information": lambda seed: nd.mutual_information(COUNTS, n_shuffles=1, seed=seed),
    "noise_ceiling": lambda seed: nd.noise_ceiling(COUNTS, seed=seed),
    "noise_summary": lambda seed: nd.noise_summary(COUNTS, seed=seed),
    "permutation_null": lambda seed: nd.permutation_null(COUNTS, "stimulus", seed=seed),
    "pseudo_population": lambda seed: nd.pseudo_population([COUNTS, COUNTS], "stimulus", seed=seed),
    "reliability": lambda seed: nd.reliability(COUNTS, seed=seed),
    "shuffle_within_class": lambda seed: nd.shuffle_within_class(COUNTS, "stimulus", seed=seed),
    "splits": lambda seed: nd.splits(COUNTS, target="stimulus", seed=seed),
}


def test_no_door_is_forgotten():
    with_seed = {name for name in nd.__all__ if callable(door := getattr(nd, name)) and "seed" in _parameters(door)}
    assert with_seed - {"verify", "Simulation"} == set(CALLS)  # verify has tests of its own; the other is a value


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_a_seed_is_a_whole_number(name):
    CALLS[name](np.int64(3))
    for seed in ("a", -1, 1.5, None, True):
        with pytest.raises(DesignError, match=f"seed takes a whole number, 0 or more; got {seed!r}"):
            CALLS[name](seed)


def _parameters(door):
    try:
        return inspect.signature(door).parameters
    except ValueError:  # e.g. of an exception
        return {}
