"""Labels of other sessions and of simulated ones, and shifts in time of quantities that flow."""

import numpy as np
import pytest
from designs import ar1, markov, recording, trials
from scipy import stats

from neurodata4ml.analysis.design.continuous import autocorrelation_time, level_statistic
from neurodata4ml.analysis.design.nulls import permutation_null
from neurodata4ml.analysis.design.sequences import ibl_prior, ibl_sides
from neurodata4ml.analysis.design.shifted import valid_p
from neurodata4ml.errors import DesignError

SIDE = np.random.default_rng(0).permutation(240) % 2


def test_other_sessions_are_cut_to_length_and_short_ones_left_out():
    rng = np.random.default_rng(0)
    sessions = [markov(rng, n) for n in [300] * 19 + [100]]
    null = permutation_null(trials(side=SIDE), "side", sessions=sessions)
    assert np.array_equal(null.labels, [labels[:240] for labels in sessions[:19]])
    assert (null.smallest_p, null.no_p, null.enumerated) == (0.05, "", True)
    assert "19 other sessions, 1 shorter ones left out" in null.why
    few = permutation_null(trials(side=SIDE), "side", sessions=sessions[:18])
    assert "18 other sessions cannot give p below 0.0526, and alpha is 0.05: 19 are needed" in few.no_p
    some = permutation_null(trials(side=SIDE), "side", sessions=sessions, n_shuffles=5, alpha=0.5)
    assert some.n_shuffles == 5


def test_sessions_follow_time_and_not_the_order_of_the_array():
    x = trials(side=SIDE, start_time=np.arange(240.0)[::-1])
    given = [markov(np.random.default_rng(k)) for k in range(19)]
    assert np.array_equal(permutation_null(x, "side", sessions=given).labels[:, ::-1], given)


def refused(sentence, **given):
    with pytest.raises(DesignError, match=sentence):
        permutation_null(trials(side=SIDE), "side", **given)


def test_what_does_not_fit_is_refused():
    refused(
        "None of the 2 sessions= is as long as this one \\(240 trials\\); the longest has 50", sessions=[[0] * 50] * 2
    )
    refused(r"sessions\[0\] holds 2, which 'side' never is here \(0, 1\)", sessions=[np.arange(240) % 3])
    refused("sessions=", sessions=[])
    refused("simulate knows 'ibl', 'ibl prior'; got 'imb'", simulate="imb")
    refused("must return at least 240 labels, .* got 3 in draw 0", simulate=lambda rng: [0, 1, 0])
    refused("simulate holds left, right", simulate=lambda rng: np.repeat(["left", "right"], 120))
    with pytest.raises(DesignError, match="of two; 'side' has 3 values"):
        permutation_null(trials(side=np.arange(240) % 3), "side", simulate="ibl")
    with pytest.raises(DesignError, match="holds NaN"):
        permutation_null(recording(ar1(np.random.default_rng(0), 240)), "speed", sessions=[np.full(240, np.nan)])


def test_a_simulator_is_drawn_once_for_each_shuffle():
    null = permutation_null(trials(side=SIDE), "side", simulate=lambda rng: rng.random(400) < 0.3, n_shuffles=50)
    assert null.scheme == "pseudosession"
    assert null.labels.dtype == SIDE.dtype
    assert abs(null.labels.mean() - 0.3) < 0.02


def test_the_blocks_of_ibl_are_as_their_code_draws_them():
    rng = np.random.default_rng(0)
    lengths, first, right = [], [], []
    for _ in range(300):
        prior = ibl_prior(rng, 1000)
        assert np.all(prior[:90] == 0.5)
        assert set(prior[90:]) == {0.2, 0.8}
        edges = np.flatnonzero(np.diff(prior[90:])) + 1
        lengths.extend(np.diff(np.r_[0, edges]))
        first.append(prior[90])
        right.append(ibl_sides(rng, 1000).mean())
    assert min(lengths) == 20
    assert max(lengths) == 99
    # an exponential of mean 60 between 20 and 100
    truth = 60 + 20 - 80 * np.exp(-100 / 60) / (np.exp(-20 / 60) - np.exp(-100 / 60)) - 0.5
    assert abs(np.mean(lengths) - truth) < 4 * np.std(lengths) / np.sqrt(len(lengths)) + 1
    assert abs(np.mean(np.array(first) == 0.8) - 0.5) < 0.1
    assert abs(np.mean(right) - 0.5) < 0.01


def test_ibl_labels_have_the_names_of_the_session():
    x = trials(600, side=np.where(ibl_sides(np.random.default_rng(0), 600), "right", "left"))
    assert permutation_null(x, "side").scheme in ("none", "pseudosession")
    null = permutation_null(x, "side", simulate="ibl")
    assert set(null.labels.ravel()) == {"left", "right"}
    assert "sessions drawn by ibl" in null.why


def test_the_autocorrelation_time_is_that_of_the_process():
    rng = np.random.default_rng(0)
    for rho in (0.0, 0.5, 0.9, 0.98):
        found = np.mean([autocorrelation_time(ar1(rng, 20_000, rho)) for _ in range(10)])
        assert found == pytest.approx((1 + rho**2) / (1 - rho**2), rel=0.1)
    # the lobes of an oscillation do not cancel
    assert autocorrelation_time(np.sin(np.arange(2000) / 5) + rng.normal(size=2000) / 10) > 100
    assert autocorrelation_time(np.full(50, 0.1)) == 50


