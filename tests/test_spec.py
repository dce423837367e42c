"""A question is checked before anything is computed."""

import pytest

from neurodata4ml.errors import DesignError
from neurodata4ml.spec import Spec, read_spec


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
        ("file = 3\n", "must name one recording"),
        ('dataset = "demo"\nsource = "other"\n', "must name one recording"),
        ('dataset = "demo"\nwindow = [true, 3]\n', "must be two rising times"),
        ('dataset = "demo"\nn_permutations = 100\n', "unknown key 'n_permutations'. Did you mean 'n_shuffles'"),
        ('dataset = "demo"\nn_shuffles = 0\n', "n_shuffles = 0 must be a whole number of at least 1"),
        ('dataset = "demo"\nseed = -1\n', "seed = -1 must be a whole number of at least 0"),
        ('dataset = "demo"\nbin_width = 0\n', "bin_width = 0 must be a time above 0 s"),
    ],
)
def test_a_malformed_study_is_refused_with_the_cure(tmp_path, text, message):
    with pytest.raises(DesignError, match=message):
        read_spec(write(tmp_path, text))


def test_a_study_that_is_not_there_says_what_to_write(tmp_path):
    with pytest.raises(DesignError, match="no study at"):
        read_spec(tmp_path / "none.toml")


def test_a_study_that_begins_with_the_mark_of_a_windows_editor_is_read(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text('dataset = "demo"', encoding="utf-8-sig")
    assert read_spec(path).source == "demo"


def test_a_study_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "study.toml"
    path.write_bytes('title = "Größe"'.encode("latin-1"))
    with pytest.raises(DesignError, match="is not valid TOML"):
        read_spec(path)


def test_a_study_of_an_address_is_kept_without_its_signature() -> None:
    spec = read_spec("https://user:secret@archive.org/a/session.nwb?X-Amz-Signature=abc")
    assert spec.to_dict()["source"] == "https://archive.org/a/session.nwb"
    assert spec.name == "session"
    assert "Signature" in spec.source
