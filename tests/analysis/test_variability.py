"""Trial-to-trial variability and the effect of a covariate, against slow formulas and other people's solvers."""

import numpy as np
import pytest
import xarray as xr
from sklearn.linear_model import LinearRegression

from neurodata4ml.analysis.reliability.variability import modulation, noise_correlations, trial_variability
from neurodata4ml.errors import DesignError, DimensionError


def session(n_stimuli=5, n_blocks=8, n_units=3, seed=0):
    rng = np.random.default_rng(seed)
    stimulus = np.concatenate([rng.permutation(n_stimuli) for _ in range(n_blocks)])
    block = np.repeat(np.arange(n_blocks), n_stimuli)
    signal = rng.uniform(2, 9, (n_stimuli, n_units))[stimulus]
    shared = rng.standard_normal((len(stimulus), 1))
    values = signal + 0.5 * block[:, None] + shared + 0.5 * rng.standard_normal((len(stimulus), n_units))
    return xr.DataArray(
        values,
        dims=("trial", "unit"),
        coords={
            "trial": np.arange(len(stimulus)),
            "stimulus": ("trial", stimulus),
            "block": ("trial", block),
            "unit": np.arange(n_units) + 10,
        },
    )


def speed_of(x, seed=1):
    values = np.random.default_rng(seed).uniform(0, 30, x.sizes["trial"])
    return xr.DataArray(values, dims="trial", coords={"trial": x["trial"]}, name="speed")


def test_variance_is_the_pooled_variance_within_stimuli():
    x = session()
    slow = np.mean([x.values[x.stimulus == s].var(axis=0, ddof=1) for s in range(5)], axis=0)
    np.testing.assert_allclose(trial_variability(x)["variance"], slow)


def test_noise_correlation_is_the_mean_correlation_of_residuals():
    x = session()
    residual = x.values.copy()
    for s in range(5):
        residual[x.stimulus == s] -= residual[x.stimulus == s].mean(axis=0)
    slow = np.corrcoef(residual.T)[np.triu_indices(3, 1)].mean()
    assert float(trial_variability(x)["noise_correlation"]) == pytest.approx(slow)


def test_a_silent_unit_has_no_noise_correlation_and_does_not_spoil_that_of_others():
    x = session()
    silent = x.copy()
    silent[:, 0] = 0.0
    expected = trial_variability(x.isel(unit=[1, 2]))["noise_correlation"]
    np.testing.assert_allclose(trial_variability(silent)["noise_correlation"], expected)


def test_blank_and_invalid_trials_are_left_out():
    x = session()
    marked = x.assign_coords(blank=("trial", x.stimulus.values == 0), valid=("trial", x.block.values != 3))
    kept = x.isel(trial=np.flatnonzero((x.stimulus != 0) & (x.block != 3)))
    np.testing.assert_allclose(trial_variability(marked)["variance"], trial_variability(kept)["variance"])


def test_stimuli_shown_once_have_no_variability():
    x = session().isel(trial=slice(0, 5))
    with pytest.raises(DesignError, match="needs repeated stimuli; each of the 5 was shown once"):
        trial_variability(x)


def test_variability_needs_trials_by_units():
    with pytest.raises(DimensionError, match='needs a "trial" dim'):
        trial_variability(session().rename(trial="time"))


def test_the_gain_is_the_coefficient_of_a_regression_with_stimulus_and_block():
    x = session()
    speed = speed_of(x)
    total = x.values.sum(axis=1)
    design = np.column_stack([speed.values, np.eye(5)[x.stimulus], np.eye(8)[x.block][:, 1:]])
    coefficient = LinearRegression(fit_intercept=False).fit(design, total).coef_[0]
    assert float(modulation(x, speed)["gain"]) == pytest.approx(coefficient / total.mean())


def test_drift_between_blocks_is_no_effect_of_running():
    x = session()
    drifting = x + 3.0 * x["block"]
    drifting = drifting.assign_coords(x.coords)
    with_drift, without = (modulation(y, speed_of(x)) for y in (drifting, x))
    assert float(with_drift["gain"] * with_drift["mean"]) == pytest.approx(float(without["gain"] * without["mean"]))


def test_a_known_gain_is_found():
    x = session(n_blocks=400)
    speed = speed_of(x)
    faster = x * (1 + 0.02 * (speed - speed.mean()))
    assert float(modulation(faster, speed)["gain"]) == pytest.approx(0.02, abs=0.001)


def test_a_covariate_that_never_varies_has_no_effect_to_find():
    x = session()
    with pytest.raises(DesignError, match="does not vary within stimuli and blocks"):
        modulation(x, speed_of(x) * 0 + 5.0)


def test_a_covariate_with_gaps_is_refused():
    x = session()
    with pytest.raises(DesignError, match="the covariate is NaN in 3 trials"):
        modulation(x, speed_of(x).where(x["trial"] >= 3))


def test_noise_correlations_are_those_of_numpy_on_residuals_and_know_the_areas() -> None:
    rng = np.random.default_rng(5)
    stimulus = np.repeat(np.arange(6), 30)
    common = rng.standard_normal((180, 1)) * np.array([1, 1, 1, 0, 0])
    values = rng.standard_normal((6, 5))[stimulus] * 4 + common + rng.standard_normal((180, 5))
    coords = {"stimulus": ("trial", stimulus), "unit": list("vwxyz"), "area": ("unit", list("aaabb"))}
    x = xr.DataArray(values, dims=("trial", "unit"), coords=coords)
    found = noise_correlations(x)
    residual = values - np.array([values[stimulus == s].mean(axis=0) for s in range(6)])[stimulus]
    expected = np.corrcoef(residual.T)
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.area.values.tolist() == found.area2.values.tolist() == list("aaabb")
    within = found.where((found.area == "a") & (found.area2 == "a"))
    assert float(within.mean()) == pytest.approx(0.5, abs=0.12)


def test_noise_correlations_of_units_that_do_not_vary_are_not_known() -> None:
    x = xr.DataArray(
        np.random.default_rng(0).standard_normal((8, 3)) * [1, 0, 1],
        dims=("trial", "unit"),
        coords={"stimulus": ("trial", [0, 1] * 4), "unit": range(3)},
    )
    assert np.isnan(noise_correlations(x)[1]).all()
    with pytest.raises(DesignError, match="noise_correlations needs repeated stimuli"):
        noise_correlations(x.assign_coords(stimulus=("trial", range(8))))
