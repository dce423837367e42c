"""What does not vary has no likeness, whatever rounding leaves of it; and RDMs say what distance they are of."""

import warnings

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.comparison.delete_one import delete_one_stimulus, recomputed
from neurodata4ml.analysis.comparison.explain import explain
from neurodata4ml.analysis.comparison.permutation_test import permutation_test
from neurodata4ml.analysis.comparison.permuted import permuted
from neurodata4ml.analysis.comparison.resampled import resampled, resampled_anew
from neurodata4ml.analysis.dissimilarity.by_rows import by_rows
from neurodata4ml.analysis.dissimilarity.crossing import Crossing
from neurodata4ml.analysis.dissimilarity.noise import noise_precision
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.dissimilarity.searchlight import searchlight
from neurodata4ml.analysis.dissimilarity.wide import Columns
from neurodata4ml.analysis.reliability.ceiling import noise_ceiling
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.ranks import places, taus
from neurodata4ml.analysis.similarity.representations import Side, average_trials
from neurodata4ml.analysis.similarity.table import similarities
from neurodata4ml.errors import DesignError, DimensionError

RNG = np.random.default_rng(0)
N = 12
REPEATS = np.arange(N) % 4 + 4
LABELS = np.repeat(np.arange(N), REPEATS)[np.random.default_rng(1).permutation(REPEATS.sum())]


def trials(values, **coords):
    return xr.DataArray(values, dims=("trial", "unit"), coords={"stimulus": ("trial", LABELS), **coords})


def layer(values):
    return xr.DataArray(values, dims=("stimulus", "feature"), coords={"stimulus": np.arange(N)})


CONSTANT = trials(np.full((len(LABELS), 3), [0.1, 0.37, 1.7]))
LIVE = trials(RNG.normal(size=(N, 6))[LABELS] + 0.5 * RNG.normal(size=(len(LABELS), 6)))
Y = layer(RNG.normal(size=(N, 5)))
MEANS = average_trials(LIVE)


# ------------------------------------------------------------------------------------- what is left of rounding is 0
@pytest.mark.parametrize("distance", ["euclidean", "correlation", "cosine", "poisson"])
@pytest.mark.parametrize("lazy", [False, True])
def test_means_of_unequal_repeats_of_a_constant_population_have_no_distances(distance, lazy):
    means = average_trials(CONSTANT)
    assert np.ptp(means.values, axis=0).max() > 0  # rounding alone
    found = rdm(means.chunk(unit=1) if lazy else means, distance=distance)
    assert (found.values == 0).all()


@pytest.mark.parametrize("distance", ["crossnobis", "poisson_cv"])
@pytest.mark.parametrize("folds", ["trial", "block", "incomplete"])
def test_trials_of_a_constant_population_have_no_distances(distance, folds):
    block = turns() if folds == "incomplete" else turns() % 3
    x = CONSTANT.assign_coords(block=("trial", block))
    option = "trial" if folds == "trial" else "block"
    assert (rdm(x, distance=distance, folds=option).values == 0).all()


def turns():
    """Return the how manieth repeat of its stimulus each trial is: blocks, the last of which lack some stimuli."""
    turn = np.zeros(len(LABELS), dtype=int)
    for stimulus in range(N):
        turn[stimulus == LABELS] = np.arange((stimulus == LABELS).sum())
    return turn


@pytest.mark.parametrize("folds", [np.arange(len(LABELS)), turns() % 3])
def test_wide_trials_of_a_constant_population_read_some_rows_at_a_time_have_no_products(folds):
    values = Columns(CONSTANT.chunk(trial=7).data)
    assert (by_rows(values, Crossing.of(LABELS, folds), lambda means: (means, None)) == 0).all()


def test_small_differences_beside_a_large_offset_are_kept():
    pattern = RNG.normal(size=(4, 3))
    x = xr.DataArray(1e6 + 1e-3 * pattern, dims=("stimulus", "unit"))
    expected = rdm(xr.DataArray(1e-3 * pattern, dims=("stimulus", "unit")), distance="euclidean")
    np.testing.assert_allclose(rdm(x, distance="euclidean").values, expected.values, rtol=1e-5)


@pytest.mark.parametrize("metric", [name for name, metric in METRICS.items() if metric.on == "rdm"])
def test_a_constant_area_or_layer_has_no_similarity_by_any_metric_on_rdms(metric):
    flat = layer(np.tile(0.1 + 1e-17 * np.arange(N)[:, None] / N, 5) + np.where(np.arange(N) % 2, 1.4e-17, 0)[:, None])
    for x, y in ((average_trials(CONSTANT), Y), (MEANS, flat)):
        with pytest.warns(UserWarning, match="one side does not vary"):
            found = compare(x, y, metric=metric, distance="euclidean", n_shuffles=9)
        assert [float(found[name]) for name in ("similarity", "low", "p_value")] == pytest.approx(
            [np.nan] * 3, nan_ok=True
        )
        assert "one side does not vary between the stimuli" in found.attrs["undefined"]


