"""Answers of others, and by brute force: rsatoolbox, scikit-learn, scipy, the definitions."""

from itertools import permutations

import numpy as np
import pytest
from scipy.spatial import procrustes as scipy_procrustes
from scipy.spatial.distance import pdist
from scipy.stats import kendalltau, spearmanr
from sklearn.cross_decomposition import CCA
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics.pairwise import rbf_kernel

from neurodata4ml.analysis.similarity import matching
from neurodata4ml.analysis.similarity.canonical import axes, canonical_correlations
from neurodata4ml.analysis.similarity.centring import centred, centred_gram
from neurodata4ml.analysis.similarity.cka import cka, cka_unbiased, hsic, rbf_gram
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.predictivity import PENALTIES, fitted, scores
from neurodata4ml.errors import DesignError, DimensionError


def pair(seed=0, n=20, p=6, q=9):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) * rng.uniform(0.5, 3, size=p)
    return x, x @ rng.normal(size=(p, q)) + 2 * rng.normal(size=(n, q))


# ----------------------------------------------------------------------------------------------------- RDMs
@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("rsa_cosine", "cosine"),
        ("rsa_pearson", "corr"),
        ("rsa_spearman", "spearman"),
        ("rsa_rho_a", "rho-a"),
        ("rsa_tau_a", "tau-a"),
        ("rsa_cosine_whitened", "cosine_cov"),
        ("rsa_pearson_whitened", "corr_cov"),
    ],
)
@pytest.mark.parametrize("kind", ["any", "tied", "negative", "euclidean"])
def test_rdms_are_compared_as_rsatoolbox_compares_them(name, theirs, kind):
    compare = pytest.importorskip("rsatoolbox.rdm.compare").compare
    rng = np.random.default_rng(1)
    a, b = rng.random((2, 66))
    if kind == "tied":
        a, b = rng.integers(0, 4, size=(2, 66)).astype(float)
    if kind == "negative":
        a, b = a - 0.3, b - 0.3
    if kind == "euclidean":
        a, b = (pdist(side, "sqeuclidean") for side in pair(2, n=12))
    assert METRICS[name](a, b) == pytest.approx(float(compare(a, b, theirs)[0, 0]), abs=1e-9)


def test_bures_is_that_of_rsatoolbox_where_distances_are_euclidean():
    compare = pytest.importorskip("rsatoolbox.rdm.compare").compare
    a, b = (pdist(side, "sqeuclidean") for side in pair(2, n=12, p=14, q=15))
    assert METRICS["bures"](a, b) == pytest.approx(float(compare(a, b, "bures")[0, 0]), abs=1e-7)


def test_whitened_cosines_are_those_of_the_covariance_of_distances():
    """Diedrichsen et al. 2021: d' V^-1 e with V = (C C')**2 for the contrasts C of all pairs."""
    n, rng = 7, np.random.default_rng(3)
    first, second = np.triu_indices(n, 1)
    contrasts = np.eye(n)[first] - np.eye(n)[second]
    inverse = np.linalg.inv((contrasts @ contrasts.T) ** 2)
    a, b = rng.random((2, 21))
    for name, (d, e) in {"cosine": (a, b), "pearson": (a - a.mean(), b - b.mean())}.items():
        expected = d @ inverse @ e / np.sqrt((d @ inverse @ d) * (e @ inverse @ e))
        assert METRICS[f"rsa_{name}_whitened"](a, b) == pytest.approx(expected, abs=1e-12)


def test_of_euclidean_rdms_the_whitened_cosine_is_cka_and_bures_is_procrustes():
    x, y = pair(4)
    a, b = (pdist(side, "sqeuclidean") for side in (x, y))
    assert METRICS["rsa_cosine_whitened"](a, b) == pytest.approx(METRICS["cka"](x, y), abs=1e-12)
    assert METRICS["bures"](a, b) == pytest.approx(METRICS["procrustes"](x, y), abs=1e-9)


def test_rank_metrics_are_those_of_scipy():
    a, b = np.random.default_rng(5).random((2, 45))
    assert METRICS["rsa_spearman"](a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)
    assert METRICS["rsa_rho_a"](a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)
    assert METRICS["rsa_tau_a"](a, b) == pytest.approx(kendalltau(a, b).statistic, abs=1e-12)


def test_rho_a_is_spearman_with_ties_broken_at_random():
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 4, size=(2, 15)).astype(float)
    broken = [METRICS["rsa_spearman"](a + 1e-6 * rng.random(15), b + 1e-6 * rng.random(15)) for _ in range(2000)]
    assert METRICS["rsa_rho_a"](a, b) == pytest.approx(np.mean(broken), abs=0.015)


@pytest.mark.parametrize("name", ["rsa_cosine_whitened", "rsa_pearson_whitened", "bures"])
def test_a_metric_that_needs_the_square_says_so(name):
    with pytest.raises(DimensionError, match=r'every pair of stimuli, n \(n - 1\) / 2 of them; got 7.*"rsa_pearson"'):
        METRICS[name](np.ones(7), np.ones(7))


