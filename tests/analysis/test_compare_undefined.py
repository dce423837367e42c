"""What is NaN says why, in the attributes of the result and in words."""

import warnings

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.explain import explain
from neurodata4ml.analysis.comparison.hierarchy import hierarchy
from neurodata4ml.analysis.comparison.pairwise import against, pairwise
from neurodata4ml.analysis.comparison.permutation_test import permutation_test
from neurodata4ml.analysis.comparison.sheets import bound, sheet_of
from neurodata4ml.analysis.inference.bootstrap import bootstrap
from neurodata4ml.analysis.inference.jackknife import jackknife

pytestmark = pytest.mark.filterwarnings("ignore")

N = 10
RNG = np.random.default_rng(0)
MEANS = RNG.normal(size=(N, 8))


def means(values=MEANS, dim="unit"):
    return xr.DataArray(values, dims=("stimulus", dim), coords={"stimulus": np.arange(N)})


def trials(values=MEANS, n_repeats=8, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    stimulus = np.concatenate([rng.permutation(N) for _ in range(n_repeats)])
    data = values[stimulus] + noise * rng.normal(size=(len(stimulus), values.shape[1]))
    return xr.DataArray(data, dims=("trial", "unit"), coords={"stimulus": ("trial", stimulus)})


def told(result):
    return " ".join(explain(result).split())


def test_where_all_is_known_nothing_is_said():
    layers = {"a": means(RNG.normal(size=(N, 5)), "feature"), "b": means()}
    found = compare(trials(), layers, n_splits=4)
    for result in (found, pairwise(found), against(found), compare(means(), layers, metric="rsa_pearson")):
        assert "undefined" not in result.attrs


@pytest.mark.parametrize("metric", ["cka", "procrustes", "rsa_pearson", "cka_unbiased"])
def test_a_layer_that_does_not_vary_is_named_with_its_reason(metric):
    flat = means(np.ones((N, 3)), "feature")
    found = compare({"V1": means()}, {"flat": flat, "live": means()}, metric=metric, n_shuffles=9)
    assert found.attrs["undefined"] == (
        "The similarity of V1 and flat is not defined and is NaN: one side does not vary between the stimuli."
    )
    assert "one side does not vary between the stimuli" in told(found)


def test_what_is_warned_of_is_what_stands_in_the_attributes():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = compare(trials(0 * MEANS), {"flat": means(0 * MEANS), "live": means()}, n_splits=4, n_shuffles=0)
    assert found.attrs["undefined"] == " ".join(str(one.message) for one in said)
    assert "No signal above the noise is found in x" in found.attrs["undefined"]


def test_fewer_repeats_than_two_in_a_part_leave_no_interval_and_say_so():
    found = compare(trials(n_repeats=2, noise=0.1), means(), n_shuffles=0)
    assert found.low.isnull()
    assert "No interval can be given for some similarities (NaN): without one group of" in found.attrs["undefined"]
    assert "no interval" in told(found)


def test_an_rsa_ceiling_that_is_not_known_says_why():
    areas = {"V1": trials(), "noise": trials(0 * MEANS, noise=1.0, seed=3)}
    found = compare(areas, means(), metric="rsa_pearson", n_shuffles=0)
    assert found.ceiling.isnull().values.tolist() == [False, True]
    assert found.attrs["undefined"] == (
        "No ceiling (NaN) for noise: what the RDMs of two halves of the trials share is not above 0."
    )
    assert "noise not defined" in told(found)


def test_differences_and_distances_from_a_reference_say_which_have_none():
    layers = {"a": means(), "b": means(RNG.normal(size=(N, 5)), "feature"), "flat": means(0 * MEANS)}
    found = compare(means(), layers, n_shuffles=0)
    gaps, above = pairwise(found), against(found)
    assert gaps.attrs["undefined"] == "Differences of flat are NaN: its similarity or the other is not defined."
    assert above.attrs["undefined"] == "The difference of flat is NaN: its similarity or the other is not defined."
    for result in (gaps, above):
        assert result.attrs["undefined"] in told(result)
    unsure = found.sel(y=["a", "b"])
    unsure.replicate[0, 1] = np.nan
    assert against(unsure).attrs["undefined"] == "The difference of b is NaN: it has no interval."


def test_a_permutation_of_what_does_not_vary_and_a_hierarchy_without_responses_say_so():
    test = permutation_test(means(), {"a": means(), "flat": means(0 * MEANS)}, metric="cka_unbiased", n_shuffles=9)
    assert "The similarity of x and flat is not defined" in test.attrs["undefined"]
    assert test.attrs["undefined"] in told(test)
    areas = {"a": means(), "dead": means(0 * MEANS), "c": means(RNG.normal(size=(N, 8)))}
    layers = {"l1": means(), "l2": means(RNG.normal(size=(N, 5)), "feature")}
    found = hierarchy(areas, layers, order=list(areas), n_resamples=5)
    assert np.isnan([found.correlation, found.p_value]).all()
    assert found.attrs["undefined"].startswith("The depth of dead, and with it the correlation, is NaN")
    assert found.attrs["undefined"] in told(found)


def test_replicates_that_are_not_known_are_counted():
    x = xr.DataArray(np.arange(40.0), dims="trial")
    found = jackknife(lambda part: part.mean() if 0 in part else np.nan, x, n_groups=10)
    assert np.isnan(found.se)
    assert "in 1 of 10 groups (the first: 0)" in found.attrs["undefined"]
    assert found.attrs["undefined"] in told(found)
    drawn = bootstrap(x, lambda part: part.mean() if 0 in part else np.nan, over="trial", n_resamples=30)
    lost = int(drawn.replicate.isnull().sum())
    assert 0 < lost < 30
    assert f"here in {lost} of 30" in drawn.attrs["undefined"]
    assert drawn.attrs["undefined"] in told(drawn)


def test_in_a_table_of_several_metrics_each_has_its_own_reasons():
    flat = {"flat": means(np.ones((N, 3)), "feature"), "live": means()}
    rows = [compare({"V1": means()}, layers, n_shuffles=0) for layers in (flat, {**flat, "flat": means(MEANS[::-1])})]
    table = bound(rows, ["cka_unbiased", "cka"]).rename(x="area", y="candidate")
    assert "V1 and flat" in sheet_of(table.sel(metric="cka_unbiased"), step="test").attrs["undefined"]
    assert "undefined" not in sheet_of(table.sel(metric="cka"), step="test").attrs


@pytest.mark.slow
@pytest.mark.parametrize(("repeats", "ordered"), [(2, False), (4, True), (4, False)])
@pytest.mark.parametrize("over", [None, "stimulus"])
@pytest.mark.filterwarnings("ignore:No ")
def test_few_repeats_and_sorted_trials_of_noise_have_no_similarity_and_those_with_signal_have(repeats, ordered, over):
    for seed in range(2):
        rng = np.random.default_rng(seed)
        truth = rng.normal(size=(20, 6))
        label = np.repeat(np.arange(20), repeats)
        label = label if ordered else rng.permutation(label)
        noise = rng.normal(size=(len(label), 12))
        layer = xr.DataArray(truth, dims=("stimulus", "feature"), coords={"stimulus": np.arange(20)})
        silent, clear = (
            compare(shown(noise + part[label], label), layer, over=over, n_shuffles=0, n_splits=6)
            for part in (np.zeros((20, 12)), 3 * truth @ rng.normal(size=(6, 12)))
        )
        assert np.isnan(silent.similarity)
        assert "No signal above the noise is found in x" in silent.attrs["undefined"]
        assert clear.similarity > 0.7


def shown(values, label):
    return xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", label)})


@pytest.mark.filterwarnings("ignore:No ")
def test_a_constant_area_of_unequal_repeats_has_no_similarity():
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(12), rng.integers(2, 6, 12))
    layer = xr.DataArray(rng.normal(size=(12, 8)), dims=("stimulus", "feature"), coords={"stimulus": np.arange(12)})
    found = compare(shown(np.tile([0.1, 0.37, 1.7], (len(label), 1)), label), layer, n_shuffles=0)
    assert np.isnan(found.similarity)
    assert "No signal above the noise" in found.attrs["undefined"]
