"""What explain says is what the result holds, and never more than the data can show."""

import re
import warnings

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.compare_models import compare_models
from neurodata4ml.analysis.comparison.explain import EXPLANATIONS, Explanation, explain
from neurodata4ml.analysis.comparison.explained import population
from neurodata4ml.analysis.comparison.explained.phrasing import count, estimate, listed, number, sentence
from neurodata4ml.analysis.comparison.hierarchy import hierarchy
from neurodata4ml.analysis.comparison.pairwise import against, pairwise
from neurodata4ml.analysis.comparison.permutation_test import permutation_test
from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.analysis.dissimilarity.distances import DISTANCES
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.encoding.encode import encode
from neurodata4ml.analysis.encoding.layers import choose_layer
from neurodata4ml.analysis.inference.bootstrap import bootstrap
from neurodata4ml.analysis.inference.jackknife import jackknife
from neurodata4ml.analysis.latents.latents import REDUCERS, latents
from neurodata4ml.analysis.reliability.ceiling import noise_ceiling
from neurodata4ml.analysis.reliability.reliability import reliability
from neurodata4ml.analysis.reliability.summary import noise_summary
from neurodata4ml.analysis.similarity.metrics import METRICS, null_of_cka
from neurodata4ml.errors import DesignError
from neurodata4ml.versus import brain_vs_network

FORBIDDEN = re.compile(r"computes like|\bsame\b|best model", re.IGNORECASE)
HEADINGS = ("What is estimated", "The numbers", "What would break it", "What it does not show")

N_STIMULI = 20
SIGNAL = np.random.default_rng(0).normal(size=(N_STIMULI, 5))


def layer(n_dims, n_features=12, seed=0):
    """Features that mix the first dims of the signal."""
    rng = np.random.default_rng(seed)
    values = SIGNAL[:, :n_dims] @ rng.normal(size=(n_dims, n_features)) + 0.1 * rng.normal(size=(N_STIMULI, n_features))
    return xr.DataArray(values, dims=("stimulus", "feature"), coords={"stimulus": np.arange(N_STIMULI)})


def trials(n_units=8, gain=1.0, seed=1, n_repeats=6):
    rng = np.random.default_rng(seed)
    label = np.concatenate([rng.permutation(N_STIMULI) for _ in range(n_repeats)])
    values = gain * (SIGNAL @ rng.normal(size=(5, n_units)))[label] + rng.normal(size=(len(label), n_units))
    coords = {
        "stimulus": ("trial", label),
        "block": ("trial", np.arange(len(label)) // N_STIMULI),
        "kind": ("trial", label % 2),
        "unit": np.arange(n_units),
    }
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


LAYERS = {"conv1": layer(1), "conv2": layer(5), "conv3": layer(5, seed=3)}
COMPARED = compare({"V1": trials(), "LM": trials(6, seed=2)}, LAYERS, n_shuffles=19)
RESULTS = {
    "compare": lambda: COMPARED,
    "brain_vs_network": lambda: brain_vs_network(
        {"V1": trials(12), "LM": trials(10, seed=2), "AL": trials(10, seed=3)},
        LAYERS,
        metrics=["cka_unbiased", "cka"],
        order=["V1", "LM", "AL"],
        baselines=False,
        n_resamples=4,
        n_shuffles=9,
        n_groups=3,
        n_splits=2,
    ),
    "permutation_test": lambda: permutation_test(layer(5), LAYERS, n_shuffles=19),
    "pairwise": lambda: pairwise(COMPARED),
    "against": lambda: against(COMPARED, "ceiling"),
    "hierarchy": lambda: hierarchy(
        {name: trials(seed=k) for k, name in enumerate("abc")}, LAYERS, order=["a", "b", "c"], n_resamples=10
    ),
    "compare_models": lambda: compare_models(
        {name: rdm(layer(5, seed=k)) for k, name in enumerate("abc")},
        {name: rdm(one) for name, one in LAYERS.items()},
        n_resamples=50,
    ),
    "rdm": lambda: rdm(trials(), distance="crossnobis"),
    "reliability": lambda: reliability(trials()),
    "noise_summary": lambda: noise_summary(trials(), n_groups=5),
    "noise_ceiling": lambda: noise_ceiling(trials(), n_groups=5),
    "encode": lambda: encode(trials(), LAYERS, scores=("r", "r2", "cc_norm")),
    "choose_layer": lambda: choose_layer(trials(), LAYERS, n_folds=4, n_inner=2),
    "decode": lambda: decode(trials(), "kind", n_shuffles=19),
    "decode_by": lambda: decode(trials(), "kind", n_shuffles=0),
    "generalize": lambda: decode(trials().expand_dims(time=[0.0, 0.1]), "kind", over="time", n_shuffles=19),
    "latents": lambda: latents(trials(), n_components=3),
    "dimensionality": lambda: dimensionality(trials()),
    "bootstrap": lambda: bootstrap(trials(), lambda x: x.mean(), over=("stimulus", "unit"), n_resamples=20),
    "jackknife": lambda: jackknife(lambda x: x.mean("trial"), trials()),
}


def test_every_explanation_is_tested():
    assert set(RESULTS) == set(EXPLANATIONS)


@pytest.fixture(scope="module")
def results():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: make() for name, make in RESULTS.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPLANATIONS)
def test_every_result_is_explained_under_its_headings_and_claims_no_more(name, results):
    said = explain(results[name])
    for heading in HEADINGS:
        asked = "What is asked" if (name, heading) == ("permutation_test", "What is estimated") else heading
        assert f"{asked}\n    " in said, heading
    assert not FORBIDDEN.search(said)
    assert not re.search(r"\bnan\b|None|  \.|\.\.", said.replace("    ", ""))
    assert repr(said) == str(said)
    assert isinstance(said, Explanation)
    assert max(len(line) for line in said.splitlines()) <= 120


