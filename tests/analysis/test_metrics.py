"""Theorems that every metric is held to, and the golden numbers."""

import numpy as np
import pytest
import xarray as xr
from scipy.spatial.distance import squareform

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.dissimilarity.rdm import correlation, euclidean
from neurodata4ml.analysis.similarity.metrics import METRICS, hsic, null_of_cka, u_centred

MAPS = ("rotation", "scale", "offset", "invertible")


def responses(values, labels=None, dim="unit"):
    labels = np.arange(len(values)) if labels is None else labels
    return xr.DataArray(values, dims=("stimulus", dim), coords={"stimulus": labels})


def pair(rng, n_stimuli=24, n_units=9, n_features=14):
    """Two representations that share part of their geometry."""
    x = rng.normal(size=(n_stimuli, n_units)) * rng.uniform(0.5, 3, size=n_units)
    return x, x @ rng.normal(size=(n_units, n_features)) + 2 * rng.normal(size=(n_stimuli, n_features))


def similarity(name, x, y):
    """The metric on plain matrices, Euclidean distances where it wants an RDM."""
    metric = METRICS[name]
    if metric.on == "rdm":
        pairs = np.triu_indices(len(x), 1)
        x, y = (euclidean(side)[pairs] for side in (x, y))
    return metric(x, y)


def mapped(x, kind, rng):
    n = x.shape[1]
    rotation = np.linalg.qr(rng.normal(size=(n, n)))[0]
    if kind == "rotation":
        return x @ rotation
    if kind == "scale":
        return 3.7 * x
    if kind == "offset":
        return x + 5 * rng.normal(size=n)
    return x @ rotation @ np.diag(np.logspace(-1, 1, n)) @ rotation.T


# ------------------------------------------------------------------------------------------- golden numbers
X20 = np.random.RandomState(0).randn(20, 8)
Y20 = 0.5 * X20[:, :5] + np.random.RandomState(1).randn(20, 5)


@pytest.mark.parametrize(
    ("name", "golden"),
    # statistics.md, section 3; Procrustes is netrep's angle (alpha = 1), of which ours is the cosine
    [("cka", 0.4494679525), ("cka_unbiased", 0.2708069080), ("procrustes", np.cos(0.9347895117))],
)
def test_metrics_on_responses_give_the_golden_numbers(name, golden):
    assert METRICS[name](X20, Y20) == pytest.approx(golden, abs=1e-9)


def test_the_euclidean_procrustes_distance_is_that_of_netrep():
    # statistics.md, section 3: d^2 = |X|^2 + |Y|^2 - 2 |X'Y|_*, and ours is |X'Y|_* / (|X| |Y|)
    x, y = (np.linalg.norm(side - side.mean(axis=0)) for side in (X20, Y20))
    distance = np.sqrt(x**2 + y**2 - 2 * METRICS["procrustes"](X20, Y20) * x * y)
    assert distance == pytest.approx(10.5903317364, abs=1e-6)


def test_hsic_gives_the_golden_number():
    assert hsic(X20 @ X20.T, Y20 @ Y20.T) == pytest.approx(2.1664423385, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "golden", "tied", "euclid"),
    # rsatoolbox 0.3.2, compare() (statistics.md, section 1.3): random pairs, pairs with ties, two Euclidean RDMs
    [
        ("rsa_cosine", 0.7575530505, None, 0.9581685803),
        ("rsa_pearson", 0.0817545144, None, 0.6975125387),
        ("rsa_spearman", 0.1178571429, 0.4518480571, 0.7428571429),
        ("rsa_rho_a", 0.1178571429, 0.4, 0.7428571429),
        ("rsa_tau_a", 0.1047619048, 0.3333333333, 0.5428571429),
    ],
)
def test_metrics_on_rdms_give_the_golden_numbers(name, golden, tied, euclid):
    metric = METRICS[name]
    a, b = np.random.RandomState(1).rand(15), np.random.RandomState(2).rand(15)
    assert metric(a, b) == pytest.approx(golden, abs=1e-9)
    first, second = (
        xr.DataArray(squareform(pairs), dims=("stimulus", "stimulus2")).assign_coords(
            stimulus=range(6), stimulus2=range(6)
        )
        for pairs in (a, b)
    )
    assert float(compare(first, second, metric=name).similarity) == pytest.approx(golden, abs=1e-6)
    if tied is not None:
        found = metric(np.array([1.0, 1, 2, 3, 3, 3]), np.array([1.0, 2, 2, 3, 1, 3]))
        assert found == pytest.approx(tied, abs=1e-9)
    x, y = (responses(np.random.RandomState(seed).randn(6, 10)) for seed in (0, 1))
    assert float(compare(x, y, metric=name, distance="euclidean").similarity) == pytest.approx(euclid, abs=1e-9)


def test_hsic_is_the_formula_of_song_et_al():
    rng = np.random.default_rng(0)
    k, l = (a @ a.T for a in rng.normal(size=(2, 9, 3)))  # noqa: E741
    n, one = 9, np.ones(9)
    k0, l0 = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    first = np.trace(k0 @ l0) + (one @ k0 @ one) * (one @ l0 @ one) / ((n - 1) * (n - 2))
    song = (first - 2 / (n - 2) * one @ k0 @ l0 @ one) / (n * (n - 3))
    assert hsic(k, l) == pytest.approx(song, rel=1e-12)
    np.testing.assert_allclose(u_centred(k).sum(axis=0), 0, atol=1e-12)


