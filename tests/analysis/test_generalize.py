"""Temporal generalisation is MNE's, its diagonal is decode's, and its corrected p keeps to its word."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.decoding.bayes import PoissonBayes
from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.decoding.generalize import generalize
from neurodata4ml.analysis.linear.discriminant import LeastSquaresLDA
from neurodata4ml.errors import DesignError, DimensionError


def recording(n_trials: int = 80, n_times: int = 8, n_units: int = 6, seed: int = 0, size: float = 1.0) -> xr.DataArray:
    """Return responses whose units 0 and 1 tell the side at times 2 to 4, and units 2 and 3 at times 4 to 6."""
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(n_trials) % 2)
    x = rng.normal(size=(n_trials, n_times, n_units))
    x[:, 2:5, :2] += size * side[:, None, None]
    x[:, 4:7, 2:4] += size * side[:, None, None]
    coords = {"time": 0.1 * np.arange(n_times), "side": ("trial", np.array(["left", "right"], dtype=object)[side])}
    return xr.DataArray(x, dims=("trial", "time", "unit"), coords=coords)


@pytest.mark.parametrize(
    "estimator",
    [LinearDiscriminantAnalysis(), make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["lda", "logistic"],
)
def test_the_matrix_is_that_of_mne(estimator) -> None:
    mne = pytest.importorskip("mne")
    x = recording()
    folds = StratifiedKFold(5)
    theirs = mne.decoding.cross_val_multiscore(
        mne.decoding.GeneralizingEstimator(estimator, scoring="roc_auc", verbose="error"),
        x.transpose("trial", "unit", "time").values,
        (x.side == "right").values.astype(int),
        cv=folds,
    )
    ours = generalize(x, "side", decoder=estimator, folds=folds, scoring="auc", n_shuffles=0, allow_leak="as in MNE")
    np.testing.assert_allclose(ours.score, theirs.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(ours.score_fold, theirs, atol=1e-12)


@pytest.mark.parametrize("decoder", ["lda", "ridge", "bayes", "knn", LinearDiscriminantAnalysis()], ids=str)
@pytest.mark.parametrize("scoring", ["balanced_accuracy", "auc"])
def test_the_diagonal_is_decoding_over_time(decoder, scoring: str) -> None:
    x = abs(recording(n_times=4))
    matrix = generalize(x, "side", decoder=decoder, scoring=scoring, n_shuffles=3, seed=1)
    course = decode(x, "side", decoder=decoder, scoring=scoring, over="time", n_shuffles=3, seed=1)
    each = np.arange(4)
    for name in ("score", "score_fold", "null", "chance", "p_value", "low", "high"):
        along = matrix[name].values[..., each, each]
        np.testing.assert_allclose(along, course[name].values, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("decoder", "estimator"),
    [
        ("lda", make_pipeline(StandardScaler(), LeastSquaresLDA())),
        ("ridge", make_pipeline(StandardScaler(), RidgeClassifier(alpha=10.0))),
        ("bayes", PoissonBayes()),
    ],
)
def test_the_closed_form_is_fitting_again(decoder: str, estimator) -> None:
    x = abs(recording(n_times=4))
    fast = generalize(x, "side", decoder=decoder, scoring="auc", n_shuffles=3, nested=False)
    slow = generalize(x, "side", decoder=estimator, scoring="auc", n_shuffles=3)
    np.testing.assert_allclose(fast.score, slow.score, atol=1e-12)
    np.testing.assert_allclose(fast.null, slow.null, atol=1e-12)


def test_a_continuous_target_generalises_too() -> None:
    x = recording(n_trials=120, n_times=3)
    rng = np.random.default_rng(1)
    speed = rng.normal(size=120)
    x = x.copy(data=x.values + speed[:, None, None] * np.array([0.0, 1.0, 1.0])[:, None])
    result = generalize(x.assign_coords(speed=("trial", speed)), "speed", decoder="ridge", n_shuffles=0)
    score = result.score.values
    assert score[1:, 1:].min() > 0.6
    assert score[0].max() < 0.2


def test_a_planted_code_is_found_where_it_lasts_and_no_cluster_is_called_elsewhere() -> None:
    x = recording(n_trials=200, size=1.5)
    result = generalize(x, "side", n_shuffles=99)
    found = result.p_value_corrected.values <= 0.05
    assert found[2:5, 2:5].all()
    assert found[4:7, 4:7].all()
    # before the code, and from either code to the other: nothing to learn, or nothing to test
    assert not found[:2, :2].any()
    assert not found[7, 7]
    assert not found[2:4, 5:7].any()
    assert not found[5:7, 2:4].any()
    assert result.cluster.values[2, 2] == result.cluster.values[6, 6] > 0
    assert result.attrs["correction"] == "cluster"
    sharp = generalize(x, "side", n_shuffles=99, correction="max-t")
    assert sharp.p_value_corrected.values[3, 3] == 0.01
    assert "cluster" not in sharp
    np.testing.assert_array_equal(sharp.null, result.null)


def test_without_a_code_the_matrix_rarely_holds_a_cluster() -> None:
    false = sum(
        bool((generalize(recording(60, 5, 3, seed, size=0.0), "side", n_shuffles=19).p_value_corrected <= 0.05).any())
        for seed in range(25)
    )
    assert false <= 6  # binomial, 25 times 5 %: more in 1 of 1,000 runs


def test_workers_do_not_change_a_bit() -> None:
    x = recording()
    one, many = (generalize(x, "side", n_shuffles=9, n_jobs=n) for n in (1, 3))
    xr.testing.assert_identical(one, many)


def test_learning_and_testing_times_are_named() -> None:
    result = generalize(recording(), "side", n_shuffles=3)
    assert result.score.dims == ("time", "time_test")
    np.testing.assert_array_equal(result.time, result.time_test)
    # learnt at 0.3 from units 0 and 1, which still tell at 0.4, when units 2 and 3 tell too
    assert result.score.sel(time=0.3, time_test=0.4, method="nearest") > 0.6
    assert result.null.dims == ("shuffle", "time", "time_test")


@pytest.mark.slow
def test_the_memory_stays_bounded_for_many_bins_and_shuffles() -> None:
    import tracemalloc

    x = recording(n_trials=200, n_times=60, n_units=100)
    tracemalloc.start()
    generalize(x, "side", n_shuffles=99)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # counts of right answers and of trials of two classes, and the null itself
    sums = 100 * 60 * 60 * 4 * 8
    assert peak < 5 * sums + 250e6


def test_what_has_no_time_is_refused() -> None:
    x = recording()
    with pytest.raises(DimensionError, match=r'generalize needs a "time" dim; got \(trial, unit\)'):
        generalize(x.mean("time"), "side")
    with pytest.raises(DesignError, match="generalize knows the corrections max-t, cluster and none; got 'bonferroni'"):
        generalize(x, "side", correction="bonferroni")
    with pytest.raises(DimensionError, match="generalize needs the coordinate 'sides'"):
        generalize(x, "sides")
