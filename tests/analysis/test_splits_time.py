"""Neighbours in time are alike: stretches of a continuous recording are tested with a gap as long as its memory."""

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score

from neurodata4ml.analysis.design.given import as_folds
from neurodata4ml.analysis.design.leaks import check_leaks
from neurodata4ml.analysis.design.purge import lag_of_memory
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.errors import DesignError, DimensionError
from recordings import linear_track


def slow(rho, shape, seed=0):
    rng = np.random.default_rng(seed)
    return lfilter([1], [1, -rho], rng.normal(size=shape) * np.sqrt(1 - rho**2), axis=0)


def recording(values, bin_width=0.1, **coords):
    coords = {name: ("time", np.asarray(v)) for name, v in coords.items()}
    time = np.round(5 + bin_width * (np.arange(len(values)) + 0.5), 12)
    attrs = {"bin_width": bin_width}
    return xr.DataArray(values, dims=("time", "unit"), coords={"time": time, **coords}, attrs=attrs)


@pytest.mark.parametrize("rho", [0.5, 0.9, 0.98])
def test_the_gap_is_the_lag_at_which_an_autoregressive_signal_has_lost_nine_tenths(rho):
    # the autocorrelation of AR(1) is rho ** lag
    found = lag_of_memory(slow(rho, (40_000, 1)), np.arange(40_000) * 0.1, 0.1, longest=100.0)
    assert found == pytest.approx(0.1 * np.log(0.1) / np.log(rho), rel=0.2, abs=0.1)


def test_samples_that_are_missing_do_not_shorten_the_gap():
    values, time = slow(0.95, (40_000, 1)), np.arange(40_000) * 0.1
    kept = np.random.default_rng(1).random(40_000) < 0.2
    whole = lag_of_memory(values, time, 0.1, longest=100.0)
    assert lag_of_memory(values[kept], time[kept], 0.1, longest=100.0) == pytest.approx(whole, rel=0.25)
    holes = np.where(kept[:, None], values, np.nan)
    assert lag_of_memory(holes, time, 0.1, longest=100.0) == pytest.approx(whole, rel=0.25)


def test_noise_needs_one_bin_and_what_is_constant_needs_none():
    time = np.arange(5000) * 0.1
    assert lag_of_memory(slow(0, (5000, 1)), time, 0.1, longest=10.0) == pytest.approx(0.1)
    assert lag_of_memory(np.ones((5000, 2)), time, 0.1, longest=10.0) == 0
    assert lag_of_memory(np.cumsum(slow(0, (5000, 1)))[:, None], time, 0.1, longest=3.0) == 3.0


def test_the_folds_of_a_recording_are_stretches_with_a_gap_on_both_sides():
    x = recording(slow(0.5, (3000, 20)), speed=slow(0.9, 3000, 1))
    folds = splits(x, target="speed")
    assert folds.kind == "contiguous"
    assert folds.fold.tolist() == np.repeat(np.arange(5), 600).tolist()
    assert folds.purge == pytest.approx(2.2, rel=0.3)  # log(.1) / log(.9) = 22 bins of 0.1 s
    time = x.time.values
    for train, test in folds.split():
        apart = np.abs(time[train][:, None] - time[test]).min() - 0.1
        assert folds.purge - 1e-9 <= apart < folds.purge + 0.1
    assert "are left out on both sides: the autocorrelation of the responses (" in folds.why
    assert f"and of 'speed' ({folds.purge:.3g} s) is below 0.1 from there" in folds.why
    assert splits(x, target="speed", purge=0.35).purge == 0.35


def test_what_is_slower_than_the_recording_is_said():
    folds = splits(recording(np.cumsum(slow(0, (3000, 20)), axis=0), speed=slow(0.5, 3000)), target="speed")
    assert folds.purge == pytest.approx(30.0)  # half of 60 s
    assert [len(train) for train, _ in folds.split()] == [2100, 1800, 1800, 1800, 2100]
    (note,) = folds.notes
    assert note.startswith("The autocorrelation of the responses lasts longer than half a stretch of time (30 s)")


