"""Tasks of notebook 02: reading a decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from sklearn.metrics import accuracy_score, balanced_accuracy_score, precision_score

from neurodata4ml.analysis.decoding.decode import decode
from neurodata4ml.course.answers import Off, function, is_near, labels, number
from neurodata4ml.course.riddles import true_suspect
from neurodata4ml.course.task import Task


def first_step(answer: Any, *, found: xr.Dataset) -> str:
    """When a score first exceeds chance, with all time steps looked at."""
    said = number(answer, "the time")
    time, score = found["time"].values, found["score"].values
    sure = np.flatnonzero(found["p_value_corrected"].values < 0.05)
    width = float(np.diff(time).min()) if len(time) > 1 else 1.0
    if not len(sure):
        message = "no step of this recording is better than chance once all are looked at; there is no time to give."
        raise Off(message)
    right = float(time[sure[0]])
    if is_near(said, right, within=0.26 * width):
        return f"{right:.2f} s, the centre of its step: the population knows it before anybody could see it."
    plain = np.flatnonzero(found["p_value"].values < 0.05)
    if len(plain) and is_near(said, time[plain[0]], within=0.26 * width):
        message = f"with {len(time)} steps, one in twenty is below 0.05 by chance: take p_value_corrected."
        raise Off(message)
    if is_near(said, time[int(np.argmax(score))], within=0.26 * width):
        message = "this is when it is told best; the question is since when."
        raise Off(message)
    above = np.flatnonzero(score > found["chance"].values)
    if len(above) and is_near(said, time[above[0]], within=0.26 * width):
        message = "the score is above chance there, but not by more than labels without meaning are."
        raise Off(message)
    if is_near(said, sure[0], within=1e-6):
        message = "this is the number of the step; found.time says which time it is, in seconds."
        raise Off(message)
    if is_near(said, 1000 * right, within=260 * width):
        message = "these are milliseconds; give seconds."
        raise Off(message)
    message = f"{said:.3g} s is not it. Look for the first step with p_value_corrected below 0.05."
    raise Off(message)


def beyond_the_picture(answer: Any, *, parts: Mapping[str, xr.DataArray], target: str, seen: str) -> str:
    """Areas that tell the choice beyond what the stimulus tells."""
    said = labels(answer, "the areas")
    unknown = [one for one in said if one not in parts]
    if unknown:
        message = f"{unknown[0]!r} is no area of this recording: they are {', '.join(parts)}."
        raise Off(message)
    right = _telling(parts, target, seen or None)
    if said == right:
        named = ", ".join(right) or "no area"
        return f"{named}: what is left there once the picture is taken out is about the choice, or about what made it."
    if said == _telling(parts, target, None):
        message = "these tell the choice; but part of it is the picture, which they see. Take it out: confounds=."
        raise Off(message)
    if not said:
        message = "at least one area still tells the choice with the picture taken out."
        raise Off(message)
    message = f"with the trace of the picture taken out in each fold, {', '.join(said)} is not what is left (p < 0.05)."
    raise Off(message)


def _telling(parts: Mapping[str, xr.DataArray], target: str, confounds: str | None) -> list[str]:
    return sorted(name for name, x in parts.items() if float(decode(x, target, confounds=confounds).p_value) < 0.05)


_MISTAKES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "this is plain accuracy: whoever always says the frequent class is right most of the time.": accuracy_score,
    "mean precision, or true and told are exchanged: of the trials of a class, which share?": lambda y, p: (
        precision_score(y, p, average="macro", zero_division=0)
    ),
    "the classes are weighted by how often they come: that is accuracy again.": lambda y, p: float(
        np.average([np.mean(p[y == c] == c) for c in np.unique(y)], weights=[np.mean(y == c) for c in np.unique(y)])
    ),
    "this is the recall of the first class alone; take the mean of all classes.": lambda y, p: float(
        np.mean(p[y == np.unique(y)[0]] == np.unique(y)[0])
    ),
}


def balanced(answer: Any) -> str:
    """Balanced accuracy as a function of the true labels and those told."""
    score = function(answer, "your function")
    rng = np.random.default_rng(3)
    true = rng.choice(["a", "b", "c"], size=200, p=[0.7, 0.2, 0.1])
    told = np.where(rng.random(200) < 0.4, true, rng.choice(["a", "b", "c"], size=200, p=[0.8, 0.15, 0.05]))
    found = number(score(true.copy(), told.copy()), "what your function gives")
    right = float(balanced_accuracy_score(true, told))
    if is_near(found, right, within=1e-6):
        lazy = number(score(true, np.full(200, "a")), "what your function gives to one who always says a")
        return f"{right:.2f}, where plain accuracy is {accuracy_score(true, told):.2f}; always a is worth {lazy:.2f}."
    for said, mistake in _MISTAKES.items():
        if is_near(found, mistake(true, told), within=1e-6):
            raise Off(said)
    message = f"for three unequal classes it gives {found:.3f}. Mean over classes: of its trials, the share told right."
    raise Off(message)


def enough_shuffles(answer: Any) -> str:
    """How many shuffles a corrected threshold needs."""
    found = number(answer, "the number of shuffles")
    if 9998.5 < found < 10_000.5:
        return "9,999: the smallest p is 1 / (1 + n), since the observed labelling is one of those possible."
    sentences = {
        999: "these are enough for one test; with ten, the threshold is a tenth of it.",
        1000: "these are enough for one test; with ten, the threshold is a tenth of it.",
        99: "with 99 the smallest p is 0.01.",
        100: "with 100 the smallest p is about 0.01.",
    }
    near = [said for n, said in sentences.items() if is_near(found, n, within=0.5)]
    if near:
        raise Off(near[0])
    if 0 < found < 1:
        message = "this is a threshold; how many shuffles reach it?"
        raise Off(message)
    too = "few" if found < 9999 else "many: it can be had for less"
    message = f"{found:,.0f} are too {too}. The smallest p of n shuffles is 1 / (1 + n); the threshold is 0.001 / 10."
    raise Off(message)


def suspect(answer: Any) -> str:
    """Which of four recordings has a signal."""
    said = number(answer, "the recording")
    if said not in (0, 1, 2, 3):
        message = f"the recordings are 0 to 3; this is {said:.4g}."
        raise Off(message)
    if said == true_suspect():
        return "it alone has labels dealt trial by trial, and tells them beyond every arrangement of them."
    hints = {
        "images": "its classes are groups of images, and the same images are in training and test: look at stimulus.",
        "drift": "its labels stay the same for a block of trials, and the units drift: look at block and start_time.",
        "unequal": "one class is so frequent that a guess is right most of the time: count the labels.",
    }
    raise Off(hints[_KINDS[int(said)]])


_KINDS = ("images", "", "drift", "unequal")

TASKS: dict[str, Task] = {
    "02-1A": Task(
        "The time of the first step of `found` that tells it better than chance, all steps looked at, in seconds.",
        first_step,
    ),
    "02-2A": Task("The areas that tell the choice beyond what the picture tells: a list.", beyond_the_picture),
    "02-3A": Task("A function of the true labels and those told that gives the balanced accuracy.", balanced),
    "02-3B": Task("The number of shuffles that ten tests at a level of 0.001 need.", enough_shuffles),
    "02-4A": Task("The number of the recording, 0 to 3, that has a signal.", suspect),
}
