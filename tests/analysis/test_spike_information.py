"""Information is what sklearn counts, free of the bias of few trials, and worth what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from sklearn.metrics import mutual_info_score

from neurodata4ml.analysis.spiketrains.information import bits_per_spike, cost_per_bit, mutual_information
from neurodata4ml.errors import DesignError, DimensionError


def counts(means: np.ndarray, n_repeats: int, seed: int = 0) -> xr.DataArray:
    """Poisson counts (trial, unit) around the means (stimulus, unit)."""
    label = np.tile(np.arange(len(means)), n_repeats)
    values = np.random.default_rng(seed).poisson(means[label])
    return xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", label)})


def poisson_information(means: np.ndarray) -> float:
    """Information of a Poisson count about equally frequent stimuli, summed over all counts."""
    p = stats.poisson.pmf(np.arange(200)[:, None], means)
    both = p / len(means)
    ratio = np.divide(p, p.mean(axis=1, keepdims=True), out=np.ones_like(p), where=p > 0)
    return float((both * np.log2(ratio)).sum())


def test_the_plain_estimate_is_that_of_scikit_learn() -> None:
    x = counts(np.array([[1.0, 5], [3, 5], [6, 5]]), 15)
    found = mutual_information(x, correction="none")
    nats = [mutual_info_score(x.stimulus.values, column) for column in x.values.T]
    assert found.plain.values == pytest.approx(np.array(nats) / np.log(2))
    assert (found.information == found.plain).all()


def test_a_noisy_channel_of_two_symbols_has_its_closed_form() -> None:
    """1 - H(error) bits."""
    rng = np.random.default_rng(0)
    sent = rng.integers(2, size=200_000)
    got = np.where(rng.random(len(sent)) < 0.1, 1 - sent, sent)
    x = xr.DataArray(got[:, None], dims=("trial", "unit"), coords={"stimulus": ("trial", sent)})
    found = mutual_information(x, n_shuffles=1)
    assert float(found.information[0]) == pytest.approx(1 - stats.entropy([0.1, 0.9], base=2), abs=0.005)
    assert float(found.entropy) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("correction", ["panzeri-treves", "miller-madow", "shuffle"])
def test_independent_counts_tell_nothing_once_corrected_and_much_before(correction: str) -> None:
    x = counts(np.full((8, 200), 4.0), 30, seed=1)
    found = mutual_information(x, correction=correction, n_shuffles=20)
    assert float(found.plain.mean()) > 0.15
    bias_left = abs(float(found.information.mean()))
    assert bias_left < (0.1 if correction == "miller-madow" else 0.03)
    assert (found.p_value <= 0.05).mean() < 0.12


@pytest.mark.parametrize("correction", ["panzeri-treves", "shuffle"])
def test_tuned_counts_tell_what_their_distribution_says(correction: str) -> None:
    means = np.array([1.0, 2, 4, 8])
    x = counts(np.repeat(means[:, None], 100, axis=1), 40, seed=2)
    found = mutual_information(x, correction=correction, n_shuffles=20)
    lost = 0.15 if correction == "shuffle" else 0.0  # shuffled counts spread over more values than those of a stimulus
    assert (
        poisson_information(means) - lost - 0.05 < float(found.information.mean()) < poisson_information(means) + 0.05
    )
    assert float(found.plain.mean()) > poisson_information(means) + 0.05


def test_a_perfect_prediction_is_worth_its_likelihood_and_the_mean_nothing() -> None:
    means = np.tile(np.array([[1.0], [6.0]]), (300, 1))
    x = counts(np.array([[1.0], [6.0]]), 300, seed=3)
    expected = xr.DataArray(means, dims=("trial", "unit"))
    found = float(bits_per_spike(x, expected)[0])
    by_scipy = stats.poisson.logpmf(x.values, means).sum() - stats.poisson.logpmf(x.values, x.values.mean()).sum()
    assert found == pytest.approx(by_scipy / x.values.sum() / np.log(2))
    assert float(bits_per_spike(x, xr.full_like(expected, x.values.mean()))[0]) == pytest.approx(0, abs=1e-12)
    assert float(bits_per_spike(x, expected[::-1].copy())[0]) < 0


def test_a_unit_that_never_fires_has_no_bits_per_spike() -> None:
    x = xr.DataArray(np.zeros((5, 1)), dims=("trial", "unit"))
    assert np.isnan(bits_per_spike(x, x + 1.0).values).all()


def test_a_bit_costs_what_its_spikes_and_the_waiting_cost() -> None:
    told, rate = (xr.DataArray(v, dims="unit") for v in ([0.5, 0.0], [10.0, 4.0]))
    found = cost_per_bit(told, rate, duration=0.25, per_spike=1e9, at_rest=4e8)
    assert float(found[0]) == pytest.approx((10 * 1e9 * 0.25 + 4e8 * 0.25) / 0.5)
    assert np.isnan(float(found[1]))


SOME = counts(np.ones((2, 1)), 4)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: mutual_information(SOME / 2), DesignError, "takes spike counts, whole numbers from 0"),
        (lambda: mutual_information(SOME, "side"), DimensionError, "needs the coordinate 'side' of trials"),
        (lambda: mutual_information(SOME, correction="panzeri"), DesignError, "Did you mean 'panzeri-treves'"),
        (lambda: mutual_information(SOME[::2]), DesignError, "two stimuli and four trials or more; got 1 and 4"),
        (lambda: bits_per_spike(SOME, SOME.isel(trial=slice(3))), DimensionError, "of the same trials and units"),
        (lambda: bits_per_spike(SOME, SOME * 0.0 - 1), DesignError, "an expected count, above 0"),
        (lambda: cost_per_bit(SOME, SOME, duration=0, per_spike=1, at_rest=1), DesignError, "duration above 0; got 0"),
    ],
)
def test_what_has_no_answer_is_refused(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
