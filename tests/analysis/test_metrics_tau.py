"""Kendall's tau-a by compiled loops and by scipy: the same whole numbers, whatever the ties."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from neurodata4ml.analysis.similarity import ranks
from neurodata4ml.analysis.similarity.concordance import balances
from neurodata4ml.analysis.similarity.metrics import METRICS
from neurodata4ml.analysis.similarity.ranks import places, tau_a, taus


def brute(a, b):
    return int(np.sum(np.sign(a[:, None] - a) * np.sign(b[:, None] - b))) // 2


@pytest.mark.parametrize("n", [2, 3, 63, 64, 65, 255, 256, 257, 700])
@pytest.mark.parametrize("n_values", [1, 2, 5, 10**9])
def test_compiled_loops_count_what_pairs_of_pairs_say(n, n_values):
    rng = np.random.default_rng(n)
    a, b = rng.integers(0, n_values, size=(2, n)).astype(float)
    expected = brute(a, b)
    found = np.empty((1, 1), dtype=np.int64)
    balances(places(a)[None], places(b)[None], found)
    assert found[0, 0] == expected
    tau = expected / (n * (n - 1) / 2) if min(np.ptp(a), np.ptp(b)) > 0 else np.nan
    assert tau_a(places(a), places(b)) == pytest.approx(tau, abs=1e-15, nan_ok=True)


def test_many_are_counted_like_few_to_the_last_bit(monkeypatch):
    rng = np.random.default_rng(1)
    a, b = ([places(one) for one in rng.integers(0, 60, size=(k, 190)).astype(float)] for k in (4, 3))
    few = taus(a, b)
    monkeypatch.setattr(ranks, "_MANY", 0)
    assert_array_equal(taus(a, b), few)
    monkeypatch.setattr(ranks, "_LONG", 100)
    assert_array_equal(taus(a, b), few)


def test_the_order_of_the_pairs_means_nothing_and_that_of_values_all():
    rng = np.random.default_rng(2)
    a, b, order = rng.random(500), rng.random(500), rng.permutation(500)
    metric = METRICS["rsa_tau_a"]
    assert metric(a, b) == metric(a[order], b[order]) == metric(np.exp(a), b) == -metric(-a, b)
    assert metric(a, a) == 1.0
    assert np.isnan(metric(a, np.zeros(500)))


def test_without_two_pairs_there_is_nothing_to_count():
    assert np.isnan(METRICS["rsa_tau_a"](np.ones(1), np.ones(1)))
    assert taus([], []).shape == (0, 0)
