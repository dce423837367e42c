"""A study as a file: the TOML read, its recordings found, and every mistake told with its line."""

from __future__ import annotations

import glob
import os
import re
import reprlib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from neurodata4ml.errors import DesignError
from neurodata4ml.study_keys import Problem
from neurodata4ml.toml_lines import line_of

_RECORDINGS = {"dataset": 'dataset = "demo"', "file": 'file = "recording.nwb"', "files": 'files = ["*.nwb"]'}
"""Keys that name what is studied, and how each is written."""

_NOT_HERE = {
    "source": "unknown key 'source'. Did you mean 'dataset'?",
    "origin": "unknown key 'origin'. Leave it out.",
    "options": 'unknown table [options]. Each analysis has a table of its own: [decode], and below it decoder = "svm".',
}
"""Attributes of ``Spec`` that a file says in another way, and how."""


def read_study(path: Path) -> tuple[dict[str, Any], list[Problem]]:
    """Return the values of a study file by attribute of ``Spec``, and what is wrong with how it names its recordings.

    Tables become ``options``; ``dataset``, ``file`` or ``files`` become ``source`` and ``files``, seen from the folder
    of the study, patterns such as ``"*.nwb"`` replaced by the files they find, sorted.

    Raises
    ------
    DesignError
        If there is no such file, or it is not TOML.
    """
    raw = _read(path)
    plain = {key: value for key, value in raw.items() if key not in _RECORDINGS and key not in _NOT_HERE}
    tables = {key: value for key, value in plain.items() if isinstance(value, dict) and value}
    values = {key: value for key, value in plain.items() if not isinstance(value, dict)}
    wrong = [Problem(key, cure) for key, cure in _NOT_HERE.items() if key in raw]
    if isinstance(networks := values.get("networks"), list):
        values["networks"] = [_beside(path, one) if is_file_of_network(one) else one for one in networks]
    source, files, found = _recordings(path, raw)
    values |= {"source": source} | ({"files": files} if files else {}) | ({"options": tables} if tables else {})
    return values, [*wrong, *found]


def told(path: str | Path, problems: Iterable[Problem]) -> str:
    """Return every mistake of a study file on a line of its own, ``study.toml, line 7: ...``, in order of lines."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        text = ""  # moved since it was read: the sentences hold without their lines
    lines = [(line_of(key, text) if key else 0, said) for key, said in problems]
    return "\n".join(f"{path}, line {line}: {said}" if line else f"{path}: {said}" for line, said in sorted(lines))


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        message = (
            f"no study at {path}. Write one with: neurodata4ml study init demo --out {path.name}, or by hand with one "
            f'line: dataset = "demo".'
        )
        raise DesignError(message)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors begin a file with a mark
    except UnicodeDecodeError as error:
        message = f"{path} is not valid TOML: it is not UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8."
        raise DesignError(message) from error
    except RecursionError as error:
        message = f"{path} is not valid TOML: its lists are nested too deeply."
        raise DesignError(message) from error
    except ValueError as error:
        raise DesignError(_syntax(path, str(error))) from error


def _syntax(path: Path, said: str) -> str:
    """Return where the TOML cannot be read, with the usual cures."""
    place = re.fullmatch(r"(.*) \(at line (\d+), column (\d+)\)", said, re.DOTALL)
    what, line = (f"{place[1]} in column {place[3]}", f", line {place[2]}") if place else (said, "")
    cure = 'Text stands in quotes, as in dataset = "demo"; lists in brackets, as in areas = ["VISp"].'
    if "overwrite" in what or "twice" in what:
        cure = "Each key, and each table, stands once."
    return f"{path}{line}: not valid TOML: {what}. {cure}"


def _recordings(study: Path, raw: dict[str, Any]) -> tuple[str, list[str], list[Problem]]:
    """Return the dataset or the first file, all files where several may be named, and what is wrong with them."""
    named = [key for key in _RECORDINGS if key in raw]
    if len(named) != 1:
        said = f"{' and '.join(named)} both name recordings" if named else "no recording is named"
        said = f"{said}. Write one of: {', '.join(_RECORDINGS.values())}."
        return "?", [], [Problem(named[-1] if named else "", said)]
    key, value = named[0], raw[named[0]]
    if key == "files":
        files, wrong = _found(study, value)
        return next(iter(files), "?"), files, wrong
    if not isinstance(value, str) or not value.strip():
        return "?", [], [Problem(key, f"{key} = {reprlib.repr(value)} must be text in quotes: {_RECORDINGS[key]}.")]
    return (value if key == "dataset" else _beside(study, value)), [], []


def _found(study: Path, patterns: Any) -> tuple[list[str], list[Problem]]:
    """Return the files that names and patterns find beside a study, sorted, each once."""
    if not isinstance(patterns, list) or not patterns or not all(isinstance(one, str) and one for one in patterns):
        said = (
            f"files = {reprlib.repr(patterns)} must be a list of paths or patterns in quotes: {_RECORDINGS['files']}."
        )
        return [], [Problem("files", said)]
    twice = [one for k, one in enumerate(patterns) if one in patterns[:k]]
    wrong = [Problem("files", f"files names {one!r} twice. Name each once.") for one in dict.fromkeys(twice)]
    found: list[str] = []
    for pattern in patterns:
        path = _beside(study, pattern)
        there = [path] if "://" in path or os.path.exists(path) else glob.glob(pattern, root_dir=study.parent)
        if not there:
            what = "no file fits the pattern" if glob.has_magic(pattern) else "there is no file"
            wrong.append(Problem("files", f"{what} {pattern!r} in {study.parent.absolute()}."))
        found += [path if one == path else _beside(study, one) for one in there]
    return sorted(dict.fromkeys(found)), wrong


def is_file_of_network(name: Any) -> bool:
    """Return whether what a study names as a network is a file, and no name."""
    return isinstance(name, str) and name.endswith(".onnx")


def _beside(study: Path, file: str) -> str:
    """Return a path that a study names, seen from the working folder; an address stays as it is."""
    return file if "://" in file else str(study.parent / Path(file).expanduser())
