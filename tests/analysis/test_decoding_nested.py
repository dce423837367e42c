"""Hyper-parameters are chosen inside the training samples, for every shuffle again."""

import numpy as np
import pytest
import xarray as xr
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.decoding.decode import DECODERS, decode
from neurodata4ml.analysis.decoding.decoders import ALPHAS
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.errors import DesignError


def trials(n_trials=100, n_units=12, signal=0.4, seed=0, **coords):
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(n_trials) % 2)
    values = rng.normal(size=(n_trials, n_units)) + signal * side[:, None] * rng.normal(size=n_units)
    coords = {"side": ("trial", side), **{name: ("trial", v) for name, v in coords.items()}}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


def searched(x, estimator, grid, scoring):
    """Choose by hand: a grid search in the other folds, for each outer fold."""
    folds = splits(x, target="side")
    X, y = x.values, x.side.values
    said, best = np.empty(len(y), dtype=int), []
    for train, test in folds.split():
        inner = PredefinedSplit(folds.fold[train])
        search = GridSearchCV(estimator, grid, scoring=scoring, cv=inner).fit(X[train], y[train])
        said[test] = search.predict(X[test])
        best.append(search.best_params_)
    return said, best


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameter", "estimator"),
    [
        ("logistic", "C", LogisticRegression(class_weight="balanced", max_iter=1000)),
        ("knn", "n_neighbors", KNeighborsClassifier()),
    ],
)
def test_what_is_chosen_and_said_equals_a_grid_search_in_the_same_inner_folds(name, parameter, estimator):
    block = np.repeat(np.arange(10), 10)
    x = trials(block=block, seed=3)
    values = DECODERS[name].grid[parameter]
    pipeline = Pipeline([("scale", StandardScaler()), ("decode", estimator)])
    said, best = searched(x, pipeline, {f"decode__{parameter}": list(values)}, "balanced_accuracy")
    result = decode(x, "side", decoder=name, nested=True, n_shuffles=0)
    assert result.chosen.values.tolist() == [found[f"decode__{parameter}"] for found in best]
    assert result.chosen.dims == ("fold",)
    assert result.chosen.attrs["parameter"] == parameter
    assert result.prediction.values.tolist() == said.tolist()
    assert "chosen" not in decode(x, "side", decoder=name, n_shuffles=0)


def test_a_grid_of_ones_own_names_the_parameters_of_a_pipeline():
    x = trials()
    pipeline = Pipeline([("scale", StandardScaler()), ("svc", LogisticRegression())])
    grid = {"svc__C": [0.01, 1.0], "svc__fit_intercept": [True, False]}
    result = decode(x, "side", decoder=pipeline, nested=grid, n_shuffles=2)
    assert result.chosen.attrs["parameter"] == "svc__C, svc__fit_intercept"
    assert result.chosen.values[0].startswith('{"svc__C": ')
    assert pipeline.named_steps["svc"].C == 1.0


def test_ridge_chooses_its_strength_by_squared_error_in_the_other_folds():
    rng = np.random.default_rng(0)
    speed = rng.uniform(size=120)
    values = np.outer(speed, rng.normal(size=30)) + 2 * rng.normal(size=(120, 30))
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"speed": ("trial", speed)})
    result = decode(x, "speed", decoder="ridge", n_shuffles=0)
    folds = splits(x, target="speed")
    X, y, said = x.values, speed, np.empty(120)
    for k, (train, test) in enumerate(folds.split()):
        errors = np.zeros(len(ALPHAS))
        for j in np.unique(folds.fold[train]):
            learn, tell = train[folds.fold[train] != j], train[folds.fold[train] == j]
            for i, alpha in enumerate(ALPHAS):
                fitted = Pipeline([("s", StandardScaler()), ("r", Ridge(alpha))]).fit(X[learn], y[learn])
                errors[i] += np.sum((y[tell] - fitted.predict(X[tell])) ** 2)
        best = ALPHAS[int(errors.argmin())]
        assert result.chosen[k] == best
        said[test] = Pipeline([("s", StandardScaler()), ("r", Ridge(best))]).fit(X[train], y[train]).predict(X[test])
    np.testing.assert_allclose(result.prediction, said, atol=1e-8)


def test_over_time_every_bin_chooses_for_itself():
    x = xr.concat([trials(signal=s, seed=1) for s in (0.0, 1.0)], dim="time")
    result = decode(x, "side", over="time", decoder="ridge", n_shuffles=3)
    assert result.chosen.dims == ("fold", "time")
    for t in range(2):
        alone = decode(x.isel(time=t), "side", decoder="ridge", n_shuffles=3)
        assert alone.chosen.values.tolist() == result.chosen[:, t].values.tolist()


def test_the_choice_is_made_for_every_shuffle_again():
    """The mistake: choosing the best of many on the data themselves, and holding it against a null without choice."""
    x = trials(60, 40, signal=0.0, seed=5)
    nested = decode(x, "side", decoder="ridge", n_shuffles=19)
    fixed = decode(x, "side", decoder="ridge", nested=False, n_shuffles=19)
    assert (nested.null.values != fixed.null.values).any()
    assert nested.p_value > 0.05


def test_two_folds_leave_nothing_to_choose_in():
    x = trials(block=np.repeat([0, 1], 50))
    with pytest.raises(
        DesignError, match=r"needs at least 3 folds; got 2. Use more folds \(n_folds\), or nested=False"
    ):
        decode(x, "side", decoder="ridge", nested=True, n_shuffles=0)
    fixed = decode(x, "side", decoder="ridge", n_shuffles=0)
    assert "chosen" not in fixed
    assert fixed.score == decode(x, "side", decoder="ridge", nested=False, n_shuffles=0).score


def test_inner_folds_never_hold_what_the_outer_fold_tests_nor_its_neighbours():
    from neurodata4ml.analysis.decoding.nested import inner_parts

    x = trials(start_time=np.arange(100.0), stop_time=np.arange(100.0) + 0.5)
    folds = splits(x, target="side", purge=3.0)
    parts = list(folds.split())
    for k, (train, test) in enumerate(parts):
        assert len(inner_parts(parts, k)) == 4
        for learn, tell in inner_parts(parts, k):
            assert not set(learn) & set(test)
            assert not set(tell) & set(test)
            assert set(learn) | set(tell) <= set(train)
            assert min(abs(a - b) for a in learn for b in tell) >= 3


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"decoder": "lda", "nested": True}, "decoder='lda' has no hyper-parameter to choose. Leave nested out"),
        ({"decoder": "logistic", "nested": {"D": [1]}}, "names 'D', which is no parameter .* It has C, "),
        ({"decoder": "logistic", "nested": {"C": []}}, "gives no values of 'C'"),
        ({"decoder": Ridge(), "nested": True}, "does not know what to choose in Ridge: say so with nested="),
    ],
)
def test_a_choice_that_cannot_be_made_is_refused(keywords, sentence):
    with pytest.raises(DesignError, match=sentence):
        decode(trials(), "side", n_shuffles=0, **keywords)
