"""The bootstrap of anything labelled: standard errors of textbooks, nested draws, copies that can be told apart."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.inference.bootstrap import bootstrap
from neurodata4ml.errors import DesignError, DimensionError


def mean(x):
    return x.mean()


def units(values, **groups):
    return xr.DataArray(values, dims="unit", coords={name: ("unit", group) for name, group in groups.items()})


def test_the_standard_error_of_a_mean_is_that_of_the_textbook():
    values = np.random.default_rng(0).normal(size=25)
    found = bootstrap(units(values), mean, over="unit", n_resamples=1000)
    assert float(found.se) == pytest.approx(values.std(ddof=1) / 5, rel=0.07)
    assert float(found.estimate) == values.mean()


@pytest.mark.parametrize("n", [12, 40])
def test_intervals_of_few_and_many_cover_as_often_as_they_say(n):
    x = xr.DataArray(np.random.default_rng(1).normal(size=(n, 1500)), dims=("unit", "world"))
    found = bootstrap(x, lambda part: part.mean("unit"), over="unit", n_resamples=400)
    assert 0.93 < float(((found.low < 0) & (found.high > 0)).mean()) < 0.97


def test_units_of_an_animal_are_no_substitute_for_animals():
    rng = np.random.default_rng(2)
    animal = np.repeat(np.arange(10), 30)
    x = xr.DataArray(
        rng.normal(size=(10, 300))[animal] + rng.normal(size=(300, 300)),
        dims=("unit", "world"),
        coords={"animal": ("unit", animal)},
    )
    nested = bootstrap(x, lambda part: part.mean("unit"), over=("animal", "unit"), n_resamples=150)
    flat = bootstrap(x, lambda part: part.mean("unit"), over="unit", n_resamples=150)
    covers = [float(((found.low < 0) & (found.high > 0)).mean()) for found in (nested, flat)]
    assert covers[0] > 0.92
    assert covers[1] < 0.5


def test_nested_draws_stay_within_their_group():
    animal, session = np.repeat([0, 1, 2], 8), np.tile(np.repeat([0, 1], 4), 3)
    x = units(np.arange(24.0), animal=animal, session=session)
    seen = []

    def keep(part):
        seen.append(part)
        return part.mean()

    with pytest.warns(UserWarning, match="only 3 of them"):
        bootstrap(x, keep, over=("animal", "session", "unit"), n_resamples=50)
    for part in seen[1:]:
        keys = list(zip(part.animal.values, part.animal_copy.values, strict=True))
        counts = {key: keys.count(key) for key in keys}
        assert set(counts.values()) == {8}  # each drawn animal brings two sessions of four units
        assert len(counts) == 3
        one = part.isel(unit=(part.animal == keys[0][0]).values & (part.animal_copy == keys[0][1]).values)
        assert len(set(zip(one.session.values, one.session_copy.values, strict=True))) == 2


def test_copies_can_be_told_apart():
    x = xr.DataArray(np.arange(12.0), dims="stimulus", coords={"stimulus": list("abcdefghijkl")})
    seen = []
    bootstrap(x, lambda part: seen.append(part) or part.mean(), n_resamples=20)
    for part in seen[1:]:
        marks = list(zip(part.stimulus.values, part.stimulus_copy.values, strict=True))
        assert len(set(marks)) == 12
        assert len(set(part.stimulus.values)) < 12 or max(part.stimulus_copy.values) == 0


def test_two_dims_at_once_give_the_variance_of_both():
    rng = np.random.default_rng(3)
    n, m = 20, 15
    x = xr.DataArray(
        rng.normal(size=(n, 1, 40)) + 0.5 * rng.normal(size=(1, m, 40)) + rng.normal(size=(n, m, 40)),
        dims=("stimulus", "unit", "world"),
    )
    found = bootstrap(x, lambda part: part.mean(("stimulus", "unit")), over=("stimulus", "unit"), n_resamples=300)
    assert float((found.se**2).mean()) == pytest.approx(1 / n + 0.25 / m + 1 / (n * m), rel=0.2)
    assert found.attrs["n_groups"] == [20, 15]


def test_a_seed_gives_the_same_draws_and_another_seed_others():
    x = units(np.random.default_rng(4).normal(size=20))
    first, again, other = (bootstrap(x, mean, over="unit", n_resamples=20, seed=seed) for seed in (0, 0, 1))
    xr.testing.assert_identical(first, again)
    assert not first.replicate.equals(other.replicate)


def test_what_cannot_be_drawn_is_refused():
    x = units(np.arange(12.0), animal=np.repeat(["only"], 12))
    with pytest.raises(DesignError, match="bootstrap over 'animal' needs at least 2 of them; got 1"):
        bootstrap(x, mean, over="animal")
    with pytest.raises(DimensionError, match="needs the coordinate 'mouse'"):
        bootstrap(x, mean, over="mouse")
    with pytest.raises(DesignError, match="keeps the dim 'unit'"):
        bootstrap(x, lambda part: part * 2, over="unit")
    with pytest.raises(DesignError, match=r"bootstrap draws over at least one name; got none"):
        bootstrap(x, mean, over=())
    cube = xr.DataArray(np.zeros((12, 12, 12)), dims=("a", "b", "c"))
    with pytest.raises(DesignError, match="one dim or two"):
        bootstrap(cube, mean, over=("a", "b", "c"))


def test_an_rdm_is_not_drawn_along_one_side():
    x = xr.DataArray(np.zeros((12, 12)), dims=("stimulus", "stimulus2"))
    with pytest.raises(DesignError, match="copies of a stimulus would be compared with each other"):
        bootstrap(x, mean)
