"""Input that no one means to hand in: an error that says so, never a number that is silently wrong."""

import warnings

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.explain import explain
from neurodata4ml.analysis.comparison.hierarchy import hierarchy
from neurodata4ml.analysis.comparison.pairwise import pairwise
from neurodata4ml.analysis.comparison.permutation_test import permutation_test
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.dissimilarity.searchlight import searchlight
from neurodata4ml.analysis.inference.bootstrap import bootstrap
from neurodata4ml.analysis.similarity.metrics import METRICS, null_of_cka
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.versus import brain_vs_network


def means(seed, n=8, units=12, dim="unit"):
    values = np.random.default_rng(seed).normal(size=(n, units))
    return xr.DataArray(values, dims=("stimulus", dim), coords={"stimulus": [f"s{i}" for i in range(n)]})


def trials(seed, n=8, units=12, n_blocks=10):
    rng = np.random.default_rng(seed)
    signal, stimulus = 2 * rng.normal(size=(n, units)), np.tile(np.arange(n), n_blocks)
    coords = {"stimulus": ("trial", [f"s{i}" for i in stimulus]), "block": ("trial", np.repeat(np.arange(n_blocks), n))}
    values = signal[stimulus] + rng.normal(size=(len(stimulus), units))
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


X, Y, TRIALS = means(0), means(1, dim="feature"), trials(2)


def numbers(found):
    return {name: value.values for name, value in found.items() if value.dtype.kind == "f"}


