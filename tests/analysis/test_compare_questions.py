"""What a comparison says besides the similarity: over what it is sure, and what it was tested against."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.hierarchy import hierarchy
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.errors import DesignError


def means(values, dim="unit", **coords):
    return xr.DataArray(values, dims=("stimulus", dim), coords={"stimulus": np.arange(len(values)), **coords})


def shared(seed, *, n=30, units=40, features=60, noise=1.0):
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n, 6))
    x = latent @ rng.normal(size=(6, units)) + noise * rng.normal(size=(n, units))
    return means(x), means(latent @ rng.normal(size=(6, features)), "feature")


def trials(seed, x, n_blocks=8, noise=1.0):
    rng = np.random.default_rng(seed)
    stimulus = np.concatenate([rng.permutation(len(x)) for _ in range(n_blocks)])
    values = x[stimulus] + noise * rng.normal(size=(len(stimulus), x.shape[1]))
    coords = {"stimulus": ("trial", stimulus), "block": ("trial", np.repeat(np.arange(n_blocks), len(x)))}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


# ------------------------------------------------------------------------------------------------ intervals
def test_means_get_an_interval_over_stimuli_that_is_the_jackknife_by_hand():
    x, y = shared(0)
    for metric in ("cka_unbiased", "rsa_pearson", "procrustes"):
        found = compare(x, y, metric=metric, n_shuffles=0)
        parts = [(x.drop_sel(stimulus=k), y.drop_sel(stimulus=k)) for k in range(30)]
        by_hand = [float(compare(*both, metric=metric, over=(), n_shuffles=0).similarity) for both in parts]
        if metric == "procrustes":
            np.testing.assert_allclose(found.replicate, by_hand, atol=1e-10)
        else:  # what pairs of stimuli add is counted once, not twice: the interval is narrower
            assert np.corrcoef(found.replicate, by_hand)[0, 1] > 0.9
            assert 0.5 * np.std(by_hand) < float(found.replicate.std()) < np.std(by_hand)
        assert found.attrs["over"] == "stimulus"
        assert found.low < found.similarity < found.high


@pytest.mark.slow
def test_of_independent_data_the_interval_over_stimuli_holds_zero():
    inside = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        x, y = means(rng.normal(size=(40, 60))), means(rng.normal(size=(40, 300)), "feature")
        found = compare(x, y, n_shuffles=0)
        inside.append(float(found.low) <= 0 <= float(found.high))
    assert 0.87 <= np.mean(inside) < 1.0


def test_trials_can_be_asked_over_stimuli_and_over_units_too():
    x, y = shared(1)
    one = trials(1, x.values)
    widths = {}
    for over in ("trial", "stimulus", "unit", ("stimulus", "unit")):
        found = compare(one, y, over=over, n_shuffles=0, n_splits=4)
        widths[over] = float(found.high - found.low)
        assert found.low < found.similarity < found.high
    assert widths["stimulus", "unit"] >= max(widths["stimulus"], widths["unit"]) - 1e-12
    assert widths["stimulus"] > widths["trial"]  # other stimuli vary more than the same ones shown again


def test_units_of_one_animal_are_left_out_together():
    x, y = shared(2)
    x = x.assign_coords(animal=("unit", np.repeat(["a", "b", "c", "d"], 10)))
    found = compare(x, y, over="animal", n_shuffles=0)
    without_b = compare(x.isel(unit=x.animal.values != "b"), y, over=(), n_shuffles=0).similarity
    assert found.sizes["group"] == 4
    assert float(found.replicate[1]) == pytest.approx(float(without_b))
    assert "over animals, each with all its units; these stimuli are fixed" in found.attrs["assumed"]


def test_of_two_factors_the_replicates_give_the_sum_of_both_variances():
    x, y = shared(3)
    alone = [compare(x, y, over=over, n_shuffles=0).replicate.values for over in ("stimulus", "unit")]
    both = compare(x, y, over=("unit", "stimulus"), n_shuffles=0).replicate.values
    variance = [(len(r) - 1) / len(r) * np.sum((r - r.mean()) ** 2) for r in (*alone, both)]
    assert variance[2] == pytest.approx(variance[0] + variance[1])


# ------------------------------------------------------------------------------------------------- p-values
def test_p_values_are_of_conditions_exchanged_and_corrected_over_the_whole_table():
    x, y = shared(4, noise=2.0)
    rng = np.random.default_rng(4)
    layers = {"own": y, **{f"other{k}": means(rng.normal(size=(30, 20)), "feature") for k in range(8)}}
    found = compare({"V1": x, "LM": means(rng.normal(size=(30, 20)))}, layers)
    assert found.attrs["n_tests"] == 18
    assert (found.attrs["correction"], found.attrs["n_shuffles"]) == ("max-t", 999)
    assert float(found.p_value.sel(x="V1", y="own")) == pytest.approx(1 / 1000)
    assert (found.p_value_corrected >= found.p_value - 1e-12).all()
    assert float(found.p_value_corrected.sel(x="V1", y="own")) <= 0.01
    assert (found.p_value_corrected.drop_sel(y="own") > 0.05).all()


def test_corrections_can_be_chosen_and_few_stimuli_are_gone_through():
    x, y = shared(5)
    layers = {"a": y, "b": means(np.random.default_rng(5).normal(size=(30, 9)), "feature")}
    p = {kind: compare(x, layers, correction=kind).p_value_corrected.values for kind in ("none", "holm", "fdr")}
    raw = p["none"]
    np.testing.assert_allclose(np.sort(p["holm"]), np.minimum(1, np.maximum.accumulate(np.sort(raw) * [2, 1])))
    assert (p["fdr"] <= p["holm"] + 1e-12).all()
    few = compare(x[:5], y[:5])
    assert few.attrs["n_shuffles"] == 119  # 5! less the observed
    with pytest.raises(DesignError, match=r"Unknown correction 'bonf'\. Type one of max-t, holm, fdr, none"):
        compare(x, y, correction="bonf")


# ------------------------------------------------------------------------------------------------- ceilings
def test_rsa_of_trials_comes_with_a_ceiling_and_means_have_none():
    x, y = shared(6, noise=0.5)
    one = trials(6, x.values, noise=2.0)
    found = compare(one, {"a": y, "truth": means(x.values, "feature")}, metric="rsa_pearson", n_shuffles=0)
    assert float(found.ceiling_low) < float(found.ceiling) < float(found.ceiling_high)
    # the ceiling is the score of a model that knows the noise-free responses
    assert float(found.similarity.sel(y="truth")) == pytest.approx(float(found.ceiling), abs=0.1)
    assert "ceiling" not in compare(x, y, metric="rsa_pearson", n_shuffles=0)
    without = compare(one, y, metric="rsa_pearson", distance="correlation", n_shuffles=0)
    assert "crossnobis" in without.attrs["no_ceiling"]


# --------------------------------------------------------------------------------------------------- areas
def test_areas_of_different_sizes_say_so_unless_they_are_matched():
    x, y = shared(7, units=80)
    areas = {"S": x[:, :20], "L": x[:, 20:]}
    plain = compare(areas, y, n_shuffles=0)
    assert "20 to 60: areas are not to be compared" in plain.attrs["assumed"]
    matched = compare(areas, y, match_units=True, n_shuffles=0)
    assert matched.attrs["n_units_matched"] == 20
    assert "random sets of 20 units" in matched.attrs["assumed"]
    assert float(matched.similarity.sel(x="S")) == pytest.approx(float(plain.similarity.sel(x="S")))
    assert float(matched.similarity.sel(x="L")) < float(plain.similarity.sel(x="L"))
    assert plain.n_units.values.tolist() == [20, 60]
    with pytest.raises(DesignError, match="match_units=True draws units, and L has none: an RDM"):
        compare({"S": x, "L": rdm(x)}, y, metric="rsa_pearson", match_units=True)


def test_the_best_of_a_table_of_means_is_named_with_its_equals():
    x, y = shared(8, n=40, noise=0.2)
    rng = np.random.default_rng(8)
    layers = {
        "own": y,
        "twin": means(y.values + 0.01 * rng.normal(size=y.shape), "feature"),
        "far": means(rng.normal(size=(40, 9)), "feature"),
    }
    found = compare(x, layers, n_shuffles=0)
    assert found.claim
    assert found.among_best.values.tolist() == [True, True, False]


def test_the_margin_within_which_candidates_are_one_answer_can_be_chosen_and_is_told():
    x, y = shared(8, n=40, noise=0.2)
    rng = np.random.default_rng(8)
    layers = {"own": y, "near": means(y.values + 0.4 * rng.normal(size=y.shape), "feature")}
    wide, none = (compare(x, layers, n_shuffles=0, margin=margin) for margin in (0.9, 0))
    assert wide.among_best.all()
    assert wide.attrs["margin"] == 0.9
    assert none.among_best.sum() <= wide.among_best.sum()
    with pytest.raises(DesignError, match=r"margin of 0 or more, below 1; got -1\. Type margin=0\.03"):
        compare(x, layers, margin=-1)


# ------------------------------------------------------------------------------------------------ hierarchy
def areas_and_layers(seed, *, shuffled=False):
    """Four layers, each a step further from the first, and four areas that read them in order."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(40, 10))
    layers = {}
    for k in range(4):
        z = np.tanh(z @ rng.normal(size=(10, 10)) / 2) + 0.3 * rng.normal(size=z.shape)
        layers[f"l{k}"] = means(z, "feature")
    order = [2, 0, 3, 1] if shuffled else [0, 1, 2, 3]
    areas = {
        f"a{i}": trials(seed + i, layers[f"l{k}"].values @ rng.normal(size=(10, 20 + 10 * i)), noise=1.0)
        for i, k in enumerate(order)
    }
    return areas, layers


