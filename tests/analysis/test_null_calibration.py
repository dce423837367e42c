"""What `make calibrate` rests on: its limits, its seeds, and that it fails where the null is wrong. Rates: .ci/run."""

import importlib
import sys

import numpy as np
import pytest
from scipy import stats

from conftest import ROOT
from neurodata4ml.analysis.decoding.decode import decode

sys.path.append(str(ROOT / "benchmarks"))
calibrate, designs = (importlib.import_module(name) for name in ("calibrate", "calibrate_designs"))

ROWS = {
    "trials at random": "all trials",
    "trials in blocks, drift": "within blocks",
    "16 blocks of one label, drift": "whole blocks",
    "8 blocks of one label, drift": "whole blocks",
    "repeats, drift": "pseudosession",
    "biased blocks (IBL), drift": "pseudosession",
    "category of images": "whole stimuli",
    "stationary quantity": "circular shift",
    "slow quantity, slow responses": "linear shift",
    "random walks": "linear shift",
}


@pytest.mark.parametrize("name", ROWS)
def test_each_design_takes_its_row_and_the_planted_signal_is_found(name):
    task = (name, 39, 0, 0, True)
    found = calibrate.outcome(task)
    assert found == calibrate.outcome(task)
    assert found.scheme == ROWS[name]
    # a shift in time costs a factor of two: the smallest p of 39 is 0.05, the next 0.1
    assert found.p <= (0.1 if found.scheme == "linear shift" else 0.05)


def test_every_design_is_calibrated():
    assert set(designs.DESIGNS) == set(ROWS)


def test_limits_are_binomial_and_shared_among_the_limits_tested():
    low, high = calibrate.limits(2000, True, 14)
    beyond = 0.001 / 14
    assert stats.binom.sf(high, 2000, 0.05) <= beyond < stats.binom.sf(high - 1, 2000, 0.05)
    assert stats.binom.cdf(low - 1, 2000, 0.05) < beyond <= stats.binom.cdf(low, 2000, 0.05)
    assert 0.03 < low / 2000 < high / 2000 < 0.07
    assert calibrate.limits(200, False, 14)[0] == 0
    assert calibrate.limits(0, True, 14) == (0, 0)


def row(n_small, n=200, exact=True):
    low, high = calibrate.limits(n, exact, 1)
    outcomes = tuple(calibrate.Outcome(0.05 if k < n_small else 0.5, "all trials") for k in range(n))
    return calibrate.Row("a design", (*outcomes, calibrate.Outcome(np.nan, "none")), low, high, 0.8)


def test_a_rate_out_of_its_limits_fails_and_is_printed():
    assert row(10).passes
    assert not row(24).passes
    assert not row(1).passes
    assert row(1, exact=False).passes
    silent = tuple(calibrate.Outcome(np.nan, "none") for _ in range(50))
    assert not calibrate.Row("declines", (*row(10).outcomes, *silent), 0, 24, 0.8).passes, "no p is no right p"
    text = calibrate.table([row(24)], 99)
    assert "FAILED" in text
    assert "all trials 200, none 1" in text
    assert f"{24 / 200:.3f}" in text


@pytest.mark.slow
def test_a_null_that_ignores_the_design_is_caught():
    def careless(x, n_shuffles, seed):
        return decode(x, "label", null="all trials", n_shuffles=n_shuffles, seed=seed, n_jobs=1)

    name = "repeats, drift"
    honest = designs.DESIGNS[name]
    try:
        designs.DESIGNS[name] = honest._replace(ask=careless)
        caught = calibrate.calibrate([name], 80, 0, 19, 1, 0)[0]
    finally:
        designs.DESIGNS[name] = honest
    assert not caught.passes
    assert calibrate.calibrate([name], 80, 0, 19, 1, 0)[0].passes


@pytest.mark.slow
def test_the_numbers_do_not_depend_on_the_number_of_processes(capsys):
    arguments = ["--sets", "6", "--power", "2", "--shuffles", "19", "--designs", "trials at random", "repeats, drift"]
    assert calibrate.main([*arguments, "--jobs", "1"]) == 0
    alone = capsys.readouterr().out.splitlines()
    assert calibrate.main([*arguments, "--jobs", "2"]) == 0
    together = capsys.readouterr().out.splitlines()
    assert alone[:4] == together[:4]
