"""A study as a file: what is in it is read, and each mistake is told with its line and its cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurodata4ml.errors import DesignError
from neurodata4ml.spec import Spec, read_spec

WHOLE = """
title = "Scenes"  # a comment
dataset = "demo"
sessions = ["0", 1]
trials = "natural_scenes"
by = "stimulus"
align = "start_time"
window = [0, 0.25]
bin_width = 0.025
where = "block < 5"
units = "all"
areas = ["early", "late"]
networks = ["digits"]
layers = ["conv1"]
analyses = ["rates", "decode", "rdm"]
n_shuffles = 9
seed = 3
out = "somewhere"

[decode]
decoder = "svm"
nested = {C = [0.1, 1]}

[rdm]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    """Return what is told of a study, line by line, without the name of its folder."""
    with pytest.raises(DesignError) as caught:
        read_spec(write(folder, text))
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_every_key_and_table_is_read(tmp_path: Path) -> None:
    assert read_spec(write(tmp_path, WHOLE)) == Spec(
        source="demo",
        title="Scenes",
        sessions=("0", "1"),
        trials="natural_scenes",
        by="stimulus",
        align="start_time",
        window=(0.0, 0.25),
        bin_width=0.025,
        where="block < 5",
        units="all",
        areas=("early", "late"),
        networks=("digits",),
        layers=("conv1",),
        analyses=("rates", "decode", "rdm"),
        n_shuffles=9,
        seed=3,
        out="somewhere",
        options={"decode": {"decoder": "svm", "nested": {"C": [0.1, 1]}}},
    )


def test_a_study_names_its_recording_relative_to_itself(tmp_path: Path) -> None:
    spec = read_spec(write(tmp_path, 'file = "rat.nwb"\nby = "type"\nwindow = [-1, 0.5]\n'))
    assert spec.source == str(tmp_path / "rat.nwb")
    assert (spec.by, spec.window) == ("type", (-1.0, 0.5))


def test_an_address_is_no_path(tmp_path: Path) -> None:
    assert read_spec(write(tmp_path, 'file = "https://a.org/b.nwb"\n')).source == "https://a.org/b.nwb"


