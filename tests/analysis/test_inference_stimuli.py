"""An interval over stimuli keeps what it promises: it covers 0 and the truth, and tests reject as often as they say."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.spatial.distance import pdist

from neurodata4ml.analysis.comparison.delete_one import delete_one_stimulus
from neurodata4ml.analysis.comparison.permutation_test import permutation_test
from neurodata4ml.analysis.comparison.resampled import multiplicities, resampled
from neurodata4ml.analysis.comparison.surplus import (
    pair_surplus,
    stimulus_replicates,
    stimulus_replicates_of_halves,
    surplus_of_halves,
)
from neurodata4ml.analysis.reliability.noise_corrected import unit_vectors, with_halves
from neurodata4ml.analysis.similarity.metrics import METRICS, u_centred
from neurodata4ml.analysis.similarity.representations import Side
from neurodata4ml.errors import DesignError


def side(name, values):
    values = pdist(values, "correlation") if METRICS[name].on == "rdm" else values
    return Side(values, METRICS[name].prepare(values))


def variance(replicates):
    n = len(replicates)
    return (n - 1) / n * ((replicates - replicates.mean(0)) ** 2).sum(0)


def world(rng, n, shared):
    """Return two representations of n stimuli that share latent features (a fraction) in noise of their own."""
    latent = rng.normal(size=(n, 30))
    return [shared * latent + rng.normal(size=(n, 30)) for _ in range(2)]


@pytest.mark.parametrize(
    "name",
    ["cka_unbiased", "rsa_pearson", "rsa_spearman", "rsa_rho_a", pytest.param("rsa_tau_a", marks=pytest.mark.slow)],
)
def test_the_interval_of_independent_data_contains_zero_as_often_as_it_says(name):
    """The plain jackknife's is 1.41 times too wide, for it counts what pairs add twice (Efron & Stein 1981)."""
    rng, n, n_worlds = np.random.default_rng(0), 50, 50 if name.endswith("_a") else 100
    t = stats.t.ppf(0.975, n - 1)
    inside, wide, spread, truth = [], [], [], []
    for _ in range(n_worlds):
        x, y = (side(name, values) for values in world(rng, n, 0.0))
        estimate = METRICS[name].function(x.prepared, y.prepared)
        plain = variance(delete_one_stimulus(METRICS[name], x, [y]))[0]
        narrow = variance(stimulus_replicates(METRICS[name], x, [y]))[0]
        inside.append(abs(estimate) < t * np.sqrt(narrow))
        wide.append(abs(estimate) < t * np.sqrt(plain))
        spread.append((plain, narrow))
        truth.append(estimate)
    assert np.mean(inside) >= 0.9
    assert np.mean(wide) >= 0.97
    plain, narrow = np.sqrt(np.mean(spread, axis=0))
    assert plain / narrow == pytest.approx(np.sqrt(2), rel=0.08)
    assert narrow == pytest.approx(np.std(truth), rel=0.35)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cka_unbiased", "rsa_pearson"])
@pytest.mark.parametrize("shared", [0.0, 0.5, 1.5])
def test_intervals_over_stimuli_cover_the_truth(name, shared):
    rng, n = np.random.default_rng(1), 60
    metric, t = METRICS[name], stats.t.ppf(0.975, n - 1)
    large = [[side(name, values) for values in world(rng, 800, shared)] for _ in range(6)]
    truth = np.mean([metric.function(x.prepared, y.prepared) for x, y in large]) if shared else 0.0
    covered = []
    for _ in range(400):
        x, y = (side(name, values) for values in world(rng, n, shared))
        error = np.sqrt(variance(stimulus_replicates(metric, x, [y]))[0])
        covered.append(abs(metric.function(x.prepared, y.prepared) - truth) < t * error)
    assert 0.92 <= np.mean(covered) <= 0.98


def test_pairs_add_half_of_the_variance_of_tau_a_of_independent_data_too():
    rng, found = np.random.default_rng(11), []
    for _ in range(3):
        x, y = (side("rsa_tau_a", values) for values in world(rng, 30, 0.0))
        replicates = (f(METRICS["rsa_tau_a"], x, [y]) for f in (delete_one_stimulus, stimulus_replicates))
        found.append([variance(one)[0] for one in replicates])
    plain, narrow = np.sqrt(np.mean(found, axis=0))
    assert plain / narrow == pytest.approx(np.sqrt(2), rel=0.08)


def test_where_stimuli_themselves_decide_nothing_is_taken_away():
    """One shared direction of large variance: what stimuli add outweighs what pairs add."""
    rng = np.random.default_rng(2)
    latent = 5 * rng.standard_t(5, size=(60, 1))
    x, y = (side("cka_unbiased", np.hstack([latent, rng.normal(size=(60, 20))])) for _ in range(2))
    plain = variance(delete_one_stimulus(METRICS["cka_unbiased"], x, [y]))[0]
    assert pair_surplus(METRICS["cka_unbiased"], x, [y])[0] < 0.2 * plain