def test_areas_in_the_order_of_layers_have_a_hierarchy_of_one_and_others_have_not():
    areas, layers = areas_and_layers(0)
    found = hierarchy(areas, layers, order=["a0", "a1", "a2", "a3"], n_resamples=60)
    assert float(found.correlation) == pytest.approx(1.0)
    assert float(found.p_value) == pytest.approx(1 / 24)
    assert found.depth.values.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert 0 < float(found.low) <= 1.0
    assert found.attrs["n_units_matched"] == 20
    areas, layers = areas_and_layers(0, shuffled=True)
    mixed = hierarchy(areas, layers, order=["a0", "a1", "a2", "a3"], n_resamples=20)
    assert float(mixed.correlation) == pytest.approx(0.0)
    assert float(mixed.p_value) > 0.3
    xr.testing.assert_identical(mixed, hierarchy(areas, layers, order=["a0", "a1", "a2", "a3"], n_resamples=20))


def test_areas_that_all_share_one_layer_have_no_hierarchy():
    areas, layers = areas_and_layers(1)
    same = dict.fromkeys(("x", "y", "z"), areas["a0"])
    found = hierarchy(same, layers, order=["x", "y", "z"], n_resamples=10)
    assert float(found.correlation) == 0.0
    assert float(found.p_value) == 1.0


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (["a0", "a1"], "3 or more different areas and 2 or more layers; got a0, a1 and 4 layers"),
        (["a0", "a1", "a1"], "3 or more different areas"),
        (["a0", "a1", "a7"], "no responses of the area 'a7'"),
    ],
)
def test_a_hierarchy_needs_three_areas_that_are_there(order, message):
    areas, layers = areas_and_layers(2)
    with pytest.raises(DesignError, match=message):
        hierarchy(areas, layers, order=order)


# -------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("over", "message"),
    [
        ("trial", "over='trial' needs single trials"),
        ("mouse", "no such coordinate on 'unit'. Type over= one of stimulus, unit"),
        (("trial", "unit"), "one thing, or over stimuli and units at once"),
        ("probe", "needs at least 2 of them; x has 1"),
    ],
)
def test_an_interval_over_what_is_not_there_is_refused(over, message):
    x, y = shared(9)
    with pytest.raises(DesignError, match=message):
        compare(x.assign_coords(probe=("unit", ["A"] * 40)), y, over=over)


def test_an_rdm_has_no_units_to_be_left_out():
    x, y = shared(9)
    with pytest.raises(DesignError, match="x is an RDM, which has no 'unit'"):
        compare(rdm(x), rdm(y), metric="rsa_pearson", over="unit")
    with pytest.raises(DesignError, match=r"confidence between 0 and 1; got 95"):
        compare(x, y, confidence=95)
