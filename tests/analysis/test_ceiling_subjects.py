"""Bounds over subjects: pooled as the metric demands, equal to rsatoolbox where it is right."""

import warnings

import numpy as np
import pytest
import xarray as xr
from rsatoolbox.inference import boot_noise_ceiling
from rsatoolbox.rdm import RDMs
from scipy.spatial.distance import squareform

from neurodata4ml.analysis.reliability.ceiling import noise_ceiling
from neurodata4ml.analysis.reliability.pooling import is_linear, pooled
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.errors import DesignError, DimensionError

N = 9
PAIRS = N * (N - 1) // 2
PEERS = {
    "rsa_cosine": "cosine",
    "rsa_pearson": "corr",
    "rsa_spearman": "spearman",
    "rsa_rho_a": "rho-a",
    "rsa_tau_a": "tau-a",
}


def vectors(seed=0, n_subjects=5, noise=0.5):
    rng = np.random.default_rng(seed)
    truth = rng.random(PAIRS)
    # distances of subjects differ in size, as signal-to-noise does
    return (truth + noise * rng.random((n_subjects, PAIRS))) * rng.uniform(0.2, 5, (n_subjects, 1)), truth


def rdms(rows, dim="subject"):
    squares = np.stack([squareform(row) for row in rows])
    coords = {"stimulus": np.arange(N), "stimulus2": np.arange(N)}
    return xr.DataArray(squares, dims=(dim, "stimulus", "stimulus2"), coords=coords)


@pytest.mark.parametrize("metric", PEERS)
@pytest.mark.filterwarnings("ignore:Noise ceiling for tau")
def test_the_bounds_are_those_of_rsatoolbox(metric):
    rows, _ = vectors()
    found = noise_ceiling(rdms(rows), metric=metric)
    lower, upper = boot_noise_ceiling(RDMs(rows), method=PEERS[metric])
    assert float(found["lower"]) == pytest.approx(lower, abs=1e-12)
    assert float(found["upper"]) == pytest.approx(upper, abs=1e-12)
    assert float(found["low"]) < lower < upper < float(found["high"])
    assert lower < float(found["ceiling"]) < upper


@pytest.mark.parametrize("metric", [m for m in METRICS if METRICS[m].on == "rdm" and is_linear(METRICS[m])])
def test_no_rdm_is_more_like_the_subjects_than_their_pool(metric):
    rows, truth = vectors()
    upper = np.mean([METRICS[metric](row, pooled(list(rows), metric)) for row in rows])
    assert upper == pytest.approx(float(noise_ceiling(rdms(rows), metric=metric)["upper"]))
    rng = np.random.default_rng(1)
    pool = pooled(list(rows), metric)
    others = [truth, *rows, *(pool * (1 + 0.05 * rng.normal(size=(50, PAIRS))))]
    assert max(np.mean([METRICS[metric](row, other) for row in rows]) for other in others) <= upper + 1e-12


@pytest.mark.parametrize(
    ("metric", "peer"), [("rsa_cosine_whitened", "cosine_cov"), ("rsa_pearson_whitened", "corr_cov")]
)
def test_rsatoolbox_pools_before_it_whitens_so_that_a_model_can_exceed_its_upper_bound(metric, peer):
    rows, _ = vectors(noise=2.0)
    theirs = boot_noise_ceiling(RDMs(rows), method=peer)[1]
    assert float(noise_ceiling(rdms(rows), metric=metric)["upper"]) > theirs + 1e-5


def test_the_average_of_raw_rdms_bounds_nothing():
    """Net2Brain and Brain-Score average raw RDMs whatever the metric; the subject with large distances leads."""
    rows, _ = vectors(noise=1.0)
    upper = float(noise_ceiling(rdms(rows), metric="rsa_spearman")["upper"])
    raw = np.mean([METRICS["rsa_spearman"](row, rows.mean(axis=0)) for row in rows])
    assert raw < upper - 0.005
    best = pooled(list(rows), "rsa_spearman")
    assert np.mean([METRICS["rsa_spearman"](row, best) for row in rows]) > raw


def test_the_upper_bound_alone_is_reached_by_noise_and_the_lower_is_not():
    """Why Brain-Score's upper bound must not divide a score: subjects with nothing in common have a high one."""
    rows = np.random.default_rng(0).random((4, PAIRS))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether pairs agree a little or not at all is chance
        found = noise_ceiling(rdms(rows), metric="rsa_spearman")
    assert float(found["upper"]) > 0.4
    assert abs(float(found["lower"])) < 0.2


