"""Folds, nulls and confounds of the asker's own; continuous recordings; what a result says of them."""

import numpy as np
import pytest
import xarray as xr
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, RepeatedKFold, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.design.nulls import permutation_null
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.linear.discriminant import LeastSquaresLDA
from neurodata4ml.errors import DesignError, DimensionError


def trials(n_trials=100, n_units=10, signal=1.0, seed=0, **coords):
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(n_trials) % 2)
    values = rng.normal(size=(n_trials, n_units)) + signal * np.outer(side, rng.normal(size=n_units))
    coords = {"side": ("trial", side), **{name: ("trial", np.asarray(v)) for name, v in coords.items()}}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


def recording(n=3000, seed=0, follows=True):
    """A continuous recording of ten units that follow a slow speed, or another speed like it."""
    rng = np.random.default_rng(seed)

    def slow():
        return np.convolve(rng.normal(size=n + 40), np.hanning(41), mode="valid")

    speed, other = slow(), slow()
    values = np.outer(speed if follows else other, rng.normal(size=10)) + rng.normal(size=(n, 10))
    coords = {"time": np.arange(n) * 0.25, "speed": ("time", speed)}
    return xr.DataArray(values, dims=("time", "unit"), coords=coords)


def by_hand(X, y, parts):
    said = np.empty(len(y), dtype=y.dtype)
    for train, test in parts:
        said[test] = make_pipeline(StandardScaler(), LeastSquaresLDA()).fit(X[train], y[train]).predict(X[test])
    return said


def test_folds_of_ones_own_are_taken_by_their_positions():
    x = trials(session_part=np.repeat(np.arange(4), 25))
    for folds in (KFold(4), list(KFold(4).split(x)), splits(x, n_folds=4), np.repeat(np.arange(4), 25)):
        result = decode(x, "side", folds=folds, n_shuffles=0)
        assert result.prediction.values.tolist() == by_hand(x.values, x.side.values, KFold(4).split(x)).tolist()
        assert result.attrs["n_folds"] == 4


def test_blank_trials_count_in_folds_and_nulls_made_from_the_same_array():
    blank = np.arange(120) % 6 == 0
    x = trials(120, blank=blank, signal=0.5)
    folds, null = splits(x, target="side"), permutation_null(x, "side", n_shuffles=9)
    result = decode(x, "side", folds=folds, null=null)
    kept = x.isel(trial=~blank).drop_vars("blank")
    again = decode(kept, "side", folds=folds.fold[~blank], null=permutation_null(kept, "side", n_shuffles=9))
    assert result.attrs["n_trials"] == 100
    assert result.score == again.score
    np.testing.assert_array_equal(result.null, again.null)


def test_a_repeated_splitter_is_averaged_over():
    x = trials(60, signal=0.5)
    splitter = RepeatedKFold(n_splits=4, n_repeats=3, random_state=0)
    with pytest.warns(UserWarning, match="lie in another fold than the trial before"):
        result = decode(x, "side", folds=splitter, n_shuffles=0)
    assert result.score_repeat.sizes == {"repeat": 3}
    assert result.score == pytest.approx(result.score_repeat.mean().item())
    pairs = list(splitter.split(x))
    for repeat in range(3):
        said = by_hand(x.values, x.side.values, pairs[4 * repeat : 4 * repeat + 4])
        recall = [np.mean(said[x.side == side] == side) for side in (0, 1)]
        assert result.score_repeat[repeat] == pytest.approx(np.mean(recall))


@pytest.mark.filterwarnings("ignore:.*lie in another fold")
def test_folds_that_leak_are_refused_and_a_reason_is_printed():
    block = np.repeat(np.arange(20), 5)
    x = trials(100, block=block).assign_coords(side=("trial", np.random.default_rng(0).permutation(20)[block] % 2))
    leaky = KFold(5, shuffle=True, random_state=0)
    with pytest.raises(DesignError, match="block"):
        decode(x, "side", folds=leaky, n_shuffles=0)
    with pytest.warns(UserWarning, match="folds leak, and that was allowed because: shows what drift does"):
        result = decode(x, "side", folds=leaky, n_shuffles=0, allow_leak="shows what drift does")
    assert result.attrs["leak"] == "shows what drift does"
    assert result.attrs["notes"]
    whole = decode(x, "side", folds=StratifiedGroupKFold(5), n_shuffles=0)
    assert whole.attrs["leak"] == ""


