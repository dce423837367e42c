"""One small result of every public function that returns a labelled array: EVERY, by the name of the function."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import xarray as xr

import neurodata4ml as nd
from neurodata4ml.systems import lif

N_STIMULI, N_REPEATS, N_BINS, N_UNITS = 8, 6, 6, 20


@cache
def counts(seed: int = 0) -> xr.DataArray:
    """Return spike counts (trial, time, unit) of two areas: V1 answers early and strongly, LM late."""
    rng = np.random.default_rng(seed)
    stimulus = np.concatenate([rng.permutation(N_STIMULI) for _ in range(N_REPEATS)])
    area = np.repeat(["V1", "LM"], N_UNITS // 2)
    tuning = rng.gamma(1.0, 4.0, (N_STIMULI, N_UNITS))
    courses = {"V1": [0, 0, 1, 0.8, 0.4, 0.2], "LM": [0, 0, 0.1, 0.4, 1, 0.8]}
    course = np.array([courses[name] for name in area]).T
    rate = 0.5 + tuning[stimulus][:, None, :] * course
    values = rng.poisson(rate)
    return xr.DataArray(
        values,
        dims=("trial", "time", "unit"),
        coords={
            "stimulus": ("trial", stimulus),
            "stimulus_group": ("trial", np.where(stimulus < 4, "animal", "tool")),
            "start_time": ("trial", 2.0 * np.arange(stimulus.size)),
            "speed": ("trial", tuning[stimulus, 0] + rng.normal(size=stimulus.size)),
            "time": ("time", np.linspace(-0.1, 0.15, N_BINS), {"units": "s"}),
            "unit": np.arange(100, 100 + N_UNITS),
            "area": ("unit", area),
            "depth": ("unit", rng.uniform(0, 900, N_UNITS)),
        },
        name="spike_count",
        attrs={"units": "1", "bin_width": 0.05, "align": "start_time"},
    )


@cache
def rates() -> xr.DataArray:
    return nd.firing_rate(counts())


@cache
def areas() -> dict[str, xr.DataArray]:
    x = rates()
    return {name: x.isel(unit=np.flatnonzero(x.area.values == name)) for name in ("V1", "LM")}


@cache
def layers() -> dict[str, xr.DataArray]:
    """Return three layers (stimulus, feature) of a network that never was."""
    rng, means = np.random.default_rng(1), nd.average_by(rates())
    label = {"stimulus": means.stimulus.values}
    noise = {"conv1": 0.2, "conv2": 2.0, "logits": 20.0}
    made = {
        k: means.values @ rng.normal(size=(N_UNITS, 9)) + s * rng.normal(size=(N_STIMULI, 9)) for k, s in noise.items()
    }
    return {k: xr.DataArray(v, dims=("stimulus", "feature"), coords=label) for k, v in made.items()}


@cache
def compared() -> xr.Dataset:
    return nd.compare(areas(), layers())


def mice() -> dict[str, xr.DataArray]:
    rng, means = np.random.default_rng(2), nd.average_by(rates())
    return {name: nd.rdm(means + rng.normal(size=means.shape)) for name in "abcd"}


@cache
def spikes() -> xr.Dataset:
    return nd.open_session("lif").isel(unit=slice(0, 6))


def summed() -> xr.DataArray:
    return counts().sum("time", keep_attrs=True)


def remembering() -> xr.DataArray:
    rng = np.random.default_rng(4)
    slow = np.repeat(rng.standard_normal((60, 3, 6)), 3, axis=1) + rng.standard_normal((60, 9, 6))
    coords = {"time": 0.05 * np.arange(9), "unit": np.arange(6), "area": ("unit", ["V1", "LM"] * 3)}
    return xr.DataArray(slow, dims=("trial", "time", "unit"), coords=coords)


def taught() -> tuple[xr.DataArray, xr.DataArray]:
    rng = np.random.default_rng(5)
    label = {"stimulus": np.arange(40), "kind": ("stimulus", np.tile([0, 1], 20))}
    features = xr.DataArray(rng.standard_normal((40, 3)), dims=("stimulus", "feature"), coords=label)
    return features, features.drop_vars("kind").rename(feature="unit").assign_coords(unit=range(3))


def images() -> xr.DataArray:
    values = np.random.default_rng(3).uniform(size=(N_STIMULI, 8, 8))
    return xr.DataArray(values, dims=("stimulus", "y", "x"), coords={"stimulus": range(N_STIMULI)})


def movie() -> xr.DataArray:
    values = np.random.default_rng(4).normal(size=(30, 4))
    return xr.DataArray(values, dims=("time", "feature"), coords={"time": np.arange(30) / 20})


def brain() -> xr.Dataset:
    return nd.brain_vs_network(areas(), "digits", images=images(), n_resamples=20)


EVERY: dict[str, Callable[[], Any]] = {
    "bin_spikes": counts,
    "firing_rate": rates,
    "firing_rate of trials": lambda: nd.firing_rate(counts(), over=None),
    "average_by": lambda: nd.average_by(rates()),
    "average_by over time": lambda: nd.average_by(nd.firing_rate(counts(), over=None)),
    "zscore": lambda: nd.zscore(rates()),
    "smooth": lambda: nd.smooth(nd.firing_rate(counts(), over=None), 0.05),
    "baseline": lambda: nd.baseline(nd.firing_rate(counts(), over=None), (-0.1, 0.0)),
    "pseudo_population": lambda: nd.pseudo_population({"a": counts(), "b": counts(1)}, "stimulus", n_folds=3),
    "shuffle_within_class": lambda: nd.shuffle_within_class(rates(), "stimulus"),
    "decode": lambda: nd.decode(rates(), n_shuffles=19),
    "decode of a quantity": lambda: nd.decode(rates(), "speed", decoder="ridge", n_shuffles=19),
    "decode over time": lambda: nd.decode(counts(), over="time", n_shuffles=39),
    "decode_by": lambda: nd.decode_by(rates(), n_shuffles=19, n_draws=2),
    "decode_by over time": lambda: nd.decode_by(counts(), n_shuffles=39, n_draws=2, over="time"),
    "generalize": lambda: nd.generalize(counts(), n_shuffles=39),
    "latents": lambda: nd.latents(nd.average_by(rates())),
    "latents of trials": lambda: nd.latents(rates()),
    "latents over time": lambda: nd.latents(nd.average_by(counts())),
    "latents fa": lambda: nd.latents(rates(), method="fa"),
    "latents ica": lambda: nd.latents(rates(), method="ica"),
    "latents nmf": lambda: nd.latents(rates(), method="nmf"),
    "latents dpca": lambda: nd.latents(counts(), method="dpca"),
    "latents gpfa": lambda: nd.latents(counts(), method="gpfa", n_components=2),
    "latents tca": lambda: nd.latents(counts(), method="tca", n_components=2),
    "align_latents": lambda: nd.align_latents(
        nd.latents(nd.average_by(rates())).latents,
        nd.latents(nd.average_by(nd.firing_rate(counts(1)))).latents,
        n_shuffles=19,
    ),
    "dimensionality": lambda: nd.dimensionality(rates()),
    "dimensionality cvpca": lambda: nd.dimensionality(rates(), method="cvpca"),
    "dimensionality parallel": lambda: nd.dimensionality(rates(), method="parallel"),
    "rdm": lambda: nd.rdm(nd.average_by(rates())),
    "rdm crossnobis": lambda: nd.rdm(rates(), distance="crossnobis"),
    "rdm by area": lambda: nd.rdm(nd.average_by(rates()), by="area"),
    "rdm over time": lambda: nd.rdm(nd.average_by(counts()), over="time"),
    "searchlight": lambda: nd.searchlight(rates(), positions="depth", n_neighbours=4),
    "searchlight statistic": lambda: nd.searchlight(
        rates(), positions="depth", n_neighbours=4, statistic=lambda x: float(x.mean())
    ),
    "noise_precision": lambda: nd.noise_precision(rates()),
    "compare": compared,
    "compare one": lambda: nd.compare(areas()["V1"], layers()["conv1"]),
    "compare biased": lambda: nd.compare(nd.average_by(areas()["V1"]), layers(), metric="cka"),
    "compare rsa": lambda: nd.compare(areas()["V1"], layers(), metric="rsa_pearson"),
    "pairwise": lambda: nd.pairwise(compared()),
    "against": lambda: nd.against(compared()),
    "compare_models": lambda: nd.compare_models(mice(), {k: nd.rdm(v) for k, v in layers().items()}, n_resamples=50),
    "shape_distances": lambda: nd.shape_distances(layers()),
    "hierarchy": lambda: nd.hierarchy(
        {**{k: nd.average_by(v) for k, v in areas().items()}, "both": nd.average_by(rates())},
        layers(),
        order=["V1", "both", "LM"],
        n_resamples=20,
    ),
    "brain_vs_network": brain,
    "permutation_test": lambda: nd.permutation_test(nd.average_by(rates()), layers(), n_shuffles=49),
    "permutation_test one": lambda: nd.permutation_test(nd.average_by(rates()), layers()["conv1"], n_shuffles=49),
    "bootstrap": lambda: nd.bootstrap(rates(), lambda x: x.mean(), over="unit", n_resamples=50),
    "noise_ceiling": lambda: nd.noise_ceiling(rates()),
    "noise_ceiling rsa": lambda: nd.noise_ceiling(rates(), metric="rsa_pearson"),
    "noise_ceiling of many": lambda: nd.noise_ceiling(mice(), metric="rsa_pearson"),
    "reliability": lambda: nd.reliability(rates()),
    "noise_summary": lambda: nd.noise_summary(rates()),
    "encode": lambda: nd.encode(rates(), layers()["conv1"], n_folds=4),
    "encode layers": lambda: nd.encode(rates(), layers(), n_folds=4),
    "encode banded": lambda: nd.encode(rates(), layers(), encoder="banded", n_folds=4),
    "choose_layer": lambda: nd.choose_layer(rates(), layers(), n_folds=2, n_inner=2),
    "splits": lambda: nd.splits(rates()),
    "permutation_null": lambda: nd.permutation_null(rates(), "stimulus"),
    "lagged": lambda: nd.lagged(movie(), [0.0, 0.05]),
    "pixels": lambda: nd.pixels(images()),
    "gabor": lambda: nd.gabor(images()),
    "stimulus_images": images,
    "open_session": lambda: nd.open_session("demo"),
    "align_series": lambda: nd.align_series(nd.open_session("demo"), "running", window=(-0.5, 1), bin_width=0.1),
    "truth": lambda: nd.truth(nd.open_session("demo")),
    "open_simulation": lambda: nd.open_simulation(lif.record(n_units=4, n_repeats=2)),
    "interspike_intervals": lambda: nd.interspike_intervals(spikes()),
    "power_spectrum": lambda: nd.power_spectrum(spikes(), segment=0.5),
    "coupling": lambda: nd.coupling(spikes()),
    "best_explanation": lambda: nd.best_explanation(
        nd.coupling(spikes()), {"itself": nd.coupling(spikes())}, n_shuffles=99
    ),
    "response_latency": lambda: nd.response_latency(counts()),
    "intrinsic_timescale": lambda: nd.intrinsic_timescale(remembering(), per="area"),
    "intrinsic_timescale of units": lambda: nd.intrinsic_timescale(remembering()),
    "noise_correlations": lambda: nd.noise_correlations(rates()),
    "along_areas": lambda: nd.along_areas(
        xr.DataArray(np.arange(12.0), dims="unit", coords={"area": ("unit", [*"abc"] * 4)}, name="latency"), [*"abc"]
    ),
    "in_time": lambda: nd.in_time(nd.average_by(rates()), rate=30),
    "identify": lambda: nd.identify(nd.average_by(rates()), nd.average_by(nd.firing_rate(counts(1)))),
    "activity_weighted": lambda: nd.activity_weighted(*taught(), "kind", n_splits=3),
    "fano_factor": lambda: nd.fano_factor(summed()),
    "mutual_information": lambda: nd.mutual_information(summed()),
    "bits_per_spike": lambda: nd.bits_per_spike(counts(), xr.ones_like(counts(), dtype=float)),
    "cost_per_bit": lambda: nd.cost_per_bit(
        nd.mutual_information(summed())["information"],
        summed().mean("trial") / 0.3,
        duration=0.3,
        per_spike=1e9,
        at_rest=1e9,
    ),
    "activations": lambda: nd.activations("digits", images()),
    "layer_table": lambda: nd.layer_table("digits"),
}


@cache
def result_of(name: str) -> Any:
    """Return one result, made once."""
    return EVERY[name]()
