"""Comparisons that know about labels, noise, and what independent data would give."""

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.analysis.comparison.compare import compare
from neurodata4ml.analysis.dissimilarity.rdm import rdm
from neurodata4ml.analysis.reliability.ceiling import noise_ceiling
from neurodata4ml.analysis.similarity.metrics import METRICS, Metric, null_of_cka
from neurodata4ml.errors import DesignError, DimensionError


def responses(values, labels=None, dim="unit"):
    labels = np.arange(len(values)) if labels is None else labels
    return xr.DataArray(values, dims=("stimulus", dim), coords={"stimulus": labels})


def pair(rng, n_stimuli=24, n_units=9, n_features=14):
    """Two representations that share part of their geometry."""
    x = rng.normal(size=(n_stimuli, n_units)) * rng.uniform(0.5, 3, size=n_units)
    return x, x @ rng.normal(size=(n_units, n_features)) + 2 * rng.normal(size=(n_stimuli, n_features))


def test_every_similarity_comes_with_what_independent_data_would_give():
    rng = np.random.default_rng(14)
    x, y = responses(rng.normal(size=(30, 40))), responses(rng.normal(size=(30, 70)))
    assert float(compare(x, y, metric="cka").null_value) == pytest.approx(null_of_cka(30, 40, 70))
    assert float(compare(x, y, metric="cka_unbiased").null_value) == 0.0
    for name, distance in (("procrustes", "correlation"), ("rsa_cosine", "euclidean")):
        found = compare(x, y, metric=name, distance=distance)
        assert float(found.null_value) == pytest.approx(float(found.similarity), abs=0.03)


def test_areas_by_layers_equal_one_pair_at_a_time():
    rng = np.random.default_rng(15)
    areas = {"V1": responses(rng.normal(size=(12, 8))), "LM": responses(rng.normal(size=(12, 5)))}
    layers = {name: responses(rng.normal(size=(12, n)), dim="feature") for name, n in (("conv", 7), ("fc", 9))}
    bare = {"over": (), "n_shuffles": 0}
    for name in METRICS:
        found = compare(areas, layers, metric=name, **bare)
        assert found.similarity.dims == ("x", "y")
        assert "low" not in found
        assert "p_value" not in found
        for a, x in areas.items():
            for b, y in layers.items():
                alone = compare(x, y, metric=name, **bare).similarity
                assert alone.dims == ()
                assert float(found.similarity.sel(x=a, y=b)) == pytest.approx(float(alone), abs=1e-12)
    assert compare(areas, layers["fc"], **bare).similarity.dims == ("x",)
    assert compare(areas["V1"], layers, **bare).similarity.dims == ("y",)


def test_rdms_are_compared_as_they_are():
    rng = np.random.default_rng(16)
    x, y = (responses(side) for side in pair(rng))
    given = compare(rdm(x), rdm(y).isel(stimulus=rng.permutation(24)), metric="rsa_spearman").similarity
    assert float(given) == pytest.approx(float(compare(x, y, metric="rsa_spearman").similarity), abs=1e-12)


def test_pairs_without_a_distance_are_left_out():
    rng = np.random.default_rng(17)
    x, y = (rdm(responses(side)) for side in pair(rng))
    holed = x.copy()
    holed[3], holed[:, 3] = np.nan, np.nan
    keep = [i for i in range(24) if i != 3]
    expected = compare(x[keep, keep], y[keep, keep], metric="rsa_rho_a").similarity
    assert float(compare(holed, y, metric="rsa_rho_a").similarity) == pytest.approx(float(expected))


def test_a_similarity_that_is_not_defined_is_nan_and_says_where():
    flat = responses(np.full((6, 3), 0.1))
    other = responses(np.random.default_rng(18).normal(size=(6, 4)))
    for name in ("cka", "cka_unbiased", "procrustes"):
        with pytest.warns(UserWarning, match="similarity of x and dead is not defined and is NaN"):
            found = compare(other, {"dead": flat, "live": other}, metric=name).similarity
        assert found.isnull().values.tolist() == [True, False]


