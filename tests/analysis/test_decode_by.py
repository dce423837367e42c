"""Areas are compared on equal terms: more units, or more spikes, do not make an area better."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.decoding.matching import decode_by
from neurodata4ml.errors import DesignError


def areas(sizes: dict[str, int], gain: dict[str, float], n_trials: int = 100, seed: int = 0) -> xr.DataArray:
    """Return counts whose rates differ between sides by ``gain`` of an area's mean rate of 4."""
    rng = np.random.default_rng(seed)
    names = np.array([name for name, n in sizes.items() for _ in range(n)], dtype=object)
    side = rng.permutation(np.arange(n_trials) % 2)
    sign = np.where(np.arange(len(names)) % 2, 1, -1) * np.array([gain[name] for name in names])
    counts = rng.poisson(4 * (1 + sign * (side[:, None] - 0.5)))
    coords = {"area": ("unit", names), "side": ("trial", np.array(["left", "right"], dtype=object)[side])}
    return xr.DataArray(counts, dims=("trial", "unit"), coords=coords)


def test_the_same_code_in_more_units_looks_better_until_units_are_matched() -> None:
    x = areas({"small": 8, "large": 80}, {"small": 0.25, "large": 0.25})
    plain = decode_by(x, "side", match=None, n_shuffles=0).score
    matched = decode_by(x, "side", n_shuffles=0, n_draws=15).score
    assert plain.sel(area="large") - plain.sel(area="small") > 0.15
    assert abs(matched.sel(area="large") - matched.sel(area="small")) < 0.1


def test_an_area_that_gives_all_its_units_is_decode_itself() -> None:
    x = areas({"CA1": 8, "V1": 20}, {"CA1": 0.3, "V1": 0.0})
    result = decode_by(x, "side", n_shuffles=19, n_draws=4)
    alone = decode(x.isel(unit=slice(0, 8)), "side", n_shuffles=19)
    for name in ("score", "low", "high", "chance", "p_value"):
        np.testing.assert_allclose(result[name].sel(area="CA1"), alone[name], err_msg=name)
    np.testing.assert_allclose(result.null.sel(area="CA1"), alone.null)
    assert result.spread.sel(area="CA1") == 0
    assert result.spread.sel(area="V1") > 0
    np.testing.assert_allclose(result.score, result.score_draw.mean("draw"))


def test_the_null_is_averaged_over_draws_like_the_score() -> None:
    x = areas({"CA1": 30, "V1": 10}, {"CA1": 0.3, "V1": 0.3})
    from neurodata4ml.analysis.decoding.drawing import draw_units
    from neurodata4ml.analysis.design.nulls import permutation_null

    null = permutation_null(x, "side", n_shuffles=9, seed=3)
    result = decode_by(x, "side", n_shuffles=9, n_draws=3, seed=3)
    draws = draw_units(x, n_draws=3, seed=3)["CA1"]
    each = [decode(x.isel(unit=units), "side", null=null) for units in draws]
    np.testing.assert_allclose(result.score_draw.sel(area="CA1"), [r.score for r in each])
    np.testing.assert_allclose(result.null.sel(area="CA1"), np.mean([r.null for r in each], axis=0))
    np.testing.assert_allclose(
        result.p_value.sel(area="CA1"), null.p_value(float(result.score[0]), np.mean([r.null for r in each], axis=0))
    )


@pytest.mark.slow
def test_p_is_valid_for_areas_that_know_nothing() -> None:
    p = [
        decode_by(areas({"A": 12, "B": 6}, {"A": 0.0, "B": 0.0}, 60, seed), "side", n_shuffles=19, n_draws=2, seed=seed)
        for seed in range(25)
    ]
    each = np.array([r.p_value.values for r in p])
    assert np.mean(each <= 0.05) < 0.16
    family = np.array([r.p_value_corrected.values.min() for r in p])
    assert np.sum(family <= 0.05) <= 6  # binomial, 25 times 5 %: more in 1 of 1,000 runs


def test_over_time_p_is_corrected_for_all_areas_and_bins() -> None:
    x = areas({"CA1": 10, "V1": 10}, {"CA1": 0.0, "V1": 1.0})
    quiet = np.random.default_rng(1).poisson(4, x.shape)
    x = xr.concat([x.copy(data=quiet), x, x], dim="time").assign_coords(time=[0.0, 0.1, 0.2])
    for correction in ("max-t", "cluster"):
        result = decode_by(x, "side", over="time", n_shuffles=39, n_draws=2, correction=correction)
        assert result.score.dims == ("area", "time")
        assert (result.p_value_corrected.sel(area="V1").values[1:] == 0.025).all()
        assert result.p_value_corrected.values[0].min() > 0.05
        assert result.p_value_corrected.sel(area="V1").values[0] > 0.05
        assert np.all(result.p_value_corrected >= result.p_value - 1e-12)


def test_what_was_matched_is_said() -> None:
    x = areas({"CA1": 8, "V1": 20}, {"CA1": 0.3, "V1": 0.0})
    result = decode_by(x, "side", n_shuffles=3, n_draws=4)
    assert result.attrs["matched"] == "8 units of each area, drawn at random 4 times"
    assert result.n_units.values.tolist() == [8, 8]
    rates = decode_by(x, "side", match="rates", n_shuffles=3, n_draws=2)
    assert "same distribution of mean responses, drawn 2 times" in rates.attrs["matched"]
    plain = decode_by(x, "side", match=None, n_shuffles=3)
    assert plain.attrs["matched"].startswith("nothing: all units of each area")
    assert plain.n_units.values.tolist() == [8, 20]
    assert plain.sizes["draw"] == 1


def test_what_cannot_be_done_is_refused() -> None:
    x = areas({"CA1": 8, "V1": 3}, {"CA1": 0.3, "V1": 0.0})
    with pytest.raises(DesignError, match=r"too few have V1 \(3\)"):
        decode_by(x, "side")
    with pytest.raises(DesignError, match=r"passes on the options of decode: over, decoder, .*; got 'n_permu"):
        decode_by(x, "side", n_units=3, n_permutations=3)
    with pytest.raises(DesignError, match="knows the corrections max-t, cluster and none; got 'holm'"):
        decode_by(x, "side", n_units=3, correction="holm")