def test_a_null_is_a_scheme_by_name_or_made_beforehand():
    x = trials(80, block=np.repeat(np.arange(8), 10))
    default = decode(x, "side", n_shuffles=9)
    assert default.attrs["null_scheme"] == "within blocks"
    null = permutation_null(x, "side", n_shuffles=9)
    np.testing.assert_array_equal(decode(x, "side", null=null).null, default.null)
    with pytest.warns(UserWarning, match="the design says"):
        other = decode(x, "side", n_shuffles=9, null="all trials")
    assert other.attrs["null_scheme"] == "all trials"
    with pytest.raises(DesignError, match="The null was made from 80 other labels than the 79 'side'"):
        decode(x.isel(trial=slice(1, None)), "side", null=null)


def test_a_design_that_allows_no_p_gives_none_and_says_why():
    block = np.repeat(np.arange(6), 10)
    x = trials(60, block=block).assign_coords(side=("trial", block % 2))
    result = decode(x, "side", folds=splits(x, over="block", target="side", n_folds=3), n_shuffles=19)
    assert np.isnan(result.p_value)
    assert result.attrs["no_p"]
    assert result.attrs["null_scheme"] == "whole blocks"


def test_class_balanced_folds_are_dealt_again_for_every_shuffle():
    rng = np.random.default_rng(0)
    stimulus = rng.permutation(np.repeat(np.arange(20), 5))
    values = rng.normal(size=(20, 30))[stimulus] + 0.5 * rng.normal(size=(100, 30))
    coords = {"stimulus": ("trial", stimulus), "kind": ("trial", stimulus % 2)}
    x = xr.DataArray(values, dims=("trial", "unit"), coords=coords)
    result = decode(x, "kind", n_shuffles=39)
    assert result.attrs["folds"] == "stimulus"
    assert result.attrs["null_scheme"] == "whole stimuli"
    # stimuli without class structure: the tempting folds know them again, ours are at chance, and so is the null
    with pytest.warns(UserWarning, match="leak"):
        naive = decode(x, "kind", folds=KFold(5), n_shuffles=0, allow_leak="the same images on both sides")
    assert naive.score > 0.9
    assert abs(result.score - result.chance) < 0.25
    assert result.p_value > 0.05


def test_a_continuous_recording_is_read_from_stretches_of_time_with_a_gap():
    x = recording()
    result = decode(x, "speed", decoder="ridge", n_shuffles=49)
    assert result.prediction.dims == ("time",)
    assert result.attrs["n_samples"] == result.sizes["time"]
    assert result.score > 0.5
    assert result.attrs["null_scheme"] in ("circular shift", "linear shift")
    assert result.low < result.score < result.high
    other = decode(recording(follows=False), "speed", decoder="ridge", n_shuffles=49)
    assert other.score < 0.2
    assert not other.p_value <= 0.05


@pytest.mark.filterwarnings("ignore:scheme=")
def test_a_shuffled_score_counts_the_samples_that_the_null_uses_and_no_others():
    x = recording()
    null = permutation_null(x, "speed", n_shuffles=19, scheme="linear shift")
    assert len(null.used) < x.sizes["time"]
    result = decode(x, "speed", decoder="ridge", null=null)
    tested = np.isin(x.time.values[null.used], result.time.values)
    assert len(result.time) == tested.sum() > 0.9 * len(null.used)
    assert result.sizes["fold"] == 5
    assert np.isfinite(result.score_fold).all()


def test_a_continuous_recording_has_no_other_time_to_decode_over():
    with pytest.raises(DimensionError, match="time holds the samples of this continuous recording"):
        decode(recording(), "speed", decoder="ridge", over="time")


def running(signal, seed=0, n_trials=200):
    """Responses that follow running speed, and a label that goes with it; ``signal`` of its own on other units."""
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(n_trials) % 2)
    speed = 2.0 * side + rng.normal(size=n_trials)
    values = np.outer(speed, rng.normal(size=10)) + rng.normal(size=(n_trials, 10))
    values += signal * np.outer(side, rng.normal(size=10))
    coords = {"side": ("trial", side), "speed": ("trial", speed), "other": ("trial", rng.normal(size=n_trials))}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