@pytest.mark.parametrize("method", ["participation", "cvpca", "parallel"])
@pytest.mark.filterwarnings("ignore")
def test_every_method_of_dimensionality_is_explained(method):
    said = explain(dimensionality(trials(), method=method, seed=0))
    assert all(f"{heading}\n    " in said for heading in (*HEADINGS, "What chance gives"))
    assert not FORBIDDEN.search(said)
    assert not re.search(r"\bnan\b|None|  \.|\.\.", said.replace("    ", ""))


@pytest.mark.parametrize("method", ["pca", "fa", "ica", "nmf"])
def test_every_method_of_latents_is_explained_with_the_shares_of_its_components(method):
    found = latents(abs(trials()), method=method, n_components=3, seed=0)
    said = " ".join(explain(found).split())
    assert f"Components of {method}: " in said
    assert "3 components of 120 samples and 8 units." in said
    assert f"Share of the variance: {100 * float(found.explained_variance[0]):.3g}"[:27] in said


def test_every_method_that_gives_latents_has_words():
    assert set(population._COMPONENTS) == set(REDUCERS)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.filterwarnings("ignore")
def test_the_words_that_claim_too_much_never_appear(name):
    x = layer(5, n_features=6, seed=7).rename(feature="unit")
    said = explain(compare(x, {"a": layer(2, 6), "b": layer(5, 6)}, metric=name, n_shuffles=3))
    assert not FORBIDDEN.search(said)
    plain = " ".join(said.split())
    assert "shared geometry for these stimuli" in plain
    promise = METRICS[name]
    for text in (promise.about, promise.bias, promise.breaks, promise.reference):
        assert " ".join(text.split()) in plain


def test_the_table_of_a_brain_and_a_network_says_what_may_be_compared_across_areas_and_what_needs_no_training(results):
    said = " ".join(explain(results["brain_vs_network"]).split())
    assert "Areas may be compared by `matched` only" in said
    assert "By another metric, cka" in said
    assert "No untrained twin, pixels or Gabor energies are among the candidates" in said
    assert "Rank correlation of the order of areas" in said
    kinds = ("candidate", ["baseline", "untrained", "network"])
    among = results["brain_vs_network"].assign_coords(kind=kinds)
    among["among_best"] = among["among_best"].copy(data=np.ones(among["among_best"].shape))
    said = " ".join(explain(among).split())
    assert "What was never trained on images fits as well in V1 conv1 and conv2" in said


@pytest.mark.parametrize("distance", DISTANCES)
def test_every_distance_says_what_equal_responses_give(distance):
    x = abs(trials())
    x = x if DISTANCES[distance].on == "trials" else x.groupby("stimulus").mean()
    said = " ".join(explain(rdm(x, distance=distance)).split())
    assert ("0 on average" in said) == DISTANCES[distance].zero_is_same
    assert not FORBIDDEN.search(said)


def test_numbers_in_sentences_are_those_of_the_result():
    one = COMPARED.sel(x="V1", y="conv1")
    said = " ".join(explain(COMPARED).split())
    assert f"conv1 {estimate(one.similarity, one.low, one.high)}" in said
    assert f"{number(one.ceiling)} ({number(one.ceiling_low)} to {number(one.ceiling_high)})" in said
    assert "20 stimuli, 6 to 8 units and 12 features" in said
    assert "corrected by max-t for all 6; stimuli exchanged 19 times" in said


