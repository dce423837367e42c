"""scikit-learn's own ridge with a choice of strength, z-scored: all shuffles are solved at once, with its answers."""

import numpy as np
import pytest
import xarray as xr
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.decoding.decoders import find_decoder
from neurodata4ml.analysis.design.nulls import permutation_null
from neurodata4ml.analysis.design.splits import splits

ALPHAS = np.logspace(-2, 5, 10)


def population(seed=0, n_trials=90, n_units=12):
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.arange(n_trials) % 3)
    speed = rng.normal(size=n_trials)
    values = rng.normal(size=(n_trials, n_units)) + 0.7 * rng.normal(size=(3, n_units))[kind]
    values += 0.4 * speed[:, None] * rng.normal(size=n_units)
    return xr.DataArray(values, dims=("trial", "unit"), coords={"kind": ("trial", kind), "speed": ("trial", speed)})


@pytest.mark.parametrize("weight", [None, "balanced"])
def test_classes_and_the_strength_of_each_fold_are_those_of_scikit_learn(weight):
    x = population()
    own = make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS, class_weight=weight))
    assert find_decoder(own, None, continuous=False, target="kind").leave_one_out
    found = decode(x, "kind", decoder=own, n_shuffles=3)
    for k, (train, test) in enumerate(splits(x, target="kind").split()):
        own.fit(x.values[train], x.kind.values[train])
        np.testing.assert_array_equal(found.prediction.values[test], own.predict(x.values[test]))
        assert found.chosen.values[k] == pytest.approx(own[-1].alpha_)


def test_a_quantity_too():
    x = population()
    own = make_pipeline(StandardScaler(), RidgeCV(ALPHAS))
    found = decode(x, "speed", decoder=own, n_shuffles=3)
    for k, (train, test) in enumerate(splits(x, target="speed").split()):
        own.fit(x.values[train], x.speed.values[train])
        np.testing.assert_allclose(found.prediction.values[test], own.predict(x.values[test]), rtol=1e-8)
        assert found.chosen.values[k] == pytest.approx(own[-1].alpha_)


def test_shuffles_choose_their_strength_anew_as_if_fitted_one_by_one():
    x = population()
    own = make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS))
    null = permutation_null(x, "kind", n_shuffles=6)
    expected = []
    for labels in null.labels:
        told = np.empty_like(labels)
        for train, test in splits(x, target="kind").split():
            told[test] = own.fit(x.values[train], labels[train]).predict(x.values[test])
        expected.append(balanced_accuracy_score(labels, told))
    np.testing.assert_allclose(decode(x, "kind", decoder=own, null=null).null, expected, rtol=1e-12)
