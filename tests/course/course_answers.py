"""Right and wrong answers to the tasks of the course: what every check is held to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answers:
    """What one task is tried with.

    ``given`` makes what the check needs, by name, small and seeded; it runs once. Each answer is made from the same
    things: ``lambda counts, labels: ...``. ``right`` holds at least two that are written differently, ``wrong`` at
    least three plausible mistakes, each with a part of what is to be said of it.
    """

    given: Callable[[], Mapping[str, Any]]
    right: Mapping[str, Callable[..., Any]]
    wrong: Mapping[str, tuple[Callable[..., Any], str]]


@cache
def all_answers() -> dict[str, Answers]:
    """Return the answers of every task, from the files ``answers_NN.py`` beside this one."""
    found: dict[str, Answers] = {}
    for path in sorted(Path(__file__).parent.glob("answers_[0-9][0-9].py")):
        found |= import_module(path.stem).ANSWERS
    return found


@cache
def given(task: str) -> Mapping[str, Any]:
    """Return what the check of a task needs, made once."""
    return all_answers()[task].given()