# ------------------------------------------------------------------------------------------------ size of numbers
@pytest.mark.slow
@pytest.mark.parametrize("size", [1e100, 1e200, 1e-100, 1e-200])
@pytest.mark.parametrize("metric", ["cka_unbiased", "rsa_spearman", "rsa_cosine_whitened"])
def test_the_unit_of_measurement_changes_no_number_of_a_comparison_of_trials(metric, size):
    usual = numbers(compare(TRIALS, Y, metric=metric, n_shuffles=9))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scaled = numbers(compare(TRIALS * size, Y, metric=metric, n_shuffles=9))
    for name, value in usual.items():
        np.testing.assert_allclose(scaled[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


def test_the_unit_of_rdms_changes_neither_similarity_nor_interval():
    usual = compare(rdm(X), rdm(Y), metric="rsa_cosine", n_shuffles=0)
    scaled = compare(rdm(X) * 1e200, rdm(Y) * 1e-200, metric="rsa_cosine", n_shuffles=0)
    for name in ("similarity", "low", "high"):
        assert float(scaled[name]) == pytest.approx(float(usual[name]), abs=1e-12)


@pytest.mark.parametrize(
    ("distance", "precision"),
    [("mahalanobis", None), ("crossnobis", "ledoit-wolf"), ("crossnobis", "schaefer-strimmer")],
)
@pytest.mark.parametrize("size", [1e100, 1e-100, 1e70])
def test_distances_in_units_of_noise_have_no_unit_of_measurement(distance, precision, size):
    usual = rdm(TRIALS, distance=distance, precision=precision)
    np.testing.assert_allclose(rdm(TRIALS * size, distance=distance, precision=precision), usual, atol=1e-12)


def test_the_unit_of_measurement_does_not_move_a_hierarchy():
    brain, layers = {"a": X, "b": means(3), "c": means(4)}, {"l1": Y, "l2": means(5)}
    usual = hierarchy(brain, layers, order=["a", "b", "c"], n_resamples=10)
    scaled = hierarchy({**brain, "a": X * 1e200}, {**layers, "l1": Y * 1e-200}, order=["a", "b", "c"], n_resamples=10)
    for name, value in numbers(usual).items():
        np.testing.assert_allclose(scaled[name], value, atol=1e-12, err_msg=name)


# ------------------------------------------------------------------------------------------------ what is claimed
@pytest.mark.parametrize("metric", ["cka", "procrustes", "soft_matching"])
def test_a_biased_metric_of_unrelated_data_claims_nothing(metric):
    found = compare(means(6, 20, 30), {"a": means(7, 20, 30), "b": means(8, 20, 30)}, metric=metric, n_shuffles=19)
    assert (found.low > 0).all()
    assert not found.claim
    assert found.among_best.all()
    assert found.best.item() == ""


def test_the_null_value_of_matched_areas_is_that_of_as_many_units():
    areas = {"small": means(9, 20, 5), "large": means(10, 20, 200)}
    found = compare(areas, Y.isel(stimulus=0, drop=True) * means(11, 20, 12, "feature"), metric="cka", match_units=True)
    np.testing.assert_allclose(found.null_value, null_of_cka(20, 5, 12))
    assert "p-values are of all units" in found.attrs["assumed"]
    assert "20 stimuli, 5 units" in " ".join(explain(found).split())
    shuffled = compare(areas, means(11, 20, 12), metric="procrustes", match_units=True, n_shuffles=0).null_value
    assert float(shuffled.sel(x="small")) == pytest.approx(float(shuffled.sel(x="large")), abs=0.03)


def test_what_is_not_defined_is_no_test():
    found = permutation_test(X, {"a": Y, "flat": Y * 0}, metric="cka_unbiased", n_shuffles=9)
    assert found.attrs["n_tests"] == 1
    assert "of 1 test has p" in " ".join(explain(found).split())


def test_a_missing_interval_over_stimuli_is_not_laid_to_trials():
    with pytest.warns(UserWarning, match=r"without one stimulus it is not defined, because too few are left"):
        compare(X[:3], Y[:3], metric="cka", n_shuffles=0)


# ------------------------------------------------------------------------------------------------ what is no array
@pytest.mark.parametrize("bad", [None, X.values, [X], "V1", {"a": X.values}])
def test_what_is_no_labelled_array_is_told_from_one(bad):
    for ask in (
        lambda: compare(bad, Y),
        lambda: compare(X, bad),
        lambda: permutation_test(bad, Y),
        lambda: brain_vs_network(bad, {"layer": Y}, areas=["a"], baselines=False),
    ):
        with pytest.raises(DimensionError, match=r"takes an xarray DataArray with named dims; got a"):
            ask()


def test_a_hierarchy_of_what_is_no_dict_says_what_to_type():
    with pytest.raises(DimensionError, match=r"hierarchy takes responses as a dict of name to DataArray; got a list"):
        hierarchy([X], {"a": X, "b": Y}, order=["a", "b", "c"])
    with pytest.raises(DesignError, match=r"hierarchy needs finite responses; 1 of 96 values are not"):
        hierarchy({"a": X.where(X.max() > X), "b": X, "c": X}, {"l": X, "k": Y}, order=["a", "b", "c"])
    with pytest.raises(DesignError, match=r"There are no responses of the area 'd'. Areas: 1, 2"):
        hierarchy({1: X, 2: X}, {"l": X, "k": Y}, order=["d"])


def test_complex_numbers_and_words_are_no_responses():
    for ask in (
        lambda: compare(X * 1j, Y),
        lambda: compare(TRIALS.astype(str), Y),
        lambda: hierarchy({"a": X * 1j}, {"l": X, "k": Y}, order=["a"]),
    ):
        with pytest.raises(DesignError, match=r"takes real numbers; . is of the type .*Type x.astype\(float\)"):
            ask()


@pytest.mark.parametrize("metric", ["cka_unbiased", "rsa_pearson"])
def test_an_area_without_units_is_refused_by_name(metric):
    with pytest.raises(DesignError, match=r"compare needs responses of at least one unit; LM has none. Leave it out."):
        compare({"V1": TRIALS, "LM": TRIALS[:, :0]}, Y, metric=metric)
    with pytest.raises(DesignError, match=r"searchlight needs responses of at least one unit; there is none"):
        searchlight(TRIALS.assign_coords(x=("unit", np.arange(12.0)))[:, :0], positions="x", n_neighbours=1)


def test_what_is_no_rdm_is_refused():
    uneven, endless = rdm(X).copy(), rdm(X).copy()
    uneven[0, 1] = 9.0
    endless[0, 1] = endless[1, 0] = np.inf
    for bad, error, message in (
        (uneven, DesignError, "that of i and j is not that of j and i"),
        (endless, DesignError, "finite distances, or NaN where one is not known; 1 are infinite"),
        (rdm(X).expand_dims(time=2), DimensionError, "takes one RDM .* got also time. Select: x.isel.time=0"),
    ):
        for pair in ((bad, rdm(Y)), (rdm(Y), bad)):
            with pytest.raises(error, match=message):
                compare(*pair, metric="rsa_pearson")


def test_an_rdm_of_which_nothing_is_known_has_no_similarity():
    with pytest.warns(UserWarning, match=r"is not defined and is NaN") as told:
        found = compare(rdm(X) * np.nan, rdm(Y), metric="rsa_pearson", n_shuffles=0)
    assert np.isnan(found.similarity)
    assert [w.category for w in told] == [UserWarning]


# ------------------------------------------------------------------------------------------------ options
@pytest.mark.parametrize("confidence", [0, 1, 95, "a", None, np.nan])
def test_a_confidence_that_is_none_is_refused_by_all(confidence):
    compared = compare(X, {"a": Y, "b": means(3)}, n_shuffles=0)
    areas = {"a": X, "b": X, "c": X}
    for ask in (
        lambda: compare(X, Y, confidence=confidence),
        lambda: pairwise(compared, confidence=confidence),
        lambda: hierarchy(areas, {"l": X, "k": Y}, order=list(areas), confidence=confidence),
        lambda: bootstrap(X, lambda part: part.mean(), confidence=confidence),
    ):
        with pytest.raises(DesignError, match=r"needs a confidence between 0 and 1; got .* Type confidence=0.95"):
            ask()


def test_options_of_another_type_are_unknown_names():
    for ask, message in (
        (lambda: compare(X, Y, metric=["cka"]), "Unknown metric"),
        (lambda: compare(X, Y, metric="rsa_pearson", distance=["cosine"]), "Unknown distance"),
        (lambda: compare(X, Y, over=3), "cannot give an interval over 3"),
        (lambda: compare(X, Y, n_shuffles=0, correction="bonferroni"), "Unknown correction 'bonferroni'"),
        (lambda: pairwise(compare(X, {"a": Y, "b": X}, n_shuffles=0), correction=["holm"]), "Unknown correction"),
    ):
        with pytest.raises(DesignError, match=message):
            ask()


def test_groups_that_cannot_be_ordered_or_are_missing_are_refused():
    mixed = X.assign_coords(animal=("unit", np.array([1, "b", 2.5] * 4, dtype=object)))
    unknown = X.assign_coords(animal=("unit", [1.0, 2.0, np.nan] * 4))
    with pytest.raises(DesignError, match=r"kinds that cannot be compared .float, int, str.. Make them all text"):
        bootstrap(mixed, lambda part: part.mean(), over="animal")
    with pytest.raises(DesignError, match=r"4 values of 'animal' are missing. Drop their units"):
        compare(unknown, Y, over="animal")


def test_a_bootstrap_of_infinite_values_has_neither_error_nor_interval():
    endless = X.copy()
    endless[0, 0] = np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        with pytest.warns(UserWarning, match=r"has only 8 of them"):
            found = bootstrap(endless, lambda part: part.mean(("stimulus", "unit")), n_resamples=20)
    assert np.isnan([found.se, found.low, found.high]).all()
    with pytest.raises(DesignError, match=r"got 1. Draw what there is more of: over='stimulus'"):
        bootstrap(X[:, :1], lambda part: part.mean(), over="unit")


def test_the_noise_of_single_trials_is_not_to_be_had_by_leaving_out_what_was_left_out():
    with pytest.raises(DesignError, match=r"needs repeated stimuli; got 8 trials of 8 stimuli. Type distance='euclid"):
        rdm(TRIALS[:8], distance="mahalanobis")


def test_every_metric_is_indifferent_to_the_type_of_counts():
    counts = np.random.default_rng(0).poisson(40, size=(20, 5)).clip(0, 127)
    x = means(0, 20, 5).copy(data=counts)
    for metric in METRICS:
        usual = compare(x.astype(float), means(1, 20, 4), metric=metric, over=(), n_shuffles=0)
        small = compare(x.astype(np.int8), means(1, 20, 4), metric=metric, over=(), n_shuffles=0)
        assert float(small.similarity) == pytest.approx(float(usual.similarity), abs=1e-12), metric


def test_a_distance_in_squared_units_is_not_said_to_ignore_the_unit():
    def blind(**options):
        return " ".join(explain(rdm(TRIALS, **options)).split()).split("What changes nothing")[1].split("What would")[0]

    np.testing.assert_allclose(rdm(2 * TRIALS, distance="crossnobis"), 4 * rdm(TRIALS, distance="crossnobis"))
    assert "one factor for all responses (but for its square, in every distance)" in blind(distance="crossnobis")
    assert "square" not in blind(distance="crossnobis", precision="ledoit-wolf")
    assert "rotation" not in blind(distance="crossnobis", precision="diagonal")
