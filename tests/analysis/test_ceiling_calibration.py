"""What the calibration of similarity rests on: its limits, its seeds, and that it fails where something is wrong."""

import importlib
import sys

import numpy as np
import pytest

from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))
calibrate, rows, worlds = (importlib.import_module(f"calibrate_similarity{part}") for part in ("", "_rows", "_worlds"))


def counted(name, rate, n=200, n_sets=200):
    return calibrate.Counted(name, rate, n, n_sets, 1.0)


@pytest.mark.parametrize(
    ("name", "n", "right", "wrong"),
    [
        ("permutation, rsa_pearson", 400, (0.02, 0.05, 0.08), (0.005, 0.12)),
        ("two alike, over stimuli", 400, (0.0, 0.05, 0.08), (0.12,)),
        ("ceiling rsa_pearson, quiet", 400, (0.88, 0.95, 0.99), (0.84,)),
        ("ceiling rsa_pearson, quiet", 1000, (0.92, 0.98), (0.915, 0.985)),
        ("Nili, rsa_pearson, 6 subjects", 400, (0.93, 1.0), (0.88,)),
    ],
)
def test_a_rate_that_is_not_as_promised_fails(name, n, right, wrong):
    assert all(counted(name, rate, n, n).passes(50) for rate in right)
    assert not any(counted(name, rate, n, n).passes(50) for rate in wrong)
    assert "FAILED" in calibrate.table([counted(name, wrong[0], n, n)])


def test_a_row_that_mostly_declines_to_answer_fails():
    assert not counted("two alike, over stimuli", 0.0, n=150).passes(1)


def test_numbers_depend_on_the_seed_alone():
    names = ["permutation, rsa_pearson", "Nili, rsa_pearson, 6 subjects"]
    found = [calibrate.calibrate(dict.fromkeys(names, 4), 1, seed) for seed in (0, 0, 1)]
    assert [row.rate for row in found[0]] == [row.rate for row in found[1]]
    assert calibrate.outcome((names[0], 0, 2))[0] in (0.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", rows.ROWS)
@pytest.mark.filterwarnings("ignore")
def test_every_row_can_be_asked(name, monkeypatch):
    monkeypatch.setattr(worlds, "N_FRESH", 3)
    monkeypatch.setattr(worlds, "_EXPECTED", {})
    answer = rows.ROWS[name].ask(np.random.default_rng(0))
    assert 0 <= answer <= 1 or np.isnan(answer)
    assert rows.ROWS[name].kind in calibrate.PROMISED


def test_every_kind_of_row_is_in_the_short_run_and_the_number_of_sets_is_that_of_the_row_unless_given(
    monkeypatch, capsys
):
    assert {row.kind for row in rows.ROWS.values() if row.short} == set(calibrate.PROMISED)
    asked = []
    monkeypatch.setattr(calibrate, "calibrate", lambda n_sets, *_: asked.append(n_sets) or [])
    for arguments in (["--short"], [], ["--sets", "7"]):
        assert calibrate.main(arguments) == 0
    assert asked[0] == {name: row.short for name, row in rows.ROWS.items() if row.short}
    assert asked[1] == {name: row.full for name, row in rows.ROWS.items()}
    assert set(asked[2].values()) == {7}
    assert "All within their limits." in capsys.readouterr().out