def test_the_level_statistic_has_the_distribution_of_its_table():
    rng = np.random.default_rng(0)
    found = np.array([level_statistic(ar1(rng, 1000, 0.5)) for _ in range(500)])
    assert stats.binom.ppf(0.001, 500, 0.1) <= np.sum(found > 0.347) <= stats.binom.ppf(0.999, 500, 0.1)
    assert np.median([level_statistic(np.linspace(0, 3, 500) + ar1(rng, 500, 0.5)) for _ in range(20)]) > 0.463


def test_a_circular_shift_turns_the_target_by_more_than_its_autocorrelation_time():
    y = ar1(np.random.default_rng(0), 2000, 0.9)
    null = permutation_null(recording(y), "speed")
    assert null.scheme == "circular shift"
    tau = int(np.ceil(autocorrelation_time(y)))
    shifts = [int(np.flatnonzero(np.roll(y, k)[0] == y)[0]) for k in range(3)]
    assert shifts == [0, 1999, 1998]
    for row in null.labels:
        shift = int(np.flatnonzero(y == row[0])[0])
        assert np.array_equal(row, np.roll(y, -shift))
        assert tau <= shift <= 2000 - tau
    share = (2 * tau - 1) / 2000
    assert null.smallest_p == pytest.approx(share + (1 - share) / 100)
    assert valid_p(null, 0.01) == pytest.approx(null.smallest_p)
    assert null.p_value(1.0, np.zeros(99)) == pytest.approx(null.smallest_p)


def test_random_walks_are_never_shifted_round():
    schemes = [
        permutation_null(recording(np.random.default_rng(k).normal(size=1000).cumsum()), "speed") for k in range(40)
    ]
    assert {null.scheme for null in schemes} <= {"linear shift", "none"}


def test_a_linear_shift_slides_the_target_past_the_middle():
    y = np.random.default_rng(0).normal(size=400).cumsum()
    null = permutation_null(recording(y), "speed")
    assert null.scheme == "linear shift"
    assert null.used.tolist() == list(range(100, 300))
    assert np.array_equal(null.observed, y[100:300])
    starts = sorted(int(np.flatnonzero(y == row[0])[0]) for row in null.labels)
    assert starts == [100 + 2 * k for k in range(-49, 50) if k]
    assert all(np.array_equal(row, y[np.flatnonzero(y == row[0])[0] :][:200]) for row in null.labels)
    # in the top m of 2 N + 1 with probability m / (N + 1) at most (Harris 2020)
    assert null.p_value(1.0, np.zeros(98)) == pytest.approx(1 / 50)
    assert null.p_value(0.0, np.zeros(98)) == 1.0
    assert null.smallest_p == pytest.approx(1 / 50)


def shift_rate(draw, n=200):
    """Return how often a correlation with an unrelated slow signal has p <= .05, and which schemes were taken."""
    p, schemes = [], set()
    for seed in range(n):
        rng = np.random.default_rng(seed)
        y, response = draw(rng), ar1(rng, 400, 0.98)
        null = permutation_null(recording(y), "speed", seed=seed)
        schemes.add(null.scheme)
        if not null.no_p:
            score = [abs(np.corrcoef(response[null.used], row)[0, 1]) for row in [null.observed, *null.labels]]
            p.append(null.p_value(score[0], np.array(score[1:])))
    return np.mean(np.array(p) <= 0.05), schemes


@pytest.mark.slow
def test_slow_signals_pass_for_each_other_no_more_often_than_p_says():
    limit = stats.binom.ppf(0.999, 200, 0.05) / 200
    for draw, scheme in (
        (lambda rng: ar1(rng, 400, 0.7), "circular shift"),
        (lambda rng: ar1(rng, 400, 0.97), "linear shift"),
        (lambda rng: rng.normal(size=400).cumsum(), "linear shift"),
    ):
        rate, schemes = shift_rate(draw)
        assert scheme in schemes
        assert rate <= limit


def test_short_and_erratic_recordings_have_no_p():
    rng = np.random.default_rng(0)
    short = permutation_null(recording(rng.normal(size=60).cumsum()), "speed")
    assert (short.scheme, short.n_shuffles) == ("none", 0)
    assert "a linear shift to p <= 0.05 needs 76 bins; there are 60" in short.no_p
    erratic = permutation_null(recording(rng.normal(size=600).cumsum().cumsum()), "speed")
    assert "nor can its steps be taken for stationary: of steps, it lasts" in erratic.no_p
    assert "Give sessions= (the same quantity in other sessions)" in erratic.no_p


def test_shifts_asked_for_where_they_cannot_be_say_why():
    walk = recording(np.random.default_rng(0).normal(size=400).cumsum())
    with pytest.warns(UserWarning, match='the design says "linear shift", since .* times, and 50 are needed'):
        forced = permutation_null(walk, "speed", scheme="circular shift")
    assert "cannot give p below" in forced.no_p
    few = permutation_null(walk, "speed", n_shuffles=20)
    assert "10 shifts each way cannot give p below 0.0909" in few.no_p
    two = walk.assign_coords(session=("time", np.arange(400) // 200))
    assert "a linear shift knows one session only" in permutation_null(two, "speed").no_p
    with (
        pytest.raises(DesignError, match="needs one continuous recording; x holds several sessions"),
        pytest.warns(UserWarning, match="the design says"),
    ):
        permutation_null(two, "speed", scheme="linear shift")


def test_sessions_are_turned_round_each_by_itself():
    rng = np.random.default_rng(0)
    x = recording(rng.normal(size=400)).assign_coords(session=("time", np.arange(400) // 200))
    null = permutation_null(x, "speed")
    assert null.scheme == "circular shift"
    assert all(sorted(row[:200]) == sorted(null.observed[:200]) for row in null.labels)
