"""Learning rules do what was proven of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from neurodata4ml.errors import DesignError
from neurodata4ml.systems.rate_rules import RATE_RULES, bcm, hebb, oja
from neurodata4ml.systems.reward_rules import chances, learn_by_reward, reward_change
from neurodata4ml.systems.spike_timing import Window, pairwise_change


def inputs(seed: int, n: int = 20_000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((6, 6)) * np.array([2.0, 1.0, 0.7, 0.5, 0.3, 0.2])
    return rng.standard_normal((n, 6)) @ mixing.T


@pytest.mark.parametrize("seed", range(5))
def test_oja_finds_the_first_principal_component_with_length_one(seed: int) -> None:
    x = inputs(seed)
    weights = oja(x, rate=0.0005, seed=seed)[-5000:].mean(axis=0)
    first = PCA(1).fit(x).components_[0]
    assert abs(weights @ first) / np.linalg.norm(weights) > 0.995
    assert np.linalg.norm(weights) == pytest.approx(1, abs=0.02)


def test_hebb_turns_to_the_first_eigenvector_of_the_uncentred_correlation_and_grows_without_bound() -> None:
    x = inputs(1, 4000) + 1.5
    weights = hebb(x, rate=0.0005, seed=0)
    _, vectors = np.linalg.eigh(x.T @ x)
    length = np.linalg.norm(weights, axis=1)
    assert abs(weights[-1] @ vectors[:, -1]) / length[-1] > 0.99
    assert length[-1] > 100 * length[2000] > 1000 * length[0]


@pytest.mark.slow
def test_bcm_comes_to_answer_to_one_pattern_with_as_much_as_there_are_patterns() -> None:
    """Fixed points: y = theta = y**2 / k for the pattern that is chosen, 0 for the others."""
    patterns = np.array([[1.0, 0.2, 0.1], [0.1, 1.0, 0.3], [0.2, 0.1, 1.0]])
    chosen = []
    for seed in range(6):
        order = np.random.default_rng(seed).integers(3, size=60_000)
        weights = bcm(patterns[order], rate=0.001, memory=200, seed=seed)[-3000:].mean(axis=0)
        answers = np.sort(patterns @ weights)
        assert answers == pytest.approx([0, 0, 3], abs=0.25)
        chosen.append(int((patterns @ weights).argmax()))
    assert len(set(chosen)) > 1


def test_a_pair_of_spikes_changes_a_synapse_as_the_window_says() -> None:
    window = Window(rise=0.01, fall=0.02, tau_rise=0.015, tau_fall=0.03)
    for lag in (-0.05, -0.001, 0.001, 0.02):
        assert pairwise_change(np.array([1.0]), np.array([1.0 + lag]), window) == pytest.approx(float(window(lag)))
    assert window(0.0) == 0
    assert window(1e-9) == pytest.approx(0.01)
    assert window(-1e-9) == pytest.approx(-0.02)


def test_one_pass_over_two_trains_is_the_sum_over_all_their_pairs() -> None:
    rng = np.random.default_rng(0)
    sender, receiver = (np.sort(rng.uniform(0, 2, n)) for n in (60, 45))
    by_pairs = Window()(receiver[None, :] - sender[:, None]).sum()
    assert pairwise_change(sender, receiver) == pytest.approx(by_pairs, rel=1e-9)
    assert pairwise_change(np.empty(0), receiver) == 0


def test_unrelated_trains_lose_where_the_window_falls_more_than_it_rises() -> None:
    rng = np.random.default_rng(1)
    window = Window(rise=0.001, fall=0.0012)
    changes = [
        pairwise_change(*(np.sort(rng.uniform(0, 100, 1000)) for _ in range(2)), window)  # type: ignore[misc]
        for _ in range(20)
    ]
    expected = 10 * 10 * 100 * 0.02 * (0.001 - 0.0012)
    assert np.mean(changes) == pytest.approx(expected, abs=4 * np.std(changes) / np.sqrt(20))
    assert np.mean(changes) < 0


def test_the_expected_change_by_reward_is_the_gradient_of_the_expected_reward() -> None:
    """All outcomes of two units are summed, so both sides are exact but for the finite difference."""
    rng = np.random.default_rng(0)
    weights, x = rng.normal(size=(2, 3)), rng.normal(size=3)
    worth = {(0, 0): 0.3, (0, 1): 1.0, (1, 0): -0.5, (1, 1): 0.2}

    def expected_reward(w: np.ndarray) -> float:
        p = chances(w, x)[0]
        return sum(r * np.prod([p[i] if y[i] else 1 - p[i] for i in range(2)]) for y, r in worth.items())

    p = chances(weights, x)[0]
    change = np.zeros((2, 3))
    for y, r in worth.items():
        chance = np.prod([p[i] if y[i] else 1 - p[i] for i in range(2)])
        change += chance * reward_change(x, np.array(y), p, r - 0.77)
    by_difference = np.zeros((2, 3))
    for place in np.ndindex(2, 3):
        step = np.zeros((2, 3))
        step[place] = 1e-6
        by_difference[place] = (expected_reward(weights + step) - expected_reward(weights - step)) / 2e-6
    assert change == pytest.approx(by_difference, abs=1e-8)


def test_reward_alone_teaches_which_of_two_things_to_do() -> None:
    rng = np.random.default_rng(3)
    side = rng.integers(2, size=800)
    x = np.stack([side, 1 - side], axis=1) + 0.1 * rng.standard_normal((800, 2))
    _, rewards = learn_by_reward(x, lambda trial, fired: float(fired[0] == side[trial]), rate=0.5, seed=0)
    assert rewards[:100].mean() < 0.85
    assert rewards[-200:].mean() > 0.95


@pytest.mark.parametrize("rule", RATE_RULES)
@pytest.mark.parametrize("x", [np.empty((0, 3)), np.ones(4), np.array([[np.nan]])], ids=["none", "one dim", "NaN"])
def test_a_rule_refuses_what_it_cannot_learn_from(rule: str, x: np.ndarray) -> None:
    with pytest.raises(DesignError, match=r"learns from finite rates \(sample, input\); got shape"):
        RATE_RULES[rule](x)


def test_weights_that_explode_are_told_with_the_cure() -> None:
    with pytest.raises(DesignError, match=r"left all bounds at sample \d+ of 3000: lower rate"):
        hebb(inputs(0, 3000), rate=5.0)


def test_spike_times_that_are_not_sorted_are_refused() -> None:
    with pytest.raises(DesignError, match=r"spike times of the receiver are not sorted; type np.sort"):
        pairwise_change(np.array([1.0]), np.array([2.0, 1.0]))


def test_inputs_without_trials_teach_nothing() -> None:
    with pytest.raises(DesignError, match=r"learn_by_reward takes finite inputs \(trial, input\); got shape \(3,\)"):
        learn_by_reward(np.ones(3), lambda trial, fired: 1.0)
