"""The animal of the demo chooses as a drift-diffusion model does, and its units know what they were told."""

import numpy as np
import pytest
from scipy.stats import binomtest

from neurodata4ml import bin_spikes, decode, open_session, truth
from neurodata4ml.data.demo.choice import LOWEST, TURNED, contrast_response, draw_weights, record_choices, signals
from neurodata4ml.data.demo.simulate import Responses, simulate
from neurodata4ml.data.demo.task import (
    BLOCKS,
    DEADLINE,
    DRIFT,
    MOST_REPEATS,
    MOTOR,
    NOISE,
    PRIOR,
    SENSORY,
    STEP,
    TURN,
    Behaviour,
    behave,
)

AREA = np.repeat(["early", "late"], 3)


@pytest.fixture(scope="module")
def many() -> list[Behaviour]:
    return [behave(np.random.default_rng(seed)) for seed in range(30)]


def joined(many, name):
    return np.concatenate([getattr(one, name) for one in many])


@pytest.fixture(scope="module")
def session():
    return open_session("demo", trials="choice")


def test_an_unbiased_start_reaches_the_right_bound_as_often_as_theory_says(many):
    """From z between -1 and 1: P(right) = (1 - exp(-x (z + 1))) / (1 - exp(-2 x)), x = 2 v / s^2 (gambler's ruin)."""
    drift, start, choice, lapse = (joined(many, name) for name in ("drift", "start", "choice", "lapse"))
    x = 2 * drift / NOISE**2
    expected = (1 - np.exp(-x * (start + 1))) / (1 - np.exp(-2 * x))
    answered = choice != 0
    for low, high in ((-6, -2), (-2, -0.5), (-0.5, 0.5), (0.5, 2), (2, 6)):
        these = answered & ~lapse & (drift > low) & (drift < high)
        assert (choice[these] > 0).mean() == pytest.approx(expected[these].mean(), abs=0.03), (low, high)


def test_the_drift_follows_the_contrasts_but_where_the_animal_does_not_look(many):
    looked = ~joined(many, "lapse")
    difference = (joined(many, "contrast_right") - joined(many, "contrast_left"))[looked]
    slope, _ = np.polyfit(difference, joined(many, "drift")[looked], 1)
    assert slope == pytest.approx(DRIFT, rel=0.02)


def test_a_block_makes_its_side_right_as_often_as_it_says(many):
    new = joined(many, "rep_num") == 1
    right_side = np.where(joined(many, "rewarded"), joined(many, "choice"), -joined(many, "choice"))
    left_likely = (joined(many, "probability_left") == PRIOR) & new & (right_side != 0)
    found = binomtest(int((right_side[left_likely] < 0).sum()), int(left_likely.sum()))
    low, high = found.proportion_ci(0.999)
    assert low < PRIOR < high
    for one in many:
        np.testing.assert_array_equal(np.bincount(one.block), BLOCKS)
        assert (one.probability_left[one.block == 0] == 0.5).all()


def test_an_easy_error_is_followed_by_the_same_contrasts(many):
    for one in many:
        again = np.flatnonzero(one.rep_num > 1)
        assert (one.contrast_left[again] == one.contrast_left[again - 1]).all()
        assert not one.rewarded[again - 1].any()
        assert one.rep_num.max() <= MOST_REPEATS


def test_events_come_in_their_order_and_trials_follow_each_other(many):
    for one in many:
        answered = one.choice != 0
        assert (one.stimulus_time > one.start_time).all()
        reaction = (one.response_time - one.stimulus_time)[answered]
        assert reaction.min() >= SENSORY + MOTOR
        assert reaction.max() <= DEADLINE + 1e-9
        np.testing.assert_allclose((one.feedback_time - one.response_time)[answered], TURN)
        np.testing.assert_allclose(one.start_time[1:], one.stop_time[:-1])
        assert np.isnan(one.response_time[~answered]).all()


def test_the_decision_ends_at_the_bound_that_was_chosen(many):
    for one in many:
        answered = one.choice != 0
        np.testing.assert_array_equal(one.decision[answered, -1], one.choice[answered])
        assert (np.abs(one.decision[~answered]) < 1).all()


