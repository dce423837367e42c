"""The benchmark of encoding judges answers before seconds."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def encoding(monkeypatch):
    pytest.importorskip("himalaya")
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import encoding

    return encoding


@pytest.mark.slow
def test_on_small_data_all_answers_agree():
    pytest.importorskip("himalaya")
    command = [sys.executable, str(BENCHMARKS / "encoding.py"), "--quick"]
    for course in ("wide", "nested", "tall", "left-out"):
        command += ["--only", course]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "KernelRidgeCV" in done.stdout


def test_answers_that_differ_are_no_benchmark(encoding):
    alpha, values = np.ones(3), np.random.default_rng(0).standard_normal((10, 3))
    encoding.same("peer", (alpha, values), (alpha * (1 + 1e-9), values + 1e-9))
    with pytest.raises(encoding.FailureError, match="predictions differ"):
        encoding.same("peer", (alpha, values), (alpha, values + 0.1))
    with pytest.raises(encoding.FailureError, match="of the penalties are ours"):
        encoding.same("peer", (alpha, values), (2 * alpha, values))
