"""Reliability: the printed numbers, theory, and what blocks share."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.design.halves import half_means, split_halves
from neurodata4ml.analysis.reliability.reliability import reliability
from neurodata4ml.errors import DesignError, DimensionError


def trials(values, stimulus, block=None, **coords):
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", stimulus)})
    x = x if block is None else x.assign_coords(block=("trial", block))
    return x.assign_coords(coords)


def printed_design():
    """118 stimuli, 10 repeats, 200 units, signal variance 1, noise variance 4 (statistics.md, section 2)."""
    rng = np.random.RandomState(0)
    signal = rng.randn(118, 200)
    values = signal[:, None] + 2 * rng.randn(118, 10, 200)
    return trials(values.reshape(1180, 200), np.repeat(np.arange(118), 10))


def session(rng, n_stimuli=40, n_blocks=12, n_units=20, noise=1.0, drift=0.0):
    """Randomised complete blocks; returns trials and the noise-free responses."""
    means = rng.normal(size=(n_stimuli, n_units))
    stimulus = np.concatenate([rng.permutation(n_stimuli) for _ in range(n_blocks)])
    block = np.repeat(np.arange(n_blocks), n_stimuli)
    shared = drift * rng.normal(size=(n_blocks, n_units))
    values = means[stimulus] + shared[block] + noise * rng.normal(size=(len(stimulus), n_units))
    return trials(values, stimulus, block), means


def test_anova_gives_the_printed_noise_ceiling():
    found = reliability(printed_design())
    assert f"{100 * float(found.mean()):.2f}" == "70.68"  # theory 71.43
    n = 10
    ncsnr = np.sqrt(found.clip(0) / (1 - found.clip(0)) / n)
    assert f"{float(ncsnr.mean()):.4f}" == "0.4945"  # theory 0.5


def test_split_half_gives_the_printed_reliability():
    found = reliability(printed_design(), method="split_half", n_splits=300)
    assert float(found.mean()) == pytest.approx(0.7092, abs=0.001)  # theory 0.7143; which halves is chance
    half = found / (2 - found)
    assert float(half.mean()) == pytest.approx(0.5507, abs=0.001)  # theory 0.5556


@pytest.mark.parametrize("method", ["anova", "split_half"])
def test_reliability_is_the_correlation_of_the_means_of_two_sessions(method):
    rng = np.random.default_rng(1)
    x, means = session(rng, n_stimuli=200, n_blocks=10, n_units=300, noise=2.0)
    first = x.groupby("stimulus").mean().values
    second = means + 2 / np.sqrt(10) * rng.normal(size=means.shape)
    r = np.mean([np.corrcoef(first[:, u], second[:, u])[0, 1] for u in range(300)])
    assert float(reliability(x, method=method).mean()) == pytest.approx(r, abs=0.012)


def test_unequal_repeats_leave_anova_unbiased():
    rng = np.random.default_rng(2)
    counts = rng.integers(1, 15, size=300)
    stimulus = np.repeat(np.arange(300), counts)
    values = rng.normal(size=(300, 400))[stimulus] + 2 * rng.normal(size=(len(stimulus), 400))
    expected = 1 / (1 + 4 * np.mean(1 / counts))
    assert float(reliability(trials(values, stimulus)).mean()) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("method", ["anova", "split_half"])
def test_what_moves_all_stimuli_of_a_block_alike_is_no_noise(method):
    still, _ = session(np.random.default_rng(3), drift=0.0)
    moved, _ = session(np.random.default_rng(3), drift=5.0)
    np.testing.assert_allclose(reliability(moved, method=method), reliability(still, method=method), atol=1e-9)


def test_block_effects_are_found_when_stimuli_miss_blocks():
    rng = np.random.default_rng(4)
    x, _ = session(rng, n_stimuli=60, n_blocks=10, n_units=100, noise=1.0, drift=4.0)
    kept = x.isel(trial=np.sort(rng.choice(600, size=500, replace=False)))
    counts = np.unique(kept.stimulus, return_counts=True)[1]
    assert float(reliability(kept).mean()) == pytest.approx(1 / (1 + np.mean(1 / counts)), abs=0.02)


def test_noise_alone_has_reliability_zero_and_negative_values_stay():
    x = trials(np.random.default_rng(5).normal(size=(1000, 300)), np.tile(np.arange(100), 10))
    found = reliability(x)
    assert abs(float(found.mean())) < 0.03
    assert float((found < 0).mean()) > 0.3


def test_a_silent_unit_has_no_reliability():
    x, _ = session(np.random.default_rng(6))
    x[:, 3] = 0.0
    for method in ("anova", "split_half"):
        assert np.flatnonzero(reliability(x, method=method).isnull()).tolist() == [3]


def test_reliability_keeps_the_units_and_their_coordinates():
    x, _ = session(np.random.default_rng(7), n_units=3)
    found = reliability(x.assign_coords(unit=[7, 8, 9], area=("unit", ["V1", "LM", "V1"])))
    assert found.dims == ("unit",)
    assert found.unit.values.tolist() == [7, 8, 9]
    assert found.area.values.tolist() == ["V1", "LM", "V1"]
    assert found.attrs["folds"] == "block"
    assert '"method": "anova"' in found.attrs["steps"]


@pytest.mark.parametrize(
    ("stimulus", "settings", "error", "message"),
    [
        (np.arange(8), {}, DesignError, "needs repeated stimuli; got 8 trials of 8 stimuli.*by="),
        (np.zeros(8, dtype=int), {}, DesignError, "needs at least 2; got 1"),
        ([0, 0, 1, 1, 2, 2, 3, 4], {"method": "split_half"}, DesignError, "2 have fewer: 3, 4"),
        ([0, 0, 0, 0, 1, 1, 1, 1], {"method": "odd_even"}, DesignError, "Unknown method 'odd_even'"),
    ],
)
def test_a_design_without_an_answer_is_refused(stimulus, settings, error, message):
    with pytest.raises(error, match=message):
        reliability(trials(np.random.default_rng(9).normal(size=(8, 2)), stimulus), **settings)


def test_reliability_takes_trials_by_units_without_nan():
    x, _ = session(np.random.default_rng(10))
    with pytest.raises(DimensionError, match=r"takes trials as \(trial, unit\); got .*firing_rate"):
        reliability(x.expand_dims("time"))
    with pytest.raises(DesignError, match=r"finite responses; 1 values are not.*dropna"):
        reliability(x.where(x != x.max()))


def test_halves_keep_blocks_whole_and_balanced():
    block = np.repeat(np.arange(6), 5)
    half = split_halves(np.tile(np.arange(5), 6), block, "block", n_splits=8, seed=0)
    for split in half.T:
        assert sorted(np.bincount(block, split) / 5) == [0, 0, 0, 1, 1, 1]
    assert len({tuple(split) for split in half.T}) > 1


def test_halves_of_trials_are_balanced_for_every_stimulus():
    stimulus = np.repeat(np.arange(4), [2, 3, 6, 9])
    half = split_halves(stimulus, np.arange(20), "trial", n_splits=30, seed=0)
    in_first = np.stack([np.bincount(stimulus, split) for split in half.T])
    assert (np.abs(2 * in_first - [2, 3, 6, 9]) <= 1).all()


def test_half_means_are_the_means_of_the_halves():
    rng = np.random.default_rng(11)
    values, stimulus = rng.normal(size=(30, 3)), np.tile(np.arange(5), 6)
    half = split_halves(stimulus, np.arange(30), "trial", n_splits=4, seed=1)
    found = half_means(values, stimulus, half, 5)
    assert found.shape == (4, 2, 5, 3)
    for split, column in enumerate(half.T):
        np.testing.assert_allclose(found[split, 0, 2], values[column & (stimulus == 2)].mean(axis=0))
        np.testing.assert_allclose(found[split, 1, 4], values[~column & (stimulus == 4)].mean(axis=0))


@pytest.mark.parametrize("n_stimuli", [2, 3])
def test_with_two_or_three_conditions_a_reliability_warns(n_stimuli):
    x, _ = session(np.random.default_rng(17), n_stimuli=n_stimuli)
    with pytest.warns(UserWarning, match=f"with {n_stimuli} conditions the reliability of a unit is hardly determined"):
        assert reliability(x).notnull().all()
