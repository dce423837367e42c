"""Results that were saved and loaded are the results that were computed, to the last bit and the last label."""

import dataclasses
import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.record.digests import content_digests
from neurodata4ml.record.keys import file_name
from neurodata4ml.results import Results
from record.odd_arrays import odd_array, odd_results
from report.factory import make_results


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    return odd_results().save(tmp_path_factory.mktemp("odd") / "results.json")


@pytest.mark.parametrize("results", [odd_results(), make_results(n_stimuli=8, n_conditions=2)], ids=["odd", "usual"])
def test_what_is_loaded_has_the_digests_of_what_was_saved(results, tmp_path):
    loaded = Results.load(results.save(tmp_path / "results.json"))
    assert content_digests(loaded) == content_digests(results)
    assert all(loaded.arrays[name].identical(array) for name, array in results.arrays.items())
    assert [*loaded.arrays] == [*results.arrays]
    assert [*loaded.sessions] == [*results.sessions]
    for one, other in zip(loaded.sessions.values(), results.sessions.values(), strict=True):
        assert one.arrays["odd"].identical(other.arrays["odd"])


def test_a_report_is_loaded_by_the_name_of_its_folder(saved):
    assert Results.load(saved.parent).to_dict() == Results.load(saved).to_dict()


@pytest.mark.parametrize("name", [str(name) for name in odd_array().variables])
def test_each_variable_keeps_its_kind(saved, name):
    before, after = odd_array()[name], Results.load(saved).arrays["odd_sessions"][name]
    assert after.dtype == before.dtype.newbyteorder("=")
    assert after.identical(before)


def test_numbers_that_json_does_not_have_come_back_in_study_data_and_attributes(saved):
    loaded = Results.load(saved)
    assert loaded.spec["limits"] == [0.0, -np.inf]
    assert np.isnan(loaded.spec["c"])
    attrs = loaded.arrays["odd_sessions"].attrs
    assert attrs["inf"] == np.inf
    assert np.isnan(attrs["nan"])
    assert attrs["mapping"] == {"x": [1, None, -np.inf]}
    assert attrs["nothing"] is None
    assert attrs["yes"] is True
    assert type(attrs["count"]) is int


def test_the_file_is_strict_json_in_ascii_and_a_second_round_gives_the_same_bytes(saved, tmp_path):
    def refuse(word):
        pytest.fail(f"{word} is no JSON")

    json.loads(saved.read_bytes().decode("ascii"), parse_constant=refuse)
    again = Results.load(saved).save(tmp_path / "again.json")
    assert again.read_bytes() == saved.read_bytes()


def test_numbers_have_the_digits_that_they_need_and_no_more(tmp_path):
    values = {"double": np.array([0.1, 1 / 3]), "single": np.array([0.1, 1 / 3], dtype="f4")}
    array = xr.Dataset({name: ("x", value) for name, value in values.items()})
    written = json.loads(Results({}, {}, {"a": array}).save(tmp_path / "results.json").read_text(encoding="utf-8"))
    data = {name: one["data"] for name, one in written["arrays"]["a"]["data_vars"].items()}
    assert data == {"double": [0.1, 1 / 3], "single": [0.1, 0.33333334]}


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_how_python_hashes_texts(tmp_path):
    code = (
        "import sys; from neurodata4ml.results import Results\n"
        "names = {'a', 'bc', 'def', 'ghij'}\n"
        "Results({'names': names}, {n: 1 for n in sorted(names)}, {}).save(sys.argv[1])"
    )
    for seed in ("1", "2"):
        path = str(tmp_path / f"{seed}.json")
        subprocess.run([sys.executable, "-c", code, path], check=True, env={"PYTHONHASHSEED": seed})
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


def test_where_recordings_lay_is_no_part_of_the_results(tmp_path):
    results = make_results(only=())
    moved = dataclasses.replace(results, places={"": "/elsewhere/mouse.nwb"})
    paths = [one.save(tmp_path / f"{i}.json") for i, one in enumerate((results, moved))]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_each_recording_has_a_file_of_its_own_whatever_it_is_called(saved):
    names = sorted(path.relative_to(saved.parent).as_posix() for path in saved.parent.rglob("*") if path.is_file())
    assert names == sorted(["results.json", *(f"sessions/{file_name(key)}" for key in ("../x", "A", "a"))])
    assert "sessions/a.json" in names


KEYS = ["", ".", "..", "a", "A", "a.", "a b", "a/b", "a\\b", "CON", "con", "con.x", "é", "e\u0301", "\ud800", "\0", "-"]
KEYS += ["721123822", "x" * 300, "x" * 301, "a-" + "0" * 16, file_name("A").removesuffix(".json"), "sub-1_ses-2.x"]


def test_two_keys_never_share_a_file_and_no_name_leads_elsewhere():
    names = [file_name(key) for key in KEYS]
    assert all(one.casefold() != other.casefold() for one, other in itertools.combinations(names, 2))
    assert all(len(name) < 120 and set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_.-") for name in names)
    assert not any(name.startswith("..") or name.split(".")[0] in ("con", "") for name in names)
    assert file_name("sub-1_ses-2.x") == "sub-1_ses-2.x.json"


def change(path, edit):
    raw = json.loads(path.read_text(encoding="utf-8"))
    edit(raw)
    path.write_text(json.dumps(raw), encoding="utf-8")


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda raw: raw.update(schema="neurodata4ml/results/1"), "has the schema 'neurodata4ml/results/1'"),
        (lambda raw: raw.pop("schema"), "has the schema None"),
        (lambda raw: raw.pop("arrays"), "is damaged .KeyError: 'arrays'"),
        (lambda raw: raw["arrays"]["psth"]["dims"].update(time=3), "is damaged .ValueError"),
        (lambda raw: raw["arrays"]["psth"]["coords"]["time"].update(dtype="V8"), "dtype 'V8' is none that results"),
        (lambda raw: raw["arrays"]["psth"]["coords"]["time"].pop("data"), "is damaged .KeyError: 'data'"),
        (lambda raw: raw.update(spec=None, arrays=[]), "is damaged .AttributeError"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused_in_words(tmp_path, edit, words):
    path = make_results(only=("psth",), n_conditions=2).save(tmp_path / "results.json")
    change(path, edit)
    with pytest.raises(ValueError, match=rf"{words}.*Run the study again"):
        Results.load(path)


def test_results_introduce_themselves_in_one_harmless_line():
    results = make_results(only=("psth", "rdms"), n_stimuli=4, n_conditions=2)
    assert repr(results) == "<Results: demo; psth, rdms>"
    hostile = dataclasses.replace(results, data={"dataset": "\x1b[31m\nred" + "x" * 1000}, arrays={})
    assert repr(hostile).isprintable()
    assert len(repr(hostile)) < 200
    assert repr(odd_results()) == "<Results of 3 recordings: a recording; odd_sessions, sessions>"


def test_in_a_notebook_results_are_a_table_and_every_text_stays_text():
    evil = "<script>alert(1)</script>\u202e"
    results = make_results(("early",), only=("psth",), n_conditions=2, missing={evil: evil}, spec={"title": evil})
    shown = dataclasses.replace(results, warnings=[evil])._repr_html_()
    assert "<script" not in shown
    assert "\u202e" not in shown
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4
    assert '<th scope="row">psth</th><td>area: 1, time: 45, condition: 2, mark: ' in shown
    assert "rate, low, high" in shown
    assert "1978 trials, 60 units, 100 conditions" in shown
