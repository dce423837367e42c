"""The searchlight is the RDM of the units around each unit, no more and no less."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.dissimilarity import searchlight as room
from neurodata4ml.analysis.dissimilarity.distances import DISTANCES
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.dissimilarity.searchlight import searchlight
from neurodata4ml.errors import DesignError, DimensionError

N_UNITS = 23
LABELS, BLOCKS = np.tile(np.arange(4), 6), np.repeat(np.arange(3), 8)
PLACES = np.random.default_rng(0).normal(size=(N_UNITS, 2))


def trials(name="crossnobis"):
    rng = np.random.default_rng(1)
    rates = rng.gamma(4, 1, (4, N_UNITS))
    where = {"x": ("unit", PLACES[:, 0]), "depth": ("unit", PLACES[:, 1]), "unit": np.arange(N_UNITS) + 100}
    if DISTANCES[name].on == "means":
        return xr.DataArray(rates, dims=("stimulus", "unit"), coords={**where, "stimulus": list("abcd")})
    where = {**where, "stimulus": ("trial", LABELS), "block": ("trial", BLOCKS)}
    return xr.DataArray(rng.poisson(rates[LABELS]).astype(float), dims=("trial", "unit"), coords=where)


@pytest.mark.slow
@pytest.mark.parametrize("most", [1 << 28, 8 * 16 * 9])
@pytest.mark.parametrize("size", [{"n_neighbours": 5}, {"radius": 1.0}])
@pytest.mark.parametrize("name", list(DISTANCES))
def test_each_unit_has_the_rdm_of_its_neighbours(name, size, most, monkeypatch):
    monkeypatch.setattr(room, "_MOST", most)
    x = trials(name)
    if name == "correlation" and "radius" in size:
        x = x.isel(unit=[np.sum(np.linalg.norm(PLACES - place, axis=1) <= 1.0) > 1 for place in PLACES])
    found = searchlight(x, positions=("x", "depth"), distance=name, **size)
    assert found.dims == ("unit", "stimulus", "stimulus2")
    places = np.stack([x.x, x.depth], axis=1)
    for i in range(x.sizes["unit"]):
        away = np.linalg.norm(places - places[i], axis=1)
        near = np.argsort(away)[:5] if "n_neighbours" in size else np.flatnonzero(away <= 1.0)
        np.testing.assert_allclose(found[i], rdm(x.isel(unit=near), distance=name), rtol=1e-8, atol=1e-10)
        assert found.n_neighbours[i] == len(near)
    assert found.unit.values.tolist() == x.unit.values.tolist()


@pytest.mark.parametrize("precision", ["diagonal", "ledoit-wolf"])
def test_noise_is_weighed_in_each_neighbourhood(precision):
    x = trials()
    found = searchlight(x, positions="depth", n_neighbours=4, precision=precision)
    near = np.argsort(np.abs(x.depth.values - x.depth.values[7]))[:4]
    expected = rdm(x.isel(unit=near), distance="crossnobis", precision=precision)
    np.testing.assert_allclose(found[7], expected, rtol=1e-9)
    assert found.attrs["folds"] == "block"


def test_a_statistic_of_each_neighbourhood_is_kept_alone():
    x = trials()
    whole = searchlight(x, positions="depth", n_neighbours=4)
    found = searchlight(x, positions="depth", n_neighbours=4, statistic=lambda one: float(one.sel(stimulus=0).mean()))
    assert found.dims == ("unit",)
    np.testing.assert_allclose(found, whole.sel(stimulus=0).mean("stimulus2"), rtol=1e-12)
    assert '"step": "searchlight"' in found.attrs["steps"]


def test_units_at_one_place_are_neighbours_of_themselves_first():
    x = trials().assign_coords(depth=("unit", np.zeros(N_UNITS)))
    found = searchlight(x, positions="depth", n_neighbours=1)
    for i in range(N_UNITS):
        np.testing.assert_allclose(found[i], rdm(x.isel(unit=[i]), distance="crossnobis"), rtol=1e-9)


def test_a_signal_in_one_place_is_found_there():
    rng = np.random.default_rng(2)
    depth = np.linspace(0, 1, 60)
    tuned = np.exp(-(((depth - 0.3) / 0.05) ** 2))
    values = rng.normal(size=(4, 60))[LABELS] * 2 * tuned + rng.normal(size=(24, 60))
    where = {"stimulus": ("trial", LABELS), "block": ("trial", BLOCKS), "depth": ("unit", depth)}
    x = xr.DataArray(values, dims=("trial", "unit"), coords=where)
    found = searchlight(x, positions="depth", radius=0.06, statistic=lambda one: float(one.mean()))
    assert abs(float(depth[np.argmax(found.values)]) - 0.3) < 0.06
    assert abs(float(found.isel(unit=depth > 0.6).mean())) < 0.1


def test_constant_neighbourhoods_are_nan_and_counted():
    x = trials("correlation")
    with pytest.warns(UserWarning, match=f"In {N_UNITS} of {N_UNITS} neighbourhoods"):
        found = searchlight(x, positions="depth", distance="correlation", n_neighbours=1)
    assert found.isnull().all()


@pytest.mark.parametrize(
    ("change", "settings", "error", "message"),
    [
        ({}, {"positions": "depth"}, DesignError, "n_neighbours= or radius=, one of them"),
        ({}, {"positions": "depth", "n_neighbours": 3, "radius": 1}, DesignError, "one of them"),
        ({}, {"positions": "y", "radius": 1}, DimensionError, "needs the coordinate 'y'.*positions='depth'"),
        ({}, {"positions": "block", "radius": 1}, DimensionError, "coordinates of the units; 'block' is not one"),
        ({}, {"positions": (), "radius": 1}, DimensionError, "none is not one"),
        ({}, {"positions": "depth", "radius": -1.0}, DesignError, "radius takes a length, 0 or more"),
        ({}, {"positions": "depth", "n_neighbours": 0}, DesignError, "n_neighbours takes a whole number, 1 or more"),
        ({}, {"positions": "depth", "n_neighbours": 24}, DesignError, "at most the number of units, 23; got 24"),
        ({}, {"positions": "depth", "radius": 1, "distance": "cosin"}, DesignError, "Unknown distance 'cosin'"),
        ({"lost": 2}, {"positions": "depth", "radius": 1}, DesignError, r"2 of 23 units have no position.*isfinite"),
        (
            {"time": 3},
            {"positions": "depth", "radius": 1},
            DimensionError,
            r"takes \(trial or stimulus, unit\)",
        ),
        (
            {"most": 100},
            {"positions": "depth", "radius": 1},
            DesignError,
            r"23 RDMs of 4 stimuli .* GB.*statistic=",
        ),
    ],
)
def test_what_cannot_be_searched_is_said(change, settings, error, message, monkeypatch):
    x = trials()
    if "lost" in change:
        x = x.assign_coords(depth=x.depth.where(np.arange(N_UNITS) >= change["lost"]))
    if "time" in change:
        x = x.expand_dims(time=change["time"])
    if "most" in change:
        monkeypatch.setattr(room, "_LARGEST", change["most"])
    with pytest.raises(error, match=message):
        searchlight(x, **settings)
