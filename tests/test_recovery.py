"""Estimates of the demo lie where their intervals say, in this session and over many."""

import importlib
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from threadpoolctl import threadpool_limits

from conftest import ROOT
from neurodata4ml.errors import DesignError
from neurodata4ml.spec import read_spec
from neurodata4ml.studies.material import prepare
from neurodata4ml.studies.quantities import QUANTITIES, Recovered, recovered
from neurodata4ml.studies.recovery import cases, recover

sys.path.append(str(ROOT / "benchmarks"))
calibrate_recovery = importlib.import_module("calibrate_recovery")

N_SEEDS = 6


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NEURODATA4ML_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield prepare(read_spec("demo"))


@pytest.fixture(scope="module")
def found(demo):
    with threadpool_limits(1):
        return {case.area: list(recovered(case)) for case in cases(demo)}


@pytest.mark.slow
def test_all_ten_quantities_are_recovered_in_both_areas(found):
    assert set(found) == {"early", "late"}
    for rows in found.values():
        assert len({row.quantity for row in rows}) == 10
        assert len(QUANTITIES) == 10


@pytest.mark.slow
def test_every_quantity_of_the_demo_lies_within_its_interval_of_999_in_1000(found):
    for area, rows in found.items():
        for row in rows:
            share = row.share_inside(0.999)
            assert share == 1.0 if row.estimate.size == 1 else share > 0.99, (area, row.quantity, row.what, share)


WRONG_BY = {"gain of running": 4.0, "trial variability": 1.4, "decoding accuracy": 1.3}
"""Factors by which estimates would be noticed to be wrong; 1.15 for quantities that are not named.

The gain of running is small beside its error: only its order of magnitude is sure at 99.9 %.
"""


@pytest.mark.slow
@pytest.mark.parametrize("area", ["early", "late"])
def test_an_estimate_that_is_wrong_by_little_would_be_noticed_in_some_row_of_its_quantity(found, area):
    noticed = dict.fromkeys((row.quantity for row in found[area]), False)
    for row in found[area]:
        factor = WRONG_BY.get(row.quantity, 1.15)
        centre = row.truth if row.estimate.size == 1 else row.estimate
        share = replace(row, estimate=factor * centre, error=factor * row.error).share_inside(0.999)
        noticed[row.quantity] |= share < 0.99
    assert all(noticed.values()), noticed


def test_a_wrong_estimate_would_be_noticed():
    row = Recovered("q", "w", "1", np.array([1.0]), np.array([0.1]), np.array([1.5]), 19)
    assert row.share_inside(0.95) == 0.0


def test_the_truth_of_another_window_is_not_known():
    with pytest.raises(DesignError, match=r"known from onset to 0\.25 s"):
        recover(prepare(read_spec("demo", window=(0.0, 0.2))))


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_intervals_of_95_percent_are_compatible_with_92_to_98_percent_of_6_sessions():
    """`make calibrate` counts 200, and holds each row to 92 to 98 %: benchmarks/calibrate_recovery.py."""
    sessions = calibrate_recovery.simulated(N_SEEDS, os.cpu_count())
    for key in sessions[0]:
        print(f"{np.mean([s[key] for s in sessions]):.3f}", *key)
    assert not calibrate_recovery.wrong(sessions)


def test_a_coverage_that_is_wrong_fails_with_40_sessions_and_is_told_closely_by_200():
    good, bad, many = {("a", "q", "one"): 1.0}, {("a", "q", "one"): 0.0}, ("a", "q", "many")
    assert not calibrate_recovery.wrong(38 * [good] + 2 * [bad])
    assert calibrate_recovery.wrong(26 * [good] + 14 * [bad]) == {("a", "q", "one"): pytest.approx(0.65)}
    spread = np.linspace(-0.04, 0.04, 40)
    assert not calibrate_recovery.wrong([{many: 0.95 + s} for s in spread])
    assert calibrate_recovery.wrong([{many: 0.85 + s} for s in spread])
    assert calibrate_recovery.wrong([{many: 0.999 + s / 100} for s in spread])
    assert not calibrate_recovery.wrong(185 * [good] + 15 * [bad])
    assert calibrate_recovery.wrong(183 * [good] + 17 * [bad])
    assert calibrate_recovery.wrong(200 * [good])


def test_intervals_of_a_normal_mean_cover_as_promised():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((20_000, 20))
    row = Recovered("q", "w", "1", x.mean(axis=1), x.std(axis=1, ddof=1) / np.sqrt(20), np.zeros(20_000), 19)
    assert row.share_inside(0.95) == pytest.approx(0.95, abs=3 * stats.norm.ppf(0.975) * 0.0016)
