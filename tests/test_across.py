"""What many recordings say together: means, intervals, counts, and which candidates cannot be told apart."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from pynwb import NWBHDF5IO
from scipy import stats

import factory_many
import twins
from neurodata4ml.data.session import open_session
from neurodata4ml.record.digests import content_digests
from neurodata4ml.results import Results
from neurodata4ml.studies.across.across import over_recordings
from neurodata4ml.studies.across.candidates import ranked
from neurodata4ml.studies.across.samples import Samples, samples_of, shared, summary

RECORDINGS = Samples({}, "recording")


def of(values: np.ndarray, **labels: list) -> xr.DataArray:
    """Return values (session, ...) with names."""
    values = np.asarray(values, dtype=float)
    coords = {"session": [f"r{k:03d}" for k in range(len(values))], **labels}
    return xr.DataArray(values, dims=("session", *labels), coords=coords)


@pytest.fixture(scope="module")
def sessions() -> dict[str, Results]:
    return factory_many.make_many(5, ("V1", "LM"), partial=True).sessions


@pytest.fixture(scope="module")
def found(sessions: dict[str, Results]) -> dict[str, xr.Dataset]:
    return over_recordings(sessions)


def test_every_section_of_recordings_has_its_array_over_them(found):
    names = ("psth", "decoding", "dimensionality", "reliability", "rdms", "encoding", "similarity")
    assert list(found) == ["sessions", *(f"{name}_sessions" for name in names)]
    assert all(array.attrs["sampled"] == "recording" and array.attrs["n_recordings"] == 5 for array in found.values())


def test_no_recordings_say_nothing():
    assert over_recordings({}) == {}


def test_the_mean_by_hand():
    out = summary(of([1.0, 2.0, 6.0]), RECORDINGS, "x")
    half = stats.t.ppf(0.975, 2) * np.sqrt(7 / 3)  # variance (4 + 1 + 9) / 2 = 7
    assert out["x_mean"] == 3
    np.testing.assert_allclose([out["x_mean_low"], out["x_mean_high"]], [3 - half, 3 + half])
    assert (out["x_n"], out["x_n_samples"]) == (3, 3)


@pytest.mark.parametrize("n", [3, 4, 30])
def test_the_interval_is_that_of_scipy(n):
    values = np.random.default_rng(n).standard_normal((n, 7))
    out = summary(of(values, area=list("abcdefg")), RECORDINGS, "x")
    theirs = stats.t.interval(0.95, n - 1, values.mean(0), stats.sem(values))
    np.testing.assert_allclose([out["x_mean_low"], out["x_mean_high"]], theirs)


def test_one_recording_repeated_is_itself_with_an_interval_of_no_width():
    one = factory_many.make_recording(seed=3)
    found = over_recordings({f"copy-{k}": one for k in range(6)})
    for section, name in (("similarity", "similarity"), ("decoding", "accuracy_window"), ("encoding", "median")):
        array = found[f"{section}_sessions"]
        for end in ("mean", "mean_low", "mean_high"):
            np.testing.assert_allclose(array[f"{name}_{end}"], one.arrays[section][name], atol=1e-12)
    np.testing.assert_allclose(found["rdms_sessions"]["rdm_mean"], one.arrays["rdms"]["rdm"], atol=1e-12)
    np.testing.assert_allclose(found["rdms_sessions"]["consistency"], 1)
    assert list(found["similarity_sessions"]["best"].values) == ["net/conv2", "net/fc"]


def test_the_order_of_the_recordings_changes_nothing_but_their_order(sessions, found):
    keys = list(sessions)
    turned = over_recordings({key: sessions[key] for key in keys[3:] + keys[:3]})
    for name, array in found.items():
        xr.testing.assert_identical(turned[name].sel(session=keys), array)


def test_an_area_that_some_recordings_lack_is_counted_and_never_filled(found, sessions):
    array = found["decoding_sessions"]
    assert list(array["accuracy_window_n"].values) == [5, 4]
    assert np.isnan(array["accuracy_window"].sel(session="rec-002", area="LM"))
    having = [
        one.arrays["decoding"]["accuracy_window"].sel(area="LM").item()
        for one in sessions.values()
        if "LM" in one.data["areas"]
    ]
    assert array["accuracy_window_mean"].sel(area="LM").item() == pytest.approx(np.mean(having))
    assert found["sessions"]["n_units_of_area"].isnull().sum() == 1


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_recordings_have_a_mean_and_no_interval_and_a_reason(n):
    array = over_recordings(factory_many.make_many(n).sessions)["similarity_sessions"]
    assert array["similarity_mean"].notnull().all()
    assert array["similarity_mean_low"].isnull().all()
    assert not array["claim"].any()
    assert array["among_best"].all()
    assert "an interval over recordings needs 3 of them" in array.attrs["undefined"]


def test_animals_are_the_samples_where_they_are_known():
    sessions = factory_many.make_many(7, per_animal=2).sessions  # animals of 2, 2, 2 and 1 recordings
    array = over_recordings(sessions)["decoding_sessions"]
    values = array["accuracy_window"].sel(area="V1").values
    animals = np.array([values[:2].mean(), values[2:4].mean(), values[4:6].mean(), values[6]])
    assert (array.attrs["sampled"], array.attrs["n_samples"], array.attrs["n_animals"]) == ("animal", 4, 4)
    assert array["accuracy_window_mean"].sel(area="V1").item() == pytest.approx(animals.mean())
    low, high = stats.t.interval(0.95, 3, animals.mean(), stats.sem(animals))
    assert array["accuracy_window_mean_low"].sel(area="V1").item() == pytest.approx(low)
    assert array["accuracy_window_mean_high"].sel(area="V1").item() == pytest.approx(high)
    assert array["accuracy_window_n"].sel(area="V1") == 7
    assert array["accuracy_window_n_samples"].sel(area="V1") == 4


def test_a_session_says_of_which_animal_it_is(tmp_path: Path):
    path = twins.alm_twin(tmp_path / "a.nwb", n_trials=2)
    with NWBHDF5IO(str(path), "r") as io:
        animal = io.read().subject.subject_id
    assert animal
    assert open_session(path).attrs["subject"] == animal


@pytest.mark.parametrize(
    ("subjects", "by"),
    [
        (["a", "a", "b"], "animal"),
        (["a", "a", "a"], "recording"),
        (["a", "b", "c"], "recording"),
        (["a", "a", ""], "recording"),
    ],
)
def test_recordings_are_the_samples_of_one_animal_of_one_each_and_of_unknown_ones(subjects, by):
    sessions = {str(k): factory_many.make_recording(subject=one) for k, one in enumerate(subjects)}
    samples = samples_of(sessions)
    assert samples.by == by
    assert samples.told["n_animals"] == (len(set(subjects)) if all(subjects) else 0)


def test_recordings_with_a_small_p_are_counted_beside_what_chance_would_give(sessions):
    p = dict(zip(sessions, [0.01, 0.05, 0.06, 0.5, 0.04], strict=True))
    parts = {key: _with(one, "decoding", p_window=p[key]) for key, one in sessions.items()}
    array = over_recordings(parts)["decoding_sessions"].sel(area="V1")
    assert (array["p_window_significant"], array["p_window_tested"]) == (3, 5)
    assert array["p_window_expected"] == pytest.approx(0.25)  # 99 shuffles: p <= .05 in 5 of 100 orders
    statistic = -2 * np.log(list(p.values())).sum()
    assert array["p_combined"] == pytest.approx(stats.chi2.sf(statistic, 10))


def test_chance_gives_fewer_where_the_shuffles_are_few(sessions):
    parts = {key: _with(one, "decoding") for key, one in sessions.items()}
    for one in parts.values():
        one.arrays["decoding"].attrs["n_shuffles"] = 30  # p is a multiple of 1 / 31; only 1 / 31 is at most .05
    array = over_recordings(parts)["decoding_sessions"].sel(area="V1")
    assert array["p_window_expected"] == pytest.approx(5 / 31)


def test_an_error_is_better_than_chance_when_it_is_smaller(sessions):
    parts = {key: _with(one, "decoding", accuracy_window=0.1, chance_window=0.4) for key, one in sessions.items()}
    for one in parts.values():
        one.arrays["decoding"].attrs["scoring"] = "median_error"
    np.testing.assert_allclose(over_recordings(parts)["decoding_sessions"]["gain_mean"], 0.3)


def test_the_set_by_hand():
    # c lies 0.02 below b in every recording (within the margin), a lies 0.2 below, with some spread
    b = np.array([0.7, 0.72, 0.74, 0.71])
    x = of(np.stack([b - [0.19, 0.2, 0.21, 0.2], b, b - 0.02], axis=1)[:, None], area=["V1"], candidate=["a", "b", "c"])
    out = ranked(x, RECORDINGS, null=xr.zeros_like(x.mean("session")), margin=0.03).sel(area="V1")
    assert out["best"].item() == "b"
    assert list(out["among_best"].values) == [False, True, True]
    np.testing.assert_allclose(out["difference"], [0.2, 0, 0.02], atol=1e-12)
    gap = np.array([0.19, 0.2, 0.21, 0.2])  # two comparisons, so each interval is of 97.5 %
    low, high = stats.t.interval(0.975, 3, gap.mean(), stats.sem(gap))
    np.testing.assert_allclose([out["difference_low"][0], out["difference_high"][0]], [low, high])


def test_nothing_is_claimed_where_no_mean_is_above_zero():
    x = of(np.random.default_rng(0).standard_normal((6, 1, 3)), area=["V1"], candidate=["a", "b", "c"])
    out = ranked(x, RECORDINGS, null=xr.zeros_like(x.mean("session")), margin=0.03)
    assert (out["best"].item(), bool(out["claim"])) == ("", False)
    assert out["among_best"].all()


def test_a_candidate_that_one_recording_lacks_is_not_set_beside_the_others(sessions):
    parts = dict(sessions)
    key = next(iter(parts))
    array = parts[key].arrays["similarity"]
    parts[key] = dataclasses.replace(parts[key], arrays={"similarity": array.drop_sel(candidate="net/conv2")})
    out = over_recordings(parts)["similarity_sessions"]
    assert out["similarity_n"].sel(area="V1", candidate="net/conv2") == 4
    assert np.isnan(out["difference"].sel(area="V1", candidate="net/conv2"))
    assert not out["among_best"].sel(area="V1", candidate="net/conv2")
    assert out["best"].sel(area="V1").item() == "net/conv1"
    assert "net/conv2 could not be set beside the others in V1" in out.attrs["undefined"]


def test_recordings_with_other_times_have_rates_and_no_course(sessions):
    parts = dict(sessions)
    key = next(iter(parts))
    later = {
        name: parts[key].arrays[name].pipe(lambda x: x.assign_coords(time=x["time"] + 1))
        for name in ("psth", "decoding")
    }
    parts[key] = dataclasses.replace(parts[key], arrays={**parts[key].arrays, **later})
    found = over_recordings(parts)
    assert "rate" not in found["psth_sessions"]
    assert "the recordings have different times" in found["psth_sessions"].attrs["undefined"]
    assert "accuracy" not in found["decoding_sessions"]
    assert "the recordings have different times" in found["decoding_sessions"].attrs["undefined"]
    assert found["psth_sessions"]["mean_rate_mean"].notnull().all()


def test_distances_have_a_mean_only_where_the_stimuli_are_the_same(sessions):
    parts = dict(sessions)
    key = next(iter(parts))
    other = (
        parts[key].arrays["rdms"].assign_coords(stimulus=lambda x: x.stimulus + 1, stimulus2=lambda x: x.stimulus2 + 1)
    )
    parts[key] = dataclasses.replace(parts[key], arrays={**parts[key].arrays, "rdms": other})
    array = over_recordings(parts)["rdms_sessions"]
    assert "rdm_mean" not in array
    assert array.attrs["undefined"] == "distances have no mean, since the recordings have different stimuli"


def test_consistency_is_the_correlation_with_the_mean_of_the_others(found, sessions):
    upper = np.triu_indices(8, 1)
    pairs = np.stack([one.arrays["rdms"]["rdm"].sel(representation="V1").values[upper] for one in sessions.values()])
    theirs = [np.corrcoef(row, np.delete(pairs, k, 0).mean(0))[0, 1] for k, row in enumerate(pairs)]
    np.testing.assert_allclose(found["rdms_sessions"]["consistency"].sel(area="V1"), theirs)


def test_recordings_of_one_animal_do_not_foretell_each_other():
    parts = {
        k: factory_many.make_recording(("V1",), seed=s, subject=a)
        for k, s, a in (("1", 0, "a"), ("2", 0, "a"), ("3", 5, "b"))
    }
    array = over_recordings(parts)["rdms_sessions"]["consistency"].sel(area="V1")
    upper = np.triu_indices(8, 1)
    squares = [parts[key].arrays["rdms"]["rdm"].sel(representation="V1").values for key in ("1", "3")]
    r = np.corrcoef(squares[0][upper], squares[1][upper])[0, 1]
    np.testing.assert_allclose(array, r)  # not 1, as that of the copy of the animal's own recording would be


def test_the_interval_of_a_median_is_that_of_order_statistics():
    values = np.arange(20.0)
    reliable = xr.Dataset({"reliability": ("unit", values)}, {"unit": np.arange(20), "area": ("unit", ["V1"] * 20)})
    sessions = {"a": dataclasses.replace(factory_many.make_recording(("V1",)), arrays={"reliability": reliable})}
    array = over_recordings(sessions)["reliability_sessions"].sel(session="a", area="V1")
    # the 6th and the 15th of 20 values: Conover (1999), table of the binomial, 95.9 %
    assert (array["median"], array["median_low"], array["median_high"], array["n_units"]) == (9.5, 5.0, 14.0, 20)


def test_labels_stand_in_an_order_that_does_not_depend_on_the_recordings():
    axes = [np.array(v, dtype=object) for v in (["V1", "LM"], ["V1", "LM", "AL"], ["PM"])]
    assert list(shared(axes)) == list(shared(axes[::-1])) == ["V1", "LM", "AL", "PM"]


def test_what_is_said_survives_being_written(tmp_path: Path):
    results = factory_many.make_many(3, partial=True)
    again = Results.load(results.save(tmp_path / "results.json"))
    assert content_digests(again) == content_digests(results)
    xr.testing.assert_equal(again.arrays["similarity_sessions"], results.arrays["similarity_sessions"])


N_DRAWS = 4000


def test_the_interval_over_recordings_covers_the_truth_as_often_as_it_says():
    values = np.random.default_rng(11).standard_normal((5, N_DRAWS)) * 0.3 + 0.7
    out = summary(of(values, area=list(range(N_DRAWS))), RECORDINGS, "x")
    inside = float(((out["x_mean_low"] <= 0.7) & (out["x_mean_high"] >= 0.7)).mean())
    low, high = stats.binom.ppf([0.0005, 0.9995], N_DRAWS, 0.95) / N_DRAWS
    assert low <= inside <= high


def test_the_interval_over_animals_covers_the_truth_and_that_over_their_recordings_does_not():
    rng = np.random.default_rng(12)
    subject = {f"r{k:03d}": f"mouse-{k // 4}" for k in range(24)}
    values = np.repeat(rng.standard_normal((6, N_DRAWS)), 4, axis=0) + 0.5 * rng.standard_normal((24, N_DRAWS))
    inside = {}
    for by in ("animal", "recording"):
        out = summary(of(values, area=list(range(N_DRAWS))), Samples(subject, by), "x")
        inside[by] = float(((out["x_mean_low"] <= 0) & (out["x_mean_high"] >= 0)).mean())
    low, high = stats.binom.ppf([0.0005, 0.9995], N_DRAWS, 0.95) / N_DRAWS
    assert low <= inside["animal"] <= high
    assert inside["recording"] < 0.8


@pytest.mark.slow
def test_the_set_holds_the_truly_highest_as_often_as_it_says():
    rng, n = np.random.default_rng(13), 1000
    true = np.array([0.50, 0.49, 0.48, 0.40])
    x = of(true + 0.05 * rng.standard_normal((8, n, 4)), area=list(range(n)), candidate=list("abcd"))
    out = ranked(x, RECORDINGS, null=xr.zeros_like(x.mean("session")), margin=0.0)
    held = float(out["among_best"].sel(candidate="a").mean())
    assert held >= stats.binom.ppf(0.0005, n, 0.95) / n
    assert float(out["among_best"].sel(candidate="d").mean()) < 0.5, "a set that holds everything says nothing"


def _with(one: Results, section: str, **variables: object) -> Results:
    """Return results with some variables of one array overwritten."""
    array = one.arrays[section].copy(deep=True)
    for name, value in variables.items():
        array[name] = (array[name].dims, np.broadcast_to(value, array[name].shape).copy())
    return dataclasses.replace(one, arrays={**one.arrays, section: array})
