"""The simulation does what its closed forms say."""

import numpy as np
import pytest

from neurodata4ml.data.demo import simulate
from neurodata4ml.data.demo.simulate import (
    DURATION,
    N_BLANKS,
    N_BLOCKS,
    Responses,
    draw_counts,
    expected_counts,
    time_course,
)
from neurodata4ml.data.demo.simulated_file import write_recording


def responses(n_stimuli=6, n_units=4, seed=0):
    rng = np.random.default_rng(seed)
    area = np.repeat(["early", "late"], n_units // 2)
    return Responses(rng.uniform(5, 25, (n_stimuli, n_units)), area, np.zeros((n_stimuli, 8, 8), np.uint8))


def test_the_same_seed_gives_the_same_spikes_and_another_seed_others():
    first, again, other = (simulate.simulate(responses(), seed=s) for s in (1, 1, 2))
    for a, b in zip(first.spike_times, again.spike_times, strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(first.spike_times[0]) != len(other.spike_times[0])


def test_every_scene_is_shown_once_in_every_block_with_its_blanks():
    recording = simulate.simulate(responses(), seed=0)
    assert set(recording.block) == set(range(N_BLOCKS))
    for block in range(N_BLOCKS):
        frames = np.sort(recording.frame[recording.block == block])
        np.testing.assert_array_equal(frames, [-1] * N_BLANKS + list(range(6)))


def test_scenes_of_a_block_follow_each_other_without_a_gap():
    recording = simulate.simulate(responses(), seed=0)
    step = np.diff(recording.start_time)[np.diff(recording.block) == 0]
    np.testing.assert_allclose(step, DURATION)


def test_spike_times_are_sorted_and_inside_the_session():
    recording = simulate.simulate(responses(), seed=0)
    for spikes in recording.spike_times:
        assert (np.diff(spikes) >= 0).all()
        assert 0 <= spikes[0] <= spikes[-1] <= recording.stop


def test_spikes_follow_the_time_course_where_a_scene_evokes_them_and_are_even_where_not():
    rate = np.array([[40000.0, 40000.0], [10000.0, 10000.0]])
    recording = simulate.simulate(Responses(rate, np.array(["early", "late"]), np.zeros((2, 8, 8), np.uint8)), seed=0)
    for unit, area in enumerate(["early", "late"]):
        spikes = recording.spike_times[unit]
        trial = np.searchsorted(recording.start_time, spikes, side="right") - 1
        phase = spikes - recording.start_time[np.maximum(trial, 0)]
        inside = (trial >= 0) & (phase < DURATION)
        evoked = time_course(area).reshape(25, 10).sum(axis=1)
        for frame, share in ((0, 0.75), (1, 0.0)):
            shown = inside & (recording.frame[trial] == frame)
            seen = np.histogram(phase[shown], bins=np.linspace(0, DURATION, 26))[0] / shown.sum()
            np.testing.assert_allclose(seen, share * evoked + (1 - share) / 25, atol=0.003)


def test_before_the_latency_no_scene_differs_from_another():
    assert time_course("early")[:40].sum() == 0.0
    assert time_course("late")[:70].sum() == 0.0


def test_the_late_area_answers_later():
    centre = {a: time_course(a) @ np.arange(250) for a in ("early", "late")}
    assert centre["late"] > centre["early"] + 5


@pytest.mark.parametrize("moment", ["mean", "variance", "covariance"])
def test_drawn_counts_have_the_moments_of_the_closed_form(moment):
    mean = np.array([[3.0, 8.0]])
    loading = np.array([[0.3, 0.2], [0.3, 0.0]])
    covariance = loading @ loading.T
    drawn = draw_counts(np.repeat(mean, 400_000, axis=0), loading, np.random.default_rng(0)).astype(float)
    if moment == "mean":
        np.testing.assert_allclose(drawn.mean(axis=0), mean[0], rtol=0.005)
    elif moment == "variance":
        truth = mean[0] + mean[0] ** 2 * np.expm1(np.diag(covariance))
        np.testing.assert_allclose(drawn.var(axis=0), truth, rtol=0.01)
    else:
        truth = mean[0, 0] * mean[0, 1] * np.expm1(covariance[0, 1])
        np.testing.assert_allclose(np.cov(drawn.T)[0, 1], truth, rtol=0.02)


def test_a_blank_evokes_the_smallest_mean_response():
    r = responses()
    expected = expected_counts(r, np.array([-1, 2]), np.zeros(2), np.zeros(4), np.ones((2, 4)))
    np.testing.assert_allclose(expected[0], DURATION * r.mean_rate.min(axis=0))
    np.testing.assert_allclose(expected[1], DURATION * r.mean_rate[2])


def test_running_multiplies_the_response():
    r = responses()
    still, running = expected_counts(r, np.array([1, 1]), np.array([0.0, 20.0]), np.full(4, 0.01), np.ones((2, 4)))
    np.testing.assert_allclose(running / still, 1.2)


def test_the_file_of_a_seed_is_the_same_to_the_bit(tmp_path):
    recording = simulate.simulate(responses(), seed=0)
    first, again = (write_recording(recording, tmp_path / name, seed=0) for name in ("first.nwb", "again.nwb"))
    assert first.read_bytes() == again.read_bytes()
