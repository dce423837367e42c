"""What is shipped works elsewhere: the built wheel, in a fresh environment, far from the checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from conftest import ROOT


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command as a user would, without this session's Python settings; return what it printed."""
    quiet = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    quiet["NEURODATA4ML_CACHE"] = str(cwd / "cache")
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=quiet, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        ROOT,
        cwd=folder,
    )
    return next(folder.glob("*.whl"))


def environment(folder: Path) -> tuple[Path, Path]:
    """Create a virtual environment without pip; return its Python and the folder of its commands."""
    builder = venv.EnvBuilder(with_pip=False)
    builder.create(folder)
    context = builder.ensure_directories(folder)
    return Path(context.env_exec_cmd), Path(context.bin_path)


COURSE = ROOT / "notebooks" / "colab"


def asked_for() -> str:
    """Return the extras that the first cell of a student's notebook installs: ``[latents]``."""
    said = (COURSE / "00-the-whole-path.ipynb").read_text(encoding="utf-8")
    return re.findall(r"neurodata4ml(\[\w+\])? @ git", said)[0]


def as_script(notebook: str) -> str:
    """Return the code of a student's notebook, nothing answered, as one program."""
    (path,) = COURSE.glob(f"{notebook}-*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def check_commands(commands: Path, cwd: Path) -> None:
    """Ask the installed command what it knows, in an empty folder."""
    listed = run(commands / "neurodata4ml", "list", cwd=cwd)
    assert "demo" in listed
    assert "allen-vc" in listed
    described = run(commands / "neurodata4ml", "describe", "allen-vc", cwd=cwd)
    assert "000021" in described
    assert "721123822" in described


def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {f"neurodata4ml/{path.relative_to(ROOT).as_posix()}" for path in (ROOT / "catalog").rglob("*.*")}
    assert shipped <= names
    assert {"neurodata4ml/py.typed", "neurodata4ml/catalog/demo.toml"} <= names
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"neurodata4ml"}


def test_the_wheel_lists_and_describes_beside_the_libraries_at_hand(wheel: Path, tmp_path: Path) -> None:
    """Quick and offline: a fresh environment that borrows only the dependencies of this one."""
    python, commands = environment(tmp_path / "env")
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        wheel,
        cwd=tmp_path,
    )
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip()
    # A path file's line is appended to sys.path, but path files found there (our editable install) are not read.
    Path(site, "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    empty = tmp_path / "empty"
    empty.mkdir()
    home = run(python, "-c", "import neurodata4ml; print(neurodata4ml.__file__)", cwd=empty)
    assert Path(home.strip()).is_relative_to(site)
    check_commands(commands, empty)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_wheel_installs_with_all_it_needs_for_a_report_and_for_the_course(wheel: Path, tmp_path: Path) -> None:
    """As on Colab: an environment with what a notebook's first cell installs, and nothing else."""
    python, commands = environment(tmp_path / "env")
    pip = (sys.executable, "-m", "pip", "--python", python)
    # what is never imported need not be compiled
    run(*pip, "install", "-q", "--no-compile", "-c", ROOT / "constraints.txt", f"{wheel}{asked_for()}", cwd=tmp_path)
    run(*pip, "check", cwd=tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    check_commands(commands, empty)
    named = "import neurodata4ml as n; print(len([getattr(n, name) for name in n.__all__]))"
    assert int(run(python, "-c", named, cwd=empty)) >= 30
    run(
        commands / "neurodata4ml",
        "report",
        "demo",
        "--analysis",
        "rates",
        "--analysis",
        "decode",
        "--out",
        "page",
        cwd=empty,
    )
    assert (empty / "page" / "index.html").stat().st_size > 100_000
    for notebook in ("00", "05"):
        (empty / "notebook.py").write_text(as_script(notebook), encoding="utf-8")
        run(python, "notebook.py", cwd=empty)