def test_one_cell_of_a_result_is_explained_by_itself():
    one = COMPARED.sel(x="V1", y="conv1")
    assert f"    {estimate(one.similarity, one.low, one.high)}." in explain(one)


def test_the_null_value_of_a_biased_metric_is_printed_with_its_sizes():
    rng = np.random.default_rng(0)
    x, y = (
        xr.DataArray(rng.normal(size=(30, n)), dims=("stimulus", dim), coords={"stimulus": np.arange(30)})
        for n, dim in ((20, "unit"), (500, "feature"))
    )
    said = " ".join(explain(compare(x, y, metric="cka", n_shuffles=19)).split())
    assert f"{null_of_cka(30, 20, 500):.2f} for 30 stimuli, 20 units and 500 features" in said
    assert "to be read against this, not against 0" in said


def test_alternatives_that_fit_equally_are_named_and_the_others_are_not():
    x = trials(30, n_repeats=12)
    result = compare(
        x, {"conv1": layer(1), "conv3": layer(5, 300, seed=3), "twin": layer(5, 300, seed=3)}, n_shuffles=0
    )
    said = " ".join(explain(result).split())
    assert "cannot be told apart: conv3 and twin." in said
    alone = compare(x, {"conv1": layer(1), "conv3": layer(5, 300, seed=3)}, n_shuffles=0)
    assert "conv3 is told from the other 1" in " ".join(explain(alone).split())


def test_where_stimuli_are_not_drawn_it_says_that_others_are_not_covered():
    over_trials, over_stimuli = (
        " ".join(explain(compare(trials(), layer(5), over=over, n_shuffles=0)).split())
        for over in ("trial", "stimulus")
    )
    assert "Other stimuli are not covered" in over_trials
    assert "Other stimuli are not covered" not in over_stimuli
    said = " ".join(explain(against(COMPARED)).split())
    assert "independent data may pass" in said


@pytest.mark.filterwarnings("ignore")
def test_a_brain_without_signal_is_said_to_have_none_and_nothing_is_claimed():
    result = compare({"noise": trials(gain=0.0, seed=5)}, LAYERS, n_shuffles=19)
    assert result.similarity.isnull().all()
    said = " ".join(explain(result).split())
    assert "not defined for noise: what two halves of the trials share is not above 0" in said.replace("Not", "not")
    assert "nothing is claimed" in said
    assert "No ceiling: no signal above the noise was found" in said
    assert "Not defined: no signal above the noise" in " ".join(
        explain(noise_ceiling(trials(gain=0.0, seed=5))).split()
    )


@pytest.mark.filterwarnings("ignore")
def test_a_side_that_does_not_vary_is_named():
    flat = xr.ones_like(layer(5))
    said = " ".join(explain(compare(layer(5), {"conv1": layer(1), "flat": flat}, metric="procrustes")).split())
    assert "flat not defined" in said
    assert "one side does not vary between the stimuli" in said
    silent = trials() * 0.0
    assert "No unit has one" in explain(reliability(silent))


def test_a_selection_keeps_its_explanation_and_what_lost_its_attributes_is_asked_for():
    assert "V1" in explain(COMPARED.sel(x=["V1"]))
    with pytest.raises(DesignError, match=r"says nowhere how it was made.*with its attributes"):
        explain(COMPARED.similarity.drop_attrs())
    with pytest.raises(DesignError, match="last made by 'firing_rate'"):
        explain(xr.DataArray([1.0], attrs={"steps": '[{"step": "firing_rate"}]'}))
    with pytest.raises(DesignError, match="Did you mean 'compare'"):
        explain(xr.DataArray([1.0], attrs={"steps": '[{"step": "comparee"}]'}))
    with pytest.raises(DesignError, match="says nowhere"):
        explain(3)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.4123, "0.41"),
        (-0.0219, "-0.022"),
        (0.0, "0.00"),
        (np.nan, "not defined"),
        (np.inf, "infinite"),
        (123456.0, "1.2e+05"),
        (1e-6, "below 0.0001"),
    ],
)
def test_a_number_is_read_at_a_glance(value, said):
    assert number(value) == said


def test_lists_and_counts_are_read_as_they_are_spoken():
    assert estimate(0.41, 0.35, 0.47) == "0.41 (0.35 to 0.47)"
    assert estimate(0.41) == "0.41"
    assert listed(["a"]) == "a"
    assert listed(list("abcdefgh"), 4) == "a, b, c and 5 more"
    assert (count(1, "unit"), count(4096, "feature"), count(3, "stimulus", "stimuli")) == (
        "1 unit",
        "4,096 features",
        "3 stimuli",
    )
    assert sentence(" so it is ") == "So it is."
