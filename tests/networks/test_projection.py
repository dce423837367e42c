"""A projection keeps distances as promised, is nobody's favourite, and is the same for any batch."""

from hashlib import sha256

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.random_projection import SparseRandomProjection, johnson_lindenstrauss_min_dim

from neurodata4ml.errors import DesignError
from neurodata4ml.networks.activations import activations
from neurodata4ml.networks.projection import as_projection
from neurodata4ml.sparse_projection import Projection, components_for, distortion


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    return load_digits().images[:118] / 16


@pytest.mark.parametrize(
    ("k", "p", "seed", "whole", "of_signs", "of_responses"),
    [
        (40, 300, 3, 10**9, "afd8642aa93b1db5", "3419147de88f1bd4"),
        (40, 300, 3, 0, "7dda03300fccdac8", "ef85bf369ca586c0"),
        (16, 2500, 7, 0, "79d28a7b0ed18e99", "a7b65260f6054e22"),
    ],
)
def test_stored_activations_keep_their_bits(monkeypatch, k, p, seed, whole, of_signs, of_responses):
    # the digests of before encoding came to project by the same matrices
    monkeypatch.setattr("neurodata4ml.sparse_projection.WHOLE", whole)
    projection = Projection(k, 9, seed)
    signs = projection.matrix("conv1", p)
    parts = (signs.data.astype("<f8"), signs.indices.astype("<i8"), signs.indptr.astype("<i8"))
    assert sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:16] == of_signs
    responses = np.linspace(-1, 1, 9 * p, dtype=np.float32).reshape(9, p)
    assert sha256(projection.apply(responses, signs).astype("<f4").tobytes()).hexdigest()[:16] == of_responses


@pytest.mark.parametrize("eps", [0.1, 0.3, 0.7])
def test_the_bound_is_dasgupta_and_guptas_as_scikit_learn_has_it(eps):
    n = 118
    theirs = johnson_lindenstrauss_min_dim(n, eps=eps)
    assert abs(components_for(eps, n, failure=(n - 1) / n) - theirs) <= 1, "theirs rounds down"
    assert components_for(eps, n) > theirs, "and may fail with probability 1 - 1/n"
    assert distortion(components_for(eps, n), n) == pytest.approx(eps, rel=2e-3)


def test_too_few_components_promise_nothing():
    assert distortion(20, 118) == np.inf


@pytest.mark.parametrize(("whole", "s"), [(0, 60.0), (10**9, 3.0)])
def test_signs_are_as_rare_and_as_balanced_as_scikit_learns(monkeypatch, whole, s):
    monkeypatch.setattr("neurodata4ml.sparse_projection.WHOLE", whole)
    p, k = 3600, 500
    ours = Projection(k, 10, 0).matrix("layer", p)
    density = "auto" if s == 60 else 1 / 3
    theirs = SparseRandomProjection(k, density=density, random_state=0).fit(np.zeros((1, p))).components_
    assert theirs.shape == ours.shape
    spread = np.sqrt(p * k / s)
    assert abs(ours.nnz - p * k / s) < 4 * spread
    assert abs(ours.nnz - theirs.nnz) < 6 * spread
    assert abs(ours.data.sum()) < 4 * spread
    assert set(ours.data) == {-1.0, 1.0}
    assert theirs.max() == pytest.approx(np.sqrt(s / k)), "its scale is sqrt(s / k), ours is in apply"
    per_feature = np.bincount(ours.indices, minlength=p)
    assert 0.9 < per_feature.var() / (k / s * (1 - 1 / s)) < 1.1, "binomial over features"