# --------------------------------------------------------------------------------------------- single trials
def session(seed, means, *, n_blocks=12, noise=1.0, drift=0.0):
    """Randomised complete blocks of noisy responses with the given means."""
    rng = np.random.default_rng(seed)
    stimulus = np.concatenate([rng.permutation(len(means)) for _ in range(n_blocks)])
    block = np.repeat(np.arange(n_blocks), len(means))
    values = means[stimulus] + drift * rng.normal(size=(n_blocks, means.shape[1]))[block]
    values = values + noise * rng.normal(size=values.shape)
    coords = {"stimulus": ("trial", stimulus), "block": ("trial", block)}
    return xr.DataArray(values, dims=("trial", "unit"), coords=coords)


def truth_and_candidates(seed=0, n=40, units=30):
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n, 8))
    means = latent @ rng.normal(size=(8, units)) / np.sqrt(8)
    blurred = [latent + level * rng.normal(size=latent.shape) for level in (0.2, 0.6, 1.2)]
    layers = {
        name: responses(z @ rng.normal(size=(8, 100)), dim="feature") for name, z in zip("abc", blurred, strict=True)
    }
    return means, layers


@pytest.mark.slow
def test_noise_corrected_cka_finds_the_similarity_of_the_noise_free_responses():
    means, layers = truth_and_candidates()
    truth = [METRICS["cka_unbiased"](means, layer.values) for layer in layers.values()]
    settings = {"n_splits": 4, "n_shuffles": 0}
    found = [compare(session(seed, means, noise=2.0, drift=2.0), layers, **settings) for seed in range(20)]
    corrected = np.array([one.similarity for one in found])
    assert np.abs(corrected.mean(axis=0) - truth).max() < 0.03
    assert (np.mean([one.raw for one in found], axis=0) < np.array(truth) - 0.02).all()
    inside = np.mean([(one.low <= truth) & (truth <= one.high) for one in found])
    assert 0.88 <= inside <= 1.0


def test_raw_is_the_similarity_of_the_observed_means_and_the_ceiling_joins_it_to_the_corrected_one():
    means, layers = truth_and_candidates()
    x = session(1, means)
    found = compare(x, layers)
    observed = compare(x.groupby("stimulus").mean(), layers)
    np.testing.assert_allclose(found.raw, observed.similarity, atol=1e-12)
    np.testing.assert_allclose(found.similarity * found.ceiling, found.raw, atol=1e-12)


def test_the_interval_of_the_ceiling_is_that_of_noise_ceiling():
    means, layers = truth_and_candidates(n=20, units=12)
    x = session(1, means, noise=2.0)
    found, alone = compare(x, layers, n_splits=9, n_shuffles=0), noise_ceiling(x, n_splits=9)
    for ours, theirs in (("ceiling", "ceiling"), ("ceiling_low", "low"), ("ceiling_high", "high")):
        assert float(found[ours]) == pytest.approx(float(alone[theirs]), rel=1e-12)


def test_the_true_candidate_is_among_the_best_and_a_clearly_worse_one_is_not():
    means, layers = truth_and_candidates()
    found = compare({"V1": session(2, means, noise=0.5)}, layers)
    assert found.among_best.dims == ("x", "y")
    assert found.best.sel(x="V1").item() == "a"
    assert found.among_best.sel(x="V1").values.tolist() == [True, False, False]


def test_areas_with_different_numbers_of_blocks_keep_their_own_intervals():
    means, layers = truth_and_candidates()
    areas = {"V1": session(2, means, noise=0.5), "LM": session(3, means, noise=0.5, n_blocks=15)}
    together = compare(areas, layers, n_splits=4)
    for name, x in areas.items():
        alone = compare(x, layers, n_splits=4)
        for variable in ("similarity", "low", "high", "ceiling", "among_best", "best"):
            assert (together[variable].sel(x=name) == alone[variable]).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", list(METRICS))
