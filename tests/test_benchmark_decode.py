"""What the benchmark of decoding rests on: the same answers, ratios of medians, misses that fail. No timing counts."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import pytest

from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))
decode, ways = (importlib.import_module(name) for name in ("decode", "decode_ways"))

DATA = ways.trials(4, 10, 12, 2)


def test_folds_hold_every_stimulus_equally_often_and_lie_in_time() -> None:
    for train, test in DATA.parts:
        assert (np.bincount(DATA.codes[test]) == 2).all()
        assert (np.diff(test) == 1).all()
        assert len(train) + len(test) == 40


def test_answers_are_those_of_scikit_learn_and_mne() -> None:
    assert np.array_equal(ways.our_lda(DATA), ways.their_lda(DATA))
    assert np.array_equal(ways.our_lda(DATA), ways.their_sliding(DATA))
    first = ways.Trials(DATA.counts[:1], DATA.codes, DATA.folds)
    assert np.array_equal(ways.our_ridge(first, ways.ALPHAS), ways.their_ridge(first))
    codes = ways.shuffles(first.codes, 3)
    np.testing.assert_allclose(ways.our_permutations(first, codes), ways.their_permutations(first, 3))


def way(*took: float) -> Any:
    """Return a way whose runs take these seconds."""
    clock = iter(took)
    return decode.Way(lambda: next(clock))


@pytest.fixture
def by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode.ways, "seconds", lambda work: (work(), None))


@pytest.mark.parametrize(("wanted", "floor", "ok"), [(4.0, 1.0, True), (4.01, 1.0, False), (4.0, 0.19, False)])
def test_the_slower_of_our_ways_is_judged_by_medians(
    by_the_clock: None, capsys: pytest.CaptureFixture[str], wanted: float, floor: float, ok: bool
) -> None:
    by = {decode.ENGINE: way(1, 1, 1), decode.PUBLIC: way(9, 2, 1), "peer": way(8, 80, 1)}
    assert decode.compare("title", by, {"peer": wanted}, floor, 3) is ok
    assert ("MISSED" not in capsys.readouterr().out) is ok


def test_a_part_of_the_work_is_multiplied_and_run_once(by_the_clock: None, capsys: pytest.CaptureFixture[str]) -> None:
    peer = decode.Way(lambda: 2.0, times=10.0, once=True)
    assert decode.compare("title", {decode.ENGINE: way(1, 1, 1), "peer": peer}, {"peer": 20.0}, 1.0, 3)
    assert "20.000" in capsys.readouterr().out


def test_answers_that_differ_end_the_benchmark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(decode.ways, "their_lda", lambda data: np.zeros((1, len(data.codes)), dtype=int))
    assert decode.main(["--quick", "--only", "lda"]) == 2
    assert "LDA: our answers are not the peer's" in capsys.readouterr().err


@pytest.mark.slow
def test_quick_runs_every_course_and_judges_answers_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert decode.main(["--quick"]) == 0
    text = capsys.readouterr().out
    assert text.count("matrix products") == len(decode.COURSES)


def test_what_is_wanted_is_what_the_issue_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[dict[str, float]] = []
    monkeypatch.setattr(decode, "compare", lambda *given: wanted.append(dict(given[2])) or True)
    decode.main(["--quick"])
    assert wanted == [
        {"scikit-learn svd": 8.0},
        {"RidgeClassifierCV": 10.0},
        {"MNE SlidingEstimator": 15.0},
        {"permutation_test_score": 40.0},
    ]
    assert decode.FROM_FLOOR == 5.0
