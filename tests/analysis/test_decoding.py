"""Decoding finds what is there, finds nothing where nothing is, and refuses designs that would fool it."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
import xarray as xr
from sklearn.dummy import DummyClassifier
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict

from conftest import real_data
from neurodata4ml.analysis.decoding.decode import DECODERS, decode
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.errors import DesignError, DimensionError


def population(n_trials=100, n_units=12, n_classes=2, signal=1.0, seed=0, **coords):
    """Trials of Poisson counts whose rates depend on the label ``side`` by ``signal``."""
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(n_trials) % n_classes)
    rate = 3 * np.exp(signal * rng.normal(size=(n_classes, n_units)) / 2)
    return xr.DataArray(
        rng.poisson(rate[side] if signal else 3.0, (n_trials, n_units)),
        dims=("trial", "unit"),
        coords={
            "side": ("trial", side),
            "trial": 7 + np.arange(n_trials),
            **{n: ("trial", v) for n, v in coords.items()},
        },
        attrs={"citation": "nobody"},
    )


@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_reads_a_strong_signal_and_is_at_chance_without_one(decoder):
    strong = decode(population(60, signal=3.0), "side", decoder=decoder, n_permutations=19)
    assert strong.accuracy > 0.9
    assert strong.p_value == 0.05
    none = decode(population(60, signal=0.0), "side", decoder=decoder, n_permutations=19)
    assert abs(none.accuracy - 0.5) < 0.2
    assert none.p_value > 0.05
    assert strong.attrs["decoder"] == decoder


def test_p_values_are_uniform_where_there_is_no_signal():
    p = [decode(population(80, 5, signal=0.0, seed=s), "side", n_permutations=19).p_value.item() for s in range(40)]
    assert 0.35 < np.mean(p) < 0.65
    assert np.mean(np.array(p) <= 0.05) < 0.15


def test_a_frequent_class_earns_nothing():
    rng = np.random.default_rng(0)
    side = rng.permutation(np.repeat([0, 1], [160, 40]))
    x = xr.DataArray(rng.normal(size=(200, 10)), dims=("trial", "unit"), coords={"side": ("trial", side)})
    always = decode(x, "side", decoder=DummyClassifier(strategy="most_frequent"), n_permutations=9)
    assert np.mean(always.prediction.values == side) == 0.8
    assert always.accuracy == 0.5
    assert abs(decode(x, "side", n_permutations=9).accuracy - 0.5) < 0.1


def test_over_time_the_signal_is_found_when_it_is_there():
    rng = np.random.default_rng(0)
    x = population(120, 10, signal=1.5)
    noise = rng.poisson(3.0, (8, 120, 10))
    values = np.concatenate([noise[:4], np.stack([x.values] * 2) + noise[4:6] // 3, noise[6:]])
    over = xr.DataArray(values.astype(np.int8), dims=("time", "trial", "unit"), coords=x.coords)
    over = over.assign_coords(time=np.arange(8) * 0.05)
    result = decode(over, "side", over="time", n_permutations=39)
    assert result.accuracy.dims == ("time",)
    assert result.null.dims == ("shuffle", "time")
    assert np.flatnonzero(result.p_value_max <= 0.05).tolist() == [4, 5]
    assert (result.p_value_max >= result.p_value).all()
    assert np.allclose(result.chance, 0.5, atol=0.05)
    assert "confusion" not in result


def test_each_bin_over_time_equals_that_bin_alone():
    rng = np.random.default_rng(1)
    x = xr.DataArray(rng.poisson(2.0, (60, 3, 8)), dims=("trial", "time", "unit"))
    x = x.assign_coords(side=("trial", rng.permutation(60) % 3))
    whole = decode(x, "side", over="time", n_permutations=5)
    for t in range(3):
        alone = decode(x.isel(time=t), "side", n_permutations=5)
        assert whole.accuracy[t] == alone.accuracy
        np.testing.assert_array_equal(whole.null[:, t], alone.null)
        assert whole.p_value[t] == alone.p_value


def test_without_over_the_mean_over_time_is_read():
    rng = np.random.default_rng(1)
    x = xr.DataArray(rng.poisson(2.0, (60, 3, 8)), dims=("trial", "time", "unit"))
    x = x.assign_coords(side=("trial", rng.permutation(60) % 2))
    one, two = decode(x, "side", n_permutations=3), decode(x.mean("time"), "side", n_permutations=3)
    assert one.accuracy == two.accuracy
    np.testing.assert_array_equal(one.prediction, two.prediction)


def test_bins_are_decoded_in_groups_without_changing_the_answer(monkeypatch):
    rng = np.random.default_rng(1)
    x = xr.DataArray(rng.poisson(2.0, (40, 7, 4)), dims=("trial", "time", "unit"))
    x = x.assign_coords(side=("trial", rng.permutation(40) % 2))
    whole = decode(x, "side", over="time", n_permutations=3)
    monkeypatch.setattr("neurodata4ml.analysis.decoding.decode._CHUNK", 2 * 40 * 4)
    xr.testing.assert_identical(decode(x, "side", over="time", n_permutations=3), whole)


def test_the_parts_of_a_result_agree_with_each_other():
    x = population(n_trials=97, n_classes=3, signal=0.8)
    result = decode(x, "side", n_permutations=20)
    assert result.accuracy == pytest.approx(balanced_accuracy_score(x.side, result.prediction))
    confusion = result.confusion.values
    assert confusion.sum() == 97
    assert confusion.sum(axis=1).tolist() == np.bincount(x.side).tolist()
    assert result.accuracy == pytest.approx(np.mean(np.diag(confusion) / confusion.sum(axis=1)))
    assert result.prediction.trial.values.tolist() == x.trial.values.tolist()
    assert result.accuracy_fold.dims == ("fold",)
    assert result.chance == pytest.approx(result.null.mean().item())
    assert result.p_value == (1 + np.sum(result.null.values >= result.accuracy.item())) / 21


def test_pooled_accuracy_equals_scikit_learn_on_the_same_folds():
    x = population(n_trials=90, n_classes=3, signal=0.8)
    result = decode(x, "side", n_permutations=0)
    peer = cross_val_predict(DECODERS["lda"](), x.values.astype(float), x.side.values, cv=splits(x))
    assert result.accuracy == pytest.approx(balanced_accuracy_score(x.side, peer))
    assert np.isnan(result.chance)


def test_without_shuffles_there_is_no_p_value():
    x = xr.concat([population(signal=2.0)] * 3, dim="time").assign_coords(time=np.arange(3.0))
    assert np.isnan(decode(x, "side", n_permutations=0).p_value)
    over_time = decode(x, "side", over="time", n_permutations=0)
    assert over_time.p_value.isnull().all()
    assert over_time.p_value_max.isnull().all()
    assert (decode(x, "side", over="time", n_permutations=1).p_value_max == 0.5).all()


def test_with_three_blocks_a_result_says_that_it_has_three_folds():
    x = population(150, block=np.repeat(np.arange(3), 50))
    result = decode(x, "side", n_permutations=1)
    assert (result.attrs["n_folds"], result.attrs["folds"], result.sizes["fold"]) == (3, "block", 3)
    assert '"n_folds": 3' in result.attrs["steps"]


def test_neither_the_order_of_units_nor_of_trials_matters():
    x = population(signal=0.7, start_time=np.arange(100.0))
    rng = np.random.default_rng(3)
    again = x.isel(unit=rng.permutation(12), trial=rng.permutation(100)).transpose("unit", "trial")
    assert decode(again, "side", n_permutations=0).accuracy == decode(x, "side", n_permutations=0).accuracy


def test_the_same_seed_gives_the_same_null_and_another_seed_another():
    x = population()
    one, two, other = (decode(x, "side", n_permutations=10, seed=s).null.values for s in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()


def test_labels_may_be_words_and_blanks_are_not_a_class():
    x = population(100, signal=3.0, blank=np.arange(100) < 10)
    x = x.assign_coords(side=("trial", np.where(x.blank, "blank", np.array(["left", "right"])[x.side]).astype(object)))
    result = decode(x, "side", n_permutations=5)
    assert result.true.values.tolist() == ["left", "right"]
    assert result.attrs["n_trials"] == 90
    assert result.attrs["decode_dropped_blank"] == 10
    assert set(result.prediction.values) == {"left", "right"}


def test_a_silent_unit_changes_nothing():
    x = population(signal=0.7)
    silent = xr.concat([x, (x.isel(unit=[0]) * 0 + 3)], "unit")
    assert decode(silent, "side", n_permutations=0).accuracy == decode(x, "side", n_permutations=0).accuracy


def test_a_network_layer_is_decoded_like_a_brain_area():
    assert decode(population(signal=3.0).rename(unit="feature"), "side", n_permutations=3).accuracy > 0.9


def test_a_result_says_how_it_was_made():
    result = decode(population(), "side", n_permutations=7, seed=3)
    assert result.attrs["target"] == "side"
    assert result.attrs["folds"] == "contiguous"
    assert result.attrs["null"] == "labels shuffled among all trials"
    assert (result.attrs["n_classes"], result.attrs["n_units"], result.attrs["n_folds"]) == (2, 12, 5)
    assert result.attrs["citation"] == "nobody"
    assert json.loads(result.attrs["steps"])[-1]["n_permutations"] == 7
    assert result.accuracy.attrs["units"] == "1"


def test_each_refusal_says_what_is_wrong_and_what_to_do():
    x = population()
    nan = x.astype(float)
    nan[:3, 2] = np.nan
    for sentence, array, keywords in [
        (r"3 of 1200 responses, in 3 of 100 trials and 1 of 12 units\. Drop them: x\.dropna\('unit'\)", nan, {}),
        ("at least one unit and one bin; got 0 units", x.isel(unit=[]), {}),
        ("got 1 trial", x.isel(trial=[0]), {}),
        ("all 50 trials have side = 1", x.isel(trial=(x.side == 1).values), {}),
        ("fewer trials than the 60 folds", x, {"n_folds": 60}),
        ("knows the decoders lda, logistic, ridge, knn; got 'svm'", x, {"decoder": "svm"}),
    ]:
        with pytest.raises(DesignError, match=sentence):
            decode(array, "side", **keywords)
    for sentence, array, keywords in [
        ("Did you mean 'side'", x, {"target": "sides"}),
        (r'decode needs a "time" dim; got \(trial, unit\)', x, {"over": "time"}),
        (r"knows over=None .* got 'unit'", x, {"over": "unit"}),
        (r"takes \(trial, time, unit\); got also probe\. Select or average", x.expand_dims("probe"), {}),
        ("exactly one of the dims unit, feature, component", x.rename(unit="cell"), {}),
    ]:
        with pytest.raises(DimensionError, match=sentence):
            decode(array, **{"target": "side"} | keywords)


# a real recording, and its twin: mice that lick left or right after a delay


def write_twin(path):
    """A file in the layout of the real one, whose first two units fire more before licks to the left."""
    from pynwb import NWBHDF5IO, NWBFile

    rng = np.random.default_rng(5)
    nwb = NWBFile("twin of mouse-alm", "twin", datetime(2017, 6, 27, tzinfo=UTC))
    for name in ("type", "response", "stim_present", "cue_start_time"):
        nwb.add_trial_column(name, name)
    spikes = [[] for _ in range(4)]
    for i in range(120):
        left, correct, cue = rng.random() < 0.5, rng.random() < 0.8, 10.0 * i + 4.0
        nwb.add_trial(
            start_time=10.0 * i,
            stop_time=10.0 * i + 9.0,
            type="non-performing" if i % 10 == 0 else "lick left" if left else "lick right",
            response="N/A" if i % 10 == 0 else "correct" if correct else "incorrect",
            stim_present=int(i % 7 == 0),
            cue_start_time=np.nan if i % 10 == 0 else cue,
        )
        for unit in range(4):
            rate = 8.0 if unit < 2 and left == correct else 4.0
            spikes[unit].extend(np.sort(rng.uniform(cue - 1.2, cue, rng.poisson(1.2 * rate))))
    for unit in range(4):
        nwb.add_unit(spike_times=spikes[unit])
    with NWBHDF5IO(path, "w") as io:
        io.write(nwb)
    return path


@pytest.mark.parametrize(("kind", "low", "high"), [("twin", 0.65, 0.95), ("real", 0.5, 0.7)])
def test_the_choice_is_read_from_the_delay_as_weakly_as_four_units_allow(kind, low, high, tmp_path):
    from neurodata4ml.data.align.bins import bin_spikes
    from neurodata4ml.data.session import open_session

    if kind == "twin":
        path = write_twin(tmp_path / "twin.nwb")
    else:
        path = real_data("mouse-alm") / "sub_anm00239123_ses_20170627T093549_ecephys_and_ogen.nwb"
    counts = bin_spikes(open_session(path, trials="trials"), align="cue_start_time", window=(-1.2, 0), bin_width=None)
    counts = counts.isel(trial=((counts.stim_present == 0) & counts.response.isin(["correct", "incorrect"])).values)
    left = (counts.type == "lick left") == (counts.response == "correct")
    counts = counts.assign_coords(choice=("trial", np.where(left, "left", "right").astype(object)))
    result = decode(counts, "choice", n_permutations=39)
    assert low < result.accuracy < high
    assert abs(result.chance - 0.5) < 0.05
    assert result.attrs["bin_spikes_dropped_nan"] == {"twin": 12, "real": 70}[kind]
