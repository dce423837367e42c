"""Weights from a brain help where a brain knows what the teacher does not, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import balanced_accuracy_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import neurodata4ml as nd
from neurodata4ml.errors import DesignError, DimensionError


@cache
def world(n_each: int = 40, *, sees: bool = True) -> tuple[xr.DataArray, xr.DataArray]:
    """Two classes in dim features, and a brain that sees them clearly, or not at all."""
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], n_each)
    label = {"stimulus": np.arange(2 * n_each)}
    features = rng.standard_normal((2 * n_each, 6)) + 0.8 * (2 * kind - 1)[:, None]
    brain = rng.standard_normal((2 * n_each, 10)) + (2.0 * (2 * kind - 1)[:, None] if sees else 0)
    x = xr.DataArray(features, dims=("stimulus", "feature"), coords={**label, "kind": ("stimulus", kind)})
    return x, xr.DataArray(brain, dims=("stimulus", "unit"), coords={**label, "unit": np.arange(10)})


def weighted(**given: Any) -> xr.Dataset:
    sees = given.pop("sees", True)
    return nd.activity_weighted(*world(sees=sees), "kind", **{"n_splits": 12, **given})


def test_without_strength_every_weighting_is_the_plain_machine_of_scikit_learn() -> None:
    found = weighted(strength=0)
    assert (found.score == found.score[0]).all()
    assert (found.weight == 1).all()
    assert found.p_value[1:].values.tolist() == [1.0] * 4


def test_the_plain_score_is_that_of_scikit_learn_by_hand() -> None:
    from sklearn.model_selection import StratifiedShuffleSplit

    x, _ = world()
    found = weighted(n_splits=3, controls=["none"], penalty=0.05)
    drawn = int(np.random.default_rng(0).integers(2**31))
    by_hand = []
    for train, test in StratifiedShuffleSplit(3, test_size=0.3, random_state=drawn).split(x.values, x.kind.values):
        scale = StandardScaler().fit(x.values[train])
        machine = SVC(kernel="linear", C=0.05).fit(scale.transform(x.values[train]), x.kind.values[train])
        by_hand.append(balanced_accuracy_score(x.kind.values[test], machine.predict(scale.transform(x.values[test]))))
    np.testing.assert_allclose(found.score.sel(weighting="none"), by_hand)


@pytest.mark.slow
def test_a_brain_that_sees_what_the_teacher_mislabels_helps_and_one_that_does_not_see_does_not() -> None:
    clear = weighted(strength=20, mislabelled=0.35, n_splits=40)
    assert float(clear.gain.sel(weighting="shuffled")) > 0.04
    assert float(clear.gain.sel(weighting="noise")) > 0.04
    blind = weighted(strength=20, mislabelled=0.35, n_splits=20, sees=False)
    assert abs(float(blind.gain.sel(weighting="noise"))) < 0.06
    assert float(blind.p_value.sel(weighting="noise")) > 0.05


@pytest.mark.slow
def test_mislabelled_stimuli_weigh_less_and_weights_have_a_mean_of_one() -> None:
    honest, wrong = weighted(strength=5), weighted(strength=5, mislabelled=0.3)
    assert float(honest.weight.mean()) == pytest.approx(1, abs=0.02)
    spread = wrong.weight.sel(weighting="activity").std() / honest.weight.sel(weighting="activity").std()
    assert float(spread) > 1.2


def test_splits_share_stimuli_and_the_interval_knows_it() -> None:
    """The corrected variance (Nadeau & Bengio) by hand: 1 / n + n_test / n_train times that of the differences."""
    found = weighted(strength=20, mislabelled=0.3)
    gap = found.score.sel(weighting="activity").values - found.score.sel(weighting="none").values
    error = np.sqrt(gap.var(ddof=1) * (1 / 12 + 24 / 56))
    assert float(found.gain.sel(weighting="none")) == pytest.approx(gap.mean())
    assert float(found.high.sel(weighting="none")) == pytest.approx(gap.mean() + 2.2009852 * error)


def test_single_trials_are_averaged_and_stimuli_matched_by_label() -> None:
    x, brain = world()
    trials = xr.concat([brain, brain], dim="stimulus").rename(stimulus="trial")
    trials = trials.assign_coords(stimulus=("trial", trials.trial.values)).drop_vars("trial")
    one = nd.activity_weighted(x, brain[::-1], "kind", n_splits=3)
    two = nd.activity_weighted(x, trials, "kind", n_splits=3)
    np.testing.assert_allclose(one.score, two.score)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda x, y: nd.activity_weighted(x, y, "digit"), DimensionError, "needs the class 'digit'"),
        (lambda x, y: nd.activity_weighted(x, y[:-1], "kind"), DimensionError, "matches stimulus labels"),
        (lambda x, y: nd.activity_weighted(x, y.rename(unit="u"), "kind"), DimensionError, 'needs a "unit" dim'),
        (lambda x, y: nd.activity_weighted(x[:43], y[:43], "kind"), DesignError, "got 40 of 0, 3 of 1"),
        (lambda x, y: nd.activity_weighted(x * np.nan, y, "kind"), DesignError, "hold NaN"),
        (lambda x, y: nd.activity_weighted(x, y, "kind", controls=["noize"]), DesignError, "got 'noize'"),
        (
            lambda x, y: nd.activity_weighted(x, y, "kind", strength=-1),
            DesignError,
            "strength takes a number",
        ),
        (lambda x, y: nd.activity_weighted(x, y, "kind", penalty=0), DesignError, "penalty takes a number above 0"),
        (lambda x, y: nd.activity_weighted(x, y, "kind", mislabelled=1), DesignError, "mislabelled takes a number"),
        (lambda x, y: nd.activity_weighted(x, y, "kind", test_share=0.001), DesignError, "cannot hold 2 classes"),
        (lambda x, y: nd.activity_weighted(x, y, "kind", n_splits=1), DesignError, "n_splits takes a whole number, 2"),
    ],
)
def test_what_cannot_be_taught_is_refused(
    call: Callable[[Any, Any], object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        call(*world())