@pytest.mark.parametrize(("whole", "s"), [(0, 20.0), (10**9, 3.0)])
def test_inner_products_are_unbiased_with_the_variance_of_li_hastie_and_church(monkeypatch, whole, s):
    monkeypatch.setattr("neurodata4ml.sparse_projection.WHOLE", whole)
    x, y = np.random.default_rng(0).exponential(size=(2, 400))
    k, products = 50, []
    for seed in range(2000):
        projection = Projection(k, 2, seed)
        a, b = projection.apply(np.stack([x, y]), projection.matrix("layer", 400)).astype(float)
        products.append(a @ b)
    variance = ((x @ x) * (y @ y) + (x @ y) ** 2 + (s - 3) * np.sum(x**2 * y**2)) / k
    assert np.mean(products) == pytest.approx(x @ y, abs=4 * np.sqrt(variance / 2000))
    assert np.var(products) == pytest.approx(variance, rel=0.15)


@pytest.mark.parametrize("layer", ["conv1", "conv2"])
def test_distances_between_real_responses_stay_within_the_stated_distortion(digits, layer):
    whole = activations("digits", digits, layers=[layer])[layer]
    for seed in range(5):
        found = activations("digits", digits, layers=[layer], project=450, seed=seed)[layer]
        eps = found.attrs["distortion"]
        assert 0.3 < eps < 0.6
        ratio = (pdist(found.values) / pdist(whole.values)) ** 2
        assert ratio.min() > 1 - eps
        assert ratio.max() < 1 + eps


@pytest.mark.parametrize("batch_size", [1, 7, 118])
def test_the_batch_changes_no_bit(digits, batch_size):
    once = activations("digits", digits, project=100)
    again = activations("digits", digits, project=100, batch_size=batch_size)
    for layer in once:
        np.testing.assert_array_equal(again[layer].values, once[layer].values)


def test_blocks_of_a_batch_change_no_bit(monkeypatch):
    values = np.random.default_rng(0).normal(size=(9, 300)).astype(np.float32)
    projection = Projection(40, 9, 3)
    whole = projection.apply(values, projection.matrix("a", 300))
    monkeypatch.setattr("neurodata4ml.sparse_projection.BLOCK", 650)
    np.testing.assert_array_equal(projection.apply(values, projection.matrix("a", 300)), whole)


def test_layers_have_independent_projections_and_twins_the_same():
    one, two = (Projection(40, 9, 3).matrix(name, 300).toarray() for name in ("a", "b"))
    assert abs((one * two).sum()) < 4 * np.sqrt(40)
    assert (one != 0).sum() > 500
    np.testing.assert_array_equal(one, Projection(40, 9, 3).matrix("a", 300).toarray())
    assert (one != Projection(40, 9, 4).matrix("a", 300).toarray()).any()


def test_a_narrow_layer_stays_as_it_is_and_a_wide_one_says_what_was_done(digits):
    found = activations("digits", digits, project=400)
    np.testing.assert_array_equal(found["logits"].values, activations("digits", digits)["logits"].values)
    assert "projection" not in found["logits"].attrs
    assert found["conv1"].shape == (118, 400)
    assert found["conv1"].attrs["n_features"] == 1024
    assert (
        "(density 1/3, seed 0) of p = 1024 features to 400; inner products unbiased"
        in found["conv1"].attrs["projection"]
    )
    assert "projection" in found["conv1"].attrs["steps"]
    assert np.isnan(activations("digits", digits, project=20)["conv1"].attrs["distortion"])


def test_a_distortion_asks_for_its_components():
    assert as_projection(0.2, 118, 0) == Projection(components_for(0.2, 118), 118, 0)
    assert as_projection(None, 118, 0) is None


@pytest.mark.parametrize("bad", [0, -3, 1.5, 0.0, True, "small"])
def test_what_is_neither_components_nor_distortion_is_refused(bad):
    with pytest.raises(DesignError, match=r"a number of components \(project=4000\) or the distortion.*got"):
        as_projection(bad, 118, 0)


def test_one_stimulus_has_no_distances():
    with pytest.raises(DesignError, match=r"there is only one\. Leave project= out"):
        as_projection(10, 1, 0)


def test_the_seed_is_a_whole_number():
    with pytest.raises(DesignError, match="seed takes a whole number, 0 or more; got -1"):
        as_projection(10, 5, -1)
