"""Every check takes a right answer however it is written, and says of a wrong one what is off."""

from __future__ import annotations

import re
from typing import Any

import pytest
from course_answers import all_answers, given

from neurodata4ml.course.grading import check
from neurodata4ml.course.tasks.tasks import TASKS
from neurodata4ml.errors import DesignError

DEAR = ("00-3A", "00-3B", "01-2B", "04-3B", "07-3A", "09-3A", "11-3A")
"""Tasks whose check computes for a second or more; these are tried where what is slow is asked for."""


def tried(task: str, *others: object) -> Any:
    """Return parameters of a test of one task, slow where its check is."""
    return pytest.param(task, *others, marks=[pytest.mark.slow] if task in DEAR else [])


RIGHT = [tried(task, name) for task, answers in all_answers().items() for name in answers.right]
WRONG = [tried(task, name) for task, answers in all_answers().items() for name in answers.wrong]


def test_every_task_is_tried_with_two_right_answers_and_three_wrong_ones() -> None:
    assert list(all_answers()) == list(TASKS)
    assert not [task for task, its in all_answers().items() if len(its.right) < 2 or len(its.wrong) < 3]


@pytest.mark.parametrize(("task", "name"), RIGHT, ids=str)
def test_a_right_answer_is_taken(task: str, name: str) -> None:
    verdict = check(task, all_answers()[task].right[name](**given(task)), **given(task))
    assert verdict, verdict
    assert verdict.points == TASKS[task].points
    assert verdict.said.strip().endswith(".")


@pytest.mark.parametrize(("task", "name"), WRONG, ids=str)
def test_a_wrong_answer_is_refused_and_the_sentence_says_why(task: str, name: str) -> None:
    answer, said = all_answers()[task].wrong[name]
    verdict = check(task, answer(**given(task)), **given(task))
    assert verdict.state == "off", verdict
    assert verdict.points == 0
    assert re.search(said, verdict.said), verdict.said


@pytest.mark.parametrize("task", [tried(task) for task in TASKS])
@pytest.mark.parametrize("answer", [None, ...], ids=["None", "dots"])
def test_a_task_that_is_not_answered_yet_says_what_is_asked(task: str, answer: object) -> None:
    verdict = check(task, answer, **given(task))
    assert (verdict.state, verdict.points) == ("open", 0)
    assert TASKS[task].question in verdict.said


ODD = {
    "text": "a text",
    "empty list": [],
    "empty dict": {},
    "NaN": float("nan"),
    "object": object(),
    "fails": lambda: 1 / 0,
}


@pytest.mark.parametrize("task", [tried(task) for task in TASKS])
@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
def test_no_answer_however_odd_stops_a_notebook_or_passes(task: str, answer: object) -> None:
    assert check(task, answer, **given(task)).state == "off"


def test_a_task_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(DesignError, match=r"there is no task '00-1Z'; did you mean '00-1A'"):
        check("00-1Z", 1)


def test_a_check_that_is_given_the_wrong_things_says_what_it_takes() -> None:
    task = next(name for name, its in TASKS.items() if its.given)
    with pytest.raises(DesignError, match=rf"the check of task {task} takes the answer and {TASKS[task].given[0]}=..."):
        check(task, 1, nonsense=2)
