"""The interval of an accuracy."""

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import balanced_accuracy_score

from neurodata4ml.analysis.decoding.accuracy import accuracy_interval, score_interval


def decoded(n_blocks=20, per_block=30, right=0.7, seed=0):
    rng = np.random.default_rng(seed)
    n = n_blocks * per_block
    truth = rng.choice(["a", "b", "c"], n, p=[0.6, 0.3, 0.1])
    guess = np.where(rng.random(n) < right, truth, "a")
    coords = {"trial": np.arange(n), "stimulus": ("trial", truth), "block": ("trial", np.arange(n) // per_block)}
    x = xr.DataArray(np.zeros((n, 1)), dims=("trial", "unit"), coords=coords)
    prediction = xr.Dataset({"prediction": ("trial", guess)}, coords={"trial": np.arange(n)}, attrs={"n_folds": 5})
    return prediction, x, truth, guess


@pytest.mark.slow
def test_the_estimate_is_the_balanced_accuracy_of_scikit_learn():
    prediction, x, truth, guess = decoded()
    estimate = float(accuracy_interval(prediction, x)["estimate"])
    assert estimate == pytest.approx(balanced_accuracy_score(truth, guess))


def test_predictions_meet_their_trials_by_label():
    prediction, x, *_ = decoded()
    shuffled = x.isel(trial=np.random.default_rng(1).permutation(x.sizes["trial"]))
    first, again = accuracy_interval(prediction, x), accuracy_interval(prediction, shuffled)
    assert float(first["estimate"]) == float(again["estimate"])
    assert float(first["low"]) == pytest.approx(float(again["low"]))


@pytest.mark.parametrize(("right", "low", "high"), [(1, 60 / (60 + 1.959964**2), 1), (0, 0, 1.959964**2 / 63.841459)])
def test_sixty_of_sixty_and_none_of_sixty_are_not_certain(right, low, high):
    # Wilson 1927 at 60 of 60: n / (n + z^2), and its mirror image at 0 of 60
    prediction, x, truth, _ = decoded(n_blocks=6, per_block=10)
    prediction["prediction"] = ("trial", truth if right else np.full(60, "d"))
    found = accuracy_interval(prediction, x)
    assert float(found["estimate"]) == right
    assert float(found["low"]) == pytest.approx(low, abs=1e-6)
    assert float(found["high"]) == pytest.approx(high, abs=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_the_interval_of_a_share_ends_at_one(seed):
    prediction, x, *_ = decoded(n_blocks=4, per_block=10, right=0.97, seed=seed)
    found = accuracy_interval(prediction, x)
    assert 0 <= float(found["low"]) <= float(found["estimate"]) <= float(found["high"]) <= 1


@pytest.mark.parametrize(
    ("bounded", "high"), [(True, 1.0), (False, 0.9 + 4.302653 * (2 / 3 * 0.02) ** 0.5 * 1.25**0.5)]
)
def test_only_a_share_has_ends(bounded, high):
    # t.ppf(.975, 2) = 4.302653; spread .02, times (n - 1) / n, widened by 1 + 1 / (n_folds - 1)
    left_out = np.array([[0.8], [0.9], [1.0]])
    low, found = score_interval(np.array([0.9]), left_out, n_folds=5, n_samples=30, bounded=bounded)
    assert found == pytest.approx([high])
    assert low[0] >= 0 if bounded else low == pytest.approx([1.8 - high])


@pytest.mark.slow
def test_the_interval_covers_the_truth_as_often_as_promised():
    truth = (1.0 + 0.7 + 0.7) / 3
    inside = 0
    for seed in range(200):
        prediction, x, *_ = decoded(seed=seed)
        found = accuracy_interval(prediction, x)
        inside += float(found["low"]) <= truth <= float(found["high"])
    assert 0.90 <= inside / 200 <= 0.99