# ------------------------------------------------------------------------------------------------------ CKA
def test_hsic_is_the_formula_of_song_et_al():
    rng = np.random.default_rng(0)
    k, l = (a @ a.T for a in rng.normal(size=(2, 9, 3)))  # noqa: E741
    n, one = 9, np.ones(9)
    k0, l0 = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    first = np.trace(k0 @ l0) + (one @ k0 @ one) * (one @ l0 @ one) / ((n - 1) * (n - 2))
    song = (first - 2 / (n - 2) * one @ k0 @ l0 @ one) / (n * (n - 3))
    assert hsic(k, l) == pytest.approx(song, rel=1e-12)


@pytest.mark.parametrize("function", [cka, cka_unbiased])
@pytest.mark.parametrize(("n", "p", "q"), [(60, 7, 5), (13, 7, 5), (12, 7, 5), (8, 7, 30)])
def test_both_ways_to_cka_are_one(function, n, p, q):
    """With more stimuli than features no matrix of stimuli by stimuli is made."""
    x, y = pair(6, n=n, p=p, q=q)
    metric = METRICS[function.__name__]
    by_gram = metric.function(metric.prepare(x), metric.prepare(y))
    assert function(x, y) == pytest.approx(by_gram, abs=1e-12)
    assert metric(x, y) == function(x, y)


