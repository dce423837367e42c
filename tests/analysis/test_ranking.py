"""The best candidate is named only where it can be known."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.ranking import among_best


def ranked(values, spread):
    """Similarities with 20 jackknife replicates around them, of which each candidate has its own spread."""
    similarity = xr.DataArray(np.asarray(values, dtype=float), dims="y", coords={"y": list("abcde")[: len(values)]})
    own = np.random.default_rng(19).normal(size=(20, len(values))) * spread
    return similarity, xr.DataArray(similarity.values + own, dims=("group", "y"), coords={"y": similarity.y})


def test_among_best_holds_what_noise_cannot_separate_and_what_lies_within_the_margin():
    # candidates: best; 0.01 below, surely; 0.1 below, surely; 0.1 below, unsure; unknown
    similarity = xr.DataArray([0.8, 0.79, 0.7, 0.7, np.nan], dims="y", coords={"y": list("abcde")})
    rng = np.random.default_rng(19)
    shared = 0.05 * rng.normal(size=(20, 1))  # common to all, cancels
    own = rng.normal(size=(20, 5)) * [0, 1e-4, 1e-4, 0.05, 0]
    replicate = xr.DataArray(similarity.values + shared + own, dims=("group", "y"), coords={"y": similarity.y})
    found = among_best(similarity, replicate)
    assert found.best.item() == "a"
    assert found.among_best.values.tolist() == [True, True, False, True, False]
    assert among_best(similarity, replicate, margin=0.0).among_best.values.tolist() == [
        True,
        False,
        False,
        True,
        False,
    ]


def test_the_best_of_nothing_is_empty():
    nothing = xr.DataArray([np.nan, np.nan], dims="y", coords={"y": ["a", "b"]})
    found = among_best(nothing, nothing.expand_dims(group=5))
    assert found.best.item() == ""
    assert not found.claim
    assert found.among_best.all()


def test_there_is_no_best_without_intervals():
    similarity, replicate = ranked([0.8, 0.7], 0.001)
    replicate[3] = np.nan
    found = among_best(similarity, replicate)
    assert found.best.item() == ""
    assert not found.claim
    assert found.among_best.all()


def test_a_candidate_without_an_interval_is_not_among_the_best():
    similarity, replicate = ranked([0.8, 0.79, 0.79], 0.001)
    replicate[3, 1] = np.nan
    found = among_best(similarity, replicate)
    assert found.best.item() == "a"
    assert found.among_best.values.tolist() == [True, False, True]


@pytest.mark.parametrize(("values", "spread"), [([-0.1, -0.2], 0.001), ([0.1, 0.09], 0.1)])
def test_there_is_no_best_where_no_similarity_is_above_zero(values, spread):
    found = among_best(*ranked(values, spread))
    assert found.best.item() == ""
    assert not found.claim
    assert found.among_best.all()


def test_one_similarity_above_zero_is_enough_for_a_best():
    found = among_best(*ranked([0.30, 0.29], [0.2, 0.001]))
    assert found.best.item() == "a"
    assert found.among_best.all()


def test_areas_are_ranked_each_on_its_own():
    parts = [ranked([0.8, 0.2], 0.001), ranked([0.01, 0.02], 0.1)]
    found = among_best(*(xr.concat(both, dim="x") for both in zip(*parts, strict=True)))
    assert found.best.values.tolist() == ["a", ""]
    assert found.among_best.values.tolist() == [[True, False], [True, True]]
    assert found.claim.values.tolist() == [True, False]
