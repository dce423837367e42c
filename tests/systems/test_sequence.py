"""A sequence memory predicts what it learnt, by context, and fails on what has no order."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from neurodata4ml.data.made import open_simulation
from neurodata4ml.data.truth import truth
from neurodata4ml.errors import DesignError
from neurodata4ml.simulation import Simulation
from neurodata4ml.systems.predictor_hierarchy import N_WINNERS, run_hierarchy
from neurodata4ml.systems.sequence import (
    SYMBOLS,
    columns_of,
    first_order_markov,
    prediction_accuracy,
    record,
)
from neurodata4ml.systems.temporal_memory import (
    ACTIVE,
    CONNECTED,
    DOWN,
    GROWN,
    MATCHING,
    PUNISHED,
    START,
    UP,
    TemporalMemory,
)


@cache
def made(memory: str = "temporal") -> Simulation:
    return record(seed=1, memory=memory)


def learnt(sequences: list[str], n: int = 40, seed: int = 0) -> TemporalMemory:
    memory = TemporalMemory(n_columns=9 * 12, seed=seed)
    for k in range(n):
        memory.reset()
        for symbol in sequences[k % len(sequences)]:
            memory.step(columns_of(SYMBOLS.index(symbol)))
    return memory


def surprises(memory: TemporalMemory, sequence: str) -> list[float]:
    memory.reset()
    return [memory.step(columns_of(SYMBOLS.index(symbol)), learn=False).surprise for symbol in sequence]


def test_what_was_learnt_is_no_surprise_but_for_its_beginning() -> None:
    assert surprises(learnt(["ABCDEF"]), "ABCDEF") == [1, 0, 0, 0, 0, 0]


def test_a_shuffled_sequence_surprises_at_every_step() -> None:
    assert surprises(learnt(["ABCDEF"]), "ADBFCE") == [1, 1, 1, 1, 1, 1]


def test_after_the_same_middle_it_expects_what_belongs_to_the_beginning() -> None:
    """A memory of one step cannot: after D came E as often as H."""
    memory = learnt(["ABCDEF", "GBCDHI"], 120)
    for beginning, right, wrong in (("ABCD", "E", "H"), ("GBCD", "H", "E")):
        memory.reset()
        for symbol in beginning:
            step = memory.step(columns_of(SYMBOLS.index(symbol)), learn=False)
        ready = step.predictive.any(axis=1)
        assert ready[columns_of(SYMBOLS.index(right))].mean() > 0.9
        assert ready[columns_of(SYMBOLS.index(wrong))].mean() < 0.1


def test_the_same_symbol_in_another_context_is_other_cells_of_the_same_columns() -> None:
    memory = learnt(["ABCDEF", "GBCDHI"], 120)
    seen = []
    for beginning in ("ABC", "GBC"):
        memory.reset()
        for symbol in beginning:
            step = memory.step(columns_of(SYMBOLS.index(symbol)), learn=False)
        seen.append(step.active)
    assert (seen[0].any(axis=1) == seen[1].any(axis=1)).all()
    assert not (seen[0] & seen[1]).any()


def test_a_burst_is_all_cells_of_a_column_and_a_prediction_fulfilled_is_one() -> None:
    memory = learnt(["ABCDEF"])
    memory.reset()
    first, second = (memory.step(columns_of(k), learn=False) for k in (0, 1))
    assert first.active[columns_of(0)].all()
    assert first.active.sum() == 12 * 6
    assert second.active.sum() == 12


def test_it_still_predicts_when_a_quarter_of_the_cells_do_not_answer() -> None:
    memory = learnt(["ABCDEF"])
    lost = np.random.default_rng(0).random(memory.permanence.shape[1]) < 0.25
    memory.permanence[:, lost] = 0
    assert np.mean(surprises(memory, "ABCDEF")[1:]) < 0.35


def slowly(memory: dict[str, Any], columns: list[int], n_cells: int, rng: np.random.Generator) -> set[int]:
    """One learning step, segment by segment, as the paper tells it; segments are dicts cell -> permanence."""
    segments, before, winners = memory["segments"], memory["active"], memory["winner"]
    overlap = [sum(1 for c, p in s.items() if p > 0 and c in before) for _, s in segments]
    on = [sum(1 for c, p in s.items() if p >= CONNECTED and c in before) >= ACTIVE for _, s in segments]
    n_old, active, winner = len(segments), set(), set()

    def reinforce(synapses: dict[int, float]) -> None:
        there = [c for c, p in synapses.items() if p > 0]
        for c in there:
            synapses[c] = float(np.clip(synapses[c] + (UP if c in before else -DOWN), 0, 1))
        lacking = np.array([c for c in sorted(winners) if c not in there])
        n_new = min(GROWN - sum(c in before for c in there), len(lacking))
        if n_new > 0:
            for c in rng.choice(lacking, n_new, replace=False):
                synapses[int(c)] = START

    for column in columns:
        own = [k for k in range(n_old) if segments[k][0] // n_cells == column]
        hits = [k for k in own if on[k]]
        if hits:
            active |= {segments[k][0] for k in hits}
            winner |= {segments[k][0] for k in hits}
            for k in hits:
                reinforce(segments[k][1])
            continue
        active |= set(range(column * n_cells, (column + 1) * n_cells))
        near = [k for k in own if overlap[k] >= MATCHING]
        if near:
            best = max(near, key=lambda k: (overlap[k], -k))
            winner.add(segments[best][0])
            reinforce(segments[best][1])
            continue
        cells = range(column * n_cells, (column + 1) * n_cells)
        used = [sum(owner == cell for owner, _ in segments) for cell in cells]
        cell = int(rng.choice(np.array([c for c, n in zip(cells, used, strict=True) if n == min(used)])))
        winner.add(cell)
        if winners:
            segments.append((cell, {}))
            reinforce(segments[-1][1])
    for k in range(n_old):
        if overlap[k] >= MATCHING and segments[k][0] // n_cells not in columns:
            for c in segments[k][1]:
                if c in before:
                    segments[k][1][c] = max(segments[k][1][c] - PUNISHED, 0.0)
    memory["active"], memory["winner"] = active, winner
    return active


def test_the_fast_memory_is_the_slow_one_cell_by_cell() -> None:
    fast = TemporalMemory(n_columns=36, n_cells=4, seed=7)
    slow: dict[str, Any] = {"segments": [], "active": set(), "winner": set()}
    rng = np.random.default_rng(7)
    order = np.random.default_rng(1)
    for _ in range(12):
        fast.reset()
        slow["active"], slow["winner"] = set(), set()
        for symbol in ("ABC", "BCA", "CBA")[int(order.integers(3))]:
            columns = columns_of("ABC".index(symbol))
            step = fast.step(columns)
            assert set(np.flatnonzero(step.active.ravel()).tolist()) == slowly(slow, columns.tolist(), 4, rng)
    assert fast.owner.tolist() == [owner for owner, _ in slow["segments"]]
    for row, (_, synapses) in zip(fast.permanence, slow["segments"], strict=True):
        assert {int(c): round(float(row[c]), 9) for c in np.flatnonzero(row)} == {
            c: round(p, 9) for c, p in synapses.items() if p > 0
        }


# the hierarchy


def test_levels_above_change_more_slowly_and_each_has_as_many_winners() -> None:
    states = run_hierarchy(np.random.default_rng(0).integers(6, size=400)).states
    changes = (states[1:] != states[:-1]).any(axis=2).mean(axis=0)
    assert changes == pytest.approx([1, 0.5, 0.25], abs=0.05)
    assert (states[8:].sum(axis=2) == N_WINNERS).all()


def test_what_depends_on_long_ago_is_predicted_only_with_feedback_from_above() -> None:
    m = made("hierarchy")
    symbols = np.array([SYMBOLS.index(one) for one in m.trials["stimulus"]])
    asked = (m.trials["position"] == 4) & m.trials["is_expected"] & (m.trials["block"] >= 5)
    with_it, without = (run_hierarchy(symbols, feedback=f).predicted for f in (True, False))
    assert prediction_accuracy(with_it[asked], symbols[asked]) > 0.75
    assert prediction_accuracy(without[asked], symbols[asked]) < 0.65


def test_noise_cannot_be_predicted() -> None:
    symbols = np.random.default_rng(3).integers(5, size=2000)
    predicted = run_hierarchy(symbols).predicted
    assert prediction_accuracy(predicted[500:], symbols[500:]) == pytest.approx(0.2, abs=0.06)


# the recording


def test_a_memory_without_context_is_right_half_of_the_time_where_context_decides() -> None:
    m = made()
    symbols = np.array([SYMBOLS.index(one) for one in m.trials["stimulus"]])
    predicted = first_order_markov(symbols, begins=m.trials["position"] == 0)
    asked = (m.trials["position"] == 4) & m.trials["is_expected"] & (m.trials["block"] >= 5)
    assert prediction_accuracy(predicted[asked], symbols[asked]) < 0.7
    own = m.truth.predicted.values[asked] == m.trials["stimulus"][asked]
    assert own.mean() > 0.85


def test_surprise_falls_with_learning_and_returns_with_what_does_not_belong() -> None:
    m = made()
    block, within = m.trials["block"], m.trials["position"] > 0
    surprise = m.truth.surprise.values
    assert surprise[within & (block == 0)].mean() > 0.3
    assert surprise[within & (block >= 5) & m.trials["is_expected"]].mean() < 0.1
    assert surprise[~m.trials["is_expected"]].mean() > 0.9


def test_a_recording_opens_and_its_bursts_are_more_spikes() -> None:
    session = open_simulation(made())
    n = np.zeros(session.sizes["trial"])
    for a, b in zip(session.spike_start.values, session.spike_stop.values, strict=True):
        times = session.spike_times.values[a:b]
        n += np.searchsorted(times, session.stop_time.values) - np.searchsorted(times, session.start_time.values)
    surprise = truth(session).surprise.values
    assert n[surprise > 0.9].mean() > 2 * n[surprise < 0.1].mean()
    assert set(session.stimulus.values) <= set(SYMBOLS)


def test_the_same_seed_is_the_same_recording() -> None:
    one, same = (record(seed=3, n_presentations=12) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one.spike_times, same.spike_times, strict=True))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: record(memory="tempral"), "there is no memory 'tempral'; did you mean 'temporal'"),
        (lambda: record(violations=2), "violations is a share, from 0 to 1; got 2"),
        (lambda: record(n_presentations=3), "n_presentations takes a whole number, 10 or more; got 3"),
        (lambda: TemporalMemory(n_columns=5).step(np.array([7])), "columns must be from 0 to 4; got 7 to 7"),
        (lambda: run_hierarchy(np.array([0.5, 1.0])), r"whole numbers from 0; got float64 \(2,\)"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        call()
