"""Trials beside trials: noise that both sides of one recording share is no similarity."""

import warnings

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.explain import explain
from neurodata4ml.analysis.comparison.pairwise import pairwise
from neurodata4ml.analysis.comparison.permutation_test import permutation_test
from neurodata4ml.analysis.comparison.two_sides import Partner, of_one_recording, permuted_halves
from neurodata4ml.analysis.reliability.noise_corrected import corrected_cka_of_two, with_halves
from neurodata4ml.analysis.similarity.metrics import cka_unbiased
from neurodata4ml.errors import DimensionError

N, BLOCKS = 20, 12
FAST = {"n_shuffles": 0, "n_splits": 4, "n_groups": 6}


def order(rng, n_blocks=BLOCKS):
    return np.concatenate([rng.permutation(N) for _ in range(n_blocks)])


def recording(rng, means, *, shared=0.0, noise=0.5, stimulus=None):
    """Trials of several areas recorded at once, with noise common to all of them."""
    stimulus = order(rng) if stimulus is None else stimulus
    common = shared * rng.normal(size=(len(stimulus), 3))
    coords = {"stimulus": ("trial", stimulus), "block": ("trial", np.arange(len(stimulus)) // N)}
    return [
        xr.DataArray(
            one[stimulus] + common @ rng.normal(size=(3, one.shape[1])) + noise * rng.normal(size=one[stimulus].shape),
            dims=("trial", "unit"),
            coords=coords,
        )
        for one in means
    ]


def world(rng, share):
    """Two areas of which a part of the responses is common."""
    truth = rng.normal(size=(N, 30))
    return truth[:, :15], np.hstack([truth[:, 15 - share : 15], truth[:, 15 : 30 - share]])


def test_noise_shared_by_two_areas_lifts_the_raw_similarity_and_not_the_corrected():
    error = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        a, b = world(rng, 0)
        found = compare(*recording(rng, (a, b), shared=0.7), **FAST)
        truth = cka_unbiased(a, b)
        inside = bool(found.low <= truth <= found.high)
        error.append((float(found.similarity) - truth, float(found.raw) - truth, inside))
    corrected, raw, inside = np.array(error).T
    assert abs(corrected.mean()) < 3 * corrected.std() / np.sqrt(20)
    assert raw.mean() > 3 * raw.std() / np.sqrt(20)
    assert inside.mean() >= 0.9


def test_it_is_the_formula_of_two_areas_and_the_ceiling_joins_both():
    rng = np.random.default_rng(0)
    x, y = recording(rng, world(rng, 8), shared=0.5)
    found = compare(x, {"b": y, "itself": x}, **FAST)
    trials, half = with_halves(x, n_splits=4, seed=0, step="test")
    expected = corrected_cka_of_two(trials, [y.values, x.values], half, N)
    for name in ("similarity", "raw", "ceiling"):
        np.testing.assert_allclose(found[name], expected.sel(quantity=name), atol=1e-12)
    assert found.similarity.sel(y="itself") == pytest.approx(1.0)
    assert (found.ceiling_low < found.ceiling).all()
    assert pairwise(found).p_value.notnull().sum() == 2
    one = compare(x, y, **FAST)
    assert one.ceiling.dims == ()
    assert "taken for one recording" in one.attrs["assumed"]
    said = " ".join(explain(found).split())
    assert "The trial noise of both sides is taken out" in said
    assert "no trial in common" in said


def test_of_two_recordings_each_side_has_its_own_halves():
    truths, found = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        a, b = world(rng, 8)
        (x,), (y,) = recording(rng, (a,), noise=1.0), recording(rng, (b,), noise=1.5, stimulus=order(rng, 8))
        found.append(compare(x, y, **FAST))
        truths.append(cka_unbiased(a, b))
    error = np.array([float(one.similarity) for one in found]) - truths
    assert abs(error.mean()) < 3 * error.std() / np.sqrt(12)
    assert np.mean([float(one.raw) for one in found]) < np.mean(truths) - 0.05
    assert np.mean([bool(one.low <= t <= one.high) for one, t in zip(found, truths, strict=True)]) >= 0.85
    assert found[0].sizes["group"] == 12 + 8  # blocks of either
    assert "taken for two recordings" in found[0].attrs["assumed"]
    np.testing.assert_allclose(found[0].similarity * found[0].ceiling, found[0].raw)


def test_beside_trials_without_noise_two_recordings_are_the_one_sided_comparison():
    rng = np.random.default_rng(1)
    a, b = world(rng, 8)
    (x,), (y,) = recording(rng, (a,)), recording(rng, (b,), noise=0.0, stimulus=order(rng, 6))
    layer = xr.DataArray(b, dims=("stimulus", "feature"), coords={"stimulus": np.arange(N)})
    both, one = compare(x, y, **FAST), compare(x, layer, **FAST)
    for name in ("similarity", "raw", "ceiling"):
        np.testing.assert_allclose(both[name], one[name], atol=1e-10)
    np.testing.assert_allclose(both.high - both.low, one.high - one.low, rtol=0.35)  # t of more groups


@pytest.mark.parametrize("together", [True, False])
def test_without_one_stimulus_it_is_what_the_others_give(together):
    rng = np.random.default_rng(2)
    means = world(rng, 8)
    x, y = recording(rng, means) if together else [recording(rng, (one,))[0] for one in means]
    trials, half = with_halves(x, n_splits=3, seed=0, step="test")
    others, halves = (trials.copy(data=y.values), half) if together else with_halves(y, n_splits=3, seed=0, step="test")
    partner = Partner(others, halves, together)
    found = partner.without_stimuli(trials, half, N)
    by_hand = []
    for k in range(N):
        left = [one.isel(trial=np.flatnonzero(one.stimulus.values != k)) for one in (trials, others)]
        rest = Partner(others if together else left[1], halves, together)
        by_hand.append(rest.beside(left[0], half, N - 1))
    by_hand = xr.concat(by_hand, "group").transpose("group", "quantity")
    for name in ("similarity", "raw", "ceiling"):
        plain, narrow = by_hand.sel(quantity=name).values, found.sel(quantity=name).values
        assert np.corrcoef(plain, narrow)[0, 1] > 1 - 1e-9  # narrowed about their mean
        assert plain.mean() == pytest.approx(narrow.mean())
        assert 0.5 * plain.std() < narrow.std() < plain.std()


def test_shared_noise_makes_no_p_small():
    p = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, y = recording(rng, world(rng, 0), shared=0.7)
        p.append(compare(x, y, n_shuffles=39, n_splits=4, over=()).p_value.item())
    assert np.mean(np.array(p) <= 0.1) < 0.3
    rng = np.random.default_rng(0)
    x, y = recording(rng, world(rng, 12), shared=0.7)
    assert compare({"a": x}, {"b": y}, n_shuffles=99, over=()).p_value_corrected.item() == 0.01


def test_orders_act_on_the_products_of_halves():
    rng = np.random.default_rng(3)
    x, y = recording(rng, world(rng, 8))
    trials, half = with_halves(x, n_splits=3, seed=0, step="test")
    turn = rng.permutation(N)
    partner = Partner(trials.copy(data=y.values), half, together=True)
    whole, turned = permuted_halves(trials, half, partner, turn[None])
    found = corrected_cka_of_two(trials, [y.values], half, N).isel(y=0)
    own = float(found.sel(quantity="own") * found.sel(quantity="own_y")) ** 0.5
    assert whole / own == pytest.approx(float(found.sel(quantity="similarity")))
    assert turned != pytest.approx(whole)


def test_trials_meet_by_label_and_some_that_only_one_side_has_are_refused():
    rng = np.random.default_rng(4)
    x, y = (one.assign_coords(trial=np.arange(100, 100 + N * BLOCKS)) for one in recording(rng, world(rng, 8)))
    mixed = y.isel(trial=rng.permutation(N * BLOCKS))
    assert float(compare(x, mixed, **FAST).similarity) == pytest.approx(float(compare(x, y, **FAST).similarity))
    with pytest.raises(DimensionError, match=r"share only 230 of 240 and 230.*x.sel\(trial=shared\)"):
        compare(x, y[:230], **FAST)
    assert of_one_recording(x, y[:230].assign_coords(trial=np.arange(230))) is None
    assert of_one_recording(x, recording(rng, world(rng, 8))[0].assign_coords(trial=x.trial.values)) is None
    assert of_one_recording(x.drop_vars("trial"), y) is not None


def test_a_table_of_areas_is_one_pair_at_a_time_and_recordings_may_be_mixed():
    rng = np.random.default_rng(5)
    means = world(rng, 8)
    x, y = recording(rng, means)
    (other,) = recording(rng, means[:1])
    table = compare({"x": x, "y": y}, {"y": y, "other": other}, **FAST)
    for a, one in (("x", x), ("y", y)):
        for b, two in (("y", y), ("other", other)):
            alone, cell = compare(one, two, **FAST), table.sel(x=a, y=b)
            for name in ("similarity", "raw", "ceiling"):
                assert float(cell[name]) == pytest.approx(float(alone[name])), (a, b, name)
    assert "Of 2 of 4 pairs" in table.attrs["assumed"]
    assert table.low.notnull().all()


def test_a_second_side_without_signal_is_named():
    rng = np.random.default_rng(6)
    a, b = world(rng, 8)
    x, y, z = recording(rng, (a, b, 0 * b), noise=0.3)
    with pytest.warns(UserWarning, match="No signal above the noise is found in silent: ") as said:
        found = compare({"V1": x}, {"LM": y, "silent": z}, **FAST)
    assert len(said) == 1
    assert found.similarity.isnull().values.tolist() == [[False, True]]
    assert found.attrs["undefined"] == str(said[0].message)


def test_a_permutation_test_of_averages_refuses_trials_on_both_sides():
    rng = np.random.default_rng(7)
    x, y = recording(rng, world(rng, 8))
    with pytest.raises(DimensionError, match=r"noise shared by two sides would count.*compare\(x, y\).p_value"):
        permutation_test(x, y, metric="cka_unbiased")


def test_units_of_the_first_side_can_be_left_out_beside_trials():
    rng = np.random.default_rng(8)
    x, y = recording(rng, world(rng, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare(x, y, over=("stimulus", "unit"), **FAST)
    assert found.low < found.similarity < found.high
