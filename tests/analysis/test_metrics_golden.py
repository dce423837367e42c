"""Numbers that others computed, and where they are from."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import kendalltau

from neurodata4ml.analysis.similarity.canonical import axes, canonical_correlations, mean_correlation
from neurodata4ml.analysis.similarity.centring import centred
from neurodata4ml.analysis.similarity.cka import doubly_centred, hsic, hsic_of_features, null_of_cka, u_centred
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.on_rdms import squared_up
from neurodata4ml.analysis.similarity.predictivity import fitted, scores

# statistics.md, section 3
X20 = np.random.RandomState(0).randn(20, 8)
Y20 = 0.5 * X20[:, :5] + np.random.RandomState(1).randn(20, 5)

# statistics.md, section 1.3: random pairs of 6 conditions, pairs with ties, two Euclidean RDMs
A, B = np.random.RandomState(1).rand(15), np.random.RandomState(2).rand(15)
TIED = np.array([1.0, 1, 2, 3, 3, 3]), np.array([1.0, 2, 2, 3, 1, 3])
RDM_A, RDM_B = (pdist(np.random.RandomState(seed).randn(6, 10), "sqeuclidean") / 10 for seed in (0, 1))


@pytest.mark.parametrize(
    ("name", "golden"),
    # Procrustes is netrep's angle (alpha = 1), of which ours is the cosine
    [
        ("cka", 0.4494679525),
        ("cka_unbiased", 0.2708069080),
        ("procrustes", np.cos(0.9347895117)),
        ("angular", 1 - 0.9347895117 / (np.pi / 2)),
        ("cca", 0.7205492436),
    ],
)
def test_metrics_on_responses_give_the_golden_numbers(name, golden):
    assert METRICS[name](X20, Y20) == pytest.approx(golden, abs=1e-9)


def test_hsic_gives_the_golden_numbers():
    k, l = X20 @ X20.T, Y20 @ Y20.T  # noqa: E741
    assert hsic(k, l) == pytest.approx(2.1664423385, abs=1e-9)
    assert hsic_of_features(centred(X20), centred(Y20)) == pytest.approx(2.1664423385, abs=1e-9)
    biased = np.sum(doubly_centred(k) * doubly_centred(l)) / 19**2
    assert biased == pytest.approx(4.8772340905, abs=1e-6)


def test_canonical_correlations_and_regressions_give_the_golden_numbers():
    found = canonical_correlations(axes(X20), axes(Y20))
    np.testing.assert_allclose(found, [0.96968964, 0.94760654, 0.77304275, 0.72951211, 0.18289517], atol=1e-8)
    assert np.mean(found**2) == pytest.approx(0.6002979631, abs=1e-9)
    assert mean_correlation(axes(X20), axes(Y20)) == pytest.approx(0.7205492436, abs=1e-9)
    assert fitted(scores(Y20), scores(X20)) == pytest.approx(0.4350164445, abs=1e-9)
    assert fitted(scores(X20), scores(Y20)) == pytest.approx(0.6052928093, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "golden", "tied", "euclid"),
    # rsatoolbox 0.3.2, compare() (statistics.md, section 1.3)
    [
        ("rsa_cosine", 0.7575530505, None, 0.9581685803),
        ("rsa_pearson", 0.0817545144, None, 0.6975125387),
        ("rsa_spearman", 0.1178571429, 0.4518480571, 0.7428571429),
        ("rsa_rho_a", 0.1178571429, 0.4, 0.7428571429),
        ("rsa_tau_a", 0.1047619048, 0.3333333333, 0.5428571429),
        ("rsa_cosine_whitened", 0.4280773540, None, 0.8755099644),
        ("rsa_pearson_whitened", 0.1210129827, None, 0.6215372922),
    ],
)
def test_metrics_on_rdms_give_the_golden_numbers(name, golden, tied, euclid):
    metric = METRICS[name]
    assert metric(A, B) == pytest.approx(golden, abs=1e-9)
    assert metric(RDM_A, RDM_B) == pytest.approx(euclid, abs=1e-9)
    if tied is not None:
        assert metric(*TIED) == pytest.approx(tied, abs=1e-9)


def test_bures_gives_the_golden_numbers():
    # rsatoolbox 0.3.2, compare() (statistics.md, section 1.3)
    # to 1e-8, since rsatoolbox takes roots of eigenvalues that are 0 but for rounding
    assert METRICS["bures"](RDM_A, RDM_B) == pytest.approx(0.9375113538, abs=1e-8)


def test_where_rsatoolbox_is_wrong_on_bures_ours_is_symmetric_and_1_with_itself():
    """A and B are no Euclidean distances: rsatoolbox takes the negative eigenvalues of one side only."""
    theirs = pytest.importorskip("rsatoolbox.rdm.compare").compare
    golden = [("bures", A, B, 0.7962435197), ("bures_metric", A, B, 0.3714972400)]
    for method, a, b, number in [*golden, ("bures", B, A, 0.7381258), ("bures", A, A, 1.2570567)]:
        assert float(theirs(a, b, method)[0, 0]) == pytest.approx(number, abs=1e-6)
    bures = METRICS["bures"]
    assert bures(A, B) == pytest.approx(bures(B, A), abs=1e-12)
    assert bures(A, A) == pytest.approx(1.0, abs=1e-12)


def test_the_riemannian_distance_of_rsatoolbox_is_not_offered():
    """It fits a scale and a noise to the first RDM alone: another number the other way round, and below any bound.

    Distances that are not Euclidean, as crossnobis ones are not, have none at all.
    """
    theirs = pytest.importorskip("rsatoolbox.rdm.compare").compare
    assert float(theirs(RDM_A, RDM_B, "neg_riem_dist")[0, 0]) == pytest.approx(-1.3142814702, abs=1e-6)
    assert float(theirs(RDM_B, RDM_A, "neg_riem_dist")[0, 0]) == pytest.approx(-2.779130, abs=1e-4)
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        theirs(A, B, "neg_riem_dist")
    assert not any("riem" in name for name in METRICS)


def test_tau_b_is_not_offered_since_it_rewards_a_model_for_its_ties():
    # statistics.md, section 1.3; without ties both are the same
    assert kendalltau(A, B).statistic == pytest.approx(0.1047619048, abs=1e-9)
    assert kendalltau(*TIED).statistic == pytest.approx(0.4351941399, abs=1e-9)
    assert METRICS["rsa_tau_a"](A, B) == pytest.approx(kendalltau(A, B).statistic, abs=1e-12)
    halves = (np.arange(15) > 7).astype(float)
    truth = 100 * halves + np.arange(15)
    noisy = truth + np.random.default_rng(1).normal(0, 15, (20, 15))
    tau_b, tau_a = (lambda a, b: kendalltau(a, b).statistic), METRICS["rsa_tau_a"]
    category, right = (
        [np.mean([tau(row, model) for row in noisy]) for tau in (tau_b, tau_a)] for model in (halves, truth)
    )
    assert category[0] > right[0] + 0.05, "the category beats the truth"
    assert category[1] < right[1] - 0.01


@pytest.mark.parametrize(
    ("n", "p", "q", "biased", "unbiased"),
    # statistics.md, section 0: independent data; the mean of many, and how far one mean of 6 may lie from it
    [(118, 4096, 60, 0.5726, -0.0016), (50, 1000, 1000, 0.9532, 0.0031), (118, 512, 200, 0.7159, 0.0025)],
)
def test_unrelated_data_look_alike_to_biased_cka_and_not_to_unbiased(n, p, q, biased, unbiased):
    rng = np.random.RandomState(0)
    both = [(rng.randn(n, p), rng.randn(n, q)) for _ in range(6)]
    assert np.mean([METRICS["cka"](x, y) for x, y in both]) == pytest.approx(biased, abs=0.004)
    assert null_of_cka(n, p, q) == pytest.approx(biased, abs=0.0015)
    found = [METRICS["cka_unbiased"](x, y) for x, y in both]
    spread = 4 * np.std(found, ddof=1) / np.sqrt(6)
    assert abs(np.mean(found)) < spread
    assert abs(np.mean(found) - unbiased) < spread + 0.004


def test_what_statistics_md_calls_a_common_bug_gives_another_number():
    """`K - diag(K)` takes a vector from every row; and without its root the denominator is another number."""
    k, l = X20 @ X20.T, Y20 @ Y20.T  # noqa: E741

    def song(k0, l0, n=20):
        one = np.ones(n)
        first = np.trace(k0 @ l0) + (one @ k0 @ one) * (one @ l0 @ one) / ((n - 1) * (n - 2))
        return (first - 2 / (n - 2) * one @ k0 @ l0 @ one) / (n * (n - 3))

    right = [a - np.diag(np.diag(a)) for a in (k, l)]
    wrong = [a - np.diag(a) for a in (k, l)]
    assert song(*right) == pytest.approx(hsic(k, l), rel=1e-12)
    assert abs(song(*wrong) - hsic(k, l)) > 0.1
    no_root = hsic(k, l) / (hsic(k, k) * hsic(l, l))
    assert abs(no_root - 0.2708069080) > 0.1


def test_rows_of_u_centred_matrices_sum_to_zero():
    k = X20 @ X20.T
    np.testing.assert_allclose(u_centred(k).sum(axis=0), 0, atol=1e-12)
    np.testing.assert_array_equal(np.diag(u_centred(k)), 0)
    np.testing.assert_array_equal(u_centred(k + np.diag(np.arange(20.0))), u_centred(k))


def test_squares_of_distances_stand_where_they_belong():
    np.testing.assert_array_equal(squared_up(A), squareform(A))
