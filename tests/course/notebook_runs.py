"""Run a notebook as a reader does, in a kernel of its own, and keep what it showed and how much memory it took."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]-*.py"))

MEMORY = (
    "import pathlib as _p, re as _r; print(_r.search(r'VmHWM:\\s+(\\d+)', _p.Path('/proc/self/status').read_text())[1])"
)
"""What a kernel is asked at the end, on Linux: the most memory that it held, in kB."""


def source(path: Path) -> Any:
    """Return the notebook of a py:percent file, with its solutions."""
    return pytest.importorskip("jupytext").read(path)


def code(notebook: Any) -> list[Any]:
    """Return its code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def run(notebook: Any, folder: Path) -> Any:
    """Return the notebook with its outputs; the first error stops it."""
    client = pytest.importorskip("nbclient").NotebookClient(
        notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def outputs(notebook: Any) -> list[Any]:
    """Return all outputs of its code cells."""
    return [output for cell in code(notebook) for output in cell.outputs]


def texts(cell: Any) -> str:
    """Return all that a cell showed as text."""
    if cell.cell_type != "code":
        return ""
    shown = [output.get("text", "") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(shown)


def beside(notebook: Any, place: int) -> str:
    """Return what the code cells next to a place showed as text: the one before it and the one after."""
    before = [texts(cell) for cell in notebook.cells[:place] if cell.cell_type == "code"][-1:]
    after = [texts(cell) for cell in notebook.cells[place:] if cell.cell_type == "code"][:1]
    return "\n".join(before + after)


def verdicts(notebook: Any) -> dict[str, str]:
    """Return the mark of every check: task -> ``✓``, ``✗`` or ``…``."""
    return {
        task: mark
        for cell in code(notebook)
        for mark, task in re.findall(r"^([✓✗…]) Task (\w+):", texts(cell), re.MULTILINE)
    }


def said_numbers(text: str) -> list[str]:
    """Return the numbers that a text quotes as results: decimals and percentages, outside code, links, ids."""
    plain = re.sub(r"`[^`]*`|\$[^$]*\$|\(?https?://\S+|10\.\d{4,}/\S+|arXiv:\S+|\[[^\]]*\]\([^)]*\)", " ", text)
    return re.findall(r"(?<![\w.])-?\d+\.\d+(?![\w.]*\d)|(?<![\w.])\d+(?= ?%)", plain)
