"""What the calibration of similarity rests on: its limits, its seeds, and that it fails where something is wrong."""

import importlib
import sys

import numpy as np
import pytest

from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))
calibrate, rows = (importlib.import_module(name) for name in ("calibrate_similarity", "calibrate_similarity_rows"))


def counted(name, rate, n=200, n_sets=200):
    return calibrate.Counted(name, rate, n, n_sets, 1.0)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("two equal candidates", (0.0, 0.05, 0.08), (0.14,)),
        ("ceiling rsa_pearson, quiet", (0.9, 0.95, 0.99), (0.82, 1.0)),
        ("Nili, rsa_pearson, 6 subjects", (0.93, 1.0), (0.85,)),
    ],
)
def test_a_rate_that_is_not_as_promised_fails(name, right, wrong):
    n = 1000 if name.startswith("ceiling") else 200
    assert all(counted(name, rate, n, n).passes(26) for rate in right)
    assert not any(counted(name, rate, n, n).passes(26) for rate in wrong)
    assert "FAILED" in calibrate.table([counted(name, wrong[0])])


def test_a_row_that_mostly_declines_to_answer_fails():
    assert not counted("two equal candidates", 0.0, n=150).passes(1)


def test_numbers_depend_on_the_seed_alone():
    names = ["permutation, rsa_pearson", "Nili, rsa_pearson, 6 subjects"]
    found = [calibrate.calibrate(names, 4, 1, seed) for seed in (0, 0, 1)]
    assert [row.rate for row in found[0]] == [row.rate for row in found[1]]
    assert calibrate.outcome((names[0], 0, 2))[0] in (0.0, 1.0)


@pytest.mark.parametrize("name", rows.ROWS)
@pytest.mark.filterwarnings("ignore")
def test_every_row_can_be_asked(name, monkeypatch):
    monkeypatch.setattr(rows, "_N_FRESH", 3)
    monkeypatch.setattr(rows, "_EXPECTED", {})
    answer = rows.ROWS[name].ask(np.random.default_rng(0))
    assert 0 <= answer <= 1 or np.isnan(answer)
    assert rows.ROWS[name].kind in calibrate.PROMISED
