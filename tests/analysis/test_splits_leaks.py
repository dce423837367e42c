"""What leaks from training to test is refused, with a remedy that works, or allowed for a reason that is said."""

import re
import warnings

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    RepeatedKFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
)

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.design.given import as_folds
from neurodata4ml.analysis.design.leaks import check_leaks
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.dims import add_step
from neurodata4ml.errors import DesignError

BLOCK = np.repeat(np.arange(12), 20)


def trials(n_trials=60, **coords):
    coords = {name: ("trial", np.asarray(values)) for name, values in coords.items()}
    return xr.DataArray(np.zeros((n_trials, 2)), dims=("trial", "unit"), coords=coords)


def windowed(onsets, window, **coords):
    """Trials whose responses were binned in a window around each onset, then summed."""
    x = trials(len(onsets), start_time=onsets, **coords)
    return add_step(x, "bin_spikes", align="start_time", window=window)


def mixed(n_trials=60, n_classes=2, seed=0):
    return np.random.default_rng(seed).permutation(np.arange(n_trials) % n_classes)


def drift(seed):
    """240 trials of 50 units that wander slowly (AR(1), rho = .95) and answer to nothing."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(240, 50)) * np.sqrt(1 - 0.95**2)
    steps[0] = rng.normal(size=50)
    return lfilter([1], [1, -0.95], steps, axis=0) + 0.3 * rng.normal(size=(240, 50))


def judged(given, x, target=None, **options):
    return check_leaks(x, as_folds(given, x, target), target, **options)


def test_shuffled_folds_on_labels_constant_in_blocks_are_refused_and_read_the_drift_where_allowed():
    x = trials(240, block=BLOCK, side=BLOCK % 2)
    shuffled = StratifiedKFold(5, shuffle=True, random_state=0)
    with pytest.raises(DesignError, match=r"Each of the 12 blocks holds one label only.*say why: allow_leak"):
        judged(shuffled, x, "side")
    with pytest.warns(UserWarning, match=r"% of trials lie in another fold than the trial before"):
        folds = judged(shuffled, x, "side", allow_leak="row 1 of the table of mistakes")
    assert folds.leak == "row 1 of the table of mistakes"
    assert folds.notes == ("12 of 12 blocks, each of one 'side', are learnt from and tested",)
    same = splits(x, over="trial", target="side", allow_leak="the same, by our own folds")
    assert same.kind == "trial"
    scores = []
    for seed in range(4):
        X = drift(seed)
        scores.append([cross_val_score(RidgeClassifier(), X, BLOCK % 2, cv=cv).mean() for cv in (folds, same)])
    assert np.min(np.mean(scores, axis=0)) > 0.8  # 0.888 +- 0.023 in the table
    honest = [cross_val_score(RidgeClassifier(), drift(s), BLOCK % 2, cv=splits(x, target="side")) for s in range(4)]
    assert np.mean(honest) < 0.6


def test_whole_blocks_with_one_class_in_a_fold_are_refused():
    # row 3 of the table of mistakes: 0.024, far below chance, from folds that test one class
    x = trials(240, block=BLOCK, side=BLOCK % 2)
    with pytest.raises(DesignError, match=r"Fold 0 of 6 holds only side = \d among its 40 trials"):
        judged(GroupKFold(6), x, "side")
    with pytest.raises(DesignError, match=r"Fold 0 of 12 holds only side = 0"):
        judged(LeaveOneGroupOut(), x, "side")
    folds = splits(x, target="side", n_folds=6)
    assert all(np.bincount(BLOCK[test] % 2).tolist() == [20, 20] for _, test in folds.split())


def test_the_same_image_in_train_and_test_of_an_encoding_model_is_refused():
    image = np.tile(np.arange(12), 5)
    x = trials(image=image, stimulus=image)
    for over in ("trial", "time"):
        with pytest.raises(DesignError, match=r"12 of 12 stimuli are both learnt from and tested: an encoding model"):
            splits(x, over=over, encoding=True)
    with pytest.raises(DesignError, match=r"Hold whole stimuli out: splits\(x, over='stimulus', encoding=True\)"):
        judged(KFold(5), x, encoding=True)
    folds = splits(x, encoding=True)
    assert folds.kind == "stimulus"
    assert all(set(image[train]).isdisjoint(image[test]) for train, test in folds.split())
    assert check_leaks(x, folds, encoding=True) == folds


def test_the_same_image_in_train_and_test_of_its_category_is_refused():
    image = np.tile(np.arange(20), 3)
    x = trials(stimulus=image, category=image // 10)
    message = r"'category' is a property of the stimulus, so a decoder.*splits\(x, over='stimulus', target='category'\)"
    for over in ("trial", "time"):
        with pytest.raises(DesignError, match=message) as error:
            splits(x, over=over, target="category")
    remedy = re.search(r"Hold whole stimuli out: (.*?)\. If", str(error.value))[1]
    assert eval(remedy, {"splits": splits, "x": x}).kind == "stimulus"
    told = splits(x, over="trial", target="category", allow_leak="asks for these images only")
    assert told.leak == "asks for these images only"
    assert told.notes == ("20 of 20 stimuli are learnt from and tested",)


def test_what_does_not_leak_needs_no_reason_and_says_none():
    folds = splits(trials(side=mixed()), target="side", allow_leak="just in case")
    assert folds.leak == ""
    assert folds.notes == ()


@pytest.mark.parametrize("reason", ["", "  ", True])
def test_an_empty_reason_is_refused(reason):
    with pytest.raises(DesignError, match="allow_leak takes the reason, which the result will print; got"):
        splits(trials(), allow_leak=reason)


def test_windows_that_overlap_between_train_and_test_are_refused_and_the_computed_purge_cures_it():
    x = windowed(np.arange(60.0), (-0.2, 1.15), side=mixed())
    with pytest.raises(
        DesignError, match=r"8 training samples overlap those of test samples by up to 0\.35 s"
    ) as error:
        splits(x, target="side")
    assert "no longer than the time to the next, 1 s: bin_spikes(session, window=...)" in str(error.value)
    purge = float(re.search(r"Leave a gap: splits\(\.\.\., purge=(.*?)\)", str(error.value))[1])
    with pytest.warns(UserWarning, match=r"overlap by up to 0\.35 s, though not between training and test"):
        folds = splits(x, target="side", purge=purge)
    assert folds.purge == 0.35
    assert [len(train) for train, _ in folds.split()] == [47, 46, 46, 46, 47]
    assert "0.35 s are left out on both sides, as asked for" in folds.why


def test_where_a_purge_would_leave_too_little_only_shorter_windows_help():
    x = windowed(np.arange(60.0), (0, 1.2), stimulus=np.arange(60) * 7 % 12)
    with pytest.raises(DesignError, match=r"are learnt from and tested\. Cut windows that are no longer.* 1 s: bin_"):
        splits(x, encoding=True)


def test_a_millisecond_of_jitter_is_no_overlap():
    onsets = np.arange(60.0) + np.random.default_rng(0).uniform(-4e-4, 4e-4, 60)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        splits(windowed(onsets, (0, 1.0)))
        splits(windowed(onsets, (-1.0, 0.0)))


def test_windows_are_read_from_time_from_the_step_and_from_the_column_that_was_aligned_to():
    onsets = np.arange(60.0)
    x = trials(start_time=onsets).expand_dims(time=np.arange(-0.2, 1.2, 0.1) + 0.05).assign_attrs(bin_width=0.1)
    with pytest.raises(DesignError, match=r"overlap those of test samples by up to 0\.4 s"):
        splits(x)
    splits(x.sel(time=slice(0, 0.9)))  # what was cut off overlaps no more
    aligned = add_step(trials(start_time=onsets, go=onsets // 2 * 2), "bin_spikes", align="go", window=(0, 0.5))
    with pytest.raises(DesignError, match=r"overlap those of test samples by up to 0\.5 s"):
        splits(aligned, n_folds=4)  # two trials of one event, in different folds
    splits(aligned.drop_vars("go"), n_folds=4)  # when windows were is not known
    splits(aligned.drop_vars(["go", "start_time"]), n_folds=4)


def test_windows_of_different_sessions_do_not_overlap():
    clock = np.tile(np.arange(30.0), 2)
    x = windowed(clock, (0, 1.0), session=np.repeat([0, 1], 30))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        splits(x, over="session")


def brute_force_gap(start, stop, session, fold, purge):
    gap = np.zeros((fold.max() + 1, len(fold)), dtype=bool)
    for k in range(fold.max() + 1):
        for i in np.flatnonzero(fold != k):
            for j in np.flatnonzero(fold == k):
                apart = max(start[j] - stop[i], start[i] - stop[j])
                gap[k, i] |= session[i] == session[j] and apart < purge
    return gap


@pytest.mark.parametrize("seed", range(12))
def test_the_purge_is_that_of_every_pair_of_windows(seed):
    rng = np.random.default_rng(seed)
    onsets = rng.uniform(0, 40, 50)
    onsets[rng.integers(50, size=2)] = np.nan
    session = rng.integers(0, 1 + seed % 2 * 2, 50) if seed % 2 else np.zeros(50, dtype=int)
    window, purge = (-rng.uniform(0, 1), rng.uniform(0, 1)), rng.uniform(0.01, 2)
    x = windowed(onsets, window, session=session)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folds = splits(x, over="time", n_folds=3, purge=purge)
    expected = brute_force_gap(onsets + window[0], onsets + window[1], session, folds.fold, purge)
    assert (folds.gap == expected).all()
    for k, (train, test) in enumerate(folds.split()):
        assert set(train) == set(range(50)) - set(test) - set(np.flatnonzero(expected[k]))


def test_a_purge_that_leaves_nothing_or_one_class_is_refused_whatever_the_reason():
    x = windowed(np.arange(60.0), (0, 0.5), side=np.r_[mixed(30), np.zeros(30, int)], other=mixed())
    with pytest.raises(DesignError, match=r"Fold \d of 5 has nothing to learn from.*purge=100 s\), use a shorter one"):
        splits(x, target="other", purge=100, allow_leak="try")
    with pytest.raises(DesignError, match=r"holds only side = 0 to learn from.*left out between them is too long"):
        splits(x.isel(trial=slice(10, 50)), target="side", n_folds=2, purge=3, allow_leak="try")
    for bad in (-1, np.nan, "1", True, np.inf):
        with pytest.raises(DesignError, match=r"purge takes seconds, 0 or more; got .*half a second.*purge=0\.5"):
            splits(x, purge=bad)
    with pytest.raises(DesignError, match=r"needs to know when trials were: the coordinate 'start_time' on 'trial'"):
        splits(trials(), purge=1.0)


def test_shuffled_trials_warn_of_drift_and_contiguous_ones_do_not():
    x = trials(side=mixed())
    with pytest.warns(UserWarning, match=r"\d\d% of trials lie in another fold.*splits\(x, target=\.\.\.\) keeps"):
        judged(KFold(5, shuffle=True, random_state=0), x, "side")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert judged(KFold(5), x, "side").kind == "given"
        judged(GroupKFold(3), trials(stimulus=np.arange(60) % 12))  # whole stimuli lie apart by necessity


def test_given_folds_are_the_ones_that_were_given():
    x = trials(block=np.repeat(np.arange(6), 10), side=mixed())
    y = x.side.values
    for splitter in (KFold(4), StratifiedKFold(4), GroupKFold(3)):
        folds = as_folds(splitter, x, "side")
        groups = x.block.values if isinstance(splitter, GroupKFold) else None
        expected = list(splitter.split(np.zeros((60, 1)), y, groups))
        assert folds.n_folds == len(expected)
        for got, wanted in zip(folds.split(), expected, strict=True):
            assert [part.tolist() for part in got] == [part.tolist() for part in wanted]
        assert folds.kind == "given"
        assert type(splitter).__name__ in folds.why
        assert as_folds(expected, x).fold.tolist() == folds.fold.tolist()
        assert as_folds(folds.fold, x).fold.tolist() == folds.fold.tolist()
    purged = [(np.setdiff1d(train, [29, 30]), test) for train, test in KFold(2).split(y)]
    assert [len(train) for train, _ in as_folds(purged, x).split()] == [29, 29]
    own = splits(x, target="side")
    assert as_folds(own, x) is own


def test_given_folds_count_trials_that_are_not_blank():
    x = trials(10, blank=np.arange(10) == 0, valid=np.arange(10) != 9)
    folds = as_folds(KFold(2), x)
    assert folds.fold.tolist() == [-1, 0, 0, 0, 0, 1, 1, 1, 1, -1]
    assert check_leaks(x, folds).fold.tolist() == folds.fold.tolist()


def test_folds_that_do_not_share_the_samples_out_are_refused():
    x = trials(side=mixed())
    for bad, message in (
        (TimeSeriesSplit(5), "of 60 samples 10 are never tested and 0 more than once, in 5 folds"),
        (RepeatedKFold(n_splits=5, n_repeats=2), "0 are never tested and 60 more than once"),
        ([(np.arange(60), np.arange(5))], "Fold 0 learns from 5 of the samples that it tests"),
        ([(np.arange(60), np.array([60]))], "folds are positions from 0 to 59"),
        ("kfold", "folds takes Folds from splits.*got 'kfold'"),
        (5, "folds takes Folds from splits.*got 5"),
        (np.zeros(50, dtype=int), "The folds are of 50 samples and x has 60"),
        (Folds(np.zeros(50, dtype=int), "given"), "The folds are of 50 samples and x has 60"),
        (GroupKFold(5), r"GroupKFold\(.*\) makes no folds of these samples: The 'groups' parameter"),
    ):
        with pytest.raises(DesignError, match=message):
            as_folds(bad, x, "side")
    with pytest.raises(DesignError, match="Fold 0 of 60 holds only side ="):
        judged(LeaveOneOut(), x, "side")
