"""Time constants of noise whose memory is known, by pair and by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter

import neurodata4ml as nd
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.systems import areas


def remembering(tau: list[float], n_trials: int = 4000, n_bins: int = 12, seed: int = 0) -> xr.DataArray:
    """Gaussian "counts" in bins of 50 ms whose correlation is exp(-lag / tau), exactly, less white noise."""
    rng = np.random.default_rng(seed)
    parts = []
    for one in tau:
        memory = np.exp(-0.05 / one)
        kicks = rng.standard_normal((n_trials, n_bins)) * np.r_[1.0, np.full(n_bins - 1, np.sqrt(1 - memory**2))]
        parts.append(lfilter([1.0], [1.0, -memory], kicks, axis=1) + 0.5 * rng.standard_normal((n_trials, n_bins)))
    coords = {"time": -0.6 + 0.05 * (np.arange(n_bins) + 0.5), "unit": np.arange(len(tau))}
    return xr.DataArray(np.stack(parts, axis=2), dims=("trial", "time", "unit"), coords=coords)


def test_a_known_memory_is_found_whatever_white_noise_is_on_top() -> None:
    found = nd.intrinsic_timescale(remembering([0.05, 0.1, 0.2]))
    np.testing.assert_allclose(found.timescale, [0.05, 0.1, 0.2], rtol=0.15)
    np.testing.assert_allclose(found.amplitude, 1 / 1.25, rtol=0.1)
    np.testing.assert_allclose(found.offset, 0, atol=0.08)


def test_correlations_are_those_of_numpy_bin_by_bin() -> None:
    x = remembering([0.1], n_trials=50)
    every = np.corrcoef(x.values[:, :, 0].T)
    by_hand = [np.diag(every, lag).mean() for lag in range(1, 12)]
    np.testing.assert_allclose(nd.intrinsic_timescale(x).autocorrelation[0], by_hand)


def test_what_a_stimulus_evokes_is_taken_out_and_drift_is_an_offset() -> None:
    x = remembering([0.1])
    course = np.random.default_rng(1).standard_normal((2, 12, 1)) * 3
    label = np.tile([0, 1], 2000)
    evoked = (x + course[label]).assign_coords(stimulus=("trial", label))
    assert nd.intrinsic_timescale(evoked).timescale.item() == pytest.approx(0.1, rel=0.15)
    drift = x + xr.DataArray(np.random.default_rng(2).standard_normal(4000), dims="trial")
    found = nd.intrinsic_timescale(drift)
    assert found.timescale.item() == pytest.approx(0.1, rel=0.25)
    assert found.offset.item() > 0.5


def test_per_area_the_mean_of_its_units_is_fitted() -> None:
    x = remembering([0.1, 0.1, 0.2], n_trials=400).assign_coords(area=("unit", ["a", "a", "b"]))
    by_unit, by_area = nd.intrinsic_timescale(x), nd.intrinsic_timescale(x, per="area")
    np.testing.assert_allclose(by_area.autocorrelation.sel(area="a"), by_unit.autocorrelation[:2].mean("unit"))
    assert by_unit.area.values.tolist() == ["a", "a", "b"]
    assert by_area.timescale.sel(area="b").item() == pytest.approx(by_unit.timescale[2].item(), rel=1e-6)


def test_the_timescales_of_a_chain_of_areas_come_out_in_their_order_and_near_the_truth() -> None:
    session = nd.open_simulation(areas.record())
    spontaneous = nd.bin_spikes(session, window=(-0.65, 0), bin_width=0.05)
    found = nd.intrinsic_timescale(spontaneous, per="area").timescale.sel(area=list(areas.AREAS))
    assert (np.diff(found) > 0).all()
    np.testing.assert_allclose(found, areas.TIMESCALE, rtol=0.3)


def test_units_without_a_decay_have_no_timescale_and_are_counted() -> None:
    x = remembering([0.1, 0.1, 0.1], n_trials=300)
    x[:, :, 1] = np.random.default_rng(4).standard_normal((300, 1)) + 1e-3 * np.arange(12)
    x[:, :, 2] = 3.0
    found = nd.intrinsic_timescale(x)
    assert np.isnan(found.timescale.values).tolist() == [False, True, True]
    assert found.attrs["undefined"] == "timescale: 2 of 3 have no fit"


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda x: nd.intrinsic_timescale(x.values), DimensionError, "takes an xarray DataArray"),
        (lambda x: nd.intrinsic_timescale(x.sum("time")), DimensionError, 'needs a "time" dim'),
        (lambda x: nd.intrinsic_timescale(x, per="area"), DimensionError, "per takes .unit. or a coordinate"),
        (lambda x: nd.intrinsic_timescale(x[:, :4]), DesignError, "needs 5 bins and 10 trials or more; got 4 and 30"),
        (lambda x: nd.intrinsic_timescale(x[:9]), DesignError, "got 12 and 9"),
    ],
)
def test_too_little_is_refused(call: Callable[[Any], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(remembering([0.1], n_trials=30))
