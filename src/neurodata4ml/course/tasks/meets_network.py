"""Tasks of notebook 04: brain meets network."""

from __future__ import annotations

from neurodata4ml.course.task import Task

TASKS: dict[str, Task] = {}
