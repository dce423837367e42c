"""Tasks of notebook 05: predicting a movie."""

from __future__ import annotations

from neurodata4ml.course.task import Task

TASKS: dict[str, Task] = {}
