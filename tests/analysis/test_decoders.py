"""Every decoder reads what is there and nothing else, and is what scikit-learn would be on the same folds."""

import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from neurodata4ml.analysis.decoding.decode import DECODERS, decode
from neurodata4ml.analysis.design.splits import splits
from neurodata4ml.analysis.linear.discriminant import LeastSquaresLDA


def classes(n_trials=60, n_units=12, n_classes=2, signal=1.0, seed=0, n_times=0):
    """Trials of Poisson counts whose rates depend on the label ``side`` by ``signal``."""
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(n_trials) % n_classes)
    rate = 3 * np.exp(signal * rng.normal(size=(n_classes, n_units)) / 2)
    counts = rng.poisson(rate[side], (max(n_times, 1), n_trials, n_units))
    x = xr.DataArray(counts, dims=("time", "trial", "unit"), coords={"side": ("trial", side)})
    return x if n_times else x.isel(time=0)


def graded(n_trials=80, n_units=10, signal=1.0, seed=0):
    """Trials of Poisson counts whose rates follow a speed between 0 and 1."""
    rng = np.random.default_rng(seed)
    speed = rng.uniform(size=n_trials)
    rate = np.exp(1.5 + signal * np.outer(speed - 0.5, rng.normal(size=n_units)))
    return xr.DataArray(rng.poisson(rate), dims=("trial", "unit"), coords={"speed": ("trial", speed)})


CONTINUOUS = [name for name, decoder in DECODERS.items() if decoder.regressor is not None]


@pytest.mark.slow
@pytest.mark.parametrize("decoder", DECODERS)
def test_every_decoder_reads_a_strong_signal_and_is_at_chance_without_one(decoder):
    strong = decode(classes(signal=3.0), "side", decoder=decoder, n_shuffles=19)
    assert strong.score > 0.9
    assert strong.p_value == 0.05
    assert strong.attrs["decoder"] == decoder
    none = decode(classes(signal=0.0), "side", decoder=decoder, n_shuffles=19)
    assert abs(none.score - 0.5) < 0.2
    assert none.p_value > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("decoder", CONTINUOUS)
def test_every_regression_reads_a_quantity_and_finds_none_in_noise(decoder):
    strong = decode(graded(160, 20, signal=3.0), "speed", decoder=decoder, n_shuffles=59)
    assert strong.score > 0.6
    assert strong.p_value == strong.attrs["smallest_p"] < 0.05
    assert strong.attrs["scoring"] == "r2"
    none = decode(graded(160, signal=0.0, seed=2), "speed", decoder=decoder, n_shuffles=59)
    assert none.score < 0.1
    assert none.p_value > 0.05
    assert "confusion" not in none


def by_hand(x, target, estimator):
    """Fit and predict fold by fold: decision values, or predictions of a regression, of each sample."""
    X, y = x.values.astype(float), x[target].values
    said = None
    for train, test in splits(x, target=target).split():
        fitted = make_pipeline(StandardScaler(), estimator).fit(X[train], y[train])
        values = (
            fitted.decision_function(X[test]) if hasattr(estimator, "decision_function") else fitted.predict(X[test])
        )
        said = np.zeros((len(y), *values.shape[1:])) if said is None else said
        said[test] = values
    return said


def decisions(x, target, decoder, **options):
    """Return the decision values that decode's own path gives for the observed labels."""
    from neurodata4ml.analysis.decoding.decoders import find_decoder, settle
    from neurodata4ml.analysis.decoding.held_out import held_out
    from neurodata4ml.analysis.decoding.options import Options
    from neurodata4ml.analysis.decoding.question import ask
    from neurodata4ml.analysis.decoding.scoring import SCORES

    question = ask(x, target, Options(n_shuffles=0), over=None)
    continuous = question.classes is None
    chosen = find_decoder(decoder, options.get("nested"), continuous=continuous, target=target)
    chosen = settle(chosen, question.truth, question.n_classes, 5, asked=False)
    out = None
    for held in held_out(question, chosen, SCORES["r2" if continuous else "auc"]):
        values = held.predicted[0, 0] if continuous else held.decision[0, 0]
        out = np.zeros((len(question.truth), *values.shape[1:])) if out is None else out
        out[held.test] = values
    return out