# ------------------------------------------------------------------------------------------ ranks without an order
@pytest.mark.parametrize("metric", ["rsa_rho_a", "rsa_tau_a", "rsa_spearman"])
def test_ranks_of_equal_distances_are_no_likeness_in_any_way_of_computing_them(metric):
    promise, n = METRICS[metric], 6
    rng = np.random.default_rng(3)
    x, y, flat = (Side(v, promise.prepare(v)) for v in (*rng.random((2, 15)), np.full(15, 0.3)))
    assert np.isnan(promise(x.values, flat.values))
    assert np.isnan(promise(flat.values, x.values))
    table = similarities(promise, [x, flat], [y, flat])
    np.testing.assert_array_equal(np.isnan(table), [[False, True], [True, True]])
    weights = np.array([[1, 1, 1, 1, 1, 1], [2, 0, 1, 1, 0, 2]])
    orders = np.stack([rng.permutation(n) for _ in range(3)])
    for found in (
        resampled(promise, x, [y, flat], weights),
        resampled_anew(promise, x, [y, flat], weights),
        delete_one_stimulus(promise, x, [y, flat]),
        recomputed(promise, x, [y, flat]),
        permuted(promise, x, [y, flat], orders),
    ):
        assert np.isfinite(found[:, 0]).all()
        assert np.isnan(found[:, 1]).all()
    assert np.isnan(delete_one_stimulus(promise, flat, [y])).all()


def test_ranks_that_only_lose_their_spread_without_one_stimulus_agree_in_both_ways():
    square = np.full((6, 6), 1.0)
    square[0, 1] = square[0, 2] = 2.0
    promise, y = METRICS["rsa_rho_a"], np.random.default_rng(4).random(15)
    x, y = (Side(v, promise.prepare(v)) for v in (square[np.triu_indices(6, 1)], y))
    fast, slow = delete_one_stimulus(promise, x, [y]), recomputed(promise, x, [y])
    np.testing.assert_allclose(fast, slow)
    assert np.isnan(fast[0, 0])
    assert np.isfinite(fast[1:]).all()


def test_compiled_counts_know_vectors_without_an_order(monkeypatch):
    a = [places(v) for v in (np.arange(70.0), np.ones(70))]
    expected = taus(a, a)
    monkeypatch.setattr("neurodata4ml.analysis.similarity.ranks._MANY", 0)
    np.testing.assert_array_equal(taus(a, a), expected)
    np.testing.assert_array_equal(expected, [[1.0, np.nan], [np.nan, np.nan]])


def test_a_given_rdm_whose_distances_only_differ_by_rounding_is_constant():
    values = 0.3 + np.triu(1e-16 * np.random.default_rng(5).integers(0, 4, (N, N)), 1)
    values = np.triu(values, 1) + np.triu(values, 1).T
    flat = xr.DataArray(
        values, dims=("stimulus", "stimulus2"), coords={"stimulus": np.arange(N), "stimulus2": np.arange(N)}
    )
    with pytest.warns(UserWarning, match="one side does not vary"):
        found = compare(flat, rdm(Y), metric="rsa_rho_a", n_shuffles=9)
    assert np.isnan(found.similarity)
    found = permutation_test(flat, rdm(Y), metric="rsa_tau_a", n_shuffles=9)
    assert np.isnan(found.similarity)
    assert np.isnan(found.p_value)
    assert "one side does not vary" in found.attrs["undefined"]


