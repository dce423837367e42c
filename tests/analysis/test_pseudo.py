"""Pseudo-populations combine what was never recorded together, and never a trial with itself across a split."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.decoding.pooled import folds_of, pseudo_null
from neurodata4ml.analysis.decoding.pseudo import pseudo_population
from neurodata4ml.analysis.decoding.within_class import shuffle_within_class
from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.errors import DesignError, DimensionError


def session(seed: int, n_trials: int = 80, n_units: int = 4, n_times: int | None = None) -> xr.DataArray:
    """Return responses that spell which trial they come from: unit u of trial i says i + u / 10."""
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.array(["left", "right"], dtype=object)[np.arange(n_trials) % 2])
    values = np.arange(n_trials)[:, None] + np.arange(n_units) / 10
    dims, coords = ("trial", "unit"), {"side": ("trial", side), "start_time": ("trial", 5.0 * np.arange(n_trials))}
    coords["area"] = ("unit", np.array(["CA1"] * n_units, dtype=object))
    if n_times is not None:
        values, dims = values[:, None] + np.zeros((n_times, 1)), ("trial", "time", "unit")
        coords["time"] = 0.1 * np.arange(n_times)
    return xr.DataArray(values, dims=dims, coords=coords, attrs={"bin_width": 0.1, "units": "1"})


def real_trials(x: xr.DataArray, name: str) -> np.ndarray:
    """Return which real trial of a session each pseudo-trial holds."""
    mine = x.isel(unit=(x.session == name).values).values
    real = np.floor(mine + 1e-9)
    assert np.all(real == real[:, :1])
    return real[:, 0].astype(int)


@pytest.mark.parametrize("n_trials", [None, 400])
def test_no_real_trial_stands_on_both_sides_of_a_split(n_trials: int | None) -> None:
    sessions = {"a": session(0), "b": session(1, n_trials=60), "c": session(2, n_units=7)}
    x = pseudo_population(sessions, "side", n_trials=n_trials)
    assert x.sizes["unit"] == 15
    for name, one in sessions.items():
        real = real_trials(x, name)
        np.testing.assert_array_equal(one.side.values[real], x.side.values)
        for trial in np.unique(real):
            assert len(set(x.fold.values[real == trial])) == 1
        if n_trials is None:
            assert len(np.unique(real)) == len(real)
    for train, test in folds_of(x).split():
        assert not set(train) & set(test)
        assert set(x.side.values[test]) == {"left", "right"}
    assert x.sizes["trial"] == (800 if n_trials else x.sizes["trial"])
    if n_trials is None:
        assert 40 <= x.sizes["trial"] <= 60


def test_the_order_of_sessions_does_not_matter() -> None:
    sessions = {name: session(i) for i, name in enumerate("abc")}
    backwards = dict(reversed(sessions.items()))
    xr.testing.assert_identical(pseudo_population(sessions, "side"), pseudo_population(backwards, "side"))


def test_another_session_does_not_change_who_is_drawn_and_another_seed_does() -> None:
    sessions = {"a": session(0), "b": session(1)}
    x = pseudo_population(sessions, "side", n_trials=100)
    more = pseudo_population({**sessions, "c": session(2)}, "side", n_trials=100)
    np.testing.assert_array_equal(real_trials(x, "a"), real_trials(more, "a"))
    other = pseudo_population(sessions, "side", n_trials=100, seed=1)
    assert not np.array_equal(real_trials(x, "a"), real_trials(other, "a"))


def test_it_says_what_it_is_and_keeps_what_sessions_share() -> None:
    x = pseudo_population([session(0, n_times=3), session(1, n_times=3)], "side")
    assert x.dims == ("trial", "time", "unit")
    assert "2 sessions, not recorded together: correlations" in x.attrs["pseudo_population"]
    assert x.attrs["n_sessions"] == 2
    assert x.attrs["bin_width"] == 0.1
    assert x.unit.values.tolist() == [f"{s}/{u}" for s in "01" for u in range(4)]
    assert (x.area == "CA1").all()
    np.testing.assert_array_equal(x.time, [0.0, 0.1, 0.2])


def test_labels_are_shuffled_within_folds() -> None:
    x = pseudo_population([session(0), session(1)], "side")
    null = pseudo_null(x, "side", n_shuffles=19)
    assert null.no_p == ""
    assert null.labels.shape == (19, x.sizes["trial"])
    for k in range(5):
        inside = x.fold.values == k
        for row in null.labels:
            assert sorted(row[inside]) == sorted(x.side.values[inside])
    assert any(not np.array_equal(row, x.side.values) for row in null.labels)
    np.testing.assert_array_equal(null.labels, pseudo_null(x, "side", n_shuffles=19).labels)


def test_p_is_uniform_where_sessions_know_nothing_of_the_label() -> None:
    p = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sessions = [one.copy(data=rng.normal(size=one.shape)) for one in (session(2 * seed), session(2 * seed + 1))]
        x = pseudo_population(sessions, "side", seed=seed)
        null = pseudo_null(x, "side", n_shuffles=19, seed=seed)
        every = np.stack([null.observed, *null.labels]) == "left"
        gap = np.stack([x.values[y].mean(axis=0) - x.values[~y].mean(axis=0) for y in every])
        p.append(float(null.p_value((gap[0] ** 2).sum(), (gap[1:] ** 2).sum(axis=1))))
    p = np.array(p)[~np.isnan(p)]
    assert len(p) > 50
    assert 0.3 < p.mean() < 0.7
    assert np.mean(p <= 0.05) < 0.15


def test_it_is_decoded_with_its_own_folds_and_null_and_more_units_tell_more() -> None:
    rng = np.random.default_rng(0)
    sessions = {}
    for seed, name in enumerate("abcd", start=10):
        x = session(seed, n_units=5)
        sessions[name] = x.copy(data=rng.normal(size=x.shape) + 0.6 * (x.side == "left").values[:, None])
    x = pseudo_population(sessions, "side")
    result = decode(x, "side", n_shuffles=19)
    assert result.attrs["folds"] == "given"
    assert result.attrs["null_scheme"] == "within blocks"
    assert result.attrs["pseudo_population"].startswith("a pseudo-population of 4 sessions")
    assert result.p_value == 0.05
    alone = [float(decode(one, "side", n_shuffles=0).score) for one in sessions.values()]
    assert result.score > np.mean(alone)
    often = decode(pseudo_population(sessions, "side", n_trials=200), "side", n_shuffles=19)
    assert np.isnan(often.p_value)
    assert "Real trials stand in several" in often.attrs["no_p"]


def test_used_twice_or_dealt_in_runs_there_is_no_p() -> None:
    x = pseudo_population([session(0), session(1)], "side", n_trials=200)
    null = pseudo_null(x, "side")
    assert "Real trials stand in several pseudo-trials" in null.no_p
    assert np.isnan(null.p_value(1.0, np.zeros(99)))
    runs = session(1).assign_coords(side=("trial", np.repeat(["left", "right"] * 10, 4).astype(object)))
    x = pseudo_population({"a": session(0), "b": runs}, "side", n_folds=2)
    assert "In session 'b' labels depend on those before" in pseudo_null(x, "side").no_p


def test_sessions_that_do_not_fit_are_refused_with_the_cure() -> None:
    a, b = session(0), session(1)
    early = np.isin(np.arange(80), [3, 7, 11, 20, 24, 28])
    rare = [x.assign_coords(side=x.side.where(~early, "middle")) for x in (a, b)]
    for sentence, sessions, keywords in [
        ("two sessions or more, each with a name of its own; got 1 with 1", [a], {}),
        ("got 2 with 1 names", [a.assign_attrs(session="x"), b.assign_attrs(session="x")], {}),
        (
            "session '1' has no trial with side = middle",
            [a.assign_coords(side=a.side.where(a.trial > 20, "middle")), b],
            {},
        ),
        ("n_trials of at least one per fold, 5; got 3", [a, b], {"n_trials": 3}),
        (r"'0' has no trial with side = middle in fold 2 of 5\. Use fewer folds", rare, {}),
    ]:
        with pytest.raises(DesignError, match=sentence):
            pseudo_population(sessions, "side", **keywords)
    with pytest.raises(
        DimensionError, match=r"same bins of time in all sessions; '0' has 3 and '1' 4. Give bin_spikes"
    ):
        pseudo_population([session(0, n_times=3), session(1, n_times=4)], "side")
    with pytest.raises(DimensionError, match=r"alike in all sessions; '1' has \('trial', 'time', 'unit'\)"):
        pseudo_population([a, session(1, n_times=4)], "side")
    with pytest.raises(DimensionError, match="folds_of needs the coordinate 'fold'"):
        folds_of(a)


# without noise correlations


def correlated(n_trials: int = 4000) -> xr.DataArray:
    rng = np.random.default_rng(0)
    side = np.arange(n_trials) % 2
    shared = rng.normal(size=(n_trials, 1))
    values = rng.normal(size=(n_trials, 3)) + 2 * shared + side[:, None] * np.array([1.0, 0.0, -1.0])
    return xr.DataArray(values, dims=("trial", "unit"), coords={"side": ("trial", side)})


def test_shuffled_within_class_correlations_vanish_and_each_unit_keeps_its_responses() -> None:
    x = correlated()
    out = shuffle_within_class(x, "side")
    for label in (0, 1):
        mine = (x.side == label).values
        np.testing.assert_array_equal(np.sort(out.values[mine], axis=0), np.sort(x.values[mine], axis=0))
        before, after = (np.corrcoef(v.values[mine].T)[0, 1] for v in (x, out))
        assert before > 0.7
        assert abs(after) < 0.08
    assert "no noise correlations" in out.attrs["shuffled"]


def test_responses_stay_within_their_fold_and_time_courses_together() -> None:
    x = session(0, n_times=3)
    fold = np.arange(80) // 20
    fold[:5] = -1
    out = shuffle_within_class(x, "side", folds=Folds(fold, "given"))
    came_from = np.floor(out.values + 1e-9).astype(int)
    assert np.all(came_from == came_from[:, :1, :])
    np.testing.assert_array_equal(fold[came_from[:, 0]], np.repeat(fold[:, None], 4, axis=1))
    np.testing.assert_array_equal(came_from[:5, 0], np.repeat(np.arange(5)[:, None], 4, axis=1))
    assert np.any(came_from[:, 0, 0] != came_from[:, 0, 1])


def test_blank_trials_stay_as_they_are() -> None:
    x = session(0).assign_coords(blank=("trial", np.arange(80) % 4 == 0))
    out = shuffle_within_class(x, "side")
    xr.testing.assert_equal(out.isel(trial=x.blank.values), x.isel(trial=x.blank.values))
    assert out.sizes == x.sizes
