"""What we write is true: README, notebook and docstring examples run, pages name what exists, no address leaks."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import shutil
import subprocess
import sys
import warnings
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
import yaml

import neurodata4ml
from archive import GUO, Archive, guo_alm_local, guo_alm_twin
from conftest import ROOT, real_data
from neurodata4ml import describe, open_nwb
from neurodata4ml.data.entries.catalog import names
from neurodata4ml.lock import NAME, Locked, read_lock, write_lock

README = (ROOT / "README.md").read_text(encoding="utf-8")
SOURCE = ROOT / "src"
WITH_EXAMPLES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(SOURCE.rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]
EXAMPLE = re.compile(r"```python\n(.*?)```.*?```text\n(.*?)```", re.DOTALL)
RELATIVE_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)")


def project_files() -> list[Path]:
    """Return every file that is, or is about to be, under version control."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout: which files belong to the project is not known")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def code_lines(cell: str) -> list[str]:
    return [line for line in cell.splitlines() if line.strip() and not line.strip().startswith("#")]


# README


def test_readme_is_read_in_three_minutes() -> None:
    assert 400 <= len(README.split()) <= 700


def test_readme_example_is_short() -> None:
    example, _ = EXAMPLE.search(README).groups()
    assert len(code_lines(example)) <= 8


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        *(
            f"docs/{page}.md"
            for page in (
                "decode",
                "encode",
                "inference",
                "interop",
                "latents",
                "networks",
                "plot",
                "rdm",
                "report",
                "spiketrains",
                "splits",
                "study",
                "versus",
            )
        ),
    ],
)
def test_the_example_of_a_page_prints_what_the_page_says(page: str) -> None:
    example, answer = EXAMPLE.search((ROOT / page).read_text(encoding="utf-8")).groups()
    printed = io.StringIO()
    with redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(example, page, "exec"), {})
    assert [line.rstrip() for line in printed.getvalue().splitlines()] == answer.splitlines()


def test_readme_transcript_of_a_fetch_is_what_is_printed(tmp_path: Path) -> None:
    """The real command asks an archive on loopback; the lock pins the twin, which stands there for the recording."""
    command, printed = re.search(r"```text\n\$ neurodata4ml (.*?)\n(.*?)```", README, re.DOTALL).groups()
    with Archive() as archive:
        stored = archive.add(*GUO, guo_alm_twin(tmp_path / "twin.nwb"))
        session = describe("guo-alm").default_session
        file = Locked("guo-alm", session, GUO[1], GUO[2], len(stored.content), stored.sha256, stored.asset_id)
        write_lock(tmp_path / NAME, [file])
        settings = {"NEURODATA4ML_DANDI_API": archive.api, "NEURODATA4ML_CACHE": "cache"}
        settings = {**os.environ, **settings, "NEURODATA4ML_LOCK": NAME}
        line = [sys.executable, "-c", "from neurodata4ml.cli.main import main; main()", *command.split()]
        done = subprocess.run(line, cwd=tmp_path, env=settings, stdout=-1, stderr=-2, text=True, check=False)
    assert done.stdout.replace(f"{tmp_path}/", "") == printed


def test_readme_names_the_two_commands_that_the_makefile_has() -> None:
    words = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"demo", "test"} <= set(re.findall(r"^make ([a-z]+)", README, re.MULTILINE)) <= words


def test_readme_counts_the_datasets() -> None:
    assert re.search(r"# (\d+) datasets;", README)[1] == str(len(names()))


# notebooks


def notebook_cells(path: Path) -> Any:
    jupytext = pytest.importorskip("jupytext")
    return jupytext.read(path)


def test_the_whole_path_is_walked_on_another_recording_by_changing_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recording without pictures and areas, fetched through the archive: the path ends before the network."""
    (tmp_path / "catalog").mkdir()
    monkeypatch.setenv("NEURODATA4ML_CATALOG", str(tmp_path / "catalog"))
    with Archive() as archive:
        monkeypatch.setenv("NEURODATA4ML_DANDI_API", archive.api)
        guo_alm_local(archive, tmp_path / "catalog", guo_alm_twin(tmp_path / "twin.nwb"))
        whole = notebook_cells(ROOT / "notebooks" / "colab" / "00-the-whole-path.ipynb")
        code = "\n".join(cell.source for cell in whole.cells if cell.cell_type == "code")
        assert code.count('open_session("demo")') == 1
        printed = io.StringIO()
        with redirect_stdout(printed), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(code.replace('open_session("demo")', 'open_session("guo-alm-local")'), "notebook", "exec"), {})
    assert printed.getvalue().count("of trials named rightly") == 4


def test_the_whole_path_is_twenty_lines_of_code_and_teaches_between_them() -> None:
    """Tasks, which readers fill in and have checked, are not of the path."""
    cells = notebook_cells(ROOT / "notebooks" / "00-the-whole-path.py").cells
    told = [cell for cell in cells if cell.cell_type == "code" and "setup" not in cell.metadata.get("tags", [])]
    path = [cell for cell in told if not re.search(r"BEGIN SOLUTION|^check\(", cell.source, re.MULTILINE)]
    assert sum(len(code_lines(cell.source)) for cell in path) <= 20 + 2  # the import of the check; no pictures known
    assert len([cell for cell in cells if cell.cell_type == "markdown"]) >= len(path)


# docstrings


@pytest.fixture(scope="module")
def words() -> dict[str, Any]:
    """Return what an example may use without importing it: the face, numpy, xarray, the demo opened and binned."""
    import numpy as np
    import xarray as xr

    face = {name: getattr(neurodata4ml, name) for name in neurodata4ml.__all__}
    session = neurodata4ml.open_session("demo")
    counts = neurodata4ml.bin_spikes(session)
    return {**face, "np": np, "xr": xr, "session": session, "counts": counts}


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_docstring_examples_say_what_happens(
    module: str, words: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each example runs, none is skipped; in its folder lies one recording, ``session.nwb``."""
    shutil.copy(words["session"].attrs["source"], tmp_path / "session.nwb")
    monkeypatch.chdir(tmp_path)
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for test in doctest.DocTestFinder(exclude_empty=True).find(import_module(module), module):
        assert not [example.source for example in test.examples if example.options.get(doctest.SKIP)]
        test.globs = {**words, **test.globs}
        runner.run(test, out=report.write)
    assert not runner.failures, report.getvalue()
    assert runner.tries


