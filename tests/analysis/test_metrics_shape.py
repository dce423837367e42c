"""Shape distances: netrep's numbers, a metric space, and what has none."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.similarity.centring import centred
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.shape_distances import shape_distances
from neurodata4ml.errors import DesignError, DimensionError

# statistics.md, section 3
X20 = np.random.RandomState(0).randn(20, 8)
Y20 = 0.5 * X20[:, :5] + np.random.RandomState(1).randn(20, 5)


def labelled(values):
    return xr.DataArray(values, dims=("stimulus", "unit"), coords={"stimulus": np.arange(len(values))})


def distance(x, y, **options):
    return float(shape_distances({"x": labelled(x), "y": labelled(y)}, **options)[0, 1])


@pytest.mark.parametrize(("alpha", "angle"), [(1.0, 0.9347895117), (0.5, 0.9357623803), (0.0, 0.9647234477)])
def test_angles_are_those_of_netrep(alpha, angle):
    # netrep's LinearMetric, statistics.md, section 3
    assert distance(X20, Y20, alpha=alpha) == pytest.approx(angle, abs=1e-9)


def test_euclidean_shape_distances_are_those_of_netrep_but_for_the_zeros_it_whitens():
    """netrep pads the narrower side with zeros before it whitens, and takes the 3 new columns for 3/8 of the variance.

    So its distance at alpha = 0 (statistics.md, section 3: 10.4688088965) depends on how wide the other side is; ours
    keeps the length of each side. At alpha = 1 there is nothing to whiten, and both agree.
    """
    assert distance(X20, Y20, alpha=1.0, angular=False) == pytest.approx(10.5903317364, abs=1e-9)
    x, y = (float(np.linalg.norm(centred(side))) for side in (X20, Y20))
    cosine = np.cos(distance(X20, Y20, alpha=0.0))
    ours = distance(X20, Y20, alpha=0.0, angular=False)
    assert ours == pytest.approx(np.sqrt(x**2 + y**2 - 2 * x * y * cosine), abs=1e-9)
    short = np.sqrt(5 / 8) * y
    assert np.sqrt(x**2 + short**2 - 2 * x * short * cosine) == pytest.approx(10.4688088965, abs=1e-6)


@pytest.mark.parametrize("options", [{}, {"angular": False}, {"alpha": 0.3}, {"alpha": 0.0}], ids=str)
def test_they_are_a_metric_space_that_rotation_does_not_change(options):
    rng = np.random.default_rng(0)
    x = {str(i): labelled(rng.normal(size=(25, 4 + i)) @ rng.normal(size=(4 + i, 6))) for i in range(3, 7)}
    x["turned"] = x["3"].copy(data=x["3"].values @ np.linalg.qr(rng.normal(size=(6, 6)))[0] + 1.0)
    found = shape_distances(x, **options)
    values = found.values
    np.testing.assert_array_equal(values, values.T)
    assert (np.diag(values) == 0).all()
    assert float(found.sel(representation="3", representation2="turned")) < 1e-6
    assert (values[:, :, None] <= values[:, None, :] + values[None, :, :] + 1e-6).all(), "the triangle inequality"


def test_the_angle_is_that_of_the_metric_with_more_features_than_stimuli_too():
    x, y = np.random.default_rng(1).normal(size=(2, 12, 40))
    assert 1 - distance(x, y) / (np.pi / 2) == pytest.approx(METRICS["angular"](x, y), abs=1e-12)


@pytest.mark.parametrize("scale", [2.0**-600, 2.0**600])
def test_size_is_a_unit_of_measure(scale):
    assert distance(X20 * scale, Y20, alpha=1.0) == pytest.approx(0.9347895117, abs=1e-9)
    both = distance(X20 * scale, Y20 * scale, angular=False)
    assert both == pytest.approx(10.5903317364 * scale, rel=1e-10)


def test_stimuli_are_matched_by_label_and_trials_averaged():
    trials = xr.DataArray(np.repeat(X20, 2, axis=0), dims=("trial", "unit"))
    trials = trials.assign_coords(stimulus=("trial", np.repeat(np.arange(20), 2)))
    found = shape_distances({"x": trials, "y": labelled(Y20)[::-1]})
    assert float(found[0, 1]) == pytest.approx(0.9347895117, abs=1e-9)
    assert found.attrs["units"] == "radians"
    assert "Noise in the responses" in found.attrs["about"]


def test_a_representation_that_never_changes_has_no_distance_and_a_reason():
    found = shape_distances({"flat": labelled(np.ones((20, 3))), "x": labelled(X20), "y": labelled(Y20)}, alpha=0.5)
    assert np.isnan(found.sel(representation="flat")).all()
    assert np.isfinite(found[1:, 1:]).all()
    assert found.attrs["undefined"] == "flat: the responses to all stimuli are the same"


@pytest.mark.parametrize(
    ("x", "options", "error", "message"),
    [
        ({"x": labelled(X20)}, {}, DesignError, "takes two or more representations by name, .* got 1 of them"),
        (labelled(X20), {}, DesignError, "got a DataArray"),
        ({"x": X20, "y": Y20}, {}, DimensionError, "shape_distances takes an xarray DataArray"),
        (
            {"x": labelled(X20), "y": labelled(Y20 * np.nan)},
            {},
            DesignError,
            "finite real numbers; some of 'y' are not",
        ),
        ({"x": labelled(X20), "y": labelled(Y20[:9])}, {}, DimensionError, "11 have no partner"),
        ({"x": labelled(X20), "y": labelled(Y20)}, {"alpha": 1.5}, DesignError, r"alpha goes from 0 .* got 1\.5"),
        (
            {"x": labelled(np.hstack([X20, X20])), "y": labelled(Y20)},
            {"alpha": 0.5},
            DesignError,
            "fewer independent features than stimuli; got 16 features of 20 stimuli, not all",
        ),
    ],
    ids=["one", "no dict", "no labels", "nan", "other stimuli", "alpha", "not independent"],
)
def test_a_shape_distance_that_cannot_be_is_refused(x, options, error, message):
    with pytest.raises(error, match=message):
        shape_distances(x, **options)
