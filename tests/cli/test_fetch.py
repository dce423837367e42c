"""``fetch`` as it is typed: what it says before and after, what it asks, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from archive import Archive, guo_alm_local, guo_alm_twin
from neurodata4ml import open_session
from neurodata4ml.cli.main import main
from neurodata4ml.lock import read_lock
from several import several

NAME = "guo-alm-local"
SESSION = "20170627T093549"
CODE = "from neurodata4ml.cli.main import main; main()"
SOCKETS: list[str] = []


def _count_sockets(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith("socket."):
        SOCKETS.append(event)


sys.addaudithook(_count_sockets)


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return guo_alm_twin(tmp_path_factory.mktemp("twin") / "twin.nwb")


@pytest.fixture
def archive(tmp_path: Path, twin: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """A loopback archive with guo-alm-local in it, an empty cache, a catalog folder."""
    (tmp_path / "catalog").mkdir()
    with Archive() as archive:
        guo_alm_local(archive, tmp_path / "catalog", twin)
        monkeypatch.setenv("NEURODATA4ML_DANDI_API", archive.api)
        monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
        monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
        yield archive


def typed(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def test_a_dry_run_says_what_where_and_under_which_licence_and_asks_nobody(archive: Archive, tmp_path: Path) -> None:
    several(archive, tmp_path / "catalog")
    SOCKETS.clear()
    shown = typed("fetch", NAME, "--dry-run").stdout
    assert str(tmp_path / "cache" / NAME) in shown
    assert "licence CC-BY-4.0" in shown
    assert "Guo et al. 2017" in shown
    table = typed("fetch", "several", "--all", "--dry-run").stdout.splitlines()
    assert table[0].split() == ["session", "size", "to", "fetch", "at", "10", "MB/s", "path"]
    assert table[3].split()[:5] == ["s2", "20", "kB", "20", "kB"]
    assert table[6] == "5 sessions, 100 kB to fetch, less than a second at 10 MB/s"
    assert not SOCKETS
    assert not archive.log
    assert not (tmp_path / "cache").exists()


def test_the_json_of_a_dry_run_and_of_a_fetch_have_the_same_form(archive: Archive, own_lock: Path) -> None:
    size = len(archive.files[0].content)
    planned = json.loads(typed("fetch", NAME, "--dry-run", "--json").stdout)
    assert (planned["dataset"], planned["missing"], planned["lock"]) == (NAME, size, "")
    (session,) = planned["sessions"]
    assert (session["session"], session["bytes"], session["cached"]) == (SESSION, size, False)
    done = typed("fetch", NAME, "--json")
    assert done.stderr == ""
    fetched = json.loads(done.stdout)
    assert fetched.keys() == planned.keys()
    assert fetched["sessions"][0]["sha256"] == archive.files[0].sha256
    assert fetched["lock"] == str(own_lock)
    again = json.loads(typed("fetch", NAME, "--dry-run", "--json").stdout)
    assert (again["missing"], again["sessions"][0]["cached"]) == (0, True)


def test_the_paths_alone_are_on_stdout_the_licence_comes_before_and_the_next_step_last(
    archive: Archive, twin: bytes, own_lock: Path
) -> None:
    done = typed("fetch", NAME)
    assert done.exit_code == 0
    assert Path(done.stdout.strip()).read_bytes() == twin
    said = done.stderr.splitlines()
    assert said[0].startswith("Licence: CC-BY-4.0. Cite: Guo et al. 2017")
    assert said[-2] == f"Which bytes they are is kept in {own_lock}"
    assert said[-1] == f'Next: neurodata4ml report {NAME}   or in Python: open_session("{NAME}")'
    again = typed("fetch", NAME)
    assert f"In the cache already: {SESSION}." in again.stderr
    quiet = typed("fetch", NAME, "-q")
    assert (quiet.stdout, quiet.stderr) == (done.stdout, "")


def test_several_sessions_are_named_or_all_taken(archive: Archive, tmp_path: Path, own_lock: Path) -> None:
    stored = several(archive, tmp_path / "catalog")
    two = typed("fetch", "several", "--session", "s3", "--session", "s1")
    assert [Path(line).read_bytes() for line in two.stdout.split()] == [stored["s3"].content, stored["s1"].content]
    assert 'Next: neurodata4ml report several --session s3   or in Python: open_session("several", "s3")' in two.stderr
    whole = typed("fetch", "several", "--all", "--jobs", "2")
    assert len(whole.stdout.split()) == 5
    assert "In the cache already: s1, s3." in whole.stderr
    assert [session for _, session in read_lock(own_lock)] == ["s0", "s1", "s2", "s3", "s4"]
    both = typed("fetch", "several", "--all", "--session", "s1")
    assert both.exit_code == 2
    assert "--all and --session exclude each other" in both.stderr


def test_no_lock_leaves_no_lock(archive: Archive, own_lock: Path) -> None:
    assert typed("fetch", NAME, "--no-lock").exit_code == 0
    assert not own_lock.exists()


def test_more_than_the_size_allowed_is_not_begun(archive: Archive, tmp_path: Path) -> None:
    several(archive, tmp_path / "catalog")
    refused = typed("fetch", "several", "--all", "--max-size", "50kB")
    assert refused.exit_code == 1
    assert "5 sessions of several still need 100 kB, more than the 50 kB allowed; nothing was fetched" in refused.stderr
    assert not archive.log
    wrong = typed("fetch", "several", "--max-size", "much")
    assert wrong.exit_code == 2
    assert "500MB" in wrong.stderr


def test_failures_of_some_are_told_the_gravest_is_the_exit_code_and_the_others_are_locked(
    archive: Archive, tmp_path: Path, own_lock: Path
) -> None:
    stored = several(archive, tmp_path / "catalog")
    stored["s2"].content = stored["s2"].content[:-1] + b"!"
    done = typed("fetch", "several", "--all")
    assert done.exit_code == 4
    assert (
        "Error: 1 of 5 sessions of several did not arrive; all others are there.\n  s2: several s2 arr" in done.stderr
    )
    assert done.stdout == ""
    assert [session for _, session in read_lock(own_lock)] == ["s0", "s1", "s3", "s4"]


def test_a_flipped_byte_ends_with_4_and_leaves_no_file(archive: Archive, tmp_path: Path) -> None:
    archive.faults.flip_at = 1000
    done = typed("fetch", NAME, "-q")
    assert done.exit_code == 4
    assert done.stderr.startswith("Error: guo-alm-local 20170627T093549 arrived with sha256")
    assert len(done.stderr.splitlines()) == 1
    assert not list((tmp_path / "cache").rglob("*nwb*"))


def test_offline_nothing_opens_a_socket_and_what_lacks_is_listed_with_its_line(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several(archive, tmp_path / "catalog")
    assert typed("fetch", NAME).exit_code == 0
    archive.forget()
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    SOCKETS.clear()
    missing = typed("fetch", "several", "--all")
    assert missing.exit_code == 5
    assert "5 sessions of several are not in the cache" in missing.stderr
    assert "neurodata4ml fetch several --session s0 --session s1" in missing.stderr
    one = typed("fetch", "several", "-q")
    assert one.exit_code == 5
    assert "neurodata4ml fetch several --session s0" in one.stderr
    assert len(one.stderr.splitlines()) == 1
    assert typed("fetch", "several", "--what", "units").exit_code == 5
    for words in (
        ("fetch", NAME),
        ("fetch", NAME, "--all", "--dry-run"),
        ("fetch", "several", "--all", "--dry-run", "--json"),
        ("list",),
        ("describe", NAME),
        ("cache", "ls"),
        ("cache", "verify"),
    ):
        assert typed(*words).exit_code == 0, words
    with open_session(NAME) as session:
        assert session.sizes["unit"] == 4
    assert not SOCKETS
    assert not archive.log


def test_a_network_that_is_down_ends_with_3_and_one_sentence(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("NEURODATA4ML_DANDI_API", f"http://127.0.0.1:{port}/api")
    done = subprocess.run([sys.executable, "-c", CODE, "fetch", NAME, "-q"], capture_output=True, text=True)
    assert done.returncode == 3
    assert f"127.0.0.1:{port} did not deliver guo-alm-local" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_parts_move_less_than_the_whole_and_the_line_says_how_much(archive: Archive, twin: bytes) -> None:
    done = typed("fetch", NAME, "--what", "units")
    assert done.exit_code == 0, done.stderr
    assert Path(done.stdout.strip()).name.endswith(".excerpt.nwb")
    (line,) = [line for line in done.stderr.splitlines() if "were moved for" in line]
    assert line.startswith(f"{SESSION}: ")
    assert f" of {len(twin) / 1000:.3g} kB were moved for units, " in line
    facts = json.loads(typed("fetch", NAME, "--what", "units", "--json").stdout)
    assert facts["what"] == ["units"]
    assert facts["sessions"][0]["moved"] <= facts["sessions"][0]["whole"] == len(twin)
    assert facts["sessions"][0]["cached"] is True
    assert "nothing, it is there" in typed("fetch", NAME, "--what", "units", "--dry-run").stdout
    assert json.loads(typed("fetch", NAME, "--dry-run", "--json").stdout)["missing"] == len(twin)
    wrong = typed("fetch", NAME, "--what", "unts")
    assert wrong.exit_code == 1
    assert "has no part 'unts'; did you mean 'units'" in wrong.stderr


@pytest.mark.slow
@pytest.mark.usefixtures("nothing_written")
def test_the_demo_is_made_and_locked_without_an_address(
    own_lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))  # where no other test has made it
    done = typed("fetch", "demo")
    assert done.exit_code == 0
    assert "It is simulated on this machine" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Next: neurodata4ml report demo ")
    assert read_lock(own_lock)["demo", "0"].url == ""
    assert "made on this machine" in typed("fetch", "demo", "--session", "77", "--dry-run").stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
class TestAtATerminal:
    """What only somebody who looks sees."""

    @staticmethod
    def seen(*words: str, keys: str = "") -> tuple[int, str]:
        """Type ``words`` at a terminal, then ``keys``; return the exit code and all that was seen."""
        import pty

        ours, theirs = pty.openpty()
        environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        os.write(ours, keys.encode())
        shown = b""
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:  # how a pseudo-terminal says that the other side has gone
            pass
        os.close(ours)
        return process.wait(), shown.decode().replace("\r\n", "\n")

    def test_a_bar_is_shown(self, archive: Archive, twin: bytes) -> None:
        archive.faults.pause = 0.01
        code, bar = self.seen("fetch", NAME)
        assert code == 0
        assert "100%" in bar or "/s" in bar
        assert str(len(twin) // 1000)[:2] in bar

    def test_a_large_download_is_asked_for_and_less_is_offered(self, archive: Archive, tmp_path: Path) -> None:
        guo_alm_local(archive, tmp_path / "catalog", b"", size=1_740_000_000)
        archive.forget()
        code, shown = self.seen("fetch", NAME, keys="n\n")
        assert code == 1
        assert "1.74 GB to fetch: about 3 min at 10 MB/s." in shown
        assert f"neurodata4ml fetch {NAME} --session {SESSION} --what units,trials\n" in shown
        assert "Fetch it? [y/N]" in shown
        assert not archive.log
        code, shown = self.seen("fetch", NAME, "--yes")
        assert "Fetch it?" not in shown
        assert archive.log


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_ends_with_130_leaves_only_parts_and_the_same_line_continues(archive: Archive, tmp_path: Path) -> None:
    archive.faults.pause = 0.05
    process = subprocess.Popen([sys.executable, "-c", CODE, "fetch", NAME], stderr=subprocess.PIPE, text=True)
    while not any(part.stat().st_size > 50_000 for part in (tmp_path / "cache").rglob("*.part")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert "Interrupted. What arrived is kept; the same line continues where it stopped." in said
    assert "Traceback" not in said
    assert process.returncode == 130
    assert not list((tmp_path / "cache").rglob("*.nwb"))
    archive.faults.pause = 0
    assert typed("fetch", NAME).exit_code == 0
    assert archive.downloads()[-1].status == 206


def test_the_help_teaches_by_example() -> None:
    shown = typed("fetch", "--help").stdout
    for word in ("neurodata4ml fetch guo-alm", "--what units,natural_scenes", "--max-size 20GB", "--all", "--no-lock"):
        assert word in shown


def test_a_cache_that_cannot_be_written_to_ends_with_6(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "file" / "cache"))
    done = typed("fetch", NAME, "-q")
    assert done.exit_code == 6
    assert "NEURODATA4ML_CACHE" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    monkeypatch.setenv("NEURODATA4ML_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NEURODATA4ML_LOCK", str(tmp_path / "file" / "x.lock"))
    unlocked = typed("fetch", NAME, "-q", "--no-lock")
    assert unlocked.exit_code == 0
    locked = typed("fetch", NAME, "-q")
    assert locked.exit_code == 6
    assert "the files are there, but " in locked.stderr
    assert "--no-lock" in locked.stderr


def test_fetching_a_whole_file_loads_nothing_heavy(archive: Archive) -> None:
    code = (
        f"import sys; sys.argv = ['neurodata4ml', 'fetch', {NAME!r}]\n"
        "from neurodata4ml.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code, stop.code\n"
        "print(sorted({'pandas', 'xarray', 'dask'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
