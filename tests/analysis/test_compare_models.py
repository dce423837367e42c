"""Models beside several subjects: estimates as rsatoolbox's, intervals over stimuli and subjects, paired ceilings."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from neurodata4ml.analysis.comparison.compare_models import compare_models
from neurodata4ml.analysis.comparison.explain import explain
from neurodata4ml.analysis.comparison.subject_draws import pair_covariances, sample
from neurodata4ml.analysis.comparison.subjects import METRICS_OF_SUBJECTS
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.inference.p_values import holm
from neurodata4ml.errors import DesignError, DimensionError

N = 16
RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(N, 12))
PAIRS = np.triu_indices(N, 1)


def make(values, dim="unit"):
    means = xr.DataArray(values, dims=("stimulus", dim), coords={"stimulus": [f"s{k:02}" for k in range(len(values))]})
    return rdm(means, distance="euclidean")


MICE = {f"mouse{k}": make(TRUTH + 0.7 * RNG.normal(size=TRUTH.shape)) for k in range(7)}
MODELS = {
    "truth": make(TRUTH),
    "half": make(TRUTH + 1.5 * RNG.normal(size=TRUTH.shape)),
    "copy": make(TRUTH),
    "other": make(RNG.normal(size=TRUTH.shape)),
}
FOUND = compare_models(MICE, MODELS, n_resamples=200)


OVER = {
    "both": FOUND,
    "stimulus": compare_models(MICE, MODELS, over="stimulus", n_resamples=100),
    "subject": compare_models(MICE, MODELS, over=["subject"], n_resamples=100),
}


def pairs(rdms):
    return np.stack([one.values[PAIRS] for one in rdms.values()])


@pytest.mark.parametrize("metric", METRICS_OF_SUBJECTS)
def test_similarities_and_ceilings_are_those_of_rsatoolbox(metric):
    pytest.importorskip("rsatoolbox")
    from rsatoolbox.inference import eval_fixed
    from rsatoolbox.model import ModelFixed
    from rsatoolbox.rdm import RDMs

    method = {"rsa_pearson": "corr", "rsa_cosine": "cosine", "rsa_spearman": "spearman"}[metric]
    models = [ModelFixed(name, RDMs(row[None])) for name, row in zip(MODELS, pairs(MODELS), strict=True)]
    theirs = eval_fixed(models, RDMs(pairs(MICE)), method=method)
    found = compare_models(MICE, MODELS, metric=metric, n_resamples=20)
    np.testing.assert_allclose(found.similarity, theirs.evaluations.mean(axis=(0, 2)), atol=1e-12)
    np.testing.assert_allclose([found.lower, found.upper], theirs.noise_ceiling, atol=1e-12)


def test_each_interval_is_over_what_it_says():
    widths = {over: np.ptp([one.low, one.high], axis=0) for over, one in OVER.items()}
    assert (widths["both"] >= np.maximum(widths["stimulus"], widths["subject"]) * 0.8).all()
    assert OVER["both"].attrs["over"] == "stimulus, subject"
    assert "these 7 subjects are fixed" in OVER["stimulus"].attrs["assumed"]
    assert "these 16 stimuli are fixed" in OVER["subject"].attrs["assumed"]
    for one in OVER.values():
        np.testing.assert_allclose(one.similarity, FOUND.similarity)


def test_over_subjects_alone_it_is_the_t_test_over_subjects():
    each = np.array([[np.corrcoef(one, model)[0, 1] for model in pairs(MODELS)] for one in pairs(MICE)])
    many = compare_models(MICE, MODELS, over="subject", n_resamples=4000)
    np.testing.assert_allclose(many.se, each.std(axis=0, ddof=1) / np.sqrt(7), rtol=0.05)
    p = stats.ttest_rel(each[:, 1], each[:, 3]).pvalue
    assert np.log(float(many.p_difference[1, 3])) == pytest.approx(np.log(p), rel=0.1)


def test_what_is_common_to_two_models_cancels_and_a_copy_differs_by_nothing():
    assert float(FOUND.p_difference.sel(model="truth", model2="copy")) == 1.0
    gap = FOUND.sel(model="truth", model2="other")
    assert float(gap.difference) == pytest.approx(float(FOUND.similarity[0] - FOUND.similarity[3]))
    assert gap.difference_low > 0
    assert np.isnan(np.diag(FOUND.p_difference)).all()
    above = np.triu_indices(4, 1)
    np.testing.assert_allclose(FOUND.p_difference_corrected.values[above], holm(FOUND.p_difference.values[above]))
    np.testing.assert_array_equal(FOUND.p_difference_corrected, FOUND.p_difference_corrected.T)


def test_the_truth_is_not_below_the_ceiling_and_an_unrelated_model_is():
    assert FOUND.similarity.sel(model="truth") > FOUND.lower
    assert FOUND.p_ceiling_corrected.sel(model="other") < 0.01
    assert FOUND.to_ceiling_high.sel(model="other") < 0
    assert FOUND.p_null_corrected.sel(model="truth") < 0.001
    assert FOUND.p_null_corrected.sel(model="other") > 0.05
    assert FOUND.lower_low < FOUND.lower < FOUND.lower_high
    assert (FOUND.attrs["n_tests"], FOUND.attrs["n_pairs"]) == (4, 6)
    # paired: what moves similarity and ceiling alike cancels
    apart = np.hypot(FOUND.se[0], (FOUND.lower_high - FOUND.lower) / 2.45)
    assert (FOUND.to_ceiling_high - FOUND.to_ceiling)[0] / 2.45 < apart


def test_a_cosine_is_held_against_what_independent_distances_give():
    found = compare_models(MICE, MODELS, metric="rsa_cosine", n_resamples=100)
    assert (found.null_value > 0.8).all()
    assert found.p_null.sel(model="other") > 0.05
    assert found.p_null.sel(model="truth") < 0.01


def test_arrays_of_animals_meet_by_label_and_seeds_decide():
    mice = xr.concat(MICE.values(), dim="animal").assign_coords(animal=list(MICE))
    turned = {name: one.isel(stimulus=slice(None, None, -1)) for name, one in MODELS.items()}
    models = xr.concat(MODELS.values(), dim="model").assign_coords(model=list(MODELS))
    for given in (turned, models):
        found = compare_models(mice, given, n_resamples=200)
        xr.testing.assert_allclose(found.drop_attrs(), FOUND.drop_attrs())
    assert found.attrs["over"] == "stimulus, animal"
    assert found.attrs["distance"] == "euclidean"
    assert not compare_models(MICE, MODELS, n_resamples=200, seed=1).se.equals(FOUND.se)


def test_one_subject_has_an_interval_over_stimuli_and_no_ceiling():
    found = compare_models({"a": MICE["mouse0"]}, MODELS, n_resamples=50)
    assert found.attrs["over"] == "stimulus"
    assert np.isfinite(found.low).all()
    assert np.isnan([found.lower, found.upper]).all()
    assert found.p_ceiling.isnull().all()
    assert found.attrs["undefined"].startswith("There is no noise ceiling (NaN) of one subject")
    assert "this subject is fixed" in found.attrs["assumed"]
    said = " ".join(explain(found).split())
    assert "There is no noise ceiling" in said


def test_what_pairs_add_is_taken_away_from_correlations_and_not_from_cosines():
    for metric in METRICS_OF_SUBJECTS:
        drawn = sample(metric, pairs(MICE), pairs(MODELS), over=("stimulus",), n_resamples=40, seed=0)
        plain = drawn.stimuli[:, :4].var(axis=0, ddof=1) * N / (N - 1)
        assert (drawn.variance()[:4] <= plain + 1e-15).all()
        assert (drawn.variance()[:4] >= plain / 3 - 1e-15).all()
        assert np.allclose(drawn.variance()[:4], plain) == (metric == "rsa_cosine")


def test_pair_terms_common_to_subjects_are_told_from_their_own():
    rng = np.random.default_rng(1)
    common, own = pair_covariances("rsa_pearson", rng.normal(size=(30, 190)), rng.normal(size=(1, 190)))
    # independent pairs: variance 1 / n_pairs of one subject's similarity, of the mean of 30 a thirtieth
    assert own[0, 0] == pytest.approx(1 / 190 / 30, rel=0.25)
    assert abs(common[0, 0]) < 0.3 * own[0, 0]
    alike = np.repeat(rng.normal(size=(1, 190)), 3, axis=0)
    common, own = pair_covariances("rsa_pearson", alike, rng.normal(size=(1, 190)))
    assert own[0, 0] == pytest.approx(0, abs=1e-15)
    assert common[0, 0] == pytest.approx(1 / 190, rel=0.25)


def test_a_model_of_equal_distances_is_nan_with_its_reason_and_harms_no_other():
    flat = xr.ones_like(MODELS["truth"])
    found = compare_models(MICE, {**MODELS, "flat": flat}, n_resamples=200)
    assert found.attrs["undefined"] == "The similarity of flat is NaN: all its distances are equal."
    np.testing.assert_allclose(found.se[:4], FOUND.se)
    assert found.sel(model="flat").p_null.isnull()
    assert found.attrs["n_tests"] == 4
    assert "The similarity of flat is NaN" in " ".join(explain(found).split())


HOLED = MICE["mouse0"].copy()
HOLED[0, 1] = HOLED[1, 0] = np.nan
FEW = {name: one[:4, :4] for name, one in MICE.items()}


@pytest.mark.parametrize(
    ("subjects", "models", "settings", "error", "message"),
    [
        ({"a": MICE["mouse0"]}, MODELS, {"over": "subject"}, DesignError, "drawn from 2 or more; got 1 subject"),
        (MICE, MODELS, {"over": "stimuli"}, DesignError, "got over='stimuli'. Did you mean 'stimulus'"),
        (MICE, MODELS, {"over": ()}, DesignError, r"draws stimuli and subjects; got over=\(\)"),
        (MICE, MODELS, {"metric": "rsa_tau_a"}, DesignError, "Subjects are pooled for the metrics rsa_pearson"),
        (MICE, MODELS, {"correction": "max-t"}, DesignError, "Unknown correction 'max-t'. Type one of holm"),
        (MICE, {"a": MODELS["truth"][0]}, {}, DimensionError, r"takes RDMs .* Type rdm\(x\) for each"),
        (FEW, MODELS, {}, DesignError, "at least 5; got 4"),
        (MICE, {"a": MODELS["truth"][1:, 1:]}, {}, DimensionError, "1 have no partner"),
        ({**MICE, "x": HOLED}, MODELS, {}, DesignError, "1 of 120 of 'x' are NaN. Drop their stimuli"),
        ({**MICE, "x": xr.ones_like(HOLED)}, MODELS, {}, DesignError, "All distances of 'x' are equal"),
        ({"a": HOLED.drop_vars("stimulus")}, MODELS, {}, DimensionError, "matches stimuli by label, and 'a' has none"),
        (xr.concat([HOLED] * 2, "subject").assign_coords(subject=[1, 1]), MODELS, {}, DimensionError, "names repeat"),
    ],
)
def test_what_cannot_be_compared_is_refused(subjects, models, settings, error, message):
    with pytest.raises(error, match=message):
        compare_models(subjects, models, **settings)


def test_it_is_explained_with_its_ceiling_and_what_cannot_be_told_apart():
    said = " ".join(explain(FOUND).split())
    assert "16 stimuli, 7 subjects" in said
    assert "95 % intervals over stimuli and subjects" in said
    assert "cannot be told from" in said
    assert "how well the other subjects predict each one" in said
    assert "corrected by holm" in said.lower()
