"""How long each notebook of the course takes from top to bottom, and how much memory: within a minute and 1.5 GB.

    python benchmarks/notebooks.py         # five minutes; exit code 1 where a notebook takes more
    python benchmarks/notebooks.py 05 10   # these alone

What is measured, and how to read it: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SECONDS, BYTES = 60.0, 1.5e9
NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
MEMORY = "import pathlib; print(pathlib.Path('/proc/self/status').read_text())"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the notebooks one after the other, with their solutions, and judge; return 1 where one takes too much."""
    its = argparse.ArgumentParser(description="seconds and memory of the course's notebooks")
    its.add_argument("numbers", nargs="*", metavar="NN", help="of these alone: 05 10")
    given = its.parse_args(arguments)
    every = sorted(NOTEBOOKS.glob("[0-9][0-9]-*.py"))
    paths = [path for path in every if not given.numbers or path.name[:2] in given.numbers]
    if not paths:
        print(f"there are no notebooks {' '.join(given.numbers)} in {NOTEBOOKS.name}/", file=sys.stderr)
        return 2
    os.environ["NEURODATA4ML_OFFLINE"] = "1"
    print(f"{'notebook':40} {'seconds':>8} {'MB':>6}")
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NEURODATA4ML_CACHE"] = str(Path(folder) / "cache")
        measured(paths[0], folder)  # so that the simulated session is written before the clock counts
        for path in paths:
            seconds, held = measured(path, folder)
            too_much = [word for word, over in (("slow", seconds > SECONDS), ("large", held > BYTES)) if over]
            missed += bool(too_much)
            print(f"{path.stem:40} {seconds:8.1f} {held / 1e6:6.0f}  {' and '.join(too_much)}".rstrip(), flush=True)
    print(f"wanted: {SECONDS:.0f} s and {BYTES / 1e6:.0f} MB each; {missed} of {len(paths)} take more")
    return int(missed > 0)


def measured(path: Path, folder: str) -> tuple[float, float]:
    """Return seconds from the start of the kernel to its last cell, and the most bytes that it held (on Linux)."""
    import jupytext
    import nbclient
    import nbformat

    notebook: Any = jupytext.read(path)
    notebook.cells.append(nbformat.v4.new_code_cell(MEMORY))
    quiet = ["--IPKernelApp.log_level=40"]
    client = nbclient.NotebookClient(
        notebook, timeout=600, extra_arguments=quiet, resources={"metadata": {"path": folder}}
    )
    start = time.perf_counter()
    client.execute()
    seconds = time.perf_counter() - start
    told = "".join(output.get("text", "") for output in notebook.cells[-1].outputs)
    held = re.search(r"VmHWM:\s+(\d+)", told)
    return seconds, 1024.0 * int(held[1]) if held else float("nan")


if __name__ == "__main__":
    sys.exit(main())
