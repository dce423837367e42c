"""Stimuli left out, drawn again, exchanged: by algebra the same as by doing it, and no copy ever meets itself."""

import itertools

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.delete_one import delete_one_of_halves, delete_one_stimulus, recomputed
from neurodata4ml.analysis.comparison.permuted import orders, permuted, permuted_anew
from neurodata4ml.analysis.comparison.resampled import multiplicities, resampled, resampled_anew
from neurodata4ml.analysis.comparison.surplus import stimulus_replicates, stimulus_replicates_of_halves
from neurodata4ml.analysis.comparison.weighted_hsic import weighted_cka
from neurodata4ml.analysis.reliability.noise_corrected import corrected_cka, unit_vectors, with_halves
from neurodata4ml.analysis.similarity.metrics import METRICS, u_centred
from neurodata4ml.analysis.similarity.representations import Side
from neurodata4ml.errors import DesignError

N = 11
PAIRS = [name for name, metric in METRICS.items() if metric.on == "rdm" and not metric.whole_rdm]


def side(name, values):
    return Side(values, METRICS[name].prepare(values))


def sides(name, seed=0):
    """Return three sides; of RDMs, one with ties, and one with a pair that is not known where pairs may be missing."""
    rng = np.random.default_rng(seed)
    if METRICS[name].on == "responses":
        return [side(name, rng.normal(size=(N, k))) for k in ((3, 4, 5) if "cca" in name else (5, 40, 3))]
    values = rng.random((3, N * (N - 1) // 2))
    values[1] = np.round(4 * values[1])
    if not METRICS[name].whole_rdm:
        values[2, 4] = np.nan
    return [side(name, row) for row in values]


@pytest.mark.parametrize("name", METRICS)
def test_leaving_out_a_stimulus_is_computing_anew_without_it(name):
    x, *ys = sides(name)
    found = delete_one_stimulus(METRICS[name], x, ys)
    assert found.shape == (N, 2)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, recomputed(METRICS[name], x, ys), atol=1e-12)


def test_leaving_out_a_stimulus_equals_the_metric_of_the_others():
    x, y = np.random.default_rng(0).normal(size=(2, N, 6))
    for name in ("cka", "cka_unbiased", "procrustes"):
        found = delete_one_stimulus(METRICS[name], side(name, x), [side(name, y)])
        expected = [METRICS[name](np.delete(x, i, axis=0), np.delete(y, i, axis=0)) for i in range(N)]
        np.testing.assert_allclose(found[:, 0], expected, atol=1e-12)


def test_too_few_stimuli_to_leave_one_out_give_nan():
    x = side("cka_unbiased", np.random.default_rng(0).normal(size=(4, 3)))
    assert np.isnan(delete_one_stimulus(METRICS["cka_unbiased"], x, [x])).all()


def test_a_side_that_does_not_vary_gives_nan():
    x = side("cka_unbiased", np.random.default_rng(0).normal(size=(N, 3)))
    flat = side("cka_unbiased", np.ones((N, 3)))
    assert np.isnan(delete_one_stimulus(METRICS["cka_unbiased"], x, [flat])).all()
    assert np.isnan(weighted_cka(x.prepared, flat.prepared[None], np.ones((1, N)))).all()


def noisy_trials(n_stimuli=8, n_repeats=6, n_units=12, seed=0):
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n_stimuli, n_units))
    stimulus = np.tile(np.arange(n_stimuli), n_repeats)
    values = signal[stimulus] + 0.5 * rng.normal(size=(len(stimulus), n_units))
    return xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", stimulus)}), signal


def test_leaving_out_a_stimulus_of_noisy_trials_is_dropping_its_trials():
    x, signal = noisy_trials()
    x, half = with_halves(x, n_splits=5, seed=0, step="test")
    others = [signal, np.random.default_rng(1).normal(size=(8, 7))]
    found = delete_one_of_halves(x, half, 8, unit_vectors([u_centred(y @ y.T) for y in others]))
    scale = (8 * 5) / (7 * 4)
    for i in range(8):
        part = x.isel(trial=np.flatnonzero(x.stimulus != i))
        kept = [np.delete(y, i, axis=0) for y in others]
        anew = corrected_cka(part, half, 7, unit_vectors([u_centred(y @ y.T) for y in kept]))
        for quantity in ("similarity", "raw", "ceiling"):
            np.testing.assert_allclose(found[i].sel(quantity=quantity), anew.sel(quantity=quantity), rtol=1e-10)
        np.testing.assert_allclose(found[i].sel(quantity="own"), scale * anew.sel(quantity="own"), rtol=1e-10)


