"""The same bytes, whoever makes them: other hashes, another folder, other workers, or a run that was killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crowds import small_worlds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

CODE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background begins without
from neurodata4ml.cli.main import main
main()
"""
COMMAND = [sys.executable, "-c", CODE, "report", "study.toml"]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset of four small sessions and the study of all of them."""
    folder = tmp_path_factory.mktemp("worlds")
    small_worlds(folder, 4)
    return folder


def started(folder: Path, *, hashes: int, cores: int, workers: int) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "NEURODATA4ML_CATALOG": str(folder),
        "NEURODATA4ML_CORES": str(cores),
        "PYTHONHASHSEED": str(hashes),
    }
    return subprocess.Popen(
        [*COMMAND, "--workers", str(workers)],
        cwd=folder / "study",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file of a report but its lock, which alone has time stamps."""
    report = folder / "study" / "report"
    files = [path for path in report.rglob("*") if path.is_file() and path.name != "study.lock"]
    return {path.relative_to(report).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def first(worlds: Path) -> dict[str, bytes]:
    run = started(worlds, hashes=0, cores=1, workers=1)
    said, warned = run.communicate()
    assert run.returncode == 0, warned
    assert said.strip().endswith("index.html")
    assert "neurodata4ml verify" in warned
    return contents(worlds)


def test_the_report_has_all_its_files(first: dict[str, bytes]) -> None:
    assert {"index.html", "results.json", "results.nc", *(f"sessions/{k}.json" for k in range(4))} <= set(first)


def test_other_hashes_another_folder_and_two_workers_give_the_same_bytes(
    worlds: Path, first: dict[str, bytes], tmp_path: Path
) -> None:
    shutil.copytree(worlds, tmp_path / "elsewhere", ignore=shutil.ignore_patterns("report", ".report*"))
    run = started(tmp_path / "elsewhere", hashes=1, cores=4, workers=2)
    _, warned = run.communicate()
    assert run.returncode == 0, warned
    assert "2 workers, each with up to" in warned
    assert contents(tmp_path / "elsewhere") == first


def test_a_run_that_is_killed_goes_on_to_the_same_bytes_and_repeats_nothing(
    worlds: Path, first: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "killed"
    shutil.copytree(worlds, folder, ignore=shutil.ignore_patterns("report", ".report*"))
    kept, clock = folder / "study" / ".report.unfinished", random.Random(4)
    made: dict[str, int] = {}
    for n_done in (1, 3):
        run = started(folder, hashes=n_done, cores=1, workers=1)
        while len(list(kept.glob("sessions/*.json"))) < n_done:
            assert run.poll() is None, run.communicate()[1]
            time.sleep(0.05)
        time.sleep(clock.uniform(0, 3))
        run.send_signal(signal.SIGKILL)
        run.communicate()
        now = {path.name: path.stat().st_mtime_ns for path in kept.glob("sessions/*.json")}
        assert made.items() <= now.items(), "a session that was done was made again"
        made = now
    run = started(folder, hashes=9, cores=1, workers=1)
    _, warned = run.communicate()
    assert run.returncode == 0, warned
    assert f"{len(made)} of 4 sessions were done before, and are kept" in warned
    assert warned.count(" done in ") == 4 - len(made)
    assert contents(folder) == first
    assert not kept.exists()


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="has no masks of signals")
def test_ctrl_c_reaches_no_worker() -> None:
    """In a process of its own, for what multiprocessing starts once, it starts with the first worker."""
    code = """
import signal
from neurodata4ml.studies.many import _own_cluster

if __name__ == "__main__":
    with _own_cluster(2, print) as client:
        for blocked in client.run(lambda: sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))).values():
            print(blocked)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[1:] == [str([signal.SIGINT])] * 2


def test_ctrl_c_keeps_what_is_done_and_says_how_to_go_on(worlds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    shutil.copytree(worlds, folder, ignore=shutil.ignore_patterns("report", ".report*"))
    run = started(folder, hashes=0, cores=1, workers=2)
    kept = folder / "study" / ".report.unfinished"
    while not list(kept.glob("sessions/*.json")):
        assert run.poll() is None, run.communicate()[1]
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does: to all processes
    _, warned = run.communicate()
    assert run.returncode == 130
    assert warned.splitlines()[-1].endswith(".report.unfinished; the same command goes on from there.")
    assert "Traceback" not in warned, warned
    assert list(kept.glob("sessions/*.json"))


def test_two_at_once_are_refused_and_the_first_is_not_disturbed(worlds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "twice"
    shutil.copytree(worlds, folder, ignore=shutil.ignore_patterns("report", ".report*"))
    run = started(folder, hashes=0, cores=1, workers=1)
    while not (folder / "study" / ".report.unfinished").exists():
        assert run.poll() is None, run.communicate()[1]
        time.sleep(0.1)
    second = started(folder, hashes=0, cores=1, workers=1)
    _, warned = second.communicate()
    assert second.returncode == 1
    assert "another process works on report at this moment" in warned
    assert run.poll() is None
    run.kill()
    run.communicate()
