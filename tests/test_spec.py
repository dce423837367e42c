"""A question is checked before anything is computed."""

import pandas as pd
import pytest

from neurodata4ml.errors import DesignError
from neurodata4ml.spec import Spec, read_spec, select_trials


def write(folder, text):
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_dataset_name_is_a_study_with_defaults():
    assert read_spec("demo") == Spec(source="demo")


def test_options_that_were_not_given_change_nothing():
    assert read_spec("demo", trials=None, window=None, networks=()) == Spec(source="demo")


def test_the_report_lies_where_asked_else_beside_the_others():
    assert read_spec("demo").folder.as_posix() == "reports/demo"
    assert read_spec("data/rat.nwb").folder.as_posix() == "reports/rat"
    assert read_spec("demo", out="elsewhere").folder.as_posix() == "elsewhere"


def test_a_study_file_names_its_recording_relative_to_itself(tmp_path):
    path = write(tmp_path, 'file = "rat.nwb"\nby = "type"\nwindow = [-1, 0.5]\n')
    spec = read_spec(path)
    assert spec.source == str(tmp_path / "rat.nwb")
    assert (spec.by, spec.window) == ("type", (-1.0, 0.5))


def test_options_override_the_study_file(tmp_path):
    assert read_spec(write(tmp_path, 'dataset = "demo"\nseed = 1\n'), seed=7).seed == 7


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('dataset = "demo"\nwindw = [0, 1]\n', "unknown key 'windw'. Did you mean 'window'"),
        ('dataset = "demo"\nfile = "x.nwb"\n', "must name one recording"),
        ("seed = 1\n", "must name one recording"),
        ('dataset = "demo"\nwindow = [1, 0]\n', "must be two rising times"),
        ('dataset = "demo"\nwindow = ["a", "b"]\n', "must be two rising times"),
        ('dataset = "demo"\nseed = "one"\n', "seed = 'one' is a str; it must be a int"),
        ('dataset = "demo"\nseed = true\n', "is a bool"),
        ("dataset = \n", "is not valid TOML"),
    ],
)
def test_a_malformed_study_is_refused_with_the_cure(tmp_path, text, message):
    with pytest.raises(DesignError, match=message):
        read_spec(write(tmp_path, text))


def test_a_study_that_is_not_there_says_what_to_write(tmp_path):
    with pytest.raises(DesignError, match="no study at"):
        read_spec(tmp_path / "none.toml")


TABLE = pd.DataFrame({"contrast": [0.0, 0.5, 1.0], "type": ["go", "probe", "go"]})


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("contrast > 0", [False, True, True]),
        ("type == 'go' and contrast > 0", [False, False, True]),
        ("not type == 'go'", [False, True, False]),
        ("contrast in [0, 1]", [True, False, True]),
        ("contrast * 2 == 1", [False, True, False]),
    ],
)
def test_where_selects_trials(where, kept):
    assert list(select_trials(TABLE, where)) == kept


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("contrast >", "cannot be read"),
        ("contrst > 0", "not a column of the trials. Did you mean 'contrast'"),
        ("zzz > 0", "Columns: contrast, type"),
        ("contrast", "gives values, not yes or no"),
        ("__import__('os').system('true')", "uses Call"),
        ("contrast.real > 0", "uses Attribute"),
    ],
)
def test_where_that_is_not_a_comparison_of_columns_is_refused(where, message):
    with pytest.raises(DesignError, match=message):
        select_trials(TABLE, where)
