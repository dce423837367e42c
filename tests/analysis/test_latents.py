"""Components equal their definitions, whichever the order of the data."""

import json
import re
import warnings
from inspect import signature

import numpy as np
import pytest
import xarray as xr
from latent_worlds import samples, world
from scipy import stats
from sklearn.decomposition import NMF, PCA, FactorAnalysis, FastICA

from conftest import ROOT
from neurodata4ml.analysis.latents.gaussian import fit_fa, fit_pca
from neurodata4ml.analysis.latents.latents import REDUCERS, latents
from neurodata4ml.errors import DesignError, DimensionError


@pytest.mark.parametrize("shape", [(40, 6), (200, 6), (6, 20)])
def test_pca_is_scikit_learns_up_to_signs(shape):
    x = samples(*shape)
    result, peer = latents(x, n_components=3), PCA(3, svd_solver="full").fit(x.values)
    np.testing.assert_allclose(np.abs(result.loadings), np.abs(peer.components_), atol=1e-8)
    np.testing.assert_allclose(np.abs(result.latents), np.abs(peer.transform(x.values)), atol=1e-8)
    np.testing.assert_allclose(result.explained_variance, peer.explained_variance_ratio_, rtol=1e-10)


def test_factor_analysis_is_scikit_learns_up_to_order_and_signs():
    x = samples(300, 6)
    result = latents(x, method="fa", n_components=3)
    peer = FactorAnalysis(3, svd_method="lapack", tol=1e-8, max_iter=20000).fit(x.values)
    ours, theirs = result.loadings.values, peer.components_
    np.testing.assert_allclose(ours.T @ ours, theirs.T @ theirs, rtol=0.02, atol=0.02)


def test_factor_analysis_leaves_private_noise_to_each_unit_and_pca_does_not():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(2000, 1))
    values = shared * np.ones(6) + rng.normal(size=(2000, 6)) * np.array([1, 1, 1, 1, 1, 6.0])
    x = xr.DataArray(values, dims=("trial", "unit"))
    factor = latents(x, method="fa", n_components=1).loadings.values[0]
    axis = latents(x, method="pca", n_components=1).loadings.values[0]
    np.testing.assert_allclose(factor[:5], 1, atol=0.1)
    assert np.abs(axis).argmax() == 5


