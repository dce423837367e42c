"""Dimensions equal their definition, and the bias of counting dimensions is known and removed."""

import json
import warnings

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.dimensions.dimensionality import dimensionality
from neurodata4ml.analysis.dimensions.participation import _half_grams
from neurodata4ml.analysis.dimensions.parts import Halves, _halves
from neurodata4ml.analysis.linear.stimuli import cross_gram
from neurodata4ml.errors import DesignError, DimensionError


def samples(n_samples=40, n_units=6, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_samples, 3)) @ (rng.normal(size=(3, n_units)) * 2) + rng.normal(
        size=(n_samples, n_units)
    )
    return xr.DataArray(values, dims=("stimulus", "unit"), coords={"stimulus": np.arange(n_samples)})


def noisy_trials(seed=0, *, rank=5, n_stimuli=100, n_units=60, n_repeats=20, noise=8.0, blocks=True):
    """Trials of a signal of known dimensionality in noise; returns them with the signal's participation ratio."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.normal(size=(n_units, rank)))[0]
    signal = rng.normal(size=(n_stimuli, rank)) @ axes.T * np.sqrt(n_units)
    stimulus = np.concatenate([rng.permutation(n_stimuli) for _ in range(n_repeats)])
    x = xr.DataArray(
        signal[stimulus] + noise * rng.normal(size=(len(stimulus), n_units)),
        dims=("trial", "unit"),
        coords={"stimulus": ("trial", stimulus), "unit": np.arange(n_units)},
    )
    if blocks:
        x = x.assign_coords(block=("trial", np.repeat(np.arange(n_repeats), n_stimuli)))
    variance = np.linalg.eigvalsh(np.cov(signal.T))
    return x, variance.sum() ** 2 / np.sum(variance**2)


# dimensionality


def test_equal_dimensions_are_counted_and_a_line_is_one():
    cross = np.concatenate([np.eye(8), -np.eye(8)])
    assert dimensionality(xr.DataArray(cross, dims=("stimulus", "unit"))).participation_ratio == pytest.approx(8)
    line = np.outer(np.arange(10), [1.0, -2.0, 3.0])
    assert dimensionality(xr.DataArray(line, dims=("stimulus", "unit"))).participation_ratio == pytest.approx(1)


def test_the_participation_ratio_is_that_of_the_eigenvalues_of_the_covariance():
    x = samples()
    variance = np.linalg.eigvalsh(np.cov(x.values.T))
    expected = variance.sum() ** 2 / np.sum(variance**2)
    assert dimensionality(x).participation_ratio == pytest.approx(expected, rel=1e-10)


def test_a_hundred_stimuli_show_66_of_the_200_dimensions_of_white_noise():
    # 65.6 measured, 66.7 = T N / (T + N) in theory (shared/reference/statistics.md, section 0)
    x = xr.DataArray(np.random.RandomState(0).randn(100, 200), dims=("stimulus", "unit"))
    result = dimensionality(x)
    assert result.participation_ratio == pytest.approx(65.57, abs=0.01)
    assert result.bias_limit == pytest.approx(100 * 200 / 300)
    assert "participation_ratio_cv" not in result


@pytest.mark.parametrize("blocks", [True, False])
def test_the_cross_validated_ratio_finds_the_signal_and_the_plain_one_counts_noise(blocks):
    ratios = []
    for seed in range(5):
        x, truth = noisy_trials(seed, blocks=blocks)
        result = dimensionality(x)
        ratios.append([result.participation_ratio / truth, result.participation_ratio_cv / truth])
        assert result.attrs["folds"] == ("block" if blocks else "trial")
    plain, cross_validated = np.mean(ratios, axis=0)
    assert plain > 1.8
    assert abs(cross_validated - 1) < 0.03


def test_shared_noise_of_a_block_does_not_make_dimensions():
    x, truth = noisy_trials(3, noise=2.0)
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(20, 60)) @ rng.normal(size=(60, 60)) / 4
    result = dimensionality(x + shared[x.block.values])
    assert result.participation_ratio_cv == pytest.approx(truth, rel=0.05)


def test_missing_and_repeated_trials_are_allowed():
    x, truth = noisy_trials(1, noise=4.0)
    keep = np.sort(np.random.default_rng(0).choice(2000, 1700, replace=False))
    some = x.isel(trial=np.r_[keep, keep[:50]])
    assert dimensionality(some).participation_ratio_cv == pytest.approx(truth, rel=0.05)


def test_the_gram_of_each_half_is_the_cross_gram_of_its_trials():
    x, _ = noisy_trials(0, n_stimuli=7, n_repeats=6)
    keep = np.r_[0:30, 33:42, 5]
    values, labels, folds = (np.asarray(v)[keep] for v in (x.values, x.stimulus, x.block))
    in_a = np.array([[1, 0, 1, 0, 1, 0], [0, 0, 1, 1, 0, 1]])
    grams = _half_grams(values, Halves(labels, folds, "block", in_a))
    centre = np.eye(7) - 1 / 7
    for split, chosen in enumerate(in_a):
        for half, name in ((0, 1), (1, 0)):
            inside = chosen[folds] == name
            expected = cross_gram(values[inside], labels[inside], folds[inside])
            np.testing.assert_allclose(grams[half, split], centre @ expected @ centre, atol=1e-8)


def test_the_result_is_the_same_for_trials_in_any_order_units_in_any_order_and_a_mean_over_time():
    x, _ = noisy_trials(0, n_stimuli=20)
    rng = np.random.default_rng(0)
    order = rng.permutation(400)
    again = dimensionality(x.isel(trial=order, unit=rng.permutation(60)).T)
    time_resolved = xr.concat([x - 1, x + 1], "time")
    for other in (again, dimensionality(time_resolved)):
        for name, value in dimensionality(x).data_vars.items():
            assert other[name] == pytest.approx(value.item(), rel=1e-9)


def test_too_few_repeats_give_nan_and_say_why():
    x, _ = noisy_trials(n_repeats=3)
    with pytest.warns(UserWarning, match="a stimulus was shown only 3 times; two halves with two folds each need 4"):
        result = dimensionality(x)
    assert np.isnan(result.participation_ratio_cv)
    assert np.isfinite(result.participation_ratio)


def test_few_blocks_with_many_repeats_fall_back_to_trials():
    x, truth = noisy_trials(noise=4.0)
    x = x.assign_coords(block=("trial", np.repeat([0, 1, 2], [700, 700, 600])))
    result = dimensionality(x)
    assert result.attrs["folds"] == "trial"
    assert result.participation_ratio_cv == pytest.approx(truth, rel=0.05)


def test_pure_noise_has_no_dimensions_to_report():
    said, ratios = [], []
    for seed in range(40):
        x, _ = noisy_trials(seed, n_repeats=4, n_stimuli=20, n_units=8, noise=1.0)
        noise = x.copy(data=np.random.default_rng(seed).normal(size=x.shape)).isel(unit=slice(1 + seed % 8))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ratio = float(dimensionality(noise).participation_ratio_cv)
        assert np.isnan(ratio) or 1 <= ratio <= noise.sizes["unit"]
        assert np.isnan(ratio) == bool(caught)
        said.append(" ".join(str(one.message) for one in caught))
        ratios.append(ratio)
    assert np.isnan(ratios).mean() > 0.7
    assert any("because no signal is left without the noise." in one for one in said)
    assert any("too little signal is left without the noise: the estimate, " in one for one in said)


@pytest.mark.parametrize("n_units", [1, 60])
def test_a_line_in_noise_has_one_dimension_and_not_less(n_units):
    for seed in range(4):
        x, _ = noisy_trials(seed, rank=1, noise=0.1)
        assert 1 <= dimensionality(x.isel(unit=slice(n_units))).participation_ratio_cv < 1.01


def test_blanks_are_not_stimuli_and_a_result_says_how_it_was_made():
    x, _ = noisy_trials(n_stimuli=20)
    x = x.assign_coords(blank=("trial", x.stimulus.values == 0))
    result = dimensionality(x)
    assert result.attrs["n_stimuli"] == 19
    assert result.attrs["n_units"] == 60
    assert "bias_limit" in result.attrs["bias"]
    assert json.loads(result.attrs["steps"])[-1] == {"step": "dimensionality", "method": "participation", "seed": 0}


def test_each_refusal_of_dimensionality_says_what_is_wrong():
    x = samples()
    with pytest.raises(DimensionError, match=r"needs a \"trial\" dim.*got \(time, unit\)"):
        dimensionality(x.rename(stimulus="condition").expand_dims("time", 1).isel(condition=0).drop_vars("condition"))
    with pytest.raises(DesignError, match="at least 2 stimuli and no NaN; got 1 stimuli and 0 NaN"):
        dimensionality(x.isel(stimulus=[0]))
    with pytest.raises(DesignError, match=r"got 40 stimuli and 6 NaN\. Drop units"):
        dimensionality(x.where(x.stimulus > 0))


def test_leaving_a_block_out_moves_no_other_block_to_the_other_half():
    labels, folds = np.tile(np.arange(5), 12), np.repeat(np.arange(12), 5)
    whole = _halves(labels, folds, 3, 2)
    for left_out in (0, 5, 11):
        kept = folds != left_out
        part = _halves(labels[kept], folds[kept], 3, 2)
        np.testing.assert_array_equal(part, np.delete(whole, left_out, axis=1))
