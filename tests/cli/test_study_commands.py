"""The commands of a study as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archive import guo_alm_twin
from neurodata4ml.cli.main import main
from neurodata4ml.spec import read_spec
from neurodata4ml.studies.template import template


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["study", *words])


def test_init_writes_a_study_that_check_accepts() -> None:
    done = typed("init", "demo")
    assert done.exit_code == 0
    assert done.stdout.endswith("neurodata4ml study check study.toml\n")
    assert Path("study.toml").read_text(encoding="utf-8") == template("demo")
    checked = typed("check", "study.toml")
    assert checked.exit_code == 0
    for said in ("recording  where", "decode", "99 shuffles", "Time: about ", "Memory: about ", "To move: nothing"):
        assert said in checked.stdout


def test_init_never_replaces_a_file_unless_forced() -> None:
    Path("study.toml").write_text("mine", encoding="utf-8")
    done = typed("init", "demo")
    assert (done.exit_code, Path("study.toml").read_text(encoding="utf-8")) == (2, "mine")
    assert "study.toml is there already. Choose another name with --out, or replace it with --force." in done.stderr
    assert typed("init", "demo", "--force").exit_code == 0
    assert read_spec("study.toml").source == "demo"


def test_init_writes_where_it_is_told_and_says_so() -> None:
    assert json.loads(typed("init", "allen-vc", "--out", "deep/scenes.toml", "--json").stdout) == {
        "study": str(Path("deep/scenes.toml"))
    }
    assert typed("init", "demo", "-q", "--out", "quiet.toml").stdout == "quiet.toml\n"
    assert "is a folder; name a file" in typed("init", "demo", "--out", "deep").stderr
    assert "cannot be written" in typed("init", "demo", "--out", "quiet.toml/x.toml").stderr


def test_init_knows_the_dataset_that_was_meant() -> None:
    done = typed("init", "alen-vc")
    assert done.exit_code == 2
    assert "did you mean 'allen-vc'" in done.stderr


def test_check_tells_every_mistake_with_its_line_and_ends_with_2() -> None:
    Path("study.toml").write_text('dataset = "demo"\nwindw = [0, 1]\nseed = -1\n', encoding="utf-8")
    done = typed("check", "study.toml")
    assert done.exit_code == 2
    assert "study.toml, line 2: unknown key 'windw'. Did you mean 'window'?" in done.stderr
    assert "study.toml, line 3: seed = -1" in done.stderr
    Path("study.toml").write_text('dataset = "demo"\n\n[decode]\ndecodr = "svm"\n', encoding="utf-8")
    done = typed("check", "study.toml")
    assert done.exit_code == 2
    assert "study.toml, line 4: [decode] has no option 'decodr'. Did you mean 'decoder'?" in done.stderr


@pytest.mark.parametrize(
    ("line", "says"),
    [("[decode]\ndecodr = 'lda'", "line 3: [decode] has no option 'decodr'"), ("session = 'x'", "line 2: demo has no")],
)
def test_a_report_refuses_what_check_refuses_with_the_same_code(line: str, says: str) -> None:
    Path("study.toml").write_text(f'dataset = "demo"\n{line}\n', encoding="utf-8")
    for command in (["study", "check"], ["report"]):
        done = CliRunner().invoke(main, [*command, "study.toml"])
        assert done.exit_code == 2
        assert says in done.stderr
    assert [path.name for path in Path().iterdir()] == ["study.toml"]


def test_what_does_not_fit_the_recording_is_told_with_its_line_by_check_and_by_report() -> None:
    guo_alm_twin(Path("alm.nwb"))
    text = 'file = "alm.nwb"\ntrials = "trials"\nwindow = [0.0, 0.5]\nalign = "cue_start_time"\nby = "typ"\n'
    Path("study.toml").write_text(text, encoding="utf-8")
    for command in (["study", "check"], ["report"]):
        done = CliRunner().invoke(main, [*command, "study.toml"])
        assert done.exit_code == 2
        assert "study.toml, line 5: by = 'typ' is not a column of the trial table. Did you mean 'type'?" in done.stderr
        assert "Next: " not in done.stdout
    done = CliRunner().invoke(main, ["report", "study.toml", "--by", "tpe"])
    assert done.exit_code == 2
    assert "Error: by = 'tpe' is not a column of the trial table." in done.stderr
    assert not Path("reports").exists()


def test_check_tells_a_program_what_it_tells_a_reader() -> None:
    text = 'dataset = "allen-vc"\nsessions = "all"\nseed = 3\n[decode]\ndecoder = "svm"\n'
    Path("study.toml").write_text(text, encoding="utf-8")
    facts = json.loads(typed("check", "study.toml", "--json").stdout)
    assert len(facts["recordings"]) == 32
    assert facts["bytes_to_move"] > 80e9
    assert facts["seconds_low"] < facts["seconds"]["total"] < facts["seconds_high"]
    assert facts["changed"] == {"sessions": ["all"], "seed": 3, "decode.decoder": "svm"}
    told = typed("check", "study.toml").stdout
    assert "... 32 recordings in all" in told
    assert "Not at their default: seed = 3, sessions = all, decode.decoder = 'svm'" in told


def test_check_ends_with_2_where_no_recording_can_be_used() -> None:
    Path("a.nwb").write_bytes(b"no file of HDF5")
    Path("study.toml").write_text('file = "a.nwb"\n', encoding="utf-8")
    done = typed("check", "study.toml")
    assert done.exit_code == 2
    assert "cannot be used: see the note" in done.stdout


def test_check_is_silent_where_it_is_asked_to_be() -> None:
    done = typed("check", "demo", "-q")
    assert (done.exit_code, done.stdout) == (0, "")


@pytest.mark.parametrize("words", [["--help"], ["init", "--help"], ["check", "--help"]])
def test_help_teaches_by_example(words: list[str]) -> None:
    assert "Examples:\n    neurodata4ml study " in typed(*words).stdout
