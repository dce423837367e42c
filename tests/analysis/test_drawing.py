"""Units are drawn so that areas differ in neither number nor rates, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.decoding.drawing import MATCHES, draw_units
from neurodata4ml.errors import DesignError, DimensionError


def areas(sizes: dict[str, int], rate: dict[str, float] | None = None, seed: int = 0) -> xr.DataArray:
    rng = np.random.default_rng(seed)
    names = np.array([name for name, n in sizes.items() for _ in range(n)], dtype=object)
    rates = np.array([(rate or {}).get(name, 2.0) for name in names]) * rng.gamma(4.0, 0.25, len(names))
    counts = rng.poisson(rates, size=(60, len(names)))
    return xr.DataArray(counts, dims=("trial", "unit"), coords={"area": ("unit", names)})


def test_every_area_gives_as_many_units_as_the_smallest_has() -> None:
    x = areas({"CA1": 30, "V1": 12, "LGN": 50})
    drawn = draw_units(x, n_draws=7)
    assert list(drawn) == ["CA1", "LGN", "V1"]
    for area, draws in drawn.items():
        assert len(draws) == 7
        for units in draws:
            assert len(np.unique(units)) == 12
            assert set(x.area.values[units]) == {area}
    assert len({tuple(units) for units in drawn["LGN"]}) == 7
    assert len({tuple(units) for units in drawn["V1"]}) == 1
    assert all(len(units) == 3 for draws in draw_units(x, n_units=3).values() for units in draws)


def test_every_unit_is_as_likely_as_any_other() -> None:
    drawn = draw_units(areas({"V1": 20, "CA1": 5}), n_draws=4000)
    often = np.bincount(np.concatenate(drawn["V1"]), minlength=20)
    assert stats.chisquare(often).pvalue > 0.001


def test_matched_by_rate_areas_no_longer_differ_in_rate() -> None:
    x = areas({"quiet": 150, "loud": 120}, {"quiet": 2.0, "loud": 4.0})
    rate = x.mean("trial").values
    quiet, loud = (rate[x.area.values == name] for name in ("quiet", "loud"))
    assert stats.ks_2samp(quiet, loud).statistic > 0.6
    drawn = draw_units(x, match="rates", n_draws=10)
    for a, b in zip(drawn["quiet"], drawn["loud"], strict=True):
        assert len(a) == len(b) >= 20
        assert stats.ks_2samp(rate[a], rate[b]).statistic < 0.25
        assert rate[a].mean() == pytest.approx(rate[b].mean(), rel=0.1)


def test_without_matching_all_units_take_part_once() -> None:
    x = areas({"CA1": 3, "V1": 9})
    drawn = draw_units(x, match=None)
    assert {area: [u.tolist() for u in draws] for area, draws in drawn.items()} == {
        "CA1": [[0, 1, 2]],
        "V1": [list(range(3, 12))],
    }


@pytest.mark.parametrize("match", MATCHES)
def test_neither_another_area_nor_its_place_changes_who_is_drawn(match: str | None) -> None:
    x = areas({"CA1": 40, "V1": 40, "LGN": 40})
    both = draw_units(x.isel(unit=slice(0, 80)), match="units", n_units=20)
    every = draw_units(x, match="units", n_units=20)
    for area in both:
        np.testing.assert_array_equal(both[area], every[area])
    again = draw_units(x, match=match, seed=0)
    for area, draws in draw_units(x, match=match).items():
        np.testing.assert_array_equal(draws, again[area])


def test_units_without_an_area_are_left_out() -> None:
    x = areas({"CA1": 8, "": 5, "V1": 8})
    assert list(draw_units(x)) == ["CA1", "V1"]
    holed = x.assign_coords(area=x.area.where(x.area != "", None))
    assert list(draw_units(holed)) == ["CA1", "V1"]


def test_what_cannot_be_matched_is_refused_by_name() -> None:
    x = areas({"CA1": 30, "V1": 3, "LGN": 2})
    with pytest.raises(
        DesignError, match=r"at least 5 units of each area; too few have LGN \(2\), V1 \(3\)\. .*n_units=2"
    ):
        draw_units(x)
    with pytest.raises(DesignError, match=r"draws 3 units of each area; too few have LGN \(2\)\. .*isin\(\['LGN'\]\)"):
        draw_units(x, n_units=3)
    far = areas({"quiet": 20, "loud": 20}, {"quiet": 0.5, "loud": 20.0})
    with pytest.raises(
        DesignError, match=r"no more than \d units of each area have rates in common.*loud \(20\), quiet"
    ):
        draw_units(far, match="rates")
    for keywords in ({"match": "counts"}, {"match": "rates", "n_units": 3}, {"n_draws": 0}):
        with pytest.raises(DesignError, match='matches "units", "rates" or None'):
            draw_units(x, **keywords)
    with pytest.raises(DesignError, match="none of the 35 units has a label of 'area'"):
        draw_units(x.assign_coords(area=("unit", [""] * 35)))
    with pytest.raises(DimensionError, match="needs the coordinate 'probe' on 'unit'; there are: area"):
        draw_units(x, by="probe")
