"""What is held out follows from the design: from blocks, stimuli, sessions, and what kind of label is asked for."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neurodata4ml.analysis.design.dealing import remade
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.design.trials import is_continuous
from neurodata4ml.errors import DesignError


def trials(n_trials=60, **coords):
    x = np.arange(2.0 * n_trials).reshape(n_trials, 2)
    return xr.DataArray(
        x, dims=("trial", "unit"), coords={name: ("trial", np.asarray(v)) for name, v in coords.items()}
    )


def mixed(n_trials=60, n_classes=2, seed=0):
    return np.random.default_rng(seed).permutation(np.arange(n_trials) % n_classes)


def refused(sentence, x, **keywords):
    with pytest.raises(DesignError, match=sentence):
        splits(x, **keywords)


def test_by_default_labels_constant_in_blocks_are_tested_in_whole_blocks_of_every_class_in_the_order_of_time():
    for side_of_block in (np.arange(12) % 2, mixed(12), np.arange(12) // 6):
        block = np.repeat(np.arange(12), 5)
        folds = splits(trials(block=block, side=side_of_block[block]), target="side", n_folds=3)
        assert (folds.kind, folds.n_folds) == ("block", 3)
        assert folds.why.startswith("Whole blocks are held out, since 'side' is constant within each")
        for k, (train, test) in enumerate(folds.split()):
            assert set(block[train]).isdisjoint(block[test])
            for side in (0, 1):
                mine = np.flatnonzero(side_of_block == side)
                assert set(block[test]) & set(mine) == set(mine[2 * k : 2 * k + 2])


def test_a_property_of_the_stimulus_is_tested_on_new_stimuli_by_default():
    stimulus = np.tile(np.arange(20), 3)
    folds = splits(trials(stimulus=stimulus, digit=stimulus // 10), target="digit")
    assert folds.kind == "stimulus"
    assert folds.why == "Whole stimuli are held out, since 'digit' is a property of the stimulus."
    assert splits(trials(stimulus=stimulus), target="stimulus", n_folds=3).kind == "contiguous"  # no class has two
    assert splits(trials(stimulus=np.arange(60), side=mixed()), target="side").kind == "contiguous"  # none recurs
    angle = np.linspace(0, np.pi, 30)  # measured, and one stimulus for each value
    x = trials(stimulus=np.tile(np.arange(30), 2), angle=np.tile(angle, 2))
    assert splits(x, target="angle").kind == "stimulus"


def test_a_property_of_stimuli_that_follows_blocks_keeps_both_whole():
    # blocks of faces and of houses; each picture is shown in two blocks
    block = np.repeat(np.arange(12), 6)
    stimulus = (block // 4) * 12 + (block % 2) * 6 + np.tile(np.arange(6), 12)
    folds = splits(trials(72, block=block, stimulus=stimulus, house=block % 2), target="house")
    assert folds.kind == "block"
    assert folds.n_folds == 3
    assert folds.notes == (
        "5 folds were asked for; there are 3 blocks (what shares a block or a stimulus stays together) of house = 0",
    )
    for train, test in folds.split():
        assert set(block[train]).isdisjoint(block[test])
        assert set(stimulus[train]).isdisjoint(stimulus[test])
        assert set(block[test] % 2) == {0, 1}


def test_labels_constant_in_sessions_are_tested_on_new_sessions_of_every_class():
    session = np.repeat(list("abcdefgh"), 10)
    x = trials(80, session=session, genotype=np.where(np.isin(session, list("abcd")), "wild", "mutant"))
    folds = splits(x, target="genotype", n_folds=4)
    assert folds.kind == "session"
    for train, test in folds.split():
        assert set(session[train]).isdisjoint(session[test])
        assert len(set(x.genotype.values[test])) == 2
    with pytest.raises(DesignError, match=r"Each of the 8 sessions holds one label only.*over='session'"):
        splits(x, target="genotype", over="trial")


def test_whole_sessions_are_left_out_when_asked_for_and_each_is_cut_otherwise():
    session, clock = np.repeat([7, 3, 5], 20), np.tile(np.arange(20.0), 3)
    x = trials(session=session, start_time=clock, side=mixed())
    left_out = splits(x, over="session", target="side")
    assert (left_out.kind, left_out.n_folds) == ("session", 3)
    assert left_out.notes == ("5 folds were asked for; there are 3 sessions",)
    assert all(len(set(session[test])) == 1 for _, test in left_out.split())
    cut = splits(x, target="side", n_folds=4)
    assert cut.kind == "contiguous"
    assert cut.fold.tolist() == np.tile(np.arange(4).repeat(5), 3).tolist()
    with pytest.raises(DesignError, match=r"at least 2 sessions; got 1: the coordinate 'session' on 'trial'"):
        splits(trials(), over="session")


def test_block_one_of_a_session_is_not_block_one_of_another():
    session, block = np.repeat([0, 1], 30), np.tile(np.repeat([1, 2, 3], 10), 2)
    folds = splits(trials(session=session, block=block, side=mixed()), target="side", n_folds=3)
    assert folds.fold.tolist() == np.repeat([0, 1, 2], 20).tolist()


def test_stratified_stimuli_are_shared_out_over_another_coordinate_too():
    stimulus = np.tile(np.arange(30), 3)
    x = trials(90, stimulus=stimulus, category=stimulus // 10)
    folds = splits(x, encoding=True, stratify="category", n_folds=5)
    assert folds.kind == "stimulus"
    for _, test in folds.split():
        assert np.bincount(stimulus[test] // 10).tolist() == [6, 6, 6]
    both = splits(x.assign_coords(odd=x.stimulus % 2), target="odd", stratify="category", n_folds=5)
    for _, test in both.split():
        assert np.bincount(stimulus[test] % 2).tolist() == [9, 9]
        assert np.bincount(stimulus[test] // 10).min() >= 3
    refused("stratify balances whole blocks, stimuli or sessions", x, stratify="category")
    refused(
        "the same throughout each stimulus",
        x.assign_coords(side=("trial", mixed(90))),
        over="stimulus",
        stratify="side",
    )


def test_fewer_stimuli_in_a_class_than_folds_make_fewer_folds_and_the_notes_say_so():
    stimulus = np.arange(60) % 12
    folds = splits(trials(stimulus=stimulus, digit=(stimulus > 9).astype(int)), target="digit")
    assert folds.n_folds == 2
    assert folds.notes == ("5 folds were asked for; there are 2 stimuli of digit = 1",)
    assert splits(trials(stimulus=np.arange(60) % 3), over="stimulus").notes == (
        "5 folds were asked for; there are 3 stimuli",
    )
    assert splits(trials(block=np.arange(60) // 20), over="block").notes == (
        "5 folds were asked for; there are 3 blocks",
    )


def test_folds_of_shuffled_labels_are_dealt_by_the_rule_of_the_observed_ones():
    rng = np.random.default_rng(0)
    stimulus, block = np.tile(np.arange(24), 3), np.repeat(np.arange(12), 6)
    x = trials(72, stimulus=stimulus, digit=stimulus // 12)
    for shown, group in ((x, stimulus), (trials(72, block=block, digit=block % 2), block)):
        x = shown.assign_coords(blank=("trial", np.arange(72) == 71))
        folds = splits(x, target="digit", n_folds=3)
        again = remade(folds, x.digit.values)
        assert again.fold.tolist() == folds.fold.tolist()
        for _ in range(5):
            shuffled = rng.permutation(np.unique(group) % 2)[group]
            one, two = remade(folds, shuffled), remade(folds, shuffled[:71])
            assert one.fold.tolist() == two.fold.tolist() == folds.remake(shuffled).tolist()
            assert one.fold[71] == -1
            direct = splits(x.assign_coords(digit=("trial", shuffled)), target="digit", n_folds=3)
            assert direct.fold.tolist() == one.fold.tolist()
    given = splits(trials(side=mixed()), target="side")
    assert given.remake is None
    assert remade(given, mixed(seed=1)) is given


LABELS = {
    "strings": np.array(["left", "right"])[mixed()],
    "objects": np.array(["left", "right"], dtype=object)[mixed()],
    "integers": mixed(),
    "booleans": mixed() == 1,
    "floats": mixed() / 4,
    "dates": np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[ns]")[mixed()],
}


@pytest.mark.parametrize("kind", list(LABELS))
def test_labels_of_any_type_make_the_same_folds(kind):
    block = np.repeat(np.arange(12), 5)
    for labels in (LABELS[kind], LABELS[kind][np.arange(12)[block]]):
        codes = np.unique(labels, return_inverse=True)[1]
        x = trials(block=block, side=labels, code=codes)
        assert splits(x, target="side", n_folds=3).fold.tolist() == splits(x, target="code", n_folds=3).fold.tolist()


def test_categories_of_pandas_and_lazy_coordinates_make_the_same_folds():
    block = np.repeat(np.arange(12), 5)
    x = trials(block=block, code=block % 2)
    side = pd.Categorical.from_codes(block % 2, ["left", "right"])
    expected = splits(x, target="code", n_folds=3).fold.tolist()
    assert splits(x.assign_coords(side=("trial", side)), target="side", n_folds=3).fold.tolist() == expected
    lazy = x.chunk().assign_coords({name: x.coords[name].chunk() for name in ("block", "code")})
    assert splits(lazy, target="code", n_folds=3).fold.tolist() == expected


def test_dates_of_trials_order_them_as_seconds_do():
    seconds = np.random.default_rng(0).permutation(60) * 1.5
    date = np.datetime64("2020-01-01", "ns") + (seconds * 1e9).astype("timedelta64[ns]")
    one, two = (splits(trials(start_time=t), purge=2.0) for t in (seconds, date))
    assert one.fold.tolist() == two.fold.tolist()
    assert (one.gap == two.gap).all()


def test_measured_numbers_are_no_classes():
    rng = np.random.default_rng(0)
    assert is_continuous(rng.normal(size=60))
    assert is_continuous(rng.permutation(200).astype(float))
    assert is_continuous(rng.normal(size=8))
    assert not is_continuous(np.tile(np.arange(118.0), 50))  # images, counted in floats
    assert not is_continuous(rng.choice([0, 0.25, 0.5, 1.0], 60))  # contrasts
    assert not is_continuous(np.arange(60))
    folds = splits(trials(reaction=rng.normal(size=60)), target="reaction")
    assert folds.kind == "contiguous"
    assert np.bincount(folds.fold).tolist() == [12] * 5
    block = np.repeat(np.arange(30), 2)
    assert splits(trials(block=block, mood=rng.normal(size=30)[block]), target="mood").kind == "block"