def test_two_slow_signals_predict_each_other_only_through_their_neighbours():
    # row "two independent slow signals" of the table of mistakes: 0.774 shuffled, -0.790 in contiguous folds
    shuffled, honest = [], []
    for seed in range(3):
        X, y = slow(0.99, (1000, 40), seed), slow(0.99, 1000, seed + 100)
        x = recording(X, y=y)
        with pytest.raises(DesignError, match=r"training samples lie next to a test sample.*over='time', target='y'"):
            check_leaks(x, as_folds(KFold(5, shuffle=True, random_state=0), x, "y"), "y")
        shuffled.append(cross_val_score(Ridge(), X, y, cv=KFold(5, shuffle=True, random_state=0)).mean())
        honest.append(cross_val_score(Ridge(), X, y, cv=splits(x, target="y")).mean())
    assert min(shuffled) > 0.6
    assert max(honest) < 0.1


def test_neighbours_without_a_gap_are_refused_unless_a_reason_is_given():
    x = recording(slow(0.5, (300, 3)))
    with pytest.raises(DesignError, match=r"8 training samples lie next to a test sample in time, with no gap"):
        splits(x, purge=0)
    with pytest.raises(DesignError, match=r"splits\(x, over='time'\) chooses one, or say how many seconds: purge="):
        check_leaks(x, as_folds(KFold(5), x))
    folds = splits(x, purge=0, allow_leak="no memory beyond one bin")
    assert (folds.gap, folds.leak) == (None, "no memory beyond one bin")
    assert check_leaks(x, folds).leak == "no memory beyond one bin"  # the reason goes with the folds
    assert splits(x, purge=0.05).gap.sum() == 8  # less than a bin leaves the neighbours out


def test_whole_blocks_and_sessions_of_a_recording_have_a_gap_too():
    epoch = np.repeat(np.arange(10), 60)
    x = recording(slow(0.5, (600, 5)), block=epoch, state=epoch % 2)
    folds = splits(x, target="state", n_folds=5)
    assert (folds.kind, folds.n_folds) == ("block", 5)
    assert folds.purge > 0
    assert folds.gap.any()
    again = folds.remake(np.roll(x.state.values, 60))
    assert again.tolist() == splits(x.assign_coords(state=1 - x.state), target="state").fold.tolist()
    two = xr.concat([x, x], "time").assign_coords(session=("time", np.repeat([0, 1], 600)))
    assert splits(two, over="session", n_folds=2).gap is None  # sessions are not neighbours


def test_a_recording_without_times_or_units_has_bins_that_follow_each_other():
    x = xr.DataArray(slow(0.8, 500), dims="time")
    folds = splits(x)
    assert folds.purge >= 5
    assert folds.gap.any()
    integer = xr.DataArray(np.ones((500, 3), dtype=np.int8), dims=("time", "unit"))
    assert splits(integer).purge == 1.0


def test_lazy_responses_and_holes_in_them_make_the_same_gap():
    values = slow(0.9, (2000, 8))
    x = recording(values)
    assert splits(x.chunk({"unit": 2})).purge == splits(x).purge
    values[::50] = np.nan
    assert splits(recording(values)).purge == pytest.approx(splits(x).purge, rel=0.3)


def test_stretches_of_time_are_no_trials_and_need_enough_samples():
    x = recording(np.zeros((40, 2)), side=np.arange(40) // 20)
    with pytest.raises(DesignError, match=r"A continuous recording \(time, unit\) has no trials.*Leave over out"):
        splits(x, over="trial")
    with pytest.raises(DesignError, match="50 folds need at least 50 time samples; got 40 time samples"):
        splits(x, n_folds=50)
    with pytest.raises(DesignError, match="40 of 40 classes of 'count' have fewer time samples than the 5 folds"):
        splits(x.assign_coords(count=("time", np.arange(40))), target="count")
    with pytest.raises(DesignError, match="Fold 0 of 5 holds only side = 0 among its 8 trials"):
        splits(x, target="side")
    with pytest.raises(DimensionError, match=r"needs the coordinate 'sidee' on 'time'.*Did you mean 'side'"):
        splits(x, target="sidee")
    with pytest.raises(DesignError, match=r"3 of 40 time samples have no 'y' .*x\.isel\(time="):
        splits(x.assign_coords(y=("time", np.r_[[np.nan] * 3, np.ones(37)])), target="y")


def test_a_rat_on_a_track_is_tested_seconds_away_from_where_it_was_learnt():
    x = linear_track()
    x = x.isel(time=(x.speed > 50).values)
    folds = splits(x, target="x")
    assert (folds.kind, folds.n_folds, folds.notes) == ("contiguous", 5, ())
    assert 1 < folds.purge < 5  # it runs the track in seconds
    assert min(len(train) for train, _ in folds.split()) > 600
