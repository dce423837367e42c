"""What the benchmark of similarities rests on: equal answers, medians, misses that fail. No timing counts."""

from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from clocks import own_time
from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))
pytest.importorskip("rsatoolbox")
similarity, metrics = (importlib.import_module(name) for name in ("similarity", "similarity_metrics"))


def test_quick_runs_every_course_and_judges_answers_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert metrics.main(["--quick"]) == 0
    text = capsys.readouterr().out
    assert [line.split(":")[0] for line in text.splitlines() if ":" in line] == ["tau-a", "unbiased CKA", "table"]


@pytest.mark.parametrize(("course", "peer"), [("tau", "taus"), ("cka", "_cka_by_definition")])
def test_answers_that_differ_end_the_benchmark(
    course: str, peer: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = getattr(metrics, peer)
    monkeypatch.setattr(metrics, peer, lambda *given: right(*given) + 1e-6)
    assert metrics.main(["--quick", "--only", course]) == 2
    assert "our answers are not the peer's" in capsys.readouterr().err


def test_a_table_of_other_numbers_ends_the_benchmark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = metrics.compare
    monkeypatch.setattr(metrics, "compare", lambda *given: right(*given)[["raw"]] * 1.001)
    assert metrics.main(["--quick", "--only", "table"]) == 2
    assert "the table's similarities of means" in capsys.readouterr().err


def ways(ours: list[float], peers: list[float], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return two ways that take these seconds by a clock of their own."""
    now = [0.0]
    own_time(monkeypatch, metrics, perf_counter=lambda: now[0])

    def way(took: list[float]) -> Any:
        left = iter(took)

        def run() -> None:
            now[0] += next(left)

        return run

    return {"neurodata4ml": way(ours), "peer": way(peers)}


@pytest.mark.parametrize(
    ("wanted", "ok"), [({"at_least": 4.0}, True), ({"at_least": 4.01}, False), ({"within": 0.25}, True)]
)
def test_ratios_are_of_medians(
    wanted: dict[str, float], ok: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    by = ways([1.0, 2.0, 90.0], [8.0, 700.0, 0.1], monkeypatch)
    assert metrics.judge("title", by, 3, **wanted) is ok
    assert ("MISSED" not in capsys.readouterr().out) is ok


def test_what_is_wanted_is_what_the_issue_wants() -> None:
    assert (metrics.FASTER_TAU, metrics.FROM_GRAM, metrics.TABLE_SECONDS) == (4.0, 3.0, 30.0)
    whole = metrics.Size()
    assert (whole.n_stimuli, whole.n_rdms, whole.n_features) == (118, (50, 20), (100_000, 1_000))
    assert (whole.n_layers, len(whole.n_units), whole.n_repeats) == (500, 6, 50)


def test_a_miss_of_one_part_is_a_miss_of_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []

    def part(code: int) -> SimpleNamespace:
        return SimpleNamespace(main=lambda given: asked.append(given) or code, __spec__=SimpleNamespace())

    for name, code in zip(similarity.PARTS, (0, 1, 0), strict=True):
        monkeypatch.setitem(sys.modules, name, part(code))
    assert similarity.main(["--quick"]) == 1
    assert asked == [["--quick"]] * 3
    assert similarity.main(["--only", similarity.PARTS[0]]) == 0
    assert "rsatoolbox" in capsys.readouterr().out
    monkeypatch.setattr(similarity, "PARTS", ("similarity_of_nobody",))
    assert similarity.main([]) == 1
    assert "similarity_of_nobody.py is not beside this file: MISSED" in capsys.readouterr().out


def test_layers_and_areas_share_a_geometry() -> None:
    layers, areas = metrics._layers(metrics.QUICK), metrics._areas(metrics.QUICK)
    means = areas["area 0"].groupby("stimulus").mean().values
    found = metrics.METRICS["cka_unbiased"](means, layers["layer 3"].values)
    assert 0.3 < found < 1
    assert np.array_equal(layers["layer 3"].stimulus.values, np.unique(areas["area 0"].stimulus.values))
