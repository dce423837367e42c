"""One graded task: what is asked, what its check needs, how many points it is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Any


@dataclass(frozen=True)
class Task:
    """A task of a notebook and the function that checks answers to it.

    Attributes
    ----------
    question : str
        One sentence: what to find, and as what (a number, an array, a label, a function).
    check : callable
        Takes the answer, and what it was computed from by keyword; returns a sentence on what the right answer means,
        raises ``Off`` with one that says what is off.
    points : int
    """

    question: str
    check: Callable[..., str]
    points: int = 1

    @property
    def given(self) -> tuple[str, ...]:
        """Names of what the check needs besides the answer."""
        parameters: Any = signature(self.check).parameters.values()
        return tuple(its.name for its in parameters if its.kind is Parameter.KEYWORD_ONLY)
