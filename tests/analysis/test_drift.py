"""Slow drift is not a label: honest folds and nulls do not read it, careless ones do."""

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from neurodata4ml.analysis.decoding.decode import DECODERS, decode
from neurodata4ml.analysis.design.nulls import permutation_null
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.responses import average_by
from neurodata4ml.errors import DesignError

BLOCK = np.repeat(np.arange(12), 20)


def drift(n_trials=240, n_units=50, seed=0):
    """Units that wander slowly (AR(1), rho = .95) and answer to nothing."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(n_trials, n_units)) * np.sqrt(1 - 0.95**2)
    steps[0] = rng.normal(size=n_units)
    return lfilter([1], [1, -0.95], steps, axis=0) + 0.3 * rng.normal(size=(n_trials, n_units))


def cross_validated(X, y, cv):
    return balanced_accuracy_score(y, cross_val_predict(DECODERS["lda"](), X, y, cv=cv))


def test_shuffled_folds_read_the_drift_and_honest_folds_do_not():
    labels = BLOCK % 2
    shuffled, honest = [], []
    for seed in range(5):
        X = drift(seed=seed)
        x = xr.DataArray(X, dims=("trial", "unit"), coords={"side": ("trial", labels)})
        shuffled.append(cross_validated(X, labels, StratifiedKFold(5, shuffle=True, random_state=0)))
        honest.append(cross_validated(X, labels, splits(x, target="side")))
    assert np.mean(shuffled) > 0.8
    assert abs(np.mean(honest) - 0.5) < 0.15


def test_shuffling_trials_calls_drift_significant_and_the_null_of_blocks_does_not():
    labels = np.array([0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0])[BLOCK]
    X, folds = drift(), StratifiedKFold(5, shuffle=True, random_state=0)
    x = xr.DataArray(X, dims=("trial", "unit"), coords={"side": ("trial", labels), "block": ("trial", BLOCK)})
    accuracy = cross_validated(X, labels, folds)

    def p_value(null):
        return null.p_value(accuracy, np.array([cross_validated(X, shuffled, folds) for shuffled in null.labels[:39]]))

    with pytest.warns(UserWarning, match='the design says "whole blocks"'):
        assert p_value(permutation_null(x, "side", scheme="all trials")) == 0.025
    assert p_value(permutation_null(x, "side")) > 0.5


def test_labels_constant_in_blocks_are_tested_on_whole_blocks_and_trials_only_with_a_reason():
    labels = np.array([0, 1, 1, 0, 1, 0, 0, 1])[BLOCK[:160]]
    coords = {"side": ("trial", labels), "block": ("trial", BLOCK[:160])}
    x = xr.DataArray(drift(160, 10), dims=("trial", "unit"), coords=coords)
    honest = decode(x, "side", n_folds=4)
    assert (honest.attrs["folds"], honest.attrs["null_scheme"]) == ("block", "whole blocks")
    assert honest.attrs["n_arrangements"] == 70
    assert honest.p_value > 0.05
    with pytest.raises(DesignError, match="allow_leak"):
        decode(x, "side", folds=StratifiedKFold(5, shuffle=True, random_state=0))
    by_block = decode(average_by(x, "block").rename(block="trial"), "side", n_folds=4)
    assert by_block.attrs["n_trials"] == 8
    assert by_block.p_value > 0.05


def test_with_randomised_labels_drift_is_not_decodable():
    p = []
    for seed in range(8):
        labels = np.concatenate([np.random.default_rng([seed, b]).permutation(20) % 2 for b in range(12)])
        coords = {"side": ("trial", labels), "block": ("trial", BLOCK)}
        x = xr.DataArray(drift(seed=seed), dims=("trial", "unit"), coords=coords)
        result = decode(x, "side", n_shuffles=39)
        assert result.attrs["folds"] == "block"
        # one in twenty of such sequences look dependent, and then have a null that is valid too
        assert result.attrs["null_scheme"] in ("within blocks", "pseudosession")
        assert abs(result.score - 0.5) < 0.1
        p.append(result.p_value.item())
    assert min(p) > 0.02
    assert np.mean(p) > 0.25


def test_labels_in_runs_have_no_p_unless_it_is_said_how_they_are_dealt():
    x = xr.DataArray(drift(), dims=("trial", "unit"), coords={"side": ("trial", BLOCK % 2)})
    result = decode(x, "side")
    assert "labels depend on those before them (p = 0.005)" in result.attrs["no_p"]
    assert np.isnan(result.p_value)

    def turns(rng):
        return (np.arange(260) + rng.integers(40)) // 20 % 2

    told = decode(x, "side", null=permutation_null(x, "side", simulate=turns))
    assert told.attrs["null_scheme"] == "pseudosession"
    assert told.p_value > 0.05
