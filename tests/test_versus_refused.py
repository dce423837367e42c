"""What the one call is asked and does not do: refused with what to type, never left out in silence."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.explain import explain
from neurodata4ml.analysis.comparison.sheets import sheets_of
from neurodata4ml.analysis.encoding.encode import encode
from neurodata4ml.analysis.encoding.layers import choose_layer
from neurodata4ml.analysis.inference.bootstrap import bootstrap
from neurodata4ml.areas import by_area, responses_of
from neurodata4ml.errors import DesignError, DimensionError
from neurodata4ml.networks.preprocessing import Preprocessing
from neurodata4ml.versus import brain_vs_network

RNG = np.random.default_rng(0)
STIMULI = {"stimulus": np.arange(12)}


def features(n):
    return xr.DataArray(RNG.normal(size=(12, n)), dims=("stimulus", "feature"), coords=STIMULI)


LAYERS = {"l1": features(6), "l2": features(5), "l3": features(4)}
X = xr.DataArray(
    RNG.normal(size=(48, 15)), dims=("trial", "unit"), coords={"stimulus": ("trial", np.tile(np.arange(12), 4))}
)
MEANS = features(12).rename(feature="unit")
COUNTS = X.expand_dims(time=[0.05, 0.15]).transpose("trial", "time", "unit")
IMAGES = xr.DataArray(RNG.random((12, 8, 8)), dims=("stimulus", "y", "x"), coords=STIMULI)


def table_of(x=MEANS, model=LAYERS, **options):
    given = {"baselines": False, "metrics": "cka", "n_shuffles": 0, "over": ()} | options
    return brain_vs_network(x, model, **given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": ["nope"]}, "no layer 'nope'. Layers: l1, l2, l3"),
        ({"layers": ["l22"]}, "no layer 'l22'. Did you mean 'l2'"),
        ({"layers": []}, r"layers=\[\] names no layer"),
        ({"layers": 3}, "layers takes names; got 3. Type layers="),
        ({"project": 0.1}, "project=0.1 shrinks layers that are read from a network.*Leave it out"),
        ({"preprocessing": Preprocessing()}, "preprocessing= changes images, and none are shown"),
        ({"metrics": None}, "metrics takes names; got None. Type metrics="),
        ({"metrics": 3}, "metrics takes names; got 3"),
        ({"metrics": [["cka"]]}, r"metrics takes names; got \[\['cka'\]\]"),
        ({"areas": 3}, "areas takes names; got 3. Type areas="),
        ({"order": 3}, "order takes names; got 3. Type order="),
        ({"window": 3}, "window takes two times in seconds, the earlier first; got 3. Type window="),
        ({"window": (0.2, 0.1)}, "the earlier first; got .0.2, 0.1."),
        ({"x": COUNTS, "window": (5, 6)}, r"no bins of time in window=\(5, 6\); the responses have 0.05 to 0.15 s"),
    ],
)
def test_what_was_asked_is_never_left_out(options, message):
    with pytest.raises(DesignError, match=message):
        table_of(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": (0, 0.1)}, "window=.0, 0.1. needs responses over time.*bin_spikes"),
        ({"x": {"V1": X}, "window": (0, 0.1)}, "needs responses over time"),
        ({"model": {"l1": np.eye(12)}}, "The layer 'l1' is a ndarray; .*dims="),
        ({"images": IMAGES.values, "baselines": True}, r"images \(stimulus, y, x\).*got a ndarray. Type xr.DataArray"),
        ({"images": IMAGES.drop_vars("stimulus"), "baselines": True}, "without labels of the stimuli"),
        ({"images": IMAGES.isel(stimulus=[0, 0, 1]), "baselines": True}, "several images of one label: 0"),
        ({"x": MEANS.assign_coords(area=("stimulus", list("ab") * 6))}, "'area' says where each unit is"),
    ],
)
def test_what_has_no_labels_or_no_time_is_refused(options, message):
    with pytest.raises(DimensionError, match=message):
        table_of(**options)


def test_layers_of_a_dict_are_those_asked_for_in_its_order():
    table, part = table_of(), table_of(layers=["l3", "l1"])
    assert part.candidate.values.tolist() == ["l1", "l3"]
    np.testing.assert_allclose(part.similarity, table.similarity.sel(candidate=["l1", "l3"]), atol=1e-12)


def test_a_window_holds_for_areas_in_a_dict():
    found = responses_of({"V1": COUNTS.assign_coords(time=[0.05, 0.15])}, "stimulus", (0.1, 0.2))["V1"]
    xr.testing.assert_allclose(found, COUNTS.isel(time=1, drop=True))


def test_units_without_an_area_are_left_out_and_counted():
    areas = np.array(["V1"] * 10 + [None, "", np.nan, "LM", "LM"], dtype=object)
    with pytest.warns(UserWarning, match="3 of 15 units have no area and are left out"):
        found = by_area(X.assign_coords(area=("unit", areas)), ["V1", "LM"])
    assert [x.sizes["unit"] for x in found.values()] == [10, 2]
    assert list(by_area(X.assign_coords(area="V1"), None)) == ["V1"]


def test_each_sheet_says_its_own_shuffles():
    table = table_of(metrics=["cka", "rsa_rho_a", "rsa_tau_a"], n_shuffles=None)
    assert [sheet.attrs["n_shuffles"] for sheet in sheets_of(table)] == [999, 999, 99]
    assert "n_shuffles" not in table.attrs
    for metric, said in (("rsa_tau_a", "99"), ("rsa_rho_a", "999")):
        assert f" {said} " in " ".join(explain(table.sel(metric=metric)).split()).replace("(", " ")


def test_shuffles_of_rho_a_are_those_of_each_order():
    from neurodata4ml.analysis.comparison.permuted import orders, permuted
    from neurodata4ml.analysis.comparison.significance import _shuffled
    from neurodata4ml.analysis.similarity.metrics import METRICS
    from neurodata4ml.analysis.similarity.representations import Side

    metric, some = METRICS["rsa_rho_a"], orders(12, 20, 0)
    pairs = [RNG.integers(0, 9, size=66).astype(float) for _ in range(3)]
    x, *sides = [Side(one, metric.prepare(one)) for one in pairs]
    np.testing.assert_allclose(_shuffled(metric, x, sides, some), permuted(metric, x, sides, some), atol=1e-13)


@pytest.mark.parametrize(
    ("correction", "message"),
    [
        (
            "holm",
            "99 shuffles and correction='holm' over 6 tests, no corrected p can be below 0.06. Type n_shuffles=119",
        ),
        ("fdr", "the corrected p of a cell that stands alone cannot be below 0.06"),
    ],
)
def test_too_few_shuffles_for_a_correction_are_warned_of(correction, message):
    with pytest.warns(UserWarning, match=message):
        compare({"a": MEANS, "b": MEANS}, LAYERS, metric="cka", n_shuffles=99, correction=correction, over=())


LABELLED = X.assign_coords(area=("unit", list("aaaabbbbccccddd")))


@pytest.mark.filterwarnings("ignore:bootstrap over")
@pytest.mark.parametrize(
    ("statistic", "over", "message"),
    [
        (lambda x: x.mean(), ("unit", "area"), r"Name the outer first: over=\('area', 'unit'\)"),
        (None, "unit", "statistic takes a function of x; got None"),
        (lambda x: "3", "unit", "a DataArray of numbers, or one number; got a str"),
        (lambda x: x.values, "unit", "got a ndarray of the type float64"),
        (lambda x: x.to_dataset(name="x"), "unit", "got a Dataset"),
    ],
)
def test_bootstrap_draws_nested_levels_and_numbers(statistic, over, message):
    with pytest.raises(DesignError, match=message):
        bootstrap(LABELLED, statistic, over=over, n_resamples=5)


@pytest.mark.filterwarnings("ignore:bootstrap over")
def test_bootstrap_takes_levels_from_the_outer_to_the_inner():
    assert bootstrap(LABELLED, lambda x: x.mean(), over=("area", "unit"), n_resamples=5).se > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scores": 3}, "scores takes names; got 3. Type scores="),
        ({"scores": [["r"]]}, "scores takes names"),
        ({"n_jobs": "a"}, "n_jobs takes a whole number, 1 or more; got 'a'. Leave it out for all cores"),
    ],
)
def test_encode_refuses_what_are_no_scores_or_threads(options, message):
    with pytest.raises(DesignError, match=message):
        encode(MEANS, LAYERS["l1"], **options)


@pytest.mark.parametrize("score", [3, ["r"]])
def test_choose_layer_takes_one_score_by_name(score):
    with pytest.raises(DesignError, match="choose_layer takes the scores"):
        choose_layer(MEANS, LAYERS, score=score)


@pytest.mark.filterwarnings("ignore")
def test_choose_layer_says_which_units_have_no_score():
    quiet = MEANS.where(MEANS.unit > 1, 0.0) if "unit" in MEANS.coords else MEANS * (np.arange(12) > 1)
    found = choose_layer(quiet, LAYERS, n_folds=2, n_inner=2, alphas=[1.0])
    assert found.attrs["undefined"].startswith("2 of 12 units have no score (0, 1). r: NaN for units whose")
    silent = choose_layer(quiet * 0, LAYERS, n_folds=2, n_inner=2, alphas=[1.0])
    assert silent.attrs["about"] == "No unit has a score with any of 3 layers: none was chosen."
