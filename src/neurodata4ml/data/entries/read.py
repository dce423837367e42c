"""From a TOML file to an entry: the one place where a file of the catalog is read."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from neurodata4ml.data.entries.build import Problem, build
from neurodata4ml.data.entries.records import Entry
from neurodata4ml.data.entries.rules import broken_rules
from neurodata4ml.errors import CatalogError


def read_entry(path: Path) -> Entry:
    """Read and check one TOML file.

    Raises
    ------
    CatalogError
        It names the file, the key, what was found and what would be right.
    """
    entry, problems = read(path)
    if problems:
        others = f" And {len(problems) - 1} more: neurodata4ml check {path}" if len(problems) > 1 else ""
        message = f"{path}: {problems[0].text}{others}"
        raise CatalogError(message)
    return entry


def read(path: Path) -> tuple[Entry, list[Problem]]:
    """Return the entry in a file and all that is wrong with it; with any problem, parts of the entry are empty."""
    entry, problems = build(Entry, _load(path))
    entry = replace(entry, file=path)
    problems += [problem for problem in broken_rules(entry) if not problem.echoes(problems)]
    return entry, problems


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        message = f'{path} is not a TOML file: {error}. Texts stand in quotes, headings in brackets: a = "b", [layout].'
        raise CatalogError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path} is not a TOML file: byte {error.start:,} is no text. Save it as UTF-8, or remove it."
        raise CatalogError(message) from error
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}). Make it a TOML file, or remove it."
        raise CatalogError(message) from error
