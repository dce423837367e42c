"""The van Rossum distance is the integral that it is defined by."""

from __future__ import annotations

import numpy as np
import pytest

from neurodata4ml.errors import DesignError
from neurodata4ml.systems.van_rossum import van_rossum_distance


def by_integration(one: np.ndarray, other: np.ndarray, tau: float) -> float:
    time = np.arange(0, 3, 1e-5)
    total = np.zeros_like(time)
    for times, sign in ((one, 1), (other, -1)):
        for spike in times:
            total += sign * np.where(time >= spike, np.exp(-(time - spike) / tau), 0)
    return float((total**2).sum() * 1e-5 / tau)


@pytest.mark.parametrize("tau", [0.005, 0.05])
def test_it_is_the_integral_of_the_squared_difference(tau: float) -> None:
    rng = np.random.default_rng(0)
    one, other = (np.sort(rng.uniform(0, 1, n)) for n in (12, 9))
    assert van_rossum_distance(one, other, tau=tau) == pytest.approx(by_integration(one, other, tau), rel=2e-3)


def test_it_is_zero_for_the_same_train_and_symmetric() -> None:
    one, other = np.array([0.1, 0.2, 0.7]), np.array([0.15, 0.9])
    assert van_rossum_distance(one, one) == 0
    assert van_rossum_distance(one, other) == pytest.approx(van_rossum_distance(other, one))


def test_a_spike_too_many_costs_half_and_two_far_apart_cost_one() -> None:
    assert van_rossum_distance(np.array([0.3]), np.empty(0)) == 0.5
    assert van_rossum_distance(np.array([0.3]), np.array([5.0])) == pytest.approx(1.0)


def test_a_spike_moved_by_dt_costs_one_minus_the_exponential() -> None:
    """van Rossum 2001, eq. 2.5."""
    assert van_rossum_distance(np.array([0.3]), np.array([0.307]), tau=0.01) == pytest.approx(1 - np.exp(-0.7))


@pytest.mark.parametrize(("times", "tau"), [([np.nan], 0.01), ([0.1], 0.0)])
def test_what_has_no_distance_is_refused(times: list[float], tau: float) -> None:
    with pytest.raises(DesignError, match=r"takes finite spike times in s and tau above 0; got tau="):
        van_rossum_distance(np.array(times), np.empty(0), tau=tau)
