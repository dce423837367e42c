"""A layer is chosen on other images than it is scored on; what the naive choice would have promised is printed."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.encoding.layers import choice_of_layer, choose_layer
from neurodata4ml.errors import DesignError, DimensionError

N_STIMULI, N_UNITS = 60, 12
FAST = {"encoder": "pls", "n_components": 2}


def layer(seed, n_features=10, n_stimuli=N_STIMULI):
    values = np.random.default_rng(seed).standard_normal((n_stimuli, n_features))
    return xr.DataArray(values, dims=("stimulus", "feature"), coords={"stimulus": np.arange(n_stimuli)})


def responses(values, n_repeats=2, seed=0, noise=1.0):
    """Trials (trial, unit) around values (stimulus, unit), in two areas."""
    rng = np.random.default_rng(seed)
    stimulus = np.tile(np.arange(len(values)), n_repeats)
    trials = values[stimulus] + noise * rng.standard_normal((len(stimulus), values.shape[1]))
    area = np.where(np.arange(values.shape[1]) % 2, "VISl", "VISp")
    return xr.DataArray(
        trials, dims=("trial", "unit"), coords={"stimulus": ("trial", stimulus), "area": ("unit", area)}
    )


def driven(features, seed=9, n_units=N_UNITS):
    weights = np.random.default_rng(seed).standard_normal((features.shape[1], n_units))
    return features.values @ weights / np.sqrt(features.shape[1])


@pytest.mark.slow
def test_among_twenty_layers_of_noise_the_naive_choice_finds_one_and_the_honest_does_not():
    layers = {f"layer{k}": layer(k, n_features=5) for k in range(20)}
    y = responses(np.random.default_rng(99).standard_normal((N_STIMULI, 40)))
    found = choose_layer(y, layers, **FAST)
    assert float(found.naive.mean()) > 0.15
    assert abs(float(found.honest.mean())) < 0.04
    np.testing.assert_allclose(found.optimism, found.naive - found.honest)
    assert found.attrs["optimism"] == pytest.approx(float(found.optimism.mean()))
    assert found.attrs["optimism"] > 0.12
    assert f"an optimism of {found.attrs['optimism']:.3f}" in found.attrs["about"]


def test_a_layer_that_drives_the_units_is_chosen_by_all_and_costs_no_optimism():
    layers = {"noise": layer(1), "true": layer(2), "other": layer(3)}
    found = choose_layer(responses(driven(layers["true"]), noise=0.3), layers, encoder="pls", n_components=8)
    assert np.all(found.chosen == "true")
    assert np.all(found.naive_layer == "true")
    assert np.all(found.agreement == 1)
    np.testing.assert_allclose(found.honest, found.naive)
    np.testing.assert_allclose(found.honest, found.score.sel(layer="true"))
    assert found.chosen.dims == ("unit", "fold")


def test_the_choice_of_a_fold_knows_nothing_of_its_test_images():
    layers = {f"layer{k}": layer(k) for k in range(6)}
    y = responses(np.random.default_rng(5).standard_normal((N_STIMULI, N_UNITS)))
    before = choose_layer(y, layers, **FAST)
    train, test = next(iter(splits(y, encoding=True).split()))
    changed = y.copy()
    changed.values[test] = 100 * np.random.default_rng(1).standard_normal((len(test), N_UNITS))
    after = choose_layer(changed, layers, **FAST)
    assert np.array_equal(before.chosen[:, 0], after.chosen[:, 0])
    assert not np.array_equal(before.chosen[:, 1:], after.chosen[:, 1:])
    assert len(train) > len(test)


def test_an_area_has_one_layer_by_the_median_of_its_units():
    layers = {"a": layer(1), "b": layer(2)}
    values = np.where(np.arange(N_UNITS) % 2, driven(layers["b"]), driven(layers["a"]))
    found = choose_layer(responses(values, noise=0.3), layers, per="area", encoder="pls", n_components=8)
    assert found.area.values.tolist() == ["VISl", "VISp"]
    assert np.all(found.chosen.sel(area="VISl") == "b")
    assert np.all(found.chosen.sel(area="VISp") == "a")
    assert found.honest.dims == ("area",)


def test_choices_by_hand():
    inner = np.array([[[0.1], [0.5]], [[0.3], [0.2]]])  # layer 1 in the first fold, layer 0 in the second
    outer = np.array([[[0.9], [0.3]], [[0.1], [0.8]]])
    found = choice_of_layer(outer, inner)
    assert found.layer.ravel().tolist() == [1, 0]
    assert found.honest.tolist() == pytest.approx([(0.1 + 0.3) / 2])
    assert found.naive.tolist() == pytest.approx([0.6])
    assert found.naive_layer.tolist() == [0]


def test_medians_of_an_area_leave_out_units_without_a_score():
    inner = np.array([[[0.1, np.nan, 0.3]], [[0.25, 0.0, 0.0]]])
    found = choice_of_layer(inner, inner, np.array([0, 0, 0]))
    assert found.layer.tolist() == [[0]]
    assert found.honest.tolist() == pytest.approx([0.2])


def test_a_unit_that_no_layer_predicts_has_none_and_no_score():
    layers = {"a": layer(1), "b": layer(2)}
    values = driven(layers["a"])
    values[:, 3] = 1.0
    y = responses(values, noise=0.0)
    found = choose_layer(y, layers, **FAST)
    assert np.all(found.chosen[3] == "")
    assert found.naive_layer[3] == ""
    assert np.isnan(found.honest[3])
    assert np.isnan(found.naive[3])
    assert found.agreement[3] == 0
    assert np.isfinite(np.delete(found.honest.values, 3)).all()


def test_a_movie_is_chosen_in_stretches_of_time():
    rng = np.random.default_rng(0)
    times = {"time": np.arange(400) * 0.1}
    layers = {
        name: xr.DataArray(rng.standard_normal((400, 5)), dims=("time", "feature"), coords=times) for name in "ab"
    }
    y = xr.DataArray(layers["b"].values[:, :3] + rng.standard_normal((400, 3)), dims=("time", "unit"), coords=times)
    found = choose_layer(y, layers, encoder="pls", n_components=3)
    assert np.all(found.chosen == "b")


def test_threads_and_seeds():
    layers = {f"layer{k}": layer(k) for k in range(3)}
    y = responses(np.random.default_rng(5).standard_normal((N_STIMULI, N_UNITS)))
    one, two = (choose_layer(y, layers, n_jobs=n, **FAST) for n in (1, 2))
    xr.testing.assert_identical(one, two)
    assert not np.array_equal(one.honest, choose_layer(y, layers, seed=1, **FAST).honest)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"layers": {"a": layer(1)}}, DesignError, "at least two layers, .*; got 1. For one, type encode"),
        ({"layers": layer(1)}, DesignError, "at least two layers, .*; got DataArray"),
        ({"score": "cc_norm"}, DesignError, "takes the scores r, r2, deviance, bits_per_spike; got 'cc_norm'"),
        ({"score": "R2"}, DesignError, "got 'R2'; did you mean 'r2'"),
        ({"per": "depth"}, DimensionError, "a coordinate of the units.*got 'depth', and there are: area"),
        ({"n_folds": 20}, DesignError, "the smallest has 3 stimuli; at least 4.*n_folds=15"),
        ({"n_inner": 1}, DesignError, "n_inner takes a whole number, 2 or more; got 1"),
        ({"layers": {"a": layer(1).values, "b": layer(2)}}, DimensionError, "takes an xarray DataArray"),
        ({"encoder": "banded"}, DesignError, "fits each layer alone, and 'banded' fits all of them together"),
        ({"folds": 3}, DesignError, "takes no 'folds': it deals outer and inner folds itself"),
        ({"over": "time"}, DesignError, "takes no 'over'"),
        ({"prediction": True}, DesignError, "takes no 'prediction'"),
    ],
)
def test_refusals(change, error, message):
    y = responses(np.random.default_rng(5).standard_normal((N_STIMULI, N_UNITS)))
    layers = change.pop("layers", {"a": layer(1), "b": layer(2)})
    with pytest.raises(error, match=message):
        choose_layer(y, layers, **{**FAST, **change})


def test_seven_stimuli_are_too_few_for_any_number_of_folds():
    y = responses(np.random.default_rng(5).standard_normal((7, N_UNITS)))
    with pytest.raises(DesignError, match="That takes 8 stimuli in all; there are 7"):
        choose_layer(y, {"a": layer(1)[:7], "b": layer(2)[:7]}, n_folds=2)


def test_scores_of_other_shapes_are_refused():
    with pytest.raises(DimensionError, match=r"of one shape; got \(2, 3, 4\) and \(2, 3, 5\)"):
        choice_of_layer(np.zeros((2, 3, 4)), np.zeros((2, 3, 5)))
