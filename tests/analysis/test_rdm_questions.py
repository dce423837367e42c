"""What rdm is asked beside a distance: per area, over time; and input at the edge of what it can answer."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.dissimilarity.distances import DISTANCES
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.errors import DesignError, DimensionError

LABELS, BLOCKS = np.tile(np.arange(4), 6), np.repeat(np.arange(3), 8)
AREAS = np.array(["V1", "LM", "V1", "", "LM", "V1"])


def trials():
    values = np.random.default_rng(0).poisson(5, (24, 6)).astype(float)
    where = {"stimulus": ("trial", LABELS), "block": ("trial", BLOCKS), "area": ("unit", AREAS)}
    return xr.DataArray(values, dims=("trial", "unit"), coords=where)


def means(values=None):
    values = np.random.default_rng(1).poisson(5, (4, 6)).astype(float) if values is None else np.asarray(values)
    where = {"stimulus": list("abcd")[: len(values)]}
    return xr.DataArray(values, dims=("stimulus", "unit"), coords=where)


@pytest.mark.parametrize("name", list(DISTANCES))
def test_each_area_has_the_rdm_of_its_own_units(name):
    x = trials() if DISTANCES[name].on == "trials" else means().assign_coords(area=("unit", AREAS))
    found = rdm(x, distance=name, by="area")
    assert found.dims == ("area", "stimulus", "stimulus2")
    assert found.area.values.tolist() == ["LM", "V1"]
    assert found.n_units.values.tolist() == [2, 3]  # the unit of no area is in none
    for area in ("LM", "V1"):
        alone = rdm(x.isel(unit=x.area.values == area), distance=name)
        np.testing.assert_array_equal(found.sel(area=area), alone)


def test_areas_and_time_go_together():
    x = xr.concat([trials(), trials() * 2], dim="time").assign_coords(time=[0.1, 0.2])
    found = rdm(x, distance="crossnobis", precision="diagonal", by="area", over="time")
    assert found.dims == ("area", "time", "stimulus", "stimulus2")
    assert found.attrs["folds"] == "block"
    assert '"by": "area"' in found.attrs["steps"]
    np.testing.assert_array_equal(found.time, [0.1, 0.2])
    np.testing.assert_allclose(found.isel(time=1), found.isel(time=0), rtol=1e-10)


def test_an_area_whose_response_is_constant_says_so():
    values = means().values
    values[1, [1, 4]] = 3.0
    with pytest.warns(UserWarning, match=r"In LM: The response to 1 stimuli is the same in all units \(b\)"):
        found = rdm(means(values).assign_coords(area=("unit", AREAS)), by="area")
    assert found.sel(area="LM", stimulus="b").isnull().all()
    assert found.sel(area="V1").notnull().all()
    assert "In LM" in found.attrs["undefined"]


def test_a_pattern_of_zeros_has_no_angle():
    values = means().values
    values[2] = 0.0
    with pytest.warns(UserWarning, match=r"is 0 in all units \(c\): a cosine is not defined\. Their entries are NaN"):
        found = rdm(means(values), distance="cosine")
    assert found.sel(stimulus2="c").isnull().all()


@pytest.mark.parametrize(
    ("x", "settings", "error", "message"),
    [
        (trials().values, {}, DimensionError, "takes an xarray DataArray"),
        (means(), {"distance": "euclidian"}, DesignError, r"Did you mean 'euclidean'\?"),
        (means(), {"over": "time"}, DimensionError, "over='time' is no dim with an RDM for each entry; there is none"),
        (means(), {"over": "unit"}, DimensionError, "over='unit' is no dim"),
        (means(), {"by": "area"}, DimensionError, "needs the coordinate 'area'"),
        (
            trials(),
            {"by": "block", "distance": "crossnobis"},
            DimensionError,
            r"of the units; it lies on \(trial",
        ),
        (
            trials().isel(unit=[3]),
            {"by": "area", "distance": "crossnobis"},
            DesignError,
            "No unit has a value",
        ),
        (
            trials(),
            {"by": "area", "distance": "crossnobis", "precision": np.eye(6)},
            DesignError,
            "given as a matrix is of all units; with by='area' name an estimator",
        ),
        (
            means().isel(unit=[]),
            {},
            DesignError,
            "one unit; there is none. Was an area selected that is empty",
        ),
        (means() > 5, {"distance": "mahalanobis"}, DimensionError, "estimates the noise from single trials; got means"),
        (means(np.ones((4, 2)) * 1j), {}, DesignError, "real numbers; got the type complex128"),
        (means(-np.ones((4, 2))), {"distance": "poisson"}, DesignError, "counts, 0 or more; got -1.*spike counts"),
        (trials() - 9, {"distance": "poisson_cv"}, DesignError, "counts, 0 or more"),
        (
            trials().isel(trial=slice(0, 4)),
            {"distance": "crossnobis"},
            DesignError,
            "4 stimuli lie in fewer: 0, 1, 2",
        ),
        (
            trials().isel(trial=slice(0, 4)),
            {"distance": "mahalanobis"},
            DesignError,
            "repeated stimuli; got 4 trials",
        ),
        (trials().isel(trial=[0, 4]), {"distance": "crossnobis"}, DesignError, "at least 2; got 1"),
        (trials().isel(trial=[]), {"distance": "crossnobis"}, DesignError, "at least 2; got 0"),
    ],
)
def test_what_cannot_be_answered_is_said(x, settings, error, message):
    with pytest.raises(error, match=message):
        rdm(x, **settings)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", list(DISTANCES))
def test_values_that_are_not_finite_are_counted(name, bad):
    x = trials() if DISTANCES[name].on == "trials" else means()
    x = x.copy(data=np.where(np.arange(x.size).reshape(x.shape) % 11 == 3, bad, x.values))
    n_bad = int((~np.isfinite(x)).sum())
    with pytest.raises(
        DesignError, match=rf"finite responses; {n_bad} values are not. Drop their units: x.dropna\('unit'"
    ):
        rdm(x, distance=name)


@pytest.mark.parametrize("size", [1e300, 1e-300, 1e-160])
@pytest.mark.parametrize("name", [name for name, distance in DISTANCES.items() if distance.units != "same"])
def test_huge_and_tiny_responses_give_the_right_distance_or_none(name, size):
    x = trials() if DISTANCES[name].on == "trials" else means()
    if DISTANCES[name].units == "1":
        np.testing.assert_allclose(rdm(x * size, distance=name), rdm(x, distance=name), rtol=1e-9, atol=1e-12)
    else:
        with pytest.raises(DesignError, match=r"Squared distances of responses as large as \de.*: x / "):
            rdm(x * size, distance=name)


@pytest.mark.parametrize("size", [1e300, 1e-300])
@pytest.mark.parametrize("precision", ["ledoit-wolf", "diagonal"])
def test_in_units_of_its_noise_a_response_has_no_size(precision, size):
    expected = rdm(trials(), distance="crossnobis", precision=precision)
    found = rdm(trials() * size, distance="crossnobis", precision=precision)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["correlation", "cosine"])
def test_patterns_of_very_different_size_have_their_angle(name):
    found = rdm(means() * xr.DataArray([1e300, 1.0, 1e-200, 1e-300], dims="stimulus"), distance=name)
    np.testing.assert_allclose(found, rdm(means(), distance=name), rtol=1e-9)


def test_divergences_of_huge_counts_are_refused_and_of_tiny_ones_are_zero():
    with pytest.raises(DesignError, match=r"Divergences of responses as large as 1e\+307"):
        rdm(means(np.diag([1e307] * 4)), distance="poisson")
    assert (rdm(means() * 1e-300, distance="poisson") == 0).all()


@pytest.mark.parametrize("name", list(DISTANCES))
def test_ties_and_one_unit_are_no_trouble(name):
    x = trials() if DISTANCES[name].on == "trials" else means()
    rows = x.dims[0]
    tied = x.isel({rows: np.repeat(np.arange(0, x.sizes[rows], 2), 2)[: x.sizes[rows]]}) if rows == "stimulus" else x
    assert np.isfinite(rdm(tied, distance=name)).all()
    if name == "correlation":
        with pytest.warns(UserWarning, match="same in all units"):
            assert rdm(x.isel(unit=[0]), distance=name).isnull().all()
    else:
        assert np.isfinite(rdm(x.isel(unit=[0]), distance=name)).all()


def test_two_stimuli_are_enough():
    assert rdm(means().isel(stimulus=[0, 1]), distance="euclidean").shape == (2, 2)


def test_a_given_precision_keeps_huge_responses_from_being_rescaled():
    with pytest.raises(DesignError, match="Change the units"):
        rdm(means() * 1e200, distance="mahalanobis", precision=np.eye(6))
