"""The study that is written for a dataset: valid for every one, complete, and true to the functions it explains."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from conftest import ROOT
from neurodata4ml import describe
from neurodata4ml.data.entries.catalog import names
from neurodata4ml.spec import Spec, read_spec
from neurodata4ml.studies.options import check_options
from neurodata4ml.studies.parameters import FUNCTIONS, OF_THE_STUDY, choices, parameters
from neurodata4ml.studies.template import template
from neurodata4ml.study_keys import ANALYSES, LISTS, TAKES

HOSTILE = 'x"""\n[decode]\nseed = 9\r\u2028dataset = "other"\x1b[31m \u202e<script>'


def written(folder: Path, text: str) -> Spec:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return read_spec(path)


@pytest.mark.parametrize("name", names())
def test_the_study_of_every_dataset_can_be_read_and_run(tmp_path: Path, name: str) -> None:
    spec, entry = written(tmp_path, template(name)), describe(name)
    check_options(spec)
    assert (spec.source, spec.trials or "") == (name, entry.layout.default_trials)
    assert spec.window == (entry.layout.trials[entry.layout.default_trials].window or None)
    assert spec.options == {}
    assert set(spec.analyses or ()) <= set(ANALYSES)


def test_the_study_of_another_dataset_becomes_that_of_the_demo_by_one_line(tmp_path: Path) -> None:
    text = template("allen-vc")
    assert text.count('\ndataset = "allen-vc"\n') == 1
    spec = written(tmp_path, text.replace('\ndataset = "allen-vc"\n', '\ndataset = "demo"\n'))
    check_options(spec)
    trials = describe("demo").layout.trials[str(spec.trials)]
    assert spec == Spec("demo", trials="natural_scenes", window=trials.window, analyses=tuple(ANALYSES))


def test_every_key_and_every_option_is_there_with_its_default() -> None:
    text = template("allen-vc")
    keys = {*TAKES, *LISTS, "dataset", "file"} - {"source", "origin"}
    assert {key for key in keys if not re.search(rf"^(# )?{key} = ", text, re.MULTILINE)} == set()
    tables = dict(
        zip(re.findall(r"^\[(\w+)\]$", text, re.MULTILINE), re.split(r"^\[\w+\]$", text, flags=re.M)[1:], strict=True)
    )
    assert list(tables) == list(FUNCTIONS)
    for table, lines in tables.items():
        wanted = {name for c in ({}, *choices(table).values()) for name in parameters(table, c)} - set(OF_THE_STUDY)
        told = set(re.findall(r"^# (\w+)(?= =|\s+# only)", lines, re.MULTILINE))
        assert told | {"align", "window", "bin_width", "layers"} >= wanted


def test_the_defaults_that_are_shown_are_those_of_the_functions(tmp_path: Path) -> None:
    """Every line of the tables, without its #, is a study that passes."""
    choice: dict[str, object] = {}
    table, n_tried = "", 0
    for line in template("demo").splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            table, choice = header[1], {}
        elif words := re.fullmatch(r"# With (.*):", line):
            choice = choices(table)[words[1]]
        elif table and (option := re.match(r"# (\w+ = (?!…)[^#]*)", line)):
            value = tomllib.loads(option[1])
            check_options(Spec("demo", options={table: {**choice, **value}}))
            default = parameters(table, choice)[next(iter(value))].default
            shown = next(iter(value.values()))
            assert shown == (list(default) if isinstance(default, tuple) else default) or shown == "crossnobis"
            n_tried += 1
    assert n_tried > 50


def test_no_line_is_longer_than_a_screen_but_for_lists_of_names() -> None:
    long = [line for name in names() for line in template(name).splitlines() if len(line) > 110]
    assert [line for line in long if not re.match(r"#? ?\w+ = [\[\"]", line)] == []


def test_what_a_catalog_says_stays_a_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (ROOT / "catalog" / "demo.toml").read_text(encoding="utf-8")
    text = HOSTILE.replace("\\", "\\\\").replace('"', '\\"')
    escaped = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    for key in ("title", "task", "species"):
        source = re.sub(rf"^{key} = .*$", lambda m, key=key: f'{key} = "{escaped}"', source, flags=re.MULTILINE)
    source = source.replace('name = "demo"', 'name = "mine"').replace("caveats = [", f'caveats = [\n  "{escaped}",')
    (tmp_path / "mine.toml").write_text(source, encoding="utf-8")
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path))
    spec = written(tmp_path, template("mine"))
    assert (spec.source, spec.seed, spec.options) == ("mine", 0, {})
    assert not [c for c in template("mine") if not c.isprintable() and c != "\n"]
