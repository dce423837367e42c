"""A network that is a file belongs to what a report was made from: found, compared and named as recordings are."""

import shutil
from pathlib import Path

import pytest

import twins
from neurodata4ml.errors import NotCachedError
from neurodata4ml.places import catalog_folder
from neurodata4ml.record import study_lock
from neurodata4ml.report.folder import write_report
from neurodata4ml.spec import Spec, read_spec
from neurodata4ml.studies.run import run_study
from neurodata4ml.studies.unfinished import fingerprint
from neurodata4ml.verification.verify import verify

DIGITS = catalog_folder() / "networks" / "digits.onnx"
UNTRAINED = DIGITS.with_name("digits-untrained.onnx")
QUESTION = {
    "trials": "natural_scenes_presentations",
    "by": "frame",
    "align": "start_time",
    "window": (0.0, 0.25),
    "bin_width": 0.05,
    "areas": ("VISp",),
    "analyses": ("rates",),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder that holds a recording, two networks of which one is the shipped one, and the report."""
    home = tmp_path_factory.mktemp("networks")
    recording = twins.allen_twin(home / "mouse.nwb", n_units=12, n_blocks=4)
    (home / "nets").mkdir()
    own = shutil.copy(DIGITS, home / "nets" / "own.onnx")
    spec = Spec(source=str(recording), networks=("digits", str(own)), **QUESTION)
    write_report(run_study(spec), home / "report")
    return home


@pytest.fixture
def home(made, tmp_path):
    return shutil.copytree(made, tmp_path / "home")


def test_the_lock_names_the_network_and_the_way_to_it(made):
    lock = study_lock.read(made / "report")
    (network,) = [file for file in lock.files if file.network is not None]
    assert (network.network, network.name, network.path) == (1, "own.onnx", "../nets/own.onnx")
    assert network.size == DIGITS.stat().st_size
    assert lock.study["networks"] == ["digits", "own.onnx"]


def test_it_is_found_from_any_folder(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = verify(home / "report")
    assert found.verdict == "identical"
    assert {check.variable for check in found.checks if check.section == "data"} >= {"mouse.nwb", "own.onnx"}


def test_one_that_moved_is_found_by_its_bytes(home):
    (home / "kept").mkdir()
    shutil.move(home / "nets" / "own.onnx", home / "kept" / "renamed.onnx")
    with pytest.raises(NotCachedError, match=r"the network own\.onnx \(sha256 .*--data FILE_OR_FOLDER"):
        verify(home / "report")
    assert verify(home / "report", data=home).verdict == "identical"


def test_a_file_given_as_the_recording_is_no_network(home):
    moved = shutil.move(home / "mouse.nwb", home / "kept.nwb")
    assert verify(home / "report", data=moved).verdict == "identical"


def test_other_weights_under_its_name_are_named(home):
    shutil.copy(UNTRAINED, home / "nets" / "own.onnx")
    found = verify(home / "report")
    assert (found.verdict, found.exit_code) == ("different", 1)
    assert "own.onnx has sha256" in str(found)


def test_a_study_file_names_it_from_its_own_folder(home, tmp_path, monkeypatch):
    study = home / "study.toml"
    study.write_text('file = "mouse.nwb"\nnetworks = ["digits", "nets/own.onnx"]\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    spec = read_spec(Path("home/study.toml"))
    assert spec.networks == ("digits", str(Path("home/nets/own.onnx")))


def test_what_is_unfinished_begins_anew_when_the_network_changed(home):
    spec = Spec(source="demo", networks=(str(home / "nets" / "own.onnx"),))
    before = fingerprint(spec, {})
    assert fingerprint(spec, {}) == before
    shutil.copy(UNTRAINED, home / "nets" / "own.onnx")
    assert fingerprint(spec, {}) != before
