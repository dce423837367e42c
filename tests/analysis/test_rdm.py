"""Dissimilarities: rsatoolbox's numbers, unbiased crossnobis, and labels that stay with their stimuli."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.dissimilarity.crossnobis import crossnobis
from neurodata4ml.analysis.dissimilarity.noise import PRECISIONS, noise_precision
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.errors import DesignError, DimensionError

PATTERNS = np.random.RandomState(0).randn(6, 10)
UPPER = np.triu_indices(6, 1)


def means(values, labels=None, dim="unit"):
    labels = np.arange(len(values)) if labels is None else labels
    return xr.DataArray(values, dims=("stimulus", dim), coords={"stimulus": labels}, attrs={"units": "Hz"})


def runs():
    """Three runs of the six patterns with unit noise: the data behind rsatoolbox's crossnobis numbers."""
    rng = np.random.RandomState(42)
    values = np.vstack([PATTERNS + rng.randn(6, 10) for _ in range(3)])
    return trials(values, np.tile(np.arange(6), 3), np.repeat(np.arange(3), 6))


def trials(values, stimulus, block=None):
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", stimulus)}, attrs={"units": "Hz"})
    return x if block is None else x.assign_coords(block=("trial", block))


# rsatoolbox 0.3.2, calc_rdm (statistics.md, section 1.2, whose euclidean sum, 36.8986970778, has swapped digits)
@pytest.mark.parametrize(
    ("distance", "first", "total"),
    [
        ("euclidean", [1.4091137567, 3.2618730931, 3.2589757532, 3.2845249135], 36.8986897078),
        ("correlation", [0.9282747076, 1.0208882059, 1.4811517161, 0.7584470603], 15.7599163003),
        ("poisson", [3.865003188, 2.5516052342, 2.7012199515, 2.4625539223], 47.0981289320),
    ],
)
def test_distances_of_means_equal_those_of_rsatoolbox(distance, first, total):
    patterns = 3 * np.abs(PATTERNS) if distance == "poisson" else PATTERNS
    pairs = rdm(means(patterns), distance=distance).values[UPPER]
    np.testing.assert_allclose(pairs[:4], first, rtol=1e-9)
    assert pairs.sum() == pytest.approx(total, rel=1e-10)


def test_crossnobis_equals_that_of_rsatoolbox():
    pairs = rdm(runs(), distance="crossnobis").values[UPPER]
    np.testing.assert_allclose(pairs[:4], [2.5943292795, 3.0229280667, 3.3953729956, 3.5245150490], rtol=1e-9)
    assert pairs.sum() == pytest.approx(39.0035193332, rel=1e-10)


# rsatoolbox 0.3.2 prec_from_measurements divides by (stimuli - 1) * repeats = 15 (statistics.md, section 1.2) ...
@pytest.mark.parametrize(
    ("precision", "total", "trace"),
    [
        ("schaefer-strimmer", 83.4021067326, 19.3830937874),
        ("ledoit-wolf", 84.6025898608, 18.2902886355),
        # as rsatoolbox prints them; statistics.md has 73.4198199985 and 18.5996143052
        ("diagonal", 73.4198209984, 18.5996142952),
    ],
)
def test_crossnobis_with_a_noise_precision_equals_that_of_rsatoolbox(precision, total, trace):
    x = runs()
    residuals = (x.groupby("stimulus") - x.groupby("stimulus").mean()).values
    weights = np.linalg.inv(PRECISIONS[precision](residuals, 15))
    assert np.trace(weights) == pytest.approx(trace, rel=1e-10)
    pairs = rdm(x, distance="crossnobis", precision=weights).values[UPPER]
    assert pairs.sum() == pytest.approx(total, rel=1e-10)
    if precision == "schaefer-strimmer":
        np.testing.assert_allclose(pairs[:4], [6.5889074982, 5.4080906239, 5.9591888099, 7.5591770204], atol=1e-6)
        naive = rdm(x.groupby("stimulus").mean(), distance="mahalanobis", precision=weights).values[UPPER]
        assert naive.sum() == pytest.approx(94.0534874949, rel=1e-10)  # statistics.md: 94.0534854950
        assert rdm(x, distance="mahalanobis", precision=weights).values[UPPER].sum() == pytest.approx(naive.sum())
        plain = rdm(x.groupby("stimulus").mean(), distance="euclidean").values[UPPER]
        assert plain.sum() == pytest.approx(46.8180321281, rel=1e-10)  # statistics.md: 46.8180321081


# ... and its prec_from_unbalanced by trials - stimuli = 12, which is right, and ours
@pytest.mark.parametrize(
    ("precision", "total", "trace"),
    [
        ("schaefer-strimmer", 58.73585679871403, 14.879691436133742),
        ("ledoit-wolf", 67.68207188866137, 14.632230908388301),
        ("diagonal", 58.73585679871403, 14.879691436133742),
    ],
)
def test_noise_precision_has_trials_minus_stimuli_degrees_of_freedom(precision, total, trace):
    x = runs()
    weights = noise_precision(x, method=precision)
    assert np.trace(weights) == pytest.approx(trace, rel=1e-10)
    assert rdm(x, distance="crossnobis", precision=precision).values[UPPER].sum() == pytest.approx(total, rel=1e-10)