@pytest.mark.parametrize("n_classes", [2, 4])
def test_lda_ridge_and_logistic_equal_scikit_learn_on_the_same_folds(n_classes):
    x = classes(100, 15, n_classes, signal=0.8)
    own = by_hand(x, "side", LeastSquaresLDA())
    if n_classes == 2:
        assert np.ptp(decisions(x, "side", "lda"), axis=1) == pytest.approx(np.abs(own), abs=1e-8)
    equal = RidgeClassifier(alpha=10.0)
    ridge = decisions(x, "side", "ridge", nested=False)
    assert (ridge[:, 1] if n_classes == 2 else ridge) == pytest.approx(by_hand(x, "side", equal), abs=1e-8)
    logistic = decisions(x, "side", "logistic")
    if n_classes == 2:
        peer = by_hand(x, "side", LogisticRegression(class_weight="balanced", max_iter=1000))
        assert logistic[:, 1] - logistic[:, 0] == pytest.approx(peer, abs=1e-8)


def test_lda_equals_the_lda_of_scikit_learn_told_the_same_shrinkage():
    x = classes(120, 10, 3, signal=0.6)
    X, y = x.values.astype(float), x.side.values
    said = np.empty(120, dtype=int)
    for train, test in splits(x, target="side").split():
        scale = StandardScaler().fit(X[train])
        strength = LeastSquaresLDA().fit(scale.transform(X[train]), y[train]).shrinkage_
        peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=strength, priors=np.full(3, 1 / 3))
        said[test] = peer.fit(scale.transform(X[train]), y[train]).predict(scale.transform(X[test]))
    assert decode(x, "side", n_shuffles=0).prediction.values.tolist() == said.tolist()


def test_unequal_classes_make_ridge_weigh_them_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    side = rng.permutation(np.repeat([0, 1], [70, 30]))
    x = xr.DataArray(
        rng.normal(size=(100, 8)) + 0.5 * side[:, None], dims=("trial", "unit"), coords={"side": ("trial", side)}
    )
    peer = by_hand(x, "side", RidgeClassifier(alpha=10.0, class_weight="balanced"))
    assert decisions(x, "side", "ridge", nested=False)[:, 1] == pytest.approx(peer, abs=1e-8)


def test_ridge_regression_equals_scikit_learn_and_so_does_its_r2():
    x = graded(100, signal=1.5)
    peer = by_hand(x, "speed", Ridge(alpha=10.0))
    assert decisions(x, "speed", "ridge", nested=False) == pytest.approx(peer, abs=1e-8)
    result = decode(x, "speed", decoder="ridge", nested=False, n_shuffles=0)
    y, errors, spread = x.speed.values, 0.0, 0.0
    for train, test in splits(x, target="speed").split():
        errors += np.sum((y[test] - peer[test]) ** 2)
        spread += np.sum((y[test] - y[train].mean()) ** 2)
    assert result.score == pytest.approx(1 - errors / spread)
    # the reference is the training mean, so that this is no higher than against the mean of the tested samples
    assert result.score >= r2_score(y, peer) - 1e-12


@pytest.mark.parametrize("decoder", ["lda", "ridge", "logistic", "knn", "bayes"])
def test_one_thread_and_two_give_the_same_bits(decoder):
    x = classes(50, 8, 3, n_times=3, seed=4)
    one, two = (decode(x, "side", over="time", decoder=decoder, n_shuffles=4, n_jobs=n) for n in (1, 2))
    xr.testing.assert_identical(one, two)


@pytest.mark.parametrize("decoder", ["lda", "ridge", "bayes", GaussianNB()])
def test_each_bin_over_time_equals_that_bin_alone(decoder):
    x = classes(60, 8, 3, n_times=3, seed=1, signal=0.5)
    whole = decode(x, "side", over="time", decoder=decoder, n_shuffles=5)
    for t in range(3):
        alone = decode(x.isel(time=t), "side", decoder=decoder, n_shuffles=5)
        assert whole.score[t] == pytest.approx(alone.score.item(), abs=1e-12)
        np.testing.assert_allclose(whole.null[:, t], alone.null, atol=1e-12)
        assert whole.p_value[t] == alone.p_value
        assert whole.low[t] == pytest.approx(alone.low.item())


