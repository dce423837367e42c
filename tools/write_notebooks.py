"""Write what students get: notebooks without solutions for Colab, and the index of the course.

    python tools/write_notebooks.py [--check] [--teacher FOLDER]

notebooks/NN-topic.py (py:percent, with solutions) becomes notebooks/colab/NN-topic.ipynb: what stands between
`### BEGIN SOLUTION` and `### END SOLUTION` is replaced by `...` under the same names, and a badge opens it on Colab.
The table in notebooks/README.md follows from notebooks/course.toml. With --check nothing is written, and the exit code
is 1 where a file is behind its source. With --teacher, notebooks with nbgrader's marks and metadata go to FOLDER: what
`nbgrader generate_assignment` and `autograde` take. The same sources give the same bytes.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import jupytext
import nbformat

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
CHECK = re.compile(r'^check\("(\d\d-\w+)"', re.MULTILINE)
TABLE = ("<!-- the table follows from course.toml: make notebooks -->", "<!-- end of the table -->")

SETUP = """\
# On Colab this installs neurodata4ml; anywhere else it does nothing.
import sys

if "google.colab" in sys.modules:
    import subprocess

    source = "neurodata4ml[latents] @ git+https://github.com/{repository}"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 where a file is behind")
    parser.add_argument("--teacher", type=Path, help="also write notebooks for nbgrader into this folder")
    arguments = parser.parse_args()
    behind = [path for path, text in wanted().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    left = [path for path in (NOTEBOOKS / "colab").glob("*.ipynb") if path not in wanted()]
    if arguments.check and (behind or left):
        sys.exit(f"behind their sources: {', '.join(path.name for path in behind + left)}. Type: make notebooks")
    for path in behind:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted()[path], encoding="utf-8", newline="\n")
        print(f"wrote {path.relative_to(NOTEBOOKS.parent)}")
    for path in left:
        path.unlink()
        print(f"removed {path.relative_to(NOTEBOOKS.parent)}, which has no source")
    if arguments.teacher:
        arguments.teacher.mkdir(parents=True, exist_ok=True)
        for source in sources():
            nbformat.write(graded(jupytext.read(source), source.stem), arguments.teacher / f"{source.stem}.ipynb")


def course() -> dict[str, Any]:
    """Return what notebooks/course.toml says."""
    return tomllib.loads((NOTEBOOKS / "course.toml").read_text(encoding="utf-8"))


def sources() -> list[Path]:
    return [NOTEBOOKS / f"{one['file']}.py" for one in course()["notebook"]]


def wanted() -> dict[Path, str]:
    """Return the text of every file that follows from another."""
    found = {NOTEBOOKS / "README.md": index((NOTEBOOKS / "README.md").read_text(encoding="utf-8"))}
    for source in sources():
        notebook = student(jupytext.read(source), source.stem)
        found[NOTEBOOKS / "colab" / f"{source.stem}.ipynb"] = nbformat.writes(notebook) + "\n"
    return found


def student(notebook: Any, name: str) -> Any:
    """Return the notebook as students get it: solutions taken out, a badge, the course's kernel."""
    notebook = _named(notebook, name)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = without_solutions(cell.source)
    notebook.cells[0].source = f"{badge(name)}\n\n{notebook.cells[0].source}"
    return notebook


def graded(notebook: Any, name: str) -> Any:
    """Return the notebook with nbgrader's metadata: cells with solutions, and cells whose check counts."""
    notebook = _named(notebook, name)
    for cell in notebook.cells:
        found = CHECK.search(cell.source) if cell.cell_type == "code" else None
        if found:
            hidden = "### BEGIN HIDDEN TESTS\nassert verdict, verdict\n### END HIDDEN TESTS"
            cell.source = f"verdict = {cell.source.strip()}\n{hidden}\nverdict"
        if found or BEGIN in cell.source:
            cell.metadata["nbgrader"] = {
                "grade": bool(found),
                "grade_id": found[1] if found else cell.id,
                "locked": bool(found),
                "points": 1 if found else 0,
                "schema_version": 3,
                "solution": not found,
                "task": False,
            }
    return notebook


def without_solutions(source: str) -> str:
    """Return a cell whose solutions are replaced by ``...`` under the same names.

    >>> print(without_solutions("### BEGIN SOLUTION\\nmean = x.mean()\\n### END SOLUTION"))
    # YOUR CODE HERE
    mean = ...
    """
    kept: list[str] = []
    solution: list[str] | None = None
    for line in source.splitlines():
        if line.strip() == BEGIN:
            solution = []
        elif line.strip() == END:
            kept += _stub("\n".join(solution or []))
            solution = None
        else:
            (kept if solution is None else solution).append(line)
    if solution is not None:
        raise SystemExit(f"a solution begins and does not end:\n{source}")
    return "\n".join(kept)


def _stub(solution: str) -> list[str]:
    """Return what stands for a solution: its functions, emptied, and the names that it gives a value to."""
    lines = ["# YOUR CODE HERE"]
    names: list[str] = []
    for statement in ast.parse(textwrap.dedent(solution)).body:
        if isinstance(statement, ast.FunctionDef):
            words = ast.get_docstring(statement)
            lines += [f"def {statement.name}({ast.unparse(statement.args)}):"]
            lines += [f'    """{words}"""'] if words else []
            lines += ["    return ..."]
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            nodes = [node for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
            found = [node.id for node in nodes if isinstance(node.ctx, ast.Store)]
            names += [name for name in found if name not in names and not name.startswith("_")]
    return lines + [f"{name} = ..." for name in names]


def setup_cell() -> str:
    """Return the first code cell of every notebook: what Colab needs, and nobody else."""
    return SETUP.format(repository=course()["repository"])


def badge(name: str) -> str:
    """Return the badge that opens the student's notebook on Colab."""
    repository = course()["repository"]
    address = f"https://colab.research.google.com/github/{repository}/blob/main/notebooks/colab/{name}.ipynb"
    return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({address})"


def index(page: str) -> str:
    """Return the page with its table of notebooks as course.toml has them."""
    head = "| notebook | question | data | course week | minutes | needs |\n|---|---|---|---|---|---|"
    rows = [
        f"| {badge(one['file'])}<br>[{one['file'][:2]} {one['title']}]({one['file']}.py) | {one['question']} "
        f"| {one['data']} | {', '.join(map(str, one['weeks']))} | {one['minutes']} | {', '.join(one['needs'])} |"
        for one in course()["notebook"]
    ]
    before, rest = page.split(TABLE[0])
    after = rest.split(TABLE[1])[1]
    return "\n".join([f"{before}{TABLE[0]}", head, *rows, f"{TABLE[1]}{after}"])


def _named(notebook: Any, name: str) -> Any:
    """Give cells ids that follow from their place, so that the same source is the same bytes; forget outputs."""
    for place, cell in enumerate(notebook.cells):
        cell["id"] = f"{name[:2]}-{place:03d}"
        cell.metadata = nbformat.NotebookNode({"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    kernel = {"display_name": course()["kernel"], "language": "python", "name": "python3"}
    notebook.metadata = nbformat.NotebookNode({"kernelspec": kernel, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


if __name__ == "__main__":
    main()
