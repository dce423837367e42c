"""The course's notebooks keep their form, run offline, and teach what they promise."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from notebook_runs import MEMORY, NOTEBOOKS, beside, code, outputs, run, said_numbers, source, texts, verdicts

from conftest import ROOT
from neurodata4ml.course.tasks.tasks import TASKS

sys.path.insert(0, str(ROOT / "tools"))
write_notebooks = pytest.importorskip("write_notebooks", reason="needs jupytext")

BYTES = 1_500_000_000
TRAPS = {
    "02": (
        "shuffled-folds",
        "trial-permutation",
        "whole-blocks",
        "selection-outside",
        "same-image-category",
        "slow-signals",
        "circular-shift",
        "plain-accuracy",
    ),
    "03": ("participation-ratio", "pca-exponent"),
    "04": ("biased-cka", "squared-distance", "copies-in-bootstrap"),
    "05": ("same-image-encoding",),
}
"""Mistakes that look like results, each shown failing and then done right in a cell with the tag ``trap-...``."""

PARTS = ("Background", "The data", "Part 1", "What could fool us", "What nobody knows", "A task for a group")

by_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_students_notebooks_and_the_index_are_those_of_the_sources() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "write_notebooks.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_notebook_is_listed_and_every_one_listed_is_there() -> None:
    assert write_notebooks.sources() == NOTEBOOKS


@by_notebook
def test_a_notebook_has_the_parts_of_the_course_in_their_order(path: Path) -> None:
    text = "\n".join(cell.source for cell in source(path).cells if cell.cell_type == "markdown")
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    places = [next((i for i, head in enumerate(heads) if head.startswith(part)), None) for part in PARTS]
    assert None not in places, dict(zip(PARTS, places, strict=True))
    assert places == sorted(places)


@by_notebook
def test_a_notebook_names_three_to_six_readings_by_their_ids(path: Path) -> None:
    text = "\n".join(cell.source for cell in source(path).cells if cell.cell_type == "markdown")
    readings = text.partition("Readings")[2].partition("\n## ")[0]
    listed = re.findall(r"^- (.*(?:\n  .*)*)", readings, re.MULTILINE)
    assert 3 <= len(listed) <= 6
    assert not [one for one in listed if not re.search(r"10\.\d{4,}/\S+|arXiv:\d{4}\.\d{4,5}", one)]


@by_notebook
def test_the_tasks_of_a_notebook_are_those_of_the_registry_in_their_order(path: Path) -> None:
    asked = [task for cell in code(source(path)) for task in write_notebooks.CHECK.findall(cell.source)]
    assert asked == [task for task in TASKS if task.startswith(path.stem[:2])]
    assert 3 <= len(asked) <= 5
    heads = "\n".join(cell.source for cell in source(path).cells if cell.cell_type == "markdown")
    assert [f"Task {task[3:]}" for task in asked] == re.findall(r"^### (Task \w+)", heads, re.MULTILINE)


@by_notebook
def test_no_logic_stands_in_a_notebook_and_no_wall_of_code(path: Path) -> None:
    for cell in code(source(path)):
        told = re.sub(r"### BEGIN SOLUTION.*?### END SOLUTION", "", cell.source, flags=re.DOTALL)
        tree = ast.parse(told)
        logic = (ast.FunctionDef, ast.ClassDef, ast.While, ast.Try, ast.Lambda)
        is_setup = "setup" in cell.metadata.get("tags", [])
        assert not [node for node in ast.walk(tree) if isinstance(node, logic)], cell.source
        assert is_setup or len([line for line in told.splitlines() if line.strip()]) <= 14, cell.source


@by_notebook
def test_a_notebook_installs_what_the_others_install(path: Path) -> None:
    (setup,) = [cell for cell in code(source(path)) if "setup" in cell.metadata.get("tags", [])]
    assert setup.source == write_notebooks.setup_cell()


@by_notebook
def test_every_trap_of_a_notebook_is_shown(path: Path) -> None:
    tags = [tag for cell in code(source(path)) for tag in cell.metadata.get("tags", [])]
    shown = {tag for tag in tags if tag.startswith("trap-")}
    assert shown == {f"trap-{trap}" for trap in TRAPS.get(path.stem[:2], ())}


def test_a_solution_is_taken_out_and_its_names_stay() -> None:
    function = 'def f(x, *, y=2):\n    """Say it."""\n    return x\n'
    cell = f"before = 1\n### BEGIN SOLUTION\n{function}z, _w = f(1), 2\nx[z] = 3\n"
    stripped = write_notebooks.without_solutions(cell + "### END SOLUTION\nafter = z")
    assert stripped == (
        'before = 1\n# YOUR CODE HERE\ndef f(x, *, y=2):\n    """Say it."""\n    return ...\nz = ...\nafter = z'
    )


def test_a_solution_without_an_end_is_refused() -> None:
    with pytest.raises(SystemExit, match="a solution begins and does not end"):
        write_notebooks.without_solutions("### BEGIN SOLUTION\nx = 1")


@by_notebook
def test_nothing_of_a_solution_reaches_students(path: Path) -> None:
    given = write_notebooks.student(source(path), path.stem)
    assert "SOLUTION" not in "".join(cell.source for cell in given.cells)
    solved = [cell.source for cell in code(source(path)) if write_notebooks.BEGIN in cell.source]
    assert sum("# YOUR CODE HERE" in cell.source for cell in given.cells) == len(solved)


@by_notebook
def test_with_the_solutions_put_back_a_students_notebook_is_the_source(path: Path) -> None:
    """So that the run of the source is that of a student who solved everything."""
    whole = source(path)
    given = write_notebooks.student(source(path), path.stem)
    for own, theirs in zip(whole.cells, given.cells, strict=True):
        if "# YOUR CODE HERE" not in theirs.source and own is not whole.cells[0]:
            assert theirs.source == own.source


@pytest.mark.slow
@pytest.mark.timeout(300)
@by_notebook
def test_a_notebook_runs_offline_and_every_answer_is_right(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel draws into the page
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    notebook = source(path)
    notebook.cells.append(write_notebooks.nbformat.v4.new_code_cell(MEMORY))
    done = run(notebook, tmp_path)
    asked = [task[3:] for task in TASKS if task.startswith(path.stem[:2])]
    assert verdicts(done) == dict.fromkeys(asked, "✓")
    assert not [output.text for output in outputs(done) if output.get("name") == "stderr"]
    assert sum("image/png" in output.get("data", {}) for output in outputs(done)) >= 3
    assert int(texts(done.cells[-1])) * 1024 < BYTES
    quoted = [
        (number, cell.source)
        for place, cell in enumerate(done.cells)
        if cell.cell_type == "markdown"
        for number in said_numbers(cell.source)
        if number not in beside(done, place)
    ]
    assert not quoted, "numbers that no cell beside them computes"


@pytest.mark.slow
@pytest.mark.timeout(300)
@by_notebook
def test_a_students_notebook_runs_with_nothing_answered(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEURODATA4ML_OFFLINE", "1")
    done = run(write_notebooks.student(source(path), path.stem), tmp_path)
    asked = [task[3:] for task in TASKS if task.startswith(path.stem[:2])]
    assert verdicts(done) == dict.fromkeys(asked, "…")
