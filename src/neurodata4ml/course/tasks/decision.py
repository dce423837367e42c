"""Tasks of notebook 02: reading a decision."""

from __future__ import annotations

from neurodata4ml.course.task import Task

TASKS: dict[str, Task] = {}
