"""Models beside several subjects: draws, ceilings and ranks as when every pair is written down."""

import importlib
import sys

import numpy as np
import pytest

from conftest import ROOT
from neurodata4ml.analysis.comparison.resampled import multiplicities
from neurodata4ml.analysis.comparison.subjects import METRICS_OF_SUBJECTS, resampled_subjects
from neurodata4ml.errors import DesignError

sys.path.append(str(ROOT / "benchmarks"))
bench = importlib.import_module("similarity_bootstrap")

DATA = bench.make(bench.QUICK)
WEIGHTS = multiplicities(14, 6, np.random.default_rng(0))


@pytest.mark.parametrize("metric", METRICS_OF_SUBJECTS)
def test_draws_and_ceilings_equal_a_plain_computation(metric):
    assert bench.difference(DATA, metric, WEIGHTS, bench.plainly) < 1e-12


@pytest.mark.parametrize("metric", METRICS_OF_SUBJECTS)
def test_tied_distances_share_their_rank(metric):
    tied = bench.Data(np.round(2 * DATA.subjects), np.round(2 * DATA.models), 14)
    assert bench.difference(tied, metric, WEIGHTS, bench.plainly) < 1e-12


@pytest.mark.parametrize("metric", METRICS_OF_SUBJECTS)
def test_draws_and_ceilings_equal_those_of_rsatoolbox(metric):
    pytest.importorskip("rsatoolbox")
    assert bench.difference(DATA, metric, WEIGHTS, bench.theirs) < 1e-12


@pytest.mark.parametrize("metric", METRICS_OF_SUBJECTS)
def test_drawing_a_subject_twice_is_having_it_twice_but_for_its_own_lower_bound(metric):
    twice = np.array([[2, 0, 1, 1]])
    found = resampled_subjects(metric, DATA.subjects, DATA.models, WEIGHTS[:1], twice)
    again = resampled_subjects(metric, DATA.subjects[[0, 0, 2, 3]], DATA.models, WEIGHTS[:1])
    np.testing.assert_allclose(found.similarity, again.similarity)
    np.testing.assert_allclose(found.upper, again.upper)
    assert found.lower < again.lower  # both copies of a subject are left out together


def test_nothing_exceeds_the_upper_bound_and_the_truth_lies_between_the_bounds():
    rng = np.random.default_rng(1)
    first, second = np.triu_indices(20, 1)
    truth = rng.normal(size=(20, 30))
    subjects = truth + rng.normal(size=(12, 20, 30))
    of = lambda values: ((values[..., first, :] - values[..., second, :]) ** 2).mean(axis=-1)  # noqa: E731
    once = np.ones((1, 20))
    for metric in ("rsa_pearson", "rsa_cosine"):
        found = resampled_subjects(metric, of(subjects), of(np.stack([truth, truth[::-1]])), once)
        assert found.lower[0] - 0.02 < found.similarity[0, 0] < found.upper[0]
        assert found.similarity[0, 1] < found.lower[0]


def test_a_model_of_equal_distances_has_no_similarity():
    flat = np.ones((1, DATA.models.shape[1]))
    for metric in ("rsa_pearson", "rsa_spearman"):
        assert np.isnan(resampled_subjects(metric, DATA.subjects, flat, WEIGHTS).similarity).all()


def test_what_does_not_fit_is_refused():
    with pytest.raises(DesignError, match="Subjects are pooled for the metrics rsa_pearson"):
        resampled_subjects("rsa_tau_a", DATA.subjects, DATA.models, WEIGHTS)
    with pytest.raises(DesignError, match="rows of pairs of the same stimuli"):
        resampled_subjects("rsa_pearson", DATA.subjects, DATA.models[:, 1:], WEIGHTS)
    with pytest.raises(DesignError, match="91 pairs are those of 14 stimuli; got weights of shape"):
        resampled_subjects("rsa_pearson", DATA.subjects, DATA.models, WEIGHTS[:, 1:])
    holed = DATA.subjects.copy()
    holed[0, 0] = np.nan
    with pytest.raises(DesignError, match="must be finite; 1 values are not"):
        resampled_subjects("rsa_pearson", holed, DATA.models, WEIGHTS)
