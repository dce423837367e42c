"""Leaky integrate-and-fire units do what the mathematics says, and a fit finds what they are."""

from __future__ import annotations

import numpy as np
import pytest

from neurodata4ml.errors import DesignError
from neurodata4ml.systems import lif
from neurodata4ml.systems.lif import record, simulate_lif, small_network
from neurodata4ml.systems.lif_fit import fit_lif
from neurodata4ml.systems.lif_theory import Neuron, interspike_interval, noisy_rate


@pytest.mark.parametrize("step", [0.002, 0.0005, 0.0001])
@pytest.mark.parametrize("current", [1.501e-10, 2e-10, 8e-10])
def test_constant_current_gives_the_closed_forms_intervals_whatever_the_step(current: float, step: float) -> None:
    neuron = Neuron(tau=0.017, reset=-0.005)
    (spikes,), _ = simulate_lif(np.full(round(2 / step), current), neuron, step=step)
    assert len(spikes) > 5
    assert np.diff(spikes) == pytest.approx(float(interspike_interval(current, neuron)), rel=1e-9)


def test_at_the_rheobase_no_spike_ever_comes() -> None:
    neuron = Neuron()
    (spikes,), voltage = simulate_lif(np.full(20_000, neuron.rheobase), neuron)
    assert len(spikes) == 0
    assert interspike_interval(neuron.rheobase, neuron) == np.inf
    assert voltage[-1, 0] == pytest.approx(neuron.threshold)


def test_the_membrane_without_spikes_is_the_exponential() -> None:
    neuron = Neuron(tau=0.03)
    _, voltage = simulate_lif(np.full(200, 1e-10), neuron)
    time = (np.arange(200) + 1) * 0.0005
    assert voltage[:, 0] == pytest.approx(0.01 * (1 - np.exp(-time / 0.03)))


def test_the_fastest_rate_is_one_over_the_refractory_period() -> None:
    (spikes,), _ = simulate_lif(np.full(2000, 1e-6), Neuron())
    assert 1 / np.diff(spikes).mean() == pytest.approx(1 / 0.002, rel=0.01)


def test_noise_gives_the_rate_of_siegerts_formula() -> None:
    """The simulation's steps miss crossings between them, so its rate is a little below the limit of small steps."""
    neuron = Neuron()
    (spikes,), _ = simulate_lif(np.full(800_000, 1.4e-10), neuron, noise=0.003, step=5e-5, seed=1)
    assert len(spikes) / 40 == pytest.approx(noisy_rate(1.4e-10, 0.003, neuron), rel=0.06)
    assert interspike_interval(1.4e-10, neuron) == np.inf


def test_with_little_noise_siegerts_formula_is_the_closed_form() -> None:
    neuron = Neuron()
    assert noisy_rate(3e-10, 1e-5, neuron) == pytest.approx(1 / interspike_interval(3e-10, neuron), rel=1e-3)


def test_noise_alone_gives_the_membrane_its_standard_deviation() -> None:
    _, voltage = simulate_lif(np.zeros((200_000, 1)), Neuron(threshold=1.0), noise=0.002, seed=3)
    assert voltage[1000:, 0].std() == pytest.approx(0.002, rel=0.03)


def test_a_spike_moves_the_other_unit_by_its_weight_after_the_delay_and_nobody_else() -> None:
    current = np.zeros((400, 3))
    current[:, 0] = 2e-10
    weights = np.zeros((3, 3))
    weights[0, 1] = 0.004
    spikes, voltage = simulate_lif(current, Neuron(), weights=weights, delay=0.003)
    first = spikes[0][0]
    moved = np.flatnonzero(voltage[:, 1])[0]
    assert (moved + 1) * 0.0005 - first == pytest.approx(0.003, abs=0.0011)
    assert voltage[moved, 1] == pytest.approx(0.004 * np.exp(-0.0005 / 0.02))
    assert not voltage[:, 2].any()


def test_in_its_refractory_period_a_unit_takes_nothing() -> None:
    current = np.zeros((100, 2))
    current[:, 0] = 5e-9
    weights = np.zeros((2, 2))
    weights[0, 1] = 0.02
    spikes, _ = simulate_lif(current, Neuron(refractory=np.array([0.002, 0.02])), weights=weights)
    assert len(spikes[0]) > 15
    assert np.diff(spikes[1]).min() >= 0.02


def test_a_balanced_network_has_as_much_inhibition_as_excitation() -> None:
    weights, is_inhibitory = small_network(400, seed=1)
    assert is_inhibitory.mean() == pytest.approx(0.2)
    assert (weights[is_inhibitory] <= 0).all()
    assert (weights[~is_inhibitory] >= 0).all()
    assert weights.sum() == pytest.approx(0, abs=0.1 * weights[weights > 0].sum())
    assert not np.diag(weights).any()


