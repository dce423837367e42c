"""Intervals of models beside subjects keep what they promise: other stimuli and other subjects at once."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import pdist

from neurodata4ml.analysis.comparison.subject_draws import sample

SIZES = ((20, 6), (40, 10))
"""Numbers of stimuli and of subjects."""


def world(rng, n, m, shared, n_models=2):
    """RDMs of subjects with a common geometry, and of models that share it or do not."""
    truth = rng.normal(size=(n, 10))
    subjects = [pdist(truth + rng.normal(size=truth.shape), "sqeuclidean") for _ in range(m)]
    models = [pdist(shared * truth + rng.normal(size=truth.shape), "sqeuclidean") for _ in range(n_models)]
    return np.array(subjects), np.array(models)


def worlds(n_worlds, n, m, shared, n_resamples, metric="rsa_pearson"):
    rng = np.random.default_rng(0)
    both = {"over": ("stimulus", "subject"), "n_resamples": n_resamples}
    return [sample(metric, *world(rng, n, m, shared), seed=k, **both) for k in range(n_worlds)]


def test_of_unrelated_models_the_error_is_that_of_the_estimate_and_that_of_naive_draws_is_larger():
    found = worlds(60, 20, 6, 0.0, 60)
    spread = np.std([one.estimate[:2] for one in found])
    error = np.sqrt(np.mean([one.variance()[:2] for one in found]))
    naive = np.sqrt(np.mean([one.both[:, :2].var(axis=0) for one in found]))
    assert error == pytest.approx(spread, rel=0.15)
    assert naive > 1.2 * spread


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metric", "n", "m", "shared"),
    [
        *(
            (metric, n, m, shared)
            for metric in ("rsa_pearson", "rsa_cosine")
            for n, m in SIZES
            for shared in (0.0, 1.0)
        ),
        *(("rsa_spearman", *SIZES[0], shared) for shared in (0.0, 1.0)),  # ranks take ten times as long
    ],
)
def test_intervals_over_stimuli_and_subjects_cover_the_truth(metric, n, m, shared):
    found = worlds(100 if metric == "rsa_spearman" else 300, n, m, shared, 150, metric)
    t = stats.t.ppf(0.975, found[0].freedom)
    values = np.array([one.estimate for one in found])
    error = np.sqrt([one.variance() for one in found])
    covered = np.abs(values - values.mean(axis=0)) < t * error
    # bounds follow the noise of subjects that they are made of: their intervals may be too wide
    assert 0.92 <= covered[:, :2].mean() <= 0.995
    assert covered[:, 2:].mean() >= 0.92
    gap = values[:, 1] - values[:, 0]
    gap_error = np.sqrt([one.variance(0)[1] for one in found])
    assert np.mean(np.abs(gap) > t * gap_error) < 0.075
    assert np.mean(gap_error) == pytest.approx(gap.std(), rel=0.2)
