"""Tasks of notebook 10: structure in a hierarchy."""

from __future__ import annotations

from neurodata4ml.course.task import Task

TASKS: dict[str, Task] = {}
