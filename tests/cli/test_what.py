"""``fetch --what`` as it is typed: what it moves, says and leaves, and how it ends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from allen_session import allen_session, entered
from archive import Archive
from neurodata4ml import open_session
from neurodata4ml.cli.main import main
from neurodata4ml.data.entries.sizes import readable_bytes
from neurodata4ml.data.remote import transport
from neurodata4ml.lock import read_lock


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return allen_session(tmp_path_factory.mktemp("recording") / "one.nwb", spikes=10_000)


@pytest.fixture
def archive(tmp_path: Path, recording: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """A loopback archive with the recording, its entry, and an empty cache."""
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    monkeypatch.setattr(transport, "_wait", lambda fault, number: 0.0)
    with Archive() as archive:
        entered(archive, tmp_path / "catalog", recording)
        yield archive


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, ["fetch", "my-allen", *words])


def test_the_parts_are_fetched_and_said_beside_the_whole(archive: Archive, recording: Path, own_lock: Path) -> None:
    done = typed("--what", "units,running")
    assert done.exit_code == 0
    path = Path(done.stdout.strip())
    assert path.name == "one.nwb.excerpt.nwb"
    whole = recording.stat().st_size
    assert f"of {readable_bytes(whole)} were moved for units, running, natural_scenes." in done.stderr
    assert path.stat().st_size < whole / 2
    locked = read_lock(own_lock)["my-allen", "one"]  # of the file it is an excerpt of
    assert (locked.path, locked.size) == ("one.nwb", whole)
    assert locked.sha256 == hashlib.sha256(recording.read_bytes()).hexdigest()
    assert open_session("my-allen").attrs["excerpt"] == "units, running, natural_scenes"
    n_requests = len(archive.log)
    again = typed("--what", "units, natural_scenes", "-q")
    assert (again.stdout, again.stderr) == (done.stdout, "")
    assert len(archive.log) == n_requests


def test_the_json_tells_bytes_moved_and_bytes_of_the_whole(archive: Archive, recording: Path) -> None:
    (session,) = json.loads(typed("--what", "units", "--json").stdout)["sessions"]
    assert session["what"] == ["units", "natural_scenes"]
    assert session["whole"] == recording.stat().st_size > session["moved"] > 0
    assert session["bytes"] == Path(session["path"]).stat().st_size


def test_after_the_parts_the_whole_can_be_fetched(archive: Archive, recording: Path) -> None:
    assert typed("--what", "units").exit_code == 0
    whole = typed()
    assert Path(whole.stdout.strip()).read_bytes() == recording.read_bytes()
    assert typed("--what", "units", "-q").stdout == whole.stdout
    assert "excerpt" not in open_session("my-allen").attrs


@pytest.mark.parametrize(
    ("what", "fault", "exit_code", "words"),
    [
        ("unit", {}, 1, "my-allen has no part 'unit'"),
        ("units", {"unavailable": 99}, 3, "it answered 503"),
        ("units", {"new_etag": "another"}, 4, "It is not known to be the same file"),
        ("units", {"ignore_range": True}, 3, "Fetch the whole file: leave --what out."),
    ],
)
def test_each_kind_of_failure_has_its_sentence_and_its_exit_code(
    archive: Archive, what: str, fault: dict[str, object], exit_code: int, words: str
) -> None:
    for name, value in fault.items():
        setattr(archive.faults, name, value)
    done = typed("--what", what)
    assert done.exit_code == exit_code
    assert words in done.stderr
    assert done.stdout == ""


def test_offline_says_the_line_to_type(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    done = typed("--what", "units")
    assert done.exit_code == 5
    assert "neurodata4ml fetch my-allen --session one --what units,natural_scenes" in done.stderr
    assert archive.log == []
