"""Theorems that every metric is held to; what each promises stands in METRICS."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.errors import DesignError, DimensionError

MAPS = ("rotation", "scale", "offset", "invertible", "permutation")
CCA = ("cca", "svcca", "pwcca")


def pair(rng, n_stimuli=24, n_units=9, n_features=14):
    """Two representations that share part of their geometry."""
    x = rng.normal(size=(n_stimuli, n_units)) * rng.uniform(0.5, 3, size=n_units)
    return x, x @ rng.normal(size=(n_units, n_features)) + 2 * rng.normal(size=(n_stimuli, n_features))


def similarity(name, x, y):
    """The metric on plain matrices, squared Euclidean distances where it wants an RDM."""
    metric = METRICS[name]
    if metric.on == "rdm":
        x, y = (pdist(side, "sqeuclidean") / side.shape[1] for side in (x, y))
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
    if kind == "permutation":
        return x[:, rng.permutation(n)]
    return x @ rotation @ np.diag(np.logspace(-1, 1, n)) @ rotation.T


@pytest.mark.parametrize("name", list(METRICS))
def test_a_metric_says_what_it_estimates_what_biases_it_and_what_breaks_it(name):
    metric = METRICS[name]
    for sentence in (metric.about, metric.bias, metric.breaks):
        assert sentence[0].isupper() or sentence[0].isdigit()
        assert sentence.endswith(".")
        assert not [word for word in ("computes like", "same", "best model") if word in sentence]
    assert metric.form in ("gram", "pairs", "other")
    assert metric.on in ("responses", "rdm")
    assert metric.invariant_to <= set(MAPS)


@pytest.mark.parametrize("name", list(METRICS))
def test_a_representation_is_as_similar_to_itself_as_declared(name):
    x, _ = pair(np.random.default_rng(3))
    if METRICS[name].identity is None:
        assert 0.99 < similarity(name, x, x) < 1
    else:
        assert similarity(name, x, x) == pytest.approx(METRICS[name].identity, abs=1e-9)


@pytest.mark.parametrize("name", list(METRICS))
def test_a_similarity_lies_in_its_range(name):
    low, high = METRICS[name].range
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y = pair(rng, n_stimuli=5, n_units=rng.integers(1, 3 if name in CCA else 30), n_features=3)
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
    assert similarity(name, x, y[:, rng.permutation(14)]) == pytest.approx(before, abs=1e-9)
    assert similarity(name, x[order], y[order]) == pytest.approx(before, abs=1e-9)
    assert abs(similarity(name, x, y[order]) - before) > 1e-3


@pytest.mark.parametrize("name", list(METRICS))
def test_a_metric_is_symmetric_if_it_says_so_and_not_if_not(name):
    x, y = pair(np.random.default_rng(7))
    if METRICS[name].symmetric:
        assert similarity(name, x, y) == pytest.approx(similarity(name, y, x), abs=1e-9)
    else:
        assert abs(similarity(name, x, y) - similarity(name, y, x)) > 1e-3


@pytest.mark.parametrize("kind", MAPS)
@pytest.mark.parametrize("name", list(METRICS))
def test_a_metric_ignores_the_maps_it_claims_and_sees_the_others(name, kind):
    rng = np.random.default_rng(8)
    x, y = pair(rng)
    before, after = similarity(name, x, y), similarity(name, mapped(x, kind, rng), y)
    if kind in METRICS[name].invariant_to:
        assert after == pytest.approx(before, abs=1e-9)
    else:
        assert abs(after - before) > 1e-5


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.unbiased])
@pytest.mark.parametrize(("p", "q"), [(10, 10), (200, 60)])
def test_an_unbiased_metric_finds_nothing_between_independent_data(name, p, q):
    rng = np.random.default_rng(9)
    found = [similarity(name, rng.normal(size=(20, p)), rng.normal(size=(20, q))) for _ in range(150)]
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(150) + 0.005


@pytest.mark.parametrize(
    "name", [name for name, m in METRICS.items() if not m.unbiased and not (m.null and m.null(20, 9, 9) == 0)]
)
def test_a_metric_that_claims_no_unbiasedness_finds_something_between_independent_data(name):
    rng = np.random.default_rng(10)
    found = [similarity(name, rng.normal(size=(20, 9)), rng.normal(size=(20, 9))) for _ in range(60)]
    assert abs(np.mean(found)) > 6 * np.std(found) / np.sqrt(60)
    assert abs(np.mean(found)) > 0.02


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.null is not None])
def test_a_closed_null_is_what_independent_data_give(name):
    rng = np.random.default_rng(13)
    for n, p, q in ((60, 250, 90), (40, 200, 80), (60, 20, 30)):
        found = [similarity(name, rng.normal(size=(n, p)), rng.normal(size=(n, q))) for _ in range(8)]
        assert np.mean(found) == pytest.approx(METRICS[name].null(n, p, q), abs=0.012)


# ------------------------------------------------------------------------------------------ numbers that are hard
@pytest.mark.parametrize("name", list(METRICS))
def test_a_large_offset_costs_no_precision(name):
    x, y = pair(np.random.default_rng(10))
    assert similarity(name, x + 1e5, y) == pytest.approx(similarity(name, x, y), abs=1e-7)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.on == "responses"])
@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_huge_and_tiny_responses_are_compared_like_others(name, factor):
    x, y = pair(np.random.default_rng(11))
    assert similarity(name, factor * x, y) == pytest.approx(similarity(name, x, y), rel=1e-9)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.on == "rdm"])
def test_huge_distances_are_compared_like_others(name):
    a, b = (pdist(side, "sqeuclidean") for side in pair(np.random.default_rng(11)))
    assert METRICS[name](1e200 * a, b) == pytest.approx(METRICS[name](a, b), rel=1e-9)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.on == "responses"])
@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32, bool])
def test_counts_are_compared_as_the_numbers_they_are(name, dtype):
    rng = np.random.default_rng(12)
    x = rng.poisson(0.7, size=(24, 9))
    y = np.where(rng.random((24, 6)) < 0.5, x[:, :6], rng.poisson(0.7, size=(24, 6)))
    x, y = x.astype(dtype), y.astype(dtype)
    assert similarity(name, x, y) == pytest.approx(similarity(name, x.astype(float), y.astype(float)), abs=1e-12)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.on == "responses"])
def test_a_layer_that_does_not_vary_has_no_similarity(name):
    y = np.random.default_rng(12).normal(size=(12, 4))
    for flat in (np.zeros((12, 5)), np.full((12, 5), 0.1), np.full((12, 5), 1e200), np.empty((12, 0))):
        assert np.isnan(similarity(name, flat, y))
        assert np.isnan(similarity(name, y, flat))


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.on == "responses"])
def test_units_that_never_vary_change_nothing(name):
    x, y = pair(np.random.default_rng(14))
    silent = np.hstack([x[:, :4], np.full((24, 1), 0.1), x[:, 4:], np.zeros((24, 1))])
    assert similarity(name, silent, y) == pytest.approx(similarity(name, x, y), abs=1e-9)


@pytest.mark.parametrize("name", ["cka", "cka_unbiased", "cka_rbf", "procrustes", "angular", "predictivity"])
def test_more_features_than_stimuli_are_no_obstacle(name):
    rng = np.random.default_rng(11)
    x, y = rng.normal(size=(12, 60)), rng.normal(size=(12, 40))
    wide = np.linalg.qr(rng.normal(size=(100, 60)))[0].T
    assert similarity(name, x @ wide, y) == pytest.approx(similarity(name, x, y), abs=1e-9)
    if METRICS[name].identity:
        assert similarity(name, x, x @ wide) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("name", list(METRICS))
def test_sides_of_other_lengths_are_refused(name):
    x, y = (np.ones((6, 3)), np.ones((7, 3))) if METRICS[name].on == "responses" else (np.ones(15), np.ones(21))
    with pytest.raises(
        DimensionError, match=r"of the same stimuli; got shapes .* Match them by label: compare\(x, y\)"
    ):
        METRICS[name](x, y)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.on == "responses"])
def test_too_few_stimuli_are_refused(name):
    least = METRICS[name].min_stimuli
    x = np.random.default_rng(0).normal(size=(least - 1, 1))
    with pytest.raises(DesignError, match=f"needs at least {least} stimuli; got {least - 1}. Compare more conditions"):
        METRICS[name](x, x)
