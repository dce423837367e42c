"""Latencies of spikes that were put there, exact probabilities, and no latency where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binomtest

import neurodata4ml as nd
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.systems import areas


def counts(values: np.ndarray, start: float = -0.1, width: float = 0.01) -> xr.DataArray:
    time = start + width * (np.arange(values.shape[1]) + 0.5)
    return xr.DataArray(
        values, dims=("trial", "time", "unit"), coords={"time": time, "unit": np.arange(values.shape[2])}
    )


def steps(latencies: list[float], low: float, high: float, n_trials: int = 200, seed: int = 0) -> xr.DataArray:
    edges = -0.1 + 0.01 * np.arange(30)
    rate = np.where(edges[:, None] >= np.array(latencies) - 1e-9, high, low)
    return counts(np.random.default_rng(seed).poisson(rate * 0.01, (n_trials, *rate.shape)))


def test_a_step_of_the_rate_is_found_in_its_bin() -> None:
    found = nd.response_latency(steps([0.0, 0.03, 0.12], 10, 80))
    np.testing.assert_allclose(found, [0.0, 0.03, 0.12], atol=1e-9)
    assert found.attrs["units"] == "s"


def test_a_bin_exceeds_where_scipys_exact_test_says_so() -> None:
    """One bin after time 0 with k spikes, beside ten with 20 in all: the first k that is enough is the test's."""
    for k in range(12):
        values = np.zeros((1, 11, 1), dtype=int)
        values[0, :10, 0] = 2
        values[0, 10, 0] = k
        p = binomtest(k, k + 20, 1 / 11, alternative="greater").pvalue
        found = nd.response_latency(counts(values), n_bins=1)
        assert np.isfinite(found.item()) == (p < 0.01), k


def test_units_that_do_not_respond_have_rarely_a_latency() -> None:
    quiet = nd.response_latency(steps([9.0] * 300, 20, 20, seed=3))
    assert np.isfinite(quiet).mean() < 0.02
    silent = nd.response_latency(counts(np.zeros((5, 20, 2), dtype=int)))
    assert np.isnan(silent).all()


def test_areas_of_a_chain_answer_in_their_order() -> None:
    session = nd.open_simulation(areas.record(n_units=8, n_repeats=30))
    found = nd.response_latency(nd.bin_spikes(session, window=(-0.3, 0.25), bin_width=0.01))
    by_area = found.groupby("area").median().sel(area=list(areas.AREAS))
    assert (np.diff(by_area) > 0).all()
    assert (by_area.values - areas.LATENCY >= -1e-9).all(), "not before the truth"
    assert (by_area.values - areas.LATENCY < 0.021).all()


def test_the_baseline_may_be_any_stretch() -> None:
    x = steps([0.03], 10, 80)
    assert nd.response_latency(x, baseline=(-0.05, 0)).item() == pytest.approx(0.03)
    assert nd.response_latency(x, baseline=(-0.1, -0.02)).attrs["bin_width"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda x: nd.response_latency(x.values), DimensionError, "response_latency takes an xarray DataArray"),
        (lambda x: nd.response_latency(x.sum("time")), DimensionError, 'response_latency needs a "time" dim'),
        (lambda x: nd.response_latency(x.sel(time=slice(0, 1))), DesignError, "the counts have 0 and 20"),
        (lambda x: nd.response_latency(x.sel(time=slice(-1, 0))), DesignError, "the counts have 10 and 0"),
        (lambda x: nd.response_latency(x, level=0), DesignError, "level is a probability between 0 and 1; got 0"),
        (lambda x: nd.response_latency(x + 0.5), DesignError, "takes spike counts, whole numbers"),
        (lambda x: nd.response_latency(x, n_bins=0), DesignError, "n_bins takes a whole number, 1 or more"),
    ],
)
def test_what_has_no_latency_is_refused(call: Callable[[Any], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(steps([0.03], 10, 80, n_trials=3))
