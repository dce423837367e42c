"""Folds keep apart what belongs together, test each sample once, and refuse what cannot be asked."""

import re
import warnings

import numpy as np
import pytest
import xarray as xr
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.design.trials import block_labels
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.errors import DesignError, DimensionError


def trials(n_trials=60, **coords):
    x = np.arange(2.0 * n_trials).reshape(n_trials, 2)
    return xr.DataArray(
        x, dims=("trial", "unit"), coords={name: ("trial", np.asarray(v)) for name, v in coords.items()}
    )


def mixed(n_trials=60, n_classes=2, seed=0):
    return np.random.default_rng(seed).permutation(np.arange(n_trials) % n_classes)


@pytest.mark.parametrize("over", ["trial", "block", "stimulus"])
def test_every_trial_is_tested_once_and_never_learnt_from_in_its_own_fold(over):
    x = trials(stimulus=np.arange(60) % 12, block=np.arange(60) // 6)
    tested = []
    for train, test in splits(x, over=over, n_folds=4).split():
        assert set(train).isdisjoint(test)
        assert len(train) + len(test) == 60
        tested.extend(test)
    assert sorted(tested) == list(range(60))


def test_blocks_are_kept_whole_and_folds_follow_time():
    block = np.repeat([4, 2, 9, 7, 5], 12)
    folds = splits(trials(block=block, start_time=np.arange(60.0), side=mixed()), target="side")
    assert folds.kind == "block"
    for train, test in folds.split():
        assert set(block[train]).isdisjoint(block[test])
    assert folds.fold.tolist() == np.repeat(np.arange(5), 12).tolist()


@pytest.mark.parametrize("target", [None, "stimulus"])
def test_with_fewer_blocks_than_folds_each_block_is_a_fold(target):
    # the Allen layout: 50 repeats of every stimulus in 3 blocks, which are not of one length
    rng = np.random.default_rng(0)
    stimulus = np.concatenate([rng.permutation(np.arange(n * 8) % 8) for n in (17, 17, 16)])
    block = np.repeat([11, 12, 13], [17 * 8, 17 * 8, 16 * 8])
    folds = splits(trials(400, stimulus=stimulus, block=block), n_folds=5, target=target)
    assert (folds.kind, folds.n_folds, folds.get_n_splits()) == ("block", 3, 3)
    assert folds.fold.tolist() == (block - 11).tolist()


def test_a_class_needs_one_trial_in_each_block_not_in_each_of_the_folds_that_were_asked_for():
    x = trials(12, side=[0, 1, 0, 0] * 3, block=np.repeat([1, 2, 3], 4))
    assert splits(x, target="side", n_folds=5).n_folds == 3


def test_blocks_that_lack_a_class_are_cut_into_stretches_of_time_and_a_warning_says_so():
    order = np.random.default_rng(0).permutation(60)
    side = np.where(order < 20, order % 2, order % 3)
    x = trials(block=order // 20, side=side, start_time=order.astype(float))
    with pytest.warns(UserWarning, match=r"The 3 blocks are fewer than n_folds=5, and some lack a class.*n_folds=3"):
        folds = splits(x, n_folds=5, target="side")
    assert folds.kind == "contiguous"
    for _, test in folds.split():
        assert np.ptp(order[test]) == len(test) - 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert splits(x, n_folds=3, target="side").kind == "block"


def test_whole_stimuli_are_held_out_with_every_class_in_every_fold():
    stimulus = np.tile(np.arange(20), 3)
    folds = splits(trials(stimulus=stimulus, digit=stimulus // 10), over="stimulus", target="digit", seed=3)
    assert folds.kind == "stimulus"
    for train, test in folds.split():
        assert set(stimulus[train]).isdisjoint(stimulus[test])
        assert np.bincount(stimulus[test] // 10).tolist() == [6, 6]


def test_folds_of_stimuli_go_by_label_so_that_the_order_of_trials_never_matters():
    stimulus = np.tile(np.arange(20), 3)
    order = np.random.default_rng(1).permutation(60)
    one = splits(trials(stimulus=stimulus), over="stimulus", seed=3).fold
    two = splits(trials(stimulus=stimulus[order]), over="stimulus", seed=3).fold
    assert one[order].tolist() == two.tolist()
    assert splits(trials(stimulus=stimulus), over="stimulus", seed=4).fold.tolist() != one.tolist()


def test_blank_and_invalid_trials_lie_in_no_fold_and_positions_stay_those_of_x():
    x = trials(10, blank=np.arange(10) == 0, valid=np.arange(10) != 9)
    folds = splits(x, n_folds=2)
    assert folds.fold.tolist() == [-1, 0, 0, 0, 0, 1, 1, 1, 1, -1]
    train, test = next(folds.split())
    assert test.tolist() == [1, 2, 3, 4]
    assert train.tolist() == [5, 6, 7, 8]


def test_folds_are_a_cross_validator_of_scikit_learn():
    y = mixed()
    folds = splits(trials(side=y), target="side")
    scores = cross_val_score(KNeighborsClassifier(1), np.c_[y, y], y, cv=folds)
    assert scores.tolist() == [1.0] * folds.get_n_splits()


def test_labels_constant_in_blocks_are_refused_and_the_remedies_work():
    block = np.repeat(np.arange(12), 5)
    x = trials(block=block, side=block % 2)
    for n_folds in (5, 3):
        with pytest.raises(DesignError, match=r"Each of the 12 blocks holds one label only.*The block is the sample"):
            splits(x, over="trial", target="side", n_folds=n_folds)
    blocks_as_samples = average_by(x, "block").rename(block="trial")
    assert splits(blocks_as_samples, target="side", n_folds=3).fold.tolist() == np.repeat([0, 1, 2], 4).tolist()
    whole = splits(x, over="block", target="side", n_folds=3)
    for _, test in whole.split():
        assert np.bincount(block[test] % 2).tolist() == [10, 10]


@pytest.mark.parametrize("over", ["trial", "block", "stimulus", "session", "time"])
def test_the_order_in_which_trials_are_stored_never_matters(over):
    n = np.arange(60)
    x = trials(
        start_time=np.sort(np.random.default_rng(2).uniform(0, 99, 60)),
        stimulus=n * 7 % 12,
        block=n // 6,
        session=n // 30,
    )
    order = np.random.default_rng(1).permutation(60)
    one, two = (splits(part, over=over, n_folds=2, purge=1.0) for part in (x, x.isel(trial=order)))
    assert one.fold[order].tolist() == two.fold.tolist()
    assert (one.gap is None and two.gap is None) or (one.gap[:, order] == two.gap).all()


def test_blocks_of_one_trial_say_nothing_about_the_design():
    x = trials(block=np.arange(60), side=mixed())
    assert splits(x, target="side").kind == "contiguous"
    assert block_labels(x) is None


def refused(sentence, x, **keywords):
    with pytest.raises(DesignError, match=sentence):
        splits(x, **keywords)


def test_each_refusal_says_what_is_wrong_and_what_to_do():
    side = mixed()
    refused("n_folds of at least 2; got 1", trials(), n_folds=1)
    refused("5 folds need at least 5 trials; got 1 trial", trials(1))
    refused("n_folds of at least 2; got 2.5.*n_folds=5", trials(), n_folds=2.5)
    refused("n_folds of at least 2; got True", trials(), n_folds=True)
    refused("5 folds need at least 5 trials; got 0 trials", trials(8, blank=np.ones(8, dtype=bool)), target=None)
    refused(
        r'splits knows over="trial", "block", "stimulus", "session" and "time"; got \'unit\'', trials(), over="unit"
    )
    refused(r"6 of 60 trials have no 'side' \(NaN\)", trials(side=np.r_[[np.nan] * 6, side[6:]]), target="side")
    refused(r"60 of 60 classes of 'side' have fewer trials than the 5 folds", trials(side=np.arange(60)), target="side")
    refused("all 60 trials have side = 1", trials(side=np.ones(60, dtype=int)), target="side")
    refused(
        r"2 of 4 classes of 'side' have fewer trials than the 5 folds: 7 \(1\), 8 \(3\)\. Drop them: .*or merge",
        trials(side=np.r_[side[:56], 7, 8, 8, 8]),
        target="side",
    )
    refused(r"7 \(4\)\. Use n_folds=4\. Drop them", trials(side=np.r_[side[:56], [7] * 4]), target="side")
    refused(
        "Fold 0 of 5 holds only side = 0 among its 12 trials.*'side' follows the course",
        trials(side=np.arange(60) // 30),
        target="side",
    )
    refused(
        "Fold 0 of 5 tests side = 9, which occurs in no other fold",
        trials(side=np.r_[[9] * 6, side[6:]]),
        target="side",
    )
    refused(r"at least 2 blocks; got 0: .*Add it: x.assign_coords\(block=\('trial'", trials(), over="block")
    block = np.repeat(np.arange(6), 10)
    refused(
        r"at least 2 blocks of every class.*there is 1 of side = True.*over=\"trial\", target='side', allow_leak=",
        trials(block=block, side=block == 5),
        target="side",
    )
    refused(
        r"at least 2 stimuli of every class.*there is 1 of digit = 1\. Leave that class out, take a target",
        trials(stimulus=np.arange(60) % 12, digit=(np.arange(60) % 12 > 10).astype(int)),
        target="digit",
    )
    refused("all 60 trials have digit = 0", trials(stimulus=np.arange(60) % 12, digit=np.zeros(60)), target="digit")
    refused(
        "differs between trials of one stimulus",
        trials(stimulus=np.arange(60) % 12, side=side),
        over="stimulus",
        target="side",
    )


def test_the_line_that_drops_rare_classes_can_be_typed():
    x = trials(side=np.r_[mixed()[:56], 7, 8, 8, 8])
    with pytest.raises(DesignError) as error:
        splits(x, target="side")
    remedy = re.search(r"Drop them: (.*?);", str(error.value))[1]
    assert eval(remedy, {"x": x}).sizes["trial"] == 56


def test_a_missing_target_is_suggested_and_averages_have_no_folds():
    with pytest.raises(DimensionError, match=r"'sides' on 'trial'.*Did you mean 'side'"):
        splits(trials(side=mixed()), target="sides")
    with pytest.raises(DimensionError, match=r'splits needs a "trial" dim.*Folds are made of trials'):
        splits(xr.DataArray(np.zeros((3, 2)), dims=("stimulus", "unit")))
