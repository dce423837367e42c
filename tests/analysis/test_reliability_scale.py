"""Reliability of responses in any unit of measure, and of what is no response at all."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.reliability.ceiling import noise_ceiling
from neurodata4ml.analysis.reliability.reliability import reliability
from neurodata4ml.analysis.reliability.summary import noise_summary
from neurodata4ml.analysis.reliability.variability import modulation, trial_variability
from neurodata4ml.errors import DesignError, DimensionError

SCALES = [
    2.0**-660,
    2.0**-333,
    2.0**197,
    2.0**333,
    2.0**660,
]  # powers of two, so that no digit changes: 1e-200 to 1e200
MILD = [2.0**-333, 2.0**333]


def session(seed=0, n_stimuli=8, n_blocks=6, n_units=5):
    rng = np.random.default_rng(seed)
    stimulus = np.concatenate([rng.permutation(n_stimuli) for _ in range(n_blocks)])
    values = 2 * rng.normal(size=(n_stimuli, n_units))[stimulus] + rng.normal(size=(len(stimulus), n_units)) + 5
    coords = {
        "trial": np.arange(len(stimulus)),
        "stimulus": ("trial", stimulus),
        "block": ("trial", np.repeat(np.arange(n_blocks), n_stimuli)),
    }
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


def speed(x):
    values = np.random.default_rng(9).uniform(0, 30, x.sizes["trial"])
    return xr.DataArray(values, dims="trial", coords={"trial": x["trial"]}, name="speed")


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("method", ["anova", "split_half"])
def test_reliability_has_no_unit_of_measure(method, scale):
    x = session()
    ones, settings = np.ones(5), {"method": method, "n_splits": 5}
    whole = reliability(x, **settings)
    np.testing.assert_array_equal(reliability(x * scale, **settings), whole)
    ones[2] = scale
    np.testing.assert_array_equal(reliability(x * ones, **settings), whole, "nor has that of one unit among others")
    assert whole.attrs["undefined"] == ""


@pytest.mark.slow
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("metric", ["cka_unbiased", "rsa_cosine", "rsa_cosine_whitened", "rsa_tau_a"])
def test_a_ceiling_has_no_unit_of_measure(metric, scale):
    x, settings = session(), {"metric": metric, "n_splits": 2, "n_groups": 6}
    xr.testing.assert_allclose(noise_ceiling(x * scale, **settings), noise_ceiling(x, **settings), rtol=1e-12)


@pytest.mark.parametrize("scale", SCALES)
def test_a_ceiling_over_animals_has_no_unit_of_measure(scale):
    animals = {str(seed): session(seed=0) + session(seed=seed + 1) for seed in range(3)}
    for x in animals.values():
        x.coords.update(session().coords)
    one = noise_ceiling(animals, metric="rsa_pearson")
    xr.testing.assert_allclose(noise_ceiling({k: x * scale for k, x in animals.items()}, metric="rsa_pearson"), one)


@pytest.mark.parametrize("scale", MILD)
def test_variances_come_in_squared_units_of_the_responses(scale):
    x = session()
    before, after = noise_summary(x, n_splits=2), noise_summary(x * scale, n_splits=2)
    for name in before:
        factor = scale**2 if name.startswith(("signal_power", "noise_variance")) else 1
        np.testing.assert_array_equal(after[name], before[name] * factor)
    before, after = trial_variability(x), trial_variability(x * scale)
    np.testing.assert_array_equal(after["covariance"], before["covariance"] * scale**2)
    np.testing.assert_array_equal(after["noise_correlation"], before["noise_correlation"])


@pytest.mark.parametrize("scale", [2.0**-660, 2.0**660])
def test_a_variance_that_is_no_number_is_nan_with_its_reason(scale):
    x = session() * np.array([1, 1, scale, 1, 1])
    found = noise_summary(x, n_splits=2)
    assert np.isnan(found["noise_variance"]).values.tolist() == [False, False, True, False, False]
    assert np.isfinite(found["reliability"]).all()
    assert found.attrs["undefined"].startswith("1 unit: their variances are no numbers in the units of the responses")
    found = trial_variability(x)
    assert np.isnan(found["variance"][2])
    assert np.isfinite(found["noise_correlation"])
    assert "1 unit: variances are no numbers" in found.attrs["undefined"]


@pytest.mark.parametrize("scale", SCALES)
def test_a_gain_is_in_units_of_the_covariate_alone(scale):
    x = session()
    by = speed(x)
    one, responses, covariate = modulation(x, by), modulation(x * scale, by), modulation(x, by * scale)
    np.testing.assert_allclose(responses["gain"], one["gain"], rtol=1e-9)
    np.testing.assert_allclose(responses["mean"], one["mean"] * scale, rtol=1e-12)
    np.testing.assert_allclose(responses["mean_error"], one["mean_error"] * scale, rtol=1e-9)
    np.testing.assert_allclose(covariate["gain"] * scale, one["gain"], rtol=1e-9)


DOORS = {
    "reliability": reliability,
    "noise_summary": noise_summary,
    "noise_ceiling": noise_ceiling,
    "trial_variability": trial_variability,
    "modulation": lambda x: modulation(x, speed(session())),
}


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("bad", [None, np.ones((4, 3)), "trials", session().to_dataset(name="x")])
def test_what_is_no_labelled_array_is_refused(name, bad):
    with pytest.raises(DimensionError, match=f"{name} takes an xarray DataArray with named dims; got a "):
        DOORS[name](bad)


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("kind", [complex, str, object])
def test_what_is_no_real_number_is_refused(name, kind):
    with pytest.raises(DesignError, match=rf"{name} takes real numbers; got values of the type .*astype\(float\)"):
        DOORS[name](session().astype(kind))


@pytest.mark.parametrize("door", [noise_summary, noise_ceiling])
def test_a_confidence_lies_between_0_and_1(door):
    with pytest.raises(DesignError, match="needs a confidence between 0 and 1; got 2"):
        door(session(), confidence=2)


def test_no_animals_at_all_have_no_ceiling():
    with pytest.raises(DesignError, match=r"noise_ceiling got an empty dict\. Hand in the trials of one session, or"):
        noise_ceiling({})
    with pytest.raises(DimensionError, match="noise_ceiling takes an xarray DataArray with named dims; got a NoneType"):
        noise_ceiling({"a": None, "b": session()}, metric="rsa_pearson")


def test_what_is_nan_has_its_reason_in_attrs():
    x = session()
    x[:, 3] = 1.0
    for found in (reliability(x), noise_summary(x, n_splits=2)):
        assert found.attrs["undefined"] == "1 unit: their mean responses never change"
    noise = x.copy(data=np.random.default_rng(3).normal(size=x.shape))
    with pytest.warns(UserWarning, match="No signal above the noise"):
        found = noise_ceiling(noise, n_splits=2)
    assert found.attrs["undefined"].startswith("No signal above the noise is found in x")
    assert noise_ceiling(session(), n_splits=2).attrs["undefined"] == ""
    missing = session()
    missing[0, 0] = np.nan
    found = trial_variability(missing)
    assert np.isnan(found["variance"][0])
    assert found.attrs["undefined"] == "1 unit: NaN in some trials"
    assert "fewer than 2 units vary" in trial_variability(session()[:, :1]).attrs["undefined"]
    found = modulation(session() * 0, speed(session()))
    assert np.isnan(found["gain"])
    assert found.attrs["undefined"] == "gain: the mean response is 0"


def test_a_covariate_that_does_not_fit_its_trials_is_refused():
    x = session()
    by = speed(x)
    with pytest.raises(DimensionError, match="the covariate lacks 40 of 48"):
        modulation(x, by[:8])
    with pytest.raises(DimensionError, match=r"takes a covariate \(trial\); got \(time\)"):
        modulation(x, by.drop_vars("trial").rename(trial="time"))
    with pytest.raises(DimensionError, match="got a NoneType"):
        modulation(x, None)
    with pytest.raises(DesignError, match="the covariate is of the type <U"):
        modulation(x, by.astype(str))
    x[0, 0] = np.nan
    with pytest.raises(DesignError, match="modulation needs finite responses; 1 values are not"):
        modulation(x, by)