# ------------------------------------------------------------------------------------- what RDMs say that they are of
def test_given_rdms_say_their_own_distance():
    x, y = (rdm(one, distance="euclidean") for one in (MEANS, Y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = compare(x, y, metric="rsa_pearson", n_shuffles=0)
        crossed = compare(rdm(LIVE, distance="crossnobis"), y, metric="rsa_pearson", n_shuffles=0)
    assert found.attrs["distance"] == "euclidean"
    assert "of euclidean distances" in " ".join(explain(found).split())
    assert crossed.attrs["distance"] == "crossnobis and euclidean"
    assert permutation_test(x, y, metric="rsa_pearson", n_shuffles=9).attrs["distance"] == "euclidean"
    bare = compare(x.drop_attrs(), y.drop_attrs(), metric="rsa_pearson", n_shuffles=0)
    assert "distance" not in bare.attrs


def test_different_kinds_of_distances_beside_each_other_are_warned_of():
    with pytest.warns(UserWarning, match=r'crossnobis \(x\) and correlation \(y\).*rdm\(means, distance="euclidean"\)'):
        found = compare(LIVE, rdm(Y), metric="rsa_pearson", n_shuffles=0)
    assert found.attrs["distance"] == "crossnobis and correlation"
    with pytest.warns(UserWarning, match=r'Make them alike: distance="euclidean"'):
        compare(rdm(LIVE, distance="crossnobis"), Y, metric="rsa_pearson", n_shuffles=0)
    with pytest.warns(UserWarning, match=r"correlation \(a\) and crossnobis \(b\)"):
        ceiling = noise_ceiling({"a": rdm(MEANS), "b": LIVE}, metric="rsa_pearson")
    assert ceiling.attrs["distance"] == "correlation and crossnobis"


# ------------------------------------------------------------------------------------------------------ subjects
def test_a_dead_animal_among_subjects_is_named():
    dead = MEANS * 0 + 1.0
    with pytest.raises(DesignError, match=r"No distance of 'b' is defined.*Leave it out"):
        noise_ceiling({"a": MEANS, "b": dead}, metric="rsa_pearson")
    with pytest.raises(DesignError, match=r"All distances of 'b' are equal.*Leave it out"):
        noise_ceiling({"a": MEANS, "b": dead}, metric="rsa_rho_a", distance="euclidean")
    halves = [MEANS.where((MEANS.stimulus < N // 2) == first, 1.0) for first in (True, False)]
    with pytest.raises(DesignError, match="No pair of stimuli has a distance in all subjects"):
        noise_ceiling(dict(zip("ab", halves, strict=True)), metric="rsa_pearson")


# ------------------------------------------------------------------------------------------------- noise precision
@pytest.mark.parametrize("scale", [1e-130, 1e-80, 1e77, 1e130])
@pytest.mark.parametrize("method", ["ledoit-wolf", "schaefer-strimmer", "diagonal"])
def test_the_noise_precision_follows_the_unit_of_measurement(scale, method):
    usual = noise_precision(LIVE, method=method).values
    np.testing.assert_allclose(noise_precision(LIVE * scale, method=method).values * scale * scale, usual, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-160, 1e160])
def test_a_noise_precision_that_is_no_number_is_refused(scale):
    with pytest.raises(DesignError, match=r"no number that float64 holds with all digits\. Change the units: x / "):
        noise_precision(LIVE * scale)


# ----------------------------------------------------------------------------------------------------- searchlight
def test_a_searchlight_takes_a_precision_of_all_units():
    x = LIVE.assign_coords(depth=("unit", np.arange(6.0)), unit=list("abcdef"))
    matrix = noise_precision(x)
    found = searchlight(x, positions="depth", n_neighbours=3, precision=matrix)
    part = np.linalg.inv(np.linalg.inv(matrix.values)[:3, :3])
    expected = rdm(x.isel(unit=slice(3)), distance="crossnobis", precision=part)
    np.testing.assert_allclose(found.isel(unit=1).values, expected.values)
    bare = searchlight(x, positions="depth", n_neighbours=3, precision=matrix.values)
    np.testing.assert_array_equal(bare.values, found.values)
    with pytest.raises(DesignError, match=r"precision= as a matrix is \(unit, unit\)"):
        searchlight(x, positions="depth", n_neighbours=3, precision=np.eye(2))


PLACED = LIVE.assign_coords(depth=("unit", np.arange(6.0)), area=("unit", list("abcdef")))


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"radius": "a"}, DesignError, "radius takes a length, 0 or more"),
        ({"positions": 3}, DimensionError, r"positions= takes names of coordinates, 'depth' or \('x', 'y'\); got 3"),
        ({"positions": "area"}, DimensionError, "positions= takes coordinates that are numbers; 'area' is not"),
        ({"statistic": 3}, DesignError, "statistic= takes a function of an RDM"),
        ({"statistic": lambda found: found}, DesignError, "statistic= returns one number .* DataArray"),
        ({"distance": ["euclidean"]}, DesignError, r"Unknown distance \['euclidean'\]"),
    ],
)
def test_a_searchlight_refuses_what_it_cannot_read(options, error, match):
    settings = {"positions": "depth", **({} if "radius" in options else {"n_neighbours": 2}), **options}
    with pytest.raises(error, match=match):
        searchlight(PLACED, **settings)


@pytest.mark.parametrize(
    ("ask", "error", "match"),
    [
        (lambda: rdm(MEANS, distance=["cosine"]), DesignError, r"Unknown distance \['cosine'\]"),
        (lambda: rdm(PLACED, distance="crossnobis", by=["area"]), DimensionError, r"by= takes the name .* \['area'\]"),
        (lambda: noise_precision(LIVE, method=["diagonal"]), DesignError, r"Unknown precision \['diagonal'\]"),
        (lambda: compare(MEANS, Y, over={"stimulus"}), DesignError, r"interval over \{'stimulus'\}: over= takes names"),
    ],
)
def test_lists_where_a_name_is_asked_for_are_refused(ask, error, match):
    with pytest.raises(error, match=match):
        ask()


def test_numbers_of_numpy_are_margins():
    found = [compare(MEANS, Y, margin=margin, n_shuffles=0) for margin in (0, np.int64(0), np.float32(0.25))]
    assert [one.attrs["margin"] for one in found] == [0, 0, 0.25]
