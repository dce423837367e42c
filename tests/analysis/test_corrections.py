"""Corrections for many bins keep their promise on data without an effect, and find what single bins cannot."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from neurodata4ml.analysis.inference.corrections import CORRECTIONS, cluster_mass, max_t
from neurodata4ml.analysis.inference.p_values import permutation_p


def scores(n_sets: int, n_bins: int, seed: int, smooth: int = 3) -> np.ndarray:
    """Return scores that depend on their neighbours and spread ten times more in some bins than in others."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n_sets, n_bins + smooth - 1))
    scale = np.geomspace(1, 10, n_bins)
    return 0.5 + scale * np.lib.stride_tricks.sliding_window_view(noise, smooth, axis=1).mean(-1)


def test_one_entry_needs_no_correction() -> None:
    for seed in range(5):
        one = scores(40, 1, seed)
        assert max_t(one[0], one[1:]) == permutation_p(one[0], one[1:])


def test_max_t_is_the_obvious_count() -> None:
    every = scores(20, 7, seed=1)
    t = (every - every.mean(0)) / every.std(0)
    expected = [(1 + sum(t[s].max() >= t[0, b] for s in range(1, 20))) / 20 for b in range(7)]
    np.testing.assert_allclose(max_t(every[0], every[1:]), expected)


def test_max_t_does_not_care_for_the_units_of_a_bin() -> None:
    every = scores(30, 6, seed=2)
    moved = every * np.array([1, 5, 0.1, 2, 1, 30]) + np.arange(6)
    np.testing.assert_array_equal(max_t(every[0], every[1:]), max_t(moved[0], moved[1:]))


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_without_an_effect_five_percent_of_families_hold_a_false_claim_and_no_more(correction: str) -> None:
    n_data, n_shuffles = 600, 19
    false = 0
    for seed in range(n_data):
        every = scores(1 + n_shuffles, 25, seed)
        false += bool(np.nanmin(CORRECTIONS[correction](every[0], every[1:])) <= 0.05)
    assert stats.binom.ppf(0.0005, n_data, 0.05) <= false <= stats.binom.ppf(0.9995, n_data, 0.05)


def test_max_t_finds_where_bonferroni_cannot() -> None:
    few = many = bonferroni = 0
    for seed in range(20):
        every = scores(2400, 60, seed, smooth=10)
        sd = every.std(0)
        every[0, 20:23] += 4.0 * sd[20:23]
        assert np.all(60 * permutation_p(every[0], every[1:100]) >= 0.6)
        few += int(np.sum(max_t(every[0], every[1:100])[20:23] <= 0.05))
        many += int(np.sum(max_t(every[0], every[1:])[20:23] <= 0.05))
        bonferroni += int(np.sum(60 * permutation_p(every[0], every[1:])[20:23] <= 0.05))
    assert few > 30
    assert many > bonferroni > 0


def test_a_noisy_bin_does_not_hide_an_effect_in_a_quiet_one() -> None:
    every = scores(200, 10, seed=4)
    every[0, 0] += 5 * every[:, 0].std()
    raw = every - every.mean(0)
    assert permutation_p(raw[0], raw[1:].max(1, keepdims=True))[0] > 0.2
    assert max_t(every[0], every[1:])[0] == 1 / 200


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_a_bin_that_is_not_known_does_not_count(correction: str) -> None:
    every = scores(40, 8, seed=5)
    every[0, 3] += 30
    holed = np.insert(every, 8, np.nan, axis=1)
    p = CORRECTIONS[correction](holed[0], holed[1:])
    assert np.isnan(p[8])
    np.testing.assert_array_equal(p[:8], CORRECTIONS[correction](every[0], every[1:]))


@pytest.mark.parametrize("correction", CORRECTIONS)
def test_scores_that_never_change_and_no_shuffles_are_no_evidence(correction: str) -> None:
    np.testing.assert_array_equal(CORRECTIONS[correction](np.full(4, 0.5), np.full((9, 4), 0.5)), 1.0)
    assert np.isnan(CORRECTIONS[correction](np.full(4, 0.5), np.empty((0, 4)))).all()


def flood(above: np.ndarray) -> list[list[tuple[int, int]]]:
    """Return the clusters of neighbours by walking from cell to cell: slow and obvious."""
    left, found = {tuple(map(int, cell)) for cell in np.argwhere(above)}, []
    while left:
        reach, cluster = [min(left)], []
        left.discard(reach[0])
        while reach:
            i, j = reach.pop()
            cluster.append((i, j))
            for step in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
                if step in left:
                    left.discard(step)
                    reach.append(step)
        found.append(cluster)
    return found


def test_cluster_mass_is_the_obvious_walk_over_the_matrix() -> None:
    rng = np.random.default_rng(6)
    every = rng.normal(size=(15, 9, 11))
    every[0, 2:5, 3:6] += 2
    t = (every - every.mean(0)) / every.std(0)
    clusters = [flood(e > 1.0) for e in every]
    mass = [[sum(t[s][cell] for cell in cluster) for cluster in found] for s, found in enumerate(clusters)]
    heaviest = [max(m, default=-np.inf) for m in mass]
    p, labels = cluster_mass(every[0], every[1:], threshold=1.0)
    assert labels.max() == len(clusters[0])
    for cluster, m in zip(clusters[0], mass[0], strict=True):
        expected = (1 + sum(h >= m for h in heaviest[1:])) / 15
        assert all(p[cell] == pytest.approx(expected) for cell in cluster)
        assert len({labels[cell] for cell in cluster}) == 1
    assert np.all(p[every[0] <= 1.0] == 1.0)


def test_a_wide_weak_effect_is_found_by_its_cluster_and_not_by_its_peak() -> None:
    rng = np.random.default_rng(7)
    found = {"cluster": 0, "max-t": 0}
    for _ in range(40):
        every = rng.normal(size=(100, 60))
        every[0, 20:40] += 1.5
        for name in found:
            found[name] += bool(CORRECTIONS[name](every[0], every[1:])[20:40].min() <= 0.05)
    assert found["cluster"] > 30 > found["max-t"]


def test_two_bumps_are_two_clusters_and_corners_do_not_join() -> None:
    rng = np.random.default_rng(8)
    every = rng.normal(0, 0.01, size=(50, 8, 8))
    every[0, 1:3, 1:3] += 1
    every[0, 3:5, 3:5] += 1
    p, labels = cluster_mass(every[0], every[1:], threshold=0.5)
    assert labels.max() == 2
    assert np.count_nonzero(labels) == 8
    assert p[1, 1] == p[4, 4] == 1 / 50


def test_the_threshold_may_differ_from_bin_to_bin() -> None:
    every = scores(30, 5, seed=9)
    every[0] = [3.0, 3.0, 3.0, 3.0, 3.0]
    bars = np.array([2.0, 4.0, 2.0, 2.0, np.inf])
    assert cluster_mass(every[0], every[1:], threshold=bars)[1].tolist() == [1, 0, 2, 2, 0]
