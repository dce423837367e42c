"""The command line as it is typed: what it prints, and how it ends."""

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
from neurodata4ml.cli.main import main

NAME = "guo-alm-local"


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


SOCKETS: list[str] = []


def _count_sockets(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith("socket."):
        SOCKETS.append(event)


sys.addaudithook(_count_sockets)


def test_list_shows_every_dataset_with_its_size_and_use() -> None:
    lines = typed("list").stdout.splitlines()
    assert lines[0].split() == ["name", "size", "species", "modality", "suited", "to"]
    assert lines[1].startswith("demo")
    assert any(line.startswith("allen-vc ") and "1.74 GB" in line for line in lines)


def test_list_selects_and_helps_when_nothing_fits() -> None:
    names = [row["name"] for row in json.loads(typed("list", "--json", "--species", "macaque").stdout)]
    assert names == ["nlb-mc-maze-small"]
    names = [row["name"] for row in json.loads(typed("list", "--json", "--suited-to", "rsa").stdout)]
    assert names == ["demo", "allen-vc", "allen-vc-2p"]
    nothing = typed("list", "--suited-to", "sleep")
    assert nothing.exit_code == 0
    assert "No dataset fits. Known uses: decoding, dimensionality" in nothing.stderr
    assert "No dataset fits" not in typed("list", "-q", "--suited-to", "sleep").stderr


@pytest.mark.slow
def test_list_is_faster_than_importing_pandas() -> None:
    def best(*command: str) -> float:
        times = []
        for _ in range(3):
            started = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            times.append(time.perf_counter() - started)
        return min(times)

    ours = best("-c", "import sys; sys.argv = ['neurodata4ml', 'list']; from neurodata4ml.cli.main import main; main()")
    assert ours < best("-c", "import pandas")


def test_describe_tells_all_before_a_download() -> None:
    text = typed("describe", "allen-vc").stdout
    for fact in (
        "000021",
        "721123822",
        "1.74 GB",
        "10 MB/s",
        "CC-BY-4.0",
        "Siegle et al. 2021",
        "know this",
        "frame is -1",
    ):
        assert fact in text
    entry = json.loads(typed("describe", "allen-vc", "--json").stdout)
    assert len(entry["sessions"]) == 32
    assert entry["layout"]["trials"]["natural_scenes"]["blank"] == -1


def test_describe_of_the_demo_says_that_it_is_simulated() -> None:
    text = typed("describe", "demo").stdout
    assert "Simulated: no animal was recorded" in text
    assert "made on this machine on first use" in text


def test_a_dry_run_says_what_where_and_under_which_licence_and_asks_nobody(archive: Archive, tmp_path: Path) -> None:
    shown = typed("fetch", NAME, "--dry-run").stdout
    assert str(tmp_path / "cache" / NAME) in shown
    assert "CC-BY-4.0" in shown
    assert "Guo et al. 2017" in shown
    facts = json.loads(typed("fetch", NAME, "--dry-run", "--json").stdout)
    assert facts["cached"] is False
    assert facts["bytes"] == len(archive.files[0].content)
    assert not archive.log
    assert not (tmp_path / "cache").exists()


def test_fetch_prints_the_path_alone_on_stdout(archive: Archive, twin: bytes) -> None:
    done = typed("fetch", NAME)
    assert done.exit_code == 0
    assert Path(done.stdout.strip()).read_bytes() == twin
    assert "Licence: CC-BY-4.0. Cite: Guo et al. 2017" in done.stderr
    again = typed("fetch", NAME, "-q")
    assert (again.stdout, again.stderr) == (done.stdout, "")
    facts = json.loads(typed("fetch", NAME, "--json").stdout)
    assert facts["sha256"] == archive.files[0].sha256
    assert json.loads(typed("fetch", NAME, "--dry-run", "--json").stdout)["cached"] is True


def test_a_flipped_byte_ends_with_4_and_leaves_no_file(archive: Archive, tmp_path: Path) -> None:
    archive.faults.flip_at = 1000
    done = typed("fetch", NAME)
    assert done.exit_code == 4
    assert done.stderr.startswith("Error: guo-alm-local 20170627T093549 arrived with sha256")
    assert len(done.stderr.splitlines()) == 1
    assert not list((tmp_path / "cache").rglob("*nwb*"))


def test_offline_and_not_cached_ends_with_5_and_opens_no_socket(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    SOCKETS.clear()
    done = typed("fetch", NAME)
    assert done.exit_code == 5
    assert "neurodata4ml fetch guo-alm-local --session 20170627T093549" in done.stderr
    assert not SOCKETS
    assert not archive.log


def test_a_network_that_is_down_ends_with_3_and_one_sentence(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("NEURODATA4ML_DANDI_API", f"http://127.0.0.1:{port}/api")
    done = subprocess.run(
        [sys.executable, "-c", "from neurodata4ml.cli.main import main; main()", "fetch", NAME],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert f"127.0.0.1:{port} did not deliver guo-alm-local" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_a_failure_ends_with_1_and_verbose_shows_where() -> None:
    done = typed("describe", "allen_vc")
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: no dataset is called 'allen_vc'; did you mean 'allen-vc'")
    assert (
        "Traceback"
        in subprocess.run(
            [sys.executable, "-c", "from neurodata4ml.cli.main import main; main()", "describe", "allen_vc", "-v"],
            capture_output=True,
            text=True,
        ).stderr
    )


def test_a_mistyped_command_or_option_ends_with_2_and_a_suggestion() -> None:
    command = typed("fetsh", "demo")
    assert command.exit_code == 2
    assert "Did you mean 'fetch'?" in command.stderr
    option = typed("fetch", "demo", "--sesion", "1")
    assert option.exit_code == 2
    assert "--session" in option.stderr
    assert typed("fetch").exit_code == 2


@pytest.mark.parametrize("command", ["list", "describe", "fetch", "report"])
def test_the_help_of_every_command_teaches_by_example(command: str) -> None:
    shown = typed(command, "--help")
    assert shown.exit_code == 0
    assert f"neurodata4ml {command}" in shown.stdout
    assert "Example" in shown.stdout
    assert "-q, --quiet" in shown.stdout
    assert "--json" in shown.stdout


def test_the_first_help_shows_the_two_lines_to_begin_with() -> None:
    shown = typed()
    assert "neurodata4ml report demo" in shown.output
    assert typed("--version").stdout.startswith("neurodata4ml, version 0.")


def test_a_report_of_nothing_known_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = typed("report", "allen_vc", "--out", str(tmp_path / "page"))
    assert done.exit_code == 1
    assert "allen-vc" in done.stderr
    assert not (tmp_path / "page").exists()
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal_list_is_a_table_and_fetch_shows_a_bar(archive: Archive, twin: bytes) -> None:
    import pty

    def seen(*words: str) -> str:
        ours, theirs = pty.openpty()
        code = "from neurodata4ml.cli.main import main; main()"
        environment = {**os.environ, "COLUMNS": "120", "TERM": "xterm"}
        process = subprocess.Popen(
            [sys.executable, "-c", code, *words], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:  # how a pseudo-terminal says that the other side has gone
            pass
        assert process.wait() == 0, shown
        return shown.decode()

    assert "1.74 GB" in seen("list")
    archive.faults.pause = 0.01
    bar = seen("fetch", NAME)
    assert "100%" in bar or "/s" in bar
    assert str(len(twin) // 1000)[:2] in bar


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_leaves_only_a_part_and_the_next_call_continues(archive: Archive, twin: bytes, tmp_path: Path) -> None:
    archive.faults.pause = 0.05
    code = "from neurodata4ml.cli.main import main; main()"
    process = subprocess.Popen([sys.executable, "-c", code, "fetch", NAME], stderr=subprocess.PIPE, text=True)
    while not any(part.stat().st_size > 50_000 for part in (tmp_path / "cache").rglob("*.part")):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert "Aborted" in process.communicate()[1]
    assert process.returncode == 1
    assert not list((tmp_path / "cache").rglob("*.nwb"))
    archive.faults.pause = 0
    assert typed("fetch", NAME).exit_code == 0
    assert archive.downloads()[-1].status == 206
