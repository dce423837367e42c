"""Slow drift is not a label: honest folds and nulls do not read it, careless ones do."""

import numpy as np
import pytest
import xarray as xr
from scipy.signal import lfilter
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from neurodata4ml.analysis.decoding.decode import DECODERS, decode
from neurodata4ml.analysis.design.splits import permutation_labels, splits
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


def test_shuffling_trials_calls_drift_significant_and_shuffling_blocks_does_not():
    X, labels, rng = drift(), BLOCK % 2, np.random.default_rng(0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    accuracy = cross_validated(X, labels, folds)

    def p_value(blocks):
        null = [cross_validated(X, permutation_labels(labels, blocks, rng), folds) for _ in range(39)]
        return (1 + np.sum(np.array(null) >= accuracy)) / 40

    assert p_value(None) == 0.025
    assert p_value(BLOCK) > 0.5


def test_labels_constant_in_blocks_are_refused_and_blocks_as_samples_are_honest():
    x = xr.DataArray(drift(), dims=("trial", "unit"), coords={"side": ("trial", BLOCK % 2), "block": ("trial", BLOCK)})
    with pytest.raises(DesignError, match="holds one label only, so that a decoder could read the block") as error:
        decode(x, "side")
    remedy = str(error.value).split("sample here: ")[1].split(", or splits")[0]
    result = eval(remedy, {"decode": decode, "average_by": average_by, "x": x, "target": "side"})
    assert result.attrs["n_trials"] == 12
    assert result.p_value > 0.05


def test_with_randomised_labels_drift_is_not_decodable():
    p = []
    for seed in range(8):
        labels = np.concatenate([np.random.default_rng([seed, b]).permutation(20) % 2 for b in range(12)])
        coords = {"side": ("trial", labels), "block": ("trial", BLOCK)}
        x = xr.DataArray(drift(seed=seed), dims=("trial", "unit"), coords=coords)
        result = decode(x, "side", n_permutations=39)
        assert result.attrs["folds"] == "block"
        assert result.attrs["null"] == "labels shuffled within blocks"
        assert abs(result.accuracy - 0.5) < 0.1
        p.append(result.p_value.item())
    assert min(p) > 0.02
    assert np.mean(p) > 0.25


def test_labels_in_runs_warn():
    x = xr.DataArray(drift(), dims=("trial", "unit"), coords={"side": ("trial", BLOCK % 2)})
    with pytest.warns(UserWarning, match="'side' switches 11 times from trial to trial"):
        decode(x, "side", n_permutations=0)
