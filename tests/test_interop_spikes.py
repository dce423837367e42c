"""Sessions and counts go to pynapple and come back; what pynapple would join, drop or reorder in silence is said."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.data.align.bins import bin_spikes
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.interop.spiketrains import from_pynapple, to_pynapple

nap = pytest.importorskip("pynapple", reason="pynapple is not installed: pip install pynapple")


def session(n_trials=8):
    """Three units that share one column of spike times, one of them silent; trials touch, as images without gaps do."""
    rng = np.random.default_rng(0)
    trains = [np.sort(np.round(rng.uniform(0, 10, n), 6)) for n in (40, 0, 25)]
    stops = np.cumsum([len(train) for train in trains])
    start = 1 + 0.25 * np.arange(n_trials)
    coords = {
        "unit": [5003, 5001, 5002],
        "area": ("unit", np.array(["V1", "LM", "V1"], dtype=object)),
        "good": ("unit", [True, False, True]),
        "trial": np.arange(n_trials),
        "start_time": ("trial", start),
        "stop_time": ("trial", start + 0.25),
        "stimulus": ("trial", np.tile(np.array(["cat", "dog"], dtype=object), n_trials // 2)),
    }
    values = {
        "spike_times": ("spike", np.concatenate(trains), {"units": "s"}),
        "spike_start": ("unit", np.concatenate([[0], stops[:-1]])),
        "spike_stop": ("unit", stops),
    }
    return xr.Dataset(values, coords=coords, attrs={"dataset": "demo", "license": "BSD-3-Clause"})


def trains_of(x):
    ranges = zip(x.unit.values, x.spike_start.values, x.spike_stop.values, strict=True)
    return {int(unit): x.spike_times.values[a:b] for unit, a, b in ranges}


def test_each_unit_has_its_own_spikes_and_metadata_there_and_back():
    x = session()
    found = to_pynapple(x)
    assert sorted(found) == ["attrs", "trials", "units"]
    for unit, train in trains_of(x).items():
        np.testing.assert_allclose(found["units"][unit].t, train, atol=1e-9)
    assert found["units"].area.tolist() == ["LM", "V1", "V1"], "in the order of the keys 5001, 5002, 5003"
    back = from_pynapple(found)
    assert back.attrs == x.attrs
    again = trains_of(back)
    for unit, train in trains_of(x).items():
        np.testing.assert_allclose(again[unit], train, atol=1e-9)
    for name in ("area", "good"):
        np.testing.assert_array_equal(back[name].sel(unit=x.unit), x[name])


def test_trials_keep_their_times_and_labels_although_they_touch():
    x = session()
    trials = to_pynapple(x)["trials"]
    assert isinstance(trials, nap.IntervalSet)
    assert len(trials) == 8
    assert (trials.end[:-1] < trials.start[1:]).all()
    back = from_pynapple(to_pynapple(x))
    for name in ("trial", "start_time", "stop_time", "stimulus"):
        np.testing.assert_array_equal(back[name], x[name])


def test_counts_of_what_came_back_are_the_counts_of_what_went():
    x = session().assign_attrs(window=[0.0, 0.25])
    before, after = (
        bin_spikes(part, window=(0.0, 0.25), bin_width=0.05) for part in (x, from_pynapple(to_pynapple(x)))
    )
    assert int(before.sum()) > 10
    np.testing.assert_array_equal(after.sel(unit=x.unit.values).values, before.values)


def test_pynapple_counts_in_our_trials_what_we_count():
    x = session()
    found = to_pynapple(x)
    ours = bin_spikes(x, window=(0.0, 0.25), bin_width=0.25).squeeze("time")
    theirs = [[len(found["units"][int(unit)].restrict(trial)) for unit in x.unit] for trial in found["trials"]]
    np.testing.assert_array_equal(ours, theirs)


def test_a_selection_of_units_takes_its_own_spikes():
    x = session().isel(unit=[2, 0])
    found = to_pynapple(x)["units"]
    assert found.index.tolist() == [5002, 5003]
    np.testing.assert_allclose(found[5002].t, trains_of(session())[5002], atol=1e-9)


def test_units_without_whole_numbers_are_numbered_and_keep_their_names():
    x = session().assign_coords(unit=["a", "b", "c"]).drop_vars(["start_time", "stop_time"])
    found = to_pynapple(x)
    assert found["units"].index.tolist() == [0, 1, 2]
    assert "trials" not in found
    assert from_pynapple(found).unit.values.tolist() == ["a", "b", "c"]


def test_all_units_share_one_time_support_so_that_rates_compare():
    group = to_pynapple(session())["units"]
    duration = float(group.time_support.tot_length())
    np.testing.assert_allclose(group.rates, [len(group[key]) / duration for key in group.index])


def test_groups_made_by_pynapple_become_sessions():
    group = nap.TsGroup(
        {7: nap.Ts(t=np.array([0.1, 0.2])), 3: nap.Ts(t=np.array([0.5]))}, metadata={"side": ["l", "r"]}
    )
    x = from_pynapple(group)
    assert x.unit.values.tolist() == [3, 7]
    assert trains_of(x)[7].tolist() == [0.1, 0.2]
    trials = nap.IntervalSet([0.0, 0.4], [0.3, 0.9], metadata={"stimulus": ["a", "b"]})
    both = from_pynapple({"units": group, "trials": trials})
    assert both.stop_time.values.tolist() == [0.3, 0.9]
    assert both.stimulus.values.tolist() == ["a", "b"]


def counts():
    found = bin_spikes(session(), window=(0.0, 0.25), bin_width=0.05)
    return found.drop_vars([name for name in found.coords if name not in session().coords and name != "time"])


def test_counts_over_time_come_back():
    x = counts().isel(trial=0, drop=True)
    frame = to_pynapple(x)["counts"]
    assert isinstance(frame, nap.TsdFrame)
    assert frame["area"].tolist() == ["V1", "LM", "V1"]
    xr.testing.assert_allclose(from_pynapple(to_pynapple(x)), x.rename(None))


def test_counts_of_trials_come_back_with_their_labels():
    x = counts()
    found = to_pynapple(x.transpose("unit", "time", "trial"))
    assert isinstance(found["counts"], nap.TsdTensor)
    assert found["counts"].shape == (5, 8, 3)
    back = from_pynapple(found)
    xr.testing.assert_allclose(back, x)
    assert back.attrs == x.attrs


def test_one_series_becomes_an_array_over_time():
    x = from_pynapple(nap.Tsd(t=np.arange(3.0), d=np.array([5.0, 6.0, 7.0])))
    assert x.dims == ("time",)
    assert x.sel(time=1.0) == 6.0


def test_trials_that_pynapple_would_join_or_drop_are_refused():
    x = session()
    overlapping = x.assign_coords(stop_time=("trial", x.start_time.values + 0.3))
    with pytest.raises(DesignError, match=r"do not overlap.*trial 1 begins 0.05 s before"):
        to_pynapple(overlapping)
    ends = x.stop_time.values.copy()
    ends[2] = np.nan
    with pytest.raises(DesignError, match=r"1 of 8 have none, the first is trial 2"):
        to_pynapple(x.assign_coords(stop_time=("trial", ends)))
    with pytest.raises(DesignError, match=r"keeps the name 'rate'"):
        to_pynapple(x.assign_coords(rate=("unit", [1.0, 2.0, 3.0])))


def test_what_is_no_session_and_no_counts_is_refused():
    with pytest.raises(DimensionError, match="has no 'spike_times'"):
        to_pynapple(session().drop_vars("spike_times"))
    with pytest.raises(DimensionError, match='needs a "time" dim'):
        to_pynapple(counts().sum("time"))
    with pytest.raises(DimensionError, match="got also lag"):
        to_pynapple(counts().expand_dims(lag=2))
    with pytest.raises(DimensionError, match=r"takes a TsGroup.*got a IntervalSet"):
        from_pynapple(nap.IntervalSet(0, 1))
    with pytest.raises(DimensionError, match="needs an IntervalSet of trials"):
        from_pynapple({"units": to_pynapple(session())["units"], "trials": [1]})
