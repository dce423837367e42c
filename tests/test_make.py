"""The newcomer's two words work anywhere: a Python that fits is found, or the line to type is said."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import ROOT

pytestmark = pytest.mark.skipif(
    os.name == "nt" or not shutil.which("make"), reason="make and a POSIX shell are not on this machine"
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy what `make` reads into a folder with a space in its name."""
    folder = tmp_path / "my checkout"
    (folder / "tools").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "tools/setup.sh"):
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """Return a folder to be the whole PATH: a shell's few tools, and no Python."""
    folder = tmp_path / "commands"
    folder.mkdir()
    for name in ("sh", "dirname", "cat", "rm"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def add_command(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def set_up(checkout: Path, commands: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(commands / "sh"), "tools/setup.sh"],
        cwd=checkout,
        env={"PATH": str(commands)},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def make(checkout: Path, *words: str) -> str:
    done = subprocess.run(["make", *words], cwd=checkout, capture_output=True, text=True, check=True)
    return done.stdout


def pretend_installed(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (checkout / ".venv" / "installed").write_text(str(checkout), encoding="utf-8")


def test_make_alone_lists_every_word(checkout: Path) -> None:
    words = re.findall(r"make (\w+)", make(checkout))
    assert {"setup", "demo", "test", "lint", "clean"} <= set(words)


def test_no_python_is_told_with_the_lines_to_type(checkout: Path, commands: Path) -> None:
    done = set_up(checkout, commands)
    assert done.returncode == 1
    assert "needs Python 3.11, 3.12 or 3.13; none is on the PATH" in done.stderr
    assert "sudo apt install python3 python3-venv" in done.stderr


def test_a_shim_that_fails_and_a_python_too_old_do_not_count(checkout: Path, commands: Path) -> None:
    add_command(commands, "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    add_command(commands, "python3", "exit 1")  # the answer of a Python 3.10 to "does it fit?"
    assert "none is on the PATH" in set_up(checkout, commands).stderr


def test_a_python_without_venv_is_told_with_the_package_to_install(checkout: Path, commands: Path) -> None:
    answers = 'case "$2" in *ensurepip*) exit 1;; *print*) echo python3.12-venv;; esac'
    add_command(commands, "python3.12", answers)
    done = set_up(checkout, commands)
    assert done.returncode == 1
    assert "python3.12 is here, but without venv. Type:  sudo apt install python3.12-venv" in done.stderr


def test_the_first_python_that_fits_and_has_venv_is_taken(checkout: Path, commands: Path) -> None:
    add_command(commands, "python3.13", "exit 127")
    add_command(commands, "python3.12", 'case "$2" in *ensurepip*) exit 1;; esac')
    log = checkout / "log"
    add_command(commands, "python3.11", f'echo "$@" >> "{log}"; case "$1" in -m) exit 9;; esac')
    assert set_up(checkout, commands).returncode == 9
    assert "-m venv --clear .venv" in log.read_text(encoding="utf-8")


def test_a_second_run_installs_nothing(checkout: Path) -> None:
    pretend_installed(checkout)
    assert "setup.sh" not in make(checkout, "-n", "demo")


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_requirement_installs_again(checkout: Path, name: str) -> None:
    pretend_installed(checkout)
    later = time.time() + 10
    os.utime(checkout / name, (later, later))
    assert "setup.sh" in make(checkout, "-n", "demo")


def test_a_moved_checkout_installs_again(checkout: Path) -> None:
    pretend_installed(checkout)
    moved = checkout.rename(checkout.with_name("moved"))
    assert "setup.sh" in make(moved, "-n", "test")


def test_a_lost_python_installs_again(checkout: Path) -> None:
    pretend_installed(checkout)
    (checkout / ".venv" / "bin" / "python").unlink()
    (checkout / ".venv" / "bin" / "python").symlink_to("python-that-was-removed")
    assert "setup.sh" in make(checkout, "-n", "test")
