"""The mistakes of similarity and encoding that look like results; there is no signal in these data.

Rows of the table that the course prints: what people type gives the tempting number, ours tells the truth. The rows on
biased CKA at their sizes are in test_metrics_golden, that on distances of equal responses also in test_rdm.
"""

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.permutation_test import permutation_test
from neurodata4ml.analysis.comparison.resampled import multiplicities, resampled
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.encoding.encode import encode
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.representations import represent
from neurodata4ml.errors import DesignError


def independent(n_stimuli, n_units, n_features, seed=0):
    rng = np.random.default_rng(seed)
    stimulus = {"stimulus": np.arange(n_stimuli)}
    brain = xr.DataArray(rng.normal(size=(n_stimuli, n_units)), dims=("stimulus", "unit"), coords=stimulus)
    network = xr.DataArray(rng.normal(size=(n_stimuli, n_features)), dims=("stimulus", "feature"), coords=stimulus)
    return brain, network


def test_a_bootstrap_that_keeps_copies_of_stimuli_finds_half_of_all_geometry_shared():
    brain, network = independent(118, 60, 4096)
    cka = METRICS["cka_unbiased"]
    assert abs(cka(brain.values, network.values)) < 0.04
    rng = np.random.default_rng(1)
    drawn = [rng.integers(0, 118, 118) for _ in range(40)]
    naive = np.quantile([cka(brain.values[rows], network.values[rows]) for rows in drawn], [0.025, 0.975])
    assert 0.45 < naive[0] < naive[1] < 0.7, "an interval far from the estimate, and farther from the truth"
    sides = [represent(x, np.arange(118), cka, distance="correlation") for x in (brain, network)]
    honest = resampled(cka, sides[0], sides[1:], multiplicities(118, 200, np.random.default_rng(1)))[:, 0]
    low, high = np.quantile(honest, [0.025, 0.975])
    assert low < 0 < high
    assert high - low < 0.15


def test_leaving_out_one_stimulus_at_a_time_covers_0_where_nothing_is_shared():
    covered = []
    for seed in range(15):
        brain, network = independent(30, 20, 100, seed)
        found = compare(brain, network, over="stimulus", n_shuffles=0)
        covered.append(bool(found.low <= 0 <= found.high))
    assert np.mean(covered) >= 0.8


def test_biased_cka_is_printed_beside_what_independent_data_give():
    brain, network = independent(118, 60, 4096)
    found = compare(brain, network, metric="cka", n_shuffles=99)
    assert float(found.similarity) > 0.55
    assert float(found.null_value) == pytest.approx(0.5724, abs=1e-3)
    assert float(found.p_value) > 0.01


def test_trials_of_one_image_on_both_sides_let_unrelated_features_predict_and_encode_does_not():
    rng = np.random.default_rng(0)
    label = np.concatenate([rng.permutation(118) for _ in range(10)])
    features = xr.DataArray(rng.normal(size=(118, 512)), dims=("stimulus", "feature"), coords={"stimulus": range(118)})
    values = rng.normal(size=(118, 10))[label] + rng.normal(size=(1180, 10))
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", label)})
    told = np.empty_like(values)
    for train, test in KFold(5, shuffle=True, random_state=0).split(values):
        shown = features.values[label]
        told[test] = Ridge(100.0).fit(shown[train], values[train]).predict(shown[test])
    naive = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(told.T, values.T, strict=True)])
    assert naive > 0.6
    assert abs(float(encode(x, features, scores="r").r.mean())) < 0.12
    with pytest.raises(DesignError, match="stimul"):
        encode(x, features, folds=KFold(5, shuffle=True, random_state=0))


def test_squared_distances_of_noisy_means_are_2_over_k_where_responses_are_equal():
    rng = np.random.default_rng(0)
    n_runs, n_stimuli = 4, 8
    label = np.tile(np.arange(n_stimuli), n_runs)
    coords = {"stimulus": ("trial", label), "block": ("trial", np.repeat(np.arange(n_runs), n_stimuli))}
    x = xr.DataArray(rng.normal(size=(n_runs * n_stimuli, 2000)), dims=("trial", "unit"), coords=coords)
    upper = np.triu_indices(n_stimuli, 1)
    naive = rdm(x.groupby("stimulus").mean(), distance="euclidean").values[upper]
    assert naive.mean() == pytest.approx(2 / n_runs, abs=0.02)
    assert rdm(x, distance="crossnobis").values[upper].mean() == pytest.approx(0, abs=0.02)


def test_the_cosine_of_two_rdms_of_noise_is_near_1_and_that_is_what_its_null_value_says():
    one, two = independent(30, 20, 20)
    found = compare(one, two, metric="rsa_cosine", distance="euclidean", n_shuffles=99)
    assert float(found.similarity) > 0.85
    assert float(found.null_value) == pytest.approx(float(found.similarity), abs=0.03)
    assert float(found.p_value) > 0.01


def test_shuffling_entries_of_rdms_finds_what_is_not_there_and_exchanging_stimuli_does_not():
    """Some stimuli are far from all others, as bright images are: entries that share them rise and fall together."""
    rng = np.random.default_rng(0)
    upper = np.triu_indices(15, 1)
    naive, honest = [], []
    for _ in range(40):
        sides = []
        for dim in ("unit", "feature"):
            size = rng.lognormal(sigma=1.0, size=(15, 1))
            values = size * rng.normal(size=(15, 20))
            sides.append(xr.DataArray(values, dims=("stimulus", dim), coords={"stimulus": np.arange(15)}))
        a, b = (rdm(side, distance="euclidean").values[upper] for side in sides)
        naive.append(stats.spearmanr(a, b, alternative="greater").pvalue <= 0.05)
        test = permutation_test(*sides, metric="rsa_spearman", distance="euclidean", n_shuffles=99)
        honest.append(float(test.p_value) <= 0.05)
    assert np.mean(naive) > 0.2
    assert np.mean(honest) < 0.12


def test_one_of_many_unrelated_layers_is_above_chance_in_most_brains_until_it_is_corrected_for():
    layers = {f"layer {k}": independent(30, 1, 20, seed=100 + k)[1] for k in range(30)}
    brains = {f"brain {k}": independent(30, 20, 1, seed=k)[0] for k in range(12)}
    found = [compare(brain, layers, over=(), n_shuffles=99) for brain in brains.values()]
    assert np.mean([bool((one.p_value <= 0.05).any()) for one in found]) > 0.6
    assert np.mean([bool((one.p_value_corrected <= 0.05).any()) for one in found]) <= 0.25
    assert {one.attrs["n_tests"] for one in found} == {30}
