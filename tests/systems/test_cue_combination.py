"""The ideal observer is ideal, and a network that never heard of uncertainty comes near to it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV

from neurodata4ml.data.made import open_simulation
from neurodata4ml.data.truth import truth
from neurodata4ml.errors import DesignError
from neurodata4ml.systems.cue_combination import (
    CENTRES,
    SPREAD,
    draw_cues,
    expected_counts,
    first_cue_weight,
    posterior,
)
from neurodata4ml.systems.generic_network import Network, gradient, teach, untrained_network
from neurodata4ml.systems.inference import cue_network, record


@cache
def network(trained: bool = True) -> Network:
    return cue_network(trained=trained, seed=0)


@cache
def asked() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return draw_cues(20_000, seed=99)


def squared_error(report: np.ndarray) -> float:
    return float(((report - asked()[0]) ** 2).mean())


def test_the_posterior_is_that_of_bayes_rule_on_a_fine_grid() -> None:
    _, reliability, counts = draw_cues(5, seed=1)
    grid = np.linspace(-60, 60, 4001)
    for trial in range(5):
        mean = np.maximum(expected_counts(grid, np.repeat(reliability[[trial]], len(grid), 0)), 1e-300)
        logs = (counts[trial] * np.log(mean) - mean).sum(axis=1) - grid**2 / (2 * SPREAD**2)
        density = np.exp(logs - logs.max())
        density /= density.sum()
        by_grid = float(grid @ density)
        spread = float(np.sqrt((grid - by_grid) ** 2 @ density))
        found, width = (one[trial] for one in posterior(counts))
        assert found == pytest.approx(by_grid, abs=0.1)
        assert width == pytest.approx(spread, rel=0.02)


def test_the_width_is_how_far_the_mean_is_off() -> None:
    position, _, counts = asked()
    mean, width = posterior(counts)
    scaled = (mean - position) / width
    assert scaled.std() == pytest.approx(1, abs=0.03)
    assert scaled.mean() == pytest.approx(0, abs=0.03)


def test_all_units_together_fire_alike_wherever_the_cue_is() -> None:
    total = expected_counts(np.array([-16.0, 0.0, 16.0]), np.ones((3, 2))).sum(axis=1)
    assert total == pytest.approx(total[1], rel=0.03)


@pytest.mark.slow
def test_the_trained_network_is_nearly_ideal_and_better_than_either_cue_or_their_mean() -> None:
    counts = asked()[2]
    own, ideal = squared_error(network().report(counts)), squared_error(posterior(counts)[0])
    alone = [posterior(counts, cue=cue)[0] for cue in (0, 1)]
    assert ideal < own < 1.15 * ideal
    assert own < 0.6 * min(squared_error(one) for one in alone)
    assert own < 0.85 * squared_error(np.mean(alone, axis=0))
    assert squared_error(network(False).report(counts)) > 5 * ideal


@pytest.mark.slow
def test_it_trusts_the_cue_that_is_more_reliable_in_this_trial_as_an_ideal_observer_does() -> None:
    _, reliability, counts = asked()
    for first, second in ((0.5, 4.0), (2.0, 2.0), (4.0, 0.5)):
        these = (reliability == [first, second]).all(axis=1)
        own, ideal = (
            first_cue_weight(report[these], counts[these])
            for report in (network().report(counts), posterior(counts)[0])
        )
        assert own == pytest.approx(ideal, abs=0.1)


def test_how_sure_one_can_be_is_read_from_the_hidden_units_that_were_never_told() -> None:
    """The controls belong to it: most of it is in the number of spikes, which any layer hands on."""
    counts, width = asked()[2], posterior(asked()[2])[1]
    layers = {"trained": network().hidden(counts), "untrained": network(False).hidden(counts)}
    told = {name: RidgeCV(np.logspace(-2, 4, 7)).fit(x[:10_000], width[:10_000]) for name, x in layers.items()}
    score = {name: its.score(layers[name][10_000:], width[10_000:]) for name, its in told.items()}
    assert score["trained"] > 0.75
    assert score["trained"] > score["untrained"] > 0.6


def test_the_gradient_is_that_of_finite_differences() -> None:
    rng = np.random.default_rng(0)
    net = untrained_network(4, 3, seed=1)._replace(bias=rng.normal(size=3), offset=rng.normal(size=1))
    x, y = rng.normal(size=(6, 4)), rng.normal(size=6)

    def lost(parts: list[np.ndarray]) -> float:
        return float(((Network(*parts).report(x) - y) ** 2).mean())

    for which, slope in enumerate(gradient(net, x, y)):
        for place in np.ndindex(slope.shape):
            ends = []
            for by in (1e-6, -1e-6):
                parts = [part.copy() for part in net]
                parts[which][place] += by
                ends.append(lost(parts))
            assert slope[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-8)


def test_a_recording_has_what_an_ideal_observer_knows() -> None:
    made = record(seed=0, n_trials=60)
    session = open_simulation(made)
    found = truth(session.isel(trial=[3, 10]))
    assert found.posterior_width.values == pytest.approx(made.truth.posterior_width.values[[3, 10]])
    n = np.array([len(times) for times in made.spike_times])
    assert n[:80].sum() > 0
    assert n[80:].sum() == pytest.approx(10 * 0.5 * 60 * 60, rel=0.2)
    assert np.corrcoef(session.report.values, session.position.values)[0, 1] > 0.95
    assert set(session.area.values) == {"cue_1", "cue_2", "hidden"}
    assert np.isfinite(found.preferred.values[:80]).all()
    assert len(CENTRES) == 40


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: draw_cues(3, reliabilities=[0.0]), r"all above 0, such as \(0.5, 1.0, 2.0, 4.0\); got \[0.0\]"),
        (lambda: draw_cues(3, conflict=np.nan), "conflict must be finite degrees between the two cues; got nan"),
        (lambda: posterior(np.ones((2, 3))), r"counts must be \(trial, 80\), finite, .* got shape \(2, 3\)"),
        (lambda: posterior(np.ones((2, 80)), cue=2), "cue must be 0 or 1; got 2"),
        (lambda: first_cue_weight(np.ones(2), np.ones((2, 80))), "one report per trial of three or more"),
        (lambda: teach(untrained_network(3), np.ones((9, 3)), np.ones(9)), r"teach takes inputs \(sample, 3\), 50 or"),
        (
            lambda: teach(untrained_network(3), np.full((60, 3), np.nan), np.ones(60)),
            "finite inputs and targets; got a NaN",
        ),
        (lambda: record(n_trials=3), "n_trials takes a whole number, 20 or more; got 3"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        call()
