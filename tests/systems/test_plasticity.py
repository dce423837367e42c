"""What a learning rule leaves behind in a recording is enough to tell which rule it was."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.spiketrains.coupling import best_explanation, coupling
from neurodata4ml.data.made import open_simulation
from neurodata4ml.errors import DesignError
from neurodata4ml.simulation import Simulation
from neurodata4ml.systems import plasticity
from neurodata4ml.systems.plasticity import MOST, N_INPUTS, REST, RULES, record
from neurodata4ml.systems.plasticity_predicted import predicted_change, predicted_changes, rests


@cache
def made(rule: str, seed: int = 0) -> Simulation:
    return record(rule=rule, seed=seed)


def recovered(made: Simulation) -> tuple[xr.DataArray, xr.Dataset]:
    """Return the measured change of coupling, and which rule explains it."""
    session = open_simulation(made)
    before, after = (coupling(session, stretches=rest) for rest in rests(session))
    change = (after - before)[:N_INPUTS, N_INPUTS:]
    return change, best_explanation(change, predicted_changes(session), seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_the_rule_is_recovered_from_spikes_alone_and_none_where_nothing_was_learnt(rule: str) -> None:
    assert recovered(made(rule))[1].best.item() == rule


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("rule", RULES)
def test_the_rule_is_recovered_over_two_more_seeds(rule: str) -> None:
    """Where nothing was learnt, one recording in twenty has a false alarm; of two at most one is let pass."""
    found = [recovered(record(rule=rule, seed=seed))[1].best.item() for seed in range(1, 3)]
    assert found.count(rule) >= (1 if rule == "none" else 2), found


@pytest.mark.slow
def test_the_change_of_coupling_is_that_of_the_weights() -> None:
    change, _ = recovered(made("stdp"))
    truth = (made("stdp").truth.weight_end - made("stdp").truth.weight_start).values[:N_INPUTS, N_INPUTS:]
    assert np.corrcoef(change.values.ravel(), truth.ravel())[0, 1] > 0.9


def test_coupling_at_rest_is_the_weight_up_to_what_the_window_cuts_off() -> None:
    """Of an effect with a time constant of 8 ms, 1 to 20 ms after the spike hold exp(-1/8) - exp(-20/8) = 80 %."""
    found = coupling(open_simulation(made("none")), stretches=np.array([[0, REST]]))[:N_INPUTS, N_INPUTS:]
    weight = made("none").truth.weight_start.values[:N_INPUTS, N_INPUTS:]
    slope = np.polyfit(weight.ravel(), found.values.ravel(), 1)[0]
    assert slope == pytest.approx(0.8, abs=0.1)


def test_only_reward_teaches_the_choice() -> None:
    late = {rule: made(rule).trials["reward"][-200:].mean() for rule in RULES}
    assert late["reward"] > 0.8
    assert max(late[rule] for rule in ("none", "hebb", "stdp")) < 0.75


def test_weights_stay_within_their_limits_and_move_only_where_the_rule_moves_them() -> None:
    for rule in RULES:
        truth = made(rule).truth
        assert truth.attrs["rule"] == rule
        assert 0 <= truth.weight.values.min() <= truth.weight.values.max() <= MOST
        assert (rule == "none") == bool((truth.weight_start == truth.weight_end).all())


def test_the_last_trial_has_the_weights_of_the_end() -> None:
    truth = made("reward").truth
    ends = truth.weight_end.values[truth.sender.values, truth.receiver.values]
    assert (truth.weight.values[-1] == ends).all()


def test_timing_by_timing_the_weights_are_the_sum_of_pairs_while_no_limit_is_met(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The compiled steps against the window over all pairs: spikes lie in steps, so lags are whole steps."""
    monkeypatch.setattr(plasticity, "MOST", 1e6)
    monkeypatch.setattr(plasticity, "REST", 0.05)
    short = record(seed=3, rule="stdp", n_trials=20, rate=0.05)
    columns = (short.trials["start_time"], short.trials["stimulus"], short.trials["reward"])
    task = [times[(times > 0.05) & (times < short.stop - 0.05)] for times in short.spike_times]
    by_pairs = 0.05 * predicted_change("stdp", task, *columns)
    change = (short.truth.weight_end - short.truth.weight_start).values[:N_INPUTS, N_INPUTS:]
    assert np.corrcoef(change.ravel(), by_pairs.ravel())[0, 1] > 0.98
    assert np.polyfit(by_pairs.ravel(), change.ravel(), 1)[0] == pytest.approx(1, abs=0.05)


def test_the_same_seed_is_the_same_recording() -> None:
    one, same = (record(seed=5, n_trials=40) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one.spike_times, same.spike_times, strict=True))


def test_rules_are_predicted_for_recordings_of_this_network_alone() -> None:
    session = open_simulation(made("none"))
    with pytest.raises(DesignError, match="40 units with stimulus and reward on trials; got 3 units"):
        predicted_changes(session.isel(unit=slice(3)))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rule": "sdtp"}, "there is no rule 'sdtp'; did you mean 'stdp'"),
        ({"n_trials": 3}, "n_trials takes a whole number, 20 or more; got 3"),
        ({"seed": -1}, "seed takes a whole number, 0 or more; got -1"),
    ],
)
def test_what_cannot_be_recorded_is_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(DesignError, match=said):
        record(**options)  # type: ignore[arg-type]