@pytest.mark.parametrize("metric", ["rsa_pearson", "rsa_spearman", "rsa_tau_a"])
def test_the_ceiling_from_pairs_is_what_the_truth_reaches(metric):
    reached, found = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth = rng.normal(size=PAIRS)
        rows = truth + rng.normal(size=(5, PAIRS))
        reached.append(np.mean([METRICS[metric](row, truth) for row in rows]))
        found.append(float(noise_ceiling(rdms(rows), metric=metric)["ceiling"]))
    assert np.mean(found) == pytest.approx(np.mean(reached), abs=0.02)


def test_animals_may_come_as_trials_means_or_rdms():
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(N, 30))
    stimulus = np.tile(np.arange(N), 6)
    coords = {"stimulus": ("trial", stimulus), "block": ("trial", np.repeat(np.arange(6), N))}

    def animal():
        values = truth[stimulus] + rng.normal(size=(6 * N, 30))
        return xr.DataArray(values, dims=("trial", "unit"), coords=coords)

    sessions = {f"mouse {i}": animal() for i in range(4)}
    of_trials = noise_ceiling(sessions, metric="rsa_pearson")
    assert of_trials.attrs["distance"] == "crossnobis"
    assert of_trials.attrs["n_subjects"] == 4
    assert 0.3 < float(of_trials["lower"]) < float(of_trials["upper"]) <= 1
    means = {name: x.groupby("stimulus").mean() for name, x in sessions.items()}
    assert noise_ceiling(means, metric="rsa_pearson").attrs["distance"] == "correlation"


def test_over_both_is_wider_than_over_either():
    rows, _ = vectors()
    width = {}
    for over in ("subject", "stimulus", "both"):
        found = noise_ceiling(rdms(rows, "animal"), metric="rsa_pearson", over=over)
        width[over] = float(found["upper_high"] - found["upper_low"])
        assert found.attrs["over"] == over
    assert width["both"] > max(width["subject"], width["stimulus"])


def test_two_subjects_have_bounds_and_no_interval():
    rows, _ = vectors(n_subjects=2)
    with pytest.warns(UserWarning, match=r"No interval over subject can be given \(NaN\) with 2 subjects; 3 or more"):
        found = noise_ceiling(rdms(rows), metric="rsa_pearson")
    assert np.isnan(found["low"])
    assert float(found["lower"]) < float(found["upper"])


def test_subjects_that_share_nothing_have_no_ceiling():
    rows = np.stack([np.arange(PAIRS), -np.arange(PAIRS), np.random.default_rng(0).random(PAIRS)]).astype(float)
    with pytest.warns(UserWarning, match="Subjects share nothing above 0"):
        found = noise_ceiling(rdms(rows), metric="rsa_pearson")
    assert np.isnan(found["ceiling"])


def test_bounds_that_cannot_be_had_say_why():
    rows, _ = vectors()
    x = rdms(rows)
    with pytest.raises(DesignError, match="need at least 2 of them; got 1"):
        noise_ceiling(x.isel(subject=[0]), metric="rsa_pearson")
    with pytest.raises(DesignError, match=r"compare RDMs; there are none for 'cka_unbiased'\. Type one of rsa_"):
        noise_ceiling(x)
    with pytest.raises(DesignError, match=r"over='units' is unknown\. Type one of subject, stimulus, both"):
        noise_ceiling(x, metric="rsa_pearson", over="units")
    with pytest.raises(DesignError, match="need at least 4 stimuli; got 3"):
        noise_ceiling(x.isel(stimulus=range(3), stimulus2=range(3)), metric="rsa_pearson")
    one = x.isel(subject=0)
    with pytest.raises(DimensionError, match=r"same stimuli in all; 'b' shares 8 of 9 with the first"):
        noise_ceiling({"a": one, "b": one.isel(stimulus=range(8), stimulus2=range(8))}, metric="rsa_pearson")
    with pytest.raises(DimensionError, match="matches stimuli by label, and 'a' has none"):
        noise_ceiling({"a": one.drop_vars(["stimulus", "stimulus2"]), "b": one}, metric="rsa_pearson")
