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


@pytest.mark.filterwarnings("ignore:scheme=")  # what a test of runs says of random labels, once in twenty times
def test_p_values_are_uniform_where_there_is_no_signal():
    p = [
        decode(population(80, 5, signal=0.0, seed=s), "side", n_shuffles=19, null="all trials").p_value.item()
        for s in range(40)
    ]
    assert 0.35 < np.mean(p) < 0.65
    assert np.mean(np.array(p) <= 0.05) < 0.15


def test_a_frequent_class_earns_nothing():
    rng = np.random.default_rng(0)
    side = rng.permutation(np.repeat([0, 1], [160, 40]))
    x = xr.DataArray(rng.normal(size=(200, 10)), dims=("trial", "unit"), coords={"side": ("trial", side)})
    always = decode(x, "side", decoder=DummyClassifier(strategy="most_frequent"), n_shuffles=9)
    assert np.mean(always.prediction.values == side) == 0.8
    assert always.score == 0.5
    assert abs(decode(x, "side", n_shuffles=9).score - 0.5) < 0.1


def test_over_time_the_signal_is_found_when_it_is_there():
    rng = np.random.default_rng(0)
    x = population(120, 10, signal=1.5)
    noise = rng.poisson(3.0, (8, 120, 10))
    values = np.concatenate([noise[:4], np.stack([x.values] * 2) + noise[4:6] // 3, noise[6:]])
    over = xr.DataArray(values.astype(np.int8), dims=("time", "trial", "unit"), coords=x.coords)
    over = over.assign_coords(time=np.arange(8) * 0.05)
    result = decode(over, "side", over="time", n_shuffles=39)
    assert result.score.dims == ("time",)
    assert result.null.dims == ("shuffle", "time")
    assert np.flatnonzero(result.p_value_corrected <= 0.05).tolist() == [4, 5]
    assert (result.p_value_corrected >= result.p_value).all()
    assert np.allclose(result.chance, 0.5, atol=0.05)
    assert "confusion" not in result
    assert (result.low <= result.score).all()
    assert (result.score <= result.high).all()


def test_each_bin_over_time_equals_that_bin_alone():
    rng = np.random.default_rng(1)
    x = xr.DataArray(rng.poisson(2.0, (60, 3, 8)), dims=("trial", "time", "unit"))
    x = x.assign_coords(side=("trial", rng.permutation(60) % 3))
    whole = decode(x, "side", over="time", n_shuffles=5)
    for t in range(3):
        alone = decode(x.isel(time=t), "side", n_shuffles=5)
        assert whole.score[t] == alone.score
        np.testing.assert_array_equal(whole.null[:, t], alone.null)
        assert whole.p_value[t] == alone.p_value


def test_without_over_the_mean_over_time_is_read():
    rng = np.random.default_rng(1)
    x = xr.DataArray(rng.poisson(2.0, (60, 3, 8)), dims=("trial", "time", "unit"))
    x = x.assign_coords(side=("trial", rng.permutation(60) % 2))
    one, two = decode(x, "side", n_shuffles=3), decode(x.mean("time"), "side", n_shuffles=3)
    assert one.score == two.score
    np.testing.assert_array_equal(one.prediction, two.prediction)


def test_the_parts_of_a_result_agree_with_each_other():
    x = population(n_trials=97, n_classes=3, signal=0.8)
    result = decode(x, "side", n_shuffles=20)
    assert result.score == pytest.approx(balanced_accuracy_score(x.side, result.prediction))
    confusion = result.confusion.values
    assert confusion.sum() == 97
    assert confusion.sum(axis=1).tolist() == np.bincount(x.side).tolist()
    assert result.score == pytest.approx(np.mean(np.diag(confusion) / confusion.sum(axis=1)))
    assert result.prediction.trial.values.tolist() == x.trial.values.tolist()
    assert result.score_fold.dims == ("fold",)
    assert result.chance == pytest.approx(result.null.mean().item())
    assert result.p_value == (1 + np.sum(result.null.values >= result.score.item())) / 21


def test_pooled_accuracy_equals_scikit_learn_on_the_same_folds():
    x = population(n_trials=90, n_classes=3, signal=0.8)
    result = decode(x, "side", n_shuffles=0)
    peer = cross_val_predict(DECODERS["lda"](), x.values.astype(float), x.side.values, cv=splits(x))
    assert result.score == pytest.approx(balanced_accuracy_score(x.side, peer))
    assert np.isnan(result.chance)


def test_without_shuffles_there_is_no_p_value():
    x = xr.concat([population(signal=2.0)] * 3, dim="time").assign_coords(time=np.arange(3.0))
    assert np.isnan(decode(x, "side", n_shuffles=0).p_value)
    over_time = decode(x, "side", over="time", n_shuffles=0)
    assert over_time.p_value.isnull().all()
    assert over_time.p_value_corrected.isnull().all()
    assert (decode(x, "side", over="time", n_shuffles=1).p_value_corrected == 0.5).all()


def test_with_three_blocks_a_result_says_that_it_has_three_folds():
    x = population(150, block=np.repeat(np.arange(3), 50))
    result = decode(x, "side", n_shuffles=1)
    assert (result.attrs["n_folds"], result.attrs["folds"], result.sizes["fold"]) == (3, "block", 3)
    assert '"n_folds": 3' in result.attrs["steps"]


def test_neither_the_order_of_units_nor_of_trials_matters():
    x = population(signal=0.7, start_time=np.arange(100.0))
    rng = np.random.default_rng(3)
    again = x.isel(unit=rng.permutation(12), trial=rng.permutation(100)).transpose("unit", "trial")
    assert decode(again, "side", n_shuffles=0).score == decode(x, "side", n_shuffles=0).score


def test_the_same_seed_gives_the_same_null_and_another_seed_another():
    x = population()
    one, two, other = (decode(x, "side", n_shuffles=10, seed=s).null.values for s in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()


def test_labels_may_be_words_and_blanks_are_not_a_class():
    x = population(100, signal=3.0, blank=np.arange(100) < 10)
    x = x.assign_coords(side=("trial", np.where(x.blank, "blank", np.array(["left", "right"])[x.side]).astype(object)))
    result = decode(x, "side", n_shuffles=5)
    assert result.true.values.tolist() == ["left", "right"]
    assert result.attrs["n_trials"] == 90
    assert result.attrs["decode_dropped_blank"] == 10
    assert set(result.prediction.values) == {"left", "right"}


def test_a_silent_unit_changes_nothing():
    x = population(signal=0.7)
    silent = xr.concat([x, (x.isel(unit=[0]) * 0 + 3)], "unit")
    assert decode(silent, "side", n_shuffles=0).score == decode(x, "side", n_shuffles=0).score


def test_a_network_layer_is_decoded_like_a_brain_area():
    assert decode(population(signal=3.0).rename(unit="feature"), "side", n_shuffles=3).score > 0.9


def test_a_result_says_how_it_was_made():
    result = decode(population(), "side", n_shuffles=7, seed=3)
    assert result.attrs["target"] == "side"
    assert result.attrs["folds"] == "contiguous"
    assert result.attrs["null_scheme"] == "all trials"
    assert result.attrs["leak"] == result.attrs["no_p"] == ""
    assert result.attrs["smallest_p"] == 1 / 8
    assert "stretches of time" in result.attrs["folds_why"]
    assert (result.attrs["n_classes"], result.attrs["n_units"], result.attrs["n_folds"]) == (2, 12, 5)
    assert result.attrs["citation"] == "nobody"
    assert json.loads(result.attrs["steps"])[-1]["n_shuffles"] == 7
    assert result.score.attrs["units"] == "1"


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
    result = decode(counts, "choice", n_shuffles=39)
    assert low < result.score < high
    assert abs(result.chance - 0.5) < 0.05
    assert result.attrs["bin_spikes_dropped_nan"] == {"twin": 12, "real": 70}[kind]