def run(method, x, **more):
    """Return the components of a method, quickly; libraries may warn of themselves."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".* had not settled")
        return latents(x, method=method, **{**world(method)[1], **more})


def there(method):
    """Skip what needs a library that is not installed here."""
    library = {"gpfa": "elephant", "tca": "tensorly", "cebra": "cebra"}.get(method)
    if library:
        pytest.importorskip(library)


# every method


@pytest.mark.parametrize("method", REDUCERS)
def test_every_method_says_the_same_names_and_how_it_was_made(method):
    there(method)
    x, options = world(method)
    x.attrs |= {"citation": "nobody"}
    result = run(method, x)
    assert result.latents.dims[-1] == "component"
    assert result.component.values.tolist() == list(range(1, result.sizes["component"] + 1))
    assert np.isfinite(result.latents).all()
    assert result.attrs["citation"] == "nobody"
    assert result.attrs["method"] == method
    step = json.loads(result.attrs["steps"])[-1]
    assert step == {"step": "latents", "method": method, "n_components": 3, "seed": 0} | json.loads(json.dumps(options))
    if method != "cebra":
        assert result.loadings.dims == ("component", "unit")
        assert result.explained_variance.dims == ("component",)
        assert (np.diff(result.explained_variance) <= 0).all()
        assert 0 < result.explained_variance.sum() <= 1 + 1e-9
        largest = np.abs(result.loadings.values).argmax(axis=1)
        assert (result.loadings.values[np.arange(len(largest)), largest] > 0).all()


@pytest.mark.parametrize("method", REDUCERS)
def test_one_seed_gives_one_answer_and_nobody_elses_chance_is_touched(method):
    there(method)
    x, _ = world(method)
    before = x.copy(deep=True)
    np.random.seed(7)  # noqa: NPY002
    results = [run(method, x, seed=3) for _ in range(2)]
    drawn = np.random.rand()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    assert drawn == np.random.rand()  # noqa: NPY002
    xr.testing.assert_identical(*results)
    xr.testing.assert_identical(x, before)


def test_a_seed_beyond_what_scikit_learn_takes_is_refused_in_words():
    assert np.isfinite(latents(samples(40, 6), n_components=2, method="ica", seed=2**32 - 1).latents).all()
    with pytest.raises(DesignError, match="seed takes a whole number, 0 to 4294967295; got 4294967296"):
        latents(samples(40, 6), n_components=2, method="ica", seed=2**32)


@pytest.mark.parametrize("method", [name for name in REDUCERS if name != "cebra"])
def test_the_order_of_samples_dims_and_units_changes_nothing(method):
    there(method)
    x, _ = world(method)
    dim = "trial" if "trial" in x.dims else "stimulus"
    x = x.assign_coords({"unit": np.arange(x.sizes["unit"])})
    name = {} if dim in x.coords else {dim: np.arange(x.sizes[dim])}
    x = x.assign_coords(name)
    rng, more = np.random.default_rng(0), {"tol": 1e-13} if method == "tca" else {}
    mixed = x.isel({dim: rng.permutation(x.sizes[dim]), "unit": rng.permutation(x.sizes["unit"])})
    if method == "dpca":  # which trials are left out is drawn by their place
        more = {"regularizer": 1e-3}
    result, again = run(method, x, **more), run(method, mixed.transpose("unit", ..., dim), **more)
    again = again.sortby("unit").sortby(dim) if dim in again.dims else again.sortby("unit")
    atol = {"fa": 1e-4, "tca": 1e-4, "nmf": 1e-2, "gpfa": 1e-3}.get(method, 1e-6)
    for variable in ("loadings", "latents", "explained_variance"):
        expected = result[variable]
        np.testing.assert_allclose(again[variable].transpose(*expected.dims), expected, atol=atol)


@pytest.mark.parametrize("method", REDUCERS)
def test_every_method_refuses_nan_and_options_it_does_not_have(method):
    there(method)
    x, _ = world(method)
    with pytest.raises(DesignError, match=r"cannot read NaN: [0-9]+ of"):
        run(method, x.where(x.unit > 0) if "unit" in x.coords else x.where(np.arange(x.sizes["unit"]) > 0))
    with pytest.raises(DesignError, match=rf"latents\(method='{method}'\) has no option 'colour'\. Its options: "):
        latents(x, method=method, colour=1)


@pytest.mark.parametrize("method", REDUCERS)
def test_every_method_refuses_components_that_the_data_cannot_have(method):
    there(method)
    x, _ = world(method)
    n_units = x.sizes["unit"]
    for wrong in (0, n_units + 1):
        with pytest.raises(DesignError, match=f"have at most {n_units} components; got n_components={wrong}"):
            run(method, x, n_components=wrong)
    if method != "tca":
        with pytest.raises(DesignError, match="finds no variance"):
            run(method, x * 0 + 1)


# principal components and factors


def test_turning_the_axes_of_units_turns_principal_components_only_in_name():
    x = samples()
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
    turned = latents(x.copy(data=x.values @ turn))
    one = latents(x)
    np.testing.assert_allclose(np.abs(turned.latents), np.abs(one.latents), atol=1e-9)
    np.testing.assert_allclose(turned.explained_variance, one.explained_variance, atol=1e-12)
    assert np.abs(np.abs(run("fa", x.copy(data=x.values @ turn)).latents) - np.abs(run("fa", x).latents)).max() > 0.01


def test_measuring_a_unit_in_other_units_does_not_move_factors_but_principal_components():
    x = samples(200)
    scaled = x * np.array([1, 100, 1, 1, 0.1, 1])
    one, other = (fit_fa(array.values, 3).transform(array.values) for array in (x, scaled))
    np.testing.assert_allclose(other, one, atol=1e-6)
    assert np.abs(latents(scaled).loadings[0, 1]) > 0.99 > np.abs(latents(x).loadings[0, 1])


def test_all_components_give_the_data_back():
    x = samples()
    result = latents(x, n_components=6)
    rebuilt = result.latents @ result.loadings + x.mean("stimulus")
    np.testing.assert_allclose(rebuilt.transpose(*x.dims), x, atol=1e-10)
    assert result.explained_variance.sum() == pytest.approx(1)


@pytest.mark.parametrize("shape", [(30, 10, 6), (2, 3, 20)])
def test_a_lazy_array_is_never_whole_in_memory_and_gives_the_same(shape):
    x = xr.DataArray(np.random.default_rng(0).normal(size=shape), dims=("trial", "time", "unit"))
    x[..., 0] *= 3
    lazy = x.chunk(trial=2, unit=4)
    result = latents(lazy)
    assert result.latents.chunks is not None
    assert lazy.chunks is not None
    xr.testing.assert_allclose(result.compute(), latents(x), atol=1e-8)
    counts = (100 * x).astype("int16")
    xr.testing.assert_allclose(latents(counts.chunk(trial=1)).compute(), latents(counts), atol=1e-6)
    for sentence, array, n_components in [
        ("cannot read NaN", lazy.where(lazy > -1), 3),
        ("have at most", lazy, 21),
        ("finds no variance", lazy * 0, 3),
    ]:
        with pytest.raises(DesignError, match=sentence):
            latents(array, n_components=n_components)


@pytest.mark.parametrize("method", [name for name in REDUCERS if name != "pca"])
def test_the_other_methods_load_a_lazy_array(method):
    there(method)
    x, _ = world(method)
    xr.testing.assert_identical(run(method, x.chunk()).compute(), run(method, x))


def test_trajectories_keep_their_time():
    x = samples(40).values.reshape(4, 10, 6)
    x = xr.DataArray(x, dims=("condition", "time", "unit"), coords={"time": np.arange(10) * 0.1, "unit": np.arange(6)})
    x.attrs = {"units": "Hz", "citation": "nobody"}
    result = latents(x)
    assert result.latents.dims == ("condition", "time", "component")
    assert result.loadings.dims == ("component", "unit")
    assert result.component.values.tolist() == [1, 2, 3]
    assert result.latents.attrs["units"] == "Hz"
    assert result.attrs["citation"] == "nobody"
    assert json.loads(result.attrs["steps"])[-1]["method"] == "pca"
    np.testing.assert_allclose(
        result.latents,
        latents(x.transpose("unit", "time", "condition")).latents.transpose("condition", "time", "component"),
    )


def test_as_many_components_as_foretell_held_out_data():
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(200, 3)) @ rng.normal(size=(3, 10))
    x = xr.DataArray(shared + 0.5 * rng.normal(size=(200, 10)), dims=("trial", "unit"))
    result = latents(x, method="fa", n_components="auto", candidates=range(1, 6))
    assert result.sizes["component"] == 3
    assert result.choice_score.sizes["n_components"] == 5
    xr.testing.assert_allclose(result.latents, latents(x, method="fa").latents)
    with pytest.raises(DesignError, match="no option 'candidate'; did you mean 'candidates'"):
        latents(x, n_components="auto", candidate=[1])
    with pytest.raises(DesignError, match=r"no option 'candidates'\. Its options: none"):
        latents(x, candidates=[1])


@pytest.mark.parametrize("method", [name for name in REDUCERS if name != "gpfa"])
def test_silent_units_whole_numbers_and_short_floats_are_allowed(method):
    there(method)
    x, _ = world(method)
    silent = (x * 20).astype(np.int16) * (np.arange(x.sizes["unit"]) != 2)
    result = run(method, silent)
    assert np.isfinite(result.latents).all()
    if method != "cebra":
        np.testing.assert_allclose(result.loadings[:, 2], 0, atol=1e-6)
    xr.testing.assert_identical(run(method, silent.astype(np.float32)), result)


@pytest.mark.parametrize("method", ["pca", "fa", "ica", "nmf"])
def test_more_units_than_samples_are_allowed_and_one_sample_is_not(method):
    x = np.exp(0.3 * samples(12, 40))
    assert np.isfinite(run(method, x).latents).all()
    with pytest.raises(DesignError, match="1 samples of 40 units have at most 0 components"):
        run(method, x[:1])


def test_blank_trials_do_not_make_components():
    x = samples(40).rename(stimulus="trial").assign_coords(blank=("trial", np.arange(40) < 10))
    assert latents(x).sizes["trial"] == 30


def test_each_refusal_of_latents_says_what_is_wrong():
    x = samples()
    for sentence, array, keywords in [
        ("knows the methods pca, fa, ica, nmf, dpca, gpfa, tca, cebra; got 'umap'", x, {"method": "umap"}),
        ("40 samples of 6 units have at most 6 components; got n_components=7", x, {"n_components": 7}),
        ("3 samples of 6 units have at most 2 components; got n_components=3", x.isel(stimulus=slice(3)), {}),
        ("cannot read NaN: 6 of 240 values", x.where(x.stimulus > 0), {}),
        ("has no option 'max_itre'; did you mean 'max_iter'", x, {"method": "ica", "max_itre": 9}),
        ("a whole number as n_components, or 'auto'; got 2.5", x, {"n_components": 2.5}),
        ("a whole number as n_components, or 'auto'; got 'many'", x, {"n_components": "many"}),
        ("each of the 6 units answers the same to all 40 samples", x * 0, {}),
    ]:
        with pytest.raises(DesignError, match=sentence):
            latents(array, **keywords)
    with pytest.raises(DimensionError, match="exactly one of the dims unit, feature, component"):
        latents(x.rename(unit="cell"))


# independent and non-negative sources


def mixtures(n_samples=3000, seed=0):
    rng = np.random.default_rng(seed)
    sources = np.stack([rng.laplace(size=n_samples), rng.uniform(-1, 1, n_samples), rng.exponential(size=n_samples)])
    x = sources.T @ (rng.normal(size=(3, 8)) + 1) + 0.01 * rng.normal(size=(n_samples, 8))
    return xr.DataArray(x, dims=("time", "unit")), sources


def test_independent_components_are_the_sources_that_were_mixed_and_principal_ones_are_not():
    x, sources = mixtures()
    found = {}
    for method in ("ica", "pca"):
        found[method] = np.abs(np.corrcoef(latents(x, method=method).latents.T, sources)[:3, 3:])
    assert (found["ica"].max(axis=0) > 0.99).all()
    assert (np.sort(found["ica"], axis=0)[:2] < 0.1).all()
    assert found["pca"].max(axis=0).min() < 0.9


def test_independent_components_are_scikit_learns_and_span_what_principal_ones_span():
    x, _ = mixtures(500)
    result = latents(x, method="ica", seed=1)
    peer = FastICA(3, whiten="unit-variance", random_state=1, tol=1e-6, max_iter=1000).fit(x.values)
    cosine = np.abs(np.corrcoef(result.latents.T, peer.transform(x.values).T)[:3, 3:])
    np.testing.assert_allclose(np.sort(cosine, axis=0)[-1], 1, atol=1e-6)
    np.testing.assert_allclose(result.latents.var("time"), 1, rtol=1e-8)
    assert result.explained_variance.sum() == pytest.approx(latents(x).explained_variance.sum().item(), rel=1e-8)


def test_non_negative_parts_are_the_parts_that_were_added():
    rng = np.random.default_rng(0)
    parts = np.zeros((3, 12))
    for k in range(3):
        parts[k, 4 * k : 4 * k + 4] = rng.uniform(0.5, 1, 4)
    weights = rng.exponential(size=(200, 3)) * (rng.uniform(size=(200, 3)) < 0.6)
    x = xr.DataArray(weights @ parts, dims=("trial", "unit"))
    result = latents(x, method="nmf")
    cosine = result.loadings.values @ (parts / np.linalg.norm(parts, axis=1, keepdims=True)).T
    assert (result.loadings >= 0).all()
    assert (result.latents >= 0).all()
    assert (cosine.max(axis=0) > 0.999).all()
    np.testing.assert_allclose(result.latents @ result.loadings, x, atol=0.02)
    assert result.explained_variance.sum() == pytest.approx(1, abs=1e-4)


def test_shares_of_non_negative_parts_add_up_to_what_scikit_learn_rebuilds():
    x = world("nmf")[0]
    result = latents(x, method="nmf", n_components=2, tol=1e-8)
    peer = NMF(2, init="nndsvda", tol=1e-8, max_iter=2000)
    rebuilt = peer.fit_transform(x.values) @ peer.components_
    np.testing.assert_allclose(result.latents @ result.loadings, rebuilt, rtol=1e-6)
    left = np.sum((x.values - rebuilt) ** 2) / np.sum(x.values**2)
    assert result.explained_variance.sum() == pytest.approx(1 - left, abs=1e-5)


def test_non_negative_parts_refuse_negative_values_and_say_what_to_give():
    with pytest.raises(DesignError, match=r"needs values of 0 or more; [0-9]+ of 240 are negative.*bin_spikes"):
        latents(samples(), method="nmf")


@pytest.mark.parametrize(("method", "x"), [("ica", mixtures(200)[0]), ("nmf", world("nmf")[0])])
def test_a_search_that_has_not_ended_warns(method, x):
    with pytest.warns(UserWarning, match=rf"latents\(method='{method}'\) had not settled after max_iter=2 steps"):
        latents(x, method=method, max_iter=2)


# models of held-out data


@pytest.mark.parametrize("fit", [fit_pca, fit_fa])
def test_log_likelihoods_are_those_of_the_gaussian_that_is_stated(fit):
    x = samples(300).values
    model = fit(x[:200], 2)
    expected = stats.multivariate_normal(model.mean, model.covariance).logpdf(x[200:])
    np.testing.assert_allclose(model.loglikelihood(x[200:]), expected, rtol=1e-8)


def test_log_likelihoods_are_scikit_learns():
    x = samples(300).values
    peer = PCA(2, svd_solver="full").fit(x[:200])
    # scikit-learn divides variances by n - 1, the maximum of the likelihood is at n
    np.testing.assert_allclose(fit_pca(x[:200], 2).covariance, peer.get_covariance() * 199 / 200, rtol=1e-8)
    factors = FactorAnalysis(2, svd_method="lapack", tol=1e-6, max_iter=20000).fit(x[:200])
    assert fit_fa(x[:200], 2).loglikelihood(x[200:]).mean() == pytest.approx(factors.score(x[200:]), abs=0.02)


def test_units_are_predicted_from_others_as_a_gaussian_is_conditioned():
    x = samples(200).values
    model = fit_fa(x, 3)
    given, wanted = np.array([0, 2, 3, 5]), np.array([1, 4])
    c = model.covariance
    slope = c[np.ix_(wanted, given)] @ np.linalg.inv(c[np.ix_(given, given)])
    expected = (x[:, given] - model.mean[given]) @ slope.T + model.mean[wanted]
    hidden = x.copy()
    hidden[:, wanted] = np.nan
    np.testing.assert_allclose(model.predict(hidden, given, wanted), expected, rtol=1e-8)


# the page


PAGE = (ROOT / "docs" / "latents.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("method", REDUCERS)
def test_the_page_names_every_method_and_all_its_options(method):
    use, back = [row.split("|")[2:-1] for row in PAGE.splitlines() if row.startswith(f"| `{method}` |")]
    assert len(use) == 4
    parameters = signature(REDUCERS[method]).parameters.values()
    assert re.findall("`(.*?)`", back[1]) == [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
