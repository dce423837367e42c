"""Surrogate gradients are the gradients of a smooth network, and teach one unit and many."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy import integrate

from neurodata4ml.data.made import open_simulation
from neurodata4ml.data.truth import truth
from neurodata4ml.errors import DesignError
from neurodata4ml.systems.pattern_learning import (
    STEP,
    compared,
    frozen_noise,
    learn_pattern,
    loss,
    potentials,
    run_unit,
    superspike_change,
)
from neurodata4ml.systems.spiking_digits import (
    Trained,
    accuracy,
    digits,
    energy,
    latencies,
    operations,
    train_dense,
    train_spiking,
)
from neurodata4ml.systems.spiking_layers import Weights, forward, gradient, initial_weights, loss_of
from neurodata4ml.systems.superspike import record
from neurodata4ml.systems.surrogate import smooth_spike, surrogate

TARGET = np.array([0.1, 0.2, 0.3, 0.4])


@cache
def trained() -> Trained:
    return train_spiking(seed=0)


def test_the_surrogate_is_the_slope_of_the_smooth_spike() -> None:
    potential = np.linspace(-1, 3, 41) + 0.013
    by_difference = (smooth_spike(potential + 1e-6) - smooth_spike(potential - 1e-6)) / 2e-6
    assert surrogate(potential) == pytest.approx(by_difference, rel=1e-6)
    assert integrate.quad(surrogate, 0.5, 1.5, points=[1])[0] == pytest.approx(smooth_spike(1.5) - smooth_spike(0.5))


def test_the_rule_of_one_unit_is_minus_the_gradient_of_the_loss_of_its_smooth_twin() -> None:
    rng = np.random.default_rng(0)
    evoked = potentials(frozen_noise(n_inputs=12, rate=30, duration=0.2, seed=1))
    weights, wanted = rng.normal(0.1, 0.2, 12), (rng.random(len(evoked)) < 0.01).astype(float)

    def lost(w: np.ndarray) -> float:
        return loss(run_unit(w, evoked, smooth=True)[1], wanted)

    membrane, out = run_unit(weights, evoked, smooth=True)
    change = superspike_change(membrane, out, wanted, evoked)
    by_difference = [(lost(weights - e) - lost(weights + e)) / 2e-6 for e in 1e-6 * np.eye(12)]
    assert change == pytest.approx(np.array(by_difference), rel=1e-4, abs=1e-9)
    assert np.abs(change).max() > 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_one_unit_learns_when_to_fire_from_silence_on(seed: int) -> None:
    """The unit is silent at first: its distance is half a spike for each that it lacks."""
    learnt = learn_pattern(frozen_noise(seed=seed), TARGET, seed=seed)
    assert learnt.distance[0] == pytest.approx(2, abs=0.6)
    assert learnt.distance[-20:].mean() < 0.2 * learnt.distance[0]


def test_what_was_learnt_for_one_pattern_of_inputs_is_of_no_use_for_another() -> None:
    learnt = learn_pattern(frozen_noise(seed=0), TARGET, seed=0)
    _, fired = run_unit(learnt.weights, potentials(frozen_noise(seed=99)))
    hits = [np.abs(np.flatnonzero(fired) * STEP - t).min(initial=1) < 0.005 for t in TARGET]
    assert sum(hits) < 3


def test_a_spike_seen_through_the_kernel_rises_and_falls_as_two_exponentials() -> None:
    train = np.zeros(200)
    train[0] = 1
    time = np.arange(200) * STEP
    assert compared(train) == pytest.approx(np.exp(-time / 0.01) - np.exp(-time / 0.005), abs=1e-12)


def test_one_input_spike_raises_the_membrane_to_its_weight() -> None:
    train = np.zeros((400, 1))
    train[5] = 1
    assert potentials(train).max() == pytest.approx(1)
    assert potentials(train)[:5].max() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("calm", [0.0, 0.3])
def test_backwards_through_time_is_the_true_gradient_of_the_smooth_network(calm: float) -> None:
    """All weights of both layers, the reset included, against central differences."""
    rng = np.random.default_rng(0)
    x = (rng.random((12, 3, 5)) < 0.4).astype(float)
    label = np.array([0, 2, 1])
    weights = Weights(rng.normal(0.3, 0.4, (5, 4)), rng.normal(0, 0.7, (4, 3)))

    def lost(hidden: np.ndarray, output: np.ndarray) -> float:
        done = forward(x, Weights(hidden, output), smooth=True)
        return loss_of(done.evidence, label) + calm * done.spikes.sum() / 3

    slope, _ = gradient(x, label, weights, smooth=True, calm=calm)
    for name in ("hidden", "output"):
        found = getattr(slope, name)
        for place in np.ndindex(found.shape):
            moved = {"hidden": weights.hidden, "output": weights.output}
            ends = []
            for by in (1e-6, -1e-6):
                shifted = moved[name].copy()
                shifted[place] += by
                ends.append(lost(**{**moved, name: shifted}))
            assert found[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_a_membrane_loses_its_threshold_when_it_fires() -> None:
    x = np.zeros((6, 1, 1))
    x[0] = 1
    done = forward(x, Weights(np.array([[1.2]]), np.array([[1.0]])))
    assert done.spikes[:, 0, 0].tolist()[:2] == [1, 1]
    assert done.membrane[1, 0, 0] == pytest.approx(0.9 * 1.2 + 0.8 * 1.2 - 1)


def test_the_network_reads_digits_that_it_did_not_learn_and_cannot_before_learning() -> None:
    known = digits(seed=0)
    assert trained().accuracy > 0.93
    assert accuracy(initial_weights(64, 64, 10, seed=0), latencies(known.test), known.test_label) < 0.3
    assert trained().loss[-1] < 0.1 * trained().loss[0]


def test_no_digit_is_both_learnt_and_asked() -> None:
    known = digits(seed=3)
    assert len(known.train) + len(known.test) == 1797
    whole = np.concatenate([known.train, known.test])
    from sklearn.datasets import load_digits

    assert np.sort(whole.sum(axis=1)) == pytest.approx(np.sort(load_digits().data.sum(axis=1) / 16))


def test_the_brighter_a_pixel_the_earlier_its_spike_and_dark_ones_never() -> None:
    spikes = latencies(np.array([[1.0, 0.5, 0.05]]))
    assert [np.flatnonzero(spikes[:, 0, k]).tolist() for k in range(3)] == [[0], [10], []]


def test_operations_are_spikes_times_the_units_they_reach() -> None:
    x = np.zeros((4, 2, 3))
    x[0, 0, :2] = 1
    done = forward(x, Weights(np.full((3, 5), 1.5), np.ones((5, 2))))
    counted = operations(x, done, Weights(np.ones((3, 5)), np.ones((5, 2))))
    assert counted["input_spikes"] == 1
    assert counted["synaptic_operations"] == 5 + 2 * done.spikes.sum() / 2
    assert counted["dense_operations"] == 25
    assert counted["leak_operations"] == 2 * 4 * 7
    joules = energy(counted, addition=1.0, multiplication=2.0)
    assert joules["dense"] == 75
    assert joules["spikes_and_leaks"] == counted["synaptic_operations"] + 3 * 56


def test_a_price_on_spikes_saves_them_at_some_accuracy() -> None:
    known = digits(seed=0)
    x = latencies(known.test)
    calm = train_spiking(seed=0, calm=0.002)
    spent = [forward(x, weights).spikes.sum() for weights in (trained().weights, calm.weights)]
    assert spent[1] < 0.6 * spent[0]
    assert calm.accuracy > 0.85


def test_the_dense_twin_reads_them_as_well() -> None:
    assert train_dense(seed=0).accuracy > 0.93


def test_a_recording_has_the_networks_answers_and_its_weights() -> None:
    session = open_simulation(record(seed=0, n_trials=60))
    found = truth(session)
    assert session.is_right.mean() > 0.85
    assert found.attrs["accuracy"] == trained().accuracy
    hidden = np.flatnonzero(session.area.values == "hidden")
    assert (found.weight.values[:64, hidden] == trained().weights.hidden).all()
    assert np.diff(np.r_[session.spike_start.values, session.sizes["spike"]])[:64].max() <= 60


def test_before_learning_the_recorded_network_answers_by_chance() -> None:
    assert open_simulation(record(seed=0, trained=False, n_trials=100)).is_right.mean() < 0.35


def test_the_same_seed_learns_the_same() -> None:
    assert (train_spiking(n_epochs=1, seed=2).weights.hidden == train_spiking(n_epochs=1, seed=2).weights.hidden).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: learn_pattern(np.ones(4), TARGET), r"takes input spikes \(step, input\); got shape \(4,\)"),
        (lambda: learn_pattern(np.ones((40, 2)), TARGET), r"must lie within the inputs' 0.02 s; got \[0.1"),
        (lambda: forward(np.ones((2, 3, 4)), initial_weights(5, 2, 2)), r"takes spikes \(step, sample, 5\); got shape"),
        (lambda: record(n_trials=401), "n_trials takes a whole number, 10 to 400; got 401"),
        (lambda: train_dense(n_epochs=0), "n_epochs takes a whole number, 1 or more; got 0"),
    ],
)
def test_what_cannot_be_learnt_is_refused(call: Any, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        call()
