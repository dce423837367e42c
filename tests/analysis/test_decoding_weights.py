"""Weights say what a decoder listens to, patterns what the signal looks like: with a known answer for each."""

import numpy as np
import pytest
import xarray as xr
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.decoding.weights import pattern
from neurodata4ml.analysis.linear.discriminant import LeastSquaresLDA


def haufe_toy(n_trials=4000, seed=0):
    """Unit 0 carries signal and noise, unit 1 the same noise and no signal (Haufe et al. 2014, section 2.1)."""
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(n_trials) % 2)
    noise = rng.normal(size=n_trials)
    values = np.stack([1.0 * side + noise, noise, rng.normal(size=n_trials)], axis=1)
    values += 0.1 * rng.normal(size=values.shape)
    coords = {"side": ("trial", np.array(["left", "right"])[side]), "unit": ["signal", "noise", "other"]}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


@pytest.mark.parametrize("decoder", ["lda", "ridge", "logistic", "svm"])
def test_a_unit_that_only_cancels_noise_has_weight_but_no_pattern(decoder):
    found = decode(haufe_toy(), decoder=decoder, target="side", n_shuffles=0)
    assert found.weights.dims == found.pattern.dims == ("class", "unit")
    assert found["class"].values.tolist() == ["left", "right"]
    weights, patterns = (found[name].sel({"class": "right"}).to_series() for name in ("weights", "pattern"))
    # the best weights are those of the difference signal - noise
    assert weights["noise"] / weights["signal"] == pytest.approx(-1, abs=0.05)
    assert abs(patterns["noise"] / patterns["signal"]) < 0.1
    assert abs(patterns["other"] / patterns["signal"]) < 0.1
    assert found.weights.sum("class").values == pytest.approx(np.zeros(3))


def test_the_pattern_is_the_regression_of_units_on_the_output():
    # for one output s, Cov(x) w / var(s) = cov(x, s) / var(s): the slope of each unit against s
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)), rng.normal(size=4)
    slopes = [np.polyfit(x @ w, x[:, u], 1)[0] for u in range(4)]
    assert pattern(w, x) == pytest.approx(slopes)


def test_the_pattern_of_many_outputs_is_equation_6():
    rng = np.random.default_rng(1)
    x, W = rng.normal(size=(60, 5)) @ rng.normal(size=(5, 5)), rng.normal(size=(5, 2))
    expected = np.cov(x.T) @ W @ np.linalg.inv(np.cov((x @ W).T))
    assert pytest.approx(expected) == pattern(W.T, x).T


def test_weights_are_in_units_of_the_responses():
    x = haufe_toy(300)
    found = decode(x, "side", n_shuffles=0)
    X = x.values
    fitted = make_pipeline(StandardScaler(), LeastSquaresLDA()).fit(X, x.side.values)
    evidence = fitted.decision_function(X)
    read = X @ (found.weights[1] - found.weights[0]).values
    assert np.ptp(evidence - read) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("estimator", "linear"),
    [
        (RidgeClassifier(), True),
        (make_pipeline(StandardScaler(with_std=False), LogisticRegression()), True),
        (make_pipeline(StandardScaler(), StandardScaler(), LinearSVC(dual=False)), True),
        (make_pipeline(PCA(2), LogisticRegression()), False),
    ],
)
def test_estimators_of_ones_own_have_weights_where_they_are_linear_in_the_responses(estimator, linear):
    x = haufe_toy(200)
    found = decode(x, "side", decoder=estimator, n_shuffles=0)
    assert ("weights" in found) == ("pattern" in found) == linear
    if linear:
        decision = estimator.fit(x.values, x.side.values).decision_function(x.values)
        read = x.values @ (found.weights[1] - found.weights[0]).values
        assert np.ptp(decision - read) == pytest.approx(0, abs=1e-8)


def test_of_a_quantity_there_is_one_weight_and_one_pattern_per_unit():
    rng = np.random.default_rng(0)
    speed = rng.uniform(size=150)
    values = np.outer(speed, [2.0, 0.0, -1.0]) + 0.1 * rng.normal(size=(150, 3))
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"speed": ("trial", speed)})
    found = decode(x, "speed", decoder="ridge", n_shuffles=0)
    assert found.weights.dims == ("unit",)
    assert found.pattern.values == pytest.approx([2, 0, -1], abs=0.1)


def test_over_time_there_are_no_weights():
    x = xr.concat([haufe_toy(60)] * 2, dim="time")
    assert "weights" not in decode(x, "side", over="time", n_shuffles=0)
