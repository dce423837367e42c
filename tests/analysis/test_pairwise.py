"""Candidate against candidate: differences within replicates, corrected for how many are asked."""

import warnings

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.pairwise import against, pairwise
from neurodata4ml.analysis.inference.p_values import holm
from neurodata4ml.errors import DesignError, DimensionError


def result(n_groups=20, n_candidates=3, shared=5.0, own=0.2, seed=0, **more):
    """Return what compare gives of means: jackknife replicates of samples whose common part is large."""
    rng = np.random.default_rng(seed)
    samples = shared * rng.normal(size=(n_groups, 1)) + own * rng.normal(size=(n_groups, n_candidates))
    samples = samples + np.arange(n_candidates)
    left = (samples.sum(0) - samples) / (n_groups - 1)
    out = xr.Dataset(
        {"similarity": ("y", samples.mean(0)), "replicate": (("group", "y"), left)},
        coords={"y": list("abcdef")[:n_candidates]},
        attrs={"metric": "cka_unbiased", "over": "stimulus"},
    )
    return out.assign(more), samples


def test_a_difference_is_tested_as_by_the_paired_t_test():
    x, samples = result()
    found = pairwise(x)
    for i, j in ((0, 1), (2, 0)):
        expected = stats.ttest_rel(samples[:, i], samples[:, j])
        assert float(found.p_value[i, j]) == pytest.approx(expected.pvalue, rel=1e-6)
        low, high = expected.confidence_interval()
        np.testing.assert_allclose([found.low[i, j], found.high[i, j]], [low, high])


def test_what_is_common_to_both_cancels():
    x, _ = result(shared=50.0)
    assert float(against(x).se.min()) > 5
    assert float(pairwise(x).se.max()) < 0.2


def test_p_values_are_corrected_for_every_pair_of_every_area():
    rows = [result(own=3.0, seed=seed)[0] for seed in range(4)]
    x = xr.concat(rows, dim="x").assign_coords(x=list("ABCD"))
    found = pairwise(x)
    assert found.attrs["n_tests"] == 12
    above = np.triu_indices(3, 1)
    raw = found.p_value.values[:, above[0], above[1]]
    np.testing.assert_allclose(found.p_value_corrected.values[:, above[0], above[1]], holm(raw))
    np.testing.assert_array_equal(found.p_value_corrected, found.p_value_corrected.values.swapaxes(1, 2))
    assert np.isnan(found.p_value_corrected.values[:, range(3), range(3)]).all()


def test_a_candidate_twice_differs_from_itself_by_nothing():
    x, _ = result()
    twin = x.isel(y=[0, 0]).assign_coords(y=["a", "copy"])
    found = pairwise(twin).sel(y="a", y2="copy")
    assert (float(found.difference), float(found.p_value)) == (0.0, 1.0)


def test_against_zero_is_one_sided_and_takes_what_independent_data_give():
    x, samples = result(shared=1.0)
    expected = stats.ttest_1samp(samples[:, 1], 0.5, alternative="greater")
    found = against(x.assign(null_value=("y", np.full(3, 0.5))), correction="none")
    assert float(found.p_value[1]) == pytest.approx(expected.pvalue, rel=1e-6)
    assert float(found.difference[1]) == pytest.approx(samples[:, 1].mean() - 0.5)


def test_the_ceiling_of_a_noise_corrected_similarity_is_one():
    x, samples = result(shared=1.0)
    found = against(x.assign(raw=x.similarity, ceiling=0.7), "ceiling")
    expected = stats.ttest_1samp(samples[:, 0], 1.0)
    assert float(found.p_value[0]) == pytest.approx(expected.pvalue, rel=1e-6)


def test_an_uncertain_ceiling_widens_the_distance_from_it():
    x, _ = result(shared=1.0)
    sure = against(x.assign(ceiling=0.7), "ceiling")
    unsure = against(x.assign(ceiling=0.7, ceiling_low=0.3, ceiling_high=1.1), "ceiling")
    known = 0.4 / stats.t.ppf(0.975, 19)
    np.testing.assert_allclose(unsure.se**2, sure.se**2 + known**2)


def test_an_unknown_replicate_leaves_the_difference_unsure():
    x, _ = result()
    x.replicate[3, 1] = np.nan
    found = pairwise(x)
    assert np.isnan(found.p_value_corrected[0, 1])
    assert found.attrs["n_tests"] == 1


def test_what_cannot_be_answered_is_refused():
    x, _ = result()
    with pytest.raises(DimensionError, match="pairwise needs two candidates or more"):
        pairwise(x.isel(y=0))
    with pytest.raises(DimensionError, match="take the result of compare"):
        pairwise(x.similarity)
    with pytest.raises(DimensionError, match="no replicates, and so no interval"):
        pairwise(x.drop_vars("replicate"))
    with pytest.raises(DesignError, match=r"Unknown correction 'hold'\. Did you mean 'holm'"):
        pairwise(x, correction="hold")
    with pytest.raises(DesignError, match="A difference needs a confidence between 0 and 1; got 95"):
        pairwise(x, confidence=95)
    with pytest.raises(DesignError, match=r"Unknown reference 'cieling'\. Did you mean 'ceiling'"):
        against(x, "cieling")
    with pytest.raises(DimensionError, match="needs a result with a ceiling"):
        against(x, "ceiling")


def test_equal_candidates_are_told_apart_no_more_often_than_promised():
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(200, 12, 1)) + rng.normal(size=(200, 12, 4))
    left = (samples.sum(1, keepdims=True) - samples) / 11
    x = xr.Dataset({"similarity": (("x", "y"), samples.mean(1)), "replicate": (("x", "group", "y"), left)})
    p = pairwise(x, correction="none").p_value_corrected.values[:, *np.triu_indices(4, 1)]
    claims = [bool((holm(one) < 0.05).any()) for one in p]  # each of the 200 is a family of its own
    assert 0.005 < np.mean(claims) < 0.09


def test_zero_over_trials_alone_warns_and_over_stimuli_does_not():
    rng = np.random.default_rng(3)
    trials = xr.DataArray(
        rng.normal(size=(80, 6)) + np.repeat(rng.normal(size=(10, 6)), 8, axis=0),
        dims=("trial", "unit"),
        coords={"stimulus": ("trial", np.repeat(np.arange(10), 8)), "block": ("trial", np.tile(np.arange(8), 10))},
    )
    layer = xr.DataArray(rng.normal(size=(10, 5)), dims=("stimulus", "feature"), coords={"stimulus": np.arange(10)})
    with pytest.warns(UserWarning, match="against zero with fixed stimuli.*over='stimulus'"):
        against(compare(trials, {"a": layer}, n_shuffles=0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = against(compare(trials, {"a": layer}, n_shuffles=0, over="stimulus"))
    assert np.isfinite(found.p_value).all()


def test_the_table_of_a_brain_and_a_network_is_taken_too():
    rng = np.random.default_rng(4)
    means = [
        xr.DataArray(rng.normal(size=(12, 5)), dims=("stimulus", d), coords={"stimulus": np.arange(12)})
        for d in ("unit", "feature", "feature")
    ]
    found = compare({"V1": means[0]}, {"a": means[1], "b": means[2]}, n_shuffles=0)
    renamed = found.rename(x="area", y="candidate")
    xr.testing.assert_allclose(pairwise(renamed).difference, pairwise(found).difference.rename(x="area"))
