"""A question is checked before anything is computed."""

import dataclasses
from pathlib import Path

import pytest

from neurodata4ml.errors import DesignError
from neurodata4ml.spec import Spec, read_spec
from neurodata4ml.study_keys import LISTS, TAKES


def test_a_dataset_name_is_a_study_with_defaults() -> None:
    assert read_spec("demo") == Spec(source="demo")


def test_options_that_were_not_given_change_nothing() -> None:
    assert read_spec("demo", trials=None, window=None, networks=()) == Spec(source="demo")


def test_the_report_lies_where_asked_else_beside_the_others() -> None:
    assert read_spec("demo").folder.as_posix() == "reports/demo"
    assert read_spec("data/rat.nwb").folder.as_posix() == "reports/rat"
    assert read_spec("demo", out="elsewhere").folder.as_posix() == "elsewhere"


def test_lists_of_any_kind_become_tuples_of_text() -> None:
    spec = read_spec("demo", sessions=[1, 2], areas=["early"], window=[0, 1])
    assert (spec.sessions, spec.areas, spec.window) == (("1", "2"), ("early",), (0.0, 1.0))
    assert read_spec("demo", sessions="all").sessions == read_spec("demo", sessions=("all",)).sessions == ("all",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"windw": (0, 1)}, "demo: unknown key 'windw'. Did you mean 'window'?"),
        ({"seed": -1}, r"seed = -1 \(a number\) must be a whole number from 0 to 4,294,967,295, e.g. 0"),
        ({"seed": 1.5}, "seed = 1.5"),
        ({"bin_width": float("nan")}, "bin_width = nan .* must be a time above 0 s; 10 ms is 0.01"),
        ({"window": (0, float("inf"))}, "must be two rising times in seconds"),
        ({"options": {"decode": 3}}, r"decode = 3 must be a table: the line \[decode\], its options below it"),
        ({"options": {"decod": {}}}, r"unknown table \[decod\]. Did you mean \[decode\]?"),
        ({"options": ["decode"]}, "options = .* must hold options by analysis"),
        ({"session": "1", "sessions": ("1", "2")}, "Keep one of the two lines"),
        ({"session": "1", "files": ("a.nwb",)}, "session belongs to a dataset; files are recordings already"),
        ({"order": ("a", "b", "c"), "areas": ("a", "b")}, "order names 'c', which is not among areas"),
        ({"where": "  "}, "must be a comparison of trial columns in quotes"),
    ],
)
def test_a_question_that_cannot_be_is_refused_with_the_cure(options: dict[str, object], message: str) -> None:
    with pytest.raises(DesignError, match=message):
        read_spec("demo", **options)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(DesignError) as caught:
        read_spec("demo", seed=-1, n_shuffles=0, units=3)
    assert len(str(caught.value).splitlines()) == 3


def test_every_key_of_a_study_is_checked() -> None:
    assert {*TAKES, *LISTS, "options"} == {one.name for one in dataclasses.fields(Spec)}


def test_a_study_of_an_address_is_kept_without_its_signature() -> None:
    spec = read_spec("https://user:secret@archive.org/a/session.nwb?X-Amz-Signature=abc")
    assert spec.to_dict()["source"] == "https://archive.org/a/session.nwb"
    assert spec.name == "session"
    assert "Signature" in spec.source


def test_where_files_and_reports_lie_is_no_part_of_the_question() -> None:
    here, there = (
        read_spec(f"{folder}/a.nwb", files=(f"{folder}/a.nwb", f"{folder}/b.nwb"), out=folder) for folder in ("x", "/y")
    )
    assert here.to_dict() == there.to_dict()
    assert here.to_dict()["files"] == ("a.nwb", "b.nwb")


def test_the_file_that_a_study_was_read_from_is_no_part_of_the_question(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text('dataset = "demo"\n[decode]\n', encoding="utf-8")
    assert read_spec(path) == read_spec("demo")
    assert read_spec(path).origin == str(path)
    assert "origin" not in read_spec(path).to_dict()
