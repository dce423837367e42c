"""Many against many, gaps in RDMs, null values: what stands between METRICS and `compare`."""

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose
from scipy.spatial.distance import pdist, squareform

from neurodata4ml.analysis.similarity import table
from neurodata4ml.analysis.similarity.metrics import METRICS, Metric, null_of_cka
from neurodata4ml.analysis.similarity.representations import Side, represent, shuffled, similarity_of
from neurodata4ml.analysis.similarity.table import nulls_of, similarities

LABELS = np.arange(16)


def sides(metric, n, seed, n_features=7):
    rng = np.random.default_rng(seed)
    shared = np.random.default_rng(99).normal(size=(16, n_features))
    values = [shared + rng.normal(size=(16, n_features)) for _ in range(n)]
    if metric.on == "rdm":
        values = [pdist(one, "sqeuclidean") for one in values]
    return [Side(one, metric.prepare(one)) for one in values]


@pytest.mark.parametrize("name", list(METRICS))
def test_many_against_many_are_one_pair_at_a_time(name, monkeypatch):
    metric = METRICS[name]
    xs, ys = sides(metric, 4, 0), sides(metric, 3, 1)
    found = similarities(metric, xs, ys)
    expected = [[similarity_of(metric, x, y) for y in ys] for x in xs]
    assert_allclose(found, expected, atol=1e-12)
    assert_allclose(found[0, 0], metric(xs[0].values, ys[0].values), atol=1e-12)
    monkeypatch.setattr(table, "_MOST_STACKED", 0)
    assert_allclose(similarities(metric, xs, ys), expected, atol=1e-12)
    assert similarities(metric, [], ys).shape == (0, 3)
    assert similarities(metric, xs, []).shape == (4, 0)


@pytest.mark.parametrize("name", list(METRICS))
def test_the_form_that_a_metric_declares_is_that_of_what_it_prepares(name):
    metric = METRICS[name]
    x, y = sides(metric, 1, 2)[0], sides(metric, 1, 3)[0]
    if metric.form == "gram":
        assert x.prepared.shape == (16, 16)
        assert_allclose(x.prepared, x.prepared.T, atol=1e-12)
    elif metric.form == "pairs":
        assert x.prepared.shape == (120,)
    elif metric.on == "responses":
        assert len(x.prepared) == 16
    if metric.form != "other":
        a, b = x.prepared.ravel(), y.prepared.ravel()
        expected = a @ b / np.sqrt(a @ a * (b @ b))
        assert metric.function(x.prepared, y.prepared) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", list(METRICS))
def test_a_shuffled_side_is_that_of_shuffled_stimuli(name):
    metric = METRICS[name]
    x, y = sides(metric, 2, 4)
    order = np.random.default_rng(5).permutation(16)
    found = shuffled(x, metric, np.random.default_rng(5))
    if metric.on == "rdm":
        square = squareform(x.values)
        values = squareform(square[np.ix_(order, order)], checks=False)
    else:
        values = x.values[order]
    assert similarity_of(metric, found, y) == pytest.approx(metric(values, y.values), abs=1e-9)


def null_of(metric, x, y):
    """What independent data would give, one pair at a time: 0, the closed form, or the mean over shuffles."""
    if metric.unbiased or metric.null is not None:
        return 0.0 if metric.unbiased else metric.null(len(x.values), x.values.shape[1], y.values.shape[1])
    rng = np.random.default_rng(8)
    return np.mean([similarity_of(metric, shuffled(x, metric, rng), y) for _ in range(3)])


@pytest.mark.parametrize("name", list(METRICS))
def test_null_values_of_many_are_those_of_each(name):
    metric = METRICS[name]
    xs, ys = sides(metric, 2, 6), sides(metric, 2, 7)
    found = nulls_of(metric, xs, ys, n_shuffles=3, seed=8)
    expected = [[null_of(metric, x, y) for y in ys] for x in xs]
    assert_allclose(found, expected, atol=1e-12)
    if metric.unbiased:
        assert not found.any()
    if name == "cka":
        assert found[0, 0] == null_of_cka(16, 7, 7)