@pytest.mark.parametrize("decoder", ["lda", "ridge", "logistic"])
def test_what_goes_with_running_alone_is_gone_with_it_and_a_signal_stays(decoder):
    options = {"decoder": decoder, "n_shuffles": 0}
    assert decode(running(0.0), "side", **options).score > 0.75
    # what is left of the label after its speed is noise
    gone = decode(running(0.0), "side", confounds="speed", **options)
    assert abs(gone.score - 0.5) < 0.1
    assert gone.attrs["confounds"] == "speed"
    assert decode(running(4.0), "side", confounds=["speed", "other"], **options).score > 0.75


def test_confounds_are_learnt_from_training_samples_alone():
    x = running(1.0, n_trials=60)
    result = decode(x, "side", confounds=["speed", "other"], n_shuffles=0)
    Z, X, y = np.stack([x.speed, x.other], axis=1), x.values, x.side.values
    for train, test in splits(x, target="side").split():
        rest = X - LinearRegression().fit(Z[train], X[train]).predict(Z)
        said = make_pipeline(StandardScaler(), LeastSquaresLDA()).fit(rest[train], y[train]).predict(rest[test])
        assert result.prediction.values[test].tolist() == said.tolist()


def test_confounds_are_taken_out_of_every_bin_and_every_shuffle():
    x = xr.concat([running(0.0, seed=s, n_trials=60) for s in (0, 1)], dim="time", coords="minimal", compat="override")
    over = decode(x, "side", over="time", confounds="other", n_shuffles=3)
    for t in range(2):
        alone = decode(x.isel(time=t), "side", confounds="other", n_shuffles=3)
        assert over.score[t] == alone.score
        np.testing.assert_array_equal(over.null[:, t], alone.null)


@pytest.mark.parametrize(
    ("coords", "name", "error", "sentence"),
    [
        ({"speed": np.where(np.arange(100) < 3, np.nan, 1.0)}, "speed", DesignError, "3 of 100 trials have no 'speed'"),
        ({}, "side", DesignError, "'side' is the target, and cannot be a confound too"),
        (
            {"word": np.array(["a", "b"] * 50)},
            "word",
            DesignError,
            "the confound 'word' holds 'a', and confounds are num",
        ),
        ({"speed": np.arange(100.0)}, "sped", DimensionError, "Did you mean 'speed'"),
    ],
)
def test_a_confound_that_cannot_be_taken_out_is_refused(coords, name, error, sentence):
    with pytest.raises(error, match=sentence):
        decode(trials(**coords), "side", confounds=name, n_shuffles=0)


def test_a_pseudo_population_is_called_one_in_its_result():
    from neurodata4ml.analysis.decoding.pseudo import pseudo_population

    both = pseudo_population([trials(60, seed=s) for s in (0, 1)], "side", n_folds=5)
    result = decode(both, "side", n_shuffles=19)
    assert result.attrs["pseudo_population"]
    assert str(result.attrs["pseudo_population"]).rstrip(".") in result.attrs["notes"]
    assert result.score > 0.8


@pytest.mark.parametrize("name", ["class", "true", "predicted", "fold", "unit_of_meaning"])
def test_a_target_may_have_any_name(name):
    x = trials(60, signal=2.0).rename(side=name)
    result = decode(x, name, n_shuffles=2)
    assert result.attrs["target"] == name
    assert result.weights["class"].values.tolist() == [0, 1]
    assert np.mean(result.prediction.values == x[name].values) > 0.8


def test_steps_and_provenance_tell_what_was_done():
    x = trials(60)
    x.attrs["citation"] = "nobody"
    result = decode(x, "side", decoder="ridge", n_shuffles=3, seed=4)
    assert result.attrs["citation"] == "nobody"
    for said in ('"decoder": "ridge"', '"n_shuffles": 3', '"seed": 4', '"scoring": "balanced_accuracy"'):
        assert said in result.attrs["steps"]
