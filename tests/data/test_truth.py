"""The closed forms of the truth, against brute simulation and slow formulas."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.data.demo.simulate import DURATION, Responses, draw_counts, simulate
from neurodata4ml.data.demo.simulated_file import truth_fields
from neurodata4ml.data.truth import closed_form, truth
from neurodata4ml.errors import DesignError

N_DRAWS = 3000


@pytest.fixture(scope="module")
def known():
    """A small session, its truth, and many fresh draws of its counts."""
    rng = np.random.default_rng(0)
    responses = Responses(rng.uniform(5, 30, (8, 6)), np.repeat(["early", "late"], 3), np.zeros((8, 8, 8), np.uint8))
    recording = simulate(responses, seed=3)
    trials = np.flatnonzero(recording.frame >= 0)[:-5]
    found = closed_form(truth_fields(recording), trials=trials, units=np.arange(6), area=responses.area)
    expected = found["expected_count"].values
    draws = np.stack([draw_counts(expected, recording.loading, rng) for _ in range(N_DRAWS)]).astype(float)
    return SimpleNamespace(found=found, draws=draws, label=recording.frame[trials], block=recording.block[trials])


def within(counts, label):
    """Residuals around the mean of each stimulus, and their degrees of freedom."""
    residual = counts.copy()
    for s in np.unique(label):
        residual[label == s] -= counts[label == s].mean(axis=0)
    return residual, len(label) - len(np.unique(label))


def test_the_mean_response_is_the_mean_of_many_sessions(known):
    mean = np.stack([known.draws[:, known.label == s].mean(axis=(0, 1)) for s in range(8)]) / DURATION
    np.testing.assert_allclose(known.found["mean_response"], mean, rtol=0.02)


def test_the_trial_variance_is_that_of_many_sessions(known):
    seen = [(r**2).sum(axis=0) / free for r, free in (within(c, known.label) for c in known.draws)]
    np.testing.assert_allclose(known.found["trial_variance"], np.mean(seen, axis=0), rtol=0.02)


def test_the_noise_correlation_is_that_of_many_sessions(known):
    covariance = np.mean([r.T @ r / free for r, free in (within(c, known.label) for c in known.draws)], axis=0)
    for k, area in enumerate(["early", "late"]):
        part = covariance[3 * k : 3 * k + 3, 3 * k : 3 * k + 3]
        scale = np.sqrt(np.diag(part))
        seen = (part / np.outer(scale, scale))[np.triu_indices(3, 1)].mean()
        assert float(known.found["noise_correlation"].sel(area=area)) == pytest.approx(seen, abs=0.004)


def test_the_reliability_is_one_less_noise_over_the_variance_of_stimulus_effects(known):
    design = np.column_stack([known.label[:, None] == np.arange(8), known.block[:, None] == np.unique(known.block)[1:]])
    noise, observed = [], []
    for counts in known.draws:
        effect, _, rank, _ = np.linalg.lstsq(design.astype(float), counts, rcond=None)
        noise.append(((counts - design @ effect) ** 2).sum(axis=0) / (len(counts) - rank))
        observed.append(effect[:8].var(axis=0, ddof=1))
    share = np.mean(1 / np.bincount(known.label))
    seen = 1 - np.mean(noise, axis=0) * share / np.mean(observed, axis=0)
    np.testing.assert_allclose(known.found["reliability"], seen, atol=0.003)


def test_the_crossnobis_estimand_is_the_mean_product_of_differences_in_different_blocks(known):
    counts, label, block = known.found["expected_count"].values[:, :3], known.label, known.block
    products = []
    for k in np.unique(block):
        for other in np.unique(block):
            rows = [[(label == s) & (block == b) for s in (0, 1)] for b in (k, other)]
            if k != other and all(r.sum() == 1 for pair in rows for r in pair):
                first, second = ((counts[a] - counts[b])[0] for a, b in rows)
                products.append(first @ second / 3)
    assert float(known.found["rdm"].sel(area="early")[0, 1]) == pytest.approx(np.mean(products), rel=0.02)


def test_the_dimensionality_is_the_participation_ratio_of_the_mean_responses(known):
    mean = known.found["mean_response"].values[:, 3:]
    eigenvalues = np.linalg.eigvalsh(np.cov(mean.T))
    seen = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    assert float(known.found["dimensionality"].sel(area="late")) == pytest.approx(seen)


def test_the_time_course_adds_up_to_one(known):
    np.testing.assert_allclose(known.found["time_course"].sum("time"), 1.0)


def test_the_gain_of_running_lies_between_the_smallest_and_the_largest_gain_of_the_units():
    rng = np.random.default_rng(0)
    responses = Responses(rng.uniform(10, 30, (8, 4)), np.repeat(["early"], 4), np.zeros((8, 8, 8), np.uint8))
    recording = simulate(responses, seed=0)
    trials = np.flatnonzero(recording.frame >= 0)
    found = closed_form(truth_fields(recording), trials=trials, units=np.arange(4), area=responses.area)
    mean_speed = recording.trial_speed[trials].mean()
    relative = recording.gain / (1 + recording.gain * mean_speed)
    assert relative.min() <= float(found["running_gain"][0]) <= relative.max()


def test_the_truth_of_a_real_recording_is_not_known():
    session = xr.Dataset(attrs={"dataset": "allen-vc"})
    with pytest.raises(DesignError, match=r'allen-vc was not simulated.*open_session\("demo"\)'):
        truth(session)


@pytest.mark.parametrize("source", ["recording.nwb.zarr", "https://archive.org/recording.nwb"])
def test_the_truth_is_read_from_a_file_of_this_machine(tmp_path, source):
    (tmp_path / "recording.nwb.zarr").mkdir()
    place = source if "://" in source else str(tmp_path / source)
    session = xr.Dataset(attrs={"simulated": True, "source": place})
    with pytest.raises(DesignError, match=r"is read from its HDF5 file on this machine; .* is none"):
        truth(session)