def test_crossnobis_of_equal_responses_is_zero_on_average_and_euclidean_is_not():
    rng = np.random.default_rng(3)
    labels, folds = np.tile(np.arange(4), 4), np.repeat(np.arange(4), 4)
    noise = rng.normal(size=(500, 16, 20))
    found = np.array([crossnobis(one, labels, folds)[np.triu_indices(4, 1)] for one in noise])
    assert abs(found.mean()) < 4 * found.mean(axis=1).std() / np.sqrt(500)
    assert (found < 0).mean() > 0.4  # never clipped
    averaged = noise.reshape(500, 4, 4, 20).mean(axis=1)
    naive = np.mean([rdm(means(one), distance="euclidean").values[np.triu_indices(4, 1)] for one in averaged[:100]])
    assert naive == pytest.approx(2 / 4, rel=0.1)  # theory: 2 / K (statistics.md, section 0: .5027 and .0052)


@pytest.mark.parametrize("distance", ["euclidean", "correlation"])
def test_an_rdm_of_means_is_symmetric_with_a_zero_diagonal(distance):
    found = rdm(means(PATTERNS), distance=distance)
    assert found.dims == ("stimulus", "stimulus2")
    np.testing.assert_array_equal(np.diag(found), 0.0)
    np.testing.assert_allclose(found, found.T, atol=1e-15)


def test_euclidean_keeps_precision_far_from_zero():
    found = rdm(means(PATTERNS + 1e6), distance="euclidean")
    np.testing.assert_allclose(found, rdm(means(PATTERNS), distance="euclidean"), rtol=1e-8)


def test_correlation_distance_ignores_the_scale_and_offset_of_each_pattern_but_sees_rotations():
    rng = np.random.default_rng(5)
    before = rdm(means(PATTERNS))
    each = rng.uniform(0.5, 2, size=(6, 1)) * PATTERNS + rng.normal(size=(6, 1))
    rotation = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    np.testing.assert_allclose(rdm(means(each)), before, atol=1e-12)
    assert np.abs(rdm(means(PATTERNS @ rotation)) - before).max() > 0.05


def test_other_dims_are_kept():
    both = xr.concat([runs(), 2 * runs()], dim="time").assign_coords(time=[0.1, 0.2])
    found = rdm(both, distance="crossnobis", precision="diagonal")
    assert found.dims == ("time", "stimulus", "stimulus2")
    np.testing.assert_allclose(found.sel(time=0.2), rdm(runs(), distance="crossnobis", precision="diagonal"))


def test_blank_and_invalid_trials_are_left_out():
    x = runs()
    extra = xr.concat([x, x.isel(trial=[0, 1]) + 50], dim="trial")
    extra = extra.assign_coords(blank=("trial", [False] * 18 + [True, False]), valid=("trial", [True] * 19 + [False]))
    xr.testing.assert_allclose(rdm(extra, distance="crossnobis"), rdm(x, distance="crossnobis"))


def test_an_rdm_says_how_it_was_made():
    found = rdm(runs(), distance="crossnobis", precision="ledoit-wolf")
    assert (found.attrs["distance"], found.attrs["folds"], found.attrs["units"]) == (
        "crossnobis",
        "block",
        "1",
    )
    assert '"precision": "ledoit-wolf"' in found.attrs["steps"]
    assert rdm(means(PATTERNS), distance="euclidean").attrs["units"] == "Hz^2"
    assert rdm(means(PATTERNS)).attrs["units"] == "1"


def test_a_constant_pattern_has_no_correlation_and_is_named():
    values = PATTERNS.copy()
    values[2] = 0.1
    with pytest.warns(UserWarning, match=r"response to 1 stimuli is the same in all units \(c\)"):
        found = rdm(means(values, labels=list("abcdef")))
    assert found.sel(stimulus="c").isnull().all()
    assert found.drop_sel(stimulus="c", stimulus2="c").notnull().all()


@pytest.mark.parametrize(
    ("x", "settings", "error", "message"),
    [
        (
            means(PATTERNS),
            {"distance": "cosin"},
            DesignError,
            "Unknown distance 'cosin'.*euclidean, correlation",
        ),
        (means(PATTERNS), {"precision": "diagonal"}, DesignError, "precision= belongs to crossnobis and mahalanobis"),
        (means(PATTERNS[:1]), {}, DesignError, "needs at least 2; got 1"),
        (
            means(np.where(PATTERNS > 2.25, np.nan, PATTERNS)),
            {},
            DesignError,
            r"finite responses; 1 values.*dropna",
        ),
        (runs(), {}, DimensionError, r'needs a "stimulus" dim; got \(trial, unit\).*average_by'),
        (means(PATTERNS), {"distance": "crossnobis"}, DimensionError, 'needs a "trial" dim.*single trials'),
        (runs(), {"distance": "crossnobis", "precision": "full"}, DesignError, "Unknown precision 'full'"),
        (runs().isel(trial=[0, 1, 2, 6]), {"distance": "crossnobis"}, DesignError, "fewer: 1, 2"),
        (means(PATTERNS).rename(unit="neuron"), {}, DimensionError, "exactly one of the dims unit, feature"),
    ],
)
def test_an_rdm_that_cannot_be_made_says_why(x, settings, error, message):
    with pytest.raises(error, match=message):
        rdm(x, **settings)