# pages


def test_architecture_names_every_file_and_no_other() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    there = {path.name for path in SOURCE.rglob("*.py")} - {"__init__.py"}
    named = set(re.findall(r"\b([a-z0-9_]+\.py)\b", page))
    for family in re.findall(r"`([a-z_]+_)\*\.py`", page):
        named |= {name for name in there if name.startswith(family)}
    tests = {path.name for path in (ROOT / "tests").rglob("*.py")}
    assert there <= named, f"ARCHITECTURE.md does not name {sorted(there - named)}"
    assert named - tests - {"__init__.py"} <= there, f"ARCHITECTURE.md names {sorted(named - tests - there)}"


@pytest.mark.parametrize(
    "page",
    ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md"]
    + [f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))],
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    links = RELATIVE_LINK.findall((ROOT / page).read_text(encoding="utf-8"))
    assert not [link for link in links if not ((ROOT / page).parent / link).exists()]


def test_every_environment_variable_is_documented_and_every_documented_one_is_read() -> None:
    pages = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("fetch.md", "read.md", "study.md")]
    page = "".join(pages).replace("`_", "`NEURODATA4ML_")
    source = "".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    assert set(re.findall(r"NEURODATA4ML_[A-Z_]+", page)) == set(re.findall(r"NEURODATA4ML_[A-Z_]+[A-Z]", source))


def test_the_tree_that_is_shown_is_what_is_printed() -> None:
    page = (ROOT / "docs" / "read.md").read_text(encoding="utf-8")
    folded, units, table = re.findall(r"```text\n(<xarray.*?)\n```", page, re.DOTALL)
    tree = open_nwb(real_data("allen-vc-schema/aibs.nwb"))
    whole = {"display_width": 100, "display_max_rows": 60}
    with xr.set_options(**whole):
        assert str(tree["units"]) == units
        assert str(tree["intervals/natural_scenes_presentations"]) == table
    parts = {f"display_expand_{part}": False for part in ("attrs", "coords", "data_vars")}
    with xr.set_options(display_width=100, **parts):
        assert str(tree) == folded


def test_the_lock_that_is_shown_is_that_of_the_catalog(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "fetch.md").read_text(encoding="utf-8")
    (tmp_path / NAME).write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1], encoding="utf-8")
    (locked,) = read_lock(tmp_path / NAME).values()
    asset = describe(locked.dataset).asset(locked.session)
    assert (locked.path, locked.size, locked.sha256, locked.asset_id) == (
        asset.path,
        asset.size,
        asset.sha256,
        asset.asset_id,
    )
    assert asset.blob
    assert locked.url.endswith(asset.blob)


def test_contributing_names_registries_that_exist() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    registries = set(re.findall(r"`([A-Z]{5,})`", page))
    assert registries >= {name for name in neurodata4ml.__all__ if name.isupper()}
    assert not [name for name in re.findall(r"`([a-z_]+/[a-z_]+\.py)`", page) if not lies_somewhere(name)]


def lies_somewhere(name: str) -> bool:
    return (ROOT / name).is_file() or (SOURCE / "neurodata4ml" / name).is_file()


def test_citation_and_changelog_tell_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert str(citation["version"]) == neurodata4ml.__version__
    assert citation["license"] == "BSD-3-Clause"
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[(Unreleased|{re.escape(neurodata4ml.__version__)})\]", changes, re.MULTILINE)


# addresses


# Written as patterns with a bracket, so that this file does not hold what it looks for.
REGISTRIES = [r"py[p]i\.org", r"python[h]osted\.org", r"ana[c]onda\.org", r"download\.py[t]orch\.org", r"npm[j]s\.org"]
MACHINE = [rf"(?<![\w.:/-])/{top}/" for top in ("work", "root", "home", "Users", "tmp", "opt", "mnt", "var")]


def test_no_file_names_a_registry_or_a_folder_of_some_machine() -> None:
    forbidden = re.compile("|".join([*REGISTRIES, *MACHINE, r"[A-Z]:\\" + r"Users"]))
    found = {}
    for path in project_files():
        with contextlib.suppress(UnicodeDecodeError):
            hits = forbidden.findall(path.read_text(encoding="utf-8"))
            found.update({path.name: hits} if hits else {})
    assert not found


def test_pins_are_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert not [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; python_version.*)?", pin)]
    assert not [pin for pin in pins if pin.startswith(("torch==", "nvidia", "neurodata4ml"))]