def test_the_recording_is_that_of_its_closed_form_where_units_are_alone_and_quiet() -> None:
    """Without coupling and noise, steady firing in a trial has the interval that the truth gives."""
    made = record(seed=2, n_units=8, n_repeats=3, noise=0.0, coupling=0.0)
    rate = made.truth.rate_without_noise
    checked = 0
    for start, direction in zip(made.trials["start_time"], made.trials["stimulus"], strict=True):
        for unit, times in enumerate(made.spike_times):
            own = times[(times >= start + 0.01) & (times < start + lif.SHOWN)]
            if len(own) > 2:
                expected = 1 / float(rate.sel(direction=direction)[unit])
                assert np.diff(own)[1:] == pytest.approx(expected, rel=1e-6)
                checked += 1
    assert checked > 20


def test_every_unit_fires_most_near_the_direction_it_prefers() -> None:
    made = record(seed=0)
    start, direction = made.trials["start_time"], np.deg2rad(made.trials["stimulus"])
    found = []
    for times in made.spike_times:
        n = np.searchsorted(times, start + lif.SHOWN) - np.searchsorted(times, start)
        found.append(np.angle((n * np.exp(1j * direction)).sum()))
    apart = np.angle(np.exp(1j * (np.array(found) - np.deg2rad(made.truth.preferred.values))))
    assert np.abs(np.rad2deg(apart)).max() < 20


def test_the_same_seed_is_the_same_recording_and_another_is_not() -> None:
    one, same, other = (record(seed=seed, n_units=6, n_repeats=2) for seed in (4, 4, 5))
    assert all((a == b).all() for a, b in zip(one.spike_times, same.spike_times, strict=True))
    assert [len(a) for a in one.spike_times] != [len(b) for b in other.spike_times]


def test_chunks_of_steps_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    current = np.random.default_rng(0).normal(1.5e-10, 1e-10, (5000, 3))
    whole = simulate_lif(current, Neuron(), noise=0.001, weights=np.full((3, 3), 1e-4), seed=1)
    monkeypatch.setattr(lif, "AT_ONCE", 777)
    parts = simulate_lif(current, Neuron(), noise=0.001, weights=np.full((3, 3), 1e-4), seed=1)
    assert all((a == b).all() for a, b in zip(whole[0], parts[0], strict=True))
    assert (whole[1] == parts[1]).all()


@pytest.mark.parametrize("tau", [0.01, 0.03])
def test_a_fit_finds_time_constant_and_rheobase_from_spikes_and_current(tau: float) -> None:
    rng = np.random.default_rng(1)
    current = 2e-10 + 1e-10 * np.repeat(rng.standard_normal(400), 20)  # 4 s, new every 10 ms
    neuron = Neuron(tau=tau, refractory=0.003)
    (spikes,), _ = simulate_lif(current, neuron)
    fit = fit_lif(current, spikes, seed=0)
    assert fit.tau == pytest.approx(tau, rel=0.1)
    assert fit.rheobase == pytest.approx(neuron.rheobase, rel=0.05)
    assert fit.distance < 0.1


def test_a_fit_to_a_unit_that_is_none_says_so_by_its_distance() -> None:
    rng = np.random.default_rng(2)
    fit = fit_lif(np.full(8000, 2e-10), np.sort(rng.uniform(0, 4, 80)), seed=0)
    assert fit.distance > 0.4


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Neuron(tau=0), "tau of a neuron takes a number above 0; got 0"),
        (lambda: Neuron(reset=0.02), "reset must lie below the threshold; got 0.02 V and 0.015 V"),
        (lambda: noisy_rate(1e-10, 0.0, Neuron()), "noise takes a number of volts above 0; got 0.0. Without noise"),
        (lambda: simulate_lif(np.empty((0, 1)), Neuron()), r"current must be finite numbers .* got shape \(0, 1\)"),
        (lambda: simulate_lif([np.nan], Neuron()), "current must be finite numbers"),
        (lambda: simulate_lif(np.ones(3), Neuron(), step=0.003), "at most the refractory period and the delay, 0.002"),
        (lambda: simulate_lif(np.ones(3), Neuron(), weights=np.ones(2)), r"weights must be \(unit, unit\), 1 x 1"),
        (lambda: fit_lif(np.ones(9), np.array([0.1])), "fit_lif needs three spikes or more; got 1"),
        (lambda: fit_lif(np.zeros(9), np.arange(3.0)), "needs the injected current .* not all of it zero"),
        (lambda: record(n_repeats=1), "n_repeats takes a whole number, 2 or more; got 1"),
    ],
)
def test_what_cannot_be_is_refused_in_words(call: object, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        call()  # type: ignore[operator]
