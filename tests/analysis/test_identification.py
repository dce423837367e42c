"""Telling which stimulus was shown: every count by hand, and nothing where there is nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr
from scipy.stats import pearsonr, zscore

import neurodata4ml as nd
from neurodata4ml.errors import DesignError, DimensionError


def pair(
    n: int = 40, n_units: int = 12, noise: float = 1.0, dim: str = "stimulus"
) -> tuple[xr.DataArray, xr.DataArray]:
    rng = np.random.default_rng(0)
    label = {dim: 0.1 * np.arange(n) if dim == "time" else 10 + np.arange(n), "unit": np.arange(n_units)}
    true = rng.standard_normal((n, n_units)) * np.arange(1, n_units + 1)
    scale = np.arange(1, n_units + 1)
    seen = xr.DataArray(true + noise * scale * rng.standard_normal(true.shape), dims=(dim, "unit"), coords=label)
    return seen, seen.copy(data=true + 5)


def test_every_number_is_that_of_counting_by_hand() -> None:
    seen, told = pair(noise=1.5)
    found = nd.identify(seen, told, n_shuffles=19)
    one, two = zscore(seen.values), zscore(told.values)
    by_hand = np.array([[pearsonr(a, b)[0] for b in two] for a in one])
    np.testing.assert_allclose(found.similarity, by_hand, atol=1e-12)
    ranks = [1 + sum(row > row[k]) for k, row in enumerate(by_hand)]
    assert found["rank"].values.tolist() == ranks
    assert float(found.accuracy) == np.mean(np.array(ranks) == 1)
    assert float(found.beaten) == pytest.approx(np.mean([(40 - r) / 39 for r in ranks]))
    assert found.told.values.tolist() == (10 + by_hand.argmax(axis=1)).tolist()
    assert float(found.chance) == pytest.approx(1 / 40)
    assert 0.5 < float(found.accuracy) < 1
    assert float(found.p_value) == 1 / 20


def test_order_of_labels_and_scale_of_units_do_not_matter() -> None:
    seen, told = pair()
    mixed = told.isel(stimulus=np.random.default_rng(1).permutation(40), unit=slice(None, None, -1)) * 3 - 1
    np.testing.assert_allclose(nd.identify(seen, mixed).similarity, nd.identify(seen, told).similarity, atol=1e-12)


@pytest.mark.parametrize("dim", ["stimulus", "time"])
def test_where_nothing_is_known_half_is_beaten_and_p_is_as_likely_small_as_large(dim: str) -> None:
    p, beaten = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        label = {dim: 0.1 * np.arange(50), "unit": np.arange(9)}
        one, two = (xr.DataArray(rng.standard_normal((50, 9)), dims=(dim, "unit"), coords=label) for _ in range(2))
        found = nd.identify(one, two, n_shuffles=99)
        p.append(float(found.p_value))
        beaten.append(float(found.beaten))
    assert np.mean(beaten) == pytest.approx(0.5, abs=0.02)
    assert np.mean(np.array(p) <= 0.05) < 0.14
    assert 0.35 < np.mean(p) < 0.65


def test_neighbours_in_time_are_no_rivals() -> None:
    """Of frames that stay for ten steps, none can be told from its neighbours, and all from others."""
    still, told = (x.isel(time=np.repeat(np.arange(10), 10)) for x in pair(10, noise=0, dim="time"))
    label = 0.1 * np.arange(100)
    still, told = still.assign_coords(time=label), told.assign_coords(time=label)
    assert float(nd.identify(still, told).accuracy) == 0
    far = nd.identify(still, told, apart=0.95)
    assert float(far.accuracy) == 1
    assert float(far.beaten) == 1
    assert far["rank"].max() == 1
    assert float(far.p_value) == pytest.approx(1 / (1 + 2 * 41))


def test_times_may_come_in_any_order_and_where_no_shift_is_long_enough_there_is_no_p() -> None:
    seen, told = pair(30, dim="time")
    mixed = np.random.default_rng(2).permutation(30)
    one, two = nd.identify(seen, told, apart=0.35), nd.identify(seen[mixed], told, apart=0.35)
    assert float(one.p_value) == float(two.p_value)
    assert float(one.beaten) == float(two.beaten)
    gap = {"time": [0.0, 1.0, 2.0, 3.0, 100.0]}
    far = nd.identify(seen[:5].assign_coords(gap), told[:5].assign_coords(gap), apart=10.0)
    assert np.isnan(far.p_value)
    assert far.sizes["shuffle"] == 0


def test_ties_count_half() -> None:
    _, told = pair(noise=0)
    twice = told.copy(data=np.repeat(told.values[:20], 2, axis=0))
    assert nd.identify(twice, twice)["rank"].values.tolist() == [1.5] * 40


def test_what_is_not_known_is_left_out_and_counted() -> None:
    seen, told = pair(noise=0.5)
    told[3] = np.nan
    told[:, 2] = np.nan
    seen[:, 5] = 1.0
    found = nd.identify(seen, told)
    assert found.attrs["left_out"] == "1 samples, 2 units"
    kept = [k for k in range(12) if k not in (2, 5)]
    same = nd.identify(seen.drop_isel(stimulus=3)[:, kept], told.drop_isel(stimulus=3)[:, kept])
    np.testing.assert_allclose(found.similarity, same.similarity)


def test_the_movie_of_the_demo_is_told_from_predictions_of_what_it_evokes() -> None:
    session = nd.open_session("demo", trials="natural_movie_one")
    means = nd.average_by(nd.bin_spikes(session, window=(0, 1 / 30), bin_width=1 / 30).squeeze("time"))
    true = nd.truth(session).mean_response.astype(float)
    found = nd.identify(means, true)
    assert float(found.beaten) > 0.9
    assert float(found.p_value) == 0.001


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda x, y: nd.identify(x.values, y), DimensionError, "identify takes an xarray DataArray"),
        (lambda x, y: nd.identify(x.rename(unit="feature"), y), DimensionError, 'identify needs a "unit" dim'),
        (lambda x, y: nd.identify(x.rename(stimulus="trial"), y), DimensionError, "two arrays .stimulus, unit."),
        (lambda x, y: nd.identify(x[:2], y[:2]), DesignError, "3 samples and 2 units that vary.*got 2 and"),
        (lambda x, y: nd.identify(x, y * 0), DesignError, "got 40 and 0"),
        (lambda x, y: nd.identify(x, y, apart=1.0), DesignError, "apart=1.0 is a time, and these samples are stimulus"),
        (lambda x, y: nd.identify(x, y, n_shuffles=0), DesignError, "n_shuffles takes a whole number"),
        (
            lambda x, y: nd.identify(x.rename(stimulus="time"), y.rename(stimulus="time"), apart=1e3),
            DesignError,
            "leaves no rival for 40 of 40",
        ),
    ],
)
def test_what_cannot_be_identified_is_refused(
    call: Callable[[xr.DataArray, xr.DataArray], object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        call(*pair())
