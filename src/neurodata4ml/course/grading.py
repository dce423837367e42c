"""Check a student's answer to a task of the course, and say what is off."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from neurodata4ml.course.answers import Off, is_open
from neurodata4ml.course.tasks.tasks import TASKS
from neurodata4ml.errors import DesignError, NeuroDataError
from neurodata4ml.suggest import did_you_mean

MARKS = {"right": ("✓", "#00705a"), "off": ("✗", "#b04400"), "open": ("…", "#5b6470")}
"""State of an answer -> its mark, and the mark's colour on a page."""


@dataclass(frozen=True)
class Verdict:
    """What a check says of an answer; true where it is right.

    Attributes
    ----------
    task : str
        ``"02-1A"``: notebook, part and letter.
    state : {"right", "off", "open"}
        ``"open"`` where nothing was answered yet.
    said : str
        What is off, or what the right answer means.
    points : int
        Those reached: all or none.
    """

    task: str
    state: str
    said: str
    points: int

    def __bool__(self) -> bool:
        """Return whether the answer is right."""
        return self.state == "right"

    def __repr__(self) -> str:
        """Return the verdict as a line of text."""
        return f"{MARKS[self.state][0]} Task {self.task.partition('-')[2]}: {self.said}"

    def _repr_html_(self) -> str:
        mark, colour = MARKS[self.state]
        task = escape(self.task.partition("-")[2])
        return (
            f'<p style="border-left:4px solid {colour};padding:.3em .8em;margin:.4em 0">'
            f'<b style="color:{colour}">{mark} Task {task}</b> {escape(self.said)}</p>'
        )


def check(task: str, answer: Any, **given: Any) -> Verdict:
    """Return whether an answer is right, with a sentence that says what is off; it never stops a notebook.

    Parameters
    ----------
    task : str
        ``"02-1A"``: notebook, part and letter.
    answer : anything
        What the task asks for: a number, an array, a label, a function. How it was computed does not matter.
    **given
        What the answer was computed from, by name, as the notebook hands it on.

    Returns
    -------
    Verdict

    Raises
    ------
    DesignError
        There is no such task, or it needs other things than those given: a fault of the notebook, not of the answer.
    """
    if task not in TASKS:
        message = f"there is no task {task!r}{did_you_mean(task, TASKS)} They are {', '.join(TASKS)}."
        raise DesignError(message)
    asked = TASKS[task]
    if set(given) != set(asked.given):
        wanted = ", ".join(f"{name}=..." for name in asked.given) or "nothing besides"
        message = f"the check of task {task} takes the answer and {wanted}; got {', '.join(given) or 'nothing else'}."
        raise DesignError(message)
    if is_open(answer):
        return Verdict(task, "open", f"not answered yet. {asked.question}", 0)
    try:
        return Verdict(task, "right", asked.check(answer, **given), asked.points)
    except Off as off:
        return Verdict(task, "off", str(off), 0)
    except NeuroDataError as error:
        return Verdict(task, "off", f"this answer cannot be used: {error}", 0)
    except Exception as error:  # a student's function or object may fail in any way, and the notebook goes on
        return Verdict(task, "off", f"this answer cannot be used: {type(error).__name__}: {error}", 0)
