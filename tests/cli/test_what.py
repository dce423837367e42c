"""``fetch --what`` as it is typed: what it moves, says and leaves, and how it ends."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli_w
from click.testing import CliRunner, Result

from allen_session import allen_session, entered
from archive import Archive
from neurodata4ml import open_session
from neurodata4ml.cli.main import main
from neurodata4ml.data.entries.sizes import readable_bytes
from neurodata4ml.data.remote import transport
from neurodata4ml.lock import Locked, read_lock, write_lock
from neurodata4ml.spec import read_spec
from neurodata4ml.studies.material import prepare


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
    assert "Parts are checked by size and ETag, not by the digest of the whole file." in done.stderr
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


def test_a_dry_run_says_the_bytes_of_the_parts_and_moves_none_of_their_spikes(archive: Archive, tmp_path: Path) -> None:
    planned = json.loads(typed("--what", "units,running", "--dry-run", "--json").stdout)
    assert sum(request.sent for request in archive.log) < planned["missing"] / 2
    assert not (tmp_path / "cache").exists()
    (session,) = planned["sessions"]
    assert session["path"].endswith("one.nwb.excerpt.nwb")
    shown = typed("--what", "units,running", "--dry-run").stdout.splitlines()
    assert shown[1].split()[3:5] == readable_bytes(planned["missing"]).split()
    assert shown[2] == "of each only units, running"
    (done,) = json.loads(typed("--what", "units,running", "--json").stdout)["sessions"]
    assert done["moved"] == pytest.approx(planned["missing"], rel=0.02)


@pytest.mark.parametrize("words", [["unts"], ["unts", "--dry-run"], ["images"]])
def test_words_that_are_no_parts_are_refused_before_anybody_is_asked(archive: Archive, words: list[str]) -> None:
    done = typed("--what", *words)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"Error: my-allen has no part {words[0]!r}")
    assert typed("--what", ",").stderr.startswith("Error: say which parts of my-allen, like --what units.")
    assert archive.log == []


def test_parts_of_all_sessions_together_must_fit_before_the_first_spike_moves(archive: Archive, tmp_path: Path) -> None:
    file = tmp_path / "catalog" / "my-allen.toml"
    entry = tomllib.loads(file.read_text(encoding="utf-8"))
    entry["sessions"]["two"] = {**entry["sessions"]["one"], "path": "two.nwb"}
    file.write_text(tomli_w.dumps(entry), encoding="utf-8")
    one = json.loads(typed("--what", "units", "--dry-run", "--json").stdout)["missing"]
    archive.forget()
    done = typed("--what", "units", "--all", "--max-size", f"{int(1.5 * one)} B")
    assert done.exit_code == 1
    need, allowed = readable_bytes(2 * one), readable_bytes(int(1.5 * one))
    assert f"units of my-allen need {need}, more than the {allowed} allowed; nothing was fetched." in done.stderr
    assert sum(request.sent for request in archive.log) < one
    assert typed("--what", "units", "--max-size", f"{int(1.5 * one)} B").exit_code == 0


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("answer", ["y", "n"])
def test_at_a_terminal_many_bytes_of_parts_are_asked_for(archive: Archive, tmp_path: Path, answer: str) -> None:
    import pty

    code = "from neurodata4ml.cli import fetch, main; fetch.ASK_ABOVE = 1e6; main.main()"
    code = code.replace(
        "import fetch, main;", "import main; import sys; fetch = sys.modules['neurodata4ml.cli.fetch'];"
    )
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", code, "fetch", "my-allen", "--what", "units"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 1 << 16):
            shown += piece
            if piece.endswith(b"[y/N]: "):
                os.write(ours, f"{answer}\n".encode())
    except OSError:  # how a pseudo-terminal says that the other side has gone
        pass
    os.close(ours)
    assert process.wait() == (0 if answer == "y" else 1)
    assert b"MB to fetch: less than a second at 10 MB/s." in shown
    assert b"Less is moved by" not in shown
    assert bool(list((tmp_path / "cache").rglob("*.nwb"))) == (answer == "y")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_a_server_that_falls_silent_inside_hdf5_does_not_hold_ctrl_c(archive: Archive) -> None:
    archive.faults.stalls, archive.faults.stall_after = 99, 9_000
    code = "from neurodata4ml.cli.main import main; main()"
    command = [sys.executable, "-c", code, "fetch", "my-allen", "--what", "units"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while len(archive.downloads()) < 2:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=10)[1]
    assert "Interrupted. Files that are complete are kept; the same line fetches the others from their beg" in said
    assert "continues" not in said
    assert process.returncode == 130


def test_parts_of_other_bytes_than_the_locked_ones_are_not_taken(archive: Archive, own_lock: Path) -> None:
    assert typed("--what", "units").exit_code == 0
    locked = read_lock(own_lock)["my-allen", "one"]
    write_lock(own_lock, [Locked(**{**locked.__dict__, "sha256": "0" * 64})])
    done = typed("--what", "units")
    assert done.exit_code == 4
    assert f"the lock of this work pins sha256 {'0' * 64} for my-allen one" in done.stderr
    assert "Fetch the whole file: neurodata4ml fetch my-allen --session one" in done.stderr


def next_line(done: Result) -> str:
    """Return what the last line says to type, after ``neurodata4ml``, or in Python."""
    return done.stderr.splitlines()[-1].removeprefix("Next: ").removeprefix("in Python: ").removeprefix("neurodata4ml ")


def test_the_last_line_works_with_what_is_there(archive: Archive) -> None:
    series = typed("--what", "running")
    assert next_line(series) == "fetch my-allen --what units"
    units = CliRunner().invoke(main, next_line(series).split())
    assert next_line(units) == 'report my-allen   or in Python: open_session("my-allen")'
    assert "running_time" in open_session("my-allen").dims
    archive.forget()
    assert next_line(typed("--what", "running")) == next_line(units), "what was there is still there"
    assert prepare(read_spec("my-allen")).counts.sizes["unit"] > 0, "what the report begins with"
    assert archive.log == [], "nothing lacked"


def test_after_pictures_alone_the_lines_bring_the_recording_and_then_the_pictures(
    archive: Archive, tmp_path: Path
) -> None:
    import io

    from PIL import Image

    from neurodata4ml import stimulus_images

    picture = io.BytesIO()
    Image.new("L", (4, 3)).save(picture, "TIFF")
    for number in range(119):
        archive.put(f"scenes/{number}.tiff", picture.getvalue())
    file = tmp_path / "catalog" / "my-allen.toml"
    entry = tomllib.loads(file.read_text(encoding="utf-8"))
    entry["images_from"] = {
        "url": f"{archive.root}/files/scenes/{{n}}.tiff",
        "count": 119,
        "trials": ["natural_scenes"],
    }
    file.write_text(tomli_w.dumps(entry), encoding="utf-8")
    done = typed("--what", "images")
    assert done.exit_code == 0, done.stderr
    *_, first, last = done.stderr.splitlines()
    assert first == "The recording that belongs to them: neurodata4ml fetch my-allen --what units"
    assert typed(*first.partition("fetch my-allen ")[2].split()).exit_code == 0
    archive.forget()
    assert last == 'Next: in Python: stimulus_images(open_session("my-allen"))'
    assert eval(next_line(done), {"stimulus_images": stimulus_images, "open_session": open_session}).shape == (
        119,
        3,
        4,
    )
    assert archive.log == []
    assert typed("--what", "images").stderr.splitlines()[-2:][0] != first, "what is there is not asked for"


def test_an_excerpt_beside_its_whole_file_is_said_to_be_needless_and_can_go_alone(archive: Archive) -> None:
    from neurodata4ml.data.cache import shelf

    assert typed("--what", "units").exit_code == 0
    path = CliRunner().invoke(main, ["cache", "path", "my-allen"]).stdout.strip()
    assert path.endswith("one.nwb.excerpt.nwb")
    (held,), _ = shelf.chosen("my-allen")
    cure = shelf.Fault(held, "has other bytes").cure
    assert cure.endswith("--excerpts --yes, then neurodata4ml fetch my-allen --session one --what units,natural_scenes")
    assert typed().exit_code == 0
    (excerpt, whole) = CliRunner().invoke(main, ["cache", "ls"]).stdout.splitlines()[1:3]
    assert excerpt.endswith("units, natural_scenes (not needed: the whole file is here)")
    assert whole.endswith("whole")
    gone = CliRunner().invoke(main, ["cache", "rm", "my-allen", "--excerpts", "--yes", "--json"])
    assert json.loads(gone.stdout)["paths"] == [path]
    assert not Path(path).exists()
    assert typed("-q").stdout.strip() == path.removesuffix(".excerpt.nwb")
