"""Crossnobis: unbiased whatever the counts and the drift of blocks, what folds cost, and what is refused."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.dissimilarity.crossing import Crossing
from neurodata4ml.analysis.dissimilarity.crossnobis import crossnobis, poisson_cv
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.errors import DesignError, DimensionError

UPPER = np.triu_indices(4, 1)
LABELS, BLOCKS = np.tile(np.arange(4), 8), np.repeat(np.arange(4), 8)
UNEVEN = np.array([0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 31])
"""Trials that are kept so that counts differ, and every block still holds every stimulus."""
GAPS = np.setdiff1d(UNEVEN, [8, 12, 19, 23])
"""So that stimulus 0 is missing from block 1, and 3 from block 2."""
KEPT = {"balanced": np.arange(32), "uneven": UNEVEN, "gaps": GAPS}


def trials(values, labels, blocks=None):
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", labels)})
    return x if blocks is None else x.assign_coords(block=("trial", blocks))


def by_definition(values, labels, blocks, right=lambda means: means):
    """Sum over ordered pairs of blocks that hold both stimuli, with harmonic means of counts as weights."""
    stimuli, names = np.unique(labels), np.unique(blocks)
    cell = {(i, k): values[(labels == i) & (blocks == k)] for i in stimuli for k in names}
    weight = {k: 1 / np.mean([1 / len(cell[i, k]) for i in stimuli if len(cell[i, k])]) for k in names}
    found = np.zeros((len(stimuli), len(stimuli)))
    for a, i in enumerate(stimuli):
        for b, j in enumerate(stimuli):
            both = [k for k in names if len(cell[i, k]) and len(cell[j, k])]
            means = {k: (cell[i, k].mean(axis=0), cell[j, k].mean(axis=0)) for k in both}
            apart = {k: a - b for k, (a, b) in means.items()}
            other = {k: right(a) - right(b) for k, (a, b) in means.items()}
            pairs = [(k, m) for k in both for m in both if k != m]
            total = sum(weight[k] * weight[m] * apart[k] @ other[m] for k, m in pairs)
            found[a, b] = total / sum(weight[k] * weight[m] for k, m in pairs) / values.shape[1]
    return found


@pytest.mark.parametrize("design", list(KEPT))
def test_crossnobis_is_the_mean_over_pairs_of_blocks_that_hold_both_stimuli(design):
    keep = KEPT[design]
    values = np.random.default_rng(0).normal(size=(32, 5))[keep]
    expected = by_definition(values, LABELS[keep], BLOCKS[keep])
    np.testing.assert_allclose(crossnobis(values, LABELS[keep], BLOCKS[keep]), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("design", list(KEPT))
def test_crossnobis_stays_unbiased_with_unequal_repeats_and_drift_between_blocks(design):
    """Drift of ten times the noise, in all stimuli of a block, changes nothing."""
    rng, keep = np.random.default_rng(1), KEPT[design]
    labels, blocks = LABELS[keep], BLOCKS[keep]
    patterns = rng.normal(size=(4, 6)) * np.array([0, 0, 1, 2])[:, None]  # the first two are equal
    drift = 10.0 * np.arange(4)[:, None] + rng.normal(size=(4, 6))
    draws = (patterns[labels] + drift[blocks]) + rng.normal(size=(600, len(keep), 6))
    found = np.array([crossnobis(values, labels, blocks) for values in draws])[:, *UPPER]
    truth = ((patterns[:, None] - patterns) ** 2).mean(axis=2)[UPPER]
    error = found.std(axis=0) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - truth) < 4 * error).all()
    assert error.max() < 0.1


# rsatoolbox 0.3.2 weighs pairs of trials, so that with unequal repeats what blocks have more of does not cancel
def test_with_unequal_repeats_drift_reaches_the_distances_of_rsatoolbox():
    from rsatoolbox.data import Dataset
    from rsatoolbox.rdm import calc_rdm_unbalanced

    labels, blocks = LABELS[UNEVEN], BLOCKS[UNEVEN]
    values = 100.0 * np.arange(4)[blocks, None] + np.random.default_rng(2).normal(size=(len(UNEVEN), 6))
    data = Dataset(values, obs_descriptors={"stimulus": labels, "block": blocks})
    theirs = calc_rdm_unbalanced(data, "crossnobis", "stimulus", cv_descriptor="block").dissimilarities[0]
    assert np.abs(theirs).max() > 100
    assert np.abs(crossnobis(values, labels, blocks)).max() < 2


@pytest.mark.parametrize(("design", "folds"), [("balanced", BLOCKS), ("uneven", BLOCKS), ("uneven", None)])
def test_the_cost_in_variance_is_what_is_found(design, folds):
    """Against the distance of means with the same weights, from the same noise."""
    rng, keep = np.random.default_rng(3), KEPT[design]
    labels = LABELS[keep]
    folds = np.arange(len(keep)) if folds is None else folds[keep]
    crossing = Crossing.of(labels, folds)
    crossed, plain = [], []
    for _ in range(2500):
        values = rng.normal(size=(len(keep), 8))
        crossed.append(crossnobis(values, labels, crossing)[UPPER])
        means = np.stack([values[labels == i].mean(axis=0) for i in range(4)])
        plain.append(((means[:, None] - means) ** 2).mean(axis=2)[UPPER])
    ratio = (np.var(crossed, axis=0) / np.var(plain, axis=0)).max()
    # pairs of stimuli pay differently for uneven repeats, and the means beside it weigh trials alike
    assert ratio == pytest.approx(crossing.variance_cost, rel=0.08 if design == "balanced" else 0.2)


def test_the_cost_of_equal_blocks_is_k_over_k_minus_one():
    assert Crossing.of(LABELS, BLOCKS).variance_cost == pytest.approx(4 / 3)
    assert Crossing.of(LABELS, np.arange(32)).variance_cost == pytest.approx(15 / 14)  # 8 trials: (2 n - 1) / (2 n - 2)
    found = rdm(trials(np.random.default_rng(4).normal(size=(32, 3)), LABELS, BLOCKS), distance="crossnobis")
    assert (found.attrs["folds"], found.attrs["n_folds"]) == ("block", 4)
    assert found.attrs["variance_cost"] == pytest.approx(4 / 3)


def test_folds_are_blocks_or_trials_or_what_is_named():
    x = trials(np.random.default_rng(5).normal(size=(32, 3)), LABELS, BLOCKS)
    x = x.assign_coords(day=("trial", BLOCKS // 2), one=("trial", np.zeros(32)))
    assert rdm(x, distance="crossnobis", folds="day").attrs["n_folds"] == 2
    single = rdm(x, distance="crossnobis", folds="trial")
    assert (single.attrs["folds"], single.attrs["n_folds"]) == ("trial", 32)
    xr.testing.assert_equal(rdm(x.drop_vars("block"), distance="crossnobis"), single)
    xr.testing.assert_equal(rdm(x.assign_coords(block=x.one), distance="crossnobis"), single)
    with pytest.raises(DimensionError, match="night"):
        rdm(x, distance="crossnobis", folds="night")
    with pytest.raises(DesignError, match="folds= belongs to what is cross-validated; got distance='mahalanobis'"):
        rdm(x, distance="mahalanobis", folds="trial")


@pytest.mark.parametrize(
    ("keep", "folds", "message"),
    [
        (np.setdiff1d(np.arange(32), [0, 4, 8, 12, 16, 20]), None, r"\(here: block\); 1 stimuli lie in fewer: 0\..*"),
        (np.setdiff1d(np.arange(32), [0, 4, 8, 12, 16, 20]), None, 'its noise for independent: folds="trial"'),
        (np.arange(5), "trial", r"\(here: trial\); 3 stimuli lie in fewer: 1, 2, 3\. Drop them"),
        (
            np.setdiff1d(np.arange(32), [0, 4, 8, 12, 17, 21, 25, 29]),
            None,
            r"1 pairs have fewer: 0 and 1\. Drop stimuli, or",
        ),
    ],
)
def test_stimuli_that_cannot_be_crossed_are_named(keep, folds, message):
    x = trials(np.random.default_rng(6).normal(size=(len(keep), 3)), LABELS[keep], BLOCKS[keep])
    with pytest.raises(DesignError, match=message):
        rdm(x, distance="crossnobis", folds=folds)


def test_no_trials_at_all_are_refused():
    with pytest.raises(DesignError, match="there are no trials"):
        crossnobis(np.zeros((0, 3)), np.zeros(0), np.zeros(0))


def test_too_many_cells_with_gaps_are_refused(monkeypatch):
    monkeypatch.setattr("neurodata4ml.analysis.dissimilarity.crossing._MOST_CELLS", 10)
    with pytest.raises(DesignError, match=r"14 pairs of a stimulus and a block are too many.*the most is 10"):
        rdm(trials(np.zeros((len(GAPS), 3)), LABELS[GAPS], BLOCKS[GAPS]), distance="crossnobis")


@pytest.mark.parametrize("design", list(KEPT))
def test_poisson_cv_is_the_mean_over_ordered_pairs_of_blocks(design):
    keep = KEPT[design]
    counts = np.random.default_rng(7).poisson(4, (32, 5)).astype(float)[keep]

    def log(means):
        return np.log((means + 0.1) / 1.1)

    expected = by_definition(counts, LABELS[keep], BLOCKS[keep], log) / 1.1
    np.testing.assert_allclose(poisson_cv(counts, LABELS[keep], BLOCKS[keep]), expected, rtol=1e-10, atol=1e-12)