def test_tau_a_counts_pairs_of_pairs():
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 5, size=(2, 40)).astype(float)
    signs = [np.sign(a[i] - a[j]) * np.sign(b[i] - b[j]) for i in range(40) for j in range(i)]
    assert METRICS["rsa_tau_a"](a, b) == pytest.approx(np.mean(signs), abs=1e-12)


def test_rho_a_is_spearman_with_ties_broken_at_random():
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 4, size=(2, 15)).astype(float)
    broken = [METRICS["rsa_spearman"](a + 1e-6 * rng.random(15), b + 1e-6 * rng.random(15)) for _ in range(4000)]
    assert METRICS["rsa_rho_a"](a, b) == pytest.approx(np.mean(broken), abs=0.01)


# ------------------------------------------------------------------------------ theorems, for each in METRICS
@pytest.mark.parametrize("name", list(METRICS))
def test_a_representation_is_as_similar_to_itself_as_declared(name):
    x, _ = pair(np.random.default_rng(3))
    if METRICS[name].identity is not None:
        assert similarity(name, x, x) == pytest.approx(METRICS[name].identity, abs=1e-9)


@pytest.mark.parametrize("name", list(METRICS))
def test_a_similarity_lies_in_its_range(name):
    low, high = METRICS[name].range
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y = pair(rng, n_stimuli=5, n_units=rng.integers(1, 30), n_features=3)
        for value in (similarity(name, x, y), similarity(name, x, -x[::-1]), similarity(name, x, x)):
            assert low - 1e-9 <= value <= high + 1e-9


@pytest.mark.parametrize("name", list(METRICS))
def test_a_similarity_grows_with_likeness(name):
    rng = np.random.default_rng(4)
    x, noise = rng.normal(size=(2, 60, 30))
    values = [similarity(name, x, x + level * noise) for level in (0.1, 0.5, 1.0, 2.0, 5.0)]
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("name", list(METRICS))
def test_shuffling_units_or_stimuli_together_changes_nothing(name):
    rng = np.random.default_rng(5)
    x, y = pair(rng)
    before, order = similarity(name, x, y), rng.permutation(24)
    assert similarity(name, x[:, rng.permutation(9)], y) == pytest.approx(before, abs=1e-9)
    assert similarity(name, x[order], y[order]) == pytest.approx(before, abs=1e-9)


@pytest.mark.parametrize("name", list(METRICS))
def test_the_order_of_labelled_stimuli_never_matters(name):
    rng = np.random.default_rng(6)
    x, y = pair(rng)
    x, y = responses(x), responses(y, dim="feature")
    found = compare(x, y, metric=name).similarity
    again = compare(x, y.isel(stimulus=rng.permutation(24)).T, metric=name).similarity
    assert float(again) == pytest.approx(float(found), abs=1e-9)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.symmetric])
def test_a_symmetric_metric_is_symmetric(name):
    x, y = pair(np.random.default_rng(7))
    assert similarity(name, x, y) == pytest.approx(similarity(name, y, x), abs=1e-12)


@pytest.mark.parametrize("kind", MAPS)
@pytest.mark.parametrize("name", list(METRICS))
def test_a_metric_ignores_the_maps_it_claims_and_sees_the_others(name, kind):
    rng = np.random.default_rng(8)
    x, y = pair(rng)
    before, after = similarity(name, x, y), similarity(name, mapped(x, kind, rng), y)
    if kind in METRICS[name].invariant_to:
        assert after == pytest.approx(before, abs=1e-9)
    else:
        assert abs(after - before) > 1e-3


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.unbiased])
@pytest.mark.parametrize(("p", "q"), [(10, 10), (200, 60)])
def test_an_unbiased_metric_finds_nothing_between_independent_data(name, p, q):
    rng = np.random.default_rng(9)
    found = [similarity(name, rng.normal(size=(20, p)), rng.normal(size=(20, q))) for _ in range(150)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(150) + 0.005


@pytest.mark.parametrize("name", list(METRICS))
def test_a_large_offset_costs_no_precision(name):
    x, y = pair(np.random.default_rng(10))
    assert similarity(name, x + 1e5, y) == pytest.approx(similarity(name, x, y), abs=1e-7)


@pytest.mark.parametrize("name", ["cka", "cka_unbiased", "procrustes"])
def test_more_features_than_stimuli_are_no_obstacle(name):
    rng = np.random.default_rng(11)
    x = rng.normal(size=(12, 300))
    wide = np.linalg.qr(rng.normal(size=(500, 300)))[0].T
    assert similarity(name, x, x @ wide) == pytest.approx(1.0, abs=1e-9)


# ---------------------------------------------------------------------------------------------- what they see
def test_correlation_rdms_ignore_the_scale_of_each_pattern_and_see_rotations():
    rng = np.random.default_rng(12)
    x, y = (correlation(side) for side in pair(rng))
    again = correlation(pair(np.random.default_rng(12))[0] * rng.uniform(0.5, 2, size=(24, 1)) + 1.0)
    pairs = np.triu_indices(24, 1)
    before = METRICS["rsa_pearson"](x[pairs], y[pairs])
    assert METRICS["rsa_pearson"](again[pairs], y[pairs]) == pytest.approx(before, abs=1e-9)


@pytest.mark.parametrize(("n", "p", "q"), [(118, 512, 200), (50, 300, 100)])
def test_the_null_of_biased_cka_is_what_independent_data_give(n, p, q):
    rng = np.random.default_rng(13)
    found = [METRICS["cka"](rng.normal(size=(n, p)), rng.normal(size=(n, q))) for _ in range(5)]
    assert np.mean(found) == pytest.approx(null_of_cka(n, p, q), abs=0.01)
