"""Each encoding score is what its paper says, and what noise corrects is corrected without inflation."""

import warnings

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import d2_tweedie_score, r2_score

from neurodata4ml.analysis.encoding import score_formulas as formulas
from neurodata4ml.analysis.encoding.encode import encode
from neurodata4ml.analysis.encoding.predicted import Held
from neurodata4ml.analysis.encoding.scores import SCORES, noise_of, unreliable
from neurodata4ml.analysis.reliability.power import noise_variance, signal_power
from neurodata4ml.errors import DesignError

N_STIMULI, N_REPEATS, N_UNITS = 118, 10, 200


def golden_data():
    """118 stimuli x 10 repeats x 200 units, signal variance 1, noise variance 4; a model whose true r is sqrt(.5).

    Signal and trials are those of the golden numbers (RandomState(0)); the model and the splits behind them are not on
    record, so what depends on these is compared within its Monte-Carlo error.
    """
    rng = np.random.RandomState(0)
    signal = rng.randn(N_STIMULI, N_UNITS)
    trials = signal[:, None] + 2 * rng.randn(N_STIMULI, N_REPEATS, N_UNITS)
    return signal, trials, signal + rng.randn(N_STIMULI, N_UNITS)


def stepped_up(trials, n_splits=20):
    """Split-half reliability of the means, correlations averaged over splits, then Spearman-Brown."""
    rng, found = np.random.RandomState(1), []
    for _ in range(n_splits):
        order = rng.permutation(trials.shape[1])
        half = trials.shape[1] // 2
        found.append(formulas.correlation(trials[:, order[:half]].mean(1), trials[:, order[half:]].mean(1)))
    r = np.mean(found, axis=0)
    return 2 * r / (1 + r)


def held(signal, model, *, n_repeats=N_REPEATS, noise=2.0, seed=0):
    """Trials around a signal, their means, and the model's predictions."""
    rng = np.random.default_rng(seed)
    of_trial = np.repeat(np.arange(len(signal)), n_repeats)
    trials = signal[of_trial] + noise * rng.standard_normal((len(of_trial), signal.shape[1]))
    means = np.stack([trials[of_trial == i].mean(axis=0) for i in range(len(signal))])
    return Held(means, model, np.arange(len(signal)), trials, of_trial)


def test_golden_numbers_of_a_model_whose_true_squared_correlation_is_half():
    _, trials, model = golden_data()
    means = trials.mean(axis=1)
    flat, labels = trials.reshape(-1, N_UNITS), np.repeat(np.arange(N_STIMULI), N_REPEATS)
    v, reliability = noise_variance(flat, labels), stepped_up(trials)
    # with repeats as blocks it is the signal power of Sahani & Linden
    power = signal_power(flat, labels, np.tile(np.arange(N_REPEATS), N_STIMULI))
    r = formulas.correlation(means, model)
    found = {
        "signal power": power,
        "SB": reliability,
        "r": r,
        "CC_norm": formulas.cc_norm(means, model, power),
        "r/sqrt(SB)": formulas.r_ceiled(r, reliability),
        "r2_ER": formulas.r2_er(means, model, v / N_REPEATS),
        "r2/SB": formulas.r2_ceiled(r, reliability),
    }
    assert f"{power.mean():.4f}" == "0.9808"
    printed = {"SB": 0.7092, "r": 0.5945, "CC_norm": 0.7074, "r/sqrt(SB)": 0.7061, "r2_ER": 0.5011, "r2/SB": 0.5030}
    for name, golden in printed.items():
        # two draws of the model, or of the splits, differ by the error of the mean over units, times sqrt(2)
        error = np.sqrt(2 / N_UNITS) * found[name].std()
        assert abs(found[name].mean() - golden) < 3 * error, name
        assert error < 0.02


def test_squaring_the_ceiling_too_would_say_seventy_of_fifty_percent():
    """Brain-Score's former (r / c)^2, on data whose true r^2 is .5."""
    _, trials, model = golden_data()
    r, reliability = formulas.correlation(trials.mean(axis=1), model), stepped_up(trials)
    assert formulas.r2_ceiled(r, reliability).mean() == pytest.approx(0.503, abs=0.03)
    assert ((r / reliability) ** 2).mean() == pytest.approx(0.711, abs=0.04)