def test_missing_trials_of_a_stimulus_leave_nothing_known():
    x, signal = noisy_trials()
    x, half = with_halves(x, n_splits=5, seed=0, step="test")
    part = x.isel(trial=np.flatnonzero(x.stimulus != 3))
    vectors = unit_vectors([u_centred(signal @ signal.T)])
    assert delete_one_of_halves(part, half, 8, vectors).isnull().all()
    assert stimulus_replicates_of_halves(part, half, 8, vectors).isnull().all()


@pytest.mark.parametrize("weight", [(1,) * 7, (2, 0, 1, 1, 3, 0, 0), (2, 0, 1, 1, 1, 1, 1)])
def test_weighted_hsic_is_the_mean_over_quadruples_of_different_stimuli(weight):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(7, 3))
    y = rng.normal(size=(7, 4)) + x @ rng.normal(size=(3, 4))

    def hsic(k, l):  # noqa: E741
        quadruples = list(itertools.permutations(range(7), 4))
        counts = [np.prod([weight[i] for i in four]) for four in quadruples]
        terms = [k[i, j] * (l[i, j] + l[p, q] - 2 * l[i, p]) for i, j, p, q in quadruples]
        return np.average(terms, weights=counts)

    k, l = x @ x.T, y @ y.T  # noqa: E741
    expected = hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))
    assert weighted_cka(k, l[None], np.array([weight]))[0, 0] == pytest.approx(expected, rel=1e-10)


def test_every_stimulus_once_is_the_similarity_itself():
    for name in ("cka_unbiased", *PAIRS):
        x, *ys = sides(name)
        once = resampled(METRICS[name], x, ys[:1], np.ones((1, N), dtype=int))
        assert once[0, 0] == pytest.approx(METRICS[name](x.values, ys[0].values), abs=1e-12)


@pytest.mark.parametrize("name", PAIRS)
def test_drawing_stimuli_again_is_writing_their_pairs_down_again(name):
    x, *ys = sides(name)
    weights = multiplicities(N, 25, np.random.default_rng(0))
    found = resampled(METRICS[name], x, ys, weights)
    np.testing.assert_allclose(found, resampled_anew(METRICS[name], x, ys, weights), atol=1e-12)


def test_copies_of_a_stimulus_fake_a_cka_of_a_half_and_their_removal_takes_it_away():
    """118 images, 4,096 features against 60 units, independent: the naive bootstrap is off by .57 (statistics.md 0)."""
    rng = np.random.default_rng(0)
    x, y = (side("cka_unbiased", rng.normal(size=(118, p))) for p in (4096, 60))
    metric = METRICS["cka_unbiased"]
    assert abs(metric.function(x.prepared, y.prepared)) < 0.05
    weights = multiplicities(118, 200, rng)
    rows = [np.repeat(np.arange(118), weight) for weight in weights[:20]]
    naive = [metric(x.values[row], y.values[row]) for row in rows]
    assert np.quantile(naive, 0.025) > 0.45
    removed = resampled(metric, x, [y], weights)[:, 0]
    assert np.quantile(removed, 0.025) < 0 < np.quantile(removed, 0.975)
    left_out = stimulus_replicates(metric, x, [y])[:, 0]
    assert abs(left_out.mean()) < 2 * np.sqrt(117 / 118 * ((left_out - left_out.mean()) ** 2).sum())


@pytest.mark.parametrize("name", ["cka", "procrustes", "rsa_cosine_whitened"])
def test_metrics_whose_copies_cannot_be_parted_refuse_to_be_resampled(name):
    x, *ys = sides(name)
    with pytest.raises(DesignError, match="a stimulus would meet its own copy"):
        resampled(METRICS[name], x, ys, np.ones((1, N), dtype=int))


def test_too_few_different_stimuli_give_nan():
    x, *ys = sides("cka_unbiased")
    weight = np.array([[4, 4, 3] + [0] * (N - 3)])
    assert np.isnan(resampled(METRICS["cka_unbiased"], x, ys, weight)).all()


@pytest.mark.parametrize("name", METRICS)
def test_exchanging_stimuli_is_exchanging_rows_and_columns(name):
    x, *ys = sides(name)
    order = orders(N, 12, seed=0)
    found = permuted(METRICS[name], x, ys, order)
    np.testing.assert_allclose(found, permuted_anew(METRICS[name], x, ys, order), atol=1e-12)


def test_orders_of_few_stimuli_are_all_but_the_true_one():
    found = orders(4, 999, seed=0)
    assert found.tolist() == [list(p) for p in itertools.permutations(range(4))][1:]
    assert orders(7, 50, seed=0).shape == (50, 7)
    assert (np.sort(orders(7, 50, seed=0), axis=1) == np.arange(7)).all()
