"""Scores are those of scikit-learn, pooled over folds by rules that are said, with intervals that cover."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import pearsonr
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.decoding.accuracy import accuracy_interval
from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.linear.discriminant import LeastSquaresLDA
from neurodata4ml.errors import DesignError


def trials(n_trials=100, n_units=8, n_classes=2, signal=0.5, seed=0, n_times=0):
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(n_trials) % n_classes)
    means = signal * rng.normal(size=(n_classes, n_units))
    values = means[side] + rng.normal(size=(max(n_times, 1), n_trials, n_units))
    x = xr.DataArray(values, dims=("time", "trial", "unit"), coords={"side": ("trial", side)})
    return x if n_times else x.isel(time=0)


def graded(n_trials=120, seed=0, noise=1.0):
    rng = np.random.default_rng(seed)
    speed = rng.uniform(0, 30, size=n_trials)
    values = np.outer(speed / 10, rng.normal(size=6)) + noise * rng.normal(size=(n_trials, 6))
    x = xr.DataArray(values, dims=("trial", "unit"), coords={"speed": ("trial", speed)})
    x.speed.attrs["units"] = "cm/s"
    return x


def pairwise_auc(evidence, positive):
    """Count pairs one by one, ties half: the share of rightly ordered pairs, and their number."""
    differences = evidence[positive][:, None] - evidence[~positive][None]
    return np.sum(differences > 0) + 0.5 * np.sum(differences == 0), differences.size


def test_auc_of_two_classes_is_the_share_of_ordered_pairs_inside_folds():
    x = trials(90)
    X, y = x.values, x.side.values
    right = pairs = 0.0
    each = []
    for train, test in splits(x, target="side").split():
        fitted = make_pipeline(StandardScaler(), LeastSquaresLDA()).fit(X[train], y[train])
        evidence = fitted.decision_function(X[test])
        ordered, n = pairwise_auc(evidence, y[test] == 1)
        right, pairs = right + ordered, pairs + n
        each.append(roc_auc_score(y[test], evidence))
    result = decode(x, "side", scoring="auc", n_shuffles=19)
    assert result.score == pytest.approx(right / pairs)
    assert result.score_fold.values == pytest.approx(each)
    assert result.low < result.score < result.high
    assert result.p_value == 0.05
    assert abs(result.chance - 0.5) < 0.1


def test_auc_of_many_classes_equals_scikit_learns_one_against_the_rest():
    x = trials(120, n_classes=3)
    X, y = x.values, x.side.values
    every = KFold(5)
    lda, logistic = [], []
    for train, test in every.split(X):
        scale = StandardScaler().fit(X[train])
        strength = LeastSquaresLDA().fit(scale.transform(X[train]), y[train]).shrinkage_
        for found, estimator in (
            (lda, LinearDiscriminantAnalysis(solver="lsqr", shrinkage=strength, priors=np.full(3, 1 / 3))),
            (logistic, LogisticRegression(class_weight="balanced", max_iter=1000)),
        ):
            p = estimator.fit(scale.transform(X[train]), y[train]).predict_proba(scale.transform(X[test]))
            found.append(roc_auc_score(y[test], p, multi_class="ovr", average="macro"))
    for name, peer in (("lda", lda), ("logistic", logistic)):
        result = decode(x, "side", decoder=name, scoring="auc", folds=every, n_shuffles=0)
        assert result.score_fold.values == pytest.approx(peer)


def test_the_interval_of_auc_is_the_jackknife_made_by_hand():
    x = trials(60, seed=2)
    X, y = x.values, x.side.values
    folds = splits(x, target="side")
    evidence = np.empty(60)
    for train, test in folds.split():
        evidence[test] = (
            make_pipeline(StandardScaler(), LeastSquaresLDA()).fit(X[train], y[train]).decision_function(X[test])
        )
    groups = np.arange(60) * 20 // 60

    def score(keep):
        counted = [pairwise_auc(evidence[(folds.fold == k) & keep], y[(folds.fold == k) & keep] == 1) for k in range(5)]
        return sum(right for right, _ in counted) / sum(pairs for _, pairs in counted)

    left_out = np.array([score(groups != g) for g in range(20)])
    error = np.sqrt(19 / 20 * np.sum((left_out - left_out.mean()) ** 2)) * np.sqrt(1.25)
    result = decode(x, "side", scoring="auc", n_shuffles=0)
    width = 2.0930240544 * error  # t(19) at 97.5 %
    assert float(result.low) == pytest.approx(float(result.score) - width)
    assert float(result.high) == pytest.approx(min(float(result.score) + width, 1))


def test_the_interval_of_a_balanced_accuracy_is_that_of_accuracy_interval_also_over_time():
    x = trials(150, n_classes=3, n_times=3).assign_coords(block=("trial", np.repeat(np.arange(15), 10)))
    x = x.assign_coords(trial=np.arange(150))
    over = decode(x, "side", over="time", n_shuffles=0)
    assert over.attrs["groups"] == "block"
    for t in range(3):
        alone = decode(x.isel(time=t), "side", n_shuffles=0)
        peer = accuracy_interval(alone, x.isel(time=t), target="side")
        for bound in ("low", "high"):
            assert alone[bound] == pytest.approx(peer[bound].item())
            assert over[bound][t] == pytest.approx(peer[bound].item())


def test_perfect_reading_of_sixty_trials_is_not_certain():
    # Wilson 1927 at 60 of 60: n / (n + z^2)
    result = decode(trials(60, signal=20.0), "side", n_shuffles=0)
    assert result.score == 1
    assert result.low == pytest.approx(60 / (60 + 1.959964**2), abs=1e-6)


def test_accuracy_is_allowed_and_says_that_a_frequent_class_earns_it():
    rng = np.random.default_rng(0)
    side = rng.permutation(np.repeat([0, 1], [160, 40]))
    x = xr.DataArray(rng.normal(size=(200, 5)), dims=("trial", "unit"), coords={"side": ("trial", side)})
    result = decode(x, "side", scoring="accuracy", n_shuffles=0)
    assert result.score == np.mean(result.prediction.values == side)
    assert "naming it always gives 0.80; compare with balanced_accuracy" in result.attrs["notes"]
    assert "frequent" not in decode(trials(), "side", scoring="accuracy", n_shuffles=0).attrs["notes"]


def test_the_training_mean_earns_an_r2_of_nothing():
    result = decode(graded(), "speed", decoder=DummyRegressor(), n_shuffles=0)
    assert result.score == pytest.approx(0, abs=1e-12)


def test_r_is_the_correlation_inside_folds():
    x = graded(100)
    result = decode(x, "speed", decoder="ridge", scoring="r", n_shuffles=59)
    fold, said, true = splits(x, target="speed").fold, result.prediction.values.copy(), x.speed.values.copy()
    for k in range(5):
        assert result.score_fold[k] == pytest.approx(pearsonr(said[fold == k], true[fold == k]).statistic)
        said[fold == k] -= said[fold == k].mean()
        true[fold == k] -= true[fold == k].mean()
    assert result.score == pytest.approx(np.sum(said * true) / np.sqrt(np.sum(said**2) * np.sum(true**2)))
    assert result.low < result.score < result.high
    assert result.p_value == result.attrs["smallest_p"]


def test_a_median_error_is_in_the_units_of_the_target_and_small_is_good():
    x = graded(100, noise=0.3)
    result = decode(x, "speed", decoder="ridge", scoring="median_error", n_shuffles=59)
    assert result.score == pytest.approx(np.median(np.abs(x.speed - result.prediction)))
    assert result.score.attrs["units"] == "cm/s"
    assert result.score < result.chance
    assert result.p_value == result.attrs["smallest_p"]
    assert result.p_value.attrs["units"] == "1"
    assert result.low < result.score < result.high


def test_scorers_of_scikit_learn_are_taken_by_name():
    x = trials(90, n_classes=3)
    result = decode(x, "side", scoring="f1_macro", n_shuffles=9)
    assert result.score == pytest.approx(f1_score(x.side, result.prediction, average="macro"))
    assert result.attrs["scoring"] == "f1_macro"
    error = decode(graded(), "speed", decoder="ridge", scoring="neg_mean_absolute_error", n_shuffles=59)
    assert error.score == pytest.approx(-np.mean(np.abs(error.prediction - error.speed)))
    assert error.p_value == error.attrs["smallest_p"]


def test_over_time_p_is_corrected_as_asked():
    x = trials(80, n_times=6, signal=0.0, seed=2)
    x[3:5] += 2.0 * x.side
    found = {c: decode(x, "side", over="time", n_shuffles=39, correction=c) for c in ("max-t", "cluster", "none")}
    for name in ("max-t", "cluster"):
        assert (found[name].p_value_corrected <= 0.05).values.tolist() == [False] * 3 + [True] * 2 + [False]
    assert "p_value_corrected" not in found["none"]
    with pytest.raises(DesignError, match="knows the corrections max-t, cluster and none; got 'bonferroni'"):
        decode(x, "side", over="time", correction="bonferroni")


def test_folds_dealt_several_times_are_averaged_and_each_is_told():
    stimulus = np.repeat(np.arange(20), 6)
    rng = np.random.default_rng(0)
    means = rng.normal(size=(20, 6)) + np.where(np.arange(20) % 2, 1.0, 0.0)[:, None]
    x = xr.DataArray(
        means[stimulus] + rng.normal(size=(120, 6)),
        dims=("trial", "unit"),
        coords={"stimulus": ("trial", stimulus), "kind": ("trial", stimulus % 2)},
    )
    deals = [splits(x, over="stimulus", target="kind", n_folds=5, seed=seed) for seed in range(3)]
    result = decode(x, "kind", folds=deals, n_shuffles=9)
    alone = [decode(x, "kind", folds=one, n_shuffles=9) for one in deals]
    assert result.score_repeat.values == pytest.approx([one.score.item() for one in alone])
    assert result.score == pytest.approx(result.score_repeat.mean().item())
    np.testing.assert_allclose(result.null, np.mean([one.null.values for one in alone], axis=0))


@pytest.mark.parametrize(
    ("x", "keywords", "sentence"),
    [
        (trials(), {"scoring": "f1_makro"}, "knows the scores balanced_accuracy, auc, accuracy for classes, .*'f1_mak"),
        (trials(), {"scoring": "neg_log_loss"}, "'neg_log_loss' needs probabilities, which not every decoder has"),
        (
            graded(),
            {"scoring": "auc", "decoder": "ridge"},
            "scoring='auc' is not for continuous targets; use r2, r, me",
        ),
    ],
)
def test_a_score_that_does_not_fit_is_refused(x, keywords, sentence):
    with pytest.raises(DesignError, match=sentence):
        decode(x, "speed" if "speed" in x.coords else "side", n_shuffles=0, **keywords)


def test_a_decoder_that_only_predicts_has_no_auc():
    from sklearn.neighbors import NearestCentroid

    class Plain(NearestCentroid):
        decision_function = predict_proba = None

        def __getattribute__(self, name):
            if name in ("decision_function", "predict_proba"):
                raise AttributeError(name)
            return super().__getattribute__(name)

    with pytest.raises(DesignError, match=r'Plain gives none\. Use scoring="balanced_accuracy"'):
        decode(trials(), "side", decoder=Plain(), scoring="auc", n_shuffles=0)
