"""Every number of a report has a stated tolerance, and the tolerance is the size that statistics says."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.verification.rules import CLOSED, ERRORS, EXACT, NULL, P, summary_of_null
from neurodata4ml.verification.tolerances import TOLERANCES, tolerance_of
from report.factory import make_results

RESULTS = make_results(areas=("V1", "V4", "IT"))


@pytest.mark.parametrize("section", RESULTS.arrays)
def test_every_variable_of_every_section_has_a_tolerance_of_its_own(section):
    assert set(map(str, RESULTS.arrays[section].data_vars)) <= set(TOLERANCES[section])


@pytest.mark.parametrize(("section", "name"), [(s, n) for s in TOLERANCES for n in TOLERANCES[s]])
def test_every_tolerance_is_a_number_for_each_entry(section, name):
    found = RESULTS.arrays.get(section)
    if found is None or name not in found or found[name].dtype.kind not in "biuf":
        assert TOLERANCES[section][name].words
        return
    bound = tolerance_of(section, name, found).bound(found, found, name)
    assert set(bound.dims) <= set(found[name].dims)
    assert np.isfinite(bound).all()
    assert (bound >= 0).all()


def test_labels_and_counts_must_be_equal_even_where_nobody_listed_them():
    found = xr.Dataset({"n": ("area", [1, 2]), "x": ("area", [0.1, 0.2])}, coords={"area": ["V1", "V4"]})
    assert tolerance_of("new", "n", found) is EXACT
    assert tolerance_of("new", "area", found) is EXACT
    assert tolerance_of("new", "x", found) is CLOSED


def test_two_draws_of_a_p_value_stay_within_its_tolerance_and_no_more_than_needed():
    n, rng = 199, np.random.default_rng(0)
    for p in (0.005, 0.05, 0.5):
        two = [(rng.binomial(n, p, 20_000) + 1) / (n + 1) for _ in range(2)]
        sides = [xr.Dataset({"p": ("draw", side)}, attrs={"n_shuffles": n}) for side in two]
        apart = np.abs(two[0] - two[1])
        allowed = P.bound(*sides, "p").values
        assert np.mean(apart > allowed) < 1e-3
        mean = (n * p + 1) / (n + 1)
        assert np.median(allowed) < 1 / (n + 1) + 1.1 * ERRORS * np.sqrt(mean * (1 - mean) / n)


def test_a_null_distribution_is_compared_by_its_mean_and_its_spread():
    rng = np.random.default_rng(1)
    sides = [xr.Dataset({"null": ("shuffle", rng.normal(size=500))}) for _ in range(2)]
    assert tolerance_of("encoding", "null", sides[0]) is NULL
    one, other = (summary_of_null(side["null"]).values for side in sides)
    allowed = NULL.bound(*sides, "null").values
    assert (np.abs(one - other) < allowed).all()
    wider = xr.Dataset({"null": sides[1]["null"] * 2})
    assert np.abs(one - summary_of_null(wider["null"]).values)[1] > allowed[1]


def test_an_iterative_fit_is_given_more_room_than_a_closed_form():
    array = RESULTS.arrays["latents"]
    closed = tolerance_of("latents", "latents", array).bound(array, array, "latents")
    fitted = array.assign_attrs(method="gpfa")
    assert tolerance_of("latents", "latents", fitted).bound(fitted, fitted, "latents") > 100 * closed


def test_an_interval_that_was_widened_lets_no_more_by():
    found = xr.Dataset({"similarity": 0.8, "low": 0.79, "high": 0.81})
    forged = xr.Dataset({"similarity": 1.3, "low": -2.2, "high": 3.8})
    for name in forged.data_vars:
        rule = tolerance_of("similarity", name, forged)
        allowed = float(rule.bound(forged, found, name))
        assert abs(float(forged[name]) - float(found[name])) > 10 * allowed
        assert allowed == pytest.approx(float(rule.bound(found, forged, name)))


def test_similarities_that_draw_nothing_are_closed_forms():
    found = xr.Dataset({"rsa": 0.5, "raw": 0.5, "null_value": 0.0, "low": 0.4, "high": 0.6})
    for name in ("rsa", "raw", "null_value"):
        assert tolerance_of("similarity", name, found) is CLOSED
