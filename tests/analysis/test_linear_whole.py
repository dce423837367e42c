"""Weights and patterns from sums that the folds share are those of the estimator, fitted on all samples."""

import numpy as np
import pytest
import xarray as xr
from sklearn.linear_model import Ridge, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.decoding import closed
from neurodata4ml.analysis.decoding.confounds import without_confounds
from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.decoding.weights import linear_weights, pattern
from neurodata4ml.analysis.linear.discriminant import LeastSquaresLDA


def population(n_trials=90, n_units=12, n_classes=3, *, counts=False, unequal=False, seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.arange(n_trials) % n_classes)
    if unequal:
        kind[rng.permutation(np.flatnonzero(kind == 0))[: n_trials // n_classes // 2]] = 1
    speed = rng.normal(size=n_trials)
    values = rng.normal(size=(n_trials, n_units)) @ rng.normal(size=(n_units, n_units))
    values += rng.normal(size=(n_classes, n_units))[kind] + 0.4 * speed[:, None] * rng.normal(size=n_units) + 20
    values = np.maximum(values, 0).astype(np.int8) if counts else values
    values[:, 2] = 3  # a silent unit
    return xr.DataArray(values, dims=("trial", "unit"), coords={"kind": ("trial", kind), "speed": ("trial", speed)})


def assert_those_of(estimator, found, X, y, n_classes):
    weights = linear_weights(make_pipeline(StandardScaler(), estimator).fit(X, y), n_classes)
    np.testing.assert_allclose(found.weights, weights, rtol=1e-8, atol=1e-8 * np.abs(weights).max())
    expected = pattern(weights, X)
    np.testing.assert_allclose(found.pattern, expected, rtol=1e-7, atol=1e-7 * np.abs(expected).max())


@pytest.mark.parametrize("n_classes", [2, 3, 20])
@pytest.mark.parametrize("options", [{}, {"counts": True}, {"unequal": True}, {"n_units": 200}], ids=str)
@pytest.mark.parametrize("decoder", ["lda", "ridge"])
def test_classes_have_the_weights_and_patterns_of_the_estimator(n_classes, options, decoder):
    x = population(180, n_classes=n_classes, **options)
    found = decode(x, "kind", decoder=decoder, nested=False if decoder == "ridge" else None, n_shuffles=3, n_folds=4)
    weight = "balanced" if options.get("unequal") else None
    estimator = LeastSquaresLDA() if decoder == "lda" else RidgeClassifier(10.0, class_weight=weight)
    assert_those_of(estimator, found, x.values.astype(float), x.kind.values, n_classes)


def test_a_strength_that_folds_chose_and_a_quantity_are_read_alike():
    x = population()
    found = decode(x, "speed", decoder="ridge", n_shuffles=0)
    values, counts = np.unique(found.chosen, return_counts=True)
    assert_those_of(Ridge(values[counts == counts.max()].max()), found, x.values, x.speed.values, 0)


def test_confounds_are_taken_out_of_all_samples_first():
    x = population()
    own = make_pipeline(StandardScaler(), LeastSquaresLDA(0.3))
    found = decode(x, "kind", decoder=own, confounds="speed", n_shuffles=0)
    cleaned = without_confounds(x.values[None], x.speed.values[:, None], np.arange(90))[0]
    assert_those_of(LeastSquaresLDA(0.3), found, cleaned, x.kind.values, 3)


def test_the_estimator_itself_is_not_fitted_again(monkeypatch):
    monkeypatch.setattr(closed, "whole_bin", lambda x: pytest.fail("samples are multiplied a second time"))
    monkeypatch.setattr(LeastSquaresLDA, "fit", lambda *_: pytest.fail("fitted again"))
    assert "pattern" in decode(population(), "kind", n_shuffles=0)
