"""What the benchmarks of series and PCA rest on: contenders give the same answers, and what is missed is said."""

from __future__ import annotations

import importlib
import mmap
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import ROOT

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is counted as Linux does")

sys.path.append(str(ROOT / "benchmarks"))
series, pca = importlib.import_module("align_series"), importlib.import_module("pca")
SMALL = series.Size(n_rois=7, n_frames=3000, n_events=60)


@pytest.mark.slow
@pytest.mark.parametrize("course", series.COURSES)
def test_all_ways_to_align_a_series_give_the_same(course):
    session = series.recording(SMALL)
    answers = {name: np.asarray(align(session, course)) for name, align in series.CONTENDERS.items()}
    for name, values in answers.items():
        assert values.shape == (60, len(series.edges_of(course)) - 1, 7), name
        np.testing.assert_allclose(values, answers[series.OURS], rtol=0, atol=1e-6, err_msg=name)


def test_all_ways_to_align_from_a_file_give_the_same(tmp_path):
    path = str(series.write(series.recording(SMALL), tmp_path / "calcium.nwb"))
    ours, n_events, n_aligned = series.file_ours(path, series.FROM_FILE, None)
    assert (n_events, n_aligned) == (60, 60)
    for name, align in series.FROM_FILE_CONTENDERS.items():
        values = align(path, series.FROM_FILE, 20)[0]
        np.testing.assert_allclose(np.squeeze(values), ours[:20, 0], rtol=0, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_a_whole_benchmark_of_series_says_what_was_missed(capsys):
    code = series.run(SMALL, n_runs=1, is_quick=True)
    said = capsys.readouterr().out
    assert code == int("MISSED" in said)
    assert said.count(">= 20x") == 2
    assert said.count(">= 0.5x") == 2
    assert "wanted <= 320 MB" in said


@pytest.mark.slow
def test_a_solver_in_memory_finds_the_same_variances(capsys):
    code = pca.run(pca.Size(n_samples=600, n_units=80), n_runs=1, solvers=["covariance_eigh"])
    said = capsys.readouterr().out
    assert code == int("MISSED" in said)
    assert "another answer" not in said
    assert said.count(">= 1x") == 1
    assert "wanted <= 400 MB" in said


def test_memory_is_that_of_this_process():
    before = series.memory("VmRSS")
    held = np.frombuffer(mmap.mmap(-1, 240_000_000))  # fresh pages, where malloc may give old ones again
    held[:] = 1
    assert series.memory("VmRSS") - before == pytest.approx(240, abs=40)
    assert series.memory("VmHWM") >= before + 200
    assert held[os.getpid() % 7] == 1