def test_every_metric_takes_trials_and_gives_an_interval(name):
    means, layers = truth_and_candidates(n=15)
    if name in ("cca", "pwcca"):  # which need more stimuli than units
        layers = {key: layer[:, :9] for key, layer in layers.items()}
    x = session(3, means)[:, : 9 if name in ("cca", "pwcca") else None]
    found = compare(x, layers, metric=name, distance="crossnobis", n_splits=2, n_shuffles=0)
    assert (found.low < found.similarity).all()
    assert (found.similarity < found.high).all()
    assert found.sizes["group"] == 12
    assert found.similarity.idxmax("y").item() == "a"


def test_the_distance_is_crossnobis_with_trials_and_correlation_without_unless_named():
    means, layers = truth_and_candidates(n=15)
    x = session(4, means)
    trials, averaged = (compare(one, layers["b"], metric="rsa_pearson") for one in (x, x.groupby("stimulus").mean()))
    assert (trials.attrs["distance"], averaged.attrs["distance"]) == ("crossnobis", "correlation")
    assert '"distance": "crossnobis"' in trials.attrs["steps"]
    named = compare(x, layers["b"], metric="rsa_pearson", distance="crossnobis")
    assert named.similarity == trials.similarity


def test_crossnobis_similarity_equals_that_of_the_two_rdms():
    means, layers = truth_and_candidates(n=15)
    x = session(4, means)
    found = compare(x, layers["b"], metric="rsa_cosine", distance="crossnobis").similarity
    by_hand = compare(rdm(x, distance="crossnobis"), rdm(layers["b"], distance="euclidean"), metric="rsa_cosine")
    assert float(found) == pytest.approx(float(by_hand.similarity), abs=1e-12)


def test_trials_without_blocks_will_do():
    means, layers = truth_and_candidates()
    found = compare(session(5, means).drop_vars("block"), layers["a"], confidence=0.999)
    assert (found.attrs["folds"], found.attrs["groups"], found.sizes["group"]) == ("trial", "contiguous", 20)
    truth = METRICS["cka_unbiased"](means, layers["a"].values)
    assert float(found.low) < truth < float(found.high)


def test_blank_trials_are_no_stimulus():
    means, layers = truth_and_candidates()
    x = session(6, means)
    blanks = x.isel(trial=slice(0, 9)).assign_coords(stimulus=("trial", np.full(9, -1)))
    both = xr.concat([x, blanks], dim="trial").assign_coords(blank=("trial", np.arange(len(x) + 9) >= len(x)))
    assert float(compare(both, layers["a"]).similarity) == pytest.approx(float(compare(x, layers["a"]).similarity))


def test_pure_noise_has_no_noise_corrected_similarity():
    layers = {name: responses(np.random.default_rng(seed).normal(size=(12, 20))) for seed, name in enumerate("ab")}
    for seed in range(4):
        areas = {"V1": session(seed, np.zeros((12, 3))), "LM": session(seed + 50, np.zeros((12, 3)))}
        with pytest.warns(UserWarning, match="No signal above the noise is found in V1, LM: .*by its interval") as said:
            found = compare(areas, layers, n_splits=4, n_shuffles=0)
        assert len(said) == 1
        for name in ("similarity", "low", "high", "ceiling", "replicate"):
            assert found[name].isnull().all()
        assert found.raw.notnull().all()
        assert not found.claim.any()
        assert found.among_best.all()
        assert (found.best == "").all()


def test_an_area_without_signal_leaves_the_others_as_they_are():
    means, layers = truth_and_candidates()
    areas = {"V1": session(2, means), "LM": session(3, 0 * means)}
    with pytest.warns(UserWarning, match="is found in LM: "):
        found = compare(areas, layers, n_splits=4)
    xr.testing.assert_equal(
        found.similarity.sel(x="V1", drop=True), compare(areas["V1"], layers, n_splits=4).similarity
    )
    assert found.best.values.tolist() == ["a", ""]


def test_an_interval_that_cannot_be_given_is_nan_and_says_why():
    x = session(8, np.random.default_rng(8).normal(size=(6, 10)), n_blocks=2, noise=0.1)
    layer = responses(np.random.default_rng(9).normal(size=(6, 20)))
    with pytest.warns(UserWarning, match="No interval can be given.*More repeats"):
        found = compare(x, layer)
    assert found.similarity.notnull()
    assert found.low.isnull()


