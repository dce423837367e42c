"""Encoding asks about stimuli that no model has seen; what is learnt, held out and scored is said."""

import warnings

import numpy as np
import pytest
import xarray as xr
from encoding_worlds import features, means, trials
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, GroupShuffleSplit, KFold, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.design.folds import Folds
from neurodata4ml.analysis.encoding.encode import ENCODERS, encode
from neurodata4ml.errors import DesignError, DimensionError


def test_trials_of_one_image_on_both_sides_reward_memory_and_whole_images_do_not():
    # statistics.md, section 0: r = .655 where trials are split, -.001 where images are
    x = features(118, 512)
    y = trials(x, 20, 10, gain=0.0, noise=0.0)
    rng = np.random.default_rng(0)
    own = rng.standard_normal((118, 20))
    y.values[:] = own[y.stimulus.values // 3] + rng.standard_normal(y.shape)
    fold = np.arange(y.sizes["trial"]) % 5
    with pytest.warns(UserWarning, match="lie in another fold"):
        leaky = encode(y, x, folds=fold, allow_leak="shows what it does", alphas=[100.0])
    assert leaky.r.median() > 0.55
    assert leaky.attrs["leak"] == "shows what it does"
    honest = encode(y, x, alphas=[100.0])
    assert abs(honest.r_fold.mean()) < 0.05
    assert honest.attrs["split"] == "stimulus"


def test_the_same_image_on_both_sides_is_refused():
    x = features()
    y = trials(x)
    with pytest.raises(DesignError, match="both learnt from and tested"):
        encode(y, x, folds=KFold(5, shuffle=True, random_state=0))
    with pytest.raises(DesignError, match="splits have trials of the same stimulus in training and test"):
        encode(y, x, folds=ShuffleSplit(3, random_state=0))


def test_it_equals_scikit_learn_on_stimulus_means():
    x = features()
    y = means(trials(x))
    fold = np.arange(40) % 4
    found = encode(y, x, alphas=[3.0], folds=fold, prediction=True, scores=["r", "r2"])
    values = np.empty(y.shape)
    for k in range(4):
        model = make_pipeline(StandardScaler(), Ridge(3.0)).fit(x.values[fold != k], y.values[fold != k])
        values[fold == k] = model.predict(x.values[fold == k])
    np.testing.assert_allclose(found.prediction, values, atol=1e-10)
    assert found.prediction.dims == ("stimulus", "unit")
    np.testing.assert_array_equal(found.prediction.stimulus, y.stimulus)
    expected = [np.corrcoef(values[fold == 1][:, u], y.values[fold == 1][:, u])[0, 1] for u in range(5)]
    np.testing.assert_allclose(found.r_fold.sel(fold=1), expected, atol=1e-10)


def test_means_weighted_by_trials_are_the_fit_to_trials():
    x = features()
    y = trials(x, n_repeats=5).isel(trial=slice(0, 130))
    x = x.sel(stimulus=np.unique(y.stimulus))
    found = encode(y, x, alphas=[2.0], prediction=True)
    repeats = y.sizes["trial"] / len(np.unique(y.stimulus))
    stimulus = found.stimulus.values
    values = np.full(found.prediction.shape, np.nan)
    folds = encode_folds(y, x)
    at = np.searchsorted(x.stimulus.values, y.stimulus.values)
    for k in np.unique(folds):
        learnt = np.isin(y.stimulus.values, stimulus[folds != k])
        model = make_pipeline(StandardScaler(), Ridge(2.0 * repeats)).fit(x.values[at[learnt]], y.values[learnt])
        values[folds == k] = model.predict(x.sel(stimulus=stimulus[folds == k]).values)
    np.testing.assert_allclose(found.prediction, values, atol=1e-9)
    assert "as often as it has trials" in found.attrs["fitted_to"]
    assert encode(y, x, weigh="equal").attrs["fitted_to"] == "mean responses, all alike"


def encode_folds(y, x):
    """Ask which fold tests each stimulus, in the order of rows."""
    from neurodata4ml.analysis.encoding.folding import Wish
    from neurodata4ml.analysis.encoding.question import ask

    question = ask(y, x, Wish(), weigh="trials")
    fold = np.empty(len(question.labels), dtype=int)
    for k, (_, test) in enumerate(question.folds):
        fold[test] = k
    return fold


def test_features_are_found_by_label_not_by_place():
    x = features()
    y = trials(x)
    plain, turned = encode(y, x), encode(y, x.isel(stimulus=slice(None, None, -1)))
    np.testing.assert_array_equal(plain.r, turned.r)
    named = x.assign_coords(stimulus=x.stimulus + 1)
    with pytest.raises(DimensionError, match="matches stimulus labels, and 80 have no partner"):
        encode(y, named)


def test_layers_are_scored_each_alone_and_carry_their_names():
    x = {"early": features(), "late": features(seed=3, p=70)}
    y = trials(x["early"])
    found = encode(y, x)
    assert found.r.dims == ("layer", "unit")
    for name, layer in x.items():
        np.testing.assert_array_equal(found.r.sel(layer=name), encode(y, layer).r)
    assert found.r.sel(layer="early").median() > 0.8 > found.r.sel(layer="late").median()


def test_banded_ridge_says_which_layer_explains_what():
    x = {"signal": features(60, 4), "noise": features(60, 30, seed=3)}
    own = {"encoder": "banded", "n_iter": 12, "alphas": np.logspace(-3, 3, 7)}
    found = encode(trials(x["signal"]), x, **own)
    np.testing.assert_allclose(found.share.sum("layer"), found.r2, atol=1e-10)
    assert (found.unique.sel(layer="signal") > 0.3).all()
    assert (abs(found.unique.sel(layer="noise")) < 0.1).all()
    xr.testing.assert_allclose(found.unique, (found.r2 - found.without).transpose("layer", "unit"))
    np.testing.assert_allclose(found.weight.sum("layer"), 1.0)
    alone = encode(trials(x["signal"]), {"signal": x["signal"]}, **own)
    np.testing.assert_allclose(alone.r2, found.without.sel(layer="noise"), atol=1e-10)


def test_r2_adds_up_to_what_is_explained_against_the_training_mean():
    x = features()
    y = means(trials(x))
    found = encode(y, x, prediction=True)
    folds = encode_folds(y, x)
    reference = np.stack([y.values[folds != k].mean(axis=0) for k in folds])
    left = ((y.values - found.prediction.values) ** 2).sum(0) / ((y.values - reference) ** 2).sum(0)
    np.testing.assert_allclose(found.r2, 1 - left, atol=1e-10)


def test_random_splits_are_judged_each_by_itself():
    x = features()
    y = trials(x)
    found = encode(y, x, folds=GroupShuffleSplit(6, test_size=0.3, random_state=0))
    assert found.sizes["fold"] == 6
    np.testing.assert_allclose(found.r, found.r_fold.mean("fold"))
    assert "averaged over 6 dealings" in found.attrs["aggregation"]


def test_folds_dealt_several_times_are_averaged():
    x = features()
    y = trials(x)
    several = [np.array([(s // 3 * k) % 5 for s in y.stimulus.values]) for k in (1, 2)]
    single = [encode(y, x, folds=Folds(fold, "given")).r for fold in several]
    both = encode(y, x, folds=[Folds(fold, "given") for fold in several])
    np.testing.assert_allclose(both.r, (single[0] + single[1]) / 2)


def test_a_splitter_that_knows_groups_gets_the_stimuli():
    x = features()
    y = trials(x)
    found = encode(y, x, folds=GroupKFold(4))
    assert found.attrs["split"] == "given"


def test_classes_can_be_shared_out_over_folds():
    x = features()
    y = trials(x)
    kind = (y.stimulus.values // 3) % 2
    found = encode(y.assign_coords(kind=("trial", kind)), x, stratify="kind", alphas=[1.0])
    assert found.r.median() > 0.8


def test_a_movie_is_held_out_in_stretches_with_a_gap():
    rng = np.random.default_rng(0)
    time = np.arange(400) * 0.1
    x = xr.DataArray(rng.standard_normal((400, 3)), dims=("time", "feature"), coords={"time": time})
    y = xr.DataArray(x.values + rng.standard_normal((400, 3)), dims=("time", "unit"), coords={"time": time})
    found = encode(y.assign_attrs(bin_width=0.1), x)
    assert found.attrs["split"] == "contiguous"
    assert found.attrs["purge"] >= 0.1
    assert (found.r > 0.5).all()
    reaching = encode(y.assign_attrs(bin_width=0.1), x.assign_attrs(longest_lag=1.0))
    assert reaching.attrs["purge"] == pytest.approx(found.attrs["purge"] + 1.0)


@pytest.mark.parametrize("encoder", [*ENCODERS, Ridge(10.0)])
def test_every_encoder_finds_what_is_there(encoder):
    x = features(60, 4)
    y = trials(x, noise=0.5)
    if encoder == "poisson":
        y = np.exp(0.2 * y)
    own = {"n_components": 3} if encoder == "pls" else {"n_iter": 5} if encoder == "banded" else {}
    found = encode(y, x, encoder=encoder, scores="r", **own)
    assert (found.r > 0.8).all()
    assert "encode" in found.attrs["steps"]
    assert found.attrs["dataset"] == "made"


@pytest.mark.parametrize("choose", ["folds", "leave-one-out"])
def test_each_unit_has_its_own_penalty(choose):
    x = features(60, 30)
    clear, noisy = trials(x, noise=0.01), trials(x, noise=30.0).assign_coords(unit=[f"n{i}" for i in range(5)])
    y = xr.concat([clear, noisy], dim="unit", coords="minimal", compat="override")
    alpha = encode(y, x, choose=choose).alpha
    assert alpha[:5].median() < alpha[5:].median() / 10


def test_scores_without_noise_need_trials():
    x = features()
    y = trials(x, noise=2.0, n_repeats=8)
    found = encode(y, x, scores=["r", "cc_norm"])
    assert found.cc_norm.median() > found.r.median()
    assert found.attrs["unreliable"] == int(found.cc_norm.isnull().sum())
    with pytest.raises(DesignError, match="needs single trials"):
        encode(means(y), x, scores="cc_norm")


def test_a_radial_kernel_sees_what_a_line_does_not():
    rng = np.random.default_rng(0)
    x = features(200, 2)
    values = np.cos(2 * x.values[:, :1]) + 0.1 * rng.standard_normal((200, 1))
    y = xr.DataArray(values, dims=("stimulus", "unit"), coords={"stimulus": x.stimulus})
    assert encode(y, x).r2.item() < 0.2
    found = encode(y, x, kernel="rbf", n_random=300, gamma=0.5)
    assert found.r2.item() > 0.8
    assert "300 random Fourier features" in found.attrs["form"]


def test_units_without_a_score_have_a_reason():
    x = features()
    y = means(trials(x)).copy()
    y[3, 0] = np.nan
    y[:, 1] = 2.0
    found = encode(y, x)
    assert np.isnan(found.r[:2]).all()
    assert np.isfinite(found.r[2:]).all()
    assert "1 unit holds NaN; the mean responses of 1 unit never change" in found.attrs["undefined"]


def test_features_that_never_change_predict_the_mean():
    x = features() * 0.0 + 5.0
    y = trials(features())
    found = encode(y, x, prediction=True)
    assert np.isnan(found.r).all() or (abs(found.r2) < 0.2).all()
    assert np.isfinite(found.prediction).all()


@pytest.mark.parametrize("own", [{}, {"kernel": "rbf", "n_random": 50}, {"n_random": 6}])
def test_the_seed_alone_decides(own):
    x = features()
    y = trials(x)
    first, again = encode(y, x, seed=5, n_jobs=1, **own), encode(y, x, seed=5, n_jobs=2, **own)
    xr.testing.assert_identical(first.drop_attrs(), again.drop_attrs())
    assert not np.array_equal(first.r, encode(y, x, seed=6, **own).r)


@pytest.fixture
def small_exact(monkeypatch):
    monkeypatch.setattr("neurodata4ml.analysis.encoding.random_features.LARGEST_EXACT", 100)
    monkeypatch.setattr("neurodata4ml.analysis.encoding.random_features.N_PROJECTED", 60)


def test_rows_and_features_too_many_for_an_exact_fit_are_projected_and_said_so(small_exact):
    x = features(101, 150)
    y = means(trials(x))
    with pytest.warns(
        UserWarning, match=r"101 rows and 150 features .* 101 x 101 .*60 random features.*form=\"exact\""
    ):
        found = encode(y, x)
    assert found.attrs["form"].startswith(
        "random: primal after sparse random projection (density 1/3, seed 0) of p = 150"
    )
    assert "z-scored over all rows" in found.attrs["standardised"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        xr.testing.assert_identical(encode(y, x, form="random").drop_attrs(), found.drop_attrs())
        for form, taken in (("exact", "dual"), ("primal", "primal"), ("dual", "dual")):
            assert encode(y, x, form=form).attrs["form"] == taken
        assert encode(y[:100], x[:100]).attrs["form"] == "dual", "100 rows fit"
        assert encode(y, x[:, :100]).attrs["form"] == "primal", "100 features fit"


def test_each_layer_has_its_form(small_exact):
    x = features(101, 150)
    with pytest.warns(UserWarning, match="which is approximate"):
        found = encode(means(trials(x)), {"few": x[:, :5], "many": x})
    assert found.attrs["form"].startswith("few: primal; many: random: primal after")
    assert "few: features are z-scored in the training rows" in found.attrs["standardised"]


@pytest.mark.parametrize("standardise", [True, False])
def test_random_features_approach_the_exact_fit(standardise):
    x = features(40, 3000) * np.linspace(0.1, 3, 3000) + 7.0
    x[:, 5] = 2.0
    y, own = means(trials(x, noise=0.1)), {"standardise": standardise, "prediction": True, "alphas": [300.0]}
    exact = encode(y, x, **own).prediction
    off = [float(abs(encode(y, x, n_random=n, **own).prediction - exact).mean()) for n in (20, 2000)]
    assert off[1] < off[0] / 4, "errors fall with the root of the number"
    assert off[1] < 0.1 * float(exact.std())


def test_a_random_form_tries_the_penalties_of_the_exact_one():
    x = features(60, 200)
    y = means(trials(x))
    assert encode(y, x, n_random=30).attrs["alphas"] == encode(y, x).attrs["alphas"]


def test_fewer_features_than_random_ones_stay_exact():
    x = features()
    found = encode(means(trials(x)), x, form="random")
    assert found.attrs["form"] == "primal"


@pytest.mark.parametrize("own", [{"n_random": 6}, {"kernel": "rbf"}])
def test_an_exact_form_refuses_random_features(own):
    x = features()
    with pytest.raises(DesignError, match=r'form="exact" takes no random features, and .* asks for them'):
        encode(means(trials(x)), x, form="exact", **own)


def test_a_random_projection_keeps_distances_within_what_it_says():
    from neurodata4ml.analysis.encoding.random_features import projected
    from neurodata4ml.sparse_projection import Projection

    x = np.random.default_rng(0).standard_normal((30, 5000))
    projection = Projection(600, 30, 0)
    near = projected(x, projection, "layer", standardise=False)
    i, j = np.triu_indices(30, 1)
    ratio = ((near[i] - near[j]) ** 2).sum(1) / ((x[i] - x[j]) ** 2).sum(1)
    assert abs(ratio - 1).max() < projection.distortion
    assert abs(ratio.mean() - 1) < 0.05


@pytest.mark.parametrize("options", [{"alphas": [10.0]}, {"alphas": [1000.0]}, {"encoder": "pls", "n_components": 2}])
def test_predictions_of_nothing_do_not_correlate_where_folds_test_one_stimulus(options):
    # pooled as they are, these correlate by -0.2, -0.98 and -0.2
    rng = np.random.default_rng(0)
    x = features(20, 5)
    y = xr.DataArray(rng.standard_normal((20, 1000)), dims=("stimulus", "unit"), coords={"stimulus": x.stimulus})
    found = encode(y, x, n_folds=20, **options)
    assert abs(found.r.mean()) < 0.12
    assert "less the mean of training" in found.attrs["aggregation"]


def test_predictions_that_follow_the_signal_still_do_where_folds_test_one_stimulus():
    x = features(30, 3)
    y = means(trials(x, noise=0.1))
    one, five = (encode(y, x, n_folds=n, alphas=[1000.0]).r for n in (30, 5))
    np.testing.assert_allclose(one, five, atol=0.1)


def test_a_unit_that_a_fold_cannot_predict_has_no_correlation():
    x = features(8, 3)
    values = np.abs(np.random.default_rng(0).standard_normal((8, 2)))
    values[:4, 0] = 0.0
    y = xr.DataArray(values, dims=("stimulus", "unit"), coords={"stimulus": x.stimulus})
    folds = [(np.arange(4), np.arange(4, 8)), (np.arange(4, 8), np.arange(4))]
    found = encode(y, x, encoder="poisson", alphas=[1.0], folds=folds)
    assert np.isnan(found.r[0])
    assert np.isnan(found.r2[0])
    assert np.isfinite(found.r[1])
    assert "no prediction in some fold" in found.attrs["undefined"]


def test_folds_that_cannot_tell_the_noise_have_no_ratio_and_all_of_them_have():
    x = features(8, 3)
    y = trials(x, n_repeats=4, noise=0.1)
    few = y.isel(trial=np.concatenate([np.flatnonzero(y.stimulus == s)[: 1 if s < 9 else 4] for s in x.stimulus]))
    pairs = [(few.stimulus.values >= 9, few.stimulus.values < 9), (few.stimulus.values < 9, few.stimulus.values >= 9)]
    folds = [(np.flatnonzero(a), np.flatnonzero(b)) for a, b in pairs]
    for found in (encode(few, x, scores="cc_norm", folds=folds), encode(y, x, scores="cc_norm", n_folds=8)):
        assert np.isnan(found.cc_norm_fold[:, 0]).all()
        assert np.isfinite(found.cc_norm).any()


@pytest.mark.parametrize("scale", [1e90, 1e-90])
def test_scores_mind_no_unit(scale):
    x, names = features(), ("r", "r2", "cc_norm", "r2_er", "r_ceiled", "r2_ceiled")
    y = trials(x)
    one, other = (encode(values, x, scores=names) for values in (y, y * scale))
    for name in names:
        np.testing.assert_allclose(other[name], one[name], rtol=1e-6)