def test_without_noise_the_surplus_of_halves_is_that_of_means():
    rng = np.random.default_rng(3)
    signal, other = rng.normal(size=(2, 9, 6))
    stimulus = np.tile(np.arange(9), 4)
    trials = xr.DataArray(signal[stimulus], dims=("trial", "unit"), coords={"stimulus": ("trial", stimulus)})
    x, half = with_halves(trials, n_splits=3, seed=0, step="test")
    vectors = unit_vectors([u_centred(other @ other.T)])
    metric = METRICS["cka_unbiased"]
    pair = side("cka_unbiased", signal), [side("cka_unbiased", other)]
    found = surplus_of_halves(x, half, 9, vectors)
    np.testing.assert_allclose(found[:2, 0], pair_surplus(metric, *pair)[0], rtol=1e-10)
    np.testing.assert_allclose(found[2], 0.0, atol=1e-20)  # of a ceiling of 1
    both = stimulus_replicates_of_halves(x, half, 9, vectors).sel(quantity="similarity")
    np.testing.assert_allclose(both, stimulus_replicates(metric, *pair), rtol=1e-9)


def test_draws_with_replacement_are_wider_still():
    """sqrt(3) of the truth for independent data: the jackknife is what compare uses."""
    rng = np.random.default_rng(4)
    x, y = (side("cka_unbiased", values) for values in world(rng, 80, 0.0))
    drawn = resampled(METRICS["cka_unbiased"], x, [y], multiplicities(80, 400, rng))[:, 0]
    narrow = np.sqrt(variance(stimulus_replicates(METRICS["cka_unbiased"], x, [y]))[0])
    assert 1.4 < drawn.std() / narrow < 2.1


def means(values, dim="unit"):
    return xr.DataArray(values, dims=("stimulus", dim), coords={"stimulus": np.arange(len(values))})


@pytest.mark.parametrize("metric", ["rsa_spearman", "cka_unbiased"])
def test_a_permutation_of_stimuli_rejects_independent_data_as_often_as_it_says(metric):
    rng = np.random.default_rng(5)
    found = [
        permutation_test(means(a), means(b, "feature"), metric=metric, n_shuffles=39).p_value.item()
        for a, b in (world(rng, 12, 0.0) for _ in range(120))
    ]
    assert 0.015 < np.mean(np.array(found) <= 0.05) < 0.09


def test_a_table_of_independent_data_holds_a_claim_in_one_of_twenty():
    rng, claims = np.random.default_rng(6), []
    for _ in range(40):
        values = rng.normal(size=(6, 14, 8))
        xs = {name: means(v) for name, v in zip("ab", values[:2], strict=True)}
        ys = {name: means(v, "feature") for name, v in zip("cdef", values[2:], strict=True)}
        found = permutation_test(xs, ys, metric="rsa_pearson", n_shuffles=39)
        claims.append(bool((found.p_value_corrected <= 0.05).any()))
    assert np.mean(claims) < 0.15
    assert found.attrs["n_tests"] == 8


def test_few_stimuli_have_an_exact_p_value():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(5, 8))
    found = permutation_test(means(x), means(2 * x, "feature"), metric="cka_unbiased", n_shuffles=10)
    assert found.attrs["n_shuffles"] == 119
    assert found.p_value.item() == 1 / 120
    null = [METRICS["cka_unbiased"](x[np.r_[order]], x) for order in ([1, 0, 2, 3, 4], [4, 3, 2, 1, 0])]
    assert np.isin(np.round(null, 9), np.round(found.null, 9)).all()


def test_equal_stimuli_are_no_evidence_though_rounding_differs():
    """A swap of two equal stimuli gives the same similarity: p is 2/5! at least, not 1/5!."""
    x = np.random.default_rng(8).normal(size=(5, 6))
    x[1] = x[0]
    assert permutation_test(means(x), means(x / 3, "feature"), metric="cka_unbiased").p_value.item() == 2 / 120


def test_a_misspelt_metric_and_too_few_stimuli_are_refused():
    x = means(np.random.default_rng(9).normal(size=(5, 6)))
    with pytest.raises(DesignError, match=r"Unknown metric 'rsa_spearmen'\. Did you mean 'rsa_spearman'"):
        permutation_test(x, x, metric="rsa_spearmen")
    with pytest.raises(DesignError, match="needs at least 4 stimuli; got 3"):
        permutation_test(x[:3], x[:3], metric="cka_unbiased")
    with pytest.raises(DesignError, match="n_shuffles takes a whole number, 1 or more"):
        permutation_test(x, x, n_shuffles=0)
