"""What encode cannot answer it refuses, with the cure."""

import numpy as np
import pytest
import xarray as xr
from encoding_worlds import features, means, trials
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold

from neurodata4ml.analysis.encoding.encode import encode
from neurodata4ml.errors import DesignError, DimensionError

REFUSED = {
    "dims": ({"drop": "unit"}, {}, DimensionError, "encode takes responses"),
    "few": ({"stimuli": 3}, {"n_folds": 2}, DesignError, "needs at least 4 stimuli"),
    "nan": ({"nan": True}, {}, DesignError, "may hold no NaN or infinity"),
    "huge": ({"huge": 1e150}, {}, DesignError, "whose square is no number"),
    "empty": ({"empty": True}, {}, DesignError, "holds no feature"),
    "no layer": ({"layers": {}}, {}, DesignError, "an empty dict"),
    "encoder": ({}, {"encoder": "rige"}, DesignError, "Did you mean 'ridge'"),
    "class": ({}, {"encoder": Ridge}, DesignError, "Or give a regressor"),
    "own": ({}, {"n_components": 3}, DesignError, "takes no 'n_components'"),
    "score": ({}, {"scores": "rr"}, DesignError, "encode knows the scores"),
    "alphas": ({}, {"alphas": [0.0, 1.0]}, DesignError, "penalties above 0"),
    "weigh": ({}, {"weigh": "all"}, DesignError, 'weigh takes "trials"'),
    "form": ({}, {"form": "both"}, DesignError, "ridge takes form as one of"),
    "kernel": ({}, {"kernel": "poly"}, DesignError, 'kernel="rbf" and "linear"'),
    "gamma": ({}, {"gamma": 1.0}, DesignError, "gamma is the width"),
    "folds": ({}, {"folds": "all"}, DesignError, "folds takes Folds"),
    "no folds": ({}, {"folds": []}, DesignError, "folds holds no pair"),
    "positions": ({}, {"folds": [([0, 1], [500])]}, DesignError, "pairs .train, test. of positions"),
    "inner": ({}, {"folds": [([0, 1], [2])]}, DesignError, "some training sets are too"),
    "seed": ({}, {"seed": -1}, DesignError, "seed takes a whole number"),
    "no scores": ({}, {"scores": None}, DesignError, "scores takes names; got None"),
    "words": ({}, {"alphas": "auto"}, DesignError, "penalties above 0; got 'auto'"),
    "no penalty": ({}, {"encoder": "pls", "alphas": [1.0]}, DesignError, "'pls' chooses no penalty"),
    "regressor": ({}, {"encoder": Ridge(), "alphas": [1.0]}, DesignError, "'Ridge' chooses no penalty"),
    "yes or no": (
        {},
        {"standardise": "no"},
        DesignError,
        "standardise=True or standardise=False; got 'no'",
    ),
    "width": ({}, {"kernel": "rbf", "gamma": "wide"}, DesignError, "gamma is the width.*got gamma='wide'"),
    "no pairs": ({}, {"folds": [1, 2]}, DesignError, "folds takes Folds"),
    "a dict": ({}, {"folds": {"a": 1}}, DesignError, "folds takes Folds"),
    "strata": ({}, {"stratify": "kind", "folds": KFold(3)}, DimensionError, "needs the coordinate 'kind'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_answered_is_refused_with_its_cure(case):
    change, options, error, message = REFUSED[case]
    x = features(change.get("stimuli", 40))
    y = means(trials(x))
    if "drop" in change:
        y = y.isel(unit=0)
    if "nan" in change:
        x[2, 1] = np.nan
    if "huge" in change:
        x = x * change["huge"]
    if "empty" in change:
        x = x[:, :0]
    with pytest.raises(error, match=message):
        encode(y, change.get("layers", x), **options)


def test_an_array_without_labels_or_units_is_refused():
    x = features()
    y = means(trials(x))
    with pytest.raises(DimensionError, match="have none, or some twice"):
        encode(y.drop_vars("stimulus"), x)
    with pytest.raises(DesignError, match="at least one unit without NaN"):
        encode(y * np.nan, x)
    time = xr.DataArray(np.zeros((9, 2)), dims=("time", "unit"))
    with pytest.raises(DimensionError, match="no coordinate 'time'"):
        encode(time, x)
    with pytest.raises(DesignError, match="real numbers"):
        encode(y, x.astype(complex))


def test_a_classifier_is_no_encoder():
    x = features()
    with pytest.raises(DesignError, match="is not a regressor"):
        encode(trials(x), x, encoder=LogisticRegression())


@pytest.mark.parametrize("kind", [complex, str, object])
def test_responses_are_real_numbers(kind):
    x = features()
    with pytest.raises(DesignError, match="Responses are real numbers; got"):
        encode(trials(x).astype(kind), x)


def test_responses_are_there():
    x = features()
    with pytest.raises(DesignError, match="encode needs responses; got 0 samples of 5 units"):
        encode(trials(x)[:0], x)


def test_names_of_layers_differ_as_text():
    x = features()
    with pytest.raises(DesignError, match=r"some are the same\. Rename them"):
        encode(trials(x), {1: x, "1": x})
