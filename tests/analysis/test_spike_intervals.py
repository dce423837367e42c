"""Intervals, counts and spectra of spike trains are those of the processes that made them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.spiketrains.intervals import fano_factor, interspike_intervals
from neurodata4ml.analysis.spiketrains.spectra import power_spectrum
from neurodata4ml.errors import DesignError, DimensionError


def session(*trains: np.ndarray) -> xr.Dataset:
    stops = np.cumsum([len(times) for times in trains])
    spikes = {"spike_times": ("spike", np.concatenate(trains))}
    ends = {"spike_start": ("unit", np.r_[0, stops[:-1]]), "spike_stop": ("unit", stops)}
    return xr.Dataset({**spikes, **ends}, coords={"unit": np.arange(len(trains))})


def gamma_process(shape: float, rate: float, n: int, seed: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).gamma(shape, 1 / (shape * rate), n))


def test_a_gamma_process_has_its_irregularity() -> None:
    """CV = 1 / sqrt(k), LV = 3 / (2 k + 1) (Shinomoto et al. 2003); all are 1 for Poisson."""
    found = interspike_intervals(session(gamma_process(1, 10, 40_000, 0), gamma_process(4, 10, 40_000, 1)))
    assert found.mean_interval.values == pytest.approx(0.1, rel=0.02)
    assert found.cv.values == pytest.approx([1, 0.5], rel=0.03)
    assert found.lv.values == pytest.approx([1, 3 / 9], rel=0.03)
    assert found.cv2.values[0] == pytest.approx(1, rel=0.03)


def test_a_slow_change_of_rate_moves_cv_and_hardly_lv() -> None:
    rng = np.random.default_rng(2)
    rate = 20 + 18 * np.sin(np.arange(20_000) / 800)
    found = interspike_intervals(session(np.cumsum(rng.exponential(1 / rate))))
    assert float(found.cv[0]) > 1.3
    assert float(found.lv[0]) == pytest.approx(1, abs=0.06)


def test_intervals_too_short_for_one_neuron_are_counted() -> None:
    found = interspike_intervals(session(np.array([0.0, 0.001, 0.1, 0.2, 0.2005])))
    assert float(found.violations[0]) == 0.5
    assert int(found["count"].sum()) == 3  # of 0.5 ms none: the histogram begins at 1 ms


def test_an_interval_across_two_stretches_does_not_count() -> None:
    times = np.array([0.1, 0.2, 0.3, 5.0, 5.4, 5.8])
    found = interspike_intervals(session(times), stretches=np.array([[0, 1], [4, 6]]))
    assert int(found.n_intervals[0]) == 4
    assert float(found.mean_interval[0]) == pytest.approx(0.25)


def test_a_unit_with_two_spikes_tells_nothing() -> None:
    assert np.isnan(float(interspike_intervals(session(np.array([1.0, 2.0]), np.arange(9.0))).cv[0]))


def counted(rate: np.ndarray, seed: int = 0) -> xr.DataArray:
    label = np.repeat(np.arange(4), 500)
    values = np.random.default_rng(seed).poisson(rate)
    return xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", label)})


def test_poisson_counts_have_a_fano_factor_of_one_and_gain_adds_its_variance() -> None:
    rng = np.random.default_rng(1)
    mean = np.repeat([2.0, 4.0, 8.0, 3.0], 500)[:, None] * np.ones(2)
    mean[:, 1] *= rng.gamma(4, 0.25, 2000)  # variance of the gain 1/4: Fano 1 + mean / 4
    found = fano_factor(counted(mean))
    assert float(found[0]) == pytest.approx(1, abs=0.06)
    assert float(found[1]) == pytest.approx(1 + np.mean([2, 4, 8, 3]) / 4, rel=0.08)


def test_a_silent_unit_has_no_fano_factor() -> None:
    assert np.isnan(float(fano_factor(counted(np.zeros((2000, 1))))[0]))


def test_poisson_spikes_have_the_same_power_everywhere() -> None:
    times = np.sort(np.random.default_rng(3).uniform(0, 400, 8000))
    found = power_spectrum(session(times))
    assert found.values.mean() == pytest.approx(1, abs=0.02)
    assert found.sel(frequency=slice(1, 20)).mean() == pytest.approx(1, abs=0.1)


def test_at_low_frequencies_the_power_of_a_renewal_process_is_its_squared_cv() -> None:
    found = power_spectrum(session(gamma_process(4, 20, 40_000, 4)), segment=2.0)
    assert found.sel(frequency=slice(0.5, 2)).mean() == pytest.approx(0.25, abs=0.04)
    assert found.sel(frequency=slice(200, 450)).mean() == pytest.approx(1, abs=0.03)


def test_a_rhythm_is_a_peak_at_its_frequency() -> None:
    rng = np.random.default_rng(5)
    times = np.sort(rng.uniform(0, 200, 20_000))
    kept = times[rng.random(len(times)) < 0.5 * (1 + np.sin(2 * np.pi * 12 * times))]
    found = power_spectrum(session(kept), segment=2.0)[0]
    assert float(found.frequency[int(found.values.argmax())]) == pytest.approx(12, abs=0.5)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (
            lambda: interspike_intervals(xr.Dataset()),
            DimensionError,
            "interspike_intervals takes a session with spikes",
        ),
        (lambda: interspike_intervals(session(np.arange(5.0)), edges=np.array([2, 1])), DesignError, "edges must rise"),
        (
            lambda: fano_factor(counted(np.ones((2000, 1))), by="side"),
            DimensionError,
            "the coordinate 'side' of trials",
        ),
        (lambda: power_spectrum(session(np.array([0.1, 0.5]))), DesignError, "two segments of eight bins or more"),
    ],
)
def test_what_has_no_answer_is_refused(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