def test_patterns_find_files_sorted_and_each_once(tmp_path: Path) -> None:
    for name in ("b.nwb", "a.nwb", "deep/c.nwb", "a[1].nwb"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    spec = read_spec(write(tmp_path, 'files = ["b.nwb", "?.nwb", "*/*.nwb", "a[1].nwb"]\n'))
    names = ["a.nwb", "a[1].nwb", "b.nwb", "deep/c.nwb"]
    assert spec.files == tuple(str(tmp_path / name) for name in names)
    assert spec.source == spec.files[0]


def test_options_override_the_study_file(tmp_path: Path) -> None:
    path = write(tmp_path, 'dataset = "demo"\nseed = 1\nsessions = "all"\n')
    assert read_spec(path, seed=7).seed == 7
    assert read_spec(path, session="3").sessions is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("windw = [0, 1]", "unknown key 'windw'. Did you mean 'window'?"),
        ("n_permutations = 100", "unknown key 'n_permutations'. Did you mean 'n_shuffles'?"),
        ('source = "other"', "unknown key 'source'. Did you mean 'dataset'?"),
        ("qqq = 1", "unknown key 'qqq'. Known: dataset, file, "),
        ("window = [1, 0]", "window = [1, 0] (a list) must be two rising times in seconds, e.g. [-0.1, 0.5]."),
        ('window = ["a", "b"]', "must be two rising times"),
        ("window = [true, 3]", "must be two rising times"),
        ("window = 0.5", "window = 0.5 (a number) must be two rising times"),
        ('seed = "one"', "seed = 'one' (text) must be a whole number from 0 to 4,294,967,295, e.g. 0."),
        ("seed = true", "seed = True (true or false) must be a whole number"),
        ("seed = 2026-01-01", "(date) must be a whole number"),
        ("n_shuffles = 0", "n_shuffles = 0 (a number) must be a whole number from 1 to 10,000,000, e.g. 99."),
        ("bin_width = 0", "bin_width = 0 (a number) must be a time above 0 s; 10 ms is 0.01."),
        ("title = 3", "title = 3 (a number) must be text in quotes"),
        ("session = [1]", "several are sessions = [...]"),
        ("areas = []", 'areas = [] names nothing. Name at least one, e.g. areas = ["VISp", "CA1"], or leave it out.'),
        ('areas = "VISp"', 'must be a list of names in quotes, e.g. areas = ["VISp", "CA1"].'),
        ('areas = ["V1", "V1"]', "areas names 'V1' twice. Name each once."),
        ('order = ["a", "b"]', "must name three or more areas, early ones first"),
        ('analyses = ["decod"]', "unknown analysis 'decod' (text). Did you mean 'decode'?"),
        ('analyses = ["xyz"]', "Known: rates, decode, latents, dimensionality, reliability, rdm, encode, compare."),
        ('decode = "svm"', "decode = 'svm' must be a table: the line [decode], its options below it."),
        ("[decod]\nx = 1", "unknown table [decod]. Did you mean [decode]?"),
        ("[qqq]\nx = 1", "unknown table [qqq]. Known: decode, latents,"),
        ("[title]\nx = 1", "title = {'x': 1} (a table) must be text in quotes"),
        ('[options.decode]\ndecoder = "svm"', "Each analysis has a table of its own: [decode]"),
        ('file = "x.nwb"', "dataset and file both name recordings. Write one of: dataset = "),
        ("seed 1", "not valid TOML: Expected '=' after a key in a key/value pair in column 6."),
        ("title = demo", "not valid TOML: Invalid value in column 9. Text stands in quotes, as in dataset ="),
        (
            'dataset = "x"',
            "not valid TOML: Cannot overwrite a value in column 14. Each key, and each table, stands once.",
        ),
        (f"seed = {'9' * 5000}", "not valid TOML: "),
    ],
)
def test_a_mistake_is_told_with_its_line_and_its_cure(tmp_path: Path, line: str, said: str) -> None:
    (fault,) = faults(tmp_path, f'# a study\n\ndataset = "demo"\n{line}\n')
    assert fault.startswith("study.toml, line 4: ") or "9999" in line
    assert said in fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seed = 1\n", 'no recording is named. Write one of: dataset = "demo", file = "recording.nwb", files = '),
        ("file = 3\n", 'study.toml, line 1: file = 3 must be text in quotes: file = "recording.nwb".'),
        ("files = []\n", "study.toml, line 1: files = [] must be a list of paths or patterns in quotes"),
        ('files = ["*.nwb"]\n', "study.toml, line 1: no file fits the pattern '*.nwb' in "),
        ('files = ["a.nwb"]\n', "study.toml, line 1: there is no file 'a.nwb' in "),
        ('files = ["study.toml", "study.toml"]\n', "files names 'study.toml' twice. Name each once."),
        ("[dataset]\nname = 3\n", "dataset = {'name': 3} must be text in quotes"),
        (f"x = {'[' * 5000}", "its lists are nested too deeply"),
    ],
)
def test_recordings_that_cannot_be_found_are_told(tmp_path: Path, text: str, said: str) -> None:
    assert said in faults(tmp_path, text)[0]


def test_all_mistakes_of_a_file_are_told_together_in_the_order_of_its_lines(tmp_path: Path) -> None:
    text = 'seed = -1\nwindow = [1, 0]\n\n[decod]\nx = 1\n\n[decode]\n"n folds" = 3\n'
    found = faults(tmp_path, text)
    assert [fault.split(":")[0] for fault in found] == [
        "study.toml",  # no recording is named: nowhere
        "study.toml, line 1",
        "study.toml, line 2",
        "study.toml, line 4",
    ]


def test_a_key_that_is_no_text_for_a_terminal_is_told_as_text(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, 'dataset = "demo"\n"\\u001b[31mred\\n" = 1\n')
    assert r"unknown key '\x1b[31mred\n'" in fault
    (fault,) = faults(tmp_path, f'dataset = "demo"\n{"k" * 9000} = 1\n')
    assert len(fault) < 500


def test_a_study_that_is_not_there_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match=r"no study at .*neurodata4ml study init demo --out none\.toml"):
        read_spec(tmp_path / "none.toml")


def test_a_study_that_begins_with_the_mark_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text('dataset = "demo"', encoding="utf-8-sig")
    assert read_spec(path).source == "demo"


def test_a_study_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes('title = "Größe"'.encode("latin-1"))
    with pytest.raises(DesignError, match=r"is not UTF-8 .* Save it as UTF-8"):
        read_spec(path)
