"""Tensor components are those that were multiplied together, as tensorly finds them."""

import numpy as np
import pytest
import xarray as xr
from latent_worlds import parts

from neurodata4ml.analysis.latents.latents import latents
from neurodata4ml.analysis.latents.tensors import factor_match
from neurodata4ml.errors import DesignError, DimensionError

tensorly = pytest.importorskip("tensorly")


def tca(x, **options):
    return latents(x, method="tca", **{"n_restarts": 3, **options})


def factors_of(result):
    return [result.trial_factor.values, result.time_factor.values, result.loadings.values.T]


@pytest.mark.parametrize("nonnegative", [False, True])
def test_planted_factors_are_found_from_every_start(nonnegative):
    x, planted = parts()
    result = tca(x, nonnegative=nonnegative)
    assert factor_match(factors_of(result), planted) > 0.95
    assert (result.similarity > 0.95).all()
    assert result.error.min() < 0.01
    assert result.explained_variance.sum() == pytest.approx(1 - result.error.min().item(), abs=1e-3)
    if nonnegative:
        assert min(float(result[name].min()) for name in ("trial_factor", "time_factor", "loadings")) >= 0


def test_the_factors_multiply_to_what_tensorly_rebuilds():
    x, _ = parts(noise=0.5)
    result = tca(x, n_restarts=1, seed=4)
    start = int(np.random.default_rng(4).integers(0, 2**31))
    peer = tensorly.decomposition.parafac(
        x.values / np.linalg.norm(x.values),
        3,
        n_iter_max=500,
        init="random",
        tol=1e-8,
        random_state=start,
        linesearch=True,
    )
    rebuilt = tensorly.cp_to_tensor(peer) * np.linalg.norm(x.values)
    np.testing.assert_allclose(result.latents @ result.loadings, rebuilt, atol=1e-8)
    np.testing.assert_allclose(result.latents, np.einsum("ik,jk->ijk", *factors_of(result)[:2]), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(result.loadings, axis=1), 1)
    np.testing.assert_allclose((result.time_factor**2).sum("time"), 1)
    assert (result.time_factor.max("time") == np.abs(result.time_factor).max("time")).all()


def test_more_components_than_there_are_do_not_agree_between_starts():
    # what similarity is for: the data have three, the other three are found anew each time
    rng = np.random.default_rng(0)
    x = parts()[0] + 0.1 * rng.normal(size=(20, 15, 10))
    assert tca(x).similarity.min() > 0.95
    assert tca(x, n_components=6).similarity.min() < 0.8


def test_the_match_of_factors_is_free_of_order_and_signs_but_not_of_size():
    rng = np.random.default_rng(0)
    one = [rng.normal(size=(n, 3)) for n in (9, 8, 7)]
    turned = [
        mode[:, [2, 0, 1]] * signs for mode, signs in zip(one, ([1, -1, 1], [-1, -1, 1], [-1, 1, 1]), strict=True)
    ]
    assert factor_match(one, turned) == pytest.approx(1)
    assert factor_match(one, [one[0] / 2, one[1], one[2]]) == pytest.approx(0.5)
    assert factor_match(one, [rng.normal(size=mode.shape) for mode in one]) < 0.3


def test_the_match_of_factors_is_tensorlys_congruence_where_sizes_agree():
    from tensorly.metrics.factors import congruence_coefficient

    rng = np.random.default_rng(1)
    one, other = ([np.linalg.qr(rng.normal(size=(n, 3)))[0] for n in (9, 8)] for _ in range(2))
    expected = congruence_coefficient(one, other, absolute_value=True)[0]
    assert factor_match(one, other) == pytest.approx(expected)


def test_sessions_make_a_fourth_mode():
    rng = np.random.default_rng(0)
    factors = [rng.uniform(0.2, 1, size=(n, 2)) for n in (4, 9, 8, 7)]
    x = xr.DataArray(np.einsum("ar,br,cr,dr->abcd", *factors), dims=("day", "trial", "time", "unit"))
    result = tca(x, n_components=2)
    assert result.latents.dims == ("day", "trial", "time", "component")
    found = [result[f"{name}_factor"].values for name in ("day", "trial", "time")]
    assert factor_match([*found, result.loadings.values.T], factors) > 0.99


def test_each_refusal_of_tensors_says_what_to_give():
    x, _ = parts()
    below = x - x.max() * (x == x.min())
    for kind, sentence, array, options in [
        (DimensionError, r"needs two dims beside 'unit', as trial and time; got \(time, unit\)", x[0], {}),
        (DesignError, "needs values of 0 or more; 1 of 3000 are negative", below, {"nonnegative": True}),
        (DesignError, "n_restarts of 1 or more; got 0", x, {"n_restarts": 0}),
        (DesignError, "every value of the 10 units is 0", x * 0, {}),
    ]:  # fmt: skip
        with pytest.raises(kind, match=sentence):
            tca(array, **options)


def test_a_tensor_of_one_number_has_no_components():
    with pytest.raises(DesignError, match=r"finds no variance: each of the 3 units answers the same to all 20 samples"):
        latents(xr.DataArray(np.ones((5, 4, 3)), dims=("trial", "time", "unit")), method="tca", n_components=2)
