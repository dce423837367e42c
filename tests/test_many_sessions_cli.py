"""The command ``report``: what is typed comes before what a study file says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from crowds import many_files
from neurodata4ml.cli.main import main
from neurodata4ml.spec import Spec
from neurodata4ml.studies import run


class HeardError(Exception):
    """Ends the command where the study would begin."""


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["report", *words])


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """What the study would be asked with."""
    found: list[Any] = []

    def listen(spec: Spec, **options: Any) -> None:
        found.extend([spec, options])
        raise HeardError

    monkeypatch.setattr(run, "run_study", listen)
    monkeypatch.chdir(tmp_path)
    return found


def test_what_is_typed_comes_before_what_the_study_file_says(heard: list[Any], tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(
        'dataset = "demo"\nsession = "1"\nseed = 4\nn_shuffles = 9\n[decode]\ndecoder = "ridge"\n', encoding="utf-8"
    )
    words = ["--sessions", "3", "--sessions", "5", "--seed", "6", "--analysis", "decode", "--area", "early"]
    typed("study.toml", *words, "--units", "all", "--layer", "conv1", "--title", "Mine", "--workers", "2")
    spec, options = heard
    assert (spec.session, spec.sessions, spec.seed, spec.n_shuffles) == (None, ("3", "5"), 6, 9)
    assert (spec.analyses, spec.areas, spec.units, spec.layers) == (("decode",), ("early",), "all", ("conv1",))
    assert (spec.title, spec.options) == ("Mine", {"decode": {"decoder": "ridge"}})
    assert options["workers"] == 2
    assert options["unfinished"] == tmp_path / "reports" / ".demo.unfinished"


def test_several_files_are_one_study(heard: list[Any]) -> None:
    typed("mouse-0.nwb", "mouse-1.nwb", "--trials", "trials", "--by", "type")
    assert heard[0].files == ("mouse-0.nwb", "mouse-1.nwb")


def test_nothing_is_asked_where_the_report_cannot_be_written(heard: list[Any], tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").touch()
    done = typed("demo", "--out", "thesis")
    assert done.exit_code == 1
    assert "thesis is no report of neurodata4ml: it holds thesis.tex" in done.stderr
    assert heard == []
    assert isinstance(typed("demo", "--out", "thesis", "--force").exception, HeardError)


@pytest.mark.parametrize(
    ("is_kept", "said"),
    [
        (False, "Stopped. Nothing was written."),
        (True, "Stopped. What is done is kept in {}; the same command goes on from there."),
    ],
)
def test_ctrl_c_ends_with_130_and_says_what_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_kept: bool, said: str
) -> None:
    def stop(spec: Spec, *, unfinished: Path, **options: Any) -> None:
        if is_kept:
            unfinished.mkdir(parents=True)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "run_study", stop)
    done = typed("demo", "--out", str(tmp_path / "page"))
    assert done.exit_code == 130
    assert done.stderr.splitlines()[-1] == said.format(tmp_path / ".page.unfinished")


def test_a_report_of_two_files_says_where_it_is_and_leaves_nothing_beside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = many_files(tmp_path / "data", 2)
    monkeypatch.chdir(tmp_path)
    options = ["--trials", "trials", "--by", "type", "--align", "cue_start_time", "--window", "-1", "0.5"]
    options += ["--bin-width", "0.1", "--n-shuffles", "9", "--analysis", "rates", "--out", "mine", "--json"]
    done = typed(*(spec.files or ()), *options)
    assert done.exit_code == 0, done.output
    written = json.loads(done.stdout)
    assert {name: Path(path).name for name, path in written.items()} == {
        "page": "index.html",
        "results": "results.json",
        "lock": "study.lock",
    }
    assert all(Path(path).is_file() for path in written.values())
    assert {path.name for path in tmp_path.iterdir()} <= {"data", "mine", "neurodata4ml.lock"}
    assert "session 2 of 2: mouse-1 done in" in done.stderr
