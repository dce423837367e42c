"""What is handed to the one call and cannot be compared: an error that names the area, or NaN with its reason."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.versus import brain_vs_network


def trials(n_stimuli=12, n_repeats=4, n_units=15, seed=0):
    """Return trials (trial, unit) that read out layer "a", and two layers."""
    rng = np.random.default_rng(seed)
    layer, stimulus = rng.normal(size=(n_stimuli, 6)), np.tile(np.arange(n_stimuli), n_repeats)
    values = (layer @ rng.normal(size=(6, n_units)))[stimulus] + rng.normal(size=(len(stimulus), n_units))
    layers = {"a": layer, "b": rng.normal(size=(n_stimuli, 8))}
    labels = {"stimulus": np.arange(n_stimuli)}
    return (
        xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", stimulus)}),
        {name: xr.DataArray(one, dims=("stimulus", "feature"), coords=labels) for name, one in layers.items()},
    )


X, LAYERS = trials()
A, B = LAYERS["a"], LAYERS["b"]
FIRST_NINE = np.flatnonzero(X.stimulus.values < 9)


def table_of(x, layers, **options):
    given = {"baselines": False, "metrics": "cka_unbiased", "n_shuffles": 0} | options
    return brain_vs_network(x, layers, **given)


@pytest.mark.parametrize(
    ("x", "layers", "options", "message"),
    [
        (X, "digits", {"baselines": True}, "needs the images that were shown: images="),
        (X, LAYERS, {"areas": ["V1"]}, "no area 'V1'. Areas: all units"),
        (X, LAYERS, {"areas": []}, r"at least one area; got areas=\[\]. Areas: all units"),
        (X[:, :4], LAYERS, {}, r"No area has 10 units: all units \(4\)"),
        ({}, LAYERS, {}, "No area has 10 units: there are none"),
        (X, LAYERS, {"metrics": []}, "at least one metric"),
        (X, LAYERS, {"metrics": ["cka_unbised"]}, "Unknown metric 'cka_unbised'. Did you mean 'cka_unbiased'"),
        (X, {}, {}, "names of their own; got none"),
        (X, LAYERS, {"n_suffles": 9}, "no option 'n_suffles'. Did you mean 'n_shuffles'"),
        (X, LAYERS, {"confidence": 2}, "^brain_vs_network needs a confidence between 0 and 1; got 2"),
        (X, LAYERS, {"order": ["V1", "LM", "IT"]}, "no responses of the area 'V1'"),
        (*trials(n_stimuli=3), {}, "^Area all units: cka_unbiased needs at least 4 stimuli; got 3"),
        (*trials(n_repeats=1), {}, "^Area all units: no stimulus was shown twice .12 trials of 12 stimuli.*average_by"),
        (X.where(X.trial != 3), LAYERS, {}, r"^Area all units has NaN.* 1 of 48 \(trial\) and 15 of 15 \(unit\)"),
        ({"V1": X, "LM": X.where(X < 3, np.inf)}, LAYERS, {}, "^Area LM has NaN or infinite values .*dropna"),
        (X, {"a": A, "b": B.where(B > 0)}, {}, "^Candidate b has NaN or infinite values in 12 of 12"),
        ({"V1": X, "LM": X[:, :0]}, LAYERS, {"areas": ["V1", "LM"]}, "^Area LM: .*at least one unit; LM has none"),
        (X[:0], LAYERS, {}, "^Area all units: cka_unbiased needs at least 4 stimuli; got 0"),
        (X.astype(str), LAYERS, {}, "^Area all units: brain_vs_network takes real numbers"),
        (X, {"a": A * 1e200, "b": B}, {"metrics": "rsa_rho_a"}, "^Area all units beside a: .* no numbers that float64"),
    ],
)
@pytest.mark.filterwarnings("ignore:No signal above the noise")
def test_what_cannot_be_compared_says_where_and_why(x, layers, options, message):
    with pytest.raises(DesignError, match=message):
        table_of(x, layers, **options)


@pytest.mark.parametrize(
    ("x", "layers", "message"),
    [
        (
            X,
            {"a": A, "b": B[:9]},
            "^Area all units beside b: brain_vs_network matches.*only in the responses 9, 10, 11",
        ),
        ({"V1": X, "LM": X[FIRST_NINE]}, LAYERS, "^Area LM: brain_vs_network matches stimulus labels, and 3"),
        (X, {"a": A.drop_vars("stimulus"), "b": B}, "^Area all units beside a: .* the layer has no labels"),
        ({"V1": X, "LM": A.rename(feature="unit")}, LAYERS, "only V1 have a trial dim"),
        (X.drop_vars("stimulus"), LAYERS, "needs the coordinate 'stimulus' on 'trial'"),
    ],
)
def test_labels_that_do_not_meet_are_told_by_area_and_layer(x, layers, message):
    with pytest.raises(DimensionError, match=message):
        table_of(x, layers, areas=None if isinstance(x, xr.DataArray) else list(x))


@pytest.mark.filterwarnings("ignore:No signal above the noise", "ignore:The similarity of", "ignore:No interval")
@pytest.mark.parametrize(
    ("x", "layers", "undefined"), [(X * 0 + 1, LAYERS, [True, True]), (X, {"a": A, "b": B * 0 + 2}, [False, True])]
)
def test_what_does_not_vary_is_nan_and_never_among_claims(x, layers, undefined):
    table = table_of(x, layers).isel(metric=0, area=0)
    assert table.similarity.isnull().values.tolist() == undefined
    assert bool(table.claim) == (not all(undefined))


def test_units_that_never_fire_change_nothing_but_the_count_of_units():
    silent = xr.concat([X, X[:, :5] * 0], dim="unit")
    with_them, without = table_of(silent, LAYERS), table_of(X, LAYERS)
    xr.testing.assert_allclose(with_them.similarity, without.similarity)
    assert with_them.n_units.item() == 20


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_the_size_of_numbers_does_not_matter(scale):
    xr.testing.assert_allclose(table_of(X * scale, LAYERS).similarity, table_of(X, LAYERS).similarity)


def test_more_units_than_stimuli_do_not_look_alike_by_their_number():
    x, layers = trials(n_units=300)
    unrelated = trials(n_units=300, seed=5)[1]["b"]
    table = table_of(x, {"true": layers["a"], "unrelated": unrelated}).isel(metric=0, area=0)
    assert float(table.similarity[0]) > 0.9
    assert bool(table.low[1] < 0.25)


def test_a_candidate_that_predicts_ties_is_not_favoured_by_the_ranks():
    category = xr.DataArray(
        np.repeat(np.eye(3), 4, axis=0), dims=("stimulus", "feature"), coords={"stimulus": A.stimulus}
    )
    table = table_of(X, {"category": category, "a": A}, metrics=["rsa_spearman", "rsa_rho_a"]).isel(area=0)
    spearman, rho_a = (abs(float(table.similarity.sel(metric=m, candidate="category"))) for m in table.metric.values)
    assert rho_a < spearman


def test_one_area_one_metric_one_layer_may_be_named_by_a_word():
    table = table_of(X.assign_coords(area=("unit", ["V1"] * 15)), {"a": A}, areas="V1")
    assert table.sizes["area"] == table.sizes["metric"] == table.sizes["candidate"] == 1
