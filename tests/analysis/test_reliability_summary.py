"""Signal and noise of units: printed numbers, what is promised of intervals, and units whose ceiling is not known."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.reliability.groups import over_trials
from neurodata4ml.analysis.reliability.power import noise_variance, reliability_of_means, signal_power
from neurodata4ml.analysis.reliability.summary import noise_summary
from neurodata4ml.errors import DesignError


def trials(values, stimulus, block=None):
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", stimulus)})
    return x if block is None else x.assign_coords(block=("trial", block))


@pytest.fixture(scope="module")
def printed():
    """118 stimuli, 10 repeats, 200 units, signal variance 1, noise variance 4 (statistics.md, section 2)."""
    rng = np.random.RandomState(0)
    signal = rng.randn(118, 200)
    values = signal[:, None] + 2 * rng.randn(118, 10, 200)
    return trials(values.reshape(1180, 200), np.repeat(np.arange(118), 10))


def test_the_printed_numbers(printed):
    found = noise_summary(printed, n_splits=40)
    assert f"{float(found['ncsnr'].mean()):.4f}" == "0.4945"  # theory 0.5
    assert f"{float(found['noise_ceiling'].mean()):.2f}" == "70.68"  # theory 71.43
    assert float(found["split_half"].mean()) == pytest.approx(0.7092, abs=0.001)  # which halves is chance
    assert found.attrs["groups"] == "repeats"  # sorted by stimulus: a chunk of trials would be a chunk of stimuli
    assert bool(found["reliable"].all())
    assert bool((found["ncsnr_low"] < found["ncsnr"]).all() and (found["ncsnr"] < found["ncsnr_high"]).all())


def test_the_signal_power_of_sahani_and_linden(printed):
    y = printed.values.reshape(118, 10, 200)
    theirs = (y.sum(axis=1).var(axis=0, ddof=1) - y.var(axis=0, ddof=1).sum(axis=0)) / 90
    repeat = np.tile(np.arange(10), 118)
    ours = signal_power(printed.values, printed["stimulus"].values, repeat)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert f"{ours.mean():.4f}" == "0.9808"  # theory 1


def test_a_perfect_model_is_found_perfect_when_divided_by_its_ceiling():
    """CC_norm (Schoppe et al. 2016) of a model with r = .7071, as printed: .7074."""
    rng = np.random.RandomState(0)
    signal = rng.randn(118, 200)
    values = (signal[:, None] + 2 * rng.randn(118, 10, 200)).reshape(1180, 200)
    labels = np.repeat(np.arange(118), 10)
    observed = values.reshape(118, 10, 200).mean(axis=1)
    r = np.array([np.corrcoef(signal[:, u], observed[:, u])[0, 1] for u in range(200)])
    assert (r / np.sqrt(reliability_of_means(values, labels))).mean() == pytest.approx(1, abs=0.01)


def test_blocks_cost_one_degree_of_freedom_each_but_one():
    """Two-way analysis of variance, by hand: (stimuli - 1) (blocks - 1) are left."""
    rng = np.random.default_rng(0)
    y = rng.normal(size=(118, 10, 3)) + rng.normal(size=(10, 3))
    rest = y - y.mean(axis=0) - y.mean(axis=1)[:, None] + y.mean(axis=(0, 1))
    expected = (rest**2).sum(axis=(0, 1)) / (117 * 9)
    labels, blocks = np.repeat(np.arange(118), 10), np.tile(np.arange(10), 118)
    np.testing.assert_allclose(noise_variance(y.reshape(1180, 3), labels, blocks), expected, rtol=1e-12)


@pytest.mark.parametrize(("noise", "n_blocks"), [(1.0, 10), (3.0, 20)])
def test_intervals_hold_the_truth(noise, n_blocks):
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(40, 200))
    stimulus = np.concatenate([rng.permutation(40) for _ in range(n_blocks)])
    values = truth[stimulus] + noise * rng.normal(size=(len(stimulus), 200))
    found = noise_summary(trials(values, stimulus, np.repeat(np.arange(n_blocks), 40)), n_splits=10)
    power = truth.var(axis=0, ddof=1)
    known = {"signal_power": power, "noise_variance": noise**2, "reliability": power / (power + noise**2 / n_blocks)}
    known["ncsnr"] = np.sqrt(power) / noise
    for name, value in known.items():
        inside = (found[f"{name}_low"] <= value) & (value <= found[f"{name}_high"])
        assert 0.9 <= float(inside.mean()) <= 1.0, name
    assert float((found["reliability"] - known["reliability"]).mean()) == pytest.approx(0, abs=0.02)


def test_units_without_a_signal_are_not_reliable_and_a_silent_unit_is_undefined():
    rng = np.random.default_rng(2)
    stimulus = np.tile(np.arange(30), 12)
    values = rng.normal(size=(360, 12))
    values[:, :4] += 2 * rng.normal(size=(30, 4))[stimulus]
    values[:, 11] = 0.0
    found = noise_summary(trials(values, stimulus, np.repeat(np.arange(12), 30)))
    assert found["reliable"].values.tolist() == [True] * 4 + [False] * 8
    assert np.isnan(found["reliability"].values[11])
    assert np.isnan(found["split_half"].values[11])
    assert (found["noise_ceiling"].values[:11] >= 0).all()


def test_groups_of_few_blocks_do_not_reach_into_two_and_every_stimulus_keeps_trials():
    stimulus, block = np.tile(np.arange(10), 4), np.repeat(np.arange(4), 10)
    x = trials(np.random.default_rng(0).normal(size=(40, 2)), stimulus, block)
    parts = []

    def count(part):
        parts.append(np.bincount(part["stimulus"].values, minlength=10).min())
        return part.mean("trial")

    assert over_trials(count, x, n_groups=20, confidence=0.95).attrs["groups"] == "contiguous"
    assert min(parts) == 3
    assert over_trials(count, x.sortby("stimulus"), n_groups=20, confidence=0.95).attrs["groups"] != "block"
    assert min(parts) >= 2


@pytest.mark.parametrize(
    ("stimulus", "message"),
    [
        (np.arange(8), "Split halves need every stimulus in at least 2"),
        (np.zeros(8, dtype=int), "needs at least 2; got 1. Choose another by="),
    ],
)
def test_a_design_without_an_answer_is_refused(stimulus, message):
    with pytest.raises(DesignError, match=message):
        noise_summary(trials(np.random.default_rng(0).normal(size=(8, 2)), stimulus))


def test_missing_values_are_refused():
    values = np.random.default_rng(0).normal(size=(8, 2))
    values[0, 0] = np.nan
    with pytest.raises(DesignError, match="noise_summary needs finite responses; 1 values are not"):
        noise_summary(trials(values, np.tile(np.arange(4), 2)))
