"""The chain of areas does what its truth says: rates, latencies, memory, and what is shared."""

from __future__ import annotations

import numpy as np
import pytest

import neurodata4ml as nd
from neurodata4ml.errors import DesignError
from neurodata4ml.simulation import Simulation
from neurodata4ml.systems import areas


def spikes_from(simulation: Simulation, unit: int, start: float, stop: float) -> np.ndarray:
    """Count spikes of each trial between two times after its onset."""
    times = np.asarray(simulation.spike_times[unit])
    onset = np.asarray(simulation.trials["start_time"])
    return np.searchsorted(times, onset + stop) - np.searchsorted(times, onset + start)


def test_nothing_changes_before_the_latency_and_all_after() -> None:
    found = areas.record(n_units=4, n_repeats=60)
    stimulus = np.asarray(found.trials["stimulus"])
    for unit in range(0, 24, 4):
        late = float(found.truth.latency[unit])
        best = int(found.truth.drive[:, unit].values.argmax())
        drive, rest = float(found.truth.drive[best, unit]), float(found.truth.baseline[unit])
        early = spikes_from(found, unit, 0.0, late)[stimulus == best].mean() / late
        level = spikes_from(found, unit, late + 0.1, 0.3)[stimulus == best].mean() / (0.2 - late)
        assert early == pytest.approx(rest, rel=0.4)
        assert level == pytest.approx(rest + drive, rel=0.25)


def test_counts_before_a_stimulus_are_correlated_as_noise_of_that_memory_makes_them() -> None:
    """Of log-normal rates, counts ``lag`` apart covary by mean^2 (exp(s^2 rho(lag)) - 1), here with bins of 20 ms."""
    found = areas.record(n_units=2, n_repeats=300, n_stimuli=4, seed=2)
    for unit in (0, 10):
        tau = float(found.truth.timescale[unit])
        first, second = (spikes_from(found, unit, -at, 0.02 - at) for at in (0.3, 0.2))
        mean = float(found.truth.baseline[unit]) * 0.02
        expected = mean**2 * (np.exp(0.36 * np.exp(-0.1 / tau)) - 1)
        error = np.sqrt(first.var() * second.var() / len(first))
        assert np.cov(first, second)[0, 1] == pytest.approx(expected, abs=3.5 * error)


def test_only_units_of_an_area_share_noise() -> None:
    found = areas.record(n_units=6, n_repeats=60, seed=1)
    before = np.array([spikes_from(found, unit, -0.5, 0.0) for unit in range(36)])
    correlation, home = np.corrcoef(before), np.repeat(np.arange(6), 6)
    same = np.equal.outer(home, home) & ~np.eye(36, dtype=bool)
    assert correlation[same].mean() > 0.08
    assert abs(correlation[~np.equal.outer(home, home)].mean()) < 0.02
    assert found.truth.shared.values[same] == pytest.approx(0.3)


def test_without_an_order_the_same_values_are_dealt_to_other_areas() -> None:
    own, other = areas.record(n_units=2, n_repeats=2), areas.record(n_units=2, n_repeats=2, ordered=False)
    for name, order in (("latency", areas.LATENCY), ("timescale", areas.TIMESCALE)):
        np.testing.assert_allclose(own.truth[name][::2], order)
        np.testing.assert_allclose(np.sort(other.truth[name][::2]), order)
        assert (other.truth[name][::2] != order).any()


def test_the_same_seed_gives_the_same_recording_and_it_opens_as_a_session() -> None:
    one, again, other = (areas.record(n_units=2, n_repeats=3, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one.spike_times, again.spike_times, strict=True))
    assert not np.array_equal(one.spike_times[0], other.spike_times[0])
    session = nd.open_simulation(one)
    assert dict.fromkeys(session.area.values.tolist()) == dict.fromkeys(areas.AREAS)
    assert nd.truth(session).timescale.attrs["units"] == "s"


@pytest.mark.parametrize("wrong", [{"n_units": 1}, {"n_stimuli": 0}, {"n_repeats": 2.5}, {"seed": -1}])
def test_sizes_that_are_none_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(DesignError, match=f"{next(iter(wrong))} takes a whole number"):
        areas.record(**wrong)