def test_a_comparison_is_the_same_again_and_says_how_it_was_made():
    means, layers = truth_and_candidates()
    x = session(9, means).assign_attrs(dataset="demo")
    found, again = compare(x, layers, seed=3), compare(x, layers, seed=3)
    xr.testing.assert_identical(found, again)
    assert found.attrs["dataset"] == "demo"
    assert (found.attrs["metric"], found.attrs["n_stimuli"], found.attrs["folds"]) == (
        "cka_unbiased",
        40,
        "block",
    )
    assert "independent between folds" in found.attrs["assumed"]
    assert '"seed": 3' in found.attrs["steps"]


# --------------------------------------------------------------------------------------------------- errors
X = responses(np.random.default_rng(0).normal(size=(6, 4)))
TRIALS = session(0, np.random.default_rng(0).normal(size=(6, 4)))


@pytest.mark.parametrize(
    ("x", "y", "settings", "error", "message"),
    [
        (X, X, {"metric": "ccka"}, DesignError, "Unknown metric 'ccka'. Did you mean 'cka'"),
        (X, X, {"metric": "rsa_cosine", "distance": "l1"}, DesignError, "Unknown distance 'l1'"),
        (X[:3], X[:3], {}, DesignError, "cka_unbiased needs at least 4 stimuli; got 3"),
        (X, X[1:], {}, DimensionError, "1 have no partner: only in the first 0"),
        (X, X.drop_vars("stimulus"), {}, DimensionError, "no labels along 'stimulus'"),
        (X.drop_vars("stimulus"), X, {}, DimensionError, "matches stimuli by label, and x has none"),
        (X.where(X.max() > X), X, {}, DesignError, "finite responses; 1 of 24 values"),
        (TRIALS.where(TRIALS.max() > TRIALS), X, {}, DesignError, "finite responses; 1 values"),
        (X, TRIALS, {}, DimensionError, "trials on its second side only beside trials, .* Average the second"),
        (TRIALS, TRIALS, {"metric": "cka"}, DimensionError, "for cka_unbiased; got trials in y and metric='cka'"),
        (TRIALS, {"a": TRIALS, "b": X}, {}, DimensionError, "all of y or for none; only a have a trial dim"),
        ({"a": TRIALS, "b": X}, X, {}, DimensionError, "all of x or for none; only a have a trial dim"),
        (
            TRIALS.expand_dims("time"),
            X,
            {},
            DimensionError,
            r"takes trials as \(trial, unit\); got \(time, trial",
        ),
        (X.expand_dims("time"), X, {}, DimensionError, r"takes \(stimulus, unit\); got also time"),
        (X.rename(stimulus="image"), X, {}, DimensionError, 'needs a "stimulus" dim.*average_by'),
        (TRIALS.drop_vars("stimulus"), X, {}, DimensionError, "needs the coordinate 'stimulus'"),
        (X, X, {"metric": "rsa_cosine", "distance": "crossnobis"}, DesignError, "needs single trials"),
        (rdm(X), X, {}, DimensionError, 'got an RDM.*metric="rsa_pearson"'),
        ({}, X, {}, DesignError, "at least one array in x; got an empty dict"),
        (TRIALS[:8], X, {}, DesignError, "at least 2 blocks or trials; 4 have fewer"),
    ],
)
def test_a_comparison_that_cannot_be_made_says_why(x, y, settings, error, message):
    with pytest.raises(error, match=message):
        compare(x, y, **settings)


def test_a_new_metric_is_one_line():
    METRICS["dot"] = Metric(
        lambda x, y: float(np.sum(x.T @ y)),
        on="responses",
        invariant_to=frozenset(),
        identity=None,
        range=(-np.inf, np.inf),
        unbiased=True,
        reference="none",
    )
    try:
        assert float(compare(X, X, metric="dot").similarity) > 0
    finally:
        del METRICS["dot"]
