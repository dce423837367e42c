"""Two factors at once, and pairs counted twice: variances that equal what simulation gives."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.two_factor import two_factor_interval
from neurodata4ml.analysis.inference.left_out import leave_groups_out
from neurodata4ml.analysis.inference.two_factors import bootstrap_variance, jackknife_variance, narrowed
from neurodata4ml.errors import DesignError, DimensionError


def tables(n_tables, n=15, m=10, sd=(1.0, 0.7, 2.0), seed=0):
    rng = np.random.default_rng(seed)
    rows, columns = rng.normal(size=(n_tables, n, 1)), rng.normal(size=(n_tables, 1, m))
    return sd[0] * rows + sd[1] * columns + sd[2] * rng.normal(size=(n_tables, n, m))


def without_one_of_each(x):
    n, m = x.shape[1:]
    total, rows, columns = x.sum((1, 2)), x.sum(2), x.sum(1)
    by_row = (total[:, None] - rows) / ((n - 1) * m)
    by_column = (total[:, None] - columns) / (n * (m - 1))
    both = total[:, None, None] - rows[:, :, None] - columns[:, None, :] + x
    return by_row.T, by_column.T, np.moveaxis(both / ((n - 1) * (m - 1)), 0, -1)


def test_the_two_way_jackknife_gives_the_variance_of_a_mean_over_rows_and_columns():
    n, m, (a, b, c) = 15, 10, (1.0, 0.7, 2.0)
    by_row, by_column, both = without_one_of_each(tables(4000, n, m, (a, b, c)))
    truth = a**2 / n + b**2 / m + c**2 / (n * m)
    assert jackknife_variance(by_row, by_column, both).mean() == pytest.approx(truth, rel=0.03)


def test_without_the_shared_term_cells_would_be_counted_twice():
    by_row, by_column, both = without_one_of_each(tables(4000, sd=(0.0, 0.0, 1.0)))
    found = jackknife_variance(by_row, by_column, both).mean() * 150
    one = [14 / 15 * ((by_row - by_row.mean(0)) ** 2).sum(0), 9 / 10 * ((by_column - by_column.mean(0)) ** 2).sum(0)]
    assert (one[0] + one[1]).mean() * 150 == pytest.approx(2.0, rel=0.05)
    assert 1.0 < found < 1.4  # not below either factor alone: too wide rather than too narrow


def test_the_corrected_bootstrap_of_two_factors_gives_the_variance_of_a_mean():
    rng = np.random.default_rng(1)
    n, m, truth = 15, 10, 1 / 15 + 0.49 / 10 + 4 / 150
    found, plain = [], []
    for x in tables(60, n, m):
        w = rng.multinomial(n, np.full(n, 1 / n), 800) / n
        v = rng.multinomial(m, np.full(m, 1 / m), 800) / m
        spread = (
            np.einsum("ri,ij,rj->r", w, x, v).var(ddof=1),
            (w @ x.mean(1)).var(ddof=1),
            (v @ x.mean(0)).var(ddof=1),
        )
        found.append(bootstrap_variance(*spread, n_first=n, n_second=m))
        plain.append(spread[0])
    assert np.mean(found) == pytest.approx(truth, rel=0.12)
    assert np.mean(plain) > 1.15 * truth


def test_the_corrected_variance_equals_that_of_rsatoolbox():
    util = pytest.importorskip("rsatoolbox.util.inference_util")
    rng = np.random.default_rng(2)
    v = np.sort(rng.random((3, 50)), axis=0)[::-1]
    np.testing.assert_allclose(bootstrap_variance(*v), util._dual_bootstrap(v))
    np.testing.assert_allclose(
        bootstrap_variance(*v, n_first=12, n_second=8), util._dual_bootstrap(v, n_rdm=12, n_pattern=8)
    )


def test_the_corrected_variance_lies_between_one_factor_and_both():
    v = np.sort(np.random.default_rng(3).random((3, 500)), axis=0)
    found = bootstrap_variance(v[2], v[0], v[1])
    assert (found >= v[1]).all()
    assert (found <= v[2]).all()


def test_two_factor_intervals_cover_the_truth():
    x = tables(1000, 12, 12, seed=4)
    by_row, by_column, both = without_one_of_each(x)
    dims = ({"group": by_row}, {"group2": by_column})
    first, second = (xr.DataArray(v, dims=(name, "table")) for part in dims for name, v in part.items())
    found = two_factor_interval(
        xr.DataArray(x.mean((1, 2)), dims="table"), first, second, xr.DataArray(both, dims=("group", "group2", "table"))
    )
    assert 0.92 < float(((found.low < 0) & (found.high > 0)).mean()) < 0.98


def test_one_of_a_factor_is_too_few():
    x = xr.DataArray(np.zeros((1, 3)), dims=("group", "group2"))
    with pytest.raises(DesignError, match="at least 2 of each; got 1 and 3"):
        two_factor_interval(xr.DataArray(0.0), x[:, 0], x[0], x)


def test_narrowed_replicates_have_the_variance_that_is_left_and_at_least_half():
    replicates = np.random.default_rng(5).normal(size=(20, 3))
    variance = 19 / 20 * ((replicates - replicates.mean(0)) ** 2).sum(0)
    out = narrowed(replicates, np.array([0.2, 0.9, np.nan]) * variance)
    left = 19 / 20 * ((out - out.mean(0)) ** 2).sum(0)
    np.testing.assert_allclose(left, variance * [0.8, 0.5, 1.0])
    np.testing.assert_allclose(out.mean(0), replicates.mean(0))


def animals():
    values = np.arange(12.0)
    return xr.DataArray(values, dims="unit", coords={"animal": ("unit", np.repeat(["b", "a", "c"], 4))})


def test_leaving_out_animals_leaves_out_all_their_units():
    found = leave_groups_out(lambda x: x.mean("unit"), animals(), "animal")
    np.testing.assert_allclose(found, [np.r_[0:4, 8:12].mean(), np.arange(4, 12).mean(), np.arange(8).mean()])
    assert leave_groups_out(lambda x: x.mean("unit"), animals(), "unit").sizes["group"] == 12


def test_groups_must_be_there_known_and_several():
    x = animals()
    with pytest.raises(DimensionError, match="needs the coordinate 'mouse'"):
        leave_groups_out(lambda part: part.mean(), x, "mouse")
    with pytest.raises(DesignError, match="one animal at a time takes at least 2; got 1"):
        leave_groups_out(lambda part: part.mean(), x[:4], "animal")
    holes = x.assign_coords(age=("unit", np.r_[np.nan, np.arange(11.0)]))
    with pytest.raises(DesignError, match="a group for every entry; 1 values of 'age' are missing"):
        leave_groups_out(lambda part: part.mean(), holes, "age")