def test_scores_by_name_are_the_formulas_on_the_noise_of_the_trials():
    signal, trials, model = golden_data()
    flat, labels = trials.reshape(-1, N_UNITS), np.repeat(np.arange(N_STIMULI), N_REPEATS)
    given = Held(trials.mean(axis=1), model, np.arange(N_STIMULI), flat, labels)
    for name, true in {"cc_norm": np.sqrt(0.5), "r_ceiled": np.sqrt(0.5), "r2_er": 0.5, "r2_ceiled": 0.5}.items():
        assert SCORES[name].function(given).mean() == pytest.approx(true, abs=0.02), name
    np.testing.assert_allclose(noise_of(given).power, signal_power(flat, labels))
    np.testing.assert_allclose(
        SCORES["cc_norm"].function(given), formulas.cc_norm(given.truth, model, noise_of(given).power)
    )
    assert np.all(SCORES["r"].function(given) < SCORES["r_ceiled"].function(given))
    assert signal.shape == model.shape


def test_a_perfect_model_scores_about_one_and_is_not_clipped_there():
    signal = np.random.default_rng(1).standard_normal((200, 300))
    given = held(signal, signal)
    for name in ("cc_norm", "r_ceiled", "r2_er", "r2_ceiled"):
        score = SCORES[name].function(given)
        assert np.nanmean(score) == pytest.approx(1.0, abs=0.02), name
        assert np.nanmax(score) > 1.0, name


def test_units_without_signal_are_named_and_never_score_four():
    rng = np.random.default_rng(0)
    signal = np.where(np.arange(1200) < 1000, 0.0, rng.standard_normal((118, 1200)))
    given = held(signal, signal + rng.standard_normal((118, 1200)), n_repeats=4)
    flagged = unreliable(given)
    assert flagged[:1000].mean() > 0.99
    assert flagged[1000:].mean() < 0.1
    reliability = noise_of(given).reliability[:1000]
    plain = SCORES["r"].function(given)[:1000] / np.sqrt(np.where(reliability > 0, reliability, np.nan))
    assert np.nanmax(np.abs(plain)) > 2.5  # what dividing by any positive ceiling would return
    for name, score in SCORES.items():
        if score.needs_trials:
            found = score.function(given)
            assert np.array_equal(np.isnan(found), flagged), name
            assert np.nanmax(np.abs(found)) < 1.5, name


def test_the_lower_end_of_a_reliability_holds_at_its_nominal_rate():
    true = 1 / (1 + 4 / 10)
    signal = np.random.default_rng(2).standard_normal((60, 2000))
    found = noise_of(held(signal, signal))
    assert np.mean(found.low < true) == pytest.approx(0.975, abs=0.01)


def test_unequal_repeats_and_rows_tested_twice_use_their_own_noise():
    rng = np.random.default_rng(0)
    signal = rng.standard_normal((300, 50))
    of_trial = np.repeat(np.arange(300), rng.integers(1, 12, 300))
    trials = signal[of_trial] + 1.5 * rng.standard_normal((len(of_trial), 50))
    means = np.stack([trials[of_trial == i].mean(axis=0) for i in range(300)])
    row = np.concatenate([np.arange(300), np.arange(100)])
    noise = noise_of(Held(means[row], means[row], row, trials, of_trial))
    each = 1.5**2 / np.bincount(of_trial)
    assert noise.variance.mean() == pytest.approx(each[row].mean(), rel=0.02)
    assert noise.power.mean() == pytest.approx(1.0, abs=0.03)


def test_explained_variance_is_scikit_learns_and_stricter_than_the_training_mean():
    rng = np.random.default_rng(0)
    y, p = rng.standard_normal((30, 4)), rng.standard_normal((30, 4))
    np.testing.assert_allclose(formulas.explained(y, p), r2_score(y, p, multioutput="raw_values"))
    train = np.full_like(y, 0.5)
    assert np.all(formulas.explained(y, p, train) > formulas.explained(y, p))
    assert np.all(formulas.explained(y, train, train) == 0)
    given = Held(y, p, np.arange(30), reference=train)
    np.testing.assert_allclose(SCORES["r2"].function(given), formulas.explained(y, p, train))


def test_deviance_explained_is_scikit_learns():
    rng = np.random.default_rng(0)
    y, p = rng.poisson(2, (40, 5)).astype(float), rng.uniform(0.5, 4, (40, 5))
    w = rng.integers(1, 9, 40).astype(float)
    theirs = [d2_tweedie_score(y[:, j], p[:, j], sample_weight=w, power=1) for j in range(5)]
    np.testing.assert_allclose(formulas.deviance_explained(y, p, w), theirs)
    assert np.all(formulas.deviance_explained(y, np.maximum(y, 1e-300)) > 1 - 1e-9)