@pytest.mark.parametrize("name", [name for name, m in METRICS.items() if not m.unbiased and m.null is None])
def test_null_values_are_what_unrelated_data_of_these_sizes_give(name):
    metric = METRICS[name]
    rng = np.random.default_rng(9)

    def side(n_features):
        values = rng.normal(size=(16, n_features))
        values = pdist(values, "sqeuclidean") if metric.on == "rdm" else values
        return Side(values, metric.prepare(values))

    independent = [similarity_of(metric, side(5), side(8)) for _ in range(60)]
    null = np.mean(nulls_of(metric, [side(5) for _ in range(3)], [side(8) for _ in range(3)], n_shuffles=10, seed=0))
    assert null == pytest.approx(np.mean(independent), abs=0.04)


# ------------------------------------------------------------------------------------------------------- gaps
@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.on == "rdm"])
def test_a_stimulus_without_distances_is_left_out(name):
    metric = METRICS[name]
    x, y = (squareform(side.values) for side in sides(metric, 2, 10))
    keep = np.delete(np.arange(16), [3, 11])
    expected = metric(*(squareform(side[np.ix_(keep, keep)], checks=False) for side in (x, y)))
    x[3], x[:, 3], y[11], y[:, 11] = np.nan, np.nan, np.nan, np.nan
    holed = [Side(v, metric.prepare(v)) for v in (squareform(side, checks=False) for side in (x, y))]
    assert similarity_of(metric, *holed) == pytest.approx(expected, abs=1e-12)
    assert similarities(metric, holed[:1], holed[1:])[0, 0] == pytest.approx(expected, abs=1e-12)


def test_a_single_missing_pair_costs_a_stimulus_only_where_all_pairs_are_needed():
    for name in ("rsa_pearson", "rsa_cosine_whitened"):
        metric = METRICS[name]
        x, y = sides(metric, 2, 11)
        values = x.values.copy()
        values[0] = np.nan  # of stimuli 0 and 1
        keep = np.ones(120, dtype=bool)
        if metric.whole_rdm:
            first, second = np.triu_indices(16, 1)
            keep = (first != 0) & (second != 0)
        else:
            keep[0] = False
        found = similarity_of(metric, Side(values, metric.prepare(values)), y)
        assert found == pytest.approx(metric(x.values[keep], y.values[keep]), abs=1e-12)


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if metric.on == "rdm"])
def test_without_any_distance_there_is_no_similarity(name):
    metric = METRICS[name]
    x = sides(metric, 1, 12)[0]
    gone = np.full(120, np.nan)
    assert np.isnan(similarity_of(metric, Side(gone, metric.prepare(gone)), x))


# ------------------------------------------------------------------------------------------------- labels, doors
@pytest.mark.parametrize("name", list(METRICS))
def test_the_order_of_labelled_stimuli_never_matters(name):
    metric, rng = METRICS[name], np.random.default_rng(13)
    values = rng.normal(size=(16, 5))
    arrays = [
        xr.DataArray(one, dims=("stimulus", "unit"), coords={"stimulus": LABELS})
        for one in (values, values @ rng.normal(size=(5, 6)) + rng.normal(size=(16, 6)))
    ]

    def compared(labels, order):
        x, y = (represent(one[order], labels, metric, distance="euclidean") for one in arrays)
        return similarity_of(metric, x, y)

    before = compared(LABELS, LABELS)
    assert compared(LABELS, rng.permutation(16)) == pytest.approx(before, abs=1e-12)
    assert compared(rng.permutation(16), LABELS) == pytest.approx(before, abs=1e-9)


def test_a_new_metric_needs_one_line_only():
    dot = Metric(
        lambda x, y: float(np.sum(x.T @ y)),
        on="responses",
        invariant_to=frozenset(),
        identity=None,
        range=(-np.inf, np.inf),
        unbiased=True,
        reference="none",
    )
    x, y = sides(dot, 2, 14)
    assert similarities(dot, [x], [y])[0, 0] == pytest.approx(np.sum(x.values.T @ y.values))
    assert nulls_of(dot, [x], [y], n_shuffles=1, seed=0) == 0
