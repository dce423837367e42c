"""A study of many that was interrupted goes on where it was, to the same bytes, and never with what is out of date."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from neurodata4ml.errors import LayoutError, NeuroDataError
from neurodata4ml.results import Results
from neurodata4ml.spec import Spec
from neurodata4ml.studies import many, one, unfinished
from neurodata4ml.studies.run import run_study

QUESTION = {"trials": "trials", "by": "type", "n_shuffles": 9}


def answer(spec: Spec, key: str, **options: object) -> Results:
    """Stand for the analyses, in no time: numbers that follow from the seed, of a file whose bytes are right."""
    file = Path(spec.source)
    if not file.read_bytes().startswith(b"recording"):
        message = f"{file} is no recording"
        raise LayoutError(message)
    found = xr.Dataset({"x": ("i", np.random.default_rng(spec.seed).normal(size=3))})
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Results(one.told(spec), {"sha256": digest, "n_trials": 5}, {"x": found}, places={key: str(file)})


@pytest.fixture
def asked(tmp_path: Path) -> Spec:
    """A study of three files that the test may change."""
    files = [tmp_path / f"mouse-{k}.nwb" for k in range(3)]
    for file in files:
        file.write_text(f"recording of {file.stem}", encoding="utf-8")
    return Spec(source=str(files[0]), files=tuple(map(str, files)), **QUESTION)  # type: ignore[arg-type]


def texts(results: Results) -> dict[str, Any]:
    return {"": results.to_dict()} | {key: part.to_dict() for key, part in results.sessions.items()}


class Watched:
    """Runs a study, counts which recordings are asked, and can be told to stop before the n-th."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder / ".report.unfinished"
        self.asked: list[str] = []
        self.said: list[str] = []
        self.stop_before: int | None = None

        def counted(spec: Spec, key: str, **options: Any) -> Results:
            if len(self.asked) == self.stop_before:
                raise KeyboardInterrupt
            self.asked.append(key)
            return answer(spec, key, **options)

        monkeypatch.setattr(one, "one_recording", counted)

    def __call__(self, spec: Spec, stop_before: int | None = None) -> Results:
        self.asked, self.said, self.stop_before = [], [], stop_before
        return run_study(spec, unfinished=self.folder, progress=lambda step: self.said.append(str(step)))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(tmp_path, monkeypatch)


@pytest.fixture
def whole(run: Watched, asked: Spec) -> dict[str, Any]:
    """What a run that nothing stopped gives."""
    found = texts(run(asked))
    unfinished.remove(run.folder)
    return found


@pytest.fixture
def stopped(run: Watched, asked: Spec) -> Watched:
    """A run that ended when two of three recordings were done."""
    with pytest.raises(KeyboardInterrupt):
        run(asked, stop_before=2)
    assert run.asked == ["mouse-0", "mouse-1"]
    return run


def test_what_is_done_is_not_asked_again_and_the_numbers_are_those_of_a_whole_run(
    whole: dict[str, Any], stopped: Watched, asked: Spec
) -> None:
    results = stopped(asked)
    assert stopped.asked == ["mouse-2"]
    assert stopped.said[0] == "2 of 3 sessions were done before, and are kept"
    assert texts(results) == whole
    assert results.places == {f"mouse-{k}": file for k, file in enumerate(asked.files or ())}


def test_another_question_begins_anew_and_says_why(stopped: Watched, asked: Spec) -> None:
    stopped(replace(asked, seed=5))
    assert stopped.asked == ["mouse-0", "mouse-1", "mouse-2"]
    assert stopped.said[0] == "begun anew: study: seed was 0, and is 5"


def test_where_the_report_goes_is_no_part_of_the_question(stopped: Watched, asked: Spec) -> None:
    stopped(replace(asked, out="elsewhere"))
    assert stopped.asked == ["mouse-2"]


def test_another_version_begins_anew_and_says_why(
    stopped: Watched, asked: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_with = {**many.made_with(), "numpy": "9.9.9"}
    monkeypatch.setattr(many, "made_with", lambda: made_with)
    stopped(asked)
    assert stopped.asked == ["mouse-0", "mouse-1", "mouse-2"]
    assert stopped.said[0].startswith("begun anew: version: numpy was ")


def test_other_code_of_the_same_version_begins_anew(
    stopped: Watched, asked: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unfinished, "code", lambda: "other")
    stopped(asked)
    assert stopped.said[0].startswith("begun anew: version: code of neurodata4ml was ")


def test_another_file_begins_anew_and_is_named(stopped: Watched, asked: Spec) -> None:
    assert asked.files is not None
    Path(asked.files[1]).write_bytes(Path(asked.files[2]).read_bytes())
    stopped(asked)
    assert stopped.asked == ["mouse-0", "mouse-1", "mouse-2"]
    assert stopped.said[0] == "begun anew: mouse-1.nwb is not the file that it was"


def test_a_file_that_was_only_copied_anew_is_the_same(stopped: Watched, asked: Spec) -> None:
    for file in asked.files or ():
        os.utime(file, (1, 1))
    stopped(asked)
    assert stopped.asked == ["mouse-2"]


def test_a_line_that_a_kill_has_torn_is_a_recording_that_is_not_done(
    whole: dict[str, Any], stopped: Watched, asked: Spec
) -> None:
    log = stopped.folder / unfinished.LOG
    log.write_bytes(log.read_bytes()[:-20])
    assert texts(stopped(asked)) == whole
    assert stopped.asked == ["mouse-1", "mouse-2"]
    assert [json.loads(line)["key"] for line in log.read_bytes().splitlines() if line.endswith(b"}")] == [
        "mouse-0",
        "mouse-1",
        "mouse-2",
    ]


def test_results_that_were_changed_meanwhile_are_made_again(
    whole: dict[str, Any], stopped: Watched, asked: Spec
) -> None:
    kept = stopped.folder / "sessions" / "mouse-0.json"
    kept.write_bytes(kept.read_bytes().replace(b'"n_trials": 5', b'"n_trials": 6'))
    assert texts(stopped(asked)) == whole
    assert stopped.asked == ["mouse-0", "mouse-2"]


def test_a_recording_that_failed_is_tried_again(whole: dict[str, Any], run: Watched, asked: Spec) -> None:
    assert asked.files is not None
    good = Path(asked.files[1]).read_bytes()
    Path(asked.files[1]).write_bytes(b"this is no recording")
    assert list(run(asked).missing) == ["sessions/mouse-1"]
    Path(asked.files[1]).write_bytes(good)
    assert texts(run(asked)) == whole
    assert run.asked == ["mouse-1"]


def test_two_at_once_are_refused(asked: Spec, run: Watched) -> None:
    with unfinished.alone(run.folder), pytest.raises(NeuroDataError, match=r"another process works on .*unfinished at"):
        run(asked)
    assert run.asked == []


def test_only_a_folder_of_ours_is_deleted(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "thesis.tex").touch()
    unfinished.remove(theirs)
    assert (theirs / "thesis.tex").exists()


def test_it_lies_hidden_beside_the_report(tmp_path: Path) -> None:
    assert unfinished.folder_beside(tmp_path / "mine") == tmp_path / ".mine.unfinished"
