"""Odd inputs: what is decoded all the same, and what is refused with the coordinate and the cure."""

import numpy as np
import pytest
import xarray as xr
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression, Ridge

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.errors import DesignError, DimensionError


def counts(n_trials=100, n_units=12, seed=0):
    rng = np.random.default_rng(seed)
    side = rng.permutation(np.arange(n_trials) % 2)
    rate = 3 * np.exp(0.7 * rng.normal(size=(2, n_units)))
    coords = {"side": ("trial", side), "speed": ("trial", rng.uniform(size=n_trials)), "trial": np.arange(n_trials)}
    return xr.DataArray(rng.poisson(rate[side]), dims=("trial", "unit"), coords=coords)


def same(x, y, **options):
    one, two = (decode(v, "side", n_shuffles=5, **options) for v in (x, y))
    np.testing.assert_allclose(one.null, two.null)
    return one.score == two.score


@pytest.mark.parametrize("decoder", ["lda", "ridge", "logistic", "bayes"])
def test_constant_units_change_nothing(decoder):
    x = counts(60)
    assert same(xr.concat([x, x.isel(unit=[0]) * 0 + 3], "unit"), x, decoder=decoder)


@pytest.mark.parametrize("decoder", ["lda", "ridge"])
def test_more_units_than_trials_and_a_single_unit_are_decoded(decoder):
    many = decode(counts(40, 200), "side", decoder=decoder, n_shuffles=5)
    assert many.score > 0.9
    one = decode(counts(100, 1, seed=2), "side", decoder=decoder, n_shuffles=5)
    assert 0 <= one.score <= 1
    assert one.weights.sizes == {"class": 2, "unit": 1}


def test_dask_is_computed_and_integers_of_any_width_are_the_numbers_they_are():
    x = counts()
    assert same(x.chunk({"trial": 30}), x)
    assert same(x.astype(np.int8), x.astype(np.float64))
    assert same(x.astype(np.float32), x)


@pytest.mark.parametrize("scale", [1e-120, 1e120])
@pytest.mark.parametrize("decoder", ["lda", "ridge"])
def test_large_and_small_numbers_are_read_as_any_others(decoder, scale):
    assert same(counts() * scale, counts(), decoder=decoder)


def test_units_that_never_respond_at_all_leave_chance():
    x = counts() * 0
    for decoder in ("lda", "ridge"):
        assert decode(x, "side", decoder=decoder, n_shuffles=3).score == pytest.approx(0.5, abs=0.1)


def nan():
    x = counts().astype(float)
    x[:3, 2] = np.nan
    return x


def rare():
    x = counts()
    return x.assign_coords(side=("trial", np.where(np.arange(100) == 0, 7, x.side.values)))


def unlabelled():
    x = counts()
    return x.assign_coords(side=("trial", np.where(np.arange(100) < 4, np.nan, x.side.values)))


@pytest.mark.parametrize(
    ("x", "keywords", "sentence"),
    [
        (nan(), {}, r"3 of 1200 responses, in 3 of 100 trials and 1 of 12 units\. Drop them: x\.dropna\('unit'\)"),
        (counts().isel(unit=[]), {}, "at least one unit and one bin; got 0 units"),
        (counts().isel(trial=[0]), {}, "got 1 trial"),
        (counts().isel(trial=counts().side.values == 1), {}, "all 50 samples have side = 1, and there is nothing to t"),
        (counts().isel(trial=counts().side.values == 1), {"folds": [1]}, "Choose samples with at least 2 values of 's"),
        (rare(), {}, r"fewer trials than the 5 folds: 7 \(1\)"),
        (unlabelled(), {}, r"4 of 100 trials have no 'side' \(NaN\)\. Leave them out: x\.isel\(trial=x\.side\.notnull"),
        (counts(), {"n_folds": 60}, "fewer trials than the 60 folds"),
        (counts(), {"decoder": "lad"}, "knows the decoders lda, ridge, logistic, svm, knn, bayes; got 'lad'"),
        (counts(), {"decoder": LogisticRegression}, "takes a name .* or a scikit-learn estimator; got <class"),
        (
            counts(),
            {"target": "speed"},
            r"'speed' is continuous, and decoder='lda' has no form .* one of ridge, svm, k",
        ),
        (counts(), {"target": "speed"}, r"cut the values into bins: x\.assign_coords\(speed_bin=\(x\.speed\.dims"),
        (counts(), {"target": "speed", "decoder": "logistic"}, "decoder='logistic' has no form for that"),
        (counts(), {"target": "speed", "decoder": LogisticRegression()}, "LogisticRegression is not a regressor"),
        (
            counts(),
            {"decoder": KMeans(2)},
            "KMeans finds clusters without labels, and cannot be .* 'side'. Give a classif",
        ),
        (counts().assign_coords(side=counts().side.astype(str)), {"decoder": Ridge()}, "Ridge is not a classifier"),
        (counts(), {"null": "sideways"}, "sideways"),
        (
            counts() * 1e200,
            {},
            r"squares responses, and those of 12 of 12 units .* \(up to \de\+20\d\)\. .* x / \de\+20\d",
        ),
        (
            counts() * np.where(np.arange(12) < 2, 1e-200, 1.0),
            {"decoder": "ridge"},
            r"2 of 12 units .*e-(199|200)\)\. Give",
        ),
    ],
)
def test_what_has_no_honest_answer_is_refused(x, keywords, sentence):
    with pytest.raises(DesignError, match=sentence):
        decode(x, **{"target": "side", "n_shuffles": 0} | keywords)


@pytest.mark.parametrize(
    ("x", "keywords", "sentence"),
    [
        (counts(), {"target": "sides"}, "Did you mean 'side'"),
        (counts(), {"over": "time"}, r'decode needs a "time" dim; got \(trial, unit\)'),
        (counts(), {"over": "unit"}, r"knows over=None .* got 'unit'"),
        (counts().expand_dims("probe"), {}, r"takes \(trial, time, unit\); got also probe\. Select or average"),
        (counts().rename(unit="cell"), {}, "exactly one of the dims unit, feature, component"),
    ],
)
def test_an_array_without_what_is_needed_is_refused(x, keywords, sentence):
    with pytest.raises(DimensionError, match=sentence):
        decode(x, **{"target": "side", "n_shuffles": 0} | keywords)