def test_units_are_told_the_decision_until_feedback_and_then_forget_it():
    one = behave(np.random.default_rng(0))
    told = signals(one, int(one.stop_time[-1] / STEP) + 2, AREA)["decision"][:, 0]
    k = np.flatnonzero(one.choice)[0]
    first, feedback = round(one.stimulus_time[k] / STEP), round(one.feedback_time[k] / STEP)
    assert not told[first : first + round(SENSORY / STEP)].any()
    assert told[feedback - 1] == one.choice[k]
    assert abs(told[feedback + 30]) < 0.06


def test_the_response_to_a_contrast_begins_after_the_latency_of_the_area():
    course = contrast_response(0.07, 100)
    assert not course[:7].any()
    assert course.argmax() < 15
    assert course[-1] == pytest.approx(0.4, abs=0.01)


def test_only_the_late_area_is_told_of_decision_and_feedback():
    weights = draw_weights(AREA, np.random.default_rng(0))
    for name in ("decision", "feedback"):
        np.testing.assert_array_equal(weights[name][:3], np.zeros(3))
        assert (weights[name][3:] != 0).all()


def test_no_rate_falls_below_its_share_of_the_rate_at_rest(monkeypatch):
    monkeypatch.setattr(
        "neurodata4ml.data.demo.choice.draw_weights",
        lambda area, rng: dict.fromkeys(("left", "right"), np.full(6, -50.0)),
    )
    responses = Responses(np.full((4, 6), 1000.0), AREA, np.zeros((4, 8, 8), np.uint8))
    period = record_choices(simulate(responses, seed=0), start=100.0, seed=0)
    table = period.tables["trials"]
    seen = table["visual_stimulus_left_contrast"] + table["visual_stimulus_right_contrast"] > 0
    first = table["visual_stimulus_time"][seen] + 0.1
    counts = [np.searchsorted(own, first + 0.1) - np.searchsorted(own, first) for own in period.spike_times]
    assert np.mean(counts) / 0.1 == pytest.approx(1000 * LOWEST, rel=0.05)


def test_the_table_has_the_columns_and_codes_of_steinmetz(session):
    """As DANDI:000017: 1 is left, -1 right, 0 none; feedback 1 is a reward."""
    choice, feedback = session["response_choice"].values, session["feedback_type"].values
    assert set(choice) == {-1.0, 0.0, 1.0}
    assert set(feedback) == {-1.0, 1.0}
    easy = session["visual_stimulus_left_contrast"] - session["visual_stimulus_right_contrast"] >= 0.5
    assert (choice[easy] == 1).mean() > 0.75
    assert (feedback[choice == 0] == -1).all()
    np.testing.assert_array_equal(session["blank"], choice == 0)


def test_the_wheel_turns_to_the_side_that_is_chosen(session):
    time, angle = session["wheel_time"].values, session["wheel"].values
    at = np.interp(session["feedback_time"].values, time, angle)
    np.testing.assert_allclose(at, TURNED * session["response_choice"].values, atol=0.5)


def test_what_an_area_can_be_asked_for_is_what_it_was_told(session):
    answered = session.isel(trial=(session["response_choice"] != 0).values)
    early, late = (answered.isel(unit=(answered["area"] == name).values) for name in ("early", "late"))

    def score(area, by, align, window):
        return float(decode(bin_spikes(area, align=align, window=window), by)["score"].mean())

    assert score(late, "feedback_type", "feedback_time", (0, 0.3)) > 0.8
    assert score(early, "feedback_type", "feedback_time", (0, 0.3)) < 0.7
    assert score(late, "response_choice", "response_time", (-0.2, 0)) > 0.75
    assert score(late, "feedback_type", "feedback_time", (-0.3, 0)) < 0.65


def test_the_truth_is_of_the_trials_and_units_of_the_session(session):
    known = truth(session.isel(trial=slice(10, 20), unit=slice(0, 5)))
    assert known["decision"].sizes == {"trial": 10, "time": known.sizes["time"]}
    assert known.sizes["unit"] == 5
    right = known["decision"].isel(time=-1).values
    np.testing.assert_allclose(np.sign(np.where(np.abs(right) == 1, right, 0)), -session["response_choice"][10:20])
