"""The demo's movie evokes what its kernel says, and its file says what was shown when."""

import numpy as np
import pytest
from scipy.integrate import quad

from neurodata4ml import bin_spikes, open_session, stimulus_images, truth
from neurodata4ml.data.demo import movie
from neurodata4ml.data.demo.movie import FRAME, GRAY, N_LAGS, N_REPEATS, kernel, responses_to, sequence, show_movie
from neurodata4ml.data.demo.simulate import LATENCY, Responses, simulate
from neurodata4ml.errors import DesignError

AREA = np.repeat(["early", "late"], 2)


@pytest.fixture(scope="module")
def shown():
    """A movie of 60 frames with rates so high that ten repeats tell the mean well."""
    rng = np.random.default_rng(0)
    scenes = Responses(rng.uniform(500, 900, (5, 4)), AREA, np.zeros((5, 8, 8), np.uint8))
    frames = Responses(rng.uniform(500, 900, (60, 4)), AREA, np.zeros((60, 8, 8), np.uint8))
    return show_movie(simulate(scenes, seed=0), frames, seed=0)


@pytest.fixture(scope="module")
def session():
    return open_session("demo", trials="natural_movie_one")


@pytest.mark.parametrize("area", ["early", "late", "another"])
def test_the_kernel_is_what_an_exponential_after_a_latency_leaves_in_a_frame(area):
    latency, blur = LATENCY.get(area, 0.05), movie.BLUR.get(area, 0.04)

    def shown_before(t, lag):  # share of the exponential's mass that falls on the frame of this lag, at time t
        edges = np.clip([t + lag * FRAME - FRAME - latency + FRAME, t + lag * FRAME - latency], 0, None)
        return np.exp(-(edges[0] - FRAME if edges[0] > FRAME else 0) / blur) - np.exp(-edges[0] / blur)

    expected = [quad(shown_before, 0, FRAME, args=(lag,), points=[latency % FRAME])[0] / FRAME for lag in range(N_LAGS)]
    np.testing.assert_allclose(kernel(area), expected, atol=2e-4)
    assert kernel(area).sum() == pytest.approx(1)


def test_a_frame_that_stands_still_evokes_its_mean_rate_in_the_end():
    rate, gray = np.array([[20.0, 5.0, 9.0, 7.0]]), np.full(4, 3.0)
    found = responses_to(np.r_[np.full(5, -1), np.zeros(40, int)], rate, gray, AREA)
    np.testing.assert_allclose(found[:6], np.tile(gray, (6, 1)), atol=1e-9)  # nothing before the latency of a frame
    np.testing.assert_allclose(found[-1], rate[0], rtol=1e-6)


def test_the_movie_is_shown_ten_times_with_gray_before_each():
    frame = sequence(60)
    assert (frame == 0).sum() == N_REPEATS
    gray = np.diff(np.flatnonzero(np.diff(np.r_[0, frame == -1, 0])))[::2]
    np.testing.assert_array_equal(gray, np.full(N_REPEATS + 1, round(GRAY / FRAME)))


def test_the_mean_over_repeats_of_the_counts_is_the_true_mean_response(shown):
    table = shown.tables[movie.TABLE]
    edges = np.stack([table["start_time"], table["stop_time"]], axis=1).ravel()
    rate = np.stack([np.searchsorted(own, edges[1::2]) - np.searchsorted(own, edges[::2]) for own in shown.spike_times])
    mean = rate.reshape(4, N_REPEATS, 60).mean(axis=1).T / FRAME
    error = mean - shown.truth["mean_response"]
    assert abs(error.mean()) < 15  # Hz, of about 700: noise shared by an area stays alike for seconds
    true = shown.truth["mean_response"].values
    found = [np.corrcoef(mean[5:-5].ravel(), true[5 + k : 55 + k].ravel())[0, 1] for k in (-1, 0, 1)]
    assert found[1] > max(0.6, found[0] + 0.1, found[2] + 0.1)  # and not a frame earlier or later


def test_spikes_are_sorted_and_inside_the_period(shown):
    first = shown.tables["spontaneous_presentations"]["start_time"][0]
    for spikes in shown.spike_times:
        assert (np.diff(spikes) >= 0).all()
        assert first <= spikes[0] <= spikes[-1] <= shown.stop


def test_gray_and_movie_fill_the_period_without_a_gap(shown):
    starts, stops = (
        np.sort(np.concatenate([table[name] for table in shown.tables.values()]))
        for name in ("start_time", "stop_time")
    )
    np.testing.assert_allclose(starts[1:], stops[:-1])


def test_the_session_has_a_trial_for_each_frame_and_a_block_for_each_repeat(session):
    assert session.sizes["trial"] == 900 * N_REPEATS
    np.testing.assert_array_equal(session["stimulus"].values.reshape(N_REPEATS, 900), np.tile(np.arange(900), (10, 1)))
    np.testing.assert_array_equal(np.unique(session["block"]), np.arange(N_REPEATS))
    np.testing.assert_allclose(session["stop_time"] - session["start_time"], FRAME)


def test_the_frames_of_the_movie_are_its_images_and_differ_from_each_other(session):
    images = stimulus_images(session).compute()
    assert images.sizes == {"stimulus": 900, "y": 8, "x": 8}
    assert len(np.unique(images.values.reshape(900, -1), axis=0)) > 890
    steps = np.abs(np.diff(images.values.astype(float), axis=0)).mean(axis=(1, 2))
    assert np.median(steps) < images.values.std() / 4  # it moves smoothly


def test_the_truth_of_a_selection_is_the_selection_of_the_truth(session):
    some = session.isel(unit=[7, 3])
    whole, part = truth(session), truth(some)
    np.testing.assert_array_equal(part["mean_response"], whole["mean_response"].sel(unit=some["unit"].values))


def test_counts_of_the_movie_follow_the_truth(session):
    units = session.isel(unit=slice(0, 120, 20))
    counts = bin_spikes(units, window=(0, FRAME), bin_width=FRAME).isel(time=0)
    mean = counts.values.reshape(N_REPEATS, 900, -1).mean(axis=0) / FRAME
    true = truth(units)["mean_response"].values
    smooth = np.ones(15) / 15
    for k in range(units.sizes["unit"]):
        assert np.corrcoef(*(np.convolve(x[:, k], smooth, "valid") for x in (mean, true)))[0, 1] > 0.5


def test_a_unit_that_is_not_of_the_simulation_has_no_truth(session):
    with pytest.raises(DesignError, match=r"unit 1 is none of the 120 of the simulation; open_session it anew"):
        truth(session.isel(unit=[0]).assign_coords(unit=[1]))