def test_bits_per_spike_is_the_definition_on_single_trials():
    """(nll_null - nll_model) / (n_spikes ln 2) with the mean rate as null, as nlb_tools does."""
    from scipy.stats import poisson

    rng = np.random.default_rng(0)
    rate = rng.uniform(0.2, 3, (20, 3))
    of_trial = np.repeat(np.arange(20), 6)
    trials = rng.poisson(rate[of_trial]).astype(float)
    means = trials.reshape(20, 6, 3).mean(axis=1)
    given = Held(means, rate, np.arange(20), trials, of_trial)
    model = -poisson.logpmf(trials, rate[of_trial]).sum(axis=0)
    null = -poisson.logpmf(trials, trials.mean(axis=0)).sum(axis=0)
    wanted = (null - model) / (trials.sum(axis=0) * np.log(2))
    np.testing.assert_allclose(SCORES["bits_per_spike"].function(given), wanted)
    assert np.all(wanted > 0)


def test_the_mean_rate_has_no_bits_and_explains_no_deviance():
    y = np.random.default_rng(0).poisson(2, (40, 3)).astype(float)
    mean = np.tile(y.mean(axis=0), (40, 1))
    np.testing.assert_allclose(formulas.bits_per_spike(y, mean), 0, atol=1e-12)
    np.testing.assert_allclose(formulas.deviance_explained(y, mean), 0, atol=1e-12)


def test_a_rate_of_zero_that_meets_a_spike_is_infinitely_wrong_and_a_negative_one_is_no_rate():
    y = np.array([[0.0, 0.0], [2.0, 2.0], [1.0, 1.0]])
    p = np.array([[0.0, -0.1], [0.0, 1.0], [1.0, 1.0]])
    for score in (formulas.bits_per_spike, formulas.deviance_explained):
        found = score(y, p)
        assert found[0] == -np.inf
        assert np.isnan(found[1])
    p[1, 0] = 2.0
    assert formulas.bits_per_spike(y, p)[0] > 0


@pytest.mark.parametrize("name", list(SCORES))
def test_what_is_undefined_is_nan_without_a_warning(name):
    rng = np.random.default_rng(0)
    signal = rng.uniform(1, 2, (12, 4))
    given = held(signal, rng.uniform(1, 2, (12, 4)), noise=0.0)
    truth, trials = given.truth.copy(), given.trials.copy()
    truth[:, 0], trials[:, 0] = 0.0, 0.0
    given.predicted[3, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = SCORES[name].function(Held(truth, given.predicted, given.row, trials, given.of_trial))
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2:]).all()


@pytest.mark.parametrize("name", list(SCORES))
def test_every_score_declares_what_it_is_and_stays_in_its_range(name):
    score = SCORES[name]
    assert score.about.endswith(".")
    assert score.formula
    assert score.reference
    assert score.undefined.startswith("NaN")
    signal = np.random.default_rng(0).uniform(0, 3, (40, 60))
    found = score.function(held(signal, np.random.default_rng(1).uniform(0, 3, (40, 60)), noise=0.5))
    assert np.nanmin(found) >= score.range[0]
    assert np.nanmax(found) <= score.range[1]


@pytest.mark.parametrize("name", [name for name in SCORES if SCORES[name].needs_trials])
def test_scores_that_need_trials_refuse_means(name):
    with pytest.raises(DesignError, match=r"corrected for noise need single trials.*scores=\('r', 'r2'\)"):
        SCORES[name].function(Held(np.eye(4), np.eye(4), np.arange(4)))


def test_one_repeat_is_refused():
    rng = np.random.default_rng(0)
    y = rng.standard_normal((10, 2))
    with pytest.raises(DesignError, match="needs repeated stimuli; got 10 trials of 10 stimuli"):
        SCORES["cc_norm"].function(Held(y, y, np.arange(10), y, np.arange(10)))


def test_predictions_of_nothing_correlate_with_nothing_although_folds_are_pooled():
    rng = np.random.default_rng(0)
    labels = np.arange(60)
    found = []
    for _ in range(6):
        x = xr.DataArray(rng.normal(size=(60, 100)), dims=("stimulus", "unit"), coords={"stimulus": labels})
        features = xr.DataArray(rng.normal(size=(60, 40)), dims=("stimulus", "feature"), coords={"stimulus": labels})
        found.append(encode(x, features, prediction=True))
    as_they_are = formulas.correlation(x.values, found[-1].prediction.transpose("stimulus", "unit").values).mean()
    assert as_they_are < -0.1
    assert abs(np.mean([one.r.mean() for one in found])) < 0.03
