"""What a tired student types: each mistake is met by a sentence of ours, and no design by a p it does not allow."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.decoding.generalize import generalize
from neurodata4ml.analysis.decoding.matching import decode_by
from neurodata4ml.analysis.decoding.pseudo import pseudo_population
from neurodata4ml.analysis.decoding.within_class import shuffle_within_class
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.errors import DesignError, DimensionError


def trials(seed=0, n=40, **on_trials):
    rng = np.random.default_rng(seed)
    columns = {"side": rng.permutation(np.arange(n) % 2), "start_time": 2.0 * np.arange(n)} | on_trials
    coords = {name: ("trial", values) for name, values in columns.items()}
    return xr.DataArray(rng.poisson(3, (n, 4)).astype(float), dims=("trial", "unit"), coords=coords)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"n_shuffles": -1}, "n_shuffles takes a whole number, 0 or more; got -1"),
        ({"n_shuffles": "0.5"}, "n_shuffles takes a whole number, 0 or more; got '0.5'"),
        ({"n_shuffles": 9.5}, "n_shuffles takes a whole number"),
        ({"seed": "a"}, "seed takes a whole number"),
        ({"seed": None}, "seed takes a whole number"),
        ({"n_jobs": -1}, "n_jobs takes a whole number, 1 or more; got -1. Leave it out for all cores"),
        ({"nested": "yes"}, "nested takes True, False or a grid"),
        ({"nested": True}, "Leave nested out; or take a decoder that has one: ridge"),
        ({"confounds": 3}, r"confounds takes names of coordinates, such as \['speed'\]; got 3"),
        ({"decoder": 3}, "decode takes a name .* or a scikit-learn estimator; got 3"),
    ],
)
def test_options_of_the_wrong_kind_are_refused_by_name(options, sentence):
    with pytest.raises(DesignError, match=sentence):
        decode(trials(), "side", **options)


@pytest.mark.parametrize("options", [{"n_draws": "2"}, {"n_units": "3"}, {"n_units": 2.5}, {"seed": -1}])
def test_draws_of_units_are_whole_numbers(options):
    x = trials().assign_coords(area=("unit", list("aabb")))
    with pytest.raises(DesignError, match=f"{next(iter(options))} takes a whole number"):
        decode_by(x, "side", **options)


def test_arrays_without_names_are_refused_everywhere():
    x = trials()
    for ask in (decode, generalize, decode_by, shuffle_within_class):
        with pytest.raises(DimensionError, match="takes an xarray DataArray with named dims; got a ndarray"):
            ask(x.values, "side")
    for ask in (lambda: splits(x.values), lambda: pseudo_population([x.values, x.values], "side")):
        with pytest.raises(DimensionError, match="takes an xarray DataArray with named dims"):
            ask()


def test_labels_are_named_not_handed_over():
    x = trials()
    for target in (x.side.values, x.side, None):
        with pytest.raises(DimensionError, match=r"takes the name of a coordinate, such as 'stimulus'; got a .*Add"):
            decode(x, target)


@pytest.mark.parametrize("kind", [str, complex, object])
def test_responses_that_are_no_numbers_are_refused(kind):
    with pytest.raises(DesignError, match=r"decode reads numbers; the responses are of the type .*astype\(float\)"):
        decode(trials().astype(kind), "side", n_shuffles=5)


def test_an_index_of_levels_and_times_that_are_text_are_refused_with_the_cure():
    levels = pd.MultiIndex.from_product([range(4), range(10)], names=["session", "number"])
    x = trials().assign_coords(xr.Coordinates.from_pandas_multiindex(levels, "trial"))
    with pytest.raises(DimensionError, match=r"Type x.reset_index\('trial'\)"):
        decode(x, "side", n_shuffles=5)
    with pytest.raises(DesignError, match=r"'start_time' holds text .*astype\(float\)"):
        decode(trials(start_time=np.arange(40).astype(str)), "side", n_shuffles=5)


def test_generalize_without_time_does_not_speak_of_over():
    with pytest.raises(DimensionError, match=r"generalize needs a \"time\" dim.*Keep the bins of bin_spikes"):
        generalize(trials(), "side")


@pytest.mark.parametrize("scoring", ["balanced_accuracy", "auc"])
def test_a_fold_that_is_one_group_of_the_interval_can_be_left_out(scoring):
    sessions = {name: trials(seed, n=24) for seed, name in enumerate("ab")}
    result = decode(pseudo_population(sessions, "side", n_folds=3), "side", n_shuffles=5, scoring=scoring)
    many = decode(trials(block=np.repeat(np.arange(10), 4)), "side", n_folds=2, n_shuffles=5, scoring=scoring)
    whole = trials(n=100, block=np.repeat(np.arange(10), 10))
    each = decode(whole, "side", n_folds=10, n_shuffles=5, scoring=scoring)
    for found in (result, many, each):
        assert np.isfinite([found.low, found.high]).all()


def test_without_p_decode_says_where_its_remedies_go():
    block = np.repeat(np.arange(10), 6)
    result = decode(trials(n=60, block=block, side=block % 2), "side", n_shuffles=5)
    assert np.isnan(result.p_value)
    assert "null=permutation_null(x, 'side', ...) takes these, and decode takes null=" in result.attrs["no_p"]


def dealt(how, seed):
    """Return a session in which labels belong to blocks or stimuli, or are more frequent in some blocks."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(10), 12) if "block" in how else np.tile(np.arange(10), 12)
    of_group = rng.permutation(np.arange(10) % 2)[group]
    side = (rng.random(120) < np.where(of_group, 0.8, 0.2)).astype(int) if how == "biased blocks" else of_group
    return trials(seed, n=120, side=side, **{"stimulus" if how == "stimuli" else "block": group})