class Slow:
    """Hide what an estimator is, so that it is fitted again for every shuffle."""

    def __init__(self, of):
        self.of = of

    def __sklearn_clone__(self):
        return Slow(clone(self.of))

    def get_params(self, deep=True):
        return {"of": self.of}

    def set_params(self):
        return self

    def __sklearn_tags__(self):
        return self.of.__sklearn_tags__()

    def fit(self, X, y):
        self.fitted = self.of.fit(X, y)
        return self

    def predict(self, X):
        return self.fitted.predict(X)


@pytest.mark.parametrize(
    "last",
    [
        LeastSquaresLDA(0.0),
        LeastSquaresLDA(0.3),
        RidgeClassifier(3.0),
        RidgeClassifier(class_weight="balanced"),
        RidgeClassifier(fit_intercept=False),
        Ridge(2.0),
    ],
)
def test_estimators_with_a_closed_form_give_what_fitting_again_gives(last):
    continuous = isinstance(last, Ridge)
    x, target = (graded(160), "speed") if continuous else (classes(60, 8, 3, signal=0.5, seed=2), "side")
    pipeline = Pipeline([("a", StandardScaler()), ("b", last)])
    fast, slow = (decode(x, target, decoder=decoder, n_shuffles=9) for decoder in (pipeline, Slow(pipeline)))
    np.testing.assert_allclose(fast.null, slow.null, atol=1e-10)
    assert fast.score == pytest.approx(slow.score.item())


def test_any_estimator_is_taken_as_it_is():
    x = classes(80, signal=2.0)
    forest = RandomForestClassifier(15, max_depth=3, random_state=0)
    result = decode(x, "side", decoder=make_pipeline(StandardScaler(), forest), n_shuffles=3)
    assert result.score > 0.8
    assert result.attrs["decoder"] == "RandomForestClassifier"
    assert "weights" not in result
    assert not hasattr(forest, "estimators_")


def test_shuffles_repeat_the_selection_of_units_so_that_noise_stays_at_chance():
    rng = np.random.default_rng(0)
    side = rng.permutation(np.arange(60) % 2)
    x = xr.DataArray(rng.normal(size=(60, 2000)), dims=("trial", "unit"), coords={"side": ("trial", side)})
    select = make_pipeline(SelectKBest(k=20), LeastSquaresLDA())
    result = decode(x, "side", decoder=select, n_shuffles=19)
    assert abs(result.score - 0.5) < 0.2
    assert result.p_value > 0.05
    # the mistake: units selected with all labels, then cross-validated
    best = SelectKBest(k=20).fit(x.values, side).get_support()
    naive = decode(x.isel(unit=best), "side", n_shuffles=0)
    assert naive.score > 0.8


def test_a_shuffle_that_leaves_one_class_to_learn_from_names_that_class():
    x = classes(16, 3, signal=0.0).assign_coords(side=("trial", np.tile([0, 0, 1, 1], 4)[[*range(1, 16), 0]]))
    given = [(np.arange(2), np.arange(2, 16)), (np.arange(2, 16), np.arange(2))]
    for decoder in ("logistic", "lda", "ridge", "bayes"):
        result = decode(x, "side", decoder=decoder, folds=given, n_shuffles=30, null="all trials")
        assert np.isfinite(result.null).all()


def test_regressors_and_continuous_scores_take_levels_as_a_quantity():
    rng = np.random.default_rng(0)
    contrast = rng.permutation(np.repeat([0.0, 0.25, 0.5, 1.0], 20))
    x = xr.DataArray(
        rng.normal(size=(80, 6)) + contrast[:, None], dims=("trial", "unit"), coords={"contrast": ("trial", contrast)}
    )
    assert decode(x, "contrast", n_shuffles=0).attrs["n_classes"] == 4
    assert decode(x, "contrast", decoder="ridge", scoring="r", n_shuffles=0).score > 0.5
    quantity = decode(x, "contrast", decoder=Ridge(), n_shuffles=0)
    assert quantity.attrs["n_classes"] == 0
    assert quantity.score > 0.3


def test_balanced_accuracy_of_any_decoder_is_that_of_its_predictions():
    x = classes(90, 8, 3, signal=0.6)
    for decoder in DECODERS:
        result = decode(x, "side", decoder=decoder, n_shuffles=0)
        assert result.score == pytest.approx(balanced_accuracy_score(x.side, result.prediction))
