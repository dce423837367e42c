"""What the alignment benchmark rests on: its recording, its contenders' counts, its verdicts. No timing counts."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import ROOT

sys.path.append(str(ROOT / "benchmarks"))
align, child, ways = (importlib.import_module(name) for name in ("align", "align_child", "align_ways"))

HERE = [name for name in ways.WAYS if name not in align.ONCE]
COUNTING = [name for name in HERE if name != align.TOUCH]


@pytest.fixture(scope="module")
def recording() -> Any:
    return ways.Recording.simulated(20, 40_000, 60)


def by_hand(recording: Any) -> np.ndarray:
    edges = recording.event[:, None] + ways.EDGES
    return np.stack([np.stack([np.histogram(s, e)[0] for e in edges]) for s in recording.units], axis=-1)


def test_no_spike_of_the_recording_lies_on_an_edge_and_windows_overlap(recording: Any) -> None:
    edges = np.sort((recording.event[:, None] + ways.EDGES).ravel())
    nearest = np.clip(np.searchsorted(edges, recording.times), 1, len(edges) - 1)
    distance = np.minimum(np.abs(recording.times - edges[nearest]), np.abs(recording.times - edges[nearest - 1]))
    assert distance.min() > 1e-7
    assert np.diff(recording.event).min() < ways.EDGES[-1] - ways.EDGES[0]
    assert all((np.diff(spikes) >= 0).all() for spikes in recording.units)


@pytest.mark.parametrize("name", COUNTING)
@pytest.mark.filterwarnings("ignore")
def test_every_contender_counts_as_by_hand_in_the_order_of_the_dims(name: str, recording: Any) -> None:
    counts = ways.WAYS[name](recording)()
    np.testing.assert_array_equal(ways.dense(counts), by_hand(recording))
    if isinstance(counts, np.ndarray):
        assert counts.flags.c_contiguous


def test_touching_adds_up_the_spikes_of_all_windows(recording: Any) -> None:
    inside = [
        spikes[(spikes >= event + ways.EDGES[0]) & (spikes < event + ways.EDGES[-1])].sum()
        for spikes in recording.units
        for event in recording.event
    ]
    assert ways.WAYS[align.TOUCH](recording)() == pytest.approx(sum(inside))


@pytest.mark.slow
def test_a_contender_in_a_process_of_its_own_says_what_it_took(recording: Any, tmp_path: Path) -> None:
    recording.save(tmp_path)
    said = {}
    for name in (align.OURS, align.BINCOUNT):
        command = [sys.executable, str(ROOT / "benchmarks/align_child.py"), str(tmp_path), name, "2"]
        said[name] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert said[align.OURS]["digest"] == said[align.BINCOUNT]["digest"]
    assert len(said[align.OURS]["seconds"]) == 2
    assert said[align.OURS]["held"] == 20 * 60 * 60


def result(seconds: float, **more: Any) -> dict[str, Any]:
    return {"seconds": [seconds], "first": 0.0, "held": 100, "beyond": 110, **more}


def test_what_is_missed_is_said_and_what_is_reached_is_ok() -> None:
    results = {
        align.OURS: result(1.0),
        align.BINCOUNT: result(9.0),
        align.SEARCH: result(7.0),
        align.PYNAPPLE: result(61.0),
        align.ALLENSDK: result(39.0),
        align.TOUCH: {"seconds": [0.05], "first": 0.0},
    }
    wishes = {wish.what: wish for wish in align.judge(results)}
    assert [wish.ok for wish in wishes.values()] == [True, False, False, False, True]
    assert wishes["times as fast as numpy's bincount or searchsorted"].value == 7
    assert "MISSED" in str(wishes["times as fast as AllenSDK"])
    table = align.table("title", results)
    assert "61.0x" in table
    assert align.OURS in table


def test_an_environment_that_is_not_there_is_named(monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setitem(align.PYTHONS, align.ALLENSDK, "/nowhere/python")
    assert align.main(["--quick"]) == 1
    assert "/nowhere/python is not there. Type: make bench-setup" in capsys.readouterr().err


def test_a_contender_that_counts_otherwise_ends_the_benchmark(monkeypatch: Any, recording: Any) -> None:
    digests = iter("ab")
    monkeypatch.setattr(align, "run", lambda name, folder, n_runs: result(1.0, digest=next(digests)))
    with pytest.raises(align.FailureError, match=f"{align.BINCOUNT} counts otherwise than {align.OURS}"):
        align.race([align.OURS, align.BINCOUNT], recording, 1)