@pytest.mark.parametrize("p", [1, 4095, 4096, 4097, 9000])
@pytest.mark.parametrize("dtype", [float, np.float32, np.int8])
def test_a_gram_made_of_a_few_columns_at_a_time_is_that_of_all(p, dtype):
    x = (20 * np.random.default_rng(7).normal(size=(7, p))).astype(dtype)
    expected = x.astype(float) - x.mean(axis=0, dtype=float)
    np.testing.assert_allclose(centred_gram(x), expected @ expected.T, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(centred(x), expected, atol=1e-12)


def test_columns_that_only_differ_by_rounding_become_0_and_small_ones_do_not():
    x = np.array([[0.1, 1e8, 1.0, 0.0], [0.1 + 1e-17, 1e8 + 1e-5, 1.0 + 1e-9, 0.0], [0.3 - 0.2, 1e8, 1.0, 0.0]])
    assert (centred(x) != 0).any(axis=0).tolist() == [False, False, True, False]


def test_the_gaussian_kernel_is_that_of_scikit_learn_with_the_median_distance():
    x = pair(8)[0]
    median = np.median(pdist(x))
    np.testing.assert_allclose(rbf_gram(x), rbf_kernel(x, gamma=1 / (2 * (0.8 * median) ** 2)), atol=1e-12)
    np.testing.assert_allclose(rbf_gram(x, fraction=2), rbf_kernel(x, gamma=1 / (2 * (2 * median) ** 2)), atol=1e-12)


def test_a_wide_gaussian_is_a_linear_kernel():
    x, y = pair(9)
    grams = [rbf_gram(side, fraction=300.0) for side in (x, y)]
    ratio = hsic(*grams) / np.sqrt(hsic(grams[0], grams[0]) * hsic(grams[1], grams[1]))
    assert ratio == pytest.approx(METRICS["cka_unbiased"](x, y), abs=1e-4)


# ----------------------------------------------------------------------------------------- shapes and read-outs
def test_procrustes_is_that_of_scipy():
    x, y = pair(10, p=5, q=5)
    assert 1 - scipy_procrustes(x, y)[2] == pytest.approx(METRICS["procrustes"](x, y) ** 2, abs=1e-12)


def test_angles_obey_the_triangle_inequality():
    rng = np.random.default_rng(11)
    for _ in range(50):
        x, y, z = rng.normal(size=(3, 6, 3))
        a, b, c = (1 - METRICS["angular"](*two) for two in ((x, y), (y, z), (x, z)))
        assert c <= a + b + 1e-12


def test_a_small_angle_keeps_its_digits():
    x, noise = np.random.default_rng(12).normal(size=(2, 30, 5))
    near, nearer = (1 - METRICS["angular"](x, x + level * noise) for level in (1e-6, 1e-9))
    assert near / nearer == pytest.approx(1000, rel=1e-3)


def test_canonical_correlations_are_those_of_scikit_learn():
    x, y = pair(13, n=40, p=3, q=4)
    u, v = CCA(n_components=3, max_iter=20000, tol=1e-13).fit_transform(x, y)
    theirs = [np.corrcoef(u[:, k], v[:, k])[0, 1] for k in range(3)]
    np.testing.assert_allclose(canonical_correlations(axes(x), axes(y)), theirs, atol=1e-6)


def test_pwcca_weighs_canonical_variables_by_what_they_say_of_the_first_side():
    x, y = pair(14)
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    root = np.linalg.inv(np.linalg.cholesky(x.T @ x)).T
    turn, correlations, _ = np.linalg.svd(root.T @ x.T @ y @ np.linalg.inv(np.linalg.cholesky(y.T @ y)).T)
    weights = np.abs((x @ root @ turn[:, :6]).T @ x).sum(axis=1)
    assert METRICS["pwcca"](x, y) == pytest.approx(np.average(correlations, weights=weights), abs=1e-10)


def test_svcca_keeps_the_components_that_hold_99_percent_of_the_variance():
    rng = np.random.default_rng(15)
    x = np.linalg.qr(rng.normal(size=(30, 10)))[0]
    x = np.linalg.qr(x - x.mean(axis=0))[0] * np.array([10, 8, 6, 5, 4, 0.1, 0.1, 0.1, 0.1, 0.1])
    y = rng.normal(size=(30, 4))
    assert METRICS["svcca"](x, y) == pytest.approx(METRICS["cca"](x[:, :5], y), abs=1e-9)


@pytest.mark.parametrize(
    ("name", "n_units", "message"),
    [
        ("cca", 19, 'CCA needs fewer units than stimuli; one side has 19 units, of 20 stimuli.*metric="svcca"'),
        ("cca", 300, 'CCA needs fewer units than stimuli; one side has 300 units.*type metric="cka_unbiased"'),
        ("pwcca", 20, r"CCA needs fewer units than stimuli; one side has 20 units.*latents\(x\)"),
        ("svcca", 300, "SVCCA needs fewer units than stimuli; 99 % of the variance takes 19 components.*Show more"),
    ],
)
def test_cca_is_refused_where_any_side_would_correlate_perfectly(name, n_units, message):
    x, y = np.random.default_rng(16).normal(size=(20, n_units)), pair(16)[0]
    for sides in ((x, y), (y, x)):
        with pytest.raises(DesignError, match=message):
            METRICS[name](*sides)
    assert METRICS[name](x[:, :18], y) > 0.8


def test_predictivity_is_ridge_regression_fitted_again_for_every_stimulus_and_penalty():
    x, y = pair(17, n=7, p=10, q=3)
    wide = np.trace((x - x.mean(axis=0)) @ (x - x.mean(axis=0)).T) / 6

    def error(train, test, alpha):
        ridge = Ridge(alpha=alpha * wide, solver="svd").fit(x[train], y[train])
        return np.sum((y[test] - ridge.predict(x[[test]])[0]) ** 2)

    missed = nothing = 0.0
    for i in range(7):
        rest = np.delete(np.arange(7), i)
        inner = [sum(error(np.delete(rest, k), rest[k], alpha) for k in range(6)) for alpha in PENALTIES]
        missed += error(rest, i, PENALTIES[np.argmin(inner)])
        nothing += np.sum((y[i] - y[rest].mean(axis=0)) ** 2)
    assert METRICS["predictivity"](x, y) == pytest.approx(1 - missed / nothing, abs=1e-9)
    assert METRICS["predictivity_reverse"](y, x) == METRICS["predictivity"](x, y)


def test_what_a_regression_fits_is_not_what_it_foretells():
    x, y = pair(18)
    rest = y - LinearRegression().fit(x, y).predict(x)
    expected = 1 - np.sum(rest**2) / np.sum((y - y.mean(axis=0)) ** 2)
    assert fitted(scores(x), scores(y)) == pytest.approx(expected, abs=1e-12)
    noise = np.random.default_rng(18).normal(size=(20, 15))
    assert fitted(scores(noise), scores(y)) > 0.7
    assert METRICS["predictivity"](noise, y) < 0.1


# -------------------------------------------------------------------------------------------------- matchings
def test_one_to_one_finds_the_best_of_all_matchings():
    x, y = pair(19, p=4, q=6)
    r = np.corrcoef(x.T, y.T)[:4, 4:]
    best = max(np.mean([r[i, j] for i, j in enumerate(order)]) for order in permutations(range(6), 4))
    assert METRICS["one_to_one"](x, y) == pytest.approx(best, abs=1e-12)
    assert METRICS["one_to_one"](y, x) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize(("p", "q"), [(4, 6), (5, 5), (3, 12), (7, 11)])
def test_copies_matched_one_to_one_are_the_best_transport(p, q, monkeypatch):
    x, y = pair(20, p=p, q=q)
    copied = METRICS["soft_matching"](x, y)
    monkeypatch.setattr(matching, "_MOST_COPIES", 0)
    assert METRICS["soft_matching"](x, y) == pytest.approx(copied, abs=1e-9)
    r = matching.unit_columns(x).T @ matching.unit_columns(y)
    assert matching._transported(r) == pytest.approx(copied, abs=1e-9)


def test_soft_matching_sees_a_unit_that_is_there_twice_and_one_to_one_does_not():
    x = pair(21)[0]
    twice = np.hstack([x, x])
    assert METRICS["one_to_one"](x, twice) == pytest.approx(1, abs=1e-12)
    assert METRICS["soft_matching"](x, twice) == pytest.approx(1, abs=1e-12)
    assert METRICS["one_to_one"](x, x[:, :3]) == pytest.approx(1, abs=1e-12)
    assert METRICS["soft_matching"](x, x[:, :3]) < 0.9