@pytest.mark.parametrize("how", ["blocks", "stimuli", "biased blocks"])
def test_a_pseudo_population_of_labels_not_dealt_by_trial_has_no_p(how):
    # without this p <= .05 in 25 %, 24 % and 89 % of sessions that drift and know nothing of the label
    x = pseudo_population({"a": dealt(how, 1), "b": dealt(how, 2)}, "side")
    result = decode(x, "side", n_shuffles=5)
    assert np.isnan(result.p_value)
    words = "depend on those before, or on the block" if how == "biased blocks" else "is the same throughout each"
    assert words in result.attrs["no_p"]


def test_a_pseudo_population_is_the_same_whatever_the_order_of_trials():
    sessions = {name: trials(seed) for seed, name in enumerate("ab")}
    mixed = {name: x.isel(trial=np.random.default_rng(5).permutation(40)) for name, x in sessions.items()}
    xr.testing.assert_identical(pseudo_population(sessions, "side"), pseudo_population(mixed, "side"))


@pytest.mark.parametrize("how", ["blocks", "biased blocks", "stimuli"])
def test_exchanged_across_blocks_or_stimuli_there_is_no_p(how):
    # without this p <= .05 in 78 % of sessions with one label in each block that drift and know nothing of it
    result = decode(shuffle_within_class(dealt(how, 1), "side"), "side", n_shuffles=5)
    assert np.isnan(result.p_value)
    assert "Trials were exchanged within classes" in result.attrs["no_p"]
    assert np.isfinite(decode(shuffle_within_class(trials(), "side"), "side", n_shuffles=5).p_value)


def test_only_classes_are_exchanged_within_and_only_by_folds_of_the_same_array():
    x = trials(speed=np.random.default_rng(0).normal(size=40))
    with pytest.raises(DesignError, match="'speed' is continuous: no two trials share a value"):
        shuffle_within_class(x, "speed")
    for folds in (3, splits(trials(n=30))):
        with pytest.raises(DesignError, match=r"folds of this very array: folds=splits\(x, target=...\)"):
            shuffle_within_class(x, "side", folds=folds)


def test_warnings_point_to_the_line_that_was_typed():
    x, fold = trials(), np.random.default_rng(0).permutation(40) % 5
    pairs = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]
    side = np.append(np.arange(56) % 2, np.ones(4, dtype=int))
    cut = trials(n=60, side=side, block=np.repeat([0, 1, 2], [28, 28, 4]))
    for ask in (lambda: decode(x, "side", folds=pairs, n_shuffles=5), lambda: splits(cut, target="side")):
        with pytest.warns(UserWarning, match="cut blocks|lie in another fold") as told:
            ask()
        assert {one.filename for one in told} == {__file__}
