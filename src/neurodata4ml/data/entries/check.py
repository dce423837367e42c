"""Check files of the catalog: all that is wrong in each, with the line it stands in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from neurodata4ml.data.entries.catalog import files
from neurodata4ml.data.entries.read import read
from neurodata4ml.data.entries.standards import missed_standards
from neurodata4ml.errors import CatalogError
from neurodata4ml.toml_lines import line_of


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a file: its line (0: not known), the key ("": the file), and what to do."""

    file: Path
    line: int
    key: str
    text: str

    def __str__(self) -> str:
        """Return the fault as compilers write it, so that an editor can jump there."""
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


def check(paths: Iterable[Path] = ()) -> dict[Path, list[Fault]]:
    """Check entries, and return the faults of each file.

    Parameters
    ----------
    paths : iterable of Path
        TOML files, or folders of them. None: every shipped entry, and your own (``NEURODATA4ML_CATALOG``).

    Raises
    ------
    CatalogError
        When a path is not there, or a folder has no TOML file.
    """
    known = list(files())
    chosen = list(dict.fromkeys(file for path in paths for file in _in(Path(path)))) or known
    return {file: [*_clashes(file, [*known, *chosen]), *_faults(file)] for file in chosen}


def _in(path: Path) -> list[Path]:
    if not path.is_dir():
        if path.exists() or path.is_symlink():
            return [path]
        message = (
            f"{path} is not there. Name a TOML file, or a folder of them; without a name, all entries are checked."
        )
        raise CatalogError(message)
    inside = sorted(path.glob("*.toml"))
    if not inside:
        message = f"{path} has no TOML file. Name the folder that holds the entries, or one file."
        raise CatalogError(message)
    return inside


def _clashes(file: Path, known: Iterable[Path]) -> Iterator[Fault]:
    same = {other.resolve(): other for other in known if other.stem == file.stem and other.resolve() != file.resolve()}
    for other in same.values():
        text = f"two datasets are called {file.stem!r}: {other} and {file}. Rename one of the files, and its name."
        yield Fault(file, 0, "name", text)


def _faults(file: Path) -> Iterator[Fault]:
    try:
        entry, problems = read(file)
    except CatalogError as error:
        line = re.search(r"\(at line (\d+)", str(error))
        yield Fault(file, int(line[1]) if line else 0, "", str(error).removeprefix(f"{file} "))
        return
    text = file.read_text(encoding="utf-8")
    for problem in missed_standards(entry):
        if not problem.echoes(problems):
            problems.append(problem)
    found = [Fault(file, line_of(problem.key, text), problem.key, problem.text) for problem in problems]
    yield from sorted(found, key=lambda fault: fault.line)
