"""Areas are the sample: exact p of all orders, and many units that do not make it smaller."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.stats import spearmanr

import neurodata4ml as nd
from neurodata4ml.errors import DesignError, DimensionError

ORDER = ["a", "b", "c", "d", "e"]


def units(medians: list[float], n_units: int = 30, spread: float = 0.1, seed: int = 0) -> xr.DataArray:
    rng = np.random.default_rng(seed)
    values = (np.array(medians)[:, None] + spread * rng.standard_normal((len(medians), n_units))).ravel()
    home = np.repeat(ORDER[: len(medians)], n_units)
    return xr.DataArray(
        values, dims="unit", coords={"unit": np.arange(values.size), "area": ("unit", home)}, name="tau"
    )


def test_correlation_and_p_are_those_of_scipy_over_all_orders() -> None:
    x = units([1, 3, 2, 4, 5])
    found = nd.along_areas(x, ORDER)
    medians = x.groupby("area").median()
    np.testing.assert_allclose(found["median"], medians)
    expected = spearmanr(medians, range(5)).statistic
    assert float(found.correlation) == pytest.approx(expected)
    every = [spearmanr(medians.values[list(order)], range(5)).statistic for order in permutations(range(5))]
    assert float(found.p_value) == pytest.approx(np.mean(np.abs(every) >= abs(expected) - 1e-12))
    assert float(found.low) <= float(found.correlation) <= float(found.high)


def test_more_units_do_not_make_p_smaller() -> None:
    few, many = (nd.along_areas(units([1, 2, 3, 4], n), ORDER[:4]) for n in (5, 5000))
    assert float(few.p_value) == float(many.p_value) == pytest.approx(2 / 24)


def test_areas_in_no_order_pass_as_often_as_the_level_says() -> None:
    p = []
    for seed in range(200):
        medians = np.random.default_rng(seed).standard_normal(5).tolist()
        p.append(float(nd.along_areas(units(medians, 10, seed=seed), ORDER, n_resamples=2).p_value))
    assert np.mean(np.array(p) <= 0.05) < 0.09
    assert np.mean(np.array(p) <= 0.5) == pytest.approx(0.5, abs=0.12)


def test_beyond_eight_areas_orders_are_drawn_by_seed() -> None:
    names = [f"n{k}" for k in range(10)]
    x = xr.DataArray(np.arange(10.0), dims="unit", coords={"area": ("unit", names)})
    one, again = (nd.along_areas(x, names, n_resamples=2, seed=3) for _ in range(2))
    assert one.identical(again)
    assert float(one.p_value) == pytest.approx(1 / 40_321)


def test_missing_numbers_are_left_out() -> None:
    x = units([1, 2, 3])
    x[:10] = np.nan
    assert nd.along_areas(x, ORDER[:3]).n_units.values.tolist() == [20, 30, 30]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda x: nd.along_areas(x.values, ORDER), DimensionError, "along_areas takes an xarray DataArray"),
        (lambda x: nd.along_areas(x.drop_vars("area"), ORDER), DimensionError, "with the coordinate area"),
        (lambda x: nd.along_areas(x, ["a", "b"]), DesignError, "needs 3 or more different areas; got a, b"),
        (lambda x: nd.along_areas(x, ["a", "b", "b"]), DesignError, "got a, b, b"),
        (lambda x: nd.along_areas(x, ["a", "b", "z"]), DesignError, "There are no units of the area 'z'"),
        (
            lambda x: nd.along_areas(x.where(x.area != "b"), ["a", "b", "c"]),
            DesignError,
            "'b' has no unit",
        ),
        (lambda x: nd.along_areas(x, ["a", "b", "c"], n_resamples=1), DesignError, "n_resamples takes a whole number"),
    ],
)
def test_what_has_no_order_is_refused(call: Callable[[Any], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(units([1, 2, 3]))
